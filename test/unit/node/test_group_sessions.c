/* A machine that keeps nothing for a session costs none of the entries that say when one ends. */
#include "group_solo.h"

static struct group_solo solo;
static struct machine_ops sessionless;

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    return 0;
}

static void begin(bool without)
{
    sessionless = tiny_machine;
    sessionless.sessionless = without;
    group_solo_make(&solo, 1);
    solo.config.machine = &sessionless;
    group_solo_open(&solo, true);
    group_solo_lead(&solo);
    group_solo_forget(&solo);
}

/* What a connection that says one thing and closes costs, in commands carried out. */
static uint64_t cost(void)
{
    uint64_t before = replica_origin(group_replica(solo.group), 1)->next;
    group_session_begin(solo.group);
    group_propose(solo.group, 5, slice_text("pa"));
    group_solo_commit(&solo);
    group_session_end(solo.group, 5);
    for (int i = 0; i < 6; i++) group_solo_durable(&solo);
    group_solo_said(&solo, "answer 5 pa\n");
    return replica_origin(group_replica(solo.group), 1)->next - before;
}

static void prime(void)
{
    group_propose(solo.group, 4, slice_text("p"));
    group_solo_commit(&solo);
    group_solo_forget(&solo);
}

static void test_with_sessions_it_costs_an_end_and_that_none_is_left(void **state)
{
    (void)state;
    begin(false);
    prime();
    assert_int_equal(cost(), 3);
    const struct tiny *tiny = group_replica(solo.group)->machine;
    assert_int_equal(tiny->session_ends, 1);
}

static void test_without_them_it_costs_itself(void **state)
{
    (void)state;
    begin(true);
    prime();
    assert_int_equal(cost(), 1);
    assert_int_equal(group_sessions(solo.group), 0);
    assert_false(replica_origin(group_replica(solo.group), 1)->active);
    group_session_hurry(solo.group, 5);
    assert_true(group_idle(solo.group));
}

int main(void)
{
#define SOLO_TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        SOLO_TEST(test_with_sessions_it_costs_an_end_and_that_none_is_left),
        SOLO_TEST(test_without_them_it_costs_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
