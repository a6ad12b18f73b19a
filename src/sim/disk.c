/* The simulated disk. See disk.h. */
#include "sim/disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node.h"

enum { JOURNAL_KEPT = 256 << 10 };

/* --- files --- */

static void file_free(struct disk_file *file)
{
    free(file->cached);
    free(file->durable);
}

static void file_grow(struct disk_file *file, size_t size)
{
    if (size <= file->size) return;
    file->cached = realloc(file->cached, size);
    file->durable = realloc(file->durable, size);
    ASSERT(file->cached != NULL && file->durable != NULL);
    memset(file->cached + file->size, 0, size - file->size);
    memset(file->durable + file->size, 0, size - file->size);
    file->size = size;
}

struct disk_file *sim_disk_file(struct disk *disk, uint64_t number)
{
    for (uint32_t i = disk->files_count; i > 0; i--) { /* the newest is the one wanted */
        if (disk->files[i - 1].number == number) return &disk->files[i - 1];
    }
    return NULL;
}

static struct disk_file *files_insert(struct disk_file **files, uint32_t *count, uint32_t *capacity,
                                      uint32_t at)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 8 : *capacity * 2;
        ASSERT(*capacity <= DISK_FILES_MAX);
        *files = realloc(*files, *capacity * sizeof **files);
        ASSERT(*files != NULL);
    }
    memmove(*files + at + 1, *files + at, (*count - at) * sizeof **files);
    ++*count;
    (*files)[at] = (struct disk_file){0};
    return &(*files)[at];
}

static void files_remove(struct disk *disk, uint32_t at)
{
    memmove(disk->files + at, disk->files + at + 1,
            (--disk->files_count - at) * sizeof *disk->files);
}

static void trimmed_forget(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->trimmed_count; i++) file_free(&disk->trimmed[i]);
    disk->trimmed_count = 0;
}

/* --- life of a disk --- */

void sim_disk_init(struct disk *disk, uint64_t segment_bytes)
{
    *disk = (struct disk){.segment_bytes = segment_bytes};
}

static void journal_clear(struct disk *disk)
{
    disk->writes_count = 0;
    disk->syncing_writes = 0;
    buffer_clear(&disk->journal_bytes);
    if (disk->journal_bytes.capacity > JOURNAL_KEPT) buffer_free(&disk->journal_bytes);
}

static void snapshot_remove(struct disk *disk, uint32_t at)
{
    buffer_free(&disk->snapshots[at].file);
    disk->snapshots[at] = disk->snapshots[--disk->snapshots_count];
}

void sim_disk_wipe(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->files_count; i++) file_free(&disk->files[i]);
    disk->files_count = 0;
    trimmed_forget(disk);
    journal_clear(disk);
    while (disk->snapshots_count > 0) snapshot_remove(disk, 0);
    buffer_clear(&disk->temporary);
    disk->recent_next = 0;
    memset(disk->recent, 0, sizeof disk->recent);
    disk->sequence_written = 0;
    disk->sequence_durable = 0;
}

void sim_disk_free(struct disk *disk)
{
    sim_disk_wipe(disk);
    free(disk->files);
    free(disk->trimmed);
    free(disk->writes);
    buffer_free(&disk->journal_bytes);
    buffer_free(&disk->temporary);
}

/* --- writes and syncs --- */

bool sim_disk_write(struct disk *disk, uint64_t number, uint64_t offset, struct slice bytes,
                    uint64_t sequence)
{
    struct disk_file *file = sim_disk_file(disk, number);
    if (file == NULL) {
        uint32_t count = disk->files_count;
        if (count > 0 && disk->files[count - 1].number > number) return false;
        file = files_insert(&disk->files, &disk->files_count, &disk->files_capacity, count);
        file->number = number;
        file_grow(file, disk->segment_bytes);
    }
    file_grow(file, offset + bytes.size);
    memcpy(file->cached + offset, bytes.data, bytes.size);
    if (disk->writes_count == disk->writes_capacity) {
        disk->writes_capacity = disk->writes_capacity == 0 ? 16 : disk->writes_capacity * 2;
        disk->writes = realloc(disk->writes, disk->writes_capacity * sizeof *disk->writes);
        ASSERT(disk->writes != NULL);
    }
    disk->writes[disk->writes_count++] =
        (struct disk_write){number, offset, bytes.size, disk->journal_bytes.size, sequence};
    buffer_append_slice(&disk->journal_bytes, bytes);
    disk->sequence_written = sequence;
    return true;
}

