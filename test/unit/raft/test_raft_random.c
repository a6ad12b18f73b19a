/* Thousands of short lives of small clusters, every fault drawn from the seed, alone and together;
 * then all is healed, and the cluster must agree. QUARTET_SEED=N runs that one alone. */
#include "raft_world.h"

enum { FAULT_STEP_US = 20 * WORLD_MS };

struct faults {
    bool messages, partitions, crashes, wipes, stalls, compaction, mute, hunt, transfers, clocks;
    bool members;
    uint64_t calm; /* faults are so much rarer */
    uint64_t proposed;
    uint64_t wiped, crashed;
    uint64_t changed; /* memberships that were appended */
};

/* Anyone, or rather often the leader: that is where it hurts. */
static uint32_t victim(struct world *world, const struct faults *faults)
{
    uint32_t leader = world_leader(world);
    if (faults->hunt && leader != 0 && world_random(world, 2) == 0) return leader;
    return 1 + (uint32_t)world_random(world, world->nodes_count);
}

static void fault_partition(struct world *world, const struct faults *faults)
{
    uint32_t from = victim(world, faults);
    uint32_t to = 1 + (uint32_t)world_random(world, world->nodes_count);
    switch (world_random(world, 4)) {
    case 0: world_cut(world, from, true); break;
    case 1: world->cut[from][to] = true; break;
    default: memset(world->cut, 0, sizeof world->cut); break;
    }
}

/* Of those that ever were. */
static bool others_trusted(const struct world *world, uint32_t id)
{
    for (uint32_t peer = 1; peer <= world->nodes_count; peer++) {
        const struct node *node = &world->nodes[peer];
        if (peer != id && !node->disk.trusted && node->wiped.trusted) return false;
    }
    return true;
}

static uint32_t voters_count(const struct raft_members *members)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < members->count; i++) count += !members->member[i].learner;
    return count;
}

/* Each node becomes a voter, a learner or none of the cluster, or stays what it is. */
static void draw_target(struct world *world, const struct raft_members *now,
                        struct raft_members *target)
{
    bool bold = world_random(world, 4) == 0; /* all at once, not about one */
    uint32_t one = 1 + (uint32_t)world_random(world, world->nodes_count);
    target->count = 0;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        uint32_t at = 0;
        while (at < now->count && now->member[at].id != id) at++;
        bool member = at < now->count;
        struct raft_member drawn = {.id = id, .address_size = 1, .address = "x"};
        drawn.learner = member && now->member[at].learner;
        if (bold || id == one) {
            /* A stranger has to begin as a learner; a learner wants to vote. */
            drawn.learner = !member || world_random(world, 4) == 0;
            member = !member || world_random(world, 3) != 0;
        }
        if (member) target->member[target->count++] = drawn;
    }
}

static void fault_members(struct world *world, struct faults *faults)
{
    uint32_t id = 1 + (uint32_t)world_random(world, world->nodes_count);
    uint32_t leader = world_leader(world);
    if (leader != 0 && world_random(world, 4) != 0) id = leader;
    struct node *node = &world->nodes[id];
    if (node->raft == NULL || node->paused) return;
    struct raft_members target = {0};
    draw_target(world, raft_members(node->raft), &target);
    /* A voter that is wiped must leave a quorum that remembers. */
    if (voters_count(&target) < (faults->wipes ? 3 : 1)) return;
    enum raft_change_result result =
        raft_change_members(node->raft, node_time(world, node), &target);
    faults->changed += result == RAFT_CHANGE_OK;
    world_flush(world, id);
}

static void fault_crash(struct world *world, struct faults *faults)
{
    uint32_t id = victim(world, faults);
    struct node *node = &world->nodes[id];
    if (node->raft == NULL) {
        world_start(world, id);
        return;
    }
    faults->crashed++;
    world_crash(world, id, (uint32_t)world_random(world, node->writes_count + 1));
    bool wipe = faults->wipes && world->founding.count > 2; /* someone must remember */
    if (wipe && world_random(world, 3) == 0 && others_trusted(world, id)) {
        faults->wiped++;
        world_wipe(world, id);
    }
    if (world_random(world, 2) == 0) world_start(world, id);
}

static bool chance(struct world *world, const struct faults *faults, uint64_t one_in)
{
    return world_random(world, one_in * faults->calm) == 0;
}

/* As far apart as the bound allows: 950 / 1050 > 1 - 100 / 1000. */
static void draw_clocks(struct world *world)
{
    const int off_permille = WORLD_DRIFT_PERMILLE / 2;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        int drawn = (int)world_random(world, 2 * off_permille + 1) - off_permille;
        if (world_random(world, 2) == 0) drawn = drawn < 0 ? -off_permille : off_permille;
        clock_set(world, &world->nodes[id], drawn);
    }
}

