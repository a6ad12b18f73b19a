/* What the server says: one JSON object each, as specs/systems/chat.md says under "What is said".
 * Each appends its text to `out` and borrows the rest for the call. An `id` of UINT64_MAX: none. */
#ifndef QUARTET_SYSTEMS_CHAT_PROTOCOL_SAY_H
#define QUARTET_SYSTEMS_CHAT_PROTOCOL_SAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "systems/chat/machine/chat.h"
#include "systems/chat/protocol/message.h"

/* What an answer needs to know of the message that it answers. */
struct chat_asked {
    enum chat_message_type type;
    uint64_t id;
    struct slice room;                /* empty: it names none */
    enum chat_presence_wish presence; /* JOIN */
};

static inline struct chat_asked chat_asked_of(const struct chat_message *message)
{
    return (struct chat_asked){message->type, message->id, message->room, message->presence};
}

/* The answer to `hello`. */
struct chat_welcome {
    uint64_t id;
    uint64_t epoch;
    uint32_t node;
    struct chat_client_key client;
    uint64_t secret[2];
    struct slice user;
    const char *const *endpoints;
    uint32_t endpoints_count;
    uint64_t heartbeat_s; /* 0: as the spec says */
};

void chat_say_welcome(const struct chat_welcome *welcome, struct buffer *out);

/* `code` of the spec's "Errors", which also says whether to try again. after_ms 0: not said. */
void chat_say_error(uint64_t id, const char *code, const char *message, uint64_t after_ms,
                    struct buffer *out);
void chat_say_mistake(const struct chat_mistake *mistake, struct buffer *out);
/* The same to what was asked: where that has no id, but a room, it names that. */
void chat_say_refusal(const struct chat_asked *asked, const char *code, const char *message,
                      struct buffer *out);
/* What the machine answered to `asked`, a message of a room (JOIN to READ), or, where it refused,
 * any. */
void chat_say_answer(const struct chat_asked *asked, const struct chat_reply *reply,
                     struct buffer *out);
void chat_say_joined(const struct chat_asked *asked, const struct chat_room_state *state,
                     struct buffer *out);

/* --- unasked --- */

void chat_say_event(struct slice room, const struct chat_event *event, struct buffer *out);
void chat_say_gap(struct slice room, uint64_t from, uint64_t to, struct buffer *out);
/* Who came and went since `was`; NULL: only how many there are. */
void chat_say_presence(struct slice room, const struct chat_room_state *state, uint64_t was,
                       const struct chat_change *changes, uint32_t changes_count,
                       struct buffer *out);
void chat_say_pong(uint64_t id, struct buffer *out);
void chat_say_typing(struct slice room, struct slice user, struct buffer *out);
void chat_say_status(bool leader, struct buffer *out);
void chat_say_bye(uint64_t wait_ms, struct buffer *out);

#endif
