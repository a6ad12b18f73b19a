/* What a connection of the store makes of the bytes that come, as text. */
#ifndef QUARTET_TEST_UNIT_STORE_TALK_H
#define QUARTET_TEST_UNIT_STORE_TALK_H

#include "store_world.h"

#include "systems/store/protocol/protocol.h"

/* Requests as text: literals as they are, "Q level slot: ", "P slot: " and "G slot: " (it grows)
 * with the op's name and words, behind the level of a write "leader " or "all "; "W voters us",
 * "close". */
static inline void tell(const struct protocol_request *request, struct buffer *out)
{
    static const char *const levels[] = {"linearizable", "lease", "local", "session"};
    if (request->kind == PROTOCOL_LITERAL) {
        buffer_append_slice(out, request->command);
        return;
    }
    if (request->kind == PROTOCOL_CLOSE) {
        buffer_append_slice(out, request->command);
        buffer_append_text(out, "close\n");
        return;
    }
    if (request->kind == PROTOCOL_WAIT) {
        buffer_append_text(out, "W ");
        buffer_append_decimal(out, request->voters);
        buffer_append_text(out, request->wait_us == UINT64_MAX ? " ever" : " ");
        if (request->wait_us != UINT64_MAX) buffer_append_decimal(out, request->wait_us);
        buffer_append_text(out, "\n");
        return;
    }
    struct reader reader = reader_of(request->command);
    const struct store_command *row = store_command_by_op((enum store_op)read_u8(&reader));
    uint16_t slot = read_u16(&reader);
    assert_non_null(row);
    if (slot != STORE_NO_SLOT) assert_int_equal(request->slot, slot);
    if (request->kind == PROTOCOL_QUERY) {
        buffer_append_text(out, "Q ");
        buffer_append_text(out, levels[request->read]);
        buffer_append_text(out, " ");
    } else {
        static const char *const writes[] = {"", "leader ", "all "};
        buffer_append_text(out, request->grows ? "G " : "P ");
        buffer_append_text(out, writes[request->write]);
    }
    if (slot == STORE_NO_SLOT) {
        if (request->slot != 0) buffer_append_decimal(out, request->slot); /* where it is put */
        buffer_append_text(out, "-");
    } else {
        buffer_append_decimal(out, slot);
    }
    buffer_append_text(out, ": ");
    buffer_append_text(out, row->name);
    while (reader.bytes.size > 0) {
        buffer_append_text(out, " ");
        buffer_append_slice(out, read_exactly(&reader, (size_t)read_varint(&reader)));
    }
    assert_true(reader_done(&reader));
    buffer_append_text(out, "\n");
}

static inline void feed(void *connection, struct slice bytes, struct buffer *out)
{
    for (int i = 0; i < 1000; i++) {
        struct protocol_request request;
        enum protocol_request_kind kind = store_protocol_ops.next(connection, &bytes, &request);
        assert_int_equal(kind, request.kind);
        if (kind == PROTOCOL_NONE) {
            assert_int_equal(bytes.size, 0);
            return;
        }
        tell(&request, out);
        if (kind == PROTOCOL_CLOSE) return;
    }
    fail();
}

static inline void expect_said(struct buffer *out, const char *expected)
{
    if (!slice_equal(buffer_slice(out), slice_text(expected))) {
        print_error("says %.*s\nnot %s\n", (int)out->size, out->data, expected);
        fail();
    }
    buffer_clear(out);
}

static inline void expect_with(const struct protocol_config *config, const char *text,
                               const char *expected)
{
    struct buffer out = {0};
    void *connection = store_protocol_ops.open(config);
    feed(connection, slice_text(text), &out);
    store_protocol_ops.close(connection);
    if (!slice_equal(buffer_slice(&out), slice_text(expected))) {
        print_error("%s\n  says %.*s\n  not  %s\n", text, (int)out.size, out.data, expected);
        fail();
    }
    buffer_free(&out);
}

#endif
