/* The work queue's state, shared by the queue_*.c files and nobody else.
 *
 * Every job stands in exactly one heap: its tube's ready, delay or buried heap, or its holder's
 * heap of held jobs. Heap keys end with an id or with a number out of one machine-wide `sequence`,
 * so the order in which things happen depends on the state alone, never on how it came about: a
 * restored machine continues like the one it was copied from.
 *
 * Whoever changes a job, a tube or a session calls its will_change() before and its changed()
 * after. The first lets a running cut write the object as it was, the second keeps the digest. */
#ifndef QUARTET_SYSTEMS_QUEUE_MACHINE_INTERNAL_H
#define QUARTET_SYSTEMS_QUEUE_MACHINE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "contract/cut.h"
#include "contract/machine.h"
#include "systems/queue/machine/queue.h"

#define SECOND_US UINT64_C(1000000)

enum {
    QUEUE_MARGIN_US = 1000000,   /* DEADLINE_SOON: in the last second of a reservation */
    QUEUE_PAGE_JOBS = 32,        /* a bit each in struct job_page's cut_written */
    QUEUE_WATCHES_PER_WORK = 16, /* watch links that count as one object of MACHINE_WORK_MAX */
    QUEUE_METER_BUCKETS = 16,
};

struct meter_histogram {
    uint64_t sum_ms;
    uint64_t counts[QUEUE_METER_BUCKETS]; /* not cumulative; bounds in metrics.c */
};

struct meter {
    struct meter_histogram age_at_reserve; /* wall time since put */
    struct meter_histogram reserve_to_delete;
};

enum job_cause { JOB_CAUSE_RELEASE = 1, JOB_CAUSE_TIMEOUT };

struct job_attempt {
    uint64_t wall_us : 56; /* until the year 4253 */
    uint64_t cause : 8;    /* enum job_cause */
};

/* What a retry policy remembers. */
struct job_retry {
    uint32_t attempts; /* in the tube where it is */
    uint32_t attempts_total;
    uint8_t *dead_from; /* NULL: it did not die */
    uint8_t dead_from_size;
    uint8_t history_count; /* the last attempts, oldest first */
    struct job_attempt history[QUEUE_HISTORY_MAX];
};

/* What befell a job besides being reserved: most jobs are put, reserved and deleted, and have
 * none. */
struct job_past {
    uint32_t timeouts;
    uint32_t releases;
    uint32_t buries;
    uint32_t kicks;
    struct job_retry *retry; /* NULL: no policy counted an attempt yet */
};

/* 72 bytes before the body: a million jobs of 64 bytes cost 144 bytes each from malloc, and 34 in
 * heap and page. */
struct job {
    uint64_t id;
    struct tube *tube;
    struct session *holder; /* NULL unless RESERVED */
    struct job_past *past;  /* or NULL */
    uint64_t created_us;    /* wall */
    uint32_t priority;
    uint32_t delay_s;
    uint32_t ttr_s;
    uint32_t reserves;
    uint32_t reserved_ms; /* elapsed, modulo 2^32: for the meter */
    uint32_t body_hash;
    struct heap_place place;
    uint32_t body_size : 25;
    uint32_t state : 3; /* enum queue_job_state */
    uint8_t body[];
};
_Static_assert(sizeof(struct job) <= 72, "what a million jobs cost is a promise");

/* Jobs by id: QUEUE_PAGE_JOBS consecutive ids to a page, pages in a map. A tenth of the map that
 * single
 * jobs would need, and a stable order to walk for the cut. */
struct job_page {
    struct map_node node; /* hash: id / PAGE_JOBS */
    struct list all;
    uint32_t count;
    uint32_t cut_number;  /* cut_written belongs to this cut */
    uint32_t cut_written; /* jobs whose image is in the stream, or that are not part of it */
    struct job *jobs[QUEUE_PAGE_JOBS];
};

struct tube_policy {
    uint32_t attempts_max;
    uint32_t base_ms;
    uint32_t factor_permille;
    uint32_t cap_ms;
    uint32_t jitter_permille;
    uint8_t dead_tube_size;
    uint8_t dead_tube[QUEUE_TUBE_NAME_SIZE_MAX];
};

