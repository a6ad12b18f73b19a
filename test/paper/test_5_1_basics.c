/* Section 5.1: "Raft basics". States and terms. */
#include "paper.h"

/* "At any given time each server is in one of three states: leader, follower, or candidate."
 * (Ours has a fourth, in which it asks whether to be a candidate: dissertation 9.6.) */
static void each_server_is_in_one_of_three_states(void **state)
{
    struct solo server = paper_server(3, 1, "");
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    paper_campaign(&server);
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    solo_durable(&server);
    solo_vote_reply(&server, 2, RAFT_VOTE_REPLY, 2, true);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    paper_append(&server, 3, 0, 0, "", 0);
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    solo_free(&server);
}

/* "Followers are passive: they issue no requests on their own but simply respond to requests from
 * leaders and candidates." */
static void followers_are_passive(void **state)
{
    struct solo server = paper_follower(3, 2, "1 1", 2);
    solo_tick(&server, SOLO_TIMEOUT_US - 1);
    assert_int_equal(server.output.messages_count, 0);
    assert_non_null(paper_append(&server, 2, 2, 1, "", 0));
    assert_int_equal(server.output.messages_count, 1);
    solo_tick(&server, SOLO_TIMEOUT_US - 1);
    assert_int_equal(server.output.messages_count, 0);
    solo_free(&server);
}

/* "The leader handles all client requests (if a client contacts a follower, the follower redirects
 * it to the leader)." */
static void a_follower_redirects_clients_to_the_leader(void **state)
{
    struct solo server = paper_follower(3, 2, "1", 3);
    assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_NOT_LEADER);
    assert_int_equal(raft_leader(server.raft), 3);
    paper_assert_log(&server, "1");
    solo_free(&server);

    server = paper_candidate(3, 2, "1");
    assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_NOT_LEADER);
    assert_int_equal(raft_leader(server.raft), 0);
    solo_free(&server);

    server = paper_leader(3, 2, "1");
    assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_OK);
    assert_int_equal(raft_leader(server.raft), 1);
    solo_free(&server);
}

/* "Terms are numbered with consecutive integers." */
static void terms_are_numbered_with_consecutive_integers(void **state)
{
    struct solo server = paper_server(5, 1, "");
    for (uint64_t term = 2; term <= 6; term++) {
        paper_campaign(&server);
        assert_int_equal(raft_term(server.raft), term);
        assert_int_equal(server.output.term, term);
    }
    solo_free(&server);
}

/* "Each server stores a current term number, which increases monotonically over time." */
static void the_term_increases_monotonically(void **state)
{
    struct solo server = paper_follower(3, 4, "1", 2);
    paper_append(&server, 3, 0, 0, "", 0);
    assert_int_equal(raft_term(server.raft), 4);
    server.now.mono_us += SOLO_TIMEOUT_US; /* no leader is heard: it listens to candidates */
    paper_ask_vote(&server, 3, 2, 9, 1);
    assert_int_equal(raft_term(server.raft), 4);
    solo_vote_reply(&server, 3, RAFT_VOTE_REPLY, 1, false);
    assert_int_equal(raft_term(server.raft), 4);
    paper_ask_vote(&server, 3, 7, 9, 1);
    assert_int_equal(raft_term(server.raft), 7);
    solo_free(&server);
}

/* "Current terms are exchanged whenever servers communicate; if one server's current term is
 * smaller than the other's, then it updates its current term to the larger value." */
static void the_smaller_term_is_updated_to_the_larger_value(void **state)
{
    static const struct raft_message larger[] = {
        {.type = RAFT_VOTE, .from = 2, .term = 9, .index = 1, .index_term = 1},
        {.type = RAFT_VOTE_REPLY, .from = 2, .term = 9},
        {.type = RAFT_PRE_VOTE_REPLY, .from = 2, .term = 9},
        {.type = RAFT_APPEND, .from = 2, .term = 9},
        {.type = RAFT_APPEND_REPLY, .from = 2, .term = 9},
    };
    for (size_t i = 0; i < sizeof larger / sizeof *larger; i++) {
        struct solo server = paper_server(3, 2, "1");
        solo_receive(&server, larger[i]);
        assert_int_equal(raft_term(server.raft), 9);
        assert_true(server.output.hard_state);
        solo_free(&server);
    }
    struct solo server = paper_follower(3, 9, "1", 2);
    assert_int_equal(paper_append(&server, 8, 0, 0, "", 0)->term, 9); /* and the other is told */
    solo_free(&server);
}

