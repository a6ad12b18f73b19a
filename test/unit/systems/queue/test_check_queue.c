/* The rules of a work queue, each kept and each broken, as histories (specs/history.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "systems/queue/check/history.h"

/* "MS PROCESS TYPE F KEY VALUE; ..." with - for what is not there, as lines of JSON. */
static void write_lines(const char *events, struct buffer *out)
{
    for (const char *at = events; *at != '\0';) {
        unsigned long long ms;
        char process[16], type[16], f[16], key[16], value[16], line[256];
        int taken = 0;
        if (sscanf(at, " %llu %15s %15s %15s %15s %15[^; ]%n", &ms, process, type, f, key, value,
                   &taken) != 6) {
            fail_msg("no event: %s", at);
        }
        at += taken;
        while (*at == ';' || *at == ' ') at++;
        bool nemesis = strcmp(process, "n") == 0;
        snprintf(line, sizeof line, "{\"time\":%llu,\"process\":%s,\"type\":\"%s\",\"f\":\"%s\"",
                 ms * 1000000, nemesis ? "\"nemesis\"" : process, type, f);
        buffer_append_text(out, line);
        if (strcmp(key, "-") != 0) {
            snprintf(line, sizeof line, ",\"key\":\"%s\"", key);
            buffer_append_text(out, line);
        }
        if (strcmp(value, "-") != 0) {
            snprintf(line, sizeof line, ",\"value\":%s", value);
            buffer_append_text(out, line);
        }
        buffer_append_text(out, "}\n");
    }
}

/* Judged; *rule is NULL when all hold, and "?" when the text was refused. */
static struct queue_answer judged(const char *events, const char **rule, uint32_t *line)
{
    struct buffer text = {0};
    struct queue_answer answer;
    struct history_mistake mistake;
    write_lines(events, &text);
    bool read = queue_history_judge(buffer_slice(&text), &answer, &mistake);
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
    if (at != 0) assert_int_equal(line, at);
}

#define PUT_A "0 0 invoke put a 10; 1 0 ok put - 7; "
#define TAKE_A "2 1 invoke reserve - -; 3 1 ok reserve a 7; "
#define DELETE_A "4 1 invoke delete a -; 5 1 ok delete - -; "
#define DRAIN "900000 9 invoke drain - -; 900001 9 ok drain - -"

static void a_life_of_a_job(void **state)
{
    (void)state;
    const char *rule;
    uint32_t line;
    struct queue_answer answer = judged(PUT_A TAKE_A DELETE_A DRAIN, &rule, &line);
    assert_null(rule);
    assert_int_equal(answer.jobs, 1);
    assert_int_equal(answer.acknowledged, 1);
    assert_int_equal(answer.deleted, 1);
    assert_true(answer.drained);
    assert_false(judged(PUT_A TAKE_A DELETE_A, &rule, &line).drained);
}

static void no_acknowledged_job_is_lost(void **state)
{
    (void)state;
    breaks(PUT_A DRAIN, "no loss", 4);
    breaks(PUT_A TAKE_A DRAIN, "no loss", 0);
    holds(PUT_A TAKE_A); /* without a drain no one can say */
    breaks(PUT_A DRAIN "; 900002 9 invoke close - -; 900003 9 ok close - -", "no loss", 6);
    holds(PUT_A TAKE_A "4 1 invoke delete a -; 5 1 info delete - -; " DRAIN);
    holds("0 0 invoke put a 10; 1 0 info put - -; " DRAIN);
    holds("0 0 invoke put a 10; 1 0 fail put - -; " DRAIN);
    holds(PUT_A "900000 9 invoke drain - -; 900001 9 fail drain - -");
    holds(PUT_A DRAIN "; 900002 9 invoke reserve - -"); /* it was not the last word */
}

static void nothing_is_resurrected(void **state)
{
    (void)state;
    breaks(PUT_A TAKE_A DELETE_A "6 2 invoke reserve - -; 7 2 ok reserve a 7; ", "no resurrection",
           8);
    /* The reserve was under way when the delete was. */
    holds(PUT_A "2 2 invoke reserve - -; 4 1 invoke delete a -; 5 1 ok delete - -; "
                "7 2 ok reserve a 7");
    holds(PUT_A TAKE_A "4 1 invoke delete a -; 5 1 info delete - -; 6 2 invoke reserve - -; "
                       "7 2 ok reserve a 7");
}

static void a_put_makes_one_job_and_a_delete_takes_one(void **state)
{
    (void)state;
    breaks(PUT_A "2 1 invoke reserve - -; 3 1 ok reserve a 8; ", "exactly once", 4);
    breaks("0 0 invoke put a 10; 2 1 invoke reserve - -; 3 1 ok reserve a 8; 4 0 ok put - 7",
           "exactly once", 4);
    breaks("0 0 invoke put a 10; 1 0 fail put - -; " TAKE_A, "exactly once", 4);
    breaks("0 0 invoke put a 10; 2 1 invoke reserve - -; 3 1 ok reserve a 8; 4 0 fail put - -",
           "exactly once", 4);
    breaks(PUT_A TAKE_A DELETE_A "6 2 invoke delete a -; 7 2 ok delete - -", "exactly once", 8);
    holds(PUT_A TAKE_A DELETE_A "6 2 invoke delete a -; 7 2 fail delete - -");
    holds("0 0 invoke put a 10; 2 1 invoke reserve - -; 3 1 ok reserve a 8; 4 0 info put - -");
}

