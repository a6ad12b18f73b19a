/* The consensus store as a row of the table of systems. */
#include <stdio.h>

#include "contract/system.h"
#include "systems/consensus/command/commands.h"

extern const struct sim_system sim_system_consensus; /* sim/clients.c */

static const struct system_command commands[] = {
    {"consensus", command_consensus, "run a node of a consensus store (etcd's JSON gateway)"},
    {NULL, NULL, NULL},
};

static void show_how(unsigned first_port, unsigned last_port)
{
    printf("Talk to any of them as to etcd's JSON gateway; keys and values are base64:\n\n"
           "  curl -d '{\"key\":\"aGk=\",\"value\":\"aGVsbG8=\"}' "
           "http://127.0.0.1:%u/v3/kv/put\n"
           "  curl -d '{\"key\":\"aGk=\"}' http://127.0.0.1:%u/v3/kv/range\n\n",
           first_port, last_port);
}

const struct system system_consensus = {
    .name = "consensus",
    .what = "A consensus store",
    .port = 2379,
    .commands = commands,
    .show_how = show_how,
    .sim = &sim_system_consensus,
};
