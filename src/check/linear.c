/* Wing and Gong's search with Lowe's cache. See linear.h.
 *
 * The calls and returns that are left form a list in the order of the history. An operation whose
 * call stands before the first return may be linearized next: its call and return are lifted out
 * of the list, and laid back when the search returns to try another. A return that comes first in
 * the list belongs to an operation that had to be linearized by then: the way here was wrong.
 *
 * An operation of unknown outcome has no return. The search is over when no return is left. */
#include "check/linear.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/random.h"
#include "check/cache.h"
#include "check/unheard.h"

enum { WORD_BITS = 64 };

struct entry {
    uint32_t next;
    uint32_t previous;
};

/* The operations are numbered anew: those with a return first, in the order of their calls, so
 * that what is linearized is a few words around one place; the others in words of their own. */
struct search {
    const struct linear_problem *problem;
    struct record *record;
    uint32_t *numbers;     /* [number]: index in problem->operations */
    uint32_t required;     /* how many have a return */
    uint32_t count;        /* how many there are, without those that cannot matter */
    uint32_t twins_from;   /* the number of the first of unknown outcome */
    uint32_t *twins;       /* [number - twins_from]: number of the twin, or UNHEARD_NO_TWIN */
    struct entry *entries; /* call of a number at 2 * number, its return behind it; then the head */
    uint32_t *places;      /* [number]: of the return, in problem->events */
    uint64_t *bits;        /* of what is linearized, by number */
    uint32_t middle_words; /* of bits: those of the required; then those of the others */
    uint32_t words;
    uint32_t first, end; /* words of the required before `first` are full, from `end` on empty */
    uint64_t hash;       /* of the bits */
    uint64_t state;
    struct record_frame *frames;
    uint32_t depth;
    uint32_t required_left;
    struct cache cache;
};

static uint32_t head_of(const struct search *search)
{
    return 2 * search->count;
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);
    ASSERT(memory != NULL);
    return memory;
}

static const struct operation *operation_at(const struct search *search, uint32_t number)
{
    const struct linear_problem *problem = search->problem;
    return &problem->history->items[problem->operations[search->numbers[number]]];
}

/* --- beginning --- */

static void link_last(struct search *search, uint32_t entry)
{
    struct entry *entries = search->entries;
    uint32_t head = head_of(search);
    entries[entry] = (struct entry){.next = head, .previous = entries[head].previous};
    entries[entries[head].previous].next = entry;
    entries[head].previous = entry;
}

static void link_events(struct search *search, const uint32_t *number_of)
{
    const struct linear_problem *problem = search->problem;
    search->entries = allocate(2 * (size_t)search->count + 1, sizeof *search->entries);
    search->places = allocate(search->count, sizeof *search->places);
    uint32_t head = head_of(search);
    search->entries[head] = (struct entry){.next = head, .previous = head};
    for (uint32_t i = 0; i < problem->events_count; i++) {
        uint32_t number = number_of[problem->events[i] >> 1];
        bool returns = (problem->events[i] & 1) != 0;
        if (number == UINT32_MAX) continue;
        if (returns) search->places[number] = i;
        link_last(search, 2 * number + returns);
    }
}

/* Gives numbers; number_of[index in operations] is UINT32_MAX for those that cannot matter. */
static void number_operations(struct search *search, uint32_t *number_of)
{
    const struct linear_problem *problem = search->problem;
    bool *useless = allocate(problem->operations_count, sizeof *useless);
    unheard_sift(problem->history, problem->model, problem->operations, problem->operations_count,
                 useless);
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < problem->operations_count; i++) {
            const struct operation *operation = &problem->history->items[problem->operations[i]];
            bool unknown = operation->outcome == OPERATION_UNKNOWN;
            if (unknown != (pass == 1)) continue;
            number_of[i] = useless[i] ? UINT32_MAX : search->count;
            if (!useless[i]) search->numbers[search->count++] = i;
        }
        if (pass == 0) search->required = search->count;
    }
    free(useless);
}

