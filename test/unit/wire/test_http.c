/* HTTP/1.1: which heads are taken, what is refused and with which status, wherever reads cut the
 * bytes. Source: RFC 9112, RFC 9110. */
#include "http_transcript.h"

#include "base/random.h"

/* --- requests --- */

static void requests_are_read(void **state)
{
    (void)state;
    expect("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / Host=a\n");
    expect("HEAD /status?x=1&y HTTP/1.1\r\nHost:\r\n\r\n", "HEAD /status ?x=1&y Host=\n");
    expect("GET /a?b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a ?b?c Host=a\n");
    expect("POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
           "POST /p host=a content-length=3 [abc]\n");
    expect("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
           "POST /p Host=a Content-Length=0\n");
    expect("POST /p HTTP/1.1\r\nHost: a\r\n\r\n", "POST /p Host=a\n");
    expect("GET http://host:1/a?b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a ?b Host=a\n");
    expect("GET / HTTP/1.7\r\nHost: a\r\n\r\n", "GET / Host=a\n");
    expect_fields("Host: a\r\nX-y:\t v w \t\r\nEmpty:  \r\n", "GET / Host=a X-y=v w Empty=\n");
}

static void the_host_is_that_of_the_target_or_else_of_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a:1\r\n\r\n", "a:1"},
        {"GET http://b:2/ HTTP/1.1\r\nHost: a:1\r\n\r\n", "b:2"},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", ""},
        {"GET / HTTP/1.0\r\n\r\n", ""},
    };
    static struct http_request request;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_parser parser = {0};
        size_t consumed;
        unsigned status;
        assert_false(http_parser_begun(&parser));
        struct slice text = slice_text(cases[i].text);
        assert_int_equal(http_parse(&parser, slice_of(text.data, 1), &consumed, &request, &status),
                         HTTP_PARTIAL);
        assert_true(http_parser_begun(&parser));
        assert_int_equal(http_parse(&parser, slice_of(text.data + 1, text.size - 1), &consumed,
                                    &request, &status),
                         HTTP_REQUEST);
        assert_true(slice_equal(request.host, slice_text(cases[i].host)));
        assert_false(http_parser_begun(&parser));
        http_parser_free(&parser);
    }
}

static void pipelined_requests_keep_their_order(void **state)
{
    (void)state;
    expect("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\r\n"
           "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
           "\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n"
           "nonsense\r\nGET /4 HTTP/1.1\r\n",
           "POST /1 Host=a Content-Length=2 [\r\n]\nGET /2 Host=a\nGET /3 Host=a\n400\n");
}

static void connections_are_kept_or_closed(void **state)
{
    (void)state;
    expect_fields("Host: a\r\nConnection: close\r\n", "GET / close Host=a Connection=close\n");
    expect_fields("Host: a\r\nConnection: x ,\tCLOSE\r\n",
                  "GET / close Host=a Connection=x ,\tCLOSE\n");
    expect_fields("Host: a\r\nConnection: keep-alive, \r\n",
                  "GET / Host=a Connection=keep-alive,\n");
    expect("GET / HTTP/1.0\r\n\r\n", "GET / close\n");
    expect("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / Connection=Keep-Alive\n");
    expect("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
           "GET / close Connection=keep-alive, close\n");
}

/* --- refusals --- */

static void request_lines_are_strict(void **state)
{
    (void)state;
    expect("GET  / HTTP/1.1\r\n", "400\n");
    expect("GET /  HTTP/1.1\r\n", "400\n");
    expect("GET / HTTP/1.1 \r\n", "400\n");
    expect(" GET / HTTP/1.1\r\n", "400\n");
    expect("GET /\r\n", "400\n");
    expect("GET\r\n", "400\n");
    expect("\r\n\r\n", "400\n");
    expect("G@T / HTTP/1.1\r\n", "400\n");
    expect("get / HTTP/1.1\r\n", "501\n");
    expect("DELETE / HTTP/1.1\r\n", "501\n");
    expect("GET / HTTP/2.0\r\n", "505\n");
    expect("GET / HTTP/0.9\r\n", "505\n");
    expect("GET / http/1.1\r\n", "400\n");
    expect("GET / HTTP/1.10\r\n", "400\n");
    expect("GET / HTTP/11\r\n", "400\n");
    expect("GET a HTTP/1.1\r\n", "400\n");
    expect("GET * HTTP/1.1\r\n", "400\n");
    expect("GET /#f HTTP/1.1\r\n", "400\n");
    expect("GET /\t HTTP/1.1\r\n", "400\n");
    expect("GET /\xc3\xa9 HTTP/1.1\r\n", "400\n");
    expect("GET http://host HTTP/1.1\r\n", "400\n");
    expect("GET http:///a HTTP/1.1\r\n", "400\n");
    expect("GET https://host/ HTTP/1.1\r\n", "400\n");
    expect_bytes(slice_of("GET /\0 HTTP/1.1\r\n", 18), "400\n", 1);
}

