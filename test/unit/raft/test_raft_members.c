/* Changes of the membership (src/raft/change.c): joint consensus, servers that go. */
#include "raft_members.h"

static void a_membership_is_in_force_as_soon_as_it_is_appended(void **state)
{
    (void)state;
    struct solo solo = leader_with_ready_learners();
    assert_false(raft_members_joint(raft_members(solo.raft)));
    assert_int_equal(change_to_145(&solo), RAFT_CHANGE_OK);
    const struct raft_members *members = raft_members(solo.raft);
    assert_true(raft_members_joint(members));
    assert_int_equal(raft_members_index(solo.raft), 3);
    assert_int_equal(raft_commit_index(solo.raft), 2);
    assert_int_equal(members->count, 5);
    assert_true(members->member[0].outgoing && !members->member[0].leaving);
    assert_true(members->member[1].outgoing && members->member[1].leaving);
    assert_true(!members->member[3].outgoing && !members->member[3].learner);
    assert_false(raft_members_joint(raft_members_at(solo.raft, 2)));
    assert_true(raft_members_at(solo.raft, 2)->member[3].learner);
    assert_int_equal(raft_members_at(solo.raft, 1)->count, 3);
    solo_free(&solo);
}

static void an_entry_commits_by_majorities_of_both_sides(void **state)
{
    (void)state;
    for (int old_first = 0; old_first < 2; old_first++) {
        struct solo solo = leader_in_joint();
        for (int i = 0; i < 2; i++) {
            bool old = (i == 0) == (old_first != 0);
            assert_int_equal(raft_commit_index(solo.raft), 2);
            solo_ack(&solo, old ? 3 : 4, 3, 3); /* with the leader a majority of its side */
        }
        assert_int_equal(raft_commit_index(solo.raft), 3);
        solo_free(&solo);
    }
}

static void whoever_leads_appends_the_target_once_the_joint_membership_is_committed(void **state)
{
    (void)state;
    struct solo solo = leader_in_joint();
    solo_ack(&solo, 2, 3, 3);
    assert_int_equal(raft_members_index(solo.raft), 3);
    solo_ack(&solo, 4, 3, 3);
    assert_int_equal(raft_members_index(solo.raft), 4);
    const struct raft_members *members = raft_members(solo.raft);
    assert_false(raft_members_joint(members));
    assert_int_equal(members->count, 3);
    assert_int_equal(members->member[1].id, 4);
    assert_null(solo_sent(&solo, RAFT_APPEND, 2)); /* they are gone */
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 4)->entries_count, 1);
    solo_durable(&solo);
    solo_ack(&solo, 2, 4, 3); /* and count no more */
    assert_int_equal(raft_commit_index(solo.raft), 3);
    solo_ack(&solo, 5, 4, 3);
    assert_int_equal(raft_commit_index(solo.raft), 4);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    solo_free(&solo);
}

static void no_step_of_a_change_is_taken_before_the_last_one_is_committed(void **state)
{
    (void)state;
    struct solo solo = leader_with_ready_learners();
    solo_propose(&solo, "before");
    solo_flush(&solo);
    struct raft_members target = solo_members(5);
    for (uint32_t id = 1; id <= 3; id++) member_drop(&target, id);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_OK); /* at 4 */
    solo_propose(&solo, "between");
    solo_flush(&solo);
    solo_durable(&solo);
    for (uint32_t id = 2; id <= 5; id++) solo_ack(&solo, id, 3, 3);
    assert_int_equal(raft_commit_index(solo.raft), 3);
    assert_int_equal(raft_last_index(solo.raft), 5);
    for (uint32_t id = 2; id <= 5; id++) solo_ack(&solo, id, 4, 3);
    assert_int_equal(raft_commit_index(solo.raft), 4);
    assert_int_equal(raft_members_index(solo.raft), 6);
    for (uint32_t id = 4; id <= 5; id++) solo_ack(&solo, id, 5, 3);
    assert_int_equal(raft_commit_index(solo.raft), 5);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    solo_free(&solo);
}

