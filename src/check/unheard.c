/* Which operations of unknown outcome matter. See unheard.h. */
#include "check/unheard.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/map.h"

/* How many operations need to have found each value. */
struct tally {
    uint64_t *values;
    uint32_t *counts; /* 0: the slot is free, or the value is needed no more */
    bool *used;
    size_t size; /* a power of two, more than there are values */
};

static struct tally tally_for(uint32_t values)
{
    struct tally tally = {.size = 16};
    while (tally.size < (size_t)values * 2) tally.size *= 2;
    tally.values = calloc(tally.size, sizeof *tally.values);
    tally.counts = calloc(tally.size, sizeof *tally.counts);
    tally.used = calloc(tally.size, sizeof *tally.used);
    ASSERT(tally.values != NULL && tally.counts != NULL && tally.used != NULL);
    return tally;
}

static void tally_free(struct tally *tally)
{
    free(tally->values);
    free(tally->counts);
    free(tally->used);
}

static uint32_t *tally_of(struct tally *tally, uint64_t value)
{
    size_t at = map_hash_u64(value) & (tally->size - 1);
    while (tally->used[at] && tally->values[at] != value) at = (at + 1) & (tally->size - 1);
    tally->used[at] = true;
    tally->values[at] = value;
    return &tally->counts[at];
}

/* Counts what everyone needs; false: some operation is content with any of several values. */
static bool tally_needs(const struct history *history, const struct model *model,
                        const uint32_t *operations, uint32_t count, struct tally *tally)
{
    bool particular = true;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t value;
        switch (model->needs(&history->items[operations[i]], &value)) {
        case MODEL_NEEDS_NOTHING: break;
        case MODEL_NEEDS_VALUE: ++*tally_of(tally, value); break;
        case MODEL_NEEDS_SOMETHING: particular = false; break;
        }
    }
    return particular;
}

void unheard_sift(const struct history *history, const struct model *model,
                  const uint32_t *operations, uint32_t count, bool *useless)
{
    struct tally needed = tally_for(2 * count); /* needed and left behind: two a piece */
    bool particular = tally_needs(history, model, operations, count, &needed);
    for (uint32_t i = 0; i < count; i++) {
        const struct operation *operation = &history->items[operations[i]];
        useless[i] = operation->outcome == OPERATION_UNKNOWN && model->looks_only(operation);
    }
    /* Leaving one out may leave another without anyone who needs it. */
    for (bool again = particular; again;) {
        again = false;
        for (uint32_t i = 0; i < count; i++) {
            const struct operation *operation = &history->items[operations[i]];
            if (operation->outcome != OPERATION_UNKNOWN || useless[i]) continue;
            if (*tally_of(&needed, model->leaves(operation)) > 0) continue;
            uint64_t value;
            useless[i] = true;
            if (model->needs(operation, &value) == MODEL_NEEDS_VALUE) {
                --*tally_of(&needed, value);
                again = true;
            }
        }
    }
    tally_free(&needed);
}

static bool same_call(const struct operation *a, const struct operation *b)
{
    return a->f == b->f && a->in[0] == b->in[0] && a->in[1] == b->in[1];
}

void unheard_twins(const struct history *history, const uint32_t *operations, uint32_t count,
                   uint32_t *twins)
{
    size_t size = 16;
    while (size < (size_t)count * 2) size *= 2;
    uint32_t *last = calloc(size, sizeof *last); /* index + 1 of the last such call */
    ASSERT(last != NULL);
    for (uint32_t i = 0; i < count; i++) {
        const struct operation *operation = &history->items[operations[i]];
        size_t at = map_hash_u64(operation->f + 31 * map_hash_u64(operation->in[0]) +
                                 37 * map_hash_u64(operation->in[1])) &
                    (size - 1);
        while (last[at] != 0 && !same_call(operation, &history->items[operations[last[at] - 1]])) {
            at = (at + 1) & (size - 1);
        }
        twins[i] = last[at] == 0 ? UNHEARD_NO_TWIN : last[at] - 1;
        last[at] = i + 1;
    }
    free(last);
}
