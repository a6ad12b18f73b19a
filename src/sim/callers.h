/* Simulated clients that ask, hear, and think before they ask again: what the clients of several
 * systems share. A client connects to some node; when its connection ends, or nothing comes for too
 * long, to another. Once the faults are over it asks for all there is once more, and is done.
 *
 * A system's clients begin with a struct caller, and its struct at world->users with a struct
 * callers; it owns both. The functions that take a world and an index stand in its row
 * (sim/system.h) as they are. */
#ifndef QUARTET_SIM_CALLERS_H
#define QUARTET_SIM_CALLERS_H

#include "base/random.h"
#include "sim/world.h"

enum { CALLERS_MAX = 16 };

enum caller_state { CALLER_OFFLINE, CALLER_DIALING, CALLER_ONLINE, CALLER_LEAVING };

struct caller {
    struct world *world;
    uint32_t index;
    uint32_t place; /* in the network */
    enum caller_state state;
    uint32_t number; /* of its connection */
    uint32_t host;
    uint32_t wanted; /* where it was told to go next, + 1; 0: anywhere */
    struct timed wake;
    struct buffer in;     /* came, and is not whole yet */
    uint64_t answered_us; /* when it last heard something other than a refusal */
    bool draining;
    uint32_t drained; /* how much it has asked for again since the faults ended */
};

struct callers_ops {
    /* It is awake and online: it asks, or says more. False: it is still waiting for an answer. */
    bool (*act)(struct caller *caller);
    /* Its connection ended: nobody will hear what became of what is under way. */
    void (*forget)(struct caller *caller);
    /* It has heard all that it wanted to since the faults ended. */
    bool (*done)(const struct caller *caller);
};

struct callers {
    const struct callers_ops *ops;
    struct random random;
    uint64_t think_us;    /* on average, between two commands of one client */
    uint64_t patience_us; /* a client leaves when nothing comes for so long */
    struct caller *all[CALLERS_MAX];
};

static inline struct callers *callers_of(const struct world *world)
{
    return world->users;
}

static inline uint64_t caller_below(const struct world *world, uint64_t bound)
{
    return random_below(&callers_of(world)->random, bound);
}

void caller_wake_in(struct caller *caller, uint64_t after_us);
void caller_leave(struct caller *caller);
/* What comes next, now that nothing is under way. */
void caller_next(struct caller *caller);

/* Makes `callers`, all zero, those of the world, and says there how many there are. The system then
 * draws what it wants to draw, sets `all`, and calls callers_start(). */
void callers_init(struct world *world, struct callers *callers, const struct callers_ops *ops,
                  uint64_t seed);
/* Their first steps are scheduled. `think_us` is what there would be if each were the only one. */
void callers_start(struct world *world, uint64_t think_us);
/* All go away, and no step of theirs comes any more. */
void callers_leave(struct world *world);
/* What lies in their struct; they themselves are the system's. */
void callers_free(struct world *world);

void callers_opened(struct world *world, uint32_t index);
void callers_closed(struct world *world, uint32_t index);
uint32_t callers_unserved(const struct world *world, uint64_t since_us);
/* A client that has something under way hears of it first. */
void callers_drain(struct world *world);
uint64_t callers_left(const struct world *world); /* how many are not done */

#endif
