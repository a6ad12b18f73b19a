/* The admin port of whole nodes, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "systems/queue/machine/queue.h"
#include "systems/queue/protocol/beanstalk.h"

enum { SECOND_US = 1000000 };

static const struct queue_options machine_options;

static struct node_config any_config(void)
{
    struct node_config config = {
        .machine = &queue_ops, .machine_options = &machine_options, .protocol = &beanstalk_ops};
    node_config_defaults(&config);
    return config;
}

static struct cluster *open_cluster(uint32_t nodes)
{
    struct node_config config = any_config();
    struct cluster *cluster = cluster_new(nodes, &config);
    cluster_run(cluster, 3 * SECOND_US);
    assert_int_not_equal(cluster_leader(cluster), 0);
    return cluster;
}

static uint32_t follower_of(const struct cluster *cluster)
{
    return cluster_leader(cluster) == 1 ? 2 : 1;
}

static void request(struct cluster *cluster, struct cluster_wire *wire, const char *method,
                    const char *target)
{
    char text[512];
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: 10.0.0.1:9000\r\n\r\n", method, target);
    cluster_say(cluster, wire, text);
}

static bool answered(struct cluster_wire *wire, const char *status)
{
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    return strncmp(cluster_heard(wire), line, strlen(line)) == 0;
}

/* --- sessions --- */

/* What an admin changes goes through the log under the node's name, as of a client: the node has to
 * say that it lives for as long as for one. */
static void a_change_at_a_follower_costs_no_client_its_connection(void **state)
{
    (void)state;
    for (int leaves = 0; leaves < 2; leaves++) {
        struct cluster *cluster = open_cluster(3);
        uint32_t node = follower_of(cluster);
        struct cluster_wire *reader = cluster_open(cluster, node, NODE_CLIENT);
        struct cluster_wire *admin = cluster_open(cluster, node, NODE_ADMIN);
        request(cluster, admin, "POST", "/queue/policy?tube=default&attempts=3");
        cluster_run(cluster, SECOND_US);
        assert_true(answered(admin, "200"));
        if (leaves) cluster_hang_up(cluster, admin);
        cluster_run(cluster, 30 * SECOND_US);
        assert_false(cluster_told(cluster, node, "reborn"));
        assert_false(reader->closed);
        cluster_say(cluster, reader, "list-tube-used\r\n");
        cluster_run(cluster, SECOND_US);
        assert_string_equal(cluster_heard(reader), "USING default\r\n");
        cluster_free(cluster);
    }
}

static void what_was_never_sent_was_certainly_not_done(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(3);
    cluster->deaf = true;
    cluster_run(cluster, 3 * SECOND_US);
    assert_int_equal(cluster_leader(cluster), 0);
    struct cluster_wire *admin = cluster_open(cluster, 1, NODE_ADMIN);
    request(cluster, admin, "POST", "/queue/policy?tube=default&attempts=3");
    cluster_run(cluster, 4 * SECOND_US);
    assert_true(answered(admin, "503"));
    assert_non_null(strstr(cluster_heard(admin), "nothing was done"));
    cluster->deaf = false;
    cluster_run(cluster, 30 * SECOND_US);
    assert_false(cluster_told(cluster, 1, "reborn"));
    cluster_free(cluster);
}

/* --- changes of the membership --- */

enum { ADMINS = 6, CHANGES_WAITING_MAX = 16 };

/* Each asks for something else, `apart_us` after the one before it. */
static void ask_all(struct cluster *cluster, bool at_leader, uint64_t apart_us)
{
    struct cluster_wire *admins[ADMINS];
    for (uint32_t i = 0; i < ADMINS; i++) {
        char target[80];
        uint32_t node = at_leader ? cluster_leader(cluster) : 1 + i % 3;
        admins[i] = cluster_open(cluster, node, NODE_ADMIN);
        snprintf(target, sizeof target, "/members?do=add&id=%u&address=node-1:7000",
                 (unsigned)i + 4);
        request(cluster, admins[i], "POST", target);
        if (apart_us != 0) cluster_run(cluster, apart_us);
    }
    cluster_run(cluster, SECOND_US);
    for (uint32_t i = 0; i < ADMINS; i++) {
        if (answered(admins[i], "200")) continue;
        fail_msg("%s, %u us apart, the one of node %u: \"%s\"", at_leader ? "leader" : "any",
                 (unsigned)apart_us, (unsigned)i + 4, cluster_heard(admins[i]));
    }
}

static void everyone_who_changes_members_hears_an_answer(void **state)
{
    (void)state;
    for (uint64_t hops = 0; hops < 12; hops++) {
        for (int at_leader = 0; at_leader < 2; at_leader++) {
            struct cluster *cluster = open_cluster(3);
            ask_all(cluster, at_leader, hops * CLUSTER_HOP_US);
            cluster_free(cluster);
        }
    }
}

