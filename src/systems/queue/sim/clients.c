/* The queue as a simulated system: its table, and its clients' connections. See queue_clients.h;
 * what they say is in queue_client_work.c, what they hear in queue_client_reply.c. */
#include "systems/queue/sim/clients.h"

#include <stdlib.h>

#include "base/assert.h"
#include "systems/queue/machine/queue.h"
#include "systems/queue/protocol/beanstalk.h"
#include "sim/system.h"
#include "sim/text.h"
#include "systems/queue/sim/users.h"

enum {
    WORKERS_PER_NODE = 2,
    PROBERS = 1,
    RECONNECT_US_MAX = 300000,
    PATIENCE_US = 6000000, /* a client leaves when nothing comes for so long */
    LOOK_US = 500000,      /* how often it looks at its watch */
};

static struct client *client_at(struct world *world, uint32_t index)
{
    ASSERT(index < queue_users(world)->clients.count);
    return &queue_users(world)->clients.items[index];
}

void queue_client_wake_in(struct client *client, uint64_t after_us)
{
    struct schedule *schedule = &client->world->schedule;
    schedule_at(schedule, &client->wake, schedule->now_us + after_us);
}

struct client_op *queue_client_begin(struct client *client, enum client_op_kind kind)
{
    if (client->ops_count == CLIENT_OPS_MAX) return NULL;
    uint32_t at = (client->ops_head + client->ops_count++) % CLIENT_OPS_MAX;
    struct client_op *op = &client->ops[at];
    *op = (struct client_op){
        .kind = kind,
        .key = CHECKER_NO_KEY,
        .sent_us = world_now_us(client->world),
    };
    return op;
}

/* The commands for the trace, without the bodies of jobs. */
static void narrate_commands(struct client *client, struct slice text)
{
    size_t start = 0;
    for (size_t at = 0; at + 1 < text.size; at++) {
        if (text.data[at] != '\r') continue;
        struct slice line = slice_of(text.data + start, at - start);
        if (line.size < 4 || line.data[0] != 'j' || line.data[1] != 'o') {
            world_narrate(client->world, "client", client->index + 1, "> %b", line);
        }
        start = at + 2;
    }
}

void queue_client_flush(struct client *client)
{
    if (client->out.size == 0) return;
    struct slice bytes = buffer_slice(&client->out);
    if (client->world->options->trace) narrate_commands(client, bytes);
    network_send(&client->world->network, client->place, client->number, bytes);
    buffer_clear(&client->out);
}

void queue_client_leave(struct client *client)
{
    if (client->state != CLIENT_ONLINE) return;
    client->state = CLIENT_LEAVING;
    network_close(&client->world->network, client->place, client->number);
}

void queue_client_forget_held(struct client *client, uint64_t id)
{
    for (uint32_t i = 0; i < client->held_count; i++) {
        if (client->held[i].id != id) continue;
        checker_let_go(client->world, client->index, client->held[i].key);
        client->held[i] = client->held[--client->held_count];
        return;
    }
}

/* Whatever was under way may have been carried out, or not. */
static void client_outcomes_unknown(struct client *client)
{
    for (; client->ops_count > 0; client->ops_count--) {
        const struct client_op *op = &client->ops[client->ops_head];
        client->ops_head = (client->ops_head + 1) % CLIENT_OPS_MAX;
        world_count(client->world, SIM_COVER_UNKNOWN);
        if (op->kind == OP_PUT) checker_put_over(client->world, op->key, OUTCOME_UNKNOWN, 0);
        if (op->kind == OP_DELETE && op->key != CHECKER_NO_KEY) {
            checker_delete_over(client->world, client->index, op->key, OUTCOME_UNKNOWN);
        }
    }
    while (client->held_count > 0) queue_client_forget_held(client, client->held[0].id);
    if (client->role == CLIENT_PROBER) queue_client_probe_void(client);
    buffer_clear(&client->in);
    buffer_clear(&client->out);
}

static void client_dial(struct client *client)
{
    struct world *world = client->world;
    client->state = CLIENT_DIALING;
    client->number++;
    uint64_t drawn = random_below(&queue_users(world)->clients.random, world->hosts_count);
    client->host = world_host_known(world, (uint32_t)drawn);
    network_dial(&world->network, client->place, client->number, client->host, false);
}

static void client_on_wake(void *owner, struct timed *timed)
{
    (void)timed;
    struct client *client = owner;
    struct world *world = client->world;
    switch (client->state) {
    case CLIENT_OFFLINE: client_dial(client); break;
    case CLIENT_ONLINE:
        if (client->ops_count > 0 && client->progress_us + PATIENCE_US < world_now_us(world)) {
            const struct client_op *op = &client->ops[client->ops_head];
            world_narrate(world, "client", client->index + 1, "loses patience");
            if (op->kind != OP_RESERVE) checker_unanswered(world, client->index, op->sent_us);
            queue_client_leave(client);
        } else if (client->ops_count > 0) {
            queue_client_wake_in(client, LOOK_US);
        } else {
            queue_client_work(client);
            queue_client_flush(client);
            if (!timed_pending(&client->wake)) queue_client_wake_in(client, LOOK_US);
        }
        break;
    default: break;
    }
}

static void users_opened(struct world *world, uint32_t index)
{
    struct client *client = client_at(world, index);
    world_count(world, SIM_COVER_RECONNECTS);
    world_narrate(world, "client", client->index + 1, "connects to node %u", client->host + 1);
    client->state = CLIENT_ONLINE;
    client->progress_us = world_now_us(world);
    client->drain_step = 0;
    client->probe.step = 0;
    queue_client_wake_in(client, 0);
    if (queue_users(world)->clients.gone) queue_client_leave(client);
}

