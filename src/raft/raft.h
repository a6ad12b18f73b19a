/* Raft: the whole contract of the consensus core.
 *
 * One `struct raft` is one replica of one replicated log (Ongaro and Ousterhout, "In Search of an
 * Understandable Consensus Algorithm", extended version, 2014; Ongaro's dissertation "Consensus:
 * Bridging Theory and Practice", 2014, for pre-vote 9.6, check-quorum 6.2, reads 6.4, leadership
 * transfer 3.10, pipelining 10.2, catching up of new members 4.2.1). Membership changes by joint
 * consensus (section 6).
 *
 * It is pure: time, messages and acknowledgements of the disk come in as calls; what must be
 * written and sent goes out through raft_take_output(). The caller drives it like this:
 *
 *     raft_receive() / raft_tick() / raft_propose() / raft_durable()     any number of them
 *     raft_take_output()                                                 once, then carry it out:
 *         persist hard state and entries under the sequence that was given,
 *         send messages[] whose `gate` is 0 at once, the others once that sequence is durable,
 *         apply the entries up to raft_commit_index() in order
 *     raft_durable(sequence)                                             when the disk says so
 *
 * Why an index is no acknowledgement: entry 7 of term 2 may be replaced by entry 7 of term 3
 * while the write of the first is under way. Durability is therefore told by write sequence, and
 * this core remembers what each sequence held. */
#ifndef QUARTET_RAFT_RAFT_H
#define QUARTET_RAFT_RAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    RAFT_MEMBERS_MAX = 9,
    RAFT_ADDRESS_SIZE_MAX = 255,
    RAFT_ENTRY_SIZE_MAX = 16 << 20,  /* data of one entry */
    RAFT_MESSAGE_ENTRIES_MAX = 1024, /* entries in one APPEND */
};

/* Monotonic and wall time in microseconds, as sampled by the world for this step. */
struct raft_time {
    uint64_t mono_us;
    uint64_t wall_us;
};

enum raft_role {
    RAFT_FOLLOWER,
    RAFT_PRE_CANDIDATE,
    RAFT_CANDIDATE,
    RAFT_LEADER,
};

/* Kinds below RAFT_KIND_CALLER are raft's own; the rest are the caller's, opaque here. */
enum raft_kind {
    RAFT_KIND_NOOP = 0,    /* the first entry of a leader's term (section 8) */
    RAFT_KIND_MEMBERS = 1, /* data: raft_members_encode() */
    RAFT_KIND_CALLER = 16,
};

/* One log entry. Time in the log is given by the leader when it appends:
 * elapsed_us  the stamp of the entry before it at election, plus the leader's monotonic time
 *             since: stops without a leader, never jumps, never goes back.
 * wall_us     the greater of the entry before it and the leader's wall clock; but see
 *             raft_propose_clock(). */
struct raft_entry {
    uint64_t index;
    uint64_t term;
    uint64_t elapsed_us;
    uint64_t wall_us;
    uint8_t kind;
    uint8_t version; /* of the kind's format */
    struct slice data;
};

/* While a change of voters is under way the configuration is joint, C_old,new in section 6: it
 * lists the members of both sides, and every quorum needs a majority of the voters of each. */
struct raft_member {
    uint32_t id;   /* not 0 */
    bool learner;  /* receives the log, has no vote */
    bool outgoing; /* joint: a voter of C_old, whatever it is in C_new */
    bool leaving;  /* joint: not in C_new; implies outgoing, and not learner */
    uint8_t address_size;
    char address[RAFT_ADDRESS_SIZE_MAX]; /* name or address and port, as text */
};

/* Ordered by id. At least one votes on each side. */
struct raft_members {
    uint32_t count;
    struct raft_member member[RAFT_MEMBERS_MAX];
};

/* A change of voters is under way: some member is outgoing. */
bool raft_members_joint(const struct raft_members *members);

/* The place of `id` in members->member, or -1. */
int raft_members_place(const struct raft_members *members, uint32_t id);
/* Are these a quorum: a majority of the voters, of either side while they change? Ids that are not
 * in the list, or do not vote, count for nothing; each id once. */
bool raft_members_quorum(const struct raft_members *members, const uint32_t *ids, uint32_t count);

