/* What people read of a chat's history that was judged: see history.h. */
#include "systems/chat/check/history.h"

static void say_number(struct buffer *words, const char *before, uint64_t number)
{
    buffer_append_text(words, before);
    buffer_append_decimal(words, number);
}

void chat_history_verdict(struct slice text, struct system_verdict *verdict)
{
    struct chat_answer answer = {0};
    struct history_mistake mistake;
    *verdict = (struct system_verdict){0};
    if (!chat_history_judge(text, &answer, &mistake)) {
        verdict->mistake = mistake.what;
        verdict->mistake_line = mistake.line;
    } else if (answer.violated) {
        verdict->violated = true;
        buffer_append_text(&verdict->words, "violated: ");
        buffer_append_text(&verdict->words, answer.rule);
        say_number(&verdict->words, ": on line ", answer.line);
        buffer_append_text(&verdict->words, " ");
        buffer_append_slice(&verdict->words, buffer_slice(&answer.what));
    } else {
        say_number(&verdict->words, "holds: ", answer.posts);
        say_number(&verdict->words, " posts in ", answer.rooms);
        say_number(&verdict->words, answer.rooms == 1 ? " room, " : " rooms, ",
                   answer.acknowledged);
        say_number(&verdict->words, " acknowledged, ", answer.seen);
        say_number(&verdict->words, " seen, ", answer.skipped);
        buffer_append_text(&verdict->words, " skipped");
        buffer_append_text(&verdict->words,
                           answer.ended ? ", none lost" : "; loss is not judged without an end");
    }
    buffer_free(&answer.what);
}
