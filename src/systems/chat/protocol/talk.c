/* Messages to requests, replies to messages. `hello` takes two steps, three with a new client: the
 * node asks its machine for a stamp, makes an identity of it, and attaches that by the log. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/chat/protocol/internal.h"

enum {
    STAMPS_MAX = 3, /* a stamp may have been forgotten by the time that it is used */
    GUEST_DIGITS = 8,
};

uint64_t talk_ask(struct chat_connection *connection, enum errand errand,
                  const struct chat_asked *asked, uint64_t after, uint64_t last)
{
    struct errand_asked *made = calloc(1, sizeof *made + asked->room.size);
    ASSERT(made != NULL);
    made->token = ++connection->token;
    made->errand = errand;
    made->asked = *asked;
    made->asked.room = slice_of(made->room, asked->room.size);
    made->after = after;
    made->last = last;
    if (asked->room.size != 0) memcpy(made->room, asked->room.data, asked->room.size);
    list_append(&connection->asked, &made->all);
    return made->token;
}

/* The caller frees it. */
static struct errand_asked *asked_take(struct chat_connection *connection, uint64_t token)
{
    for (struct list *at = connection->asked.next; at != &connection->asked; at = at->next) {
        struct errand_asked *asked = LIST_ITEM(at, struct errand_asked, all);
        if (asked->token != token) continue;
        list_remove(&asked->all);
        return asked;
    }
    return NULL;
}

/* --- saying --- */

static void say_error(struct chat_connection *connection, uint64_t id, const char *code,
                      const char *message)
{
    struct buffer text = {0};
    size_t begin = websocket_text_begin(&text);
    chat_say_error(id, code, message, 0, &text);
    websocket_text_end(begin, &text);
    request_say(connection, buffer_slice(&text), false);
    buffer_free(&text);
}

static void say_mistake(struct chat_connection *connection, const struct chat_mistake *mistake)
{
    say_error(connection, mistake->id, mistake->code, mistake->what);
}

static struct slice user_of(const struct chat_connection *connection)
{
    return slice_of(connection->user, connection->user_size);
}

/* --- hello --- */

static void ask_stamp(struct chat_connection *connection)
{
    const struct chat_asked nothing = {.id = connection->hello_id};
    connection->stamps_asked++;
    request_query(connection, talk_ask(connection, ERRAND_STAMP, &nothing, 0, 0),
                  PROTOCOL_READ_LOCAL, &(struct chat_command){.op = CHAT_STAMP});
}

static void ask_attach(struct chat_connection *connection)
{
    const struct chat_asked nothing = {.id = connection->hello_id};
    struct chat_command command = {.op = CHAT_ATTACH, .client = connection->client};
    memcpy(command.secret, connection->secret, sizeof command.secret);
    request_propose(connection, talk_ask(connection, ERRAND_ATTACH, &nothing, 0, 0), &command);
}

static void make_client(struct chat_connection *connection, uint64_t stamp)
{
    uint8_t drawn[32];
    protocol_draw(connection->draws, drawn);
    connection->client = (struct chat_client_key){stamp, load_u64(drawn)};
    connection->secret[0] = load_u64(drawn + 8);
    connection->secret[1] = load_u64(drawn + 16);
}

static void name_guest(struct chat_connection *connection)
{
    struct buffer name = {0};
    if (connection->user_size != 0) return;
    buffer_append_text(&name, "guest-");
    buffer_append_hex(&name, connection->client.number & UINT32_MAX, GUEST_DIGITS);
    connection->user_size = (uint8_t)name.size;
    memcpy(connection->user, buffer_slice(&name).data, name.size);
    buffer_free(&name);
}

