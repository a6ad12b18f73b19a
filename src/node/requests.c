/* What clients ask goes to a group, and what becomes of it back to them. */
#include "node/hub.h"

/* What counts for the memory limit beside what clients hold. */
static void weigh_elsewhere(struct node *node)
{
    if (node->config.memory_bytes_max == 0) return;
    const struct replica *replica = group_replica(node->group);
    const struct raft *raft = group_raft(node->group);
    uint64_t bytes = replica->ops->bytes(replica->machine) + group_proposal_bytes(node->group);
    if (raft != NULL) bytes += raft_log_bytes(raft);
    node->clients.bytes_elsewhere = bytes;
}

/* Why a request that grows the state cannot be taken now; false when it can. */
static bool turned_down(const struct node *node, const struct protocol_request *request,
                        enum protocol_refusal *why)
{
    if (request->grows && node->process.draining) {
        *why = PROTOCOL_REFUSED_DRAINING;
        return true;
    }
    if (!request->grows) return false;
    *why = PROTOCOL_REFUSED_FULL;
    if (node->disk.full) return true;
    if (clients_memory_short(&node->clients)) return true;
    *why = PROTOCOL_REFUSED_BUSY;
    return group_full(node->group);
}

/* It says nothing more, so nothing that it waits for may take its time. */
static void hurry(struct node *node, const struct client *client)
{
    group_session_hurry(node->group, client->connection.id);
}

static void propose(struct node *node, struct client *client)
{
    enum protocol_refusal why;
    if (turned_down(node, &client->request, &why)) {
        client_turned_down(&node->clients, client, why);
        return;
    }
    if (!client->has_session) {
        client->has_session = true;
        group_session_begin(node->group);
    }
    group_propose(node->group, client->connection.id, client->request.command);
    client_proposed(&node->clients, client, 0);
    if (client->request.blocks && client->ended) hurry(node, client);
}

static void ask(struct node *node, struct client *client)
{
    const struct protocol_request *request = &client->request;
    struct group_question question = {client->connection.id, client_asks(client), request->command};
    struct group_read *read = group_read(node->group, request->read, &question);
    if (read != NULL) client_waits(client, read);
}

/* Deals with what can be decoded in front of `rest`. */
static void work(struct node *node, struct client *client, struct slice *rest)
{
    while (client_next(&node->clients, client, rest)) {
        if (client->request.kind == PROTOCOL_PROPOSE) propose(node, client);
        if (client->request.kind == PROTOCOL_QUERY) ask(node, client);
        weigh_elsewhere(node);
    }
}

static void go_on(struct node *node, struct client *client)
{
    weigh_elsewhere(node);
    if (client_due(client)) ask(node, client);
    struct slice rest = client_kept(&node->clients, client);
    size_t size = rest.size;
    work(node, client, &rest);
    client_used(&node->clients, client, size - rest.size);
}

void requests_received(struct node *node, struct client *client, struct slice bytes)
{
    if (client->connection.closing) return;
    weigh_elsewhere(node);
    if (client->input.size == 0) work(node, client, &bytes);
    client_keep(&node->clients, client, bytes);
}

void requests_sent(struct node *node, struct client *client)
{
    if (client_sent(&node->clients, client)) go_on(node, client);
}

void requests_ended(struct node *node, struct client *client)
{
    if (client->blocked) hurry(node, client);
    weigh_elsewhere(node);
    client_ended(&node->clients, client);
}

void requests_closed(struct node *node, struct client *client)
{
    if (client->has_session) group_session_end(node->group, client->connection.id);
    if (client->question != NULL) group_read_cancel(node->group, client->question);
    client_closed(&node->clients, client);
}

void requests_pump(struct node *node)
{
    struct client *client = clients_pump(&node->clients);
    for (; client != NULL; client = clients_pump(&node->clients)) go_on(node, client);
}
