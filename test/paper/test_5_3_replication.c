/* Section 5.3: "Log replication". */
#include "../unit/raft/raft_world.h"
#include "paper.h"

/* "The leader appends the command to its log as a new entry, then issues AppendEntries RPCs in
 * parallel to each of the other servers to replicate the entry." */
static void the_leader_appends_the_command_then_issues_append_entries(void **state)
{
    struct solo server = paper_leader(3, 2, "1");
    solo_ack(&server, 2, 2, 1);
    solo_ack(&server, 3, 2, 1);
    assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_OK);
    solo_flush(&server);
    paper_assert_log(&server, "1 2 2");
    assert_int_equal(server.output.persist_first, 3);
    for (uint32_t id = 2; id <= 3; id++) {
        const struct raft_message *append = solo_sent(&server, RAFT_APPEND, id);
        assert_int_equal(append->index, 2);
        assert_int_equal(append->entries_count, 1);
    }
    solo_free(&server);
}

/* "When the entry has been safely replicated (as described below), the leader applies the entry to
 * its state machine and returns the result of that execution to the client." */
static void the_leader_applies_the_entry_when_it_is_safely_replicated(void **state)
{
    struct solo server = paper_leader(5, 2, "");
    for (uint32_t id = 2; id <= 5; id++) solo_ack(&server, id, 1, 1);
    solo_propose(&server, "x");
    solo_flush(&server);
    solo_durable(&server);
    assert_int_equal(raft_commit_index(server.raft), 1);
    solo_ack(&server, 2, 2, 1);
    assert_int_equal(raft_commit_index(server.raft), 1); /* on two of five */
    solo_ack(&server, 2, 2, 1);
    assert_int_equal(raft_commit_index(server.raft), 1); /* said twice is still two */
    solo_ack(&server, 5, 2, 1);
    assert_int_equal(raft_commit_index(server.raft), 2);
    solo_free(&server);
}

/* "If followers crash or run slowly, or if network packets are lost, the leader retries
 * AppendEntries RPCs indefinitely (even after it has responded to the client) until all followers
 * eventually store all log entries." */
static void the_leader_retries_until_all_followers_store_all_entries(void **state)
{
    struct world *world = world_make(5, 3);
    uint32_t leader = world_elect(world, 4 * WORLD_TIMEOUT_US);
    uint32_t down = leader % 5 + 1, cut = down % 5 + 1;
    world_crash(world, down, 0);
    world_cut(world, cut, true);
    for (uint64_t i = 0; i < 50; i++) world_propose(world, leader, i);
    world_run(world, 30 * WORLD_TIMEOUT_US);
    uint64_t last = raft_last_index(world->nodes[leader].raft);
    assert_int_equal(raft_commit_index(world->nodes[leader].raft), last); /* clients have their
                                                                            answers for long */
    world->loss_permille = 300;
    world_cut(world, cut, false);
    world_start(world, down);
    world_run(world, 30 * WORLD_TIMEOUT_US);
    for (uint32_t id = 1; id <= 5; id++) {
        assert_true(raft_durable_index(world->nodes[id].raft) >= last);
        assert_true(raft_commit_index(world->nodes[id].raft) >= last);
    }
    world_free(world);
}

/* "Each log entry stores a state machine command along with the term number when the entry was
 * received by the leader. [...] Each log entry also has an integer index identifying its position
 * in the log." */
static void each_entry_stores_a_command_its_term_and_its_index(void **state)
{
    struct solo server = paper_leader(3, 4, "1 3");
    uint64_t index;
    raft_propose(server.raft, server.now, RAFT_KIND_CALLER, 7, slice_text("set x"), &index);
    assert_int_equal(index, 4);
    const struct raft_entry *entry = raft_entry_at(server.raft, index);
    assert_true(slice_equal(entry->data, slice_text("set x")));
    assert_int_equal(entry->version, 7);
    assert_int_equal(entry->index, 4);
    assert_int_equal(entry->term, 4);
    solo_free(&server);
}

/* "A log entry is committed once the leader that created the entry has replicated it on a majority
 * of the servers. This also commits all preceding entries in the leader's log, including entries
 * created by previous leaders." */
