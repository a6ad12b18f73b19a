/* Answers of the machine, and refusals, in the client's version of RESP. See protocol.h. */
#include "systems/store/protocol/internal.h"

static void put_value(const struct store_value *value, unsigned version, struct buffer *out)
{
    switch (value->kind) {
    case STORE_NIL: resp_put_null(out, version); break;
    case STORE_OK: buffer_append(out, "+OK\r\n", 5); break;
    case STORE_SIMPLE: resp_put_simple(out, value->bytes); break;
    case STORE_ERROR: resp_put_error(out, value->bytes); break;
    case STORE_INTEGER: resp_put_integer(out, value->number); break;
    case STORE_BULK: resp_put_bulk(out, value->bytes); break;
    case STORE_TEXT: resp_put_verbatim(out, value->bytes, version); break;
    case STORE_ARRAY: resp_put_array(out, (uint32_t)value->number); break;
    }
}

void store_answer(void *connection, uint64_t token, const void *payload, struct buffer *out)
{
    const struct store_reply *reply = payload;
    (void)connection;
    for (uint32_t i = 0; i < reply->count; i++) {
        put_value(&reply->values[i], (unsigned)token, out);
    }
}

void store_refuse(void *connection, uint64_t token, enum protocol_refusal why, struct buffer *out)
{
    static const char *const words[] = {
        [PROTOCOL_REFUSED_NO_LEADER] =
            "CLUSTERDOWN no leader is known: the command was not carried out",
        [PROTOCOL_REFUSED_FULL] =
            "OOM command not allowed: memory or disk is full. Delete keys, or ask again later",
        [PROTOCOL_REFUSED_BUSY] = "TRYAGAIN too much is under way: ask again",
        [PROTOCOL_REFUSED_DRAINING] = "CLUSTERDOWN this node is stopping: ask another",
    };
    (void)token;
    const char *text = connection == NULL ? "ERR max number of clients reached" : words[why];
    resp_put_error(out, slice_text(text));
}
