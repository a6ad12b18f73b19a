/* What a watch says. See lines.h. The lines are our own gateway's: they are searched for what is
 * known to stand in them. */
#include "systems/consensus/sim/lines.h"

#include <string.h>

#include "systems/consensus/sim/speech.h"

enum { CHUNK_DIGITS = 8, CHUNK_HEAD = CHUNK_DIGITS + 2 };

void lines_ask(uint64_t start, struct buffer *out)
{
    struct buffer body = {0};
    buffer_append_text(&body, "{\"create_request\":{\"key\":\"aw==\",\"range_end\":\"bA==\"");
    if (start != 0) {
        buffer_append_text(&body, ",\"start_revision\":\"");
        buffer_append_decimal(&body, start);
        buffer_append_text(&body, "\"");
    }
    buffer_append_text(&body, "}}");
    speech_say_request("/v3/watch", buffer_slice(&body), out);
    buffer_free(&body);
}

void lines_reset(struct lines *lines)
{
    buffer_free(&lines->line);
    *lines = (struct lines){0};
}

static bool take_head(struct lines *lines, struct buffer *heard)
{
    struct slice rest;
    if (!speech_behind(buffer_slice(heard), "\r\n\r\n", &rest)) return false;
    buffer_consume(heard, heard->size - rest.size);
    lines->begun = true;
    return true;
}

static bool hex(struct slice text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *at = memchr(digits, text.data[i], sizeof digits - 1);
        if (at == NULL) return false;
        *number = *number << 4 | (uint64_t)(at - digits);
    }
    return true;
}

/* Moves one chunk to the line. */
static enum lines_kind take_chunk(struct lines *lines, struct buffer *heard)
{
    uint64_t size;
    struct slice text = buffer_slice(heard);
    if (text.size < CHUNK_HEAD) return LINES_PARTIAL;
    if (!hex(slice_of(text.data, CHUNK_DIGITS), &size) || size == 0) return LINES_BAD;
    if (text.size < CHUNK_HEAD + size + 2) return LINES_PARTIAL;
    buffer_append(&lines->line, text.data + CHUNK_HEAD, size);
    buffer_consume(heard, CHUNK_HEAD + size + 2);
    return LINES_EVENTS;
}

static bool ends(const struct buffer *line)
{
    struct slice text = buffer_slice(line);
    return text.size != 0 && text.data[text.size - 1] == '\n';
}

static enum lines_kind kind_of(struct slice line, uint64_t *revision)
{
    struct slice rest;
    if (speech_behind(line, "\"compact_revision\":\"", &rest)) {
        return speech_digits(rest, revision) ? LINES_COMPACTED : LINES_BAD;
    }
    if (!speech_behind(line, "\"revision\":\"", &rest) || !speech_digits(rest, revision)) {
        return LINES_BAD;
    }
    if (speech_behind(line, "\"created\":true", &rest)) return LINES_CREATED;
    return speech_behind(line, "\"events\":[", &rest) ? LINES_EVENTS : LINES_BAD;
}

enum lines_kind lines_next(struct lines *lines, struct buffer *heard, uint64_t *revision)
{
    if (!lines->begun && !take_head(lines, heard)) return LINES_PARTIAL;
    if (ends(&lines->line)) buffer_clear(&lines->line);
    while (!ends(&lines->line)) {
        enum lines_kind kind = take_chunk(lines, heard);
        if (kind != LINES_EVENTS) return kind;
    }
    return kind_of(buffer_slice(&lines->line), revision);
}

bool lines_event(struct slice *line, struct lines_event *event)
{
    struct slice one, rest;
    if (!speech_behind(*line, "\"kv\":{", &one)) return false;
    const uint8_t *end = memchr(one.data, '}', one.size);
    if (end == NULL) return false;
    *line = slice_of(end, (size_t)(one.data + one.size - end));
    one.size = (size_t)(end - one.data);
    uint64_t key;
    if (!speech_behind(one, "\"mod_revision\":\"", &rest)) return false;
    if (!speech_digits(rest, &event->revision)) return false;
    if (!speech_number(one, "\"key\":\"", &key)) return false;
    event->key = (uint32_t)key;
    event->value = 0;
    speech_number(one, "\"value\":\"", &event->value);
    return true;
}
