/* What a client is owed: the inside of clients.h, shared by the files of this folder.
 *
 * A request that is not answered has a place in `owed`, a queue of structs: a proposal whose reply
 * the machine will emit (a machine answers each session in order, so the first proposal of a group
 * is the one that its reply is for), one of which the client has heard that nobody knows (its reply
 * may come still, and says nothing), a question, a write that the leader acknowledges by itself, a
 * reply that waits for voters or the wish to know how many there are (holds.h), or one that is
 * answered already but whose text waits for the replies before it. Only the first is in its turn.
 * Of an unordered protocol all are: nothing waits, and places are given up as they become the
 * first. */
#ifndef QUARTET_NODE_CLIENTS_OWED_H
#define QUARTET_NODE_CLIENTS_OWED_H

#include "node/clients/clients.h"

enum owed_state { OWED_PROPOSED = 1, OWED_UNKNOWN, OWED_ASKED, OWED_EARLY, OWED_HELD, OWED_SAID };

struct said;

struct owed {
    uint64_t token;
    union {
        struct said *said; /* SAID: a text that waits for its turn; NULL: nothing */
        void *question;    /* ASKED: the hub's, while it waits; NULL: it does not */
    };
    uint32_t bytes; /* ASKED: held for it */
    uint16_t group; /* to this one; not of all that is SAID */
    uint8_t state;  /* enum owed_state */
    bool holds;     /* ASKED: proposals behind it wait for its answer */
    bool all;       /* PROPOSED: its reply waits for all voters */
};

static inline uint32_t owed_count(const struct client *client)
{
    return (uint32_t)(client->owed.size / sizeof(struct owed));
}

/* There is one. Borrowed, as all below, until one is added or said. */
static inline struct owed *owed_first(const struct client *client)
{
    return (struct owed *)(void *)(client->owed.data + client->owed.head);
}

static inline struct owed *owed_add(struct client *client, uint64_t token, enum owed_state state)
{
    struct owed *owed = (struct owed *)(void *)buffer_reserve(&client->owed, sizeof *owed);
    *owed = (struct owed){.token = token, .state = (uint8_t)state};
    client->owed.size += sizeof *owed;
    return owed;
}

struct owed *owed_at(const struct client *client, client_place place);
/* The first proposal, from place *from on, that this group has not replied to; *from is its place.
 * NULL: there is none. */
struct owed *owed_proposal(const struct client *client, uint32_t group, client_place *from);
/* The first of all. There is one. */
struct owed *owed_proposed(struct client *client, uint32_t group);
/* Where the text of its answer goes: out, or behind those that are to come first. Append it all,
 * then call owed_said(). */
struct buffer *owed_out(struct clients *clients, struct client *client, struct owed *owed);
/* The first of all is answered, and was said straight away. */
void owed_first_said(struct clients *clients, struct client *client);
/* It is answered. Gives up what is answered in front, and says the texts that waited. */
void owed_said(struct clients *clients, struct client *client, struct owed *owed);
/* A text that answers no request: in its turn. */
void owed_say(struct clients *clients, struct client *client, struct slice text);

void owed_free(struct clients *clients, struct client *client);
void owed_spare_free(struct clients *clients);

#endif
