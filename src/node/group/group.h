/* One Raft group of a node: its log, the replica that the log amounts to, this node's proposals and
 * questions to it, and the snapshots that bring others and the disk up to date.
 *
 * It has the shape of raft.h: calls in, one output out. A group calls neither peers nor clients; it
 * uses the rooms below it, the turn (time, file actions, trace) and the disk (the log, which it
 * writes its records to). The hub drives it, once a turn, like this:
 *
 *     raft_receive(group_raft(), ...), group_propose(), group_read(), ...   any number of them
 *     group_tick()        what is due and what is committed
 *     group_work()        proposals to the leader, ticks of log time, snapshots
 *     group_write()       what Raft has to say: records of the turn's batch, messages
 *     group_answer()      questions that have become known, or too old
 *
 * After each of these calls, group_take_output() says what it has led to for others.
 *
 * Answers of the machine are no part of the output: they go to `emit` while the machine says them,
 * for they are the machine's own structs and live no longer. The hub hands them to the connection.
 *
 * A node has many. They share the log, the limits and the one snapshot at a time in `group_shared`;
 * a group that has nothing to do and nothing due need not be visited: see group_busy() and
 * group_wake_us(). */
#ifndef QUARTET_NODE_GROUP_GROUP_H
#define QUARTET_NODE_GROUP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/random.h"
#include "contract/machine.h"
#include "contract/protocol.h"
#include "node/disk/snapshot_format.h"
#include "node/disk/wal.h"
#include "node/group/replica.h"
#include "node/node.h"
#include "node/turn/turn.h"
#include "raft/raft.h"
#include "wire/peer.h"

enum {
    NODE_PROPOSAL_BYTES_MAX = 64 << 20, /* own proposals not applied yet; more is refused: busy */
    NODE_SNAPSHOT_FRAMES_MAX = 3 * RAFT_MEMBERS_MAX + 1, /* that one call can lead to */
    GROUP_WALL_AHEAD_US_MAX = 2000000, /* log time's calendar by more is set back */
};

struct group;
struct group_read; /* a question that waits */

/* What the groups of a node share: zero, then group_shared_init(). It outlives them. */
struct group_shared {
    uint64_t proposal_bytes; /* of own proposals that are not applied yet */
    /* Snapshots: one out and one in at a time, and one file being written. */
    struct group *cutting;
    struct group *arriving;
    struct group *file;
    struct list wants;             /* groups that wait to begin a cut, first come first */
    uint64_t snapshot_bytes_total; /* of each group's newest on disk */
};

void group_shared_init(struct group_shared *shared);

/* All of it is borrowed, and outlives the group. */
struct group_parts {
    uint32_t number;
    struct group_shared *shared;
    const struct node_config *config;
    struct turn *turn;
    struct wal *wal;
    struct random *random;
    machine_emit *emit; /* only what is for sessions of this node's present incarnation */
    void *world;        /* handed to emit */
};

struct group *group_create(const struct group_parts *parts);
void group_destroy(struct group *group);

/* --- opening --- */

/* Raft begins, of this cluster, as the disk has it. Then raft_restore_entry() and
 * raft_restore_commit() may follow, and raft_start() does. There is no log yet. */
void group_open(struct group *group, uint64_t cluster, const struct raft_restored *restored);
/* Back to before group_open(): what was restored is not whole. */
void group_close(struct group *group);
/* Reads a snapshot file into a fresh replica, which the caller owns; NULL with *fault set when it
 * is damaged or not ours. */
struct replica *group_read_snapshot(struct group *group, struct slice file,
                                    struct snapshot_header *header, struct snapshot_fault *fault);
/* The group takes over this replica, restored from its newest snapshot, a file of `bytes`. Before
 * group_open() only. */
void group_adopt(struct group *group, struct replica *replica, uint64_t bytes);

/* Commands in the order of their coming. Copy it to walk them more than once. */
struct group_commands {
    const struct list *at;
    uint32_t items;
    struct reader reader;
};
/* The next command; its bytes are borrowed. False at the end. */
bool group_commands_next(struct group_commands *commands, struct command *command);

/* --- calls in: clients --- */

/* A command for the machine on behalf of a connection; copied. It is carried out once, or refused,
 * or its outcome is not known in time: the output, or `emit`, says which. */
void group_propose(struct group *group, uint32_t connection, struct slice command);
/* This node has this incarnation in the group. Without that it has none, and takes one when it is
 * trusted. */
void group_begin(struct group *group, uint64_t incarnation);
/* Its incarnation, whichever it will be, is said to the log before anything else. */
void group_propose_open(struct group *group);
/* It has none any more: it joins as a node without a past. Nothing was sent so far. */
void group_hold(struct group *group);
uint64_t group_incarnation(const struct group *group);
/* As many proposals as may be are under way: refuse. */
bool group_full(const struct group *group);
uint64_t group_proposal_bytes(const struct group *group); /* of those under way */
bool group_idle(const struct group *group);               /* none is */

