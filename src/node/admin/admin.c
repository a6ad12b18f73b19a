/* The admin port: what a person, a load balancer or Prometheus asks of one node.
 *
 *     GET /health            200 "ok", or 503 with the reason in words
 *     GET /status            JSON: what this node believes
 *     GET /metrics           Prometheus text
 *     /members               who is in the cluster, and changes of it: admin/members.c
 *     GET /events            server-sent events: the trace, line by line, as it happens
 *     anything else          the protocol's own (protocol.h: admin), such as /queue/policy */
#include "base/assert.h"
#include "node/node_internal.h"
#include "node/admin/status.h"

#include <stdlib.h>

enum { ADMIN_INPUT_MAX = 128 << 10, ADMIN_OUTPUT_MAX = 1 << 20, ADMIN_WAIT_US = 10000000 };

void admin_free(struct node *node, struct admin *admin)
{
    http_parser_free(admin->parser);
    free(admin->parser);
    list_remove(&admin->in_admins);
    buffer_free(&admin->input);
    connection_release(&node->connections, &admin->connection);
    free(admin);
}

static void session_end(struct node *node, struct admin *admin)
{
    if (admin->has_session) proposals_session_end(node, admin->connection.id);
    admin->has_session = false;
}

void admin_closed(struct node *node, struct admin *admin)
{
    node->admins_count--;
    session_end(node, admin);
    admin_free(node, admin);
}

static void respond(struct node *node, struct admin *admin, unsigned status, const char *type,
                    struct slice body)
{
    struct http_response response = {
        .status = status,
        .content_type = type,
        .allow = status == 405 ? "GET, HEAD" : NULL,
        .body = body,
        .head_only = admin->head_only,
        .keep_alive = admin->keep_alive,
    };
    http_response_write(&response, &admin->connection.out);
    connection_dirty(&node->connections, &admin->connection);
    if (!admin->keep_alive) connection_close(&node->connections, &admin->connection);
}

static void respond_text(struct node *node, struct admin *admin, unsigned status, const char *words)
{
    respond(node, admin, status, "text/plain; charset=utf-8", slice_text(words));
}

void admin_opened(struct node *node, uint32_t id)
{
    struct admin *admin = calloc(1, sizeof *admin);
    ASSERT(admin != NULL);
    admin->parser = calloc(1, sizeof(struct http_parser));
    ASSERT(admin->parser != NULL);
    connection_init(&node->connections, &admin->connection, id, NODE_ADMIN);
    list_init(&admin->in_admins);
    list_append(&node->admins, &admin->in_admins);
    node->admins_count++;
    if (node->admins_count > NODE_ADMIN_MAX) {
        respond_text(node, admin, 503, "too many connections to this port: close some\n");
    }
}

static void stream_events(struct node *node, struct admin *admin)
{
    admin->streaming = true;
    http_event_stream_begin(&admin->connection.out);
    connection_dirty(&node->connections, &admin->connection);
}

/* The protocol's own pages: a question is answered at once, a change goes through the log. */
static void machine_request(struct node *node, struct admin *admin,
                            const struct http_request *request)
{
    const struct protocol_ops *protocol = node->config.protocol;
    struct protocol_request asked = {0};
    unsigned status = 404;
    buffer_clear(&node->scratch);
    if (protocol->admin != NULL) {
        asked.kind = protocol->admin(request->path, request->query, request->method == HTTP_POST,
                                     &node->scratch, &status);
    }
    asked.command = buffer_slice(&node->scratch);
    switch (asked.kind) {
    case PROTOCOL_QUERY: node_ask(node, admin->connection.id, asked.command); return;
    case PROTOCOL_PROPOSE: {
        struct command command = {COMMAND_MACHINE, admin->connection.id, asked.command};
        if (proposals_full(node)) {
            respond_text(node, admin, 503, "busy: nothing was done; try again\n");
            return;
        }
        admin->awaiting = true;
        admin->has_session = true;
        admin->since_us = node->turn.now.mono_us;
        proposals_session_begin(node);
        proposals_add(node, &command);
        return;
    }
    case PROTOCOL_LITERAL:
        respond(node, admin, status, "text/plain; charset=utf-8", asked.command);
        return;
    default: respond_text(node, admin, 404, "no such page: /health /status /metrics /events\n");
    }
}

void admin_answer(struct node *node, uint32_t connection, unsigned status, struct slice words)
{
    struct connection *found = connection_find(&node->connections, connection);
    if (found == NULL || found->listener != NODE_ADMIN || found->closing) return;
    struct admin *admin = (struct admin *)found;
    if (!admin->awaiting) return; /* too late: it was answered */
    admin->awaiting = false;
    respond(node, admin, status, "text/plain; charset=utf-8", words);
}

void admin_reply(struct node *node, struct admin *admin, const void *payload)
{
    session_end(node, admin);
    if (admin->connection.closing) return;
    struct buffer body = {0};
    unsigned status = 200;
    node->config.protocol->admin_reply(payload, &body, &status);
    admin->awaiting = false;
    respond(node, admin, status, "text/plain; charset=utf-8", buffer_slice(&body));
    buffer_free(&body);
}

