/* /members of whole nodes, in virtual time: what is asked of any node, done by the one that leads,
 * and answered where it was asked (node/admin/members.c, change.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "tiny.h"

enum { SECOND_US = 1000000 };

static struct cluster *cluster;

static int tear_down(void **state)
{
    (void)state;
    cluster_free(cluster);
    return 0;
}

static void begin(uint32_t nodes)
{
    struct node_config config = {.machine = &tiny_machine, .protocol = &tiny_protocol};
    node_config_defaults(&config);
    cluster = cluster_new(nodes, &config);
    cluster_run(cluster, 3 * SECOND_US);
    assert_int_not_equal(cluster_leader(cluster), 0);
}

static uint32_t leader(void)
{
    return cluster_leader(cluster);
}

static uint32_t follower(void)
{
    return leader() == 1 ? 2 : 1;
}

static struct cluster_wire *ask(uint32_t node, const char *method, const char *target)
{
    char text[512];
    struct cluster_wire *wire = cluster_open(cluster, node, NODE_ADMIN);
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: 10.0.0.1:9000\r\n\r\n", method, target);
    cluster_say(cluster, wire, text);
    return wire;
}

/* The answer, or the part that there is of it, has this status and these words. */
static void expect(struct cluster_wire *wire, unsigned status, const char *words)
{
    char line[32];
    const char *heard = cluster_heard(wire);
    snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    if (strncmp(heard, line, strlen(line)) != 0 || strstr(heard, words) == NULL) {
        fail_msg("expected %u and \"%s\", heard \"%s\"", status, words, heard);
    }
    cluster_hang_up(cluster, wire);
}

static void answers(uint32_t node, const char *target, unsigned status, const char *words)
{
    struct cluster_wire *wire = ask(node, "POST", target);
    cluster_run(cluster, SECOND_US);
    expect(wire, status, words);
}

/* --- the list --- */

static void any_node_lists_the_members_as_the_leader_sees_them(void **state)
{
    (void)state;
    begin(3);
    for (uint32_t node = 1; node <= 3; node++) {
        struct cluster_wire *wire = ask(node, "GET", "/members");
        cluster_run(cluster, SECOND_US);
        const char *heard = cluster_heard(wire);
        assert_non_null(strstr(heard, "node  role      match       trusted  caught up  address\n"));
        for (uint32_t id = 1; id <= 3; id++) {
            char row[64];
            snprintf(row, sizeof row, "\n%u     %s", (unsigned)id,
                     id == leader() ? "leader    " : "voter     ");
            assert_non_null(strstr(heard, row));
            snprintf(row, sizeof row, "yes      yes        node-%u:7000\n", (unsigned)id);
            assert_non_null(strstr(heard, row));
        }
        expect(wire, 200, "\nlog ends at ");
    }
}

static void a_list_says_who_is_a_learner_and_who_was_not_heard(void **state)
{
    (void)state;
    begin(3);
    answers(leader(), "/members?do=add&id=7&address=node-7:7000", 200, "node 7 is a learner");
    struct cluster_wire *wire = ask(leader(), "GET", "/members");
    cluster_run(cluster, SECOND_US);
    expect(wire, 200, "\n7     learner   0           -        no         node-7:7000\n");
}

/* --- what is asked wrongly --- */

static void a_request_that_is_none_is_told_what_one_is(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/members",
        "/members?id=4",
        "/members?do=add",
        "/members?do=add&id=0",
        "/members?do=add&id=4294967296",
        "/members?do=add&id=x",
        "/members?do=list&id=4",
        "/members?do=abandon&id=4",
        "/members?do=a-verb-that-is-too-long&id=4",
    };
    begin(1);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        answers(1, targets[i], 400, "do=add|promote|remove|transfer&id=N");
    }
}

static void an_address_is_a_host_and_a_port(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "",
        "&address=",
        "&address=host",
        "&address=:7000",
        "&address=host:",
        "&address=host:0",
        "&address=host:65536",
        "&address=host:70a",
        "&address=a%20b:7000",
        "&address=%01:7000",
        "&address=%7F:7000",
        "&address=%FF:7000",
    };
    begin(3);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char target[100];
        snprintf(target, sizeof target, "/members?do=add&id=4%s", addresses[i]);
        answers(i % 2 == 0 ? leader() : follower(), target, 400, "an address is needed");
    }
    answers(leader(), "/members?do=add&id=4&address=host:65535", 200, "node 4 is a learner");
}

