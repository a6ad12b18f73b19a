/* Whose wall clock is wrong: what peers say theirs shows, and what follows for this node's. The
 * rule, and why it costs no availability, stand in clock.c. */
#ifndef QUARTET_NODE_PEERS_CLOCK_H
#define QUARTET_NODE_PEERS_CLOCK_H

#include "node/peers/peers.h"

/* Of a peer: its wall clock is ahead of ours by so much at least, and at most. Microseconds, below
 * 0: behind. */
struct clock_reading {
    uint32_t id;
    int64_t low_us, high_us;
};

/* Those that agree against us, as bits by place among the readings; 0: no quorum does. At most
 * NODE_PEERS_KNOWN_MAX readings. */
uint32_t clock_judge(const struct raft_members *members, const struct clock_reading *readings,
                     uint32_t count, uint64_t limit_us);

/* Whether a quorum of the members, `self` among them, has clocks that are for certain within the
 * limit of ours. */
bool clock_agreed(const struct raft_members *members, uint32_t self,
                  const struct clock_reading *readings, uint32_t count, uint64_t limit_us);

/* False: not known, or not lately. */
bool clock_read(const struct peers *peers, const struct peer *peer, struct clock_reading *reading);

void clock_ask(struct peers *peers, struct peer *peer); /* if there is a link */
void clock_forget(struct peer *peer);                   /* what it said, and what it was asked */

/* Content of a CLOCK frame, which is answered at once; `votes`: this node has a vote. False when
 * malformed. */
bool clock_asked(struct peers *peers, struct link *link, struct slice content, bool votes);
/* Content of a CLOCK_IS frame; false when malformed. */
bool clock_answered(struct peers *peers, struct link *link, struct slice content);

/* Whether this node is to refrain from campaigning, as its clock is off, in a group: `led`: it
 * is known to have a leader. Once a turn. `leaderless_us` is kept for the group, 0 at first. */
bool clock_refrains(struct peers *peers, bool led, uint64_t *leaderless_us);

/* What a turn found out. */
struct clock_verdict {
    uint32_t agree_count; /* those of a quorum that agree against us; 0: none do */
    uint32_t agree[NODE_PEERS_KNOWN_MAX];
};

/* Asks all peers when that is due, and judges whenever there is news. Once a turn. */
void clocks_turn(struct peers *peers, const struct raft_members *members,
                 struct clock_verdict *verdict);

#endif
