/* The subcommands of `quartet` that are the queue's own: see command/commands.h. */
#ifndef QUARTET_SYSTEMS_QUEUE_COMMAND_COMMANDS_H
#define QUARTET_SYSTEMS_QUEUE_COMMAND_COMMANDS_H

int command_queue(int argc, char **argv);        /* node.c */
int command_queue_policy(int argc, char **argv); /* policy.c */

#endif
