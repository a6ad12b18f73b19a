/* Section 5.4: "Safety". The election restriction, the commitment of entries from previous terms,
 * and the steps of the argument for leader completeness. */
#include "../unit/raft/raft_world.h"
#include "paper.h"

/* --- 5.4.1 Election restriction --- */

/* "A candidate must contact a majority of the cluster in order to be elected." */
static void a_candidate_must_contact_a_majority_in_order_to_be_elected(void **state)
{
    struct world *world = world_make(5, 4);
    for (uint32_t id = 3; id <= 5; id++) world_crash(world, id, 0);
    assert_int_equal(world_elect(world, 40 * WORLD_TIMEOUT_US), 0);
    assert_int_equal(world->elections, 0);
    world_start(world, 5);
    assert_int_not_equal(world_elect(world, 10 * WORLD_TIMEOUT_US), 0);
    world_free(world);
}

/* "The RequestVote RPC implements this restriction: the RPC includes information about the
 * candidate's log, and the voter denies its vote if its own log is more up-to-date than that of
 * the candidate." */
static void the_voter_denies_its_vote_if_its_own_log_is_more_up_to_date(void **state)
{
    struct solo server = paper_candidate(3, 4, "1 1 2");
    assert_int_equal(solo_sent(&server, RAFT_VOTE, 2)->index, 3);
    assert_int_equal(solo_sent(&server, RAFT_VOTE, 2)->index_term, 2);
    solo_free(&server);
    server = paper_server(3, 4, "1 1 2");
    assert_false(paper_ask_vote(&server, 2, 5, 2, 1)->granted);
    assert_int_equal(raft_vote(server.raft), 0);
    assert_true(paper_ask_vote(&server, 3, 5, 3, 2)->granted); /* that vote was still there */
    solo_free(&server);
}

/* "If the logs have last entries with different terms, then the log with the later term is more
 * up-to-date." */
static void of_different_last_terms_the_later_is_more_up_to_date(void **state)
{
    struct solo server = paper_server(3, 4, "1 2 2 2 2");
    assert_false(paper_ask_vote(&server, 2, 5, 99, 1)->granted); /* longer, and worse */
    solo_free(&server);
    server = paper_server(3, 4, "1 2 2 2 2");
    assert_true(paper_ask_vote(&server, 2, 5, 1, 3)->granted); /* shorter, and better */
    solo_free(&server);
}

/* "If the logs end with the same term, then whichever log is longer is more up-to-date." */
static void of_the_same_last_term_the_longer_is_more_up_to_date(void **state)
{
    for (uint64_t index = 3; index <= 5; index++) {
        struct solo server = paper_server(3, 4, "1 2 2 2");
        assert_int_equal(paper_ask_vote(&server, 2, 5, index, 2)->granted, index >= 4);
        solo_free(&server);
    }
}

/* "It guarantees that all the committed entries from previous terms are present on each new leader
 * from the moment of its election." */
static void committed_entries_are_present_on_each_new_leader(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) { /* the world checks each leader it sees */
        struct world *world = world_make(5, seed);
        for (int i = 0; i < 4; i++) {
            uint32_t leader = world_elect(world, 20 * WORLD_TIMEOUT_US);
            assert_int_not_equal(leader, 0);
            for (uint64_t value = 0; value < 5; value++) world_propose(world, leader, value);
            world_run(world, world_random(world, 10 * WORLD_MS));
            world_crash(world, leader, 0);
            assert_int_not_equal(world_elect(world, 20 * WORLD_TIMEOUT_US), 0);
            world_start(world, leader);
        }
        assert_true(world->truth.count > 4);
        world_free(world);
    }
}

/* --- 5.4.2 Committing entries from previous terms --- */

/* "A leader knows that an entry from its current term is committed once that entry is stored on a
 * majority of the servers." */
static void an_entry_of_the_current_term_is_committed_once_a_majority_stores_it(void **state)
{
    for (uint32_t servers = 1; servers <= 9; servers++) {
        struct solo server = paper_elected(servers, 3, "1");
        solo_durable(&server);
        uint32_t stored = 1;
        for (uint32_t id = 2; raft_commit_index(server.raft) == 0; id++, stored++) {
            solo_ack(&server, id, 2, 1);
        }
        assert_int_equal(stored, servers / 2 + 1);
        assert_int_equal(raft_commit_index(server.raft), 2);
        solo_free(&server);
    }
}

/* Figure 8 (c). "Raft never commits log entries from previous terms by counting replicas. Only log
 * entries from the leader's current term are committed by counting replicas; once an entry from
 * the current term has been committed in this way, then all prior entries are committed
 * indirectly." */
static void entries_of_previous_terms_are_never_committed_by_counting(void **state)
{
    struct solo server = paper_leader(5, 4, "1 2"); /* S1, and entry 3 is of term 4 */
    solo_ack(&server, 2, 2, 1);
    solo_ack(&server, 3, 2, 1);
    assert_int_equal(raft_commit_index(server.raft), 0); /* (c): on three of five */
    solo_ack(&server, 4, 2, 1);
    solo_ack(&server, 5, 2, 1);
    assert_int_equal(raft_commit_index(server.raft), 0); /* not even on all of them */
    solo_ack(&server, 2, 3, 1);
    solo_ack(&server, 3, 3, 1);
    assert_int_equal(raft_commit_index(server.raft), 3); /* (e) */
    solo_free(&server);
}

/* "Log entries retain their original term numbers when a leader replicates entries from previous
 * terms." */
