/* Heartbeats of many groups in one frame a peer: what that costs, and that it changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "groups_world.h"

/* --- the frame --- */

static uint64_t any_number(struct random *random)
{
    return random_next(random) >> random_below(random, 64);
}

static struct raft_message any_beat(struct random *random)
{
    bool reply = random_below(random, 2) == 0;
    struct raft_message message = {
        .type = reply ? RAFT_APPEND_REPLY : RAFT_APPEND,
        .term = any_number(random),
        .index = any_number(random),
        .round = any_number(random),
        .untrusted = random_below(random, 2) == 0,
        .granted = random_below(random, 2) == 0,
        .waiting = random_below(random, 2) == 0,
    };
    message.index_term = random_below(random, 2) == 0 ? message.term : any_number(random);
    uint64_t second = random_below(random, 2) == 0 ? message.index : any_number(random);
    *(reply ? &message.last_index : &message.commit) = second;
    if (!reply && random_below(random, 2) == 0) message.trust_index = any_number(random);
    return message;
}

static void assert_same(const struct raft_message *a, const struct raft_message *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(a->term == b->term && a->index == b->index && a->index_term == b->index_term);
    assert_true(a->untrusted == b->untrusted && a->granted == b->granted);
    assert_true(a->waiting == b->waiting && a->round == b->round && a->commit == b->commit);
    assert_true(a->trust_index == b->trust_index && a->last_index == b->last_index);
    assert_int_equal(b->entries_count, 0);
}

static void beats_survive_and_their_truncations_do_not(void **state)
{
    (void)state;
    struct random random = random_seeded(3);
    for (int i = 0; i < 20000; i++) {
        struct buffer bytes = {0};
        struct raft_message sent = any_beat(&random);
        uint16_t group = (uint16_t)random_below(&random, PEER_GROUP_NODE);
        peer_beat_encode(group, &sent, &bytes);
        for (size_t size = 0; size <= bytes.size; size++) {
            struct raft_message got;
            uint16_t got_group;
            struct reader reader = reader_of(slice_of(buffer_slice(&bytes).data, size));
            bool good = peer_beat_decode(&reader, &got_group, &got);
            assert_int_equal(good, size == bytes.size);
            if (!good) continue;
            assert_int_equal(got_group, group);
            assert_int_equal(reader.bytes.size, 0);
            assert_same(&sent, &got);
        }
        buffer_free(&bytes);
    }
}

static void beats_that_say_nonsense_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\x00\xb0\x01\x01\x01", 5},         /* a flag that means nothing */
        {"\x00\x78\x01\x01\x01\x01", 6},     /* a reply that gives a trust_index */
        {"\xff\xff\x03\x30\x01\x01\x01", 7}, /* group 65535: frames about the node */
        {"\x80\x80\x04\x30\x01\x01\x01", 7}, /* group 65536 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reader reader = reader_of(slice_of(bad[i].bytes, bad[i].size));
        struct raft_message message;
        uint16_t group;
        assert_false(peer_beat_decode(&reader, &group, &message));
    }
}

/* --- the cost --- */

enum { INTERVALS = 20 };

static void beats_of_a_thousand_quiet_groups_take_one_frame_a_peer(void **state)
{
    (void)state;
    struct groups_world *world = groups_new(GROUPS_MAX, 1, false);
    groups_run(world, 3 * GROUPS_TIMEOUT_US);
    uint64_t led[GROUPS_NODES + 1] = {0};
    for (uint32_t i = 0; i < GROUPS_MAX; i++) led[groups_leader(world, i)]++;
    assert_int_equal(led[0], 0);
    groups_count(world);
    groups_run(world, INTERVALS * GROUPS_HEARTBEAT_US);
    uint64_t bytes = 0;
    for (uint32_t from = 1; from <= GROUPS_NODES; from++) {
        for (uint32_t to = 1; to <= GROUPS_NODES; to++) {
            if (from == to) continue;
            const struct groups_link *link = &world->links[from][to];
            assert_true(led[from] > 0); /* so each pair has beats and replies both ways */
            assert_int_equal(link->beats_frames, 2 * INTERVALS);
            assert_int_equal(link->other_frames, 0);
            uint64_t beats = (led[from] + led[to]) * INTERVALS;
            assert_true(link->beats_bytes <= 8 * beats + 2 * INTERVALS * PEER_FRAME_HEADER_SIZE);
            bytes += link->beats_bytes;
        }
    }
    /* Measured, not judged: machines differ. */
    uint64_t pairs = GROUPS_NODES * (GROUPS_NODES - 1);
    print_message("%u quiet groups on %u nodes: a node sends each peer 2 frames and %llu bytes an "
                  "interval, and works %.3f ms for all\n",
                  GROUPS_MAX, GROUPS_NODES, (unsigned long long)(bytes / pairs / INTERVALS),
                  (double)world->work_ns / 1e6 / GROUPS_NODES / INTERVALS);
    groups_free(world);
}

