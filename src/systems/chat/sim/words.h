/* What simulated people and nodes say to each other, as the bytes of the wire: the client's side of
 * specs/systems/chat.md. Texts are numbers: of the change that brought them. */
#ifndef QUARTET_SYSTEMS_CHAT_SIM_WORDS_H
#define QUARTET_SYSTEMS_CHAT_SIM_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "systems/chat/machine/chat.h"
#include "wire/websocket.h"

enum { WORDS_NAMES_MAX = 64, WORDS_KEY_SIZE = 32, WORDS_EPOCH_SIZE = 16 };

enum word_type {
    WORD_WELCOME,
    WORD_JOINED,
    WORD_LEFT,
    WORD_ACK,
    WORD_EVENT,
    WORD_GAP,
    WORD_PRESENCE,
    WORD_READ,
    WORD_ERROR,
    WORD_STATUS,
    WORD_BYE,
    WORD_TYPES,
};

/* What was not said is 0, or empty; of `id`: UINT64_MAX. Slices are borrowed from the text. */
struct word {
    enum word_type type;
    uint64_t id;
    uint32_t room; /* UINT32_MAX: none */
    uint64_t seq, from, to, of, version, was, text;
    enum chat_event_kind kind;
    bool retry, duplicate, deleted, more;
    struct slice code, client, secret, epoch, user;
    bool listed; /* names were: `users`, or who `joined` and `left` */
    uint32_t came_count, went_count;
    struct slice came[WORDS_NAMES_MAX], went[WORDS_NAMES_MAX]; /* users: came */
};

/* False: it is none that a node says. */
bool word_read(struct slice text, struct word *word);
/* "r2" to 2; UINT32_MAX: no room of ours. */
uint32_t word_room(struct slice name);
/* 32 digits to a key. */
struct chat_client_key word_key(struct slice digits);

/* Each appends a frame. `rest` are members behind `type`, as text.h formats them. */
void words_say(struct buffer *out, const char *type, const char *rest, ...);
void words_pong(struct buffer *out, struct slice payload);
/* The request that makes a WebSocket of the connection. */
void words_knock(struct buffer *out);

#endif
