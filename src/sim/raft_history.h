/* What the clients of a world of registers did and heard. */
#ifndef QUARTET_SIM_RAFT_HISTORY_H
#define QUARTET_SIM_RAFT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/register.h"

enum raft_outcome {
    RAFT_OUTCOME_UNKNOWN, /* no reply came: carried out at any time after, or never */
    RAFT_OUTCOME_DONE,
    RAFT_OUTCOME_KEPT,   /* a swap found another value than it expected */
    RAFT_OUTCOME_FAILED, /* refused: certainly not carried out */
};

struct raft_operation {
    struct register_command command;
    uint32_t client;
    enum raft_outcome outcome;
    uint64_t seen;     /* DONE, of a read: the value; KEPT: what the register held */
    uint64_t asked_us; /* when it was sent */
    uint64_t ended_us; /* when the reply came; UINT64_MAX: none did */
    uint64_t asked_at; /* the same as places in the order of all events of the history */
    uint64_t ended_at;
};

/* Zero-initialized is empty. */
struct raft_history {
    struct raft_operation *items; /* in the order in which they were asked */
    uint32_t count, capacity;
    uint64_t events;
};

void raft_history_free(struct raft_history *history);
/* Returns the operation's index. */
uint32_t raft_history_ask(struct raft_history *history, uint32_t client,
                          const struct register_command *command, uint64_t now_us);
void raft_history_end(struct raft_history *history, uint32_t index, enum raft_outcome outcome,
                      uint64_t seen, uint64_t now_us);
#endif
