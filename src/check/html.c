/* Writes the timeline page. See html.h. */
#include "check/html.h"

#include <stdlib.h>

#include "base/assert.h"
#include "check/explain.h"

/* timeline.css and timeline.js, beside this file: see meson.build. */
extern const char timeline_css[];
extern const char timeline_js[];

enum { NOT_DRAWN = UINT32_MAX };

/* The operations of one key that are drawn: a stretch of violation->operations. */
struct drawing {
    const struct history *history;
    const struct model *model;
    const struct check_violation *violation;
    uint64_t initial;
    uint32_t from, to;
    uint32_t *drawn; /* [index of the history]: its number in the drawing, or NOT_DRAWN */
    const struct check_prefix **prefixes; /* the different ones */
    uint32_t prefixes_count;
};

/* --- text in HTML and in JSON --- */

static void append_escaped(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '<': buffer_append_text(out, "&lt;"); break;
        case '>': buffer_append_text(out, "&gt;"); break;
        case '&': buffer_append_text(out, "&amp;"); break;
        default: buffer_put_u8(out, text.data[i]);
        }
    }
}

/* Nothing in it can end the script element that it stands in. */
static void append_string(struct buffer *out, struct slice text)
{
    buffer_put_u8(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte < ' ' || byte == '"' || byte == '\\' || byte == '<') {
            buffer_append_text(out, "\\u00");
            buffer_append_hex(out, byte, 2);
        } else {
            buffer_put_u8(out, byte);
        }
    }
    buffer_put_u8(out, '"');
}

static void append_string_of(struct buffer *out, struct buffer *text)
{
    append_string(out, buffer_slice(text));
    buffer_clear(text);
}

static void append_name(struct buffer *out, const char *name)
{
    buffer_put_u8(out, '"');
    buffer_append_text(out, name);
    buffer_append_text(out, "\":");
}

static void append_number(struct buffer *out, const char *name, uint64_t number)
{
    append_name(out, name);
    buffer_append_decimal(out, number);
    buffer_put_u8(out, ',');
}

/* --- one key --- */

static void drawing_begin(struct drawing *drawing)
{
    const struct check_violation *violation = drawing->violation;
    uint32_t stuck = 0;
    while (violation->operations[stuck] != violation->stuck) stuck++;
    /* More of what came before the break than of what came after it. */
    uint32_t before = HTML_OPERATIONS_MAX / 4 * 3;
    drawing->from = stuck > before ? stuck - before : 0;
    drawing->to = drawing->from + HTML_OPERATIONS_MAX;
    if (drawing->to > violation->count) drawing->to = violation->count;
    drawing->drawn = malloc(drawing->history->count * sizeof *drawing->drawn);
    drawing->prefixes = calloc(HTML_OPERATIONS_MAX + 1, sizeof(struct check_prefix *));
    ASSERT(drawing->drawn != NULL && drawing->prefixes != NULL);
    for (uint32_t i = 0; i < drawing->history->count; i++) drawing->drawn[i] = NOT_DRAWN;
    for (uint32_t i = drawing->from; i < drawing->to; i++) {
        drawing->drawn[violation->operations[i]] = i - drawing->from;
    }
}

static uint32_t prefix_number(struct drawing *drawing, const struct check_prefix *prefix)
{
    uint32_t i = 0;
    while (i < drawing->prefixes_count && drawing->prefixes[i] != prefix) i++;
    if (i == drawing->prefixes_count) drawing->prefixes[drawing->prefixes_count++] = prefix;
    return i;
}

static void append_operation(struct drawing *drawing, uint32_t i, struct buffer *out)
{
    uint32_t index = drawing->violation->operations[i];
    const struct operation *operation = &drawing->history->items[index];
    const struct check_prefix *longest = drawing->violation->longest[i];
    struct buffer text = {0};
    buffer_append_text(out, i == drawing->from ? "{" : ",\n{");
    append_name(out, "name");
    check_name_operation(drawing->history, index, &text);
    append_string_of(out, &text);
    buffer_put_u8(out, ',');
    append_number(out, "process", operation->process);
    append_number(out, "call", operation->called_at);
    if (operation->returned_at == HISTORY_NEVER) {
        buffer_append_text(out, "\"ret\":null,");
    } else {
        append_number(out, "ret", operation->returned_at);
    }
    if (longest == NULL) {
        buffer_append_text(out, "\"prefix\":null,");
    } else {
        append_number(out, "prefix", prefix_number(drawing, longest));
    }
    append_name(out, "text");
    drawing->model->describe(drawing->history, operation, &text);
    append_string_of(out, &text);
    buffer_put_u8(out, '}');
    buffer_free(&text);
}

