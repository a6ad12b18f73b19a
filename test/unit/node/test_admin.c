/* The admin port of whole nodes, in virtual time: its pages, those of the protocol, and what those
 * hear who wait or watch (node/admin/admin.c, status.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "tiny.h"

enum { SECOND_US = 1000000, BIG = 2 << 20, INPUT_MAX = 128 << 10 };

/* /own/ask, /own/literal; POST /own/change, /own/wait (which is never answered), /own/big. */
static enum protocol_request_kind own_pages(struct slice path, struct slice query, bool post,
                                            struct buffer *command, unsigned *status)
{
    (void)query;
    if (slice_equal(path, slice_text("/own/literal"))) {
        *status = 418;
        buffer_append_text(command, "as it is\n");
        return PROTOCOL_LITERAL;
    }
    if (slice_equal(path, slice_text("/own/ask"))) {
        buffer_append_text(command, "question");
        return PROTOCOL_QUERY;
    }
    if (!post) return PROTOCOL_NONE;
    if (slice_equal(path, slice_text("/own/wait"))) {
        buffer_append_text(command, "wait");
    } else {
        buffer_append_text(command, "change");
        if (slice_equal(path, slice_text("/own/big"))) {
            memset(buffer_reserve(command, BIG), 'x', BIG);
            buffer_grew(command, BIG);
        }
    }
    return PROTOCOL_PROPOSE;
}

static void own_reply(const void *payload, struct buffer *body, unsigned *status)
{
    *status = 200;
    buffer_append_slice(body, *(const struct slice *)payload);
}

static struct protocol_ops protocol;
static struct cluster *cluster;
static struct node_config config;

static int set_up(void **state)
{
    (void)state;
    protocol = tiny_protocol;
    protocol.admin = own_pages;
    protocol.admin_reply = own_reply;
    config = (struct node_config){.machine = &tiny_machine, .protocol = &protocol};
    node_config_defaults(&config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cluster_free(cluster);
    return 0;
}

static void begin(uint32_t nodes)
{
    cluster = cluster_new(nodes, &config);
    cluster_run(cluster, 3 * SECOND_US);
    assert_int_not_equal(cluster_leader(cluster), 0);
}

static uint32_t follower(void)
{
    return cluster_leader(cluster) == 1 ? 2 : 1;
}

static void request(struct cluster_wire *wire, const char *method, const char *target)
{
    char text[512];
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: 10.0.0.1:9000\r\n\r\n", method, target);
    cluster_say(cluster, wire, text);
}

static struct cluster_wire *ask(uint32_t node, const char *method, const char *target)
{
    struct cluster_wire *wire = cluster_open(cluster, node, NODE_ADMIN);
    request(wire, method, target);
    return wire;
}

static void expect_heard(struct cluster_wire *wire, unsigned status, const char *words)
{
    char line[32];
    const char *heard = cluster_heard(wire);
    snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    if (strncmp(heard, line, strlen(line)) != 0 || strstr(heard, words) == NULL) {
        fail_msg("expected %u and \"%s\", heard \"%s\"", status, words, heard);
    }
    cluster_forget(wire);
}

static void answers(uint32_t node, const char *method, const char *target, unsigned status,
                    const char *words)
{
    struct cluster_wire *wire = ask(node, method, target);
    cluster_run(cluster, SECOND_US / 10);
    expect_heard(wire, status, words);
    cluster_hang_up(cluster, wire);
}

/* --- pages --- */

static void pages_are_only_read(void **state)
{
    (void)state;
    static const char *const pages[] = {"/health", "/livez",   "/readyz",
                                        "/status", "/metrics", "/events"};
    begin(1);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        answers(1, "POST", pages[i], 405, "Allow: GET, HEAD\r\n");
        answers(1, "GET", pages[i], 200, "\r\n");
    }
    answers(1, "HEAD", "/health", 200, "Content-Length: 3\r\n");
    answers(1, "GET", "/nothing", 404, "no such page: /health ");
}

