/* What a page does to a world: orders, goals, and the state it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "web/page.h"

enum { LATE_US = 60000000 };

struct page {
    struct steered steered;
    struct buffer answer;
};

static struct page *page_new(uint64_t seed, uint32_t nodes)
{
    struct page *page = calloc(1, sizeof *page);
    assert_non_null(page);
    struct slice none = slice_text("");
    assert_int_equal(
        page_open(&page->steered, slice_text("queue"), seed, nodes, none, &page->answer),
        PAGE_DONE);
    return page;
}

static void page_free(struct page *page)
{
    if (page->steered.world != NULL) steer_close(&page->steered);
    buffer_free(&page->answer);
    free(page);
}

static void page_order(struct page *page, const char *order)
{
    buffer_clear(&page->answer);
    if (page_do(&page->steered, slice_text(order), &page->answer) != PAGE_DONE) {
        fail_msg("%.*s", (int)page->answer.size, (const char *)buffer_slice(&page->answer).data);
    }
}

static void page_goal(struct page *page, enum steer_goal goal)
{
    uint64_t until_us = world_now_us(page->steered.world) + LATE_US;
    assert_int_equal(steer_until(&page->steered, goal, until_us), STEER_REACHED);
}

static uint32_t page_leader(struct page *page)
{
    for (uint32_t i = 0; i < page->steered.world->hosts_count; i++) {
        const struct host *host = &page->steered.world->hosts[i];
        const struct raft *raft = sim_host_raft(host);
        if (raft != NULL && raft_role(raft) == RAFT_LEADER && raft_settled(raft)) return host->id;
    }
    return 0;
}

static const struct hand_asked *page_asked(struct page *page, uint32_t number)
{
    const struct hand_asked *asked = hand_asked(hand_users(page->steered.world), number);
    assert_non_null(asked);
    return asked;
}

static void page_says(struct page *page, const char *text)
{
    buffer_clear(&page->answer);
    page_state(&page->steered, &page->answer);
    buffer_put_u8(&page->answer, 0);
    if (strstr((const char *)buffer_slice(&page->answer).data, text) == NULL) {
        fail_msg("no %s in %s", text, (const char *)buffer_slice(&page->answer).data);
    }
}

static void order_node(struct page *page, const char *verb, uint32_t node, const char *rest)
{
    char order[160];
    snprintf(order, sizeof order, "%s %u%s", verb, node, rest);
    page_order(page, order);
}

static void a_killed_leader_is_followed_by_another_and_nothing_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct page *page = page_new(seed, 3);
        page_goal(page, STEER_CALM);
        uint32_t first = page_leader(page);
        order_node(page, "put", first, " seat 12");
        page_goal(page, STEER_ANSWER);
        assert_int_equal(page_asked(page, 1)->outcome, HAND_ANSWERED);
        assert_memory_equal(page_asked(page, 1)->reply, "INSERTED 1", 10);
        order_node(page, "kill", first, "");
        page_goal(page, STEER_LEADER);
        page_goal(page, STEER_CALM);
        uint32_t second = page_leader(page);
        assert_int_not_equal(first, second);
        order_node(page, "reserve", second, "");
        page_goal(page, STEER_ANSWER);
        assert_int_equal(page_asked(page, 2)->reply_size, strlen("RESERVED 1: seat 12"));
        assert_memory_equal(page_asked(page, 2)->reply, "RESERVED 1: seat 12", 19);
        order_node(page, "restart", first, "");
        page_goal(page, STEER_NEWS);
        page_goal(page, STEER_CALM);
        page_says(page, "\"failed\":null");
        page_free(page);
    }
}

static void a_leader_cut_off_acknowledges_nothing(void **state)
{
    (void)state;
    struct page *page = page_new(3, 3);
    page_goal(page, STEER_CALM);
    uint32_t first = page_leader(page);
    order_node(page, "cut", first, "");
    order_node(page, "put", first, " seat 12");
    page_goal(page, STEER_LEADER);
    page_goal(page, STEER_ANSWER);
    assert_int_equal(page_asked(page, 1)->outcome, HAND_UNKNOWN);
    page_order(page, "heal");
    page_goal(page, STEER_NEWS);
    page_goal(page, STEER_CALM);
    page_says(page, "\"cuts\":[]");
    page_free(page);
}

static void one_link_cut_leaves_a_majority(void **state)
{
    (void)state;
    struct page *page = page_new(5, 3);
    page_goal(page, STEER_CALM);
    page_order(page, "cut 1 2");
    page_says(page, "\"cuts\":[[1,2]]");
    page_order(page, "put 3 seat 12");
    page_goal(page, STEER_ANSWER);
    assert_int_equal(page_asked(page, 1)->outcome, HAND_ANSWERED);
    page_free(page);
}

static void a_paused_leader_finds_another_when_it_goes_on(void **state)
{
    (void)state;
    struct page *page = page_new(2, 3);
    page_goal(page, STEER_CALM);
    uint32_t first = page_leader(page);
    order_node(page, "pause", first, "");
    page_says(page, "\"paused\":true");
    page_goal(page, STEER_LEADER);
    order_node(page, "resume", first, "");
    page_goal(page, STEER_NEWS);
    page_goal(page, STEER_CALM);
    assert_int_not_equal(page_leader(page), first);
    page_free(page);
}

static void who_asks_a_dead_node_knows_that_nothing_was_done(void **state)
{
    (void)state;
    struct page *page = page_new(2, 3);
    page_goal(page, STEER_CALM);
    page_order(page, "kill 2");
    page_order(page, "put 2 seat 12");
    page_goal(page, STEER_ANSWER);
    assert_int_equal(page_asked(page, 1)->outcome, HAND_UNREACHABLE);
    page_says(page, "\"outcome\":\"unreachable\"");
    page_free(page);
}

static void the_same_orders_give_the_same_states(void **state)
{
    (void)state;
    struct buffer states[2] = {{0}, {0}};
    for (int i = 0; i < 2; i++) {
        struct page *page = page_new(9, 5);
        page_goal(page, STEER_CALM);
        page_order(page, "put 4 seat 12");
        page_order(page, "kill 1");
        for (int step = 0; step < 300; step++) {
            steer_until(&page->steered, STEER_EVENT, LATE_US);
            page_state(&page->steered, &states[i]);
        }
        page_free(page);
    }
    assert_int_equal(states[0].size, states[1].size);
    assert_memory_equal(buffer_slice(&states[0]).data, buffer_slice(&states[1]).data,
                        states[0].size);
    buffer_free(&states[0]);
    buffer_free(&states[1]);
}

/* Quiet messages are shown, but are no news: who steps does not step through heartbeats. */
static void a_calm_cluster_has_events_and_no_news(void **state)
{
    (void)state;
    struct page *page = page_new(4, 3);
    page_goal(page, STEER_CALM);
    uint64_t until_us = world_now_us(page->steered.world) + 2000000;
    while (steer_until(&page->steered, STEER_NEWS, until_us) == STEER_REACHED) {}
    until_us += 1000000;
    assert_int_equal(steer_until(&page->steered, STEER_NEWS, until_us), STEER_LATE);
    until_us += 1000000;
    assert_int_equal(steer_until(&page->steered, STEER_EVENT, until_us), STEER_QUIET);
    page_says(page, "\"news\":false,\"kind\":\"heartbeat\"");
    page_free(page);
}

