/* Section 5.2: "Leader election". */
#include "paper.h"

/* "When servers start up, they begin as followers." */
static void servers_begin_as_followers(void **state)
{
    for (uint64_t term = 1; term < 4; term++) {
        struct solo server = paper_server(3, term, "1");
        assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
        assert_int_equal(raft_leader(server.raft), 0);
        assert_int_equal(server.output.messages_count, 0);
        solo_free(&server);
    }
}

/* "A server remains in follower state as long as it receives valid RPCs from a leader or
 * candidate." */
static void it_remains_a_follower_as_long_as_it_receives_valid_rpcs(void **state)
{
    struct solo server = paper_follower(5, 2, "1", 2);
    for (int i = 0; i < 20; i++) {
        solo_tick(&server, SOLO_TIMEOUT_US - 1);
        assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
        paper_append(&server, 2, 1, 1, "", 0);
    }
    server.now.mono_us += SOLO_TIMEOUT_US; /* the leader is gone; candidates follow each other */
    for (uint64_t term = 3; term < 20; term++) {
        assert_true(paper_ask_vote(&server, 3, term, 1, 1)->granted);
        solo_tick(&server, SOLO_TIMEOUT_US - 1);
        assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    }
    solo_free(&server);
}

/* "Leaders send periodic heartbeats (AppendEntries RPCs that carry no log entries) to all
 * followers in order to maintain their authority." */
static void leaders_send_periodic_heartbeats(void **state)
{
    struct solo server = paper_leader(5, 2, "1");
    for (int i = 0; i < 50; i++) {
        uint64_t due_us = raft_deadline_us(server.raft);
        assert_true(due_us > server.now.mono_us);
        assert_true(due_us <= server.now.mono_us + SOLO_HEARTBEAT_US);
        assert_int_equal(due_us % SOLO_HEARTBEAT_US, 0); /* with those of other groups */
        solo_tick_deadline(&server);
        assert_int_equal(server.output.messages_count, 4);
        uint64_t round = solo_sent(&server, RAFT_APPEND, 2)->round;
        for (uint32_t id = 2; id <= 5; id++) {
            assert_int_equal(solo_sent(&server, RAFT_APPEND, id)->entries_count, 0);
        }
        for (uint32_t id = 2; id <= 5; id++) solo_ack(&server, id, 2, round);
    }
    solo_free(&server);
}

/* "If a follower receives no communication over a period of time called the election timeout, then
 * it assumes there is no viable leader and begins an election to choose a new leader." */
static void a_follower_that_receives_no_communication_begins_an_election(void **state)
{
    struct solo server = paper_follower(3, 2, "1", 2);
    solo_tick(&server, raft_deadline_us(server.raft) - server.now.mono_us - 1);
    assert_int_equal(raft_leader(server.raft), 2);
    assert_int_equal(server.output.messages_count, 0);
    solo_tick(&server, 1);
    assert_int_equal(raft_leader(server.raft), 0);
    assert_int_equal(solo_sent_count(&server, RAFT_PRE_VOTE),
                     2); /* an election begins with these */
    solo_free(&server);
}

/* "To begin an election, a follower increments its current term and transitions to candidate
 * state. It then votes for itself and issues RequestVote RPCs in parallel to each of the other
 * servers in the cluster." */
static void to_begin_an_election_it_increments_its_term_and_votes_for_itself(void **state)
{
    struct solo server = paper_candidate(5, 4, "1 1 3");
    assert_int_equal(raft_term(server.raft), 4);
    assert_int_equal(raft_vote(server.raft), 1);
    assert_int_equal(server.output.vote, 1);
    for (uint32_t id = 2; id <= 5; id++) {
        const struct raft_message *request = solo_sent(&server, RAFT_VOTE, id);
        assert_int_equal(request->term, 4);
        assert_int_equal(request->index, 3);
        assert_int_equal(request->index_term, 3);
    }
    assert_int_equal(server.output.messages_count, 4);
    solo_free(&server);
}