static void keep_rooms(struct chat_connection *connection, const struct chat_message *message,
                       bool same_epoch)
{
    struct buffer *rooms = &connection->hello_rooms;
    buffer_clear(rooms);
    for (uint32_t i = 0; i < message->rooms_count; i++) {
        const struct chat_message_room *room = &message->rooms[i];
        buffer_put_u8(rooms, (uint8_t)room->room.size);
        buffer_append_slice(rooms, room->room);
        buffer_put_u64(rooms, same_epoch ? room->after : 0);
    }
}

static void take_hello(struct chat_connection *connection, const struct chat_message *message)
{
    uint64_t cluster = connection->facts == NULL ? 0 : connection->facts->cluster;
    struct buffer epoch = {0};
    if (connection->stage != STAGE_NEW) {
        say_error(connection, message->id, "bad_message", "hello was said already");
        return;
    }
    if (cluster == 0) {
        say_error(connection, message->id, "no_leader", "the cluster is not founded yet");
        return;
    }
    buffer_append_hex(&epoch, cluster, 16);
    bool same = message->epoch.size == 0 || slice_equal(message->epoch, buffer_slice(&epoch));
    buffer_free(&epoch);
    connection->stage = STAGE_GREETING;
    connection->hello_id = message->id;
    connection->stamps_asked = 0;
    connection->user_size = (uint8_t)message->user.size;
    if (message->user.size != 0) {
        memcpy(connection->user, message->user.data, message->user.size);
    }
    keep_rooms(connection, message, same);
    if (message->has_client && same) {
        connection->client = message->client;
        memcpy(connection->secret, message->secret, sizeof connection->secret);
        ask_attach(connection);
    } else {
        ask_stamp(connection);
    }
}

static void ask_enter(struct chat_connection *connection, const struct chat_asked *asked,
                      uint64_t after, uint64_t last)
{
    struct chat_command command = {.op = CHAT_ENTER, .room = asked->room};
    command.user = user_of(connection);
    request_propose(connection, talk_ask(connection, ERRAND_MESSAGE, asked, after, last), &command);
}

static void greet(struct chat_connection *connection, uint64_t session, struct buffer *out)
{
    const struct chat_watch owner = {
        .kind = CHAT_WATCH_OWNER, .after = session, .client = connection->client};
    name_guest(connection);
    connection->stage = STAGE_OPEN;
    connection->since_us = 0;
    connection->leader = true;
    struct chat_welcome welcome = {
        .id = connection->hello_id,
        .epoch = connection->facts->cluster,
        .node = connection->facts->node,
        .client = connection->client,
        .secret = {connection->secret[0], connection->secret[1]},
        .user = user_of(connection),
    };
    const struct chat_protocol_options *options = connection->options;
    if (options != NULL) {
        welcome.endpoints = options->endpoints;
        welcome.endpoints_count = options->endpoints_count;
        welcome.heartbeat_s = options->ping_us / 1000000;
    }
    size_t begin = websocket_text_begin(out);
    chat_say_welcome(&welcome, out);
    websocket_text_end(begin, out);
    connection->owner_token = ++connection->token;
    request_watch(connection, connection->owner_token, &owner);
    struct reader rooms = reader_of(buffer_slice(&connection->hello_rooms));
    while (rooms.bytes.size != 0) {
        struct chat_asked join = {.type = CHAT_MESSAGE_JOIN, .id = UINT64_MAX};
        join.room = read_exactly(&rooms, read_u8(&rooms));
        ask_enter(connection, &join, read_u64(&rooms), UINT64_MAX);
    }
    buffer_free(&connection->hello_rooms);
}

/* Of an identity that the node made just now. */
static bool stamp_was_too_old(const struct chat_connection *connection,
                              const struct chat_reply *reply)
{
    return reply->error == CHAT_ERROR_CLIENT_FORGOTTEN && connection->stamps_asked != 0 &&
           connection->stamps_asked < STAMPS_MAX;
}

/* --- messages --- */

static void take_join(struct chat_connection *connection, const struct chat_message *message)
{
    struct chat_asked asked = chat_asked_of(message);
    ask_enter(connection, &asked, message->after, message->last);
}

