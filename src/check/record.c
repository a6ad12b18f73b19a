/* Remembers what a failing search ran into. See record.h. */
#include "check/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void record_begin(struct record *record, const uint32_t *operations, uint32_t count)
{
    *record = (struct record){.operations = operations, .count = count};
    record->longest = calloc(count == 0 ? 1 : count, sizeof(struct check_prefix *));
    ASSERT(record->longest != NULL);
}

void check_prefix_release(struct check_prefix *prefix)
{
    if (prefix == NULL || --prefix->users > 0) return;
    free(prefix->operations);
    free(prefix);
}

static void replace(struct record *record, struct check_prefix **at, struct check_prefix *by)
{
    struct check_prefix *old = *at;
    by->users++;
    *at = by;
    if (old == NULL) return;
    if (old->users == 1) record->words -= old->count;
    check_prefix_release(old);
}

static struct check_prefix *prefix_of(struct record *record, const struct record_frame *frames,
                                      uint32_t count)
{
    struct check_prefix *prefix = calloc(1, sizeof *prefix);
    ASSERT(prefix != NULL);
    prefix->count = count;
    prefix->operations = calloc(count == 0 ? 1 : count, sizeof *prefix->operations);
    ASSERT(prefix->operations != NULL);
    for (uint32_t i = 0; i < count; i++) {
        prefix->operations[i] = record->operations[frames[i].operation];
    }
    record->words += count;
    return prefix;
}

static void add_state(struct record *record, uint64_t state)
{
    uint32_t at = 0;
    while (at < record->states_count && record->states[at] < state) at++;
    if (at < record->states_count && record->states[at] == state) return;
    if (record->states_count == CHECK_STATES_MAX) {
        record->states_more = true;
        return;
    }
    memmove(&record->states[at + 1], &record->states[at],
            (record->states_count - at) * sizeof record->states[0]);
    record->states[at] = state;
    record->states_count++;
}

void record_blocked(struct record *record, struct record_frame *frames, uint32_t frames_count,
                    uint32_t stuck, uint32_t stuck_at, uint64_t state)
{
    struct check_prefix *prefix = NULL;
    if (record->prefix == NULL || stuck_at > record->stuck_at) record->states_count = 0;
    if (record->states_count == 0) record->states_more = false;
    bool as_far = record->prefix == NULL || stuck_at >= record->stuck_at;
    if (as_far) {
        bool further = record->states_count == 0;
        add_state(record, state);
        if (further || frames_count > record->prefix->count) {
            prefix = prefix_of(record, frames, frames_count);
            replace(record, &record->prefix, prefix);
        }
        record->stuck = stuck;
        record->stuck_at = stuck_at;
    }
    /* A frame that has seen a longer one has those below it seen it, too. */
    for (uint32_t i = frames_count; i > 0 && frames[i - 1].seen < frames_count; i--) {
        struct check_prefix **longest = &record->longest[frames[i - 1].operation];
        frames[i - 1].seen = frames_count;
        if (*longest != NULL && (*longest)->count >= frames_count) continue;
        if (prefix == NULL) {
            if (record->words + frames_count > RECORD_PREFIX_WORDS_MAX) return;
            prefix = prefix_of(record, frames, frames_count);
        }
        replace(record, longest, prefix);
    }
}
