/* The header of a snapshot file: what another program wrote is refused by name, never misread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "node/disk/snapshot_format.h"

enum { FORMAT_AT = 4, MACHINE_AT = 6 };

static const struct machine_ops machine = {.name = "tiny", .snapshot_version = 3};

/* A header as this program writes it, with one of its two version numbers moved by `step`. */
static bool read_back(size_t at, int step, struct snapshot_fault *fault)
{
    struct snapshot_header header = {.cluster = 7, .index = 9, .term = 2};
    header.members.count = 1;
    header.members.member[0].id = 1;
    struct buffer bytes = {0};
    snapshot_header_encode(&machine, &header, &bytes);
    bytes.data[bytes.head + at] = (uint8_t)(bytes.data[bytes.head + at] + step);
    struct snapshot_header found;
    memset(fault, 0, sizeof *fault);
    bool good = snapshot_header_decode(&machine, buffer_slice(&bytes), &found, fault);
    if (good) assert_int_equal(found.index, 9);
    buffer_free(&bytes);
    return good;
}

static void what_this_program_wrote_is_read(void **state)
{
    (void)state;
    struct snapshot_fault fault;
    assert_true(read_back(FORMAT_AT, 0, &fault));
}

static void an_older_one_is_refused_and_told_how_to_be_emptied(void **state)
{
    (void)state;
    struct snapshot_fault fault;
    for (size_t at = FORMAT_AT; at <= MACHINE_AT; at += MACHINE_AT - FORMAT_AT) {
        assert_false(read_back(at, -1, &fault));
        assert_true(fault.foreign);
        assert_non_null(strstr(fault.why, "empty it with the older quartet"));
    }
    assert_non_null(strstr(fault.why, "the machine's format 2, this quartet reads 3"));
}

static void a_newer_one_is_refused_and_told_to_use_a_newer_program(void **state)
{
    (void)state;
    struct snapshot_fault fault;
    for (size_t at = FORMAT_AT; at <= MACHINE_AT; at += MACHINE_AT - FORMAT_AT) {
        assert_false(read_back(at, 1, &fault));
        assert_true(fault.foreign);
        assert_non_null(strstr(fault.why, "use a newer quartet"));
    }
    assert_non_null(strstr(fault.why, "the machine's format 4, this quartet reads 3"));
}

/* --- a header that cannot be --- */

static struct buffer header_of(const struct machine_ops *ops, uint64_t index)
{
    struct snapshot_header header = {.cluster = 7, .index = index, .term = 2};
    header.members.count = 2;
    header.members.member[0].id = 1;
    header.members.member[1].id = 2;
    struct buffer bytes = {0};
    snapshot_header_encode(ops, &header, &bytes);
    return bytes;
}

static void expect_fault(struct slice bytes, const char *words, bool foreign)
{
    struct snapshot_header found;
    struct snapshot_fault fault = {0};
    assert_false(snapshot_header_decode(&machine, bytes, &found, &fault));
    if (strstr(fault.why, words) == NULL) fail_msg("expected \"%s\": \"%s\"", words, fault.why);
    assert_int_equal(fault.foreign, foreign);
}

static void a_header_that_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct machine_ops other = {.name = "other", .snapshot_version = 3};
    struct buffer bytes = header_of(&other, 9);
    expect_fault(buffer_slice(&bytes), "of another system", true);
    buffer_free(&bytes);
    bytes = header_of(&machine, 0); /* nothing was applied */
    expect_fault(buffer_slice(&bytes), "malformed snapshot header", false);
    buffer_free(&bytes);
    bytes = header_of(&machine, 9);
    for (size_t size = 8; size < bytes.size; size++) {
        expect_fault(slice_of(buffer_slice(&bytes).data, size), "malformed snapshot header", false);
    }
    bytes.data[bytes.head] ^= 1;
    expect_fault(buffer_slice(&bytes), "malformed snapshot header", false);
    bytes.data[bytes.head] ^= 1;
    bytes.data[bytes.head + bytes.size - 1] ^= 0xff; /* in its members */
    expect_fault(buffer_slice(&bytes), "malformed members", false);
    buffer_free(&bytes);
}

/* --- a file, for those who need not know what it says --- */

static struct buffer file_of(uint32_t claimed)
{
    struct buffer header = header_of(&machine, 9);
    struct buffer file = {0};
    snapshot_chunk_append(&file, buffer_slice(&header));
    snapshot_chunk_append(&file, slice_text("content"));
    snapshot_end_append(&file, claimed);
    buffer_free(&header);
    return file;
}

static void a_file_is_whole_or_it_is_told_where_not(void **state)
{
    (void)state;
    uint64_t offset = 0;
    struct buffer file = file_of(2);
    const struct slice bytes = buffer_slice(&file);
    size_t content = bytes.size - 8 - 8 - strlen("content");
    assert_true(snapshot_file_whole(bytes, &offset));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_false(snapshot_file_whole(slice_of(bytes.data, size), &offset));
        uint64_t expected = size < content ? 0 : size < bytes.size - 8 ? content : bytes.size - 8;
        assert_int_equal(offset, expected);
    }
    file.data[file.head + content + 10] ^= 1;
    assert_false(snapshot_file_whole(bytes, &offset));
    assert_int_equal(offset, content);
    file.data[file.head + content + 10] ^= 1;
    buffer_put_u8(&file, 0); /* behind the end */
    assert_false(snapshot_file_whole(buffer_slice(&file), &offset));
    buffer_free(&file);
    file = file_of(3);
    assert_false(snapshot_file_whole(buffer_slice(&file), &offset));
    buffer_free(&file);
}

static void the_members_of_a_file_are_read_from_its_header(void **state)
{
    (void)state;
    struct raft_members members;
    struct buffer file = file_of(2);
    assert_true(snapshot_file_members(buffer_slice(&file), &members));
    assert_int_equal(members.count, 2);
    assert_int_equal(members.member[1].id, 2);
    assert_false(snapshot_file_members(slice_of(NULL, 0), &members));
    file.data[file.head + 20] ^= 1;
    assert_false(snapshot_file_members(buffer_slice(&file), &members));
    buffer_clear(&file);
    snapshot_end_append(&file, 0);
    assert_false(snapshot_file_members(buffer_slice(&file), &members));
    buffer_clear(&file);
    snapshot_chunk_append(&file, slice_text("no header"));
    assert_false(snapshot_file_members(buffer_slice(&file), &members));
    buffer_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_this_program_wrote_is_read),
        cmocka_unit_test(an_older_one_is_refused_and_told_how_to_be_emptied),
        cmocka_unit_test(a_newer_one_is_refused_and_told_to_use_a_newer_program),
        cmocka_unit_test(a_header_that_cannot_be_is_refused),
        cmocka_unit_test(a_file_is_whole_or_it_is_told_where_not),
        cmocka_unit_test(the_members_of_a_file_are_read_from_its_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
