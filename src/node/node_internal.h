/* What the files of this room share. The contract for others is node.h.
 *
 * Ownership: the node owns everything reachable from here. Output of a turn points into the
 * buffers of connections and of the log; node_begin() clears these when the next call arrives. */
#ifndef QUARTET_NODE_NODE_INTERNAL_H
#define QUARTET_NODE_NODE_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "node/node.h"
#include "node/group/group.h"
#include "node/disk/wal.h"
#include "node/peers/clock.h"
#include "node/peers/message.h"
#include "node/peers/peers.h"
#include "node/peers/send.h"
#include "node/turn/connections.h"
#include "node/turn/trace.h"
#include "node/turn/turn.h"
#include "wire/http1.h"
#include "wire/peer.h"

enum {
    NODE_CLIENT_INPUT_MAX = 64 << 10, /* bytes kept behind a command that waits */
    NODE_OWED_SHORT = 64 << 10,       /* where memory is short: unsent replies of one client */
    NODE_HELD_SHORT = 4 << 10,        /* where memory is short: of an unfinished request */
    NODE_GROUPS = 1,                  /* of Raft, numbered from 0: see peers/send.c */
    NODE_ADMIN_MAX = 64,              /* connections on the admin port */
    NODE_CHANGES_WAITING_MAX = 16,    /* of the membership, behind one that is under way */
    NODE_WATERMARK_US = 10000,
    NODE_FAREWELL_US = 500000, /* links to a member that went stay that long */
    NODE_DRAIN_US = 5000000,
    NODE_DRAIN_SESSIONS_US = 500000, /* of it, once all clients are served */
};

/* --- connections --- */

struct client {
    struct connection connection;
    void *decoder;
    struct buffer input; /* arrived and not decoded: a command before it waits */
    struct buffer slots; /* replies owed, in order: see clients.c */
    uint32_t awaiting;   /* of them proposals */
    bool blocked;        /* behind a blocking command */
    bool held;           /* `request` waits for the replies before it */
    bool reading;        /* `request` is a question that waits: see reads.c */
    bool has_session;    /* proposed something: the machine knows it */
    bool quitting;
    bool ended; /* it sends nothing more */
    struct protocol_request request;
    struct list in_pump;     /* may go on decoding after this round of applying */
    struct list in_clients;  /* all, in the order of their coming */
    uint32_t refused;        /* scratch of proposals_refuse() */
    struct group_read *read; /* `request` is a question that waits */
    uint64_t bytes;          /* held for it, as counted in clients_bytes */
};

struct admin {
    struct connection connection;
    void *parser; /* struct http_parser, owned by admin.c */
    struct buffer input;
    struct list in_admins;
    bool streaming;   /* /events */
    bool awaiting;    /* an answer that others have to give */
    bool served;      /* has asked something before */
    bool has_session; /* until the machine has answered */
    bool keep_alive, head_only;
    uint64_t since_us; /* it waits, or has asked nothing, or its unfinished request began */
};

/* --- counters, for /metrics and /status --- */

struct counters {
    uint64_t connections_accepted, connections_refused, connections_open;
    uint64_t replies, refused, closed_uncertain;
    uint64_t turns, batches, batch_bytes;
};

/* Where a change of the membership was asked for. */
struct members_asker {
    uint32_t link;   /* that of the node that passed it on; 0: our own admin connection `number` */
    uint64_t number; /* as that node knows it */
};

/* One that this node, as leader, was asked for and has not answered. */
struct members_change {
    struct members_asker asker;
    uint8_t verb;
    uint32_t id;
    uint8_t address_size;
    uint8_t address[RAFT_ADDRESS_SIZE_MAX];
    uint64_t since_us;
};

/* See admin/change.c. */
struct members_changes {
    bool under_way;
    struct members_change current; /* if so */
    uint32_t waiting_count;
    struct members_change waiting[NODE_CHANGES_WAITING_MAX]; /* in the order of their coming */
};

struct node {
    struct node_config config;
    struct turn turn;
    struct group *group;
    struct wal wal;
    struct random random;
    uint64_t started_us;

    bool started;
    bool draining;
    uint64_t drain_until_us;
    bool drain_served; /* no client is left */
    bool stop_written;
    uint64_t stop_sequence;
    bool stopped;
    const char *fatal;
    char fatal_space[320];
    bool disk_full;
    bool disk_stuck; /* and takes nothing any more */

