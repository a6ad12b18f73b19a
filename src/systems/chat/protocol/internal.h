/* A connection of the chat, shared by the files of this folder and nobody else.
 *
 * connection.c takes bytes apart and hands over requests; door.c answers HTTP; talk.c turns
 * messages into requests and replies into messages; rooms.c follows the rooms that were joined.
 *
 * Whatever is to be asked of the node waits in `queue` until the node asks for it: requests.c. */
#ifndef QUARTET_SYSTEMS_CHAT_PROTOCOL_INTERNAL_H
#define QUARTET_SYSTEMS_CHAT_PROTOCOL_INTERNAL_H

#include "base/list.h"
#include "contract/protocol.h"
#include "systems/chat/machine/chat.h"
#include "systems/chat/protocol/connection.h"
#include "systems/chat/protocol/say.h"
#include "wire/http1.h"
#include "wire/websocket.h"

enum stage {
    STAGE_HTTP,
    STAGE_NEW,      /* a WebSocket, before `hello` */
    STAGE_GREETING, /* `hello` is under way, and what comes behind it waits */
    STAGE_OPEN,
    STAGE_OVER, /* the last word is said */
};

enum errand {
    ERRAND_MESSAGE, /* of the client's: `asked` says which */
    ERRAND_STAMP,   /* of `hello` */
    ERRAND_ATTACH,
    ERRAND_QUIETLY, /* nobody waits for the answer */
};

/* What the node was asked, and has not answered. */
struct errand_asked {
    struct list all;
    uint64_t token;
    enum errand errand;
    struct chat_asked asked; /* its room lies in `room` */
    uint64_t after, last;    /* JOIN */
    uint8_t room[];
};

/* A room that was joined here. */
struct room_here {
    struct list all;
    uint64_t events_token, presence_token; /* of its watches; 0: none */
    struct chat_asked join;                /* its room lies in `room` */
    uint8_t room[];
};

struct chat_connection {
    const struct chat_protocol_options *options;
    const struct protocol_facts *facts;
    struct protocol_draws *draws;
    enum protocol_read reads;
    enum stage stage;
    bool heard;        /* bytes came in this turn */
    bool pinged;       /* since they last did */
    bool shed;         /* what it held was given back */
    bool draining;     /* it has said `bye` */
    bool leader;       /* as it was told */
    uint64_t since_us; /* its stage began; 0: in this turn */
    uint64_t heard_us;

    struct http_parser *parser; /* NULL: it is a WebSocket */
    struct websocket websocket;
    struct buffer in;    /* arrived, and waits for `hello` or for the node */
    struct buffer queue; /* see requests.c */
    struct buffer command;
    struct list asked; /* struct errand_asked */
    uint64_t token;    /* the last that was used */

    uint64_t hello_id;
    struct buffer hello_rooms; /* name size u8, name, after u64 */
    uint32_t stamps_asked;
    struct chat_client_key client;
    uint64_t secret[2];
    uint64_t owner_token; /* of the watch of who owns it */
    uint8_t user_size;    /* 0: not named yet */
    uint8_t user[CHAT_USER_SIZE_MAX];
    struct list rooms; /* struct room_here */
};

/* requests.c */

/* Each appends a request to the queue; what they are lent is copied. */
void request_propose(struct chat_connection *connection, uint64_t token,
                     const struct chat_command *command);
void request_query(struct chat_connection *connection, uint64_t token, enum protocol_read read,
                   const struct chat_command *command);
void request_watch(struct chat_connection *connection, uint64_t token,
                   const struct chat_watch *watch);
void request_cancel(struct chat_connection *connection, uint64_t token); /* 0: nothing */
/* Bytes for the client; the last ones: then it is closed. */
void request_say(struct chat_connection *connection, struct slice bytes, bool last);
/* Takes the first off the queue; false: there is none. */
bool request_take(struct chat_connection *connection, struct protocol_request *request);

/* connection.c */

/* The last word, into `out`. */
void connection_end(struct chat_connection *connection, unsigned code, const char *reason,
                    struct buffer *out);
/* The same behind all that is asked already. */
void connection_end_in_turn(struct chat_connection *connection, unsigned code, const char *reason);

/* door.c */
void door_take(struct chat_connection *connection, const struct http_request *request);
void door_refuse(struct chat_connection *connection, unsigned status, const char *text);
/* The words to a client that there is no room for. */
void door_full(struct buffer *out);

/* page.c */

/* A GET or HEAD that may come in; false: there is no such page. */
bool page_serve(struct chat_connection *connection, const struct http_request *request);

/* talk.c */
void talk_take(struct chat_connection *connection, struct slice text);
void talk_answer(struct chat_connection *connection, uint64_t token, const struct chat_reply *reply,
                 struct buffer *out);
void talk_refuse(struct chat_connection *connection, uint64_t token, enum protocol_refusal why,
                 struct buffer *out);
/* Remembers what is asked under the next token, which it returns. */
uint64_t talk_ask(struct chat_connection *connection, enum errand errand,
                  const struct chat_asked *asked, uint64_t after, uint64_t last);

/* rooms.c */

/* ENTER was answered: follows the room. */
void room_join(struct chat_connection *connection, const struct errand_asked *asked);
void room_leave(struct chat_connection *connection, struct slice room);
bool room_is_here(const struct chat_connection *connection, struct slice room);
void room_hear(struct chat_connection *connection, uint64_t token, const struct chat_news *news,
               struct buffer *out);
/* The watch of this token was refused; false: it is none of a room. */
bool room_refused(struct chat_connection *connection, uint64_t token, struct buffer *out);
void rooms_forget(struct chat_connection *connection);

#endif
