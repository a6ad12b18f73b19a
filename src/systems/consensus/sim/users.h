/* What the files of the consensus store's simulated clients share. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_SIM_USERS_H
#define QUARTET_SYSTEMS_CONSENSUS_SIM_USERS_H

#include "check/check.h"
#include "sim/callers.h"
#include "systems/consensus/sim/lines.h"
#include "systems/consensus/sim/speech.h"
#include "systems/consensus/sim/story.h"

enum { KEYS_MAX = 8, WATCHERS_EVERY = 4 /* clients: so many of them, the last, watch */ };

struct client {
    struct caller caller; /* `drained`: keys */
    bool asking;
    struct speech_call call;
    uint64_t floor;     /* the highest revision that was heard of when it asked */
    uint32_t operation; /* in the history */
    uint32_t process;

    bool watches;  /* it does nothing else */
    uint64_t next; /* the revision that it hears next; 0: it has not begun */
    struct lines lines;
};

struct users {
    struct callers callers;
    struct client clients[CALLERS_MAX];
    struct history history;
    uint32_t keys;
    uint64_t next_value;
    uint64_t seen[KEYS_MAX]; /* by some client: what a swap may expect; 0: nothing */
    uint64_t revision;       /* the highest that was answered */
    uint64_t compacted;      /* the highest that it was compacted to, as was answered */
    struct story story;
    struct buffer bytes;
};

static inline struct users *users_of(const struct world *world)
{
    return world->users;
}

/* watcher.c: clients that watch all keys, at one node after the other, from the revision on that
 * they want next. Revisions are heard one by one, none left out, none twice, and as everyone else
 * tells them; but for those that were compacted. */

/* As callers_ops and sim_system have them. */
bool watcher_act(struct client *client);
void watcher_received(struct client *client, struct slice bytes);
void watcher_forget(struct client *client);
/* It has heard all that any answer was as of. */
bool watcher_done(const struct client *client);
/* An answer, or a watch, says that this is what happened at that revision. */
void told(struct world *world, uint32_t index, uint64_t revision, uint32_t key, uint64_t value);

#endif
