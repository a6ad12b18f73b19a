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
#include "sim/system.h"
#include "sim/text.h"
#include "sim/world.h"
#include "systems/consensus/machine/consensus.h"
#include "systems/consensus/protocol/gateway.h"
#include "systems/consensus/sim/speech.h"

enum {
    CLIENTS_MAX = 16,
    CLIENTS_PER_NODE = 3,
    CLIENTS_MIN = 4,
    KEYS_MAX = 8,
    THINK_US = 2000,
    RECONNECT_US_MAX = 300000,
    PATIENCE_US_MIN = 500000,
    PATIENCE_US_MAX = 6000000,
    JUDGE_BYTES_MAX = 256 << 20,
    JUDGE_STEPS_MAX = 50 * 1000 * 1000,
};

enum client_state { CLIENT_OFFLINE, CLIENT_DIALING, CLIENT_ONLINE, CLIENT_LEAVING };

struct client {
    struct world *world;
    uint32_t index, place;
    enum client_state state;
    uint32_t number; /* of its connection */
    uint32_t host;
    struct timed wake;
    struct buffer in;
    bool asking;
    struct speech_call call;
    uint64_t floor;     /* the highest revision that was heard of when it asked */
    uint32_t operation; /* in the history */
    uint32_t process;
    uint64_t answered_us;
    bool draining;
    uint32_t drained; /* keys got since the faults ended */
};

struct users {
    struct client clients[CLIENTS_MAX];
    struct history history;
    struct random random;
    uint32_t keys;
    uint64_t think_us, patience_us;
    uint64_t next_value;
    uint64_t seen[KEYS_MAX]; /* by some client: what a swap may expect; 0: nothing */
    uint64_t revision;       /* the highest that was heard */
    struct buffer bytes;
};

static struct users *users_of(const struct world *world)
{
    return world->users;
}

static uint64_t below(const struct world *world, uint64_t bound)
{
    return random_below(&users_of(world)->random, bound);
}

static void wake_in(struct client *client, uint64_t after_us)
{
    schedule_at(&client->world->schedule, &client->wake, world_now_us(client->world) + after_us);
}

static uint64_t atom(uint64_t value)
{
    return value == 0 ? HISTORY_NIL : value;
}

/* --- asking --- */

static struct speech_call choose(struct client *client)
{
    struct users *users = users_of(client->world);
    struct speech_call call = {.key = (uint32_t)below(client->world, users->keys)};
    uint64_t dice = below(client->world, 100), gets = client->index % 3 == 0 ? 90 : 20;
    if (dice < gets) return call;
    dice = below(client->world, 10);
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
        .called_us = world_now_us(client->world),
    };
    if (call->op == SPEECH_PUT) operation.in[0] = call->value;
    if (call->op == SPEECH_SWAP) {
        operation.in[0] = atom(call->expected);
        operation.in[1] = call->value;
    }
    return history_invoke(&users_of(client->world)->history, operation);
}

static void ask(struct client *client)
{
    static const char *const names[] = {"get", "put", "swap", "delete"};
    struct world *world = client->world;
    struct users *users = users_of(world);
    client->call = (struct speech_call){.op = SPEECH_GET, .key = client->drained};
    if (!client->draining) client->call = choose(client);
    client->asking = true;
    client->floor = users->revision;
    client->operation = history_ask(client);
    world_narrate(world, "client", client->index + 1, "> %s k%u %U", names[client->call.op],
                  client->call.key, client->call.value);
    buffer_clear(&users->bytes);
    speech_say(&client->call, &users->bytes);
    network_send(&world->network, client->place, client->number, buffer_slice(&users->bytes));
    wake_in(client, users->patience_us);
}

static void ended(struct client *client, enum operation_outcome outcome, uint64_t out)
{
    struct world *world = client->world;
    history_complete(&users_of(world)->history, client->operation, outcome, out,
                     world_now_us(world));
    client->asking = false;
    if (outcome == OPERATION_FAILED) world_count(world, SIM_COVER_REFUSED);
    if (outcome != OPERATION_UNKNOWN) return;
    world_count(world, SIM_COVER_UNKNOWN);
    client->process += CLIENTS_MAX;
}

/* --- hearing --- */

