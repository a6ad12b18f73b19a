/* The node as a whole: its rooms, and what belongs to none of them. For the files of this folder,
 * and for admin, which shows all of it; the contract for others is node.h. No room but admin knows
 * this header: the hub calls rooms, asks each what came of it, and takes that to another.
 *
 * Ownership: the node owns everything reachable from here. Output of a turn points into the
 * buffers of connections and of the log; they are cleared when the next call arrives. */
#ifndef QUARTET_NODE_HUB_H
#define QUARTET_NODE_HUB_H

#include "base/random.h"
#include "node/admin/admin.h"
#include "node/clients/clients.h"
#include "node/disk/wal.h"
#include "node/group/group.h"
#include "node/node.h"
#include "node/peers/clock.h"
#include "node/peers/peers.h"
#include "node/peers/send.h"
#include "node/turn/connections.h"
#include "node/turn/trace.h"
#include "node/turn/turn.h"

enum { NODE_GROUPS = 1 }; /* of Raft, numbered from 0: see peers/send.c */

/* From the start to the end: node.c. */
struct process {
    bool started;
    uint64_t started_us;
    bool draining;
    uint64_t drain_until_us;
    bool drain_served; /* no client is left */
    bool stop_written;
    uint64_t stop_sequence;
    bool stopped;
    const char *fatal;
    char fatal_space[320];
    uint64_t turns;
};

/* What is known of the disk: node.c. */
struct disk {
    bool full;
    bool stuck; /* and takes nothing any more */
    uint64_t last_write_us;
    uint64_t unsynced_us; /* since when something is written and not durable; no earlier than the
                               last DURABLE */
    uint64_t batches, batch_bytes;
};

/* What a start leaves to be done: start.c. */
struct start {
    struct buffer tail;          /* of the log, while it is written again */
    struct buffer set_aside;     /* numbers of segments, u64 each: see start_set_aside() */
    uint64_t set_aside_snapshot; /* its number, 0: none */
};

/* Which cluster this node belongs to: founding.c. */
struct founding {
    uint64_t cluster;   /* 0: none yet */
    uint8_t membership; /* enum wal_membership, as announced: durable */
    uint64_t sequence;  /* the meta being written is announced once this is durable; 0: none is */
};

/* How far the peers follow the log: membership.c. */
struct following {
    uint64_t index, term; /* the membership that they follow */
    uint64_t since_us;
    bool committed;
    bool removed_told;
};

struct node {
    struct node_config config;
    struct turn turn;
    struct connections connections;
    struct wal wal;
    struct random random;
    struct group *group;
    struct peers peers;
    struct clients clients;
    struct admins admins;
    struct process process;
    struct disk disk;
    struct start start;
    struct founding founding;
    struct following following;
    struct buffer world_metrics;
    struct buffer scratch;
};

/* --- node.c --- */

/* The node stops with this line as its last word: both parts, copied, cut at some 300 bytes. */
void node_die(struct node *node, const char *words, const char *detail);

/* --- start.c --- */

/* EVENT_START: builds the node from its files, or ends it with a word why not. */
void node_start(struct node *node, const struct event_start *start);
/* What the start found damaged moves out of the way, now that the start itself is durable. */
void start_set_aside(struct node *node);

/* --- founding.c --- */

/* At a start, of a node that is no member: one alone founds at once. */
void founding_begin(struct node *node);
/* Something is known that may take the founding a step further. Harmless at any time. */
void founding_consider(struct node *node);
/* A peer says FOUND: this cluster, with these members (raft_members_encode()), which is checked. */
void founding_found(struct node *node, struct peer *from, uint64_t cluster, struct slice members);
/* The log is durable further: a membership that was written may be announced. */
void founding_durable(struct node *node);

/* --- membership.c --- */

/* Once a turn: peers follow what the log says of members. */
void membership_turn(struct node *node);
/* Own, as others dial it; empty when not known. Borrowed until the next call to Raft. */
struct slice membership_address(const struct node *node);
bool membership_removed(const struct node *node); /* was a member, and is none */

/* --- requests.c: between clients and groups --- */

/* Bytes from a client, borrowed for the call. */
void requests_received(struct node *node, struct client *client, struct slice bytes);
void requests_sent(struct node *node, struct client *client);   /* it has been sent something */
void requests_ended(struct node *node, struct client *client);  /* it says nothing more */
void requests_closed(struct node *node, struct client *client); /* frees it */
/* Those who may go on since the last time. Once a turn, when the machine has replied. */
void requests_pump(struct node *node);

/* --- route.c: between peers and the others, and what a group's calls led to --- */

void route_link_opened(struct node *node, uint32_t id);
/* Bytes from a peer, borrowed for the call. */
void route_link_received(struct node *node, struct link *link, struct slice bytes);
void route_link_closed(struct node *node, struct link *link); /* frees it */
void route_links_ready(struct node *node);                    /* what came before it might speak */
void route_tell_state(struct node *node);                     /* what this node is, to all peers */
void route_clocks(struct node *node);                         /* once a turn */
/* Links that were given up, to who sends on them: behind any call that may have ended some. */
void route_lost(struct node *node);
/* Whom the group could reach just now. */
void route_reach(struct node *node, struct group_reach *reach);
/* The output of the group, to peers and clients: behind each of its calls. */
void route_output(struct node *node);

#endif
