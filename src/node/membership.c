/* The peers of a running node follow the membership in its log: who is added is dialed at the
 * address that the entry carries, who is removed is let go. specs/peer.md, "Changing members".
 *
 * Two memberships matter: the one in force, and, until that is committed, the one before it, which
 * it may fall back to. A *guest* is a node of this cluster that neither lists, because this node is
 * behind: it shows a membership of a higher index, and is heard until ours lists it or it goes. */
#include <string.h>

#include "node/hub.h"

enum { FAREWELL_US = 500000 }; /* links to a member that went stay that long */

struct slice membership_address(const struct node *node)
{
    const struct raft_member *own = group_member(node->group, node->config.self);
    if (own != NULL && own->address_size > 0) return slice_of(own->address, own->address_size);
    return slice_text(node->config.address);
}

bool membership_removed(const struct node *node)
{
    if (group_raft(node->group) == NULL || raft_members(group_raft(node->group))->count == 0)
        return false;
    if (node->peers.refused_as_stranger) return true;
    return group_members_in_force_committed(node->group) &&
           group_member(node->group, node->config.self) == NULL;
}

static bool guest_stays(const struct node *node, const struct peer *peer)
{
    if (!peer->guest) return false;
    if (group_members_in_force_committed(node->group) &&
        raft_members(group_raft(node->group))->count > 0 &&
        peer->guest_index <= raft_members_index(group_raft(node->group))) {
        return false;
    }
    return peer_calls(&node->peers, peer);
}

static void follow(struct node *node, const struct raft_members *members)
{
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        struct slice address = slice_of(member->address, member->address_size);
        if (member->id == node->config.self) continue;
        struct peer *peer = peer_find(&node->peers, member->id);
        if (peer == NULL && node->peers.count == NODE_PEERS_KNOWN_MAX) continue;
        if (peer == NULL) peer = peer_add(&node->peers, member->id, address);
        peer->guest = false;
        if (!slice_equal(slice_text(peer->address), address))
            peer_move(&node->peers, peer, address);
    }
}

static void trace_members(struct node *node)
{
    const struct raft_members *members = raft_members(group_raft(node->group));
    trace_begin(&node->turn, "members");
    trace_number(&node->turn, "index", raft_members_index(group_raft(node->group)));
    trace_text(&node->turn, "committed",
               group_members_in_force_committed(node->group) ? "yes" : "no");
    trace_text(&node->turn, "list", "");
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        if (i > 0) buffer_put_u8(&node->turn.trace, ',');
        buffer_append_decimal(&node->turn.trace, member->id);
        if (member->learner) buffer_append_text(&node->turn.trace, "(learner)");
        if (member->outgoing) buffer_append_text(&node->turn.trace, "(outgoing)");
        if (member->leaving) buffer_append_text(&node->turn.trace, "(leaving)");
    }
    trace_end(&node->turn);
}

/* A node that moved, and says so in --peers alone, is not found by the others. */
static void tell_if_moved(struct node *node)
{
    const struct raft_member *own = group_member(node->group, node->config.self);
    const struct node_peer *told = node->config.peers;
    const struct node_peer *end = told + node->config.peers_count;
    while (told < end && told->id != node->config.self) told++;
    bool moved = own != NULL && told < end && own->address_size > 0 &&
                 !slice_equal(slice_text(told->address), slice_of(own->address, own->address_size));
    if (moved && !node->following.moved_told) {
        trace_begin(&node->turn, "address-differs");
        trace_text(&node->turn, "members", "");
        buffer_append(&node->turn.trace, own->address, own->address_size);
        trace_text(&node->turn, "peers", told->address);
        trace_text(&node->turn, "why",
                   "others dial the first; --peers only founds: remove this node and add it there");
        trace_end(&node->turn);
    }
    node->following.moved_told = moved;
}

static void follow_log(struct node *node)
{
    uint64_t index = raft_members_index(group_raft(node->group));
    uint64_t term = raft_term_at(group_raft(node->group), index);
    bool committed = group_members_in_force_committed(node->group);
    bool same = index == node->following.index && committed == node->following.committed;
    if (same && (term == node->following.term || committed)) return;
    node->following.index = index;
    node->following.term = term;
    node->following.committed = committed;
    node->following.since_us = node->turn.now.mono_us;
    if (!committed) follow(node, group_members_committed(node->group));
    follow(node,
           raft_members(group_raft(node->group))); /* last: its addresses are the newer ones */
    trace_members(node);
    tell_if_moved(node);
    turn_wake(&node->turn, node->turn.now.mono_us); /* to dial them */
}

static void removed_turn(struct node *node)
{
    bool removed = membership_removed(node);
    if (removed && !node->following.removed_told) {
        trace_begin(&node->turn, "removed");
        trace_text(&node->turn, "why", "no longer a member of the cluster: clients are closed");
        trace_end(&node->turn);
    }
    node->following.removed_told = removed;
    if (!removed) return;
    for (uint32_t i = 0; i < node->groups.count; i++) {
        group_refuse_pending(node->groups.all[i].group);
        route_output(node, &node->groups.all[i]);
    }
    clients_close_all(&node->clients);
}

/* Is it, with this node, a member of any group? */
static bool shares_a_group(const struct node *node, uint32_t peer)
{
    for (uint32_t i = 0; i < node->groups.count; i++) {
        const struct group *group = node->groups.all[i].group;
        if (group_member(group, peer) == NULL) continue;
        bool alone = group_member(group, node->config.self) == NULL &&
                     group_members_in_force_committed(group);
        if (!alone) return true;
    }
    return false;
}

void membership_turn(struct node *node)
{
    if (group_raft(node->group) == NULL || raft_members(group_raft(node->group))->count == 0)
        return;
    follow_log(node);
    removed_turn(node);
    /* Last words pass: what a leader that goes has to say, and answers about its going. */
    uint64_t until = node->following.since_us + FAREWELL_US;
    if (node->turn.now.mono_us < until) {
        turn_wake(&node->turn, until);
        return;
    }
    for (uint32_t i = node->peers.count; i-- > 0;) {
        struct peer *peer = &node->peers.all[i];
        bool member = shares_a_group(node, peer->id);
        if (!member && !guest_stays(node, peer)) peer_drop(&node->peers, peer);
    }
}
