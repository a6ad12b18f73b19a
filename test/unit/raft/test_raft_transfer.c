/* Leadership transfer: from both ends, and what it does to promises and leases. */
#include "raft_solo.h"

static bool lease(struct solo *solo)
{
    uint64_t index = 0;
    return raft_read_lease(solo->raft, solo->now, &index);
}

/* Leader of `count` in term 2; its no-op, index 1, is held by all. */
static struct solo settled(uint32_t count)
{
    struct solo solo = solo_leading(count);
    for (uint32_t id = 2; id <= count; id++) solo_ack(&solo, id, 1, 1);
    return solo;
}

static enum raft_transfer_result transfer(struct solo *solo, uint32_t peer)
{
    enum raft_transfer_result result = raft_transfer(solo->raft, solo->now, peer);
    solo_flush(solo);
    return result;
}

static void heartbeat(struct solo *solo, uint32_t from, uint64_t term, uint64_t round)
{
    solo_receive(solo, (struct raft_message){
                           .type = RAFT_APPEND, .from = from, .term = term, .round = round});
}

static bool votes(struct solo *solo, uint32_t from, uint64_t term, uint64_t round)
{
    solo_receive(solo, (struct raft_message){.type = RAFT_VOTE,
                                             .from = from,
                                             .term = term,
                                             .round = round,
                                             .index = 9,
                                             .index_term = term - 1});
    const struct raft_message *reply = solo_sent(solo, RAFT_VOTE_REPLY, from);
    return reply != NULL && reply->granted;
}

/* --- the leader --- */

static void a_target_that_has_everything_is_told_at_once(void **state)
{
    (void)state;
    struct solo solo = settled(3);
    assert_int_equal(transfer(&solo, 2), RAFT_TRANSFER_OK);
    assert_non_null(solo_sent(&solo, RAFT_TIMEOUT_NOW, 2));
    assert_int_equal(solo_sent_count(&solo, RAFT_TIMEOUT_NOW), 1);
    assert_int_equal(raft_transferring(solo.raft), 2);
    solo_free(&solo);
}

static void a_target_is_first_brought_up_to_date(void **state)
{
    (void)state;
    struct solo solo = settled(3);
    assert_int_equal(solo_propose(&solo, "x"), RAFT_PROPOSE_OK);
    assert_int_equal(transfer(&solo, 2), RAFT_TRANSFER_OK);
    assert_null(solo_sent(&solo, RAFT_TIMEOUT_NOW, 2));
    assert_true(lease(&solo));
    solo_ack(&solo, 3, 2, 1);
    assert_null(solo_sent(&solo, RAFT_TIMEOUT_NOW, 2));
    solo_ack(&solo, 2, 2, 1);
    assert_non_null(solo_sent(&solo, RAFT_TIMEOUT_NOW, 2));
    solo_free(&solo);
}

static void proposals_are_refused_by_name_while_it_lasts(void **state)
{
    (void)state;
    struct solo solo = settled(3);
    (void)transfer(&solo, 2);
    assert_int_equal(solo_propose(&solo, "x"), RAFT_PROPOSE_TRANSFER);
    solo_free(&solo);
}

static void only_a_trusted_voter_may_take_over(void **state)
{
    (void)state;
    struct solo solo = solo_make(4);
    solo.restored.members.member[3].learner = true;
    solo_create(&solo);
    solo_start(&solo);
    assert_int_equal(transfer(&solo, 2), RAFT_TRANSFER_NOT_LEADER);
    solo_lead(&solo);
    solo_receive(&solo, (struct raft_message){
                            .type = RAFT_APPEND_REPLY, .from = 3, .term = 2, .untrusted = true});
    assert_int_equal(transfer(&solo, 1), RAFT_TRANSFER_NOT_VOTER);
    assert_int_equal(transfer(&solo, 3), RAFT_TRANSFER_NOT_VOTER);
    assert_int_equal(transfer(&solo, 4), RAFT_TRANSFER_NOT_VOTER);
    assert_int_equal(transfer(&solo, 9), RAFT_TRANSFER_NOT_VOTER);
    assert_int_equal(transfer(&solo, 2), RAFT_TRANSFER_OK);
    assert_int_equal(transfer(&solo, 2), RAFT_TRANSFER_BUSY);
    solo_free(&solo);
}

