/* Section 8: "Client interaction". Serial numbers, by which a command is executed once, are not
 * Raft's: src/node/group/proposals.c and the machines keep them. */
#include "paper.h"

/* "If the client's first choice is not the leader, that server will reject the client's request and
 * supply information about the most recent leader it has heard from." */
static void another_server_rejects_the_request_and_names_the_leader(void **state)
{
    struct solo server = paper_follower(5, 3, "1", 4);
    assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_NOT_LEADER);
    assert_int_equal(raft_leader(server.raft), 4);
    paper_append(&server, 4, 1, 1, "", 0); /* from 2, of a later term */
    assert_int_equal(raft_leader(server.raft), 2);
    solo_free(&server);
}

/* "A leader must have the latest information on which entries are committed. [...] Raft handles
 * this by having each leader commit a blank no-op entry into the log at the start of its term." */
static void each_leader_commits_a_blank_no_op_at_the_start_of_its_term(void **state)
{
    struct solo server = paper_elected(3, 4, "1 2 3");
    const struct raft_entry *noop = raft_entry_at(server.raft, 4);
    assert_int_equal(noop->kind, RAFT_KIND_NOOP);
    assert_int_equal(noop->term, 4);
    assert_int_equal(noop->data.size, 0);
    assert_int_equal(server.output.persist_first, 4);
    assert_false(raft_settled(server.raft)); /* it does not know yet what is committed */
    solo_durable(&server);
    solo_ack(&server, 2, 4, 1);
    assert_true(raft_settled(server.raft));
    assert_int_equal(raft_commit_index(server.raft), 4);
    solo_free(&server);
}

/* "A leader must check whether it has been deposed before processing a read-only request (its
 * information may be stale if a more recent leader has been elected). Raft handles this by having
 * the leader exchange heartbeat messages with a majority of the cluster before responding to
 * read-only requests." */
static void a_read_waits_for_heartbeats_exchanged_with_a_majority(void **state)
{
    struct solo server = paper_leader(5, 4, "1");
    for (uint32_t id = 2; id <= 5; id++) solo_ack(&server, id, 2, 1);
    uint64_t ticket = raft_read(server.raft, server.now);
    solo_flush(&server);
    uint64_t round = solo_sent(&server, RAFT_APPEND, 2)->round;
    assert_int_equal(solo_sent_count(&server, RAFT_APPEND), 4);
    solo_ack(&server, 2, 2, round - 1); /* an answer to what was sent before the question */
    solo_ack(&server, 3, 2, round - 1);
    assert_true(server.output.reads_confirmed < ticket);
    solo_ack(&server, 2, 2, round);
    assert_true(server.output.reads_confirmed < ticket); /* two of five */
    solo_ack(&server, 3, 2, round);
    assert_int_equal(server.output.reads_confirmed, ticket);
    solo_free(&server);

    server = paper_leader(3, 4, "1"); /* deposed: it never may answer */
    solo_ack(&server, 2, 2, 1);
    ticket = raft_read(server.raft, server.now);
    solo_flush(&server);
    solo_receive(&server, (struct raft_message){.type = RAFT_APPEND_REPLY, .from = 3, .term = 5});
    solo_ack(&server, 2, 2, 2);
    assert_true(server.output.reads_confirmed < ticket);
    solo_free(&server);
}

/* "Alternatively, the leader could rely on the heartbeat mechanism to provide a form of lease, but
 * this would rely on timing for safety (it assumes bounded clock skew)." */
static void a_lease_relies_on_the_heartbeat_mechanism(void **state)
{
    struct solo server = paper_leader(3, 4, "1");
    uint64_t index = 0;
    assert_false(raft_read_lease(server.raft, server.now, &index)); /* nobody has answered */
    solo_ack(&server, 2, 2, 1);
    assert_true(raft_read_lease(server.raft, server.now, &index));
    assert_int_equal(index, 2);
    server.now.mono_us += SOLO_TIMEOUT_US;
    assert_false(raft_read_lease(server.raft, server.now, &index));
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_server_rejects_the_request_and_names_the_leader),
        cmocka_unit_test(each_leader_commits_a_blank_no_op_at_the_start_of_its_term),
        cmocka_unit_test(a_read_waits_for_heartbeats_exchanged_with_a_majority),
        cmocka_unit_test(a_lease_relies_on_the_heartbeat_mechanism),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
