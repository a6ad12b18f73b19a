/* A log made with the writer, as the images that a start would find. */
#ifndef QUARTET_TEST_WAL_IMAGE_H
#define QUARTET_TEST_WAL_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/disk/wal.h"

enum { IMAGE_SEGMENT_BYTES = NODE_SEGMENT_BYTES_MIN, IMAGES_MAX = 16 };

struct images {
    struct wal wal;
    uint32_t count;
    uint8_t *bytes[IMAGES_MAX];
    struct segment_image image[IMAGES_MAX];
};

static inline void images_begin(struct images *images)
{
    memset(images, 0, sizeof *images);
    wal_init(&images->wal, IMAGE_SEGMENT_BYTES);
    struct wal_meta meta = {.cluster = 7, .node = 1, .incarnation = 1, .membership = WAL_MEMBER};
    struct wal_hard_state state = {.term = 1, .vote = 1, .trusted = true};
    wal_put_meta(&images->wal, &meta);
    wal_put_hard_state(&images->wal, &state);
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
    wal_init(&images->wal, IMAGE_SEGMENT_BYTES);
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
    struct wal_hard_state state = recovered->hard_state;
    state.trusted = trusted;
    wal_put_meta(wal, &meta);
    wal_put_hard_state(wal, &state);
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

static inline void images_put(struct images *images, uint64_t index, uint64_t term, size_t size)
{
    static uint8_t data[4096];
    ASSERT(size <= sizeof data);
    memset(data, 'a' + (int)(index % 26), size);
    struct raft_entry entry = {
        .index = index, .term = term, .kind = 16, .version = 1, .data = slice_of(data, size)};
    wal_put_entry(&images->wal, &entry);
}

static inline void images_free(struct images *images)
{
    for (uint32_t i = 0; i < images->count; i++) free(images->bytes[i]);
    wal_free(&images->wal);
}

#endif
