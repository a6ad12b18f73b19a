/* The gateway: bytes of HTTP and JSON in, bytes out, with a machine behind it and no node. */
#include <stdio.h>

#include "gateway_talk.h"

static void test_put_range_delete(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    assert_string_equal(post(&talk, "/v3/kv/put", "{\"key\":\"YQ==\",\"value\":\"MQ==\"}", "200"),
                        "{" HEADER("2") "}");
    assert_string_equal(
        post(&talk, "/v3/kv/put", "{\"value\":\"Mg==\",\"key\":\"YQ==\",\"prevKv\":true}", "200"),
        "{" HEADER("3") ",\"prev_kv\":{\"key\":\"YQ==\",\"create_revision\":\"2\","
                        "\"mod_revision\":\"2\",\"version\":\"1\",\"value\":\"MQ==\"}}");
    assert_string_equal(
        post(&talk, "/v3/kv/range", "{\"key\":\"AA==\",\"range_end\":\"AA==\",\"limit\":\"5\"}",
             "200"),
        "{" HEADER("3") ",\"kvs\":[{\"key\":\"YQ==\",\"create_revision\":\"2\","
                        "\"mod_revision\":\"3\",\"version\":\"2\",\"value\":\"Mg==\"}],"
                        "\"count\":\"1\"}");
    assert_int_equal(talk.read, PROTOCOL_READ_LINEARIZABLE);
    post(&talk, "/v3/kv/range", "{\"key\":\"YQ==\",\"serializable\":true}", "200");
    assert_int_equal(talk.read, PROTOCOL_READ_LOCAL);
    assert_string_equal(post(&talk, "/v3/kv/deleterange", "{\"key\":\"YQ==\"}", "200"),
                        "{" HEADER("4") ",\"deleted\":\"1\"}");
    assert_string_equal(post(&talk, "/v3/kv/deleterange", "{\"key\":\"YQ==\"}", "200"),
                        "{" HEADER("4") "}");
    talk_close(&talk);
}

static void test_txn(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    const char *txn =
        "{\"failure\":[{\"requestRange\":{\"key\":\"YQ==\"}}],"
        "\"success\":[{\"request_put\":{\"key\":\"YQ==\",\"value\":\"MQ==\"}},"
        "{\"request_txn\":{\"success\":[{\"request_range\":{\"key\":\"YQ==\",\"x\":[{}]}}]}}],"
        "\"compare\":[{\"key\":\"YQ==\",\"target\":\"CREATE\",\"create_revision\":0}]}";
    const char *kv = "{\"key\":\"YQ==\",\"create_revision\":\"2\",\"mod_revision\":\"2\","
                     "\"version\":\"1\",\"value\":\"MQ==\"}";
    char expected[1000] = "{" HEADER("2");
    strcat(expected, ",\"succeeded\":true,\"responses\":["
                     "{\"response_put\":{\"header\":{\"revision\":\"2\"}}},"
                     "{\"response_txn\":{\"header\":{},\"succeeded\":true,"
                     "\"responses\":[{\"response_range\":{\"header\":{\"revision\":\"2\"},"
                     "\"kvs\":[");
    strcat(expected, kv);
    strcat(expected, "],\"count\":\"1\"}}]}}]}");
    assert_string_equal(post(&talk, "/v3/kv/txn", txn, "200"), expected);
    strcpy(expected, "{" HEADER("2"));
    strcat(expected, ",\"responses\":[{\"response_range\":{\"header\":{\"revision\":\"2\"},"
                     "\"kvs\":[");
    strcat(expected, kv);
    strcat(expected, "],\"count\":\"1\"}}]}");
    assert_string_equal(post(&talk, "/v3/kv/txn", txn, "200"), expected);
    talk_close(&talk);
}

