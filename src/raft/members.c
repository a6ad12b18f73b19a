/* The membership: its encoding, which one is in force, and all quorum arithmetic.
 *
 * Encoding of a MEMBERS entry, version 1, little-endian: u32 count; for each member, ascending in
 * id: u32 id, u8 flags (bit 0: learner), u32 address size, the address.
 *
 * A membership counts from the moment its entry is appended, committed or not (section 6), and
 * falls back when that entry is truncated. So the history follows the log. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

enum { MEMBER_LEARNER = 1 };

void raft_members_encode(const struct raft_members *members, struct buffer *out)
{
    buffer_put_u32(out, members->count);
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        buffer_put_u32(out, member->id);
        buffer_put_u8(out, member->learner ? MEMBER_LEARNER : 0);
        buffer_put_bytes(out, slice_of(member->address, member->address_size));
    }
}

bool raft_members_decode(struct slice bytes, struct raft_members *members)
{
    struct reader reader = reader_of(bytes);
    uint32_t id_before = 0;
    *members = (struct raft_members){.count = read_u32(&reader)};
    if (reader.bad || members->count == 0 || members->count > RAFT_MEMBERS_MAX) return false;
    for (uint32_t i = 0; i < members->count; i++) {
        struct raft_member *member = &members->member[i];
        member->id = read_u32(&reader);
        uint8_t flags = read_u8(&reader);
        struct slice address = read_bytes(&reader);
        if (reader.bad || member->id <= id_before || flags > MEMBER_LEARNER) return false;
        if (address.size > RAFT_ADDRESS_SIZE_MAX) return false;
        member->learner = (flags & MEMBER_LEARNER) != 0;
        member->address_size = (uint8_t)address.size;
        if (address.size > 0) memcpy(member->address, address.data, address.size);
        id_before = member->id;
    }
    return reader_done(&reader);
}

void members_history_init(struct members_history *history, uint64_t index,
                          const struct raft_members *members)
{
    if (history->capacity == 0) {
        history->at = malloc(2 * sizeof *history->at);
        ASSERT(history->at != NULL);
        history->capacity = 2;
    }
    history->at[0].index = index;
    history->at[0].members = *members;
    history->count = 1;
}

void members_history_free(struct members_history *history)
{
    free(history->at);
    *history = (struct members_history){0};
}

void members_history_append(struct members_history *history, const struct raft_entry *entry)
{
    if (history->count == history->capacity) {
        uint32_t capacity = history->capacity * 2;
        struct members_at *at = realloc(history->at, capacity * sizeof *at);
        ASSERT(at != NULL);
        history->at = at;
        history->capacity = capacity;
    }
    struct members_at *latest = &history->at[history->count++];
    latest->index = entry->index;
    /* What a peer sent was looked at before it came here (receive_append). */
    ASSERT(raft_members_decode(entry->data, &latest->members));
}

void members_history_truncate(struct members_history *history, uint64_t last)
{
    while (history->count > 1 && history->at[history->count - 1].index > last) history->count--;
}

void members_history_compact(struct members_history *history, uint64_t index)
{
    uint32_t superseded = 0;
    while (superseded + 1 < history->count && history->at[superseded + 1].index <= index) {
        superseded++;
    }
    history->count -= superseded;
    memmove(history->at, history->at + superseded, history->count * sizeof *history->at);
}

void members_history_set_oldest(struct members_history *history, uint64_t index,
                                const struct raft_members *members)
{
    history->at[0].index = index;
    history->at[0].members = *members;
}

const struct raft_members *members_in_force(const struct members_history *history)
{
    return &history->at[history->count - 1].members;
}

int members_place(const struct raft_members *members, uint32_t id)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id == id) return (int)i;
    }
    return -1;
}

bool members_is_voter(const struct raft_members *members, uint32_t id)
{
    int place = members_place(members, id);
    return place >= 0 && !members->member[place].learner;
}

bool members_is_sole_voter(const struct raft_members *members, uint32_t id)
{
    uint32_t voters = 0;
    for (uint32_t i = 0; i < members->count; i++) voters += !members->member[i].learner;
    return voters == 1 && members_is_voter(members, id);
}

uint64_t members_quorum(const struct raft_members *members, const uint64_t *values)
{
    uint64_t sorted[RAFT_MEMBERS_MAX]; /* of the voters, descending */
    uint32_t voters = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].learner) continue;
        uint32_t at = voters++;
        for (; at > 0 && sorted[at - 1] < values[i]; at--) sorted[at] = sorted[at - 1];
        sorted[at] = values[i];
    }
    /* Of n voters n/2 + 1 are a majority; the last of those, in descending order, is at n/2. */
    return voters == 0 ? 0 : sorted[voters / 2];
}
