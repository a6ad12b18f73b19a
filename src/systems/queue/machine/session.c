/* Sessions: what a connection uses, watches, holds and waits for; and how they end.
 *
 * A session that ended, by itself or with its origin, matches no waiters from that moment on: its
 * mark says so. What it held and watched goes back by and by, a cursor's work. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/random.h"
#include "systems/queue/machine/internal.h"

uint64_t queue_session_bytes(const struct session *session)
{
    return sizeof *session + session->watch_count * sizeof(struct watch) + 192;
}

static uint64_t key_hash(const struct session_key *key)
{
    return map_hash_u64(map_hash_u64(key->incarnation) + ((uint64_t)key->node << 32) +
                        key->connection);
}

bool queue_session_alive(const struct session *session)
{
    return session->ended_sequence == 0 && session->origin->ended_sequence == 0;
}

struct session *queue_session_find(const struct queue *queue, const struct session_key *key)
{
    struct map_node *node = map_find(&queue->sessions, key_hash(key));
    for (; node != NULL; node = map_find_next(node)) {
        struct session *session = LIST_ITEM(node, struct session, node);
        if (session->key.node == key->node && session->key.incarnation == key->incarnation &&
            session->key.connection == key->connection && queue_session_alive(session)) {
            return session;
        }
    }
    return NULL;
}

/* Origins: a handful, one for each node that serves clients. */

struct origin *queue_origin_make(struct queue *queue, uint32_t node, uint64_t incarnation,
                                 uint64_t sequence)
{
    struct origin *origin = calloc(1, sizeof *origin);
    ASSERT(origin != NULL);
    origin->node = node;
    origin->incarnation = incarnation;
    origin->sequence = sequence;
    origin->ending_place.at = HEAP_NOWHERE;
    list_append(&queue->origins, &origin->all);
    return origin;
}

void queue_origin_free(struct queue *queue, struct origin *origin)
{
    if (origin->ending_place.at != HEAP_NOWHERE) {
        heap_remove(&queue->ending_origins, &origin->ending_place);
    }
    list_remove(&origin->all);
    heap_free(&origin->sessions);
    free(origin);
}

static struct origin *origin_find_or_make(struct queue *queue, const struct session_key *key)
{
    for (struct list *at = queue->origins.next; at != &queue->origins; at = at->next) {
        struct origin *origin = LIST_ITEM(at, struct origin, all);
        if (origin->node == key->node && origin->incarnation == key->incarnation &&
            origin->ended_sequence == 0) {
            return origin;
        }
    }
    return queue_origin_make(queue, key->node, key->incarnation, queue_next_sequence(queue));
}

/* Life */

struct session *queue_session_make(struct queue *queue, const struct session_key *key,
                                   struct origin *origin, uint64_t sequence)
{
    struct session *session = calloc(1, sizeof *session);
    ASSERT(session != NULL);
    session->key = *key;
    session->origin = origin;
    session->sequence = sequence;
    session->origin_place.at = HEAP_NOWHERE;
    session->timer_place.at = HEAP_NOWHERE;
    session->ending_place.at = HEAP_NOWHERE;
    session->kick_place.at = HEAP_NOWHERE;
    session->wait_until_us = UINT64_MAX;
    session->cut_number = queue->cut.number;
    map_insert(&queue->sessions, &session->node, key_hash(key));
    list_append(&queue->session_list, &session->all);
    if (origin != NULL) heap_push(&origin->sessions, sequence, 0, &session->origin_place);
    queue->bytes += queue_session_bytes(session);
    return session;
}

struct session *queue_session_find_or_make(struct queue *queue, const struct session_key *key)
{
    struct session *session = queue_session_find(queue, key);
    if (session != NULL) return session;
    struct origin *origin = origin_find_or_make(queue, key);
    session = queue_session_make(queue, key, origin, queue_next_sequence(queue));
    queue_session_set_use(session, queue->default_tube);
    queue_session_add_watch(queue, session, queue->default_tube);
    queue_session_changed(queue, session);
    return session;
}

void queue_session_free(struct queue *queue, struct session *session)
{
    queue_cut_skip(queue, &session->all);
    map_remove(&queue->sessions, &session->node);
    list_remove(&session->all);
    queue->bytes -= queue_session_bytes(session);
    heap_free(&session->held);
    free(session->watches);
    free(session);
}

void queue_session_will_change(struct queue *queue, struct session *session)
{
    if (queue->cut.active) queue_cut_session(queue, session);
}

