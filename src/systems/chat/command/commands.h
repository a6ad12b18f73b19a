/* The subcommands of the chat. */
#ifndef QUARTET_SYSTEMS_CHAT_COMMAND_COMMANDS_H
#define QUARTET_SYSTEMS_CHAT_COMMAND_COMMANDS_H

int command_chat(int argc, char **argv);

#endif
