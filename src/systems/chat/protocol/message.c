/* Reads what clients say. See message.h.
 *
 * A member has one kind whatever the message, so all that are known are read as they come; which of
 * them matter is seen at the end, when the type is known. What does not matter is ignored, even if
 * it is of another kind. */
#include "systems/chat/protocol/message.h"

#include <string.h>

#include "base/assert.h"
#include "base/json_read.h"

enum member {
    M_TYPE,
    M_ID,
    M_ROOM,
    M_USER,
    M_FROM_USER,
    M_TOKEN,
    M_EPOCH,
    M_CLIENT,
    M_SECRET,
    M_ROOMS,
    M_AFTER,
    M_LAST,
    M_BEFORE,
    M_SEQ,
    M_LIMIT,
    M_PRESENCE,
    M_TEXT,
    M_DATA,
    M_COUNT,
};

#define BIT(member) (UINT32_C(1) << (member))

/* Why a member of each name is refused, when it is of another kind or out of its range. */
static const struct {
    const char *name, *code, *what;
} members[M_COUNT] = {
    [M_TYPE] = {"type", "bad_message", "type is missing, or no text"},
    [M_ID] = {"id", "bad_id", "id is a whole number from 1 to 9007199254740991"},
    [M_ROOM] = {"room", "bad_room", "room is 1 to 64 of A-Z a-z 0-9 . _ @ | -, or two users"},
    [M_USER] = {"user", "bad_user", "user is 1 to 64 of A-Z a-z 0-9 . _ @ | -"},
    [M_FROM_USER] = {"from_user", "bad_user", "from_user is where the list begins: a user"},
    [M_TOKEN] = {"token", "bad_message", "token is a text of at most 8192 bytes"},
    [M_EPOCH] = {"epoch", "bad_message", "epoch is 16 hex digits"},
    [M_CLIENT] = {"client", "bad_client", "client is 32 hex digits, with its secret"},
    [M_SECRET] = {"secret", "bad_client", "secret is 32 hex digits, with its client"},
    [M_ROOMS] = {"rooms", "bad_message", "rooms is an object of at most 64 rooms and numbers"},
    [M_AFTER] = {"after", "bad_message", "after is a whole number below 9007199254740992"},
    [M_LAST] = {"last", "bad_message", "last is a whole number below 9007199254740992"},
    [M_BEFORE] = {"before", "bad_message", "before is a whole number below 9007199254740992"},
    [M_SEQ] = {"seq", "bad_message", "seq is a whole number below 9007199254740992"},
    [M_LIMIT] = {"limit", "bad_message", "limit is a whole number below 9007199254740992"},
    [M_PRESENCE] = {"presence", "bad_message", "presence is list, count or none"},
    [M_TEXT] = {"text", "bad_message", "text or data is missing, or text is no text"},
    [M_DATA] = {"data", "bad_message", "text or data, not both"},
};

/* Of each type: what it must have, and what it may. TEXT stands for DATA, too. */
static const struct {
    const char *name;
    uint32_t must, may;
} types[CHAT_MESSAGE_TYPES] = {
    [CHAT_MESSAGE_HELLO] = {"hello", 0,
                            BIT(M_ID) | BIT(M_USER) | BIT(M_TOKEN) | BIT(M_EPOCH) | BIT(M_CLIENT) |
                                BIT(M_SECRET) | BIT(M_ROOMS)},
    [CHAT_MESSAGE_JOIN] = {"join", BIT(M_ID) | BIT(M_ROOM),
                           BIT(M_AFTER) | BIT(M_LAST) | BIT(M_PRESENCE)},
    [CHAT_MESSAGE_LEAVE] = {"leave", BIT(M_ID) | BIT(M_ROOM), 0},
    [CHAT_MESSAGE_POST] = {"post", BIT(M_ID) | BIT(M_ROOM) | BIT(M_TEXT), 0},
    [CHAT_MESSAGE_EDIT] = {"edit", BIT(M_ID) | BIT(M_ROOM) | BIT(M_SEQ) | BIT(M_TEXT), 0},
    [CHAT_MESSAGE_DELETE] = {"delete", BIT(M_ID) | BIT(M_ROOM) | BIT(M_SEQ), 0},
    [CHAT_MESSAGE_HISTORY] = {"history", BIT(M_ID) | BIT(M_ROOM) | BIT(M_BEFORE) | BIT(M_LIMIT), 0},
    [CHAT_MESSAGE_PRESENCE] = {"presence", BIT(M_ID) | BIT(M_ROOM), BIT(M_FROM_USER)},
    [CHAT_MESSAGE_READ] = {"read", BIT(M_ROOM) | BIT(M_SEQ), BIT(M_ID)},
    [CHAT_MESSAGE_TYPING] = {"typing", BIT(M_ROOM), BIT(M_ID)},
    [CHAT_MESSAGE_PING] = {"ping", 0, BIT(M_ID)},
};

struct parser {
    struct json_read read;
    struct chat_message *message;
    struct slice type;
    uint32_t seen, bad; /* members that came; those of another kind or out of range */
    uint64_t client[2];
    const char *twice; /* NULL, or that a member came again */
};

