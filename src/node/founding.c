/* How a cluster comes to be, once, out of --peers; and how a node without a past joins it.
 * The rules, and why no one votes too early, stand in specs/peer.md under "Founding". */
#include <string.h>

#include "base/assert.h"
#include "node/hub.h"

static void members_of_config(const struct node *node, struct raft_members *members)
{
    memset(members, 0, sizeof *members);
    const struct node_config *config = &node->config;
    if (config->peers_count == 0) {
        members->count = 1;
        struct raft_member *self = &members->member[0];
        self->id = config->self;
        self->address_size = (uint8_t)strlen(config->address);
        memcpy(self->address, config->address, self->address_size);
        return;
    }
    members->count = config->peers_count; /* node_create() has put them in order */
    for (uint32_t i = 0; i < config->peers_count; i++) {
        struct raft_member *member = &members->member[i];
        member->id = config->peers[i].id;
        size_t size = strlen(config->peers[i].address);
        member->address_size = (uint8_t)size;
        memcpy(member->address, config->peers[i].address, size);
    }
}

static uint32_t founder_of(const struct node *node)
{
    return node->config.peers_count == 0 ? node->config.self : node->config.peers[0].id;
}

/* Writes what this node now is; it is announced, and acted on, once durable. */
static void membership_write(struct node *node, uint64_t cluster, enum wal_membership membership)
{
    struct wal_meta meta = node->wal.meta;
    meta.cluster = cluster;
    meta.membership = (uint8_t)membership;
    wal_put_meta(&node->wal, &meta);
    node->founding.sequence = node->wal.sequence + 1;
}

/* Of each group. Index 1, term 1, the same bytes on every founding member: committed by being
 * founded. Its data
 * lives in `scratch`. */
static struct raft_entry founding_entry(struct node *node)
{
    struct raft_members members;
    members_of_config(node, &members);
    buffer_clear(&node->scratch);
    raft_members_encode(&members, &node->scratch);
    return (struct raft_entry){
        .index = 1,
        .term = 1,
        .kind = RAFT_KIND_MEMBERS,
        .version = 1,
        .data = buffer_slice(&node->scratch),
    };
}

static void founding_entry_write(struct node *node, uint64_t cluster)
{
    struct raft_entry entry = founding_entry(node);
    struct wal_hard_state state = {.term = 1, .vote = 0, .trusted = true};
    for (uint32_t i = 0; i < node->groups.count; i++) {
        wal_put_entry(&node->wal, i, &entry);
        wal_put_hard_state(&node->wal, i, &state);
    }
    trace_begin(&node->turn, "founding");
    trace_hex(&node->turn, "cluster", cluster);
    trace_number(&node->turn, "members", node->peers.count + 1);
    trace_end(&node->turn);
}

void founding_begin(struct node *node)
{
    if (node->founding.membership != WAL_EMPTY || node->config.peers_count != 0) return;
    uint64_t cluster = random_next(&node->random) | 1;
    founding_entry_write(node, cluster);
    membership_write(node, cluster, WAL_MEMBER);
}

static bool membership_changing(const struct node *node)
{
    return node->founding.sequence > node->wal.durable;
}

/* Do all others report this membership (and, unless empty, one cluster)? */
static bool all_peers_are(const struct node *node, uint8_t membership, uint64_t *cluster)
{
    *cluster = 0;
    for (uint32_t i = 0; i < node->peers.count; i++) {
        const struct peer *peer = &node->peers.all[i];
        if (!peer->heard || peer->membership != membership) return false;
        if (*cluster != 0 && peer->cluster != *cluster) return false;
        *cluster = peer->cluster;
    }
    return true;
}

static const struct peer *member_heard(const struct node *node)
{
    for (uint32_t i = 0; i < node->peers.count; i++) {
        if (node->peers.all[i].heard && node->peers.all[i].membership == WAL_MEMBER) {
            return &node->peers.all[i];
        }
    }
    return NULL;
}

/* New or wiped, in a cluster that works: no vote until a leader has brought it up to date. */
static void join_untrusted(struct node *node, uint64_t cluster)
{
    struct wal_hard_state state = {.term = 0, .vote = 0, .trusted = false, .held = true};
    for (uint32_t i = 0; i < node->groups.count; i++) {
        wal_put_hard_state(&node->wal, i, &state);
        group_hold(node->groups.all[i].group); /* see proposals.c */
    }
    membership_write(node, cluster, WAL_MEMBER);
    trace_begin(&node->turn, "joining");
    trace_hex(&node->turn, "cluster", cluster);
    trace_text(&node->turn, "trusted", "no");
    trace_end(&node->turn);
}

