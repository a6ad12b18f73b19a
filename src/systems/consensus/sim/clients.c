/* The system `consensus`: the machine behind the gateway, and clients that get, put, swap by a
 * transaction, and delete, and now and then compact. What they heard is judged in the end: it must
 * be linearizable, as a history of keys (check/check.h), and be what the keys held at the revision
 * that each answer names (story.h). While they hear it, revisions are: no answer is as of a
 * revision below one that was answered, anywhere, before it was asked for, and a write makes one of
 * its own above all of these. Some clients watch (watcher.c).
 *
 * A client has one call under way at a time and connects to another node when its connection ends.
 * Every value is put once only. In the end each client gets every key once more. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "sim/system.h"
#include "sim/text.h"
#include "systems/consensus/machine/consensus.h"
#include "systems/consensus/protocol/gateway.h"
#include "systems/consensus/sim/users.h"

enum {
    COMPACT_EVERY = 150, /* calls */
    COMPACT_BEHIND = 60, /* revisions, at most */
    THINK_US = 2000,
    JUDGE_BYTES_MAX = 256 << 20,
    JUDGE_STEPS_MAX = 50 * 1000 * 1000,
};

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
    if (caller_below(client->caller.world, COMPACT_EVERY) == 0) {
        uint64_t back = caller_below(client->caller.world, COMPACT_BEHIND);
        call.op = SPEECH_COMPACT;
        call.value = users->revision > back ? users->revision - back : 1;
        return call;
    }
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
    static const char *const names[] = {"get", "put", "swap", "delete", "compact"};
    struct world *world = client->caller.world;
    struct users *users = users_of(world);
    client->call = (struct speech_call){.op = SPEECH_GET, .key = client->caller.drained};
    if (!client->caller.draining) client->call = choose(client);
    client->asking = true;
    client->floor = users->revision;
    if (client->call.op != SPEECH_COMPACT) client->operation = history_ask(client);
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
    client->asking = false;
    if (client->call.op == SPEECH_COMPACT) return; /* it is no key's */
    history_complete(&users_of(world)->history, client->operation, outcome, out,
                     world_now_us(world));
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
    bool wrote = answer->outcome == SPEECH_DONE && op != SPEECH_GET && op != SPEECH_COMPACT &&
                 (op != SPEECH_DELETE || answer->value != 0);
    if (wrote) {
        told(client->caller.world, client->caller.index, answer->revision, client->call.key,
             client->call.value);
    } else if (op != SPEECH_COMPACT) {
        story_saw(&users->story, (struct story_seen){.revision = answer->revision,
                                                     .key = client->call.key,
                                                     .who = client->caller.index,
                                                     .value = answer->value});
    }
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
        [SPEECH_COMPACT] = SIM_COVER_CONSENSUS_COMPACTED,
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
    if (call.op == SPEECH_COMPACT) {
        /* At revision 1 nothing happened. */
        if (call.value > 1 && call.value > users->compacted) users->compacted = call.value;
        client->asking = false;
        return;
    }
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
    const struct client *client = (const struct client *)caller;
    if (client->watches) return watcher_done(client);
    return caller->draining && caller->drained == users_of(caller->world)->keys;
}

static void client_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct client *client = &users_of(world)->clients[index];
    if (client->caller.state != CALLER_ONLINE) return;
    if (client->watches) {
        watcher_received(client, bytes);
        return;
    }
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
    if (client->watches) return watcher_act(client);
    if (client->asking) return false;
    ask(client);
    return true;
}

static void client_forget(struct caller *caller)
{
    struct client *client = (struct client *)caller;
    if (client->watches) {
        watcher_forget(client);
    } else if (client->asking) {
        ended(client, OPERATION_UNKNOWN, 0);
    }
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
        users->clients[i].watches = i % WATCHERS_EVERY == WATCHERS_EVERY - 1;
        users->callers.all[i] = &users->clients[i].caller;
    }
    callers_start(world, THINK_US);
}

static void users_end(struct world *world)
{
    struct users *users = users_of(world);
    for (uint32_t i = 0; i < CALLERS_MAX; i++) lines_reset(&users->clients[i].lines);
    story_free(&users->story);
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

static void judge_revisions(struct world *world)
{
    const struct users *users = users_of(world);
    const struct story_seen *seen = story_judge(&users->story, users->keys);
    if (seen == NULL) return;
    world_fail(world, "revision", "client %u saw k%u %U as of %U", seen->who + 1, seen->key,
               seen->value, seen->revision);
}

static void users_finish(struct world *world)
{
    callers_leave(world);
    judge_revisions(world);
    judge(world);
}

const struct sim_system sim_system_consensus = {
    .name = "consensus",
    .help = "keys with revisions, judged for linearizability and by revision, and watches",
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
