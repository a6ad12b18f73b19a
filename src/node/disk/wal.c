/* Writing the log: records gather in a batch, a batch is one write. Format: specs/disk.md. */
#include "node/disk/wal.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "node/disk/wal_format.h"

void wal_init(struct wal *wal, uint64_t segment_bytes, uint32_t groups)
{
    ASSERT(groups > 0 && groups <= WAL_GROUPS_MAX);
    memset(wal, 0, sizeof *wal);
    wal->segment_bytes = segment_bytes;
    wal->groups_count = groups;
    wal->groups = calloc(groups, sizeof *wal->groups);
    wal->touched = calloc(groups, sizeof *wal->touched);
    ASSERT(wal->groups != NULL && wal->touched != NULL);
    wal->ready_sequence = UINT64_MAX;
    wal_flushed(wal);
}

void wal_free(struct wal *wal)
{
    buffer_free(&wal->batch);
    buffer_free(&wal->opening);
    for (uint32_t i = 0; i < wal->segments_count; i++) free(wal->segments[i].index_max);
    free(wal->segments);
    free(wal->groups);
    free(wal->touched);
}

static void record_begin(struct buffer *out, uint32_t group, enum wal_record type, size_t size)
{
    ASSERT(size <= UINT32_MAX);
    buffer_put_u32(out, (uint32_t)size);
    buffer_put_u16(out, (uint16_t)group);
    buffer_put_u8(out, (uint8_t)type);
    buffer_put_u8(out, 1);
}

static void encode_meta(struct buffer *out, const struct wal_meta *meta)
{
    record_begin(out, 0, WAL_META, 8 + 4 + 8 + 1 + 1 + NODE_BOOT_ID_SIZE);
    buffer_put_u64(out, meta->cluster);
    buffer_put_u32(out, meta->node);
    buffer_put_u64(out, meta->incarnation);
    buffer_put_u8(out, meta->membership);
    buffer_put_u8(out, meta->fsync_never);
    buffer_append(out, meta->boot_id, NODE_BOOT_ID_SIZE);
}

static void encode_hard_state(struct buffer *out, uint32_t group,
                              const struct wal_hard_state *state)
{
    record_begin(out, group, WAL_HARD_STATE, 8 + 4 + 1);
    buffer_put_u64(out, state->term);
    buffer_put_u32(out, state->vote);
    buffer_put_u8(out, (uint8_t)((state->trusted ? WAL_STATE_TRUSTED : 0) |
                                 (state->held ? WAL_STATE_HELD : 0)));
}

void wal_put_meta(struct wal *wal, const struct wal_meta *meta)
{
    wal->meta = *meta;
    wal->must_sync = true;
    encode_meta(&wal->batch, meta);
}

void wal_put_hard_state(struct wal *wal, uint32_t group, const struct wal_hard_state *hard_state)
{
    wal->groups[group].has_hard_state = true;
    wal->groups[group].hard_state = *hard_state;
    wal->must_sync = true;
    encode_hard_state(&wal->batch, group, hard_state);
}

void wal_put_entry(struct wal *wal, uint32_t group, const struct raft_entry *entry)
{
    struct wal_group *of = &wal->groups[group];
    if (entry->kind == RAFT_KIND_MEMBERS) wal->must_sync = true;
    if (of->batch_max == 0) wal->touched[wal->touched_count++] = group;
    if (entry->index > of->batch_max) of->batch_max = entry->index;
    record_begin(&wal->batch, group, WAL_ENTRY, WAL_ENTRY_FIELDS_SIZE + entry->data.size);
    uint8_t *at = buffer_reserve(&wal->batch, WAL_ENTRY_FIELDS_SIZE + entry->data.size);
    store_u64(at, entry->index);
    store_u64(at + 8, entry->term);
    store_u64(at + 16, entry->elapsed_us);
    store_u64(at + 24, entry->wall_us);
    at[32] = entry->kind;
    at[33] = entry->version;
    if (entry->data.size != 0) memcpy(at + 34, entry->data.data, entry->data.size);
    buffer_grew(&wal->batch, WAL_ENTRY_FIELDS_SIZE + entry->data.size);
}

void wal_put_reset(struct wal *wal, uint32_t group, uint64_t index, uint64_t term)
{
    wal->must_sync = true;
    record_begin(&wal->batch, group, WAL_RESET, 16);
    buffer_put_u64(&wal->batch, index);
    buffer_put_u64(&wal->batch, term);
}

