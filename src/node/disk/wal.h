/* The write-ahead log as bytes: what a turn writes, and what a start reads back.
 * Format and the rules for torn and damaged: specs/disk.md. */
#ifndef QUARTET_NODE_DISK_WAL_H
#define QUARTET_NODE_DISK_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "node/node.h"
#include "raft/raft.h"

enum {
    WAL_SEGMENT_HEADER_SIZE = 64,
    WAL_BATCH_HEADER_SIZE = 48,
    WAL_FORMAT_VERSION = 2,
    WAL_SEGMENTS_MAX = 4096, /* more at a start are refused */
    WAL_GROUPS_MAX = 16384,  /* of Raft, whose records it holds, numbered from 0 */
};

enum wal_membership {
    WAL_EMPTY = 0,    /* belongs to no cluster */
    WAL_FOUNDING = 1, /* holds the founding entry, must not vote yet */
    WAL_MEMBER = 2,
};

struct wal_meta {
    uint64_t cluster;
    uint32_t node;
    uint64_t incarnation;
    uint8_t membership; /* enum wal_membership */
    bool fsync_never;
    uint8_t boot_id[NODE_BOOT_ID_SIZE];
};

/* Of one group. */
struct wal_hard_state {
    uint64_t term;
    uint32_t vote;
    bool trusted;
    bool held; /* this node has no incarnation in the group: see group/proposals.c */
};

/* What is known of a segment that is still kept. */
struct wal_segment {
    uint64_t number;
    uint64_t bytes;
    uint64_t *index_max;      /* of each group, its highest entry in it, 0: none */
    uint64_t opened_sequence; /* of its first batch; 0: it was found at a start, so durable */
};

/* What the writer knows of a group. */
struct wal_group {
    bool has_hard_state;
    struct wal_hard_state hard_state;
    uint64_t covered;   /* a durable snapshot holds all up to here */
    uint64_t batch_max; /* highest entry in the batch, 0: none */
};

/* The writer. Records gather until wal_flush() makes one batch of them. */
struct wal {
    uint64_t segment_bytes;
    uint64_t segment;   /* being written; 0: none yet */
    uint64_t offset;    /* in it */
    uint64_t sequence;  /* of the last batch */
    uint64_t follows;   /* the batch behind which the next one stands; less than `sequence` only
                           after a start that left damage behind */
    uint64_t durable;   /* highest sequence known durable */
    uint64_t watermark; /* highest that a batch on disk names */
    uint64_t ready_sequence; /* the incarnation is durable from here: nothing is sent before.
                                UINT64_MAX until a start has written it */
    struct wal_meta meta;
    uint32_t groups_count;
    struct wal_group *groups;
    uint32_t *touched; /* groups with entries in the batch */
    uint32_t touched_count;
    bool watermark_written;       /* the last batch held nothing else */
    bool must_sync;               /* the batch holds what even fsync_never syncs */
    struct buffer batch;          /* header room, then records */
    struct buffer opening;        /* header and first batch of a new segment */
    struct wal_segment *segments; /* oldest first, the one being written last */
    uint32_t segments_count;
    uint32_t segments_capacity;
    uint64_t bytes; /* of all kept segments */
};

/* For so many groups, which a directory keeps for good. */
void wal_init(struct wal *wal, uint64_t segment_bytes, uint32_t groups);
void wal_free(struct wal *wal);

void wal_put_meta(struct wal *wal, const struct wal_meta *meta);
void wal_put_hard_state(struct wal *wal, uint32_t group, const struct wal_hard_state *hard_state);
void wal_put_entry(struct wal *wal, uint32_t group, const struct raft_entry *entry);
void wal_put_reset(struct wal *wal, uint32_t group, uint64_t index, uint64_t term);
void wal_put_stopped(struct wal *wal);
bool wal_has_records(const struct wal *wal);
/* What this node is in this life is durable: it may speak to others. */
bool wal_ready(const struct wal *wal);
/* A segment found at a start, oldest first; copied. */
void wal_segment_kept(struct wal *wal, const struct wal_segment *segment);
/* The next batch goes to a new segment (after a start). */
void wal_begin_segment(struct wal *wal);

/* Makes one batch of the records (also of none: a watermark) and fills in a WRITE action. Its bytes
 * live until the next wal_put or wal_flush. */
void wal_flush(struct wal *wal, struct action *write);
/* Clears the batch after its bytes have been carried out. */
void wal_flushed(struct wal *wal);

