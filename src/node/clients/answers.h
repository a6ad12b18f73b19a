/* What clients hear of what they asked: answers.c. For the files of this folder. */
#ifndef QUARTET_NODE_CLIENTS_ANSWERS_H
#define QUARTET_NODE_CLIENTS_ANSWERS_H

#include "node/clients/clients.h"
#include "node/clients/owed.h"
#include "node/clients/speak.h"

/* What is held for this client may have changed: for the memory limit. */
static inline void client_weigh(struct clients *clients, struct client *client)
{
    if (clients->config->memory_bytes_max == 0) return;
    uint64_t bytes = client->input.capacity + client->owed.capacity + client->said_bytes +
                     client->asked_bytes + client->connection.out.size + client->connection.unsent;
    if (client->protocol != NULL) bytes += clients->config->protocol->held(client->protocol);
    clients->bytes += bytes - client->bytes;
    client->bytes = bytes;
}

/* It was answered; if it waited for that, it may go on. */
static inline void client_answered(struct clients *clients, struct client *client)
{
    speak_touch(clients, client);
    client_weigh(clients, client);
    const struct protocol_ops *protocol = clients->config->protocol;
    if (protocol->more != NULL && protocol->more(client->protocol)) client->inside = true;
    bool waiting = client->held || client->input.size > 0 || client->inside || client->quitting ||
                   client->ended;
    if (waiting && list_empty(&client->in_pump)) list_append(&clients->pump, &client->in_pump);
}

/* The question is asked no more. True when it had waited. */
bool question_over(struct client *client, struct owed *owed);
/* It hears why, in its turn. */
void answer_refused(struct clients *clients, struct client *client, struct owed *owed,
                    enum protocol_refusal why);

#endif
