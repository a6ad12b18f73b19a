/* Carries out the log's part of the actions: WRITE, TRIM, and after a start TRUNCATE, REWRITE,
 * SET_ASIDE; and watches how full the disk is.
 *
 * Appends and syncs run in the loop while recent syncs are short: a thread hop costs 15 to 25 % at
 * one connection. When the average exceeds DISK_THREAD_ABOVE_US they move to a thread of libuv's
 * pool, so that a slow disk does not stop heartbeats and reads; below DISK_LOOP_BELOW_US they come
 * back. Either way one sync covers all that one turn (or all turns during the sync before) wrote.
 * A write or sync that fails ends the process: what the kernel has dropped cannot be synced again.
 * Only a write that finds no room waits for it, on the thread: nothing was promised, nor dropped.
 */
#ifndef QUARTET_SERVER_DISK_H
#define QUARTET_SERVER_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "node/node.h"
#include "server/directory.h"
#include "server/durations.h"
#include "server/segment.h"

enum {
    DISK_THREAD_ABOVE_US = 2000,
    DISK_LOOP_BELOW_US = 1000,
    DISK_SAMPLE_US_MAX = 8000,  /* one stall alone does not move anything */
    DISK_AVERAGE_SHIFT = 3,     /* the newest sync weighs one eighth */
    DISK_SEGMENTS_RESERVED = 2, /* free space below this many, plus one snapshot: full */
    DISK_ROOM_WAIT_MS = 100,    /* between two tries of a write that found no room */
};

struct disk_write {
    uint64_t segment;
    uint64_t offset;
    size_t size;
};

/* Writes copied for the thread, in order. */
struct disk_batch {
    uv_work_t work;
    struct disk *disk;
    struct buffer bytes;
    struct disk_write *writes;
    uint32_t count;
    uint32_t capacity;
    uint64_t sequence;
    bool sync;
    int failed;
    uint64_t sync_us;
};

struct disk_counters {
    struct durations syncs;
    uint64_t writes;
    uint64_t bytes_written;
    uint64_t switches; /* between loop and thread */
};

struct disk {
    uv_loop_t *loop;
    const struct directory *directory;
    bool fsync_never;
    uint64_t segment_bytes;
    /* Called in the loop when a batch of the thread is durable. */
    void (*durable)(void *world, uint64_t sequence);
    void *world;

    struct spare spare;
    struct segment_writer writer; /* the thread's while a batch is under way */
    bool on_thread;
    bool under_way; /* batches[running] is on the thread */
    uint32_t running;
    struct disk_batch batches[2]; /* the other one fills */
    uint64_t turn_sequence;       /* highest written in this turn, not yet flushed */
    bool turn_sync;
    bool unsynced; /* the directory is so marked: until the first sync of this run, which its start
                      writes */
    uint64_t average_us;

    uint64_t oldest; /* segments below are deleted */
    uv_work_t spare_work;
    bool spare_under_way;
    bool spare_complained;
    uv_work_t trim_work;
    bool trim_under_way;
    uint64_t trim_from, trim_to, trim_wanted;

    bool full;
    bool watch_due; /* a new segment was begun */
    uint64_t watched_segment;
    struct disk_counters counters;
};

/* The directory must outlive the disk. Makes the first spare (blocking). */
void disk_open(struct disk *disk, uv_loop_t *loop, const struct directory *directory,
               uint64_t segment_bytes, bool fsync_never);
/* `oldest`: the lowest segment number found at the start, or 1; before the first write. */
void disk_set_oldest(struct disk *disk, uint64_t oldest);

void disk_truncate(struct disk *disk, uint64_t segment, uint64_t size);
void disk_rewrite(struct disk *disk, const struct action *action);
void disk_set_aside(struct disk *disk, uint64_t segment);
void disk_set_aside_snapshot(struct disk *disk, uint64_t number);
void disk_write(struct disk *disk, const struct action *action);
void disk_trim(struct disk *disk, uint64_t below);
/* At the end of a turn's writes: makes them durable, or has the thread do so. Returns the highest
 * sequence that is durable now, 0 when that comes by durable(). */
uint64_t disk_flush(struct disk *disk);
/* No write is waiting for the thread. */
bool disk_idle(const struct disk *disk);

/* Once a second, and when watch_due: looks at the free space, and makes the spare that could not be
 * made before. True when disk->full changed. */
bool disk_watch(struct disk *disk, uint64_t snapshot_bytes);

#endif
