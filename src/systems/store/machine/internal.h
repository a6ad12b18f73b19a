/* What the files of the store's machine share. See store.h.
 *
 * Who owns what: a keyspace owns its entries; an entry is one block of memory with its key and
 * value. Whoever changes an entry says so before and after (entry_touch, entry_touched), or
 * replaces it: digest, bytes and cut are kept there and nowhere else. */
#ifndef QUARTET_SYSTEMS_STORE_MACHINE_INTERNAL_H
#define QUARTET_SYSTEMS_STORE_MACHINE_INTERNAL_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "contract/cut.h"
#include "systems/store/machine/store.h"

enum {
    PAGE_SIZE = 4096, /* of a value: the digest is a sum over them, so that a change costs one */
    CUT_NUMBERS = 1023,
};

enum kind { KIND_STRING = 0 };

/* By which clock of the log a key's time runs. */
enum clock {
    CLOCK_NONE = 0, /* it has no end */
    CLOCK_DUE = 1,  /* a duration */
    CLOCK_WALL = 2, /* a date */
};

struct expiry {
    enum clock clock;
    uint64_t when_us; /* 0 with CLOCK_NONE */
};

/* A block: this, then a timer if `clock` is not NONE, the key, the value. */
struct entry {
    struct map_node node; /* its hash is the key's */
    uint32_t value_size;
    uint32_t key_size : 17;
    uint32_t kind : 3;
    uint32_t clock : 2;
    uint32_t cut : 10; /* the mark of the last cut that has it, or that ran when it was made */
};
_Static_assert(sizeof(struct entry) == 24, "what a key costs beside its bytes");

struct timer {
    uint64_t when_us;
    struct heap_place place;
    uint32_t unused;
};

/* All keys there are. FLUSHALL takes it away whole and begins a new one. */
struct keyspace {
    struct map slots[STORE_SLOTS];
    struct heap due, wall; /* entries with an end, the next first; minor: a sequence of the store */
    uint64_t count;
    uint64_t bytes;  /* in blocks */
    uint64_t digest; /* the sum of its entries' */
    struct list in_flushed;
    uint32_t freed_slots; /* once it is flushed */
};

/* Where the cursor of a cut stands: cut.c. */
struct cut_walk {
    struct keyspace *keys; /* as they were when it began; may have been flushed since */
    uint32_t slot;
    uint64_t bucket;
    uint64_t written;       /* entries */
    uint64_t count, digest; /* as of the cut */
    uint32_t aborted;       /* cuts since the last one that was read to its end */
};

/* What a call needs and no state is made of. */
struct scratch {
    struct buffer words;  /* struct slice */
    struct buffer values; /* struct store_value */
    struct buffer text;   /* what values made here point to */
    uint64_t numbers;     /* questions asked so far: where RANDOMKEY begins to look */
};

struct store {
    machine_emit *emit;
    void *world;
    struct machine_time now; /* of the log */
    uint64_t seed;           /* of all hashes: the wall clock of the first entry */
    uint64_t sequence;
    uint64_t commands, expired; /* for INFO */
    struct keyspace *keys;
    struct list flushed; /* keyspaces to be freed by and by */
    struct cut cut;
    struct cut_walk walk;
    struct cut_feed feed; /* of a restore */
    struct scratch *scratch;
};

/* One command that is carried out. */
struct call {
    const struct store *store;
    struct store *change; /* the same; NULL: it is a question */
    enum store_op op;
    uint16_t slot;
    uint32_t count; /* words behind the name */
    const struct slice *words;
    struct machine_time now;           /* of the log; for what runs down, of this moment */
    const struct machine_facts *facts; /* of a question */
    struct entry *doomed;              /* taken out, and freed once the reply is emitted */
};

/* --- replies: reply.c --- */

void reply_integer(struct call *call, int64_t number);
void reply_boolean(struct call *call, bool yes); /* 1 or 0 */
void reply_bulk(struct call *call, struct slice bytes);
void reply_text(struct call *call, struct slice bytes);
void reply_simple(struct call *call, const char *text);
void reply_nil(struct call *call);
void reply_ok(struct call *call);
void reply_array(struct call *call, uint64_t count);
void reply_error(struct call *call, const char *text);
/* With a word of the client's behind it, cut short. */
void reply_error_about(struct call *call, const char *text, struct slice word);
void reply_syntax_error(struct call *call);
/* A bulk string that is made of this number, or of bytes that do not outlive the call. */
void reply_decimal(struct call *call, int64_t number);
void reply_copy(struct call *call, struct slice bytes);
void reply_emit(struct call *call, const struct session_key *session);

/* --- words: words.c --- */

