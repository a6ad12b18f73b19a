/* Dissertation, chapter 4: "Cluster membership changes", where it says more than the paper's
 * section 6. Ours changes by joint consensus (4.3), which lets it change anything at once. */
#include "paper.h"

/* Server 1 leads these in term 3, settled: entry 3 is its no-op. Time is at a heartbeat. */
static struct solo leader_of(const char *list)
{
    struct raft_members members = paper_members(list);
    struct solo server = paper_configured("1 2 3", &members);
    paper_campaign(&server);
    paper_win(&server);
    solo_durable(&server);
    solo_ack(&server, 2, 3, 1);
    solo_ack(&server, 3, 3, 1);
    assert_true(raft_settled(server.raft));
    return server;
}

static enum raft_change_result change(struct solo *server, const char *list)
{
    struct raft_members target = paper_members(list);
    enum raft_change_result result = raft_change_members(server->raft, server->now, &target);
    solo_flush(server);
    return result;
}

/* A heartbeat, which 2 and 3 answer, and `learner`, unless 0, says that it holds up to `index`. */
static void heartbeat(struct solo *server, uint32_t learner, uint64_t index)
{
    solo_tick_deadline(server);
    uint64_t round = solo_sent(server, RAFT_APPEND, 2)->round;
    uint64_t last = raft_last_index(server->raft);
    solo_ack(server, 2, last, round);
    solo_ack(server, 3, last, round);
    if (learner != 0) solo_ack(server, learner, index, round);
}

/* 4.1: "The new configuration takes effect on each server as soon as it is added to that server's
 * log". "The configuration change is complete once the Cnew entry is committed." */
static void a_change_takes_effect_at_once_and_is_complete_once_committed(void **state)
{
    struct solo server = leader_of("1 2 3");
    assert_int_equal(change(&server, "1 2 3 +4"), RAFT_CHANGE_OK);
    assert_int_equal(raft_members(server.raft)->count, 4);
    assert_int_equal(raft_members_index(server.raft), 4);
    assert_int_equal(change(&server, "1 2 3"), RAFT_CHANGE_UNDER_WAY);
    solo_durable(&server);
    assert_int_equal(change(&server, "1 2 3"), RAFT_CHANGE_UNDER_WAY);
    solo_ack(&server, 3, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 4);
    assert_int_equal(change(&server, "1 2 3"), RAFT_CHANGE_OK);
    solo_free(&server);
}

/* 4.1: "a server must be prepared to fall back to the previous configuration in its log." */
static void a_server_falls_back_to_the_previous_configuration_in_its_log(void **state)
{
    struct raft_members old = paper_members("1 2 3"), joint = paper_joint("1 2 3", "1 4 5");
    struct solo server = paper_configured("1 2 3", &joint);
    paper_assert_members(&server, &joint);
    paper_append(&server, 3, 1, 1, "3", 0); /* another entry takes its place */
    paper_assert_log(&server, "1 3");
    paper_assert_members(&server, &old);
    solo_free(&server);
}

/* 4.1: "A server accepts AppendEntries requests from a leader that is not part of the server's
 * latest configuration." (2 is no member here.) */
static void append_entries_is_accepted_from_a_leader_that_is_no_member(void **state)
{
    struct raft_members latest = paper_members("1 3 4");
    struct solo server = paper_configured("1 3 4", &latest);
    assert_true(paper_append(&server, 3, 2, 2, "3", 0)->granted);
    assert_int_equal(raft_leader(server.raft), 2);
    paper_assert_log(&server, "1 2 3");
    solo_free(&server);
}

/* 4.1: "A server also grants its vote to a candidate that is not part of the server's latest
 * configuration (if the candidate has a sufficiently up-to-date log and a current term)." */
static void a_vote_is_granted_to_a_candidate_that_is_no_member(void **state)
{
    struct raft_members latest = paper_members("1 3 4");
    struct solo server = paper_configured("1 3 4", &latest);
    assert_false(paper_ask_vote(&server, 2, 3, 9, 1)->granted);
    assert_true(paper_ask_vote(&server, 2, 4, 2, 2)->granted);
    solo_free(&server);
}

