/* Any bytes as frames of a WebSocket, whole and cut in pieces: the messages and the refusal must be
 * the same, no limit is passed, texts are UTF-8, and what came out can be written and is read again
 * as it was. The first byte of the input chooses the pieces, the side, and the limit. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/random.h"
#include "wire/websocket.h"

static const uint8_t key[4] = {1, 2, 3, 0xff};

static void read_again(const struct websocket *websocket, enum websocket_result result,
                       struct slice payload, unsigned code)
{
    static const enum websocket_opcode opcodes[] = {
        [WEBSOCKET_TEXT] = WEBSOCKET_OP_TEXT,
        [WEBSOCKET_BINARY] = WEBSOCKET_OP_BINARY,
        [WEBSOCKET_PING] = WEBSOCKET_OP_PING,
        [WEBSOCKET_PONG] = WEBSOCKET_OP_PONG,
    };
    struct buffer out = {0};
    const uint8_t *mask = websocket->is_client ? NULL : key;
    if (result == WEBSOCKET_CLOSE) {
        websocket_close_write(code, payload, mask, &out);
    } else {
        websocket_write(opcodes[result], true, payload, mask, &out);
    }
    struct websocket again = {.is_client = websocket->is_client,
                              .message_size_max = websocket->message_size_max};
    struct slice read;
    size_t consumed;
    unsigned said = 0;
    ASSERT(websocket_read(&again, buffer_slice(&out), &consumed, &read, &said) == result);
    ASSERT(consumed == out.size && slice_equal(read, payload));
    ASSERT(result != WEBSOCKET_CLOSE || said == code);
    websocket_free(&again);
    buffer_free(&out);
}

static void feed(struct websocket *websocket, struct slice bytes, struct buffer *transcript)
{
    uint32_t max = websocket->message_size_max;
    if (max == 0) max = WEBSOCKET_MESSAGE_SIZE_MAX;
    for (;;) {
        size_t consumed = SIZE_MAX;
        struct slice payload = {0};
        unsigned code = 0;
        enum websocket_result result = websocket_read(websocket, bytes, &consumed, &payload, &code);
        ASSERT(consumed <= bytes.size);
        bytes = slice_of(bytes.data + consumed, bytes.size - consumed);
        if (result == WEBSOCKET_PARTIAL) break;
        buffer_put_u8(transcript, (uint8_t)result);
        buffer_put_u32(transcript, code);
        if (result == WEBSOCKET_REFUSED) continue;
        bool message = result == WEBSOCKET_TEXT || result == WEBSOCKET_BINARY;
        ASSERT(payload.size <= (message ? max : WEBSOCKET_CONTROL_SIZE_MAX));
        ASSERT(result != WEBSOCKET_TEXT || utf8_valid(payload));
        buffer_put_bytes(transcript, payload);
        read_again(websocket, result, payload, code);
    }
    ASSERT(bytes.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct random random = random_seeded(data[0]);
    struct slice bytes = slice_of(data + 1, size - 1);
    struct websocket fresh = {.is_client = (data[0] & 0x80) != 0};
    if ((data[0] & 0x40) != 0) fresh.message_size_max = 32;
    struct buffer whole = {0}, pieces = {0};

    struct websocket websocket = fresh;
    feed(&websocket, bytes, &whole);
    websocket_free(&websocket);

    websocket = fresh;
    uint64_t piece_max = (uint64_t)1 << (data[0] % 8);
    for (size_t at = 0; at < bytes.size;) {
        size_t piece = 1 + (size_t)random_below(&random, piece_max);
        if (piece > bytes.size - at) piece = bytes.size - at;
        feed(&websocket, slice_of(bytes.data + at, piece), &pieces);
        at += piece;
    }
    websocket_free(&websocket);

    ASSERT(slice_equal(buffer_slice(&whole), buffer_slice(&pieces)));
    buffer_free(&whole);
    buffer_free(&pieces);
    return 0;
}
