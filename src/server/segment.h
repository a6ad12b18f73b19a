/* Segment files of the log: made ready ahead of time, appended to, synced.
 *
 * A sync that changes a file's size or maps new blocks also commits the file system's journal,
 * which doubles its cost. So a segment is a file of zeros before the first byte is written to it,
 * and the next one, the spare, is made in the background while this one fills. The spare is also
 * the reserve that lets the log go on when the disk is full. */
#ifndef QUARTET_SERVER_SEGMENT_H
#define QUARTET_SERVER_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "server/directory.h"

struct spare {
    const struct directory *directory;
    uint64_t bytes;
    bool zeroed; /* else only reserved: enough when nothing is synced anyway */
    atomic_bool ready;
};

/* Takes over what an earlier run left. */
void spare_open(struct spare *spare, const struct directory *directory, uint64_t bytes,
                bool zeroed);
/* Makes the spare, durably; from any thread, one at a time, when there is none. 0 or a negative
 * errno, and then no file is left. */
int spare_make(struct spare *spare);

/* Appends to one segment after the other. One thread at a time. */
struct segment_writer {
    const struct directory *directory;
    struct spare *spare;
    int fd; /* -1: none yet */
    uint64_t number;
    bool dirty; /* written since the last sync */
    bool named; /* its name is not durable yet */
    /* Where nothing is synced, a reserved segment is written through a mapping: a copy into the
     * page cache, as write() makes, that survives this process as well and costs no system call. */
    uint8_t *map; /* NULL: written with pwrite() */
    uint64_t map_size;
};

void segment_writer_open(struct segment_writer *writer, const struct directory *directory,
                         struct spare *spare);
void segment_writer_close(struct segment_writer *writer);
/* Writes all bytes at this place; a new number must begin at offset 0 and syncs the one before if
 * `always_sync`. 0 or a negative errno. */
int segment_write(struct segment_writer *writer, uint64_t number, uint64_t offset,
                  struct slice bytes, bool always_sync);
int segment_sync(struct segment_writer *writer);

/* Into a segment that is not being appended to; it and its name are durable afterwards. */
int segment_rewrite(const struct directory *directory, uint64_t number, uint64_t offset,
                    struct slice bytes);

#endif
