/* Connections of clients, and what becomes of their requests. See clients.h; answers.c is about
 * what they hear, owed.h about what they wait for, speak.c about what their protocols say by
 * themselves.
 *
 * A question (QUERY) shows what its connection proposed before it, and the group sees to that. That
 * it shows nothing of what is proposed behind it is seen to here: where the group cannot promise
 * it, the next proposal is `held` until the question is answered. */
#include "node/clients/clients.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/clients/answers.h"
#include "node/clients/holds.h"
#include "node/clients/owed.h"
#include "node/clients/speak.h"
#include "node/clients/watches.h"

void clients_init(struct clients *clients)
{
    const struct protocol_ops *protocol = clients->config->protocol;
    clients->speaks = protocol->turn != NULL || protocol->send != NULL;
    list_init(&clients->all);
    list_init(&clients->pump);
    list_init(&clients->touched);
    list_init(&clients->topics_all);
    list_init(&clients->marked);
    list_init(&clients->ready);
    list_init(&clients->spare);
    holds_init(clients);
}

void clients_free(struct clients *clients)
{
    owed_spare_free(clients);
    heap_free(&clients->due);
    map_free(&clients->topics);
}

bool clients_memory_short(const struct clients *clients)
{
    uint64_t most = clients->config->memory_bytes_max;
    return most != 0 && clients->bytes + clients->bytes_elsewhere > most;
}

void client_opened(struct clients *clients, uint32_t id, uint32_t place, bool closed)
{
    clients->counters.accepted++;
    struct client *client = calloc(1, sizeof *client);
    ASSERT(client != NULL);
    connection_init(clients->connections, &client->connection, id, NODE_CLIENT);
    list_init(&client->in_pump);
    list_init(&client->in_touched);
    list_init(&client->watches);
    list_init(&client->starved);
    list_init(&client->in_clients);
    client->in_due.at = HEAP_NOWHERE;
    list_append(&clients->all, &client->in_clients);
    clients->count++;
    bool full = clients->count > clients->config->connections_max;
    if (full || closed) {
        clients->counters.turned_away++;
        if (full) {
            clients->config->protocol->refuse(NULL, 0, PROTOCOL_REFUSED_FULL,
                                              &client->connection.out);
            connection_dirty(clients->connections, &client->connection);
        }
        connection_close(clients->connections, &client->connection);
        return;
    }
    struct protocol_config config = clients->config->protocol_config;
    config.place = place;
    client->protocol = clients->config->protocol->open(&config);
    speak_touch(clients, client);
}

void client_free(struct clients *clients, struct client *client)
{
    watches_free(clients, client);
    holds_drop(clients, client);
    owed_free(clients, client);
    if (client->protocol != NULL) clients->config->protocol->close(client->protocol);
    if (client->awaiting > 0) clients->awaiting--;
    clients->bytes -= client->bytes;
    speak_forget(clients, client);
    list_remove(&client->in_pump);
    list_remove(&client->in_clients);
    buffer_free(&client->input);
    buffer_free(&client->sessions);
    connection_release(clients->connections, &client->connection);
    free(client);
}

void client_closed(struct clients *clients, struct client *client)
{
    clients->count--;
    client_free(clients, client);
}

bool client_has_session(const struct client *client, uint32_t group)
{
    struct reader reader = reader_of(buffer_slice(&client->sessions));
    while (reader.bytes.size > 0) {
        if (read_u16(&reader) == group) return true;
    }
    return false;
}

static void session_forget(struct client *client, uint32_t group)
{
    struct reader reader = reader_of(buffer_slice(&client->sessions));
    struct buffer kept = {0};
    while (reader.bytes.size > 0) {
        uint16_t other = read_u16(&reader);
        if (other != group) buffer_put_u16(&kept, other);
    }
    buffer_free(&client->sessions);
    client->sessions = kept;
}

void clients_close_all(struct clients *clients)
{
    for (struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        connection_close(clients->connections,
                         &LIST_ITEM(at, struct client, in_clients)->connection);
    }
}

void clients_reborn(struct clients *clients, uint32_t group)
{
    clients_close_all(clients);
    for (struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        session_forget(LIST_ITEM(at, struct client, in_clients), group);
    }
}

/* --- requests --- */

void client_turned_down(struct clients *clients, struct client *client, enum protocol_refusal why)
{
    answer_refused(clients, client, owed_add(client, client->request.token, OWED_ASKED), why);
}

void client_proposed(struct clients *clients, struct client *client, uint32_t group)
{
    struct owed *owed = owed_add(client, client->request.token, OWED_PROPOSED);
    owed->group = (uint16_t)group;
    owed->all = client->request.write == PROTOCOL_WRITE_ALL;
    if (client->awaiting++ == 0) clients->awaiting++;
    if (client->request.blocks) client->blocked = true;
}

client_place client_asks(struct client *client, uint32_t group)
{
    client_place place = client->owed_from + owed_count(client);
    owed_add(client, client->request.token, OWED_ASKED)->group = (uint16_t)group;
    return place;
}

client_place client_early(struct client *client, uint32_t group)
{
    client_place place = client->owed_from + owed_count(client);
    owed_add(client, client->request.token, OWED_EARLY)->group = (uint16_t)group;
    client->early++;
    return place;
}