static void find_twins(struct search *search)
{
    uint32_t unknown = search->count - search->required;
    uint32_t *operations = allocate(unknown, sizeof *operations);
    search->twins = allocate(unknown, sizeof *search->twins);
    search->twins_from = search->required;
    for (uint32_t i = 0; i < unknown; i++) {
        operations[i] = search->problem->operations[search->numbers[search->required + i]];
    }
    unheard_twins(search->problem->history, operations, unknown, search->twins);
    free(operations);
}

static void search_begin(struct search *search, const struct linear_problem *problem,
                         struct record *record)
{
    *search = (struct search){
        .problem = problem,
        .record = record,
        .state = problem->options->initial,
        .cache = {.bytes_max = problem->options->memory_bytes_max},
    };
    uint32_t *number_of = allocate(problem->operations_count, sizeof *number_of);
    search->numbers = allocate(problem->operations_count, sizeof *search->numbers);
    number_operations(search, number_of);
    find_twins(search);
    link_events(search, number_of);
    free(number_of);
    uint32_t unknown = search->count - search->required;
    search->middle_words = (search->required + WORD_BITS - 1) / WORD_BITS;
    search->words = search->middle_words + (unknown + WORD_BITS - 1) / WORD_BITS;
    search->bits = allocate(search->words, sizeof *search->bits);
    search->frames = allocate(search->count, sizeof *search->frames);
    search->required_left = search->required;
}

static void search_end(struct search *search)
{
    cache_free(&search->cache);
    free(search->numbers);
    free(search->twins);
    free(search->entries);
    free(search->places);
    free(search->bits);
    free(search->frames);
}

/* --- the set of what is linearized --- */

static uint32_t bit_at(const struct search *search, uint32_t number)
{
    if (number < search->required) return number;
    return search->middle_words * WORD_BITS + number - search->required;
}

static bool is_set(const struct search *search, uint32_t number)
{
    uint32_t bit = bit_at(search, number);
    return (search->bits[bit / WORD_BITS] >> (bit % WORD_BITS) & 1) != 0;
}

static void set_add(struct search *search, uint32_t number)
{
    uint32_t bit = bit_at(search, number), word = bit / WORD_BITS;
    search->bits[word] |= (uint64_t)1 << (bit % WORD_BITS);
    search->hash ^= random_mix(number + 1);
    if (word >= search->middle_words) return;
    if (word >= search->end) search->end = word + 1;
    while (search->first < search->middle_words && search->bits[search->first] == UINT64_MAX) {
        search->first++;
    }
}

static void set_remove(struct search *search, uint32_t number)
{
    uint32_t bit = bit_at(search, number), word = bit / WORD_BITS;
    search->bits[word] &= ~((uint64_t)1 << (bit % WORD_BITS));
    search->hash ^= random_mix(number + 1);
    if (word >= search->middle_words) return;
    if (word < search->first) search->first = word;
    while (search->end > 0 && search->bits[search->end - 1] == 0) search->end--;
}

static enum cache_result remember(struct search *search, uint64_t state)
{
    uint32_t first = search->first;
    struct cache_key key = {
        .hash = random_mix(search->hash ^ random_mix(state + 0x9E3779B97F4A7C15u)),
        .state = state,
        .first = first,
        .middle = search->bits + first,
        .middle_count = search->end > first ? search->end - first : 0,
        .tail = search->bits + search->middle_words,
        .tail_count = search->words - search->middle_words,
    };
    return cache_add(&search->cache, &key);
}

/* --- the list --- */

static void unlink_entry(struct search *search, uint32_t entry)
{
    struct entry *entries = search->entries;
    entries[entries[entry].previous].next = entries[entry].next;
    entries[entries[entry].next].previous = entries[entry].previous;
}

static void relink_entry(struct search *search, uint32_t entry)
{
    struct entry *entries = search->entries;
    entries[entries[entry].previous].next = entry;
    entries[entries[entry].next].previous = entry;
}

