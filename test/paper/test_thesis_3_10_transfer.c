/* Dissertation, section 3.10: "Leadership transfer extension". */
#include "paper.h"

/* Leader of three in term 3 with log "1 3"; 2 holds all of it, 3 holds entry 1. Everything that can
 * be is committed. */
static struct solo leader(void)
{
    struct solo server = paper_leader(3, 3, "1");
    solo_ack(&server, 2, 2, 1);
    solo_ack(&server, 3, 1, 1);
    return server;
}

/* "1. The prior leader stops accepting new client requests." */
static void the_prior_leader_stops_accepting_new_client_requests(void **state)
{
    struct solo server = leader();
    assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_OK);
    assert_int_equal(raft_transfer(server.raft, server.now, 2), RAFT_TRANSFER_OK);
    assert_int_equal(raft_transferring(server.raft), 2);
    assert_int_equal(solo_propose(&server, "y"), RAFT_PROPOSE_TRANSFER);
    paper_assert_log(&server, "1 3 3");
    solo_free(&server);
}

/* "2. The prior leader fully updates the target server's log to match its own, using the normal log
 * replication mechanism." "3. The prior leader sends a TimeoutNow request to the target server." */
static void the_target_is_fully_updated_before_timeout_now(void **state)
{
    struct solo server = leader();
    solo_propose(&server, "x");
    raft_transfer(server.raft, server.now, 3);
    solo_flush(&server);
    assert_null(solo_sent(&server, RAFT_TIMEOUT_NOW, 3));
    solo_durable(&server);
    solo_ack(&server, 3, 2, 1);
    assert_null(solo_sent(&server, RAFT_TIMEOUT_NOW, 3)); /* one entry is missing */
    solo_ack(&server, 3, 3, 1);
    assert_int_equal(solo_sent(&server, RAFT_TIMEOUT_NOW, 3)->term, 3);
    assert_int_equal(solo_sent_count(&server, RAFT_TIMEOUT_NOW), 1);
    solo_free(&server);
}

/* "This request has the same effect as the target server's election timer firing: the target server
 * starts a new election (incrementing its term and becoming a candidate)." */
static void timeout_now_has_the_effect_of_the_election_timer_firing(void **state)
{
    struct solo server = paper_follower(3, 3, "1 3", 2);
    struct raft_message timeout_now = {
        .type = RAFT_TIMEOUT_NOW, .from = 2, .term = 3, .round = 1000};
    timeout_now.from = 3; /* only the leader may say so */
    solo_receive(&server, timeout_now);
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    timeout_now.from = 2;
    timeout_now.term = 2; /* and only in its own term */
    solo_receive(&server, timeout_now);
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    timeout_now.term = 3;
    solo_receive(&server, timeout_now);
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    assert_int_equal(raft_term(server.raft), 4);
    assert_int_equal(solo_sent_count(&server, RAFT_VOTE), 2); /* at once, without pre-vote */
    assert_int_equal(solo_sent(&server, RAFT_VOTE, 3)->gate, server.sequence);
    paper_win(&server);
    solo_free(&server);
}

/* 4.2.3: "This RequestVote request [after TimeoutNow] could include a special flag to indicate this
 * behavior ('I have permission to disrupt the leader - it told me to!')." Ours is the round that
 * TimeoutNow named. */
static void the_leaders_permission_lets_a_voter_vote_that_hears_it(void **state)
{
    struct solo server = paper_follower(3, 3, "1 3", 2);
    struct raft_message vote = {
        .type = RAFT_VOTE, .from = 3, .term = 4, .index = 2, .index_term = 3};
    solo_receive(&server, vote);
    assert_null(solo_sent(&server, RAFT_VOTE_REPLY, 3));
    vote.round = 1000;
    solo_receive(&server, vote);
    assert_true(solo_sent(&server, RAFT_VOTE_REPLY, 3)->granted);
    solo_free(&server);
}

/* "If leadership transfer does not complete after about an election timeout, the prior leader
 * aborts the transfer and resumes accepting client requests." */
static void after_about_an_election_timeout_the_transfer_is_aborted(void **state)
{
    struct solo server = leader();
    raft_transfer(server.raft, server.now, 2);
    solo_flush(&server);
    uint64_t began_us = server.now.mono_us;
    while (raft_transferring(server.raft) != 0) {
        assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_TRANSFER);
        solo_tick_deadline(&server);
        const struct raft_message *heartbeat = solo_sent(&server, RAFT_APPEND, 3);
        if (heartbeat != NULL) solo_ack(&server, 3, 2, heartbeat->round);
        assert_true(server.now.mono_us - began_us < 2 * SOLO_TIMEOUT_US);
    }
    assert_true(server.now.mono_us - began_us >= SOLO_TIMEOUT_US);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_OK);
    solo_free(&server);
}

/* "Raft needs a server with a sufficiently up-to-date log to become leader", and one that may: no
 * learner, no stranger; and one transfer at a time. */
static void the_target_is_one_that_may_lead(void **state)
{
    struct raft_members members = paper_members("1 2 3 +4");
    struct solo server = paper_configured("1 2 3", &members);
    paper_campaign(&server);
    assert_int_equal(raft_transfer(server.raft, server.now, 2), RAFT_TRANSFER_NOT_LEADER);
    paper_win(&server);
    assert_int_equal(raft_transfer(server.raft, server.now, 4), RAFT_TRANSFER_NOT_VOTER);
    assert_int_equal(raft_transfer(server.raft, server.now, 9), RAFT_TRANSFER_NOT_VOTER);
    assert_int_equal(raft_transfer(server.raft, server.now, 1), RAFT_TRANSFER_NOT_VOTER);
    assert_int_equal(raft_transfer(server.raft, server.now, 2), RAFT_TRANSFER_OK);
    assert_int_equal(raft_transfer(server.raft, server.now, 3), RAFT_TRANSFER_BUSY);
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prior_leader_stops_accepting_new_client_requests),
        cmocka_unit_test(the_target_is_fully_updated_before_timeout_now),
        cmocka_unit_test(timeout_now_has_the_effect_of_the_election_timer_firing),
        cmocka_unit_test(the_leaders_permission_lets_a_voter_vote_that_hears_it),
        cmocka_unit_test(after_about_an_election_timeout_the_transfer_is_aborted),
        cmocka_unit_test(the_target_is_one_that_may_lead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
