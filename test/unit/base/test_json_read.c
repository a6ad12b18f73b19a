/* The reader of JSON: RFC 8259. Each text ends at an unreadable page, and so does every text that
 * is cut off before its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_read.h"
#include "guarded.h"

static struct guarded guarded;

static void tell(const struct json_read *read, struct buffer *out)
{
    static const char *const marks[] = {
        [JSON_OBJECT_BEGIN] = "{", [JSON_OBJECT_END] = "}", [JSON_ARRAY_BEGIN] = "[",
        [JSON_ARRAY_END] = "]",    [JSON_TRUE] = "t",       [JSON_FALSE] = "f",
        [JSON_NULL] = "n",         [JSON_END] = ".",
    };
    if (out->size != 0) buffer_append_text(out, " ");
    if (read->token == JSON_NAME || read->token == JSON_STRING) {
        struct buffer text = {0};
        json_read_text(read, &text);
        assert_int_equal(text.size, read->size);
        assert_int_equal(read->escaped, memchr(read->raw.data, '\\', read->raw.size) != NULL);
        buffer_append_text(out, read->token == JSON_NAME ? ":" : "'");
        buffer_append_slice(out, buffer_slice(&text));
        buffer_free(&text);
    } else if (read->token == JSON_NUMBER) {
        if (!read->whole) buffer_append_text(out, "~");
        if (!read->whole) buffer_append_slice(out, read->raw);
        if (read->whole && read->negative) buffer_append_text(out, "-");
        if (read->whole) buffer_append_decimal(out, read->magnitude);
    } else {
        buffer_append_text(out, marks[read->token]);
    }
}

/* The tokens of a text; after a mistake "!" and its words. */
static void read_all(struct slice text, uint32_t depth_max, struct buffer *out)
{
    struct json_read read = json_read_of(guarded_copy(&guarded, text), depth_max);
    assert_int_equal(read.token, JSON_BAD);
    for (;;) {
        if (json_read_next(&read) == JSON_BAD) break;
        tell(&read, out);
        if (read.token == JSON_END) return;
    }
    assert_non_null(read.error);
    assert_int_equal(json_read_next(&read), JSON_BAD);
    buffer_append_text(out, " !");
    buffer_append_text(out, read.error);
}

static void expect_of(struct slice text, const char *tokens)
{
    struct buffer out = {0};
    read_all(text, 16, &out);
    buffer_append(&out, "", 1);
    assert_string_equal(buffer_slice(&out).data, tokens);
    buffer_clear(&out);
    /* What is cut off is never whole, unless it was a number that goes on or white space. */
    for (size_t cut = 0; cut < text.size; cut++) {
        buffer_clear(&out);
        read_all(slice_of(text.data, cut), 16, &out);
    }
    buffer_free(&out);
}

static void expect(const char *text, const char *tokens)
{
    expect_of(slice_text(text), tokens);
}

static void refused(const char *text, const char *words)
{
    struct buffer out = {0};
    read_all(slice_text(text), 16, &out);
    buffer_append(&out, "", 1);
    const char *said = strchr((const char *)buffer_slice(&out).data, '!');
    if (said == NULL || strstr(said, words) == NULL) {
        fail_msg("%s: %s", text, (const char *)buffer_slice(&out).data);
    }
    buffer_free(&out);
}

static void values_are_read(void **state)
{
    (void)state;
    expect("null", "n .");
    expect(" true ", "t .");
    expect("\t\r\nfalse\n", "f .");
    expect("{}", "{ } .");
    expect("[ ]", "[ ] .");
    expect("\"\"", "' .");
    expect("{\"a\":1,\"b\":[true,{}],\"c\":\"x\"}", "{ :a 1 :b [ t { } ] :c 'x } .");
    expect(" [ [ ] , [ 1 , 2 ] ] ", "[ [ ] [ 1 2 ] ] .");
    expect("{ \"a\" : { \"b\" : null } }", "{ :a { :b n } } .");
    expect("{\"a\":1,\"a\":2}", "{ :a 1 :a 2 } .");
}

