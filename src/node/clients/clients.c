/* Replies in the order of requests. See clients.h.
 *
 * What a client is owed stands in `slots`, a queue of bytes: SLOT_AWAIT for a proposal whose reply
 * the machine will emit, SLOT_LITERAL with a reply that is known already but must stand behind
 * others. A question (QUERY) is asked when all before it is answered, so it waits (`held`, then
 * `question`), and nothing behind it is decoded, instead of taking a slot. */
#include "node/clients/clients.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { SLOT_AWAIT = 1, SLOT_LITERAL = 2 };

void clients_init(struct clients *clients)
{
    list_init(&clients->all);
    list_init(&clients->pump);
}

void clients_free(struct clients *clients)
{
    buffer_free(&clients->scratch);
}

void client_opened(struct clients *clients, uint32_t id, bool closed)
{
    clients->counters.accepted++;
    struct client *client = calloc(1, sizeof *client);
    ASSERT(client != NULL);
    connection_init(clients->connections, &client->connection, id, NODE_CLIENT);
    list_init(&client->in_pump);
    list_init(&client->in_clients);
    list_append(&clients->all, &client->in_clients);
    clients->count++;
    bool full = clients->count > clients->config->connections_max;
    if (full || closed) {
        clients->counters.turned_away++;
        if (full) {
            clients->config->protocol->refuse(NULL, slice_of(NULL, 0), PROTOCOL_REFUSED_FULL,
                                              &client->connection.out);
            connection_dirty(clients->connections, &client->connection);
        }
        connection_close(clients->connections, &client->connection);
        return;
    }
    client->decoder = clients->config->protocol->open(&clients->config->protocol_config);
}

void client_free(struct clients *clients, struct client *client)
{
    if (client->decoder != NULL) clients->config->protocol->close(client->decoder);
    if (client->awaiting > 0) clients->awaiting--;
    clients->bytes -= client->bytes;
    list_remove(&client->in_pump);
    list_remove(&client->in_clients);
    buffer_free(&client->input);
    buffer_free(&client->slots);
    connection_release(clients->connections, &client->connection);
    free(client);
}

void client_closed(struct clients *clients, struct client *client)
{
    clients->count--;
    client_free(clients, client);
}

/* What is held for this client may have changed: for the memory limit. */
static void client_weigh(struct clients *clients, struct client *client)
{
    uint64_t bytes = client->input.capacity + client->slots.capacity + client->connection.out.size +
                     client->connection.unsent;
    if (client->decoder != NULL) bytes += clients->config->protocol->held(client->decoder);
    clients->bytes += bytes - client->bytes;
    client->bytes = bytes;
}

bool clients_memory_short(const struct clients *clients)
{
    uint64_t most = clients->config->memory_bytes_max;
    return most != 0 && clients->bytes + clients->bytes_elsewhere > most;
}

/* Literals that now stand first. */
static void slots_settle(struct clients *clients, struct client *client)
{
    while (client->slots.size > 0) {
        struct reader reader = reader_of(buffer_slice(&client->slots));
        if (read_u8(&reader) != SLOT_LITERAL) return;
        struct slice text = read_bytes(&reader);
        ASSERT(!reader.bad);
        buffer_append_slice(&client->connection.out, text);
        connection_dirty(clients->connections, &client->connection);
        buffer_consume(&client->slots, 5 + text.size);
    }
}

static void slots_await(struct clients *clients, struct client *client)
{
    buffer_put_u8(&client->slots, SLOT_AWAIT);
    if (client->awaiting++ == 0) clients->awaiting++;
}

static void client_say(struct clients *clients, struct client *client, struct slice text)
{
    if (client->slots.size == 0) {
        buffer_append_slice(&client->connection.out, text);
        connection_dirty(clients->connections, &client->connection);
        return;
    }
    buffer_put_u8(&client->slots, SLOT_LITERAL);
    buffer_put_bytes(&client->slots, text);
}

/* The first slot is a proposal's and its reply has just been appended to `out`. */
static void slot_answered(struct clients *clients, struct client *client)
{
    buffer_consume(&client->slots, 1);
    client->awaiting--;
    if (client->awaiting == 0) {
        client->blocked = false;
        clients->awaiting--;
    }
    clients->counters.replies++;
    connection_dirty(clients->connections, &client->connection);
    slots_settle(clients, client);
    bool waiting = client->held || client->input.size > 0 || client->quitting || client->ended;
    if (waiting && list_empty(&client->in_pump)) list_append(&clients->pump, &client->in_pump);
}

