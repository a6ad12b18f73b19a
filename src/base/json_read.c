/* A reader of JSON. See json_read.h. */
#include "base/json_read.h"

#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"

enum { /* what may come next */
       EXPECTS_VALUE,
       EXPECTS_VALUE_OR_END,
       EXPECTS_NAME,
       EXPECTS_NAME_OR_END,
       EXPECTS_MORE, /* a comma or the end of this level; outside of all: the end */
};

struct json_read json_read_of(struct slice text, uint32_t depth_max)
{
    ASSERT(depth_max >= 1 && depth_max <= JSON_READ_DEPTH_MAX);
    const uint8_t *end = text.size == 0 ? text.data : text.data + text.size;
    return (struct json_read){.at = text.data, .end = end, .depth_max = depth_max};
}

static enum json_token refuse(struct json_read *read, const char *why)
{
    read->error = why;
    return read->token = JSON_BAD;
}

static size_t left(const struct json_read *read)
{
    return read->at == read->end ? 0 : (size_t)(read->end - read->at);
}

/* The next byte; 0 at the end, which is no byte of JSON. */
static uint8_t byte_at(const struct json_read *read)
{
    return read->at == read->end ? 0 : *read->at;
}

static uint8_t skip_space(struct json_read *read)
{
    uint8_t byte = byte_at(read);
    while (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t') {
        read->at++;
        byte = byte_at(read);
    }
    return byte;
}

/* --- strings --- */

/* Four hex digits, which have been seen to be there or are judged now. */
static bool hex4(const uint8_t *at, const uint8_t *end, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, at++) {
        uint8_t c = at < end ? *at : 0;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16) return false;
        *code = *code << 4 | digit;
    }
    return true;
}

/* What an escape stands for, behind its backslash at *at, which moves behind it. NULL when it is in
 * order, else what is wrong. */
static const char *escape_read(const uint8_t **at, const uint8_t *end, uint32_t *code)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    static const char half[] = "half a pair of surrogates: correct the string";
    static const char digits[] = "\\u takes four hex digits: correct the string";
    uint8_t escaped = *at < end ? *(*at)++ : 0;
    if (escaped != 'u') {
        size_t i = 0;
        while (i < sizeof escapes - 1 && (uint8_t)escapes[i] != escaped) i += 2;
        if (i >= sizeof escapes - 1) return "no such escape: correct the string";
        *code = (uint8_t)escapes[i + 1];
        return NULL;
    }
    if (!hex4(*at, end, code)) return digits;
    *at += 4;
    if (*code < 0xd800 || *code > 0xdfff) return NULL;
    if (*code > 0xdbff || end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u') return half;
    uint32_t low;
    if (!hex4(*at + 2, end, &low)) return digits;
    if (low < 0xdc00 || low > 0xdfff) return half;
    *at += 6;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return NULL;
}

/* How many bytes in front of `text` stand for themselves in a string. */
static size_t plain_size(struct slice text)
{
    size_t size = 0;
    while (size < text.size) {
        uint8_t byte = text.data[size];
        if (byte < ' ' || byte == '"' || byte == '\\') break;
        size++;
    }
    return size;
}

static enum json_token take_string(struct json_read *read, enum json_token token)
{
    const uint8_t *begin = ++read->at;
    read->escaped = false;
    read->size = 0;
    for (;;) {
        struct slice plain = slice_of(read->at, left(read));
        plain.size = plain_size(plain);
        if (!utf8_valid(plain)) return refuse(read, "not UTF-8: write the file or message in it");
        read->at += plain.size;
        read->size += (uint32_t)plain.size;
        if (read->at == read->end) return refuse(read, "a string without end: close its quote");
        if (*read->at == '"') break;
        if (*read->at != '\\') return refuse(read, "a control character in a string: escape it");
        read->at++;
        uint32_t code;
        uint8_t character[UTF8_SIZE_MAX];
        const char *error = escape_read(&read->at, read->end, &code);
        if (error != NULL) return refuse(read, error);
        read->size += (uint32_t)utf8_write(character, code);
        read->escaped = true;
    }
    read->raw = slice_of(begin, (size_t)(read->at - begin));
    read->at++;
    return read->token = token;
}

void json_read_text(const struct json_read *read, struct buffer *out)
{
    ASSERT(read->token == JSON_NAME || read->token == JSON_STRING);
    struct slice rest = read->raw;
    const uint8_t *end = rest.data + rest.size;
    for (;;) {
        size_t plain = plain_size(rest);
        buffer_append(out, rest.data, plain);
        if (plain == rest.size) return;
        const uint8_t *at = rest.data + plain + 1;
        uint32_t code;
        const char *error = escape_read(&at, end, &code);
        ASSERT(error == NULL); /* it was read before */
        buffer_grew(out, utf8_write(buffer_reserve(out, UTF8_SIZE_MAX), code));
        rest = slice_of(at, (size_t)(end - at));
    }
}

bool json_read_is(const struct json_read *read, const char *text)
{
    ASSERT(read->token == JSON_NAME || read->token == JSON_STRING);
    struct slice wanted = slice_text(text);
    if (read->size != wanted.size) return false;
    if (!read->escaped) return slice_equal(read->raw, wanted);
    struct buffer plain = {0};
    json_read_text(read, &plain);
    bool is = slice_equal(buffer_slice(&plain), wanted);
    buffer_free(&plain);
    return is;
}

