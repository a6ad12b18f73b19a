/* Snapshots into a group, played by hand: what a follower takes from whom, when it puts it in
 * place, and what it does with anything else (node/group/snapshot_receive.c). */
#include "group_stream.h"

enum { LEADER = 2, LINK = 40, OTHER_LINK = 41, NUMBER = 9 };

static struct group_solo solo;
static struct buffer content; /* of the frame that is said next */

/* A follower of term 2 that has applied one entry. */
static int set_up(void **state)
{
    (void)state;
    group_solo_make(&solo, 3);
    solo.config.machine = &machine;
    group_solo_open(&solo, true);
    group_solo_follow(&solo, 2, 0, 0, 1, 1);
    group_solo_forget(&solo);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    buffer_free(&content);
    return 0;
}

static struct raft *raft(void)
{
    return group_raft(solo.group);
}

/* --- the leader's frames --- */

static bool say(enum peer_frame_type type, uint32_t peer, uint32_t link)
{
    struct peer_frame frame = {.type = (uint8_t)type, .content = buffer_slice(&content)};
    return group_snapshot_frame(solo.group, peer, link, &frame);
}

static bool say_begin(uint32_t peer, uint64_t term, uint64_t number, struct slice bytes)
{
    buffer_clear(&content);
    buffer_put_u64(&content, term);
    buffer_put_u64(&content, number);
    buffer_put_bytes(&content, bytes);
    return say(PEER_SNAPSHOT_BEGIN, peer, LINK);
}

static bool say_data(uint32_t link, uint64_t number, uint64_t offset, struct slice bytes)
{
    buffer_clear(&content);
    buffer_put_u64(&content, number);
    buffer_put_u64(&content, offset);
    buffer_put_bytes(&content, bytes);
    return say(PEER_SNAPSHOT_DATA, LEADER, link);
}

static bool say_end(uint32_t link, uint64_t number, uint64_t offset)
{
    buffer_clear(&content);
    buffer_put_u64(&content, number);
    buffer_put_u64(&content, offset);
    return say(PEER_SNAPSHOT_END, LEADER, link);
}

static void begin(void)
{
    assert_true(say_begin(LEADER, 2, NUMBER, buffer_slice(&head)));
}

static void send_all(void)
{
    for (size_t at = 0; at < stream.size;) {
        size_t next = at + SLICE_BYTES < stream.size ? at + SLICE_BYTES : stream.size;
        assert_true(say_data(LINK, NUMBER, at, part(at, next)));
        at = next;
    }
}

/* All of it has come and is written; the file is being put in place. */
static void come_to_commit(void)
{
    begin();
    send_all();
    assert_true(say_end(LINK, NUMBER, stream.size));
    group_solo_turn(&solo);
    group_snapshot_written(solo.group);
    group_solo_forget(&solo);
    group_solo_turn(&solo);
    char expected[64];
    snprintf(expected, sizeof expected, "taken to=%d number=%d\ncommit-snapshot %u\n", LINK, NUMBER,
             (unsigned)header.index);
    group_solo_said(&solo, expected);
}

static uint64_t installed(void)
{
    struct group_counters counters;
    group_counters(solo.group, &counters);
    return counters.snapshots_installed;
}

/* --- what should come --- */

static void test_it_is_put_in_place_once_durable(void **state)
{
    (void)state;
    come_to_commit();
    assert_int_equal(group_replica(solo.group)->index, 1);
    group_snapshot_durable(solo.group);
    assert_int_equal(group_replica(solo.group)->index, header.index);
    assert_true(replica_digest(group_replica(solo.group)) == header.digest);
    assert_int_equal(raft_commit_index(raft()), header.index);
    group_solo_turn(&solo);
    /* Effects meant for clients here were skipped. */
    group_solo_said(&solo, "lost\ntrim 1\n");
    assert_true(group_solo_told(&solo, "snapshot-installed"));
    assert_int_equal(installed(), 1);
    group_solo_follow(&solo, 2, header.index, header.term, 1, header.index + 1);
    assert_int_equal(group_replica(solo.group)->index, header.index + 1);
}

