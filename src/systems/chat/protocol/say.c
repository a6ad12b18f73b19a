/* Writes what the server says. See say.h. */
#include "systems/chat/protocol/say.h"

#include "base/assert.h"
#include "wire/json.h"
#include "wire/websocket.h"

enum { HEARTBEAT_S = 25 };

static struct json begin(const char *type, struct buffer *out)
{
    struct json json = json_of(out);
    json_object_begin(&json);
    json_member_text(&json, "type", type);
    return json;
}

static void member_slice(struct json *json, const char *key, struct slice text)
{
    json_key(json, key);
    json_string(json, text);
}

static struct json begin_answer(const char *type, uint64_t id, struct slice room,
                                struct buffer *out)
{
    struct json json = begin(type, out);
    if (id != UINT64_MAX) json_member_unsigned(&json, "id", id);
    if (room.size != 0) member_slice(&json, "room", room);
    return json;
}

/* --- errors --- */

/* Those that a second attempt may get over. */
static bool worth_retrying(const char *code)
{
    static const char *const codes[] = {
        "no_leader", "busy", "full", "draining", "unknown", "slow_down",
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (slice_equal(slice_text(code), slice_text(codes[i]))) return true;
    }
    return false;
}

static void say_error(uint64_t id, struct slice room, const char *code, const char *message,
                      uint64_t after_ms, struct buffer *out)
{
    struct json json = begin_answer("error", id, room, out);
    json_member_text(&json, "code", code);
    json_member_text(&json, "message", message);
    json_member_bool(&json, "retry", worth_retrying(code));
    if (after_ms != 0) json_member_unsigned(&json, "after_ms", after_ms);
    json_object_end(&json);
}

void chat_say_error(uint64_t id, const char *code, const char *message, uint64_t after_ms,
                    struct buffer *out)
{
    say_error(id, slice_of(NULL, 0), code, message, after_ms, out);
}

void chat_say_refusal(const struct chat_asked *asked, const char *code, const char *message,
                      struct buffer *out)
{
    struct slice room = asked->id == UINT64_MAX ? asked->room : slice_of(NULL, 0);
    say_error(asked->id, room, code, message, 0, out);
}

void chat_say_mistake(const struct chat_mistake *mistake, struct buffer *out)
{
    chat_say_error(mistake->id, mistake->code, mistake->what, 0, out);
}

static void say_refused(const struct chat_asked *asked, enum chat_error error, struct buffer *out)
{
    static const struct {
        const char *code, *message;
    } errors[] = {
        [CHAT_ERROR_NONE] = {"busy", "try again"},
        [CHAT_ERROR_ID_TOO_OLD] = {"id_too_old", "32 or more later ids were accepted: whether this "
                                                 "one was, nobody knows"},
        [CHAT_ERROR_ID_REUSED] = {"id_reused", "this id did something else: count on"},
        [CHAT_ERROR_CLIENT_FORGOTTEN] = {"client_forgotten", "this client may have been forgotten: "
                                                             "whether it posted, nobody knows"},
        [CHAT_ERROR_BAD_CLIENT] = {"bad_client", "there is no such client, or the secret is wrong"},
        [CHAT_ERROR_REPLACED] = {"replaced", "another connection owns this client now"},
        [CHAT_ERROR_TOO_BIG] = {"too_big", "a text or data has at most 16384 bytes"},
        [CHAT_ERROR_EMPTY] = {"empty", "say something"},
        [CHAT_ERROR_NO_SUCH_POST] = {"no_such_post", "no such post is kept, or it is deleted"},
        [CHAT_ERROR_NO_SUCH_EVENT] = {"no_such_event", "the room has not come that far"},
        [CHAT_ERROR_NOT_YOURS] = {"not_yours", "somebody else posted it"},
        [CHAT_ERROR_TOO_MANY_ROOMS] = {"too_many_rooms", "leave a room first, or use another"},
        [CHAT_ERROR_FULL] = {"full", "there is no room for more now"},
    };
    chat_say_refusal(asked, errors[error].code, errors[error].message, out);
}

/* --- events --- */

static void put_key(struct json *json, const char *name, uint64_t high, uint64_t low)
{
    json_key(json, name);
    json_raw(json, slice_text("\""));
    buffer_append_hex(json->out, high, 16);
    buffer_append_hex(json->out, low, 16);
    buffer_append_text(json->out, "\"");
}

