/* Who may lead: sections 5.2 and 5.4.1 of the paper, pre-vote and check-quorum of the dissertation
 * (9.6, 6.2), and what we ask of a replica that restarted or lost its disk. */
#include "raft_solo.h"
#include "raft_world.h"

static void a_follower_that_hears_nothing_begins_an_election(void **state)
{
    (void)state;
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct solo solo = solo_make(3);
        solo.config.seed = seed;
        solo_create(&solo);
        solo_start(&solo);
        uint64_t timeout_us = raft_deadline_us(solo.raft) - solo.now.mono_us;
        assert_in_range(timeout_us, SOLO_TIMEOUT_US, 2 * SOLO_TIMEOUT_US - 1);
        if (timeout_us < least) least = timeout_us;
        if (timeout_us > most) most = timeout_us;
        solo_tick(&solo, timeout_us - 1);
        assert_int_equal(solo.output.messages_count, 0);
        solo_tick(&solo, 1);
        assert_non_null(solo_sent(&solo, RAFT_PRE_VOTE, 2));
        assert_non_null(solo_sent(&solo, RAFT_PRE_VOTE, 3));
        solo_free(&solo);
    }
    assert_true(most - least > SOLO_TIMEOUT_US * 8 / 10); /* randomized: split votes are rare */
}

static void a_candidate_asks_only_when_its_own_vote_is_durable(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_tick_deadline(&solo);
    assert_int_equal(raft_term(solo.raft), 1); /* pre-vote changes nothing */
    assert_int_equal(solo_sent(&solo, RAFT_PRE_VOTE, 2)->term, 2);
    solo_vote_reply(&solo, 2, RAFT_PRE_VOTE_REPLY, 2, true);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
    assert_true(solo.output.hard_state);
    assert_int_equal(solo.output.term, 2);
    assert_int_equal(solo.output.vote, 1);
    assert_int_equal(solo_sent(&solo, RAFT_VOTE, 2)->gate, solo.sequence);
    solo_vote_reply(&solo, 2, RAFT_VOTE_REPLY, 2, true);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE); /* 1 of 3: ours is not durable */
    solo_durable(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 2)->gate, 0);
    solo_free(&solo);
}

/* The disk may report an earlier write while the vote is not even handed out yet. */
static void an_earlier_write_does_not_make_the_vote_durable(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 2, 2, 0, 0, 1, 2, 0); /* is being written */
    solo_tick_deadline(&solo);
    struct raft_message granted = {
        .type = RAFT_PRE_VOTE_REPLY, .from = 3, .to = 1, .term = 3, .granted = true};
    raft_receive(solo.raft, solo.now, &granted);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
    raft_durable(solo.raft, solo.now, solo.sequence);
    solo_flush(&solo);
    assert_true(solo.output.hard_state);
    solo_vote_reply(&solo, 3, RAFT_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE); /* 1 of 3: ours is not durable */
    solo_durable(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    solo_free(&solo);
}

static void what_only_a_leader_knows_a_follower_does_not_say(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 2, 2, 0, 0, 2, 2, 1);
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    assert_int_equal(raft_progress_all(solo.raft, rows), 0);
    assert_int_equal(raft_replicated_index(solo.raft), 1); /* the commit index */
    assert_int_equal(raft_snapshot_wanted(solo.raft, 0), 0);
    assert_false(raft_settled(solo.raft));
    uint64_t elapsed_us = 9, wall_us = 9;
    solo.now.mono_us += 1000;
    raft_log_time(solo.raft, solo.now, &elapsed_us, &wall_us);
    assert_int_equal(elapsed_us, 0); /* the last entry's */
    assert_int_equal(wall_us, 0);
    assert_null(raft_entry_at(solo.raft, 3)); /* nor does anybody know what is not there */
    assert_int_equal(raft_term_at(solo.raft, 3), 0);
    raft_peer_lost(solo.raft, 2); /* changes nothing */
    assert_int_equal(raft_leader(solo.raft), 2);
    raft_destroy(NULL);
    solo_free(&solo);
}