static void what_cannot_be_done_is_refused_in_words(void **state)
{
    (void)state;
    static const char *const orders[] = {
        "",        "kill",        "kill 4",     "kill 0", "kill one",  "kill 1 2", "cut 1 1",
        "cut 1 9", "cut 1 2 3",   "restart 1",  "heal 1", "resume 1",  "put 1",    "fly 1",
        "put",     "reserve 1 x", "delete 1 x", "kill ",  "kill -1 2", "kill 1x",
    };
    struct page *page = page_new(1, 3);
    page_goal(page, STEER_CALM);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        buffer_clear(&page->answer);
        int result = (int)page_do(&page->steered, slice_text(orders[i]), &page->answer);
        if (result != PAGE_REFUSED || page->answer.size == 0) fail_msg("%s is taken", orders[i]);
    }
    assert_int_equal(page_until(&page->steered, slice_text("soon 1"), &page->answer), -1);
    assert_int_equal(page_until(&page->steered, slice_text("time"), &page->answer), -1);
    page_order(page, "kill 1");
    assert_int_equal(page_do(&page->steered, slice_text("pause 1"), &page->answer), PAGE_REFUSED);
    assert_int_equal(page_do(&page->steered, slice_text("kill 1"), &page->answer), PAGE_REFUSED);
    page_free(page);
}

