/* What protocols say by themselves, beside their answers: pings, pushes, what they kept back. See
 * protocol.h, turn() and send(). A protocol that has neither costs nothing here. */
#include "node/clients/speak.h"

static void due_end(struct clients *clients, struct client *client)
{
    if (client->in_due.at != HEAP_NOWHERE) heap_remove(&clients->due, &client->in_due);
}

void speak_forget(struct clients *clients, struct client *client)
{
    due_end(clients, client);
    list_remove(&client->in_touched);
}

void speak_drain(struct clients *clients, struct client *client)
{
    const struct protocol_ops *protocol = clients->config->protocol;
    if (client->drained || client->connection.closing) return;
    client->drained = true;
    if (protocol->drain == NULL) return;
    protocol->drain(client->protocol, &client->connection.out);
    connection_dirty(clients->connections, &client->connection);
    speak_touch(clients, client);
}

static void clock_turn(struct clients *clients, struct client *client)
{
    const struct protocol_ops *protocol = clients->config->protocol;
    uint64_t at_us =
        protocol->turn(client->protocol, clients->turn->now.mono_us, &client->connection.out);
    due_end(clients, client);
    if (at_us == PROTOCOL_TURN_CLOSE) {
        connection_close(clients->connections, &client->connection);
    } else if (at_us != UINT64_MAX) {
        heap_push(&clients->due, at_us, client->connection.id, &client->in_due);
    }
}

static void speak(struct clients *clients, struct client *client)
{
    const struct protocol_ops *protocol = clients->config->protocol;
    struct connection *connection = &client->connection;
    if (connection->closing) return;
    if (protocol->turn != NULL) clock_turn(clients, client);
    if (protocol->send != NULL) {
        uint64_t unsent = connection->unsent + connection->out.size;
        uint64_t most = clients->config->output_bytes_max;
        client->unsaid =
            unsent >= most || protocol->send(client->protocol, most - unsent, &connection->out);
    }
    if (connection->out.size > 0) connection_dirty(clients->connections, connection);
}

void clients_turn(struct clients *clients)
{
    if (!clients->speaks) return;
    uint64_t now_us = clients->turn->now.mono_us;
    const struct heap_slot *first = heap_min(&clients->due);
    for (; first != NULL && first->major <= now_us; first = heap_min(&clients->due)) {
        struct client *client = LIST_ITEM(first->place, struct client, in_due);
        due_end(clients, client);
        speak_touch(clients, client);
    }
    while (!list_empty(&clients->touched)) {
        struct client *client = LIST_ITEM(clients->touched.next, struct client, in_touched);
        list_remove(&client->in_touched);
        speak(clients, client);
    }
    first = heap_min(&clients->due);
    if (first != NULL) turn_wake(clients->turn, first->major);
}
