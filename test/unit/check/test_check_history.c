/* History files: what is read out of them, and what is refused, with its line. specs/history.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check/history_line.h"
#include "check/history_read.h"

static void read_or_fail(const char *text, const struct model *model, struct history *history)
{
    struct history_mistake mistake;
    if (!history_read(slice_text(text), model, history, &mistake)) {
        fail_msg("line %u: %s", mistake.line, mistake.what);
    }
}

/* The text is refused at this line, and the reason contains these words. */
static void refused_by(const struct model *model, const char *text, uint32_t line,
                       const char *words)
{
    struct history history = {0};
    struct history_mistake mistake;
    if (history_read(slice_text(text), model, &history, &mistake)) fail_msg("taken: %s", text);
    assert_int_equal(mistake.line, line);
    if (strstr(mistake.what, words) == NULL) fail_msg("%s: %s", text, mistake.what);
    history_free(&history);
}

static void refused(const char *text, uint32_t line, const char *words)
{
    refused_by(&model_register, text, line, words);
}

static void assert_described(const struct history *history, const struct model *model,
                             uint32_t index, const char *expected)
{
    struct buffer out = {0};
    model->describe(history, &history->items[index], &out);
    buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buffer_free(&out);
}

#define WRITE_1 "{\"type\":\"invoke\",\"process\":0,\"f\":\"write\",\"value\":1}\n"
#define READ "{\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\n"

static void calls_and_ends_are_paired(void **state)
{
    (void)state;
    struct history history = {0};
    read_or_fail("{\"type\":\"invoke\",\"process\":4,\"f\":\"write\",\"value\":-7,\"time\":2999}\n"
                 "\n"
                 " { \"f\" : \"read\" , \"process\" : 5 , \"type\" : \"invoke\" } \r\n"
                 "{\"type\":\"info\",\"process\":\"nemesis\",\"f\":\"kill\",\"value\":[1,2]}\n"
                 "{\"type\":\"ok\",\"process\":5,\"f\":\"read\",\"value\":\"-7\",\"time\":5000}\n"
                 "{\"type\":\"info\",\"process\":4,\"f\":\"write\",\"error\":{\"a\":[1,\"]\"]}}",
                 &model_register, &history);
    assert_int_equal(history.count, 2);
    assert_int_equal(history.events, 3);
    assert_described(&history, &model_register, 0, "write -7: no reply");
    assert_described(&history, &model_register, 1, "read: \"-7\"");
    assert_true(history.items[0].in[0] != history.items[1].out); /* a number is no string */
    assert_int_equal(history.items[0].process, 4);
    assert_int_equal(history.items[0].line, 1);
    assert_int_equal(history.items[0].called_us, 2);
    assert_int_equal(history.items[1].line, 3);
    assert_int_equal(history.items[1].returned_us, 5);
    assert_int_equal(history.items[1].called_at, 1);
    history_free(&history);
}

static void swaps_say_what_they_found(void **state)
{
    (void)state;
    struct history history = {0};
    read_or_fail("{\"type\":\"invoke\",\"process\":0,\"f\":\"cas\",\"value\":[null,2]}\n"
                 "{\"type\":\"fail\",\"process\":0,\"f\":\"cas\",\"found\":3}\n"
                 "{\"type\":\"invoke\",\"process\":0,\"f\":\"cas\",\"value\":[1,2]}\n"
                 "{\"type\":\"fail\",\"process\":0,\"f\":\"cas\",\"value\":[1,2]}\n"
                 "{\"type\":\"invoke\",\"process\":0,\"f\":\"cas\",\"value\":[3,4]}\n"
                 "{\"type\":\"ok\",\"process\":0,\"f\":\"cas\",\"value\":[3,4]}\n",
                 &model_register, &history);
    assert_described(&history, &model_register, 0, "cas nil to 2: found 3");
    assert_described(&history, &model_register, 1, "cas 1 to 2: failed");
    assert_described(&history, &model_register, 2, "cas 3 to 4");
    history_free(&history);
}

