/* What the two halves of the driver share: driver.c has the connections and the run, driver_lanes.c
 * what is said on them. */
#ifndef QUARTET_BENCH_DRIVER_INTERNAL_H
#define QUARTET_BENCH_DRIVER_INTERNAL_H

#include "driver.h"

#include <stddef.h>

enum {
    COMMAND_OVERHEAD = 256, /* more than any command of ours beside the body, or any reply line */
};

/* One command in flight. */
struct asked {
    uint64_t sent_ns;
    enum driver_command command;
};

/* One lane's answered step, whose next has not been asked yet. */
struct answered {
    uint64_t job;
    enum driver_command command;
};

struct connection {
    int fd;
    uint32_t answered_len;
    struct answered *answered;
    struct asked *asked; /* ring, capacity a power of two */
    uint32_t asked_head;
    uint32_t asked_tail;
    char *in;
    size_t in_len;
    char *out;
    size_t out_len;
    bool wants_write;
};

enum phase { PHASE_WARMUP, PHASE_MEASURE, PHASE_DRAIN };

struct driver {
    const struct driver_options *options;
    struct driver_result *result;
    int epoll;
    struct connection *connections;
    uint32_t open;
    uint32_t asked_mask;
    size_t in_size;
    size_t out_size;
    char *body; /* " 0 TTR LEN\r\nBODY\r\n": what follows a put's priority */
    size_t body_len;
    size_t body_text; /* where BODY starts in it */
    uint64_t in_flight;
    uint64_t jobs_started;
    uint64_t next_tube;
    uint64_t random;
    uint64_t now_ns;
    uint64_t phase_end_ns;
    uint64_t measure_start_ns;
    enum phase phase;
};

/* Counts an error, of which the first is kept in words; -1. */
__attribute__((format(printf, 2, 3))) int driver_fail(struct driver *d, const char *format, ...);

/* driver_lanes.c */

/* The run wants another job put. */
bool lanes_may_start(const struct driver *d);
/* Lays a put into the send buffer, which has room: a lane begins. */
void lanes_put(struct driver *d, struct connection *c);
/* Takes every whole reply out of the receive buffer, and lays the next commands of the lanes that
 * were answered. -1 when a reply was wrong. */
int lanes_hear(struct driver *d, struct connection *c);

#endif
