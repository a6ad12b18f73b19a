/* Reading the log back, and telling a torn tail from damage. The rules stand in specs/disk.md. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "node/text.h"
#include "node/wal.h"
#include "node/wal_format.h"

enum header_state {
    HEADER_GOOD,
    HEADER_BAD, /* also: not there at all */
    HEADER_NEWER,
};

static enum header_state segment_header(const struct segment_image *image, uint64_t *sequence,
                                        uint32_t *node)
{
    const uint8_t *at = image->bytes.data;
    if (image->bytes.size < WAL_SEGMENT_HEADER_SIZE) return HEADER_BAD;
    if (load_u32(at) != WAL_SEGMENT_MAGIC) return HEADER_BAD;
    if (load_u32(at + 60) != crc32c(0, at, 60)) return HEADER_BAD;
    if (load_u32(at + 4) > WAL_FORMAT_VERSION) return HEADER_NEWER;
    if (load_u64(at + 8) != image->number) return HEADER_BAD;
    *sequence = load_u64(at + 16);
    *node = load_u32(at + 24);
    return HEADER_GOOD;
}

static bool batch_header_good(const struct segment_image *image, uint64_t offset)
{
    if (offset + WAL_BATCH_HEADER_SIZE > image->bytes.size) return false;
    const uint8_t *at = image->bytes.data + offset;
    return load_u32(at) == WAL_BATCH_MAGIC && load_u64(at + 8) == image->number &&
           load_u32(at + 36) == crc32c(0, at, 36);
}

static bool all_zero(const uint8_t *at, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (at[i] != 0) return false;
    }
    return true;
}

bool wal_batch_at(const struct segment_image *image, uint64_t offset, struct wal_batch *batch,
                  uint64_t *next)
{
    uint64_t size = image->bytes.size;
    if (offset >= size) return false;
    const uint8_t *at = image->bytes.data + offset;
    uint64_t header = size - offset < WAL_BATCH_HEADER_SIZE ? size - offset : WAL_BATCH_HEADER_SIZE;
    if (all_zero(at, header)) return false;
    *batch = (struct wal_batch){.offset = offset};
    *next = offset + 8;
    if (!batch_header_good(image, offset)) return true;
    uint64_t body = load_u32(at + 4);
    batch->sequence = load_u64(at + 16);
    batch->watermark = load_u64(at + 24);
    if (offset + WAL_BATCH_HEADER_SIZE + body > size) return true;
    batch->body = slice_of(at + WAL_BATCH_HEADER_SIZE, body);
    batch->good = load_u32(at + 32) == crc32c(0, batch->body.data, body);
    *next = offset + (WAL_BATCH_HEADER_SIZE + body + 7) / 8 * 8;
    return true;
}

/* The reading under way. */
struct recovery {
    const struct segment_image *images;
    uint32_t count;
    uint32_t image;    /* the one being read */
    uint64_t offset;   /* in it */
    uint64_t expected; /* sequence of the next batch */
    uint64_t snapshot_index, snapshot_term;
    uint64_t term_at_snapshot; /* of the log's entry there, 0: none */
    uint64_t first_index;      /* of the entries since the last RESET, 0: none */
    struct wal_recovered *out;
};

static void recovery_say(struct recovery *r, enum wal_verdict verdict, uint32_t image,
                         uint64_t offset, const char *what)
{
    struct wal_recovered *out = r->out;
    struct text text = text_in(out->reason, sizeof out->reason);
    text_add(&text, "log-");
    text_add_hex(&text, r->images[image].number, 16);
    text_add(&text, " at offset ");
    text_add_decimal(&text, offset);
    text_add(&text, ": ");
    text_add(&text, what);
    out->verdict = verdict;
    out->bad_segment = r->images[image].number;
    out->bad_offset = offset;
}

static void take_entry(struct recovery *r, struct reader *record, struct wal_segment *segment,
                       uint64_t sequence)
{
    uint64_t index = read_u64(record);
    uint64_t term = read_u64(record);
    (void)read_exactly(record, WAL_ENTRY_FIELDS_SIZE - 16);
    if (record->bad) return;
    record->bytes.size = 0;
    if (index > segment->index_max) segment->index_max = index;
    if (r->first_index == 0 || index < r->first_index) r->first_index = index;
    if (index <= r->snapshot_index)
        r->out->void_sequence = sequence; /* it replaced what was behind */
    if (index < r->snapshot_index) r->term_at_snapshot = 0;
    if (index == r->snapshot_index) r->term_at_snapshot = term;
}

static void take_meta(struct reader *record, struct wal_recovered *out)
{
    struct wal_meta meta = {0};
    meta.cluster = read_u64(record);
    meta.node = read_u32(record);
    meta.incarnation = read_u64(record);
    meta.membership = read_u8(record);
    meta.fsync_never = read_u8(record) != 0;
    struct slice boot = read_exactly(record, NODE_BOOT_ID_SIZE);
    if (record->bad || meta.membership > WAL_MEMBER) {
        record->bad = true;
        return;
    }
    memcpy(meta.boot_id, boot.data, NODE_BOOT_ID_SIZE);
    out->meta = meta;
    out->has_meta = true;
}

