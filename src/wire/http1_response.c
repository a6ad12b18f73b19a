/* The text of HTTP responses and of server-sent events. See http1.h.
 * Source: RFC 9112; the event stream: WHATWG HTML, "Server-sent events". */
#include "base/assert.h"
#include "base/crc32c.h"
#include "wire/http1_text.h"

enum { CHUNK_SIZE_DIGITS = 8 };

const char *http_status_text(unsigned status)
{
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 429: return "Too Many Requests";
    case 426: return "Upgrade Required";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
    }
}

static void append_status(struct buffer *out, unsigned status)
{
    buffer_append_text(out, "HTTP/1.1 ");
    buffer_append_decimal(out, status);
    buffer_append_text(out, " ");
    buffer_append_text(out, http_status_text(status));
    buffer_append_text(out, "\r\n");
}

static void append_field(struct buffer *out, const char *name, const char *value)
{
    buffer_append_text(out, name);
    buffer_append_text(out, ": ");
    buffer_append_text(out, value);
    buffer_append_text(out, "\r\n");
}

static void append_fields(struct buffer *out, const struct http_response_field *fields,
                          size_t fields_count)
{
    for (size_t i = 0; i < fields_count; i++) append_field(out, fields[i].name, fields[i].value);
}

static void append_length(struct buffer *out, size_t size)
{
    buffer_append_text(out, "Content-Length: ");
    buffer_append_decimal(out, size);
    buffer_append_text(out, "\r\n");
}

/* Up to what says where the body ends. */
static void begin_head(const struct http_response *response, struct buffer *out)
{
    append_status(out, response->status);
    if (response->content_type != NULL) append_field(out, "Content-Type", response->content_type);
    if (response->allow != NULL) append_field(out, "Allow", response->allow);
    append_fields(out, response->fields, response->fields_count);
}

static void end_head(struct buffer *out, const char *cache_control, bool keep_alive)
{
    append_field(out, "Cache-Control", cache_control);
    append_field(out, "X-Content-Type-Options", "nosniff");
    if (!keep_alive) append_field(out, "Connection", "close");
    buffer_append_text(out, "\r\n");
}

void http_response_write(const struct http_response *response, struct buffer *out)
{
    bool body = response->status != 204; /* which has neither body nor length (RFC 9110, 8.6) */
    begin_head(response, out);
    if (body) append_length(out, response->body.size);
    end_head(out, "no-store", response->keep_alive);
    if (!response->head_only && body) buffer_append_slice(out, response->body);
}

void http_continue_write(struct buffer *out)
{
    append_status(out, 100);
    buffer_append_text(out, "\r\n");
}

void http_upgrade_write(const char *protocol, const struct http_response_field *fields,
                        size_t fields_count, struct buffer *out)
{
    append_status(out, 101);
    append_field(out, "Connection", "Upgrade");
    append_field(out, "Upgrade", protocol);
    append_fields(out, fields, fields_count);
    buffer_append_text(out, "\r\n");
}

/* --- bodies that come by and by --- */

struct http_stream http_stream_begin(const struct http_response *response, bool is_1_0,
                                     struct buffer *out)
{
    struct http_stream stream = {
        .chunked = !is_1_0,
        .head_only = response->head_only,
        .close = is_1_0 || !response->keep_alive,
    };
    begin_head(response, out);
    if (stream.chunked) append_field(out, "Transfer-Encoding", "chunked");
    end_head(out, "no-store", !stream.close);
    return stream;
}

void http_stream_write(const struct http_stream *stream, struct slice piece, struct buffer *out)
{
    if (stream->head_only || piece.size == 0) return; /* an empty chunk would be the last */
    if (!stream->chunked) {
        buffer_append_slice(out, piece);
        return;
    }
    ASSERT(piece.size <= UINT32_MAX);
    buffer_append_hex(out, piece.size, CHUNK_SIZE_DIGITS);
    buffer_append_text(out, "\r\n");
    buffer_append_slice(out, piece);
    buffer_append_text(out, "\r\n");
}

void http_stream_end(const struct http_stream *stream, struct buffer *out)
{
    if (stream->chunked && !stream->head_only) buffer_append_text(out, "0\r\n\r\n");
}

/* --- pages that do not change --- */

struct http_static http_static_of(const char *content_type, struct slice body)
{
    struct http_static page = {.content_type = content_type, .body = body};
    struct buffer etag = {0};
    buffer_append_text(&etag, "\"");
    buffer_append_hex(&etag, crc32c(0, body.data, body.size), 8);
    buffer_append_hex(&etag, body.size, 8);
    buffer_append_text(&etag, "\"");
    ASSERT(etag.size < sizeof page.etag);
    memcpy(page.etag, buffer_slice(&etag).data, etag.size);
    buffer_free(&etag);
    return page;
}

/* By the weak comparison, as a GET is to (RFC 9110, 13.1.2). */
static bool has_it(const struct http_static *page, const struct http_request *request)
{
    char weak[HTTP_ETAG_SIZE + 2] = "W/";
    memcpy(weak + 2, page->etag, sizeof page->etag);
    return http_field_lists(request, "if-none-match", page->etag) ||
           http_field_lists(request, "if-none-match", weak) ||
           http_field_lists(request, "if-none-match", "*");
}

void http_static_write(const struct http_static *page, const struct http_request *request,
                       struct buffer *out)
{
    struct http_response_field fields[1 + HTTP_STATIC_FIELDS_MAX] = {{"ETag", page->etag}};
    ASSERT(page->fields_count <= HTTP_STATIC_FIELDS_MAX);
    for (size_t i = 0; i < page->fields_count; i++) fields[1 + i] = page->fields[i];
    bool unchanged = has_it(page, request);
    struct http_response response = {
        .status = unchanged ? 304 : 200,
        .content_type = page->content_type,
        .fields = fields,
        .fields_count = 1 + page->fields_count,
    };
    begin_head(&response, out);
    append_length(out, page->body.size); /* that of a 304 is the one that a 200 would have */
    end_head(out, "no-cache", request->keep_alive); /* may be kept, is to be asked about */
    if (!unchanged && request->method != HTTP_HEAD) buffer_append_slice(out, page->body);
}

/* --- server-sent events --- */

void http_event_stream_begin(struct buffer *out)
{
    append_status(out, 200);
    append_field(out, "Content-Type", "text/event-stream");
    end_head(out, "no-store", false);
}

/* The size of the first line of `text`, which ends at CR, LF or CR LF; *skip: with its end. */
static size_t event_line(struct slice text, size_t *skip)
{
    size_t size = 0;
    while (size < text.size && text.data[size] != '\n' && text.data[size] != '\r') size++;
    *skip = size;
    if (size < text.size) (*skip)++;
    if (size + 1 < text.size && text.data[size] == '\r' && text.data[size + 1] == '\n') (*skip)++;
    return size;
}

void http_event_write(const char *name, struct slice data, struct buffer *out)
{
    if (name != NULL) {
        buffer_append_text(out, "event: ");
        buffer_append_text(out, name);
        buffer_append_text(out, "\n");
    }
    do {
        size_t skip;
        size_t size = event_line(data, &skip);
        buffer_append_text(out, "data: ");
        buffer_append(out, data.data, size);
        buffer_append_text(out, "\n");
        if (skip != 0) data = slice_of(data.data + skip, data.size - skip);
    } while (data.size != 0);
    buffer_append_text(out, "\n");
}
