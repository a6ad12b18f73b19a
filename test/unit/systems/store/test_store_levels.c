/* Levels of the store's writes, tokens, and what is counted, as its protocol asks for them and says
 * them (systems/store/protocol/consistency.c, positions.c). */
#include <stdio.h>

#include "store_talk.h"

static void says(const char *text, const char *expected)
{
    expect_with(NULL, text, expected);
}

/* Only what is OK whatever there is may be acknowledged by a leader alone. */
static void levels_of_writes_are_chosen(void **state)
{
    (void)state;
    says("consistency write all\nset foo v\nconsistency write\ndel foo\nget foo\n",
         "+OK\r\nG all 12182: set foo v\n$3\r\nall\r\nP all 12182: del foo\n"
         "Q linearizable 12182: get foo\n");
    says("consistency leader set foo v\nset foo v\nconsistency write two\n",
         "G leader 12182: set foo v\nG 12182: set foo v\n"
         "-ERR a write is acknowledged by leader, majority or all\r\n");
    says("consistency write leader\nset foo v ex 10\nsetex foo 9 v\npsetex foo 9 v\nmset foo v\n",
         "+OK\r\nG leader 12182: set foo v ex 10\nG leader 12182: setex foo 9 v\n"
         "G leader 12182: psetex foo 9 v\nG leader 12182: mset foo v\n");
    says("consistency write leader\nset foo v nx\nset foo v ex 0\nset foo v ex\nsetex foo x v\n"
         "set foo v keepttl\nset foo v ex 9 nx\ndel foo\nmset foo v foo\nincr foo\n",
         "+OK\r\nG 12182: set foo v nx\nG 12182: set foo v ex 0\nG 12182: set foo v ex\n"
         "G 12182: setex foo x v\nG 12182: set foo v keepttl\nG 12182: set foo v ex 9 nx\n"
         "P 12182: del foo\nG 12182: mset foo v foo\nG 12182: incr foo\n");
    says("consistency write leader\nconsistency majority set foo v\nconsistency local get foo\n"
         "consistency lease set foo v\nreset\nset foo v\n",
         "+OK\r\nG 12182: set foo v\nQ local 12182: get foo\nG leader 12182: set foo v\n"
         "+RESET\r\nG 12182: set foo v\n");
}

static uint64_t token_for(void *connection, const char *text)
{
    struct protocol_request request;
    struct slice bytes = slice_text(text);
    (void)store_protocol_ops.next(connection, &bytes, &request);
    assert_int_equal(bytes.size, 0);
    return request.token;
}

static void waits_are_counted(void **state)
{
    (void)state;
    says("wait 1 0\nwait 2 100\nwaitaof 1 1 5\nconsistency token\n",
         "W 1 ever\nW 2 100000\nW 1 5000\nW 0 0\n");
    says("wait 1\nwait x 1\nwait 1 -1\nwaitaof 2 1 1\nconsistency token x\n",
         "-ERR wrong number of arguments for 'wait' command\r\n"
         "-ERR value is not an integer or out of range\r\n"
         "-ERR value is not an integer or out of range\r\n"
         "-ERR value is not an integer or out of range\r\n"
         "-ERR syntax error\r\n");
    struct protocol_facts facts = {0};
    const struct protocol_config config = {.facts = &facts};
    void *connection = store_protocol_ops.open(&config);
    struct buffer out = {0};
    store_protocol_ops.counted(connection, token_for(connection, "wait 1 1\n"), 3, 3, &out);
    store_protocol_ops.counted(connection, token_for(connection, "waitaof 1 1 1\n"), 0, 3, &out);
    expect_said(&out, ":2\r\n*2\r\n:0\r\n:0\r\n");
    buffer_append_text(&out, "+OK\r\n");
    store_protocol_ops.counted(connection, token_for(connection, "consistency all del foo\n"), 2, 3,
                               &out);
    expect_said(&out, "-NOTALL 2 of 3; the write stands\r\n");
    buffer_append_text(&out, "-WRONGTYPE x\r\n"); /* it wrote nothing */
    store_protocol_ops.counted(connection, token_for(connection, "consistency all del foo\n"), 2, 3,
                               &out);
    expect_said(&out, "-WRONGTYPE x\r\n");
    store_protocol_ops.close(connection);
    buffer_free(&out);
}

