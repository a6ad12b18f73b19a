/* A stream of the beanstalkd protocol, told as a transcript: one line a request. Every one is taken
 * from the stream whole, cut in two at every place, and byte by byte; each piece ends at an
 * unreadable page, which main() makes: guarded_make(), guarded_free(). */
#ifndef QUARTET_TEST_BEANSTALK_TRANSCRIPT_H
#define QUARTET_TEST_BEANSTALK_TRANSCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/random.h"
#include "guarded.h"
#include "contract/machine.h"
#include "systems/queue/machine/queue.h"
#include "contract/protocol.h"
#include "systems/queue/protocol/beanstalk.h"
static struct guarded guarded;

/* --- a stream as a transcript --- */

static const char *const op_names[QUEUE_OPS] = {
    [QUEUE_PUT] = "put",
    [QUEUE_USE] = "use",
    [QUEUE_RESERVE] = "reserve",
    [QUEUE_RESERVE_JOB] = "reserve-job",
    [QUEUE_DELETE] = "delete",
    [QUEUE_RELEASE] = "release",
    [QUEUE_BURY] = "bury",
    [QUEUE_TOUCH] = "touch",
    [QUEUE_WATCH] = "watch",
    [QUEUE_IGNORE] = "ignore",
    [QUEUE_KICK] = "kick",
    [QUEUE_KICK_JOB] = "kick-job",
    [QUEUE_PAUSE_TUBE] = "pause-tube",
    [QUEUE_PEEK] = "peek",
    [QUEUE_PEEK_READY] = "peek-ready",
    [QUEUE_PEEK_DELAYED] = "peek-delayed",
    [QUEUE_PEEK_BURIED] = "peek-buried",
    [QUEUE_STATS_JOB] = "stats-job",
    [QUEUE_STATS_TUBE] = "stats-tube",
    [QUEUE_STATS] = "stats",
    [QUEUE_LIST_TUBES] = "list-tubes",
    [QUEUE_LIST_TUBE_USED] = "list-tube-used",
    [QUEUE_LIST_TUBES_WATCHED] = "list-tubes-watched",
};

static inline void tell_number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_append_text(out, name);
    buffer_append_decimal(out, value);
}

/* Only the fields that this op names; the others must be zero, as queue.h says. */
static inline void tell_command(struct buffer *out, const struct queue_command *command)
{
    assert_non_null(op_names[command->op]);
    buffer_append_text(out, op_names[command->op]);
    if (command->id != 0) tell_number(out, " ", command->id);
    if (command->tube.size != 0) {
        buffer_append_text(out, " ");
        buffer_append_slice(out, command->tube);
    }
    if (command->priority != 0) tell_number(out, " pri=", command->priority);
    if (command->delay_s != 0) tell_number(out, " delay=", command->delay_s);
    if (command->ttr_s != 0) tell_number(out, " ttr=", command->ttr_s);
    if (command->timeout_s == QUEUE_NO_TIMEOUT) {
        buffer_append_text(out, " forever");
    } else if (command->timeout_s != 0) {
        tell_number(out, " timeout=", command->timeout_s);
    }
    if (command->bound != 0) tell_number(out, " bound=", command->bound);
    if (command->op == QUEUE_PUT) {
        buffer_append_text(out, " [");
        buffer_append_slice(out, command->body);
        buffer_append_text(out, "]");
    }
    buffer_append_text(out, "\n");
}

static inline void tell_request(struct buffer *out, const struct protocol_request *request)
{
    struct queue_command command;
    switch (request->kind) {
    case PROTOCOL_LITERAL:
        assert_true(request->command.size > 2);
        assert_memory_equal(request->command.data + request->command.size - 2, "\r\n", 2);
        assert_false(request->blocks || request->grows);
        buffer_append(out, request->command.data, request->command.size - 2);
        buffer_append_text(out, "\n");
        return;
    case PROTOCOL_CLOSE: buffer_append_text(out, "close\n"); return;
    case PROTOCOL_PROPOSE:
    case PROTOCOL_QUERY:
        assert_true(queue_command_decode(request->command, &command));
        assert_int_equal(request->kind,
                         command.op >= QUEUE_PEEK ? PROTOCOL_QUERY : PROTOCOL_PROPOSE);
        assert_int_equal(request->grows, command.op == QUEUE_PUT);
        if (request->blocks) buffer_append_text(out, "*");
        tell_command(out, &command);
        return;
    default: break;
    }
    fail();
}

/* Feeds one piece; false once the connection is to be closed. */
static inline bool feed(void *connection, struct slice piece, struct buffer *out)
{
    struct slice left = guarded_copy(&guarded, piece);
    for (;;) {
        struct slice before = left;
        struct protocol_request request;
        enum protocol_request_kind kind = beanstalk_ops.next(connection, &left, &request);
        assert_int_equal(kind, request.kind);
        assert_true(left.size <= before.size);
        assert_ptr_equal(left.data + left.size, before.data + before.size);
        if (kind == PROTOCOL_NONE) {
            assert_int_equal(left.size, 0);
            return true;
        }
        tell_request(out, &request);
        if (kind == PROTOCOL_CLOSE) return false;
    }
}

struct stream {
    void *connection;
    struct buffer transcript;
    bool open;
};

static inline struct stream stream_open(uint32_t body_size_max)
{
    struct protocol_config config = {.request_size_max = body_size_max};
    return (struct stream){.connection = beanstalk_ops.open(&config), .open = true};
}

static inline void stream_feed(struct stream *stream, struct slice piece)
{
    if (stream->open) stream->open = feed(stream->connection, piece, &stream->transcript);
}

/* Checks what was heard, and closes. */
static inline void stream_expect(struct stream *stream, struct slice expected, const char *how)
{
    struct slice heard = buffer_slice(&stream->transcript);
    if (!slice_equal(heard, expected)) {
        print_error("cut %s\nheard:\n%.*s\nexpected:\n%.*s\n", how, (int)heard.size,
                    (const char *)heard.data, (int)expected.size, (const char *)expected.data);
        fail();
    }
    beanstalk_ops.close(stream->connection);
    buffer_free(&stream->transcript);
}

static inline void expect_bytes(struct slice bytes, const char *transcript)
{
    struct slice expected = slice_text(transcript);
    struct stream whole = stream_open(0);
    stream_feed(&whole, bytes);
    stream_expect(&whole, expected, "nowhere");

    for (size_t cut = 1; cut < bytes.size; cut++) {
        struct stream halves = stream_open(0);
        stream_feed(&halves, slice_of(bytes.data, cut));
        stream_feed(&halves, slice_of(bytes.data + cut, bytes.size - cut));
        stream_expect(&halves, expected, "in two");
    }

    struct stream single = stream_open(0);
    for (size_t i = 0; i < bytes.size; i++) stream_feed(&single, slice_of(bytes.data + i, 1));
    stream_expect(&single, expected, "byte by byte");
}

static inline void expect(const char *bytes, const char *transcript)
{
    expect_bytes(slice_text(bytes), transcript);
}

/* `count` times `byte`, then `tail`; the caller frees it. */
static inline struct buffer run_of(char byte, size_t count, const char *tail)
{
    struct buffer bytes = {0};
    memset(buffer_reserve(&bytes, count + 1), byte, count);
    buffer_grew(&bytes, count);
    buffer_append_text(&bytes, tail);
    return bytes;
}

#endif
