/* The parser of HTTP/1.1 requests: from bytes to lines, bodies and chunks. See http1.h; what the
 * lines say is read in http1_head.c. Source: RFC 9112.
 *
 * A request is gathered in one buffer and read line by line as each line ends. Places in the buffer
 * are kept as offsets: it may move while it grows. Of a body in chunks, the lines between them are
 * gathered behind what there is of it, and taken off again once they are read. */
#include "wire/http1_text.h"

enum state {
    STATE_START, /* the request line, or one empty line before it */
    STATE_FIELDS,
    STATE_CONTINUE, /* the head is there, and is to be told before the body is taken */
    STATE_BODY,
    STATE_CHUNK_LINE, /* its size */
    STATE_CHUNK,
    STATE_CHUNK_END, /* an empty line */
    STATE_TRAILER,
    STATE_DONE, /* the request was handed out: its bytes go at the next call */
    STATE_REFUSED,
};

enum { CHUNK_END_SIZE = 2 };

/* A line may be so long, and if it is longer, this is the status. */
struct line_limit {
    size_t size;
    unsigned status;
};

void http_parser_free(struct http_parser *parser)
{
    buffer_free(&parser->bytes);
    *parser = (struct http_parser){.limits = parser->limits};
}

bool http_parser_begun(const struct http_parser *parser)
{
    return parser->bytes.size > 0 && parser->state != STATE_DONE;
}

static struct slice span_slice(const struct http_parser *parser, struct http_span span)
{
    return slice_of(buffer_slice(&parser->bytes).data + span.at, span.size);
}

/* --- the ends of lines. Each reader returns 0, or the status of the refusal. --- */

static unsigned read_end_of_head(struct http_parser *parser)
{
    /* Length and coding together is how requests are smuggled past one another; a coding in
     * HTTP/1.0 was put there by something that does not know where the body ends. */
    if (parser->has_coding && (parser->has_length || parser->is_1_0)) return 400;
    if (parser->unknown_coding) return 501;
    if (!parser->has_host && !parser->is_1_0) return 400;
    bool body = parser->has_coding || parser->body_size > 0;
    parser->body_at = (uint32_t)parser->bytes.size;
    parser->state = parser->has_coding ? STATE_CHUNK_LINE : STATE_BODY;
    /* HTTP/1.0 does not know it (RFC 9110, 10.1.1). */
    if (parser->has_expect && body && !parser->is_1_0) parser->state = STATE_CONTINUE;
    return 0;
}

static unsigned read_start(struct http_parser *parser, struct slice line)
{
    if (line.size == 0) {
        /* Some clients end a body with an empty line too many (RFC 9112, 2.2). */
        if (parser->empty_line_seen) return 400;
        parser->empty_line_seen = true;
        return 0;
    }
    parser->state = STATE_FIELDS;
    return http_read_request_line(parser, line);
}

/* "1f", "1f;name=value": the size in hex digits alone; extensions say nothing to us. */
static unsigned read_chunk_line(struct http_parser *parser, struct slice line)
{
    uint64_t max = http_limit(parser->limits.body_size_max, HTTP_BODY_SIZE_MAX);
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits < line.size && http_hex_digit(line.data[digits]) >= 0; digits++) {
        if (size <= max) size = size * 16 + (uint64_t)http_hex_digit(line.data[digits]);
    }
    struct slice rest = slice_of(line.data + digits, line.size - digits);
    if (digits == 0 || (rest.size > 0 && http_trim(rest).size == 0)) return 400;
    if (rest.size > 0 && http_trim(rest).data[0] != ';') return 400;
    for (size_t i = 0; i < rest.size; i++) {
        if ((rest.data[i] < ' ' && rest.data[i] != '\t') || rest.data[i] == 0x7f) return 400;
    }
    if (size > max - parser->body_size) return 413;
    parser->body_size += (uint32_t)size;
    parser->state = size == 0 ? STATE_TRAILER : STATE_CHUNK;
    return 0;
}

/* A line, given with its CR LF; *keep: it stays in the buffer. */
static unsigned read_line(struct http_parser *parser, struct slice line, bool *keep)
{
    *keep = parser->state == STATE_START || parser->state == STATE_FIELDS;
    if (line.size < 2 || line.data[line.size - 2] != '\r') return 400;
    line.size -= 2;
    switch (parser->state) {
    case STATE_START: return read_start(parser, line);
    case STATE_FIELDS:
        return line.size == 0 ? read_end_of_head(parser) : http_read_field(parser, line);
    case STATE_CHUNK_LINE: return read_chunk_line(parser, line);
    case STATE_CHUNK_END: /* longer than it may be is refused before: line_limit() */
        parser->state = STATE_CHUNK_LINE;
        return 0;
    default: /* STATE_TRAILER */
        parser->trailer_size += (uint32_t)line.size + 2;
        if (line.size > 0) return http_read_trailer(line);
        parser->state = STATE_BODY; /* which is complete */
        return 0;
    }
}

static struct line_limit head_limit(const struct http_parser *parser)
{
    size_t line_max = http_limit(parser->limits.line_size_max, HTTP_LINE_SIZE_MAX);
    size_t head_max = http_limit(parser->limits.head_size_max, HTTP_HEAD_SIZE_MAX);
    size_t left = head_max > parser->line_at ? head_max - parser->line_at : 0;
    if (line_max > left) return (struct line_limit){left, 431};
    return (struct line_limit){line_max, parser->state == STATE_START ? 414 : 431};
}

