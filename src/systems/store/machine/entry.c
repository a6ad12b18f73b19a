/* Entries: a key and its value in one block. See internal.h.
 *
 * A block grows and shrinks in steps of an eighth, so that appending byte by byte copies each byte
 * a few times only; its size is a function of what it holds, and is nowhere stored. The digest of
 * an entry is that of its key and measures plus one for each page of its value: changing a bit of 8
 * MiB costs two pages, not two times 8 MiB. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/random.h"
#include "systems/store/machine/internal.h"

/* --- layout --- */

static size_t head_size(enum clock clock)
{
    return sizeof(struct entry) + (clock == CLOCK_NONE ? 0 : sizeof(struct timer));
}

static size_t block_size(enum clock clock, uint32_t key_size, uint32_t value_size)
{
    size_t size = head_size(clock) + key_size + value_size;
    size_t step = 16;
    while (step * 16 <= size) step *= 2;
    /* what malloc gives: 8 bytes short of whole steps */
    return (size + 8 + step - 1) / step * step - 8;
}

static size_t size_of(const struct entry *entry)
{
    return block_size((enum clock)entry->clock, entry->key_size, entry->value_size);
}

struct timer *entry_timer(struct entry *entry)
{
    ASSERT(entry->clock != CLOCK_NONE);
    return (struct timer *)(void *)(entry + 1);
}

static const uint8_t *key_at(const struct entry *entry)
{
    return (const uint8_t *)entry + head_size((enum clock)entry->clock);
}

struct slice entry_key(const struct entry *entry)
{
    return slice_of(key_at(entry), entry->key_size);
}

struct slice entry_value(const struct entry *entry)
{
    return slice_of(key_at(entry) + entry->key_size, entry->value_size);
}

uint8_t *entry_bytes(struct entry *entry)
{
    return (uint8_t *)entry + head_size((enum clock)entry->clock) + entry->key_size;
}

struct expiry entry_expiry(const struct entry *entry)
{
    if (entry->clock == CLOCK_NONE) return (struct expiry){CLOCK_NONE, 0};
    const struct timer *timer = (const struct timer *)(const void *)(entry + 1);
    return (struct expiry){(enum clock)entry->clock, timer->when_us};
}

uint64_t entry_size(const struct entry *entry)
{
    return size_of(entry) + 8;
}

bool entry_is_over(const struct entry *entry, const struct machine_time *now)
{
    if (entry->clock == CLOCK_NONE) return false;
    return expiry_left_us(entry_expiry(entry), now) == 0;
}

/* --- digest --- */

/* Seeded, so that nobody can make keys that collide: whoever does not know the seed cannot tell two
 * keys of the same hash. */
static uint64_t hash_bytes(uint64_t seed, struct slice bytes)
{
    uint64_t hash = seed ^ bytes.size;
    for (; bytes.size >= 8; bytes.data += 8, bytes.size -= 8) {
        hash = random_mix(hash ^ load_u64(bytes.data)) + seed;
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < bytes.size; i++) rest |= (uint64_t)bytes.data[i] << (8 * i);
    return random_mix(hash ^ rest);
}

uint64_t store_hash(const struct store *store, struct slice key)
{
    return hash_bytes(store->seed, key);
}

/* All of it but the value's bytes. */
static uint64_t digest_head(const struct entry *entry)
{
    struct expiry expiry = entry_expiry(entry);
    uint64_t measures =
        (uint64_t)entry->value_size << 8 | entry->kind << 2 | (uint32_t)expiry.clock;
    return random_mix(entry->node.hash ^ random_mix(measures ^ random_mix(expiry.when_us)));
}

/* Of the pages that hold the bytes from `from` up to `to`. */
static uint64_t digest_pages(const struct entry *entry, uint32_t from, uint32_t to)
{
    struct slice value = entry_value(entry);
    uint64_t digest = 0;
    if (to > value.size) to = (uint32_t)value.size;
    for (uint32_t at = from - from % PAGE_SIZE; at < to; at += PAGE_SIZE) {
        size_t size = value.size - at < PAGE_SIZE ? value.size - at : PAGE_SIZE;
        digest += hash_bytes(entry->node.hash + at, slice_of(value.data + at, size));
    }
    return digest;
}

uint64_t entry_digest(const struct entry *entry)
{
    return digest_head(entry) + digest_pages(entry, 0, UINT32_MAX);
}

void entry_touch(struct store *store, struct entry *entry, uint32_t from, uint32_t to)
{
    if (store->cut.active) cut_entry_changes(store, entry);
    store->keys->digest -= digest_head(entry) + digest_pages(entry, from, to);
    store->keys->bytes -= entry_size(entry);
}

void entry_touched(struct store *store, struct entry *entry, uint32_t from, uint32_t to)
{
    store->keys->digest += digest_head(entry) + digest_pages(entry, from, to);
    store->keys->bytes += entry_size(entry);
}

/* --- finding --- */

static struct entry *find_hashed(const struct store *store, uint16_t slot, struct slice key,
                                 uint64_t hash)
{
    struct map_node *node = map_find(&store->keys->slots[slot], hash);
    for (; node != NULL; node = map_find_next(node)) {
        struct entry *entry = (struct entry *)node;
        if (slice_equal(entry_key(entry), key)) return entry;
    }
    return NULL;
}

struct entry *store_find(const struct store *store, uint16_t slot, struct slice key)
{
    if (store->keys->slots[slot].count == 0) return NULL;
    return find_hashed(store, slot, key, store_hash(store, key));
}

