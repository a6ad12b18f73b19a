/* What clients hear of what they asked: replies, refusals, or that nobody knows. See clients.h. */
#include "node/clients/answers.h"

#include "base/assert.h"
#include "node/clients/holds.h"

static void proposal_over(struct clients *clients, struct client *client)
{
    if (--client->awaiting > 0) return;
    client->blocked = false;
    clients->awaiting--;
}

static void reply_out_of_turn(struct clients *clients, struct client *client, struct owed *owed,
                              const void *payload)
{
    if (owed->state == OWED_PROPOSED && owed->all) {
        hold_reply(clients, client, owed, payload);
        return;
    }
    if (owed->state == OWED_PROPOSED) {
        clients->config->protocol->answer(client->protocol, owed->token, payload,
                                          owed_out(clients, client, owed));
        clients->counters.replies++;
    } else {
        owed->said = NULL; /* it has heard of it already */
    }
    owed_said(clients, client, owed);
}

void client_reply(struct clients *clients, struct client *client, uint32_t group,
                  const void *payload)
{
    if (client->connection.closing) return;
    const struct protocol_ops *protocol = clients->config->protocol;
    struct owed *owed = owed_first(client);
    ASSERT(client->awaiting > 0);
    if (owed->state == OWED_PROPOSED && owed->group == group && !owed->all) { /* nearly always */
        protocol->answer(client->protocol, owed->token, payload, &client->connection.out);
        connection_dirty(clients->connections, &client->connection);
        owed_first_said(clients, client);
        clients->counters.replies++;
    } else {
        owed = owed_proposed(client, group);
        reply_out_of_turn(clients, client, owed, payload);
    }
    proposal_over(clients, client);
    client_answered(clients, client);
}

bool question_over(struct client *client, struct owed *owed)
{
    if (owed->question == NULL) return false;
    owed->question = NULL;
    client->asking--;
    client->asked_bytes -= owed->bytes;
    if (owed->holds) client->holding--;
    return true;
}

void client_answer(struct clients *clients, struct client *client, client_place place,
                   const void *payload)
{
    struct owed *owed = owed_at(client, place);
    bool waited = question_over(client, owed);
    if (client->connection.closing) return;
    clients->config->protocol->answer(client->protocol, owed->token, payload,
                                      owed_out(clients, client, owed));
    owed_said(clients, client, owed);
    if (waited) client_answered(clients, client);
}

void answer_refused(struct clients *clients, struct client *client, struct owed *owed,
                    enum protocol_refusal why)
{
    clients->counters.refused++;
    clients->config->protocol->refuse(client->protocol, owed->token, why,
                                      owed_out(clients, client, owed));
    owed_said(clients, client, owed);
}

static struct client *client_of(struct clients *clients, uint32_t id)
{
    struct connection *connection = connection_find(clients->connections, id);
    if (connection == NULL || connection->listener != NODE_CLIENT || connection->closing) {
        return NULL;
    }
    return (struct client *)connection;
}

void clients_count_refused(struct clients *clients, uint32_t connection, bool reset)
{
    struct client *client = client_of(clients, connection);
    if (client == NULL) return;
    client->refused = reset ? 0 : client->refused + 1;
    client->refused_from = UINT64_MAX;
}

static uint32_t proposals_owed(const struct client *client, uint32_t group)
{
    uint32_t count = 0;
    for (client_place at = 0; owed_proposal(client, group, &at) != NULL; at++) count++;
    return count;
}

/* The next of those that are refused. */
static struct owed *refused_next(struct client *client, uint32_t group)
{
    client_place *from = &client->refused_from;
    uint32_t skip = 0;
    if (*from == UINT64_MAX) {
        *from = 0;
        skip = proposals_owed(client, group) - client->refused;
    }
    struct owed *owed = owed_proposal(client, group, from);
    for (; skip > 0; skip--) {
        ++*from;
        owed = owed_proposal(client, group, from);
    }
    ASSERT(owed != NULL);
    ++*from;
    return owed;
}

