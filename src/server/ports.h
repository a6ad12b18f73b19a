/* Where a node listens: for clients, peers and admins.
 *
 * All ports are bound before anything on disk is touched, for a port in use is the commonest
 * mistake; and they listen once the node can answer. Only the admin port, where nobody asked for
 * it, may be another than was meant: two nodes on one machine, each with its defaults, have no
 * other port in common. */
#ifndef QUARTET_SERVER_PORTS_H
#define QUARTET_SERVER_PORTS_H

#include <stdbool.h>

#include "node/node.h"
#include "server/address.h"
#include "server/tcp.h"

enum { PORTS_ADMIN_TRIES = 100 }; /* from the default one on */

struct host_config;

struct host_port {
    enum node_listener kind;
    const struct address *address; /* borrowed of the config, or of struct host_ports */
    int fd;
};

struct host_ports {
    unsigned count;
    struct host_port all[TCP_LISTENERS_MAX];
    struct address admin; /* as it is */
};

/* Does not move once bound. False, and said why, when one cannot be had. `config` is borrowed, and
 * outlives it; port 0 becomes the one that was chosen. */
bool host_ports_bind(struct host_ports *ports, struct host_config *config);
/* False, and said why, when another program has come first meanwhile. */
bool host_ports_listen(const struct host_ports *ports, struct tcp *tcp);

#endif
