/* Any bytes to the RESP parser, whole and cut in pieces: the commands and the error must be the
 * same, and no word passes a limit. The first byte of the input chooses the pieces, and whether the
 * limits are small; its second half as replies may not read beyond its end. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/random.h"
#include "wire/resp.h"

static void feed(struct resp_parser *parser, struct slice bytes, struct buffer *transcript)
{
    for (;;) {
        struct resp_command command;
        const char *why;
        size_t consumed = SIZE_MAX;
        enum resp_result result = resp_parse(parser, bytes, &consumed, &command, &why);
        ASSERT(consumed <= bytes.size);
        if (consumed > 0) bytes = slice_of(bytes.data + consumed, bytes.size - consumed);
        if (result == RESP_PARTIAL) break;
        buffer_put_u8(transcript, (uint8_t)result);
        if (result == RESP_BROKEN || result == RESP_TOO_LARGE) ASSERT(why != NULL);
        for (uint32_t i = 0; result == RESP_COMMAND && i < command.count; i++) {
            struct slice word = resp_word(&command, i);
            ASSERT(parser->limits.word_size_max == 0 || !parser->begun ||
                   word.size <= parser->limits.word_size_max);
            buffer_put_bytes(transcript, word);
        }
    }
    ASSERT(bytes.size == 0);
}

static void read_replies(struct slice bytes)
{
    while (bytes.size > 0) {
        struct resp_value value;
        size_t size, whole;
        if (!resp_value_read(bytes, &value, &size)) return;
        bool known = resp_reply_size(bytes, &whole);
        ASSERT(size <= bytes.size &&
               (!known || whole == 0 || (whole >= size && whole <= bytes.size)));
        if (size == 0) return;
        bytes = slice_of(bytes.data + size, bytes.size - size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct random random = random_seeded(data[0]);
    struct slice bytes = slice_of(data + 1, size - 1);
    struct resp_limits limits = {0};
    if (data[0] & 0x80) limits = (struct resp_limits){.word_size_max = 12, .command_size_max = 30};
    struct resp_parser first = {.limits = limits}, second = {.limits = limits};
    struct buffer whole = {0}, pieces = {0};
    feed(&first, bytes, &whole);
    uint64_t piece_max = (uint64_t)1 << (1 + data[0] % 8);
    for (size_t at = 0; at < bytes.size;) {
        size_t piece = 1 + (size_t)random_below(&random, piece_max);
        if (piece > bytes.size - at) piece = bytes.size - at;
        feed(&second, slice_of(bytes.data + at, piece), &pieces);
        at += piece;
    }
    ASSERT(slice_equal(buffer_slice(&whole), buffer_slice(&pieces)));
    read_replies(slice_of(data + size / 2, size - size / 2));
    resp_parser_free(&first);
    resp_parser_free(&second);
    buffer_free(&whole);
    buffer_free(&pieces);
    return 0;
}
