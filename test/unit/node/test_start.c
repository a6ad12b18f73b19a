/* What a node makes of the files that it finds: it goes on, repairs, gives up what its peers have,
 * or stops with a word (node/start.c; specs/disk.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/disk/snapshot_format.h"
#include "node/group/replica.h"
#include "node/node.h"
#include "tiny.h"
#include "wal_image.h"

enum { CLUSTER = 7, OTHER_CLUSTER = 8 };

/* What a test arranges, and what came of it. */
static struct images images;
static struct node_config config;
static struct event_start start;
static struct snapshot_image snapshot;
static struct buffer snapshot_file;
static struct node *node;
static struct buffer did; /* "truncate 1 100\n" and so on, then the trace */
static char fatal[300];   /* empty: it goes on */

static int set_up(void **state)
{
    (void)state;
    images_begin(&images);
    config = (struct node_config){
        .self = 1, .machine = &tiny_machine, .protocol = &tiny_protocol, .seed = 1};
    node_config_defaults(&config);
    config.segment_bytes = NODE_SEGMENT_BYTES_MIN;
    start = (struct event_start){0};
    fatal[0] = '\0';
    node = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_destroy(node);
    images_free(&images);
    buffer_free(&snapshot_file);
    buffer_free(&did);
    return 0;
}

static void of_three(void)
{
    config.peers_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        config.peers[i].id = i + 1;
        strcpy(config.peers[i].address, "node:7000");
    }
}

/* Nodes 1 to `count`, in force from `index` on. */
static void put_members(uint64_t index, uint32_t count)
{
    struct raft_members members = {.count = count};
    struct buffer data = {0};
    for (uint32_t i = 0; i < count; i++) {
        members.member[i] = (struct raft_member){.id = i + 1, .address_size = 1, .address = "x"};
    }
    raft_members_encode(&members, &data);
    struct raft_entry entry = {.index = index,
                               .term = 1,
                               .kind = RAFT_KIND_MEMBERS,
                               .version = 1,
                               .data = buffer_slice(&data)};
    wal_put_entry(&images.wal, 0, &entry);
    buffer_free(&data);
}

/* Members and `entries` more, a batch each, each told durable by the next. */
static void put_log(uint32_t members, uint64_t entries)
{
    put_members(1, members);
    images_flush(&images, true);
    for (uint64_t i = 0; i < entries; i++) {
        images_put(&images, 2 + i, 1, 20);
        images_flush(&images, true);
    }
}

/* Of so many members, as of this index. */
static void put_snapshot(uint64_t cluster, uint64_t index, uint32_t members)
{
    struct replica *replica = replica_create(&tiny_machine, NULL, NULL, NULL);
    struct snapshot_header header = {
        .cluster = cluster, .index = index, .term = 1, .digest = replica_digest(replica)};
    struct buffer head = {0}, stream = {0};
    header.members.count = members;
    for (uint32_t i = 0; i < members; i++) header.members.member[i].id = i + 1;
    snapshot_header_encode(&tiny_machine, &header, &head);
    replica_cut_begin(replica);
    while (replica_cut_read(replica, 1000, &stream)) {}
    buffer_clear(&snapshot_file);
    snapshot_chunk_append(&snapshot_file, buffer_slice(&head));
    snapshot_chunk_append(&snapshot_file, buffer_slice(&stream));
    snapshot_end_append(&snapshot_file, 2);
    buffer_free(&head);
    buffer_free(&stream);
    replica_destroy(replica);
    snapshot = (struct snapshot_image){node_snapshot_number(0, index), {NULL, 0}};
    start.snapshots_count = 1;
    start.snapshots = &snapshot;
}

static void note(const struct action *action)
{
    static const char *const words[] = {
        [ACTION_TRUNCATE] = "truncate",
        [ACTION_REWRITE] = "rewrite",
        [ACTION_SET_ASIDE] = "set-aside",
        [ACTION_SNAPSHOT_SET_ASIDE] = "set-snapshot-aside",
    };
    char line[80];
    if (action->type >= sizeof words / sizeof words[0] || words[action->type] == NULL) return;
    snprintf(line, sizeof line, "%s %u %u\n", words[action->type], (unsigned)action->segment,
             (unsigned)action->offset);
    buffer_append_text(&did, line);
}

