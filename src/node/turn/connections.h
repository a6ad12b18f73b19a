/* What all connections have in common: output gathered until the turn ends, reading on and off,
 * closing once what was owed has been said.
 *
 * A connection is the first member of its owner's struct (a client, a link, an admin), which the
 * owner allocates and frees; here it is only listed. What one says is sent whole, in order, at the
 * end of the turn, in the order in which connections first had something to say. */
#ifndef QUARTET_NODE_TURN_CONNECTIONS_H
#define QUARTET_NODE_TURN_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"
#include "node/node.h"
#include "node/turn/turn.h"

struct connection {
    struct map_node in_map;
    uint32_t id;
    enum node_listener listener;
    bool closing;         /* CLOSE is due or done: input is ignored */
    bool close_told;      /* the action went out */
    bool reading;         /* as the world was told last */
    struct list in_dirty; /* has output, or a close, for the next turn */
    struct buffer out;    /* append, then connection_dirty() */
    uint64_t unsent;      /* bytes handed to the world and not reported SENT */
};

struct connections {
    struct turn *turn;        /* borrowed */
    struct map map;           /* by id */
    struct connection *found; /* the last that was: replies come in runs. NULL: none */
    struct list dirty;
    struct list sending; /* whose `out` the actions of the last turn point into */
};

void connections_init(struct connections *connections, struct turn *turn);
/* All have been released. */
void connections_free(struct connections *connections);

/* `connection` is all zero; it is found by its id from here until connection_release(). */
void connection_init(struct connections *connections, struct connection *connection, uint32_t id,
                     enum node_listener listener);
/* NULL: there is none of this id (any more). */
struct connection *connection_find(struct connections *connections, uint32_t id);
/* Its `out` has grown: it is sent at the end of this turn. */
void connection_dirty(struct connections *connections, struct connection *connection);
/* Ends it, after its output. It stays, as `closing`, until the world reports CLOSED. */
void connection_close(struct connections *connections, struct connection *connection);
/* Tells the world to read on, or not to, where that is news. */
void connection_reading(struct connections *connections, struct connection *connection, bool on);
/* Forgets it and frees its output; its owner then frees the rest. */
void connection_release(struct connections *connections, struct connection *connection);

/* The turn ends: SENDs and CLOSEs of all that are dirty. Their bytes live until
 * connections_begin(). */
void connections_send(struct connections *connections);
/* The output of the last turn has been taken: its buffers are free again. */
void connections_begin(struct connections *connections);

#endif
