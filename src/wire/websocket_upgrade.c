/* The handshake of a WebSocket over HTTP/1.1, the server's side: RFC 6455, section 4.2. */
#include "base/base64.h"
#include "base/sha1.h"
#include "wire/http1_text.h"
#include "wire/websocket.h"

enum { KEY_SIZE = 24 }; /* base64 of 16 bytes */

static bool key_valid(struct slice key)
{
    struct buffer bytes = {0};
    bool valid = key.size == KEY_SIZE && base64_read(key, &bytes) && bytes.size == 16;
    buffer_free(&bytes);
    return valid;
}

/* NULL unless there is one field of that name, and no second. */
static const struct http_field *the_only(const struct http_request *request, const char *name)
{
    const struct http_field *found = NULL;
    for (size_t i = 0; i < request->fields_count; i++) {
        if (!http_equal_but_case(request->fields[i].name, name)) continue;
        if (found != NULL) return NULL;
        found = &request->fields[i];
    }
    return found;
}

enum websocket_upgrade websocket_upgrade_of(const struct http_request *request,
                                            const char *subprotocol)
{
    static const char protocols[] = "Sec-WebSocket-Protocol";
    if (!request->upgrade || !http_field_lists(request, "Upgrade", "websocket")) {
        return WEBSOCKET_UPGRADE_NONE;
    }
    if (request->method != HTTP_GET || request->is_1_0) return WEBSOCKET_UPGRADE_BAD;
    const struct http_field *version = the_only(request, "Sec-WebSocket-Version");
    if (version == NULL) return WEBSOCKET_UPGRADE_BAD;
    if (!slice_equal(version->value, slice_text("13"))) return WEBSOCKET_UPGRADE_VERSION;
    const struct http_field *key = the_only(request, "Sec-WebSocket-Key");
    if (key == NULL || !key_valid(key->value)) return WEBSOCKET_UPGRADE_BAD;
    if (http_field_find(request, protocols) == NULL) return WEBSOCKET_UPGRADE;
    bool spoken = subprotocol != NULL && http_field_lists(request, protocols, subprotocol);
    return spoken ? WEBSOCKET_UPGRADE : WEBSOCKET_UPGRADE_SUBPROTOCOL;
}

void websocket_accept_key(struct slice key, struct buffer *out)
{
    struct buffer text = {0};
    uint8_t digest[SHA1_SIZE];
    buffer_append_slice(&text, key);
    buffer_append_text(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    sha1(buffer_slice(&text), digest);
    buffer_free(&text);
    base64_append(out, slice_of(digest, sizeof digest));
}

void websocket_accept_write(const struct http_request *request, const char *subprotocol,
                            struct buffer *out)
{
    struct buffer accept = {0};
    websocket_accept_key(http_field_find(request, "Sec-WebSocket-Key")->value, &accept);
    buffer_append(&accept, "", 1);
    struct http_response_field fields[2] = {
        {"Sec-WebSocket-Accept", (const char *)buffer_slice(&accept).data},
        {"Sec-WebSocket-Protocol", subprotocol},
    };
    bool offered = http_field_find(request, "Sec-WebSocket-Protocol") != NULL;
    http_upgrade_write("websocket", fields, offered ? 2 : 1, out);
    buffer_free(&accept);
}
