/* Roles and how they change (section 5.2, 5.4.1), with pre-vote (dissertation 9.6), and the rule
 * that makes check-quorum and leases sound (6.2, 6.4.1): who heard from a leader within the
 * minimum election timeout gives no vote, whatever becomes of that leader meanwhile, and a
 * restarted replica, which may have heard from one and forgotten it, gives none for one maximum
 * election timeout of the slowest clock. It was in no such promise if it never left the founding
 * term, in which there is no leader: so first founding does not wait. Nor does one that is alone
 * and voted for no one else last: there is no other leader to have promised anything to. */
#include <string.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

enum { FOUNDING_TERM = 1 };

bool election_may_campaign(const struct raft *raft)
{
    return raft->trusted && !raft->mute && !raft->abstaining &&
           members_may_lead(&raft->history, raft->commit, raft->config.self);
}

/* No one else has a vote, or had one: nobody to ask, and nobody to have promised anything to. */
static bool is_alone(const struct raft *raft)
{
    return members_alone(&raft->history, raft->commit, raft->config.self);
}

void election_reset_timer(struct raft *raft)
{
    uint64_t timeout_us = raft->config.election_timeout_us;
    raft->election_us = raft->now.mono_us + timeout_us + random_below(&raft->random, timeout_us);
}

void become_follower(struct raft *raft, uint64_t term, uint32_t leader)
{
    ASSERT(term >= raft->term);
    bool new_term = term > raft->term;
    bool led = raft->role == RAFT_LEADER;
    if (new_term) {
        raft->term = term;
        raft->vote = 0;
        raft->hard_dirty = true;
    }
    if (new_term || leader != raft->leader) follow_reset(raft);
    /* A timer that already runs goes on: else whoever calls often enough with new terms would
     * keep everyone from campaigning. A leader had none. */
    if (led) election_reset_timer(raft);
    raft->role = RAFT_FOLLOWER;
    raft->leader = leader;
    raft->uncommitted_bytes = 0;
}

static void become_leader(struct raft *raft)
{
    ASSERT(raft->role == RAFT_CANDIDATE && raft->trusted);
    raft->role = RAFT_LEADER;
    raft->leader = raft->config.self;
    replication_lead(raft);
}

static void forget_votes(struct raft *raft)
{
    memset(raft->votes, 0, sizeof raft->votes);
}

static void note_vote(struct raft *raft, uint32_t from)
{
    int place = raft_members_place(members_of(raft), from);
    if (place >= 0) raft->votes[place] = 1;
}

static bool votes_won(const struct raft *raft)
{
    return members_quorum(members_of(raft), raft->votes) == 1;
}

static void ask_all(struct raft *raft, enum raft_message_type type, uint64_t term, uint64_t round)
{
    const struct raft_members *members = members_of(raft);
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        if (member->id == raft->config.self || !members_is_voter(members, member->id)) continue;
        struct raft_message *message = queue_message(raft, type, member->id);
        message->term = term;
        message->round = round;
        message->index = raft->log.last;
        message->index_term = log_last_term(&raft->log);
    }
}

void election_campaign(struct raft *raft, uint64_t transfer_round)
{
    become_follower(raft, raft->term + 1, 0);
    raft->role = RAFT_CANDIDATE;
    raft->vote = raft->config.self;
    forget_votes(raft);
    election_reset_timer(raft);
    ask_all(raft, RAFT_VOTE, raft->term, transfer_round); /* ours counts when it is durable */
}

static void pre_campaign(struct raft *raft)
{
    become_follower(raft, raft->term, 0);
    raft->role = RAFT_PRE_CANDIDATE;
    forget_votes(raft);
    note_vote(raft, raft->config.self);
    election_reset_timer(raft);
    if (votes_won(raft)) {
        election_campaign(raft, 0);
        return;
    }
    ask_all(raft, RAFT_PRE_VOTE, raft->term + 1, 0);
}

/* While another clock counts a maximum election timeout, ours counts so much at most. */
static uint64_t embargo_length_us(const struct raft *raft)
{
    uint64_t timeout_us = 2 * raft->config.election_timeout_us;
    uint64_t slower = 1000 - raft->config.clock_drift_permille;
    return (timeout_us * 1000 + slower - 1) / slower;
}

