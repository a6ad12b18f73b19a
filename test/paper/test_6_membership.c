/* Section 6: "Cluster membership changes". From C_old = {1, 2, 3} to C_new = {1, 4, 5}, so that a
 * majority of one is none of the other; server 1 is in both. */
#include "paper.h"

static const char *const old_list = "1 2 3";
static const char *const new_list = "1 4 5";

/* Server 1 leads C_old with learners 4 and 5, which have caught up: as a change begins. Everything
 * up to the last index is committed. */
static struct solo ready_leader(void)
{
    struct raft_members learning = paper_members("1 2 3 +4 +5");
    struct solo server = paper_configured(old_list, &learning);
    paper_campaign(&server);
    paper_win(&server);
    solo_durable(&server);
    for (uint64_t round = 1; round <= 3; round++) {
        for (uint32_t id = 2; id <= 5; id++) solo_ack(&server, id, 3, round);
        solo_tick_deadline(&server);
    }
    assert_int_equal(raft_commit_index(server.raft), 3);
    return server;
}

/* The same, and the change to C_new has been asked for: entry 4 is C_old,new, durable here. */
static struct solo changing_leader(void)
{
    struct solo server = ready_leader();
    struct raft_members target = paper_members(new_list);
    assert_int_equal(raft_change_members(server.raft, server.now, &target), RAFT_CHANGE_OK);
    solo_flush(&server);
    return server;
}

/* Of which servers 2 to 5 a set consists: bit 0 is server 2. Do they, with server 1, make separate
 * majorities of both? */
static bool in_set(int set, uint32_t id)
{
    return (set >> (id - 2) & 1) != 0;
}

static bool separate_majorities(int set)
{
    bool of_old = in_set(set, 2) || in_set(set, 3);
    bool of_new = in_set(set, 4) || in_set(set, 5);
    return of_old && of_new;
}

/* "When the leader receives a request to change the configuration from C_old to C_new, it stores
 * the configuration for joint consensus (C_old,new) as a log entry and replicates that entry". */
static void the_leader_stores_the_joint_configuration_as_a_log_entry(void **state)
{
    struct solo server = changing_leader();
    assert_int_equal(raft_last_index(server.raft), 4);
    assert_int_equal(raft_entry_at(server.raft, 4)->kind, RAFT_KIND_MEMBERS);
    struct raft_members joint = paper_joint(old_list, new_list), decoded;
    assert_true(raft_members_decode(raft_entry_at(server.raft, 4)->data, &decoded));
    assert_true(raft_members_joint(&decoded));
    paper_assert_members(&server, &joint);
    solo_free(&server);
}

/* "Log entries are replicated to all servers in both configurations." */
static void entries_are_replicated_to_all_servers_in_both_configurations(void **state)
{
    struct solo server = changing_leader();
    for (uint32_t id = 2; id <= 5; id++) {
        assert_int_equal(solo_sent(&server, RAFT_APPEND, id)->index, 3);
        assert_int_equal(solo_sent(&server, RAFT_APPEND, id)->entries_count, 1);
    }
    solo_free(&server);
}

/* "Any server from either configuration may serve as leader." */
static void any_server_from_either_configuration_may_serve_as_leader(void **state)
{
    static const char *const lists[][2] = {{"1 2 3", "2 3 4"}, {"2 3 4", "1 2 3"}};
    for (int i = 0; i < 2; i++) { /* one that is to go, one that is to come */
        struct raft_members joint = paper_joint(lists[i][0], lists[i][1]);
        struct solo server = paper_configured(lists[i][0], &joint);
        paper_append(&server, 2, 2, 2, "", 2); /* no earlier one is in force any more */
        paper_campaign(&server);
        paper_win(&server);
        solo_free(&server);
    }
}

/* "Agreement (for elections and entry commitment) requires separate majorities from both the old
 * and new configurations." */
static void elections_require_separate_majorities_from_both(void **state)
{
    for (int set = 0; set < 16; set++) {
        struct raft_members joint = paper_joint(old_list, new_list);
        struct solo server = paper_configured(old_list, &joint);
        paper_campaign(&server);
        solo_durable(&server);
        for (uint32_t id = 2; id <= 5; id++) {
            solo_vote_reply(&server, id, RAFT_VOTE_REPLY, 3, in_set(set, id));
        }
        assert_int_equal(raft_role(server.raft) == RAFT_LEADER, separate_majorities(set));
        solo_free(&server);
    }
}

/* "... and entry commitment". "This means that the leader will use the rules of C_old,new to
 * determine when the log entry for C_old,new is committed." */
static void the_joint_entry_is_committed_by_the_rules_of_both(void **state)
{
    for (int set = 0; set < 16; set++) {
        struct solo server = changing_leader();
        solo_durable(&server);
        for (uint32_t id = 2; id <= 5; id++) {
            if (in_set(set, id)) solo_ack(&server, id, 4, 1);
        }
        assert_int_equal(raft_commit_index(server.raft), separate_majorities(set) ? 4 : 3);
        solo_free(&server);
    }
}