uint64_t queue_session_hash(const struct session *session)
{
    uint64_t watches = session->watch_count;
    for (uint32_t i = 0; i < session->watch_count; i++) {
        watches = random_mix(watches + session->watches[i].tube->sequence);
    }
    uint64_t flags = (uint64_t)session->kick_delayed | (uint64_t)session->producer << 1 |
                     (uint64_t)session->worker << 2;
    uint64_t words[] = {
        session->node.hash,
        session->sequence,
        session->origin == NULL ? 0 : session->origin->sequence,
        session->use == NULL ? 0 : session->use->sequence,
        watches,
        session->wait_sequence,
        session->wait_until_us,
        session->ended_sequence,
        session->kick_sequence,
        (uint64_t)session->kick_left << 32 | session->kick_done,
        flags,
    };
    return queue_hash_words(words, sizeof words / sizeof *words);
}

void queue_session_changed(struct queue *queue, struct session *session)
{
    uint64_t contribution = queue_session_hash(session);
    queue->digest += contribution - session->contribution;
    session->contribution = contribution;
}

void queue_session_mark_producer(struct queue *queue, struct session *session)
{
    if (session->producer) return;
    queue_session_will_change(queue, session);
    session->producer = true;
    queue->producers++;
    queue_session_changed(queue, session);
}

void queue_session_mark_worker(struct queue *queue, struct session *session)
{
    if (session->worker) return;
    queue_session_will_change(queue, session);
    session->worker = true;
    queue->workers++;
    queue_session_changed(queue, session);
}

/* Tubes used and watched */

void queue_session_set_use(struct session *session, struct tube *tube)
{
    session->use = tube;
    tube->using ++;
}

void queue_session_add_watch(struct queue *queue, struct session *session, struct tube *tube)
{
    ASSERT(session->wait_sequence == 0);
    if (session->watch_count == session->watch_capacity) {
        uint32_t capacity = session->watch_capacity == 0 ? 1 : session->watch_capacity * 2;
        struct watch *watches = realloc(session->watches, capacity * sizeof *watches);
        ASSERT(watches != NULL);
        session->watches = watches;
        session->watch_capacity = capacity;
    }
    session->watches[session->watch_count++] = (struct watch){session, tube, {HEAP_NOWHERE}};
    tube->watching++;
    queue->bytes += sizeof(struct watch);
}

static struct watch *session_find_watch(struct session *session, struct slice name)
{
    for (uint32_t i = 0; i < session->watch_count; i++) {
        if (slice_equal(queue_tube_name(session->watches[i].tube), name)) {
            return &session->watches[i];
        }
    }
    return NULL;
}

void queue_session_use(struct queue *queue, struct session *session, struct slice name)
{
    struct tube *tube = queue_tube_find_or_make(queue, name);
    if (tube == NULL) {
        queue_reply_kind(queue, session, QUEUE_REPLY_OUT_OF_MEMORY);
        return;
    }
    struct tube *before = session->use;
    if (tube != before) {
        queue_session_will_change(queue, session);
        queue_session_set_use(session, tube);
        before->using --;
        queue_session_changed(queue, session);
        queue_tube_drop_unused(queue, before);
    }
    queue_emit(queue, session,
               (struct queue_reply){.kind = QUEUE_REPLY_USING, .tube = queue_tube_name(tube)});
}

static void reply_watching(struct queue *queue, struct session *session)
{
    queue_emit(queue, session,
               (struct queue_reply){.kind = QUEUE_REPLY_WATCHING, .count = session->watch_count});
}

void queue_session_watch(struct queue *queue, struct session *session, struct slice name)
{
    if (session_find_watch(session, name) == NULL) {
        struct tube *tube = NULL;
        if (session->watch_count < QUEUE_WATCH_MAX) tube = queue_tube_find_or_make(queue, name);
        if (tube == NULL) {
            queue_reply_kind(queue, session, QUEUE_REPLY_OUT_OF_MEMORY);
            return;
        }
        queue_session_will_change(queue, session);
        queue_session_add_watch(queue, session, tube);
        queue_session_changed(queue, session);
    }
    reply_watching(queue, session);
}

void queue_session_ignore(struct queue *queue, struct session *session, struct slice name)
{
    struct watch *watch = session_find_watch(session, name);
    if (watch != NULL) {
        if (session->watch_count == 1) {
            queue_reply_kind(queue, session, QUEUE_REPLY_NOT_IGNORED);
            return;
        }
        struct tube *tube = watch->tube;
        queue_session_will_change(queue, session);
        struct watch *last = &session->watches[--session->watch_count];
        for (; watch < last; watch++) *watch = watch[1];
        tube->watching--;
        queue->bytes -= sizeof(struct watch);
        queue_session_changed(queue, session);
        queue_tube_drop_unused(queue, tube);
    }
    reply_watching(queue, session);
}

