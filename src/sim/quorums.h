/* Durability, as a part of invariants.h: what a node takes for committed is held durably by a
 * quorum, in the group that is being looked at. */
#ifndef QUARTET_SIM_QUORUMS_H
#define QUARTET_SIM_QUORUMS_H

#include <stdint.h>

struct world;
struct host;

/* The host's node has committed this entry. */
void quorums_check_entry(struct world *world, struct host *host, uint64_t index, uint64_t term);
/* And with it the last membership (memberships.h). */
void quorums_check_members(struct world *world, struct host *host);

#endif