static void a_store_has_keys(void **state)
{
    (void)state;
    struct history history = {0};
    read_or_fail("{\"type\":\"invoke\",\"process\":0,\"f\":\"put\",\"key\":\"a\",\"value\":\"v\"}\n"
                 "{\"type\":\"ok\",\"process\":0,\"f\":\"put\",\"key\":\"\\u0061\"}\n"
                 "{\"type\":\"invoke\",\"process\":0,\"f\":\"delete\",\"key\":\"b\"}\n"
                 "{\"type\":\"ok\",\"process\":0,\"f\":\"delete\",\"value\":false}\n"
                 "{\"type\":\"invoke\",\"process\":0,\"f\":\"delete\",\"key\":7}\n"
                 "{\"type\":\"ok\",\"process\":0,\"f\":\"delete\",\"value\":true}\n"
                 "{\"type\":\"invoke\",\"process\":0,\"f\":\"get\",\"key\":\"a\",\"value\":null}\n"
                 "{\"type\":\"ok\",\"process\":0,\"f\":\"get\",\"value\":null}\n",
                 &model_kv, &history);
    assert_described(&history, &model_kv, 0, "put \"v\"");
    assert_described(&history, &model_kv, 1, "delete: found nil");
    assert_described(&history, &model_kv, 2, "delete: it was there");
    assert_described(&history, &model_kv, 3, "get: nil");
    assert_true(history.items[0].key == history.items[3].key);
    assert_true(history.items[0].key != history.items[1].key);
    history_free(&history);
}

static void strings_are_what_they_mean(void **state)
{
    (void)state;
    struct history history = {.texts = history_texts_new()};
    uint64_t a, b;
    assert_true(history_read_atom(&history, slice_text("\"\\u00e9\\ud83d\\ude00\\n\\/\""), &a));
    assert_true(
        history_read_atom(&history, slice_text("\"\xc3\xa9\xf0\x9f\x98\x80\\u000a/\""), &b));
    assert_true(a == b);
    struct buffer out = {0};
    history_describe_atom(&history, a, &out); /* no line of output is broken by a value */
    assert_true(slice_equal(buffer_slice(&out), slice_text("\"\xc3\xa9\xf0\x9f\x98\x80?/\"")));
    buffer_free(&out);
    assert_true(history_read_atom(&history, slice_text("null"), &a));
    assert_true(a == HISTORY_NIL);
    assert_false(history_read_atom(&history, slice_text("true"), &a));
    assert_false(history_read_atom(&history, slice_text("1 2"), &a));
    assert_false(history_read_atom(&history, slice_text("[1,2]"), &a));
    assert_false(history_read_atom(&history, slice_text("\"\\ud83d\""), &a));
    assert_false(history_read_atom(&history, slice_text("\"\\x\""), &a));
    assert_false(history_read_atom(&history, slice_text("\"\\u00g0\""), &a));
    assert_false(history_read_atom(&history, slice_text("\"a"), &a));
    history_free(&history);
}

static void numbers_are_whole_and_fit(void **state)
{
    (void)state;
    struct history history = {.texts = history_texts_new()};
    uint64_t atom;
    const char *good[] = {"0", "7", "-1", "18446744073709551615", "-9223372036854775808"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(history_read_atom(&history, slice_text(good[i]), &atom));
    }
    const char *bad[] = {
        "01", "-0", "-", "1.5", "1e3", "18446744073709551616", "-9223372036854775809", "+1", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (history_read_atom(&history, slice_text(bad[i]), &atom)) fail_msg("taken: %s", bad[i]);
    }
    history_free(&history);
}

static void what_is_no_line_is_refused(void **state)
{
    (void)state;
    refused("write 1\n", 1, "not a JSON object");
    refused("{}\n", 1, "belong here");
    refused("\n\n{\"type\":\"invoke\"", 3, "not closed");
    refused("{\"type\":\"invoke\",\"process\":0,\"f\":\"read\"} x", 1, "more behind");
    refused("{\"process\":0,\"f\":\"read\"}", 1, "no type");
    refused("{\"type\":\"invoke\",\"f\":\"read\"}", 1, "no process");
    refused("{\"type\":\"invoke\",\"process\":0}", 1, "no f");
    refused("{\"type\":\"done\"}", 1, "type is");
    refused("{\"type\":\"ok\",\"type\":\"ok\"}", 1, "twice");
    refused("{\"typ\":\"ok\"}", 1, "unknown member");
    refused("{\"process\":4294967295}", 1, "process is");
    refused("{\"process\":-1}", 1, "process is");
    refused("{\"process\":\"client\"}", 1, "process is");
    refused("{\"time\":\"now\"}", 1, "time is");
    refused("{\"key\":[1,2]}", 1, "value is null");
    refused("{\"key\":true}", 1, "key is");
    refused("{\"found\":false}", 1, "found is");
    refused("{\"value\":[1,2,3]}", 1, "two items");
    refused("{\"value\":[true,2]}", 1, "stand alone");
    refused("{\"value\":{\"a\":1}}", 1, "value is null");
    refused("{\"error\":[1}", 1, "not closed");
    refused("{\"error\":}", 1, "missing");
    refused("{\"error\":\"a\\\"}", 1, "without end");
}

