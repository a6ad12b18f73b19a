/* Section 5.5: "Follower and candidate crashes". */
#include "../unit/raft/raft_world.h"
#include "paper.h"

/* "If a follower or candidate crashes, then future RequestVote and AppendEntries RPCs sent to it
 * will fail. Raft handles these failures by retrying indefinitely; if the crashed server restarts,
 * then the RPC will complete successfully." */
static void requests_to_a_crashed_server_are_retried_until_it_restarts(void **state)
{
    struct world *world = world_make(3, 8);
    uint32_t leader = world_elect(world, 4 * WORLD_TIMEOUT_US);
    uint32_t down = leader % 3 + 1, other = down % 3 + 1;
    world_crash(world, down, 0);
    for (uint64_t i = 0; i < 20; i++) world_propose(world, leader, i); /* AppendEntries */
    world_run(world, 50 * WORLD_TIMEOUT_US);
    world_start(world, down);
    world_run(world, WORLD_TIMEOUT_US);
    assert_int_equal(raft_commit_index(world->nodes[down].raft), world->truth.count);

    world_crash(world, down, 0);
    world_crash(world, leader, 0);
    world_run(world, 50 * WORLD_TIMEOUT_US); /* RequestVote: `other` asks, and nobody answers */
    assert_int_equal(world_leader(world), 0);
    world_start(world, down);
    assert_int_not_equal(world_elect(world, 8 * WORLD_TIMEOUT_US), 0);
    assert_true(raft_term(world->nodes[other].raft) >= 3);
    world_free(world);
}

/* The same server after a crash: its disk holds its term, its vote and this log. */
static struct solo restarted(const struct solo *before, const char *log)
{
    struct solo server = solo_make(3);
    server.restored.term = raft_term(before->raft);
    server.restored.vote = raft_vote(before->raft);
    solo_create(&server);
    uint64_t term;
    for (uint64_t i = 1; (term = paper_next_term(&log)) != 0; i++) solo_restore(&server, i, term);
    solo_start(&server);
    server.now.mono_us += 2 * SOLO_TIMEOUT_US;
    return server;
}

/* "If a server crashes after completing an RPC but before responding, then it will receive the
 * same RPC again after it restarts. Raft RPCs are idempotent, so this causes no harm." */
static void a_request_repeated_after_a_restart_causes_no_harm(void **state)
{
    struct solo before = paper_server(3, 2, "1");
    assert_true(paper_ask_vote(&before, 2, 3, 1, 1)->granted);
    struct solo server = restarted(&before, "1");
    assert_true(paper_ask_vote(&server, 2, 3, 1, 1)->granted); /* it is the same vote */
    assert_false(paper_ask_vote(&server, 3, 3, 1, 1)->granted);
    solo_free(&before);

    before = server;
    assert_int_equal(paper_append(&before, 3, 1, 1, "3 3", 0)->index, 3);
    server = restarted(&before, "1 3 3");
    const struct raft_message *reply = paper_append(&server, 3, 1, 1, "3 3", 0);
    assert_true(reply->granted);
    assert_int_equal(reply->index, 3);
    assert_int_equal(server.output.persist_first, 0); /* there was nothing to do */
    paper_assert_log(&server, "1 3 3");
    solo_free(&before);
    solo_free(&server);
}

/* "For example, if a follower receives an AppendEntries request that includes log entries already
 * present in its log, it ignores those entries in the new request." */
static void entries_already_present_are_ignored(void **state)
{
    struct solo server = paper_follower(3, 3, "1 2 3 3", 2);
    const struct raft_message *reply = paper_append(&server, 3, 1, 1, "2 3", 0);
    assert_int_equal(reply->index, 3);
    assert_int_equal(server.output.persist_first, 0);
    paper_assert_log(&server, "1 2 3 3"); /* and what follows them stays */
    paper_append(&server, 3, 3, 3, "3 3", 0);
    paper_assert_log(&server, "1 2 3 3 3");
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_to_a_crashed_server_are_retried_until_it_restarts),
        cmocka_unit_test(a_request_repeated_after_a_restart_causes_no_harm),
        cmocka_unit_test(entries_already_present_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
