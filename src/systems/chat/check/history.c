/* From the lines of a file to what is known of rooms. See history.h; specs/history.md, "chat". */
#include "systems/chat/check/history.h"

#include <stdlib.h>

#include "base/assert.h"
#include "check/history_line.h"
#include "check/processes.h"
#include "systems/chat/check/rooms.h"

enum function { /* calls, then what is heard without one */
                F_JOIN,
                F_POST,
                F_EDIT,
                F_DELETE,
                F_END,
                F_SEE,
                F_EDITED,
                F_DELETED,
                F_GAP,
                F_COUNT,
};

static const char *const names[F_COUNT] = {
    "join", "post", "edit", "delete", "end", "see", "edited", "deleted", "gap",
};

/* What a process has under way, or had last. */
struct call {
    enum function f;
    uint64_t room;
    uint64_t text;      /* POST, EDIT: its atom */
    uint64_t of;        /* EDIT, DELETE */
    uint64_t after;     /* JOIN; HISTORY_NIL: from now on */
    uint64_t acked_max; /* in the room, when it was called */
    uint32_t acked_line;
};

struct judge {
    struct history_texts *texts;
    struct processes processes;
    struct rooms rooms;
    struct call *calls; /* [process->operation] */
    uint32_t calls_count, calls_capacity;
    uint32_t line;
    struct chat_answer *answer;
};

static struct call *call_of(struct judge *judge, struct process *process)
{
    if (process->known) return &judge->calls[process->operation];
    if (judge->calls_count == judge->calls_capacity) {
        judge->calls_capacity = judge->calls_capacity == 0 ? 64 : judge->calls_capacity * 2;
        judge->calls = realloc(judge->calls, judge->calls_capacity * sizeof *judge->calls);
        ASSERT(judge->calls != NULL);
    }
    process->known = true;
    process->operation = judge->calls_count;
    return &judge->calls[judge->calls_count++];
}

/* --- breaches: "number 7 of room "lobby" WHAT (line 3)" --- */

static void break_rule(struct judge *judge, const char *rule, uint64_t room, uint64_t seq,
                       const char *what, uint32_t other_line)
{
    struct chat_answer *answer = judge->answer;
    struct history texts = {.texts = judge->texts};
    if (answer->violated) return;
    answer->violated = true;
    answer->line = judge->line;
    answer->rule = rule;
    buffer_append_text(&answer->what, "number ");
    buffer_append_decimal(&answer->what, seq);
    buffer_append_text(&answer->what, " of room ");
    history_describe_atom(&texts, room, &answer->what);
    buffer_append_text(&answer->what, " ");
    buffer_append_text(&answer->what, what);
    if (other_line == 0) return;
    buffer_append_text(&answer->what, " (line ");
    buffer_append_decimal(&answer->what, other_line);
    buffer_append_text(&answer->what, ")");
}

/* --- what stands where --- */

/* At this number stands a thing of this kind; false: another does. */
static bool stands(struct judge *judge, uint64_t room, uint64_t seq, enum thing_kind kind,
                   uint64_t of)
{
    struct thing *thing = rooms_thing(&judge->rooms, room, seq);
    if (thing->kind == THING_UNKNOWN) {
        thing->kind = kind;
        thing->of = of;
        thing->line = judge->line;
    }
    if (thing->kind == kind && thing->of == of) return true;
    break_rule(judge, "one order", room, seq, "is something else to others", thing->line);
    return false;
}

/* At this number stands the post with this text. */
static void post_stands(struct judge *judge, uint64_t room, uint64_t seq, struct text *text)
{
    if (!stands(judge, room, seq, THING_POST, 0)) return;
    struct thing *thing = rooms_thing(&judge->rooms, room, seq);
    if (text->refused) {
        break_rule(judge, "nothing invented", room, seq, "is there, though it was refused", 0);
    } else if (text->seq != 0 && text->seq != seq) {
        break_rule(judge, "at most once", room, seq, "is a post that stands elsewhere, too",
                   rooms_thing(&judge->rooms, room, text->seq)->line);
    } else if (thing->text != HISTORY_NIL && thing->text != text->atom) {
        break_rule(judge, "one order", room, seq, "is another post to others", thing->line);
    }
    text->seq = seq;
    thing->text = text->atom;
}

