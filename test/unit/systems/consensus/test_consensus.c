/* The consensus machine by hand: what each command says, command by command. */
#include "consensus_world.h"

static void test_revisions(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    assert_string_equal(get(&w, "a"), "@1 range 0");
    assert_string_equal(put(&w, "a", "1"), "@2 put");
    assert_string_equal(put(&w, "a", "2"), "@3 put");
    assert_string_equal(get(&w, "a"), "@3 range 1 {a=2 c2 m3 v2}");
    assert_string_equal(delete (&w, "b", ""), "@3 delete 0"); /* no change, no revision */
    assert_string_equal(delete (&w, "a", ""), "@4 delete 1");
    assert_string_equal(put(&w, "a", "3"), "@5 put");
    assert_string_equal(get(&w, "a"), "@5 range 1 {a=3 c5 m5 v1}");
    struct consensus_range old = range_of("a", "");
    old.revision = 3;
    assert_string_equal(range(&w, old), "@5 range 1 {a=2 c2 m3 v2}");
    old.revision = 4;
    assert_string_equal(range(&w, old), "@5 range 0");
    old.revision = 6;
    assert_string_equal(range(&w, old), "etcdserver: mvcc: required revision is a future revision");
    world_close(&w);
}

static void test_ranges(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    const char *keys[] = {"b", "a", "d", "c"};
    for (unsigned i = 0; i < 4; i++) put(&w, keys[i], i < 2 ? "x" : "w");
    put(&w, "a", "y");
    struct consensus_range r = range_of("a", "d");
    assert_string_equal(range(&w, r), "@6 range 3 {a=y c3 m6 v2} {b=x c2 m2 v1} {c=w c5 m5 v1}");
    r.limit = 2;
    assert_string_equal(range(&w, r), "@6 range 3 {a=y c3 m6 v2} {b=x c2 m2 v1} more");
    r.order = CONSENSUS_DESCEND;
    r.keys_only = true;
    assert_string_equal(range(&w, r), "@6 range 3 {c= c5 m5 v1} {b= c2 m2 v1} more");
    r = range_of("b", "");
    r.end = slice_of("", 1); /* from b on */
    r.sort = CONSENSUS_SORT_VALUE;
    assert_string_equal(range(&w, r), "@6 range 3 {c=w c5 m5 v1} {d=w c4 m4 v1} {b=x c2 m2 v1}");
    r.sort = CONSENSUS_SORT_KEY;
    r.mod_min = 4;
    assert_string_equal(range(&w, r), "@6 range 3 {c=w c5 m5 v1} {d=w c4 m4 v1}");
    r.count_only = true;
    assert_string_equal(range(&w, r), "@6 range 3");
    r.key = slice_of("", 1); /* all */
    assert_string_equal(range(&w, r), "@6 range 4");
    r = range_of("c", "b");
    assert_string_equal(range(&w, r), "@6 range 0");
    r.sort = 9;
    assert_string_equal(range(&w, r), "etcdserver: invalid sort option");
    assert_string_equal(get(&w, ""), "etcdserver: key is not provided");
    world_close(&w);
}

static void test_put_keeps_what_it_is_told_to(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct consensus_put p = {.key = slice_text("a"), .ignore_value = true};
    assert_string_equal(put_with(&w, p), "etcdserver: key not found");
    p.value = slice_text("x");
    assert_string_equal(put_with(&w, p), "etcdserver: value is provided");
    assert_string_equal(simple(&w, CONSENSUS_GRANT, 7, 10), "@1 lease 7 ttl 10");
    p = (struct consensus_put){.key = slice_text("a"), .value = slice_text("1"), .lease = 8};
    assert_string_equal(put_with(&w, p), "etcdserver: requested lease not found");
    p.lease = 7;
    assert_string_equal(put_with(&w, p), "@2 put");
    p = (struct consensus_put){.key = slice_text("a"), .ignore_value = true, .previous = true};
    assert_string_equal(put_with(&w, p), "@3 put {a=1 c2 m2 v1 l7}");
    assert_string_equal(get(&w, "a"), "@3 range 1 {a=1 c2 m3 v2}"); /* the lease is gone */
    assert_string_equal(simple(&w, CONSENSUS_TIME_TO_LIVE, 7, 1), "@3 lease 7 ttl 10 of 10");
    p = (struct consensus_put){.key = slice_text("a"), .lease = 7, .ignore_value = true};
    put_with(&w, p);
    p = (struct consensus_put){.key = slice_text("a"), .value = slice_text("2")};
    p.ignore_lease = true;
    assert_string_equal(put_with(&w, p), "@5 put");
    assert_string_equal(get(&w, "a"), "@5 range 1 {a=2 c2 m5 v4 l7}");
    assert_string_equal(simple(&w, CONSENSUS_TIME_TO_LIVE, 7, 1), "@5 lease 7 ttl 10 of 10 a");
    world_close(&w);
}

