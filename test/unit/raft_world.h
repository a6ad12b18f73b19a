/* A small world for replicas of src/raft: virtual time, a network and disks that misbehave as
 * told, and the invariants of the paper's figure 3 checked after every step.
 *
 * The disk is a list of writes: one lands some time after it was handed out, in order; a crash
 * keeps a prefix of what was under way. Entries are kept as written, as a write-ahead log would
 * keep them, and a restart reads all of them back. A failure prints the world's seed. */
#ifndef QUARTET_TEST_RAFT_WORLD_H
#define QUARTET_TEST_RAFT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/random.h"
#include "raft/raft.h"

enum {
    WORLD_NODES_MAX = 5,
    WORLD_DATA_SIZE_MAX = 128,
    WORLD_MS = 1000,
    WORLD_TIMEOUT_US = 150 * WORLD_MS,
    WORLD_HEARTBEAT_US = 20 * WORLD_MS,
};

struct stored {
    struct raft_entry entry; /* its data: see stored_entry() */
    uint8_t bytes[WORLD_DATA_SIZE_MAX];
};

struct stored_list {
    struct stored *at;
    uint64_t count;
    uint64_t capacity;
};

struct snapshot {
    uint64_t index, term, elapsed_us, wall_us;
    struct raft_members members;
};

struct write {
    uint64_t sequence, due_us, term, commit;
    uint32_t vote;
    bool hard, trusted;
    struct stored_list entries;
};

struct packet {
    uint64_t due_us, order;
    struct raft_message message;
    struct stored_list entries;
    bool is_snapshot;
    struct snapshot snapshot;
};

struct packet_list {
    struct packet **at;
    uint32_t count, capacity;
};

struct disk {
    uint64_t term, commit;
    uint32_t vote;
    bool trusted;
    struct snapshot snapshot;
    struct stored_list wal; /* all entries in the order in which they were written */
    struct stored_list log; /* what they amount to: entries after the snapshot */
};

struct node {
    struct raft *raft; /* NULL: down */
    struct disk disk;
    struct disk wiped; /* what the disk held before it was lost */
    struct write *writes;
    uint32_t writes_count, writes_capacity;
    struct packet_list held; /* behind a gate */
    uint64_t sequence, durable_sequence, applied;
    struct snapshot compacted; /* of the state that `first_index` begins after */
    bool stalled;              /* its writes do not land */
    bool paused;               /* gets no messages and no time */
};

struct world {
    uint64_t seed, now_us, wall_us;
    struct random random;
    struct raft_config config;
    uint32_t nodes_count;
    struct node nodes[WORLD_NODES_MAX + 1]; /* by id */
    struct raft_members founding;
    struct packet_list packets; /* a heap by (due, order) */
    uint64_t packets_order;
    uint32_t loss_permille, duplicate_permille;
    uint64_t delay_us_max, write_us_max;
    bool cut[WORLD_NODES_MAX + 1][WORLD_NODES_MAX + 1];                       /* from, to */
    void (*observe)(struct world *world, const struct raft_message *message); /* as it leaves */
    uint64_t sent[RAFT_MESSAGE_TYPES];
    uint64_t observed[8]; /* for the observer */

    struct stored_list truth; /* what was committed, from index 1 on */
    struct stored_list known; /* hashed by (index, term): log matching */
    uint32_t *leaders;        /* by term */
    uint32_t *votes[WORLD_NODES_MAX + 1];
    uint64_t terms_capacity;
    uint64_t elections;
};

static struct world *world_current; /* whose seed a failure prints */