/* Whoever takes itself for the leader hands over to anyone. */
static void fault_transfer(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    uint32_t peer = 1 + (uint32_t)world_random(world, world->nodes_count);
    struct raft_time now = node_time(world, node);
    world->transfers += raft_transfer(node->raft, now, peer) == RAFT_TRANSFER_OK;
    world_flush(world, id);
}

static void fault_one(struct world *world, struct faults *faults)
{
    uint32_t id = 1 + (uint32_t)world_random(world, world->nodes_count);
    struct node *node = &world->nodes[id];
    if (faults->partitions && chance(world, faults, 8)) fault_partition(world, faults);
    if (faults->crashes && chance(world, faults, 12)) fault_crash(world, faults);
    /* What is struck recovers soon, or there would be nothing left to strike. */
    if (world_random(world, 6) == 0) node->stalled = node->paused = false;
    if (world_random(world, 12) == 0) memset(world->cut, 0, sizeof world->cut);
    if (faults->stalls && chance(world, faults, 8)) node->stalled = true;
    if (faults->stalls && chance(world, faults, 16)) node->paused = true;
    if (node->raft == NULL && world_random(world, 6) == 0) world_start(world, id);
    if (node->raft == NULL) return;
    if (faults->clocks && chance(world, faults, 24)) draw_clocks(world);
    if (faults->compaction && world_random(world, 4) == 0) world_compact(world, id);
    if (faults->mute && chance(world, faults, 16)) {
        raft_set_mute(node->raft, node_time(world, node), world_random(world, 2) == 0);
        raft_set_abstaining(node->raft, node_time(world, node), world_random(world, 2) == 0);
        world_flush(world, id);
    }
    if (chance(world, faults, 16)) {
        raft_peer_lost(node->raft, 1 + (uint32_t)world_random(world, world->nodes_count));
    }
    raft_set_waiting(node->raft, world_random(world, 2) == 0);
    if (faults->transfers && world_leader(world) != 0 && chance(world, faults, 6)) {
        fault_transfer(world, world_leader(world));
    }
    if (faults->members && chance(world, faults, 4)) fault_members(world, faults);
}

static void read_some(struct world *world)
{
    for (uint64_t n = world_random(world, 4); n > 0; n--) {
        uint32_t id = 1 + (uint32_t)world_random(world, world->nodes_count);
        world_read(world, id);
        if (world->nodes[id].raft != NULL && world_random(world, 2) == 0) world_flush(world, id);
    }
}

static void propose_some(struct world *world, struct faults *faults)
{
    for (uint64_t n = world_random(world, 6); n > 0; n--) {
        uint32_t id = 1 + (uint32_t)world_random(world, world->nodes_count);
        world_propose(world, id, ++faults->proposed);
    }
}

static void heal(struct world *world)
{
    world->loss_permille = world->duplicate_permille = 0;
    world->delay_us_max = world->write_us_max = 2 * WORLD_MS;
    memset(world->cut, 0, sizeof world->cut);
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        struct node *node = &world->nodes[id];
        node->stalled = node->paused = false;
        if (node->raft == NULL) world_start(world, id);
        raft_set_mute(node->raft, node_time(world, node), false);
        raft_set_abstaining(node->raft, node_time(world, node), false);
        world_flush(world, id);
    }
}

/* All members of the cluster: who is removed learns no more of it. */
static bool agreed(struct world *world, uint32_t leader, uint64_t value)
{
    const struct raft_members *members = raft_members(world->nodes[leader].raft);
    if (raft_members_joint(members)) return false;
    for (uint32_t i = 0; i < members->count; i++) {
        uint32_t id = members->member[i].id;
        const struct node *node = &world->nodes[id];
        if (node->applied != world->truth.count || !node->disk.trusted) return false;
        if (node->asked_count != 0) return false; /* a read without an answer */
    }
    const struct stored *last = &world->truth.at[world->truth.count - 1];
    return last->entry.data.size == sizeof value && memcmp(last->bytes, &value, sizeof value) == 0;
}

/* Liveness: healed, a cluster elects, commits and brings everyone up within 20 timeouts. */
static void check_liveness(struct world *world)
{
    heal(world);
    uint64_t until_us = world->now_us + 20 * WORLD_TIMEOUT_US;
    uint64_t value = UINT64_MAX;
    while (world->now_us < until_us) {
        uint32_t leader = world_elect(world, until_us - world->now_us);
        WORLD_CHECK(world, leader != 0);
        world_propose(world, leader, value);
        world_run(world, 5 * WORLD_HEARTBEAT_US);
        if (agreed(world, leader, value)) return;
    }
    WORLD_CHECK(world, !"stuck after healing");
}

