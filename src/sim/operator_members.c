/* The operator grows and shrinks the cluster while faults go on, and at the end makes it whole.
 *
 * Any node may be asked to add or to promote one. To remove one, the leader is asked, at its own
 * admin port: what is asked of another may come to the leader late, when fewer voters are left. */
#include "sim/operator.h"
#include "sim/text.h"
#include "sim/world.h"

enum { REMOVED_AS_LEARNER_ODDS = 4 };

/* The membership as the node believes it; NULL: it knows none. */
static const struct raft_members *members_at(const struct host *host)
{
    const struct raft *raft = sim_host_raft(host);
    return raft == NULL || raft_members(raft)->count == 0 ? NULL : raft_members(raft);
}

static void post(struct host *at, const char *verb, uint32_t id)
{
    struct buffer path = {0};
    text_append(&path, "/members?do=%s&id=%u&address=node-%u:7000", verb, id, id);
    sim_operator_post(at, buffer_slice(&path));
    buffer_free(&path);
}

static const struct raft_member *member_of(const struct raft_members *members, uint32_t id)
{
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        if (member->id == id && !member->leaving) return member;
    }
    return NULL;
}

/* What makes a voter of it; NULL: it is one. */
static const char *next_step(const struct raft_members *members, uint32_t id)
{
    const struct raft_member *member = member_of(members, id);
    if (member == NULL) return "add";
    return member->learner ? "promote" : NULL;
}

static struct host *leading(struct world *world)
{
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        const struct raft *raft = sim_host_raft(&world->hosts[i]);
        if (raft != NULL && raft_role(raft) == RAFT_LEADER) return &world->hosts[i];
    }
    return NULL;
}

/* Whether it was removed, its host may not live to tell. */
static void remove_at(struct host *leader, uint32_t id)
{
    struct world *world = leader->world;
    bool before = sim_judged(world)->memberships.shrinking;
    sim_judged(world)->memberships.shrinking = true;
    post(leader, "remove", id);
    const struct raft_members *members = members_at(leader);
    if (members != NULL && !raft_members_joint(members))
        sim_judged(world)->memberships.shrinking = before;
}

static void shrink(struct world *world, uint32_t id)
{
    struct host *leader = leading(world);
    if (leader == NULL) return;
    const struct raft_members *members = members_at(leader);
    uint32_t left = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        left += member->id != id && !member->learner && !member->leaving;
    }
    if (raft_members_joint(members) || left < world->faults.voters_min) return;
    if (minority_may_shrink(world, left)) remove_at(leader, id);
}

void sim_operator_change(struct host *at, uint32_t id)
{
    const struct raft_members *members = members_at(at);
    if (members == NULL) return;
    const char *verb = next_step(members, id);
    const struct raft_member *member = member_of(members, id);
    bool learner = member != NULL && member->learner;
    if (learner && random_below(&at->world->faults.random, REMOVED_AS_LEARNER_ODDS) == 0) {
        verb = NULL;
    }
    if (verb != NULL) {
        post(at, verb, id);
    } else {
        shrink(at->world, id);
    }
}

bool sim_operator_restore(struct world *world)
{
    struct host *leader = leading(world);
    bool whole = true;
    for (uint32_t id = 1; id <= world->hosts_count && leader != NULL; id++) {
        const struct raft_members *members = members_at(leader);
        const char *verb = members == NULL ? NULL : next_step(members, id);
        if (verb == NULL) continue;
        whole = false;
        post(leader, verb, id);
    }
    return whole;
}
