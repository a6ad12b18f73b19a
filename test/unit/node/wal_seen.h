/* What is seen of a log that is read back. */
#ifndef QUARTET_TEST_WAL_SEEN_H
#define QUARTET_TEST_WAL_SEEN_H

#include "wal_image.h"

struct seen {
    uint64_t first, last, last_term;
    uint32_t count;
};

static inline void see(void *context, uint32_t group, const struct raft_entry *entry)
{
    (void)group;
    struct seen *seen = context;
    if (seen->count++ == 0) seen->first = entry->index;
    seen->last = entry->index;
    seen->last_term = entry->term;
}

static inline struct seen read_back(const struct images *images, struct wal_recovered *recovered,
                                    uint64_t snapshot_index, uint64_t snapshot_term)
{
    struct seen seen = {0};
    images_recover(images, 1, snapshot_index, snapshot_term, recovered);
    wal_each_entry(images->image, images->count, recovered, see, &seen);
    return seen;
}

/* Entries 1 to `count`, a batch each, all durable and told so by the next. */
static inline void write_entries(struct images *images, uint64_t count, size_t size)
{
    images_begin(images);
    for (uint64_t i = 1; i <= count; i++) {
        images_put(images, i, 1, size);
        images_flush(images, true);
    }
}

#endif