static void one_holds_it_at_a_time(void **state)
{
    (void)state;
    breaks(PUT_A TAKE_A "4 2 invoke reserve - -; 5 2 ok reserve a 7; ", "one holder", 6);
    breaks(PUT_A TAKE_A "9000 1 invoke delete a -; 9001 1 fail delete - -", "one holder", 6);
    breaks(PUT_A TAKE_A "9000 1 invoke touch a -; 9001 1 fail touch - -", "one holder", 6);
    /* Its time-to-run of 10 s, less the slack, is over. */
    holds(PUT_A TAKE_A "9400 2 invoke reserve - -; 9401 2 ok reserve a 7; ");
    breaks(PUT_A TAKE_A "9000 1 invoke touch a -; 9001 1 ok touch - -; "
                        "9400 2 invoke reserve - -; 9401 2 ok reserve a 7; ",
           "one holder", 8);
    holds(PUT_A TAKE_A "4 1 invoke release a -; 5 1 ok release - -; "
                       "6 2 invoke reserve - -; 7 2 ok reserve a 7");
    holds(PUT_A TAKE_A "4 1 invoke close - -; 6 2 invoke reserve - -; 6 1 ok close - -; "
                       "7 2 ok reserve a 7");
    holds(PUT_A TAKE_A "4 1 invoke put b 1; 5 1 info put - -; "
                       "6 2 invoke reserve - -; 7 2 ok reserve a 7");
    holds(PUT_A TAKE_A "4 1 invoke reserve - -; 5 1 ok reserve a 7"); /* the same client again */
}

static void holding_is_judged_while_nothing_is_wrong(void **state)
{
    (void)state;
#define GIVEN_AGAIN "50004 2 invoke reserve - -; 50005 2 ok reserve a 7"
#define LONG_AGO "0 0 invoke put a 100; 1 0 ok put - 7; "
    breaks(LONG_AGO TAKE_A GIVEN_AGAIN, "one holder", 6);
    holds(LONG_AGO TAKE_A "40000 n info kill - -; " GIVEN_AGAIN);
    holds("0 n info kill - -; " LONG_AGO TAKE_A GIVEN_AGAIN);
    /* It began to hold when all had been quiet for long. */
    breaks("0 n info kill - -; 0 0 invoke put a 100; 1 0 ok put - 7; "
           "31000 1 invoke reserve - -; 31001 1 ok reserve a 7; " GIVEN_AGAIN,
           "one holder", 7);
    holds("0 n info pause - true; 0 0 invoke put a 100; 1 0 ok put - 7; "
          "31000 1 invoke reserve - -; 31001 1 ok reserve a 7; " GIVEN_AGAIN);
    breaks("0 n info pause - true; 0 n info pause - false; 0 0 invoke put a 100; 1 0 ok put - 7; "
           "31000 1 invoke reserve - -; 31001 1 ok reserve a 7; " GIVEN_AGAIN,
           "one holder", 8);
}

static void what_comes_out_was_put_in(void **state)
{
    (void)state;
    breaks("0 1 invoke reserve - -; 1 1 ok reserve x 3", "content", 2);
}

static void what_is_no_history_of_a_queue_is_refused(void **state)
{
    (void)state;
    breaks("0 1 invoke kick - -", "?", 1);
    breaks("0 1 invoke put - 1", "?", 1);
    breaks("0 1 invoke put a -", "?", 1);
    breaks("0 1 invoke reserve a -", "?", 1);
    breaks("0 1 invoke delete a -", "?", 1);
    breaks(PUT_A "2 0 invoke put a 1", "?", 3);
    breaks("0 0 invoke put a 10; 1 0 ok put - -", "?", 2);
    breaks("0 0 invoke put a 10; 1 0 ok put - 0", "?", 2);
    breaks("0 0 invoke put a 10; 1 0 ok put b 1", "?", 2);
    breaks("0 0 invoke put a 10; 1 0 ok delete - 1", "?", 2);
    breaks(PUT_A "2 1 invoke reserve - -; 3 1 ok reserve - 7; ", "?", 4);
    breaks("0 0 invoke put a 10; 1 9 invoke drain - -", "?", 2);
    struct queue_answer answer;
    struct history_mistake mistake;
    struct slice text = slice_text("{\"type\":\"invoke\",\"process\":0,\"f\":\"reserve\"}");
    assert_false(queue_history_judge(text, &answer, &mistake));
    assert_non_null(strstr(mistake.what, "no time"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_of_a_job),
        cmocka_unit_test(no_acknowledged_job_is_lost),
        cmocka_unit_test(nothing_is_resurrected),
        cmocka_unit_test(a_put_makes_one_job_and_a_delete_takes_one),
        cmocka_unit_test(one_holds_it_at_a_time),
        cmocka_unit_test(holding_is_judged_while_nothing_is_wrong),
        cmocka_unit_test(what_comes_out_was_put_in),
        cmocka_unit_test(what_is_no_history_of_a_queue_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