static void what_does_not_fit_what_came_before_is_refused(void **state)
{
    (void)state;
    refused(WRITE_1 WRITE_1, 2, "under way");
    refused("{\"type\":\"ok\",\"process\":0,\"f\":\"write\"}", 1, "no operation under way");
    refused(WRITE_1 "{\"type\":\"ok\",\"process\":0,\"f\":\"read\",\"value\":1}", 2, "f is not");
    refused(WRITE_1 "{\"type\":\"ok\",\"process\":0,\"f\":\"write\",\"value\":2}", 2,
            "value is not");
    refused(WRITE_1 "{\"type\":\"ok\",\"process\":0,\"f\":\"write\",\"key\":2}", 2, "key is not");
    refused(WRITE_1 "{\"type\":\"fail\",\"process\":0,\"f\":\"write\",\"found\":2}", 2, "found");
    refused(WRITE_1 "{\"type\":\"info\",\"process\":0,\"f\":\"write\"}\n" READ, 3, "over");
    refused(READ "{\"type\":\"ok\",\"process\":0,\"f\":\"read\"}", 2, "needs the value");
    refused("{\"type\":\"invoke\",\"process\":0,\"f\":\"read\",\"value\":1}", 1,
            "belongs to the ok");
    refused("{\"type\":\"invoke\",\"process\":0,\"f\":\"write\"}", 1, "what is written");
    refused("{\"type\":\"invoke\",\"process\":0,\"f\":\"cas\",\"value\":[1,null]}", 1, "not null");
    refused("{\"type\":\"invoke\",\"process\":0,\"f\":\"get\"}", 1, "\"read\"");
    refused_by(&model_kv, READ, 1, "\"get\"");
    refused_by(&model_kv,
               "{\"type\":\"invoke\",\"process\":0,\"f\":\"delete\"}\n"
               "{\"type\":\"ok\",\"process\":0,\"f\":\"delete\",\"value\":1}",
               2, "value is true");
    refused("{\"type\":\"info\",\"process\":\"nemesis\",\"f\":\"a\",\"time\":5}\n"
            "{\"type\":\"info\",\"process\":\"nemesis\",\"f\":\"b\",\"time\":4}",
            2, "goes back");
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct history history = {.texts = history_texts_new()};
    static char text[HISTORY_LINE_SIZE_MAX + 2];
    uint64_t atom;
    memset(text, 'a', sizeof text - 1);
    text[0] = text[HISTORY_STRING_SIZE_MAX + 1] = '"';
    text[HISTORY_STRING_SIZE_MAX + 2] = '\0';
    assert_true(history_read_atom(&history, slice_text(text), &atom));
    text[HISTORY_STRING_SIZE_MAX + 1] = 'a';
    text[HISTORY_STRING_SIZE_MAX + 2] = '"';
    text[HISTORY_STRING_SIZE_MAX + 3] = '\0';
    assert_false(history_read_atom(&history, slice_text(text), &atom));
    history_free(&history);

    memset(text, ' ', sizeof text - 1);
    memcpy(text, READ, sizeof READ - 2);
    struct history_mistake mistake;
    history = (struct history){0};
    assert_true(
        history_read(slice_of(text, HISTORY_LINE_SIZE_MAX), &model_register, &history, &mistake));
    history_free(&history);
    assert_false(history_read(slice_of(text, HISTORY_LINE_SIZE_MAX + 1), &model_register, &history,
                              &mistake));
    history_free(&history);

    char deep[2 * HISTORY_DEPTH_MAX + 64] = "{\"error\":";
    memset(deep + 9, '[', HISTORY_DEPTH_MAX + 1);
    refused(deep, 1, "too deeply");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_and_ends_are_paired),
        cmocka_unit_test(swaps_say_what_they_found),
        cmocka_unit_test(a_store_has_keys),
        cmocka_unit_test(strings_are_what_they_mean),
        cmocka_unit_test(numbers_are_whole_and_fit),
        cmocka_unit_test(what_is_no_line_is_refused),
        cmocka_unit_test(what_does_not_fit_what_came_before_is_refused),
        cmocka_unit_test(limits_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