static void tell_found(struct node *node)
{
    struct raft_members members;
    members_of_config(node, &members);
    for (uint32_t i = 0; i < node->peers.count; i++) {
        struct peer *peer = &node->peers.all[i];
        struct link *link = peer_link(&node->peers, peer, PEER_CHANNEL_LOG);
        if (link == NULL || !peer->heard || peer->membership != WAL_EMPTY) continue;
        size_t begun = peer_frame_begin(&link->connection.out, PEER_FOUND, PEER_GROUP_NODE);
        buffer_put_u64(&link->connection.out, node->founding.cluster);
        raft_members_encode(&members, &link->connection.out);
        peer_frame_end(&link->connection.out, begun);
        connection_dirty(&node->connections, &link->connection);
    }
}

static void consider_empty(struct node *node)
{
    const struct peer *member = member_heard(node);
    if (member != NULL) {
        join_untrusted(node, member->cluster);
        return;
    }
    if (node->config.join || founder_of(node) != node->config.self) return;
    uint64_t cluster = 0;
    if (all_peers_are(node, WAL_EMPTY, &cluster)) {
        cluster = random_next(&node->random) | 1;
    } else if (!all_peers_are(node, WAL_FOUNDING, &cluster)) {
        return;
    }
    founding_entry_write(node, cluster);
    membership_write(node, cluster, WAL_FOUNDING);
}

static void consider_founding(struct node *node)
{
    const struct peer *member = member_heard(node);
    uint64_t cluster = 0;
    if (member != NULL && member->cluster == node->founding.cluster) {
        membership_write(node, node->founding.cluster, WAL_MEMBER);
        return;
    }
    if (founder_of(node) != node->config.self) return;
    if (all_peers_are(node, WAL_FOUNDING, &cluster) && cluster == node->founding.cluster) {
        membership_write(node, node->founding.cluster, WAL_MEMBER);
        return;
    }
    tell_found(node);
}

void founding_consider(struct node *node)
{
    if (membership_changing(node) || !wal_ready(&node->wal)) return;
    if (node->founding.membership == WAL_EMPTY) consider_empty(node);
    if (node->founding.membership == WAL_FOUNDING) consider_founding(node);
}

void founding_found(struct node *node, struct peer *from, uint64_t cluster, struct slice bytes)
{
    if (node->config.join || membership_changing(node) || from->id != founder_of(node)) return;
    if (node->founding.membership != WAL_EMPTY) {
        /* It has not heard, or what it heard last was older: a WELCOME under way, say. */
        route_tell_state(node);
        return;
    }
    struct raft_members theirs;
    struct raft_members ours;
    members_of_config(node, &ours);
    buffer_clear(&node->scratch);
    raft_members_encode(&ours, &node->scratch);
    if (!raft_members_decode(bytes, &theirs) || !slice_equal(bytes, buffer_slice(&node->scratch))) {
        trace_begin(&node->turn, "founding-refused");
        trace_number(&node->turn, "peer", from->id);
        trace_text(&node->turn, "why",
                   "its --peers differ from ours: give all nodes the same list");
        trace_end(&node->turn);
        return;
    }
    founding_entry_write(node, cluster);
    membership_write(node, cluster, WAL_FOUNDING);
}

/* A node that becomes a member without a restart holds the founding entries and nothing else. */
static void open_founded(struct node *node, struct group *group)
{
    struct raft_restored restored = {.term = 1, .trusted = true};
    group_open(group, node->founding.cluster, &restored);
    struct raft_entry entry = founding_entry(node);
    raft_restore_entry(group_raft(group), &entry);
    raft_restore_commit(group_raft(group), 1);
}

static void open_groups(struct node *node)
{
    for (uint32_t i = 0; i < node->groups.count; i++) {
        struct group *group = groups_touch(node, i);
        struct raft_restored restored = {.trusted = false};
        if (node->wal.groups[i].hard_state.trusted) {
            open_founded(node, group);
        } else {
            group_open(group, node->founding.cluster, &restored);
        }
        raft_start(group_raft(group), node->turn.now);
    }
}

void founding_durable(struct node *node)
{
    if (node->founding.sequence == 0 || membership_changing(node)) return;
    node->founding.sequence = 0;
    node->founding.membership = node->wal.meta.membership;
    node->founding.cluster = node->wal.meta.cluster;
    route_tell_state(node);
    if (node->founding.membership == WAL_MEMBER && group_raft(node->group) == NULL) {
        open_groups(node);
        trace_begin(&node->turn, "member");
        trace_hex(&node->turn, "cluster", node->founding.cluster);
        trace_end(&node->turn);
    }
    founding_consider(node);
}
