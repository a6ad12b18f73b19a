/* The smallest machine and protocol that a node can run, for tests that play its rooms by hand.
 *
 * The machine remembers how many commands it was given and the last of them. Its reply to a command
 * or a question is the text itself; a command that begins with 'w' waits for session_hurry().
 *
 * The protocol is lines, by their first letter: p a command, g one that grows the state, w one that
 * blocks, e one that a leader may acknowledge (heard as "counted 1 of 1"), a one that all voters
 * have to have ("counted 2 of 3" otherwise), k asks for one more voter, within 1 ms; q a question,
 * l one that any replica may answer, s a session's, t a reply that is known already, x quit.
 * A refusal is "refused" and the reason's number. */
#ifndef QUARTET_TEST_TINY_H
#define QUARTET_TEST_TINY_H

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "contract/machine.h"
#include "contract/protocol.h"

enum { TINY_TEXT_MAX = 64 };

struct tiny {
    machine_emit *emit;
    void *world;
    uint64_t count;
    struct session_key waits; /* incarnation 0: none does */
    uint64_t session_ends;
    struct buffer stream; /* of a cut */
    struct buffer restored;
};

static inline void *tiny_create(const void *options, machine_emit *emit, void *world)
{
    (void)options;
    struct tiny *tiny = calloc(1, sizeof *tiny);
    ASSERT(tiny != NULL);
    tiny->emit = emit;
    tiny->world = world;
    return tiny;
}

static inline bool tiny_destroy(void *machine)
{
    struct tiny *tiny = machine;
    buffer_free(&tiny->stream);
    buffer_free(&tiny->restored);
    free(tiny);
    return true;
}

static inline void tiny_advance(void *machine, const struct machine_time *time)
{
    (void)machine;
    (void)time;
}

static inline void tiny_apply(void *machine, const struct session_key *session,
                              struct slice command)
{
    struct tiny *tiny = machine;
    tiny->count++;
    if (command.size > 0 && command.data[0] == 'w') {
        tiny->waits = *session;
        return;
    }
    tiny->emit(tiny->world, session, &command);
}

static inline void tiny_session_end(void *machine, const struct session_key *session)
{
    (void)session;
    ((struct tiny *)machine)->session_ends++;
}

static inline void tiny_session_hurry(void *machine, const struct session_key *session)
{
    struct tiny *tiny = machine;
    struct slice text = slice_text("in vain");
    if (tiny->waits.incarnation == 0 || tiny->waits.connection != session->connection) return;
    tiny->waits.incarnation = 0;
    tiny->emit(tiny->world, session, &text);
}

static inline void tiny_origin_end(void *machine, uint32_t node, uint64_t incarnation)
{
    (void)machine;
    (void)node;
    (void)incarnation;
}

static inline struct machine_deadline tiny_deadline(const void *machine)
{
    (void)machine;
    return (struct machine_deadline){UINT64_MAX, UINT64_MAX};
}

static inline void tiny_query(const void *machine, const struct session_key *session,
                              struct slice command, const struct machine_time *time,
                              const struct machine_facts *facts)
{
    const struct tiny *tiny = machine;
    (void)time;
    (void)facts;
    tiny->emit(tiny->world, session, &command);
}

static inline void tiny_metrics(const void *machine, struct buffer *out)
{
    (void)machine;
    (void)out;
}

static inline uint64_t tiny_bytes(const void *machine)
{
    (void)machine;
    return sizeof(struct tiny);
}

static inline uint64_t tiny_digest(const void *machine)
{
    return ((const struct tiny *)machine)->count * UINT64_C(0x9E3779B97F4A7C15);
}

static inline void tiny_cut_begin(void *machine)
{
    struct tiny *tiny = machine;
    buffer_clear(&tiny->stream);
    buffer_put_u64(&tiny->stream, tiny->count);
}

static inline bool tiny_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct tiny *tiny = machine;
    (void)size;
    buffer_append_slice(out, buffer_slice(&tiny->stream));
    buffer_clear(&tiny->stream);
    return false;
}

static inline uint64_t tiny_cut_pending(const void *machine)
{
    return ((const struct tiny *)machine)->stream.size;
}

static inline void tiny_cut_abort(void *machine)
{
    buffer_clear(&((struct tiny *)machine)->stream);
}

static inline bool tiny_restore(void *machine, struct slice bytes)
{
    buffer_append_slice(&((struct tiny *)machine)->restored, bytes);
    return true;
}

static inline bool tiny_restore_end(void *machine)
{
    struct tiny *tiny = machine;
    struct reader reader = reader_of(buffer_slice(&tiny->restored));
    tiny->count = read_u64(&reader);
    return reader_done(&reader);
}

static inline void tiny_check(const void *machine)
{
    (void)machine;
}

