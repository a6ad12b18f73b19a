/* CRC-32C: by the processor's instruction where it has one, else eight bytes a step by tables
 * ("slicing-by-8": Kounavis and Berry, 2005), which are computed at the first call: the same values
 * whoever calls first. */
#include "base/crc32c.h"

#include <stdbool.h>

#include "base/bytes.h"

enum { SLICES = 8 };

static uint32_t table[SLICES][256];
static bool table_ready;

static void table_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int slice = 1; slice < SLICES; slice++) {
            uint32_t before = table[slice - 1][i];
            table[slice][i] = (before >> 8) ^ table[0][before & 255];
        }
    }
    table_ready = true;
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t size)
{
    if (!table_ready) table_fill();
    const uint8_t *at = data;
    crc = ~crc;
    for (; size >= 8; size -= 8, at += 8) {
        uint32_t low = load_u32(at) ^ crc;
        uint32_t high = load_u32(at + 4);
        crc = table[7][low & 255] ^ table[6][(low >> 8) & 255] ^ table[5][(low >> 16) & 255] ^
              table[4][low >> 24] ^ table[3][high & 255] ^ table[2][(high >> 8) & 255] ^
              table[1][(high >> 16) & 255] ^ table[0][high >> 24];
    }
    for (; size > 0; size--, at++) crc = (crc >> 8) ^ table[0][(crc ^ *at) & 255];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
crc32c_by_instruction(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *at = data;
    uint64_t sum = ~crc;
    for (; size >= 8; size -= 8, at += 8) sum = __builtin_ia32_crc32di(sum, load_u64(at));
    crc = (uint32_t)sum;
    for (; size > 0; size--, at++) crc = __builtin_ia32_crc32qi(crc, *at);
    return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    if (__builtin_cpu_supports("sse4.2")) return crc32c_by_instruction(crc, data, size);
    return crc32c_portable(crc, data, size);
}

#else

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    return crc32c_portable(crc, data, size);
}

#endif