/* --- what is heard --- */

/* The number is the reader's next. */
static bool comes_next(struct judge *judge, struct reader_state *reader, uint64_t seq)
{
    if (seq == reader->next) {
        reader->next++;
        judge->answer->seen++;
        return true;
    }
    const char *what =
        seq < reader->next ? "is seen behind a later one" : "is seen before the ones below it";
    break_rule(judge, "no hole", reader->room, seq, what, reader->join_at);
    return false;
}

static void see(struct judge *judge, struct reader_state *reader, const struct line_value *value,
                uint64_t seq)
{
    uint64_t room = reader->room, atom = value->atoms[1];
    struct thing *thing = rooms_thing(&judge->rooms, room, seq);
    if (atom == HISTORY_NIL) { /* it is deleted */
        if (!stands(judge, room, seq, THING_POST, 0) || thing->delete_asked) return;
        break_rule(judge, "nothing invented", room, seq, "is deleted, and nobody asked for it", 0);
        return;
    }
    struct text *text = rooms_text(&judge->rooms, room, atom, false);
    const struct knowledge *known =
        rooms_knowledge(&judge->rooms, room, seq, reader->process, false);
    if (text == NULL) {
        break_rule(judge, "nothing invented", room, seq, "has a text that nobody posted there", 0);
    } else if (known != NULL && known->line < reader->join_at) {
        break_rule(judge, "deleted text", room, seq, "shows a text that is known to be deleted",
                   known->line);
    } else if (text->of == 0) {
        post_stands(judge, room, seq, text);
    } else if (text->refused || text->of != seq) {
        break_rule(judge, "nothing invented", room, seq, "shows an edit that was not made to it",
                   0);
    } else {
        stands(judge, room, seq, THING_POST, 0);
    }
}

static void see_change(struct judge *judge, struct reader_state *reader, enum function f,
                       uint64_t seq, uint64_t of)
{
    uint64_t room = reader->room;
    bool deleted = f == F_DELETED;
    const struct thing *post = rooms_thing(&judge->rooms, room, of);
    if (!(deleted ? post->delete_asked : post->edit_asked)) {
        break_rule(judge, "nothing invented", room, seq, "changes what nobody asked to change", 0);
    } else if (stands(judge, room, seq, deleted ? THING_DELETE : THING_EDIT, of) && deleted) {
        struct knowledge *known = rooms_knowledge(&judge->rooms, room, of, reader->process, true);
        if (known->line == 0) known->line = judge->line;
    }
}

static void skip(struct judge *judge, struct reader_state *reader, uint64_t from, uint64_t to)
{
    if (from != reader->next || to < from) {
        break_rule(judge, "no hole", reader->room, from, "begins a gap that is not the next one",
                   reader->join_at);
        return;
    }
    judge->answer->skipped += to - from + 1;
    reader->next = to + 1;
}

/* A pair of a number and what else. */
static const char *numbers_of(const struct judge *judge, const struct line_value *value, bool both,
                              uint64_t out[2])
{
    static const char why[] = "value is a list of two: numbers, or a number and a text";
    if (value->kind != LINE_VALUE_PAIR) return why;
    for (int i = 0; i < (both ? 2 : 1); i++) {
        if (value->atoms[i] == HISTORY_NIL) return why;
        if (!decimal_read(history_text(judge->texts, value->atoms[i]), &out[i])) return why;
        if (out[i] == 0 || out[i] == UINT64_MAX) return "numbers begin at 1";
    }
    return NULL;
}

