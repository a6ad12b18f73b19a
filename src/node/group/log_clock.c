/* What the leader's log is told of the clocks on the wall (replica.h, KIND_CLOCK): how long there
 * was no leader, and, where log time's calendar is ahead of what a quorum's clocks agree on, as a
 * leader's was wrong once, what time it is.
 *
 * The first CLOCK of a term stands before the term's first command. What a command sets to happen
 * in a minute would else be charged for an hour without a leader that was over when it came. Where
 * the clocks agree only afterwards, such a charge is not made any more: LATE says so. */
#include "base/assert.h"
#include "node/group/proposals.h"
#include "node/group/state.h"

static void clock_propose(struct group *group)
{
    uint64_t index = 0;
    uint64_t ahead_us = group_wall_ahead_us(group);
    bool late = proposals_taken(group) && group->clock_term != raft_term(group->raft);
    uint8_t said = CLOCK_LATE;
    enum raft_propose_result result =
        raft_propose_clock(group->raft, group->turn->now, KIND_CLOCK, 1,
                           slice_of(&said, late ? sizeof said : 0), &index);
    if (result != RAFT_PROPOSE_OK) return;
    group->clock_term = raft_term(group->raft);
    if (ahead_us <= GROUP_WALL_AHEAD_US_MAX) return;
    group_say(group, "log-clock-set-back");
    trace_number(group->turn, "by_us", ahead_us);
    trace_end(group->turn);
}

void log_clock_begin(struct group *group)
{
    if (!group->clocks_agree || !group_leading(group)) return;
    if (group->clock_term != raft_term(group->raft)) clock_propose(group);
}

void log_clock_turn(struct group *group)
{
    log_clock_begin(group);
    if (!group->clocks_agree || !group_leading(group) || !raft_settled(group->raft)) return;
    if (raft_last_index(group->raft) > group->replica->index) return; /* one at a time */
    if (group_wall_ahead_us(group) > GROUP_WALL_AHEAD_US_MAX) clock_propose(group);
}

uint64_t group_wall_ahead_us(const struct group *group)
{
    uint64_t log_us = group->replica->wall_us;
    uint64_t wall_us = group->turn->now.wall_us;
    return log_us > wall_us ? log_us - wall_us : 0;
}

void group_set_clocks_agree(struct group *group, bool agree)
{
    if (agree && !group->clocks_agree) group_wake(group, group->turn->now.mono_us);
    group->clocks_agree = agree;
}