static void test_the_file_is_what_a_start_reads(void **state)
{
    (void)state;
    struct snapshot_header found;
    struct snapshot_fault fault;
    come_to_commit();
    struct replica *replica =
        group_read_snapshot(solo.group, buffer_slice(&solo.file), &found, &fault);
    assert_non_null(replica);
    assert_int_equal(found.index, header.index);
    assert_true(replica_digest(replica) == header.digest);
    replica_destroy(replica);
}

/* What was written leaves memory, and so does the right to send as much again. */
static void test_it_is_taken_as_fast_as_the_disk_is(void **state)
{
    (void)state;
    begin();
    assert_true(say_data(LINK, NUMBER, 0, part(0, SLICE_BYTES)));
    group_solo_turn(&solo);
    group_solo_said(&solo, "write-snapshot\n");
    assert_true(say_data(LINK, NUMBER, SLICE_BYTES, part(SLICE_BYTES, 2 * SLICE_BYTES)));
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    group_snapshot_written(solo.group);
    group_snapshot_written(solo.group); /* an answer to nothing */
    group_solo_turn(&solo);
    group_solo_said(&solo, "taken to=40 number=9\nwrite-snapshot\n");
    assert_int_equal(solo.offset, 2 * SLICE_BYTES);
}

/* The log holds the entry that the snapshot ends with: what follows it stays. */
static void test_entries_behind_it_stay(void **state)
{
    (void)state;
    come_to_commit();
    uint32_t behind = (uint32_t)header.index;
    group_solo_follow(&solo, 2, 1, 2, behind, 1);
    assert_int_equal(raft_last_index(raft()), header.index + 1);
    group_snapshot_durable(solo.group);
    assert_int_equal(raft_last_index(raft()), header.index + 1);
    assert_int_equal(installed(), 1);
    group_solo_turn(&solo);
}

static void test_one_that_the_log_has_overtaken_is_left(void **state)
{
    (void)state;
    come_to_commit();
    group_solo_follow(&solo, 2, 1, 2, (uint32_t)header.index, header.index + 1);
    assert_int_equal(group_replica(solo.group)->index, header.index + 1);
    group_snapshot_durable(solo.group);
    assert_int_equal(group_replica(solo.group)->index, header.index + 1);
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    assert_int_equal(installed(), 0);
}

static void test_a_new_one_takes_the_place_of_one_under_way(void **state)
{
    (void)state;
    begin();
    assert_true(say_data(LINK, NUMBER, 0, part(0, SLICE_BYTES)));
    assert_true(say_begin(LEADER, 2, NUMBER + 1, buffer_slice(&head)));
    group_solo_turn(&solo);
    group_solo_said(&solo, "abort-snapshot\nwrite-snapshot\n");
    assert_true(say_data(LINK, NUMBER, SLICE_BYTES, part(SLICE_BYTES, 2 * SLICE_BYTES)));
    assert_true(say_data(LINK, NUMBER + 1, 0, part(0, SLICE_BYTES)));
}

/* --- what should not, and does no harm --- */

static void test_it_takes_none_but_its_leaders(void **state)
{
    (void)state;
    struct buffer other = {0};
    struct snapshot_header foreign = header;
    foreign.cluster++;
    snapshot_header_encode(&machine, &foreign, &other);
    assert_true(say_begin(LEADER, 1, NUMBER, buffer_slice(&head)));
    assert_true(say_begin(LEADER, 3, NUMBER, buffer_slice(&head)));
    assert_true(say_begin(3, 2, NUMBER, buffer_slice(&head)));
    assert_true(say_begin(LEADER, 2, NUMBER, buffer_slice(&other)));
    assert_true(say_data(LINK, NUMBER, 0, part(0, 100)));
    assert_true(say_end(LINK, NUMBER, 0));
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    buffer_free(&other);
}

