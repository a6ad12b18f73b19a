/* The rule of the minority. See minority.h. */
#include "sim/minority.h"

#include "sim/world.h"

/* Can what this host's disk remembers be relied on? Not while it is down, for what it will find is
 * not known yet. */
static bool reliable(const struct world *world, const struct host *host)
{
    const struct raft *raft = sim_host_raft(host);
    return raft != NULL && raft_trusted(raft) && (world->faults.forgetful >> host->index & 1) == 0;
}

/* Has it ever been part of the cluster? While one of the founders has not, the founding may be
 * under way. */
static bool founded(const struct world *world, const struct host *host)
{
    if (host->node != NULL) return node_applied_index(host->node) != 0;
    return world->invariants.nodes[host->index].claim != 0;
}

static bool all_founded(const struct world *world)
{
    for (uint32_t i = 0; i < world->options->nodes; i++) {
        if (!founded(world, &world->hosts[i])) return false;
    }
    return true;
}

static bool lists(const struct raft_members *members, uint32_t id)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id == id) return true;
    }
    return false;
}

/* Is it a member to anyone? Learners count: they may be promoted meanwhile. */
static bool is_member(const struct world *world, uint32_t id)
{
    if (world->memberships.now.count == 0) return true;
    bool found = lists(&world->memberships.now, id);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct raft *raft = sim_host_raft(&world->hosts[i]);
        found = found || (raft != NULL && lists(raft_members(raft), id));
    }
    return found;
}

/* Is there no log any more that holds a membership which is not committed? */
static bool settled(const struct world *world)
{
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct raft *raft = sim_host_raft(&world->hosts[i]);
        if (i >= world->options->nodes && !is_member(world, i + 1)) continue;
        if (raft == NULL || raft_members_index(raft) > world->memberships.index) return false;
    }
    return true;
}

static uint32_t fewest_voters(struct world *world)
{
    struct memberships *memberships = &world->memberships;
    uint32_t incoming = 0, outgoing = 0;
    for (uint32_t i = 0; i < memberships->now.count; i++) {
        const struct raft_member *member = &memberships->now.member[i];
        incoming += !member->learner && !member->leaving;
        outgoing += member->outgoing;
    }
    if (memberships->shrinking && settled(world)) memberships->shrinking = false;
    uint32_t fewest = outgoing > 0 && outgoing < incoming ? outgoing : incoming;
    return memberships->shrinking ? fewest - 1 : fewest;
}

static uint32_t unreliable_besides(const struct world *world, const struct host *but)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct host *host = &world->hosts[i];
        count += host != but && !reliable(world, host) && is_member(world, host->id);
    }
    return count;
}

bool minority_may_forget(struct world *world, const struct host *host)
{
    if (world->memberships.now.count == 0 || !all_founded(world)) return false;
    if (!founded(world, host) || !reliable(world, host)) return false;
    if (!is_member(world, host->id)) return true;
    uint32_t voters = fewest_voters(world);
    return voters > 0 && unreliable_besides(world, host) + 1 <= (voters - 1) / 2;
}

bool minority_may_shrink(const struct world *world, uint32_t voters)
{
    return voters > 0 && unreliable_besides(world, NULL) <= (voters - 1) / 2;
}
