/* Sessions: which client a connection owns and where it makes a user present; and how they end. */
#include <stdlib.h>

#include "systems/chat/machine/internal.h"

static uint64_t key_hash(const struct session_key *key)
{
    return map_hash_u64(map_hash_u64(key->incarnation) + ((uint64_t)key->node << 32) +
                        key->connection);
}

/* --- origins: a handful, one for each node that serves clients --- */

struct origin *chat_origin_make(struct chat *chat, uint32_t node, uint64_t incarnation,
                                uint64_t number)
{
    struct origin *origin = calloc(1, sizeof *origin);
    ASSERT(origin != NULL);
    origin->node = node;
    origin->incarnation = incarnation;
    origin->number = number;
    origin->ending_place.at = HEAP_NOWHERE;
    list_append(&chat->origins, &origin->all);
    return origin;
}

void chat_origin_free(struct chat *chat, struct origin *origin)
{
    if (origin->ending_place.at != HEAP_NOWHERE) {
        heap_remove(&chat->ending_origins, &origin->ending_place);
    }
    list_remove(&origin->all);
    heap_free(&origin->sessions);
    free(origin);
}

static struct origin *origin_find_or_make(struct chat *chat, const struct session_key *key)
{
    for (struct list *at = chat->origins.next; at != &chat->origins; at = at->next) {
        struct origin *origin = LIST_ITEM(at, struct origin, all);
        if (origin->node == key->node && origin->incarnation == key->incarnation &&
            origin->ended_number == 0) {
            return origin;
        }
    }
    return chat_origin_make(chat, key->node, key->incarnation, chat_next_number(chat));
}

void chat_origins_end(struct chat *chat, uint32_t node, uint64_t incarnation)
{
    for (struct list *at = chat->origins.next; at != &chat->origins; at = at->next) {
        struct origin *origin = LIST_ITEM(at, struct origin, all);
        if (origin->node != node || origin->incarnation > incarnation) continue;
        if (origin->ended_number != 0) continue;
        origin->ended_us = chat->time.elapsed_us;
        origin->ended_number = chat_next_number(chat);
        heap_push(&chat->ending_origins, origin->ended_number, 0, &origin->ending_place);
    }
}

bool chat_origin_step(struct chat *chat)
{
    if (chat->ending_origins.count == 0) return false;
    struct origin *origin = ITEM_OF(heap_min(&chat->ending_origins)->place, origin, ending_place);
    struct session *session = ITEM_OF(heap_min(&origin->sessions)->place, session, origin_place);
    chat_session_remove(chat, session, origin->ended_us);
    return true;
}

/* --- sessions --- */

/* Those of an origin that ended match nothing any more, though they may still be there. */
struct session *chat_session_find(const struct chat *chat, const struct session_key *key)
{
    struct map_node *node = map_find(&chat->sessions, key_hash(key));
    for (; node != NULL; node = map_find_next(node)) {
        struct session *session = LIST_ITEM(node, struct session, node);
        if (session->key.node == key->node && session->key.incarnation == key->incarnation &&
            session->key.connection == key->connection && session->origin->ended_number == 0) {
            return session;
        }
    }
    return NULL;
}

struct session *chat_session_make(struct chat *chat, const struct session_key *key,
                                  struct origin *origin, uint64_t number)
{
    struct session *session = calloc(1, sizeof *session);
    ASSERT(session != NULL);
    session->key = *key;
    session->origin = origin;
    session->number = number;
    session->cut_number = chat->cut.number;
    map_insert(&chat->sessions, &session->node, key_hash(key));
    list_append(&chat->session_list, &session->all);
    heap_push(&origin->sessions, number, 0, &session->origin_place);
    chat->bytes += sizeof *session;
    return session;
}

struct session *chat_session_find_or_make(struct chat *chat, const struct session_key *key)
{
    struct session *session = chat_session_find(chat, key);
    if (session != NULL) return session;
    struct origin *origin = origin_find_or_make(chat, key);
    session = chat_session_make(chat, key, origin, chat_next_number(chat));
    chat_session_changed(chat, session);
    return session;
}

/* Leaves the origin to the caller, and whatever the session was connected to. */
void chat_session_free(struct chat *chat, struct session *session)
{
    chat_cut_skip(chat, &session->all);
    heap_remove(&session->origin->sessions, &session->origin_place);
    map_remove(&chat->sessions, &session->node);
    list_remove(&session->all);
    chat->bytes -= sizeof *session;
    free(session);
}

void chat_session_will_change(struct chat *chat, struct session *session)
{
    if (chat->cut.active) chat_cut_session(chat, session);
}

uint64_t chat_session_hash(const struct session *session)
{
    const struct client *client = session->client;
    uint64_t present = session->rooms;
    for (unsigned i = 0; i < session->rooms; i++) {
        uint64_t words[] = {present, session->present[i]->number};
        present = chat_hash_words(words, 2);
    }
    uint64_t words[] = {
        session->node.hash,      session->number,
        session->origin->number, client == NULL ? 0 : client->node.hash,
        session->replaced,       present,
    };
    return chat_hash_words(words, sizeof words / sizeof *words);
}

void chat_session_changed(struct chat *chat, struct session *session)
{
    uint64_t contribution = chat_session_hash(session);
    chat->digest += contribution - session->contribution;
    session->contribution = contribution;
}

void chat_session_remove(struct chat *chat, struct session *session, uint64_t elapsed_us)
{
    struct origin *origin = session->origin;
    chat->budget -= 1 + session->rooms;
    chat_session_will_change(chat, session);
    while (session->rooms != 0) {
        uint8_t last = (uint8_t)(session->rooms - 1);
        chat_attendee_lose(chat, session, last, elapsed_us + chat->options.grace_us);
    }
    chat_client_detach(chat, session);
    chat->digest -= session->contribution;
    chat_session_free(chat, session);
    if (origin->sessions.count == 0) chat_origin_free(chat, origin);
}
