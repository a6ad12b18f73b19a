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
#include "node/group/replica.h"
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
    NODE_CLIENT_INPUT_MAX = 64 << 10,   /* bytes kept behind a command that waits */
    NODE_GROUPS = 1,                    /* of Raft, numbered from 0: see peers/send.c */
    NODE_ADMIN_MAX = 64,                /* connections on the admin port */
    NODE_CHANGES_WAITING_MAX = 16,      /* of the membership, behind one that is under way */
    NODE_ITEM_BYTES_MAX = 128 << 10,    /* commands gathered in one log entry */
    NODE_PROPOSAL_BYTES_MAX = 64 << 20, /* own proposals not applied yet; more is refused: busy */
    NODE_APPLY_BYTES_MAX = 128 << 10,   /* entry data applied in one turn */
    NODE_SNAPSHOT_CREDIT = 1 << 20,     /* stream bytes to a follower not taken yet */
    NODE_LOG_KEEP_BYTES = 4 << 20, /* entries kept in memory for followers, at least about half */
    NODE_WATERMARK_US = 10000,
    NODE_RESEND_US = 1000000,        /* proposals without progress are sent again */
    NODE_INCARNATION_STEP = 1 << 30, /* at random above those that the log knows */
    NODE_FAREWELL_US = 500000,       /* links to a member that went stay that long */
    NODE_DRAIN_US = 5000000,
    NODE_DRAIN_SESSIONS_US = 500000,    /* of it, once all clients are served */
    NODE_SNAPSHOT_PAUSE_US = 5000000,   /* after one failed, and between two on a full disk */
    NODE_LEAVING_SLICES = 4,            /* of MACHINE_WORK_MAX objects, freed in one turn */
    NODE_COMPACT_ENTRIES_MAX = 8 << 10, /* looked at in one turn */
    NODE_TRANSFER_STALL_US =
        5000000, /* a follower that takes nothing of a snapshot that long is dropped */
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
    struct list in_pump;    /* may go on decoding after this round of applying */
    struct list in_clients; /* all, in the order of their coming */
    uint32_t refused;       /* scratch of proposals_refuse() */
    struct list in_reads;   /* while `reading`, oldest first */
    uint64_t read_ticket;   /* of raft_read(); 0: not asked yet, or not needed */
    uint64_t read_index;    /* applied up to here, the state may answer; 0: not known yet */
    uint64_t read_since_us;
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

/* --- proposals --- */

struct proposal_item {
    struct list link;
    struct buffer bytes; /* a COMMANDS batch; its header is filled in when it is first sent */
    uint32_t count;
    uint64_t first;    /* 0: not sent yet */
    uint64_t since_us; /* first command arrived, or since sent */
};

struct proposals {
    struct list pending; /* items without a sequence */
    struct list sent;    /* items with one, not applied yet */
    struct list spare;
    uint64_t next; /* sequence to give */
    uint64_t bytes;
    uint32_t sent_to; /* the leader and term that `sent` was last sent to */
    uint64_t sent_term;
    uint64_t progress_us;
    uint64_t leaderless_us; /* since when nothing could be sent; 0: it can */
    uint64_t renewed_us;
    uint64_t held_until; /* without an incarnation: applied up to here, it may take one; 0: none */
    bool renew_idle_due; /* the last session ended: tell it */
    /* What this leader's log holds of each origin, appended or applied. */
    uint64_t expected_term;
    uint32_t expected_count;
    struct origin expected[REPLICA_ORIGINS_MAX];
};

/* --- snapshots --- */

struct transfer { /* one follower of the cut under way */
    uint32_t peer;
    uint64_t offset; /* sent */
    uint64_t taken;
    uint64_t progress_us;
    bool ended; /* END is sent */
};

