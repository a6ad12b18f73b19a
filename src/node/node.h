/* One replica: raft + machine + client sessions + the formats on disk and between peers.
 *
 * Pure: the world (server, simulator, browser page) tells it what happened by node_step() and then
 * asks by node_turn() what to do. A turn may gather many events, so that what arrived together is
 * written, synced, sent and answered together (group commit).
 *
 *     for each event since the last turn:  node_step(node, &event);
 *     node_turn(node, now, &actions);      carry out the actions in their order
 *
 * Rules for the world:
 * - Everything that actions point at lives until the next node_step() or node_turn().
 * - WRITEs are carried out in order. EVENT_DURABLE(sequence) says that all WRITEs up to and
 *   including that sequence are durable (fdatasync has returned, the directory entry of a new
 *   segment is synced). With config.fsync_never, writes whose `sync` is false count as durable
 *   once write() has returned. A failed fsync must stop the process: the world never calls again.
 * - START may hand over bytes that are in the page cache only: a sync that failed counts them as
 *   written all the same. The node has them written again (REWRITE) before it trusts them.
 * - SENDs may go out at once, in order per connection; the node itself withholds what must wait
 *   for the disk. (So a host cannot get that wrong.) SENDs to a connection that is gone are
 *   dropped by the world.
 * - Connections: the world numbers those it accepts, from 1, rising, never reused in one process,
 *   below NODE_DIALED. The node numbers those it dials by CONNECT, from NODE_DIALED on. Each OPENED
 *   (or accepted CONNECT) is followed by exactly one CLOSED; after a CLOSE action the world still
 *   sends what was queued before it, then closes and reports CLOSED.
 * - now.mono_us never goes back; it is sampled after the read that made the event. */
#ifndef QUARTET_NODE_NODE_H
#define QUARTET_NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "contract/machine.h"
#include "contract/protocol.h"
#include "raft/raft.h"
#include "wire/peer.h"

#define NODE_DIALED 0x80000000u

enum {
    NODE_PEERS_MAX = RAFT_MEMBERS_MAX,
    NODE_PEERS_KNOWN_MAX = 2 * RAFT_MEMBERS_MAX, /* those of a change, and guests */
    NODE_SECRET_SIZE = 32,
    NODE_ANNOUNCED_MAX = PEER_ANNOUNCED_MAX,
    NODE_ANNOUNCED_SIZE_MAX = PEER_ANNOUNCED_SIZE_MAX, /* a name, brackets, a port */
    NODE_BOOT_ID_SIZE = 16,
    NODE_SEGMENT_BYTES_DEFAULT = 16 << 20,
    NODE_SEGMENT_BYTES_MIN = 32 << 10,
    NODE_SNAPSHOT_SLICE_BYTES = 256 << 10, /* one SNAPSHOT_WRITE */
};

enum node_listener {
    NODE_CLIENT,
    NODE_PEER,
    NODE_ADMIN,
};

struct node_peer {
    uint32_t id;
    char address[RAFT_ADDRESS_SIZE_MAX + 1]; /* host:port as the user wrote it */
};

/* Of one group. */
struct node_machine {
    const struct machine_ops *ops;
    const void *options; /* see node_config.machine_options */
};

struct node_config {
    uint32_t self; /* 1 and up */
    const struct machine_ops *machine;
    const void *machine_options; /* handed to machine->create(); borrowed for node_create() and
                                    whenever a snapshot is installed: must outlive the node */
    /* Groups of Raft, numbered from 0: on all nodes of a cluster, and for good, as many. 0: one.
     * Group 0 says who the members are, and all others follow it. `machines`: what each of them
     * replicates; NULL: `machine` is everyone's. Borrowed like machine_options. */
    uint32_t groups_count;
    const struct node_machine *machines;
    /* The group that a request is for: a pure function of its slot. NULL: group 0. */
    uint32_t (*group_of)(uint32_t slot, uint32_t groups_count);
    const struct machine_facts *facts; /* for questions; borrowed: the world keeps it up to date and
                                          it must outlive the node. NULL: nothing is known */
    const struct protocol_ops *protocol;
    struct protocol_config protocol_config;
    struct protocol_draws
        draws; /* copied with its key; `mac` NULL: for protocols that draw nothing */

