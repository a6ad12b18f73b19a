/* Reading the log back, and telling a torn tail from damage. The rules stand in specs/disk.md. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "node/text.h"
#include "node/disk/wal.h"
#include "node/disk/wal_format.h"

enum header_state {
    HEADER_GOOD,
    HEADER_BAD, /* also: not there at all */
    HEADER_FOREIGN,
};

struct segment_header {
    uint32_t format;
    uint64_t first;   /* sequence of its first batch */
    uint64_t follows; /* sequence of the batch behind which that one stands */
    uint32_t node;
};

static enum header_state segment_header(const struct segment_image *image,
                                        struct segment_header *header)
{
    const uint8_t *at = image->bytes.data;
    if (image->bytes.size < WAL_SEGMENT_HEADER_SIZE) return HEADER_BAD;
    if (load_u32(at) != WAL_SEGMENT_MAGIC) return HEADER_BAD;
    if (load_u32(at + 60) != crc32c(0, at, 60)) return HEADER_BAD;
    header->format = load_u32(at + 4);
    if (header->format != WAL_FORMAT_VERSION) return HEADER_FOREIGN;
    if (load_u64(at + 8) != image->number) return HEADER_BAD;
    header->first = load_u64(at + 16);
    header->node = load_u32(at + 24);
    header->follows = load_u64(at + 32);
    return HEADER_GOOD;
}

static bool batch_header_good(const struct segment_image *image, uint64_t offset)
{
    if (offset + WAL_BATCH_HEADER_SIZE > image->bytes.size) return false;
    const uint8_t *at = image->bytes.data + offset;
    return load_u32(at) == WAL_BATCH_MAGIC && load_u64(at + 8) == image->number &&
           load_u32(at + 44) == crc32c(0, at, 44);
}

static bool all_zero(const uint8_t *at, uint64_t size)
{
    return size == 0 || (at[0] == 0 && memcmp(at, at + 1, size - 1) == 0);
}

bool wal_batch_at(const struct segment_image *image, uint64_t offset, struct wal_batch *batch,
                  uint64_t *next)
{
    uint64_t size = image->bytes.size;
    if (offset >= size) return false;
    const uint8_t *at = image->bytes.data + offset;
    if (size - offset < 8 || load_u64(at) == 0)
        return false; /* written last, where order is kept */
    *batch = (struct wal_batch){.offset = offset};
    *next = offset + 8;
    if (!batch_header_good(image, offset)) return true;
    uint64_t body = load_u32(at + 4);
    batch->sequence = load_u64(at + 16);
    batch->watermark = load_u64(at + 24);
    if (offset + WAL_BATCH_HEADER_SIZE + body > size) return true;
    batch->body = slice_of(at + WAL_BATCH_HEADER_SIZE, body);
    batch->good = load_u32(at + 40) == crc32c(0, batch->body.data, body);
    *next = offset + wal_batch_extent(body);
    return true;
}

/* Is the first batch of a segment there? It says what state the start that began it was in. */
static bool opens_well(const struct segment_image *image, const struct segment_header *header)
{
    struct wal_batch batch;
    uint64_t next = 0;
    return wal_batch_at(image, WAL_SEGMENT_HEADER_SIZE, &batch, &next) && batch.good &&
           batch.sequence == header->first;
}

/* The reading under way. */
struct recovery {
    const struct segment_image *images;
    const uint64_t *limits; /* of each image: batches in it above this sequence are void */
    uint32_t count;
    uint32_t image;    /* the one being read */
    uint64_t offset;   /* in it */
    uint64_t expected; /* sequence of the next batch */
    uint64_t snapshot_index, snapshot_term;
    uint64_t term_at_snapshot; /* of the log's entry there, 0: none */
    uint64_t first_index;      /* of the entries since the last RESET, 0: none */
    struct wal_recovered *out;
};

