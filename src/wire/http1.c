/* The parser of HTTP/1.1 requests. See http.h. Source: RFC 9112 (syntax), RFC 9110 (meaning).
 *
 * A request is gathered in one buffer and read line by line as each line ends, so what is refused,
 * and with which status, depends on the bytes alone and never on where the reads cut them. Places
 * in the buffer are kept as offsets: it may move while it grows. */
#include "wire/http1.h"

#include <string.h>

#include "base/assert.h"

enum state {
    STATE_START, /* the request line, or one empty line before it */
    STATE_FIELDS,
    STATE_BODY,
    STATE_DONE, /* the request was handed out: its bytes go at the next call */
    STATE_REFUSED,
};

void http_parser_free(struct http_parser *parser)
{
    buffer_free(&parser->bytes);
    *parser = (struct http_parser){0};
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_one_of(uint8_t byte, const char *set)
{
    return memchr(set, byte, strlen(set)) != NULL;
}

static bool is_token_byte(uint8_t byte)
{
    if (is_digit(byte) || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z')) return true;
    return is_one_of(byte, "!#$%&'*+-.^_`|~");
}

static bool is_token(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_token_byte(text.data[i])) return false;
    }
    return text.size != 0;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

static bool equal_but_case(struct slice text, const char *word)
{
    if (text.size != strlen(word)) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (lower(text.data[i]) != lower((uint8_t)word[i])) return false;
    }
    return true;
}

static bool equal_text(struct slice text, const char *word)
{
    return slice_equal(text, slice_text(word));
}

static struct slice trim(struct slice text)
{
    while (text.size != 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size != 0 &&
           (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

/* Splits at the first `byte`; false: there is none. */
static bool split(struct slice text, uint8_t byte, struct slice *before, struct slice *after)
{
    const uint8_t *at = text.size == 0 ? NULL : memchr(text.data, byte, text.size);
    if (at == NULL) return false;
    *before = slice_of(text.data, (size_t)(at - text.data));
    *after = slice_of(at + 1, text.size - before->size - 1);
    return true;
}

static struct http_span span_of(const struct http_parser *parser, struct slice text)
{
    const uint8_t *base = buffer_slice(&parser->bytes).data;
    return (struct http_span){(uint32_t)(text.data - base), (uint32_t)text.size};
}

static struct slice span_slice(const struct http_parser *parser, struct http_span span)
{
    return slice_of(buffer_slice(&parser->bytes).data + span.at, span.size);
}

/* Each reader of a line returns 0, or the status of the refusal. */

static unsigned read_method(struct http_parser *parser, struct slice method)
{
    if (!is_token(method)) return 400;
    if (equal_text(method, "GET")) {
        parser->method = HTTP_GET;
    } else if (equal_text(method, "HEAD")) {
        parser->method = HTTP_HEAD;
    } else if (equal_text(method, "POST")) {
        parser->method = HTTP_POST;
    } else {
        return 501;
    }
    return 0;
}

static unsigned read_version(struct http_parser *parser, struct slice version)
{
    if (version.size != 8 || memcmp(version.data, "HTTP/", 5) != 0 || version.data[6] != '.' ||
        !is_digit(version.data[5]) || !is_digit(version.data[7])) {
        return 400;
    }
    if (version.data[5] != '1') return 505;
    parser->is_1_0 = version.data[7] == '0';
    return 0;
}

static unsigned read_target(struct http_parser *parser, struct slice target)
{
    for (size_t i = 0; i < target.size; i++) {
        if (target.data[i] <= ' ' || target.data[i] >= 0x7f || target.data[i] == '#') return 400;
    }
    /* The form for proxies, "http://host/path", which a server must take (RFC 9112, 3.2.2). */
    if (target.size > 7 && equal_but_case(slice_of(target.data, 7), "http://")) {
        const uint8_t *slash = memchr(target.data + 7, '/', target.size - 7);
        if (slash == NULL || slash == target.data + 7) return 400;
        parser->target_has_host = true;
        parser->host =
            span_of(parser, slice_of(target.data + 7, (size_t)(slash - target.data) - 7));
        target = slice_of(slash, target.size - (size_t)(slash - target.data));
    }
    if (target.size == 0 || target.data[0] != '/') return 400;
    struct slice path, query;
    if (!split(target, '?', &path, &query)) {
        path = target;
        query = slice_of(target.data + target.size, 0);
    }
    parser->path = span_of(parser, path);
    parser->query = span_of(parser, query);
    return 0;
}

static unsigned read_request_line(struct http_parser *parser, struct slice line)
{
    struct slice method, target, version, rest;
    if (!split(line, ' ', &method, &rest) || !split(rest, ' ', &target, &version)) return 400;
    unsigned status = read_version(parser, version);
    if (status == 0) status = read_method(parser, method);
    if (status == 0) status = read_target(parser, target);
    return status;
}

static unsigned read_length(struct http_parser *parser, struct slice value)
{
    if (parser->has_length) return 400;
    parser->has_length = true;
    if (value.size == 0) return 400;
    uint32_t length = 0;
    bool large = false;
    for (size_t i = 0; i < value.size; i++) {
        if (!is_digit(value.data[i])) return 400;
        if (!large) length = length * 10 + (uint32_t)(value.data[i] - '0');
        if (length > HTTP_BODY_SIZE_MAX) large = true;
    }
    parser->body_size = length;
    return large ? 413 : 0;
}

static unsigned read_host(struct http_parser *parser, struct slice value)
{
    if (parser->has_host) return 400;
    parser->has_host = true;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        if (is_digit(byte) || (lower(byte) >= 'a' && lower(byte) <= 'z')) continue;
        if (!is_one_of(byte, "-._~%!$&'()*+,;=:[]")) return 400;
    }
    /* The target's comes before it (RFC 9112, 3.2.2). */
    if (!parser->target_has_host) parser->host = span_of(parser, value);
    return 0;
}

static unsigned read_connection(struct http_parser *parser, struct slice value)
{
    struct slice word, rest;
    bool more = true;
    while (more) {
        more = split(value, ',', &word, &rest);
        if (!more) word = value;
        word = trim(word);
        if (equal_but_case(word, "close")) parser->close = true;
        if (equal_but_case(word, "keep-alive")) parser->keep_alive = true;
        value = rest;
    }
    return 0;
}

static unsigned read_field(struct http_parser *parser, struct slice line)
{
    struct slice name, value;
    if (parser->fields_count == HTTP_FIELDS_MAX) return 431;
    if (!split(line, ':', &name, &value) || !is_token(name)) return 400; /* a folded line too */
    value = trim(value);
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) return 400;
    }
    parser->names[parser->fields_count] = span_of(parser, name);
    parser->values[parser->fields_count] = span_of(parser, value);
    parser->fields_count++;

