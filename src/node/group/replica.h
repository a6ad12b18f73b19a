/* The replicated state: what the log, applied in order, amounts to. A machine, and around it what
 * every machine needs: how far each origin's proposals were carried out (exactly once), whose
 * sessions live, and log time.
 *
 * An origin is a node as a source of proposals. Its proposals are numbered per incarnation; only
 * the next one is carried out: a lower one is a duplicate, a higher one is refused, and the origin
 * sends again from there. */
#ifndef QUARTET_NODE_GROUP_REPLICA_H
#define QUARTET_NODE_GROUP_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "contract/machine.h"
#include "raft/raft.h"

enum {
    REPLICA_TERMS_MAX = 256,  /* beginnings of terms that are remembered */
    REPLICA_ORIGINS_MAX = 64, /* nodes that were ever members; an entry of one more is refused */
    COMMANDS_HEADER_SIZE = 24,
    COMMAND_HEADER_SIZE = 9,
};

/* What a CLOCK entry may say: commands of its term stand before it, so that nothing is charged for
 * the time without a leader before them. */
enum { CLOCK_LATE = 1 };

/* Kinds of log entries (specs/disk.md). */
enum {
    KIND_COMMANDS = RAFT_KIND_CALLER,
    KIND_TICK,
    KIND_EXPIRE,
    KIND_CLOCK, /* its wall_us is what the clocks of a quorum agree on */
    KINDS_END,
};

enum command_type {
    COMMAND_MACHINE = 0,
    COMMAND_SESSION_END,
    COMMAND_OPEN,   /* the first of an incarnation */
    COMMAND_RENEW,  /* `connection`: how many sessions the origin holds */
    COMMAND_HURRY,  /* the client says nothing more: see machine.h, session_hurry() */
    COMMAND_FENCED, /* its bytes: a term u64, and a machine's command, of nobody's session, which is
                       carried out in an entry of this term alone */
};

struct command {
    uint8_t type;
    uint32_t connection;
    struct slice bytes;
};

struct commands_header {
    uint32_t origin;
    uint64_t incarnation;
    uint64_t first;
    uint32_t count;
};

void commands_header_store(uint8_t at[COMMANDS_HEADER_SIZE], const struct commands_header *header);
/* Checks the whole batch; false when malformed. */
bool commands_check(struct slice batch, struct commands_header *header);
/* The next command; the reader stands behind the header. False at the end. */
bool command_read(struct reader *reader, struct command *command);
void command_append(struct buffer *out, const struct command *command);

struct origin {
    uint32_t node;
    uint64_t incarnation;
    uint64_t next;     /* the sequence that will be carried out */
    uint64_t heard_us; /* elapsed stamp of its last entry */
    bool ended;        /* its lease ran out: this incarnation is refused for good */
    bool active;       /* may hold sessions */
};

/* At most REPLICA_ORIGINS_MAX of them; zero: none. */
struct origins {
    struct origin *at;
    uint32_t count, capacity;
};

/* Room for so many: their number is the caller's to raise. */
void origins_reserve(struct origins *origins, uint32_t count);

struct replica_term {
    uint64_t term, index;
};

struct replica {
    const struct machine_ops *ops;
    void *machine;
    uint64_t index;             /* applied up to here */
    uint64_t term;              /* of that entry */
    uint64_t at_index, at_term; /* of the entry being applied, or else the last */
    struct replica_term *terms; /* where each began, as far as this replica has seen it */
    uint32_t terms_count, terms_capacity;
    uint64_t base_index, base_term; /* what it was restored at */
    uint64_t elapsed_us;
    uint64_t wall_us;
    uint64_t leaderless_us; /* time without a leader, as far as it is agreed: CLOCK entries */
    uint64_t agreed_wall_us, agreed_elapsed_us; /* of the last of them; 0: there was none */
    struct origins origins;                     /* ordered by node */

    bool cutting;
    struct buffer cut_head; /* the origins as of the cut, not streamed yet */

    struct replica *next_leaving; /* of node->leaving */

    bool restoring;
    struct buffer restore_head;
};

struct replica *replica_create(const struct machine_ops *ops, const void *options,
                               machine_emit *emit, void *world);
/* Frees a slice of it (machine.h, destroy); true when all is gone. */
bool replica_destroy_some(struct replica *replica);
void replica_destroy(struct replica *replica); /* at once; NULL is fine */

enum replica_result {
    REPLICA_APPLIED,
    REPLICA_UNKNOWN_KIND, /* a newer version wrote it: stop the node */
};
/* Somebody wants to look in the middle of an entry: at the state as this origin's proposal of this
 * sequence has left it, before the next. `reached` moves `sequence` on; UINT64_MAX: to no other.
 * `fenced` hears of each of its proposals that only another term's entry could have carried out. */
struct replica_stop {
    uint32_t origin;
    uint64_t incarnation;
    uint64_t sequence;
    void (*reached)(void *world, struct replica_stop *stop);
    void (*fenced)(void *world, uint64_t sequence);
    void *world;
};

/* The next entry: entry->index is replica->index + 1. `stop` NULL: nobody wants to look. */
enum replica_result replica_apply(struct replica *replica, const struct raft_entry *entry,
                                  struct replica_stop *stop);

/* NULL when this node never proposed. */
const struct origin *replica_origin(const struct replica *replica, uint32_t node);
struct machine_time replica_time(const struct replica *replica); /* as of the last entry */

enum replica_held { REPLICA_HOLDS, REPLICA_NOT_YET, REPLICA_LOST };
/* Whether what an entry of this term did at this index is in the state; 0, 0 always is. LOST:
 * another entry is there. That is also said where nobody can tell: of an entry of an earlier term
 * than that of the snapshot this replica began with, and in front of it. */
enum replica_held replica_holds(const struct replica *replica, uint64_t term, uint64_t index);
uint64_t replica_digest(const struct replica *replica);

/* A cut of everything here, as machine.h describes for the machine. */
void replica_cut_begin(struct replica *replica);
bool replica_cut_read(struct replica *replica, size_t size, struct buffer *out);
uint64_t replica_cut_pending(const struct replica *replica);
void replica_cut_abort(struct replica *replica);

/* Into a fresh replica; index, term and stamps are set by the caller afterwards. */
bool replica_restore(struct replica *replica, struct slice bytes);
bool replica_restore_end(struct replica *replica);

#endif
