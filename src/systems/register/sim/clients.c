/* The system `raft`: a log, the smallest machine on it (machine/register.h), and clients that
 * read, write and swap. What they did and heard is judged in the end: it must be linearizable
 * (check/check.h).
 *
 * A client has one command under way at a time and connects to another node when its connection
 * ends. Every value written is written once only, so that a read says which write it saw. In the
 * end each client reads every register once more: what was lost meanwhile would show. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "check/check.h"
#include "systems/register/protocol/frames.h"
#include "sim/system.h"
#include "sim/text.h"
#include "sim/world.h"

enum {
    CLIENTS_MAX = 16,
    CLIENTS_PER_NODE = 3,
    CLIENTS_MIN = 4,
    READERS_EVERY = 3,
    KEYS_MAX = 8, /* in use: fewer make clients meet more often */
    THINK_US = 2000,
    RECONNECT_US_MAX = 300000,
    PATIENCE_US_MIN = 500000, /* a client leaves when nothing comes for so long */
    PATIENCE_US_MAX = 6000000,
    JUDGE_BYTES_MAX = 256 << 20, /* a history that needs more stays unjudged: they are counted */
    JUDGE_STEPS_MAX = 50 * 1000 * 1000,
};

enum client_state { CLIENT_OFFLINE, CLIENT_DIALING, CLIENT_ONLINE, CLIENT_LEAVING };

/* How a read is answered: by an entry of its own, by ReadIndex, or on the leader's lease. */
enum read_level { READ_BY_LOG, READ_BY_INDEX, READ_ON_LEASE, READ_LEVELS };

struct client {
    struct world *world;
    uint32_t index;
    uint32_t place; /* in the network */
    enum client_state state;
    uint32_t number; /* of its connection */
    uint32_t host;
    struct timed wake;
    struct buffer in;
    bool asking;
    struct register_command command; /* under way, and */
    enum read_level level;
    uint32_t operation;   /* its index in the history */
    uint32_t process;     /* in the history: a new one after an unknown outcome, which stays open */
    uint64_t answered_us; /* when it last heard something other than a refusal */
    bool draining;
    uint32_t drained; /* registers read since the faults ended */
};

struct users {
    struct client clients[CLIENTS_MAX];
    struct history history;
    struct random random;
    uint32_t keys;
    enum read_level level; /* of all reads of this world; READ_LEVELS: any */
    uint64_t think_us;     /* on average, between two commands of one client */
    uint64_t patience_us;
    uint64_t next_value;     /* never written before */
    uint64_t seen[KEYS_MAX]; /* by some client: what a swap may expect */
    struct buffer line;
};

static struct users *users_of(const struct world *world)
{
    return world->users;
}

static uint64_t below(const struct world *world, uint64_t bound)
{
    return random_below(&users_of(world)->random, bound);
}

static void wake_in(struct client *client, uint64_t after_us)
{
    schedule_at(&client->world->schedule, &client->wake, world_now_us(client->world) + after_us);
}

/* --- asking --- */

/* Some read most of the time: whoever writes is soon stuck at a leader that no one hears, and
 * would not see what it goes on answering. */
static void choose(struct client *client, struct register_command *command)
{
    struct world *world = client->world;
    struct users *users = users_of(world);
    uint64_t reads = client->index % READERS_EVERY == 0 ? 99 : 20;
    uint64_t dice = below(world, 100);
    *command = (struct register_command){.key = (uint32_t)below(world, users->keys)};
    if (dice < reads) {
        command->op = REGISTER_READ;
    } else if (dice < reads + (100 - reads) / 2) {
        command->op = REGISTER_WRITE;
        command->value = users->next_value++;
    } else {
        command->op = REGISTER_SWAP;
        command->expected = users->seen[command->key];
        command->value = users->next_value++;
    }
}

