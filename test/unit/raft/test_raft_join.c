/* Joining two memberships (src/raft/change.c) where numbers of nodes are as high as can be. */
#include "raft_solo.h"

static void acks_of_all(struct solo *solo, uint64_t index, uint64_t round)
{
    static const uint32_t others[] = {2, 3, UINT32_MAX};
    for (unsigned i = 0; i < 3; i++) solo_ack(solo, others[i], index, round);
}

/* Both steps of a change, if it has two. */
static void change_to(struct solo *solo, const struct raft_members *target)
{
    assert_int_equal(raft_change_members(solo->raft, solo->now, target), RAFT_CHANGE_OK);
    for (int step = 0; step < 2; step++) {
        solo_flush(solo);
        solo_durable(solo);
        acks_of_all(solo, raft_last_index(solo->raft), 1);
    }
    assert_int_equal(raft_commit_index(solo->raft), raft_last_index(solo->raft));
}

static void the_highest_number_leaves_like_any_other(void **state)
{
    (void)state;
    struct solo solo = solo_leading(3);
    solo_ack(&solo, 2, 1, 1);
    struct raft_members target = *raft_members(solo.raft);
    target.member[target.count++] =
        (struct raft_member){.id = UINT32_MAX, .learner = true, .address_size = 1, .address = "x"};
    change_to(&solo, &target);
    for (uint64_t round = 2; round <= 3; round++) {
        solo_tick_deadline(&solo);
        acks_of_all(&solo, raft_last_index(solo.raft), round);
    }
    target.member[3].learner = false;
    change_to(&solo, &target);
    target = *raft_members(solo.raft);
    assert_int_equal(target.count, 4);
    target.count--;
    assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_OK);
    const struct raft_members *joint = raft_members(solo.raft);
    assert_int_equal(joint->count, 4);
    assert_true(joint->member[3].outgoing && joint->member[3].leaving);
    solo_free(&solo);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_number_leaves_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
