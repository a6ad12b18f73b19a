/* Where a node listens, whom it knows, and what clients are told of it: the options that are
 * addresses, their checks, and how they become a host_config. */
#ifndef QUARTET_COMMAND_NODE_ADDRESSES_H
#define QUARTET_COMMAND_NODE_ADDRESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "command/options.h"
#include "server/host.h"

/* What does not go straight into the host_config. */
struct node_addresses {
    struct address announce[NODE_ANNOUNCED_MAX];
    uint32_t announce_count;
    bool peer_listen_given;
    unsigned port; /* where clients connect by default, on loopback */
};

/* For option_spec.parse. Several addresses stand between commas; --listen and --announce may be
 * given more than once, and add up. Targets: a host_config, a node_addresses, two node_configs. */
const char *node_addresses_parse_listen(const char *text, const struct option_spec *option);
const char *node_addresses_parse_announce(const char *text, const struct option_spec *option);
const char *node_addresses_parse_peers(const char *text, const struct option_spec *option);
const char *node_addresses_parse_join(const char *text, const struct option_spec *option);

/* Once all options are parsed, config->node.self included. 0, or what options_mistake() returned;
 * `command` is what it is called by. */
int node_addresses_fill(const struct node_addresses *addresses, const char *command,
                        struct host_config *config);

#endif
