/* The end of the log that a start cannot take for durable. See wal.h. */
#include "base/assert.h"
#include "node/disk/wal.h"

/* Where the first batch above the watermark begins; the end when there is none. */
static uint64_t tail_begins(const struct segment_image *image, uint64_t end, uint64_t watermark)
{
    uint64_t offset = WAL_SEGMENT_HEADER_SIZE;
    while (offset < end) {
        struct wal_batch batch;
        uint64_t next = 0;
        bool there = wal_batch_at(image, offset, &batch, &next);
        ASSERT(there && batch.good);
        if (batch.sequence > watermark) break;
        offset = next;
    }
    return offset == WAL_SEGMENT_HEADER_SIZE ? 0 : offset;
}

void wal_each_tail(const struct segment_image *images, uint32_t count,
                   const struct wal_recovered *recovered, wal_visit_tail *visit, void *context)
{
    uint32_t kept = recovered->segments_count;
    for (uint32_t i = count; i > 0 && kept > 0; i--) {
        const struct segment_image *image = &images[i - 1];
        const struct wal_segment *segment = &recovered->segments[kept - 1];
        if (image->number != segment->number) continue;
        kept--;
        uint64_t from = tail_begins(image, segment->bytes, recovered->watermark);
        if (from < segment->bytes) {
            visit(context, image->number, from,
                  slice_of(image->bytes.data + from, segment->bytes - from));
        }
        if (from > 0) return;
    }
}