/* The drawn operations of an order and the state after each; how many came before the first. */
static void append_prefix(const struct drawing *drawing, const struct check_prefix *prefix,
                          struct buffer *out)
{
    struct buffer states = {0}, text = {0};
    uint64_t state = drawing->initial;
    uint32_t skipped = 0;
    buffer_append_text(out, "{\"ops\":[");
    for (uint32_t i = 0; i < prefix->count; i++) {
        uint32_t index = prefix->operations[i];
        bool possible = drawing->model->step(&drawing->history->items[index], &state);
        ASSERT(possible);
        if (drawing->drawn[index] == NOT_DRAWN) {
            skipped++;
            continue;
        }
        if (states.size > 0) {
            buffer_put_u8(out, ',');
            buffer_put_u8(&states, ',');
        }
        buffer_append_decimal(out, drawing->drawn[index]);
        history_describe_atom(drawing->history, state, &text);
        append_string_of(&states, &text);
    }
    buffer_append_text(out, "],\"states\":[");
    buffer_append_slice(out, buffer_slice(&states));
    buffer_append_text(out, "],\"skipped\":");
    buffer_append_decimal(out, skipped);
    buffer_put_u8(out, '}');
    buffer_free(&states);
    buffer_free(&text);
}

static void append_key(struct drawing *drawing, struct buffer *out)
{
    const struct check_violation *violation = drawing->violation;
    struct buffer text = {0};
    drawing_begin(drawing);
    buffer_append_text(out, "{");
    append_number(out, "stuck", drawing->drawn[violation->stuck]);
    append_number(out, "main", prefix_number(drawing, violation->prefix));
    buffer_append_text(out, "\"states\":[");
    for (uint32_t i = 0; i < violation->states_count; i++) {
        if (i > 0) buffer_put_u8(out, ',');
        history_describe_atom(drawing->history, violation->states[i], &text);
        append_string_of(out, &text);
    }
    if (violation->states_more) buffer_append_text(out, ",\"...\"");
    buffer_append_text(out, "],\n\"ops\":[");
    for (uint32_t i = drawing->from; i < drawing->to; i++) append_operation(drawing, i, out);
    buffer_append_text(out, "],\n\"prefixes\":[");
    for (uint32_t i = 0; i < drawing->prefixes_count; i++) {
        if (i > 0) buffer_append_text(out, ",\n");
        append_prefix(drawing, drawing->prefixes[i], out);
    }
    buffer_append_text(out, "]}");
    buffer_free(&text);
    free(drawing->drawn);
    free(drawing->prefixes);
}

/* --- the page --- */

static const char legend[] =
    "<div class=\"legend\"><span><i></i>returned</span>"
    "<span><i class=\"info\"></i>outcome unknown: may take effect at any time, or never</span>"
    "<span><i class=\"stuck\"></i>fits nowhere</span>"
    "<span><i class=\"point\"></i>where it takes effect in the order that is shown</span></div>\n";

static void append_heading(const struct history *history, const struct model *model,
                           const struct check_violation *violation, uint32_t number,
                           struct buffer *out)
{
    struct buffer text = {0};
    check_name_key(history, model, violation->key, &text);
    buffer_append_text(out, "<h2>Breaks: ");
    append_escaped(out, buffer_slice(&text));
    buffer_append_text(out, "</h2>\n<p class=\"dim\">");
    buffer_append_decimal(out, violation->count);
    buffer_append_text(out, " operations");
    if (violation->count > HTML_OPERATIONS_MAX) {
        buffer_append_text(out, ", of which those around the break are drawn");
    }
    buffer_append_text(out, ". Time goes right, event by event. Point at an operation, or choose "
                            "it, to see the longest order that contains it.</p>\n<div id=\"key-");
    buffer_append_decimal(out, number);
    buffer_append_text(out, "\"></div>\n");
    buffer_free(&text);
}

static void append_head(const struct check_result *result, const char *title, struct buffer *out)
{
    static const char *const verdicts[] = {
        [CHECK_PASSED] = "Linearizable",
        [CHECK_VIOLATION] = "Not linearizable",
        [CHECK_UNKNOWN] = "Unknown: memory or time was used up",
    };
    buffer_append_text(out, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    append_escaped(out, slice_text(title));
    buffer_append_text(out, "</title>\n<style>\n");
    buffer_append_text(out, timeline_css);
    buffer_append_text(out, "</style>\n<h1>");
    buffer_append_text(out, verdicts[result->verdict]);
    buffer_append_text(out, "</h1>\n<p class=\"dim\">");
    append_escaped(out, slice_text(title));
    buffer_append_text(out, "</p>\n");
}

void check_html(const struct history *history, const struct model *model,
                const struct check_options *options, const struct check_result *result,
                const char *title, struct buffer *out)
{
    append_head(result, title, out);
    if (result->violations_count > 0) buffer_append_text(out, legend);
    for (uint32_t i = 0; i < result->violations_count; i++) {
        append_heading(history, model, &result->violations[i], i, out);
    }
    struct buffer text = {0};
    check_explain(history, model, options, result, &text);
    if (text.size > 0) {
        buffer_append_text(out, "<details><summary>The same in words</summary><pre>");
        append_escaped(out, buffer_slice(&text));
        buffer_append_text(out, "</pre></details>\n");
    }
    buffer_free(&text);
    buffer_append_text(out, "<script type=\"application/json\" id=\"data\">{\"keys\":[");
    for (uint32_t i = 0; i < result->violations_count; i++) {
        struct drawing drawing = {
            .history = history,
            .model = model,
            .violation = &result->violations[i],
            .initial = options->initial,
        };
        if (i > 0) buffer_append_text(out, ",\n");
        append_key(&drawing, out);
    }
    buffer_append_text(out, "]}</script>\n<script>\n");
    buffer_append_text(out, timeline_js);
    buffer_append_text(out, "</script>\n</html>\n");
}
