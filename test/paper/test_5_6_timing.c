/* Section 5.6: "Timing and availability". broadcastTime << electionTimeout << MTBF. */
#include "../unit/raft/raft_world.h"
#include "paper.h"

/* "Raft will be able to elect and maintain a steady leader as long as the system satisfies the
 * following timing requirement." Here a broadcast takes up to a tenth of the timeout. */
static void a_steady_leader_as_long_as_the_timing_requirement_holds(void **state)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world *world = world_make(5, seed);
        world->delay_us_max = WORLD_TIMEOUT_US / 30; /* there, to the disk, and back */
        world->write_us_max = WORLD_TIMEOUT_US / 30;
        uint32_t leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
        assert_int_not_equal(leader, 0);
        uint32_t elections = world->elections;
        for (uint64_t i = 0; i < 200; i++) {
            assert_true(world_propose(world, leader, i));
            world_run(world, WORLD_TIMEOUT_US / 2);
        }
        assert_int_equal(world->elections, elections);
        world_free(world);
    }
}

/* "Safety must not depend on timing: the system must not produce incorrect results just because
 * some event happens more quickly or slowly than expected." Here messages take longer than the
 * timeout: leaders come and go, or none comes, and nothing that is committed changes. */
static void safety_does_not_depend_on_timing(void **state)
{
    uint64_t committed = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world *world = world_make(3, seed);
        assert_int_not_equal(world_elect(world, 4 * WORLD_TIMEOUT_US), 0);
        world->delay_us_max = 3 * WORLD_TIMEOUT_US;
        world->write_us_max = 2 * WORLD_TIMEOUT_US;
        for (uint64_t i = 0; i < 100; i++) {
            for (uint32_t id = 1; id <= 3; id++) world_propose(world, id, 3 * i + id);
            world_run(world, WORLD_TIMEOUT_US);
        }
        committed += world->truth.count;
        world_free(world);
    }
    assert_true(committed > 20 * 3); /* not because nothing ever happened */
}

/* "When the leader crashes, the system will be unavailable for roughly the election timeout." */
static void without_the_leader_it_is_unavailable_for_roughly_the_timeout(void **state)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct world *world = world_make(5, seed);
        uint32_t leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
        world_run(world, 2 * WORLD_TIMEOUT_US);
        world_crash(world, leader, 0);
        uint64_t crashed_us = world->now_us;
        assert_int_not_equal(world_elect(world, 8 * WORLD_TIMEOUT_US), 0);
        uint64_t unavailable_us = world->now_us - crashed_us;
        assert_true(unavailable_us > WORLD_TIMEOUT_US / 2);
        assert_true(unavailable_us < 4 * WORLD_TIMEOUT_US); /* one split vote at most */
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_leader_as_long_as_the_timing_requirement_holds),
        cmocka_unit_test(safety_does_not_depend_on_timing),
        cmocka_unit_test(without_the_leader_it_is_unavailable_for_roughly_the_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
