/* A log that several groups share: what one of them does to its entries is no matter of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wal_image.h"

enum { GROUPS = 3 };

struct seen {
    uint64_t last[GROUPS];
    uint32_t count[GROUPS];
};

static void see(void *context, uint32_t group, const struct raft_entry *entry)
{
    struct seen *seen = context;
    assert_true(group < GROUPS);
    seen->count[group]++;
    seen->last[group] = entry->index;
}

static struct seen read_back(const struct images *images, const struct wal_snapshot *snapshots,
                             struct wal_recovered *recovered)
{
    struct seen seen = {0};
    struct wal_owner owner = {1, GROUPS, snapshots};
    wal_recover(images->image, images->count, &owner, recovered);
    wal_each_entry(images->image, images->count, recovered, see, &seen);
    return seen;
}

/* In each batch an entry of each group. */
static void write_all(struct images *images, uint64_t from, uint64_t to, size_t size)
{
    for (uint64_t i = from; i <= to; i++) {
        for (uint32_t group = 0; group < GROUPS; group++) {
            images_put_in(images, group, i + 100 * group, 1, size);
        }
        images_flush(images, true);
    }
}

static void test_entries_and_states_come_back_apart(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    images_begin_groups(&images, GROUPS);
    write_all(&images, 1, 40, 900);
    struct wal_hard_state other = {.term = 9, .vote = 2, .trusted = false, .held = true};
    wal_put_hard_state(&images.wal, 1, &other);
    images_flush(&images, true);
    write_all(&images, 41, 80, 900);
    assert_true(images.count > 2);
    images_remove(&images, 1); /* what states were written there stands in the later ones, too */
    struct seen seen = read_back(&images, NULL, &recovered);
    assert_int_equal(recovered.verdict, WAL_CLEAN);
    for (uint32_t group = 0; group < GROUPS; group++) {
        assert_int_equal(seen.last[group], 80 + 100 * group);
        assert_int_equal(seen.count[group], seen.count[0]);
        assert_true(recovered.groups[group].has_hard_state);
    }
    assert_int_equal(recovered.groups[0].hard_state.term, 1);
    assert_true(recovered.groups[0].hard_state.trusted);
    assert_false(recovered.groups[0].hard_state.held);
    assert_int_equal(recovered.groups[1].hard_state.term, 9);
    assert_int_equal(recovered.groups[1].hard_state.vote, 2);
    assert_false(recovered.groups[1].hard_state.trusted);
    assert_true(recovered.groups[1].hard_state.held);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_reset_voids_the_entries_of_its_group_only(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    images_begin_groups(&images, GROUPS);
    write_all(&images, 1, 5, 10);
    wal_put_reset(&images.wal, 1, 300, 4);
    images_put_in(&images, 1, 301, 4, 10);
    images_flush(&images, true);
    struct wal_snapshot snapshots[GROUPS] = {{0, 0}, {300, 4}, {0, 0}};
    struct seen seen = read_back(&images, snapshots, &recovered);
    assert_int_equal(seen.count[0], 5);
    assert_int_equal(seen.count[1], 1);
    assert_int_equal(seen.last[1], 301);
    assert_int_equal(seen.count[2], 5);
    for (uint32_t group = 0; group < GROUPS; group++) {
        assert_true(recovered.groups[group].keeps_suffix);
    }
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_snapshot_contradicts_the_log_of_its_group_only(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    images_begin_groups(&images, GROUPS);
    write_all(&images, 1, 5, 10);
    struct wal_snapshot snapshots[GROUPS] = {{3, 1}, {103, 2}, {0, 0}};
    struct seen seen = read_back(&images, snapshots, &recovered);
    assert_true(recovered.groups[0].keeps_suffix);
    assert_false(recovered.groups[1].keeps_suffix);
    assert_true(recovered.groups[2].keeps_suffix);
    assert_int_equal(seen.count[0], 3); /* the last that is covered, and those behind it */
    assert_int_equal(seen.count[2], 5);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_segment_stays_until_no_group_needs_it(void **state)
{
    (void)state;
    struct images images;
    images_begin_groups(&images, GROUPS);
    images_put_in(&images, 2, 1, 1, 10); /* of one that falls silent */
    images_flush(&images, true);
    for (uint64_t i = 1; i <= 80; i++) {
        images_put_in(&images, 0, i, 1, 1000);
        images_flush(&images, true);
    }
    struct wal *wal = &images.wal;
    assert_true(wal->segments_count > 2);
    assert_true(wal_pinned_by(wal, 0));
    assert_false(wal_pinned_by(wal, 1));
    assert_true(wal_pinned_by(wal, 2));
    assert_true(wal_trims(wal, 0, 80));
    assert_false(wal_trims(wal, 1, 80));
    assert_false(wal_trims(wal, 2, 0));
    assert_int_equal(wal_trim(wal, 0, 80), 1);
    assert_false(wal_pinned_by(wal, 0));
    assert_true(wal_trims(wal, 2, 1));
    assert_int_equal(wal_trim(wal, 2, 1), wal->segment);
    assert_int_equal(wal->segments_count, 1);
    images_free(&images);
}

static void test_node_of_another_number_of_groups_is_refused(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    images_begin_groups(&images, GROUPS);
    write_all(&images, 1, 5, 10);
    struct wal_owner owner = {1, 1, NULL};
    wal_recover(images.image, images.count, &owner, &recovered);
    assert_int_equal(recovered.verdict, WAL_REFUSED);
    assert_non_null(strstr(recovered.reason, "3 groups"));
    assert_non_null(strstr(recovered.reason, "a node of 1"));
    wal_recovered_free(&recovered);
    owner.groups = 0; /* whoever only looks is told */
    wal_recover(images.image, images.count, &owner, &recovered);
    assert_int_equal(recovered.verdict, WAL_CLEAN);
    assert_int_equal(recovered.groups_count, GROUPS);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_damage_leaves_every_group_untrusted_to_the_next_start(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    images_begin_groups(&images, GROUPS);
    write_all(&images, 1, 60, 400);
    assert_true(images.count > 2);
    images.bytes[1][2000] ^= 1;
    struct seen seen = read_back(&images, NULL, &recovered);
    assert_int_equal(recovered.verdict, WAL_DAMAGED);
    struct wal_owner owner = {1, GROUPS, NULL};
    wal_recover_before(images.image, images.count, recovered.bad_segment, &owner, &recovered);
    images_continue(&images, &recovered, false);
    wal_recovered_free(&recovered);
    images_flush(&images, true);
    seen = read_back(&images, NULL, &recovered);
    assert_int_equal(recovered.verdict, WAL_CLEAN);
    for (uint32_t group = 0; group < GROUPS; group++) {
        assert_false(recovered.groups[group].hard_state.trusted);
        assert_true(seen.count[group] > 0);
        assert_int_equal(seen.count[group], seen.count[0]);
    }
    wal_recovered_free(&recovered);
    images_free(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_and_states_come_back_apart),
        cmocka_unit_test(test_reset_voids_the_entries_of_its_group_only),
        cmocka_unit_test(test_snapshot_contradicts_the_log_of_its_group_only),
        cmocka_unit_test(test_segment_stays_until_no_group_needs_it),
        cmocka_unit_test(test_node_of_another_number_of_groups_is_refused),
        cmocka_unit_test(test_damage_leaves_every_group_untrusted_to_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
