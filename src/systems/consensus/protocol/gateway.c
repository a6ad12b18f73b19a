/* The gateway's connections: HTTP requests to commands, replies to responses. See gateway.h.
 *
 * The protocol is ordered, so nothing has to be remembered of a request but its token: what it asks
 * for, and how the client reads its answer. */
#include "systems/consensus/protocol/gateway.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/consensus/protocol/request.h"
#include "systems/consensus/protocol/response.h"
#include "systems/consensus/protocol/stream.h"
#include "wire/http1_host.h"

enum { COMMAND_KEEP_MAX = 2048 }; /* bytes, between requests */

/* A token: bits. */
enum {
    TOKEN_KEEP_ALIVE = 1,
    TOKEN_HEAD_ONLY = 2,
    TOKEN_HEALTH = 4, /* answered in the words of /health */
    TOKEN_1_0 = 8,
    TOKEN_STREAM = 16,    /* the answer is a line of a stream, */
    TOKEN_FIRST = 32,     /* whose head comes before it, */
    TOKEN_LAST = 64,      /* and whose end behind it */
    TOKEN_VIEW_SHIFT = 8, /* of enum gateway_view */
};

struct gateway {
    const struct protocol_facts *facts;
    enum protocol_read reads;
    bool secure;
    struct http_parser parser;
    struct buffer command;  /* the last request, or literal: the caller borrows it */
    struct buffer body;     /* of the response that is being written */
    struct buffer renewals; /* commands of one body that are still to be yielded, under `stream` */
    size_t renewals_at;
    uint64_t stream;
    struct stream watch;
    uint32_t asked; /* requests that are not answered */
    bool last;      /* nothing more is read: it is closed behind the last answer */
    bool shed;      /* what is held of a request was given back: it is to hear so */
};

static void *gateway_open(const struct protocol_config *config)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    ASSERT(gateway != NULL);
    gateway->parser.limits.body_size_max = GATEWAY_BODY_SIZE_MAX;
    if (config != NULL) {
        gateway->facts = config->facts;
        gateway->reads = config->reads;
        gateway->secure = config->secure;
    }
    return gateway;
}

static void gateway_close(void *connection)
{
    struct gateway *gateway = connection;
    http_parser_free(&gateway->parser);
    buffer_free(&gateway->command);
    buffer_free(&gateway->body);
    buffer_free(&gateway->renewals);
    free(gateway);
}

static size_t gateway_held(const void *connection)
{
    const struct gateway *gateway = connection;
    return gateway->parser.bytes.capacity + gateway->command.capacity + gateway->body.capacity +
           gateway->renewals.capacity;
}

/* Responses */

static void respond(struct buffer *body, unsigned status, uint64_t token, struct buffer *out)
{
    struct http_response response = {
        .status = status,
        .content_type = "application/json",
        .body = buffer_slice(body),
        .allow = status == 405 ? "POST" : NULL,
        .head_only = token & TOKEN_HEAD_ONLY,
        .keep_alive = token & TOKEN_KEEP_ALIVE,
    };
    http_response_write(&response, out);
    buffer_free(body);
}

static void respond_error(struct buffer *body, unsigned code, const char *text, uint64_t token,
                          struct buffer *out)
{
    unsigned status = gateway_write_error(code, text, body);
    respond(body, status, token, out);
}

/* A line of a stream. An error that comes first needs none. */
static void respond_line(struct buffer *body, uint64_t token, struct buffer *out)
{
    struct http_response response = {
        .status = 200,
        .content_type = "application/json",
        .keep_alive = token & TOKEN_KEEP_ALIVE,
    };
    struct http_stream stream = {.chunked = !(token & TOKEN_1_0)};
    if (token & TOKEN_FIRST) stream = http_stream_begin(&response, token & TOKEN_1_0, out);
    http_stream_write(&stream, buffer_slice(body), out);
    if (token & TOKEN_LAST) http_stream_end(&stream, out);
    buffer_free(body);
}