static void take_post(struct chat_connection *connection, const struct chat_message *message)
{
    static const enum chat_op ops[] = {[CHAT_MESSAGE_POST] = CHAT_POST,
                                       [CHAT_MESSAGE_EDIT] = CHAT_EDIT,
                                       [CHAT_MESSAGE_DELETE] = CHAT_DELETE};
    struct chat_asked asked = chat_asked_of(message);
    struct chat_command command = {
        .op = ops[message->type],
        .id = message->id,
        .room = message->room,
        .user = user_of(connection),
        .form = message->form,
        .body = message->body,
    };
    if (message->type != CHAT_MESSAGE_POST) command.seq = message->seq;
    request_propose(connection, talk_ask(connection, ERRAND_MESSAGE, &asked, 0, 0), &command);
}

static void take_leave(struct chat_connection *connection, const struct chat_message *message)
{
    struct chat_asked asked = chat_asked_of(message);
    room_leave(connection, message->room);
    request_propose(connection, talk_ask(connection, ERRAND_MESSAGE, &asked, 0, 0),
                    &(struct chat_command){.op = CHAT_LEAVE, .room = message->room});
}

static void take_read(struct chat_connection *connection, const struct chat_message *message)
{
    struct chat_asked asked = chat_asked_of(message);
    struct chat_command command = {.op = CHAT_READ, .room = message->room, .seq = message->seq};
    command.user = user_of(connection);
    request_propose(connection, talk_ask(connection, ERRAND_MESSAGE, &asked, 0, 0), &command);
}

static void take_question(struct chat_connection *connection, const struct chat_message *message)
{
    struct chat_asked asked = chat_asked_of(message);
    struct chat_command command = {.op = CHAT_PRESENCE, .room = message->room};
    if (message->type == CHAT_MESSAGE_HISTORY) {
        command.op = CHAT_HISTORY;
        command.seq = message->before;
        command.limit =
            message->limit < CHAT_PAGE_EVENTS ? (uint32_t)message->limit : CHAT_PAGE_EVENTS;
    } else {
        command.user = message->from_user;
    }
    request_query(connection, talk_ask(connection, ERRAND_MESSAGE, &asked, 0, 0), connection->reads,
                  &command);
}

static void take_ping(struct chat_connection *connection, const struct chat_message *message)
{
    struct buffer text = {0};
    size_t begin = websocket_text_begin(&text);
    chat_say_pong(message->id, &text);
    websocket_text_end(begin, &text);
    request_say(connection, buffer_slice(&text), false);
    buffer_free(&text);
}

static void take_message(struct chat_connection *connection, const struct chat_message *message)
{
    switch (message->type) {
    case CHAT_MESSAGE_HELLO: take_hello(connection, message); return;
    case CHAT_MESSAGE_JOIN: take_join(connection, message); return;
    case CHAT_MESSAGE_LEAVE: take_leave(connection, message); return;
    case CHAT_MESSAGE_POST:
    case CHAT_MESSAGE_EDIT:
    case CHAT_MESSAGE_DELETE: take_post(connection, message); return;
    case CHAT_MESSAGE_HISTORY:
    case CHAT_MESSAGE_PRESENCE: take_question(connection, message); return;
    case CHAT_MESSAGE_READ: take_read(connection, message); return;
    case CHAT_MESSAGE_PING: take_ping(connection, message); return;
    case CHAT_MESSAGE_TYPING: /* not passed on yet: `features` does not name it */
    case CHAT_MESSAGE_TYPES: return;
    }
}

void talk_take(struct chat_connection *connection, struct slice text)
{
    struct chat_message message = {0};
    struct chat_mistake mistake;
    if (!chat_message_read(text, &message, &mistake)) {
        say_mistake(connection, &mistake);
    } else if (connection->stage == STAGE_NEW && message.type != CHAT_MESSAGE_HELLO) {
        say_error(connection, message.id, "hello_first", "say hello first");
    } else {
        take_message(connection, &message);
    }
    chat_message_free(&message);
}