static struct raft_members joint_members(void)
{
    struct raft_members members = solo_members(5); /* {1, 2, 3} to {1, 4, 5} */
    for (uint32_t i = 0; i < 3; i++) members.member[i].outgoing = true;
    members.member[1].leaving = members.member[2].leaving = true;
    return members;
}

static void a_new_leader_ends_the_change_that_it_finds(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    struct buffer data = {0};
    struct raft_members joint = joint_members();
    raft_members_encode(&joint, &data);
    struct raft_entry entry = {
        .index = 1, .term = 1, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&data)};
    raft_restore_entry(solo.raft, &entry);
    solo_start(&solo);
    solo_lead(&solo);
    assert_true(raft_members_joint(raft_members(solo.raft)));
    solo_durable(&solo);
    solo_ack(&solo, 2, 1, 1); /* an entry of an earlier term, as yet: not by count */
    solo_ack(&solo, 4, 1, 1);
    assert_int_equal(raft_last_index(solo.raft), 2);
    solo_ack(&solo, 2, 2, 1);
    solo_ack(&solo, 4, 2, 1);
    assert_int_equal(raft_commit_index(solo.raft), 2);
    assert_int_equal(raft_members_index(solo.raft), 3);
    assert_int_equal(raft_members(solo.raft)->count, 3);
    buffer_free(&data);
    solo_free(&solo);
}

static void elections_need_majorities_of_both_sides(void **state)
{
    (void)state;
    for (int old_first = 0; old_first < 2; old_first++) {
        struct solo solo = solo_make(3);
        solo.restored.members = joint_members();
        solo_create(&solo);
        solo_start(&solo);
        solo_tick_deadline(&solo);
        assert_int_equal(solo_sent_count(&solo, RAFT_PRE_VOTE), 4); /* both sides are asked */
        uint32_t first = old_first ? 2 : 5, second = old_first ? 4 : 3;
        solo_vote_reply(&solo, first, RAFT_PRE_VOTE_REPLY, 2, true);
        assert_int_equal(raft_role(solo.raft), RAFT_PRE_CANDIDATE);
        solo_vote_reply(&solo, second, RAFT_PRE_VOTE_REPLY, 2, true);
        assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
        solo_durable(&solo);
        solo_vote_reply(&solo, first, RAFT_VOTE_REPLY, 2, true);
        assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
        solo_vote_reply(&solo, second, RAFT_VOTE_REPLY, 2, true);
        assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
        solo_free(&solo);
    }
}

/* Acknowledgements of heartbeats only from these two, for longer than an election timeout. */
static enum raft_role role_after_hearing_only(uint32_t a, uint32_t b)
{
    struct solo solo = leader_in_joint();
    for (uint64_t round = 4; round < 20 && raft_role(solo.raft) == RAFT_LEADER; round++) {
        solo_tick_deadline(&solo);
        if (raft_role(solo.raft) != RAFT_LEADER) break;
        solo_ack(&solo, a, 2, round);
        solo_ack(&solo, b, 2, round);
    }
    enum raft_role role = raft_role(solo.raft);
    solo_free(&solo);
    return role;
}

static void a_leader_steps_down_when_one_side_falls_silent(void **state)
{
    (void)state;
    assert_int_equal(role_after_hearing_only(4, 5), RAFT_FOLLOWER);
    assert_int_equal(role_after_hearing_only(2, 3), RAFT_FOLLOWER);
    assert_int_equal(role_after_hearing_only(2, 5), RAFT_LEADER);
}

