/* What is committed, held against the disks that claim to have it. See quorums.h. */
#include "sim/quorums.h"

#include "node/disk/wal.h"
#include "sim/world.h"

/* Whether this host's disk holds the entry, as far as its node ever claimed. */
static bool host_holds(struct world *world, uint32_t index, uint64_t at, uint64_t term)
{
    const struct host *host = &world->hosts[index];
    const struct node_view *view = &sim_judged(world)->invariants.nodes[index];
    if (host->node != NULL && sim_judged_raft(host) != NULL) {
        const struct raft *raft = sim_judged_raft(host);
        if (raft_durable_index(raft) >= at) {
            uint64_t there = raft_term_at(raft, at);
            if (there == term || (there == 0 && at < raft_first_index(raft))) return true;
        }
        if (!view->forgot) return false;
    }
    if (at > view->claim) return false;
    if (at < view->claim_first) return true; /* compacted, so committed */
    uint64_t offset = at - view->claim_first;
    return offset < view->claim_count && view->claim_terms[offset] == term;
}

/* The founding entry is committed once every founding member holds it, before they have a raft:
 * their disks are asked. */
static bool disk_founded(const struct disk *disk)
{
    struct segment_image images[DISK_FILES_MAX] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < disk->files_count; i++) {
        const struct disk_file *file = &disk->files[i];
        if (!file->exists_durably) continue;
        images[count++] = (struct segment_image){file->number, slice_of(file->durable, file->size)};
    }
    struct wal_recovered recovered;
    wal_recover(images, count, &(struct wal_owner){0}, &recovered);
    bool founded = recovered.has_meta && recovered.meta.membership != WAL_EMPTY;
    wal_recovered_free(&recovered);
    return founded;
}

static void check_founded(struct world *world, const struct host *host)
{
    /* Under fsync_never it may stand behind writes that are not on disk: a node that loses them to
     * a power loss is untrusted, like one that was wiped. */
    if (world->config.fsync_never) return;
    const struct node_config *config = &world->config;
    for (uint32_t i = 0; i < config->peers_count; i++) {
        uint32_t at = config->peers[i].id - 1;
        if (sim_judged(world)->invariants.nodes[at].forgot || disk_founded(&world->hosts[at].disk))
            continue;
        world_fail(world, "durability",
                   "node %u takes the cluster for founded, but node %u does not have it on disk",
                   host->id, at + 1);
    }
}

/* Do a majority of the voters hold it: of both sides, while a change is under way? */
static bool quorum_holds(struct world *world, const struct raft_members *members, uint64_t index,
                         uint64_t term)
{
    uint32_t voters[2] = {0};
    uint32_t holding[2] = {0};
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        bool votes[2] = {!member->learner && !member->leaving, member->outgoing};
        bool holds =
            member->id <= world->hosts_count && host_holds(world, member->id - 1, index, term);
        for (uint32_t side = 0; side < 2; side++) {
            voters[side] += votes[side];
            holding[side] += votes[side] && holds;
        }
    }
    return holding[0] > voters[0] / 2 && (voters[1] == 0 || holding[1] > voters[1] / 2);
}

/* It was counted by the membership in force; but a leader that commits C_old,new has appended C_new
 * by the time we look, and what it counted by is then the committed one. */
void quorums_check_entry(struct world *world, struct host *host, uint64_t index, uint64_t term)
{
    if (index == 1) {
        check_founded(world, host);
        return;
    }
    const struct raft *raft = sim_judged_raft(host);
    if (quorum_holds(world, raft_members(raft), index, term)) return;
    if (quorum_holds(world, raft_members_at(raft, index), index, term)) return;
    world_fail(world, "durability",
               "node %u commits entry %U of term %U, which no quorum of its %u members holds",
               host->id, index, term, raft_members(raft)->count);
}

/* A membership counts from its own entry on. What came behind a joint one in the same step may have
 * been counted by C_new, which its leader has appended by then: whoever is elected later holds the
 * joint one, and so needs a majority of C_new, too. */
void quorums_check_members(struct world *world, struct host *host)
{
    const struct memberships *memberships = &sim_judged(world)->memberships;
    uint64_t index = memberships->index;
    uint64_t term = raft_term_at(sim_judged_raft(host), index);
    if (index == 1 || quorum_holds(world, &memberships->now, index, term)) return;
    world_fail(world, "durability",
               "node %u commits entry %U, which no quorum of its members holds", host->id, index);
}