static void a_transfer_that_fails_ends_after_an_election_timeout(void **state)
{
    (void)state;
    struct solo solo = settled(3);
    (void)transfer(&solo, 2);
    uint64_t until_us = solo.now.mono_us + SOLO_TIMEOUT_US;
    while (solo.now.mono_us < until_us) {
        assert_int_equal(raft_transferring(solo.raft), 2);
        solo_tick_deadline(&solo);
        const struct raft_message *beat = solo_sent(&solo, RAFT_APPEND, 3);
        if (beat != NULL) solo_ack(&solo, 3, 1, beat->round);
    }
    assert_int_equal(solo.now.mono_us, until_us);
    assert_int_equal(raft_transferring(solo.raft), 0);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    assert_int_equal(solo_propose(&solo, "x"), RAFT_PROPOSE_OK);
    solo_free(&solo);
}

static void a_target_that_turns_out_untrusted_ends_it(void **state)
{
    (void)state;
    struct solo solo = settled(3);
    (void)solo_propose(&solo, "x");
    (void)transfer(&solo, 2);
    solo_receive(&solo, (struct raft_message){
                            .type = RAFT_APPEND_REPLY, .from = 2, .term = 2, .untrusted = true});
    assert_int_equal(raft_transferring(solo.raft), 0);
    assert_int_equal(solo_sent_count(&solo, RAFT_TIMEOUT_NOW), 0);
    solo_free(&solo);
}

static void the_lease_is_given_up_before_the_target_is_told(void **state)
{
    (void)state;
    struct solo solo = settled(3);
    assert_true(lease(&solo));
    (void)transfer(&solo, 2);
    assert_non_null(solo_sent(&solo, RAFT_TIMEOUT_NOW, 2));
    assert_false(lease(&solo));
    solo_tick_deadline(&solo); /* nor do the rounds of the transfer earn one */
    solo_ack(&solo, 3, 1, solo_sent(&solo, RAFT_APPEND, 3)->round);
    assert_false(lease(&solo));
    solo_free(&solo);
}

static void reads_by_read_index_go_on_during_a_transfer(void **state)
{
    (void)state;
    struct solo solo = settled(3);
    (void)transfer(&solo, 2);
    uint64_t ticket = raft_read(solo.raft, solo.now);
    solo_flush(&solo);
    solo_ack(&solo, 3, 1, solo_sent(&solo, RAFT_APPEND, 3)->round);
    assert_true(solo.output.reads_confirmed >= ticket);
    solo_free(&solo);
}

static void a_new_lease_is_earned_by_rounds_above_those_that_the_target_was_told(void **state)
{
    (void)state;
    struct solo solo = settled(3);
    (void)transfer(&solo, 2);
    uint64_t told = solo_sent(&solo, RAFT_TIMEOUT_NOW, 2)->round;
    uint64_t last = 0;
    while (raft_transferring(solo.raft) != 0) {
        solo_tick_deadline(&solo);
        const struct raft_message *beat = solo_sent(&solo, RAFT_APPEND, 3);
        if (beat == NULL) continue;
        last = beat->round;
        if (raft_transferring(solo.raft) == 0) break;
        assert_true(last <= told);
        solo_ack(&solo, 3, 1, last);
    }
    assert_false(lease(&solo));
    solo_tick_deadline(&solo);
    uint64_t next = solo_sent(&solo, RAFT_APPEND, 3)->round;
    assert_true(next > told);
    assert_false(lease(&solo));
    solo_ack(&solo, 3, 1, next);
    assert_true(lease(&solo));
    solo_free(&solo);
}

static void the_leader_votes_for_its_target_and_only_while_the_transfer_lasts(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct solo solo = settled(3);
        (void)transfer(&solo, 2);
        uint64_t round = solo_sent(&solo, RAFT_TIMEOUT_NOW, 2)->round;
        assert_false(votes(&solo, 3, 3, round)); /* not the one it chose */
        assert_false(votes(&solo, 2, 3, 0));     /* not in the transfer's name */
        while (late && raft_transferring(solo.raft) != 0) {
            solo_tick_deadline(&solo);
            const struct raft_message *beat = solo_sent(&solo, RAFT_APPEND, 3);
            if (beat != NULL) solo_ack(&solo, 3, 1, beat->round);
        }
        assert_int_equal(votes(&solo, 2, 3, round), !late);
        assert_int_equal(raft_role(solo.raft), late ? RAFT_LEADER : RAFT_FOLLOWER);
        solo_free(&solo);
    }
}

/* --- the target --- */

