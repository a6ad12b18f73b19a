/* Clients that watch: see users.h. */
#include "base/assert.h"
#include "sim/text.h"
#include "systems/consensus/sim/users.h"

enum {
    LEAVES_EVERY = 200, /* lines */
    ANEW_EVERY = 4,     /* connections */
};

void told(struct world *world, uint32_t index, uint64_t revision, uint32_t key, uint64_t value)
{
    if (story_note(&users_of(world)->story, revision, key, value)) return;
    const struct story_event *other = &users_of(world)->story.at[revision];
    world_fail(world, "watch", "client %u hears that revision %U is k%u %U, another of k%u %U",
               index + 1, revision, key, value, other->key, other->value);
}

/* At the very beginning, with what comes, or with what was left by the last compaction. */
static void begin_anew(struct client *client)
{
    struct world *world = client->caller.world;
    const uint64_t from[] = {2, 0, users_of(world)->compacted};
    client->next = from[caller_below(world, 3)];
}

bool watcher_act(struct client *client)
{
    struct world *world = client->caller.world;
    struct users *users = users_of(world);
    if (client->asking) return false; /* it was silent for long */
    client->asking = true;
    if (client->next == 0 || caller_below(world, ANEW_EVERY) == 0) begin_anew(client);
    world_narrate(world, "client", client->caller.index + 1, "> watch from %U", client->next);
    buffer_clear(&users->bytes);
    lines_ask(client->next, &users->bytes);
    network_send(&world->network, client->caller.place, client->caller.number,
                 buffer_slice(&users->bytes));
    caller_wake_in(&client->caller, users->callers.patience_us);
    return true;
}

static void wrong(struct client *client, const char *what, uint64_t revision)
{
    world_fail(client->caller.world, "watch", "client %u hears %s %U, and wants %U next",
               client->caller.index + 1, what, revision, client->next);
}

static void hear_events(struct client *client)
{
    struct world *world = client->caller.world;
    struct slice line = buffer_slice(&client->lines.line);
    struct lines_event event;
    unsigned count = 0;
    for (; lines_event(&line, &event); count++) {
        world_narrate(world, "client", client->caller.index + 1, "< %U: k%u %U", event.revision,
                      event.key, event.value);
        if (event.revision != client->next) wrong(client, "revision", event.revision);
        told(world, client->caller.index, event.revision, event.key, event.value);
        client->next = event.revision + 1;
        world_count(world, SIM_COVER_CONSENSUS_WATCHED);
    }
    if (count == 0) wrong(client, "a line without events at", client->next);
}

/* What is gone must be; it begins again with what is left. */
static void hear_compacted(struct client *client, uint64_t revision)
{
    world_narrate(client->caller.world, "client", client->caller.index + 1, "< compacted %U",
                  revision);
    if (revision <= client->next) wrong(client, "that it was compacted to", revision);
    client->next = revision;
    world_count(client->caller.world, SIM_COVER_CONSENSUS_CANCELLED);
    caller_leave(&client->caller);
}

static void hear(struct client *client, enum lines_kind kind, uint64_t revision)
{
    struct world *world = client->caller.world;
    client->caller.answered_us = world_now_us(world);
    if (kind == LINES_CREATED && client->next == 0) client->next = revision + 1;
    if (kind == LINES_EVENTS) hear_events(client);
    if (kind == LINES_COMPACTED) hear_compacted(client, revision);
    if (!client->caller.draining && caller_below(world, LEAVES_EVERY) == 0) {
        caller_leave(&client->caller);
    }
}

void watcher_received(struct client *client, struct slice bytes)
{
    struct world *world = client->caller.world;
    buffer_append_slice(&client->caller.in, bytes);
    caller_wake_in(&client->caller, users_of(world)->callers.patience_us);
    while (client->caller.state == CALLER_ONLINE) {
        uint64_t revision = 0;
        enum lines_kind kind = lines_next(&client->lines, &client->caller.in, &revision);
        if (kind == LINES_PARTIAL) return;
        if (kind == LINES_BAD) {
            world_fail(world, "protocol", "client %u hears \"%b\"", client->caller.index + 1,
                       buffer_slice(&client->lines.line));
            caller_leave(&client->caller);
            return;
        }
        hear(client, kind, revision);
    }
}

void watcher_forget(struct client *client)
{
    client->asking = false;
    lines_reset(&client->lines);
}

bool watcher_done(const struct client *client)
{
    const struct world *world = client->caller.world;
    const struct users *users = users_of(world);
    if (!client->caller.draining || client->next == 0) return false;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        const struct client *other = &users->clients[i];
        if (!other->watches && other->caller.drained != users->keys) return false;
    }
    return client->next > users->revision;
}
