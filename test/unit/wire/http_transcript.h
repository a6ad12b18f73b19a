/* What a parser of HTTP makes of some bytes, as a transcript: whole, cut in two at each place, and
 * byte by byte; each piece ends at an unreadable page. */
#ifndef QUARTET_TEST_HTTP_TRANSCRIPT_H
#define QUARTET_TEST_HTTP_TRANSCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "guarded.h"
#include "wire/http1.h"

static struct guarded guarded;

static inline void tell_request(struct buffer *out, const struct http_request *request)
{
    static const char *const methods[] = {"GET ", "HEAD ", "POST "};
    buffer_append_text(out, methods[request->method]);
    buffer_append_slice(out, request->path);
    if (request->query.size != 0) {
        buffer_append_text(out, " ?");
        buffer_append_slice(out, request->query);
    }
    if (!request->keep_alive) buffer_append_text(out, " close");
    if (request->upgrade) buffer_append_text(out, " upgrade");
    for (size_t i = 0; i < request->fields_count; i++) {
        buffer_append_text(out, " ");
        buffer_append_slice(out, request->fields[i].name);
        buffer_append_text(out, "=");
        buffer_append_slice(out, request->fields[i].value);
    }
    if (request->body.size != 0) {
        buffer_append_text(out, " [");
        buffer_append_slice(out, request->body);
        buffer_append_text(out, "]");
    }
    buffer_append_text(out, "\n");
}

struct stream {
    struct http_parser parser;
    struct buffer transcript;
    bool refused;
};

static inline void stream_feed(struct stream *stream, struct slice piece)
{
    static struct http_request request;
    struct slice left = guarded_copy(&guarded, piece);
    while (!stream->refused) {
        size_t consumed = SIZE_MAX;
        unsigned status = 0;
        enum http_result result = http_parse(&stream->parser, left, &consumed, &request, &status);
        assert_true(consumed <= left.size);
        if (result == HTTP_PARTIAL) {
            assert_int_equal(consumed, left.size);
            return;
        }
        left = slice_of(left.data + consumed, left.size - consumed);
        if (result == HTTP_CONTINUE) {
            assert_int_equal(request.body.size, 0);
            buffer_append_text(&stream->transcript, "continue ");
            buffer_append_slice(&stream->transcript, request.path);
            buffer_append_text(&stream->transcript, "\n");
            continue;
        }
        if (result == HTTP_REQUEST) {
            tell_request(&stream->transcript, &request);
            assert_false(http_parser_begun(&stream->parser));
            continue;
        }
        assert_int_equal(result, HTTP_REFUSED);
        assert_int_equal(left.size, 0);
        buffer_append_decimal(&stream->transcript, status);
        buffer_append_text(&stream->transcript, "\n");
        stream->refused = true;
    }
    /* And so it stays. */
    size_t consumed;
    unsigned status;
    assert_int_equal(http_parse(&stream->parser, piece, &consumed, &request, &status),
                     HTTP_REFUSED);
    assert_int_equal(consumed, piece.size);
}

static inline void stream_expect(struct stream *stream, struct slice expected, const char *how)
{
    struct slice heard = buffer_slice(&stream->transcript);
    if (!slice_equal(heard, expected)) {
        print_error("cut %s\nheard:\n%.*s\nexpected:\n%.*s\n", how, (int)heard.size,
                    (const char *)heard.data, (int)expected.size, (const char *)expected.data);
        fail();
    }
    http_parser_free(&stream->parser);
    buffer_free(&stream->transcript);
    stream->refused = false;
}

static inline void expect_bytes(struct slice bytes, const char *transcript, size_t cut_step)
{
    static struct stream stream;
    struct slice expected = slice_text(transcript);
    stream_feed(&stream, bytes);
    stream_expect(&stream, expected, "nowhere");
    for (size_t cut = 1; cut < bytes.size; cut += cut_step) {
        stream_feed(&stream, slice_of(bytes.data, cut));
        stream_feed(&stream, slice_of(bytes.data + cut, bytes.size - cut));
        stream_expect(&stream, expected, "in two");
    }
    for (size_t i = 0; i < bytes.size; i++) stream_feed(&stream, slice_of(bytes.data + i, 1));
    stream_expect(&stream, expected, "byte by byte");
}

static inline void expect(const char *bytes, const char *transcript)
{
    expect_bytes(slice_text(bytes), transcript, 1);
}

/* What GET / with these fields (each with CR LF) comes to. */
static inline void expect_fields(const char *fields, const char *transcript)
{
    struct buffer bytes = {0};
    buffer_append_text(&bytes, "GET / HTTP/1.1\r\n");
    buffer_append_text(&bytes, fields);
    buffer_append_text(&bytes, "\r\n");
    expect_bytes(buffer_slice(&bytes), transcript, 1);
    buffer_free(&bytes);
}

static inline void append_run(struct buffer *bytes, size_t count)
{
    memset(buffer_reserve(bytes, count), 'a', count);
    buffer_grew(bytes, count);
}

#endif