struct snapshots {
    uint64_t disk_index; /* newest durable snapshot, 0: none */
    uint64_t disk_bytes;
    uint64_t pause_until_us; /* none is written to disk before */
    /* A cut being streamed out. */
    bool cutting;  /* the machine's cut is open or its last bytes are under way */
    bool cut_done; /* the stream is complete */
    bool to_disk;
    bool disk_busy; /* a SNAPSHOT_WRITE is not answered yet */
    bool committing;
    uint64_t cut_index;
    uint64_t cut_number; /* of this process, names the transfer to followers */
    uint64_t disk_offset;
    uint32_t chunks;
    struct buffer file; /* chunk for SNAPSHOT_WRITE */
    struct buffer slice;
    uint32_t transfers_count;
    struct transfer transfers[RAFT_MEMBERS_MAX];
    /* One being taken in. */
    struct replica *incoming;
    uint32_t incoming_link; /* connection id */
    uint64_t incoming_number, incoming_offset;
    uint64_t incoming_index, incoming_term, incoming_elapsed, incoming_wall, incoming_digest;
    struct raft_members incoming_members;
    uint32_t incoming_chunks;
    bool incoming_complete;
    bool incoming_busy;
    bool incoming_committing;
    size_t incoming_written; /* of incoming_file, handed out and not answered yet */
    struct buffer incoming_file;
};

/* --- counters, for /metrics and /status --- */

struct counters {
    uint64_t connections_accepted, connections_refused, connections_open;
    uint64_t proposals, replies, refused, closed_uncertain;
    uint64_t entries_applied, turns, batches, batch_bytes;
    uint64_t snapshots_written, snapshots_sent, snapshots_installed;
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
    struct raft *raft; /* NULL until a member */
    struct replica *replica;
    struct replica *leaving; /* replaced or given up, being freed slice by slice */
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
    uint64_t applied_us;  /* when an entry was last applied */

    struct connections connections;
    struct list pump;
    struct list reads;                       /* clients whose questions wait */
    uint64_t reads_confirmed, reads_applied; /* when they were last looked through */
    struct list clients;
    struct list admins;
    uint32_t clients_count, sessions_count, admins_count;
    uint32_t clients_awaiting; /* the reply to a proposal, applied or not */

    struct peers peers;
    struct proposals proposals;
    struct snapshots snapshots;
    struct counters counters;

    uint64_t followed_index, followed_term; /* the membership that the peers follow */
    uint64_t followed_us;                   /* since when */
    bool followed_committed;
    bool removed_told;
    struct members_changes changes;

    struct raft_told told;       /* for the trace */
    uint64_t elected_elapsed_us; /* leader: log time at the start of the term */
    uint64_t elected_term;
    uint64_t ticked_us;

    struct buffer world_metrics;
    struct buffer scratch;
};

/* node.c */
bool node_leading(const struct node *node);
void node_die(struct node *node, const char *words, const char *detail);
void node_open_raft(struct node *node, const struct raft_restored *restored);
machine_emit node_emit;

/* clients.c */
void client_opened(struct node *node, uint32_t id);
void client_received(struct node *node, struct client *client, struct slice bytes);
void client_sent(struct node *node, struct client *client);
void client_ended(struct node *node, struct client *client);
void client_closed(struct node *node, struct client *client);
void client_reply(struct node *node, struct client *client, const void *payload);
/* The reply to a proposal that was certainly not carried out. */
void client_refuse(struct node *node, struct client *client, struct slice command,
                   enum protocol_refusal why);
void clients_pump(struct node *node);
void clients_close_all(struct node *node);
void clients_drain(struct node *node);
void client_free(struct node *node, struct client *client);

/* reads.c */
/* Asks the machine on behalf of a connection; the reply is emitted before this returns. */
void node_ask(struct node *node, uint32_t connection, struct slice command);
/* As of node->turn.now; on a follower perhaps less, never more than its leader would say. */
void node_log_time(const struct node *node, uint64_t *elapsed_us, uint64_t *wall_us);
/* The client's request is a question, and all before it is answered. */
void reads_begin(struct node *node, struct client *client);
void reads_turn(struct node *node); /* before Raft's output is taken */
void reads_answer(struct node *node, uint64_t confirmed, uint64_t index); /* behind it */
void reads_refuse(struct node *node); /* what no leader could confirm in time */

