/* The replicated state, entry by entry: whose proposals are carried out, and what no leader of ours
 * would have put in the log (node/group/replica.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/group/replica.h"
#include "tiny.h"

static struct replica *replica;
static struct buffer heard; /* "node/connection text\n" */
static struct machine_ops machine;

static void hear(void *world, const struct session_key *session, const void *payload)
{
    const struct slice *text = payload;
    char line[96];
    (void)world;
    snprintf(line, sizeof line, "%u/%u %.*s\n", (unsigned)session->node,
             (unsigned)session->connection, (int)text->size, (const char *)text->data);
    buffer_append_text(&heard, line);
}

static int set_up(void **state)
{
    (void)state;
    machine = tiny_machine;
    replica = replica_create(&machine, NULL, hear, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replica_destroy(replica);
    buffer_free(&heard);
    return 0;
}

static void expect(const char *text)
{
    buffer_put_u8(&heard, 0);
    assert_string_equal((const char *)buffer_slice(&heard).data, text);
    buffer_clear(&heard);
}

static enum replica_result apply(uint8_t kind, struct slice data)
{
    struct raft_entry entry = {
        .index = replica->index + 1, .term = 2, .kind = kind, .version = 1, .data = data};
    return replica_apply(replica, &entry, NULL);
}

/* Commands of these types, whose texts are "a", "b" and so on. */
static struct buffer batch_of(uint32_t origin, uint64_t incarnation, uint64_t first,
                              const uint8_t *types, uint32_t count)
{
    struct buffer batch = {0};
    struct commands_header header = {origin, incarnation, first, count};
    commands_header_store(buffer_reserve(&batch, COMMANDS_HEADER_SIZE), &header);
    buffer_grew(&batch, COMMANDS_HEADER_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        char text[2] = {(char)('a' + i), 0};
        struct command command = {types[i], i + 1, slice_text(text)};
        command_append(&batch, &command);
    }
    return batch;
}

static uint64_t fenced; /* the last sequence that was dropped */

static void hear_fenced(void *world, uint64_t sequence)
{
    (void)world;
    fenced = sequence;
}

static void hear_reached(void *world, struct replica_stop *stop)
{
    (void)world;
    (void)stop;
}

/* A command that names this term, in an entry of term 2. */
static void propose_fenced(uint64_t sequence, uint64_t term)
{
    struct buffer batch = {0}, text = {0};
    struct commands_header header = {1, 5, sequence, 1};
    commands_header_store(buffer_reserve(&batch, COMMANDS_HEADER_SIZE), &header);
    buffer_grew(&batch, COMMANDS_HEADER_SIZE);
    buffer_put_u64(&text, term);
    buffer_append_text(&text, "f");
    command_append(&batch, &(struct command){COMMAND_FENCED, 9, buffer_slice(&text)});
    struct replica_stop stop = {.origin = 1,
                                .incarnation = 5,
                                .sequence = UINT64_MAX,
                                .reached = hear_reached,
                                .fenced = hear_fenced};
    struct raft_entry entry = {.index = replica->index + 1,
                               .term = 2,
                               .kind = KIND_COMMANDS,
                               .version = 1,
                               .data = buffer_slice(&batch)};
    assert_int_equal(replica_apply(replica, &entry, &stop), REPLICA_APPLIED);
    buffer_free(&batch);
    buffer_free(&text);
}

static void propose(uint32_t origin, uint64_t incarnation, uint64_t first, uint32_t count)
{
    static const uint8_t types[8]; /* all COMMAND_MACHINE */
    struct buffer batch = batch_of(origin, incarnation, first, types, count);
    assert_int_equal(apply(KIND_COMMANDS, buffer_slice(&batch)), REPLICA_APPLIED);
    buffer_free(&batch);
}

static void expire(uint32_t node, uint64_t incarnation)
{
    uint8_t data[12];
    store_u32(data, node);
    store_u64(data + 4, incarnation);
    assert_int_equal(apply(KIND_EXPIRE, slice_of(data, sizeof data)), REPLICA_APPLIED);
}

static void test_of_each_origin_only_the_next_is_carried_out(void **state)
{
    (void)state;
    propose(2, 1, 1, 2);
    expect("2/1 a\n2/2 b\n");
    propose(2, 1, 1, 3); /* two of them have been */
    expect("2/3 c\n");
    propose(2, 1, 5, 1); /* one is missing */
    expect("");
    propose(1, 1, 1, 1);
    expect("1/1 a\n");
    propose(2, 1, 4, 1);
    expect("2/1 a\n");
    assert_int_equal(replica_origin(replica, 2)->next, 5);
    assert_null(replica_origin(replica, 3));
}

static void test_a_life_begins_with_its_first_proposal(void **state)
{
    (void)state;
    propose(2, 5, 1, 1);
    propose(2, 6, 2, 1); /* came before the first one of that life */
    expect("2/1 a\n");
    propose(2, 6, 1, 1);
    expect("2/1 a\n");
    propose(2, 5, 2, 1); /* of a life that is over */
    expect("");
}

static void test_an_origin_that_expired_is_refused_until_its_next_life(void **state)
{
    (void)state;
    propose(2, 5, 1, 1);
    expire(3, 1); /* nobody knows it */
    expire(2, 4); /* another life */
    propose(2, 5, 2, 1);
    expect("2/1 a\n2/1 a\n");
    expire(2, 5);
    assert_true(replica_origin(replica, 2)->ended);
    propose(2, 5, 3, 1);
    expect("");
    propose(2, 6, 1, 1);
    expect("2/1 a\n");
    assert_false(replica_origin(replica, 2)->ended);
}

static void test_origins_are_kept_in_order_and_have_a_limit(void **state)
{
    (void)state;
    for (uint32_t node = REPLICA_ORIGINS_MAX; node > 0; node--) propose(node, 1, 1, 1);
    buffer_clear(&heard);
    for (uint32_t i = 0; i < REPLICA_ORIGINS_MAX; i++) {
        assert_int_equal(replica->origins.at[i].node, i + 1);
    }
    propose(REPLICA_ORIGINS_MAX + 1, 1, 1, 1);
    expect("");
    assert_int_equal(replica->origins.count, REPLICA_ORIGINS_MAX);
}

static void test_each_type_of_command(void **state)
{
    (void)state;
    static const uint8_t types[] = {COMMAND_OPEN, COMMAND_MACHINE, COMMAND_SESSION_END,
                                    COMMAND_RENEW};
    struct buffer batch = batch_of(2, 1, 1, types, 4);
    apply(KIND_COMMANDS, buffer_slice(&batch));
    buffer_free(&batch);
    expect("2/2 b\n");
    assert_int_equal(((struct tiny *)replica->machine)->session_ends, 1);
    assert_true(replica_origin(replica, 2)->active); /* it holds 4 sessions, it said */
}

/* One whose commands never wait need not know what hurry is. */
static void test_a_machine_may_know_no_hurry(void **state)
{
    (void)state;
    static const uint8_t hurry = COMMAND_HURRY;
    machine.session_hurry = NULL;
    struct buffer batch = batch_of(2, 1, 1, &hurry, 1);
    assert_int_equal(apply(KIND_COMMANDS, buffer_slice(&batch)), REPLICA_APPLIED);
    buffer_free(&batch);
    expect("");
}

/* --- what no leader of ours would have put there --- */

static void test_malformed_entries_change_nothing(void **state)
{
    (void)state;
    static const uint8_t types[2];
    propose(2, 1, 1, 1);
    buffer_clear(&heard);
    struct buffer batch = batch_of(2, 1, 2, types, 2);
    for (size_t size = 0; size < COMMANDS_HEADER_SIZE; size++) {
        apply(KIND_COMMANDS, slice_of(buffer_slice(&batch).data, size));
    }
    for (size_t size = 0; size < 12; size++) {
        apply(KIND_EXPIRE, slice_of("\2\0\0\0\1\0\0\0\0\0\0\0", size));
    }
    apply(KIND_EXPIRE, slice_of("\2\0\0\0\1\0\0\0\0\0\0\0\0", 13));
    expect("");
    assert_false(replica_origin(replica, 2)->ended);
    /* Cut behind the first command: that one is whole. */
    apply(KIND_COMMANDS, slice_of(buffer_slice(&batch).data, batch.size - 1));
    expect("2/1 a\n");
    buffer_free(&batch);
}

static void test_a_batch_is_checked_whole_before_it_enters_the_log(void **state)
{
    (void)state;
    static const uint8_t types[2];
    struct commands_header header;
    struct buffer batch = batch_of(2, 1, 1, types, 2);
    struct slice bytes = buffer_slice(&batch);
    assert_true(commands_check(bytes, &header));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_false(commands_check(slice_of(bytes.data, size), &header));
    }
    buffer_put_u8(&batch, 0); /* behind it */
    assert_false(commands_check(buffer_slice(&batch), &header));
    buffer_free(&batch);
    static const struct commands_header wrong[] = {
        {0, 1, 1, 2}, /* of nobody */
        {2, 1, 0, 2}, /* numbers begin with 1 */
        {2, 1, 1, 3}, /* than there are */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        batch = batch_of(2, 1, 1, types, 2);
        commands_header_store(batch.data + batch.head, &wrong[i]);
        assert_false(commands_check(buffer_slice(&batch), &header));
        buffer_free(&batch);
    }
    batch = batch_of(2, 1, 1, types, 0); /* of nothing */
    assert_false(commands_check(buffer_slice(&batch), &header));
    buffer_free(&batch);
}

