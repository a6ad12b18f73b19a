/* What people read of a history of levels that was judged: see history.h. */
#include "systems/store/check/history.h"

static void say_number(struct buffer *words, const char *before, uint64_t number)
{
    buffer_append_text(words, before);
    buffer_append_decimal(words, number);
}

void store_history_verdict(struct slice text, struct system_verdict *verdict)
{
    struct store_answer answer = {0};
    struct history_mistake mistake;
    *verdict = (struct system_verdict){0};
    if (!store_history_judge(text, &answer, &mistake)) {
        verdict->mistake = mistake.what;
        verdict->mistake_line = mistake.line;
    } else if (answer.violated) {
        verdict->violated = true;
        buffer_append_text(&verdict->words, "violated: ");
        buffer_append_text(&verdict->words, answer.rule);
        say_number(&verdict->words, ": on line ", answer.line);
        buffer_append_text(&verdict->words, " a client ");
        buffer_append_slice(&verdict->words, buffer_slice(&answer.what));
    } else {
        say_number(&verdict->words, "holds: ", answer.writes);
        say_number(&verdict->words, " writes and ", answer.reads);
        say_number(&verdict->words, " reads of ", answer.keys);
        say_number(&verdict->words, answer.keys == 1 ? " key, " : " keys, ", answer.tokens);
        say_number(&verdict->words, " tokens; of ", answer.early);
        say_number(&verdict->words,
                   " that a leader alone acknowledged, lost at the end: ", answer.lost);
    }
    buffer_free(&answer.what);
}
