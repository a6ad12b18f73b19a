/* Connections of the store's clients, and the judge. See clients.h. */
#include "systems/store/sim/clients.h"

#include <stdlib.h>

#include "base/assert.h"
#include "check/check.h"
#include "check/model.h"
#include "sim/system.h"
#include "sim/text.h"
#include "sim/world.h"
#include "systems/store/machine/store.h"
#include "systems/store/protocol/protocol.h"

enum {
    CLIENTS_PER_NODE = 3,
    CLIENTS_MIN = 4,
    THINK_US = 4000,
    RECONNECT_US_MAX = 300000,
    PATIENCE_US_MIN = 500000, /* a client leaves when nothing comes for so long */
    PATIENCE_US_MAX = 6000000,
    JUDGE_BYTES_MAX = 256 << 20, /* a history that needs more stays unjudged: they are counted */
    JUDGE_STEPS_MAX = 10 * 1000 * 1000,
};

static uint64_t below(const struct world *world, uint64_t bound)
{
    return random_below(&store_users_of(world)->random, bound);
}

static void wake_in(struct store_client *client, uint64_t after_us)
{
    schedule_at(&client->world->schedule, &client->wake, world_now_us(client->world) + after_us);
}

/* --- connections --- */

static void client_leave(struct store_client *client)
{
    if (client->state != CLIENT_ONLINE) return;
    client->state = CLIENT_LEAVING;
    network_close(&client->world->network, client->place, client->number);
}

/* What comes next, now that nothing is under way. */
static void client_next(struct store_client *client)
{
    struct world *world = client->world;
    if (store_client_done(client)) {
        schedule_cancel(&world->schedule, &client->wake);
        return;
    }
    wake_in(client, client->draining ? 1000 : below(world, 2 * store_users_of(world)->think_us));
}

static void client_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct store_client *client = &store_users_of(world)->clients[index];
    if (client->state != CLIENT_ONLINE) return;
    if (!store_client_hear(client, bytes)) {
        client_leave(client);
    } else if (client->asked_count == 0) {
        client_next(client);
    }
}

static void client_opened(struct world *world, uint32_t index)
{
    struct store_client *client = &store_users_of(world)->clients[index];
    world_count(world, SIM_COVER_RECONNECTS);
    world_narrate(world, "client", index + 1, "connects to node %u", client->host + 1);
    client->state = CLIENT_ONLINE;
    wake_in(client, 0);
}

static void client_closed(struct world *world, uint32_t index)
{
    struct store_client *client = &store_users_of(world)->clients[index];
    world_narrate(world, "client", index + 1, "is offline");
    store_client_forget(client);
    buffer_clear(&client->in);
    client->state = CLIENT_OFFLINE;
    if (!store_client_done(client)) wake_in(client, 1000 + below(world, RECONNECT_US_MAX));
}

static void client_dial(struct store_client *client)
{
    struct world *world = client->world;
    client->state = CLIENT_DIALING;
    client->number++;
    client->host = world_host_known(world, (uint32_t)below(world, world->hosts_count));
    network_dial(&world->network, client->place, client->number, client->host, false);
}

static void client_on_wake(void *owner, struct timed *timed)
{
    (void)timed;
    struct store_client *client = owner;
    if (client->state == CLIENT_OFFLINE) {
        client_dial(client);
    } else if (client->state != CLIENT_ONLINE) {
        return;
    } else if (client->asked_count == 0) {
        store_client_ask(client);
        wake_in(client, store_users_of(client->world)->patience_us);
    } else {
        world_narrate(client->world, "client", client->index + 1, "loses patience");
        client_leave(client);
    }
}

/* --- the table of the system (system.h) --- */

static void users_begin(struct world *world, uint64_t seed)
{
    struct store_users *users = calloc(1, sizeof *users);
    ASSERT(users != NULL);
    world->users = users;
    world->clients_count = CLIENTS_PER_NODE * world->options->nodes;
    if (world->clients_count < CLIENTS_MIN) world->clients_count = CLIENTS_MIN;
    ASSERT(world->clients_count <= STORE_CLIENTS_MAX);
    users->random = random_seeded(seed);
    users->keys = 1 + (uint32_t)below(world, STORE_KEYS_USED_MAX);
    users->lease = below(world, 2) == 0;
    users->think_us = THINK_US * world->clients_count;
    users->patience_us = PATIENCE_US_MIN + below(world, PATIENCE_US_MAX - PATIENCE_US_MIN);
    users->next_value = 1;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        struct store_client *client = &users->clients[i];
        client->world = world;
        client->index = i;
        client->place = world->hosts_count + i;
        timed_init(&client->wake, client_on_wake, client);
        wake_in(client, below(world, RECONNECT_US_MAX));
    }
}

static void users_end(struct world *world)
{
    struct store_users *users = store_users_of(world);
    for (uint32_t i = 0; i < world->clients_count; i++) buffer_free(&users->clients[i].in);
    history_free(&users->history);
    free(users);
}

static uint32_t users_unserved(const struct world *world, uint64_t since_us)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        if (store_users_of(world)->clients[i].answered_us <= since_us) return i + 1;
    }
    return 0;
}

/* A client that has something under way hears of it first. */
static void users_drain(struct world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        store_users_of(world)->clients[i].draining = true;
    }
}

static uint64_t users_left(const struct world *world)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        left += !store_client_done(&store_users_of(world)->clients[i]);
    }
    return left;
}

/* The operation, the key, and what the key may have held, for the report of the run. */
static void violation_report(struct world *world, const struct check_violation *violation)
{
    const struct history *history = &store_users_of(world)->history;
    const struct operation *stuck = &history->items[violation->stuck];
    struct buffer text = {0};
    model_kv.describe(history, stuck, &text);
    text_append(&text, " at %t, when it may have held", stuck->returned_us);
    for (uint32_t i = 0; i < violation->states_count; i++) {
        text_append(&text, "%s ", i == 0 ? "" : ",");
        history_describe_atom(history, violation->states[i], &text);
    }
    world_fail(world, "linearizability", "key k%U: %b", violation->key, buffer_slice(&text));
    buffer_free(&text);
}

static void judge(struct world *world)
{
    struct check_options options = check_options_default();
    struct check_result result;
    options.memory_bytes_max = JUDGE_BYTES_MAX;
    options.steps_max = JUDGE_STEPS_MAX;
    check_history(&store_users_of(world)->history, &model_kv, &options, &result);
    if (result.verdict != CHECK_UNKNOWN) world_count(world, SIM_COVER_STORE_JUDGED);
    if (result.verdict == CHECK_VIOLATION) violation_report(world, &result.violations[0]);
    check_result_free(&result);
}

static void users_finish(struct world *world)
{
    struct store_users *users = store_users_of(world);
    for (uint32_t i = 0; i < world->clients_count; i++) {
        client_leave(&users->clients[i]);
        schedule_cancel(&world->schedule, &users->clients[i].wake);
    }
    judge(world);
}

const struct sim_system sim_system_store = {
    .name = "store",
    .help = "a replicated store, judged for linearizability by key",
    .machine = &store_ops,
    .protocol = &store_protocol_ops,
    .drift_permille_max = 300, /* the judge knows nothing of time */
    .leftovers = "clients' last reads",
    .coverage_first = SIM_COVER_RAFT_END,
    .coverage_end = SIM_COVER_STORE_END,
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
