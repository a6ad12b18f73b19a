/* Judges the history of a work queue from its file (specs/history.md), by the rules of
 * rules.h; and one more: what comes out was put in (content). */
#ifndef QUARTET_SYSTEMS_QUEUE_CHECK_HISTORY_H
#define QUARTET_SYSTEMS_QUEUE_CHECK_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "check/history_read.h"
#include "contract/system.h"

enum {
    QUEUE_JOBS_MAX = 1 << 24,
    QUEUE_TTR_S_MAX = 1 << 30,
    /* After a disturbance sessions may end for so long: holding is judged from then on. */
    QUEUE_CALM_US = 30000000,
};

struct queue_answer {
    bool violated;
    uint32_t line;      /* of the event that breaks a rule */
    const char *rule;   /* its name; lives for ever */
    struct buffer what; /* happened: one sentence; the caller frees it */
    uint32_t jobs, acknowledged, deleted;
    bool drained; /* the queue was seen to be empty at the end; else loss was not judged */
};

/* False: the text is not in order, and *mistake says where. */
bool queue_history_judge(struct slice text, struct queue_answer *answer,
                         struct history_mistake *mistake);

/* The same as a sentence, for `quartet check queue`: struct system's judge(). */
void queue_history_verdict(struct slice text, struct system_verdict *verdict);

#endif
