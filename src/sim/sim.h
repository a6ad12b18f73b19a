/* The simulator: a whole cluster in one process, in virtual time.
 *
 * Nodes are the real ones (node/node.h); clocks, network, disks and clients are not. Every choice
 * comes from the seed, so that a run replays byte for byte. sim_run() is pure, so that the same
 * world can run in a browser page; the front end that prints and forks is command/sim.h. */
#ifndef QUARTET_SIM_SIM_H
#define QUARTET_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "sim/coverage.h"
#include "sim/system.h"

enum {
    SIM_NODES_MAX = 5,
    SIM_HOSTS_MAX = SIM_NODES_MAX + 1, /* with one that may join */
    SIM_GROUPS_MAX = 16,
    SIM_REASON_SIZE = 240,
    SIM_WORDS_MAX = 64, /* different words of node traces that are counted */
    SIM_WORD_SIZE = 24,
};

/* Faults that a run may draw from. The text is for `--help`. */
#define SIM_FAULTS(X)                                                                       \
    X(LOSS, "loss", "messages between nodes are lost")                                      \
    X(DUPLICATE, "duplicate", "messages between nodes arrive twice")                        \
    X(REORDER, "reorder", "messages between nodes overtake each other")                     \
    X(DELAY, "delay", "messages are late by up to 300 ms")                                  \
    X(PARTITION, "partition", "the cluster is cut in two")                                  \
    X(ONEWAY, "oneway", "one node is heard but hears nothing, or the other way round")      \
    X(CLOG, "clog", "a link takes bytes and delivers them later, all at once")              \
    X(BREAK, "break", "connections break, noticed at either end at different times")        \
    X(REFUSE, "refuse", "a node refuses new connections")                                   \
    X(DEPOSE, "depose", "leaders are cut off one by one, with entries not committed")       \
    X(PAUSE, "pause", "a process stands still")                                             \
    X(CRASH, "crash", "a process dies between two actions; the page cache survives")        \
    X(POWER, "power", "a machine loses power: unsynced sectors are old or new")             \
    X(BLACKOUT, "blackout", "all machines lose power")                                      \
    X(FSYNC, "fsync", "a sync fails: the process stops, some unsynced sectors are lost")    \
    X(FULL, "full", "a disk is full for a while")                                           \
    X(SLOW, "slow", "a disk syncs slowly for a while")                                      \
    X(SKEW, "skew", "clocks drift within the bound, the wall clock jumps")                  \
    X(WIPE, "wipe", "a node comes back with an empty disk, one at a time")                  \
    X(ROT, "rot", "bits of a node's synced log or snapshot flip while it is down")          \
    X(LOSE, "lose", "a write that was synced is not there after a restart")                 \
    X(MISDIRECT, "misdirect", "the same, and it is where something else was")               \
    X(TRANSFER, "transfer", "the leader is told to hand over to another")                   \
    X(DRIFT, "drift-beyond", "cuts a leader off, its clock beyond the bound: by name only") \
    X(MEMBERS, "members", "members are removed and added again, and one more may join")     \
    X(DEAD, "dead", "connections between nodes die, and neither end hears of it")

enum sim_fault {
#define X(name, word, help) SIM_FAULT_##name,
    SIM_FAULTS(X)
#undef X
        SIM_FAULT_COUNT
};

enum {
    /* Nothing that breaks what the design promises to survive. */
    SIM_FAULTS_ALL = ((1u << SIM_FAULT_COUNT) - 1) & ~(1u << SIM_FAULT_DRIFT),
    SIM_FAULTS_DEFAULT = SIM_FAULTS_ALL,
};

struct sim_options {
    const struct sim_system *system;
    uint64_t seed;
    uint32_t nodes;   /* 1, 3 or 5 */
    uint32_t groups;  /* of Raft on each node, 1 to SIM_GROUPS_MAX; 0: 1 */
    uint32_t seconds; /* of the phase with faults; healing and draining come on top */
    uint32_t faults;  /* bits of enum sim_fault */
    bool trace;
    void (*print)(void *context, struct slice lines); /* the trace; borrowed for the call */
    void *print_context;
};

struct sim_word {
    char word[SIM_WORD_SIZE];
    uint64_t count;
};

struct sim_report {
    bool failed;
    char reason[SIM_REASON_SIZE]; /* "invariant: what broke it", ends with a zero */
    uint64_t simulated_us;        /* when the run ended */
    uint64_t turns;               /* of all nodes */
    uint64_t fingerprint;         /* of all that happened: equal for equal runs */
    uint64_t counts[SIM_COVERAGE_COUNT];
    uint32_t words_count;
    struct sim_word words[SIM_WORDS_MAX]; /* first words of the nodes' trace lines */
};

/* Runs one world to its end or to the first broken rule. */
void sim_run(const struct sim_options *options, struct sim_report *report);

#endif
