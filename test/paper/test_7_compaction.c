/* Section 7: "Log compaction". What a snapshot holds is the state machine's business; here is what
 * Raft does with the log around it. */
#include "paper.h"

/* A follower of server 2 in term 4 whose log "1 1 2 2 4" is committed up to 4. */
static struct solo committed_follower(void)
{
    struct solo server = paper_follower(3, 4, "1 1 2 2 4", 2);
    paper_append(&server, 4, 5, 4, "", 4);
    assert_int_equal(raft_commit_index(server.raft), 4);
    return server;
}

/* "Each server takes snapshots independently, covering just the committed entries in its log." */
static void each_server_takes_snapshots_independently(void **state)
{
    struct solo server = committed_follower();
    raft_compact(server.raft, 3); /* a follower, and nobody is told or asked */
    solo_flush(&server);
    assert_int_equal(server.output.messages_count, 0);
    assert_int_equal(raft_first_index(server.raft), 4);
    assert_int_equal(raft_commit_index(server.raft), 4);
    assert_int_equal(raft_last_index(server.raft), 5);
    solo_free(&server);
}

/* "Once a server completes writing a snapshot, it may delete all log entries up through the last
 * included index, as well as any prior snapshot." */
static void entries_up_through_the_last_included_index_are_deleted(void **state)
{
    struct solo server = committed_follower();
    raft_compact(server.raft, 2);
    raft_compact(server.raft, 4);
    for (uint64_t i = 1; i <= 4; i++) assert_null(raft_entry_at(server.raft, i));
    assert_non_null(raft_entry_at(server.raft, 5));
    raft_compact(server.raft, 2); /* the prior one is void */
    assert_int_equal(raft_first_index(server.raft), 5);
    solo_free(&server);
}

/* "The last included index [...] and the last included term [...] are preserved to support the
 * AppendEntries consistency check for the first log entry following the snapshot, since that entry
 * needs a previous log index and term." */
static void the_last_included_index_and_term_support_the_consistency_check(void **state)
{
    struct solo server = committed_follower();
    raft_compact(server.raft, 4);
    assert_int_equal(raft_term_at(server.raft, 4), 2);
    assert_true(paper_append(&server, 4, 4, 2, "4 4", 0)->granted);
    assert_int_equal(raft_last_index(server.raft), 6);
    solo_free(&server);

    server = paper_leader(3, 4, "1 1 2 2"); /* and a leader says them */
    solo_ack(&server, 2, 5, 1);
    raft_compact(server.raft, 4);
    solo_ack(&server, 3, 4, 1);
    solo_propose(&server, "x");
    solo_flush(&server);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 3)->index, 5);
    solo_tick_deadline(&server);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 3)->index, 4);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 3)->index_term, 2);
    solo_free(&server);

    server = solo_make(3); /* nor are they lost in a restart: all that is left of the log */
    server.restored.term = 4;
    server.restored.snapshot_index = 4;
    server.restored.snapshot_term = 2;
    solo_create(&server);
    solo_start(&server);
    server.now.mono_us += 2 * SOLO_TIMEOUT_US;
    assert_false(paper_ask_vote(&server, 3, 5, 3, 2)->granted);
    assert_true(paper_append(&server, 5, 4, 2, "5", 0)->granted);
    solo_free(&server);
}

/* "To enable cluster membership changes (section 6), the snapshot also includes the latest
 * configuration in the log as of last included index." */
static void the_snapshot_includes_the_latest_configuration(void **state)
{
    struct solo server = solo_make(3);
    server.restored.term = 4;
    server.restored.snapshot_index = 8;
    server.restored.snapshot_term = 3;
    server.restored.members = solo_members(5); /* as of the snapshot; the log says nothing */
    solo_create(&server);
    solo_start(&server);
    assert_int_equal(raft_members(server.raft)->count, 5);

    struct raft_members four = solo_members(4);
    solo_append(&server, 2, 4, 0, 0, 0, 0, 0);
    assert_true(raft_install_snapshot(server.raft, server.now, 12, 4, 0, 0, &four));
    assert_int_equal(raft_members(server.raft)->count, 4);
    solo_free(&server);
}

