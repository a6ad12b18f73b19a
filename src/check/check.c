/* Takes a history apart by keys and judges each. See check.h. */
#include "check/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "check/linear.h"
#include "check/record.h"

#define MIB ((size_t)1 << 20)

enum { NOT_JUDGED = UINT32_MAX };

struct key {
    struct map_node node;
    uint32_t number; /* in keys.items */
    uint64_t key;
    uint32_t operations_count, events_count;
    uint32_t *operations; /* indexes of the history; in keys.operations */
    uint32_t *events;     /* place in `operations` << 1 | returns; in keys.events */
};

struct keys {
    struct map by_key;
    struct key **items; /* in the order in which they come up */
    uint32_t count, capacity;
    uint32_t *key_of; /* [operation]: number of its key; NOT_JUDGED for the failed */
    uint32_t *operations;
    uint32_t *events;
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);
    ASSERT(memory != NULL);
    return memory;
}

static struct key *key_of(struct keys *keys, uint64_t key)
{
    uint64_t hash = map_hash_u64(key);
    struct map_node *node = map_find(&keys->by_key, hash);
    for (; node != NULL; node = map_find_next(node)) {
        struct key *found = (struct key *)(void *)node; /* its first member */
        if (found->key == key) return found;
    }
    if (keys->count == keys->capacity) {
        keys->capacity = keys->capacity == 0 ? 16 : keys->capacity * 2;
        keys->items = realloc(keys->items, keys->capacity * sizeof *keys->items);
        ASSERT(keys->items != NULL);
    }
    struct key *item = allocate(1, sizeof *item);
    item->key = key;
    item->number = keys->count;
    map_insert(&keys->by_key, &item->node, hash);
    keys->items[keys->count++] = item;
    return item;
}

static void count_by_key(struct keys *keys, const struct history *history)
{
    keys->key_of = allocate(history->count, sizeof *keys->key_of);
    for (uint32_t i = 0; i < history->count; i++) {
        const struct operation *operation = &history->items[i];
        keys->key_of[i] = NOT_JUDGED;
        if (operation->outcome == OPERATION_FAILED) continue;
        struct key *key = key_of(keys, operation->key);
        keys->key_of[i] = key->number;
        key->operations_count++;
        key->events_count += operation->outcome == OPERATION_UNKNOWN ? 1 : 2;
    }
    keys->operations = allocate(history->count, sizeof *keys->operations);
    keys->events = allocate((size_t)history->events, sizeof *keys->events);
    uint32_t operations = 0, events = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        struct key *key = keys->items[i];
        key->operations = keys->operations + operations;
        key->events = keys->events + events;
        operations += key->operations_count;
        events += key->events_count;
        key->operations_count = 0;
        key->events_count = 0;
    }
}

/* What happened at each place of the history: operation << 1 | returns. */
static uint32_t *timeline_of(const struct history *history)
{
    uint32_t *timeline = allocate((size_t)history->events, sizeof *timeline);
    for (uint32_t i = 0; i < history->count; i++) {
        const struct operation *operation = &history->items[i];
        timeline[operation->called_at] = i << 1;
        if (operation->returned_at != HISTORY_NEVER) timeline[operation->returned_at] = i << 1 | 1;
    }
    return timeline;
}

static void split(struct keys *keys, const struct history *history)
{
    count_by_key(keys, history);
    uint32_t *timeline = timeline_of(history);
    uint32_t *place = allocate(history->count, sizeof *place); /* in its key's operations */
    for (uint64_t at = 0; at < history->events; at++) {
        uint32_t operation = timeline[at] >> 1;
        if (keys->key_of[operation] == NOT_JUDGED) continue;
        struct key *key = keys->items[keys->key_of[operation]];
        if ((timeline[at] & 1) == 0) {
            place[operation] = key->operations_count++;
            key->operations[place[operation]] = operation;
        }
        key->events[key->events_count++] = place[operation] << 1 | (timeline[at] & 1);
    }
    free(place);
    free(timeline);
}

