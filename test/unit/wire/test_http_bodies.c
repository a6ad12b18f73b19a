/* HTTP/1.1: where a request ends. Bodies with a length and in chunks, requests that wait to send
 * them, upgrades, limits by config, and all by which one request could hide in another. Source: RFC
 * 9112, sections 6 and 7; RFC 9110, sections 7.8 and 10.1.1. */
#include "http_transcript.h"

static void a_body_of_the_limit_is_read_and_let_go(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    buffer_append_text(&bytes, "POST / HTTP/1.0\r\nContent-Length: 65536\r\n\r\n");
    size_t head = bytes.size;
    append_run(&bytes, HTTP_BODY_SIZE_MAX);
    buffer_append_text(&bytes, "GET /next HTTP/1.0\r\n\r\n");
    static struct http_parser parser;
    static struct http_request request;
    size_t consumed, used;
    unsigned status;
    struct slice all = buffer_slice(&bytes);
    assert_int_equal(http_parse(&parser, slice_of(all.data, 1000), &consumed, &request, &status),
                     HTTP_PARTIAL);
    assert_int_equal(consumed, 1000);
    assert_int_equal(
        http_parse(&parser, slice_of(all.data + 1000, all.size - 1000), &used, &request, &status),
        HTTP_REQUEST);
    assert_int_equal(consumed + used, head + HTTP_BODY_SIZE_MAX);
    assert_int_equal(request.body.size, HTTP_BODY_SIZE_MAX);
    assert_memory_equal(request.body.data, all.data + head, HTTP_BODY_SIZE_MAX);
    size_t rest = consumed + used;
    assert_int_equal(
        http_parse(&parser, slice_of(all.data + rest, all.size - rest), &used, &request, &status),
        HTTP_REQUEST);
    assert_true(http_path_is(&request, "/next"));
    assert_true(parser.bytes.capacity <= HTTP_HEAD_SIZE_MAX);
    http_parser_free(&parser);
    buffer_free(&bytes);
}

