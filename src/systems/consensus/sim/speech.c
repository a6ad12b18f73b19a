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

void speech_say(const struct speech_call *call, struct buffer *out)
{
    static const char *const paths[] = {[SPEECH_GET] = "range",
                                        [SPEECH_PUT] = "put",
                                        [SPEECH_SWAP] = "txn",
                                        [SPEECH_DELETE] = "deleterange"};
    struct buffer body = {0};
    say_body(call, &body);
    buffer_append_text(out, "POST /v3/kv/");
    buffer_append_text(out, paths[call->op]);
    buffer_append_text(out, " HTTP/1.1\r\nHost: consensus\r\nContent-Length: ");
    buffer_append_decimal(out, body.size);
    buffer_append_text(out, "\r\n\r\n");
    buffer_append_slice(out, buffer_slice(&body));
    buffer_free(&body);
}

/* What stands behind the first `word`; false: it is nowhere. */
static bool behind(struct slice text, const char *word, struct slice *rest)
{
    size_t size = strlen(word);
    for (size_t at = 0; at + size <= text.size; at++) {
        if (memcmp(text.data + at, word, size) != 0) continue;
        *rest = slice_of(text.data + at + size, text.size - at - size);
        return true;
    }
    return false;
}

static bool digits(struct slice text, uint64_t *number)
{
    size_t size = 0;
    while (size < text.size && text.data[size] >= '0' && text.data[size] <= '9') size++;
    return decimal_read(slice_of(text.data, size), number);
}

/* The number that "value" holds in base64, behind a 'v'; 0: there is none. */
static uint64_t value_of(struct slice body)
{
    struct slice rest;
    if (!behind(body, "\"value\":\"", &rest)) return 0;
    const uint8_t *end = memchr(rest.data, '"', rest.size);
    struct buffer text = {0};
    uint64_t value = 0;
    if (end != NULL && base64_read(slice_of(rest.data, (size_t)(end - rest.data)), &text) &&
        text.size > 1) {
        decimal_read(slice_of(buffer_slice(&text).data + 1, text.size - 1), &value);
    }
    buffer_free(&text);
    return value;
}

static struct speech_answer take_body(const struct speech_call *call, struct slice body)
{
    struct speech_answer answer = {.outcome = SPEECH_BAD};
    struct slice rest;
    uint64_t count = 0;
    if (behind(body, "\"error\":", &rest)) {
        answer.outcome = SPEECH_REFUSED;
        return answer;
    }
    if (!behind(body, "\"revision\":\"", &rest) || !digits(rest, &answer.revision)) return answer;
    answer.outcome = SPEECH_DONE;
    if (call->op == SPEECH_GET) answer.value = value_of(body);
    if (call->op == SPEECH_DELETE) {
        if (behind(body, "\"deleted\":\"", &rest)) digits(rest, &count);
        answer.value = count;
    }
    if (call->op == SPEECH_SWAP && !behind(body, "\"succeeded\":true", &rest)) {
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
    if (!behind(heard, "\r\n\r\n", &body)) return answer;
    struct slice head = slice_of(heard.data, heard.size - body.size);
    answer.outcome = SPEECH_BAD;
    if (!behind(head, "Content-Length: ", &rest) || !digits(rest, &size)) return answer;
    if (body.size > size) return answer;
    if (body.size == size) return take_body(call, body);
    answer.outcome = SPEECH_PARTIAL;
    return answer;
}
