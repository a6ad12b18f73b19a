/* The options that the nodes of all systems share: one table with its defaults and checks, and how
 * they become a host_config. A system brings its machine, its protocol, and rows of its own. */
#ifndef QUARTET_COMMAND_NODE_OPTIONS_H
#define QUARTET_COMMAND_NODE_OPTIONS_H

#include "command/options.h"
#include "contract/system.h"
#include "node/node.h"

enum {
    NODE_OPTIONS_OWN_MAX = 16, /* rows of a system */
};

/* What is a system's own in `quartet NAME`. */
struct node_command {
    const struct system *system; /* its name and the port of its clients */
    const char *summary;         /* one paragraph for --help */
    const char *reads_help;      /* what --reads and --memory-max mean to it */
    const char *memory_help;
    const struct machine_ops *machine;
    const struct protocol_ops *protocol;
    const struct option_spec
        *own; /* their targets hold the defaults; at most NODE_OPTIONS_OWN_MAX */
    size_t own_count;
    /* Hands on what the own rows said, once all is parsed. NULL: nothing. Returns 0, or what
     * options_mistake() did. */
    int (*fill)(struct node_config *node);
};

/* Reads the options and runs a node until it is drained, under `quartet up` no longer than its
 * parent lives. Returns the exit code. Once a process: what a node borrows outlives it here. */
int node_command_run(const struct node_command *command, int argc, char **argv);

#endif
