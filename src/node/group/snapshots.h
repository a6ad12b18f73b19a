/* Snapshots out (snapshot_send.c) and in (snapshot_receive.c): one at a time of each. */
#ifndef QUARTET_NODE_GROUP_SNAPSHOTS_H
#define QUARTET_NODE_GROUP_SNAPSHOTS_H

#include "node/group/group.h"

enum {
    NODE_SNAPSHOT_CREDIT = 1 << 20,   /* stream bytes to a follower not taken yet */
    NODE_SNAPSHOT_PAUSE_US = 5000000, /* after one failed, and between two on a full disk */
    NODE_LOG_KEEP_BYTES = 4 << 20, /* entries of all groups kept in memory for followers, at least
                                      about half of each one's share */
    NODE_LEAVING_SLICES = 4,       /* of MACHINE_WORK_MAX objects, freed in one turn */
    NODE_COMPACT_ENTRIES_MAX = 8 << 10, /* looked at in one turn */
    NODE_SNAPSHOT_BUSY_US = 100000,     /* between two tries at a follower that takes another one */
    NODE_TRANSFER_STALL_US = 5000000, /* a follower that takes nothing of it that long is dropped */
};

struct transfer { /* one follower of the cut under way */
    uint32_t peer;
    uint64_t offset; /* sent */
    uint64_t taken;
    uint64_t progress_us;
    bool ended; /* END is sent */
};

struct snapshots {
    uint64_t disk_index; /* newest durable snapshot, 0: none */
    uint64_t disk_bytes;
    uint64_t pause_until_us; /* none is written to disk before */
    uint64_t invite_us;      /* no follower is sent one before: it was busy with another */
    struct list in_wants;    /* of the groups that wait to begin a cut */
    /* A cut being streamed out. */
    bool cutting;  /* the machine's cut is open or its last bytes are under way */
    bool cut_done; /* the stream is complete */
    bool to_disk;
    bool disk_busy; /* a SNAPSHOT_WRITE is not answered yet */
    bool committing;
    uint64_t cut_index;
    uint64_t cut_number; /* of this process, names the transfer to followers */
    uint64_t disk_offset;
    uint32_t chunks;
    struct buffer header;
    struct buffer file; /* chunk for SNAPSHOT_WRITE */
    struct buffer slice;
    uint32_t transfers_count;
    struct transfer transfers[RAFT_MEMBERS_MAX];
    /* One being taken in. */
    struct replica *incoming;
    uint32_t incoming_link; /* connection id */
    uint64_t incoming_number, incoming_offset;
    struct snapshot_header *incoming_header; /* NULL: none ever came */
    uint32_t incoming_chunks;
    bool incoming_complete;
    bool incoming_busy;
    bool incoming_committing;
    size_t incoming_written; /* of incoming_file, handed out and not answered yet */
    struct buffer incoming_file;
    /* For the output. */
    bool wants_changed;
    uint32_t wants_count;
    uint32_t wants[RAFT_MEMBERS_MAX];
    uint32_t frames_count;
    struct group_snapshot_frame
        *frames;                       /* room for NODE_SNAPSHOT_FRAMES_MAX; NULL: none ever left */
    uint64_t written, sent, installed; /* in all */
};

void snapshots_init(struct group *group);
void snapshots_free(struct group *group);
/* Its newest on disk is this. */
void snapshots_on_disk(struct group *group, uint64_t index, uint64_t bytes);
/* Once a turn, in group_work(): compacts the log, begins a cut that is wanted, goes on with it. */
void snapshots_turn(struct group *group);
/* Entries leave memory once they are not needed there: part of that turn; compact.c. */
void snapshots_compact_log(struct group *group);
/* The cut under way, if any, comes to nothing. */
void snapshots_abort(struct group *group);
/* Frames, and whom to dial. */
void snapshots_output(struct group *group, struct group_output *output);

/* A frame for the output, all zero but for these. */
struct group_snapshot_frame *snapshots_frame(struct group *group, enum peer_frame_type type,
                                             uint32_t to);

void snapshot_incoming_turn(struct group *group);
void snapshot_incoming_written(struct group *group);
void snapshot_incoming_durable(struct group *group);
void snapshot_incoming_abort(struct group *group);

#endif
