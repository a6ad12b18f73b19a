/* What clients hear of writes that a leader acknowledges alone or that wait for all voters, and of
 * waiting for voters (node/clients/holds.c, answers.c). */
#include "clients_desk.h"
#include "node/clients/holds.h"
#include "tiny.h"

/* The next that waits for voters: they are so many, of three. */
static bool count(struct desk *desk, uint32_t have)
{
    struct hold *hold = clients_hold(&desk->clients, NULL);
    if (hold == NULL) return false;
    (void)hold_due(&desk->clients, hold);
    client_unheld(&desk->clients, hold, have, 3);
    return true;
}

static void a_reply_waits_for_all_voters(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "a1\nt2\np3\na4\n");
    assert_null(clients_hold(&desk.clients, NULL)); /* not before there is one */
    desk_replies(&desk, 0, "one");
    desk_replies(&desk, 0, "three");
    desk_expect_heard(&desk, "");
    struct hold *hold = clients_hold(&desk.clients, NULL);
    assert_false(hold_due(&desk.clients, hold));
    assert_int_equal(desk.turn.deadline_us, desk.turn.now.mono_us + PROTOCOL_ALL_US);
    assert_true(count(&desk, 3));
    desk_expect_heard(&desk, "one\nt2three\n");
    desk_replies(&desk, 0, "four");
    desk.turn.now.mono_us += PROTOCOL_ALL_US;
    assert_true(hold_due(&desk.clients, clients_hold(&desk.clients, NULL)));
    assert_true(count(&desk, 2));
    desk_expect_heard(&desk, "counted 2 of 3\n");
    assert_int_equal(desk.client->holds, 0);
    desk_close(&desk);
}

static void a_wait_is_counted_in_its_turn(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\nk2\nk3\np4\n");
    assert_false(count(&desk, 3));
    desk_replies(&desk, 0, "one");
    desk.turn.now.mono_us += 5000;
    assert_false(hold_due(&desk.clients, clients_hold(&desk.clients, NULL))); /* from now on */
    assert_true(count(&desk, 2));
    desk_replies(&desk, 0, "four");
    desk_expect_heard(&desk, "one\ncounted 2 of 3\n");
    assert_true(count(&desk, 1));
    desk_expect_heard(&desk, "counted 1 of 3\nfour\n");
    desk_says(&desk, "k5\n");
    assert_non_null(clients_hold(&desk.clients, NULL));
    desk_close(&desk); /* and it goes with its client */
}

static void what_a_leader_acknowledges_is_told_in_its_turn(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk_says(&desk, "p1\n");
    client_place done = client_early(desk.client, 0);
    client_place refused = client_early(desk.client, 0);
    desk_says(&desk, "t3\n");
    clients_early_refused(&desk.clients, DESK_CLIENT, refused);
    clients_early_done(&desk.clients, DESK_CLIENT, done);
    desk_expect_heard(&desk, "");
    desk_replies(&desk, 0, "one");
    desk_expect_heard(&desk, "one\ncounted 1 of 1\nrefused 0\nt3");
    assert_int_equal(desk.client->early, 0);
    client_place unknown = client_early(desk.client, 0);
    clients_early_uncertain(&desk.clients, DESK_CLIENT, unknown);
    desk_expect_heard(&desk, "");
    assert_true(desk.closed);
    clients_early_done(&desk.clients, 99, 5); /* it went */
    desk_close(&desk);
}

/* What it is told is no older than what it was told before. */
static void a_sessions_question_waits_for_those_before_it(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, &tiny_protocol);
    desk.in_order = true;
    desk_says(&desk, "s1\ns2\np3\nq4\n");
    desk_expect_requests(&desk, "s1 ");
    desk_answers(&desk, 0, "one");
    desk_turn(&desk);
    desk_expect_requests(&desk, "s2 p3 q4 ");
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sessions_question_waits_for_those_before_it),
        cmocka_unit_test(a_reply_waits_for_all_voters),
        cmocka_unit_test(a_wait_is_counted_in_its_turn),
        cmocka_unit_test(what_a_leader_acknowledges_is_told_in_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