static void compare_value(struct txn *txn, const char *key, const char *value)
{
    txn_compare(txn, (struct consensus_compare){.key = slice_text(key),
                                                .target = CONSENSUS_VALUE,
                                                .value = slice_text(value)});
}

static void test_transactions(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct txn t = {0};
    txn_compare(&t, (struct consensus_compare){.key = slice_text("a"), .target = CONSENSUS_CREATE});
    then_put(&t, "a", "1");
    then_put(&t, "b", "2");
    then_get(&t, "a", "z");
    assert_string_equal(txn_apply(&w, &t), "@2 txn yes [@2 put] [@2 put] [@2 range 2 "
                                           "{a=1 c2 m2 v1} {b=2 c2 m2 v1}]");
    /* A value of a key that is not there equals nothing, and differs from nothing. */
    compare_value(&t, "c", "");
    then_put(&t, "c", "3");
    assert_string_equal(txn_apply(&w, &t), "@2 txn no");
    /* Nothing was changed: the revision stays. Behind a change it is the new one. */
    then_get(&t, "c", "");
    then_delete(&t, "b", "");
    then_get(&t, "b", "");
    then_delete(&t, "b", "");
    assert_string_equal(txn_apply(&w, &t),
                        "@3 txn yes [@2 range 0] [@3 delete 1] [@3 range 0] [@3 delete 0]");
    world_close(&w);
}

static void test_nested_compares_see_the_state_before(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    put(&w, "a", "1");
    struct txn inner = {0}, outer = {0};
    compare_value(&inner, "a", "1");
    then_put(&inner, "b", "saw the old a");
    then_put(&outer, "a", "2");
    txn_end(&inner, txn_then(&outer));
    assert_string_equal(txn_apply(&w, &outer), "@3 txn yes [@3 put] [@3 txn yes [@3 put]]");
    /* All checks come before any effect. */
    then_put(&outer, "a", "3");
    struct consensus_range future = range_of("a", "");
    future.revision = 99;
    consensus_put_range(&future, txn_then(&outer));
    assert_string_equal(txn_apply(&w, &outer),
                        "etcdserver: mvcc: required revision is a future revision");
    assert_string_equal(get(&w, "a"), "@3 range 1 {a=2 c2 m3 v2}");
    world_close(&w);
}

static void test_transactions_that_are_refused(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct txn t = {0}, inner = {0};
    for (unsigned i = 0; i < 129; i++) then_get(&t, "a", "");
    assert_string_equal(txn_apply(&w, &t), "etcdserver: too many operations in txn request");
    for (unsigned i = 0; i < 128; i++) then_get(&t, "a", "");
    assert_int_equal(strncmp(txn_apply(&w, &t), "@1 txn yes", 10), 0);
    const char *duplicate = "etcdserver: duplicate key given in txn request";
    then_put(&t, "a", "1");
    then_put(&t, "a", "2");
    assert_string_equal(txn_apply(&w, &t), duplicate);
    then_delete(&t, "a", "c");
    then_put(&t, "b", "2");
    assert_string_equal(txn_apply(&w, &t), duplicate);
    then_put(&inner, "a", "1");
    txn_end(&inner, txn_then(&t));
    then_put(&t, "a", "2");
    assert_string_equal(txn_apply(&w, &t), duplicate);
    /* In branches that exclude each other the same key may stand; and two deletes may meet. */
    then_put(&inner, "a", "1");
    struct consensus_put p = {.key = slice_text("a")};
    consensus_put_put(&p, txn_otherwise(&inner));
    txn_end(&inner, txn_then(&t));
    then_delete(&t, "x", "z");
    then_delete(&t, "y", "");
    assert_string_equal(txn_apply(&w, &t),
                        "@2 txn yes [@2 txn yes [@2 put]] [@2 delete 0] [@2 delete 0]");
    then_put(&t, "", "1");
    assert_string_equal(txn_apply(&w, &t), "etcdserver: key is not provided");
    world_close(&w);
}

