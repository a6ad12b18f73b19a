/* The registers' unordered protocol: the lines of frames.h, each behind a token, a decimal u64 that
 * the client chooses and that its reply repeats; replies come when they are ready. And watches:
 *
 *     T watch KEY [FROM]      T WATCHING v      what it hears begins at version v of the register,
 *                                               the next one where no FROM is given;
 *                             T EVENT v n       then each version, in order, once: v is n
 *                             T GAP v           up to and including v they are not kept any more
 *     T cancel                                  nothing more of T comes
 *
 * What is not certain is told: `T UNKNOWN`. A line that is none: `0 BAD`, without a token of its
 * own; one too long ends the connection. */
#ifndef QUARTET_SYSTEMS_REGISTER_PROTOCOL_TOKENS_H
#define QUARTET_SYSTEMS_REGISTER_PROTOCOL_TOKENS_H

#include "contract/protocol.h"

enum { REGISTER_TOKENS_HELD_MAX = 64 << 10 }; /* bytes of requests that nobody wants yet */

extern const struct protocol_ops register_tokens_ops;

#endif
