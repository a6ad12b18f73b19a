/* Names, addresses and origins. See access.h. */
#include "node/admin/access.h"

#include <string.h>

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

static bool is_port(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.data[i])) return false;
    }
    return true; /* none after the colon is the default one (RFC 3986, 3.2.3) */
}

static struct slice without_dot(struct slice host)
{
    if (host.size > 1 && host.data[host.size - 1] == '.') host.size--;
    return host;
}

/* The host of "host", "host:port" or "[address]:port", brackets included. False: it is none
 * of these. */
static bool split_host(struct slice authority, struct slice *host)
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
        while (at < host.size && is_digit(host.data[at]) && at - begin < 3) {
            value = value * 10 + (unsigned)(host.data[at++] - '0');
        }
        if (at == begin || value > 255) return false;
        if (part < 3 && (at == host.size || host.data[at++] != '.')) return false;
    }
    return at == host.size;
}

/* "127.0.0.1", "[::1]": what no resolver is asked for. */
static bool is_address(struct slice host)
{
    if (host.size < 4 || host.data[0] != '[') return is_address_4(host);
    /* Whatever stands in brackets is no name. */
    for (size_t i = 1; i + 1 < host.size; i++) {
        uint8_t byte = lower(host.data[i]);
        bool hex = is_digit(byte) || (byte >= 'a' && byte <= 'f');
        if (!hex && byte != ':' && byte != '.') return false;
    }
    return host.data[host.size - 1] == ']';
}

static bool same_host(struct slice host, struct slice other)
{
    host = without_dot(host);
    other = without_dot(other);
    if (host.size != other.size) return false;
    for (size_t i = 0; i < host.size; i++) {
        if (lower(host.data[i]) != lower(other.data[i])) return false;
    }
    return true;
}

/* Among "name,name"; NULL: there are none. */
static bool is_listed(struct slice host, const char *names)
{
    size_t begin = 0;
    for (size_t i = 0; names != NULL; i++) {
        if (names[i] != ',' && names[i] != '\0') continue;
        if (same_host(host, slice_of(names + begin, i - begin))) return true;
        if (names[i] == '\0') return false;
        begin = i + 1;
    }
    return false;
}

/* The host of an address as the operator wrote it. */
static bool is_host_of(struct slice host, struct slice address)
{
    struct slice name;
    return split_host(address, &name) && same_host(host, name);
}

static bool is_known(const struct node *node, struct slice host)
{
    const struct node_config *config = &node->config;
    if (is_address(host) || same_host(host, slice_text("localhost"))) return true;
    if (is_listed(host, config->admin_hosts)) return true;
    if (is_host_of(host, slice_text(config->address))) return true;
    for (uint32_t i = 0; i < config->peers_count; i++) {
        if (is_host_of(host, slice_text(config->peers[i].address))) return true;
    }
    for (uint32_t i = 0; i < config->announced_count; i++) {
        if (is_host_of(host, slice_text(config->announced[i]))) return true;
    }
    if (group_raft(node->group) == NULL) return false;
    const struct raft_members *members = raft_members(group_raft(node->group));
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        if (is_host_of(host, slice_of(member->address, member->address_size))) return true;
    }
    return false;
}

/* A page of another origin asks for a change. */
static bool is_foreign(const struct http_request *request)
{
    static const char *const schemes[] = {"http://", "https://"};
    const struct http_field *origin = http_field_find(request, "origin");
    if (request->method != HTTP_POST || origin == NULL) return false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);
        struct slice value = origin->value;
        if (value.size < size || memcmp(value.data, schemes[i], size) != 0) continue;
        return !same_host(slice_of(value.data + size, value.size - size), request->host);
    }
    return true; /* "null" too: some page of nobody knows where */
}

const char *access_refused(const struct node *node, const struct http_request *request,
                           unsigned *status)
{
    struct slice host;
    /* Only HTTP/1.0 may leave it out, which no browser speaks. */
    bool named = request->host.size > 0 || !request->is_1_0;
    if (named && (!split_host(request->host, &host) || !is_known(node, host))) {
        *status = 421;
        return "this node is not known by that name: ask it by its address, as localhost, by a "
               "name in --peers, or start it with --admin-hosts NAME\n";
    }
    if (is_foreign(request)) {
        *status = 403;
        return "a page from elsewhere may change nothing here\n";
    }
    return NULL;
}
