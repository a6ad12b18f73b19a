/* What the machine said, as the gateway's JSON. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_RESPONSE_H
#define QUARTET_SYSTEMS_CONSENSUS_PROTOCOL_RESPONSE_H

#include "base/bytes.h"
#include "contract/protocol.h"
#include "systems/consensus/machine/consensus.h"

/* What `/version` and the status say: the API that this is. */
#define GATEWAY_VERSION "3.6.0"

/* How a STATUS is shown; any other reply is shown as what it is. */
enum gateway_view { GATEWAY_STATUS, GATEWAY_ALARMS, GATEWAY_HASH, GATEWAY_NOTHING };

/* Appends the body of a reply without an error. */
void gateway_write(const struct consensus_reply *reply, enum gateway_view view,
                   const struct protocol_facts *facts, struct buffer *out);
/* The members of the cluster and their URLs, as far as this node knows. */
void gateway_write_members(const struct protocol_facts *facts, bool secure, struct buffer *out);

/* Pieces of the lines of a stream: an EVENT as a member of an array, `first` with all that comes
 * before it; what ends the line of events; and lines by themselves: of BEGIN, NOTHING, COMPACTED,
 * and of progress, for any watch or, `any`, all of the stream. */
void gateway_write_event(const struct consensus_news *news, int64_t id, bool first,
                         const struct protocol_facts *facts, struct buffer *out);
void gateway_end_events(struct buffer *out);
void gateway_write_news(const struct consensus_news *news, int64_t id,
                        const struct protocol_facts *facts, struct buffer *out);
void gateway_write_progress(int64_t revision, int64_t id, const struct protocol_facts *facts,
                            struct buffer *out);

/* Appends {"error":...} and returns the HTTP status of that gRPC code. */
unsigned gateway_write_error(unsigned code, const char *text, struct buffer *out);
/* The same as a line of a stream whose head has been sent. */
void gateway_write_late_error(unsigned code, const char *text, struct buffer *out);

#endif
