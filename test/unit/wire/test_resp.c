/* RESP: which commands are read, wherever the pieces are cut; what is thrown away, what is broken;
 * replies of both versions, written and read. Every piece ends at an unreadable page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "guarded.h"
#include "wire/resp.h"

static const struct resp_limits small = {.word_size_max = 10, .command_size_max = 16};

static struct guarded page;

static int make_page(void **state)
{
    (void)state;
    page = guarded_make(256 << 10);
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    guarded_free(&page);
    return 0;
}

static void tell(enum resp_result result, const struct resp_command *command, const char *why,
                 struct buffer *out)
{
    if (result == RESP_BROKEN || result == RESP_TOO_LARGE) {
        buffer_append_text(out, result == RESP_BROKEN ? "broken: " : "too large: ");
        buffer_append_text(out, why);
    }
    if (result == RESP_SHED) buffer_append_text(out, "shed");
    for (uint32_t i = 0; result == RESP_COMMAND && i < command->count; i++) {
        buffer_append_text(out, i == 0 ? "[" : " [");
        buffer_append_slice(out, resp_word(command, i));
        buffer_append_text(out, "]");
    }
    buffer_append_text(out, "\n");
}

static void feed(struct resp_parser *parser, struct slice bytes, struct buffer *out)
{
    while (bytes.size > 0) {
        struct resp_command command;
        const char *why;
        size_t consumed;
        enum resp_result result = resp_parse(parser, bytes, &consumed, &command, &why);
        assert_true(consumed <= bytes.size);
        bytes = slice_of(bytes.data + consumed, bytes.size - consumed);
        if (result != RESP_PARTIAL) tell(result, &command, why, out);
        if (result == RESP_PARTIAL || result == RESP_BROKEN) assert_int_equal(bytes.size, 0);
    }
}

/* In pieces of this size; 0: of sizes by chance. */
static void expect_in_pieces(const struct resp_limits *limits, struct slice bytes,
                             size_t piece_size, struct slice expected)
{
    struct resp_parser parser = {.limits = *limits};
    struct buffer out = {0};
    struct random random = random_seeded(bytes.size);
    while (bytes.size > 0) {
        size_t piece = piece_size != 0 ? piece_size : 1 + (size_t)random_below(&random, 20);
        if (piece > bytes.size) piece = bytes.size;
        feed(&parser, guarded_copy(&page, slice_of(bytes.data, piece)), &out);
        bytes = slice_of(bytes.data + piece, bytes.size - piece);
    }
    if (!slice_equal(buffer_slice(&out), expected)) {
        print_error("in pieces of %zu: %.*s\n", piece_size, (int)out.size, (char *)out.data);
        fail();
    }
    buffer_free(&out);
    resp_parser_free(&parser);
}

static void expect_bytes(const struct resp_limits *limits, struct slice bytes, const char *expected)
{
    for (size_t piece = 0; piece <= bytes.size; piece++) {
        expect_in_pieces(limits, bytes, piece, slice_text(expected));
    }
}

static void expect(const char *text, const char *expected)
{
    static const struct resp_limits defaults = {0};
    expect_bytes(&defaults, slice_text(text), expected);
}

static void commands_are_arrays_of_strings(void **state)
{
    (void)state;
    expect("*1\r\n$4\r\nPING\r\n", "[PING]\n");
    expect("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
           "[SET] [k] []\n[GET] [k]\n");
    expect("*2\r\n$3\r\na\r\n\r\n$4\r\n\r\n\r\n\r\n", "[a\r\n] [\r\n\r\n]\n");
    expect("*0\r\n*-1\r\n*1\r\n$1\r\na\r\n", "[a]\n");
    struct slice zeros = slice_of("*2\r\n$1\r\n\0\r\n$3\r\n\0\xff\0\r\n", 20);
    struct slice expected = slice_of("[\0] [\0\xff\0]\n", 10);
    for (size_t piece = 0; piece <= zeros.size; piece++) {
        expect_in_pieces(&(struct resp_limits){0}, zeros, piece, expected);
    }
}

