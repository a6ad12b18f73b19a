/* The judge of wall clocks. See clocks.h; the rule itself is node/peers/clock.c. */
#include "sim/clocks.h"

#include "sim/world.h"

enum {
    READINGS_LAST_US = 4000000, /* no node goes by anything older */
    SETTLED_US = 8000000,   /* undisturbed for so long, it is known who is off, and none leads */
    READ_WITHIN_US = 50000, /* as nearly as a node can tell, but for drift */
    DRIFTS_FOR_US = 1500000,
    REFRAINS_TIMEOUTS = 7, /* of silence at least, by whatever clock: clock_refrains() says 10 */
};

static int64_t wall_us(const struct host *host)
{
    return (int64_t)sim_host_time(host).wall_us;
}

/* Is this set of hosts a quorum for `host` that agrees, and is all of it ahead of it, or all of it
 * behind it, by more than the limit? */
static bool set_against(const struct host *host, uint32_t set)
{
    const struct world *world = host->world;
    int64_t limit_us = (int64_t)world->config.clock_skew_us_max;
    uint32_t ids[SIM_HOSTS_MAX] = {0};
    uint32_t count = 0;
    int64_t least = INT64_MAX;
    int64_t most = INT64_MIN;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        if ((set >> i & 1) == 0) continue;
        int64_t ahead_us = wall_us(&world->hosts[i]) - wall_us(host);
        ids[count++] = world->hosts[i].id;
        if (ahead_us < least) least = ahead_us;
        if (ahead_us > most) most = ahead_us;
    }
    if (count == 0 || most - least > limit_us) return false;
    if (least <= limit_us && most >= -limit_us) return false;
    return raft_members_quorum(raft_members(sim_host_raft(host)), ids, count);
}

static bool truly_off(const struct host *host)
{
    for (uint32_t set = 1; set < 1u << host->world->hosts_count; set++) {
        if ((set >> host->index & 1) == 0 && set_against(host, set)) return true;
    }
    return false;
}

/* While clocks jump, or drift beyond the bound, no one can tell. */
static bool readable(const struct world *world)
{
    if ((world->options->faults >> SIM_FAULT_DRIFT & 1) != 0) return false;
    return world_now_us(world) > world->clocks_changed_us + READINGS_LAST_US;
}

void clocks_heard(struct host *host, struct slice word)
{
    if (slice_equal(word, slice_text("clock-good"))) host->clock_off = false;
    if (!slice_equal(word, slice_text("clock-off"))) return;
    host->clock_off = true;
    world_count(host->world, SIM_COVER_CLOCKS_OFF);
    if (readable(host->world) && !truly_off(host)) {
        world_fail(host->world, "clock", "node %u takes its clock to be off, and it is not",
                   host->id);
    }
}

void clocks_turned(struct host *host)
{
    const struct raft *raft = sim_host_raft(host);
    uint64_t now_us = world_now_us(host->world);
    if (!host->clock_off || raft == NULL || raft_leader(raft) != 0) host->led_us = now_us;
    if (!host->clock_off || raft == NULL) return;
    uint64_t refrains_us = REFRAINS_TIMEOUTS * host->world->config.election_timeout_us;
    if (now_us - host->led_us >= refrains_us) return; /* then its help may be needed */
    enum raft_role role = raft_role(raft);
    if (role == RAFT_PRE_CANDIDATE || role == RAFT_CANDIDATE) {
        world_fail(host->world, "clock", "node %u campaigns though its clock is off", host->id);
    }
}