static uint64_t all_elections, all_committed, all_wiped, all_crashed, all_changed;
static uint64_t all_reads, all_lease_reads, all_lease_reads_stale, all_transfers;

/* With fewer founders than nodes the membership changes, and then the others may come in. */
static void live(uint64_t seed, uint32_t nodes, uint32_t founders)
{
    struct world *world = world_found(nodes, founders, seed);
    uint64_t drawn = random_next(&world->random);
    struct faults faults = {
        .messages = drawn & 1,
        .partitions = drawn & 2,
        .crashes = drawn & 4,
        .wipes = drawn & 8,
        .stalls = drawn & 16,
        .compaction = drawn & 32,
        .mute = drawn & 64,
        .hunt = drawn & 512,
        .transfers = drawn & 4096,
        .members = founders < nodes,
    };
    faults.calm = 1 + world_random(world, 10);
    if (drawn & 2048) {
        faults.clocks = true;
        draw_clocks(world);
    }
    if (faults.messages) {
        world->loss_permille = (uint32_t)world_random(world, 300);
        world->duplicate_permille = (uint32_t)world_random(world, 300);
        world->delay_us_max = 1 + world_random(world, 60 * WORLD_MS);
    }
    if (drawn & 1024) world->delay_us_max *= 10; /* some messages outlive their terms */
    if (drawn & 128) world->write_us_max = 1 + world_random(world, 200 * WORLD_MS);
    if (drawn & 256) world->config.inflight_messages_max = 1; /* from the next start on */
    uint64_t steps = 50 + world_random(world, 450);
    for (uint64_t step = 0; step < steps; step++) {
        fault_one(world, &faults);
        propose_some(world, &faults);
        read_some(world);
        world_run(world, 1 + world_random(world, 2 * FAULT_STEP_US));
    }
    check_liveness(world);
    all_elections += world->elections;
    all_committed += world->truth.count;
    all_wiped += faults.wiped;
    all_crashed += faults.crashed;
    all_reads += world->reads;
    all_lease_reads += world->lease_reads;
    all_lease_reads_stale += world->lease_reads_stale;
    all_transfers += world->transfers;
    all_changed += faults.changed;
    world_free(world);
}

static void random_lives(uint64_t seeds, uint32_t nodes, uint32_t founders)
{
    const char *one = getenv("QUARTET_SEED");
    const char *many = getenv("QUARTET_SEEDS");
    if (many != NULL) seeds = strtoull(many, NULL, 10);
    all_elections = all_committed = all_wiped = all_crashed = all_changed = 0;
    all_reads = all_lease_reads = all_lease_reads_stale = all_transfers = 0;
    if (one != NULL)
        live(strtoull(one, NULL, 10), nodes, founders);
    else
        for (uint64_t seed = 1; seed <= seeds; seed++) live(seed, nodes, founders);
    print_message(
        "%u nodes: %llu elections, %llu committed, %llu crashes, %llu wiped, %llu changes\n", nodes,
        (unsigned long long)all_elections, (unsigned long long)all_committed,
        (unsigned long long)all_crashed, (unsigned long long)all_wiped,
        (unsigned long long)all_changed);
    print_message("   %llu reads, %llu on a lease (%llu stale), %llu transfers\n",
                  (unsigned long long)all_reads, (unsigned long long)all_lease_reads,
                  (unsigned long long)all_lease_reads_stale, (unsigned long long)all_transfers);
    if (one != NULL) return;
    /* A quiet world proves nothing. */
    assert_true(all_elections > seeds && all_committed > 20 * seeds);
    assert_true(all_reads > 20 * seeds && all_lease_reads > 20 * seeds);
    if (founders < nodes) assert_true(all_changed > 2 * seeds);
}

static void three_nodes_survive_every_fault(void **state)
{
    (void)state;
    random_lives(2000, 3, 3);
}

static void four_nodes_survive_every_fault(void **state)
{
    (void)state;
    random_lives(500, 4, 4);
}

static void five_nodes_survive_every_fault(void **state)
{
    (void)state;
    random_lives(1000, 5, 5);
}

static void one_node_survives_every_fault(void **state)
{
    (void)state;
    random_lives(300, 1, 1);
}

static void a_membership_that_changes_survives_every_fault(void **state)
{
    (void)state;
    random_lives(1500, 5, 3);
}

static void a_node_that_founds_alone_survives_every_fault(void **state)
{
    (void)state;
    random_lives(500, 4, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node_survives_every_fault),
        cmocka_unit_test(three_nodes_survive_every_fault),
        cmocka_unit_test(four_nodes_survive_every_fault),
        cmocka_unit_test(five_nodes_survive_every_fault),
        cmocka_unit_test(a_membership_that_changes_survives_every_fault),
        cmocka_unit_test(a_node_that_founds_alone_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
