/* Lines for people, built in a fixed space: no stdio in the core. What does not fit is cut. */
#ifndef QUARTET_NODE_TEXT_H
#define QUARTET_NODE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *at;
    size_t left; /* one byte is always kept for the terminator */
};

/* `space` holds a terminated string from here on. */
struct text text_in(char *space, size_t size);
void text_add(struct text *text, const char *words);
void text_add_decimal(struct text *text, uint64_t value);
void text_add_hex(struct text *text, uint64_t value, unsigned digits);

#endif
