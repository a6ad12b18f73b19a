/* The subcommands of the store. */
#ifndef QUARTET_SYSTEMS_STORE_COMMAND_COMMANDS_H
#define QUARTET_SYSTEMS_STORE_COMMAND_COMMANDS_H

int command_store(int argc, char **argv);

#endif
