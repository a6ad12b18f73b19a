/* Dissertation, chapter 5: "Log compaction", where it says more than the paper's section 7. */
#include "../unit/raft/raft_world.h"
#include "paper.h"

/* "Each server compacts the committed prefix of its log independently." */
static void each_server_compacts_the_committed_prefix_independently(void **state)
{
    struct world *world = world_make(3, 6);
    uint32_t leader = world_elect(world, 4 * WORLD_TIMEOUT_US);
    for (uint64_t i = 0; i < 30; i++) world_propose(world, leader, i);
    world_run(world, WORLD_TIMEOUT_US);
    uint32_t other = leader % 3 + 1, third = other % 3 + 1;
    world_compact(world, other);
    assert_true(raft_first_index(world->nodes[other].raft) > 30);
    assert_int_equal(raft_first_index(world->nodes[leader].raft), 1);
    for (uint64_t i = 0; i < 30; i++) world_propose(world, leader, i);
    world_run(world, WORLD_TIMEOUT_US);
    world_compact(world, leader);
    world_run(world, WORLD_TIMEOUT_US);
    assert_int_equal(raft_first_index(world->nodes[third].raft), 1);
    for (uint32_t id = 1; id <= 3; id++) { /* and they agree as ever: the world compares */
        assert_int_equal(raft_commit_index(world->nodes[id].raft), world->truth.count);
    }
    world_free(world);
}

/* "Raft retains the index and term of the last entry it discarded; this anchors the rest of the
 * log in place after the state machine's state". */
static void the_last_discarded_index_and_term_anchor_the_rest_of_the_log(void **state)
{
    struct solo server = paper_leader(1, 5, "1 2 3 4");
    assert_int_equal(raft_commit_index(server.raft), 5);
    for (uint64_t index = 1; index <= 5; index++) {
        raft_compact(server.raft, index);
        assert_int_equal(raft_first_index(server.raft), index + 1);
        assert_int_equal(raft_term_at(server.raft, index), index);
        assert_int_equal(raft_last_index(server.raft), 5);
    }
    solo_propose(&server, "x"); /* also when nothing else is left */
    assert_int_equal(raft_last_index(server.raft), 6);
    assert_int_equal(raft_term_at(server.raft, 6), 5);
    solo_free(&server);
}

/* A snapshot may be durable before the entries that it covers are; the log gives up no entry whose
 * write is under way ("write the snapshot, then discard": 5.1). */
static void only_durable_entries_are_discarded(void **state)
{
    struct solo server = paper_elected(3, 2, "1"); /* entry 2 is being written */
    solo_ack(&server, 2, 2, 1);
    solo_ack(&server, 3, 2, 1); /* committed by the others */
    assert_int_equal(raft_commit_index(server.raft), 2);
    raft_compact(server.raft, 2);
    assert_int_equal(raft_first_index(server.raft), 2);
    solo_durable(&server);
    raft_compact(server.raft, 2);
    assert_int_equal(raft_first_index(server.raft), 3);
    solo_free(&server);
}

/* "It is not feasible to defer compaction until log entries have been 'fully replicated' to every
 * member in the cluster", though it is worth waiting for those that follow closely. */
static void compaction_need_not_wait_for_a_silent_member(void **state)
{
    struct solo server = paper_leader(3, 2, "1 1");
    solo_ack(&server, 2, 3, 1);
    assert_int_equal(raft_replicated_index(server.raft), 0); /* 3 may answer yet */
    for (int i = 0; i < 15; i++) {
        solo_tick_deadline(&server);
        solo_ack(&server, 2, 3, solo_sent(&server, RAFT_APPEND, 2)->round);
    }
    assert_int_equal(raft_replicated_index(server.raft), 3); /* it does not hold us back */
    raft_compact(server.raft, 3);
    assert_int_equal(raft_first_index(server.raft), 4);
    paper_refuse(&server, 3, 0, 0); /* and gets a snapshot when it returns */
    solo_flush(&server);
    assert_int_equal(raft_snapshot_wanted(server.raft, 0), 3);
    assert_int_equal(raft_replicated_index(server.raft), 0);
    solo_free(&server);
}

/* "We recommend taking snapshots after applying every log entry during development, since that can
 * help catch bugs quickly." (5.1.3) */
static void snapshots_after_every_entry_catch_no_bug(void **state)
{
    uint64_t committed = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world *world = world_make(3, seed);
        world->loss_permille = 50;
        for (uint64_t i = 0; i < 200; i++) {
            uint32_t leader = world_leader(world);
            if (leader != 0) world_propose(world, leader, i);
            world_run(world, 10 * WORLD_MS);
            for (uint32_t id = 1; id <= 3; id++) {
                if (world->nodes[id].raft != NULL) world_compact(world, id);
            }
            uint32_t id = 1 + (uint32_t)(i / 60);
            if (i % 60 == 40) world_crash(world, id, (uint32_t)world_random(world, 2));
            if (i % 60 == 59) world_start(world, id);
        }
        for (uint32_t id = 1; id <= 3; id++) {
            if (world->nodes[id].raft == NULL) world_start(world, id);
        }
        world->loss_permille = 0;
        world_run(world, 20 * WORLD_TIMEOUT_US);
        committed += world->truth.count;
        for (uint32_t id = 1; id <= 3; id++) {
            assert_int_equal(world->nodes[id].applied, world->truth.count);
        }
        world_free(world);
    }
    assert_true(committed > 50 * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_server_compacts_the_committed_prefix_independently),
        cmocka_unit_test(the_last_discarded_index_and_term_anchor_the_rest_of_the_log),
        cmocka_unit_test(only_durable_entries_are_discarded),
        cmocka_unit_test(compaction_need_not_wait_for_a_silent_member),
        cmocka_unit_test(snapshots_after_every_entry_catch_no_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
