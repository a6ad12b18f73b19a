/* The log read back: what of it is void, what is kept, and what may be lost (specs/disk.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wal_seen.h"

/* Seed 150 of five nodes: entries 4 and 5 of an old term stood on disk behind entry 3, which a new
 * leader had replaced and a snapshot then covered. They came back. */
static void test_entries_that_covered_ones_replaced_are_void(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 5, 10);
    images_put(&images, 3, 2, 10);
    images_flush(&images, true);
    struct seen seen = read_back(&images, &recovered, 3, 2);
    assert_true(recovered.groups[0].keeps_suffix);
    /* 3 itself may be visited; nothing behind it may. */
    assert_int_equal(seen.last, 3);
    wal_recovered_free(&recovered);

    images_put(&images, 4, 2, 10);
    images_flush(&images, true);
    seen = read_back(&images, &recovered, 3, 2);
    assert_int_equal(seen.last, 4);
    assert_int_equal(seen.last_term, 2);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_reset_voids_what_came_before_it(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 5, 10);
    wal_put_reset(&images.wal, 0, 90, 3);
    images_put(&images, 91, 3, 10); /* in the batch of the RESET itself */
    images_flush(&images, true);
    struct seen seen = read_back(&images, &recovered, 90, 3);
    assert_true(recovered.groups[0].keeps_suffix);
    assert_int_equal(seen.first, 91);
    assert_int_equal(seen.count, 1);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_log_that_a_newer_snapshot_contradicts_is_not_kept(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 5, 10);
    (void)read_back(&images, &recovered, 3, 9); /* the log's entry 3 is of term 1 */
    assert_false(recovered.groups[0].keeps_suffix);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_trim_keeps_segments_with_entries_behind_the_index(void **state)
{
    (void)state;
    struct images images;
    write_entries(&images, 100, 1000);
    uint32_t before = images.wal.segments_count;
    assert_int_equal(wal_trim(&images.wal, 0, 0), 1);
    assert_false(wal_trims(&images.wal, 0, 0));
    assert_true(wal_trims(&images.wal, 0, 50));
    uint64_t oldest = wal_trim(&images.wal, 0, 50);
    assert_true(oldest > 1 && images.wal.segments_count < before);
    assert_true(images.wal.segments[0].index_max[0] > 50);
    assert_int_equal(wal_trim(&images.wal, 0, 1000), images.wal.segment);
    images_free(&images);
}

struct tail {
    uint32_t count;
    uint64_t segment[4], offset[4];
    size_t size[4];
};

static void note_tail(void *context, uint64_t segment, uint64_t offset, struct slice bytes)
{
    struct tail *tail = context;
    tail->segment[tail->count] = segment;
    tail->offset[tail->count] = offset;
    tail->size[tail->count++] = bytes.size;
}

static void test_tail_above_the_watermark_is_told_and_nothing_else(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    struct tail tail = {0};
    images_begin(&images);
    images_put(&images, 1, 1, 10);
    images_flush(&images, true);
    images_put(&images, 2, 1, 10); /* its header knows the one before to be durable */
    uint64_t unsure = images_flush(&images, false);
    images_put(&images, 3, 1, 10);
    images_flush(&images, false);
    images_recover(&images, 1, 0, 0, &recovered);
    wal_each_tail(images.image, images.count, &recovered, note_tail, &tail);
    assert_int_equal(tail.count, 1);
    assert_int_equal(tail.segment[0], 1);
    assert_int_equal(tail.offset[0], unsure);
    assert_int_equal(tail.size[0], recovered.segments[0].bytes - unsure);
    wal_recovered_free(&recovered);

    /* A segment of which nothing is sure counts with its header, the one before with its end. */
    wal_begin_segment(&images.wal);
    images_put(&images, 4, 1, 10);
    images_flush(&images, false);
    images_recover(&images, 1, 0, 0, &recovered);
    tail.count = 0;
    wal_each_tail(images.image, images.count, &recovered, note_tail, &tail);
    assert_int_equal(tail.count, 2);
    assert_int_equal(tail.segment[0], 2);
    assert_int_equal(tail.offset[0], 0);
    assert_int_equal(tail.segment[1], 1);
    assert_int_equal(tail.offset[1], unsure);
    wal_recovered_free(&recovered);
    images_free(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_that_covered_ones_replaced_are_void),
        cmocka_unit_test(test_reset_voids_what_came_before_it),
        cmocka_unit_test(test_log_that_a_newer_snapshot_contradicts_is_not_kept),
        cmocka_unit_test(test_trim_keeps_segments_with_entries_behind_the_index),
        cmocka_unit_test(test_tail_above_the_watermark_is_told_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
