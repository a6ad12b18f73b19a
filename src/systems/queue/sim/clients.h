/* Simulated clients of the queue: they speak beanstalkd's protocol over the simulated network.
 *
 * Workers put, reserve, delete, release, bury, kick and ask at random, sometimes pipelined. Probers
 * have a tube of their own and check the order of what comes out. In the end all become drainers,
 * until no job is left. Each connects to a random node, and to another when its connection ends. */
#ifndef QUARTET_SYSTEMS_QUEUE_SIM_CLIENTS_H
#define QUARTET_SYSTEMS_QUEUE_SIM_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"
#include "sim/schedule.h"

enum {
    CLIENTS_MAX = 16,
    CLIENT_OPS_MAX = 16, /* under way at a time */
    CLIENT_HELD_MAX = 8, /* jobs */
    CLIENT_TUBES = 4,    /* that workers share */
    PROBE_JOBS_MAX = 8,
};

enum client_op_kind {
    OP_PUT,
    OP_RESERVE,
    OP_RESERVE_TIMEOUT,
    OP_DELETE,
    OP_RELEASE,
    OP_BURY,
    OP_TOUCH,
    OP_KICK,
    OP_KICK_JOB,
    OP_USE,
    OP_WATCH,
    OP_IGNORE,
    OP_PAUSE,
    OP_STATS_JOB,
    OP_STATS_TUBE,
    OP_STATS,
    OP_PEEK,
    OP_PEEK_READY,
    OP_LIST_TUBES,
};

struct client_op {
    enum client_op_kind kind;
    uint32_t key; /* of the job; CHECKER_NO_KEY: none */
    uint64_t id;
    uint64_t sent_us;
    uint64_t held_since_us; /* of a job that it held when it sent this; 0: it did not */
    uint64_t held_until_us;
    uint64_t sure_until_us;
};

struct client_held {
    uint32_t key;
    uint64_t id;
};

enum client_role { CLIENT_WORKER, CLIENT_PROBER, CLIENT_DRAINER };
enum client_state { CLIENT_OFFLINE, CLIENT_DIALING, CLIENT_ONLINE, CLIENT_LEAVING };

struct probe_job {
    uint32_t key;
    uint32_t priority;
    uint64_t id;
    bool taken;
};

/* A prober's round: put some jobs, reserve them in order, delete them. */
struct probe {
    uint32_t tube; /* probe-CLIENT-TUBE; a new one when the outcome of anything was unknown */
    uint32_t step;
    uint32_t wanted;
    uint32_t count;
    struct probe_job jobs[PROBE_JOBS_MAX];
};

struct client {
    struct world *world;
    uint32_t index;
    uint32_t place; /* in the network */
    enum client_role role;
    enum client_state state;
    uint32_t number; /* of its connection */
    uint32_t host;
    struct timed wake;
    struct buffer in;
    struct buffer out;
    struct client_op ops[CLIENT_OPS_MAX];
    uint32_t ops_head, ops_count;
    struct client_held held[CLIENT_HELD_MAX];
    uint32_t held_count;
    uint64_t answered_us; /* when it last heard something other than a refusal */
    uint64_t progress_us; /* when it last heard anything, or came online */
    uint32_t drain_step;
    struct probe probe;
};

struct clients {
    struct client items[CLIENTS_MAX];
    uint32_t count;
    struct random random;
    uint64_t think_us; /* on average, between two commands of one worker */
    bool gone;         /* for good: who is connected leaves, no one comes back */
};

struct hand_ops;
struct world;

extern const struct hand_ops queue_hand; /* hand.c */

/* --- between clients.c, work.c and reply.c --- */

/* Begins the text of a command in client->out, and remembers it; NULL when too many are under
 * way. The caller appends the text. */
struct client_op *queue_client_begin(struct client *client, enum client_op_kind kind);
/* Sends what is in client->out. */
void queue_client_flush(struct client *client);
void queue_client_leave(struct client *client);
void queue_client_wake_in(struct client *client, uint64_t after_us);
void queue_client_tube_name(uint32_t tube, struct buffer *out);
/* What the role does next, nothing being under way (or, for a worker, little). */
void queue_client_work(struct client *client);
/* The outcome of a prober's command; kind OP_PUT, OP_RESERVE_TIMEOUT or OP_DELETE. */
void queue_client_probe_put(struct client *client, uint32_t key, uint64_t id);
void queue_client_probe_reserved(struct client *client, uint64_t id);
void queue_client_probe_timed_out(struct client *client);
void queue_client_probe_void(struct client *client);
/* Handles one reply at the front of client->in; false when it is not complete yet. */
bool queue_client_reply(struct client *client);
void queue_client_forget_held(struct client *client, uint64_t id);

#endif
