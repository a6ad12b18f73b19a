/* A world for the chat machine's tests: commands as text, replies as text, virtual time.
 *
 *     world_run(&world, "1 post 1 lobby ann hello", "1 ACK 1");
 *
 * The first word is the session: `connection` of node 1, or `node.connection`, or
 * `node.connection.incarnation`. A reply reads likewise; several are joined by "; ", in the order
 * in which they were emitted. Everything is checked after every step. */
#ifndef QUARTET_TEST_CHAT_WORLD_H
#define QUARTET_TEST_CHAT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "systems/chat/machine/internal.h"

#define WORLD_WALL_US UINT64_C(1700000000000000)
#define SECOND_US UINT64_C(1000000)

struct world {
    struct chat *machine;
    struct buffer heard; /* replies as text */
    unsigned marks;      /* and how often a room was marked, */
    uint64_t marked;     /* and the last one */
    struct machine_time time;
};

static const char *const error_names[] = {
    [CHAT_ERROR_NONE] = "none",
    [CHAT_ERROR_ID_TOO_OLD] = "id_too_old",
    [CHAT_ERROR_ID_REUSED] = "id_reused",
    [CHAT_ERROR_CLIENT_FORGOTTEN] = "client_forgotten",
    [CHAT_ERROR_BAD_CLIENT] = "bad_client",
    [CHAT_ERROR_REPLACED] = "replaced",
    [CHAT_ERROR_TOO_BIG] = "too_big",
    [CHAT_ERROR_EMPTY] = "empty",
    [CHAT_ERROR_NO_SUCH_POST] = "no_such_post",
    [CHAT_ERROR_NO_SUCH_EVENT] = "no_such_event",
    [CHAT_ERROR_NOT_YOURS] = "not_yours",
    [CHAT_ERROR_TOO_MANY_ROOMS] = "too_many_rooms",
    [CHAT_ERROR_FULL] = "full",
};

static inline void put_word(struct buffer *out, const char *word)
{
    buffer_append_text(out, " ");
    buffer_append_text(out, word);
}

static inline void put_number(struct buffer *out, uint64_t value)
{
    buffer_append_text(out, " ");
    buffer_append_decimal(out, value);
}

static inline void put_room(struct buffer *out, const struct chat_room_state *room)
{
    put_number(out, room->seq);
    put_number(out, room->first);
    put_number(out, room->version);
    put_number(out, room->count);
}

/* 7post=text, 8edit7=text*, 9delete7 */
static inline void put_event(struct buffer *out, const struct chat_event *event)
{
    static const char *const kinds[] = {"", "post", "edit", "delete"};
    put_number(out, event->seq);
    buffer_append_text(out, kinds[event->kind]);
    if (event->kind != CHAT_EVENT_POST) buffer_append_decimal(out, event->of);
    if (event->body.size != 0) buffer_append_text(out, "=");
    if (event->body.size <= 32) buffer_append_slice(out, event->body);
    if (event->body.size > 32) buffer_append_decimal(out, event->body.size);
    if (event->edited) buffer_append_text(out, "*");
    if (event->deleted) buffer_append_text(out, "-");
}

static inline void put_reply(struct buffer *out, const struct chat_reply *reply)
{
    static const char *const names[] = {"",     "ERROR",   "ATTACHED", "ACK",  "ROOM",
                                        "READ", "HISTORY", "PRESENCE", "STAMP"};
    put_word(out, names[reply->kind]);
    if (reply->kind == CHAT_REPLY_ERROR) put_word(out, error_names[reply->error]);
    if (reply->kind == CHAT_REPLY_ACK || reply->kind == CHAT_REPLY_READ)
        put_number(out, reply->seq);
    if (reply->duplicate) put_word(out, "again");
    if (reply->kind == CHAT_REPLY_ROOM) put_room(out, &reply->room);
    if (reply->kind == CHAT_REPLY_HISTORY) {
        put_number(out, reply->seq);
        for (uint32_t i = 0; i < reply->events_count; i++) put_event(out, &reply->events[i]);
    }
    if (reply->kind == CHAT_REPLY_PRESENCE) {
        put_number(out, reply->room.version);
        put_number(out, reply->room.count);
        for (uint32_t i = 0; i < reply->users_count; i++) {
            buffer_append_text(out, " ");
            buffer_append_slice(out, reply->users[i]);
        }
        if (reply->more) put_word(out, "...");
    }
}

