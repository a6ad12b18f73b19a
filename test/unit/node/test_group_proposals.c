/* A node's own proposals, played by hand: what is sent to whom, again to whom, refused, given up,
 * and begun anew (node/group/proposals.c, accept.c). */
#include "group_solo.h"

static struct group_solo solo;

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    return 0;
}

static void propose(uint32_t connection, const char *text)
{
    group_propose(solo.group, connection, slice_text(text));
}

/* A follower of 2 in term 2, whose link takes what is forwarded. */
static void follow(void)
{
    group_solo_begin(&solo, 3);
    group_solo_follow(&solo, 2, 0, 0, 1, 1);
    solo.reach.leader_room = 1 << 20;
    group_solo_forget(&solo);
}

static uint64_t last_index(void)
{
    return raft_last_index(group_raft(solo.group));
}

/* The batch as the leader of this term has it in its log, behind all there is, and committed. */
static void applied(uint64_t term, uint64_t incarnation, uint64_t first, const char *const *texts,
                    uint32_t count)
{
    struct buffer batch = {0};
    struct commands_header header = {
        .origin = 1, .incarnation = incarnation, .first = first, .count = count};
    commands_header_store(buffer_reserve(&batch, COMMANDS_HEADER_SIZE), &header);
    buffer_grew(&batch, COMMANDS_HEADER_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        struct command command = {COMMAND_MACHINE, 5 + i, slice_text(texts[i])};
        command_append(&batch, &command);
    }
    uint64_t last = last_index();
    uint64_t last_term = last == 0 ? 0 : raft_entry_at(group_raft(solo.group), last)->term;
    group_solo_follow_batch(&solo, term, last, last_term, buffer_slice(&batch));
    buffer_free(&batch);
}

/* --- as the leader --- */

static void test_alone_it_is_answered_once_durable(void **state)
{
    (void)state;
    group_solo_begin(&solo, 1);
    group_solo_lead(&solo);
    propose(5, "pa");
    propose(6, "pb");
    assert_false(group_idle(solo.group));
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    group_solo_durable(&solo);
    group_solo_said(&solo, "answer 5 pa\nanswer 6 pb\n");
    assert_true(group_idle(solo.group));
    assert_int_equal(group_proposal_bytes(solo.group), 0);
    assert_int_equal(last_index(), 2);
}

static void test_a_leader_answers_once_a_majority_holds_it(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    propose(5, "pa");
    group_solo_turn(&solo);
    group_solo_durable(&solo);
    group_solo_said(&solo, "");
    group_solo_ack(&solo, 3, 2, 0);
    group_solo_said(&solo, "answer 5 pa\n");
}

static void test_much_is_cut_into_several_entries(void **state)
{
    (void)state;
    static char text[30000];
    memset(text, 'p', sizeof text - 1);
    group_solo_begin(&solo, 1);
    group_solo_lead(&solo);
    uint64_t before = last_index();
    for (int i = 0; i < 10; i++) propose(5, text);
    assert_true(group_proposal_bytes(solo.group) >= 10 * strlen(text));
    assert_false(group_full(solo.group));
    group_solo_commit(&solo);
    assert_int_equal(last_index(), before + 3);
    assert_int_equal(group_proposal_bytes(solo.group), 0);
}

static void test_it_says_when_it_is_full(void **state)
{
    (void)state;
    static char text[1 << 20];
    memset(text, 'p', sizeof text - 1);
    group_solo_begin(&solo, 3);
    for (int i = 0; i < 63; i++) propose(5, text);
    assert_false(group_full(solo.group));
    for (int i = 0; i < 2; i++) propose(5, text);
    assert_true(group_full(solo.group));
}

/* --- through another leader --- */

static void test_a_follower_forwards_and_answers_from_its_own_apply(void **state)
{
    (void)state;
    follow();
    propose(5, "pa");
    propose(6, "pb");
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=1 count=2\n");
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    applied(2, 1, 1, (const char *const[]){"pa", "pb"}, 2);
    group_solo_said(&solo, "answer 5 pa\nanswer 6 pb\n");
    assert_true(group_idle(solo.group));
}

static void test_what_comes_twice_is_carried_out_once(void **state)
{
    (void)state;
    follow();
    propose(5, "pa");
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    applied(2, 1, 1, (const char *const[]){"pa"}, 1);
    applied(2, 1, 1, (const char *const[]){"pa"}, 1);
    group_solo_said(&solo, "answer 5 pa\n");
}

