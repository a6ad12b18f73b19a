/* Strangers, liars and other systems at the peer port of whole nodes: who is let in, who hears why
 * not, and what bytes end a connection and nothing else (node/peers; specs/peer.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "node/disk/wal.h"
#include "tiny.h"
#include "wire/peer.h"

enum { SECOND_US = 1000000, MEETING_US = 3000000, MEETING_BYTES_MAX = 4096, LINKS_MAX = 64 };

static struct cluster *cluster;

static int set_up(void **state)
{
    (void)state;
    struct node_config config = {.machine = &tiny_machine, .protocol = &tiny_protocol};
    node_config_defaults(&config);
    cluster = cluster_new(3, &config);
    cluster_run(cluster, 3 * SECOND_US);
    assert_int_not_equal(cluster_leader(cluster), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cluster_free(cluster);
    return 0;
}

/* --- one who dials node 1 --- */

static struct cluster_wire *dial(void)
{
    return cluster_open(cluster, 1, NODE_PEER);
}

static void say_bytes(struct cluster_wire *wire, struct slice bytes)
{
    cluster_later(
        cluster, 1,
        (struct event){.type = EVENT_RECEIVED, .connection = wire->number, .bytes = bytes});
}

static void say(struct cluster_wire *wire, uint8_t type, uint16_t group, struct slice content)
{
    struct buffer frame = {0};
    size_t begun = peer_frame_begin(&frame, type, group);
    buffer_append_slice(&frame, content);
    peer_frame_end(&frame, begun);
    say_bytes(wire, buffer_slice(&frame));
    buffer_free(&frame);
    cluster_run(cluster, 1000);
}

static uint64_t cluster_id(void)
{
    /* As a node tells it to whoever says hello. */
    struct cluster_wire *wire = dial();
    struct peer_introduction mine = {
        .version_min = PEER_VERSION, .version_max = PEER_VERSION, .from = 2, .to = 1};
    struct peer_introduction theirs;
    struct peer_frame frame;
    struct buffer content = {0};
    size_t consumed;
    mine.system = slice_text("tiny");
    mine.groups = 1;
    peer_introduction_encode(&mine, &content);
    say(wire, PEER_HELLO, PEER_GROUP_NODE, buffer_slice(&content));
    buffer_free(&content);
    assert_int_equal(peer_frame_decode(buffer_slice(&wire->heard), &consumed, &frame), PEER_DONE);
    assert_int_equal(frame.type, PEER_WELCOME);
    struct reader reader = reader_of(frame.content);
    assert_true(peer_introduction_decode(&reader, &theirs));
    cluster_hang_up(cluster, wire);
    return theirs.cluster;
}

/* As node 2 would introduce itself. */
static struct peer_introduction introduction(void)
{
    return (struct peer_introduction){
        .version_min = PEER_VERSION,
        .version_max = PEER_VERSION,
        .cluster = cluster_id(),
        .from = 2,
        .to = 1,
        .incarnation = 1,
        .membership = WAL_MEMBER,
        .channel = PEER_CHANNEL_LOG,
        .address = slice_text("node-2:7000"),
        .system = slice_text("tiny"),
        .groups = 1,
    };
}

static struct cluster_wire *greet(const struct peer_introduction *introduction)
{
    struct cluster_wire *wire = dial();
    struct buffer content = {0};
    peer_introduction_encode(introduction, &content);
    say(wire, PEER_HELLO, PEER_GROUP_NODE, buffer_slice(&content));
    buffer_free(&content);
    return wire;
}

/* The first frame that was heard. */
static struct peer_frame heard(struct cluster_wire *wire)
{
    struct peer_frame frame;
    size_t consumed = 0;
    assert_int_equal(peer_frame_decode(buffer_slice(&wire->heard), &consumed, &frame), PEER_DONE);
    return frame;
}

static void expect_refused(struct cluster_wire *wire, enum peer_refusal why)
{
    struct peer_frame frame = heard(wire);
    assert_int_equal(frame.type, PEER_REFUSED);
    assert_int_equal(frame.content.data[0], why);
    assert_true(wire->closed);
    assert_true(cluster_told(cluster, 1, "peer-refused"));
}

static const uint8_t proof[PEER_PROOF_SIZE]; /* there is no secret */

/* Its end of an open connection. */
static struct cluster_wire *meet(const struct peer_introduction *introduction)
{
    struct cluster_wire *wire = greet(introduction);
    assert_int_equal(heard(wire).type, PEER_WELCOME);
    say(wire, PEER_PROOF, PEER_GROUP_NODE, slice_of(proof, sizeof proof));
    assert_false(wire->closed);
    return wire;
}

/* --- introductions --- */