/* --- nothing else changes --- */

static uint64_t replica_state(const struct groups_world *world, uint32_t node, uint32_t group)
{
    const struct group_replica *replica = &world->replicas[node][group];
    const struct raft *raft = replica->raft;
    uint64_t index = 0;
    bool lease = raft_lease_index(raft, groups_time(world, node), &index);
    uint64_t hash = random_mix((uint64_t)raft_role(raft) << 32 | raft_leader(raft));
    hash = random_mix(hash ^ raft_term(raft));
    hash = random_mix(hash ^ raft_commit_index(raft) << 32 ^ raft_last_index(raft));
    hash = random_mix(hash ^ replica->reads_confirmed);
    return random_mix(hash ^ index << 1 ^ lease);
}

/* The same to both. */
static void disturb(struct groups_world *world, const struct random *seeded)
{
    struct random random = *seeded;
    uint32_t node = 1 + (uint32_t)random_below(&random, GROUPS_NODES);
    uint32_t group = (uint32_t)random_below(&random, world->groups);
    struct group_replica *replica = &world->replicas[node][group];
    struct raft_time now = groups_time(world, node);
    uint64_t index;
    replica->touched = true;
    switch (random_below(&random, 8)) {
    case 0: groups_cut_off(world, node, random_below(&random, 2) == 0); break;
    case 1: world->links[node][1 + node % GROUPS_NODES].cut ^= true; break;
    case 2: raft_set_waiting(replica->raft, random_below(&random, 2) == 0); break;
    case 3: (void)raft_read(replica->raft, now); break;
    case 4: (void)raft_transfer(replica->raft, now, 1 + node % GROUPS_NODES); break;
    default:
        (void)raft_propose(replica->raft, now, RAFT_KIND_CALLER, 1, slice_text("x"), &index);
        break;
    }
}

static void groups_go_the_way_they_go_with_a_frame_for_each_beat(void **state)
{
    (void)state;
    enum { GROUPS = 7, STEPS = 20000 };
    uint64_t commits = 0, terms = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct groups_world *world = groups_new(GROUPS, seed, false);
        struct groups_world *plain = groups_new(GROUPS, seed, true);
        struct random random = random_seeded(seed);
        for (uint32_t step = 0; step < STEPS; step++) {
            (void)random_next(&random);
            uint64_t calm = step % 4000 < 2000 ? 30 : 600;
            if (random_below(&random, calm) == 0) {
                disturb(world, &random);
                disturb(plain, &random);
            }
            groups_step(world);
            groups_step(plain);
            for (uint32_t node = 1; node <= GROUPS_NODES; node++) {
                for (uint32_t group = 0; group < GROUPS; group++) {
                    if (replica_state(world, node, group) == replica_state(plain, node, group))
                        continue;
                    fail_msg("seed %u step %u: node %u, group %u", (unsigned)seed, step, node,
                             group);
                }
            }
        }
        for (uint32_t group = 0; group < GROUPS; group++) {
            commits += raft_commit_index(world->replicas[1][group].raft);
            terms += raft_term(world->replicas[1][group].raft);
        }
        groups_free(world);
        groups_free(plain);
    }
    assert_true(terms > 10 * GROUPS * 3 && commits > terms);
}

/* "When commit advances, a follower with clients waiting is told at once." */
static void a_commit_is_told_at_once_to_who_waits(void **state)
{
    (void)state;
    enum { GROUPS = 50, TRIPS = 4 }; /* the entry, its ack, the news; and the step they began in */
    struct groups_world *world = groups_new(GROUPS, 2, false);
    groups_run(world, 3 * GROUPS_TIMEOUT_US);
    uint32_t leader = groups_leader(world, 0);
    uint32_t follower = 1 + leader % GROUPS_NODES;
    struct raft *waits = world->replicas[follower][0].raft;
    struct raft_time now = groups_time(world, leader);
    raft_set_waiting(waits, true);
    groups_run(world, 2 * GROUPS_HEARTBEAT_US);
    uint64_t index = 0;
    world->replicas[leader][0].touched = true;
    assert_int_equal(raft_propose(world->replicas[leader][0].raft, now, RAFT_KIND_CALLER, 1,
                                  slice_text("x"), &index),
                     RAFT_PROPOSE_OK);
    groups_run(world, TRIPS * GROUPS_STEP_US);
    assert_int_equal(raft_commit_index(waits), index);
    uint32_t other = 1 + follower % GROUPS_NODES;
    if (other == leader) other = 1 + other % GROUPS_NODES;
    assert_int_equal(raft_commit_index(world->replicas[other][0].raft), index - 1);
    groups_run(world, GROUPS_HEARTBEAT_US); /* who does not wait hears it with the beat */
    assert_int_equal(raft_commit_index(world->replicas[other][0].raft), index);
    groups_free(world);
}

