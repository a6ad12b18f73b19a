/* What the committed memberships must be like. See memberships.h. */
#include "sim/memberships.h"

#include "sim/world.h"

enum side { INCOMING, OUTGOING };

/* Read off the flags: raft's own arithmetic is what is judged here. */
static bool votes(const struct raft_members *members, uint32_t id, enum side side)
{
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        if (member->id != id) continue;
        return side == OUTGOING ? member->outgoing : !member->learner && !member->leaving;
    }
    return false;
}

static bool same_voters(const struct raft_members *a, enum side a_side,
                        const struct raft_members *b, enum side b_side)
{
    for (uint32_t id = 1; id <= SIM_HOSTS_MAX; id++) {
        if (votes(a, id, a_side) != votes(b, id, b_side)) return false;
    }
    return true;
}

static bool joint(const struct raft_members *members)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].outgoing) return true;
    }
    return false;
}

static bool may_follow(const struct raft_members *before, const struct raft_members *next)
{
    if (joint(before)) return !joint(next) && same_voters(before, INCOMING, next, INCOMING);
    return same_voters(before, INCOMING, next, joint(next) ? OUTGOING : INCOMING);
}

static bool listed(const struct raft_members *members, uint32_t id)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id == id) return !members->member[i].leaving;
    }
    return false;
}

static void note_changes(struct world *world, const struct raft_members *before,
                         const struct raft_members *next)
{
    if (world->group != 0) return; /* they follow */
    for (uint32_t id = 1; id <= SIM_HOSTS_MAX; id++) {
        bool voted = votes(before, id, INCOMING), vote = votes(next, id, INCOMING);
        if (!listed(before, id) && listed(next, id)) world_count(world, SIM_COVER_MEMBERS_ADDED);
        if (!voted && vote) world_count(world, SIM_COVER_MEMBERS_PROMOTED);
        if (!listed(before, id) || listed(next, id)) continue;
        world_count(world, SIM_COVER_MEMBERS_REMOVED);
        sim_judged(world)->memberships.removed_us[id - 1] = world_now_us(world);
    }
}

void memberships_committed(struct world *world, const struct host *host,
                           const struct raft_entry *entry)
{
    struct memberships *memberships = &sim_judged(world)->memberships;
    struct raft_members next;
    world_count(world, SIM_COVER_MEMBERSHIPS);
    if (!raft_members_decode(entry->data, &next)) {
        world_fail(world, "membership", "node %u commits entry %U, which is none", host->id,
                   entry->index);
        return;
    }
    if (memberships->now.count > 0) {
        if (!may_follow(&memberships->now, &next)) {
            world_fail(world, "membership",
                       "node %u commits voters by entry %U that may not follow those of entry %U",
                       host->id, entry->index, memberships->index);
        }
        note_changes(world, &memberships->now, &next);
    }
    memberships->now = next;
    memberships->index = entry->index;
    memberships->shrinking = false;
}

void memberships_unseen(struct world *world)
{
    sim_judged(world)->memberships.now.count = 0;
}

void memberships_step(struct world *world, const struct host *host)
{
    const struct raft *raft = sim_judged_raft(host);
    const struct raft_members *members = raft_members(raft);
    uint64_t index = raft_members_index(raft);
    if (raft_role(raft) != RAFT_LEADER || index > raft_commit_index(raft)) return;
    if (joint(members) || votes(members, host->id, INCOMING)) return;
    world_fail(world, "membership",
               "node %u leads on, though voters without it are committed at %U", host->id, index);
}