static const char *hear(struct judge *judge, const struct history_line *line, enum function f)
{
    uint64_t numbers[2] = {0};
    const struct process *process = processes_find(&judge->processes, line->process);
    if (line->type != LINE_OK) return "what is seen is a line by itself, of type ok";
    if (line->key.kind != LINE_VALUE_ATOM) return "key is missing: which room?";
    if (process != NULL && process->over) return "the process is over: go on as another";
    const char *why = numbers_of(judge, &line->value, f != F_SEE, numbers);
    if (why != NULL) return why;
    struct reader_state *reader = rooms_reader(&judge->rooms, line->key.atoms[0], line->process);
    if (!reader->joined) return "this process did not join this room";
    if (f == F_GAP) {
        skip(judge, reader, numbers[0], numbers[1]);
    } else if (!comes_next(judge, reader, numbers[0])) {
        return NULL;
    } else if (f == F_SEE) {
        see(judge, reader, &line->value, numbers[0]);
    } else {
        see_change(judge, reader, f, numbers[0], numbers[1]);
    }
    return NULL;
}

/* --- calls --- */

/* A text of its own; NULL with the reason otherwise. */
static struct text *new_text(struct judge *judge, uint64_t room, uint64_t atom, uint64_t of,
                             const char **why)
{
    if (rooms_text(&judge->rooms, room, atom, false) != NULL) {
        *why = "this text was posted before: every post and edit has a text of its own";
        return NULL;
    }
    struct text *text = rooms_text(&judge->rooms, room, atom, true);
    text->of = of;
    return text;
}

static const char *begin_change(struct judge *judge, const struct history_line *line,
                                struct call *call)
{
    const char *why = NULL;
    uint64_t numbers[2];
    if (call->f == F_POST) {
        if (line->value.kind != LINE_VALUE_ATOM) return "value is the text";
        call->text = line->value.atoms[0];
        judge->answer->posts++;
        (void)new_text(judge, call->room, call->text, 0, &why);
    } else if (call->f == F_EDIT) {
        why = numbers_of(judge, &line->value, false, numbers);
        if (why != NULL) return why;
        call->of = numbers[0];
        call->text = line->value.atoms[1];
        if (call->text == HISTORY_NIL) return "value is the post's number and the new text";
        rooms_thing(&judge->rooms, call->room, call->of)->edit_asked = true;
        (void)new_text(judge, call->room, call->text, call->of, &why);
    } else {
        if (!line->value.is_number || line->value.number == 0) return "value is the post's number";
        call->of = line->value.number;
        rooms_thing(&judge->rooms, call->room, call->of)->delete_asked = true;
    }
    return why;
}

static const char *begin(struct judge *judge, const struct history_line *line, enum function f,
                         struct process *process)
{
    struct call call = {.f = f, .after = HISTORY_NIL};
    if (line->key.kind != LINE_VALUE_ATOM) return "key is missing: which room?";
    call.room = line->key.atoms[0];
    struct room_state *state = rooms_state(&judge->rooms, call.room);
    call.acked_max = state->acked_max;
    call.acked_line = state->acked_line;
    if (f == F_JOIN) {
        if (line->value.is_number) call.after = line->value.number;
        bool none = line->value.kind <= LINE_VALUE_NULL;
        if (!line->value.is_number && !none) return "value is the number after which to begin";
    }
    if (f == F_POST || f == F_EDIT || f == F_DELETE) {
        const char *why = begin_change(judge, line, &call);
        if (why != NULL) return why;
    }
    process->open = true;
    *call_of(judge, process) = call;
    return NULL;
}

static void join_over(struct judge *judge, const struct history_line *line, const struct call *call)
{
    struct reader_state *reader = rooms_reader(&judge->rooms, call->room, line->process);
    reader->joined = true;
    reader->next = (call->after == HISTORY_NIL ? line->value.number : call->after) + 1;
    reader->join_at = judge->line;
}

static void change_acknowledged(struct judge *judge, const struct history_line *line,
                                const struct call *call)
{
    uint64_t seq = line->value.number;
    struct room_state *state = rooms_state(&judge->rooms, call->room);
    if (call->f == F_POST) {
        judge->answer->acknowledged++;
        post_stands(judge, call->room, seq,
                    rooms_text(&judge->rooms, call->room, call->text, false));
    } else {
        stands(judge, call->room, seq, call->f == F_EDIT ? THING_EDIT : THING_DELETE, call->of);
    }
    if (seq <= call->acked_max) {
        break_rule(judge, "one order", call->room, seq,
                   "was sent after a higher one was acknowledged", call->acked_line);
    }
    if (call->f == F_DELETE) {
        struct knowledge *known =
            rooms_knowledge(&judge->rooms, call->room, call->of, line->process, true);
        if (known->line == 0) known->line = judge->line;
    }
    if (seq <= state->acked_max) return;
    state->acked_max = seq;
    state->acked_line = judge->line;
}

