/* Raft's messages as the content of RAFT frames, and what BEATS frames list. Byte format:
 * specs/peer.md. */
#include "node/peers/message.h"

#include "base/assert.h"
#include "wire/peer.h"

enum { FLAG_UNTRUSTED = 1, FLAG_GRANTED = 2, FLAG_WAITING = 4 };

/* Of a beat, beside the above. Most groups are quiet: all that their beats say is then said by
 * three numbers. */
enum {
    BEAT_REPLY = 8,
    BEAT_SAME_TERM = 16,  /* index_term is the term */
    BEAT_SAME_INDEX = 32, /* commit, or last_index of a reply, is the index */
    BEAT_TRUST = 64,      /* there is a trust_index; not of a reply */
    BEAT_FLAGS_END = 128,
};

static uint8_t flags_of(const struct raft_message *message)
{
    return (uint8_t)((message->untrusted ? FLAG_UNTRUSTED : 0) |
                     (message->granted ? FLAG_GRANTED : 0) | (message->waiting ? FLAG_WAITING : 0));
}

static void flags_read(struct raft_message *message, uint8_t flags)
{
    message->untrusted = (flags & FLAG_UNTRUSTED) != 0;
    message->granted = (flags & FLAG_GRANTED) != 0;
    message->waiting = (flags & FLAG_WAITING) != 0;
}

void peer_message_encode(const struct raft *raft, const struct raft_message *message,
                         struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)message->type);
    buffer_put_u8(out, flags_of(message));
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
    flags_read(message, flags);
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

bool peer_beat_is(const struct raft_message *message)
{
    bool empty = message->type == RAFT_APPEND && message->entries_count == 0;
    return empty || message->type == RAFT_APPEND_REPLY;
}

void peer_beat_encode(uint16_t group, const struct raft_message *message, struct buffer *out)
{
    ASSERT(peer_beat_is(message));
    bool reply = message->type == RAFT_APPEND_REPLY;
    uint64_t second = reply ? message->last_index : message->commit;
    bool same_term = message->index_term == message->term;
    bool same_index = second == message->index;
    bool trust = !reply && message->trust_index != 0;
    buffer_put_varint(out, group);
    buffer_put_u8(out, (uint8_t)(flags_of(message) | (reply ? BEAT_REPLY : 0) |
                                 (same_term ? BEAT_SAME_TERM : 0) |
                                 (same_index ? BEAT_SAME_INDEX : 0) | (trust ? BEAT_TRUST : 0)));
    buffer_put_varint(out, message->term);
    buffer_put_varint(out, message->round);
    buffer_put_varint(out, message->index);
    if (!same_term) buffer_put_varint(out, message->index_term);
    if (!same_index) buffer_put_varint(out, second);
    if (trust) buffer_put_varint(out, message->trust_index);
}

bool peer_beat_decode(struct reader *reader, uint16_t *group, struct raft_message *message)
{
    uint64_t number = read_varint(reader);
    uint8_t flags = read_u8(reader);
    bool reply = (flags & BEAT_REPLY) != 0;
    *message = (struct raft_message){.type = reply ? RAFT_APPEND_REPLY : RAFT_APPEND};
    flags_read(message, flags);
    message->term = read_varint(reader);
    message->round = read_varint(reader);
    message->index = read_varint(reader);
    message->index_term = flags & BEAT_SAME_TERM ? message->term : read_varint(reader);
    uint64_t second = flags & BEAT_SAME_INDEX ? message->index : read_varint(reader);
    *(reply ? &message->last_index : &message->commit) = second;
    if (flags & BEAT_TRUST) message->trust_index = read_varint(reader);
    if (reader->bad || number >= PEER_GROUP_NODE || flags >= BEAT_FLAGS_END) return false;
    *group = (uint16_t)number;
    return !reply || (flags & BEAT_TRUST) == 0;
}
