/* The histogram against the truth: percentiles of known values, computed both ways. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 100000 };

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int check(const char *name, uint64_t *values, size_t count)
{
    static const uint32_t points[] = {1, 500000, 990000, 999000, 1000000};
    static struct histogram h;
    int failures = 0;
    memset(&h, 0, sizeof h);
    for (size_t i = 0; i < count; i++) {
        histogram_record(&h, values[i]);
    }
    qsort(values, count, sizeof *values, compare);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        size_t rank = (count * points[i] + 999999) / 1000000;
        uint64_t exact = values[rank - 1];
        uint64_t found = histogram_percentile_ns(&h, points[i]);
        /* Never below the truth, above it by one cell at most. */
        if (found < exact || found - exact > exact / HISTOGRAM_SUB) {
            printf("%s, %u ppm: %llu, exactly %llu\n", name, points[i], (unsigned long long)found,
                   (unsigned long long)exact);
            failures++;
        }
    }
    return failures;
}

int main(void)
{
    static uint64_t values[VALUES];
    uint64_t random = 88172645463325252u;
    int failures = 0;
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = i;
    }
    failures += check("every number", values, VALUES);
    for (size_t i = 0; i < VALUES; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        values[i] = random >> (random & 63); /* every magnitude */
    }
    failures += check("every magnitude", values, VALUES);
    values[0] = UINT64_MAX;
    failures += check("one, the largest", values, 1);
    static const struct histogram empty;
    failures += histogram_percentile_ns(&empty, 500000) != 0;
    return failures == 0 ? 0 : 1;
}
