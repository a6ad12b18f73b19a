/* The addresses of a node: see node_addresses.h. */
#include "command/node_addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* --- values ---------------------------------------------------------------------------------- */

/* Commas between them, and the option more than once: each adds. */
static const char *add_addresses(const char *text, uint32_t *count, struct address *addresses)
{
    for (const char *at = text;; at++) {
        size_t size = strcspn(at, ",");
        struct address address;
        if (!address_parse(at, size, &address)) return ADDRESS_EXPECTED ",...";
        if (*count == NODE_ANNOUNCED_MAX) return "at most 4 addresses";
        addresses[(*count)++] = address;
        at += size;
        if (*at == '\0') return NULL;
    }
}

const char *node_addresses_parse_listen(const char *text, const struct option_spec *option)
{
    struct host_config *config = option->target;
    return add_addresses(text, &config->clients_count, config->clients);
}

const char *node_addresses_parse_announce(const char *text, const struct option_spec *option)
{
    struct node_addresses *to = option->target;
    const char *expected = add_addresses(text, &to->announce_count, to->announce);
    for (uint32_t i = 0; i < to->announce_count && expected == NULL; i++) {
        const struct address *address = &to->announce[i];
        bool vague = address_is_wildcard(address) || strcmp(address->port, "0") == 0;
        if (vague) expected = "an address that clients can dial";
    }
    return expected;
}

/* "1=host:port,2=host:port": any order, each id once. */
const char *node_addresses_parse_peers(const char *text, const struct option_spec *option)
{
    static const char expected[] = "ID=HOST:PORT,... like 1=10.0.0.1:7000,2=10.0.0.2:7000";
    struct node_config *node = option->target;
    node->peers_count = 0;
    for (const char *at = text;;) {
        size_t size = strcspn(at, ",");
        const char *equals = memchr(at, '=', size);
        uint64_t id;
        struct address address;
        if (equals == NULL || !decimal_read(slice_of(at, (size_t)(equals - at)), &id)) {
            return expected;
        }
        size_t address_size = size - (size_t)(equals + 1 - at);
        if (id == 0 || id > UINT32_MAX || address_size > RAFT_ADDRESS_SIZE_MAX ||
            !address_parse(equals + 1, address_size, &address)) {
            return expected;
        }
        if (node->peers_count == NODE_PEERS_MAX) return "at most 9 peers";
        for (uint32_t i = 0; i < node->peers_count; i++) {
            if (node->peers[i].id == id) return "each node's id once";
        }
        struct node_peer *peer = &node->peers[node->peers_count++];
        peer->id = (uint32_t)id;
        memcpy(peer->address, equals + 1, address_size);
        peer->address[address_size] = '\0';
        if (at[size] == '\0') return NULL;
        at += size + 1;
    }
}

const char *node_addresses_parse_join(const char *text, const struct option_spec *option)
{
    struct node_config *node = option->target;
    node->join = true;
    return node_addresses_parse_peers(text, option);
}

/* The members' order must not depend on how the flag was written. */
static int compare_peers(const void *a, const void *b)
{
    uint32_t x = ((const struct node_peer *)a)->id, y = ((const struct node_peer *)b)->id;
    return (x > y) - (x < y);
}

/* --- checks ---------------------------------------------------------------------------------- */

/* Peers reach this node by the name in its own entry; what that name means to itself is its own
 * business (in a container: its address; behind NAT: somebody else's). So it binds every interface
 * at that port, unless the entry is a loopback address: then nobody else was meant. */
