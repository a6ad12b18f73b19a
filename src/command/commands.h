/* The subcommands of `quartet` that all systems share. Each takes the words from its own name on
 * and returns the exit code: 0, 1 when it failed, OPTIONS_EXIT_USAGE when it was called wrongly;
 * command_check() also 3, unknown. */
#ifndef QUARTET_COMMAND_COMMANDS_H
#define QUARTET_COMMAND_COMMANDS_H

int command_up(int argc, char **argv);
int command_status(int argc, char **argv);
int command_log(int argc, char **argv);
int command_check(int argc, char **argv);
int command_members(int argc, char **argv);
int command_sim(int argc, char **argv);

#endif
