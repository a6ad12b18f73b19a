/* The consensus store: keys and values with revisions, transactions and leases, as etcd v3 has
 * them. specs/systems/consensus.md says what it does and how its commands are encoded.
 *
 * A key's history is a chain of immutable versions; all versions stand in one list in the order of
 * revisions. A write makes one revision, however many keys it changes, or none. Compaction makes
 * what is older than a revision unreadable at once, and frees it by and by.
 *
 * What would touch more than MACHINE_WORK_MAX keys goes on in advance(). Until it is done the
 * revision stays, so nobody sees any of it; later commands wait in their order, and questions are
 * answered as of the revision that stands. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_MACHINE_CONSENSUS_H
#define QUARTET_SYSTEMS_CONSENSUS_MACHINE_CONSENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "contract/machine.h"
#include "systems/consensus/machine/errors.h"

enum {
    CONSENSUS_OPERATIONS_MAX = 128,      /* of a transaction, on one path down, as in etcd */
    CONSENSUS_OPERATIONS_ALL_MAX = 512,  /* of a transaction, in all its branches */
    CONSENSUS_DEPTH_MAX = 16,            /* transactions in one another */
    CONSENSUS_RANGE_KEYS_MAX = 65536,    /* that one answer looks at, one by one */
    CONSENSUS_RANGE_BYTES_MAX = 1 << 25, /* of keys and values that one answer holds */
    CONSENSUS_COMMAND_BYTES_MAX = 1536 * 1024,
    CONSENSUS_LEASE_TTL_MIN_S = 2, /* less is raised to it */
};

#define CONSENSUS_LEASE_TTL_MAX_S INT64_C(9000000000)
#define CONSENSUS_QUOTA_DEFAULT (UINT64_C(2) << 30)

enum consensus_op {
    CONSENSUS_RANGE = 1, /* a question, or part of a transaction */
    CONSENSUS_PUT,
    CONSENSUS_DELETE,
    CONSENSUS_TXN,
    CONSENSUS_COMPACT,      /* first: the revision */
    CONSENSUS_GRANT,        /* first: the lease, 0: any new one; second: its time to live in s */
    CONSENSUS_REVOKE,       /* first: the lease */
    CONSENSUS_KEEP_ALIVE,   /* first: the lease */
    CONSENSUS_ALARM,        /* first: a member; second: 1: raises it, 0: takes its alarm back */
    CONSENSUS_QUOTA,        /* first: bytes */
    CONSENSUS_TIME_TO_LIVE, /* a question. first: the lease; second: not 0: with its keys */
    CONSENSUS_LEASES,       /* a question */
    CONSENSUS_STATUS,       /* a question: the reply's own fields are its answer */
    CONSENSUS_OP_END,
};

enum consensus_order { CONSENSUS_UNORDERED, CONSENSUS_ASCEND, CONSENSUS_DESCEND };

/* What is sorted by, and, in other numbers, compared: etcd's own of each. */
enum consensus_sort {
    CONSENSUS_SORT_KEY,
    CONSENSUS_SORT_VERSION,
    CONSENSUS_SORT_CREATE,
    CONSENSUS_SORT_MOD,
    CONSENSUS_SORT_VALUE,
};

enum consensus_target {
    CONSENSUS_VERSION,
    CONSENSUS_CREATE,
    CONSENSUS_MOD,
    CONSENSUS_VALUE,
    CONSENSUS_LEASE,
};

enum consensus_result { CONSENSUS_EQUAL, CONSENSUS_GREATER, CONSENSUS_LESS, CONSENSUS_NOT_EQUAL };

/* A range of keys: `end` empty: the one key; a single zero byte: all from `key` on. */
struct consensus_range {
    struct slice key, end;
    int64_t limit;    /* 0 or less: none */
    int64_t revision; /* 0 or less: the present one */
    uint8_t order, sort;
    bool keys_only, count_only;
    int64_t mod_min, mod_max, create_min, create_max; /* 0: none */
};

struct consensus_put {
    struct slice key, value;
    int64_t lease;
    bool previous, ignore_value, ignore_lease;
};

struct consensus_delete {
    struct slice key, end;
    bool previous;
};

