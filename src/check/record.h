/* What a search that fails has run into: how far the history can be linearized, and the longest
 * linearization that contains each operation. */
#ifndef QUARTET_CHECK_RECORD_H
#define QUARTET_CHECK_RECORD_H

#include "check/check.h"

enum {
    RECORD_PREFIX_WORDS_MAX = 1 << 26, /* of all prefixes kept at a time */
};

/* An operation that the search has linearized, in order. */
struct record_frame {
    uint32_t operation; /* index in linear_problem.operations */
    uint32_t number;    /* the search's own */
    uint32_t seen;      /* the longest linearization recorded while it was in this place */
    uint64_t state;     /* before it */
};

struct record {
    const uint32_t *operations; /* borrowed: their indexes in the history */
    uint32_t count;
    uint32_t stuck;                /* index in operations; meaningful once there is a prefix */
    uint32_t stuck_at;             /* the place of its return: the furthest that was reached */
    struct check_prefix *prefix;   /* a longest of those that came so far */
    struct check_prefix **longest; /* [index in operations] */
    uint64_t states[CHECK_STATES_MAX];
    uint32_t states_count;
    bool states_more;
    uint64_t words; /* in prefixes */
};

/* Whoever reads the record takes over the memory of its prefixes and of `longest`. */
void record_begin(struct record *record, const uint32_t *operations, uint32_t count);
/* The search can go no further with these frames: in `state`, the return of `stuck`, at place
 * `stuck_at`, comes before it could be linearized. */
void record_blocked(struct record *record, struct record_frame *frames, uint32_t frames_count,
                    uint32_t stuck, uint32_t stuck_at, uint64_t state);

void check_prefix_release(struct check_prefix *prefix); /* NULL is fine */

#endif
