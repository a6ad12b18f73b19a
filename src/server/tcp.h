/* Sockets: listeners, accepted and dialed connections, their output.
 *
 * Connections that have something to be read are read in the order in which they were last read:
 * who has waited longest comes first. In the order of the poll a connection that just missed one
 * round would be last in the next, and wait for twice what the others do.
 *
 * SENDs of one turn to one connection leave in one write (those of several, where they are held).
 * What the kernel does not take at once is copied and follows; reading is the node's business (READ
 * on or off). A connection is known by its number from OPENED until CLOSED was reported; what is
 * sent to a number that is gone is dropped.
 *
 * Nothing here steps the node while actions are carried out, because their bytes live only until
 * the next step: SENT, CLOSED and CONNECT_FAILED that arise then wait in a list for
 * tcp_report(). */
#ifndef QUARTET_SERVER_TCP_H
#define QUARTET_SERVER_TCP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "node/node.h"

enum {
    TCP_SLICES_MAX = 16, /* borrowed pieces of output gathered for one write */
    TCP_READ_BYTES = 128 << 10,
    TCP_READY_MAX = 256, /* connections known to be readable; then some are read */
    TCP_BACKLOG = 1024,  /* listen(): connections the kernel accepts ahead of us */
    TCP_KEEPALIVE_S = 60,
    TCP_RESOLVE_US_MAX = 5000000, /* a name; connecting to what it means is the next's */
    TCP_WATCH_MS = 50,            /* while connections have a deadline */
    TCP_SHAKE_US_MAX = 10000000,  /* a TLS handshake */
    TCP_COMPLAIN_US = 10000000,   /* what goes wrong again and again is said this often */
    TCP_CLOSE_US_MAX = 5000000,   /* to take the last output after a CLOSE */
    TCP_SENT_TURN_BYTES = 4096,   /* this much SENT may unblock something: turn at once */
    TCP_LISTENERS_MAX = 8,
};

struct host;
struct tls;
struct tls_files;

struct tcp_listener {
    uv_tcp_t handle;
    enum node_listener kind;
    uint32_t place; /* among those of its kind */
    bool listening;
};

struct tcp {
    struct host *host;
    uv_loop_t *loop;
    struct map by_number;
    struct heap ready;   /* are readable; by when they were last read */
    uint64_t reads;      /* a clock for that */
    struct list dirty;   /* have output of this turn, or are to be closed */
    struct list reports; /* have something to tell the node */
    struct list waiting; /* dialing or closing: have a deadline */
    uv_timer_t watch;    /* runs while there are any */
    /* For an address to answer. The kernel would try for two minutes, ever more seldom, and go on
     * doing so when the network has long been there again. */
    uint64_t connect_us_max;
    uint32_t number_last;
    uint64_t accepted;
    uint64_t accept_failures;
    uint64_t accept_failure_said_us;
    uint32_t writing; /* connections whose output the kernel has not taken yet */
    uint32_t open;
    uint32_t open_max; /* those beyond are closed as they come: the disk needs descriptors, too */
    uint32_t clients;  /* of these, how many came to the clients' port */
    uint64_t clients_total;
    struct tcp_listener listeners[TCP_LISTENERS_MAX];
    uint32_t listeners_count;
    struct dial_complaint {
        char address[RAFT_ADDRESS_SIZE_MAX + 1];
        int code;
    } complaints[NODE_PEERS_MAX];
    struct tls *tls;          /* NULL: everything is in the clear. The host's */
    struct buffer came, goes; /* by TLS, in the clear, during one call */
    uint64_t tls_said_us;     /* when a handshake that failed was last told of */
    uint64_t tls_failures;
    uint8_t read_buffer[TCP_READ_BYTES];
};

void tcp_open(struct tcp *tcp, struct host *host, uv_loop_t *loop, uint64_t connect_us_max);
/* Takes a bound socket and accepts from it; TCP_LISTENERS_MAX times at most. 0 or a negative uv
 * error. */
int tcp_listen(struct tcp *tcp, enum node_listener kind, int fd);
void tcp_stop_listening(struct tcp *tcp);
/* From now on whoever connects or is dialed does so under TLS, by these files, which are read here.
 * False after saying what is wrong with them: all stays as it was. */
bool tcp_tls_load(struct tcp *tcp, const struct tls_files *files);

/* Actions. `bytes` is borrowed until tcp_flush() or tcp_hold(). */
void tcp_send(struct tcp *tcp, uint32_t number, struct slice bytes);
void tcp_dial(struct tcp *tcp, uint32_t number, struct slice address);
void tcp_close_one(struct tcp *tcp, uint32_t number);
void tcp_read(struct tcp *tcp, uint32_t number, bool on);

/* Reads so many connections at most, and steps the node with what came. Whether any is left. */
bool tcp_read_ready(struct tcp *tcp, unsigned count);
/* Writes the output of the turn. */
void tcp_flush(struct tcp *tcp);
/* Or keeps it, so that it leaves together with what the next turn adds. Of what was borrowed it
 * makes copies. */
void tcp_hold(struct tcp *tcp);
/* Steps the node with what was noticed while actions were carried out. */
void tcp_report(struct tcp *tcp);
#endif