static void changes_that_wait_have_a_limit(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(3);
    struct cluster_wire *admins[CHANGES_WAITING_MAX + 3];
    uint32_t leader = cluster_leader(cluster);
    for (uint32_t i = 0; i < CHANGES_WAITING_MAX + 3; i++) {
        admins[i] = cluster_open(cluster, leader, NODE_ADMIN);
        request(cluster, admins[i], "POST", "/members?do=add&id=4&address=node-1:7000");
    }
    struct cluster_wire *gone = admins[1]; /* while it waits */
    cluster_closed(cluster, gone);
    cluster_run(cluster, SECOND_US);
    assert_true(answered(admins[0], "200"));
    for (uint32_t i = 2; i <= CHANGES_WAITING_MAX; i++) assert_true(answered(admins[i], "409"));
    for (uint32_t i = CHANGES_WAITING_MAX + 1; i < CHANGES_WAITING_MAX + 3; i++) {
        assert_true(answered(admins[i], "503"));
        assert_non_null(strstr(cluster_heard(admins[i]), "busy: "));
    }
    assert_string_equal(cluster_heard(gone), "");
    cluster_free(cluster);
}

/* One that cannot be committed keeps the others waiting, and they are told before they give up. */
static void changes_do_not_wait_for_ever(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(3);
    uint32_t leader = cluster_leader(cluster);
    struct cluster_wire *first = cluster_open(cluster, leader, NODE_ADMIN);
    struct cluster_wire *second = cluster_open(cluster, leader, NODE_ADMIN);
    cluster->deaf = true; /* from now on */
    request(cluster, first, "POST", "/members?do=add&id=4&address=node-1:7000");
    request(cluster, second, "POST", "/members?do=add&id=5&address=node-1:7000");
    cluster_run(cluster, 9 * SECOND_US);
    assert_false(answered(first, "200"));
    assert_true(answered(second, "503"));
    cluster_run(cluster, 2 * SECOND_US);
    assert_non_null(strstr(cluster_heard(first), "HTTP/1.1 "));
    cluster_free(cluster);
}

/* --- connections --- */

enum { PLACES = 64, PLACES_KEPT = 8 };

static struct cluster_wire *ask(struct cluster *cluster, uint32_t node, const char *text)
{
    struct cluster_wire *wire = cluster_open(cluster, node, NODE_ADMIN);
    cluster_say(cluster, wire, text);
    cluster_run(cluster, SECOND_US / 10);
    return wire;
}

static void expect_status(struct cluster *cluster, uint32_t node, const char *text,
                          const char *status)
{
    struct cluster_wire *wire = ask(cluster, node, text);
    if (!answered(wire, status)) fail_msg("%snot %s: %s", text, status, cluster_heard(wire));
    cluster_hang_up(cluster, wire);
}

static void expect_page(struct cluster *cluster, uint32_t node, const char *path,
                        const char *status)
{
    char text[128];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 10.0.0.1:9000\r\n\r\n", path);
    expect_status(cluster, node, text, status);
}

static void who_asks_nothing_keeps_nobody_out(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(1);
    struct cluster_wire *idle[PLACES];
    for (uint32_t i = 0; i < PLACES; i++) {
        idle[i] = cluster_open(cluster, 1, NODE_ADMIN);
        if (i % 2) cluster_say(cluster, idle[i], "GET /health HTTP/1.1\r\n");
        cluster_run(cluster, 1000);
    }
    for (uint32_t i = 0; i < PLACES; i++) assert_false(idle[i]->closed);
    expect_page(cluster, 1, "/health", "200");
    assert_true(idle[0]->closed); /* the oldest */
    assert_false(idle[1]->closed);
    cluster_free(cluster);
}

static void who_asks_nothing_is_let_go(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(1);
    struct cluster_wire *silent = cluster_open(cluster, 1, NODE_ADMIN);
    struct cluster_wire *half = ask(cluster, 1, "GET /health HTTP/1.1\r\nHost:");
    struct cluster_wire *kept = cluster_open(cluster, 1, NODE_ADMIN);
    struct cluster_wire *stream = cluster_open(cluster, 1, NODE_ADMIN);
    request(cluster, kept, "GET", "/health");
    request(cluster, stream, "GET", "/events");
    cluster_run(cluster, 9 * SECOND_US);
    cluster_say(cluster, half, " a\r\n"); /* does not gain it time */
    assert_false(silent->closed || half->closed);
    cluster_run(cluster, 2 * SECOND_US);
    assert_true(silent->closed && half->closed);
    assert_string_equal(cluster_heard(silent), "");
    assert_true(answered(half, "408"));
    for (int scrapes = 0; scrapes < 3; scrapes++) { /* one a minute, as Prometheus may */
        cluster_run(cluster, 60 * SECOND_US);
        cluster_forget(kept);
        request(cluster, kept, "GET", "/metrics");
        cluster_run(cluster, SECOND_US);
        assert_true(answered(kept, "200"));
    }
    cluster_run(cluster, 76 * SECOND_US);
    assert_true(kept->closed);
    assert_false(stream->closed);
    cluster_free(cluster);
}

