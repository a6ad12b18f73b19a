/* The entries of a log that was read back. See wal.h. */
#include "base/assert.h"
#include "node/disk/wal.h"
#include "node/disk/wal_format.h"

/* Entries of the batch that voided what came before it are taken from the voiding record on; they
 * stand in order, so those behind the snapshot come after those that it covers. Without
 * `recovered` all of them count. */
static void visit_batch(const struct wal_batch *batch, const struct wal_recovered *recovered,
                        wal_visit_entry *visit, void *context)
{
    struct reader body = reader_of(batch->body);
    while (body.bytes.size > 0) {
        uint32_t size = read_u32(&body);
        uint16_t group = read_u16(&body);
        uint8_t type = read_u8(&body);
        (void)read_u8(&body);
        struct reader record = reader_of(read_exactly(&body, size));
        ASSERT(!body.bad); /* wal_recover() has read it all */
        if (type != WAL_ENTRY) continue;
        if (recovered != NULL && batch->sequence < recovered->groups[group].void_sequence) continue;
        struct raft_entry entry = {0};
        entry.index = read_u64(&record);
        entry.term = read_u64(&record);
        entry.elapsed_us = read_u64(&record);
        entry.wall_us = read_u64(&record);
        entry.kind = read_u8(&record);
        entry.version = read_u8(&record);
        entry.data = record.bytes;
        visit(context, group, &entry);
    }
}

void wal_each_entry_anywhere(const struct segment_image *images, uint32_t count,
                             wal_visit_entry *visit, void *context)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset = WAL_SEGMENT_HEADER_SIZE;
        while (offset < images[i].bytes.size) {
            struct wal_batch batch;
            uint64_t next = offset + 8;
            bool there = wal_batch_at(&images[i], offset, &batch, &next);
            if (there && batch.good) visit_batch(&batch, NULL, visit, context);
            offset = there && batch.good ? next : offset + 8;
        }
    }
}

void wal_each_entry(const struct segment_image *images, uint32_t count,
                    const struct wal_recovered *recovered, wal_visit_entry *visit, void *context)
{
    for (uint32_t i = 0, kept = 0; i < count && kept < recovered->segments_count; i++) {
        if (images[i].number != recovered->segments[kept].number) continue;
        uint64_t offset = WAL_SEGMENT_HEADER_SIZE;
        uint64_t end = recovered->segments[kept++].bytes;
        while (offset < end) {
            struct wal_batch batch;
            uint64_t next = 0;
            bool there = wal_batch_at(&images[i], offset, &batch, &next);
            ASSERT(there && batch.good);
            visit_batch(&batch, recovered, visit, context);
            offset = next;
        }
    }
}
