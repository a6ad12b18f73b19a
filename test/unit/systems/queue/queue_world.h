/* A world for the queue machine's tests: commands as text, replies as text, virtual time.
 *
 *     world_run(&world, "1 put 10 0 60 hello", "1 INSERTED 1");
 *
 * The first word is the session: `connection` of node 1, or `node.connection`, or
 * `node.connection.incarnation`. A reply reads likewise; several are joined by "; ", in the order
 * in which they were emitted. Everything is checked after every step. */
#ifndef QUARTET_TEST_QUEUE_WORLD_H
#define QUARTET_TEST_QUEUE_WORLD_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "contract/machine.h"
#include "systems/queue/machine/queue.h"

#define WORLD_DUE_US UINT64_C(1700000000000000) /* where the wall clock starts */

struct world {
    void *machine;
    struct buffer heard; /* replies as text */
    uint64_t elapsed_us;
    uint64_t due_us;
    struct machine_facts facts; /* of the node that answers queries */
    bool unchecked; /* for tests with so many objects that checking all at each step is slow */
};

static const char *const reply_names[] = {
    [QUEUE_REPLY_INSERTED] = "INSERTED",
    [QUEUE_REPLY_BURIED_ID] = "BURIED",
    [QUEUE_REPLY_USING] = "USING",
    [QUEUE_REPLY_RESERVED] = "RESERVED",
    [QUEUE_REPLY_DEADLINE_SOON] = "DEADLINE_SOON",
    [QUEUE_REPLY_TIMED_OUT] = "TIMED_OUT",
    [QUEUE_REPLY_NOT_FOUND] = "NOT_FOUND",
    [QUEUE_REPLY_DELETED] = "DELETED",
    [QUEUE_REPLY_RELEASED] = "RELEASED",
    [QUEUE_REPLY_BURIED] = "BURIED",
    [QUEUE_REPLY_TOUCHED] = "TOUCHED",
    [QUEUE_REPLY_WATCHING] = "WATCHING",
    [QUEUE_REPLY_NOT_IGNORED] = "NOT_IGNORED",
    [QUEUE_REPLY_KICKED] = "KICKED",
    [QUEUE_REPLY_KICKED_JOB] = "KICKED_JOB",
    [QUEUE_REPLY_PAUSED] = "PAUSED",
    [QUEUE_REPLY_FOUND] = "FOUND",
    [QUEUE_REPLY_OK] = "OK",
    [QUEUE_REPLY_OUT_OF_MEMORY] = "OUT_OF_MEMORY",
    [QUEUE_REPLY_POLICY_SET] = "POLICY_SET",
};

static void world_hear(void *context, const struct session_key *session, const void *payload)
{
    struct world *world = context;
    const struct queue_reply *reply = payload;
    struct buffer *heard = &world->heard;
    if (heard->size != 0) buffer_append_text(heard, "; ");
    if (session->node != 1) {
        buffer_append_decimal(heard, session->node);
        buffer_append_text(heard, ".");
    }
    buffer_append_decimal(heard, session->connection);
    buffer_append_text(heard, " ");
    buffer_append_text(heard, reply_names[reply->kind]);
    if (reply->id != 0) {
        buffer_append_text(heard, " ");
        buffer_append_decimal(heard, reply->id);
    }
    if (reply->kind == QUEUE_REPLY_WATCHING || reply->kind == QUEUE_REPLY_KICKED) {
        buffer_append_text(heard, " ");
        buffer_append_decimal(heard, reply->count);
    }
    if (reply->tube.size != 0 || reply->body.size != 0) buffer_append_text(heard, " ");
    buffer_append_slice(heard, reply->tube);
    buffer_append_slice(heard, reply->body);
}

static struct machine_time world_time(const struct world *world)
{
    return (struct machine_time){world->elapsed_us, world->due_us, world->due_us};
}

static void world_advance(const struct world *world, void *machine)
{
    struct machine_time now = world_time(world);
    queue_ops.advance(machine, &now);
}

static void world_open(struct world *world, const struct queue_options *options)
{
    *world = (struct world){.due_us = WORLD_DUE_US};
    world->machine = queue_ops.create(options, world_hear, world);
    world_advance(world, world->machine);
}

static void world_close(struct world *world)
{
    while (!queue_ops.destroy(world->machine)) {}
    buffer_free(&world->heard);
}

/* The words of a line, each ended by a space or the line's end. */
static const char *next_word(const char **at)
{
    static char word[2048];
    size_t size = strcspn(*at, " ");
    assert_true(size < sizeof word);
    memcpy(word, *at, size);
    word[size] = 0;
    *at += size;
    if (**at == ' ') ++*at;
    return word;
}

static uint64_t next_number(const char **at)
{
    const char *word = next_word(at);
    assert_true(*word >= '0' && *word <= '9');
    return strtoull(word, NULL, 10);
}

static struct session_key world_key(const char **at)
{
    const char *word = next_word(at);
    char *end;
    struct session_key key = {.node = 1, .incarnation = 1};
    key.connection = (uint32_t)strtoul(word, &end, 10);
    if (*end != '.') return key;
    key.node = key.connection;
    key.connection = (uint32_t)strtoul(end + 1, &end, 10);
    if (*end == '.') key.incarnation = strtoull(end + 1, &end, 10);
    return key;
}

struct world_op {
    const char *name;
    enum queue_op op;
    const char *fields; /* i id, p priority, d delay, t ttr, w timeout, k bound, n tube, b body */
};

