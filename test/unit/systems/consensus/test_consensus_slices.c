/* What is more than one call may do: nobody sees it half done, what comes later waits, each call
 * does little, and a snapshot taken in the middle of it goes on like the original. */
#include <stdio.h>

#include "consensus_world.h"

enum { MANY = 20000 };

static void fill(struct world *w, int64_t lease)
{
    char key[16];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "k%05u", i);
        struct consensus_put p = {.key = slice_text(key), .value = slice_text("v"), .lease = lease};
        assert_int_equal(put_with(w, p)[0], '@');
    }
}

static struct slice delete_all(struct world *w, bool previous)
{
    struct consensus_delete delete = {slice_text("k"), slice_text("l"), previous};
    consensus_put_delete(&delete, world_command(w));
    return buffer_slice(&w->command);
}

static const char *count(struct world *w, const char *from, const char *to, int64_t revision)
{
    struct consensus_range r = range_of(from, to);
    r.count_only = true;
    r.revision = revision;
    return range(w, r);
}

static void test_a_large_delete_is_seen_at_once(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    fill(&w, 0);
    world_apply_only(&w, delete_all(&w, false));
    unsigned calls = 1, replies = w.replies;
    for (; consensus_ops.deadline(w.machine).elapsed_us == 0 && w.replies == replies; calls++) {
        /* As it was, for whoever asks: counts, pages, and the past. */
        assert_string_equal(count(&w, "k", "l", 0), "@20001 range 20000");
        assert_string_equal(count(&w, "k00100", "k10000", 0), "@20001 range 9900");
        assert_string_equal(get(&w, "k00000"), "@20001 range 1 {k00000=v c2 m2 v1}");
        assert_string_equal(count(&w, "k", "l", 9), "@20001 range 8");
        replies = w.replies;
        world_advance(&w, 0);
    }
    assert_string_equal(world_text(&w), "@20002 delete 20000");
    assert_in_range(calls, MANY / MACHINE_WORK_MAX, MANY / MACHINE_WORK_MAX + 2);
    assert_string_equal(count(&w, "k", "l", 0), "@20002 range 0");
    assert_string_equal(count(&w, "k", "l", 20001), "@20002 range 20000");
    world_settle(&w);
    consensus_ops.check(w.machine);
    world_close(&w);
}

static void test_later_commands_wait_in_order(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    fill(&w, 0);
    world_apply_only(&w, delete_all(&w, false));
    struct buffer command = {0};
    const char *values[] = {"1", "2", "3"};
    for (unsigned i = 0; i < 3; i++) {
        struct consensus_put p = {slice_text("k00000"), slice_text(values[i]), 0, 0, 0, 0};
        buffer_clear(&command);
        consensus_put_put(&p, &command);
        world_apply_only(&w, buffer_slice(&command));
    }
    buffer_free(&command);
    consensus_ops.check(w.machine);
    assert_string_equal(get(&w, "k00000"), "@20001 range 1 {k00000=v c2 m2 v1}");
    world_settle(&w);
    assert_string_equal(world_text(&w), "@20005 put");
    assert_string_equal(get(&w, "k00000"), "@20005 range 1 {k00000=3 c20003 m20005 v3}");
    world_close(&w);
}

static void test_a_lease_of_many_keys_runs_out(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    simple(&w, CONSENSUS_GRANT, 4, 10);
    fill(&w, 4);
    world_advance(&w, 10000000);
    assert_string_equal(count(&w, "k", "l", 0), "@20001 range 20000");
    unsigned calls = world_settle(&w);
    assert_in_range(calls, MANY / MACHINE_WORK_MAX, 3 * MANY / MACHINE_WORK_MAX);
    assert_string_equal(count(&w, "k", "l", 0), "@20002 range 0");
    assert_string_equal(simple(&w, CONSENSUS_LEASES, 0, 0), "@20002");
    consensus_ops.check(w.machine);
    world_close(&w);
}

