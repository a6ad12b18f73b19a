/* etcd's JSON gateway over HTTP/1.1: specs/systems/consensus.md, "The small store", and all members
 * of its requests. Keys and values are base64, 64-bit numbers are strings. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_GATEWAY_H
#define QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_GATEWAY_H

#include "contract/protocol.h"

enum {
    GATEWAY_BODY_SIZE_MAX = 3 << 20, /* base64 of a command as large as may be, and its names */
    GATEWAY_DEPTH_MAX = 26,          /* of objects and arrays: seven transactions in one another */
};

extern const struct protocol_ops gateway_ops;

#endif
