/* `quartet log show|cut`: the write-ahead log of a node that is not running. When a node alone
 * refuses to start because its log is damaged, its owner looks at it here, and decides. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/disk/snapshot_format.h"
#include "node/disk/wal.h"
#include "command/commands.h"
#include "server/directory.h"
#include "command/options.h"

enum {
    LOG_RECORD_TYPES = 6,
    LOG_SEGMENT_NODE_AT = 24, /* of the header: specs/disk.md */
};

static const char *const record_names[LOG_RECORD_TYPES] = {"?",     "META",  "HARD_STATE",
                                                           "ENTRY", "RESET", "STOPPED"};

static const char *verdict_name(enum wal_verdict verdict)
{
    switch (verdict) {
    case WAL_CLEAN: return "clean";
    case WAL_TORN: return "torn";
    case WAL_DAMAGED: return "damaged";
    case WAL_REFUSED: return "not readable";
    }
    return "?";
}

/* "ENTRY 3-17" or "META": runs of entries are one word. */
static void show_records(struct slice body)
{
    struct reader reader = reader_of(body);
    uint64_t first = 0, last = 0;
    while (reader.bytes.size >= 8 && !reader.bad) {
        uint32_t size = read_u32(&reader);
        read_u16(&reader); /* group */
        uint8_t type = read_u8(&reader);
        read_u8(&reader); /* version */
        struct slice content = read_exactly(&reader, size);
        if (type == 0 || type >= LOG_RECORD_TYPES || reader.bad) break; /* padding */
        if (type == 3 && content.size >= 8) {
            uint64_t index = load_u64(content.data);
            if (first == 0) first = index;
            last = index;
            continue;
        }
        printf(" %s", record_names[type]);
    }
    if (first != 0) printf(" ENTRY %" PRIu64 "-%" PRIu64, first, last);
}

static void show_segment(const struct segment_image *image, bool batches, bool kept)
{
    char name[DIRECTORY_NAME_SIZE_MAX];
    directory_segment_name(image->number, name);
    uint64_t count = 0, offset = WAL_SEGMENT_HEADER_SIZE, next = 0, end = offset;
    struct wal_batch batch;
    while (wal_batch_at(image, offset, &batch, &next)) {
        count++;
        end = next;
        if (batches) {
            printf("%s offset %" PRIu64 " ", name, batch.offset);
            if (batch.good) {
                printf("sequence %" PRIu64 " watermark %" PRIu64, batch.sequence, batch.watermark);
                show_records(batch.body);
            } else {
                printf("bad");
            }
            putchar('\n');
        }
        if (next <= offset) break;
        offset = next;
    }
    printf("%s: %" PRIu64 " batches, %" PRIu64 " of %zu bytes used%s\n", name, count, end,
           image->bytes.size,
           kept ? "" : ", not read: see below, or a later segment goes on without it");
}

/* False when it is damaged. */
static bool show_snapshot(const struct snapshot_image *image)
{
    char name[DIRECTORY_NAME_SIZE_MAX];
    uint64_t offset = 0;
    directory_snapshot_name(image->number, name);
    bool whole = snapshot_file_whole(image->bytes, &offset);
    printf("%s: %zu bytes", name, image->bytes.size);
    if (!whole) printf(", damaged at offset %" PRIu64, offset);
    putchar('\n');
    return whole;
}

/* Those of all groups; false when one is damaged. */
static bool show_snapshots(const struct event_start *start)
{
    bool whole = true;
    for (uint32_t i = 0; i < start->snapshots_count; i++) {
        whole = show_snapshot(&start->snapshots[i]) && whole;
    }
    return whole;
}

/* The node whose log this is, from the first header that is long enough; 0: no log at all. */
static uint32_t owner_of(const struct directory_images *images)
{
    for (uint32_t i = 0; i < images->start.segments_count; i++) {
        const struct slice bytes = images->segments[i].bytes;
        if (bytes.size >= WAL_SEGMENT_HEADER_SIZE)
            return load_u32(bytes.data + LOG_SEGMENT_NODE_AT);
    }
    return 0;
}

static int show(const struct directory_images *images, const struct wal_recovered *recovered,
                bool batches)
{
    for (uint32_t i = 0; i < images->start.segments_count; i++) {
        const struct segment_image *image = &images->segments[i];
        show_segment(image, batches, wal_recovered_keeps(recovered, image->number));
    }
    bool whole = show_snapshots(&images->start);
    printf("node %u, term %" PRIu64 ", last good batch %" PRIu64 ", log %s%s%s\n", owner_of(images),
           recovered->groups[0].hard_state.term, recovered->sequence,
           verdict_name(recovered->verdict), recovered->reason[0] != '\0' ? ": " : "",
           recovered->reason);
    return whole && (recovered->verdict == WAL_CLEAN || recovered->verdict == WAL_TORN) ? 0 : 1;
}

