/* Base64. See base64.h. */
#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct buffer *out, struct slice bytes)
{
    if (bytes.size == 0) return;
    uint8_t *at = buffer_reserve(out, base64_size(bytes.size));
    for (size_t i = 0; i < bytes.size; i += 3, at += 4) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        if (left > 1) group |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2) group |= bytes.data[i + 2];
        at[0] = (uint8_t)digits[group >> 18];
        at[1] = (uint8_t)digits[group >> 12 & 63];
        at[2] = left > 1 ? (uint8_t)digits[group >> 6 & 63] : '=';
        at[3] = left > 2 ? (uint8_t)digits[group & 63] : '=';
    }
    buffer_grew(out, base64_size(bytes.size));
}

/* 64: it is no digit. */
static uint32_t digit_of(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z') return (uint32_t)(byte - 'A');
    if (byte >= 'a' && byte <= 'z') return (uint32_t)(byte - 'a') + 26;
    if (byte >= '0' && byte <= '9') return (uint32_t)(byte - '0') + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : 64;
}

/* Of four characters with `padding` at their end; false: they are not in order. */
static bool read_group(const uint8_t *text, size_t padding, uint8_t bytes[3])
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4 - padding; i++) {
        uint32_t digit = digit_of(text[i]);
        if (digit == 64) return false;
        group |= digit << (18 - 6 * i);
    }
    for (size_t i = 0; i < 3; i++) bytes[i] = (uint8_t)(group >> (16 - 8 * i));
    return (padding < 1 || bytes[2] == 0) && (padding < 2 || bytes[1] == 0);
}

bool base64_read(struct slice text, struct buffer *out)
{
    if (text.size % 4 != 0) return false;
    if (text.size == 0) return true;
    size_t padding = text.data[text.size - 1] != '=' ? 0 : text.data[text.size - 2] != '=' ? 1 : 2;
    size_t size = text.size / 4 * 3 - padding;
    uint8_t *at = buffer_reserve(out, size + 2); /* the last group is written whole */
    for (size_t i = 0; i < text.size; i += 4, at += 3) {
        if (!read_group(text.data + i, i + 4 == text.size ? padding : 0, at)) return false;
    }
    buffer_grew(out, size);
    return true;
}