/* Its commands that are not applied yet: those that were sent, and those that were not. Borrowed
 * until the next call. */
void group_under_way(const struct group *group, struct group_commands under_way[2]);

/* A connection for which the machine is about to hold a session, and one whose session is over:
 * the node says that it lives while there are any. Each begun one ends once, or is forgotten:
 * nothing that was proposed for it has been sent. All of it does nothing where the machine is
 * sessionless. */
void group_session_begin(struct group *group);
void group_session_end(struct group *group, uint32_t connection);
/* Its client says nothing more: what it waits for is to end (machine.h, session_hurry()). */
void group_session_hurry(struct group *group, uint32_t connection);
void group_session_forget(struct group *group);
uint32_t group_sessions(const struct group *group);

/* A question of a connection; `place` is the asker's own word for it. */
struct group_question {
    uint32_t connection;
    uint64_t place;
    struct slice command;
    uint32_t after_count; /* it is answered behind these: of all levels but LOCAL */
    struct protocol_position after[PROTOCOL_AFTER_MAX];
    enum protocol_refusal why; /* in the output */
};

/* A write of level LEADER (protocol.h), copied: what becomes of it, the output says under its
 * place. False: this node does not lead, and nothing was done. */
bool group_propose_early(struct group *group, const struct group_question *write);

/* How many voters are known to have the log on disk up to `index`, the leader among them. */
struct group_voters {
    uint32_t have, of;
    bool leading; /* else `have` is 0: only the leader can tell */
};
void group_count_voters(const struct group *group, uint64_t index, struct group_voters *voters);

/* Asks the machine at once, as this replica stands; `emit` hears the answer before this returns. */
void group_ask(struct group *group, const struct group_question *question);
/* Asks as truly as `level` says; `behind` proposals of its connection that are not answered: it is
 * answered when they are applied. NULL: `emit` has heard the answer. Else the question, copied,
 * waits until `emit` hears the answer, the output refuses it, or group_read_cancel(). */
struct group_read *group_read(struct group *group, enum protocol_read level, bool behind,
                              const struct group_question *question);
/* A watch of the machine, as this replica stands (machine.h): `say` is called meanwhile. */
void group_watch_open(const struct group *group, struct slice spec, struct machine_watch *watch,
                      machine_say *say, void *world);
bool group_watch_read(const struct group *group, struct machine_watch *watch, size_t room,
                      machine_say *say, void *world);
/* It will be answered before anything is applied that is proposed from now on. Of any other it is
 * not known what its answer will show of that. */
bool group_read_in_order(const struct group_read *read);
/* While `emit` is called: whether what it hears is the answer to a question, and its place. */
bool group_asking(const struct group *group, uint64_t *place);
void group_read_cancel(struct group *group, struct group_read *read);

/* --- calls in: peers --- */

/* Proposals of another node, which takes us for the leader. False when they are malformed. */
bool group_forwarded(struct group *group, uint32_t from, struct slice batch);
/* The log link to this peer broke, or is new. */
void group_link_changed(struct group *group, uint32_t peer);

/* A SNAPSHOT_BEGIN, DATA or END frame from this peer, on this connection; false when malformed, or
 * not what was begun there. */
bool group_snapshot_frame(struct group *group, uint32_t peer, uint32_t connection,
                          const struct peer_frame *frame);
/* A follower holds so much of the stream of this number. */
void group_snapshot_taken(struct group *group, uint32_t peer, uint64_t number, uint64_t offset);
/* A connection is gone, on which one may have come. */
void group_snapshot_link_lost(struct group *group, uint32_t connection);
/* The link to this peer is gone on which we send them. */
void group_snapshot_peer_lost(struct group *group, uint32_t peer);

/* --- calls in: the disk --- */

void group_snapshot_written(struct group *group); /* events of node.h */
void group_snapshot_durable(struct group *group);
void group_snapshot_failed(struct group *group);
void group_set_disk_full(struct group *group, bool full);

/* Whether the log is so long that the group should put its state on disk, as soon as it may. */
bool group_should_cut(const struct group *group);

/* --- calls in: the clocks --- */

/* Whether the wall clocks of a quorum, this node's among them, are known to be near each other. */
void group_set_clocks_agree(struct group *group, bool agree);

/* --- calls in: the turn --- */

/* Whom it could reach just now. */
struct group_reach {
    uint64_t leader_room; /* bytes that the link to the leader still takes; 0: there is none */
    bool others;          /* other nodes are known */
    uint32_t snapshot_count;
    uint32_t snapshot_to[NODE_PEERS_KNOWN_MAX]; /* who has a link for snapshots */
};

/* What is due, and what is committed: answers go to `emit`. False: the log holds an entry of a kind
 * that this version does not know, and the node must stop. */
