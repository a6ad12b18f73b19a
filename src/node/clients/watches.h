/* Watches of clients: who is to read on, when, and how much at a time. See machine.h.
 *
 * A mark costs one step, whatever the number of watches behind its topic: they are visited in turn,
 * WATCHES_VISITED_MAX at most in one turn of the node, each where its connection has room. Nothing
 * is kept for a reader that is slow but its cursor. */
#ifndef QUARTET_NODE_CLIENTS_WATCHES_H
#define QUARTET_NODE_CLIENTS_WATCHES_H

#include "node/clients/clients.h"

enum {
    WATCHES_VISITED_MAX = 256,
    WATCHES_OF_CLIENT_MAX = 1024,
    WATCH_ROOM = 16 << 10, /* unsent bytes of a connection, beyond which its watches wait */
};

struct watch_topic;

struct watch {
    struct list in_client;
    struct list in_topic; /* those that were visited since the last mark stand behind */
    struct list in_ready; /* has more to read: in clients->watches.ready, or in its client's list */
    struct client *client;
    struct watch_topic *topic;
    uint64_t token;
    uint64_t seen; /* how often its topic had been marked when it was last visited */
    struct machine_watch cursor;
    uint8_t spec[]; /* of the cursor */
};

/* The client's request opened this one; it has fewer than WATCHES_OF_CLIENT_MAX. The spec is
 * copied. */
void watches_open(struct clients *clients, struct client *client, uint32_t group,
                  const struct machine_watch *cursor);
/* Ends the watch of this token, if there is one. */
void watches_cancel(struct clients *clients, struct client *client, uint64_t token);
void watches_free(struct clients *clients, struct client *client); /* all of it */

void watches_mark(struct clients *clients, uint32_t group, const struct machine_mark *mark);
/* Its machine is another one: anything may have changed. */
void watches_mark_all(struct clients *clients, uint32_t group);
/* Some of what the client was owed has left: what waited for that may go on. */
void watches_sent(struct clients *clients, struct client *client);

/* The next that is to be read, with so much room in its connection; NULL: none is, or enough were
 * visited in this turn (`*visited`, 0 at first), and another turn has been asked for. The caller
 * reads it, gives what it hears to watch_push(), and says whether there is more. */
struct watch *watches_next(struct clients *clients, uint32_t *visited, size_t *room);
uint32_t watch_group(const struct watch *watch);
void watch_push(struct clients *clients, struct client *client, uint64_t token,
                const void *payload);
void watch_read(struct clients *clients, struct watch *watch, bool more);

#endif
