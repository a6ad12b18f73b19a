/* The world of a real node: one libuv loop thread that hands events to node_step() as they arrive,
 * takes one node_turn() per turn of the loop, and carries out what it says.
 *
 * A turn: SENDs that wait for nothing leave first (AppendEntries reach the peers while this disk
 * syncs), then the log is written and synced, then a second node_turn() yields the replies that
 * waited for it. Everything that arrived in one poll shares that one sync. Where nothing is synced,
 * a turn costs little and takes in less: the first are answered before the last are read, while
 * what they touched is still in the processor's cache. A write that needs no sync is durable at
 * once; the replies of the node_turn()s that then follow one another leave together.
 *
 * Who was answered often asks again within microseconds, while to fall asleep and be woken takes
 * dozens. So the loop stays awake for as long as HOST_AWAKE_NS where the wait before was shorter
 * than that, and goes to sleep where it was not: a client that pauses, and an idle node, cost
 * nothing more. Not so where writes are synced: a sync sleeps all the same, and a processor that
 * is kept busy between two of them is one on which the client cannot be woken. */
#ifndef QUARTET_SERVER_HOST_H
#define QUARTET_SERVER_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "node/node.h"
#include "server/address.h"
#include "server/tcp.h"
#include "server/tls.h"
#include "server/directory.h"
#include "server/disk.h"
#include "server/durations.h"
#include "server/snapshot_file.h"

enum {
    HOST_ROUNDS_MAX = 16,         /* node_turn()s in one turn of the loop, before I/O is polled */
    HOST_TURN_READS = 64,         /* connections read in one turn when there is nothing to sync */
    HOST_DRAIN_US_MAX = 10000000, /* after SIGTERM; then it exits all the same */
    HOST_FLUSH_US_MAX = 1000000,  /* for the last replies to leave */
    HOST_WATCH_MS = 1000,
    HOST_FILES_OWN = 48,  /* descriptors for log, snapshots, the loop: no connection takes these */
    HOST_ADMINS_OWN = 64, /* and those for the admin port and, for each peer, these */
    HOST_PEER_FILES = 4,
    HOST_CLIENTS_MIN = 16, /* with fewer there is no use in starting */
    HOST_AWAKE_NS = 50000, /* the longest wait that is not slept through */
    HOST_THREADS = 8, /* of libuv's pool: log, spare, trim, snapshot, and names being resolved */
};

struct host_config {
    struct node_config node;
    struct address clients[NODE_ANNOUNCED_MAX]; /* where to listen, at each */
    uint32_t clients_count;                     /* at least 1 */
    struct address admin;
    bool admin_given;    /* else the next port will do, where this one is taken */
    struct address peer; /* unused without peers */
    const char *data;
    const char *name;     /* "queue" */
    struct tls_files tls; /* `cert` NULL: everything is in the clear */
};

struct host {
    const struct host_config *config;
    uint64_t files_max; /* descriptors that the system grants this process */
    uv_loop_t loop;
    struct node *node;
    struct directory directory;
    struct disk disk;
    struct snapshot_file snapshot;
    struct tcp tcp;

    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t deadline;
    uv_timer_t watch;
    uv_signal_t signals[2];
    uv_signal_t hangup;
    uv_signal_t user;
    uv_idle_t stay_awake;      /* active: the poll does not sleep */
    uint64_t waiting_since_ns; /* in the poll; 0: at work */
    bool awake;                /* the last wait was short */
    bool turn_due;
    bool in_turn; /* events that arise while a turn is carried out share its time */
    struct raft_time now;
    uint64_t armed_us; /* when the deadline timer fires; UINT64_MAX: not set */
    uint64_t turns;
    struct durations steps; /* calls of node_step() and node_turn(), but START */

    struct machine_facts facts; /* what the node's machine says of this process */
    uint64_t began_us;

    bool draining;
    bool stopped; /* the node has nothing more to do */
    uint64_t drain_until_us;
    struct buffer metrics;
};

/* A node that knows no peers and no address of its own opens none. */
bool host_has_peer_port(const struct host_config *config);
/* Runs until drained. Returns the exit code. In `config` port 0 becomes the one that was chosen. */
int host_run(struct host_config *config);

/* Steps the node, now, and takes a turn before the loop sleeps. Not while actions are carried
 * out. */
void host_step(struct host *host, struct event *event);
/* The same without the turn: it will come with the next event. */
void host_tell(struct host *host, struct event *event);
/* Reads what is readable, in turns. */
void host_read(struct host *host);
void host_want_turn(struct host *host);

#endif
