/* One call to the node, from its time to what it answers: the actions of a turn, and when the next
 * one is due. The lowest room of a node: all others may use it.
 *
 * Actions gather from the first event since the last turn until the turn that hands them out, in
 * the order in which the world is to carry them out. */
#ifndef QUARTET_NODE_TURN_TURN_H
#define QUARTET_NODE_TURN_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "node/node.h"

struct turn {
    struct raft_time now; /* of this event or turn */
    uint64_t deadline_us; /* the earliest that was asked for in this turn; UINT64_MAX: none */
    bool live;            /* what the last turn handed out may still be read */
    bool trace_messages;  /* config.trace_messages */
    struct action *actions;
    uint32_t actions_count, actions_capacity;
    struct buffer trace; /* lines: see trace.h */
};

/* A new action behind the others, all zero but for its type, to be filled in at once: the pointer
 * lives until the next call. Never fails. */
struct action *turn_act(struct turn *turn, enum action_type type);

/* Another turn is due at `at_us`, monotonic; the earliest counts. One that lies in the past asks
 * for a turn at once. Only of use within a turn: each begins without a deadline. */
void turn_wake(struct turn *turn, uint64_t at_us);

/* A call begins: what the last turn handed out is taken back. False when there was nothing to take
 * back since the last such call. */
bool turn_begin(struct turn *turn);

void turn_free(struct turn *turn);

#endif
