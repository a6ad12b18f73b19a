/* The chat as a row of the table of systems. */
#include <stdio.h>

#include "contract/system.h"
#include "systems/chat/check/history.h"
#include "systems/chat/command/commands.h"
#include "systems/chat/command/demo.h"

extern const struct sim_system sim_system_chat; /* sim/clients.c */

static const struct system_command commands[] = {
    {"chat", command_chat, "run a node of a chat (WebSocket and JSON)"},
    {NULL, NULL, NULL},
};

static void show_how(unsigned first_port, unsigned last_port)
{
    printf("Open http://127.0.0.1:%u in a browser, and http://127.0.0.1:%u in a second window.\n"
           "Programs use a WebSocket, one JSON object a message:\n\n"
           "  websocat ws://127.0.0.1:%u/chat\n"
           "  {\"type\":\"hello\",\"user\":\"ann\",\"rooms\":{\"lobby\":0}}\n"
           "  {\"type\":\"post\",\"id\":1,\"room\":\"lobby\",\"text\":\"hi\"}\n\n",
           first_port, last_port, first_port);
}

const struct system system_chat = {
    .name = "chat",
    .what = "A chat",
    .port = 8080,
    .commands = commands,
    .demo = &chat_demo,
    .show_how = show_how,
    .sim = &sim_system_chat,
    .judge = chat_history_verdict,
};
