/* The store's clients as a world runs them (sim/callers.h), and the judge. See clients.h. */
#include "systems/store/sim/clients.h"

#include <stdlib.h>

#include "base/assert.h"
#include "check/check.h"
#include "check/model.h"
#include "sim/system.h"
#include "sim/text.h"
#include "systems/store/machine/store.h"
#include "systems/store/protocol/protocol.h"
#include "systems/store/sim/levels.h"

enum {
    THINK_US = 4000,
    JUDGE_BYTES_MAX = 256 << 20, /* a history that needs more stays unjudged: they are counted */
    JUDGE_STEPS_MAX = 10 * 1000 * 1000,
};

static bool client_act(struct caller *caller)
{
    struct store_client *client = (struct store_client *)caller;
    if (client->asked_count > 0) return false;
    store_client_ask(client);
    caller_wake_in(caller, callers_of(caller->world)->patience_us);
    return true;
}

static void client_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct store_client *client = &store_users_of(world)->clients[index];
    if (client->caller.state != CALLER_ONLINE) return;
    if (!store_client_hear(client, bytes)) {
        caller_leave(&client->caller);
    } else if (client->asked_count == 0 && client->caller.wanted != 0) {
        caller_leave(&client->caller); /* there it goes on */
    } else if (client->asked_count == 0) {
        caller_next(&client->caller);
    }
}

/* --- the table of the system (system.h) --- */

static const struct store_protocol_options redirecting = {.announced = "", .redirects = true};
static const struct store_protocol_options forwarding = {.announced = ""};

static void users_begin(struct world *world, uint64_t seed)
{
    static const struct callers_ops ops = {client_act, store_client_forget, store_client_done};
    struct store_users *users = calloc(1, sizeof *users);
    ASSERT(users != NULL);
    callers_init(world, &users->callers, &ops, seed);
    users->keys = 1 + (uint32_t)caller_below(world, STORE_KEYS_USED_MAX);
    users->lease = caller_below(world, 2) == 0;
    users->redirects = (random_mix(world->options->seed) & 2) != 0;
    users->next_value = 1;
    world->config.protocol_config.options = users->redirects ? &redirecting : &forwarding;
    for (uint32_t i = 0; i < CALLERS_MAX; i++) users->callers.all[i] = &users->clients[i].caller;
    callers_start(world, THINK_US);
    for (uint32_t i = 0; i < world->clients_count; i++) store_levels_begin_key(&users->clients[i]);
}

static void users_end(struct world *world)
{
    struct store_users *users = store_users_of(world);
    callers_free(world);
    history_free(&users->history);
    store_levels_free(users);
    free(users);
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
    callers_leave(world);
    judge(world);
}

const struct sim_system sim_system_store = {
    .name = "store",
    .help = "a replicated store, judged for linearizability by key, and by level",
    .machine = &store_ops,
    .protocol = &store_protocol_ops,
    .group_of = store_group_of,
    .drift_permille_max = 300, /* the judge knows nothing of time */
    .leftovers = "clients' last reads",
    .coverage_first = SIM_COVER_RAFT_END,
    .coverage_end = SIM_COVER_STORE_END,
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
