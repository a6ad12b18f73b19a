/* Accepted and open connections: see tcp.h. Listening is in tcp_listen.c, dialing in
 * tcp_dial.c, TLS in tcp_tls.c. */
#include "server/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "server/host.h"
#include "server/say.h"
#include "server/system.h"
#include "server/tcp_internal.h"
#include "server/tls.h"

struct tcp_connection *tcp_connection_find(const struct tcp *tcp, uint32_t number)
{
    struct map_node *at = map_find(&tcp->by_number, map_hash_u64(number));
    for (; at != NULL; at = map_find_next(at)) {
        struct tcp_connection *connection = LIST_ITEM(at, struct tcp_connection, node);
        if (connection->number == number) return connection;
    }
    return NULL;
}

struct tcp_connection *tcp_connection_new(struct tcp *tcp, uint32_t number,
                                          enum node_listener listener)
{
    struct tcp_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    connection->owner = tcp;
    connection->number = number;
    connection->listener = listener;
    list_init(&connection->dirty);
    list_init(&connection->reports);
    list_init(&connection->waiting);
    connection->ready.at = HEAP_NOWHERE;
    map_insert(&tcp->by_number, &connection->node, map_hash_u64(number));
    return connection;
}

void tcp_connection_free(struct tcp_connection *connection)
{
    list_remove(&connection->dirty);
    list_remove(&connection->reports);
    list_remove(&connection->waiting);
    buffer_free(&connection->flight);
    buffer_free(&connection->backlog);
    tls_close(connection->tls);
    free(connection);
}

void tcp_connection_step(struct tcp_connection *connection, enum event_type type)
{
    struct event event = {.type = type,
                          .connection = connection->number,
                          .listener = connection->listener,
                          .place = connection->place};
    host_step(connection->owner->host, &event);
}

static void handle_closed(uv_handle_t *handle)
{
    tcp_connection_free(handle->data);
}

static void forget_ready(struct tcp_connection *connection)
{
    if (connection->ready.at == HEAP_NOWHERE) return;
    heap_remove(&connection->owner->ready, &connection->ready);
}

static void stop_reading(struct tcp_connection *connection)
{
    uv_read_stop((uv_stream_t *)&connection->handle);
    forget_ready(connection);
}

void tcp_connection_end(struct tcp_connection *connection, enum event_type report)
{
    struct tcp *tcp = connection->owner;
    if (connection->state == TCP_GONE) return;
    if (connection->state == TCP_SHAKING) { /* of which the node knows only if it dialed */
        report = connection->number >= NODE_DIALED ? EVENT_CONNECT_FAILED : 0;
    }
    if (connection->counted) {
        stop_reading(connection);
        tcp->open--;
        tcp->clients -= connection->listener == NODE_CLIENT;
    }
    connection->counted = false;
    if (connection->writing) tcp->writing--;
    connection->writing = false;
    connection->slices_count = 0;
    connection->state = TCP_GONE;
    list_remove(&connection->dirty);
    list_remove(&connection->waiting);
    connection->report = report;
    list_remove(&connection->reports);
    list_append(&tcp->reports, &connection->reports);
    host_want_turn(tcp->host);
}

/* The number is forgotten, and the struct goes once libuv lets go of it. */
static void bury(struct tcp_connection *connection)
{
    map_remove(&connection->owner->by_number, &connection->node);
    list_remove(&connection->reports);
    if (connection->resolving) return; /* freed by its callback */
    if (connection->has_handle) {
        if (!uv_is_closing((uv_handle_t *)&connection->handle)) {
            uv_close((uv_handle_t *)&connection->handle, handle_closed);
        } else {
            connection->free_when_closed = true;
        }
    } else {
        tcp_connection_free(connection);
    }
}

