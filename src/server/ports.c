/* Where a node listens. See ports.h. */
#include "server/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/host.h"
#include "server/say.h"

enum { PORT_LAST = 65535 };

static const char *const flags[] = {
    [NODE_CLIENT] = "--listen", [NODE_PEER] = "--peer-listen", [NODE_ADMIN] = "--admin"};

static void add(struct host_ports *ports, enum node_listener kind, const struct address *address,
                int fd)
{
    ports->all[ports->count++] = (struct host_port){kind, address, fd};
}

static bool bind_one(struct host_ports *ports, enum node_listener kind, struct address *address)
{
    char error[256];
    int fd = address_bind(address, error, sizeof error);
    if (fd < 0) {
        say_line("%s: %s", flags[kind], error);
        return false;
    }
    add(ports, kind, address, fd);
    return true;
}

/* By the number alone: of which interfaces does not matter, for there are other numbers. */
static bool is_own(const struct host_ports *ports, const char *port)
{
    for (unsigned i = 0; i < ports->count; i++) {
        if (strcmp(ports->all[i].address->port, port) == 0) return true;
    }
    return false;
}

/* A port that is bound and not listened at is bound by the next one, too. Where one may move, it
 * has to be known by now that it is ours: so it listens at once, and who connects waits until the
 * node can answer. */
static int bind_firmly(struct address *address, char *error, size_t error_size)
{
    int fd = address_bind(address, error, error_size);
    if (fd < 0 || listen(fd, SOMAXCONN) == 0) return fd;
    snprintf(error, error_size, "cannot listen on %s:%s: another program listens there",
             address->host, address->port);
    close(fd);
    return -1;
}

/* The default port, or the next one that is free. */
static bool bind_somewhere(struct host_ports *ports)
{
    char error[256], first_error[256] = "";
    struct address *admin = &ports->admin;
    long first = strtol(admin->port, NULL, 10);
    for (long port = first; port < first + PORTS_ADMIN_TRIES && port <= PORT_LAST; port++) {
        snprintf(admin->port, sizeof admin->port, "%u", (unsigned)port & PORT_LAST);
        if (is_own(ports, admin->port)) continue;
        int fd = bind_firmly(admin, error, sizeof error);
        if (fd >= 0) {
            add(ports, NODE_ADMIN, admin, fd);
            if (port != first) say_line("--admin: %s; it moves to %s", first_error, admin->port);
            return true;
        }
        if (first_error[0] == '\0') memcpy(first_error, error, sizeof error);
    }
    say_line("--admin: %s, and no port behind it is free", first_error);
    return false;
}

bool host_ports_bind(struct host_ports *ports, struct host_config *config)
{
    ports->count = 0;
    ports->admin = config->admin;
    for (uint32_t i = 0; i < config->clients_count; i++) {
        if (!bind_one(ports, NODE_CLIENT, &config->clients[i])) return false;
    }
    if (host_has_peer_port(config) && !bind_one(ports, NODE_PEER, &config->peer)) return false;
    if (config->admin_given) return bind_one(ports, NODE_ADMIN, &ports->admin);
    return bind_somewhere(ports);
}

/* Two programs may bind one port at the same moment; the second to listen hears of it here. */
bool host_ports_listen(const struct host_ports *ports, struct tcp *tcp)
{
    for (unsigned i = 0; i < ports->count; i++) {
        const struct host_port *port = &ports->all[i];
        int failed = tcp_listen(tcp, port->kind, port->fd);
        if (failed != 0) {
            say_line("%s: cannot listen on %s:%s: %s", flags[port->kind], port->address->host,
                     port->address->port,
                     failed == UV_EADDRINUSE ? "another program listens there"
                                             : uv_strerror(failed));
            return false;
        }
    }
    return true;
}
