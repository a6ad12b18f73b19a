/* What a world simulates: a machine and its protocol, the clients that use them, and the judge of
 * what the clients saw. The rest of a world (hosts, network, disks, faults, invariants) is the same
 * for all systems and knows none of them.
 *
 * Clients sit at the network's places behind the hosts'; here they are numbered from 0. */
#ifndef QUARTET_SIM_SYSTEM_H
#define QUARTET_SIM_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct hand_ops;
struct machine_ops;
struct protocol_ops;
struct world;

struct sim_system {
    const char *name; /* `quartet sim NAME` */
    const char *help; /* one line */
    const struct machine_ops *machine;
    const void *machine_options;
    const struct protocol_ops *protocol;
    uint32_t (*group_of)(uint32_t slot, uint32_t groups_count); /* NULL: each the next slot's */
    const void *protocol_options;
    const char *leftovers; /* what `left` counts, for people */
    /* How far apart, at most, the clocks of a world may be said to run (raft.h:
     * clock_drift_permille); they then do. What the judge knows of time is to be as coarse. */
    uint32_t drift_permille_max;
    uint32_t coverage_first, coverage_end; /* its own rows of coverage.h */

    /* Makes world->users and sets world->clients_count; their first steps are scheduled. */
    void (*begin)(struct world *world, uint64_t seed);
    /* From the network, about a client's one connection. */
    void (*opened)(struct world *world, uint32_t client);
    void (*received)(struct world *world, uint32_t client, struct slice bytes);
    void (*closed)(struct world *world, uint32_t client); /* also a dial that failed */
    /* The number + 1 of a client that has heard no answer since then; 0: all have. */
    uint32_t (*unserved)(const struct world *world, uint64_t since_us);
    /* The faults are over and everyone was served: no new work; what is left comes out. */
    void (*drain)(struct world *world);
    /* How much is left of it; UINT64_MAX: unknown, as a node is down. */
    uint64_t (*left)(const struct world *world);
    /* Nothing is left: judges the run, and sends all clients away. */
    void (*finish)(struct world *world);
    /* What the state still holds for clients that are gone, with all nodes up; NULL: nothing. */
    uint64_t (*lingering)(const struct world *world);
    /* Frees world->users. */
    void (*end)(struct world *world);

    const struct hand_ops *hand; /* for clients by hand (hand.h); NULL: there are none */
};

/* All there are; NULL ends the table (src/systems/worlds.c). */
extern const struct sim_system *const sim_systems[];

/* NULL: no such system. */
const struct sim_system *sim_system_by_name(struct slice name);

#endif
