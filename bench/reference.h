/* The floor under one replicated write on this machine: a round trip over loopback TCP and the
 * fdatasync of a record, while two other writers sync a record of the same size beside it, as two
 * followers do. No consensus, no parsing, no queue: what no three-node system can be faster than
 * unless it acknowledges before its own disk has. */
#ifndef QUARTET_BENCH_REFERENCE_H
#define QUARTET_BENCH_REFERENCE_H

#include "measure.h"

#include <stdint.h>

enum reference_others {
    REFERENCE_NONE, /* nobody else writes */
    REFERENCE_STEP, /* two processes write and sync once for every request, at the same moment */
    REFERENCE_FREE, /* two processes write and sync without a pause */
};

enum { REFERENCE_RECORD_MAX = 65536 };

struct reference_options {
    const char *directory; /* the files are made here and removed */
    enum reference_others others;
    uint32_t record; /* bytes written before each fdatasync */
    uint64_t warmup_us;
    uint64_t duration_us;
    uint64_t pace_us; /* pause before each request */
};

/* Fills `latency`. 0, or -1 with `error` saying why. */
int reference_run(const struct reference_options *options, struct histogram *latency, char *error,
                  uint32_t error_size);

#endif