void raft_members_encode(const struct raft_members *members, struct buffer *out);
/* False when malformed, unordered, too many or without a voter; then *members is unspecified. */
bool raft_members_decode(struct slice bytes, struct raft_members *members);

enum raft_message_type {
    RAFT_PRE_VOTE = 1, /* term: the one it would campaign in */
    RAFT_PRE_VOTE_REPLY,
    RAFT_VOTE,
    RAFT_VOTE_REPLY,
    RAFT_APPEND, /* also the heartbeat: with no entries */
    RAFT_APPEND_REPLY,
    RAFT_READ, /* a follower asks for an index to read at */
    RAFT_READ_REPLY,
    RAFT_TIMEOUT_NOW, /* campaign at once */
    RAFT_MESSAGE_TYPES,
};

/* One message. Fields that a type does not name are 0. */
struct raft_message {
    enum raft_message_type type;
    uint32_t from;
    uint32_t to;
    uint64_t term;
    bool untrusted; /* the sender is untrusted: its votes and acks count for nothing */

    /* (PRE_)VOTE: the candidate's last entry. APPEND: the entry before entries[0]. */
    uint64_t index;
    uint64_t index_term;

    /* (PRE_)VOTE_REPLY: granted. APPEND_REPLY: the entries up to `index` match the leader's and
     * are durable; if not granted, `index` is the hint of where to go on: the leader's next try
     * has prev index <= `index`, and index_term is the follower's term there (section 5.3).
     * READ_REPLY: the index to read at. */
    bool granted;

    /* APPEND */
    uint64_t commit;
    /* APPEND, echoed in the reply: which round of heartbeats this answers. READ, echoed in the
     * reply: the ticket. TIMEOUT_NOW, and the VOTEs of the campaign that it causes: rounds up to
     * this one earned the sender no lease (transfer.c); 0 in other VOTEs. */
    uint64_t round;
    uint64_t trust_index; /* an untrusted follower is trusted from here on; 0: not known yet */
    uint32_t entries_count;
    const struct raft_entry *entries; /* received: borrowed for the call. Sent: NULL, and the
                                         caller reads raft_entry_at(index + 1 .. + count) */

    /* APPEND_REPLY */
    uint64_t last_index; /* entries up to here match the leader's, durable or not */
    bool waiting;        /* clients wait here for the commit index: tell it at once */

    /* When it may be sent: 0 at once; else after this write sequence is durable. */
    uint64_t gate;
};

struct raft_config {
    uint32_t self;
    uint64_t election_timeout_us;   /* T; each timeout is drawn from [T, 2T) */
    uint64_t heartbeat_us;          /* rounds begin at whole multiples of it, on the monotonic
                                       clock: those of all groups of a node together */
    uint32_t append_bytes_max;      /* data in one APPEND (one entry may exceed it) */
    uint32_t inflight_messages_max; /* unacknowledged APPENDs to one follower */
    uint64_t uncommitted_bytes_max; /* more is refused: RAFT_PROPOSE_BUSY */
    /* How far two clocks of the cluster may run apart, in thousandths, below 1000: while one of
     * them counts x, every other counts at least x * (1 - d), d = permille / 1000.
     * A follower that heard a round gives no vote while its clock counts T. Until then the
     * leader's has counted at least T * (1 - d) since it sent the round, so its lease ends there:
     * it is good for T - T * d. All members must be given the same T and d. */
    uint32_t clock_drift_permille;
    uint64_t seed; /* another one at each start: see raft_read() */
};

/* What the disk held. Entries follow by raft_restore_entry(). */
struct raft_restored {
    uint64_t term;
    uint32_t vote;           /* 0: none in this term */
    bool trusted;            /* false: no vote until it caught up (see raft_trusted) */
    uint64_t snapshot_index; /* 0: none; entries begin at snapshot_index + 1 */
    uint64_t snapshot_term;
    uint64_t snapshot_elapsed_us;
    uint64_t snapshot_wall_us;
    struct raft_members members; /* as of the snapshot; count 0: none known yet */
};