struct entry *call_find(struct call *call, struct slice key)
{
    struct entry *entry = store_find(call->store, call->slot, key);
    if (entry == NULL || !entry_is_over(entry, &call->store->now)) return entry;
    if (call->change != NULL) {
        call->change->expired++;
        entry_delete(call->change, call->slot, entry);
    }
    return NULL;
}

/* --- timers --- */

static struct heap *heap_of(struct store *store, enum clock clock)
{
    return clock == CLOCK_DUE ? &store->keys->due : &store->keys->wall;
}

static void timer_start(struct store *store, struct entry *entry, struct expiry expiry)
{
    if (expiry.clock == CLOCK_NONE) return;
    struct timer *timer = entry_timer(entry);
    *timer = (struct timer){.when_us = expiry.when_us, .place = {HEAP_NOWHERE}};
    heap_push(heap_of(store, expiry.clock), expiry.when_us, store->sequence++, &timer->place);
}

static void timer_stop(struct store *store, struct entry *entry)
{
    if (entry->clock == CLOCK_NONE) return;
    heap_remove(heap_of(store, (enum clock)entry->clock), &entry_timer(entry)->place);
}

/* --- making, changing --- */

static struct entry *block_new(size_t size)
{
    struct entry *entry = malloc(size);
    ASSERT(entry != NULL);
    return entry;
}

static void fill(struct entry *entry, struct slice key, uint32_t value_size, enum clock clock)
{
    entry->value_size = value_size;
    entry->key_size = (uint32_t)key.size & 0x1FFFF;
    entry->kind = KIND_STRING;
    entry->clock = (uint32_t)clock & 3;
    uint8_t *at = (uint8_t *)entry + head_size(clock);
    if (key.size > 0) memcpy(at, key.data, key.size);
}

struct entry *entry_make(struct store *store, uint16_t slot, struct slice key, uint32_t value_size,
                         struct expiry expiry)
{
    ASSERT(key.size <= STORE_KEY_SIZE_MAX && value_size <= STORE_VALUE_SIZE_MAX);
    struct entry *entry = block_new(block_size(expiry.clock, (uint32_t)key.size, value_size));
    fill(entry, key, value_size, expiry.clock);
    entry->cut = cut_mark_of(&store->cut) & CUT_NUMBERS;
    timer_start(store, entry, expiry);
    map_insert(&store->keys->slots[slot], &entry->node, store_hash(store, key));
    store->keys->count++;
    return entry;
}

/* The block moves to this size; who points to it is told. */
static struct entry *move(struct store *store, uint16_t slot, struct entry *entry, size_t size)
{
    struct map_node **place = map_place(&store->keys->slots[slot], &entry->node);
    struct entry *moved = realloc(entry, size);
    ASSERT(moved != NULL);
    *place = &moved->node;
    if (moved->clock == CLOCK_NONE) return moved;
    struct heap_place *at = &entry_timer(moved)->place;
    heap_of(store, (enum clock)moved->clock)->slots[at->at].place = at;
    return moved;
}

struct entry *entry_resize(struct store *store, uint16_t slot, struct entry *entry, uint32_t size)
{
    ASSERT(size <= STORE_VALUE_SIZE_MAX);
    size_t before = size_of(entry);
    size_t after = block_size((enum clock)entry->clock, entry->key_size, size);
    if (before != after) entry = move(store, slot, entry, after);
    entry->value_size = size;
    return entry;
}

struct entry *entry_expire(struct store *store, uint16_t slot, struct entry *entry,
                           struct expiry expiry)
{
    timer_stop(store, entry);
    enum clock before = (enum clock)entry->clock;
    size_t body = entry->key_size + (size_t)entry->value_size;
    size_t size = block_size(expiry.clock, entry->key_size, entry->value_size);
    size_t head = head_size(expiry.clock), old_head = head_size(before);
    bool grows = size > size_of(entry);
    entry->clock = CLOCK_NONE; /* in no heap while it moves */
    if (grows) entry = move(store, slot, entry, size);
    if (head != old_head) memmove((uint8_t *)entry + head, (uint8_t *)entry + old_head, body);
    if (!grows) entry = move(store, slot, entry, size);
    entry->clock = (uint32_t)expiry.clock & 3;
    timer_start(store, entry, expiry);
    return entry;
}

/* --- taking out --- */

void entry_take(struct store *store, uint16_t slot, struct entry *entry)
{
    entry_touch(store, entry, 0, UINT32_MAX);
    timer_stop(store, entry);
    map_remove(&store->keys->slots[slot], &entry->node);
    store->keys->count--;
}

void entry_free(struct entry *entry)
{
    free(entry);
}

void entry_delete(struct store *store, uint16_t slot, struct entry *entry)
{
    entry_take(store, slot, entry);
    entry_free(entry);
}

void call_delete(struct call *call, struct entry *entry)
{
    ASSERT(call->doomed == NULL);
    entry_take(call->change, call->slot, entry);
    call->doomed = entry;
}

void call_put(struct call *call, struct slice key, struct entry *found, struct slice value,
              struct expiry expiry)
{
    struct store *store = call->change;
    if (found == NULL) {
        found = entry_make(store, call->slot, key, (uint32_t)value.size, expiry);
    } else {
        entry_touch(store, found, 0, UINT32_MAX);
        found->kind = KIND_STRING;
        found = entry_resize(store, call->slot, found, (uint32_t)value.size);
        struct expiry before = entry_expiry(found);
        if (before.clock != expiry.clock || before.when_us != expiry.when_us) {
            found = entry_expire(store, call->slot, found, expiry);
        }
    }
    if (value.size > 0) memcpy(entry_bytes(found), value.data, value.size);
    entry_touched(store, found, 0, UINT32_MAX);
}
