/* What the files of the consensus machine share. The machine is consensus.h. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_MACHINE_INTERNAL_H
#define QUARTET_SYSTEMS_CONSENSUS_MACHINE_INTERNAL_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "contract/cut.h"
#include "systems/consensus/machine/consensus.h"
#include "systems/consensus/machine/tree.h"

enum {
    /* What one of each counts for besides its bytes: the same on every machine. */
    VERSION_BYTES = 96,
    KEY_BYTES = 64,
    LEASE_BYTES = 160,
    FREE_AFTER_US = 1000000, /* from a compaction to the freeing of what it made unreadable */
};

/* The kinds of objects of a snapshot (cut.h). */
enum consensus_object {
    OBJECT_WAITING = 2,
    OBJECT_LEASE,
    OBJECT_VERSION, /* in the order of revisions */
    OBJECT_AHEAD,   /* a version that was freed before its turn */
    OBJECT_END,
};

/* Immutable but for `older`, which goes when that is freed. */
struct version {
    struct list all; /* consensus.versions */
    struct key *key;
    struct version *older; /* of the same key */
    uint64_t mod;
    uint64_t create;  /* 0: a tombstone: the key was deleted */
    uint64_t version; /* since it was created; 0: a tombstone */
    int64_t lease;
    uint32_t sub; /* which change of its revision */
    uint32_t size;
    uint8_t value[];
};

/* It is there as long as it has a version. */
struct key {
    struct version *newest; /* NULL: being made */
    uint32_t size;
    uint8_t bytes[];
};

struct lease {
    struct map_node node;
    struct list all; /* consensus.lease_list */
    struct heap_place place;
    int64_t id;
    int64_t ttl_s;
    uint64_t expires_us; /* of elapsed time */
    struct tree keys;
    uint32_t cut_number;
};

/* A command that came while another was going on. */
struct waiting {
    struct list all;
    struct session_key session;
    uint32_t cut_number;
    uint32_t size;
    uint8_t command[];
};

/* One operation of the command that is carried out. */
struct step {
    enum consensus_op op;
    union {
        struct consensus_range range;
        struct consensus_put put;
        struct consensus_delete delete;
    };
    struct consensus_outcome outcome;
    struct consensus_kv *kvs; /* outcome.kvs, to be freed */
    uint32_t kvs_capacity;
    uint64_t looked; /* RANGE: keys that were looked at one by one */
};

/* The steps that a command's compares have chosen; the command's bytes must outlive it. */
struct plan {
    struct step *steps;
    uint32_t count, capacity;
};

/* What is carried out: a PUT, DELETE, TXN or REVOKE, or a lease that has run out. */
struct running {
    bool active;
    bool answers; /* a session waits for it: not for a lease that has run out */
    bool sliced;  /* too much for one call: `gone` and `born` say what it did so far */
    struct session_key session;
    struct buffer command;
    struct plan plan;
    uint32_t at;   /* the step that is under way */
    uint32_t sub;  /* changes so far */
    int64_t lease; /* that is revoked; 0: none */
    bool resumed;  /* DELETE: `resume` is the last key that it dealt with */
    struct buffer resume;
};

struct walk {
    bool active;
    uint64_t target;   /* the compaction that is carried out */
    uint64_t from_us;  /* not before this elapsed time */
    struct list *at;   /* the next version to look at */
    struct list *from; /* where the next walk begins; `versions` itself: at what comes next;
                              NULL: an active walk has not come there */
};

struct cut_cursors {
    struct list *waiting, *lease, *version;
    uint64_t mod, digest, leases, versions, waitings;
    uint32_t sub; /* the last version of the cut is (mod, sub) */
};

/* Where every SPINE_STEP-th of the versions stands that a watch may ask for: those of the compacted
 * revision and above, none of which is freed. In their order. */
enum { SPINE_STEP = 64 };

struct spine {
    struct version **at;
    size_t from, end, capacity; /* `from` to `end` are in use */
    uint32_t since;             /* versions behind the last */
};

struct restoring {
    struct cut_feed feed;
    struct heap ahead;
    uint64_t walk_mod, from_mod, digest, versions, leases, waitings;
    uint32_t walk_sub, from_sub;
};

struct consensus {
    machine_emit *emit;
    void *world;
    uint32_t budget;
    uint64_t elapsed_us;

    uint64_t revision, compacted;
    struct tree keys;
    struct list versions;
    uint64_t versions_count;
    struct map leases;
    struct list lease_list;
    struct heap expiry;

    uint64_t quota, bytes;
    uint32_t alarm;  /* the member that raised it; 0: it is not */
    uint64_t digest; /* of versions and leases */
    uint64_t commands[CONSENSUS_OP_END];
    uint64_t expired; /* leases that ran out */

    struct walk walk;
    struct running running;
    struct spine spine;
    struct tree gone, born; /* keys that a sliced command deleted, and made */
    uint64_t freeing;       /* keys in them that count as not freed yet, once it is done */
    struct list waiting;
    uint64_t waiting_count, waiting_bytes, waiting_digest;

    struct cut cut;
    struct cut_cursors cursors;
    struct restoring restoring;
};

static inline struct slice key_bytes(const struct key *key)
{
    return slice_of(key->bytes, key->size);
}

static inline bool key_live(const struct key *key)
{
    return key->newest != NULL && key->newest->version != 0;
}

static inline bool range_from_on(struct slice end)
{
    return end.size == 1 && end.data[0] == 0;
}