/* "A candidate wins an election if it receives votes from a majority of the servers in the full
 * cluster for the same term." */
static void a_candidate_wins_with_votes_from_a_majority_of_the_full_cluster(void **state)
{
    for (uint32_t servers = 2; servers <= 9; servers++) {
        struct solo server = paper_candidate(servers, 2, "");
        solo_durable(&server); /* its own vote */
        uint32_t votes = 1;
        for (uint32_t id = 2; raft_role(server.raft) == RAFT_CANDIDATE; id++, votes++) {
            solo_vote_reply(&server, id, RAFT_VOTE_REPLY, 1, true); /* "for the same term" */
            assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
            solo_vote_reply(&server, id, RAFT_VOTE_REPLY, 2, true);
        }
        assert_int_equal(raft_role(server.raft), RAFT_LEADER);
        assert_int_equal(votes, servers / 2 + 1);
        solo_free(&server);
    }
}

/* "Each server will vote for at most one candidate in a given term, on a first-come-first-served
 * basis." */
static void each_server_votes_for_at_most_one_candidate_first_come_first_served(void **state)
{
    struct solo server = paper_server(5, 2, "1");
    assert_true(paper_ask_vote(&server, 3, 3, 1, 1)->granted);
    assert_false(paper_ask_vote(&server, 2, 3, 1, 1)->granted);
    assert_false(paper_ask_vote(&server, 4, 3, 9, 2)->granted); /* however good its log */
    assert_true(paper_ask_vote(&server, 3, 3, 1, 1)->granted);
    assert_int_equal(raft_vote(server.raft), 3);
    assert_true(paper_ask_vote(&server, 4, 4, 1, 1)->granted); /* another term, another vote */
    assert_int_equal(raft_vote(server.raft), 4);
    solo_free(&server);

    server = paper_candidate(5, 3, "1"); /* it was the first to ask itself */
    assert_false(paper_ask_vote(&server, 2, 3, 9, 2)->granted);
    solo_free(&server);
}

/* "Once a candidate wins an election, it becomes leader. It then sends heartbeat messages to all of
 * the other servers to establish its authority and prevent new elections." */
static void who_wins_sends_heartbeats_to_all_of_the_other_servers(void **state)
{
    struct solo server = paper_elected(5, 2, "1");
    for (uint32_t id = 2; id <= 5; id++) {
        const struct raft_message *first = NULL;
        for (uint32_t i = 0; i < server.output.messages_count && first == NULL; i++) {
            if (server.messages[i].to == id) first = &server.messages[i];
        }
        assert_non_null(first);
        assert_int_equal(first->type, RAFT_APPEND);
        assert_int_equal(first->term, 2);
        assert_int_equal(first->entries_count, 0);
        assert_int_equal(first->gate, 0); /* at once */
    }
    solo_free(&server);
}

/* "If the leader's term (included in its RPC) is at least as large as the candidate's current term,
 * then the candidate recognizes the leader as legitimate and returns to follower state." */
static void a_candidate_recognizes_a_leader_of_its_term_or_a_later_one(void **state)
{
    for (uint64_t term = 2; term <= 3; term++) {
        struct solo server = paper_candidate(3, 2, "1");
        assert_true(paper_append(&server, term, 1, 1, "2", 0)->granted);
        assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
        assert_int_equal(raft_leader(server.raft), 2);
        assert_int_equal(raft_vote(server.raft), term == 2 ? 1 : 0); /* it did vote in that term */
        paper_assert_log(&server, "1 2");
        solo_free(&server);
    }
}

/* "If the term in the RPC is smaller than the candidate's current term, then the candidate rejects
 * the RPC and continues in candidate state." */
