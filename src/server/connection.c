/* Accepted and open connections: see connection.h. Dialing is in dial.c. */
#include "server/connection.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "server/connection_internal.h"
#include "server/host.h"
#include "server/system.h"

enum {
    CONNECTION_COMPLAIN_US = 10000000, /* a failing accept is said this often */
};

struct connection *connection_find(const struct connections *connections, uint32_t number)
{
    struct map_node *at = map_find(&connections->by_number, map_hash_u64(number));
    for (; at != NULL; at = map_find_next(at)) {
        struct connection *connection = LIST_ITEM(at, struct connection, node);
        if (connection->number == number) return connection;
    }
    return NULL;
}

struct connection *connection_new(struct connections *connections, uint32_t number,
                                  enum node_listener listener)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    connection->owner = connections;
    connection->number = number;
    connection->listener = listener;
    list_init(&connection->dirty);
    list_init(&connection->reports);
    list_init(&connection->waiting);
    map_insert(&connections->by_number, &connection->node, map_hash_u64(number));
    return connection;
}

void connection_free(struct connection *connection)
{
    list_remove(&connection->dirty);
    list_remove(&connection->reports);
    list_remove(&connection->waiting);
    buffer_free(&connection->flight);
    buffer_free(&connection->backlog);
    free(connection);
}

void connection_step(struct connection *connection, enum event_type type)
{
    struct event event = {
        .type = type, .connection = connection->number, .listener = connection->listener};
    host_step(connection->owner->host, &event);
}

static void handle_closed(uv_handle_t *handle)
{
    connection_free(handle->data);
}

void connection_end(struct connection *connection, enum event_type report)
{
    struct connections *connections = connection->owner;
    if (connection->state == CONNECTION_GONE) return;
    if (connection->state == CONNECTION_OPEN) connections->open--;
    if (connection->writing) connections->writing--;
    connection->writing = false;
    connection->slices_count = 0;
    connection->state = CONNECTION_GONE;
    list_remove(&connection->dirty);
    list_remove(&connection->waiting);
    connection->report = report;
    list_remove(&connection->reports);
    list_append(&connections->reports, &connection->reports);
    host_want_turn(connections->host);
}

/* The number is forgotten, and the struct goes once libuv lets go of it. */
static void bury(struct connection *connection)
{
    map_remove(&connection->owner->by_number, &connection->node);
    list_remove(&connection->reports);
    if (connection->resolving) return; /* freed by its callback */
    if (connection->has_handle) {
        if (!uv_is_closing((uv_handle_t *)&connection->tcp)) {
            uv_close((uv_handle_t *)&connection->tcp, handle_closed);
        } else {
            connection->free_when_closed = true;
        }
    } else {
        connection_free(connection);
    }
}

void connections_report(struct connections *connections)
{
    while (!list_empty(&connections->reports)) {
        struct connection *connection =
            LIST_ITEM(connections->reports.next, struct connection, reports);
        list_remove(&connection->reports);
        if (connection->sent > 0) {
            struct event event = {.type = EVENT_SENT,
                                  .connection = connection->number,
                                  .listener = connection->listener,
                                  .count = connection->sent};
            bool may_unblock = connection->sent >= CONNECTION_SENT_TURN_BYTES;
            connection->sent = 0;
            host_tell(connections->host, &event);
            if (may_unblock) host_want_turn(connections->host);
        }
        if (connection->state != CONNECTION_GONE) continue;
        if (connection->report != 0) connection_step(connection, connection->report);
        bury(connection);
    }
}

/* --- input ---------------------------------------------------------------------------------------- */

static void give_read_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct connection *connection = handle->data;
    (void)suggested;
    *out = uv_buf_init((char *)connection->owner->read_buffer, CONNECTION_READ_BYTES);
}

static void received(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct connection *connection = stream->data;
    if (size == 0) return;
    if (size < 0) {
        connection_end(connection, EVENT_CLOSED);
        return;
    }
    struct event event = {.type = EVENT_RECEIVED,
                          .connection = connection->number,
                          .listener = connection->listener,
                          .bytes = slice_of(bytes->base, (size_t)size)};
    host_step(connection->owner->host, &event);
}

