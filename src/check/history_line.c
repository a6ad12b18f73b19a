/* Reads the JSON of one line of a history. See history_line.h; RFC 8259. */
#include "check/history_line.h"

#include <string.h>

#include "check/history.h"

struct parser {
    const uint8_t *at;
    const uint8_t *end;
    struct history_texts *texts;
    const char *error; /* the first mistake */
};

static bool refuse(struct parser *parser, const char *why)
{
    if (parser->error == NULL) parser->error = why;
    return false;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The next byte that is no space; 0 at the end. */
static uint8_t peek(struct parser *parser)
{
    while (parser->at < parser->end && is_space(*parser->at)) parser->at++;
    return parser->at < parser->end ? *parser->at : 0;
}

static bool take(struct parser *parser, uint8_t byte)
{
    if (peek(parser) != byte) return false;
    parser->at++;
    return true;
}

static bool take_word(struct parser *parser, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(parser->end - parser->at) < size || memcmp(parser->at, word, size) != 0) {
        return false;
    }
    parser->at += size;
    return true;
}

/* --- strings --- */

static bool hex4(struct parser *parser, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++, parser->at++) {
        uint8_t c = parser->at < parser->end ? *parser->at : 0;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16) return refuse(parser, "\\u takes four hex digits: correct the string");
        *value = *value << 4 | digit;
    }
    return true;
}

static size_t utf8_write(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    size_t size = code < 0x10000 ? 3 : 4;
    out[0] = (uint8_t)(size == 3 ? 0xe0 | code >> 12 : 0xf0 | code >> 18);
    for (size_t i = 1; i < size; i++) {
        out[i] = (uint8_t)(0x80 | (code >> (6 * (size - 1 - i)) & 0x3f));
    }
    return size;
}

/* Behind "\u"; out has room for four bytes. */
static bool take_code(struct parser *parser, uint8_t *out, size_t *size)
{
    uint32_t code, low;
    if (!hex4(parser, &code)) return false;
    if (code >= 0xd800 && code < 0xe000) {
        const char *why = "half a pair of surrogates: correct the string";
        if (code >= 0xdc00 || !take_word(parser, "\\u")) return refuse(parser, why);
        if (!hex4(parser, &low)) return false;
        if (low < 0xdc00 || low >= 0xe000) return refuse(parser, why);
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *size += utf8_write(out + *size, code);
    return true;
}

/* A string with its quotes, but without escapes, into out[HISTORY_STRING_SIZE_MAX + 6]. */
static bool take_string(struct parser *parser, uint8_t *out, size_t *size)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    parser->at++;
    *size = 0;
    out[(*size)++] = '"';
    while (parser->at < parser->end && *parser->at != '"') {
        if (*size > HISTORY_STRING_SIZE_MAX) {
            return refuse(parser, "a string of more than 4,096 bytes: shorten it");
        }
        uint8_t byte = *parser->at++;
        if (byte < ' ') return refuse(parser, "a control character in a string: escape it");
        if (byte != '\\') {
            out[(*size)++] = byte;
            continue;
        }
        if (parser->at < parser->end && *parser->at == 'u') {
            parser->at++;
            if (!take_code(parser, out, size)) return false;
            continue;
        }
        uint8_t escaped = parser->at < parser->end ? *parser->at++ : 0;
        size_t i = 0;
        while (i < sizeof escapes - 1 && (uint8_t)escapes[i] != escaped) i += 2;
        if (i >= sizeof escapes - 1) return refuse(parser, "no such escape: correct the string");
        out[(*size)++] = (uint8_t)escapes[i + 1];
    }
    if (parser->at == parser->end) return refuse(parser, "a string without end: close its quote");
    parser->at++;
    out[(*size)++] = '"';
    return true;
}

/* --- numbers --- */

static struct slice number_at(const struct parser *parser)
{
    const uint8_t *end = parser->at;
    while (end < parser->end && memchr("+-.0123456789eE", *end, 15) != NULL) end++;
    return slice_of(parser->at, (size_t)(end - parser->at));
}

static bool take_number(struct parser *parser, struct line_value *value)
{
    static const char why[] = "not a whole number of 64 bits: write it as one, or as a string";
    struct slice text = number_at(parser), digits = text;
    bool negative = text.size > 0 && text.data[0] == '-';
    if (negative) digits = slice_of(text.data + 1, text.size - 1);
    uint64_t magnitude;
    if (digits.size == 0 || !decimal_read(digits, &magnitude)) return refuse(parser, why);
    if (digits.data[0] == '0' && (digits.size > 1 || negative)) return refuse(parser, why);
    if (negative && magnitude > (uint64_t)1 << 63) return refuse(parser, why);
    parser->at += text.size;
    value->kind = LINE_VALUE_ATOM;
    value->atoms[0] = history_atom(parser->texts, text);
    value->is_number = !negative;
    value->number = magnitude;
    return true;
}

/* --- values --- */