/* Exists while it is used, watched, holds jobs or has a policy; `default` always. */
struct tube {
    struct map_node node; /* by name */
    struct list all;      /* in order of creation */
    uint64_t sequence;
    struct heap ready;   /* priority, id */
    struct heap delay;   /* wall deadline, id */
    struct heap buried;  /* sequence of the burial, id */
    struct heap waiters; /* wait_sequence, session's sequence */
    struct heap_place delays_place;
    struct heap_place pauses_place;
    struct heap_place matching_place;
    uint32_t reserved;
    uint32_t urgent;
    uint32_t using;
    uint32_t watching;
    uint64_t jobs_total;
    uint64_t deletes;
    uint64_t pauses;
    uint64_t pause_us;       /* as asked for; 0: not paused */
    uint64_t pause_until_us; /* elapsed; 0: not paused */
    uint64_t match_sequence; /* 0, or since when ready jobs and waiters are still to be matched */
    struct tube_policy *policy; /* or NULL */
    struct meter *meter;        /* or NULL while empty */
    uint64_t contribution;      /* to the digest */
    uint32_t cut_number;        /* written in this cut, or not part of it */
    uint8_t name_size;
    uint8_t name[];
};

/* A session's interest in a tube. */
struct watch {
    struct session *session;
    struct tube *tube;
    struct heap_place waiting; /* in tube->waiters */
};

/* The sessions of one incarnation of one node: they can end together. */
struct origin {
    struct list all;
    uint64_t incarnation;
    uint64_t sequence;
    uint64_t ended_sequence; /* 0: it lives */
    struct heap sessions;    /* session's sequence; those not yet ending. Empty: it goes */
    struct heap_place ending_place;
    uint32_t node;
};

struct session {
    struct map_node node; /* by key; a dead session may still have the key of a new one */
    struct list all;
    struct session_key key;
    struct origin *origin; /* NULL once it has begun to end */
    uint64_t sequence;
    struct heap_place origin_place;
    struct heap_place timer_place;
    struct heap_place ending_place;
    struct heap_place kick_place;
    struct tube *use;
    struct watch *watches; /* in the order of watch commands; moves only while it does not wait */
    uint32_t watch_count;
    uint32_t watch_capacity;
    struct heap held;        /* elapsed deadline, id */
    uint64_t wait_sequence;  /* 0: it does not wait */
    uint64_t wait_until_us;  /* elapsed; UINT64_MAX: without end */
    uint64_t ended_sequence; /* 0: it has not begun to end */
    uint64_t kick_sequence;  /* 0: no kick under way */
    uint32_t kick_left;
    uint32_t kick_done;
    bool kick_delayed;
    bool producer;
    bool worker;
    uint32_t cut_number;
    uint64_t contribution;
};

/* Counted where they happen, not replicated: queries never change the state. */
struct queue_local {
    uint64_t queries[QUEUE_OPS];
};

/* Of the snapshot, beside contract/cut.h's. */
enum {
    QUEUE_OBJECT_TUBE = CUT_HEADER + 1,
    QUEUE_OBJECT_SESSION,
    QUEUE_OBJECT_JOB,
    QUEUE_OBJECT_END
};

struct queue_cursors {
    struct list *tube; /* the next to look at */
    struct list *session;
    struct list *page;
    uint64_t digest; /* as of cut_begin(), and so is the rest */
    uint64_t tubes, sessions, jobs;
};

/* What an object that is still to come may refer to, by its sequence. */
struct restore_refs {
    struct map map;
    struct restore_ref_block *blocks;
};

struct queue_restore {
    struct cut_feed feed;
    struct restore_refs tubes;
    struct restore_refs sessions;
    struct list *tube_at; /* the tube that was placed last, or the list's head */
    uint64_t digest;      /* as the end of the stream has it */
};

struct queue {
    struct queue_options options;
    machine_emit *emit;
    void *world;

    uint64_t elapsed_us;
    uint64_t due_us;
    uint64_t wall_us; /* for dates only */
    uint64_t next_id;
    uint64_t sequence;             /* the last one given */
    uint64_t commands[QUEUE_PEEK]; /* applied, by op */
    uint64_t reserves_with_timeout;
    uint64_t job_timeouts;
    uint64_t jobs_total;
    struct meter meter;

    struct map tubes;
    struct map sessions;
    struct map pages;
    struct list tube_list; /* in order of creation */
    struct list session_list;
    struct list page_list;
    struct list origins;
    struct tube *default_tube;
    struct job_page *newest_page; /* of next_id; kept even when empty */

    struct heap timers;         /* sessions by what comes due next, elapsed */
    struct heap delays;         /* tubes by their first delayed job, wall */
    struct heap pauses;         /* tubes by the end of their pause, elapsed */
    struct heap matching;       /* cursors, each by its sequence: tubes, */
    struct heap kicks;          /* sessions that kick, */
    struct heap ending;         /* sessions that end, */
    struct heap ending_origins; /* origins that end */