static void check_revision(struct client *client, const struct speech_answer *answer)
{
    struct users *users = users_of(client->world);
    enum speech_op op = client->call.op;
    bool wrote = answer->outcome == SPEECH_DONE && op != SPEECH_GET &&
                 (op != SPEECH_DELETE || answer->value != 0);
    if (answer->revision < client->floor + wrote) {
        world_fail(client->world, "revision", "client %u hears of revision %U, not above %U",
                   client->index + 1, answer->revision, client->floor);
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
    struct users *users = users_of(client->world);
    const struct speech_call call = client->call;
    if (answer->outcome == SPEECH_REFUSED) {
        ended(client, OPERATION_FAILED, 0);
        return;
    }
    check_revision(client, answer);
    client->answered_us = world_now_us(client->world);
    if (answer->outcome == SPEECH_KEPT) {
        world_count(client->world, SIM_COVER_CONSENSUS_KEPT);
        users->seen[call.key] = answer->value;
        ended(client, OPERATION_KEPT, atom(answer->value));
        return;
    }
    count_done(client->world, call.op);
    users->seen[call.key] = call.op == SPEECH_GET ? answer->value : call.value;
    if (call.op == SPEECH_DELETE) {
        bool there = answer->value != 0;
        ended(client, there ? OPERATION_OK : OPERATION_KEPT, there ? MODEL_WAS_THERE : HISTORY_NIL);
    } else {
        ended(client, OPERATION_OK, call.op == SPEECH_GET ? atom(answer->value) : call.value);
    }
    if (client->draining && call.op == SPEECH_GET) client->drained++;
}

static bool client_done(const struct client *client)
{
    return client->draining && client->drained == users_of(client->world)->keys;
}

static void client_next(struct client *client)
{
    struct world *world = client->world;
    if (client_done(client)) {
        schedule_cancel(&world->schedule, &client->wake);
        return;
    }
    wake_in(client, client->draining ? 1000 : below(world, 2 * users_of(world)->think_us));
}

static void client_leave(struct client *client)
{
    if (client->state != CLIENT_ONLINE) return;
    client->state = CLIENT_LEAVING;
    network_close(&client->world->network, client->place, client->number);
}

static void client_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct client *client = &users_of(world)->clients[index];
    if (client->state != CLIENT_ONLINE) return;
    buffer_append_slice(&client->in, bytes);
    struct speech_answer answer = speech_hear(&client->call, buffer_slice(&client->in));
    if (client->asking && answer.outcome == SPEECH_PARTIAL) return;
    world_count(world, SIM_COVER_OPERATIONS);
    world_mark(world, map_hash_bytes(buffer_slice(&client->in)));
    if (!client->asking || answer.outcome == SPEECH_BAD) {
        world_fail(world, "protocol", "client %u hears \"%b\"", index + 1,
                   buffer_slice(&client->in));
        client_leave(client);
        return;
    }
    world_narrate(world, "client", index + 1, "< %s %U as of %U",
                  answer.outcome == SPEECH_DONE   ? "done"
                  : answer.outcome == SPEECH_KEPT ? "kept"
                                                  : "refused",
                  answer.value, answer.revision);
    buffer_clear(&client->in);
    answer_take(client, &answer);
    client_next(client);
}

/* --- connections --- */

static void client_opened(struct world *world, uint32_t index)
{
    struct client *client = &users_of(world)->clients[index];
    world_count(world, SIM_COVER_RECONNECTS);
    world_narrate(world, "client", index + 1, "connects to node %u", client->host + 1);
    client->state = CLIENT_ONLINE;
    wake_in(client, 0);
}

static void client_closed(struct world *world, uint32_t index)
{
    struct client *client = &users_of(world)->clients[index];
    world_narrate(world, "client", index + 1, "is offline");
    if (client->asking) ended(client, OPERATION_UNKNOWN, 0);
    buffer_clear(&client->in);
    client->state = CLIENT_OFFLINE;
    if (!client_done(client)) wake_in(client, 1000 + below(world, RECONNECT_US_MAX));
}

static void client_on_wake(void *owner, struct timed *timed)
{
    (void)timed;
    struct client *client = owner;
    struct world *world = client->world;
    if (client->state == CLIENT_OFFLINE) {
        client->state = CLIENT_DIALING;
        client->number++;
        client->host = world_host_known(world, (uint32_t)below(world, world->hosts_count));
        network_dial(&world->network, client->place, client->number, client->host, false);
    } else if (client->state == CLIENT_ONLINE && !client->asking) {
        ask(client);
    } else if (client->state == CLIENT_ONLINE) {
        world_narrate(world, "client", client->index + 1, "loses patience");
        client_leave(client);
    }
}

/* --- the table of the system (system.h) --- */

static void users_begin(struct world *world, uint64_t seed)
{
    struct users *users = calloc(1, sizeof *users);
    ASSERT(users != NULL);
    world->users = users;
    world->clients_count = CLIENTS_PER_NODE * world->options->nodes;
    if (world->clients_count < CLIENTS_MIN) world->clients_count = CLIENTS_MIN;
    ASSERT(world->clients_count <= CLIENTS_MAX);
    users->random = random_seeded(seed);
    users->keys = 1 + (uint32_t)below(world, KEYS_MAX);
    users->think_us = THINK_US * world->clients_count;
    users->patience_us = PATIENCE_US_MIN + below(world, PATIENCE_US_MAX - PATIENCE_US_MIN);
    users->next_value = 1;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        struct client *client = &users->clients[i];
        client->world = world;
        client->index = i;
        client->process = i;
        client->place = world->hosts_count + i;
        timed_init(&client->wake, client_on_wake, client);
        wake_in(client, below(world, RECONNECT_US_MAX));
    }
}

static void users_end(struct world *world)
{
    struct users *users = users_of(world);
    for (uint32_t i = 0; i < world->clients_count; i++) buffer_free(&users->clients[i].in);
    history_free(&users->history);
    buffer_free(&users->bytes);
    free(users);
}

static uint32_t users_unserved(const struct world *world, uint64_t since_us)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        if (users_of(world)->clients[i].answered_us <= since_us) return i + 1;
    }
    return 0;
}

static void users_drain(struct world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        users_of(world)->clients[i].draining = true;
    }
}

static uint64_t users_left(const struct world *world)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        left += !client_done(&users_of(world)->clients[i]);
    }
    return left;
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
    struct users *users = users_of(world);
    for (uint32_t i = 0; i < world->clients_count; i++) {
        client_leave(&users->clients[i]);
        schedule_cancel(&world->schedule, &users->clients[i].wake);
    }
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
    .opened = client_opened,
    .received = client_received,
    .closed = client_closed,
    .unserved = users_unserved,
    .drain = users_drain,
    .left = users_left,
    .finish = users_finish,
    .end = users_end,
};