static void an_entry_on_a_majority_is_committed_with_all_that_precede_it(void **state)
{
    struct solo server = paper_leader(5, 4, "1 2 3");
    solo_ack(&server, 2, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 0);
    solo_ack(&server, 4, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 4);
    solo_free(&server);
}

/* "The leader keeps track of the highest index it knows to be committed, and it includes that
 * index in future AppendEntries RPCs (including heartbeats) so that the other servers eventually
 * find out." */
static void append_entries_and_heartbeats_include_the_commit_index(void **state)
{
    struct solo server = paper_leader(3, 2, "1");
    solo_ack(&server, 2, 2, 1);
    solo_ack(&server, 3, 2, 1);
    assert_int_equal(raft_commit_index(server.raft), 2);
    solo_tick_deadline(&server);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 2)->entries_count, 0);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 2)->commit, 2);
    solo_propose(&server, "x");
    solo_flush(&server);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 3)->entries_count, 1);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 3)->commit, 2);
    solo_free(&server);
}

/* "Once a follower learns that a log entry is committed, it applies the entry to its local state
 * machine (in log order)." */
static void a_follower_that_learns_of_a_commit_applies(void **state)
{
    struct solo server = paper_follower(3, 2, "1 1", 2);
    assert_int_equal(raft_commit_index(server.raft), 0);
    paper_append(&server, 2, 2, 1, "2", 2);
    assert_int_equal(raft_commit_index(server.raft), 2);
    paper_append(&server, 2, 3, 2, "", 3);
    assert_int_equal(raft_commit_index(server.raft), 3);
    solo_free(&server);
}

/* "A leader creates at most one entry with a given log index in a given term, and log entries
 * never change their position in the log." (So entries of the same index and term "store the same
 * command".) */
static void a_leader_creates_at_most_one_entry_with_a_given_index(void **state)
{
    struct solo server = paper_leader(3, 2, "1");
    for (uint64_t i = 3; i < 40; i++) {
        uint64_t index;
        raft_propose(server.raft, server.now, RAFT_KIND_CALLER, 1, slice_of(&i, sizeof i), &index);
        assert_int_equal(index, i);
        if (i % 3 == 0) solo_flush(&server);
        if (i % 7 == 0) paper_refuse(&server, 2, 1, 1); /* whatever a follower says */
    }
    for (uint64_t i = 3; i < 40; i++) {
        const struct raft_entry *entry = raft_entry_at(server.raft, i);
        assert_int_equal(entry->index, i);
        assert_memory_equal(entry->data.data, &i, sizeof i);
    }
    solo_free(&server);
}

/* "When sending an AppendEntries RPC, the leader includes the index and term of the entry in its
 * log that immediately precedes the new entries." */
static void append_entries_includes_the_entry_that_immediately_precedes(void **state)
{
    struct solo server = paper_leader(3, 5, "1 1 3 3 4");
    for (uint64_t holds = 5; holds >= 1; holds--) {
        static const uint64_t terms[] = {0, 1, 1, 3, 3, 4};
        paper_refuse(&server, 2, holds, terms[holds]);
    }
    const struct raft_message *append = solo_sent(&server, RAFT_APPEND, 2);
    assert_int_equal(append->index, 1);
    assert_int_equal(append->index_term, 1);
    solo_ack(&server, 2, 3, 1);
    append = solo_sent(&server, RAFT_APPEND, 2);
    if (append != NULL)
        assert_int_equal(append->index_term, raft_term_at(server.raft, append->index));
    solo_ack(&server, 3, 6, 1);
    solo_propose(&server, "x");
    solo_flush(&server);
    append = solo_sent(&server, RAFT_APPEND, 3);
    assert_int_equal(append->index, 6);
    assert_int_equal(append->index_term, 5);
    solo_free(&server);
}

/* "If the follower does not find an entry in its log with the same index and term, then it refuses
 * the new entries." */
