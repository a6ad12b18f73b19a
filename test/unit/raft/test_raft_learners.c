/* Learners, what a change of the membership is refused for, and what it leaves alone
 * (src/raft/change.c). */
#include "raft_members.h"

/* --- learners --- */

static void learners_get_the_log_and_count_for_nothing(void **state)
{
    (void)state;
    struct solo solo = leader_with_ready_learners();
    solo_propose(&solo, "x");
    solo_flush(&solo);
    solo_durable(&solo);
    assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 0);
    solo_ack(&solo, 4, 3, 3);
    solo_ack(&solo, 5, 3, 3);
    assert_int_equal(raft_commit_index(solo.raft), 2);
    solo_ack(&solo, 3, 3, 3);
    assert_int_equal(raft_commit_index(solo.raft), 3);
    for (uint64_t round = 4; raft_role(solo.raft) == RAFT_LEADER; round++) { /* 2, 3 are silent */
        assert_true(round < 30);
        solo_tick_deadline(&solo);
        solo_ack(&solo, 4, 3, round);
        solo_ack(&solo, 5, 3, round);
    }
    solo_tick_deadline(&solo);
    assert_int_equal(solo_sent_count(&solo, RAFT_PRE_VOTE), 2); /* nor are they asked */
    solo_vote_reply(&solo, 4, RAFT_PRE_VOTE_REPLY, 3, true);
    solo_vote_reply(&solo, 5, RAFT_PRE_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(solo.raft), RAFT_PRE_CANDIDATE);
    solo_free(&solo);
}

static bool caught_up(const struct solo *solo, uint32_t peer)
{
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(solo->raft, rows);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].peer == peer) return rows[i].caught_up;
    }
    return false;
}

static void a_learner_votes_only_once_its_last_round_was_short(void **state)
{
    (void)state;
    struct solo solo = leader_with_learners();
    assert_int_equal(change_to_145(&solo), RAFT_CHANGE_NOT_CAUGHT_UP); /* never heard */
    round_of_acks(&solo, 0, 2);
    assert_int_equal(change_to_145(&solo), RAFT_CHANGE_NOT_CAUGHT_UP);
    for (uint64_t round = 3; round < 16; round++) round_of_acks(&solo, 1, round); /* too slow */
    round_of_acks(&solo, 2, 16); /* the end of a round that took more than a timeout */
    assert_false(caught_up(&solo, 4));
    assert_int_equal(change_to_145(&solo), RAFT_CHANGE_NOT_CAUGHT_UP);
    round_of_acks(&solo, 2, 17);
    assert_true(caught_up(&solo, 4) && caught_up(&solo, 5));
    for (uint64_t round = 18; round < 30; round++) { /* 4 is silent for a timeout */
        solo_tick_deadline(&solo);
        solo_ack(&solo, 2, 2, round);
        solo_ack(&solo, 5, 2, round);
    }
    assert_false(caught_up(&solo, 4));
    assert_int_equal(change_to_145(&solo), RAFT_CHANGE_NOT_CAUGHT_UP);
    round_of_acks(&solo, 2, 30);
    round_of_acks(&solo, 2, 31);
    assert_int_equal(change_to_145(&solo), RAFT_CHANGE_OK);
    solo_free(&solo);
}

static void a_learner_must_be_trusted_to_be_promoted(void **state)
{
    (void)state;
    for (int granted = 0; granted < 2; granted++) {
        struct solo solo = leader_with_ready_learners();
        solo_receive(&solo, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                                  .from = 4,
                                                  .term = raft_term(solo.raft),
                                                  .granted = granted != 0,
                                                  .untrusted = true,
                                                  .index = 2,
                                                  .last_index = 2,
                                                  .round = 3});
        assert_false(caught_up(&solo, 4));
        assert_int_equal(change_to_145(&solo), RAFT_CHANGE_NOT_CAUGHT_UP);
        solo_free(&solo);
    }
}

static void a_change_says_why_it_cannot_be(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    struct raft_members same = solo_members(3), other = solo_members(3), wrong = same;
    member_drop(&other, 3);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &other), RAFT_CHANGE_NOT_LEADER);
    solo_lead(&solo);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &other), RAFT_CHANGE_NOT_SETTLED);
    solo_durable(&solo);
    solo_ack(&solo, 2, 1, 1);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &same), RAFT_CHANGE_NOTHING_TO_DO);
    wrong.member[1].id = 1;
    assert_int_equal(raft_change_members(solo.raft, solo.now, &wrong), RAFT_CHANGE_INVALID_TARGET);
    wrong = same;
    for (uint32_t i = 0; i < 3; i++) wrong.member[i].learner = true;
    assert_int_equal(raft_change_members(solo.raft, solo.now, &wrong), RAFT_CHANGE_INVALID_TARGET);
    wrong = same;
    wrong.count = RAFT_MEMBERS_MAX + 1;
    assert_int_equal(raft_change_members(solo.raft, solo.now, &wrong), RAFT_CHANGE_INVALID_TARGET);
    wrong = same;
    wrong.member[0].outgoing = true;
    assert_int_equal(raft_change_members(solo.raft, solo.now, &wrong), RAFT_CHANGE_INVALID_TARGET);
    wrong = same;
    for (uint32_t id = 4; id <= 9; id++) member_set(&wrong, id, true);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &wrong), RAFT_CHANGE_OK);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &other), RAFT_CHANGE_UNDER_WAY);
    solo_flush(&solo);
    solo_durable(&solo);
    solo_ack(&solo, 2, 2, 1);
    member_drop(&wrong, 3);
    member_set(&wrong, 10, true);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &wrong), RAFT_CHANGE_TOO_MANY);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &other), RAFT_CHANGE_OK);
    assert_true(raft_members_joint(raft_members(solo.raft)));
    assert_int_equal(raft_members(solo.raft)->count, 3); /* the learners went at once */
    assert_int_equal(raft_change_members(solo.raft, solo.now, &other), RAFT_CHANGE_UNDER_WAY);
    solo_free(&solo);
}

