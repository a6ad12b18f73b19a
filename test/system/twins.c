/* The table of systems of `quartet-twins`, a program for tests of what runs several systems side by
 * side (`quartet up all`): the queue, and once more under another name. */
#include <stddef.h>
#include <string.h>

#include "command/node_options.h"
#include "contract/system.h"
#include "systems/queue/command/demo.h"
#include "systems/queue/machine/queue.h"
#include "systems/queue/protocol/beanstalk.h"

extern const struct system system_queue;

static int command_twin(int argc, char **argv);

static const struct system_command commands[] = {
    {"twin", command_twin, "run a node of a queue that is called twin"},
    {NULL, NULL, NULL},
};

static void show_how(unsigned first_port, unsigned last_port)
{
    (void)first_port, (void)last_port;
}

static const struct system system_twin = {.name = "twin",
                                          .what = "A second queue",
                                          .port = 11400,
                                          .commands = commands,
                                          .demo = &queue_demo,
                                          .show_how = show_how};

static int command_twin(int argc, char **argv)
{
    const struct node_command command = {.system = &system_twin,
                                         .summary = "A node of the second queue.",
                                         .reads_help = "of peeks",
                                         .memory_help = "at most",
                                         .machine = &queue_ops,
                                         .protocol = &beanstalk_ops};
    return node_command_run(&command, argc, argv);
}

const struct system *const systems[] = {&system_queue, &system_twin, NULL};

const struct system *system_by_name(const char *name)
{
    for (const struct system *const *at = systems; *at != NULL; at++) {
        if (strcmp((*at)->name, name) == 0) return *at;
    }
    return NULL;
}
