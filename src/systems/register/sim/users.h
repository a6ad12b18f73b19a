/* The clients of the system `raft`: what they are, for the files of this folder. See clients.c. */
#ifndef QUARTET_SYSTEMS_REGISTER_SIM_USERS_H
#define QUARTET_SYSTEMS_REGISTER_SIM_USERS_H

#include "check/check.h"
#include "systems/register/protocol/frames.h"
#include "sim/system.h"
#include "sim/text.h"
#include "sim/world.h"

enum {
    CLIENTS_MAX = 16,
    CLIENTS_PER_NODE = 3,
    CLIENTS_MIN = 4,
    READERS_EVERY = 3,
    KEYS_MAX = 8, /* in use: fewer make clients meet more often */
    BURST_MAX = 6,
    BURSTS_EVERY = 4,
    PAUSE_US = 4000, /* within a burst */
    THINK_US = 2000,
    RECONNECT_US_MAX = 300000,
    PATIENCE_US_MIN = 500000, /* a client leaves when nothing comes for so long */
    PATIENCE_US_MAX = 6000000,
};

enum client_state { CLIENT_OFFLINE, CLIENT_DIALING, CLIENT_ONLINE, CLIENT_LEAVING };

/* How a read is answered: by an entry of its own, by ReadIndex, or on the leader's lease. */
enum read_level { READ_BY_LOG, READ_BY_INDEX, READ_ON_LEASE, READ_LEVELS, READ_LOCAL };

/* A command under way. */
struct ask {
    struct register_command command;
    enum read_level level;
    uint32_t operation; /* its index in the history; not of a local read */
    bool refused;
};

struct client {
    struct world *world;
    uint32_t index;
    uint32_t place; /* in the network */
    enum client_state state;
    uint32_t number; /* of its connection */
    uint32_t host;
    struct timed wake;
    struct buffer in;
    uint32_t asked, said, answered; /* of `asks`, in this order: chosen, sent, over */
    struct ask asks[BURST_MAX];
    uint32_t processes[BURST_MAX]; /* in the history, one for each of `asks`: a new one after an
                                      unknown outcome, which stays open */
    uint64_t answered_us;          /* when it last heard something other than a refusal */
    bool draining;
    uint32_t drained; /* registers read since the faults ended */
};

struct users {
    struct client clients[CLIENTS_MAX];
    struct history history;
    struct random random;
    uint32_t keys;
    enum read_level level; /* of all reads of this world; READ_LEVELS: any */
    uint64_t think_us;     /* on average, between two commands of one client */
    uint64_t patience_us;
    uint64_t next_value;     /* never written before */
    uint64_t seen[KEYS_MAX]; /* by some client: what a swap may expect */
    struct buffer line;
};

static inline struct users *users_of(const struct world *world)
{
    return world->users;
}

static inline uint64_t below(const struct world *world, uint64_t bound)
{
    return random_below(&users_of(world)->random, bound);
}

static inline void wake_in(struct client *client, uint64_t after_us)
{
    schedule_at(&client->world->schedule, &client->wake, world_now_us(client->world) + after_us);
}

/* --- judge.c --- */

/* It goes into the history: its index there. */
uint32_t register_judge_asked(struct client *client, const struct ask *ask);
/* Fails the world if a read of the client's own register, in a burst, cannot see this value. */
void register_judge_order(struct client *client, uint64_t value);
/* Of all that they did. */
void register_judge(struct world *world);

#endif
