/* Addresses and blocking sockets: the slow paths of the load generator (setting a connection up,
 * the one connection of a failover). The hot loop is in driver.c. */
#ifndef QUARTET_BENCH_WIRE_H
#define QUARTET_BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
};

/* Parses HOST:PORT (an address or a name; [HOST]:PORT for IPv6). 0, or -1 if it cannot be
 * resolved. */
int wire_resolve(const char *text, struct address *out);

/* A connected blocking socket without Nagle's delay, whose connect, reads and writes give up
 * after timeout_us. Negative errno on failure. The caller closes it. */
int wire_connect(const struct address *to, uint64_t timeout_us);

/* Sends all of it. 0 or negative errno. */
int wire_send(int fd, const void *bytes, size_t len);

/* Reads one line up to CRLF, a byte at a time so that nothing behind it is swallowed; stores it
 * without the CRLF, zero-terminated. Its length, or negative errno (-ECONNRESET at end of file,
 * -EAGAIN on timeout, -EMSGSIZE when it does not fit). */
int wire_read_line(int fd, char *line, size_t size);

/* Raises the limit on open files as far as it goes; returns what it then is. */
uint64_t wire_raise_file_limit(void);

#endif