static void lines_are_commands_too(void **state)
{
    (void)state;
    expect("PING\r\nset k v\n\r\n\n  get\tk  \r\n", "[PING]\n[set] [k] [v]\n[get] [k]\n");
    expect("set k \"a b\\x41\\n\\\"\\q\" 'c d\\'\\n'\r\n", "[set] [k] [a bA\n\"q] [c d'\\n]\n");
    expect("set \"\" ''\r\n", "[set] [] []\n");
    expect("a b\"c d\"\r\n", "[a] [bc d]\n");
    expect("set k \"a\r\nPING\r\n", "broken: unbalanced quotes in request\n");
    expect("set k 'a'b\r\n", "broken: unbalanced quotes in request\n");
}

static void broken_commands_end_it(void **state)
{
    (void)state;
    static const char count[] = "broken: invalid multibulk length\n";
    static const char head[] = "broken: expected '$' and the size of a word\n";
    expect("*x\r\nPING\r\n", count);
    expect("*1048577\r\n", count);
    expect("*\r\n", count);
    expect("*1\n$4\nPING\n                           ", count);
    expect("*11111111111111111111111111111111111111\r\n", count);
    expect("*1\r\nPING\r\n", head);
    expect("*1\r\n$x\r\n", head);
    expect("*1\r\n$4\rxPING\r\n", head);
    expect("*1\r\n$-1\r\n", "broken: invalid bulk length\n");
    expect("*1\r\n$536870913\r\n", "broken: invalid bulk length\n");
    expect("*1\r\n$4\r\nPINGPONG", "broken: expected CR LF behind a word\n");
    expect("*1\r\n$1\r\na\r\n*2\r\n$1\r\nb\r\n:1\r\n*1\r\n$1\r\nc\r\n",
           "[a]\nbroken: expected '$' and the size of a word\n");
}

static void what_is_too_large_is_thrown_away(void **state)
{
    (void)state;
    static const char value[] =
        "too large: a value is above the limit of 8 MiB: store it in parts\n"
        "[PING]\n";
    static const char command[] =
        "too large: a command is above the limit of 15 MiB: send it in parts\n[PING]\n";
    expect_bytes(&small, slice_text("*2\r\n$10\r\n1234567890\r\n$6\r\nabcdef\r\n"),
                 "[1234567890] [abcdef]\n");
    expect_bytes(&small, slice_text("*1\r\n$11\r\n12345678901\r\n*1\r\n$4\r\nPING\r\n"), value);
    expect_bytes(&small,
                 slice_text("*4\r\n$1\r\na\r\n$11\r\n$4\r\nPING\r\n!\r\n$2\r\nbb\r\n$13\r\n"
                            "1234567890123\r\n*1\r\n$4\r\nPING\r\n"),
                 value);
    expect_bytes(&small,
                 slice_text("*3\r\n$10\r\n1234567890\r\n$7\r\nabcdefg\r\n$1\r\nx\r\n"
                            "*1\r\n$4\r\nPING\r\n"),
                 command);
    expect_bytes(&small, slice_text("*2\r\n$11\r\n12345678901\r\nPING"),
                 "broken: expected '$' and the size of a word\n");
}

static void a_line_may_be_long_but_not_too_long(void **state)
{
    (void)state;
    struct buffer line = {0};
    for (size_t i = 0; i < RESP_INLINE_SIZE_MAX - 1; i++) buffer_put_u8(&line, 'a');
    buffer_put_u8(&line, '\n');
    for (size_t piece = 0; piece <= line.size; piece += 5000) {
        struct buffer expected = {0};
        buffer_append_text(&expected, "[");
        buffer_append(&expected, line.data, line.size - 1);
        buffer_append_text(&expected, "]\n");
        expect_in_pieces(&(struct resp_limits){0}, buffer_slice(&line), piece,
                         buffer_slice(&expected));
        buffer_free(&expected);
    }
    line.data[line.size - 1] = 'a';
    expect_in_pieces(&(struct resp_limits){0}, buffer_slice(&line), 0,
                     slice_text("broken: too big inline request: send an array of bulk strings\n"));
    buffer_free(&line);
}

static void whole_commands_are_not_copied(void **state)
{
    (void)state;
    struct slice bytes = slice_text("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n");
    struct resp_parser parser = {0};
    struct resp_command command;
    const char *why;
    size_t consumed;
    assert_int_equal(resp_parse(&parser, bytes, &consumed, &command, &why), RESP_COMMAND);
    assert_int_equal(consumed, 20);
    assert_ptr_equal(resp_word(&command, 1).data, bytes.data + 17);
    assert_int_equal(parser.held.capacity, 0);
    resp_parser_free(&parser);
}

