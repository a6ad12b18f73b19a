/* Shared by connection.c and dial.c alone. */
#ifndef QUARTET_SERVER_CONNECTION_INTERNAL_H
#define QUARTET_SERVER_CONNECTION_INTERNAL_H

#include "server/connection.h"

enum connection_state {
    CONNECTION_DIALING,
    CONNECTION_OPEN,
    CONNECTION_GONE, /* to be reported, then freed */
};

struct connection {
    struct map_node node; /* by number */
    struct list dirty;
    struct list reports;
    struct list waiting;
    struct connections *owner;
    uint32_t number;
    enum node_listener listener;
    enum connection_state state;
    enum event_type report; /* when GONE: CLOSED, CONNECT_FAILED, or 0: the node never knew it */
    bool close_wanted;
    bool writing; /* `flight` is with libuv */
    bool has_handle;
    bool resolving;        /* the dial's request is with libuv */
    bool free_when_closed; /* the handle is being closed for another reason */
    unsigned slices_count;
    uint64_t sent; /* not yet reported */
    uint64_t deadline_us;
    uv_buf_t slices[CONNECTION_SLICES_MAX];
    struct buffer flight;
    struct buffer backlog;
    uv_tcp_t tcp;
    uv_write_t write;
    struct dial *dial;
};

struct connection *connection_find(const struct connections *connections, uint32_t number);
struct connection *connection_new(struct connections *connections, uint32_t number,
                                  enum node_listener listener);
void connection_free(struct connection *connection);
void connection_init_handle(struct connection *connection);
/* The handle is connected: tells the node and begins to read. */
void connection_opened(struct connection *connection);
/* The connection is over. The node hears `report` (0: nothing) from connections_report(). */
void connection_end(struct connection *connection, enum event_type report);
void connection_step(struct connection *connection, enum event_type type);

#endif
