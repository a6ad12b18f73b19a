/* The registers' protocol. See register.h. */
#include "systems/register/protocol/frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { WORDS_MAX = 4 };

struct connection {
    enum protocol_read reads;
    size_t line_size;
    uint8_t line[REGISTER_LINE_SIZE_MAX];
    struct buffer command; /* the last request, encoded; the caller borrows it */
};

static void *register_open(const struct protocol_config *config)
{
    struct connection *connection = calloc(1, sizeof *connection);
    ASSERT(connection != NULL);
    if (config != NULL) connection->reads = config->reads;
    return connection;
}

static void register_close(void *opened)
{
    struct connection *connection = opened;
    buffer_free(&connection->command);
    free(connection);
}

static size_t register_held(const void *opened)
{
    return ((const struct connection *)opened)->line_size;
}

/* Splits at single spaces; 0 when there are too many words. */
static uint32_t words_split(struct slice line, struct slice words[WORDS_MAX])
{
    uint32_t count = 0;
    for (;;) {
        if (count == WORDS_MAX) return 0;
        const uint8_t *space = line.size == 0 ? NULL : memchr(line.data, ' ', line.size);
        size_t size = space == NULL ? line.size : (size_t)(space - line.data);
        words[count++] = slice_of(line.data, size);
        if (space == NULL) return count;
        line = slice_of(space + 1, line.size - size - 1);
    }
}

/* How a read is to be answered: false when there is no such level. */
static bool level_read(struct slice word, struct protocol_request *request)
{
    static const char *const levels[] = {[PROTOCOL_READ_LINEARIZABLE] = "linearizable",
                                         [PROTOCOL_READ_LEASE] = "lease",
                                         [PROTOCOL_READ_LOCAL] = "local"};
    if (slice_equal(word, slice_text("log"))) {
        request->kind = PROTOCOL_PROPOSE;
        return true;
    }
    for (uint32_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (!slice_equal(word, slice_text(levels[i]))) continue;
        request->read = (enum protocol_read)i;
        return true;
    }
    return false;
}

bool register_line_read(struct slice line, struct register_command *command,
                        struct protocol_request *request)
{
    struct slice words[WORDS_MAX];
    uint32_t count = words_split(line, words);
    uint64_t key;
    if (count < 2 || !decimal_read(words[1], &key) || key >= REGISTER_COUNT) return false;
    *command = (struct register_command){.key = (uint32_t)key};
    if ((count == 2 || count == 3) && slice_equal(words[0], slice_text("read"))) {
        command->op = REGISTER_READ;
        request->kind = PROTOCOL_QUERY;
        return count == 2 || level_read(words[2], request);
    }
    request->kind = PROTOCOL_PROPOSE;
    if (count == 3 && slice_equal(words[0], slice_text("write"))) {
        command->op = REGISTER_WRITE;
        return decimal_read(words[2], &command->value);
    }
    command->op = REGISTER_SWAP;
    return count == 4 && slice_equal(words[0], slice_text("swap")) &&
           decimal_read(words[2], &command->expected) && decimal_read(words[3], &command->value);
}

static enum protocol_request_kind line_take(struct connection *connection, struct slice line,
                                            struct protocol_request *request)
{
    struct register_command command;
    request->read = connection->reads;
    if (!register_line_read(line, &command, request)) {
        request->command = slice_text("BAD\n");
        return PROTOCOL_LITERAL;
    }
    buffer_clear(&connection->command);
    register_command_encode(&command, &connection->command);
    request->command = buffer_slice(&connection->command);
    request->grows = command.op != REGISTER_READ;
    request->slot = command.key;
    return request->kind;
}

static enum protocol_request_kind register_next(void *opened, struct slice *bytes,
                                                struct protocol_request *request)
{
    struct connection *connection = opened;
    *request = (struct protocol_request){.kind = PROTOCOL_NONE};
    if (bytes->size == 0) return PROTOCOL_NONE;
    const uint8_t *newline = memchr(bytes->data, '\n', bytes->size);
    size_t size = newline == NULL ? bytes->size : (size_t)(newline - bytes->data);
    const uint8_t *from = bytes->data;
    size_t taken = newline == NULL ? size : size + 1;
    *bytes = slice_of(from + taken, bytes->size - taken);
    if (size >= REGISTER_LINE_SIZE_MAX - connection->line_size) {
        request->kind = PROTOCOL_CLOSE;
        return request->kind;
    }
    if (size > 0) memcpy(connection->line + connection->line_size, from, size);
    connection->line_size += size;
    if (newline == NULL) return PROTOCOL_NONE;
    struct slice line = slice_of(connection->line, connection->line_size);
    connection->line_size = 0;
    request->kind = line_take(connection, line, request);
    return request->kind;
}

static void say_number(struct buffer *out, const char *word, uint64_t number)
{
    buffer_append_text(out, word);
    buffer_append_decimal(out, number);
    buffer_put_u8(out, '\n');
}

void register_reply_write(const struct register_reply *reply, struct buffer *out)
{
    switch (reply->op) {
    case REGISTER_READ: say_number(out, "VALUE ", reply->value); break;
    case REGISTER_WRITE: buffer_append_text(out, "WRITTEN\n"); break;
    case REGISTER_SWAP:
        if (reply->done)
            buffer_append_text(out, "SWAPPED\n");
        else
            say_number(out, "KEPT ", reply->value);
        break;
    }
}

static void register_answer(void *opened, uint64_t token, const void *payload, struct buffer *out)
{
    (void)opened, (void)token;
    register_reply_write(payload, out);
}

void register_refusal_write(enum protocol_refusal why, struct buffer *out)
{
    static const char *const words[] = {
        [PROTOCOL_REFUSED_NO_LEADER] = "REFUSED no-leader\n",
        [PROTOCOL_REFUSED_FULL] = "REFUSED full\n",
        [PROTOCOL_REFUSED_BUSY] = "REFUSED busy\n",
        [PROTOCOL_REFUSED_DRAINING] = "REFUSED draining\n",
        [PROTOCOL_REFUSED_UNKNOWN] = "UNKNOWN\n",
    };
    buffer_append_text(out, words[why]);
}

static void register_refuse(void *opened, uint64_t token, enum protocol_refusal why,
                            struct buffer *out)
{
    (void)opened, (void)token;
    register_refusal_write(why, out);
}

const struct protocol_ops register_protocol_ops = {
    .name = "register",
    .ordered = true,
    .open = register_open,
    .close = register_close,
    .next = register_next,
    .answer = register_answer,
    .refuse = register_refuse,
    .held = register_held,
};