void connection_opened(struct connection *connection)
{
    connection->state = CONNECTION_OPEN;
    connection->owner->open++;
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_tcp_keepalive(&connection->tcp, 1, CONNECTION_KEEPALIVE_S);
    connection_step(connection, EVENT_OPENED);
    if (uv_read_start((uv_stream_t *)&connection->tcp, give_read_buffer, received) != 0) {
        connection_end(connection, EVENT_CLOSED);
    }
}

void connections_read(struct connections *connections, uint32_t number, bool on)
{
    struct connection *connection = connection_find(connections, number);
    if (connection == NULL || connection->state != CONNECTION_OPEN || connection->close_wanted) {
        return;
    }
    if (on) {
        uv_read_start((uv_stream_t *)&connection->tcp, give_read_buffer, received);
    } else {
        uv_read_stop((uv_stream_t *)&connection->tcp);
    }
}

/* --- output --------------------------------------------------------------------------------------- */

static void sent(struct connection *connection, size_t size)
{
    connection->sent += size;
    if (!list_empty(&connection->reports)) return;
    list_append(&connection->owner->reports, &connection->reports);
}

static void write_done(uv_write_t *write, int status);

static void write_backlog(struct connection *connection)
{
    struct buffer swap = connection->flight;
    connection->flight = connection->backlog;
    connection->backlog = swap;
    buffer_clear(&connection->backlog);
    struct slice bytes = buffer_slice(&connection->flight);
    uv_buf_t piece = uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.size);
    if (!connection->writing) connection->owner->writing++;
    connection->writing = true;
    int failed =
        uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &piece, 1, write_done);
    if (failed != 0) connection_end(connection, EVENT_CLOSED);
}

static void write_done(uv_write_t *write, int status)
{
    struct connection *connection = write->handle->data;
    if (connection->state == CONNECTION_GONE) return;
    if (status < 0) {
        connection_end(connection, EVENT_CLOSED);
        return;
    }
    sent(connection, connection->flight.size);
    buffer_clear(&connection->flight);
    host_want_turn(connection->owner->host);
    if (connection->backlog.size > 0) {
        write_backlog(connection);
        return;
    }
    connection->writing = false;
    connection->owner->writing--;
    if (connection->close_wanted) connection_end(connection, EVENT_CLOSED);
}

static void flush(struct connection *connection)
{
    if (connection->slices_count == 0) return;
    int done =
        uv_try_write((uv_stream_t *)&connection->tcp, connection->slices, connection->slices_count);
    if (done < 0 && done != UV_EAGAIN) {
        connection_end(connection, EVENT_CLOSED);
        return;
    }
    size_t taken = done > 0 ? (size_t)done : 0;
    if (taken > 0) sent(connection, taken);
    for (unsigned i = 0; i < connection->slices_count; i++) {
        const uv_buf_t *slice = &connection->slices[i];
        size_t skip = taken < slice->len ? taken : slice->len;
        taken -= skip;
        buffer_append(&connection->backlog, slice->base + skip, slice->len - skip);
    }
    connection->slices_count = 0;
    if (connection->backlog.size > 0) write_backlog(connection);
}

void connections_send(struct connections *connections, uint32_t number, struct slice bytes)
{
    struct connection *connection = connection_find(connections, number);
    if (connection == NULL || connection->state != CONNECTION_OPEN || bytes.size == 0) return;
    if (connection->writing) {
        buffer_append_slice(&connection->backlog, bytes);
        return;
    }
    if (connection->slices_count == CONNECTION_SLICES_MAX) {
        flush(connection);
        if (connection->state != CONNECTION_OPEN) return;
        if (connection->writing) {
            buffer_append_slice(&connection->backlog, bytes);
            return;
        }
    }
    connection->slices[connection->slices_count++] =
        uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.size);
    if (list_empty(&connection->dirty)) list_append(&connections->dirty, &connection->dirty);
}

void connections_close_one(struct connections *connections, uint32_t number)
{
    struct connection *connection = connection_find(connections, number);
    if (connection == NULL || connection->state == CONNECTION_GONE) return;
    connection->close_wanted = true;
    if (connection->state == CONNECTION_OPEN) uv_read_stop((uv_stream_t *)&connection->tcp);
    if (list_empty(&connection->dirty)) list_append(&connections->dirty, &connection->dirty);
}

