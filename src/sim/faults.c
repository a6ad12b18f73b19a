/* What goes wrong. See faults.h.
 *
 * No fault here breaks what the design promises to survive: any number of crashes and power
 * losses at any time, anything on the network; but only a minority of disks may forget what they
 * had reported durable (minority.h). What a disk may lose so that its node can notice, is said in
 * disk_damage.c. */
#include "sim/faults.h"

#include <string.h>

#include "base/assert.h"
#include "sim/operator.h"
#include "sim/text.h"
#include "sim/world.h"

enum {
    QUIET_US = 2000000, /* most worlds are left alone to begin with */
    LASTS_US_MIN = 1000,
    LASTS_US_MAX = 4000000,
    LASTS_MAGNITUDES = 9, /* powers of two */
    DOWN_US_MAX = 4000000,
    PAUSE_US_MAX = 3000000,
    COUNTDOWN_MAX = 24, /* actions until a planned crash */
    DRIFT_BEYOND_PPM_MAX = 900000,
    START_COUNTDOWN_MAX = 12,
    SETTLED_US = 30000, /* quiet for so long and two syncs: the watermark is written */
    WALL_JUMP_US_MAX = 3000000,
    VOTERS_MIN = 2,
    DAMAGES_MAX = 3, /* at a time, to one disk */
};

static const char *const words[] = {
#define X(name, word, help) word,
    SIM_FAULTS(X)
#undef X
};

const char *fault_word(enum sim_fault fault)
{
    return words[fault];
}

bool fault_by_word(struct slice word, enum sim_fault *fault)
{
    for (uint32_t i = 0; i < SIM_FAULT_COUNT; i++) {
        if (!slice_equal(word, slice_text(words[i]))) continue;
        *fault = (enum sim_fault)i;
        return true;
    }
    return false;
}

static uint64_t between(struct faults *faults, uint64_t low, uint64_t high)
{
    return low + random_below(&faults->random, high - low);
}

/* How long something lasts: of every magnitude, as what breaks on a second of silence is seldom
 * what breaks on a blink. */
static uint64_t lasting_us(struct faults *faults, uint64_t most_us)
{
    uint64_t magnitude = random_below(&faults->random, LASTS_MAGNITUDES);
    return LASTS_US_MIN + random_below(&faults->random, most_us >> magnitude);
}

static bool enabled(const struct faults *faults, enum sim_fault kind)
{
    return faults->world->options->faults & 1u << kind;
}

/* Half of what goes wrong goes wrong with whoever leads: that is where it hurts. */
static struct host *any_host(struct faults *faults)
{
    struct world *world = faults->world;
    bool leader = random_below(&faults->random, 2) == 0;
    for (uint32_t i = 0; leader && i < world->hosts_count; i++) {
        const struct raft *raft = sim_host_raft(&world->hosts[i]);
        if (raft != NULL && raft_role(raft) == RAFT_LEADER) return &world->hosts[i];
    }
    return &world->hosts[random_below(&faults->random, world->hosts_count)];
}

static struct host *other_host(struct faults *faults, const struct host *host)
{
    struct world *world = faults->world;
    uint32_t step = 1 + (uint32_t)random_below(&faults->random, world->hosts_count - 1);
    return &world->hosts[(host->index + step) % world->hosts_count];
}

static uint32_t hosts_down(const struct world *world)
{
    uint32_t down = 0;
    for (uint32_t i = 0; i < world->hosts_count; i++) down += world->hosts[i].node == NULL;
    return down;
}

bool faults_calm(const struct faults *faults)
{
    const struct world *world = faults->world;
    for (uint32_t i = 0; i < FAULTS_ACTIVE_MAX; i++) {
        if (timed_pending(&faults->active[i].end)) return false;
    }
    if (depose_active(&faults->depose)) return false;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct host *host = &world->hosts[i];
        if (host->node == NULL || host->crash_countdown > 0 || host->sync_fails ||
            host->paused_until_us > world->schedule.now_us) {
            return false;
        }
    }
    return true;
}

/* --- faults of the network --- */

static void cut_pair(struct world *world, uint32_t a, uint32_t b, bool cut)
{
    network_cut(&world->network, a, b, cut);
    network_cut(&world->network, b, a, cut);
}

static void partition(struct fault *fault, bool cut)
{
    struct world *world = fault->world;
    for (uint32_t a = 0; a < world->hosts_count; a++) {
        for (uint32_t b = 0; b < a; b++) {
            if ((fault->mask >> a & 1) != (fault->mask >> b & 1)) cut_pair(world, a, b, cut);
        }
    }
}

