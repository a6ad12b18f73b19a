/* Reads without log entries: when a quorum's echo confirms one, and how long a lease lasts. The
 * promises of voters that both rest on: test_raft_promises.c. */
#include "raft_solo.h"

/* The round of the last heartbeat to that peer. */
static uint64_t sent_round(const struct solo *solo, uint32_t to)
{
    const struct raft_message *message = solo_sent(solo, RAFT_APPEND, to);
    assert_non_null(message);
    return message->round;
}

static uint64_t ask(struct solo *solo)
{
    uint64_t ticket = raft_read(solo->raft, solo->now);
    solo_flush(solo);
    return ticket;
}

static bool confirmed(const struct solo *solo, uint64_t ticket)
{
    return solo->output.reads_confirmed >= ticket;
}

static bool lease(struct solo *solo)
{
    uint64_t index = 0;
    return raft_read_lease(solo->raft, solo->now, &index);
}

/* Leader of three in term 2; its no-op, index 1, is committed. No round is under way. */
static struct solo settled(void)
{
    struct solo solo = solo_leading(3);
    uint64_t round = 1;
    solo_ack(&solo, 2, 1, round);
    solo_ack(&solo, 3, 1, round);
    assert_true(raft_settled(solo.raft));
    return solo;
}

/* --- ReadIndex --- */

static void a_read_is_confirmed_by_a_round_that_a_quorum_echoes(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t ticket = ask(&solo);
    assert_false(confirmed(&solo, ticket));
    uint64_t round = sent_round(&solo, 2);
    assert_int_equal(sent_round(&solo, 3), round);
    solo_ack(&solo, 3, 1, round);
    assert_true(confirmed(&solo, ticket));
    assert_int_equal(solo.output.reads_index, 1);
    solo_free(&solo);
}

static void a_round_begun_before_the_read_does_not_confirm_it(void **state)
{
    (void)state;
    struct solo solo = settled();
    solo_tick_deadline(&solo);
    uint64_t before = sent_round(&solo, 2);
    uint64_t ticket = ask(&solo);
    solo_ack(&solo, 2, 1, before);
    solo_ack(&solo, 3, 1, before);
    assert_false(confirmed(&solo, ticket));
    solo_ack(&solo, 2, 1, before + 1);
    assert_true(confirmed(&solo, ticket));
    solo_free(&solo);
}

static void entries_sent_later_in_an_older_round_do_not_confirm_it(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t first = ask(&solo); /* its round is under way */
    uint64_t round = sent_round(&solo, 2);
    uint64_t second = raft_read(solo.raft, solo.now);
    assert_int_equal(solo_propose(&solo, "x"), RAFT_PROPOSE_OK);
    solo_flush(&solo);
    assert_int_equal(sent_round(&solo, 2), round);
    solo_ack(&solo, 2, 1, round);
    assert_true(confirmed(&solo, first));
    assert_false(confirmed(&solo, second));
    solo_free(&solo);
}

static void reads_that_come_while_a_round_is_under_way_share_the_next(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t first = ask(&solo);
    uint64_t round = sent_round(&solo, 2);
    uint64_t last = 0;
    for (int i = 0; i < 50; i++) {
        last = ask(&solo);
        assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 0);
    }
    solo_ack(&solo, 2, 1, round);
    assert_true(confirmed(&solo, first));
    assert_false(confirmed(&solo, first + 1));
    assert_int_equal(sent_round(&solo, 2), round + 1);
    solo_ack(&solo, 2, 1, round + 1);
    assert_true(confirmed(&solo, last));
    assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 0);
    solo_free(&solo);
}

static void a_heartbeat_carries_what_a_lost_round_carried(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t ticket = ask(&solo);
    uint64_t lost = sent_round(&solo, 2);
    solo_tick_deadline(&solo);
    assert_int_equal(sent_round(&solo, 2), lost + 1);
    solo_ack(&solo, 2, 1, lost + 1);
    assert_true(confirmed(&solo, ticket));
    solo_free(&solo);
}

static void a_refusal_echoes_a_round_too(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t ticket = ask(&solo);
    struct raft_message refusal = {.type = RAFT_APPEND_REPLY,
                                   .from = 2,
                                   .term = raft_term(solo.raft),
                                   .round = sent_round(&solo, 2)};
    solo_receive(&solo, refusal);
    assert_true(confirmed(&solo, ticket));
    solo_free(&solo);
}

static void an_untrusted_replica_confirms_nothing(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    uint64_t ticket = ask(&solo);
    struct raft_message echo = {.type = RAFT_APPEND_REPLY,
                                .from = 2,
                                .term = raft_term(solo.raft),
                                .untrusted = true,
                                .granted = true,
                                .round = 2};
    solo_receive(&solo, echo);
    assert_false(confirmed(&solo, ticket));
    assert_false(lease(&solo));
    echo.untrusted = false;
    solo_receive(&solo, echo);
    assert_true(confirmed(&solo, ticket));
    assert_true(lease(&solo));
    solo_free(&solo);
}