void wal_put_stopped(struct wal *wal)
{
    wal->must_sync = true;
    record_begin(&wal->batch, 0, WAL_STOPPED, 0);
}

bool wal_has_records(const struct wal *wal)
{
    return wal->batch.size > WAL_BATCH_HEADER_SIZE;
}

bool wal_ready(const struct wal *wal)
{
    return wal->durable >= wal->ready_sequence;
}

void wal_begin_segment(struct wal *wal)
{
    wal->offset = UINT64_MAX / 2; /* nothing fits behind this */
}

uint64_t wal_batch_extent(uint64_t body_size)
{
    return (WAL_BATCH_HEADER_SIZE + body_size + WAL_BATCH_PAD_MIN + 7) / 8 * 8;
}

uint32_t wal_blank_sectors(const uint8_t *at, uint64_t from, uint64_t to)
{
    uint32_t blank = 0;
    uint64_t sector = (from + WAL_SECTOR_SIZE - 1) / WAL_SECTOR_SIZE * WAL_SECTOR_SIZE;
    for (; sector < to; sector += WAL_SECTOR_SIZE) {
        uint64_t size = to - sector < WAL_SECTOR_SIZE ? to - sector : WAL_SECTOR_SIZE;
        const uint8_t *first = at + (sector - from);
        if (first[0] == 0 && memcmp(first, first + 1, size - 1) == 0) blank++;
    }
    return blank;
}

/* Fills in the header in front of the records, and pads, for a batch at `offset` of its segment. */
static void batch_seal(struct wal *wal, struct buffer *batch, uint64_t segment, uint64_t offset)
{
    size_t body = batch->size - WAL_BATCH_HEADER_SIZE;
    uint64_t extent = wal_batch_extent(body);
    static const uint8_t pad[8] = {WAL_PAD_BYTE, WAL_PAD_BYTE, WAL_PAD_BYTE, WAL_PAD_BYTE,
                                   WAL_PAD_BYTE, WAL_PAD_BYTE, WAL_PAD_BYTE, WAL_PAD_BYTE};
    buffer_append(batch, pad, extent - batch->size);
    uint8_t *at = batch->data + batch->head;
    wal->sequence++;
    wal->follows = wal->sequence;
    wal->watermark = wal->durable;
    store_u32(at, WAL_BATCH_MAGIC);
    store_u32(at + 4, (uint32_t)body);
    store_u64(at + 8, segment);
    store_u64(at + 16, wal->sequence);
    store_u64(at + 24, wal->durable);
    store_u32(at + 32, wal_blank_sectors(at + WAL_BATCH_HEADER_SIZE, offset + WAL_BATCH_HEADER_SIZE,
                                         offset + extent));
    store_u32(at + 36, 0);
    store_u32(at + 40, crc32c(0, at + WAL_BATCH_HEADER_SIZE, body));
    store_u32(at + 44, crc32c(0, at, 44));
}

static void batch_clear(struct buffer *batch)
{
    buffer_clear(batch);
    memset(buffer_reserve(batch, WAL_BATCH_HEADER_SIZE), 0, WAL_BATCH_HEADER_SIZE);
    buffer_grew(batch, WAL_BATCH_HEADER_SIZE);
}

void wal_flushed(struct wal *wal)
{
    batch_clear(&wal->batch);
    wal->must_sync = false;
    for (uint32_t i = 0; i < wal->touched_count; i++) wal->groups[wal->touched[i]].batch_max = 0;
    wal->touched_count = 0;
}

void wal_segment_kept(struct wal *wal, const struct wal_segment *segment)
{
    if (wal->segments_count == wal->segments_capacity) {
        wal->segments_capacity = wal->segments_capacity == 0 ? 16 : wal->segments_capacity * 2;
        wal->segments = realloc(wal->segments, wal->segments_capacity * sizeof *wal->segments);
        ASSERT(wal->segments != NULL);
    }
    size_t size = wal->groups_count * sizeof *segment->index_max;
    struct wal_segment *kept = &wal->segments[wal->segments_count++];
    *kept = *segment;
    kept->index_max = calloc(1, size);
    ASSERT(kept->index_max != NULL);
    if (segment->index_max != NULL) memcpy(kept->index_max, segment->index_max, size);
    wal->bytes += segment->bytes;
}

