/* What goes wrong with hosts: processes, disks and clocks. See faults.h.
 *
 * What a disk may lose so that its node can notice, is said in disk_damage.c; whose disk may forget
 * at all, in minority.h. */
#include "sim/faults_kinds.h"
#include "sim/operator.h"
#include "sim/text.h"
#include "sim/world.h"

enum {
    DOWN_US_MAX = 4000000,
    PAUSE_US_MAX = 3000000,
    COUNTDOWN_MAX = 24, /* actions until a planned crash */
    START_COUNTDOWN_MAX = 12,
    DRIFT_BEYOND_PPM_MAX = 900000,
    SETTLED_US = 30000, /* quiet for so long and two syncs: the watermark is written */
    WALL_JUMP_US_MAX = 3000000,
    DAMAGES_MAX = 3, /* at a time, to one disk */
};

/* In the middle of a turn, soon. */
static void crash_plan(struct faults *faults, struct host *host, enum host_end how)
{
    host->crash_end = how;
    host->restart_after_us = faults_lasting_us(faults, DOWN_US_MAX);
    host->crash_countdown = 1 + (uint32_t)random_below(&faults->random, COUNTDOWN_MAX);
}

/* Once more, in the first steps of its next start: what a start changes on disk it changes step by
 * step too. */
static void crash_plan_start(struct faults *faults, struct host *host)
{
    if (random_below(&faults->random, 4) != 0) return;
    host->start_countdown = 1 + (uint32_t)random_below(&faults->random, START_COUNTDOWN_MAX);
    bool power = random_below(&faults->random, 2) == 0;
    if (faults->world->config.fsync_never) power = false; /* see fault_forget() */
    host->crash_end = power ? HOST_POWER_LOST : HOST_CRASHED;
    host->restart_after_us = faults_lasting_us(faults, DOWN_US_MAX);
}

static void crash(struct faults *faults, struct host *host, enum host_end how)
{
    if (random_below(&faults->random, 2) == 0) {
        crash_plan(faults, host, how);
    } else {
        sim_host_end(host, how, faults_lasting_us(faults, DOWN_US_MAX));
        crash_plan_start(faults, host);
    }
}

/* Stops in order, as on SIGTERM; if that takes too long, the restart finds it still up. */
static void drain(struct faults *faults, struct host *host)
{
    host->restart_after_us = faults_lasting_us(faults, DOWN_US_MAX);
    struct event event = {.type = EVENT_DRAIN};
    world_narrate(faults->world, "fault", host->id, "drain");
    sim_host_step(host, &event);
}

void fault_blackout(struct faults *faults)
{
    struct world *world = faults->world;
    if (world->config.fsync_never) return; /* no one would be left to be trusted */
    world_count(world, SIM_COVER_BLACKOUTS);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        sim_host_end(&world->hosts[i], HOST_POWER_LOST, faults_lasting_us(faults, DOWN_US_MAX / 2));
    }
}

/* One pause within another makes it no shorter: what was held up comes when the longer one ends. */
void fault_pause(struct faults *faults, struct host *host)
{
    uint64_t until_us = world_now_us(faults->world) + faults_lasting_us(faults, PAUSE_US_MAX);
    if (until_us > host->paused_until_us) host->paused_until_us = until_us;
}

/* It had nothing to write for a while, and could have written that. */
static bool settled(const struct host *host)
{
    uint64_t now_us = world_now_us(host->world);
    uint64_t wait_us = SETTLED_US + 2 * host->sync_us_max * host->slow_factor;
    return host->node != NULL && !sim_disk_dirty(&host->disk) &&
           now_us >= host->synced_us + wait_us && now_us >= host->paused_until_us + wait_us;
}

