/* The generator: fixed values, because every seed ever written down depends on them, and bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

/* The first outputs of splitmix64 from state 0, as its authors publish them. */
static void is_splitmix64(void **state)
{
    (void)state;
    struct random random = {0};
    assert_true(random_next(&random) == 0xE220A8397B1DCDAFu);
    assert_true(random_next(&random) == 0x6E789E6AA1B965F4u);
    assert_true(random_next(&random) == 0x06C45D188009454Fu);
}

static void near_seeds_differ(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct random a = random_seeded(seed), b = random_seeded(seed + 1);
        assert_true(random_next(&a) != random_next(&b));
    }
}

static void below_stays_below_and_reaches_all(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {1, 2, 7, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
    struct random random = random_seeded(9);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        for (int n = 0; n < 1000; n++) assert_true(random_below(&random, bounds[i]) < bounds[i]);
    }
    unsigned seen = 0;
    for (int n = 0; n < 1000; n++) seen |= 1u << random_below(&random, 7);
    assert_int_equal(seen, 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_splitmix64),
        cmocka_unit_test(near_seeds_differ),
        cmocka_unit_test(below_stays_below_and_reaches_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
