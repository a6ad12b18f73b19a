/* SET with its options, and those that are a SET or a GET with something more. */
#include "systems/store/machine/internal.h"

enum condition { ALWAYS, IF_NEW, IF_THERE, IF_EQUAL };

struct set_options {
    enum condition condition;
    struct slice equal; /* IF_EQUAL: to this */
    bool get;
    bool keep;    /* its end stays as it was */
    bool persist; /* GETEX: its end goes */
    bool expires;
    struct expiry expiry;
};

enum parsed { PARSED, PARSED_SYNTAX, PARSED_NO_INTEGER, PARSED_INVALID_EXPIRE };

static void reply_mistake(struct call *call, enum parsed mistake)
{
    if (mistake == PARSED_SYNTAX) {
        reply_syntax_error(call);
    } else if (mistake == PARSED_NO_INTEGER) {
        reply_error(call, "ERR value is not an integer or out of range");
    } else if (call->op == STORE_SET) {
        reply_error(call, "ERR invalid expire time in 'set' command");
    } else if (call->op == STORE_GETEX) {
        reply_error(call, "ERR invalid expire time in 'getex' command");
    } else if (call->op == STORE_SETEX) {
        reply_error(call, "ERR invalid expire time in 'setex' command");
    } else {
        reply_error(call, "ERR invalid expire time in 'psetex' command");
    }
}

/* --- options --- */

static const struct {
    const char *name;
    uint64_t unit_us;
    enum clock clock;
} ends[] = {
    {"ex", 1000000, CLOCK_DUE},
    {"px", 1000, CLOCK_DUE},
    {"exat", 1000000, CLOCK_WALL},
    {"pxat", 1000, CLOCK_WALL},
};

static enum parsed parse_end(const struct call *call, struct slice amount, uint64_t unit_us,
                             enum clock clock, struct set_options *options)
{
    int64_t number;
    if (!word_integer(amount, &number)) return PARSED_NO_INTEGER;
    if (number <= 0 || !expiry_of(call, number, unit_us, clock, &options->expiry)) {
        return PARSED_INVALID_EXPIRE;
    }
    options->expires = true;
    return PARSED;
}

/* EX, PX, EXAT, PXAT at *at, which moves on to the number. SYNTAX: it is none of them. */
static enum parsed parse_expiring(const struct call *call, uint32_t *at,
                                  struct set_options *options)
{
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (!word_is(call->words[*at], ends[i].name)) continue;
        bool twice = options->expires || options->keep || options->persist;
        if (twice || *at + 1 == call->count) return PARSED_SYNTAX;
        *at += 1;
        return parse_end(call, call->words[*at], ends[i].unit_us, ends[i].clock, options);
    }
    return PARSED_SYNTAX;
}

/* One option of SET at *at. */
static enum parsed parse_set_option(const struct call *call, uint32_t *at,
                                    struct set_options *options)
{
    struct slice word = call->words[*at];
    bool free = options->condition == ALWAYS;
    if (word_is(word, "nx") && free) {
        options->condition = IF_NEW;
    } else if (word_is(word, "xx") && free) {
        options->condition = IF_THERE;
    } else if (word_is(word, "ifeq") && free && *at + 1 < call->count) {
        options->condition = IF_EQUAL;
        *at += 1;
        options->equal = call->words[*at];
    } else if (word_is(word, "get")) {
        options->get = true;
    } else if (word_is(word, "keepttl") && !options->expires) {
        options->keep = true;
    } else {
        return parse_expiring(call, at, options);
    }
    return PARSED;
}

static enum parsed parse_set(const struct call *call, struct set_options *options)
{
    enum parsed parsed = PARSED;
    for (uint32_t at = 2; at < call->count && parsed == PARSED; at++) {
        parsed = parse_set_option(call, &at, options);
    }
    return parsed;
}

/* --- SET --- */

static bool holds(const struct set_options *options, const struct entry *entry)
{
    switch (options->condition) {
    case ALWAYS: return true;
    case IF_NEW: return entry == NULL;
    case IF_THERE: return entry != NULL;
    case IF_EQUAL: return entry != NULL && slice_equal(entry_value(entry), options->equal);
    }
    return false;
}

/* What SET answers if it is told to show what was there. */
static void reply_old(struct call *call, const struct entry *entry)
{
    if (entry == NULL) {
        reply_nil(call);
    } else {
        reply_copy(call, entry_value(entry));
    }
}

