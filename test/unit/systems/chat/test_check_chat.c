/* The rules of a chat, each kept and each broken, as histories (specs/history.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "systems/chat/check/history.h"

/* "PROCESS TYPE F VALUE; ..." about the room "r", with - for no value; "a" is the text "a". */
static void write_lines(const char *events, struct buffer *out)
{
    for (const char *at = events; *at != '\0';) {
        char process[16], type[16], f[16], value[32], line[256];
        int taken = 0;
        if (sscanf(at, " %15s %15s %15s %31[^; ]%n", process, type, f, value, &taken) != 4) {
            fail_msg("no event: %s", at);
        }
        at += taken;
        while (*at == ';' || *at == ' ') at++;
        snprintf(line, sizeof line, "{\"process\":%s,\"type\":\"%s\",\"f\":\"%s\",\"key\":\"r\"",
                 process, type, f);
        buffer_append_text(out, line);
        if (strcmp(value, "-") != 0) {
            snprintf(line, sizeof line, ",\"value\":%s", value);
            buffer_append_text(out, line);
        }
        buffer_append_text(out, "}\n");
    }
}

/* Judged; *rule is NULL when all hold, and "?" when the text was refused. */
static struct chat_answer judged(const char *events, const char **rule, uint32_t *line)
{
    struct buffer text = {0};
    struct chat_answer answer;
    struct history_mistake mistake;
    write_lines(events, &text);
    bool read = chat_history_judge(buffer_slice(&text), &answer, &mistake);
    *rule = !read ? "?" : answer.violated ? answer.rule : NULL;
    *line = read ? answer.line : mistake.line;
    assert_true(!answer.violated || answer.what.size > 0);
    buffer_free(&answer.what);
    buffer_free(&text);
    return answer;
}

static void holds(const char *events)
{
    const char *rule;
    uint32_t line;
    judged(events, &rule, &line);
    if (rule != NULL) fail_msg("%s on line %u: %s", rule, line, events);
}

static void breaks(const char *events, const char *expected, uint32_t at)
{
    const char *rule;
    uint32_t line;
    judged(events, &rule, &line);
    if (rule == NULL || strcmp(rule, expected) != 0) {
        fail_msg("%s: not %s but %s", events, expected, rule == NULL ? "all is well" : rule);
    }
    if (line != at) fail_msg("%s: line %u", events, line);
}

/* a is number 1, b number 2; process 3 reads from the beginning. */
#define POST_A "1 invoke post \"a\"; 1 ok post 1; "
#define POST_B "2 invoke post \"b\"; 2 ok post 2; "
#define JOIN "3 invoke join 0; 3 ok join 2; "
#define DELETE_A "1 invoke delete 1; 1 ok delete 3; "

static void a_talk(void **state)
{
    (void)state;
    const char *rule;
    uint32_t line;
    struct chat_answer answer = judged(POST_A POST_B JOIN "3 ok see [1,\"a\"]; 3 ok see [2,\"b\"]; "
                                                          "3 invoke end -; 3 ok end 2",
                                       &rule, &line);
    assert_null(rule);
    assert_int_equal(answer.posts, 2);
    assert_int_equal(answer.acknowledged, 2);
    assert_int_equal(answer.seen, 2);
    assert_int_equal(answer.rooms, 1);
    assert_true(answer.ended);
    /* Seen before the ack, and within another call. */
    holds("3 invoke join -; 3 ok join 0; 1 invoke post \"a\"; 3 invoke post \"c\"; "
          "3 ok see [1,\"a\"]; 3 ok see [2,\"c\"]; 3 ok post 2; 1 ok post 1");
    /* Nobody knows: there or not. */
    holds("1 invoke post \"a\"; 1 info post -; " JOIN "3 ok see [1,\"a\"]");
    holds("1 invoke post \"a\"; 1 info post -; 2 invoke post \"b\"; 2 ok post 1; " JOIN
          "3 ok see [1,\"b\"]");
}