static void command_text(const struct register_command *command, enum read_level level,
                         struct buffer *out)
{
    static const char *const levels[] = {"log", "linearizable", "lease"};
    switch (command->op) {
    case REGISTER_READ: text_append(out, "read %u %s\n", command->key, levels[level]); break;
    case REGISTER_WRITE: text_append(out, "write %u %U\n", command->key, command->value); break;
    case REGISTER_SWAP:
        text_append(out, "swap %u %U %U\n", command->key, command->expected, command->value);
        break;
    }
}

/* Values are atoms as they are; a register that nobody wrote to holds 0. */
static uint32_t history_ask(struct client *client)
{
    static const uint32_t functions[] = {
        [REGISTER_READ] = MODEL_READ, [REGISTER_WRITE] = MODEL_WRITE, [REGISTER_SWAP] = MODEL_CAS};
    const struct register_command *command = &client->command;
    struct operation call = {
        .process = client->process,
        .f = functions[command->op],
        .key = command->key,
        .called_us = world_now_us(client->world),
    };
    if (command->op == REGISTER_WRITE) call.in[0] = command->value;
    if (command->op == REGISTER_SWAP) {
        call.in[0] = command->expected;
        call.in[1] = command->value;
    }
    return history_invoke(&users_of(client->world)->history, call);
}

static void ask(struct client *client)
{
    struct world *world = client->world;
    struct users *users = users_of(world);
    client->command = (struct register_command){.op = REGISTER_READ, .key = client->drained};
    if (!client->draining) choose(client, &client->command);
    client->level = users->level;
    if (client->level == READ_LEVELS) client->level = (enum read_level)below(world, READ_LEVELS);
    client->asking = true;
    client->operation = history_ask(client);
    buffer_clear(&users->line);
    command_text(&client->command, client->level, &users->line);
    struct slice line = buffer_slice(&users->line);
    world_narrate(world, "client", client->index + 1, "> %b", slice_of(line.data, line.size - 1));
    network_send(&world->network, client->place, client->number, line);
    wake_in(client, users->patience_us);
}

static void ended(struct client *client, enum operation_outcome outcome, uint64_t out)
{
    struct world *world = client->world;
    struct history *history = &users_of(world)->history;
    history_complete(history, client->operation, outcome, out, world_now_us(world));
    client->asking = false;
    if (outcome == OPERATION_FAILED) world_count(world, SIM_COVER_REFUSED);
    if (outcome != OPERATION_UNKNOWN) return;
    world_count(world, SIM_COVER_UNKNOWN);
    client->process += CLIENTS_MAX;
}

/* --- hearing --- */

static bool done_in_words(const struct register_command *command, struct slice line)
{
    if (command->op == REGISTER_WRITE) return slice_equal(line, slice_text("WRITTEN"));
    return command->op == REGISTER_SWAP && slice_equal(line, slice_text("SWAPPED"));
}

/* The number after this word; false when the line is another. */
static bool number_after(struct slice line, const char *word, uint64_t *number)
{
    struct slice prefix = slice_text(word);
    if (line.size < prefix.size || memcmp(line.data, prefix.data, prefix.size) != 0) return false;
    return decimal_read(slice_of(line.data + prefix.size, line.size - prefix.size), number);
}

/* False when the line is no reply to what was asked. */
static bool reply_take(struct client *client, struct slice line)
{
    struct world *world = client->world;
    struct users *users = users_of(world);
    const struct register_command command = client->command;
    uint64_t number = 0;
    if (line.size > 8 && memcmp(line.data, "REFUSED ", 8) == 0) {
        ended(client, OPERATION_FAILED, 0);
        return true;
    }
    if (done_in_words(&command, line)) {
        world_count(world, command.op == REGISTER_WRITE ? SIM_COVER_WRITES : SIM_COVER_SWAPS);
        users->seen[command.key] = command.value;
        ended(client, OPERATION_OK, command.value);
    } else if (command.op == REGISTER_READ && number_after(line, "VALUE ", &number)) {
        static const enum sim_coverage levels[] = {SIM_COVER_READS_BY_LOG, SIM_COVER_READS,
                                                   SIM_COVER_READS_ON_LEASE};
        world_count(world, levels[client->level]);
        users->seen[command.key] = number;
        ended(client, OPERATION_OK, number);
        if (client->draining) client->drained++;
    } else if (command.op == REGISTER_SWAP && number_after(line, "KEPT ", &number)) {
        world_count(world, SIM_COVER_KEPT);
        users->seen[command.key] = number;
        ended(client, OPERATION_KEPT, number);
    } else {
        return false;
    }
    client->answered_us = world_now_us(world);
    return true;
}

