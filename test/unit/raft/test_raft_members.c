/* Changes of the membership (src/raft/change.c): joint consensus, learners, servers that go. */
#include "raft_solo.h"
#include "raft_world.h"

/* --- one replica --- */

static void member_set(struct raft_members *members, uint32_t id, bool learner)
{
    uint32_t at = 0;
    while (at < members->count && members->member[at].id < id) at++;
    if (at == members->count || members->member[at].id != id) {
        for (uint32_t i = members->count++; i > at; i--)
            members->member[i] = members->member[i - 1];
    }
    members->member[at] =
        (struct raft_member){.id = id, .learner = learner, .address_size = 1, .address = "x"};
}

static void member_drop(struct raft_members *members, uint32_t id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id != id) members->member[kept++] = members->member[i];
    }
    members->count = kept;
}

/* Voters 1, 2 and 3, the first of which leads, settled, everything committed; and learners 4 and 5
 * as yet unheard. The last index is 2. */
static struct solo leader_with_learners(void)
{
    struct solo solo = solo_leading(3);
    solo_ack(&solo, 2, 1, 1);
    struct raft_members target = *raft_members(solo.raft);
    member_set(&target, 4, true);
    member_set(&target, 5, true);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_OK);
    solo_flush(&solo);
    solo_durable(&solo);
    solo_ack(&solo, 2, 2, 1);
    assert_int_equal(raft_commit_index(solo.raft), 2);
    return solo;
}

/* A heartbeat, answered by all: each says that it holds all up to `index`. */
static void round_of_acks(struct solo *solo, uint64_t index, uint64_t round)
{
    solo_tick_deadline(solo);
    for (uint32_t id = 2; id <= 5; id++) solo_ack(solo, id, index, round);
}

static struct solo leader_with_ready_learners(void)
{
    struct solo solo = leader_with_learners();
    round_of_acks(&solo, 2, 2);
    round_of_acks(&solo, 2, 3);
    return solo;
}

/* To {1, 4, 5}: both sides hold the leader, and neither majority is within the other. */
static enum raft_change_result change_to_145(struct solo *solo)
{
    struct raft_members target = solo_members(5);
    member_drop(&target, 2);
    member_drop(&target, 3);
    enum raft_change_result result = raft_change_members(solo->raft, solo->now, &target);
    solo_flush(solo);
    return result;
}

static struct solo leader_in_joint(void)
{
    struct solo solo = leader_with_ready_learners();
    assert_int_equal(change_to_145(&solo), RAFT_CHANGE_OK);
    solo_durable(&solo);
    return solo;
}

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

/* --- whole clusters --- */

static void voters(struct raft_members *members, uint32_t from, uint32_t to)
{
    *members = (struct raft_members){0};
    for (uint32_t id = from; id <= to; id++) member_set(members, id, false);
}

/* By whoever leads, again and again until it is committed. Load runs all the while. */
static void world_change(struct world *world, const struct raft_members *target)
{
    uint64_t until_us = world->now_us + 40 * WORLD_TIMEOUT_US;
    for (uint64_t value = 1000;; value++) {
        assert_true(world->now_us < until_us);
        uint32_t leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
        assert_int_not_equal(leader, 0);
        struct raft *raft = world->nodes[leader].raft;
        enum raft_change_result result = raft_change_members(raft, world_time(world), target);
        world_flush(world, leader);
        world_propose(world, leader, value);
        world_run(world, WORLD_HEARTBEAT_US);
        if (result == RAFT_CHANGE_NOTHING_TO_DO) return;
    }
}

static void a_cluster_grows_from_three_to_five_and_sheds_its_leader(void **state)
{
    (void)state;
    struct world *world = world_found(5, 3, 21);
    struct raft_members target;
    voters(&target, 1, 3);
    member_set(&target, 4, true);
    member_set(&target, 5, true);
    world_change(world, &target);
    voters(&target, 1, 5);
    world_change(world, &target);
    assert_true(raft_trusted(world->nodes[4].raft) && raft_trusted(world->nodes[5].raft));
    uint32_t old = world_elect(world, 8 * WORLD_TIMEOUT_US);
    member_drop(&target, old);
    member_drop(&target, old % 5 + 1);
    world_change(world, &target);
    uint32_t leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
    assert_true(leader != 0 && leader != old);
    uint64_t term = raft_term(world->nodes[leader].raft);
    world_run(world, 20 * WORLD_TIMEOUT_US);
    assert_int_equal(world_leader(world), leader); /* who was removed is harmless */
    assert_int_equal(raft_term(world->nodes[leader].raft), term);
    assert_true(world_propose(world, leader, 77));
    world_run(world, 5 * WORLD_HEARTBEAT_US);
    assert_int_equal(world->nodes[leader].applied, world->truth.count);
    world_free(world);
}

