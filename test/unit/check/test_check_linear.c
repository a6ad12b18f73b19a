/* Linearizability: the histories of the papers, and every small one against the obvious judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "check_brute.h"

enum { RANDOM_HISTORIES = 20000 };

/* A history written as one line per process and one column per event: a call as "w1", "r1", "c12",
 * "d"; its end as "." (ok), "?" (no reply), "!" (failed) or "=3" (kept: found 3). Later columns
 * happen later. A read's value stands with its call. */
struct script {
    struct history history;
    uint32_t open[8];
};

static uint64_t digit(char c)
{
    return c == '-' ? HISTORY_NIL : (uint64_t)(c - '0');
}

/* One event: process, ':' and what it does. */
static void play_event(struct script *script, const char *event)
{
    uint32_t process = (uint32_t)(event[0] - '0');
    struct history *history = &script->history;
    const char *what = event + 2;
    struct operation call = {.process = process};
    switch (*what) {
    case 'r':
        call.f = MODEL_READ;
        call.in[1] = digit(what[1]); /* what it will give */
        break;
    case 'w':
        call.f = MODEL_WRITE;
        call.in[0] = digit(what[1]);
        break;
    case 'c':
        call.f = MODEL_CAS;
        call.in[0] = digit(what[1]);
        call.in[1] = digit(what[2]);
        break;
    case 'd': call.f = MODEL_DELETE; break;
    case '.': {
        struct operation *operation = &history->items[script->open[process]];
        uint64_t out = operation->f == MODEL_READ ? operation->in[1] : HISTORY_NIL;
        history_complete(history, script->open[process], OPERATION_OK, out, 0);
        return;
    }
    case '+':
        history_complete(history, script->open[process], OPERATION_OK, MODEL_WAS_THERE, 0);
        return;
    case '?':
        history_complete(history, script->open[process], OPERATION_UNKNOWN, HISTORY_NIL, 0);
        return;
    case '!':
        history_complete(history, script->open[process], OPERATION_FAILED, HISTORY_NIL, 0);
        return;
    case '=':
        history_complete(history, script->open[process], OPERATION_KEPT, digit(what[1]), 0);
        return;
    default: fail_msg("no such event: %s", event);
    }
    script->open[process] = history_invoke(history, call);
}

/* "0:w1 1:r1 0:. 1:." played, and judged with the state 0 at first. */
static enum check_verdict judged(const char *events, const struct model *model)
{
    struct script script = {0};
    for (const char *at = events; *at != '\0';) {
        play_event(&script, at);
        while (*at != ' ' && *at != '\0') at++;
        while (*at == ' ') at++;
    }
    struct check_options options = check_options_default();
    options.initial = 0;
    struct check_result result;
    check_history(&script.history, model, &options, &result);
    enum check_verdict verdict = result.verdict;
    assert_int_equal(result.violations_count, verdict == CHECK_VIOLATION);
    check_result_free(&result);
    history_free(&script.history);
    return verdict;
}

static void passes(const char *events)
{
    if (judged(events, &model_register) != CHECK_PASSED) fail_msg("not linearizable: %s", events);
}

static void violates(const char *events)
{
    if (judged(events, &model_register) != CHECK_VIOLATION) fail_msg("linearizable: %s", events);
}

static void an_empty_history_is_linearizable(void **state)
{
    (void)state;
    passes("");
    passes("0:w1");
    passes("0:w1 0:?");
}

static void one_after_another_means_what_it_says(void **state)
{
    (void)state;
    passes("0:r0 0:. 0:w1 0:. 1:r1 1:.");
    violates("0:w1 0:. 1:r0 1:.");
    violates("0:w1 0:. 0:w2 0:. 1:r1 1:.");
    violates("0:r3 0:.");
}

/* Herlihy and Wing 1990, figure 2, its queue read as a register: a write that overlaps reads may
 * take effect anywhere in between, but not twice and not backwards. */
