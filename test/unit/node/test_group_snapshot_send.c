/* Snapshots out of a group, played by hand: to its disk, to followers that are too far behind, at
 * the pace of the slowest (node/group/snapshot_send.c). */
#include "group_snapshots.h"

enum { STALL_US = 5000000, PAUSE_US = 5000000, BUSY_US = 100000, CREDIT = 1 << 20 };

static struct group_solo solo;
static struct machine_ops machine;

static int set_up(void **state)
{
    (void)state;
    machine = long_machine();
    long_pending = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    return 0;
}

static struct raft *raft(void)
{
    return group_raft(solo.group);
}

static void begin(uint32_t voters, uint64_t log_bytes_compact)
{
    group_solo_make(&solo, voters);
    solo.config.machine = &machine;
    solo.config.log_bytes_compact = log_bytes_compact;
    group_solo_open(&solo, true);
    group_solo_lead(&solo);
}

/* --- to the disk --- */

/* Answers every write, until there is none. */
static void written(void)
{
    for (int i = 0; i < 100; i++) {
        size_t before = solo.file.size;
        group_snapshot_written(solo.group);
        group_solo_turn(&solo);
        if (solo.file.size == before) return;
    }
    fail_msg("it does not end");
}

static void test_a_long_log_is_worth_a_snapshot(void **state)
{
    (void)state;
    begin(1, 0);
    group_solo_turn(&solo);
    group_solo_said(&solo, "write-snapshot\n");
    group_solo_turn(&solo); /* the disk has not answered */
    group_solo_said(&solo, "");
    written();
    group_solo_turn(&solo);
    struct snapshot_fault fault;
    struct snapshot_header header;
    struct replica *replica =
        group_read_snapshot(solo.group, buffer_slice(&solo.file), &header, &fault);
    assert_non_null(replica);
    assert_int_equal(header.index, 1);
    assert_int_equal(header.cluster, GROUP_SOLO_CLUSTER);
    assert_int_equal(header.members.count, 1);
    assert_true(replica_digest(replica) == replica_digest(group_replica(solo.group)));
    replica_destroy(replica);
    group_solo_forget(&solo);
    group_snapshot_durable(solo.group);
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants\ntrim 1\n");
    struct group_counters counters;
    group_counters(solo.group, &counters);
    assert_int_equal(counters.snapshots_written, 1);
    assert_int_equal(counters.snapshot_index, 1);
    assert_int_equal(counters.snapshot_bytes, solo.file.size);
    /* Nothing has happened since. */
    group_solo_wait(&solo, 10 * GROUP_SOLO_SECOND_US);
    group_solo_said(&solo, "");
}

static void test_a_short_log_is_not(void **state)
{
    (void)state;
    begin(1, 1 << 20);
    snapshots_one_more(&solo);
    group_solo_wait(&solo, 10 * GROUP_SOLO_SECOND_US);
    group_solo_said(&solo, "");
}

static void test_what_failed_is_tried_again_after_a_pause(void **state)
{
    (void)state;
    begin(1, 0);
    group_solo_turn(&solo);
    group_solo_said(&solo, "write-snapshot\n");
    group_snapshot_failed(solo.group);
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants\n");
    assert_true(group_solo_told(&solo, "snapshot-aborted"));
    group_solo_wait(&solo, PAUSE_US - 1);
    group_solo_said(&solo, "");
    group_solo_wait(&solo, 1);
    group_solo_said(&solo, "write-snapshot\n");
}

static void test_an_answer_to_nothing_is_no_answer(void **state)
{
    (void)state;
    begin(1, 1 << 20);
    group_snapshot_written(solo.group);
    group_snapshot_durable(solo.group);
    group_snapshot_failed(solo.group);
    group_snapshot_taken(solo.group, 2, 1, 10);
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
}

static void test_a_backlog_beyond_its_limit_aborts(void **state)
{
    (void)state;
    begin(1, 0);
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    long_pending = solo.config.cut_backlog_bytes_max + 1;
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants\nabort-snapshot\n");
}

