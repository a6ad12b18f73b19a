/* The admin port of whole nodes, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "systems/queue/machine/queue.h"

enum { SECOND_US = 1000000 };

static const struct queue_options machine_options;

static struct cluster *open_cluster(uint32_t nodes)
{
    struct node_config config = {
        .machine = &queue_ops, .machine_options = &machine_options, .protocol = &beanstalk_ops};
    node_config_defaults(&config);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_at_a_follower_costs_no_client_its_connection),
        cmocka_unit_test(what_was_never_sent_was_certainly_not_done),
        cmocka_unit_test(everyone_who_changes_members_hears_an_answer),
        cmocka_unit_test(changes_that_wait_have_a_limit),
        cmocka_unit_test(changes_do_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
