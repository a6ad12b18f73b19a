/* The rule of the minority. See minority.h. */
#include "sim/minority.h"

#include "sim/world.h"

/* Can what this host's disk remembers be relied on? Not while it is down, for what it will find is
 * not known yet. */
static bool reliable(const struct world *world, const struct host *host)
{
    return sim_host_trusted(host) && (world->faults.forgetful >> host->index & 1) == 0;
}

/* Has it ever been part of the cluster? While one of the founders has not, the founding may be
 * under way. */
static bool founded(const struct world *world, const struct host *host)
{
    if (host->node != NULL) return sim_host_applied(host);
    for (uint32_t i = 0; i < world->groups_count; i++) {
        if (world->judged[i].invariants.nodes[host->index].claim == 0) return false;
    }
    return true;
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

static const struct raft *raft_at(const struct world *world, uint32_t host, uint32_t group)
{
    const struct node *node = world->hosts[host].node;
    return node == NULL ? NULL : node_group_raft(node, group);
}

/* Is it a member to anyone, in any group? Learners count: they may be promoted meanwhile. */
static bool is_member(const struct world *world, uint32_t id)
{
    for (uint32_t group = 0; group < world->groups_count; group++) {
        const struct raft_members *now = &world->judged[group].memberships.now;
        if (now->count == 0 || lists(now, id)) return true;
        for (uint32_t i = 0; i < world->hosts_count; i++) {
            const struct raft *raft = raft_at(world, i, group);
            if (raft != NULL && lists(raft_members(raft), id)) return true;
        }
    }
    return false;
}

/* Is there no log any more that holds a membership which is not committed? */
static bool settled(const struct world *world, uint32_t group)
{
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct raft *raft = raft_at(world, i, group);
        if (i >= world->options->nodes && !is_member(world, i + 1)) continue;
        if (raft == NULL || raft_members_index(raft) > world->judged[group].memberships.index) {
            return false;
        }
    }
    return true;
}

static uint32_t fewest_voters_of(struct world *world, uint32_t group)
{
    struct memberships *memberships = &world->judged[group].memberships;
    uint32_t incoming = 0, outgoing = 0;
    for (uint32_t i = 0; i < memberships->now.count; i++) {
        const struct raft_member *member = &memberships->now.member[i];
        incoming += !member->learner && !member->leaving;
        outgoing += member->outgoing;
    }
    /* The others follow the cluster by themselves: only what is settled is known. */
    if (group != 0) memberships->shrinking = true;
    if (memberships->shrinking && settled(world, group)) memberships->shrinking = false;
    uint32_t fewest = outgoing > 0 && outgoing < incoming ? outgoing : incoming;
    return memberships->shrinking && fewest > 0 ? fewest - 1 : fewest;
}

static uint32_t fewest_voters(struct world *world)
{
    uint32_t fewest = UINT32_MAX;
    for (uint32_t group = 0; group < world->groups_count; group++) {
        uint32_t here = fewest_voters_of(world, group);
        if (here < fewest) fewest = here;
    }
    return fewest;
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
    if (sim_judged(world)->memberships.now.count == 0 || !all_founded(world)) return false;
    if (!founded(world, host) || !reliable(world, host)) return false;
    if (!is_member(world, host->id)) return true;
    uint32_t voters = fewest_voters(world);
    return voters > 0 && unreliable_besides(world, host) + 1 <= (voters - 1) / 2;
}

bool minority_may_shrink(const struct world *world, uint32_t voters)
{
    return voters > 0 && unreliable_besides(world, NULL) <= (voters - 1) / 2;
}
