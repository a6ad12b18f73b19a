/* A consensus machine, commands in a few words, and its replies as text.
 *
 * A reply reads "@REVISION", then what was done: "put", "delete COUNT", "range COUNT", "txn yes" or
 * "txn no" with its operations in brackets; keys shown as "KEY=VALUE cCREATE mMOD vVERSION lLEASE"
 * in braces, the lease only where there is one; "more" where a range left off. */
#ifndef QUARTET_TEST_CONSENSUS_WORLD_H
#define QUARTET_TEST_CONSENSUS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "systems/consensus/machine/consensus.h"

struct world {
    void *machine;
    struct buffer heard; /* the text of the last reply */
    unsigned replies, marks;
    uint64_t elapsed_us;
    struct buffer command;
};

static inline void say_number(struct buffer *out, const char *before, int64_t value)
{
    buffer_append_text(out, before);
    if (value < 0) buffer_append_text(out, "-");
    buffer_append_decimal(out, value < 0 ? (uint64_t)-value : (uint64_t)value);
}

static inline void say_kv(struct buffer *out, const struct consensus_kv *kv)
{
    buffer_append_text(out, " {");
    buffer_append_slice(out, kv->key);
    buffer_append_text(out, "=");
    buffer_append_slice(out, kv->value);
    say_number(out, " c", kv->create);
    say_number(out, " m", kv->mod);
    say_number(out, " v", kv->version);
    if (kv->lease != 0) say_number(out, " l", kv->lease);
    buffer_append_text(out, "}");
}

static inline const struct consensus_outcome *say_outcome(struct buffer *out,
                                                          const struct consensus_outcome *outcome)
{
    static const char *const names[] = {"", "range ", "put", "delete ", "txn "};
    say_number(out, "@", outcome->revision);
    buffer_append_text(out, " ");
    buffer_append_text(out, names[outcome->op]);
    if (outcome->op == CONSENSUS_RANGE || outcome->op == CONSENSUS_DELETE) {
        say_number(out, "", outcome->count);
    }
    for (uint32_t i = 0; i < outcome->kvs_count; i++) say_kv(out, &outcome->kvs[i]);
    if (outcome->more) buffer_append_text(out, " more");
    const struct consensus_outcome *next = outcome + 1;
    if (outcome->op != CONSENSUS_TXN) return next;
    buffer_append_text(out, outcome->succeeded ? "yes" : "no");
    for (uint32_t i = 0; i < outcome->inside; i++) {
        buffer_append_text(out, " [");
        next = say_outcome(out, next);
        buffer_append_text(out, "]");
    }
    return next;
}

static inline void say_reply(struct buffer *out, const struct consensus_reply *reply)
{
    if (reply->error != CONSENSUS_ERROR_NONE) {
        buffer_append_text(out, consensus_error_text(reply->error));
    } else if (reply->outcomes_count != 0) {
        const struct consensus_outcome *end = say_outcome(out, reply->outcomes);
        assert_ptr_equal(end, reply->outcomes + reply->outcomes_count);
        assert_int_equal(reply->revision, reply->outcomes[0].revision);
    } else {
        say_number(out, "@", reply->revision);
        if (reply->lease != 0) say_number(out, " lease ", reply->lease);
        if (reply->ttl_s != 0) say_number(out, " ttl ", reply->ttl_s);
        if (reply->granted_ttl_s != 0) say_number(out, " of ", reply->granted_ttl_s);
        for (uint32_t i = 0; i < reply->keys_count; i++) {
            buffer_append_text(out, " ");
            buffer_append_slice(out, reply->keys[i]);
        }
        for (uint32_t i = 0; i < reply->leases_count; i++) {
            say_number(out, " ", reply->leases[i]);
        }
        if (reply->alarm) buffer_append_text(out, " no space");
    }
}

static inline void world_hear(void *context, const struct session_key *session, const void *payload)
{
    struct world *world = context;
    if (session == NULL) { /* for watches */
        world->marks++;
        return;
    }
    assert_int_equal(session->node, 1);
    buffer_clear(&world->heard);
    say_reply(&world->heard, payload);
    world->replies++;
}

static inline void world_open(struct world *world)
{
    *world = (struct world){0};
    world->machine = consensus_ops.create(NULL, world_hear, world);
}

static inline void world_close(struct world *world)
{
    while (!consensus_ops.destroy(world->machine)) {}
    buffer_free(&world->heard);
    buffer_free(&world->command);
}

static inline void world_advance(struct world *world, uint64_t us)
{
    world->elapsed_us += us;
    struct machine_time time = {world->elapsed_us, world->elapsed_us, world->elapsed_us};
    consensus_ops.advance(world->machine, &time);
}

/* Until nothing is left to be done now; returns the calls that took. */
static inline unsigned world_settle(struct world *world)
{
    unsigned calls = 0;
    while (consensus_ops.deadline(world->machine).elapsed_us == 0) {
        world_advance(world, 0);
        assert_true(++calls < 1000000);
    }
    return calls;
}

static inline const char *world_text(struct world *world)
{
    buffer_put_u8(&world->heard, 0);
    world->heard.size--;
    return (const char *)buffer_slice(&world->heard).data;
}

static inline void world_apply_only(struct world *world, struct slice command)
{
    static const struct session_key session = {.node = 1, .connection = 1, .incarnation = 1};
    consensus_ops.apply(world->machine, &session, command);
}

