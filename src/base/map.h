/* An intrusive hash map from 64-bit hashes to items.
 *
 * The chain link lives in the item. The caller hashes its keys (map_hash for bytes and integers)
 * and compares them itself, walking the items that share a hash: two keys may collide.
 * Growing moves a few buckets at each insert and removal, so that no single call stalls.
 * Iteration order depends only on the history of calls, never on addresses. */
#ifndef QUARTET_BASE_MAP_H
#define QUARTET_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

/* Zero-initialized is empty. */
struct map {
    struct map_node **buckets;
    struct map_node **old_buckets; /* being moved into `buckets`, from `moved` on; else NULL */
    size_t size;                   /* a power of two, or 0 */
    size_t old_size;
    size_t moved;
    size_t count;
};

/* Frees the buckets; the items are the caller's. */
void map_free(struct map *map);
void map_insert(struct map *map, struct map_node *node, uint64_t hash);
void map_remove(struct map *map, struct map_node *node);
/* The first item with this hash, or NULL; then the next one with the same hash. */
struct map_node *map_find(const struct map *map, uint64_t hash);
struct map_node *map_find_next(const struct map_node *node);
/* Where the map points to this item, which is in it: whoever moves an item in memory stores its new
 * address there. Until the map is next changed. */
struct map_node **map_place(const struct map *map, const struct map_node *node);
/* Visits some items: begins with cursor 0, goes on with what the last call returned, is over when
 * that is 0. Whatever is in the map from the first call to the last is visited at least once, be it
 * resized in between; the rest perhaps, and some twice. `visit` must not change the map. The way of
 * counting is Redis' dictScan (Pieter Noordhuis): buckets in the order of their reversed numbers,
 * so that those a bucket is split into, or merged with, stand together. */
uint64_t map_scan(const struct map *map, uint64_t cursor,
                  void (*visit)(void *world, struct map_node *node), void *world);
/* Any item, or NULL when empty: for tearing down. */
struct map_node *map_any(const struct map *map);

uint64_t map_hash_bytes(struct slice bytes);
uint64_t map_hash_u64(uint64_t value);

#endif
