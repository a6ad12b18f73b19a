/* Changes of the membership of whole clusters, under load (src/raft/change.c). */
#include "raft_members.h"
#include "raft_world.h"

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
        cmocka_unit_test(a_cluster_grows_from_three_to_five_and_sheds_its_leader),
        cmocka_unit_test(a_removed_server_that_does_not_know_it_disturbs_no_one),
        cmocka_unit_test(a_change_outlives_the_leader_that_began_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
