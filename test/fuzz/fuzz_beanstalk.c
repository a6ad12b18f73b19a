/* Any bytes to the decoder of the beanstalkd protocol, whole and cut in pieces: the requests must
 * be the same, every command must be one that the machine reads, and what is held must stay within
 * its bound. The first byte of the input chooses the pieces. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/random.h"
#include "systems/queue/machine/queue.h"
#include "contract/protocol.h"
#include "systems/queue/protocol/beanstalk.h"

enum {
    BODY_SIZE_MAX = 300, /* small, so that jobs too big are found */
    HELD_MAX = 16384,
};

static void tell(struct buffer *transcript, const struct protocol_request *request)
{
    struct queue_command command;
    if (request->kind == PROTOCOL_PROPOSE || request->kind == PROTOCOL_QUERY) {
        ASSERT(queue_command_decode(request->command, &command));
        ASSERT((command.op >= QUEUE_PEEK) == (request->kind == PROTOCOL_QUERY));
        ASSERT(command.body.size <= BODY_SIZE_MAX);
    }
    buffer_put_u8(transcript, (uint8_t)request->kind);
    buffer_put_u8(transcript, (uint8_t)(request->blocks << 1 | request->grows));
    buffer_put_u64(transcript, request->token);
    buffer_put_bytes(transcript, request->command);
}

static void feed(void *connection, struct slice bytes, bool *open, struct buffer *transcript)
{
    while (*open) {
        struct slice before = bytes;
        struct protocol_request request;
        enum protocol_request_kind kind = beanstalk_ops.next(connection, &bytes, &request);
        ASSERT(kind == request.kind && bytes.size <= before.size);
        ASSERT(bytes.data + bytes.size == before.data + before.size);
        ASSERT(beanstalk_ops.held(connection) <= HELD_MAX);
        if (kind == PROTOCOL_NONE) {
            ASSERT(bytes.size == 0);
            return;
        }
        tell(transcript, &request);
        *open = kind != PROTOCOL_CLOSE;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct random random = random_seeded(data[0]);
    struct slice bytes = slice_of(data + 1, size - 1);
    struct protocol_config config = {.request_size_max = BODY_SIZE_MAX};
    struct buffer whole = {0}, pieces = {0};

    void *connection = beanstalk_ops.open(&config);
    bool open = true;
    feed(connection, bytes, &open, &whole);
    beanstalk_ops.close(connection);

    connection = beanstalk_ops.open(&config);
    open = true;
    uint64_t piece_max = (uint64_t)1 << (1 + data[0] % 8);
    for (size_t at = 0; at < bytes.size;) {
        size_t piece = 1 + (size_t)random_below(&random, piece_max);
        if (piece > bytes.size - at) piece = bytes.size - at;
        feed(connection, slice_of(bytes.data + at, piece), &open, &pieces);
        at += piece;
    }
    beanstalk_ops.close(connection);

    ASSERT(slice_equal(buffer_slice(&whole), buffer_slice(&pieces)));
    buffer_free(&whole);
    buffer_free(&pieces);
    return 0;
}
