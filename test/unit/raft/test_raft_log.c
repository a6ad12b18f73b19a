/* The log: replication and repair (section 5.3), the commit rule (5.4.2), durability by sequence,
 * and messages that nobody honest sends. */
#include "raft_solo.h"
#include "raft_world.h"

/* --- durability --- */

static void entries_are_acknowledged_only_when_durable(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 2, 2, 0, 0, 0, 0, 0);
    solo_durable(&solo);
    solo_append(&solo, 2, 2, 0, 0, 3, 2, 0);
    assert_int_equal(solo.output.persist_first, 1);
    assert_int_equal(solo.output.persist_last, 3);
    assert_null(solo_sent(&solo, RAFT_APPEND_REPLY, 2));
    solo_receive(&solo, (struct raft_message){
                            .type = RAFT_APPEND, .from = 2, .term = 2, .round = 2, .commit = 2});
    const struct raft_message *reply = solo_sent(&solo, RAFT_APPEND_REPLY, 2);
    assert_int_equal(reply->index, 0); /* a heartbeat is answered at once, behind no write */
    assert_int_equal(reply->gate, 0);
    assert_int_equal(reply->last_index, 3);
    assert_int_equal(reply->round, 2);
    solo_durable(&solo);
    reply = solo_sent(&solo, RAFT_APPEND_REPLY, 2);
    assert_true(reply->granted);
    assert_int_equal(reply->index, 3);
    solo_append(&solo, 2, 2, 0, 0, 3, 2, 0); /* a duplicate */
    assert_int_equal(solo_sent(&solo, RAFT_APPEND_REPLY, 2)->index, 3);
    assert_int_equal(solo.output.persist_first, 0);
    solo_free(&solo);
}

/* Entry 2 of term 2 is being written when entry 2 of term 3 replaces it: the end of the first
 * write must not pass for the end of the second. */
static void a_replaced_entry_is_not_taken_for_its_successor(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 2, 2, 0, 0, 2, 2, 0);
    uint64_t first = solo.sequence;
    solo_append(&solo, 3, 3, 1, 2, 2, 3, 0);
    assert_int_equal(solo.output.persist_first, 2);
    assert_int_equal(solo.output.persist_last, 3);
    uint64_t second = solo.sequence;
    raft_durable(solo.raft, solo.now, first);
    solo_flush(&solo);
    assert_int_equal(raft_durable_index(solo.raft), 1);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND_REPLY, 3)->index, 1);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND_REPLY, 3)->gate, second); /* term 3 is not */
    raft_durable(solo.raft, solo.now, second);
    solo_flush(&solo);
    assert_int_equal(raft_durable_index(solo.raft), 3);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND_REPLY, 3)->index, 3);
    solo_free(&solo);
}

static void only_what_was_checked_with_this_leader_is_acknowledged(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    for (uint64_t i = 1; i <= 5; i++) solo_restore(&solo, i, 2);
    solo_start(&solo);
    solo_append(&solo, 2, 3, 2, 2, 0, 0, 9);
    const struct raft_message *reply = solo_sent(&solo, RAFT_APPEND_REPLY, 2);
    assert_true(reply->granted);
    assert_int_equal(reply->index, 2); /* 3 to 5 may differ */
    assert_int_equal(raft_commit_index(solo.raft), 2);
    solo_free(&solo);
}

/* --- the commit rule --- */

static void the_leaders_own_log_counts_only_when_durable(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    solo_ack(&solo, 2, 1, 1);
    assert_int_equal(raft_commit_index(solo.raft), 0);
    solo_durable(&solo);
    assert_int_equal(raft_commit_index(solo.raft), 1);
    solo_propose(&solo, "x");
    solo_flush(&solo);
    solo_ack(&solo, 2, 2, 1);
    assert_int_equal(raft_commit_index(solo.raft), 1);
    solo_ack(&solo, 3, 2, 1); /* a majority without us */
    assert_int_equal(raft_commit_index(solo.raft), 2);
    solo_free(&solo);
}

/* Figure 8: S1 leads term 4, and its entry 2 of term 2 gets to a majority. "A log entry from the
 * current term must be stored on a majority" first. */
static void figure_8_an_entry_of_an_earlier_term_is_not_committed_by_counting(void **state)
{
    (void)state;
    struct solo solo = solo_make(5);
    solo.restored.term = 3;
    solo_create(&solo);
    solo_restore(&solo, 1, 1);
    solo_restore(&solo, 2, 2);
    solo_start(&solo);
    solo_lead(&solo);
    solo_durable(&solo);
    assert_int_equal(raft_term_at(solo.raft, 3), 4);
    solo_ack(&solo, 2, 2, 1);
    solo_ack(&solo, 3, 2, 1);
    solo_ack(&solo, 4, 2, 1);
    assert_int_equal(raft_commit_index(solo.raft), 0);
    assert_false(raft_settled(solo.raft));
    solo_ack(&solo, 2, 3, 1);
    assert_int_equal(raft_commit_index(solo.raft), 0);
    solo_ack(&solo, 3, 3, 1);
    assert_int_equal(raft_commit_index(solo.raft), 3); /* and all before it */
    assert_true(raft_settled(solo.raft));
    solo_free(&solo);
}