static inline void put_session(struct buffer *out, const struct session_key *session)
{
    if (out->size != 0) buffer_append_text(out, "; ");
    if (session->node != 1) {
        buffer_append_decimal(out, session->node);
        buffer_append_text(out, ".");
    }
    buffer_append_decimal(out, session->connection);
}

static inline void world_hear(void *context, const struct session_key *session, const void *payload)
{
    struct world *world = context;
    if (session == NULL) {
        world->marks++;
        world->marked = ((const struct machine_mark *)payload)->topic;
        return;
    }
    put_session(&world->heard, session);
    put_reply(&world->heard, payload);
}

/* Cursors are let finish. */
static inline void world_settle(struct world *world)
{
    for (;;) {
        chat_ops.advance(world->machine, &world->time);
        struct machine_deadline deadline = chat_ops.deadline(world->machine);
        if (deadline.elapsed_us > world->time.elapsed_us && deadline.due_us > world->time.due_us) {
            return;
        }
    }
}

static inline void world_open(struct world *world, const struct chat_options *options)
{
    *world = (struct world){.time = {0, SECOND_US, WORLD_WALL_US}};
    world->machine = chat_ops.create(options, world_hear, world);
    chat_ops.advance(world->machine, &world->time);
}

static inline void world_close(struct world *world)
{
    while (!chat_ops.destroy(world->machine)) {}
    buffer_free(&world->heard);
}

static inline void world_pass(struct world *world, uint64_t us)
{
    world->time.elapsed_us += us;
    world->time.due_us += us;
    world->time.wall_us += us;
    world_settle(world);
    chat_ops.check(world->machine);
}

/* --- commands as text --- */

/* The next word, or all that is left where `rest` says so. */
static inline struct slice take(const char **at, bool rest)
{
    size_t size = rest ? strlen(*at) : strcspn(*at, " ");
    struct slice word = slice_of(*at, size);
    *at += size;
    if (**at == ' ') ++*at;
    return word;
}

static inline uint64_t take_number(const char **at)
{
    char *end;
    uint64_t value = strtoull(*at, &end, 10);
    *at = *end == ' ' || *end == '.' ? end + 1 : end;
    return value;
}

static inline struct session_key take_session(const char **at)
{
    struct session_key key = {.node = 1, .incarnation = 1};
    struct slice word = take(at, false);
    const char *text = (const char *)word.data;
    char *end;
    key.connection = (uint32_t)strtoul(text, &end, 10);
    if (*end != '.') return key;
    key.node = key.connection;
    key.connection = (uint32_t)strtoul(end + 1, &end, 10);
    if (*end == '.') key.incarnation = strtoull(end + 1, &end, 10);
    return key;
}

static inline enum chat_authority authority_of(struct slice word)
{
    if (slice_equal(word, slice_text("client"))) return CHAT_SAME_CLIENT;
    return slice_equal(word, slice_text("user")) ? CHAT_SAME_USER : CHAT_ANYONE;
}

/* OP and its fields, in the order of specs/systems/chat.md; a user "-" is empty; a client is
 * stamp.number, then its secret. */