/* Copies the segment aside before it is cut: what is cut off stays for a second look. */
static int copy_aside(const struct directory *directory, const struct segment_image *image)
{
    char name[DIRECTORY_NAME_SIZE_MAX], aside[DIRECTORY_NAME_SIZE_MAX + 8];
    directory_segment_name(image->number, name);
    snprintf(aside, sizeof aside, "%s.damaged", name);
    int fd = openat(directory->fd, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return -errno;
    int failed = 0;
    for (size_t at = 0; at < image->bytes.size && failed == 0;) {
        ssize_t done = write(fd, image->bytes.data + at, image->bytes.size - at);
        if (done < 0) failed = -errno;
        if (done > 0) at += (size_t)done;
    }
    if (failed == 0 && fsync(fd) != 0) failed = -errno;
    close(fd);
    return failed;
}

static int cut_segment(const struct directory *directory, uint64_t number, uint64_t size)
{
    char name[DIRECTORY_NAME_SIZE_MAX];
    directory_segment_name(number, name);
    if (size <= WAL_SEGMENT_HEADER_SIZE) {
        return unlinkat(directory->fd, name, 0) == 0 ? 0 : -errno; /* nothing good in it */
    }
    int fd = openat(directory->fd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int failed = ftruncate(fd, (off_t)size) == 0 && fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return failed;
}

/* Of the cluster: group 0 knows. */
static void see_members(void *context, uint32_t group, const struct raft_entry *entry)
{
    struct raft_members *members = context;
    struct raft_members seen;
    if (group != 0 || entry->kind != RAFT_KIND_MEMBERS) return;
    if (!raft_members_decode(entry->data, &seen)) return;
    *members = seen;
}

/* Are there peers that hold what is damaged here? */
static bool has_peers(const struct directory_images *images, const struct wal_recovered *recovered)
{
    struct raft_members members = {0};
    for (uint32_t i = 0; i < images->start.snapshots_count; i++) {
        const struct snapshot_image *image = &images->snapshots[i];
        if (node_snapshot_group(image->number) == 0) {
            (void)snapshot_file_members(image->bytes, &members);
        }
    }
    wal_each_entry(images->segments, images->start.segments_count, recovered, see_members,
                   &members);
    return members.count > 1;
}

static int cut(const struct directory *directory, const struct directory_images *images,
               const struct wal_recovered *recovered)
{
    if (recovered->verdict != WAL_DAMAGED) {
        printf("nothing to cut: the log is %s%s%s\n", verdict_name(recovered->verdict),
               recovered->reason[0] != '\0' ? ": " : "", recovered->reason);
        bool whole = show_snapshots(&images->start);
        if (!whole) printf("a snapshot cannot be cut: restore it from a copy\n");
        return recovered->verdict == WAL_REFUSED || !whole ? 1 : 0;
    }
    if (has_peers(images, recovered)) {
        /* Cut, it would look whole, and vote although it forgot. */
        printf(
            "not cut: this node is one of a cluster. Start it: it says that it is damaged, and its "
            "peers repair it\n");
        return 1;
    }
    for (uint32_t i = 0; i < images->start.segments_count; i++) {
        const struct segment_image *image = &images->segments[i];
        if (image->number < recovered->bad_segment) continue;
        uint64_t keep = image->number == recovered->bad_segment ? recovered->bad_offset : 0;
        int failed = copy_aside(directory, image);
        if (failed == 0) failed = cut_segment(directory, image->number, keep);
        if (failed != 0) {
            fprintf(stderr, "quartet log: segment %016" PRIx64 ": %s\n", image->number,
                    strerror(-failed));
            return 1;
        }
        printf("segment %016" PRIx64 ": kept %" PRIu64 " bytes; the whole is in *.damaged\n",
               image->number, keep);
    }
    if (directory_sync(directory) != 0) return 1;
    printf("cut behind batch %" PRIu64 ": what was acknowledged later is lost\n",
           recovered->sequence);
    return 0;
}

static int work(const struct directory *directory, bool cutting, bool batches)
{
    struct directory_images images;
    const char *wrong = directory_map(directory, &images);
    if (wrong != NULL) {
        fprintf(stderr, "quartet log: %s\n", wrong);
        directory_images_free(&images);
        return 1;
    }
    if (images.start.segments_count == 0) {
        printf("%s holds no log\n", directory->path);
        directory_images_free(&images);
        return 0;
    }
    struct wal_recovered recovered;
    struct wal_owner owner = {.node = owner_of(&images)};
    wal_recover(images.segments, images.start.segments_count, &owner, &recovered);
    int code = cutting ? cut(directory, &images, &recovered) : show(&images, &recovered, batches);
    wal_recovered_free(&recovered);
    directory_images_free(&images);
    return code;
}

int command_log(int argc, char **argv)
{
    const char *data = "quartet-data/queue-1";
    bool batches = false;
    struct option_spec items[] = {
        {"data", "DIR", "the node's data directory (quartet-data/queue-1)", option_parse_text,
         &data, 0, 0, 0},
        {"batches", NULL, "show: every batch, not only every segment", NULL, &batches, 0, 0, 0},
    };
    struct options options = {
        .command = "quartet log",
        .summary = "show: what the log of a stopped node holds, and whether it is sound.\n"
                   "cut: drops everything from the damaged place on, after copying it aside. What "
                   "was\nacknowledged behind that place is lost. Only for a node alone: one of a "
                   "cluster is repaired\nby its peers when it starts.",
        .operands = "show|cut",
        .items = items,
        .count = sizeof items / sizeof items[0],
    };
    const char *operand = NULL;
    size_t count = 0;
    enum options_result result = options_parse(&options, argc, argv, &operand, 1, &count);
    if (result != OPTIONS_OK) return result == OPTIONS_HELP ? 0 : OPTIONS_EXIT_USAGE;
    bool cutting = count == 1 && strcmp(operand, "cut") == 0;
    if (count != 1 || (!cutting && strcmp(operand, "show") != 0)) {
        return options_mistake(options.command, NULL, "expected show or cut");
    }
    struct directory directory;
    const char *wrong =
        access(data, F_OK) != 0
            ? "there is no such directory"
            : directory_open(&directory, data, cutting ? DIRECTORY_OWN : DIRECTORY_LOOK);
    if (wrong != NULL) {
        fprintf(stderr, "quartet log: %s: %s\n", data, wrong);
        return 1;
    }
    int code = work(&directory, cutting, batches);
    directory_close(&directory);
    return code;
}
