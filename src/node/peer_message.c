/* Raft's messages as the content of RAFT frames. Byte format: specs/peer.md. */
#include "base/assert.h"
#include "node/node_internal.h"

enum { FLAG_UNTRUSTED = 1, FLAG_GRANTED = 2, FLAG_WAITING = 4 };

void peer_message_encode(const struct raft *raft, const struct raft_message *message,
                         struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)message->type);
    buffer_put_u8(out, (uint8_t)((message->untrusted ? FLAG_UNTRUSTED : 0) |
                                 (message->granted ? FLAG_GRANTED : 0) |
                                 (message->waiting ? FLAG_WAITING : 0)));
    buffer_put_u32(out, message->from);
    buffer_put_u32(out, message->to);
    buffer_put_u64(out, message->term);
    buffer_put_u64(out, message->index);
    buffer_put_u64(out, message->index_term);
    buffer_put_u64(out, message->commit);
    buffer_put_u64(out, message->round);
    buffer_put_u64(out, message->trust_index);
    buffer_put_u64(out, message->last_index);
    buffer_put_u32(out, message->entries_count);
    for (uint32_t i = 0; i < message->entries_count; i++) {
        const struct raft_entry *entry = raft_entry_at(raft, message->index + 1 + i);
        ASSERT(entry != NULL);
        buffer_put_u64(out, entry->index);
        buffer_put_u64(out, entry->term);
        buffer_put_u64(out, entry->elapsed_us);
        buffer_put_u64(out, entry->wall_us);
        buffer_put_u8(out, entry->kind);
        buffer_put_u8(out, entry->version);
        buffer_put_bytes(out, entry->data);
    }
}

bool peer_message_decode(struct slice content, struct raft_message *message,
                         struct raft_entry *entries)
{
    struct reader reader = reader_of(content);
    *message = (struct raft_message){0};
    uint8_t type = read_u8(&reader);
    uint8_t flags = read_u8(&reader);
    message->untrusted = (flags & FLAG_UNTRUSTED) != 0;
    message->granted = (flags & FLAG_GRANTED) != 0;
    message->waiting = (flags & FLAG_WAITING) != 0;
    message->from = read_u32(&reader);
    message->to = read_u32(&reader);
    message->term = read_u64(&reader);
    message->index = read_u64(&reader);
    message->index_term = read_u64(&reader);
    message->commit = read_u64(&reader);
    message->round = read_u64(&reader);
    message->trust_index = read_u64(&reader);
    message->last_index = read_u64(&reader);
    message->entries_count = read_u32(&reader);
    if (reader.bad || type == 0 || type >= RAFT_MESSAGE_TYPES) return false;
    if (message->entries_count > RAFT_MESSAGE_ENTRIES_MAX) return false;
    message->type = (enum raft_message_type)type;
    for (uint32_t i = 0; i < message->entries_count; i++) {
        entries[i].index = read_u64(&reader);
        entries[i].term = read_u64(&reader);
        entries[i].elapsed_us = read_u64(&reader);
        entries[i].wall_us = read_u64(&reader);
        entries[i].kind = read_u8(&reader);
        entries[i].version = read_u8(&reader);
        entries[i].data = read_bytes(&reader);
        if (entries[i].data.size > RAFT_ENTRY_SIZE_MAX) return false;
    }
    message->entries = entries;
    return reader_done(&reader);
}
