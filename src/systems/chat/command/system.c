/* The chat as a row of the table of systems. So far its histories are judged; no node of it can be
 * run yet. */
#include "contract/system.h"
#include "systems/chat/check/history.h"

const struct system system_chat = {
    .name = "chat",
    .what = "A chat",
    .judge = chat_history_verdict,
};
