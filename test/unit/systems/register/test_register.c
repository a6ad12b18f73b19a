/* The registers, by their lines: what a client says and hears, and what a snapshot keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "systems/register/protocol/frames.h"

/* One machine with one client; replies are gathered as text. */
struct desk {
    void *machine;
    void *connection;
    struct buffer heard;
};

static const struct session_key session = {1, 1, 1};

static void desk_emit(void *world, const struct session_key *to, const void *payload)
{
    struct desk *desk = world;
    if (to == NULL) return; /* a mark: nobody watches */
    register_protocol_ops.answer(desk->connection, 0, payload, &desk->heard);
}

static void desk_open(struct desk *desk)
{
    *desk = (struct desk){.connection = register_protocol_ops.open(NULL)};
    desk->machine = register_ops.create(NULL, desk_emit, desk);
}

static void desk_close(struct desk *desk)
{
    register_ops.destroy(desk->machine);
    register_protocol_ops.close(desk->connection);
    buffer_free(&desk->heard);
}

/* Feeds the bytes in pieces of this size; false once the protocol wants to close. */
static bool desk_feed(struct desk *desk, const char *text, size_t piece)
{
    struct slice bytes = slice_text(text);
    while (bytes.size > 0) {
        struct protocol_request request;
        struct slice left = slice_of(bytes.data, bytes.size < piece ? bytes.size : piece);
        size_t size = left.size;
        enum protocol_request_kind kind =
            register_protocol_ops.next(desk->connection, &left, &request);
        size_t consumed = size - left.size;
        assert_true(consumed > 0 || kind == PROTOCOL_CLOSE);
        if (kind == PROTOCOL_CLOSE) return false;
        if (kind == PROTOCOL_LITERAL) buffer_append_slice(&desk->heard, request.command);
        if (kind == PROTOCOL_PROPOSE) {
            register_ops.apply(desk->machine, &session, request.command);
        }
        if (kind == PROTOCOL_QUERY) {
            static const struct machine_facts facts;
            struct machine_time now = {0};
            register_ops.query(desk->machine, &session, request.command, &now, &facts);
        }
        bytes = slice_of(bytes.data + consumed, bytes.size - consumed);
    }
    return true;
}

static void assert_hears(const char *said, const char *heard)
{
    for (size_t piece = 1; piece <= strlen(said); piece++) {
        struct desk desk;
        desk_open(&desk);
        assert_true(desk_feed(&desk, said, piece));
        assert_int_equal(desk.heard.size, strlen(heard));
        assert_memory_equal(desk.heard.data, heard, desk.heard.size);
        register_ops.check(desk.machine);
        desk_close(&desk);
    }
}

static void lines_are_answered_wherever_the_reads_cut_them(void **state)
{
    (void)state;
    assert_hears("read 3\nwrite 3 17\nread 3\n", "VALUE 0\nWRITTEN\nVALUE 17\n");
    assert_hears("write 3 17\nread 3 log\nread 3 lease\nread 3 local\nread 3 linearizable\n",
                 "WRITTEN\nVALUE 17\nVALUE 17\nVALUE 17\nVALUE 17\n");
    assert_hears("write 0 5\nswap 0 5 6\nswap 0 5 7\n", "WRITTEN\nSWAPPED\nKEPT 6\n");
    assert_hears("write 31 18446744073709551615\nread 31\n",
                 "WRITTEN\nVALUE 18446744073709551615\n");
}

static void what_is_no_command_is_called_bad_and_changes_nothing(void **state)
{
    (void)state;
    assert_hears(
        "\nread\nread 32\nread x\nread 1 soon\nwrite 1\nwrite 1 2 3\nswap 1 2\nfly 1\nread 1\n",
        "BAD\nBAD\nBAD\nBAD\nBAD\nBAD\nBAD\nBAD\nBAD\nVALUE 0\n");
}

static void a_line_without_end_ends_the_connection(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 70; piece += 13) {
        struct desk desk;
        desk_open(&desk);
        char line[REGISTER_LINE_SIZE_MAX + 1];
        memset(line, 'x', sizeof line);
        line[sizeof line - 1] = '\0';
        assert_false(desk_feed(&desk, line, piece));
        desk_close(&desk);
    }
}

static void a_snapshot_holds_the_state_as_of_its_cut(void **state)
{
    (void)state;
    struct desk one, two;
    struct buffer stream = {0};
    desk_open(&one);
    desk_open(&two);
    desk_feed(&one, "write 1 10\nwrite 2 20\n", 64);
    uint64_t digest = register_ops.digest(one.machine);
    register_ops.cut_begin(one.machine);
    desk_feed(&one, "write 1 11\n", 64);
    assert_false(register_ops.cut_read(one.machine, 1, &stream));
    for (size_t at = 0; at < stream.size; at++) {
        assert_true(register_ops.restore(two.machine, slice_of(stream.data + at, 1)));
    }
    assert_true(register_ops.restore_end(two.machine));
    register_ops.check(two.machine);
    assert_int_equal(register_ops.digest(two.machine), digest);
    assert_true(register_ops.digest(one.machine) != digest);
    assert_true(register_ops.restore(two.machine, slice_of(stream.data, 7)));
    assert_false(register_ops.restore_end(two.machine)); /* cut short */
    buffer_free(&stream);
    desk_close(&one);
    desk_close(&two);
}

static void a_malformed_command_is_ignored(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    register_ops.apply(desk.machine, &session, slice_of("\2\1", 2));
    register_ops.apply(desk.machine, &session,
                       slice_of("\2\40\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 18));
    assert_int_equal(desk.heard.size, 0);
    assert_int_equal(register_ops.digest(desk.machine), 0);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_answered_wherever_the_reads_cut_them),
        cmocka_unit_test(what_is_no_command_is_called_bad_and_changes_nothing),
        cmocka_unit_test(a_line_without_end_ends_the_connection),
        cmocka_unit_test(a_snapshot_holds_the_state_as_of_its_cut),
        cmocka_unit_test(a_malformed_command_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