static void log_entries_retain_their_original_term_numbers(void **state)
{
    struct solo server = paper_leader(5, 9, "1 2 2 5");
    paper_assert_log(&server, "1 2 2 5 9");
    paper_refuse(&server, 2, 0, 0);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 2)->entries_count, 5); /* these, as they are */
    paper_assert_log(&server, "1 2 2 5 9");
    solo_free(&server);
    server = paper_server(3, 9, "");
    paper_append(&server, 9, 0, 0, "1 2 2 5 9", 0);
    paper_assert_log(&server, "1 2 2 5 9");
    solo_free(&server);
}

/* --- 5.4.3 Safety argument --- */

/* "Thus, at least one server ('the voter') both accepted the entry from leaderT and voted for
 * leaderU." */
static void some_voter_both_accepted_the_entry_and_voted(void **state)
{
    for (uint32_t servers = 1; servers <= 9; servers++) {
        struct solo commits = paper_elected(servers, 2, "");
        solo_durable(&commits);
        uint32_t accepted = 1; /* the fewest that commit */
        for (uint32_t id = 2; raft_commit_index(commits.raft) == 0; id++, accepted++) {
            solo_ack(&commits, id, 1, 1);
        }
        solo_free(&commits);
        struct solo elects = paper_candidate(servers, 2, "");
        solo_durable(&elects);
        uint32_t voted = 1; /* the fewest that elect */
        for (uint32_t id = 2; raft_role(elects.raft) != RAFT_LEADER; id++, voted++) {
            solo_vote_reply(&elects, id, RAFT_VOTE_REPLY, 2, true);
        }
        solo_free(&elects);
        assert_true(accepted + voted > servers); /* so they share one */
    }
}

/* "The voter must have accepted the committed entry from leaderT before voting for leaderU;
 * otherwise it would have rejected the AppendEntries request from leaderT (its current term would
 * have been higher than T)." */
static void who_has_voted_in_a_later_term_rejects_the_earlier_leaders_entries(void **state)
{
    struct solo server = paper_server(5, 2, "1");
    assert_true(paper_ask_vote(&server, 3, 4, 1, 1)->granted);
    const struct raft_message *reply = paper_append(&server, 2, 1, 1, "2", 0); /* leaderT's */
    assert_false(reply->granted);
    assert_int_equal(reply->term, 4);
    paper_assert_log(&server, "1");
    solo_free(&server);
}

/* "The voter still stored the entry when it voted for leaderU, since [...] followers only remove
 * entries if they conflict with the leader." */
static void followers_only_remove_entries_if_they_conflict(void **state)
{
    struct solo server = paper_follower(3, 2, "1 2 2 2", 2);
    paper_append(&server, 2, 1, 1, "2", 0); /* an old message, delayed */
    paper_assert_log(&server, "1 2 2 2");
    paper_append(&server, 2, 2, 2, "", 0);
    paper_assert_log(&server, "1 2 2 2");
    paper_append(&server, 3, 3, 3, "3", 0); /* refused: nothing is known to conflict yet */
    paper_assert_log(&server, "1 2 2 2");
    paper_append(&server, 3, 2, 2, "3", 0);
    paper_assert_log(&server, "1 2 3");
    solo_free(&server);
}

/* "The voter granted its vote to leaderU, so leaderU's log must have been as up-to-date as the
 * voter's." So whoever has a committed entry elects only who has it too: figure 8 (e). */
static void who_stores_a_committed_entry_votes_only_for_who_stores_it(void **state)
{
    struct solo server = paper_server(5, 4, "1 2 4"); /* S2 of figure 8 (e) */
    assert_false(paper_ask_vote(&server, 5, 5, 2, 3)->granted);
    assert_true(paper_ask_vote(&server, 3, 5, 3, 4)->granted);
    solo_free(&server);
}

/* "If a server has applied a log entry at a given index to its state machine, no other server will
 * ever apply a different log entry for the same index" (state machine safety, figure 3). The world
 * compares every entry that any server applies. */
static void no_server_applies_a_different_entry_for_the_same_index(void **state)
{
    uint64_t elections = 0, committed = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world *world = world_make(3 + 2 * (uint32_t)(seed % 2), seed);
        world->loss_permille = 200;
        world->duplicate_permille = 200;
        for (uint64_t value = 0; value < 200; value++) {
            uint32_t id = 1 + (uint32_t)world_random(world, world->nodes_count);
            world_propose(world, id, value);
            if (value % 20 == 0) world_cut(world, id, true);
            if (value % 20 == 10) {
                for (uint32_t each = 1; each <= world->nodes_count; each++) {
                    world_cut(world, each, false);
                }
            }
            world_run(world, world_random(world, WORLD_TIMEOUT_US));
        }
        elections += world->elections;
        committed += world->truth.count;
        world_free(world);
    }
    assert_true(elections > 2 * 30 && committed > 20 * 30); /* not because nothing happened */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_candidate_must_contact_a_majority_in_order_to_be_elected),
        cmocka_unit_test(the_voter_denies_its_vote_if_its_own_log_is_more_up_to_date),
        cmocka_unit_test(of_different_last_terms_the_later_is_more_up_to_date),
        cmocka_unit_test(of_the_same_last_term_the_longer_is_more_up_to_date),
        cmocka_unit_test(committed_entries_are_present_on_each_new_leader),
        cmocka_unit_test(an_entry_of_the_current_term_is_committed_once_a_majority_stores_it),
        cmocka_unit_test(entries_of_previous_terms_are_never_committed_by_counting),
        cmocka_unit_test(log_entries_retain_their_original_term_numbers),
        cmocka_unit_test(some_voter_both_accepted_the_entry_and_voted),
        cmocka_unit_test(who_has_voted_in_a_later_term_rejects_the_earlier_leaders_entries),
        cmocka_unit_test(followers_only_remove_entries_if_they_conflict),
        cmocka_unit_test(who_stores_a_committed_entry_votes_only_for_who_stores_it),
        cmocka_unit_test(no_server_applies_a_different_entry_for_the_same_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