/* The header of a new segment and a batch that repeats what older segments hold alone. */
static void segment_open(struct wal *wal)
{
    wal->segment++;
    wal->offset = 0;
    struct wal_segment segment = {.number = wal->segment, .opened_sequence = wal->sequence + 1};
    wal_segment_kept(wal, &segment);

    struct buffer first = {0};
    batch_clear(&first);
    encode_meta(&first, &wal->meta);
    for (uint32_t i = 0; i < wal->groups_count; i++) {
        if (wal->groups[i].has_hard_state) encode_hard_state(&first, i, &wal->groups[i].hard_state);
    }
    uint64_t follows = wal->follows;
    uint64_t first_sequence = wal->sequence + 1;
    batch_seal(wal, &first, wal->segment, WAL_SEGMENT_HEADER_SIZE);

    uint8_t header[WAL_SEGMENT_HEADER_SIZE] = {0};
    store_u32(header, WAL_SEGMENT_MAGIC);
    store_u32(header + 4, WAL_FORMAT_VERSION);
    store_u64(header + 8, wal->segment);
    store_u64(header + 16, first_sequence);
    store_u32(header + 24, wal->meta.node);
    store_u32(header + 28, wal->groups_count - 1);
    store_u64(header + 32, follows);
    store_u32(header + 60, crc32c(0, header, 60));

    buffer_clear(&wal->opening);
    buffer_append(&wal->opening, header, sizeof header);
    buffer_append_slice(&wal->opening, buffer_slice(&first));
    buffer_free(&first);
}

void wal_flush(struct wal *wal, struct action *write)
{
    uint64_t extent = wal_batch_extent(wal->batch.size - WAL_BATCH_HEADER_SIZE);
    bool fits = wal->segment != 0 && wal->offset + extent <= wal->segment_bytes;
    if (!fits) segment_open(wal);
    batch_seal(wal, &wal->batch, wal->segment, fits ? wal->offset : wal->opening.size);
    *write = (struct action){
        .type = ACTION_WRITE,
        .segment = wal->segment,
        .offset = wal->offset,
        .bytes = buffer_slice(&wal->batch),
        .sequence = wal->sequence,
        .sync = wal->must_sync || !fits,
    };
    if (!fits) {
        buffer_append_slice(&wal->opening, buffer_slice(&wal->batch));
        write->bytes = buffer_slice(&wal->opening);
    }
    wal->offset += write->bytes.size;
    wal->bytes += write->bytes.size;
    struct wal_segment *last = &wal->segments[wal->segments_count - 1];
    last->bytes = wal->offset;
    for (uint32_t i = 0; i < wal->touched_count; i++) {
        uint32_t group = wal->touched[i];
        uint64_t highest = wal->groups[group].batch_max;
        if (highest > last->index_max[group]) last->index_max[group] = highest;
    }
}

/* Is what it alone holds durably repeated behind it? */
static bool segment_repeated(const struct wal *wal, uint32_t at)
{
    return at + 1 < wal->segments_count && wal->segments[at + 1].opened_sequence <= wal->durable;
}

static bool segment_may_go(const struct wal *wal, uint32_t at)
{
    if (!segment_repeated(wal, at)) return false;
    for (uint32_t i = 0; i < wal->groups_count; i++) {
        if (wal->segments[at].index_max[i] > wal->groups[i].covered) return false;
    }
    return true;
}

bool wal_trims(const struct wal *wal, uint32_t group, uint64_t index)
{
    if (!segment_repeated(wal, 0) || wal->segments[0].index_max[group] > index) return false;
    return wal->groups_count == 1 || wal_pinned_by(wal, group);
}

bool wal_pinned_by(const struct wal *wal, uint32_t group)
{
    return wal->segments_count > 0 &&
           wal->segments[0].index_max[group] > wal->groups[group].covered;
}

uint64_t wal_trim(struct wal *wal, uint32_t group, uint64_t index)
{
    uint32_t gone = 0;
    if (index > wal->groups[group].covered) wal->groups[group].covered = index;
    while (segment_may_go(wal, gone)) {
        wal->bytes -= wal->segments[gone].bytes;
        free(wal->segments[gone++].index_max);
    }
    memmove(wal->segments, wal->segments + gone,
            (wal->segments_count - gone) * sizeof *wal->segments);
    wal->segments_count -= gone;
    return wal->segments_count == 0 ? 0 : wal->segments[0].number;
}