static void recovery_say(struct recovery *r, enum wal_verdict verdict, const char *what)
{
    struct wal_recovered *out = r->out;
    struct text text = text_in(out->reason, sizeof out->reason);
    text_add(&text, "log-");
    text_add_hex(&text, r->images[r->image].number, 16);
    text_add(&text, " at offset ");
    text_add_decimal(&text, r->offset);
    text_add(&text, ": ");
    text_add(&text, what);
    out->verdict = verdict;
    out->bad_segment = r->images[r->image].number;
    out->bad_offset = r->offset;
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

enum take_result {
    TAKEN,
    TAKEN_NOT,    /* a record that this version does not know */
    TAKEN_STRANGE /* a record of a group that there is not: no one wrote that, it is damage */
};

static enum take_result take_batch(struct recovery *r, const struct wal_batch *batch,
                                   struct wal_segment *segment, uint16_t *group)
{
    struct reader body = reader_of(batch->body);
    while (body.bytes.size > 0) {
        uint32_t size = read_u32(&body);
        *group = read_u16(&body);
        uint8_t type = read_u8(&body);
        uint8_t version = read_u8(&body);
        struct slice content = read_exactly(&body, size);
        if (body.bad || version != 1) return TAKEN_NOT;
        if (*group >= WAL_GROUPS) return TAKEN_STRANGE;
        if (!take_record(r, type, content, segment, batch->sequence)) return TAKEN_NOT;
    }
    r->out->sequence = batch->sequence;
    if (batch->watermark > r->out->watermark) r->out->watermark = batch->watermark;
    return TAKEN;
}

/* A batch checks out and cannot be taken: why. */
static void batch_refused(struct recovery *r, enum take_result result, uint16_t group)
{
    if (result == TAKEN_NOT) {
        recovery_say(r, WAL_REFUSED,
                     "holds a record that this version does not know; use a newer quartet");
        return;
    }
    char reason[80];
    struct text text = text_in(reason, sizeof reason);
    text_add(&text, "damaged: a record of group ");
    text_add_decimal(&text, group);
    text_add(&text, ", and there is none");
    recovery_say(r, WAL_DAMAGED, reason);
}

/* Does the log go on in this image behind the batch before r->expected? */
static bool image_goes_on(const struct recovery *r, uint32_t at, struct segment_header *header)
{
    const struct segment_image *image = &r->images[at];
    if (segment_header(image, header) != HEADER_GOOD) return false;
    if (r->out->segments_count == 0) return true; /* the oldest that is left */
    return header->first == r->expected ||
           (header->follows + 1 == r->expected && opens_well(image, header));
}

/* A later segment says that the log goes on in it without this one. */
static bool image_void(const struct recovery *r, uint32_t at)
{
    struct segment_header header;
    uint64_t limit = r->limits[at];
    if (r->out->segments_count > 0) return r->expected > limit;
    if (limit == 0) return true;
    return segment_header(&r->images[at], &header) == HEADER_GOOD && header.first > limit;
}

/* The next image of the log, r->count if there is none. */
static uint32_t image_next(const struct recovery *r, uint32_t at)
{
    while (at < r->count && image_void(r, at)) at++;
    return at;
}

/* What does an image know of batches behind the one that is missing? */
struct behind {
    bool any;
    uint64_t watermark;
};

static void look_behind(const struct recovery *r, uint32_t at, uint64_t from, struct behind *behind)
{
    const struct segment_image *image = &r->images[at];
    for (from = (from + 7) / 8 * 8; from + WAL_BATCH_HEADER_SIZE <= image->bytes.size; from += 8) {
        if (load_u32(image->bytes.data + from) != WAL_BATCH_MAGIC) continue;
        if (!batch_header_good(image, from)) continue;
        if (load_u64(image->bytes.data + from + 16) <= r->expected) continue;
        behind->any = true;
        uint64_t watermark = load_u64(image->bytes.data + from + 24);
        if (watermark > behind->watermark) behind->watermark = watermark;
    }
}

/* Rule 2: is every sector that [from, to) touches written, as far as a byte other than zero can
 * show? */
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

/* The batch at `offset` lies there whole. With a good header it says itself how many of its sectors
 * are blank. */
static bool batch_written(const struct segment_image *image, uint64_t offset)
{
    uint64_t size = image->bytes.size;
    uint64_t body = offset + WAL_BATCH_HEADER_SIZE;
    if (body > size || !sectors_written(image, offset, body)) return false;
    if (!batch_header_good(image, offset)) return true;
    const uint8_t *at = image->bytes.data + offset;
    uint64_t end = offset + wal_batch_extent(load_u32(at + 4));
    if (end > size) return false; /* the file itself was not long enough yet */
    return wal_blank_sectors(at + WAL_BATCH_HEADER_SIZE, body, end) <= load_u32(at + 32);
}

/* Reading stopped at r->image, r->offset: why? `written`: by rule 2 no write that was under way
 * explains what lies there. */
static void judge(struct recovery *r, bool written)
{
    struct behind behind = {.watermark = r->out->watermark};
    look_behind(r, r->image, r->offset, &behind);
    for (uint32_t i = r->image + 1; i < r->count; i++) {
        look_behind(r, i, WAL_SEGMENT_HEADER_SIZE, &behind);
    }
    r->out->watermark = behind.watermark;
    if (behind.watermark >= r->expected) {
        recovery_say(r, WAL_DAMAGED, "damaged: a batch that was durable is not readable");
    } else if (written) {
        recovery_say(r, WAL_DAMAGED, "damaged: what was written whole does not check out");
    } else {
        recovery_say(r, WAL_TORN, "torn tail cut: nothing durable was lost");
    }
}

/* Nothing at the offset. True when the log goes on in the next image. */
static bool segment_ended(struct recovery *r)
{
    struct segment_header header;
    uint32_t next = image_next(r, r->image + 1);
    if (next < r->count && image_goes_on(r, next, &header)) return true;
    struct behind behind = {0};
    look_behind(r, r->image, r->offset, &behind);
    if (behind.any) {
        judge(r, false);
        return false;
    }
    return next < r->count; /* what is missing, if anything, is missing there */
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
        if (r->expected > r->limits[r->image]) return true;
        if (!wal_batch_at(image, r->offset, &batch, &next)) return segment_ended(r);
        if (!batch.good || batch.sequence != r->expected) {
            judge(r, batch_written(image, r->offset));
            return false;
        }
        uint16_t group = 0;
        enum take_result result = take_batch(r, &batch, segment, &group);
        if (result != TAKEN) {
            batch_refused(r, result, group);
            return false;
        }
        r->expected++;
        r->offset = next;
    }
}

