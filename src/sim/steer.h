/* A world that someone drives by hand: nothing goes wrong in it by itself, and its clients ask what
 * they are told to ask. It is as deterministic as any other: the same seed and the same orders at
 * the same moments give the same world, so that a copy of all its memory is a checkpoint.
 *
 * The judges of a step (invariants.h, promises.h) look on here, too. */
#ifndef QUARTET_SIM_STEER_H
#define QUARTET_SIM_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/frames.h"
#include "sim/hand.h"
#include "sim/sim.h"
#include "sim/system.h"
#include "sim/world.h"

/* What a drawn world draws. Slower than a rack of machines, so that there is something to see. */
struct steer_setting {
    uint64_t latency_us_min, latency_us_max; /* one way */
    uint64_t sync_us_max;
    uint64_t heartbeat_us;
    uint64_t election_timeout_us;
    uint64_t patience_us; /* of the nodes: refuse_after_us and uncertain_after_us (node.h) */
};

extern const struct steer_setting steer_setting_default;

struct steered {
    struct steer_setting setting;
    struct sim_system system; /* the options' own, but with clients by hand */
    struct sim_options options;
    struct sim_report report; /* `failed`, and why */
    struct world *world;
    struct frames_told told;
    struct timed pauses[SIM_HOSTS_MAX]; /* pending: the host stands still */
    uint64_t seen;                      /* a hash of all that can be seen, but for quiet messages */
    uint64_t seen_quiet;                /* of those */
    uint64_t led_term;                  /* the highest in which someone led */
};

/* Zeroed memory becomes a world at time 0 whose nodes are about to start. The system must have
 * hands (system.h). `nodes` as in sim.h; the setting is copied. */
void steer_open(struct steered *steered, const struct sim_system *system, uint64_t seed,
                uint32_t nodes, const struct steer_setting *setting);
void steer_close(struct steered *steered);

enum steer_goal {
    STEER_TIME,   /* only the time */
    STEER_EVENT,  /* what can be seen: a message leaves or arrives, a state changes */
    STEER_NEWS,   /* the same, but for quiet messages (frames.h) */
    STEER_LEADER, /* someone leads in a term in which no one led before */
    STEER_ANSWER, /* a client hears something, or loses its connection */
    STEER_CALM,   /* someone leads, all whom it reaches have its log, no client waits, and only
                     quiet messages are on their way */
};

enum steer_stop {
    STEER_REACHED,
    STEER_LATE,   /* it is `until_us`, and the goal was not reached */
    STEER_QUIET,  /* of STEER_EVENT: only a quiet message left or arrived */
    STEER_FAILED, /* a judge ended the run: report.reason. Nothing moves any more */
};

/* Lets time pass until the goal is reached, or `until_us` of virtual time. */
enum steer_stop steer_until(struct steered *steered, enum steer_goal goal, uint64_t until_us);

/* What one may do to a world. Nodes are numbered from 1 and must exist. NULL when it was done; else
 * why not, in words. */
const char *steer_kill(struct steered *steered, uint32_t node);    /* kill -9 */
const char *steer_restart(struct steered *steered, uint32_t node); /* with what its disk holds */
const char *steer_pause(struct steered *steered, uint32_t node);
const char *steer_resume(struct steered *steered, uint32_t node);
/* Both ways. Clients still reach both nodes. */
const char *steer_cut(struct steered *steered, uint32_t node, uint32_t other);
/* From all other nodes. */
const char *steer_cut_off(struct steered *steered, uint32_t node);
const char *steer_heal(struct steered *steered); /* all that was cut */
/* A client asks this node something, in the words of the system's hands. */
const char *steer_ask(struct steered *steered, uint32_t node, struct slice words);

/* Whether a message under way says something new (frames.h): as it was found when it left. */
bool steer_is_news(const struct network_glance *glance);

static inline bool steer_paused(const struct steered *steered, uint32_t node)
{
    return timed_pending(&steered->pauses[node - 1]);
}

#endif