/* --- numbers --- */

static size_t take_digits(struct json_read *read)
{
    const uint8_t *begin = read->at;
    while (byte_at(read) >= '0' && byte_at(read) <= '9') read->at++;
    return (size_t)(read->at - begin);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static enum json_token take_number(struct json_read *read)
{
    static const char why[] = "not a number of JSON: digits, no zero or plus in front";
    const uint8_t *begin = read->at;
    read->negative = *read->at == '-';
    if (read->negative) read->at++;
    const uint8_t *first = read->at;
    size_t digits = take_digits(read);
    if (digits == 0 || (digits > 1 && *first == '0')) return refuse(read, why);
    read->whole = decimal_read(slice_of(first, digits), &read->magnitude) &&
                  (!read->negative || read->magnitude <= (uint64_t)1 << 63);
    if (byte_at(read) == '.') {
        read->at++;
        read->whole = false;
        if (take_digits(read) == 0) return refuse(read, why);
    }
    if (byte_at(read) == 'e' || byte_at(read) == 'E') {
        read->at++;
        read->whole = false;
        if (byte_at(read) == '+' || byte_at(read) == '-') read->at++;
        if (take_digits(read) == 0) return refuse(read, why);
    }
    if (!read->whole) read->magnitude = 0;
    read->raw = slice_of(begin, (size_t)(read->at - begin));
    return read->token = JSON_NUMBER;
}

/* --- levels --- */

static bool in_array(const struct json_read *read)
{
    return (read->arrays >> (read->depth - 1) & 1) != 0;
}

static enum json_token level_begin(struct json_read *read, bool array)
{
    if (read->depth == read->depth_max) return refuse(read, "nested too deeply: leave it out");
    uint64_t bit = (uint64_t)1 << read->depth++;
    read->arrays = array ? read->arrays | bit : read->arrays & ~bit;
    read->at++;
    read->expects = array ? EXPECTS_VALUE_OR_END : EXPECTS_NAME_OR_END;
    return read->token = array ? JSON_ARRAY_BEGIN : JSON_OBJECT_BEGIN;
}

static enum json_token level_end(struct json_read *read)
{
    enum json_token token = in_array(read) ? JSON_ARRAY_END : JSON_OBJECT_END;
    read->at++;
    read->depth--;
    read->expects = EXPECTS_MORE;
    return read->token = token;
}

static enum json_token take_word(struct json_read *read, const char *word, enum json_token token)
{
    size_t size = strlen(word);
    if (left(read) < size || memcmp(read->at, word, size) != 0) {
        return refuse(read, "no value of JSON: a text needs quotes");
    }
    read->at += size;
    return read->token = token;
}

static enum json_token take_value(struct json_read *read, uint8_t first)
{
    if (first == '{' || first == '[') return level_begin(read, first == '[');
    read->expects = EXPECTS_MORE;
    if (first == '"') return take_string(read, JSON_STRING);
    if (first == '-' || (first >= '0' && first <= '9')) return take_number(read);
    if (first == 't') return take_word(read, "true", JSON_TRUE);
    if (first == 'f') return take_word(read, "false", JSON_FALSE);
    return take_word(read, "null", JSON_NULL);
}

static enum json_token take_name(struct json_read *read, uint8_t first)
{
    if (first != '"') return refuse(read, "an object has \"names\": one is missing here");
    if (take_string(read, JSON_NAME) == JSON_BAD) return JSON_BAD;
    if (skip_space(read) != ':') return refuse(read, "a colon is missing behind a name");
    read->at++;
    read->expects = EXPECTS_VALUE;
    return JSON_NAME;
}

/* Behind a value that is not the last: past the comma. */
static bool take_comma(struct json_read *read, uint8_t first)
{
    if (first != ',') return false;
    read->at++;
    read->expects = in_array(read) ? EXPECTS_VALUE : EXPECTS_NAME;
    return true;
}

enum json_token json_read_next(struct json_read *read)
{
    if (read->error != NULL) return JSON_BAD;
    uint8_t first = skip_space(read);
    if (read->expects == EXPECTS_MORE) {
        if (read->depth == 0) {
            if (read->at == read->end) return read->token = JSON_END;
            return refuse(read, "more behind the value: one is all there may be");
        }
        if (first == (in_array(read) ? ']' : '}')) return level_end(read);
        if (!take_comma(read, first)) {
            return refuse(read, "a bracket is not closed, or a comma is missing");
        }
        first = skip_space(read);
    }
    switch (read->expects) {
    case EXPECTS_NAME_OR_END:
        if (first == '}') return level_end(read);
        return take_name(read, first);
    case EXPECTS_NAME: return take_name(read, first);
    case EXPECTS_VALUE_OR_END:
        if (first == ']') return level_end(read);
        break;
    default: break;
    }
    if (read->at == read->end || first == ',' || first == '}' || first == ']') {
        return refuse(read, "a value is missing here");
    }
    return take_value(read, first);
}

bool json_read_skip(struct json_read *read)
{
    if (read->token == JSON_BAD) return false;
    ASSERT(read->token > JSON_END && read->token != JSON_NAME);
    if (read->token != JSON_OBJECT_BEGIN && read->token != JSON_ARRAY_BEGIN) return true;
    uint32_t outside = read->depth - 1;
    while (read->depth > outside) {
        if (json_read_next(read) == JSON_BAD) return false;
    }
    return true;
}
