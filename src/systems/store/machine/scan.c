/* Looking at many keys: SCAN, KEYS, RANDOMKEY, and those of one slot.
 *
 * A cursor of SCAN is a slot and a place in its table: bucket * 2^14 + slot, and 0 when it is over.
 * It means the same on every replica: the tables differ in size, not in how they are counted
 * (base/map.h). */
#include "base/random.h"
#include "systems/store/machine/internal.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
    SCAN_BUCKETS_MAX = 1000, /* of one SCAN, those with nothing in them too */
    RANDOM_TRIES_MAX = 100,
};

struct search {
    struct call *call;
    bool filtered;
    struct slice pattern;
    bool no_type; /* such as there is no key of */
    uint32_t looked, found;
};

static void look(void *world, struct map_node *node)
{
    struct search *search = world;
    const struct entry *entry = (const struct entry *)node;
    search->looked++;
    if (search->no_type || entry_is_over(entry, &search->call->store->now)) return;
    if (search->filtered && !glob_match(search->pattern, entry_key(entry))) return;
    if (search->found == STORE_ELEMENTS_MAX) return;
    search->found++;
    reply_bulk(search->call, entry_key(entry));
}

/* The array of what is found; its size is known when all is. */
static size_t open_array(struct call *call)
{
    reply_array(call, 0);
    return call->store->scratch->values.size - sizeof(struct store_value);
}

static struct store_value *value_at(struct call *call, size_t at)
{
    struct buffer *values = &call->store->scratch->values;
    return (struct store_value *)(void *)(values->data + values->head + at);
}

/* --- SCAN --- */

static bool scan_options(struct call *call, struct search *search, uint64_t *count)
{
    for (uint32_t i = 1; i < call->count; i += 2) {
        struct slice name = call->words[i];
        if (i + 1 == call->count) {
            reply_syntax_error(call);
            return false;
        }
        struct slice value = call->words[i + 1];
        int64_t number;
        if (word_is(name, "match")) {
            search->filtered = true;
            search->pattern = value;
        } else if (word_is(name, "type")) {
            search->no_type = !word_is(value, "string");
        } else if (word_is(name, "count") && word_integer(value, &number) && number > 0) {
            *count = (uint64_t)number;
        } else {
            reply_syntax_error(call);
            return false;
        }
    }
    return true;
}

static bool pattern_fits(struct call *call, struct slice pattern)
{
    if (pattern.size <= STORE_PATTERN_SIZE_MAX) return true;
    reply_error(call, "ERR a pattern is at most 1024 bytes");
    return false;
}

void run_SCAN(struct call *call)
{
    struct search search = {.call = call};
    uint64_t cursor, count = SCAN_COUNT_DEFAULT;
    if (!decimal_read(call->words[0], &cursor)) {
        reply_error(call, "ERR invalid cursor");
        return;
    }
    if (!scan_options(call, &search, &count) || !pattern_fits(call, search.pattern)) return;
    reply_array(call, 2);
    size_t cursor_at = call->store->scratch->values.size;
    reply_nil(call);
    size_t array_at = open_array(call);
    uint32_t slot = cursor % STORE_SLOTS;
    uint64_t bucket = cursor / STORE_SLOTS;
    uint32_t buckets = 0;
    while (slot < STORE_SLOTS && search.looked < count && buckets < SCAN_BUCKETS_MAX) {
        const struct map *map = &call->store->keys->slots[slot];
        if (map->count > 0) {
            bucket = map_scan(map, bucket, look, &search);
            buckets++;
        } else {
            bucket = 0;
        }
        if (bucket == 0) slot++;
    }
    value_at(call, array_at)->number = search.found;
    cursor = slot == STORE_SLOTS ? 0 : bucket * STORE_SLOTS + slot;
    reply_decimal(call, (int64_t)cursor); /* which belongs in front */
    struct buffer *values = &call->store->scratch->values;
    values->size -= sizeof(struct store_value);
    *value_at(call, cursor_at) = *value_at(call, values->size);
}

/* --- all at once --- */

static void scan_slot(struct search *search, uint32_t slot)
{
    const struct map *map = &search->call->store->keys->slots[slot];
    if (map->count == 0) return;
    uint64_t bucket = 0;
    do {
        bucket = map_scan(map, bucket, look, search);
    } while (bucket != 0);
}

void run_KEYS(struct call *call)
{
    struct search search = {.call = call, .filtered = true, .pattern = call->words[0]};
    if (!pattern_fits(call, search.pattern)) return;
    if (call->store->keys->count > STORE_ELEMENTS_MAX) {
        reply_error(call, "ERR KEYS looks at 100000 keys at most, and there are more: use SCAN");
        return;
    }
    size_t array_at = open_array(call);
    for (uint32_t slot = 0; slot < STORE_SLOTS; slot++) scan_slot(&search, slot);
    value_at(call, array_at)->number = search.found;
}

static bool slot_read(struct call *call, uint32_t *slot)
{
    int64_t number;
    if (word_integer(call->words[0], &number) && number >= 0 && number < STORE_SLOTS) {
        *slot = (uint32_t)number;
        return true;
    }
    reply_error(call, "ERR Invalid slot");
    return false;
}

void run_COUNT_SLOT(struct call *call)
{
    uint32_t slot;
    if (slot_read(call, &slot)) {
        reply_integer(call, (int64_t)call->store->keys->slots[slot].count);
    }
}

void run_KEYS_SLOT(struct call *call)
{
    uint32_t slot;
    int64_t most;
    if (!slot_read(call, &slot)) return;
    if (!word_integer(call->words[1], &most) || most < 0) {
        reply_error(call, "ERR Invalid number of keys");
        return;
    }
    struct search search = {.call = call};
    size_t array_at = open_array(call);
    const struct map *map = &call->store->keys->slots[slot];
    uint64_t bucket = 0;
    while (map->count > 0 && search.found < most) {
        bucket = map_scan(map, bucket, look, &search);
        if (bucket == 0) break;
    }
    struct buffer *values = &call->store->scratch->values;
    for (; search.found > most; search.found--) values->size -= sizeof(struct store_value);
    value_at(call, array_at)->number = search.found;
}

/* --- any one --- */

struct pick {
    const struct store *store;
    const struct entry *entry;
};

static void take_any(void *world, struct map_node *node)
{
    struct pick *pick = world;
    const struct entry *entry = (const struct entry *)node;
    if (!entry_is_over(entry, &pick->store->now)) pick->entry = entry;
}

void run_RANDOMKEY(struct call *call)
{
    const struct store *store = call->store;
    struct pick pick = {store, NULL};
    struct random random = random_seeded(store->scratch->numbers ^ call->now.elapsed_us);
    uint32_t slot = (uint32_t)random_below(&random, STORE_SLOTS);
    for (uint32_t tries = 0; tries < RANDOM_TRIES_MAX && pick.entry == NULL; tries++) {
        uint32_t empty = 0;
        while (store->keys->slots[slot].count == 0 && empty++ < STORE_SLOTS) {
            slot = (slot + 1) % STORE_SLOTS;
        }
        if (store->keys->slots[slot].count == 0) break;
        map_scan(&store->keys->slots[slot], random_next(&random), take_any, &pick);
        if (tries % 10 == 9) slot = (slot + 1) % STORE_SLOTS;
    }
    if (pick.entry == NULL) {
        reply_nil(call);
    } else {
        reply_bulk(call, entry_key(pick.entry));
    }
}
