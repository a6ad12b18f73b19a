/* Reading the stream of a cut into a new store: specs/systems/store.md, "Snapshot". Nothing in it
 * is believed: a stream that does not add up is refused. */
#include <string.h>

#include "systems/store/machine/internal.h"

enum {
    OBJECT_SIZE_MAX = STORE_VALUE_SIZE_MAX + STORE_KEY_SIZE_MAX + 64,
};

static bool take_header(struct store *store, struct reader *reader)
{
    store->now.elapsed_us = read_u64(reader);
    store->now.due_us = read_u64(reader);
    store->now.wall_us = read_u64(reader);
    store->seed = read_u64(reader);
    store->sequence = read_u64(reader);
    store->commands = read_u64(reader);
    store->expired = read_u64(reader);
    return reader_done(reader);
}

/* Its timer gets the sequence it had, so that what ends at one moment ends in one order
 * everywhere. */
static struct entry *make(struct store *store, uint16_t slot, struct slice key, uint32_t size,
                          struct expiry expiry, uint64_t sequence)
{
    uint64_t next = store->sequence;
    store->sequence = sequence;
    struct entry *entry = entry_make(store, slot, key, size, expiry);
    store->sequence = next;
    return entry;
}

static bool take_entry(struct store *store, struct reader *reader)
{
    uint8_t flags = read_u8(reader);
    struct expiry expiry = {(enum clock)(flags >> 4), 0};
    uint64_t sequence = store->sequence;
    if ((flags & 15) != KIND_STRING || expiry.clock > CLOCK_WALL) return false;
    if (expiry.clock != CLOCK_NONE) {
        expiry.when_us = read_u64(reader);
        sequence = read_u64(reader);
        if (sequence >= store->sequence) return false;
    }
    uint32_t key_size = read_u32(reader);
    struct slice key = read_exactly(reader, key_size);
    if (reader->bad || key_size > STORE_KEY_SIZE_MAX) return false;
    struct slice value = reader->bytes;
    if (key.data == NULL) key = slice_of("", 0);
    if (value.size > STORE_VALUE_SIZE_MAX) return false;
    uint16_t slot = store_slot(key);
    if (store_find(store, slot, key) != NULL) return false;
    struct entry *entry = make(store, slot, key, (uint32_t)value.size, expiry, sequence);
    if (value.size > 0) memcpy(entry_bytes(entry), value.data, value.size);
    entry_touched(store, entry, 0, UINT32_MAX);
    return true;
}

static bool take_end(struct store *store, struct reader *reader)
{
    store->feed.ended = true;
    uint64_t count = read_u64(reader);
    uint64_t digest = read_u64(reader);
    return reader_done(reader) && count == store->keys->count && digest == store->keys->digest;
}

static bool take_object(void *machine, uint8_t kind, struct slice fields)
{
    struct reader reader = reader_of(fields);
    switch (kind) {
    case CUT_HEADER: return take_header(machine, &reader);
    case OBJECT_ENTRY: return take_entry(machine, &reader);
    case OBJECT_END: return take_end(machine, &reader);
    default: return false;
    }
}

bool store_restore(void *machine, struct slice bytes)
{
    struct store *store = machine;
    return cut_feed(&store->feed, bytes, OBJECT_SIZE_MAX, take_object, store);
}

bool store_restore_end(void *machine)
{
    struct store *store = machine;
    bool good = cut_feed_whole(&store->feed);
    cut_feed_free(&store->feed);
    return good;
}
