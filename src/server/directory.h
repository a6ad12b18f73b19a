/* The data directory: its lock, the names in it, and what a start finds there.
 * File names: specs/disk.md. */
#ifndef QUARTET_SERVER_DIRECTORY_H
#define QUARTET_SERVER_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/node.h"

enum {
    DIRECTORY_PATH_SIZE_MAX = 3840, /* leaves room for a file name below PATH_MAX */
    DIRECTORY_NAME_SIZE_MAX = 64,
    DIRECTORY_SEGMENTS_MAX = 4096,
    DIRECTORY_DAMAGED_MAX = 8, /* files set aside; the oldest go when there are more */
};

#define DIRECTORY_SPARE "spare"
#define DIRECTORY_SPARE_UNFINISHED "spare.tmp"
#define DIRECTORY_UNSYNCED "unsynced"
#define DIRECTORY_SNAPSHOT_UNFINISHED "snapshot.tmp"

struct directory {
    int fd;
    int lock_fd; /* -1: not locked (looking only) */
    char path[DIRECTORY_PATH_SIZE_MAX + 1];
};

enum directory_mode {
    DIRECTORY_OWN,  /* made if missing, locked: one process at a time */
    DIRECTORY_LOOK, /* as it is, unlocked */
};

/* NULL, or one line that says what is wrong; it lives until the next call. */
const char *directory_open(struct directory *directory, const char *path, enum directory_mode mode);
/* Whether a process has this path open as DIRECTORY_OWN. False too when it cannot be told. */
bool directory_in_use(const char *path);
void directory_close(struct directory *directory);
/* Makes renames, new names and removals durable. 0 or a negative errno. */
int directory_sync(const struct directory *directory);
/* Bytes that an ordinary user may still write here; UINT64_MAX when it cannot be told. */
uint64_t directory_free_bytes(const struct directory *directory);

/* That a sync failed is marked until a start has taken notice: the same kernel shows what the disk
 * does not have, or hides what it was told. As durable as such a disk lets it be. */
void directory_mark_unsynced(const struct directory *directory, bool unsynced);
bool directory_is_unsynced(const struct directory *directory);

/* Renames the file out of the way, to NAME.damaged, durably. 0 or a negative errno. */
int directory_set_aside(const struct directory *directory, const char *name);

void directory_segment_name(uint64_t number, char name[DIRECTORY_NAME_SIZE_MAX]);
void directory_snapshot_name(uint64_t number, char name[DIRECTORY_NAME_SIZE_MAX]);

/* What lies there: ascending numbers. Free with directory_listing_free(). */
struct directory_listing {
    uint64_t *segments;
    uint32_t segments_count;
    uint64_t *snapshots;
    uint32_t snapshots_count;
};
const char *directory_list(const struct directory *directory, struct directory_listing *listing);
void directory_listing_free(struct directory_listing *listing);

/* All segments and each group's newest snapshot, mapped for reading, as EVENT_START wants them.
 * Unfinished files are left alone. NULL or one line; free with directory_images_free(). */
struct directory_images {
    struct event_start start;
    struct segment_image *segments;
    struct snapshot_image *snapshots;
};
const char *directory_map(const struct directory *directory, struct directory_images *images);
void directory_images_free(struct directory_images *images);

#endif
