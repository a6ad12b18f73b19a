/* A snapshot as a leader streams it, for tests of those who take it. */
#ifndef QUARTET_TEST_GROUP_STREAM_H
#define QUARTET_TEST_GROUP_STREAM_H

#include "group_snapshots.h"

/* What make_stream() leaves: a leader's snapshot, as it comes to a follower. */
static struct machine_ops machine;
static struct snapshot_header header;
static struct buffer head, stream;

static inline int make_stream(void **state)
{
    (void)state;
    struct group_solo leader;
    machine = long_machine();
    group_solo_make(&leader, 3);
    leader.config.machine = &machine;
    group_solo_open(&leader, true);
    group_solo_lead(&leader);
    for (int i = 0; i < 4; i++) snapshots_one_more(&leader);
    raft_compact(group_raft(leader.group), raft_commit_index(group_raft(leader.group)));
    group_solo_receive(&leader, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                                      .from = 3,
                                                      .term = raft_term(group_raft(leader.group)),
                                                      .round = 1});
    leader.reach.snapshot_count = 1;
    leader.reach.snapshot_to[0] = 3;
    for (int i = 0; i < 40; i++) {
        group_solo_turn(&leader);
        group_snapshot_taken(leader.group, 3, 1, leader.stream.size);
        group_snapshot_written(leader.group);
    }
    buffer_append_slice(&head, buffer_slice(&leader.head));
    buffer_append_slice(&stream, buffer_slice(&leader.stream));
    struct snapshot_fault fault;
    assert_true(snapshot_header_decode(&machine, buffer_slice(&head), &header, &fault));
    assert_true(stream.size > LONG_BYTES);
    group_solo_end(&leader);
    return 0;
}

static inline int free_stream(void **state)
{
    (void)state;
    buffer_free(&head);
    buffer_free(&stream);
    return 0;
}

static inline struct slice part(size_t from, size_t to)
{
    return slice_of(buffer_slice(&stream).data + from, to - from);
}

#endif
