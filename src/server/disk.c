/* The log on disk: see disk.h. */
#include "server/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/system.h"
#include "server/say.h"

__attribute__((noreturn)) static void die(const struct disk *disk, const char *what, int failed)
{
    if (disk->fsync_never) directory_mark_unsynced(disk->directory, true);
    system_die(SYSTEM_EXIT_DISK,
               "%s in %s failed: %s; stopping, because what the disk now holds is not known", what,
               disk->directory->path, strerror(-failed));
}

static bool no_room(int failed)
{
    return failed == -ENOSPC || failed == -EDQUOT;
}

/* --- the spare ------------------------------------------------------------------------------- */

static void spare_work(uv_work_t *work)
{
    struct disk *disk = work->data;
    int failed = spare_make(&disk->spare);
    if (failed != 0 && !no_room(failed)) {
        die(disk, "preparing the next log segment", failed);
    }
}

static void spare_done(uv_work_t *work, int status)
{
    struct disk *disk = work->data;
    (void)status;
    disk->spare_under_way = false;
    bool ready = atomic_load(&disk->spare.ready);
    if (!ready && !disk->spare_complained) {
        say_line("no room for the next log segment in %s", disk->directory->path);
    }
    disk->spare_complained = !ready;
}

static void want_spare(struct disk *disk)
{
    if (disk->spare_under_way || atomic_load(&disk->spare.ready)) return;
    disk->spare_under_way = true;
    disk->spare_work.data = disk;
    uv_queue_work(disk->loop, &disk->spare_work, spare_work, spare_done);
}

void disk_open(struct disk *disk, uv_loop_t *loop, const struct directory *directory,
               uint64_t segment_bytes, bool fsync_never)
{
    disk->loop = loop;
    disk->directory = directory;
    disk->segment_bytes = segment_bytes;
    disk->fsync_never = fsync_never;
    disk->unsynced = directory_is_unsynced(directory);
    spare_open(&disk->spare, directory, segment_bytes, !fsync_never);
    if (!atomic_load(&disk->spare.ready)) {
        int failed = spare_make(&disk->spare);
        if (failed != 0 && !no_room(failed)) {
            die(disk, "preparing the first log segment", failed);
        }
    }
    segment_writer_open(&disk->writer, directory, &disk->spare);
    for (uint32_t i = 0; i < 2; i++) disk->batches[i].disk = disk;
}

void disk_set_oldest(struct disk *disk, uint64_t oldest)
{
    disk->oldest = oldest;
    disk->trim_wanted = oldest;
}

/* --- cutting and setting aside, at a start --------------------------------------------------- */

void disk_truncate(struct disk *disk, uint64_t segment, uint64_t size)
{
    char name[DIRECTORY_NAME_SIZE_MAX];
    directory_segment_name(segment, name);
    int failed = 0;
    if (size == 0) {
        if (unlinkat(disk->directory->fd, name, 0) != 0) failed = -errno;
        if (failed == 0) failed = directory_sync(disk->directory);
    } else {
        int fd = openat(disk->directory->fd, name, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || ftruncate(fd, (off_t)size) != 0 || fsync(fd) != 0) failed = -errno;
        if (fd >= 0) close(fd);
    }
    if (failed != 0) die(disk, "cutting the torn end of the log", failed);
}

void disk_rewrite(struct disk *disk, const struct action *action)
{
    int failed = segment_rewrite(disk->directory, action->segment, action->offset, action->bytes);
    if (failed != 0) die(disk, "writing the end of the log again", failed);
}

static void set_aside(struct disk *disk, const char *name)
{
    int failed = directory_set_aside(disk->directory, name);
    if (failed != 0) die(disk, "setting a damaged file aside", failed);
}

void disk_set_aside(struct disk *disk, uint64_t segment)
{
    char name[DIRECTORY_NAME_SIZE_MAX];
    directory_segment_name(segment, name);
    set_aside(disk, name);
}

void disk_set_aside_snapshot(struct disk *disk, uint64_t number)
{
    char name[DIRECTORY_NAME_SIZE_MAX];
    directory_snapshot_name(number, name);
    set_aside(disk, name);
}

/* --- deleting what is covered by a snapshot -------------------------------------------------- */

