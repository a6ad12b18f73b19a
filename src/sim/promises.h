/* What a node says, held against what its disk has reported done by then:
 *
 * durability       a Raft message leaves only when the term it speaks in, and the vote it gives,
 *                  are durable (`gate` in raft.h); a node starts with the term and vote that were;
 *                  an entry is called durable only when a write that held it was reported done
 * election safety  in one term a node votes for one candidate, itself included, restarts or not;
 *                  who leads was given the votes of a quorum in that very term
 *
 * lease            who heard from a leader gives no vote for an election timeout, restarts or not,
 *                  unless that leader hands over and relies on the promise no more (transfer.c)
 *
 * Other invariants look at states, and a state that is wrong for a moment only matters when the
 * right fault strikes within it; these look at the moment. */
#ifndef QUARTET_SIM_PROMISES_H
#define QUARTET_SIM_PROMISES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    PROMISES_WRITES_MAX = 8192, /* of one node under way */
};

struct world;
struct host;
struct action;

/* A node's state as one write leaves it on disk. */
struct promise {
    uint64_t sequence;
    uint64_t term;
    uint32_t vote;
    uint64_t last; /* entry, and its term */
    uint64_t last_term;
};

struct promises {
    bool known;             /* `durable` is: the node has a raft, or had and owes what it held */
    struct promise durable; /* sequence 0: as it started */
    struct promise before;  /* the same, before this start read it back */
    struct promise writes[PROMISES_WRITES_MAX]; /* ring, not reported done yet */
    uint32_t writes_head, writes_count;
    uint64_t voted_term; /* the last term in which it voted, and for whom */
    uint32_t voted_for;
    uint64_t asked_round; /* of the transfer that made it ask for votes in voted_term; 0: none */
    uint64_t heard_us;    /* virtual time when a leader was last heard; 0: never */
    uint64_t heard_term, heard_round;
    uint64_t heard_before_us, heard_before_term, heard_before_round; /* see promises_taken() */
    uint64_t appends_before;
    bool
        forgot_votes; /* since its disk was wiped it has not voted: what it did before is unknown */
};

/* The node has a raft: since its start, or because it was founded. */
void promises_started(struct world *world, struct host *host);
/* A turn is over and its write, if there is one, about to be carried out. */
void promises_write(struct world *world, struct host *host, const struct action *write);
/* All writes up to this sequence are done; before the node is told. */
void promises_durable(struct world *world, struct host *host, uint64_t sequence);
/* The node leads since this step. */
void promises_leader(struct world *world, struct host *host);
void promises_step(struct world *world, struct host *host);
/* Frames of a peer arrive; before the node has them. */
void promises_received(struct world *world, struct host *host, struct slice frames);
/* The node had them: if it heard no leader (they came on a connection that it had closed, say),
 * neither did it promise anything. */
void promises_taken(struct world *world, struct host *host);
/* Frames to a peer leave. */
void promises_sent(struct world *world, struct host *host, struct slice frames);
/* The process is gone; `forgot`: its disk was made to forget, and it owes nothing. */
void promises_lost(struct world *world, struct host *host);
void promises_forget(struct world *world, struct host *host);

#endif
