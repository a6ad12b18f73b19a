/* Output of connections, turn by turn. See connections.h. */
#include "node/turn/connections.h"

#include "base/assert.h"

void connections_init(struct connections *connections, struct turn *turn)
{
    *connections = (struct connections){.turn = turn};
    list_init(&connections->dirty);
    list_init(&connections->sending);
}

void connections_free(struct connections *connections)
{
    ASSERT(map_any(&connections->map) == NULL);
    map_free(&connections->map);
}

void connection_init(struct connections *connections, struct connection *connection, uint32_t id,
                     enum node_listener listener)
{
    connection->id = id;
    connection->listener = listener;
    connection->reading = true;
    list_init(&connection->in_dirty);
    map_insert(&connections->map, &connection->in_map, map_hash_u64(id));
}

struct connection *connection_find(struct connections *connections, uint32_t id)
{
    if (connections->found != NULL && connections->found->id == id) return connections->found;
    struct map_node *found = map_find(&connections->map, map_hash_u64(id));
    for (; found != NULL; found = map_find_next(found)) {
        struct connection *connection = LIST_ITEM(found, struct connection, in_map);
        if (connection->id != id) continue;
        connections->found = connection;
        return connection;
    }
    return NULL;
}

void connection_dirty(struct connections *connections, struct connection *connection)
{
    if (list_empty(&connection->in_dirty)) list_append(&connections->dirty, &connection->in_dirty);
}

void connection_close(struct connections *connections, struct connection *connection)
{
    connection->closing = true;
    connection_dirty(connections, connection);
}

void connection_reading(struct connections *connections, struct connection *connection, bool on)
{
    if (connection->reading == on || connection->closing) return;
    connection->reading = on;
    struct action *action = turn_act(connections->turn, ACTION_READ);
    action->connection = connection->id;
    action->on = on;
}

void connection_release(struct connections *connections, struct connection *connection)
{
    if (connections->found == connection) connections->found = NULL;
    list_remove(&connection->in_dirty);
    map_remove(&connections->map, &connection->in_map);
    buffer_free(&connection->out);
}

void connections_send(struct connections *connections)
{
    while (!list_empty(&connections->dirty)) {
        struct connection *connection =
            LIST_ITEM(connections->dirty.next, struct connection, in_dirty);
        list_remove(&connection->in_dirty);
        if (connection->out.size > 0 && !connection->close_told) {
            struct action *action = turn_act(connections->turn, ACTION_SEND);
            action->connection = connection->id;
            action->bytes = buffer_slice(&connection->out);
            connection->unsent += connection->out.size;
        }
        if (connection->closing && !connection->close_told) {
            connection->close_told = true;
            turn_act(connections->turn, ACTION_CLOSE)->connection = connection->id;
        }
        list_append(&connections->sending, &connection->in_dirty);
    }
}

void connections_begin(struct connections *connections)
{
    while (!list_empty(&connections->sending)) {
        struct connection *connection =
            LIST_ITEM(connections->sending.next, struct connection, in_dirty);
        list_remove(&connection->in_dirty);
        /* A burst should not pin its peak for the life of an idle connection. */
        if (connection->out.capacity > (64 << 10)) {
            buffer_free(&connection->out);
        } else {
            buffer_clear(&connection->out);
        }
    }
}
