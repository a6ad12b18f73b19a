/* One line of a history. See history_line.h. */
#include "check/history_line.h"

#include <string.h>

#include "base/json_read.h"
#include "check/history.h"

struct parser {
    struct json_read read;
    struct history_texts *texts;
    const char *error; /* the first mistake */
};

static struct parser parser_of(struct slice text, struct history_texts *texts)
{
    /* One level is the line itself. */
    return (struct parser){json_read_of(text, HISTORY_DEPTH_MAX + 1), texts, NULL};
}

static bool refuse(struct parser *parser, const char *why)
{
    if (parser->error == NULL) parser->error = why;
    return false;
}

/* False, with the reader's words: what comes next is no JSON. */
static bool next(struct parser *parser)
{
    return json_read_next(&parser->read) != JSON_BAD || refuse(parser, parser->read.error);
}

/* --- values, each behind its first token --- */

static bool take_number(struct parser *parser, struct line_value *value)
{
    const struct json_read *read = &parser->read;
    if (!read->whole || (read->negative && read->magnitude == 0)) {
        return refuse(parser, "not a whole number of 64 bits: write it as one, or as a string");
    }
    value->kind = LINE_VALUE_ATOM;
    value->atoms[0] = history_atom(parser->texts, read->raw);
    value->is_number = !read->negative;
    value->number = read->magnitude;
    return true;
}

/* The text of a string's atom has its quotes, but no escapes. */
static bool take_string(struct parser *parser, struct line_value *value)
{
    if (parser->read.size > HISTORY_STRING_SIZE_MAX) {
        return refuse(parser, "a string of more than 4,096 bytes: shorten it");
    }
    struct buffer text = {0};
    buffer_append_text(&text, "\"");
    json_read_text(&parser->read, &text);
    buffer_append_text(&text, "\"");
    value->kind = LINE_VALUE_ATOM;
    value->atoms[0] = history_atom(parser->texts, buffer_slice(&text));
    buffer_free(&text);
    return true;
}

static bool take_scalar(struct parser *parser, struct line_value *value)
{
    *value = (struct line_value){.kind = LINE_VALUE_NULL, .atoms = {HISTORY_NIL, HISTORY_NIL}};
    switch (parser->read.token) {
    case JSON_NUMBER: return take_number(parser, value);
    case JSON_STRING: return take_string(parser, value);
    case JSON_NULL: return true;
    case JSON_TRUE: value->kind = LINE_VALUE_TRUE; return true;
    case JSON_FALSE: value->kind = LINE_VALUE_FALSE; return true;
    default: break;
    }
    return refuse(parser, "a value is null, true, false, a whole number, a string, or a list of "
                          "two: see specs/history.md");
}

static bool take_value(struct parser *parser, struct line_value *value)
{
    static const char two[] = "a list has two items: [expected, new]";
    if (parser->read.token != JSON_ARRAY_BEGIN) return take_scalar(parser, value);
    struct line_value items[2];
    for (int i = 0; i < 2; i++) {
        if (!next(parser)) return false;
        if (parser->read.token == JSON_ARRAY_END) return refuse(parser, two);
        if (!take_scalar(parser, &items[i])) return false;
        if (items[i].kind > LINE_VALUE_ATOM) return refuse(parser, "true and false stand alone");
    }
    if (!next(parser)) return false;
    if (parser->read.token != JSON_ARRAY_END) return refuse(parser, two);
    *value = (struct line_value){
        .kind = LINE_VALUE_PAIR,
        .atoms = {items[0].atoms[0], items[1].atoms[0]},
    };
    return true;
}

/* --- members --- */

enum member {
    MEMBER_TYPE,
    MEMBER_PROCESS,
    MEMBER_F,
    MEMBER_KEY,
    MEMBER_VALUE,
    MEMBER_FOUND,
    MEMBER_TIME,
    MEMBER_NOT_READ, /* from here on */
    MEMBERS_COUNT = MEMBER_NOT_READ + 3,
};

static const char *const member_names[MEMBERS_COUNT] = {
    "type", "process", "f", "key", "value", "found", "time", "index", "error", "node",
};

/* A string without escapes, as names are; borrowed from the line. */
static bool take_name(const struct parser *parser, struct slice *name)
{
    *name = parser->read.raw;
    return parser->read.token == JSON_STRING && !parser->read.escaped;
}

/* Where the name stands in the list; its size when it does not. */
static size_t index_of(struct slice name, const char *const *names, size_t count)
{
    size_t i = 0;
    while (i < count && !slice_equal(name, slice_text(names[i]))) i++;
    return i;
}

static bool take_type(struct parser *parser, struct history_line *line)
{
    static const char *const types[] = {"invoke", "ok", "fail", "info"};
    struct slice name;
    size_t type = take_name(parser, &name) ? index_of(name, types, 4) : 4;
    if (type == 4) return refuse(parser, "type is \"invoke\", \"ok\", \"fail\" or \"info\"");
    line->type = (enum line_type)type;
    return true;
}