static void test_what_a_newer_version_wrote_stops_it(void **state)
{
    (void)state;
    assert_int_equal(apply(KINDS_END, slice_of(NULL, 0)), REPLICA_UNKNOWN_KIND);
    assert_int_equal(apply(RAFT_KIND_CALLER - 1, slice_of(NULL, 0)), REPLICA_UNKNOWN_KIND);
    struct raft_entry entry = {.index = 1, .term = 1, .kind = KIND_TICK, .version = 2};
    assert_int_equal(replica_apply(replica, &entry, NULL), REPLICA_UNKNOWN_KIND);
    assert_int_equal(replica->index, 0);
}

/* --- snapshots --- */

static uint64_t leaderless_us(void)
{
    struct machine_time time = replica_time(replica);
    return time.due_us - time.elapsed_us;
}

static void apply_clock(uint64_t wall_us, struct slice data)
{
    struct raft_entry entry = {.index = replica->index + 1,
                               .term = 2,
                               .kind = KIND_CLOCK,
                               .version = 1,
                               .wall_us = wall_us,
                               .data = data};
    assert_int_equal(replica_apply(replica, &entry, NULL), REPLICA_APPLIED);
}

static void test_a_late_clock_charges_no_time_without_a_leader(void **state)
{
    (void)state;
    uint8_t late = CLOCK_LATE;
    apply_clock(1000000, slice_of(NULL, 0));
    assert_int_equal(leaderless_us(), 0);
    apply_clock(3000000, slice_of(NULL, 0));
    assert_int_equal(leaderless_us(), 2000000);
    apply_clock(9000000, slice_of(&late, 1));
    assert_int_equal(leaderless_us(), 2000000);
    apply_clock(9500000, slice_of(NULL, 0));
    assert_int_equal(leaderless_us(), 2500000);
}

