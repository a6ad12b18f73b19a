/* What is said of a group that there is not, or cannot be read: it ends the connection, and never
 * reaches another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster.h"
#include "node/peers/message.h"
#include "tiny.h"
#include "wire/peer.h"

enum { STRANGE = 7 };

static struct cluster *three(void)
{
    struct node_config config = {.machine = &tiny_machine, .protocol = &tiny_protocol};
    node_config_defaults(&config);
    struct cluster *cluster = cluster_new(3, &config);
    cluster_run(cluster, 3000000);
    assert_int_not_equal(cluster_leader(cluster), 0);
    return cluster;
}

/* The end of an open connection, at `node`, on which another node talks to it. */
static struct cluster_wire *heard_by(struct cluster *cluster, uint32_t node)
{
    for (size_t i = 0; i < CLUSTER_WIRES_MAX; i++) {
        struct cluster_wire *wire = &cluster->wires[i];
        if (wire->node != node || wire->number >= NODE_DIALED || wire->closed) continue;
        if (wire->listener == NODE_PEER && wire->other != NULL) return wire;
    }
    return NULL;
}

/* Sends a frame of this type and group to the leader, as if from a peer of it. */
static void say(struct cluster *cluster, uint32_t leader, struct cluster_wire *wire, uint8_t type,
                uint16_t group)
{
    const struct raft *raft = node_raft(cluster->nodes[leader]);
    struct buffer frame = {0};
    size_t begun = peer_frame_begin(&frame, type, group);
    struct raft_message message = {
        .type = RAFT_VOTE, .from = wire->other->node, .to = leader, .term = raft_term(raft) + 50};
    if (type == PEER_RAFT) peer_message_encode(raft, &message, &frame);
    if (type == PEER_SNAPSHOT_TAKEN && group != 0) {
        buffer_put_u64(&frame, 1);
        buffer_put_u64(&frame, 0);
    }
    if (type == PEER_CLOCK) buffer_put_u64(&frame, 1);
    peer_frame_end(&frame, begun);
    cluster_later(cluster, leader,
                  (struct event){.type = EVENT_RECEIVED,
                                 .connection = wire->number,
                                 .bytes = buffer_slice(&frame)});
    buffer_free(&frame);
}

static void frame_ends_the_connection(uint8_t type, uint16_t group)
{
    struct cluster *cluster = three();
    uint32_t leader = cluster_leader(cluster);
    uint64_t term = raft_term(node_raft(cluster->nodes[leader]));
    struct cluster_wire *wire = heard_by(cluster, leader);
    assert_non_null(wire);
    say(cluster, leader, wire, type, group);
    cluster_run(cluster, 2000000);
    assert_int_equal(cluster_leader(cluster), leader);
    assert_int_equal(raft_term(node_raft(cluster->nodes[leader])), term);
    assert_true(wire->closed);
    cluster_free(cluster);
}

static void a_vote_of_a_group_that_there_is_not_deposes_nobody(void **state)
{
    (void)state;
    frame_ends_the_connection(PEER_RAFT, STRANGE);
    frame_ends_the_connection(PEER_RAFT, PEER_GROUP_NODE);
}

static void no_frame_of_a_group_that_there_is_not_is_heard(void **state)
{
    (void)state;
    frame_ends_the_connection(PEER_FORWARD, STRANGE);
    frame_ends_the_connection(PEER_SNAPSHOT_TAKEN, STRANGE);
}

static void a_frame_that_holds_too_little_is_not_heard(void **state)
{
    (void)state;
    frame_ends_the_connection(PEER_SNAPSHOT_TAKEN, 0);
    frame_ends_the_connection(PEER_FOUND, PEER_GROUP_NODE);
    frame_ends_the_connection(PEER_ASK, PEER_GROUP_NODE);
    frame_ends_the_connection(PEER_ANSWER, PEER_GROUP_NODE);
}

static void a_frame_about_the_node_is_of_no_group(void **state)
{
    (void)state;
    frame_ends_the_connection(PEER_CLOCK, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vote_of_a_group_that_there_is_not_deposes_nobody),
        cmocka_unit_test(no_frame_of_a_group_that_there_is_not_is_heard),
        cmocka_unit_test(a_frame_that_holds_too_little_is_not_heard),
        cmocka_unit_test(a_frame_about_the_node_is_of_no_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
