/* Taking a snapshot while keys go on changing: specs/systems/store.md, "Snapshot". How the stream
 * is made is contract/cut.h; here stands what is in it, and the cursor, which walks the tables slot
 * by slot. A keyspace that is flushed meanwhile changes no more, and is freed only when the cursor
 * is through with it. */
#include "base/assert.h"
#include "systems/store/machine/internal.h"

enum {
    ABORTED_MAX = CUT_NUMBERS - 10, /* in a row: behind it marks would come again */
};

/* What an entry has room for of the number of a cut. */
uint32_t cut_mark_of(const struct cut *cut)
{
    return cut->number % CUT_NUMBERS;
}

static void put_header(const struct store *store, struct buffer *out)
{
    size_t begin = cut_object_begin(out, CUT_HEADER);
    buffer_put_u64(out, store->now.elapsed_us);
    buffer_put_u64(out, store->now.due_us);
    buffer_put_u64(out, store->now.wall_us);
    buffer_put_u64(out, store->seed);
    buffer_put_u64(out, store->sequence);
    buffer_put_u64(out, store->commands);
    buffer_put_u64(out, store->expired);
    cut_object_end(out, begin);
}

static void put_entry(struct store *store, struct entry *entry, struct buffer *out)
{
    uint32_t mark = cut_mark_of(&store->cut);
    if (entry->cut == mark) return;
    entry->cut = mark & CUT_NUMBERS;
    store->walk.written++;
    struct slice key = entry_key(entry), value = entry_value(entry);
    size_t begin = cut_object_begin(out, OBJECT_ENTRY);
    buffer_put_u8(out, (uint8_t)(entry->kind | entry->clock << 4));
    if (entry->clock != CLOCK_NONE) {
        struct timer *timer = entry_timer(entry);
        const struct keyspace *keys = store->walk.keys;
        const struct heap *heap = entry->clock == CLOCK_DUE ? &keys->due : &keys->wall;
        buffer_put_u64(out, timer->when_us);
        buffer_put_u64(out, heap->slots[timer->place.at].minor);
    }
    buffer_put_u32(out, (uint32_t)key.size);
    buffer_append_slice(out, key);
    buffer_append_slice(out, value);
    cut_object_end(out, begin);
}

void cut_entry_changes(struct store *store, struct entry *entry)
{
    if (store->walk.keys != store->keys) return; /* it was made after the flush */
    put_entry(store, entry, cut_pre_image(&store->cut));
}

/* --- the cursor --- */

struct walk_bucket {
    struct store *store;
    struct buffer *out;
};

static void walk_entry(void *world, struct map_node *node)
{
    struct walk_bucket *walk = world;
    put_entry(walk->store, (struct entry *)node, walk->out);
}

/* One bucket, and the empty slots in front of it. */
static bool step(void *machine, size_t limit, struct buffer *out)
{
    struct store *store = machine;
    struct cut_walk *walk = &store->walk;
    struct walk_bucket bucket = {store, out};
    (void)limit;
    while (walk->slot < STORE_SLOTS && walk->keys->slots[walk->slot].count == 0) {
        walk->slot++;
        walk->bucket = 0;
    }
    if (walk->slot == STORE_SLOTS) return false;
    walk->bucket = map_scan(&walk->keys->slots[walk->slot], walk->bucket, walk_entry, &bucket);
    if (walk->bucket == 0) walk->slot++;
    return true;
}

static void end(void *machine, struct buffer *out)
{
    struct store *store = machine;
    struct cut_walk *walk = &store->walk;
    ASSERT(walk->written == walk->count);
    size_t begin = cut_object_begin(out, OBJECT_END);
    buffer_put_u64(out, walk->count);
    buffer_put_u64(out, walk->digest);
    cut_object_end(out, begin);
    walk->keys = NULL;
    walk->aborted = 0;
}

static void forget_mark(void *world, struct map_node *node)
{
    (void)world;
    ((struct entry *)node)->cut = 0;
}

/* So many cuts were given up one after the other that marks come again: all are forgotten. It takes
 * its time, once in a thousand such cuts. */
static void forget_marks(struct store *store)
{
    for (uint32_t slot = 0; slot < STORE_SLOTS; slot++) {
        uint64_t bucket = 0;
        do {
            bucket = map_scan(&store->keys->slots[slot], bucket, forget_mark, NULL);
        } while (bucket != 0);
    }
    store->cut.number = 0;
    store->walk.aborted = 0;
}

void store_cut_begin(void *machine)
{
    struct store *store = machine;
    if (store->walk.aborted >= ABORTED_MAX) forget_marks(store);
    cut_begin(&store->cut);
    store->walk = (struct cut_walk){.keys = store->keys,
                                    .count = store->keys->count,
                                    .digest = store->keys->digest,
                                    .aborted = store->walk.aborted};
    put_header(store, cut_pre_image(&store->cut));
}

bool store_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct store *store = machine;
    return cut_read(&store->cut, size, out, step, end, store);
}

uint64_t store_cut_pending(const void *machine)
{
    return cut_pending(&((const struct store *)machine)->cut);
}

void store_cut_abort(void *machine)
{
    struct store *store = machine;
    if (!store->cut.active) return;
    cut_abort(&store->cut);
    store->walk.keys = NULL;
    store->walk.aborted++;
}