static void trim_work(uv_work_t *work)
{
    struct disk *disk = work->data;
    for (uint64_t number = disk->trim_from; number < disk->trim_to; number++) {
        char name[DIRECTORY_NAME_SIZE_MAX];
        directory_segment_name(number, name);
        if (unlinkat(disk->directory->fd, name, 0) != 0 && errno != ENOENT) {
            say_line("cannot delete %s/%s: %s", disk->directory->path, name, strerror(errno));
        }
    }
}

static void trim_start(struct disk *disk);

static void trim_done(uv_work_t *work, int status)
{
    struct disk *disk = work->data;
    (void)status;
    disk->trim_under_way = false;
    disk->oldest = disk->trim_to;
    trim_start(disk);
}

static void trim_start(struct disk *disk)
{
    if (disk->trim_under_way || disk->trim_wanted <= disk->oldest) return;
    disk->trim_under_way = true;
    disk->trim_from = disk->oldest;
    disk->trim_to = disk->trim_wanted;
    disk->trim_work.data = disk;
    uv_queue_work(disk->loop, &disk->trim_work, trim_work, trim_done);
}

void disk_trim(struct disk *disk, uint64_t below)
{
    if (below > disk->trim_wanted) disk->trim_wanted = below;
    trim_start(disk);
}

/* --- writing --------------------------------------------------------------------------------- */

static uint64_t timed_sync(struct segment_writer *writer, int *failed)
{
    uint64_t began = uv_hrtime();
    *failed = segment_sync(writer);
    return (uv_hrtime() - began) / 1000;
}

/* Decides where the next writes go: see disk.h. */
static void count_sync(struct disk *disk, uint64_t sync_us)
{
    durations_count(&disk->counters.syncs, sync_us);
    uint64_t sample = sync_us < DISK_SAMPLE_US_MAX ? sync_us : DISK_SAMPLE_US_MAX;
    disk->average_us -= disk->average_us >> DISK_AVERAGE_SHIFT;
    disk->average_us += sample >> DISK_AVERAGE_SHIFT;
}

static void choose_place(struct disk *disk)
{
    if (disk->under_way) return;
    uint64_t short_us = disk->on_thread ? DISK_LOOP_BELOW_US : DISK_THREAD_ABOVE_US;
    bool thread = !disk->fsync_never && disk->average_us > short_us;
    if (thread == disk->on_thread) return;
    if (!thread && disk->batches[disk->running ^ 1].count > 0) return;
    disk->on_thread = thread;
    disk->counters.switches++;
}

static void copy_write(struct disk_batch *batch, const struct action *action)
{
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity == 0 ? 16 : 2 * batch->capacity;
        batch->writes = realloc(batch->writes, batch->capacity * sizeof *batch->writes);
        if (batch->writes == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    }
    batch->writes[batch->count++] =
        (struct disk_write){action->segment, action->offset, action->bytes.size};
    buffer_append_slice(&batch->bytes, action->bytes);
    batch->sequence = action->sequence;
    batch->sync = true;
}

void disk_write(struct disk *disk, const struct action *action)
{
    disk->counters.writes++;
    disk->counters.bytes_written += action->bytes.size;
    if (action->segment != disk->watched_segment) {
        disk->watched_segment = action->segment;
        disk->watch_due = true;
    }
    if (disk->on_thread) {
        copy_write(&disk->batches[disk->running ^ 1], action);
        return;
    }
    int failed = segment_write(&disk->writer, action->segment, action->offset, action->bytes,
                               !disk->fsync_never);
    if (no_room(failed)) {
        /* The thread can wait. Its sync covers what this turn has written before, too. */
        disk->on_thread = true;
        disk->turn_sequence = 0;
        disk->turn_sync = false;
        copy_write(&disk->batches[disk->running ^ 1], action);
        return;
    }
    if (failed != 0) die(disk, "writing the log", failed);
    disk->turn_sequence = action->sequence;
    disk->turn_sync |= action->sync || !disk->fsync_never;
}

/* On the thread. Where the reserve is used up too it waits for room: nothing is acknowledged
 * meanwhile, and written again is written, however much of it was there already. */
