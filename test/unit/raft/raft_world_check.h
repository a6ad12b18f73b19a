/* The invariants of figure 3 of the paper, and those of our own: an acknowledgement speaks of what
 * is on the disk, and a vote is given once. */
#ifndef QUARTET_TEST_RAFT_WORLD_CHECK_H
#define QUARTET_TEST_RAFT_WORLD_CHECK_H

#include "raft_world_reads.h"

static inline void world_reserve_terms(struct world *world, uint64_t term)
{
    if (term < world->terms_capacity) return;
    uint64_t capacity = world->terms_capacity == 0 ? 64 : world->terms_capacity;
    while (capacity <= term) capacity *= 2;
    uint64_t added = capacity - world->terms_capacity;
    for (uint32_t id = 0; id <= WORLD_NODES_MAX; id++) {
        uint32_t **table = id == 0 ? &world->leaders : &world->votes[id];
        *table = realloc(*table, capacity * sizeof **table);
        memset(*table + world->terms_capacity, 0, added * sizeof **table);
    }
    world->terms_capacity = capacity;
}

static inline bool log_equals_truth(const struct world *world, const struct raft *raft,
                                    uint64_t index)
{
    if (index < raft_first_index(raft)) return true;
    return raft_term_at(raft, index) == world->truth.at[index - 1].entry.term;
}

/* The membership that this node had to go by when its log ended at `last`: the last one in the log,
 * else its snapshot's. */
static inline struct raft_members members_in_log(const struct world *world, uint32_t id,
                                                 uint64_t last)
{
    const struct raft *raft = world->nodes[id].raft;
    struct raft_members members;
    for (uint64_t i = last; i >= raft_first_index(raft); i--) {
        const struct raft_entry *entry = raft_entry_at(raft, i);
        if (entry == NULL || entry->kind != RAFT_KIND_MEMBERS) continue;
        if (!raft_members_decode(entry->data, &members)) abort();
        return members;
    }
    return world->nodes[id].compacted.members;
}

/* Do those for whom yes[id] make a quorum: a majority of either side, while there are two? */
static inline bool is_quorum(const struct raft_members *members, const bool *yes)
{
    uint32_t voters[2] = {0}, agree[2] = {0};
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        bool votes[2] = {!member->learner && !member->leaving, member->outgoing};
        for (int side = 0; side < 2; side++) {
            voters[side] += votes[side];
            agree[side] += votes[side] && yes[member->id];
        }
    }
    return agree[0] > voters[0] / 2 && (voters[1] == 0 || agree[1] > voters[1] / 2);
}

static inline void check_elected(struct world *world, uint32_t id, uint64_t term)
{
    struct raft_members members = members_in_log(world, id, raft_last_index(world->nodes[id].raft));
    bool yes[WORLD_NODES_MAX + 1];
    for (uint32_t voter = 1; voter <= WORLD_NODES_MAX; voter++) {
        const struct disk *disk = &world->nodes[voter].disk;
        yes[voter] = world->votes[voter][term] == id || (disk->term == term && disk->vote == id);
    }
    WORLD_CHECK(world, is_quorum(&members, yes));
}

/* Election safety and leader completeness. */
static inline void check_leader(struct world *world, uint32_t id)
{
    const struct raft *raft = world->nodes[id].raft;
    if (raft_role(raft) != RAFT_LEADER) return;
    uint64_t term = raft_term(raft);
    world_reserve_terms(world, term);
    if (world->leaders[term] == id) return;
    WORLD_CHECK(world, world->leaders[term] == 0);
    WORLD_CHECK(world, raft_trusted(raft));
    check_elected(world, id, term);
    world->leaders[term] = id;
    world->elections++;
    WORLD_CHECK(world, raft_last_index(raft) >= world->truth.count);
    for (uint64_t i = 1; i <= world->truth.count; i++) {
        WORLD_CHECK(world, log_equals_truth(world, raft, i));
    }
}

/* What becomes committed, by this leader, is durable on a quorum of disks that are trusted, or was:
 * a disk that is lost after its acknowledgement left is as good as one lost after the commit. */
