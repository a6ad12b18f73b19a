/* The connection: bytes in, requests out; and its life. See connection.h, internal.h. */
#include "systems/chat/protocol/connection.h"

#include <stdlib.h>

#include "base/assert.h"
#include "systems/chat/protocol/internal.h"

enum { IN_KEEP_MAX = 2048 };

#define PING_US UINT64_C(25000000)
#define SILENCE_US UINT64_C(40000000)

static void *chat_open(const struct protocol_config *config)
{
    struct chat_connection *connection = calloc(1, sizeof *connection);
    ASSERT(connection != NULL);
    connection->options = config->options;
    connection->facts = config->facts;
    connection->draws = config->draws;
    connection->reads = config->reads;
    connection->parser = calloc(1, sizeof *connection->parser);
    ASSERT(connection->parser != NULL);
    list_init(&connection->asked);
    list_init(&connection->rooms);
    return connection;
}

static void forget_parser(struct chat_connection *connection)
{
    if (connection->parser == NULL) return;
    http_parser_free(connection->parser);
    free(connection->parser);
    connection->parser = NULL;
}

static void chat_close(void *opened)
{
    struct chat_connection *connection = opened;
    while (!list_empty(&connection->asked)) {
        struct errand_asked *asked = LIST_ITEM(connection->asked.next, struct errand_asked, all);
        list_remove(&asked->all);
        free(asked);
    }
    rooms_forget(connection);
    forget_parser(connection);
    websocket_free(&connection->websocket);
    buffer_free(&connection->in);
    buffer_free(&connection->queue);
    buffer_free(&connection->command);
    buffer_free(&connection->hello_rooms);
    free(connection);
}

/* --- the end --- */

/* Nothing that was said, or would be, matters any more. */
static void over(struct chat_connection *connection)
{
    connection->stage = STAGE_OVER;
    websocket_ignore(&connection->websocket);
    buffer_free(&connection->in);
    buffer_free(&connection->queue);
}

void connection_end(struct chat_connection *connection, unsigned code, const char *reason,
                    struct buffer *out)
{
    if (connection->stage == STAGE_OVER) return;
    if (connection->stage != STAGE_HTTP) {
        websocket_close_write(code, slice_text(reason), NULL, out);
    }
    over(connection);
}

void connection_end_in_turn(struct chat_connection *connection, unsigned code, const char *reason)
{
    struct buffer frame = {0};
    websocket_close_write(code, slice_text(reason), NULL, &frame);
    websocket_ignore(&connection->websocket);
    request_say(connection, buffer_slice(&frame), true);
    buffer_free(&frame);
}

/* --- bytes --- */

static void feed_http(struct chat_connection *connection, struct slice bytes, size_t *used)
{
    struct http_request request;
    unsigned status = 0;
    switch (http_parse(connection->parser, bytes, used, &request, &status)) {
    case HTTP_PARTIAL: break;
    case HTTP_CONTINUE:
    case HTTP_REQUEST: door_take(connection, &request); break;
    case HTTP_REFUSED: door_refuse(connection, status, "this is no request of HTTP/1.1\n"); break;
    }
    if (connection->stage != STAGE_HTTP) forget_parser(connection);
}

static void feed_websocket(struct chat_connection *connection, struct slice bytes, size_t *used)
{
    struct slice payload;
    unsigned code = 0;
    struct buffer frame = {0};
    switch (websocket_read(&connection->websocket, bytes, used, &payload, &code)) {
    case WEBSOCKET_PARTIAL:
    case WEBSOCKET_PONG: break;
    case WEBSOCKET_TEXT: talk_take(connection, payload); break;
    case WEBSOCKET_BINARY:
        connection_end_in_turn(connection, WEBSOCKET_UNSUPPORTED, "texts only");
        break;
    case WEBSOCKET_PING:
        websocket_write(WEBSOCKET_OP_PONG, true, payload, NULL, &frame);
        request_say(connection, buffer_slice(&frame), false);
        break;
    case WEBSOCKET_CLOSE:
    case WEBSOCKET_REFUSED: connection_end_in_turn(connection, code, ""); break;
    }
    buffer_free(&frame);
}

