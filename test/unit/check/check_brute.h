/* The slow and obvious judge: tries every order. What the fast one answers must agree with it on
 * every small history; it shares no code with src/check but the types. */
#ifndef QUARTET_TEST_CHECK_BRUTE_H
#define QUARTET_TEST_CHECK_BRUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "check/check.h"

enum { BRUTE_OPERATIONS_MAX = 16, BRUTE_KEYS_MAX = 4 };

struct brute {
    const struct history *history;
    uint64_t initial;
    uint64_t until;   /* who returns from here on need not be in the order */
    uint32_t without; /* this operation must not be in the order; UINT32_MAX: any may */
    uint64_t seen[BRUTE_OPERATIONS_MAX]; /* states in which an order was complete */
    uint32_t seen_count;
};

static inline bool brute_returned(const struct brute *brute, uint32_t i)
{
    const struct operation *operation = &brute->history->items[i];
    return operation->outcome != OPERATION_UNKNOWN && operation->returned_at < brute->until;
}

/* What a variable would do; its reading of the outcomes is its own. */
static inline bool brute_step(const struct brute *brute, uint32_t i, uint64_t *value)
{
    struct operation operation = brute->history->items[i];
    bool heard = operation.outcome != OPERATION_UNKNOWN;
    if (heard && operation.outcome == OPERATION_KEPT) {
        if (operation.f == MODEL_DELETE && operation.out != HISTORY_NIL) return false;
        if (operation.f == MODEL_CAS && operation.out == operation.in[0]) return false;
        return *value == operation.out;
    }
    if (operation.f == MODEL_READ && heard) return *value == operation.out;
    if (operation.f == MODEL_WRITE) *value = operation.in[0];
    if (operation.f == MODEL_CAS) {
        if (*value != operation.in[0]) return !heard;
        *value = operation.in[1];
    }
    if (operation.f == MODEL_DELETE) {
        bool there = *value != HISTORY_NIL;
        if (heard && operation.out == MODEL_WAS_THERE && !there) return false;
        *value = HISTORY_NIL;
    }
    return true;
}

static inline bool brute_called(const struct brute *brute, uint32_t i, uint64_t key)
{
    const struct operation *operation = &brute->history->items[i];
    return operation->called_at < brute->until && operation->key == key &&
           operation->outcome != OPERATION_FAILED;
}

/* Tries every order; true as soon as one is complete, unless `all` states are wanted. */
static inline bool brute_try(struct brute *brute, uint64_t key, uint32_t done, uint64_t value,
                             bool all)
{
    const struct history *history = brute->history;
    uint64_t first_return = UINT64_MAX;
    bool complete = true;
    for (uint32_t i = 0; i < history->count; i++) {
        if ((done >> i & 1) != 0 || !brute_called(brute, i, key)) continue;
        if (!brute_returned(brute, i)) continue;
        complete = false;
        if (history->items[i].returned_at < first_return) {
            first_return = history->items[i].returned_at;
        }
    }
    if (complete) {
        if (!all) return true;
        bool known = false;
        for (uint32_t i = 0; i < brute->seen_count; i++) known |= brute->seen[i] == value;
        if (!known && brute->seen_count < BRUTE_OPERATIONS_MAX) {
            brute->seen[brute->seen_count++] = value;
        }
    }
    for (uint32_t i = 0; i < history->count; i++) {
        if ((done >> i & 1) != 0 || !brute_called(brute, i, key) || i == brute->without) continue;
        if (history->items[i].called_at > first_return) continue;
        uint64_t after = value;
        if (!brute_step(brute, i, &after)) continue;
        if (brute_try(brute, key, done | (uint32_t)1 << i, after, all)) return true;
    }
    return false;
}

/* The history up to, and without, the event at this place; of those under way then, what they
 * gave is known all the same. */
static inline bool brute_linearizable(const struct history *history, uint64_t initial,
                                      uint64_t until)
{
    struct brute brute = {history, initial, until, UINT32_MAX, {0}, 0};
    for (uint64_t key = 0; key < BRUTE_KEYS_MAX; key++) {
        if (!brute_try(&brute, key, 0, initial, false)) return false;
    }
    return true;
}

#endif
