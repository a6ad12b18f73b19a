/* Questions to a group, played by hand: answered at once, after a round, in their order, refused,
 * or withdrawn (node/group/reads.c). */
#include "group_solo.h"

static struct group_solo solo;

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    return 0;
}

static struct group_read *ask(uint32_t connection, enum protocol_read level, const char *text)
{
    struct group_question question = {
        .connection = connection, .place = 100 + connection, .command = slice_text(text)};
    return group_read(solo.group, level, false, &question);
}

/* The same, behind proposals of its connection. */
static struct group_read *ask_behind(uint32_t connection, enum protocol_read level,
                                     const char *text)
{
    struct group_question question = {
        .connection = connection, .place = 100 + connection, .command = slice_text(text)};
    return group_read(solo.group, level, true, &question);
}

/* The round in which the leader's last heartbeat to this peer went out. */
static uint64_t round_sent(uint32_t to)
{
    for (uint32_t i = 0; i < solo.messages_count; i++) {
        const struct raft_message *message = &solo.messages[i];
        if (message->to == to && message->type == RAFT_APPEND) return message->round;
    }
    fail_msg("no round");
    return 0;
}

static void ack_round(void)
{
    uint64_t round = round_sent(2);
    group_solo_ack(&solo, 2, raft_last_index(group_raft(solo.group)), round);
}

static void test_local_is_answered_at_once_wherever(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    assert_null(ask(5, PROTOCOL_READ_LOCAL, "l"));
    group_solo_said(&solo, "told 5/105 l\n");
    group_ask(solo.group,
              &(struct group_question){.connection = 6, .place = 106, .command = slice_text("m")});
    group_solo_said(&solo, "told 6/106 m\n");
}

static void test_local_is_answered_before_there_is_a_log(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_close(solo.group);
    assert_null(ask(5, PROTOCOL_READ_LOCAL, "l"));
    assert_non_null(ask(6, PROTOCOL_READ_LEASE, "q"));
    group_solo_said(&solo, "told 5/105 l\n");
    for (int i = 0; i < 2; i++) {
        group_answer(solo.group);
        group_solo_take(&solo);
        group_solo_pass(&solo, solo.config.refuse_after_us);
    }
    group_solo_said(&solo, "read-refused 6/106\n");
}

static void test_alone_every_question_is_answered_at_once(void **state)
{
    (void)state;
    group_solo_begin(&solo, 1);
    group_solo_lead(&solo);
    assert_null(ask(5, PROTOCOL_READ_LINEARIZABLE, "q"));
    assert_null(ask(6, PROTOCOL_READ_LEASE, "q2"));
    group_solo_said(&solo, "told 5/105 q\ntold 6/106 q2\n");
}

/* What is committed and not applied has happened: the answer has to show it. */
static void test_alone_it_waits_for_what_is_committed(void **state)
{
    (void)state;
    group_solo_begin(&solo, 1);
    group_solo_lead(&solo);
    group_propose(solo.group, 5, slice_text("pa"));
    group_solo_turn(&solo);
    solo.wal.durable = solo.wal.sequence;
    raft_durable(group_raft(solo.group), solo.turn.now, solo.wal.sequence);
    assert_non_null(ask(6, PROTOCOL_READ_LINEARIZABLE, "q"));
    group_solo_said(&solo, "");
    group_solo_turn(&solo);
    group_solo_said(&solo, "answer 5 pa\ntold 6/106 q\n");
}

static void test_a_leader_asks_for_a_round_that_all_of_a_turn_share(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    group_solo_turn(&solo);
    assert_non_null(ask(5, PROTOCOL_READ_LINEARIZABLE, "q1"));
    assert_non_null(ask(6, PROTOCOL_READ_LINEARIZABLE, "q2"));
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    uint64_t rounds = raft_counters(group_raft(solo.group))->reads_confirmed;
    ack_round();
    group_solo_said(&solo, "told 5/105 q1\ntold 6/106 q2\n");
    assert_int_equal(raft_counters(group_raft(solo.group))->reads_confirmed, rounds + 1);
}

static void test_one_that_comes_while_a_round_is_out_waits_for_the_next(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    group_solo_turn(&solo);
    ask(5, PROTOCOL_READ_LINEARIZABLE, "q1");
    group_solo_turn(&solo);
    uint64_t round = round_sent(2);
    ask(6, PROTOCOL_READ_LINEARIZABLE, "q2");
    group_solo_turn(&solo);
    group_solo_ack(&solo, 2, 1, round);
    group_solo_said(&solo, "told 5/105 q1\n");
    ack_round();
    group_solo_said(&solo, "told 6/106 q2\n");
}

static void test_a_lease_answers_at_once_and_asks_when_it_is_over(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    group_solo_pass(&solo, solo.config.heartbeat_us);
    group_solo_turn(&solo);
    ack_round();
    group_solo_forget(&solo);
    assert_null(ask(5, PROTOCOL_READ_LEASE, "q"));
    group_solo_said(&solo, "told 5/105 q\n");
    solo.turn.now.mono_us += solo.config.election_timeout_us;
    assert_non_null(ask(6, PROTOCOL_READ_LEASE, "q"));
    group_solo_said(&solo, "");
}

