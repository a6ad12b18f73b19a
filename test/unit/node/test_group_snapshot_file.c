/* A snapshot file as a start reads it: whole, or refused with the reason
 * (node/group/snapshot_receive.c). */
#include "group_stream.h"

static struct group_solo solo;

static int set_up(void **state)
{
    (void)state;
    group_solo_make(&solo, 3);
    solo.config.machine = &machine;
    group_solo_open(&solo, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    group_solo_end(&solo);
    return 0;
}

static struct buffer file;

static const char *fault_of(struct slice bytes)
{
    static struct snapshot_fault fault;
    struct snapshot_header found;
    assert_null(group_read_snapshot(solo.group, bytes, &found, &fault));
    return fault.why;
}

static void make_file(const struct snapshot_header *of, size_t stream_size, uint32_t chunks)
{
    struct buffer bytes = {0};
    snapshot_header_encode(&machine, of, &bytes);
    buffer_clear(&file);
    snapshot_chunk_append(&file, buffer_slice(&bytes));
    if (stream_size > 0) snapshot_chunk_append(&file, part(0, stream_size));
    snapshot_end_append(&file, chunks);
    buffer_free(&bytes);
}

static void test_a_damaged_file_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct snapshot_header wrong = header;
    wrong.digest++;
    assert_non_null(strstr(fault_of(slice_of(NULL, 0)), "the first chunk"));
    make_file(&header, stream.size, 2);
    for (size_t cut = file.size - 1; cut > file.size - 8; cut--) {
        assert_non_null(strstr(fault_of(slice_of(buffer_slice(&file).data, cut)), "a chunk"));
    }
    file.data[file.head + file.size / 2] ^= 1;
    assert_non_null(strstr(fault_of(buffer_slice(&file)), "a chunk of the snapshot"));
    make_file(&header, stream.size, 3);
    assert_non_null(strstr(fault_of(buffer_slice(&file)), "not complete"));
    make_file(&header, stream.size, 2);
    buffer_put_u8(&file, 0);
    assert_non_null(strstr(fault_of(buffer_slice(&file)), "not complete"));
    make_file(&header, 20, 2);
    assert_non_null(strstr(fault_of(buffer_slice(&file)), "not complete"));
    make_file(&wrong, stream.size, 2);
    assert_non_null(strstr(fault_of(buffer_slice(&file)), "another digest"));
    make_file(&header, stream.size, 2);
    file.data[file.head + 8] ^= 1; /* the header's own chunk */
    assert_non_null(strstr(fault_of(buffer_slice(&file)), "the first chunk"));
    buffer_free(&file);
}

static void test_a_group_begins_with_what_a_file_held(void **state)
{
    (void)state;
    struct snapshot_header found;
    struct snapshot_fault fault;
    make_file(&header, stream.size, 2);
    struct replica *replica = group_read_snapshot(solo.group, buffer_slice(&file), &found, &fault);
    assert_non_null(replica);
    group_close(solo.group);
    group_adopt(solo.group, replica, file.size);
    assert_int_equal(group_replica(solo.group)->index, header.index);
    struct group_counters counters;
    group_counters(solo.group, &counters);
    assert_int_equal(counters.snapshot_index, header.index);
    assert_int_equal(counters.snapshot_bytes, file.size);
    buffer_free(&file);
}

int main(void)
{
#define SOLO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SOLO_TEST(test_a_damaged_file_is_refused_with_the_reason),
        SOLO_TEST(test_a_group_begins_with_what_a_file_held),
    };
    return cmocka_run_group_tests(tests, make_stream, free_stream);
}
