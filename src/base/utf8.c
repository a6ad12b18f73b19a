/* UTF-8. See utf8.h. */
#include "base/utf8.h"

#include "base/assert.h"

/* What follows a first byte: how many, and between which the first of them lies; false: no
 * character begins so. */
static bool utf8_begin(struct utf8 *utf8, uint8_t first)
{
    *utf8 = (struct utf8){0, 0x80, 0xbf};
    if (first < 0x80) return true;
    if (first < 0xc2 || first > 0xf4) return false;
    utf8->more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (first == 0xe0) utf8->low = 0xa0;
    if (first == 0xed) utf8->high = 0x9f;
    if (first == 0xf0) utf8->low = 0x90;
    if (first == 0xf4) utf8->high = 0x8f;
    return true;
}

size_t utf8_check(struct utf8 *utf8, struct slice bytes)
{
    for (size_t at = 0; at < bytes.size; at++) {
        uint8_t byte = bytes.data[at];
        if (utf8->more == 0) {
            if (byte >= 0x80 && !utf8_begin(utf8, byte)) return at;
        } else if (byte < utf8->low || byte > utf8->high) {
            return at;
        } else {
            *utf8 = (struct utf8){(uint8_t)(utf8->more - 1), 0x80, 0xbf};
        }
    }
    return bytes.size;
}

bool utf8_valid(struct slice text)
{
    struct utf8 utf8 = {0};
    return utf8_check(&utf8, text) == text.size && utf8_whole(&utf8);
}

size_t utf8_size(struct slice text, size_t at)
{
    struct utf8 utf8;
    ASSERT(at < text.size);
    if (!utf8_begin(&utf8, text.data[at])) return 0;
    size_t size = (size_t)utf8.more + 1;
    if (size > text.size - at) return 0;
    struct slice rest = slice_of(text.data + at + 1, size - 1);
    return utf8_check(&utf8, rest) == rest.size ? size : 0;
}

size_t utf8_write(uint8_t at[UTF8_SIZE_MAX], uint32_t code)
{
    ASSERT(code < 0xd800 || (code > 0xdfff && code <= 0x10ffff));
    if (code < 0x80) {
        at[0] = (uint8_t)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size - 1; i > 0; i--, code >>= 6) at[i] = (uint8_t)(0x80 | (code & 0x3f));
    at[0] = (uint8_t)(marks[size] | code);
    return size;
}
