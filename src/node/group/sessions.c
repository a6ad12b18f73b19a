/* Connections for which the machine holds something: when one ends, that their node lives. See
 * group.h. None of it is said where the machine is sessionless. */
#include "node/group/proposals.h"
#include "node/group/state.h"

uint32_t group_sessions(const struct group *group)
{
    return group->proposals.sessions;
}

static bool sessionless(const struct group *group)
{
    return group->replica->ops->sessionless;
}

void group_session_begin(struct group *group)
{
    if (sessionless(group)) return;
    group->proposals.sessions++;
    group->proposals.renew_idle_due = false;
}

void group_session_forget(struct group *group)
{
    if (sessionless(group)) return;
    group->proposals.sessions--;
    if (group->proposals.sessions == 0) group->proposals.renew_idle_due = true;
}

void group_session_end(struct group *group, uint32_t connection)
{
    if (sessionless(group)) return;
    struct command end = {.type = COMMAND_SESSION_END, .connection = connection};
    proposals_add(group, &end);
    group_session_forget(group);
}

void group_session_hurry(struct group *group, uint32_t connection)
{
    if (sessionless(group)) return;
    struct command hurry = {.type = COMMAND_HURRY, .connection = connection};
    proposals_add(group, &hurry);
}

/* Sessions live while their node is heard of (design: leases in log time). */
void sessions_turn(struct group *group)
{
    struct proposals *p = &group->proposals;
    if (group->raft == NULL) return;
    uint64_t every = group->config->session_lease_us / 3;
    bool due = group->proposals.sessions > 0 && !group_leading(group);
    if (due && group->turn->now.mono_us < p->renewed_us + every) {
        group_wake(group, p->renewed_us + every);
        due = false;
    }
    if (p->renew_idle_due && list_empty(&p->pending) && list_empty(&p->sent)) due = true;
    if (!due) return;
    p->renewed_us = group->turn->now.mono_us;
    p->renew_idle_due = false;
    struct command renew = {.type = COMMAND_RENEW, .connection = group->proposals.sessions};
    proposals_add(group, &renew);
}
