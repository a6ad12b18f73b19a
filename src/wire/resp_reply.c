/* Replies in RESP, written and read. See resp.h. */
#include <string.h>

#include "base/assert.h"
#include "wire/resp.h"

/* --- written --- */

static void put_crlf(struct buffer *out)
{
    buffer_append(out, "\r\n", 2);
}

/* A mark, a number, CR LF. */
static void put_head(struct buffer *out, char mark, uint64_t number)
{
    uint8_t *at = buffer_reserve(out, 24);
    at[0] = (uint8_t)mark;
    size_t size = 1 + decimal_write(at + 1, number);
    at[size] = '\r';
    at[size + 1] = '\n';
    buffer_grew(out, size + 2);
}

/* No CR or LF inside: they would end it. */
static void put_line(struct buffer *out, char mark, struct slice text)
{
    buffer_put_u8(out, (uint8_t)mark);
    uint8_t *at = buffer_reserve(out, text.size);
    for (size_t i = 0; i < text.size; i++) {
        bool ends = text.data[i] == '\r' || text.data[i] == '\n';
        at[i] = ends ? ' ' : text.data[i];
    }
    buffer_grew(out, text.size);
    put_crlf(out);
}

void resp_put_simple(struct buffer *out, struct slice text)
{
    put_line(out, '+', text);
}

void resp_put_error(struct buffer *out, struct slice text)
{
    put_line(out, '-', text);
}

void resp_put_integer(struct buffer *out, int64_t number)
{
    if (number >= 0) {
        put_head(out, ':', (uint64_t)number);
        return;
    }
    buffer_append_text(out, ":-");
    buffer_append_decimal(out, 0 - (uint64_t)number);
    put_crlf(out);
}

void resp_put_bulk(struct buffer *out, struct slice bytes)
{
    put_head(out, '$', bytes.size);
    uint8_t *at = buffer_reserve(out, bytes.size + 2);
    if (bytes.size > 0) memcpy(at, bytes.data, bytes.size);
    at[bytes.size] = '\r';
    at[bytes.size + 1] = '\n';
    buffer_grew(out, bytes.size + 2);
}

void resp_put_null(struct buffer *out, unsigned version)
{
    buffer_append_text(out, version == 3 ? "_\r\n" : "$-1\r\n");
}

void resp_put_null_array(struct buffer *out, unsigned version)
{
    buffer_append_text(out, version == 3 ? "_\r\n" : "*-1\r\n");
}

void resp_put_array(struct buffer *out, uint32_t count)
{
    put_head(out, '*', count);
}

void resp_put_map(struct buffer *out, uint32_t count, unsigned version)
{
    if (version == 3) {
        put_head(out, '%', count);
    } else {
        put_head(out, '*', 2 * (uint64_t)count);
    }
}

void resp_put_set(struct buffer *out, uint32_t count, unsigned version)
{
    put_head(out, version == 3 ? '~' : '*', count);
}

void resp_put_push(struct buffer *out, uint32_t count, unsigned version)
{
    put_head(out, version == 3 ? '>' : '*', count);
}

void resp_put_verbatim(struct buffer *out, struct slice text, unsigned version)
{
    if (version != 3) {
        resp_put_bulk(out, text);
        return;
    }
    put_head(out, '=', text.size + 4);
    buffer_append_text(out, "txt:");
    buffer_append_slice(out, text);
    put_crlf(out);
}

void resp_put_command(struct buffer *out, const struct slice *words, uint32_t count)
{
    put_head(out, '*', count);
    for (uint32_t i = 0; i < count; i++) resp_put_bulk(out, words[i]);
}

/* --- read --- */

