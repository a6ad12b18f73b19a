/* Calls and answers as bytes. See speech.h. Answers are searched for what is known to stand in
 * them: they are our own gateway's, and hold one key at most. */
#include "systems/consensus/sim/speech.h"

#include <string.h>

#include "base/base64.h"

static void say_bytes(struct buffer *out, const char *name, char first, uint64_t number)
{
    struct buffer text = {0};
    buffer_put_u8(&text, (uint8_t)first);
    buffer_append_decimal(&text, number);
    buffer_append_text(out, "\"");
    buffer_append_text(out, name);
    buffer_append_text(out, "\":\"");
    base64_append(out, buffer_slice(&text));
    buffer_append_text(out, "\"");
    buffer_free(&text);
}

static void say_swap(const struct speech_call *call, struct buffer *out)
{
    buffer_append_text(out, "{\"compare\":[{");
    say_bytes(out, "key", 'k', call->key);
    if (call->expected == 0) {
        buffer_append_text(out, ",\"target\":\"CREATE\",\"create_revision\":\"0\"");
    } else {
        buffer_append_text(out, ",\"target\":\"VALUE\",");
        say_bytes(out, "value", 'v', call->expected);
    }
    buffer_append_text(out, "}],\"success\":[{\"request_put\":{");
    say_bytes(out, "key", 'k', call->key);
    buffer_append_text(out, ",");
    say_bytes(out, "value", 'v', call->value);
    buffer_append_text(out, "}}],\"failure\":[{\"request_range\":{");
    say_bytes(out, "key", 'k', call->key);
    buffer_append_text(out, "}}]}");
}

static void say_body(const struct speech_call *call, struct buffer *out)
{
    if (call->op == SPEECH_SWAP) {
        say_swap(call, out);
        return;
    }
    if (call->op == SPEECH_COMPACT) {
        buffer_append_text(out, "{\"revision\":\"");
        buffer_append_decimal(out, call->value);
        buffer_append_text(out, "\"}");
        return;
    }
    buffer_append_text(out, "{");
    say_bytes(out, "key", 'k', call->key);
    if (call->op == SPEECH_PUT) {
        buffer_append_text(out, ",");
        say_bytes(out, "value", 'v', call->value);
    } else if (call->serializable) {
        buffer_append_text(out, ",\"serializable\":true");
    }
    buffer_append_text(out, "}");
}

void speech_say_request(const char *path, struct slice body, struct buffer *out)
{
    buffer_append_text(out, "POST ");
    buffer_append_text(out, path);
    buffer_append_text(out, " HTTP/1.1\r\nHost: consensus\r\nContent-Length: ");
    buffer_append_decimal(out, body.size);
    buffer_append_text(out, "\r\n\r\n");
    buffer_append_slice(out, body);
}

void speech_say(const struct speech_call *call, struct buffer *out)
{
    static const char *const paths[] = {[SPEECH_GET] = "/v3/kv/range",
                                        [SPEECH_PUT] = "/v3/kv/put",
                                        [SPEECH_SWAP] = "/v3/kv/txn",
                                        [SPEECH_DELETE] = "/v3/kv/deleterange",
                                        [SPEECH_COMPACT] = "/v3/kv/compaction"};
    struct buffer body = {0};
    say_body(call, &body);
    speech_say_request(paths[call->op], buffer_slice(&body), out);
    buffer_free(&body);
}

bool speech_behind(struct slice text, const char *word, struct slice *rest)
{
    size_t size = strlen(word);
    for (size_t at = 0; at + size <= text.size; at++) {
        if (memcmp(text.data + at, word, size) != 0) continue;
        *rest = slice_of(text.data + at + size, text.size - at - size);
        return true;
    }
    return false;
}

bool speech_digits(struct slice text, uint64_t *number)
{
    size_t size = 0;
    while (size < text.size && text.data[size] >= '0' && text.data[size] <= '9') size++;
    return decimal_read(slice_of(text.data, size), number);
}

bool speech_number(struct slice text, const char *word, uint64_t *number)
{
    struct slice rest;
    if (!speech_behind(text, word, &rest)) return false;
    const uint8_t *end = memchr(rest.data, '"', rest.size);
    struct buffer plain = {0};
    bool good = end != NULL &&
                base64_read(slice_of(rest.data, (size_t)(end - rest.data)), &plain) &&
                plain.size > 1 &&
                decimal_read(slice_of(buffer_slice(&plain).data + 1, plain.size - 1), number);
    buffer_free(&plain);
    return good;
}

/* 0: there is none. */
static uint64_t value_of(struct slice body)
{
    uint64_t value = 0;
    return speech_number(body, "\"value\":\"", &value) ? value : 0;
}

static struct speech_answer take_body(const struct speech_call *call, struct slice body)
{
    struct speech_answer answer = {.outcome = SPEECH_BAD};
    struct slice rest;
    uint64_t count = 0;
    if (speech_behind(body, "\"error\":", &rest)) {
        answer.outcome = SPEECH_REFUSED;
        return answer;
    }
    if (!speech_behind(body, "\"revision\":\"", &rest) || !speech_digits(rest, &answer.revision))
        return answer;
    answer.outcome = SPEECH_DONE;
    if (call->op == SPEECH_GET) answer.value = value_of(body);
    if (call->op == SPEECH_DELETE) {
        if (speech_behind(body, "\"deleted\":\"", &rest)) speech_digits(rest, &count);
        answer.value = count;
    }
    if (call->op == SPEECH_SWAP && !speech_behind(body, "\"succeeded\":true", &rest)) {
        answer.outcome = SPEECH_KEPT;
        answer.value = value_of(body);
    }
    return answer;
}

struct speech_answer speech_hear(const struct speech_call *call, struct slice heard)
{
    struct speech_answer answer = {.outcome = SPEECH_PARTIAL};
    struct slice body, rest;
    uint64_t size = 0;
    if (!speech_behind(heard, "\r\n\r\n", &body)) return answer;
    struct slice head = slice_of(heard.data, heard.size - body.size);
    answer.outcome = SPEECH_BAD;
    if (!speech_behind(head, "Content-Length: ", &rest) || !speech_digits(rest, &size))
        return answer;
    if (body.size > size) return answer;
    if (body.size == size) return take_body(call, body);
    answer.outcome = SPEECH_PARTIAL;
    return answer;
}