static void stale_or_foreign_votes_are_not_counted(void **state)
{
    (void)state;
    struct solo solo = solo_make(5);
    solo_create(&solo);
    solo_start(&solo);
    solo_tick_deadline(&solo);
    solo_vote_reply(&solo, 2, RAFT_PRE_VOTE_REPLY, 2, true);
    solo_vote_reply(&solo, 3, RAFT_PRE_VOTE_REPLY, 3, true); /* for another term */
    assert_int_equal(raft_role(solo.raft), RAFT_PRE_CANDIDATE);
    solo_vote_reply(&solo, 3, RAFT_PRE_VOTE_REPLY, 2, true);
    solo_durable(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
    solo_vote_reply(&solo, 2, RAFT_VOTE_REPLY, 1, true); /* of an earlier term */
    solo_vote_reply(&solo, 3, RAFT_VOTE_REPLY, 1, true);
    solo_vote_reply(&solo, 4, RAFT_VOTE_REPLY, 2, true);
    solo_vote_reply(&solo, 4, RAFT_VOTE_REPLY, 2, true);  /* twice the same */
    solo_vote_reply(&solo, 9, RAFT_VOTE_REPLY, 2, true);  /* a stranger */
    solo_vote_reply(&solo, 5, RAFT_VOTE_REPLY, 2, false); /* refused */
    solo_receive(
        &solo,
        (struct raft_message){
            .type = RAFT_VOTE_REPLY, .from = 3, .term = 2, .granted = true, .untrusted = true});
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
    solo_vote_reply(&solo, 3, RAFT_VOTE_REPLY, 2, true);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    solo_free(&solo);
}

static struct raft_message vote_request(enum raft_message_type type, uint32_t from, uint64_t term,
                                        uint64_t index, uint64_t index_term)
{
    return (struct raft_message){
        .type = type, .from = from, .term = term, .index = index, .index_term = index_term};
}

static void each_server_votes_for_at_most_one_candidate_in_a_term(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 3, 2, 0, 0, 0, 0, 0); /* so that term 2 is old when the vote comes */
    solo_durable(&solo);
    solo.now.mono_us += SOLO_TIMEOUT_US;
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 2, 0, 0));
    assert_true(solo.output.hard_state); /* the vote, though the term was known */
    assert_int_equal(solo.output.vote, 2);
    const struct raft_message *reply = solo_sent(&solo, RAFT_VOTE_REPLY, 2);
    assert_true(reply->granted);
    assert_int_equal(reply->gate, solo.sequence);
    solo_receive(&solo, vote_request(RAFT_VOTE, 3, 2, 9, 2));
    assert_false(solo_sent(&solo, RAFT_VOTE_REPLY, 3)->granted);
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 2, 0, 0)); /* asked again, says it again */
    assert_true(solo_sent(&solo, RAFT_VOTE_REPLY, 2)->granted);
    assert_int_equal(solo_sent(&solo, RAFT_VOTE_REPLY, 2)->gate, solo.sequence);
    solo_durable(&solo);
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 2, 0, 0));
    assert_int_equal(solo_sent(&solo, RAFT_VOTE_REPLY, 2)->gate, 0);

    /* And remembers it. */
    solo.restored.term = 2;
    solo.restored.vote = 2;
    solo_free(&solo);
    solo_create(&solo);
    solo_start(&solo);
    solo.now.mono_us += 2 * SOLO_TIMEOUT_US;
    solo_receive(&solo, vote_request(RAFT_VOTE, 3, 2, 9, 2));
    assert_false(solo_sent(&solo, RAFT_VOTE_REPLY, 3)->granted);
    solo_free(&solo);
}

/* Section 5.4.1: "If the logs have last entries with different terms, then the log with the later
 * term is more up-to-date. If the logs end with the same term, then whichever log is longer..." */
