/* SHA-1 (FIPS 180-4), which the handshake of a WebSocket is made of (RFC 6455, section 4.2.2). It
 * keeps nobody from anything: two texts of one digest are easily made. Do not use it for more. */
#ifndef QUARTET_BASE_SHA1_H
#define QUARTET_BASE_SHA1_H

#include <stdint.h>

#include "base/bytes.h"

enum { SHA1_SIZE = 20 };

void sha1(struct slice bytes, uint8_t digest[SHA1_SIZE]);

#endif
