/* Leaders go home: each group but the first has a home among the voters, the next one's for the
 * next group, so that no node leads all of them for long.
 *
 * Who leads a group that has another home hands it over once that node has held all that is
 * committed for `leaders_home_us`. It may refuse to lead (its clock is off, its disk full): then
 * the next try waits, for each stops proposals for a moment. */
#include "node/hub.h"

enum { HOME_AGAIN = 12 }; /* between two tries, in times of leaders_home_us */

static uint32_t home_of(const struct node_group *entry)
{
    const struct raft_members *members = raft_members(group_raft(entry->group));
    uint32_t voters = 0;
    for (uint32_t i = 0; i < members->count; i++) voters += !members->member[i].learner;
    if (voters == 0) return 0;
    uint32_t skip = (entry->number - 1) % voters;
    for (uint32_t i = 0; i < members->count; i++) {
        if (!members->member[i].learner && skip-- == 0) return members->member[i].id;
    }
    return 0;
}

static bool caught_up(const struct node *node, const struct raft *raft, uint32_t home)
{
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(raft, rows);
    uint64_t heard_us = node->turn.now.mono_us - node->config.election_timeout_us;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].peer != home) continue;
        bool heard = rows[i].heard_us >= heard_us && rows[i].heard_us != 0;
        return heard && rows[i].trusted && !rows[i].snapshot &&
               rows[i].match >= raft_commit_index(raft);
    }
    return false;
}

static void home_one(struct node *node, struct node_group *entry)
{
    struct raft *raft = group_raft(entry->group);
    uint64_t now_us = node->turn.now.mono_us;
    uint64_t wait_us = node->config.leaders_home_us;
    bool leads = group_leading(entry->group) && raft_settled(raft);
    bool settled = leads && !raft_members_joint(raft_members(raft)) &&
                   group_members_in_force_committed(entry->group);
    uint32_t home = settled ? home_of(entry) : 0;
    if (home == 0 || home == node->config.self || !caught_up(node, raft, home)) {
        entry->home_since_us = 0;
        return;
    }
    if (entry->home_since_us == 0) entry->home_since_us = now_us;
    uint64_t at_us = entry->home_since_us + wait_us;
    if (at_us < entry->home_again_us) at_us = entry->home_again_us;
    if (now_us < at_us) {
        group_visit(entry->group, at_us);
        return;
    }
    entry->home_again_us = now_us + HOME_AGAIN * wait_us;
    if (raft_transfer(raft, node->turn.now, home) != RAFT_TRANSFER_OK) return;
    trace_begin(&node->turn, "leader-goes-home");
    trace_number(&node->turn, "group", entry->number);
    trace_number(&node->turn, "peer", home);
    trace_end(&node->turn);
}

void home_turn(struct node *node)
{
    struct list *active = &node->groups.active;
    if (node->config.leaders_home_us == 0 || node->process.draining) return;
    for (struct list *at = active->next; at != active; at = at->next) {
        struct node_group *entry = LIST_ITEM(at, struct node_group, in_active);
        if (entry->number != 0 && group_raft(entry->group) != NULL) home_one(node, entry);
    }
}
