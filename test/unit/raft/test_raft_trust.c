/* Replicas that lost what they had promised (src/raft/trust.c): no vote, and acknowledgements that
 * count for nothing, until they hold all that a confirmed leader had when it first heard them. */
#include "raft_solo.h"
#include "raft_world.h"

static void untrusted_reply(struct solo *solo, uint32_t from, uint64_t index, uint64_t round)
{
    solo_receive(solo, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                             .from = from,
                                             .term = raft_term(solo->raft),
                                             .granted = true,
                                             .untrusted = true,
                                             .index = index,
                                             .last_index = index,
                                             .round = round});
}

static struct solo leader_of_three(void)
{
    struct solo solo = solo_leading(3);
    return solo;
}

static void acknowledgements_of_an_untrusted_node_do_not_commit(void **state)
{
    (void)state;
    struct solo solo = leader_of_three();
    untrusted_reply(&solo, 3, 1, 1);
    assert_int_equal(raft_commit_index(solo.raft), 0);
    solo_ack(&solo, 3, 1, 1); /* once trusted, the same word counts */
    assert_int_equal(raft_commit_index(solo.raft), 1);
    solo_free(&solo);
}

static void a_leader_names_the_index_only_after_a_later_round_confirmed_it(void **state)
{
    (void)state;
    struct solo solo = leader_of_three();
    solo_ack(&solo, 2, 1, 1);
    solo_tick_deadline(&solo); /* round 2 */
    untrusted_reply(&solo, 3, 0, 1);
    solo_propose(&solo, "after the contact"); /* not part of what it must hold */
    solo_flush(&solo);
    solo_ack(&solo, 2, 1, 2);  /* a round that began before the contact proves nothing */
    solo_tick_deadline(&solo); /* round 3 */
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->trust_index, 0);
    untrusted_reply(&solo, 3, 0, 3); /* its own word is none */
    solo_tick_deadline(&solo);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->trust_index, 0);
    solo_ack(&solo, 2, 1, 3);
    solo_tick_deadline(&solo);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->trust_index, 1);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 2)->trust_index, 0);
    solo_free(&solo);
}

/* What was confirmed for one life of the peer says nothing about the next one. */
static void a_peer_that_comes_back_without_its_log_begins_anew(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        struct solo solo = leader_of_three();
        untrusted_reply(&solo, 3, 1, 1);
        solo_tick_deadline(&solo);
        solo_ack(&solo, 2, 1, 2);
        solo_tick_deadline(&solo);
        assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->trust_index, 1);
        if (lost) raft_peer_lost(solo.raft, 3);
        untrusted_reply(&solo, 3, 0, 3);
        solo_tick_deadline(&solo);
        assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->trust_index, 0);
        solo_ack(&solo, 2, 1, 4);
        solo_tick_deadline(&solo);
        assert_int_equal(solo_sent(&solo, RAFT_APPEND, 3)->trust_index, 1);
        solo_free(&solo);
    }
}

static struct solo untrusted_follower(void)
{
    struct solo solo = solo_make(3);
    solo.restored.trusted = false;
    solo_create(&solo);
    solo_start(&solo);
    return solo;
}

static void an_untrusted_node_neither_campaigns_nor_votes(void **state)
{
    (void)state;
    struct solo solo = untrusted_follower();
    assert_int_equal(raft_deadline_us(solo.raft), UINT64_MAX);
    solo_tick(&solo, 10 * SOLO_TIMEOUT_US);
    assert_int_equal(solo.output.messages_count, 0);
    for (int pre = 0; pre < 2; pre++) {
        enum raft_message_type type = pre ? RAFT_PRE_VOTE : RAFT_VOTE;
        enum raft_message_type answer = pre ? RAFT_PRE_VOTE_REPLY : RAFT_VOTE_REPLY;
        solo_receive(&solo, (struct raft_message){
                                .type = type, .from = 2, .term = 5, .index = 9, .index_term = 4});
        assert_false(solo_sent(&solo, answer, 2)->granted);
        assert_true(solo_sent(&solo, answer, 2)->untrusted);
    }
    assert_int_equal(raft_vote(solo.raft), 0);
    solo_free(&solo);
}

