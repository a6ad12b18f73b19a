/* A history: what clients called and what they heard, in the order in which it happened.
 *
 * An operation whose outcome no one heard is *unknown*: it takes effect at any time after its call,
 * or never. One that failed certainly did not take effect.
 *
 * Keys and values are 64-bit *atoms*: numbers that are only compared. A program that builds a
 * history in memory chooses them as it likes; the reader of files (history_read.h) numbers the
 * values that it meets and keeps their texts. */
#ifndef QUARTET_CHECK_HISTORY_H
#define QUARTET_CHECK_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    HISTORY_OPERATIONS_MAX = 1 << 22,
};

#define HISTORY_NIL UINT64_MAX   /* the atom that stands for no value */
#define HISTORY_NEVER UINT64_MAX /* the place of a return that did not come */

enum operation_outcome {
    OPERATION_UNKNOWN, /* no reply, or one that leaves it open */
    OPERATION_OK,
    OPERATION_KEPT,   /* a condition did not hold: nothing changed; `out` is what was found */
    OPERATION_FAILED, /* certainly not carried out */
};

struct operation {
    uint32_t process;
    uint32_t f;     /* what was called: the model's number (model.h) */
    uint64_t key;   /* operations on different keys do not touch each other */
    uint64_t in[2]; /* what the model's function takes */
    uint64_t out;   /* what it gave */
    enum operation_outcome outcome;
    uint32_t line;        /* of its call in a file; 0: it comes from no file */
    uint64_t called_at;   /* place among all events of the history */
    uint64_t returned_at; /* the same; HISTORY_NEVER while unknown */
    uint64_t called_us;   /* for people, and for rules about time */
    uint64_t returned_us;
};

struct history_texts; /* history_read.c */

/* Zero-initialized is empty. */
struct history {
    struct operation *items; /* in the order of their calls */
    uint32_t count, capacity;
    uint64_t events;             /* calls and returns so far */
    struct history_texts *texts; /* of atoms; NULL: they are shown as numbers */
};

void history_free(struct history *history);
/* Notes a call: process, f, key, in and called_us of `call` (and `line`) are taken, the rest is
 * set here. Returns the operation's index. At most HISTORY_OPERATIONS_MAX, asserted. */
uint32_t history_invoke(struct history *history, struct operation call);
/* The operation's end. With OPERATION_UNKNOWN nothing returned: it may still take effect. */
void history_complete(struct history *history, uint32_t index, enum operation_outcome outcome,
                      uint64_t out, uint64_t now_us);

/* The atom as people read it. */
void history_describe_atom(const struct history *history, uint64_t atom, struct buffer *out);

#endif
