/* Replies: a list of values, gathered while a command is carried out. See store.h. */
#include <string.h>

#include "base/assert.h"
#include "systems/store/machine/internal.h"

static void put(struct call *call, enum store_value_kind kind, int64_t number, struct slice bytes)
{
    struct store_value *value =
        (struct store_value *)(void *)buffer_reserve(&call->store->scratch->values, sizeof *value);
    *value = (struct store_value){kind, number, bytes};
    buffer_grew(&call->store->scratch->values, sizeof *value);
}

static const struct slice nothing = {(const uint8_t *)"", 0};

void reply_integer(struct call *call, int64_t number)
{
    put(call, STORE_INTEGER, number, nothing);
}

void reply_boolean(struct call *call, bool yes)
{
    reply_integer(call, yes ? 1 : 0);
}

void reply_bulk(struct call *call, struct slice bytes)
{
    put(call, STORE_BULK, 0, bytes);
}

void reply_simple(struct call *call, const char *text)
{
    put(call, STORE_SIMPLE, 0, slice_text(text));
}

void reply_nil(struct call *call)
{
    put(call, STORE_NIL, 0, nothing);
}

void reply_ok(struct call *call)
{
    put(call, STORE_OK, 0, nothing);
}

void reply_array(struct call *call, uint64_t count)
{
    ASSERT(count <= STORE_ELEMENTS_MAX);
    put(call, STORE_ARRAY, (int64_t)count, nothing);
}

void reply_error(struct call *call, const char *text)
{
    put(call, STORE_ERROR, 0, slice_text(text));
}

void reply_syntax_error(struct call *call)
{
    reply_error(call, "ERR syntax error");
}

/* The buffer may still move: until then `number` says where in it the bytes are. */
void reply_copy(struct call *call, struct slice bytes)
{
    struct buffer *text = &call->store->scratch->text;
    put(call, STORE_BULK, (int64_t)text->size, slice_of(NULL, bytes.size));
    buffer_append_slice(text, bytes);
}

void reply_error_about(struct call *call, const char *text, struct slice word)
{
    struct buffer *out = &call->store->scratch->text;
    size_t before = out->size;
    if (word.size > 64) word.size = 64;
    buffer_append_text(out, text);
    buffer_append_slice(out, word);
    put(call, STORE_ERROR, (int64_t)before, slice_of(NULL, out->size - before));
}

void reply_text(struct call *call, struct slice bytes)
{
    put(call, STORE_TEXT, 0, bytes);
}

void reply_decimal(struct call *call, int64_t number)
{
    uint8_t digits[20];
    reply_copy(call, slice_of(digits, integer_write(digits, number)));
}

static void let_go(struct buffer *buffer)
{
    if (buffer->capacity > (64 << 10)) {
        buffer_free(buffer);
    } else {
        buffer_clear(buffer);
    }
}

void reply_emit(struct call *call, const struct session_key *session)
{
    struct scratch *scratch = call->store->scratch;
    struct slice bytes = buffer_slice(&scratch->values);
    struct store_value *values =
        (struct store_value *)(void *)(scratch->values.data + scratch->values.head);
    struct store_reply reply = {(uint32_t)(bytes.size / sizeof *values), values};
    ASSERT(reply.count > 0);
    for (uint32_t i = 0; i < reply.count; i++) {
        if (values[i].bytes.data != NULL) continue;
        values[i].bytes.data = buffer_slice(&scratch->text).data + values[i].number;
        if (values[i].bytes.size == 0) values[i].bytes = nothing;
    }
    call->store->emit(call->store->world, session, &reply);
    let_go(&scratch->values);
    let_go(&scratch->text);
    let_go(&scratch->words);
}