static void only_cr_lf_ends_a_line(void **state)
{
    (void)state;
    expect("GET / HTTP/1.1\n", "400\n");
    expect("\n", "400\n");
    expect("GET / HTTP/1.1\r\r\n", "400\n");
    expect_fields("Host: a\n", "400\n");
    expect_fields("Host: a\rX: b\r\n", "400\n");
    expect_fields("Host: a\r\nX: b\r\r\n", "400\n");
    expect_fields("Host: a\r\n\n", "400\n");
}

static void fields_are_strict(void **state)
{
    (void)state;
    expect_fields("", "400\n"); /* no Host */
    expect_fields("Host: a\r\nHost: a\r\n", "400\n");
    expect_fields("Host: a b\r\n", "400\n");
    expect_fields("Host: a/b\r\n", "400\n");
    expect_fields("Host: a\r\nX : b\r\n", "400\n");
    expect_fields("Host: a\r\n: b\r\n", "400\n");
    expect_fields("Host: a\r\nno colon\r\n", "400\n");
    expect_fields("Host: a\r\n folded\r\n", "400\n");
    expect_fields("Host: a\r\n\tX: folded\r\n", "400\n");
    expect_fields("Host: a\r\nX: \x01\r\n", "400\n");
    expect_fields("Host: a\r\nX: \x7f\r\n", "400\n");
    expect_fields("Host: a\r\nX: \xe9\r\n", "GET / Host=a X=\xe9\n");
    expect_bytes(slice_of("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", 28), "400\n", 1);
    expect_fields("Host: a\r\nExpect: 200-ok\r\n", "417\n");
}

static void lengths_are_strict(void **state)
{
    (void)state;
    expect_fields("Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n", "400\n");
    expect_fields("Host: a\r\nContent-Length: 1, 1\r\n", "400\n");
    expect_fields("Host: a\r\nContent-Length: \r\n", "400\n");
    expect_fields("Host: a\r\nContent-Length: -1\r\n", "400\n");
    expect_fields("Host: a\r\nContent-Length: +1\r\n", "400\n");
    expect_fields("Host: a\r\nContent-Length: 0x1\r\n", "400\n");
    expect_fields("Host: a\r\nContent-Length: 65537\r\n", "413\n");
    expect_fields("Host: a\r\nContent-Length: 99999999999999999999999\r\n", "413\n");
    expect_fields("Host: a\r\nContent-Length: 4294967297\r\n", "413\n");
    expect_fields("Host: a\r\nContent-Length: 99999999999999999999999z\r\n", "400\n");
    expect_fields("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n", "400\n");
    expect_fields("Host: a\r\nContent-Length: 3\r\ntransfer-encoding: x\r\n", "400\n");
}

/* --- limits --- */

static void a_target_has_a_limit(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct buffer bytes = {0};
        buffer_append_text(&bytes, "GET /");
        append_run(&bytes, HTTP_LINE_SIZE_MAX - 16 + extra);
        buffer_append_text(&bytes, " HTTP/1.1\r\nHost: a\r\n\r\n");
        struct stream stream = {0};
        stream_feed(&stream, buffer_slice(&bytes));
        assert_int_equal(stream.refused, extra == 1);
        if (extra == 1) assert_memory_equal(stream.transcript.data, "414\n", 4);
        http_parser_free(&stream.parser);
        buffer_free(&stream.transcript);
        if (extra == 1) expect_bytes(buffer_slice(&bytes), "414\n", 61);
        buffer_free(&bytes);
    }
    /* The limit strikes without waiting for the end of the line. */
    struct buffer endless = {0};
    append_run(&endless, HTTP_LINE_SIZE_MAX);
    expect_bytes(buffer_slice(&endless), "414\n", 61);
    endless.size--;
    expect_bytes(buffer_slice(&endless), "", 61);
    buffer_free(&endless);
}

