/* The writer of JSON. See json.h. */
#include "wire/json.h"

#include "base/assert.h"
#include "base/utf8.h"

struct json json_of(struct buffer *out)
{
    return (struct json){.out = out};
}

static uint32_t level_bit(const struct json *json)
{
    return (uint32_t)1 << (json->depth - 1);
}

/* Before every value: the comma, if one is due. */
static void value_begin(struct json *json)
{
    if (json->depth == 0) return;
    bool in_array = (json->in_array & level_bit(json)) != 0;
    ASSERT(in_array || json->after_key);
    if (in_array) {
        if ((json->filled & level_bit(json)) != 0) buffer_append(json->out, ",", 1);
        json->filled |= level_bit(json);
    }
    json->after_key = false;
}

static void level_begin(struct json *json, bool array)
{
    value_begin(json);
    ASSERT(json->depth < JSON_DEPTH_MAX);
    json->depth++;
    json->filled &= ~level_bit(json);
    if (array) {
        json->in_array |= level_bit(json);
    } else {
        json->in_array &= ~level_bit(json);
    }
    buffer_append(json->out, array ? "[" : "{", 1);
}

static void level_end(struct json *json, bool array)
{
    ASSERT(json->depth > 0 && !json->after_key);
    ASSERT(((json->in_array & level_bit(json)) != 0) == array);
    json->depth--;
    buffer_append(json->out, array ? "]" : "}", 1);
}

void json_object_begin(struct json *json)
{
    level_begin(json, false);
}

void json_object_end(struct json *json)
{
    level_end(json, false);
}

void json_array_begin(struct json *json)
{
    level_begin(json, true);
}

void json_array_end(struct json *json)
{
    level_end(json, true);
}

static void append_escape(struct buffer *out, uint8_t byte)
{
    switch (byte) {
    case '"': buffer_append_text(out, "\\\""); return;
    case '\\': buffer_append_text(out, "\\\\"); return;
    case '\n': buffer_append_text(out, "\\n"); return;
    case '\r': buffer_append_text(out, "\\r"); return;
    case '\t': buffer_append_text(out, "\\t"); return;
    default: buffer_append_text(out, "\\u00"); buffer_append_hex(out, byte, 2);
    }
}

static void append_string(struct buffer *out, struct slice text)
{
    size_t plain = 0; /* from here to `at` nothing needs escaping */
    size_t at = 0;
    buffer_append(out, "\"", 1);
    while (at < text.size) {
        uint8_t byte = text.data[at];
        size_t size = utf8_size(text, at);
        if (size != 0 && byte >= ' ' && byte != '"' && byte != '\\' && byte != 0x7f) {
            at += size;
            continue;
        }
        buffer_append(out, text.data + plain, at - plain);
        if (size == 0) {
            buffer_append_text(out, "\\ufffd");
        } else {
            append_escape(out, byte);
        }
        plain = ++at;
    }
    if (at != plain) buffer_append(out, text.data + plain, at - plain);
    buffer_append(out, "\"", 1);
}

void json_key(struct json *json, const char *key)
{
    ASSERT(json->depth > 0 && !json->after_key && (json->in_array & level_bit(json)) == 0);
    if ((json->filled & level_bit(json)) != 0) buffer_append(json->out, ",", 1);
    json->filled |= level_bit(json);
    append_string(json->out, slice_text(key));
    buffer_append(json->out, ":", 1);
    json->after_key = true;
}

void json_string(struct json *json, struct slice text)
{
    value_begin(json);
    append_string(json->out, text);
}

void json_text(struct json *json, const char *text)
{
    json_string(json, slice_text(text));
}

void json_unsigned(struct json *json, uint64_t value)
{
    value_begin(json);
    buffer_append_decimal(json->out, value);
}

void json_signed(struct json *json, int64_t value)
{
    value_begin(json);
    if (value < 0) buffer_append(json->out, "-", 1);
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    buffer_append_decimal(json->out, magnitude);
}

void json_bool(struct json *json, bool value)
{
    value_begin(json);
    buffer_append_text(json->out, value ? "true" : "false");
}

void json_null(struct json *json)
{
    value_begin(json);
    buffer_append_text(json->out, "null");
}

void json_raw(struct json *json, struct slice value)
{
    value_begin(json);
    buffer_append_slice(json->out, value);
}

void json_hex(struct json *json, uint64_t value, unsigned digits)
{
    value_begin(json);
    buffer_append(json->out, "\"", 1);
    buffer_append_hex(json->out, value, digits);
    buffer_append(json->out, "\"", 1);
}

void json_member_text(struct json *json, const char *key, const char *text)
{
    json_key(json, key);
    json_text(json, text);
}

void json_member_unsigned(struct json *json, const char *key, uint64_t value)
{
    json_key(json, key);
    json_unsigned(json, value);
}

void json_member_bool(struct json *json, const char *key, bool value)
{
    json_key(json, key);
    json_bool(json, value);
}