void tcp_report(struct tcp *tcp)
{
    while (!list_empty(&tcp->reports)) {
        struct tcp_connection *connection =
            LIST_ITEM(tcp->reports.next, struct tcp_connection, reports);
        list_remove(&connection->reports);
        if (connection->sent > 0) {
            struct event event = {.type = EVENT_SENT,
                                  .connection = connection->number,
                                  .listener = connection->listener,
                                  .count = connection->sent};
            bool may_unblock = connection->sent >= TCP_SENT_TURN_BYTES;
            connection->sent = 0;
            host_tell(tcp->host, &event);
            if (may_unblock) host_want_turn(tcp->host);
        }
        if (connection->state != TCP_GONE) continue;
        if (connection->report != 0) tcp_connection_step(connection, connection->report);
        bury(connection);
    }
}

/* --- input ----------------------------------------------------------------------------------- */

/* libuv reads a socket the moment it finds it readable. Without a buffer it leaves that to us, so
 * that who has waited longest comes first. */
static void note_ready(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct tcp_connection *connection = handle->data;
    (void)suggested;
    *out = uv_buf_init(NULL, 0);
    if (connection->ready.at != HEAP_NOWHERE) return;
    heap_push(&connection->owner->ready, connection->read_at, connection->number,
              &connection->ready);
}

static void noted_ready(uv_stream_t *stream, ssize_t no_buffer, const uv_buf_t *none)
{
    struct tcp_connection *connection = stream->data;
    (void)no_buffer, (void)none;
    if (connection->owner->ready.count >= TCP_READY_MAX) host_read(connection->owner->host);
}

int tcp_connection_read(struct tcp_connection *connection)
{
    return uv_read_start((uv_stream_t *)&connection->handle, note_ready, noted_ready);
}

static ssize_t read_socket(struct tcp_connection *connection)
{
    uv_os_fd_t fd;
    int failed = uv_fileno((uv_handle_t *)&connection->handle, &fd);
    ASSERT(failed == 0); /* it is open */
    ssize_t size;
    do {
        size = read(fd, connection->owner->read_buffer, TCP_READ_BYTES);
    } while (size < 0 && errno == EINTR);
    return size;
}

void tcp_connection_received(struct tcp_connection *connection, struct slice bytes)
{
    struct event event = {.type = EVENT_RECEIVED,
                          .connection = connection->number,
                          .listener = connection->listener,
                          .bytes = bytes};
    host_step(connection->owner->host, &event);
}

/* One read: whoever sends more than fits is found readable again, behind the others. */
static void receive(struct tcp_connection *connection)
{
    ssize_t size = read_socket(connection);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size == 0 && connection->listener == NODE_CLIENT && connection->tls == NULL) {
        stop_reading(connection);
        tcp_connection_step(connection, EVENT_ENDED);
        return;
    }
    if (size <= 0) {
        if (connection->state == TCP_SHAKING) {
            tcp_tls_left(connection);
        } else {
            tcp_connection_end(connection, EVENT_CLOSED);
        }
        return;
    }
    struct slice bytes = slice_of(connection->owner->read_buffer, (size_t)size);
    if (connection->tls != NULL) {
        tcp_tls_receive(connection, bytes);
        return;
    }
    if (!connection->heard && tls_looks_like(bytes)) {
        tcp_tls_missed(connection);
        return;
    }
    connection->heard = true;
    tcp_connection_received(connection, bytes);
}

bool tcp_read_ready(struct tcp *tcp, unsigned count)
{
    for (; count > 0 && tcp->ready.count > 0; count--) {
        struct tcp_connection *connection =
            LIST_ITEM(heap_min(&tcp->ready)->place, struct tcp_connection, ready);
        forget_ready(connection);
        connection->read_at = ++tcp->reads;
        receive(connection);
    }
    return tcp->ready.count > 0;
}

void tcp_connection_count(struct tcp_connection *connection)
{
    ASSERT(!connection->counted);
    connection->counted = true;
    connection->owner->open++;
    connection->owner->clients += connection->listener == NODE_CLIENT;
    connection->owner->clients_total += connection->listener == NODE_CLIENT;
}