/* proposals.c */
void proposals_init(struct node *node);
void proposals_free(struct node *node);
void proposals_add(struct node *node, const struct command *command);
bool proposals_full(const struct node *node);
void proposals_turn(struct node *node);
void proposals_refuse_pending(struct node *node); /* in the protocol's own words */
void proposals_applied(struct node *node);
/* Raft trusts this disk again. */
void proposals_forwarded(struct node *node, uint32_t from, struct slice batch);
void proposals_link_changed(struct node *node, uint32_t peer);
bool proposals_idle(const struct node *node);
/* A connection for which the machine is about to hold a session, and one whose session is over:
 * the node says that it lives while there are any. Each begun one ends once, or is forgotten:
 * nothing that was proposed for it has been sent. */
void proposals_session_begin(struct node *node);
void proposals_session_end(struct node *node, uint32_t connection);
void proposals_session_forget(struct node *node);

/* founding.c */
void founding_begin(struct node *node);
void founding_consider(struct node *node);
void founding_found(struct node *node, struct peer *from, uint64_t cluster, struct slice members);
void founding_durable(struct node *node);

/* membership.c */
void membership_turn(struct node *node);
/* In the membership in force, or in the committed one; NULL: in neither. */
const struct raft_member *membership_find(const struct node *node, uint32_t id);
struct slice membership_address(const struct node *node); /* own, as others dial it */
bool membership_removed(const struct node *node);         /* was a member, and is none */
/* The membership in force is committed. There is a log. */
bool membership_in_force_committed(const struct node *node);

/* route.c */
void route_link_opened(struct node *node, uint32_t id);
void route_link_received(struct node *node, struct link *link, struct slice bytes);
void route_link_closed(struct node *node, struct link *link);
void route_links_ready(struct node *node); /* what came before this node might speak */
void route_tell_state(struct node *node);  /* what this node is, to all peers */
void route_clocks(struct node *node);
void route_lost(struct node *node); /* links that were given up, to who sends on them */

/* admin/members.c */
void members_request(struct node *node, uint32_t admin, const struct http_request *request);
bool members_asked(struct node *node, struct link *link, struct slice content);
bool members_answered(struct node *node, struct slice content);
void members_turn(struct node *node);

/* snapshot.c, snapshot_receive.c */
struct snapshot_header {
    uint64_t cluster, index, term, elapsed_us, wall_us, digest;
    struct raft_members members;
};
struct snapshot_fault {
    const char *why;
    char space[80];  /* where `why` may point */
    uint64_t offset; /* where in the file */
    bool foreign;    /* sound, and not for this program or system */
};
void snapshot_header_encode(const struct node *node, const struct snapshot_header *header,
                            struct buffer *out);
/* False with *fault set when it is not for this machine or malformed. */
bool snapshot_header_decode(const struct node *node, struct slice bytes,
                            struct snapshot_header *header, struct snapshot_fault *fault);
void snapshot_chunk_append(struct buffer *out, struct slice payload);
void snapshot_end_append(struct buffer *out, uint32_t chunks);
void snapshots_turn(struct node *node);
void snapshots_written(struct node *node);
void snapshots_durable(struct node *node);
void snapshots_failed(struct node *node);
void snapshots_taken(struct node *node, uint32_t peer, uint64_t number, uint64_t offset);
void snapshots_link_lost(struct node *node, struct link *link);
void snapshots_peer_lost(struct node *node, uint32_t peer); /* the link on which we send them */
void snapshots_abort(struct node *node);
bool snapshot_incoming_frame(struct node *node, struct link *link, const struct peer_frame *frame);
void snapshot_incoming_turn(struct node *node);
/* Frees a replica by and by: one of a million jobs takes too long for one turn. */
void snapshot_replica_leave(struct node *node, struct replica *replica);
void snapshot_incoming_written(struct node *node);
void snapshot_incoming_durable(struct node *node);
void snapshot_incoming_abort(struct node *node);
/* Reads a snapshot file into a fresh replica; NULL with *fault when it is damaged or not ours. */
struct replica *snapshot_restore_file(struct node *node, struct slice file,
                                      struct snapshot_header *header, struct snapshot_fault *fault);

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
void admin_refuse(struct node *node, struct admin *admin);
void admins_reborn(struct node *node); /* the sessions of this incarnation are over */
void admin_closed(struct node *node, struct admin *admin);
void admin_trace(struct node *node, struct slice line); /* to those who stream /events */
void admin_turn(struct node *node);
void admin_free(struct node *node, struct admin *admin);

#endif