static void test_it_takes_none_that_it_has_passed(void **state)
{
    (void)state;
    group_solo_follow(&solo, 2, 1, 2, (uint32_t)header.index, header.index + 1);
    assert_true(say_begin(LEADER, 2, NUMBER, buffer_slice(&head)));
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
}

static void test_it_takes_none_before_there_is_a_log(void **state)
{
    (void)state;
    group_close(solo.group);
    assert_true(say_begin(LEADER, 2, NUMBER, buffer_slice(&head)));
    group_solo_turn(&solo);
    assert_false(group_solo_told(&solo, "snapshot-arriving"));
}

static void test_it_takes_none_while_one_is_put_in_place(void **state)
{
    (void)state;
    come_to_commit();
    assert_true(say_begin(LEADER, 2, NUMBER + 1, buffer_slice(&head)));
    assert_true(say_data(LINK, NUMBER, stream.size, part(0, 100)));
    assert_true(say_end(LINK, NUMBER, stream.size));
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    group_snapshot_durable(solo.group);
    assert_int_equal(installed(), 1);
}

/* One at a time a node: the leader is told to come again. */
static void test_while_one_comes_for_another_group_it_is_busy(void **state)
{
    (void)state;
    solo.shared.arriving = (struct group *)&machine; /* stands for another: never looked into */
    assert_true(say_begin(LEADER, 2, NUMBER, buffer_slice(&head)));
    group_solo_turn(&solo);
    group_solo_said(&solo, "taken to=40 number=9\n");
    assert_true(solo.offset == PEER_SNAPSHOT_BUSY);
    solo.shared.arriving = NULL;
    begin();
    group_solo_turn(&solo);
    group_solo_said(&solo, "write-snapshot\n");
}

static void test_frames_of_another_link_are_not_its(void **state)
{
    (void)state;
    begin();
    assert_true(say_data(OTHER_LINK, NUMBER, 0, part(0, 100)));
    assert_true(say_end(OTHER_LINK, NUMBER, 0));
    assert_true(say_data(LINK, NUMBER + 1, 0, part(0, 100)));
    assert_true(say_end(LINK, NUMBER + 1, 0));
    assert_true(say_data(LINK, NUMBER, 0, part(0, 100))); /* this one is */
    group_solo_turn(&solo);
    group_solo_said(&solo, "write-snapshot\n");
}

static void test_it_ends_with_its_link(void **state)
{
    (void)state;
    begin();
    group_snapshot_link_lost(solo.group, OTHER_LINK);
    group_solo_turn(&solo);
    group_solo_said(&solo, "write-snapshot\n");
    group_snapshot_link_lost(solo.group, LINK);
    group_snapshot_link_lost(solo.group, LINK);
    group_solo_turn(&solo);
    group_solo_said(&solo, "abort-snapshot\n");
    assert_true(group_solo_told(&solo, "snapshot-refused"));
}

static void test_a_full_disk_ends_it(void **state)
{
    (void)state;
    begin();
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    group_snapshot_failed(solo.group);
    group_solo_turn(&solo);
    group_solo_said(&solo, "abort-snapshot\n");
}

/* A commit that was given up is answered by nobody: the next one is taken all the same. */
static void test_one_that_failed_in_the_end_is_followed_by_another(void **state)
{
    (void)state;
    come_to_commit();
    group_snapshot_failed(solo.group);
    group_snapshot_durable(solo.group); /* too late */
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    assert_int_equal(installed(), 0);
    come_to_commit();
    group_snapshot_durable(solo.group);
    assert_int_equal(installed(), 1);
    group_solo_turn(&solo);
}

/* --- what ends the link --- */