/* The correction to chapter 4 (raft-dev, 2015): a leader may not begin a change before it has
 * committed an entry of its own term. */
static void no_change_begins_before_an_entry_of_this_term_is_committed(void **state)
{
    struct raft_members members = paper_members("1 2 3");
    struct solo server = paper_configured("1 2 3", &members);
    assert_int_equal(change(&server, "1 2 3 +4"), RAFT_CHANGE_NOT_LEADER);
    paper_campaign(&server);
    paper_win(&server);
    solo_durable(&server);
    assert_int_equal(change(&server, "1 2 3 +4"), RAFT_CHANGE_NOT_SETTLED);
    solo_ack(&server, 2, 2, 1); /* what was there before is not enough */
    assert_int_equal(change(&server, "1 2 3 +4"), RAFT_CHANGE_NOT_SETTLED);
    solo_ack(&server, 2, 3, 1);
    assert_int_equal(change(&server, "1 2 3 +4"), RAFT_CHANGE_OK);
    solo_free(&server);
}

/* 4.2.1: "a new server joins the cluster as a non-voting member. The leader replicates log entries
 * to it, but it is not yet counted towards majorities for voting or commitment purposes." */
static void a_new_server_joins_as_a_non_voting_member(void **state)
{
    struct solo server = leader_of("1 2 3");
    assert_int_equal(change(&server, "1 2 3 4"), RAFT_CHANGE_NOT_CAUGHT_UP);
    assert_int_equal(change(&server, "1 2 3 +4"), RAFT_CHANGE_OK);
    solo_durable(&server);
    solo_tick_deadline(&server);
    paper_refuse(&server, 4, 0, 0); /* it has nothing yet */
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 4)->entries_count, 4);
    solo_ack(&server, 4, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 3); /* two of four hold it, one of three */
    solo_ack(&server, 3, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 4);
    solo_free(&server);

    struct raft_members learning = paper_members("+1 2 3"); /* the learner's side of it */
    server = paper_configured("2 3", &learning);
    assert_int_equal(raft_deadline_us(server.raft), UINT64_MAX);
    solo_tick(&server, 10 * SOLO_TIMEOUT_US);
    assert_int_equal(server.output.messages_count, 0);
    solo_free(&server);
}

/* 4.2.1: "The algorithm waits a fixed number of rounds (such as 10). If the last round lasts less
 * than an election timeout, then the leader adds the new server to the cluster". */
static void a_server_is_added_if_its_last_round_lasted_less_than_a_timeout(void **state)
{
    for (int slow = 0; slow < 2; slow++) {
        struct solo server = leader_of("1 2 3 +4");
        heartbeat(&server, 4, 3);                   /* its first round has begun */
        for (int i = 0; i < (slow ? 15 : 3); i++) { /* it is behind, for so long */
            solo_propose(&server, "x");
            heartbeat(&server, 4, 3);
            solo_durable(&server);
        }
        uint64_t goal = raft_last_index(server.raft);
        heartbeat(&server, 4, goal);
        assert_int_equal(change(&server, "1 2 3 4"),
                         slow ? RAFT_CHANGE_NOT_CAUGHT_UP : RAFT_CHANGE_OK);
        if (slow) { /* the next round is a short one */
            heartbeat(&server, 4, goal);
            assert_int_equal(change(&server, "1 2 3 4"), RAFT_CHANGE_OK);
        }
        solo_free(&server);
    }
}

/* 4.2.1: "The leader should also abort the change if the new server is unavailable or is so slow
 * that it will never catch up." */
static void no_server_is_added_that_is_unavailable(void **state)
{
    struct solo server = leader_of("1 2 3 +4");
    heartbeat(&server, 4, 3);
    heartbeat(&server, 4, 3);
    for (int i = 0; i < 12; i++) heartbeat(&server, 0, 0);
    assert_int_equal(change(&server, "1 2 3 4"), RAFT_CHANGE_NOT_CAUGHT_UP);
    solo_free(&server);
}

/* 4.2.2: "a leader that is removed from the configuration steps down once the Cnew entry is
 * committed." */
