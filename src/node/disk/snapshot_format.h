/* A snapshot file as bytes: a header, chunks of what the machine streamed, an end. specs/disk.md.
 * The frames that carry a snapshot to a peer carry the same header and the same stream. */
#ifndef QUARTET_NODE_DISK_SNAPSHOT_FORMAT_H
#define QUARTET_NODE_DISK_SNAPSHOT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "contract/machine.h"
#include "raft/raft.h"

struct snapshot_header {
    uint64_t cluster, index, term, elapsed_us, wall_us, digest;
    struct raft_members members; /* as of that index */
};

struct snapshot_fault {
    const char *why;
    char space[160]; /* where `why` may point */
    uint64_t offset; /* where in the file */
    bool foreign;    /* sound, and not for this program or system */
};

/* Of a snapshot that this machine writes; appended. */
void snapshot_header_encode(const struct machine_ops *ops, const struct snapshot_header *header,
                            struct buffer *out);
/* False with *fault set, but for its offset, when it is not for this machine, of another version of
 * the format or of the machine's (older ones, too), or malformed. */
bool snapshot_header_decode(const struct machine_ops *ops, struct slice bytes,
                            struct snapshot_header *header, struct snapshot_fault *fault);

/* A chunk, which is not empty; the header is the first one. */
void snapshot_chunk_append(struct buffer *out, struct slice payload);
/* The end of a file of so many chunks, its header among them. */
void snapshot_end_append(struct buffer *out, uint32_t chunks);
/* One chunk off the front of `file`, borrowed from it; false when it does not check out. At the end
 * payload->size is 0 and *chunks holds the count that the file claims. */
bool snapshot_chunk_read(struct reader *file, struct slice *payload, uint32_t *chunks);

/* Every chunk checks out, and all are there; else *offset is where the first bad one begins. For
 * those who need not know what it says. */
bool snapshot_file_whole(struct slice file, uint64_t *offset);
/* The membership in its header; false when that cannot be read. */
bool snapshot_file_members(struct slice file, struct raft_members *members);

#endif