static void turn(void)
{
    struct actions actions;
    node_turn(node, (struct raft_time){1000000, 1000000}, &actions);
    if (actions.fatal != NULL) snprintf(fatal, sizeof fatal, "%s", actions.fatal);
    for (uint32_t i = 0; i < actions.count; i++) note(&actions.items[i]);
    buffer_append_slice(&did, actions.trace);
}

/* All that was written is durable. */
static void settle(void)
{
    struct event durable = {.type = EVENT_DURABLE, .now = {1000000, 1000000}, .count = 1000};
    node_step(node, &durable);
    turn();
}

/* It starts, and what that wrote is durable. */
static void run(void)
{
    start.segments_count = images.count;
    start.segments = images.image;
    snapshot.bytes = buffer_slice(&snapshot_file);
    node = node_create(&config);
    struct event event = {.type = EVENT_START, .now = {1000000, 1000000}, .start = &start};
    node_step(node, &event);
    turn();
    settle();
    *buffer_reserve(&did, 1) = 0;
}

static bool has_done(const char *words)
{
    return strstr((const char *)buffer_slice(&did).data, words) != NULL;
}

static void expect(const char *words)
{
    if (fatal[0] != '\0') fail_msg("it stops: %s", fatal);
    if (!has_done(words)) {
        fail_msg("not \"%s\": %s", words, (const char *)buffer_slice(&did).data);
    }
}

static void expect_fatal(const char *words)
{
    if (strstr(fatal, words) == NULL) {
        fail_msg("not \"%s\": \"%s\", %s", words, fatal, (const char *)buffer_slice(&did).data);
    }
}

/* A byte of the last batch but one is another one: what stands there was durable. */
static void damage(void)
{
    images.bytes[0][images.wal.offset / 2] ^= 1;
}

/* --- a log --- */

static void test_a_log_goes_on(void **state)
{
    (void)state;
    put_log(1, 3);
    run();
    expect("started incarnation=2 snapshot=0 last=4\n");
    assert_false(has_done("truncate") || has_done("set-aside"));
    assert_true(raft_last_index(node_raft(node)) > 4); /* it leads, alone */
}

static void test_an_entry_of_a_newer_kind_stops_it_when_its_turn_comes(void **state)
{
    (void)state;
    put_log(1, 1);
    struct raft_entry entry = {.index = 3, .term = 1, .kind = 99, .version = 1};
    wal_put_entry(&images.wal, 0, &entry);
    images_flush(&images, true);
    run();
    settle();
    expect_fatal("the log holds an entry of a kind that this version does not know");
}

static void test_an_empty_directory_founds(void **state)
{
    (void)state;
    run();
    expect("founding ");
    assert_non_null(node_raft(node));
}

static void test_a_torn_tail_is_cut_and_what_lies_behind_it_too(void **state)
{
    (void)state;
    put_log(1, 3);
    images_put(&images, 5, 1, 2000);
    uint64_t at = images_flush(&images, false);
    memset(images.bytes[0] + at + 600, 0, 1000); /* sectors that never reached the disk */
    /* A segment that was opened behind it, and nothing of it is whole. */
    struct segment_image *last = &images.image[images.count];
    images.bytes[images.count] = calloc(1, IMAGE_SEGMENT_BYTES);
    assert_non_null(images.bytes[images.count]);
    *last = (struct segment_image){images.image[0].number + 1,
                                   slice_of(images.bytes[images.count], IMAGE_SEGMENT_BYTES)};
    images.count++;
    run();
    char words[64];
    snprintf(words, sizeof words, "truncate 1 %u\ntruncate 2 0\n", (unsigned)at);
    expect(words);
    expect("log-cut why=log-0000000000000001 at offset ");
    assert_false(has_done("set-aside"));
}

/* --- damage --- */