/* Waiting */

void queue_session_reschedule(struct queue *queue, struct session *session)
{
    uint64_t due_us = UINT64_MAX;
    const struct heap_slot *held = heap_min(&session->held);
    if (held != NULL) due_us = held->major;
    if (session->wait_sequence != 0) {
        if (held != NULL) due_us -= due_us < QUEUE_MARGIN_US ? due_us : QUEUE_MARGIN_US;
        if (session->wait_until_us < due_us) due_us = session->wait_until_us;
    }
    if (session->timer_place.at != HEAP_NOWHERE) {
        if (queue->timers.slots[session->timer_place.at].major == due_us) return;
        heap_remove(&queue->timers, &session->timer_place);
    }
    if (due_us != UINT64_MAX) {
        heap_push(&queue->timers, due_us, session->sequence, &session->timer_place);
    }
}

bool queue_session_deadline_soon(const struct queue *queue, const struct session *session)
{
    const struct heap_slot *held = heap_min(&session->held);
    return held != NULL && queue->elapsed_us + QUEUE_MARGIN_US >= held->major;
}

void queue_session_enter_waiters(struct session *session)
{
    for (uint32_t i = 0; i < session->watch_count; i++) {
        struct watch *watch = &session->watches[i];
        heap_push(&watch->tube->waiters, session->wait_sequence, 0, &watch->waiting);
    }
}

static void session_wait(struct queue *queue, struct session *session, uint32_t timeout_s)
{
    queue_session_will_change(queue, session);
    session->wait_sequence = queue_next_sequence(queue);
    session->wait_until_us =
        timeout_s == QUEUE_NO_TIMEOUT ? UINT64_MAX : queue->elapsed_us + timeout_s * SECOND_US;
    queue->waiting++;
    queue_session_enter_waiters(session);
    queue_session_reschedule(queue, session);
    queue_session_changed(queue, session);
}

void queue_session_stop_waiting(struct queue *queue, struct session *session)
{
    queue->budget -= 1 + session->watch_count / QUEUE_WATCHES_PER_WORK;
    queue_session_will_change(queue, session);
    for (uint32_t i = 0; i < session->watch_count; i++) {
        heap_remove(&session->watches[i].tube->waiters, &session->watches[i].waiting);
    }
    session->wait_sequence = 0;
    session->wait_until_us = UINT64_MAX;
    queue->waiting--;
    queue_session_reschedule(queue, session);
    queue_session_changed(queue, session);
}

void queue_session_give_up(struct queue *queue, struct session *session)
{
    enum queue_reply_kind kind = QUEUE_REPLY_TIMED_OUT;
    if (queue_session_deadline_soon(queue, session)) kind = QUEUE_REPLY_DEADLINE_SOON;
    queue_session_stop_waiting(queue, session);
    if (queue_session_alive(session)) queue_reply_kind(queue, session, kind);
}

void queue_session_reserve(struct queue *queue, struct session *session, uint32_t timeout_s)
{
    queue_session_mark_worker(queue, session);
    const struct heap_slot *best = NULL;
    for (uint32_t i = 0; i < session->watch_count; i++) {
        const struct tube *tube = session->watches[i].tube;
        if (tube->pause_until_us != 0 || tube->ready.count == 0) continue;
        const struct heap_slot *first = heap_min(&tube->ready);
        if (best == NULL || first->major < best->major ||
            (first->major == best->major && first->minor < best->minor)) {
            best = first;
        }
    }
    if (best != NULL) {
        struct job *job = JOB_OF(best->place);
        queue_job_take(queue, job);
        queue_job_to_reserved(queue, job, session);
    } else if (queue_session_deadline_soon(queue, session)) {
        queue_reply_kind(queue, session, QUEUE_REPLY_DEADLINE_SOON);
    } else if (timeout_s == 0) {
        queue_reply_kind(queue, session, QUEUE_REPLY_TIMED_OUT);
    } else {
        session_wait(queue, session, timeout_s);
    }
}

/* Kicking: buried jobs if there are any, else delayed ones. What exceeds one call's work becomes a
 * cursor, and the session has its reply at the end. A small kick is through at once, however many
 * waiters there are to be matched: that part is left to the tube's own cursor. */