    struct buffer tail;           /* of the log, while it is written again at a start */
    struct buffer set_aside;      /* numbers of segments, u64 each: see start_set_aside() */
    uint64_t set_aside_snapshot;  /* its number, 0: none */
    uint64_t membership_sequence; /* the meta being written is announced once durable */
    uint8_t membership;           /* announced: durable */
    uint64_t cluster;
    uint64_t last_write_us;
    uint64_t unsynced_us; /* since when something is written and not durable; no earlier than the
                             last DURABLE */
    struct connections connections;
    struct list pump;
    struct list clients;
    struct list admins;
    uint32_t clients_count, admins_count;
    uint32_t clients_awaiting; /* the reply to a proposal, applied or not */
    uint64_t clients_bytes;    /* held for all clients: client_weigh() */

    struct peers peers;
    struct counters counters;

    uint64_t followed_index, followed_term; /* the membership that the peers follow */
    uint64_t followed_us;                   /* since when */
    bool followed_committed;
    bool removed_told;
    struct members_changes changes;

    struct buffer world_metrics;
    struct buffer scratch;
};

/* node.c */
void node_die(struct node *node, const char *words, const char *detail);
machine_emit node_emit;

/* clients.c */
void client_opened(struct node *node, uint32_t id);
void client_received(struct node *node, struct client *client, struct slice bytes);
void client_sent(struct node *node, struct client *client);
void client_ended(struct node *node, struct client *client);
void client_closed(struct node *node, struct client *client);
void client_reply(struct node *node, struct client *client, const void *payload);
/* Of what a group's output says. Unknown connections are none's. First all that are refused are
 * counted, so that it shows whose replies can still be given in order. */
void clients_count_refused(struct node *node, uint32_t connection, bool reset);
void clients_refuse(struct node *node, uint32_t connection, struct slice command);
void clients_close_uncertain(struct node *node, uint32_t connection);
void clients_refuse_read(struct node *node, uint32_t connection);
void clients_reborn(struct node *node);
void clients_pump(struct node *node);
void clients_close_all(struct node *node);
void clients_drain(struct node *node);
void client_free(struct node *node, struct client *client);

/* founding.c */
void founding_begin(struct node *node);
void founding_consider(struct node *node);
void founding_found(struct node *node, struct peer *from, uint64_t cluster, struct slice members);
void founding_durable(struct node *node);

/* membership.c */
void membership_turn(struct node *node);
struct slice membership_address(const struct node *node); /* own, as others dial it */
bool membership_removed(const struct node *node);         /* was a member, and is none */

/* route.c */
void route_link_opened(struct node *node, uint32_t id);
void route_link_received(struct node *node, struct link *link, struct slice bytes);
void route_link_closed(struct node *node, struct link *link);
void route_links_ready(struct node *node); /* what came before this node might speak */
void route_tell_state(struct node *node);  /* what this node is, to all peers */
void route_clocks(struct node *node);
void route_lost(struct node *node); /* links that were given up, to who sends on them */
void route_reach(struct node *node, struct group_reach *reach);
void route_output(struct node *node); /* of the group, to peers and clients */

/* admin/members.c */
void members_request(struct node *node, uint32_t admin, const struct http_request *request);
bool members_asked(struct node *node, struct link *link, struct slice content);
bool members_answered(struct node *node, struct slice content);
void members_turn(struct node *node);

/* start.c */
void node_start(struct node *node, const struct event_start *start);
/* What the start found damaged moves out of the way, now that the start itself is durable. */
void start_set_aside(struct node *node);

/* admin.c */
void admin_opened(struct node *node, uint32_t id);
void admin_received(struct node *node, struct admin *admin, struct slice bytes);
void admin_reply(struct node *node, struct admin *admin, const void *payload);
/* A page that admin.c does not know by itself, perhaps of a connection that is gone. */
void admin_answer(struct node *node, uint32_t connection, unsigned status, struct slice words);
/* What it asked the machine for was certainly not done: it was never sent. Proposes nothing. */
void admin_refuse(struct node *node, uint32_t connection);
void admins_reborn(struct node *node); /* the sessions of this incarnation are over */
void admin_closed(struct node *node, struct admin *admin);
void admin_trace(struct node *node, struct slice line); /* to those who stream /events */
void admin_turn(struct node *node);
void admin_free(struct node *node, struct admin *admin);

#endif
