/* The simulated disk of one node: what is written, what of it is durable, and what a power loss
 * leaves.
 *
 * A segment file has two contents: as the process reads it back (the page cache), and as the
 * platter holds it. Writes go to the first and wait in a journal; a sync takes the journal to the
 * second. A power loss in between decides for each 512-byte sector how many of the waiting writes
 * reached it (in their order, as they pass through one page): so a sector is always the image
 * after some write, never a mixture, and sectors need not agree. */
#ifndef QUARTET_SIM_DISK_H
#define QUARTET_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"

enum {
    DISK_SECTOR_SIZE = 512,
    DISK_FILES_MAX = 512,
    DISK_SNAPSHOTS_MAX = 64, /* groups that may have one */
    DISK_RECENT_MAX = 64,    /* durable writes that are remembered, to be lost after all */
};

struct disk_file {
    uint64_t number;
    uint8_t *cached;
    uint8_t *durable;
    size_t size;         /* of both; the platter's is zeros where it was never synced */
    bool exists_durably; /* its directory entry was synced */
};

struct disk_write {
    uint64_t number; /* of the file */
    uint64_t offset;
    size_t size;
    size_t at; /* in journal_bytes */
    uint64_t sequence;
};

struct disk_snapshot {
    uint64_t number;
    struct buffer file;
};

struct disk {
    uint64_t segment_bytes;  /* files are zero-filled to this size when they are made */
    struct disk_file *files; /* ascending by number */
    uint32_t files_count, files_capacity;
    struct disk_file *trimmed; /* deleted, but a power loss may bring them back */
    uint32_t trimmed_count, trimmed_capacity;
    struct disk_write *writes;
    uint32_t writes_count, writes_capacity;
    struct buffer journal_bytes;
    uint64_t sequence_written;
    uint64_t sequence_durable;
    uint32_t syncing_writes; /* the sync under way covers so many of `writes` */
    uint64_t syncing_sequence;
    uint32_t snapshots_count;
    struct disk_snapshot snapshots[DISK_SNAPSHOTS_MAX]; /* of each group the newest complete one */
    struct buffer temporary;
    struct disk_write recent[DISK_RECENT_MAX]; /* durable ones: a ring */
    uint32_t recent_next;
    uint64_t sectors_kept, sectors_lost; /* by power losses so far */
};

void sim_disk_init(struct disk *disk, uint64_t segment_bytes);
/* Everything is gone, as after `rm -r`. */
void sim_disk_wipe(struct disk *disk);
void sim_disk_free(struct disk *disk);

/* A number above all others makes a new file. Returns false when the file is long gone (the node
 * wrote to a segment that it had trimmed). */
bool sim_disk_write(struct disk *disk, uint64_t number, uint64_t offset, struct slice bytes,
                    uint64_t sequence);
/* NULL when there is none of this number. */
struct disk_file *sim_disk_file(struct disk *disk, uint64_t number);
bool sim_disk_dirty(const struct disk *disk);
/* One sync at a time; it covers what was written before it began. */
void sim_disk_sync_begin(struct disk *disk);
/* Returns the sequence that is durable now. */
uint64_t sim_disk_sync_end(struct disk *disk);
/* False when it took files away and the first that stays was never synced: a power loss would then
 * leave nothing of what they held together. */
bool sim_disk_trim(struct disk *disk, uint64_t below);
/* Both at once durable, as they are only done at start. Size 0 deletes the file. */
void sim_disk_truncate(struct disk *disk, uint64_t number, uint64_t size);
void sim_disk_set_aside(struct disk *disk, uint64_t number);
/* Durable at once, likewise. */
void sim_disk_rewrite(struct disk *disk, uint64_t number, uint64_t offset, struct slice bytes);

/* The temporary file becomes the snapshot of its group. */
void sim_disk_snapshot_commit(struct disk *disk, uint64_t number);
void sim_disk_snapshot_abort(struct disk *disk);
void sim_disk_snapshot_set_aside(struct disk *disk, uint64_t number);

/* The process is gone, the page cache is not: the next one reads back what was written. Some of it
 * has reached the platter; the rest never does by itself. (After a crash it would at some time;
 * after a sync that failed, many systems count it as written.) */
void sim_disk_process_lost(struct disk *disk, struct random *random);
/* Unsynced writes reach the platter by sectors or not at all, and only the platter is left. */
void sim_disk_power_lost(struct disk *disk, struct random *random);

/* --- disk_damage.c: a disk that breaks its word. Only while no process uses it --- */

/* What one place of the disk holds. */
struct disk_place {
    bool snapshot;
    uint64_t number; /* of the segment */
    uint64_t offset;
    uint64_t size; /* 0: nothing happened */
};

/* Flips one bit of what is durable: of a segment, as often as not of what was written last, or now
 * and then of the snapshot. */
struct disk_place sim_disk_rot(struct disk *disk, struct random *random);
/* A write of late that the disk had reported durable is not there: what it replaced is. Only one
 * that others can bear witness to, unless `settled`: see disk_damage.c. */
struct disk_place sim_disk_lose_write(struct disk *disk, struct random *random, bool settled);
/* The same, and its bytes are in another place, where they replaced what was there. */
struct disk_place sim_disk_misdirect(struct disk *disk, struct random *random);

#endif
