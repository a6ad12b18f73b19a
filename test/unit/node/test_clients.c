/* The clients' room: replies under the token of their request, and in the order of the requests
 * where the protocol is ordered. */
#include "clients_desk.h"
#include "loose.h"
#include "tiny.h"

/* --- an ordered protocol --- */

static void replies_come_in_order_and_texts_that_are_known_wait_for_them(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\nt2\np3\nt4\n");
    desk_expect_requests(&desk, "p1 p3 ");
    desk_expect_heard(&desk, "");
    desk_replies(&desk, 0, "one");
    desk_expect_heard(&desk, "one\nt2");
    desk_replies(&desk, 0, "three");
    desk_expect_heard(&desk, "three\nt4");
    desk_close(&desk);
}

static void what_is_turned_down_is_told_in_its_turn(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\n");
    desk.client->request.token = 0;
    client_turned_down(&desk.clients, desk.client, PROTOCOL_REFUSED_BUSY);
    desk_expect_heard(&desk, "");
    desk_replies(&desk, 0, "one");
    desk_expect_heard(&desk, "one\nrefused 2\n");
    desk_close(&desk);
}

static void groups_answer_in_their_own_time_and_the_order_is_kept(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    for (uint32_t i = 0; i < 6; i++) client_proposed(&desk.clients, desk.client, i % 3);
    desk_replies(&desk, 1, "b");
    desk_replies(&desk, 2, "c");
    desk_replies(&desk, 2, "f");
    desk_expect_heard(&desk, "");
    desk_replies(&desk, 0, "a");
    desk_expect_heard(&desk, "a\nb\nc\n");
    desk_replies(&desk, 1, "e");
    desk_expect_heard(&desk, "");
    desk_replies(&desk, 0, "d");
    desk_expect_heard(&desk, "d\ne\nf\n");
    assert_int_equal(desk.client->awaiting, 0);
    assert_int_equal(desk.clients.awaiting, 0);
    desk_close(&desk);
}

static void what_waits_for_its_turn_counts_as_memory_and_stops_reading(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk.config.memory_bytes_max = 1 << 20;
    desk.config.output_bytes_max = 1000;
    client_proposed(&desk.clients, desk.client, 0);
    client_proposed(&desk.clients, desk.client, 1);
    char text[2001];
    memset(text, 'x', 2000);
    text[2000] = '\0';
    desk_replies(&desk, 1, text);
    assert_true(desk.clients.bytes > 2000);
    desk_says(&desk, "p1\n");
    desk_expect_requests(&desk, "");
    desk_replies(&desk, 0, "");
    desk_turn(&desk);
    assert_int_equal(desk.heard.size, 2002);
    desk_expect_requests(&desk, ""); /* it has not left yet */
    desk_sent(&desk);
    desk_turn(&desk);
    desk_expect_requests(&desk, "p1 ");
    assert_true(desk.clients.bytes < 2000);
    desk_close(&desk);
}

static void a_command_that_blocks_is_the_last_until_its_reply(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\nw2\np3\n");
    desk_expect_requests(&desk, "p1 w2 ");
    desk_replies(&desk, 0, "one");
    desk_turn(&desk);
    desk_expect_requests(&desk, "");
    desk_replies(&desk, 0, "two");
    desk_turn(&desk);
    desk_expect_requests(&desk, "p3 ");
    desk_close(&desk);
}

static void refused_proposals_answer_in_order_where_no_earlier_one_may_be_carried_out(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\nt2\np3\n");
    for (int reset = 1; reset >= 0; reset--) {
        for (int i = 0; i < 2; i++) clients_count_refused(&desk.clients, DESK_CLIENT, reset);
    }
    for (int i = 0; i < 2; i++) clients_refuse(&desk.clients, DESK_CLIENT, 0);
    desk_expect_heard(&desk, "refused 0\nt2refused 0\n");
    desk_close(&desk);
}

/* The first was sent, and may be carried out; the last two were not. */
static void of_those_before_them_nothing_is_known_yet_and_so_they_wait(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\nt2\np3\np4\n");
    for (int reset = 1; reset >= 0; reset--) {
        for (int i = 0; i < 2; i++) clients_count_refused(&desk.clients, DESK_CLIENT, reset);
    }
    for (int i = 0; i < 2; i++) clients_refuse(&desk.clients, DESK_CLIENT, 0);
    desk_expect_heard(&desk, "");
    assert_false(desk.closed);
    desk_replies(&desk, 0, "one");
    desk_expect_heard(&desk, "one\nt2refused 0\nrefused 0\n");
    assert_int_equal(desk.client->awaiting, 0);
    desk_close(&desk);
}

static void questions_wait_side_by_side_and_are_told_in_order(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk.in_order = true;
    desk_says(&desk, "q1\np2\nq3\nq4\n");
    desk_expect_requests(&desk, "q1 p2 q3 q4 ");
    desk_answers(&desk, 2, "four");
    desk_replies(&desk, 0, "two");
    desk_expect_heard(&desk, "");
    desk_answers(&desk, 0, "one");
    desk_expect_heard(&desk, "one\ntwo\n");
    clients_refuse_question(&desk.clients, DESK_CLIENT, desk.asked[1], PROTOCOL_REFUSED_NO_LEADER);
    desk_expect_heard(&desk, "refused 0\nfour\n");
    assert_int_equal(desk.client->asking, 0);
    assert_int_equal(desk.client->asked_bytes, 0);
    desk_close(&desk);
}

