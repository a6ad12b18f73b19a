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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_this_program_wrote_is_read),
        cmocka_unit_test(an_older_one_is_refused_and_told_how_to_be_emptied),
        cmocka_unit_test(a_newer_one_is_refused_and_told_to_use_a_newer_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