/* On a full disk even a small log is worth one, where that frees a segment. */
static void test_a_full_disk_wants_what_frees_some(void **state)
{
    (void)state;
    static char text[60000];
    memset(text, 'p', sizeof text - 1);
    begin(1, UINT64_MAX);
    group_set_disk_full(solo.group, true);
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    for (int i = 0; i < 40 && solo.wal.segments_count < 3; i++) {
        group_propose(solo.group, 5, slice_text(text));
        group_solo_commit(&solo);
    }
    assert_int_equal(solo.wal.segments_count, 3);
    group_solo_turn(&solo);
    written();
    group_solo_forget(&solo);
    group_snapshot_durable(solo.group);
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    assert_true(solo.wal.segments_count < 3);
}

/* --- to followers --- */

/* The log of this leader begins behind what 3 lacks, and 3 has just said that it lacks it. */
static void leave_behind(void)
{
    group_solo_forget(&solo);
    raft_compact(raft(), raft_commit_index(raft()));
    group_solo_receive(&solo, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                                    .from = 3,
                                                    .term = raft_term(raft()),
                                                    .index = 0,
                                                    .last_index = 0,
                                                    .round = 1});
    assert_int_equal(raft_snapshot_wanted(raft(), 0), 3);
    group_solo_said(&solo, "");
}

/* The same, and the disk has one of what there is: the next one is for 3 alone, and number 2. */
static void leave_behind_saved(void)
{
    begin(3, 0);
    group_solo_turn(&solo);
    written();
    group_snapshot_durable(solo.group);
    group_solo_turn(&solo);
    leave_behind();
}

static void link_to_3(bool there)
{
    solo.reach.snapshot_count = there;
    solo.reach.snapshot_to[0] = 3;
}

/* 3 takes whatever comes. */
static void taken(uint64_t number)
{
    for (int i = 0; i < 40; i++) {
        group_snapshot_taken(solo.group, 3, number, solo.stream.size);
        group_snapshot_written(solo.group);
        group_solo_turn(&solo);
    }
    assert_true(solo.stream.size > LONG_BYTES);
    assert_int_equal(solo.offset, solo.stream.size);
}

static void expect_counts(uint64_t sent, uint64_t to_disk)
{
    struct group_counters counters;
    group_counters(solo.group, &counters);
    assert_int_equal(counters.snapshots_sent, sent);
    assert_int_equal(counters.snapshots_written, to_disk);
}

static void test_a_follower_that_needs_one_is_dialed_and_served(void **state)
{
    (void)state;
    leave_behind_saved();
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants 3\n");
    link_to_3(true);
    group_solo_turn(&solo);
    group_solo_said(&solo, "begin to=3 number=2\ndata to=3 number=2\nwants 3\n");
    struct snapshot_header header;
    struct snapshot_fault fault;
    assert_true(snapshot_header_decode(&machine, buffer_slice(&solo.head), &header, &fault));
    assert_int_equal(header.index, raft_commit_index(raft()));
    taken(2);
    expect_counts(1, 1);
}

static void test_it_is_sent_no_more_than_it_may_owe(void **state)
{
    (void)state;
    leave_behind_saved();
    link_to_3(true);
    for (int i = 0; i < 10; i++) group_solo_turn(&solo);
    assert_in_range(solo.stream.size, CREDIT, CREDIT + SLICE_BYTES);
    group_solo_forget(&solo);
    group_snapshot_taken(solo.group, 3, 2, 2 * SLICE_BYTES);
    group_solo_turn(&solo);
    group_solo_said(&solo, "data to=3 number=2\n");
}

static void test_what_says_nothing_true_of_it_changes_nothing(void **state)
{
    (void)state;
    leave_behind_saved();
    link_to_3(true);
    for (int i = 0; i < 10; i++) group_solo_turn(&solo);
    group_solo_forget(&solo);
    group_snapshot_taken(solo.group, 3, 1, SLICE_BYTES);     /* another one's number */
    group_snapshot_taken(solo.group, 2, 2, SLICE_BYTES);     /* another one */
    group_snapshot_taken(solo.group, 3, 2, LONG_BYTES * 10); /* more than was sent */
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
}

/* It has all of the stream, and not said yet that it holds what that amounts to: it is not sent
 * another one, and what came after it stays in memory. */