static bool client_done(const struct client *client)
{
    return client->draining && client->drained == users_of(client->world)->keys;
}

/* What comes next, now that nothing is under way. */
static void client_next(struct client *client)
{
    struct world *world = client->world;
    if (client_done(client)) {
        schedule_cancel(&world->schedule, &client->wake);
        return;
    }
    wake_in(client, client->draining ? 1000 : below(world, 2 * users_of(world)->think_us));
}

static void client_leave(struct client *client)
{
    if (client->state != CLIENT_ONLINE) return;
    client->state = CLIENT_LEAVING;
    network_close(&client->world->network, client->place, client->number);
}

static void client_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct client *client = &users_of(world)->clients[index];
    if (client->state != CLIENT_ONLINE) return;
    buffer_append_slice(&client->in, bytes);
    struct slice in = buffer_slice(&client->in);
    const uint8_t *newline = memchr(in.data, '\n', in.size);
    if (newline == NULL) return;
    struct slice line = slice_of(in.data, (size_t)(newline - in.data));
    world_count(world, SIM_COVER_OPERATIONS);
    world_mark(world, map_hash_bytes(line));
    world_narrate(world, "client", index + 1, "< %b", line);
    /* One command under way: nothing stands behind its reply. */
    if (!client->asking || line.size + 1 != in.size || !reply_take(client, line)) {
        world_fail(world, "protocol", "client %u hears \"%b\"", index + 1, line);
        client_leave(client);
        return;
    }
    buffer_clear(&client->in);
    client_next(client);
}

/* --- connections --- */

static void client_opened(struct world *world, uint32_t index)
{
    struct client *client = &users_of(world)->clients[index];
    world_count(world, SIM_COVER_RECONNECTS);
    world_narrate(world, "client", index + 1, "connects to node %u", client->host + 1);
    client->state = CLIENT_ONLINE;
    wake_in(client, 0);
}

static void client_closed(struct world *world, uint32_t index)
{
    struct client *client = &users_of(world)->clients[index];
    world_narrate(world, "client", index + 1, "is offline");
    if (client->asking) ended(client, OPERATION_UNKNOWN, 0);
    buffer_clear(&client->in);
    client->state = CLIENT_OFFLINE;
    if (!client_done(client)) wake_in(client, 1000 + below(world, RECONNECT_US_MAX));
}

static void client_dial(struct client *client)
{
    struct world *world = client->world;
    client->state = CLIENT_DIALING;
    client->number++;
    client->host = world_host_known(world, (uint32_t)below(world, world->hosts_count));
    network_dial(&world->network, client->place, client->number, client->host, false);
}

static void client_on_wake(void *owner, struct timed *timed)
{
    (void)timed;
    struct client *client = owner;
    if (client->state == CLIENT_OFFLINE) {
        client_dial(client);
    } else if (client->state != CLIENT_ONLINE) {
        return;
    } else if (!client->asking) {
        ask(client);
    } else {
        world_narrate(client->world, "client", client->index + 1, "loses patience");
        client_leave(client);
    }
}

/* --- the table of the system (system.h) --- */