static void before_it_has_committed_in_its_term_a_leader_reads_behind_its_no_op(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_restore(&solo, 1, 1);
    solo_restore(&solo, 2, 1); /* the leader before may have committed them, unknown to us */
    solo_start(&solo);
    solo_lead(&solo);
    uint64_t ticket = ask(&solo);
    solo_ack(&solo, 2, 0, 2);
    assert_true(confirmed(&solo, ticket));
    assert_int_equal(raft_commit_index(solo.raft), 0);
    assert_int_equal(solo.output.reads_index, 3);
    uint64_t index = 0;
    assert_true(raft_read_lease(solo.raft, solo.now, &index));
    assert_int_equal(index, 3);
    solo_free(&solo);
}

static void a_sole_voter_reads_at_once_but_not_before_its_no_op_is_durable(void **state)
{
    (void)state;
    struct solo solo = solo_make(1);
    solo.restored.term = 4;
    solo_create(&solo);
    solo_restore(&solo, 1, 4);
    solo_start(&solo);
    uint64_t early = ask(&solo);
    assert_false(confirmed(&solo, early)); /* its vote is not durable: it does not lead */
    solo_durable(&solo);
    assert_true(confirmed(&solo, early));
    assert_int_equal(solo.output.reads_index, 2);
    assert_int_equal(raft_commit_index(solo.raft), 0);
    solo_durable(&solo);
    assert_int_equal(raft_commit_index(solo.raft), 2);
    uint64_t ticket = ask(&solo);
    assert_true(confirmed(&solo, ticket));
    assert_int_equal(solo.output.messages_count, 0);
    assert_true(lease(&solo));
    solo_free(&solo);
}

static void losing_leadership_answers_no_read(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t ticket = ask(&solo);
    uint64_t round = sent_round(&solo, 2);
    uint64_t term = raft_term(solo.raft);
    solo_append(&solo, 3, term + 1, 1, term, 0, 0, 1);
    assert_int_equal(raft_role(solo.raft), RAFT_FOLLOWER);
    solo_receive(
        &solo,
        (struct raft_message){
            .type = RAFT_APPEND_REPLY, .from = 2, .term = term, .granted = true, .round = round});
    assert_false(confirmed(&solo, ticket));
    assert_false(lease(&solo));
    solo_free(&solo);
}

static void a_read_of_a_former_leader_is_asked_of_the_next(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t ticket = ask(&solo);
    uint64_t term = raft_term(solo.raft);
    solo_append(&solo, 3, term + 1, 1, term, 0, 0, 1);
    solo_durable(&solo);
    const struct raft_message *question = solo_sent(&solo, RAFT_READ, 3);
    if (question == NULL) { /* it left with the heartbeat's reply */
        solo_tick(&solo, 2 * SOLO_HEARTBEAT_US);
        question = solo_sent(&solo, RAFT_READ, 3);
    }
    assert_non_null(question);
    assert_int_equal(question->round, ticket);
    solo_receive(
        &solo,
        (struct raft_message){
            .type = RAFT_READ_REPLY, .from = 3, .term = term + 1, .round = ticket, .index = 2});
    assert_true(confirmed(&solo, ticket));
    assert_int_equal(solo.output.reads_index, 2);
    solo_free(&solo);
}

/* --- forwarding --- */

static struct solo following(void)
{
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 2, 2, 0, 0, 1, 2, 0);
    solo_durable(&solo);
    return solo;
}

static void a_follower_asks_its_leader_one_question_at_a_time(void **state)
{
    (void)state;
    struct solo solo = following();
    uint64_t first = ask(&solo);
    assert_int_equal(solo_sent(&solo, RAFT_READ, 2)->round, first);
    uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
        last = ask(&solo);
        assert_int_equal(solo_sent_count(&solo, RAFT_READ), 0);
    }
    solo_receive(&solo,
                 (struct raft_message){
                     .type = RAFT_READ_REPLY, .from = 2, .term = 2, .round = first, .index = 1});
    assert_true(confirmed(&solo, first));
    assert_false(confirmed(&solo, first + 1));
    assert_int_equal(solo_sent(&solo, RAFT_READ, 2)->round, last);
    solo_free(&solo);
}

static void a_question_without_an_answer_is_asked_again(void **state)
{
    (void)state;
    struct solo solo = following();
    uint64_t first = ask(&solo);
    (void)ask(&solo);
    solo_tick(&solo, 2 * SOLO_HEARTBEAT_US);
    assert_int_equal(solo_sent(&solo, RAFT_READ, 2)->round, first);
    solo_free(&solo);
}

static void an_answer_to_another_life_or_from_nowhere_confirms_nothing(void **state)
{
    (void)state;
    struct solo solo = following();
    uint64_t ticket = ask(&solo);
    uint64_t others[] = {1, ticket + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        solo_receive(
            &solo,
            (struct raft_message){
                .type = RAFT_READ_REPLY, .from = 2, .term = 2, .round = others[i], .index = 1});
        assert_false(confirmed(&solo, ticket));
    }
    struct solo again = solo_make(3);
    again.config.seed = 8;
    solo_create(&again);
    solo_start(&again);
    uint64_t other = ask(&again);
    assert_true(other > ticket + 1000 || ticket > other + 1000);
    solo_free(&again);
    solo_free(&solo);
}

