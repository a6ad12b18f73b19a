/* Log time, keys whose end has come, and keyspaces that were flushed. See internal.h. */
#include <stdlib.h>

#include "base/assert.h"
#include "systems/store/machine/internal.h"

uint64_t expiry_left_us(struct expiry expiry, const struct machine_time *now)
{
    if (expiry.clock == CLOCK_NONE) return UINT64_MAX;
    uint64_t now_us = expiry.clock == CLOCK_DUE ? now->due_us : now->wall_us;
    return expiry.when_us > now_us ? expiry.when_us - now_us : 0;
}

/* --- keyspaces --- */

struct keyspace *keyspace_new(void)
{
    struct keyspace *keys = calloc(1, sizeof *keys);
    ASSERT(keys != NULL);
    list_init(&keys->in_flushed);
    return keys;
}

bool keyspace_free_some(struct keyspace *keys, uint32_t count)
{
    for (; keys->freed_slots < STORE_SLOTS; keys->freed_slots++) {
        struct map *map = &keys->slots[keys->freed_slots];
        for (; map->count > 0; count--) {
            if (count == 0) return false;
            struct map_node *node = map_any(map);
            map_remove(map, node);
            entry_free((struct entry *)node);
        }
        map_free(map);
    }
    heap_free(&keys->due);
    heap_free(&keys->wall);
    list_remove(&keys->in_flushed);
    free(keys);
    return true;
}

void store_flush(struct store *store)
{
    if (store->keys->count == 0) return;
    list_append(&store->flushed, &store->keys->in_flushed);
    store->keys = keyspace_new();
}

void store_free_flushed(struct store *store)
{
    if (list_empty(&store->flushed)) return;
    struct keyspace *keys = LIST_ITEM(store->flushed.next, struct keyspace, in_flushed);
    if (store->cut.active && store->walk.keys == keys) return; /* which still reads it */
    keyspace_free_some(keys, MACHINE_WORK_MAX);
}

/* --- time --- */

/* What is over, up to the work of one call; false: there is more. */
static bool expire_some(struct store *store, struct heap *heap, uint64_t now_us, uint32_t *work)
{
    for (; heap->count > 0 && heap_min(heap)->major <= now_us; (*work)++) {
        if (*work == MACHINE_WORK_MAX) return false;
        struct timer *timer = LIST_ITEM(heap_min(heap)->place, struct timer, place);
        struct entry *entry = (struct entry *)(void *)timer - 1;
        store->expired++;
        entry_delete(store, store_slot(entry_key(entry)), entry);
    }
    return true;
}

void store_advance(void *machine, const struct machine_time *time)
{
    struct store *store = machine;
    uint32_t work = 0;
    store->now = *time;
    if (store->seed == 0 && store->keys->count == 0) store->seed = time->wall_us | 1;
    if (expire_some(store, &store->keys->due, time->due_us, &work)) {
        expire_some(store, &store->keys->wall, time->wall_us, &work);
    }
    store_free_flushed(store);
}

/* A date is waited for as long as the calendar says now. */
struct machine_deadline store_deadline(const void *machine)
{
    const struct store *store = machine;
    struct machine_deadline deadline = {UINT64_MAX, UINT64_MAX};
    const struct heap_slot *due = heap_min(&store->keys->due);
    const struct heap_slot *wall = heap_min(&store->keys->wall);
    if (due != NULL) deadline.due_us = due->major;
    if (wall != NULL) {
        uint64_t now_us = store->now.wall_us;
        uint64_t left_us = wall->major > now_us ? wall->major - now_us : 0;
        uint64_t due_us = store->now.due_us;
        uint64_t at_us = left_us > UINT64_MAX - due_us ? UINT64_MAX : due_us + left_us;
        if (at_us < deadline.due_us) deadline.due_us = at_us;
    }
    bool freeing = !list_empty(&store->flushed) && !store->cut.active;
    if (freeing || deadline.due_us <= store->now.due_us) deadline.elapsed_us = 0;
    return deadline;
}