static void overlapping_operations_may_go_either_way(void **state)
{
    (void)state;
    passes("0:w1 1:r0 1:. 0:.");
    passes("0:w1 1:r1 1:. 0:.");
    passes("0:w1 1:r0 1:. 1:r1 1:. 0:.");
    violates("0:w1 1:r1 1:. 1:r0 1:. 0:.");
    violates("0:w1 1:r1 2:r0 1:. 2:. 2:r0 2:. 0:.");
    passes("0:w1 1:w2 0:. 1:. 2:r1 2:.");
    passes("0:w1 1:w2 0:. 1:. 2:r2 2:.");
    violates("0:w1 1:w2 0:. 1:. 2:r1 2:. 2:r2 2:.");
}

/* The first two histories of Porcupine's README: a read overlapping two others. */
static void porcupines_examples(void **state)
{
    (void)state;
    passes("0:w1 1:r1 2:r0 2:. 1:. 0:.");
    violates("0:w2 1:r2 1:. 2:r0 2:. 0:.");
}

static void swaps_hold_or_not(void **state)
{
    (void)state;
    passes("0:c01 0:. 1:r1 1:.");
    violates("0:c12 0:.");
    passes("0:c12 0:=0 1:r0 1:.");
    violates("0:c01 0:=0"); /* it found what it expected, and says it did not */
    violates("0:c12 0:=3");
    passes("0:c01 1:c02 0:. 1:=1");
    violates("0:c01 1:c02 0:. 1:.");
}

static void the_unheard_may_come_late_or_never(void **state)
{
    (void)state;
    passes("0:w1 0:? 1:r0 1:.");
    passes("0:w1 0:? 1:r1 1:.");
    passes("0:w1 0:? 1:r0 1:. 1:r0 1:. 1:r1 1:.");
    violates("0:w1 0:? 1:r1 1:. 1:r0 1:.");
    violates("1:r1 1:. 0:w1 0:?");
    passes("0:w1 0:? 1:w1 1:? 2:r1 2:. 2:w0 2:. 2:r1 2:."); /* twins, each used once */
    violates("0:w1 0:? 2:r1 2:. 2:w0 2:. 2:r1 2:.");
    passes("0:c01 0:? 1:c12 1:? 2:r2 2:."); /* a chain of which only the end is seen */
    violates("0:c12 0:? 2:r2 2:.");
}

static void the_failed_did_not_happen(void **state)
{
    (void)state;
    passes("0:w1 0:! 1:r0 1:.");
    violates("0:w1 0:! 1:r1 1:.");
}

static void a_key_of_a_store_can_be_gone(void **state)
{
    (void)state;
    assert_int_equal(judged("0:d 0:+ 0:r- 0:.", &model_kv), CHECK_PASSED);
    assert_int_equal(judged("0:d 0:. 0:d 0:+", &model_kv), CHECK_VIOLATION);
    assert_int_equal(judged("0:d 0:. 0:d 0:=-", &model_kv), CHECK_PASSED);
    assert_int_equal(judged("0:d 0:=-", &model_kv), CHECK_VIOLATION);
    assert_int_equal(judged("0:d 0:? 0:r- 0:. 0:r0 0:.", &model_kv), CHECK_VIOLATION);
    /* No one ever saw the 5, but the second delete needs something to have been there. */
    assert_int_equal(judged("1:w5 1:? 0:d 0:+ 0:d 0:+", &model_kv), CHECK_PASSED);
    assert_int_equal(judged("0:d 0:. 0:c-3 0:. 0:r3 0:.", &model_kv), CHECK_PASSED);
}

/* --- every small history against the obvious judge --- */

static enum operation_outcome random_outcome(struct random *random, const struct operation *of)
{
    uint64_t dice = random_below(random, 10);
    if (dice < 2) return OPERATION_UNKNOWN;
    if (dice < 3) return OPERATION_FAILED;
    if (dice < 5 && (of->f == MODEL_CAS || of->f == MODEL_DELETE)) return OPERATION_KEPT;
    return OPERATION_OK;
}

static uint64_t random_value(struct random *random)
{
    uint64_t dice = random_below(random, 4);
    return dice == 3 ? HISTORY_NIL : dice;
}

static uint64_t random_out(struct random *random, const struct operation *of)
{
    if (of->f == MODEL_DELETE && of->outcome != OPERATION_KEPT) {
        return random_below(random, 2) == 0 ? MODEL_WAS_THERE : HISTORY_NIL;
    }
    return random_value(random);
}

