/* The harness of the tests that quote the paper.
 *
 * Server 1 is a real one, driven through raft.h; the test plays all the others: it says what they
 * say, and reads what server 1 answers. A log is written as the paper draws it, as the terms of
 * its entries: "1 1 2" is a log of three entries. Nothing happens by itself: time passes, and
 * writes become durable, when a test says so.
 *
 * Two things differ from the paper's server, and show in these tests: a pre-vote comes before each
 * election (dissertation 9.6), and a message that promises something carries a gate, the write
 * that must be on stable storage before it may leave. */
#ifndef QUARTET_TEST_PAPER_H
#define QUARTET_TEST_PAPER_H

#include <stdlib.h>

#include "../unit/raft/raft_solo.h"

/* The next number of a log like "1 1 2"; 0 at its end. */
static inline uint64_t paper_next_term(const char **log)
{
    char *end;
    uint64_t term = strtoull(*log, &end, 10);
    *log = end;
    return term;
}

/* A server that restarts in this term, as one of `servers`, with this log on its disk. Long enough
 * ago that no earlier promise binds it (see election.c), and not so long that it campaigns. */
static inline struct solo paper_server(uint32_t servers, uint64_t term, const char *log)
{
    struct solo server = solo_make(servers);
    server.restored.term = term;
    solo_create(&server);
    uint64_t entry_term;
    for (uint64_t i = 1; (entry_term = paper_next_term(&log)) != 0; i++) {
        solo_restore(&server, i, entry_term);
    }
    assert_int_equal(raft_term(server.raft), term);
    solo_start(&server);
    if (term > 1) server.now.mono_us += 2 * SOLO_TIMEOUT_US;
    return server;
}

/* Time passes until this server's election timer fires; enough others grant the pre-vote. */
static inline void paper_campaign(struct solo *server)
{
    uint64_t term = raft_term(server->raft) + 1;
    uint64_t deadline_us = raft_deadline_us(server->raft);
    solo_tick(server, deadline_us > server->now.mono_us ? deadline_us - server->now.mono_us : 0);
    for (uint32_t id = 2; id <= 9 && raft_role(server->raft) == RAFT_PRE_CANDIDATE; id++) {
        solo_vote_reply(server, id, RAFT_PRE_VOTE_REPLY, term, true);
    }
    assert_int_equal(raft_role(server->raft), RAFT_CANDIDATE);
    assert_int_equal(raft_term(server->raft), term);
}

/* The candidate's own vote becomes durable, and enough others grant theirs. */
static inline void paper_win(struct solo *server)
{
    solo_durable(server);
    for (uint32_t id = 2; id <= 9 && raft_role(server->raft) != RAFT_LEADER; id++) {
        solo_vote_reply(server, id, RAFT_VOTE_REPLY, raft_term(server->raft), true);
    }
    assert_int_equal(raft_role(server->raft), RAFT_LEADER);
}

/* A candidate in this term. Its last step's messages are its RequestVotes. */
static inline struct solo paper_candidate(uint32_t servers, uint64_t term, const char *log)
{
    struct solo server = paper_server(servers, term - 1, log);
    if (servers > 1) paper_campaign(&server); /* alone, it has begun by itself */
    return server;
}

/* The leader of this term: its log, then the no-op of its term. Its last step is its election, so
 * the messages are its first heartbeats; what it appended is not durable yet. */
static inline struct solo paper_elected(uint32_t servers, uint64_t term, const char *log)
{
    struct solo server = paper_candidate(servers, term, log);
    paper_win(&server);
    return server;
}

/* The same, and what it appended is durable. */
static inline struct solo paper_leader(uint32_t servers, uint64_t term, const char *log)
{
    struct solo server = paper_elected(servers, term, log);
    solo_durable(&server);
    return server;
}

/* A follower that heard from `leader` in this term; what that changed is durable. */
static inline struct solo paper_follower(uint32_t servers, uint64_t term, const char *log,
                                         uint32_t leader)
{
    struct solo server = paper_server(servers, term, log);
    solo_append(&server, leader, term, 0, 0, 0, 0, 0);
    solo_durable(&server);
    assert_int_equal(raft_leader(server.raft), leader);
    return server;
}

/* Its log is exactly this one. */
static inline void paper_assert_log(const struct solo *server, const char *log)
{
    uint64_t index = 0;
    uint64_t term;
    while ((term = paper_next_term(&log)) != 0) {
        assert_int_equal(raft_term_at(server->raft, ++index), term);
    }
    assert_int_equal(raft_last_index(server->raft), index);
}