static void replies_of_an_earlier_term_do_not_count(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_restore(&solo, 1, 1);
    solo_start(&solo);
    solo_lead(&solo);
    solo_durable(&solo);
    solo_receive(&solo, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                              .from = 2,
                                              .term = 1,
                                              .granted = true,
                                              .index = 2,
                                              .last_index = 2});
    assert_int_equal(raft_commit_index(solo.raft), 0);
    solo_free(&solo);
}

/* --- replication --- */

static void proposals_of_one_step_leave_in_one_message(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    solo_ack(&solo, 2, 1, 1);
    solo_ack(&solo, 3, 1, 1);
    for (int i = 0; i < 5; i++) assert_int_equal(solo_propose(&solo, "12345678"), RAFT_PROPOSE_OK);
    solo_flush(&solo);
    assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 2);
    const struct raft_message *append = solo_sent(&solo, RAFT_APPEND, 3);
    assert_int_equal(append->index, 1);
    assert_int_equal(append->index_term, 2);
    assert_int_equal(append->entries_count, 5);
    assert_int_equal(append->gate, 0); /* while we write them ourselves */
    solo_free(&solo);
}

static void a_window_bounds_what_is_under_way_and_a_loss_is_noticed(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    solo_ack(&solo, 2, 1, 1);
    char large[101] = "";
    memset(large, 'x', 100); /* append_bytes_max: one entry to a message */
    for (int i = 0; i < 5; i++) solo_propose(&solo, large);
    solo_flush(&solo);
    assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 3 + 0); /* to 2; 3 is being probed */
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 2)->index, 3);
    solo_propose(&solo, large);
    solo_flush(&solo);
    assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 0);
    solo_ack(&solo, 2, 2, 1); /* one arrived: one more */
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 2)->index, 4);
    assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 1);
    solo_tick_deadline(&solo); /* the rest is lost, the next round tells */
    const struct raft_message *heartbeat = solo_sent(&solo, RAFT_APPEND, 2);
    assert_int_equal(heartbeat->entries_count, 0);
    assert_int_equal(heartbeat->index, 2);
    solo_ack(&solo, 2, 2, heartbeat->round);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 2)->index, 2);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 2)->entries_count, 1);
    solo_ack(&solo, 2, 7, heartbeat->round); /* it was only late */
    assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 0);
    raft_peer_lost(solo.raft, 2);
    solo_propose(&solo, large);
    solo_flush(&solo);
    assert_null(solo_sent(&solo, RAFT_APPEND, 2)); /* heartbeats find out when it is back */
    solo_tick_deadline(&solo);
    solo_ack(&solo, 2, 7, solo_sent(&solo, RAFT_APPEND, 2)->round);
    assert_int_equal(solo_sent(&solo, RAFT_APPEND, 2)->index, 7);
    solo_free(&solo);
}

static void a_leader_refuses_what_exceeds_the_uncommitted_limit(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo.config.uncommitted_bytes_max = 1000;
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    int accepted = 0;
    while (solo_propose(&solo, "0123456789") == RAFT_PROPOSE_OK) accepted++;
    assert_in_range(accepted, 3, 20);
    solo_flush(&solo);
    assert_int_equal(solo_propose(&solo, "x"), RAFT_PROPOSE_BUSY);
    solo_durable(&solo);
    solo_ack(&solo, 2, raft_last_index(solo.raft), 1);
    uint64_t index;
    static char huge[5000];
    assert_int_equal(
        raft_propose(solo.raft, solo.now, RAFT_KIND_CALLER, 1, slice_of(huge, sizeof huge), &index),
        RAFT_PROPOSE_OK); /* alone, any entry passes */
    assert_int_equal(solo_propose(&solo, "x"), RAFT_PROPOSE_BUSY);
    solo_free(&solo);
}

