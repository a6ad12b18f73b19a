/* Names, addresses and origins. See access.h. */
#include "node/admin/access.h"

#include "wire/http1_host.h"

/* The host of an address as the operator wrote it. */
static bool is_host_of(struct slice host, struct slice address)
{
    struct slice name;
    return http_host_split(address, &name) && http_host_same(host, name);
}

static bool is_known(const struct node *node, struct slice host)
{
    const struct node_config *config = &node->config;
    if (http_host_is_address(host) || http_host_same(host, slice_text("localhost"))) return true;
    if (http_host_listed(host, config->admin_hosts)) return true;
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
    const struct http_field *origin = http_field_find(request, "origin");
    if (request->method != HTTP_POST || origin == NULL) return false;
    struct slice authority = http_url_behind_scheme(origin->value);
    if (authority.size == 0) return true; /* "null" too: some page of nobody knows where */
    return !http_host_same(authority, request->host);
}

const char *access_refused(const struct node *node, const struct http_request *request,
                           unsigned *status)
{
    struct slice host;
    /* Only HTTP/1.0 may leave it out, which no browser speaks. */
    bool named = request->host.size > 0 || !request->is_1_0;
    if (named && (!http_host_split(request->host, &host) || !is_known(node, host))) {
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
