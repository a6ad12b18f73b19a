/* The admin port: what a person, a load balancer or Prometheus asks of one node.
 *
 *     GET /health            200 "ok", or 503 with the reason in words
 *     GET /readyz            the same question, of one who would send clients here
 *     GET /livez             200 "ok": this process works. Where it does not help, a restart would
 *                            not either, so nothing that it may wait for makes it say no
 *     GET /status            JSON: what this node believes
 *     GET /metrics           Prometheus text
 *     /members               who is in the cluster, and changes of it: admin/members.c
 *     GET /events            server-sent events: the trace, line by line, as it happens
 *     anything else          the protocol's own (protocol.h: admin), such as /queue/policy
 *
 * Whoever holds connections cannot keep the others out: one that asks nothing ends after a while,
 * and at once when all places are taken and someone new comes; what may last, streams and changes,
 * never takes the last ADMIN_KEPT places. Who may ask at all: admin/access.h. */
#include "base/assert.h"
#include "node/hub.h"
#include "node/admin/access.h"
#include "node/admin/status.h"

#include <stdlib.h>

enum {
    ADMIN_INPUT_MAX = 128 << 10,
    ADMIN_OUTPUT_MAX = 1 << 20,
    ADMIN_WAIT_US = 10000000, /* for an answer by others */
    ADMIN_HEAD_US = 10000000, /* for a request, from its first byte or the accept: 408 */
    ADMIN_IDLE_US = 75000000, /* between two requests: longer than Prometheus waits */
    ADMIN_KEPT = 8,           /* of NODE_ADMIN_MAX: for those answered at once */
    ADMIN_SOCKETS_MAX = 4 * NODE_ADMIN_MAX, /* with those that are closing and do not read */
};

void admins_init(struct admins *admins)
{
    list_init(&admins->all);
}

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
    if (admin->has_session) group_session_end(node->group, admin->connection.id);
    admin->has_session = false;
}

void admin_closed(struct node *node, struct admin *admin)
{
    node->admins.count--;
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

/* Waits for others, or watches. */
static bool is_busy(const struct admin *admin)
{
    return admin->awaiting || admin->streaming;
}

static unsigned count_open(const struct node *node, bool busy)
{
    unsigned count = 0;
    for (struct list *at = node->admins.all.next; at != &node->admins.all; at = at->next) {
        const struct admin *admin = LIST_ITEM(at, struct admin, in_admins);
        count += !admin->connection.closing && (!busy || is_busy(admin));
    }
    return count;
}

/* Closes whoever has asked nothing for the longest time. */
static void make_room(struct node *node, const struct admin *new)
{
    struct admin *oldest = NULL;
    for (struct list *at = node->admins.all.next; at != &node->admins.all; at = at->next) {
        struct admin *admin = LIST_ITEM(at, struct admin, in_admins);
        if (admin == new || admin->connection.closing || is_busy(admin)) continue;
        if (oldest == NULL || admin->since_us < oldest->since_us) oldest = admin;
    }
    ASSERT(oldest != NULL); /* the busy ones are too few */
    connection_close(&node->connections, &oldest->connection);
}

void admin_opened(struct node *node, uint32_t id)
{
    struct admin *admin = calloc(1, sizeof *admin);
    ASSERT(admin != NULL);
    admin->parser = calloc(1, sizeof(struct http_parser));
    ASSERT(admin->parser != NULL);
    connection_init(&node->connections, &admin->connection, id, NODE_ADMIN);
    list_init(&admin->in_admins);
    list_append(&node->admins.all, &admin->in_admins);
    node->admins.count++;
    admin->since_us = node->turn.now.mono_us;
    if (node->admins.count > ADMIN_SOCKETS_MAX) {
        connection_close(&node->connections, &admin->connection);
    } else if (count_open(node, false) > NODE_ADMIN_MAX) {
        make_room(node, admin);
    }
}

/* What may last takes no place that is kept for others; false: it was told so. */
static bool take_place(struct node *node, struct admin *admin)
{
    if (count_open(node, true) < NODE_ADMIN_MAX - ADMIN_KEPT) return true;
    respond_text(node, admin, 503, "busy: too many wait or watch here; nothing was done\n");
    return false;
}

static void await(struct node *node, struct admin *admin)
{
    admin->awaiting = true;
    admin->since_us = node->turn.now.mono_us;
}

static void stream_events(struct node *node, struct admin *admin)
{
    if (!take_place(node, admin)) return;
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
    case PROTOCOL_QUERY:
        group_ask(node->group, &(struct group_question){.connection = admin->connection.id,
                                                        .command = asked.command});
        return;
    case PROTOCOL_PROPOSE: {
        if (group_full(node->group)) {
            respond_text(node, admin, 503, "busy: nothing was done; try again\n");
            return;
        }
        if (!take_place(node, admin)) return;
        await(node, admin);
        admin->has_session = true;
        group_session_begin(node->group);
        group_propose(node->group, admin->connection.id, asked.command);
        return;
    }
    case PROTOCOL_LITERAL:
        respond(node, admin, status, "text/plain; charset=utf-8", asked.command);
        return;
    default:
        respond_text(node, admin, 404,
                     "no such page: /health /livez /readyz /status /metrics /members /events\n");
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

void admin_refuse(struct node *node, uint32_t connection)
{
    struct connection *found = connection_find(&node->connections, connection);
    if (found == NULL || found->listener != NODE_ADMIN) return;
    struct admin *admin = (struct admin *)found;
    if (admin->has_session) group_session_forget(node->group);
    admin->has_session = false;
    give_up(node, admin, "no leader is known here: nothing was done; try again\n");
}

void admins_reborn(struct node *node)
{
    for (struct list *at = node->admins.all.next; at != &node->admins.all; at = at->next) {
        struct admin *admin = LIST_ITEM(at, struct admin, in_admins);
        if (!admin->has_session) continue;
        admin->has_session = false;
        give_up(node, admin, "this node was taken for dead meanwhile; it may still happen\n");
    }
}

static void serve_livez(struct node *node, struct admin *admin)
{
    respond_text(node, admin, 200, "ok\n");
}

static void serve_health(struct node *node, struct admin *admin)
{
    const char *why = status_ailing(node);
    respond_text(node, admin, why == NULL ? 200 : 503, why == NULL ? "ok\n" : why);
}

static void serve_readyz(struct node *node, struct admin *admin)
{
    const char *why = status_unready(node);
    respond_text(node, admin, why == NULL ? 200 : 503, why == NULL ? "ok\n" : why);
}

static void serve_status(struct node *node, struct admin *admin)
{
    struct buffer body = {0};
    status_json(node, &body);
    respond(node, admin, 200, "application/json", buffer_slice(&body));
    buffer_free(&body);
}

static void serve_metrics(struct node *node, struct admin *admin)
{
    struct buffer body = {0};
    status_metrics(node, &body);
    respond(node, admin, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_slice(&body));
    buffer_free(&body);
}

/* Pages that are only read. */
static const struct page {
    const char *path;
    void (*serve)(struct node *node, struct admin *admin);
} pages[] = {
    {"/health", serve_health}, {"/livez", serve_livez},     {"/readyz", serve_readyz},
    {"/status", serve_status}, {"/metrics", serve_metrics}, {"/events", stream_events},
};

static void serve(struct node *node, struct admin *admin, const struct http_request *request)
{
    unsigned status = 0;
    admin->keep_alive = request->keep_alive && !node->process.draining;
    admin->head_only = request->method == HTTP_HEAD;
    admin->since_us = node->turn.now.mono_us;
    admin->served = true;
    const char *refused = access_refused(node, request, &status);
    if (refused != NULL) {
        respond_text(node, admin, status, refused);
        return;
    }
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (!http_path_is(request, pages[i].path)) continue;
        if (request->method == HTTP_POST) {
            respond_text(node, admin, 405, "only GET here\n");
        } else {
            pages[i].serve(node, admin);
        }
        return;
    }
    if (!http_path_is(request, "/members")) {
        machine_request(node, admin, request);
    } else if (take_place(node, admin)) {
        await(node, admin);
        members_request(node, admin->connection.id, request);
    }
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
        } else if (result == HTTP_CONTINUE) {
            http_continue_write(&admin->connection.out);
            connection_dirty(&node->connections, &admin->connection);
        }
        buffer_consume(&admin->input, consumed);
    }
}

