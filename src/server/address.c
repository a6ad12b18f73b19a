/* Addresses: see address.h. */
#include "server/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bytes.h"

bool address_parse(const char *text, size_t size, struct address *address)
{
    size_t colon = size;
    while (colon > 0 && text[colon - 1] != ':') colon--;
    if (colon < 2) return false; /* no colon, or nothing before it */
    const char *host = text;
    size_t host_size = colon - 1;
    if (host[0] == '[') {
        if (host_size < 3 || host[host_size - 1] != ']') return false;
        host++;
        host_size -= 2;
    } else if (memchr(host, ':', host_size) != NULL) {
        return false; /* IPv6 goes into brackets: else nobody knows where it ends */
    }
    size_t port_size = size - colon;
    uint64_t port;
    if (host_size > ADDRESS_HOST_SIZE_MAX || port_size == 0 || port_size > 5) return false;
    if (!decimal_read(slice_of(text + colon, port_size), &port) || port > 65535) return false;
    for (size_t i = 0; i < host_size; i++) {
        if ((unsigned char)host[i] <= ' ' || host[i] == '/' || host[i] == '=') return false;
    }
    memcpy(address->host, host, host_size);
    address->host[host_size] = '\0';
    snprintf(address->port, sizeof address->port, "%u", (unsigned)port);
    return true;
}

void address_format(const struct address *address, char *out, size_t size)
{
    bool v6 = strchr(address->host, ':') != NULL;
    snprintf(out, size, v6 ? "[%s]:%s" : "%s:%s", address->host, address->port);
}

bool address_same(const struct address *a, const struct address *b)
{
    return strcmp(a->port, b->port) == 0 && strcmp(a->host, b->host) == 0;
}

bool address_is_wildcard(const struct address *address)
{
    return strcmp(address->host, "0.0.0.0") == 0 || strcmp(address->host, "::") == 0;
}

bool address_is_loopback(const struct address *address)
{
    return strncmp(address->host, "127.", 4) == 0 || strcmp(address->host, "::1") == 0 ||
           strcmp(address->host, "localhost") == 0;
}

static struct addrinfo *resolve(const struct address *address, int flags, char *error,
                                size_t error_size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(address->host, address->port, &hints, &found);
    if (code == 0) return found;
    snprintf(error, error_size, "cannot resolve \"%s\": %s", address->host, gai_strerror(code));
    return NULL;
}

/* SOCK_CLOEXEC and SOCK_NONBLOCK are not everywhere. */
static int open_socket(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static int bind_one(const struct addrinfo *where)
{
    int fd = open_socket(where->ai_family);
    if (fd < 0) return -1;
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (where->ai_family == AF_INET6) {
        int zero = 0; /* [::] serves IPv4 too */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    }
    if (bind(fd, where->ai_addr, where->ai_addrlen) == 0) return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static void learn_port(int fd, struct address *address)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    if (strtoul(address->port, NULL, 10) != 0) return;
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0) return;
    getnameinfo((struct sockaddr *)&bound, size, NULL, 0, address->port, sizeof address->port,
                NI_NUMERICSERV);
}

int address_bind(struct address *address, char *error, size_t error_size)
{
    struct addrinfo *found = resolve(address, AI_PASSIVE, error, error_size);
    if (found == NULL) return -1;
    int fd = -1;
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) fd = bind_one(at);
    if (fd < 0) {
        const char *why = errno == EADDRINUSE ? "another program listens there" : strerror(errno);
        snprintf(error, error_size, "cannot listen on %s:%s: %s", address->host, address->port,
                 why);
    } else {
        learn_port(fd, address);
    }
    freeaddrinfo(found);
    return fd;
}

static int connect_one(const struct addrinfo *where, uint32_t timeout_ms)
{
    int fd = open_socket(where->ai_family);
    if (fd < 0) return -1;
    int failed = connect(fd, where->ai_addr, where->ai_addrlen) < 0 ? errno : 0;
    if (failed == EINPROGRESS) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        socklen_t size = sizeof failed;
        if (poll(&wait, 1, (int)timeout_ms) <= 0) {
            failed = ETIMEDOUT;
        } else {
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
        }
    }
    if (failed != 0) {
        close(fd);
        errno = failed;
        return -1;
    }
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

int address_connect(const struct address *address, uint32_t timeout_ms, char *error,
                    size_t error_size)
{
    struct addrinfo *found = resolve(address, 0, error, error_size);
    if (found == NULL) return -1;
    int fd = -1;
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = connect_one(at, timeout_ms);
    }
    if (fd < 0) {
        snprintf(error, error_size, "cannot connect to %s:%s: %s", address->host, address->port,
                 strerror(errno));
    }
    freeaddrinfo(found);
    return fd;
}
