/* Buffers against a model, the little-endian codec byte by byte, a reader cut at every place, and
 * decimal numbers at the edges of 64 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/random.h"
#include "guarded.h"

static void assert_text(struct buffer *buffer, const char *text)
{
    struct slice bytes = buffer_slice(buffer);
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.size);
    buffer_clear(buffer);
}

static void slices_compare_as_memcmp_and_by_length(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_of(NULL, 0), slice_text("")));
    assert_false(slice_equal(slice_text("ab"), slice_text("abc")));
    assert_true(slice_compare(slice_text("ab"), slice_text("abc")) < 0);
    assert_true(slice_compare(slice_text("b"), slice_text("abc")) > 0);
    assert_true(slice_compare(slice_text("\xff"), slice_text("a")) > 0);
    assert_int_equal(slice_compare(slice_of(NULL, 0), slice_of(NULL, 0)), 0);
}

/* Bytes go in at the end and out at the front; the model is two counters. */
static void buffer_is_a_queue_of_bytes(void **state)
{
    (void)state;
    struct random random = random_seeded(5);
    struct buffer buffer = {0};
    uint64_t in = 0, out = 0;
    for (int step = 0; step < 20000; step++) {
        uint8_t chunk[700];
        size_t size = random_below(&random, sizeof chunk);
        if (random_below(&random, 2) == 0) {
            for (size_t i = 0; i < size; i++) chunk[i] = (uint8_t)((in + i) * 31);
            buffer_append(&buffer, chunk, size);
            in += size;
        } else {
            if (size > buffer.size) size = buffer.size;
            struct slice bytes = buffer_slice(&buffer);
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(bytes.data[i], (uint8_t)((out + i) * 31));
            }
            buffer_consume(&buffer, size);
            out += size;
        }
        assert_int_equal(buffer.size, in - out);
    }
    buffer_free(&buffer);
}

static void consumed_space_is_used_again(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    for (int i = 0; i < 100000; i++) {
        buffer_append_text(&buffer, "twenty bytes of text");
        if (buffer.size > 100) buffer_consume(&buffer, 50);
    }
    buffer_consume(&buffer, buffer.size - 1);
    for (int i = 0; i < 100000; i++) {
        buffer_append_text(&buffer, "x");
        buffer_consume(&buffer, 1);
    }
    assert_true(buffer.size == 1 && buffer.capacity <= 8 << 20);
    size_t capacity = buffer.capacity;
    buffer_clear(&buffer);
    assert_int_equal(buffer.capacity, capacity);
    buffer_free(&buffer);
    assert_null(buffer.data);
}

static void reserve_then_grow_appends(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    memcpy(buffer_reserve(&buffer, 1000), "abc", 3);
    buffer_grew(&buffer, 3);
    assert_text(&buffer, "abc");
    buffer_free(&buffer);
}

static void text_forms(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_append_decimal(&buffer, 0);
    buffer_append_text(&buffer, " ");
    buffer_append_decimal(&buffer, UINT64_MAX);
    assert_text(&buffer, "0 18446744073709551615");
    buffer_append_hex(&buffer, 0xBEEF, 4);
    buffer_append_hex(&buffer, 1, 16);
    assert_text(&buffer, "beef0000000000000001");
    buffer_free(&buffer);
}

static void put_one_of_each(struct buffer *buffer)
{
    buffer_put_u8(buffer, 0x01);
    buffer_put_u16(buffer, 0x0203);
    buffer_put_u32(buffer, 0x04050607);
    buffer_put_u64(buffer, 0x08090A0B0C0D0E0F);
    buffer_put_bytes(buffer, slice_text("xyz"));
}

static void codec_is_little_endian(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    put_one_of_each(&buffer);
    static const uint8_t expected[] = {1,    3,    2, 7, 6, 5, 4, 0x0F, 0x0E, 0x0D, 0x0C,
                                       0x0B, 0x0A, 9, 8, 3, 0, 0, 0,    'x',  'y',  'z'};
    assert_int_equal(buffer.size, sizeof expected);
    assert_memory_equal(buffer_slice(&buffer).data, expected, sizeof expected);
    assert_int_equal(load_u32(expected + 3), 0x04050607);
    assert_true(load_u64(expected + 7) == 0x08090A0B0C0D0E0F);
    buffer_free(&buffer);
}