static void the_voter_denies_its_vote_if_its_own_log_is_more_up_to_date(void **state)
{
    (void)state;
    static const struct {
        uint64_t index, term;
        bool granted;
    } cases[] = {{3, 1, false}, {9, 1, false}, {2, 2, false}, {3, 2, true},
                 {4, 2, true},  {1, 3, true},  {3, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int pre = 0; pre < 2; pre++) {
            struct solo solo = solo_make(3);
            solo.restored.term = 4;
            solo_create(&solo);
            solo_restore(&solo, 1, 1);
            solo_restore(&solo, 2, 2);
            solo_restore(&solo, 3, 2);
            solo_start(&solo);
            solo.now.mono_us += 2 * SOLO_TIMEOUT_US;
            enum raft_message_type type = pre ? RAFT_PRE_VOTE : RAFT_VOTE;
            solo_receive(&solo, vote_request(type, 2, 5, cases[i].index, cases[i].term));
            type = pre ? RAFT_PRE_VOTE_REPLY : RAFT_VOTE_REPLY;
            assert_int_equal(solo_sent(&solo, type, 2)->granted, cases[i].granted);
            solo_free(&solo);
        }
    }
}

static void who_hears_a_leader_gives_no_vote(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 3, 2, 0, 0, 0, 0, 0);
    solo.now.mono_us += SOLO_TIMEOUT_US - 1;
    solo_receive(&solo, vote_request(RAFT_PRE_VOTE, 2, 7, 9, 6));
    assert_int_equal(solo.output.messages_count, 0);
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 7, 9, 6));
    assert_int_equal(solo.output.messages_count, 0);
    assert_int_equal(raft_term(solo.raft), 2);
    solo.now.mono_us += 1;
    solo_receive(&solo, vote_request(RAFT_PRE_VOTE, 2, 7, 9, 6));
    assert_true(solo_sent(&solo, RAFT_PRE_VOTE_REPLY, 2)->granted);
    assert_int_equal(raft_term(solo.raft), 2);
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 7, 9, 6));
    assert_true(solo_sent(&solo, RAFT_VOTE_REPLY, 2)->granted);
    solo_free(&solo);
}

static void a_restarted_node_gives_no_vote_for_one_maximum_election_timeout(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo.restored.term = 2;
    solo_create(&solo);
    solo_start(&solo);
    assert_true(raft_deadline_us(solo.raft) >= solo.now.mono_us + 2 * SOLO_TIMEOUT_US);
    solo.now.mono_us += 2 * SOLO_TIMEOUT_US - 1;
    solo_receive(&solo, vote_request(RAFT_PRE_VOTE, 2, 3, 9, 2));
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 3, 9, 2));
    assert_int_equal(solo.output.messages_count, 0);
    assert_int_equal(raft_term(solo.raft), 2);
    solo.now.mono_us += 1;
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 3, 9, 2));
    assert_true(solo_sent(&solo, RAFT_VOTE_REPLY, 2)->granted);
    solo_free(&solo);
}

static void a_founding_does_not_wait(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_receive(&solo, vote_request(RAFT_PRE_VOTE, 2, 2, 0, 0));
    assert_true(solo_sent(&solo, RAFT_PRE_VOTE_REPLY, 2)->granted);
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 2, 0, 0));
    assert_true(solo_sent(&solo, RAFT_VOTE_REPLY, 2)->granted);
    solo_free(&solo);
    struct world *world = world_make(3, 1);
    uint64_t began_us = world->now_us;
    assert_int_not_equal(world_elect(world, 4 * WORLD_TIMEOUT_US), 0);
    assert_true(world->now_us - began_us < 2 * WORLD_TIMEOUT_US + 40 * WORLD_MS);
    world_free(world);
}