static void it_is_trusted_when_it_holds_durably_what_the_leader_named(void **state)
{
    (void)state;
    struct solo solo = untrusted_follower();
    solo.now.mono_us += 2 * SOLO_TIMEOUT_US; /* whom it may have voted for has lost, or won */
    struct raft_entry entries[2] = {{.index = 1, .term = 2, .kind = RAFT_KIND_CALLER},
                                    {.index = 2, .term = 2, .kind = RAFT_KIND_CALLER}};
    struct raft_message append = {.type = RAFT_APPEND,
                                  .from = 2,
                                  .term = 2,
                                  .round = 1,
                                  .trust_index = 2,
                                  .entries = entries,
                                  .entries_count = 1};
    solo_receive(&solo, append);
    solo_durable(&solo);
    assert_false(raft_trusted(solo.raft)); /* the first is not enough */
    append.entries_count = 2;
    solo_receive(&solo, append);
    assert_false(raft_trusted(solo.raft)); /* held, but not durable */
    solo_durable(&solo);
    assert_true(raft_trusted(solo.raft));
    assert_true(solo.output.hard_state && solo.output.trusted);
    assert_int_equal(solo.output.vote, 2); /* cast for that leader, in its term */
    const struct raft_message *reply = solo_sent(&solo, RAFT_APPEND_REPLY, 2);
    assert_false(reply->untrusted);
    assert_int_equal(reply->index, 2);
    assert_int_equal(reply->gate, solo.sequence); /* not before that is on disk */
    solo_free(&solo);
}

static void a_long_held_log_must_be_checked_with_the_leader_first(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo.restored.trusted = false;
    solo_create(&solo);
    for (uint64_t i = 1; i <= 4; i++) solo_restore(&solo, i, 1);
    solo_start(&solo);
    solo.now.mono_us += 2 * SOLO_TIMEOUT_US;
    struct raft_message append = {.type = RAFT_APPEND,
                                  .from = 2,
                                  .term = 2,
                                  .round = 1,
                                  .trust_index = 3,
                                  .index = 2,
                                  .index_term = 1};
    solo_receive(&solo, append);
    assert_false(raft_trusted(solo.raft)); /* 3 is there, and durable, and perhaps another's */
    append.index = 3;
    solo_receive(&solo, append);
    assert_true(raft_trusted(solo.raft));
    solo_free(&solo);
}

static void a_wiped_node_counts_for_nothing_within_one_maximum_timeout(void **state)
{
    (void)state;
    struct solo solo = untrusted_follower();
    struct raft_message append = {
        .type = RAFT_APPEND,
        .from = 2,
        .term = 2,
        .round = 1,
        .trust_index = 1,
        .entries_count = 1,
        .entries = &(struct raft_entry){.index = 1, .term = 2, .kind = RAFT_KIND_CALLER}};
    solo_receive(&solo, append);
    solo_durable(&solo);
    solo.now.mono_us += 2 * SOLO_TIMEOUT_US - 1;
    solo_receive(&solo, append);
    assert_false(raft_trusted(solo.raft));
    struct raft_message vote = {
        .type = RAFT_VOTE, .from = 3, .term = 3, .index = 1, .index_term = 2};
    solo_receive(&solo, vote);
    assert_int_equal(solo.output.messages_count, 0);
    solo.now.mono_us += 1;
    solo_receive(&solo, append);
    assert_true(raft_trusted(solo.raft));
    solo_durable(&solo);
    solo.now.mono_us += SOLO_TIMEOUT_US;
    solo_receive(&solo, vote);
    assert_true(solo_sent(&solo, RAFT_VOTE_REPLY, 3)->granted);
    solo_free(&solo);
}

/* The disaster that all this is for: an entry is on two of three disks, one of them is lost, and
 * the lost one and the third would make a majority that never saw the entry. */
static void a_wiped_disk_cannot_help_to_forget_an_entry(void **state)
{
    (void)state;
    struct world *world = world_make(3, 11);
    uint32_t leader = world_elect(world, 4 * WORLD_TIMEOUT_US);
    uint32_t wiped = leader % 3 + 1, behind = wiped % 3 + 1;
    world_run(world, WORLD_TIMEOUT_US);
    world_cut(world, behind, true);
    assert_true(world_propose(world, leader, 42));
    world_run(world, 5 * WORLD_MS);
    uint64_t committed = world->truth.count;
    assert_int_equal(committed, 3);
    world_crash(world, leader, 0);
    world_crash(world, wiped, 0);
    world_wipe(world, wiped);
    world_start(world, wiped);
    world_cut(world, behind, false);
    world_run(world, 20 * WORLD_TIMEOUT_US);
    assert_int_equal(world_leader(world), 0); /* no majority remembers */
    world_start(world, leader);
    assert_int_equal(world_elect(world, 8 * WORLD_TIMEOUT_US), leader);
    world_run(world, 4 * WORLD_TIMEOUT_US);
    assert_true(raft_trusted(world->nodes[wiped].raft));
    assert_int_equal(raft_vote(world->nodes[wiped].raft), leader);
    assert_true(world->nodes[wiped].applied > committed);
    world_crash(world, leader, 0); /* and now it counts again */
    assert_int_not_equal(world_elect(world, 8 * WORLD_TIMEOUT_US), 0);
    world_free(world);
}

