/* What a page may ask of a world, and what it is told: text both ways. See web.c for how a page
 * calls it; here it is plain C, so that tests can. */
#ifndef QUARTET_WEB_PAGE_H
#define QUARTET_WEB_PAGE_H

#include <stdint.h>

#include "base/bytes.h"
#include "sim/steer.h"

enum {
    PAGE_ENTRIES_MAX = 24,          /* of a log that are listed, the last ones */
    PAGE_SETTING_US_MAX = 60000000, /* of an option */
};

/* 0: done. PAGE_REFUSED: not done, and `answer` says why, in a sentence. */
enum page_result { PAGE_DONE, PAGE_REFUSED };

/* `options`: words NAME=NUMBER, in microseconds: latency-min, latency-max, sync, heartbeat,
 * election, patience (struct steer_setting); those that are not named have their defaults. */
enum page_result page_open(struct steered *steered, struct slice system, uint64_t seed,
                           uint32_t nodes, struct slice options, struct buffer *answer);

/* kill N, restart N, pause N, resume N, cut N (from all others), cut N M, heal; any other VERB N
 * REST is asked of node N by a client, as `VERB REST`, in the words of the system:
 * `put 2 seat 12`. */
enum page_result page_do(struct steered *steered, struct slice order, struct buffer *answer);

/* `GOAL MICROSECONDS`: time, event, news, leader, answer or calm (enum steer_goal), and how late it
 * may become. Returns enum steer_stop, or -1 for words that it does not know. */
int page_until(struct steered *steered, struct slice goal, struct buffer *answer);

/* The world as it is, as JSON:
 *   now_us, system, heartbeat_us, election_us
 *   failed    null, or why a judge ended it
 *   nodes     [{id, up, paused, ...}]; of one that is up and founded: role, term, vote, leader,
 *             trusted, first, last, durable, commit, applied, holds, due_us (when it acts by
 *             itself), log [{index, term, kind, words}]
 *   cuts      [[a, b]]: links that are cut
 *   messages  under way [{id, from, to, sent_us, due_us, held, news, kind, words}]; 0 is a client
 *   asked     [{number, client, node, words, outcome, asked_us, over_us, reply}] */
void page_state(const struct steered *steered, struct buffer *out);

#endif