static void lift(struct search *search, uint32_t number)
{
    unlink_entry(search, 2 * number);
    if (number < search->required) unlink_entry(search, 2 * number + 1);
}

static void lay_back(struct search *search, uint32_t number)
{
    if (number < search->required) relink_entry(search, 2 * number + 1);
    relink_entry(search, 2 * number);
}

/* --- the search --- */

/* The operation may come next, as far as order and state say; *state is what it leads to. */
static bool may_come_next(const struct search *search, uint32_t number, uint64_t *state)
{
    const struct operation *operation = operation_at(search, number);
    *state = search->state;
    if (!search->problem->model->step(operation, state)) return false;
    if (number < search->required) return true;
    uint32_t twin = search->twins[number - search->twins_from];
    /* No one knows that it was carried out, so there is no sense in it unless it changes
     * something; and of two equal ones the earlier goes first. */
    return *state != search->state &&
           (twin == UNHEARD_NO_TWIN || is_set(search, search->twins_from + twin));
}

static void go_on(struct search *search, uint32_t number, uint64_t state)
{
    search->frames[search->depth++] =
        (struct record_frame){search->numbers[number], number, 0, search->state};
    search->state = state;
    search->required_left -= number < search->required;
    lift(search, number);
}

/* Takes back the last operation; returns its number. */
static uint32_t take_back(struct search *search)
{
    struct record_frame *frame = &search->frames[--search->depth];
    search->state = frame->state;
    search->required_left += frame->number < search->required;
    set_remove(search, frame->number);
    lay_back(search, frame->number);
    return frame->number;
}

/* Returns to the last operation with an alternative: the entry to try next, or UINT32_MAX when
 * there is none. One that only looks is as good where it was as anywhere later. */
static uint32_t turn_back(struct search *search)
{
    while (search->depth > 0) {
        uint32_t number = take_back(search);
        if (search->problem->model->looks_only(operation_at(search, number))) continue;
        return search->entries[2 * number].next;
    }
    return UINT32_MAX;
}

static void blocked(struct search *search, uint32_t number)
{
    if (search->record == NULL) return;
    record_blocked(search->record, search->frames, search->depth, search->numbers[number],
                   search->places[number], search->state);
}

static enum check_verdict run(struct search *search, uint64_t steps_max,
                              struct linear_answer *answer)
{
    const struct check_options *options = search->problem->options;
    uint32_t entry = search->entries[head_of(search)].next;
    while (search->required_left > 0) {
        uint32_t number = entry / 2;
        if (entry % 2 == 1) {
            blocked(search, number);
            entry = turn_back(search);
            if (entry == UINT32_MAX) return CHECK_VIOLATION;
            continue;
        }
        if (answer->steps == steps_max) return CHECK_UNKNOWN;
        if (++answer->steps % CHECK_STOP_STEPS == 0 && options->stop != NULL &&
            options->stop(options->context)) {
            return CHECK_UNKNOWN;
        }
        uint64_t state;
        entry = search->entries[entry].next;
        if (!may_come_next(search, number, &state)) continue;
        set_add(search, number);
        enum cache_result known = remember(search, state);
        if (known == CACHE_ADDED) {
            go_on(search, number, state);
            entry = search->entries[head_of(search)].next;
            continue;
        }
        set_remove(search, number);
        if (known == CACHE_FULL) {
            answer->out_of_memory = true;
            return CHECK_UNKNOWN;
        }
    }
    return CHECK_PASSED;
}

struct linear_answer linear_search(const struct linear_problem *problem, uint64_t steps_max,
                                   struct record *record)
{
    struct search search;
    struct linear_answer answer = {0};
    search_begin(&search, problem, record);
    answer.verdict = run(&search, steps_max, &answer);
    answer.memory_bytes = search.cache.bytes;
    search_end(&search);
    return answer;
}
