/* Judges a history: is there an order of its operations, one after another, in which each gives
 * what it gave, and in which one that returned before another was called stands before it?
 * (Herlihy and Wing, "Linearizability", 1990.)
 *
 * The search is Wing and Gong's with Lowe's cache ("Testing for linearizability", 2017), key by
 * key: a history is linearizable if those of its keys are. The problem is NP-complete, so memory
 * and steps are bounded, and a search that reaches a bound answers CHECK_UNKNOWN. What it answers
 * depends on its arguments alone, unless `stop` looks at a clock. */
#ifndef QUARTET_CHECK_CHECK_H
#define QUARTET_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/history.h"
#include "check/model.h"

enum {
    CHECK_MEMORY_MIB_DEFAULT = 1024,
    CHECK_STATES_MAX = 16,    /* listed with a violation */
    CHECK_VIOLATIONS_MAX = 8, /* explained; further keys are only counted */
    CHECK_STOP_STEPS = 4096,  /* between two questions to `stop` */
};

enum check_verdict { CHECK_PASSED, CHECK_VIOLATION, CHECK_UNKNOWN };

struct check_options {
    uint64_t initial;            /* the state of every key at first: an atom */
    size_t memory_bytes_max;     /* of the cache of one key */
    uint64_t steps_max;          /* over all keys */
    bool (*stop)(void *context); /* asked now and then; true: give up. NULL: never */
    void *context;
    bool explain; /* a violation is searched again, to say what led to it */
};

/* HISTORY_NIL, CHECK_MEMORY_MIB_DEFAULT, no other bound, explained. */
struct check_options check_options_default(void);

/* Operations in an order in which the model allows them all: indexes of the history. */
struct check_prefix {
    uint32_t *operations;
    uint32_t count;
    uint32_t users; /* of this struct */
};

struct check_violation {
    uint64_t key;
    uint32_t *operations; /* on this key, in the order of their calls, without the failed */
    uint32_t count;
    /* Where the history breaks: there is an order of what returned before this operation did, with
     * or without operations that were under way then, but none that has this one in it, too. */
    uint32_t stuck;
    uint64_t states[CHECK_STATES_MAX]; /* that such orders lead to, ascending */
    uint32_t states_count;
    bool states_more;              /* there are others */
    struct check_prefix *prefix;   /* a longest one that came as far as `stuck` */
    struct check_prefix **longest; /* [i]: a longest one with operations[i]; NULL: in none */
};

struct check_result {
    enum check_verdict verdict;
    uint32_t keys;
    uint32_t keys_violated;
    uint32_t keys_unknown;
    bool out_of_memory;  /* a reason for CHECK_UNKNOWN; the other is steps_max or `stop` */
    uint64_t steps;      /* operations tried, over all keys */
    size_t memory_bytes; /* the largest cache that was needed */
    struct check_violation *violations; /* without options.explain: none */
    uint32_t violations_count;
};

/* Fills *result, which is then the caller's to free. */
void check_history(const struct history *history, const struct model *model,
                   const struct check_options *options, struct check_result *result);
void check_result_free(struct check_result *result);

#endif
