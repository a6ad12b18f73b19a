/* Keys, whatever they hold. */
#include <string.h>

#include "systems/store/machine/internal.h"

void run_DEL(struct call *call)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        struct entry *entry = call_find(call, call->words[i]);
        if (entry == NULL) continue;
        entry_delete(call->change, call->slot, entry);
        count++;
    }
    reply_integer(call, count);
}

void run_UNLINK(struct call *call)
{
    run_DEL(call);
}

void run_EXISTS(struct call *call)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        if (call_find(call, call->words[i]) != NULL) count++;
    }
    reply_integer(call, count);
}

void run_TOUCH(struct call *call)
{
    run_EXISTS(call);
}

void run_TYPE(struct call *call)
{
    reply_simple(call, call_find(call, call->words[0]) == NULL ? "none" : "string");
}

void run_ENCODING(struct call *call)
{
    struct entry *entry = call_find(call, call->words[0]);
    int64_t number;
    if (entry == NULL) {
        reply_nil(call);
    } else if (word_integer(entry_value(entry), &number)) {
        reply_bulk(call, slice_text("int"));
    } else {
        reply_bulk(call, slice_text(entry->value_size <= 44 ? "embstr" : "raw"));
    }
}

/* --- names --- */

/* What `from` holds, under another key, its end too. */
static void copy_to(struct call *call, struct entry *from, struct slice key)
{
    struct store *store = call->change;
    struct entry *there = call_find(call, key);
    if (there != NULL) entry_delete(store, call->slot, there);
    struct entry *made = entry_make(store, call->slot, key, from->value_size, entry_expiry(from));
    if (from->value_size > 0) {
        memcpy(entry_bytes(made), entry_value(from).data, from->value_size);
    }
    entry_touched(store, made, 0, UINT32_MAX);
}

static void rename_to(struct call *call, struct entry *from, struct slice key)
{
    if (slice_equal(entry_key(from), key)) return;
    copy_to(call, from, key);
    entry_delete(call->change, call->slot, from);
}

static const char no_such_key[] = "ERR no such key";

void run_RENAME(struct call *call)
{
    struct entry *from = call_find(call, call->words[0]);
    if (from == NULL) {
        reply_error(call, no_such_key);
        return;
    }
    rename_to(call, from, call->words[1]);
    reply_ok(call);
}

void run_RENAMENX(struct call *call)
{
    struct entry *from = call_find(call, call->words[0]);
    if (from == NULL) {
        reply_error(call, no_such_key);
        return;
    }
    bool free = call_find(call, call->words[1]) == NULL;
    if (free) rename_to(call, from, call->words[1]);
    reply_boolean(call, free);
}

void run_COPY(struct call *call)
{
    bool replace = false;
    for (uint32_t i = 2; i < call->count; i++) {
        bool database = word_is(call->words[i], "db") && i + 1 < call->count;
        if (database && word_is(call->words[i + 1], "0")) {
            i++;
        } else if (word_is(call->words[i], "replace")) {
            replace = true;
        } else {
            reply_syntax_error(call);
            return;
        }
    }
    struct slice key = call->words[1];
    if (slice_equal(call->words[0], key)) {
        reply_error(call, "ERR source and destination objects are the same");
        return;
    }
    struct entry *from = call_find(call, call->words[0]);
    bool done = from != NULL && (replace || call_find(call, key) == NULL);
    if (done) copy_to(call, from, key);
    reply_boolean(call, done);
}

/* --- all of them --- */

void run_DBSIZE(struct call *call)
{
    reply_integer(call, (int64_t)call->store->keys->count);
}

void run_FLUSHALL(struct call *call)
{
    bool known =
        call->count == 0 ||
        (call->count == 1 && (word_is(call->words[0], "async") || word_is(call->words[0], "sync")));
    if (!known) {
        reply_syntax_error(call);
        return;
    }
    store_flush(call->change);
    reply_ok(call);
}

void run_FLUSHDB(struct call *call)
{
    run_FLUSHALL(call);
}