/* One record of a good batch; false when its content makes no sense to this version. */
static bool take_record(struct recovery *r, uint8_t type, struct slice content,
                        struct wal_segment *segment, uint64_t sequence)
{
    struct wal_recovered *out = r->out;
    struct reader record = reader_of(content);
    out->stopped = type == WAL_STOPPED;
    switch (type) {
    case WAL_META: take_meta(&record, out); break;
    case WAL_HARD_STATE:
        out->hard_state.term = read_u64(&record);
        out->hard_state.vote = read_u32(&record);
        out->hard_state.trusted = read_u8(&record) != 0;
        out->has_hard_state = true;
        break;
    case WAL_ENTRY: take_entry(r, &record, segment, sequence); break;
    case WAL_RESET:
        (void)read_u64(&record);
        (void)read_u64(&record);
        out->void_sequence = sequence;
        r->term_at_snapshot = 0;
        r->first_index = 0;
        break;
    case WAL_STOPPED: break;
    default: return false;
    }
    return reader_done(&record);
}

static bool take_batch(struct recovery *r, const struct wal_batch *batch,
                       struct wal_segment *segment)
{
    struct reader body = reader_of(batch->body);
    while (body.bytes.size > 0) {
        uint32_t size = read_u32(&body);
        (void)read_u16(&body);
        uint8_t type = read_u8(&body);
        uint8_t version = read_u8(&body);
        struct slice content = read_exactly(&body, size);
        if (body.bad || version != 1) return false;
        if (!take_record(r, type, content, segment, batch->sequence)) return false;
    }
    r->out->sequence = batch->sequence;
    if (batch->watermark > r->out->watermark) r->out->watermark = batch->watermark;
    return true;
}

/* Rule 1: what do batches behind the bad place know to be durable? */
static uint64_t watermark_behind(const struct recovery *r, bool *any)
{
    uint64_t watermark = 0;
    *any = false;
    for (uint32_t i = r->image; i < r->count; i++) {
        const struct segment_image *image = &r->images[i];
        uint64_t from = i == r->image ? (r->offset + 7) / 8 * 8 : WAL_SEGMENT_HEADER_SIZE;
        for (uint64_t at = from; at + WAL_BATCH_HEADER_SIZE <= image->bytes.size; at += 8) {
            if (load_u32(image->bytes.data + at) != WAL_BATCH_MAGIC) continue;
            if (!batch_header_good(image, at)) continue;
            if (load_u64(image->bytes.data + at + 16) <= r->expected) continue;
            *any = true;
            uint64_t here = load_u64(image->bytes.data + at + 24);
            if (here > watermark) watermark = here;
        }
    }
    return watermark;
}

/* Has every sector of [from, to) been written, as far as a byte other than zero can show? */
static bool sectors_written(const struct segment_image *image, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t end = (from / WAL_SECTOR_SIZE + 1) * WAL_SECTOR_SIZE;
        if (end > to) end = to;
        if (all_zero(image->bytes.data + from, end - from)) return false;
        from = end;
    }
    return true;
}

/* Rule 2: the batch lies there whole, and yet it is bad. */
static bool written_but_bad(const struct recovery *r)
{
    const struct segment_image *image = &r->images[r->image];
    uint64_t size = image->bytes.size;
    uint64_t header_end = r->offset + WAL_BATCH_HEADER_SIZE;
    if (header_end > size) return false;
    if (!sectors_written(image, r->offset, header_end)) return false;
    if (!batch_header_good(image, r->offset)) return true;
    uint64_t end = header_end + load_u32(image->bytes.data + r->offset + 4);
    if (end > size) return false; /* the file itself was not long enough yet */
    return sectors_written(image, header_end, end);
}

/* Reading stopped at r->image, r->offset: why? */
static void judge(struct recovery *r)
{
    bool any = false;
    uint64_t behind = watermark_behind(r, &any);
    if (behind > r->out->watermark) r->out->watermark = behind;
    if (r->out->watermark >= r->expected) {
        recovery_say(r, WAL_DAMAGED, r->image, r->offset,
                     "damaged: a batch that was durable is not readable");
        return;
    }
    if (written_but_bad(r) && !any) {
        recovery_say(r, WAL_DAMAGED, r->image, r->offset,
                     "damaged: the last batch was written whole and does not check out");
        return;
    }
    recovery_say(r, WAL_TORN, r->image, r->offset, "torn tail cut: nothing durable was lost");
}

/* Nothing at the offset. True when the log goes on in the next image. */
static bool segment_ended(struct recovery *r)
{
    bool any = false;
    (void)watermark_behind(r, &any);
    uint64_t first = 0;
    uint32_t node = 0;
    if (r->image + 1 < r->count) {
        enum header_state state = segment_header(&r->images[r->image + 1], &first, &node);
        if (state == HEADER_GOOD && first == r->expected) return true;
        judge(r);
    } else if (any) {
        judge(r);
    }
    return false;
}