static void respond_error_at(struct buffer *body, unsigned code, const char *text, uint64_t token,
                             struct buffer *out)
{
    uint64_t alone = TOKEN_FIRST | TOKEN_LAST;
    if ((token & TOKEN_STREAM) == 0 || (token & alone) == alone) {
        respond_error(body, code, text, token, out);
        return;
    }
    gateway_write_late_error(code, text, body);
    respond_line(body, token, out);
}

static void respond_health(struct buffer *body, const char *reason, uint64_t token,
                           struct buffer *out)
{
    buffer_append_text(body, "{\"health\":\"");
    buffer_append_text(body, reason == NULL ? "true" : "false");
    buffer_append_text(body, "\",\"reason\":\"");
    buffer_append_text(body, reason == NULL ? "" : reason);
    buffer_append_text(body, "\"}");
    respond(body, reason == NULL ? 200 : 503, token, out);
}

static void gateway_answer(void *connection, uint64_t token, const void *payload,
                           struct buffer *out)
{
    struct gateway *gateway = connection;
    const struct consensus_reply *reply = payload;
    gateway->asked--;
    if (token & TOKEN_HEALTH) {
        respond_health(&gateway->body, reply->alarm ? "ALARM NOSPACE" : NULL, token, out);
    } else if (reply->error != CONSENSUS_ERROR_NONE) {
        respond_error_at(&gateway->body, consensus_error_code(reply->error),
                         consensus_error_text(reply->error), token, out);
    } else {
        enum gateway_view view = (enum gateway_view)(token >> TOKEN_VIEW_SHIFT);
        gateway_write(reply, view, gateway->facts, &gateway->body);
        if (token & TOKEN_STREAM) {
            respond_line(&gateway->body, token, out);
        } else {
            respond(&gateway->body, 200, token, out);
        }
    }
}

static void gateway_refuse(void *connection, uint64_t token, enum protocol_refusal why,
                           struct buffer *out)
{
    static const struct {
        unsigned code;
        const char *text;
    } words[] = {
        [PROTOCOL_REFUSED_NO_LEADER] = {14, "etcdserver: no leader"},
        [PROTOCOL_REFUSED_FULL] = {8, "etcdserver: mvcc: database space exceeded"},
        [PROTOCOL_REFUSED_BUSY] = {8, "etcdserver: too many requests"},
        [PROTOCOL_REFUSED_DRAINING] = {14, "etcdserver: server stopped"},
        [PROTOCOL_REFUSED_UNKNOWN] = {14, "etcdserver: request timed out"},
    };
    struct gateway *gateway = connection;
    struct buffer body = {0};
    if (gateway != NULL && gateway->watch.open) {
        gateway->watch.open = false; /* there are too many */
    } else if (gateway != NULL && gateway->asked != 0) {
        gateway->asked--;
    }
    if (token & TOKEN_HEALTH) {
        bool leaderless = why == PROTOCOL_REFUSED_NO_LEADER;
        respond_health(&body, leaderless ? "RAFT NO LEADER" : words[why].text, token, out);
    } else {
        respond_error_at(&body, words[why].code, words[why].text, token, out);
    }
}

/* Requests */

static enum protocol_request_kind literal(struct gateway *gateway, struct protocol_request *request)
{
    request->command = buffer_slice(&gateway->command);
    return request->kind = PROTOCOL_LITERAL;
}

static enum protocol_request_kind literal_error(struct gateway *gateway, unsigned code,
                                                const char *text, uint64_t token,
                                                struct protocol_request *request)
{
    buffer_clear(&gateway->command); /* what was read of it */
    respond_error(&gateway->body, code, text, token, &gateway->command);
    return literal(gateway, request);
}

static enum protocol_request_kind ask_status(struct gateway *gateway, uint64_t token,
                                             enum protocol_read read,
                                             struct protocol_request *request)
{
    consensus_put_simple(CONSENSUS_STATUS, 0, 0, &gateway->command);
    request->command = buffer_slice(&gateway->command);
    request->token = token;
    request->read = read;
    return request->kind = PROTOCOL_QUERY;
}

