/* What the host takes from the operating system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "server/system.h"

#ifdef CLOCK_BOOTTIME
static uint64_t awake_and_asleep_us(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &time), 0);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* Or a leader that was suspended would wake up with its lease. */
static void the_monotonic_clock_counts_the_time_asleep(void **state)
{
    (void)state;
    uint64_t before_us = awake_and_asleep_us();
    uint64_t now_us = system_now().mono_us;
    assert_in_range(now_us, before_us, awake_and_asleep_us());
}
#endif

static void it_never_goes_back(void **state)
{
    (void)state;
    uint64_t last_us = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t now_us = system_now().mono_us;
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef CLOCK_BOOTTIME
        cmocka_unit_test(the_monotonic_clock_counts_the_time_asleep),
#endif
        cmocka_unit_test(it_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
