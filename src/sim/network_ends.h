/* What network.c, which carries bytes, and network_faults.c, which hinders it, share. */
#ifndef QUARTET_SIM_NETWORK_ENDS_H
#define QUARTET_SIM_NETWORK_ENDS_H

#include "sim/network.h"

static inline bool network_chance(struct network *network, uint32_t permille)
{
    return permille != 0 && random_below(&network->random, 1000) < permille;
}

/* The first packet's arrival is always the one scheduled, so that a stream stays in order
 * whatever held it up. */
void network_end_expect(struct network *network, struct network_end *end);
/* What is under way to this end will not come. */
void network_end_drop(struct network *network, struct network_end *end);
/* closed() is due at this end: after the bytes when orderly, in the middle of them when not. */
void network_end_close_at(struct network *network, struct network_end *end, uint64_t at_us,
                          bool orderly);

#endif