static void who_is_of_elsewhere_hears_why_not(void **state)
{
    (void)state;
    struct peer_introduction other = introduction();
    other.version_min = other.version_max = PEER_VERSION + 1;
    expect_refused(greet(&other), PEER_OTHER_VERSION);
    other = introduction();
    other.system = slice_text("another");
    expect_refused(greet(&other), PEER_OTHER_SYSTEM);
    other = introduction();
    other.to = 3;
    expect_refused(greet(&other), PEER_OTHER_NODE);
    other = introduction();
    other.groups = 2;
    expect_refused(greet(&other), PEER_OTHER_GROUPS);
    other = introduction();
    other.cluster++;
    expect_refused(greet(&other), PEER_OTHER_CLUSTER);
    other = introduction();
    other.from = 9;
    expect_refused(greet(&other), PEER_NOT_MEMBER);
}

/* It is ahead of us, it says: the membership that we go by may be an old one. */
static void a_stranger_that_may_know_better_is_a_guest(void **state)
{
    (void)state;
    struct peer_introduction guest = introduction();
    guest.from = 9;
    guest.members_index = 1000000;
    guest.address = slice_of(NULL, 0); /* nobody could dial it */
    expect_refused(greet(&guest), PEER_NOT_MEMBER);
    guest.address = slice_text("node-9:7000");
    guest.membership = WAL_FOUNDING;
    expect_refused(greet(&guest), PEER_NOT_MEMBER);
    guest.membership = WAL_MEMBER;
    guest.cluster = 0;
    expect_refused(greet(&guest), PEER_NOT_MEMBER);
    guest.cluster = cluster_id();
    meet(&guest);
}

static void nobody_is_let_in_by_half_a_meeting(void **state)
{
    (void)state;
    static const uint8_t wrong[PEER_PROOF_SIZE] = {1};
    struct peer_introduction mine = introduction();
    struct cluster_wire *wire = greet(&mine);
    say(wire, PEER_PROOF, PEER_GROUP_NODE, slice_of(wrong, 5)); /* too short to be one */
    assert_true(wire->closed);
    wire = greet(&mine);
    say(wire, PEER_HELLO, PEER_GROUP_NODE, slice_of(NULL, 0)); /* it did that already */
    assert_true(wire->closed);
    wire = dial();
    say(wire, PEER_HELLO, PEER_GROUP_NODE, slice_text("not an introduction"));
    assert_true(wire->closed);
    wire = dial();
    say(wire, PEER_PROOF, PEER_GROUP_NODE, slice_of(wrong, sizeof wrong));
    assert_true(wire->closed);
    wire = dial();
    say(wire, PEER_WELCOME, PEER_GROUP_NODE, slice_of(NULL, 0));
    assert_true(wire->closed);
    wire = dial();
    say_bytes(wire, slice_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    cluster_run(cluster, 1000);
    assert_true(wire->closed);
}

static void one_who_does_not_introduce_itself_is_let_go(void **state)
{
    (void)state;
    struct cluster_wire *silent = dial();
    cluster_run(cluster, MEETING_US + SECOND_US);
    assert_true(silent->closed);
    /* Nor is more kept of it than an introduction needs. */
    static uint8_t much[MEETING_BYTES_MAX + 1];
    struct cluster_wire *wire = dial();
    store_u32(much, 1 << 20);
    say_bytes(wire, slice_of(much, sizeof much - 1));
    cluster_run(cluster, 1000);
    assert_false(wire->closed);
    say_bytes(wire, slice_of(much + sizeof much - 1, 1));
    cluster_run(cluster, 1000);
    assert_true(wire->closed);
}

/* Whoever comes again has lost the other connection, or its life. */
static void the_last_to_come_is_the_one(void **state)
{
    (void)state;
    struct peer_introduction mine = introduction();
    struct cluster_wire *first = meet(&mine);
    struct cluster_wire *second = meet(&mine);
    assert_true(first->closed);
    assert_false(second->closed);
}

static void there_is_a_limit_to_links(void **state)
{
    (void)state;
    struct peer_introduction mine = introduction();
    mine.channel = PEER_CHANNEL_SNAPSHOT; /* of which none takes another's place */
    unsigned met = 0;
    for (struct cluster_wire *wire; met <= LINKS_MAX; met++) {
        wire = greet(&mine);
        if (heard(wire).type == PEER_REFUSED) {
            expect_refused(wire, PEER_TOO_MANY);
            break;
        }
        say(wire, PEER_PROOF, PEER_GROUP_NODE, slice_of(proof, sizeof proof));
    }
    assert_in_range(met, LINKS_MAX - 4, LINKS_MAX); /* the others of the cluster have some */
}

static void a_node_of_another_system_is_told_so(void **state)
{
    (void)state;
    static struct machine_ops other;
    other = tiny_machine;
    other.name = "other";
    cluster->shared.machine = &other;
    uint32_t fourth = cluster_join(cluster);
    cluster_run(cluster, 2 * SECOND_US);
    assert_true(cluster_told(cluster, fourth, "peer-refuses-us"));
    assert_non_null(strstr((const char *)buffer_slice(&cluster->trace[fourth]).data,
                           "why=it runs another system"));
}

static void keyed(const uint8_t key[NODE_SECRET_SIZE], struct slice message, uint8_t out[32])
{
    for (size_t i = 0; i < 32; i++) out[i] = (uint8_t)(key[0] + i);
    for (size_t i = 0; i < message.size; i++) out[i % 32] ^= message.data[i];
}

static void a_node_with_another_secret_is_told_so(void **state)
{
    (void)state;
    struct cluster_wire *admin = cluster_open(cluster, 1, NODE_ADMIN);
    cluster_say(cluster, admin, "POST /members?do=add&id=4&address=node-4:7000 HTTP/1.0\r\n\r\n");
    cluster_run(cluster, SECOND_US);
    cluster->shared.mac = keyed;
    cluster->shared.secret[0] = 7;
    uint32_t fourth = cluster_join(cluster);
    cluster_run(cluster, 2 * SECOND_US);

    assert_non_null(strstr((const char *)buffer_slice(&cluster->trace[fourth]).data,
                           "give all nodes the same --secret-file"));
}

/* --- frames of one who was let in --- */

static void malformed_frames_end_the_connection(void **state)
{
    (void)state;
    static const uint8_t junk[40] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const struct {
        uint8_t type;
        uint16_t group;
        size_t size; /* of junk */
    } frames[] = {
        {PEER_RAFT, 0, 9},
        {PEER_BEATS, PEER_GROUP_NODE, 3},
        {PEER_BEATS, PEER_GROUP_NODE, 40},
        {PEER_CLOCK, PEER_GROUP_NODE, 3},
        {PEER_CLOCK_IS, PEER_GROUP_NODE, 3},
        {PEER_CLOCK_IS, PEER_GROUP_NODE, 40},
        {PEER_ASK, PEER_GROUP_NODE, 2},
        {PEER_ANSWER, PEER_GROUP_NODE, 2},
        {PEER_ANSWER, PEER_GROUP_NODE, 40},
        {PEER_PING, PEER_GROUP_NODE, 2},
        {PEER_STATE, PEER_GROUP_NODE, 2},
        {PEER_STATE, PEER_GROUP_NODE, 9}, /* of no membership that there is */
        {PEER_SNAPSHOT_BEGIN, 0, 9},      /* not on this connection */
        {PEER_SNAPSHOT_DATA, 0, 9},
        {PEER_SNAPSHOT_END, 0, 9},
        {PEER_HELLO, PEER_GROUP_NODE, 0}, /* it has met */
        {99, PEER_GROUP_NODE, 0},
    };
    struct peer_introduction mine = introduction();
    uint32_t leader = cluster_leader(cluster);
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct cluster_wire *wire = meet(&mine);
        say(wire, frames[i].type, frames[i].group, slice_of(junk, frames[i].size));
        if (!wire->closed) fail_msg("frame %u is taken", frames[i].type);
        cluster_hang_up(cluster, wire);
    }
    cluster_run(cluster, 2 * SECOND_US);
    assert_int_equal(cluster_leader(cluster), leader);
}

