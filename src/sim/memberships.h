/* The memberships that the cluster goes through, as its committed entries tell them, held against
 * section 6 of the Raft paper:
 *
 * membership       voters change by a joint configuration C_old,new of exactly the voters that were
 *                  and those that come, and the next one is its C_new; where voters stay, one entry
 *                  does it; a leader that C_new lacks steps down when that is committed
 *
 * That each is committed by its own quorum, from its own entry on, is durability (invariants.h). */
#ifndef QUARTET_SIM_MEMBERSHIPS_H
#define QUARTET_SIM_MEMBERSHIPS_H

#include <stdbool.h>
#include <stdint.h>

#include "raft/raft.h"
#include "sim/sim.h"

struct world;
struct host;

struct memberships {
    struct raft_members now;            /* the last one committed; count 0: not known */
    uint64_t index;                     /* of its entry */
    uint64_t removed_us[SIM_HOSTS_MAX]; /* virtual time, each host's last; 0: never */
    bool shrinking;                     /* a removal may be in some log and not be committed yet */
};

/* The entry, of kind MEMBERS, is committed; told of once, in the order of the log. */
void memberships_committed(struct world *world, const struct host *host,
                           const struct raft_entry *entry);
/* An entry was compacted before anyone saw it: which, is not known. */
void memberships_unseen(struct world *world);
/* The host's commit index has moved. */
void memberships_step(struct world *world, const struct host *host);

#endif
