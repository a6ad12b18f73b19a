/* What goes wrong. See faults.h.
 *
 * No fault here breaks what the design promises to survive: any number of crashes and power
 * losses at any time, anything on the network; but only a minority of disks may forget what they
 * had reported durable (minority.h). What a disk may lose so that its node can notice, is said in
 * disk_damage.c. */
#include "sim/faults.h"

#include <string.h>

#include "base/assert.h"
#include "sim/faults_kinds.h"
#include "sim/operator.h"
#include "sim/world.h"

enum {
    QUIET_US = 2000000, /* most worlds are left alone to begin with */
    LASTS_US_MIN = 1000,
    LASTS_US_MAX = 4000000,
    LASTS_MAGNITUDES = 9, /* powers of two */
    VOTERS_MIN = 2,
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

uint64_t faults_between(struct faults *faults, uint64_t low, uint64_t high)
{
    return low + random_below(&faults->random, high - low);
}

uint64_t faults_lasting_us(struct faults *faults, uint64_t most_us)
{
    uint64_t magnitude = random_below(&faults->random, LASTS_MAGNITUDES);
    return LASTS_US_MIN + random_below(&faults->random, most_us >> magnitude);
}

bool faults_enabled(const struct faults *faults, enum sim_fault kind)
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

struct host *faults_other_host(struct faults *faults, const struct host *host)
{
    struct world *world = faults->world;
    uint32_t step = 1 + (uint32_t)random_below(&faults->random, world->hosts_count - 1);
    return &world->hosts[(host->index + step) % world->hosts_count];
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

void faults_partition(struct fault *fault, bool cut)
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
        if (faults_enabled(faults, SIM_FAULT_LOSS)) storm.lost = strength;
        if (faults_enabled(faults, SIM_FAULT_DUPLICATE)) storm.duplicated = strength;
        if (faults_enabled(faults, SIM_FAULT_REORDER)) storm.reordered = strength;
        if (faults_enabled(faults, SIM_FAULT_DELAY)) storm.delayed = strength;
        storm.delay_us_max = faults_between(faults, 1000, 300000);
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
    uint32_t permille = (uint32_t)faults_between(faults, 100, 1001);
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
    uint32_t mask = (uint32_t)faults_between(faults, 1, 1u << world->hosts_count);
    for (uint32_t other = 0; other < world->hosts_count; other++) {
        if (other == host->index || (mask >> other & 1) == 0) continue;
        network_deaden(&world->network, host->index, other);
    }
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
        fault->mask = (uint32_t)faults_between(faults, 1, (1u << world->hosts_count) - 1);
        world_count(world, SIM_COVER_PARTITIONS);
        faults_partition(fault, true);
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
    case SIM_FAULT_DRIFT: fault_drift_beyond(fault, true); return true;
    case SIM_FAULT_FULL:
        if (host->node == NULL) return false;
        world_count(world, SIM_COVER_DISKS_FULL);
        sim_host_set_full(host, true);
        return true;
    case SIM_FAULT_SLOW:
        world_count(world, SIM_COVER_SLOW_DISKS);
        host->slow_factor = (uint32_t)faults_between(faults, 10, 200);
        return true;
    default: return false;
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
        fault_pause(faults, host);
        return;
    case SIM_FAULT_BLACKOUT:
        if (random_below(&faults->random, 3) == 0) fault_blackout(faults);
        return;
    case SIM_FAULT_SKEW: fault_skew(faults, host); return;
    case SIM_FAULT_TRANSFER: fault_transfer(faults, host); return;
    case SIM_FAULT_MEMBERS: sim_operator_change(host, any_host(faults)->id); return;
    case SIM_FAULT_WIPE:
    case SIM_FAULT_ROT:
    case SIM_FAULT_LOSE:
    case SIM_FAULT_MISDIRECT: fault_forget(faults, host, kind); return;
    default: fault_take_down(faults, host, kind); return;
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
    case SIM_FAULT_PARTITION: faults_partition(fault, false); break;
    case SIM_FAULT_ONEWAY: oneway(fault, false); break;
    case SIM_FAULT_CLOG: network_clog(&world->network, fault->a, fault->b, false); break;
    case SIM_FAULT_REFUSE: network_refuse(&world->network, fault->a, false); break;
    case SIM_FAULT_DRIFT: fault_drift_beyond(fault, false); break;
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
    while (!faults_enabled(faults, (enum sim_fault)kind) || left-- > 0) kind++;
    return (enum sim_fault)kind;
}

static void faults_next(void *owner, struct timed *timed)
{
    struct faults *faults = owner;
    struct world *world = faults->world;
    faults_look_forgetful(faults);
    schedule_at(&world->schedule, timed,
                world_now_us(world) + faults_between(faults, 1000, faults->interval_us_max));
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
    fault->b = world->hosts_count < 2 ? 0 : faults_other_host(faults, host)->index;
    world_narrate(world, "fault", host->id, "%s", fault_word(kind));
    faults->disturbed_us = world_now_us(world);
    if (fault_begin(fault)) {
        uint64_t lasts_us =
            kind == SIM_FAULT_DRIFT ? LASTS_US_MAX / 2 : faults_lasting_us(faults, LASTS_US_MAX);
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
