/* Leadership transfer (dissertation 3.10): the leader stops taking proposals, brings the target up
 * to date, and tells it to campaign at once (TIMEOUT_NOW); after one election timeout it goes on
 * leading, if it still does.
 *
 * The target's campaign skips pre-vote, and who heard from the leader votes for it all the same:
 * the leader itself asks to be replaced. Why that does not break a lease (read.c): votes are
 * released from promises to one leader only, to whoever sent TIMEOUT_NOW, and only from those that
 * it no longer relies on.
 * - Before it sends TIMEOUT_NOW, the leader of term t sets a block of round numbers aside, up to R
 *   (`lease_round`), and earns no lease from them. What rounds it begins until the transfer ends
 *   are of that block; when it gives the transfer up, it goes on from R + 1, and earns leases anew.
 * - TIMEOUT_NOW and the target's VOTE for term t + 1 carry R. They may arrive at any later time. A
 *   voter in term t lets go of its promise only if it has heard no round above R: so it took no
 *   part in a lease that could still run. One that heard R + 1 holds its promise. So does the
 *   target itself.
 * - A voter in another term, or restarted so lately that it may have forgotten what it heard
 *   (embargo_us), does not let go.
 * - A promise to the leader of an earlier term need not be kept: its lease ended before the leader
 *   of term t was elected. */
#include "base/assert.h"
#include "raft/raft_internal.h"

/* More than an election timeout has room for. */
#define TRANSFER_ROUNDS (UINT64_C(1) << 32)

static bool may_take_over(const struct raft *raft, int place)
{
    if (place < 0 || !raft->peers[place].trusted) return false;
    const struct raft_members *members = members_of(raft);
    return members_is_voter(members, members->member[place].id) && !members->member[place].leaving;
}

enum raft_transfer_result raft_transfer(struct raft *raft, struct raft_time now, uint32_t peer)
{
    note_time(raft, now);
    if (raft->role != RAFT_LEADER) return RAFT_TRANSFER_NOT_LEADER;
    if (raft->transfer_to != 0) return RAFT_TRANSFER_BUSY;
    int place = raft_members_place(members_of(raft), peer);
    if (peer == raft->config.self || !may_take_over(raft, place)) return RAFT_TRANSFER_NOT_VOTER;
    raft->transfer_to = peer;
    raft->transfer_until_us = raft->now.mono_us + raft->config.election_timeout_us;
    return RAFT_TRANSFER_OK;
}

uint32_t raft_transferring(const struct raft *raft)
{
    return raft->transfer_to;
}

static bool transfer_sent(const struct raft *raft)
{
    return raft->transfer_to != 0 && raft->round < raft->lease_round;
}

static void transfer_give_up(struct raft *raft)
{
    if (transfer_sent(raft)) raft->round = raft->lease_round;
    raft->transfer_to = 0;
}

void transfer_turn(struct raft *raft)
{
    if (raft->transfer_to == 0) return;
    int place = raft_members_place(members_of(raft), raft->transfer_to);
    if (!may_take_over(raft, place) || raft->now.mono_us >= raft->transfer_until_us) {
        transfer_give_up(raft);
        return;
    }
    if (transfer_sent(raft) || raft->peers[place].match < raft->log.last) return;
    raft->lease_round = raft->round + TRANSFER_ROUNDS;
    queue_message(raft, RAFT_TIMEOUT_NOW, raft->transfer_to)->round = raft->lease_round;
}

void receive_timeout_now(struct raft *raft, const struct raft_message *message)
{
    if (message->term != raft->term || message->round == 0) return;
    if (raft->role != RAFT_FOLLOWER || raft->leader != message->from) return;
    if (!election_may_campaign(raft) || raft->now.mono_us < raft->embargo_us) return;
    if (raft->round_heard > message->round) return; /* the leader gave the transfer up */
    raft->counters.transfers++;
    election_campaign(raft, message->round);
}

bool transfer_releases(const struct raft *raft, const struct raft_message *vote)
{
    if (vote->type != RAFT_VOTE || vote->round == 0) return false;
    if (vote->term != raft->term + 1 || raft->now.mono_us < raft->embargo_us) return false;
    if (raft->role != RAFT_LEADER) return raft->round_heard <= vote->round;
    return transfer_sent(raft) && raft->transfer_to == vote->from &&
           raft->lease_round == vote->round;
}