/* The config is copied. Never fails; panics on a config that breaks the limits above. */
struct raft *raft_create(const struct raft_config *config, const struct raft_restored *restored);
void raft_destroy(struct raft *raft);
/* An entry found on disk, durable, in order; one at or below the last index replaces the suffix
 * from there. Those at or below the snapshot may come too (they only replace what follows), and
 * those that a replaced log left behind a snapshot are recognized by their lower term: neither is
 * kept, so ask raft_last_index(). MEMBERS data must decode. Data is copied. Only before
 * raft_start(). */
void raft_restore_entry(struct raft *raft, const struct raft_entry *entry);
/* Everything known durable that is known committed; before raft_start(). At most last index. */
void raft_restore_commit(struct raft *raft, uint64_t commit_index);
/* Time begins. A trusted replica that has always been alone campaigns at once, and leads as soon as
 * its vote is durable. */
void raft_start(struct raft *raft, struct raft_time now);

/* --- inputs --- */

/* Acts on what is due. Call at raft_deadline_us() or later; earlier is harmless. */
void raft_tick(struct raft *raft, struct raft_time now);
uint64_t raft_deadline_us(const struct raft *raft); /* monotonic */

/* A message from any replica of this group, also one that this replica's membership does not list:
 * one of the two may not have heard of a change yet, and who counts is for the membership of the
 * one that counts to say (dissertation 4.1). The caller vouches that it is of this cluster;
 * anything in it may be wrong, nothing may break us.
 * Everything borrowed; entries are copied. Entries must be contiguous from index + 1 with terms
 * that do not fall; else the message is dropped. */
void raft_receive(struct raft *raft, struct raft_time now, const struct raft_message *message);

enum raft_propose_result {
    RAFT_PROPOSE_OK,
    RAFT_PROPOSE_NOT_LEADER,
    RAFT_PROPOSE_BUSY,     /* uncommitted_bytes_max reached: try again after commits */
    RAFT_PROPOSE_TRANSFER, /* leadership is being handed over: try again with the next leader */
};

/* Appends one entry as leader. Data is copied. *index receives where. The entry counts as
 * committed only when raft_commit_index() reaches it in the same term. */
enum raft_propose_result raft_propose(struct raft *raft, struct raft_time now, uint8_t kind,
                                      uint8_t version, struct slice data, uint64_t *index);

/* The same, for an entry that sets the wall clock of log time: its wall_us is that of `now`, even
 * where the entry before it has a later one. */
enum raft_propose_result raft_propose_clock(struct raft *raft, struct raft_time now, uint8_t kind,
                                            uint8_t version, struct slice data, uint64_t *index);

enum raft_change_result {
    RAFT_CHANGE_OK,
    RAFT_CHANGE_NOT_LEADER,
    RAFT_CHANGE_NOT_SETTLED,    /* nothing of this term is committed yet: try again soon */
    RAFT_CHANGE_UNDER_WAY,      /* the last change is not committed yet: try again soon */
    RAFT_CHANGE_TRANSFER,       /* leadership is being handed over: ask the next leader */
    RAFT_CHANGE_NOT_CAUGHT_UP,  /* a new voter is not a learner that caught up */
    RAFT_CHANGE_NO_QUORUM,      /* of the target's voters too few are trusted and were heard */
    RAFT_CHANGE_NOTHING_TO_DO,  /* the target is what is in force */
    RAFT_CHANGE_TOO_MANY,       /* old and new members together exceed RAFT_MEMBERS_MAX */
    RAFT_CHANGE_INVALID_TARGET, /* unordered, without a voter, or joint itself */
};

/* The leader changes the membership to `target` (borrowed; not joint). Where voters change, the
 * entry appended here is the joint configuration, and whoever leads when it is committed appends
 * the target by itself; where only learners or addresses change, it is the target. Each is in force
 * from the moment it is in a replica's log, committed or not, and falls back with the log.
 *
 * A new voter must be a learner that has caught up (raft_progress.caught_up): it is trusted, was
 * heard within an election timeout, and its last round of catching up was short (dissertation
 * 4.2.1): it came to hold durably all that the log held at some moment within an election timeout
 * of that moment. And of the voters of the target a quorum must be trusted and have been heard
 * within an election timeout: a joint configuration that cannot be committed could not be left
 * either, nor anyone be repaired in it (trust.c).
 *
 * A voter that is to go may be the leader: it leads on, not counting itself, until the target is
 * committed, and then steps down and tells a voter that holds most to campaign. */
