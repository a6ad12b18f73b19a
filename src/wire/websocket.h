/* WebSocket (RFC 6455): its handshake and its frames, for either side. Pure bytes; it knows no
 * system.
 *
 * The reader is fed the bytes of one connection in pieces of any size and yields one message or
 * control frame at a time. What is refused, and with which code, depends on the bytes alone, never
 * on where the pieces end. Fragments are put together; control frames between them come out when
 * they come. A text is checked as it arrives: its first byte that cannot be UTF-8 ends it. There
 * are no extensions: a reserved bit is refused. After a CLOSE, a refusal, or websocket_ignore() the
 * reader takes all bytes and yields nothing more. */
#ifndef QUARTET_WIRE_WEBSOCKET_H
#define QUARTET_WIRE_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "wire/http1.h"

enum {
    WEBSOCKET_MESSAGE_SIZE_MAX = 65536, /* where `message_size_max` says nothing else; more: 1009 */
    WEBSOCKET_CONTROL_SIZE_MAX = 125,   /* RFC 6455, section 5.5 */
    WEBSOCKET_HEADER_SIZE_MAX = 14,
    WEBSOCKET_KEPT_SIZE_MAX = 4096, /* memory that stays when a message is done with */
};

enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_UNSUPPORTED = 1003,
    WEBSOCKET_NO_CODE = 1005, /* never sent: a close frame without one */
    WEBSOCKET_NOT_UTF8 = 1007,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_SERVER_ERROR = 1011,
    WEBSOCKET_RESTART = 1012,
    WEBSOCKET_TRY_LATER = 1013,
};

enum websocket_opcode {
    WEBSOCKET_OP_CONTINUE = 0,
    WEBSOCKET_OP_TEXT = 1,
    WEBSOCKET_OP_BINARY = 2,
    WEBSOCKET_OP_CLOSE = 8,
    WEBSOCKET_OP_PING = 9,
    WEBSOCKET_OP_PONG = 10,
};

enum websocket_result {
    WEBSOCKET_PARTIAL, /* all bytes consumed, nothing whole yet */
    WEBSOCKET_TEXT,    /* a message, of UTF-8 */
    WEBSOCKET_BINARY,
    WEBSOCKET_PING, /* to be answered by a pong that says the same */
    WEBSOCKET_PONG,
    WEBSOCKET_CLOSE, /* *code (NO_CODE: none), and the reason in the payload; answer, then close */
    WEBSOCKET_REFUSED, /* say *code in a close frame, then close */
};

/* Zero-initialized reads what a client sends, as a server does. `is_client` and `message_size_max`
 * may be set before the first byte; the rest is its own. */
struct websocket {
    bool is_client;            /* it reads what a server sends: unmasked */
    uint32_t message_size_max; /* 0: the value above; at most 1 GiB */

    bool over;
    bool in_payload;
    bool fin;
    bool in_message; /* a message has begun, and its last frame has not come */
    bool is_text;    /* that message */
    bool yielded;    /* `message` is with the caller until the next call */
    uint8_t opcode;  /* of the frame at hand */
    uint8_t header_size;
    uint8_t control_size;
    uint32_t mask_at;    /* bytes of the payload that were unmasked */
    uint64_t frame_left; /* of its payload */
    struct utf8 utf8;
    uint8_t header[WEBSOCKET_HEADER_SIZE_MAX];
    uint8_t mask[4];
    uint8_t control[WEBSOCKET_CONTROL_SIZE_MAX];
    struct buffer message;
};

void websocket_free(struct websocket *websocket);
/* Consumes from `bytes` up to the end of one message or control frame, or all of them (PARTIAL,
 * REFUSED); says how many in *consumed. *payload is set but for PARTIAL and REFUSED, and lives
 * until the next call; *code is set for CLOSE and REFUSED. */
enum websocket_result websocket_read(struct websocket *websocket, struct slice bytes,
                                     size_t *consumed, struct slice *payload, unsigned *code);
/* Nothing that comes matters any more: a close frame was sent, or is about to be. */
void websocket_ignore(struct websocket *websocket);
/* Bytes held for an unfinished message. */
size_t websocket_held(const struct websocket *websocket);

/* --- writing: each appends to `out` --- */

/* A frame. `mask`: NULL from a server; from a client four bytes that nobody can foresee. `fin`:
 * false where the message goes on in frames of OP_CONTINUE. A control frame holds at most
 * WEBSOCKET_CONTROL_SIZE_MAX and is always whole. */
void websocket_write(enum websocket_opcode opcode, bool fin, struct slice payload,
                     const uint8_t mask[4], struct buffer *out);
/* A text from a server, which is written into `out` between the two; the first says where it
 * begins. Nothing is consumed from `out` in between. */
size_t websocket_text_begin(struct buffer *out);
void websocket_text_end(size_t begin, struct buffer *out);
/* A close frame; the reason is cut to what one holds, between two characters. NO_CODE: without. */
void websocket_close_write(unsigned code, struct slice reason, const uint8_t mask[4],
                           struct buffer *out);

/* --- the handshake: websocket_upgrade.c --- */

enum websocket_upgrade {
    WEBSOCKET_UPGRADE,             /* websocket_accept_write() */
    WEBSOCKET_UPGRADE_NONE,        /* the request asks for something else, or for nothing */
    WEBSOCKET_UPGRADE_BAD,         /* it asks for a WebSocket, and not in order: 400 */
    WEBSOCKET_UPGRADE_VERSION,     /* another version than 13: 426, Sec-WebSocket-Version: 13 */
    WEBSOCKET_UPGRADE_SUBPROTOCOL, /* only subprotocols that are not spoken here: 400 */
};

/* Judges the head of a request. `subprotocol`: what is spoken; NULL: none. */
enum websocket_upgrade websocket_upgrade_of(const struct http_request *request,
                                            const char *subprotocol);
/* The response 101 to a request that was judged UPGRADE; it names the subprotocol if the client
 * offered it. */
void websocket_accept_write(const struct http_request *request, const char *subprotocol,
                            struct buffer *out);
/* Appends what proves that a key was understood: base64 of the SHA-1 of it and a constant. */
void websocket_accept_key(struct slice key, struct buffer *out);

#endif