/* The answer to what the log did not take, or not in time. */
static void give_up(struct node *node, struct admin *admin, const char *words)
{
    if (!admin->awaiting || admin->connection.closing) return;
    admin->awaiting = false;
    admin->keep_alive = false; /* an answer that comes late must meet no other question */
    respond_text(node, admin, 503, words);
}

void admin_refuse(struct node *node, struct admin *admin)
{
    if (admin->has_session) proposals_session_forget(node);
    admin->has_session = false;
    give_up(node, admin, "no leader is known here: nothing was done; try again\n");
}

void admins_reborn(struct node *node)
{
    for (struct list *at = node->admins.next; at != &node->admins; at = at->next) {
        struct admin *admin = LIST_ITEM(at, struct admin, in_admins);
        if (!admin->has_session) continue;
        admin->has_session = false;
        give_up(node, admin, "this node was taken for dead meanwhile; it may still happen\n");
    }
}

static void serve(struct node *node, struct admin *admin, const struct http_request *request)
{
    admin->keep_alive = request->keep_alive && !node->draining;
    admin->head_only = request->method == HTTP_HEAD;
    bool post = request->method == HTTP_POST;
    bool ours = http_path_is(request, "/health") || http_path_is(request, "/status") ||
                http_path_is(request, "/metrics") || http_path_is(request, "/events");
    if (ours && post) {
        respond_text(node, admin, 405, "only GET here\n");
        return;
    }
    struct buffer body = {0};
    if (http_path_is(request, "/members")) {
        admin->awaiting = true;
        admin->since_us = node->turn.now.mono_us;
        members_request(node, admin->connection.id, request);
    } else if (http_path_is(request, "/health")) {
        const char *why = status_ailing(node);
        respond_text(node, admin, why == NULL ? 200 : 503, why == NULL ? "ok\n" : why);
    } else if (http_path_is(request, "/status")) {
        status_json(node, &body);
        respond(node, admin, 200, "application/json", buffer_slice(&body));
    } else if (http_path_is(request, "/metrics")) {
        status_metrics(node, &body);
        respond(node, admin, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_slice(&body));
    } else if (http_path_is(request, "/events")) {
        stream_events(node, admin);
    } else {
        machine_request(node, admin, request);
    }
    buffer_free(&body);
}

/* One who asks and asks and does not read the answers is not answered further. */
static bool admin_stalled(const struct admin *admin)
{
    if (admin->awaiting || admin->streaming || admin->connection.closing) return true;
    return admin->connection.unsent + admin->connection.out.size > ADMIN_OUTPUT_MAX;
}

static void admin_go_on(struct node *node, struct admin *admin)
{
    while (admin->input.size > 0 && !admin_stalled(admin)) {
        struct http_request request;
        size_t consumed = 0;
        unsigned status = 0;
        enum http_result result =
            http_parse(admin->parser, buffer_slice(&admin->input), &consumed, &request, &status);
        if (result == HTTP_REFUSED) {
            admin->keep_alive = false;
            admin->head_only = false;
            respond_text(node, admin, status, http_status_text(status));
        } else if (result == HTTP_REQUEST) {
            serve(node, admin, &request);
        }
        buffer_consume(&admin->input, consumed);
    }
}

void admin_received(struct node *node, struct admin *admin, struct slice bytes)
{
    if (admin->connection.closing || admin->streaming) return;
    buffer_append_slice(&admin->input, bytes);
    if (admin->input.size > ADMIN_INPUT_MAX) {
        connection_close(&node->connections, &admin->connection);
        return;
    }
    admin_go_on(node, admin);
}

void admin_turn(struct node *node)
{
    for (struct list *at = node->admins.next; at != &node->admins; at = at->next) {
        struct admin *admin = LIST_ITEM(at, struct admin, in_admins);
        if (!admin->awaiting) {
            admin_go_on(node, admin);
            continue;
        }
        uint64_t until = admin->since_us + ADMIN_WAIT_US;
        if (node->turn.now.mono_us < until) {
            turn_wake(&node->turn, until);
            continue;
        }
        give_up(node, admin, "no leader has confirmed it in time; it may still happen\n");
    }
}

static void event_line(struct node *node, struct admin *admin, struct slice line)
{
    /* One who does not read what happens is not told all of it. */
    if (admin->connection.unsent > ADMIN_INPUT_MAX) return;
    http_event_write(NULL, line, &admin->connection.out);
    connection_dirty(&node->connections, &admin->connection);
}

void admin_trace(struct node *node, struct slice lines)
{
    for (struct list *at = node->admins.next; at != &node->admins; at = at->next) {
        struct admin *admin = LIST_ITEM(at, struct admin, in_admins);
        if (!admin->streaming || admin->connection.closing) continue;
        size_t begin = 0;
        for (size_t i = 0; i < lines.size; i++) {
            if (lines.data[i] != '\n') continue;
            event_line(node, admin, slice_of(lines.data + begin, i - begin));
            begin = i + 1;
        }
    }
}