void run_SET(struct call *call)
{
    struct set_options options = {.condition = ALWAYS, .expiry = {CLOCK_NONE, 0}};
    enum parsed parsed = call->count == 2 ? PARSED : parse_set(call, &options);
    if (parsed != PARSED) {
        reply_mistake(call, parsed);
        return;
    }
    struct entry *entry = call_find(call, call->words[0]);
    bool done = holds(&options, entry);
    if (options.get) {
        reply_old(call, entry);
    } else if (done) {
        reply_ok(call);
    } else {
        reply_nil(call);
    }
    if (!done) return;
    if (options.keep && entry != NULL) options.expiry = entry_expiry(entry);
    call_put(call, call->words[0], entry, call->words[1], options.expiry);
}

static void put_plain(struct call *call, struct slice key, struct slice value)
{
    call_put(call, key, call_find(call, key), value, (struct expiry){CLOCK_NONE, 0});
}

void run_SETNX(struct call *call)
{
    struct entry *entry = call_find(call, call->words[0]);
    if (entry == NULL) put_plain(call, call->words[0], call->words[1]);
    reply_boolean(call, entry == NULL);
}

static void set_ending(struct call *call, uint64_t unit_us)
{
    struct set_options options = {0};
    enum parsed parsed = parse_end(call, call->words[1], unit_us, CLOCK_DUE, &options);
    if (parsed != PARSED) {
        reply_mistake(call, parsed);
        return;
    }
    struct entry *entry = call_find(call, call->words[0]);
    call_put(call, call->words[0], entry, call->words[2], options.expiry);
    reply_ok(call);
}

void run_SETEX(struct call *call)
{
    set_ending(call, 1000000);
}

void run_PSETEX(struct call *call)
{
    set_ending(call, 1000);
}

void run_GETSET(struct call *call)
{
    reply_old(call, call_find(call, call->words[0]));
    put_plain(call, call->words[0], call->words[1]);
}

/* --- several --- */

void run_MSET(struct call *call)
{
    if (call->count % 2 != 0) {
        reply_error(call, "ERR wrong number of arguments for 'mset' command");
        return;
    }
    for (uint32_t i = 0; i < call->count; i += 2) {
        put_plain(call, call->words[i], call->words[i + 1]);
    }
    reply_ok(call);
}

void run_MSETNX(struct call *call)
{
    if (call->count % 2 != 0) {
        reply_error(call, "ERR wrong number of arguments for 'msetnx' command");
        return;
    }
    bool taken = false;
    for (uint32_t i = 0; i < call->count && !taken; i += 2) {
        taken = call_find(call, call->words[i]) != NULL;
    }
    for (uint32_t i = 0; i < call->count && !taken; i += 2) {
        put_plain(call, call->words[i], call->words[i + 1]);
    }
    reply_boolean(call, !taken);
}

/* --- reading and more --- */

void run_GETDEL(struct call *call)
{
    struct entry *entry = call_find(call, call->words[0]);
    if (entry == NULL) {
        reply_nil(call);
        return;
    }
    reply_bulk(call, entry_value(entry));
    call_delete(call, entry);
}

void run_DELIFEQ(struct call *call)
{
    struct entry *entry = call_find(call, call->words[0]);
    bool equal = entry != NULL && slice_equal(entry_value(entry), call->words[1]);
    if (equal) call_delete(call, entry);
    reply_boolean(call, equal);
}

static enum parsed parse_getex(const struct call *call, struct set_options *options)
{
    enum parsed parsed = PARSED;
    for (uint32_t at = 1; at < call->count && parsed == PARSED; at++) {
        if (word_is(call->words[at], "persist") && !options->expires) {
            options->persist = true;
        } else {
            parsed = parse_expiring(call, &at, options);
        }
    }
    return parsed;
}

void run_GETEX(struct call *call)
{
    struct set_options options = {.expiry = {CLOCK_NONE, 0}};
    enum parsed parsed = parse_getex(call, &options);
    struct entry *entry = call_find(call, call->words[0]);
    if (entry == NULL && parsed != PARSED_SYNTAX) { /* as Redis: then the number is not looked at */
        reply_nil(call);
        return;
    }
    if (parsed != PARSED) {
        reply_mistake(call, parsed);
        return;
    }
    if (options.expires || (options.persist && entry->clock != CLOCK_NONE)) {
        entry_touch(call->change, entry, 0, 0);
        entry = entry_expire(call->change, call->slot, entry, options.expiry);
        entry_touched(call->change, entry, 0, 0);
    }
    reply_bulk(call, entry_value(entry));
}