void tcp_connection_opened(struct tcp_connection *connection)
{
    connection->state = TCP_OPEN;
    if (!connection->counted) tcp_connection_count(connection);
    uv_tcp_nodelay(&connection->handle, 1);
    uv_tcp_keepalive(&connection->handle, 1, TCP_KEEPALIVE_S);
    tcp_connection_step(connection, EVENT_OPENED);
    if (connection->tls != NULL) return; /* it is read already */
    if (tcp_connection_read(connection) != 0) tcp_connection_end(connection, EVENT_CLOSED);
}

void tcp_read(struct tcp *connections, uint32_t number, bool on)
{
    struct tcp_connection *connection = tcp_connection_find(connections, number);
    if (connection == NULL || connection->state != TCP_OPEN || connection->close_wanted) {
        return;
    }
    if (on) {
        tcp_connection_read(connection);
    } else {
        stop_reading(connection);
    }
}

/* --- output ---------------------------------------------------------------------------------- */

static void sent(struct tcp_connection *connection, size_t size)
{
    connection->sent += connection->tls != NULL ? tcp_tls_sent(connection, size) : size;
    if (!list_empty(&connection->reports)) return;
    list_append(&connection->owner->reports, &connection->reports);
}

static void write_done(uv_write_t *write, int status);

static void write_backlog(struct tcp_connection *connection)
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
        uv_write(&connection->write, (uv_stream_t *)&connection->handle, &piece, 1, write_done);
    if (failed != 0) tcp_connection_end(connection, EVENT_CLOSED);
}

static void write_done(uv_write_t *write, int status)
{
    struct tcp_connection *connection = write->handle->data;
    if (connection->state == TCP_GONE) return;
    if (status < 0) {
        tcp_connection_end(connection, EVENT_CLOSED);
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
    if (connection->close_wanted) tcp_connection_end(connection, EVENT_CLOSED);
}

/* How much the kernel took; the connection may be over afterwards. */
static size_t try_write(struct tcp_connection *connection, const uv_buf_t *pieces, unsigned count)
{
    int done = uv_try_write((uv_stream_t *)&connection->handle, pieces, count);
    if (done < 0 && done != UV_EAGAIN) tcp_connection_end(connection, EVENT_CLOSED);
    if (done <= 0) return 0;
    sent(connection, (size_t)done);
    return (size_t)done;
}

/* What the kernel has not taken of the borrowed pieces becomes ours. */
static void keep(struct tcp_connection *connection, size_t taken)
{
    if (connection->tls != NULL) {
        tcp_tls_seal(connection);
        return;
    }
    for (unsigned i = 0; i < connection->slices_count; i++) {
        const uv_buf_t *slice = &connection->slices[i];
        size_t skip = taken < slice->len ? taken : slice->len;
        taken -= skip;
        buffer_append(&connection->backlog, slice->base + skip, slice->len - skip);
    }
    connection->slices_count = 0;
}

void tcp_connection_flush(struct tcp_connection *connection)
{
    if (connection->tls != NULL) tcp_tls_seal(connection);
    if (connection->writing) return;
    if (connection->backlog.size > 0) { /* held */
        struct slice bytes = buffer_slice(&connection->backlog);
        uv_buf_t piece = uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.size);
        buffer_consume(&connection->backlog, try_write(connection, &piece, 1));
    } else if (connection->slices_count > 0) {
        keep(connection, try_write(connection, connection->slices, connection->slices_count));
    }
    if (connection->state != TCP_GONE && connection->backlog.size > 0) write_backlog(connection);
}

void tcp_send(struct tcp *tcp, uint32_t number, struct slice bytes)
{
    struct tcp_connection *connection = tcp_connection_find(tcp, number);
    if (connection == NULL || connection->state != TCP_OPEN || bytes.size == 0) return;
    if (connection->slices_count == TCP_SLICES_MAX) tcp_connection_flush(connection);
    if (connection->state != TCP_OPEN) return;
    if (connection->writing || connection->backlog.size > 0) {
        if (connection->tls != NULL) {
            tcp_tls_seal_one(connection, bytes);
        } else {
            buffer_append_slice(&connection->backlog, bytes);
        }
        return;
    }
    connection->slices[connection->slices_count++] =
        uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.size);
    if (list_empty(&connection->dirty)) list_append(&tcp->dirty, &connection->dirty);
}

