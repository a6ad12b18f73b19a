/* Client connections: bytes in, requests decoded, replies out in the order of the requests.
 *
 * What a client is owed stands in `slots`, a queue of bytes: SLOT_AWAIT for a proposal whose reply
 * the machine will emit, SLOT_LITERAL with a reply that is known already but must stand behind
 * others. A question (QUERY) is asked when all before it is answered, so it waits (`held`, then
 * `reading`: reads.c), and nothing behind it is decoded, instead of taking a slot. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node_internal.h"

enum { SLOT_AWAIT = 1, SLOT_LITERAL = 2 };

void client_opened(struct node *node, uint32_t id)
{
    node->counters.connections_accepted++;
    struct client *client = calloc(1, sizeof *client);
    ASSERT(client != NULL);
    connection_init(&node->connections, &client->connection, id, NODE_CLIENT);
    list_init(&client->in_pump);
    list_init(&client->in_clients);
    list_append(&node->clients, &client->in_clients);
    node->clients_count++;
    node->counters.connections_open++;
    bool full = node->clients_count > node->config.connections_max;
    if (full || node->draining || membership_removed(node)) {
        node->counters.connections_refused++;
        if (full) {
            node->config.protocol->refuse(NULL, slice_of(NULL, 0), PROTOCOL_REFUSED_FULL,
                                          &client->connection.out);
            connection_dirty(&node->connections, &client->connection);
        }
        connection_close(&node->connections, &client->connection);
        return;
    }
    client->decoder = node->config.protocol->open(&node->config.protocol_config);
}

void client_free(struct node *node, struct client *client)
{
    if (client->decoder != NULL) node->config.protocol->close(client->decoder);
    if (client->awaiting > 0) node->clients_awaiting--;
    node->clients_bytes -= client->bytes;
    list_remove(&client->in_pump);
    if (client->read != NULL) group_read_cancel(node->group, client->read);
    list_remove(&client->in_clients);
    buffer_free(&client->input);
    buffer_free(&client->slots);
    connection_release(&node->connections, &client->connection);
    free(client);
}

void client_closed(struct node *node, struct client *client)
{
    node->clients_count--;
    node->counters.connections_open--;
    if (client->has_session) group_session_end(node->group, client->connection.id);
    client_free(node, client);
}

/* What is held for this client may have changed: for the memory limit. */
static void client_weigh(struct node *node, struct client *client)
{
    uint64_t bytes = client->input.capacity + client->slots.capacity + client->connection.out.size +
                     client->connection.unsent;
    if (client->decoder != NULL) bytes += node->config.protocol->held(client->decoder);
    node->clients_bytes += bytes - client->bytes;
    client->bytes = bytes;
}

/* More is held than was allowed: what may be refused is, and nobody hoards. */
static bool memory_short(const struct node *node)
{
    uint64_t most = node->config.memory_bytes_max;
    if (most == 0) return false;
    const struct replica *replica = group_replica(node->group);
    uint64_t used = node->clients_bytes + group_proposal_bytes(node->group);
    used += replica->ops->bytes(replica->machine);
    if (group_raft(node->group) != NULL) used += raft_log_bytes(group_raft(node->group));
    return used > most;
}

/* Literals that now stand first. */
static void slots_settle(struct node *node, struct client *client)
{
    while (client->slots.size > 0) {
        struct reader reader = reader_of(buffer_slice(&client->slots));
        if (read_u8(&reader) != SLOT_LITERAL) return;
        struct slice text = read_bytes(&reader);
        ASSERT(!reader.bad);
        buffer_append_slice(&client->connection.out, text);
        connection_dirty(&node->connections, &client->connection);
        buffer_consume(&client->slots, 5 + text.size);
    }
}

static void slots_await(struct node *node, struct client *client)
{
    buffer_put_u8(&client->slots, SLOT_AWAIT);
    if (client->awaiting++ == 0) node->clients_awaiting++;
}

static void client_say(struct node *node, struct client *client, struct slice text)
{
    if (client->slots.size == 0) {
        buffer_append_slice(&client->connection.out, text);
        connection_dirty(&node->connections, &client->connection);
        return;
    }
    buffer_put_u8(&client->slots, SLOT_LITERAL);
    buffer_put_bytes(&client->slots, text);
}

/* The first slot is a proposal's and its reply has just been appended to `out`. */
static void slot_answered(struct node *node, struct client *client)
{
    buffer_consume(&client->slots, 1);
    client->awaiting--;
    if (client->awaiting == 0) {
        client->blocked = false;
        node->clients_awaiting--;
    }
    node->counters.replies++;
    connection_dirty(&node->connections, &client->connection);
    slots_settle(node, client);
    bool waiting = client->held || client->input.size > 0 || client->quitting || client->ended;
    if (waiting && list_empty(&client->in_pump)) list_append(&node->pump, &client->in_pump);
}