static void users_closed(struct world *world, uint32_t index)
{
    struct client *client = client_at(world, index);
    world_narrate(world, "client", client->index + 1, "is offline");
    client_outcomes_unknown(client);
    client->state = CLIENT_OFFLINE;
    if (queue_users(world)->clients.gone) return;
    queue_client_wake_in(
        client, 1000 + random_below(&queue_users(world)->clients.random, RECONNECT_US_MAX));
}

static void users_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct client *client = client_at(world, index);
    if (client->state != CLIENT_ONLINE) return;
    client->progress_us = world_now_us(world);
    buffer_append_slice(&client->in, bytes);
    while (client->state == CLIENT_ONLINE && queue_client_reply(client)) {}
    if (client->state == CLIENT_ONLINE && client->ops_count == 0) {
        uint64_t think_us =
            client->role == CLIENT_DRAINER ? 1 : queue_users(world)->clients.think_us;
        queue_client_wake_in(client,
                             random_below(&queue_users(world)->clients.random, 2 * think_us));
    }
}

/* --- the table of the system (system.h) --- */

static void users_begin(struct world *world, uint64_t seed)
{
    struct queue_users *users = calloc(1, sizeof *users);
    ASSERT(users != NULL);
    world->users = users;
    struct clients *clients = &users->clients;
    clients->random = random_seeded(seed);
    clients->count = WORKERS_PER_NODE * world->options->nodes + PROBERS;
    if (clients->count < 4) clients->count = 4;
    world->clients_count = clients->count;
    clients->think_us = 6000 * clients->count;
    for (uint32_t i = 0; i < clients->count; i++) {
        struct client *client = &clients->items[i];
        client->world = world;
        client->index = i;
        client->place = world->hosts_count + i;
        client->role = i + PROBERS < clients->count ? CLIENT_WORKER : CLIENT_PROBER;
        timed_init(&client->wake, client_on_wake, client);
        queue_client_wake_in(client, random_below(&clients->random, RECONNECT_US_MAX));
    }
}

static void users_end(struct world *world)
{
    struct queue_users *users = queue_users(world);
    for (uint32_t i = 0; i < users->clients.count; i++) {
        buffer_free(&users->clients.items[i].in);
        buffer_free(&users->clients.items[i].out);
    }
    checker_free(&users->checker);
    free(users);
}

static uint32_t users_unserved(const struct world *world, uint64_t since_us)
{
    const struct clients *clients = &queue_users(world)->clients;
    for (uint32_t i = 0; i < clients->count; i++) {
        if (clients->items[i].answered_us <= since_us) return i + 1;
    }
    return 0;
}

/* All become drainers: they leave, and come back to take out whatever is left. */
static void users_drain(struct world *world)
{
    struct clients *clients = &queue_users(world)->clients;
    for (uint32_t i = 0; i < clients->count; i++) {
        struct client *client = &clients->items[i];
        queue_client_leave(client); /* what is under way becomes unknown, as it would be */
        if (client->role == CLIENT_PROBER) queue_client_probe_void(client);
        client->role = CLIENT_DRAINER;
    }
}

/* Someone still waits to hear whether its delete was carried out. */
static bool clients_deleting(const struct clients *clients)
{
    for (uint32_t i = 0; i < clients->count; i++) {
        const struct client *client = &clients->items[i];
        for (uint32_t j = 0; j < client->ops_count; j++) {
            if (client->ops[(client->ops_head + j) % CLIENT_OPS_MAX].kind == OP_DELETE) return true;
        }
    }
    return false;
}

static uint64_t users_left(const struct world *world)
{
    uint64_t most = clients_deleting(&queue_users(world)->clients);
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        if (world->hosts[i].node == NULL) return UINT64_MAX;
        uint64_t jobs = queue_jobs_count(node_machine(world->hosts[i].node));
        if (jobs > most) most = jobs;
    }
    return most;
}

static void users_finish(struct world *world)
{
    struct clients *clients = &queue_users(world)->clients;
    checker_finish(world);
    clients->gone = true;
    for (uint32_t i = 0; i < clients->count; i++) {
        queue_client_leave(&clients->items[i]);
        schedule_cancel(&world->schedule, &clients->items[i].wake);
    }
}

/* Sessions, of clients that are all gone. */
static uint64_t users_lingering(const struct world *world)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        uint64_t sessions = queue_sessions_count(node_machine(world->hosts[i].node));
        if (sessions > most) most = sessions;
    }
    return most;
}

static const struct queue_options machine_options = {.seed = 7};

const struct sim_system sim_system_queue = {
    .name = "queue",
    .help = "the work queue",
    .machine = &queue_ops,
    .machine_options = &machine_options,
    .protocol = &beanstalk_ops,
    .leftovers = "jobs",
    .drift_permille_max = QUEUE_TTR_SLACK_PERMILLE,
    .coverage_first = SIM_COVER_WORLD_END,
    .coverage_end = SIM_COVER_QUEUE_END,
    .begin = users_begin,
    .opened = users_opened,
    .received = users_received,
    .closed = users_closed,
    .unserved = users_unserved,
    .drain = users_drain,
    .left = users_left,
    .finish = users_finish,
    .lingering = users_lingering,
    .end = users_end,
    .hand = &queue_hand,
};
