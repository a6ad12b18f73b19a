/* What the files of this folder share about links. The contract for others is peers.h. */
#ifndef QUARTET_NODE_PEERS_LINKS_H
#define QUARTET_NODE_PEERS_LINKS_H

#include "node/peers/peers.h"

/* A meeting, by the frame that arrived in it. The content is read to its end or the link is closed.
 * True when the hub has to know, with event->type set. */
bool link_welcome(struct peers *peers, struct link *link, struct reader *content,
                  struct peers_event *event);
bool link_proof(struct peers *peers, struct link *link, struct reader *content,
                struct peers_event *event);
void link_hello(struct peers *peers, struct link *link, struct reader *content);
void link_refused(struct peers *peers, struct link *link, struct reader *content);

/* The first words on a link that was dialed. */
void link_say_hello(struct peers *peers, struct link *link);

/* A dialed link of a peer will not be heard of any more: to all others it is gone, and the next may
 * be dialed. `link` lives on, without a peer, until it is closed. */
void link_lose(struct peers *peers, struct link *link);

/* --- silence.c --- */
uint64_t link_silence_us_max(const struct peers *peers); /* longer is death */
/* Content of a PING on an open link; false when malformed. */
bool link_pinged(struct peers *peers, struct link *link, struct slice content);
/* Of an open link, each turn: says something, or gives it up. */
void link_listen(struct peers *peers, struct link *link);
/* It is dead, and the world may take its time to close it: a dialed one is lost at once. */
void link_abandon(struct peers *peers, struct link *link, const char *why);

/* The peer says that it is this: for founding.c. */
void peer_heard(struct peer *peer, uint64_t cluster, uint8_t membership);

#endif