static void who_waits_is_told_of_the_commit_at_once(void **state)
{
    (void)state;
    struct solo solo = solo_leading(3);
    solo_ack(&solo, 2, 1, 1);
    solo_ack(&solo, 3, 1, 1);
    solo_propose(&solo, "x");
    solo_flush(&solo);
    solo_durable(&solo);
    struct raft_message ack = {.type = RAFT_APPEND_REPLY,
                               .from = 2,
                               .term = 2,
                               .granted = true,
                               .index = 2,
                               .last_index = 2,
                               .round = 1,
                               .waiting = true};
    solo_receive(&solo, ack);
    assert_int_equal(raft_commit_index(solo.raft), 2);
    assert_int_equal(solo_sent_count(&solo, RAFT_APPEND), 1); /* not to 3, who does not wait */
    const struct raft_message *told = solo_sent(&solo, RAFT_APPEND, 2);
    assert_int_equal(told->entries_count, 0);
    assert_int_equal(told->commit, 2);
    solo_receive(&solo, ack); /* once */
    assert_int_equal(solo.output.messages_count, 0);
    solo_free(&solo);
}

static void a_follower_says_once_a_round_what_did_not_change(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    raft_set_waiting(solo.raft, true);
    solo_append(&solo, 2, 2, 0, 0, 0, 0, 0);
    assert_true(solo_sent(&solo, RAFT_APPEND_REPLY, 2)->waiting);
    solo_append(&solo, 2, 2, 0, 0, 0, 0, 0);
    assert_int_equal(solo.output.messages_count, 0);
    raft_set_waiting(solo.raft, false);
    solo_append(&solo, 2, 2, 0, 0, 0, 0, 0);
    assert_false(solo_sent(&solo, RAFT_APPEND_REPLY, 2)->waiting);
    solo_free(&solo);
}

static uint64_t refusals;

static void count_refusals(struct world *world, const struct raft_message *message)
{
    (void)world;
    refusals += message->type == RAFT_APPEND_REPLY && !message->granted;
}

/* Section 5.3: "one AppendEntries RPC will be required for each term with conflicting entries,
 * rather than one RPC per entry". */
static void a_conflict_is_backed_up_by_terms_not_by_entries(void **state)
{
    (void)state;
    struct world *world = world_make(5, 5);
    uint32_t leader = world_elect(world, 4 * WORLD_TIMEOUT_US);
    uint32_t stale = 0;
    for (int term = 0; term < 3; term++) {
        /* Writes of a leader that is cut off go nowhere; then another leads. */
        stale = leader;
        world_cut(world, stale, true);
        for (uint64_t i = 0; i < 200; i++) world_propose(world, stale, 1000 * (term + 1) + i);
        world_run(world, 3 * WORLD_TIMEOUT_US);
        leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
        assert_int_not_equal(leader, stale);
        for (uint64_t i = 0; i < 50; i++) world_propose(world, leader, i);
        world_run(world, 3 * WORLD_TIMEOUT_US);
        /* And yet another, which begins to probe at its own end. */
        raft_set_mute(world->nodes[leader].raft, world_time(world), true);
        world_run(world, 4 * WORLD_TIMEOUT_US);
        raft_set_mute(world->nodes[leader].raft, world_time(world), false);
        refusals = 0;
        world->observe = count_refusals;
        world_cut(world, stale, false);
        world_run(world, 3 * WORLD_TIMEOUT_US);
        assert_int_equal(world->nodes[stale].applied, world->truth.count);
        assert_in_range(refusals, 1, 4);
        world->observe = NULL;
        leader = world_elect(world, 8 * WORLD_TIMEOUT_US);
    }
    world_free(world);
}

/* --- nonsense --- */

/* What no honest peer sends is dropped as a whole: not answered, and nothing of it kept. */
static void a_malformed_append_is_dropped(void **state)
{
    (void)state;
    static struct raft_entry many[RAFT_MESSAGE_ENTRIES_MAX + 1];
    for (uint32_t i = 0; i <= RAFT_MESSAGE_ENTRIES_MAX; i++) {
        many[i] = (struct raft_entry){.index = 1 + i, .term = 2, .kind = RAFT_KIND_CALLER};
    }
    static const uint8_t byte;
    struct raft_entry no_term = {.index = 1, .term = 0, .kind = RAFT_KIND_CALLER};
    struct raft_entry huge = many[0], no_members = many[0];
    huge.data = slice_of(&byte, RAFT_ENTRY_SIZE_MAX + 1);
    no_members.kind = RAFT_KIND_MEMBERS;
    struct raft_message good = {
        .type = RAFT_APPEND, .from = 2, .term = 2, .round = 1, .entries = many, .entries_count = 1};
    struct raft_message bad[] = {good, good, good, good, good, good};
    bad[0].entries_count = RAFT_MESSAGE_ENTRIES_MAX + 1;
    bad[1].entries = NULL;
    bad[2].entries = &no_term;
    bad[3].entries = &huge;
    bad[4].entries = &no_members;
    bad[5].index = UINT64_MAX - 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct solo solo = solo_make(3);
        solo_create(&solo);
        solo_start(&solo);
        solo_receive(&solo, bad[i]);
        assert_int_equal(solo.output.messages_count, 0);
        assert_int_equal(raft_term(solo.raft), 1);
        assert_int_equal(raft_last_index(solo.raft), 0);
        solo_receive(&solo, good);
        assert_int_equal(raft_last_index(solo.raft), 1);
        solo_free(&solo);
    }
}

