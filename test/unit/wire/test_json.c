/* The JSON writer: commas and colons in their places, strings always valid. Source: RFC 8259. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "wire/json.h"

static void expect_text(struct buffer *out, const char *text)
{
    if (!slice_equal(buffer_slice(out), slice_text(text))) {
        print_error("wrote: %.*s\n", (int)out->size, (const char *)out->data);
        fail();
    }
    buffer_free(out);
}

static void members_are_keys_with_values(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json json = json_of(&out);
    json_object_begin(&json);
    json_member_text(&json, "role", "leader");
    json_member_unsigned(&json, "term", 7);
    json_member_bool(&json, "trusted", false);
    json_object_end(&json);
    expect_text(&out, "{\"role\":\"leader\",\"term\":7,\"trusted\":false}");
}

static void objects_and_arrays_nest(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json json = json_of(&out);
    json_object_begin(&json);
    json_key(&json, "empty");
    json_object_begin(&json);
    json_object_end(&json);
    json_key(&json, "list");
    json_array_begin(&json);
    json_unsigned(&json, UINT64_MAX);
    json_signed(&json, INT64_MIN);
    json_signed(&json, 7);
    json_array_begin(&json);
    json_array_end(&json);
    json_object_begin(&json);
    json_key(&json, "a");
    json_bool(&json, true);
    json_key(&json, "b");
    json_bool(&json, false);
    json_object_end(&json);
    json_null(&json);
    json_array_end(&json);
    json_key(&json, "id");
    json_hex(&json, 0xabc, 16);
    json_key(&json, "text");
    json_text(&json, "t");
    json_object_end(&json);
    expect_text(&out, "{\"empty\":{},\"list\":[18446744073709551615,-9223372036854775808,7,[],"
                      "{\"a\":true,\"b\":false},null],\"id\":\"0000000000000abc\",\"text\":\"t\"}");
}

static void a_value_may_stand_alone(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json json = json_of(&out);
    json_unsigned(&json, 0);
    expect_text(&out, "0");
}

static void expect_written(struct slice text, const char *expected)
{
    struct buffer out = {0};
    struct json json = json_of(&out);
    json_string(&json, text);
    expect_text(&out, expected);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    expect_written(slice_of(NULL, 0), "\"\"");
    expect_written(slice_text("plain /text"), "\"plain /text\"");
    expect_written(slice_text("\"\\\n\r\t\b\x7f"), "\"\\\"\\\\\\n\\r\\t\\u0008\\u007f\"");
    expect_written(slice_of("a\0b", 3), "\"a\\u0000b\"");
    expect_written(slice_text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
                   "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    expect_written(slice_text("a\xff z"), "\"a\\ufffd z\"");
    expect_written(slice_text("\xc3"), "\"\\ufffd\"");
    expect_written(slice_text("\xe2\x82"), "\"\\ufffd\\ufffd\"");
    expect_written(slice_text("\xc0\xaf"), "\"\\ufffd\\ufffd\""); /* overlong */
    expect_written(slice_text("\xe0\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
    expect_written(slice_text("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""); /* a surrogate */
    expect_written(slice_text("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    expect_written(slice_text("\xf0\x80\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    expect_written(slice_text("\xf4\x8f\xbf\xbf\xee\x80\x80"), "\"\xf4\x8f\xbf\xbf\xee\x80\x80\"");
}

static void nesting_reaches_its_limit(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json json = json_of(&out);
    for (int i = 0; i < JSON_DEPTH_MAX; i++) json_array_begin(&json);
    json_null(&json);
    json_null(&json);
    for (int i = 0; i < JSON_DEPTH_MAX; i++) json_array_end(&json);
    assert_int_equal(out.size, 2 * JSON_DEPTH_MAX + 9);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_keys_with_values),
        cmocka_unit_test(objects_and_arrays_nest),
        cmocka_unit_test(a_value_may_stand_alone),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(nesting_reaches_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
