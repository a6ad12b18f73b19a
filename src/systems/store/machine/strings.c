/* Strings: reading them, and changing them in place. */
#include <string.h>

#include "systems/store/machine/internal.h"

static const char too_long[] =
    "ERR string exceeds the limit of 8 MiB: store it in parts, under several keys";

void run_GET(struct call *call)
{
    struct entry *entry = call_find(call, call->words[0]);
    if (entry == NULL) {
        reply_nil(call);
    } else {
        reply_bulk(call, entry_value(entry));
    }
}

void run_MGET(struct call *call)
{
    reply_array(call, call->count);
    for (uint32_t i = 0; i < call->count; i++) {
        struct entry *entry = call_find(call, call->words[i]);
        if (entry == NULL) {
            reply_nil(call);
        } else {
            reply_bulk(call, entry_value(entry));
        }
    }
}

void run_STRLEN(struct call *call)
{
    struct entry *entry = call_find(call, call->words[0]);
    reply_integer(call, entry == NULL ? 0 : entry->value_size);
}

bool range_of(int64_t start, int64_t end, uint64_t size, uint64_t *first, uint64_t *count)
{
    if (start < 0 && end < 0 && start > end) return false;
    if (start < 0) start += (int64_t)size;
    if (end < 0) end += (int64_t)size;
    if (start < 0) start = 0;
    if (end < 0) end = 0;
    if (end >= (int64_t)size) end = (int64_t)size - 1;
    if (start > end) return false;
    *first = (uint64_t)start;
    *count = (uint64_t)(end - start) + 1;
    return true;
}

void run_GETRANGE(struct call *call)
{
    int64_t start, end;
    if (!word_integer(call->words[1], &start) || !word_integer(call->words[2], &end)) {
        reply_error(call, "ERR value is not an integer or out of range");
        return;
    }
    struct entry *entry = call_find(call, call->words[0]);
    uint64_t first, count;
    if (entry == NULL || !range_of(start, end, entry->value_size, &first, &count)) {
        reply_bulk(call, slice_of("", 0));
        return;
    }
    reply_bulk(call, slice_of(entry_value(entry).data + first, count));
}

void run_SUBSTR(struct call *call)
{
    run_GETRANGE(call);
}

/* `bytes` stand at `offset` of the value from now on, with zeros before them where it was
 * shorter. */
static void write_at(struct call *call, struct entry *entry, uint32_t offset, struct slice bytes)
{
    struct store *store = call->change;
    uint32_t before = entry->value_size;
    uint32_t end = offset + (uint32_t)bytes.size;
    uint32_t from = offset < before ? offset : before;
    entry_touch(store, entry, from, end);
    if (end > before) {
        entry = entry_resize(store, call->slot, entry, end);
        memset(entry_bytes(entry) + before, 0, end - before);
    }
    memcpy(entry_bytes(entry) + offset, bytes.data, bytes.size);
    entry_touched(store, entry, from, end);
    reply_integer(call, entry->value_size);
}

static void write_new(struct call *call, uint32_t offset, struct slice bytes)
{
    uint32_t size = offset + (uint32_t)bytes.size;
    struct entry *entry =
        entry_make(call->change, call->slot, call->words[0], size, (struct expiry){CLOCK_NONE, 0});
    memset(entry_bytes(entry), 0, offset);
    if (bytes.size > 0) memcpy(entry_bytes(entry) + offset, bytes.data, bytes.size);
    entry_touched(call->change, entry, 0, UINT32_MAX);
    reply_integer(call, size);
}

void run_APPEND(struct call *call)
{
    struct slice bytes = call->words[1];
    struct entry *entry = call_find(call, call->words[0]);
    uint32_t size = entry == NULL ? 0 : entry->value_size;
    if (bytes.size > STORE_VALUE_SIZE_MAX - size) {
        reply_error(call, too_long);
    } else if (entry == NULL) {
        write_new(call, 0, bytes);
    } else if (bytes.size == 0) {
        reply_integer(call, size);
    } else {
        write_at(call, entry, size, bytes);
    }
}

void run_SETRANGE(struct call *call)
{
    struct slice bytes = call->words[2];
    int64_t offset;
    if (!word_integer(call->words[1], &offset)) {
        reply_error(call, "ERR value is not an integer or out of range");
        return;
    }
    if (offset < 0) {
        reply_error(call, "ERR offset is out of range");
        return;
    }
    struct entry *entry = call_find(call, call->words[0]);
    if (bytes.size == 0) {
        reply_integer(call, entry == NULL ? 0 : entry->value_size);
    } else if ((uint64_t)offset + bytes.size > STORE_VALUE_SIZE_MAX) {
        reply_error(call, too_long);
    } else if (entry == NULL) {
        write_new(call, (uint32_t)offset, bytes);
    } else {
        write_at(call, entry, (uint32_t)offset, bytes);
    }
}

/* --- numbers --- */

static void add(struct call *call, int64_t by)
{
    struct entry *entry = call_find(call, call->words[0]);
    int64_t number = 0;
    if (entry != NULL && !word_integer(entry_value(entry), &number)) {
        reply_error(call, "ERR value is not an integer or out of range");
        return;
    }
    if (__builtin_add_overflow(number, by, &number)) {
        reply_error(call, "ERR increment or decrement would overflow");
        return;
    }
    uint8_t digits[20];
    struct slice text = slice_of(digits, integer_write(digits, number));
    struct expiry expiry = {CLOCK_NONE, 0};
    if (entry != NULL) expiry = entry_expiry(entry);
    call_put(call, call->words[0], entry, text, expiry);
    reply_integer(call, number);
}

void run_INCR(struct call *call)
{
    add(call, 1);
}

void run_DECR(struct call *call)
{
    add(call, -1);
}

void run_INCRBY(struct call *call)
{
    int64_t by;
    if (word_integer(call->words[1], &by)) {
        add(call, by);
    } else {
        reply_error(call, "ERR value is not an integer or out of range");
    }
}

void run_DECRBY(struct call *call)
{
    int64_t by;
    if (!word_integer(call->words[1], &by)) {
        reply_error(call, "ERR value is not an integer or out of range");
    } else if (by == INT64_MIN) {
        reply_error(call, "ERR decrement would overflow");
    } else {
        add(call, -by);
    }
}