static void users_begin(struct world *world, uint64_t seed)
{
    struct users *users = calloc(1, sizeof *users);
    ASSERT(users != NULL);
    world->users = users;
    world->clients_count = CLIENTS_PER_NODE * world->options->nodes;
    if (world->clients_count < CLIENTS_MIN) world->clients_count = CLIENTS_MIN;
    ASSERT(world->clients_count <= CLIENTS_MAX);
    users->random = random_seeded(seed);
    users->keys = 1 + (uint32_t)below(world, KEYS_MAX);
    users->level = (enum read_level)below(world, READ_LEVELS + 1);
    users->think_us = THINK_US * world->clients_count;
    users->patience_us = PATIENCE_US_MIN + below(world, PATIENCE_US_MAX - PATIENCE_US_MIN);
    users->next_value = 1; /* registers hold 0 at first */
    for (uint32_t i = 0; i < world->clients_count; i++) {
        struct client *client = &users->clients[i];
        client->world = world;
        client->index = i;
        client->process = i;
        client->place = world->hosts_count + i;
        timed_init(&client->wake, client_on_wake, client);
        wake_in(client, below(world, RECONNECT_US_MAX));
    }
}

static void users_end(struct world *world)
{
    struct users *users = users_of(world);
    for (uint32_t i = 0; i < world->clients_count; i++) buffer_free(&users->clients[i].in);
    history_free(&users->history);
    buffer_free(&users->line);
    free(users);
}

static uint32_t users_unserved(const struct world *world, uint64_t since_us)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        if (users_of(world)->clients[i].answered_us <= since_us) return i + 1;
    }
    return 0;
}

static void users_drain(struct world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        users_of(world)->clients[i].draining = true;
    }
}

static uint64_t users_left(const struct world *world)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        left += !client_done(&users_of(world)->clients[i]);
    }
    return left;
}

/* The operation, the key, and what the key may have held, for the report of the run. */
static void violation_report(struct world *world, const struct check_violation *violation)
{
    const struct history *history = &users_of(world)->history;
    const struct operation *stuck = &history->items[violation->stuck];
    struct buffer text = {0};
    model_register.describe(history, stuck, &text);
    text_append(&text, " at %t, when it may have held", stuck->returned_us);
    for (uint32_t i = 0; i < violation->states_count; i++) {
        text_append(&text, "%s %U", i == 0 ? "" : ",", violation->states[i]);
    }
    world_fail(world, "linearizability", "register %U: %b", violation->key, buffer_slice(&text));
    buffer_free(&text);
}

static void judge(struct world *world)
{
    struct check_options options = check_options_default();
    struct check_result result;
    options.initial = 0;
    options.memory_bytes_max = JUDGE_BYTES_MAX;
    options.steps_max = JUDGE_STEPS_MAX;
    check_history(&users_of(world)->history, &model_register, &options, &result);
    if (result.verdict != CHECK_UNKNOWN) world_count(world, SIM_COVER_JUDGED);
    if (result.verdict == CHECK_VIOLATION) violation_report(world, &result.violations[0]);
    check_result_free(&result);
}

static void users_finish(struct world *world)
{
    struct users *users = users_of(world);
    for (uint32_t i = 0; i < world->clients_count; i++) {
        client_leave(&users->clients[i]);
        schedule_cancel(&world->schedule, &users->clients[i].wake);
    }
    judge(world);
}

const struct sim_system sim_system_register = {
    .name = "raft",
    .help = "registers, judged for linearizability",
    .machine = &register_ops,
    .protocol = &register_protocol_ops,
    .drift_permille_max = 300, /* the judge knows nothing of time */
    .leftovers = "clients' last reads",
    .coverage_first = SIM_COVER_QUEUE_END,
    .coverage_end = SIM_COVER_RAFT_END,
    .begin = users_begin,
    .opened = client_opened,
    .received = client_received,
    .closed = client_closed,
    .unserved = users_unserved,
    .drain = users_drain,
    .left = users_left,
    .finish = users_finish,
    .end = users_end,
};
