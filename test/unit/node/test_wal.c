/* The log read back: every rule of specs/disk.md, "Torn or damaged". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "node/disk/wal_format.h"
#include "wal_seen.h"

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
    assert_int_equal(recovered.groups[0].hard_state.vote, 1);
    assert_int_equal(recovered.sequence, images.wal.sequence);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_record_of_a_group_that_there_is_not_is_damage(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 3, 100);
    images_put(&images, 4, 9, 100);
    uint8_t *record = images.wal.batch.data + images.wal.batch.head + WAL_BATCH_HEADER_SIZE;
    record[4] = 7; /* of the group */
    images_flush(&images, true);
    struct seen seen = read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_DAMAGED);
    assert_non_null(strstr(recovered.reason, "group 7"));
    assert_int_equal(seen.last, 3);
    wal_recovered_free(&recovered);
    images_free(&images);
}

/* As a process that stores into a mapping leaves it when it is killed: see specs/disk.md. */
static void test_batch_without_its_first_bytes_was_never_written(void **state)
{
    (void)state;
    for (int opening = 0; opening < 2; opening++) {
        struct images images;
        struct wal_recovered recovered;
        write_entries(&images, 5, 100);
        if (opening) wal_begin_segment(&images.wal);
        images_put(&images, 6, 1, 700);
        uint64_t at = images_flush(&images, false);
        memset(images.bytes[images.count - 1] + at, 0, 8);
        struct seen seen = read_back(&images, &recovered, 0, 0);
        assert_int_equal(recovered.verdict, opening ? WAL_TORN : WAL_CLEAN);
        assert_int_equal(seen.last, 5);
        wal_recovered_free(&recovered);
        images_free(&images);
    }
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

/* A vote may stand in it that was told: written behind its back, a batch that did not know yet. */
static void test_batch_written_whole_and_bad_is_damage_whatever_lies_behind_it(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 5, 100);
    images_put(&images, 6, 1, 700);
    uint64_t at = images_flush(&images, false);
    images_put(&images, 7, 1, 700);
    images_flush(&images, false);
    images.bytes[0][at + 300] ^= 4;
    (void)read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_DAMAGED);
    assert_int_equal(recovered.bad_offset, at);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_segment_opened_a_moment_ago_is_not_torn_by_a_flipped_bit(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 200; at++) {
        struct images images;
        struct wal_recovered recovered;
        write_entries(&images, 5, 100);
        wal_begin_segment(&images.wal);
        images_put(&images, 6, 2, 100);
        images_flush(&images, false);
        assert_int_equal(images.count, 2);
        images.bytes[1][at] ^= 1;
        struct seen seen = read_back(&images, &recovered, 0, 0);
        bool nobodys = recovered.verdict == WAL_CLEAN && seen.last == 6; /* padding */
        assert_true(nobodys || recovered.verdict == WAL_DAMAGED);
        wal_recovered_free(&recovered);
        images_free(&images);
    }
}

/* Sectors of zeros are ordinary data: the header counts them, so that one that is missing shows. */
static void test_blank_sectors_are_told_from_those_never_written(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    static uint8_t zeros[4000];
    write_entries(&images, 2, 100);
    struct raft_entry blank = {
        .index = 3, .term = 1, .kind = 16, .version = 1, .data = slice_of(zeros, sizeof zeros)};
    wal_put_entry(&images.wal, 0, &blank);
    images_put(&images, 4, 1, 2000);
    uint64_t at = images_flush(&images, false);
    struct seen seen = read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_CLEAN);
    assert_int_equal(seen.last, 4);
    wal_recovered_free(&recovered);

    images.bytes[0][at + 4000 + 500] ^= 1;
    (void)read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_DAMAGED);
    wal_recovered_free(&recovered);

    memset(images.bytes[0] + ((at + 4000) / 512 + 1) * 512, 0, 512);
    (void)read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_TORN);
    wal_recovered_free(&recovered);
    images_free(&images);
}

/* Also where the last sector of a batch holds one byte of it, or none but padding. */
static void test_flipped_bit_in_the_last_batch_is_damage_at_every_size(void **state)
{
    (void)state;
    for (size_t size = 300; size < 900; size++) {
        struct images images;
        struct wal_recovered recovered;
        write_entries(&images, 2, 100);
        images_put(&images, 3, 1, size);
        uint64_t at = images_flush(&images, false);
        uint64_t body = at + WAL_BATCH_HEADER_SIZE;
        uint64_t last = body + load_u32(images.bytes[0] + at + 4) - 1;
        for (int bit = 0; bit < 8; bit++) {
            images.bytes[0][last] ^= (uint8_t)(1 << bit);
            (void)read_back(&images, &recovered, 0, 0);
            assert_int_equal(recovered.verdict, WAL_DAMAGED);
            wal_recovered_free(&recovered);
            images.bytes[0][last] ^= (uint8_t)(1 << bit);
        }
        images_free(&images);
    }
}