static void test_leases(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    assert_string_equal(simple(&w, CONSENSUS_GRANT, 5, 1), "@1 lease 5 ttl 2");
    assert_string_equal(simple(&w, CONSENSUS_GRANT, 5, 1), "etcdserver: lease already exists");
    assert_string_equal(simple(&w, CONSENSUS_GRANT, 6, INT64_C(9000000001)),
                        "etcdserver: too large lease TTL");
    struct consensus_put p = {.key = slice_text("b"), .value = slice_text("1"), .lease = 5};
    put_with(&w, p);
    p.key = slice_text("a");
    put_with(&w, p);
    assert_string_equal(simple(&w, CONSENSUS_TIME_TO_LIVE, 5, 1), "@3 lease 5 ttl 2 of 2 a b");
    world_advance(&w, 1999999);
    assert_string_equal(simple(&w, CONSENSUS_KEEP_ALIVE, 5, 0), "@3 lease 5 ttl 2");
    world_advance(&w, 1999999);
    assert_string_equal(get(&w, "a"), "@3 range 1 {a=1 c3 m3 v1 l5}");
    world_advance(&w, 1);
    assert_string_equal(get(&w, "a"), "@4 range 0"); /* one revision for both */
    assert_string_equal(get(&w, "b"), "@4 range 0");
    assert_string_equal(simple(&w, CONSENSUS_KEEP_ALIVE, 5, 0), "@4 lease 5");
    assert_string_equal(simple(&w, CONSENSUS_TIME_TO_LIVE, 5, 1), "@4 lease 5 ttl -1");
    assert_string_equal(simple(&w, CONSENSUS_REVOKE, 5, 0),
                        "etcdserver: requested lease not found");
    simple(&w, CONSENSUS_GRANT, 9, 100);
    simple(&w, CONSENSUS_GRANT, -3, 100);
    assert_string_equal(simple(&w, CONSENSUS_LEASES, 0, 0), "@4 -3 9");
    assert_string_equal(simple(&w, CONSENSUS_REVOKE, 9, 0), "@4 lease 9"); /* nothing changed */
    p.lease = -3;
    put_with(&w, p);
    put(&w, "a", "no lease any more");
    assert_string_equal(simple(&w, CONSENSUS_REVOKE, -3, 0), "@6 lease -3");
    consensus_ops.check(w.machine);
    world_close(&w);
}

static void test_compaction(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    put(&w, "a", "1");
    put(&w, "b", "1");
    put(&w, "a", "2");
    delete (&w, "b", "");
    assert_string_equal(simple(&w, CONSENSUS_COMPACT, 6, 0),
                        "etcdserver: mvcc: required revision is a future revision");
    assert_string_equal(simple(&w, CONSENSUS_COMPACT, 4, 0), "@5");
    const char *compacted = "etcdserver: mvcc: required revision has been compacted";
    assert_string_equal(simple(&w, CONSENSUS_COMPACT, 4, 0), compacted);
    struct consensus_range r = range_of("a", "z");
    r.revision = 3;
    assert_string_equal(range(&w, r), compacted); /* at once, though nothing is freed yet */
    r.revision = 4;
    assert_string_equal(range(&w, r), "@5 range 2 {a=2 c2 m4 v2} {b=1 c3 m3 v1}");
    uint64_t before = consensus_ops.bytes(w.machine);
    world_advance(&w, 1000000);
    world_settle(&w);
    assert_true(consensus_ops.bytes(w.machine) < before);
    assert_string_equal(range(&w, r), "@5 range 2 {a=2 c2 m4 v2} {b=1 c3 m3 v1}");
    /* The tombstone of the compacted revision stays, for a watch from there; then it goes. */
    simple(&w, CONSENSUS_COMPACT, 5, 0);
    world_advance(&w, 1000000);
    world_settle(&w);
    before = consensus_ops.bytes(w.machine);
    put(&w, "c", "1");
    simple(&w, CONSENSUS_COMPACT, 6, 0);
    uint64_t with_c = consensus_ops.bytes(w.machine);
    world_advance(&w, 1000000);
    world_settle(&w);
    assert_true(consensus_ops.bytes(w.machine) < with_c);
    r.revision = 0;
    assert_string_equal(range(&w, r), "@6 range 2 {a=2 c2 m4 v2} {c=1 c6 m6 v1}");
    consensus_ops.check(w.machine);
    world_close(&w);
}

static void test_quota(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    put(&w, "a", "1");
    simple(&w, CONSENSUS_QUOTA, 2000, 0);
    char value[2000];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = 0;
    const char *full = "etcdserver: mvcc: database space exceeded";
    assert_string_equal(put(&w, "b", value), full);
    assert_string_equal(simple(&w, CONSENSUS_STATUS, 0, 0), "@2 no space");
    assert_string_equal(put(&w, "b", "1"), full); /* however small, until it is disarmed */
    assert_string_equal(simple(&w, CONSENSUS_GRANT, 1, 10), full);
    assert_string_equal(delete (&w, "a", ""), "@3 delete 1");
    assert_string_equal(simple(&w, CONSENSUS_ALARM, 2, 0), "@3"); /* not its */
    assert_string_equal(put(&w, "b", "1"), full);
    assert_string_equal(simple(&w, CONSENSUS_ALARM, 1, 0), "@3 no space");
    assert_string_equal(put(&w, "b", "1"), "@4 put");
    world_close(&w);
}

static void test_malformed_commands_are_refused(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    struct txn t = {0};
    then_put(&t, "a", "1");
    struct buffer whole = {0};
    txn_end(&t, &whole);
    for (size_t size = 0; size < whole.size; size++) {
        struct slice cut = slice_of(buffer_slice(&whole).data, size);
        assert_string_equal(world_apply(&w, cut), "etcdserver: malformed request");
    }
    buffer_free(&whole);
    assert_string_equal(get(&w, "a"), "@1 range 0");
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_revisions),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_put_keeps_what_it_is_told_to),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_nested_compares_see_the_state_before),
        cmocka_unit_test(test_transactions_that_are_refused),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_malformed_commands_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