static const struct machine_ops tiny_machine = {
    .name = "tiny",
    .snapshot_version = 1,
    .create = tiny_create,
    .destroy = tiny_destroy,
    .advance = tiny_advance,
    .apply = tiny_apply,
    .session_end = tiny_session_end,
    .session_hurry = tiny_session_hurry,
    .origin_end = tiny_origin_end,
    .deadline = tiny_deadline,
    .query = tiny_query,
    .metrics = tiny_metrics,
    .bytes = tiny_bytes,
    .digest = tiny_digest,
    .cut_begin = tiny_cut_begin,
    .cut_read = tiny_cut_read,
    .cut_pending = tiny_cut_pending,
    .cut_abort = tiny_cut_abort,
    .restore = tiny_restore,
    .restore_end = tiny_restore_end,
    .check = tiny_check,
};

/* --- the protocol --- */

struct tiny_decoder {
    uint8_t line[TINY_TEXT_MAX];
    size_t size;
    bool done; /* the line is whole: the next byte begins another */
};

static inline void *tiny_open(const struct protocol_config *config)
{
    (void)config;
    struct tiny_decoder *decoder = calloc(1, sizeof *decoder);
    ASSERT(decoder != NULL);
    return decoder;
}

static inline void tiny_close(void *connection)
{
    free(connection);
}

static inline enum protocol_request_kind tiny_line(const struct tiny_decoder *decoder,
                                                   struct protocol_request *request)
{
    request->command = slice_of(decoder->line, decoder->size);
    request->slot = decoder->size < 2 ? 0 : decoder->line[1]; /* "p3..." is about '3' */
    switch (decoder->size == 0 ? 'x' : decoder->line[0]) {
    case 'p': return PROTOCOL_PROPOSE;
    case 'g': request->grows = true; return PROTOCOL_PROPOSE;
    case 'w': request->blocks = true; return PROTOCOL_PROPOSE;
    case 'e': request->write = PROTOCOL_WRITE_LEADER; return PROTOCOL_PROPOSE;
    case 'a': request->write = PROTOCOL_WRITE_ALL; return PROTOCOL_PROPOSE;
    case 'k':
        request->voters = 1;
        request->wait_us = 1000;
        return PROTOCOL_WAIT;
    case 'q': return PROTOCOL_QUERY;
    case 's': request->read = PROTOCOL_READ_SESSION; return PROTOCOL_QUERY;
    case 'l': request->read = PROTOCOL_READ_LOCAL; return PROTOCOL_QUERY;
    case 't': return PROTOCOL_LITERAL;
    default: /* "xbye": its last word */
        request->command.size = decoder->size == 0 ? 0 : decoder->size - 1;
        request->command.data = decoder->line + 1;
        return PROTOCOL_CLOSE;
    }
}

static inline enum protocol_request_kind tiny_next(void *connection, struct slice *bytes,
                                                   struct protocol_request *request)
{
    struct tiny_decoder *decoder = connection;
    *request = (struct protocol_request){.read = PROTOCOL_READ_LINEARIZABLE};
    if (decoder->done) decoder->size = 0;
    decoder->done = false;
    while (bytes->size > 0) {
        uint8_t byte = bytes->data[0];
        *bytes = slice_of(bytes->data + 1, bytes->size - 1);
        if (byte == '\n') {
            decoder->done = true;
            return tiny_line(decoder, request);
        }
        ASSERT(decoder->size < TINY_TEXT_MAX);
        decoder->line[decoder->size++] = byte;
    }
    return PROTOCOL_NONE;
}

static inline void tiny_answer(void *connection, uint64_t token, const void *payload,
                               struct buffer *out)
{
    (void)connection;
    (void)token;
    buffer_append_slice(out, *(const struct slice *)payload);
    buffer_put_u8(out, '\n');
}

static inline void tiny_refuse(void *connection, uint64_t token, enum protocol_refusal why,
                               struct buffer *out)
{
    (void)connection;
    (void)token;
    buffer_append_text(out, "refused ");
    buffer_append_decimal(out, why);
    buffer_put_u8(out, '\n');
}

static inline void tiny_counted(void *connection, uint64_t token, uint32_t have, uint32_t of,
                                struct buffer *out)
{
    (void)connection;
    (void)token;
    buffer_clear(out);
    buffer_append_text(out, "counted ");
    buffer_append_decimal(out, have);
    buffer_append_text(out, " of ");
    buffer_append_decimal(out, of);
    buffer_put_u8(out, '\n');
}

static inline size_t tiny_held(const void *connection)
{
    return ((const struct tiny_decoder *)connection)->size;
}

static const struct protocol_ops tiny_protocol = {
    .name = "tiny",
    .ordered = true,
    .open = tiny_open,
    .close = tiny_close,
    .next = tiny_next,
    .answer = tiny_answer,
    .refuse = tiny_refuse,
    .counted = tiny_counted,
    .held = tiny_held,
};

#endif
