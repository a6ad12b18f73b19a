/* The store as a row of the table of systems. What its levels promise is judged by check/history.h,
 * linearizability by the model `kv` (check/model.h). */
#include <stdio.h>

#include "contract/system.h"
#include "systems/store/check/history.h"
#include "systems/store/command/commands.h"

extern const struct sim_system sim_system_store; /* sim/clients.c */

static const struct system_command commands[] = {
    {"store", command_store, "run a node of a replicated store (Redis' protocol)"},
    {NULL, NULL, NULL},
};

static void show_how(unsigned first_port, unsigned last_port)
{
    printf("Talk to any of them as to a Redis Cluster:\n\n"
           "  redis-cli -c -p %u set greeting hello\n"
           "  redis-cli -c -p %u get greeting\n\n"
           "or with the cluster mode of any client library for it, or ask one node by netcat:\n"
           "echo consistency local get greeting | nc -q1 127.0.0.1 %u\n\n",
           first_port, last_port, first_port);
}

const struct system system_store = {
    .name = "store",
    .what = "A replicated store",
    .port = 6379,
    .commands = commands,
    .show_how = show_how,
    .sim = &sim_system_store,
    .judge = store_history_verdict,
};