static void test_alone_it_does_not_start_on_a_damaged_log(void **state)
{
    (void)state;
    put_log(1, 6);
    damage();
    run();
    expect_fatal(
        "Not starting: what was acknowledged may be behind it. Look with `quartet log show`");
    expect_fatal("log-0000000000000001 at offset ");
}

static void test_one_of_several_goes_on_without_what_is_damaged(void **state)
{
    (void)state;
    of_three();
    put_log(3, 6);
    damage();
    run();
    expect("log-damaged why=log-0000000000000001 at offset ");
    expect("set-aside 1 ");
    assert_false(raft_trusted(node_raft(node)));
}

/* Its owner said that the last writes may be lost with the machine, and nobody else has them. */
static void lose_end(uint32_t members, bool listed)
{
    struct wal_meta meta = {.cluster = CLUSTER,
                            .node = 1,
                            .incarnation = 1,
                            .membership = WAL_MEMBER,
                            .fsync_never = true};
    config.fsync_never = true;
    if (listed) of_three();
    wal_put_meta(&images.wal, &meta);
    put_log(members, 6);
    damage();
    start.boot_id[0] = 1; /* the machine began anew */
    run();
}

static void test_alone_under_fsync_never_it_goes_on_before_the_damage(void **state)
{
    (void)state;
    lose_end(1, false);
    expect("log-end-lost why=");
    expect("unsynced why=the machine restarted under --fsync never");
    assert_true(raft_trusted(node_raft(node)));
}

static void test_one_that_had_company_does_not_go_on_as_if_it_had_none(void **state)
{
    (void)state;
    lose_end(3, false); /* started without its --peers */
    expect_fatal("Not starting");
}

static void test_one_of_several_that_may_have_lost_writes_is_not_trusted(void **state)
{
    (void)state;
    lose_end(3, true);
    expect("log-damaged why=");
    expect("unsynced why=");
    assert_false(raft_trusted(node_raft(node)));
}

static void test_a_sync_that_failed_counts_as_a_restart(void **state)
{
    (void)state;
    struct wal_meta meta = {.cluster = CLUSTER,
                            .node = 1,
                            .incarnation = 1,
                            .membership = WAL_MEMBER,
                            .fsync_never = true};
    of_three();
    wal_put_meta(&images.wal, &meta);
    put_log(3, 2);
    start.sync_failed = true;
    run();
    expect("unsynced why=a sync failed under --fsync never");
    assert_false(raft_trusted(node_raft(node)));
}

static void test_a_log_of_another_node_is_refused(void **state)
{
    (void)state;
    put_log(1, 2);
    config.self = 2;
    run();
    expect_fatal("node 1");
}

static void test_what_no_watermark_covers_is_written_again(void **state)
{
    (void)state;
    put_log(1, 3);
    run();
    expect("rewrite 1 ");
}

/* --- snapshots --- */

static void test_it_begins_with_its_snapshot(void **state)
{
    (void)state;
    put_log(1, 5);
    put_snapshot(CLUSTER, 4, 1);
    run();
    expect("started incarnation=2 snapshot=4 last=6\n");
}

static void test_alone_it_does_not_start_on_a_damaged_snapshot(void **state)
{
    (void)state;
    put_log(1, 5);
    put_snapshot(CLUSTER, 4, 1);
    snapshot_file.data[snapshot_file.head + 20] ^= 1;
    run();
    expect_fatal("snapshot-");
    expect_fatal(" at offset 0: damaged");
    expect_fatal("Not starting: what was acknowledged is in it");
}

static void test_one_of_several_sets_a_damaged_snapshot_aside(void **state)
{
    (void)state;
    of_three();
    put_log(3, 5);
    put_snapshot(CLUSTER, 4, 3);
    snapshot_file.data[snapshot_file.head + 20] ^= 1;
    run();
    expect("snapshot-damaged why=snapshot-");
    expect("set-snapshot-aside ");
    assert_false(raft_trusted(node_raft(node)));
}