static void a_number_is_one_thing(void **state)
{
    (void)state;
    breaks("1 invoke post \"a\"; 2 invoke post \"b\"; 1 ok post 1; 2 ok post 1", "one order", 4);
    breaks("1 invoke post \"a\"; 2 invoke post \"b\"; " JOIN
           "3 ok see [1,\"a\"]; 4 invoke join 0; 4 ok join 2; 4 ok see [1,\"b\"]",
           "one order", 8);
    breaks(POST_A "1 invoke edit [1,\"A\"]; 2 invoke post \"b\"; 1 ok edit 2; 2 ok post 2",
           "one order", 6);
    breaks(POST_A POST_B "1 invoke delete 1; 1 ok delete 3; " JOIN
                         "3 ok see [1,null]; 3 ok deleted [2,1]",
           "one order", 10);
}

static void what_was_acknowledged_before_has_the_lower_number(void **state)
{
    (void)state;
    breaks("2 invoke post \"b\"; 2 ok post 2; 1 invoke post \"a\"; 1 ok post 1", "one order", 4);
    holds("1 invoke post \"a\"; 2 invoke post \"b\"; 2 ok post 2; 1 ok post 1");
    breaks(POST_A POST_B "1 invoke delete 1; 1 ok delete 2", "one order", 6);
}

static void a_reader_sees_number_after_number(void **state)
{
    (void)state;
    breaks(POST_A POST_B JOIN "3 ok see [2,\"b\"]", "no hole", 7);
    breaks(POST_A POST_B JOIN "3 ok see [1,\"a\"]; 3 ok see [1,\"a\"]", "no hole", 8);
    holds(POST_A POST_B JOIN "3 ok gap [1,1]; 3 ok see [2,\"b\"]");
    breaks(POST_A POST_B JOIN "3 ok gap [2,2]", "no hole", 7);
    breaks(POST_A POST_B JOIN "3 ok gap [1,2]; 3 ok see [2,\"b\"]", "no hole", 8);
    /* It resumes where it was, or elsewhere. */
    holds(POST_A POST_B JOIN
          "3 ok see [1,\"a\"]; 4 invoke join 1; 4 ok join 2; 4 ok see [2,\"b\"]");
    holds(POST_A POST_B "3 invoke join -; 3 ok join 1; 3 ok see [2,\"b\"]");
    breaks(POST_A POST_B "3 invoke join -; 3 ok join 2; 3 ok see [2,\"b\"]", "no hole", 7);
}

static void a_post_stands_once(void **state)
{
    (void)state;
    breaks(POST_A JOIN "3 ok see [1,\"a\"]; 3 ok see [2,\"a\"]", "at most once", 6);
    breaks("1 invoke post \"a\"; " JOIN "3 ok see [1,\"a\"]; 1 ok post 2", "at most once", 5);
    breaks("1 invoke post \"a\"; 1 info post -; " JOIN "3 ok see [1,\"a\"]; 3 ok see [2,\"a\"]",
           "at most once", 6);
}

static void nothing_is_invented(void **state)
{
    (void)state;
    breaks(JOIN "3 ok see [1,\"x\"]", "nothing invented", 3);
    breaks("1 invoke post \"a\"; 1 fail post -; " JOIN "3 ok see [1,\"a\"]", "nothing invented", 5);
    breaks("1 invoke post \"a\"; " JOIN "3 ok see [1,\"a\"]; 1 fail post -", "nothing invented", 5);
    breaks(POST_A JOIN "3 ok see [1,null]", "nothing invented", 5);
    breaks(POST_A JOIN "3 ok see [1,\"a\"]; 3 ok deleted [2,1]", "nothing invented", 6);
    breaks(POST_A JOIN "3 ok see [1,\"a\"]; 3 ok edited [2,1]", "nothing invented", 6);
}

