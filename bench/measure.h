/* Clocks and latencies: what the load generator measures with.
 *
 * The histogram is log-linear: each power of two is cut into HISTOGRAM_SUB equal cells, so a
 * percentile read back from it is at most 1/HISTOGRAM_SUB (0.8 %) above the true one, whatever its
 * size, and recording is one increment. (The idea is HdrHistogram's; the code is not.) */
#ifndef QUARTET_BENCH_MEASURE_H
#define QUARTET_BENCH_MEASURE_H

#include <stdint.h>
#include <sys/types.h>

enum {
    HISTOGRAM_SUB_BITS = 7,
    HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_CELLS = (64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB,
};

struct histogram {
    uint64_t count;
    uint64_t max_ns;
    uint64_t cells[HISTOGRAM_CELLS];
};

void histogram_record(struct histogram *h, uint64_t value_ns);

/* Adds everything recorded in `from` to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The smallest cell's upper bound below which `per_million` of a million values lie (500000: the
 * median), never above the maximum seen. 0 when nothing was recorded. In nanoseconds. */
uint64_t histogram_percentile_ns(const struct histogram *h, uint32_t per_million);

/* Monotonic nanoseconds. */
uint64_t measure_now_ns(void);

/* Processor time (user and system, all threads) that process `pid` has used so far, in
 * microseconds, in steps of one clock tick; 0 if it cannot be read. */
uint64_t measure_process_cpu_us(pid_t pid);

/* Processor time of this very process, in microseconds. */
uint64_t measure_own_cpu_us(void);

#endif