static void token_is(void *connection, const char *expected)
{
    struct buffer out = {0};
    store_protocol_ops.counted(connection, token_for(connection, "consistency token\n"), 0, 0,
                               &out);
    expect_said(&out, expected);
    buffer_free(&out);
}

static void answer_at(void *connection, struct protocol_facts *facts,
                      struct protocol_position shown)
{
    const struct store_reply nothing = {0};
    struct buffer out = {0};
    facts->shown = shown;
    store_protocol_ops.answer(connection, 2, &nothing, &out);
    buffer_free(&out);
}

static void early_at(void *connection, struct protocol_facts *facts, struct protocol_position shown)
{
    struct buffer out = {0};
    facts->shown = shown;
    store_protocol_ops.counted(connection, token_for(connection, "consistency leader set k v\n"), 1,
                               3, &out);
    expect_said(&out, "+OK\r\n");
    buffer_free(&out);
}

static void tokens_say_where_a_connection_is(void **state)
{
    (void)state;
    struct protocol_facts facts = {0};
    const struct protocol_config config = {.facts = &facts};
    void *connection = store_protocol_ops.open(&config);
    uint32_t count;
    token_is(connection, "$5\r\n0:0:0\r\n");
    answer_at(connection, &facts, (struct protocol_position){2, 3, 10});
    answer_at(connection, &facts, (struct protocol_position){0, 5, 7});
    answer_at(connection, &facts, (struct protocol_position){2, 3, 9});
    token_is(connection, "$12\r\n0:5:7,2:3:10\r\n");
    assert_null(store_protocol_ops.after(connection, &count));
    assert_int_equal(count, 0);
    early_at(connection, &facts, (struct protocol_position){2, 4, 12});
    early_at(connection, &facts, (struct protocol_position){2, 4, 13});
    token_is(connection, "$19\r\n0:5:7,2:3:10,2:4:13\r\n");
    assert_non_null(store_protocol_ops.after(connection, &count));
    assert_int_equal(count, 1);
    answer_at(connection, &facts, (struct protocol_position){2, 5, 14}); /* is it in that log? */
    assert_non_null(store_protocol_ops.after(connection, &count));
    facts.shown.group = 2;
    struct buffer out = {0};
    store_protocol_ops.refuse(connection, 2, PROTOCOL_REFUSED_LOST, &out);
    assert_memory_equal(out.data, "-LOST ", 6);
    buffer_free(&out);
    assert_null(store_protocol_ops.after(connection, &count));
    early_at(connection, &facts, (struct protocol_position){2, 6, 20});
    answer_at(connection, &facts, (struct protocol_position){2, 6, 20}); /* it is */
    assert_null(store_protocol_ops.after(connection, &count));
    store_protocol_ops.close(connection);
}

static void tokens_are_handed_on(void **state)
{
    (void)state;
    static const char no[] = "-ERR a token is group:term:index, as CONSISTENCY TOKEN says it\r\n";
    static const char *const wrong[] = {"0:1",
                                        "0:1:",
                                        ":1:2",
                                        "0:1:2,",
                                        ",0:1:2",
                                        "0:1:2:3",
                                        "0:1:2,3",
                                        "-1:1:2",
                                        "0:1:x",
                                        "4294967295:1:1",
                                        "0:1:18446744073709551616"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[80];
        snprintf(line, sizeof line, "consistency after %s\n", wrong[i]);
        says(line, no);
    }
    struct buffer out = {0};
    void *connection = store_protocol_ops.open(NULL);
    feed(connection, slice_text("consistency after 0:1:2,3:4:18446744073709551615\n"), &out);
    feed(connection, slice_text("consistency after 0:1:5,0:0:0\n"), &out);
    expect_said(&out, "+OK\r\n+OK\r\n");
    uint32_t count;
    const struct protocol_position *after = store_protocol_ops.after(connection, &count);
    assert_int_equal(count, 3);
    assert_int_equal(after[0].index, 5);
    assert_int_equal(after[1].group, 3);
    assert_int_equal(after[2].index, 0);
    feed(connection, slice_text("consistency after 0:2:2,0:3:2\nconsistency after 0:7:2\n"), &out);
    expect_said(&out, "+OK\r\n-ERR tokens of more than 4 terms wait to be read behind: read "
                      "first\r\n");
    store_protocol_ops.close(connection);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_of_writes_are_chosen),
        cmocka_unit_test(waits_are_counted),
        cmocka_unit_test(tokens_say_where_a_connection_is),
        cmocka_unit_test(tokens_are_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
