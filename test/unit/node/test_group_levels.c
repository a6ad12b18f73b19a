/* Writes that a leader acknowledges alone, reads behind a position of the log, and how many voters
 * have what, played by hand (node/group/receipts.c, reads.c, group.c). */
#include "group_solo.h"

static struct group_solo solo;

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    return 0;
}

static bool early(uint32_t connection, const char *text)
{
    return group_propose_early(solo.group, &(struct group_question){.connection = connection,
                                                                    .place = 100 + connection,
                                                                    .command = slice_text(text)});
}

static uint64_t last_index(void)
{
    return raft_last_index(group_raft(solo.group));
}

/* Another leads, in this term, with a log that agrees with ours up to `index`, of `index_term`. */
static void depose(uint64_t term, uint64_t index, uint64_t index_term)
{
    group_solo_follow(&solo, term, index, index_term, 0, index);
    assert_int_equal(raft_role(group_raft(solo.group)), RAFT_FOLLOWER);
}

/* It leads in term 2, and has applied entry 1 or so: what it says next is of the test. */
static void lead(void)
{
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    group_solo_forget(&solo);
}

/* --- writes --- */

static void test_a_leader_acknowledges_what_it_has_on_disk_itself(void **state)
{
    (void)state;
    lead();
    assert_true(early(5, "pa"));
    group_solo_turn(&solo);
    group_solo_said(&solo, ""); /* it is written, and not durable */
    uint64_t index = last_index();
    group_solo_durable(&solo);
    char line[64];
    snprintf(line, sizeof line, "early 5/105 2:%u\n", (unsigned)index);
    group_solo_said(&solo, line);
    assert_true(group_replica(solo.group)->index < index); /* nobody else has it */
    group_solo_commit(&solo);
    group_solo_said(&solo, "answer 0 pa\n"); /* nobody's */
    assert_true(group_idle(solo.group));
}

static void test_others_wait_for_a_majority_all_the_same(void **state)
{
    (void)state;
    lead();
    group_propose(solo.group, 6, slice_text("pb"));
    early(5, "pa");
    group_propose(solo.group, 7, slice_text("pc"));
    group_solo_turn(&solo);
    uint64_t index = last_index();
    group_solo_durable(&solo);
    char line[64];
    snprintf(line, sizeof line, "early 5/105 2:%u\n", (unsigned)index);
    group_solo_said(&solo, line);
    group_solo_commit(&solo);
    group_solo_said(&solo, "answer 6 pb\nanswer 0 pa\nanswer 7 pc\n");
}

static void test_only_a_leader_does(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    assert_false(early(5, "pa"));
    group_solo_follow(&solo, 2, 0, 0, 1, 1);
    assert_false(early(5, "pa"));
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    assert_true(group_idle(solo.group));
}

/* It was on this leader's disk alone, and the next leader's log has something else there. What
 * comes back is carried out by nobody: what was acknowledged meanwhile stays on top. */
static void test_it_is_lost_with_its_term_and_not_carried_out_late(void **state)
{
    (void)state;
    lead();
    uint64_t index = last_index();
    early(5, "pa");
    group_propose(solo.group, 6, slice_text("pb"));
    group_solo_turn(&solo);
    group_solo_durable(&solo);
    group_solo_forget(&solo);
    depose(3, index, 2);
    for (int i = 0; i < 4 && raft_role(group_raft(solo.group)) != RAFT_LEADER; i++) {
        group_solo_follow(&solo, 3, index, 2, 1, index + 1); /* in its place */
        group_solo_lead(&solo);
    }
    group_solo_commit(&solo);
    group_solo_said(&solo, "answer 6 pb\n");
    assert_true(group_idle(solo.group));
    assert_int_equal(replica_holds(group_replica(solo.group), 2, index + 1), REPLICA_LOST);
    assert_int_equal(replica_holds(group_replica(solo.group), 3, index + 1), REPLICA_HOLDS);
}

/* Its leader was deposed before the disk had it: it says that it was not carried out. */
static void test_what_is_dropped_unacknowledged_is_refused(void **state)
{
    (void)state;
    lead();
    uint64_t index = last_index();
    early(5, "pa");
    group_solo_turn(&solo); /* it is written, and not durable */
    group_solo_said(&solo, "");
    depose(3, index, 2); /* its entry stands still, and is replaced */
    group_solo_follow(&solo, 3, index, 2, 1, index + 1);
    group_solo_said(&solo, "");
    group_solo_lead(&solo);
    group_solo_commit(&solo);
    group_solo_said(&solo, "early-refused 5/105\n");
}

static void test_what_was_never_sent_is_refused(void **state)
{
    (void)state;
    lead();
    uint64_t index = last_index();
    early(5, "pa");
    early(6, "pb");
    depose(3, index, 2);
    group_refuse_pending(solo.group);
    group_solo_take(&solo);
    group_solo_said(&solo, "early-refused 6/106\nearly-refused 5/105\n");
    group_propose(solo.group, 7, slice_text("pc"));
    solo.reach.leader_room = 1000;
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=1 count=1\n");
}

static void test_of_what_nobody_hears_of_nobody_knows(void **state)
{
    (void)state;
    lead();
    early(5, "pa");
    group_solo_turn(&solo);
    struct group_question question = {.connection = 5, .place = 77, .command = slice_text("q")};
    early(6, "pb");
    assert_non_null(group_read(solo.group, PROTOCOL_READ_LOCAL, true, &question));
    group_solo_wait(&solo, solo.config.uncertain_after_us * 2);
    group_solo_said(&solo, "early-uncertain 5/105\nread-refused 5/77\nearly-uncertain 6/106\n");
}