/* What a POST with a body in these chunks comes to, and the request behind it. */
static void expect_chunks(const char *chunks, const char *outcome)
{
    struct buffer bytes = {0}, expected = {0};
    buffer_append_text(&bytes, "POST / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n");
    buffer_append_text(&bytes, chunks);
    bool refused = outcome[0] == '4';
    if (!refused) {
        buffer_append_text(&expected, "POST / Host= Transfer-Encoding=chunked");
        if (outcome[0] != '\0') buffer_append_text(&expected, " [");
        buffer_append_text(&expected, outcome);
        if (outcome[0] != '\0') buffer_append_text(&expected, "]");
        buffer_append_text(&expected, "\nGET /next Host=");
        buffer_append_text(&bytes, "GET /next HTTP/1.1\r\nHost:\r\n\r\n");
    } else {
        buffer_append_text(&expected, outcome);
    }
    buffer_append_text(&expected, "\n");
    buffer_put_u8(&expected, 0);
    expect_bytes(buffer_slice(&bytes), (const char *)buffer_slice(&expected).data, 1);
    buffer_free(&bytes);
    buffer_free(&expected);
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    expect_chunks("0\r\n\r\n", "");
    expect_chunks("3\r\nabc\r\n0\r\n\r\n", "abc");
    expect_chunks("3\r\nabc\r\n1\r\n!\r\n00\r\n\r\n", "abc!");
    expect_chunks("A\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    expect_chunks("0000000000000000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    expect_chunks("7\r\n0\r\n\r\nab\r\n0\r\n\r\n", "0\r\n\r\nab");
    expect_chunks("3;name=value;x=\"y\"\r\nabc\r\n0;last\r\n\r\n", "abc");
    expect_chunks("3 ;a\r\nabc\r\n0\t;b\r\n\r\n", "abc");
    expect_chunks("3\r\nabc\r\n0\r\nX: y\r\nContent-Length: 9\r\nHost: b\r\n\r\n", "abc");
}

static void chunks_are_strict(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\r\n",
        "g\r\n",
        "0x3\r\nabc\r\n",
        "+3\r\nabc\r\n",
        "-3\r\nabc\r\n",
        " 3\r\nabc\r\n",
        "3 \r\nabc\r\n",
        "3 3\r\nabc\r\n",
        "3,3\r\nabc\r\n",
        ";a\r\nabc\r\n",
        "3\nabc\r\n",
        "3\r\nabc\n0\r\n",
        "3\r\nabcd\r\n",
        "3\r\nabc0\r\n",
        "3\r\nabc\r\r\n",
        "3;a\nabc\r\n",
        "3;\x01\r\n",
        "3;a\rb\r\n",
        "3\r\nab\r\n0\r\n\r\n",
        "0\r\nX : y\r\n",
        "0\r\n folded\r\n",
        "0\r\nno colon\r\n",
        "0\r\nX: y\n",
        "0\r\n\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) expect_chunks(wrong[i], "400");
}

static void chunks_have_limits(void **state)
{
    (void)state;
    expect_chunks("10001\r\n", "413"); /* one byte more than HTTP_BODY_SIZE_MAX */
    expect_chunks("1\r\na\r\n10000\r\n", "413");
    expect_chunks("ffffffffffffffffffffffffffffffffff\r\n", "413");
    for (size_t extra = 0; extra < 2; extra++) {
        struct buffer line = {0}, trailer = {0};
        buffer_append_text(&line, "1;");
        append_run(&line, HTTP_CHUNK_LINE_SIZE_MAX - 4 + extra);
        buffer_append_text(&line, "\r\na\r\n0\r\n\r\n");
        buffer_put_u8(&line, 0);
        expect_chunks((const char *)line.data, extra == 0 ? "a" : "400");
        buffer_append_text(&trailer, "1\r\na\r\n0\r\nX: ");
        append_run(&trailer, HTTP_TRAILER_SIZE_MAX - 3 - 2 - 2 + extra);
        buffer_append_text(&trailer, "\r\n\r\n");
        buffer_put_u8(&trailer, 0);
        expect_chunks((const char *)trailer.data, extra == 0 ? "a" : "431");
        buffer_free(&line);
        buffer_free(&trailer);
    }
}

/* As two programs might read them differently. */
static void no_request_hides_in_another(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *status;
    } cases[] = {
        {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "400\n"},
        {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "400\n"},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "400\n"},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "400\n"},
        {"Transfer-Encoding: identity\r\n", "501\n"},
        {"Transfer-Encoding: gzip, chunked\r\n", "501\n"},
        {"Transfer-Encoding: chunked, chunked\r\n", "501\n"},
        {"Transfer-Encoding: chunked,\r\n", "501\n"},
        {"Transfer-Encoding: xchunked\r\n", "501\n"},
        {"Transfer-Encoding: \"chunked\"\r\n", "501\n"},
        {"Transfer-Encoding:\r\n", "501\n"},
        {"Transfer-Encoding : chunked\r\n", "400\n"},
        {"Transfer-Encoding\t: chunked\r\n", "400\n"},
        {"Transfer-Encoding: \x0b"
         "chunked\r\n",
         "400\n"},
        {"X: y\r\n Transfer-Encoding: chunked\r\n", "400\n"},
        {"X: y\nTransfer-Encoding: chunked\r\n", "400\n"},
        {"X: y\rTransfer-Encoding: chunked\r\n", "400\n"},
        {"Content-Length: 3\r\nContent-Length: 4\r\n", "400\n"},
        {"Content-Length: 3, 3\r\n", "400\n"},
        {"Content-Length: 3 3\r\n", "400\n"},
        {"Content-Length: 0x3\r\n", "400\n"},
        {"Content-Length : 3\r\n", "400\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer fields = {0};
        buffer_append_text(&fields, "Host: a\r\n");
        buffer_append_text(&fields, cases[i].fields);
        buffer_put_u8(&fields, 0);
        expect_fields((const char *)fields.data, cases[i].status);
        buffer_free(&fields);
    }
    expect("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400\n");
    expect("POST / HTTP/1.1\r\nHost:\r\ntRANSFER-eNCODING:\tCHUNKED \r\n\r\n0\r\n\r\n",
           "POST / Host= tRANSFER-eNCODING=CHUNKED\n");
}

static void who_waits_to_send_a_body_is_told_to(void **state)
{
    (void)state;
    expect("POST /a HTTP/1.1\r\nHost:\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\nabc",
           "continue /a\nPOST /a Host= Content-Length=3 Expect=100-Continue [abc]\n");
    expect("POST /a HTTP/1.1\r\nHost:\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
           "1\r\na\r\n0\r\n\r\n",
           "continue /a\nPOST /a Host= Expect=100-continue Transfer-Encoding=chunked [a]\n");
    /* It has none, or is too old to wait. */
    expect("POST / HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
           "POST / Host= Content-Length=0 Expect=100-continue\n");
    expect("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\na",
           "POST / close Content-Length=1 Expect=100-continue [a]\n");
    /* Refused instead. */
    expect("POST / HTTP/1.1\r\nHost:\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n",
           "413\n");
    expect("POST / HTTP/1.1\r\nHost:\r\nContent-Length: 1\r\nExpect: more\r\n\r\n", "417\n");
}