/* The next of the renewals that came in one body. */
static enum protocol_request_kind take_renewal(struct gateway *gateway,
                                               struct protocol_request *request)
{
    struct slice left = buffer_slice(&gateway->renewals);
    left = slice_of(left.data + gateway->renewals_at, GATEWAY_SIMPLE_BYTES);
    buffer_append_slice(&gateway->command, left);
    request->command = buffer_slice(&gateway->command);
    request->token = gateway->stream;
    gateway->stream &= ~(uint64_t)TOKEN_FIRST;
    gateway->renewals_at += left.size;
    if (gateway->renewals_at == gateway->renewals.size) {
        request->token |= TOKEN_LAST;
        buffer_free(&gateway->renewals);
    }
    return request->kind = PROTOCOL_PROPOSE;
}

static enum protocol_request_kind take_renewals(struct gateway *gateway, struct slice body,
                                                struct protocol_request *request)
{
    bool serializable;
    const char *mistake =
        gateway_read(CONSENSUS_KEEP_ALIVE, body, &gateway->renewals, &serializable);
    if (mistake != NULL) {
        buffer_free(&gateway->renewals);
        return literal_error(gateway, 3, mistake, request->token, request);
    }
    gateway->renewals_at = 0;
    gateway->stream = request->token | TOKEN_STREAM | TOKEN_FIRST;
    return take_renewal(gateway, request);
}

/* The connection is the watch's from here on, so nothing may be owed to it any more. */
static enum protocol_request_kind take_watch(struct gateway *gateway,
                                             const struct http_request *http,
                                             struct protocol_request *request)
{
    struct stream watch = {.open = true, .is_1_0 = http->is_1_0};
    const char *mistake = gateway_read_watch(http->body, &watch.request, &gateway->command);
    if (mistake == NULL && gateway->asked != 0) {
        mistake = "a watch comes behind requests that are not answered: wait for their answers";
    }
    if (mistake != NULL) return literal_error(gateway, 3, mistake, request->token, request);
    gateway->watch = watch;
    gateway->last = false;
    request->command = buffer_slice(&gateway->command);
    return request->kind = PROTOCOL_WATCH;
}

static enum protocol_request_kind take_call(struct gateway *gateway, enum consensus_op op,
                                            struct slice body, struct protocol_request *request)
{
    bool serializable = false;
    const char *mistake = gateway_read(op, body, &gateway->command, &serializable);
    if (mistake != NULL) return literal_error(gateway, 3, mistake, request->token, request);
    request->command = buffer_slice(&gateway->command);
    enum consensus_error error = consensus_refuses(request->command);
    if (error != CONSENSUS_ERROR_NONE) {
        return literal_error(gateway, consensus_error_code(error), consensus_error_text(error),
                             request->token, request);
    }
    request->read = serializable ? PROTOCOL_READ_LOCAL : gateway->reads;
    request->grows = op == CONSENSUS_PUT || op == CONSENSUS_TXN || op == CONSENSUS_GRANT;
    op = (enum consensus_op)request->command.data[0]; /* ALARM may only ask */
    if (op == CONSENSUS_STATUS) request->token |= GATEWAY_ALARMS << TOKEN_VIEW_SHIFT;
    bool asks = op == CONSENSUS_RANGE || op >= CONSENSUS_TIME_TO_LIVE;
    return request->kind = asks ? PROTOCOL_QUERY : PROTOCOL_PROPOSE;
}