static void test_a_snapshot_of_another_system_stops_it_wherever(void **state)
{
    (void)state;
    static struct machine_ops other;
    other = tiny_machine;
    other.name = "other";
    of_three();
    put_log(3, 5);
    put_snapshot(CLUSTER, 4, 3);
    config.machine = &other;
    run();
    expect_fatal("the snapshot is of another system");
}

static void test_log_and_snapshot_are_of_one_cluster(void **state)
{
    (void)state;
    of_three();
    put_log(3, 5);
    put_snapshot(OTHER_CLUSTER, 4, 3);
    run();
    expect_fatal("belong to different clusters");
}

static void test_a_snapshot_of_a_group_that_there_is_not_stops_it(void **state)
{
    (void)state;
    of_three();
    put_log(3, 5);
    put_snapshot(CLUSTER, 4, 3);
    snapshot.number = node_snapshot_number(9, 4);
    run();
    expect_fatal("is of a group that this node does not have");
}

static void test_alone_it_does_not_start_on_a_snapshot_without_a_log(void **state)
{
    (void)state;
    put_snapshot(CLUSTER, 4, 1);
    run();
    expect_fatal("holds a snapshot and no log");
}

static void test_one_of_several_comes_back_from_its_snapshot_alone(void **state)
{
    (void)state;
    of_three();
    put_snapshot(CLUSTER, 4, 3);
    run();
    expect("log-missing\n");
    expect("started incarnation=0 snapshot=4 last=4\n"); /* until it knows its earlier lives */
    assert_false(raft_trusted(node_raft(node)));
}

/* The log holds what the snapshot ends with, and what is behind the entry that follows. */
static void gap(uint32_t members)
{
    put_log(members, 3);
    put_snapshot(CLUSTER, 4, members);
    for (uint64_t index = 6; index < 9; index++) {
        images_put(&images, index, 1, 20);
        images_flush(&images, true);
    }
    run();
}

static void test_alone_it_does_not_start_where_entries_are_missing(void **state)
{
    (void)state;
    gap(1);
    expect_fatal("entries are missing between the snapshot and the log");
}

static void test_one_of_several_goes_on_behind_its_snapshot_where_entries_are_missing(void **state)
{
    (void)state;
    of_three();
    gap(3);
    expect("started ");
    assert_int_equal(raft_last_index(node_raft(node)), 4);
    assert_false(raft_trusted(node_raft(node)));
}

int main(void)
{
#define START_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        START_TEST(test_a_log_goes_on),
        START_TEST(test_an_entry_of_a_newer_kind_stops_it_when_its_turn_comes),
        START_TEST(test_an_empty_directory_founds),
        START_TEST(test_a_torn_tail_is_cut_and_what_lies_behind_it_too),
        START_TEST(test_alone_it_does_not_start_on_a_damaged_log),
        START_TEST(test_one_of_several_goes_on_without_what_is_damaged),
        START_TEST(test_alone_under_fsync_never_it_goes_on_before_the_damage),
        START_TEST(test_one_that_had_company_does_not_go_on_as_if_it_had_none),
        START_TEST(test_one_of_several_that_may_have_lost_writes_is_not_trusted),
        START_TEST(test_a_sync_that_failed_counts_as_a_restart),
        START_TEST(test_a_log_of_another_node_is_refused),
        START_TEST(test_what_no_watermark_covers_is_written_again),
        START_TEST(test_it_begins_with_its_snapshot),
        START_TEST(test_alone_it_does_not_start_on_a_damaged_snapshot),
        START_TEST(test_one_of_several_sets_a_damaged_snapshot_aside),
        START_TEST(test_a_snapshot_of_another_system_stops_it_wherever),
        START_TEST(test_log_and_snapshot_are_of_one_cluster),
        START_TEST(test_a_snapshot_of_a_group_that_there_is_not_stops_it),
        START_TEST(test_alone_it_does_not_start_on_a_snapshot_without_a_log),
        START_TEST(test_one_of_several_comes_back_from_its_snapshot_alone),
        START_TEST(test_alone_it_does_not_start_where_entries_are_missing),
        START_TEST(test_one_of_several_goes_on_behind_its_snapshot_where_entries_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