static void change_refused(struct judge *judge, const struct call *call)
{
    if (call->f == F_DELETE) return; /* another may have asked for the same */
    struct text *text = rooms_text(&judge->rooms, call->room, call->text, false);
    text->refused = true;
    if (text->seq == 0) return;
    break_rule(judge, "nothing invented", call->room, text->seq, "is there, though it was refused",
               rooms_thing(&judge->rooms, call->room, text->seq)->line);
}

static const char *end_over(struct judge *judge, const struct history_line *line,
                            const struct call *call)
{
    const struct reader_state *reader = rooms_reader(&judge->rooms, call->room, line->process);
    const struct room_state *state = rooms_state(&judge->rooms, call->room);
    if (!reader->joined || reader->next != line->value.number + 1) {
        return "end comes from a process that has seen all up to the number it says";
    }
    judge->answer->ended = true;
    if (state->acked_max > line->value.number) {
        break_rule(judge, "no loss", call->room, state->acked_max,
                   "was acknowledged, and the room ends before it", state->acked_line);
    }
    return NULL;
}

static const char *end(struct judge *judge, const struct history_line *line, enum function f,
                       struct process *process)
{
    struct call call = *call_of(judge, process);
    if (f != call.f) return "f is not that of the process' invoke: correct one of them";
    if (line->key.kind == LINE_VALUE_ATOM && line->key.atoms[0] != call.room) {
        return "key is not that of the invoke: leave it out or correct it";
    }
    bool change = f == F_POST || f == F_EDIT || f == F_DELETE;
    if (line->type == LINE_OK && (!line->value.is_number || line->value.number == UINT64_MAX ||
                                  (change && line->value.number == 0))) {
        return "value is a number: the one given, or the room's last";
    }
    process->open = false;
    process->over = line->type == LINE_INFO;
    if (line->type == LINE_FAIL && change) change_refused(judge, &call);
    if (line->type != LINE_OK) return NULL;
    if (f == F_END) return end_over(judge, line, &call);
    if (change) {
        change_acknowledged(judge, line, &call);
    } else {
        join_over(judge, line, &call);
    }
    return NULL;
}

static const char *take_line(struct judge *judge, struct slice text)
{
    struct history_line line;
    const char *why = history_line_read(text, judge->texts, &line);
    if (why == NULL) why = processes_time(&judge->processes, &line);
    if (why != NULL || line.nemesis) return why;
    enum function f = F_JOIN;
    while (f < F_COUNT && !slice_equal(line.f, slice_text(names[f]))) f++;
    if (f == F_COUNT) {
        return "f is join, post, edit, delete, end, see, edited, deleted or gap";
    }
    if (f >= F_SEE) return hear(judge, &line, f);
    struct process *process = processes_take(&judge->processes, &line, &why);
    if (process == NULL) return why;
    return line.type == LINE_INVOKE ? begin(judge, &line, f, process)
                                    : end(judge, &line, f, process);
}

bool chat_history_judge(struct slice text, struct chat_answer *answer,
                        struct history_mistake *mistake)
{
    struct judge judge = {.texts = history_texts_new(), .answer = answer};
    struct slice line;
    *answer = (struct chat_answer){0};
    mistake->what = NULL;
    while (mistake->what == NULL && !answer->violated && history_next_line(&text, &line)) {
        judge.line++;
        if (line.size > 0) mistake->what = take_line(&judge, line);
    }
    mistake->line = judge.line;
    answer->rooms = (uint32_t)judge.rooms.states.count;
    rooms_free(&judge.rooms);
    history_texts_free(judge.texts);
    processes_free(&judge.processes);
    free(judge.calls);
    return mistake->what == NULL;
}
