/* The data directory: see directory.h. Files are reached by openat(), so that a directory that is
 * renamed under a running node stays its own. */
#include "server/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "server/system.h"
#include "server/say.h"

#ifdef __APPLE__
#define DIRECTORY_CHANGED st_ctimespec
#else
#define DIRECTORY_CHANGED st_ctim
#endif

enum {
    DIRECTORY_NUMBER_DIGITS = 16,
};

static char complaint[DIRECTORY_PATH_SIZE_MAX + 256];

__attribute__((format(printf, 1, 2))) static const char *complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint, sizeof complaint, format, arguments);
    va_end(arguments);
    return complaint;
}

/* mkdir -p */
static int make_path(const char *path)
{
    char partial[DIRECTORY_PATH_SIZE_MAX + 1];
    size_t size = strlen(path);
    memcpy(partial, path, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (partial[i] != '/' && partial[i] != '\0') continue;
        char saved = partial[i];
        partial[i] = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST) return -errno;
        partial[i] = saved;
    }
    return 0;
}

/* The process id in the lock file is for people; the lock is the kernel's. */
static const char *lock(struct directory *directory)
{
    int fd = openat(directory->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        return complain("cannot write in the data directory: %s/lock: %s", directory->path,
                        strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char holder[24] = "";
        ssize_t size = read(fd, holder, sizeof holder - 1);
        if (size > 0) holder[strcspn(holder, "\n")] = '\0';
        close(fd);
        return complain("%s is in use by another process (pid %s)", directory->path, holder);
    }
    char text[24];
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) != size) {
        /* a full disk: the lock itself holds all the same */
    }
    directory->lock_fd = fd;
    return NULL;
}

const char *directory_open(struct directory *directory, const char *path, enum directory_mode mode)
{
    *directory = (struct directory){.fd = -1, .lock_fd = -1};
    size_t size = strlen(path);
    if (size > DIRECTORY_PATH_SIZE_MAX) return complain("the path is too long: %s", path);
    memcpy(directory->path, path, size + 1);
    if (mode == DIRECTORY_OWN) {
        int failed = make_path(path);
        if (failed != 0) {
            return complain("cannot make the directory %s: %s; --data DIR names another", path,
                            strerror(-failed));
        }
    }
    directory->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->fd < 0) return complain("the data directory %s: %s", path, strerror(errno));
    return mode == DIRECTORY_OWN ? lock(directory) : NULL;
}