static void what_is_no_request_is_refused_and_the_connection_ends(void **state)
{
    (void)state;
    begin(1);
    struct cluster_wire *wire = cluster_open(cluster, 1, NODE_ADMIN);
    cluster_say(cluster, wire, "put 1 0 10 3\r\nabc\r\n\r\n");
    cluster_run(cluster, 1000);
    expect_heard(wire, 400, "Connection: close\r\n");
    assert_true(wire->closed);
}

static void a_protocol_need_not_have_pages(void **state)
{
    (void)state;
    protocol.admin = NULL;
    begin(1);
    answers(1, "POST", "/own/change", 404, "no such page");
}

static void the_protocols_own_pages(void **state)
{
    (void)state;
    begin(3);
    for (uint32_t node = 1; node <= 3; node++) {
        answers(node, "GET", "/own/ask", 200, "\r\n\r\nquestion");
        answers(node, "GET", "/own/literal", 418, "\r\n\r\nas it is\n");
        answers(node, "POST", "/own/change", 200, "\r\n\r\nchange");
        answers(node, "GET", "/own/change", 404, "no such page");
    }
}

/* --- the node of itself --- */

static void a_status_says_what_a_node_believes(void **state)
{
    (void)state;
    config.announced_count = 2;
    strcpy(config.announced[0], "queue.example.com:80");
    config.fsync_never = true;
    begin(3);
    uint32_t leader = cluster_leader(cluster);
    char words[64];
    answers(leader, "GET", "/status", 200, "\"role\":\"leader\",\"membership\":\"member\"");
    answers(leader, "GET", "/status", 200, "\"announced\":[\"queue.example.com:80\",\"\"]");
    answers(leader, "GET", "/status", 200, "\"needs_snapshot\":false,\"caught_up\":true,\"heard_");
    answers(leader, "GET", "/status", 200, "\"ahead_us_min\":");
    answers(follower(), "GET", "/status", 200, "\"role\":\"follower\"");
    answers(follower(), "GET", "/status", 200, "\"followers\":[]");
    answers(follower(), "GET", "/status", 200, "\"fsync\":\"never\"");
    snprintf(words, sizeof words, "\nquartet_raft_leader %u\n", (unsigned)leader);
    answers(follower(), "GET", "/metrics", 200, words);
    node_set_world_metrics(cluster->nodes[leader], slice_text("of_the_world 7\n"));
    answers(leader, "GET", "/metrics", 200, "\nof_the_world 7\n");
}

static void one_that_waits_for_the_others_to_found_says_so(void **state)
{
    (void)state;
    cluster = cluster_new(3, &config);
    cluster_stop(cluster, 2);
    cluster_run(cluster, 3 * SECOND_US);
    answers(1, "GET", "/health", 503, "waiting for all of --peers to found the cluster");
    answers(1, "GET", "/readyz", 503, "waiting for all of --peers to found the cluster");
    answers(1, "GET", "/livez", 200, "ok");
    answers(1, "GET", "/status", 200, "\"role\":\"founding\"");
    answers(1, "GET", "/metrics", 200, "\nquartet_healthy 0\n");
    answers(1, "GET", "/members", 503, "no leader is known here");
    cluster_go_on(cluster);
    cluster_run(cluster, 3 * SECOND_US);
    answers(1, "GET", "/health", 200, "ok");
}

static void one_that_does_not_reach_its_leader_is_not_ready(void **state)
{
    (void)state;
    begin(3);
    uint32_t node = follower(), leader = cluster_leader(cluster);
    answers(node, "GET", "/readyz", 200, "ok");
    struct cluster_wire *wire = ask(node, "GET", "/readyz");
    for (size_t i = 0; i < CLUSTER_WIRES_MAX; i++) {
        struct cluster_wire *at = &cluster->wires[i];
        if (at->node != node || at->other == NULL || at->other->node != leader) continue;
        cluster_closed(cluster, at->other);
        cluster_closed(cluster, at);
    }
    request(wire, "GET", "/readyz");
    cluster_run(cluster, 1000);
    assert_non_null(strstr(cluster_heard(wire), "no connection to the leader\n"));
    cluster_run(cluster, SECOND_US);
    answers(node, "GET", "/readyz", 200, "ok");
}

