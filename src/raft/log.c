/* The log in memory, and which of it is on disk.
 *
 * Invariants: entries in [first, last] are present and contiguous, terms never fall from one to
 * the next; durable <= handed <= last. A write is remembered as (sequence, last entry it made
 * durable); truncation lowers that last entry in every write under way, because what the write
 * puts on disk above it will be replaced: see "Why an index is no acknowledgement" in raft.h. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static struct log_block **block_slot(const struct raft_log *log, uint64_t index)
{
    return &log->blocks[(index / LOG_BLOCK_ENTRIES) & (log->blocks_capacity - 1)];
}

static struct raft_entry *entry_slot(const struct raft_log *log, uint64_t index)
{
    return &(*block_slot(log, index))->entries[index % LOG_BLOCK_ENTRIES];
}

void log_init(struct raft_log *log, const struct raft_restored *restored)
{
    *log = (struct raft_log){
        .released = restored->snapshot_index,
        .first = restored->snapshot_index + 1,
        .last = restored->snapshot_index,
        .snapshot_term = restored->snapshot_term,
        .snapshot_elapsed_us = restored->snapshot_elapsed_us,
        .snapshot_wall_us = restored->snapshot_wall_us,
        .handed = restored->snapshot_index,
        .durable = restored->snapshot_index,
    };
}

static void free_entry(struct raft_log *log, uint64_t index)
{
    struct log_block **slot = block_slot(log, index);
    struct log_block *block = *slot;
    struct slice data = block->entries[index % LOG_BLOCK_ENTRIES].data;
    free((void *)(uintptr_t)data.data);
    log->bytes -= data.size;
    if (--block->used == 0) {
        free(block);
        *slot = NULL;
    }
}

/* Takes all entries out of the table: there may be a million, and freeing them is not urgent. */
static void leave_all(struct raft_log *log)
{
    for (uint64_t at = log->released + 1; at <= log->last;) {
        struct log_block **slot = block_slot(log, at);
        struct log_block *block = *slot;
        *slot = NULL;
        block->from = (uint32_t)(at % LOG_BLOCK_ENTRIES);
        block->end = block->from + block->used;
        block->next = log->left;
        log->left = block;
        at += block->used;
    }
    log->released = log->last;
    log->bytes = 0;
}

/* Frees some of what a reset left; how much of `work` remains. */
static uint32_t free_left(struct raft_log *log, uint32_t work)
{
    while (log->left != NULL) {
        struct log_block *block = log->left;
        for (; block->from < block->end && work > 0; block->from++, work--) {
            free((void *)(uintptr_t)block->entries[block->from].data.data);
        }
        if (block->from < block->end) break;
        log->left = block->next;
        free(block);
    }
    return work;
}

void log_free(struct raft_log *log)
{
    leave_all(log);
    (void)free_left(log, UINT32_MAX);
    free(log->blocks);
    free(log->writes);
    *log = (struct raft_log){0};
}

struct raft_entry *log_at(const struct raft_log *log, uint64_t index)
{
    if (index < log->first || index > log->last) return NULL;
    return entry_slot(log, index);
}

uint64_t log_term(const struct raft_log *log, uint64_t index)
{
    if (index == log->first - 1) return log->snapshot_term;
    const struct raft_entry *entry = log_at(log, index);
    return entry == NULL ? 0 : entry->term;
}

uint64_t log_last_term(const struct raft_log *log)
{
    return log_term(log, log->last);
}

void log_last_time(const struct raft_log *log, uint64_t *elapsed_us, uint64_t *wall_us)
{
    const struct raft_entry *entry = log_at(log, log->last);
    *elapsed_us = entry == NULL ? log->snapshot_elapsed_us : entry->elapsed_us;
    *wall_us = entry == NULL ? log->snapshot_wall_us : entry->wall_us;
}