static void oneway(struct fault *fault, bool cut)
{
    struct world *world = fault->world;
    for (uint32_t other = 0; other < world->hosts_count; other++) {
        if (other == fault->a) continue;
        uint32_t from = fault->inward ? other : fault->a;
        uint32_t to = fault->inward ? fault->a : other;
        network_cut(&world->network, from, to, cut);
    }
}

static void storm(struct fault *fault, bool on)
{
    struct faults *faults = &fault->world->faults;
    struct network_storm storm = {0};
    if (on) {
        uint32_t strength = 1u << random_below(&faults->random, 9); /* up to a quarter */
        if (enabled(faults, SIM_FAULT_LOSS)) storm.lost = strength;
        if (enabled(faults, SIM_FAULT_DUPLICATE)) storm.duplicated = strength;
        if (enabled(faults, SIM_FAULT_REORDER)) storm.reordered = strength;
        if (enabled(faults, SIM_FAULT_DELAY)) storm.delayed = strength;
        storm.delay_us_max = between(faults, 1000, 300000);
        world_narrate(fault->world, "fault", 0, "storm strength=%u delay_us_max=%U", strength,
                      storm.delay_us_max);
    }
    network_set_storm(&fault->world->network, &storm);
}

static void break_connections(struct faults *faults)
{
    struct world *world = faults->world;
    struct host *host = any_host(faults);
    uint32_t places = world->hosts_count + world->clients_count;
    uint32_t permille = (uint32_t)between(faults, 100, 1001);
    uint32_t what = (uint32_t)random_below(&faults->random, 3);
    for (uint32_t place = 0; place < places; place++) {
        bool is_host = place < world->hosts_count;
        if (place == host->index || (what == 0 && !is_host) || (what == 1 && is_host)) continue;
        network_break(&world->network, host->index, place, permille);
    }
}

/* Some of a node's connections, or all. */
static void deaden_connections(struct faults *faults, const struct host *host)
{
    struct world *world = faults->world;
    uint32_t mask = (uint32_t)between(faults, 1, 1u << world->hosts_count);
    for (uint32_t other = 0; other < world->hosts_count; other++) {
        if (other == host->index || (mask >> other & 1) == 0) continue;
        network_deaden(&world->network, host->index, other);
    }
}

/* --- faults of hosts --- */

/* In the middle of a turn, soon. */
static void crash_plan(struct faults *faults, struct host *host, enum host_end how)
{
    host->crash_end = how;
    host->restart_after_us = lasting_us(faults, DOWN_US_MAX);
    host->crash_countdown = 1 + (uint32_t)random_below(&faults->random, COUNTDOWN_MAX);
}

/* Once more, in the first steps of its next start: what a start changes on disk it changes step by
 * step too. */
static void crash_plan_start(struct faults *faults, struct host *host)
{
    if (random_below(&faults->random, 4) != 0) return;
    host->start_countdown = 1 + (uint32_t)random_below(&faults->random, START_COUNTDOWN_MAX);
    bool power = random_below(&faults->random, 2) == 0;
    if (faults->world->config.fsync_never) power = false; /* see forget() */
    host->crash_end = power ? HOST_POWER_LOST : HOST_CRASHED;
    host->restart_after_us = lasting_us(faults, DOWN_US_MAX);
}

static void crash(struct faults *faults, struct host *host, enum host_end how)
{
    if (random_below(&faults->random, 2) == 0) {
        crash_plan(faults, host, how);
    } else {
        sim_host_end(host, how, lasting_us(faults, DOWN_US_MAX));
        crash_plan_start(faults, host);
    }
}

/* Stops in order, as on SIGTERM; if that takes too long, the restart finds it still up. */
static void drain(struct faults *faults, struct host *host)
{
    host->restart_after_us = lasting_us(faults, DOWN_US_MAX);
    struct event event = {.type = EVENT_DRAIN};
    world_narrate(faults->world, "fault", host->id, "drain");
    sim_host_step(host, &event);
}

static void blackout(struct faults *faults)
{
    struct world *world = faults->world;
    if (world->config.fsync_never) return; /* no one would be left to be trusted */
    world_count(world, SIM_COVER_BLACKOUTS);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        sim_host_end(&world->hosts[i], HOST_POWER_LOST, lasting_us(faults, DOWN_US_MAX / 2));
    }
}

