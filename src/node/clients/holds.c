/* Answers that wait for voters. What they have is the groups' to say: the hub asks them once a
 * turn, as long as there is any such answer. See clients.h. */
#include "node/clients/holds.h"

#include <stdlib.h>

#include "base/assert.h"
#include "node/clients/answers.h"

void holds_init(struct clients *clients)
{
    list_init(&clients->holds);
}

static struct hold *hold_new(struct clients *clients, struct client *client, client_place place)
{
    struct hold *hold = calloc(1, sizeof *hold);
    ASSERT(hold != NULL);
    list_init(&hold->link);
    list_append(&clients->holds, &hold->link);
    hold->client = client;
    hold->place = place;
    client->holds++;
    return hold;
}

static void hold_free(struct hold *hold)
{
    hold->client->holds--;
    list_remove(&hold->link);
    buffer_free(&hold->text);
    free(hold);
}

void holds_drop(struct clients *clients, struct client *client)
{
    for (struct list *at = clients->holds.next, *next; client->holds > 0; at = next) {
        struct hold *hold = LIST_ITEM(at, struct hold, link);
        next = at->next;
        if (hold->client == client) hold_free(hold);
    }
}

void hold_reply(struct clients *clients, struct client *client, struct owed *owed,
                const void *payload)
{
    const struct protocol_facts *facts = clients->config->protocol_config.facts;
    client_place place = client->owed_from + (client_place)(owed - owed_first(client));
    struct hold *hold = hold_new(clients, client, place);
    hold->group = owed->group;
    hold->index = facts == NULL ? 0 : facts->shown.index;
    hold->until_us = clients->turn->now.mono_us + PROTOCOL_ALL_US;
    clients->config->protocol->answer(client->protocol, owed->token, payload, &hold->text);
    owed->state = OWED_HELD;
    owed->said = NULL;
}

void hold_wait(struct clients *clients, struct client *client)
{
    client_place place = client->owed_from + owed_count(client);
    owed_add(client, client->request.token, OWED_HELD);
    struct hold *hold = hold_new(clients, client, place);
    hold->wait = true;
    hold->voters = client->request.voters;
    hold->wait_us = client->request.wait_us;
}

struct hold *clients_hold(struct clients *clients, const struct hold *behind)
{
    const struct list *at = behind == NULL ? &clients->holds : &behind->link;
    while (at->next != &clients->holds) {
        struct hold *hold = LIST_ITEM(at->next, struct hold, link);
        at = at->next;
        if (hold->client->connection.closing) continue;
        if (hold->wait && hold->place != hold->client->owed_from) continue; /* not in its turn */
        return hold;
    }
    return NULL;
}

bool hold_due(struct clients *clients, struct hold *hold)
{
    uint64_t now_us = clients->turn->now.mono_us;
    if (hold->wait && hold->until_us == 0) {
        bool ever = hold->wait_us > UINT64_MAX - now_us;
        hold->until_us = ever ? UINT64_MAX : now_us + hold->wait_us;
    }
    if (now_us >= hold->until_us) return true;
    if (hold->until_us != UINT64_MAX) turn_wake(clients->turn, hold->until_us);
    return false;
}

void client_unheld(struct clients *clients, struct hold *hold, uint32_t have, uint32_t of)
{
    const struct protocol_ops *protocol = clients->config->protocol;
    struct client *client = hold->client;
    struct owed *owed = owed_at(client, hold->place);
    if (hold->wait || have < of) {
        protocol->counted(client->protocol, owed->token, have, of, &hold->text);
    }
    buffer_append_slice(owed_out(clients, client, owed), buffer_slice(&hold->text));
    hold_free(hold);
    owed_said(clients, client, owed);
    clients->counters.replies++;
    client_answered(clients, client);
}

void client_unheld_lost(struct clients *clients, struct hold *hold)
{
    struct client *client = hold->client;
    struct owed *owed = owed_at(client, hold->place);
    hold_free(hold);
    answer_refused(clients, client, owed, PROTOCOL_REFUSED_LOST);
    client_answered(clients, client);
}
