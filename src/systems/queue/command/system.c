/* The work queue as a row of the table of systems. */
#include <stdio.h>

#include "contract/system.h"
#include "systems/queue/check/history.h"
#include "systems/queue/command/commands.h"
#include "systems/queue/command/demo.h"

extern const struct sim_system sim_system_queue; /* sim/clients.c */

static const struct system_command commands[] = {
    {"queue", command_queue, "run a node of a work queue (beanstalkd's protocol)"},
    {"queue-policy", command_queue_policy, "show or set the retry policy of a tube"},
    {NULL, NULL, NULL},
};

static void show_how(unsigned first_port, unsigned last_port)
{
    printf("Talk to any of them as to beanstalkd:\n\n"
           "  python3 -c 'import socket; s = socket.create_connection((\"127.0.0.1\", %u)); "
           "s.sendall(\n"
           "    b\"use hi\\r\\nput 0 0 60 5\\r\\nhello\\r\\nwatch hi\\r\\nignore default\\r\\n\"\n"
           "    b\"reserve\\r\\nquit\\r\\n\"); print(s.makefile().read())'\n\n"
           "or with any client library for it, or netcat: nc 127.0.0.1 %u\n\n",
           first_port, last_port);
}

const struct system system_queue = {
    .name = "queue",
    .what = "A work queue",
    .port = 11300,
    .commands = commands,
    .demo = &queue_demo,
    .show_how = show_how,
    .sim = &sim_system_queue,
    .judge = queue_history_verdict,
};
