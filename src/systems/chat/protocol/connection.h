/* The chat's connections: HTTP/1.1 until one is upgraded to a WebSocket at /chat, then messages
 * (specs/systems/chat.md, "A connection"). */
#ifndef QUARTET_SYSTEMS_CHAT_PROTOCOL_CONNECTION_H
#define QUARTET_SYSTEMS_CHAT_PROTOCOL_CONNECTION_H

#include "contract/protocol.h"

enum {
    CHAT_ENDPOINTS_MAX = 16,
    CHAT_HELD_SIZE_MAX = 1 << 20, /* bytes of messages that wait: beyond them, 4429 */
};

#define CHAT_SUBPROTOCOL "quartet.chat.v1"
#define CHAT_GREETING_US UINT64_C(10000000) /* for the head of a request, and for `hello` */

/* Codes of close frames, beside enum websocket_code. */
enum chat_close {
    CHAT_CLOSE_SILENT = 4408,
    CHAT_CLOSE_REPLACED = 4409,
    CHAT_CLOSE_TOO_MUCH = 4429
};

struct chat_page {
    const char *path, *content_type, *text; /* path NULL ends a table */
};

/* protocol_config.options. NULL: all of it is 0. */
struct chat_protocol_options {
    uint32_t endpoints_count; /* public URLs of all nodes: "http://chat.example:8080" */
    const char *endpoints[CHAT_ENDPOINTS_MAX];
    const char *names;             /* "name,name": what this node goes by besides; NULL: nothing */
    const struct chat_page *pages; /* NULL: none */
    uint64_t ping_us;              /* of silence until the node pings; 0: 25 s */
    uint64_t silence_us;           /* until it closes; 0: 40 s */
};

extern const struct protocol_ops chat_protocol_ops;

#endif
