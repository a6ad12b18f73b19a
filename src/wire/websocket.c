/* The frames of a WebSocket. See websocket.h; sections are those of RFC 6455. */
#include "wire/websocket.h"

#include <string.h>

#include "base/assert.h"

enum {
    FIN = 0x80,
    RESERVED = 0x70,
    MASKED = 0x80,
    SIZE_16 = 126, /* the size follows in 2 bytes */
    SIZE_64 = 127, /* in 8 */
    CODE_SIZE = 2,
};

void websocket_free(struct websocket *websocket)
{
    buffer_free(&websocket->message);
}

void websocket_ignore(struct websocket *websocket)
{
    websocket->over = true;
    buffer_free(&websocket->message);
}

size_t websocket_held(const struct websocket *websocket)
{
    return websocket->message.capacity;
}

static bool is_control(uint8_t opcode)
{
    return (opcode & 8) != 0;
}

/* --- headers; each judge returns the code of a refusal, or 0 --- */

static unsigned judge_first(const struct websocket *websocket, uint8_t byte)
{
    uint8_t opcode = byte & 15;
    if ((byte & RESERVED) != 0) return WEBSOCKET_PROTOCOL_ERROR;
    if ((opcode & 7) > 2) return WEBSOCKET_PROTOCOL_ERROR; /* 5.2: none has a meaning */
    if (is_control(opcode)) return (byte & FIN) != 0 ? 0 : WEBSOCKET_PROTOCOL_ERROR; /* 5.5 */
    bool goes_on = opcode == WEBSOCKET_OP_CONTINUE;
    return goes_on == websocket->in_message ? 0 : WEBSOCKET_PROTOCOL_ERROR; /* 5.4 */
}

static unsigned judge_second(const struct websocket *websocket, uint8_t byte)
{
    bool masked = (byte & MASKED) != 0;
    if (masked == websocket->is_client) return WEBSOCKET_PROTOCOL_ERROR; /* 5.1 */
    uint8_t size = byte & 127;
    bool control = is_control(websocket->header[0] & 15);
    if (control && size > WEBSOCKET_CONTROL_SIZE_MAX) return WEBSOCKET_PROTOCOL_ERROR;
    return 0;
}

/* How long the header is that begins with these two bytes. */
static size_t header_size(const uint8_t *header)
{
    uint8_t size = header[1] & 127;
    size_t extra = size == SIZE_16 ? 2 : size == SIZE_64 ? 8 : 0;
    return 2 + extra + ((header[1] & MASKED) != 0 ? 4 : 0);
}

/* The size of the payload; UINT64_MAX where it could have been said in fewer bytes (5.2). */
static uint64_t payload_size(const uint8_t *header)
{
    uint8_t size = header[1] & 127;
    if (size < SIZE_16) return size;
    uint64_t value = 0;
    for (unsigned i = 0; i < (size == SIZE_16 ? 2u : 8u); i++) value = value << 8 | header[2 + i];
    bool shortest = size == SIZE_16 ? value >= SIZE_16 : value > UINT16_MAX;
    return shortest && value >> 63 == 0 ? value : UINT64_MAX;
}

/* The header is whole: its frame begins. */
static unsigned begin_frame(struct websocket *websocket)
{
    const uint8_t *header = websocket->header;
    uint64_t size = payload_size(header);
    if (size == UINT64_MAX) return WEBSOCKET_PROTOCOL_ERROR;
    uint32_t max = websocket->message_size_max;
    if (max == 0) max = WEBSOCKET_MESSAGE_SIZE_MAX;
    websocket->opcode = header[0] & 15;
    websocket->fin = (header[0] & FIN) != 0;
    if (!is_control(websocket->opcode)) {
        if (size > max - websocket->message.size) return WEBSOCKET_TOO_BIG;
        if (websocket->opcode != WEBSOCKET_OP_CONTINUE) {
            websocket->is_text = websocket->opcode == WEBSOCKET_OP_TEXT;
            websocket->utf8 = (struct utf8){0};
        }
        websocket->in_message = true;
    }
    if ((header[1] & MASKED) != 0) memcpy(websocket->mask, header + header_size(header) - 4, 4);
    websocket->frame_left = size;
    websocket->mask_at = 0;
    websocket->control_size = 0;
    websocket->in_payload = true;
    return 0;
}

static unsigned take_header_byte(struct websocket *websocket, uint8_t byte)
{
    websocket->header[websocket->header_size++] = byte;
    unsigned refused = 0;
    if (websocket->header_size == 1) refused = judge_first(websocket, byte);
    if (websocket->header_size == 2) refused = judge_second(websocket, byte);
    if (refused != 0 || websocket->header_size < 2) return refused;
    if (websocket->header_size < header_size(websocket->header)) return 0;
    websocket->header_size = 0;
    return begin_frame(websocket);
}