static void snapshot(struct buffer *out)
{
    replica_cut_begin(replica);
    while (replica_cut_read(replica, 1000, out)) {}
    assert_int_equal(replica_cut_pending(replica), 0);
    replica_cut_abort(replica); /* it is over: nothing */
}

static void test_a_copy_is_restored_from_pieces_of_any_size(void **state)
{
    (void)state;
    struct buffer stream = {0};
    for (uint32_t node = 1; node <= 3; node++) propose(node, node, 1, 1);
    expire(2, 2);
    snapshot(&stream);
    for (size_t piece = 1; piece < stream.size; piece += 7) {
        struct replica *copy = replica_create(&machine, NULL, hear, NULL);
        struct slice bytes = buffer_slice(&stream);
        for (size_t at = 0; at < bytes.size; at += piece) {
            size_t size = bytes.size - at < piece ? bytes.size - at : piece;
            assert_true(replica_restore(copy, slice_of(bytes.data + at, size)));
        }
        assert_true(replica_restore_end(copy));
        assert_true(replica_digest(copy) == replica_digest(replica));
        replica_destroy(copy);
    }
    buffer_free(&stream);
}

static bool restores(struct slice bytes)
{
    struct replica *copy = replica_create(&machine, NULL, hear, NULL);
    bool good = replica_restore(copy, bytes) && replica_restore_end(copy);
    replica_destroy(copy);
    return good;
}

static void test_a_stream_cut_short_or_out_of_order_is_refused(void **state)
{
    (void)state;
    struct buffer stream = {0};
    for (uint32_t node = 1; node <= 3; node++) propose(node, node, 1, 1);
    snapshot(&stream);
    struct slice bytes = buffer_slice(&stream);
    assert_true(restores(bytes));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_false(restores(slice_of(bytes.data, size)));
    }
    uint8_t *count = stream.data + stream.head + 24;
    store_u32(count, REPLICA_ORIGINS_MAX + 1);
    assert_false(restores(bytes));
    store_u32(count, 3);
    store_u32(count + 4, 2); /* the first origin is the second one, too */
    assert_false(restores(bytes));
    buffer_free(&stream);
}