static void session_kick_some(struct queue *queue, struct session *session, int64_t jobs_max)
{
    struct tube *tube = session->use;
    struct heap *from = session->kick_delayed ? &tube->delay : &tube->buried;
    for (; session->kick_left != 0 && from->count != 0 && jobs_max > 0; jobs_max--) {
        queue_job_kick(queue, JOB_OF(heap_min(from)->place));
        session->kick_left--;
        session->kick_done++;
    }
    if (from->count == 0) session->kick_left = 0;
}

static void reply_kicked(struct queue *queue, struct session *session)
{
    queue_emit(queue, session,
               (struct queue_reply){.kind = QUEUE_REPLY_KICKED, .count = session->kick_done});
    session->kick_done = 0;
}

void queue_session_kick(struct queue *queue, struct session *session, uint32_t bound)
{
    struct tube *tube = session->use;
    queue_session_will_change(queue, session);
    session->kick_delayed = tube->buried.count == 0;
    uint32_t count = session->kick_delayed ? tube->delay.count : tube->buried.count;
    session->kick_left = bound < count ? bound : count;
    session_kick_some(queue, session, queue->work_max);
    if (session->kick_left == 0) {
        reply_kicked(queue, session);
    } else {
        session->kick_sequence = queue_next_sequence(queue);
        heap_push(&queue->kicks, session->kick_sequence, 0, &session->kick_place);
    }
    queue_session_changed(queue, session);
}

bool queue_step_kick(struct queue *queue)
{
    if (queue->kicks.count == 0) return false;
    struct session *session = SESSION_OF(heap_min(&queue->kicks)->place, kick_place);
    queue_session_will_change(queue, session);
    session_kick_some(queue, session, queue->budget > 0 ? queue->budget : 1);
    if (session->kick_left == 0) {
        session->kick_sequence = 0;
        heap_remove(&queue->kicks, &session->kick_place);
        if (queue_session_alive(session)) reply_kicked(queue, session);
        if (session->ended_sequence != 0) {
            heap_push(&queue->ending, session->ended_sequence, 0, &session->ending_place);
        }
    }
    queue_session_changed(queue, session);
    return true;
}

/* Ending */

static void session_leave_origin(struct queue *queue, struct session *session)
{
    struct origin *origin = session->origin;
    session->origin = NULL;
    heap_remove(&origin->sessions, &session->origin_place);
    if (origin->sessions.count == 0) queue_origin_free(queue, origin);
}

/* A kick that is under way is finished first: the command was carried out, its client only does
 * not hear of it. */
void queue_session_begin_end(struct queue *queue, struct session *session)
{
    queue_session_will_change(queue, session);
    session->ended_sequence = queue_next_sequence(queue);
    session_leave_origin(queue, session);
    if (session->producer) queue->producers--;
    if (session->worker) queue->workers--;
    session->producer = false;
    session->worker = false;
    if (session->kick_sequence == 0) {
        heap_push(&queue->ending, session->ended_sequence, 0, &session->ending_place);
    }
    queue_session_changed(queue, session);
}

static void session_forget(struct queue *queue, struct session *session)
{
    queue_session_will_change(queue, session);
    queue->digest -= session->contribution;
    queue->budget -= 1 + session->watch_count / QUEUE_WATCHES_PER_WORK;
    heap_remove(&queue->ending, &session->ending_place);
    for (uint32_t i = 0; i < session->watch_count; i++) {
        struct tube *tube = session->watches[i].tube;
        tube->watching--;
        queue_tube_drop_unused(queue, tube);
    }
    session->use->using --;
    queue_tube_drop_unused(queue, session->use);
    queue_session_free(queue, session);
}

bool queue_step_ending(struct queue *queue)
{
    if (queue->ending.count != 0) {
        struct session *session = SESSION_OF(heap_min(&queue->ending)->place, ending_place);
        if (session->wait_sequence != 0) {
            queue_session_stop_waiting(queue, session);
        } else if (session->held.count != 0) {
            struct job *job = JOB_OF(heap_min(&session->held)->place);
            queue_job_take(queue, job);
            queue_job_to_ready(queue, job);
        } else {
            session_forget(queue, session);
        }
        return true;
    }
    if (queue->ending_origins.count == 0) return false;
    struct origin *origin =
        LIST_ITEM(heap_min(&queue->ending_origins)->place, struct origin, ending_place);
    queue->budget--;
    queue_session_begin_end(queue, SESSION_OF(heap_min(&origin->sessions)->place, origin_place));
    return true;
}