/* "The joint consensus [...] allows the cluster to continue servicing client requests throughout
 * the configuration change." */
static void clients_are_served_throughout_the_change(void **state)
{
    struct solo server = changing_leader();
    assert_int_equal(solo_propose(&server, "x"), RAFT_PROPOSE_OK); /* 5 */
    solo_flush(&server);
    solo_durable(&server);
    solo_ack(&server, 2, 5, 1);
    solo_ack(&server, 4, 5, 1);
    assert_int_equal(raft_commit_index(server.raft), 5);
    assert_int_equal(solo_propose(&server, "y"), RAFT_PROPOSE_OK); /* after C_new, which is 6 */
    solo_flush(&server);
    solo_durable(&server);
    solo_ack(&server, 4, 7, 1);
    assert_int_equal(raft_commit_index(server.raft), 7);
    solo_free(&server);
}

/* "Once a given server adds the new configuration entry to its log, it uses that configuration for
 * all future decisions (a server always uses the latest configuration in its log, regardless of
 * whether the entry is committed)." */
static void a_server_always_uses_the_latest_configuration_in_its_log(void **state)
{
    struct solo server = paper_follower(3, 2, "1", 2);
    struct raft_members joint = paper_joint(old_list, new_list);
    struct buffer data = {0};
    raft_members_encode(&joint, &data);
    struct raft_entry entry = {
        .index = 2, .term = 2, .kind = RAFT_KIND_MEMBERS, .data = buffer_slice(&data)};
    solo_receive(&server, (struct raft_message){.type = RAFT_APPEND,
                                                .from = 2,
                                                .term = 2,
                                                .index = 1,
                                                .index_term = 1,
                                                .round = 1,
                                                .entries_count = 1,
                                                .entries = &entry});
    buffer_free(&data);
    assert_int_equal(raft_commit_index(server.raft), 0);
    paper_assert_members(&server, &joint);
    solo_durable(&server);
    paper_campaign(&server);
    for (uint32_t id = 2; id <= 5; id++) assert_non_null(solo_sent(&server, RAFT_VOTE, id));
    solo_free(&server);
}

/* "If the leader crashes, a new leader may be chosen under either C_old or C_old,new, depending on
 * whether the winning candidate has received C_old,new." */
static void a_new_leader_is_chosen_under_the_configuration_that_it_has(void **state)
{
    for (int received = 0; received < 2; received++) {
        struct raft_members latest = paper_members(old_list);
        if (received) latest = paper_joint(old_list, new_list);
        struct solo server = paper_configured(old_list, &latest);
        paper_campaign(&server);
        solo_durable(&server);
        solo_vote_reply(&server, 2, RAFT_VOTE_REPLY, 3, true); /* a majority of C_old */
        assert_int_equal(raft_role(server.raft) == RAFT_LEADER, !received);
        solo_vote_reply(&server, 5, RAFT_VOTE_REPLY, 3, true);
        assert_int_equal(raft_role(server.raft), RAFT_LEADER);
        solo_free(&server);
    }
}

/* "Once C_old,new has been committed [...] it is now safe for the leader to create a log entry
 * describing C_new and replicate it to the cluster." */
static void once_the_joint_entry_is_committed_the_leader_creates_c_new(void **state)
{
    struct solo server = changing_leader();
    struct raft_members target = paper_members(new_list);
    solo_durable(&server);
    solo_ack(&server, 2, 4, 1);
    assert_int_equal(raft_last_index(server.raft), 4); /* not before */
    solo_ack(&server, 4, 4, 1);
    assert_int_equal(raft_last_index(server.raft), 5);
    paper_assert_members(&server, &target); /* "as soon as it is seen" */
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 4)->entries_count, 1);
    solo_free(&server);

    struct raft_members joint = paper_joint(old_list, new_list); /* a later leader goes on */
    server = paper_configured(old_list, &joint);
    paper_campaign(&server);
    paper_win(&server);
    solo_durable(&server);
    solo_ack(&server, 3, 3, 1);
    solo_ack(&server, 4, 3, 1);
    assert_int_equal(raft_last_index(server.raft), 4);
    paper_assert_members(&server, &target);
    solo_free(&server);
}

/* "When the new configuration has been committed under the rules of C_new, the old configuration is
 * irrelevant and servers not in the new configuration can be shut down." */
static void c_new_is_committed_under_its_own_rules(void **state)
{
    struct solo server = changing_leader();
    solo_durable(&server);
    solo_ack(&server, 2, 4, 1);
    solo_ack(&server, 4, 4, 1);
    solo_durable(&server);
    solo_ack(&server, 2, 5, 1);
    solo_ack(&server, 3, 5, 1); /* a majority of C_old has no say any more */
    assert_int_equal(raft_commit_index(server.raft), 4);
    solo_ack(&server, 5, 5, 1);
    assert_int_equal(raft_commit_index(server.raft), 5);
    solo_tick_deadline(&server);
    assert_null(solo_sent(&server, RAFT_APPEND, 2));
    assert_non_null(solo_sent(&server, RAFT_APPEND, 4));
    solo_free(&server);
}

