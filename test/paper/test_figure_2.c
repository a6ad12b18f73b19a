/* Figure 2: "A condensed summary of the Raft consensus algorithm", box by box, in its words. */
#include "paper.h"

/* --- State --- */

/* Persistent state on all servers: "Updated on stable storage before responding to RPCs." The
 * three of them are currentTerm, votedFor and log[]. */
static void current_term_is_on_stable_storage_before_responding(void **state)
{
    struct solo server = paper_server(3, 2, "1 1");
    solo_append(&server, 2, 5, 1, 1, 0, 0, 0); /* an RPC of a later term, with nothing to store */
    const struct raft_message *reply = solo_sent(&server, RAFT_APPEND_REPLY, 2);
    assert_true(server.output.hard_state);
    assert_int_equal(server.output.term, 5);
    assert_int_equal(reply->gate, server.sequence); /* the write that holds the term */
    assert_int_not_equal(reply->gate, 0);
    solo_durable(&server);
    solo_append(&server, 2, 5, 2, 1, 0, 0, 0);
    assert_int_equal(solo_sent(&server, RAFT_APPEND_REPLY, 2)->gate, 0);
    solo_free(&server);
}

static void voted_for_is_on_stable_storage_before_responding(void **state)
{
    struct solo server = paper_follower(3, 5, "1", 2); /* the term is stored already */
    server.now.mono_us += SOLO_TIMEOUT_US;
    const struct raft_message *reply = paper_ask_vote(&server, 3, 5, 1, 1);
    assert_true(reply->granted);
    assert_true(server.output.hard_state);
    assert_int_equal(server.output.vote, 3);
    assert_int_equal(reply->gate, server.sequence);
    assert_int_not_equal(reply->gate, 0);
    solo_free(&server);

    server = paper_candidate(3, 2, "1"); /* a vote for oneself is one too */
    assert_true(server.output.hard_state);
    assert_int_equal(solo_sent(&server, RAFT_VOTE, 2)->gate, server.sequence);
    solo_vote_reply(&server, 2, RAFT_VOTE_REPLY, 2, true);
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    solo_durable(&server);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    solo_free(&server);
}

static void the_log_is_on_stable_storage_before_responding(void **state)
{
    struct solo server = paper_follower(3, 5, "1", 2);
    solo_append(&server, 2, 5, 1, 1, 2, 5, 0);
    assert_int_equal(server.output.persist_first, 2);
    assert_int_equal(server.output.persist_last, 3);
    assert_null(solo_sent(&server, RAFT_APPEND_REPLY, 2));
    solo_durable(&server);
    assert_int_equal(solo_sent(&server, RAFT_APPEND_REPLY, 2)->index, 3);
    solo_free(&server);

    server = paper_elected(3, 5, "1"); /* and before the leader counts itself */
    solo_ack(&server, 2, 2, 1);
    assert_int_equal(raft_commit_index(server.raft), 0);
    solo_durable(&server);
    assert_int_equal(raft_commit_index(server.raft), 2);
    solo_free(&server);
}

/* currentTerm: "latest term server has seen"; votedFor: "candidateId that received vote in current
 * term"; log[]: "log entries". What was stored is what a restarted server begins with. */
static void persistent_state_survives_a_restart(void **state)
{
    struct solo server = solo_make(3);
    server.restored.term = 6;
    server.restored.vote = 3;
    solo_create(&server);
    solo_restore(&server, 1, 2);
    solo_restore(&server, 2, 6);
    solo_start(&server);
    assert_int_equal(raft_term(server.raft), 6);
    assert_int_equal(raft_vote(server.raft), 3);
    paper_assert_log(&server, "2 6");
    server.now.mono_us += 2 * SOLO_TIMEOUT_US;
    assert_false(paper_ask_vote(&server, 2, 6, 2, 6)->granted);
    solo_free(&server);
}

/* commitIndex: "index of highest log entry known to be committed (initialized to 0, increases
 * monotonically)". */
static void commit_index_is_initialized_to_0_and_increases_monotonically(void **state)
{
    struct solo server = paper_follower(3, 2, "1 1 2", 2);
    assert_int_equal(raft_commit_index(server.raft), 0);
    paper_append(&server, 2, 3, 2, "", 2);
    paper_append(&server, 2, 3, 2, "", 1); /* an older message */
    assert_int_equal(raft_commit_index(server.raft), 2);
    paper_append(&server, 3, 3, 2, "", 0); /* a new leader, which does not know yet */
    assert_int_equal(raft_commit_index(server.raft), 2);
    solo_free(&server);
}

