/* What bytes between nodes say, in words: for whoever looks at a world. */
#ifndef QUARTET_SIM_FRAMES_H
#define QUARTET_SIM_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "sim/sim.h"

/* The loudest of several is what they are. */
enum frames_kind {
    FRAMES_HEARTBEAT, /* says nothing new; or its reply; or compares clocks */
    FRAMES_HELLO,     /* who one is, and founding */
    FRAMES_READ,
    FRAMES_SNAPSHOT,
    FRAMES_MEMBERS,
    FRAMES_ACK,     /* how much of the log a follower has on disk; or that it does not fit */
    FRAMES_FORWARD, /* commands for the leader */
    FRAMES_APPEND,
    FRAMES_PRE_VOTE,
    FRAMES_PRE_VOTE_REPLY,
    FRAMES_VOTE,
    FRAMES_VOTE_REPLY,
    FRAMES_TIMEOUT_NOW,
};

/* What each node has told each other one. Zeroed: nothing yet. */
struct frames_told {
    struct {
        uint64_t term, commit, acked;
    } pair[SIM_HOSTS_MAX][SIM_HOSTS_MAX];
};

/* Whether they say something new; if so, `told` knows it now. Once for each message, in the order
 * in which a node sends them. Places from 0. */
bool frames_are_news(struct frames_told *told, uint32_t from, uint32_t to, struct slice frames);
/* Appends words; of several frames, joined by "; ". */
enum frames_kind frames_say(struct slice frames, struct buffer *words);
const char *frames_kind_word(enum frames_kind kind);

#endif
