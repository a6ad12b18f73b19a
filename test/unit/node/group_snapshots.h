/* For tests of snapshots: the tiny machine with a stream of several slices, and a group that has
 * something to stream. */
#ifndef QUARTET_TEST_GROUP_SNAPSHOTS_H
#define QUARTET_TEST_GROUP_SNAPSHOTS_H

#include "group_solo.h"

enum {
    LONG_BYTES = 3 << 20, /* of its stream, besides the tiny one's */
    SLICE_BYTES = 256 << 10,
};

static uint64_t long_pending; /* what it says that waits of a cut */

static inline void long_cut_begin(void *machine)
{
    struct tiny *tiny = machine;
    tiny_cut_begin(machine);
    memset(buffer_reserve(&tiny->stream, LONG_BYTES), 'x', LONG_BYTES);
    buffer_grew(&tiny->stream, LONG_BYTES);
}

static inline bool long_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct tiny *tiny = machine;
    size_t part = size < tiny->stream.size ? size : tiny->stream.size;
    buffer_append(out, buffer_slice(&tiny->stream).data, part);
    buffer_consume(&tiny->stream, part);
    return tiny->stream.size > 0;
}

static inline uint64_t long_cut_pending(const void *machine)
{
    (void)machine;
    return long_pending;
}

static inline bool long_restore_end(void *machine)
{
    struct tiny *tiny = machine;
    struct reader reader = reader_of(buffer_slice(&tiny->restored));
    tiny->count = read_u64(&reader);
    (void)read_exactly(&reader, LONG_BYTES);
    return reader_done(&reader);
}

static inline struct machine_ops long_machine(void)
{
    struct machine_ops ops = tiny_machine;
    ops.cut_begin = long_cut_begin;
    ops.cut_read = long_cut_read;
    ops.cut_pending = long_cut_pending;
    ops.restore_end = long_restore_end;
    return ops;
}

/* One command, committed and applied. */
static inline void snapshots_one_more(struct group_solo *solo)
{
    group_propose(solo->group, 5, slice_text("pa"));
    group_solo_commit(solo);
    group_solo_said(solo, "answer 5 pa\n");
}

#endif
