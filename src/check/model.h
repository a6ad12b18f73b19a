/* A model: what one object does when its operations come one after another. A history is judged
 * against it (check.h).
 *
 * The state of one object (of one key) is one atom; a model with larger states would number those
 * that it meets. */
#ifndef QUARTET_CHECK_MODEL_H
#define QUARTET_CHECK_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "check/history.h"

enum model_need { MODEL_NEEDS_NOTHING, MODEL_NEEDS_VALUE, MODEL_NEEDS_SOMETHING };

struct model {
    const char *name;             /* what `quartet check` calls it */
    const char *object;           /* what one key names, for people */
    const char *const *functions; /* [f]; the last is NULL */
    /* Carries the operation out in *state. False: its outcome is impossible in that state, which
     * is left alone. One of unknown outcome is taken as carried out. */
    bool (*step)(const struct operation *operation, uint64_t *state);
    /* It changes nothing, in whatever state. */
    bool (*looks_only)(const struct operation *operation);
    /* What it would leave behind, for one that does not only look. */
    uint64_t (*leaves)(const struct operation *operation);
    /* What it must have found: nothing in particular, this value, or any of several. With leaves()
     * it tells which operations of unknown outcome no one can have noticed. */
    enum model_need (*needs)(const struct operation *operation, uint64_t *value);
    /* "cas 1 to 2: found 3", without the process. */
    void (*describe)(const struct history *history, const struct operation *operation,
                     struct buffer *out);
};

/* The functions of both models that there are; `in` and `out` as said here. */
enum {
    MODEL_READ,   /* out: the value, HISTORY_NIL for none */
    MODEL_WRITE,  /* in[0]: the value */
    MODEL_CAS,    /* in[0]: expected, in[1]: new; OPERATION_KEPT: out is what was found instead */
    MODEL_DELETE, /* kv only; OPERATION_KEPT: there was nothing; out of OK: MODEL_WAS_THERE, or
                     HISTORY_NIL: it was not told */
    MODEL_FUNCTIONS_COUNT,
};
enum { MODEL_WAS_THERE = 1 };

extern const struct model model_register; /* read, write, cas: Jepsen's cas-register */
extern const struct model model_kv;       /* get, put, cas, delete */

/* NULL: there is none of this name. */
const struct model *model_by_name(struct slice name);

#endif