/* Takes one request or frame off the front, or all that is there; returns how much. */
static size_t feed(struct chat_connection *connection, struct slice bytes)
{
    size_t used = 0;
    if (connection->stage == STAGE_HTTP) {
        feed_http(connection, bytes, &used);
    } else {
        feed_websocket(connection, bytes, &used);
    }
    return used;
}

/* Behind those that wait. */
static void keep(struct chat_connection *connection, struct slice *bytes)
{
    if (connection->stage != STAGE_OVER) buffer_append_slice(&connection->in, *bytes);
    *bytes = slice_of(NULL, 0);
    if (connection->in.size <= CHAT_HELD_SIZE_MAX) return;
    buffer_free(&connection->in);
    connection_end_in_turn(connection, CHAT_CLOSE_TOO_MUCH, "wait for answers");
}

/* False: nothing more can be taken now. */
static bool feed_some(struct chat_connection *connection, struct slice *bytes)
{
    struct buffer *in = &connection->in;
    if (connection->stage == STAGE_GREETING || in->size != 0) keep(connection, bytes);
    if (connection->stage == STAGE_GREETING) return connection->queue.size != 0;
    if (in->size != 0) {
        buffer_consume(in, feed(connection, buffer_slice(in)));
        if (in->size == 0 && in->capacity > IN_KEEP_MAX) buffer_free(in);
        return true;
    }
    if (bytes->size == 0) return connection->queue.size != 0;
    size_t used = feed(connection, *bytes);
    *bytes = slice_of(bytes->data + used, bytes->size - used);
    return true;
}

static enum protocol_request_kind chat_next(void *opened, struct slice *bytes,
                                            struct protocol_request *request)
{
    struct chat_connection *connection = opened;
    if (bytes->size != 0) connection->heard = true;
    if (request == NULL) {
        keep(connection, bytes);
        return PROTOCOL_NONE;
    }
    *request = (struct protocol_request){.kind = PROTOCOL_NONE};
    while (connection->stage != STAGE_OVER) {
        if (request_take(connection, request)) {
            if (request->kind == PROTOCOL_CLOSE) over(connection);
            return request->kind;
        }
        if (!feed_some(connection, bytes)) return PROTOCOL_NONE;
    }
    *bytes = slice_of(NULL, 0);
    return PROTOCOL_NONE;
}

static bool chat_more(const void *opened)
{
    const struct chat_connection *connection = opened;
    if (connection->stage == STAGE_OVER) return false;
    return connection->queue.size != 0 ||
           (connection->in.size != 0 && connection->stage != STAGE_GREETING);
}

/* --- what is said --- */

static void drained(struct chat_connection *connection, struct buffer *out)
{
    if (!connection->draining || !list_empty(&connection->asked)) return;
    connection_end(connection, WEBSOCKET_GOING_AWAY, "this node stops", out);
}

static void chat_answer(void *opened, uint64_t token, const void *payload, struct buffer *out)
{
    struct chat_connection *connection = opened;
    if (connection->stage == STAGE_OVER) return;
    talk_answer(connection, token, payload, out);
    drained(connection, out);
}

static void chat_refuse(void *opened, uint64_t token, enum protocol_refusal why, struct buffer *out)
{
    struct chat_connection *connection = opened;
    if (connection == NULL) {
        door_full(out);
        return;
    }
    if (connection->stage == STAGE_OVER) return;
    talk_refuse(connection, token, why, out);
    drained(connection, out);
}

static void chat_push(void *opened, uint64_t token, const void *payload, struct buffer *out)
{
    struct chat_connection *connection = opened;
    const struct chat_news *news = payload;
    if (connection->stage == STAGE_OVER) return;
    if (news->kind == CHAT_NEWS_REPLACED) {
        connection_end(connection, CHAT_CLOSE_REPLACED, "another connection owns this client", out);
    } else {
        room_hear(connection, token, news, out);
    }
}

