/* What a client of the beanstalkd protocol hears: replies and refusals to text. See beanstalk.h. */
#include "systems/queue/protocol/beanstalk.h"

#include <string.h>

#include "base/assert.h"

enum shape {
    SHAPE_WORD,  /* WORD */
    SHAPE_ID,    /* WORD <id> */
    SHAPE_COUNT, /* WORD <count> */
    SHAPE_TUBE,  /* WORD <tube> */
    SHAPE_JOB,   /* WORD <id> <bytes>, then the body */
    SHAPE_DATA,  /* WORD <bytes>, then the body */
};

struct form {
    uint8_t shape;
    uint8_t size;
    char word[20];
};

#define FORM(shape, word)             \
    {                                 \
        shape, sizeof(word) - 1, word \
    }

static const struct form forms[] = {
    [QUEUE_REPLY_INSERTED] = FORM(SHAPE_ID, "INSERTED "),
    [QUEUE_REPLY_BURIED_ID] = FORM(SHAPE_ID, "BURIED "),
    [QUEUE_REPLY_USING] = FORM(SHAPE_TUBE, "USING "),
    [QUEUE_REPLY_RESERVED] = FORM(SHAPE_JOB, "RESERVED "),
    [QUEUE_REPLY_DEADLINE_SOON] = FORM(SHAPE_WORD, "DEADLINE_SOON\r\n"),
    [QUEUE_REPLY_TIMED_OUT] = FORM(SHAPE_WORD, "TIMED_OUT\r\n"),
    [QUEUE_REPLY_NOT_FOUND] = FORM(SHAPE_WORD, "NOT_FOUND\r\n"),
    [QUEUE_REPLY_DELETED] = FORM(SHAPE_WORD, "DELETED\r\n"),
    [QUEUE_REPLY_RELEASED] = FORM(SHAPE_WORD, "RELEASED\r\n"),
    [QUEUE_REPLY_BURIED] = FORM(SHAPE_WORD, "BURIED\r\n"),
    [QUEUE_REPLY_TOUCHED] = FORM(SHAPE_WORD, "TOUCHED\r\n"),
    [QUEUE_REPLY_WATCHING] = FORM(SHAPE_COUNT, "WATCHING "),
    [QUEUE_REPLY_NOT_IGNORED] = FORM(SHAPE_WORD, "NOT_IGNORED\r\n"),
    [QUEUE_REPLY_KICKED] = FORM(SHAPE_COUNT, "KICKED "),
    [QUEUE_REPLY_KICKED_JOB] = FORM(SHAPE_WORD, "KICKED\r\n"),
    [QUEUE_REPLY_PAUSED] = FORM(SHAPE_WORD, "PAUSED\r\n"),
    [QUEUE_REPLY_FOUND] = FORM(SHAPE_JOB, "FOUND "),
    [QUEUE_REPLY_OK] = FORM(SHAPE_DATA, "OK "),
    [QUEUE_REPLY_OUT_OF_MEMORY] = FORM(SHAPE_WORD, "OUT_OF_MEMORY\r\n"),
    /* No command of this protocol asks for it; the word is ours. */
    [QUEUE_REPLY_POLICY_SET] = FORM(SHAPE_WORD, "POLICY_SET\r\n"),
};

enum {
    REPLY_LINE_SIZE_MAX = 20 + 20 + 1 + 20 + 2, /* a word, two numbers, a space, CR LF */
};

static uint8_t *write_crlf(uint8_t *at)
{
    at[0] = '\r';
    at[1] = '\n';
    return at + 2;
}

/* All is written into one reservation, the body included: a reply costs one look at the buffer. */
void beanstalk_answer(void *connection, uint64_t token, const void *payload, struct buffer *out)
{
    (void)connection, (void)token;
    const struct queue_reply *reply = payload;
    ASSERT(reply->kind >= QUEUE_REPLY_INSERTED && reply->kind <= QUEUE_REPLY_POLICY_SET);
    const struct form *form = &forms[reply->kind];
    struct slice data = slice_of(NULL, 0);
    if (form->shape == SHAPE_TUBE) data = reply->tube;
    if (form->shape == SHAPE_JOB || form->shape == SHAPE_DATA) data = reply->body;

    uint8_t *start = buffer_reserve(out, REPLY_LINE_SIZE_MAX + data.size + 2);
    uint8_t *at = start;
    memcpy(at, form->word, sizeof form->word); /* of fixed size: two moves */
    at += form->size;
    switch ((enum shape)form->shape) {
    case SHAPE_WORD: break;
    case SHAPE_ID: at = write_crlf(at + decimal_write(at, reply->id)); break;
    case SHAPE_COUNT: at = write_crlf(at + decimal_write(at, reply->count)); break;
    case SHAPE_JOB:
        at += decimal_write(at, reply->id);
        *at++ = ' ';
        __attribute__((fallthrough));
    case SHAPE_DATA:
        at = write_crlf(at + decimal_write(at, data.size));
        __attribute__((fallthrough));
    case SHAPE_TUBE:
        if (data.size != 0) memcpy(at, data.data, data.size);
        at = write_crlf(at + data.size);
        break;
    }
    buffer_grew(out, (size_t)(at - start));
}

void beanstalk_refuse(void *connection, uint64_t token, enum protocol_refusal why,
                      struct buffer *out)
{
    (void)connection;
    bool is_put = token == QUEUE_PUT;
    switch (why) {
    case PROTOCOL_REFUSED_FULL:
    case PROTOCOL_REFUSED_BUSY: buffer_append_text(out, "OUT_OF_MEMORY\r\n"); return;
    case PROTOCOL_REFUSED_NO_LEADER:
    case PROTOCOL_REFUSED_DRAINING:
    case PROTOCOL_REFUSED_UNKNOWN:
    case PROTOCOL_REFUSED_LATE: /* this and the rest: it never asks for what they are about */
    case PROTOCOL_REFUSED_LOST:
    case PROTOCOL_REFUSED_NOT_LEADING:
        buffer_append_text(out, is_put ? "DRAINING\r\n" : "INTERNAL_ERROR\r\n");
        return;
    }
}