static void keys_free(struct keys *keys)
{
    for (uint32_t i = 0; i < keys->count; i++) free(keys->items[i]);
    map_free(&keys->by_key);
    free(keys->items);
    free(keys->key_of);
    free(keys->operations);
    free(keys->events);
}

/* --- violations --- */

/* Takes over what the record holds. */
static void violation_of(struct check_violation *violation, const struct key *key,
                         const struct record *record)
{
    *violation = (struct check_violation){
        .key = key->key,
        .count = key->operations_count,
        .stuck = key->operations[record->stuck],
        .states_count = record->states_count,
        .states_more = record->states_more,
        .prefix = record->prefix,
        .longest = record->longest,
    };
    memcpy(violation->states, record->states, sizeof violation->states);
    violation->operations = allocate(key->operations_count, sizeof *violation->operations);
    memcpy(violation->operations, key->operations,
           key->operations_count * sizeof *violation->operations);
}

/* Searches once more, and looks on. As the search is the same, its end is known. */
static void explain(const struct linear_problem *problem, const struct key *key,
                    struct check_result *result)
{
    if (result->violations_count == CHECK_VIOLATIONS_MAX) return;
    struct check_options options = *problem->options;
    options.stop = NULL;
    struct linear_problem again = *problem;
    again.options = &options;
    struct record record;
    record_begin(&record, key->operations, key->operations_count);
    struct linear_answer answer = linear_search(&again, UINT64_MAX, &record);
    ASSERT(answer.verdict == CHECK_VIOLATION);
    result->violations = realloc(result->violations, (result->violations_count + (size_t)1) *
                                                         sizeof *result->violations);
    ASSERT(result->violations != NULL);
    violation_of(&result->violations[result->violations_count++], key, &record);
}

static void judge(const struct linear_problem *problem, const struct key *key,
                  struct check_result *result)
{
    uint64_t steps_left = problem->options->steps_max - result->steps;
    struct linear_answer answer = linear_search(problem, steps_left, NULL);
    result->steps += answer.steps;
    if (answer.memory_bytes > result->memory_bytes) result->memory_bytes = answer.memory_bytes;
    if (answer.verdict == CHECK_UNKNOWN) {
        result->keys_unknown++;
        if (answer.out_of_memory) result->out_of_memory = true;
    } else if (answer.verdict == CHECK_VIOLATION) {
        result->keys_violated++;
        if (problem->options->explain) explain(problem, key, result);
    }
}

void check_history(const struct history *history, const struct model *model,
                   const struct check_options *options, struct check_result *result)
{
    *result = (struct check_result){0};
    struct keys keys = {0};
    split(&keys, history);
    for (uint32_t i = 0; i < keys.count; i++) {
        const struct key *key = keys.items[i];
        struct linear_problem problem = {
            .history = history,
            .model = model,
            .options = options,
            .operations = key->operations,
            .operations_count = key->operations_count,
            .events = key->events,
            .events_count = key->events_count,
        };
        judge(&problem, key, result);
    }
    result->keys = keys.count;
    if (result->keys_unknown > 0) result->verdict = CHECK_UNKNOWN;
    if (result->keys_violated > 0) result->verdict = CHECK_VIOLATION;
    keys_free(&keys);
}

struct check_options check_options_default(void)
{
    return (struct check_options){
        .initial = HISTORY_NIL,
        .memory_bytes_max = CHECK_MEMORY_MIB_DEFAULT * MIB,
        .steps_max = UINT64_MAX,
        .explain = true,
    };
}

void check_result_free(struct check_result *result)
{
    for (uint32_t i = 0; i < result->violations_count; i++) {
        struct check_violation *violation = &result->violations[i];
        for (uint32_t j = 0; j < violation->count; j++) check_prefix_release(violation->longest[j]);
        check_prefix_release(violation->prefix);
        free(violation->longest);
        free(violation->operations);
    }
    free(result->violations);
    *result = (struct check_result){0};
}
