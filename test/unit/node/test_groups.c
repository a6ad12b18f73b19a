/* Nodes of many groups: what is asked goes where its slot says, what waits for one group waits for
 * no other, and a group that has nothing to do costs next to nothing. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "cluster.h"
#include "tiny.h"

enum { GROUPS = 8, QUIET_GROUPS = 64, GROUP_BYTES_MAX = 16 << 10 };

static uint32_t by_digit(uint32_t slot, uint32_t groups_count)
{
    return (slot - '0') % groups_count;
}

static struct cluster *nodes(uint32_t count, uint32_t groups)
{
    struct node_config config = {.machine = &tiny_machine,
                                 .protocol = &tiny_protocol,
                                 .groups_count = groups,
                                 .group_of = by_digit};
    node_config_defaults(&config);
    struct cluster *cluster = cluster_new(count, &config);
    cluster_run(cluster, 5000000);
    return cluster;
}

static void every_group_has_one_leader(void **state)
{
    (void)state;
    struct cluster *cluster = nodes(3, GROUPS);
    for (uint32_t group = 0; group < GROUPS; group++) {
        uint32_t leaders = 0;
        for (uint32_t node = 1; node <= 3; node++) {
            const struct raft *raft = node_group_raft(cluster->nodes[node], group);
            assert_non_null(raft);
            leaders += raft_role(raft) == RAFT_LEADER;
            assert_int_not_equal(raft_leader(raft), 0);
        }
        assert_int_equal(leaders, 1);
    }
    cluster_free(cluster);
}

static void a_request_goes_to_the_group_of_its_slot(void **state)
{
    (void)state;
    struct cluster *cluster = nodes(3, GROUPS);
    uint64_t before[GROUPS];
    for (uint32_t group = 0; group < GROUPS; group++) {
        before[group] = node_group_applied_index(cluster->nodes[2], group);
    }
    struct cluster_wire *wire = cluster_open(cluster, 2, NODE_CLIENT);
    cluster_say(cluster, wire, "p3one\np3two\nq3\np6three\n");
    cluster_run(cluster, 1000000);
    assert_string_equal(cluster_heard(wire), "p3one\np3two\nq3\np6three\n");
    for (uint32_t group = 0; group < GROUPS; group++) {
        uint64_t now = node_group_applied_index(cluster->nodes[2], group);
        if (group == 3 || group == 6) assert_true(now > before[group]);
        if (group != 3 && group != 6) assert_int_equal(now, before[group]);
    }
    cluster_free(cluster);
}

static void answers_of_different_groups_keep_the_order_of_their_requests(void **state)
{
    (void)state;
    struct cluster *cluster = nodes(3, GROUPS);
    struct cluster_wire *wire = cluster_open(cluster, 1, NODE_CLIENT);
    cluster_say(cluster, wire, "p1a\np2b\np3c\np4d\np5e\np6f\np7g\np0h\n");
    cluster_run(cluster, 1000000);
    assert_string_equal(cluster_heard(wire), "p1a\np2b\np3c\np4d\np5e\np6f\np7g\np0h\n");
    cluster_free(cluster);
}

static void a_node_that_joins_is_trusted_in_every_group(void **state)
{
    (void)state;
    struct cluster *cluster = nodes(3, GROUPS);
    uint32_t joined = cluster_join(cluster);
    cluster_run(cluster, 1000000);
    uint32_t leader = cluster_leader(cluster);
    struct cluster_wire *wire = cluster_open(cluster, leader, NODE_ADMIN);
    char line[160];
    snprintf(line, sizeof line,
             "POST /members?do=add&id=%u&address=node-%u:7000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
             (unsigned)joined, (unsigned)joined);
    cluster_say(cluster, wire, line);
    cluster_run(cluster, 5000000);
    for (uint32_t group = 0; group < GROUPS; group++) {
        const struct raft *raft = node_group_raft(cluster->nodes[joined], group);
        assert_non_null(raft);
        assert_true(raft_trusted(raft));
        assert_int_equal(raft_members(raft)->count, 4);
    }
    cluster_free(cluster);
}

/* Turns of one node in 10 s without any client. */
static uint64_t turns_at_rest(uint32_t groups, uint64_t *worked_us)
{
    struct cluster *cluster = nodes(3, groups);
    cluster_run(cluster, 20000000);
    uint64_t before = cluster->turns[1];
    clock_t begun = clock();
    cluster_run(cluster, 10000000);
    *worked_us = (uint64_t)(clock() - begun) * 1000000 / CLOCKS_PER_SEC;
    uint64_t turns = cluster->turns[1] - before;
    cluster_free(cluster);
    return turns;
}

static void quiet_groups_take_no_turns_of_their_own(void **state)
{
    (void)state;
    uint64_t one_us, many_us;
    uint64_t one = turns_at_rest(1, &one_us);
    uint64_t many = turns_at_rest(QUIET_GROUPS, &many_us);
    print_message("turns in 10 s: %u with one group, %u with %u; all nodes worked %u and %u us\n",
                  (unsigned)one, (unsigned)many, QUIET_GROUPS, (unsigned)one_us, (unsigned)many_us);
    assert_true(many <= 3 * one); /* rounds of three nodes that lead, instead of one */
}

static size_t bytes_in_use(uint32_t groups)
{
    struct cluster *cluster = nodes(3, groups);
    cluster_run(cluster, 20000000);
    malloc_trim(0);
    size_t bytes = mallinfo2().uordblks;
    cluster_free(cluster);
    return bytes;
}

static void a_quiet_group_takes_little_memory(void **state)
{
    (void)state;
    size_t one = bytes_in_use(1);
    size_t many = bytes_in_use(1 + QUIET_GROUPS);
    size_t each = (many - one) / QUIET_GROUPS / 3;
    print_message("a quiet group takes %u bytes\n", (unsigned)each);
    assert_true(each <= GROUP_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_group_has_one_leader),
        cmocka_unit_test(a_request_goes_to_the_group_of_its_slot),
        cmocka_unit_test(answers_of_different_groups_keep_the_order_of_their_requests),
        cmocka_unit_test(a_node_that_joins_is_trusted_in_every_group),
        cmocka_unit_test(quiet_groups_take_no_turns_of_their_own),
        cmocka_unit_test(a_quiet_group_takes_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