static inline void check_durable(struct world *world, uint32_t leader, uint64_t index,
                                 uint64_t term)
{
    /* The membership that it appended because of this very commit counts from now on. */
    struct raft_members members = members_in_log(world, leader, world->nodes[leader].flushed_last);
    bool yes[WORLD_NODES_MAX + 1];
    for (uint32_t id = 1; id <= WORLD_NODES_MAX; id++) {
        const struct disk *disk = &world->nodes[id].disk;
        if (!disk->trusted) disk = &world->nodes[id].wiped;
        yes[id] = disk->trusted && disk_holds(disk, index, term);
    }
    WORLD_CHECK(world, is_quorum(&members, yes));
}

/* State machine safety. */
static inline void check_applied(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    uint64_t commit = raft_commit_index(node->raft);
    WORLD_CHECK(world, commit >= node->applied && commit <= raft_last_index(node->raft));
    while (node->applied < commit) {
        uint64_t index = ++node->applied;
        const struct raft_entry *entry = raft_entry_at(node->raft, index);
        WORLD_CHECK(world, entry != NULL && entry->index == index);
        struct stored stored = {.entry = *entry};
        memcpy(stored.bytes, entry->data.data ? entry->data.data : (const uint8_t *)"",
               entry->data.size);
        if (index <= world->truth.count) {
            WORLD_CHECK(world, stored_same(&stored, &world->truth.at[index - 1]));
        } else {
            WORLD_CHECK(world, index == world->truth.count + 1);
            check_durable(world, id, index, entry->term);
            stored_push(&world->truth, entry);
            check_leases(world);
        }
    }
}

/* Log matching, by induction: (index, term) decides the entry and the term before it. */
static inline void check_entry(struct world *world, const struct raft *raft,
                               const struct raft_entry *entry)
{
    struct stored stored = {.entry = *entry};
    if (entry->data.size > 0) memcpy(stored.bytes, entry->data.data, entry->data.size);
    uint64_t previous = raft_term_at(raft, entry->index - 1);
    WORLD_CHECK(world, previous <= entry->term);
    const struct raft_entry *before = raft_entry_at(raft, entry->index - 1);
    if (before != NULL) {
        WORLD_CHECK(world, before->elapsed_us <= entry->elapsed_us);
        WORLD_CHECK(world, before->wall_us <= entry->wall_us);
    }
    struct stored_list *known = &world->known;
    if (known->capacity == 0) {
        known->capacity = 1 << 14;
        known->at = calloc(known->capacity, sizeof *known->at);
    }
    uint64_t at = random_mix(entry->index * 1000003 + entry->term) & (known->capacity - 1);
    for (;; at = (at + 1) & (known->capacity - 1)) {
        struct stored *slot = &known->at[at];
        if (slot->entry.index == 0) {
            if (++known->count > known->capacity / 2) return; /* a long run: enough is known */
            *slot = stored;
            slot->entry.data.data = (const uint8_t *)(uintptr_t)previous; /* only a number here */
            return;
        }
        if (slot->entry.index == entry->index && slot->entry.term == entry->term) {
            WORLD_CHECK(world, stored_same(slot, &stored));
            WORLD_CHECK(world, (uint64_t)(uintptr_t)slot->entry.data.data == previous);
            return;
        }
    }
}

/* As a message leaves: what it promises is on the disk. */
static inline void check_message(struct world *world, const struct raft_message *message)
{
    const struct disk *disk = &world->nodes[message->from].disk;
    bool pre = message->type == RAFT_PRE_VOTE || message->type == RAFT_PRE_VOTE_REPLY;
    if (!pre) WORLD_CHECK(world, message->term <= disk->term);
    if (message->type == RAFT_APPEND_REPLY && message->granted) {
        WORLD_CHECK(world, message->index <= disk_last(disk));
    }
    if (!message->untrusted && !pre) WORLD_CHECK(world, disk->trusted);
    if (message->type == RAFT_VOTE_REPLY && message->granted) {
        WORLD_CHECK(world, disk->trusted && disk->vote == message->to);
        world_reserve_terms(world, message->term);
        uint32_t *vote = &world->votes[message->from][message->term];
        WORLD_CHECK(world, *vote == 0 || *vote == message->to);
        *vote = message->to;
    }
}

#endif