/* --- payloads --- */

/* out[i] = in[i] ^ mask[(at + i) % 4] (5.3), eight at a time. */
static void mask_bytes(uint8_t *out, const uint8_t *in, size_t size, const uint8_t mask[4],
                       uint32_t at)
{
    uint8_t eight[8];
    uint64_t word, key;
    size_t i = 0;
    for (unsigned j = 0; j < 8; j++) eight[j] = mask[(at + j) % 4];
    memcpy(&key, eight, sizeof key);
    for (; size - i >= sizeof word; i += sizeof word) {
        memcpy(&word, in + i, sizeof word);
        word ^= key;
        memcpy(out + i, &word, sizeof word);
    }
    for (; i < size; i++) out[i] = in[i] ^ eight[i % 8];
}

static void copy_payload(struct websocket *websocket, uint8_t *out, const uint8_t *in, size_t size)
{
    if (websocket->is_client) {
        memcpy(out, in, size);
    } else {
        mask_bytes(out, in, size, websocket->mask, websocket->mask_at);
    }
    websocket->mask_at = (websocket->mask_at + (uint32_t)size) % 4;
    websocket->frame_left -= size;
}

static unsigned take_payload(struct websocket *websocket, struct slice part)
{
    if (is_control(websocket->opcode)) {
        uint8_t *at = websocket->control + websocket->control_size;
        copy_payload(websocket, at, part.data, part.size);
        websocket->control_size += (uint8_t)part.size;
        return 0;
    }
    uint8_t *at = buffer_reserve(&websocket->message, part.size);
    copy_payload(websocket, at, part.data, part.size);
    buffer_grew(&websocket->message, part.size);
    if (!websocket->is_text) return 0;
    struct slice plain = slice_of(at, part.size);
    return utf8_check(&websocket->utf8, plain) == part.size ? 0 : WEBSOCKET_NOT_UTF8;
}