void client_waits(struct clients *clients, struct client *client, client_place place,
                  void *question, bool in_order)
{
    struct owed *owed = owed_at(client, place);
    owed->question = question;
    owed->bytes = (uint32_t)client->request.command.size;
    owed->holds = !in_order && clients->config->protocol->ordered;
    client->asking++;
    client->asked_bytes += owed->bytes;
    if (owed->holds) client->holding++;
}

bool client_awaits(const struct client *client, uint32_t group)
{
    client_place from = client->proposed_from;
    return client->awaiting > 0 && owed_proposal(client, group, &from) != NULL;
}

void *client_take_question(struct client *client, uint32_t *group)
{
    if (client->asking == 0) return NULL;
    client_place at = client->owed_from;
    struct owed *owed = owed_at(client, at);
    while (owed->state != OWED_ASKED || owed->question == NULL) owed = owed_at(client, ++at);
    void *question = owed->question;
    *group = owed->group;
    (void)question_over(client, owed);
    return question;
}

/* Nothing more may be asked for now. */
static bool client_stalled(const struct clients *clients, const struct client *client)
{
    if (client->connection.closing || client->quitting) return true;
    if (client->held || client->blocked) return true;
    if (owed_count(client) >= clients->config->pending_max) return true;
    uint64_t unsaid = client->connection.unsent + client->connection.out.size + client->said_bytes +
                      client->asked_bytes;
    if (unsaid > NODE_OWED_SHORT && clients_memory_short(clients)) return true;
    return unsaid > clients->config->output_bytes_max;
}

/* A session goes forward: what it is told behind another answer is no older than that. */
static bool client_query_waits(const struct clients *clients, const struct client *client)
{
    if (client->request.read != PROTOCOL_READ_SESSION || client->asking == 0) return false;
    return clients->config->protocol->ordered;
}

/* True when it is for a group. */
static bool client_take(struct clients *clients, struct client *client)
{
    struct protocol_request *request = &client->request;
    switch (request->kind) {
    case PROTOCOL_NONE: return false;
    case PROTOCOL_PROPOSE: client->held = client->holding > 0; return !client->held;
    case PROTOCOL_QUERY: client->held = client_query_waits(clients, client); return !client->held;
    case PROTOCOL_WATCH:
    case PROTOCOL_CANCEL: return true;
    case PROTOCOL_WAIT: hold_wait(clients, client); return false;
    case PROTOCOL_LITERAL: owed_say(clients, client, request->command); return false;
    case PROTOCOL_CLOSE:
        client->quitting = true;
        if (request->command.size > 0) owed_say(clients, client, request->command);
        if (client->owed.size == 0) connection_close(clients->connections, &client->connection);
        return false;
    }
    return false;
}

/* It may not ask for more now; of an unordered protocol all bytes go in nevertheless. */
static void client_take_in(struct clients *clients, struct client *client, struct slice *rest)
{
    if (clients->config->protocol->ordered || client->connection.closing) return;
    (void)clients->config->protocol->next(client->protocol, rest, NULL);
    ASSERT(rest->size == 0);
    client->inside = true;
}

bool client_next(struct clients *clients, struct client *client, struct slice *rest)
{
    speak_touch(clients, client);
    while (rest->size > 0 || client->inside) {
        if (client_stalled(clients, client)) {
            client_take_in(clients, client, rest);
            return false;
        }
        client->inside = !clients->config->protocol->ordered;
        client->request = (struct protocol_request){0};
        client->request.kind =
            clients->config->protocol->next(client->protocol, rest, &client->request);
        if (client->request.more) client->inside = true;
        if (client_take(clients, client)) return true;
        if (client->request.kind == PROTOCOL_NONE) {
            client->inside = false;
            return false;
        }
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
    bool owed = client->held || client->unsaid || client->owed.size > 0;
    bool more = (client->input.size > 0 || client->inside) && client_stalled(clients, client);
    if (!owed && !more) connection_close(clients->connections, &client->connection);
}

void client_ended(struct clients *clients, struct client *client)
{
    client->ended = true;
    client_finish(clients, client);
}

bool client_due(struct client *client)
{
    if (client->connection.closing || !client->held) return false;
    bool query = client->request.kind == PROTOCOL_QUERY;
    if (query ? client->asking > 0 : client->holding > 0) return false;
    client->held = false;
    return true;
}

struct slice client_kept(struct clients *clients, struct client *client)
{
    if (client->quitting && client->owed.size == 0) {
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
    if (protocol->shed == NULL || protocol->held(client->protocol) <= NODE_HELD_SHORT) return;
    if (!clients_memory_short(clients)) return;
    protocol->shed(client->protocol);
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
    if (client->unsaid) speak_touch(clients, client);
    if (!list_empty(&client->starved)) watches_sent(clients, client);
    return client->input.size > 0 || client->inside || !client->connection.reading;
}

struct client *clients_pump(struct clients *clients)
{
    if (list_empty(&clients->pump)) return NULL;
    struct client *client = LIST_ITEM(clients->pump.next, struct client, in_pump);
    list_remove(&client->in_pump);
    return client;
}

void clients_drain(struct clients *clients)
{
    for (struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        struct client *client = LIST_ITEM(at, struct client, in_clients);
        speak_drain(clients, client);
        bool busy = client->asking > 0 || client->early > 0 || client->holds > 0 ||
                    (client->awaiting > 0 && !client->blocked);
        if (!busy && !client->unsaid) connection_close(clients->connections, &client->connection);
    }
}