enum raft_change_result raft_change_members(struct raft *raft, struct raft_time now,
                                            const struct raft_members *target);

/* All that was handed out under this sequence and before is durable. */
void raft_durable(struct raft *raft, struct raft_time now, uint64_t sequence);

/* The connection to a peer broke: what is in flight to it is presumed lost. What the peer sent
 * before it restarted must not be delivered after this: an untrusted peer starts anew here. */
void raft_peer_lost(struct raft *raft, uint32_t peer);

/* This replica has clients waiting for the commit index: the leader is told in the next reply. */
void raft_set_waiting(struct raft *raft, bool waiting);

/* The disk refuses to grow: a leader steps down and does not campaign while set. */
void raft_set_mute(struct raft *raft, struct raft_time now, bool mute);

/* This replica is unfit to lead: it does not campaign while set. A leader leads on; the caller
 * hands over (raft_transfer), which costs no election timeout. */
void raft_set_abstaining(struct raft *raft, struct raft_time now, bool abstaining);

/* --- reads: a point from which the applied state may answer a question --- */

/* Asks for a linearizable read (ReadIndex), on any member. Returns its ticket: 1 more than the last
 * one's. When raft_take_output() says that the ticket is confirmed, the applied state may answer
 * once it is at reads_index or later: it then holds all that was committed anywhere when this was
 * called. Costs one round of heartbeats, shared by all that ask meanwhile, and a message each way
 * on a follower. Nothing fails here: without a leader, or when it changes, the read waits for one
 * that can confirm it, and the caller decides how long it cares. A restart forgets it. */
uint64_t raft_read(struct raft *raft, struct raft_time now);
/* The same at once, while this leader holds a lease; *index receives where to read. False when it
 * holds none, and then *index is as it was: use raft_read(). Only as right as the bound
 * clock_drift_permille is true, and `now` sampled after the question arrived. A sole voter always
 * holds one. */
bool raft_read_lease(struct raft *raft, struct raft_time now, uint64_t *index);
/* What it would say, to look at and not to read by. */
bool raft_lease_index(const struct raft *raft, struct raft_time now, uint64_t *index);

/* --- leadership transfer --- */

enum raft_transfer_result {
    RAFT_TRANSFER_OK, /* begun */
    RAFT_TRANSFER_NOT_LEADER,
    RAFT_TRANSFER_NOT_VOTER, /* not a voter, or one that leaves; untrusted; this replica itself */
    RAFT_TRANSFER_BUSY,      /* one is under way */
};

/* Hands leadership to this peer: proposals are refused (RAFT_PROPOSE_TRANSFER), the peer is brought
 * up to date and told to campaign. It has come to pass when raft_leader() says so. If this replica
 * still leads an election timeout from now, it goes on as if nothing had been asked. */
enum raft_transfer_result raft_transfer(struct raft *raft, struct raft_time now, uint32_t peer);
uint32_t raft_transferring(const struct raft *raft); /* to whom; 0: to nobody */

/* --- output --- */

/* What the last calls produced. Pointers live until the next call of any function here. */
struct raft_output {
    bool hard_state; /* term, vote or trusted changed: persist them under the given sequence */
    uint64_t term;
    uint32_t vote;
    bool trusted;
    /* Persist entries [persist_first, persist_last] (raft_entry_at), replacing any on disk from
     * persist_first on; persist_first 0: none. */
    uint64_t persist_first;
    uint64_t persist_last;
    uint32_t messages_count;
    const struct raft_message *messages;
    /* Reads with tickets up to this one may be answered from reads_index on (raft_read). */
    uint64_t reads_confirmed;
    uint64_t reads_index;
};

/* `sequence` is the write sequence that hard state and entries will be persisted under; higher
 * at each call that yields something to persist. If nothing is to be persisted it is unused, and
 * gates name the last sequence that was used and is not durable yet, or 0. */
void raft_take_output(struct raft *raft, uint64_t sequence, struct raft_output *output);

/* --- state --- */