/* "If a candidate or leader discovers that its term is out of date, it immediately reverts to
 * follower state." */
static void a_candidate_or_leader_that_is_out_of_date_reverts_to_follower(void **state)
{
    static const struct raft_message larger[] = {
        {.type = RAFT_VOTE_REPLY, .from = 2, .term = 9},
        {.type = RAFT_PRE_VOTE_REPLY, .from = 2, .term = 9},
        {.type = RAFT_APPEND, .from = 2, .term = 9},
        {.type = RAFT_APPEND_REPLY, .from = 2, .term = 9},
    };
    for (size_t i = 0; i < sizeof larger / sizeof *larger; i++) {
        for (int leads = 0; leads < 2; leads++) {
            struct solo server = leads ? paper_leader(3, 2, "1") : paper_candidate(3, 2, "1");
            solo_receive(&server, larger[i]);
            assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
            assert_int_equal(raft_term(server.raft), 9);
            assert_int_equal(raft_vote(server.raft), 0);
            assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_NOT_LEADER);
            solo_free(&server);
        }
    }
    struct solo server = paper_candidate(3, 2, "1");
    paper_ask_vote(&server, 3, 9, 1, 1);
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    solo_free(&server);
}

/* "If a server receives a request with a stale term number, it rejects the request." */
static void a_request_with_a_stale_term_is_rejected(void **state)
{
    struct solo server = paper_server(3, 5, "1");
    const struct raft_message *reply = paper_ask_vote(&server, 2, 4, 9, 4);
    assert_false(reply->granted);
    assert_int_equal(reply->term, 5);
    assert_int_equal(raft_vote(server.raft), 0);

    reply = paper_append(&server, 4, 1, 1, "4", 2);
    assert_false(reply->granted);
    assert_int_equal(reply->term, 5);
    assert_int_equal(raft_leader(server.raft), 0);
    assert_int_equal(raft_commit_index(server.raft), 0);
    paper_assert_log(&server, "1");
    solo_free(&server);
}

/* "Servers retry RPCs if they do not receive a response in a timely manner, and they issue RPCs in
 * parallel for best performance." */
static void rpcs_are_retried_and_issued_in_parallel(void **state)
{
    struct solo server = paper_leader(5, 2, "");
    for (uint32_t id = 2; id <= 5; id++) solo_ack(&server, id, 1, 1);
    solo_propose(&server, "x");
    solo_flush(&server);
    for (uint32_t id = 2; id <= 5; id++) { /* to all, before any of them has answered */
        assert_int_equal(solo_sent(&server, RAFT_APPEND, id)->entries_count, 1);
    }
    solo_ack(&server, 2, 2, 1);
    solo_ack(&server, 3, 2, 1);
    for (int lost = 0; lost < 3; lost++) { /* 5 says nothing, or that it has nothing */
        solo_tick_deadline(&server);
        uint64_t round = solo_sent(&server, RAFT_APPEND, 5)->round;
        solo_ack(&server, 2, 2, round);
        solo_ack(&server, 3, 2, round);
        solo_ack(&server, 5, 1, round);
        assert_int_equal(solo_sent(&server, RAFT_APPEND, 5)->index, 1);
        assert_int_equal(solo_sent(&server, RAFT_APPEND, 5)->entries_count, 1);
    }
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_server_is_in_one_of_three_states),
        cmocka_unit_test(followers_are_passive),
        cmocka_unit_test(a_follower_redirects_clients_to_the_leader),
        cmocka_unit_test(terms_are_numbered_with_consecutive_integers),
        cmocka_unit_test(the_term_increases_monotonically),
        cmocka_unit_test(the_smaller_term_is_updated_to_the_larger_value),
        cmocka_unit_test(a_candidate_or_leader_that_is_out_of_date_reverts_to_follower),
        cmocka_unit_test(a_request_with_a_stale_term_is_rejected),
        cmocka_unit_test(rpcs_are_retried_and_issued_in_parallel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