static struct solo following(void)
{
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    heartbeat(&solo, 2, 2, 4);
    solo_durable(&solo);
    return solo;
}

static void told(struct solo *solo, uint32_t from, uint64_t term, uint64_t round)
{
    solo_receive(solo, (struct raft_message){
                           .type = RAFT_TIMEOUT_NOW, .from = from, .term = term, .round = round});
}

static void a_target_campaigns_at_once_without_pre_vote(void **state)
{
    (void)state;
    struct solo solo = following();
    told(&solo, 2, 2, 1000);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
    assert_int_equal(raft_term(solo.raft), 3);
    assert_int_equal(solo_sent_count(&solo, RAFT_PRE_VOTE), 0);
    assert_int_equal(solo_sent(&solo, RAFT_VOTE, 2)->round, 1000);
    assert_int_equal(solo_sent(&solo, RAFT_VOTE, 3)->round, 1000);
    solo_free(&solo);
}

static void a_target_obeys_only_the_leader_it_follows(void **state)
{
    (void)state;
    struct solo solo = following();
    told(&solo, 3, 2, 1000); /* not who leads */
    told(&solo, 2, 1, 1000); /* of an earlier term */
    told(&solo, 2, 3, 1000); /* of one that we have not heard of */
    told(&solo, 2, 2, 3);    /* given up since: we took part in a later round */
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    assert_int_equal(raft_term(solo.raft), 2);
    solo_free(&solo);
}

static void a_target_that_may_have_forgotten_a_promise_does_not_campaign(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo.restored.term = 2;
    solo_create(&solo);
    solo_start(&solo);
    heartbeat(&solo, 2, 2, 4);
    told(&solo, 2, 2, 1000);
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    solo.now.mono_us += 2 * SOLO_TIMEOUT_US;
    told(&solo, 2, 2, 1000);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
    solo_free(&solo);
}

/* --- the other voters --- */

static void a_voter_lets_go_of_its_promise_for_the_target(void **state)
{
    (void)state;
    struct solo solo = following();
    assert_false(votes(&solo, 3, 3, 0));
    assert_true(votes(&solo, 3, 3, 1000));
    solo_free(&solo);
}

static void a_voter_that_took_part_in_a_later_round_keeps_its_promise(void **state)
{
    (void)state;
    struct solo solo = following();
    heartbeat(&solo, 2, 2, 1001);
    assert_false(votes(&solo, 3, 3, 1000));
    solo_free(&solo);
}

static void a_voter_in_another_term_keeps_its_promise(void **state)
{
    (void)state;
    struct solo solo = following();
    assert_false(votes(&solo, 3, 4, 1000));
    assert_false(votes(&solo, 3, 2, 1000));
    solo_free(&solo);
}

static void a_voter_that_restarted_keeps_what_it_may_have_promised(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo.restored.term = 2;
    solo_create(&solo);
    solo_start(&solo);
    assert_false(votes(&solo, 3, 3, 1000));
    solo_free(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_that_has_everything_is_told_at_once),
        cmocka_unit_test(a_target_is_first_brought_up_to_date),
        cmocka_unit_test(proposals_are_refused_by_name_while_it_lasts),
        cmocka_unit_test(only_a_trusted_voter_may_take_over),
        cmocka_unit_test(a_transfer_that_fails_ends_after_an_election_timeout),
        cmocka_unit_test(a_target_that_turns_out_untrusted_ends_it),
        cmocka_unit_test(the_lease_is_given_up_before_the_target_is_told),
        cmocka_unit_test(reads_by_read_index_go_on_during_a_transfer),
        cmocka_unit_test(a_new_lease_is_earned_by_rounds_above_those_that_the_target_was_told),
        cmocka_unit_test(the_leader_votes_for_its_target_and_only_while_the_transfer_lasts),
        cmocka_unit_test(a_target_campaigns_at_once_without_pre_vote),
        cmocka_unit_test(a_target_obeys_only_the_leader_it_follows),
        cmocka_unit_test(a_target_that_may_have_forgotten_a_promise_does_not_campaign),
        cmocka_unit_test(a_voter_lets_go_of_its_promise_for_the_target),
        cmocka_unit_test(a_voter_that_took_part_in_a_later_round_keeps_its_promise),
        cmocka_unit_test(a_voter_in_another_term_keeps_its_promise),
        cmocka_unit_test(a_voter_that_restarted_keeps_what_it_may_have_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
