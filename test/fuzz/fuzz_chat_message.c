/* Any bytes as a message of a client: it is refused with a code, or names, numbers and texts keep
 * to their limits; and data that was taken is said again as JSON. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/json_read.h"
#include "base/utf8.h"
#include "systems/chat/protocol/say.h"

static void is_json(struct buffer *out)
{
    struct json_read read = json_read_of(buffer_slice(out), JSON_READ_DEPTH_MAX);
    ASSERT(json_read_next(&read) == JSON_OBJECT_BEGIN && json_read_skip(&read));
    ASSERT(json_read_next(&read) == JSON_END);
    buffer_clear(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct chat_message message;
    static struct buffer out;
    struct chat_mistake mistake;
    if (!chat_message_read(slice_of(data, size), &message, &mistake)) {
        ASSERT(mistake.code != NULL && mistake.what != NULL);
        chat_say_mistake(&mistake, &out);
        is_json(&out);
        return 0;
    }
    ASSERT(message.type < CHAT_MESSAGE_TYPES && message.rooms_count <= CHAT_MESSAGE_ROOMS_MAX);
    ASSERT(message.texts.size <= size);
    bool in_room = message.type != CHAT_MESSAGE_HELLO && message.type != CHAT_MESSAGE_PING;
    if (in_room) ASSERT(chat_room_valid(message.room));
    bool posts = message.type == CHAT_MESSAGE_POST || message.type == CHAT_MESSAGE_EDIT;
    if (!posts) return 0;
    ASSERT(message.id != 0 && message.id <= CHAT_NUMBER_MAX && utf8_valid(message.body));
    ASSERT(message.body.size != 0 && message.body.size <= CHAT_BODY_SIZE_MAX);
    struct chat_event event = {.kind = CHAT_EVENT_POST,
                               .seq = 1,
                               .of = 1,
                               .user = slice_text("ann"),
                               .form = message.form,
                               .body = message.body};
    chat_say_event(message.room, &event, &out);
    is_json(&out);
    return 0;
}