/* One pause within another makes it no shorter: what was held up comes when the longer one ends. */
static void pause_host(struct faults *faults, struct host *host)
{
    uint64_t until_us = world_now_us(faults->world) + lasting_us(faults, PAUSE_US_MAX);
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
static void forgetful_look(struct faults *faults)
{
    for (uint32_t i = 0; i < faults->world->hosts_count; i++) {
        const struct host *host = &faults->world->hosts[i];
        const struct raft *raft = sim_host_raft(host);
        uint64_t *regained = &faults->regained_sequence[i];
        bool trusted = raft != NULL && raft_trusted(raft);
        if (!trusted) *regained = 0;
        if (!trusted || node_applied_index(host->node) == 0) continue;
        if (*regained == 0) *regained = host->disk.sequence_written + 1;
        if (host->disk.sequence_durable >= *regained) faults->forgetful &= ~(1u << i);
    }
}

static void forget(struct faults *faults, struct host *host, enum sim_fault kind)
{
    struct world *world = faults->world;
    forgetful_look(faults);
    if (!minority_may_forget(world, host)) return;
    faults->forgetful |= 1u << host->index;
    faults->regained_sequence[host->index] = 0;
    bool power = random_below(&faults->random, 2) == 0 || kind == SIM_FAULT_POWER;
    bool was_settled = settled(host) && !enabled(faults, SIM_FAULT_DRIFT);
    uint64_t down_us = lasting_us(faults, DOWN_US_MAX);
    enum host_end how = power ? HOST_POWER_LOST : HOST_CRASHED;
    if (kind == SIM_FAULT_FSYNC) how = HOST_SYNC_FAILED;
    sim_host_end(host, how, down_us);
    invariants_forget(world, host);
    if (enabled(faults, SIM_FAULT_CRASH)) crash_plan_start(faults, host);
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
    uint32_t times = (uint32_t)between(faults, 1, DAMAGES_MAX + 1);
    for (uint32_t i = 0; i < times; i++) damage(faults, host, kind, was_settled && i == 0);
}

/* What follows on trust is written step by step: a crash between two of them is worth a visit. */
void faults_regained(struct faults *faults, struct host *host)
{
    if ((faults->forgetful >> host->index & 1) == 0) return;
    faults->regained_sequence[host->index] = host->disk.sequence_written + 1;
    if (faults->world->phase != PHASE_FAULTS || host->crash_countdown > 0) return;
    if (random_below(&faults->random, 3) != 0) return;
    if (enabled(faults, SIM_FAULT_CRASH)) crash_plan(faults, host, HOST_CRASHED);
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

static void skew(struct faults *faults, struct host *host)
{
    int64_t most_ppm = drift_ppm_max(faults->world);
    int64_t drift_ppm = (int64_t)between(faults, 0, 2 * (uint64_t)most_ppm + 1) - most_ppm;
    if (random_below(&faults->random, 3) == 0) drift_ppm = drift_ppm < 0 ? -most_ppm : most_ppm;
    int64_t jump_us = (int64_t)between(faults, 0, 2 * WALL_JUMP_US_MAX + 1) - WALL_JUMP_US_MAX;
    world_count(faults->world, SIM_COVER_CLOCK_JUMPS);
    clock_changed(faults, host, drift_ppm);
    host->wall_offset_us = jump_us; /* not a random walk: the clocks stay near each other */
}

/* The one promise that someone else has to keep: a lease is as true as the bound. It lies on a
 * leader that is cut off, while its clock goes slower than those that elect the next. */
static void drift_beyond(struct fault *fault, bool on)
{
    struct world *world = fault->world;
    struct faults *faults = &world->faults;
    bool slow = random_below(&faults->random, 4) != 0;
    bool far = random_below(&faults->random, 2) == 0;
    uint64_t least_ppm = far ? DRIFT_BEYOND_PPM_MAX / 2 : (uint64_t)drift_ppm_max(world);
    int64_t drift_ppm = (int64_t)between(faults, least_ppm, DRIFT_BEYOND_PPM_MAX);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        struct host *host = &world->hosts[i];
        if (!on) {
            if (host->drift_ppm != 0) clock_changed(faults, host, 0);
        } else if ((i == fault->a) == slow) {
            clock_changed(faults, host, slow ? -drift_ppm : drift_ppm);
        }
    }
    fault->mask = 1u << fault->a;
    partition(fault, on);
    if (on) world_count(world, SIM_COVER_DRIFTS_BEYOND);
}

/* To anyone: a node that does not lead, or may not hand over, has to say so. */
static void transfer(struct faults *faults, struct host *host)
{
    struct buffer path = {0};
    text_append(&path, "/members?do=transfer&id=%u", other_host(faults, host)->id);
    sim_operator_post(host, buffer_slice(&path));
    buffer_free(&path);
}

/* --- beginning and ending --- */

/* Whether the fault lasts, and so wants an end. */
static bool fault_begin(struct fault *fault)
{
    struct world *world = fault->world;
    struct faults *faults = &world->faults;
    struct host *host = &world->hosts[fault->a];
    switch (fault->kind) {
    case SIM_FAULT_LOSS:
    case SIM_FAULT_DUPLICATE:
    case SIM_FAULT_REORDER:
    case SIM_FAULT_DELAY: storm(fault, true); return true;
    case SIM_FAULT_PARTITION:
        fault->mask = (uint32_t)between(faults, 1, (1u << world->hosts_count) - 1);
        world_count(world, SIM_COVER_PARTITIONS);
        partition(fault, true);
        return true;
    case SIM_FAULT_ONEWAY:
        fault->inward = random_below(&faults->random, 2) == 0;
        world_count(world, SIM_COVER_ONEWAYS);
        oneway(fault, true);
        return true;
    case SIM_FAULT_CLOG:
        world_count(world, SIM_COVER_CLOGS);
        network_clog(&world->network, fault->a, fault->b, true);
        return true;
    case SIM_FAULT_REFUSE: network_refuse(&world->network, fault->a, true); return true;
    case SIM_FAULT_DRIFT: drift_beyond(fault, true); return true;
    case SIM_FAULT_FULL:
        if (host->node == NULL) return false;
        world_count(world, SIM_COVER_DISKS_FULL);
        sim_host_set_full(host, true);
        return true;
    case SIM_FAULT_SLOW:
        world_count(world, SIM_COVER_SLOW_DISKS);
        host->slow_factor = (uint32_t)between(faults, 10, 200);
        return true;
    default: return false;
    }
}

static void take_down(struct faults *faults, struct host *host, enum sim_fault kind)
{
    struct world *world = faults->world;
    uint32_t quorum = world->hosts_count / 2 + 1;
    bool too_many = world->hosts_count - hosts_down(world) <= quorum && world->hosts_count > 1;
    /* Without a quorum nothing happens: let that be rare. */
    if (host->node == NULL || (too_many && random_below(&faults->random, 8) != 0)) return;
    bool by_the_disk = kind == SIM_FAULT_FSYNC || kind == SIM_FAULT_POWER;
    if (by_the_disk && world->config.fsync_never) {
        forget(faults, host, kind);
    } else if (kind == SIM_FAULT_FSYNC) {
        host->sync_fails = true;
        host->restart_after_us = lasting_us(faults, DOWN_US_MAX);
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

static void fault_strike(struct faults *faults, enum sim_fault kind, struct host *host)
{
    struct world *world = faults->world;
    switch (kind) {
    case SIM_FAULT_BREAK: break_connections(faults); return;
    case SIM_FAULT_DEAD: deaden_connections(faults, host); return;
    case SIM_FAULT_DEPOSE:
        if (!depose_active(&faults->depose)) depose_begin(&faults->depose);
        return;
    case SIM_FAULT_PAUSE:
        world_count(world, SIM_COVER_PAUSES);
        pause_host(faults, host);
        return;
    case SIM_FAULT_BLACKOUT:
        if (random_below(&faults->random, 3) == 0) blackout(faults);
        return;
    case SIM_FAULT_SKEW: skew(faults, host); return;
    case SIM_FAULT_TRANSFER: transfer(faults, host); return;
    case SIM_FAULT_MEMBERS: sim_operator_change(host, any_host(faults)->id); return;
    case SIM_FAULT_WIPE:
    case SIM_FAULT_ROT:
    case SIM_FAULT_LOSE:
    case SIM_FAULT_MISDIRECT: forget(faults, host, kind); return;
    default: take_down(faults, host, kind); return;
    }
}

static void fault_end(void *owner, struct timed *timed)
{
    (void)timed;
    struct fault *fault = owner;
    struct world *world = fault->world;
    world->faults.disturbed_us = world_now_us(world);
    world_narrate(world, "fault", fault->a + 1, "ends: %s", fault_word(fault->kind));
    switch (fault->kind) {
    case SIM_FAULT_LOSS:
    case SIM_FAULT_DUPLICATE:
    case SIM_FAULT_REORDER:
    case SIM_FAULT_DELAY: storm(fault, false); break;
    case SIM_FAULT_PARTITION: partition(fault, false); break;
    case SIM_FAULT_ONEWAY: oneway(fault, false); break;
    case SIM_FAULT_CLOG: network_clog(&world->network, fault->a, fault->b, false); break;
    case SIM_FAULT_REFUSE: network_refuse(&world->network, fault->a, false); break;
    case SIM_FAULT_DRIFT: drift_beyond(fault, false); break;
    case SIM_FAULT_FULL: sim_host_set_full(&world->hosts[fault->a], false); break;
    case SIM_FAULT_SLOW: world->hosts[fault->a].slow_factor = 1; break;
    default: ASSERT(!"a fault that lasts");
    }
}

static bool needs_two_hosts(enum sim_fault kind)
{
    return kind == SIM_FAULT_TRANSFER || kind == SIM_FAULT_PARTITION || kind == SIM_FAULT_ONEWAY ||
           kind == SIM_FAULT_CLOG || kind == SIM_FAULT_DEPOSE || kind == SIM_FAULT_MEMBERS;
}

/* Of those that the run may draw from, so that few strike as often as many. */
static enum sim_fault any_fault(struct faults *faults)
{
    uint64_t left =
        random_below(&faults->random, (uint64_t)__builtin_popcount(faults->world->options->faults));
    uint32_t kind = 0;
    while (!enabled(faults, (enum sim_fault)kind) || left-- > 0) kind++;
    return (enum sim_fault)kind;
}

static void faults_next(void *owner, struct timed *timed)
{
    struct faults *faults = owner;
    struct world *world = faults->world;
    forgetful_look(faults);
    schedule_at(&world->schedule, timed,
                world_now_us(world) + between(faults, 1000, faults->interval_us_max));
    enum sim_fault kind = any_fault(faults);
    struct host *host = any_host(faults);
    if (needs_two_hosts(kind) && world->hosts_count < 2) return;
    struct fault *fault = NULL;
    for (uint32_t i = 0; i < FAULTS_ACTIVE_MAX; i++) {
        struct fault *slot = &faults->active[i];
        if (!timed_pending(&slot->end))
            fault = slot;
        else if (slot->kind == kind && (slot->a == host->index || kind == SIM_FAULT_DRIFT))
            return;
    }
    if (fault == NULL) return;
    fault->kind = kind;
    fault->a = host->index;
    fault->b = world->hosts_count < 2 ? 0 : other_host(faults, host)->index;
    world_narrate(world, "fault", host->id, "%s", fault_word(kind));
    faults->disturbed_us = world_now_us(world);
    if (fault_begin(fault)) {
        uint64_t lasts_us =
            kind == SIM_FAULT_DRIFT ? LASTS_US_MAX / 2 : lasting_us(faults, LASTS_US_MAX);
        schedule_at(&world->schedule, &fault->end, world_now_us(world) + lasts_us);
    } else {
        fault_strike(faults, kind, host);
    }
}

void faults_init(struct world *world, struct faults *faults, uint64_t seed)
{
    *faults = (struct faults){.world = world, .random = random_seeded(seed)};
    timed_init(&faults->next, faults_next, faults);
    depose_init(world, &faults->depose);
    for (uint32_t i = 0; i < FAULTS_ACTIVE_MAX; i++) {
        faults->active[i].world = world;
        timed_init(&faults->active[i].end, fault_end, &faults->active[i]);
    }
    if (world_changes_members(world)) {
        faults->voters_min = VOTERS_MIN + (uint32_t)random_below(
                                              &faults->random, world->options->nodes - VOTERS_MIN);
    }
    faults->interval_us_max = 60000u << random_below(&faults->random, 6);
}

void faults_start(struct faults *faults, uint64_t at_us)
{
    if (faults->world->options->faults == 0) return;
    if (random_below(&faults->random, 4) != 0) at_us += QUIET_US;
    schedule_at(&faults->world->schedule, &faults->next, at_us);
}

void faults_heal(struct faults *faults)
{
    struct world *world = faults->world;
    schedule_cancel(&world->schedule, &faults->next);
    for (uint32_t i = 0; i < FAULTS_ACTIVE_MAX; i++) {
        struct fault *fault = &faults->active[i];
        if (!timed_pending(&fault->end)) continue;
        schedule_cancel(&world->schedule, &fault->end);
        fault_end(fault, &fault->end);
    }
    depose_end(&faults->depose);
    network_heal(&world->network);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        struct host *host = &world->hosts[i];
        host->crash_countdown = 0;
        host->start_countdown = 0;
        host->sync_fails = false;
        if (host->paused_until_us > world_now_us(world)) {
            host->paused_until_us = world_now_us(world); /* what it held up comes at its old time */
        }
        if (host->node == NULL) sim_host_start(host);
    }
    faults->disturbed_us = world_now_us(world);
}
