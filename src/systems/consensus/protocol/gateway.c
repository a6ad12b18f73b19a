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
#include "wire/http1.h"

enum { COMMAND_KEEP_MAX = 2048 }; /* bytes, between requests */

/* A token: bits. */
enum {
    TOKEN_KEEP_ALIVE = 1,
    TOKEN_HEAD_ONLY = 2,
    TOKEN_HEALTH = 4, /* answered in the words of /health */
};

struct gateway {
    const struct protocol_facts *facts;
    enum protocol_read reads;
    struct http_parser parser;
    struct buffer command; /* the last request, or literal: the caller borrows it */
    struct buffer body;    /* of the response that is being written */
    bool last;             /* nothing more is read: it is closed behind the last answer */
    bool shed;             /* what is held of a request was given back: it is to hear so */
};

static void *gateway_open(const struct protocol_config *config)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    ASSERT(gateway != NULL);
    gateway->parser.limits.body_size_max = GATEWAY_BODY_SIZE_MAX;
    if (config != NULL) {
        gateway->facts = config->facts;
        gateway->reads = config->reads;
    }
    return gateway;
}

static void gateway_close(void *connection)
{
    struct gateway *gateway = connection;
    http_parser_free(&gateway->parser);
    buffer_free(&gateway->command);
    buffer_free(&gateway->body);
    free(gateway);
}

static size_t gateway_held(const void *connection)
{
    const struct gateway *gateway = connection;
    return gateway->parser.bytes.capacity + gateway->command.capacity + gateway->body.capacity;
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
    if (token & TOKEN_HEALTH) {
        respond_health(&gateway->body, reply->alarm ? "ALARM NOSPACE" : NULL, token, out);
    } else if (reply->error != CONSENSUS_ERROR_NONE) {
        respond_error(&gateway->body, consensus_error_code(reply->error),
                      consensus_error_text(reply->error), token, out);
    } else {
        gateway_write(reply, gateway->facts, &gateway->body);
        respond(&gateway->body, 200, token, out);
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
    (void)connection;
    struct buffer body = {0};
    if (token & TOKEN_HEALTH) {
        bool leaderless = why == PROTOCOL_REFUSED_NO_LEADER;
        respond_health(&body, leaderless ? "RAFT NO LEADER" : words[why].text, token, out);
    } else {
        respond_error(&body, words[why].code, words[why].text, token, out);
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
    request->grows = op == CONSENSUS_PUT || op == CONSENSUS_TXN;
    return request->kind = op == CONSENSUS_RANGE ? PROTOCOL_QUERY : PROTOCOL_PROPOSE;
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

static enum protocol_request_kind take_request(struct gateway *gateway,
                                               const struct http_request *http,
                                               struct protocol_request *request)
{
    static const struct {
        const char *path;
        enum consensus_op op;
    } calls[] = {
        {"/v3/kv/range", CONSENSUS_RANGE},
        {"/v3/kv/put", CONSENSUS_PUT},
        {"/v3/kv/deleterange", CONSENSUS_DELETE},
        {"/v3/kv/txn", CONSENSUS_TXN},
    };
    uint64_t token = http->keep_alive ? TOKEN_KEEP_ALIVE : 0;
    if (http->method == HTTP_HEAD) token |= TOKEN_HEAD_ONLY;
    gateway->last = !http->keep_alive;
    request->token = token;
    if (http->method != HTTP_POST) return take_get(gateway, http, token, request);
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (!http_path_is(http, calls[i].path)) continue;
        return take_call(gateway, calls[i].op, http->body, request);
    }
    if (http_path_is(http, "/v3/maintenance/status")) {
        return ask_status(gateway, token, PROTOCOL_READ_LOCAL, request);
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

static enum protocol_request_kind gateway_next(void *connection, struct slice *bytes,
                                               struct protocol_request *request)
{
    struct gateway *gateway = connection;
    *request = (struct protocol_request){.kind = PROTOCOL_NONE};
    buffer_clear(&gateway->command);
    if (gateway->command.capacity > COMMAND_KEEP_MAX) buffer_free(&gateway->command);
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
    bool last = result == HTTP_REFUSED || (result == HTTP_REQUEST && !http.keep_alive);
    /* A byte is left of the last one, to be asked again: there is a CLOSE behind it. */
    if (last) consumed--;
    *bytes = slice_of(bytes->data + consumed, bytes->size - consumed);
    switch (result) {
    case HTTP_PARTIAL: return PROTOCOL_NONE;
    case HTTP_REFUSED: return take_refused(gateway, status, request);
    case HTTP_CONTINUE: http_continue_write(&gateway->command); return literal(gateway, request);
    default: return take_request(gateway, &http, request);
    }
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
    .held = gateway_held,
    .shed = gateway_shed,
};
