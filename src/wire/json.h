/* A writer of JSON (RFC 8259) into a buffer: no tree, no parser. Commas and colons place
 * themselves. What comes out is always valid: strings are escaped, and bytes that are not UTF-8
 * become U+FFFD. Misuse (a value where a key belongs, too deep, unbalanced) is a fault of the
 * caller's and asserted. */
#ifndef QUARTET_WIRE_JSON_H
#define QUARTET_WIRE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    JSON_DEPTH_MAX = 32,
};

struct json {
    struct buffer *out; /* borrowed: must outlive the writer's use */
    uint32_t depth;
    uint32_t in_array; /* bit d: level d is an array */
    uint32_t filled;   /* bit d: level d has a value already */
    bool after_key;
};

struct json json_of(struct buffer *out);

void json_object_begin(struct json *json);
void json_object_end(struct json *json);
void json_array_begin(struct json *json);
void json_array_end(struct json *json);
void json_key(struct json *json, const char *key);

void json_string(struct json *json, struct slice text);
void json_text(struct json *json, const char *text);
void json_unsigned(struct json *json, uint64_t value);
void json_signed(struct json *json, int64_t value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);
/* A value that is JSON already, as it was written: the caller has seen that it is one. */
void json_raw(struct json *json, struct slice value);
/* A 64-bit number as a string of `digits` hex digits: ids that JavaScript would round. */
void json_hex(struct json *json, uint64_t value, unsigned digits);

/* A key and its value, in an object. */
void json_member_text(struct json *json, const char *key, const char *text);
void json_member_unsigned(struct json *json, const char *key, uint64_t value);
void json_member_bool(struct json *json, const char *key, bool value);

#endif
