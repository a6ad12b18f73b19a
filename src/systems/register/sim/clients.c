/* The system `raft`: a log, the smallest machine on it (machine/register.h), and clients that
 * read, write and swap. What they did and heard is judged in the end: it must be linearizable
 * (check/check.h).
 *
 * A client has one command under way, or a burst of them around a register that it alone writes,
 * whose answers must also be in the order of what it said: a read shows the write before it, not
 * the one behind. It connects to another node when its connection ends. Every value written is
 * written once only, so that a read says which write it saw. In the end each client reads every
 * register once more: what was lost meanwhile would show. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "systems/register/sim/users.h"

/* --- asking --- */

/* Some read most of the time: whoever writes is soon stuck at a leader that no one hears, and
 * would not see what it goes on answering. */
static void choose(struct client *client, struct register_command *command)
{
    struct world *world = client->caller.world;
    struct users *users = users_of(world);
    uint64_t reads = client->caller.index % READERS_EVERY == 0 ? 99 : 20;
    uint64_t dice = caller_below(world, 100);
    *command = (struct register_command){.key = (uint32_t)caller_below(world, users->keys)};
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
    static const char *const levels[] = {
        [READ_BY_LOG] = "log",
        [READ_BY_INDEX] = "linearizable",
        [READ_ON_LEASE] = "lease",
        [READ_LOCAL] = "local",
    };
    switch (command->op) {
    case REGISTER_READ: text_append(out, "read %u %s\n", command->key, levels[level]); break;
    case REGISTER_WRITE: text_append(out, "write %u %U\n", command->key, command->value); break;
    case REGISTER_SWAP:
        text_append(out, "swap %u %U %U\n", command->key, command->expected, command->value);
        break;
    }
}

static enum read_level choose_level(struct client *client)
{
    struct users *users = users_of(client->caller.world);
    if (users->level != READ_LEVELS) return users->level;
    return (enum read_level)caller_below(client->caller.world, READ_LEVELS);
}

/* Writes and reads of the register that no other client writes, and reads of others. */
static void choose_burst(struct client *client)
{
    struct world *world = client->caller.world;
    client->asked = 2 + (uint32_t)caller_below(world, BURST_MAX - 1);
    for (uint32_t i = 0; i < client->asked; i++) {
        struct ask *ask = &client->asks[i];
        bool writes = caller_below(world, 2) == 0;
        ask->refused = false;
        ask->command = (struct register_command){
            .op = writes ? REGISTER_WRITE : REGISTER_READ,
            .key = KEYS_MAX + client->caller.index,
        };
        if (!writes && caller_below(world, 3) == 0) {
            ask->command.key = (uint32_t)caller_below(world, users_of(world)->keys);
        }
        if (writes) ask->command.value = users_of(world)->next_value++;
        ask->level = caller_below(world, 3) == 0 ? READ_LOCAL : choose_level(client);
    }
}

/* The next of them, or some. */
static void say(struct client *client)
{
    struct world *world = client->caller.world;
    struct users *users = users_of(world);
    uint32_t until = client->said + 1 + (uint32_t)caller_below(world, client->asked - client->said);
    buffer_clear(&users->line);
    for (; client->said < until; client->said++) {
        struct ask *ask = &client->asks[client->said];
        size_t before = users->line.size;
        if (ask->level != READ_LOCAL || ask->command.op != REGISTER_READ) {
            ask->operation = register_judge_asked(client, ask);
        }
        command_text(&ask->command, ask->level, &users->line);
        struct slice line = buffer_slice(&users->line);
        world_narrate(world, "client", client->caller.index + 1, "> %b",
                      slice_of(line.data + before, line.size - before - 1));
    }
    network_send(&world->network, client->caller.place, client->caller.number,
                 buffer_slice(&users->line));
    caller_wake_in(&client->caller, client->said < client->asked ? caller_below(world, PAUSE_US)
                                                                 : users->callers.patience_us);
}

static void ask(struct client *client)
{
    struct world *world = client->caller.world;
    client->asked = 1;
    client->said = 0;
    client->answered = 0;
    client->asks[0].refused = false;
    client->asks[0].command =
        (struct register_command){.op = REGISTER_READ, .key = client->caller.drained};
    bool reads = client->caller.index % READERS_EVERY == 0; /* see choose() */
    if (!client->caller.draining && !reads && caller_below(world, BURSTS_EVERY) == 0) {
        choose_burst(client);
    } else {
        if (!client->caller.draining) choose(client, &client->asks[0].command);
        client->asks[0].level = choose_level(client);
    }
    say(client);
}

/* The first that is not answered. */
static void ended(struct client *client, enum operation_outcome outcome, uint64_t out)
{
    struct world *world = client->caller.world;
    struct history *history = &users_of(world)->history;
    const struct ask *ask = &client->asks[client->answered];
    bool local = ask->command.op == REGISTER_READ && ask->level == READ_LOCAL;
    if (!local) history_complete(history, ask->operation, outcome, out, world_now_us(world));
    client->asks[client->answered].refused = outcome == OPERATION_FAILED;
    if (outcome == OPERATION_FAILED) world_count(world, SIM_COVER_REFUSED);
    if (outcome == OPERATION_UNKNOWN) {
        world_count(world, SIM_COVER_UNKNOWN);
        client->processes[client->answered] += CALLERS_MAX * BURST_MAX;
    }
    client->answered++;
}

