/* CRC-32C against the vectors of RFC 3720, appendix B.4, and against its own definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/random.h"

static void agrees_with_rfc_3720(void **state)
{
    (void)state;
    uint8_t bytes[32];
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62A8AB43);
    for (unsigned i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46DD794E);
    for (unsigned i = 0; i < 32; i++) bytes[i] = (uint8_t)(31 - i);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x113FDB5C);
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c(0, "", 0), 0);
}

static uint32_t bit_by_bit(const uint8_t *at, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void agrees_with_its_definition_at_every_size_and_alignment(void **state)
{
    (void)state;
    struct random random = random_seeded(1);
    uint8_t bytes[96];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)random_next(&random);
    for (size_t start = 0; start < 9; start++) {
        for (size_t size = 0; start + size <= sizeof bytes; size++) {
            uint32_t wanted = bit_by_bit(bytes + start, size);
            assert_int_equal(crc32c(0, bytes + start, size), wanted);
            assert_int_equal(crc32c_portable(0, bytes + start, size), wanted);
        }
    }
}

static void goes_on_where_it_stopped(void **state)
{
    (void)state;
    const char *text = "the quick brown fox jumps over the lazy dog";
    size_t size = strlen(text);
    uint32_t whole = crc32c(0, text, size);
    for (size_t cut = 0; cut <= size; cut++) {
        assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, size - cut), whole);
        assert_int_equal(crc32c(crc32c_portable(0, text, cut), text + cut, size - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_rfc_3720),
        cmocka_unit_test(agrees_with_its_definition_at_every_size_and_alignment),
        cmocka_unit_test(goes_on_where_it_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
