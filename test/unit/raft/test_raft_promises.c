/* What voters promise, and reads and leases rest on: no vote while a leader may count on them. */
#include "raft_solo.h"

static struct solo following(void)
{
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 2, 2, 0, 0, 1, 2, 0);
    solo_durable(&solo);
    return solo;
}

static bool votes(struct solo *solo, enum raft_message_type type, uint64_t term)
{
    solo_receive(solo,
                 (struct raft_message){
                     .type = type, .from = 3, .term = term, .index = 9, .index_term = term - 1});
    enum raft_message_type reply = type == RAFT_VOTE ? RAFT_VOTE_REPLY : RAFT_PRE_VOTE_REPLY;
    return solo_sent(solo, reply, 3) != NULL && solo_sent(solo, reply, 3)->granted;
}

static void a_promise_to_a_leader_outlives_what_is_known_of_it(void **state)
{
    (void)state;
    struct solo solo = following();
    /* A late refusal tells of a later term: this replica no longer knows who leads, but the leader
     * it heard from may be reading on its lease. */
    solo_vote_reply(&solo, 3, RAFT_VOTE_REPLY, 5, false);
    assert_int_equal(raft_term(solo.raft), 5);
    assert_int_equal(raft_leader(solo.raft), 0);
    assert_false(votes(&solo, RAFT_VOTE, 6));
    solo.now.mono_us += SOLO_TIMEOUT_US - 1;
    assert_false(votes(&solo, RAFT_VOTE, 6));
    solo.now.mono_us += 1;
    assert_true(votes(&solo, RAFT_VOTE, 6));
    solo_free(&solo);
}

static void
a_restarted_replica_gives_no_vote_for_a_maximum_timeout_of_the_slowest_clock(void **state)
{
    (void)state;
    const enum raft_message_type types[] = {RAFT_VOTE, RAFT_PRE_VOTE};
    for (int i = 0; i < 2; i++) {
        struct solo solo = solo_make(3);
        solo.config.clock_drift_permille = 200;
        solo.restored.term = 6;
        solo_create(&solo);
        solo_start(&solo);
        uint64_t started_us = solo.now.mono_us;
        assert_false(votes(&solo, types[i], 7));
        solo.now.mono_us = started_us + SOLO_TIMEOUT_US * 5 / 2 - 1;
        assert_false(votes(&solo, types[i], 7));
        solo.now.mono_us = started_us + SOLO_TIMEOUT_US * 5 / 2;
        assert_true(votes(&solo, types[i], 7));
        solo_free(&solo);
    }
}

static void founders_elect_without_waiting(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    assert_true(votes(&solo, RAFT_VOTE, 2));
    solo_free(&solo);
}

static void a_replica_alone_that_voted_for_another_waits_like_everyone(void **state)
{
    (void)state;
    for (uint32_t vote = 0; vote <= 2; vote++) {
        struct solo solo = solo_make(1);
        solo.restored.term = 6;
        solo.restored.vote = vote;
        solo_create(&solo);
        solo_start(&solo);
        bool at_once = raft_role(solo.raft) == RAFT_CANDIDATE;
        assert_int_equal(at_once, vote != 2);
        if (!at_once)
            assert_true(raft_deadline_us(solo.raft) >= solo.now.mono_us + 2 * SOLO_TIMEOUT_US);
        solo_free(&solo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_promise_to_a_leader_outlives_what_is_known_of_it),
        cmocka_unit_test(
            a_restarted_replica_gives_no_vote_for_a_maximum_timeout_of_the_slowest_clock),
        cmocka_unit_test(founders_elect_without_waiting),
        cmocka_unit_test(a_replica_alone_that_voted_for_another_waits_like_everyone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
