/* Byte slices, growable buffers and the little-endian codec. See bytes.h. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { VARINT_SIZE_MAX = 10 }; /* of 64 bits, 7 a byte */

struct slice slice_text(const char *text)
{
    return slice_of(text, strlen(text));
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->head = 0;
    buffer->size = 0;
}

void buffer_make_room(struct buffer *buffer, size_t size)
{
    /* Sliding costs as much as what is left; only worth it when the consumed front is larger. */
    if (buffer->head >= buffer->size && buffer->size + size <= buffer->capacity) {
        if (buffer->size != 0) memmove(buffer->data, buffer->data + buffer->head, buffer->size);
        buffer->head = 0;
        return;
    }
    size_t needed = buffer->head + buffer->size + size;
    ASSERT(needed >= size);
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
    while (capacity < needed) capacity *= 2;
    uint8_t *data = realloc(buffer->data, capacity);
    ASSERT(data != NULL);
    buffer->data = data;
    buffer->capacity = capacity;
}

void buffer_grew(struct buffer *buffer, size_t size)
{
    ASSERT(buffer->head + buffer->size + size <= buffer->capacity);
    buffer->size += size;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0) return;
    memcpy(buffer_reserve(buffer, size), data, size);
    buffer->size += size;
}

void buffer_append_slice(struct buffer *buffer, struct slice bytes)
{
    buffer_append(buffer, bytes.data, bytes.size);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_decimal(struct buffer *buffer, uint64_t value)
{
    buffer->size += decimal_write(buffer_reserve(buffer, 20), value);
}

void buffer_append_hex(struct buffer *buffer, uint64_t value, unsigned digits)
{
    ASSERT(digits <= 16);
    uint8_t *at = buffer_reserve(buffer, digits);
    for (unsigned i = 0; i < digits; i++) {
        at[i] = (uint8_t) "0123456789abcdef"[(value >> (4 * (digits - 1 - i))) & 15];
    }
    buffer->size += digits;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    ASSERT(size <= buffer->size);
    buffer->head += size;
    buffer->size -= size;
    if (buffer->size == 0) buffer->head = 0;
}

void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
    *buffer_reserve(buffer, 1) = value;
    buffer->size++;
}

void buffer_put_u16(struct buffer *buffer, uint16_t value)
{
    uint8_t *at = buffer_reserve(buffer, 2);
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    buffer->size += 2;
}

void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
    store_u32(buffer_reserve(buffer, 4), value);
    buffer->size += 4;
}

void buffer_put_u64(struct buffer *buffer, uint64_t value)
{
    store_u64(buffer_reserve(buffer, 8), value);
    buffer->size += 8;
}

void buffer_put_varint(struct buffer *buffer, uint64_t value)
{
    uint8_t *at = buffer_reserve(buffer, VARINT_SIZE_MAX);
    size_t size = 0;
    for (; value >= 128; value >>= 7) at[size++] = (uint8_t)(value | 128);
    at[size++] = (uint8_t)value;
    buffer->size += size;
}

void buffer_put_bytes(struct buffer *buffer, struct slice bytes)
{
    ASSERT(bytes.size <= UINT32_MAX);
    buffer_put_u32(buffer, (uint32_t)bytes.size);
    buffer_append_slice(buffer, bytes);
}

uint16_t read_u16(struct reader *reader)
{
    struct slice bytes = read_exactly(reader, 2);
    return reader->bad ? 0 : (uint16_t)(bytes.data[0] | bytes.data[1] << 8);
}

uint64_t read_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned size = 0; size < VARINT_SIZE_MAX; size++) {
        uint64_t byte = read_u8(reader);
        value |= (byte & 127) << (7 * size);
        if (byte >= 128) continue;
        bool padded = size > 0 && byte == 0;
        bool beyond = size == VARINT_SIZE_MAX - 1 && byte > 1;
        if (!reader->bad && !padded && !beyond) return value;
        break;
    }
    reader->bad = true;
    return 0;
}

struct slice read_bytes(struct reader *reader)
{
    uint32_t size = read_u32(reader);
    return read_exactly(reader, size);
}

bool reader_done(const struct reader *reader)
{
    return !reader->bad && reader->bytes.size == 0;
}

size_t decimal_write(uint8_t *at, uint64_t value)
{
    uint8_t digits[20];
    size_t count = 0;
    do {
        digits[count++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; i++) at[i] = digits[count - 1 - i];
    return count;
}

bool decimal_read(struct slice text, uint64_t *value)
{
    if (text.size == 0) return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)(text.data[i] - '0');
        if (digit > 9) return false;
        if (sum > (UINT64_MAX - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}
