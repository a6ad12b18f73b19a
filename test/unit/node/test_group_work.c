/* Work that a machine has left goes on with ticks: each does a slice, several share a round. */
#include "group_solo.h"

static struct group_solo solo;
static struct machine_ops busy;
static uint64_t left, slices;

static void busy_advance(void *machine, const struct machine_time *time)
{
    (void)machine;
    (void)time;
    if (left == 0) return;
    left--;
    slices++;
}

static struct machine_deadline busy_deadline(const void *machine)
{
    (void)machine;
    return (struct machine_deadline){left == 0 ? UINT64_MAX : 0, UINT64_MAX};
}

static int set_up(void **state)
{
    (void)state;
    busy = tiny_machine;
    busy.advance = busy_advance;
    busy.deadline = busy_deadline;
    left = slices = 0;
    group_solo_make(&solo, 1);
    solo.config.machine = &busy;
    group_solo_open(&solo, true);
    group_solo_lead(&solo);
    for (int i = 0; i < 6; i++) group_solo_durable(&solo);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    return 0;
}

/* How many rounds, each of which is a sync. */
static unsigned rounds_for(uint64_t work)
{
    unsigned rounds = 0;
    left = work;
    slices = 0;
    for (; left > 0; rounds++) {
        assert_true(rounds < 1000);
        group_solo_durable(&solo);
    }
    return rounds;
}

static void test_much_work_costs_a_round_for_several_slices(void **state)
{
    (void)state;
    unsigned rounds = rounds_for(400);
    assert_int_equal(slices, 400);
    assert_in_range(rounds, 50, 150);
}

static void test_once_it_is_done_nothing_is_written(void **state)
{
    (void)state;
    (void)rounds_for(1);
    for (int i = 0; i < 6; i++) group_solo_durable(&solo);
    uint64_t index = group_replica(solo.group)->index;
    for (int i = 0; i < 6; i++) group_solo_durable(&solo);
    assert_int_equal(group_replica(solo.group)->index, index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_much_work_costs_a_round_for_several_slices, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_once_it_is_done_nothing_is_written, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
