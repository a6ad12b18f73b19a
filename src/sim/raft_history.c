/* The history of a world of registers. See raft_history.h. */
#include "sim/raft_history.h"

#include <stdlib.h>

#include "base/assert.h"

void raft_history_free(struct raft_history *history)
{
    free(history->items);
}

uint32_t raft_history_ask(struct raft_history *history, uint32_t client,
                          const struct register_command *command, uint64_t now_us)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity == 0 ? 4096 : history->capacity * 2;
        history->items = realloc(history->items, history->capacity * sizeof *history->items);
        ASSERT(history->items != NULL);
    }
    history->items[history->count] = (struct raft_operation){
        .command = *command,
        .client = client,
        .outcome = RAFT_OUTCOME_UNKNOWN,
        .asked_us = now_us,
        .ended_us = UINT64_MAX,
        .asked_at = history->events++,
        .ended_at = UINT64_MAX,
    };
    return history->count++;
}

void raft_history_end(struct raft_history *history, uint32_t index, enum raft_outcome outcome,
                      uint64_t seen, uint64_t now_us)
{
    struct raft_operation *operation = &history->items[index];
    operation->outcome = outcome;
    if (outcome == RAFT_OUTCOME_UNKNOWN) return;
    operation->seen = seen;
    operation->ended_us = now_us;
    operation->ended_at = history->events++;
}