static enum protocol_request_kind take_get(struct gateway *gateway, const struct http_request *http,
                                           uint64_t token, struct protocol_request *request)
{
    if (http_path_is(http, "/health")) {
        return ask_status(gateway, token | TOKEN_HEALTH, PROTOCOL_READ_LINEARIZABLE, request);
    }
    if (http_path_is(http, "/version")) {
        buffer_append_text(&gateway->body, "{\"etcdserver\":\"" GATEWAY_VERSION
                                           "\",\"etcdcluster\":\"" GATEWAY_VERSION "\"}");
        respond(&gateway->body, 200, token, &gateway->command);
        return literal(gateway, request);
    }
    bool known = http->path.size >= 4 && memcmp(http->path.data, "/v3/", 4) == 0;
    buffer_append_text(&gateway->body, known ? "{\"error\":\"Method Not Allowed\",\"code\":12,"
                                               "\"message\":\"Method Not Allowed\"}"
                                             : "{\"error\":\"Not Found\",\"code\":5,"
                                               "\"message\":\"Not Found\"}");
    respond(&gateway->body, known ? 405 : 404, token, &gateway->command);
    return literal(gateway, request);
}

static const struct {
    const char *path;
    enum consensus_op op;
} calls[] = {
    {"/v3/kv/range", CONSENSUS_RANGE},
    {"/v3/kv/put", CONSENSUS_PUT},
    {"/v3/kv/deleterange", CONSENSUS_DELETE},
    {"/v3/kv/txn", CONSENSUS_TXN},
    {"/v3/kv/compaction", CONSENSUS_COMPACT},
    {"/v3/lease/grant", CONSENSUS_GRANT},
    {"/v3/lease/revoke", CONSENSUS_REVOKE},
    {"/v3/kv/lease/revoke", CONSENSUS_REVOKE},
    {"/v3/lease/keepalive", CONSENSUS_KEEP_ALIVE},
    {"/v3/lease/timetolive", CONSENSUS_TIME_TO_LIVE},
    {"/v3/kv/lease/timetolive", CONSENSUS_TIME_TO_LIVE},
    {"/v3/lease/leases", CONSENSUS_LEASES},
    {"/v3/kv/lease/leases", CONSENSUS_LEASES},
    {"/v3/maintenance/alarm", CONSENSUS_ALARM},
};

static enum protocol_request_kind take_request(struct gateway *gateway,
                                               const struct http_request *http,
                                               struct protocol_request *request)
{
    uint64_t token = http->keep_alive ? TOKEN_KEEP_ALIVE : 0;
    if (http->method == HTTP_HEAD) token |= TOKEN_HEAD_ONLY;
    if (http->is_1_0) token |= TOKEN_1_0;
    gateway->last = !http->keep_alive;
    request->token = token;
    if (http_origin_elsewhere(http)) {
        return literal_error(gateway, 7, "a web page from elsewhere may not talk to this node",
                             token, request);
    }
    if (http->method != HTTP_POST) return take_get(gateway, http, token, request);
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (!http_path_is(http, calls[i].path)) continue;
        if (calls[i].op == CONSENSUS_KEEP_ALIVE) return take_renewals(gateway, http->body, request);
        return take_call(gateway, calls[i].op, http->body, request);
    }
    if (http_path_is(http, "/v3/watch")) return take_watch(gateway, http, request);
    if (http_path_is(http, "/v3/maintenance/status")) {
        return ask_status(gateway, token, PROTOCOL_READ_LOCAL, request);
    }
    if (http_path_is(http, "/v3/maintenance/hash")) {
        token |= GATEWAY_HASH << TOKEN_VIEW_SHIFT;
        return ask_status(gateway, token, PROTOCOL_READ_LOCAL, request);
    }
    if (http_path_is(http, "/v3/cluster/member/list")) {
        gateway_write_members(gateway->facts, gateway->secure, &gateway->body);
        respond(&gateway->body, 200, token, &gateway->command);
        return literal(gateway, request);
    }
    if (http_path_is(http, "/v3/maintenance/defragment")) { /* there is nothing to do */
        buffer_append_text(&gateway->body, "{}");
        respond(&gateway->body, 200, token, &gateway->command);
        return literal(gateway, request);
    }
    return literal_error(gateway, 12, "Not Implemented", token, request);
}

/* The last word to a client whose request was given up. */
static enum protocol_request_kind take_shed(struct gateway *gateway,
                                            struct protocol_request *request)
{
    gateway->shed = false;
    gateway->last = true;
    gateway_refuse(gateway, 0, PROTOCOL_REFUSED_FULL, &gateway->command);
    return literal(gateway, request);
}

