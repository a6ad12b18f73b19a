/* Judges the history of a store's levels from its file (specs/history.md, "store"), by the rules of
 * levels.h. */
#ifndef QUARTET_SYSTEMS_STORE_CHECK_HISTORY_H
#define QUARTET_SYSTEMS_STORE_CHECK_HISTORY_H

#include "check/history_read.h"
#include "contract/system.h"
#include "systems/store/check/levels.h"

struct store_answer {
    bool violated;
    uint32_t line;      /* of the event that breaks a rule */
    const char *rule;   /* its name; lives for ever */
    struct buffer what; /* happened: one sentence; the caller frees it */
    uint32_t keys, writes, reads, tokens;
    uint32_t early, lost; /* acknowledged by a leader alone; of them not there at the last read */
};

/* False: the text is not in order, and *mistake says where. */
bool store_history_judge(struct slice text, struct store_answer *answer,
                         struct history_mistake *mistake);

/* The same as a sentence, for `quartet check store`: struct system's judge(). */
void store_history_verdict(struct slice text, struct system_verdict *verdict);

#endif