static void a_sole_voter_campaigns_at_once_and_leads_when_its_vote_is_durable(void **state)
{
    (void)state;
    struct solo solo = solo_make(1);
    solo.restored.term = 6;
    solo_create(&solo);
    solo_start(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
    assert_int_equal(raft_term(solo.raft), 7);
    assert_true(solo.output.hard_state);
    solo_durable(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    assert_int_equal(solo.output.persist_last, 1);
    assert_int_equal(raft_commit_index(solo.raft), 0);
    assert_false(raft_settled(solo.raft));
    solo_durable(&solo);
    assert_int_equal(raft_commit_index(solo.raft), 1);
    assert_true(raft_settled(solo.raft));
    for (int i = 0; i < 100; i++) solo_tick_deadline(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    assert_int_equal(raft_replicated_index(solo.raft), UINT64_MAX);
    solo_free(&solo);
}

static void a_node_that_was_cut_off_does_not_disturb_when_it_returns(void **state)
{
    (void)state;
    struct world *world = world_make(3, 2);
    uint32_t leader = world_elect(world, 4 * WORLD_TIMEOUT_US);
    uint32_t other = leader % 3 + 1;
    uint64_t term = raft_term(world->nodes[leader].raft);
    world_cut(world, other, true);
    world_run(world, 20 * WORLD_TIMEOUT_US);
    assert_int_equal(raft_term(world->nodes[other].raft), term);
    world_cut(world, other, false);
    world_run(world, 20 * WORLD_TIMEOUT_US);
    assert_int_equal(raft_role(world->nodes[leader].raft), RAFT_LEADER);
    assert_int_equal(raft_term(world->nodes[leader].raft), term);
    assert_int_equal(raft_leader(world->nodes[other].raft), leader);
    world_free(world);
}

static void a_leader_that_no_quorum_answers_steps_down(void **state)
{
    (void)state;
    struct solo solo = solo_make(5);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    uint64_t elected_us = solo.now.mono_us;
    while (solo.now.mono_us < elected_us + 5 * SOLO_TIMEOUT_US) { /* 2 of 4 answer: it stays */
        solo_tick_deadline(&solo);
        uint64_t round = solo_sent(&solo, RAFT_APPEND, 2)->round;
        solo_ack(&solo, 2, 1, round);
        solo_ack(&solo, 3, 1, round);
    }
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    uint64_t heard_us = solo.now.mono_us;
    while (raft_role(solo.raft) == RAFT_LEADER) { /* 1 of 4, and one that is untrusted */
        solo_tick_deadline(&solo);
        assert_true(solo.now.mono_us <= heard_us + SOLO_TIMEOUT_US + SOLO_HEARTBEAT_US);
        if (raft_role(solo.raft) != RAFT_LEADER) break;
        solo_ack(&solo, 2, 1, solo_sent(&solo, RAFT_APPEND, 2)->round);
        solo_receive(&solo, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                                  .from = 3,
                                                  .term = raft_term(solo.raft),
                                                  .granted = true,
                                                  .untrusted = true});
    }
    assert_int_equal(raft_term(solo.raft), 2);
    assert_int_equal(raft_leader(solo.raft), 0);
    solo_free(&solo);
}

static void a_leader_that_learns_of_a_later_term_steps_down(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    solo_receive(
        &solo, (struct raft_message){.type = RAFT_APPEND_REPLY, .from = 2, .term = 9, .index = 1});
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    assert_int_equal(solo.output.term, 9);
    assert_int_equal(solo.output.vote, 0);
    solo_append(&solo, 3, 8, 0, 0, 0, 0, 0); /* and says so to whoever leads an earlier one */
    assert_int_equal(solo_sent(&solo, RAFT_APPEND_REPLY, 3)->term, 9);
    assert_false(solo_sent(&solo, RAFT_APPEND_REPLY, 3)->granted);
    assert_int_equal(raft_leader(solo.raft), 0);
    solo_free(&solo);
}

static void a_pre_candidate_that_votes_gives_way(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 3, 2, 0, 0, 0, 0, 0);
    solo_tick_deadline(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_PRE_CANDIDATE);
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 2, 0, 0));
    assert_true(solo_sent(&solo, RAFT_VOTE_REPLY, 2)->granted);
    solo_vote_reply(&solo, 3, RAFT_PRE_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    solo_free(&solo);
}

