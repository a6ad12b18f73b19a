/* What must hold after every step of every node, whatever the faults (Raft paper, figure 3):
 *
 * election safety        at most one leader in a term; not even the same node after a restart
 * leader append-only     a leader never loses or replaces an entry of its log while it leads
 * log matching           what is committed at an index is the same entry everywhere, for ever
 * leader completeness    a new leader has every entry that was committed in an earlier term
 * state-machine safety   replicas that applied the same index have the same digest
 * durability             what is committed is durable on a quorum; what a node called durable is
 *                        there when it starts again; who lost its disk is trusted again only with
 *                        all that was committed before (see also promises.h)
 * commit                 a leader commits by counting only what is of its own term, and has an
 *                        entry of that term as soon as it leads (sections 5.4.2, 8)
 * sessions               who installs a snapshot, and so skips effects, closes its clients
 * lease                  no leader would read on its lease at an older state than is committed
 * log time               stamps of committed entries never go back, and elapsed time in the log
 *                        goes no faster than the clocks of its leaders
 *
 * Each step costs O(1), amortized over the entries that it commits. */
#ifndef QUARTET_SIM_INVARIANTS_H
#define QUARTET_SIM_INVARIANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim.h"

enum {
    INVARIANTS_TERMS_MAX = 1 << 20,
    INVARIANTS_CHECK_STEPS = 500, /* node_check() once in so many */
    INVARIANTS_CLAIMS_MAX = 4096, /* entries of a node that is down whose terms are remembered */
};

struct world;
struct host;

struct committed_entry {
    uint64_t term;         /* 0: never seen, it was compacted away at once */
    uint64_t committed_in; /* the term of the first node that took it for committed */
    uint64_t hash;
    uint64_t elapsed_us;
    uint64_t wall_us;
    bool sets_clock;
    uint64_t digest; /* after it was applied */
    bool digested;
};

/* What one node showed last, and what it claimed to have durably. */
struct node_view {
    uint64_t term;
    uint32_t role;
    uint64_t commit;
    uint64_t applied;
    uint64_t last; /* while it leads */
    uint64_t last_term;
    uint64_t elapsed_us; /* in the log, and on its clock, when it began to lead */
    uint64_t elapsed_at_us;
    uint32_t steps;
    bool started; /* it has a raft, so it was founded */
    bool untrusted;
    bool forgot; /* its disk was wiped or damaged on purpose: owes nothing until trusted */
    uint64_t trusted_sequence; /* of its disk: from here on it is trusted again; 0: it is not */
    uint64_t forgot_count;     /* entries that were committed then */
    bool forgot_now;           /* and it has not started since */
    uint64_t claim;            /* durable index when it went down */
    uint64_t claim_first;      /* the first index that claim_terms holds */
    uint64_t claim_terms[INVARIANTS_CLAIMS_MAX];
    uint32_t claim_count;
};

struct term_leader {
    uint32_t host; /* + 1; 0: none seen */
    uint32_t boot;
};

struct invariants {
    struct committed_entry *entries; /* [index - 1] */
    uint64_t entries_count;          /* the highest index known committed */
    uint64_t entries_capacity;
    struct term_leader *leaders; /* [term] */
    uint64_t leaders_capacity;
    struct node_view nodes[SIM_HOSTS_MAX];
};

void invariants_free(struct invariants *invariants);
void invariants_step(struct world *world, struct host *host);
void invariants_started(struct world *world, struct host *host);
void invariants_host_lost(struct world *world, struct host *host);
/* The host's disk was made to forget. */
void invariants_forget(struct world *world, struct host *host);

#endif
