/* The log in memory: what a follower may still need, and no more. */
#include "node/group/snapshots.h"
#include "node/group/state.h"

/* The groups of a node share what it keeps for followers. */
static uint64_t log_kept_bytes(const struct group *group)
{
    return NODE_LOG_KEEP_BYTES / group->wal->groups_count;
}

/* The last entry that may go so that about half of NODE_LOG_KEEP_BYTES stays. */
static uint64_t compact_upto(const struct group *group, uint64_t limit)
{
    uint64_t left = raft_log_bytes(group->raft);
    uint64_t index = raft_first_index(group->raft);
    uint64_t end = index + NODE_COMPACT_ENTRIES_MAX;
    while (index <= limit && index < end && left > log_kept_bytes(group) / 2) {
        left -= raft_entry_at(group->raft, index)->data.size;
        index++;
    }
    return index - 1;
}

/* Memory: entries go once everyone has them; or, when too many gather, the slow are left to a
 * snapshot. Some always stay: a follower that was briefly away, or a new leader's followers. */
void snapshots_compact_log(struct group *group)
{
    uint64_t first = raft_first_index(group->raft);
    uint64_t upto = group->replica->index;
    if (group->reach.others) {
        uint64_t bytes = raft_log_bytes(group->raft);
        /* What was compacted is freed little by little, and counted until then. */
        if (bytes <= log_kept_bytes(group) || raft_releasing(group->raft)) return;
        bool over = bytes > group->config->log_bytes_memory / group->wal->groups_count;
        uint64_t held = raft_replicated_index(group->raft);
        if (!over && upto > held) upto = held;
        bool cut_pins = group->snapshots.cutting && group->snapshots.transfers_count > 0;
        if (!over && cut_pins && upto > group->snapshots.cut_index)
            upto = group->snapshots.cut_index;
        upto = compact_upto(group, upto);
    }
    if (upto >= first) raft_compact(group->raft, upto);
}