static void member_body(struct json *json, const struct chat_event *event)
{
    if (event->form == CHAT_DATA) {
        json_key(json, "data");
        json_raw(json, event->body);
    } else {
        member_slice(json, "text", event->body);
    }
}

/* In an object that has begun; a post's page leaves out what all in it share. */
static void put_event(struct json *json, const struct chat_event *event)
{
    static const char *const kinds[] = {
        [CHAT_EVENT_POST] = "post", [CHAT_EVENT_EDIT] = "edit", [CHAT_EVENT_DELETE] = "delete"};
    json_member_unsigned(json, "seq", event->seq);
    json_member_unsigned(json, "time", event->wall_us / 1000);
    json_member_text(json, "kind", kinds[event->kind]);
    member_slice(json, "user", event->user);
    put_key(json, "client", event->client.stamp, event->client.number);
    json_member_unsigned(json, "id", event->id);
    if (event->kind != CHAT_EVENT_POST) json_member_unsigned(json, "of", event->of);
    bool has_body = event->kind != CHAT_EVENT_DELETE && !event->deleted;
    if (has_body) member_body(json, event);
    if (event->edited) json_member_bool(json, "edited", true);
    if (event->deleted && event->kind != CHAT_EVENT_DELETE) json_member_bool(json, "deleted", true);
}

void chat_say_event(struct slice room, const struct chat_event *event, struct buffer *out)
{
    struct json json = begin_answer("event", UINT64_MAX, room, out);
    put_event(&json, event);
    json_object_end(&json);
}

void chat_say_gap(struct slice room, uint64_t from, uint64_t to, struct buffer *out)
{
    struct json json = begin_answer("gap", UINT64_MAX, room, out);
    json_member_unsigned(&json, "from", from);
    json_member_unsigned(&json, "to", to);
    json_object_end(&json);
}

/* --- answers --- */

static void put_limits(struct json *json)
{
    json_key(json, "limits");
    json_object_begin(json);
    json_member_unsigned(json, "message", WEBSOCKET_MESSAGE_SIZE_MAX);
    json_member_unsigned(json, "text", CHAT_BODY_SIZE_MAX);
    json_member_unsigned(json, "rooms", CHAT_SESSION_ROOMS);
    json_member_unsigned(json, "in_flight", CHAT_WINDOW);
    json_object_end(json);
}

void chat_say_welcome(const struct chat_welcome *welcome, struct buffer *out)
{
    static const char *const features[] = {"edit", "history", "presence", "read"};
    struct json json = begin_answer("welcome", welcome->id, slice_of(NULL, 0), out);
    json_key(&json, "epoch");
    json_hex(&json, welcome->epoch, 16);
    put_key(&json, "client", welcome->client.stamp, welcome->client.number);
    put_key(&json, "secret", welcome->secret[0], welcome->secret[1]);
    member_slice(&json, "user", welcome->user);
    json_member_unsigned(&json, "node", welcome->node);
    json_key(&json, "endpoints");
    json_array_begin(&json);
    for (uint32_t i = 0; i < welcome->endpoints_count; i++) {
        json_text(&json, welcome->endpoints[i]);
    }
    json_array_end(&json);
    json_member_unsigned(&json, "heartbeat_s",
                         welcome->heartbeat_s != 0 ? welcome->heartbeat_s : HEARTBEAT_S);
    put_limits(&json);
    json_key(&json, "features");
    json_array_begin(&json);
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) json_text(&json, features[i]);
    json_array_end(&json);
    json_object_end(&json);
}

static void put_presence(struct json *json, const struct chat_room_state *state)
{
    json_member_unsigned(json, "version", state->version);
    json_member_unsigned(json, "count", state->count);
}

void chat_say_joined(const struct chat_asked *asked, const struct chat_room_state *state,
                     struct buffer *out)
{
    struct json json = begin_answer("joined", asked->id, asked->room, out);
    json_member_unsigned(&json, "seq", state->seq);
    json_member_unsigned(&json, "first", state->first);
    if (asked->presence != CHAT_PRESENCE_NONE) {
        json_key(&json, "presence");
        json_object_begin(&json);
        put_presence(&json, state);
        json_object_end(&json);
    }
    json_object_end(&json);
}

