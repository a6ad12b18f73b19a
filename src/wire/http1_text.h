/* What the files of HTTP/1.1 share: looking at its text, and at a parser's head. */
#ifndef QUARTET_WIRE_HTTP1_TEXT_H
#define QUARTET_WIRE_HTTP1_TEXT_H

#include <string.h>

#include "wire/http1.h"

static inline bool http_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool http_is_one_of(uint8_t byte, const char *set)
{
    return memchr(set, byte, strlen(set)) != NULL;
}

static inline bool http_is_token_byte(uint8_t byte)
{
    if (http_is_digit(byte) || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z'))
        return true;
    return http_is_one_of(byte, "!#$%&'*+-.^_`|~");
}

static inline bool http_is_token(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!http_is_token_byte(text.data[i])) return false;
    }
    return text.size != 0;
}

static inline uint8_t http_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

static inline bool http_equal_but_case(struct slice text, const char *word)
{
    if (text.size != strlen(word)) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (http_lower(text.data[i]) != http_lower((uint8_t)word[i])) return false;
    }
    return true;
}

static inline bool http_equal_text(struct slice text, const char *word)
{
    return slice_equal(text, slice_text(word));
}

static inline struct slice http_trim(struct slice text)
{
    while (text.size != 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size != 0 &&
           (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

/* Splits at the first `byte`; false: there is none. */
static inline bool http_split(struct slice text, uint8_t byte, struct slice *before,
                              struct slice *after)
{
    const uint8_t *at = text.size == 0 ? NULL : memchr(text.data, byte, text.size);
    if (at == NULL) return false;
    *before = slice_of(text.data, (size_t)(at - text.data));
    *after = slice_of(at + 1, text.size - before->size - 1);
    return true;
}

/* The value of a hex digit; below 0: it is none. */
static inline int http_hex_digit(uint8_t byte)
{
    if (http_is_digit(byte)) return byte - '0';
    uint8_t letter = http_lower(byte);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* One line of a head, without its CR LF, which lies in parser->bytes. Each returns 0, or the status
 * of the refusal. */
unsigned http_read_request_line(struct http_parser *parser, struct slice line);
unsigned http_read_field(struct http_parser *parser, struct slice line);
/* The same for a trailer, of which nothing is kept. */
unsigned http_read_trailer(struct slice line);

static inline uint32_t http_limit(uint32_t given, uint32_t otherwise)
{
    return given != 0 ? given : otherwise;
}

#endif
