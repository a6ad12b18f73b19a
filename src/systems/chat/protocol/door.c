/* HTTP on the clients' port: who may come in, and the upgrade to a WebSocket.
 *
 * A page from elsewhere must not speak to a node through its visitor's browser. It could do so
 * under a name of its own that resolves to the node: so the node answers to addresses, to
 * localhost, and to the names that it was given. Or by a WebSocket, which browsers let any page
 * open: so Origin, if there is one, is the node itself or one of --endpoints. */
#include "systems/chat/protocol/internal.h"
#include "wire/http1_host.h"

static void respond(struct chat_connection *connection, unsigned status, const char *text,
                    const struct http_response_field *field)
{
    struct buffer out = {0};
    struct http_response response = {
        .status = status,
        .content_type = "text/plain; charset=utf-8",
        .allow = status == 405 ? "GET, HEAD" : NULL,
        .fields = field,
        .fields_count = field != NULL,
        .body = slice_text(text),
    };
    http_response_write(&response, &out);
    request_say(connection, buffer_slice(&out), true);
    buffer_free(&out);
}

void door_refuse(struct chat_connection *connection, unsigned status, const char *text)
{
    respond(connection, status, text, NULL);
}

void door_full(struct buffer *out)
{
    struct http_response response = {
        .status = 503,
        .content_type = "text/plain; charset=utf-8",
        .body = slice_text("this node has as many clients as it takes: ask another\n"),
    };
    http_response_write(&response, out);
}

/* Of an endpoint or origin, without a path; empty: it is no URL. */
static struct slice authority_of(struct slice url)
{
    struct slice rest = http_url_behind_scheme(url);
    size_t end = 0;
    while (end < rest.size && rest.data[end] != '/') end++;
    return slice_of(rest.data, end);
}

static bool host_known(const struct chat_protocol_options *options, struct slice authority)
{
    struct slice host, other;
    if (!http_host_split(authority, &host)) return false;
    if (http_host_is_address(host) || http_host_same(host, slice_text("localhost"))) return true;
    if (options == NULL) return false;
    if (http_host_listed(host, options->names)) return true;
    for (uint32_t i = 0; i < options->endpoints_count; i++) {
        struct slice endpoint = authority_of(slice_text(options->endpoints[i]));
        if (http_host_split(endpoint, &other) && http_host_same(host, other)) return true;
    }
    return false;
}

static bool origin_known(const struct chat_protocol_options *options,
                         const struct http_request *request)
{
    const struct http_field *origin = http_field_find(request, "origin");
    if (origin == NULL) return true;
    struct slice authority = authority_of(origin->value);
    if (authority.size == 0) return false; /* "null" too: some page of nobody knows where */
    if (http_host_same(authority, request->host)) return true;
    if (options == NULL) return false;
    for (uint32_t i = 0; i < options->endpoints_count; i++) {
        if (http_host_same(authority, authority_of(slice_text(options->endpoints[i])))) return true;
    }
    return false;
}

static void upgrade(struct chat_connection *connection, const struct http_request *request)
{
    static const struct http_response_field version = {"Sec-WebSocket-Version", "13"};
    struct buffer out = {0};
    switch (websocket_upgrade_of(request, CHAT_SUBPROTOCOL)) {
    case WEBSOCKET_UPGRADE: break;
    case WEBSOCKET_UPGRADE_VERSION:
        respond(connection, 426, "only version 13 of WebSocket is spoken here\n", &version);
        return;
    case WEBSOCKET_UPGRADE_SUBPROTOCOL:
        door_refuse(connection, 400, "offer " CHAT_SUBPROTOCOL ", or no subprotocol\n");
        return;
    case WEBSOCKET_UPGRADE_NONE:
    case WEBSOCKET_UPGRADE_BAD:
        door_refuse(connection, 400, "/chat is a WebSocket (RFC 6455): open it as one\n");
        return;
    }
    websocket_accept_write(request, CHAT_SUBPROTOCOL, &out);
    request_say(connection, buffer_slice(&out), false);
    buffer_free(&out);
    connection->stage = STAGE_NEW;
    connection->since_us = 0;
}

void door_take(struct chat_connection *connection, const struct http_request *request)
{
    if (!host_known(connection->options, request->host)) {
        door_refuse(connection, 421,
                    "this node is not known by that name: ask it by its address, as localhost, "
                    "or start it with --endpoints\n");
    } else if (!origin_known(connection->options, request)) {
        door_refuse(connection, 403, "a page from elsewhere may not talk to this node\n");
    } else if (request->method == HTTP_POST) {
        door_refuse(connection, 405, "only GET and HEAD\n");
    } else if (http_path_is(request, "/chat")) {
        upgrade(connection, request);
    } else if (page_serve(connection, request)) {
        connection->since_us = 0;
    } else {
        door_refuse(connection, 404, "no such page: people begin at /, programs at /chat\n");
    }
}
