/* Leaders cut off one after the other, each when it has something to lose: entries that it has
 * appended and that are not committed. Whoever was cut off before comes back at that moment, with
 * what it did not get to commit, and may be elected (Raft paper, figure 8; section 5.4.1). Faults
 * drawn at any time seldom meet these moments, which last as long as a message is on its way. */
#ifndef QUARTET_SIM_DEPOSE_H
#define QUARTET_SIM_DEPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/schedule.h"

struct world;
struct host;

/* One series. */
struct depose {
    struct world *world;
    struct timed end; /* of the series, should it find no leader */
    uint32_t left;    /* leaders still to be cut off */
    uint32_t odds;    /* one in so many chances is taken */
    uint32_t cut;     /* hosts cut off now, as bits */
    uint32_t last;    /* host + 1 that was cut off last; 0: none */
};

void depose_init(struct world *world, struct depose *depose);
void depose_begin(struct depose *depose);
/* A turn of this host is over, and nothing of it has been carried out yet. */
void depose_look(struct depose *depose, const struct host *host);
void depose_end(struct depose *depose);
static inline bool depose_active(const struct depose *depose)
{
    return timed_pending(&depose->end);
}

#endif