/* What a close frame may say (7.4); 1004 to 1006 and 1015 are never sent. */
static bool code_valid(unsigned code)
{
    if (code >= 3000) return code <= 4999;
    return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/* The frame is whole. */
static enum websocket_result end_control(struct websocket *websocket, struct slice *payload,
                                         unsigned *code)
{
    *payload = slice_of(websocket->control, websocket->control_size);
    if (websocket->opcode == WEBSOCKET_OP_PING) return WEBSOCKET_PING;
    if (websocket->opcode == WEBSOCKET_OP_PONG) return WEBSOCKET_PONG;
    *code = WEBSOCKET_NO_CODE;
    if (payload->size == 0) return WEBSOCKET_CLOSE;
    *code = WEBSOCKET_PROTOCOL_ERROR;
    if (payload->size < CODE_SIZE) return WEBSOCKET_REFUSED;
    unsigned said = (unsigned)payload->data[0] << 8 | payload->data[1];
    if (!code_valid(said)) return WEBSOCKET_REFUSED;
    *payload = slice_of(payload->data + CODE_SIZE, payload->size - CODE_SIZE);
    *code = WEBSOCKET_NOT_UTF8;
    if (!utf8_valid(*payload)) return WEBSOCKET_REFUSED;
    *code = said;
    return WEBSOCKET_CLOSE;
}

static enum websocket_result end_frame(struct websocket *websocket, struct slice *payload,
                                       unsigned *code)
{
    websocket->in_payload = false;
    if (is_control(websocket->opcode)) return end_control(websocket, payload, code);
    if (!websocket->fin) return WEBSOCKET_PARTIAL;
    websocket->in_message = false;
    *code = WEBSOCKET_NOT_UTF8;
    if (websocket->is_text && !utf8_whole(&websocket->utf8)) return WEBSOCKET_REFUSED;
    *payload = buffer_slice(&websocket->message);
    websocket->yielded = true;
    return websocket->is_text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY;
}

static void take_back(struct websocket *websocket)
{
    if (!websocket->yielded) return;
    websocket->yielded = false;
    if (websocket->message.capacity > WEBSOCKET_KEPT_SIZE_MAX) {
        buffer_free(&websocket->message);
    } else {
        buffer_clear(&websocket->message);
    }
}

/* One byte of a header, or what there is of a payload, from bytes[*at] on. */
static enum websocket_result step(struct websocket *websocket, struct slice bytes, size_t *at,
                                  struct slice *payload, unsigned *code)
{
    unsigned refused;
    if (!websocket->in_payload) {
        refused = take_header_byte(websocket, bytes.data[(*at)++]);
    } else {
        struct slice part = slice_of(bytes.data + *at, bytes.size - *at);
        if (part.size > websocket->frame_left) part.size = (size_t)websocket->frame_left;
        refused = take_payload(websocket, part);
        *at += part.size;
    }
    if (refused != 0) {
        *code = refused;
        return WEBSOCKET_REFUSED;
    }
    if (!websocket->in_payload || websocket->frame_left != 0) return WEBSOCKET_PARTIAL;
    return end_frame(websocket, payload, code);
}

enum websocket_result websocket_read(struct websocket *websocket, struct slice bytes,
                                     size_t *consumed, struct slice *payload, unsigned *code)
{
    take_back(websocket);
    size_t at = 0;
    enum websocket_result result = WEBSOCKET_PARTIAL;
    while (!websocket->over && at < bytes.size && result == WEBSOCKET_PARTIAL) {
        result = step(websocket, bytes, &at, payload, code);
    }
    if (result == WEBSOCKET_CLOSE || result == WEBSOCKET_REFUSED) websocket_ignore(websocket);
    *consumed = result == WEBSOCKET_REFUSED || websocket->over ? bytes.size : at;
    return result;
}

/* --- writing --- */

void websocket_write(enum websocket_opcode opcode, bool fin, struct slice payload,
                     const uint8_t mask[4], struct buffer *out)
{
    ASSERT(!is_control((uint8_t)opcode) || (fin && payload.size <= WEBSOCKET_CONTROL_SIZE_MAX));
    uint8_t masked = mask != NULL ? MASKED : 0;
    uint64_t size = payload.size;
    unsigned extra = size < SIZE_16 ? 0 : size <= UINT16_MAX ? 2 : 8;
    buffer_put_u8(out, (uint8_t)((fin ? FIN : 0) | (unsigned)opcode));
    uint8_t said = extra == 0 ? (uint8_t)size : extra == 2 ? SIZE_16 : SIZE_64;
    buffer_put_u8(out, masked | said);
    for (unsigned i = extra; i > 0; i--) buffer_put_u8(out, (uint8_t)(size >> (8 * (i - 1))));
    if (mask == NULL) {
        buffer_append_slice(out, payload);
        return;
    }
    buffer_append(out, mask, 4);
    mask_bytes(buffer_reserve(out, payload.size), payload.data, payload.size, mask, 0);
    buffer_grew(out, payload.size);
}

/* The header is as long as it most often is; the text moves where it is not. */
enum { HEADER_SIZE_USUAL = 4 };

size_t websocket_text_begin(struct buffer *out)
{
    static const uint8_t header[HEADER_SIZE_USUAL];
    buffer_append(out, header, sizeof header);
    return out->size;
}

void websocket_text_end(size_t begin, struct buffer *out)
{
    size_t size = out->size - begin, header = size < SIZE_16 ? 2 : size <= UINT16_MAX ? 4 : 10;
    if (header > HEADER_SIZE_USUAL) {
        (void)buffer_reserve(out, header - HEADER_SIZE_USUAL);
        buffer_grew(out, header - HEADER_SIZE_USUAL);
    } else {
        out->size -= HEADER_SIZE_USUAL - header;
    }
    uint8_t *at = out->data + out->head + begin - HEADER_SIZE_USUAL;
    if (header != HEADER_SIZE_USUAL) memmove(at + header, at + HEADER_SIZE_USUAL, size);
    at[0] = FIN | WEBSOCKET_OP_TEXT;
    at[1] = header == 2 ? (uint8_t)size : header == 4 ? SIZE_16 : SIZE_64;
    for (size_t i = 2; i < header; i++) at[i] = (uint8_t)((uint64_t)size >> (8 * (header - 1 - i)));
}

void websocket_close_write(unsigned code, struct slice reason, const uint8_t mask[4],
                           struct buffer *out)
{
    uint8_t payload[WEBSOCKET_CONTROL_SIZE_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (code == WEBSOCKET_NO_CODE) {
        websocket_write(WEBSOCKET_OP_CLOSE, true, slice_of(NULL, 0), mask, out);
        return;
    }
    ASSERT(code_valid(code) && utf8_valid(reason));
    size_t size = reason.size;
    if (size > WEBSOCKET_CONTROL_SIZE_MAX - CODE_SIZE) {
        size = WEBSOCKET_CONTROL_SIZE_MAX - CODE_SIZE;
        while ((reason.data[size] & 0xc0) == 0x80) size--;
    }
    if (size != 0) memcpy(payload + CODE_SIZE, reason.data, size);
    websocket_write(WEBSOCKET_OP_CLOSE, true, slice_of(payload, CODE_SIZE + size), mask, out);
}