static void what_cannot_be_is_refused_with_the_reason(void **state)
{
    (void)state;
    begin(3);
    char target[80];
    answers(follower(), "/members?do=add&id=2&address=node-2:1", 409, "is a member already");
    answers(follower(), "/members?do=promote&id=9", 404, "node 9 is not a member: add it first");
    answers(follower(), "/members?do=promote&id=2", 409, "node 2 is a voter already");
    answers(follower(), "/members?do=remove&id=9", 404, "node 9 is not a member");
    answers(follower(), "/members?do=transfer&id=9", 409, "not another voter that is trusted");
    snprintf(target, sizeof target, "/members?do=transfer&id=%u", (unsigned)leader());
    answers(leader(), target, 409, "not another voter that is trusted");
    answers(leader(), "/members?do=add&id=9&address=node-9:1", 200, "node 9 is a learner");
    answers(leader(), "/members?do=promote&id=9", 409, "never heard. Is it running, with --join");
    answers(leader(), "/members?do=transfer&id=9", 409, "not another voter that is trusted");
}

static void the_last_voter_stays(void **state)
{
    (void)state;
    begin(1);
    answers(1, "/members?do=remove&id=1", 409, "node 1 is the last voter");
}

/* A node that founded alone need not have an address; from then on, others have to dial it. */
static void one_without_an_address_can_have_no_company(void **state)
{
    (void)state;
    begin(1);
    answers(1, "/members?do=add&id=2&address=node-2:7000", 409,
            "node 1 has no address that others could dial");
}

static void one_that_was_given_an_address_later_can(void **state)
{
    (void)state;
    struct node_config config = {.machine = &tiny_machine, .protocol = &tiny_protocol};
    node_config_defaults(&config);
    strcpy(config.address, "node-1:7000");
    cluster = cluster_new(1, &config);
    cluster_run(cluster, SECOND_US);
    answers(1, "/members?do=add&id=2&address=node-2:7000", 200, "node 2 is a learner");
    struct cluster_wire *wire = ask(1, "GET", "/members");
    cluster_run(cluster, SECOND_US);
    expect(wire, 200, "node-1:7000\n");
}

static void there_is_a_limit_to_members(void **state)
{
    (void)state;
    begin(3);
    for (unsigned id = 4; id <= RAFT_MEMBERS_MAX; id++) {
        char target[80];
        snprintf(target, sizeof target, "/members?do=add&id=%u&address=node-9:7000", id);
        answers(leader(), target, 200, "is a learner");
    }
    answers(leader(), "/members?do=add&id=99&address=node-9:7000", 409, "as many as may be");
}

/* --- one after the other --- */

static void a_voter_is_removed_and_knows_it(void **state)
{
    (void)state;
    begin(3);
    uint32_t gone = follower();
    char target[80];
    snprintf(target, sizeof target, "/members?do=remove&id=%u", (unsigned)gone);
    answers(leader(), target, 200, "is removed: it may be stopped");
    answers(leader(), target, 404, "is not a member");
    cluster_run(cluster, 3 * SECOND_US);
    struct cluster_wire *wire = ask(gone, "GET", "/members");
    cluster_run(cluster, SECOND_US);
    expect(wire, 503, "this node is no member of the cluster: ask another one");
    wire = ask(gone, "GET", "/health");
    cluster_run(cluster, SECOND_US);
    expect(wire, 503, "no longer a member of the cluster");
    wire = ask(gone, "GET", "/status");
    cluster_run(cluster, SECOND_US);
    expect(wire, 200, "\"membership\":\"removed\"");
}

static void a_leader_that_is_removed_says_so_before_it_goes(void **state)
{
    (void)state;
    begin(3);
    char target[80];
    uint32_t gone = leader();
    snprintf(target, sizeof target, "/members?do=remove&id=%u", (unsigned)gone);
    answers(gone, target, 200, "is removed: it may be stopped");
    cluster_run(cluster, 3 * SECOND_US);
    assert_int_not_equal(leader(), 0);
    assert_int_not_equal(leader(), gone);
}

static void leadership_is_handed_over(void **state)
{
    (void)state;
    begin(3);
    char target[80], words[64];
    uint32_t to = follower();
    snprintf(target, sizeof target, "/members?do=transfer&id=%u", (unsigned)to);
    snprintf(words, sizeof words, "handing over to node %u", (unsigned)to);
    answers(leader(), target, 200, words);
    cluster_run(cluster, SECOND_US);
    assert_int_equal(leader(), to);
}

static void while_one_hands_over_the_next_one_is_asked_again(void **state)
{
    (void)state;
    begin(3);
    char target[80];
    uint32_t old = leader();
    cluster->deaf = true; /* it will not come to pass */
    snprintf(target, sizeof target, "/members?do=transfer&id=%u", (unsigned)follower());
    struct cluster_wire *first = ask(old, "POST", target);
    cluster_run(cluster, 1000);
    struct cluster_wire *second = ask(old, "POST", target);
    struct cluster_wire *third = ask(old, "POST", "/members?do=add&id=9&address=node-9:1");
    cluster_run(cluster, 10000);
    expect(first, 200, "handing over");
    expect(second, 409, "a transfer is under way");
    expect(third, 503, "leadership is being handed over: try again");
}