/* nextIndex[]: "initialized to leader last log index + 1"; matchIndex[]: "initialized to 0,
 * increases monotonically". Volatile state on leaders: "Reinitialized after election." */
static void next_index_and_match_index_are_reinitialized_after_election(void **state)
{
    struct solo server = paper_elected(3, 2, "1 1");
    for (int election = 0; election < 2; election++) {
        struct raft_progress rows[RAFT_MEMBERS_MAX];
        assert_int_equal(raft_progress_all(server.raft, rows), 2);
        uint64_t before = raft_last_index(server.raft) - 1; /* the no-op came after */
        for (int i = 0; i < 2; i++) {
            assert_int_equal(rows[i].next, before + 1);
            assert_int_equal(rows[i].match, 0);
        }
        solo_ack(&server, 3, before, 1);
        solo_ack(&server, 3, before - 1, 1); /* an older reply: it increases monotonically */
        raft_progress_all(server.raft, rows);
        assert_int_equal(rows[1].match, before);
        solo_receive(&server, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                                    .from = 2,
                                                    .term = raft_term(server.raft) + 1});
        paper_campaign(&server);
        solo_durable(&server);
        solo_vote_reply(&server, 2, RAFT_VOTE_REPLY, raft_term(server.raft), true);
        assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    }
    solo_free(&server);
}

/* --- AppendEntries RPC, receiver implementation --- */

/* "1. Reply false if term < currentTerm." */
static void append_1_reply_false_if_term_is_less(void **state)
{
    struct solo server = paper_server(3, 5, "1");
    const struct raft_message *reply = paper_append(&server, 4, 1, 1, "4", 1);
    assert_false(reply->granted);
    assert_int_equal(reply->term, 5); /* "currentTerm, for leader to update itself" */
    paper_assert_log(&server, "1");
    assert_int_equal(raft_commit_index(server.raft), 0);
    solo_free(&server);
}

/* "2. Reply false if log doesn't contain an entry at prevLogIndex whose term matches
 * prevLogTerm." */
static void append_2_reply_false_if_the_previous_entry_does_not_match(void **state)
{
    struct solo server = paper_server(3, 5, "1 3");
    assert_false(paper_append(&server, 5, 3, 3, "5", 0)->granted);
    assert_false(paper_append(&server, 5, 3, 0, "5", 0)->granted);
    assert_false(paper_append(&server, 5, 2, 2, "5", 0)->granted);
    paper_assert_log(&server, "1 3");
    assert_true(paper_append(&server, 5, 2, 3, "5", 0)->granted);
    solo_free(&server);
}

/* "3. If an existing entry conflicts with a new one (same index but different terms), delete the
 * existing entry and all that follow it." */
static void append_3_delete_a_conflicting_entry_and_all_that_follow_it(void **state)
{
    struct solo server = paper_server(3, 5, "1 2 2 2 2");
    paper_append(&server, 5, 1, 1, "2 5", 0);
    paper_assert_log(&server, "1 2 5");
    assert_int_equal(raft_entry_at(server.raft, 3)->term, 5);
    solo_free(&server);
}

/* "4. Append any new entries not already in the log." */
static void append_4_append_new_entries_not_already_in_the_log(void **state)
{
    struct solo server = paper_server(3, 5, "1 2");
    solo_append(&server, 2, 5, 1, 1, 1, 2, 0);
    assert_int_equal(server.output.persist_first, 0); /* that one is there */
    paper_append(&server, 5, 1, 1, "2 4 5", 0);
    paper_assert_log(&server, "1 2 4 5");
    solo_free(&server);
}

/* "5. If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new
 * entry)." */
static void append_5_commit_up_to_the_last_new_entry(void **state)
{
    struct solo server = paper_server(3, 5, "1 2 2 2"); /* 3 and 4 may not be the leader's */
    paper_append(&server, 5, 1, 1, "2", 9);
    assert_int_equal(raft_commit_index(server.raft), 2);
    paper_append(&server, 5, 2, 2, "2", 2);
    assert_int_equal(raft_commit_index(server.raft), 2);
    solo_free(&server);
}