static void damage(struct faults *faults, struct host *host, enum sim_fault kind, bool was_settled)
{
    struct world *world = faults->world;
    struct disk_place place;
    enum sim_coverage what = SIM_COVER_ROTS;
    if (kind == SIM_FAULT_ROT) {
        place = sim_disk_rot(&host->disk, &faults->random);
    } else if (kind == SIM_FAULT_LOSE) {
        place = sim_disk_lose_write(&host->disk, &faults->random, was_settled);
        what = SIM_COVER_LOST_WRITES;
    } else {
        place = sim_disk_misdirect(&host->disk, &faults->random);
        what = SIM_COVER_MISDIRECTED;
    }
    if (place.size == 0) return;
    world_count(world, what);
    world_narrate(world, "fault", host->id, "%s %s=%U offset=%U size=%U", fault_word(kind),
                  place.snapshot ? "snapshot" : "segment", place.number, place.offset, place.size);
}

/* A crash must not take the trust back: until it is durable, the disk is not to be relied on. */
void faults_look_forgetful(struct faults *faults)
{
    for (uint32_t i = 0; i < faults->world->hosts_count; i++) {
        const struct host *host = &faults->world->hosts[i];
        uint64_t *regained = &faults->regained_sequence[i];
        bool trusted = sim_host_trusted(host);
        if (!trusted) *regained = 0;
        if (!trusted || !sim_host_applied(host)) continue;
        if (*regained == 0) *regained = host->disk.sequence_written + 1;
        if (host->disk.sequence_durable >= *regained) faults->forgetful &= ~(1u << i);
    }
}

void fault_forget(struct faults *faults, struct host *host, enum sim_fault kind)
{
    struct world *world = faults->world;
    faults_look_forgetful(faults);
    if (!minority_may_forget(world, host)) return;
    faults->forgetful |= 1u << host->index;
    faults->regained_sequence[host->index] = 0;
    bool power = random_below(&faults->random, 2) == 0 || kind == SIM_FAULT_POWER;
    bool was_settled = settled(host) && !faults_enabled(faults, SIM_FAULT_DRIFT);
    uint64_t down_us = faults_lasting_us(faults, DOWN_US_MAX);
    enum host_end how = power ? HOST_POWER_LOST : HOST_CRASHED;
    if (kind == SIM_FAULT_FSYNC) how = HOST_SYNC_FAILED;
    sim_host_end(host, how, down_us);
    invariants_forget(world, host);
    if (faults_enabled(faults, SIM_FAULT_CRASH)) crash_plan_start(faults, host);
    if (kind == SIM_FAULT_WIPE) {
        world_narrate(world, "fault", host->id, "wipe");
        world_count(world, SIM_COVER_WIPES);
        sim_disk_wipe(&host->disk);
        return;
    }
    if (kind == SIM_FAULT_FSYNC) { /* under fsync_never, as the next */
        world_count(world, SIM_COVER_SYNC_ERRORS);
        return;
    }
    if (kind == SIM_FAULT_POWER) { /* under fsync_never: what was not synced is gone */
        world_count(world, SIM_COVER_POWER_LOSSES);
        return;
    }
    uint32_t times = (uint32_t)faults_between(faults, 1, DAMAGES_MAX + 1);
    for (uint32_t i = 0; i < times; i++) damage(faults, host, kind, was_settled && i == 0);
}

/* What follows on trust is written step by step: a crash between two of them is worth a visit. */
void faults_regained(struct faults *faults, struct host *host)
{
    if ((faults->forgetful >> host->index & 1) == 0) return;
    faults->regained_sequence[host->index] = host->disk.sequence_written + 1;
    if (faults->world->phase != PHASE_FAULTS || host->crash_countdown > 0) return;
    if (random_below(&faults->random, 3) != 0) return;
    if (faults_enabled(faults, SIM_FAULT_CRASH)) crash_plan(faults, host, HOST_CRASHED);
}

static uint32_t hosts_down(const struct world *world)
{
    uint32_t down = 0;
    for (uint32_t i = 0; i < world->hosts_count; i++) down += world->hosts[i].node == NULL;
    return down;
}