static void test_bad_input(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    expect_error(&talk, "/v3/kv/put", "{}", "400",
                 "{\"error\":\"etcdserver: key is not provided\",\"code\":3,"
                 "\"message\":\"etcdserver: key is not provided\"}");
    expect_error(&talk, "/v3/kv/put", "", "400", "etcdserver: key is not provided");
    expect_error(&talk, "/v3/kv/put", "{\"key\":\"?\"}", "400", "illegal base64 data");
    expect_error(&talk, "/v3/kv/put", "{\"key\":1}", "400", "\"code\":3");
    expect_error(&talk, "/v3/kv/put", "{\"key\":", "400", "\"code\":3");
    expect_error(&talk, "/v3/kv/put", "{} x", "400", "\"code\":3");
    expect_error(&talk, "/v3/kv/range", "{\"limit\":\"9223372036854775808\"}", "400", "64 bits");
    expect_error(&talk, "/v3/kv/range", "{\"limit\":1.5}", "400", "64 bits");
    expect_error(&talk, "/v3/kv/range", "{\"sort_order\":\"UP\"}", "400", "enum");
    expect_error(&talk, "/v3/kv/range", "{\"key\":\"YQ==\",\"revision\":\"7\"}", "400",
                 "\"code\":11");
    expect_error(&talk, "/v3/kv/txn", "{\"success\":[{}]}", "400", "operation without a request");
    expect_error(&talk, "/v3/kv/txn", "{\"success\":{}}", "400", "an array is expected");
    expect_error(&talk, "/v3/lease/lend", "{}", "501", "\"code\":12");
    expect_error(&talk, "/v3/lease/keepalive", " ", "400", "an object is expected");
    expect_error(&talk, "/v3/lease/keepalive", "{\"ID\":\"7\"}{", "400", "\"code\":3");
    expect_error(&talk, "/v3/maintenance/alarm", "{\"action\":\"ACTIVATE\"}", "400", "NOSPACE");
    struct buffer deep = {0};
    for (unsigned i = 0; i < 1000; i++) {
        buffer_append_text(&deep, "{\"success\":[{\"request_txn\":");
    }
    buffer_put_u8(&deep, 0);
    expect_error(&talk, "/v3/kv/txn", (const char *)buffer_slice(&deep).data, "400", "\"code\":3");
    buffer_free(&deep);
    assert_false(talk.closed);
    talk_ask(&talk, "GET", "/v3/kv/range", "", "405");
    talk_ask(&talk, "GET", "/", "", "404");
    talk_close(&talk);
}

