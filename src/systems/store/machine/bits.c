/* Strings as rows of bits: the first is the highest of the first byte. */
#include <string.h>

#include "systems/store/machine/internal.h"

enum { BITS_MAX = STORE_VALUE_SIZE_MAX * 8 };

static const char bad_offset[] = "ERR bit offset is not an integer or out of range";

static bool offset_read(struct slice word, uint32_t *offset)
{
    int64_t number;
    if (!word_integer(word, &number) || number < 0 || number >= BITS_MAX) return false;
    *offset = (uint32_t)number;
    return true;
}

static bool bit_at(struct slice value, uint64_t at)
{
    return at / 8 < value.size && (value.data[at / 8] >> (7 - at % 8) & 1) != 0;
}

void run_GETBIT(struct call *call)
{
    uint32_t offset;
    if (!offset_read(call->words[1], &offset)) {
        reply_error(call, bad_offset);
        return;
    }
    struct entry *entry = call_find(call, call->words[0]);
    reply_boolean(call, entry != NULL && bit_at(entry_value(entry), offset));
}

static void set_bit(struct call *call, struct entry *entry, uint32_t offset, bool on)
{
    struct store *store = call->change;
    uint32_t byte = offset / 8, before = entry->value_size;
    uint32_t from = byte < before ? byte : before;
    entry_touch(store, entry, from, byte + 1);
    if (byte >= before) {
        entry = entry_resize(store, call->slot, entry, byte + 1);
        memset(entry_bytes(entry) + before, 0, byte + 1 - before);
    }
    uint8_t mask = (uint8_t)(0x80 >> offset % 8);
    uint8_t *at = entry_bytes(entry) + byte;
    *at = (uint8_t)(on ? *at | mask : *at & ~mask);
    entry_touched(store, entry, from, byte + 1);
}

void run_SETBIT(struct call *call)
{
    uint32_t offset;
    struct slice bit = call->words[2];
    if (!offset_read(call->words[1], &offset)) {
        reply_error(call, bad_offset);
        return;
    }
    if (bit.size != 1 || (bit.data[0] != '0' && bit.data[0] != '1')) {
        reply_error(call, "ERR bit is not an integer or out of range");
        return;
    }
    struct entry *entry = call_find(call, call->words[0]);
    reply_boolean(call, entry != NULL && bit_at(entry_value(entry), offset));
    if (entry == NULL) {
        entry =
            entry_make(call->change, call->slot, call->words[0], 0, (struct expiry){CLOCK_NONE, 0});
        entry_touched(call->change, entry, 0, 0);
    }
    set_bit(call, entry, offset, bit.data[0] == '1');
}

/* --- ranges --- */

struct bit_range {
    uint64_t first, count; /* in bits */
    bool has_end;
};

/* The words from `at` on: [start [end [BYTE|BIT]]]. False: an error was replied. */
static bool range_read(struct call *call, uint32_t at, uint64_t size, struct bit_range *range)
{
    int64_t start = 0, end = -1;
    bool bits = call->count > at + 2 && word_is(call->words[at + 2], "bit");
    bool bytes = call->count > at + 2 && word_is(call->words[at + 2], "byte");
    if (call->count > at + 3 || (call->count > at + 2 && !bits && !bytes)) {
        reply_syntax_error(call);
        return false;
    }
    if ((call->count > at && !word_integer(call->words[at], &start)) ||
        (call->count > at + 1 && !word_integer(call->words[at + 1], &end))) {
        reply_error(call, "ERR value is not an integer or out of range");
        return false;
    }
    range->has_end = call->count > at + 1;
    range->first = range->count = 0;
    uint64_t first, count;
    if (!range_of(start, end, bits ? size * 8 : size, &first, &count)) return true;
    range->first = bits ? first : first * 8;
    range->count = bits ? count : count * 8;
    return true;
}

static uint64_t count_bits(struct slice value, uint64_t at, uint64_t end)
{
    uint64_t count = 0;
    for (; at < end && at % 8 != 0; at++) count += bit_at(value, at);
    for (; end - at >= 64; at += 64) {
        count += (uint64_t)__builtin_popcountll(load_u64(value.data + at / 8));
    }
    for (; at < end; at++) count += bit_at(value, at);
    return count;
}

void run_BITCOUNT(struct call *call)
{
    struct entry *entry = call_find(call, call->words[0]);
    struct bit_range range;
    if (entry == NULL) {
        reply_integer(call, 0);
        return;
    }
    if (call->count == 2) { /* a start needs an end */
        reply_syntax_error(call);
        return;
    }
    if (!range_read(call, 1, entry->value_size, &range)) return;
    if (range.count == 0) {
        reply_integer(call, 0);
        return;
    }
    uint64_t end = range.first + range.count;
    reply_integer(call, (int64_t)count_bits(entry_value(entry), range.first, end));
}

/* The first bit of this kind from `at` on; `end` when there is none before it. */
static uint64_t find_bit(struct slice value, uint64_t at, uint64_t end, bool bit)
{
    uint64_t boring = bit ? 0 : UINT64_MAX;
    for (; at < end && at % 8 != 0; at++) {
        if (bit_at(value, at) == bit) return at;
    }
    while (end - at >= 64 && load_u64(value.data + at / 8) == boring) at += 64;
    while (at < end && bit_at(value, at) != bit) at++;
    return at;
}

void run_BITPOS(struct call *call)
{
    struct slice wanted = call->words[1];
    if (wanted.size != 1 || (wanted.data[0] != '0' && wanted.data[0] != '1')) {
        reply_error(call, "ERR The bit argument must be 1 or 0.");
        return;
    }
    bool bit = wanted.data[0] == '1';
    struct entry *entry = call_find(call, call->words[0]);
    struct bit_range range;
    if (entry == NULL) { /* endless zeros */
        reply_integer(call, bit ? -1 : 0);
        return;
    }
    if (!range_read(call, 2, entry->value_size, &range)) return;
    uint64_t end = range.first + range.count;
    uint64_t at = find_bit(entry_value(entry), range.first, end, bit);
    bool found = at < end || (range.count > 0 && !bit && !range.has_end);
    reply_integer(call, found ? (int64_t)at : -1);
}
