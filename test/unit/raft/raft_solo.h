/* One replica, and a hand that plays everyone else: messages are fed and read one by one. */
#ifndef QUARTET_TEST_RAFT_SOLO_H
#define QUARTET_TEST_RAFT_SOLO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "raft/raft.h"

enum {
    SOLO_TIMEOUT_US = 100000,
    SOLO_HEARTBEAT_US = 10000,
    SOLO_MESSAGES_MAX = 256,
};

/* The replica is number 1. */
struct solo {
    struct raft_config config;
    struct raft_restored restored;
    struct raft *raft;
    struct raft_time now;
    uint64_t sequence;
    struct raft_output output; /* of the last flush; its messages are the copies below */
    struct raft_message messages[SOLO_MESSAGES_MAX];
};

static inline struct raft_members solo_members(uint32_t count)
{
    struct raft_members members = {.count = count};
    for (uint32_t i = 0; i < count; i++) {
        members.member[i] = (struct raft_member){.id = i + 1, .address_size = 1, .address = "x"};
    }
    return members;
}

/* Not started: restore what the test needs first. Term 1, as founded, but by snapshot at 0. */
static inline struct solo solo_make(uint32_t members)
{
    struct solo solo = {
        .config = {.self = 1,
                   .election_timeout_us = SOLO_TIMEOUT_US,
                   .heartbeat_us = SOLO_HEARTBEAT_US,
                   .append_bytes_max = 100,
                   .inflight_messages_max = 3,
                   .uncommitted_bytes_max = 100000,
                   .seed = 7},
        .restored = {.term = 1, .trusted = true},
        .now = {.mono_us = 5000000, .wall_us = 9000000},
    };
    solo.restored.members = solo_members(members);
    solo.restored.members.count = members;
    return solo;
}

static inline void solo_create(struct solo *solo)
{
    solo->raft = raft_create(&solo->config, &solo->restored);
}

/* An entry of this term is on the disk already. */
static inline void solo_restore(struct solo *solo, uint64_t index, uint64_t term)
{
    struct raft_entry entry = {.index = index, .term = term, .kind = RAFT_KIND_CALLER};
    raft_restore_entry(solo->raft, &entry);
}

static inline void solo_flush(struct solo *solo)
{
    raft_take_output(solo->raft, solo->sequence + 1, &solo->output);
    if (solo->output.hard_state || solo->output.persist_first != 0) solo->sequence++;
    assert_true(solo->output.messages_count <= SOLO_MESSAGES_MAX);
    if (solo->output.messages_count > 0) {
        memcpy(solo->messages, solo->output.messages,
               solo->output.messages_count * sizeof *solo->messages);
    }
}

static inline void solo_start(struct solo *solo)
{
    raft_start(solo->raft, solo->now);
    solo_flush(solo);
}

static inline void solo_durable(struct solo *solo)
{
    raft_durable(solo->raft, solo->now, solo->sequence);
    solo_flush(solo);
}

static inline void solo_receive(struct solo *solo, struct raft_message message)
{
    message.to = 1;
    raft_receive(solo->raft, solo->now, &message);
    solo_flush(solo);
}

static inline void solo_tick(struct solo *solo, uint64_t after_us)
{
    solo->now.mono_us += after_us;
    solo->now.wall_us += after_us;
    raft_tick(solo->raft, solo->now);
    solo_flush(solo);
}

static inline void solo_tick_deadline(struct solo *solo)
{
    solo_tick(solo, raft_deadline_us(solo->raft) - solo->now.mono_us);
}

/* The last one of this type to that peer in the last flush, or NULL. */
static inline const struct raft_message *solo_sent(const struct solo *solo,
                                                   enum raft_message_type type, uint32_t to)
{
    for (uint32_t i = solo->output.messages_count; i-- > 0;) {
        if (solo->messages[i].type == type && solo->messages[i].to == to) return &solo->messages[i];
    }
    return NULL;
}

static inline uint32_t solo_sent_count(const struct solo *solo, enum raft_message_type type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < solo->output.messages_count; i++) {
        count += solo->messages[i].type == type;
    }
    return count;
}

static inline void solo_vote_reply(struct solo *solo, uint32_t from, enum raft_message_type type,
                                   uint64_t term, bool granted)
{
    solo_receive(
        solo, (struct raft_message){.type = type, .from = from, .term = term, .granted = granted});
}

/* Elected by everyone; what that wrote is durable. */
static inline void solo_lead(struct solo *solo)
{
    uint32_t count = raft_members(solo->raft)->count;
    if (raft_role(solo->raft) != RAFT_LEADER) solo_tick_deadline(solo);
    uint64_t term = raft_term(solo->raft) + 1;
    for (uint32_t id = 2; id <= count && raft_role(solo->raft) != RAFT_CANDIDATE; id++) {
        solo_vote_reply(solo, id, RAFT_PRE_VOTE_REPLY, term, true);
    }
    solo_durable(solo);
    for (uint32_t id = 2; id <= count && raft_role(solo->raft) != RAFT_LEADER; id++) {
        solo_vote_reply(solo, id, RAFT_VOTE_REPLY, term, true);
    }
    assert_int_equal(raft_role(solo->raft), RAFT_LEADER);
}

/* The first of so many voters leads, and its first entry is durable here alone. */
static inline struct solo solo_leading(uint32_t members)
{
    struct solo solo = solo_make(members);
    solo_create(&solo);
    solo_start(&solo);
    solo_lead(&solo);
    solo_durable(&solo);
    return solo;
}

/* A follower's word: all up to `index` is durable there. */
static inline void solo_ack(struct solo *solo, uint32_t from, uint64_t index, uint64_t round)
{
    solo_receive(solo, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                             .from = from,
                                             .term = raft_term(solo->raft),
                                             .granted = true,
                                             .index = index,
                                             .last_index = index,
                                             .round = round});
}

static inline enum raft_propose_result solo_propose(struct solo *solo, const char *text)
{
    uint64_t index;
    return raft_propose(solo->raft, solo->now, RAFT_KIND_CALLER, 1, slice_text(text), &index);
}

/* A heartbeat, or with `count` entries of `entry_term` after `index`. */
static inline void solo_append(struct solo *solo, uint32_t from, uint64_t term, uint64_t index,
                               uint64_t index_term, uint32_t count, uint64_t entry_term,
                               uint64_t commit)
{
    struct raft_entry entries[64];
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (struct raft_entry){
            .index = index + 1 + i, .term = entry_term, .kind = RAFT_KIND_CALLER};
    }
    solo_receive(solo, (struct raft_message){.type = RAFT_APPEND,
                                             .from = from,
                                             .term = term,
                                             .index = index,
                                             .index_term = index_term,
                                             .commit = commit,
                                             .round = 1,
                                             .entries_count = count,
                                             .entries = entries});
}

static inline void solo_free(struct solo *solo)
{
    raft_destroy(solo->raft);
    solo->raft = NULL;
}

#endif
