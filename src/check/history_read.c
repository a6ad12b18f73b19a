/* From the lines of a file to a history of registers or keys. See history_read.h. */
#include "check/history_read.h"

#include <string.h>

#include "check/history_line.h"
#include "check/processes.h"

enum { NANOSECONDS = 1000 }; /* in a microsecond */

struct reading {
    const struct model *model;
    struct history *history;
    struct processes processes;
    uint32_t line;
};

static bool is_nothing(const struct line_value *value)
{
    return value->kind <= LINE_VALUE_NULL;
}

static bool is_same(const struct line_value *value, const struct operation *operation)
{
    if (operation->f == MODEL_CAS) {
        return value->kind == LINE_VALUE_PAIR && value->atoms[0] == operation->in[0] &&
               value->atoms[1] == operation->in[1];
    }
    return value->kind == LINE_VALUE_ATOM && value->atoms[0] == operation->in[0];
}

static const char *call_value(const struct history_line *line, struct operation *call)
{
    const struct line_value *value = &line->value;
    switch (call->f) {
    case MODEL_WRITE:
        if (value->kind != LINE_VALUE_ATOM) return "value is what is written: a number or a string";
        call->in[0] = value->atoms[0];
        return NULL;
    case MODEL_CAS:
        if (value->kind != LINE_VALUE_PAIR || value->atoms[1] == HISTORY_NIL) {
            return "value is [expected, new], and new is not null";
        }
        call->in[0] = value->atoms[0];
        call->in[1] = value->atoms[1];
        return NULL;
    default: return is_nothing(value) ? NULL : "value belongs to the ok: leave it out here";
    }
}

static const char *begin(struct reading *reading, const struct history_line *line,
                         struct process *process)
{
    struct operation call = {
        .process = line->process,
        .key = line->key.kind == LINE_VALUE_ATOM ? line->key.atoms[0] : HISTORY_NIL,
        .line = reading->line,
        .called_us = reading->processes.time_ns / NANOSECONDS,
    };
    const char *const *functions = reading->model->functions;
    while (functions[call.f] != NULL && !slice_equal(line->f, slice_text(functions[call.f]))) {
        call.f++;
    }
    if (functions[call.f] == NULL) {
        return reading->model == &model_kv ? "f is \"get\", \"put\", \"cas\" or \"delete\""
                                           : "f is \"read\", \"write\" or \"cas\"";
    }
    if (line->found.kind != LINE_VALUE_ABSENT) return "found belongs to the fail of a cas";
    if (reading->history->count == HISTORY_OPERATIONS_MAX) return "too many calls: cut the file";
    const char *why = call_value(line, &call);
    if (why != NULL) return why;
    process->open = true;
    process->operation = history_invoke(reading->history, call);
    return NULL;
}

static const char *end_ok(const struct history_line *line, const struct operation *operation,
                          enum operation_outcome *outcome, uint64_t *out)
{
    const struct line_value *value = &line->value;
    *outcome = OPERATION_OK;
    switch (operation->f) {
    case MODEL_READ:
        if (value->kind != LINE_VALUE_NULL && value->kind != LINE_VALUE_ATOM) {
            return "an ok needs the value that was read: a number, a string or null";
        }
        *out = value->atoms[0];
        return NULL;
    case MODEL_DELETE:
        if (value->kind == LINE_VALUE_FALSE) *outcome = OPERATION_KEPT;
        if (value->kind == LINE_VALUE_TRUE) *out = MODEL_WAS_THERE;
        if (value->kind == LINE_VALUE_ATOM || value->kind == LINE_VALUE_PAIR) {
            return "value is true when there was one, false when there was none";
        }
        return NULL;
    default:
        return is_nothing(value) || is_same(value, operation)
                   ? NULL
                   : "value is not that of the invoke: leave it out or correct it";
    }
}

static const char *end(struct reading *reading, const struct history_line *line,
                       struct process *process)
{
    const struct operation *operation = &reading->history->items[process->operation];
    enum operation_outcome outcome = OPERATION_UNKNOWN;
    uint64_t out = HISTORY_NIL;
    if (!slice_equal(line->f, slice_text(reading->model->functions[operation->f]))) {
        return "f is not that of the process' invoke: correct one of them";
    }
    if (line->key.kind == LINE_VALUE_ATOM && line->key.atoms[0] != operation->key) {
        return "key is not that of the invoke: leave it out or correct it";
    }
    bool found = line->found.kind != LINE_VALUE_ABSENT;
    if (found && (line->type != LINE_FAIL || operation->f != MODEL_CAS)) {
        return "found belongs to the fail of a cas";
    }
    if (line->type == LINE_OK) {
        const char *why = end_ok(line, operation, &outcome, &out);
        if (why != NULL) return why;
    } else if (line->type == LINE_FAIL) {
        outcome = found ? OPERATION_KEPT : OPERATION_FAILED;
        if (found) out = line->found.atoms[0];
    }
    process->open = false;
    process->over = line->type == LINE_INFO;
    history_complete(reading->history, process->operation, outcome, out,
                     reading->processes.time_ns / NANOSECONDS);
    return NULL;
}

static const char *take_line(struct reading *reading, struct slice text)
{
    struct history_line line;
    const char *why = history_line_read(text, reading->history->texts, &line);
    if (why == NULL) why = processes_time(&reading->processes, &line);
    if (why != NULL || line.nemesis) return why;
    struct process *process = processes_take(&reading->processes, &line, &why);
    if (process == NULL) return why;
    return line.type == LINE_INVOKE ? begin(reading, &line, process) : end(reading, &line, process);
}

bool history_read(struct slice text, const struct model *model, struct history *history,
                  struct history_mistake *mistake)
{
    struct reading reading = {.model = model, .history = history};
    struct slice line;
    history->texts = history_texts_new();
    mistake->what = NULL;
    while (mistake->what == NULL && history_next_line(&text, &line)) {
        reading.line++;
        if (line.size > 0) mistake->what = take_line(&reading, line);
    }
    mistake->line = reading.line;
    processes_free(&reading.processes);
    return mistake->what == NULL;
}

bool history_read_atom(struct history *history, struct slice text, uint64_t *atom)
{
    struct line_value value;
    if (!history_value_read(text, history->texts, &value)) return false;
    if (value.kind != LINE_VALUE_NULL && value.kind != LINE_VALUE_ATOM) return false;
    *atom = value.atoms[0];
    return true;
}
