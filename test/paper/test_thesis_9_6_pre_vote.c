/* Dissertation, section 9.6: "Preventing disruptions when a server rejoins the cluster" (pre-vote),
 * with 4.2.3 (disruptive servers) and the end of 6.2 (a leader that lost touch with a quorum). */
#include "../unit/raft/raft_world.h"
#include "paper.h"

static const struct raft_message *ask_pre_vote(struct solo *server, uint32_t from, uint64_t term,
                                               uint64_t index, uint64_t index_term)
{
    solo_receive(server, (struct raft_message){.type = RAFT_PRE_VOTE,
                                               .from = from,
                                               .term = term,
                                               .index = index,
                                               .index_term = index_term});
    return solo_sent(server, RAFT_PRE_VOTE_REPLY, from);
}

/* "In the Pre-Vote algorithm, a candidate only increments its term if it first learns from a
 * majority of the cluster that they would be willing to grant the candidate their votes". */
static void a_candidate_only_increments_its_term_if_a_majority_would_vote(void **state)
{
    struct solo server = paper_server(5, 2, "1");
    for (int i = 0; i < 10; i++) { /* nobody answers, or too few, or for another election */
        solo_tick_deadline(&server);
        assert_int_equal(raft_role(server.raft), RAFT_PRE_CANDIDATE);
        assert_true(raft_deadline_us(server.raft) >= server.now.mono_us + SOLO_TIMEOUT_US);
        for (uint32_t id = 2; id <= 5; id++) {
            assert_int_equal(solo_sent(&server, RAFT_PRE_VOTE, id)->term, 3);
        }
        uint32_t one = 3 + (uint32_t)i % 2; /* what it heard the last time counts no more */
        solo_vote_reply(&server, one, RAFT_PRE_VOTE_REPLY, 3, true);
        solo_vote_reply(&server, one, RAFT_PRE_VOTE_REPLY, 3, true);
        solo_vote_reply(&server, 7 - one, RAFT_PRE_VOTE_REPLY, 2, false);
        solo_vote_reply(&server, 5, RAFT_PRE_VOTE_REPLY, 2, true);
        assert_int_equal(raft_term(server.raft), 2);
        assert_false(server.output.hard_state); /* nor is anything to be stored for it */
    }
    solo_vote_reply(&server, 2, RAFT_PRE_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    assert_int_equal(raft_term(server.raft), 3);
    solo_free(&server);
}

/* "... (if the candidate's log is sufficiently up-to-date ...". */
static void a_pre_vote_needs_a_log_that_is_sufficiently_up_to_date(void **state)
{
    static const struct {
        uint64_t index, term;
        bool granted;
    } cases[] = {{3, 2, true}, {4, 2, true}, {1, 3, true}, {2, 2, false}, {9, 1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct solo server = paper_server(3, 3, "1 2 2");
        const struct raft_message *reply =
            ask_pre_vote(&server, 2, 4, cases[i].index, cases[i].term);
        assert_int_equal(reply->granted, cases[i].granted);
        solo_free(&server);
    }
}

/* "... and the voters have not received heartbeats from a valid leader for at least a baseline
 * election timeout)." */
static void a_pre_vote_needs_an_election_timeout_without_a_leader(void **state)
{
    struct solo server = paper_follower(3, 3, "1 2 2", 3);
    server.now.mono_us += SOLO_TIMEOUT_US - 1;
    assert_null(ask_pre_vote(&server, 2, 4, 9, 3));
    server.now.mono_us += 1;
    assert_true(ask_pre_vote(&server, 2, 4, 9, 3)->granted);
    solo_free(&server);

    server = paper_leader(3, 3, "1 2 2");
    assert_null(ask_pre_vote(&server, 2, 4, 9, 3)); /* a leader hears itself */
    solo_free(&server);
}

/* A pre-vote is a question: it neither uses up the vote nor changes anything else. */
static void a_pre_vote_promises_nothing(void **state)
{
    struct solo server = paper_server(3, 3, "1 2 2");
    uint64_t deadline_us = raft_deadline_us(server.raft);
    assert_true(ask_pre_vote(&server, 2, 4, 3, 2)->granted);
    assert_int_equal(solo_sent(&server, RAFT_PRE_VOTE_REPLY, 2)->term, 4);
    assert_true(ask_pre_vote(&server, 3, 4, 3, 2)->granted); /* both may have it */
    assert_int_equal(raft_term(server.raft), 3);
    assert_int_equal(raft_vote(server.raft), 0);
    assert_int_equal(raft_deadline_us(server.raft), deadline_us);
    assert_false(server.output.hard_state);
    solo_free(&server);
}

/* "A server that has been partitioned from the cluster is likely to cause a disruption when it
 * regains connectivity": with pre-vote it is not. */
static void a_partitioned_server_causes_no_disruption_when_it_regains_connectivity(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world *world = world_make(5, seed);
        uint32_t leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
        uint32_t cut = leader % 5 + 1;
        uint64_t term = raft_term(world->nodes[leader].raft);
        world_cut(world, cut, true);
        world_run(world, 20 * WORLD_TIMEOUT_US);
        assert_int_equal(raft_term(world->nodes[cut].raft), term);
        world_cut(world, cut, false);
        world_run(world, 10 * WORLD_TIMEOUT_US);
        assert_int_equal(world_leader(world), leader);
        assert_int_equal(raft_term(world->nodes[leader].raft), term);
        world_free(world);
    }
}

/* 4.2.3: "If a server receives a RequestVote request within the minimum election timeout of hearing
 * from a current leader, it does not update its term or grant its vote." */
static void within_the_minimum_timeout_of_hearing_a_leader_no_vote_is_granted(void **state)
{
    struct solo server = paper_follower(3, 3, "1", 3);
    server.now.mono_us += SOLO_TIMEOUT_US - 1;
    assert_null(paper_ask_vote(&server, 2, 9, 9, 8));
    assert_int_equal(raft_term(server.raft), 3);
    assert_int_equal(raft_leader(server.raft), 3);
    server.now.mono_us += 1;
    assert_true(paper_ask_vote(&server, 2, 9, 9, 8)->granted);
    solo_free(&server);

    server = paper_leader(3, 3, "1"); /* nor is a leader disturbed that has its quorum */
    assert_null(paper_ask_vote(&server, 2, 9, 9, 8));
    assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    solo_free(&server);
}

/* 6.2: "A leader in Raft steps down if an election timeout elapses without a successful round of
 * heartbeats to a majority of its cluster; this allows clients to retry their requests with another
 * server." */
static void a_leader_steps_down_without_a_successful_round_to_a_majority(void **state)
{
    for (uint32_t answering = 1; answering <= 2; answering++) { /* of four others */
        struct solo server = paper_leader(5, 3, "1");
        uint64_t elected_us = server.now.mono_us;
        while (raft_role(server.raft) == RAFT_LEADER &&
               server.now.mono_us < elected_us + 5 * SOLO_TIMEOUT_US) {
            solo_tick_deadline(&server);
            const struct raft_message *heartbeat = solo_sent(&server, RAFT_APPEND, 2);
            uint64_t round = heartbeat == NULL ? 0 : heartbeat->round;
            for (uint32_t id = 2; round != 0 && id < 2 + answering; id++) {
                solo_ack(&server, id, 2, round);
            }
        }
        if (answering == 2) {
            assert_int_equal(raft_role(server.raft), RAFT_LEADER);
        } else {
            assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
            assert_in_range(server.now.mono_us - elected_us, SOLO_TIMEOUT_US,
                            SOLO_TIMEOUT_US + SOLO_HEARTBEAT_US);
            assert_int_equal(raft_leader(server.raft), 0); /* "with another server" */
            assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_NOT_LEADER);
        }
        solo_free(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_candidate_only_increments_its_term_if_a_majority_would_vote),
        cmocka_unit_test(a_pre_vote_needs_a_log_that_is_sufficiently_up_to_date),
        cmocka_unit_test(a_pre_vote_needs_an_election_timeout_without_a_leader),
        cmocka_unit_test(a_pre_vote_promises_nothing),
        cmocka_unit_test(a_partitioned_server_causes_no_disruption_when_it_regains_connectivity),
        cmocka_unit_test(within_the_minimum_timeout_of_hearing_a_leader_no_vote_is_granted),
        cmocka_unit_test(a_leader_steps_down_without_a_successful_round_to_a_majority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
