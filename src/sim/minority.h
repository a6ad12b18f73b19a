/* How many disks may forget.
 *
 * The disks of a minority at most may forget what they had reported durable, be it by a wipe or by
 * damage (Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018: an
 * entry survives as long as a majority was never without it). Counted are all members whose disk
 * is not known to be whole: those that are down, those that are not trusted, and those that forgot
 * and have not come to be trusted again since; with the next one they stay a minority. And a
 * minority of the voters not only as they are, but as they may be soon: of both sides of a joint
 * membership, and of one that is in some log only. So voters are not taken away either while a
 * minority of those that would be left could be too few. */
#ifndef QUARTET_SIM_MINORITY_H
#define QUARTET_SIM_MINORITY_H

#include <stdbool.h>
#include <stdint.h>

struct world;
struct host;

/* May this host's disk forget, too? */
bool minority_may_forget(struct world *world, const struct host *host);
/* May the voters become so few? */
bool minority_may_shrink(const struct world *world, uint32_t voters);

#endif
