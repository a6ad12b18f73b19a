/* Words as bytes. See words.h. A node's messages are read member by member, whatever object they
 * stand in: none of those that people here ask for has a name twice. */
#include "systems/chat/sim/words.h"

#include <stdarg.h>
#include <string.h>

#include "base/json_read.h"
#include "sim/text.h"

static const uint8_t mask[4] = {0x11, 0x22, 0x33, 0x44};

static const char *const types[WORD_TYPES] = {
    [WORD_WELCOME] = "welcome",   [WORD_JOINED] = "joined", [WORD_LEFT] = "left",
    [WORD_ACK] = "ack",           [WORD_EVENT] = "event",   [WORD_GAP] = "gap",
    [WORD_PRESENCE] = "presence", [WORD_READ] = "read",     [WORD_ERROR] = "error",
    [WORD_STATUS] = "status",     [WORD_BYE] = "bye",
};

static bool is(struct slice text, const char *word)
{
    return slice_equal(text, slice_text(word));
}

static int among(struct slice text, const char *const *words, int count)
{
    int i = 0;
    while (i < count && !is(text, words[i])) i++;
    return i;
}

uint32_t word_room(struct slice name)
{
    bool ours = name.size == 2 && name.data[0] == 'r' && name.data[1] >= '0' && name.data[1] <= '9';
    return ours ? (uint32_t)(name.data[1] - '0') : UINT32_MAX;
}

static uint64_t hex(struct slice digits)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.size; i++) {
        uint8_t digit = digits.data[i];
        value = value << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return value;
}

struct chat_client_key word_key(struct slice digits)
{
    return (struct chat_client_key){hex(slice_of(digits.data, 16)),
                                    hex(slice_of(digits.data + 16, 16))};
}

static void take_string(struct word *word, struct slice name, struct slice text)
{
    static const char *const kinds[] = {"", "post", "edit", "delete"};
    if (is(name, "type")) word->type = (enum word_type)among(text, types, WORD_TYPES);
    if (is(name, "room")) word->room = word_room(text);
    if (is(name, "kind")) word->kind = (enum chat_event_kind)among(text, kinds, 4);
    if (is(name, "text")) (void)decimal_read(text, &word->text);
    if (is(name, "code")) word->code = text;
    if (is(name, "client")) word->client = text;
    if (is(name, "secret")) word->secret = text;
    if (is(name, "epoch")) word->epoch = text;
    if (is(name, "user")) word->user = text;
    bool went = is(name, "left");
    if (!went && !is(name, "users") && !is(name, "joined")) return;
    uint32_t *count = went ? &word->went_count : &word->came_count;
    if (*count < WORDS_NAMES_MAX) (went ? word->went : word->came)[(*count)++] = text;
}

static void take_number(struct word *word, struct slice name, uint64_t number)
{
    static const char *const names[] = {"id", "seq", "from", "to", "of", "version", "was"};
    uint64_t *const places[] = {&word->id, &word->seq,     &word->from, &word->to,
                                &word->of, &word->version, &word->was};
    int at = among(name, names, 7);
    if (at < 7) *places[at] = number;
}

static void take_truth(struct word *word, struct slice name)
{
    if (is(name, "retry")) word->retry = true;
    if (is(name, "duplicate")) word->duplicate = true;
    if (is(name, "deleted")) word->deleted = true;
    if (is(name, "more")) word->more = true;
}

bool word_read(struct slice text, struct word *word)
{
    struct json_read read = json_read_of(text, JSON_READ_DEPTH_MAX);
    struct slice name = slice_of(NULL, 0);
    *word = (struct word){.type = WORD_TYPES, .id = UINT64_MAX, .room = UINT32_MAX};
    for (;;) {
        switch (json_read_next(&read)) {
        case JSON_BAD: return false;
        case JSON_END: return word->type < WORD_TYPES;
        case JSON_NAME: name = read.raw; break;
        case JSON_STRING: take_string(word, name, read.raw); break;
        case JSON_NUMBER: take_number(word, name, read.magnitude); break;
        case JSON_TRUE: take_truth(word, name); break;
        case JSON_ARRAY_BEGIN: word->listed |= is(name, "users") || is(name, "left"); break;
        default: break;
        }
    }
}

void words_say(struct buffer *out, const char *type, const char *rest, ...)
{
    struct buffer text = {0};
    va_list arguments;
    va_start(arguments, rest);
    text_append(&text, "{\"type\":\"%s\"", type);
    text_append_list(&text, rest, arguments);
    text_append(&text, "}");
    va_end(arguments);
    websocket_write(WEBSOCKET_OP_TEXT, true, buffer_slice(&text), mask, out);
    buffer_free(&text);
}

void words_pong(struct buffer *out, struct slice payload)
{
    websocket_write(WEBSOCKET_OP_PONG, true, payload, mask, out);
}

void words_knock(struct buffer *out)
{
    buffer_append_text(out, "GET /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
                            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
}
