/* What a group consists of, for the files of this folder. The contract for others is group.h.
 *
 * The group owns everything in here but its `parts`. */
#ifndef QUARTET_NODE_GROUP_STATE_H
#define QUARTET_NODE_GROUP_STATE_H

#include "node/group/group.h"
#include "node/group/proposals.h"
#include "node/group/reads.h"
#include "node/group/snapshots.h"
#include "node/turn/trace.h"

struct group {
    const struct node_config *config;
    struct turn *turn;
    struct wal *wal;
    struct random *random;
    machine_emit *emit;
    void *world;

    struct raft *raft; /* NULL until a member */
    uint64_t cluster;
    struct replica *replica;
    struct replica *leaving; /* replaced or given up, being freed slice by slice */
    struct proposals proposals;
    struct accepted accepted; /* as the leader */
    struct reads reads;
    struct snapshots snapshots;
    bool disk_full;
    struct group_reach reach; /* of this turn's group_work() */

    uint64_t applied_us;         /* when an entry was last applied */
    uint64_t elected_elapsed_us; /* leader: log time at the start of the term */
    uint64_t elected_term;
    uint64_t ticked_us;
    bool clocks_agree;
    uint64_t clock_term; /* the last in which we said what the clocks agree on */

    struct raft_told told; /* for the trace */
    uint64_t entries_applied;

    /* For the next group_take_output(). */
    bool clients_lost, reborn;
    uint32_t messages_count;
    const struct raft_message *messages;
};

#endif