void clients_refuse(struct clients *clients, uint32_t connection, uint32_t group)
{
    struct client *client = client_of(clients, connection);
    if (client == NULL) return;
    struct owed *owed = refused_next(client, group);
    proposal_over(clients, client);
    answer_refused(clients, client, owed, PROTOCOL_REFUSED_NO_LEADER);
    client_answered(clients, client);
}

void clients_uncertain(struct clients *clients, uint32_t connection, uint32_t group)
{
    const struct protocol_ops *protocol = clients->config->protocol;
    struct client *client = client_of(clients, connection);
    if (client == NULL) return;
    clients->counters.uncertain++;
    if (!protocol->tells_unknown) {
        connection_close(clients->connections, &client->connection);
        return;
    }
    client_place at = 0;
    struct owed *owed = owed_proposal(client, group, &at);
    for (; owed != NULL && owed->state == OWED_UNKNOWN; at++) {
        owed = owed_proposal(client, group, &at);
    }
    if (owed == NULL) return;
    protocol->refuse(client->protocol, owed->token, PROTOCOL_REFUSED_UNKNOWN,
                     &client->connection.out);
    connection_dirty(clients->connections, &client->connection);
    owed->state = OWED_UNKNOWN; /* so long as its reply may come */
    client_answered(clients, client);
}

void clients_refuse_question(struct clients *clients, uint32_t connection, client_place place,
                             enum protocol_refusal why)
{
    struct connection *found = connection_find(clients->connections, connection);
    if (found == NULL || found->listener != NODE_CLIENT) return;
    struct client *client = (struct client *)found;
    struct owed *owed = owed_at(client, place);
    (void)question_over(client, owed);
    if (client->connection.closing) return;
    answer_refused(clients, client, owed, why);
    client_answered(clients, client);
}

/* NULL: nobody listens any more. */
static struct client *early_over(struct clients *clients, uint32_t connection)
{
    struct client *client = client_of(clients, connection);
    if (client != NULL) client->early--;
    return client;
}

void clients_early_done(struct clients *clients, uint32_t connection, client_place place)
{
    struct client *client = early_over(clients, connection);
    if (client == NULL) return;
    struct owed *owed = owed_at(client, place);
    clients->config->protocol->counted(client->protocol, owed->token, 1, 1,
                                       owed_out(clients, client, owed));
    owed_said(clients, client, owed);
    clients->counters.replies++;
    client_answered(clients, client);
}

void clients_early_refused(struct clients *clients, uint32_t connection, client_place place)
{
    struct client *client = early_over(clients, connection);
    if (client == NULL) return;
    answer_refused(clients, client, owed_at(client, place), PROTOCOL_REFUSED_NO_LEADER);
    client_answered(clients, client);
}

void clients_early_uncertain(struct clients *clients, uint32_t connection, client_place place)
{
    struct client *client = early_over(clients, connection);
    if (client == NULL) return;
    clients->counters.uncertain++;
    if (!clients->config->protocol->tells_unknown) {
        connection_close(clients->connections, &client->connection);
        return;
    }
    answer_refused(clients, client, owed_at(client, place), PROTOCOL_REFUSED_UNKNOWN);
    client_answered(clients, client);
}

void clients_count_alive(struct clients *clients, uint32_t connection)
{
    struct client *client = client_of(clients, connection);
    if (client != NULL) client->refused++;
    if (connection != 0) return;
    for (struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        LIST_ITEM(at, struct client, in_clients)->refused = 0;
    }
}

uint32_t clients_skipped(const struct clients *clients, uint32_t group)
{
    for (const struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        const struct client *client = LIST_ITEM(at, struct client, in_clients);
        if (client->connection.closing || client->awaiting <= client->refused) continue;
        if (proposals_owed(client, group) > client->refused) return client->connection.id;
    }
    return 0;
}

void clients_close_skipped(struct clients *clients, uint32_t group)
{
    for (struct list *at = clients->all.next; at != &clients->all; at = at->next) {
        struct client *client = LIST_ITEM(at, struct client, in_clients);
        if (client->awaiting <= client->refused) continue;
        if (proposals_owed(client, group) <= client->refused) continue;
        connection_close(clients->connections, &client->connection);
    }
}