/* Two of three hear nothing: what is left cannot commit, and who asked is told so. */
static void a_change_that_finds_no_quorum_ends_with_an_answer(void **state)
{
    (void)state;
    begin(3);
    uint32_t old = leader();
    cluster->deaf = true;
    struct cluster_wire *first = ask(old, "POST", "/members?do=add&id=9&address=node-9:1");
    struct cluster_wire *second = ask(old, "POST", "/members?do=add&id=8&address=node-9:1");
    cluster_run(cluster, 3 * SECOND_US);
    assert_int_equal(leader(), 0);
    expect(first, 409, "the leader has changed meanwhile: look with list");
    expect(second, 503, "the leader has changed: try again");
}

static void too_few_that_work_are_no_voters_to_be_left_with(void **state)
{
    (void)state;
    begin(5);
    /* Four of five are left, of which two do not answer: with one less they would be no quorum. */
    char target[80];
    uint32_t gone[2] = {0}, count = 0;
    for (uint32_t id = 1; id <= 5 && count < 2; id++) {
        if (id != leader()) gone[count++] = id;
    }
    for (uint32_t i = 0; i < 2; i++) cluster_stop(cluster, gone[i]);
    cluster_run(cluster, 2 * SECOND_US);
    for (uint32_t id = 1; id <= 5; id++) {
        if (id == leader() || id == gone[0] || id == gone[1]) continue;
        snprintf(target, sizeof target, "/members?do=remove&id=%u", (unsigned)id);
        answers(leader(), target, 409, "too few of the voters that would be left");
        return;
    }
}

static void without_a_leader_nobody_can_be_asked(void **state)
{
    (void)state;
    begin(3);
    cluster->deaf = true;
    cluster_run(cluster, 3 * SECOND_US);
    struct cluster_wire *wire = ask(1, "POST", "/members?do=remove&id=2");
    cluster_run(cluster, SECOND_US);
    expect(wire, 503, "no leader is known here: try again, or ask another node");
}

/* Who asked through another node, and hung up: nobody is told, and the change is made all the
 * same, for it had begun. */
static void one_who_leaves_is_not_waited_for(void **state)
{
    (void)state;
    begin(3);
    struct cluster_wire *first = ask(follower(), "POST", "/members?do=add&id=9&address=node-9:1");
    cluster_run(cluster, 300); /* it is on its way */
    cluster_hang_up(cluster, first);
    cluster_run(cluster, SECOND_US);
    answers(leader(), "/members?do=add&id=9&address=node-9:1", 409, "is a member already");
}

/* --- a node that joins --- */

static void a_node_that_joins_becomes_a_voter_once_it_has_caught_up(void **state)
{
    (void)state;
    begin(3);
    uint32_t fourth = cluster_join(cluster);
    struct cluster_wire *wire = ask(fourth, "GET", "/health");
    cluster_run(cluster, SECOND_US);
    expect(wire, 503, "waiting to be added to the cluster: see quartet members add");
    answers(follower(), "/members?do=add&id=4&address=node-4:7000", 200, "node 4 is a learner");
    cluster_run(cluster, 5 * SECOND_US);
    answers(follower(), "/members?do=promote&id=4", 200, "node 4 is a voter");
    answers(follower(), "/members?do=promote&id=4", 409, "node 4 is a voter already");
    answers(fourth, "/members?do=transfer&id=4", 200, "handing over to node 4");
    cluster_run(cluster, SECOND_US);
    assert_int_equal(leader(), 4);
    wire = ask(fourth, "GET", "/health");
    cluster_run(cluster, SECOND_US);
    expect(wire, 200, "ok\n");
}

int main(void)
{
#define MEMBERS_TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        MEMBERS_TEST(any_node_lists_the_members_as_the_leader_sees_them),
        MEMBERS_TEST(a_list_says_who_is_a_learner_and_who_was_not_heard),
        MEMBERS_TEST(a_request_that_is_none_is_told_what_one_is),
        MEMBERS_TEST(an_address_is_a_host_and_a_port),
        MEMBERS_TEST(what_cannot_be_is_refused_with_the_reason),
        MEMBERS_TEST(the_last_voter_stays),
        MEMBERS_TEST(one_without_an_address_can_have_no_company),
        MEMBERS_TEST(one_that_was_given_an_address_later_can),
        MEMBERS_TEST(there_is_a_limit_to_members),
        MEMBERS_TEST(a_voter_is_removed_and_knows_it),
        MEMBERS_TEST(a_leader_that_is_removed_says_so_before_it_goes),
        MEMBERS_TEST(leadership_is_handed_over),
        MEMBERS_TEST(while_one_hands_over_the_next_one_is_asked_again),
        MEMBERS_TEST(a_change_that_finds_no_quorum_ends_with_an_answer),
        MEMBERS_TEST(too_few_that_work_are_no_voters_to_be_left_with),
        MEMBERS_TEST(without_a_leader_nobody_can_be_asked),
        MEMBERS_TEST(one_who_leaves_is_not_waited_for),
        MEMBERS_TEST(a_node_that_joins_becomes_a_voter_once_it_has_caught_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