/* Reads of all groups on a follower: confirmed in two trips, by rounds that share frames. */
static void reads_of_many_groups_share_frames(void **state)
{
    (void)state;
    enum { GROUPS = 300 };
    struct groups_world *world = groups_new(GROUPS, 3, false);
    groups_run(world, 3 * GROUPS_TIMEOUT_US);
    uint64_t tickets[GROUPS];
    groups_count(world);
    for (uint32_t i = 0; i < GROUPS; i++) {
        tickets[i] = raft_read(world->replicas[1][i].raft, groups_time(world, 1));
        world->replicas[1][i].touched = true;
    }
    groups_run(world, 5 * GROUPS_STEP_US); /* asked, a round there and back, told */
    for (uint32_t i = 0; i < GROUPS; i++) {
        assert_true(world->replicas[1][i].reads_confirmed >= tickets[i]);
    }
    for (uint32_t from = 1; from <= GROUPS_NODES; from++) {
        for (uint32_t to = 1; to <= GROUPS_NODES; to++) {
            /* One step's rounds and their replies, those of an interval that may fall among them,
             * and their replies. */
            assert_true(world->links[from][to].beats_frames <= 6);
        }
    }
    groups_free(world);
}

/* Leases run on as long as beats are answered and end when they are not; check-quorum ends the
 * leader; the others go on. */
static void leases_and_leaders_end_when_beats_do(void **state)
{
    (void)state;
    enum { GROUPS = 60 };
    struct groups_world *world = groups_new(GROUPS, 4, false);
    groups_run(world, 3 * GROUPS_TIMEOUT_US);
    uint32_t leaders[GROUPS];
    uint64_t index;
    for (uint32_t i = 0; i < GROUPS; i++) leaders[i] = groups_leader(world, i);
    for (int quiet = 0; quiet < 10000; quiet++) {
        groups_step(world);
        for (uint32_t i = 0; i < GROUPS; i++) {
            const struct raft *raft = world->replicas[leaders[i]][i].raft;
            if (!raft_lease_index(raft, groups_time(world, leaders[i]), &index)) {
                fail_msg("group %u holds no lease at %d ms", i, quiet);
            }
        }
    }
    groups_cut_off(world, 1, true);
    groups_run(world, GROUPS_TIMEOUT_US);
    for (uint32_t i = 0; i < GROUPS; i++) {
        bool held = raft_lease_index(world->replicas[leaders[i]][i].raft,
                                     groups_time(world, leaders[i]), &index);
        assert_int_equal(held, leaders[i] != 1);
    }
    groups_run(world, GROUPS_HEARTBEAT_US);
    for (uint32_t i = 0; i < GROUPS; i++) {
        assert_int_not_equal(raft_role(world->replicas[1][i].raft), RAFT_LEADER);
    }
    groups_run(world, 4 * GROUPS_TIMEOUT_US);
    for (uint32_t i = 0; i < GROUPS; i++) {
        uint32_t leads = raft_leader(world->replicas[2][i].raft);
        assert_true(leads == (leaders[i] == 1 ? leads : leaders[i]));
        assert_true(leads == 2 || leads == 3);
    }
    groups_cut_off(world, 1, false);
    groups_run(world, 2 * GROUPS_TIMEOUT_US);
    for (uint32_t i = 0; i < GROUPS; i++) assert_int_not_equal(groups_leader(world, i), 0);
    groups_free(world);
}

/* A frame may be lost: with it go the beats of all groups, and the next one makes up for it. */
static void a_lost_frame_costs_no_leader(void **state)
{
    (void)state;
    enum { GROUPS = 100 };
    struct groups_world *world = groups_new(GROUPS, 5, false);
    groups_run(world, 3 * GROUPS_TIMEOUT_US);
    uint64_t terms = 0, terms_after = 0;
    for (uint32_t i = 0; i < GROUPS; i++) terms += raft_term(world->replicas[1][i].raft);
    for (int round = 0; round < 50; round++) {
        uint32_t from = 1 + (uint32_t)round % GROUPS_NODES;
        struct groups_link *link = &world->links[from][1 + from % GROUPS_NODES];
        link->cut = true;
        groups_run(world, 3 * GROUPS_HEARTBEAT_US);
        link->cut = false;
        groups_run(world, 2 * GROUPS_HEARTBEAT_US);
    }
    for (uint32_t i = 0; i < GROUPS; i++) terms_after += raft_term(world->replicas[1][i].raft);
    assert_int_equal(terms, terms_after);
    groups_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_survive_and_their_truncations_do_not),
        cmocka_unit_test(beats_that_say_nonsense_are_refused),
        cmocka_unit_test(beats_of_a_thousand_quiet_groups_take_one_frame_a_peer),
        cmocka_unit_test(groups_go_the_way_they_go_with_a_frame_for_each_beat),
        cmocka_unit_test(a_commit_is_told_at_once_to_who_waits),
        cmocka_unit_test(reads_of_many_groups_share_frames),
        cmocka_unit_test(leases_and_leaders_end_when_beats_do),
        cmocka_unit_test(a_lost_frame_costs_no_leader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