/* --- RequestVote RPC, receiver implementation --- */

/* "1. Reply false if term < currentTerm." */
static void vote_1_reply_false_if_term_is_less(void **state)
{
    struct solo server = paper_server(3, 5, "1");
    const struct raft_message *reply = paper_ask_vote(&server, 2, 4, 9, 4);
    assert_false(reply->granted);
    assert_int_equal(reply->term, 5); /* "currentTerm, for candidate to update itself" */
    solo_free(&server);
}

/* "2. If votedFor is null or candidateId, and candidate's log is at least as up-to-date as
 * receiver's log, grant vote." */
static void vote_2_grant_if_not_voted_and_the_log_is_up_to_date(void **state)
{
    static const struct {
        uint32_t voted_for;
        uint64_t index, index_term;
        bool granted;
    } cases[] = {
        {0, 2, 3, true},  {0, 1, 3, false}, {0, 9, 2, false}, /* null */
        {2, 2, 3, true},  {2, 1, 3, false}, {2, 9, 2, false}, /* candidateId */
        {3, 2, 3, false}, {3, 9, 4, false},                   /* another */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct solo server = solo_make(3);
        server.restored.term = 5;
        server.restored.vote = cases[i].voted_for;
        solo_create(&server);
        solo_restore(&server, 1, 1);
        solo_restore(&server, 2, 3);
        solo_start(&server);
        server.now.mono_us += 2 * SOLO_TIMEOUT_US;
        const struct raft_message *reply =
            paper_ask_vote(&server, 2, 5, cases[i].index, cases[i].index_term);
        assert_int_equal(reply->granted, cases[i].granted);
        solo_free(&server);
    }
}

/* --- Rules for servers: all servers --- */

/* "If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] to state machine."
 * The caller does that: what it needs is there, up to commitIndex, in order. */
static void all_entries_up_to_commit_index_can_be_applied(void **state)
{
    struct solo server = paper_follower(3, 2, "1 1 2", 2);
    paper_append(&server, 2, 3, 2, "2 2", 4);
    uint64_t last_applied = 0;
    while (raft_commit_index(server.raft) > last_applied) {
        last_applied++;
        assert_int_equal(raft_entry_at(server.raft, last_applied)->index, last_applied);
    }
    assert_int_equal(last_applied, 4);
    solo_free(&server);
}

/* "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to
 * follower." */
static void a_greater_term_converts_to_follower(void **state)
{
    struct solo server = paper_leader(3, 2, "1");
    solo_receive(&server, (struct raft_message){.type = RAFT_APPEND_REPLY, .from = 2, .term = 7});
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    assert_int_equal(raft_term(server.raft), 7);
    assert_int_equal(raft_vote(server.raft), 0); /* none yet in that one */
    solo_free(&server);
}

/* --- Followers --- */

/* "Respond to RPCs from candidates and leaders." */
static void followers_respond_to_candidates_and_leaders(void **state)
{
    struct solo server = paper_server(3, 2, "1");
    assert_non_null(paper_ask_vote(&server, 3, 3, 1, 1));
    assert_non_null(paper_append(&server, 3, 1, 1, "3", 0));
    solo_free(&server);
}

/* "If election timeout elapses without receiving AppendEntries RPC from current leader or granting
 * vote to candidate: convert to candidate." */
static void append_entries_and_granted_votes_put_off_the_election(void **state)
{
    struct solo server = paper_follower(3, 2, "1 2", 2);
    solo_tick(&server, SOLO_TIMEOUT_US);
    paper_append(&server, 2, 2, 2, "", 0);
    assert_true(raft_deadline_us(server.raft) >= server.now.mono_us + SOLO_TIMEOUT_US);

    solo_tick(&server, SOLO_TIMEOUT_US);
    assert_true(paper_ask_vote(&server, 3, 3, 2, 2)->granted);
    uint64_t deadline_us = raft_deadline_us(server.raft);
    assert_true(deadline_us >= server.now.mono_us + SOLO_TIMEOUT_US);

    solo_tick(&server, SOLO_TIMEOUT_US / 2); /* these do not: a vote refused, a stale leader */
    assert_false(paper_ask_vote(&server, 2, 4, 1, 1)->granted);
    assert_false(paper_append(&server, 2, 2, 2, "", 0)->granted);
    assert_int_equal(raft_deadline_us(server.raft), deadline_us);
    paper_campaign(&server);
    solo_free(&server);
}