static void announced_sizes_cost_nothing(void **state)
{
    (void)state;
    struct resp_parser parser = {0};
    struct buffer out = {0};
    feed(&parser, slice_text("*1048576\r\n$8388608\r\nabc"), &out);
    assert_true(resp_parser_held(&parser) < 1024);
    resp_parser_free(&parser);
    buffer_free(&out);
}

static void shed_at_every_byte(void **state)
{
    (void)state;
    static const char text[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$11\r\n*1\r\n$1\r\nx\r\n\r\n";
    const size_t size = sizeof text - 1;
    for (size_t at = 0; at <= size; at++) {
        struct resp_parser parser = {0};
        struct buffer out = {0};
        feed(&parser, guarded_copy(&page, slice_of(text, at)), &out);
        resp_parser_shed(&parser);
        feed(&parser, guarded_copy(&page, slice_of(text + at, size - at)), &out);
        feed(&parser, slice_text("*1\r\n$4\r\nPING\r\n"), &out);
        bool whole = at < 4 || at == size;
        struct slice expected =
            slice_text(whole ? "[SET] [k] [*1\r\n$1\r\nx\r\n]\n[PING]\n" : "shed\n[PING]\n");
        if (!slice_equal(buffer_slice(&out), expected)) {
            print_error("shed at %zu: %.*s\n", at, (int)out.size, (char *)out.data);
            fail();
        }
        resp_parser_free(&parser);
        buffer_free(&out);
    }
}

static void shedding_gives_memory_back(void **state)
{
    (void)state;
    struct resp_parser parser = {0};
    struct buffer out = {0}, word = {0};
    for (uint32_t i = 0; i < 100000; i++) buffer_put_u8(&word, 'a');
    feed(&parser, slice_text("*2\r\n$3\r\nGET\r\n$100001\r\n"), &out);
    feed(&parser, buffer_slice(&word), &out);
    assert_true(resp_parser_held(&parser) >= 100000);
    resp_parser_shed(&parser);
    assert_int_equal(resp_parser_held(&parser), 0);
    feed(&parser, slice_text("a\r\nPING\r\n"), &out);
    assert_true(slice_equal(buffer_slice(&out), slice_text("shed\n[PING]\n")));
    resp_parser_free(&parser);
    buffer_free(&out);
    buffer_free(&word);
}

/* --- replies --- */

static void put_one_of_each(struct buffer *out, unsigned version)
{
    resp_put_simple(out, slice_text("OK"));
    resp_put_error(out, slice_text("ERR two\r\nlines"));
    resp_put_integer(out, 0);
    resp_put_integer(out, INT64_MIN);
    resp_put_bulk(out, slice_of("a\r\nb", 4));
    resp_put_bulk(out, slice_of(NULL, 0));
    resp_put_null(out, version);
    resp_put_null_array(out, version);
    resp_put_array(out, 2);
    resp_put_integer(out, 1);
    resp_put_array(out, 0);
    resp_put_map(out, 1, version);
    resp_put_bulk(out, slice_text("k"));
    resp_put_set(out, 1, version);
    resp_put_integer(out, 2);
    resp_put_push(out, 0, version);
    resp_put_verbatim(out, slice_text("hi"), version);
}

static void replies_look_as_their_version_says(void **state)
{
    (void)state;
    static const char *const texts[] = {
        [2] = "+OK\r\n-ERR two  lines\r\n:0\r\n:-9223372036854775808\r\n$4\r\na\r\nb\r\n$0\r\n\r\n"
              "$-1\r\n*-1\r\n*2\r\n:1\r\n*0\r\n*2\r\n$1\r\nk\r\n*1\r\n:2\r\n*0\r\n$2\r\nhi\r\n",
        [3] = "+OK\r\n-ERR two  lines\r\n:0\r\n:-9223372036854775808\r\n$4\r\na\r\nb\r\n$0\r\n\r\n"
              "_\r\n_\r\n*2\r\n:1\r\n*0\r\n%1\r\n$1\r\nk\r\n~1\r\n:2\r\n>0\r\n=6\r\ntxt:hi\r\n"};
    for (unsigned version = 2; version <= 3; version++) {
        struct buffer out = {0};
        put_one_of_each(&out, version);
        assert_true(slice_equal(buffer_slice(&out), slice_text(texts[version])));
        buffer_free(&out);
    }
}

static void replies_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    for (unsigned version = 2; version <= 3; version++) {
        struct buffer out = {0};
        put_one_of_each(&out, version);
        struct slice bytes = buffer_slice(&out);
        uint32_t replies = 0;
        while (bytes.size > 0) {
            size_t size, cut;
            assert_true(resp_reply_size(guarded_copy(&page, bytes), &size));
            assert_true(size > 0 && size <= bytes.size);
            for (size_t at = 0; at < size; at++) {
                assert_true(resp_reply_size(guarded_copy(&page, slice_of(bytes.data, at)), &cut));
                assert_int_equal(cut, 0);
            }
            bytes = slice_of(bytes.data + size, bytes.size - size);
            replies++;
        }
        assert_int_equal(replies, 12);
        buffer_free(&out);
    }
}