/* Else the answer might show it. */
static void a_proposal_waits_for_a_question_that_is_not_known_to_be_answered_before_it(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "q1\nq2\np3\nq4\n");
    desk_expect_requests(&desk, "q1 q2 ");
    desk_answers(&desk, 1, "two");
    desk_turn(&desk);
    desk_expect_requests(&desk, "");
    desk.in_order = true;
    desk_answers(&desk, 0, "one");
    desk_turn(&desk);
    desk_expect_requests(&desk, "p3 q4 ");
    desk_expect_heard(&desk, "one\ntwo\n");
    desk_close(&desk);
}

static void what_is_asked_and_not_answered_is_found_when_it_closes(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "q1\nq2\nq3\n");
    desk_answers(&desk, 1, "two");
    connection_close(&desk.connections, &desk.client->connection);
    desk_answers(&desk, 0, "one"); /* too late, and forgotten all the same */
    uint32_t group;
    assert_ptr_equal(client_take_question(desk.client, &group), &desk);
    assert_null(client_take_question(desk.client, &group));
    desk_close(&desk);
}

static void a_snapshot_closes_whose_replies_it_skipped_and_no_others(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\np2\n");
    clients_count_alive(&desk.clients, 0);
    for (int i = 0; i < 2; i++) clients_count_alive(&desk.clients, DESK_CLIENT);
    clients_close_skipped(&desk.clients, 0);
    desk_turn(&desk);
    assert_false(desk.closed);
    clients_count_alive(&desk.clients, 0);
    clients_count_alive(&desk.clients, DESK_CLIENT);
    assert_int_equal(clients_skipped(&desk.clients, 0), DESK_CLIENT);
    clients_close_skipped(&desk.clients, 0);
    desk_turn(&desk);
    assert_true(desk.closed);
    assert_int_equal(clients_skipped(&desk.clients, 0), 0);
    desk_close(&desk);
}

static void nobody_knows_closes_who_cannot_be_told(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\n");
    clients_uncertain(&desk.clients, DESK_CLIENT, 0);
    desk_turn(&desk);
    assert_true(desk.closed);
    desk_close(&desk);
}

static void a_quit_is_heard_behind_all_replies(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\nx\np2\n");
    desk_expect_requests(&desk, "p1 ");
    desk_turn(&desk);
    assert_false(desk.closed);
    desk_replies(&desk, 0, "one");
    desk_expect_heard(&desk, "one\n");
    desk_turn(&desk);
    assert_true(desk.closed);
    desk_expect_requests(&desk, "");
    desk_close(&desk);
}

static void a_last_word_is_heard_behind_all_replies(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\nxbye\np2\n");
    desk_expect_requests(&desk, "p1 ");
    desk_replies(&desk, 0, "one");
    desk_expect_heard(&desk, "one\nbye");
    desk_turn(&desk);
    assert_true(desk.closed);
    desk_close(&desk);
}

static void many_replies_leave_little_behind(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    for (uint32_t i = 0; i < 1000; i++) client_proposed(&desk.clients, desk.client, i % 2);
    for (uint32_t i = 0; i < 1000; i++) desk_replies(&desk, i < 500, "x");
    desk_turn(&desk);
    assert_int_equal(desk.heard.size, 2000);
    assert_int_equal(desk.client->owed.capacity, 0);
    assert_true(desk.clients.spare_count <= 256);
    desk_close(&desk);
}

/* --- an unordered one --- */

static void an_unordered_protocol_is_answered_at_once_by_token(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &loose_protocol);
    for (uint32_t i = 0; i < 3; i++) {
        desk.client->request.token = i;
        client_proposed(&desk.clients, desk.client, i);
    }
    desk_replies(&desk, 2, "two");
    desk_expect_heard(&desk, "2 two\n");
    desk_replies(&desk, 0, "none");
    desk_replies(&desk, 1, "one");
    desk_expect_heard(&desk, "0 none\n1 one\n");
    assert_int_equal(desk.client->owed.size, 0);
    desk_close(&desk);
}

static void nobody_knows_is_told_once_and_the_late_reply_says_nothing(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &loose_protocol);
    desk_says(&desk, "p1\np2\np3\n");
    clients_uncertain(&desk.clients, DESK_CLIENT, 0);
    clients_uncertain(&desk.clients, DESK_CLIENT, 0);
    desk_expect_heard(&desk, "1 unknown\n2 unknown\n");
    desk_replies(&desk, 0, "late");
    desk_replies(&desk, 0, "late");
    desk_replies(&desk, 0, "three");
    desk_expect_heard(&desk, "3 three\n");
    assert_false(desk.closed);
    assert_int_equal(desk.client->owed.size, 0);
    assert_int_equal(desk.clients.awaiting, 0);
    desk_close(&desk);
}