static void what_a_removed_suffix_held_is_not_in_force(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    struct buffer data = {0}, after = {0};
    struct raft_members joint = joint_members(), target = solo_members(5);
    raft_members_encode(&joint, &data);
    raft_members_encode(&target, &after);
    struct raft_entry entries[3] = {
        {.index = 1, .term = 2, .kind = RAFT_KIND_CALLER},
        {.index = 2, .term = 2, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&data)},
        {.index = 3, .term = 2, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&after)},
    };
    solo_receive(
        &solo,
        (struct raft_message){
            .type = RAFT_APPEND, .from = 2, .term = 2, .entries = entries, .entries_count = 3});
    assert_int_equal(raft_members(solo.raft)->count, 5);
    assert_int_equal(raft_members_index(solo.raft), 3);
    solo_append(&solo, 3, 3, 2, 2, 1, 3, 1); /* replaces the third */
    assert_int_equal(raft_members_index(solo.raft), 2);
    assert_true(raft_members_joint(raft_members(solo.raft)));
    solo_append(&solo, 4, 4, 1, 2, 1, 4, 1); /* by a leader that only the new side knows */
    assert_int_equal(raft_members_index(solo.raft), 0);
    assert_int_equal(raft_members(solo.raft)->count, 3);
    assert_false(raft_members_joint(raft_members(solo.raft)));
    buffer_free(&data);
    buffer_free(&after);
    solo_free(&solo);
}

static void a_snapshot_carries_the_joint_membership_of_its_index(void **state)
{
    (void)state;
    struct solo solo = leader_in_joint();
    solo_ack(&solo, 2, 3, 3);
    solo_ack(&solo, 4, 3, 3);
    solo_durable(&solo);
    solo_ack(&solo, 4, 4, 3); /* the target, at 4, is committed */
    assert_int_equal(raft_commit_index(solo.raft), 4);
    raft_compact(solo.raft, 3);
    struct raft_members at3 = *raft_members_at(solo.raft, 3);
    assert_true(raft_members_joint(&at3));
    assert_int_equal(raft_members(solo.raft)->count, 3);
    solo_free(&solo);

    struct solo other = solo_make(3);
    other.config.self = 1;
    solo_create(&other);
    solo_start(&other);
    assert_true(raft_install_snapshot(other.raft, other.now, 3, 2, 5, 5, &at3));
    assert_true(raft_members_joint(raft_members(other.raft)));
    assert_int_equal(raft_members_index(other.raft), 3);
    solo_free(&other);
}

/* --- the leader that goes --- */

static enum raft_change_result change_to_45(struct solo *solo)
{
    struct raft_members target = solo_members(5);
    for (uint32_t id = 1; id <= 3; id++) member_drop(&target, id);
    enum raft_change_result result = raft_change_members(solo->raft, solo->now, &target);
    solo_flush(solo);
    solo_durable(solo);
    return result;
}

static void a_leader_that_goes_leads_on_without_counting_itself_and_then_steps_down(void **state)
{
    (void)state;
    struct solo solo = leader_with_ready_learners();
    assert_int_equal(change_to_45(&solo), RAFT_CHANGE_OK);
    solo_ack(&solo, 2, 3, 3);
    solo_ack(&solo, 4, 3, 3);
    assert_int_equal(raft_commit_index(solo.raft), 2); /* one of two: it is none of the new */
    solo_ack(&solo, 5, 3, 3);
    assert_int_equal(raft_commit_index(solo.raft), 3);
    assert_int_equal(raft_last_index(solo.raft), 4); /* the target is appended: it leads on */
    solo_durable(&solo);
    assert_int_equal(solo_propose(&solo, "still here"), RAFT_PROPOSE_OK);
    solo_flush(&solo);
    solo_durable(&solo);
    solo_ack(&solo, 4, 4, 3);
    assert_int_equal(raft_commit_index(solo.raft), 3);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    solo_ack(&solo, 5, 4, 3);
    assert_int_equal(raft_commit_index(solo.raft), 4);
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 4)->commit, 4); /* its last word */
    assert_int_equal(solo_sent_count(&solo, RAFT_TIMEOUT_NOW), 1); /* and its heir, one of two */
    assert_int_equal(raft_deadline_us(solo.raft), UINT64_MAX);     /* and it is silent */
    solo_free(&solo);
}

/* With C_new only in its log, and one of C_old down, no one else can be elected: the others of the
 * old side lack its vote, and their logs are behind its own (dissertation 4.2.2). */