static void a_leader_answers_a_follower_when_a_quorum_confirmed_it(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t term = raft_term(solo.raft);
    struct raft_message question = {.type = RAFT_READ, .from = 3, .term = term, .round = 77};
    solo_receive(&solo, question);
    uint64_t round = sent_round(&solo, 2);
    solo_receive(&solo, question); /* a duplicate costs nothing */
    assert_int_equal(solo.output.messages_count, 0);
    solo_ack(&solo, 2, 1, round);
    const struct raft_message *reply = solo_sent(&solo, RAFT_READ_REPLY, 3);
    assert_non_null(reply);
    assert_int_equal(reply->round, 77);
    assert_int_equal(reply->index, 1);
    question.term = term - 1; /* a question of an earlier term is for another leader */
    question.round = 78;
    solo_receive(&solo, question);
    assert_int_equal(solo.output.messages_count, 0);
    solo_free(&solo);
}

/* --- leases --- */

static void a_lease_runs_from_the_sending_of_the_round_not_from_its_echo(void **state)
{
    (void)state;
    struct solo solo = settled();
    solo_tick_deadline(&solo);
    uint64_t sent_us = solo.now.mono_us;
    uint64_t round = sent_round(&solo, 2);
    solo_tick(&solo, SOLO_HEARTBEAT_US / 2);
    solo_ack(&solo, 2, 1, round); /* late */
    while (solo.now.mono_us + SOLO_HEARTBEAT_US < sent_us + SOLO_TIMEOUT_US) {
        solo_tick(&solo, SOLO_HEARTBEAT_US);
        assert_true(lease(&solo));
    }
    solo.now.mono_us = sent_us + SOLO_TIMEOUT_US - 3;
    assert_true(lease(&solo));
    solo.now.mono_us = sent_us + SOLO_TIMEOUT_US;
    assert_false(lease(&solo));
    solo_free(&solo);
}

/* Whoever asks keeps the index, and would take one that came with a no for one to read at. */
static void without_a_lease_the_index_is_left_as_it_was(void **state)
{
    (void)state;
    struct solo solo = settled();
    uint64_t index = 0;
    solo.now.mono_us += 2 * SOLO_TIMEOUT_US;
    assert_false(raft_read_lease(solo.raft, solo.now, &index));
    assert_int_equal(index, 0);
    solo_free(&solo);
}

static void the_drift_bound_shortens_a_lease(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo.config.clock_drift_permille = 100;
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    solo_durable(&solo);
    uint64_t sent_us = solo.now.mono_us;
    solo_ack(&solo, 2, 1, 1);
    solo.now.mono_us = sent_us + SOLO_TIMEOUT_US * 9 / 10 - 3;
    assert_true(lease(&solo));
    solo.now.mono_us = sent_us + SOLO_TIMEOUT_US * 9 / 10;
    assert_false(lease(&solo));
    solo_free(&solo);
}

static void a_lease_needs_a_quorum(void **state)
{
    (void)state;
    struct solo solo = solo_make(5);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    assert_false(lease(&solo));
    solo_ack(&solo, 2, 0, 1);
    assert_false(lease(&solo));
    solo_ack(&solo, 3, 0, 1);
    assert_true(lease(&solo));
    solo_free(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_confirmed_by_a_round_that_a_quorum_echoes),
        cmocka_unit_test(a_round_begun_before_the_read_does_not_confirm_it),
        cmocka_unit_test(entries_sent_later_in_an_older_round_do_not_confirm_it),
        cmocka_unit_test(reads_that_come_while_a_round_is_under_way_share_the_next),
        cmocka_unit_test(a_heartbeat_carries_what_a_lost_round_carried),
        cmocka_unit_test(a_refusal_echoes_a_round_too),
        cmocka_unit_test(an_untrusted_replica_confirms_nothing),
        cmocka_unit_test(before_it_has_committed_in_its_term_a_leader_reads_behind_its_no_op),
        cmocka_unit_test(a_sole_voter_reads_at_once_but_not_before_its_no_op_is_durable),
        cmocka_unit_test(losing_leadership_answers_no_read),
        cmocka_unit_test(a_read_of_a_former_leader_is_asked_of_the_next),
        cmocka_unit_test(a_follower_asks_its_leader_one_question_at_a_time),
        cmocka_unit_test(a_question_without_an_answer_is_asked_again),
        cmocka_unit_test(an_answer_to_another_life_or_from_nowhere_confirms_nothing),
        cmocka_unit_test(a_leader_answers_a_follower_when_a_quorum_confirmed_it),
        cmocka_unit_test(a_lease_runs_from_the_sending_of_the_round_not_from_its_echo),
        cmocka_unit_test(without_a_lease_the_index_is_left_as_it_was),
        cmocka_unit_test(the_drift_bound_shortens_a_lease),
        cmocka_unit_test(a_lease_needs_a_quorum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
