/* Clocks and latencies: see measure.h. */
#include "measure.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint32_t histogram_cell(uint64_t value)
{
    if (value < HISTOGRAM_SUB) {
        return (uint32_t)value;
    }
    uint32_t magnitude = 63u - (uint32_t)__builtin_clzll(value);
    uint32_t shift = magnitude - HISTOGRAM_SUB_BITS;
    /* value >> shift lies in [SUB, 2 SUB): its top bit is implied by the row. */
    return (shift + 1) * HISTOGRAM_SUB + ((uint32_t)(value >> shift) - HISTOGRAM_SUB);
}

static uint64_t histogram_cell_top(uint32_t cell)
{
    if (cell < HISTOGRAM_SUB) {
        return cell;
    }
    uint32_t shift = cell / HISTOGRAM_SUB - 1;
    uint64_t base = HISTOGRAM_SUB + cell % HISTOGRAM_SUB;
    return (base << shift) + ((UINT64_C(1) << shift) - 1);
}

void histogram_record(struct histogram *h, uint64_t value_ns)
{
    h->count++;
    h->cells[histogram_cell(value_ns)]++;
    if (value_ns > h->max_ns) {
        h->max_ns = value_ns;
    }
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    if (from->max_ns > into->max_ns) {
        into->max_ns = from->max_ns;
    }
    for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
        into->cells[i] += from->cells[i];
    }
}

uint64_t histogram_percentile_ns(const struct histogram *h, uint32_t per_million)
{
    uint64_t wanted = (h->count * per_million + 999999) / 1000000;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_CELLS && wanted > 0; i++) {
        seen += h->cells[i];
        if (seen >= wanted) {
            uint64_t top = histogram_cell_top(i);
            return top < h->max_ns ? top : h->max_ns;
        }
    }
    return 0;
}

uint64_t measure_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t measure_process_cpu_us(pid_t pid)
{
    char path[64];
    char line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return 0;
    }
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = '\0';
    /* The second field is the program's name in parentheses and may hold anything, spaces and
     * parentheses too: count fields from the last one. utime and stime are fields 14 and 15. */
    const char *rest = strrchr(line, ')');
    unsigned long user = 0;
    unsigned long system = 0;
    if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                               &user, &system) != 2) {
        return 0;
    }
    return (uint64_t)(user + system) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t measure_own_cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}
