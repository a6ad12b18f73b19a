/* Watches of clients. See watches.h. */
#include "node/clients/watches.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/clients/speak.h"

struct watch_topic {
    struct map_node in_topics;
    struct list in_all;
    struct list in_marked; /* some of its watches have not been visited since it was */
    uint32_t group;
    uint64_t topic;
    uint64_t marked; /* so often */
    struct list watches;
};

static uint64_t topic_hash(uint32_t group, uint64_t topic)
{
    return map_hash_u64(topic ^ (uint64_t)group << 48);
}

static struct watch_topic *topic_find(const struct clients *clients, uint32_t group, uint64_t topic)
{
    struct map_node *at = map_find(&clients->topics, topic_hash(group, topic));
    for (; at != NULL; at = map_find_next(at)) {
        struct watch_topic *found = LIST_ITEM(at, struct watch_topic, in_topics);
        if (found->group == group && found->topic == topic) return found;
    }
    return NULL;
}

static struct watch_topic *topic_make(struct clients *clients, uint32_t group, uint64_t topic)
{
    struct watch_topic *made = topic_find(clients, group, topic);
    if (made != NULL) return made;
    made = calloc(1, sizeof *made);
    ASSERT(made != NULL);
    made->group = group;
    made->topic = topic;
    list_init(&made->in_all);
    list_init(&made->in_marked);
    list_init(&made->watches);
    list_append(&clients->topics_all, &made->in_all);
    map_insert(&clients->topics, &made->in_topics, topic_hash(group, topic));
    return made;
}

static void topic_unused(struct clients *clients, struct watch_topic *topic)
{
    if (!list_empty(&topic->watches)) return;
    map_remove(&clients->topics, &topic->in_topics);
    list_remove(&topic->in_all);
    list_remove(&topic->in_marked);
    free(topic);
}

static void watch_free(struct clients *clients, struct watch *watch)
{
    struct watch_topic *topic = watch->topic;
    list_remove(&watch->in_client);
    list_remove(&watch->in_topic);
    list_remove(&watch->in_ready);
    watch->client->watches_count--;
    free(watch);
    topic_unused(clients, topic);
}

void watches_open(struct clients *clients, struct client *client, uint32_t group,
                  const struct machine_watch *cursor)
{
    ASSERT(client->watches_count < WATCHES_OF_CLIENT_MAX);
    struct watch *watch = calloc(1, sizeof *watch + cursor->spec.size);
    ASSERT(watch != NULL);
    watch->client = client;
    watch->topic = topic_make(clients, group, cursor->topic);
    watch->token = client->request.token;
    watch->seen = watch->topic->marked;
    watch->cursor = *cursor;
    if (cursor->spec.size != 0) memcpy(watch->spec, cursor->spec.data, cursor->spec.size);
    watch->cursor.spec = slice_of(watch->spec, cursor->spec.size);
    list_init(&watch->in_client);
    list_init(&watch->in_topic);
    list_init(&watch->in_ready);
    list_append(&client->watches, &watch->in_client);
    list_append(&watch->topic->watches, &watch->in_topic);
    list_append(&clients->ready, &watch->in_ready); /* there may be something behind the cursor */
    client->watches_count++;
}

void watches_cancel(struct clients *clients, struct client *client, uint64_t token)
{
    for (struct list *at = client->watches.next; at != &client->watches; at = at->next) {
        struct watch *watch = LIST_ITEM(at, struct watch, in_client);
        if (watch->token != token) continue;
        watch_free(clients, watch);
        return;
    }
}

void watches_free(struct clients *clients, struct client *client)
{
    while (!list_empty(&client->watches)) {
        watch_free(clients, LIST_ITEM(client->watches.next, struct watch, in_client));
    }
}

static void topic_mark(struct clients *clients, struct watch_topic *topic)
{
    topic->marked++;
    if (list_empty(&topic->in_marked)) list_append(&clients->marked, &topic->in_marked);
}

void watches_mark(struct clients *clients, uint32_t group, const struct machine_mark *mark)
{
    struct watch_topic *topic = topic_find(clients, group, mark->topic);
    if (topic != NULL) topic_mark(clients, topic);
}

void watches_mark_all(struct clients *clients, uint32_t group)
{
    for (struct list *at = clients->topics_all.next; at != &clients->topics_all; at = at->next) {
        struct watch_topic *topic = LIST_ITEM(at, struct watch_topic, in_all);
        if (topic->group == group) topic_mark(clients, topic);
    }
}

void watches_sent(struct clients *clients, struct client *client)
{
    while (!list_empty(&client->starved)) {
        struct list *watch = client->starved.next;
        list_remove(watch);
        list_append(&clients->ready, watch);
    }
}

/* The next of this topic that was not visited since the last mark. */
static struct watch *topic_next(struct watch_topic *topic)
{
    struct watch *watch = LIST_ITEM(topic->watches.next, struct watch, in_topic);
    if (watch->seen == topic->marked) return NULL; /* and so are all */
    return watch;
}

static struct watch *next_of_all(struct clients *clients)
{
    if (!list_empty(&clients->ready)) {
        return LIST_ITEM(clients->ready.next, struct watch, in_ready);
    }
    while (!list_empty(&clients->marked)) {
        struct list *first = clients->marked.next;
        struct watch *watch = topic_next(LIST_ITEM(first, struct watch_topic, in_marked));
        if (watch != NULL) return watch;
        list_remove(first);
    }
    return NULL;
}

/* It goes behind all that were not. */
static void watch_visited(struct watch *watch)
{
    watch->seen = watch->topic->marked;
    list_remove(&watch->in_topic);
    list_append(&watch->topic->watches, &watch->in_topic);
    list_remove(&watch->in_ready);
}

struct watch *watches_next(struct clients *clients, uint32_t *visited, size_t *room)
{
    for (;; ++*visited) {
        bool done = list_empty(&clients->ready) && list_empty(&clients->marked);
        if (!done && *visited == WATCHES_VISITED_MAX) {
            turn_wake(clients->turn, clients->turn->now.mono_us);
            return NULL;
        }
        struct watch *watch = done ? NULL : next_of_all(clients);
        if (watch == NULL) return NULL;
        struct client *client = watch->client;
        watch_visited(watch);
        if (client->connection.closing) continue;
        uint64_t unsent = client->connection.unsent + client->connection.out.size;
        if (unsent >= WATCH_ROOM) {
            list_append(&client->starved, &watch->in_ready);
            continue;
        }
        *room = WATCH_ROOM - unsent;
        ++*visited;
        return watch;
    }
}

uint32_t watch_group(const struct watch *watch)
{
    return watch->topic->group;
}

void watch_push(struct clients *clients, struct client *client, uint64_t token, const void *payload)
{
    clients->config->protocol->push(client->protocol, token, payload, &client->connection.out);
    speak_touch(clients, client);
    connection_dirty(clients->connections, &client->connection);
    clients->counters.pushes++;
}

void watch_read(struct clients *clients, struct watch *watch, bool more)
{
    if (more) list_append(&clients->ready, &watch->in_ready);
}