static void say_ack(const struct chat_asked *asked, const struct chat_reply *reply,
                    struct buffer *out)
{
    struct json json = begin_answer("ack", asked->id, asked->room, out);
    json_member_unsigned(&json, "seq", reply->seq);
    json_member_unsigned(&json, "time", reply->wall_us / 1000);
    if (reply->duplicate) json_member_bool(&json, "duplicate", true);
    json_object_end(&json);
}

static void say_history(const struct chat_asked *asked, const struct chat_reply *reply,
                        struct buffer *out)
{
    struct json json = begin_answer("history", asked->id, asked->room, out);
    json_key(&json, "events");
    json_array_begin(&json);
    for (uint32_t i = 0; i < reply->events_count; i++) {
        json_object_begin(&json);
        put_event(&json, &reply->events[i]);
        json_object_end(&json);
    }
    json_array_end(&json);
    if (reply->seq != 0) json_member_unsigned(&json, "before", reply->seq);
    json_object_end(&json);
}

static void say_users(const struct chat_asked *asked, const struct chat_reply *reply,
                      struct buffer *out)
{
    struct json json = begin_answer("presence", asked->id, asked->room, out);
    put_presence(&json, &reply->room);
    json_key(&json, "users");
    json_array_begin(&json);
    for (uint32_t i = 0; i < reply->users_count; i++) json_string(&json, reply->users[i]);
    json_array_end(&json);
    if (reply->more) json_member_bool(&json, "more", true);
    json_object_end(&json);
}

void chat_say_answer(const struct chat_asked *asked, const struct chat_reply *reply,
                     struct buffer *out)
{
    struct json json;
    switch (reply->kind) {
    case CHAT_REPLY_ERROR: say_refused(asked, reply->error, out); return;
    case CHAT_REPLY_ACK: say_ack(asked, reply, out); return;
    case CHAT_REPLY_HISTORY: say_history(asked, reply, out); return;
    case CHAT_REPLY_PRESENCE: say_users(asked, reply, out); return;
    case CHAT_REPLY_READ:
        json = begin_answer("read", asked->id, asked->room, out);
        json_member_unsigned(&json, "seq", reply->seq);
        json_object_end(&json);
        return;
    case CHAT_REPLY_ROOM:
        if (asked->type == CHAT_MESSAGE_JOIN) {
            chat_say_joined(asked, &reply->room, out);
            return;
        }
        json = begin_answer("left", asked->id, asked->room, out);
        json_object_end(&json);
        return;
    case CHAT_REPLY_ATTACHED:
    case CHAT_REPLY_STAMP: break; /* asked by the node itself */
    }
    ASSERT(false);
}

/* --- unasked --- */

static void put_users(struct json *json, const char *key, const struct chat_change *changes,
                      uint32_t count, bool joined)
{
    json_key(json, key);
    json_array_begin(json);
    for (uint32_t i = 0; i < count; i++) {
        if (changes[i].joined == joined) json_string(json, changes[i].user);
    }
    json_array_end(json);
}

void chat_say_presence(struct slice room, const struct chat_room_state *state, uint64_t was,
                       const struct chat_change *changes, uint32_t changes_count,
                       struct buffer *out)
{
    struct json json = begin_answer("presence", UINT64_MAX, room, out);
    json_member_unsigned(&json, "version", state->version);
    json_member_unsigned(&json, "was", was);
    json_member_unsigned(&json, "count", state->count);
    if (changes != NULL) {
        put_users(&json, "joined", changes, changes_count, true);
        put_users(&json, "left", changes, changes_count, false);
    }
    json_object_end(&json);
}

void chat_say_pong(uint64_t id, struct buffer *out)
{
    struct json json = begin_answer("pong", id, slice_of(NULL, 0), out);
    json_object_end(&json);
}

void chat_say_typing(struct slice room, struct slice user, struct buffer *out)
{
    struct json json = begin_answer("typing", UINT64_MAX, room, out);
    member_slice(&json, "user", user);
    json_object_end(&json);
}

void chat_say_status(bool leader, struct buffer *out)
{
    struct json json = begin("status", out);
    json_member_bool(&json, "leader", leader);
    json_object_end(&json);
}

void chat_say_bye(uint64_t wait_ms, struct buffer *out)
{
    struct json json = begin("bye", out);
    json_member_unsigned(&json, "wait_ms", wait_ms);
    json_object_end(&json);
}
