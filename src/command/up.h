/* `quartet up`, in its parts: what is asked for and how it ends (up.c), where each cluster lives
 * (up_place.c), its processes (up_nodes.c), what it shows of them (up_show.c).
 *
 * Each node is a process of its own, this program again, on loopback ports; one that dies is
 * started again. */
#ifndef QUARTET_COMMAND_UP_H
#define QUARTET_COMMAND_UP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "contract/system.h"

enum {
    UP_NODES_MAX = 9,
    UP_SYSTEMS_MAX = 8,
    UP_PORTS_APART = 10, /* clients at P, peers at P + 10, admin at P + 20, plus the node - 1 */
    UP_BLOCK_PORTS = 3 * UP_PORTS_APART, /* of one cluster; the next block begins behind it */
    UP_BLOCKS_MAX = 64,                  /* tried before it gives up */
    UP_PATH_SIZE_MAX = 4096,
};

enum up_port {
    UP_CLIENTS,
    UP_PEERS,
    UP_ADMIN,
    UP_PORT_KINDS,
};

struct up_node {
    struct up_cluster *cluster;
    unsigned number; /* from 1 */
    uv_process_t process;
    uv_timer_t again;
    bool running;
    uint64_t backoff_ms;
    uint64_t started_us;
};

struct up_cluster {
    struct up *up;
    const struct system *system;
    char data[UP_PATH_SIZE_MAX];
    unsigned port; /* the block's first */
    struct up_node nodes[UP_NODES_MAX];
    void *demo; /* of the system; NULL: none runs */
};

struct up {
    uint64_t nodes_count; /* of each cluster */
    uint64_t port;        /* of the first cluster; 0: not given, each system's own */
    const char *data;     /* NULL: not given */
    const char *fsync;
    bool with_demo;
    unsigned clusters_count;
    struct up_cluster clusters[UP_SYSTEMS_MAX];
    char program[UP_PATH_SIZE_MAX];
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_timer_t patience;
    uv_timer_t look; /* whether all are healthy: up_show.c */
    uv_work_t ask;
    bool healthy; /* the thread's, while it asks */
    unsigned looked_ms;
    void (*shown)(struct up *up);
    bool stopping;
    int exit_code;
};

unsigned up_port_of(const struct up_cluster *cluster, enum up_port kind, unsigned number);
/* What tells clusters apart in a line: "queue ", or "" where there is only one. */
const char *up_label(const struct up_cluster *cluster);

/* Chooses ports and data of all clusters, says where they are not where one would look, and returns
 * 0; or says why not, and returns the exit code. Starts and makes nothing. */
int up_place(struct up *up);

/* Starts the nodes of a cluster and sees to it that they run, until up->stopping. */
void up_nodes_start(struct up_cluster *cluster);
/* Drains them; called again, they exit at once. When none of any cluster runs, the loop ends. */
void up_nodes_stop(struct up_cluster *cluster);
/* Shows where the nodes are and how to talk to them when all of all clusters are healthy, or after
 * thirty seconds; then calls `shown`. Once stopping it does neither. */
void up_show_when_healthy(struct up *up, void (*shown)(struct up *up));
/* Ends all clusters, demos first; a second time, at once. */
void up_stop(struct up *up);

#endif
