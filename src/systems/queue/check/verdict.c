/* What people read of a queue's history that was judged: see history.h. */
#include "systems/queue/check/history.h"

static void say_number(struct buffer *words, const char *before, uint64_t number)
{
    buffer_append_text(words, before);
    buffer_append_decimal(words, number);
}

static void say_what_broke(const struct queue_answer *answer, struct buffer *words)
{
    struct slice what = buffer_slice(&answer->what);
    buffer_append_text(words, "violated: ");
    buffer_append_text(words, answer->rule);
    say_number(words, ": on line ", answer->line);
    buffer_append_text(words, " ");
    buffer_append(words, what.data, what.size);
}

void queue_history_verdict(struct slice text, struct system_verdict *verdict)
{
    struct queue_answer answer = {0};
    struct history_mistake mistake;
    *verdict = (struct system_verdict){0};
    if (!queue_history_judge(text, &answer, &mistake)) {
        verdict->mistake = mistake.what;
        verdict->mistake_line = mistake.line;
    } else if (answer.violated) {
        verdict->violated = true;
        say_what_broke(&answer, &verdict->words);
    } else {
        say_number(&verdict->words, "holds: ", answer.jobs);
        say_number(&verdict->words, " jobs, ", answer.acknowledged);
        say_number(&verdict->words, " acknowledged, ", answer.deleted);
        buffer_append_text(&verdict->words, " deleted");
        buffer_append_text(&verdict->words,
                           answer.drained ? ", none lost"
                                          : "; loss is not judged without a drain at the end");
    }
    buffer_free(&answer.what);
}
