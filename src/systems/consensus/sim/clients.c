/* The system `consensus`: the machine behind the gateway, and clients that get, put, swap by a
 * transaction, and delete. What they heard is judged in the end: it must be linearizable, as a
 * history of keys (check/check.h). While they hear it, revisions are: no answer is as of a revision
 * below one that was answered, anywhere, before it was asked for, and a write makes one of its own
 * above all of these.
 *
 * A client has one call under way at a time and connects to another node when its connection ends.
 * Every value is put once only. In the end each client gets every key once more. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "check/check.h"
#include "sim/callers.h"
#include "sim/system.h"
#include "sim/text.h"
#include "systems/consensus/machine/consensus.h"
#include "systems/consensus/protocol/gateway.h"
#include "systems/consensus/sim/speech.h"

enum {
    KEYS_MAX = 8,
    THINK_US = 2000,
    JUDGE_BYTES_MAX = 256 << 20,
    JUDGE_STEPS_MAX = 50 * 1000 * 1000,
};

struct client {
    struct caller caller; /* `drained`: keys */
    bool asking;
    struct speech_call call;
    uint64_t floor;     /* the highest revision that was heard of when it asked */
    uint32_t operation; /* in the history */
    uint32_t process;
};

struct users {
    struct callers callers;
    struct client clients[CALLERS_MAX];
    struct history history;
    uint32_t keys;
    uint64_t next_value;
    uint64_t seen[KEYS_MAX]; /* by some client: what a swap may expect; 0: nothing */
    uint64_t revision;       /* the highest that was heard */
    struct buffer bytes;
};

static struct users *users_of(const struct world *world)
{
    return world->users;
}

static uint64_t atom(uint64_t value)
{
    return value == 0 ? HISTORY_NIL : value;
}

/* --- asking --- */

static struct speech_call choose(struct client *client)
{
    struct users *users = users_of(client->caller.world);
    struct speech_call call = {.key = (uint32_t)caller_below(client->caller.world, users->keys)};
    uint64_t dice = caller_below(client->caller.world, 100),
             gets = client->caller.index % 3 == 0 ? 90 : 20;
    if (dice < gets) return call;
    dice = caller_below(client->caller.world, 10);
    call.op = dice < 4 ? SPEECH_PUT : dice < 8 ? SPEECH_SWAP : SPEECH_DELETE;
    call.expected = users->seen[call.key];
    if (call.op != SPEECH_DELETE) call.value = users->next_value++;
    return call;
}

static uint32_t history_ask(struct client *client)
{
    static const uint32_t functions[] = {[SPEECH_GET] = MODEL_READ,
                                         [SPEECH_PUT] = MODEL_WRITE,
                                         [SPEECH_SWAP] = MODEL_CAS,
                                         [SPEECH_DELETE] = MODEL_DELETE};
    const struct speech_call *call = &client->call;
    struct operation operation = {
        .process = client->process,
        .f = functions[call->op],
        .key = call->key,
        .called_us = world_now_us(client->caller.world),
    };
    if (call->op == SPEECH_PUT) operation.in[0] = call->value;
    if (call->op == SPEECH_SWAP) {
        operation.in[0] = atom(call->expected);
        operation.in[1] = call->value;
    }
    return history_invoke(&users_of(client->caller.world)->history, operation);
}

static void ask(struct client *client)
{
    static const char *const names[] = {"get", "put", "swap", "delete"};
    struct world *world = client->caller.world;
    struct users *users = users_of(world);
    client->call = (struct speech_call){.op = SPEECH_GET, .key = client->caller.drained};
    if (!client->caller.draining) client->call = choose(client);
    client->asking = true;
    client->floor = users->revision;
    client->operation = history_ask(client);
    world_narrate(world, "client", client->caller.index + 1, "> %s k%u %U", names[client->call.op],
                  client->call.key, client->call.value);
    buffer_clear(&users->bytes);
    speech_say(&client->call, &users->bytes);
    network_send(&world->network, client->caller.place, client->caller.number,
                 buffer_slice(&users->bytes));
    caller_wake_in(&client->caller, users->callers.patience_us);
}

static void ended(struct client *client, enum operation_outcome outcome, uint64_t out)
{
    struct world *world = client->caller.world;
    history_complete(&users_of(world)->history, client->operation, outcome, out,
                     world_now_us(world));
    client->asking = false;
    if (outcome == OPERATION_FAILED) world_count(world, SIM_COVER_REFUSED);
    if (outcome != OPERATION_UNKNOWN) return;
    world_count(world, SIM_COVER_UNKNOWN);
    client->process += CALLERS_MAX;
}

/* --- hearing --- */

static void check_revision(struct client *client, const struct speech_answer *answer)
{
    struct users *users = users_of(client->caller.world);
    enum speech_op op = client->call.op;
    bool wrote = answer->outcome == SPEECH_DONE && op != SPEECH_GET &&
                 (op != SPEECH_DELETE || answer->value != 0);
    if (answer->revision < client->floor + wrote) {
        world_fail(client->caller.world, "revision", "client %u hears of revision %U, not above %U",
                   client->caller.index + 1, answer->revision, client->floor);
    }
    if (answer->revision > users->revision) users->revision = answer->revision;
}

static void count_done(struct world *world, enum speech_op op)
{
    static const enum sim_coverage rows[] = {
        [SPEECH_GET] = SIM_COVER_CONSENSUS_GETS,
        [SPEECH_PUT] = SIM_COVER_CONSENSUS_PUTS,
        [SPEECH_SWAP] = SIM_COVER_CONSENSUS_SWAPS,
        [SPEECH_DELETE] = SIM_COVER_CONSENSUS_DELETES,
    };
    world_count(world, rows[op]);
}

