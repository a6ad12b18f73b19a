/* The commit rule (sections 5.3 and 5.4.2): an entry is committed once a quorum of the voters
 * holds it durably and it is of the leader's own term; entries of earlier terms are committed with
 * it, never by counting. What an untrusted replica holds does not count, and our own log counts
 * only up to what is durable here. */
#include "base/assert.h"
#include "raft/raft_internal.h"

uint64_t entry_cost(const struct raft_entry *entry)
{
    return entry->data.size + sizeof *entry;
}

void commit_to(struct raft *raft, uint64_t index)
{
    ASSERT(index >= raft->commit && index <= raft->log.last);
    if (raft->role == RAFT_LEADER) {
        for (uint64_t i = raft->commit + 1; i <= index; i++) {
            raft->uncommitted_bytes -= entry_cost(log_at(&raft->log, i));
        }
    }
    raft->commit = index;
}

void commit_count(struct raft *raft)
{
    if (raft->role != RAFT_LEADER) return;
    const struct raft_members *members = members_of(raft);
    uint64_t held[RAFT_MEMBERS_MAX];
    for (uint32_t i = 0; i < members->count; i++) {
        const struct peer *peer = &raft->peers[i];
        if (members->member[i].id == raft->config.self)
            held[i] = raft->log.durable;
        else
            held[i] = peer->trusted ? peer->match : 0;
    }
    uint64_t index = members_quorum(members, held);
    if (index <= raft->commit || log_term(&raft->log, index) != raft->term) return;
    commit_to(raft, index);
    change_committed(raft);
}
