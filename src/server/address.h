/* "host:port" and "[v6]:port": read, and turned into listening sockets. */
#ifndef QUARTET_SERVER_ADDRESS_H
#define QUARTET_SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ADDRESS_HOST_SIZE_MAX = 253,
};

struct address {
    char host[ADDRESS_HOST_SIZE_MAX + 1]; /* a name or a numeric address, without brackets */
    char port[6];                         /* decimal, 0 to 65535 */
};

/* With brackets and colon. */
enum { ADDRESS_TEXT_SIZE_MAX = ADDRESS_HOST_SIZE_MAX + 8 };

#define ADDRESS_EXPECTED "HOST:PORT, like 127.0.0.1:11300"

/* False when malformed. `text` need not end in zero. */
bool address_parse(const char *text, size_t size, struct address *address);
/* HOST:PORT as address_parse() takes it, cut off at `size` bytes with the zero behind it. */
void address_format(const struct address *address, char *out, size_t size);
bool address_same(const struct address *a, const struct address *b); /* as text */
bool address_is_wildcard(const struct address *address); /* 0.0.0.0 or [::]: every interface */
/* 127.0.0.0/8, ::1 or localhost. Names are not resolved. */
bool address_is_loopback(const struct address *address);

/* Resolves (blocking), creates and binds a socket; listening is up to the caller. Returns the
 * descriptor, or -1 after saying in `error` why not ("the address is in use"). Port 0 becomes the
 * one that the system chose. */
int address_bind(struct address *address, char *error, size_t error_size);
/* Resolves (blocking) and connects within the timeout; -1 after saying why not in `error`. Reads
 * and writes on the descriptor time out likewise. */
int address_connect(const struct address *address, uint32_t timeout_ms, char *error,
                    size_t error_size);

#endif
