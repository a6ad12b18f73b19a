/* Connections under TLS: between tcp.c, which has the sockets, and tls.h, which has none.
 *
 * The node hears of a connection when both sides have shown what they are, and counts its own
 * bytes: what the wire carries beside them is known here alone. */
#include "server/host.h"
#include "server/say.h"
#include "server/system.h"
#include "server/tcp_internal.h"
#include "server/tls.h"

bool tcp_tls_load(struct tcp *tcp, const struct tls_files *files)
{
    char wrong[TLS_WRONG_SIZE_MAX + RAFT_ADDRESS_SIZE_MAX];
    struct tls *loaded = tls_load(files, wrong, sizeof wrong);
    if (loaded == NULL) {
        say_line("%s", wrong);
        return false;
    }
    tls_free(tcp->tls);
    tcp->tls = loaded;
    return true;
}

/* --- the handshake --------------------------------------------------------------------------- */

static const char *const kinds[TLS_LISTENERS] = {
    [NODE_CLIENT] = "a client", [NODE_PEER] = "a peer", [NODE_ADMIN] = "who asks the admin port"};

/* Once in a while: anybody can make it happen as often as they like. */
static bool may_say(struct tcp *tcp)
{
    uint64_t now_us = system_now().mono_us;
    if (tcp->tls_said_us != 0 && now_us - tcp->tls_said_us < TCP_COMPLAIN_US) return false;
    tcp->tls_said_us = now_us;
    return true;
}

static void fail(struct tcp_connection *connection, const char *why)
{
    struct tcp *tcp = connection->owner;
    bool dialed = connection->number >= NODE_DIALED;
    if (connection->state == TCP_GONE) return;
    tcp->tls_failures++;
    if (may_say(tcp)) {
        say_line("TLS with %s that %s: %s", kinds[connection->listener],
                 dialed ? "was dialed" : "connected", why);
    }
    tcp_connection_end(connection, EVENT_CLOSED);
}

void tcp_tls_missed(struct tcp_connection *connection)
{
    if (may_say(connection->owner)) {
        say_line("a connection speaks TLS, and this node does not: it has no --tls-cert");
    }
    tcp_connection_end(connection, EVENT_CLOSED);
}

void tcp_tls_late(struct tcp_connection *connection)
{
    fail(connection, "no handshake in time");
}

void tcp_tls_left(struct tcp_connection *connection)
{
    fail(connection, "it left in the middle of the handshake");
}

/* What the library wants to say: also after a failure, which the other side should hear of. */
static void answer(struct tcp_connection *connection)
{
    size_t before = connection->backlog.size;
    tls_take(connection->tls, &connection->backlog);
    connection->wire_out += connection->backlog.size - before;
    if (connection->backlog.size > before) tcp_connection_flush(connection);
}

void tcp_tls_begin(struct tcp_connection *connection, const char *host)
{
    struct tcp *tcp = connection->owner;
    connection->state = TCP_SHAKING;
    connection->tls =
        host != NULL ? tls_dial(tcp->tls, host) : tls_accept(tcp->tls, connection->listener);
    tcp_connection_count(connection);
    tcp_connection_wait(connection, TCP_SHAKE_US_MAX);
    uv_tcp_nodelay(&connection->handle, 1);
    if (tcp_connection_read(connection) != 0) {
        fail(connection, "the socket cannot be read");
        return;
    }
    if (host != NULL) tcp_tls_receive(connection, slice_of(NULL, 0));
}

/* Both sides know each other: now the node may. */
static void established(struct tcp_connection *connection)
{
    list_remove(&connection->waiting);
    tcp_connection_opened(connection);
}

static void ended(struct tcp_connection *connection)
{
    if (connection->listener == NODE_CLIENT) {
        uv_read_stop((uv_stream_t *)&connection->handle);
        tcp_connection_step(connection, EVENT_ENDED);
    } else {
        tcp_connection_end(connection, EVENT_CLOSED);
    }
}

void tcp_tls_receive(struct tcp_connection *connection, struct slice bytes)
{
    struct tcp *tcp = connection->owner;
    buffer_clear(&tcp->came);
    enum tls_result result = tls_receive(connection->tls, bytes, &tcp->came);
    answer(connection);
    if (connection->state == TCP_GONE) return;
    if (connection->state == TCP_SHAKING) {
        if (result == TLS_BAD) {
            fail(connection, tls_wrong(connection->tls));
            return;
        }
        if (!tls_established(connection->tls)) return;
        established(connection);
    }
    if (tcp->came.size > 0 && connection->state == TCP_OPEN) {
        tcp_connection_received(connection, buffer_slice(&tcp->came));
    }
    if (result == TLS_OK || connection->state != TCP_OPEN) return;
    if (result == TLS_ENDED) {
        ended(connection);
    } else {
        tcp_connection_end(connection, EVENT_CLOSED);
    }
}

/* --- output ---------------------------------------------------------------------------------- */

void tcp_tls_seal_one(struct tcp_connection *connection, struct slice bytes)
{
    if (bytes.size == 0) return;
    if (!tls_send(connection->tls, bytes)) {
        tcp_connection_end(connection, EVENT_CLOSED);
        return;
    }
    size_t before = connection->backlog.size;
    tls_take(connection->tls, &connection->backlog);
    connection->plain_out += bytes.size;
    connection->wire_out += connection->backlog.size - before;
}

/* In one piece, so that small ones share a record. */
void tcp_tls_seal(struct tcp_connection *connection)
{
    struct buffer *plain = &connection->owner->goes;
    if (connection->slices_count == 0) return;
    buffer_clear(plain);
    for (unsigned i = 0; i < connection->slices_count; i++) {
        const uv_buf_t *slice = &connection->slices[i];
        buffer_append(plain, slice->base, slice->len);
    }
    connection->slices_count = 0;
    tcp_tls_seal_one(connection, buffer_slice(plain));
}

void tcp_tls_end(struct tcp_connection *connection)
{
    tcp_tls_seal(connection);
    if (connection->state == TCP_GONE) return;
    size_t before = connection->backlog.size;
    tls_end(connection->tls);
    tls_take(connection->tls, &connection->backlog);
    connection->wire_out += connection->backlog.size - before;
}

/* Records hide where in them the node's bytes are: in proportion, and exact when all has left. */
uint64_t tcp_tls_sent(struct tcp_connection *connection, uint64_t size)
{
    uint64_t plain = connection->plain_out;
    if (size < connection->wire_out) {
        plain = (uint64_t)((double)plain * (double)size / (double)connection->wire_out);
    }
    connection->wire_out -= size < connection->wire_out ? size : connection->wire_out;
    connection->plain_out -= plain;
    return plain;
}
