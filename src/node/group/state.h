/* What a group consists of, for the files of this folder. The contract for others is group.h.
 *
 * The group owns everything in here but its `parts`. */
#ifndef QUARTET_NODE_GROUP_STATE_H
#define QUARTET_NODE_GROUP_STATE_H

#include "node/group/group.h"
#include "node/group/proposals.h"
#include "node/group/reads.h"
#include "node/group/receipts.h"
#include "node/group/snapshots.h"
#include "node/turn/trace.h"

struct group {
    const struct node_config *config;
    struct turn *turn;
    struct wal *wal;
    struct random *random;
    machine_emit *emit;
    void *world;
    struct group_shared *shared;
    uint32_t number;
    struct node_machine machine;

    uint64_t incarnation; /* of this node in this group; 0: it has none */
    uint64_t wake_us;     /* the earliest that was asked for since group_tick() */
    struct raft *raft;    /* NULL until a member */
    uint64_t cluster;
    struct replica *replica;
    struct replica *leaving; /* replaced or given up, being freed slice by slice */
    struct proposals proposals;
    struct accepted accepted; /* as the leader */
    struct reads reads;
    struct receipts receipts;
    struct snapshots snapshots;
    bool disk_full;
    struct group_reach reach; /* of this turn's group_work() */

    uint64_t applied_us;         /* when an entry was last applied */
    uint64_t elected_elapsed_us; /* leader: log time at the start of the term */
    uint64_t elected_term;
    uint64_t ticked_us;
    bool working; /* the last tick was for work that was left */
    bool clocks_agree;
    uint64_t clock_term; /* the last in which we said what the clocks agree on */

    struct raft_told told; /* for the trace */
    uint64_t entries_applied;

    /* For the next group_take_output(). */
    bool clients_lost, reborn;
    struct buffer marks;      /* struct machine_mark, since the last output */
    struct buffer marks_told; /* of the last output */
    uint32_t messages_count;
    const struct raft_message *messages;
};

/* The machine's answers pass through here. */
void group_emit(void *world, const struct session_key *session, const void *payload);

/* log_clock.c, as the leader: before the log takes a command, and once a turn. */
void log_clock_begin(struct group *group);
void log_clock_turn(struct group *group);

/* The group is to be visited then, monotonic, at the latest. */
static inline void group_wake(struct group *group, uint64_t at_us)
{
    if (at_us < group->wake_us) group->wake_us = at_us;
    turn_wake(group->turn, at_us);
}

/* Begins a line of the trace about this group. */
static inline void group_say(struct group *group, const char *word)
{
    trace_begin(group->turn, word);
    if (group->number != 0) trace_number(group->turn, "group", group->number);
}

#endif
