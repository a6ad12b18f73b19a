/* Any bytes to the gateway, with a machine behind it: nothing breaks, and what is answered does not
 * depend on where the bytes were cut. The first byte says into what pieces. */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "systems/consensus/machine/consensus.h"
#include "systems/consensus/protocol/gateway.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct talk {
    void *machine, *gateway;
    uint64_t token;
    bool closed;
    struct buffer said;
    struct machine_watch watch;
    struct buffer spec; /* of the watch, if there is one */
};

static void hear(void *world, const struct session_key *session, const void *payload)
{
    struct talk *talk = world;
    if (session == NULL) return; /* a mark */
    gateway_ops.answer(talk->gateway, talk->token, payload, &talk->said);
}

static void hear_news(void *world, const void *payload)
{
    struct talk *talk = world;
    gateway_ops.push(talk->gateway, talk->token, payload, &talk->said);
}

static void watch(struct talk *talk, const struct protocol_request *request)
{
    ASSERT(talk->spec.size == 0);
    buffer_append_slice(&talk->spec, request->command);
    consensus_ops.watch_open(talk->machine, buffer_slice(&talk->spec), &talk->watch, hear_news,
                             talk);
    while (consensus_ops.watch_read(talk->machine, &talk->watch, 1000, hear_news, talk)) {}
    gateway_ops.turn(talk->gateway, 1, &talk->said);
}

static void carry_out(struct talk *talk, const struct protocol_request *request)
{
    static const struct session_key session = {.node = 1};
    static const struct machine_time now;
    static const struct machine_facts facts;
    talk->token = request->token;
    if (request->kind == PROTOCOL_LITERAL) buffer_append_slice(&talk->said, request->command);
    if (request->kind == PROTOCOL_QUERY) {
        consensus_ops.query(talk->machine, &session, request->command, &now, &facts);
    } else if (request->kind == PROTOCOL_PROPOSE) {
        consensus_ops.apply(talk->machine, &session, request->command);
    } else if (request->kind == PROTOCOL_WATCH) {
        watch(talk, request);
    } else if (request->kind == PROTOCOL_CLOSE) {
        talk->closed = true;
    }
}

static struct buffer talk_all(struct slice bytes, size_t piece)
{
    struct talk talk = {.gateway = gateway_ops.open(NULL)};
    talk.machine = consensus_ops.create(NULL, hear, &talk);
    while (bytes.size > 0 && !talk.closed) {
        size_t part = bytes.size < piece ? bytes.size : piece;
        struct slice rest = slice_of(bytes.data, part);
        bytes = slice_of(bytes.data + part, bytes.size - part);
        while (rest.size > 0 && !talk.closed) {
            struct protocol_request request;
            if (gateway_ops.next(talk.gateway, &rest, &request) == PROTOCOL_NONE) break;
            carry_out(&talk, &request);
        }
    }
    consensus_ops.check(talk.machine);
    gateway_ops.close(talk.gateway);
    buffer_free(&talk.spec);
    while (!consensus_ops.destroy(talk.machine)) {}
    return talk.said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct slice bytes = slice_of(data + 1, size - 1);
    struct buffer whole = talk_all(bytes, SIZE_MAX);
    struct buffer pieces = talk_all(bytes, 1 + data[0]);
    ASSERT(slice_equal(buffer_slice(&whole), buffer_slice(&pieces)));
    buffer_free(&whole);
    buffer_free(&pieces);
    return 0;
}
