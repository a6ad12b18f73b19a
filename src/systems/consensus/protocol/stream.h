/* A connection of the gateway that has become a watch: one line of JSON a response, in chunks,
 * until it is closed.
 *
 * An event goes out as it comes, as the next of its line's array, and the line ends where a
 * revision does: none is split between two lines, however large, and none is held back. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_STREAM_H
#define QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_STREAM_H

#include "contract/protocol.h"
#include "systems/consensus/machine/consensus.h"
#include "systems/consensus/protocol/request.h"
#include "wire/http1.h"

#define STREAM_PROGRESS_US UINT64_C(600000000) /* of silence, then a watch that asked is told */

/* Zero-initialized: there is none. */
struct stream {
    bool open;
    bool is_1_0;
    bool within; /* a line of events has begun */
    bool spoke;  /* since the last turn */
    bool torn;   /* a line cannot be ended: the connection has to be */
    struct gateway_watch_request request;
    struct http_stream http;
    int64_t until;      /* all was said up to this revision; 0: nobody knows */
    uint64_t silent_us; /* since when; 0: not told yet */
};

/* Whatever the machine says of the watch. */
void stream_push(struct stream *stream, const struct consensus_news *news,
                 const struct protocol_facts *facts, struct buffer *out);
/* As protocol_ops.turn(), of a connection that has one. */
uint64_t stream_turn(struct stream *stream, uint64_t now_us, const struct protocol_facts *facts,
                     struct buffer *out);

#endif
