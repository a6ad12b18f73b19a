/* UTF-8: Unicode 15, table 3-7. All sequences of up to three bytes are tried against a decoder that
 * is written the other way round: from what a code point looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "guarded.h"

static struct guarded guarded;

/* Marks what each code point looks like: [first 24 bits of the sequence] for those of 3 bytes. */
static uint8_t two[1 << 16], three[1 << 24];

static void all_short_sequences(void **state)
{
    (void)state;
    uint8_t at[UTF8_SIZE_MAX];
    for (uint32_t code = 0x80; code < 0x10000; code++) {
        if (code >= 0xd800 && code < 0xe000) continue;
        size_t size = utf8_write(at, code);
        assert_int_equal(size, code < 0x800 ? 2 : 3);
        if (size == 2) two[at[0] << 8 | at[1]] = 1;
        if (size == 3) three[at[0] << 16 | at[1] << 8 | at[2]] = 1;
    }
    for (uint32_t first = 0x80; first < 0x100; first++) {
        for (uint32_t rest = 0; rest < 0x10000; rest++) {
            uint8_t bytes[] = {(uint8_t)first, (uint8_t)(rest >> 8), (uint8_t)rest};
            struct slice pair = slice_of(bytes, 2), triple = slice_of(bytes, 3);
            bool is_pair = two[first << 8 | rest >> 8] != 0;
            bool is_triple = three[first << 16 | rest] != 0;
            if (utf8_valid(pair) != is_pair) fail_msg("%02x %02x", bytes[0], bytes[1]);
            bool good = is_triple || (is_pair && bytes[2] < 0x80);
            if (utf8_valid(triple) != good) fail_msg("%02x %04x", bytes[0], rest);
            size_t size = is_pair ? 2 : is_triple ? 3 : 0;
            if (utf8_size(triple, 0) != size) fail_msg("size of %02x %04x", bytes[0], rest);
        }
    }
}

static void all_of_four(void **state)
{
    (void)state;
    uint8_t at[UTF8_SIZE_MAX];
    for (uint32_t code = 0x10000; code < 0x110000; code++) {
        assert_int_equal(utf8_write(at, code), 4);
        uint32_t read =
            (at[0] & 7u) << 18 | (at[1] & 63u) << 12 | (at[2] & 63u) << 6 | (at[3] & 63u);
        if (read != code || !utf8_valid(slice_of(at, 4))) fail_msg("U+%x", code);
    }
    static const char *const bad[] = {
        "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xf1\x80\x80",     "\xf1\x80\x80\x7f",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(utf8_valid(slice_text(bad[i])));
        assert_int_equal(utf8_size(slice_text(bad[i]), 0), 0);
    }
}

static void a_split_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t good; /* bytes that can be UTF-8 */
    } cases[] = {
        {"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z", 11},
        {"a\xc3\xa9\xe2\x28\xa1", 4},
        {"\xed\xa0\x80", 1},
        {"\xf4\x90", 1},
        {"ab\xff", 2},
        {"\xf0\x9f\x98", 3},
    };
    guarded = guarded_make(64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice text = slice_text(cases[i].text);
        for (size_t cut = 0; cut <= text.size; cut++) {
            struct utf8 utf8 = {0};
            size_t good = utf8_check(&utf8, guarded_copy(&guarded, slice_of(text.data, cut)));
            if (good == cut) {
                struct slice rest = slice_of(text.data + cut, text.size - cut);
                good += utf8_check(&utf8, guarded_copy(&guarded, rest));
            }
            assert_int_equal(good, cases[i].good);
        }
    }
    assert_int_equal(utf8_size(guarded_copy(&guarded, slice_text("a\xe2\x82")), 1), 0);
    guarded_free(&guarded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_short_sequences),
        cmocka_unit_test(all_of_four),
        cmocka_unit_test(a_split_changes_nothing),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