static void test_frames_cut_short_are_malformed(void **state)
{
    (void)state;
    begin();
    static const enum peer_frame_type types[] = {PEER_SNAPSHOT_BEGIN, PEER_SNAPSHOT_DATA,
                                                 PEER_SNAPSHOT_END};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        buffer_clear(&content);
        buffer_put_u32(&content, 1);
        assert_false(say(types[i], LEADER, LINK));
    }
    assert_false(say_begin(LEADER, 2, NUMBER, slice_text("no header")));
}

static void expect_refused(void)
{
    group_solo_turn(&solo);
    group_solo_said(&solo, "abort-snapshot\n");
    assert_true(group_solo_told(&solo, "snapshot-refused"));
    assert_int_equal(group_replica(solo.group)->index, 1);
}

static void test_a_gap_ends_it(void **state)
{
    (void)state;
    begin();
    assert_true(say_data(LINK, NUMBER, 0, part(0, 100)));
    assert_false(say_data(LINK, NUMBER, 200, part(200, 300)));
    expect_refused();
}

static void test_an_end_too_early_ends_it(void **state)
{
    (void)state;
    begin();
    assert_true(say_data(LINK, NUMBER, 0, part(0, 100)));
    assert_false(say_end(LINK, NUMBER, 200));
    expect_refused();
}

static void test_a_stream_that_is_not_whole_ends_it(void **state)
{
    (void)state;
    begin();
    assert_true(say_data(LINK, NUMBER, 0, part(0, 20)));
    assert_false(say_end(LINK, NUMBER, 20));
    expect_refused();
}

static void test_another_state_than_was_promised_ends_it(void **state)
{
    (void)state;
    struct buffer other = {0};
    struct snapshot_header wrong = header;
    wrong.digest++;
    snapshot_header_encode(&machine, &wrong, &other);
    assert_true(say_begin(LEADER, 2, NUMBER, buffer_slice(&other)));
    send_all();
    assert_false(say_end(LINK, NUMBER, stream.size));
    expect_refused();
    buffer_free(&other);
}

/* What is wrong with the stream itself shows while it comes. */
static void test_origins_that_cannot_be_end_it(void **state)
{
    (void)state;
    uint8_t bad[100];
    memset(bad, 0xff, sizeof bad);
    begin();
    assert_false(say_data(LINK, NUMBER, 0, slice_of(bad, sizeof bad)));
    expect_refused();
}

int main(void)
{
#define SOLO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SOLO_TEST(test_it_is_put_in_place_once_durable),
        SOLO_TEST(test_the_file_is_what_a_start_reads),
        SOLO_TEST(test_it_is_taken_as_fast_as_the_disk_is),
        SOLO_TEST(test_entries_behind_it_stay),
        SOLO_TEST(test_one_that_the_log_has_overtaken_is_left),
        SOLO_TEST(test_a_new_one_takes_the_place_of_one_under_way),
        SOLO_TEST(test_it_takes_none_but_its_leaders),
        SOLO_TEST(test_it_takes_none_that_it_has_passed),
        SOLO_TEST(test_it_takes_none_before_there_is_a_log),
        SOLO_TEST(test_it_takes_none_while_one_is_put_in_place),
        SOLO_TEST(test_while_one_comes_for_another_group_it_is_busy),
        SOLO_TEST(test_frames_of_another_link_are_not_its),
        SOLO_TEST(test_it_ends_with_its_link),
        SOLO_TEST(test_a_full_disk_ends_it),
        SOLO_TEST(test_one_that_failed_in_the_end_is_followed_by_another),
        SOLO_TEST(test_frames_cut_short_are_malformed),
        SOLO_TEST(test_a_gap_ends_it),
        SOLO_TEST(test_an_end_too_early_ends_it),
        SOLO_TEST(test_a_stream_that_is_not_whole_ends_it),
        SOLO_TEST(test_another_state_than_was_promised_ends_it),
        SOLO_TEST(test_origins_that_cannot_be_end_it),
    };
    return cmocka_run_group_tests(tests, make_stream, free_stream);
}
