/* Framing of the beanstalkd protocol: a connection's bytes to lines and job bodies. See
 * beanstalk.h.
 *
 * What is found whole in the input is read where it lies: a line is parsed and a job's body encoded
 * straight from the caller's bytes. Only what a read cut in two is gathered, in `line` or `body`.
 * Nothing is allocated for a body before its bytes have come, so a size alone costs a client's
 * word and none of our memory.
 *
 * Invariant: the requests found depend on the bytes alone, never on where the reads cut them. */
#include "systems/queue/protocol/beanstalk.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "contract/machine.h"

enum state {
    STATE_LINE,    /* gathering a line */
    STATE_DISCARD, /* a line too long: up to its CR LF */
    STATE_BODY,    /* a put's body and CR LF */
    STATE_SWALLOW, /* a body that is not wanted, and CR LF: then `swallowed` is the answer */
    STATE_CLOSED,  /* after quit nothing is read */
};

struct beanstalk {
    enum state state;
    enum protocol_read reads;
    uint32_t body_size_max;
    uint32_t body_size; /* BODY: of the put, without CR LF */
    bool discard_cr;    /* DISCARD: the last byte was a CR */
    uint64_t swallow;   /* SWALLOW: bytes to go */
    const char *swallowed;
    size_t line_size;
    struct queue_command put; /* BODY: all but the body */
    struct buffer body;       /* BODY: what came of it and of its CR LF */
    struct buffer command;    /* the last request, encoded; the caller borrows it */
    uint8_t line[BEANSTALK_LINE_SIZE_MAX];
};

static const char bad_format[] = "BAD_FORMAT\r\n";
static const char unknown_command[] = "UNKNOWN_COMMAND\r\n";
static const char expected_crlf[] = "EXPECTED_CRLF\r\n";
static const char job_too_big[] = "JOB_TOO_BIG\r\n";
static const char out_of_memory[] = "OUT_OF_MEMORY\r\n";

static void *beanstalk_open(const struct protocol_config *config)
{
    struct beanstalk *beanstalk = calloc(1, sizeof *beanstalk);
    ASSERT(beanstalk != NULL);
    uint32_t size_max = config == NULL ? 0 : config->request_size_max;
    beanstalk->body_size_max = size_max == 0 ? QUEUE_JOB_SIZE_DEFAULT : size_max;
    ASSERT(beanstalk->body_size_max <= QUEUE_JOB_SIZE_MAX);
    if (config != NULL) beanstalk->reads = config->reads;
    return beanstalk;
}

static void beanstalk_close(void *connection)
{
    struct beanstalk *beanstalk = connection;
    buffer_free(&beanstalk->body);
    buffer_free(&beanstalk->command);
    free(beanstalk);
}

static size_t beanstalk_held(const void *connection)
{
    const struct beanstalk *beanstalk = connection;
    return beanstalk->line_size + beanstalk->body.capacity + beanstalk->command.capacity;
}

static void buffer_let_go(struct buffer *buffer)
{
    if (buffer->capacity > BEANSTALK_BUFFER_KEEP_MAX) {
        buffer_free(buffer);
    } else {
        buffer_clear(buffer);
    }
}

/* The size of the line that `bytes` begin with, CR LF included; 0 when it does not end in them.
 * No CR before `from` begins the end. */
static size_t line_end(const uint8_t *bytes, size_t size, size_t from)
{
    while (from + 1 < size) {
        const uint8_t *cr = memchr(bytes + from, '\r', size - 1 - from);
        if (cr == NULL) return 0;
        if (cr[1] == '\n') return (size_t)(cr - bytes) + 2;
        from = (size_t)(cr - bytes) + 1;
    }
    return 0;
}

static enum protocol_request_kind literal(struct protocol_request *request, const char *text)
{
    request->kind = PROTOCOL_LITERAL;
    request->command = slice_text(text);
    return request->kind;
}

/* Their answers name jobs, which may be gone elsewhere already. Counts and lists are of the moment
 * anyway, and what a session uses and watches it said itself. */
static bool about_jobs(enum queue_op op)
{
    return op == QUEUE_PEEK || op == QUEUE_PEEK_READY || op == QUEUE_PEEK_DELAYED ||
           op == QUEUE_PEEK_BURIED || op == QUEUE_STATS_JOB;
}

