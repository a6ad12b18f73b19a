/* Listening, and who is let in: see tcp.h. */
#include <stdlib.h>

#include "base/assert.h"
#include "server/say.h"
#include "server/system.h"
#include "server/tcp_internal.h"

/* libuv keeps a descriptor in reserve: out of them, it takes the connection and closes it. */
static void accept_failed(struct tcp *tcp, int status)
{
    uint64_t now_us = system_now().mono_us;
    tcp->accept_failures++;
    if (tcp->accept_failure_said_us != 0 &&
        now_us - tcp->accept_failure_said_us < TCP_COMPLAIN_US) {
        return;
    }
    tcp->accept_failure_said_us = now_us;
    say_line("cannot accept connections: %s (%u are open)", uv_strerror(status), tcp->open);
}

static void forget_handle(uv_handle_t *handle)
{
    free(handle);
}

static void turn_away(uv_stream_t *stream)
{
    struct tcp *tcp = stream->data;
    uv_tcp_t *handle = malloc(sizeof *handle);
    if (handle == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    int failed = uv_tcp_init(tcp->loop, handle);
    ASSERT(failed == 0);
    uv_accept(stream, (uv_stream_t *)handle);
    uv_close((uv_handle_t *)handle, forget_handle);
    accept_failed(tcp, UV_EMFILE);
}

static void accepted(uv_stream_t *stream, int status)
{
    struct tcp *tcp = stream->data;
    if (status < 0) {
        accept_failed(tcp, status);
        return;
    }
    if (tcp->open >= tcp->open_max) {
        turn_away(stream);
        return;
    }
    if (tcp->number_last + 1 == NODE_DIALED) {
        system_die(SYSTEM_EXIT_FAILED, "2^31 connections were served: a restart is needed");
    }
    const struct tcp_listener *listener = LIST_ITEM(stream, struct tcp_listener, handle);
    struct tcp_connection *connection = tcp_connection_new(tcp, ++tcp->number_last, listener->kind);
    connection->place = listener->place;
    tcp->accepted++;
    tcp_connection_init_handle(connection);
    if (uv_accept(stream, (uv_stream_t *)&connection->handle) != 0) {
        tcp_connection_end(connection, 0);
        return;
    }
    if (tcp->tls != NULL) {
        tcp_tls_begin(connection, NULL);
    } else {
        tcp_connection_opened(connection);
    }
}

int tcp_listen(struct tcp *tcp, enum node_listener kind, int fd)
{
    ASSERT(tcp->listeners_count < TCP_LISTENERS_MAX);
    struct tcp_listener *listener = &tcp->listeners[tcp->listeners_count++];
    uv_tcp_t *handle = &listener->handle;
    listener->kind = kind;
    for (struct tcp_listener *other = tcp->listeners; other < listener; other++) {
        listener->place += other->kind == kind;
    }
    int failed = uv_tcp_init(tcp->loop, handle);
    if (failed == 0) failed = uv_tcp_open(handle, fd);
    handle->data = tcp;
    if (failed == 0) failed = uv_listen((uv_stream_t *)handle, TCP_BACKLOG, accepted);
    listener->listening = failed == 0;
    return failed;
}

void tcp_stop_listening(struct tcp *tcp)
{
    for (unsigned i = 0; i < tcp->listeners_count; i++) {
        struct tcp_listener *listener = &tcp->listeners[i];
        if (!listener->listening) continue;
        listener->listening = false;
        uv_close((uv_handle_t *)&listener->handle, NULL);
    }
}
