/* Base64 (RFC 4648, section 4), with its padding. */
#ifndef QUARTET_BASE_BASE64_H
#define QUARTET_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* How many characters `size` bytes make. */
static inline size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

void base64_append(struct buffer *out, struct slice bytes);
/* Appends what `text` says. False, and nothing is appended, unless it is exactly what
 * base64_append() would have written: any other text for the same bytes is refused. */
bool base64_read(struct slice text, struct buffer *out);

#endif
