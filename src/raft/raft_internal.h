/* What the files of this folder share. Nobody outside includes it.
 *
 * raft.c         life cycle, dispatch of messages, output
 * log.c          entries in memory, and which of them are durable
 * members.c      memberships: which is in force, and all quorum arithmetic
 * change.c       changes of the membership, by joint consensus
 * election.c     roles, timers, pre-vote, votes
 * replication.c  the leader: what each follower has and is sent
 * follow.c       the follower: what it accepts and acknowledges
 * commit.c       the commit rule
 * read.c         reads without log entries: ReadIndex, leases
 * transfer.c     leadership transfer
 * trust.c        replicas that lost what they had promised
 *
 * Invariants, beyond the paper's:
 * - first - 1 <= commit <= last, and durable <= handed <= last.
 * - A message leaves only when the term and vote it was sent under are durable (`gate`). */
#ifndef QUARTET_RAFT_RAFT_INTERNAL_H
#define QUARTET_RAFT_RAFT_INTERNAL_H

#include "base/random.h"
#include "raft/raft.h"

enum {
    LOG_BLOCK_ENTRIES = 32,
    SEND_BYTES_PER_CALL = 1 << 20, /* of entries, to one peer in one step */
    LOG_RELEASE_PER_CALL = 256,    /* compacted entries freed in one step */
    ROUNDS_KEPT = 128,             /* of heartbeats; an answer to an earlier one confirms no read */
};

/* Marks a queued message whose gate raft_take_output() decides. */
#define RAFT_GATE_HARD_STATE UINT64_MAX

/* No cluster gets here in its life; a message that claims more is nonsense. Adding 1 is safe. */
#define RAFT_TERM_MAX (UINT64_MAX / 2)

/* --- log.c --- */

struct log_block {
    struct raft_entry entries[LOG_BLOCK_ENTRIES];
    uint32_t used; /* entries present; the block is freed when it falls to 0 */
    /* Of a block that a reset left behind: the entries present, and the next such block. */
    uint32_t from, end;
    struct log_block *next;
};

/* A write that is under way: once `sequence` is durable, so are the entries up to `last`. */
struct log_write {
    uint64_t sequence;
    uint64_t last;
};

/* Entries live in blocks found by index, so they never move and growth copies only pointers.
 * Compacted entries are freed little by little: they are in (released, first). */
struct raft_log {
    struct log_block **blocks; /* block number modulo blocks_capacity */
    uint64_t blocks_capacity;  /* a power of two, or 0 */
    uint64_t released;
    uint64_t first; /* the entry before `first` is the snapshot's */
    uint64_t last;  /* first - 1 when empty */
    uint64_t snapshot_term;
    uint64_t snapshot_elapsed_us;
    uint64_t snapshot_wall_us;
    uint64_t bytes;         /* of data, what is not yet released included; without `left` */
    struct log_block *left; /* by a reset, to be freed little by little */

    uint64_t handed;  /* entries up to here were given out to be written */
    uint64_t durable; /* entries up to here are on disk */
    uint64_t durable_sequence;
    struct log_write *writes; /* ring, ascending in sequence */
    uint32_t writes_capacity; /* a power of two, or 0 */
    uint32_t writes_head;
    uint32_t writes_count;
};

void log_init(struct raft_log *log, const struct raft_restored *restored);
void log_free(struct raft_log *log);
struct raft_entry *log_at(const struct raft_log *log, uint64_t index); /* NULL outside */
/* In [first - 1, last]; 0 outside, as for a log that begins with no snapshot. */
uint64_t log_term(const struct raft_log *log, uint64_t index);
uint64_t log_last_term(const struct raft_log *log);
void log_last_time(const struct raft_log *log, uint64_t *elapsed_us, uint64_t *wall_us);
/* The greatest index in [floor, from] whose term is at most `term`, else `floor`. */
uint64_t log_find_term(const struct raft_log *log, uint64_t floor, uint64_t from, uint64_t term);
/* entry->index must be last + 1. Copies the data. */
void log_append(struct raft_log *log, const struct raft_entry *entry);
void log_truncate(struct raft_log *log, uint64_t last); /* forgets all above `last` */
void log_compact(struct raft_log *log, uint64_t index); /* in [first - 1, last] */
/* All is replaced by a snapshot that is durable. */
void log_reset(struct raft_log *log, uint64_t index, uint64_t term, uint64_t elapsed_us,
               uint64_t wall_us);
bool log_releasing(const struct raft_log *log); /* some of `bytes` is compacted, and not freed */
void log_release(struct raft_log *log);         /* a slice of the freeing that compaction left */
void log_hand_out(struct raft_log *log, uint64_t sequence);
void log_written(struct raft_log *log, uint64_t sequence);

/* --- members.c --- */

/* The members as of an entry; the last one is in force, even while it is uncommitted (section 6).
 * history[0] stands for everything at or below the snapshot. */
struct members_at {
    uint64_t index;
    struct raft_members members;
};