static void test_other_pages(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    assert_string_equal(talk_ask(&talk, "GET", "/health", "", "200"),
                        "{\"health\":\"true\",\"reason\":\"\"}");
    assert_string_equal(talk_ask(&talk, "GET", "/version", "", "200"),
                        "{\"etcdserver\":\"3.6.0\",\"etcdcluster\":\"3.6.0\"}");
    talk.facts.nodes_count = 2;
    talk.facts.nodes[0] = (struct protocol_node){
        .id = 1,
        .places_count = 2,
        .places = {slice_text("a.example:2379"), slice_text("[::1]:2380")},
    };
    talk.facts.nodes[1] = (struct protocol_node){.id = 4}; /* nothing was heard of it */
    assert_string_equal(
        post(&talk, "/v3/cluster/member/list", "{\"linearizable\":true}", "200"),
        "{\"header\":{\"cluster_id\":\"18446744073709551615\",\"member_id\":\"2\","
        "\"raft_term\":\"4\"},\"members\":[{\"ID\":\"1\",\"name\":\"node-1\",\"clientURLs\":"
        "[\"http://a.example:2379\",\"http://[::1]:2380\"]},{\"ID\":\"4\"}]}");
    const char *status = post(&talk, "/v3/maintenance/status", "{}", "200");
    assert_non_null(strstr(status, "\"leader\":\"3\""));
    assert_non_null(strstr(status, "\"raftTerm\":\"4\""));
    buffer_clear(&talk.said);
    gateway_ops.refuse(talk.gateway, 1, PROTOCOL_REFUSED_NO_LEADER, &talk.said);
    buffer_put_u8(&talk.said, 0);
    const char *said = (const char *)buffer_slice(&talk.said).data;
    assert_int_equal(strncmp(said, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(strstr(said, "{\"error\":\"etcdserver: no leader\",\"code\":14,"));
    talk_close(&talk);
}

static void test_leases(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    assert_string_equal(post(&talk, "/v3/lease/grant", "{\"TTL\":\"60\",\"ID\":7}", "200"),
                        "{" HEADER("1") ",\"ID\":\"7\",\"TTL\":\"60\"}");
    expect_error(&talk, "/v3/lease/grant", "{\"TTL\":\"60\",\"ID\":7}", "400", "\"code\":9");
    post(&talk, "/v3/kv/put", "{\"key\":\"YQ==\",\"lease\":\"7\"}", "200");
    assert_string_equal(
        post(&talk, "/v3/kv/lease/timetolive", "{\"ID\":\"7\",\"keys\":true}", "200"),
        "{" HEADER("2") ",\"ID\":\"7\",\"TTL\":\"60\",\"grantedTTL\":\"60\",\"keys\":[\"YQ==\"]}");
    assert_int_equal(talk.read, PROTOCOL_READ_LINEARIZABLE);
    assert_string_equal(post(&talk, "/v3/lease/timetolive", "{\"ID\":\"9\"}", "200"),
                        "{" HEADER("2") ",\"ID\":\"9\",\"TTL\":\"-1\"}");
    assert_string_equal(post(&talk, "/v3/lease/leases", "", "200"),
                        "{" HEADER("2") ",\"leases\":[{\"ID\":\"7\"}]}");
    assert_string_equal(post(&talk, "/v3/lease/revoke", "{\"ID\":\"7\"}", "200"),
                        "{" HEADER("3") "}");
    expect_error(&talk, "/v3/lease/revoke", "{\"ID\":\"7\"}", "404",
                 "etcdserver: requested lease not found");
    expect_error(&talk, "/v3/kv/range", "{\"key\":\"YQ==\"}", "200", "\"revision\":\"3\"");
    /* Who names none is given one that nobody has. */
    post(&talk, "/v3/lease/grant", "{}", "200");
    post(&talk, "/v3/lease/grant", "{\"TTL\":\"-1\",\"ID\":\"0\"}", "200");
    const char *both = post(&talk, "/v3/kv/lease/leases", "{}", "200");
    const char *first = strstr(both, "{\"ID\":\"");
    assert_non_null(first);
    const char *second = strstr(first + 1, "{\"ID\":\"");
    assert_non_null(second);
    assert_true(strtoll(first + 7, NULL, 10) > 0);
    assert_true(strtoll(first + 7, NULL, 10) < strtoll(second + 7, NULL, 10));
    talk_close(&talk);
}

/* Answered in chunks, line by line; what came behind it on the connection is answered behind it. */
static void test_renewals(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    post(&talk, "/v3/lease/grant", "{\"TTL\":\"60\",\"ID\":7}", "200");
    const char *one = "{\"result\":{" HEADER("1") ",\"ID\":\"7\",\"TTL\":\"60\"}}\n";
    const char *none = "{\"result\":{" HEADER("1") ",\"ID\":\"9\"}}\n";
    char expected[1000], piece[300];
    snprintf(expected, sizeof expected, "%08zx\r\n%s\r\n0\r\n\r\n", strlen(one), one);
    assert_string_equal(post(&talk, "/v3/lease/keepalive", "{\"ID\":\"7\"}", "200"), expected);
    snprintf(expected, sizeof expected, "%08zx\r\n%s\r\n", strlen(one), one);
    snprintf(piece, sizeof piece, "%08zx\r\n%s\r\n", strlen(none), none);
    strcat(expected, piece);
    strcat(expected, piece);
    strcat(expected, "0\r\n\r\n");
    const char *body = "{\"ID\":\"7\"} {\"ID\":9}\n{\"ID\":9}";
    assert_string_equal(post(&talk, "/v3/lease/keepalive", body, "200"), expected);
    buffer_clear(&talk.said);
    talk_say(&talk, slice_text("POST /v3/lease/keepalive HTTP/1.1\r\nHost: a\r\n"
                               "Content-Length: 16\r\n\r\n{\"ID\":7}{\"ID\":7}"
                               "GET /version HTTP/1.0\r\n\r\n"));
    buffer_put_u8(&talk.said, 0);
    const char *said = (const char *)buffer_slice(&talk.said).data;
    assert_non_null(strstr(said, "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(said, "etcdserver"));
    assert_true(talk.closed);
    talk_close(&talk);
}

static void test_compaction(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    for (int i = 0; i < 3; i++) post(&talk, "/v3/kv/put", "{\"key\":\"YQ==\"}", "200");
    assert_string_equal(
        post(&talk, "/v3/kv/compaction", "{\"revision\":\"3\",\"physical\":true}", "200"),
        "{" HEADER("4") "}");
    expect_error(&talk, "/v3/kv/compaction", "{\"revision\":\"3\"}", "400", "has been compacted");
    expect_error(&talk, "/v3/kv/compaction", "{\"revision\":\"5\"}", "400", "a future revision");
    expect_error(&talk, "/v3/kv/range", "{\"key\":\"YQ==\",\"revision\":2}", "400",
                 "has been compacted");
    post(&talk, "/v3/kv/range", "{\"key\":\"YQ==\",\"revision\":3}", "200");
    talk_close(&talk);
}

/* An alarm is that of a member, who has it taken back, as `etcdctl alarm disarm` does. */
static void test_alarm(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    const char *nothing = "{" HEADER("1") "}";
    const char *raised =
        "{" HEADER("1") ",\"alarms\":[{\"memberID\":\"3\",\"alarm\":\"NOSPACE\"}]}";
    const char *path = "/v3/maintenance/alarm";
    const char *its = "{\"action\":\"DEACTIVATE\",\"memberID\":\"3\",\"alarm\":\"NOSPACE\"}";
    assert_string_equal(post(&talk, path, "{}", "200"), nothing);
    assert_string_equal(post(&talk, path,
                             "{\"action\":\"ACTIVATE\",\"memberID\":\"3\",\"alarm\":\"NOSPACE\"}",
                             "200"),
                        raised);
    assert_string_equal(post(&talk, path, "{\"action\":\"GET\",\"alarm\":1}", "200"), raised);
    assert_string_equal(post(&talk, path, "{\"alarm\":\"CORRUPT\"}", "200"), nothing);
    expect_error(&talk, "/v3/kv/put", "{\"key\":\"YQ==\"}", "429", "database space exceeded");
    expect_error(&talk, "/v3/maintenance/status", "{}", "200",
                 "\"errors\":[\"memberID:3 alarm:NOSPACE \"]");
    const char *other = "{\"action\":\"DEACTIVATE\",\"memberID\":\"2\",\"alarm\":\"NOSPACE\"}";
    assert_string_equal(post(&talk, path, other, "200"), nothing);
    assert_string_equal(post(&talk, path, its, "200"), raised);
    assert_string_equal(post(&talk, path, its, "200"), nothing);
    post(&talk, "/v3/kv/put", "{\"key\":\"YQ==\"}", "200");
    assert_string_equal(post(&talk, "/v3/maintenance/defragment", "{}", "200"), "{}");
    expect_error(&talk, "/v3/maintenance/hash", "{}", "200", "\"hash\":");
    talk_close(&talk);
}

/* However the bytes are cut, what comes back is the same; and "close" is heeded. */
static void test_pieces(void **state)
{
    (void)state;
    const char *text = "POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: 29\r\n\r\n"
                       "{\"key\":\"YQ==\",\"value\":\"MQ==\"}"
                       "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
                       "POST /v3/kv/range HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n"
                       "5\r\n{\"key\r\ne\r\n\":\"YQ==\"      }\r\n0\r\n\r\n";
    struct buffer first = {0};
    for (size_t piece = 1; piece < 40; piece++) {
        struct talk talk;
        talk_open(&talk);
        size_t size = strlen(text);
        for (size_t at = 0; at < size; at += piece) {
            size_t part = size - at < piece ? size - at : piece;
            uint8_t *copy = malloc(part);
            assert_non_null(copy);
            memcpy(copy, text + at, part);
            talk_say(&talk, slice_of(copy, part));
            free(copy);
        }
        assert_true(talk.closed);
        if (piece == 1) buffer_append_slice(&first, buffer_slice(&talk.said));
        assert_true(slice_equal(buffer_slice(&talk.said), buffer_slice(&first)));
        talk_close(&talk);
    }
    buffer_free(&first);
}

static void test_a_request_that_was_shed_hears_so(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk);
    talk_say(&talk,
             slice_text("POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n{"));
    gateway_ops.shed(talk.gateway);
    talk_say(&talk, slice_text("more of it"));
    buffer_put_u8(&talk.said, 0);
    assert_non_null(strstr((const char *)buffer_slice(&talk.said).data, " 429 "));
    assert_true(talk.closed);
    talk_close(&talk);
}

/* What a request with this Host and Origin is answered. */
static void expect_origin(const char *host, const char *origin, const char *status)
{
    struct talk talk;
    char text[400];
    talk_open(&talk);
    snprintf(text, sizeof text,
             "POST /v3/kv/put HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Length: 14\r\n\r\n"
             "{\"key\":\"YQ==\"}",
             host, origin);
    talk_say(&talk, slice_text(text));
    buffer_put_u8(&talk.said, 0);
    assert_int_equal(strncmp((const char *)buffer_slice(&talk.said).data + 9, status, 3), 0);
    buffer_clear(&talk.said);
    const char *count = strcmp(status, "200") == 0 ? "\"count\":\"1\"" : HEADER("1") "}";
    const char *found = post(&talk, "/v3/kv/range", "{\"key\":\"YQ==\"}", "200");
    assert_non_null(strstr(found, count));
    talk_close(&talk);
}

static void test_no_page_from_elsewhere_changes_anything(void **state)
{
    (void)state;
    expect_origin("127.0.0.1:2379", "http://evil.example", "403");
    expect_origin("127.0.0.1:2379", "null", "403");
    expect_origin("127.0.0.1:2379", "http://127.0.0.1:8080", "403");
    expect_origin("evil.example:2379", "http://evil.example:2379", "403"); /* resolves to us */
    expect_origin("127.0.0.1:2379", "http://127.0.0.1:2379", "200");
    expect_origin("localhost:2379", "https://localhost:2379", "200");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_range_delete),
        cmocka_unit_test(test_txn),
        cmocka_unit_test(test_no_page_from_elsewhere_changes_anything),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_other_pages),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_renewals),
        cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_alarm),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_a_request_that_was_shed_hears_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
