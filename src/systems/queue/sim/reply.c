/* What simulated clients hear. See queue_clients.h. Any reply that the protocol does not have for
 * the command is a failure of the run. */
#include <string.h>

#include "base/assert.h"
#include "systems/queue/sim/users.h"

/* One reply, taken apart. */
struct reply {
    struct slice line; /* without CRLF */
    struct slice word;
    uint64_t number; /* the first after the word; 0: none */
    struct slice body;
};

static bool is(const struct reply *reply, const char *word)
{
    return slice_equal(reply->word, slice_text(word));
}

static struct slice next_word(struct slice *line)
{
    const uint8_t *space = line->size == 0 ? NULL : memchr(line->data, ' ', line->size);
    size_t size = space == NULL ? line->size : (size_t)(space - line->data);
    struct slice word = slice_of(line->data, size);
    size_t skip = space == NULL ? size : size + 1;
    line->data += skip;
    line->size -= skip;
    return word;
}

enum parsed { PARSED, PARSED_PARTIAL, PARSED_BAD };

/* How many bytes of `in` the reply takes goes to *used. */
static enum parsed reply_parse(struct slice in, struct reply *reply, size_t *used)
{
    const uint8_t *end = in.size < 2 ? NULL : memchr(in.data, '\r', in.size - 1);
    if (end == NULL) return PARSED_PARTIAL;
    if (end[1] != '\n') return PARSED_BAD;
    *reply = (struct reply){.line = slice_of(in.data, (size_t)(end - in.data))};
    *used = reply->line.size + 2;
    struct slice rest = reply->line;
    reply->word = next_word(&rest);
    decimal_read(next_word(&rest), &reply->number);
    uint64_t size = 0;
    if (is(reply, "RESERVED") || is(reply, "FOUND")) {
        if (!decimal_read(next_word(&rest), &size)) return PARSED_BAD;
    } else if (is(reply, "OK")) {
        size = reply->number;
    } else {
        return PARSED;
    }
    if (in.size < *used + size + 2) return PARSED_PARTIAL;
    reply->body = slice_of(in.data + *used, size);
    *used += size + 2;
    return memcmp(reply->body.data + size, "\r\n", 2) == 0 ? PARSED : PARSED_BAD;
}

/* --- by command; each returns false for a reply that does not belong to it --- */

static bool reserved(struct client *client, const struct client_op *op, const struct reply *reply)
{
    struct world *world = client->world;
    if (is(reply, "TIMED_OUT") && op->kind == OP_RESERVE_TIMEOUT) {
        if (client->role == CLIENT_PROBER) queue_client_probe_timed_out(client);
        return true;
    }
    if (is(reply, "DEADLINE_SOON")) {
        world_count(world, SIM_COVER_DEADLINES);
        return true;
    }
    if (!is(reply, "RESERVED")) return false;
    uint32_t key = checker_reserved(world, client->index, reply->number, reply->body, op->sent_us);
    if (key == CHECKER_NO_KEY) return true;
    ASSERT(client->held_count < CLIENT_HELD_MAX);
    client->held[client->held_count++] = (struct client_held){key, reply->number};
    if (client->role == CLIENT_PROBER) queue_client_probe_reserved(client, reply->number);
    return true;
}

static bool put_over(struct client *client, const struct client_op *op, const struct reply *reply)
{
    if (!is(reply, "INSERTED")) return false;
    checker_put_over(client->world, op->key, OUTCOME_ACKNOWLEDGED, reply->number);
    if (client->role == CLIENT_PROBER) queue_client_probe_put(client, op->key, reply->number);
    return true;
}

static bool delete_over(struct client *client, const struct client_op *op,
                        const struct reply *reply)
{
    if (is(reply, "DELETED")) {
        checker_delete_over(client->world, client->index, op->key, OUTCOME_ACKNOWLEDGED);
        queue_client_forget_held(client, op->id);
        return true;
    }
    return is(reply, "NOT_FOUND");
}

