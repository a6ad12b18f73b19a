/* The smallest unordered protocol, for tests that play the clients' room by hand.
 *
 * Lines, each a letter and a number that is its token: p a command, q a question, x the end, and t
 * one command after the other: when it is answered, that of the number above it comes up. It is
 * answered at once by the number, the text and a newline, but keeps answers to itself while it is
 * told to (`keep`), for send(); it takes all bytes and keeps its requests until they are asked for.
 * At `due_us` it says "ping", and closes when that is 1. A drain makes it say "bye". */
#ifndef QUARTET_TEST_LOOSE_H
#define QUARTET_TEST_LOOSE_H

#include <stdlib.h>

#include "base/assert.h"
#include "contract/protocol.h"

static struct loose {
    struct buffer lines; /* taken and not asked for */
    struct buffer kept;  /* said and not sent */
    bool keep;
    uint64_t due_us;
    uint64_t twice; /* the command of this token has another behind it; 0: none has */
    bool next;      /* it is to be asked for */
} * loose;          /* of the one connection that was opened last */

static inline void *loose_open(const struct protocol_config *config)
{
    (void)config;
    loose = calloc(1, sizeof *loose);
    ASSERT(loose != NULL);
    loose->due_us = UINT64_MAX;
    return loose;
}

static inline void loose_close(void *connection)
{
    struct loose *opened = connection;
    buffer_free(&opened->lines);
    buffer_free(&opened->kept);
    free(opened);
}

static inline enum protocol_request_kind loose_next(void *connection, struct slice *bytes,
                                                    struct protocol_request *request)
{
    struct loose *opened = connection;
    buffer_append_slice(&opened->lines, *bytes);
    *bytes = slice_of(NULL, 0);
    if (request == NULL) return PROTOCOL_NONE;
    if (opened->next) {
        opened->next = false;
        *request =
            (struct protocol_request){.token = opened->twice + 1, .command = slice_text("t+")};
        opened->twice = 0;
        return request->kind = PROTOCOL_PROPOSE;
    }
    if (opened->lines.size < 3) return PROTOCOL_NONE;
    struct slice line = slice_of(buffer_slice(&opened->lines).data, 3); /* "p1\n" */
    *request = (struct protocol_request){
        .token = (uint64_t)(line.data[1] - '0'),
        .command = slice_of(line.data, 2),
    };
    if (line.data[0] == 't') opened->twice = request->token;
    request->kind = line.data[0] == 'p' || line.data[0] == 't' ? PROTOCOL_PROPOSE
                    : line.data[0] == 'q'                      ? PROTOCOL_QUERY
                                                               : PROTOCOL_CLOSE;
    if (request->kind == PROTOCOL_CLOSE) request->command.size = 0;
    buffer_consume(&opened->lines, 3); /* leaves the bytes where they are until more come */
    return request->kind;
}

static inline void loose_say(struct loose *opened, uint64_t token, struct slice text,
                             struct buffer *out)
{
    if (opened->keep) out = &opened->kept;
    buffer_append_decimal(out, token);
    buffer_put_u8(out, ' ');
    buffer_append_slice(out, text);
    buffer_put_u8(out, '\n');
}

static inline void loose_answer(void *connection, uint64_t token, const void *payload,
                                struct buffer *out)
{
    struct loose *opened = connection;
    opened->next = token == opened->twice && token != 0;
    loose_say(connection, token, *(const struct slice *)payload, out);
}

static inline bool loose_more(const void *connection)
{
    return ((const struct loose *)connection)->next;
}

static inline void loose_refuse(void *connection, uint64_t token, enum protocol_refusal why,
                                struct buffer *out)
{
    const char *text = why == PROTOCOL_REFUSED_UNKNOWN ? "unknown" : "refused";
    if (connection != NULL) loose_say(connection, token, slice_text(text), out);
}

static inline bool loose_send(void *connection, size_t room, struct buffer *out)
{
    struct loose *opened = connection;
    size_t size = opened->kept.size < room ? opened->kept.size : room;
    if (opened->keep) return opened->kept.size > 0;
    buffer_append_slice(out, slice_of(buffer_slice(&opened->kept).data, size));
    buffer_consume(&opened->kept, size);
    return opened->kept.size > 0;
}

static inline uint64_t loose_turn(void *connection, uint64_t now_us, struct buffer *out)
{
    struct loose *opened = connection;
    if (opened->due_us == 1) {
        buffer_append_text(out, "gone\n");
        return PROTOCOL_TURN_CLOSE;
    }
    if (now_us >= opened->due_us) {
        opened->due_us = UINT64_MAX;
        buffer_append_text(out, "ping\n");
    }
    return opened->due_us;
}

static inline void loose_drain(void *connection, struct buffer *out)
{
    (void)connection;
    buffer_append_text(out, "bye\n");
}

static inline void loose_push(void *connection, uint64_t token, const void *payload,
                              struct buffer *out)
{
    (void)connection;
    buffer_append_decimal(out, token);
    buffer_put_u8(out, '!');
    buffer_append_slice(out, *(const struct slice *)payload);
    buffer_put_u8(out, '\n');
}

static inline size_t loose_held(const void *connection)
{
    const struct loose *opened = connection;
    return opened->lines.size + opened->kept.size;
}

static const struct protocol_ops loose_protocol = {
    .name = "loose",
    .tells_unknown = true,
    .open = loose_open,
    .close = loose_close,
    .next = loose_next,
    .more = loose_more,
    .answer = loose_answer,
    .refuse = loose_refuse,
    .push = loose_push,
    .send = loose_send,
    .turn = loose_turn,
    .drain = loose_drain,
    .held = loose_held,
};

#endif
