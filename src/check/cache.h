/* The configurations that a search has been in: which operations it had linearized, and the state
 * they led to. One seen before need not be searched again (Lowe, "Testing for linearizability",
 * 2017, section 3).
 *
 * Memory is bounded: when one more does not fit, the search has to give up. */
#ifndef QUARTET_CHECK_CACHE_H
#define QUARTET_CHECK_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct cache {
    size_t bytes_max; /* set by the owner; the rest begins as zero */
    size_t bytes;
    uint64_t **chunks; /* of configurations, one behind the other */
    uint32_t chunks_count;
    uint32_t chunk_used; /* words of the last chunk */
    uint64_t *table;     /* hash tag and place of a configuration; 0: free */
    size_t table_size;   /* a power of two */
    size_t count;
};

enum cache_result { CACHE_ADDED, CACHE_KNOWN, CACHE_FULL };

/* A set of operations as the words that are neither all ones at its beginning nor all zero at its
 * end, and a tail. Equal sets must come in equal pieces. */
struct cache_key {
    uint64_t hash;
    uint64_t state;
    uint32_t first; /* words before `middle`, all ones */
    uint32_t middle_count;
    const uint64_t *middle;
    uint32_t tail_count;
    const uint64_t *tail;
};

enum cache_result cache_add(struct cache *cache, const struct cache_key *key);
void cache_free(struct cache *cache);

#endif