/* --- answers --- */

static void say_answer(const struct errand_asked *asked, const struct chat_reply *reply,
                       struct buffer *out)
{
    size_t begin = websocket_text_begin(out);
    chat_say_answer(&asked->asked, reply, out);
    websocket_text_end(begin, out);
}

static void answer_attach(struct chat_connection *connection, const struct errand_asked *asked,
                          const struct chat_reply *reply, struct buffer *out)
{
    if (reply->kind == CHAT_REPLY_ATTACHED) {
        greet(connection, reply->seq, out);
    } else if (stamp_was_too_old(connection, reply)) {
        ask_stamp(connection);
    } else {
        connection->stage = STAGE_NEW;
        say_answer(asked, reply, out);
    }
}

static void answer_join(struct chat_connection *connection, const struct errand_asked *asked,
                        const struct chat_reply *reply, struct buffer *out)
{
    bool ahead = asked->after != UINT64_MAX && asked->after > reply->room.seq;
    if (reply->kind != CHAT_REPLY_ROOM) {
        say_answer(asked, reply, out);
    } else if (!ahead) {
        room_join(connection, asked);
    } else {
        size_t begin = websocket_text_begin(out);
        chat_say_refusal(&asked->asked, "ahead", "the room has not come that far", out);
        websocket_text_end(begin, out);
        if (room_is_here(connection, asked->asked.room)) return;
        request_propose(connection, talk_ask(connection, ERRAND_QUIETLY, &asked->asked, 0, 0),
                        &(struct chat_command){.op = CHAT_LEAVE, .room = asked->asked.room});
    }
}

void talk_answer(struct chat_connection *connection, uint64_t token, const struct chat_reply *reply,
                 struct buffer *out)
{
    struct errand_asked *asked = asked_take(connection, token);
    ASSERT(asked != NULL);
    switch (asked->errand) {
    case ERRAND_STAMP:
        make_client(connection, reply->seq);
        ask_attach(connection);
        break;
    case ERRAND_ATTACH: answer_attach(connection, asked, reply, out); break;
    case ERRAND_MESSAGE:
        if (asked->asked.type == CHAT_MESSAGE_JOIN) {
            answer_join(connection, asked, reply, out);
        } else {
            say_answer(asked, reply, out);
        }
        break;
    case ERRAND_QUIETLY: break;
    }
    free(asked);
}

void talk_refuse(struct chat_connection *connection, uint64_t token, enum protocol_refusal why,
                 struct buffer *out)
{
    static const struct {
        const char *code, *message;
    } refusals[] = {
        [PROTOCOL_REFUSED_NO_LEADER] = {"no_leader", "no node leads now: it was not done"},
        [PROTOCOL_REFUSED_FULL] = {"full", "disk or memory is full: deletions work"},
        [PROTOCOL_REFUSED_BUSY] = {"busy", "too much is under way: it was not done"},
        [PROTOCOL_REFUSED_DRAINING] = {"draining", "this node stops: connect to another"},
        [PROTOCOL_REFUSED_UNKNOWN] = {"unknown", "it may have been done: send it again with the "
                                                 "same id"},
    };
    if (room_refused(connection, token, out)) return;
    struct errand_asked *asked = asked_take(connection, token);
    if (asked == NULL) return; /* the watch of who owns the client */
    bool greeting = asked->errand == ERRAND_STAMP || asked->errand == ERRAND_ATTACH;
    if (greeting) connection->stage = STAGE_NEW;
    if (asked->errand != ERRAND_QUIETLY) {
        size_t begin = websocket_text_begin(out);
        chat_say_refusal(&asked->asked, refusals[why].code, refusals[why].message, out);
        websocket_text_end(begin, out);
    }
    free(asked);
}