/* Up to `count` operations by four processes, which end in any order, with any results. */
static void random_history(struct random *random, struct history *history, uint32_t count)
{
    uint32_t open[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    uint64_t keys = 1 + random_below(random, 2);
    uint64_t functions = 2 + random_below(random, 3);
    while (history->count < count || random_below(random, 4) > 0) {
        uint32_t process = (uint32_t)random_below(random, 4);
        if (open[process] == UINT32_MAX && history->count < count) {
            struct operation call = {
                .process = process,
                .f = (uint32_t)random_below(random, functions),
                .key = random_below(random, keys),
                .in = {random_below(random, 3), random_below(random, 3)},
            };
            open[process] = history_invoke(history, call);
        } else if (open[process] != UINT32_MAX) {
            struct operation *operation = &history->items[open[process]];
            enum operation_outcome outcome = random_outcome(random, operation);
            struct operation ended = *operation;
            ended.outcome = outcome;
            history_complete(history, open[process], outcome, random_out(random, &ended), 0);
            open[process] = UINT32_MAX;
        }
    }
}

/* Every operation that returned before another was called stands before it, and none is missing
 * that returned before the last of them was called. */
static void assert_order(const struct history *history, const struct check_violation *violation,
                         const struct check_prefix *prefix)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < prefix->count; i++) {
        const struct operation *operation = &history->items[prefix->operations[i]];
        assert_true(model_kv.step(operation, &value));
        for (uint32_t j = 0; j < violation->count; j++) {
            const struct operation *other = &history->items[violation->operations[j]];
            if (other->returned_at > operation->called_at) continue;
            bool before = false;
            for (uint32_t k = 0; k < i; k++) {
                before |= prefix->operations[k] == violation->operations[j];
            }
            assert_true(before);
        }
    }
}

static void assert_explained(const struct history *history, const struct check_violation *violation)
{
    const struct operation *stuck = &history->items[violation->stuck];
    struct history one = *history; /* of this key alone */
    struct brute brute = {&one, 0, stuck->returned_at, UINT32_MAX, {0}, 0};
    assert_true(brute_try(&brute, violation->key, 0, 0, false));
    brute.until++;
    assert_false(brute_try(&brute, violation->key, 0, 0, false));
    assert_order(history, violation, violation->prefix);
    for (uint32_t i = 0; i < violation->count; i++) {
        const struct check_prefix *prefix = violation->longest[i];
        if (prefix == NULL) continue;
        bool there = false;
        for (uint32_t j = 0; j < prefix->count; j++) {
            there |= prefix->operations[j] == violation->operations[i];
        }
        assert_true(there);
        assert_order(history, violation, prefix);
    }
    /* The states it names are possible. */
    brute.until = stuck->returned_at;
    brute.without = violation->stuck;
    brute_try(&brute, violation->key, 0, 0, true);
    assert_true(violation->states_count > 0);
    for (uint32_t i = 0; i < violation->states_count; i++) {
        bool possible = false;
        for (uint32_t j = 0; j < brute.seen_count; j++) {
            possible |= brute.seen[j] == violation->states[i];
        }
        assert_true(possible);
    }
}

static void every_small_history_is_judged_as_the_obvious_judge_does(void **state)
{
    (void)state;
    uint32_t verdicts[3] = {0};
    for (uint64_t seed = 1; seed <= RANDOM_HISTORIES; seed++) {
        struct random random = random_seeded(seed);
        struct history history = {0};
        random_history(&random, &history, 2 + (uint32_t)random_below(&random, 7));
        struct check_options options = check_options_default();
        options.initial = 0;
        struct check_result result;
        check_history(&history, &model_kv, &options, &result);
        bool expected = brute_linearizable(&history, 0, UINT64_MAX);
        if (expected != (result.verdict == CHECK_PASSED)) fail_msg("seed %d", (int)seed);
        for (uint32_t i = 0; i < result.violations_count; i++) {
            assert_explained(&history, &result.violations[i]);
        }
        verdicts[result.verdict]++;
        check_result_free(&result);
        history_free(&history);
    }
    /* Neither answer is so rare that the comparison says nothing. */
    assert_true(verdicts[CHECK_PASSED] > RANDOM_HISTORIES / 10);
    assert_true(verdicts[CHECK_VIOLATION] > RANDOM_HISTORIES / 10);
    assert_int_equal(verdicts[CHECK_UNKNOWN], 0);
}

