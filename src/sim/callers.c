/* Clients that ask, hear and think: see callers.h. */
#include "sim/callers.h"

#include "base/assert.h"

enum {
    CALLERS_PER_NODE = 3,
    CALLERS_MIN = 4,
    RECONNECT_US_MIN = 1000, /* after the end of a connection */
    RECONNECT_US_MAX = 300000,
    PATIENCE_US_MIN = 500000,
    PATIENCE_US_MAX = 6000000,
    DRAIN_PAUSE_US = 1000,
};

static bool caller_done(const struct caller *caller)
{
    return callers_of(caller->world)->ops->done(caller);
}

void caller_wake_in(struct caller *caller, uint64_t after_us)
{
    schedule_at(&caller->world->schedule, &caller->wake, world_now_us(caller->world) + after_us);
}

void caller_leave(struct caller *caller)
{
    if (caller->state != CALLER_ONLINE) return;
    caller->state = CALLER_LEAVING;
    network_close(&caller->world->network, caller->place, caller->number);
}

void caller_next(struct caller *caller)
{
    struct world *world = caller->world;
    if (caller_done(caller)) {
        schedule_cancel(&world->schedule, &caller->wake);
        return;
    }
    caller_wake_in(caller, caller->draining ? DRAIN_PAUSE_US
                                            : caller_below(world, 2 * callers_of(world)->think_us));
}

/* --- connections --- */

void callers_opened(struct world *world, uint32_t index)
{
    struct caller *caller = callers_of(world)->all[index];
    world_count(world, SIM_COVER_RECONNECTS);
    world_narrate(world, "client", index + 1, "connects to node %u", caller->host + 1);
    caller->state = CALLER_ONLINE;
    caller_wake_in(caller, 0);
}

void callers_closed(struct world *world, uint32_t index)
{
    struct caller *caller = callers_of(world)->all[index];
    world_narrate(world, "client", index + 1, "is offline");
    callers_of(world)->ops->forget(caller);
    buffer_clear(&caller->in);
    caller->state = CALLER_OFFLINE;
    if (caller_done(caller)) return;
    caller_wake_in(caller, RECONNECT_US_MIN + caller_below(world, RECONNECT_US_MAX));
}

static void dial(struct caller *caller)
{
    struct world *world = caller->world;
    caller->state = CALLER_DIALING;
    caller->number++;
    uint32_t any = (uint32_t)caller_below(world, world->hosts_count);
    if (caller->wanted != 0) any = caller->wanted - 1;
    caller->wanted = 0;
    caller->host = world_host_known(world, any);
    network_dial(&world->network, caller->place, caller->number, caller->host, false);
}

static void on_wake(void *owner, struct timed *timed)
{
    (void)timed;
    struct caller *caller = owner;
    if (caller->state == CALLER_OFFLINE) {
        dial(caller);
    } else if (caller->state == CALLER_ONLINE && !callers_of(caller->world)->ops->act(caller)) {
        world_narrate(caller->world, "client", caller->index + 1, "loses patience");
        caller_leave(caller);
    }
}

/* --- all of them --- */

void callers_init(struct world *world, struct callers *callers, const struct callers_ops *ops,
                  uint64_t seed)
{
    callers->ops = ops;
    callers->random = random_seeded(seed);
    world->users = callers;
    world->clients_count = CALLERS_PER_NODE * world->options->nodes;
    if (world->clients_count < CALLERS_MIN) world->clients_count = CALLERS_MIN;
    ASSERT(world->clients_count <= CALLERS_MAX);
}

void callers_start(struct world *world, uint64_t think_us)
{
    struct callers *callers = callers_of(world);
    callers->think_us = think_us * world->clients_count;
    callers->patience_us = PATIENCE_US_MIN + caller_below(world, PATIENCE_US_MAX - PATIENCE_US_MIN);
    for (uint32_t i = 0; i < world->clients_count; i++) {
        struct caller *caller = callers->all[i];
        caller->world = world;
        caller->index = i;
        caller->place = world->hosts_count + i;
        timed_init(&caller->wake, on_wake, caller);
        caller_wake_in(caller, caller_below(world, RECONNECT_US_MAX));
    }
}

void callers_leave(struct world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        struct caller *caller = callers_of(world)->all[i];
        caller_leave(caller);
        schedule_cancel(&world->schedule, &caller->wake);
    }
}

void callers_free(struct world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        buffer_free(&callers_of(world)->all[i]->in);
    }
}

uint32_t callers_unserved(const struct world *world, uint64_t since_us)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        if (callers_of(world)->all[i]->answered_us <= since_us) return i + 1;
    }
    return 0;
}

void callers_drain(struct world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++) callers_of(world)->all[i]->draining = true;
}

uint64_t callers_left(const struct world *world)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        left += !caller_done(callers_of(world)->all[i]);
    }
    return left;
}
