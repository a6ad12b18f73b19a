/* Segment files: see segment.h. */
#include "server/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SEGMENT_ZERO_BLOCK = 1 << 20, /* zeros go out in writes of this size */
};

static int sync_data(int fd)
{
#ifdef __APPLE__
    return fcntl(fd, F_FULLFSYNC) == 0 ? 0 : -errno;
#else
    return fdatasync(fd) == 0 ? 0 : -errno;
#endif
}

static int write_all(int fd, struct slice bytes, uint64_t offset)
{
    while (bytes.size > 0) {
        ssize_t done = pwrite(fd, bytes.data, bytes.size, (off_t)offset);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return -errno;
        if (done == 0) return -ENOSPC;
        bytes.data += done;
        bytes.size -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

static int write_zeros(int fd, uint64_t size)
{
    uint8_t *zeros = calloc(1, SEGMENT_ZERO_BLOCK);
    if (zeros == NULL) return -ENOMEM;
    int failed = 0;
    for (uint64_t at = 0; at < size && failed == 0; at += SEGMENT_ZERO_BLOCK) {
        uint64_t left = size - at;
        size_t block = left < SEGMENT_ZERO_BLOCK ? (size_t)left : SEGMENT_ZERO_BLOCK;
        failed = write_all(fd, slice_of(zeros, block), at);
    }
    free(zeros);
    return failed;
}

static int reserve(int fd, uint64_t size)
{
#ifdef __APPLE__
    return ftruncate(fd, (off_t)size) == 0 ? 0 : -errno;
#else
    int failed = -posix_fallocate(fd, 0, (off_t)size);
    /* A file system that cannot reserve: the blocks come with the writes. */
    if (failed == -EOPNOTSUPP || failed == -EINVAL) {
        failed = ftruncate(fd, (off_t)size) == 0 ? 0 : -errno;
    }
    return failed;
#endif
}

/* One that is only reserved never gets the finished name: a later run could not tell it from one
 * of zeros that were written. */
static const char *spare_name(const struct spare *spare)
{
    return spare->zeroed ? DIRECTORY_SPARE : DIRECTORY_SPARE_UNFINISHED;
}

void spare_open(struct spare *spare, const struct directory *directory, uint64_t bytes, bool zeroed)
{
    spare->directory = directory;
    spare->bytes = bytes;
    spare->zeroed = zeroed;
    unlinkat(directory->fd, DIRECTORY_SPARE_UNFINISHED, 0);
    struct stat status;
    bool there = fstatat(directory->fd, DIRECTORY_SPARE, &status, 0) == 0;
    bool good = there && zeroed && (uint64_t)status.st_size == bytes;
    if (there && !good) unlinkat(directory->fd, DIRECTORY_SPARE, 0);
    atomic_init(&spare->ready, good);
}

int spare_make(struct spare *spare)
{
    int directory = spare->directory->fd;
    int fd = openat(directory, DIRECTORY_SPARE_UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0666);
    if (fd < 0) return -errno;
    int failed = spare->zeroed ? write_zeros(fd, spare->bytes) : reserve(fd, spare->bytes);
    if (failed == 0 && spare->zeroed) failed = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    if (failed == 0 && spare->zeroed &&
        renameat(directory, DIRECTORY_SPARE_UNFINISHED, directory, DIRECTORY_SPARE) != 0) {
        failed = -errno;
    }
    if (failed != 0) {
        unlinkat(directory, DIRECTORY_SPARE_UNFINISHED, 0);
        return failed;
    }
    atomic_store(&spare->ready, true);
    return 0;
}

void segment_writer_open(struct segment_writer *writer, const struct directory *directory,
                         struct spare *spare)
{
    *writer = (struct segment_writer){.directory = directory, .spare = spare, .fd = -1};
}

void segment_writer_close(struct segment_writer *writer)
{
    if (writer->map != NULL) munmap(writer->map, writer->map_size);
    if (writer->fd >= 0) close(writer->fd);
    writer->map = NULL;
    writer->fd = -1;
}

/* Only what is reserved may be mapped: a store that finds no block is a signal, not an error. */
static void map_reserved(struct segment_writer *writer)
{
#ifdef __linux__ /* where fdatasync() is known to cover a mapping */
    if (writer->spare->zeroed) return;
    struct stat status;
    if (fstat(writer->fd, &status) != 0) return;
    uint64_t size = writer->spare->bytes;
    if ((uint64_t)status.st_size != size || (uint64_t)status.st_blocks * 512 < size) return;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, writer->fd, 0);
    if (map == MAP_FAILED) return;
    writer->map = map;
    writer->map_size = size;
#else
    (void)writer;
#endif
}

/* Without a spare the file grows as it is written: slower, never wrong. */
static int open_new(struct segment_writer *writer, const char *name)
{
    int directory = writer->directory->fd;
    if (atomic_exchange(&writer->spare->ready, false)) {
        if (renameat(directory, spare_name(writer->spare), directory, name) != 0) return -errno;
        writer->fd = openat(directory, name, O_RDWR | O_CLOEXEC);
        if (writer->fd >= 0) map_reserved(writer);
    } else {
        writer->fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    writer->named = true;
    return writer->fd >= 0 ? 0 : -errno;
}

static int switch_to(struct segment_writer *writer, uint64_t number, uint64_t offset,
                     bool always_sync)
{
    if (writer->fd >= 0) {
        int failed = always_sync ? segment_sync(writer) : 0;
        if (failed != 0) return failed;
        segment_writer_close(writer);
    }
    writer->number = number;
    writer->dirty = false;
    writer->named = false;
    char name[DIRECTORY_NAME_SIZE_MAX];
    directory_segment_name(number, name);
    if (offset == 0) return open_new(writer, name);
    writer->fd = openat(writer->directory->fd, name, O_WRONLY | O_CLOEXEC);
    return writer->fd >= 0 ? 0 : -errno;
}

/* A kill may come between two stores, and they stay. So the first 8 bytes of a header come last and
 * at once: without them there is no batch, and no segment (specs/disk.md). */
static void store(uint8_t *to, struct slice bytes)
{
    memcpy(to + 8, bytes.data + 8, bytes.size - 8);
    uint64_t first;
    memcpy(&first, bytes.data, 8);
    atomic_store_explicit((_Atomic uint64_t *)to, first, memory_order_release);
}

int segment_write(struct segment_writer *writer, uint64_t number, uint64_t offset,
                  struct slice bytes, bool always_sync)
{
    if (writer->fd < 0 || writer->number != number) {
        int failed = switch_to(writer, number, offset, always_sync);
        if (failed != 0) return failed;
    }
    writer->dirty = true;
    if (writer->map != NULL && offset + bytes.size <= writer->map_size) {
        store(writer->map + offset, bytes);
        return 0;
    }
    return write_all(writer->fd, bytes, offset);
}

int segment_sync(struct segment_writer *writer)
{
    if (writer->dirty) {
        int failed = sync_data(writer->fd);
        if (failed != 0) return failed;
        writer->dirty = false;
    }
    if (writer->named) {
        int failed = directory_sync(writer->directory);
        if (failed != 0) return failed;
        writer->named = false;
    }
    return 0;
}

int segment_rewrite(const struct directory *directory, uint64_t number, uint64_t offset,
                    struct slice bytes)
{
    char name[DIRECTORY_NAME_SIZE_MAX];
    directory_segment_name(number, name);
    int fd = openat(directory->fd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int failed = write_all(fd, bytes, offset);
    if (failed == 0) failed = sync_data(fd);
    close(fd);
    return failed == 0 ? directory_sync(directory) : failed;
}