static void answer_take(struct client *client, const struct speech_answer *answer)
{
    struct users *users = users_of(client->caller.world);
    const struct speech_call call = client->call;
    if (answer->outcome == SPEECH_REFUSED) {
        ended(client, OPERATION_FAILED, 0);
        return;
    }
    check_revision(client, answer);
    client->caller.answered_us = world_now_us(client->caller.world);
    if (answer->outcome == SPEECH_KEPT) {
        world_count(client->caller.world, SIM_COVER_CONSENSUS_KEPT);
        users->seen[call.key] = answer->value;
        ended(client, OPERATION_KEPT, atom(answer->value));
        return;
    }
    count_done(client->caller.world, call.op);
    users->seen[call.key] = call.op == SPEECH_GET ? answer->value : call.value;
    if (call.op == SPEECH_DELETE) {
        bool there = answer->value != 0;
        ended(client, there ? OPERATION_OK : OPERATION_KEPT, there ? MODEL_WAS_THERE : HISTORY_NIL);
    } else {
        ended(client, OPERATION_OK, call.op == SPEECH_GET ? atom(answer->value) : call.value);
    }
    if (client->caller.draining && call.op == SPEECH_GET) client->caller.drained++;
}

static bool client_done(const struct caller *caller)
{
    return caller->draining && caller->drained == users_of(caller->world)->keys;
}

static void client_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct client *client = &users_of(world)->clients[index];
    if (client->caller.state != CALLER_ONLINE) return;
    buffer_append_slice(&client->caller.in, bytes);
    struct speech_answer answer = speech_hear(&client->call, buffer_slice(&client->caller.in));
    if (client->asking && answer.outcome == SPEECH_PARTIAL) return;
    world_count(world, SIM_COVER_OPERATIONS);
    world_mark(world, map_hash_bytes(buffer_slice(&client->caller.in)));
    if (!client->asking || answer.outcome == SPEECH_BAD) {
        world_fail(world, "protocol", "client %u hears \"%b\"", index + 1,
                   buffer_slice(&client->caller.in));
        caller_leave(&client->caller);
        return;
    }
    world_narrate(world, "client", index + 1, "< %s %U as of %U",
                  answer.outcome == SPEECH_DONE   ? "done"
                  : answer.outcome == SPEECH_KEPT ? "kept"
                                                  : "refused",
                  answer.value, answer.revision);
    buffer_clear(&client->caller.in);
    answer_take(client, &answer);
    caller_next(&client->caller);
}

/* --- the table of the system (system.h) --- */

static bool client_act(struct caller *caller)
{
    struct client *client = (struct client *)caller;
    if (client->asking) return false;
    ask(client);
    return true;
}

static void client_forget(struct caller *caller)
{
    struct client *client = (struct client *)caller;
    if (client->asking) ended(client, OPERATION_UNKNOWN, 0);
}

static void users_begin(struct world *world, uint64_t seed)
{
    static const struct callers_ops ops = {client_act, client_forget, client_done};
    struct users *users = calloc(1, sizeof *users);
    ASSERT(users != NULL);
    callers_init(world, &users->callers, &ops, seed);
    users->keys = 1 + (uint32_t)caller_below(world, KEYS_MAX);
    users->next_value = 1;
    for (uint32_t i = 0; i < CALLERS_MAX; i++) {
        users->clients[i].process = i;
        users->callers.all[i] = &users->clients[i].caller;
    }
    callers_start(world, THINK_US);
}

static void users_end(struct world *world)
{
    struct users *users = users_of(world);
    callers_free(world);
    history_free(&users->history);
    buffer_free(&users->bytes);
    free(users);
}

static void judge(struct world *world)
{
    struct history *history = &users_of(world)->history;
    struct check_options options = check_options_default();
    struct check_result result;
    options.memory_bytes_max = JUDGE_BYTES_MAX;
    options.steps_max = JUDGE_STEPS_MAX;
    check_history(history, &model_kv, &options, &result);
    if (result.verdict != CHECK_UNKNOWN) world_count(world, SIM_COVER_CONSENSUS_JUDGED);
    if (result.verdict == CHECK_VIOLATION) {
        const struct check_violation *violation = &result.violations[0];
        const struct operation *stuck = &history->items[violation->stuck];
        struct buffer text = {0};
        model_kv.describe(history, stuck, &text);
        world_fail(world, "linearizability", "key %U: %b at %t", violation->key,
                   buffer_slice(&text), stuck->returned_us);
        buffer_free(&text);
    }
    check_result_free(&result);
}

static void users_finish(struct world *world)
{
    callers_leave(world);
    judge(world);
}

const struct sim_system sim_system_consensus = {
    .name = "consensus",
    .help = "keys with revisions, judged for linearizability",
    .machine = &consensus_ops,
    .protocol = &gateway_ops,
    .drift_permille_max = 300, /* the judge knows nothing of time */
    .leftovers = "clients' last gets",
    .coverage_first = SIM_COVER_STORE_END,
    .coverage_end = SIM_COVER_CONSENSUS_END,
    .begin = users_begin,
    .opened = callers_opened,
    .received = client_received,
    .closed = callers_closed,
    .unserved = callers_unserved,
    .drain = callers_drain,
    .left = callers_left,
    .finish = users_finish,
    .end = users_end,
};