/* The bytes of a request that is not whole yet count from the first of them. */
static void admin_received_at(struct node *node, struct admin *admin)
{
    bool first = admin->input.size == 0 && !http_parser_begun(admin->parser);
    if (first && admin->served && !is_busy(admin)) admin->since_us = node->turn.now.mono_us;
}

void admin_received(struct node *node, struct admin *admin, struct slice bytes)
{
    if (admin->connection.closing || admin->streaming) return;
    admin_received_at(node, admin);
    buffer_append_slice(&admin->input, bytes);
    if (admin->input.size > ADMIN_INPUT_MAX) {
        connection_close(&node->connections, &admin->connection);
        return;
    }
    admin_go_on(node, admin);
}

static uint64_t admin_patience_us(const struct admin *admin)
{
    if (admin->awaiting) return ADMIN_WAIT_US;
    bool begun = admin->input.size > 0 || http_parser_begun(admin->parser) || !admin->served;
    return begun ? ADMIN_HEAD_US : ADMIN_IDLE_US;
}

static void admin_out_of_patience(struct node *node, struct admin *admin)
{
    if (admin->awaiting) {
        give_up(node, admin, "no leader has confirmed it in time; it may still happen\n");
    } else if (http_parser_begun(admin->parser)) {
        admin->keep_alive = false;
        admin->head_only = false;
        respond_text(node, admin, 408, "the rest of the request did not come in time\n");
    } else {
        connection_close(&node->connections, &admin->connection);
    }
}

void admin_turn(struct node *node)
{
    for (struct list *at = node->admins.all.next; at != &node->admins.all; at = at->next) {
        struct admin *admin = LIST_ITEM(at, struct admin, in_admins);
        if (!admin->awaiting) admin_go_on(node, admin);
        if (admin->streaming || admin->connection.closing) continue;
        uint64_t until_us = admin->since_us + admin_patience_us(admin);
        if (node->turn.now.mono_us < until_us) {
            turn_wake(&node->turn, until_us);
        } else {
            admin_out_of_patience(node, admin);
        }
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
    for (struct list *at = node->admins.all.next; at != &node->admins.all; at = at->next) {
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
