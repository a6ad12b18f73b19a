/* Shared by tcp.c and tcp_dial.c alone. */
#ifndef QUARTET_SERVER_TCP_INTERNAL_H
#define QUARTET_SERVER_TCP_INTERNAL_H

#include "server/tcp.h"

enum tcp_connection_state {
    TCP_DIALING,
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
    enum tcp_connection_state state;
    enum event_type report; /* when GONE: CLOSED, CONNECT_FAILED, or 0: the node never knew it */
    bool close_wanted;
    bool writing; /* `flight` is with libuv */
    bool has_handle;
    bool resolving;        /* the dial's request is with libuv */
    bool free_when_closed; /* the handle is being closed for another reason */
    unsigned slices_count;
    uint64_t sent; /* not yet reported */
    uint64_t deadline_us;
    uv_buf_t slices[TCP_SLICES_MAX];
    struct buffer flight;
    struct buffer backlog;
    uv_tcp_t handle;
    uv_write_t write;
    struct dial *dial;
};

struct tcp_connection *tcp_connection_find(const struct tcp *tcp, uint32_t number);
struct tcp_connection *tcp_connection_new(struct tcp *tcp, uint32_t number,
                                          enum node_listener listener);
void tcp_connection_free(struct tcp_connection *connection);
void tcp_connection_init_handle(struct tcp_connection *connection);
/* The handle is connected: tells the node and begins to read. */
void tcp_connection_opened(struct tcp_connection *connection);
/* The connection is over. The node hears `report` (0: nothing) from tcp_report(). */
void tcp_connection_end(struct tcp_connection *connection, enum event_type report);
/* It is to be dialed or closed within this time, or it ends. Replaces an earlier such time. */
void tcp_connection_wait(struct tcp_connection *connection, uint64_t for_us);
/* Where it dials does not answer in time. Whether there is something else to try or to wait for. */
bool tcp_dial_late(struct tcp_connection *connection);
void tcp_connection_step(struct tcp_connection *connection, enum event_type type);

#endif