/* A follower asks its leader, waits for the index, and until it has applied that much. */
static void test_a_follower_reads_at_the_index_that_its_leader_names(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_follow(&solo, 2, 0, 0, 1, 1);
    struct group_read *read = ask(5, PROTOCOL_READ_LINEARIZABLE, "q");
    assert_non_null(read);
    group_solo_turn(&solo);
    group_solo_receive(&solo, (struct raft_message){.type = RAFT_READ_REPLY,
                                                    .from = 2,
                                                    .term = 2,
                                                    .granted = true,
                                                    .index = 2,
                                                    .round = solo.read_asked});
    group_solo_said(&solo, "");
    group_solo_follow(&solo, 2, 1, 2, 1, 2);
    group_solo_said(&solo, "told 5/105 q\n");
}

static void test_without_a_leader_it_is_refused_after_the_named_wait(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    ask(5, PROTOCOL_READ_LINEARIZABLE, "q1");
    group_solo_turn(&solo);
    group_solo_wait(&solo, 1000);
    ask(6, PROTOCOL_READ_LINEARIZABLE, "q2");
    group_solo_wait(&solo, solo.config.refuse_after_us - 1001);
    group_solo_said(&solo, "");
    group_solo_wait(&solo, 1);
    group_solo_said(&solo, "read-refused 5/105\n");
    group_solo_wait(&solo, 1000);
    group_solo_said(&solo, "read-refused 6/106\n");
}

static void test_many_are_refused_at_once(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    for (uint32_t i = 0; i < 40; i++) ask(100 + i, PROTOCOL_READ_LINEARIZABLE, "q");
    group_solo_wait(&solo, solo.config.refuse_after_us);
    char expected[40 * 24] = "";
    for (uint32_t i = 0; i < 40; i++) {
        size_t at = strlen(expected);
        snprintf(expected + at, sizeof expected - at, "read-refused %u/%u\n", (unsigned)(100 + i),
                 (unsigned)(200 + i));
    }
    group_solo_said(&solo, expected);
}

static void test_one_that_is_withdrawn_is_never_heard_of(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    group_solo_turn(&solo);
    struct group_read *read = ask(5, PROTOCOL_READ_LINEARIZABLE, "q1");
    ask(6, PROTOCOL_READ_LINEARIZABLE, "q2");
    group_read_cancel(solo.group, read);
    group_solo_turn(&solo);
    ack_round();
    group_solo_said(&solo, "told 6/106 q2\n");
    /* Its place is used again. */
    assert_ptr_equal(ask(7, PROTOCOL_READ_LINEARIZABLE, "q3"), read);
}

static void test_an_election_costs_no_question(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    group_solo_turn(&solo);
    ask(5, PROTOCOL_READ_LINEARIZABLE, "q");
    group_solo_turn(&solo);
    struct raft_message other = {.type = RAFT_APPEND,
                                 .from = 3,
                                 .term = 9,
                                 .index = 1,
                                 .index_term = 2,
                                 .commit = 1,
                                 .round = 1};
    group_solo_receive(&solo, other);
    group_solo_durable(&solo);
    group_solo_wait(&solo, 2 * solo.config.heartbeat_us);
    group_solo_receive(&solo, (struct raft_message){.type = RAFT_READ_REPLY,
                                                    .from = 3,
                                                    .term = 9,
                                                    .granted = true,
                                                    .index = 1,
                                                    .round = solo.read_asked});
    group_solo_said(&solo, "told 5/105 q\n");
}

/* --- behind proposals of its connection --- */

static void propose(uint32_t connection, const char *text)
{
    group_propose(solo.group, connection, slice_text(text));
}

/* What was proposed is written here, and at another node. */
static void commit(void)
{
    group_solo_durable(&solo);
    group_solo_ack(&solo, 2, raft_last_index(group_raft(solo.group)), 0);
}

static void lead(void)
{
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    group_solo_turn(&solo);
    group_solo_forget(&solo);
}

static void test_it_rides_on_what_is_sent_after_it_and_sees_no_more(void **state)
{
    (void)state;
    lead();
    uint64_t rounds = raft_counters(group_raft(solo.group))->reads_confirmed;
    propose(5, "pa");
    struct group_read *read = ask_behind(5, PROTOCOL_READ_LINEARIZABLE, "q");
    assert_true(group_read_in_order(read));
    propose(5, "pb");
    propose(6, "pc");
    assert_true(group_read_in_order(ask_behind(5, PROTOCOL_READ_LOCAL, "l")));
    propose(5, "pd");
    group_solo_turn(&solo);
    uint64_t round = round_sent(2);
    group_solo_durable(&solo);
    group_solo_said(&solo, "");
    group_solo_ack(&solo, 2, raft_last_index(group_raft(solo.group)), round);
    group_solo_said(&solo, "answer 5 pa\ntold 5/105 q\nanswer 5 pb\nanswer 6 pc\n"
                           "told 5/105 l\nanswer 5 pd\n");
    assert_int_equal(raft_counters(group_raft(solo.group))->reads_confirmed, rounds);
}