/* The question that it waited for is answered, or refused: it may go on. */
static void question_ended(struct clients *clients, struct client *client)
{
    client->question = NULL;
    if (list_empty(&client->in_pump)) list_append(&clients->pump, &client->in_pump);
}

void client_reply(struct clients *clients, struct client *client, const void *payload)
{
    if (client->question != NULL) question_ended(clients, client);
    if (client->connection.closing) return;
    const struct protocol_ops *protocol = clients->config->protocol;
    protocol->reply(client->decoder, payload, &client->connection.out);
    if (client->slots.size == 0) { /* a question, answered in its turn */
        connection_dirty(clients->connections, &client->connection);
        return;
    }
    ASSERT(client->slots.data[client->slots.head] == SLOT_AWAIT);
    slot_answered(clients, client);
    client_weigh(clients, client);
}

static void client_refuse(struct clients *clients, struct client *client, struct slice command)
{
    clients->counters.refused++;
    clients->config->protocol->refuse(client->decoder, command, PROTOCOL_REFUSED_NO_LEADER,
                                      &client->connection.out);
    ASSERT(client->slots.size > 0 && client->slots.data[client->slots.head] == SLOT_AWAIT);
    slot_answered(clients, client);
}

static struct client *client_of(struct clients *clients, uint32_t id)
{
    struct connection *connection = connection_find(clients->connections, id);
    if (connection == NULL || connection->listener != NODE_CLIENT || connection->closing) {
        return NULL;
    }
    return (struct client *)connection;
}

void clients_count_refused(struct clients *clients, uint32_t connection, bool reset)
{
    struct client *client = client_of(clients, connection);
    if (client != NULL) client->refused = reset ? 0 : client->refused + 1;
}

void clients_refuse(struct clients *clients, uint32_t connection, struct slice command)
{
    struct client *client = client_of(clients, connection);
    if (client == NULL) return;
    if (client->awaiting == client->refused) {
        client->refused--;
        client_refuse(clients, client, command);
        return;
    }
    /* An earlier one may have been carried out: the order of replies cannot be kept. */
    clients_close_uncertain(clients, connection);
}

void clients_close_uncertain(struct clients *clients, uint32_t connection)
{
    struct client *client = client_of(clients, connection);
    if (client == NULL) return;
    clients->counters.closed_uncertain++;
    connection_close(clients->connections, &client->connection);
}

void clients_refuse_question(struct clients *clients, uint32_t connection)
{
    struct connection *found = connection_find(clients->connections, connection);
    if (found == NULL || found->listener != NODE_CLIENT) return;
    struct client *client = (struct client *)found;
    question_ended(clients, client);
    clients->counters.refused++;
    clients->config->protocol->refuse(client->decoder, client->request.command,
                                      PROTOCOL_REFUSED_NO_LEADER, &client->connection.out);
    connection_dirty(clients->connections, &client->connection);
}

void clients_reborn(struct clients *clients)
{
    clients_close_all(clients);
    for (struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        LIST_ITEM(at, struct client, in_clients)->has_session = false;
    }
}

void client_turned_down(struct clients *clients, struct client *client, enum protocol_refusal why)
{
    clients->counters.refused++;
    buffer_clear(&clients->scratch);
    clients->config->protocol->refuse(client->decoder, client->request.command, why,
                                      &clients->scratch);
    client_say(clients, client, buffer_slice(&clients->scratch));
}

void client_proposed(struct clients *clients, struct client *client)
{
    slots_await(clients, client);
    if (client->request.blocks) client->blocked = true;
}

void client_asked(struct client *client, void *question)
{
    client->question = question;
}

/* Nothing more may be decoded now. */
static bool client_stalled(const struct clients *clients, const struct client *client)
{
    if (client->connection.closing || client->quitting) return true;
    if (client->held || client->question != NULL || client->blocked) return true;
    if (client->awaiting >= clients->config->pending_max) return true;
    uint64_t owed = client->connection.unsent + client->connection.out.size + client->slots.size;
    if (owed > NODE_OWED_SHORT && clients_memory_short(clients)) return true;
    return owed > clients->config->output_bytes_max;
}