static void those_who_watch_leave_places_to_those_who_ask(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(1);
    struct cluster_wire *streams[PLACES];
    unsigned watching = 0;
    for (uint32_t i = 0; i < PLACES; i++) {
        streams[i] = cluster_open(cluster, 1, NODE_ADMIN);
        request(cluster, streams[i], "GET", "/events");
        cluster_run(cluster, 1000);
        watching += answered(streams[i], "200");
    }
    assert_int_equal(watching, PLACES - PLACES_KEPT);
    assert_true(answered(streams[PLACES - 1], "503"));
    assert_non_null(strstr(cluster_heard(streams[PLACES - 1]), "busy: "));
    for (int i = 0; i < 3 * PLACES; i++) { /* those who were refused stay, and are let go */
        struct cluster_wire *wire = cluster_open(cluster, 1, NODE_ADMIN);
        request(cluster, wire, "GET", "/health");
        cluster_run(cluster, 1000);
        assert_true(answered(wire, "200"));
    }
    for (int i = 0; i < PLACES - PLACES_KEPT; i++) assert_false(streams[i]->closed);
    expect_status(cluster, 1, "POST /queue/policy?tube=a&attempts=3 HTTP/1.0\r\n\r\n", "503");
    cluster_hang_up(cluster, streams[0]);
    cluster_run(cluster, 1000);
    expect_status(cluster, 1, "POST /queue/policy?tube=a&attempts=3 HTTP/1.0\r\n\r\n", "200");
    cluster_free(cluster);
}