/* A durable snapshot of the group holds all up to `index`. Forgets segments of which each group's
 * entries are so covered; returns the oldest that stays. That one's first batch is durable: it
 * repeats what else would be lost with the older ones. */
uint64_t wal_trim(struct wal *wal, uint32_t group, uint64_t index);
/* Would it forget any, as far as this group holds it up? */
bool wal_trims(const struct wal *wal, uint32_t group, uint64_t index);
/* Does the oldest segment hold entries of the group that no snapshot covers? Without it, and others
 * like it, it could go. */
bool wal_pinned_by(const struct wal *wal, uint32_t group);

/* --- reading back --- */

enum wal_verdict {
    WAL_CLEAN,   /* ended where nothing more was written */
    WAL_TORN,    /* cut: nothing durable was lost */
    WAL_DAMAGED, /* something that was durable is not readable */
    WAL_REFUSED, /* not ours to read: other node, newer format */
};

/* A snapshot that will be restored. */
struct wal_snapshot {
    uint64_t index, term; /* 0: there is none */
};

struct wal_recovered_group {
    bool has_hard_state;
    struct wal_hard_state hard_state;
    uint64_t void_sequence; /* batch of the last RESET, or of the last entry that the snapshot
                               covers; entries in earlier batches are void */
    bool keeps_suffix;      /* entries behind the snapshot belong to it: the log's entry there
                               agrees, or the log begins right behind it */
};

struct wal_recovered {
    enum wal_verdict verdict;
    char reason[200]; /* for TORN, DAMAGED, REFUSED: one line, with segment and offset */
    uint64_t bad_segment;
    uint64_t bad_offset;
    bool has_meta;
    struct wal_meta meta;
    uint32_t groups_count;
    struct wal_recovered_group *groups;
    bool stopped;            /* the last record is STOPPED */
    uint64_t sequence;       /* last good batch */
    uint64_t watermark;      /* highest seen anywhere, also behind the bad place */
    uint64_t segment_last;   /* highest number of any image; the next segment is above it */
    uint32_t segments_count; /* good ones, the last perhaps cut; void ones are not among them */
    struct wal_segment *segments;
};

/* Whose log it is to be. */
struct wal_owner {
    uint32_t node;                        /* 0: any */
    uint32_t groups;                      /* 0: as many as it says itself */
    const struct wal_snapshot *snapshots; /* of so many groups; NULL: there are none */
};

/* Reads all images (ascending). Free with wal_recovered_free(). */
void wal_recover(const struct segment_image *images, uint32_t count, const struct wal_owner *owner,
                 struct wal_recovered *recovered);
void wal_recovered_free(struct wal_recovered *recovered);

typedef void wal_visit_entry(void *context, uint32_t group, const struct raft_entry *entry);
/* Leaves out the segments from `number` on, as if they were not there: what is known of meta, hard
 * state and watermarks stays, everything else is as the segments before tell it. */
void wal_recover_before(const struct segment_image *images, uint32_t count, uint64_t number,
                        const struct wal_owner *owner, struct wal_recovered *recovered);
/* Whether the segment is part of the log that was read. */
bool wal_recovered_keeps(const struct wal_recovered *recovered, uint64_t number);

/* The entries of the good batches that are not void, in order; after wal_recover() only. */
void wal_each_entry(const struct segment_image *images, uint32_t count,
                    const struct wal_recovered *recovered, wal_visit_entry *visit, void *context);

/* The entries of all batches that check out, wherever they are: behind damage, and void ones. */
void wal_each_entry_anywhere(const struct segment_image *images, uint32_t count,
                             wal_visit_entry *visit, void *context);

typedef void wal_visit_tail(void *context, uint64_t segment, uint64_t offset, struct slice bytes);
/* What no watermark knows to be durable: the ends of the last segments, their headers included
 * where all of a segment is new; the last first. After wal_recover() only. */
void wal_each_tail(const struct segment_image *images, uint32_t count,
                   const struct wal_recovered *recovered, wal_visit_tail *visit, void *context);

/* One batch, for `quartet log show`. */
struct wal_batch {
    uint64_t offset;
    uint64_t sequence;
    uint64_t watermark;
    struct slice body;
    bool good; /* header and body check out; else only offset is meaningful */
};
/* The batch at `offset` (a multiple of 8); false when nothing is there. *next: where to go on. */
bool wal_batch_at(const struct segment_image *image, uint64_t offset, struct wal_batch *batch,
                  uint64_t *next);

#endif
