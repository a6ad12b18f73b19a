/* The registers' unordered protocol. See tokens.h. */
#include "systems/register/protocol/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/register/protocol/frames.h"

struct connection {
    enum protocol_read reads;
    bool over;
    struct buffer lines; /* taken and not asked for: whole lines, then the beginning of one */
    struct buffer command;
};

static void *tokens_open(const struct protocol_config *config)
{
    struct connection *connection = calloc(1, sizeof *connection);
    ASSERT(connection != NULL);
    if (config != NULL) connection->reads = config->reads;
    return connection;
}

static void tokens_close(void *opened)
{
    struct connection *connection = opened;
    buffer_free(&connection->lines);
    buffer_free(&connection->command);
    free(connection);
}

static size_t tokens_held(const void *opened)
{
    const struct connection *connection = opened;
    return connection->lines.capacity + connection->command.capacity;
}

/* Takes the first word off the line; a number. */
static bool number_take(struct slice *line, uint64_t *number)
{
    const uint8_t *space = line->size == 0 ? NULL : memchr(line->data, ' ', line->size);
    size_t size = space == NULL ? line->size : (size_t)(space - line->data);
    if (!decimal_read(slice_of(line->data, size), number)) return false;
    size_t used = space == NULL ? size : size + 1;
    *line = slice_of(line->data + used, line->size - used);
    return true;
}

static bool word_take(struct slice *line, const char *word)
{
    struct slice expected = slice_text(word);
    if (line->size < expected.size || memcmp(line->data, word, expected.size) != 0) return false;
    *line = slice_of(line->data + expected.size, line->size - expected.size);
    return true;
}

static bool watch_read(struct connection *connection, struct slice line)
{
    uint64_t key = 0, from = 0;
    if (!number_take(&line, &key) || key >= REGISTER_COUNT) return false;
    if (line.size > 0 && !number_take(&line, &from)) return false;
    register_watch_encode((uint32_t)key, from, &connection->command);
    return line.size == 0;
}

static bool line_take(struct connection *connection, struct slice line,
                      struct protocol_request *request)
{
    struct register_command command;
    buffer_clear(&connection->command);
    request->read = connection->reads;
    if (!number_take(&line, &request->token)) return false;
    if (slice_equal(line, slice_text("cancel"))) {
        request->kind = PROTOCOL_CANCEL;
        return true;
    }
    if (word_take(&line, "watch ")) {
        request->kind = PROTOCOL_WATCH;
        if (!watch_read(connection, line)) return false;
    } else {
        if (!register_line_read(line, &command, request)) return false;
        register_command_encode(&command, &connection->command);
        request->grows = command.op != REGISTER_READ;
    }
    request->command = buffer_slice(&connection->command);
    return true;
}

static enum protocol_request_kind tokens_next(void *opened, struct slice *bytes,
                                              struct protocol_request *request)
{
    struct connection *connection = opened;
    if (!connection->over) buffer_append_slice(&connection->lines, *bytes);
    *bytes = slice_of(NULL, 0);
    if (request == NULL) return PROTOCOL_NONE;
    *request = (struct protocol_request){.kind = PROTOCOL_NONE};
    struct slice all = buffer_slice(&connection->lines);
    const uint8_t *newline = all.size == 0 ? NULL : memchr(all.data, '\n', all.size);
    size_t size = newline == NULL ? all.size : (size_t)(newline - all.data);
    if (size >= REGISTER_LINE_SIZE_MAX || all.size > REGISTER_TOKENS_HELD_MAX) {
        connection->over = true;
        buffer_free(&connection->lines);
        request->kind = PROTOCOL_CLOSE;
        return request->kind;
    }
    if (newline == NULL) return PROTOCOL_NONE;
    if (!line_take(connection, slice_of(all.data, size), request)) {
        request->kind = PROTOCOL_LITERAL;
        request->command = slice_text("0 BAD\n");
    }
    buffer_consume(&connection->lines, size + 1);
    return request->kind;
}

static void say_token(struct buffer *out, uint64_t token)
{
    buffer_append_decimal(out, token);
    buffer_put_u8(out, ' ');
}

static void tokens_answer(void *opened, uint64_t token, const void *payload, struct buffer *out)
{
    (void)opened;
    say_token(out, token);
    register_reply_write(payload, out);
}

static void tokens_refuse(void *opened, uint64_t token, enum protocol_refusal why,
                          struct buffer *out)
{
    (void)opened;
    say_token(out, token);
    register_refusal_write(why, out);
}

static void tokens_push(void *opened, uint64_t token, const void *payload, struct buffer *out)
{
    static const char *const words[] = {
        [REGISTER_WATCHING] = "WATCHING ",
        [REGISTER_EVENT] = "EVENT ",
        [REGISTER_GAP] = "GAP ",
    };
    (void)opened;
    const struct register_event *event = payload;
    say_token(out, token);
    buffer_append_text(out, words[event->kind]);
    buffer_append_decimal(out, event->version);
    if (event->kind == REGISTER_EVENT) {
        buffer_put_u8(out, ' ');
        buffer_append_decimal(out, event->value);
    }
    buffer_put_u8(out, '\n');
}

const struct protocol_ops register_tokens_ops = {
    .name = "register-tokens",
    .tells_unknown = true,
    .open = tokens_open,
    .close = tokens_close,
    .next = tokens_next,
    .answer = tokens_answer,
    .refuse = tokens_refuse,
    .push = tokens_push,
    .held = tokens_held,
};