static void numbers_are_exact(void **state)
{
    (void)state;
    expect("0", "0 .");
    expect("-0", "-0 .");
    expect("18446744073709551615", "18446744073709551615 .");
    expect("18446744073709551616", "~18446744073709551616 .");
    expect("-9223372036854775808", "-9223372036854775808 .");
    expect("-9223372036854775809", "~-9223372036854775809 .");
    expect("9007199254740993", "9007199254740993 .");
    expect("[1.0,1e2,-1.5E-3,0.1,1E+0]", "[ ~1.0 ~1e2 ~-1.5E-3 ~0.1 ~1E+0 ] .");
    static const char *const bad[] = {"01", "-",   "-a", "1.",  "1.a",
                                      "1e", "1e+", "00", "-01", "1.e1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(bad[i], "not a number");
    refused("+1", "no value");
    refused(".5", "no value");
    refused("NaN", "no value");
    refused("-Infinity", "not a number");
    refused("1 2", "more behind");
    refused("1x", "more behind");
    refused("0x10", "more behind");
}

static void strings_are_read(void **state)
{
    (void)state;
    expect("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "'a\"\\/\b\f\n\r\tz .");
    expect("\"\\u00e9\\u20AC\\ud83d\\uDE00\"", "'\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 .");
    expect("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
           "'\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f .");
    expect_of(slice_of("\"\\u0000\"", 8), "'");
    refused("\"a", "without end");
    refused("\"a\\", "no such escape");
    refused("\"a\\\"", "without end");
    refused("\"\\x\"", "no such escape");
    refused("\"\\U0041\"", "no such escape");
    refused("\"\\u12\"", "four hex digits");
    refused("\"\\u12g4\"", "four hex digits");
    refused("\"\\ud83d\"", "half a pair");
    refused("\"\\ude00\"", "half a pair");
    refused("\"\\ud83dx\"", "half a pair");
    refused("\"\\ud83d\\n\"", "half a pair");
    refused("\"\\ud83d\\u0041\"", "half a pair");
    refused("\"\\ud83d\\u00\"", "four hex digits");
    refused("\"a\nb\"", "control character");
    refused("\"\xff\"", "UTF-8");
    refused("\"\xc3\"", "UTF-8");
    refused("\"\xc3\\u00e9\"", "UTF-8"); /* a character cannot go on in an escape */
    refused("\"\xed\xa0\x80\"", "UTF-8");
    refused("{\"\xff\":1}", "UTF-8");
}

static void structure_is_strict(void **state)
{
    (void)state;
    refused("", "missing");
    refused("  ", "missing");
    refused("[", "missing");
    refused("[1", "not closed");
    refused("[1,", "missing");
    refused("[1,]", "missing");
    refused("[,1]", "missing");
    refused("[1 2]", "comma is missing");
    refused("[1}", "not closed");
    refused("{\"a\":1]", "not closed");
    refused("{\"a\":1,}", "\"names\"");
    refused("{,}", "\"names\"");
    refused("{a:1}", "\"names\"");
    refused("{1:1}", "\"names\"");
    refused("{\"a\"}", "colon");
    refused("{\"a\" 1}", "colon");
    refused("{\"a\":}", "missing");
    refused("{\"a\":1", "not closed");
    refused("{} {}", "more behind");
    refused("]", "missing");
    refused("nul", "no value");
    refused("nulls", "more behind");
    refused("'a'", "no value");
    refused("// x\n1", "no value");
    refused("\xef\xbb\xbf{}", "no value"); /* a byte order mark */
    expect_of(slice_of("{}\0", 3), "{ } !more behind the value: one is all there may be");
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    char text[2 * (JSON_READ_DEPTH_MAX + 1)];
    for (uint32_t depth = 1; depth <= JSON_READ_DEPTH_MAX; depth++) {
        for (uint32_t extra = 0; extra < 2; extra++) {
            size_t levels = depth + extra;
            memset(text, '[', levels);
            memset(text + levels, ']', levels);
            struct buffer out = {0};
            read_all(slice_of(text, 2 * levels), depth, &out);
            assert_int_equal(memchr(out.data, '!', out.size) != NULL, extra);
            buffer_free(&out);
        }
    }
}

static void values_are_passed_over(void **state)
{
    (void)state;
    struct slice text = slice_text("{\"a\":[1,{\"b\":[]}],\"c\":3,\"d\":\"x\"}");
    struct json_read read = json_read_of(guarded_copy(&guarded, text), 8);
    json_read_next(&read);
    json_read_next(&read);
    assert_true(json_read_is(&read, "a"));
    json_read_next(&read);
    const uint8_t *begin = read.at - 1;
    assert_true(json_read_skip(&read));
    assert_true(
        slice_equal(slice_of(begin, (size_t)(read.at - begin)), slice_text("[1,{\"b\":[]}]")));
    json_read_next(&read);
    assert_true(json_read_is(&read, "c"));
    assert_int_equal(json_read_next(&read), JSON_NUMBER);
    assert_true(json_read_is_unsigned(&read));
    assert_true(json_read_skip(&read));
    assert_int_equal(json_read_next(&read), JSON_NAME);
    json_read_next(&read);
    assert_false(json_read_is(&read, "y"));
    assert_int_equal(json_read_next(&read), JSON_OBJECT_END);
    assert_int_equal(json_read_next(&read), JSON_END);

    read = json_read_of(guarded_copy(&guarded, slice_text("[[1}")), 8);
    json_read_next(&read);
    assert_false(json_read_skip(&read));
    assert_false(json_read_skip(&read));
}

static void texts_are_compared_as_what_they_say(void **state)
{
    (void)state;
    struct json_read read = json_read_of(slice_text("\"\\u0074ype\""), 1);
    assert_int_equal(json_read_next(&read), JSON_STRING);
    assert_true(json_read_is(&read, "type"));
    assert_false(json_read_is(&read, "tyqe"));
    assert_false(json_read_is(&read, "types"));
    assert_false(json_read_is_unsigned(&read));
}

static int make_guarded(void **state)
{
    (void)state;
    guarded = guarded_make(4096);
    return 0;
}

static int free_guarded(void **state)
{
    (void)state;
    guarded_free(&guarded);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(strings_are_read),
        cmocka_unit_test(structure_is_strict),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(values_are_passed_over),
        cmocka_unit_test(texts_are_compared_as_what_they_say),
    };
    return cmocka_run_group_tests_name("json_read", tests, make_guarded, free_guarded);
}
