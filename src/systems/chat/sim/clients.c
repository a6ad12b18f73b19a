/* The system `chat`: the machine behind its WebSockets, and people who post, change and read, come
 * and go, and take what they have to say to another node when a connection ends. What they hear is
 * judged as they hear it (judge.h); in the end each has seen all there is of its rooms, and knows
 * who is there, and nobody else is. */
#include <stdlib.h>

#include "base/assert.h"
#include "sim/system.h"
#include "systems/chat/protocol/connection.h"
#include "systems/chat/sim/people.h"

enum { THINK_US = 10000 };

/* Small, so that what is beyond them comes up. */
static const struct chat_options machine_options = {
    .room_events_max = 80,
    .clients_max = 24,
    .client_idle_us = 700000,
    .grace_us = 1000000,
};

static const struct chat_protocol_options protocol_options = {
    .ping_us = 1000000,
    .silence_us = 3000000,
};

static void person_opened(struct world *world, uint32_t index)
{
    person_begin(&people_of(world)->all[index]);
    callers_opened(world, index);
}

static void person_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct person *person = &people_of(world)->all[index];
    if (person->caller.state != CALLER_ONLINE) return;
    if (person_hear(person, bytes)) return;
    world_fail(world, "protocol", "client %u hears what no node may say", index + 1);
    caller_leave(&person->caller);
}

static void people_begin(struct world *world, uint64_t seed)
{
    static const struct callers_ops ops = {person_act, person_forget, person_done};
    struct people *people = calloc(1, sizeof *people);
    ASSERT(people != NULL);
    callers_init(world, &people->callers, &ops, seed);
    for (uint32_t i = 0; i < CALLERS_MAX; i++) {
        people->callers.all[i] = &people->all[i].caller;
        for (uint32_t room = 0; room < JUDGE_ROOMS; room++) {
            people->all[i].seats[room].wanted = caller_below(world, 2) == 0;
        }
    }
    callers_start(world, THINK_US);
}

static void people_finish(struct world *world)
{
    people_of(world)->over = true;
    callers_leave(world);
    judge_end(world, &people_of(world)->judge);
}

/* Who is in rooms still, at any node. */
static uint64_t people_lingering(const struct world *world)
{
    uint64_t present = 0;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        for (uint32_t room = 0; room < JUDGE_ROOMS; room++) {
            uint8_t name[] = {'r', (uint8_t)('0' + room)};
            const void *machine = node_machine(world->hosts[i].node);
            present += chat_room_state(machine, slice_of(name, sizeof name)).count;
        }
    }
    return present;
}

static void people_end(struct world *world)
{
    struct people *people = people_of(world);
    callers_free(world);
    for (uint32_t i = 0; i < CALLERS_MAX; i++) websocket_free(&people->all[i].websocket);
    judge_free(&people->judge);
    buffer_free(&people->bytes);
    free(people);
}

const struct sim_system sim_system_chat = {
    .name = "chat",
    .help = "rooms, judged: one order, no hole, nothing twice, and who is there",
    .machine = &chat_ops,
    .machine_options = &machine_options,
    .protocol = &chat_protocol_ops,
    .protocol_options = &protocol_options,
    .drift_permille_max = 300, /* the judge knows nothing of time */
    .leftovers = "people who have not seen all",
    .coverage_first = SIM_COVER_CONSENSUS_END,
    .coverage_end = SIM_COVER_CHAT_END,
    .begin = people_begin,
    .opened = person_opened,
    .received = person_received,
    .closed = callers_closed,
    .unserved = callers_unserved,
    .drain = callers_drain,
    .left = callers_left,
    .finish = people_finish,
    .lingering = people_lingering,
    .end = people_end,
};