static void what_follows_an_upgrade_is_left_alone(void **state)
{
    (void)state;
    static const char text[] = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, WebSocket\r\n"
                               "Connection: keep-alive, Upgrade\r\n\r\n";
    static struct http_request request;
    struct http_parser parser = {0};
    struct buffer bytes = {0};
    size_t consumed;
    unsigned status;
    buffer_append_text(&bytes, text);
    buffer_append_text(&bytes, "\x81\x05hello");
    assert_int_equal(http_parse(&parser, buffer_slice(&bytes), &consumed, &request, &status),
                     HTTP_REQUEST);
    assert_int_equal(consumed, sizeof text - 1);
    assert_true(request.upgrade);
    assert_true(http_field_lists(&request, "upgrade", "websocket"));
    assert_true(http_field_lists(&request, "Upgrade", "h2c"));
    assert_false(http_field_lists(&request, "upgrade", "web"));
    assert_false(http_field_lists(&request, "accept", "websocket"));
    http_parser_free(&parser);
    buffer_free(&bytes);
    expect_fields("Host: a\r\nUpgrade: x\r\n", "GET / Host=a Upgrade=x\n");
    expect_fields("Host: a\r\nConnection: upgrade\r\n", "GET / Host=a Connection=upgrade\n");
    expect_fields("Host: a\r\nConnection: upgrade\r\nUpgrade: x\r\n",
                  "GET / upgrade Host=a Connection=upgrade Upgrade=x\n");
    expect("GET / HTTP/1.0\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
           "GET / close Upgrade=x Connection=upgrade\n");
}

/* 0: it is taken. */
static unsigned refused_within(const struct http_limits *limits, struct slice bytes)
{
    static struct stream stream;
    stream.parser.limits = *limits;
    stream_feed(&stream, bytes);
    uint64_t status = 0;
    if (stream.refused) {
        assert_true(decimal_read(slice_of(stream.transcript.data, 3), &status));
    } else {
        assert_int_not_equal(stream.transcript.size, 0);
    }
    http_parser_free(&stream.parser);
    assert_int_equal(stream.parser.limits.body_size_max, limits->body_size_max); /* kept */
    stream = (struct stream){.transcript = stream.transcript};
    buffer_free(&stream.transcript);
    return (unsigned)status;
}

static void limits_are_as_given(void **state)
{
    (void)state;
    struct http_limits limits = {20000, 40000, 70000};
    for (size_t extra = 0; extra < 2; extra++) {
        struct buffer target = {0}, field = {0}, head = {0}, body = {0}, chunks = {0};
        buffer_append_text(&target, "GET /");
        append_run(&target, 20000 - 16 + extra);
        buffer_append_text(&target, " HTTP/1.0\r\n\r\n");
        buffer_append_text(&field, "GET / HTTP/1.0\r\nX:");
        append_run(&field, 20000 - 4 + extra);
        buffer_append_text(&field, "\r\n\r\n");
        buffer_append_text(&head, "GET / HTTP/1.0\r\n"); /* 16 */
        for (int i = 0; i < 2; i++) {
            buffer_append_text(&head, "X:");
            append_run(&head, 19987 + (i == 1 ? extra : 0));
            buffer_append_text(&head, "\r\n");
        }
        buffer_append_text(&head, "\r\n");
        assert_int_equal(head.size, 40000 + extra);
        buffer_append_text(&body, "POST / HTTP/1.0\r\nContent-Length: ");
        buffer_append_decimal(&body, 70000 + extra);
        buffer_append_text(&body, "\r\n\r\n");
        append_run(&body, 70000 + extra);
        buffer_append_text(&chunks, "POST / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "1\r\na\r\n");
        buffer_append_hex(&chunks, 69999 + extra, 5);
        buffer_append_text(&chunks, "\r\n");
        append_run(&chunks, 69999 + extra);
        buffer_append_text(&chunks, "\r\n0\r\n\r\n");
        assert_int_equal(refused_within(&limits, buffer_slice(&target)), extra == 0 ? 0 : 414);
        assert_int_equal(refused_within(&limits, buffer_slice(&field)), extra == 0 ? 0 : 431);
        assert_int_equal(refused_within(&limits, buffer_slice(&head)), extra == 0 ? 0 : 431);
        assert_int_equal(refused_within(&limits, buffer_slice(&body)), extra == 0 ? 0 : 413);
        assert_int_equal(refused_within(&limits, buffer_slice(&chunks)), extra == 0 ? 0 : 413);
        buffer_free(&target);
        buffer_free(&field);
        buffer_free(&head);
        buffer_free(&body);
        buffer_free(&chunks);
    }
}

int main(void)
{
    guarded = guarded_make(1 << 17);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_of_the_limit_is_read_and_let_go),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(chunks_are_strict),
        cmocka_unit_test(chunks_have_limits),
        cmocka_unit_test(no_request_hides_in_another),
        cmocka_unit_test(who_waits_to_send_a_body_is_told_to),
        cmocka_unit_test(what_follows_an_upgrade_is_left_alone),
        cmocka_unit_test(limits_are_as_given),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&guarded);
    return failed;
}