/* --- Candidates --- */

/* "On conversion to candidate, start election: increment currentTerm; vote for self; reset election
 * timer; send RequestVote RPCs to all other servers." */
static void on_conversion_to_candidate_start_election(void **state)
{
    struct solo server = paper_server(5, 2, "1 2");
    solo_tick_deadline(&server);
    server.now.mono_us += SOLO_TIMEOUT_US / 2; /* the pre-votes took their time */
    solo_vote_reply(&server, 2, RAFT_PRE_VOTE_REPLY, 3, true);
    solo_vote_reply(&server, 3, RAFT_PRE_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    assert_int_equal(raft_term(server.raft), 3);
    assert_int_equal(raft_vote(server.raft), 1);
    assert_true(raft_deadline_us(server.raft) >= server.now.mono_us + SOLO_TIMEOUT_US);
    for (uint32_t id = 2; id <= 5; id++) assert_non_null(solo_sent(&server, RAFT_VOTE, id));
    solo_free(&server);
}

/* "If votes received from majority of servers: become leader." */
static void votes_from_a_majority_make_a_leader(void **state)
{
    struct solo server = paper_candidate(5, 3, "1 2");
    solo_durable(&server);
    solo_vote_reply(&server, 2, RAFT_VOTE_REPLY, 3, true);
    solo_vote_reply(&server, 2, RAFT_VOTE_REPLY, 3, true);
    solo_vote_reply(&server, 3, RAFT_VOTE_REPLY, 3, false);
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    solo_vote_reply(&server, 5, RAFT_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    solo_free(&server);
}

/* "If AppendEntries RPC received from new leader: convert to follower." */
static void append_entries_from_a_new_leader_converts_a_candidate(void **state)
{
    struct solo server = paper_candidate(3, 3, "1");
    paper_append(&server, 3, 1, 1, "", 0);
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    assert_int_equal(raft_leader(server.raft), 2);
    solo_durable(&server);
    solo_vote_reply(&server, 3, RAFT_VOTE_REPLY, 3, true); /* too late */
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    solo_free(&server);
}

/* "If election timeout elapses: start new election." */
static void a_candidate_whose_timeout_elapses_starts_a_new_election(void **state)
{
    struct solo server = paper_candidate(3, 3, "1");
    solo_durable(&server);
    paper_campaign(&server);
    assert_int_equal(raft_term(server.raft), 4);
    assert_int_equal(solo_sent_count(&server, RAFT_VOTE), 2);
    solo_free(&server);
}

/* --- Leaders --- */

/* "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each server; repeat during
 * idle periods to prevent election timeouts." */
static void upon_election_send_heartbeats_and_repeat(void **state)
{
    struct solo server = paper_elected(3, 3, "1");
    assert_int_equal(server.messages[0].type, RAFT_APPEND);
    assert_int_equal(server.messages[0].entries_count, 0);
    for (int i = 0; i < 5; i++) {
        assert_true(raft_deadline_us(server.raft) < server.now.mono_us + SOLO_TIMEOUT_US);
        solo_tick_deadline(&server);
        assert_int_equal(solo_sent_count(&server, RAFT_APPEND), 2);
    }
    solo_free(&server);
}

/* "If command received from client: append entry to local log, respond after entry applied to
 * state machine." */
static void a_command_is_appended_and_answered_after_it_is_applied(void **state)
{
    struct solo server = paper_leader(3, 3, "1");
    solo_ack(&server, 2, 2, 1);
    uint64_t index;
    raft_propose(server.raft, server.now, RAFT_KIND_CALLER, 1, slice_text("x"), &index);
    solo_flush(&server);
    solo_durable(&server);
    assert_int_equal(raft_last_index(server.raft), index);
    assert_true(raft_commit_index(server.raft) < index);
    solo_ack(&server, 3, index, 1);
    assert_int_equal(raft_commit_index(server.raft), index);
    solo_free(&server);
}

/* "If last log index >= nextIndex for a follower: send AppendEntries RPC with log entries starting
 * at nextIndex. If successful: update nextIndex and matchIndex for follower." */
static void entries_are_sent_from_next_index_on(void **state)
{
    struct solo server = paper_leader(3, 3, "1 1 2");
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    paper_refuse(&server, 2, 2, 1); /* nextIndex is 3 */
    raft_progress_all(server.raft, rows);
    assert_int_equal(rows[0].next, 3);
    const struct raft_message *append = solo_sent(&server, RAFT_APPEND, 2);
    assert_int_equal(append->index, 2);
    assert_int_equal(append->entries_count, 2);
    solo_ack(&server, 2, 4, 1);
    raft_progress_all(server.raft, rows);
    assert_int_equal(rows[0].match, 4);
    assert_int_equal(rows[0].next, 5);
    solo_free(&server);
}

/* "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry." */
static void a_failure_decrements_next_index_and_retries(void **state)
{
    struct solo server = paper_leader(3, 3, "1 1 2");
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint64_t next = 4;
    for (uint64_t index = 2; index <= 2; index--) {
        paper_refuse(&server, 2, index, index == 0 ? 0 : 1);
        raft_progress_all(server.raft, rows);
        assert_true(rows[0].next < next);
        next = rows[0].next;
        assert_int_equal(solo_sent(&server, RAFT_APPEND, 2)->index, next - 1);
    }
    assert_int_equal(next, 1);
    solo_free(&server);
}

/* "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and
 * log[N].term == currentTerm: set commitIndex = N." */
static void commit_index_follows_a_majority_of_match_index(void **state)
{
    struct solo server = paper_leader(5, 3, "1 2"); /* entry 3 is of term 3 */
    for (int i = 0; i < 3; i++) solo_propose(&server, "x");
    solo_flush(&server);
    solo_durable(&server); /* 4, 5, 6 */
    solo_ack(&server, 2, 6, 1);
    solo_ack(&server, 3, 2, 1);
    assert_int_equal(raft_commit_index(server.raft), 0); /* log[2].term is 2 */
    solo_ack(&server, 4, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 4); /* 6 6 4 2 0 */
    solo_ack(&server, 5, 5, 1);
    assert_int_equal(raft_commit_index(server.raft), 5); /* 6 6 5 4 2 */
    solo_ack(&server, 3, 6, 1);
    assert_int_equal(raft_commit_index(server.raft), 6);
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(current_term_is_on_stable_storage_before_responding),
        cmocka_unit_test(voted_for_is_on_stable_storage_before_responding),
        cmocka_unit_test(the_log_is_on_stable_storage_before_responding),
        cmocka_unit_test(persistent_state_survives_a_restart),
        cmocka_unit_test(commit_index_is_initialized_to_0_and_increases_monotonically),
        cmocka_unit_test(next_index_and_match_index_are_reinitialized_after_election),
        cmocka_unit_test(append_1_reply_false_if_term_is_less),
        cmocka_unit_test(append_2_reply_false_if_the_previous_entry_does_not_match),
        cmocka_unit_test(append_3_delete_a_conflicting_entry_and_all_that_follow_it),
        cmocka_unit_test(append_4_append_new_entries_not_already_in_the_log),
        cmocka_unit_test(append_5_commit_up_to_the_last_new_entry),
        cmocka_unit_test(vote_1_reply_false_if_term_is_less),
        cmocka_unit_test(vote_2_grant_if_not_voted_and_the_log_is_up_to_date),
        cmocka_unit_test(all_entries_up_to_commit_index_can_be_applied),
        cmocka_unit_test(a_greater_term_converts_to_follower),
        cmocka_unit_test(followers_respond_to_candidates_and_leaders),
        cmocka_unit_test(append_entries_and_granted_votes_put_off_the_election),
        cmocka_unit_test(on_conversion_to_candidate_start_election),
        cmocka_unit_test(votes_from_a_majority_make_a_leader),
        cmocka_unit_test(append_entries_from_a_new_leader_converts_a_candidate),
        cmocka_unit_test(a_candidate_whose_timeout_elapses_starts_a_new_election),
        cmocka_unit_test(upon_election_send_heartbeats_and_repeat),
        cmocka_unit_test(a_command_is_appended_and_answered_after_it_is_applied),
        cmocka_unit_test(entries_are_sent_from_next_index_on),
        cmocka_unit_test(a_failure_decrements_next_index_and_retries),
        cmocka_unit_test(commit_index_follows_a_majority_of_match_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