static void a_mute_node_neither_leads_nor_campaigns(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    raft_set_mute(solo.raft, solo.now, true);
    solo_flush(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    assert_int_equal(raft_deadline_us(solo.raft), UINT64_MAX);
    solo_tick(&solo, 10 * SOLO_TIMEOUT_US);
    assert_int_equal(solo.output.messages_count, 0);
    assert_int_equal(solo_propose(&solo, "x"), RAFT_PROPOSE_NOT_LEADER);
    raft_set_mute(solo.raft, solo.now, false);
    solo_lead(&solo);
    solo_free(&solo);
}

static void a_node_that_abstains_leads_on_but_does_not_campaign(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    raft_set_abstaining(solo.raft, solo.now, true);
    solo_flush(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    assert_int_equal(solo_propose(&solo, "x"), RAFT_PROPOSE_OK);
    uint64_t term = raft_term(solo.raft);
    solo_append(&solo, 2, term + 1, 0, 0, 0, 0, 0);
    assert_int_equal(raft_leader(solo.raft), 2);
    assert_int_equal(raft_deadline_us(solo.raft), UINT64_MAX);
    struct raft_message now = {
        .type = RAFT_TIMEOUT_NOW, .from = 2, .to = 1, .term = term + 1, .round = 99};
    solo_receive(&solo, now);
    solo_tick(&solo, 10 * SOLO_TIMEOUT_US);
    assert_int_equal(raft_term(solo.raft), term + 1);
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    solo_receive(&solo, vote_request(RAFT_VOTE, 3, term + 2, 99, term + 1));
    assert_true(solo_sent(&solo, RAFT_VOTE_REPLY, 3)->granted); /* it votes for others */
    raft_set_abstaining(solo.raft, solo.now, false);
    solo_tick_deadline(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_PRE_CANDIDATE);
    raft_set_abstaining(solo.raft, solo.now, true); /* nor does it go on with it */
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    solo_free(&solo);
}

static void a_node_that_knows_no_members_only_listens(void **state)
{
    (void)state;
    struct solo solo = solo_make(0);
    solo.restored.trusted = false;
    solo.restored.term = 0;
    solo_create(&solo);
    solo_start(&solo);
    assert_int_equal(raft_deadline_us(solo.raft), UINT64_MAX);
    solo_tick(&solo, 10 * SOLO_TIMEOUT_US);
    solo_receive(&solo, vote_request(RAFT_VOTE, 2, 3, 9, 2));
    assert_int_equal(solo.output.messages_count, 0);
    solo_append(&solo, 2, 4, 0, 0, 2, 4, 1);
    assert_int_equal(raft_leader(solo.raft), 2);
    assert_int_equal(raft_commit_index(solo.raft), 1);
    solo_durable(&solo);
    const struct raft_message *reply = solo_sent(&solo, RAFT_APPEND_REPLY, 2);
    assert_true(reply->granted && reply->untrusted);
    assert_int_equal(reply->index, 2);
    assert_int_equal(raft_deadline_us(solo.raft), UINT64_MAX);
    solo_free(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_that_hears_nothing_begins_an_election),
        cmocka_unit_test(a_candidate_asks_only_when_its_own_vote_is_durable),
        cmocka_unit_test(an_earlier_write_does_not_make_the_vote_durable),
        cmocka_unit_test(what_only_a_leader_knows_a_follower_does_not_say),
        cmocka_unit_test(stale_or_foreign_votes_are_not_counted),
        cmocka_unit_test(each_server_votes_for_at_most_one_candidate_in_a_term),
        cmocka_unit_test(the_voter_denies_its_vote_if_its_own_log_is_more_up_to_date),
        cmocka_unit_test(who_hears_a_leader_gives_no_vote),
        cmocka_unit_test(a_restarted_node_gives_no_vote_for_one_maximum_election_timeout),
        cmocka_unit_test(a_founding_does_not_wait),
        cmocka_unit_test(a_sole_voter_campaigns_at_once_and_leads_when_its_vote_is_durable),
        cmocka_unit_test(a_node_that_was_cut_off_does_not_disturb_when_it_returns),
        cmocka_unit_test(a_leader_that_no_quorum_answers_steps_down),
        cmocka_unit_test(a_leader_that_learns_of_a_later_term_steps_down),
        cmocka_unit_test(a_pre_candidate_that_votes_gives_way),
        cmocka_unit_test(a_mute_node_neither_leads_nor_campaigns),
        cmocka_unit_test(a_node_that_abstains_leads_on_but_does_not_campaign),
        cmocka_unit_test(a_node_that_knows_no_members_only_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
