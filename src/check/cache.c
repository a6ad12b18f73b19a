/* A hash table of configurations in chunks that never move. See cache.h. */
#include "check/cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum {
    CHUNK_WORDS_LOG2 = 17, /* 1 MiB; more than the largest configuration */
    CHUNK_WORDS = 1 << CHUNK_WORDS_LOG2,
    TABLE_SIZE_FIRST = 1024,
    HEAD_WORDS = 3,       /* hash, state, first and middle_count */
    PLACE_BITS = 36,      /* of a configuration, in words, plus 1; the rest of a slot is its tag */
    CHUNKS_MAX = 1 << 18, /* 256 GiB */
};

void cache_free(struct cache *cache)
{
    for (uint32_t i = 0; i < cache->chunks_count; i++) free(cache->chunks[i]);
    free(cache->chunks);
    free(cache->table);
    *cache = (struct cache){.bytes_max = cache->bytes_max};
}

static bool take_memory(struct cache *cache, size_t bytes)
{
    if (bytes > cache->bytes_max - cache->bytes) return false;
    cache->bytes += bytes;
    return true;
}

static const uint64_t *configuration(const struct cache *cache, uint64_t slot)
{
    uint64_t place = (slot & (((uint64_t)1 << PLACE_BITS) - 1)) - 1;
    return cache->chunks[place >> CHUNK_WORDS_LOG2] + (place & (CHUNK_WORDS - 1));
}

static void table_put(struct cache *cache, uint64_t hash, uint64_t slot)
{
    size_t at = hash & (cache->table_size - 1);
    while (cache->table[at] != 0) at = (at + 1) & (cache->table_size - 1);
    cache->table[at] = slot;
}

static bool table_grow(struct cache *cache)
{
    size_t old_size = cache->table_size;
    size_t size = old_size == 0 ? TABLE_SIZE_FIRST : old_size * 2;
    uint64_t *old = cache->table;
    if (!take_memory(cache, size * sizeof *old)) return false;
    cache->table = calloc(size, sizeof *old);
    ASSERT(cache->table != NULL);
    cache->table_size = size;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i] != 0) table_put(cache, configuration(cache, old[i])[0], old[i]);
    }
    free(old);
    cache->bytes -= old_size * sizeof *old;
    return true;
}

static bool chunk_add(struct cache *cache)
{
    if (cache->chunks_count == CHUNKS_MAX) return false;
    if (!take_memory(cache, CHUNK_WORDS * sizeof(uint64_t))) return false;
    cache->chunks =
        realloc(cache->chunks, (cache->chunks_count + (size_t)1) * sizeof *cache->chunks);
    ASSERT(cache->chunks != NULL);
    uint64_t *chunk = malloc(CHUNK_WORDS * sizeof *chunk);
    ASSERT(chunk != NULL);
    cache->chunks[cache->chunks_count++] = chunk;
    cache->chunk_used = 0;
    return true;
}

static uint64_t shape(const struct cache_key *key)
{
    return (uint64_t)key->first << 32 | key->middle_count;
}

static bool same_words(const uint64_t *a, const uint64_t *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

static bool same(const uint64_t *words, const struct cache_key *key)
{
    return words[0] == key->hash && words[1] == key->state && words[2] == shape(key) &&
           same_words(words + HEAD_WORDS, key->middle, key->middle_count) &&
           same_words(words + HEAD_WORDS + key->middle_count, key->tail, key->tail_count);
}

static void write(uint64_t *words, const struct cache_key *key)
{
    words[0] = key->hash;
    words[1] = key->state;
    words[2] = shape(key);
    words += HEAD_WORDS;
    if (key->middle_count > 0) memcpy(words, key->middle, key->middle_count * sizeof *words);
    words += key->middle_count;
    if (key->tail_count > 0) memcpy(words, key->tail, key->tail_count * sizeof *words);
}

enum cache_result cache_add(struct cache *cache, const struct cache_key *key)
{
    uint64_t tag = key->hash >> PLACE_BITS;
    if (cache->table_size > 0) {
        size_t at = key->hash & (cache->table_size - 1);
        for (; cache->table[at] != 0; at = (at + 1) & (cache->table_size - 1)) {
            uint64_t slot = cache->table[at];
            if (slot >> PLACE_BITS == tag && same(configuration(cache, slot), key)) {
                return CACHE_KNOWN;
            }
        }
    }
    if (cache->count * 3 >= cache->table_size * 2 && !table_grow(cache)) return CACHE_FULL;
    uint32_t size = HEAD_WORDS + key->middle_count + key->tail_count;
    ASSERT(size <= CHUNK_WORDS);
    if (cache->chunks_count == 0 || cache->chunk_used + size > CHUNK_WORDS) {
        if (!chunk_add(cache)) return CACHE_FULL;
    }
    uint32_t last = cache->chunks_count - 1;
    write(cache->chunks[last] + cache->chunk_used, key);
    uint64_t place = ((uint64_t)last << CHUNK_WORDS_LOG2) + cache->chunk_used + 1;
    cache->chunk_used += size;
    cache->count++;
    table_put(cache, key->hash, tag << PLACE_BITS | place);
    return CACHE_ADDED;
}
