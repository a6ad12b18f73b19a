/* Dissertation, section 6.4: "Processing read-only queries more efficiently". (The rest of chapter
 * 6: test_8_clients.c, and the end of 6.2 in test_thesis_9_6_pre_vote.c.) */
#include "paper.h"

/* Leader of three in term 4 with log "1 4", settled: commit index 2. */
static struct solo settled_leader(void)
{
    struct solo server = paper_leader(3, 4, "1");
    solo_ack(&server, 2, 2, 1);
    solo_ack(&server, 3, 2, 1);
    assert_true(raft_settled(server.raft));
    return server;
}

/* Asks, and returns the ticket; *round is the round of heartbeats that this begins, or 0. */
static uint64_t ask(struct solo *server, uint64_t *round)
{
    uint64_t ticket = raft_read(server->raft, server->now);
    solo_flush(server);
    const struct raft_message *heartbeat = solo_sent(server, RAFT_APPEND, 2);
    *round = heartbeat == NULL ? 0 : heartbeat->round;
    return ticket;
}

/* "1. If the leader has not yet marked an entry from its current term committed, it waits until it
 * has done so." Its no-op is entry 2: nothing before that may answer. */
static void a_read_waits_until_an_entry_of_the_current_term_is_committed(void **state)
{
    struct solo server = paper_leader(3, 4, "1");
    uint64_t round;
    uint64_t ticket = ask(&server, &round);
    solo_ack(&server, 2, 0, round); /* it is the leader, but what is committed? */
    solo_ack(&server, 3, 0, round);
    bool may_answer = server.output.reads_confirmed >= ticket &&
                      raft_commit_index(server.raft) >= server.output.reads_index;
    assert_false(may_answer);
    solo_ack(&server, 2, 2, round);
    assert_int_equal(server.output.reads_confirmed, ticket);
    assert_int_equal(server.output.reads_index, 2);
    assert_int_equal(raft_commit_index(server.raft), 2);
    solo_free(&server);
}

/* "2. The leader saves its current commit index in a local variable readIndex. This will be used as
 * a lower bound for the version of the state that the query operates against." */
static void the_leader_saves_its_current_commit_index(void **state)
{
    struct solo server = settled_leader();
    solo_propose(&server, "x");
    solo_flush(&server);
    solo_durable(&server);
    solo_ack(&server, 2, 3, 1);
    assert_int_equal(raft_commit_index(server.raft), 3);
    solo_propose(&server, "y"); /* is under way when the question is asked */
    solo_flush(&server);
    solo_durable(&server);
    uint64_t round;
    uint64_t ticket = ask(&server, &round);
    solo_ack(&server, 2, 4, round);
    assert_int_equal(server.output.reads_confirmed, ticket);
    assert_int_equal(server.output.reads_index, 3);
    solo_free(&server);
}

/* "3. [...] It issues a new round of heartbeats and waits for their acknowledgments from a majority
 * of the cluster." */
static void a_new_round_of_heartbeats_is_acknowledged_by_a_majority(void **state)
{
    struct solo server = settled_leader();
    solo_tick_deadline(&server);
    uint64_t earlier = solo_sent(&server, RAFT_APPEND, 2)->round;
    uint64_t round;
    uint64_t ticket = ask(&server, &round);
    assert_true(round > earlier);
    solo_ack(&server, 2, 2, earlier);
    solo_ack(&server, 3, 2, earlier);
    assert_true(server.output.reads_confirmed < ticket);
    solo_ack(&server, 3, 2, round);
    assert_int_equal(server.output.reads_confirmed, ticket);
    solo_free(&server);
}

/* "If the partitioned leader responded to a read-only query without consulting the other servers,
 * it would return stale results, which are not linearizable." */
static void a_partitioned_leader_does_not_respond(void **state)
{
    struct solo server = settled_leader();
    uint64_t round;
    uint64_t ticket = ask(&server, &round);
    while (raft_role(server.raft) == RAFT_LEADER) {
        solo_tick_deadline(&server); /* nobody answers */
        assert_true(server.output.reads_confirmed < ticket);
    }
    uint64_t index;
    assert_false(raft_read_lease(server.raft, server.now, &index));
    solo_free(&server);
}

/* "To amortize its cost, [...] it can use a single round of heartbeats for any number of read-only
 * queries that it has accumulated." */
