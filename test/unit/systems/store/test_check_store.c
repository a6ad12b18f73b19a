/* What the levels promise, each rule kept and each broken, as histories (specs/history.md,
 * "store"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "systems/store/check/history.h"

/* "PROCESS TYPE F VALUE; ..." about the key "k", with - for no value. */
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
        snprintf(line, sizeof line, "{\"process\":%s,\"type\":\"%s\",\"f\":\"%s\",\"key\":\"k\"",
                 process, strcmp(type, "call") == 0 ? "invoke" : type, f);
        buffer_append_text(out, line);
        if (strcmp(value, "-") != 0) {
            snprintf(line, sizeof line, ",\"value\":%s", value);
            buffer_append_text(out, line);
        }
        buffer_append_text(out, "}\n");
    }
}

/* Judged; *rule is NULL when all hold, and "?" when the text was refused. */
static struct store_answer judged(const char *events, const char **rule, uint32_t *line)
{
    struct buffer text = {0};
    struct store_answer answer;
    struct history_mistake mistake;
    write_lines(events, &text);
    bool read = store_history_judge(buffer_slice(&text), &answer, &mistake);
    *rule = !read ? "?" : answer.violated ? answer.rule : NULL;
    *line = read ? answer.line : mistake.line;
    buffer_free(&answer.what);
    buffer_free(&text);
    return answer;
}

static struct store_answer holds(const char *events)
{
    const char *rule;
    uint32_t line;
    struct store_answer answer = judged(events, &rule, &line);
    if (rule != NULL) fail_msg("%s on line %u: %s", rule, line, events);
    return answer;
}

static void breaks(const char *events, const char *expected, uint32_t at)
{
    const char *rule;
    uint32_t line;
    judged(events, &rule, &line);
    if (rule == NULL) fail_msg("holds: %s", events);
    assert_string_equal(rule, expected);
    assert_int_equal(line, at);
}

static void what_a_majority_has_stays(void **state)
{
    (void)state;
    holds("1 call put 5; 1 ok put -; 2 call get -; 2 ok get 5");
    holds("1 call put 5; 2 call get -; 1 ok put -; 2 ok get null");
    breaks("1 call put 5; 1 ok put -; 2 call get -; 2 ok get null", "no loss", 4);
    breaks("1 call put-all 5; 1 ok put-all -; 2 call get -; 2 ok get 4", "no loss", 4);
    holds("1 call put 5; 1 fail put -; 2 call get -; 2 ok get null");
    holds("1 call put 5; 1 info put -; 2 call get -; 2 ok get 5; 3 call get -; 3 ok get 5");
    breaks("1 call put 5; 2 call get -; 2 ok get 6", "invented", 3);
}

static void what_a_leader_has_may_be_lost_and_is_counted(void **state)
{
    (void)state;
    const char *lost = "1 call put-leader 5; 1 ok put-leader -; 1 call put-leader 6; "
                       "1 ok put-leader -; 2 call get -; 2 ok get 5";
    struct store_answer answer = holds(lost);
    assert_int_equal(answer.early, 2);
    assert_int_equal(answer.lost, 1);
    answer = holds("1 call put-leader 5; 1 ok put-leader -; 2 call get -; 2 ok get 5");
    assert_int_equal(answer.lost, 0);
}

static void a_local_read_is_told_what_is_committed(void **state)
{
    (void)state;
    holds("1 call put 5; 1 ok put -; 2 call get-local -; 2 ok get-local null");
    breaks("1 call put-leader 5; 2 call get-local -; 2 ok get-local 5; 3 call get -; 3 ok get null",
           "committed", 5);
    holds("1 call put-leader 5; 3 call get -; 2 call get-local -; 2 ok get-local 5; "
          "3 ok get null");
}

static void a_session_goes_forward(void **state)
{
    (void)state;
    breaks("1 call put-leader 5; 1 ok put-leader -; 1 call get-session -; 1 ok get-session null",
           "session", 4);
    holds("1 call put-leader 5; 1 ok put-leader -; 1 call get-session -; "
          "1 ok get-session false; 1 call get-session -; 1 ok get-session null");
    breaks("1 call put 5; 1 ok put -; 2 call get -; 2 ok get 5; 2 call get-session -; "
           "2 ok get-session null",
           "session", 6);
    holds("1 call put 5; 1 ok put -; 2 call get-session -; 2 ok get-session null");
}

static void a_token_carries_it_on(void **state)
{
    (void)state;
    breaks("1 call put 5; 1 ok put -; 1 call token -; 1 ok token \"t\"; 2 call after \"t\"; "
           "2 ok after -; 2 call get-session -; 2 ok get-session null",
           "session", 8);
    holds("1 call token -; 1 ok token \"t\"; 1 call put 5; 1 ok put -; 2 call after \"t\"; "
          "2 ok after -; 2 call get-session -; 2 ok get-session null");
    holds("1 call put 5; 1 ok put -; 1 call token -; 1 ok token \"t\"; 2 call after \"t\"; "
          "2 fail after -; 2 call get-session -; 2 ok get-session null");
}

static void what_is_not_in_order_is_refused(void **state)
{
    (void)state;
    breaks("1 call put 5; 2 call put 6", "?", 2);
    breaks("1 call put 5; 1 ok put -; 1 call put 5", "?", 3);
    breaks("1 call put 5; 1 info put -; 2 call put 6", "?", 3);
    breaks("1 call put 0", "?", 1);
    breaks("1 call put \"a\"", "?", 1);
    breaks("1 call got -", "?", 1);
    breaks("1 call get -; 1 ok put -", "?", 2);
    breaks("1 call get -; 1 ok get true", "?", 2);
    breaks("1 call token -; 1 ok token -", "?", 2);
    breaks("1 call after -", "?", 1);
}

static void a_verdict_is_a_sentence(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct system_verdict verdict;
    write_lines("1 call put-leader 5; 1 ok put-leader -; 2 call get -; 2 ok get null", &text);
    store_history_verdict(buffer_slice(&text), &verdict);
    static const char words[] =
        "holds: 1 writes and 1 reads of 1 key, 0 tokens; of 1 that a leader "
        "alone acknowledged, lost at the end: 1";
    assert_int_equal(verdict.words.size, strlen(words));
    assert_memory_equal(buffer_slice(&verdict.words).data, words, strlen(words));
    buffer_free(&verdict.words);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_majority_has_stays),
        cmocka_unit_test(what_a_leader_has_may_be_lost_and_is_counted),
        cmocka_unit_test(a_local_read_is_told_what_is_committed),
        cmocka_unit_test(a_session_goes_forward),
        cmocka_unit_test(a_token_carries_it_on),
        cmocka_unit_test(what_is_not_in_order_is_refused),
        cmocka_unit_test(a_verdict_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
