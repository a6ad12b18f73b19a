/* Snapshots on disk: see snapshot_file.h. */
#include "server/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/system.h"

enum operation_type {
    OPERATION_WRITE,
    OPERATION_COMMIT,
    OPERATION_ABORT,
};

struct snapshot_operation {
    struct snapshot_operation *next;
    enum operation_type type;
    uint64_t generation;
    uint64_t number; /* COMMIT */
    int failed;
    size_t size; /* WRITE */
    uint8_t bytes[];
};

void snapshot_file_open(struct snapshot_file *file, uv_loop_t *loop,
                        const struct directory *directory, uint64_t bytes_last)
{
    file->loop = loop;
    file->directory = directory;
    file->bytes_last = bytes_last;
    file->fd = -1;
    unlinkat(directory->fd, DIRECTORY_SNAPSHOT_UNFINISHED, 0);
}

/* --- on the thread --------------------------------------------------------------------------- */

static void discard(struct snapshot_file *file)
{
    if (file->fd >= 0) close(file->fd);
    file->fd = -1;
    file->bytes = 0;
    file->unsynced = 0;
    unlinkat(file->directory->fd, DIRECTORY_SNAPSHOT_UNFINISHED, 0);
}

static int append(struct snapshot_file *file, const uint8_t *bytes, size_t size)
{
    if (file->fd < 0) {
        file->fd = openat(file->directory->fd, DIRECTORY_SNAPSHOT_UNFINISHED,
                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file->fd < 0) return -errno;
        file->bytes = 0;
        file->unsynced = 0;
    }
    while (size > 0) {
        ssize_t done = write(file->fd, bytes, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return done < 0 ? -errno : -ENOSPC;
        bytes += done;
        size -= (size_t)done;
        file->bytes += (uint64_t)done;
        file->unsynced += (uint64_t)done;
    }
    if (file->unsynced < SNAPSHOT_SYNC_BYTES) return 0;
    file->unsynced = 0;
    return fsync(file->fd) == 0 ? 0 : -errno;
}

/* Those of the same group. */
static void delete_older(const struct directory *directory, uint64_t number)
{
    struct directory_listing listing;
    if (directory_list(directory, &listing) != NULL) return;
    for (uint32_t i = 0; i < listing.snapshots_count; i++) {
        char name[DIRECTORY_NAME_SIZE_MAX];
        directory_snapshot_name(listing.snapshots[i], name);
        bool older = listing.snapshots[i] < number &&
                     node_snapshot_group(listing.snapshots[i]) == node_snapshot_group(number);
        if (older) unlinkat(directory->fd, name, 0);
    }
    directory_listing_free(&listing);
}

static int commit(struct snapshot_file *file, uint64_t number)
{
    if (file->fd < 0) return -EINVAL;
    if (fsync(file->fd) != 0) return -errno;
    close(file->fd);
    file->fd = -1;
    char name[DIRECTORY_NAME_SIZE_MAX];
    directory_snapshot_name(number, name);
    int directory = file->directory->fd;
    if (renameat(directory, DIRECTORY_SNAPSHOT_UNFINISHED, directory, name) != 0) return -errno;
    int failed = directory_sync(file->directory);
    if (failed == 0) delete_older(file->directory, number);
    return failed;
}

static void operation_work(uv_work_t *work)
{
    struct snapshot_file *file = work->data;
    struct snapshot_operation *operation = file->first;
    switch (operation->type) {
    case OPERATION_WRITE:
        operation->failed = append(file, operation->bytes, operation->size);
        break;
    case OPERATION_COMMIT: operation->failed = commit(file, operation->number); break;
    case OPERATION_ABORT: discard(file); break;
    }
    if (operation->failed == 0) return;
    if (operation->failed != -ENOSPC && operation->failed != -EDQUOT) {
        system_die(SYSTEM_EXIT_DISK, "writing a snapshot in %s failed: %s", file->directory->path,
                   strerror(-operation->failed));
    }
    discard(file);
}

/* --- in the loop ----------------------------------------------------------------------------- */

static void start(struct snapshot_file *file);

static void operation_done(uv_work_t *work, int status)
{
    struct snapshot_file *file = work->data;
    struct snapshot_operation *operation = file->first;
    (void)status;
    file->under_way = false;
    file->first = operation->next;
    if (file->first == NULL) file->last = NULL;
    bool wanted = operation->generation == file->generation;
    enum operation_type type = operation->type;
    int failed = operation->failed;
    free(operation);
    if (type == OPERATION_COMMIT && failed == 0) file->bytes_last = file->bytes;
    start(file);
    if (!wanted || type == OPERATION_ABORT) return;
    if (failed != 0) {
        file->answer(file->world, SNAPSHOT_FAILED);
    } else {
        file->answer(file->world, type == OPERATION_WRITE ? SNAPSHOT_WRITTEN : SNAPSHOT_DURABLE);
    }
}

static void start(struct snapshot_file *file)
{
    if (file->under_way || file->first == NULL) return;
    file->under_way = true;
    file->work.data = file;
    uv_queue_work(file->loop, &file->work, operation_work, operation_done);
}

static void add(struct snapshot_file *file, enum operation_type type, uint64_t number,
                struct slice bytes)
{
    struct snapshot_operation *operation = malloc(sizeof *operation + bytes.size);
    if (operation == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    *operation = (struct snapshot_operation){
        .type = type, .generation = file->generation, .number = number, .size = bytes.size};
    if (bytes.size > 0) memcpy(operation->bytes, bytes.data, bytes.size);
    if (file->last != NULL) file->last->next = operation;
    if (file->first == NULL) file->first = operation;
    file->last = operation;
    start(file);
}

void snapshot_file_write(struct snapshot_file *file, struct slice bytes)
{
    add(file, OPERATION_WRITE, 0, bytes);
}

void snapshot_file_commit(struct snapshot_file *file, uint64_t number)
{
    add(file, OPERATION_COMMIT, number, (struct slice){0});
}

void snapshot_file_abort(struct snapshot_file *file)
{
    file->generation++;
    add(file, OPERATION_ABORT, 0, (struct slice){0});
}

bool snapshot_file_idle(const struct snapshot_file *file)
{
    return file->first == NULL;
}
