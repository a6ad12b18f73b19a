/* Any bytes to a connection of the chat, with a machine behind it: nothing breaks, and what is said
 * does not depend on where the bytes were cut. The first byte says into what pieces; if it is odd,
 * the rest is the bytes of the wire, else lines, each the text of a frame. */
#include "../unit/systems/chat/chat_talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char head[] =
    "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

static void append_frames(struct slice lines, struct buffer *out)
{
    static const uint8_t mask[4];
    buffer_append_text(out, head);
    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t size = end == NULL ? lines.size : (size_t)(end - lines.data);
        websocket_write(WEBSOCKET_OP_TEXT, true, slice_of(lines.data, size), mask, out);
        size_t used = end == NULL ? size : size + 1;
        lines = slice_of(lines.data + used, lines.size - used);
    }
}

/* `live`: whatever a piece asks for is done before the next one comes. */
static struct buffer talk_all(struct slice bytes, size_t piece, bool live)
{
    static struct talk talk;
    talk_open(&talk, NULL, NULL);
    while (bytes.size > 0) {
        size_t part = bytes.size < piece ? bytes.size : piece;
        talk_ask_all(&talk, &talk.talkers[0], slice_of(bytes.data, part));
        if (live) talk_settle(&talk);
        bytes = slice_of(bytes.data + part, bytes.size - part);
    }
    talk_settle(&talk);
    chat_ops.check(talk.machine);
    struct buffer said = talk.talkers[0].heard;
    talk.talkers[0].heard = (struct buffer){0};
    talk_close(&talk);
    return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer bytes = {0};
    if (size == 0 || size > 4096) return 0; /* no more proposals than a talker remembers */
    if ((data[0] & 1) != 0) {
        buffer_append(&bytes, data + 1, size - 1);
    } else {
        append_frames(slice_of(data + 1, size - 1), &bytes);
    }
    struct buffer whole = talk_all(buffer_slice(&bytes), SIZE_MAX, false);
    struct buffer pieces = talk_all(buffer_slice(&bytes), 1 + data[0] / 2, false);
    struct buffer live = talk_all(buffer_slice(&bytes), 1 + data[0] / 2, true);
    ASSERT(slice_equal(buffer_slice(&whole), buffer_slice(&pieces)));
    buffer_free(&bytes);
    buffer_free(&whole);
    buffer_free(&pieces);
    buffer_free(&live);
    return 0;
}
