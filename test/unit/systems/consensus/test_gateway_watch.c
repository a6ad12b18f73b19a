/* A watch over HTTP, line by line. */
#include <stdio.h>

#include "gateway_talk.h"
#include "systems/consensus/protocol/stream.h"

/* What came in chunks since the last time, without their sizes; "end" where it ended. */
static const char *heard(struct talk *talk)
{
    static struct buffer plain;
    buffer_clear(&plain);
    struct slice rest = buffer_slice(&talk->said);
    while (rest.size != 0) {
        char digits[9] = {0};
        assert_true(rest.size > 10);
        memcpy(digits, rest.data, 8);
        size_t size = strtoul(digits, NULL, 16);
        buffer_append(&plain, rest.data + 10, size);
        assert_memory_equal(rest.data + 10 + size, "\r\n", 2);
        rest = slice_of(rest.data + 12 + size, rest.size - 12 - size);
    }
    buffer_clear(&talk->said);
    buffer_put_u8(&plain, 0);
    return (const char *)buffer_slice(&plain).data;
}

/* Begins one; what it hears at once. */
static const char *begin(struct talk *talk, const char *body)
{
    const char *said = post(talk, "/v3/watch", body, "200");
    assert_non_null(strstr((const char *)buffer_slice(&talk->said).data, "chunked"));
    struct buffer chunks = {0};
    buffer_append_text(&chunks, said);
    buffer_free(&talk->said);
    talk->said = chunks;
    talk_watch(talk, 1000);
    return heard(talk);
}

static const char *later(struct talk *talk)
{
    talk_watch(talk, 1000);
    return heard(talk);
}

/* By another connection. */
static void do_put(struct talk *talk, const char *key, const char *value)
{
    struct consensus_put put = {slice_text(key), slice_text(value), 0, 0, 0, 0};
    void *gateway = talk->gateway;
    struct buffer said = talk->said;
    talk->said = (struct buffer){0};
    talk->gateway = gateway_ops.open(&(struct protocol_config){.facts = &talk->facts});
    consensus_put_put(&put, world_command(&talk->world));
    world_apply_only(&talk->world, buffer_slice(&talk->world.command));
    gateway_ops.close(talk->gateway);
    buffer_free(&talk->said);
    talk->gateway = gateway;
    talk->said = said;
}

#define CREATED(revision) "{\"result\":{" HEADER(revision) ",\"created\":true}}\n"
#define LINE(revision, events) "{\"result\":{" HEADER(revision) ",\"events\":[" events "]}}\n"
#define KV(key, create, mod, version, value)                                          \
    "{\"key\":\"" key "\",\"create_revision\":\"" create "\",\"mod_revision\":\"" mod \
    "\",\"version\":\"" version "\",\"value\":\"" value "\"}"

