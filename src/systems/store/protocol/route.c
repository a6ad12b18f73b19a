/* Who answers: the group of a slot, who leads it, and where clients dial that node. See
 * internal.h.
 *
 * A node goes by what it knew as of its last turn. Where that is stale, the request goes to a group
 * that this node does not lead any more, and the node forwards it: a redirect saves a hop, nothing
 * rests on it. */
#include <string.h>

#include "systems/store/protocol/internal.h"

struct slice route_host(struct slice address, uint64_t *port)
{
    size_t host = address.size; /* up to the last colon */
    *port = 0;
    while (host > 0 && address.data[host - 1] != ':') host--;
    if (host == 0) return slice_of(NULL, 0);
    decimal_read(slice_of(address.data + host, address.size - host), port);
    host--;
    if (host > 1 && address.data[0] == '[') return slice_of(address.data + 1, host - 2);
    return slice_of(address.data, host);
}

static const struct protocol_node *route_node(const struct store_connection *connection,
                                              uint32_t id)
{
    const struct protocol_facts *facts = connection->facts;
    for (uint32_t i = 0; facts != NULL && i < facts->nodes_count; i++) {
        if (facts->nodes[i].id == id) return &facts->nodes[i];
    }
    return NULL;
}

struct slice route_address(const struct store_connection *connection, uint32_t id)
{
    const struct protocol_node *node = route_node(connection, id);
    struct slice address = slice_of(NULL, 0);
    if (node != NULL && connection->place < node->places_count) {
        address = node->places[connection->place];
    }
    bool own = connection->facts == NULL || connection->facts->node == id;
    return address.size == 0 && own ? slice_text(connection->options->announced) : address;
}

bool route_leads(const struct store_connection *connection, uint32_t id)
{
    const struct protocol_facts *facts = connection->facts;
    if (facts == NULL) return false;
    for (uint32_t i = facts->groups_count > 1; i < facts->groups_count; i++) {
        if (facts->groups[i].leader == id) return true;
    }
    return false;
}

void route_say_nothing(struct asked *asked, enum store_op op)
{
    unsigned version = asked->connection->version;
    switch (op) {
    case STORE_DBSIZE: resp_put_integer(say(asked), 0); break;
    case STORE_KEYS: resp_put_array(say(asked), 0); break;
    case STORE_RANDOMKEY: resp_put_null(say(asked), version); break;
    case STORE_SCAN: {
        struct buffer *out = say(asked);
        resp_put_array(out, 2);
        resp_put_bulk(out, slice_text("0"));
        resp_put_array(out, 0);
        break;
    }
    default: say_error(asked, "READONLY this node leads no slot: ask one that does"); break;
    }
}

static void say_moved(struct asked *asked, uint16_t slot, struct slice address)
{
    struct buffer text = {0};
    uint64_t port;
    struct slice host = route_host(address, &port);
    buffer_append_text(&text, "MOVED ");
    buffer_append_decimal(&text, slot);
    buffer_append_text(&text, " ");
    buffer_append_slice(&text, host);
    buffer_append_text(&text, ":");
    buffer_append_decimal(&text, port);
    resp_put_error(say(asked), buffer_slice(&text));
    buffer_free(&text);
}

bool route_any(enum protocol_read read)
{
    return read != PROTOCOL_READ_LINEARIZABLE && read != PROTOCOL_READ_LEASE;
}

bool route_elsewhere(struct asked *asked, const struct store_command *row, uint16_t slot)
{
    const struct store_connection *connection = asked->connection;
    const struct protocol_facts *facts = connection->facts;
    const struct protocol_request *request = asked->request;
    bool here = request->kind == PROTOCOL_QUERY && route_any(request->read);
    if (!connection->options->redirects || facts == NULL || here) return false;
    uint32_t group = store_group_of(request->slot, facts->groups_count);
    uint32_t leader = facts->groups[group].leader;
    if (leader == 0 || leader == facts->node) return false; /* it waits for one, or is at it */
    struct slice address = route_address(connection, leader);
    if (address.size == 0) return false;
    if (slot == STORE_NO_SLOT) {
        route_say_nothing(asked, row->op);
    } else {
        say_moved(asked, slot, address);
    }
    return true;
}
