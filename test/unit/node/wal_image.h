/* A log made with the writer, as the images that a start would find. */
#ifndef QUARTET_TEST_WAL_IMAGE_H
#define QUARTET_TEST_WAL_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/disk/wal.h"

enum { IMAGE_SEGMENT_BYTES = NODE_SEGMENT_BYTES_MIN, IMAGES_MAX = 16, IMAGE_GROUPS_MAX = 4 };

struct images {
    struct wal wal;
    uint32_t count;
    uint8_t *bytes[IMAGES_MAX];
    struct segment_image image[IMAGES_MAX];
};

static inline void images_begin_groups(struct images *images, uint32_t groups)
{
    memset(images, 0, sizeof *images);
    wal_init(&images->wal, IMAGE_SEGMENT_BYTES, groups);
    struct wal_meta meta = {.cluster = 7, .node = 1, .incarnation = 1, .membership = WAL_MEMBER};
    struct wal_hard_state state = {.term = 1, .vote = 1, .trusted = true};
    wal_put_meta(&images->wal, &meta);
    for (uint32_t i = 0; i < groups; i++) wal_put_hard_state(&images->wal, i, &state);
}

static inline void images_begin(struct images *images)
{
    images_begin_groups(images, 1);
}

/* Reads back what `node` is to be the owner of, with a snapshot of group 0; 0: without one. */
static inline void images_recover(const struct images *images, uint32_t node,
                                  uint64_t snapshot_index, uint64_t snapshot_term,
                                  struct wal_recovered *recovered)
{
    struct wal_snapshot snapshots[IMAGE_GROUPS_MAX] = {{snapshot_index, snapshot_term}};
    struct wal_owner owner = {node, images->wal.groups_count, snapshots};
    wal_recover(images->image, images->count, &owner, recovered);
}

static inline void images_recover_before(const struct images *images, uint64_t number,
                                         uint64_t snapshot_index, uint64_t snapshot_term,
                                         struct wal_recovered *recovered)
{
    struct wal_snapshot snapshots[IMAGE_GROUPS_MAX] = {{snapshot_index, snapshot_term}};
    struct wal_owner owner = {0, images->wal.groups_count, snapshots};
    wal_recover_before(images->image, images->count, number, &owner, recovered);
}

/* One batch of what was put; returns where it begins in the newest image. */
static inline uint64_t images_flush(struct images *images, bool durable)
{
    struct action write;
    wal_flush(&images->wal, &write);
    if (write.offset == 0) {
        ASSERT(images->count < IMAGES_MAX);
        uint8_t *bytes = calloc(1, IMAGE_SEGMENT_BYTES);
        ASSERT(bytes != NULL);
        images->bytes[images->count] = bytes;
        images->image[images->count++] = (struct segment_image){
            .number = write.segment,
            .bytes = slice_of(bytes, IMAGE_SEGMENT_BYTES),
        };
    }
    ASSERT(write.offset + write.bytes.size <= IMAGE_SEGMENT_BYTES);
    memcpy(images->bytes[images->count - 1] + write.offset, write.bytes.data, write.bytes.size);
    wal_flushed(&images->wal);
    if (durable) images->wal.durable = write.sequence;
    return write.offset;
}

/* As a start does: goes on in a new segment behind what was read back, in a new incarnation. */
static inline void images_continue(struct images *images, const struct wal_recovered *recovered,
                                   bool trusted)
{
    wal_free(&images->wal);
    wal_init(&images->wal, IMAGE_SEGMENT_BYTES, recovered->groups_count);
    struct wal *wal = &images->wal;
    wal->segment = recovered->segment_last;
    wal->follows = recovered->sequence;
    wal->sequence = recovered->sequence;
    if (recovered->watermark > wal->sequence) wal->sequence = recovered->watermark;
    wal->durable = wal->sequence;
    for (uint32_t i = 0; i < recovered->segments_count; i++) {
        wal_segment_kept(wal, &recovered->segments[i]);
    }
    wal_begin_segment(wal);
    struct wal_meta meta = recovered->meta;
    meta.node = 1;
    meta.incarnation++;
    wal_put_meta(wal, &meta);
    for (uint32_t i = 0; i < recovered->groups_count; i++) {
        struct wal_hard_state state = recovered->groups[i].hard_state;
        state.trusted = trusted;
        wal_put_hard_state(wal, i, &state);
    }
}

/* The file is no more. */
static inline void images_remove(struct images *images, uint64_t number)
{
    for (uint32_t i = 0; i < images->count; i++) {
        if (images->image[i].number != number) continue;
        free(images->bytes[i]);
        images->count--;
        for (; i < images->count; i++) {
            images->bytes[i] = images->bytes[i + 1];
            images->image[i] = images->image[i + 1];
        }
    }
}

static inline void images_put_in(struct images *images, uint32_t group, uint64_t index,
                                 uint64_t term, size_t size)
{
    static uint8_t data[4096];
    ASSERT(size <= sizeof data);
    memset(data, 'a' + (int)(index % 26), size);
    struct raft_entry entry = {
        .index = index, .term = term, .kind = 16, .version = 1, .data = slice_of(data, size)};
    wal_put_entry(&images->wal, group, &entry);
}

static inline void images_put(struct images *images, uint64_t index, uint64_t term, size_t size)
{
    images_put_in(images, 0, index, term, size);
}

static inline void images_free(struct images *images)
{
    for (uint32_t i = 0; i < images->count; i++) free(images->bytes[i]);
    wal_free(&images->wal);
}

#endif
