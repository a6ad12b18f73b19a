/* `quartet queue`: what is the queue's own among the options of a node. */
#include "command/node_options.h"
#include "systems/queue/command/commands.h"
#include "systems/queue/machine/queue.h"
#include "systems/queue/protocol/beanstalk.h"

extern const struct system system_queue; /* system.c */

static uint64_t job_size_max = QUEUE_JOB_SIZE_DEFAULT;

static int fill(struct node_config *node)
{
    node->protocol_config.request_size_max = (uint32_t)job_size_max;
    return 0;
}

int command_queue(int argc, char **argv)
{
    const struct option_spec own[] = {
        {"max-job-size", "BYTES", "the largest job (65535)", option_parse_number, &job_size_max, 1,
         QUEUE_JOB_SIZE_MAX - 1024, 0},
    };
    const struct node_command command = {
        .system = &system_queue,
        .summary = "Runs one node of a work queue that speaks beanstalkd's protocol. Alone by "
                   "default;\nwith --peers it is one of a replicated cluster, and clients may "
                   "connect to any node.",
        .reads_help = "of peek* and stats-job: linearizable, lease or local (linearizable)",
        .memory_help = "beyond it, put gets OUT_OF_MEMORY (0: no limit)",
        .machine = &queue_ops,
        .protocol = &beanstalk_ops,
        .own = own,
        .own_count = sizeof own / sizeof own[0],
        .fill = fill,
    };
    return node_command_run(&command, argc, argv);
}
