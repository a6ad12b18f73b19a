/* Names that a server goes by. See http1_host.h. */
#include "wire/http1_host.h"

#include <string.h>

#include "wire/http1_text.h"

static bool is_port(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!http_is_digit(text.data[i])) return false;
    }
    return true; /* none after the colon is the default one (RFC 3986, 3.2.3) */
}

static struct slice without_dot(struct slice host)
{
    if (host.size > 1 && host.data[host.size - 1] == '.') host.size--;
    return host;
}

bool http_host_split(struct slice authority, struct slice *host)
{
    size_t end = 0;
    bool brackets = authority.size > 0 && authority.data[0] == '[';
    while (end < authority.size && authority.data[end] != (brackets ? ']' : ':')) end++;
    if (brackets && end++ == authority.size) return false;
    *host = slice_of(authority.data, end);
    if (host->size == 0) return false;
    if (end == authority.size) return true;
    struct slice port = slice_of(authority.data + end + 1, authority.size - end - 1);
    return authority.data[end] == ':' && is_port(port);
}

static bool is_address_4(struct slice host)
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t begin = at;
        while (at < host.size && http_is_digit(host.data[at]) && at - begin < 3) {
            value = value * 10 + (unsigned)(host.data[at++] - '0');
        }
        if (at == begin || value > 255) return false;
        if (part < 3 && (at == host.size || host.data[at++] != '.')) return false;
    }
    return at == host.size;
}

bool http_host_is_address(struct slice host)
{
    if (host.size < 4 || host.data[0] != '[') return is_address_4(host);
    /* Whatever stands in brackets is no name. */
    for (size_t i = 1; i + 1 < host.size; i++) {
        uint8_t byte = http_lower(host.data[i]);
        bool hex = http_is_digit(byte) || (byte >= 'a' && byte <= 'f');
        if (!hex && byte != ':' && byte != '.') return false;
    }
    return host.data[host.size - 1] == ']';
}

bool http_host_same(struct slice host, struct slice other)
{
    host = without_dot(host);
    other = without_dot(other);
    if (host.size != other.size) return false;
    for (size_t i = 0; i < host.size; i++) {
        if (http_lower(host.data[i]) != http_lower(other.data[i])) return false;
    }
    return true;
}

bool http_host_listed(struct slice host, const char *names)
{
    size_t begin = 0;
    for (size_t i = 0; names != NULL; i++) {
        if (names[i] != ',' && names[i] != '\0') continue;
        if (http_host_same(host, slice_of(names + begin, i - begin))) return true;
        if (names[i] == '\0') return false;
        begin = i + 1;
    }
    return false;
}

struct slice http_url_behind_scheme(struct slice url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);
        if (url.size < size || memcmp(url.data, schemes[i], size) != 0) continue;
        return slice_of(url.data + size, url.size - size);
    }
    return slice_of(NULL, 0);
}

bool http_origin_elsewhere(const struct http_request *request)
{
    struct slice host;
    const struct http_field *origin = http_field_find(request, "origin");
    if (origin == NULL) return false;
    struct slice authority = http_url_behind_scheme(origin->value);
    if (authority.size == 0) return true; /* "null" too: some page of nobody knows where */
    if (!http_host_same(authority, request->host)) return true;
    if (!http_host_split(authority, &host)) return true;
    return !http_host_is_address(host) && !http_host_same(host, slice_text("localhost"));
}