/* Reads one segment's batches; true when the next segment should be read. */
static bool read_segment(struct recovery *r)
{
    struct wal_recovered *out = r->out;
    const struct segment_image *image = &r->images[r->image];
    struct wal_segment *segment = &out->segments[out->segments_count];
    *segment = (struct wal_segment){.number = image->number};
    out->segments_count++;
    r->offset = WAL_SEGMENT_HEADER_SIZE;
    for (;;) {
        struct wal_batch batch;
        uint64_t next = 0;
        segment->bytes = r->offset;
        if (!wal_batch_at(image, r->offset, &batch, &next)) return segment_ended(r);
        if (!batch.good || batch.sequence != r->expected) {
            judge(r);
            return false;
        }
        if (!take_batch(r, &batch, segment)) {
            recovery_say(r, WAL_REFUSED, r->image, r->offset,
                         "holds a record that this version does not know; use a newer quartet");
            return false;
        }
        r->expected++;
        r->offset = next;
    }
}

/* False when this image must not or cannot be read. */
static bool enter_segment(struct recovery *r, uint32_t node)
{
    uint64_t first = 0;
    uint32_t owner = 0;
    r->offset = 0;
    switch (segment_header(&r->images[r->image], &first, &owner)) {
    case HEADER_NEWER:
        recovery_say(r, WAL_REFUSED, r->image, 4, "a newer log format; use a newer quartet");
        return false;
    case HEADER_BAD: judge(r); return false;
    case HEADER_GOOD: break;
    }
    if (node != 0 && owner != node) {
        recovery_say(r, WAL_REFUSED, r->image, 24, "");
        struct text text = text_in(r->out->reason, sizeof r->out->reason);
        text_add(&text, "the data directory belongs to node ");
        text_add_decimal(&text, owner);
        text_add(&text, ", this is node ");
        text_add_decimal(&text, node);
        return false;
    }
    if (r->image == 0) r->expected = first;
    return true;
}

void wal_recover(const struct segment_image *images, uint32_t count, uint32_t node,
                 uint64_t snapshot_index, uint64_t snapshot_term, struct wal_recovered *recovered)
{
    memset(recovered, 0, sizeof *recovered);
    recovered->segments = calloc(count + 1, sizeof *recovered->segments);
    ASSERT(recovered->segments != NULL);
    struct recovery r = {
        .images = images,
        .count = count,
        .expected = 1,
        .snapshot_index = snapshot_index,
        .snapshot_term = snapshot_term,
        .out = recovered,
    };
    if (count > 0) recovered->segment_last = images[count - 1].number;
    for (r.image = 0; r.image < count; r.image++) {
        if (!enter_segment(&r, node)) break;
        if (!read_segment(&r)) break;
    }
    recovered->keeps_suffix = snapshot_index == 0 || r.term_at_snapshot == snapshot_term ||
                              r.first_index == snapshot_index + 1;
}

void wal_recovered_free(struct wal_recovered *recovered)
{
    free(recovered->segments);
    recovered->segments = NULL;
}

/* Entries of the batch that voided what came before it are taken from the voiding record on; they
 * stand in order, so those behind the snapshot come after those that it covers. */
static void visit_batch(const struct wal_batch *batch, wal_visit_entry *visit, void *context)
{
    struct reader body = reader_of(batch->body);
    while (body.bytes.size > 0) {
        uint32_t size = read_u32(&body);
        (void)read_u16(&body);
        uint8_t type = read_u8(&body);
        (void)read_u8(&body);
        struct reader record = reader_of(read_exactly(&body, size));
        ASSERT(!body.bad); /* wal_recover() has read it all */
        if (type != WAL_ENTRY) continue;
        struct raft_entry entry = {0};
        entry.index = read_u64(&record);
        entry.term = read_u64(&record);
        entry.elapsed_us = read_u64(&record);
        entry.wall_us = read_u64(&record);
        entry.kind = read_u8(&record);
        entry.version = read_u8(&record);
        entry.data = record.bytes;
        visit(context, &entry);
    }
}

void wal_each_entry(const struct segment_image *images, uint32_t count,
                    const struct wal_recovered *recovered, wal_visit_entry *visit, void *context)
{
    for (uint32_t i = 0; i < count && i < recovered->segments_count; i++) {
        uint64_t offset = WAL_SEGMENT_HEADER_SIZE;
        while (offset < recovered->segments[i].bytes) {
            struct wal_batch batch;
            uint64_t next = 0;
            bool there = wal_batch_at(&images[i], offset, &batch, &next);
            ASSERT(there && batch.good);
            if (batch.sequence >= recovered->void_sequence) visit_batch(&batch, visit, context);
            offset = next;
        }
    }
}
