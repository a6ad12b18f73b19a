/* From the lines of a file to what is asked and told. See history.h; specs/history.md, "store". */
#include "systems/store/check/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "check/history_line.h"
#include "check/processes.h"

enum function {
    F_PUT,
    F_PUT_ALL,
    F_PUT_LEADER,
    F_GET,
    F_SESSION,
    F_LOCAL,
    F_TOKEN,
    F_AFTER,
    F_COUNT
};

static const char *const names[F_COUNT] = {
    "put", "put-all", "put-leader", "get", "get-session", "get-local", "token", "after",
};

/* A process: one connection, with what it has under way, or had last. */
struct session {
    enum function f;
    uint32_t key;
    uint64_t value;
    struct levels_floor floor;
    struct levels_view view;
};

struct key {
    bool writing;         /* a put is under way, */
    bool closed;          /* or was, and nobody knows what became of it */
    uint64_t last, found; /* begun; told to the last linearizable read */
    bool read;
};

/* Places of a list, by atoms. */
struct places {
    uint32_t *of; /* + 1; 0: it has none */
    uint32_t capacity, count;
};

struct judge {
    struct history_texts *texts;
    struct processes processes;
    struct levels levels;
    struct session *sessions; /* [process->operation] */
    uint32_t sessions_count, sessions_capacity;
    struct key *keys;
    uint32_t keys_capacity;
    struct places key_places, token_places;
    struct levels_view *tokens;
    uint32_t tokens_capacity;
    uint32_t line;
    struct store_answer *answer;
};

static void *grown(void *items, uint32_t *capacity, uint64_t least, size_t size)
{
    uint32_t before = *capacity;
    if (least <= before) return items;
    while (*capacity < least) *capacity = *capacity == 0 ? 64 : *capacity * 2;
    items = realloc(items, *capacity * size);
    ASSERT(items != NULL);
    memset((uint8_t *)items + before * size, 0, (*capacity - before) * size);
    return items;
}

static uint32_t place_of(struct places *places, uint64_t atom)
{
    places->of = grown(places->of, &places->capacity, atom + 1, sizeof *places->of);
    if (places->of[atom] == 0) places->of[atom] = ++places->count;
    return places->of[atom] - 1;
}

static struct session *session_of(struct judge *judge, struct process *process)
{
    if (!process->known) {
        judge->sessions = grown(judge->sessions, &judge->sessions_capacity,
                                judge->sessions_count + 1, sizeof *judge->sessions);
        process->known = true;
        process->operation = judge->sessions_count++;
    }
    return &judge->sessions[process->operation];
}

static struct key *key_at(struct judge *judge, uint32_t key)
{
    judge->keys = grown(judge->keys, &judge->keys_capacity, key + 1, sizeof *judge->keys);
    return &judge->keys[key];
}

static struct levels_view *token_at(struct judge *judge, uint64_t atom)
{
    uint32_t place = place_of(&judge->token_places, atom);
    judge->tokens = grown(judge->tokens, &judge->tokens_capacity, place + 1, sizeof *judge->tokens);
    return &judge->tokens[place];
}

/* --- calls --- */

static const char *begin_put(struct judge *judge, const struct history_line *line,
                             struct session *session)
{
    struct key *key = key_at(judge, session->key);
    if (!line->value.is_number || line->value.number == 0) return "value is a number above 0";
    if (key->writing) return "a put of this key is under way: it is written by one after the other";
    if (key->closed) return "nobody knows of the last put of this key: go on with another key";
    if (line->value.number <= key->last) return "value is not above all before: they only grow";
    key->writing = true;
    key->last = line->value.number;
    session->value = line->value.number;
    judge->answer->writes++;
    levels_write_begins(&judge->levels, session->key, session->value);
    return NULL;
}

static const char *begin(struct judge *judge, const struct history_line *line, enum function f,
                         struct process *process)
{
    struct session *session = session_of(judge, process);
    session->f = f;
    process->open = true;
    if (f == F_TOKEN) return NULL;
    if (f == F_AFTER) {
        if (line->value.kind != LINE_VALUE_ATOM) return "value is a token";
        session->value = line->value.atoms[0];
        return NULL;
    }
    if (line->key.kind != LINE_VALUE_ATOM) return "key is missing";
    session->key = place_of(&judge->key_places, line->key.atoms[0]);
    if (f <= F_PUT_LEADER) return begin_put(judge, line, session);
    (void)key_at(judge, session->key);
    session->floor = levels_read_begins(&judge->levels, session->key);
    return NULL;
}

/* --- answers --- */

