/* What a system is, to rooms that know none: the row that src/systems/systems.h makes a table of.
 *
 * A system is a folder, src/systems/NAME: a machine (machine.h), a protocol (protocol.h), clients
 * and a judge for the simulator (sim/system.h), rules for its histories, and its part of the
 * command line. Everything here lives as long as the program. */
#ifndef QUARTET_CONTRACT_SYSTEM_H
#define QUARTET_CONTRACT_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct sim_system;
struct uv_loop_s;

/* `quartet NAME ...`: argv[0] is the name. Returns the exit code (command/commands.h). */
struct system_command {
    const char *name; /* NULL ends a table */
    int (*run)(int argc, char **argv);
    const char *help; /* one line for `quartet --help` */
};

/* What `quartet check NAME` says of a history (specs/history.md). */
struct system_verdict {
    bool violated;
    struct buffer words; /* "holds: ...", "violated: ...": no end of line. The caller's */
    const char *mistake; /* NULL, or why the file is not in order; then nothing else is set */
    uint32_t mistake_line;
};

/* Nodes listen for clients at 127.0.0.1:client_port + i, for admin at admin_port + i. */
struct system_demo_place {
    unsigned nodes;
    unsigned client_port;
    unsigned admin_port;
    char label[32]; /* how each line that is shown begins: "queue ", empty where it runs alone */
};

/* Clients that show the system at work: `quartet up NAME --demo`. */
struct system_demo {
    /* `place` is borrowed for the call. */
    void *(*start)(struct uv_loop_s *loop, const struct system_demo_place *place);
    /* Ends its work, then calls `stopped`, within two seconds. */
    void (*stop)(void *demo, void (*stopped)(void *world), void *world);
};

struct system {
    const char *name; /* of `quartet up`, `quartet check`, and the data directories */
    const char *what; /* "A work queue" */
    unsigned port;    /* where clients connect by default; 0: no node of it can be run. Under
                         `quartet up` this port and 29 behind it: keep them off other systems' */
    const struct system_command *commands; /* the first runs a node; NULL: none */
    const struct system_demo *demo;        /* NULL: none */
    /* Prints how a person may talk to nodes whose clients' ports are these. */
    void (*show_how)(unsigned first_port, unsigned last_port);
    const struct sim_system *sim; /* NULL: not simulated */
    /* Judges a history by the system's own rules. NULL: only models do (check/model.h). */
    void (*judge)(struct slice text, struct system_verdict *verdict);
};

/* All there are, in the order of their table (systems.c); NULL ends it. */
extern const struct system *const systems[];

/* NULL: there is none of that name. */
const struct system *system_by_name(const char *name);

#endif