static void chat_drain(void *opened, struct buffer *out)
{
    struct chat_connection *connection = opened;
    if (connection->stage == STAGE_OPEN) {
        size_t begin = websocket_text_begin(out);
        chat_say_bye(0, out);
        websocket_text_end(begin, out);
    }
    connection->draining = true;
    drained(connection, out);
}

/* --- time --- */

static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static void say_status(struct chat_connection *connection, struct buffer *out)
{
    bool leader = connection->facts == NULL || connection->facts->leader != 0;
    if (leader == connection->leader) return;
    connection->leader = leader;
    size_t begin = websocket_text_begin(out);
    chat_say_status(leader, out);
    websocket_text_end(begin, out);
}

/* When silence is to be looked at next. */
static uint64_t turn_open(struct chat_connection *connection, uint64_t now_us, struct buffer *out)
{
    const struct chat_protocol_options *options = connection->options;
    uint64_t ping_us = connection->heard_us + or_else(options ? options->ping_us : 0, PING_US);
    uint64_t silence_us =
        connection->heard_us + or_else(options ? options->silence_us : 0, SILENCE_US);
    say_status(connection, out);
    if (now_us >= silence_us) {
        connection_end(connection, CHAT_CLOSE_SILENT, "nothing was heard", out);
        return PROTOCOL_TURN_CLOSE;
    }
    if (now_us >= ping_us && !connection->pinged) {
        websocket_write(WEBSOCKET_OP_PING, true, slice_of(NULL, 0), NULL, out);
        connection->pinged = true;
    }
    return connection->pinged ? silence_us : ping_us;
}

static uint64_t chat_turn(void *opened, uint64_t now_us, struct buffer *out)
{
    struct chat_connection *connection = opened;
    if (connection->since_us == 0) connection->since_us = now_us;
    if (connection->heard) {
        connection->heard = false;
        connection->pinged = false;
        connection->heard_us = now_us;
    }
    if (connection->shed) connection_end(connection, WEBSOCKET_TRY_LATER, "memory is short", out);
    switch (connection->stage) {
    case STAGE_HTTP:
    case STAGE_NEW:
        if (now_us < connection->since_us + CHAT_GREETING_US) {
            return connection->since_us + CHAT_GREETING_US;
        }
        connection_end(connection, CHAT_CLOSE_SILENT, "say hello", out);
        return PROTOCOL_TURN_CLOSE;
    case STAGE_GREETING: return UINT64_MAX; /* the node refuses what takes too long */
    case STAGE_OPEN: return turn_open(connection, now_us, out);
    case STAGE_OVER: break;
    }
    return PROTOCOL_TURN_CLOSE;
}

/* --- memory --- */

static size_t chat_held(const void *opened)
{
    const struct chat_connection *connection = opened;
    size_t held = connection->in.capacity + connection->queue.capacity +
                  connection->command.capacity + websocket_held(&connection->websocket);
    return connection->parser == NULL ? held : held + connection->parser->bytes.capacity;
}

static void chat_shed(void *opened)
{
    struct chat_connection *connection = opened;
    websocket_ignore(&connection->websocket);
    buffer_free(&connection->in);
    if (connection->parser != NULL) http_parser_free(connection->parser);
    connection->shed = true; /* it is closed in this turn */
}

const struct protocol_ops chat_protocol_ops = {
    .name = "chat",
    .tells_unknown = true,
    .open = chat_open,
    .close = chat_close,
    .next = chat_next,
    .answer = chat_answer,
    .refuse = chat_refuse,
    .more = chat_more,
    .push = chat_push,
    .turn = chat_turn,
    .drain = chat_drain,
    .held = chat_held,
    .shed = chat_shed,
};
