/* The reading of a log that is under way: what wal_recover.c, which finds the batches and judges
 * where they end, and wal_records.c, which takes what stands in them, share. */
#ifndef QUARTET_NODE_DISK_WAL_READING_H
#define QUARTET_NODE_DISK_WAL_READING_H

#include "node/disk/wal.h"

/* Of one group. */
struct group_recovery {
    uint64_t term_at_snapshot; /* of the log's entry there, 0: none */
    uint64_t first_index;      /* of the entries since the last RESET, 0: none */
};

/* The reading under way. */
struct recovery {
    const struct segment_image *images;
    const uint64_t *limits; /* of each image: batches in it above this sequence are void */
    uint32_t count;
    uint32_t image;    /* the one being read */
    uint64_t offset;   /* in it */
    uint64_t expected; /* sequence of the next batch */
    const struct wal_owner *owner;
    struct group_recovery *groups; /* as many as in `out` */
    struct wal_recovered *out;
};

/* Ends it with this verdict: why, and where. `what` is copied. */
void recovery_say(struct recovery *r, enum wal_verdict verdict, const char *what);
/* That the owner holds of this group; all zero when there is none. */
struct wal_snapshot recovery_snapshot(const struct recovery *r, uint32_t group);

enum take_result {
    TAKEN,
    TAKEN_NOT,    /* a record that this version does not know */
    TAKEN_STRANGE /* a record of a group that there is not: no one wrote that, it is damage */
};

/* Takes the records of a good batch of this segment. Unless all are TAKEN, *group is that of the
 * record that was not, and the result is to be told by recovery_refuse(). */
enum take_result recovery_take(struct recovery *r, const struct wal_batch *batch,
                               struct wal_segment *segment, uint16_t *group);
void recovery_refuse(struct recovery *r, enum take_result result, uint16_t group);

#endif
