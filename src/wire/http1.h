/* HTTP/1.1 for the admin port (RFC 9112): a strict request parser and the text of responses.
 *
 * The parser is fed the bytes of one connection in pieces of any size and yields one request at a
 * time. It takes GET, HEAD and POST with a Content-Length body, and refuses what a small server is
 * better without: transfer codings, folded lines, bare LF, white space before a colon, repeated
 * Content-Length or Host, Expect. A refusal is a status for the response; the connection is then
 * to be closed, and the parser reads nothing more. */
#ifndef QUARTET_WIRE_HTTP1_H
#define QUARTET_WIRE_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    HTTP_LINE_SIZE_MAX = 4096,  /* one line with CR LF; a longer target: 414, a longer field: 431 */
    HTTP_FIELDS_MAX = 64,       /* more: 431 */
    HTTP_HEAD_SIZE_MAX = 16384, /* all lines, the empty one included; more: 431 */
    HTTP_BODY_SIZE_MAX = 65536, /* more: 413 */
};

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
};

struct http_field {
    struct slice name;  /* as sent: compare by http_field_find() */
    struct slice value; /* without white space around it */
};

/* All slices live until the next http_parse() or http_parser_free(). */
struct http_request {
    enum http_method method;
    struct slice path;  /* begins with '/', still percent-encoded */
    struct slice query; /* without '?', still encoded; empty when there is none */
    struct slice host;  /* "name:port", of the target or else of Host; empty only when 1.0 has none
                           or Host is empty */
    struct slice body;
    bool is_1_0;
    bool keep_alive; /* the client would send another request on this connection */
    size_t fields_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

enum http_result {
    HTTP_PARTIAL, /* all bytes consumed, no request yet */
    HTTP_REQUEST,
    HTTP_REFUSED, /* answer with *status and close */
};

struct http_span {
    uint32_t at;
    uint32_t size;
};

/* Zero-initialized is ready. Everything in it is the parser's own. */
struct http_parser {
    uint8_t state;
    uint8_t method;
    bool is_1_0;
    bool close, keep_alive; /* words of Connection */
    bool target_has_host;   /* "http://host/" */
    bool has_host, has_length, has_coding, has_expect;
    bool empty_line_seen; /* the one that may stand before a request */
    uint16_t refused;     /* status */
    uint32_t line_at;     /* where the line being gathered begins in `bytes` */
    uint32_t fields_count;
    uint32_t body_at;
    uint32_t body_size;
    struct http_span path, query, host;
    struct http_span names[HTTP_FIELDS_MAX], values[HTTP_FIELDS_MAX];
    struct buffer bytes; /* the request so far */
};

void http_parser_free(struct http_parser *parser);
/* Some of a request has come, and not all of it. */
bool http_parser_begun(const struct http_parser *parser);
/* Consumes from `bytes` up to the end of one request or refusal; says how many in *consumed. */
enum http_result http_parse(struct http_parser *parser, struct slice bytes, size_t *consumed,
                            struct http_request *request, unsigned *status);
/* The first field of that name (ASCII case aside); NULL: none. Borrows from the request. */
const struct http_field *http_field_find(const struct http_request *request, const char *name);
bool http_path_is(const struct http_request *request, const char *path);

/* Takes the next `name=value` off the front of *query, still encoded; false: none is left. */
bool http_query_next(struct slice *query, struct slice *name, struct slice *value);
/* Undoes percent-encoding ('+' is a space) into `out`. False: a '%' without two hex digits, a zero
 * byte, or more than `capacity` bytes. */
bool http_decode(struct slice encoded, uint8_t *out, size_t capacity, size_t *size);
enum http_parameter {
    HTTP_PARAMETER_MISSING,
    HTTP_PARAMETER_BAD, /* malformed or longer than `capacity` */
    HTTP_PARAMETER_FOUND,
};
/* The first parameter of that name, decoded into `out`. */
enum http_parameter http_query_find(struct slice query, const char *name, uint8_t *out,
                                    size_t capacity, size_t *size);
/* The same as an unsigned decimal number; BAD also when above `max`. */
enum http_parameter http_query_number(struct slice query, const char *name, uint64_t max,
                                      uint64_t *value);

struct http_response {
    unsigned status;
    const char *content_type; /* NULL: no body */
    const char *allow;        /* for 405: "GET, HEAD"; NULL otherwise */
    struct slice body;
    bool head_only; /* answer to HEAD: the body's size without the body */
    bool keep_alive;
};

/* Appends the whole response. */
void http_response_write(const struct http_response *response, struct buffer *out);
/* Appends the head of a text/event-stream whose end is the end of the connection. */
void http_event_stream_begin(struct buffer *out);
/* Appends one event; `name` may be NULL, each line of `data` becomes a data line. */
void http_event_write(const char *name, struct slice data, struct buffer *out);
const char *http_status_text(unsigned status);

#endif