    /* All founding members, this one included; 0: a single node. With `join` it founds nothing: it
     * waits until the cluster of these nodes, this one listed or not, adds it. Who once was a
     * member goes by its log. */
    uint32_t peers_count;
    struct node_peer peers[NODE_PEERS_MAX];
    bool join;
    char address[RAFT_ADDRESS_SIZE_MAX + 1]; /* this node's, of a single one; may be empty */
    /* What clients are told to dial, HOST:PORT each, by protocols that tell them, also those of
     * other nodes, and by /status.
     * One for each place where the world listens for clients, in its order; empty: not known. */
    uint32_t announced_count;
    char announced[NODE_ANNOUNCED_MAX][NODE_ANNOUNCED_SIZE_MAX + 1];
    /* Proves membership to peers; all zero: none. mac() is HMAC-SHA-256 or, in a simulator, any
     * keyed function; NULL only without a secret. */
    uint8_t secret[NODE_SECRET_SIZE];
    void (*mac)(const uint8_t key[NODE_SECRET_SIZE], struct slice message, uint8_t out[32]);

    bool fsync_never;
    bool trace_messages; /* also trace every message of Raft, as it is sent and as it comes */

    uint64_t election_timeout_us;
    uint64_t heartbeat_us;
    uint32_t clock_drift_permille; /* how far clocks may run apart: raft.h. The same on all nodes */
    uint64_t
        clock_skew_us_max; /* further off from the wall clocks of a quorum that agrees, it does not
                                   campaign; 0: no limit. node/peers/clock.c */
    uint64_t session_lease_us;   /* log time after which a silent node's sessions end */
    uint64_t refuse_after_us;    /* a command waits this long for a leader, then is refused */
    uint64_t uncertain_after_us; /* one whose outcome is unknown: the connection closes */
    uint64_t
        leaders_home_us; /* of many groups: for so long a group's home has to have caught up, and
                                 is to lead then; 0: whoever leads leads on. node/home.c */
    uint64_t tick_interval_us; /* between two ticks of log time, at least */
    uint64_t segment_bytes;
    uint64_t log_bytes_compact;     /* snapshot when the log exceeds max(this, last snapshot) */
    uint64_t log_bytes_memory;      /* entries kept in memory for slow followers */
    uint32_t append_bytes_max;      /* entry data in one message to a follower */
    uint64_t cut_backlog_bytes_max; /* pre-images and stream not yet taken; more aborts the cut */
    uint32_t connections_max;       /* clients; more are closed at once, counted */
    uint32_t output_bytes_max;      /* unsent replies of one client: reading stops */
    uint32_t pending_max;           /* requests of one client under way: reading stops */
    uint64_t memory_bytes_max; /* machine + log + buffers: growing commands are refused; 0: none */
    /* Names that the admin port answers to, "name,name", besides those of nodes: admin/access.h.
     * NULL: none. Borrowed: it must outlive the node. */
    const char *admin_hosts;
    uint64_t seed;
};

static inline uint32_t node_groups(const struct node_config *config)
{
    return config->groups_count == 0 ? 1 : config->groups_count;
}

static inline struct node_machine node_machine_of(const struct node_config *config, uint32_t group)
{
    struct node_machine same = {config->machine, config->machine_options};
    return config->machines == NULL ? same : config->machines[group];
}

/* How long the world should wait for an address to answer a CONNECT: then it fails, and the node
 * tries again. */
uint64_t node_connect_us_max(const struct node_config *config);

/* Everything but self, machine, protocol and peers. */
void node_config_defaults(struct node_config *config);

enum event_type {
    EVENT_START = 1,      /* start: once, first */
    EVENT_OPENED,         /* connection, listener, place: accepted, or a dialed one now connected */
    EVENT_CONNECT_FAILED, /* connection: in place of OPENED; no CLOSED follows */
    EVENT_RECEIVED,       /* connection, bytes: borrowed for the call */
    EVENT_SENT,           /* connection, count: bytes of SENDs that have left since the last SENT */
    EVENT_ENDED,          /* connection, of a client: it will send nothing more but may still read.
                             The node answers what it has and closes */
    EVENT_CLOSED,         /* connection */
    EVENT_DURABLE,        /* count: the sequence */
    EVENT_SNAPSHOT_WRITTEN, /* the last SNAPSHOT_WRITE is done: the next slice may come */
    EVENT_SNAPSHOT_DURABLE, /* the SNAPSHOT_COMMIT is done */
    EVENT_SNAPSHOT_FAILED,  /* no space; the temporary file is gone */
    EVENT_DISK_FULL,        /* below the mark: growing commands are refused from now */
    EVENT_DISK_OK,
    EVENT_DRAIN, /* stop taking clients, finish what is under way, then `stopped` */
};

/* A file as found; bytes are borrowed for the call. */
struct segment_image {
    uint64_t number;
    struct slice bytes;
};

/* A snapshot file is named by one number: the group, and behind it the log index. */
enum { NODE_SNAPSHOT_INDEX_BITS = 48 };

