/* Frames between nodes. See peer.h and specs/peer.md. */
#include "wire/peer.h"

#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"

#define PEER_MAGIC 0x52455051u /* "QPER" */

enum peer_result peer_frame_decode(struct slice bytes, size_t *consumed, struct peer_frame *frame)
{
    *consumed = 0;
    if (bytes.size < 4) return PEER_PARTIAL;
    uint32_t size = load_u32(bytes.data);
    if (size < PEER_FRAME_HEADER_SIZE || size > PEER_FRAME_SIZE_MAX) return PEER_BAD;
    if (bytes.size < size) return PEER_PARTIAL;
    if (load_u32(bytes.data + 4) != crc32c(0, bytes.data + 8, size - 8)) return PEER_BAD;
    if (bytes.data[9] != 1) return PEER_BAD;
    frame->type = bytes.data[8];
    frame->group = (uint16_t)(bytes.data[10] | bytes.data[11] << 8);
    frame->content = slice_of(bytes.data + PEER_FRAME_HEADER_SIZE, size - PEER_FRAME_HEADER_SIZE);
    *consumed = size;
    return PEER_DONE;
}

bool peer_frame_of_log(uint8_t type)
{
    switch (type) {
    case PEER_RAFT:
    case PEER_FORWARD:
    case PEER_SNAPSHOT_BEGIN:
    case PEER_SNAPSHOT_DATA:
    case PEER_SNAPSHOT_END:
    case PEER_SNAPSHOT_TAKEN: return true;
    default: return false;
    }
}

size_t peer_frame_begin(struct buffer *out, uint8_t type, uint16_t group)
{
    size_t begun = out->size;
    buffer_put_u64(out, 0); /* size and crc: peer_frame_end() */
    buffer_put_u8(out, type);
    buffer_put_u8(out, 1);
    buffer_put_u16(out, group);
    return begun;
}

void peer_frame_end(struct buffer *out, size_t begun)
{
    size_t size = out->size - begun;
    ASSERT(size <= PEER_FRAME_SIZE_MAX);
    uint8_t *at = out->data + out->head + begun;
    store_u32(at, (uint32_t)size);
    store_u32(at + 4, crc32c(0, at + 8, size - 8));
}

bool peer_version_common(const struct peer_introduction *introduction)
{
    return introduction->version_min <= PEER_VERSION && introduction->version_max >= PEER_VERSION;
}

void peer_introduction_encode(const struct peer_introduction *introduction, struct buffer *out)
{
    buffer_put_u32(out, PEER_MAGIC);
    buffer_put_u16(out, introduction->version_min);
    buffer_put_u16(out, introduction->version_max);
    buffer_put_u64(out, introduction->cluster);
    buffer_put_u32(out, introduction->from);
    buffer_put_u32(out, introduction->to);
    buffer_put_u64(out, introduction->incarnation);
    buffer_put_u8(out, introduction->membership);
    buffer_put_u8(out, introduction->channel);
    buffer_put_u64(out, introduction->features);
    buffer_append(out, introduction->nonce, PEER_NONCE_SIZE);
    buffer_put_bytes(out, introduction->system);
    buffer_put_u64(out, introduction->members_index);
    buffer_put_bytes(out, introduction->address);
    buffer_put_u16(out, introduction->groups);
    buffer_put_u8(out, introduction->announced_count);
    for (uint8_t i = 0; i < introduction->announced_count; i++) {
        buffer_put_bytes(out, introduction->announced[i]);
    }
}

static bool announced_decode(struct reader *reader, struct peer_introduction *introduction)
{
    introduction->announced_count = read_u8(reader);
    if (introduction->announced_count > PEER_ANNOUNCED_MAX) return false;
    for (uint8_t i = 0; i < introduction->announced_count; i++) {
        introduction->announced[i] = read_bytes(reader);
        if (introduction->announced[i].size > PEER_ANNOUNCED_SIZE_MAX) return false;
    }
    return !reader->bad;
}

bool peer_introduction_decode(struct reader *reader, struct peer_introduction *introduction)
{
    *introduction = (struct peer_introduction){0};
    uint32_t magic = read_u32(reader);
    introduction->version_min = read_u16(reader);
    introduction->version_max = read_u16(reader);
    introduction->cluster = read_u64(reader);
    introduction->from = read_u32(reader);
    introduction->to = read_u32(reader);
    if (reader->bad || magic != PEER_MAGIC) return false;
    if (!peer_version_common(introduction)) {
        reader->bytes.size = 0;
        return true;
    }
    introduction->incarnation = read_u64(reader);
    introduction->membership = read_u8(reader);
    introduction->channel = read_u8(reader);
    introduction->features = read_u64(reader);
    struct slice nonce = read_exactly(reader, PEER_NONCE_SIZE);
    introduction->system = read_bytes(reader);
    introduction->members_index = read_u64(reader);
    introduction->address = read_bytes(reader);
    introduction->groups = read_u16(reader);
    if (!announced_decode(reader, introduction)) return false;
    if (introduction->membership > 2 || introduction->channel > PEER_CHANNEL_SNAPSHOT) return false;
    if (introduction->system.size > PEER_SYSTEM_SIZE_MAX) return false;
    if (introduction->address.size > PEER_ADDRESS_SIZE_MAX) return false;
    memcpy(introduction->nonce, nonce.data, PEER_NONCE_SIZE);
    return true;
}