static bool take_process(struct parser *parser, struct history_line *line)
{
    static const char why[] = "process is a whole number below 4294967295, or \"nemesis\"";
    struct line_value value;
    struct slice name;
    if (parser->read.token == JSON_STRING) {
        line->nemesis = take_name(parser, &name) && slice_equal(name, slice_text("nemesis"));
        return line->nemesis || refuse(parser, why);
    }
    if (!take_scalar(parser, &value)) return false;
    if (!value.is_number || value.number >= UINT32_MAX) return refuse(parser, why);
    line->process = (uint32_t)value.number;
    return true;
}

static bool take_time(struct parser *parser, struct history_line *line)
{
    struct line_value value;
    if (!take_scalar(parser, &value)) return false;
    if (!value.is_number) return refuse(parser, "time is a whole number of nanoseconds");
    line->has_time = true;
    line->time_ns = value.number;
    return true;
}

static bool take_member(struct parser *parser, enum member member, struct history_line *line)
{
    switch (member) {
    case MEMBER_TYPE: return take_type(parser, line);
    case MEMBER_PROCESS: return take_process(parser, line);
    case MEMBER_F:
        return take_name(parser, &line->f) || refuse(parser, "f is the name of a function");
    case MEMBER_KEY:
        if (!take_scalar(parser, &line->key)) return false;
        return line->key.kind <= LINE_VALUE_ATOM ||
               refuse(parser, "key is a whole number or a string");
    case MEMBER_VALUE: return take_value(parser, &line->value);
    case MEMBER_FOUND:
        if (!take_scalar(parser, &line->found)) return false;
        return line->found.kind <= LINE_VALUE_ATOM ||
               refuse(parser, "found is null, a whole number or a string");
    case MEMBER_TIME: return take_time(parser, line);
    default: return json_read_skip(&parser->read) || refuse(parser, parser->read.error);
    }
}

/* Behind the name of a member: which one, and its value. */
static bool take_any_member(struct parser *parser, uint32_t *seen, struct history_line *line)
{
    struct slice name = parser->read.raw;
    size_t member = MEMBERS_COUNT;
    if (!parser->read.escaped) member = index_of(name, member_names, MEMBERS_COUNT);
    if (member == MEMBERS_COUNT) {
        return refuse(parser, "an unknown member: there are type, process, f, key, value, found, "
                              "time, index, error and node");
    }
    if ((*seen >> member & 1) != 0) {
        return refuse(parser, "a member stands there twice: leave one out");
    }
    *seen |= (uint32_t)1 << member;
    return next(parser) && take_member(parser, (enum member)member, line);
}

const char *history_line_read(struct slice text, struct history_texts *texts,
                              struct history_line *line)
{
    struct parser parser = parser_of(text, texts);
    uint32_t seen = 0;
    *line = (struct history_line){0};
    if (text.size > HISTORY_LINE_SIZE_MAX) return "a line of more than 65,536 bytes: shorten it";
    if (json_read_next(&parser.read) != JSON_OBJECT_BEGIN) {
        return "not a JSON object: every line is one, {\"type\": ...}";
    }
    while (next(&parser) && parser.read.token == JSON_NAME) {
        if (!take_any_member(&parser, &seen, line)) return parser.error;
    }
    if (parser.error == NULL) next(&parser); /* the end of the line */
    if (parser.error != NULL) return parser.error;
    if (seen == 0) return "an empty object: a \"name\" and a colon belong here";
    if ((seen >> MEMBER_TYPE & 1) == 0) return "there is no type: add one";
    if ((seen >> MEMBER_PROCESS & 1) == 0) return "there is no process: add one";
    if ((seen >> MEMBER_F & 1) == 0) return "there is no f: add the function that was called";
    return NULL;
}

bool history_value_read(struct slice text, struct history_texts *texts, struct line_value *value)
{
    struct parser parser = parser_of(text, texts);
    return next(&parser) && take_value(&parser, value) && next(&parser) &&
           parser.read.token == JSON_END;
}

bool history_next_line(struct slice *text, struct slice *line)
{
    if (text->size == 0) return false;
    const uint8_t *newline = memchr(text->data, '\n', text->size);
    size_t size = newline == NULL ? text->size : (size_t)(newline - text->data);
    *line = slice_of(text->data, size);
    size_t taken = newline == NULL ? size : size + 1;
    *text = slice_of(text->data + taken, text->size - taken);
    size_t spaces = 0;
    while (spaces < size && memchr(" \t\r\n", line->data[spaces], 4) != NULL) spaces++;
    if (spaces == size) line->size = 0;
    return true;
}