static void test_a_transaction_goes_on_behind_its_large_part(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    fill(&w, 0);
    struct txn t = {0};
    then_put(&t, "a", "1");
    then_delete(&t, "k", "l");
    then_put(&t, "z", "1");
    then_get(&t, "a", "zz");
    txn_end(&t, world_command(&w));
    world_apply_only(&w, buffer_slice(&w.command));
    assert_string_equal(count(&w, "a", "zz", 0), "@20001 range 20000");
    world_settle(&w);
    assert_string_equal(world_text(&w), "@20002 txn yes [@20002 put] [@20002 delete 20000] "
                                        "[@20002 put] [@20002 range 2 {a=1 c20002 m20002 v1} "
                                        "{z=1 c20002 m20002 v1}]");
    consensus_ops.check(w.machine);
    world_close(&w);
}

static void test_compaction_frees_in_slices(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    for (unsigned i = 0; i < MANY; i++) put(&w, "k", "v");
    simple(&w, CONSENSUS_COMPACT, MANY, 0);
    assert_int_equal(world_settle(&w), 0);
    world_advance(&w, 1000000);
    assert_in_range(world_settle(&w), MANY / MACHINE_WORK_MAX - 2, MANY / MACHINE_WORK_MAX + 2);
    assert_in_range(consensus_ops.bytes(w.machine), 1, 2000);
    world_close(&w);
}

static void go_on(void *context)
{
    world_advance(context, 0);
}

/* At every stage of a large delete, of what waits behind it and of the freeing: a copy has the same
 * digest, goes on in the same steps, and comes to the same end. */
static void test_a_snapshot_in_the_middle_goes_on(void **state)
{
    (void)state;
    for (unsigned stage = 0; stage < 400; stage += 23) {
        struct world w, copy;
        world_open(&w);
        fill(&w, 0);
        world_apply_only(&w, delete_all(&w, false));
        struct buffer command = {0};
        struct consensus_put p = {slice_text("k1"), slice_text("1"), 0, 0, 0, 0};
        consensus_put_put(&p, &command);
        world_apply_only(&w, buffer_slice(&command));
        buffer_clear(&command);
        consensus_put_simple(CONSENSUS_COMPACT, MANY + 2, 0, &command);
        world_apply_only(&w, buffer_slice(&command));
        buffer_free(&command);
        for (unsigned i = 0; i < stage; i++) world_advance(&w, 7000);
        unsigned before = w.replies;
        world_copy(&w, 100000, NULL, NULL, &copy);
        for (unsigned i = 0; i < 400; i++) {
            world_advance(&w, 7000);
            world_advance(&copy, 7000);
            assert_int_equal(consensus_ops.digest(w.machine), consensus_ops.digest(copy.machine));
        }
        assert_int_equal(w.replies - before, copy.replies);
        assert_string_equal(get(&copy, "k1"), get(&w, "k1"));
        consensus_ops.check(copy.machine);
        world_close(&copy);
        /* And while it is read, everything goes on. */
        world_copy(&w, 3000, go_on, &w, &copy);
        world_close(&copy);
        world_close(&w);
    }
}

static void test_what_is_freed_while_it_is_read_is_in_the_snapshot(void **state)
{
    (void)state;
    struct world w, copy;
    world_open(&w);
    fill(&w, 0);
    fill(&w, 0);
    simple(&w, CONSENSUS_COMPACT, 2 * MANY, 0);
    world_advance(&w, 1000000);
    world_copy(&w, 5000, go_on, &w, &copy);
    assert_true(consensus_ops.bytes(copy.machine) > consensus_ops.bytes(w.machine));
    world_close(&copy);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_large_delete_is_seen_at_once),
        cmocka_unit_test(test_later_commands_wait_in_order),
        cmocka_unit_test(test_a_lease_of_many_keys_runs_out),
        cmocka_unit_test(test_a_transaction_goes_on_behind_its_large_part),
        cmocka_unit_test(test_compaction_frees_in_slices),
        cmocka_unit_test(test_a_snapshot_in_the_middle_goes_on),
        cmocka_unit_test(test_what_is_freed_while_it_is_read_is_in_the_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