static struct line_limit line_limit(const struct http_parser *parser)
{
    switch (parser->state) {
    case STATE_CHUNK_LINE: return (struct line_limit){HTTP_CHUNK_LINE_SIZE_MAX, 400};
    case STATE_CHUNK_END: return (struct line_limit){CHUNK_END_SIZE, 400};
    case STATE_TRAILER:
        return (struct line_limit){HTTP_TRAILER_SIZE_MAX - parser->trailer_size, 431};
    default: return head_limit(parser);
    }
}

/* Gathers up to the end of one line, and reads it when it has come. */
static unsigned take_line(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    struct line_limit limit = line_limit(parser);
    size_t room = limit.size - (parser->bytes.size - parser->line_at);
    size_t look = bytes.size < room ? bytes.size : room;
    const uint8_t *lf = look == 0 ? NULL : memchr(bytes.data, '\n', look);
    size_t taken = lf == NULL ? look : (size_t)(lf - bytes.data) + 1;
    buffer_append(&parser->bytes, bytes.data, taken);
    *consumed = taken;
    if (lf == NULL) return taken < room ? 0 : limit.status;
    bool keep;
    struct slice all = buffer_slice(&parser->bytes);
    struct slice line = slice_of(all.data + parser->line_at, all.size - parser->line_at);
    unsigned status = read_line(parser, line, &keep);
    if (!keep) parser->bytes.size = parser->line_at;
    parser->line_at = (uint32_t)parser->bytes.size;
    return status;
}

/* --- bodies --- */

/* True when all that was declared so far is there. */
static bool take_body(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    size_t missing = parser->body_at + parser->body_size - parser->bytes.size;
    size_t taken = bytes.size < missing ? bytes.size : missing;
    buffer_append(&parser->bytes, bytes.data, taken);
    parser->line_at = (uint32_t)parser->bytes.size;
    *consumed = taken;
    return taken == missing;
}

static void hand_out(const struct http_parser *parser, struct http_request *request)
{
    request->method = (enum http_method)parser->method;
    request->path = span_slice(parser, parser->path);
    request->query = span_slice(parser, parser->query);
    request->host = span_slice(parser, parser->host);
    request->body = slice_of(buffer_slice(&parser->bytes).data + parser->body_at,
                             parser->bytes.size - parser->body_at);
    request->is_1_0 = parser->is_1_0;
    request->keep_alive = !parser->close && (!parser->is_1_0 || parser->keep_alive);
    /* HTTP/1.0 cannot ask for it (RFC 9110, 7.8). */
    request->upgrade = parser->upgrade && parser->has_upgrade && !parser->is_1_0;
    request->fields_count = parser->fields_count;
    for (uint32_t i = 0; i < parser->fields_count; i++) {
        request->fields[i].name = span_slice(parser, parser->names[i]);
        request->fields[i].value = span_slice(parser, parser->values[i]);
    }
}

/* The bytes of a request that was handed out go; the memory of a large body does too. */
static void start_over(struct http_parser *parser)
{
    struct buffer bytes = parser->bytes;
    if (bytes.capacity > HTTP_HEAD_SIZE_MAX) {
        buffer_free(&bytes);
    } else {
        buffer_clear(&bytes);
    }
    *parser = (struct http_parser){.limits = parser->limits, .state = STATE_START, .bytes = bytes};
}

/* Takes what comes next, up to a change of state. */
static unsigned take(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    if (parser->state == STATE_CHUNK || parser->state == STATE_BODY) {
        bool whole = take_body(parser, bytes, consumed);
        if (whole) parser->state = parser->state == STATE_BODY ? STATE_DONE : STATE_CHUNK_END;
        return 0;
    }
    return take_line(parser, bytes, consumed);
}

static void refuse(struct http_parser *parser, unsigned status)
{
    parser->refused = (uint16_t)status;
    parser->state = STATE_REFUSED;
    buffer_free(&parser->bytes);
}

enum http_result http_parse(struct http_parser *parser, struct slice bytes, size_t *consumed,
                            struct http_request *request, unsigned *status)
{
    *consumed = 0;
    if (parser->state == STATE_DONE) start_over(parser);
    if (parser->state == STATE_CONTINUE) {
        parser->state = parser->has_coding ? STATE_CHUNK_LINE : STATE_BODY;
    }
    while (parser->state != STATE_REFUSED) {
        struct slice rest = bytes;
        if (*consumed != 0) rest = slice_of(bytes.data + *consumed, bytes.size - *consumed);
        if (rest.size == 0 && parser->state != STATE_BODY) return HTTP_PARTIAL;
        size_t taken = 0;
        enum state before = (enum state)parser->state;
        unsigned refused = take(parser, rest, &taken);
        *consumed += taken;
        if (refused != 0) refuse(parser, refused);
        if (parser->state == STATE_DONE || parser->state == STATE_CONTINUE) {
            hand_out(parser, request);
            return parser->state == STATE_DONE ? HTTP_REQUEST : HTTP_CONTINUE;
        }
        if (parser->state == STATE_BODY && before == STATE_BODY) return HTTP_PARTIAL;
    }
    *consumed = bytes.size;
    *status = parser->refused;
    return HTTP_REFUSED;
}
