/* What must hold between the parts of a store: for tests and the simulator. */
#include "base/assert.h"
#include "systems/store/machine/internal.h"

struct tally {
    const struct store *store;
    uint32_t slot;
    uint64_t count, digest, bytes, due, wall;
};

static void check_entry(struct tally *tally, struct entry *entry)
{
    const struct keyspace *keys = tally->store->keys;
    struct slice key = entry_key(entry);
    ASSERT(store_slot(key) == tally->slot);
    ASSERT(entry->node.hash == store_hash(tally->store, key));
    ASSERT(entry->value_size <= STORE_VALUE_SIZE_MAX && key.size <= STORE_KEY_SIZE_MAX);
    tally->count++;
    tally->bytes += entry_size(entry);
    tally->digest += entry_digest(entry);
    if (entry->clock == CLOCK_NONE) return;
    const struct timer *timer = entry_timer(entry);
    const struct heap *heap = entry->clock == CLOCK_DUE ? &keys->due : &keys->wall;
    ASSERT(timer->place.at < heap->count);
    ASSERT(heap->slots[timer->place.at].place == &timer->place);
    ASSERT(heap->slots[timer->place.at].major == timer->when_us);
    if (entry->clock == CLOCK_DUE) tally->due++;
    if (entry->clock == CLOCK_WALL) tally->wall++;
}

static void check_chain(struct tally *tally, struct map_node *node)
{
    for (; node != NULL; node = node->next) check_entry(tally, (struct entry *)node);
}

void store_check(const void *machine)
{
    const struct store *store = machine;
    const struct keyspace *keys = store->keys;
    struct tally tally = {.store = store};
    for (; tally.slot < STORE_SLOTS; tally.slot++) {
        const struct map *map = &keys->slots[tally.slot];
        uint64_t before = tally.count;
        for (size_t i = 0; map->old_buckets != NULL && i < map->old_size; i++) {
            check_chain(&tally, map->old_buckets[i]);
        }
        for (size_t i = 0; i < map->size; i++) check_chain(&tally, map->buckets[i]);
        ASSERT(tally.count - before == map->count);
    }
    ASSERT(tally.count == keys->count && tally.digest == keys->digest);
    ASSERT(tally.bytes == keys->bytes);
    ASSERT(tally.due == keys->due.count && tally.wall == keys->wall.count);
}