/* The question that it waited for is answered, or refused: it may go on. */
static void client_read_ended(struct node *node, struct client *client)
{
    client->read = NULL;
    if (list_empty(&client->in_pump)) list_append(&node->pump, &client->in_pump);
}

void client_reply(struct node *node, struct client *client, const void *payload)
{
    if (client->read != NULL) client_read_ended(node, client);
    if (client->connection.closing) return;
    const struct protocol_ops *protocol = node->config.protocol;
    protocol->reply(client->decoder, payload, &client->connection.out);
    if (client->slots.size == 0) { /* a question, answered in its turn */
        connection_dirty(&node->connections, &client->connection);
        return;
    }
    ASSERT(client->slots.data[client->slots.head] == SLOT_AWAIT);
    slot_answered(node, client);
    client_weigh(node, client);
}

static void client_refuse(struct node *node, struct client *client, struct slice command)
{
    node->counters.refused++;
    node->config.protocol->refuse(client->decoder, command, PROTOCOL_REFUSED_NO_LEADER,
                                  &client->connection.out);
    ASSERT(client->slots.size > 0 && client->slots.data[client->slots.head] == SLOT_AWAIT);
    slot_answered(node, client);
}

static struct client *client_of(struct node *node, uint32_t id)
{
    struct connection *connection = connection_find(&node->connections, id);
    if (connection == NULL || connection->listener != NODE_CLIENT || connection->closing) {
        return NULL;
    }
    return (struct client *)connection;
}

void clients_count_refused(struct node *node, uint32_t connection, bool reset)
{
    struct client *client = client_of(node, connection);
    if (client != NULL) client->refused = reset ? 0 : client->refused + 1;
}

void clients_refuse(struct node *node, uint32_t connection, struct slice command)
{
    struct client *client = client_of(node, connection);
    if (client == NULL) return;
    if (client->awaiting == client->refused) {
        client->refused--;
        client_refuse(node, client, command);
        return;
    }
    /* An earlier one may have been carried out: the order of replies cannot be kept. */
    clients_close_uncertain(node, connection);
}

void clients_close_uncertain(struct node *node, uint32_t connection)
{
    struct client *client = client_of(node, connection);
    if (client == NULL) return;
    node->counters.closed_uncertain++;
    connection_close(&node->connections, &client->connection);
}

void clients_refuse_read(struct node *node, uint32_t connection)
{
    struct connection *found = connection_find(&node->connections, connection);
    if (found == NULL || found->listener != NODE_CLIENT) return;
    struct client *client = (struct client *)found;
    client_read_ended(node, client);
    node->counters.refused++;
    node->config.protocol->refuse(client->decoder, client->request.command,
                                  PROTOCOL_REFUSED_NO_LEADER, &client->connection.out);
    connection_dirty(&node->connections, &client->connection);
}

void clients_reborn(struct node *node)
{
    clients_close_all(node);
    for (struct list *at = node->clients.next; at != &node->clients; at = at->next) {
        LIST_ITEM(at, struct client, in_clients)->has_session = false;
    }
}

/* Why a request that grows the state cannot be taken now; false when it can. */
static bool client_refusal(const struct node *node, const struct protocol_request *request,
                           enum protocol_refusal *why)
{
    if (request->grows && node->draining) {
        *why = PROTOCOL_REFUSED_DRAINING;
        return true;
    }
    if (!request->grows) return false;
    *why = PROTOCOL_REFUSED_FULL;
    if (node->disk_full) return true;
    if (memory_short(node)) return true;
    *why = PROTOCOL_REFUSED_BUSY;
    return group_full(node->group);
}

static void client_ask(struct node *node, struct client *client)
{
    client->read = group_read(node->group, client->connection.id, client->request.read,
                              client->request.command);
}

/* It says nothing more, so nothing that it waits for may take its time. */
static void client_hurry(struct node *node, const struct client *client)
{
    group_session_hurry(node->group, client->connection.id);
}

static void client_propose(struct node *node, struct client *client,
                           const struct protocol_request *request)
{
    enum protocol_refusal why;
    if (client_refusal(node, request, &why)) {
        node->counters.refused++;
        buffer_clear(&node->scratch);
        node->config.protocol->refuse(client->decoder, request->command, why, &node->scratch);
        client_say(node, client, buffer_slice(&node->scratch));
        return;
    }
    if (!client->has_session) {
        client->has_session = true;
        group_session_begin(node->group);
    }
    group_propose(node->group, client->connection.id, request->command);
    slots_await(node, client);
    if (!request->blocks) return;
    client->blocked = true;
    if (client->ended) client_hurry(node, client);
}

/* Nothing more may be decoded now. */
static bool client_stalled(const struct node *node, const struct client *client)
{
    if (client->connection.closing || client->quitting) return true;
    if (client->held || client->read != NULL || client->blocked) return true;
    if (client->awaiting >= node->config.pending_max) return true;
    uint64_t owed = client->connection.unsent + client->connection.out.size + client->slots.size;
    if (owed > NODE_OWED_SHORT && memory_short(node)) return true;
    return owed > node->config.output_bytes_max;
}