static const struct world_op world_ops[] = {
    {"put", QUEUE_PUT, "pdtb"},
    {"use", QUEUE_USE, "n"},
    {"reserve", QUEUE_RESERVE, ""},
    {"reserve-with-timeout", QUEUE_RESERVE, "w"},
    {"reserve-job", QUEUE_RESERVE_JOB, "i"},
    {"delete", QUEUE_DELETE, "i"},
    {"release", QUEUE_RELEASE, "ipd"},
    {"bury", QUEUE_BURY, "ip"},
    {"touch", QUEUE_TOUCH, "i"},
    {"watch", QUEUE_WATCH, "n"},
    {"ignore", QUEUE_IGNORE, "n"},
    {"kick", QUEUE_KICK, "k"},
    {"kick-job", QUEUE_KICK_JOB, "i"},
    {"pause-tube", QUEUE_PAUSE_TUBE, "nd"},
    {"policy-set", QUEUE_POLICY_SET, "nP"},
    {"peek", QUEUE_PEEK, "i"},
    {"peek-ready", QUEUE_PEEK_READY, ""},
    {"peek-delayed", QUEUE_PEEK_DELAYED, ""},
    {"peek-buried", QUEUE_PEEK_BURIED, ""},
    {"stats-job", QUEUE_STATS_JOB, "i"},
    {"stats-tube", QUEUE_STATS_TUBE, "n"},
    {"stats", QUEUE_STATS, ""},
    {"list-tubes", QUEUE_LIST_TUBES, ""},
    {"list-tube-used", QUEUE_LIST_TUBE_USED, ""},
    {"list-tubes-watched", QUEUE_LIST_TUBES_WATCHED, ""},
    {"policy-get", QUEUE_POLICY_GET, "n"},
};

static void parse_field(const char **at, char field, struct queue_command *command)
{
    static char tube[2048];
    static char dead[2048];
    switch (field) {
    case 'i': command->id = next_number(at); break;
    case 'p': command->priority = (uint32_t)next_number(at); break;
    case 'd': command->delay_s = (uint32_t)next_number(at); break;
    case 't': command->ttr_s = (uint32_t)next_number(at); break;
    case 'w': command->timeout_s = (uint32_t)next_number(at); break;
    case 'k': command->bound = (uint32_t)next_number(at); break;
    case 'b': command->body = slice_text(*at); break;
    case 'n': command->tube = slice_text(strcpy(tube, next_word(at))); break;
    default:
        command->policy.attempts_max = (uint32_t)next_number(at);
        command->policy.base_ms = (uint32_t)next_number(at);
        command->policy.factor_permille = (uint32_t)next_number(at);
        command->policy.cap_ms = (uint32_t)next_number(at);
        command->policy.jitter_permille = (uint32_t)next_number(at);
        command->policy.dead_tube = slice_text(strcpy(dead, next_word(at)));
    }
}

static struct queue_command world_parse(const char **at)
{
    struct queue_command command = {.timeout_s = QUEUE_NO_TIMEOUT};
    const char *name = next_word(at);
    const struct world_op *op = NULL;
    for (size_t i = 0; i < sizeof world_ops / sizeof *world_ops; i++) {
        if (strcmp(world_ops[i].name, name) == 0) op = &world_ops[i];
    }
    if (op == NULL) fail_msg("no such command: %s", name);
    command.op = op->op;
    for (const char *field = op->fields; *field != 0; field++) parse_field(at, *field, &command);
    return command;
}

static void world_check(const struct world *world)
{
    if (!world->unchecked) queue_ops.check(world->machine);
}

/* One command, or query, as an entry of its own at the present time; or `end`, the session's; or
 * `hurry`: its client says nothing more. */
static void world_tell(struct world *world, const char *line)
{
    struct session_key key = world_key(&line);
    world_advance(world, world->machine);
    if (strcmp(line, "end") == 0) {
        queue_ops.session_end(world->machine, &key);
        world_check(world);
        return;
    }
    if (strcmp(line, "hurry") == 0) {
        queue_ops.session_hurry(world->machine, &key);
        world_check(world);
        return;
    }
    struct queue_command command = world_parse(&line);
    struct buffer bytes = {0};
    queue_command_encode(&command, &bytes);
    if (command.op >= QUEUE_PEEK) {
        struct machine_time now = world_time(world);
        queue_ops.query(world->machine, &key, buffer_slice(&bytes), &now, &world->facts);
    } else {
        queue_ops.apply(world->machine, &key, buffer_slice(&bytes));
    }
    buffer_free(&bytes);
    world_check(world);
}

/* What was heard since the last time; valid until the next call. */
static const char *world_heard(struct world *world)
{
    static char *text;
    free(text);
    buffer_put_u8(&world->heard, 0);
    text = strdup((const char *)buffer_slice(&world->heard).data);
    buffer_clear(&world->heard);
    return text;
}

__attribute__((unused)) static void world_expect(struct world *world, const char *expected)
{
    assert_string_equal(world_heard(world), expected);
}

__attribute__((unused)) static void world_run(struct world *world, const char *line,
                                              const char *expected)
{
    world_tell(world, line);
    const char *heard = world_heard(world);
    if (strcmp(heard, expected) != 0) {
        fail_msg("%s\n  heard:    %s\n  expected: %s", line, heard, expected);
    }
}

/* Advances until no work is left; returns the calls it took. */
__attribute__((unused)) static unsigned world_drain(struct world *world)
{
    unsigned calls = 0;
    while (queue_ops.deadline(world->machine).elapsed_us == 0 && calls < 1000000) {
        world_advance(world, world->machine);
        calls++;
    }
    world_check(world);
    return calls;
}

/* Both clocks go on. */
__attribute__((unused)) static void world_wait(struct world *world, uint64_t ms,
                                               const char *expected)
{
    world->elapsed_us += ms * 1000;
    world->due_us += ms * 1000;
    world_advance(world, world->machine);
    world_drain(world);
    world_expect(world, expected);
}

#endif
