/* The lines of a request's head: what each may say, and what is kept of it. See http1.h.
 * Source: RFC 9112 (syntax), RFC 9110 (fields), RFC 3986 (targets). */
#include "wire/http1_text.h"

static struct http_span span_of(const struct http_parser *parser, struct slice text)
{
    const uint8_t *base = buffer_slice(&parser->bytes).data;
    return (struct http_span){(uint32_t)(text.data - base), (uint32_t)text.size};
}

/* Each reader of a line returns 0, or the status of the refusal. */

static unsigned read_method(struct http_parser *parser, struct slice method)
{
    if (!http_is_token(method)) return 400;
    if (http_equal_text(method, "GET")) {
        parser->method = HTTP_GET;
    } else if (http_equal_text(method, "HEAD")) {
        parser->method = HTTP_HEAD;
    } else if (http_equal_text(method, "POST")) {
        parser->method = HTTP_POST;
    } else {
        return 501;
    }
    return 0;
}

static unsigned read_version(struct http_parser *parser, struct slice version)
{
    if (version.size != 8 || memcmp(version.data, "HTTP/", 5) != 0 || version.data[6] != '.' ||
        !http_is_digit(version.data[5]) || !http_is_digit(version.data[7])) {
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
    if (target.size > 7 && http_equal_but_case(slice_of(target.data, 7), "http://")) {
        const uint8_t *slash = memchr(target.data + 7, '/', target.size - 7);
        if (slash == NULL || slash == target.data + 7) return 400;
        parser->target_has_host = true;
        parser->host =
            span_of(parser, slice_of(target.data + 7, (size_t)(slash - target.data) - 7));
        target = slice_of(slash, target.size - (size_t)(slash - target.data));
    }
    if (target.size == 0 || target.data[0] != '/') return 400;
    struct slice path, query;
    if (!http_split(target, '?', &path, &query)) {
        path = target;
        query = slice_of(target.data + target.size, 0);
    }
    parser->path = span_of(parser, path);
    parser->query = span_of(parser, query);
    return 0;
}

unsigned http_read_request_line(struct http_parser *parser, struct slice line)
{
    struct slice method, target, version, rest;
    if (!http_split(line, ' ', &method, &rest) || !http_split(rest, ' ', &target, &version))
        return 400;
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
    uint32_t max = http_limit(parser->limits.body_size_max, HTTP_BODY_SIZE_MAX);
    uint64_t length = 0;
    bool large = false;
    for (size_t i = 0; i < value.size; i++) {
        if (!http_is_digit(value.data[i])) return 400;
        if (!large) length = length * 10 + (uint64_t)(value.data[i] - '0');
        if (length > max) large = true;
    }
    if (large) return 413;
    parser->body_size = (uint32_t)length;
    return 0;
}

static unsigned read_host(struct http_parser *parser, struct slice value)
{
    if (parser->has_host) return 400;
    parser->has_host = true;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        if (http_is_digit(byte) || (http_lower(byte) >= 'a' && http_lower(byte) <= 'z')) continue;
        if (!http_is_one_of(byte, "-._~%!$&'()*+,;=:[]")) return 400;
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
        more = http_split(value, ',', &word, &rest);
        if (!more) word = value;
        word = http_trim(word);
        if (http_equal_but_case(word, "close")) parser->close = true;
        if (http_equal_but_case(word, "keep-alive")) parser->keep_alive = true;
        if (http_equal_but_case(word, "upgrade")) parser->upgrade = true;
        value = rest;
    }
    return 0;
}

/* Other codings are for other programs. What is wrong with this one beside what else the head says
 * is told at its end. */
static unsigned read_coding(struct http_parser *parser, struct slice value)
{
    if (parser->has_coding) return 400;
    parser->has_coding = true;
    parser->unknown_coding = !http_equal_but_case(value, "chunked");
    return 0;
}

static unsigned read_expect(struct http_parser *parser, struct slice value)
{
    parser->has_expect = true;
    return http_equal_but_case(value, "100-continue") ? 0 : 417;
}

/* False: malformed, such as a line that begins with white space, for it goes on from the one before
 * (RFC 9112, 5.2). */
static bool split_field(struct slice line, struct slice *name, struct slice *value)
{
    if (!http_split(line, ':', name, value) || !http_is_token(*name)) return false;
    *value = http_trim(*value);
    for (size_t i = 0; i < value->size; i++) {
        uint8_t byte = value->data[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) return false;
    }
    return true;
}

unsigned http_read_trailer(struct slice line)
{
    struct slice name, value;
    return split_field(line, &name, &value) ? 0 : 400;
}

unsigned http_read_field(struct http_parser *parser, struct slice line)
{
    struct slice name, value;
    if (parser->fields_count == HTTP_FIELDS_MAX) return 431;
    if (!split_field(line, &name, &value)) return 400;
    parser->names[parser->fields_count] = span_of(parser, name);
    parser->values[parser->fields_count] = span_of(parser, value);
    parser->fields_count++;

    if (http_equal_but_case(name, "content-length")) return read_length(parser, value);
    if (http_equal_but_case(name, "host")) return read_host(parser, value);
    if (http_equal_but_case(name, "connection")) return read_connection(parser, value);
    if (http_equal_but_case(name, "transfer-encoding")) return read_coding(parser, value);
    if (http_equal_but_case(name, "expect")) return read_expect(parser, value);
    if (http_equal_but_case(name, "upgrade")) parser->has_upgrade = true;
    return 0;
}