#define WORLD_CHECK(world, condition) \
    ((condition) ? (void)0 : world_fail(world, __FILE__, __LINE__, #condition))

static inline void world_describe(const struct world *world)
{
    static const char *const roles[] = {"follower", "pre-candidate", "candidate", "leader"};
    fprintf(stderr, "committed %llu\n", (unsigned long long)world->truth.count);
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        const struct node *node = &world->nodes[id];
        const struct raft *raft = node->raft;
        if (raft == NULL) {
            fprintf(stderr, "%u: down\n", id);
            continue;
        }
        fprintf(
            stderr,
            "%u: %s%s of %u in term %llu, log [%llu, %llu], durable %llu, commit %llu, %u "
            "members, %u writes under way\n",
            id, raft_trusted(raft) ? "" : "untrusted ", roles[raft_role(raft)], raft_leader(raft),
            (unsigned long long)raft_term(raft), (unsigned long long)raft_first_index(raft),
            (unsigned long long)raft_last_index(raft), (unsigned long long)raft_durable_index(raft),
            (unsigned long long)raft_commit_index(raft), raft_members(raft)->count,
            node->writes_count);
        struct raft_progress rows[RAFT_MEMBERS_MAX];
        uint32_t count = raft_progress_all(raft, rows);
        for (uint32_t i = 0; i < count; i++) {
            fprintf(stderr, "   %u: match %llu, next %llu%s%s, %u in flight, heard %llu\n",
                    rows[i].peer, (unsigned long long)rows[i].match,
                    (unsigned long long)rows[i].next, rows[i].trusted ? "" : ", untrusted",
                    rows[i].snapshot ? ", needs a snapshot" : "", rows[i].inflight,
                    (unsigned long long)rows[i].heard_us);
        }
    }
}

__attribute__((noreturn)) static inline void world_fail(struct world *world, const char *file,
                                                        int line, const char *what)
{
    fprintf(stderr, "%s:%d: seed %llu at %llu us: %s\n", file, line,
            (unsigned long long)world->seed, (unsigned long long)world->now_us, what);
    world_describe(world);
    abort();
}

void base_panic(const char *file, int line, const char *what)
{
    if (world_current != NULL) world_fail(world_current, file, line, what);
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

/* --- lists --- */

static inline struct raft_entry stored_entry(const struct stored *stored)
{
    struct raft_entry entry = stored->entry;
    entry.data.data = stored->bytes;
    return entry;
}

static inline void stored_push(struct stored_list *list, const struct raft_entry *entry)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        list->at = realloc(list->at, list->capacity * sizeof *list->at);
    }
    struct stored *stored = &list->at[list->count++];
    stored->entry = *entry;
    if (entry->data.size > WORLD_DATA_SIZE_MAX) abort();
    if (entry->data.size > 0) memcpy(stored->bytes, entry->data.data, entry->data.size);
}

static inline bool stored_same(const struct stored *a, const struct stored *b)
{
    return a->entry.index == b->entry.index && a->entry.term == b->entry.term &&
           a->entry.kind == b->entry.kind && a->entry.elapsed_us == b->entry.elapsed_us &&
           a->entry.wall_us == b->entry.wall_us && a->entry.data.size == b->entry.data.size &&
           memcmp(a->bytes, b->bytes, a->entry.data.size) == 0;
}

static inline void stored_free(struct stored_list *list)
{
    free(list->at);
    *list = (struct stored_list){0};
}

static inline void packet_push(struct packet_list *list, struct packet *packet)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->at = realloc(list->at, list->capacity * sizeof(struct packet *));
    }
    list->at[list->count++] = packet;
}

static inline void packet_free(struct packet *packet)
{
    stored_free(&packet->entries);
    free(packet);
}

static inline void packet_list_clear(struct packet_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) packet_free(list->at[i]);
    list->count = 0;
}

static inline bool packet_before(const struct packet *a, const struct packet *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static inline void packets_push(struct packet_list *heap, struct packet *packet)
{
    packet_push(heap, packet);
    uint32_t i = heap->count - 1;
    for (; i > 0 && packet_before(packet, heap->at[(i - 1) / 2]); i = (i - 1) / 2) {
        heap->at[i] = heap->at[(i - 1) / 2];
    }
    heap->at[i] = packet;
}

static inline struct packet *packets_pop(struct packet_list *heap)
{
    struct packet *first = heap->at[0];
    struct packet *last = heap->at[--heap->count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && packet_before(heap->at[child + 1], heap->at[child])) child++;
        if (!packet_before(heap->at[child], last)) break;
        heap->at[i] = heap->at[child];
        i = child;
    }
    if (heap->count > 0) heap->at[i] = last;
    return first;
}

/* --- the disk --- */

/* The same rules as raft_restore_entry(): an entry replaces all from its index on. */
static inline void disk_keep(struct disk *disk, const struct raft_entry *entry)
{
    uint64_t base = disk->snapshot.index;
    uint64_t keep = entry->index <= base ? 0 : entry->index - 1 - base;
    if (keep < disk->log.count) disk->log.count = keep;
    if (entry->index <= base) return;
    uint64_t count = disk->log.count;
    uint64_t last_term = count == 0 ? disk->snapshot.term : disk->log.at[count - 1].entry.term;
    if (entry->term >= last_term) stored_push(&disk->log, entry);
}