/* "1 2 +4": voters 1 and 2, and 4 that learns. */
static inline struct raft_members paper_members(const char *list)
{
    struct raft_members members = {.count = 0};
    for (const char *at = list; *at != '\0';) {
        bool learner = *at == '+';
        char *end;
        uint32_t id = (uint32_t)strtoul(at + learner, &end, 10);
        members.member[members.count++] =
            (struct raft_member){.id = id, .learner = learner, .address_size = 1, .address = "x"};
        for (at = end; *at == ' '; at++) {}
    }
    return members;
}

/* C_old,new: the voters of both lists. */
static inline struct raft_members paper_joint(const char *old_list, const char *new_list)
{
    struct raft_members old = paper_members(old_list), new = paper_members(new_list);
    struct raft_members joint = {.count = 0};
    for (uint32_t id = 1; id <= RAFT_MEMBERS_MAX; id++) {
        const struct raft_member *in_old = NULL, *in_new = NULL;
        for (uint32_t i = 0; i < old.count; i++) {
            if (old.member[i].id == id) in_old = &old.member[i];
        }
        for (uint32_t i = 0; i < new.count; i++) {
            if (new.member[i].id == id) in_new = &new.member[i];
        }
        if (in_old == NULL && in_new == NULL) continue;
        struct raft_member *member = &joint.member[joint.count++];
        *member = in_new != NULL ? *in_new : *in_old;
        member->outgoing = in_old != NULL;
        member->leaving = in_new == NULL;
    }
    return joint;
}

/* An entry of this configuration is on the disk already. */
static inline void paper_restore_members(struct solo *server, uint64_t index, uint64_t term,
                                         const struct raft_members *members)
{
    struct buffer data = {0};
    raft_members_encode(members, &data);
    struct raft_entry entry = {
        .index = index, .term = term, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&data)};
    raft_restore_entry(server->raft, &entry);
    buffer_free(&data);
}

/* Server 1 in term 2, founded as one of these; its log is entry 1, and as entry 2 the configuration
 * `latest`, of which it does not know whether it is committed. */
static inline struct solo paper_configured(const char *founded, const struct raft_members *latest)
{
    struct solo server = solo_make(0);
    server.restored.term = 2;
    server.restored.members = paper_members(founded);
    solo_create(&server);
    solo_restore(&server, 1, 1);
    paper_restore_members(&server, 2, 2, latest);
    solo_start(&server);
    server.now.mono_us += 2 * SOLO_TIMEOUT_US;
    return server;
}

static inline void paper_assert_members(const struct solo *server,
                                        const struct raft_members *expected)
{
    struct buffer is = {0}, should_be = {0};
    raft_members_encode(raft_members(server->raft), &is);
    raft_members_encode(expected, &should_be);
    bool equal = slice_equal(buffer_slice(&is), buffer_slice(&should_be));
    buffer_free(&is);
    buffer_free(&should_be);
    assert_true(equal);
}

/* RequestVote from a server whose log ends at (index, index_term); NULL: no answer. */
static inline const struct raft_message *paper_ask_vote(struct solo *server, uint32_t from,
                                                        uint64_t term, uint64_t index,
                                                        uint64_t index_term)
{
    solo_receive(server, (struct raft_message){.type = RAFT_VOTE,
                                               .from = from,
                                               .term = term,
                                               .index = index,
                                               .index_term = index_term});
    return solo_sent(server, RAFT_VOTE_REPLY, from);
}

/* AppendEntries with entries of these terms after (index, index_term), from server 2. The answer
 * comes once its write is durable, so that is waited for; NULL: no answer. */
static inline const struct raft_message *paper_append(struct solo *server, uint64_t term,
                                                      uint64_t index, uint64_t index_term,
                                                      const char *entries, uint64_t commit)
{
    struct raft_entry list[16];
    uint32_t count = 0;
    uint64_t entry_term;
    while ((entry_term = paper_next_term(&entries)) != 0) {
        list[count] = (struct raft_entry){
            .index = index + 1 + count, .term = entry_term, .kind = RAFT_KIND_CALLER};
        count++;
    }
    solo_receive(server, (struct raft_message){.type = RAFT_APPEND,
                                               .from = 2,
                                               .term = term,
                                               .index = index,
                                               .index_term = index_term,
                                               .commit = commit,
                                               .round = 1,
                                               .entries_count = count,
                                               .entries = list});
    if (solo_sent(server, RAFT_APPEND_REPLY, 2) == NULL) solo_durable(server);
    return solo_sent(server, RAFT_APPEND_REPLY, 2);
}

/* A follower's answer to AppendEntries: refused, with the (index, term) where it may agree. */
static inline void paper_refuse(struct solo *server, uint32_t from, uint64_t index, uint64_t term)
{
    solo_receive(server, (struct raft_message){.type = RAFT_APPEND_REPLY,
                                               .from = from,
                                               .term = raft_term(server->raft),
                                               .index = index,
                                               .index_term = term,
                                               .round = 1});
}

#endif
