/* UTF-8, read in pieces and written by code point. Unicode 15, table 3-7: no overlong forms, no
 * surrogates, nothing above U+10FFFF. */
#ifndef QUARTET_BASE_UTF8_H
#define QUARTET_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { UTF8_SIZE_MAX = 4 };

/* Zero-initialized: between two characters. */
struct utf8 {
    uint8_t more;      /* bytes that the character still needs */
    uint8_t low, high; /* between which the next one lies, where `more` is not 0 */
};

/* How many of these bytes, which follow those before, can be UTF-8: all of them, or those in front
 * of the first that cannot; then the state is of no further use. */
size_t utf8_check(struct utf8 *utf8, struct slice bytes);
/* Whether a text may end here. */
static inline bool utf8_whole(const struct utf8 *utf8)
{
    return utf8->more == 0;
}

/* All of it is UTF-8. */
bool utf8_valid(struct slice text);
/* The size of the character at `at`, which is below the text's size; 0: there is none. */
size_t utf8_size(struct slice text, size_t at);
/* Writes a code point that is no surrogate and at most U+10FFFF; returns how many bytes. */
size_t utf8_write(uint8_t at[UTF8_SIZE_MAX], uint32_t code);

#endif
