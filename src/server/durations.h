/* How long something took, many times over: a histogram for /metrics, and the longest. */
#ifndef QUARTET_SERVER_DURATIONS_H
#define QUARTET_SERVER_DURATIONS_H

#include <stdint.h>

#include "base/bytes.h"

enum {
    DURATIONS_BUCKETS = 12,
};

/* Zero-initialized is empty. */
struct durations {
    uint64_t count;
    uint64_t total_us;
    uint64_t longest_us;
    uint64_t buckets[DURATIONS_BUCKETS + 1]; /* the last: longer than every bound */
};

void durations_count(struct durations *durations, uint64_t us);
/* As a Prometheus histogram in seconds; `name` without unit, `help` a sentence. The longest
 * follows as a gauge of its own. */
void durations_write(const struct durations *durations, const char *name, const char *help,
                     struct buffer *out);

#endif
