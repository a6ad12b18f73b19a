/* Clocks that run apart, and reads in a world of raft_world.h: a read must never be told of an
 * index below what was committed anywhere when it was asked.
 *
 * Leases are judged at the worst moment: whenever anything is committed anywhere, every leader that
 * runs is asked whether it would read on its lease. */
#ifndef QUARTET_TEST_RAFT_WORLD_READS_H
#define QUARTET_TEST_RAFT_WORLD_READS_H

#include "raft_world_state.h"

/* --- clocks: a node's counts (1000 + fast_permille) while the world counts 1000 --- */

static inline uint64_t clock_read(const struct world *world, const struct node *node)
{
    uint64_t rate = (uint64_t)(1000 + node->fast_permille);
    return node->clock_local_us + (world->now_us - node->clock_us) * rate / 1000;
}

static inline struct raft_time node_time(const struct world *world, const struct node *node)
{
    return (struct raft_time){clock_read(world, node), world->wall_us};
}

/* When the world's clock says so much that the node's says `local_us`. */
static inline uint64_t clock_due_us(const struct node *node, uint64_t local_us)
{
    uint64_t rate = (uint64_t)(1000 + node->fast_permille);
    if (local_us == UINT64_MAX) return UINT64_MAX;
    if (local_us <= node->clock_local_us) return node->clock_us;
    return node->clock_us + ((local_us - node->clock_local_us) * 1000 + rate - 1) / rate;
}

static inline void clock_set(const struct world *world, struct node *node, int fast_permille)
{
    node->clock_local_us = clock_read(world, node);
    node->clock_us = world->now_us;
    node->fast_permille = fast_permille;
}

/* --- reads --- */

static inline void world_read(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    if (node->raft == NULL || node->paused || node->asked_count == WORLD_READS_MAX) return;
    uint64_t ticket = raft_read(node->raft, node_time(world, node));
    node->asked[node->asked_count++] = (struct asked){ticket, world->truth.count};
}

static inline void check_reads(struct world *world, struct node *node,
                               const struct raft_output *output)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->asked_count; i++) {
        const struct asked *asked = &node->asked[i];
        if (asked->ticket > output->reads_confirmed) {
            node->asked[kept++] = *asked;
            continue;
        }
        WORLD_CHECK(world, output->reads_index >= asked->committed);
        world->reads++;
    }
    node->asked_count = kept;
}

static inline void check_leases(struct world *world)
{
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        struct node *node = &world->nodes[id];
        uint64_t index = 0;
        if (node->raft == NULL || node->paused) continue;
        if (!raft_read_lease(node->raft, node_time(world, node), &index)) continue;
        world->lease_reads++;
        if (index >= world->truth.count) continue;
        world->lease_reads_stale++;
        WORLD_CHECK(world, world->clocks_unbounded);
    }
}

#endif