/* A signed decimal number exactly as we would write it: no '+', no zeros in front. */
bool word_integer(struct slice word, int64_t *number);
/* In any case; `text` in small letters. */
bool word_is(struct slice word, const char *text);
/* Appends a number in decimal; at most 20 bytes. */
size_t integer_write(uint8_t *at, int64_t number);
/* Positions `start` to `end`, both included, those below 0 counted from the end, of `size`: *first
 * and *count. False: there is nothing between them. (strings.c) */
bool range_of(int64_t start, int64_t end, uint64_t size, uint64_t *first, uint64_t *count);
/* Redis' glob patterns. */
bool glob_match(struct slice pattern, struct slice text);
/* Whether the bytes of the command can be taken apart: its words. */
bool call_decode(struct call *call, struct slice command);

/* --- entries: entry.c --- */

struct slice entry_key(const struct entry *entry);
struct slice entry_value(const struct entry *entry);
uint8_t *entry_bytes(struct entry *entry); /* of its value */
struct expiry entry_expiry(const struct entry *entry);
struct timer *entry_timer(struct entry *entry); /* only with a clock */
uint64_t entry_size(const struct entry *entry); /* of its block, as memory goes */
bool entry_is_over(const struct entry *entry, const struct machine_time *now);

uint64_t entry_digest(const struct entry *entry);
uint64_t store_hash(const struct store *store, struct slice key);

/* The entry of this key, over or not. */
struct entry *store_find(const struct store *store, uint16_t slot, struct slice key);
/* The entry of this key that is not over; one that is, a change removes. NULL: there is none. */
struct entry *call_find(struct call *call, struct slice key);

/* A new one, of a key that there is not, its value to be written by the caller, who then says
 * entry_touched(). */
struct entry *entry_make(struct store *store, uint16_t slot, struct slice key, uint32_t value_size,
                         struct expiry expiry);
/* Before and after a change of bytes `from` to `to` of the value, or of nothing but what is not the
 * value. */
void entry_touch(struct store *store, struct entry *entry, uint32_t from, uint32_t to);
void entry_touched(struct store *store, struct entry *entry, uint32_t from, uint32_t to);
/* Between the two: another size of the value, what both have of it kept; it may have moved. The new
 * bytes are the caller's to write. */
struct entry *entry_resize(struct store *store, uint16_t slot, struct entry *entry, uint32_t size);
/* Between the two. It may have moved. */
struct entry *entry_expire(struct store *store, uint16_t slot, struct entry *entry,
                           struct expiry expiry);
/* Taken out of all tables; the caller frees it by entry_free(). */
void entry_take(struct store *store, uint16_t slot, struct entry *entry);
void entry_free(struct entry *entry);
void entry_delete(struct store *store, uint16_t slot, struct entry *entry); /* both */
/* Takes it out, and frees it once the reply is emitted, which may borrow from it. */
void call_delete(struct call *call, struct entry *entry);
/* The key holds this string from now on. `found`: its entry, or NULL. */
void call_put(struct call *call, struct slice key, struct entry *found, struct slice value,
              struct expiry expiry);

/* --- keyspaces and time: time.c --- */

struct keyspace *keyspace_new(void);
/* Frees about this many entries; true when all is gone. */
bool keyspace_free_some(struct keyspace *keys, uint32_t count);
void store_flush(struct store *store);
void store_free_flushed(struct store *store);
void store_advance(void *machine, const struct machine_time *time);
struct machine_deadline store_deadline(const void *machine);
/* How long until then; 0 if that is past. */
uint64_t expiry_left_us(struct expiry expiry, const struct machine_time *now);

/* When what is given as `amount` units is over: a duration from now, or a date. False: not in this
 * world's time. (expire.c) */
bool expiry_of(const struct call *call, int64_t amount, uint64_t unit_us, enum clock clock,
               struct expiry *expiry);

/* --- cuts: cut.c, restore.c --- */

uint32_t cut_mark_of(const struct cut *cut);                      /* what its entries carry */
void cut_entry_changes(struct store *store, struct entry *entry); /* before it does, in a cut */
void store_cut_begin(void *machine);
bool store_cut_read(void *machine, size_t size, struct buffer *out);
uint64_t store_cut_pending(const void *machine);
void store_cut_abort(void *machine);
bool store_restore(void *machine, struct slice bytes);
bool store_restore_end(void *machine);
void store_check(const void *machine);

enum { OBJECT_ENTRY = CUT_HEADER + 1, OBJECT_END };

/* --- commands: strings.c, set.c, numbers.c, bits.c, keys.c, expire.c, scan.c, info.c --- */

typedef void run_command(struct call *call);
#define R(op, name, arity, flags, first, last, step) void run_##op(struct call *call);
#define L(op, name, arity, flags, first, last, step)
STORE_COMMANDS(R, L)
#undef R
#undef L

#endif