static void a_follower_that_does_not_find_the_preceding_entry_refuses(void **state)
{
    static const struct {
        uint64_t index, term;
        bool found;
    } cases[] = {{0, 0, true},  {1, 1, true},  {2, 2, true},  {3, 2, true},
                 {1, 2, false}, {2, 1, false}, {3, 3, false}, {4, 2, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct solo server = paper_server(3, 4, "1 2 2");
        const struct raft_message *reply =
            paper_append(&server, 4, cases[i].index, cases[i].term, "4", 0);
        assert_int_equal(reply->granted, cases[i].found);
        if (!cases[i].found) paper_assert_log(&server, "1 2 2");
        solo_free(&server);
    }
}

/* Figure 7. "The leader handles inconsistencies by forcing the followers' logs to duplicate its
 * own." (c) and (d) keep what they have beyond the leader's end until a new entry conflicts. */
static void figure_7_the_followers_logs_are_forced_to_duplicate_the_leaders(void **state)
{
    static const char *leader = "1 1 1 4 4 5 5 6 6 6";
    static const char *followers[] = {
        "1 1 1 4 4 5 5 6 6",       "1 1 1 4",       "1 1 1 4 4 5 5 6 6 6 6",
        "1 1 1 4 4 5 5 6 6 6 7 7", "1 1 1 4 4 4 4", "1 1 1 2 2 2 3 3 3 3 3",
    };
    for (size_t f = 0; f < sizeof followers / sizeof *followers; f++) {
        struct solo server = paper_server(7, 7, followers[f]);
        uint64_t next = 11; /* "the index just after the last one in its log (11 in figure 7)" */
        const uint64_t terms[] = {0, 1, 1, 1, 4, 4, 5, 5, 6, 6, 6};
        char all[64];
        snprintf(all, sizeof all, "%s 8", leader);
        for (;;) {
            const char *rest = all;
            for (uint64_t i = 1; i < next; i++) paper_next_term(&rest);
            const struct raft_message *reply =
                paper_append(&server, 8, next - 1, terms[next - 1], rest, 0);
            if (reply->granted) break;
            assert_true(reply->index <= next - 1);
            next--;
        }
        paper_assert_log(&server, all);
        solo_free(&server);
    }
}

/* "When a leader first comes to power, it initializes all nextIndex values to the index just after
 * the last one in its log." */
static void next_index_begins_just_after_the_last_one_in_the_log(void **state)
{
    struct solo server = paper_elected(7, 8, "1 1 1 4 4 5 5 6 6 6");
    for (uint32_t id = 2; id <= 7; id++) {
        assert_int_equal(solo_sent(&server, RAFT_APPEND, id)->index, 10);
        assert_int_equal(solo_sent(&server, RAFT_APPEND, id)->index_term, 6);
    }
    solo_free(&server);
}

/* "After a rejection, the leader decrements nextIndex and retries the AppendEntries RPC.
 * Eventually nextIndex will reach a point where the leader and follower logs match." */
static void after_a_rejection_the_leader_retries_further_back(void **state)
{
    struct solo server = paper_elected(3, 7, "1 1 1 4 4 5 5 6 6 6");
    uint64_t before = 11;
    static const uint64_t refused[][2] = {{9, 5}, {5, 4}, {4, 3}, {2, 1}}; /* ever less */
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        paper_refuse(&server, 2, refused[i][0], refused[i][1]);
        const struct raft_message *retry = solo_sent(&server, RAFT_APPEND, 2);
        assert_true(retry->index + 1 < before);
        assert_true(retry->index <= refused[i][0]);
        assert_true(retry->entries_count > 0);
        before = retry->index + 1;
    }
    assert_int_equal(before, 3); /* after (2, 1): there the logs match */
    solo_free(&server);
}

/* "When this happens, AppendEntries will succeed, which removes any conflicting entries in the
 * follower's log and appends entries from the leader's log (if any)." */
static void success_removes_conflicting_entries_and_appends_the_leaders(void **state)
{
    struct solo server = paper_server(7, 7, "1 1 1 2 2 2 3 3 3 3 3"); /* (f) of figure 7 */
    const struct raft_message *reply = paper_append(&server, 8, 3, 1, "4 4 5 5 6 6 6", 0);
    assert_true(reply->granted);
    assert_int_equal(reply->index, 10);
    paper_assert_log(&server, "1 1 1 4 4 5 5 6 6 6");
    solo_free(&server);
}