static void test_one_that_has_taken_all_is_given_time_to_install_it(void **state)
{
    (void)state;
    leave_behind_saved();
    link_to_3(true);
    group_solo_turn(&solo);
    taken(2);
    group_solo_forget(&solo);
    for (int i = 0; i < 10; i++) group_solo_turn(&solo);
    group_solo_said(&solo, "");
    expect_counts(1, 1);
    group_solo_ack(&solo, 3, raft_last_index(raft()), 0);
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants\n");
}

static void test_one_that_takes_nothing_is_dropped(void **state)
{
    (void)state;
    leave_behind_saved();
    link_to_3(true);
    for (int i = 0; i < 10; i++) group_solo_turn(&solo);
    group_solo_pass(&solo, STALL_US);
    group_solo_turn(&solo);
    assert_true(group_solo_told(&solo, "snapshot-transfer-dropped"));
    assert_true(group_solo_told(&solo, "snapshot-aborted"));
}

static void test_one_whose_link_is_gone_is_dropped(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        leave_behind_saved();
        link_to_3(true);
        group_solo_turn(&solo);
        if (told) {
            group_snapshot_peer_lost(solo.group, 2); /* is sent none */
            group_snapshot_peer_lost(solo.group, 3);
        } else {
            link_to_3(false);
        }
        group_solo_turn(&solo);
        assert_true(group_solo_told(&solo, "snapshot-transfer-dropped"));
        assert_true(group_solo_told(&solo, "snapshot-aborted"));
        if (!told) group_solo_end(&solo);
    }
}

static void test_the_disk_and_followers_share_a_cut(void **state)
{
    (void)state;
    begin(3, UINT64_MAX);
    leave_behind();
    link_to_3(true);
    group_solo_turn(&solo);
    group_solo_said(&solo, "begin to=3 number=1\ndata to=3 number=1\nwants 3\nwrite-snapshot\n");
    taken(1);
    group_solo_ack(&solo, 3, raft_last_index(raft()), 0);
    group_solo_forget(&solo);
    group_snapshot_durable(solo.group);
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants\ntrim 1\n");
    expect_counts(1, 1);
}

/* Before its incarnation is durable a node says nothing to others. */
static void test_nothing_is_sent_before_this_life_is_durable(void **state)
{
    (void)state;
    leave_behind_saved();
    link_to_3(true);
    uint64_t ready = solo.wal.ready_sequence;
    solo.wal.ready_sequence = UINT64_MAX;
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants 3\n");
    solo.wal.ready_sequence = ready;
    group_solo_turn(&solo);
    group_solo_said(&solo, "begin to=3 number=2\ndata to=3 number=2\nwants 3\n");
}

static void fill(uint32_t entries)
{
    static char text[100000];
    memset(text, 'p', sizeof text - 1);
    for (uint32_t i = 0; i < entries; i++) {
        group_propose(solo.group, 5, slice_text(text));
        group_solo_commit(&solo);
        group_solo_forget(&solo);
    }
    group_solo_turn(&solo);
}

/* --- beside other groups of the node --- */

/* Stands for another one: a group never looks into it. */
static struct group *another(void)
{
    return (struct group *)&machine;
}

static void test_one_group_at_a_time_begins_a_cut(void **state)
{
    (void)state;
    begin(1, UINT64_MAX);
    solo.shared.cutting = another();
    solo.config.log_bytes_compact = 0;
    for (int i = 0; i < 3; i++) group_solo_turn(&solo);
    group_solo_said(&solo, "");
    assert_null(group_next_to_cut(&solo.shared));
    solo.shared.cutting = NULL;
    assert_ptr_equal(group_next_to_cut(&solo.shared), solo.group);
    group_solo_turn(&solo);
    group_solo_said(&solo, "write-snapshot\n");
    assert_null(group_next_to_cut(&solo.shared));
    assert_ptr_equal(solo.shared.cutting, solo.group);
}

/* The file is another's: followers are served all the same, and the disk later. */
static void test_while_another_writes_its_file_followers_are_served(void **state)
{
    (void)state;
    begin(3, UINT64_MAX);
    solo.shared.file = another();
    solo.config.log_bytes_compact = 0;
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    leave_behind();
    link_to_3(true);
    group_solo_turn(&solo);
    group_solo_said(&solo, "begin to=3 number=1\ndata to=3 number=1\nwants 3\n");
    taken(1);
    group_solo_ack(&solo, 3, raft_last_index(raft()), 0);
    solo.shared.file = NULL;
    group_solo_forget(&solo);
    group_solo_turn(&solo);
    group_solo_said(&solo, "write-snapshot\n");
}