/* GET / with `lines` fields whose values have `size` bytes. */
static struct buffer head_of(size_t lines, size_t size)
{
    struct buffer bytes = {0};
    buffer_append_text(&bytes, "GET / HTTP/1.0\r\n");
    for (size_t i = 0; i < lines; i++) {
        buffer_append_text(&bytes, "x:");
        append_run(&bytes, size);
        buffer_append_text(&bytes, "\r\n");
    }
    buffer_append_text(&bytes, "\r\n");
    return bytes;
}

static bool is_refused(struct slice bytes, unsigned expected)
{
    static struct stream stream;
    stream_feed(&stream, bytes);
    bool refused = stream.refused;
    struct buffer text = {0};
    buffer_append_decimal(&text, expected);
    if (refused) assert_memory_equal(stream.transcript.data, text.data, text.size);
    http_parser_free(&stream.parser);
    buffer_free(&stream.transcript);
    buffer_free(&text);
    stream.refused = false;
    return refused;
}

static void fields_have_limits(void **state)
{
    (void)state;
    static const struct {
        size_t lines, size;
        bool refused;
    } cases[] = {
        {HTTP_FIELDS_MAX, 1, false},
        {HTTP_FIELDS_MAX + 1, 1, true},
        {1, HTTP_LINE_SIZE_MAX - 4, false},
        {1, HTTP_LINE_SIZE_MAX - 3, true},
        {4, 4087, false}, /* 16 + 4 * 4091 + 2 = 16382 */
        {5, 3270, true},  /* 16 + 5 * 3274 + 2 = 16388 */
        {5, 3269, false}, /* 16383 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer bytes = head_of(cases[i].lines, cases[i].size);
        assert_int_equal(is_refused(buffer_slice(&bytes), 431), cases[i].refused);
        if (cases[i].refused) expect_bytes(buffer_slice(&bytes), "431\n", 101);
        buffer_free(&bytes);
    }
    for (size_t extra = 0; extra < 2; extra++) { /* to the byte: 16382, and 2 more or 3 */
        struct buffer exact = head_of(4, 4087);
        exact.size -= 4;
        append_run(&exact, 2 + extra);
        buffer_append_text(&exact, "\r\n\r\n");
        assert_int_equal(exact.size, HTTP_HEAD_SIZE_MAX + extra);
        assert_int_equal(is_refused(buffer_slice(&exact), 431), extra == 1);
        buffer_free(&exact);
    }
}

static void cuts_never_change_what_is_heard(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n",
        "POST /a?b HTTP/1.1\r\n",
        "Host: a\r\n",
        "Content-Length: 3\r\n",
        "\r\n",
        "abc",
        "X: y\r\n",
        "\n",
        "Connection: close\r\n",
        "Host: a\r\n\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "3\r\nabc\r\n",
        "0\r\n",
        ";",
        ":",
        " ",
    };
    static struct stream whole, pieces;
    struct buffer bytes = {0};
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct random random = random_seeded(seed);
        buffer_clear(&bytes);
        for (size_t i = 0; i < 12; i++) {
            size_t choices = i < 8 ? 7 : sizeof texts / sizeof texts[0];
            buffer_append_text(&bytes, texts[random_below(&random, choices)]);
        }
        struct slice all = buffer_slice(&bytes);
        stream_feed(&whole, all);
        for (size_t at = 0; at < all.size;) {
            size_t size = (size_t)random_below(&random, 20);
            if (size > all.size - at) size = all.size - at;
            stream_feed(&pieces, slice_of(all.data + at, size));
            at += size;
        }
        stream_expect(&pieces, buffer_slice(&whole.transcript), "at random");
        http_parser_free(&whole.parser);
        buffer_free(&whole.transcript);
        whole.refused = false;
    }
    buffer_free(&bytes);
}

/* --- fields, queries, percent-encoding --- */

static void fields_are_found_by_name(void **state)
{
    (void)state;
    static struct http_parser parser;
    static struct http_request request;
    size_t consumed;
    unsigned status;
    struct slice bytes = slice_text("GET / HTTP/1.0\r\nAccept: x\r\nACCEPT: y\r\nab: 1\r\n\r\n");
    assert_int_equal(http_parse(&parser, bytes, &consumed, &request, &status), HTTP_REQUEST);
    const struct http_field *accept = http_field_find(&request, "accept");
    assert_non_null(accept);
    assert_true(slice_equal(accept->value, slice_text("x")));
    assert_null(http_field_find(&request, "a"));
    assert_null(http_field_find(&request, "abc"));
    http_parser_free(&parser);
}