/* Carries out a command; what it answered. */
static inline const char *world_apply(struct world *world, struct slice command)
{
    unsigned before = world->replies;
    world_apply_only(world, command);
    world_settle(world);
    assert_int_equal(world->replies, before + 1);
    return world_text(world);
}

static inline const char *world_ask(struct world *world, struct slice command)
{
    static const struct session_key session = {.node = 1, .connection = 1, .incarnation = 1};
    static const struct machine_facts facts;
    struct machine_time now = {world->elapsed_us, world->elapsed_us, world->elapsed_us};
    unsigned before = world->replies;
    consensus_ops.query(world->machine, &session, command, &now, &facts);
    assert_int_equal(world->replies, before + 1);
    return world_text(world);
}

/* Commands in a few words */

static inline struct consensus_range range_of(const char *key, const char *end)
{
    return (struct consensus_range){.key = slice_text(key), .end = slice_text(end)};
}

static inline struct buffer *world_command(struct world *world)
{
    buffer_clear(&world->command);
    return &world->command;
}

static inline const char *range(struct world *world, struct consensus_range range)
{
    consensus_put_range(&range, world_command(world));
    return world_ask(world, buffer_slice(&world->command));
}

static inline const char *get(struct world *world, const char *key)
{
    return range(world, range_of(key, ""));
}

static inline const char *put_with(struct world *world, struct consensus_put put)
{
    consensus_put_put(&put, world_command(world));
    return world_apply(world, buffer_slice(&world->command));
}

static inline const char *put(struct world *world, const char *key, const char *value)
{
    return put_with(world, (struct consensus_put){slice_text(key), slice_text(value), 0, 0, 0, 0});
}

static inline const char *delete (struct world *world, const char *key, const char *end)
{
    struct consensus_delete delete = {slice_text(key), slice_text(end), false};
    consensus_put_delete(&delete, world_command(world));
    return world_apply(world, buffer_slice(&world->command));
}

static inline const char *simple(struct world *world, enum consensus_op op, int64_t first,
                                 int64_t second)
{
    consensus_put_simple(op, first, second, world_command(world));
    bool question =
        op == CONSENSUS_TIME_TO_LIVE || op == CONSENSUS_LEASES || op == CONSENSUS_STATUS;
    struct slice command = buffer_slice(&world->command);
    return question ? world_ask(world, command) : world_apply(world, command);
}

/* A transaction that is put together: parts are appended to, then it is applied, once. */
struct txn {
    struct buffer compares, then, otherwise;
    uint32_t compares_count, then_count, otherwise_count;
};

static inline void txn_compare(struct txn *txn, struct consensus_compare compare)
{
    consensus_put_compare(&compare, &txn->compares);
    txn->compares_count++;
}

static inline struct buffer *txn_then(struct txn *txn)
{
    txn->then_count++;
    return &txn->then;
}

static inline struct buffer *txn_otherwise(struct txn *txn)
{
    txn->otherwise_count++;
    return &txn->otherwise;
}

static inline void then_put(struct txn *txn, const char *key, const char *value)
{
    struct consensus_put put = {slice_text(key), slice_text(value), 0, 0, 0, 0};
    consensus_put_put(&put, txn_then(txn));
}

static inline void then_delete(struct txn *txn, const char *key, const char *end)
{
    struct consensus_delete delete = {slice_text(key), slice_text(end), false};
    consensus_put_delete(&delete, txn_then(txn));
}

static inline void then_get(struct txn *txn, const char *key, const char *end)
{
    struct consensus_range range = range_of(key, end);
    consensus_put_range(&range, txn_then(txn));
}

static inline void txn_end(struct txn *txn, struct buffer *out)
{
    consensus_put_txn((struct consensus_part){txn->compares_count, buffer_slice(&txn->compares)},
                      (struct consensus_part){txn->then_count, buffer_slice(&txn->then)},
                      (struct consensus_part){txn->otherwise_count, buffer_slice(&txn->otherwise)},
                      out);
    buffer_free(&txn->compares);
    buffer_free(&txn->then);
    buffer_free(&txn->otherwise);
    *txn = (struct txn){0};
}

static inline const char *txn_apply(struct world *world, struct txn *txn)
{
    txn_end(txn, world_command(world));
    return world_apply(world, buffer_slice(&world->command));
}

/* A cut of the machine, read in pieces, with `meanwhile` between them; a new world holds it. */
static inline void world_copy(struct world *world, size_t piece, void (*meanwhile)(void *context),
                              void *context, struct world *copy)
{
    world_open(copy);
    copy->elapsed_us = world->elapsed_us;
    struct buffer out = {0};
    uint64_t digest = consensus_ops.digest(world->machine);
    consensus_ops.cut_begin(world->machine);
    while (consensus_ops.cut_read(world->machine, piece, &out)) {
        assert_true(consensus_ops.restore(copy->machine, buffer_slice(&out)));
        buffer_clear(&out);
        if (meanwhile != NULL) meanwhile(context);
    }
    assert_true(consensus_ops.restore(copy->machine, buffer_slice(&out)));
    assert_true(consensus_ops.restore_end(copy->machine));
    assert_int_equal(consensus_ops.digest(copy->machine), digest);
    consensus_ops.check(copy->machine);
    buffer_free(&out);
}

#endif