static enum protocol_request_kind encode(struct beanstalk *beanstalk,
                                         const struct queue_command *command,
                                         struct protocol_request *request)
{
    queue_command_encode(command, &beanstalk->command);
    request->command = buffer_slice(&beanstalk->command);
    request->token = command->op; /* what a refusal hangs on */
    request->kind = command->op >= QUEUE_PEEK ? PROTOCOL_QUERY : PROTOCOL_PROPOSE;
    request->read = about_jobs(command->op) ? beanstalk->reads : PROTOCOL_READ_LOCAL;
    request->grows = command->op == QUEUE_PUT;
    /* A reserve may wait for a job, a kick of many for the entries that do it slice by slice. */
    request->blocks = (command->op == QUEUE_RESERVE && command->timeout_s != 0) ||
                      (command->op == QUEUE_KICK && command->bound > MACHINE_WORK_MAX);
    return request->kind;
}

static enum protocol_request_kind finish_put(struct beanstalk *beanstalk, struct queue_command *put,
                                             const uint8_t *body, uint32_t body_size,
                                             struct protocol_request *request)
{
    if (body[body_size] != '\r' || body[body_size + 1] != '\n') {
        return literal(request, expected_crlf);
    }
    put->body = slice_of(body, body_size);
    return encode(beanstalk, put, request);
}

/* One whole line, CR LF included; `rest` is what follows it in the input, *used what of that went
 * into the request. */
static enum protocol_request_kind take_line(struct beanstalk *beanstalk, struct slice line,
                                            struct slice rest, size_t *used,
                                            struct protocol_request *request)
{
    struct queue_command command;
    uint32_t body_size = 0;
    line.size -= 2;
    switch (beanstalk_line_read(line, beanstalk->body_size_max, &command, &body_size)) {
    case BEANSTALK_LINE_COMMAND: return encode(beanstalk, &command, request);
    case BEANSTALK_LINE_PUT:
        if (rest.size >= (size_t)body_size + 2) {
            *used = (size_t)body_size + 2;
            return finish_put(beanstalk, &command, rest.data, body_size, request);
        }
        beanstalk->state = STATE_BODY;
        beanstalk->put = command;
        beanstalk->body_size = body_size;
        return PROTOCOL_NONE;
    case BEANSTALK_LINE_TOO_BIG:
        beanstalk->state = STATE_SWALLOW;
        beanstalk->swallow = (uint64_t)body_size + 2;
        beanstalk->swallowed = job_too_big;
        return PROTOCOL_NONE;
    case BEANSTALK_LINE_BAD_FORMAT: return literal(request, bad_format);
    case BEANSTALK_LINE_UNKNOWN: return literal(request, unknown_command);
    case BEANSTALK_LINE_QUIT:
        beanstalk->state = STATE_CLOSED;
        request->kind = PROTOCOL_CLOSE;
        return PROTOCOL_CLOSE;
    }
    return PROTOCOL_NONE;
}

/* The beginning of a line is in beanstalk->line already. */
static enum protocol_request_kind continue_line(struct beanstalk *beanstalk, struct slice bytes,
                                                size_t *consumed, struct protocol_request *request)
{
    size_t before = beanstalk->line_size;
    size_t taken = BEANSTALK_LINE_SIZE_MAX - before;
    if (taken > bytes.size) taken = bytes.size;
    if (taken != 0) memcpy(beanstalk->line + before, bytes.data, taken);
    size_t size = before + taken;

    size_t end = line_end(beanstalk->line, size, before == 0 ? 0 : before - 1);
    if (end != 0) {
        *consumed = end - before;
        beanstalk->line_size = 0;
        struct slice rest = slice_of(bytes.data + *consumed, bytes.size - *consumed);
        size_t used = 0;
        enum protocol_request_kind kind =
            take_line(beanstalk, slice_of(beanstalk->line, end), rest, &used, request);
        *consumed += used;
        return kind;
    }
    *consumed = taken;
    beanstalk->line_size = size;
    if (size == BEANSTALK_LINE_SIZE_MAX) {
        beanstalk->state = STATE_DISCARD;
        beanstalk->discard_cr = beanstalk->line[size - 1] == '\r';
        beanstalk->line_size = 0;
    }
    return PROTOCOL_NONE;
}

static enum protocol_request_kind decode_line(struct beanstalk *beanstalk, struct slice bytes,
                                              size_t *consumed, struct protocol_request *request)
{
    if (beanstalk->line_size != 0) return continue_line(beanstalk, bytes, consumed, request);
    size_t look = bytes.size < BEANSTALK_LINE_SIZE_MAX ? bytes.size : BEANSTALK_LINE_SIZE_MAX;
    size_t end = line_end(bytes.data, look, 0);
    if (end == 0) return continue_line(beanstalk, bytes, consumed, request);
    size_t used = 0;
    enum protocol_request_kind kind =
        take_line(beanstalk, slice_of(bytes.data, end),
                  slice_of(bytes.data + end, bytes.size - end), &used, request);
    *consumed = end + used;
    return kind;
}