void fault_take_down(struct faults *faults, struct host *host, enum sim_fault kind)
{
    struct world *world = faults->world;
    uint32_t quorum = world->hosts_count / 2 + 1;
    bool too_many = world->hosts_count - hosts_down(world) <= quorum && world->hosts_count > 1;
    /* Without a quorum nothing happens: let that be rare. */
    if (host->node == NULL || (too_many && random_below(&faults->random, 8) != 0)) return;
    bool by_the_disk = kind == SIM_FAULT_FSYNC || kind == SIM_FAULT_POWER;
    if (by_the_disk && world->config.fsync_never) {
        fault_forget(faults, host, kind);
    } else if (kind == SIM_FAULT_FSYNC) {
        host->sync_fails = true;
        host->restart_after_us = faults_lasting_us(faults, DOWN_US_MAX);
    } else if (kind == SIM_FAULT_POWER) {
        world_count(world, SIM_COVER_POWER_LOSSES);
        crash(faults, host, HOST_POWER_LOST);
    } else if (random_below(&faults->random, 4) == 0) {
        drain(faults, host);
    } else {
        world_count(world, SIM_COVER_CRASHES);
        crash(faults, host, HOST_CRASHED);
    }
}

/* Either way from true time by half the bound: then no two clocks are further apart than it. */
static int64_t drift_ppm_max(const struct world *world)
{
    return world->config.clock_drift_permille * 500;
}

static void clock_changed(struct faults *faults, struct host *host, int64_t drift_ppm)
{
    world_narrate(faults->world, "fault", host->id, "clock %s %U ppm",
                  drift_ppm < 0 ? "slow by" : "fast by",
                  (uint64_t)(drift_ppm < 0 ? -drift_ppm : drift_ppm));
    sim_host_set_drift(host, drift_ppm);
    schedule_cancel(&faults->world->schedule, &host->timer);
    if (host->node == NULL) return;
    schedule_at(&faults->world->schedule, &host->timer, world_now_us(faults->world));
}

void fault_skew(struct faults *faults, struct host *host)
{
    int64_t most_ppm = drift_ppm_max(faults->world);
    int64_t drift_ppm = (int64_t)faults_between(faults, 0, 2 * (uint64_t)most_ppm + 1) - most_ppm;
    if (random_below(&faults->random, 3) == 0) drift_ppm = drift_ppm < 0 ? -most_ppm : most_ppm;
    int64_t jump_us =
        (int64_t)faults_between(faults, 0, 2 * WALL_JUMP_US_MAX + 1) - WALL_JUMP_US_MAX;
    world_count(faults->world, SIM_COVER_CLOCK_JUMPS);
    clock_changed(faults, host, drift_ppm);
    host->wall_offset_us = jump_us; /* not a random walk: the clocks stay near each other */
}

/* The one promise that someone else has to keep: a lease is as true as the bound. It lies on a
 * leader that is cut off, while its clock goes slower than those that elect the next. */
void fault_drift_beyond(struct fault *fault, bool on)
{
    struct world *world = fault->world;
    struct faults *faults = &world->faults;
    bool slow = random_below(&faults->random, 4) != 0;
    bool far = random_below(&faults->random, 2) == 0;
    uint64_t least_ppm = far ? DRIFT_BEYOND_PPM_MAX / 2 : (uint64_t)drift_ppm_max(world);
    int64_t drift_ppm = (int64_t)faults_between(faults, least_ppm, DRIFT_BEYOND_PPM_MAX);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        struct host *host = &world->hosts[i];
        if (!on) {
            if (host->drift_ppm != 0) clock_changed(faults, host, 0);
        } else if ((i == fault->a) == slow) {
            clock_changed(faults, host, slow ? -drift_ppm : drift_ppm);
        }
    }
    fault->mask = 1u << fault->a;
    faults_partition(fault, on);
    if (on) world_count(world, SIM_COVER_DRIFTS_BEYOND);
}

/* To anyone: a node that does not lead, or may not hand over, has to say so. */
void fault_transfer(struct faults *faults, struct host *host)
{
    struct buffer path = {0};
    text_append(&path, "/members?do=transfer&id=%u", faults_other_host(faults, host)->id);
    sim_operator_post(host, buffer_slice(&path));
    buffer_free(&path);
}
