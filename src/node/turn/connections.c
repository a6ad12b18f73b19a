/* What all connections have in common: output gathered until the turn ends, reading on and off,
 * closing once what was owed has been said. */
#include <stdlib.h>

#include "base/assert.h"
#include "node/node_internal.h"

void connection_init(struct node *node, struct connection *connection, uint32_t id,
                     enum node_listener listener)
{
    connection->id = id;
    connection->listener = listener;
    connection->reading = true;
    list_init(&connection->in_dirty);
    map_insert(&node->connections, &connection->in_map, map_hash_u64(id));
}

struct connection *connection_find(struct node *node, uint32_t id)
{
    struct map_node *found = map_find(&node->connections, map_hash_u64(id));
    for (; found != NULL; found = map_find_next(found)) {
        struct connection *connection = LIST_ITEM(found, struct connection, in_map);
        if (connection->id == id) return connection;
    }
    return NULL;
}

void connection_dirty(struct node *node, struct connection *connection)
{
    if (list_empty(&connection->in_dirty)) list_append(&node->dirty, &connection->in_dirty);
}

void connection_close(struct node *node, struct connection *connection)
{
    connection->closing = true;
    connection_dirty(node, connection);
}

void connection_reading(struct node *node, struct connection *connection, bool on)
{
    if (connection->reading == on || connection->closing) return;
    connection->reading = on;
    struct action *action = node_act(node, ACTION_READ);
    action->connection = connection->id;
    action->on = on;
}

void connection_release(struct node *node, struct connection *connection)
{
    list_remove(&connection->in_dirty);
    map_remove(&node->connections, &connection->in_map);
    buffer_free(&connection->out);
}

void connections_send(struct node *node)
{
    while (!list_empty(&node->dirty)) {
        struct connection *connection = LIST_ITEM(node->dirty.next, struct connection, in_dirty);
        list_remove(&connection->in_dirty);
        if (connection->out.size > 0 && !connection->close_told) {
            struct action *action = node_act(node, ACTION_SEND);
            action->connection = connection->id;
            action->bytes = buffer_slice(&connection->out);
            connection->unsent += connection->out.size;
        }
        if (connection->closing && !connection->close_told) {
            connection->close_told = true;
            node_act(node, ACTION_CLOSE)->connection = connection->id;
        }
        list_append(&node->sending, &connection->in_dirty);
    }
}

void connections_begin(struct node *node)
{
    while (!list_empty(&node->sending)) {
        struct connection *connection = LIST_ITEM(node->sending.next, struct connection, in_dirty);
        list_remove(&connection->in_dirty);
        /* A burst should not pin its peak for the life of an idle connection. */
        if (connection->out.capacity > (64 << 10)) {
            buffer_free(&connection->out);
        } else {
            buffer_clear(&connection->out);
        }
    }
}
