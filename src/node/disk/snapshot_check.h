/* Whether a snapshot file is whole, for those who need not know what it says: specs/disk.md. */
#ifndef QUARTET_NODE_DISK_SNAPSHOT_CHECK_H
#define QUARTET_NODE_DISK_SNAPSHOT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "raft/raft.h"

/* Every chunk checks out, and all are there; else *offset is where the first bad one begins. */
bool snapshot_file_whole(struct slice file, uint64_t *offset);
/* The membership in its header; false when that cannot be read. */
bool snapshot_file_members(struct slice file, struct raft_members *members);

#endif
