/* The closed loop: many connections to one beanstalkd-protocol server, each with a fixed number of
 * commands in flight, every reply checked.
 *
 * A connection has `pipeline` lanes; a lane always has exactly one step in flight, and its reply
 * starts the next. In `cycle` a lane reserves only after its own put was acknowledged, so there is
 * always a ready job for every reserve in flight: no lane can wait for ever.
 * Nothing is retried: one wrong reply, one lost connection, and the run has failed. */
#ifndef QUARTET_BENCH_DRIVER_H
#define QUARTET_BENCH_DRIVER_H

#include "measure.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

enum driver_mode {
    DRIVER_PUT,   /* put */
    DRIVER_CYCLE, /* put, reserve, delete what was reserved */
    DRIVER_CHURN, /* put, delete it */
};

enum driver_command {
    DRIVER_COMMAND_USE,
    DRIVER_COMMAND_PUT,
    DRIVER_COMMAND_RESERVE,
    DRIVER_COMMAND_DELETE,
    DRIVER_COMMANDS,
};

enum {
    DRIVER_CONNECTIONS_MAX = 60000,
    DRIVER_PIPELINE_MAX = 4096,
    DRIVER_PAYLOAD_MAX = 1 << 20,
    DRIVER_STALL_MS = 30000, /* no reply at all for so long fails the run */
    DRIVER_ERROR_SIZE = 200,
};

struct driver_options {
    struct address address;
    enum driver_mode mode;
    uint32_t connections;
    uint32_t idle_connections; /* opened beside the others, never used */
    uint32_t pipeline;         /* lanes per connection */
    bool batch;                /* a connection's next commands wait until it has been answered in
                                  full, and go out together */
    uint32_t payload;          /* bytes of a job's body */
    uint32_t tubes;            /* connection i uses and watches tube i modulo this */
    bool rotate;               /* every put goes to the next tube: `use` before it; each job is
                                  reserved by its id, for no connection watches them all */
    uint32_t priorities;       /* jobs get a pseudorandom priority below this; 0 or 1: all 0 */
    uint64_t count;            /* stop after so many jobs put; 0: stop by time */
    uint64_t warmup_us;        /* not measured; by time only */
    uint64_t duration_us;      /* measured; by time only */
    uint64_t pace_us;          /* pause before each command; one connection, one lane only */
    pid_t server_pid;          /* whose processor time to report; 0: nobody's */
};

struct driver_result {
    uint64_t operations; /* commands acknowledged in the measured window */
    uint64_t jobs;       /* puts among them */
    uint64_t elapsed_us; /* the window's true length */
    uint64_t errors;
    uint64_t server_cpu_us;
    uint64_t own_cpu_us;
    struct histogram latency[DRIVER_COMMANDS];
    char error[DRIVER_ERROR_SIZE]; /* the first one, in words; empty if none */
};

const char *driver_command_name(enum driver_command command);

/* Runs to the end of the options' count or time. 0, or -1 with result->errors above zero and
 * result->error saying what went wrong first. `result` is overwritten. */
int driver_run(const struct driver_options *options, struct driver_result *result);

#endif
