/* Dialing a peer: its name is resolved anew each time, every address is tried in turn. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "server/address.h"
#include "server/tcp_internal.h"
#include "server/host.h"
#include "server/system.h"
#include "server/say.h"

struct dial {
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct addrinfo *found;
    struct addrinfo *next; /* not tried yet */
    int failed;            /* why the last attempt failed */
    char address[RAFT_ADDRESS_SIZE_MAX + 1];
};

static void dial_free(struct tcp_connection *connection)
{
    if (connection->dial == NULL) return;
    if (connection->dial->found != NULL) uv_freeaddrinfo(connection->dial->found);
    free(connection->dial);
    connection->dial = NULL;
}

/* Says why a peer cannot be reached when that is news, not at each of a thousand attempts. */
static void complain(struct tcp *tcp, const char *address, int code)
{
    struct dial_complaint *free_place = NULL;
    for (unsigned i = 0; i < NODE_PEERS_MAX; i++) {
        struct dial_complaint *known = &tcp->complaints[i];
        if (strcmp(known->address, address) == 0) {
            if (known->code == code) return;
            free_place = known;
            break;
        }
        if (free_place == NULL && known->address[0] == '\0') free_place = known;
    }
    if (free_place != NULL) {
        strcpy(free_place->address, address);
        free_place->code = code;
    }
    if (code != 0) say_line("peer %s: %s; trying again", address, uv_strerror(code));
}

static void give_up(struct tcp_connection *connection, int code)
{
    if (!connection->close_wanted) complain(connection->owner, connection->dial->address, code);
    dial_free(connection);
    tcp_connection_end(connection, EVENT_CONNECT_FAILED);
}

static void connect_next(struct tcp_connection *connection);

static void attempt_closed(uv_handle_t *handle)
{
    struct tcp_connection *connection = handle->data;
    connection->has_handle = false;
    if (connection->free_when_closed) {
        dial_free(connection);
        tcp_connection_free(connection);
    } else if (connection->state == TCP_DIALING) {
        connect_next(connection);
    }
}

static void connected(uv_connect_t *connect, int status)
{
    struct tcp_connection *connection = connect->handle->data;
    if (connection->state != TCP_DIALING) {
        dial_free(connection); /* ended meanwhile; the handle is being closed */
        return;
    }
    if (status == UV_ECANCELED) return; /* it was late: attempt_closed() goes on */
    if (status == 0) {
        struct address address;
        bool parsed =
            address_parse(connection->dial->address, strlen(connection->dial->address), &address);
        ASSERT(parsed); /* or it would not have been dialed */
        complain(connection->owner, connection->dial->address, 0);
        dial_free(connection);
        list_remove(&connection->waiting);
        if (connection->owner->tls != NULL) {
            tcp_tls_begin(connection, address.host);
        } else {
            tcp_connection_opened(connection);
        }
        return;
    }
    connection->dial->failed = status;
    uv_close((uv_handle_t *)&connection->handle, attempt_closed);
}

static void connect_next(struct tcp_connection *connection)
{
    struct dial *dial = connection->dial;
    while (dial->next != NULL) {
        const struct sockaddr *where = dial->next->ai_addr;
        dial->next = dial->next->ai_next;
        tcp_connection_init_handle(connection);
        tcp_connection_wait(connection, connection->owner->connect_us_max);
        int failed = uv_tcp_connect(&dial->connect, &connection->handle, where, connected);
        if (failed == 0) return;
        dial->failed = failed;
        uv_close((uv_handle_t *)&connection->handle, attempt_closed);
        return;
    }
    give_up(connection, dial->failed);
}

bool tcp_dial_late(struct tcp_connection *connection)
{
    if (!connection->has_handle) return false; /* the name is being resolved */
    if (uv_is_closing((uv_handle_t *)&connection->handle)) return true;
    connection->dial->failed = UV_ETIMEDOUT;
    uv_close((uv_handle_t *)&connection->handle, attempt_closed);
    return true;
}

static void resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
    struct tcp_connection *connection = resolve->data;
    connection->resolving = false;
    connection->dial->found = found;
    if (connection->state != TCP_DIALING) {
        dial_free(connection);
        /* Reported and forgotten already, or still to be: then tcp_report() frees it. */
        if (list_empty(&connection->reports)) tcp_connection_free(connection);
        return;
    }
    if (status != 0) {
        give_up(connection, status);
        return;
    }
    connection->dial->next = found;
    connection->dial->failed = UV_EAI_NODATA;
    connect_next(connection);
}

void tcp_dial(struct tcp *tcp, uint32_t number, struct slice address)
{
    struct tcp_connection *connection = tcp_connection_new(tcp, number, NODE_PEER);
    tcp_connection_wait(connection, TCP_RESOLVE_US_MAX);
    struct dial *dial = calloc(1, sizeof *dial);
    if (dial == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    connection->dial = dial;
    size_t size = address.size < RAFT_ADDRESS_SIZE_MAX ? address.size : RAFT_ADDRESS_SIZE_MAX;
    memcpy(dial->address, address.data, size);

    struct address parsed;
    if (!address_parse(dial->address, size, &parsed)) {
        give_up(connection, UV_EINVAL);
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    dial->resolve.data = connection;
    int failed =
        uv_getaddrinfo(tcp->loop, &dial->resolve, resolved, parsed.host, parsed.port, &hints);
    if (failed != 0) {
        give_up(connection, failed);
        return;
    }
    connection->resolving = true;
}