static bool take_scalar(struct parser *parser, struct line_value *value)
{
    *value = (struct line_value){.kind = LINE_VALUE_NULL, .atoms = {HISTORY_NIL, HISTORY_NIL}};
    uint8_t first = peek(parser);
    if (first == '-' || (first >= '0' && first <= '9')) return take_number(parser, value);
    if (first == '"') {
        uint8_t text[HISTORY_STRING_SIZE_MAX + 6];
        size_t size;
        if (!take_string(parser, text, &size)) return false;
        value->kind = LINE_VALUE_ATOM;
        value->atoms[0] = history_atom(parser->texts, slice_of(text, size));
        return true;
    }
    if (take_word(parser, "null")) return true;
    value->kind = LINE_VALUE_TRUE;
    if (take_word(parser, "true")) return true;
    value->kind = LINE_VALUE_FALSE;
    if (take_word(parser, "false")) return true;
    return refuse(parser, "a value is null, true, false, a whole number, a string, or a list of "
                          "two: see specs/history.md");
}

static bool take_value(struct parser *parser, struct line_value *value)
{
    if (peek(parser) != '[') return take_scalar(parser, value);
    struct line_value items[2];
    parser->at++;
    for (int i = 0; i < 2; i++) {
        if (!take_scalar(parser, &items[i])) return false;
        if (items[i].kind > LINE_VALUE_ATOM) return refuse(parser, "true and false stand alone");
        if (!take(parser, i == 0 ? ',' : ']')) {
            return refuse(parser, "a list has two items: [expected, new]");
        }
    }
    *value = (struct line_value){
        .kind = LINE_VALUE_PAIR,
        .atoms = {items[0].atoms[0], items[1].atoms[0]},
    };
    return true;
}

/* A value that no one reads: well-formed as far as brackets and strings go. */
static bool skip_value(struct parser *parser, int depth)
{
    uint8_t first = peek(parser);
    if (first != '[' && first != '{') {
        if (first == '"') {
            for (parser->at++; parser->at < parser->end && *parser->at != '"'; parser->at++) {
                if (*parser->at == '\\' && parser->at + 1 < parser->end) parser->at++;
            }
            return take(parser, '"') || refuse(parser, "a string without end: close its quote");
        }
        if (take_word(parser, "null") || take_word(parser, "true")) return true;
        size_t size = number_at(parser).size;
        parser->at += size;
        return size > 0 || take_word(parser, "false") ||
               refuse(parser, "a value is missing after a colon or comma");
    }
    if (depth == HISTORY_DEPTH_MAX) return refuse(parser, "nested too deeply: leave it out");
    uint8_t close = first == '[' ? ']' : '}';
    parser->at++;
    if (take(parser, close)) return true;
    do {
        if (first == '{' &&
            (peek(parser) != '"' || !skip_value(parser, depth + 1) || !take(parser, ':'))) {
            return refuse(parser, "an object has \"names\": correct the line");
        }
        if (!skip_value(parser, depth + 1)) return false;
    } while (take(parser, ','));
    return take(parser, close) || refuse(parser, "a bracket is not closed: correct the line");
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
static bool take_name(struct parser *parser, struct slice *name)
{
    if (!take(parser, '"')) return false;
    const uint8_t *begin = parser->at;
    while (parser->at < parser->end && *parser->at != '"' && *parser->at != '\\') parser->at++;
    *name = slice_of(begin, (size_t)(parser->at - begin));
    return parser->at < parser->end && *parser->at++ == '"';
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
    peek(parser);
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
    if (peek(parser) == '"') {
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
        peek(parser);
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
    default: return skip_value(parser, 0);
    }
}

const char *history_line_read(struct slice text, struct history_texts *texts,
                              struct history_line *line)
{
    struct parser parser = {text.data, text.data + text.size, texts, NULL};
    uint32_t seen = 0;
    *line = (struct history_line){0};
    if (text.size > HISTORY_LINE_SIZE_MAX) return "a line of more than 65,536 bytes: shorten it";
    if (!take(&parser, '{')) return "not a JSON object: every line is one, {\"type\": ...}";
    do {
        struct slice name;
        peek(&parser);
        if (!take_name(&parser, &name) || !take(&parser, ':')) {
            return "not a JSON object: a \"name\" and a colon belong here";
        }
        size_t member = index_of(name, member_names, MEMBERS_COUNT);
        if (member == MEMBERS_COUNT) {
            return "an unknown member: there are type, process, f, key, value, found, time, "
                   "index, error and node";
        }
        if ((seen >> member & 1) != 0) return "a member stands there twice: leave one out";
        seen |= (uint32_t)1 << member;
        if (!take_member(&parser, (enum member)member, line)) return parser.error;
    } while (take(&parser, ','));
    if (!take(&parser, '}')) return "the object is not closed: is the line complete?";
    if (peek(&parser) != 0 || parser.at != parser.end) return "more behind the object: one a line";
    if ((seen >> MEMBER_TYPE & 1) == 0) return "there is no type: add one";
    if ((seen >> MEMBER_PROCESS & 1) == 0) return "there is no process: add one";
    if ((seen >> MEMBER_F & 1) == 0) return "there is no f: add the function that was called";
    return NULL;
}

bool history_value_read(struct slice text, struct history_texts *texts, struct line_value *value)
{
    struct parser parser = {text.data, text.data + text.size, texts, NULL};
    return take_value(&parser, value) && peek(&parser) == 0 && parser.at == parser.end;
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
    while (spaces < size && is_space(line->data[spaces])) spaces++;
    if (spaces == size) line->size = 0;
    return true;
}