static void say_format(struct recovery *r, uint32_t format)
{
    r->offset = 4;
    recovery_say(r, WAL_REFUSED, "");
    struct text text = text_in(r->out->reason, sizeof r->out->reason);
    text_add(&text, "log-");
    text_add_hex(&text, r->images[r->image].number, 16);
    text_add(&text, " is of log format ");
    text_add_decimal(&text, format);
    text_add(&text, ", this quartet reads format ");
    text_add_decimal(&text, WAL_FORMAT_VERSION);
    text_add(&text, format > WAL_FORMAT_VERSION ? "; use a newer quartet" : "; use an older one");
}

static void say_owner(struct recovery *r, uint32_t owner, uint32_t node)
{
    r->offset = 24;
    recovery_say(r, WAL_REFUSED, "");
    struct text text = text_in(r->out->reason, sizeof r->out->reason);
    text_add(&text, "the data directory belongs to node ");
    text_add_decimal(&text, owner);
    text_add(&text, ", this is node ");
    text_add_decimal(&text, node);
}

/* False when this image must not or cannot be read. */
static bool enter_segment(struct recovery *r, uint32_t node)
{
    const struct segment_image *image = &r->images[r->image];
    struct segment_header header;
    r->offset = 0;
    switch (segment_header(image, &header)) {
    case HEADER_FOREIGN: say_format(r, header.format); return false;
    case HEADER_BAD:
        judge(r, image->bytes.size >= WAL_SEGMENT_HEADER_SIZE && load_u64(image->bytes.data) != 0);
        return false;
    case HEADER_GOOD: break;
    }
    if (node != 0 && header.node != node) {
        say_owner(r, header.node, node);
        return false;
    }
    if (!image_goes_on(r, r->image, &header)) {
        judge(r, false); /* batches before it are missing */
        return false;
    }
    r->expected = header.first;
    return true;
}

/* Batches that a later segment does not follow were left out by the start that began it. Its word
 * counts only with its first batch, which says that this start was an untrusted one. */
static uint64_t *limits_of(const struct segment_image *images, uint32_t count)
{
    uint64_t *limits = calloc(count + 1, sizeof *limits);
    ASSERT(limits != NULL);
    uint64_t limit = UINT64_MAX;
    for (uint32_t i = count; i-- > 0;) {
        struct segment_header header;
        limits[i] = limit;
        if (segment_header(&images[i], &header) != HEADER_GOOD) continue;
        if (header.follows < limit && opens_well(&images[i], &header)) limit = header.follows;
    }
    return limits;
}

void wal_recover(const struct segment_image *images, uint32_t count, uint32_t node,
                 uint64_t snapshot_index, uint64_t snapshot_term, struct wal_recovered *recovered)
{
    memset(recovered, 0, sizeof *recovered);
    recovered->segments = calloc(count + 1, sizeof *recovered->segments);
    ASSERT(recovered->segments != NULL);
    uint64_t *limits = limits_of(images, count);
    struct recovery r = {
        .images = images,
        .limits = limits,
        .count = count,
        .expected = 1,
        .snapshot_index = snapshot_index,
        .snapshot_term = snapshot_term,
        .out = recovered,
    };
    if (count > 0) recovered->segment_last = images[count - 1].number;
    while ((r.image = image_next(&r, r.image)) < count) {
        if (!enter_segment(&r, node) || !read_segment(&r)) break;
        r.image++;
    }
    free(limits);
    recovered->keeps_suffix = snapshot_index == 0 || r.term_at_snapshot == snapshot_term ||
                              r.first_index == snapshot_index + 1;
}

void wal_recover_before(const struct segment_image *images, uint32_t count, uint64_t number,
                        uint64_t snapshot_index, uint64_t snapshot_term,
                        struct wal_recovered *recovered)
{
    struct wal_recovered all = *recovered;
    while (count > 0 && images[count - 1].number >= number) count--;
    wal_recover(images, count, 0, snapshot_index, snapshot_term, recovered);
    recovered->verdict = all.verdict;
    memcpy(recovered->reason, all.reason, sizeof recovered->reason);
    recovered->bad_segment = all.bad_segment;
    recovered->bad_offset = all.bad_offset;
    recovered->has_meta = all.has_meta;
    recovered->meta = all.meta;
    recovered->has_hard_state = all.has_hard_state;
    recovered->hard_state = all.hard_state;
    recovered->stopped = false;
    recovered->watermark = all.watermark;
    recovered->segment_last = all.segment_last;
    wal_recovered_free(&all);
}

bool wal_recovered_keeps(const struct wal_recovered *recovered, uint64_t number)
{
    for (uint32_t i = 0; i < recovered->segments_count; i++) {
        if (recovered->segments[i].number == number) return true;
    }
    return false;
}

void wal_recovered_free(struct wal_recovered *recovered)
{
    free(recovered->segments);
    recovered->segments = NULL;
}
