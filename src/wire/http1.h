/* HTTP/1.1 (RFC 9112): a strict parser of requests, and the text of responses. It serves the admin
 * port, and whatever of a system's protocol is spoken over HTTP.
 *
 * The parser is fed the bytes of one connection in pieces of any size and yields one request at a
 * time. What is refused, and with which status, depends on the bytes alone, never on where the
 * pieces end. It takes GET, HEAD and POST; bodies with a Content-Length or in chunks come out
 * whole.
 *
 * Two programs that disagree about where a request ends let one hide in another (request
 * smuggling). So whatever could be read in two ways is refused: Content-Length beside
 * Transfer-Encoding or twice, any coding but "chunked", chunks in HTTP/1.0, sizes that are not
 * digits alone, folded lines, bare LF or CR, white space before a colon, Host twice or missing. A
 * refusal is a status for the response; the connection is then to be closed, and the parser reads
 * nothing more. */
#ifndef QUARTET_WIRE_HTTP1_H
#define QUARTET_WIRE_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    /* What a parser takes where its http_limits say nothing else. */
    HTTP_LINE_SIZE_MAX = 4096,  /* one line with CR LF; a longer target: 414, a longer field: 431 */
    HTTP_HEAD_SIZE_MAX = 16384, /* all lines, the empty one included; more: 431 */
    HTTP_BODY_SIZE_MAX = 65536, /* without what chunks add; more: 413 */
    /* What all take. */
    HTTP_FIELDS_MAX = 64,           /* more: 431 */
    HTTP_CHUNK_LINE_SIZE_MAX = 256, /* a chunk's size and extensions, with CR LF; more: 400 */
    HTTP_TRAILER_SIZE_MAX = 4096,   /* what follows the last chunk; more: 431 */
};

/* 0: the value above. At most 1 GiB each. */
struct http_limits {
    uint32_t line_size_max, head_size_max, body_size_max;
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
    struct slice host;  /* "name:port": the target's, else that of Host; empty where both are, or
                           where HTTP/1.0 has none */
    struct slice body;  /* chunks put together; trailers are dropped */
    bool is_1_0;
    bool keep_alive; /* the client would send another request on this connection */
    bool upgrade;    /* it would rather speak one of those that Upgrade lists: http_field_lists() */
    size_t fields_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

enum http_result {
    HTTP_PARTIAL,  /* all bytes consumed, no request yet */
    HTTP_CONTINUE, /* all but the body of *request has come; the client may wait for
                      http_continue_write(), or for a refusal, before it sends that. Call again */
    HTTP_REQUEST,
    HTTP_REFUSED, /* answer with *status and close */
};

struct http_span {
    uint32_t at;
    uint32_t size;
};

/* Zero-initialized is ready; `limits` may be set before the first byte. The rest is its own. */
struct http_parser {
    struct http_limits limits;
    uint8_t state;
    uint8_t method;
    bool is_1_0;
    bool close, keep_alive, upgrade; /* words of Connection */
    bool target_has_host;            /* "http://host/" */
    bool has_host, has_length, has_coding, unknown_coding, has_expect, has_upgrade;
    bool empty_line_seen; /* the one that may stand before a request */
    uint16_t refused;     /* status */
    uint32_t line_at;     /* where the line being gathered begins in `bytes` */
    uint32_t fields_count;
    uint32_t body_at;
    uint32_t body_size; /* declared; with chunks, of those so far, the one being read included */
    uint32_t trailer_size;
    struct http_span path, query, host;
    struct http_span names[HTTP_FIELDS_MAX], values[HTTP_FIELDS_MAX];
    struct buffer bytes; /* the request so far */
};

void http_parser_free(struct http_parser *parser);
/* Some of a request has come, and not all of it. */
bool http_parser_begun(const struct http_parser *parser);
/* Consumes from `bytes` up to the end of one request, of its head (CONTINUE), or all (PARTIAL,
 * REFUSED); says how many in *consumed. What follows a request that is to be an upgrade is the
 * other protocol's: do not call again. *request is set for CONTINUE and REQUEST, *status for
 * REFUSED. */
enum http_result http_parse(struct http_parser *parser, struct slice bytes, size_t *consumed,
                            struct http_request *request, unsigned *status);
/* The first field of that name (ASCII case aside); NULL: none. Borrows from the request. */
const struct http_field *http_field_find(const struct http_request *request, const char *name);
/* Whether one of the fields of that name, a list between commas, has this word (case aside). */
bool http_field_lists(const struct http_request *request, const char *name, const char *word);
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

/* --- responses: http1_response.c --- */

struct http_response_field {
    const char *name, *value;
};

struct http_response {
    unsigned status;
    const char *content_type;                 /* NULL: no body */
    const char *allow;                        /* for 405: "GET, HEAD"; NULL otherwise */
    const struct http_response_field *fields; /* others */
    size_t fields_count;
    struct slice body;
    bool head_only; /* answer to HEAD: the body's size without the body */
    bool keep_alive;
};

/* Each appends text to `out`, and borrows the rest for the call. */

/* The whole response. */
void http_response_write(const struct http_response *response, struct buffer *out);
/* Before the response: send the body. */
void http_continue_write(struct buffer *out);
/* 101: from here on both speak `protocol`. */
void http_upgrade_write(const char *protocol, const struct http_response_field *fields,
                        size_t fields_count, struct buffer *out);

/* A body that comes by and by, in chunks. HTTP/1.0 does not know these: there, the end of the
 * connection is the end of the body. */
struct http_stream {
    bool chunked;
    bool head_only;
    bool close; /* the connection, behind the end */
};

/* The head; response->body is not looked at. */
struct http_stream http_stream_begin(const struct http_response *response, bool is_1_0,
                                     struct buffer *out);
void http_stream_write(const struct http_stream *stream, struct slice piece, struct buffer *out);
void http_stream_end(const struct http_stream *stream, struct buffer *out);

enum { HTTP_ETAG_SIZE = 20, HTTP_STATIC_FIELDS_MAX = 7 };

/* A page that does not change. */
struct http_static {
    const char *content_type;
    struct slice body; /* borrowed for as long as it is served */
    char etag[HTTP_ETAG_SIZE];
    const struct http_response_field *fields; /* others; NULL: none. May be set behind _of() */
    size_t fields_count;                      /* at most HTTP_STATIC_FIELDS_MAX */
};

struct http_static http_static_of(const char *content_type, struct slice body);
/* Answers a GET or HEAD: the page, its head, or 304 to a client that has it already. */
void http_static_write(const struct http_static *page, const struct http_request *request,
                       struct buffer *out);

/* The head of a text/event-stream whose end is the end of the connection. */
void http_event_stream_begin(struct buffer *out);
/* One event; `name` may be NULL, each line of `data` becomes a data line. */
void http_event_write(const char *name, struct slice data, struct buffer *out);
const char *http_status_text(unsigned status);

#endif