/* --- values, each behind its first token; they return whether it was as it should be --- */

/* Into the message's texts, which have room for the whole message and never move. */
static struct slice keep_text(struct parser *parser)
{
    struct buffer *texts = &parser->message->texts;
    size_t at = texts->size;
    json_read_text(&parser->read, texts);
    return slice_of(buffer_slice(texts).data + at, texts->size - at);
}

static bool take_text(struct parser *parser, size_t size_max, struct slice *text)
{
    if (parser->read.token != JSON_STRING) return false;
    *text = keep_text(parser);
    return text->size <= size_max;
}

static bool take_number(const struct parser *parser, uint64_t *number)
{
    if (!json_read_is_unsigned(&parser->read)) return false;
    *number = parser->read.magnitude;
    return *number <= CHAT_NUMBER_MAX;
}

static bool read_hex(struct slice text, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f')) return false;
        *value = *value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static bool take_hex_pair(struct parser *parser, uint64_t pair[2])
{
    struct slice text;
    return take_text(parser, 32, &text) && text.size == 32 &&
           read_hex(slice_of(text.data, 16), &pair[0]) &&
           read_hex(slice_of(text.data + 16, 16), &pair[1]);
}

static bool take_epoch(struct parser *parser)
{
    uint64_t value;
    struct slice *epoch = &parser->message->epoch;
    return take_text(parser, 16, epoch) && epoch->size == 16 && read_hex(*epoch, &value);
}

static bool take_name(struct parser *parser, bool valid(struct slice name), struct slice *name)
{
    return take_text(parser, CHAT_ROOM_SIZE_MAX, name) && valid(*name);
}

static bool take_wish(struct parser *parser)
{
    static const char *const wishes[] = {"list", "count", "none"};
    struct slice text;
    if (!take_text(parser, 8, &text)) return false;
    for (int i = 0; i < 3; i++) {
        if (!slice_equal(text, slice_text(wishes[i]))) continue;
        parser->message->presence = (enum chat_presence_wish)i;
        return true;
    }
    return false;
}

/* {"lobby": 41, ...}, each once */
static bool take_rooms(struct parser *parser)
{
    struct chat_message *message = parser->message;
    bool good = parser->read.token == JSON_OBJECT_BEGIN;
    while (good && json_read_next(&parser->read) == JSON_NAME) {
        struct chat_message_room at = {.room = keep_text(parser)};
        json_read_next(&parser->read);
        good = message->rooms_count < CHAT_MESSAGE_ROOMS_MAX && chat_room_valid(at.room) &&
               take_number(parser, &at.after);
        for (uint32_t i = 0; good && i < message->rooms_count; i++) {
            good = !slice_equal(message->rooms[i].room, at.room);
        }
        if (good) message->rooms[message->rooms_count++] = at;
    }
    return good && parser->read.token == JSON_OBJECT_END;
}

/* Any value, as it is written. */
static bool take_data(struct parser *parser, const uint8_t *begin)
{
    if (!json_read_skip(&parser->read)) return false;
    struct buffer *texts = &parser->message->texts;
    size_t at = texts->size;
    buffer_append(texts, begin, (size_t)(parser->read.at - begin));
    parser->message->form = CHAT_DATA;
    parser->message->body = slice_of(buffer_slice(texts).data + at, texts->size - at);
    return true;
}

static bool take_value(struct parser *parser, enum member member, const uint8_t *begin)
{
    struct chat_message *message = parser->message;
    switch (member) {
    case M_TYPE: return take_text(parser, 32, &parser->type);
    case M_ID: return take_number(parser, &message->id) && message->id != 0;
    case M_ROOM: return take_name(parser, chat_room_valid, &message->room);
    case M_USER: return take_name(parser, chat_user_valid, &message->user);
    case M_FROM_USER: return take_name(parser, chat_user_valid, &message->from_user);
    case M_TOKEN: return take_text(parser, CHAT_TOKEN_SIZE_MAX, &message->token);
    case M_EPOCH: return take_epoch(parser);
    case M_CLIENT: return take_hex_pair(parser, parser->client);
    case M_SECRET: return take_hex_pair(parser, message->secret);
    case M_ROOMS: return take_rooms(parser);
    case M_AFTER: return take_number(parser, &message->after);
    case M_LAST: return take_number(parser, &message->last);
    case M_BEFORE: return take_number(parser, &message->before);
    case M_SEQ: return take_number(parser, &message->seq);
    case M_LIMIT: return take_number(parser, &message->limit);
    case M_PRESENCE: return take_wish(parser);
    case M_TEXT: return take_text(parser, SIZE_MAX, &message->body);
    case M_DATA: return take_data(parser, begin);
    case M_COUNT: break;
    }
    return true;
}

/* --- members --- */

static enum member member_of(const struct json_read *read)
{
    int member = 0;
    while (member < M_COUNT && !json_read_is(read, members[member].name)) member++;
    return (enum member)member;
}

/* Behind the name. `begin` is where its value begins, once white space is past. */
static void take_member(struct parser *parser)
{
    struct json_read *read = &parser->read;
    enum member member = member_of(read);
    uint32_t outside = read->depth;
    const uint8_t *begin = read->at;
    while (begin < read->end && memchr(" \t\r\n", *begin, 4) != NULL) begin++;
    if (json_read_next(read) == JSON_BAD) return;
    if (member == M_COUNT) {
        json_read_skip(read);
        return;
    }
    if ((parser->seen & BIT(member)) != 0) parser->twice = members[member].what;
    parser->seen |= BIT(member);
    if (!take_value(parser, member, begin)) parser->bad |= BIT(member);
    /* Whatever is left of it, if it is of another kind. */
    while (read->depth > outside && json_read_next(read) != JSON_BAD) {}
}

static bool refuse(struct chat_mistake *mistake, const char *code, const char *what)
{
    mistake->code = code;
    mistake->what = what;
    return false;
}

/* Everything that the type must have came, and all that it may have was as it should be. */
static bool judge_members(const struct parser *parser, enum chat_message_type type,
                          struct chat_mistake *mistake)
{
    uint32_t must = types[type].must, relevant = must | types[type].may;
    uint32_t seen = parser->seen;
    if ((must & BIT(M_TEXT)) != 0) {
        relevant |= BIT(M_DATA);
        if ((seen & BIT(M_DATA)) != 0 && (seen & BIT(M_TEXT)) != 0) {
            return refuse(mistake, members[M_DATA].code, members[M_DATA].what);
        }
        if ((seen & BIT(M_DATA)) != 0) seen |= BIT(M_TEXT);
    }
    uint32_t wrong = (parser->bad & relevant) | (must & ~seen);
    for (int member = 0; member < M_COUNT; member++) {
        if ((wrong & BIT(member)) == 0) continue;
        return refuse(mistake, members[member].code, members[member].what);
    }
    return true;
}

static bool judge_values(const struct parser *parser, struct chat_mistake *mistake)
{
    struct chat_message *message = parser->message;
    bool client = (parser->seen & BIT(M_CLIENT)) != 0, secret = (parser->seen & BIT(M_SECRET)) != 0;
    if (message->type == CHAT_MESSAGE_HELLO && client != secret) {
        return refuse(mistake, members[M_CLIENT].code, members[M_CLIENT].what);
    }
    message->has_client = client;
    message->client = (struct chat_client_key){parser->client[0], parser->client[1]};
    if ((types[message->type].must & BIT(M_TEXT)) == 0) return true;
    if (message->body.size == 0) return refuse(mistake, "empty", "say something");
    if (message->body.size <= CHAT_BODY_SIZE_MAX) return true;
    return refuse(mistake, "too_big", "a text or data has at most 16384 bytes: say less, or twice");
}

static void begin_message(struct chat_message *message, size_t size)
{
    struct buffer texts = message->texts;
    buffer_clear(&texts);
    (void)buffer_reserve(&texts, size == 0 ? 1 : size);
    *message = (struct chat_message){
        .id = UINT64_MAX,
        .after = UINT64_MAX,
        .last = UINT64_MAX,
        .before = UINT64_MAX,
        .seq = UINT64_MAX,
        .limit = UINT64_MAX,
        .texts = texts,
    };
}

bool chat_message_read(struct slice text, struct chat_message *message,
                       struct chat_mistake *mistake)
{
    struct parser parser = {.read = json_read_of(text, CHAT_MESSAGE_DEPTH_MAX), .message = message};
    begin_message(message, text.size);
    *mistake = (struct chat_mistake){.id = UINT64_MAX};
    if (json_read_next(&parser.read) == JSON_OBJECT_BEGIN) {
        while (json_read_next(&parser.read) == JSON_NAME) take_member(&parser);
        if (parser.read.token == JSON_OBJECT_END) json_read_next(&parser.read);
    }
    if (parser.read.token == JSON_BAD) return refuse(mistake, "bad_message", parser.read.error);
    if (parser.read.token != JSON_END) return refuse(mistake, "bad_message", "not a JSON object");
    if ((parser.bad & BIT(M_ID)) == 0) mistake->id = message->id;
    if (parser.twice != NULL) return refuse(mistake, "bad_message", "a member stands there twice");
    if ((parser.seen & BIT(M_TYPE)) == 0 || (parser.bad & BIT(M_TYPE)) != 0) {
        return refuse(mistake, members[M_TYPE].code, members[M_TYPE].what);
    }
    int type = 0;
    while (type < CHAT_MESSAGE_TYPES && !slice_equal(parser.type, slice_text(types[type].name))) {
        type++;
    }
    if (type == CHAT_MESSAGE_TYPES) return refuse(mistake, "unknown_type", "no such type");
    message->type = (enum chat_message_type)type;
    return judge_members(&parser, message->type, mistake) && judge_values(&parser, mistake);
}

void chat_message_free(struct chat_message *message)
{
    buffer_free(&message->texts);
}
