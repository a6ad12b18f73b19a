/* What stands in for entries, and what entries carry: snapshots and compaction (section 7),
 * restarts, membership, log time. */
#include "raft_solo.h"

/* --- membership --- */

static void a_membership_counts_when_appended_and_falls_back_when_truncated(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    struct raft_members five = solo_members(5);
    struct buffer data = {0};
    raft_members_encode(&five, &data);
    struct raft_entry entry = {
        .index = 1, .term = 2, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&data)};
    struct raft_message append = {
        .type = RAFT_APPEND, .from = 2, .term = 2, .entries_count = 1, .entries = &entry};
    solo_receive(&solo, append);
    assert_int_equal(raft_members(solo.raft)->count, 5);
    solo_append(&solo, 3, 3, 0, 0, 1, 3, 0);
    assert_int_equal(raft_members(solo.raft)->count, 3);
    entry.index = 2;
    entry.term = 3;
    append = (struct raft_message){.type = RAFT_APPEND,
                                   .from = 3,
                                   .term = 3,
                                   .index = 1,
                                   .index_term = 3,
                                   .commit = 2,
                                   .entries_count = 1,
                                   .entries = &entry};
    solo_receive(&solo, append);
    solo_durable(&solo);
    raft_compact(solo.raft, 2);
    assert_int_equal(raft_members(solo.raft)->count, 5);
    entry = (struct raft_entry){
        .index = 3, .term = 3, .kind = RAFT_KIND_MEMBERS, .data = slice_text("nonsense")};
    append.index = 2;
    solo_receive(&solo, append); /* dropped as a whole */
    assert_int_equal(raft_last_index(solo.raft), 2);
    buffer_free(&data);
    solo_free(&solo);
}

static void members_decode_what_was_encoded_and_nothing_else(void **state)
{
    (void)state;
    struct raft_members members = solo_members(3), decoded;
    members.member[1].learner = true;
    members.member[2].address_size = 0;
    struct buffer data = {0};
    raft_members_encode(&members, &data);
    struct slice whole = buffer_slice(&data);
    assert_true(raft_members_decode(whole, &decoded));
    assert_int_equal(decoded.count, 3);
    assert_true(decoded.member[1].learner && !decoded.member[0].learner);
    for (size_t size = 0; size < whole.size; size++) {
        assert_false(raft_members_decode(slice_of(whole.data, size), &decoded));
    }
    buffer_put_u8(&data, 0);
    assert_false(raft_members_decode(buffer_slice(&data), &decoded));
    buffer_clear(&data);
    members.member[2].id = 2; /* not ascending */
    raft_members_encode(&members, &data);
    assert_false(raft_members_decode(buffer_slice(&data), &decoded));
    buffer_clear(&data);
    members.count = 0;
    raft_members_encode(&members, &data);
    assert_false(raft_members_decode(buffer_slice(&data), &decoded));
    static const uint8_t long_address[RAFT_ADDRESS_SIZE_MAX + 1];
    for (uint32_t size = 1; size <= sizeof long_address; size++) {
        for (uint32_t flags = 0; flags < 16; flags++) { /* 1 learner, 2 outgoing, 4 leaving */
            buffer_clear(&data);
            buffer_put_u32(&data, 2);
            buffer_put_u32(&data, 1);
            buffer_put_u8(&data, (uint8_t)flags);
            buffer_put_bytes(&data, slice_of(long_address, size));
            buffer_put_u32(&data, 2); /* one that votes */
            buffer_put_u8(&data, 0);
            buffer_put_bytes(&data, slice_of(long_address, 1));
            bool valid = (flags <= 3 || flags == 6) && size <= RAFT_ADDRESS_SIZE_MAX;
            assert_int_equal(raft_members_decode(buffer_slice(&data), &decoded), valid);
        }
    }
    buffer_free(&data);
}

/* --- log time --- */