static void test_what_is_not_applied_is_sent_again(void **state)
{
    (void)state;
    follow();
    propose(5, "pa");
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=1 count=1\n");
    propose(6, "pb");
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=2 count=1\n");
    group_link_changed(solo.group, 3); /* not to whom it was sent */
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    group_link_changed(solo.group, 2);
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=1 count=1\nforward to=2 first=2 count=1\n");
    /* A silence, while the leader is heard. */
    group_solo_pass(&solo, GROUP_SOLO_SECOND_US);
    group_solo_follow(&solo, 2, 1, 2, 0, 1);
    group_solo_said(&solo, "forward to=2 first=1 count=1\nforward to=2 first=2 count=1\n");
    /* Another leader. */
    struct raft_message other = {.type = RAFT_APPEND,
                                 .from = 3,
                                 .term = 3,
                                 .index = 1,
                                 .index_term = 2,
                                 .commit = 1,
                                 .round = 1};
    group_solo_receive(&solo, other);
    group_solo_durable(&solo);
    group_solo_said(&solo, "forward to=3 first=1 count=1\nforward to=3 first=2 count=1\n");
}

static void test_what_the_link_does_not_take_waits(void **state)
{
    (void)state;
    follow();
    solo.reach.leader_room = 1; /* for the first item it has some */
    static char text[100000];
    memset(text, 'p', sizeof text - 1);
    propose(5, text);
    propose(6, text);
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=1 count=1\n");
    solo.reach.leader_room = 0;
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    solo.reach.leader_room = 1 << 20;
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=1 count=1\nforward to=2 first=2 count=1\n");
}

/* --- no leader --- */

static void test_without_a_leader_it_is_refused_after_the_named_wait(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    propose(5, "pa");
    group_session_begin(solo.group);
    group_session_end(solo.group, 6); /* waits for nobody: kept */
    group_solo_turn(&solo);
    group_solo_wait(&solo, solo.config.refuse_after_us - 1);
    group_solo_said(&solo, "");
    group_solo_wait(&solo, 1);
    group_solo_said(&solo, "refused 5 pa\n");
    assert_false(group_idle(solo.group));
    group_solo_wait(&solo, 2 * solo.config.refuse_after_us);
    group_solo_said(&solo, "");
}

static void test_refused_at_once_when_nobody_will_take_it(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    propose(5, "pa");
    propose(6, "pb");
    group_refuse_pending(solo.group);
    group_solo_turn(&solo);
    group_solo_said(&solo, "refused 5 pa\nrefused 6 pb\n");
    assert_true(group_idle(solo.group));
    assert_int_equal(group_proposal_bytes(solo.group), 0);
}

static void test_what_was_sent_and_never_seen_again_is_uncertain(void **state)
{
    (void)state;
    follow();
    propose(5, "pa");
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    solo.reach.leader_room = 0;
    group_solo_wait(&solo, solo.config.uncertain_after_us - 1);
    group_solo_said(&solo, "");
    group_solo_wait(&solo, 1);
    group_solo_said(&solo, "uncertain 5 pa\n");
    group_solo_wait(&solo, 1000);
    group_solo_said(&solo, "");           /* once */
    assert_false(group_idle(solo.group)); /* it may still happen, and then it is done */
    applied(2, 1, 1, (const char *const[]){"pa"}, 1);
    assert_true(group_idle(solo.group));
}

/* --- sessions --- */

static void test_a_node_with_sessions_says_that_it_lives(void **state)
{
    (void)state;
    follow();
    group_session_begin(solo.group);
    group_session_begin(solo.group);
    assert_int_equal(group_sessions(solo.group), 2);
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=1 count=1\n");
    group_session_forget(solo.group);
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
    applied(2, 1, 1, (const char *const[]){"renew"}, 1);
    group_solo_forget(&solo);
    /* The last one ends, and that is said once. */
    group_session_end(solo.group, 6);
    assert_int_equal(group_sessions(solo.group), 0);
    group_solo_turn(&solo);
    group_solo_said(&solo, "forward to=2 first=2 count=1\n");
    applied(2, 1, 2, (const char *const[]){"end"}, 1);
    group_solo_forget(&solo);
    group_solo_turn(&solo);
    applied(2, 1, 3, (const char *const[]){"renew"}, 1);
    group_solo_forget(&solo);
    group_solo_turn(&solo);
    group_solo_said(&solo, "");
}

