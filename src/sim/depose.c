/* Leaders cut off one after the other. See depose.h. */
#include "sim/depose.h"

#include "sim/world.h"

enum {
    DEPOSE_LEADERS_MAX = 6,
    DEPOSE_ODDS_MAGNITUDES = 7, /* powers of two */
    DEPOSE_WAIT_US_MAX = 3000000,
};

/* Cut off together, they still hear each other. */
static void cut_set(struct depose *depose, uint32_t cut)
{
    struct world *world = depose->world;
    for (uint32_t a = 0; a < world->hosts_count; a++) {
        for (uint32_t b = 0; b < a; b++) {
            bool was = (depose->cut >> a & 1) != (depose->cut >> b & 1);
            bool is = (cut >> a & 1) != (cut >> b & 1);
            if (was == is) continue;
            network_cut(&world->network, a, b, is);
            network_cut(&world->network, b, a, is);
        }
    }
    depose->cut = cut;
    world->faults.disturbed_us = world_now_us(world);
}

static void on_end(void *owner, struct timed *timed)
{
    (void)timed;
    depose_end(owner);
}

void depose_init(struct world *world, struct depose *depose)
{
    *depose = (struct depose){.world = world};
    timed_init(&depose->end, on_end, depose);
}

static void wait_for_next(struct depose *depose)
{
    struct world *world = depose->world;
    depose->odds = 1u << random_below(&world->faults.random, DEPOSE_ODDS_MAGNITUDES);
    schedule_at(&world->schedule, &depose->end, world_now_us(world) + DEPOSE_WAIT_US_MAX);
}

void depose_begin(struct depose *depose)
{
    struct random *random = &depose->world->faults.random;
    depose->left = 2 + (uint32_t)random_below(random, DEPOSE_LEADERS_MAX - 1);
    depose->last = 0;
    wait_for_next(depose);
}

/* Does it lead any group with entries that are not committed? */
static bool has_to_lose(const struct host *host)
{
    for (uint32_t i = 0; host->node != NULL && i < host->world->groups_count; i++) {
        const struct raft *raft = node_group_raft(host->node, i);
        if (raft == NULL || raft_role(raft) != RAFT_LEADER) continue;
        if (raft_last_index(raft) != raft_commit_index(raft)) return true;
    }
    return false;
}

void depose_look(struct depose *depose, const struct host *host)
{
    if (!depose_active(depose) || depose->last == host->index + 1) return;
    struct world *world = depose->world;
    if (!has_to_lose(host)) return;
    if (random_below(&world->faults.random, depose->odds) != 0) return;
    if (depose->left == 0) {
        depose_end(depose);
        return;
    }
    uint32_t cut = 1u << host->index;
    if (world->hosts_count > 3 && random_below(&world->faults.random, 2) == 0) {
        cut |= 1u << random_below(&world->faults.random, world->hosts_count);
    }
    world_narrate(world, "fault", host->id, "deposed, cut off: mask=%u", cut);
    world_count(world, SIM_COVER_DEPOSED);
    cut_set(depose, cut);
    depose->left--;
    depose->last = host->index + 1;
    wait_for_next(depose);
}

void depose_end(struct depose *depose)
{
    cut_set(depose, 0);
    schedule_cancel(&depose->world->schedule, &depose->end);
}