bool sim_disk_dirty(const struct disk *disk)
{
    return disk->writes_count > 0;
}

void sim_disk_sync_begin(struct disk *disk)
{
    disk->syncing_writes = disk->writes_count;
    disk->syncing_sequence = disk->sequence_written;
}

uint64_t sim_disk_sync_end(struct disk *disk)
{
    uint32_t covered = disk->syncing_writes;
    struct slice journal = buffer_slice(&disk->journal_bytes);
    for (uint32_t i = 0; i < covered; i++) {
        const struct disk_write *write = &disk->writes[i];
        struct disk_file *file = sim_disk_file(disk, write->number);
        if (file == NULL) continue; /* trimmed meanwhile */
        memcpy(file->durable + write->offset, journal.data + write->at, write->size);
        file->exists_durably = true;
        disk->recent[disk->recent_next++ % DISK_RECENT_MAX] = *write;
    }
    if (covered == disk->writes_count) {
        journal_clear(disk);
    } else {
        size_t consumed = disk->writes[covered].at;
        buffer_consume(&disk->journal_bytes, consumed);
        disk->writes_count -= covered;
        memmove(disk->writes, disk->writes + covered, disk->writes_count * sizeof *disk->writes);
        for (uint32_t i = 0; i < disk->writes_count; i++) disk->writes[i].at -= consumed;
        disk->syncing_writes = 0;
    }
    trimmed_forget(disk);
    disk->sequence_durable = disk->syncing_sequence;
    return disk->sequence_durable;
}

bool sim_disk_trim(struct disk *disk, uint64_t below)
{
    bool taken = false;
    while (disk->files_count > 0 && disk->files[0].number < below) {
        *files_insert(&disk->trimmed, &disk->trimmed_count, &disk->trimmed_capacity,
                      disk->trimmed_count) = disk->files[0];
        files_remove(disk, 0);
        taken = true;
    }
    return !taken || disk->files_count == 0 || disk->files[0].exists_durably;
}

void sim_disk_truncate(struct disk *disk, uint64_t number, uint64_t size)
{
    struct disk_file *file = sim_disk_file(disk, number);
    if (file == NULL || size > file->size) return;
    if (size == 0) {
        file_free(file);
        files_remove(disk, (uint32_t)(file - disk->files));
        return;
    }
    file->size = size;
}

void sim_disk_rewrite(struct disk *disk, uint64_t number, uint64_t offset, struct slice bytes)
{
    struct disk_file *file = sim_disk_file(disk, number);
    ASSERT(file != NULL && offset + bytes.size <= file->size);
    memcpy(file->cached + offset, bytes.data, bytes.size);
    memcpy(file->durable + offset, bytes.data, bytes.size);
    file->exists_durably = true;
}

void sim_disk_set_aside(struct disk *disk, uint64_t number)
{
    sim_disk_truncate(disk, number, 0);
}

/* --- snapshots --- */

void sim_disk_snapshot_set_aside(struct disk *disk, uint64_t number)
{
    for (uint32_t i = 0; i < disk->snapshots_count; i++) {
        if (disk->snapshots[i].number == number) snapshot_remove(disk, i--);
    }
}