static void client_take(struct node *node, struct client *client)
{
    struct protocol_request *request = &client->request;
    switch (request->kind) {
    case PROTOCOL_PARTIAL: break;
    case PROTOCOL_PROPOSE: client_propose(node, client, request); break;
    case PROTOCOL_QUERY:
        if (client->slots.size > 0) {
            client->held = true;
        } else {
            client_ask(node, client);
        }
        break;
    case PROTOCOL_LITERAL: client_say(node, client, request->command); break;
    case PROTOCOL_CLOSE:
        client->quitting = true;
        if (client->slots.size == 0) connection_close(&node->connections, &client->connection);
        break;
    }
}

/* Decodes as far as it may; returns how much of `bytes` was used. */
static size_t client_decode(struct node *node, struct client *client, struct slice bytes)
{
    size_t used = 0;
    while (used < bytes.size && !client_stalled(node, client)) {
        size_t consumed = 0;
        struct slice rest = slice_of(bytes.data + used, bytes.size - used);
        client->request.kind =
            node->config.protocol->decode(client->decoder, rest, &consumed, &client->request);
        used += consumed;
        client_take(node, client);
        if (client->request.kind == PROTOCOL_PARTIAL && consumed == 0) break;
    }
    return used;
}

static void client_back_pressure(struct node *node, struct client *client)
{
    bool full = client->input.size >= NODE_CLIENT_INPUT_MAX;
    bool low = client->input.size < NODE_CLIENT_INPUT_MAX / 2;
    if (full) connection_reading(&node->connections, &client->connection, false);
    if (low && !client_stalled(node, client))
        connection_reading(&node->connections, &client->connection, true);
}

/* A client that sends no more is closed once all that it sent is carried out and answered. */
static void client_finish(struct node *node, struct client *client)
{
    if (!client->ended || client->connection.closing) return;
    bool owed = client->held || client->read != NULL || client->slots.size > 0;
    bool more = client->input.size > 0 && client_stalled(node, client);
    if (!owed && !more) connection_close(&node->connections, &client->connection);
}

void client_ended(struct node *node, struct client *client)
{
    client->ended = true;
    if (client->blocked) client_hurry(node, client);
    client_finish(node, client);
}

static void client_go_on(struct node *node, struct client *client)
{
    if (client->connection.closing) return;
    if (client->held && client->slots.size == 0) {
        client->held = false;
        client_ask(node, client);
    }
    if (client->quitting && client->slots.size == 0) {
        connection_close(&node->connections, &client->connection);
        return;
    }
    size_t used = client_decode(node, client, buffer_slice(&client->input));
    buffer_consume(&client->input, used);
    if (client->input.size == 0 && client->input.capacity > 4096) buffer_free(&client->input);
    client_back_pressure(node, client);
    client_weigh(node, client);
    client_finish(node, client);
}

/* Takes what came, and keeps what it may not take yet. */
static void client_take_in(struct node *node, struct client *client, struct slice bytes)
{
    size_t used = 0;
    if (client->input.size == 0) used = client_decode(node, client, bytes);
    if (used == bytes.size) return;
    if (client->quitting) return; /* what follows a quit is not read */
    buffer_append(&client->input, bytes.data + used, bytes.size - used);
    client_back_pressure(node, client);
}

void client_received(struct node *node, struct client *client, struct slice bytes)
{
    if (client->connection.closing) return;
    client_take_in(node, client, bytes);
    client_weigh(node, client);
    const struct protocol_ops *protocol = node->config.protocol;
    if (protocol->shed == NULL || protocol->held(client->decoder) <= NODE_HELD_SHORT) return;
    if (!memory_short(node)) return;
    protocol->shed(client->decoder);
    client_weigh(node, client);
}

void client_sent(struct node *node, struct client *client)
{
    client_weigh(node, client);
    if (client->input.size > 0 || !client->connection.reading) client_go_on(node, client);
}

void clients_pump(struct node *node)
{
    while (!list_empty(&node->pump)) {
        struct client *client = LIST_ITEM(node->pump.next, struct client, in_pump);
        list_remove(&client->in_pump);
        client_go_on(node, client);
    }
}

void clients_close_all(struct node *node)
{
    for (struct list *at = node->clients.next; at != &node->clients; at = at->next) {
        connection_close(&node->connections, &LIST_ITEM(at, struct client, in_clients)->connection);
    }
}

void clients_drain(struct node *node)
{
    for (struct list *at = node->clients.next; at != &node->clients; at = at->next) {
        struct client *client = LIST_ITEM(at, struct client, in_clients);
        bool busy = client->read != NULL || (client->awaiting > 0 && !client->blocked);
        if (!busy) connection_close(&node->connections, &client->connection);
    }
}