static void log_time_goes_on_from_the_last_entry_and_never_back(void **state)
{
    (void)state;
    struct solo solo = solo_make(1);
    solo_create(&solo);
    struct raft_entry old = {
        .index = 1, .term = 1, .kind = RAFT_KIND_CALLER, .elapsed_us = 700, .wall_us = 20000000};
    raft_restore_entry(solo.raft, &old);
    solo_start(&solo);
    solo_durable(&solo);
    assert_int_equal(raft_entry_at(solo.raft, 2)->elapsed_us, 700);
    assert_int_equal(raft_entry_at(solo.raft, 2)->wall_us, 20000000); /* ours is behind */
    solo.now.mono_us += 50;
    solo_propose(&solo, "x");
    assert_int_equal(raft_entry_at(solo.raft, 3)->elapsed_us, 750);
    solo.now.wall_us = 30000000;
    solo_propose(&solo, "x");
    solo.now.wall_us = 25000000;
    solo.now.mono_us -= 20;
    solo_propose(&solo, "x");
    assert_int_equal(raft_entry_at(solo.raft, 5)->elapsed_us, 750);
    assert_int_equal(raft_entry_at(solo.raft, 5)->wall_us, 30000000);
    solo_free(&solo);
}

/* --- snapshots --- */

static void a_follower_behind_the_log_needs_a_snapshot_until_one_suffices(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    for (int i = 0; i < 20; i++) solo_propose(&solo, "x");
    solo_flush(&solo);
    solo_durable(&solo);
    solo_ack(&solo, 2, 21, 1);
    assert_int_equal(raft_commit_index(solo.raft), 21);
    raft_compact(solo.raft, 10);
    assert_int_equal(raft_first_index(solo.raft), 11);
    assert_int_equal(raft_term_at(solo.raft, 10), 2);
    assert_null(raft_entry_at(solo.raft, 10));
    solo_flush(&solo);
    assert_int_equal(raft_snapshot_wanted(solo.raft, 0), 3);
    assert_int_equal(raft_snapshot_wanted(solo.raft, 3), 0);
    raft_compact(solo.raft, 15);
    solo_tick_deadline(&solo);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->entries_count, 0);
    solo_ack(&solo, 3, 10, 2); /* the snapshot that it got is too old by now */
    assert_int_equal(raft_snapshot_wanted(solo.raft, 0), 3);
    solo_ack(&solo, 3, 15, 2);
    assert_int_equal(raft_snapshot_wanted(solo.raft, 0), 0);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->index, 15);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->entries_count, 6);
    assert_int_equal(raft_replicated_index(solo.raft), 15);
    solo_free(&solo);
}

/* Where our snapshot ends, the follower's entry is of an earlier term. */
static void a_follower_that_differs_at_the_snapshots_end_needs_it(void **state)
{
    (void)state;
    struct solo solo = solo_leading(3);
    solo_propose(&solo, "x");
    solo_flush(&solo);
    solo_durable(&solo);
    solo_ack(&solo, 2, 2, 1);
    raft_compact(solo.raft, 2);
    solo_receive(&solo,
                 (struct raft_message){
                     .type = RAFT_APPEND_REPLY, .from = 3, .term = 2, .index = 2, .index_term = 1});
    solo_propose(&solo, "y");
    solo_flush(&solo);
    assert_int_equal(raft_snapshot_wanted(solo.raft, 0), 3);
    solo_free(&solo);
}

static void an_installed_snapshot_replaces_the_log_or_its_beginning(void **state)
{
    (void)state;
    for (int keeps = 0; keeps < 2; keeps++) {
        struct solo solo = solo_make(3);
        solo_create(&solo);
        for (uint64_t i = 1; i <= 6; i++) solo_restore(&solo, i, 2);
        solo_start(&solo);
        solo_append(&solo, 2, 5, 0, 0, 0, 0, 0);
        struct raft_members members = solo_members(3);
        uint64_t term = keeps ? 2 : 4;
        assert_true(raft_install_snapshot(solo.raft, solo.now, 4, term, 77, 88, &members));
        solo_flush(&solo);
        assert_int_equal(raft_commit_index(solo.raft), 4);
        assert_int_equal(raft_first_index(solo.raft), 5);
        assert_int_equal(raft_last_index(solo.raft), keeps ? 6 : 4);
        assert_int_equal(raft_term_at(solo.raft, 4), term);
        assert_int_equal(solo_sent(&solo, RAFT_APPEND_REPLY, 2)->index, 4);
        assert_false(raft_install_snapshot(solo.raft, solo.now, 4, term, 77, 88, &members));
        assert_false(raft_install_snapshot(solo.raft, solo.now, 2, term, 77, 88, &members));
        solo_append(&solo, 2, 5, 4, term, 1, 5, 5);
        assert_int_equal(raft_last_index(solo.raft), 5);
        assert_int_equal(raft_commit_index(solo.raft), 5);
        solo_free(&solo);
    }
}

