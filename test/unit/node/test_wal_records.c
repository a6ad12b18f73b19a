/* Records of the log that this version did not write: a newer one did, and must read them
 * (node/disk/wal_records.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/disk/wal_format.h"
#include "wal_seen.h"

enum { META_SIZE = 8 + 4 + 8 + 1 + 1 + NODE_BOOT_ID_SIZE, STATE_SIZE = 13, STATE_FLAGS_AT = 12 };

/* Three good entries, and a batch with this record, whose content is `size` times `byte`. */
static void put(struct images *images, uint8_t type, uint8_t version, size_t size, uint8_t byte)
{
    struct buffer *batch = &images->wal.batch;
    write_entries(images, 3, 100);
    buffer_put_u32(batch, (uint32_t)size);
    buffer_put_u16(batch, 0);
    buffer_put_u8(batch, type);
    buffer_put_u8(batch, version);
    memset(buffer_reserve(batch, size), byte, size);
    buffer_grew(batch, size);
}

static enum wal_verdict verdict_on(struct images *images)
{
    struct wal_recovered recovered;
    images_flush(images, true);
    (void)read_back(images, &recovered, 0, 0);
    enum wal_verdict verdict = recovered.verdict;
    if (verdict == WAL_REFUSED) {
        assert_non_null(strstr(recovered.reason, "a record that this version does not know"));
    }
    wal_recovered_free(&recovered);
    images_free(images);
    return verdict;
}

static enum wal_verdict verdict(uint8_t type, uint8_t version, size_t size, uint8_t byte)
{
    struct images images;
    put(&images, type, version, size, byte);
    return verdict_on(&images);
}

static void test_what_this_version_writes_is_taken(void **state)
{
    (void)state;
    assert_int_equal(verdict(WAL_STOPPED, 1, 0, 0), WAL_CLEAN);
    assert_int_equal(verdict(WAL_HARD_STATE, 1, STATE_SIZE, 0), WAL_CLEAN);
    assert_int_equal(verdict(WAL_RESET, 1, 16, 0), WAL_CLEAN);
    assert_int_equal(verdict(WAL_META, 1, META_SIZE, 0), WAL_CLEAN);
    assert_int_equal(verdict(WAL_ENTRY, 1, WAL_ENTRY_FIELDS_SIZE, 1), WAL_CLEAN);
}

static void test_another_version_of_a_record_is_refused(void **state)
{
    (void)state;
    for (uint8_t type = WAL_META; type <= WAL_STOPPED; type++) {
        assert_int_equal(verdict(type, 2, 16, 0), WAL_REFUSED);
    }
}

static void test_a_record_of_a_new_type_is_refused(void **state)
{
    (void)state;
    assert_int_equal(verdict(0, 1, 0, 0), WAL_REFUSED);
    assert_int_equal(verdict(WAL_STOPPED + 1, 1, 0, 0), WAL_REFUSED);
}

static void test_a_record_longer_or_shorter_than_it_should_be_is_refused(void **state)
{
    (void)state;
    assert_int_equal(verdict(WAL_STOPPED, 1, 1, 0), WAL_REFUSED);
    assert_int_equal(verdict(WAL_RESET, 1, 15, 0), WAL_REFUSED);
    assert_int_equal(verdict(WAL_RESET, 1, 17, 0), WAL_REFUSED);
    assert_int_equal(verdict(WAL_HARD_STATE, 1, STATE_SIZE - 1, 0), WAL_REFUSED);
    assert_int_equal(verdict(WAL_META, 1, META_SIZE - 1, 0), WAL_REFUSED);
    assert_int_equal(verdict(WAL_META, 1, META_SIZE + 1, 0), WAL_REFUSED);
    assert_int_equal(verdict(WAL_ENTRY, 1, WAL_ENTRY_FIELDS_SIZE - 1, 0), WAL_REFUSED);
}

static void test_values_that_have_no_meaning_yet_are_refused(void **state)
{
    (void)state;
    assert_int_equal(verdict(WAL_META, 1, META_SIZE, WAL_MEMBER + 1), WAL_REFUSED);
    struct images images;
    put(&images, WAL_HARD_STATE, 1, STATE_SIZE, 0);
    struct slice batch = buffer_slice(&images.wal.batch);
    images.wal.batch.data[images.wal.batch.head + batch.size - STATE_SIZE + STATE_FLAGS_AT] = 4;
    assert_int_equal(verdict_on(&images), WAL_REFUSED);
}

/* The batch checks out, and ends within a record. */
static void test_a_record_that_ends_too_early_is_refused(void **state)
{
    (void)state;
    struct images images;
    put(&images, WAL_RESET, 1, 16, 0);
    images.wal.batch.size -= 3;
    assert_int_equal(verdict_on(&images), WAL_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_this_version_writes_is_taken),
        cmocka_unit_test(test_another_version_of_a_record_is_refused),
        cmocka_unit_test(test_a_record_of_a_new_type_is_refused),
        cmocka_unit_test(test_a_record_longer_or_shorter_than_it_should_be_is_refused),
        cmocka_unit_test(test_values_that_have_no_meaning_yet_are_refused),
        cmocka_unit_test(test_a_record_that_ends_too_early_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
