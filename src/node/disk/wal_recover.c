/* Reading the log back, and telling a torn tail from damage. The rules stand in specs/disk.md. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "node/text.h"
#include "node/disk/wal.h"
#include "node/disk/wal_format.h"
#include "node/disk/wal_reading.h"

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
    uint32_t groups;
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
    header->groups = load_u32(at + 28) + 1;
    if (header->groups == 0 || header->groups > WAL_GROUPS_MAX) return HEADER_BAD;
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

void recovery_say(struct recovery *r, enum wal_verdict verdict, const char *what)
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

struct wal_snapshot recovery_snapshot(const struct recovery *r, uint32_t group)
{
    if (r->owner->snapshots == NULL) return (struct wal_snapshot){0};
    return r->owner->snapshots[group];
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
    segment->index_max = calloc(out->groups_count, sizeof *segment->index_max);
    ASSERT(segment->index_max != NULL);
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
        enum take_result result = recovery_take(r, &batch, segment, &group);
        if (result != TAKEN) {
            recovery_refuse(r, result, group);
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

static void say_owner(struct recovery *r, uint32_t owner)
{
    r->offset = 24;
    recovery_say(r, WAL_REFUSED, "");
    struct text text = text_in(r->out->reason, sizeof r->out->reason);
    text_add(&text, "the data directory belongs to node ");
    text_add_decimal(&text, owner);
    text_add(&text, ", this is node ");
    text_add_decimal(&text, r->owner->node);
}

static void say_groups(struct recovery *r, uint32_t groups)
{
    r->offset = 28;
    recovery_say(r, WAL_REFUSED, "");
    struct text text = text_in(r->out->reason, sizeof r->out->reason);
    text_add(&text, "the data directory holds the logs of ");
    text_add_decimal(&text, groups);
    text_add(&text, " groups, and a node of ");
    text_add_decimal(&text, r->out->groups_count);
    text_add(&text, " was started on it: start it as before");
}

/* False when this image must not or cannot be read. */
static bool enter_segment(struct recovery *r)
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
    if (r->owner->node != 0 && header.node != r->owner->node) {
        say_owner(r, header.node);
        return false;
    }
    if (header.groups != r->out->groups_count) {
        say_groups(r, header.groups);
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

/* Of a log whose number of groups is not known beforehand: what the first good header says. */
static uint32_t groups_said(const struct segment_image *images, uint32_t count)
{
    struct segment_header header;
    for (uint32_t i = 0; i < count; i++) {
        if (segment_header(&images[i], &header) == HEADER_GOOD) return header.groups;
    }
    return 1;
}

static bool keeps_suffix(const struct recovery *r, uint32_t group)
{
    struct wal_snapshot snapshot = recovery_snapshot(r, group);
    const struct group_recovery *found = &r->groups[group];
    return snapshot.index == 0 || found->term_at_snapshot == snapshot.term ||
           found->first_index == snapshot.index + 1;
}

void wal_recover(const struct segment_image *images, uint32_t count, const struct wal_owner *owner,
                 struct wal_recovered *recovered)
{
    memset(recovered, 0, sizeof *recovered);
    recovered->groups_count = owner->groups != 0 ? owner->groups : groups_said(images, count);
    recovered->groups = calloc(recovered->groups_count, sizeof *recovered->groups);
    recovered->segments = calloc(count + 1, sizeof *recovered->segments);
    ASSERT(recovered->groups != NULL && recovered->segments != NULL);
    uint64_t *limits = limits_of(images, count);
    struct recovery r = {
        .images = images,
        .limits = limits,
        .count = count,
        .expected = 1,
        .owner = owner,
        .groups = calloc(recovered->groups_count, sizeof *r.groups),
        .out = recovered,
    };
    ASSERT(r.groups != NULL);
    if (count > 0) recovered->segment_last = images[count - 1].number;
    while ((r.image = image_next(&r, r.image)) < count) {
        if (!enter_segment(&r) || !read_segment(&r)) break;
        r.image++;
    }
    for (uint32_t i = 0; i < recovered->groups_count; i++) {
        recovered->groups[i].keeps_suffix = keeps_suffix(&r, i);
    }
    free(r.groups);
    free(limits);
}

void wal_recover_before(const struct segment_image *images, uint32_t count, uint64_t number,
                        const struct wal_owner *owner, struct wal_recovered *recovered)
{
    struct wal_recovered all = *recovered;
    struct wal_owner same = *owner;
    same.groups = all.groups_count;
    while (count > 0 && images[count - 1].number >= number) count--;
    wal_recover(images, count, &same, recovered);
    recovered->verdict = all.verdict;
    memcpy(recovered->reason, all.reason, sizeof recovered->reason);
    recovered->bad_segment = all.bad_segment;
    recovered->bad_offset = all.bad_offset;
    recovered->has_meta = all.has_meta;
    recovered->meta = all.meta;
    for (uint32_t i = 0; i < all.groups_count; i++) {
        recovered->groups[i].has_hard_state = all.groups[i].has_hard_state;
        recovered->groups[i].hard_state = all.groups[i].hard_state;
    }
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
    for (uint32_t i = 0; i < recovered->segments_count; i++) {
        free(recovered->segments[i].index_max);
    }
    free(recovered->segments);
    free(recovered->groups);
    recovered->segments = NULL;
    recovered->groups = NULL;
    recovered->segments_count = 0;
}