/* --- reads behind a position --- */

static struct group_read *ask(enum protocol_read level, uint64_t term, uint64_t index)
{
    struct group_question question = {.connection = 5,
                                      .place = 77,
                                      .command = slice_text("q"),
                                      .after_count = 1,
                                      .after = {{.term = term, .index = index}}};
    return group_read(solo.group, level, false, &question);
}

static void test_a_session_waits_for_its_position(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_follow(&solo, 2, 0, 0, 4, 3);
    assert_null(ask(PROTOCOL_READ_SESSION, 2, 3));
    group_solo_said(&solo, "told 5/77 q\n");
    assert_null(ask(PROTOCOL_READ_SESSION, 0, 0));
    group_solo_said(&solo, "told 5/77 q\n");
    assert_non_null(ask(PROTOCOL_READ_SESSION, 2, 4)); /* it is here, and not committed */
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    group_solo_follow(&solo, 2, 4, 2, 0, 4);
    group_solo_said(&solo, "told 5/77 q\n");
}

static void test_what_it_does_not_get_to_is_late(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_follow(&solo, 2, 0, 0, 3, 3);
    assert_non_null(ask(PROTOCOL_READ_SESSION, 2, 4));
    group_solo_wait(&solo, solo.config.refuse_after_us - 1);
    group_solo_forget(&solo);
    group_solo_wait(&solo, 1);
    group_solo_said(&solo, "read-refused 5/77 late\n");
}

static void test_another_term_there_is_a_loss(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_follow(&solo, 3, 0, 0, 3, 3);
    assert_non_null(ask(PROTOCOL_READ_SESSION, 2, 3));
    group_solo_turn(&solo);
    group_solo_said(&solo, "read-refused 5/77 lost\n");
    /* Whatever will be there, it is of no earlier term than what is here. */
    assert_non_null(ask(PROTOCOL_READ_SESSION, 2, 9));
    group_solo_turn(&solo);
    group_solo_said(&solo, "read-refused 5/77 lost\n");
}

static void test_a_linearizable_one_is_behind_it_too(void **state)
{
    (void)state;
    lead();
    early(6, "pa");
    group_solo_turn(&solo);
    group_solo_durable(&solo);
    group_solo_forget(&solo);
    uint64_t index = last_index();
    group_solo_turn(&solo);
    assert_non_null(ask(PROTOCOL_READ_LEASE, 2, index));
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    uint64_t round = 0;
    for (int i = 0; i < 10 && round == 0; i++) {
        group_solo_pass(&solo, solo.config.heartbeat_us);
        group_solo_turn(&solo);
        for (uint32_t m = 0; m < solo.messages_count; m++) {
            if (solo.messages[m].to == 2) round = solo.messages[m].round;
        }
    }
    group_solo_ack(&solo, 2, index - 1, round); /* a quorum, but without it */
    group_solo_said(&solo, "");
    group_solo_ack(&solo, 2, index, round);
    group_solo_turn(&solo);
    group_solo_said(&solo, "answer 0 pa\ntold 5/77 q\n");
}

/* --- counting --- */

static void expect_voters(uint64_t index, uint32_t have, uint32_t of)
{
    struct group_voters voters;
    group_count_voters(solo.group, index, &voters);
    assert_int_equal(voters.have, have);
    assert_int_equal(voters.of, of);
}

static void test_voters_are_counted_by_what_is_on_their_disks(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    expect_voters(0, 0, 3); /* who does not lead cannot tell */
    group_solo_lead(&solo);
    uint64_t index = last_index();
    expect_voters(index, 2, 3);
    group_propose(solo.group, 5, slice_text("pa"));
    group_solo_turn(&solo);
    expect_voters(index + 1, 0, 3); /* written is not durable */
    group_solo_durable(&solo);
    expect_voters(index + 1, 1, 3);
    group_solo_ack(&solo, 2, index + 1, 0);
    expect_voters(index + 1, 2, 3);
    group_solo_ack(&solo, 3, index, 0);
    expect_voters(index + 1, 2, 3);
    group_solo_ack(&solo, 3, index + 1, 0);
    expect_voters(index + 1, 3, 3);
}

int main(void)
{
#define SOLO_TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        SOLO_TEST(test_a_leader_acknowledges_what_it_has_on_disk_itself),
        SOLO_TEST(test_others_wait_for_a_majority_all_the_same),
        SOLO_TEST(test_only_a_leader_does),
        SOLO_TEST(test_it_is_lost_with_its_term_and_not_carried_out_late),
        SOLO_TEST(test_what_is_dropped_unacknowledged_is_refused),
        SOLO_TEST(test_what_was_never_sent_is_refused),
        SOLO_TEST(test_of_what_nobody_hears_of_nobody_knows),
        SOLO_TEST(test_a_session_waits_for_its_position),
        SOLO_TEST(test_what_it_does_not_get_to_is_late),
        SOLO_TEST(test_another_term_there_is_a_loss),
        SOLO_TEST(test_a_linearizable_one_is_behind_it_too),
        SOLO_TEST(test_voters_are_counted_by_what_is_on_their_disks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
