/* Words of a command: numbers, options, patterns. See internal.h. */
#include <string.h>

#include "systems/store/machine/internal.h"

bool word_integer(struct slice word, int64_t *number)
{
    bool negative = word.size > 0 && word.data[0] == '-';
    uint64_t value;
    if (negative) word = slice_of(word.data + 1, word.size - 1);
    if (word.size == 0 || (word.data[0] == '0' && (word.size > 1 || negative))) return false;
    if (!decimal_read(word, &value) || value > (uint64_t)INT64_MAX + negative) return false;
    *number = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool word_is(struct slice word, const char *text)
{
    size_t i = 0;
    for (; i < word.size && text[i] != '\0'; i++) {
        uint8_t c = word.data[i];
        if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
        if (c != (uint8_t)text[i]) return false;
    }
    return i == word.size && text[i] == '\0';
}

size_t integer_write(uint8_t *at, int64_t number)
{
    if (number >= 0) return decimal_write(at, (uint64_t)number);
    at[0] = '-';
    return 1 + decimal_write(at + 1, 0 - (uint64_t)number);
}

bool call_decode(struct call *call, struct slice command)
{
    struct reader reader = reader_of(command);
    struct buffer *words = &call->store->scratch->words;
    buffer_clear(words);
    call->op = (enum store_op)read_u8(&reader);
    call->slot = read_u16(&reader);
    while (!reader.bad && reader.bytes.size > 0) {
        struct slice word = read_exactly(&reader, (size_t)read_varint(&reader));
        if (word.data == NULL) word = slice_of("", 0);
        buffer_append(words, &word, sizeof word);
    }
    call->count = (uint32_t)(words->size / sizeof(struct slice));
    call->words = (const struct slice *)(const void *)buffer_slice(words).data;
    return reader_done(&reader);
}

/* --- patterns --- */

static struct slice rest_of(struct slice text, size_t size)
{
    return slice_of(text.data + size, text.size - size);
}

/* What a bracket says of `c`. `pattern` begins behind the '['; *size is what of it was read. */
static bool class_matches(struct slice pattern, uint8_t c, size_t *size)
{
    size_t at = 0;
    bool negated = pattern.size > 0 && pattern.data[0] == '^';
    bool found = false;
    for (at = negated; at < pattern.size && pattern.data[at] != ']'; at++) {
        if (pattern.data[at] == '\\' && at + 1 < pattern.size) at++;
        uint8_t low = pattern.data[at], high = low;
        if (at + 2 < pattern.size && pattern.data[at + 1] == '-') {
            at += 2;
            high = pattern.data[at];
        }
        if (low > high) {
            uint8_t swapped = low;
            low = high;
            high = swapped;
        }
        if (c >= low && c <= high) found = true;
    }
    *size = at < pattern.size ? at + 1 : at;
    return found != negated;
}

/* Whether what the pattern begins with, which is no '*', takes `c`; *size is how long that is. */
static bool one_matches(struct slice pattern, uint8_t c, size_t *size)
{
    uint8_t first = pattern.data[0];
    *size = 1;
    if (first == '?') return true;
    if (first == '[') {
        bool matches = class_matches(rest_of(pattern, 1), c, size);
        *size += 1;
        return matches;
    }
    if (first == '\\' && pattern.size > 1) {
        *size = 2;
        first = pattern.data[1];
    }
    return first == c;
}

/* Where a '*' took too little it takes one byte more; only the last one has to be tried again, for
 * whatever an earlier one could take, this one could, too. So it costs pattern times text at
 * most. */
bool glob_match(struct slice pattern, struct slice text)
{
    struct slice star = {NULL, 0}, star_text = {NULL, 0};
    for (;;) {
        size_t size;
        if (pattern.size > 0 && pattern.data[0] == '*') {
            pattern = rest_of(pattern, 1);
            star = pattern;
            star_text = text;
            if (pattern.size == 0) return true;
        } else if (text.size == 0) {
            return pattern.size == 0;
        } else if (pattern.size > 0 && one_matches(pattern, text.data[0], &size)) {
            pattern = rest_of(pattern, size);
            text = rest_of(text, 1);
        } else if (star_text.size > 0) {
            star_text = rest_of(star_text, 1);
            text = star_text;
            pattern = star;
        } else {
            return false;
        }
    }
}
