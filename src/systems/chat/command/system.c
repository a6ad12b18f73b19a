/* The chat as a row of the table of systems. */
#include <stdio.h>

#include "contract/system.h"
#include "systems/chat/check/history.h"
#include "systems/chat/command/commands.h"

static const struct system_command commands[] = {
    {"chat", command_chat, "run a node of a chat (WebSocket and JSON)"},
    {NULL, NULL, NULL},
};

static void show_how(unsigned first_port, unsigned last_port)
{
    printf("Talk to any of them by a WebSocket, one JSON object a message:\n\n"
           "  websocat ws://127.0.0.1:%u/chat\n"
           "  {\"type\":\"hello\",\"user\":\"ann\",\"rooms\":{\"lobby\":0}}\n"
           "  {\"type\":\"post\",\"id\":1,\"room\":\"lobby\",\"text\":\"hi\"}\n\n"
           "and say hello to another, at port %u, as somebody else.\n\n",
           first_port, last_port);
}

const struct system system_chat = {
    .name = "chat",
    .what = "A chat",
    .port = 8080,
    .commands = commands,
    .show_how = show_how,
    .judge = chat_history_verdict,
};