static struct resp_value value_of(const char *text)
{
    struct resp_value value;
    size_t size;
    assert_true(resp_value_read(guarded_copy(&page, slice_text(text)), &value, &size));
    assert_int_equal(size, strlen(text));
    return value;
}

static void values_are_read(void **state)
{
    (void)state;
    assert_int_equal(value_of(":-9223372036854775808\r\n").number, INT64_MIN);
    assert_int_equal(value_of("$-1\r\n").kind, RESP_NULL);
    assert_int_equal(value_of("*-1\r\n").kind, RESP_NULL);
    assert_int_equal(value_of("_\r\n").kind, RESP_NULL);
    assert_int_equal(value_of("#t\r\n").number, 1);
    assert_true(slice_equal(value_of(",1.5\r\n").bytes, slice_text("1.5")));
    assert_true(slice_equal(value_of("=6\r\ntxt:hi\r\n").bytes, slice_text("hi")));
    assert_true(slice_equal(value_of("-ERR no\r\n").bytes, slice_text("ERR no")));
    assert_int_equal(value_of("%7\r\n").number, 7);
}

static void what_is_no_reply_is_said(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x",       "\r\n",          ":\r\n",          ":1x\r\n", ":9223372036854775808\r\n",
        "$-2\r\n", "$1\r\nab\r\n",  "*-2\r\n",        "%-1\r\n", "#x\r\n",
        "_1\r\n",  "=3\r\ntxt\r\n", "=4\r\ntxt.\r\n", "+a\rb",   ",\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct resp_value value;
        size_t size;
        if (resp_value_read(guarded_copy(&page, slice_text(bad[i])), &value, &size)) {
            print_error("taken: %s\n", bad[i]);
            fail();
        }
    }
}

static void a_command_written_is_read(void **state)
{
    (void)state;
    struct buffer out = {0}, told = {0};
    struct slice words[] = {slice_text("SET"), slice_of("a\r\n", 3), slice_of(NULL, 0)};
    resp_put_command(&out, words, 3);
    struct resp_parser parser = {0};
    feed(&parser, buffer_slice(&out), &told);
    assert_true(slice_equal(buffer_slice(&told), slice_text("[SET] [a\r\n] []\n")));
    resp_parser_free(&parser);
    buffer_free(&out);
    buffer_free(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_arrays_of_strings),
        cmocka_unit_test(lines_are_commands_too),
        cmocka_unit_test(broken_commands_end_it),
        cmocka_unit_test(what_is_too_large_is_thrown_away),
        cmocka_unit_test(a_line_may_be_long_but_not_too_long),
        cmocka_unit_test(whole_commands_are_not_copied),
        cmocka_unit_test(announced_sizes_cost_nothing),
        cmocka_unit_test(shed_at_every_byte),
        cmocka_unit_test(shedding_gives_memory_back),
        cmocka_unit_test(replies_look_as_their_version_says),
        cmocka_unit_test(replies_are_read_whole_or_not_at_all),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(what_is_no_reply_is_said),
        cmocka_unit_test(a_command_written_is_read),
    };
    return cmocka_run_group_tests(tests, make_page, free_page);
}