static void a_candidate_rejects_a_leader_of_an_earlier_term(void **state)
{
    struct solo server = paper_candidate(3, 3, "1");
    solo_durable(&server);
    assert_false(paper_append(&server, 2, 1, 1, "2", 0)->granted);
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    solo_vote_reply(&server, 3, RAFT_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    solo_free(&server);
}

/* "When this happens [a split vote], each candidate will time out and start a new election by
 * incrementing its term and initiating another round of RequestVote RPCs." */
static void after_a_split_vote_each_candidate_starts_a_new_election(void **state)
{
    struct solo server = paper_candidate(4, 2, "1");
    solo_durable(&server);
    solo_vote_reply(&server, 2, RAFT_VOTE_REPLY, 2, true);
    solo_vote_reply(&server, 3, RAFT_VOTE_REPLY, 2, false);
    solo_vote_reply(&server, 4, RAFT_VOTE_REPLY, 2, false); /* two to two */
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    paper_campaign(&server);
    assert_int_equal(raft_term(server.raft), 3);
    assert_int_equal(solo_sent_count(&server, RAFT_VOTE), 3);
    solo_durable(&server);
    solo_vote_reply(&server, 3, RAFT_VOTE_REPLY, 3, true); /* the votes of term 2 are gone */
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    solo_free(&server);
}

/* "Election timeouts are chosen randomly from a fixed interval (e.g., 150-300ms). This spreads out
 * the servers so that in most cases only a single server will time out." */
static void election_timeouts_are_chosen_randomly_from_a_fixed_interval(void **state)
{
    enum { SERVERS = 400 };
    uint32_t tenths[10] = {0};
    for (uint64_t seed = 0; seed < SERVERS; seed++) {
        struct solo server = solo_make(3);
        server.config.seed = seed;
        solo_create(&server);
        solo_start(&server);
        uint64_t timeout_us = raft_deadline_us(server.raft) - server.now.mono_us;
        assert_in_range(timeout_us, SOLO_TIMEOUT_US, 2 * SOLO_TIMEOUT_US - 1);
        tenths[(timeout_us - SOLO_TIMEOUT_US) / (SOLO_TIMEOUT_US / 10)]++;
        solo_free(&server);
    }
    for (int i = 0; i < 10; i++) assert_in_range(tenths[i], SERVERS / 20, SERVERS / 5);
}

/* "Each candidate restarts its randomized election timeout at the start of an election, and it
 * waits for that timeout to elapse before starting the next election." */
static void each_candidate_restarts_its_randomized_timeout(void **state)
{
    struct solo server = paper_server(3, 1, "1");
    uint64_t first_us = 0;
    bool differs = false;
    for (int i = 0; i < 10; i++) {
        paper_campaign(&server);
        uint64_t timeout_us = raft_deadline_us(server.raft) - server.now.mono_us;
        assert_in_range(timeout_us, SOLO_TIMEOUT_US, 2 * SOLO_TIMEOUT_US - 1);
        if (i == 0) first_us = timeout_us;
        differs = differs || timeout_us != first_us;
        solo_tick(&server, timeout_us - 1);
        assert_int_equal(server.output.messages_count, 0);
    }
    assert_true(differs);
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_begin_as_followers),
        cmocka_unit_test(it_remains_a_follower_as_long_as_it_receives_valid_rpcs),
        cmocka_unit_test(leaders_send_periodic_heartbeats),
        cmocka_unit_test(a_follower_that_receives_no_communication_begins_an_election),
        cmocka_unit_test(to_begin_an_election_it_increments_its_term_and_votes_for_itself),
        cmocka_unit_test(a_candidate_wins_with_votes_from_a_majority_of_the_full_cluster),
        cmocka_unit_test(each_server_votes_for_at_most_one_candidate_first_come_first_served),
        cmocka_unit_test(who_wins_sends_heartbeats_to_all_of_the_other_servers),
        cmocka_unit_test(a_candidate_recognizes_a_leader_of_its_term_or_a_later_one),
        cmocka_unit_test(a_candidate_rejects_a_leader_of_an_earlier_term),
        cmocka_unit_test(after_a_split_vote_each_candidate_starts_a_new_election),
        cmocka_unit_test(election_timeouts_are_chosen_randomly_from_a_fixed_interval),
        cmocka_unit_test(each_candidate_restarts_its_randomized_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
