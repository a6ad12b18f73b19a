/* The store's protocol: RESP, and what of Redis and Redis Cluster a node answers by itself. What is
 * answered is specs/systems/store.md. */
#ifndef QUARTET_SYSTEMS_STORE_PROTOCOL_PROTOCOL_H
#define QUARTET_SYSTEMS_STORE_PROTOCOL_PROTOCOL_H

#include "contract/protocol.h"

/* protocol_config.options: borrowed as long as there are connections. NULL: a node 1 at
 * 127.0.0.1:6379, no password. */
struct store_protocol_options {
    uint32_t node;
    const char *announced; /* HOST:PORT that clients dial here, where the node does not know */
    const char *password;  /* of the user `default`; NULL: none is asked for */
    bool fsync_never;
    bool redirects;         /* else it forwards, and shows itself as the owner of all slots */
    bool announces_leaders; /* as replicas, too: --announce-replicas */
};

extern const struct protocol_ops store_protocol_ops;

#endif
