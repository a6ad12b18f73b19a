/* `quartet sim`, between its files: the request (sim.c), the workers that run it (sim_workers.c),
 * and the sum of their reports (sim_totals.c). They fork and print; what they run is pure
 * (sim/sim.h). */
#ifndef QUARTET_COMMAND_SIM_H
#define QUARTET_COMMAND_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "sim/sim.h"

enum {
    SIM_JOBS_MAX = 256,
};

struct sim_request {
    struct sim_options options; /* but for the seed */
    uint64_t first, last;       /* seeds */
    bool single;
    bool stop_at_first; /* end with the first failure */
    uint32_t jobs;
    char command[512]; /* the flags that replay it, but for the seed */
};

/* What a worker writes to its pipe: first the seed that it begins, then the report. */
struct sim_record {
    uint64_t seed;
    uint64_t done; /* 0: begins */
    struct sim_report report;
};

struct sim_totals {
    uint64_t worlds, failures;
    uint64_t simulated_us;
    uint64_t turns;
    uint64_t first_failed; /* seed */
    char first_reason[SIM_REASON_SIZE];
    uint64_t counts[SIM_COVERAGE_COUNT];
    uint32_t words_count;
    struct sim_word words[SIM_WORDS_MAX];
    uint64_t fingerprint; /* of the last report */
    struct timespec began;
    double printed_s; /* when progress was last printed */
};

void sim_totals_add(struct sim_totals *totals, const struct sim_request *request,
                    const struct sim_record *record);
/* A seed that failed without a report. */
void sim_totals_fail(struct sim_totals *totals, const struct sim_request *request, uint64_t seed,
                     const char *reason);
/* On standard error, once a second at most. */
void sim_totals_progress(struct sim_totals *totals, const struct sim_request *request);
/* Coverage, rate and the first failure. */
void sim_totals_print(const struct sim_totals *totals, const struct sim_request *request);

/* Runs all seeds on request->jobs processes. */
void sim_workers_run(const struct sim_request *request, struct sim_totals *totals);

#endif
