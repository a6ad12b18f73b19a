/* A request of the gateway, from JSON to a command of the machine. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_REQUEST_H
#define QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_REQUEST_H

#include "base/bytes.h"
#include "systems/consensus/machine/consensus.h"

/* Appends the command that `body` asks for: one of RANGE, PUT, DELETE, TXN. NULL, or what is wrong
 * with the JSON, in words that live for ever; then what was appended means nothing. `serializable`
 * is set for a RANGE. */
const char *gateway_read(enum consensus_op op, struct slice body, struct buffer *command,
                         bool *serializable);

#endif