/* The snapshot is durable, so what it covers needs no write any more, even what was never handed
 * out to be written. */
static void an_installed_snapshot_makes_entries_durable_that_were_not_written(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    struct raft_entry entries[3];
    for (uint64_t i = 0; i < 3; i++) {
        entries[i] = (struct raft_entry){.index = i + 1, .term = 2, .kind = RAFT_KIND_CALLER};
    }
    struct raft_message append = {.type = RAFT_APPEND,
                                  .from = 2,
                                  .to = 1,
                                  .term = 2,
                                  .round = 1,
                                  .entries_count = 3,
                                  .entries = entries};
    raft_receive(solo.raft, solo.now, &append);
    struct raft_members members = solo_members(3);
    assert_true(raft_install_snapshot(solo.raft, solo.now, 2, 2, 0, 0, &members));
    assert_int_equal(raft_durable_index(solo.raft), 2);
    solo_flush(&solo);
    assert_int_equal(solo.output.persist_first, 3);
    assert_int_equal(solo.output.persist_last, 3);
    solo_free(&solo);
}

static void what_a_replaced_log_left_on_disk_is_not_restored(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo.restored.snapshot_index = 4;
    solo.restored.snapshot_term = 4;
    solo.restored.term = 4;
    solo_create(&solo);
    for (uint64_t i = 1; i <= 6; i++) solo_restore(&solo, i, 2);
    assert_int_equal(raft_last_index(solo.raft), 4);
    solo_restore(&solo, 5, 4);
    solo_restore(&solo, 6, 4);
    solo_restore(&solo, 6, 5); /* written later: replaces */
    solo_restore(&solo, 7, 5);
    assert_int_equal(raft_last_index(solo.raft), 7);
    assert_int_equal(raft_term_at(solo.raft, 6), 5);
    assert_int_equal(raft_term(solo.raft), 5);
    raft_restore_commit(solo.raft, 99);
    assert_int_equal(raft_commit_index(solo.raft), 7);
    solo_start(&solo);
    assert_int_equal(raft_durable_index(solo.raft), 7);
    assert_int_equal(solo.output.persist_first, 0);
    solo_free(&solo);
}

static void a_compacted_log_gives_its_memory_back(void **state)
{
    (void)state;
    struct solo solo = solo_make(1);
    solo_create(&solo);
    solo_start(&solo);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 1000; i++) solo_propose(&solo, "0123456789");
        solo_flush(&solo);
        solo_durable(&solo);
        raft_compact(solo.raft, raft_commit_index(solo.raft));
        for (int i = 0; i < 5; i++) solo_flush(&solo);
        assert_int_equal(raft_log_bytes(solo.raft), 0);
    }
    solo_free(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_membership_counts_when_appended_and_falls_back_when_truncated),
        cmocka_unit_test(members_decode_what_was_encoded_and_nothing_else),
        cmocka_unit_test(log_time_goes_on_from_the_last_entry_and_never_back),
        cmocka_unit_test(a_follower_behind_the_log_needs_a_snapshot_until_one_suffices),
        cmocka_unit_test(a_follower_that_differs_at_the_snapshots_end_needs_it),
        cmocka_unit_test(an_installed_snapshot_replaces_the_log_or_its_beginning),
        cmocka_unit_test(an_installed_snapshot_makes_entries_durable_that_were_not_written),
        cmocka_unit_test(what_a_replaced_log_left_on_disk_is_not_restored),
        cmocka_unit_test(a_compacted_log_gives_its_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