/* 3 takes one of another group in: it says so, and is asked again later. */
static void test_a_follower_that_is_busy_is_asked_again_later(void **state)
{
    (void)state;
    leave_behind_saved();
    link_to_3(true);
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    group_snapshot_taken(solo.group, 2, 2, PEER_SNAPSHOT_BUSY); /* is sent none */
    group_snapshot_taken(solo.group, 3, 2, PEER_SNAPSHOT_BUSY);
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants\n");
    group_solo_turn(&solo);
    group_solo_said(&solo, "wants 3\n");
    group_solo_pass(&solo, BUSY_US);
    group_solo_turn(&solo);
    group_solo_said(&solo, "begin to=3 number=3\ndata to=3 number=3\nwants 3\n");
}

/* Of what the cut holds the log is kept for who takes it, though everyone else has it. */
static void test_entries_behind_a_cut_stay_for_who_takes_it(void **state)
{
    (void)state;
    leave_behind_saved();
    link_to_3(true);
    group_solo_turn(&solo);
    uint64_t cut = raft_last_index(raft());
    fill(60);
    assert_true(raft_first_index(raft()) <= cut + 1);
}

/* --- the log in memory --- */

static void test_entries_go_once_everyone_has_them(void **state)
{
    (void)state;
    begin(3, UINT64_MAX);
    fill(60); /* 6 MB: more than is kept for those who were briefly away */
    assert_int_equal(raft_first_index(raft()), 1);
    group_solo_ack(&solo, 3, raft_last_index(raft()), 0);
    group_solo_turn(&solo);
    assert_true(raft_first_index(raft()) > 1);
    assert_true(raft_first_index(raft()) < raft_last_index(raft()));
}

static void test_too_many_go_whoever_lacks_them(void **state)
{
    (void)state;
    group_solo_make(&solo, 3);
    solo.config.machine = &machine;
    solo.config.log_bytes_compact = UINT64_MAX;
    solo.config.log_bytes_memory = 5 << 20;
    group_solo_open(&solo, true);
    group_solo_lead(&solo);
    fill(60);
    assert_true(raft_first_index(raft()) > 1);
}

static void test_alone_nothing_is_kept_in_memory(void **state)
{
    (void)state;
    begin(1, UINT64_MAX);
    fill(3);
    group_solo_turn(&solo);
    assert_int_equal(raft_first_index(raft()), raft_last_index(raft()) + 1);
}

int main(void)
{
#define SOLO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SOLO_TEST(test_a_long_log_is_worth_a_snapshot),
        SOLO_TEST(test_a_short_log_is_not),
        SOLO_TEST(test_what_failed_is_tried_again_after_a_pause),
        SOLO_TEST(test_an_answer_to_nothing_is_no_answer),
        SOLO_TEST(test_a_backlog_beyond_its_limit_aborts),
        SOLO_TEST(test_a_full_disk_wants_what_frees_some),
        SOLO_TEST(test_a_follower_that_needs_one_is_dialed_and_served),
        SOLO_TEST(test_it_is_sent_no_more_than_it_may_owe),
        SOLO_TEST(test_what_says_nothing_true_of_it_changes_nothing),
        SOLO_TEST(test_one_that_has_taken_all_is_given_time_to_install_it),
        SOLO_TEST(test_one_that_takes_nothing_is_dropped),
        SOLO_TEST(test_one_whose_link_is_gone_is_dropped),
        SOLO_TEST(test_the_disk_and_followers_share_a_cut),
        SOLO_TEST(test_nothing_is_sent_before_this_life_is_durable),
        SOLO_TEST(test_one_group_at_a_time_begins_a_cut),
        SOLO_TEST(test_while_another_writes_its_file_followers_are_served),
        SOLO_TEST(test_a_follower_that_is_busy_is_asked_again_later),
        SOLO_TEST(test_entries_behind_a_cut_stay_for_who_takes_it),
        SOLO_TEST(test_entries_go_once_everyone_has_them),
        SOLO_TEST(test_too_many_go_whoever_lacks_them),
        SOLO_TEST(test_alone_nothing_is_kept_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
