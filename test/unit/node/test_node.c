/* What the world reports to a node, at the ports of clients, and in an order that no test of a part
 * has: of connections that are gone, of a full disk, of the end (node/node.c, requests.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "tiny.h"

enum { SECOND_US = 1000000 };

static struct cluster *cluster;
static struct node_config config;

static int set_up(void **state)
{
    (void)state;
    config = (struct node_config){.machine = &tiny_machine, .protocol = &tiny_protocol};
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

static struct cluster_wire *client(uint32_t node, const char *text)
{
    struct cluster_wire *wire = cluster_open(cluster, node, NODE_CLIENT);
    cluster_say(cluster, wire, text);
    cluster_run(cluster, SECOND_US / 10);
    return wire;
}

static void tell(uint32_t node, enum event_type type, uint32_t connection)
{
    cluster_later(cluster, node,
                  (struct event){.type = type, .connection = connection, .count = 5});
    cluster_run(cluster, 1000);
}

static void expect(struct cluster_wire *wire, const char *text)
{
    assert_string_equal(cluster_heard(wire), text);
    cluster_forget(wire);
}

static void what_is_said_of_nobody_changes_nothing(void **state)
{
    (void)state;
    static const enum event_type types[] = {EVENT_CONNECT_FAILED, EVENT_RECEIVED, EVENT_SENT,
                                            EVENT_ENDED, EVENT_CLOSED};
    begin(1);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) tell(1, types[i], 12345);
    tell(1, EVENT_SNAPSHOT_WRITTEN, 0); /* none is */
    tell(1, EVENT_SNAPSHOT_DURABLE, 0);
    tell(1, EVENT_SNAPSHOT_FAILED, 0);
    expect(client(1, "pa\n"), "pa\n");
}

static void more_is_reported_sent_than_was(void **state)
{
    (void)state;
    begin(1);
    struct cluster_wire *wire = client(1, "pa\n");
    tell(1, EVENT_SENT, wire->number);
    cluster_say(cluster, wire, "pb\n");
    cluster_run(cluster, 1000);
    expect(wire, "pa\npb\n");
}

/* Only a client may fall silent and still listen. */
static void who_says_nothing_more_is_answered_and_let_go(void **state)
{
    (void)state;
    begin(3);
    for (uint32_t node = 1; node <= 3; node++) {
        struct cluster_wire *waits = client(node, "pa\nwait\n");
        struct cluster_wire *asks = client(node, "pb\n");
        struct cluster_wire *admin = cluster_open(cluster, node, NODE_ADMIN);
        cluster_run(cluster, 1000);
        tell(node, EVENT_ENDED, waits->number);
        tell(node, EVENT_ENDED, asks->number);
        tell(node, EVENT_ENDED, admin->number);
        cluster_run(cluster, SECOND_US);
        expect(waits, "pa\nin vain\n");
        expect(asks, "pb\n");
        assert_true(waits->closed && asks->closed && admin->closed);
    }
}

/* It ends while its last command is on its way to where it waits. */
static void who_ended_before_its_command_waits_is_not_kept_waiting(void **state)
{
    (void)state;
    begin(1);
    struct cluster_wire *wire = cluster_open(cluster, 1, NODE_CLIENT);
    cluster_say(cluster, wire, "pa\npb\nwait\n");
    cluster_later(cluster, 1, (struct event){.type = EVENT_ENDED, .connection = wire->number});
    cluster_run(cluster, SECOND_US);
    expect(wire, "pa\npb\nin vain\n");
    assert_true(wire->closed);
}

static void on_a_full_disk_what_grows_is_refused(void **state)
{
    (void)state;
    begin(1);
    tell(1, EVENT_DISK_OK, 0); /* it is */
    tell(1, EVENT_DISK_FULL, 0);
    tell(1, EVENT_DISK_FULL, 0);
    struct cluster_wire *wire = client(1, "grow\npa\nq\n");
    expect(wire, "refused 1\npa\nq\n");
    tell(1, EVENT_DISK_OK, 0);
    cluster_say(cluster, wire, "grow\n");
    cluster_run(cluster, 1000);
    expect(wire, "grow\n");
    assert_true(cluster_told(cluster, 1, "disk-full") && cluster_told(cluster, 1, "disk-ok"));
}

static void beyond_its_memory_what_grows_is_refused(void **state)
{
    (void)state;
    config.memory_bytes_max = 1; /* the machine alone is more */
    begin(1);
    expect(client(1, "grow\npa\n"), "refused 1\npa\n");
}

static void who_drains_takes_nothing_that_grows_and_lets_nobody_in(void **state)
{
    (void)state;
    begin(1);
    struct cluster_wire *wire = client(1, "wait\n");
    struct cluster_wire *idle = client(1, "pa\n");
    cluster_later(cluster, 1, (struct event){.type = EVENT_DRAIN});
    cluster_run(cluster, 1000);
    expect(client(1, "pb\n"), "");
    assert_true(idle->closed);
    cluster_run(cluster, 6 * SECOND_US);
    assert_true(wire->closed); /* it has waited for as long as may be */
    /* It has stopped: what is said now is said to nobody. */
    tell(1, EVENT_DISK_FULL, 0);
    assert_false(cluster_told(cluster, 1, "disk-full"));
}

static void peers_are_known_in_whatever_order_they_are_named(void **state)
{
    (void)state;
    struct node_config unordered = config;
    unordered.self = 2;
    unordered.peers_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        unordered.peers[i].id = 3 - i;
        strcpy(unordered.peers[i].address, "node-9:7000");
    }
    struct node *node = node_create(&unordered);
    struct event_start start = {0};
    struct event event = {.type = EVENT_START, .now = {1000000, 1000000}, .start = &start};
    struct actions actions;
    node_step(node, &event);
    node_turn(node, event.now, &actions);
    assert_null(actions.fatal);
    assert_null(node_raft(node)); /* 1 founds */
    node_destroy(node);
    node_destroy(NULL);
    begin(1); /* for tear_down() */
}

int main(void)
{
#define NODE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        NODE_TEST(what_is_said_of_nobody_changes_nothing),
        NODE_TEST(more_is_reported_sent_than_was),
        NODE_TEST(who_says_nothing_more_is_answered_and_let_go),
        NODE_TEST(who_ended_before_its_command_waits_is_not_kept_waiting),
        NODE_TEST(on_a_full_disk_what_grows_is_refused),
        NODE_TEST(beyond_its_memory_what_grows_is_refused),
        NODE_TEST(who_drains_takes_nothing_that_grows_and_lets_nobody_in),
        NODE_TEST(peers_are_known_in_whatever_order_they_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