void connections_flush(struct connections *connections)
{
    while (!list_empty(&connections->dirty)) {
        struct connection *connection =
            LIST_ITEM(connections->dirty.next, struct connection, dirty);
        list_remove(&connection->dirty);
        if (connection->state == CONNECTION_OPEN) flush(connection);
        if (!connection->close_wanted || connection->state == CONNECTION_GONE) continue;
        if (connection->state != CONNECTION_OPEN) {
            connection_end(connection, EVENT_CONNECT_FAILED);
        } else if (!connection->writing) {
            connection_end(connection, EVENT_CLOSED);
        } else {
            connection->deadline_us = system_now().mono_us + CONNECTION_CLOSE_US_MAX;
            list_remove(&connection->waiting);
            list_append(&connections->waiting, &connection->waiting);
        }
    }
}

void connections_watch(struct connections *connections, uint64_t now_us)
{
    struct list *at = connections->waiting.next;
    while (at != &connections->waiting) {
        struct connection *connection = LIST_ITEM(at, struct connection, waiting);
        at = at->next;
        if (now_us < connection->deadline_us) continue;
        bool open = connection->state == CONNECTION_OPEN;
        connection_end(connection, open ? EVENT_CLOSED : EVENT_CONNECT_FAILED);
    }
}

/* --- listening ------------------------------------------------------------------------------------ */

/* libuv keeps a descriptor in reserve: out of them, it takes the connection and closes it. */
static void accept_failed(struct connections *connections, int status)
{
    uint64_t now_us = system_now().mono_us;
    connections->accept_failures++;
    if (connections->accept_failure_said_us != 0 &&
        now_us - connections->accept_failure_said_us < CONNECTION_COMPLAIN_US) {
        return;
    }
    connections->accept_failure_said_us = now_us;
    system_say("cannot accept connections: %s (%u are open)", uv_strerror(status),
               connections->open);
}

static void accepted(uv_stream_t *stream, int status)
{
    struct connections *connections = stream->data;
    if (status < 0) {
        accept_failed(connections, status);
        return;
    }
    if (connections->number_last + 1 == NODE_DIALED) {
        system_die(SYSTEM_EXIT_FAILED, "2^31 connections were served: a restart is needed");
    }
    enum node_listener listener = (enum node_listener)((uv_tcp_t *)stream - connections->listeners);
    struct connection *connection =
        connection_new(connections, ++connections->number_last, listener);
    connections->accepted++;
    connection_init_handle(connection);
    if (uv_accept(stream, (uv_stream_t *)&connection->tcp) != 0) {
        connection_end(connection, 0);
        return;
    }
    connection_opened(connection);
}

void connection_init_handle(struct connection *connection)
{
    int failed = uv_tcp_init(connection->owner->loop, &connection->tcp);
    ASSERT(failed == 0); /* without an address family it makes no socket */
    connection->tcp.data = connection;
    connection->has_handle = true;
}

void connections_open(struct connections *connections, struct host *host, uv_loop_t *loop)
{
    connections->host = host;
    connections->loop = loop;
    list_init(&connections->dirty);
    list_init(&connections->reports);
    list_init(&connections->waiting);
}

int connections_listen(struct connections *connections, enum node_listener listener, int fd)
{
    uv_tcp_t *tcp = &connections->listeners[listener];
    int failed = uv_tcp_init(connections->loop, tcp);
    if (failed == 0) failed = uv_tcp_open(tcp, fd);
    tcp->data = connections;
    if (failed == 0) failed = uv_listen((uv_stream_t *)tcp, CONNECTION_BACKLOG, accepted);
    connections->listening[listener] = failed == 0;
    return failed;
}

void connections_stop_listening(struct connections *connections)
{
    for (unsigned i = 0; i < CONNECTION_LISTENERS; i++) {
        if (!connections->listening[i]) continue;
        connections->listening[i] = false;
        uv_close((uv_handle_t *)&connections->listeners[i], NULL);
    }
}