    uint64_t jobs[QUEUE_JOB_BURIED + 1]; /* by state */
    uint64_t urgent;
    uint64_t waiting;
    uint64_t producers;
    uint64_t workers;
    uint64_t bytes;
    uint64_t digest;  /* of jobs, tubes and sessions; the rest is added when asked */
    int64_t budget;   /* objects that this call may still touch; may end a little below 0 */
    int64_t work_max; /* MACHINE_WORK_MAX; less only in tests that want cursors everywhere */

    struct cut cut;
    struct queue_cursors cursors; /* of the cut */
    struct queue_restore restore;
    struct queue_local *local;
};

#define JOB_OF(place_) LIST_ITEM(place_, struct job, place)
#define TUBE_OF(place_, member) LIST_ITEM(place_, struct tube, member)
#define SESSION_OF(place_, member) LIST_ITEM(place_, struct session, member)

/* queue.c */
uint64_t queue_hash_words(const uint64_t *words, size_t count);
void queue_emit(struct queue *queue, const struct session *session, struct queue_reply reply);
void queue_reply_kind(struct queue *queue, const struct session *session,
                      enum queue_reply_kind kind);
static inline uint64_t queue_next_sequence(struct queue *queue)
{
    return ++queue->sequence;
}

/* job.c */
struct job *queue_job_find(const struct queue *queue, uint64_t id); /* NULL: there is none */
/* A new job, findable by its id, in no state yet: the caller fills it in and calls one of
 * queue_job_to_*(). */
struct job *queue_job_make(struct queue *queue, uint64_t id, struct tube *tube, struct slice body);
/* Out of its heap and its state, after a running cut has seen it: the caller changes what is to
 * change and calls one of queue_job_to_*(). */
void queue_job_take(struct queue *queue, struct job *job);
void queue_job_to_ready(struct queue *queue, struct job *job); /* and to a waiter, if one waits */
/* Starts its time to run and tells the session. */
void queue_job_to_reserved(struct queue *queue, struct job *job, struct session *session);
void queue_job_to_delayed(struct queue *queue, struct job *job, uint64_t until_due_us);
void queue_job_to_buried(struct queue *queue, struct job *job);
/* What the above end with: `when` is the heap's key, `holder` NULL unless RESERVED. */
void queue_job_enter(struct queue *queue, struct job *job, enum queue_job_state state,
                     uint64_t when, struct session *holder);
void queue_job_free(struct queue *queue, struct job *job); /* one that was taken */
void queue_job_release_memory(struct job *job);            /* nothing but that */
uint64_t queue_job_bytes(const struct job *job);
uint64_t queue_job_when(const struct job *job); /* the key in its heap; 0 when ready */
uint64_t queue_job_hash(const struct job *job);
struct job_past *queue_job_past(struct queue *queue, struct job *job); /* made if there was none */
/* It is this session's and its time has not run out (though advance() may be behind). */
bool queue_job_held_by(const struct queue *queue, const struct job *job,
                       const struct session *session);
/* The commands, with their replies. */
void queue_job_command(struct queue *queue, struct session *session,
                       const struct queue_command *command);
void queue_job_kick(struct queue *queue, struct job *job);
void queue_job_expire(struct queue *queue, struct job *job);

/* policy.c */
/* The job was released or timed out, and taken: ready, delayed by `delay_s` or by its tube's
 * policy, or to the dead-letter tube. */
void queue_job_fail(struct queue *queue, struct job *job, enum job_cause cause, uint32_t delay_s);
uint64_t queue_policy_backoff_us(const struct queue *queue, const struct tube_policy *policy,
                                 uint64_t id, uint32_t attempt);
void queue_policy_set(struct queue *queue, struct session *session,
                      const struct queue_command *command);
void queue_tube_set_policy(struct queue *queue, struct tube *tube,
                           const struct queue_policy *asked);
/* Made if there was none. */
struct job_retry *queue_job_retry(struct queue *queue, struct job *job);
void queue_retry_set_dead_from(struct queue *queue, struct job_retry *retry, struct slice name);

/* tube.c */
struct tube *queue_tube_find(const struct queue *queue, struct slice name);
/* NULL when QUEUE_TUBES_MAX is reached. The caller takes hold of it (use, watch, a job) or calls
 * queue_tube_drop_unused(). */