/* What was sent may be committed by now, and what others wrote behind it acknowledged. */
static void test_behind_what_was_sent_before_it_waits_for_a_round_too(void **state)
{
    (void)state;
    lead();
    propose(5, "pa");
    group_solo_turn(&solo);
    uint64_t before = round_sent(2);
    struct group_read *read = ask_behind(5, PROTOCOL_READ_LINEARIZABLE, "q");
    assert_false(group_read_in_order(read));
    assert_true(group_read_in_order(ask_behind(5, PROTOCOL_READ_LOCAL, "l")));
    group_solo_durable(&solo);
    uint64_t round = round_sent(2);
    group_solo_ack(&solo, 2, raft_last_index(group_raft(solo.group)), before);
    group_solo_said(&solo, "answer 5 pa\ntold 5/105 l\n");
    group_solo_ack(&solo, 2, raft_last_index(group_raft(solo.group)), round);
    group_solo_said(&solo, "told 5/105 q\n");
}

static void test_its_round_is_not_enough_where_what_is_before_it_is_not_applied(void **state)
{
    (void)state;
    lead();
    propose(5, "pa");
    group_solo_turn(&solo);
    ask_behind(5, PROTOCOL_READ_LINEARIZABLE, "q");
    group_solo_turn(&solo);
    group_solo_ack(&solo, 2, 1, round_sent(2)); /* it has heard us, and has not written */
    group_solo_said(&solo, "");
    group_solo_turn(&solo);
    group_solo_durable(&solo);
    group_solo_ack(&solo, 2, raft_last_index(group_raft(solo.group)), 0);
    group_solo_said(&solo, "answer 5 pa\ntold 5/105 q\n");
}

static void test_behind_what_is_applied_it_is_as_any_other(void **state)
{
    (void)state;
    lead();
    propose(5, "pa");
    group_solo_turn(&solo);
    commit();
    group_solo_forget(&solo);
    assert_null(ask_behind(5, PROTOCOL_READ_LOCAL, "l"));
    group_solo_said(&solo, "told 5/105 l\n");
}

static void test_it_is_refused_with_what_it_rides_on(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    propose(5, "pa");
    ask_behind(5, PROTOCOL_READ_LINEARIZABLE, "q");
    ask_behind(5, PROTOCOL_READ_LOCAL, "l");
    group_solo_turn(&solo);
    group_solo_wait(&solo, solo.config.refuse_after_us - 1);
    group_solo_said(&solo, "");
    group_solo_wait(&solo, 1);
    group_solo_said(&solo, "told 5/105 l\nrefused 5 pa\nread-refused 5/105\n");
}

static void test_one_that_rides_can_be_withdrawn(void **state)
{
    (void)state;
    lead();
    propose(5, "pa");
    struct group_read *read = ask_behind(5, PROTOCOL_READ_LINEARIZABLE, "q");
    propose(5, "pb");
    ask_behind(5, PROTOCOL_READ_LINEARIZABLE, "q2");
    group_read_cancel(solo.group, read);
    group_solo_turn(&solo);
    commit();
    group_solo_said(&solo, "answer 5 pa\nanswer 5 pb\ntold 5/105 q2\n");
}

int main(void)
{
#define SOLO_TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        SOLO_TEST(test_local_is_answered_at_once_wherever),
        SOLO_TEST(test_local_is_answered_before_there_is_a_log),
        SOLO_TEST(test_alone_every_question_is_answered_at_once),
        SOLO_TEST(test_alone_it_waits_for_what_is_committed),
        SOLO_TEST(test_a_leader_asks_for_a_round_that_all_of_a_turn_share),
        SOLO_TEST(test_one_that_comes_while_a_round_is_out_waits_for_the_next),
        SOLO_TEST(test_a_lease_answers_at_once_and_asks_when_it_is_over),
        SOLO_TEST(test_a_follower_reads_at_the_index_that_its_leader_names),
        SOLO_TEST(test_without_a_leader_it_is_refused_after_the_named_wait),
        SOLO_TEST(test_many_are_refused_at_once),
        SOLO_TEST(test_one_that_is_withdrawn_is_never_heard_of),
        SOLO_TEST(test_an_election_costs_no_question),
        SOLO_TEST(test_it_rides_on_what_is_sent_after_it_and_sees_no_more),
        SOLO_TEST(test_behind_what_was_sent_before_it_waits_for_a_round_too),
        SOLO_TEST(test_its_round_is_not_enough_where_what_is_before_it_is_not_applied),
        SOLO_TEST(test_behind_what_is_applied_it_is_as_any_other),
        SOLO_TEST(test_it_is_refused_with_what_it_rides_on),
        SOLO_TEST(test_one_that_rides_can_be_withdrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
