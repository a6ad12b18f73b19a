/* Byte slices, growable buffers, and the little-endian codec that every format of ours uses. */
#ifndef QUARTET_BASE_BYTES_H
#define QUARTET_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes: whoever hands one over says how long they live. */
struct slice {
    const uint8_t *data;
    size_t size;
};

static inline struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){data, size};
}

struct slice slice_text(const char *text); /* without the terminating zero */
bool slice_equal(struct slice a, struct slice b);
/* The order of memcmp, a prefix before what it begins. */
int slice_compare(struct slice a, struct slice b);

/* Owned bytes that grow at the end and are consumed at the front. Zero-initialized is empty.
 * Allocation failure panics: memory is bounded by the limits of the modules above. */
struct buffer {
    uint8_t *data; /* the first unconsumed byte is data[head] */
    size_t head;
    size_t size; /* unconsumed bytes */
    size_t capacity;
};

void buffer_free(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);                  /* keeps the memory */
void buffer_make_room(struct buffer *buffer, size_t size); /* for buffer_reserve() */
/* Room for `size` more bytes; returns where to write them. Call buffer_grew() with what was. */
static inline uint8_t *buffer_reserve(struct buffer *buffer, size_t size)
{
    if (buffer->data == NULL || buffer->head + buffer->size + size > buffer->capacity) {
        buffer_make_room(buffer, size);
    }
    return buffer->data + buffer->head + buffer->size;
}
void buffer_grew(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_slice(struct buffer *buffer, struct slice bytes);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_decimal(struct buffer *buffer, uint64_t value);
void buffer_append_hex(struct buffer *buffer, uint64_t value, unsigned digits);
void buffer_consume(struct buffer *buffer, size_t size);
/* The unconsumed bytes; valid until the buffer is next changed. */
static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return (struct slice){buffer->data ? buffer->data + buffer->head : NULL, buffer->size};
}

void buffer_put_u8(struct buffer *buffer, uint8_t value);
void buffer_put_u16(struct buffer *buffer, uint16_t value);
void buffer_put_u32(struct buffer *buffer, uint32_t value);
void buffer_put_u64(struct buffer *buffer, uint64_t value);
/* 7 bits a byte, the lowest first, the top bit set on all but the last: 1 byte below 128. */
void buffer_put_varint(struct buffer *buffer, uint64_t value);
/* A u32 length, then the bytes. */
void buffer_put_bytes(struct buffer *buffer, struct slice bytes);

/* Little-endian numbers in place. Spelled byte by byte so that the format holds on any machine;
 * compilers make each one move. */
static inline void store_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static inline void store_u64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t load_u64(const uint8_t *at)
{
    return (uint64_t)load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

/* Reads from the front of a slice. A read past the end sets `bad`, once and for all, and yields
 * zeros; so a decoder reads everything and looks at `bad` at the end. */
struct reader {
    struct slice bytes;
    bool bad;
};

static inline struct reader reader_of(struct slice bytes)
{
    return (struct reader){bytes, false};
}

/* Borrowed from the input. */
static inline struct slice read_exactly(struct reader *reader, size_t size)
{
    if (reader->bad || size > reader->bytes.size) {
        reader->bad = true;
        return slice_of(NULL, 0);
    }
    struct slice taken = slice_of(reader->bytes.data, size);
    if (size != 0) reader->bytes.data += size;
    reader->bytes.size -= size;
    return taken;
}

static inline uint8_t read_u8(struct reader *reader)
{
    struct slice bytes = read_exactly(reader, 1);
    return reader->bad ? 0 : bytes.data[0];
}

static inline uint32_t read_u32(struct reader *reader)
{
    struct slice bytes = read_exactly(reader, 4);
    return reader->bad ? 0 : load_u32(bytes.data);
}

static inline uint64_t read_u64(struct reader *reader)
{
    struct slice bytes = read_exactly(reader, 8);
    return reader->bad ? 0 : load_u64(bytes.data);
}

uint16_t read_u16(struct reader *reader);
/* What buffer_put_varint() wrote; anything else that means the same is bad too. */
uint64_t read_varint(struct reader *reader);
struct slice read_bytes(struct reader *reader); /* what buffer_put_bytes() wrote */
/* Nothing was missing and nothing is left. */
bool reader_done(const struct reader *reader);

/* Writes `value` in decimal without a terminator; returns the digits written, at most 20. */
size_t decimal_write(uint8_t *at, uint64_t value);
/* All of `text` must be digits and fit; returns false and leaves *value alone if not. */
bool decimal_read(struct slice text, uint64_t *value);

#endif
