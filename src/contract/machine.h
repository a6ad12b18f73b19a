/* What every machine is: a deterministic state machine over the replicated log.
 *
 * A machine changes only in apply(), advance(), session_end() and origin_end(), which every
 * replica calls with the same arguments in the same order. It reads no clock: time is log time
 * (struct machine_time). Three clocks: `elapsed` stops while there is no leader (leases,
 * time-to-run, waiting); `due` counts that time too (delays, ages: what is a duration, and goes on
 * while all are down); `wall` names dates, and nothing that has to be waited for.
 *
 * No call stalls: each touches at most MACHINE_WORK_MAX objects. Larger work leaves a cursor in
 * the state, which advance() moves on; deadline() is 0 while such work is left. */
#ifndef QUARTET_CONTRACT_MACHINE_H
#define QUARTET_CONTRACT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    MACHINE_WORK_MAX = 256, /* objects that one call may touch */
};

/* A client's session: connection `connection` of node `node` in that node's `incarnation`. A
 * machine makes it at its first command and forgets it at session_end() or origin_end(). */
struct session_key {
    uint64_t incarnation;
    uint32_t node;
    uint32_t connection;
};

/* What a change makes a session hear. `payload` is the machine's own struct (queue.h: struct
 * queue_reply), borrowed for the call. Every command that a session proposes yields exactly one
 * reply to that session, at once or later, and in the order of the commands: a machine that lets
 * a command wait may rely on it that the node proposes nothing behind it but session_hurry() and
 * session_end(). */
typedef void machine_emit(void *world, const struct session_key *session, const void *payload);

/* Emitted with `session` NULL while the machine changes: what is watched under this topic has. As
 * many as the change has topics, in bounded work; the same again does no harm. */
struct machine_mark {
    uint64_t topic;
};

/* A watch: a cursor into the machine's own history, on one replica. It is not replicated and stands
 * in no digest. The machine keeps nothing for it, so it goes on in the machine that a snapshot puts
 * in this one's place: both count alike. Live, catching up, and behind a slow reader are one path:
 * the node reads on from the cursor when its topic was marked and its connection has room. */
struct machine_watch {
    uint64_t topic;
    uint64_t next, part; /* what it reads next, as the machine counts */
    /* What watch_read() has to be told again: watch_open() may make it a part of its own `spec`.
     * The node keeps a copy. */
    struct slice spec;
};

/* What a watch hears: the machine's own struct, borrowed for the call. */
typedef void machine_say(void *world, const void *payload);

/* What a replica's world knows of the process around it, for machines that show it to who asks
 * (beanstalkd's `stats`). It differs from node to node, so it is handed to query() alone: nothing
 * that changes a machine sees it, and no machine keeps any of it. Unknown: 0, an empty slice. */
struct machine_facts {
    uint32_t node;
    uint64_t clients; /* connected now */
    uint64_t clients_total;
    uint32_t request_size_max; /* 0: the protocol's default */
    bool draining;
    uint64_t log_writes;
    uint64_t pid, uptime_s, user_time_us, system_time_us;
    struct slice hostname, os, platform;
};

/* Log time, as of an entry: the same on every replica. */
struct machine_time {
    uint64_t elapsed_us; /* stops while there is no leader, never jumps back or forth */
    uint64_t due_us;     /* elapsed_us, and what a quorum's clocks agree to have passed without a
                            leader: never back */
    uint64_t wall_us;    /* the calendar, since 1970: may be set back where it was found wrong */
};

struct machine_deadline {
    uint64_t elapsed_us; /* UINT64_MAX: none. 0: work is left now */
    uint64_t due_us;
};

struct machine_ops {
    const char *name;
    bool sessionless; /* keeps nothing for a session: no entry says that one ended, or that its node
                         lives, and session_end() and origin_end() are not called for one */
    uint32_t snapshot_version; /* of its stream: raised when that changes; no other is read */

    /* `options` is the machine's own struct, copied; NULL for the defaults. */
    void *(*create)(const void *options, machine_emit *emit, void *world);
    /* Frees about MACHINE_WORK_MAX objects at most; true when all is gone. False: to be called
     * again, and nothing else until then. */
    bool (*destroy)(void *machine);

    /* Log time moves to these stamps; does what has come due, up to the limit. Called
     * before each batch of commands, with the stamps of its entry. */
    void (*advance)(void *machine, const struct machine_time *time);
    /* One command, as the protocol encoded it. Malformed bytes cannot come from our own protocol,
     * but could from a damaged peer: the machine ignores them, deterministically. */
    void (*apply)(void *machine, const struct session_key *session, struct slice command);
    void (*session_end)(void *machine, const struct session_key *session);
    /* The client will say nothing more, but may still hear: a command of its that waits for what
     * may never come is answered now, in the protocol's own words for a wait that was in vain. Any
     * other goes on; where nothing waits this does nothing. NULL: no command of this machine
     * waits. */
    void (*session_hurry)(void *machine, const struct session_key *session);
    /* All sessions of this node up to and including this incarnation end; they match no waiters
     * from this call on, what they held comes back by and by. */
    void (*origin_end)(void *machine, uint32_t node, uint64_t incarnation);
    /* When advance() has something to do next. */
    struct machine_deadline (*deadline)(const void *machine);

    /* Answers a question from this replica's state, changing nothing; emits exactly one reply. The
     * stamps are of now: log time goes on between entries, and so does what runs down with it.
     * `facts` are borrowed for the call. */
    void (*query)(const void *machine, const struct session_key *session, struct slice command,
                  const struct machine_time *now, const struct machine_facts *facts);
    /* Opens a watch at `spec`, as the protocol encoded it, and may say where it begins. NULL, and
     * watch_read() too: there are none. */
    void (*watch_open)(const void *machine, struct slice spec, struct machine_watch *watch,
                       machine_say *say, void *world);
    /* Says what there is from the cursor on, about `room` bytes of it and at least something, and
     * moves it; true while more is there now. What is not there yet is no error: it waits. */
    bool (*watch_read)(const void *machine, struct machine_watch *watch, size_t room,
                       machine_say *say, void *world);
    /* Text for the admin port: Prometheus lines with this machine's own metrics. */
    void (*metrics)(const void *machine, struct buffer *out);
    uint64_t (*bytes)(const void *machine); /* estimated memory in objects, for limits and stats */

    /* Incremental sum of object hashes: equal at equal indexes on every replica, and equal after
     * a snapshot was restored. */
    uint64_t (*digest)(const void *machine);

    /* A cut: the state as it is now, streamed while it goes on changing. An object that changes
     * before the cursor reached it first writes its image as of the cut to the stream. One cut at
     * a time. cut_read() appends about `size` bytes to `out`, or fewer, even none, when it looked
     * at much that had nothing to write, and returns true while more remains. Pre-images wait
     * inside, counted by cut_pending(); the caller aborts a cut whose backlog grows beyond its
     * limit. */
    void (*cut_begin)(void *machine);
    bool (*cut_read)(void *machine, size_t size, struct buffer *out);
    uint64_t (*cut_pending)(const void *machine);
    void (*cut_abort)(void *machine);

    /* Into a newly created machine: the stream of one cut, in pieces of any size; restore_end()
     * is false when it was malformed or incomplete (the machine is then destroyed unused). */
    bool (*restore)(void *machine, struct slice bytes);
    bool (*restore_end)(void *machine);

    /* Whole-state check for tests and the simulator: panics when an invariant is broken. Slow. */
    void (*check)(const void *machine);
};

#endif