static inline struct chat_command command_of(const char *at)
{
    static const struct {
        const char *name;
        enum chat_op op;
    } ops[] = {
        {"attach", CHAT_ATTACH}, {"post", CHAT_POST},         {"edit", CHAT_EDIT},
        {"delete", CHAT_DELETE}, {"enter", CHAT_ENTER},       {"leave", CHAT_LEAVE},
        {"read", CHAT_READ},     {"room", CHAT_ROOM},         {"history", CHAT_HISTORY},
        {"stamp", CHAT_STAMP},   {"presence", CHAT_PRESENCE},
    };
    struct chat_command command = {0};
    struct slice name = take(&at, false);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (slice_equal(name, slice_text(ops[i].name))) command.op = ops[i].op;
    }
    assert_int_not_equal(command.op, 0);
    bool changes = command.op >= CHAT_POST && command.op <= CHAT_DELETE;
    if (command.op == CHAT_ATTACH) {
        command.client.stamp = take_number(&at);
        command.client.number = take_number(&at);
        command.secret[0] = take_number(&at);
    }
    if (changes) command.id = take_number(&at);
    if (command.op != CHAT_ATTACH && command.op != CHAT_STAMP) command.room = take(&at, false);
    if (changes || command.op == CHAT_ENTER || command.op == CHAT_READ ||
        command.op == CHAT_PRESENCE) {
        command.user = take(&at, false);
        if (slice_equal(command.user, slice_text("-"))) command.user.size = 0;
    }
    if (changes && command.op != CHAT_POST) command.authority = authority_of(take(&at, false));
    if (command.op == CHAT_EDIT || command.op == CHAT_DELETE || command.op == CHAT_READ ||
        command.op == CHAT_HISTORY) {
        command.seq = take_number(&at);
    }
    if (command.op == CHAT_HISTORY) command.limit = (uint32_t)take_number(&at);
    if (command.op == CHAT_POST || command.op == CHAT_EDIT) command.body = take(&at, true);
    assert_int_equal(*at, 0);
    return command;
}

static inline void world_say(struct world *world, const struct session_key *session,
                             const struct chat_command *command)
{
    struct buffer bytes = {0};
    chat_command_encode(command, &bytes);
    if (command->op > CHAT_COMMANDS) {
        chat_ops.query(world->machine, session, buffer_slice(&bytes), &world->time, NULL);
    } else {
        chat_ops.apply(world->machine, session, buffer_slice(&bytes));
    }
    buffer_free(&bytes);
}

static inline void world_expect(struct world *world, const char *replies, const char *line)
{
    buffer_append(&world->heard, "", 1);
    const char *heard = (const char *)buffer_slice(&world->heard).data;
    if (strcmp(heard, replies) != 0) fail_msg("%s: heard \"%s\", not \"%s\"", line, heard, replies);
    buffer_clear(&world->heard);
}

static inline void world_run(struct world *world, const char *line, const char *replies)
{
    const char *at = line;
    struct session_key session = take_session(&at);
    if (strcmp(at, "end") == 0) {
        chat_ops.session_end(world->machine, &session);
    } else {
        struct chat_command command = command_of(at);
        world_say(world, &session, &command);
    }
    world_expect(world, replies, line);
    chat_ops.check(world->machine);
}

static inline void world_hear_event(void *context, const void *payload)
{
    const struct chat_news *news = payload;
    if (news->kind == CHAT_NEWS_EVENT) put_event(&((struct world *)context)->heard, &news->event);
}

/* What is kept behind `after`. */
static inline void world_events(struct world *world, const char *room, uint64_t after,
                                const char *events)
{
    struct chat_watch spec = {CHAT_WATCH_EVENTS, slice_text(room), after, UINT64_MAX, {0}};
    struct machine_watch watch;
    struct buffer bytes = {0};
    chat_watch_encode(&spec, &bytes);
    chat_ops.watch_open(world->machine, buffer_slice(&bytes), &watch, world_hear_event, world);
    while (chat_ops.watch_read(world->machine, &watch, 4096, world_hear_event, world)) {}
    buffer_free(&bytes);
    world_expect(world, events, room);
}

/* "+ann -bob", in whatever order. */
static inline void world_changes(struct world *world, const char *room, uint64_t version,
                                 const char *changes)
{
    struct chat_change page[CHAT_DELTA_MAX];
    uint32_t count = chat_presence_since(world->machine, slice_text(room), version, page);
    if (count == UINT32_MAX) buffer_append_text(&world->heard, "unknown");
    for (uint32_t i = 0; count != UINT32_MAX && i < count; i++) {
        if (i != 0) buffer_append_text(&world->heard, " ");
        buffer_append_text(&world->heard, page[i].joined ? "+" : "-");
        buffer_append_slice(&world->heard, page[i].user);
    }
    world_expect(world, changes, room);
}

#endif