/* Apart from the others: node 2 itself dials anew before so many meetings are over. */
static void frames_that_are_too_short_end_the_connection(void **state)
{
    (void)state;
    struct peer_introduction mine = introduction();
    struct cluster_wire *wire = meet(&mine);
    say(wire, PEER_FOUND, PEER_GROUP_NODE, slice_text("?"));
    assert_true(wire->closed);
    cluster_hang_up(cluster, wire);
    wire = meet(&mine);
    say(wire, PEER_SNAPSHOT_TAKEN, 0, slice_text("?"));
    assert_true(wire->closed);
    cluster_hang_up(cluster, wire);
}

/* What cannot be meant is left, and the connection goes on. */
static void a_forwarded_batch_that_is_none_changes_nothing(void **state)
{
    (void)state;
    struct peer_introduction mine = introduction();
    struct cluster_wire *wire = meet(&mine);
    say(wire, PEER_FORWARD, 0, slice_text("?"));
    assert_false(wire->closed);
}

/* In the name of another node. */
static void a_message_of_another_node_ends_the_connection(void **state)
{
    (void)state;
    struct peer_introduction mine = introduction();
    struct cluster_wire *wire = meet(&mine);
    struct buffer content = {0};
    buffer_put_u8(&content, RAFT_APPEND);
    buffer_put_u32(&content, 3);
    buffer_put_u32(&content, 1);
    say(wire, PEER_RAFT, 0, buffer_slice(&content));
    assert_true(wire->closed);
    buffer_free(&content);
}

int main(void)
{
#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PEER_TEST(who_is_of_elsewhere_hears_why_not),
        PEER_TEST(a_stranger_that_may_know_better_is_a_guest),
        PEER_TEST(nobody_is_let_in_by_half_a_meeting),
        PEER_TEST(one_who_does_not_introduce_itself_is_let_go),
        PEER_TEST(the_last_to_come_is_the_one),
        PEER_TEST(there_is_a_limit_to_links),
        PEER_TEST(a_node_of_another_system_is_told_so),
        PEER_TEST(a_node_with_another_secret_is_told_so),
        PEER_TEST(malformed_frames_end_the_connection),
        PEER_TEST(frames_that_are_too_short_end_the_connection),
        PEER_TEST(a_forwarded_batch_that_is_none_changes_nothing),
        PEER_TEST(a_message_of_another_node_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