struct members_history {
    struct members_at *at;
    uint32_t count; /* at least 1 */
    uint32_t capacity;
};

void members_history_init(struct members_history *history, uint64_t index,
                          const struct raft_members *members);
void members_history_free(struct members_history *history);
void members_history_append(struct members_history *history, uint64_t index,
                            const struct raft_members *members);
void members_history_truncate(struct members_history *history, uint64_t last);
void members_history_compact(struct members_history *history, uint64_t index);
void members_history_set_oldest(struct members_history *history, uint64_t index,
                                const struct raft_members *members);
const struct raft_members *members_in_force(const struct members_history *history);
uint64_t members_index(const struct members_history *history); /* of the one in force */
const struct raft_members *members_as_of(const struct members_history *history, uint64_t index);
/* Does `id` vote in the one in force, or in one that may yet be the one in force: from that as of
 * `commit` on? */
bool members_may_lead(const struct members_history *history, uint64_t commit, uint32_t id);
/* Has no one else a vote in any of those? */
bool members_alone(const struct members_history *history, uint64_t commit, uint32_t id);

/* On either side, while a change is under way. */
bool members_is_voter(const struct raft_members *members, uint32_t id);
/* The greatest value that a quorum has reached; values[i] is member[i]'s. Every quorum in this
 * folder is counted here: a majority of the voters, and while a change is under way a majority of
 * either side, so the lesser of two values. With values 0 and 1 it says whether a quorum agrees. */
uint64_t members_quorum(const struct raft_members *members, const uint64_t *values);
bool members_equal(const struct raft_members *a, const struct raft_members *b);

/* --- the replica --- */

enum peer_state {
    PEER_PROBE,     /* where the logs part is not known: one APPEND at a time */
    PEER_REPLICATE, /* APPENDs are pipelined, `next` runs ahead of `match` */
    PEER_SNAPSHOT,  /* what it needs is compacted away: heartbeats only */
};

/* What the leader knows of member[i], in raft->peers[i]. Valid in the leader's term only. */
struct peer {
    enum peer_state state;
    bool probing;         /* PROBE: one is under way */
    bool trusted;         /* by its last reply */
    bool waiting;         /* by its last reply */
    bool contacted;       /* untrusted, and heard from: contact_* are set */
    uint64_t probe_end;   /* last entry of the probe under way */
    uint64_t match;       /* durable there and equal to ours */
    uint64_t next;        /* first entry to send */
    uint64_t sent_round;  /* when entries were last sent */
    uint64_t round;       /* highest round answered */
    uint64_t echoed_us;   /* when we sent that one */
    uint64_t read_asked;  /* the ticket of its READ that is not answered yet; 0: none */
    uint64_t read_ticket; /* ours that stands for it */
    uint64_t heard_us;    /* last reply; 0 never */
    uint64_t told;        /* it was told of the commit index up to here */
    uint64_t contact_round;
    uint64_t contact_index;
    uint64_t catch_up_index; /* it catches up with what the log held at catch_up_us */
    uint64_t catch_up_us;
    bool caught_up;     /* its last round of that was short enough */
    uint64_t *inflight; /* ring of the last indexes of unacknowledged APPENDs; NULL: none so far */
    uint32_t inflight_head;
    uint32_t inflight_count;
};

/* A round of heartbeats, as it began. */
struct round {
    uint64_t number; /* 0: none */
    uint64_t sent_us;
    uint64_t ticket; /* it carries the reads up to this one ... */
    uint64_t index;  /* ... which may be answered from here on */
};

struct message_queue {
    struct raft_message *messages;
    uint32_t count;
    uint32_t capacity;
};

struct raft {
    struct raft_config config;
    struct random random;
    struct raft_time now; /* of the last call; monotonic never goes back */
    bool started;
    bool mute;
    bool abstaining;

    /* Hard state, and whether it changed since it was last handed out. */
    uint64_t term;
    uint32_t vote;
    bool trusted;
    bool hard_dirty;
    uint64_t hard_sequence;  /* the write that held it last; 0: as restored */
    uint64_t taken_sequence; /* the last write sequence that was used */

    struct raft_log log;
    struct members_history history;
    uint64_t commit;

    enum raft_role role;
    uint32_t leader;
    uint64_t promised_us;             /* a leader was heard: no vote is given before */
    uint64_t election_us;             /* when to campaign, unless the leader is heard */
    uint64_t embargo_us;              /* restarted: no vote is given before */
    uint64_t votes[RAFT_MEMBERS_MAX]; /* 1: member[i] granted it; own vote in a term included. The
                                         members do not change under a candidate */

    /* Leader. */
    struct peer peers[RAFT_MEMBERS_MAX];
    uint64_t elected_us;
    uint64_t elected_elapsed_us; /* log time at election */
    uint64_t elected_index;      /* the no-op */
    uint64_t heartbeat_us;       /* when the next round is due */
    uint64_t round;
    uint64_t uncommitted_bytes;
    struct round *rounds; /* by number modulo ROUNDS_KEPT; NULL until it first leads */
    uint64_t lease_round; /* rounds up to this one earn no lease */
    uint32_t transfer_to; /* 0: nobody */
    uint64_t transfer_until_us;

