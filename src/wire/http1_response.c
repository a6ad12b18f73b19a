/* The text of HTTP responses and of server-sent events. See http.h.
 * Source: RFC 9112; the event stream: WHATWG HTML, "Server-sent events". */
#include "wire/http1.h"

#include <string.h>

const char *http_status_text(unsigned status)
{
    switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
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

void http_response_write(const struct http_response *response, struct buffer *out)
{
    append_status(out, response->status);
    if (response->content_type != NULL) append_field(out, "Content-Type", response->content_type);
    if (response->allow != NULL) append_field(out, "Allow", response->allow);
    if (response->status != 204) { /* which has neither body nor length (RFC 9110, 8.6) */
        buffer_append_text(out, "Content-Length: ");
        buffer_append_decimal(out, response->body.size);
        buffer_append_text(out, "\r\n");
    }
    append_field(out, "Cache-Control", "no-store");
    append_field(out, "X-Content-Type-Options", "nosniff");
    if (!response->keep_alive) append_field(out, "Connection", "close");
    buffer_append_text(out, "\r\n");
    if (!response->head_only && response->status != 204) buffer_append_slice(out, response->body);
}

void http_event_stream_begin(struct buffer *out)
{
    append_status(out, 200);
    append_field(out, "Content-Type", "text/event-stream");
    append_field(out, "Cache-Control", "no-store");
    append_field(out, "X-Content-Type-Options", "nosniff");
    append_field(out, "Connection", "close");
    buffer_append_text(out, "\r\n");
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
