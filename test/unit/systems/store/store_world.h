/* A store and what it says, for unit tests: commands as a person would type them, answers as text.
 * nil, OK, :number, "bytes", +simple, !error, [array]. */
#ifndef QUARTET_TEST_STORE_WORLD_H
#define QUARTET_TEST_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/random.h"
#include "systems/store/machine/store.h"
#include "wire/resp.h"

struct world {
    void *machine;
    struct machine_time now;
    struct buffer heard;
};

static const struct session_key anyone = {1, 1, 1};

static const struct store_value *render(const struct store_value *value, struct buffer *out)
{
    switch (value->kind) {
    case STORE_NIL: buffer_append_text(out, "nil"); break;
    case STORE_OK: buffer_append_text(out, "OK"); break;
    case STORE_SIMPLE: buffer_append_text(out, "+"); break;
    case STORE_ERROR: buffer_append_text(out, "!"); break;
    case STORE_INTEGER:
        buffer_append_text(out, value->number < 0 ? ":-" : ":");
        buffer_append_decimal(out, value->number < 0 ? 0 - (uint64_t)value->number
                                                     : (uint64_t)value->number);
        break;
    case STORE_BULK:
    case STORE_TEXT: buffer_append_text(out, "\""); break;
    case STORE_ARRAY: buffer_append_text(out, "["); break;
    }
    buffer_append_slice(out, value->bytes);
    if (value->kind == STORE_BULK || value->kind == STORE_TEXT) buffer_append_text(out, "\"");
    int64_t elements = value->kind == STORE_ARRAY ? value->number : 0;
    bool array = value->kind == STORE_ARRAY;
    value++;
    for (int64_t i = 0; i < elements; i++) {
        if (i > 0) buffer_append_text(out, " ");
        value = render(value, out);
    }
    if (array) buffer_append_text(out, "]");
    return value;
}

static inline void hear(void *world, const struct session_key *session, const void *payload)
{
    struct buffer *heard = &((struct world *)world)->heard;
    const struct store_reply *reply = payload;
    assert_memory_equal(session, &anyone, sizeof anyone);
    const struct store_value *end = render(reply->values, heard);
    assert_true(end == reply->values + reply->count);
    buffer_append_text(heard, "\n");
}

static inline void advance(struct world *world, uint64_t us)
{
    world->now.elapsed_us += us;
    world->now.due_us += us;
    world->now.wall_us += us;
    store_ops.advance(world->machine, &world->now);
}

static inline void world_open(struct world *world)
{
    *world = (struct world){.now = {1, 1, 1700000000000000}};
    world->machine = store_ops.create(NULL, hear, world);
    advance(world, 1);
}

static inline void world_close(struct world *world)
{
    while (!store_ops.destroy(world->machine)) {}
    buffer_free(&world->heard);
}

/* The words of a command, encoded; its row in *command. */
static inline void encode(const struct slice *words, uint32_t count, struct buffer *out,
                          const struct store_command **command)
{
    static const char *const hidden[] = {"count_slot", "keys_slot", "encoding"};
    static const enum store_op hidden_ops[] = {STORE_COUNT_SLOT, STORE_KEYS_SLOT, STORE_ENCODING};
    *command = store_command_by_name(words[0]);
    for (size_t i = 0; i < 3; i++) {
        if (!slice_equal(words[0], slice_text(hidden[i]))) continue;
        *command = store_command_by_op(hidden_ops[i]);
    }
    assert_non_null(*command);
    assert_true(store_command_arity(*command, count));
    uint16_t slot = STORE_NO_SLOT;
    if ((*command)->key_first > 0) slot = store_slot(words[(*command)->key_first]);
    store_command_begin(out, (*command)->op, slot);
    for (uint32_t i = 1; i < count; i++) store_command_word(out, words[i]);
}

static inline void say_words(struct world *world, const struct slice *words, uint32_t count)
{
    struct buffer bytes = {0};
    const struct store_command *command;
    encode(words, count, &bytes, &command);
    if ((command->flags & STORE_READ) != 0) {
        store_ops.query(world->machine, &anyone, buffer_slice(&bytes), &world->now, NULL);
    } else {
        store_ops.apply(world->machine, &anyone, buffer_slice(&bytes));
    }
    buffer_free(&bytes);
}

/* A line as an inline command; what is heard is appended to world->heard. */
static inline void say(struct world *world, const char *line)
{
    struct resp_parser parser = {0};
    struct resp_command command;
    struct buffer text = {0};
    const char *why;
    size_t consumed;
    buffer_append_text(&text, line);
    buffer_append_text(&text, "\n");
    assert_int_equal(resp_parse(&parser, buffer_slice(&text), &consumed, &command, &why),
                     RESP_COMMAND);
    struct slice words[64];
    assert_true(command.count <= 64);
    for (uint32_t i = 0; i < command.count; i++) words[i] = resp_word(&command, i);
    say_words(world, words, command.count);
    resp_parser_free(&parser);
    buffer_free(&text);
}

static inline void expect(struct world *world, const char *line, const char *answer)
{
    buffer_clear(&world->heard);
    say(world, line);
    struct slice heard = buffer_slice(&world->heard);
    heard.size--; /* the end of the line */
    if (!slice_equal(heard, slice_text(answer))) {
        print_error("%s\n  says %.*s\n  not  %s\n", line, (int)heard.size, heard.data, answer);
        fail();
    }
}

#endif
