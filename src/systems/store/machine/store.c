/* The store as a machine: its life, and how a command finds its function. See store.h. */
#include "systems/store/machine/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/store/machine/internal.h"

void store_command_begin(struct buffer *out, enum store_op op, uint16_t slot)
{
    buffer_put_u8(out, (uint8_t)op);
    buffer_put_u16(out, slot);
}

void store_command_word(struct buffer *out, struct slice word)
{
    buffer_put_varint(out, word.size);
    buffer_append_slice(out, word);
}

/* --- life --- */

static void *store_create(const void *options, machine_emit *emit, void *world)
{
    (void)options;
    struct store *store = calloc(1, sizeof *store);
    ASSERT(store != NULL);
    store->emit = emit;
    store->world = world;
    store->sequence = 1;
    store->keys = keyspace_new();
    store->scratch = calloc(1, sizeof *store->scratch);
    ASSERT(store->scratch != NULL);
    list_init(&store->flushed);
    return store;
}

static void scratch_free(struct scratch *scratch)
{
    buffer_free(&scratch->words);
    buffer_free(&scratch->values);
    buffer_free(&scratch->text);
    free(scratch);
}

static bool store_destroy(void *machine)
{
    struct store *store = machine;
    store_cut_abort(store);
    if (store->keys != NULL) {
        list_append(&store->flushed, &store->keys->in_flushed);
        store->keys = NULL;
    }
    struct keyspace *keys = LIST_ITEM(store->flushed.next, struct keyspace, in_flushed);
    if (!keyspace_free_some(keys, MACHINE_WORK_MAX) || !list_empty(&store->flushed)) return false;
    cut_feed_free(&store->feed);
    scratch_free(store->scratch);
    free(store);
    return true;
}

/* --- commands --- */

static run_command *const runs[256] = {
#define R(op, name, arity, flags, first, last, step) [STORE_##op] = run_##op,
#define L(op, name, arity, flags, first, last, step)
    STORE_COMMANDS(R, L)
#undef R
#undef L
};

/* Whether the words are such as the protocol lets through: what a function relies on. The slot,
 * too: a key in the table of another slot would be found by some commands and not by others. */
static bool well_formed(const struct call *call)
{
    if (runs[call->op] == NULL) return false;
    const struct store_command *command = store_command_by_op(call->op);
    if (!store_command_arity(command, call->count + 1)) return false;
    if (command->key_first == 0) return true;
    if (call->slot >= STORE_SLOTS) return false;
    uint32_t at, end, step;
    store_command_keys(command, call->count + 1, &at, &end, &step);
    if (end > STORE_KEYS_MAX * step + 1) return false;
    for (; at < end; at += step) {
        struct slice key = call->words[at - 1];
        if (key.size > STORE_KEY_SIZE_MAX || store_slot(key) != call->slot) return false;
    }
    return true;
}

static void store_apply(void *machine, const struct session_key *session, struct slice bytes)
{
    struct store *store = machine;
    struct call call = {.store = store, .change = store, .now = store->now};
    if (bytes.size > STORE_COMMAND_SIZE_MAX || !call_decode(&call, bytes) || !well_formed(&call) ||
        call.op >= STORE_BITCOUNT) {
        return;
    }
    store->commands++;
    runs[call.op](&call);
    reply_emit(&call, session);
    if (call.doomed != NULL) entry_free(call.doomed);
}

static void store_query(const void *machine, const struct session_key *session, struct slice bytes,
                        const struct machine_time *now, const struct machine_facts *facts)
{
    const struct store *store = machine;
    struct call call = {.store = store, .now = *now, .facts = facts};
    bool good = call_decode(&call, bytes) && well_formed(&call) && call.op >= STORE_BITCOUNT;
    ASSERT(good); /* it comes from this node's own protocol */
    store->scratch->numbers++;
    runs[call.op](&call);
    reply_emit(&call, session);
}

/* Sessions are nothing to a store. */
static void store_session_end(void *machine, const struct session_key *session)
{
    (void)machine, (void)session;
}

static void store_origin_end(void *machine, uint32_t node, uint64_t incarnation)
{
    (void)machine, (void)node, (void)incarnation;
}

static uint64_t store_bytes(const void *machine)
{
    const struct store *store = machine;
    uint64_t timers = store->keys->due.capacity + (uint64_t)store->keys->wall.capacity;
    return store->keys->bytes + store->keys->count * 12 + timers * sizeof(struct heap_slot);
}

static uint64_t store_digest(const void *machine)
{
    const struct store *store = machine;
    return store->keys->digest + store->keys->count;
}

static void line(struct buffer *out, const char *name, const char *help, uint64_t value)
{
    buffer_append_text(out, "# HELP ");
    buffer_append_text(out, name);
    buffer_append_text(out, help);
    buffer_append_text(out, "\n# TYPE ");
    buffer_append_text(out, name);
    buffer_append_text(out, " gauge\n");
    buffer_append_text(out, name);
    buffer_append_text(out, " ");
    buffer_append_decimal(out, value);
    buffer_append_text(out, "\n");
}

static void store_metrics(const void *machine, struct buffer *out)
{
    const struct store *store = machine;
    line(out, "quartet_store_keys", " Keys there are.", store->keys->count);
    line(out, "quartet_store_keys_with_end", " Of them, those with an end.",
         (uint64_t)store->keys->due.count + store->keys->wall.count);
    line(out, "quartet_store_bytes", " Memory of keys and values.", store_bytes(store));
    line(out, "quartet_store_expired", " Keys whose end came, since it began.", store->expired);
}

const struct machine_ops store_ops = {
    .name = "store",
    .snapshot_version = 1,
    .create = store_create,
    .destroy = store_destroy,
    .advance = store_advance,
    .apply = store_apply,
    .session_end = store_session_end,
    .origin_end = store_origin_end,
    .deadline = store_deadline,
    .query = store_query,
    .metrics = store_metrics,
    .bytes = store_bytes,
    .digest = store_digest,
    .cut_begin = store_cut_begin,
    .cut_read = store_cut_read,
    .cut_pending = store_cut_pending,
    .cut_abort = store_cut_abort,
    .restore = store_restore,
    .restore_end = store_restore_end,
    .check = store_check,
};