static void test_a_client_that_says_nothing_more_is_hurried(void **state)
{
    (void)state;
    group_solo_begin(&solo, 1);
    group_solo_lead(&solo);
    propose(5, "w");
    group_solo_commit(&solo);
    group_solo_said(&solo, "");
    group_session_hurry(solo.group, 5);
    group_solo_commit(&solo);
    group_solo_said(&solo, "answer 5 in vain\n");
}

/* --- another life --- */

static void test_an_incarnation_taken_for_dead_begins_anew(void **state)
{
    (void)state;
    follow();
    group_session_begin(solo.group);
    propose(5, "pa");
    group_solo_turn(&solo);
    applied(2, 1, 1, (const char *const[]){"pa"}, 1);
    propose(6, "pb");
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    uint8_t data[12];
    store_u32(data, 1);
    store_u64(data + 4, 1);
    struct raft_entry expire = {.index = last_index() + 1,
                                .term = 2,
                                .kind = KIND_EXPIRE,
                                .version = 1,
                                .data = slice_of(data, sizeof data)};
    struct raft_message message = {.type = RAFT_APPEND,
                                   .from = 2,
                                   .term = 2,
                                   .index = last_index(),
                                   .index_term = 2,
                                   .commit = last_index() + 1,
                                   .round = 1,
                                   .entries_count = 1,
                                   .entries = &expire};
    group_solo_receive(&solo, message);
    /* Nothing leaves under the new number before it is durable. */
    group_solo_said(&solo, "reborn\n");
    assert_int_equal(solo.wal.meta.incarnation, 2);
    assert_int_equal(group_sessions(solo.group), 0);
    assert_false(wal_ready(&solo.wal));
    group_solo_durable(&solo);
    group_solo_said(&solo, "forward to=2 first=1 count=1\n");
    assert_true(group_solo_told(&solo, "reborn"));
}

static void test_one_fenced_by_a_life_it_does_not_remember_goes_above(void **state)
{
    (void)state;
    follow();
    propose(5, "pa");
    group_solo_turn(&solo);
    group_solo_forget(&solo);
    applied(2, 9, 1, (const char *const[]){"po"}, 1);
    group_solo_said(&solo, "reborn\nforward to=2 first=1 count=1\n");
    assert_true(solo.wal.meta.incarnation > 9);
}

/* A start that does not trust its disk has no number, and proposes nothing until it knows. */
static void test_without_an_incarnation_it_waits_until_trusted(void **state)
{
    (void)state;
    group_solo_make(&solo, 3);
    solo.wal.meta.incarnation = 0;
    group_solo_open(&solo, false);
    solo.reach.leader_room = 1 << 20;
    propose(5, "pa");
    group_solo_follow(&solo, 2, 0, 0, 1, 1);
    group_solo_said(&solo, "");
    applied(2, 4, 1, (const char *const[]){"po"}, 1); /* of an earlier life */
    group_solo_said(&solo, "");
    struct raft_message trusted = {.type = RAFT_APPEND,
                                   .from = 2,
                                   .term = 2,
                                   .index = 2,
                                   .index_term = 2,
                                   .commit = 2,
                                   .round = 2,
                                   .trust_index = 2};
    group_solo_pass(&solo, 3 * solo.config.election_timeout_us); /* raft/trust.c: the embargo */
    group_solo_receive(&solo, trusted);
    group_solo_said(&solo, "");
    group_solo_durable(&solo);
    group_solo_durable(&solo);
    assert_true(raft_trusted(group_raft(solo.group)));
    assert_true(solo.wal.meta.incarnation > 4);
    assert_true(group_solo_told(&solo, "released"));
    group_solo_said(&solo, "forward to=2 first=1 count=1\n");
}

/* --- what others forward --- */

static struct buffer forwarded;

static bool hear(uint32_t from, uint32_t origin, uint64_t incarnation, uint64_t first,
                 uint32_t count)
{
    struct commands_header header = {
        .origin = origin, .incarnation = incarnation, .first = first, .count = count};
    buffer_clear(&forwarded);
    commands_header_store(buffer_reserve(&forwarded, COMMANDS_HEADER_SIZE), &header);
    buffer_grew(&forwarded, COMMANDS_HEADER_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        struct command command = {COMMAND_MACHINE, 9, slice_text("px")};
        command_append(&forwarded, &command);
    }
    return group_forwarded(solo.group, from, buffer_slice(&forwarded));
}

