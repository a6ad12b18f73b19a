/* Requests that wait to be asked for: one path for what a message asks, what an answer brings up,
 * and what is said at once, so that it all leaves in its order. */
#include "systems/chat/protocol/internal.h"

enum {
    QUEUE_KEEP_MAX = 2048,
    RECORD_HEAD_SIZE = 1 + 1 + 1 + 8 + 4, /* kind, grows, read, token, size of the rest */
};

/* Begins a record; the rest of it is appended, then record_end(). */
static size_t record_begin(struct chat_connection *connection, enum protocol_request_kind kind,
                           uint64_t token)
{
    struct buffer *queue = &connection->queue;
    buffer_put_u8(queue, (uint8_t)kind);
    buffer_put_u8(queue, false);
    buffer_put_u8(queue, 0);
    buffer_put_u64(queue, token);
    buffer_put_u32(queue, 0);
    return queue->size;
}

static void record_end(struct chat_connection *connection, size_t begin)
{
    struct buffer *queue = &connection->queue;
    store_u32(queue->data + queue->head + begin - 4, (uint32_t)(queue->size - begin));
}

static uint8_t *record_head(struct chat_connection *connection, size_t begin)
{
    return connection->queue.data + connection->queue.head + begin - RECORD_HEAD_SIZE;
}

void request_propose(struct chat_connection *connection, uint64_t token,
                     const struct chat_command *command)
{
    size_t begin = record_begin(connection, PROTOCOL_PROPOSE, token);
    record_head(connection, begin)[1] = command->op != CHAT_DELETE && command->op != CHAT_LEAVE;
    chat_command_encode(command, &connection->queue);
    record_end(connection, begin);
}

void request_query(struct chat_connection *connection, uint64_t token, enum protocol_read read,
                   const struct chat_command *command)
{
    size_t begin = record_begin(connection, PROTOCOL_QUERY, token);
    record_head(connection, begin)[2] = (uint8_t)read;
    chat_command_encode(command, &connection->queue);
    record_end(connection, begin);
}

void request_watch(struct chat_connection *connection, uint64_t token,
                   const struct chat_watch *watch)
{
    size_t begin = record_begin(connection, PROTOCOL_WATCH, token);
    chat_watch_encode(watch, &connection->queue);
    record_end(connection, begin);
}

void request_cancel(struct chat_connection *connection, uint64_t token)
{
    if (token != 0) record_end(connection, record_begin(connection, PROTOCOL_CANCEL, token));
}

void request_say(struct chat_connection *connection, struct slice bytes, bool last)
{
    size_t begin = record_begin(connection, last ? PROTOCOL_CLOSE : PROTOCOL_LITERAL, 0);
    buffer_append_slice(&connection->queue, bytes);
    record_end(connection, begin);
}

bool request_take(struct chat_connection *connection, struct protocol_request *request)
{
    struct buffer *queue = &connection->queue;
    if (queue->size == 0) {
        if (queue->capacity > QUEUE_KEEP_MAX) buffer_free(queue);
        return false;
    }
    struct reader reader = reader_of(buffer_slice(queue));
    *request = (struct protocol_request){.kind = (enum protocol_request_kind)read_u8(&reader)};
    request->grows = read_u8(&reader) != 0;
    request->read = (enum protocol_read)read_u8(&reader);
    request->token = read_u64(&reader);
    struct slice rest = read_bytes(&reader);
    /* What is asked may bring up more, so that the queue moves while the caller still borrows. */
    if (connection->command.capacity > QUEUE_KEEP_MAX) buffer_free(&connection->command);
    buffer_clear(&connection->command);
    buffer_append_slice(&connection->command, rest);
    request->command = buffer_slice(&connection->command);
    buffer_consume(queue, RECORD_HEAD_SIZE + rest.size);
    return true;
}
