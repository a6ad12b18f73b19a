/* The demo load of `quartet up --demo`: people who chat in the lobby, over WebSockets as any client
 * would, each at another node, and a line of progress every few seconds.
 *
 * One whose node dies goes on at the next, with its identity, says again what was not answered, and
 * reads on behind what it saw last. Whoever opens the page is among them. */
#ifndef QUARTET_SYSTEMS_CHAT_COMMAND_DEMO_H
#define QUARTET_SYSTEMS_CHAT_COMMAND_DEMO_H

#include "contract/system.h"

enum {
    DEMO_PEOPLE = 3,
    DEMO_SAY_MS = 4000, /* on average, between two posts of one */
    DEMO_RECONNECT_MS = 300,
    DEMO_PROGRESS_MS = 5000,
};

extern const struct system_demo chat_demo;

#endif
