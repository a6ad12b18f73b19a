/* Reads a history file (specs/history.md) for a model of model.h. */
#ifndef QUARTET_CHECK_HISTORY_READ_H
#define QUARTET_CHECK_HISTORY_READ_H

#include "check/model.h"

struct history_mistake {
    uint32_t line;    /* from 1 */
    const char *what; /* and what to do about it; lives for ever */
};

/* Fills the empty *history, which is the caller's to free either way. False: the text is not in
 * order, and *mistake says where. */
bool history_read(struct slice text, const struct model *model, struct history *history,
                  struct history_mistake *mistake);

/* A value as specs/history.md writes it (a number, a string or null) becomes an atom of a history
 * that was read; false when it is none. */
bool history_read_atom(struct history *history, struct slice text, uint64_t *atom);

#endif
