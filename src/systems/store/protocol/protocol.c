/* A connection of the store: bytes to requests. See protocol.h.
 *
 * A request's token is the version of RESP that was spoken when it came (HELLO changes it for what
 * comes behind, and answers may come later), and what kind of answer it waits for: internal.h. */
#include "systems/store/protocol/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/store/protocol/internal.h"

static const struct store_protocol_options defaults = {.node = 1, .announced = "127.0.0.1:6379"};

static void *store_open(const struct protocol_config *config)
{
    struct store_connection *connection = calloc(1, sizeof *connection);
    ASSERT(connection != NULL);
    connection->options = &defaults;
    if (config != NULL && config->options != NULL) connection->options = config->options;
    if (config != NULL) {
        connection->reads_default = config->reads;
        connection->facts = config->facts;
        connection->place = config->place;
    }
    list_init(&connection->spreads);
    connection->version = 2;
    connection->known = connection->options->password == NULL;
    return connection;
}

static void store_close(void *opened)
{
    struct store_connection *connection = opened;
    spreads_free(connection);
    resp_parser_free(&connection->parser);
    buffer_free(&connection->command);
    buffer_free(&connection->said);
    buffer_free(&connection->seen);
    buffer_free(&connection->after);
    free(connection);
}

static size_t store_held(const void *opened)
{
    const struct store_connection *connection = opened;
    return resp_parser_held(&connection->parser) + connection->command.capacity +
           connection->said.capacity + connection->after.capacity + spreads_held(connection);
}

static void store_shed(void *opened)
{
    resp_parser_shed(&((struct store_connection *)opened)->parser);
}

static void let_go(struct buffer *buffer)
{
    if (buffer->capacity > BUFFER_KEEP_MAX) {
        buffer_free(buffer);
    } else {
        buffer_clear(buffer);
    }
}

static void say_two(struct asked *asked, const char *first, const char *second)
{
    struct buffer text = {0};
    buffer_append_text(&text, first);
    buffer_append_text(&text, second);
    resp_put_error(say(asked), buffer_slice(&text));
    buffer_free(&text);
}

static enum protocol_request_kind store_next(void *opened, struct slice *bytes,
                                             struct protocol_request *request)
{
    struct store_connection *connection = opened;
    struct asked asked = {.connection = connection, .request = request};
    const char *why;
    size_t consumed;
    *request = (struct protocol_request){.kind = PROTOCOL_NONE,
                                         .token = token_of(TOKEN_PLAIN, connection->version)};
    let_go(&connection->command);
    let_go(&connection->said);
    if (connection->spreading != NULL) {
        spread_next(connection, request);
        return request->kind;
    }
    enum resp_result result =
        resp_parse(&connection->parser, *bytes, &consumed, &asked.words, &why);
    if (consumed > 0) *bytes = slice_of(bytes->data + consumed, bytes->size - consumed);
    switch (result) {
    case RESP_PARTIAL: break;
    case RESP_COMMAND: ask(&asked); break;
    case RESP_TOO_LARGE: say_two(&asked, "ERR ", why); break;
    case RESP_SHED: say_error(&asked, "OOM memory is full: delete keys, or ask again later"); break;
    case RESP_BROKEN:
        say_two(&asked, "ERR Protocol error: ", why);
        request->kind = PROTOCOL_CLOSE;
        break;
    }
    if (connection->said.size > 0) request->command = buffer_slice(&connection->said);
    return request->kind;
}

const struct protocol_ops store_protocol_ops = {
    .name = "store",
    .ordered = true,
    .open = store_open,
    .close = store_close,
    .next = store_next,
    .answer = store_answer,
    .refuse = store_refuse,
    .counted = store_counted,
    .after = store_after,
    .held = store_held,
    .shed = store_shed,
};