static void bodies_come_as_clients_send_them(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(1);
    struct cluster_wire *wire =
        ask(cluster, 1,
            "POST /queue/policy?tube=a&attempts=3 HTTP/1.1\r\nHost: localhost\r\n"
            "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_string_equal(cluster_heard(wire), "HTTP/1.1 100 Continue\r\n\r\n");
    cluster_forget(wire);
    cluster_say(cluster, wire,
                "3\r\nabc\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cluster_run(cluster, SECOND_US);
    assert_true(answered(wire, "200"));
    assert_non_null(strstr(cluster_heard(wire), "ok\nHTTP/1.1 200 ")); /* both */
    cluster_free(cluster);
}

/* --- what probes ask --- */

static void alive_is_not_ready(void **state)
{
    (void)state;
    struct node_config config = any_config();
    struct cluster *cluster = cluster_new(3, &config);
    cluster->deaf = true;
    cluster_run(cluster, SECOND_US);
    for (int round = 0; round < 2; round++) { /* not founded; then, without a leader */
        expect_page(cluster, 1, "/livez", "200");
        expect_page(cluster, 1, "/readyz", "503");
        expect_page(cluster, 1, "/health", "503");
        cluster->deaf = false;
        cluster_run(cluster, 10 * SECOND_US);
        for (uint32_t node = 1; node <= 3; node++) expect_page(cluster, node, "/readyz", "200");
        cluster->deaf = true;
        cluster_run(cluster, 5 * SECOND_US);
    }
    cluster->deaf = false;
    cluster_run(cluster, 10 * SECOND_US);
    uint32_t follower = follower_of(cluster);
    struct event drain = {.type = EVENT_DRAIN};
    struct cluster_wire *client = cluster_open(cluster, follower, NODE_CLIENT);
    cluster_say(cluster, client, "put 0 0 60 1\r\nx\r\n");
    cluster_run(cluster, 1000);
    cluster_later(cluster, follower, drain);
    cluster_run(cluster, 300);
    struct cluster_wire *wire = cluster_open(cluster, follower, NODE_ADMIN);
    request(cluster, wire, "GET", "/readyz");
    cluster_run(cluster, 300);
    assert_true(answered(wire, "503"));
    assert_non_null(strstr(cluster_heard(wire), "draining"));
    cluster_free(cluster);
}

/* --- who may ask --- */

static void only_names_of_this_node_are_answered(void **state)
{
    (void)state;
    static const char *const known[] = {
        "127.0.0.1",  "10.1.2.3:9000", "[::1]",       "[fe80::1]:9000",   "localhost",
        "LOCALHOST.", "localhost:",    "node-1",      "node-3:9002",      "Queue.Example.org:80",
        "second",     "node-2.:9000",  "255.0.0.255", "shop.example.org",
    };
    static const char *const strangers[] = {
        "",
        "evil.example",
        "evil.example:9000",
        "localhost.evil.example",
        "node-4",
        "127.0.0.1.evil.com",
        "127.0.0",
        "256.0.0.1",
        "1.2.3.4.5",
        "[::1].evil.com",
        "[evil]",
        "[::1",
        "::1",
        "queue.example.org,a",
        "example.org",
        "localhost:80:80",
        "0127.0.0.1",
        "localhost..",
        ":9000",
        "127.0.0.1:a",
    };
    struct node_config config = any_config();
    config.admin_hosts = "queue.example.org,second";
    config.announced_count = 1;
    strcpy(config.announced[0], "shop.example.org:11300");
    struct cluster *cluster = cluster_new(3, &config);
    cluster_run(cluster, 3 * SECOND_US);
    char text[256];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        snprintf(text, sizeof text, "GET /livez HTTP/1.1\r\nHost: %s\r\n\r\n", known[i]);
        expect_status(cluster, 1, text, "200");
    }
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        snprintf(text, sizeof text, "GET /livez HTTP/1.1\r\nHost: %s\r\n\r\n", strangers[i]);
        expect_status(cluster, 1, text, "421");
    }
    expect_status(cluster, 1, "GET /livez HTTP/1.0\r\n\r\n", "200");
    expect_status(cluster, 1, "GET /livez HTTP/1.0\r\nHost: evil\r\n\r\n", "421");
    /* The target's host is the one that counts. */
    expect_status(cluster, 1, "GET http://evil/livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "421");
    expect_status(cluster, 1, "GET http://localhost/livez HTTP/1.1\r\nHost: evil\r\n\r\n", "200");
    cluster_free(cluster);
}

static void a_member_that_was_added_is_known_by_its_name(void **state)
{
    (void)state;
    struct cluster *cluster = open_cluster(3);
    static const char asked[] = "GET /livez HTTP/1.1\r\nHost: new-node\r\n\r\n";
    uint32_t leader = cluster_leader(cluster);
    expect_status(cluster, leader, asked, "421");
    expect_status(cluster, leader,
                  "POST /members?do=add&id=4&address=new-node:7000 HTTP/1.0\r\n\r\n", "200");
    expect_status(cluster, leader, asked, "200");
    cluster_free(cluster);
}

static void a_page_from_elsewhere_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *method, *host, *origin, *status;
    } cases[] = {
        {"POST", "10.0.0.1:9000", "http://evil.example", "403"},
        {"POST", "10.0.0.1:9000", "null", "403"},
        {"POST", "10.0.0.1:9000", "", "403"},
        {"POST", "10.0.0.1:9000", "http://10.0.0.1", "403"},
        {"POST", "10.0.0.1:9000", "http://10.0.0.1:9001", "403"},
        {"POST", "10.0.0.1:9000", "http://10.0.0.1:9000.evil.example", "403"},
        {"POST", "10.0.0.1:9000", "file://10.0.0.1:9000", "403"},
        {"POST", "10.0.0.1:9000", "http://10.0.0.1:9000", "200"},
        {"POST", "localhost", "https://LOCALHOST", "200"},
        {"GET", "10.0.0.1:9000", "http://evil.example", "200"}, /* it cannot read this */
    };
    struct cluster *cluster = open_cluster(1);
    expect_status(cluster, 1, "POST /queue/policy?tube=a&attempts=3 HTTP/1.0\r\n\r\n", "200");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "%s /queue/policy?tube=a&attempts=3 HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\n\r\n",
                 cases[i].method, cases[i].host, cases[i].origin);
        expect_status(cluster, 1, text, cases[i].status);
    }
    cluster_free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_at_a_follower_costs_no_client_its_connection),
        cmocka_unit_test(what_was_never_sent_was_certainly_not_done),
        cmocka_unit_test(everyone_who_changes_members_hears_an_answer),
        cmocka_unit_test(changes_that_wait_have_a_limit),
        cmocka_unit_test(changes_do_not_wait_for_ever),
        cmocka_unit_test(who_asks_nothing_keeps_nobody_out),
        cmocka_unit_test(who_asks_nothing_is_let_go),
        cmocka_unit_test(those_who_watch_leave_places_to_those_who_ask),
        cmocka_unit_test(bodies_come_as_clients_send_them),
        cmocka_unit_test(alive_is_not_ready),
        cmocka_unit_test(only_names_of_this_node_are_answered),
        cmocka_unit_test(a_member_that_was_added_is_known_by_its_name),
        cmocka_unit_test(a_page_from_elsewhere_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