struct consensus_compare {
    uint8_t result, target;
    struct slice key, end;
    int64_t number;     /* unless VALUE */
    struct slice value; /* VALUE */
};

/* One side of a transaction, or its compares: `count` of them, encoded one behind the other. */
struct consensus_part {
    uint32_t count;
    struct slice bytes;
};

/* Each appends one command. */
void consensus_put_range(const struct consensus_range *range, struct buffer *out);
void consensus_put_put(const struct consensus_put *put, struct buffer *out);
void consensus_put_delete(const struct consensus_delete *delete, struct buffer *out);
void consensus_put_txn(struct consensus_part compares, struct consensus_part then,
                       struct consensus_part otherwise, struct buffer *out);
void consensus_put_simple(enum consensus_op op, int64_t first, int64_t second, struct buffer *out);
/* Not a command: part of a TXN. */
void consensus_put_compare(const struct consensus_compare *compare, struct buffer *out);

/* What can be said of a command without looking at any state: NONE when it is in order. The
 * protocol asks before it proposes; apply() asks again. */
enum consensus_error consensus_refuses(struct slice command);

/* A key as an answer shows it. Borrowed from the machine for the call. */
struct consensus_kv {
    struct slice key, value;
    int64_t create, mod, version, lease;
};

/* What became of one operation. */
struct consensus_outcome {
    enum consensus_op op;
    int64_t revision; /* as the operation saw it, its own change included */
    bool succeeded;   /* TXN: all compares held */
    uint32_t inside;  /* TXN: how many of the outcomes right behind it are its operations, those of
                         transactions within them not counted */
    bool more;        /* RANGE: left off at the limit */
    int64_t count;    /* RANGE: keys, whatever the limit and filters; DELETE: keys deleted */
    const struct consensus_kv *kvs; /* RANGE; PUT, DELETE: what was there before, if asked for */
    uint32_t kvs_count;
};

/* What a session hears (machine_emit). */
struct consensus_reply {
    enum consensus_op op;
    enum consensus_error error;
    int64_t revision, compacted;
    /* RANGE, PUT, DELETE, TXN: one; behind that of a TXN those of its operations, those of a TXN
     * among them right behind it, and so on. */
    const struct consensus_outcome *outcomes;
    uint32_t outcomes_count;
    int64_t lease, ttl_s, granted_ttl_s; /* GRANT, KEEP_ALIVE, TIME_TO_LIVE; -1 s: there is none */
    const struct slice *keys;            /* TIME_TO_LIVE */
    uint32_t keys_count;
    const int64_t *leases; /* LEASES, by their number */
    uint32_t leases_count;
    uint64_t bytes, quota; /* STATUS */
    uint32_t digest;       /* STATUS: of all there is */
    /* The member that raised NOSPACE, 0: nobody. STATUS: as it is; ALARM: who has, or had, it. */
    uint32_t alarm;
};

/* --- watches: watch.c --- */

/* What a watch begins with; its keys as those of a range. */
struct consensus_watch {
    struct slice key, end; /* key empty: that of a single zero byte */
    int64_t start;         /* the first revision it hears of; 0: the next */
    bool no_put, no_delete;
    bool previous; /* each event with what was there before */
};

void consensus_put_watch(const struct consensus_watch *watch, struct buffer *out);

/* What it hears. First BEGIN or NOTHING; then EVENTs, each revision whole before another begins,
 * and STANDS between two, at the latest when all is said that there is now. COMPACTED is the last.
 */
enum consensus_news_kind {
    CONSENSUS_NEWS_BEGIN,
    CONSENSUS_NEWS_NOTHING,   /* its range holds no key, ever; it never hears more */
    CONSENSUS_NEWS_EVENT,     /* a key was put, or, its version 0, deleted */
    CONSENSUS_NEWS_STANDS,    /* all was said up to the revision `until` */
    CONSENSUS_NEWS_COMPACTED, /* what it should hear next is gone; it hears no more */
};

struct consensus_news {
    enum consensus_news_kind kind;
    int64_t revision; /* of the store, now */
    int64_t compacted;
    int64_t until;
    bool torn; /* COMPACTED: in the middle of a revision, some of which was said */
    struct consensus_kv kv, previous;
    bool has_previous;
};

extern const struct machine_ops consensus_ops;

#endif
