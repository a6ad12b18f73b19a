/* Clients by hand. See hand.h. */
#include "sim/hand.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/system.h"
#include "sim/world.h"

static struct hand_users *users_of(const struct world *world)
{
    return world->users;
}

const struct hand_users *hand_users(const struct world *world)
{
    return users_of(world);
}

const struct hand_asked *hand_asked(const struct hand_users *users, uint32_t number)
{
    bool kept =
        number >= 1 && number <= users->asked_count && number + HAND_ASKED_MAX > users->asked_count;
    return kept ? &users->asked[(number - 1) % HAND_ASKED_MAX] : NULL;
}

static struct hand_asked *asked_of(struct hand_users *users, const struct hand_client *client)
{
    return (struct hand_asked *)hand_asked(users, client->asking);
}

/* As many of them as fit, without half a character of UTF-8 at the end. */
static uint8_t keep_words(char *at, struct slice words)
{
    size_t size = words.size < HAND_WORDS_MAX ? words.size : HAND_WORDS_MAX;
    while (size > 0 && size < words.size && (words.data[size] & 0xC0) == 0x80) size--;
    memcpy(at, words.data, size);
    return (uint8_t)size;
}

/* Its question, if it has one, is over. */
static void client_over(struct world *world, struct hand_client *client, enum hand_outcome outcome,
                        struct slice reply)
{
    struct hand_users *users = users_of(world);
    struct hand_asked *asked = asked_of(users, client);
    if (client->asking == 0) return;
    client->asking = 0;
    users->over_count++;
    if (asked == NULL) return;
    asked->outcome = outcome;
    asked->over_us = world_now_us(world);
    asked->reply_size = keep_words(asked->reply, reply);
}

static uint32_t index_of(const struct hand_users *users, const struct hand_client *client)
{
    return (uint32_t)(client - users->clients);
}

static void client_flush(struct world *world, struct hand_client *client)
{
    uint32_t place = world->hosts_count + index_of(users_of(world), client);
    network_send(&world->network, place, client->number, buffer_slice(&client->out));
    buffer_clear(&client->out);
}

static void client_dial(struct world *world, struct hand_client *client)
{
    uint32_t place = world->hosts_count + index_of(users_of(world), client);
    client->state = HAND_DIALING;
    client->number++;
    network_dial(&world->network, place, client->number, client->node - 1, false);
}

static void client_go(struct world *world, struct hand_client *client, uint32_t node)
{
    uint32_t place = world->hosts_count + index_of(users_of(world), client);
    client->node = node;
    if (client->state == HAND_OFFLINE) {
        client_dial(world, client);
    } else {
        client->state = HAND_MOVING;
        network_close(&world->network, place, client->number);
    }
}

/* --- the table of a system (system.h) --- */

static void hand_begin(struct world *world, uint64_t seed)
{
    (void)seed; /* nothing here is drawn */
    struct hand_users *users = calloc(1, sizeof *users);
    ASSERT(users != NULL);
    users->ops = world->system->hand;
    world->users = users;
    world->clients_count = HAND_CLIENTS_MAX;
}

static void hand_end(struct world *world)
{
    struct hand_users *users = users_of(world);
    for (uint32_t i = 0; i < HAND_CLIENTS_MAX; i++) {
        buffer_free(&users->clients[i].in);
        buffer_free(&users->clients[i].out);
    }
    free(users);
}

static void hand_opened(struct world *world, uint32_t index)
{
    struct hand_client *client = &users_of(world)->clients[index];
    client->state = HAND_ONLINE;
    client_flush(world, client);
}

static void hand_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct hand_users *users = users_of(world);
    struct hand_client *client = &users->clients[index];
    struct buffer words = {0};
    buffer_append_slice(&client->in, bytes);
    size_t size = users->ops->heard(buffer_slice(&client->in), &words);
    if (size > 0) {
        buffer_consume(&client->in, size);
        client_over(world, client, HAND_ANSWERED, buffer_slice(&words));
    }
    buffer_free(&words);
}

static void hand_closed(struct world *world, uint32_t index)
{
    struct hand_client *client = &users_of(world)->clients[index];
    bool reached = client->state == HAND_ONLINE;
    buffer_clear(&client->in);
    if (client->state == HAND_MOVING) {
        client_dial(world, client);
        return;
    }
    client_over(world, client, reached ? HAND_UNKNOWN : HAND_UNREACHABLE, slice_text(""));
    client->state = HAND_OFFLINE;
    buffer_clear(&client->out);
}

void hand_system(struct sim_system *system, const struct sim_system *real)
{
    ASSERT(real->hand != NULL);
    *system = *real;
    system->begin = hand_begin;
    system->opened = hand_opened;
    system->received = hand_received;
    system->closed = hand_closed;
    system->end = hand_end;
}

/* --- asking --- */

static struct hand_client *client_for(struct hand_users *users, uint32_t node)
{
    struct hand_client *offline = NULL, *elsewhere = NULL;
    for (uint32_t i = HAND_CLIENTS_MAX; i > 0; i--) {
        struct hand_client *client = &users->clients[i - 1];
        if (client->asking != 0) continue;
        if (client->state == HAND_OFFLINE) offline = client;
        if (client->state == HAND_ONLINE) elsewhere = client;
    }
    for (uint32_t i = 0; i < HAND_CLIENTS_MAX; i++) {
        struct hand_client *client = &users->clients[i];
        bool free = client->asking == 0 && client->state == HAND_ONLINE;
        if (free && client->node == node) return client;
    }
    return offline != NULL ? offline : elsewhere;
}

const char *hand_ask(struct world *world, uint32_t node, struct slice words)
{
    struct hand_users *users = users_of(world);
    struct hand_client *client = client_for(users, node);
    struct buffer bytes = {0};
    if (client == NULL) return "as many clients as there are still wait for an answer";
    if (!users->ops->ask(words, &bytes)) {
        buffer_free(&bytes);
        return "that is nothing one can ask of this system";
    }
    uint32_t number = ++users->asked_count;
    struct hand_asked *asked = &users->asked[(number - 1) % HAND_ASKED_MAX];
    *asked = (struct hand_asked){.number = number,
                                 .client = index_of(users, client),
                                 .node = node,
                                 .asked_us = world_now_us(world)};
    asked->words_size = keep_words(asked->words, words);
    client->asking = number;
    buffer_append_slice(&client->out, buffer_slice(&bytes));
    buffer_free(&bytes);
    if (client->state == HAND_ONLINE && client->node == node) {
        client_flush(world, client);
    } else {
        client_go(world, client, node);
    }
    return NULL;
}