static void queries_are_split_and_decoded(void **state)
{
    (void)state;
    struct slice query = slice_text("a=1&b&=c&&d=%3D%26=+e");
    static const char *const names[] = {"a", "b", "", "", "d"};
    static const char *const values[] = {"1", "", "c", "", "%3D%26=+e"};
    for (size_t i = 0; i < 5; i++) {
        struct slice name, value;
        assert_true(http_query_next(&query, &name, &value));
        assert_true(slice_equal(name, slice_text(names[i])));
        assert_true(slice_equal(value, slice_text(values[i])));
    }
    struct slice name, value;
    assert_false(http_query_next(&query, &name, &value));
    query = slice_of(NULL, 0);
    assert_false(http_query_next(&query, &name, &value));
}

static void percent_encoding_is_undone(void **state)
{
    (void)state;
    uint8_t out[8];
    size_t size;
    assert_true(http_decode(slice_text("a+%2b%C3%a9"), out, sizeof out, &size));
    assert_int_equal(size, 5);
    assert_memory_equal(out, "a +\xc3\xa9", 5);
    static const char *const bad[] = {"%", "%4", "%4g", "%g4", "a%00", "123456789", "%%41"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct slice encoded = guarded_copy(&guarded, slice_text(bad[i]));
        assert_false(http_decode(encoded, out, sizeof out, &size));
    }
    assert_true(http_decode(slice_text("12345678"), out, sizeof out, &size));
    assert_int_equal(size, 8);
}

static void parameters_are_found(void **state)
{
    (void)state;
    struct slice query = slice_text("tube=a%2Fb&n=12&n=13&big=300&word=x&bad=%&%74ail=1&empty=");
    uint8_t out[4];
    size_t size;
    uint64_t number = 99;
    assert_int_equal(http_query_find(query, "tube", out, 4, &size), HTTP_PARAMETER_FOUND);
    assert_int_equal(size, 3);
    assert_memory_equal(out, "a/b", 3);
    assert_int_equal(http_query_find(query, "tube", out, 2, &size), HTTP_PARAMETER_BAD);
    assert_int_equal(http_query_find(query, "bad", out, 4, &size), HTTP_PARAMETER_BAD);
    assert_int_equal(http_query_find(query, "none", out, 4, &size), HTTP_PARAMETER_MISSING);
    assert_int_equal(http_query_find(query, "tail", out, 4, &size), HTTP_PARAMETER_FOUND);
    assert_int_equal(http_query_find(query, "empty", out, 4, &size), HTTP_PARAMETER_FOUND);
    assert_int_equal(size, 0);
    assert_int_equal(http_query_number(query, "word", 10, &number), HTTP_PARAMETER_BAD);
    assert_int_equal(http_query_number(query, "empty", 10, &number), HTTP_PARAMETER_BAD);
    assert_int_equal(http_query_number(query, "big", 299, &number), HTTP_PARAMETER_BAD);
    assert_int_equal(http_query_number(query, "none", 299, &number), HTTP_PARAMETER_MISSING);
    assert_int_equal(number, 99);
    assert_int_equal(http_query_number(query, "big", 300, &number), HTTP_PARAMETER_FOUND);
    assert_int_equal(number, 300);
    assert_int_equal(http_query_number(query, "n", 300, &number), HTTP_PARAMETER_FOUND);
    assert_int_equal(number, 12);
}

int main(void)
{
    guarded = guarded_make(1 << 17);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(the_host_is_that_of_the_target_or_else_of_the_field),
        cmocka_unit_test(pipelined_requests_keep_their_order),
        cmocka_unit_test(connections_are_kept_or_closed),
        cmocka_unit_test(request_lines_are_strict),
        cmocka_unit_test(only_cr_lf_ends_a_line),
        cmocka_unit_test(fields_are_strict),
        cmocka_unit_test(lengths_are_strict),
        cmocka_unit_test(a_target_has_a_limit),
        cmocka_unit_test(fields_have_limits),
        cmocka_unit_test(cuts_never_change_what_is_heard),
        cmocka_unit_test(fields_are_found_by_name),
        cmocka_unit_test(queries_are_split_and_decoded),
        cmocka_unit_test(percent_encoding_is_undone),
        cmocka_unit_test(parameters_are_found),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&guarded);
    return failed;
}
