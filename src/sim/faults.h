/* What goes wrong, when, drawn from the seed. */
#ifndef QUARTET_SIM_FAULTS_H
#define QUARTET_SIM_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "sim/depose.h"
#include "sim/schedule.h"
#include "sim/sim.h"

enum {
    FAULTS_ACTIVE_MAX = 12, /* at a time */
};

struct world;
struct host;

/* A fault that lasts. */
struct fault {
    struct world *world;
    struct timed end;
    enum sim_fault kind;
    uint32_t a, b; /* hosts */
    uint32_t mask; /* hosts on one side */
    bool inward;
};

struct faults {
    struct world *world;
    struct random random;
    struct timed next;
    uint64_t interval_us_max; /* between two faults: some worlds are wilder than others */
    uint64_t disturbed_us;    /* when something last went wrong or was mended */
    uint32_t forgetful;       /* hosts whose disk forgot and is not to be relied on yet */
    /* Of each disk: its trust is not in an earlier batch; 0: it has none yet. */
    uint64_t regained_sequence[SIM_HOSTS_MAX];
    uint32_t voters_min; /* the operator leaves no fewer */
    struct fault active[FAULTS_ACTIVE_MAX];
    struct depose depose;
};

void faults_init(struct world *world, struct faults *faults, uint64_t seed);
void faults_start(struct faults *faults, uint64_t at_us);
/* Ends everything that is active, starts every host that is down. */
void faults_heal(struct faults *faults);
/* The host whose disk was made to forget is trusted again, and has a history. */
void faults_regained(struct faults *faults, struct host *host);
/* Nothing is wrong now, and nothing is about to be. */
bool faults_calm(const struct faults *faults);
/* The word's fault; false when there is none. */
bool fault_by_word(struct slice word, enum sim_fault *fault);
const char *fault_word(enum sim_fault fault);

#endif