bool group_tick(struct group *group);
void group_work(struct group *group, const struct group_reach *reach);
/* The records of this turn go to the log (true: there are some); what they gate leaves in the
 * output. `clients_wait`: some are owed replies to what they proposed, so that the commit index is
 * news. */
bool group_write(struct group *group, bool clients_wait);
void group_answer(struct group *group);
/* What was certainly not sent is refused now: nobody will take it. */
void group_refuse_pending(struct group *group);

/* --- output --- */

struct group_snapshot_frame {
    enum peer_frame_type type; /* PEER_SNAPSHOT_... */
    uint32_t to;               /* a peer; of TAKEN: a connection */
    uint64_t term;             /* of BEGIN */
    uint64_t number;
    uint64_t offset;    /* not of BEGIN */
    struct slice bytes; /* of BEGIN: the header; of DATA */
};

enum group_fate { GROUP_ACKNOWLEDGED, GROUP_NOT_CARRIED_OUT, GROUP_FATE_UNKNOWN };

/* What became of a group_propose_early(). */
struct group_receipt {
    uint32_t connection;
    uint64_t place;
    enum group_fate fate;
    struct protocol_position position; /* of what is acknowledged */
};

/* What the calls since the last group_take_output() led to. Everything it points to lives until the
 * next call of any function of the group or of its Raft. */
struct group_output {
    /* To clients; `uncertain` behind the forwards, so that bytes keep their order. */
    bool clients_lost; /* effects that were meant for them were skipped: replies to what they
                          proposed, but for what is still under way */
    bool reborn;       /* all sessions of this node are over: close, and forget */
    struct group_commands refused;   /* certainly not carried out: no leader in time */
    struct group_commands uncertain; /* nobody knows: close whoever waits for it, if still there */
    uint32_t reads_refused_count;    /* questions that no leader could confirm in time */
    const struct group_question *reads_refused; /* without commands; their group_read is gone */

    uint32_t receipts_count;
    const struct group_receipt *receipts;

    uint32_t marks_count; /* what is watched and has changed; where clients_lost, all may have */
    const struct machine_mark *marks;

    /* To peers. */
    uint32_t leader; /* to whom `forwards` go */
    uint32_t forwards_count;
    const struct slice *forwards; /* content of FORWARD frames */
    uint32_t frames_count;
    const struct group_snapshot_frame *frames;
    bool wants_changed; /* who is to have a link for snapshots is not what it was: these, */
    uint32_t wants_count;
    const uint32_t *wants; /* and no others */
    uint32_t messages_count;
    const struct raft_message *messages; /* see raft_output */
};

void group_take_output(struct group *group, struct group_output *output);
/* False: the output would say nothing. Most are so: a turn asks each group four times. */
bool group_has_output(const struct group *group);

/* --- state --- */

/* It has work that a turn may take further, whatever is due: visit it whenever there is a turn. */
bool group_busy(const struct group *group);
/* When it is due: as of its last visit, from group_tick() to group_answer(). UINT64_MAX: never. */
uint64_t group_wake_us(const struct group *group);
/* It is to be visited then, too, at the latest; behind group_tick(). */
void group_visit(struct group *group, uint64_t at_us);
/* Whether raft_read() of this ticket is confirmed and applied here. */
bool group_confirmed(const struct group *group, uint64_t ticket);
uint32_t group_number(const struct group *group);
/* Who waits to begin a cut and may: visit it. NULL: nobody. */
struct group *group_next_to_cut(const struct group_shared *shared);
/* Who is to have a link for snapshots, as of the last output that said so. */
uint32_t group_wants(const struct group *group, const uint32_t **peers);

/* Raft itself, for what goes straight to it: messages, transfers, changes of its members. NULL
 * before group_open(). */
struct raft *group_raft(const struct group *group);
const struct replica *group_replica(const struct group *group);
bool group_leading(const struct group *group);
/* In the membership in force, or in the committed one; NULL: in neither, or there is no log. */
const struct raft_member *group_member(const struct group *group, uint32_t id);
const struct raft_members *group_members_committed(const struct group *group); /* once open */
bool group_members_in_force_committed(const struct group *group);              /* once open */
/* As of now; on a follower perhaps less, never more than its leader would say. */
void group_log_time(const struct group *group, struct machine_time *now);
/* By how much the calendar of log time is ahead of this node's clock; 0: it is not. */
uint64_t group_wall_ahead_us(const struct group *group);

struct group_counters {
    uint64_t proposals, entries_applied, elections_won;
    uint64_t snapshots_written, snapshots_sent, snapshots_installed;
    uint64_t snapshot_index, snapshot_bytes; /* of the newest on disk; 0: none */
};
void group_counters(const struct group *group, struct group_counters *counters);

/* Tells in the trace what has changed in Raft's standing since the last time. */
void group_trace(struct group *group);

#endif