void tcp_hold(struct tcp *tcp)
{
    for (struct list *at = tcp->dirty.next; at != &tcp->dirty; at = at->next) {
        keep(LIST_ITEM(at, struct tcp_connection, dirty), 0);
    }
}

/* Ends what has waited too long. */
static void watch(uv_timer_t *timer)
{
    struct tcp *tcp = timer->data;
    uint64_t now_us = system_now().mono_us;
    struct list *at = tcp->waiting.next;
    while (at != &tcp->waiting) {
        struct tcp_connection *connection = LIST_ITEM(at, struct tcp_connection, waiting);
        at = at->next;
        if (now_us < connection->deadline_us) continue;
        if (connection->state == TCP_OPEN) {
            tcp_connection_end(connection, EVENT_CLOSED);
        } else if (connection->state == TCP_SHAKING) {
            tcp_tls_late(connection);
        } else if (!tcp_dial_late(connection)) {
            tcp_connection_end(connection, EVENT_CONNECT_FAILED);
        }
    }
    if (list_empty(&tcp->waiting)) uv_timer_stop(timer);
}

void tcp_connection_wait(struct tcp_connection *connection, uint64_t for_us)
{
    struct tcp *tcp = connection->owner;
    connection->deadline_us = system_now().mono_us + for_us;
    list_remove(&connection->waiting);
    list_append(&tcp->waiting, &connection->waiting);
    if (uv_is_active((uv_handle_t *)&tcp->watch)) return;
    uv_timer_start(&tcp->watch, watch, TCP_WATCH_MS, TCP_WATCH_MS);
}

void tcp_close_one(struct tcp *tcp, uint32_t number)
{
    struct tcp_connection *connection = tcp_connection_find(tcp, number);
    if (connection == NULL || connection->state == TCP_GONE) return;
    connection->close_wanted = true;
    if (connection->state == TCP_OPEN) stop_reading(connection);
    if (list_empty(&connection->dirty)) list_append(&tcp->dirty, &connection->dirty);
}

void tcp_flush(struct tcp *tcp)
{
    while (!list_empty(&tcp->dirty)) {
        struct tcp_connection *connection =
            LIST_ITEM(tcp->dirty.next, struct tcp_connection, dirty);
        list_remove(&connection->dirty);
        if (connection->state == TCP_OPEN) {
            if (connection->close_wanted && connection->tls != NULL) tcp_tls_end(connection);
            tcp_connection_flush(connection);
        }
        if (!connection->close_wanted || connection->state == TCP_GONE) continue;
        if (connection->state != TCP_OPEN) {
            tcp_connection_end(connection, EVENT_CONNECT_FAILED);
        } else if (!connection->writing) {
            tcp_connection_end(connection, EVENT_CLOSED);
        } else {
            tcp_connection_wait(connection, TCP_CLOSE_US_MAX);
        }
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

void tcp_connection_init_handle(struct tcp_connection *connection)
{
    int failed = uv_tcp_init(connection->owner->loop, &connection->handle);
    ASSERT(failed == 0); /* without an address family it makes no socket */
    connection->handle.data = connection;
    connection->has_handle = true;
}

void tcp_open(struct tcp *tcp, struct host *host, uv_loop_t *loop, uint64_t connect_us_max)
{
    tcp->host = host;
    tcp->loop = loop;
    tcp->connect_us_max = connect_us_max;
    uv_timer_init(loop, &tcp->watch);
    uv_unref((uv_handle_t *)&tcp->watch);
    tcp->watch.data = tcp;
    list_init(&tcp->dirty);
    list_init(&tcp->reports);
    list_init(&tcp->waiting);
}