uint64_t log_find_term(const struct raft_log *log, uint64_t floor, uint64_t from, uint64_t term)
{
    ASSERT(floor >= log->first - 1 && from <= log->last);
    if (from <= floor) return floor;
    uint64_t low = floor; /* the answer is in [low, high] */
    uint64_t high = from;
    while (low < high) {
        uint64_t middle = high - (high - low) / 2;
        if (log_term(log, middle) <= term)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Doubles the table until the blocks of (released, last + 1] have a slot each. */
static void reserve_block(struct raft_log *log)
{
    uint64_t oldest = (log->released + 1) / LOG_BLOCK_ENTRIES;
    uint64_t newest = (log->last + 1) / LOG_BLOCK_ENTRIES;
    if (newest - oldest < log->blocks_capacity) return;
    uint64_t capacity = log->blocks_capacity == 0 ? 4 : log->blocks_capacity;
    while (capacity <= newest - oldest) capacity *= 2;
    struct log_block **blocks = calloc(capacity, sizeof *blocks);
    ASSERT(blocks != NULL);
    if (log->last > log->released) {
        for (uint64_t number = oldest; number <= log->last / LOG_BLOCK_ENTRIES; number++) {
            blocks[number & (capacity - 1)] = log->blocks[number & (log->blocks_capacity - 1)];
        }
    }
    free(log->blocks);
    log->blocks = blocks;
    log->blocks_capacity = capacity;
}

void log_append(struct raft_log *log, const struct raft_entry *entry)
{
    ASSERT(entry->index == log->last + 1);
    ASSERT(entry->term >= log_last_term(log));
    reserve_block(log);
    struct log_block **slot = block_slot(log, entry->index);
    if (*slot == NULL) {
        *slot = malloc(sizeof **slot);
        ASSERT(*slot != NULL);
        (*slot)->used = 0;
    }
    struct raft_entry *copy = &(*slot)->entries[entry->index % LOG_BLOCK_ENTRIES];
    *copy = *entry;
    copy->data.data = NULL;
    if (entry->data.size > 0) {
        uint8_t *data = malloc(entry->data.size);
        ASSERT(data != NULL);
        memcpy(data, entry->data.data, entry->data.size);
        copy->data.data = data;
    }
    (*slot)->used++;
    log->last++;
    log->bytes += entry->data.size;
}

static void clip_writes(struct raft_log *log, uint64_t last)
{
    for (uint32_t i = 0; i < log->writes_count; i++) {
        struct log_write *write = &log->writes[(log->writes_head + i) & (log->writes_capacity - 1)];
        write->last = lesser(write->last, last);
    }
    log->handed = lesser(log->handed, last);
    log->durable = lesser(log->durable, last);
}

void log_truncate(struct raft_log *log, uint64_t last)
{
    ASSERT(last >= log->first - 1);
    while (log->last > last) {
        free_entry(log, log->last);
        log->last--;
    }
    clip_writes(log, last);
}

void log_compact(struct raft_log *log, uint64_t index)
{
    ASSERT(index >= log->first - 1 && index <= log->last);
    if (index < log->first) return;
    const struct raft_entry *entry = log_at(log, index);
    log->snapshot_term = entry->term;
    log->snapshot_elapsed_us = entry->elapsed_us;
    log->snapshot_wall_us = entry->wall_us;
    log->first = index + 1;
    /* The snapshot holds them, and it is durable. */
    if (log->handed < index) log->handed = index;
    if (log->durable < index) log->durable = index;
}

void log_reset(struct raft_log *log, uint64_t index, uint64_t term, uint64_t elapsed_us,
               uint64_t wall_us)
{
    leave_all(log);
    log->released = index;
    log->first = index + 1;
    log->last = index;
    log->snapshot_term = term;
    log->snapshot_elapsed_us = elapsed_us;
    log->snapshot_wall_us = wall_us;
    clip_writes(log, index);
    log->handed = index;
    log->durable = index;
}

bool log_releasing(const struct raft_log *log)
{
    return log->released < log->first - 1;
}

void log_release(struct raft_log *log)
{
    uint32_t work = free_left(log, LOG_RELEASE_PER_CALL);
    uint64_t end = lesser(log->first - 1, log->released + work);
    while (log->released < end) free_entry(log, ++log->released);
}

static void push_write(struct raft_log *log, struct log_write write)
{
    if (log->writes_count == log->writes_capacity) {
        uint32_t capacity = log->writes_capacity == 0 ? 8 : log->writes_capacity * 2;
        struct log_write *writes = malloc(capacity * sizeof *writes);
        ASSERT(writes != NULL);
        for (uint32_t i = 0; i < log->writes_count; i++) {
            writes[i] = log->writes[(log->writes_head + i) & (log->writes_capacity - 1)];
        }
        free(log->writes);
        log->writes = writes;
        log->writes_capacity = capacity;
        log->writes_head = 0;
    }
    uint32_t at = (log->writes_head + log->writes_count++) & (log->writes_capacity - 1);
    log->writes[at] = write;
}

void log_hand_out(struct raft_log *log, uint64_t sequence)
{
    log->handed = log->last;
    push_write(log, (struct log_write){sequence, log->last});
}

void log_written(struct raft_log *log, uint64_t sequence)
{
    if (sequence > log->durable_sequence) log->durable_sequence = sequence;
    while (log->writes_count > 0 && log->writes[log->writes_head].sequence <= sequence) {
        uint64_t last = log->writes[log->writes_head].last;
        if (last > log->durable) log->durable = last;
        log->writes_head = (log->writes_head + 1) & (log->writes_capacity - 1);
        log->writes_count--;
    }
}
