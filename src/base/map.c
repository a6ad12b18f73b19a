/* An intrusive, incrementally growing hash map. See map.h. */
#include "base/map.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/random.h"

enum { BUCKETS_MIN = 16, BUCKETS_MOVED_PER_CALL = 4 };

static struct map_node **buckets_new(size_t size)
{
    struct map_node **buckets = calloc(size, sizeof *buckets);
    ASSERT(buckets != NULL);
    return buckets;
}

static void map_link(struct map *map, struct map_node *node)
{
    struct map_node **bucket = &map->buckets[node->hash & (map->size - 1)];
    node->next = *bucket;
    *bucket = node;
}

static void map_move_some(struct map *map)
{
    if (map->old_buckets == NULL) return;
    for (int i = 0; i < BUCKETS_MOVED_PER_CALL && map->moved < map->old_size; i++, map->moved++) {
        struct map_node *node = map->old_buckets[map->moved];
        map->old_buckets[map->moved] = NULL;
        while (node != NULL) {
            struct map_node *next = node->next;
            map_link(map, node);
            node = next;
        }
    }
    if (map->moved < map->old_size) return;
    free(map->old_buckets);
    map->old_buckets = NULL;
}

static void map_resize(struct map *map, size_t size)
{
    ASSERT(map->old_buckets == NULL);
    map->old_buckets = map->buckets;
    map->old_size = map->size;
    map->moved = 0;
    map->buckets = buckets_new(size);
    map->size = size;
}

void map_free(struct map *map)
{
    free(map->buckets);
    free(map->old_buckets);
    *map = (struct map){0};
}

/* Where items of this hash live now: in the old buckets until theirs has been moved. Inserting
 * there too keeps all items of one hash in one chain. */
static struct map_node **map_bucket(const struct map *map, uint64_t hash)
{
    if (map->old_buckets != NULL) {
        size_t old = hash & (map->old_size - 1);
        if (old >= map->moved) return &map->old_buckets[old];
    }
    return &map->buckets[hash & (map->size - 1)];
}

void map_insert(struct map *map, struct map_node *node, uint64_t hash)
{
    if (map->size == 0) {
        map->buckets = buckets_new(BUCKETS_MIN);
        map->size = BUCKETS_MIN;
    }
    map_move_some(map);
    if (map->old_buckets == NULL && map->count >= map->size) map_resize(map, map->size * 2);
    struct map_node **bucket = map_bucket(map, hash);
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->count++;
}

void map_remove(struct map *map, struct map_node *node)
{
    struct map_node **link = map_bucket(map, node->hash);
    while (*link != NULL && *link != node) link = &(*link)->next;
    ASSERT(*link == node);
    *link = node->next;
    node->next = NULL;
    map->count--;
    map_move_some(map);
    if (map->old_buckets == NULL && map->size > BUCKETS_MIN && map->count < map->size / 8) {
        map_resize(map, map->size / 2);
    }
}

static struct map_node *chain_hash(struct map_node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash) node = node->next;
    return node;
}

struct map_node *map_find(const struct map *map, uint64_t hash)
{
    return map->count == 0 ? NULL : chain_hash(*map_bucket(map, hash), hash);
}

struct map_node *map_find_next(const struct map_node *node)
{
    return chain_hash(node->next, node->hash);
}

struct map_node **map_place(const struct map *map, const struct map_node *node)
{
    struct map_node **link = map_bucket(map, node->hash);
    while (*link != NULL && *link != node) link = &(*link)->next;
    ASSERT(*link == node);
    return link;
}

static uint64_t reversed(uint64_t bits)
{
    bits = (bits >> 1 & 0x5555555555555555u) | (bits & 0x5555555555555555u) << 1;
    bits = (bits >> 2 & 0x3333333333333333u) | (bits & 0x3333333333333333u) << 2;
    bits = (bits >> 4 & 0x0F0F0F0F0F0F0F0Fu) | (bits & 0x0F0F0F0F0F0F0F0Fu) << 4;
    return __builtin_bswap64(bits);
}

/* The next cursor, as to a table of `size` buckets. */
static uint64_t cursor_next(uint64_t cursor, size_t size)
{
    return reversed(reversed(cursor | ~(uint64_t)(size - 1)) + 1);
}

static void visit_bucket(struct map_node *node, void (*visit)(void *world, struct map_node *node),
                         void *world)
{
    for (; node != NULL; node = node->next) visit(world, node);
}

uint64_t map_scan(const struct map *map, uint64_t cursor,
                  void (*visit)(void *world, struct map_node *node), void *world)
{
    if (map->size == 0) return 0;
    if (map->old_buckets == NULL) {
        visit_bucket(map->buckets[cursor & (map->size - 1)], visit, world);
        return cursor_next(cursor, map->size);
    }
    bool grows = map->size > map->old_size;
    struct map_node **small = grows ? map->old_buckets : map->buckets;
    struct map_node **large = grows ? map->buckets : map->old_buckets;
    size_t small_size = grows ? map->old_size : map->size;
    size_t large_size = grows ? map->size : map->old_size;
    visit_bucket(small[cursor & (small_size - 1)], visit, world);
    do { /* all buckets of the large table that belong to this one */
        visit_bucket(large[cursor & (large_size - 1)], visit, world);
        cursor = cursor_next(cursor, large_size);
    } while ((cursor & ((small_size - 1) ^ (large_size - 1))) != 0);
    return cursor;
}

struct map_node *map_any(const struct map *map)
{
    for (size_t i = map->moved; map->old_buckets != NULL && i < map->old_size; i++) {
        if (map->old_buckets[i] != NULL) return map->old_buckets[i];
    }
    for (size_t i = 0; map->count != 0 && i < map->size; i++) {
        if (map->buckets[i] != NULL) return map->buckets[i];
    }
    return NULL;
}

uint64_t map_hash_bytes(struct slice bytes)
{
    uint64_t hash = 0x9E3779B97F4A7C15u ^ bytes.size;
    for (; bytes.size >= 8; bytes.data += 8, bytes.size -= 8) {
        hash = random_mix(hash ^ load_u64(bytes.data));
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < bytes.size; i++) rest |= (uint64_t)bytes.data[i] << (8 * i);
    return random_mix(hash ^ rest);
}

uint64_t map_hash_u64(uint64_t value)
{
    return random_mix(value + 0x9E3779B97F4A7C15u);
}