/* Dissertation 3.10: a leader that hands over takes no requests; the target's log is to end where
 * its own does. */
static void a_change_waits_until_leadership_is_handed_over(void **state)
{
    (void)state;
    struct solo solo = leader_with_learners();
    struct raft_members target = *raft_members(solo.raft);
    member_drop(&target, 5);
    assert_int_equal(raft_transfer(solo.raft, solo.now, 2), RAFT_TRANSFER_OK);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_TRANSFER);
    assert_int_equal(raft_last_index(solo.raft), 2);
    for (int i = 0; i < 2; i++) { /* it came to nothing: the leader goes on */
        solo.now.mono_us += SOLO_TIMEOUT_US / 2;
        solo_ack(&solo, 2, 2, 1);
        raft_tick(solo.raft, solo.now);
        solo_flush(&solo);
    }
    assert_int_equal(raft_transferring(solo.raft), 0);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_OK);
    solo_free(&solo);
}

/* Of {1 3} none but the leader works: C_old,new could not be committed, nor 3 be repaired in it. */
static void voters_that_stay_must_be_a_quorum_that_works(void **state)
{
    (void)state;
    for (int heard = 0; heard < 3; heard++) {
        struct solo solo = leader_with_learners();
        struct raft_members target = *raft_members(solo.raft);
        member_drop(&target, 2);
        if (heard > 0) {
            struct raft_message ack = {.type = RAFT_APPEND_REPLY, .from = 3, .round = 1};
            ack.term = raft_term(solo.raft);
            ack.granted = true;
            ack.untrusted = heard == 1;
            ack.index = ack.last_index = 2;
            solo_receive(&solo, ack);
        }
        assert_int_equal(raft_change_members(solo.raft, solo.now, &target),
                         heard == 2 ? RAFT_CHANGE_OK : RAFT_CHANGE_NO_QUORUM);
        if (heard < 2) { /* to let the broken one go mends it */
            member_set(&target, 2, false);
            member_drop(&target, 3);
            assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_OK);
        }
        solo_free(&solo);
    }
}

/* Where the voters stay, there is nothing to join: one entry does it. */
static void a_member_moves_to_another_address_by_one_entry(void **state)
{
    (void)state;
    static const char *const moves[] = {"y", "host:7000"}; /* as long as it was, or longer */
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        struct solo solo = leader_with_learners();
        struct raft_members target = *raft_members(solo.raft);
        struct raft_member *moved = &target.member[2];
        moved->address_size = (uint8_t)strlen(moves[i]);
        memcpy(moved->address, moves[i], moved->address_size);
        assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_OK);
        assert_int_equal(raft_last_index(solo.raft), 3);
        assert_false(raft_members_joint(raft_members(solo.raft)));
        const struct raft_member *member = &raft_members(solo.raft)->member[2];
        assert_int_equal(member->address_size, moved->address_size);
        assert_memory_equal(member->address, moves[i], member->address_size);
        solo_free(&solo);
    }
}

/* Progress is kept by place in the list of members, and places move. */
static void what_is_known_of_a_follower_outlives_a_change(void **state)
{
    (void)state;
    struct solo solo = solo_make(5);
    member_drop(&solo.restored.members, 2);
    member_drop(&solo.restored.members, 4);
    solo_create(&solo);
    solo_start(&solo);
    solo_tick_deadline(&solo);
    solo_vote_reply(&solo, 3, RAFT_PRE_VOTE_REPLY, 2, true);
    solo_durable(&solo);
    solo_vote_reply(&solo, 3, RAFT_VOTE_REPLY, 2, true);
    solo_durable(&solo);
    solo_ack(&solo, 3, 1, 1);
    solo_ack(&solo, 5, 1, 1);
    for (uint64_t index = 2; index <= 3; index++) {
        solo_propose(&solo, "x");
        solo_flush(&solo);
    }
    solo_durable(&solo);
    solo_ack(&solo, 3, 3, 1); /* two APPENDs to 5 are in flight */
    struct raft_members target = *raft_members(solo.raft);
    member_set(&target, 2, true);
    member_set(&target, 4, true);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_OK);
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    assert_int_equal(raft_progress_all(solo.raft, rows), 4);
    assert_true(rows[0].peer == 2 && rows[0].match == 0 && rows[0].inflight == 0);
    assert_true(rows[1].peer == 3 && rows[1].match == 3);
    assert_true(rows[2].peer == 4 && rows[2].match == 0 && rows[2].heard_us == 0);
    assert_true(rows[3].peer == 5 && rows[3].match == 1 && rows[3].inflight == 2);
    solo_flush(&solo);
    solo_durable(&solo);
    solo_ack(&solo, 5, 4, 1);
    assert_int_equal(raft_commit_index(solo.raft), 4);
    solo_free(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learners_get_the_log_and_count_for_nothing),
        cmocka_unit_test(a_learner_votes_only_once_its_last_round_was_short),
        cmocka_unit_test(a_learner_must_be_trusted_to_be_promoted),
        cmocka_unit_test(a_change_says_why_it_cannot_be),
        cmocka_unit_test(a_change_waits_until_leadership_is_handed_over),
        cmocka_unit_test(voters_that_stay_must_be_a_quorum_that_works),
        cmocka_unit_test(a_member_moves_to_another_address_by_one_entry),
        cmocka_unit_test(what_is_known_of_a_follower_outlives_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