static void a_removed_leader_steps_down_once_c_new_is_committed(void **state)
{
    struct solo server = leader_of("1 2 3");
    assert_int_equal(change(&server, "2 3"), RAFT_CHANGE_OK); /* 4 is C_old,new */
    solo_propose(&server, "x");                               /* 5 */
    solo_flush(&server);
    solo_durable(&server);
    solo_ack(&server, 2, 4, 1);
    solo_ack(&server, 3, 4, 1);
    assert_int_equal(raft_last_index(server.raft), 6); /* C_new follows */
    solo_durable(&server);
    solo_ack(&server, 2, 5, 1);
    solo_ack(&server, 3, 5, 1);
    assert_int_equal(raft_commit_index(server.raft), 5);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER); /* for C_new is not committed */
    solo_ack(&server, 2, 6, 1);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER); /* its own copy does not count */
    solo_ack(&server, 3, 6, 1);
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    assert_int_equal(raft_commit_index(server.raft), 6);
    solo_free(&server);
}

/* 4.2.2: "A server that is not part of its own latest configuration should still start new
 * elections, as it might still be needed until the Cnew entry is committed. It does not count its
 * own vote in elections unless it is part of its latest configuration." */
static void a_server_that_is_not_in_its_latest_configuration_still_starts_elections(void **state)
{
    struct raft_members target = paper_members("2 3 4");
    struct solo server = paper_configured("1 2 3", &target);
    paper_campaign(&server);
    solo_durable(&server);
    solo_vote_reply(&server, 2, RAFT_VOTE_REPLY, 3, true); /* one of three, not two of four */
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    solo_vote_reply(&server, 3, RAFT_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    solo_free(&server);

    server = paper_configured("1 2 3", &target); /* until it knows that C_new is committed */
    paper_append(&server, 3, 2, 2, "", 2);
    solo_tick(&server, 10 * SOLO_TIMEOUT_US);
    assert_int_equal(raft_deadline_us(server.raft), UINT64_MAX);
    assert_int_equal(server.output.messages_count, 0);
    solo_free(&server);
}

/* 4.3: "agreement requires both 2 of the 3 servers in the old configuration and 5 of the 9 servers
 * in the new configuration." (From 3 servers to 9 different ones. Ours are nine in all at most, so
 * here the three are among the nine.) */
static void from_three_to_nine_takes_two_of_three_and_five_of_nine(void **state)
{
    for (uint32_t of_old = 1; of_old <= 3; of_old++) {
        for (uint32_t of_new = 0; of_new <= 6; of_new++) {
            struct raft_members joint = paper_joint("1 2 3", "1 2 3 4 5 6 7 8 9");
            struct solo server = paper_configured("1 2 3", &joint);
            paper_campaign(&server);
            solo_durable(&server);
            for (uint32_t id = 2; id <= of_old; id++) {
                solo_vote_reply(&server, id, RAFT_VOTE_REPLY, 3, true);
            }
            for (uint32_t id = 4; id < 4 + of_new; id++) {
                solo_vote_reply(&server, id, RAFT_VOTE_REPLY, 3, true);
            }
            bool agreed = of_old >= 2 && of_old + of_new >= 5;
            assert_int_equal(raft_role(server.raft) == RAFT_LEADER, agreed);
            solo_free(&server);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_takes_effect_at_once_and_is_complete_once_committed),
        cmocka_unit_test(a_server_falls_back_to_the_previous_configuration_in_its_log),
        cmocka_unit_test(append_entries_is_accepted_from_a_leader_that_is_no_member),
        cmocka_unit_test(a_vote_is_granted_to_a_candidate_that_is_no_member),
        cmocka_unit_test(no_change_begins_before_an_entry_of_this_term_is_committed),
        cmocka_unit_test(a_new_server_joins_as_a_non_voting_member),
        cmocka_unit_test(a_server_is_added_if_its_last_round_lasted_less_than_a_timeout),
        cmocka_unit_test(no_server_is_added_that_is_unavailable),
        cmocka_unit_test(a_removed_leader_steps_down_once_c_new_is_committed),
        cmocka_unit_test(a_server_that_is_not_in_its_latest_configuration_still_starts_elections),
        cmocka_unit_test(from_three_to_nine_takes_two_of_three_and_five_of_nine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
