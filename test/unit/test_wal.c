/* The log read back: every rule of specs/disk.md, "Torn or damaged", and what is void. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wal_image.h"

struct seen {
    uint64_t first, last, last_term;
    uint32_t count;
};

static void see(void *context, const struct raft_entry *entry)
{
    struct seen *seen = context;
    if (seen->count++ == 0) seen->first = entry->index;
    seen->last = entry->index;
    seen->last_term = entry->term;
}

static struct seen read_back(const struct images *images, struct wal_recovered *recovered,
                             uint64_t snapshot_index, uint64_t snapshot_term)
{
    struct seen seen = {0};
    wal_recover(images->image, images->count, 1, snapshot_index, snapshot_term, recovered);
    wal_each_entry(images->image, images->count, recovered, see, &seen);
    return seen;
}

/* Entries 1 to `count`, a batch each, all durable and told so by the next. */
static void write_entries(struct images *images, uint64_t count, size_t size)
{
    images_begin(images);
    for (uint64_t i = 1; i <= count; i++) {
        images_put(images, i, 1, size);
        images_flush(images, true);
    }
}

static void test_whole_log_over_segments_comes_back(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 100, 1000);
    assert_true(images.count > 2);
    struct seen seen = read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_CLEAN);
    assert_int_equal(seen.count, 100);
    assert_int_equal(seen.last, 100);
    assert_int_equal(recovered.meta.cluster, 7);
    assert_int_equal(recovered.hard_state.vote, 1);
    assert_int_equal(recovered.sequence, images.wal.sequence);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_torn_tail_is_cut(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 5, 100);
    images_put(&images, 6, 1, 2000);
    uint64_t at = images_flush(&images, false);
    memset(images.bytes[0] + (at / 512 + 2) * 512, 0, 512); /* one sector never reached the disk */
    struct seen seen = read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_TORN);
    assert_int_equal(recovered.bad_offset, at);
    assert_int_equal(seen.last, 5);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_hole_before_valid_batches_is_torn_when_nothing_was_durable(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 5, 100);
    images_put(&images, 6, 1, 700);
    uint64_t at = images_flush(&images, false);
    size_t size = images.wal.offset - at;
    images_put(&images, 7, 1, 700);
    images_flush(&images, false);
    memset(images.bytes[0] + at, 0, size);
    struct seen seen = read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_TORN);
    assert_int_equal(seen.last, 5);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_bad_batch_below_a_watermark_is_damage(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 5, 100);
    images_put(&images, 6, 1, 100);
    uint64_t at = images_flush(&images, true);
    images_put(&images, 7, 1, 100); /* its header knows that 6 is durable */
    images_flush(&images, true);
    memset(images.bytes[0] + at, 0, WAL_BATCH_HEADER_SIZE);
    struct seen seen = read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_DAMAGED);
    assert_int_equal(recovered.bad_offset, at);
    assert_int_equal(seen.last, 5);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_last_batch_written_whole_and_bad_is_damage(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 5, 100);
    images_put(&images, 6, 1, 2000);
    uint64_t at = images_flush(&images, false);
    images.bytes[0][at + 300] ^= 1;
    (void)read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_DAMAGED);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_any_flipped_bit_of_a_durable_batch_is_noticed(void **state)
{
    (void)state;
    struct images images;
    write_entries(&images, 12, 40);
    uint64_t end = images.wal.offset;
    images_flush(&images, true); /* an idle node's watermark */
    for (uint64_t at = 0; at < end; at++) {
        struct wal_recovered recovered;
        images.bytes[0][at] ^= 0x10;
        struct seen seen = read_back(&images, &recovered, 0, 0);
        /* Padding behind a batch and the unused bytes are no one's loss. */
        if (recovered.verdict == WAL_CLEAN) {
            assert_int_equal(seen.count, 12);
        } else {
            assert_true(recovered.verdict == WAL_DAMAGED || recovered.verdict == WAL_REFUSED);
        }
        wal_recovered_free(&recovered);
        images.bytes[0][at] ^= 0x10;
    }
    images_free(&images);
}

static void test_cut_at_every_byte_keeps_a_prefix(void **state)
{
    (void)state;
    struct images images;
    write_entries(&images, 8, 60);
    uint64_t end = images.wal.offset;
    for (uint64_t size = 0; size <= end; size++) {
        struct wal_recovered recovered;
        struct segment_image cut = {.number = 1, .bytes = slice_of(images.bytes[0], size)};
        struct seen seen = {0};
        wal_recover(&cut, 1, 1, 0, 0, &recovered);
        wal_each_entry(&cut, 1, &recovered, see, &seen);
        assert_true(seen.count <= 8 && seen.last == seen.count);
        wal_recovered_free(&recovered);
    }
    images_free(&images);
}

static void test_other_node_and_newer_format_are_refused(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 1, 10);
    wal_recover(images.image, images.count, 2, 0, 0, &recovered);
    assert_int_equal(recovered.verdict, WAL_REFUSED);
    assert_non_null(strstr(recovered.reason, "belongs to node 1"));
    wal_recovered_free(&recovered);
    images_free(&images);
}

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
    assert_true(recovered.keeps_suffix);
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
    wal_put_reset(&images.wal, 90, 3);
    images_put(&images, 91, 3, 10); /* in the batch of the RESET itself */
    images_flush(&images, true);
    struct seen seen = read_back(&images, &recovered, 90, 3);
    assert_true(recovered.keeps_suffix);
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
    assert_false(recovered.keeps_suffix);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_trim_keeps_segments_with_entries_behind_the_index(void **state)
{
    (void)state;
    struct images images;
    write_entries(&images, 100, 1000);
    uint32_t before = images.wal.segments_count;
    assert_int_equal(wal_trim(&images.wal, 0), 1);
    uint64_t oldest = wal_trim(&images.wal, 50);
    assert_true(oldest > 1 && images.wal.segments_count < before);
    assert_true(images.wal.segments[0].index_max > 50);
    assert_int_equal(wal_trim(&images.wal, 1000), images.wal.segment);
    images_free(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_log_over_segments_comes_back),
        cmocka_unit_test(test_torn_tail_is_cut),
        cmocka_unit_test(test_hole_before_valid_batches_is_torn_when_nothing_was_durable),
        cmocka_unit_test(test_bad_batch_below_a_watermark_is_damage),
        cmocka_unit_test(test_last_batch_written_whole_and_bad_is_damage),
        cmocka_unit_test(test_any_flipped_bit_of_a_durable_batch_is_noticed),
        cmocka_unit_test(test_cut_at_every_byte_keeps_a_prefix),
        cmocka_unit_test(test_other_node_and_newer_format_are_refused),
        cmocka_unit_test(test_entries_that_covered_ones_replaced_are_void),
        cmocka_unit_test(test_reset_voids_what_came_before_it),
        cmocka_unit_test(test_log_that_a_newer_snapshot_contradicts_is_not_kept),
        cmocka_unit_test(test_trim_keeps_segments_with_entries_behind_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
    assert_false(wal_trims(&images.wal, 0));
    assert_true(wal_trims(&images.wal, 50));
