/* A request of the gateway, from JSON to a command of the machine. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_REQUEST_H
#define QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_REQUEST_H

#include "base/bytes.h"
#include "systems/consensus/machine/consensus.h"

enum {
    GATEWAY_RENEWALS_MAX = 1024,     /* of leases, in one body */
    GATEWAY_SIMPLE_BYTES = 1 + 2 * 8 /* a command of two numbers */
};

/* Appends the command that `body` asks for; of KEEP_ALIVE, one for each object in it; of ALARM,
 * STATUS where it only asks. NULL, or what is wrong with the JSON, in words that live for ever;
 * then what was appended means nothing. `serializable` is set for a RANGE. */
const char *gateway_read(enum consensus_op op, struct slice body, struct buffer *command,
                         bool *serializable);

/* What stands in the body of a watch besides the command. */
struct gateway_watch_request {
    int64_t id;
    bool notify;   /* of progress, where there is nothing else to say */
    bool progress; /* asks for it now, once */
};

/* Appends where a watch begins, as WATCH of a protocol has it. NULL, or what is wrong. */
const char *gateway_read_watch(struct slice body, struct gateway_watch_request *request,
                               struct buffer *command);

#endif
