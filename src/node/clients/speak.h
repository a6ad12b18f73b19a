/* What protocols say by themselves: speak.c. For the files of this folder. */
#ifndef QUARTET_NODE_CLIENTS_SPEAK_H
#define QUARTET_NODE_CLIENTS_SPEAK_H

#include "node/clients/clients.h"

/* Something happened to it: its protocol is asked before the turn ends. */
static inline void speak_touch(struct clients *clients, struct client *client)
{
    if (!clients->speaks || !list_empty(&client->in_touched)) return;
    list_append(&clients->touched, &client->in_touched);
}

/* The node is about to stop: told once. */
void speak_drain(struct clients *clients, struct client *client);
void speak_forget(struct clients *clients, struct client *client);

#endif