/* The first VOTE under way to that node, taken off the network. */
static struct packet *take_vote(struct world *world, uint32_t to)
{
    struct packet *taken = NULL;
    struct packet_list kept = {0};
    while (world->packets.count > 0) {
        struct packet *packet = packets_pop(&world->packets);
        bool wanted =
            taken == NULL && packet->message.type == RAFT_VOTE && packet->message.to == to;
        if (wanted)
            taken = packet;
        else
            packets_push(&kept, packet);
    }
    free(world->packets.at);
    world->packets = kept;
    return taken;
}

/* One of five votes for a candidate, loses its disk, and helps the old leader to commit an entry;
 * then a vote that was long under way would make that candidate the leader, without the entry. */
static bool a_late_vote_comes(uint64_t seed)
{
    struct world *world = world_make(5, seed);
    uint32_t leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
    uint32_t candidate = leader % 5 + 1, wiped = candidate % 5 + 1, near = wiped % 5 + 1;
    uint32_t late = near % 5 + 1;
    world_run(world, WORLD_TIMEOUT_US);
    world_cut(world, candidate, true);
    world_cut(world, wiped, true);
    world->cut[candidate][wiped] = world->cut[wiped][candidate] = false;
    struct raft *raft = world->nodes[candidate].raft;
    uint64_t term = raft_term(raft) + 1;
    for (int tries = 0; raft_role(raft) != RAFT_PRE_CANDIDATE && tries < 100; tries++) {
        world_run(world, 10 * WORLD_MS);
    }
    world->cut[candidate][late] = false;
    /* A pre-vote that was given before it heard the leader again. */
    struct raft_message granted = {
        .type = RAFT_PRE_VOTE_REPLY, .from = near, .to = candidate, .term = term, .granted = true};
    raft_receive(raft, node_time(world, &world->nodes[candidate]), &granted);
    world_flush(world, candidate);
    uint64_t until_us = world->now_us + WORLD_TIMEOUT_US;
    struct packet *vote = NULL;
    while (world->nodes[wiped].disk.vote != candidate && world->now_us < until_us) {
        world_run(world, WORLD_MS / 2);
        if (vote == NULL) vote = take_vote(world, late);
    }
    world_run(world, 3 * WORLD_MS);
    bool asked = vote != NULL && raft_role(raft) == RAFT_CANDIDATE &&
                 world->nodes[wiped].disk.vote == candidate;
    world_crash(world, wiped, 0);
    world_wipe(world, wiped);
    world_start(world, wiped);
    world->cut[leader][wiped] = world->cut[wiped][leader] = false;
    world_run(world, 5 * WORLD_HEARTBEAT_US); /* time enough to confirm the leader */
    world->cut[leader][late] = true;
    world_propose(world, leader, 42);
    world_run(world, WORLD_TIMEOUT_US);
    if (vote != NULL) world_deliver(world, vote);
    if (vote != NULL) packet_free(vote);
    world->cut[late][candidate] = false;
    world_run(world, WORLD_TIMEOUT_US); /* check_leader() and check_applied() judge */
    bool came_to_pass = asked && world->leaders[term] == candidate;
    world_free(world);
    return came_to_pass;
}

static void a_vote_that_was_forgotten_and_one_that_was_late_lose_no_entry(void **state)
{
    (void)state;
    int came_to_pass = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) came_to_pass += a_late_vote_comes(seed);
    assert_true(came_to_pass > 0);
}

static void votes_that_come_after_the_timeout_elect_nobody(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_tick_deadline(&solo);
    solo_vote_reply(&solo, 2, RAFT_PRE_VOTE_REPLY, 2, true);
    solo_durable(&solo);
    assert_int_equal(raft_role(solo.raft), RAFT_CANDIDATE);
    solo.now.mono_us = raft_deadline_us(solo.raft);
    solo_vote_reply(&solo, 2, RAFT_VOTE_REPLY, 2, true);
    assert_int_not_equal(raft_role(solo.raft), RAFT_LEADER);
    solo_free(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledgements_of_an_untrusted_node_do_not_commit),
        cmocka_unit_test(a_leader_names_the_index_only_after_a_later_round_confirmed_it),
        cmocka_unit_test(a_peer_that_comes_back_without_its_log_begins_anew),
        cmocka_unit_test(an_untrusted_node_neither_campaigns_nor_votes),
        cmocka_unit_test(it_is_trusted_when_it_holds_durably_what_the_leader_named),
        cmocka_unit_test(a_long_held_log_must_be_checked_with_the_leader_first),
        cmocka_unit_test(a_wiped_node_counts_for_nothing_within_one_maximum_timeout),
        cmocka_unit_test(a_wiped_disk_cannot_help_to_forget_an_entry),
        cmocka_unit_test(a_vote_that_was_forgotten_and_one_that_was_late_lose_no_entry),
        cmocka_unit_test(votes_that_come_after_the_timeout_elect_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