void sim_disk_snapshot_commit(struct disk *disk, uint64_t number)
{
    uint32_t at = 0;
    while (at < disk->snapshots_count &&
           node_snapshot_group(disk->snapshots[at].number) != node_snapshot_group(number)) {
        at++;
    }
    if (at == disk->snapshots_count) {
        ASSERT(at < DISK_SNAPSHOTS_MAX);
        disk->snapshots[disk->snapshots_count++] = (struct disk_snapshot){0};
    }
    struct disk_snapshot *snapshot = &disk->snapshots[at];
    struct buffer old = snapshot->file;
    snapshot->file = disk->temporary;
    snapshot->number = number;
    disk->temporary = old;
    buffer_clear(&disk->temporary);
}

void sim_disk_snapshot_abort(struct disk *disk)
{
    buffer_clear(&disk->temporary);
}

/* --- losses --- */

/* How a power loss treats waiting writes: `reached` of them have reached a sector. */
enum loss_mode { LOSS_ALL, LOSS_NONE, LOSS_PREFIX, LOSS_SECTORS, LOSS_MODES };

static uint32_t sector_reached(enum loss_mode mode, uint64_t salt, uint64_t number, uint64_t sector,
                               uint32_t writes)
{
    switch (mode) {
    case LOSS_ALL: return 0;
    case LOSS_NONE: return writes;
    case LOSS_PREFIX: return (uint32_t)(random_mix(salt) % (writes + 1));
    default: return (uint32_t)(random_mix(salt ^ random_mix(number << 32 ^ sector)) % (writes + 1));
    }
}

static void write_reach(struct disk *disk, uint32_t order, enum loss_mode mode, uint64_t salt)
{
    const struct disk_write *write = &disk->writes[order];
    struct disk_file *file = sim_disk_file(disk, write->number);
    if (file == NULL) return;
    const uint8_t *bytes = buffer_slice(&disk->journal_bytes).data + write->at;
    uint64_t end = write->offset + write->size;
    for (uint64_t at = write->offset; at < end;) {
        uint64_t sector = at / DISK_SECTOR_SIZE;
        uint64_t until = (sector + 1) * DISK_SECTOR_SIZE;
        if (until > end) until = end;
        if (order < sector_reached(mode, salt, write->number, sector, disk->writes_count)) {
            memcpy(file->durable + at, bytes + (at - write->offset), until - at);
            file->exists_durably = true;
            disk->sectors_kept++;
        } else {
            disk->sectors_lost++;
        }
        at = until;
    }
}

static void writes_reach(struct disk *disk, struct random *random)
{
    enum loss_mode mode = (enum loss_mode)random_below(random, LOSS_MODES);
    uint64_t salt = random_next(random);
    for (uint32_t i = 0; i < disk->writes_count; i++) write_reach(disk, i, mode, salt);
}

void sim_disk_process_lost(struct disk *disk, struct random *random)
{
    writes_reach(disk, random);
    journal_clear(disk);
    buffer_clear(&disk->temporary);
}

void sim_disk_power_lost(struct disk *disk, struct random *random)
{
    writes_reach(disk, random);
    bool later_exists = false; /* directory entries are made in order */
    for (uint32_t i = disk->files_count; i > 0; i--) {
        later_exists = later_exists || disk->files[i - 1].exists_durably;
        disk->files[i - 1].exists_durably = later_exists;
    }
    for (uint32_t i = 0; i < disk->files_count;) {
        struct disk_file *file = &disk->files[i];
        if (file->exists_durably) {
            memcpy(file->cached, file->durable, file->size);
            i++;
        } else {
            file_free(file);
            files_remove(disk, i);
        }
    }
    /* Deletions are metadata: the last of them may be undone, in the order they were made. */
    uint32_t undone = (uint32_t)random_below(random, disk->trimmed_count + 1);
    for (uint32_t i = 0; i < undone; i++) {
        struct disk_file back = disk->trimmed[--disk->trimmed_count];
        if (!back.exists_durably) {
            file_free(&back);
            continue;
        }
        memcpy(back.cached, back.durable, back.size);
        *files_insert(&disk->files, &disk->files_count, &disk->files_capacity, 0) = back;
    }
    trimmed_forget(disk);
    journal_clear(disk);
    buffer_clear(&disk->temporary);
}
