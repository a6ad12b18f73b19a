/* Shared by the tcp*.c alone. */
#ifndef QUARTET_SERVER_TCP_INTERNAL_H
#define QUARTET_SERVER_TCP_INTERNAL_H

#include "server/tcp.h"

enum tcp_connection_state {
    TCP_DIALING,
    TCP_SHAKING, /* TLS: the node knows nothing of it yet, or that it dials */
    TCP_OPEN,
    TCP_GONE, /* to be reported, then freed */
};

struct tcp_connection {
    struct map_node node; /* by number */
    struct list dirty;
    struct list reports;
    struct list waiting;
    struct heap_place ready;
    uint64_t read_at; /* tcp.reads */
    struct tcp *owner;
    uint32_t number;
    enum node_listener listener;
    uint32_t place; /* of the listener: node.h */
    enum tcp_connection_state state;
    enum event_type report; /* when GONE: CLOSED, CONNECT_FAILED, or 0: the node never knew it */
    bool close_wanted;
    bool writing; /* `flight` is with libuv */
    bool has_handle;
    bool resolving;        /* the dial's request is with libuv */
    bool free_when_closed; /* the handle is being closed for another reason */
    bool counted;          /* in tcp.open */
    bool heard;            /* something came, in the clear */
    unsigned slices_count;
    uint64_t sent; /* not yet reported */
    uint64_t deadline_us;
    uv_buf_t slices[TCP_SLICES_MAX];
    struct buffer flight;
    struct buffer backlog;
    uv_tcp_t handle;
    uv_write_t write;
    struct dial *dial;
    struct tls_session *tls; /* NULL: in the clear */
    uint64_t plain_out,
        wire_out; /* under TLS, of what the kernel has not taken: see tcp_tls_sent() */
};

struct tcp_connection *tcp_connection_find(const struct tcp *tcp, uint32_t number);
struct tcp_connection *tcp_connection_new(struct tcp *tcp, uint32_t number,
                                          enum node_listener listener);
void tcp_connection_free(struct tcp_connection *connection);
void tcp_connection_init_handle(struct tcp_connection *connection);
/* The handle is connected, and TLS, where there is any, established: tells the node. */
void tcp_connection_opened(struct tcp_connection *connection);
/* It takes a place among the open ones. */
void tcp_connection_count(struct tcp_connection *connection);
/* 0, or a negative uv error: also when it is read already. */
int tcp_connection_read(struct tcp_connection *connection);
/* Writes what waits in `backlog`. */
void tcp_connection_flush(struct tcp_connection *connection);
/* The connection is over. The node hears `report` (0: nothing) from tcp_report(). */
void tcp_connection_end(struct tcp_connection *connection, enum event_type report);
/* It is to be dialed or closed within this time, or it ends. Replaces an earlier such time. */
void tcp_connection_wait(struct tcp_connection *connection, uint64_t for_us);
/* Where it dials does not answer in time. Whether there is something else to try or to wait for. */
bool tcp_dial_late(struct tcp_connection *connection);
void tcp_connection_step(struct tcp_connection *connection, enum event_type type);
void tcp_connection_received(struct tcp_connection *connection, struct slice bytes);

/* --- tcp_tls.c ------------------------------------------------------------------------------- */

/* The handle is connected. `host`: who was dialed; NULL: it was accepted. */
void tcp_tls_begin(struct tcp_connection *connection, const char *host);
/* Bytes from the socket. */
void tcp_tls_receive(struct tcp_connection *connection, struct slice bytes);
/* The borrowed slices, as they go over the wire, to the end of `backlog`. */
void tcp_tls_seal(struct tcp_connection *connection);
void tcp_tls_seal_one(struct tcp_connection *connection, struct slice bytes);
/* The last that it says: nothing more follows. */
void tcp_tls_end(struct tcp_connection *connection);
/* How much of the node's output has left with these bytes of the wire. */
uint64_t tcp_tls_sent(struct tcp_connection *connection, uint64_t size);
/* The handshake takes too long; the other side left during it. */
void tcp_tls_late(struct tcp_connection *connection);
void tcp_tls_left(struct tcp_connection *connection);
/* It speaks TLS at a port that is in the clear, where no protocol begins so: it would wait for an
 * answer that cannot come. */
void tcp_tls_missed(struct tcp_connection *connection);

#endif
