/* What a world of raft_world.h is made of: nodes, disks, packets, and the lists that hold
 * them. */
#ifndef QUARTET_TEST_RAFT_WORLD_STATE_H
#define QUARTET_TEST_RAFT_WORLD_STATE_H

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
    WORLD_NODES_MAX = 7,
    WORLD_DATA_SIZE_MAX = 128,
    WORLD_MS = 1000,
    WORLD_TIMEOUT_US = 150 * WORLD_MS,
    WORLD_HEARTBEAT_US = 20 * WORLD_MS,
    WORLD_DRIFT_PERMILLE = 100, /* the bound that the replicas are told */
    WORLD_READS_MAX = 64,       /* of one node, waiting */
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

struct asked {
    uint64_t ticket, committed;
};

struct node {
    struct raft *raft; /* NULL: down */
    struct disk disk;
    struct disk wiped; /* what the disk held before it was lost */
    struct write *writes;
    uint32_t writes_count, writes_capacity;
    struct packet_list held; /* behind a gate */
    uint64_t sequence, durable_sequence, applied;
    uint64_t reads_confirmed, reads_index; /* see struct raft_output */
    uint64_t flushed_last;                 /* where the log ended at the last flush */
    struct snapshot compacted;             /* of the state that `first_index` begins after */
    bool stalled;                          /* its writes do not land */
    bool paused;                           /* gets no messages and no time */
    int fast_permille;                     /* its clock: see raft_world_reads.h */
    uint64_t clock_us, clock_local_us;
    struct asked asked[WORLD_READS_MAX]; /* reads that wait, and what was committed then */
    uint32_t asked_count;
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
    bool scripted; /* test/trace: snapshots leave when a script says so */
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
    uint64_t reads, lease_reads, lease_reads_stale, transfers;
    bool clocks_unbounded; /* drift beyond the bound: a lease may lie */
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

#endif