static void a_server_that_goes_campaigns_as_long_as_the_target_may_be_uncommitted(void **state)
{
    (void)state;
    for (int committed = 0; committed < 2; committed++) {
        struct solo solo = solo_make(3);
        solo.restored.members = joint_members();
        solo.restored.members.member[0].leaving = true;
        solo_create(&solo);
        struct buffer data = {0};
        struct raft_members target = solo_members(5);
        for (uint32_t id = 1; id <= 3; id++) member_drop(&target, id);
        raft_members_encode(&target, &data);
        struct raft_entry entry = {
            .index = 1, .term = 1, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&data)};
        raft_restore_entry(solo.raft, &entry);
        if (committed) raft_restore_commit(solo.raft, 1);
        solo_start(&solo);
        if (committed) {
            assert_int_equal(raft_deadline_us(solo.raft), UINT64_MAX);
        } else {
            solo_tick_deadline(&solo);
            assert_int_equal(solo_sent_count(&solo, RAFT_PRE_VOTE), 2);
            solo_vote_reply(&solo, 4, RAFT_PRE_VOTE_REPLY, 2, true);
            assert_int_equal(raft_role(solo.raft), RAFT_PRE_CANDIDATE); /* its own is none */
            solo_vote_reply(&solo, 5, RAFT_PRE_VOTE_REPLY, 2, true);
            solo_durable(&solo);
            solo_vote_reply(&solo, 4, RAFT_VOTE_REPLY, 2, true);
            solo_vote_reply(&solo, 5, RAFT_VOTE_REPLY, 2, true);
            assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
        }
        buffer_free(&data);
        solo_free(&solo);
    }
}

/* A candidate may count on a server that does not know yet that it votes, or does no more. */
static void a_vote_is_given_by_log_and_term_whatever_the_membership_says(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo.restored.members.member[0].learner = true;
    solo_create(&solo);
    solo_start(&solo);
    assert_int_equal(raft_deadline_us(solo.raft), UINT64_MAX);
    solo_receive(&solo, (struct raft_message){
                            .type = RAFT_VOTE, .from = 7, .term = 3, .index = 1, .index_term = 1});
    assert_true(solo_sent(&solo, RAFT_VOTE_REPLY, 7)->granted);
    assert_int_equal(solo.output.vote, 7);
    solo_free(&solo);
}

static void who_restarts_as_the_last_voter_keeps_the_promises_it_may_have_given(void **state)
{
    (void)state;
    struct solo solo = solo_make(2);
    solo.restored.term = 6;
    solo_create(&solo);
    struct buffer data = {0};
    struct raft_members alone = solo_members(1);
    raft_members_encode(&alone, &data);
    struct raft_entry entry = {
        .index = 1, .term = 6, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&data)};
    raft_restore_entry(solo.raft, &entry);
    uint64_t began_us = solo.now.mono_us;
    solo_start(&solo);
    solo_durable(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER); /* 2 may lead, and be leaving */
    solo_tick_deadline(&solo);
    solo_durable(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_LEADER);
    assert_true(solo.now.mono_us - began_us >= 2 * SOLO_TIMEOUT_US);
    buffer_free(&data);
    solo_free(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_membership_is_in_force_as_soon_as_it_is_appended),
        cmocka_unit_test(an_entry_commits_by_majorities_of_both_sides),
        cmocka_unit_test(whoever_leads_appends_the_target_once_the_joint_membership_is_committed),
        cmocka_unit_test(no_step_of_a_change_is_taken_before_the_last_one_is_committed),
        cmocka_unit_test(a_new_leader_ends_the_change_that_it_finds),
        cmocka_unit_test(elections_need_majorities_of_both_sides),
        cmocka_unit_test(a_leader_steps_down_when_one_side_falls_silent),
        cmocka_unit_test(what_a_removed_suffix_held_is_not_in_force),
        cmocka_unit_test(a_snapshot_carries_the_joint_membership_of_its_index),
        cmocka_unit_test(a_leader_that_goes_leads_on_without_counting_itself_and_then_steps_down),
        cmocka_unit_test(a_server_that_goes_campaigns_as_long_as_the_target_may_be_uncommitted),
        cmocka_unit_test(a_vote_is_given_by_log_and_term_whatever_the_membership_says),
        cmocka_unit_test(who_restarts_as_the_last_voter_keeps_the_promises_it_may_have_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