static void test_events_come_as_they_happen(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    assert_string_equal(begin(&talk, "{\"create_request\":{\"key\":\"YQ==\",\"prev_kv\":true}}"),
                        CREATED("1"));
    do_put(&talk, "a", "1");
    do_put(&talk, "b", "1");
    assert_string_equal(later(&talk), LINE("3", "{\"kv\":" KV("YQ==", "2", "2", "1", "MQ==") "}"));
    assert_string_equal(later(&talk), "");
    do_put(&talk, "a", "2");
    assert_string_equal(later(&talk),
                        LINE("4", "{\"kv\":" KV("YQ==", "2", "4", "2", "Mg==") ",\"prev_kv\":" KV(
                                      "YQ==", "2", "2", "1", "MQ==") "}"));
    /* Whatever it says now, it is a watch. */
    talk_say(&talk, slice_text("GET /version HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_string_equal(later(&talk), "");
    talk_close(&talk);
}

static void test_a_revision_is_one_line_however_it_is_read(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    begin(&talk, "{\"create_request\":{\"range_end\":\"AA==\",\"watch_id\":\"7\"}}");
    struct txn txn = {0};
    for (const char *key = "a\0b\0c\0d\0"; *key != 0; key += 2) then_put(&txn, key, "1");
    txn_end(&txn, world_command(&talk.world));
    world_apply_only(&talk.world, buffer_slice(&talk.world.command));
    gateway_ops.close(talk.gateway);
    talk.gateway = gateway_ops.open(&(struct protocol_config){.facts = &talk.facts});
    /* The same watch, again, reads from the first revision on, event by event. */
    buffer_clear(&talk.spec);
    begin(&talk, "{\"create_request\":{\"range_end\":\"AA==\",\"watch_id\":\"7\"}}");
    talk.watch.next = 2;
    talk_watch(&talk, 1);
    const char *said = heard(&talk);
    assert_int_equal(strchr(said, '\n')[1], 0);
    assert_non_null(strstr(said, "\"watch_id\":\"7\",\"events\":[{\"kv\":"));
    talk_close(&talk);
}

static void test_what_cannot_be_watched(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    expect_error(&talk, "/v3/watch", "{}", "400", "a create_request is expected");
    expect_error(&talk, "/v3/watch", "", "400", "a create_request is expected");
    expect_error(&talk, "/v3/watch", "{\"create_request\":{}}{\"create_request\":{}}", "400",
                 "one watch a stream");
    expect_error(&talk, "/v3/watch", "{\"create_request\":{}}{\"cancel_request\":{}}", "400",
                 "close the connection");
    expect_error(&talk, "/v3/watch", "{\"create_request\":{\"filters\":[\"X\"]}}", "400", "enum");
    expect_error(&talk, "/v3/watch", "{\"create_request\":{\"filters\":3}}", "400", "array");
    expect_error(&talk, "/v3/watch", "{\"create_request\":", "400", "\"code\":3");
    assert_string_equal(
        begin(&talk, "{\"create_request\":{\"key\":\"Yg==\",\"range_end\":\"YQ==\"}}"),
        "{\"result\":{" HEADER("1") ",\"watch_id\":\"-1\",\"created\":true,\"canceled\":true,"
                                    "\"cancel_reason\":\"mvcc: watcher range is empty\"}}\n");
    do_put(&talk, "a", "1");
    assert_string_equal(later(&talk), "");
    talk_close(&talk);
}

static void test_a_start_that_was_compacted(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    for (int i = 0; i < 4; i++) do_put(&talk, "a", "1");
    consensus_put_simple(CONSENSUS_COMPACT, 4, 0, world_command(&talk.world));
    post(&talk, "/v3/kv/compaction", "{\"revision\":\"4\"}", "200");
    const char *canceled =
        "{\"result\":{\"header\":{\"cluster_id\":\"18446744073709551615\",\"member_id\":\"2\","
        "\"raft_term\":\"4\"},\"canceled\":true,\"compact_revision\":\"4\"}}\n";
    char expected[1000];
    snprintf(expected, sizeof expected, "%s%s", CREATED("5"), canceled);
    assert_string_equal(
        begin(&talk, "{\"create_request\":{\"key\":\"YQ==\",\"start_revision\":\"3\"}}"), expected);
    do_put(&talk, "a", "2");
    assert_string_equal(later(&talk), "");
    talk_close(&talk);
}

static void test_progress(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    begin(&talk, "{\"create_request\":{\"key\":\"YQ==\",\"progress_notify\":true,"
                 "\"filters\":[\"NODELETE\"]}}{\"progress_request\":{}}");
    uint64_t now_us = 1000;
    uint64_t due_us = gateway_ops.turn(talk.gateway, now_us, &talk.said);
    assert_int_equal(due_us, now_us + STREAM_PROGRESS_US);
    assert_string_equal(heard(&talk), "{\"result\":{" HEADER("1") ",\"watch_id\":\"-1\"}}\n");
    do_put(&talk, "b", "1"); /* not its, but progress */
    assert_string_equal(later(&talk), "");
    assert_int_equal(gateway_ops.turn(talk.gateway, due_us, &talk.said),
                     due_us + STREAM_PROGRESS_US);
    assert_string_equal(heard(&talk), "{\"result\":{" HEADER("2") "}}\n");
    do_put(&talk, "a", "1"); /* who has heard something need not be told */
    later(&talk);
    now_us = due_us + STREAM_PROGRESS_US;
    assert_int_equal(gateway_ops.turn(talk.gateway, now_us, &talk.said),
                     now_us + STREAM_PROGRESS_US);
    assert_string_equal(heard(&talk), "");
    talk_close(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_come_as_they_happen),
        cmocka_unit_test(test_a_revision_is_one_line_however_it_is_read),
        cmocka_unit_test(test_what_cannot_be_watched),
        cmocka_unit_test(test_a_start_that_was_compacted),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
