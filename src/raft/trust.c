/* Replicas that lost what they had promised: new or wiped disks, damage, writes that an operating
 * system crash may have undone. Such a replica may have voted, or acknowledged entries, and not
 * know it. It is untrusted: it does not campaign, its votes and acknowledgements count for
 * nothing, until it holds everything that a leader, confirmed by a quorum *after* the first
 * contact, had at that contact. Then it records its vote in this term as cast for that leader.
 *
 * Why this suffices. Let X be the replica, L the leader of term t that confirms.
 * - Entries: what was committed with X's forgotten help in a term up to t is in L's log at first
 *   contact (leader completeness, or L itself counted X). In a later term it cannot have been: the
 *   leader of that term needed a quorum, which shares a trusted replica with the one that
 *   confirmed L afterwards, and that one would no longer have answered in term t.
 * - Votes: in term t the recorded vote agrees with who won. In an earlier term none are given. In
 *   a later term X may have voted for a candidate that has not won yet, and that may win with votes
 *   of others who then know less than X: not even X's acknowledgements may count meanwhile. A
 *   candidacy ends within one maximum election timeout (election.c), and for so long after its
 *   start X stays untrusted (embargo_us).
 * This needs the quorum to be counted without X, and a new first contact each time X comes back:
 * a lost connection or a match that fell begins it anew. */
#include "raft/raft_internal.h"

uint64_t quorum_round(const struct raft *raft)
{
    const struct raft_members *members = members_of(raft);
    uint64_t rounds[RAFT_MEMBERS_MAX];
    for (uint32_t i = 0; i < members->count; i++) {
        const struct peer *peer = &raft->peers[i];
        if (members->member[i].id == raft->config.self)
            rounds[i] = raft->round;
        else
            rounds[i] = peer->trusted ? peer->round : 0;
    }
    return members_quorum(members, rounds);
}

void trust_note_reply(struct raft *raft, struct peer *peer, const struct raft_message *message)
{
    peer->trusted = !message->untrusted;
    if (peer->trusted) {
        peer->contacted = false;
        return;
    }
    if (message->index < peer->match) peer->contacted = false; /* it lost its log once more */
    if (peer->contacted) return;
    peer->contacted = true;
    peer->contact_round = raft->round;
    peer->contact_index = raft->log.last;
}

uint64_t trust_target(const struct raft *raft, const struct peer *peer)
{
    if (peer->trusted || !peer->contacted) return 0;
    /* Only rounds that began after the contact say anything about what came before it. */
    return quorum_round(raft) > peer->contact_round ? peer->contact_index : 0;
}

void trust_check(struct raft *raft)
{
    if (raft->now.mono_us < raft->embargo_us) return;
    if (raft->trusted || raft->leader == 0 || raft->trust_index == 0) return;
    if (raft->matched < raft->trust_index || raft->log.durable < raft->trust_index) return;
    raft->trusted = true;
    raft->vote = raft->leader;
    raft->hard_dirty = true;
    raft->reply_due = true;
    raft->replied.type = 0; /* as yet it was said untrusted */
}