static void test_a_leader_takes_of_each_origin_only_the_next(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    assert_true(hear(2, 2, 1, 1, 2));
    assert_int_equal(last_index(), 2);
    assert_true(hear(2, 2, 1, 1, 2)); /* is there */
    assert_true(hear(2, 2, 1, 4, 1)); /* one is missing */
    assert_int_equal(last_index(), 2);
    assert_true(hear(2, 2, 1, 3, 1));
    assert_int_equal(last_index(), 3);
    assert_true(hear(2, 2, 2, 2, 1)); /* a new life begins with 1 */
    assert_int_equal(last_index(), 3);
    assert_true(hear(2, 2, 2, 1, 1));
    assert_true(hear(2, 2, 1, 4, 1)); /* the old one is over */
    assert_int_equal(last_index(), 4);
    assert_true(hear(3, 3, 1, 1, 1));
    assert_int_equal(last_index(), 5);
    group_solo_commit(&solo);
    group_solo_said(&solo, "");
}

static void test_a_new_leader_knows_what_its_log_holds(void **state)
{
    (void)state;
    follow();
    /* Node 1's own batch is in the log of term 2, not committed, when it is elected itself. */
    assert_true(hear(2, 2, 1, 1, 2)); /* not the leader: left to who is */
    assert_int_equal(last_index(), 1);
    struct raft_entry entry = {.index = 2,
                               .term = 2,
                               .kind = KIND_COMMANDS,
                               .version = 1,
                               .data = buffer_slice(&forwarded)};
    struct raft_message message = {.type = RAFT_APPEND,
                                   .from = 2,
                                   .term = 2,
                                   .index = 1,
                                   .index_term = 2,
                                   .commit = 1,
                                   .round = 1,
                                   .entries_count = 1,
                                   .entries = &entry};
    group_solo_receive(&solo, message);
    group_solo_durable(&solo);
    struct raft *raft = group_raft(solo.group);
    group_solo_pass(&solo, 2 * solo.config.election_timeout_us);
    group_solo_turn(&solo);
    group_solo_vote(&solo, 3, RAFT_PRE_VOTE_REPLY, 3);
    group_solo_durable(&solo);
    group_solo_vote(&solo, 3, RAFT_VOTE_REPLY, 3);
    assert_int_equal(raft_role(raft), RAFT_LEADER);
    assert_int_equal(last_index(), 3);
    assert_true(hear(2, 2, 1, 1, 2));
    assert_int_equal(last_index(), 3);
    assert_true(hear(2, 2, 1, 3, 1));
    assert_int_equal(last_index(), 4);
}

static void test_what_no_origin_would_say_is_bad(void **state)
{
    (void)state;
    group_solo_begin(&solo, 3);
    group_solo_lead(&solo);
    assert_false(group_forwarded(solo.group, 2, slice_text("short")));
    assert_false(hear(2, 3, 1, 1, 1)); /* in another's name */
    struct slice bytes = buffer_slice(&forwarded);
    assert_false(group_forwarded(solo.group, 2, slice_of(bytes.data, bytes.size - 1)));
    assert_int_equal(last_index(), 1);
}

static int free_forwarded(void **state)
{
    (void)state;
    buffer_free(&forwarded);
    return 0;
}

int main(void)
{
#define SOLO_TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        SOLO_TEST(test_alone_it_is_answered_once_durable),
        SOLO_TEST(test_a_leader_answers_once_a_majority_holds_it),
        SOLO_TEST(test_much_is_cut_into_several_entries),
        SOLO_TEST(test_it_says_when_it_is_full),
        SOLO_TEST(test_a_follower_forwards_and_answers_from_its_own_apply),
        SOLO_TEST(test_what_comes_twice_is_carried_out_once),
        SOLO_TEST(test_what_is_not_applied_is_sent_again),
        SOLO_TEST(test_what_the_link_does_not_take_waits),
        SOLO_TEST(test_without_a_leader_it_is_refused_after_the_named_wait),
        SOLO_TEST(test_refused_at_once_when_nobody_will_take_it),
        SOLO_TEST(test_what_was_sent_and_never_seen_again_is_uncertain),
        SOLO_TEST(test_a_node_with_sessions_says_that_it_lives),
        SOLO_TEST(test_a_client_that_says_nothing_more_is_hurried),
        SOLO_TEST(test_an_incarnation_taken_for_dead_begins_anew),
        SOLO_TEST(test_one_fenced_by_a_life_it_does_not_remember_goes_above),
        SOLO_TEST(test_without_an_incarnation_it_waits_until_trusted),
        SOLO_TEST(test_a_leader_takes_of_each_origin_only_the_next),
        SOLO_TEST(test_a_new_leader_knows_what_its_log_holds),
        SOLO_TEST(test_what_no_origin_would_say_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, free_forwarded);
}