/* "The new servers join the cluster as non-voting members (the leader replicates log entries to
 * them, but they are not considered for majorities)." */
static void new_servers_are_not_considered_for_majorities(void **state)
{
    struct solo server = ready_leader();
    solo_propose(&server, "x");
    solo_flush(&server);
    solo_durable(&server);
    assert_int_equal(solo_sent_count(&server, RAFT_APPEND), 0);
    solo_ack(&server, 4, 4, 1);
    solo_ack(&server, 5, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 3); /* three of five hold it, one of C_old */
    solo_ack(&server, 3, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 4);
    solo_free(&server);

    struct raft_members learning = paper_members("1 2 3 +4 +5");
    server = paper_configured(old_list, &learning);
    paper_campaign(&server);
    assert_null(solo_sent(&server, RAFT_VOTE, 4));
    solo_durable(&server);
    solo_vote_reply(&server, 4, RAFT_VOTE_REPLY, 3, true);
    solo_vote_reply(&server, 5, RAFT_VOTE_REPLY, 3, true);
    assert_int_equal(raft_role(server.raft), RAFT_CANDIDATE);
    solo_free(&server);
}

/* "In this case [the leader is not part of C_new], the leader steps down (returns to follower
 * state) once it has committed the C_new log entry. This means that there will be a period of time
 * (while it is committing C_new) when the leader is managing a cluster that does not include
 * itself; it replicates log entries but does not count itself in majorities." */
static void a_leader_that_is_not_in_c_new_steps_down_once_that_is_committed(void **state)
{
    struct raft_members joint = paper_joint("1 2 3", "2 3");
    struct solo server = paper_configured("1 2 3", &joint);
    paper_campaign(&server);
    paper_win(&server);
    solo_durable(&server);
    solo_ack(&server, 2, 3, 1);
    solo_ack(&server, 3, 3, 1);
    solo_durable(&server);
    struct raft_members target = paper_members("2 3");
    paper_assert_members(&server, &target);
    solo_ack(&server, 2, 4, 1); /* with its own copy that would be two */
    assert_int_equal(raft_commit_index(server.raft), 3);
    assert_int_equal(raft_role(server.raft), RAFT_LEADER);
    solo_ack(&server, 3, 4, 1);
    assert_int_equal(raft_commit_index(server.raft), 4);
    assert_int_equal(raft_role(server.raft), RAFT_FOLLOWER);
    assert_int_equal(solo_sent(&server, RAFT_APPEND, 3)->commit, 4); /* the others are told */
    solo_tick(&server, 10 * SOLO_TIMEOUT_US);
    assert_int_equal(server.output.messages_count, 0); /* and it is gone */
    solo_free(&server);
}

/* "To prevent this problem [of removed servers that disrupt the cluster], servers disregard
 * RequestVote RPCs when they believe a current leader exists." */
static void servers_disregard_request_vote_when_they_believe_a_leader_exists(void **state)
{
    struct raft_members latest = paper_members("1 2 3");
    struct solo server = paper_configured("1 2 3 4", &latest); /* 4 was removed */
    solo_append(&server, 2, 3, 2, 2, 0, 0, 0);
    solo_durable(&server);
    server.now.mono_us += SOLO_TIMEOUT_US - 1;
    assert_null(paper_ask_vote(&server, 4, 9, 2, 2));
    assert_int_equal(raft_term(server.raft), 3);
    assert_int_equal(raft_leader(server.raft), 2);
    solo_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leader_stores_the_joint_configuration_as_a_log_entry),
        cmocka_unit_test(entries_are_replicated_to_all_servers_in_both_configurations),
        cmocka_unit_test(any_server_from_either_configuration_may_serve_as_leader),
        cmocka_unit_test(elections_require_separate_majorities_from_both),
        cmocka_unit_test(the_joint_entry_is_committed_by_the_rules_of_both),
        cmocka_unit_test(clients_are_served_throughout_the_change),
        cmocka_unit_test(a_server_always_uses_the_latest_configuration_in_its_log),
        cmocka_unit_test(a_new_leader_is_chosen_under_the_configuration_that_it_has),
        cmocka_unit_test(once_the_joint_entry_is_committed_the_leader_creates_c_new),
        cmocka_unit_test(c_new_is_committed_under_its_own_rules),
        cmocka_unit_test(new_servers_are_not_considered_for_majorities),
        cmocka_unit_test(a_leader_that_is_not_in_c_new_steps_down_once_that_is_committed),
        cmocka_unit_test(servers_disregard_request_vote_when_they_believe_a_leader_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