    if (equal_but_case(name, "content-length")) return read_length(parser, value);
    if (equal_but_case(name, "host")) return read_host(parser, value);
    if (equal_but_case(name, "connection")) return read_connection(parser, value);
    if (equal_but_case(name, "transfer-encoding")) parser->has_coding = true;
    if (equal_but_case(name, "expect")) parser->has_expect = true;
    return 0;
}

static unsigned read_end_of_head(struct http_parser *parser)
{
    /* Length and coding together is how requests are smuggled past one another. */
    if (parser->has_coding) return parser->has_length ? 400 : 501;
    if (!parser->has_host && !parser->is_1_0) return 400;
    if (parser->has_expect) return 417;
    parser->body_at = (uint32_t)parser->bytes.size;
    parser->state = STATE_BODY;
    return 0;
}

/* A line, given with its CR LF. */
static unsigned read_line(struct http_parser *parser, struct slice line)
{
    if (line.size < 2 || line.data[line.size - 2] != '\r') return 400;
    line.size -= 2;
    if (parser->state == STATE_FIELDS) {
        return line.size == 0 ? read_end_of_head(parser) : read_field(parser, line);
    }
    if (line.size == 0) {
        /* Some clients end a body with an empty line too many (RFC 9112, 2.2). */
        if (parser->empty_line_seen) return 400;
        parser->empty_line_seen = true;
        return 0;
    }
    parser->state = STATE_FIELDS;
    return read_request_line(parser, line);
}

/* Gathers up to the end of one line, and reads it when it has come. */
static unsigned take_head(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    size_t had = parser->bytes.size - parser->line_at;
    size_t line_room = HTTP_LINE_SIZE_MAX - had;
    size_t head_room = HTTP_HEAD_SIZE_MAX - parser->bytes.size;
    size_t room = line_room < head_room ? line_room : head_room;
    size_t look = bytes.size < room ? bytes.size : room;
    const uint8_t *lf = look == 0 ? NULL : memchr(bytes.data, '\n', look);
    size_t taken = lf == NULL ? look : (size_t)(lf - bytes.data) + 1;
    buffer_append(&parser->bytes, bytes.data, taken);
    *consumed = taken;
    if (lf == NULL) {
        if (taken < room) return 0;
        return parser->state == STATE_START && line_room <= head_room ? 414 : 431;
    }
    struct slice all = buffer_slice(&parser->bytes);
    struct slice line = slice_of(all.data + parser->line_at, all.size - parser->line_at);
    parser->line_at = (uint32_t)all.size;
    return read_line(parser, line);
}

static bool take_body(struct http_parser *parser, struct slice bytes, size_t *consumed)
{
    size_t missing = parser->body_at + parser->body_size - parser->bytes.size;
    size_t taken = bytes.size < missing ? bytes.size : missing;
    buffer_append(&parser->bytes, bytes.data, taken);
    *consumed = taken;
    return taken == missing;
}