static inline uint64_t disk_last(const struct disk *disk)
{
    return disk->snapshot.index + disk->log.count;
}

static inline bool disk_holds(const struct disk *disk, uint64_t index, uint64_t term)
{
    if (index <= disk->snapshot.index) return true; /* state machine safety is checked apart */
    if (index > disk_last(disk)) return false;
    return disk->log.at[index - disk->snapshot.index - 1].entry.term == term;
}

static inline void disk_land(struct disk *disk, const struct write *write)
{
    if (write->hard) {
        disk->term = write->term;
        disk->vote = write->vote;
        disk->trusted = write->trusted;
    }
    for (uint64_t i = 0; i < write->entries.count; i++) {
        struct raft_entry entry = stored_entry(&write->entries.at[i]);
        stored_push(&disk->wal, &entry);
        disk_keep(disk, &entry);
    }
    if (write->commit > disk->commit) disk->commit = write->commit;
}

static inline void disk_snapshot(struct disk *disk, const struct snapshot *snapshot)
{
    if (snapshot->index <= disk->snapshot.index) return;
    uint64_t drop = snapshot->index - disk->snapshot.index;
    bool holds = drop <= disk->log.count && disk->log.at[drop - 1].entry.term == snapshot->term;
    if (holds) {
        disk->log.count -= drop;
        memmove(disk->log.at, disk->log.at + drop, disk->log.count * sizeof *disk->log.at);
    } else {
        disk->log.count = 0;
    }
    disk->snapshot = *snapshot;
}

static inline void disk_free(struct disk *disk)
{
    stored_free(&disk->wal);
    stored_free(&disk->log);
    *disk = (struct disk){0};
}

/* --- invariants --- */

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
    world->leaders[term] = id;
    world->elections++;
    WORLD_CHECK(world, raft_last_index(raft) >= world->truth.count);
    for (uint64_t i = 1; i <= world->truth.count; i++) {
        WORLD_CHECK(world, log_equals_truth(world, raft, i));
    }
}

/* What becomes committed is durable on a majority of disks that are trusted, or was: a disk that
 * is lost after its acknowledgement left is as good as one lost after the commit. */
static inline void check_durable(struct world *world, uint64_t index, uint64_t term)
{
    uint32_t holders = 0;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        const struct disk *disk = &world->nodes[id].disk;
        if (!disk->trusted) disk = &world->nodes[id].wiped;
        holders += disk->trusted && disk_holds(disk, index, term);
    }
    WORLD_CHECK(world, holders > world->nodes_count / 2);
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
            check_durable(world, index, entry->term);
            stored_push(&world->truth, entry);
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
    /* Alone, a node leads before its vote is durable, and may lose both term and entry. */
    if (world->nodes_count == 1) return;
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
        world_reserve_terms(world, message->term);
        uint32_t *vote = &world->votes[message->from][message->term];
        WORLD_CHECK(world, *vote == 0 || *vote == message->to);
        *vote = message->to;
    }
}

/* --- steps --- */

static inline struct raft_time world_time(const struct world *world)
{
    return (struct raft_time){world->now_us, world->wall_us};
}

static inline uint64_t world_random(struct world *world, uint64_t bound)
{
    return bound == 0 ? 0 : random_below(&world->random, bound);
}

static inline struct packet *packet_copy(const struct packet *packet)
{
    struct packet *copy = malloc(sizeof *copy);
    *copy = *packet;
    copy->entries = (struct stored_list){0};
    for (uint64_t i = 0; i < packet->entries.count; i++) {
        struct raft_entry entry = stored_entry(&packet->entries.at[i]);
        stored_push(&copy->entries, &entry);
    }
    return copy;
}

/* Owns the packet from here on. */
static inline void world_send(struct world *world, struct packet *packet)
{
    const struct raft_message *message = &packet->message;
    if (!packet->is_snapshot) {
        check_message(world, message);
        world->sent[message->type]++;
        if (world->observe != NULL) world->observe(world, message);
    }
    if (world->cut[message->from][message->to] ||
        world_random(world, 1000) < world->loss_permille) {
        packet_free(packet);
        return;
    }
    if (world_random(world, 1000) < world->duplicate_permille) {
        struct packet *twin = packet_copy(packet);
        twin->due_us = world->now_us + 1 + world_random(world, 4 * world->delay_us_max);
        twin->order = world->packets_order++;
        packets_push(&world->packets, twin);
    }
    packet->due_us = world->now_us + 1 + world_random(world, world->delay_us_max);
    packet->order = world->packets_order++;
    packets_push(&world->packets, packet);
}