static void a_single_round_serves_any_number_of_accumulated_queries(void **state)
{
    struct solo server = settled_leader();
    uint64_t first_round, round;
    uint64_t first = ask(&server, &first_round);
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        last = ask(&server, &round);
        assert_int_equal(round, 0); /* no more messages, while that round is under way */
    }
    solo_ack(&server, 2, 2, first_round);
    assert_int_equal(server.output.reads_confirmed, first);
    assert_int_equal(solo_sent_count(&server, RAFT_APPEND), 2);
    solo_ack(&server, 2, 2, first_round + 1);
    assert_int_equal(server.output.reads_confirmed, last);
    solo_free(&server);
}

/* "The follower could issue a request to the leader that just asked for a current readIndex." */
static void a_follower_asks_the_leader_for_a_current_read_index(void **state)
{
    struct solo server = paper_follower(3, 4, "1 4", 2);
    uint64_t ticket = raft_read(server.raft, server.now);
    solo_flush(&server);
    const struct raft_message *request = solo_sent(&server, RAFT_READ, 2);
    assert_non_null(request);
    uint64_t number = request->round;
    assert_true(server.output.reads_confirmed < ticket);
    solo_receive(&server, (struct raft_message){.type = RAFT_READ_REPLY,
                                                .from = 2,
                                                .term = 4,
                                                .granted = true,
                                                .round = number,
                                                .index = 9});
    assert_int_equal(server.output.reads_confirmed, ticket);
    assert_int_equal(server.output.reads_index, 9); /* and waits to have applied that much */
    solo_free(&server);

    server = settled_leader(); /* "the leader would execute steps 1-3" */
    solo_receive(&server,
                 (struct raft_message){.type = RAFT_READ, .from = 3, .term = 4, .round = 77});
    assert_null(solo_sent(&server, RAFT_READ_REPLY, 3));
    uint64_t round = solo_sent(&server, RAFT_APPEND, 2)->round;
    solo_ack(&server, 2, 2, round);
    assert_int_equal(solo_sent(&server, RAFT_READ_REPLY, 3)->round, 77);
    assert_int_equal(solo_sent(&server, RAFT_READ_REPLY, 3)->index, 2);
    solo_free(&server);
}

/* 6.4.1: "it would extend its lease to start + election timeout / clock drift bound, since the
 * followers shouldn't time out before then." From the sending, not from the answer. */
static void a_lease_lasts_from_the_sending_for_a_timeout_less_the_drift(void **state)
{
    struct solo server = solo_make(3);
    server.config.clock_drift_permille = 100; /* a tenth */
    server.restored.term = 1;
    solo_create(&server);
    solo_start(&server);
    paper_campaign(&server);
    paper_win(&server);
    solo_durable(&server);
    uint64_t start_us = server.now.mono_us; /* of round 1 */
    uint64_t index;
    server.now.mono_us += SOLO_TIMEOUT_US / 2;
    assert_false(raft_read_lease(server.raft, server.now, &index));
    solo_ack(&server, 2, 1, 1);
    assert_true(raft_read_lease(server.raft, server.now, &index));
    server.now.mono_us =
        start_us + SOLO_TIMEOUT_US * 9 / 10 - 3; /* two clocks, whole microseconds */
    assert_true(raft_read_lease(server.raft, server.now, &index));
    server.now.mono_us += 3;
    assert_false(raft_read_lease(server.raft, server.now, &index));
    solo_free(&server);
}

/* 6.4.1: "a leader would need to expire its lease before transferring leadership." */
static void the_lease_expires_before_leadership_is_transferred(void **state)
{
    struct solo server = settled_leader();
    uint64_t index;
    assert_true(raft_read_lease(server.raft, server.now, &index));
    raft_transfer(server.raft, server.now, 2);
    solo_flush(&server);
    assert_non_null(solo_sent(&server, RAFT_TIMEOUT_NOW, 2));
    assert_false(raft_read_lease(server.raft, server.now, &index));
    solo_tick_deadline(&server); /* nor does it get a new one while the target may win */
    uint64_t round = solo_sent(&server, RAFT_APPEND, 3)->round;
    solo_ack(&server, 2, 2, round);
    solo_ack(&server, 3, 2, round);
    assert_false(raft_read_lease(server.raft, server.now, &index));
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_waits_until_an_entry_of_the_current_term_is_committed),
        cmocka_unit_test(the_leader_saves_its_current_commit_index),
        cmocka_unit_test(a_new_round_of_heartbeats_is_acknowledged_by_a_majority),
        cmocka_unit_test(a_partitioned_leader_does_not_respond),
        cmocka_unit_test(a_single_round_serves_any_number_of_accumulated_queries),
        cmocka_unit_test(a_follower_asks_the_leader_for_a_current_read_index),
        cmocka_unit_test(a_lease_lasts_from_the_sending_for_a_timeout_less_the_drift),
        cmocka_unit_test(the_lease_expires_before_leadership_is_transferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
