/* The registers' protocol: a line for a command, a line for its reply, each ended by a newline.
 *
 *     read KEY [LEVEL]            VALUE n
 *     write KEY n                 WRITTEN
 *     swap KEY EXPECTED n         SWAPPED, or KEPT n when it holds something else
 *
 * LEVEL is `log` (the read is an entry like a write), or one of a question that no entry carries
 * (protocol.h): `linearizable`, `lease`, `local`; without it, the one of protocol_config.
 * Keys are 0 to REGISTER_COUNT - 1, numbers decimal u64. Anything else: BAD. A command that was
 * certainly not carried out: REFUSED and why, in one word. */
#ifndef QUARTET_SYSTEMS_REGISTER_PROTOCOL_FRAMES_H
#define QUARTET_SYSTEMS_REGISTER_PROTOCOL_FRAMES_H

#include "systems/register/machine/register.h"
#include "contract/protocol.h"

enum { REGISTER_LINE_SIZE_MAX = 64 }; /* with its newline; a longer one ends the connection */

extern const struct protocol_ops register_protocol_ops;

/* --- for tokens.c, which says the same words behind a token --- */

/* One line without its newline; request->read is set where the line names a level, and
 * request->kind. False when it is BAD. */
bool register_line_read(struct slice line, struct register_command *command,
                        struct protocol_request *request);
/* With a newline. */
void register_reply_write(const struct register_reply *reply, struct buffer *out);
void register_refusal_write(enum protocol_refusal why, struct buffer *out);

#endif
