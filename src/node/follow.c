/* The groups of a node follow the cluster: each has the voters that group 0 has committed.
 *
 * Whoever leads a group sees to it, and only by what it has confirmed to be group 0's membership
 * just then (raft_read()): one that is behind would turn back what others have done. So the members
 * of a group only ever become those of a later moment.
 *
 * A node that group 0 is about to lose, or in which it has had no leader for long, may never be
 * able to: it hands over what it leads. */
#include <string.h>

#include "node/hub.h"

enum {
    FOLLOW_PAUSE_US = 100000,    /* between two tries that came to nothing */
    LEADERLESS_TIMEOUTS = 6,     /* of group 0, in election timeouts: then others are to lead */
    HAND_OVER_PAUSE_US = 1000000 /* between two tries: each stops proposals for a moment */
};

static bool same_member(const struct raft_member *a, const struct raft_member *b)
{
    return a->id == b->id && a->learner == b->learner && a->address_size == b->address_size &&
           memcmp(a->address, b->address, a->address_size) == 0;
}

static bool same_members(const struct raft_members *a, const struct raft_members *b)
{
    if (a->count != b->count || raft_members_joint(a)) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!same_member(&a->member[i], &b->member[i])) return false;
    }
    return true;
}

bool follow_done(const struct node *node)
{
    const struct raft_members *cluster = group_members_committed(node->group);
    for (uint32_t i = 1; i < node->groups.count; i++) {
        const struct group *group = node->groups.all[i].group;
        if (group_raft(group) == NULL || !group_members_in_force_committed(group)) return false;
        if (!same_members(raft_members(group_raft(group)), cluster)) return false;
    }
    return true;
}

/* To whoever holds most, of those that stay. */
static void hand_over(struct node *node, struct group *group)
{
    struct raft *raft = group_raft(group);
    const struct raft_members *cluster = raft_members(group_raft(node->group));
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(raft, rows);
    const struct raft_progress *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        int place = raft_members_place(raft_members(raft), rows[i].peer);
        int there = raft_members_place(cluster, rows[i].peer);
        if (place < 0 || there < 0 || cluster->member[there].leaving) continue;
        if (raft_members(raft)->member[place].learner || !rows[i].trusted || rows[i].snapshot)
            continue;
        if (best == NULL || rows[i].match > best->match) best = &rows[i];
    }
    if (best != NULL) (void)raft_transfer(raft, node->turn.now, best->peer);
}

/* Is there no hope, for this node, to hear of what group 0 becomes? */
static bool cut_from_cluster(struct node *node)
{
    const struct raft *cluster = group_raft(node->group);
    int place = raft_members_place(raft_members(cluster), node->config.self);
    if (raft_leader(cluster) != 0) node->follow.led_us = node->turn.now.mono_us;
    uint64_t long_us = LEADERLESS_TIMEOUTS * node->config.election_timeout_us;
    if (place < 0 || raft_members(cluster)->member[place].leaving) return true;
    return node->turn.now.mono_us >= node->follow.led_us + long_us;
}

/* Who is to vote and does not yet comes in as a learner, and catches up. */
static void change_towards(struct node *node, struct group *group,
                           const struct raft_members *cluster)
{
    struct raft *raft = group_raft(group);
    const struct raft_members *own = raft_members(raft);
    if (raft_change_members(raft, node->turn.now, cluster) != RAFT_CHANGE_NOT_CAUGHT_UP) return;
    struct raft_members target = *cluster;
    for (uint32_t i = 0; i < target.count; i++) {
        int place = raft_members_place(own, target.member[i].id);
        if (place < 0 || own->member[place].learner) target.member[i].learner = true;
    }
    if (!same_members(own, &target)) (void)raft_change_members(raft, node->turn.now, &target);
}

static void follow_one(struct node *node, struct node_group *entry, bool cut, bool confirmed)
{
    struct group *group = entry->group;
    const struct raft_members *cluster = group_members_committed(node->group);
    entry->follow_waits = false;
    if (!group_leading(group) || !raft_settled(group_raft(group))) return;
    if (node->turn.now.mono_us < entry->follow_us) {
        group_visit(group, entry->follow_us);
        return;
    }
    if (cut) {
        entry->follow_us = node->turn.now.mono_us + HAND_OVER_PAUSE_US;
        group_visit(group, entry->follow_us);
        hand_over(node, group);
        return;
    }
    if (raft_members_joint(cluster) || !group_members_in_force_committed(group)) return;
    if (same_members(raft_members(group_raft(group)), cluster)) return;
    if (!confirmed) {
        entry->follow_waits = true;
        node->follow.wanted = true;
        return;
    }
    entry->follow_us = node->turn.now.mono_us + FOLLOW_PAUSE_US;
    group_visit(group, entry->follow_us);
    change_towards(node, group, cluster);
}

void follow_turn(struct node *node)
{
    if (node->groups.count == 1 || group_raft(node->group) == NULL) return;
    if (raft_members(group_raft(node->group))->count == 0) return;
    struct follow *follow = &node->follow;
    bool cut = cut_from_cluster(node);
    /* What group 0 has committed is known as of now, and of no later turn. */
    bool confirmed = follow->ticket != 0 && group_confirmed(node->group, follow->ticket);
    if (confirmed) follow->ticket = 0;
    for (uint32_t i = 1; confirmed && i < node->groups.count; i++) {
        if (node->groups.all[i].follow_waits) (void)groups_touch(node, i);
    }
    follow->wanted = false;
    struct list *active = &node->groups.active;
    for (struct list *at = active->next; at != active; at = at->next) {
        struct node_group *entry = LIST_ITEM(at, struct node_group, in_active);
        if (entry->number != 0) follow_one(node, entry, cut, confirmed);
    }
    if (!follow->wanted || follow->ticket != 0) return;
    follow->ticket = raft_read(group_raft(node->group), node->turn.now);
}
