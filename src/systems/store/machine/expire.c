/* When a key is over: durations by the log's clock, dates by the calendar. See store.h. */
#include "systems/store/machine/internal.h"

enum { CONDITION_NX = 1, CONDITION_XX = 2, CONDITION_GT = 4, CONDITION_LT = 8 };

bool expiry_of(const struct call *call, int64_t amount, uint64_t unit_us, enum clock clock,
               struct expiry *expiry)
{
    int64_t us, now_us = clock == CLOCK_DUE ? (int64_t)call->store->now.due_us : 0;
    if (__builtin_mul_overflow(amount, (int64_t)unit_us, &us)) return false;
    if (__builtin_add_overflow(us, now_us, &us)) return false;
    *expiry = (struct expiry){clock, us < 0 ? 0 : (uint64_t)us};
    return true;
}

static bool conditions_read(struct call *call, unsigned *conditions)
{
    static const char *const names[] = {"nx", "xx", "gt", "lt"};
    for (uint32_t i = 2; i < call->count; i++) {
        unsigned bit = 0;
        while (bit < 4 && !word_is(call->words[i], names[bit])) bit++;
        if (bit == 4) {
            reply_error_about(call, "ERR Unsupported option ", call->words[i]);
            return false;
        }
        *conditions |= 1u << bit;
    }
    bool with_nx = (*conditions & CONDITION_NX) != 0 && *conditions != CONDITION_NX;
    if (with_nx) {
        reply_error(call, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*conditions & CONDITION_GT) != 0 && (*conditions & CONDITION_LT) != 0) {
        reply_error(call, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* No end is later than any. */
static bool conditions_hold(const struct call *call, const struct entry *entry,
                            struct expiry expiry, unsigned conditions)
{
    const struct machine_time *now = &call->store->now;
    uint64_t before_us = expiry_left_us(entry_expiry(entry), now);
    uint64_t after_us = expiry_left_us(expiry, now);
    if ((conditions & CONDITION_NX) != 0 && entry->clock != CLOCK_NONE) return false;
    if ((conditions & CONDITION_XX) != 0 && entry->clock == CLOCK_NONE) return false;
    if ((conditions & CONDITION_GT) != 0 && after_us <= before_us) return false;
    return (conditions & CONDITION_LT) == 0 || after_us < before_us;
}

static void set_end(struct call *call, struct entry *entry, struct expiry expiry)
{
    if (expiry_left_us(expiry, &call->store->now) == 0) {
        entry_delete(call->change, call->slot, entry);
        return;
    }
    entry_touch(call->change, entry, 0, 0);
    entry = entry_expire(call->change, call->slot, entry, expiry);
    entry_touched(call->change, entry, 0, 0);
}

static const char *invalid_text(enum store_op op)
{
    switch (op) {
    case STORE_EXPIRE: return "ERR invalid expire time in 'expire' command";
    case STORE_PEXPIRE: return "ERR invalid expire time in 'pexpire' command";
    case STORE_EXPIREAT: return "ERR invalid expire time in 'expireat' command";
    default: return "ERR invalid expire time in 'pexpireat' command";
    }
}

static void expire(struct call *call, uint64_t unit_us, enum clock clock)
{
    int64_t amount;
    unsigned conditions = 0;
    struct expiry expiry;
    if (!word_integer(call->words[1], &amount)) {
        reply_error(call, "ERR value is not an integer or out of range");
        return;
    }
    if (!conditions_read(call, &conditions)) return;
    if (!expiry_of(call, amount, unit_us, clock, &expiry)) {
        reply_error(call, invalid_text(call->op));
        return;
    }
    struct entry *entry = call_find(call, call->words[0]);
    bool done = entry != NULL && conditions_hold(call, entry, expiry, conditions);
    if (done) set_end(call, entry, expiry);
    reply_boolean(call, done);
}

void run_EXPIRE(struct call *call)
{
    expire(call, 1000000, CLOCK_DUE);
}

void run_PEXPIRE(struct call *call)
{
    expire(call, 1000, CLOCK_DUE);
}

void run_EXPIREAT(struct call *call)
{
    expire(call, 1000000, CLOCK_WALL);
}

void run_PEXPIREAT(struct call *call)
{
    expire(call, 1000, CLOCK_WALL);
}

void run_PERSIST(struct call *call)
{
    struct entry *entry = call_find(call, call->words[0]);
    bool done = entry != NULL && entry->clock != CLOCK_NONE;
    if (done) {
        entry_touch(call->change, entry, 0, 0);
        entry = entry_expire(call->change, call->slot, entry, (struct expiry){CLOCK_NONE, 0});
        entry_touched(call->change, entry, 0, 0);
    }
    reply_boolean(call, done);
}

/* --- asking --- */

/* What is left of it in `unit_us`; `date`: when it is over by the calendar instead. -2: there is no
 * such key. -1: it has no end. */
static void reply_end(struct call *call, uint64_t unit_us, bool date)
{
    struct entry *entry = call_find(call, call->words[0]);
    if (entry == NULL || entry->clock == CLOCK_NONE) {
        reply_integer(call, entry == NULL ? -2 : -1);
        return;
    }
    struct expiry expiry = entry_expiry(entry);
    uint64_t us = expiry_left_us(expiry, &call->now);
    if (date) us = expiry.clock == CLOCK_WALL ? expiry.when_us : us + call->now.wall_us;
    reply_integer(call, (int64_t)((us + unit_us / 2) / unit_us));
}

void run_TTL(struct call *call)
{
    reply_end(call, 1000000, false);
}

void run_PTTL(struct call *call)
{
    reply_end(call, 1000, false);
}

void run_EXPIRETIME(struct call *call)
{
    reply_end(call, 1000000, true);
}

void run_PEXPIRETIME(struct call *call)
{
    reply_end(call, 1000, true);
}
