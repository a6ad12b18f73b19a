/* A reader of JSON (RFC 8259): tokens are pulled out of a text, one by one; no tree, no memory of
 * its own. All of the text is there from the start. What is refused, and with which words, depends
 * on the text alone:
 *
 * - strings are UTF-8, without bare control characters, and their escapes name characters;
 * - numbers have the form of RFC 8259; whole ones of 64 bits are exact, any other is left as text;
 * - one value, nested no deeper than was asked for, and nothing behind it but white space.
 *
 * Names that stand twice in an object are the caller's to refuse. */
#ifndef QUARTET_BASE_JSON_READ_H
#define QUARTET_BASE_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { JSON_READ_DEPTH_MAX = 64 };

enum json_token {
    JSON_BAD, /* `error` says why; it stays so */
    JSON_END, /* the value was whole, and is all there is */
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_NAME, /* of a member; its value comes next */
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

struct json_read {
    enum json_token token; /* the one that json_read_next() returned last */
    const char *error;     /* what is wrong and what to do, in words that live for ever */

    /* NAME, STRING: what stands between the quotes, as written. NUMBER: its text. Borrowed from the
     * text that is read. */
    struct slice raw;
    /* NAME, STRING: `raw` has escapes: json_read_text() undoes them. */
    bool escaped;
    uint32_t size; /* NAME, STRING: in bytes, without escapes */
    /* NUMBER: it is whole, without fraction or exponent, and of 64 bits: -2^63 to 2^64 - 1. */
    bool whole;
    bool negative; /* NUMBER: it has a minus sign */
    uint64_t magnitude;

    /* The reader's own. */
    const uint8_t *at, *end;
    uint64_t arrays; /* bit d: level d is an array */
    uint32_t depth, depth_max;
    uint8_t expects;
};

/* `text` is borrowed until the last call. depth_max: 1 to JSON_READ_DEPTH_MAX; 1: an array or
 * object with nothing nested in it. */
struct json_read json_read_of(struct slice text, uint32_t depth_max);
enum json_token json_read_next(struct json_read *read);
/* Behind a token that begins a value: reads on to that value's end. False: BAD. All of the text
 * from the value's first byte to `read->at` is the value as written. */
bool json_read_skip(struct json_read *read);
/* Appends a NAME or STRING without its escapes. */
void json_read_text(const struct json_read *read, struct buffer *out);
/* A NAME or STRING says exactly this, however it is written. */
bool json_read_is(const struct json_read *read, const char *text);
/* A NUMBER that is whole and not below 0. */
static inline bool json_read_is_unsigned(const struct json_read *read)
{
    return read->token == JSON_NUMBER && read->whole && !read->negative;
}

#endif