static int write_patiently(struct disk *disk, const struct disk_write *write, const uint8_t *bytes)
{
    bool complained = false;
    for (;;) {
        int failed = segment_write(&disk->writer, write->segment, write->offset,
                                   slice_of(bytes, write->size), true);
        if (!no_room(failed)) {
            if (complained && failed == 0) say_line("the log grows again");
            return failed;
        }
        if (!complained) {
            say_line("disk full: the reserve in %s is used up too; nothing is acknowledged until "
                     "there is room for the log",
                     disk->directory->path);
        }
        complained = true;
        uv_sleep(DISK_ROOM_WAIT_MS);
    }
}

static void batch_work(uv_work_t *work)
{
    struct disk_batch *batch = work->data;
    struct segment_writer *writer = &batch->disk->writer;
    const uint8_t *at = buffer_slice(&batch->bytes).data;
    batch->failed = 0;
    for (uint32_t i = 0; i < batch->count && batch->failed == 0; i++) {
        const struct disk_write *write = &batch->writes[i];
        batch->failed = write_patiently(batch->disk, write, at);
        at += write->size;
    }
    if (batch->failed == 0) batch->sync_us = timed_sync(writer, &batch->failed);
    if (batch->failed != 0) die(batch->disk, "writing or syncing the log", batch->failed);
}

static void batch_start(struct disk *disk);

static void batch_done(uv_work_t *work, int status)
{
    struct disk_batch *batch = work->data;
    struct disk *disk = batch->disk;
    (void)status;
    disk->under_way = false;
    count_sync(disk, batch->sync_us);
    buffer_clear(&batch->bytes);
    batch->count = 0;
    want_spare(disk);
    batch_start(disk);
    choose_place(disk);
    disk->durable(disk->world, batch->sequence);
}

static void batch_start(struct disk *disk)
{
    uint32_t next = disk->running ^ 1;
    struct disk_batch *batch = &disk->batches[next];
    if (disk->under_way || batch->count == 0) return;
    disk->under_way = true;
    disk->running = next;
    batch->work.data = batch;
    uv_queue_work(disk->loop, &batch->work, batch_work, batch_done);
}

uint64_t disk_flush(struct disk *disk)
{
    if (disk->on_thread) {
        batch_start(disk);
        return 0;
    }
    uint64_t sequence = disk->turn_sequence;
    if (sequence == 0) return 0;
    if (disk->turn_sync) {
        int failed;
        uint64_t sync_us = timed_sync(&disk->writer, &failed);
        if (failed != 0) die(disk, "syncing the log", failed);
        if (disk->unsynced) directory_mark_unsynced(disk->directory, false);
        disk->unsynced = false;
        count_sync(disk, sync_us);
        choose_place(disk);
    }
    want_spare(disk);
    disk->turn_sequence = 0;
    disk->turn_sync = false;
    return sequence;
}

bool disk_idle(const struct disk *disk)
{
    return !disk->under_way && disk->batches[disk->running ^ 1].count == 0;
}

/* --- space ----------------------------------------------------------------------------------- */

bool disk_watch(struct disk *disk, uint64_t snapshot_bytes)
{
    want_spare(disk);
    disk->watch_due = false;
    uint64_t free_bytes = directory_free_bytes(disk->directory);
    /* The first snapshot can become as large as the log that it replaces. */
    uint64_t segments =
        disk->watched_segment > disk->oldest ? disk->watched_segment - disk->oldest : 0;
    uint64_t log_bytes = segments * disk->segment_bytes;
    if (snapshot_bytes == 0) snapshot_bytes = log_bytes;
    uint64_t mark = DISK_SEGMENTS_RESERVED * disk->segment_bytes + snapshot_bytes;
    uint64_t enough = mark + mark / 4; /* so that it does not flap */
    bool full = free_bytes < (disk->full ? enough : mark);
    if (full == disk->full) return false;
    disk->full = full;
    say_line(full ? "disk full: %s has %" PRIu64 " MiB free, of %" PRIu64
                    " MiB kept in reserve; commands that grow the state are refused"
                  : "disk has room again: %s has %" PRIu64 " MiB free (reserve: %" PRIu64 " MiB)",
             disk->directory->path, free_bytes >> 20, mark >> 20);
    return true;
}
