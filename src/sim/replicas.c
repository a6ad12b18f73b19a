/* What a host's node replicates, group by group. */
#include "sim/world.h"

const struct raft *sim_host_raft(const struct host *host)
{
    return host->node == NULL ? NULL : node_raft(host->node);
}

const struct raft *sim_judged_raft(const struct host *host)
{
    return host->node == NULL ? NULL : node_group_raft(host->node, host->world->group);
}

bool sim_host_trusted(const struct host *host)
{
    for (uint32_t i = 0; host->node != NULL && i < host->world->groups_count; i++) {
        const struct raft *raft = node_group_raft(host->node, i);
        if (raft == NULL || !raft_trusted(raft)) return false;
    }
    return host->node != NULL;
}

bool sim_host_applied(const struct host *host)
{
    for (uint32_t i = 0; host->node != NULL && i < host->world->groups_count; i++) {
        if (node_group_applied_index(host->node, i) == 0) return false;
    }
    return host->node != NULL;
}

void sim_host_count_rafts(const struct host *host)
{
    for (uint32_t i = 0; host->node != NULL && i < host->world->groups_count; i++) {
        world_count_raft(host->world, node_group_raft(host->node, i));
    }
}
