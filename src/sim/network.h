/* The simulated network: connections between places, and every fault a network can have.
 *
 * A place is a node's host or a client's. A connection is a pair of byte streams, as TCP gives:
 * bytes arrive in order, cut and joined anywhere, late, and not at all once the connection broke.
 * A cut link (network_cut) holds what is under way until it heals, as retransmission would.
 *
 * Connections between nodes carry frames that begin with their length (u32, little-endian, itself
 * included). While a storm blows, the network takes such frames one by one and loses, duplicates,
 * reorders or delays them, which no TCP would: the protocol above must not care.
 *
 * Everything here is ordered by the schedule; nothing depends on addresses. */
#ifndef QUARTET_SIM_NETWORK_H
#define QUARTET_SIM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/random.h"
#include "sim/schedule.h"

enum {
    NETWORK_PLACES_MAX = 32,
    NETWORK_FRAME_MAX = 32 << 20, /* a longer length is not a frame: such bytes pass unharmed */
};

/* What a place hears. `world` is the one given to network_create(). */
struct network_sink {
    /* 0: come in now. Else the time until which the place stands still. */
    uint64_t (*busy_until_us)(void *world, uint32_t place);
    /* Someone dials: the number of the new connection at this place, or 0 to refuse. Unless
     * refused, opened() follows at once. */
    uint32_t (*accept)(void *world, uint32_t place, bool peer);
    void (*opened)(void *world, uint32_t place, uint32_t number, bool peer);
    void (*connect_failed)(void *world, uint32_t place, uint32_t number);
    void (*received)(void *world, uint32_t place, uint32_t number, struct slice bytes);
    /* So many bytes that the place sent have left it. */
    void (*sent)(void *world, uint32_t place, uint32_t number, size_t count);
    void (*closed)(void *world, uint32_t place, uint32_t number);
    void (*narrate)(void *world, const char *what, uint32_t from, uint32_t to, size_t size);
};

/* In parts of a thousand frames. */
struct network_storm {
    uint32_t lost;
    uint32_t duplicated;
    uint32_t reordered;
    uint32_t delayed;
    uint64_t delay_us_max;
};

struct packet {
    struct list link; /* among those under way to one end, by time; or among the free */
    uint64_t at_us;
    uint64_t sent_us;
    uint64_t number; /* of all that were ever sent, from 1 */
    uint32_t mark;   /* network_each_under_way()'s caller's; 0 at first */
    struct buffer bytes;
};

/* A packet under way, to look at. */
struct network_glance {
    uint64_t number;
    uint32_t from, to; /* places */
    bool peer;
    bool held; /* its link is cut, or its receiver does not read */
    uint64_t sent_us, due_us;
    uint32_t *mark;
    struct slice bytes; /* borrowed for the call */
};

enum end_state {
    END_FREE,
    END_DIALING,
    END_OPEN,
    END_CLOSED,
};

/* One end of a connection. */
struct network_end {
    struct list link; /* among the ends of its place */
    struct network_end *other;
    struct network *network;
    uint32_t place;
    uint32_t number;
    enum end_state state;
    bool peer;
    bool closing;         /* this end sends and receives no more, but for what is under way */
    bool orderly;         /* closed() comes after the bytes, not in the middle of them */
    bool deaf;            /* READ off */
    bool dead;            /* what it sends is lost, and its close is not heard at the other end */
    struct list arriving; /* packets under way to here, by time */
    struct timed arrival; /* of the first; not pending while deaf or cut off */
    size_t unsent;        /* bytes behind a clogged link, not yet reported by sent() */
    struct timed event;   /* DIALING: the answer. OPEN: closed() is due */
};

struct network_connection {
    struct network_connection *next_free;
    struct network_connection *next_all;
    struct network_end ends[2]; /* 0 dialed */
};

struct network {
    struct schedule *schedule;
    const struct network_sink *sink;
    void *world;
    struct random random;
    uint64_t latency_us_min, latency_us_max; /* one way, in good weather */
    uint64_t unreachable_us;                 /* how long a dial into a cut link takes to fail */
    uint32_t split_permille;                 /* of the packets to and from clients */
    bool stormy;
    struct network_storm storm;
    bool cut[NETWORK_PLACES_MAX][NETWORK_PLACES_MAX];     /* [from][to] */
    bool clogged[NETWORK_PLACES_MAX][NETWORK_PLACES_MAX]; /* [from][to] */
    bool refusing[NETWORK_PLACES_MAX];
    struct list ends[NETWORK_PLACES_MAX];
    struct list free_packets;
    struct network_connection *free_connections;
    struct network_connection *all_connections;
    uint64_t packets_count; /* ever */
    uint64_t counts_lost, counts_duplicated, counts_reordered, counts_delayed, counts_held,
        counts_refused, counts_broken, counts_dead;
};

void network_init(struct network *network, struct schedule *schedule,
                  const struct network_sink *sink, void *world, uint64_t seed);
void network_free(struct network *network);

/* --- what places do; each is answered through the sink, later --- */

/* `number` is the dialer's own; `peer`: between nodes, carries frames. */
void network_dial(struct network *network, uint32_t from, uint32_t number, uint32_t to, bool peer);
/* Bytes are copied. To a connection that is gone: dropped. */
void network_send(struct network *network, uint32_t place, uint32_t number, struct slice bytes);
/* After what was sent before; closed() follows at both ends. */
void network_close(struct network *network, uint32_t place, uint32_t number);
void network_read(struct network *network, uint32_t place, uint32_t number, bool on);
/* Open at both ends, and not being closed from either. */
bool network_connected(struct network *network, uint32_t place, uint32_t number);
/* By the place that they go to, each connection's in the order of their arrival. */
void network_each_under_way(const struct network *network,
                            void (*visit)(void *context, const struct network_glance *glance),
                            void *context);
/* The process there is gone: it hears nothing more; the other ends hear closed(). */
void network_place_gone(struct network *network, uint32_t place);

/* --- faults --- */

/* One way. What arrives while a link is cut waits until it is mended; dials fail. */
void network_cut(struct network *network, uint32_t from, uint32_t to, bool cut);
/* One way. A clogged link takes nothing more: bytes stay with their sender, unreported. */
void network_clog(struct network *network, uint32_t from, uint32_t to, bool clogged);
void network_refuse(struct network *network, uint32_t place, bool refuse);
/* Breaks each connection between the two places with this chance; bytes under way may be lost. */
void network_break(struct network *network, uint32_t a, uint32_t b, uint32_t permille);
/* Each connection between the two places dies: nothing goes through any more, and neither end hears
 * of it, as after a retransmission timeout of minutes, or of a machine that is no more. */
void network_deaden(struct network *network, uint32_t a, uint32_t b);
/* All zero: the storm is over. */
void network_set_storm(struct network *network, const struct network_storm *storm);
/* Everything above ends. */
void network_heal(struct network *network);

#endif
