/* Memberships of one replica under a hand: what the tests of their changes begin with. */
#ifndef QUARTET_TEST_RAFT_MEMBERS_H
#define QUARTET_TEST_RAFT_MEMBERS_H

#include "raft_solo.h"

static inline void member_set(struct raft_members *members, uint32_t id, bool learner)
{
    uint32_t at = 0;
    while (at < members->count && members->member[at].id < id) at++;
    if (at == members->count || members->member[at].id != id) {
        for (uint32_t i = members->count++; i > at; i--)
            members->member[i] = members->member[i - 1];
    }
    members->member[at] =
        (struct raft_member){.id = id, .learner = learner, .address_size = 1, .address = "x"};
}

static inline void member_drop(struct raft_members *members, uint32_t id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id != id) members->member[kept++] = members->member[i];
    }
    members->count = kept;
}

/* Voters 1, 2 and 3, the first of which leads, settled, everything committed; and learners 4 and 5
 * as yet unheard. The last index is 2. */
static inline struct solo leader_with_learners(void)
{
    struct solo solo = solo_leading(3);
    solo_ack(&solo, 2, 1, 1);
    struct raft_members target = *raft_members(solo.raft);
    member_set(&target, 4, true);
    member_set(&target, 5, true);
    assert_int_equal(raft_change_members(solo.raft, solo.now, &target), RAFT_CHANGE_OK);
    solo_flush(&solo);
    solo_durable(&solo);
    solo_ack(&solo, 2, 2, 1);
    assert_int_equal(raft_commit_index(solo.raft), 2);
    return solo;
}

/* A heartbeat, answered by all: each says that it holds all up to `index`. */
static inline void round_of_acks(struct solo *solo, uint64_t index, uint64_t round)
{
    solo_tick_deadline(solo);
    for (uint32_t id = 2; id <= 5; id++) solo_ack(solo, id, index, round);
}

static inline struct solo leader_with_ready_learners(void)
{
    struct solo solo = leader_with_learners();
    round_of_acks(&solo, 2, 2);
    round_of_acks(&solo, 2, 3);
    return solo;
}

/* To {1, 4, 5}: both sides hold the leader, and neither majority is within the other. */
static inline enum raft_change_result change_to_145(struct solo *solo)
{
    struct raft_members target = solo_members(5);
    member_drop(&target, 2);
    member_drop(&target, 3);
    enum raft_change_result result = raft_change_members(solo->raft, solo->now, &target);
    solo_flush(solo);
    return result;
}

static inline struct solo leader_in_joint(void)
{
    struct solo solo = leader_with_ready_learners();
    assert_int_equal(change_to_145(&solo), RAFT_CHANGE_OK);
    solo_durable(&solo);
    return solo;
}

#endif