bool directory_in_use(const char *path)
{
    char name[DIRECTORY_PATH_SIZE_MAX + DIRECTORY_NAME_SIZE_MAX];
    snprintf(name, sizeof name, "%s/lock", path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

void directory_close(struct directory *directory)
{
    if (directory->lock_fd >= 0) close(directory->lock_fd);
    if (directory->fd >= 0) close(directory->fd);
    directory->lock_fd = -1;
    directory->fd = -1;
}

int directory_sync(const struct directory *directory)
{
    return fsync(directory->fd) == 0 ? 0 : -errno;
}

uint64_t directory_free_bytes(const struct directory *directory)
{
    struct statvfs status;
    if (fstatvfs(directory->fd, &status) != 0) return UINT64_MAX;
    return (uint64_t)status.f_bavail * status.f_frsize;
}

void directory_mark_unsynced(const struct directory *directory, bool unsynced)
{
    if (unsynced) {
        int fd = openat(directory->fd, DIRECTORY_UNSYNCED, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (fd >= 0) close(fd);
    } else {
        unlinkat(directory->fd, DIRECTORY_UNSYNCED, 0);
    }
    (void)directory_sync(directory);
}

bool directory_is_unsynced(const struct directory *directory)
{
    return faccessat(directory->fd, DIRECTORY_UNSYNCED, F_OK, 0) == 0;
}

static bool is_damaged(const char *name)
{
    size_t size = strlen(name), suffix = strlen(".damaged");
    return size > suffix && strcmp(name + size - suffix, ".damaged") == 0;
}

static bool before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/* How many files are set aside, and which has been for the longest. */
static uint32_t count_damaged(const struct directory *directory, char oldest[256])
{
    int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) return 0;
    uint32_t count = 0;
    struct timespec since = {0};
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        struct stat status;
        if (!is_damaged(entry->d_name)) continue;
        if (fstatat(directory->fd, entry->d_name, &status, 0) != 0) continue;
        bool first = count++ == 0;
        if (!first && !before(status.DIRECTORY_CHANGED, since)) continue;
        since = status.DIRECTORY_CHANGED;
        snprintf(oldest, 256, "%s", entry->d_name);
    }
    closedir(stream);
    return count;
}

int directory_set_aside(const struct directory *directory, const char *name)
{
    char aside[DIRECTORY_NAME_SIZE_MAX + 8], oldest[256];
    snprintf(aside, sizeof aside, "%s.damaged", name);
    int failed = renameat(directory->fd, name, directory->fd, aside) == 0 ? 0 : -errno;
    if (failed == -ENOENT) return 0;
    while (failed == 0 && count_damaged(directory, oldest) > DIRECTORY_DAMAGED_MAX) {
        say_line("%s/%s is deleted: %d newer files are set aside", directory->path, oldest,
                 DIRECTORY_DAMAGED_MAX);
        if (unlinkat(directory->fd, oldest, 0) != 0) break;
    }
    if (failed == 0) failed = directory_sync(directory);
    if (failed == 0) {
        say_line("%s/%s is damaged, or stands behind damage: kept as %s until you delete it",
                 directory->path, name, aside);
    }
    return failed;
}

void directory_segment_name(uint64_t number, char name[DIRECTORY_NAME_SIZE_MAX])
{
    snprintf(name, DIRECTORY_NAME_SIZE_MAX, "log-%016" PRIx64, number);
}

void directory_snapshot_name(uint64_t number, char name[DIRECTORY_NAME_SIZE_MAX])
{
    snprintf(name, DIRECTORY_NAME_SIZE_MAX, "snapshot-%016" PRIx64, number);
}

/* Exactly the names that we give; anything else in the directory is somebody else's. */
static bool read_name(const char *name, const char *prefix, uint64_t *number)
{
    size_t size = strlen(prefix);
    if (strncmp(name, prefix, size) != 0) return false;
    const char *digits = name + size;
    if (strlen(digits) != DIRECTORY_NUMBER_DIGITS) return false;
    if (strspn(digits, "0123456789abcdef") != DIRECTORY_NUMBER_DIGITS) return false;
    *number = strtoull(digits, NULL, 16);
    return true;
}

static void append(uint64_t **numbers, uint32_t *count, uint64_t number)
{
    if ((*count & (*count - 1)) == 0) {
        size_t capacity = *count == 0 ? 1 : 2 * (size_t)*count;
        *numbers = realloc(*numbers, capacity * sizeof **numbers);
        if (*numbers == NULL) system_die(SYSTEM_EXIT_FAILED, "out of memory");
    }
    (*numbers)[(*count)++] = number;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

const char *directory_list(const struct directory *directory, struct directory_listing *listing)
{
    *listing = (struct directory_listing){0};
    int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) return complain("%s: %s", directory->path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        uint64_t number;
        if (read_name(entry->d_name, "log-", &number)) {
            append(&listing->segments, &listing->segments_count, number);
        } else if (read_name(entry->d_name, "snapshot-", &number)) {
            append(&listing->snapshots, &listing->snapshots_count, number);
        }
    }
    closedir(stream);
    if (listing->segments_count > 0) {
        qsort(listing->segments, listing->segments_count, sizeof(uint64_t), compare);
    }
    if (listing->snapshots_count > 0) {
        qsort(listing->snapshots, listing->snapshots_count, sizeof(uint64_t), compare);
    }
    return NULL;
}

void directory_listing_free(struct directory_listing *listing)
{
    free(listing->segments);
    free(listing->snapshots);
    *listing = (struct directory_listing){0};
}

static const char *map_file(const struct directory *directory, const char *name,
                            struct slice *bytes)
{
    *bytes = (struct slice){0};
    int fd = openat(directory->fd, name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        const char *why = complain("%s/%s: %s", directory->path, name, strerror(errno));
        if (fd >= 0) close(fd);
        return why;
    }
    size_t size = (size_t)status.st_size;
    void *at = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    int failed = at == MAP_FAILED ? errno : 0;
    close(fd);
    if (failed) return complain("%s/%s: %s", directory->path, name, strerror(failed));
    if (at != NULL) madvise(at, size, MADV_WILLNEED);
    *bytes = slice_of(at, size);
    return NULL;
}

const char *directory_map(const struct directory *directory, struct directory_images *images)
{
    *images = (struct directory_images){0};
    struct directory_listing listing;
    const char *wrong = directory_list(directory, &listing);
    if (wrong != NULL) return wrong;
    if (listing.segments_count > DIRECTORY_SEGMENTS_MAX) {
        directory_listing_free(&listing);
        return complain("%s holds more than %d log segments", directory->path,
                        DIRECTORY_SEGMENTS_MAX);
    }
    struct event_start *start = &images->start;
    images->segments = calloc((size_t)listing.segments_count + 1, sizeof *images->segments);
    images->snapshots = calloc((size_t)listing.snapshots_count + 1, sizeof *images->snapshots);
    if (images->segments == NULL || images->snapshots == NULL) {
        system_die(SYSTEM_EXIT_FAILED, "out of memory");
    }
    start->segments = images->segments;
    start->snapshots = images->snapshots;
    char name[DIRECTORY_NAME_SIZE_MAX];
    for (uint32_t i = 0; i < listing.segments_count && wrong == NULL; i++) {
        struct segment_image *image = &images->segments[i];
        image->number = listing.segments[i];
        directory_segment_name(image->number, name);
        wrong = map_file(directory, name, &image->bytes);
        start->segments_count = i + 1;
    }
    for (uint32_t i = 0; i < listing.snapshots_count && wrong == NULL; i++) {
        uint64_t number = listing.snapshots[i];
        bool newest = i + 1 == listing.snapshots_count ||
                      node_snapshot_group(listing.snapshots[i + 1]) != node_snapshot_group(number);
        if (!newest) continue;
        struct snapshot_image *image = &images->snapshots[start->snapshots_count++];
        image->number = number;
        directory_snapshot_name(number, name);
        wrong = map_file(directory, name, &image->bytes);
    }
    directory_listing_free(&listing);
    system_boot_id(start->boot_id);
    start->sync_failed = directory_is_unsynced(directory);
    return wrong;
}

static void unmap(struct slice bytes)
{
    if (bytes.size > 0) munmap((void *)(uintptr_t)bytes.data, bytes.size);
}

void directory_images_free(struct directory_images *images)
{
    for (uint32_t i = 0; i < images->start.segments_count; i++) unmap(images->segments[i].bytes);
    for (uint32_t i = 0; i < images->start.snapshots_count; i++) unmap(images->snapshots[i].bytes);
    free(images->segments);
    free(images->snapshots);
    *images = (struct directory_images){0};
}