/* --- bounds --- */

/* Writes that overlap each other and return, and a read of what no one wrote: every order of them
 * has to be tried, 2^count configurations. */
static void hard_history(struct history *history, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        history_invoke(history, (struct operation){.process = i, .f = MODEL_WRITE, .in = {i}});
    }
    for (uint32_t i = 0; i < count; i++) history_complete(history, i, OPERATION_OK, 0, 0);
    uint32_t read = history_invoke(history, (struct operation){.process = 0, .f = MODEL_READ});
    history_complete(history, read, OPERATION_OK, count, 0);
}

static void a_cap_on_memory_answers_unknown(void **state)
{
    (void)state;
    struct history history = {0};
    hard_history(&history, 16);
    struct check_options options = check_options_default();
    struct check_result result;
    check_history(&history, &model_register, &options, &result);
    assert_int_equal(result.verdict, CHECK_VIOLATION);
    size_t needed = result.memory_bytes;
    check_result_free(&result);
    options.memory_bytes_max = needed / 2;
    check_history(&history, &model_register, &options, &result);
    assert_int_equal(result.verdict, CHECK_UNKNOWN);
    assert_true(result.out_of_memory);
    assert_int_equal(result.keys_unknown, 1);
    assert_true(result.memory_bytes <= options.memory_bytes_max);
    check_result_free(&result);
    history_free(&history);
}

static bool stop_at_the_third(void *context)
{
    return ++*(uint32_t *)context == 3;
}

static void steps_and_patience_are_bounded(void **state)
{
    (void)state;
    struct history history = {0};
    hard_history(&history, 16);
    struct check_options options = check_options_default();
    struct check_result result;
    options.steps_max = 1000;
    check_history(&history, &model_register, &options, &result);
    assert_int_equal(result.verdict, CHECK_UNKNOWN);
    assert_false(result.out_of_memory);
    assert_int_equal(result.steps, 1000);
    check_result_free(&result);
    uint32_t asked = 0;
    options.steps_max = UINT64_MAX;
    options.stop = stop_at_the_third;
    options.context = &asked;
    check_history(&history, &model_register, &options, &result);
    assert_int_equal(result.verdict, CHECK_UNKNOWN);
    assert_int_equal(result.steps, 3 * CHECK_STOP_STEPS);
    check_result_free(&result);
    history_free(&history);
}

static void a_violation_on_one_key_outweighs_what_is_unknown_on_another(void **state)
{
    (void)state;
    struct history history = {0};
    hard_history(&history, 16);
    uint32_t read = history_invoke(&history, (struct operation){.f = MODEL_READ, .key = 7});
    history_complete(&history, read, OPERATION_OK, 3, 0);
    struct check_options options = check_options_default();
    struct check_result result;
    options.memory_bytes_max = 2 << 20;
    check_history(&history, &model_register, &options, &result);
    assert_int_equal(result.verdict, CHECK_VIOLATION);
    assert_int_equal(result.keys, 2);
    assert_int_equal(result.keys_violated, 1);
    assert_int_equal(result.keys_unknown, 1);
    assert_int_equal(result.violations_count, 1);
    assert_int_equal(result.violations[0].key, 7);
    check_result_free(&result);
    history_free(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_history_is_linearizable),
        cmocka_unit_test(one_after_another_means_what_it_says),
        cmocka_unit_test(overlapping_operations_may_go_either_way),
        cmocka_unit_test(porcupines_examples),
        cmocka_unit_test(swaps_hold_or_not),
        cmocka_unit_test(the_unheard_may_come_late_or_never),
        cmocka_unit_test(the_failed_did_not_happen),
        cmocka_unit_test(a_key_of_a_store_can_be_gone),
        cmocka_unit_test(every_small_history_is_judged_as_the_obvious_judge_does),
        cmocka_unit_test(a_cap_on_memory_answers_unknown),
        cmocka_unit_test(steps_and_patience_are_bounded),
        cmocka_unit_test(a_violation_on_one_key_outweighs_what_is_unknown_on_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
