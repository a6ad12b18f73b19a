/* What clients say: one JSON object, as specs/systems/chat.md says under "What is said". */
#ifndef QUARTET_SYSTEMS_CHAT_PROTOCOL_MESSAGE_H
#define QUARTET_SYSTEMS_CHAT_PROTOCOL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "systems/chat/machine/chat.h"

enum {
    CHAT_MESSAGE_DEPTH_MAX = 16,
    CHAT_MESSAGE_ROOMS_MAX = CHAT_SESSION_ROOMS, /* in `hello` */
    CHAT_TOKEN_SIZE_MAX = 8192,
};

#define CHAT_NUMBER_MAX ((UINT64_C(1) << 53) - 1) /* what JavaScript knows exactly */

enum chat_message_type {
    CHAT_MESSAGE_HELLO,
    CHAT_MESSAGE_JOIN,
    CHAT_MESSAGE_LEAVE,
    CHAT_MESSAGE_POST,
    CHAT_MESSAGE_EDIT,
    CHAT_MESSAGE_DELETE,
    CHAT_MESSAGE_HISTORY,
    CHAT_MESSAGE_PRESENCE,
    CHAT_MESSAGE_READ,
    CHAT_MESSAGE_TYPING,
    CHAT_MESSAGE_PING,
    CHAT_MESSAGE_TYPES,
};

enum chat_presence_wish { CHAT_PRESENCE_LIST, CHAT_PRESENCE_COUNT, CHAT_PRESENCE_NONE };

struct chat_message_room {
    struct slice room;
    uint64_t after;
};

/* A number that was not said is UINT64_MAX; a text that was not, empty. All slices live until the
 * message is read into again, or freed. */
struct chat_message {
    enum chat_message_type type;
    uint64_t id;
    struct slice room, user, from_user, token, epoch;
    bool has_client; /* with its secret */
    struct chat_client_key client;
    uint64_t secret[2];
    uint64_t after, last, before, seq, limit;
    enum chat_presence_wish presence;
    enum chat_form form;
    struct slice body;
    uint32_t rooms_count;
    struct chat_message_room rooms[CHAT_MESSAGE_ROOMS_MAX];

    struct buffer texts; /* the reader's own */
};

/* Why a message was not taken. */
struct chat_mistake {
    const char *code; /* of the spec's "Errors" */
    const char *what; /* and what to do; lives for ever */
    uint64_t id;      /* that the message had; UINT64_MAX: none */
};

/* Zero-initialized before the first. False: *mistake says why. */
bool chat_message_read(struct slice text, struct chat_message *message,
                       struct chat_mistake *mistake);
void chat_message_free(struct chat_message *message);

#endif