/* "With this information, the leader can decrement nextIndex to bypass all of the conflicting
 * entries in that term; one AppendEntries RPC will be required for each term with conflicting
 * entries, rather than one RPC per entry." */
static void one_append_entries_for_each_term_with_conflicting_entries(void **state)
{
    struct solo server = paper_server(7, 7, "1 1 1 2 2 2 3 3 3 3 3");
    const struct raft_message *reply = paper_append(&server, 8, 10, 6, "", 0);
    assert_false(reply->granted); /* its terms 3 do not conflict with a 6 by themselves */
    assert_int_equal(reply->index, 10);
    assert_int_equal(reply->index_term, 3);
    solo_free(&server);

    server = paper_elected(7, 8, "1 1 1 4 4 5 5 6 6 6");
    paper_refuse(&server, 2, 10, 3);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 2)->index, 3); /* past all of 4, 5 and 6 */
    solo_free(&server);

    server = paper_server(7, 7, "1 1 1 4 4 4 4 6 6 6");
    reply = paper_append(&server, 8, 9, 5, "", 0);
    assert_int_equal(reply->index, 7); /* the follower passes over its own 6 6 */
    assert_int_equal(reply->index_term, 4);
    solo_free(&server);
}

/* "A leader never overwrites or deletes entries in its own log (the Leader Append-Only
 * Property)." */
static void a_leader_never_overwrites_or_deletes_entries_in_its_own_log(void **state)
{
    struct solo server = paper_leader(3, 4, "1 2 3");
    for (uint64_t index = 0; index <= 6; index++) {
        for (uint64_t term = 0; term <= 3; term++) {
            paper_refuse(&server, 2, index, term);
            paper_append(&server, 4, index, term, "4 4", 9); /* from one that claims our term */
            paper_append(&server, 3, index, term, "3 3", 9);
            paper_assert_log(&server, "1 2 3 4");
            assert_int_equal(raft_role(server.raft), RAFT_LEADER);
        }
    }
    solo_free(&server);
}

/* "In the normal case a new entry can be replicated with a single round of RPCs to a majority of
 * the cluster; and a single slow follower will not impact performance." */
static void a_new_entry_takes_a_single_round_of_rpcs_to_a_majority(void **state)
{
    struct solo server = paper_leader(3, 2, "");
    solo_ack(&server, 2, 1, 1);
    for (uint64_t i = 2; i < 100; i++) { /* 3 never answers */
        solo_propose(&server, "x");
        solo_flush(&server);
        assert_int_equal(solo_sent(&server, RAFT_APPEND, 2)->entries_count, 1);
        solo_durable(&server);
        solo_ack(&server, 2, i, 1);
        assert_int_equal(raft_commit_index(server.raft), i);
    }
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leader_appends_the_command_then_issues_append_entries),
        cmocka_unit_test(the_leader_applies_the_entry_when_it_is_safely_replicated),
        cmocka_unit_test(the_leader_retries_until_all_followers_store_all_entries),
        cmocka_unit_test(each_entry_stores_a_command_its_term_and_its_index),
        cmocka_unit_test(an_entry_on_a_majority_is_committed_with_all_that_precede_it),
        cmocka_unit_test(append_entries_and_heartbeats_include_the_commit_index),
        cmocka_unit_test(a_follower_that_learns_of_a_commit_applies),
        cmocka_unit_test(a_leader_creates_at_most_one_entry_with_a_given_index),
        cmocka_unit_test(append_entries_includes_the_entry_that_immediately_precedes),
        cmocka_unit_test(a_follower_that_does_not_find_the_preceding_entry_refuses),
        cmocka_unit_test(figure_7_the_followers_logs_are_forced_to_duplicate_the_leaders),
        cmocka_unit_test(next_index_begins_just_after_the_last_one_in_the_log),
        cmocka_unit_test(after_a_rejection_the_leader_retries_further_back),
        cmocka_unit_test(success_removes_conflicting_entries_and_appends_the_leaders),
        cmocka_unit_test(one_append_entries_for_each_term_with_conflicting_entries),
        cmocka_unit_test(a_leader_never_overwrites_or_deletes_entries_in_its_own_log),
        cmocka_unit_test(a_new_entry_takes_a_single_round_of_rpcs_to_a_majority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
