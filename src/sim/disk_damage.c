/* Disks that break their word: bits that rot, writes that were reported durable and are not there,
 * and writes that landed elsewhere. All of it on what had been synced, while the node is down.
 *
 * The rule for writes that go missing: a batch elsewhere in the log has to name them durable. No
 * node can tell that the very last thing it was told is durable is not there, for the disk then
 * looks as if it had never been asked; nothing but another copy helps. An idle node therefore
 * writes a watermark within 10 ms: where it had the time (`settled`), it is held to that instead.
 * Rot needs no such rule: bits that flip leave a sector that neither was there before the write
 * nor is what was written. */
#include <string.h>

#include "base/assert.h"
#include "node/disk/wal.h"
#include "sim/disk.h"

enum {
    SNAPSHOT_ONE_IN = 5,
    TAIL_BYTES = 400, /* a batch or two */
    LAST = 3,         /* writes */
};

static bool overlap(const struct disk_place *place, uint64_t number, uint64_t offset, uint64_t size)
{
    return !place->snapshot && place->number == number && place->offset < offset + size &&
           offset < place->offset + place->size;
}

/* The highest sequence that a batch names durable which touches neither place. */
static uint64_t witnessed(const struct disk *disk, const struct disk_place *a,
                          const struct disk_place *b)
{
    uint64_t watermark = 0;
    for (uint32_t i = 0; i < disk->files_count; i++) {
        const struct disk_file *file = &disk->files[i];
        struct segment_image image = {file->number, slice_of(file->durable, file->size)};
        for (uint64_t at = WAL_SEGMENT_HEADER_SIZE; at < file->size; at += 8) {
            struct wal_batch batch;
            uint64_t next = 0;
            if (!wal_batch_at(&image, at, &batch, &next) || !batch.good) continue;
            if (overlap(a, file->number, at, next - at)) continue;
            if (overlap(b, file->number, at, next - at)) continue;
            if (batch.watermark > watermark) watermark = batch.watermark;
        }
    }
    return watermark;
}

/* One of the durable writes of late, if it is still there. */
static struct disk_place recent_write(struct disk *disk, struct random *random, uint32_t among,
                                      uint64_t *sequence)
{
    uint32_t at = disk->recent_next - 1 - (uint32_t)random_below(random, among);
    const struct disk_write *write = &disk->recent[at % DISK_RECENT_MAX];
    struct disk_file *file = sim_disk_file(disk, write->number);
    struct disk_place nothing = {0};
    if (write->size == 0 || file == NULL) return nothing;
    if (write->offset + write->size > file->size) return nothing;
    *sequence = write->sequence;
    return (struct disk_place){false, write->number, write->offset, write->size};
}

static void zero(struct disk *disk, const struct disk_place *place)
{
    struct disk_file *file = sim_disk_file(disk, place->number);
    memset(file->durable + place->offset, 0, place->size);
    memset(file->cached + place->offset, 0, place->size);
}

struct disk_place sim_disk_lose_write(struct disk *disk, struct random *random, bool settled)
{
    uint64_t sequence = 0;
    struct disk_place place =
        recent_write(disk, random, settled ? LAST : DISK_RECENT_MAX, &sequence);
    bool proven = settled || witnessed(disk, &place, &place) >= sequence;
    if (place.size == 0 || !proven) return (struct disk_place){0};
    zero(disk, &place);
    return place;
}

/* One of those that are not empty; NULL: there is none. */
static const struct disk_snapshot *snapshot_drawn(const struct disk *disk, struct random *random)
{
    uint32_t at = 0;
    if (disk->snapshots_count == 0) return NULL;
    if (disk->snapshots_count > 1) at = (uint32_t)random_below(random, disk->snapshots_count);
    return disk->snapshots[at].file.size == 0 ? NULL : &disk->snapshots[at];
}

static uint8_t *snapshot_bytes(struct disk *disk, uint64_t number)
{
    for (uint32_t i = 0; i < disk->snapshots_count; i++) {
        struct buffer *file = &disk->snapshots[i].file;
        if (disk->snapshots[i].number == number) return file->data + file->head;
    }
    ASSERT(false);
    return NULL;
}

/* Whole sectors go astray: the place is as far into its sector as the write was. */
static struct disk_place elsewhere(struct disk *disk, struct random *random,
                                   const struct disk_place *from)
{
    struct disk_place to = {.size = from->size};
    uint64_t within = from->offset % DISK_SECTOR_SIZE;
    const struct disk_snapshot *snapshot = snapshot_drawn(disk, random);
    uint64_t room = snapshot == NULL ? 0 : snapshot->file.size;
    if (room == 0 || random_below(random, SNAPSHOT_ONE_IN) != 0) {
        const struct disk_file *file = &disk->files[random_below(random, disk->files_count)];
        to.number = file->number;
        room = file->size;
    } else {
        to.snapshot = true;
        to.number = snapshot->number;
    }
    if (room < within + from->size) return (struct disk_place){0};
    uint64_t sectors = (room - within - from->size) / DISK_SECTOR_SIZE + 1;
    to.offset = random_below(random, sectors) * DISK_SECTOR_SIZE + within;
    return to;
}

struct disk_place sim_disk_misdirect(struct disk *disk, struct random *random)
{
    uint64_t sequence = 0;
    struct disk_place nothing = {0};
    struct disk_place from = recent_write(disk, random, DISK_RECENT_MAX, &sequence);
    if (from.size == 0) return nothing;
    struct disk_place to = elsewhere(disk, random, &from);
    if (to.size == 0 || overlap(&to, from.number, from.offset, from.size)) return nothing;
    if (witnessed(disk, &from, &to) < sequence) return nothing;
    const uint8_t *bytes = sim_disk_file(disk, from.number)->durable + from.offset;
    if (to.snapshot) {
        memcpy(snapshot_bytes(disk, to.number) + to.offset, bytes, to.size);
    } else {
        struct disk_file *file = sim_disk_file(disk, to.number);
        memcpy(file->durable + to.offset, bytes, to.size);
        memcpy(file->cached + to.offset, bytes, to.size);
    }
    zero(disk, &from);
    return from;
}

static void flip(uint8_t *byte, struct random *random)
{
    *byte ^= (uint8_t)(1u << random_below(random, 8));
}

struct disk_place sim_disk_rot(struct disk *disk, struct random *random)
{
    struct disk_place place = {.size = 1};
    const struct disk_snapshot *snapshot = snapshot_drawn(disk, random);
    if (snapshot != NULL && random_below(random, SNAPSHOT_ONE_IN) == 0) {
        place.snapshot = true;
        place.number = snapshot->number;
        place.offset = random_below(random, snapshot->file.size);
        flip(snapshot_bytes(disk, place.number) + place.offset, random);
        return place;
    }
    struct disk_place nothing = {0};
    if (disk->files_count == 0) return nothing;
    bool tail = random_below(random, 2) == 0;
    uint32_t newest = disk->files_count - 1;
    struct disk_file *file =
        &disk->files[tail ? newest : (uint32_t)random_below(random, disk->files_count)];
    /* Where something was written: zeros at the end of a file are not the log. */
    size_t used = file->size;
    while (used > 0 && file->durable[used - 1] == 0) used--;
    if (used == 0) return nothing;
    place.number = file->number;
    size_t within = tail && used > TAIL_BYTES ? TAIL_BYTES : used;
    place.offset = used - 1 - random_below(random, within);
    flip(&file->durable[place.offset], random);
    file->cached[place.offset] = file->durable[place.offset];
    return place;
}