static void a_world_that_cannot_be_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *system;
        uint32_t nodes;
        const char *options;
    } rows[] = {
        {"bank", 3, ""},          {"register", 3, ""},         {"queue", 0, ""},
        {"queue", 6, ""},         {"queue", 3, "speed=1"},     {"queue", 3, "sync=0"},
        {"queue", 3, "sync=abc"}, {"queue", 3, "latency-min"}, {"queue", 3, "latency-min=1000000"},
        {"queue", 2, ""},
    };
    struct page page = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buffer_clear(&page.answer);
        int result = (int)page_open(&page.steered, slice_text(rows[i].system), 1, rows[i].nodes,
                                    slice_text(rows[i].options), &page.answer);
        if (result != PAGE_REFUSED || page.answer.size == 0) fail_msg("row %zu is taken", i);
    }
    buffer_free(&page.answer);
}

/* More questions than clients: the last is refused, and all others are remembered. */
static void clients_are_numbered_and_limited(void **state)
{
    (void)state;
    struct page *page = page_new(1, 3);
    page_goal(page, STEER_CALM);
    for (uint32_t i = 0; i < HAND_CLIENTS_MAX; i++) page_order(page, "put 1 seat");
    assert_int_equal(page_do(&page->steered, slice_text("put 1 seat"), &page->answer),
                     PAGE_REFUSED);
    page_goal(page, STEER_CALM);
    for (uint32_t i = 1; i <= HAND_CLIENTS_MAX; i++) {
        assert_int_equal(page_asked(page, i)->outcome, HAND_ANSWERED);
    }
    for (uint32_t i = 0; i < 2 * HAND_ASKED_MAX; i++) { /* to other nodes too: clients move */
        order_node(page, "put", 1 + i % 3,
                   " a seat in the last row but one, with a pillar before it, "
                   "and a coat \xe2\x82\xac over it");
        page_goal(page, STEER_CALM);
    }
    assert_null(hand_asked(hand_users(page->steered.world), 1));
    page_says(page, "\"outcome\":\"answered\"");
    page_free(page);
}

/* Every kind of entry and command that a node writes has its words. */
static void entries_are_said_in_words(void **state)
{
    (void)state;
    struct page *page = page_new(7, 3);
    page_goal(page, STEER_CALM);
    page_order(page, "put 1 seat 12");
    page_goal(page, STEER_CALM);
    page_says(page, "\"kind\":\"leader\",\"words\":\"term 2 begins\"");
    page_says(page, "is up\"");
    page_says(page, "\"kind\":\"clock\",\"words\":\"what time it is\"");
    page_says(page, "put seat 12");
    page_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_leader_is_followed_by_another_and_nothing_is_lost),
        cmocka_unit_test(a_leader_cut_off_acknowledges_nothing),
        cmocka_unit_test(one_link_cut_leaves_a_majority),
        cmocka_unit_test(a_paused_leader_finds_another_when_it_goes_on),
        cmocka_unit_test(who_asks_a_dead_node_knows_that_nothing_was_done),
        cmocka_unit_test(the_same_orders_give_the_same_states),
        cmocka_unit_test(a_calm_cluster_has_events_and_no_news),
        cmocka_unit_test(what_cannot_be_done_is_refused_in_words),
        cmocka_unit_test(a_world_that_cannot_be_is_refused_in_words),
        cmocka_unit_test(clients_are_numbered_and_limited),
        cmocka_unit_test(entries_are_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
