/* The node as a whole: its rooms, and what belongs to none of them. For the files of this folder,
 * and for admin, which shows all of it; the contract for others is node.h. No room but admin knows
 * this header: the hub calls rooms, asks each what came of it, and takes that to another.
 *
 * Ownership: the node owns everything reachable from here. Output of a turn points into the
 * buffers of connections and of the log; they are cleared when the next call arrives. */
#ifndef QUARTET_NODE_HUB_H
#define QUARTET_NODE_HUB_H

#include "base/heap.h"
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
    struct buffer tail;                /* of the log, while it is written again */
    struct buffer set_aside;           /* numbers of segments, u64 each: see start_set_aside() */
    struct buffer set_aside_snapshots; /* of files, likewise */
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
    bool moved_told;
};

/* A group as the hub knows it: groups.c. */
struct node_group {
    struct node *node;
    struct group *group;
    uint32_t number;
    struct list in_active; /* to be visited in the next turn */
    bool late;             /* since this turn had done its work */
    struct heap_place in_due;
    uint64_t leaderless_us; /* while our clock is off: see clock_refrains() */
    struct list in_writing; /* something of its is not durable yet, */
    uint64_t written;       /* up to this sequence */
    uint64_t follow_us;     /* its members are not changed again before */
    bool follow_waits;      /* for group 0's membership to be confirmed */
    uint64_t home_since_us; /* its home has caught up; 0: it has not, or leads */
    uint64_t home_again_us; /* leadership is not offered again before */
};

struct groups {
    uint32_t count;
    struct node_group *all;
    struct list active, writing;
    struct heap due; /* by when they are due, then by number */
    struct group_shared shared;
    bool worked;               /* in a turn: groups_work() is behind us */
    bool told_agree, told_off; /* what all of them were told last of the clocks */
    uint64_t weighed_turn;     /* the one in which the memory of all was last summed up */
};

/* How the other groups follow group 0: follow.c. */
struct follow {
    uint64_t ticket; /* of a raft_read() of group 0; 0: nothing is asked */
    uint64_t led_us; /* when group 0 last had a leader */
    bool wanted;
};

/* What protocols tell their clients of it: facts.c. */
struct facts {
    struct protocol_facts told;
    struct protocol_group *groups;
    uint64_t led_us; /* when group 0 last had a leader */
};

struct node {
    struct node_config config;
    struct turn turn;
    struct connections connections;
    struct wal wal;
    struct random random;
    struct groups groups;
    struct group *group; /* group 0, which says who the members are */
    struct peers peers;
    struct clients clients;
    struct admins admins;
    struct process process;
    struct disk disk;
    struct start start;
    struct founding founding;
    struct following following;
    struct follow follow;
    struct facts facts;
    struct buffer world_metrics;
    struct buffer scratch;
};

/* --- node.c --- */

/* The node stops with this line as its last word: both parts, copied, cut at some 300 bytes. */
void node_die(struct node *node, const char *words, const char *detail);

/* The machine's answers: `world` is a struct node_group. */
void node_emit(void *world, const struct session_key *session, const void *payload);

/* --- groups.c --- */

void groups_init(struct node *node);
void groups_free(struct node *node);
/* The group, which is called and so has to be visited: in this turn, or in the next. */
struct group *groups_touch(struct node *node, uint32_t number);
/* So much of the log is durable: told to those who wrote any of it. */
void groups_durable(struct node *node, uint64_t sequence);
/* The parts of a turn, as group.h has them, for those groups that it visits. */
bool groups_tick(struct node *node);
void groups_work(struct node *node);
void groups_write(struct node *node);
void groups_answer(struct node *node);
/* They are done with this turn. */
void groups_rest(struct node *node);

/* --- start.c --- */

/* EVENT_START: builds the node from its files, or ends it with a word why not. */
void node_start(struct node *node, const struct event_start *start);

/* --- start_disk.c: of a log that was read --- */

/* What the start found damaged moves out of the way, now that the start itself is durable. */
void start_set_aside(struct node *node);
/* Which segments that is to move. */
void start_plan_set_aside(struct node *node, const struct event_start *start,
                          const struct wal_recovered *log);
/* Writes again what need not be on disk, though it was read. */
void start_secure(struct node *node, const struct event_start *start,
                  const struct wal_recovered *log);

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

/* --- follow.c --- */

/* Once a turn: who leads another group makes its members those of group 0. */
void follow_turn(struct node *node);
/* Have all groups, as far as this node knows, the members that group 0 has committed? */
bool follow_done(const struct node *node);

/* --- facts.c: what protocols may tell of the cluster --- */

void facts_init(struct node *node);
void facts_free(struct node *node);
/* As a turn begins, before it answers; and as it ends, for those who ask before the next. */
void facts_turn(struct node *node);
void facts_rest(struct node *node);

/* --- home.c --- */

/* Once a turn: who leads a group that has another home hands it over there. */
void home_turn(struct node *node);

/* --- requests.c: between clients and groups --- */

/* Bytes from a client, borrowed for the call. */
void requests_received(struct node *node, struct client *client, struct slice bytes);
void requests_sent(struct node *node, struct client *client);   /* it has been sent something */
void requests_ended(struct node *node, struct client *client);  /* it says nothing more */
void requests_closed(struct node *node, struct client *client); /* frees it */
/* Those who may go on since the last time. Once a turn, when the machine has replied. */
void requests_pump(struct node *node);
/* What is answered now shows the log of this group up to here: for protocols. */
void requests_shown(struct node *node, const struct group *group);
/* Answers that wait for voters: behind what the groups answer. */
void requests_holds(struct node *node);
/* What watches have to say: behind frames to peers and the write to the log. */
void requests_push(struct node *node);

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
void route_reach(struct node *node, const struct group *group, struct group_reach *reach);
/* The output of the group, to peers and clients: behind each of its calls. */
void route_output(struct node *node, struct node_group *entry);

#endif