/* "This happens when the leader has already discarded the next log entry that it needs to send to
 * a follower." */
static void a_snapshot_is_sent_when_the_next_entry_is_discarded(void **state)
{
    struct solo server = paper_leader(3, 4, "1 1 2 2");
    solo_ack(&server, 2, 5, 1);
    paper_refuse(&server, 3, 2, 1);
    assert_int_equal(raft_snapshot_wanted(server.raft, 0), 0);
    raft_compact(server.raft, 2); /* entry 3, the next that it needs, is still there */
    solo_flush(&server);
    assert_int_equal(raft_snapshot_wanted(server.raft, 0), 0);
    raft_compact(server.raft, 3);
    raft_peer_lost(server.raft, 3);
    solo_tick_deadline(&server);
    paper_refuse(&server, 3, 2, 1);
    solo_flush(&server);
    assert_int_equal(raft_snapshot_wanted(server.raft, 0), 3);
    solo_ack(&server, 3, 3, 2); /* "the way to bring such a follower up-to-date" */
    assert_int_equal(raft_snapshot_wanted(server.raft, 0), 0);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 3)->index, 3);
    solo_free(&server);
}

/* "Usually the snapshot will contain new information not already in the recipient's log. In this
 * case, the follower discards its entire log; it is all superseded by the snapshot and may possibly
 * have uncommitted entries that conflict with the snapshot." */
static void a_follower_discards_its_entire_log_for_new_information(void **state)
{
    static const struct {
        const char *log;
        uint64_t index, term;
    } cases[] = {{"1 1", 5, 3}, {"1 1 2 2 2 2 2 2", 5, 3}, {"", 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct solo server = paper_follower(3, 4, cases[i].log, 2);
        struct raft_members members = solo_members(3);
        assert_true(raft_install_snapshot(server.raft, server.now, cases[i].index, cases[i].term, 0,
                                          0, &members));
        assert_int_equal(raft_first_index(server.raft), cases[i].index + 1);
        assert_int_equal(raft_last_index(server.raft), cases[i].index);
        assert_int_equal(raft_commit_index(server.raft), cases[i].index);
        assert_int_equal(raft_term_at(server.raft, cases[i].index), cases[i].term);
        solo_free(&server);
    }
}

/* "If instead the follower receives a snapshot that describes a prefix of its log (due to
 * retransmission or by mistake), then log entries covered by the snapshot are deleted but entries
 * following the snapshot are still valid and must be retained." */
static void entries_following_a_snapshot_of_a_prefix_are_retained(void **state)
{
    struct solo server = paper_follower(3, 4, "1 1 2 2 2", 2);
    struct raft_members members = solo_members(3);
    assert_true(raft_install_snapshot(server.raft, server.now, 3, 2, 0, 0, &members));
    assert_int_equal(raft_first_index(server.raft), 4);
    assert_int_equal(raft_last_index(server.raft), 5);
    assert_int_equal(raft_term_at(server.raft, 5), 2);
    assert_int_equal(raft_commit_index(server.raft), 3);
    for (uint64_t old = 1; old <= 3; old++) { /* "due to retransmission": nothing goes back */
        assert_false(raft_install_snapshot(server.raft, server.now, old, 1, 0, 0, &members));
    }
    assert_int_equal(raft_last_index(server.raft), 5);
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_server_takes_snapshots_independently),
        cmocka_unit_test(entries_up_through_the_last_included_index_are_deleted),
        cmocka_unit_test(the_last_included_index_and_term_support_the_consistency_check),
        cmocka_unit_test(the_snapshot_includes_the_latest_configuration),
        cmocka_unit_test(a_snapshot_is_sent_when_the_next_entry_is_discarded),
        cmocka_unit_test(a_follower_discards_its_entire_log_for_new_information),
        cmocka_unit_test(entries_following_a_snapshot_of_a_prefix_are_retained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
