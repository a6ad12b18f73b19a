/* What is said over HTTP/1.1, byte for byte. Source: RFC 9112, RFC 9110; WHATWG HTML, "Server-sent
 * events". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/http1.h"

/* --- responses --- */

static void expect_text(struct buffer *out, const char *text)
{
    assert_int_equal(out->size, strlen(text));
    assert_memory_equal(out->data, text, out->size);
    buffer_free(out);
}

#define COMMON "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

static void responses_are_written(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct http_response response = {.status = 200,
                                     .content_type = "text/plain",
                                     .body = slice_text("hello"),
                                     .keep_alive = true};
    http_response_write(&response, &out);
    expect_text(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n" COMMON
                      "\r\nhello");
    response.head_only = true;
    response.keep_alive = false;
    http_response_write(&response, &out);
    expect_text(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n" COMMON
                      "Connection: close\r\n\r\n");
    response = (struct http_response){.status = 405, .allow = "GET, HEAD", .keep_alive = true};
    http_response_write(&response, &out);
    expect_text(&out, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n"
                      "Content-Length: 0\r\n" COMMON "\r\n");
    response = (struct http_response){.status = 204, .keep_alive = true};
    http_response_write(&response, &out);
    expect_text(&out, "HTTP/1.1 204 No Content\r\n" COMMON "\r\n");
}

static void every_status_that_is_refused_with_has_a_text(void **state)
{
    (void)state;
    static const unsigned statuses[] = {100, 101, 200, 304, 400, 403, 404, 408, 421,
                                        426, 413, 414, 417, 421, 431, 501, 503, 505};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        assert_string_not_equal(http_status_text(statuses[i]), "Unknown");
    }
    assert_string_equal(http_status_text(999), "Unknown");
}

static void event_streams_are_written(void **state)
{
    (void)state;
    struct buffer out = {0};
    http_event_stream_begin(&out);
    expect_text(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" COMMON
                      "Connection: close\r\n\r\n");
    http_event_write("elected", slice_text("{\"term\":1}"), &out);
    expect_text(&out, "event: elected\ndata: {\"term\":1}\n\n");
    http_event_write(NULL, slice_text("a\nb\r\nc\rd\n"), &out);
    expect_text(&out, "data: a\ndata: b\ndata: c\ndata: d\n\n");
    http_event_write(NULL, slice_of(NULL, 0), &out);
    expect_text(&out, "data: \n\n");
}

static void other_fields_are_written(void **state)
{
    (void)state;
    struct buffer out = {0};
    static const struct http_response_field fields[] = {{"Retry-After", "3"}, {"X-A", "b"}};
    struct http_response response = {
        .status = 503, .fields = fields, .fields_count = 2, .keep_alive = true};
    http_response_write(&response, &out);
    expect_text(&out, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nX-A: b\r\n"
                      "Content-Length: 0\r\n" COMMON "\r\n");
    http_continue_write(&out);
    expect_text(&out, "HTTP/1.1 100 Continue\r\n\r\n");
    http_upgrade_write("websocket", fields, 1, &out);
    expect_text(&out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                      "Upgrade: websocket\r\nRetry-After: 3\r\n\r\n");
}

static void bodies_come_in_chunks(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct http_response head = {.status = 200, .content_type = "a/b", .keep_alive = true};
    struct http_stream stream = http_stream_begin(&head, false, &out);
    assert_false(stream.close);
    expect_text(&out,
                "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n" COMMON
                "\r\n");
    http_stream_write(&stream, slice_text("hello, hello, hello"), &out);
    expect_text(&out, "00000013\r\nhello, hello, hello\r\n");
    http_stream_write(&stream, slice_of(NULL, 0), &out); /* is not the end */
    expect_text(&out, "");
    http_stream_end(&stream, &out);
    expect_text(&out, "0\r\n\r\n");

    stream = http_stream_begin(&head, true, &out); /* who does not know chunks */
    assert_true(stream.close);
    expect_text(&out,
                "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n" COMMON "Connection: close\r\n\r\n");
    http_stream_write(&stream, slice_text("hello"), &out);
    http_stream_end(&stream, &out);
    expect_text(&out, "hello");

    head.head_only = true;
    head.keep_alive = false;
    stream = http_stream_begin(&head, false, &out);
    assert_true(stream.close);
    buffer_clear(&out);
    http_stream_write(&stream, slice_text("hello"), &out);
    http_stream_end(&stream, &out);
    expect_text(&out, "");
}

/* The status, and whether the page itself was sent. */
static void expect_static(const struct http_static *page, enum http_method method,
                          const char *if_none_match, unsigned status, bool sent)
{
    struct buffer out = {0}, expected = {0};
    static struct http_request request;
    request = (struct http_request){.method = method, .keep_alive = true};
    if (if_none_match != NULL) {
        request.fields[request.fields_count++] =
            (struct http_field){slice_text("If-None-Match"), slice_text(if_none_match)};
    }
    http_static_write(page, &request, &out);
    buffer_append_text(&expected, status == 200 ? "HTTP/1.1 200 OK" : "HTTP/1.1 304 Not Modified");
    buffer_append_text(&expected, "\r\nContent-Type: text/html\r\nETag: ");
    buffer_append_text(&expected, page->etag);
    buffer_append_text(&expected, "\r\nContent-Length: 7\r\nCache-Control: no-cache\r\n"
                                  "X-Content-Type-Options: nosniff\r\n\r\n");
    if (sent) buffer_append_text(&expected, "<p>page");
    buffer_put_u8(&expected, 0);
    expect_text(&out, (const char *)buffer_slice(&expected).data);
    buffer_free(&expected);
}

static void pages_that_do_not_change_are_sent_once(void **state)
{
    (void)state;
    struct http_static page = http_static_of("text/html", slice_text("<p>page"));
    struct http_static other = http_static_of("text/html", slice_text("<p>Page"));
    assert_string_not_equal(page.etag, other.etag);
    char list[128];
    snprintf(list, sizeof list, "%s, W/%s", other.etag, page.etag);
    expect_static(&page, HTTP_GET, NULL, 200, true);
    expect_static(&page, HTTP_HEAD, NULL, 200, false);
    expect_static(&page, HTTP_GET, other.etag, 200, true);
    expect_static(&page, HTTP_GET, page.etag, 304, false);
    expect_static(&page, HTTP_GET, list, 304, false);
    expect_static(&page, HTTP_GET, "*", 304, false);
    expect_static(&page, HTTP_HEAD, page.etag, 304, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_are_written),
        cmocka_unit_test(every_status_that_is_refused_with_has_a_text),
        cmocka_unit_test(event_streams_are_written),
        cmocka_unit_test(other_fields_are_written),
        cmocka_unit_test(bodies_come_in_chunks),
        cmocka_unit_test(pages_that_do_not_change_are_sent_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
