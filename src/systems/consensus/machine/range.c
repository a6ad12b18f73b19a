/* Ranges and compares: what is read.
 *
 * The present is counted and stepped through by live keys. The past, and the present as it stood
 * before a command that is still going on, is found by looking at every key of the range: no answer
 * looks at more than CONSENSUS_RANGE_KEYS_MAX. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

static uint64_t tree_range(const struct tree *tree, struct slice key, struct slice end)
{
    if (end.size == 0) {
        struct key *found = tree_find(tree, key);
        return found != NULL && (tree->every || key_live(found));
    }
    bool open = range_from_on(end);
    uint64_t upto = tree_live_below(tree, open ? NULL : &end);
    uint64_t below = tree_live_below(tree, &key);
    return upto > below ? upto - below : 0;
}

uint64_t range_count(const struct consensus *c, struct slice key, struct slice end, bool as_running)
{
    uint64_t live = tree_range(&c->keys, key, end);
    if (as_running || !c->running.active) return live;
    return live + tree_range(&c->gone, key, end) - tree_range(&c->born, key, end);
}

void step_show(struct step *step, const struct version *version)
{
    if (step->outcome.kvs_count == step->kvs_capacity) {
        step->kvs_capacity = step->kvs_capacity == 0 ? 1 : step->kvs_capacity * 2;
        step->kvs = realloc(step->kvs, step->kvs_capacity * sizeof step->kvs[0]);
        ASSERT(step->kvs != NULL);
    }
    step->kvs[step->outcome.kvs_count++] = version_shown(version);
    step->outcome.kvs = step->kvs;
}

/* Sorting: by numbers or values, then by key. */