static bool read_one_of_each(struct slice bytes)
{
    struct reader reader = reader_of(bytes);
    bool right = read_u8(&reader) == 0x01;
    right = read_u16(&reader) == 0x0203 && right;
    right = read_u32(&reader) == 0x04050607 && right;
    right = read_u64(&reader) == 0x08090A0B0C0D0E0F && right;
    right = slice_equal(read_bytes(&reader), slice_text("xyz")) && right;
    return reader_done(&reader) && right;
}

static void reader_takes_the_whole_and_refuses_every_part(void **state)
{
    (void)state;
    struct guarded guarded = guarded_make(64);
    struct buffer buffer = {0};
    put_one_of_each(&buffer);
    struct slice whole = buffer_slice(&buffer);
    for (size_t size = 0; size < whole.size; size++) {
        assert_false(read_one_of_each(guarded_copy(&guarded, slice_of(whole.data, size))));
    }
    assert_true(read_one_of_each(guarded_copy(&guarded, whole)));
    buffer_put_u8(&buffer, 0); /* one too many */
    assert_false(read_one_of_each(guarded_copy(&guarded, buffer_slice(&buffer))));
    buffer_free(&buffer);
    guarded_free(&guarded);
}

static void reader_stays_bad_and_yields_zeros(void **state)
{
    (void)state;
    uint8_t bytes[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    struct reader reader = reader_of(slice_of(bytes, sizeof bytes));
    assert_int_equal(read_bytes(&reader).size, 0); /* 4 GiB that are not there */
    assert_true(reader.bad);
    assert_int_equal(read_u8(&reader), 0); /* though two bytes are left */
    assert_int_equal(read_u64(&reader), 0);
    assert_false(reader_done(&reader));
}

static void varints_take_one_byte_for_seven_bits_and_one_form_only(void **state)
{
    (void)state;
    struct guarded guarded = guarded_make(16);
    for (unsigned bits = 0; bits <= 64; bits++) {
        uint64_t least = bits == 0 ? 0 : UINT64_C(1) << (bits - 1);
        uint64_t most = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
        for (uint64_t value = least;; value = most) {
            struct buffer buffer = {0};
            buffer_put_varint(&buffer, value);
            size_t size = buffer.size;
            assert_int_equal(size, bits == 0 ? 1 : (bits + 6) / 7);
            for (size_t cut = 0; cut <= size; cut++) {
                struct slice part = slice_of(buffer_slice(&buffer).data, cut);
                struct reader reader = reader_of(guarded_copy(&guarded, part));
                uint64_t got = read_varint(&reader);
                assert_int_equal(reader_done(&reader), cut == size);
                assert_true(got == (cut == size ? value : 0));
            }
            buffer_free(&buffer);
            if (value == most) break;
        }
    }
    static const char *const bad[] = {
        "\x80\x00",                                 /* a zero of two bytes */
        "\xff\x80\x00",                             /* 127 of three */
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", /* 65 bits */
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    };
    static const size_t sizes[] = {2, 3, 10, 11};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct reader reader = reader_of(slice_of(bad[i], sizes[i]));
        assert_int_equal(read_varint(&reader), 0);
        assert_true(reader.bad);
    }
    guarded_free(&guarded);
}

static void decimals_at_the_edges(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616", "99999999999999999999", "1a",
    };
    uint64_t value = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(decimal_read(slice_text(bad[i]), &value));
        assert_int_equal(value, 42);
    }
    assert_true(decimal_read(slice_text("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_true(decimal_read(slice_text("000000000000000000000000007"), &value));
    assert_int_equal(value, 7);
    for (uint64_t power = 1, digits = 1; digits <= 20; power *= 10, digits++) {
        uint8_t text[20];
        assert_int_equal(decimal_write(text, power), digits);
        assert_true(decimal_read(slice_of(text, digits), &value) && value == power);
        assert_int_equal(decimal_write(text, power - 1), digits == 1 ? 1 : digits - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_as_memcmp_and_by_length),
        cmocka_unit_test(buffer_is_a_queue_of_bytes),
        cmocka_unit_test(consumed_space_is_used_again),
        cmocka_unit_test(reserve_then_grow_appends),
        cmocka_unit_test(text_forms),
        cmocka_unit_test(codec_is_little_endian),
        cmocka_unit_test(reader_takes_the_whole_and_refuses_every_part),
        cmocka_unit_test(reader_stays_bad_and_yields_zeros),
        cmocka_unit_test(varints_take_one_byte_for_seven_bits_and_one_form_only),
        cmocka_unit_test(decimals_at_the_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
