/* Any bytes to the HTTP parser, whole and cut in pieces: the requests and the refusal must be the
 * same, no limit is passed, and every query that comes out can be taken apart. The first byte of
 * the input chooses the pieces, and whether the limits are small. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/random.h"
#include "wire/http1.h"

static const struct http_limits small_limits = {64, 256, 32};

static void tell(struct buffer *transcript, const struct http_request *request, uint32_t body_max)
{
    buffer_put_u8(transcript, (uint8_t)request->method);
    buffer_put_u8(transcript, request->keep_alive);
    buffer_put_bytes(transcript, request->path);
    buffer_put_bytes(transcript, request->query);
    buffer_put_bytes(transcript, request->body);
    buffer_put_bytes(transcript, request->host);
    buffer_put_u8(transcript, request->upgrade);
    buffer_put_u8(transcript, request->is_1_0);
    buffer_put_u8(transcript, http_field_lists(request, "upgrade", "websocket"));
    ASSERT(request->path.size != 0 && request->path.data[0] == '/');
    ASSERT(request->fields_count <= HTTP_FIELDS_MAX && request->body.size <= body_max);
    for (size_t i = 0; i < request->fields_count; i++) {
        buffer_put_bytes(transcript, request->fields[i].name);
        buffer_put_bytes(transcript, request->fields[i].value);
    }
    struct slice query = request->query, name, value;
    uint8_t decoded[64];
    size_t size;
    while (http_query_next(&query, &name, &value)) {
        if (http_decode(value, decoded, sizeof decoded, &size)) ASSERT(size <= sizeof decoded);
    }
    uint64_t number;
    if (http_query_number(request->query, "n", 10, &number) == HTTP_PARAMETER_FOUND) {
        ASSERT(number <= 10);
    }
}

static void feed(struct http_parser *parser, struct slice bytes, bool *open,
                 struct buffer *transcript)
{
    static struct http_request request;
    bool small = parser->limits.body_size_max != 0;
    uint32_t body_max = small ? small_limits.body_size_max : HTTP_BODY_SIZE_MAX;
    while (*open) {
        size_t consumed = SIZE_MAX;
        unsigned status = 0;
        enum http_result result = http_parse(parser, bytes, &consumed, &request, &status);
        ASSERT(consumed <= bytes.size);
        bytes = slice_of(bytes.data + consumed, bytes.size - consumed);
        if (result == HTTP_PARTIAL || result == HTTP_REFUSED) ASSERT(bytes.size == 0);
        if (result == HTTP_PARTIAL) return;
        buffer_put_u8(transcript, (uint8_t)result);
        if (result == HTTP_REQUEST || result == HTTP_CONTINUE) {
            tell(transcript, &request, body_max);
        } else {
            ASSERT(status >= 400 && status < 600);
            buffer_put_u32(transcript, status);
            *open = false;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    static struct http_parser parser;
    struct random random = random_seeded(data[0]);
    struct slice bytes = slice_of(data + 1, size - 1);
    struct buffer whole = {0}, pieces = {0};
    parser.limits = data[0] & 0x80 ? small_limits : (struct http_limits){0};

    bool open = true;
    feed(&parser, bytes, &open, &whole);
    http_parser_free(&parser);

    open = true;
    uint64_t piece_max = (uint64_t)1 << (1 + data[0] % 8);
    for (size_t at = 0; at < bytes.size;) {
        size_t piece = 1 + (size_t)random_below(&random, piece_max);
        if (piece > bytes.size - at) piece = bytes.size - at;
        feed(&parser, slice_of(bytes.data + at, piece), &open, &pieces);
        at += piece;
    }
    http_parser_free(&parser);

    ASSERT(slice_equal(buffer_slice(&whole), buffer_slice(&pieces)));
    buffer_free(&whole);
    buffer_free(&pieces);
    return 0;
}