static void hand_out(struct http_parser *parser, struct http_request *request)
{
    parser->state = STATE_DONE;
    request->method = (enum http_method)parser->method;
    request->path = span_slice(parser, parser->path);
    request->query = span_slice(parser, parser->query);
    request->host = span_slice(parser, parser->host);
    request->is_1_0 = parser->is_1_0;
    request->body =
        slice_of(buffer_slice(&parser->bytes).data + parser->body_at, parser->body_size);
    request->keep_alive = !parser->close && (!parser->is_1_0 || parser->keep_alive);
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
    *parser = (struct http_parser){.state = STATE_START, .bytes = bytes};
}

bool http_parser_begun(const struct http_parser *parser)
{
    return parser->bytes.size > 0 && parser->state != STATE_DONE;
}

enum http_result http_parse(struct http_parser *parser, struct slice bytes, size_t *consumed,
                            struct http_request *request, unsigned *status)
{
    *consumed = 0;
    if (parser->state == STATE_DONE) start_over(parser);
    while (parser->state != STATE_REFUSED) {
        struct slice rest = slice_of(bytes.data, bytes.size);
        if (*consumed != 0) {
            rest = slice_of(bytes.data + *consumed, bytes.size - *consumed);
        }
        size_t taken = 0;
        if (parser->state == STATE_BODY) {
            bool complete = take_body(parser, rest, &taken);
            *consumed += taken;
            if (!complete) return HTTP_PARTIAL;
            hand_out(parser, request);
            return HTTP_REQUEST;
        }
        if (rest.size == 0) return HTTP_PARTIAL;
        unsigned refused = take_head(parser, rest, &taken);
        *consumed += taken;
        if (refused != 0) {
            parser->refused = (uint16_t)refused;
            parser->state = STATE_REFUSED;
            buffer_free(&parser->bytes);
        }
    }
    *consumed = bytes.size;
    *status = parser->refused;
    return HTTP_REFUSED;
}

const struct http_field *http_field_find(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->fields_count; i++) {
        if (equal_but_case(request->fields[i].name, name)) return &request->fields[i];
    }
    return NULL;
}

bool http_path_is(const struct http_request *request, const char *path)
{
    return equal_text(request->path, path);
}

bool http_query_next(struct slice *query, struct slice *name, struct slice *value)
{
    if (query->size == 0) return false;
    struct slice pair, rest;
    if (!split(*query, '&', &pair, &rest)) {
        pair = *query;
        rest = slice_of(query->data + query->size, 0);
    }
    if (!split(pair, '=', name, value)) {
        *name = pair;
        *value = slice_of(pair.data + pair.size, 0);
    }
    *query = rest;
    return true;
}

static int hex_digit(uint8_t byte)
{
    if (is_digit(byte)) return byte - '0';
    uint8_t letter = lower(byte);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool http_decode(struct slice encoded, uint8_t *out, size_t capacity, size_t *size)
{
    size_t count = 0;
    for (size_t i = 0; i < encoded.size; i++) {
        uint8_t byte = encoded.data[i];
        if (byte == '+') byte = ' ';
        if (byte == '%') {
            if (encoded.size - i < 3) return false;
            int high = hex_digit(encoded.data[i + 1]);
            int low = hex_digit(encoded.data[i + 2]);
            if (high < 0 || low < 0) return false;
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (byte == 0 || count == capacity) return false;
        out[count++] = byte;
    }
    *size = count;
    return true;
}

enum {
    PARAMETER_NAME_SIZE_MAX = 64,
};

enum http_parameter http_query_find(struct slice query, const char *name, uint8_t *out,
                                    size_t capacity, size_t *size)
{
    struct slice key, value;
    while (http_query_next(&query, &key, &value)) {
        uint8_t decoded[PARAMETER_NAME_SIZE_MAX];
        size_t decoded_size;
        if (!http_decode(key, decoded, sizeof decoded, &decoded_size)) continue;
        if (!equal_text(slice_of(decoded, decoded_size), name)) continue;
        return http_decode(value, out, capacity, size) ? HTTP_PARAMETER_FOUND : HTTP_PARAMETER_BAD;
    }
    return HTTP_PARAMETER_MISSING;
}

enum http_parameter http_query_number(struct slice query, const char *name, uint64_t max,
                                      uint64_t *value)
{
    uint8_t digits[20];
    size_t size;
    enum http_parameter found = http_query_find(query, name, digits, sizeof digits, &size);
    if (found != HTTP_PARAMETER_FOUND) return found;
    uint64_t number;
    if (!decimal_read(slice_of(digits, size), &number) || number > max) return HTTP_PARAMETER_BAD;
    *value = number;
    return HTTP_PARAMETER_FOUND;
}
