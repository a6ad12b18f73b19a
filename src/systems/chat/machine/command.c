/* The codec of commands: specs/systems/chat.md, "Commands in the log". Every byte of a command is
 * accounted for, so that what decodes encodes to the same bytes again. */
#include <string.h>

#include "systems/chat/machine/internal.h"

enum field {
    FIELD_CLIENT = 1,
    FIELD_ID = 2,
    FIELD_ROOM = 4,
    FIELD_USER = 8,
    FIELD_MAYBE_USER = 16, /* it may be empty */
    FIELD_AUTHORITY = 32,
    FIELD_SEQ = 64,
    FIELD_LIMIT = 128,
    FIELD_BODY = 256, /* its form, and the rest */
    FIELD_NONE = 512,
};

/* The fields of each op, which stand in the order of enum field; 0: there is none such. */
static uint32_t fields_of(unsigned op)
{
    switch (op) {
    case CHAT_ATTACH: return FIELD_CLIENT;
    case CHAT_POST: return FIELD_ID | FIELD_ROOM | FIELD_USER | FIELD_BODY;
    case CHAT_EDIT:
        return FIELD_ID | FIELD_ROOM | FIELD_USER | FIELD_AUTHORITY | FIELD_SEQ | FIELD_BODY;
    case CHAT_DELETE: return FIELD_ID | FIELD_ROOM | FIELD_USER | FIELD_AUTHORITY | FIELD_SEQ;
    case CHAT_ENTER: return FIELD_ROOM | FIELD_USER;
    case CHAT_LEAVE: return FIELD_ROOM;
    case CHAT_READ: return FIELD_ROOM | FIELD_USER | FIELD_SEQ;
    case CHAT_ROOM: return FIELD_ROOM;
    case CHAT_HISTORY: return FIELD_ROOM | FIELD_SEQ | FIELD_LIMIT;
    case CHAT_PRESENCE: return FIELD_ROOM | FIELD_MAYBE_USER;
    case CHAT_STAMP: return FIELD_NONE;
    default: return 0;
    }
}

static bool name_bytes_valid(struct slice name)
{
    if (name.size == 0 || name.size > CHAT_USER_SIZE_MAX) return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool digit = byte >= '0' && byte <= '9';
        if (!letter && !digit && memchr("._@|-", byte, 5) == NULL) return false;
    }
    return true;
}

bool chat_user_valid(struct slice user)
{
    return name_bytes_valid(user);
}

bool chat_room_valid(struct slice room)
{
    const uint8_t *comma = room.size == 0 ? NULL : memchr(room.data, ',', room.size);
    if (comma == NULL) return name_bytes_valid(room);
    size_t size = (size_t)(comma - room.data);
    struct slice a = slice_of(room.data, size);
    struct slice b = slice_of(comma + 1, room.size - size - 1);
    return name_bytes_valid(a) && name_bytes_valid(b) && slice_compare(a, b) < 0;
}

static void put_name(struct buffer *out, struct slice name)
{
    ASSERT(name.size <= UINT8_MAX);
    buffer_put_u8(out, (uint8_t)name.size);
    buffer_append_slice(out, name);
}

void chat_command_encode(const struct chat_command *command, struct buffer *out)
{
    uint32_t fields = fields_of((unsigned)command->op);
    ASSERT(fields != 0);
    buffer_put_u8(out, (uint8_t)command->op);
    if (fields & FIELD_CLIENT) {
        buffer_put_u64(out, command->client.stamp);
        buffer_put_u64(out, command->client.number);
        buffer_put_u64(out, command->secret[0]);
        buffer_put_u64(out, command->secret[1]);
    }
    if (fields & FIELD_ID) buffer_put_u64(out, command->id);
    if (fields & FIELD_ROOM) put_name(out, command->room);
    if (fields & (FIELD_USER | FIELD_MAYBE_USER)) put_name(out, command->user);
    if (fields & FIELD_AUTHORITY) buffer_put_u8(out, (uint8_t)command->authority);
    if (fields & FIELD_SEQ) buffer_put_u64(out, command->seq);
    if (fields & FIELD_LIMIT) buffer_put_u32(out, command->limit);
    if (fields & FIELD_BODY) {
        buffer_put_u8(out, (uint8_t)command->form);
        buffer_append_slice(out, command->body);
    }
}

static struct slice read_name(struct reader *reader)
{
    return read_exactly(reader, read_u8(reader));
}

static bool values_valid(const struct chat_command *command, uint32_t fields)
{
    if ((fields & FIELD_ID) && command->id == 0) return false;
    if ((fields & FIELD_ROOM) && !chat_room_valid(command->room)) return false;
    bool no_user = (fields & FIELD_MAYBE_USER) && command->user.size == 0;
    if ((fields & (FIELD_USER | FIELD_MAYBE_USER)) && !no_user && !chat_user_valid(command->user)) {
        return false;
    }
    return command->authority < CHAT_AUTHORITIES && command->form <= CHAT_DATA;
}

bool chat_command_decode(struct slice bytes, struct chat_command *command)
{
    struct reader reader = reader_of(bytes);
    *command = (struct chat_command){0};
    uint8_t op = read_u8(&reader);
    uint32_t fields = fields_of(op);
    if (reader.bad || fields == 0) return false;
    command->op = (enum chat_op)op;
    if (fields & FIELD_CLIENT) {
        command->client.stamp = read_u64(&reader);
        command->client.number = read_u64(&reader);
        command->secret[0] = read_u64(&reader);
        command->secret[1] = read_u64(&reader);
    }
    if (fields & FIELD_ID) command->id = read_u64(&reader);
    if (fields & FIELD_ROOM) command->room = read_name(&reader);
    if (fields & (FIELD_USER | FIELD_MAYBE_USER)) command->user = read_name(&reader);
    if (fields & FIELD_AUTHORITY) command->authority = (enum chat_authority)read_u8(&reader);
    if (fields & FIELD_SEQ) command->seq = read_u64(&reader);
    if (fields & FIELD_LIMIT) command->limit = read_u32(&reader);
    if (fields & FIELD_BODY) {
        command->form = (enum chat_form)read_u8(&reader);
        command->body = read_exactly(&reader, reader.bytes.size);
    }
    return reader_done(&reader) && values_valid(command, fields);
}