/* The server that was away while it was removed (dissertation 4.2.3): it knows nothing, times out,
 * and asks for votes. */
static void a_removed_server_that_does_not_know_it_disturbs_no_one(void **state)
{
    (void)state;
    struct world *world = world_found(4, 4, 22);
    uint32_t leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
    uint32_t away = leader % 4 + 1;
    world_cut(world, away, true);
    struct raft_members target;
    voters(&target, 1, 4);
    member_drop(&target, away);
    world_change(world, &target);
    uint64_t term = raft_term(world->nodes[leader].raft);
    world_cut(world, away, false);
    uint64_t asked = world->sent[RAFT_PRE_VOTE];
    for (uint64_t i = 0; i < 50; i++) {
        world_propose(world, leader, i);
        world_run(world, WORLD_TIMEOUT_US);
        assert_int_equal(world_leader(world), leader);
    }
    assert_true(world->sent[RAFT_PRE_VOTE] > asked + 20); /* it did try */
    assert_int_equal(raft_term(world->nodes[leader].raft), term);
    assert_int_equal(world->sent[RAFT_VOTE], 3); /* those of the first election */
    /* Nor when there is no leader: its log is behind. */
    world_crash(world, leader, 0);
    uint32_t next = world_elect(world, 8 * WORLD_TIMEOUT_US);
    assert_true(next != 0 && next != away && next != leader);
    world_free(world);
}

/* A leader that never hears of its own success: the change ends under another. */
static void a_change_outlives_the_leader_that_began_it(void **state)
{
    (void)state;
    struct world *world = world_found(5, 3, 23);
    struct raft_members target;
    voters(&target, 1, 3);
    member_set(&target, 4, true);
    member_set(&target, 5, true);
    world_change(world, &target);
    uint32_t leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
    voters(&target, 1, 5);
    member_drop(&target, leader);
    world_run(world, 4 * WORLD_TIMEOUT_US);
    struct raft *raft = world->nodes[leader].raft;
    assert_int_equal(raft_change_members(raft, world_time(world), &target), RAFT_CHANGE_OK);
    uint64_t joint = raft_members_index(raft);
    world_flush(world, leader);
    while (raft_commit_index(raft) < joint) assert_true(world_step(world, UINT64_MAX));
    world_crash(world, leader, 0);
    world_run(world, 10 * WORLD_TIMEOUT_US);
    uint32_t next = world_elect(world, 8 * WORLD_TIMEOUT_US);
    assert_int_not_equal(next, 0);
    assert_false(raft_members_joint(raft_members(world->nodes[next].raft)));
    assert_int_equal(raft_members(world->nodes[next].raft)->count, 4);
    world_free(world);
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
        cmocka_unit_test(learners_get_the_log_and_count_for_nothing),
        cmocka_unit_test(a_learner_votes_only_once_its_last_round_was_short),
        cmocka_unit_test(a_learner_must_be_trusted_to_be_promoted),
        cmocka_unit_test(a_change_says_why_it_cannot_be),
        cmocka_unit_test(a_change_waits_until_leadership_is_handed_over),
        cmocka_unit_test(voters_that_stay_must_be_a_quorum_that_works),
        cmocka_unit_test(a_member_moves_to_another_address_by_one_entry),
        cmocka_unit_test(what_is_known_of_a_follower_outlives_a_change),
        cmocka_unit_test(a_cluster_grows_from_three_to_five_and_sheds_its_leader),
        cmocka_unit_test(a_removed_server_that_does_not_know_it_disturbs_no_one),
        cmocka_unit_test(a_change_outlives_the_leader_that_began_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
