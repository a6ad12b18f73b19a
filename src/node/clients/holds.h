/* Answers that wait for voters: holds.c. */
#ifndef QUARTET_NODE_CLIENTS_HOLDS_H
#define QUARTET_NODE_CLIENTS_HOLDS_H

#include "node/clients/clients.h"

struct owed;

/* A reply that waits until all voters have its write on disk (PROTOCOL_WRITE_ALL), or a WAIT. */
struct hold {
    struct list link; /* in clients->holds */
    struct client *client;
    client_place place;
    bool wait;          /* a WAIT: not in its turn before `until_us` is set */
    uint32_t voters;    /* of a WAIT: beside the leader */
    uint64_t wait_us;   /* of a WAIT */
    uint32_t group;     /* of a reply, */
    uint64_t index;     /* and where its write is */
    uint64_t until_us;  /* 0: not known yet */
    struct buffer text; /* the reply */
};

void holds_init(struct clients *clients);
/* The client goes. */
void holds_drop(struct clients *clients, struct client *client);
/* The reply that the machine gave to this proposal is held. */
void hold_reply(struct clients *clients, struct client *client, struct owed *owed,
                const void *payload);
/* The WAIT in client->request takes its place among what the client is owed. */
void hold_wait(struct clients *clients, struct client *client);

#endif
