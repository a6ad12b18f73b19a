/* The search for a linearization of one key's operations. */
#ifndef QUARTET_CHECK_LINEAR_H
#define QUARTET_CHECK_LINEAR_H

#include "check/check.h"
#include "check/record.h"

struct linear_problem {
    const struct history *history;
    const struct model *model;
    const struct check_options *options;
    const uint32_t *operations; /* of the key, in the order of their calls; none failed */
    uint32_t operations_count;
    const uint32_t *events; /* index in operations << 1 | returns, in the order of the history */
    uint32_t events_count;
};

struct linear_answer {
    enum check_verdict verdict;
    bool out_of_memory;
    uint64_t steps;
    size_t memory_bytes;
};

/* Takes at most steps_max steps. `record` may be NULL; it is told what the search runs into. */
struct linear_answer linear_search(const struct linear_problem *problem, uint64_t steps_max,
                                   struct record *record);

#endif
