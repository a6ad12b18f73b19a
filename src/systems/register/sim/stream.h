/* What is known of the versions of each register, from all who hear of them. */
#ifndef QUARTET_SYSTEMS_REGISTER_SIM_STREAM_H
#define QUARTET_SYSTEMS_REGISTER_SIM_STREAM_H

#include <stdint.h>

#include "base/bytes.h"
#include "sim/world.h"

enum { STREAM_KEYS = 4 };

struct stream_judge {
    struct buffer heard[STREAM_KEYS]; /* u64 each, by version: its value; 0: nobody has heard it */
    struct buffer keys;               /* u64 each, by value: key + 1 of its write */
    struct buffer versions;           /* u64 each, by value: as which it was heard; 0: not yet */
    uint64_t asked[STREAM_KEYS], written[STREAM_KEYS]; /* writes: in all, and of known outcome */
    uint64_t gap[STREAM_KEYS];                         /* the highest version that was missing */
};

/* A write of this value, never written before, begins; one was acknowledged; or certainly was not
 * carried out. */
void stream_asked(struct stream_judge *judge, uint32_t key, uint64_t value);
void stream_written(struct stream_judge *judge, uint32_t key);
void stream_refused(struct stream_judge *judge, uint32_t key);
/* A watch hears this; fails the world if another heard otherwise, or it was never written. */
void stream_event(struct world *world, struct stream_judge *judge, uint32_t key, uint64_t version,
                  uint64_t value);
void stream_gap(struct stream_judge *judge, uint32_t key, uint64_t version);
/* In the end, `last` is the version of the register. */
void stream_judge_end(struct world *world, const struct stream_judge *judge, uint32_t key,
                      uint64_t last);
void stream_judge_free(struct stream_judge *judge);

#endif
