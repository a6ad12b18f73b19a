/* Lines for people in a fixed space. See text.h. */
#include "node/text.h"

#include "base/assert.h"
#include "base/bytes.h"

struct text text_in(char *space, size_t size)
{
    ASSERT(size > 0);
    space[0] = 0;
    return (struct text){space, size};
}

static void text_add_char(struct text *text, char character)
{
    if (text->left <= 1) return;
    *text->at++ = character;
    *text->at = 0;
    text->left--;
}

void text_add(struct text *text, const char *words)
{
    while (*words != 0) text_add_char(text, *words++);
}

void text_add_decimal(struct text *text, uint64_t value)
{
    uint8_t digits[20];
    size_t count = decimal_write(digits, value);
    for (size_t i = 0; i < count; i++) text_add_char(text, (char)digits[i]);
}

void text_add_hex(struct text *text, uint64_t value, unsigned digits)
{
    for (unsigned i = 0; i < digits; i++) {
        text_add_char(text, "0123456789abcdef"[(value >> (4 * (digits - 1 - i))) & 15]);
    }
}
