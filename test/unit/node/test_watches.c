/* Watches of clients: who is visited, when, and how much at a time (node/clients/watches.c). The
 * test is the machine: it reads watches on, and says what they hear. */
#include <stdio.h>

#include "clients_desk.h"
#include "loose.h"
#include "node/clients/watches.h"

static struct desk desk;

static void begin(void)
{
    desk_open(&desk, &loose_protocol);
}

static void end(void)
{
    desk_close(&desk);
}

static void watch(uint64_t token, uint32_t group, uint64_t topic)
{
    struct machine_watch cursor = {.topic = topic, .next = 1};
    desk.client->request.token = token;
    watches_open(&desk.clients, desk.client, group, &cursor);
}

static void mark(uint32_t group, uint64_t topic)
{
    watches_mark(&desk.clients, group, &(struct machine_mark){topic});
}

/* Visits all that are due in one turn; each says so, and how far it has come. Those of `more` have
 * more to read, as often. */
static uint32_t visit(uint32_t more)
{
    uint32_t visited = 0, count = 0;
    size_t room = 0;
    for (;;) {
        struct watch *at = watches_next(&desk.clients, &visited, &room);
        if (at == NULL) return count;
        char text[24];
        snprintf(text, sizeof text, "%u", (unsigned)at->cursor.next++);
        struct slice payload = slice_text(text);
        watch_push(&desk.clients, at->client, at->token, &payload);
        watch_read(&desk.clients, at, count++ < more);
    }
}

static void one_that_was_opened_is_visited_and_then_when_its_topic_is_marked(void **state)
{
    (void)state;
    begin();
    watch(1, 0, 7);
    watch(2, 0, 8);
    watch(3, 1, 7); /* another group's topic of the same number */
    assert_int_equal(visit(0), 3);
    desk_expect_heard(&desk, "1!1\n2!1\n3!1\n");
    assert_int_equal(visit(0), 0);
    mark(0, 7);
    mark(0, 7);
    mark(0, 99); /* nobody watches */
    assert_int_equal(visit(0), 1);
    desk_expect_heard(&desk, "1!2\n");
    watches_mark_all(&desk.clients, 1);
    assert_int_equal(visit(0), 1);
    desk_expect_heard(&desk, "3!2\n");
    end();
}

static void one_with_more_to_read_is_visited_again_behind_the_others(void **state)
{
    (void)state;
    begin();
    watch(1, 0, 7);
    watch(2, 0, 7);
    assert_int_equal(visit(1), 3);
    desk_expect_heard(&desk, "1!1\n2!1\n1!2\n");
    end();
}

/* A mark that comes while its watches are being visited is for all of them. */
static void marks_between_visits_are_not_lost(void **state)
{
    (void)state;
    begin();
    for (uint64_t token = 1; token <= 3; token++) watch(token, 0, 7);
    visit(0);
    desk_turn(&desk);
    buffer_clear(&desk.heard);
    mark(0, 7);
    uint32_t visited = 0;
    size_t room;
    for (uint64_t token = 1; token <= 2; token++) {
        struct watch *at = watches_next(&desk.clients, &visited, &room);
        assert_int_equal(at->token, token);
        watch_read(&desk.clients, at, false);
    }
    mark(0, 7);
    assert_int_equal(visit(0), 3);
    desk_expect_heard(&desk, "3!2\n1!2\n2!2\n");
    end();
}

static void a_turn_visits_so_many_and_asks_for_another(void **state)
{
    (void)state;
    begin();
    for (uint64_t token = 0; token < WATCHES_VISITED_MAX + 44; token++) watch(token, 0, 7);
    desk.turn.deadline_us = UINT64_MAX;
    assert_int_equal(visit(0), WATCHES_VISITED_MAX);
    assert_int_equal(desk.turn.deadline_us, desk.turn.now.mono_us);
    desk.turn.deadline_us = UINT64_MAX;
    assert_int_equal(visit(0), 44);
    assert_int_equal(desk.turn.deadline_us, UINT64_MAX);
    mark(0, 7);
    assert_int_equal(visit(0) + visit(0), WATCHES_VISITED_MAX + 44);
    assert_int_equal(visit(0), 0);
    end();
}

static void a_slow_reader_holds_its_cursor_and_no_more(void **state)
{
    (void)state;
    begin();
    watch(1, 0, 7);
    visit(0);
    desk_turn(&desk);
    buffer_clear(&desk.heard);
    desk.client->connection.unsent = WATCH_ROOM;
    for (int i = 0; i < 10; i++) {
        mark(0, 7);
        assert_int_equal(visit(0), 0);
    }
    desk_expect_heard(&desk, "");
    desk_sent(&desk);
    assert_int_equal(visit(0), 1); /* once, for all the marks */
    desk_expect_heard(&desk, "1!2\n");
    uint32_t visited = 0;
    size_t room = 0;
    desk.client->connection.unsent = WATCH_ROOM - 100;
    mark(0, 7);
    watch_read(&desk.clients, watches_next(&desk.clients, &visited, &room), false);
    assert_int_equal(room, 100);
    desk.client->connection.unsent = 0;
    end();
}

static void what_is_cancelled_or_gone_is_visited_no_more(void **state)
{
    (void)state;
    begin();
    watch(1, 0, 7);
    watch(2, 0, 7);
    watch(3, 0, 8);
    watches_cancel(&desk.clients, desk.client, 1);
    watches_cancel(&desk.clients, desk.client, 99);
    assert_int_equal(visit(0), 2);
    desk_expect_heard(&desk, "2!1\n3!1\n");
    mark(0, 7);
    mark(0, 8);
    watches_cancel(&desk.clients, desk.client, 2); /* the last of a topic that was marked */
    assert_int_equal(visit(0), 1);
    desk_expect_heard(&desk, "3!2\n");
    mark(0, 8);
    connection_close(&desk.connections, &desk.client->connection);
    assert_int_equal(visit(0), 0);
    end();
    assert_true(list_empty(&desk.clients.topics_all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_was_opened_is_visited_and_then_when_its_topic_is_marked),
        cmocka_unit_test(one_with_more_to_read_is_visited_again_behind_the_others),
        cmocka_unit_test(marks_between_visits_are_not_lost),
        cmocka_unit_test(a_turn_visits_so_many_and_asks_for_another),
        cmocka_unit_test(a_slow_reader_holds_its_cursor_and_no_more),
        cmocka_unit_test(what_is_cancelled_or_gone_is_visited_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
