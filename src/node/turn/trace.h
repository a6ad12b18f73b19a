/* What a person or a test reads of a node's life: one line an event, "word key=value ...\n". Lines
 * gather in turn->trace until the turn hands them out.
 *
 * A line is begun, filled key by key, and ended; nothing else may be traced in between. Words, keys
 * and values are copied; they hold no newline. */
#ifndef QUARTET_NODE_TURN_TRACE_H
#define QUARTET_NODE_TURN_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/turn/turn.h"
#include "raft/raft.h"

void trace_begin(struct turn *turn, const char *word);
void trace_number(struct turn *turn, const char *key, uint64_t value);
void trace_hex(struct turn *turn, const char *key, uint64_t value); /* 16 digits, as in /status */
void trace_text(struct turn *turn, const char *key, const char *value);
void trace_end(struct turn *turn);

/* A whole line about a message of Raft; `word`: sends or hears. Nothing, unless
 * turn->trace_messages. */
void trace_message(struct turn *turn, const char *word, uint32_t group,
                   const struct raft_message *message);

/* What was last said of a replica's standing. All zero but `trusted` at first: a trusted follower
 * of term 0 that knows no leader, of which nobody need be told. */
struct raft_told {
    enum raft_role role;
    uint32_t leader;
    uint64_t term;
    bool trusted;
    uint64_t elections_won; /* in all: how often it was told to lead */
};

/* A whole line when role, term, leader or trust are not what was told last. `raft` may be NULL:
 * nothing. */
void trace_raft_changes(struct turn *turn, uint32_t group, const struct raft *raft,
                        struct raft_told *told);

#endif