/* Within the bounds of a range that begins at or before it. */
static inline bool range_holds(struct slice key, struct slice end, struct slice bytes)
{
    if (end.size == 0) return slice_equal(bytes, key);
    return range_from_on(end) || slice_compare(bytes, end) < 0;
}

/* command.c: the next operation of a reader: all of it, or up to the parts of a TXN. False when
 * it is none. */
struct request {
    enum consensus_op op;
    union {
        struct consensus_range range;
        struct consensus_put put;
        struct consensus_delete delete;
        struct {
            int64_t first, second;
        } simple;
    };
};
bool consensus_request_read(struct reader *reader, struct request *request);
bool consensus_compare_read(struct reader *reader, struct consensus_compare *compare);

/* version.c: what changes keys */

/* Makes a version the key's newest; the key is made if there is none. `create` 0: a tombstone. */
struct version *version_add(struct consensus *c, struct slice key, struct slice value,
                            const struct version *numbers);
/* Frees the oldest version of its key, and the key with its last. */
void version_free(struct consensus *c, struct version *version);
/* The version that is readable at this revision; NULL: none, or a tombstone. */
const struct version *version_at(const struct key *key, uint64_t revision);
struct consensus_kv version_shown(const struct version *version);
/* One key is put, or deleted, as the next change of the running command. */
void version_put(struct consensus *c, const struct consensus_put *put);
void version_delete(struct consensus *c, struct key *key);

/* range.c */

/* Live keys of a range, as of the revision that stands or, `as_running`, with what the running
 * command has changed. */
uint64_t range_count(const struct consensus *c, struct slice key, struct slice end,
                     bool as_running);
/* Answers a range; `as_running`: with what the running command has changed. */
enum consensus_error range_answer(const struct consensus *c, const struct consensus_range *range,
                                  bool as_running, struct step *step);
/* True or false, or *error is set. */
bool compare_holds(const struct consensus *c, const struct consensus_compare *compare,
                   enum consensus_error *error);
void step_show(struct step *step, const struct version *version);

/* plan.c: chooses by the state as of the revision that stands. */
enum consensus_error plan_make(const struct consensus *c, struct slice command, struct plan *plan);
/* The same without checks, for a command that has begun. */
void plan_again(const struct consensus *c, struct slice command, struct plan *plan);
void plan_free(struct plan *plan);

/* run.c */

/* Begins what is to be carried out, and goes on with it; nothing may be running. */
void run_command(struct consensus *c, const struct session_key *session, struct slice command);
void run_expiry(struct consensus *c, struct lease *lease);
/* Goes on within the budget. */
void run_some(struct consensus *c);
bool run_is_free(const struct consensus *c);
void run_restored(struct consensus *c);
void consensus_reply_error(const struct consensus *c, const struct session_key *session,
                           enum consensus_op op, enum consensus_error error);
struct consensus_reply reply_of(const struct consensus *c, enum consensus_op op);

/* lease.c */
struct lease *lease_find(const struct consensus *c, int64_t id);
struct lease *lease_new(struct consensus *c, int64_t id, int64_t ttl_s, uint64_t expires_us);
void lease_end(struct consensus *c, struct lease *lease);
void lease_attach(struct consensus *c, struct key *key, int64_t from, int64_t to);
/* A number that no lease has. */
int64_t lease_new_id(const struct consensus *c);
/* `node`: of the client. */
enum consensus_error lease_grant(struct consensus *c, int64_t id, int64_t ttl_s, uint32_t node);
/* False: there is none. */
bool lease_renew(struct consensus *c, int64_t id);
struct lease *lease_due(const struct consensus *c);
int64_t lease_left_s(const struct lease *lease, uint64_t elapsed_us);
uint64_t lease_hash(const struct lease *lease);

/* compact.c */
enum consensus_error compact_to(struct consensus *c, int64_t revision);
/* Frees within the budget what has become unreadable; true while more is due. */
bool compact_some(struct consensus *c);
bool compact_due(const struct consensus *c);
void compact_appended(struct consensus *c, struct version *version);

/* watch.c */
void spine_appended(struct consensus *c, struct version *version);
void spine_compacted(struct consensus *c); /* before any of it is freed */
void watch_marked(struct consensus *c);    /* there is a new revision */
void consensus_watch_open(const void *machine, struct slice spec, struct machine_watch *watch,
                          machine_say *say, void *world);
bool consensus_watch_read(const void *machine, struct machine_watch *watch, size_t room,
                          machine_say *say, void *world);

/* cut.c */
void cut_lease(struct consensus *c, struct lease *lease); /* it is about to change */
void cut_lease_gone(struct consensus *c, struct lease *lease);
void cut_version_gone(struct consensus *c, struct version *version);
void cut_waiting_gone(struct consensus *c, struct waiting *waiting);
void consensus_cut_begin(void *machine);
bool consensus_cut_read(void *machine, size_t size, struct buffer *out);
uint64_t consensus_cut_pending(const void *machine);
void consensus_cut_abort(void *machine);

/* restore.c */
bool consensus_restore(void *machine, struct slice bytes);
bool consensus_restore_end(void *machine);
void restore_free(struct consensus *c);

/* whole.c */
uint64_t version_hash(const struct version *version);
uint64_t waiting_hash(const struct waiting *waiting);
uint64_t consensus_digest(const void *machine);
void consensus_check(const void *machine);
void consensus_metrics(const void *machine, struct buffer *out);

/* consensus.c */
void alarm_raise(struct consensus *c, uint32_t member); /* unless it is */
void waiting_add(struct consensus *c, const struct session_key *session, struct slice command);

#endif