static inline uint64_t node_snapshot_number(uint32_t group, uint64_t index)
{
    return (uint64_t)group << NODE_SNAPSHOT_INDEX_BITS | index;
}

static inline uint32_t node_snapshot_group(uint64_t number)
{
    return (uint32_t)(number >> NODE_SNAPSHOT_INDEX_BITS);
}

struct snapshot_image {
    uint64_t number; /* in its name */
    struct slice bytes;
};

struct event_start {
    uint32_t segments_count;
    const struct segment_image *segments; /* ascending by number */
    uint32_t snapshots_count;
    const struct snapshot_image
        *snapshots;                     /* of each group that has any, the newest complete one */
    uint8_t boot_id[NODE_BOOT_ID_SIZE]; /* changes when the operating system restarts */
    bool sync_failed; /* the last run ended with a sync that failed, under fsync_never: what was
                         counted as written may be gone. Until this run's first DURABLE */
};

struct event {
    enum event_type type;
    struct raft_time now;
    uint32_t connection;
    enum node_listener listener;
    uint32_t place; /* OPENED of a client: which of the places where the world listens for them */
    struct slice bytes;
    uint64_t count;
    const struct event_start *start;
};

enum action_type {
    ACTION_TRUNCATE = 1, /* segment, offset: only after START: cut the file to this size, durably;
                             0: delete it */
    ACTION_REWRITE, /* segment, offset, bytes: only after START, which handed them over: write them
                       again, durably, and the name of the segment */
    ACTION_SET_ASIDE, /* segment: rename out of the way, durably, keep for the owner */
    ACTION_WRITE,     /* segment, offset, bytes, sequence, sync. A new segment begins at offset 0 */
    ACTION_TRIM,      /* segment: all below it may be deleted */
    ACTION_SEND,      /* connection, bytes */
    ACTION_CONNECT,   /* connection, bytes: the address "host:port" to resolve and dial (a peer) */
    ACTION_CLOSE,     /* connection: after what was sent before */
    ACTION_READ,      /* connection, on: back-pressure */
    ACTION_SNAPSHOT_WRITE,  /* bytes: append to the temporary snapshot file; answer WRITTEN */
    ACTION_SNAPSHOT_COMMIT, /* sequence: the number of the file. Sync, rename, delete older ones of
                               that group; answer SNAPSHOT_DURABLE */
    ACTION_SNAPSHOT_ABORT,  /* drop the temporary file; pending answers need not come */
    ACTION_SNAPSHOT_SET_ASIDE, /* sequence: the number of the file; as SET_ASIDE */
};

struct action {
    enum action_type type;
    uint32_t connection;
    uint64_t sequence;
    uint64_t segment;
    uint64_t offset;
    struct slice bytes;
    bool sync; /* WRITE: must reach the disk even under fsync_never */
    bool on;
};

struct actions {
    uint32_t count;
    const struct action *items;
    uint64_t deadline_us; /* monotonic: take a turn then at the latest; UINT64_MAX: none */
    bool stopped;         /* after DRAIN: all is done and written, exit 0 */
    const char *fatal;    /* not NULL: print this line and exit 1; carry out nothing more */
    struct slice trace;   /* lines, each "word key=value ...\n": what a person or a test reads */
};

/* The config is copied, but see machine_options. */
struct node *node_create(const struct node_config *config);
void node_destroy(struct node *node);
void node_step(struct node *node, const struct event *event);
void node_turn(struct node *node, struct raft_time now, struct actions *actions);

/* --- for worlds that look inside: simulator, tests --- */
const struct raft *node_raft(const struct node *node); /* NULL before START */
const void *node_machine(const struct node *node);
uint64_t node_applied_index(const struct node *node);
uint64_t node_digest(const struct node *node); /* of all replicated state at node_applied_index() */
uint64_t node_durable_sequence(const struct node *node);
/* The same of one of its groups; those above are of group 0. */
const struct raft *node_group_raft(const struct node *node, uint32_t group);
const void *node_group_machine(const struct node *node, uint32_t group);
uint64_t node_group_applied_index(const struct node *node, uint32_t group);
uint64_t node_group_digest(const struct node *node, uint32_t group);
/* Just after the group installed a snapshot: a connection that was left open though it is owed a
 * reply to what will not be applied any more; 0: there is none. */
uint32_t node_client_skipped(struct node *node, uint32_t group);
/* Panics when replicated state is inconsistent. Slow: not at every step. */
void node_check(const struct node *node);
/* Lines appended to /metrics by the world (sync times and such); copied. */
void node_set_world_metrics(struct node *node, struct slice text);

#endif