/* A decimal number, perhaps below 0. */
static bool integer_read(struct slice text, int64_t *number)
{
    bool negative = text.size > 1 && text.data[0] == '-';
    uint64_t value;
    if (negative || (text.size > 1 && text.data[0] == '+')) {
        text = slice_of(text.data + 1, text.size - 1);
    }
    if (!decimal_read(text, &value) || value > (uint64_t)INT64_MAX + negative) return false;
    *number = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* The string that a head of this size announces; *size is 0 while it is incomplete. */
static bool string_read(struct slice bytes, size_t head, int64_t length, struct resp_value *value,
                        size_t *size)
{
    *value = (struct resp_value){RESP_BULK, 0, {NULL, 0}};
    if (length < 0) {
        value->kind = RESP_NULL;
        *size = head;
        return length == -1;
    }
    if ((uint64_t)length > UINT32_MAX) return false;
    if (bytes.size - head < (size_t)length + 2) return true;
    const uint8_t *end = bytes.data + head + length;
    if (end[0] != '\r' || end[1] != '\n') return false;
    value->bytes = slice_of(bytes.data + head, (size_t)length);
    *size = head + (size_t)length + 2;
    if (bytes.data[0] != '=') return true;
    if (length < 4 || value->bytes.data[3] != ':') return false;
    value->bytes = slice_of(value->bytes.data + 4, value->bytes.size - 4);
    return true;
}

static bool aggregate_read(enum resp_kind kind, int64_t count, struct resp_value *value)
{
    *value = (struct resp_value){kind, count, {NULL, 0}};
    if (count == -1 && kind == RESP_ARRAY) value->kind = RESP_NULL;
    return count == -1 ? kind == RESP_ARRAY : count >= 0 && count <= UINT32_MAX;
}

/* What is told by its line alone. */
static bool line_read(uint8_t mark, struct slice line, struct resp_value *value)
{
    *value = (struct resp_value){RESP_SIMPLE, 0, line};
    switch (mark) {
    case '+': return true;
    case '-': value->kind = RESP_ERROR; return true;
    case '(': value->kind = RESP_BULK; return true;
    case ',': value->kind = RESP_DOUBLE; return line.size > 0;
    case '_': value->kind = RESP_NULL; return line.size == 0;
    case ':': value->kind = RESP_INTEGER; return integer_read(line, &value->number);
    case '#':
        value->kind = RESP_BOOLEAN;
        value->number = line.size == 1 && line.data[0] == 't';
        return line.size == 1 && (line.data[0] == 't' || line.data[0] == 'f');
    default: return false;
    }
}

bool resp_value_read(struct slice bytes, struct resp_value *value, size_t *size)
{
    *size = 0;
    if (bytes.size == 0) return true;
    uint8_t mark = bytes.data[0];
    if (memchr("+-:$*_#,(=%~>", mark, 13) == NULL) return false;
    const uint8_t *cr = memchr(bytes.data, '\r', bytes.size);
    if (cr == NULL || (size_t)(cr - bytes.data) + 1 == bytes.size) return true;
    if (cr[1] != '\n') return false;
    struct slice line = slice_of(bytes.data + 1, (size_t)(cr - bytes.data) - 1);
    size_t head = line.size + 3;
    int64_t number = 0;
    bool counted = memchr("$=*%~>", mark, 6) != NULL;
    if (counted && !integer_read(line, &number)) return false;
    if (mark == '$' || mark == '=') return string_read(bytes, head, number, value, size);
    *size = head;
    switch (mark) {
    case '*': return aggregate_read(RESP_ARRAY, number, value);
    case '%': return aggregate_read(RESP_MAP, number, value);
    case '~': return aggregate_read(RESP_SET, number, value);
    case '>': return aggregate_read(RESP_PUSH, number, value);
    default: return line_read(mark, line, value);
    }
}

bool resp_reply_size(struct slice bytes, size_t *size)
{
    uint64_t missing = 1;
    size_t at = 0;
    *size = 0;
    while (missing > 0) {
        struct resp_value value;
        size_t one;
        if (at == bytes.size) return true;
        struct slice rest = slice_of(bytes.data + at, bytes.size - at);
        if (!resp_value_read(rest, &value, &one)) return false;
        if (one == 0) return true;
        at += one;
        missing--;
        if (value.kind == RESP_MAP) missing += 2 * (uint64_t)value.number;
        bool holds = value.kind == RESP_ARRAY || value.kind == RESP_SET || value.kind == RESP_PUSH;
        if (holds) missing += (uint64_t)value.number;
        if (missing > UINT32_MAX) return false;
    }
    *size = at;
    return true;
}