static void its_bytes_go_in_whatever_waits_and_its_requests_come_out_later(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &loose_protocol);
    desk.config.pending_max = 2;
    desk_says(&desk, "p1\np2\np3\np4\n");
    desk_says(&desk, "p5\n");
    desk_expect_requests(&desk, "p1 p2 ");
    assert_int_equal(desk.client->input.size, 0);
    assert_true(desk.client->connection.reading);
    desk_replies(&desk, 0, "a");
    desk_expect_heard(&desk, "1 a\n");
    desk_expect_requests(&desk, "p3 ");
    desk_replies(&desk, 0, "b");
    desk_replies(&desk, 0, "c");
    desk_expect_heard(&desk, "2 b\n3 c\n");
    desk_expect_requests(&desk, "p4 p5 ");
    desk_close(&desk);
}

/* Nothing more needs to come from the client for that. */
static void a_request_that_an_answer_brings_up_is_asked_for(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &loose_protocol);
    desk_says(&desk, "t1\n");
    desk_expect_requests(&desk, "t1 ");
    desk_replies(&desk, 0, "one");
    desk_expect_heard(&desk, "1 one\n");
    desk_expect_requests(&desk, "t+ ");
    desk_replies(&desk, 0, "two");
    desk_expect_heard(&desk, "2 two\n");
    desk_expect_requests(&desk, "");
    desk_close(&desk);
}

static void what_it_keeps_leaves_as_there_is_room(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &loose_protocol);
    desk.config.output_bytes_max = 4;
    loose->keep = true;
    desk_says(&desk, "p1\n");
    desk_replies(&desk, 0, "abc");
    desk_expect_heard(&desk, "");
    loose->keep = false;
    desk_sent(&desk);
    desk_expect_heard(&desk, "1 ab");
    desk_expect_heard(&desk, ""); /* no room */
    desk_sent(&desk);
    desk_expect_heard(&desk, "c\n");
    desk_sent(&desk);
    desk_expect_heard(&desk, "");
    desk_close(&desk);
}

static void it_is_called_when_it_wants_to_be(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &loose_protocol);
    loose->due_us = 5000;
    desk_expect_heard(&desk, "");
    assert_int_equal(desk.turn.deadline_us, 5000);
    desk.turn.now.mono_us = 4999;
    desk_expect_heard(&desk, "");
    desk.turn.now.mono_us = 5000;
    desk_expect_heard(&desk, "ping\n");
    assert_int_equal(desk.turn.deadline_us, UINT64_MAX);
    loose->due_us = 1;
    desk_says(&desk, "p1\n");
    desk_expect_heard(&desk, "gone\n");
    assert_true(desk.closed);
    desk_close(&desk);
}

static void a_drain_is_told_once_and_closes_who_is_owed_nothing(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &loose_protocol);
    desk_says(&desk, "p1\n");
    clients_drain(&desk.clients);
    clients_drain(&desk.clients);
    desk_expect_heard(&desk, "bye\n");
    assert_false(desk.closed);
    desk_replies(&desk, 0, "one");
    clients_drain(&desk.clients);
    desk_expect_heard(&desk, "1 one\n");
    assert_true(desk.closed);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_come_in_order_and_texts_that_are_known_wait_for_them),
        cmocka_unit_test(what_is_turned_down_is_told_in_its_turn),
        cmocka_unit_test(groups_answer_in_their_own_time_and_the_order_is_kept),
        cmocka_unit_test(what_waits_for_its_turn_counts_as_memory_and_stops_reading),
        cmocka_unit_test(a_command_that_blocks_is_the_last_until_its_reply),
        cmocka_unit_test(refused_proposals_answer_in_order_where_no_earlier_one_may_be_carried_out),
        cmocka_unit_test(of_those_before_them_nothing_is_known_yet_and_so_they_wait),
        cmocka_unit_test(questions_wait_side_by_side_and_are_told_in_order),
        cmocka_unit_test(
            a_proposal_waits_for_a_question_that_is_not_known_to_be_answered_before_it),
        cmocka_unit_test(what_is_asked_and_not_answered_is_found_when_it_closes),
        cmocka_unit_test(a_snapshot_closes_whose_replies_it_skipped_and_no_others),
        cmocka_unit_test(nobody_knows_closes_who_cannot_be_told),
        cmocka_unit_test(a_quit_is_heard_behind_all_replies),
        cmocka_unit_test(a_last_word_is_heard_behind_all_replies),
        cmocka_unit_test(many_replies_leave_little_behind),
        cmocka_unit_test(an_unordered_protocol_is_answered_at_once_by_token),
        cmocka_unit_test(nobody_knows_is_told_once_and_the_late_reply_says_nothing),
        cmocka_unit_test(its_bytes_go_in_whatever_waits_and_its_requests_come_out_later),
        cmocka_unit_test(a_request_that_an_answer_brings_up_is_asked_for),
        cmocka_unit_test(what_it_keeps_leaves_as_there_is_room),
        cmocka_unit_test(it_is_called_when_it_wants_to_be),
        cmocka_unit_test(a_drain_is_told_once_and_closes_who_is_owed_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
