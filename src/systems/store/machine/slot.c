/* CRC-16/XMODEM of a key's tag. See slot.h. */
#include "systems/store/machine/slot.h"

#include <string.h>

/* Four bits at a time: 32 bytes that stay in the cache, where 512 would push keys out of it. */
static const uint16_t crc_table[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5,
                                       0x60C6, 0x70E7, 0x8108, 0x9129, 0xA14A, 0xB16B,
                                       0xC18C, 0xD1AD, 0xE1CE, 0xF1EF};

static uint16_t crc16(struct slice bytes)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        crc = (uint16_t)(crc << 4) ^ crc_table[(crc >> 12) ^ (bytes.data[i] >> 4)];
        crc = (uint16_t)(crc << 4) ^ crc_table[(crc >> 12) ^ (bytes.data[i] & 15)];
    }
    return crc;
}

static struct slice tag_of(struct slice key)
{
    const uint8_t *open = key.size == 0 ? NULL : memchr(key.data, '{', key.size);
    if (open == NULL) return key;
    size_t rest = key.size - (size_t)(open - key.data) - 1;
    const uint8_t *close = rest == 0 ? NULL : memchr(open + 1, '}', rest);
    if (close == NULL || close == open + 1) return key;
    return slice_of(open + 1, (size_t)(close - open) - 1);
}

uint16_t store_slot(struct slice key)
{
    return crc16(tag_of(key)) & (STORE_SLOTS - 1);
}

uint32_t store_group_of(uint32_t slot, uint32_t groups_count)
{
    if (groups_count == 1) return 0;
    return 1 + slot * (groups_count - 1) / STORE_SLOTS;
}

uint32_t store_group_first(uint32_t group, uint32_t groups_count)
{
    if (groups_count == 1) return group * STORE_SLOTS;
    if (group == 0) return 0;
    return ((group - 1) * STORE_SLOTS + groups_count - 2) / (groups_count - 1);
}
