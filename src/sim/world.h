/* One simulated world: hosts with nodes, a network, clients, faults, and the judges.
 *
 * Internal to src/sim: sim.h is the contract. Each part has its own file; this header holds what
 * they share. */
#ifndef QUARTET_SIM_WORLD_H
#define QUARTET_SIM_WORLD_H

#include "base/bytes.h"
#include "base/random.h"
#include "node/node.h"
#include "sim/clocks.h"
#include "sim/disk.h"
#include "sim/faults.h"
#include "sim/invariants.h"
#include "sim/memberships.h"
#include "sim/minority.h"
#include "sim/network.h"
#include "sim/promises.h"
#include "sim/schedule.h"
#include "sim/sim.h"
#include "sim/system.h"

enum {
    HOST_SENT_MAX = 64, /* connections with bytes that have left, not yet told to the node */
};

/* How a process ends. */
enum host_end {
    HOST_CRASHED, /* kill -9: what was written survives in the page cache */
    HOST_POWER_LOST,
    HOST_SYNC_FAILED,
    HOST_STOPPED, /* by itself, after DRAIN */
};

/* The machine that one node runs on. */
struct host {
    struct world *world;
    struct node *node; /* NULL: down */
    uint32_t index;
    uint32_t id; /* of the node: index + 1 */
    uint32_t boots;
    uint32_t next_number; /* of the next connection that it accepts */
    struct disk disk;
    uint8_t boot_id[NODE_BOOT_ID_SIZE];

    struct machine_facts facts; /* unlike those of any other host: in a machine they would show */

    uint64_t mono_base_us; /* the monotonic clock at `mono_since_us` of virtual time */
    uint64_t mono_since_us;
    int64_t drift_ppm;
    int64_t wall_offset_us;
    bool clock_off;  /* its node says so: clocks.c */
    uint64_t led_us; /* when it last knew a leader, or was not off */

    uint64_t sync_us_max;
    uint32_t slow_factor; /* of syncs */
    bool sync_fails;      /* the next one */
    bool unsynced;        /* under fsync_never one failed, and no start has made that known yet */
    bool syncing;         /* what `synced` tells; else, under fsync_never, that it is written: */
    uint64_t written_sequence;
    bool must_sync; /* fsync_never: a write waits that must reach the disk all the same */
    bool full;
    bool stuck; /* and nothing more becomes durable on it */
    uint64_t told_durable;
    uint64_t synced_us; /* when the last sync ended */
    uint64_t paused_until_us;
    uint32_t crash_countdown; /* actions until it ends in the middle of a turn; 0: not planned */
    uint32_t start_countdown; /* as soon as it starts, this is its crash_countdown */
    enum host_end crash_end;
    uint64_t restart_after_us;

    struct timed timer; /* the node's deadline */
    struct timed turn;
    struct timed synced;
    struct timed snapshot_written;
    struct timed snapshot_committed;
    struct timed restart;
    uint64_t snapshot_number; /* being committed */

    struct {
        uint32_t number;
        size_t count;
    } sent[HOST_SENT_MAX];
    uint32_t sent_count;
    bool sent_matters; /* someone waits for it: large, or reading was switched off */

    uint64_t turns;
    uint64_t spin_at_us;
    uint32_t spin_turns;
};

enum phase {
    PHASE_FAULTS,
    PHASE_HEAL,   /* no more faults: a leader, and every client is served again */
    PHASE_DRAIN,  /* no new work: what is left comes out */
    PHASE_SETTLE, /* all replicas become equal */
    PHASE_OVER,
};

/* What is known of one group of Raft. */
struct judged {
    struct invariants invariants;
    struct memberships memberships;
    struct promises promises[SIM_HOSTS_MAX];
};

struct world {
    const struct sim_options *options;
    struct sim_report *report;
    struct schedule schedule;
    struct random random; /* of hosts; other parts have their own */
    struct network network;
    struct host hosts[SIM_HOSTS_MAX];
    uint32_t hosts_count; /* the founders (options->nodes), then who may join */
    struct node_config config;
    struct faults faults;
    struct judged *judged; /* of each group */
    uint32_t groups_count;
    uint32_t group; /* the one that is being looked at; the cluster's, 0, outside of its judges */
    const struct sim_system *system;
    void *users; /* the system's own: its clients, and what they saw */
    uint32_t clients_count;
    enum phase phase;
    uint64_t phase_since_us;
    uint64_t clocks_changed_us; /* when one last jumped, or changed its speed */
    struct timed phase_check;
    struct buffer line; /* of the trace, while it is put together */
};

/* --- world.c --- */

/* All is there and nothing is scheduled: sim_run() and steer_open() see to that. Both are borrowed
 * until world_free(). */
struct world *world_new(const struct sim_options *options, struct sim_report *report);
void world_free(struct world *world);

/* Ends the run. The text is formatted as text.h says; the first failure stands. */
void world_fail(struct world *world, const char *invariant, const char *format, ...);
/* A line of the trace: time and who; then text, which may be formatted (text.h). */
void world_narrate(struct world *world, const char *who, uint32_t number, const char *format, ...);
/* A replica is about to go: what it counted goes to the report. NULL: nothing. */
void world_count_raft(struct world *world, const struct raft *raft);
static inline struct judged *sim_judged(const struct world *world)
{
    return &world->judged[world->group];
}
static inline void world_count(struct world *world, enum sim_coverage what)
{
    world->report->counts[what]++;
}
/* Into the fingerprint of the run. */
static inline void world_mark(struct world *world, uint64_t value)
{
    world->report->fingerprint = random_mix(world->report->fingerprint + value);
}
static inline uint64_t world_now_us(const struct world *world)
{
    return world->schedule.now_us;
}

/* Where the node is dialed, as its config has it. */
void world_address(uint32_t id, char *address);
/* What clients dial; likewise. */
void world_client_address(uint32_t id, char *address);
/* Do members change here? */
bool world_changes_members(const struct world *world);
/* A host that was drawn, or a founder instead: clients know a node that may join once it did. */
uint32_t world_host_known(const struct world *world, uint32_t drawn);

/* --- host.c --- */

void sim_host_init(struct world *world, struct host *host, uint32_t index);
void sim_host_free(struct host *host);
void sim_host_start(struct host *host);
/* The node is gone. It starts again after so long; UINT64_MAX: someone else sees to it. */
void sim_host_end(struct host *host, enum host_end how, uint64_t restart_after_us);
void sim_host_step(struct host *host, struct event *event);
struct raft_time sim_host_time(const struct host *host);
/* When, in virtual time, the host's clock shows this at last; UINT64_MAX: never in any run. */
uint64_t sim_host_virtual_us(const struct host *host, uint64_t mono_us);
/* Its raft of group 0; NULL while it is down or not founded. */
const struct raft *sim_host_raft(const struct host *host);
/* They are about to go: what they counted goes to the report. */
void sim_host_count_rafts(const struct host *host);
/* The machine begins: another boot id, and clocks that run right. */
void sim_host_new_boot(struct host *host);
/* The same of the group that is being looked at. */
const struct raft *sim_judged_raft(const struct host *host);
/* Of all of its groups. */
bool sim_host_trusted(const struct host *host);
bool sim_host_applied(const struct host *host); /* something */
void sim_host_set_drift(struct host *host, int64_t drift_ppm);
void sim_host_set_full(struct host *host, bool full);

/* --- places.c --- */

extern const struct network_sink sim_host_sink;

#endif