static void one_that_is_draining_says_so(void **state)
{
    (void)state;
    begin(1);
    /* A client that waits keeps it for a while. */
    struct cluster_wire *client = cluster_open(cluster, 1, NODE_CLIENT);
    cluster_say(cluster, client, "wait\n");
    struct cluster_wire *kept = ask(1, "GET", "/health");
    cluster_run(cluster, 1000);
    expect_heard(kept, 200, "ok");
    cluster_later(cluster, 1, (struct event){.type = EVENT_DRAIN});
    request(kept, "GET", "/health");
    cluster_run(cluster, 1000);
    expect_heard(kept, 503, "draining\n");
    assert_true(kept->closed);
}

/* --- those who wait --- */

static void a_change_that_is_not_answered_may_still_happen(void **state)
{
    (void)state;
    begin(1);
    struct cluster_wire *wire = ask(1, "POST", "/own/wait");
    cluster_run(cluster, 9 * SECOND_US);
    assert_string_equal(cluster_heard(wire), "");
    cluster_run(cluster, 2 * SECOND_US);
    expect_heard(wire, 503, "no leader has confirmed it in time; it may still happen");
    assert_true(wire->closed);
}

static void one_who_hangs_up_is_not_waited_for(void **state)
{
    (void)state;
    begin(3);
    uint32_t node = follower();
    struct cluster_wire *wire = ask(node, "POST", "/own/change");
    cluster_run(cluster, 200); /* it is on its way */
    cluster_hang_up(cluster, wire);
    cluster_run(cluster, SECOND_US);
    answers(node, "POST", "/own/change", 200, "change");
    assert_false(cluster_told(cluster, node, "reborn"));
}

static void what_no_leader_took_was_not_done(void **state)
{
    (void)state;
    begin(3);
    cluster->deaf = true;
    cluster_run(cluster, 3 * SECOND_US);
    struct cluster_wire *wire = ask(1, "POST", "/own/change");
    struct cluster_wire *gone = ask(1, "POST", "/own/change");
    struct cluster_wire *ended = ask(1, "POST", "/own/change");
    cluster_run(cluster, SECOND_US);
    cluster_hang_up(cluster, gone);
    cluster_later(cluster, 1,
                  (struct event){.type = EVENT_ENDED, .connection = ended->number}); /* of it */
    cluster_run(cluster, 3 * SECOND_US);
    expect_heard(wire, 503, "no leader is known here: nothing was done; try again");
}

/* It stood still for longer than its lease, and its sessions are over: the command may have been
 * carried out before that, or not. */
static void one_that_was_taken_for_dead_says_so(void **state)
{
    (void)state;
    config.session_lease_us = 3 * SECOND_US;
    begin(3);
    uint32_t node = follower();
    struct cluster_wire *other = ask(node, "GET", "/livez");
    struct cluster_wire *wire = ask(node, "POST", "/own/wait");
    cluster_run(cluster, SECOND_US);
    expect_heard(other, 200, "ok");
    cluster_stop(cluster, node);
    cluster_run(cluster, 6 * SECOND_US);
    cluster_go_on(cluster);
    cluster_run(cluster, 2 * SECOND_US);
    assert_true(cluster_told(cluster, node, "reborn"));
    expect_heard(wire, 503, "this node was taken for dead meanwhile; it may still happen");
    assert_false(other->closed);
}