static enum protocol_request_kind take_refused(struct gateway *gateway, unsigned status,
                                               struct protocol_request *request)
{
    gateway->last = true;
    gateway_write_error(3, http_status_text(status), &gateway->body);
    respond(&gateway->body, status, 0, &gateway->command);
    return literal(gateway, request);
}

/* The first byte is the one that was left. */
static enum protocol_request_kind go_on(struct gateway *gateway, struct slice *bytes,
                                        struct protocol_request *request)
{
    ASSERT(bytes->size != 0);
    take_renewal(gateway, request);
    bool done = gateway->renewals.size == 0 && !gateway->last;
    if (done) *bytes = slice_of(bytes->data + 1, bytes->size - 1);
    return request->kind;
}

static enum protocol_request_kind next_of(struct gateway *gateway, struct slice *bytes,
                                          struct protocol_request *request)
{
    *request = (struct protocol_request){.kind = PROTOCOL_NONE};
    buffer_clear(&gateway->command);
    if (gateway->command.capacity > COMMAND_KEEP_MAX) buffer_free(&gateway->command);
    if (gateway->watch.open) *bytes = slice_of(NULL, 0); /* it has asked for all there is to say */
    if (gateway->renewals.size != 0) return go_on(gateway, bytes, request);
    if (gateway->shed && bytes->size != 0) return take_shed(gateway, request);
    if (gateway->last) {
        *bytes = slice_of(NULL, 0);
        return request->kind = PROTOCOL_CLOSE;
    }
    if (bytes->size == 0) return PROTOCOL_NONE;
    struct http_request http;
    unsigned status = 0;
    size_t consumed = 0;
    enum http_result result = http_parse(&gateway->parser, *bytes, &consumed, &http, &status);
    struct slice rest = slice_of(bytes->data + consumed, bytes->size - consumed);
    switch (result) {
    case HTTP_PARTIAL: break;
    case HTTP_REFUSED: take_refused(gateway, status, request); break;
    case HTTP_CONTINUE:
        http_continue_write(&gateway->command);
        literal(gateway, request);
        break;
    default: take_request(gateway, &http, request);
    }
    /* A byte is left where there is more to come, to be asked again: other renewals, or a CLOSE. */
    if (gateway->last || gateway->renewals.size != 0) rest = slice_of(rest.data - 1, rest.size + 1);
    *bytes = rest;
    return request->kind;
}

static enum protocol_request_kind gateway_next(void *connection, struct slice *bytes,
                                               struct protocol_request *request)
{
    struct gateway *gateway = connection;
    enum protocol_request_kind kind = next_of(gateway, bytes, request);
    if (kind == PROTOCOL_PROPOSE || kind == PROTOCOL_QUERY) gateway->asked++;
    return kind;
}

static void gateway_push(void *connection, uint64_t token, const void *payload, struct buffer *out)
{
    struct gateway *gateway = connection;
    (void)token;
    stream_push(&gateway->watch, payload, gateway->facts, out);
}

static uint64_t gateway_turn(void *connection, uint64_t now_us, struct buffer *out)
{
    struct gateway *gateway = connection;
    if (!gateway->watch.open) return UINT64_MAX;
    return stream_turn(&gateway->watch, now_us, gateway->facts, out);
}

static void gateway_shed(void *connection)
{
    struct gateway *gateway = connection;
    if (!http_parser_begun(&gateway->parser)) return;
    http_parser_free(&gateway->parser);
    gateway->shed = true;
}

const struct protocol_ops gateway_ops = {
    .name = "etcd",
    .ordered = true,
    .open = gateway_open,
    .close = gateway_close,
    .next = gateway_next,
    .answer = gateway_answer,
    .refuse = gateway_refuse,
    .push = gateway_push,
    .turn = gateway_turn,
    .held = gateway_held,
    .shed = gateway_shed,
};