/* --- hearing --- */

static void seen(struct users *users, uint32_t key, uint64_t value)
{
    if (key < KEYS_MAX) users->seen[key] = value;
}

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
    struct world *world = client->caller.world;
    struct users *users = users_of(world);
    const struct ask *ask = &client->asks[client->answered];
    const struct register_command command = ask->command;
    uint64_t number = 0;
    if (line.size > 8 && memcmp(line.data, "REFUSED ", 8) == 0) {
        ended(client, OPERATION_FAILED, 0);
        return true;
    }
    if (done_in_words(&command, line)) {
        world_count(world, command.op == REGISTER_WRITE ? SIM_COVER_WRITES : SIM_COVER_SWAPS);
        seen(users, command.key, command.value);
        ended(client, OPERATION_OK, command.value);
    } else if (command.op == REGISTER_READ && number_after(line, "VALUE ", &number)) {
        static const enum sim_coverage levels[] = {
            [READ_BY_LOG] = SIM_COVER_READS_BY_LOG,
            [READ_BY_INDEX] = SIM_COVER_READS,
            [READ_ON_LEASE] = SIM_COVER_READS_ON_LEASE,
            [READ_LOCAL] = SIM_COVER_READS_LOCAL,
        };
        world_count(world, levels[ask->level]);
        if (command.key >= KEYS_MAX) register_judge_order(client, number);
        seen(users, command.key, number);
        ended(client, OPERATION_OK, number);
        if (client->caller.draining && command.key == client->caller.drained)
            client->caller.drained++;
    } else if (command.op == REGISTER_SWAP && number_after(line, "KEPT ", &number)) {
        world_count(world, SIM_COVER_KEPT);
        seen(users, command.key, number);
        ended(client, OPERATION_KEPT, number);
    } else {
        return false;
    }
    client->caller.answered_us = world_now_us(world);
    return true;
}

static bool client_done(const struct caller *caller)
{
    return caller->draining && caller->drained == users_of(caller->world)->keys;
}

static void client_line(struct client *client, struct slice line)
{
    struct world *world = client->caller.world;
    world_count(world, SIM_COVER_OPERATIONS);
    world_mark(world, map_hash_bytes(line));
    world_narrate(world, "client", client->caller.index + 1, "< %b", line);
    if (client->answered < client->said && reply_take(client, line)) return;
    world_fail(world, "protocol", "client %u hears \"%b\"", client->caller.index + 1, line);
    caller_leave(&client->caller);
}

static void client_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct client *client = &users_of(world)->clients[index];
    buffer_append_slice(&client->caller.in, bytes);
    while (client->caller.state == CALLER_ONLINE) {
        struct slice in = buffer_slice(&client->caller.in);
        const uint8_t *newline = in.size == 0 ? NULL : memchr(in.data, '\n', in.size);
        if (newline == NULL) break;
        size_t size = (size_t)(newline - in.data);
        client_line(client, slice_of(in.data, size));
        buffer_consume(&client->caller.in, size + 1);
        if (client->answered == client->asked) caller_next(&client->caller);
    }
}

/* --- the table of the system (system.h) --- */

static bool client_act(struct caller *caller)
{
    struct client *client = (struct client *)caller;
    if (client->answered == client->asked) {
        ask(client);
    } else if (client->said < client->asked) {
        say(client);
    } else {
        return false;
    }
    return true;
}

static void client_forget(struct caller *caller)
{
    struct client *client = (struct client *)caller;
    while (client->answered < client->said) ended(client, OPERATION_UNKNOWN, 0);
    client->asked = client->answered;
}

static void users_begin(struct world *world, uint64_t seed)
{
    static const struct callers_ops ops = {client_act, client_forget, client_done};
    struct users *users = calloc(1, sizeof *users);
    ASSERT(users != NULL);
    callers_init(world, &users->callers, &ops, seed);
    users->keys = 1 + (uint32_t)caller_below(world, KEYS_MAX);
    if (world->groups_count > users->keys) users->keys = KEYS_MAX; /* each group has some */
    users->level = (enum read_level)caller_below(world, READ_LEVELS + 1);
    users->next_value = 1; /* registers hold 0 at first */
    for (uint32_t i = 0; i < CALLERS_MAX; i++) {
        struct client *client = &users->clients[i];
        for (uint32_t n = 0; n < BURST_MAX; n++) client->processes[n] = i * BURST_MAX + n;
        users->callers.all[i] = &client->caller;
    }
    callers_start(world, THINK_US);
}

static void users_end(struct world *world)
{
    struct users *users = users_of(world);
    callers_free(world);
    history_free(&users->history);
    buffer_free(&users->line);
    free(users);
}

static void users_finish(struct world *world)
{
    callers_leave(world);
    register_judge(world);
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
    .opened = callers_opened,
    .received = client_received,
    .closed = callers_closed,
    .unserved = callers_unserved,
    .drain = callers_drain,
    .left = callers_left,
    .finish = users_finish,
    .end = users_end,
};
