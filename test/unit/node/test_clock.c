/* Who is off, by wall clocks that are known to within a range: cases, and the promise that no one
 * in a quorum that agrees is ever off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/peers/clock.h"

enum { LIMIT_US = 1000, NODES_MAX = 7 };

static struct raft_members voters(uint32_t count)
{
    struct raft_members members = {.count = count};
    for (uint32_t i = 0; i < count; i++) members.member[i].id = i + 1;
    return members;
}

/* Node 1 reads 2, 3, ...: ahead of it by so much, exactly. */
static uint32_t judged(uint32_t nodes, const int64_t *ahead_us)
{
    struct raft_members members = voters(nodes);
    struct clock_reading readings[NODES_MAX];
    for (uint32_t i = 0; i + 1 < nodes; i++) {
        readings[i] = (struct clock_reading){i + 2, ahead_us[i], ahead_us[i]};
    }
    return clock_judge(&members, readings, nodes - 1, LIMIT_US);
}

static void who_is_further_off_than_the_limit_from_a_quorum_that_agrees_is_off(void **state)
{
    (void)state;
    assert_int_equal(judged(3, (int64_t[]){1001, 1400}), 3);
    assert_int_equal(judged(3, (int64_t[]){-1001, -1400}), 3);
    assert_int_equal(judged(3, (int64_t[]){1000, 1400}), 0);  /* one is within the limit */
    assert_int_equal(judged(3, (int64_t[]){5000, 6001}), 0);  /* they do not agree */
    assert_int_equal(judged(3, (int64_t[]){5000, 6000}), 3);  /* just so */
    assert_int_equal(judged(3, (int64_t[]){5000, -5000}), 0); /* one on either side */
    assert_int_equal(judged(2, (int64_t[]){9000}), 0);        /* one of two is no quorum */
    assert_int_equal(judged(5, (int64_t[]){9000, 9000, 0, 0}), 0);
    assert_int_equal(judged(5, (int64_t[]){9000, 0, 9500, 8700}), 13);
    assert_int_equal(judged(5, (int64_t[]){9000, 2000, 9500, 8700}),
                     13); /* the lone one is not asked */
}

static void what_is_not_certain_counts_for_nobody(void **state)
{
    (void)state;
    struct raft_members members = voters(3);
    struct clock_reading readings[] = {{2, 1100, 1300}, {3, 900, 1500}};
    assert_int_equal(clock_judge(&members, readings, 2, LIMIT_US), 0); /* 3 may be within it */
    readings[1] = (struct clock_reading){3, 1200, 2101};
    assert_int_equal(clock_judge(&members, readings, 2, LIMIT_US), 0); /* may be too far from 2 */
    readings[1].high_us = 2100;
    assert_int_equal(clock_judge(&members, readings, 2, LIMIT_US), 3);
    assert_int_equal(clock_judge(&members, readings, 1, LIMIT_US), 0); /* 3 was not heard */
}

static void a_quorum_agrees_with_us_when_it_is_for_certain_near(void **state)
{
    (void)state;
    struct raft_members members = voters(3);
    struct clock_reading readings[] = {{2, -900, 1000}, {3, 5000, 5000}};
    assert_true(clock_agreed(&members, 1, readings, 2, LIMIT_US)); /* 2 and we */
    readings[0].high_us = 1001;                                    /* perhaps not */
    assert_false(clock_agreed(&members, 1, readings, 2, LIMIT_US));
    assert_false(clock_agreed(&members, 1, NULL, 0, LIMIT_US));
    members = voters(1);
    assert_true(clock_agreed(&members, 1, NULL, 0, LIMIT_US));
}

static void learners_and_strangers_do_not_count_and_both_sides_of_a_change_do(void **state)
{
    (void)state;
    struct raft_members members = voters(4);
    struct clock_reading readings[] = {{2, 5000, 5000}, {3, 5000, 5000}, {9, 5000, 5000}};
    assert_int_equal(clock_judge(&members, readings, 3, LIMIT_US), 0); /* 2 of 4, and a stranger */
    members.member[3].learner = true;
    assert_int_not_equal(clock_judge(&members, readings, 3, LIMIT_US), 0); /* 2 of 3 */
    members.member[0].outgoing = members.member[3].outgoing = true;        /* C_old: 1 and 4 */
    assert_int_equal(clock_judge(&members, readings, 3, LIMIT_US), 0);
}

static bool agree(const int64_t *wall_us, uint32_t nodes, uint32_t set)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (uint32_t i = 0; i < nodes; i++) {
        if ((set >> i & 1) == 0) continue;
        if (wall_us[i] < least) least = wall_us[i];
        if (wall_us[i] > most) most = wall_us[i];
    }
    return most - least <= LIMIT_US;
}

/* Any clocks, read by anyone as well or badly as it may be: the quorum that a node takes to be
 * against it truly is, and nobody who belongs to a quorum that agrees is off. */
static void no_member_of_a_quorum_that_agrees_is_off(void **state)
{
    (void)state;
    struct random random = random_seeded(11);
    uint32_t off = 0;
    for (int round = 0; round < 20000; round++) {
        uint32_t nodes = 1 + (uint32_t)random_below(&random, NODES_MAX);
        struct raft_members members = voters(nodes);
        int64_t wall_us[NODES_MAX];
        uint64_t width_us = 1 + (LIMIT_US << random_below(&random, 4));
        for (uint32_t i = 0; i < nodes; i++) wall_us[i] = (int64_t)random_below(&random, width_us);
        uint32_t in_agreement = 0;
        for (uint32_t set = 1; set < 1u << nodes; set++) {
            bool quorum = (uint32_t)__builtin_popcount(set) > nodes / 2;
            if (quorum && agree(wall_us, nodes, set)) in_agreement |= set;
        }
        for (uint32_t self = 0; self < nodes; self++) {
            struct clock_reading readings[NODES_MAX];
            uint32_t count = 0;
            uint64_t blur_us = 1 + random_below(&random, LIMIT_US / 2);
            for (uint32_t i = 0; i < nodes; i++) {
                if (i == self || random_below(&random, 10) == 0) continue;
                int64_t ahead_us = wall_us[i] - wall_us[self];
                int64_t below_us = (int64_t)random_below(&random, blur_us);
                int64_t above_us = (int64_t)random_below(&random, blur_us);
                readings[count++] =
                    (struct clock_reading){i + 1, ahead_us - below_us, ahead_us + above_us};
            }
            uint32_t against = clock_judge(&members, readings, count, LIMIT_US);
            if (against == 0) continue;
            off++;
            assert_int_equal(in_agreement >> self & 1, 0);
            uint32_t set = 0;
            for (uint32_t i = 0; i < count; i++) {
                if ((against >> i & 1) == 0) continue;
                uint32_t other = readings[i].id - 1;
                int64_t apart_us = wall_us[other] - wall_us[self];
                assert_true(apart_us > LIMIT_US || apart_us < -LIMIT_US);
                set |= 1u << other;
            }
            assert_true(agree(wall_us, nodes, set));
            assert_true((uint32_t)__builtin_popcount(set) > nodes / 2);
        }
    }
    assert_true(off > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_further_off_than_the_limit_from_a_quorum_that_agrees_is_off),
        cmocka_unit_test(what_is_not_certain_counts_for_nobody),
        cmocka_unit_test(a_quorum_agrees_with_us_when_it_is_for_certain_near),
        cmocka_unit_test(learners_and_strangers_do_not_count_and_both_sides_of_a_change_do),
        cmocka_unit_test(no_member_of_a_quorum_that_agrees_is_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
