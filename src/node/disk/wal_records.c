/* What stands in the batches of a log that is read back. See wal_reading.h; specs/disk.md. */
#include <string.h>

#include "node/disk/wal_format.h"
#include "node/disk/wal_reading.h"
#include "node/text.h"

static void take_entry(struct recovery *r, uint32_t number, struct reader *record,
                       struct wal_segment *segment, uint64_t sequence)
{
    struct group_recovery *group = &r->groups[number];
    uint64_t covered = recovery_snapshot(r, number).index;
    uint64_t index = read_u64(record);
    uint64_t term = read_u64(record);
    (void)read_exactly(record, WAL_ENTRY_FIELDS_SIZE - 16);
    if (record->bad) return;
    record->bytes.size = 0;
    if (index > segment->index_max[number]) segment->index_max[number] = index;
    if (group->first_index == 0 || index < group->first_index) group->first_index = index;
    if (index <= covered)
        r->out->groups[number].void_sequence = sequence; /* it replaced what was behind */
    if (index < covered) group->term_at_snapshot = 0;
    if (index == covered) group->term_at_snapshot = term;
}

static void take_hard_state(struct reader *record, struct wal_recovered_group *group)
{
    group->hard_state.term = read_u64(record);
    group->hard_state.vote = read_u32(record);
    uint8_t flags = read_u8(record);
    if ((flags & ~(WAL_STATE_TRUSTED | WAL_STATE_HELD)) != 0) record->bad = true;
    group->hard_state.trusted = (flags & WAL_STATE_TRUSTED) != 0;
    group->hard_state.held = (flags & WAL_STATE_HELD) != 0;
    group->has_hard_state = true;
}

static void take_reset(struct recovery *r, uint32_t number, struct reader *record,
                       uint64_t sequence)
{
    (void)read_u64(record);
    (void)read_u64(record);
    r->out->groups[number].void_sequence = sequence;
    r->groups[number] = (struct group_recovery){0};
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
static bool take_record(struct recovery *r, uint16_t group, uint8_t type, struct slice content,
                        struct wal_segment *segment, uint64_t sequence)
{
    struct wal_recovered *out = r->out;
    struct reader record = reader_of(content);
    out->stopped = type == WAL_STOPPED;
    switch (type) {
    case WAL_META: take_meta(&record, out); break;
    case WAL_HARD_STATE: take_hard_state(&record, &out->groups[group]); break;
    case WAL_ENTRY: take_entry(r, group, &record, segment, sequence); break;
    case WAL_RESET: take_reset(r, group, &record, sequence); break;
    case WAL_STOPPED: break;
    default: return false;
    }
    return reader_done(&record);
}

enum take_result recovery_take(struct recovery *r, const struct wal_batch *batch,
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
        if (*group >= r->out->groups_count) return TAKEN_STRANGE;
        if (!take_record(r, *group, type, content, segment, batch->sequence)) return TAKEN_NOT;
    }
    r->out->sequence = batch->sequence;
    if (batch->watermark > r->out->watermark) r->out->watermark = batch->watermark;
    return TAKEN;
}

/* A batch checks out and cannot be taken: why. */
void recovery_refuse(struct recovery *r, enum take_result result, uint16_t group)
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
