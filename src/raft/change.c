/* Changes of the membership by joint consensus (section 6 of the paper; dissertation 4.3), one at a
 * time, and learners that catch up first (dissertation 4.2.1).
 *
 * C_old -> C_old,new -> C_new: no moment in which C_old and C_new could each decide alone. The
 * second step is taken by whoever leads when C_old,new is committed, so a change that got that far
 * ends by itself; one that did not may fall back with the log. Where the voters stay the same there
 * is nothing to join: one entry does it.
 *
 * A change waits until the leader has committed an entry of its own term, and until the change
 * before it is committed: what changed must be known to have. (In single-step changes the lack of
 * the first was a bug: two leaders could each overlap with C_old and not with one another.) */
#include "base/assert.h"
#include "raft/raft_internal.h"

static bool target_valid(const struct raft_members *target)
{
    struct buffer encoded = {0};
    struct raft_members decoded;
    if (target->count > RAFT_MEMBERS_MAX) return false;
    raft_members_encode(target, &encoded);
    bool valid = raft_members_decode(buffer_slice(&encoded), &decoded);
    buffer_free(&encoded);
    return valid && !raft_members_joint(target);
}

static bool same_voters(const struct raft_members *a, const struct raft_members *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t id = a->member[i].id;
        if (members_is_voter(a, id) != members_is_voter(b, id)) return false;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t id = b->member[i].id;
        if (members_is_voter(a, id) != members_is_voter(b, id)) return false;
    }
    return true;
}

/* Whoever votes in the target and not now has to have caught up as a learner. */
static bool new_voters_caught_up(const struct raft *raft, const struct raft_members *target)
{
    const struct raft_members *members = members_of(raft);
    for (uint32_t i = 0; i < target->count; i++) {
        uint32_t id = target->member[i].id;
        if (target->member[i].learner || members_is_voter(members, id)) continue;
        int place = raft_members_place(members, id);
        if (place < 0 || !replication_caught_up(raft, &raft->peers[place])) return false;
    }
    return true;
}

/* What is to decide must be able to: an operator who removes the nodes that work, and keeps the
 * broken ones, would stop the cluster for good. */
static bool quorum_works(const struct raft *raft, const struct raft_members *target)
{
    const struct raft_members *members = members_of(raft);
    uint64_t works[RAFT_MEMBERS_MAX] = {0};
    for (uint32_t i = 0; i < target->count; i++) {
        uint32_t id = target->member[i].id;
        int place = raft_members_place(members, id);
        if (place < 0) continue;
        const struct peer *peer = &raft->peers[place];
        uint64_t silent_us = raft->now.mono_us - peer->heard_us;
        bool heard = peer->heard_us != 0 && silent_us < raft->config.election_timeout_us;
        works[i] = id == raft->config.self || (peer->trusted && heard);
    }
    return members_quorum(target, works) == 1;
}

/* C_old,new: the target, and beside it the voters of C_old that are not in it. A learner that is
 * not in the target goes at once. False when they are too many. */
static bool join(const struct raft_members *old, const struct raft_members *target,
                 struct raft_members *joint)
{
    uint32_t a = 0;
    uint32_t b = 0;
    joint->count = 0;
    while (a < old->count || b < target->count) {
        uint64_t from_old = a < old->count ? old->member[a].id : UINT64_MAX; /* above any id */
        uint64_t from_target = b < target->count ? target->member[b].id : UINT64_MAX;
        bool stays = from_target <= from_old;
        bool outgoing = from_old <= from_target && !old->member[a].learner;
        if (stays || outgoing) {
            if (joint->count == RAFT_MEMBERS_MAX) return false;
            struct raft_member *member = &joint->member[joint->count++];
            *member = stays ? target->member[b] : old->member[a];
            member->outgoing = outgoing;
            member->leaving = !stays;
        }
        a += from_old <= from_target;
        b += stays;
    }
    return true;
}

/* C_new, out of C_old,new. */
static void part(const struct raft_members *joint, struct raft_members *target)
{
    target->count = 0;
    for (uint32_t i = 0; i < joint->count; i++) {
        if (joint->member[i].leaving) continue;
        struct raft_member *member = &target->member[target->count++];
        *member = joint->member[i];
        member->outgoing = false;
    }
}

static void append_members(struct raft *raft, const struct raft_members *members)
{
    struct buffer encoded = {0};
    raft_members_encode(members, &encoded);
    struct raft_entry entry = {
        .index = raft->log.last + 1,
        .term = raft->term,
        .kind = RAFT_KIND_MEMBERS,
        .version = 1,
        .data = buffer_slice(&encoded),
    };
    raft_log_time(raft, raft->now, &entry.elapsed_us, &entry.wall_us);
    append_entry(raft, &entry);
    buffer_free(&encoded);
}

static enum raft_change_result change_allowed(const struct raft *raft,
                                              const struct raft_members *target)
{
    const struct raft_members *members = members_of(raft);
    if (raft->role != RAFT_LEADER) return RAFT_CHANGE_NOT_LEADER;
    if (!target_valid(target)) return RAFT_CHANGE_INVALID_TARGET;
    if (!raft_settled(raft)) return RAFT_CHANGE_NOT_SETTLED;
    if (members_index(&raft->history) > raft->commit || raft_members_joint(members)) {
        return RAFT_CHANGE_UNDER_WAY;
    }
    if (raft->transfer_to != 0) return RAFT_CHANGE_TRANSFER;
    if (members_equal(members, target)) return RAFT_CHANGE_NOTHING_TO_DO;
    if (same_voters(members, target)) return RAFT_CHANGE_OK;
    if (!new_voters_caught_up(raft, target)) return RAFT_CHANGE_NOT_CAUGHT_UP;
    if (!quorum_works(raft, target)) return RAFT_CHANGE_NO_QUORUM;
    return RAFT_CHANGE_OK;
}

enum raft_change_result raft_change_members(struct raft *raft, struct raft_time now,
                                            const struct raft_members *target)
{
    note_time(raft, now);
    enum raft_change_result result = change_allowed(raft, target);
    if (result != RAFT_CHANGE_OK) return result;
    struct raft_members joint;
    if (same_voters(members_of(raft), target)) {
        append_members(raft, target);
    } else {
        if (!join(members_of(raft), target, &joint)) return RAFT_CHANGE_TOO_MANY;
        append_members(raft, &joint);
    }
    return RAFT_CHANGE_OK;
}

/* The voter that holds most of the log campaigns at once, as in a transfer (transfer.c), but for
 * good: no round will follow the last one. Should it not win, an election timeout ends that. */
static void hand_over(struct raft *raft)
{
    const struct raft_members *members = members_of(raft);
    uint64_t most = 0;
    uint32_t best = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        const struct peer *peer = &raft->peers[i];
        bool voter = members_is_voter(members, members->member[i].id);
        if (!voter || !peer->trusted || peer->match <= most) continue;
        most = peer->match;
        best = members->member[i].id;
    }
    if (best != 0) queue_message(raft, RAFT_TIMEOUT_NOW, best)->round = raft->round;
}

void change_committed(struct raft *raft)
{
    if (raft->role != RAFT_LEADER || members_index(&raft->history) > raft->commit) return;
    const struct raft_members *members = members_of(raft);
    if (raft_members_joint(members)) {
        struct raft_members target;
        part(members, &target);
        append_members(raft, &target);
    } else if (!members_is_voter(members, raft->config.self)) {
        replication_heartbeat(raft); /* all hear that it is committed */
        hand_over(raft);
        become_follower(raft, raft->term, 0);
    }
}