/* A log of three segments and more, damaged in the second; the start gave up from there on. */
static void damage_and_continue(struct images *images, struct wal_recovered *recovered)
{
    write_entries(images, 100, 1000);
    assert_true(images->count > 2);
    images->bytes[1][3000] ^= 1;
    (void)read_back(images, recovered, 0, 0);
    assert_int_equal(recovered->verdict, WAL_DAMAGED);
    assert_int_equal(recovered->bad_segment, 2);
    images_recover_before(images, 2, 0, 0, recovered);
    assert_int_equal(recovered->segments_count, 1);
    assert_true(recovered->watermark >= 99);
    images_continue(images, recovered, false);
}

/* Seeds 105, 201 and 382 of three nodes: the gap that was left was taken for damage once more, and
 * all that had been written since was dropped. */
static void test_log_goes_on_behind_a_damaged_segment(void **state)
{
    (void)state;
    for (int removed = 0; removed < 2; removed++) { /* a crash may come before they are set aside */
        struct images images;
        struct wal_recovered recovered;
        damage_and_continue(&images, &recovered);
        uint64_t kept = images.wal.segments[0].index_max[0];
        uint64_t numbers = recovered.segment_last;
        wal_recovered_free(&recovered);
        for (uint64_t i = kept + 1; i <= 120; i++) {
            images_put(&images, i, 2, 500);
            images_flush(&images, true);
        }
        for (uint64_t i = 2; removed && i <= numbers; i++) images_remove(&images, i);
        struct seen seen = read_back(&images, &recovered, 0, 0);
        assert_int_equal(recovered.verdict, WAL_CLEAN);
        assert_int_equal(seen.count, 120);
        assert_int_equal(seen.last, 120);
        assert_int_equal(seen.last_term, 2);
        assert_false(recovered.groups[0].hard_state.trusted);
        assert_false(wal_recovered_keeps(&recovered, 2));
        wal_recovered_free(&recovered);
        images_free(&images);
    }
}

static void test_segment_that_leaves_damage_behind_counts_with_its_first_batch_only(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    damage_and_continue(&images, &recovered);
    wal_recovered_free(&recovered);
    images_flush(&images, false);
    uint32_t newest = images.count - 1;
    memset(images.bytes[newest] + 512, 0, IMAGE_SEGMENT_BYTES - 512); /* torn behind the first */
    (void)read_back(&images, &recovered, 0, 0);
    assert_false(recovered.groups[0].hard_state.trusted);
    wal_recovered_free(&recovered);
    images.bytes[newest][WAL_SEGMENT_HEADER_SIZE + 60] ^= 1;
    (void)read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_DAMAGED);
    assert_int_equal(recovered.bad_segment, 2);
    wal_recovered_free(&recovered);
    images_free(&images);
}

static void test_segment_that_is_gone_is_damage(void **state)
{
    (void)state;
    struct images images;
    struct wal_recovered recovered;
    write_entries(&images, 100, 1000);
    images_remove(&images, 2);
    (void)read_back(&images, &recovered, 0, 0);
    assert_int_equal(recovered.verdict, WAL_DAMAGED);
    assert_int_equal(recovered.bad_segment, 3); /* the first is sound */
    assert_int_equal(recovered.segments_count, 1);
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
        wal_recover(&cut, 1, &(struct wal_owner){1, 1, NULL}, &recovered);
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
    images_recover(&images, 2, 0, 0, &recovered);
    assert_int_equal(recovered.verdict, WAL_REFUSED);
    assert_non_null(strstr(recovered.reason, "belongs to node 1, this is node 2"));
    wal_recovered_free(&recovered);
    store_u32(images.bytes[0] + 4, 9);
    store_u32(images.bytes[0] + 60, crc32c(0, images.bytes[0], 60));
    images_recover(&images, 1, 0, 0, &recovered);
    assert_int_equal(recovered.verdict, WAL_REFUSED);
    assert_non_null(strstr(recovered.reason, "is of log format 9, this quartet reads format 2"));
    wal_recovered_free(&recovered);
    images_free(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_log_over_segments_comes_back),
        cmocka_unit_test(test_record_of_a_group_that_there_is_not_is_damage),
        cmocka_unit_test(test_batch_without_its_first_bytes_was_never_written),
        cmocka_unit_test(test_torn_tail_is_cut),
        cmocka_unit_test(test_hole_before_valid_batches_is_torn_when_nothing_was_durable),
        cmocka_unit_test(test_bad_batch_below_a_watermark_is_damage),
        cmocka_unit_test(test_last_batch_written_whole_and_bad_is_damage),
        cmocka_unit_test(test_batch_written_whole_and_bad_is_damage_whatever_lies_behind_it),
        cmocka_unit_test(test_segment_opened_a_moment_ago_is_not_torn_by_a_flipped_bit),
        cmocka_unit_test(test_blank_sectors_are_told_from_those_never_written),
        cmocka_unit_test(test_flipped_bit_in_the_last_batch_is_damage_at_every_size),
        cmocka_unit_test(test_log_goes_on_behind_a_damaged_segment),
        cmocka_unit_test(test_segment_that_leaves_damage_behind_counts_with_its_first_batch_only),
        cmocka_unit_test(test_segment_that_is_gone_is_damage),
        cmocka_unit_test(test_any_flipped_bit_of_a_durable_batch_is_noticed),
        cmocka_unit_test(test_cut_at_every_byte_keeps_a_prefix),
        cmocka_unit_test(test_other_node_and_newer_format_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
