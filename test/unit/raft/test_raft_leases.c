/* Short lives that hunt for two leaders at once, one of them reading on its lease: clocks as far
 * apart as the bound allows, a log that is mostly idle (so that whoever campaigns may win), leaders
 * cut off, voters restarted, messages that come late, transfers that fail. After every commit
 * anywhere every leader is asked for a lease read (raft_world_reads.h). QUARTET_SEED=N runs one. */
#include "raft_world.h"

enum { HUNT_STEPS = 250 };

static uint32_t anyone(struct world *world)
{
    return 1 + (uint32_t)world_random(world, world->nodes_count);
}

static void heal(struct world *world)
{
    memset(world->cut, 0, sizeof world->cut);
    world->delay_us_max = 2 * WORLD_MS;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        world->nodes[id].paused = false;
        if (world->nodes[id].raft == NULL) world_start(world, id);
    }
}

/* As fast or as slow as may be, in any mixture. */
static void draw_clocks(struct world *world, int off_permille)
{
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        bool fast = world_random(world, 2) == 0;
        clock_set(world, &world->nodes[id], fast ? off_permille : -off_permille);
    }
}

static void restart(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    if (node->raft != NULL) {
        world_crash(world, id, (uint32_t)world_random(world, node->writes_count + 1));
    }
    world_start(world, id);
}

static void hand_over(struct world *world, uint32_t leader)
{
    struct node *node = &world->nodes[leader];
    struct raft_time now = node_time(world, node);
    world->transfers += raft_transfer(node->raft, now, anyone(world)) == RAFT_TRANSFER_OK;
    world_flush(world, leader);
}

static void strike(struct world *world)
{
    uint32_t leader = world_leader(world);
    uint32_t id = anyone(world);
    switch (world_random(world, 24)) {
    case 0: heal(world); break;
    case 1: /* one that will campaign, heard by all but the leader */
    case 2:
        if (leader == 0) break;
        world->cut[leader][id] = true;
        world->cut[id][leader] = world_random(world, 2) == 0;
        break;
    case 3: world_cut(world, leader == 0 ? id : leader, true); break;
    case 4: memset(world->cut, 0, sizeof world->cut); break;
    case 5: restart(world, id); break;
    case 6: world->delay_us_max = 1 + world_random(world, WORLD_TIMEOUT_US); break;
    case 7: world->delay_us_max = 2 * WORLD_MS; break;
    case 8:
    case 9:
        if (leader != 0) hand_over(world, leader);
        break;
    case 10:
        if (leader != 0) world_propose(world, leader, world->now_us);
        break;
    case 11: world->nodes[id].paused = !world->nodes[id].paused; break;
    case 12: draw_clocks(world, world->clocks_unbounded ? 600 : WORLD_DRIFT_PERMILLE / 2); break;
    default: break;
    }
}

static uint64_t all_lease_reads, all_stale, all_transfers, all_elections;

static void hunt(uint64_t seed, bool beyond_the_bound)
{
    struct world *world = world_make(seed % 3 == 0 ? 5 : 3, seed);
    world->clocks_unbounded = beyond_the_bound;
    for (int step = 0; step < HUNT_STEPS; step++) {
        strike(world);
        world_read(world, anyone(world));
        world_run(world, world_random(world, 30 * WORLD_MS));
    }
    all_lease_reads += world->lease_reads;
    all_stale += world->lease_reads_stale;
    all_transfers += world->transfers;
    all_elections += world->elections;
    world_free(world);
}

static void hunt_many(uint64_t seeds, bool beyond_the_bound)
{
    const char *one = getenv("QUARTET_SEED");
    const char *many = getenv("QUARTET_SEEDS");
    if (many != NULL) seeds = strtoull(many, NULL, 10);
    all_lease_reads = all_stale = all_transfers = all_elections = 0;
    uint64_t first = one == NULL ? 1 : strtoull(one, NULL, 10);
    uint64_t last = one == NULL ? seeds : first;
    for (uint64_t seed = first; seed <= last; seed++) hunt(seed, beyond_the_bound);
    print_message("%llu elections, %llu transfers, %llu lease reads, %llu stale\n",
                  (unsigned long long)all_elections, (unsigned long long)all_transfers,
                  (unsigned long long)all_lease_reads, (unsigned long long)all_stale);
    if (one == NULL) assert_true(all_elections > seeds && all_lease_reads > seeds);
}

static void no_lease_read_is_stale_while_clocks_keep_the_bound(void **state)
{
    (void)state;
    hunt_many(2000, false);
}

/* The judge can object; and ReadIndex, judged in the same lives, needs no clock at all. */
static void clocks_beyond_the_bound_break_leases_but_no_read_index(void **state)
{
    (void)state;
    hunt_many(300, true);
    if (getenv("QUARTET_SEED") == NULL) assert_true(all_stale > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_lease_read_is_stale_while_clocks_keep_the_bound),
        cmocka_unit_test(clocks_beyond_the_bound_break_leases_but_no_read_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
