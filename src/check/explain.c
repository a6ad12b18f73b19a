/* Violations in words. See explain.h. */
#include "check/explain.h"

#include "base/assert.h"

void check_name_operation(const struct history *history, uint32_t index, struct buffer *out)
{
    uint32_t line = history->items[index].line;
    buffer_append_text(out, line == 0 ? "operation " : "line ");
    buffer_append_decimal(out, line == 0 ? (uint64_t)index + 1 : line);
}

void check_name_key(const struct history *history, const struct model *model, uint64_t key,
                    struct buffer *out)
{
    if (key == HISTORY_NIL) {
        buffer_append_text(out, "the ");
        buffer_append_text(out, model->object);
        return;
    }
    buffer_append_text(out, "key ");
    history_describe_atom(history, key, out);
}

static void pad(struct buffer *out, size_t line_start, size_t column)
{
    while (out->size < line_start + column) buffer_append_text(out, " ");
}

/* "  line 12   process 3   cas 1 to 2" */
static void append_operation(const struct history *history, const struct model *model,
                             uint32_t index, struct buffer *out)
{
    const struct operation *operation = &history->items[index];
    size_t start = out->size;
    buffer_append_text(out, "  ");
    check_name_operation(history, index, out);
    pad(out, start, 14);
    buffer_append_text(out, "process ");
    buffer_append_decimal(out, operation->process);
    pad(out, start, 27);
    model->describe(history, operation, out);
}

static void append_states(const struct history *history, const struct check_violation *violation,
                          struct buffer *out)
{
    for (uint32_t i = 0; i < violation->states_count; i++) {
        if (i > 0) buffer_append_text(out, ", ");
        history_describe_atom(history, violation->states[i], out);
    }
    if (violation->states_more) buffer_append_text(out, ", ...");
}

static void append_prefix(const struct history *history, const struct model *model,
                          uint64_t initial, const struct check_prefix *prefix, struct buffer *out)
{
    if (prefix->count == 0) {
        buffer_append_text(out, "\nNothing comes before it; at first the state is ");
        history_describe_atom(history, initial, out);
        buffer_append_text(out, ".\n");
        return;
    }
    uint32_t from = prefix->count > EXPLAIN_BEFORE_MAX ? prefix->count - EXPLAIN_BEFORE_MAX : 0;
    buffer_append_text(out, "\nThe longest order up to it has ");
    buffer_append_decimal(out, prefix->count);
    buffer_append_text(out, prefix->count == 1 ? " operation" : " operations");
    if (from > 0) {
        buffer_append_text(out, ", of which these are the last ");
        buffer_append_decimal(out, EXPLAIN_BEFORE_MAX);
    }
    buffer_append_text(out, ":\n");
    uint64_t state = initial;
    for (uint32_t i = 0; i < prefix->count; i++) {
        bool possible = model->step(&history->items[prefix->operations[i]], &state);
        ASSERT(possible);
        if (i < from) continue;
        size_t start = out->size;
        append_operation(history, model, prefix->operations[i], out);
        pad(out, start, 58);
        buffer_append_text(out, "  then ");
        history_describe_atom(history, state, out);
        buffer_append_text(out, "\n");
    }
}

static bool overlap(const struct operation *a, const struct operation *b)
{
    return a->called_at < b->returned_at && b->called_at < a->returned_at;
}

/* What was under way with the stuck operation, and how far the history can be ordered with it. */
static void append_around(const struct history *history, const struct model *model,
                          const struct check_violation *violation, struct buffer *out)
{
    uint32_t shown = 0, more = 0;
    for (uint32_t i = 0; i < violation->count; i++) {
        uint32_t index = violation->operations[i];
        if (index == violation->stuck) continue;
        if (!overlap(&history->items[index], &history->items[violation->stuck])) continue;
        if (shown == EXPLAIN_AROUND_MAX) {
            more++;
            continue;
        }
        if (shown++ == 0) buffer_append_text(out, "\nUnder way at the same time:\n");
        size_t start = out->size;
        append_operation(history, model, index, out);
        pad(out, start, 58);
        const struct check_prefix *longest = violation->longest[i];
        if (longest == NULL) {
            bool unknown = history->items[index].outcome == OPERATION_UNKNOWN;
            buffer_append_text(out, unknown ? "  would not help\n" : "  in no order\n");
        } else {
            buffer_append_text(out, "  in an order of ");
            buffer_append_decimal(out, longest->count);
            buffer_append_text(out, "\n");
        }
    }
    if (more == 0) return;
    buffer_append_text(out, "  and ");
    buffer_append_decimal(out, more);
    buffer_append_text(out, " more\n");
}

static void explain_one(const struct history *history, const struct model *model, uint64_t initial,
                        const struct check_violation *violation, struct buffer *out)
{
    size_t start = out->size;
    check_name_key(history, model, violation->key, out);
    uint8_t *first = out->data + out->head + start;
    if (*first >= 'a') *first = (uint8_t)(*first - 'a' + 'A');
    buffer_append_text(out, ": ");
    buffer_append_decimal(out, violation->count);
    buffer_append_text(out, " operations. This one fits nowhere:\n\n");
    append_operation(history, model, violation->stuck, out);
    buffer_append_text(out, "\n\nWhen it returned, the ");
    buffer_append_text(out, model->object);
    buffer_append_text(out, violation->states_count == 1 ? " could only hold: "
                                                         : " could hold any of: ");
    append_states(history, violation, out);
    buffer_append_text(out, "\n");
    append_prefix(history, model, initial, violation->prefix, out);
    append_around(history, model, violation, out);
    buffer_append_text(out, "\n");
}

void check_explain(const struct history *history, const struct model *model,
                   const struct check_options *options, const struct check_result *result,
                   struct buffer *out)
{
    for (uint32_t i = 0; i < result->violations_count; i++) {
        explain_one(history, model, options->initial, &result->violations[i], out);
    }
    if (result->keys_violated > result->violations_count) {
        buffer_append_decimal(out, result->keys_violated - result->violations_count);
        buffer_append_text(out, " more keys are not linearizable either.\n\n");
    }
}
