/* `quartet consensus`: one node; it has no option of its own yet. */
#include "command/node_options.h"
#include "systems/consensus/command/commands.h"
#include "systems/consensus/machine/consensus.h"
#include "systems/consensus/protocol/gateway.h"

extern const struct system system_consensus; /* system.c */

int command_consensus(int argc, char **argv)
{
    const struct node_command command = {
        .system = &system_consensus,
        .summary = "Runs one node of a consensus store that speaks etcd's JSON gateway (v3). Alone "
                   "by default;\nwith --peers it is one of a replicated cluster, and clients may "
                   "connect to any node.",
        .reads_help = "of ranges that are not serializable: linearizable, lease or local "
                      "(linearizable)",
        .memory_help = "beyond it, put and txn hear of no space (0: no limit)",
        .machine = &consensus_ops,
        .protocol = &gateway_ops,
    };
    return node_command_run(&command, argc, argv);
}