static void more_than_may_be_under_way_is_refused(void **state)
{
    (void)state;
    begin(3);
    cluster->deaf = true;
    cluster_run(cluster, 3 * SECOND_US);
    struct cluster_wire *wires[40];
    for (size_t i = 0; i < 40; i++) wires[i] = ask(1, "POST", "/own/big");
    cluster_run(cluster, 1000);
    assert_string_equal(cluster_heard(wires[0]), "");
    expect_heard(wires[39], 503, "busy: nothing was done; try again");
}

/* What it says behind a question that waits is kept, up to a limit. */
static void one_who_says_too_much_meanwhile_is_let_go(void **state)
{
    (void)state;
    static char much[INPUT_MAX + 1];
    begin(1);
    struct cluster_wire *patient = ask(1, "POST", "/own/wait");
    struct cluster_wire *wire = ask(1, "POST", "/own/wait");
    request(patient, "GET", "/livez");
    cluster_run(cluster, 1000);
    memset(much, 'x', sizeof much - 1);
    cluster_say(cluster, wire, much);
    cluster_run(cluster, 1000);
    assert_false(wire->closed);
    cluster_say(cluster, wire, "y");
    cluster_run(cluster, 1000);
    assert_true(wire->closed);
    assert_false(patient->closed);
}

/* --- those who watch --- */

static unsigned count(const char *text, const char *word)
{
    unsigned found = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) found++;
    return found;
}

static void events_are_the_trace_line_by_line(void **state)
{
    (void)state;
    config.trace_messages = true;
    begin(3);
    struct cluster_wire *stream = ask(1, "GET", "/events");
    struct cluster_wire *plain = ask(1, "GET", "/livez");
    cluster_run(cluster, SECOND_US);
    const char *heard = cluster_heard(stream);
    assert_non_null(strstr(heard, "Content-Type: text/event-stream"));
    assert_true(count(heard, "\ndata: sends ") > 10 && count(heard, "\ndata: hears ") > 10);
    assert_true(count(heard, " granted=yes") > 0);
    expect_heard(plain, 200, "ok");
    /* Nothing that it says is heard, and nothing more is said when it is gone. */
    cluster_say(cluster, stream, "GET /livez HTTP/1.1\r\n\r\n");
    cluster_run(cluster, SECOND_US);
    assert_int_equal(count(cluster_heard(stream), "HTTP/1.1"), 1);
}

static void one_who_does_not_read_is_not_told_all(void **state)
{
    (void)state;
    config.trace_messages = true;
    begin(3);
    struct cluster_wire *stream = ask(1, "GET", "/events");
    stream->unread = true;
    cluster_run(cluster, 60 * SECOND_US);
    size_t size = stream->heard.size;
    assert_in_range(size, INPUT_MAX, 2 * INPUT_MAX);
    cluster_run(cluster, 10 * SECOND_US);
    assert_int_equal(stream->heard.size, size);
    assert_false(stream->closed);
}

int main(void)
{
#define ADMIN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(pages_are_only_read),
        ADMIN_TEST(what_is_no_request_is_refused_and_the_connection_ends),
        ADMIN_TEST(a_protocol_need_not_have_pages),
        ADMIN_TEST(the_protocols_own_pages),
        ADMIN_TEST(a_status_says_what_a_node_believes),
        ADMIN_TEST(one_that_waits_for_the_others_to_found_says_so),
        ADMIN_TEST(one_that_does_not_reach_its_leader_is_not_ready),
        ADMIN_TEST(one_that_is_draining_says_so),
        ADMIN_TEST(a_change_that_is_not_answered_may_still_happen),
        ADMIN_TEST(one_who_hangs_up_is_not_waited_for),
        ADMIN_TEST(what_no_leader_took_was_not_done),
        ADMIN_TEST(one_that_was_taken_for_dead_says_so),
        ADMIN_TEST(more_than_may_be_under_way_is_refused),
        ADMIN_TEST(one_who_says_too_much_meanwhile_is_let_go),
        ADMIN_TEST(events_are_the_trace_line_by_line),
        ADMIN_TEST(one_who_does_not_read_is_not_told_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
