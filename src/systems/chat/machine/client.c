/* Clients: who posts, under which secret, and what became of the last ids.
 *
 * A client that a session owns is never forgotten; others are after a time, or when there are too
 * many, the one longest idle first. What was forgotten can never be told from what was never there,
 * but by its stamp: see chat_client_attach(). */
#include <stdlib.h>

#include "systems/chat/machine/internal.h"

uint64_t chat_client_topic(struct chat_client_key key)
{
    return map_hash_u64(map_hash_u64(key.stamp) + key.number);
}

struct client *chat_client_find(const struct chat *chat, struct chat_client_key key)
{
    struct map_node *node = map_find(&chat->clients, chat_client_topic(key));
    for (; node != NULL; node = map_find_next(node)) {
        struct client *client = LIST_ITEM(node, struct client, node);
        if (client->key.stamp == key.stamp && client->key.number == key.number) return client;
    }
    return NULL;
}

struct client *chat_client_make(struct chat *chat, struct chat_client_key key)
{
    struct client *client = calloc(1, sizeof *client);
    ASSERT(client != NULL);
    client->key = key;
    client->idle_place.at = HEAP_NOWHERE;
    client->cut_number = chat->cut.number;
    map_insert(&chat->clients, &client->node, chat_client_topic(key));
    list_append(&chat->client_list, &client->all);
    chat->bytes += sizeof *client;
    return client;
}

void chat_client_free(struct chat *chat, struct client *client)
{
    if (client->idle_place.at != HEAP_NOWHERE) heap_remove(&chat->idle, &client->idle_place);
    chat_cut_skip(chat, &client->all);
    map_remove(&chat->clients, &client->node);
    list_remove(&client->all);
    chat->bytes -= sizeof *client;
    free(client);
}

void chat_client_will_change(struct chat *chat, struct client *client)
{
    if (chat->cut.active) chat_cut_client(chat, client);
}

uint64_t chat_client_hash(const struct client *client)
{
    uint64_t words[] = {client->key.stamp,  client->key.number, client->secret[0],
                        client->secret[1],  client->top,        client->idle_due_us,
                        client->idle_number};
    return chat_hash_words(words, sizeof words / sizeof *words);
}

void chat_client_changed(struct chat *chat, struct client *client)
{
    uint64_t contribution = chat_client_hash(client);
    chat->digest += contribution - client->contribution;
    client->contribution = contribution;
}

uint64_t chat_slot_hash(const struct client *client, const struct window_slot *slot)
{
    if (slot->id == 0) return 0;
    uint64_t words[] = {client->node.hash, slot->id, slot->action, slot->seq, slot->wall_us};
    return chat_hash_words(words, sizeof words / sizeof *words);
}

void chat_client_set_slot(struct chat *chat, struct client *client, struct window_slot slot)
{
    struct window_slot *at = &client->window[slot.id % CHAT_WINDOW];
    chat->digest += chat_slot_hash(client, &slot) - chat_slot_hash(client, at);
    *at = slot;
}

static void client_forget(struct chat *chat, struct client *client)
{
    ASSERT(client->owner == NULL);
    chat_client_will_change(chat, client);
    if (client->key.stamp > chat->forgotten_stamp) chat->forgotten_stamp = client->key.stamp;
    chat->digest -= client->contribution;
    for (unsigned i = 0; i < CHAT_WINDOW; i++) {
        chat->digest -= chat_slot_hash(client, &client->window[i]);
    }
    chat_client_free(chat, client);
    chat->budget--;
}

static struct client *longest_idle(const struct chat *chat)
{
    return ITEM_OF(heap_min(&chat->idle)->place, client, idle_place);
}

bool chat_client_forget_step(struct chat *chat)
{
    if (chat->idle.count == 0) return false;
    struct client *client = longest_idle(chat);
    if (chat->time.due_us - client->idle_due_us < chat->options.client_idle_us) return false;
    client_forget(chat, client);
    return true;
}

/* The session gives its client up: to another session, which is said to it when it next posts, or
 * to nobody. */
static void session_lose_client(struct chat *chat, struct session *session, bool replaced)
{
    struct client *client = session->client;
    chat_session_will_change(chat, session);
    chat_client_will_change(chat, client);
    client->owner = NULL;
    session->client = NULL;
    session->replaced = replaced;
    chat_session_changed(chat, session);
    if (replaced) chat_mark(chat, client->node.hash);
}

void chat_client_detach(struct chat *chat, struct session *session)
{
    struct client *client = session->client;
    if (client == NULL) return;
    session_lose_client(chat, session, false);
    client->idle_due_us = chat->time.due_us;
    client->idle_number = chat_next_number(chat);
    heap_push(&chat->idle, client->idle_due_us, client->idle_number, &client->idle_place);
    chat_client_changed(chat, client);
}

/* NULL, with the reason: it was never issued, or is forgotten, or there is no room for it. */
static struct client *admit(struct chat *chat, const struct chat_command *command,
                            enum chat_error *error)
{
    *error = CHAT_ERROR_BAD_CLIENT;
    if (command->client.stamp > chat->sequence) return NULL;
    *error = CHAT_ERROR_CLIENT_FORGOTTEN;
    if (command->client.stamp <= chat->forgotten_stamp) return NULL;
    *error = CHAT_ERROR_FULL;
    if (chat->clients.count >= chat->options.clients_max) {
        if (chat->idle.count == 0) return NULL;
        client_forget(chat, longest_idle(chat));
    }
    struct client *client = chat_client_make(chat, command->client);
    client->secret[0] = command->secret[0];
    client->secret[1] = command->secret[1];
    return client;
}

/* Whoever attached last owns the client. */
static void client_own(struct chat *chat, struct session *session, struct client *client)
{
    if (client->owner == session) return;
    if (client->owner != NULL) session_lose_client(chat, client->owner, true);
    chat_client_detach(chat, session);
    chat_client_will_change(chat, client);
    chat_session_will_change(chat, session);
    if (client->idle_place.at != HEAP_NOWHERE) heap_remove(&chat->idle, &client->idle_place);
    client->idle_number = 0;
    client->idle_due_us = 0;
    client->owner = session;
    session->client = client;
    session->replaced = false;
    chat_client_changed(chat, client);
    chat_session_changed(chat, session);
}

void chat_client_attach(struct chat *chat, struct session *session,
                        const struct chat_command *command)
{
    enum chat_error error = CHAT_ERROR_BAD_CLIENT;
    struct client *client = chat_client_find(chat, command->client);
    if (client == NULL) {
        client = admit(chat, command, &error);
    } else if (client->secret[0] != command->secret[0] || client->secret[1] != command->secret[1]) {
        client = NULL;
    }
    if (client == NULL) {
        chat_reply_error(chat, session, error);
        return;
    }
    client_own(chat, session, client);
    chat_emit(chat, &session->key,
              (struct chat_reply){.kind = CHAT_REPLY_ATTACHED, .seq = session->number});
}
