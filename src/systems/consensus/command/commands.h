/* The consensus store's part of the command line. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_COMMAND_COMMANDS_H
#define QUARTET_SYSTEMS_CONSENSUS_COMMAND_COMMANDS_H

int command_consensus(int argc, char **argv); /* node.c */

#endif