static inline void node_write(struct world *world, struct node *node,
                              const struct raft_output *output)
{
    if (node->writes_count == node->writes_capacity) {
        node->writes_capacity = node->writes_capacity == 0 ? 8 : node->writes_capacity * 2;
        node->writes = realloc(node->writes, node->writes_capacity * sizeof *node->writes);
    }
    struct write *write = &node->writes[node->writes_count++];
    *write = (struct write){
        .sequence = ++node->sequence,
        .due_us = world->now_us + 1 + world_random(world, world->write_us_max),
        .commit = raft_commit_index(node->raft),
        .hard = output->hard_state,
        .term = output->term,
        .vote = output->vote,
        .trusted = output->trusted,
    };
    if (output->persist_first == 0) return;
    for (uint64_t i = output->persist_first; i <= output->persist_last; i++) {
        const struct raft_entry *entry = raft_entry_at(node->raft, i);
        WORLD_CHECK(world, entry != NULL);
        check_entry(world, node->raft, entry);
        stored_push(&write->entries, entry);
    }
}

static inline void world_send_snapshots(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    uint32_t peer = 0;
    while ((peer = raft_snapshot_wanted(node->raft, peer)) != 0) {
        if (world_random(world, 4) != 0) continue; /* asked again at the next step */
        struct packet *packet = calloc(1, sizeof *packet);
        packet->message.from = id;
        packet->message.to = peer;
        packet->is_snapshot = true;
        packet->snapshot = node->compacted;
        world_send(world, packet);
    }
}

/* Carries out what the last calls produced. */
static inline void world_flush(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    struct raft_output output;
    raft_take_output(node->raft, node->sequence + 1, &output);
    if (output.hard_state || output.persist_first != 0) node_write(world, node, &output);
    for (uint32_t i = 0; i < output.messages_count; i++) {
        const struct raft_message *message = &output.messages[i];
        struct packet *packet = calloc(1, sizeof *packet);
        packet->message = *message;
        for (uint32_t n = 0; n < message->entries_count; n++) {
            const struct raft_entry *entry = raft_entry_at(node->raft, message->index + 1 + n);
            WORLD_CHECK(world, entry != NULL);
            stored_push(&packet->entries, entry);
        }
        WORLD_CHECK(world, message->gate <= node->sequence);
        if (message->gate > node->durable_sequence)
            packet_push(&node->held, packet);
        else
            world_send(world, packet);
    }
    check_leader(world, id);
    check_applied(world, id);
    world_send_snapshots(world, id);
}

static inline void world_deliver_snapshot(struct world *world, struct packet *packet)
{
    struct node *node = &world->nodes[packet->message.to];
    const struct snapshot *snapshot = &packet->snapshot;
    if (!raft_install_snapshot(node->raft, world_time(world), snapshot->index, snapshot->term,
                               snapshot->elapsed_us, snapshot->wall_us, &snapshot->members)) {
        return;
    }
    disk_snapshot(&node->disk, snapshot);
    node->applied = snapshot->index;
    node->compacted = *snapshot;
}

static inline void world_deliver(struct world *world, struct packet *packet)
{
    uint32_t to = packet->message.to;
    struct node *node = &world->nodes[to];
    if (node->raft == NULL || node->paused) return;
    if (packet->is_snapshot) {
        world_deliver_snapshot(world, packet);
    } else {
        struct raft_entry entries[RAFT_MESSAGE_ENTRIES_MAX];
        for (uint64_t i = 0; i < packet->entries.count; i++) {
            entries[i] = stored_entry(&packet->entries.at[i]);
        }
        packet->message.entries = entries;
        raft_receive(node->raft, world_time(world), &packet->message);
    }
    world_flush(world, to);
}

static inline void world_land(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    struct write write = node->writes[0];
    memmove(node->writes, node->writes + 1, --node->writes_count * sizeof write);
    disk_land(&node->disk, &write);
    stored_free(&write.entries);
    node->durable_sequence = write.sequence;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->held.count; i++) {
        struct packet *packet = node->held.at[i];
        if (packet->message.gate <= node->durable_sequence)
            world_send(world, packet);
        else
            node->held.at[kept++] = packet;
    }
    node->held.count = kept;
    raft_durable(node->raft, world_time(world), write.sequence);
    world_flush(world, id);
}

