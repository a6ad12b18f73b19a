/* The membership: its encoding, which one is in force, and all quorum arithmetic.
 *
 * Encoding of a MEMBERS entry, version 1, little-endian: u32 count; for each member, ascending in
 * id: u32 id, u8 flags (1 learner, 2 outgoing, 4 leaving), u32 address size, the address.
 *
 * A membership counts from the moment its entry is appended, committed or not (section 6), and
 * falls back when that entry is truncated. So the history follows the log. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

enum { MEMBER_LEARNER = 1, MEMBER_OUTGOING = 2, MEMBER_LEAVING = 4 };

/* The two sides of a joint configuration; one that is not joint has the first only. */
enum side { INCOMING, OUTGOING };

static bool votes(const struct raft_member *member, enum side side)
{
    return side == OUTGOING ? member->outgoing : !member->learner && !member->leaving;
}

static uint32_t voters_count(const struct raft_members *members, enum side side)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < members->count; i++) count += votes(&members->member[i], side);
    return count;
}

bool raft_members_joint(const struct raft_members *members)
{
    return voters_count(members, OUTGOING) > 0;
}

static uint8_t member_flags(const struct raft_member *member)
{
    return (uint8_t)((member->learner ? MEMBER_LEARNER : 0) |
                     (member->outgoing ? MEMBER_OUTGOING : 0) |
                     (member->leaving ? MEMBER_LEAVING : 0));
}

static bool flags_valid(uint8_t flags)
{
    return flags <= (MEMBER_LEARNER | MEMBER_OUTGOING) ||
           flags == (MEMBER_OUTGOING | MEMBER_LEAVING);
}

void raft_members_encode(const struct raft_members *members, struct buffer *out)
{
    buffer_put_u32(out, members->count);
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        buffer_put_u32(out, member->id);
        buffer_put_u8(out, member_flags(member));
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
        if (reader.bad || member->id <= id_before || !flags_valid(flags)) return false;
        if (address.size > RAFT_ADDRESS_SIZE_MAX) return false;
        member->learner = (flags & MEMBER_LEARNER) != 0;
        member->outgoing = (flags & MEMBER_OUTGOING) != 0;
        member->leaving = (flags & MEMBER_LEAVING) != 0;
        member->address_size = (uint8_t)address.size;
        if (address.size > 0) memcpy(member->address, address.data, address.size);
        id_before = member->id;
    }
    return reader_done(&reader) && voters_count(members, INCOMING) > 0;
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

void members_history_append(struct members_history *history, uint64_t index,
                            const struct raft_members *members)
{
    if (history->count == history->capacity) {
        uint32_t capacity = history->capacity * 2;
        struct members_at *at = realloc(history->at, capacity * sizeof *at);
        ASSERT(at != NULL);
        history->at = at;
        history->capacity = capacity;
    }
    history->at[history->count].index = index;
    history->at[history->count].members = *members;
    history->count++;
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

uint64_t members_index(const struct members_history *history)
{
    return history->at[history->count - 1].index;
}

/* The last of the history that is at or below `index`. */
static uint32_t as_of(const struct members_history *history, uint64_t index)
{
    uint32_t at = history->count - 1;
    while (at > 0 && history->at[at].index > index) at--;
    return at;
}

const struct raft_members *members_as_of(const struct members_history *history, uint64_t index)
{
    return &history->at[as_of(history, index)].members;
}

bool members_may_lead(const struct members_history *history, uint64_t commit, uint32_t id)
{
    for (uint32_t at = as_of(history, commit); at < history->count; at++) {
        if (members_is_voter(&history->at[at].members, id)) return true;
    }
    return false;
}

static uint32_t others_voting(const struct raft_members *members, uint32_t id)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        uint32_t member = members->member[i].id;
        count += member != id && members_is_voter(members, member);
    }
    return count;
}

bool members_alone(const struct members_history *history, uint64_t commit, uint32_t id)
{
    if (!members_is_voter(members_in_force(history), id)) return false;
    for (uint32_t at = as_of(history, commit); at < history->count; at++) {
        if (others_voting(&history->at[at].members, id) > 0) return false;
    }
    return true;
}

int raft_members_place(const struct raft_members *members, uint32_t id)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id == id) return (int)i;
    }
    return -1;
}

bool members_is_voter(const struct raft_members *members, uint32_t id)
{
    int place = raft_members_place(members, id);
    if (place < 0) return false;
    const struct raft_member *member = &members->member[place];
    return votes(member, INCOMING) || votes(member, OUTGOING);
}

bool members_equal(const struct raft_members *a, const struct raft_members *b)
{
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct raft_member *x = &a->member[i];
        const struct raft_member *y = &b->member[i];
        if (x->id != y->id || member_flags(x) != member_flags(y)) return false;
        if (x->address_size != y->address_size) return false;
        if (memcmp(x->address, y->address, x->address_size) != 0) return false;
    }
    return true;
}

/* The greatest value that a majority of this side's voters has reached. */
static uint64_t majority(const struct raft_members *members, const uint64_t *values, enum side side)
{
    uint64_t sorted[RAFT_MEMBERS_MAX]; /* of the voters, descending */
    uint32_t voters = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (!votes(&members->member[i], side)) continue;
        uint32_t at = voters++;
        for (; at > 0 && sorted[at - 1] < values[i]; at--) sorted[at] = sorted[at - 1];
        sorted[at] = values[i];
    }
    /* Of n voters n/2 + 1 are a majority; the last of those, in descending order, is at n/2. */
    return voters == 0 ? 0 : sorted[voters / 2];
}

uint64_t members_quorum(const struct raft_members *members, const uint64_t *values)
{
    uint64_t incoming = majority(members, values, INCOMING);
    if (!raft_members_joint(members)) return incoming;
    uint64_t outgoing = majority(members, values, OUTGOING);
    return incoming < outgoing ? incoming : outgoing;
}

bool raft_members_quorum(const struct raft_members *members, const uint32_t *ids, uint32_t count)
{
    uint64_t agrees[RAFT_MEMBERS_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        int place = raft_members_place(members, ids[i]);
        if (place >= 0) agrees[place] = 1;
    }
    return members_quorum(members, agrees) == 1;
}