static void no_message_breaks_a_replica(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct random random = random_seeded(seed);
        struct solo solo = solo_make(3);
        solo.restored.snapshot_index = 3;
        solo.restored.snapshot_term = 2;
        solo_create(&solo);
        for (uint64_t i = 4; i <= 8; i++) solo_restore(&solo, i, 2);
        solo_start(&solo);
        if (seed % 2) solo_lead(&solo);
        for (int step = 0; step < 40; step++) {
            struct raft_entry entries[8];
            struct raft_message message = {
                .type = (enum raft_message_type)random_below(&random, RAFT_MESSAGE_TYPES + 2),
                .from = (uint32_t)random_below(&random, 5),
                .term =
                    random_below(&random, 8) == 0 ? random_next(&random) : random_below(&random, 6),
                .untrusted = random_below(&random, 4) == 0,
                .granted = random_below(&random, 2) == 0,
                .index = random_below(&random, 8) == 0 ? random_next(&random)
                                                       : random_below(&random, 12),
                .commit = 0, /* what is committed may not be contradicted: that would stop us */
                .round = random_below(&random, 4),
                .trust_index = random_below(&random, 12),
                .last_index = random_below(&random, 12),
                .waiting = random_below(&random, 2) == 0,
                .entries = entries,
                .entries_count = (uint32_t)random_below(&random, 8),
            };
            message.index_term = random_below(&random, 4);
            for (uint32_t i = 0; i < message.entries_count; i++) {
                entries[i] = (struct raft_entry){.index = message.index + 1 + i,
                                                 .term = 1 + random_below(&random, 4),
                                                 .kind = (uint8_t)random_below(&random, 18)};
                if (random_below(&random, 16) == 0) entries[i].index++;
            }
            /* At our snapshot's end a leader that disagrees would stop us, rightly. */
            if (message.index == 3) message.index_term = 2;
            message.to = random_below(&random, 8) == 0 ? 3 : 1;
            raft_receive(solo.raft, solo.now, &message);
            solo_flush(&solo);
            if (raft_commit_index(solo.raft) != 3) break; /* granted replies can commit */
            if (random_below(&random, 4) == 0) solo_tick(&solo, random_below(&random, 50000));
            if (random_below(&random, 4) == 0) solo_durable(&solo);
            assert_true(raft_last_index(solo.raft) >= 3);
        }
        solo_free(&solo);
    }
}

static void a_commit_index_beyond_the_log_is_clamped(void **state)
{
    (void)state;
    struct solo solo = solo_make(3);
    solo_create(&solo);
    solo_start(&solo);
    solo_append(&solo, 2, 2, 0, 0, 2, 2, UINT64_MAX);
    assert_int_equal(raft_commit_index(solo.raft), 2);
    solo_append(&solo, 2, 2, UINT64_MAX, 2, 2, 2, UINT64_MAX); /* indexes that overflow */
    solo_append(&solo, 2, UINT64_MAX, 2, 2, 1, 2, 2);          /* a term that nobody reaches */
    assert_int_equal(raft_term(solo.raft), 2);
    assert_int_equal(raft_last_index(solo.raft), 2);
    solo_append(&solo, 3, 2, 2, 2, 1, 2, 2); /* a second leader of the term */
    assert_int_equal(raft_last_index(solo.raft), 2);
    assert_int_equal(raft_leader(solo.raft), 2);
    solo_free(&solo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_acknowledged_only_when_durable),
        cmocka_unit_test(a_replaced_entry_is_not_taken_for_its_successor),
        cmocka_unit_test(only_what_was_checked_with_this_leader_is_acknowledged),
        cmocka_unit_test(the_leaders_own_log_counts_only_when_durable),
        cmocka_unit_test(figure_8_an_entry_of_an_earlier_term_is_not_committed_by_counting),
        cmocka_unit_test(replies_of_an_earlier_term_do_not_count),
        cmocka_unit_test(proposals_of_one_step_leave_in_one_message),
        cmocka_unit_test(a_window_bounds_what_is_under_way_and_a_loss_is_noticed),
        cmocka_unit_test(a_leader_refuses_what_exceeds_the_uncommitted_limit),
        cmocka_unit_test(who_waits_is_told_of_the_commit_at_once),
        cmocka_unit_test(a_follower_says_once_a_round_what_did_not_change),
        cmocka_unit_test(a_conflict_is_backed_up_by_terms_not_by_entries),
        cmocka_unit_test(a_malformed_append_is_dropped),
        cmocka_unit_test(no_message_breaks_a_replica),
        cmocka_unit_test(a_commit_index_beyond_the_log_is_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