struct tube *queue_tube_find_or_make(struct queue *queue, struct slice name);
struct tube *queue_tube_make(struct queue *queue, struct slice name, uint64_t sequence);
void queue_tube_drop_unused(struct queue *queue, struct tube *tube);
void queue_tube_free(struct queue *queue, struct tube *tube);
void queue_tube_will_change(struct queue *queue, struct tube *tube);
void queue_tube_changed(struct queue *queue, struct tube *tube);
uint64_t queue_tube_hash(const struct tube *tube);
uint64_t queue_tube_bytes(const struct tube *tube);
static inline struct slice queue_tube_name(const struct tube *tube)
{
    return slice_of(tube->name, tube->name_size);
}
/* Hands ready jobs to waiters while the budget lasts; what is left becomes a cursor. */
void queue_tube_match(struct queue *queue, struct tube *tube);
void queue_tube_pause(struct queue *queue, struct tube *tube, uint32_t delay_s);
void queue_tube_unpause(struct queue *queue, struct tube *tube);
void queue_tube_delay_moved(struct queue *queue, struct tube *tube); /* its delay heap changed */

/* session.c */
/* The live one, or NULL. */
struct session *queue_session_find(const struct queue *queue, const struct session_key *key);
struct session *queue_session_find_or_make(struct queue *queue, const struct session_key *key);
struct session *queue_session_make(struct queue *queue, const struct session_key *key,
                                   struct origin *origin, uint64_t sequence);
struct origin *queue_origin_make(struct queue *queue, uint32_t node, uint64_t incarnation,
                                 uint64_t sequence);
void queue_origin_free(struct queue *queue, struct origin *origin);
void queue_session_free(struct queue *queue, struct session *session);
bool queue_session_alive(const struct session *session);
void queue_session_mark_producer(struct queue *queue, struct session *session);
void queue_session_mark_worker(struct queue *queue, struct session *session);
void queue_session_will_change(struct queue *queue, struct session *session);
void queue_session_changed(struct queue *queue, struct session *session);
uint64_t queue_session_hash(const struct session *session);
uint64_t queue_session_bytes(const struct session *session);
void queue_session_set_use(struct session *session, struct tube *tube);
void queue_session_add_watch(struct queue *queue, struct session *session, struct tube *tube);
void queue_session_enter_waiters(struct session *session);
void queue_session_stop_waiting(struct queue *queue, struct session *session);
/* It waits, in vain: it is told so. */
void queue_session_give_up(struct queue *queue, struct session *session);
/* Its timer follows what it holds and whether it waits. */
void queue_session_reschedule(struct queue *queue, struct session *session);
bool queue_session_deadline_soon(const struct queue *queue, const struct session *session);
void queue_session_use(struct queue *queue, struct session *session, struct slice name);
void queue_session_watch(struct queue *queue, struct session *session, struct slice name);
void queue_session_ignore(struct queue *queue, struct session *session, struct slice name);
void queue_session_reserve(struct queue *queue, struct session *session, uint32_t timeout_s);
void queue_session_kick(struct queue *queue, struct session *session, uint32_t bound);
void queue_session_begin_end(struct queue *queue, struct session *session);
/* One unit of a cursor's work; false when there is none. */
bool queue_step_ending(struct queue *queue);
bool queue_step_kick(struct queue *queue);

/* time.c */
void queue_advance(void *machine, const struct machine_time *time);
struct machine_deadline queue_deadline(const void *machine);

/* stats.c */
void queue_query(const void *machine, const struct session_key *key, struct slice bytes,
                 const struct machine_time *now, const struct machine_facts *facts);

/* metrics.c */
struct meter *queue_meter_of(struct queue *queue, struct tube *tube); /* made if there was none */
void queue_meter_reserve(struct queue *queue, struct tube *tube, uint64_t age_ms);
void queue_meter_delete(struct queue *queue, struct tube *tube, uint64_t took_ms);
void queue_metrics(const void *machine, struct buffer *out);

/* shown.c */
struct queue_shown {
    unsigned count;
    const struct tube *tubes[QUEUE_METRICS_TUBES_MAX]; /* borrowed until the queue changes */
};
void queue_choose_shown(const struct queue *queue, struct queue_shown *shown);

/* cut.c */
void queue_cut_begin(void *machine);
bool queue_cut_read(void *machine, size_t size, struct buffer *out);
uint64_t queue_cut_pending(const void *machine);
void queue_cut_abort(void *machine);

/* Called through will_change(), when a cut runs. */
void queue_cut_job(struct queue *queue, struct job *job);
void queue_cut_tube(struct queue *queue, struct tube *tube);
void queue_cut_session(struct queue *queue, struct session *session);
/* The cursors step over what is about to go. */
void queue_cut_skip(struct queue *queue, const struct list *leaving);
/* Made after the cut began: not part of it. */
void queue_cut_exclude(const struct queue *queue, struct job_page *page, uint64_t id);

/* restore.c */
bool queue_restore(void *machine, struct slice bytes);
bool queue_restore_end(void *machine);
void queue_restore_free(struct queue *queue);

/* check.c */
uint64_t queue_digest(const void *machine);
void queue_check(const void *machine);

#endif
