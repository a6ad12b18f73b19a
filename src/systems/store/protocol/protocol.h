/* The store's protocol: RESP, and what of Redis and Redis Cluster a node answers by itself. What is
 * answered is specs/systems/store.md. */
#ifndef QUARTET_SYSTEMS_STORE_PROTOCOL_PROTOCOL_H
#define QUARTET_SYSTEMS_STORE_PROTOCOL_PROTOCOL_H

#include "contract/protocol.h"

/* protocol_config.options: borrowed as long as there are connections. NULL: a node 1 at
 * 127.0.0.1:6379, no password. */
struct store_protocol_options {
    uint32_t node;
    const char *announced; /* HOST:PORT that clients are told to dial */
    const char *password;  /* of the user `default`; NULL: none is asked for */
    bool fsync_never;
};

extern const struct protocol_ops store_protocol_ops;

#endif
