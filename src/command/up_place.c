/* Where clusters of `quartet up` live: see up.h.
 *
 * A cluster is at home at a port: the system's own, or what --port says. Its data is named after
 * its home and not after the ports that it gets: those are chance, for another program may hold
 * them today and not tomorrow, and jobs of yesterday must not be missing for that. Its members find
 * one another at other ports than those in their log, because --peers names the new ones
 * (specs/peer.md). A home where a cluster runs is taken: a second `quartet up` gets the next. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/options.h"
#include "command/up.h"
#include "server/address.h"
#include "server/directory.h"
#include "server/system.h"

enum {
    UP_PORT_MAX = 65535 - UP_BLOCK_PORTS,
    UP_REASON_SIZE_MAX = 256,
};

unsigned up_port_of(const struct up_cluster *cluster, enum up_port kind, unsigned number)
{
    return cluster->port + (unsigned)kind * UP_PORTS_APART + number - 1;
}

/* --- data ------------------------------------------------------------------------------------ */

static bool data_in_use(const struct up_cluster *cluster)
{
    for (unsigned i = 1; i <= UP_NODES_MAX; i++) {
        char path[UP_PATH_SIZE_MAX + 64];
        snprintf(path, sizeof path, "%s/%s-%u", cluster->data, cluster->system->name, i);
        if (directory_in_use(path)) return true;
    }
    return false;
}

/* Membership lives in the log from the founding on: another number of nodes is another cluster. */
static bool data_fits(const struct up_cluster *cluster)
{
    uint64_t nodes_count = cluster->up->nodes_count;
    unsigned found = 0;
    for (unsigned i = 1; i <= UP_NODES_MAX; i++) {
        char path[UP_PATH_SIZE_MAX + 64];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s-%u", cluster->data, cluster->system->name, i);
        if (stat(path, &status) == 0) found = i;
    }
    if (found == 0 || found == nodes_count) return true;
    fprintf(stderr,
            "quartet up: %s holds a cluster of %u nodes: use --nodes %u or another --data\n",
            cluster->data, found, found);
    return false;
}

/* Returns the home. */
static unsigned find_home(struct up_cluster *cluster, unsigned home)
{
    const struct up *up = cluster->up;
    if (up->data != NULL) {
        snprintf(cluster->data, sizeof cluster->data, "%s", up->data);
        return home;
    }
    char first[UP_PATH_SIZE_MAX];
    for (unsigned tried = 0;; tried++) {
        snprintf(cluster->data, sizeof cluster->data, "quartet-data/up-%u", home);
        if (tried == 0) snprintf(first, sizeof first, "%s", cluster->data);
        bool movable = up->port == 0 && tried < UP_BLOCKS_MAX && home < UP_PORT_MAX;
        if (!movable || !data_in_use(cluster)) break; /* then the node will say so */
        home += UP_BLOCK_PORTS;
    }
    if (strcmp(first, cluster->data) != 0) {
        printf("up: %s is in use by a cluster that runs; this one of %s gets %s\n", first,
               cluster->system->name, cluster->data);
    }
    return home;
}

/* --- ports ----------------------------------------------------------------------------------- */

static bool overlaps_another(const struct up_cluster *cluster)
{
    const struct up *up = cluster->up;
    for (const struct up_cluster *other = up->clusters; other < cluster; other++) {
        if (cluster->port < other->port + UP_BLOCK_PORTS &&
            other->port < cluster->port + UP_BLOCK_PORTS) {
            return true;
        }
    }
    return false;
}

static bool ports_are_free(const struct up_cluster *cluster, char reason[UP_REASON_SIZE_MAX])
{
    uint64_t nodes_count = cluster->up->nodes_count;
    for (unsigned kind = 0; kind < UP_PORT_KINDS; kind++) {
        if (kind == UP_PEERS && nodes_count == 1) continue;
        for (unsigned i = 1; i <= nodes_count; i++) {
            struct address address = {.host = "127.0.0.1"};
            unsigned port = up_port_of(cluster, kind, i) & 0xFFFF;
            snprintf(address.port, sizeof address.port, "%u", port);
            int fd = address_bind(&address, reason, UP_REASON_SIZE_MAX);
            if (fd < 0) return false;
            close(fd);
        }
    }
    return true;
}

/* From its home on: the first block that is free. 0, or the exit code. */
static int find_ports(struct up_cluster *cluster, unsigned home)
{
    const struct up *up = cluster->up;
    char reason[UP_REASON_SIZE_MAX] = "";
    cluster->port = home;
    for (unsigned tried = 0; tried < UP_BLOCKS_MAX && cluster->port <= UP_PORT_MAX; tried++) {
        char why[UP_REASON_SIZE_MAX] = "another system is there";
        if (!overlaps_another(cluster) && ports_are_free(cluster, why)) {
            if (tried > 0)
                printf("up: %s; %s moves to %u\n", reason, cluster->system->name, cluster->port);
            return 0;
        }
        if (tried == 0) memcpy(reason, why, sizeof reason);
        if (up->port != 0) {
            fprintf(stderr, "quartet up: %s; another --port N may do\n", reason);
            return OPTIONS_EXIT_USAGE;
        }
        cluster->port += UP_BLOCK_PORTS;
    }
    fprintf(stderr, "quartet up: %s, and no %d ports behind are free for %s\n", reason,
            UP_BLOCK_PORTS, cluster->system->name);
    return SYSTEM_EXIT_FAILED;
}

int up_place(struct up *up)
{
    for (unsigned i = 0; i < up->clusters_count; i++) {
        struct up_cluster *cluster = &up->clusters[i];
        unsigned home =
            up->port != 0 ? (unsigned)up->port + i * UP_BLOCK_PORTS : cluster->system->port;
        home = find_home(cluster, home);
        if (!data_fits(cluster)) return SYSTEM_EXIT_FAILED;
        int failed = find_ports(cluster, home);
        if (failed != 0) return failed;
    }
    return 0;
}
