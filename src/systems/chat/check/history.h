/* Judges the history of a chat from its file (specs/history.md, "chat"): what people posted, and
 * what they saw.
 *
 * one order         a number of a room is one thing, for all who see it and for who posted it; what
 *                   was acknowledged before another was sent has the lower number
 * no hole           from a join on, a reader sees number after number, or is told of a gap
 * at most once      what was posted stands at one number
 * nothing invented  what is seen was posted there, and not refused
 * deleted text      who has seen a deletion, or was told that his own is done, sees that text no
 *                   more in what he joins later
 * no loss           at the end each acknowledged number was passed by whoever reads to the end */
#ifndef QUARTET_SYSTEMS_CHAT_CHECK_HISTORY_H
#define QUARTET_SYSTEMS_CHAT_CHECK_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "check/history_read.h"
#include "contract/system.h"

struct chat_answer {
    bool violated;
    uint32_t line;      /* of the event that breaks a rule */
    const char *rule;   /* its name; lives for ever */
    struct buffer what; /* happened: one sentence; the caller frees it */
    uint32_t rooms, posts, acknowledged;
    uint64_t seen, skipped; /* events; numbers that were told as gaps */
    bool ended;             /* some room was read to its end; else loss was not judged */
};

/* False: the text is not in order, and *mistake says where. */
bool chat_history_judge(struct slice text, struct chat_answer *answer,
                        struct history_mistake *mistake);

/* The same as a sentence, for `quartet check chat`: struct system's judge(). */
void chat_history_verdict(struct slice text, struct system_verdict *verdict);

#endif
