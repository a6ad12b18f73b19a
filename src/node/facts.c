/* What protocols may tell their clients of this node and its cluster: contract/protocol.h. */
#include <stdlib.h>

#include "base/assert.h"
#include "node/hub.h"

enum { LOST_TIMEOUTS = 2 }; /* without a leader of group 0, in election timeouts */

_Static_assert((int)RAFT_MEMBERS_MAX <= (int)PROTOCOL_NODES_MAX, "all members are told of");
_Static_assert((int)PEER_ANNOUNCED_MAX <= (int)PROTOCOL_PLACES_MAX, "with all their places");

void facts_init(struct node *node)
{
    struct facts *facts = &node->facts;
    facts->told.node = node->config.self;
    facts->groups = calloc(node->groups.count, sizeof *facts->groups);
    ASSERT(facts->groups != NULL);
    facts->told.groups = facts->groups;
    facts->told.groups_count = node->groups.count;
}

void facts_free(struct node *node)
{
    free(node->facts.groups);
}

void facts_turn(struct node *node)
{
    struct protocol_facts *told = &node->facts.told;
    const struct raft *raft = group_raft(node->group);
    if (raft == NULL) return;
    told->cluster = node->founding.cluster;
    told->term = raft_term(raft);
    told->leader = raft_leader(raft);
    told->applied = group_replica(node->group)->index;
}

static void places_own(const struct node *node, struct protocol_node *told)
{
    told->places_count = node->config.announced_count;
    for (uint32_t i = 0; i < told->places_count; i++) {
        told->places[i] = slice_text(node->config.announced[i]);
    }
}

static void places_of(const struct peer *peer, struct protocol_node *told)
{
    told->places_count = peer->announced_count;
    for (uint32_t i = 0; i < told->places_count; i++) {
        told->places[i] = slice_text(peer->announced[i]);
    }
}

static void note_nodes(struct node *node)
{
    struct protocol_facts *told = &node->facts.told;
    const struct raft_members *members = raft_members(group_raft(node->group));
    told->nodes_count = members->count;
    for (uint32_t i = 0; i < members->count; i++) {
        struct protocol_node *one = &told->nodes[i];
        *one = (struct protocol_node){.id = members->member[i].id};
        const struct peer *peer = peer_find(&node->peers, one->id);
        if (one->id == node->config.self) {
            places_own(node, one);
        } else if (peer != NULL) {
            places_of(peer, one);
        }
    }
}

void facts_rest(struct node *node)
{
    struct facts *facts = &node->facts;
    if (group_raft(node->group) == NULL) return;
    facts_turn(node);
    for (uint32_t i = 0; i < node->groups.count; i++) {
        const struct raft *raft = group_raft(node->groups.all[i].group);
        facts->groups[i].leader = raft == NULL ? 0 : raft_leader(raft);
        if (facts->groups[i].leader != 0) facts->groups[i].led = facts->groups[i].leader;
    }
    if (facts->told.leader != 0) facts->led_us = node->turn.now.mono_us;
    uint64_t lost_us = LOST_TIMEOUTS * node->config.election_timeout_us;
    facts->told.lost = node->turn.now.mono_us >= facts->led_us + lost_us;
    note_nodes(node);
}
