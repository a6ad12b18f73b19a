/* See durations.h. Seconds are written from microseconds without floating point. */
#include "server/durations.h"

#include <inttypes.h>

#include "server/metrics.h"

static const uint64_t bound_us[DURATIONS_BUCKETS] = {50,   100,   250,   500,    1000,   2500,
                                                     5000, 10000, 25000, 100000, 500000, 2000000};

void durations_count(struct durations *durations, uint64_t us)
{
    durations->count++;
    durations->total_us += us;
    if (us > durations->longest_us) durations->longest_us = us;
    unsigned bucket = 0;
    while (bucket < DURATIONS_BUCKETS && us > bound_us[bucket]) bucket++;
    durations->buckets[bucket]++;
}

static void seconds(struct buffer *out, const char *name, const char *what, uint64_t us)
{
    metrics_line(out, "%s%s %" PRIu64 ".%06" PRIu64, name, what, us / 1000000, us % 1000000);
}

void durations_write(const struct durations *durations, const char *name, const char *help,
                     struct buffer *out)
{
    metrics_line(out, "# HELP %s_seconds %s", name, help);
    metrics_line(out, "# TYPE %s_seconds histogram", name);
    uint64_t below = 0;
    for (unsigned i = 0; i < DURATIONS_BUCKETS; i++) {
        below += durations->buckets[i];
        metrics_line(out, "%s_seconds_bucket{le=\"%" PRIu64 ".%06" PRIu64 "\"} %" PRIu64, name,
                     bound_us[i] / 1000000, bound_us[i] % 1000000, below);
    }
    metrics_line(out, "%s_seconds_bucket{le=\"+Inf\"} %" PRIu64, name, durations->count);
    seconds(out, name, "_seconds_sum", durations->total_us);
    metrics_line(out, "%s_seconds_count %" PRIu64, name, durations->count);
    metrics_line(out, "# HELP %s_longest_seconds The longest of them since the start.", name);
    metrics_line(out, "# TYPE %s_longest_seconds gauge", name);
    seconds(out, name, "_longest_seconds", durations->longest_us);
}