static int set_peers(const struct node_addresses *to, const char *command,
                     struct host_config *config)
{
    struct node_config *node = &config->node;
    if (node->peers_count == 0) return 0;
    qsort(node->peers, node->peers_count, sizeof node->peers[0], compare_peers);
    const struct node_peer *own = NULL;
    for (uint32_t i = 0; i < node->peers_count; i++) {
        if (node->peers[i].id == node->self) own = &node->peers[i];
    }
    if (own == NULL && node->join && to->peer_listen_given) return 0;
    if (own == NULL && node->join) {
        return options_mistake(command, "join",
                               "needs --peer-listen HOST:PORT too, where the members will reach "
                               "this node, or an entry %u=HOST:PORT",
                               node->self);
    }
    if (own == NULL) {
        return options_mistake(command, "peers",
                               "does not name this node: expected an entry %u=HOST:PORT",
                               node->self);
    }
    if (node->peers_count == 1 && node->join) {
        return options_mistake(command, "join", "names no one but this node %u", node->self);
    }
    struct node_peer self = *own;
    if (node->peers_count == 1) {
        /* Nobody to found a cluster with: a node alone, which others may be added to. */
        node->peers_count = 0;
        memcpy(node->address, self.address, sizeof node->address);
    }
    if (to->peer_listen_given) return 0;
    struct address *peer = &config->peer;
    address_parse(self.address, strlen(self.address), peer);
    if (!address_is_loopback(peer)) strcpy(peer->host, "0.0.0.0");
    return 0;
}

static void default_listen(struct host_config *config, unsigned port)
{
    if (config->clients_count != 0) return;
    strcpy(config->clients[0].host, "127.0.0.1");
    snprintf(config->clients[0].port, sizeof config->clients[0].port, "%u", port & 0xFFFF);
    config->clients_count = 1;
}

/* Where it listens, if that is an address. Where it listens everywhere, the host is what its peers
 * call it. */
static struct address announce_by_itself(const struct node_config *node,
                                         const struct address *listen)
{
    struct address own, announced = *listen;
    const char *entry = node->address;
    for (uint32_t i = 0; i < node->peers_count; i++) {
        if (node->peers[i].id == node->self) entry = node->peers[i].address;
    }
    if (address_is_wildcard(listen)) {
        bool known = address_parse(entry, strlen(entry), &own);
        strcpy(announced.host, known ? own.host : "");
    }
    return announced;
}

static int set_announced(const struct node_addresses *to, const char *command,
                         struct host_config *config)
{
    struct node_config *node = &config->node;
    if (to->announce_count != 0 && to->announce_count != config->clients_count) {
        return options_mistake(command, "announce", "%u for %u of --listen: one each, or none",
                               to->announce_count, config->clients_count);
    }
    node->announced_count = config->clients_count;
    for (uint32_t i = 0; i < node->announced_count; i++) {
        struct address address = to->announce_count != 0
                                     ? to->announce[i]
                                     : announce_by_itself(node, &config->clients[i]);
        bool known = address.host[0] != '\0' && strcmp(address.port, "0") != 0;
        if (known) address_format(&address, node->announced[i], sizeof node->announced[i]);
    }
    return 0;
}

/* Port 0 is a free one, each time another. */
static bool clash(const struct address *a, const struct address *b)
{
    return strcmp(a->port, "0") != 0 && address_same(a, b);
}

/* The sockets would all bind, and the second fail to listen when the data directory is made. */
static int check_ports(const char *command, const struct host_config *config)
{
    const struct address *admin = &config->admin, *peer = &config->peer;
    bool peers = host_has_peer_port(config);
    bool peer_taken = peers && clash(peer, admin);
    for (uint32_t i = 0; i < config->clients_count; i++) {
        const struct address *client = &config->clients[i];
        for (uint32_t j = 0; j < i; j++) {
            if (!clash(client, &config->clients[j])) continue;
            return options_mistake(command, "listen", "%s:%s stands there twice", client->host,
                                   client->port);
        }
        if (clash(admin, client)) {
            return options_mistake(command, "admin", "%s:%s is where clients connect (--listen)",
                                   admin->host, admin->port);
        }
        peer_taken |= peers && clash(peer, client);
    }
    if (!peer_taken) return 0;
    return options_mistake(command, "peer-listen",
                           "%s:%s is --listen or --admin already: peers need their own port",
                           peer->host, peer->port);
}

int node_addresses_fill(const struct node_addresses *addresses, const char *command,
                        struct host_config *config)
{
    default_listen(config, addresses->port);
    int mistake = set_peers(addresses, command, config);
    if (mistake == 0) mistake = check_ports(command, config);
    if (mistake == 0) mistake = set_announced(addresses, command, config);
    return mistake;
}