void election_start(struct raft *raft)
{
    election_reset_timer(raft);
    bool promised_none = raft->trusted && raft->term <= FOUNDING_TERM;
    if (!promised_none) {
        uint64_t length_us = embargo_length_us(raft);
        raft->embargo_us = raft->now.mono_us + length_us;
        /* To ask earlier would be in vain: all may be starting. */
        raft->election_us += length_us - raft->config.election_timeout_us;
    }
    bool own = raft->vote == 0 || raft->vote == raft->config.self;
    if (election_may_campaign(raft) && is_alone(raft) && own) election_campaign(raft, 0);
}

void election_tick(struct raft *raft)
{
    if (!election_may_campaign(raft) || raft->now.mono_us < raft->election_us) return;
    pre_campaign(raft);
}

void election_unmute(struct raft *raft)
{
    election_reset_timer(raft);
    if (is_alone(raft)) raft->election_us = raft->now.mono_us;
}

/* Votes that come after the timeout are too late: who gave one and forgot it counts on that
 * (trust.c). */
static void candidate_check(struct raft *raft)
{
    bool in_time = raft->now.mono_us < raft->election_us || is_alone(raft);
    if (in_time && votes_won(raft)) become_leader(raft);
}

void election_hard_state_durable(struct raft *raft)
{
    if (raft->role != RAFT_CANDIDATE || !hard_state_durable(raft)) return;
    note_vote(raft, raft->config.self);
    candidate_check(raft);
}

/* Section 5.4.1: the later last term, or the same and at least as long. */
static bool up_to_date(const struct raft *raft, const struct raft_message *message)
{
    uint64_t last_term = log_last_term(&raft->log);
    if (message->index_term != last_term) return message->index_term > last_term;
    return message->index >= raft->log.last;
}

/* A leader that may live holds our promise, or held it before we restarted. A leader counts as
 * hearing itself: replication_quorum_lost() ends that. */
static bool promised(const struct raft *raft)
{
    return raft->now.mono_us < raft->embargo_us || raft->now.mono_us < raft->promised_us ||
           raft->role == RAFT_LEADER;
}

static bool answer_pre_vote(struct raft *raft, const struct raft_message *message)
{
    bool granted = raft->trusted && message->term > raft->term && up_to_date(raft, message);
    struct raft_message *reply = queue_message(raft, RAFT_PRE_VOTE_REPLY, message->from);
    reply->granted = granted;
    if (granted) reply->term = message->term;
    reply->gate = 0; /* promises nothing */
    return granted;
}

static bool answer_vote(struct raft *raft, const struct raft_message *message)
{
    if (message->term > raft->term) become_follower(raft, message->term, 0);
    bool granted = raft->trusted && message->term == raft->term && up_to_date(raft, message) &&
                   (raft->vote == 0 || raft->vote == message->from);
    if (granted && raft->vote == 0) {
        raft->vote = message->from;
        raft->hard_dirty = true;
    }
    if (granted) {
        raft->role = RAFT_FOLLOWER; /* a pre-candidate gives way to whom it voted for */
        election_reset_timer(raft);
    }
    struct raft_message *reply = queue_message(raft, RAFT_VOTE_REPLY, message->from);
    reply->granted = granted;
    return granted;
}

/* Whether the one that asks is a member here, or this replica one, is not looked at (dissertation
 * 4.1): one of them may not know of a change yet. The candidate's membership says who counts, its
 * log whether it may win; and a removed replica disturbs no one who hears from a leader. */
void receive_vote_request(struct raft *raft, const struct raft_message *message)
{
    bool pre = message->type == RAFT_PRE_VOTE;
    bool bound = promised(raft) && !transfer_releases(raft, message);
    bool granted = false;
    if (!message->untrusted && !bound) {
        granted = pre ? answer_pre_vote(raft, message) : answer_vote(raft, message);
    }
    raft->counters.pre_votes_refused += pre && !granted;
    raft->counters.votes_refused += !pre && !granted;
}

void receive_vote_reply(struct raft *raft, const struct raft_message *message)
{
    if (!message->granted) {
        if (message->term > raft->term) become_follower(raft, message->term, 0);
        return;
    }
    if (message->untrusted) return;
    if (message->type == RAFT_PRE_VOTE_REPLY) {
        if (raft->role != RAFT_PRE_CANDIDATE || message->term != raft->term + 1) return;
        note_vote(raft, message->from);
        if (votes_won(raft)) election_campaign(raft, 0);
    } else {
        if (raft->role != RAFT_CANDIDATE || message->term != raft->term) return;
        note_vote(raft, message->from);
        candidate_check(raft);
    }
}