static void edits_show(void **state)
{
    (void)state;
#define EDIT_A "1 invoke edit [1,\"A\"]; 1 ok edit 3; "
    holds(POST_A POST_B EDIT_A JOIN "3 ok see [1,\"A\"]; 3 ok see [2,\"b\"]; 3 ok edited [3,1]");
    holds(POST_A POST_B EDIT_A JOIN "3 ok see [1,\"a\"]");
    breaks(POST_A POST_B EDIT_A JOIN "3 ok see [1,\"a\"]; 3 ok see [2,\"A\"]", "nothing invented",
           10);
    breaks(POST_A "1 invoke edit [1,\"A\"]; 1 fail edit -; " JOIN "3 ok see [1,\"A\"]",
           "nothing invented", 7);
}

static void deleted_text_is_gone_for_who_knows(void **state)
{
    (void)state;
    holds(POST_A POST_B DELETE_A JOIN "3 ok see [1,\"a\"]"); /* a follower that is behind */
    holds(POST_A POST_B DELETE_A JOIN "3 ok see [1,null]; 3 ok see [2,\"b\"]; 3 ok deleted [3,1]");
    breaks(POST_A POST_B DELETE_A "1 invoke join 0; 1 ok join 3; 1 ok see [1,\"a\"]",
           "deleted text", 9);
    breaks(POST_A POST_B DELETE_A JOIN "3 ok see [1,\"a\"]; 3 ok see [2,\"b\"]; "
                                       "3 ok deleted [3,1]; 3 invoke join 0; 3 ok join 3; "
                                       "3 ok see [1,\"a\"]",
           "deleted text", 14);
}

static void what_was_acknowledged_is_there_at_the_end(void **state)
{
    (void)state;
    breaks(POST_A POST_B "3 invoke join 0; 3 ok join 1; 3 ok see [1,\"a\"]; 3 invoke end -; "
                         "3 ok end 1",
           "no loss", 9);
    breaks(POST_A POST_B JOIN "3 ok see [1,\"a\"]; 3 invoke end -; 3 ok end 2", "?", 9);
}

static void files_are_in_order(void **state)
{
    (void)state;
    breaks("1 invoke shout \"a\"", "?", 1);
    breaks("1 invoke post -", "?", 1);
    breaks(POST_A "1 invoke post \"a\"", "?", 3);
    breaks("1 invoke post \"a\"; 1 ok post 0", "?", 2);
    breaks("1 invoke post \"a\"; 1 ok edit 1", "?", 2);
    breaks("1 invoke delete \"a\"", "?", 1);
    breaks("1 invoke edit [1,null]", "?", 1);
    breaks("3 ok see [1,\"a\"]", "?", 1);
    breaks("3 invoke see [1,\"a\"]", "?", 1);
    breaks(JOIN "3 ok see 1", "?", 3);
    breaks(JOIN "3 ok gap [1,\"a\"]", "?", 3);
    breaks(JOIN "3 ok gap [0,1]", "?", 3);
    breaks(JOIN "3 ok gap [1,18446744073709551615]", "?", 3);
    breaks("3 invoke join \"a\"", "?", 1);
    breaks(JOIN "3 invoke join 0; 3 info join -; 3 ok see [1,\"a\"]", "?", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_talk),
        cmocka_unit_test(a_number_is_one_thing),
        cmocka_unit_test(what_was_acknowledged_before_has_the_lower_number),
        cmocka_unit_test(a_reader_sees_number_after_number),
        cmocka_unit_test(a_post_stands_once),
        cmocka_unit_test(nothing_is_invented),
        cmocka_unit_test(edits_show),
        cmocka_unit_test(deleted_text_is_gone_for_who_knows),
        cmocka_unit_test(what_was_acknowledged_is_there_at_the_end),
        cmocka_unit_test(files_are_in_order),
    };
    return cmocka_run_group_tests_name("check_chat", tests, NULL, NULL);
}
