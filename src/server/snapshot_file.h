/* The snapshot on its way to disk: slices appended to a temporary file on a thread of libuv's
 * pool, synced every few MiB so that no single sync is long, renamed when complete.
 *
 * Operations are carried out one at a time, in order. An abort voids those before it: their answers
 * do not come. */
#ifndef QUARTET_SERVER_SNAPSHOT_FILE_H
#define QUARTET_SERVER_SNAPSHOT_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "server/directory.h"

enum {
    SNAPSHOT_SYNC_BYTES = 4 << 20,
};

enum snapshot_result {
    SNAPSHOT_WRITTEN,
    SNAPSHOT_DURABLE,
    SNAPSHOT_FAILED, /* no space; the temporary file is gone */
};

struct snapshot_operation;

struct snapshot_file {
    uv_loop_t *loop;
    const struct directory *directory;
    void (*answer)(void *world, enum snapshot_result result); /* in the loop */
    void *world;

    uv_work_t work;
    bool under_way;
    struct snapshot_operation *first, *last; /* waiting; the first may be under way */
    uint64_t generation;                     /* rises with each abort */
    uint64_t bytes_last;                     /* of the newest complete snapshot; 0: none */

    /* The thread's while an operation is under way. */
    int fd;
    uint64_t bytes;
    uint64_t unsynced;
};

/* Deletes an unfinished file of an earlier run. */
void snapshot_file_open(struct snapshot_file *file, uv_loop_t *loop,
                        const struct directory *directory, uint64_t bytes_last);
void snapshot_file_write(struct snapshot_file *file, struct slice bytes); /* copied */
void snapshot_file_commit(struct snapshot_file *file, uint64_t number);
void snapshot_file_abort(struct snapshot_file *file);
bool snapshot_file_idle(const struct snapshot_file *file);

#endif