static inline bool world_propose(struct world *world, uint32_t id, uint64_t value)
{
    struct node *node = &world->nodes[id];
    uint64_t index;
    if (node->raft == NULL || node->paused) return false;
    enum raft_propose_result result = raft_propose(node->raft, world_time(world), RAFT_KIND_CALLER,
                                                   1, slice_of(&value, sizeof value), &index);
    world_flush(world, id);
    return result == RAFT_PROPOSE_OK;
}

/* What is applied becomes a snapshot, and the log before it is forgotten. */
static inline void world_compact(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    uint64_t index = node->applied;
    if (index > raft_durable_index(node->raft)) index = raft_durable_index(node->raft);
    const struct raft_entry *entry = raft_entry_at(node->raft, index);
    if (entry == NULL) return;
    node->compacted = (struct snapshot){index, entry->term, entry->elapsed_us, entry->wall_us,
                                        *raft_members(node->raft)};
    raft_compact(node->raft, index);
    WORLD_CHECK(world, raft_first_index(node->raft) == index + 1);
    disk_snapshot(&node->disk, &node->compacted);
}

/* --- life and death --- */

static inline void world_start(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    struct disk *disk = &node->disk;
    struct raft_config config = world->config;
    config.self = id;
    config.seed = random_next(&world->random);
    struct raft_restored restored = {
        .term = disk->term,
        .vote = disk->vote,
        .trusted = disk->trusted,
        .snapshot_index = disk->snapshot.index,
        .snapshot_term = disk->snapshot.term,
        .snapshot_elapsed_us = disk->snapshot.elapsed_us,
        .snapshot_wall_us = disk->snapshot.wall_us,
        .members = disk->snapshot.members,
    };
    node->raft = raft_create(&config, &restored);
    for (uint64_t i = 0; i < disk->wal.count; i++) {
        struct raft_entry entry = stored_entry(&disk->wal.at[i]);
        raft_restore_entry(node->raft, &entry);
    }
    WORLD_CHECK(world, raft_last_index(node->raft) == disk_last(disk));
    raft_restore_commit(node->raft, disk->commit);
    node->applied = disk->snapshot.index;
    node->compacted = disk->snapshot;
    raft_start(node->raft, world_time(world));
    world_flush(world, id);
}

/* What was durable stays, and of the writes under way, the first `landed`. */
static inline void world_crash(struct world *world, uint32_t id, uint32_t landed)
{
    struct node *node = &world->nodes[id];
    for (uint32_t i = 0; i < node->writes_count; i++) {
        if (i < landed) disk_land(&node->disk, &node->writes[i]);
        stored_free(&node->writes[i].entries);
    }
    node->writes_count = 0;
    node->sequence = node->durable_sequence = 0;
    packet_list_clear(&node->held);
    raft_destroy(node->raft);
    node->raft = NULL;
    node->stalled = false;
    node->paused = false;
}

/* A down node's disk is lost. What it had sent goes with its connections. */
static inline void world_wipe(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    if (node->disk.trusted) {
        disk_free(&node->wiped);
        node->wiped = node->disk;
        node->disk = (struct disk){0};
    }
    disk_free(&node->disk);
    struct packet_list kept = {0};
    while (world->packets.count > 0) {
        struct packet *packet = packets_pop(&world->packets);
        if (packet->message.from == id || packet->message.to == id)
            packet_free(packet);
        else
            packets_push(&kept, packet);
    }
    free(world->packets.at);
    world->packets = kept;
    for (uint32_t peer = 1; peer <= world->nodes_count; peer++) {
        if (world->nodes[peer].raft != NULL) raft_peer_lost(world->nodes[peer].raft, id);
    }
}

