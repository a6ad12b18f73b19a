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

static bool is_spread(uint64_t token)
{
    return (token >> 8 & 0xFF) == TOKEN_SPREAD;
}

void store_answer(void *connection, uint64_t token, const void *payload, struct buffer *out)
{
    const struct store_reply *reply = payload;
    position_seen(connection);
    if (is_spread(token)) {
        spread_answer(connection, token, reply, out);
        return;
    }
    for (uint32_t i = 0; i < reply->count; i++) {
        put_value(&reply->values[i], (unsigned)token & 0xff, out);
    }
}

static void say_not_all(uint32_t have, uint32_t of, struct buffer *out)
{
    struct buffer text = {0};
    if (out->size > 0 && buffer_slice(out).data[0] == '-') return; /* nothing was written */
    buffer_append_text(&text, "NOTALL ");
    buffer_append_decimal(&text, have);
    buffer_append_text(&text, " of ");
    buffer_append_decimal(&text, of);
    buffer_append_text(&text, "; the write stands");
    buffer_clear(out);
    resp_put_error(out, buffer_slice(&text));
    buffer_free(&text);
}

void store_counted(void *opened, uint64_t token, uint32_t have, uint32_t of, struct buffer *out)
{
    struct store_connection *connection = opened;
    uint32_t others = have > 0 ? have - 1 : 0;
    switch ((enum token_kind)(token >> 8)) {
    case TOKEN_EARLY:
        if (connection->facts != NULL) {
            (void)position_after(connection, &connection->facts->shown, true);
        }
        resp_put_simple(out, slice_text("OK"));
        break;
    case TOKEN_PLAIN:
    case TOKEN_ALL: say_not_all(have, of, out); break;
    case TOKEN_WAIT: resp_put_integer(out, others); break;
    case TOKEN_WAITAOF:
        resp_put_array(out, 2);
        resp_put_integer(out, have > 0);
        resp_put_integer(out, others);
        break;
    case TOKEN_TOKEN: token_say(connection, out); break;
    case TOKEN_SPREAD: break; /* it asks for a majority */
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
        [PROTOCOL_REFUSED_LATE] =
            "TRYAGAIN this replica has not got to what the token names: ask again, or another",
        [PROTOCOL_REFUSED_LOST] = "LOST what the token names, or a leader alone acknowledged, is "
                                  "gone: this connection goes on without it",
        [PROTOCOL_REFUSED_NOT_LEADING] =
            "TRYAGAIN only the leader can count all voters, and this node is not: ask it",
    };
    if (why == PROTOCOL_REFUSED_LOST && connection != NULL) positions_lost(connection);
    const char *text = connection == NULL ? "ERR max number of clients reached" : words[why];
    if (is_spread(token)) {
        spread_refuse(connection, token, slice_text(text), out);
        return;
    }
    resp_put_error(out, slice_text(text));
}
