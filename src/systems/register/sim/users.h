/* The clients of the system `raft`: what they are, for the files of this folder. See clients.c. */
#ifndef QUARTET_SYSTEMS_REGISTER_SIM_USERS_H
#define QUARTET_SYSTEMS_REGISTER_SIM_USERS_H

#include "check/check.h"
#include "systems/register/protocol/frames.h"
#include "sim/callers.h"
#include "sim/system.h"
#include "sim/text.h"

enum {
    READERS_EVERY = 3,
    KEYS_MAX = 8, /* in use: fewer make clients meet more often */
    BURST_MAX = 6,
    BURSTS_EVERY = 4,
    PAUSE_US = 4000, /* within a burst */
    THINK_US = 2000,
};

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
    struct caller caller;           /* `drained`: registers */
    uint32_t asked, said, answered; /* of `asks`, in this order: chosen, sent, over */
    struct ask asks[BURST_MAX];
    uint32_t processes[BURST_MAX]; /* in the history, one for each of `asks`: a new one after an
                                      unknown outcome, which stays open */
};

struct users {
    struct callers callers;
    struct client clients[CALLERS_MAX];
    struct history history;
    uint32_t keys;
    enum read_level level;   /* of all reads of this world; READ_LEVELS: any */
    uint64_t next_value;     /* never written before */
    uint64_t seen[KEYS_MAX]; /* by some client: what a swap may expect */
    struct buffer line;
};

static inline struct users *users_of(const struct world *world)
{
    return world->users;
}

/* --- judge.c --- */

/* It goes into the history: its index there. */
uint32_t register_judge_asked(struct client *client, const struct ask *ask);
/* Fails the world if a read of the client's own register, in a burst, cannot see this value. */
void register_judge_order(struct client *client, uint64_t value);
/* Of all that they did. */
void register_judge(struct world *world);

#endif