static enum protocol_request_kind decode_discard(struct beanstalk *beanstalk, struct slice bytes,
                                                 size_t *consumed, struct protocol_request *request)
{
    size_t end = 0;
    if (beanstalk->discard_cr && bytes.data[0] == '\n') {
        end = 1;
    } else {
        end = line_end(bytes.data, bytes.size, 0);
    }
    if (end == 0) {
        beanstalk->discard_cr = bytes.data[bytes.size - 1] == '\r';
        *consumed = bytes.size;
        return PROTOCOL_NONE;
    }
    *consumed = end;
    beanstalk->state = STATE_LINE;
    return literal(request, bad_format);
}

static enum protocol_request_kind decode_body(struct beanstalk *beanstalk, struct slice bytes,
                                              size_t *consumed, struct protocol_request *request)
{
    size_t missing = (size_t)beanstalk->body_size + 2 - beanstalk->body.size;
    size_t taken = bytes.size < missing ? bytes.size : missing;
    buffer_append(&beanstalk->body, bytes.data, taken);
    *consumed = taken;
    if (taken < missing) return PROTOCOL_NONE;
    beanstalk->state = STATE_LINE;
    enum protocol_request_kind kind =
        finish_put(beanstalk, &beanstalk->put, buffer_slice(&beanstalk->body).data,
                   beanstalk->body_size, request);
    buffer_let_go(&beanstalk->body);
    return kind;
}

static enum protocol_request_kind decode_swallow(struct beanstalk *beanstalk, struct slice bytes,
                                                 size_t *consumed, struct protocol_request *request)
{
    *consumed = bytes.size < beanstalk->swallow ? bytes.size : (size_t)beanstalk->swallow;
    beanstalk->swallow -= *consumed;
    if (beanstalk->swallow != 0) return PROTOCOL_NONE;
    beanstalk->state = STATE_LINE;
    return literal(request, beanstalk->swallowed);
}

static void beanstalk_shed(void *connection)
{
    struct beanstalk *beanstalk = connection;
    if (beanstalk->state != STATE_BODY) return;
    beanstalk->state = STATE_SWALLOW;
    beanstalk->swallow = (uint64_t)beanstalk->body_size + 2 - beanstalk->body.size;
    beanstalk->swallowed = out_of_memory;
    buffer_free(&beanstalk->body);
}

static enum protocol_request_kind decode_some(struct beanstalk *beanstalk, struct slice bytes,
                                              size_t *consumed, struct protocol_request *request)
{
    switch (beanstalk->state) {
    case STATE_LINE: return decode_line(beanstalk, bytes, consumed, request);
    case STATE_DISCARD: return decode_discard(beanstalk, bytes, consumed, request);
    case STATE_BODY: return decode_body(beanstalk, bytes, consumed, request);
    case STATE_SWALLOW: return decode_swallow(beanstalk, bytes, consumed, request);
    case STATE_CLOSED: break;
    }
    *consumed = bytes.size;
    request->kind = PROTOCOL_CLOSE;
    return PROTOCOL_CLOSE;
}

static enum protocol_request_kind beanstalk_next(void *connection, struct slice *bytes,
                                                 struct protocol_request *request)
{
    struct beanstalk *beanstalk = connection;
    *request = (struct protocol_request){.kind = PROTOCOL_NONE};
    buffer_let_go(&beanstalk->command);
    while (bytes->size > 0) {
        size_t taken = 0;
        enum protocol_request_kind kind = decode_some(beanstalk, *bytes, &taken, request);
        *bytes = slice_of(bytes->data + taken, bytes->size - taken);
        if (kind != PROTOCOL_NONE) return kind;
    }
    return PROTOCOL_NONE;
}

const struct protocol_ops beanstalk_ops = {
    .name = "beanstalk",
    .ordered = true,
    .open = beanstalk_open,
    .close = beanstalk_close,
    .next = beanstalk_next,
    .answer = beanstalk_answer,
    .refuse = beanstalk_refuse,
    .held = beanstalk_held,
    .shed = beanstalk_shed,
    .admin = beanstalk_admin,
    .admin_reply = beanstalk_admin_reply,
};