static int compare_numbers(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_kvs(const struct consensus_range *range, const struct consensus_kv *a,
                       const struct consensus_kv *b)
{
    int order = 0;
    switch (range->sort) {
    case CONSENSUS_SORT_VERSION: order = compare_numbers(a->version, b->version); break;
    case CONSENSUS_SORT_CREATE: order = compare_numbers(a->create, b->create); break;
    case CONSENSUS_SORT_MOD: order = compare_numbers(a->mod, b->mod); break;
    case CONSENSUS_SORT_VALUE: order = slice_compare(a->value, b->value); break;
    default: break;
    }
    if (order == 0) order = slice_compare(a->key, b->key);
    return range->order == CONSENSUS_DESCEND ? -order : order;
}

/* Merges pairs of runs, from one array to the other, until there is one run. */
static void sort_kvs(const struct consensus_range *range, struct consensus_kv *kvs, uint32_t count)
{
    struct consensus_kv *other = malloc(count * sizeof other[0]);
    ASSERT(other != NULL);
    struct consensus_kv *from = kvs, *to = other;
    for (uint32_t run = 1; run < count; run *= 2) {
        for (uint32_t begin = 0; begin < count; begin += 2 * run) {
            uint32_t left = begin, middle = count - begin > run ? begin + run : count;
            uint32_t right = middle, end = count - middle > run ? middle + run : count;
            for (uint32_t at = begin; at < end; at++) {
                bool first = left < middle &&
                             (right == end || compare_kvs(range, &from[left], &from[right]) <= 0);
                to[at] = from[first ? left++ : right++];
            }
        }
        struct consensus_kv *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != kvs) memcpy(kvs, from, count * sizeof kvs[0]);
    free(other);
}

/* Collecting */

struct collecting {
    const struct consensus *c;
    const struct consensus_range *range;
    uint64_t revision; /* as of this one */
    bool present;      /* of live keys alone */
    bool tried;        /* it was collected once, with all limits: nothing may fail any more */
    uint64_t limit;    /* of what is collected; 0: none */
    uint64_t looked, bytes;
    int64_t count; /* of keys that were there */
};

static bool filtered(const struct consensus_range *range, const struct version *version)
{
    int64_t mod = (int64_t)version->mod, create = (int64_t)version->create;
    return (range->mod_min != 0 && mod < range->mod_min) ||
           (range->mod_max != 0 && mod > range->mod_max) ||
           (range->create_min != 0 && create < range->create_min) ||
           (range->create_max != 0 && create > range->create_max);
}

/* False when enough is collected, or too much. */
static bool collect(struct collecting *collecting, const struct key *key, struct step *step)
{
    collecting->looked++;
    const struct version *version = version_at(key, collecting->revision);
    if (version == NULL) return true;
    collecting->count++;
    const struct consensus_range *range = collecting->range;
    bool full = collecting->limit != 0 && step->outcome.kvs_count == collecting->limit;
    if (range->count_only || full || filtered(range, version)) return !full || !collecting->present;
    collecting->bytes += key->size + (range->keys_only ? 0 : version->size);
    step_show(step, version);
    return true;
}

static enum consensus_error collect_all(struct collecting *collecting, struct step *step)
{
    const struct consensus *c = collecting->c;
    const struct consensus_range *range = collecting->range;
    struct tree_place place = tree_seek(&c->keys, range->key, false, collecting->present);
    while (place.key != NULL && range_holds(range->key, range->end, key_bytes(place.key))) {
        if (!collecting->tried && (collecting->looked == CONSENSUS_RANGE_KEYS_MAX ||
                                   collecting->bytes > CONSENSUS_RANGE_BYTES_MAX)) {
            return CONSENSUS_ERROR_RANGE_TOO_LARGE;
        }
        if (!collect(collecting, place.key, step)) break;
        tree_next(&c->keys, &place, collecting->present);
    }
    return CONSENSUS_ERROR_NONE;
}

static bool has_filters(const struct consensus_range *range)
{
    return range->mod_min != 0 || range->mod_max != 0 || range->create_min != 0 ||
           range->create_max != 0;
}

/* Sorts, cuts off at the limit, and leaves out what was not asked for. */
static void finish(const struct consensus_range *range, struct step *step)
{
    struct consensus_outcome *outcome = &step->outcome;
    bool sorted = range->order != CONSENSUS_UNORDERED || range->sort != CONSENSUS_SORT_KEY;
    if (sorted && outcome->kvs_count > 1) sort_kvs(range, step->kvs, outcome->kvs_count);
    if (range->limit > 0 && outcome->kvs_count > (uint64_t)range->limit) {
        outcome->kvs_count = (uint32_t)range->limit;
        outcome->more = true;
    }
    for (uint32_t i = 0; range->keys_only && i < outcome->kvs_count; i++) {
        step->kvs[i].value = slice_of(NULL, 0);
    }
}

enum consensus_error range_answer(const struct consensus *c, const struct consensus_range *range,
                                  bool as_running, struct step *step)
{
    uint64_t now = c->revision + (as_running && c->running.sub != 0);
    uint64_t revision = range->revision > 0 ? (uint64_t)range->revision : now;
    step->op = step->outcome.op = CONSENSUS_RANGE;
    step->outcome.revision = (int64_t)now;
    if (revision > now) return CONSENSUS_ERROR_FUTURE_REVISION;
    if (revision < c->compacted) return CONSENSUS_ERROR_COMPACTED;
    bool counted = revision == now; /* the trees know how many there are */
    struct collecting collecting = {
        .c = c,
        .range = range,
        .revision = revision,
        .present = counted && (as_running || !c->running.active),
        .tried = as_running,
    };
    /* As etcd: what is sorted or filtered is collected whole; otherwise one more than the limit. */
    if (range->limit > 0 && range->order == CONSENSUS_UNORDERED && !has_filters(range)) {
        collecting.limit = (uint64_t)range->limit + 1;
    }
    enum consensus_error error = CONSENSUS_ERROR_NONE;
    if (!range->count_only || !counted) error = collect_all(&collecting, step);
    step->looked = collecting.looked;
    if (error != CONSENSUS_ERROR_NONE) return error;
    step->outcome.count = collecting.count;
    if (counted) {
        step->outcome.count = (int64_t)range_count(c, range->key, range->end, as_running);
    }
    finish(range, step);
    return CONSENSUS_ERROR_NONE;
}

/* Compares */

static int compare_version(const struct consensus_compare *compare, const struct version *version)
{
    static const struct version none; /* a key that is not there has zeros */
    if (version == NULL) version = &none;
    switch (compare->target) {
    case CONSENSUS_CREATE: return compare_numbers((int64_t)version->create, compare->number);
    case CONSENSUS_MOD: return compare_numbers((int64_t)version->mod, compare->number);
    case CONSENSUS_VALUE:
        return slice_compare(slice_of(version->value, version->size), compare->value);
    case CONSENSUS_LEASE: return compare_numbers(version->lease, compare->number);
    default: return compare_numbers((int64_t)version->version, compare->number);
    }
}

static bool satisfied(const struct consensus_compare *compare, const struct version *version)
{
    int order = compare_version(compare, version);
    switch (compare->result) {
    case CONSENSUS_EQUAL: return order == 0;
    case CONSENSUS_GREATER: return order > 0;
    case CONSENSUS_LESS: return order < 0;
    default: return order != 0;
    }
}

bool compare_holds(const struct consensus *c, const struct consensus_compare *compare,
                   enum consensus_error *error)
{
    struct tree_place place = tree_seek(&c->keys, compare->key, false, false);
    uint32_t looked = 0;
    bool any = false;
    while (place.key != NULL && range_holds(compare->key, compare->end, key_bytes(place.key))) {
        if (looked++ == CONSENSUS_RANGE_KEYS_MAX) {
            *error = CONSENSUS_ERROR_RANGE_TOO_LARGE;
            return false;
        }
        const struct version *version = version_at(place.key, c->revision);
        any |= version != NULL;
        if (version != NULL && !satisfied(compare, version)) return false;
        tree_next(&c->keys, &place, false);
    }
    return any || (compare->target != CONSENSUS_VALUE && satisfied(compare, NULL));
}