/* It counts in the sequence all the same, so that what is behind it is not held up. */
static void test_a_fenced_command_is_carried_out_in_its_term_alone(void **state)
{
    (void)state;
    fenced = 0;
    propose_fenced(1, 2);
    expect("1/0 f\n");
    assert_int_equal(fenced, 0);
    propose_fenced(2, 1);
    expect("");
    assert_int_equal(fenced, 2);
    propose(1, 5, 3, 1);
    expect("1/1 a\n");
    static const uint8_t type = COMMAND_FENCED; /* too short for a term */
    struct buffer batch = batch_of(1, 5, 4, &type, 1);
    assert_int_equal(apply(KIND_COMMANDS, buffer_slice(&batch)), REPLICA_APPLIED);
    buffer_free(&batch);
    expect("");
}

static void entry_of(uint64_t term)
{
    struct raft_entry entry = {
        .index = replica->index + 1, .term = term, .kind = KIND_TICK, .version = 1};
    assert_int_equal(replica_apply(replica, &entry, NULL), REPLICA_APPLIED);
}

static void test_what_a_position_names_is_held_or_lost(void **state)
{
    (void)state;
    assert_int_equal(replica_holds(replica, 0, 0), REPLICA_HOLDS);
    assert_int_equal(replica_holds(replica, 1, 1), REPLICA_NOT_YET);
    replica->index = 100; /* restored from a snapshot at 4:100 */
    replica->term = 4;
    assert_int_equal(replica_holds(replica, 4, 99), REPLICA_HOLDS);
    entry_of(4);
    entry_of(6);
    entry_of(6);
    entry_of(9);
    assert_int_equal(replica_holds(replica, 4, 100), REPLICA_HOLDS);
    assert_int_equal(replica_holds(replica, 4, 101), REPLICA_HOLDS);
    assert_int_equal(replica_holds(replica, 4, 102), REPLICA_LOST);
    assert_int_equal(replica_holds(replica, 6, 103), REPLICA_HOLDS);
    assert_int_equal(replica_holds(replica, 5, 103), REPLICA_LOST);
    assert_int_equal(replica_holds(replica, 9, 104), REPLICA_HOLDS);
    assert_int_equal(replica_holds(replica, 9, 105), REPLICA_NOT_YET);
    assert_int_equal(replica_holds(replica, 8, 105), REPLICA_LOST); /* none of it will come */
    assert_int_equal(replica_holds(replica, 3, 50), REPLICA_LOST);  /* or nobody can tell */
    for (uint64_t term = 10; term < 10 + REPLICA_TERMS_MAX; term++) entry_of(term);
    uint64_t last = 9 + REPLICA_TERMS_MAX;
    assert_int_equal(replica_holds(replica, last, replica->index), REPLICA_HOLDS);
    assert_int_equal(replica_holds(replica, last - 50, replica->index - 50), REPLICA_HOLDS);
    assert_int_equal(replica_holds(replica, last - 51, replica->index - 50), REPLICA_LOST);
}

int main(void)
{
#define REPLICA_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        REPLICA_TEST(test_of_each_origin_only_the_next_is_carried_out),
        REPLICA_TEST(test_a_life_begins_with_its_first_proposal),
        REPLICA_TEST(test_an_origin_that_expired_is_refused_until_its_next_life),
        REPLICA_TEST(test_origins_are_kept_in_order_and_have_a_limit),
        REPLICA_TEST(test_each_type_of_command),
        REPLICA_TEST(test_a_machine_may_know_no_hurry),
        REPLICA_TEST(test_malformed_entries_change_nothing),
        REPLICA_TEST(test_a_batch_is_checked_whole_before_it_enters_the_log),
        REPLICA_TEST(test_what_a_newer_version_wrote_stops_it),
        REPLICA_TEST(test_a_late_clock_charges_no_time_without_a_leader),
        REPLICA_TEST(test_a_copy_is_restored_from_pieces_of_any_size),
        REPLICA_TEST(test_a_stream_cut_short_or_out_of_order_is_refused),
        REPLICA_TEST(test_a_fenced_command_is_carried_out_in_its_term_alone),
        REPLICA_TEST(test_what_a_position_names_is_held_or_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