static void break_rule(struct judge *judge, const char *rule, uint64_t found, uint64_t least)
{
    struct store_answer *answer = judge->answer;
    answer->violated = true;
    answer->line = judge->line;
    answer->rule = rule;
    buffer_append_text(&answer->what, "is told ");
    buffer_append_decimal(&answer->what, found);
    buffer_append_text(&answer->what, ", where it is at least ");
    buffer_append_decimal(&answer->what, least);
}

static const char *told(struct judge *judge, const struct history_line *line,
                        struct session *session)
{
    static const enum levels_read levels[] = {
        [F_GET] = LEVELS_LINEARIZABLE, [F_SESSION] = LEVELS_SESSION, [F_LOCAL] = LEVELS_LOCAL};
    if (line->value.kind == LINE_VALUE_FALSE) {
        levels_lost(&session->view);
        return NULL;
    }
    bool none = line->value.kind == LINE_VALUE_NULL;
    if (!none && !line->value.is_number) return "value is the number told, null, or false: LOST";
    uint64_t found = none ? 0 : line->value.number, least;
    struct key *key = key_at(judge, session->key);
    judge->answer->reads++;
    if (session->f == F_GET) {
        key->read = true;
        key->found = found;
    }
    const char *rule = levels_read_told(&judge->levels, &session->view, session->key,
                                        levels[session->f], session->floor, found, &least);
    if (rule != NULL) break_rule(judge, rule, found, least);
    return NULL;
}

static const char *succeed(struct judge *judge, const struct history_line *line,
                           struct session *session)
{
    switch (session->f) {
    case F_PUT:
    case F_PUT_ALL:
    case F_PUT_LEADER:
        levels_write_acknowledged(&judge->levels, &session->view, session->key, session->value,
                                  session->f == F_PUT_LEADER);
        judge->answer->early += session->f == F_PUT_LEADER;
        return NULL;
    case F_TOKEN:
        if (line->value.kind != LINE_VALUE_ATOM) return "value is the token";
        judge->answer->tokens++;
        levels_after(token_at(judge, line->value.atoms[0]), &session->view);
        return NULL;
    case F_AFTER: levels_after(&session->view, token_at(judge, session->value)); return NULL;
    default: return told(judge, line, session);
    }
}

static const char *end(struct judge *judge, const struct history_line *line, enum function f,
                       struct process *process)
{
    struct session *session = session_of(judge, process);
    if (f != session->f) return "f is not that of the process' invoke: correct one of them";
    process->open = false;
    process->over = line->type == LINE_INFO;
    if (f <= F_PUT_LEADER) {
        struct key *key = key_at(judge, session->key);
        key->writing = false;
        key->closed = line->type == LINE_INFO;
    }
    return line->type == LINE_OK ? succeed(judge, line, session) : NULL;
}

static const char *take_line(struct judge *judge, struct slice text)
{
    struct history_line line;
    const char *why = history_line_read(text, judge->texts, &line);
    if (why == NULL) why = processes_time(&judge->processes, &line);
    if (why != NULL || line.nemesis) return why;
    enum function f = F_PUT;
    while (f < F_COUNT && !slice_equal(line.f, slice_text(names[f]))) f++;
    if (f == F_COUNT) {
        return "f is put, put-all, put-leader, get, get-session, get-local, token or after";
    }
    struct process *process = processes_take(&judge->processes, &line, &why);
    if (process == NULL) return why;
    return line.type == LINE_INVOKE ? begin(judge, &line, f, process)
                                    : end(judge, &line, f, process);
}

static void judge_free(struct judge *judge)
{
    for (uint32_t i = 0; i < judge->sessions_count; i++) levels_view_free(&judge->sessions[i].view);
    for (uint32_t i = 0; i < judge->tokens_capacity; i++) levels_view_free(&judge->tokens[i]);
    history_texts_free(judge->texts);
    processes_free(&judge->processes);
    levels_free(&judge->levels);
    free(judge->sessions);
    free(judge->keys);
    free(judge->tokens);
    free(judge->key_places.of);
    free(judge->token_places.of);
}

bool store_history_judge(struct slice text, struct store_answer *answer,
                         struct history_mistake *mistake)
{
    struct judge judge = {.texts = history_texts_new(), .answer = answer};
    struct slice line;
    *answer = (struct store_answer){0};
    mistake->what = NULL;
    while (mistake->what == NULL && !answer->violated && history_next_line(&text, &line)) {
        judge.line++;
        if (line.size > 0) mistake->what = take_line(&judge, line);
    }
    mistake->line = judge.line;
    answer->keys = judge.key_places.count;
    for (uint32_t i = 0; i < answer->keys && i < judge.keys_capacity; i++) {
        if (!judge.keys[i].read) continue;
        answer->lost += levels_count_lost(&judge.levels, i, judge.keys[i].found);
    }
    judge_free(&judge);
    return mistake->what == NULL;
}