static bool found(struct client *client, const struct client_op *op, const struct reply *reply)
{
    if (is(reply, "NOT_FOUND")) return true;
    if (!is(reply, "FOUND")) return false;
    if (op->kind == OP_PEEK && reply->number != op->id) return false;
    checker_identify(client->world, reply->number, reply->body);
    return true;
}

static bool answered(struct client *client, const struct client_op *op, const struct reply *reply)
{
    struct world *world = client->world;
    bool denied = is(reply, "NOT_FOUND");
    bool needs_holder = op->kind == OP_DELETE || op->kind == OP_RELEASE || op->kind == OP_BURY ||
                        op->kind == OP_TOUCH;
    if (denied && needs_holder && op->held_since_us != 0) {
        checker_denied(world, client->index, op);
    }
    switch (op->kind) {
    case OP_PUT: return put_over(client, op, reply);
    case OP_RESERVE:
    case OP_RESERVE_TIMEOUT: return reserved(client, op, reply);
    case OP_DELETE: return delete_over(client, op, reply);
    case OP_RELEASE: return denied || is(reply, "RELEASED");
    case OP_BURY:
        if (is(reply, "BURIED")) world_count(world, SIM_COVER_BURIED);
        return denied || is(reply, "BURIED");
    case OP_TOUCH:
        if (is(reply, "TOUCHED")) checker_touched(world, client->index, op->key, op->sent_us);
        return denied || is(reply, "TOUCHED");
    case OP_KICK:
        if (reply->number > 0) world_count(world, SIM_COVER_KICKED);
        return is(reply, "KICKED");
    case OP_KICK_JOB: return denied || is(reply, "KICKED");
    case OP_USE: return is(reply, "USING");
    case OP_WATCH: return is(reply, "WATCHING");
    case OP_IGNORE: return is(reply, "WATCHING") || is(reply, "NOT_IGNORED");
    case OP_PAUSE: return denied || is(reply, "PAUSED");
    case OP_STATS_JOB:
    case OP_STATS_TUBE: return denied || is(reply, "OK");
    case OP_STATS:
    case OP_LIST_TUBES: return is(reply, "OK");
    case OP_PEEK:
    case OP_PEEK_READY: return found(client, op, reply);
    }
    return false;
}

static bool refusal(const struct reply *reply)
{
    return is(reply, "INTERNAL_ERROR") || is(reply, "OUT_OF_MEMORY") || is(reply, "DRAINING");
}

/* Certainly not carried out. */
static void refused(struct client *client, const struct client_op *op)
{
    world_count(client->world, SIM_COVER_REFUSED);
    if (op->kind == OP_PUT) checker_put_over(client->world, op->key, OUTCOME_REFUSED, 0);
    /* A round of which a part is missing proves nothing, and a worker's tubes are not its own. */
    if (client->role == CLIENT_PROBER) queue_client_leave(client);
}

bool queue_client_reply(struct client *client)
{
    struct world *world = client->world;
    struct reply reply = {0};
    size_t used = 0;
    if (client->in.size == 0) return false;
    enum parsed parsed = reply_parse(buffer_slice(&client->in), &reply, &used);
    if (parsed == PARSED_PARTIAL) return false;
    if (parsed == PARSED_BAD || client->ops_count == 0) {
        world_fail(world, "protocol", "client %u hears \"%b\", %s", client->index + 1, reply.line,
                   parsed == PARSED_BAD ? "which is no reply" : "but asked nothing");
        queue_client_leave(client);
        return false;
    }
    struct client_op op = client->ops[client->ops_head];
    client->ops_head = (client->ops_head + 1) % CLIENT_OPS_MAX;
    client->ops_count--;
    world_count(world, SIM_COVER_OPERATIONS);
    world_mark(world, reply.line.size ^ reply.number << 8);
    world_narrate(world, "client", client->index + 1, "< %b", reply.line);
    if (refusal(&reply)) {
        refused(client, &op);
    } else if (answered(client, &op, &reply)) {
        client->answered_us = world_now_us(world);
    } else {
        world_fail(world, "protocol", "client %u hears \"%b\" to command %u", client->index + 1,
                   reply.line, (uint32_t)op.kind);
    }
    buffer_consume(&client->in, used);
    return true;
}
