/* The operator grows and shrinks the cluster while faults go on, and at the end makes it whole.
 *
 * Three voters stay at least, so that a disk that forgets leaves a quorum that remembers. */
#include "sim/operator.h"
#include "sim/text.h"
#include "sim/world.h"

enum { VOTERS_MIN = 3 };

/* The membership as the node believes it; NULL: it knows none. */
static const struct raft_members *members_at(const struct host *host)
{
    const struct raft *raft = sim_host_raft(host);
    return raft == NULL || raft_members(raft)->count == 0 ? NULL : raft_members(raft);
}

static void post(struct world *world, struct host *at, const char *verb, uint32_t id)
{
    struct buffer path = {0};
    text_append(&path, "/members?do=%s&id=%u", verb, id);
    if (id <= world->config.peers_count) {
        text_append(&path, "&address=%s", world->config.peers[id - 1].address);
    }
    sim_operator_post(at, buffer_slice(&path));
    buffer_free(&path);
}

/* What becomes of `id` next: added, promoted, or, if it may go, removed. NULL: nothing. */
static const char *next_step(const struct raft_members *members, uint32_t id, bool may_go)
{
    uint32_t voters = 0;
    const struct raft_member *member = NULL;
    for (uint32_t i = 0; i < members->count; i++) {
        voters += !members->member[i].learner && !members->member[i].leaving;
        if (members->member[i].id == id) member = &members->member[i];
    }
    if (member == NULL || member->leaving) return "add";
    if (member->learner) return "promote";
    return may_go && voters > VOTERS_MIN ? "remove" : NULL;
}

void sim_operator_change(struct host *at, uint32_t id)
{
    const struct raft_members *members = members_at(at);
    const char *verb = members == NULL ? NULL : next_step(members, id, true);
    if (verb != NULL) post(at->world, at, verb, id);
}

bool sim_operator_restore(struct world *world)
{
    bool whole = true;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        struct host *host = &world->hosts[i];
        const struct raft *raft = sim_host_raft(host);
        if (raft == NULL || raft_role(raft) != RAFT_LEADER) continue;
        for (uint32_t id = 1; id <= world->hosts_count; id++) {
            const char *verb = next_step(raft_members(raft), id, false);
            if (verb == NULL) continue;
            whole = false;
            post(world, host, verb, id);
            raft = sim_host_raft(host);
            if (raft == NULL) return false;
        }
    }
    return whole;
}
