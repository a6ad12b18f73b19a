/* What a client is owed. See owed.h. */
#include "node/clients/owed.h"

#include <stdlib.h>

#include "base/assert.h"

enum {
    SAID_KEEP_MAX = 4096,
    OWED_KEEP_MAX = 4096, /* of an idle client */
    SPARE_MAX = 256,
};

/* A text that waits for its turn; kept for reuse, as long as it is small. */
struct said {
    struct list link;
    struct buffer text;
};

static void said_free(struct said *said)
{
    list_remove(&said->link);
    buffer_free(&said->text);
    free(said);
}

struct owed *owed_at(const struct client *client, client_place place)
{
    ASSERT(place >= client->owed_from && place - client->owed_from < owed_count(client));
    return owed_first(client) + (place - client->owed_from);
}

static bool is_proposal(const struct owed *owed)
{
    return owed->state == OWED_PROPOSED || owed->state == OWED_UNKNOWN;
}

struct owed *owed_proposal(const struct client *client, uint32_t group, client_place *from)
{
    if (*from < client->owed_from) *from = client->owed_from;
    for (; *from - client->owed_from < owed_count(client); ++*from) {
        struct owed *owed = owed_at(client, *from);
        if (is_proposal(owed) && owed->group == group) return owed;
    }
    return NULL;
}

struct owed *owed_proposed(struct client *client, uint32_t group)
{
    if (client->proposed_from < client->owed_from) client->proposed_from = client->owed_from;
    while (!is_proposal(owed_at(client, client->proposed_from))) client->proposed_from++;
    client_place from = client->proposed_from;
    return owed_proposal(client, group, &from);
}

static void said_recycle(struct clients *clients, struct said *said)
{
    if (said->text.capacity > SAID_KEEP_MAX || clients->spare_count == SPARE_MAX) {
        said_free(said);
        return;
    }
    clients->spare_count++;
    buffer_clear(&said->text);
    list_append(&clients->spare, &said->link);
}

static struct said *said_new(struct clients *clients)
{
    if (!list_empty(&clients->spare)) {
        struct said *said = LIST_ITEM(clients->spare.next, struct said, link);
        list_remove(&said->link);
        clients->spare_count--;
        return said;
    }
    struct said *said = calloc(1, sizeof *said);
    ASSERT(said != NULL);
    list_init(&said->link);
    return said;
}

static bool in_turn(const struct clients *clients, const struct client *client,
                    const struct owed *owed)
{
    return !clients->config->protocol->ordered || owed == owed_first(client);
}

struct buffer *owed_out(struct clients *clients, struct client *client, struct owed *owed)
{
    if (in_turn(clients, client, owed)) {
        connection_dirty(clients->connections, &client->connection);
        owed->said = NULL;
        return &client->connection.out;
    }
    owed->said = said_new(clients);
    return &owed->said->text;
}

static void owed_drop(struct client *client)
{
    client->owed.size -= sizeof(struct owed);
    client->owed.head = client->owed.size == 0 ? 0 : client->owed.head + sizeof(struct owed);
    client->owed_from++;
}

/* Gives up what is answered in front, and says its texts. */
static void owed_settle(struct clients *clients, struct client *client)
{
    while (client->owed.size > 0) {
        struct owed *owed = owed_first(client);
        if (owed->state != OWED_SAID) return;
        if (owed->said != NULL) {
            struct slice text = buffer_slice(&owed->said->text);
            buffer_append_slice(&client->connection.out, text);
            connection_dirty(clients->connections, &client->connection);
            client->said_bytes -= text.size;
            said_recycle(clients, owed->said);
        }
        owed_drop(client);
    }
    if (client->owed.capacity > OWED_KEEP_MAX) buffer_free(&client->owed);
}

void owed_first_said(struct clients *clients, struct client *client)
{
    owed_drop(client);
    bool more = client->owed.size > 0 && owed_first(client)->state == OWED_SAID;
    if (more || client->owed.capacity > OWED_KEEP_MAX) owed_settle(clients, client);
}

void owed_said(struct clients *clients, struct client *client, struct owed *owed)
{
    owed->state = OWED_SAID;
    if (owed->said != NULL) client->said_bytes += owed->said->text.size;
    owed_settle(clients, client);
}

void owed_say(struct clients *clients, struct client *client, struct slice text)
{
    if (client->owed.size == 0 || !clients->config->protocol->ordered) {
        buffer_append_slice(&client->connection.out, text);
        connection_dirty(clients->connections, &client->connection);
        return;
    }
    struct owed *owed = owed_add(client, 0, OWED_SAID);
    owed->said = said_new(clients);
    buffer_append_slice(&owed->said->text, text);
    client->said_bytes += text.size;
}

void owed_free(struct clients *clients, struct client *client)
{
    for (uint32_t i = 0; i < owed_count(client); i++) {
        struct owed *owed = owed_at(client, client->owed_from + i);
        if (owed->state == OWED_SAID && owed->said != NULL) said_recycle(clients, owed->said);
    }
    buffer_free(&client->owed);
}

void owed_spare_free(struct clients *clients)
{
    while (!list_empty(&clients->spare)) {
        said_free(LIST_ITEM(clients->spare.next, struct said, link));
    }
}