enum raft_role raft_role(const struct raft *raft);
uint32_t raft_leader(const struct raft *raft); /* 0: not known */
uint64_t raft_term(const struct raft *raft);
uint32_t raft_vote(const struct raft *raft);
bool raft_trusted(const struct raft *raft);
uint64_t raft_commit_index(const struct raft *raft);
uint64_t raft_last_index(const struct raft *raft);
uint64_t raft_durable_index(const struct raft *raft); /* own log durable up to here */
uint64_t raft_first_index(const struct raft *raft);   /* first entry in memory */
/* Leader only: has it committed an entry of its own term (section 5.4.2, 6.4)? */
bool raft_settled(const struct raft *raft);
/* In force: the last in the log. Count 0: none known yet. */
const struct raft_members *raft_members(const struct raft *raft);
/* Its index in the log (or the snapshot's): it is committed once the commit index is there. */
uint64_t raft_members_index(const struct raft *raft);
/* As of an entry, for a snapshot at `index`, which is first_index - 1 or above. */
const struct raft_members *raft_members_at(const struct raft *raft, uint64_t index);
/* The term of the entry at this index; 0 when it is not in memory (snapshot_index is known). */
uint64_t raft_term_at(const struct raft *raft, uint64_t index);
/* An entry in memory, valid until the next non-const call; NULL outside [first, last]. */
const struct raft_entry *raft_entry_at(const struct raft *raft, uint64_t index);
/* Log time now, were an entry appended now. Leader only; else the last entry's. */
void raft_log_time(const struct raft *raft, struct raft_time now, uint64_t *elapsed_us,
                   uint64_t *wall_us);
/* Compacted entries are still being freed, a few in each step. */
bool raft_releasing(const struct raft *raft);
uint64_t raft_log_bytes(const struct raft *raft); /* entry data held in memory, compacted but not
                                                     yet freed included */

/* --- compaction and snapshots --- */

/* Forget entries up to and including `index`, which must be applied (so committed); clipped to
 * what is durable here. Followers that still need them will need a snapshot. The memory comes back
 * over the next calls of raft_take_output(). */
void raft_compact(struct raft *raft, uint64_t index);
/* The lowest index that every other current member has durably (leader), for deciding how much to
 * keep; UINT64_MAX when alone. A follower that is silent for longer than an election timeout
 * does not hold it back. Followers: the commit index. */
uint64_t raft_replicated_index(const struct raft *raft);
/* Leader: a peer whose next entry is compacted away, 0 when none. While a peer is here it gets
 * heartbeats only, until an ack shows that it holds first_index - 1 or more. */
uint32_t raft_snapshot_wanted(const struct raft *raft, uint32_t after_peer);
/* Follower: the state up to this index has been installed and is durable. Drops the log up to
 * it, and all of it unless it holds (index, term). Ignored (false) when at or below commit. */
bool raft_install_snapshot(struct raft *raft, struct raft_time now, uint64_t index, uint64_t term,
                           uint64_t elapsed_us, uint64_t wall_us,
                           const struct raft_members *members);

/* Progress of each other member as the leader sees it. */
struct raft_progress {
    uint32_t peer;
    uint64_t match;
    uint64_t next;
    bool trusted;
    bool snapshot;  /* needs one */
    bool caught_up; /* may be made a voter: see raft_change_members() */
    uint32_t inflight;
    uint64_t heard_us; /* monotonic, last reply; 0 never */
};
/* Fills up to RAFT_MEMBERS_MAX rows; returns how many. 0 unless leader. */
uint32_t raft_progress_all(const struct raft *raft, struct raft_progress *rows);

/* What happened in this replica's life: for people, and for tests that must not be quiet. */
struct raft_counters {
    uint64_t pre_votes_refused; /* to peers that asked, for whatever reason */
    uint64_t votes_refused;
    uint64_t truncations;     /* a leader's entries replaced some of ours */
    uint64_t back_ups;        /* as leader: a follower's log did not match where it was tried */
    uint64_t reads_confirmed; /* rounds of ReadIndex, each for all that asked meanwhile */
    uint64_t leases_held;     /* when a read asked for one */
    uint64_t leases_missing;
    uint64_t transfers;     /* campaigns that a leader asked for */
    uint64_t appends_heard; /* from the leader of this term */
};
const struct raft_counters *raft_counters(const struct raft *raft);

#endif