/* Every listed node starts with the founding entry: index 1 of term 1. */
static inline struct world *world_make(uint32_t nodes_count, uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    world_current = world;
    world->seed = seed;
    world->random = random_seeded(seed);
    world->nodes_count = nodes_count;
    world->now_us = 1000 * WORLD_MS;
    world->wall_us = UINT64_C(1700000000000000);
    world->delay_us_max = 2 * WORLD_MS;
    world->write_us_max = 2 * WORLD_MS;
    world->config = (struct raft_config){
        .election_timeout_us = WORLD_TIMEOUT_US,
        .heartbeat_us = WORLD_HEARTBEAT_US,
        .append_bytes_max = 256,
        .inflight_messages_max = 4,
        .uncommitted_bytes_max = 1 << 20,
    };
    world->founding.count = nodes_count;
    for (uint32_t i = 0; i < nodes_count; i++) {
        world->founding.member[i] =
            (struct raft_member){.id = i + 1, .address_size = 1, .address = "x"};
    }
    struct buffer data = {0};
    raft_members_encode(&world->founding, &data);
    struct raft_entry founding = {.index = 1,
                                  .term = 1,
                                  .kind = RAFT_KIND_MEMBERS,
                                  .version = 1,
                                  .data = buffer_slice(&data)};
    for (uint32_t id = 1; id <= nodes_count; id++) {
        struct disk *disk = &world->nodes[id].disk;
        disk->term = 1;
        disk->trusted = true;
        stored_push(&disk->wal, &founding);
        disk_keep(disk, &founding);
        world_start(world, id);
    }
    buffer_free(&data);
    return world;
}

static inline void world_free(struct world *world)
{
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        struct node *node = &world->nodes[id];
        if (node->raft != NULL) world_crash(world, id, 0);
        disk_free(&node->disk);
        disk_free(&node->wiped);
        free(node->writes);
        free(node->held.at);
        free(world->votes[id]);
    }
    for (uint32_t id = world->nodes_count + 1; id <= WORLD_NODES_MAX; id++) free(world->votes[id]);
    packet_list_clear(&world->packets);
    free(world->packets.at);
    free(world->leaders);
    stored_free(&world->truth);
    stored_free(&world->known);
    free(world);
    world_current = NULL;
}

/* --- time --- */

/* Does the next thing that is due by `until_us`; false, with time moved there, when none is. */
static inline bool world_step(struct world *world, uint64_t until_us)
{
    uint64_t due_us = until_us;
    uint32_t ticks = 0, lands = 0;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        struct node *node = &world->nodes[id];
        if (node->raft == NULL || node->paused) continue;
        uint64_t deadline_us = raft_deadline_us(node->raft);
        if (deadline_us < due_us) due_us = deadline_us, ticks = id, lands = 0;
        if (node->writes_count == 0 || node->stalled) continue;
        if (node->writes[0].due_us < due_us) due_us = node->writes[0].due_us, lands = id, ticks = 0;
    }
    bool packet = world->packets.count > 0 && world->packets.at[0]->due_us < due_us;
    if (packet) due_us = world->packets.at[0]->due_us;
    if (due_us > world->now_us) {
        world->wall_us += due_us - world->now_us;
        world->now_us = due_us;
    }
    if (packet) {
        struct packet *first = packets_pop(&world->packets);
        world_deliver(world, first);
        packet_free(first);
    } else if (lands != 0) {
        world_land(world, lands);
    } else if (ticks != 0) {
        raft_tick(world->nodes[ticks].raft, world_time(world));
        world_flush(world, ticks);
    } else {
        return false;
    }
    return true;
}

static inline void world_run(struct world *world, uint64_t duration_us)
{
    uint64_t until_us = world->now_us + duration_us;
    while (world_step(world, until_us)) {}
}

/* The leader of the latest term, among those that are up; 0: none. */
static inline uint32_t world_leader(const struct world *world)
{
    uint32_t leader = 0;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        const struct raft *raft = world->nodes[id].raft;
        if (raft == NULL || raft_role(raft) != RAFT_LEADER) continue;
        if (leader == 0 || raft_term(raft) > raft_term(world->nodes[leader].raft)) leader = id;
    }
    return leader;
}

/* Runs until there is a settled leader; 0 when there is none within `limit_us`. */
static inline uint32_t world_elect(struct world *world, uint64_t limit_us)
{
    uint64_t until_us = world->now_us + limit_us;
    do {
        uint32_t leader = world_leader(world);
        if (leader != 0 && raft_settled(world->nodes[leader].raft)) return leader;
    } while (world_step(world, until_us));
    return 0;
}

static inline void world_cut(struct world *world, uint32_t id, bool cut)
{
    for (uint32_t peer = 1; peer <= world->nodes_count; peer++) {
        world->cut[id][peer] = world->cut[peer][id] = cut;
    }
}

#endif