/* True when it is for a group. */
static bool client_take(struct clients *clients, struct client *client)
{
    struct protocol_request *request = &client->request;
    switch (request->kind) {
    case PROTOCOL_PARTIAL: return false;
    case PROTOCOL_PROPOSE: return true;
    case PROTOCOL_QUERY: client->held = client->slots.size > 0; return !client->held;
    case PROTOCOL_LITERAL: client_say(clients, client, request->command); return false;
    case PROTOCOL_CLOSE:
        client->quitting = true;
        if (client->slots.size == 0) connection_close(clients->connections, &client->connection);
        return false;
    }
    return false;
}

bool client_next(struct clients *clients, struct client *client, struct slice *rest)
{
    while (rest->size > 0 && !client_stalled(clients, client)) {
        size_t consumed = 0;
        client->request.kind =
            clients->config->protocol->decode(client->decoder, *rest, &consumed, &client->request);
        *rest = slice_of(rest->data + consumed, rest->size - consumed);
        if (client_take(clients, client)) return true;
        if (client->request.kind == PROTOCOL_PARTIAL && consumed == 0) return false;
    }
    return false;
}

static void client_back_pressure(struct clients *clients, struct client *client)
{
    bool full = client->input.size >= NODE_CLIENT_INPUT_MAX;
    bool low = client->input.size < NODE_CLIENT_INPUT_MAX / 2;
    if (full) connection_reading(clients->connections, &client->connection, false);
    if (low && !client_stalled(clients, client))
        connection_reading(clients->connections, &client->connection, true);
}

/* A client that sends no more is closed once all that it sent is carried out and answered. */
static void client_finish(struct clients *clients, struct client *client)
{
    if (!client->ended || client->connection.closing) return;
    bool owed = client->held || client->question != NULL || client->slots.size > 0;
    bool more = client->input.size > 0 && client_stalled(clients, client);
    if (!owed && !more) connection_close(clients->connections, &client->connection);
}

void client_ended(struct clients *clients, struct client *client)
{
    client->ended = true;
    client_finish(clients, client);
}

bool client_due(struct client *client)
{
    if (client->connection.closing || !client->held || client->slots.size > 0) return false;
    client->held = false;
    return true;
}

struct slice client_kept(struct clients *clients, struct client *client)
{
    if (client->quitting && client->slots.size == 0) {
        connection_close(clients->connections, &client->connection);
    }
    if (client->connection.closing) return slice_of(NULL, 0);
    return buffer_slice(&client->input);
}

void client_used(struct clients *clients, struct client *client, size_t used)
{
    buffer_consume(&client->input, used);
    if (client->input.size == 0 && client->input.capacity > 4096) buffer_free(&client->input);
    client_back_pressure(clients, client);
    client_weigh(clients, client);
    client_finish(clients, client);
}

static void client_shed(struct clients *clients, struct client *client)
{
    const struct protocol_ops *protocol = clients->config->protocol;
    if (protocol->shed == NULL || protocol->held(client->decoder) <= NODE_HELD_SHORT) return;
    if (!clients_memory_short(clients)) return;
    protocol->shed(client->decoder);
    client_weigh(clients, client);
}

void client_keep(struct clients *clients, struct client *client, struct slice rest)
{
    if (rest.size > 0 && !client->quitting) { /* what follows a quit is not read */
        buffer_append_slice(&client->input, rest);
        client_back_pressure(clients, client);
    }
    client_weigh(clients, client);
    client_shed(clients, client);
}

bool client_sent(struct clients *clients, struct client *client)
{
    client_weigh(clients, client);
    return client->input.size > 0 || !client->connection.reading;
}

struct client *clients_pump(struct clients *clients)
{
    if (list_empty(&clients->pump)) return NULL;
    struct client *client = LIST_ITEM(clients->pump.next, struct client, in_pump);
    list_remove(&client->in_pump);
    return client;
}

void clients_close_all(struct clients *clients)
{
    for (struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        connection_close(clients->connections,
                         &LIST_ITEM(at, struct client, in_clients)->connection);
    }
}

void clients_drain(struct clients *clients)
{
    for (struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        struct client *client = LIST_ITEM(at, struct client, in_clients);
        bool busy = client->question != NULL || (client->awaiting > 0 && !client->blocked);
        if (!busy) connection_close(clients->connections, &client->connection);
    }
}