    /* Reads. Tickets above read_confirmed wait. */
    uint64_t read_ticket; /* the last one given */
    uint64_t read_confirmed;
    uint64_t read_index;   /* where the confirmed ones may be answered */
    uint64_t read_carried; /* leader: the last one that a round carries */
    uint64_t read_asked;   /* follower: the one that the leader was asked about; 0: none */
    uint64_t read_asked_us;

    /* Follower, towards the leader of this term. */
    uint64_t matched; /* entries up to here equal the leader's, durable or not */
    uint64_t acked;   /* the last index acknowledged */
    uint64_t round_heard;
    bool reply_due;
    bool waiting;
    struct raft_message replied; /* what was last said, so as not to repeat it */
    uint64_t trust_index;

    struct raft_counters counters;
    struct message_queue queue; /* grows until raft_take_output() */
    struct message_queue taken; /* what that handed out last */
};

/* --- raft.c --- */

const struct raft_members *members_of(const struct raft *raft);
void note_time(struct raft *raft, struct raft_time now); /* of this call */
/* A message to be filled in, from this replica in this term, gated on the hard state. Valid until
 * the next one is queued. */
struct raft_message *queue_message(struct raft *raft, enum raft_message_type type, uint32_t to);
bool hard_state_durable(const struct raft *raft);
/* Appends to the log and follows the membership. */
void append_entry(struct raft *raft, const struct raft_entry *entry);
void truncate_entries(struct raft *raft, uint64_t last);

/* --- election.c --- */

/* Follower of `leader` (0: none) in `term`, which is this one or a later one. */
void become_follower(struct raft *raft, uint64_t term, uint32_t leader);
void election_reset_timer(struct raft *raft);
bool election_may_campaign(const struct raft *raft);
/* A new term and our own vote in it. transfer_round: of a TIMEOUT_NOW, else 0. */
void election_campaign(struct raft *raft, uint64_t transfer_round);
void election_start(struct raft *raft);
void election_tick(struct raft *raft);
void election_unmute(struct raft *raft);
void election_hard_state_durable(struct raft *raft);
void receive_vote_request(struct raft *raft, const struct raft_message *message);
void receive_vote_reply(struct raft *raft, const struct raft_message *message);

/* --- replication.c --- */

void replication_lead(struct raft *raft); /* on election */
void replication_tick(struct raft *raft);
void replication_round(struct raft *raft); /* of heartbeats: begins now */
void replication_send(struct raft *raft);  /* everything there is to send */
void replication_peer_lost(struct raft *raft, uint32_t peer);
/* The leader's membership changed: peers[] follows. */
void replication_members_changed(struct raft *raft, const struct raft_members *before);
void replication_heartbeat(struct raft *raft); /* to all, at once */
bool replication_caught_up(const struct raft *raft, const struct peer *peer);
void receive_append_reply(struct raft *raft, const struct raft_message *message);
bool replication_quorum_lost(const struct raft *raft);

/* --- follow.c --- */

void follow_reset(struct raft *raft); /* a new term or a new leader */
void receive_append(struct raft *raft, const struct raft_message *message);
void follow_durable(struct raft *raft);
void follow_reply(struct raft *raft); /* what is due */

/* --- commit.c --- */

void commit_to(struct raft *raft, uint64_t index);
void commit_count(struct raft *raft);
uint64_t entry_cost(const struct raft_entry *entry); /* against uncommitted_bytes_max */

/* --- change.c --- */

void change_committed(struct raft *raft); /* the leader's commit index has moved */

/* --- read.c --- */

void read_init(struct raft *raft);
void read_round_begun(struct raft *raft);
void read_round_echoed(struct raft *raft, struct peer *peer, uint64_t number);
void read_turn(struct raft *raft); /* what there is to confirm, to ask */
void receive_read(struct raft *raft, const struct raft_message *message);
void receive_read_reply(struct raft *raft, const struct raft_message *message);

/* --- transfer.c --- */

void transfer_turn(struct raft *raft);
void receive_timeout_now(struct raft *raft, const struct raft_message *message);
/* Is this vote asked for in the name of the leader that our promise is to? */
bool transfer_releases(const struct raft *raft, const struct raft_message *vote);

/* --- trust.c --- */

/* Leader: the latest round that a quorum has answered. */
uint64_t quorum_round(const struct raft *raft);

/* Leader: a reply came from this peer. */
void trust_note_reply(struct raft *raft, struct peer *peer, const struct raft_message *message);
/* Leader: what to tell this peer; 0 when it is trusted or nothing is confirmed yet. */
uint64_t trust_target(const struct raft *raft, const struct peer *peer);
/* Untrusted follower: have we caught up? */
void trust_check(struct raft *raft);

#endif
