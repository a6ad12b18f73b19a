/* Jobs: where they stand, how they move from state to state, and the commands on one job.
 *
 * A move is: take it (a running cut writes it as it was, the digest loses it), change it, put it
 * in its new state (the digest gains it). A job that becomes ready goes to a waiter at once. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/random.h"
#include "systems/queue/machine/internal.h"

static uint64_t past_bytes(const struct job_past *past)
{
    if (past == NULL) return 0;
    if (past->retry == NULL) return sizeof *past;
    return sizeof *past + sizeof *past->retry + past->retry->dead_from_size;
}

/* What malloc makes of it, its slot in a heap, its share of a page, and its past. */
uint64_t queue_job_bytes(const struct job *job)
{
    uint64_t chunk = (sizeof(struct job) + job->body_size + 8 + 15) & ~UINT64_C(15);
    return chunk + sizeof(struct heap_slot) + sizeof(struct job_page) / QUEUE_PAGE_JOBS +
           past_bytes(job->past);
}

/* Pages */

static struct job_page *page_find(const struct queue *queue, uint64_t id)
{
    struct map_node *node = map_find(&queue->pages, id / QUEUE_PAGE_JOBS);
    return node == NULL ? NULL : LIST_ITEM(node, struct job_page, node);
}

static void page_free_if_empty(struct queue *queue, struct job_page *page)
{
    if (page->count != 0 || page == queue->newest_page) return;
    queue_cut_skip(queue, &page->all);
    map_remove(&queue->pages, &page->node);
    list_remove(&page->all);
    free(page);
}

static struct job_page *page_find_or_make(struct queue *queue, uint64_t id)
{
    struct job_page *page = page_find(queue, id);
    if (page != NULL) return page;
    page = calloc(1, sizeof *page);
    ASSERT(page != NULL);
    map_insert(&queue->pages, &page->node, id / QUEUE_PAGE_JOBS);
    list_append(&queue->page_list, &page->all);
    struct job_page *before = queue->newest_page;
    if (before == NULL || before->node.hash < page->node.hash) {
        queue->newest_page = page;
        if (before != NULL) page_free_if_empty(queue, before);
    }
    return page;
}

struct job *queue_job_find(const struct queue *queue, uint64_t id)
{
    const struct job_page *page = page_find(queue, id);
    return page == NULL ? NULL : page->jobs[id % QUEUE_PAGE_JOBS];
}

/* Life */

struct job *queue_job_make(struct queue *queue, uint64_t id, struct tube *tube, struct slice body)
{
    ASSERT(body.size <= QUEUE_JOB_SIZE_MAX);
    struct job *job = malloc(sizeof *job + body.size);
    ASSERT(job != NULL);
    *job = (struct job){.id = id, .tube = tube, .place = {HEAP_NOWHERE}};
    job->body_size = (uint32_t)body.size & 0x1FFFFFF;
    job->body_hash = (uint32_t)map_hash_bytes(body);
    if (body.size != 0) memcpy(job->body, body.data, body.size);
    struct job_page *page = page_find_or_make(queue, id);
    ASSERT(page->jobs[id % QUEUE_PAGE_JOBS] == NULL);
    page->jobs[id % QUEUE_PAGE_JOBS] = job;
    page->count++;
    queue_cut_exclude(queue, page, id);
    queue->bytes += queue_job_bytes(job);
    return job;
}

void queue_job_free(struct queue *queue, struct job *job)
{
    ASSERT(job->state == QUEUE_JOB_NONE);
    struct job_page *page = page_find(queue, job->id);
    page->jobs[job->id % QUEUE_PAGE_JOBS] = NULL;
    page->count--;
    page_free_if_empty(queue, page);
    queue->bytes -= queue_job_bytes(job);
    queue_job_release_memory(job);
}

void queue_job_release_memory(struct job *job)
{
    if (job->past != NULL) {
        if (job->past->retry != NULL) free(job->past->retry->dead_from);
        free(job->past->retry);
        free(job->past);
    }
    free(job);
}

struct job_past *queue_job_past(struct queue *queue, struct job *job)
{
    if (job->past != NULL) return job->past;
    job->past = calloc(1, sizeof *job->past);
    ASSERT(job->past != NULL);
    queue->bytes += sizeof *job->past;
    return job->past;
}

/* State */

static struct heap *job_heap(const struct job *job)
{
    switch ((enum queue_job_state)job->state) {
    case QUEUE_JOB_READY: return &job->tube->ready;
    case QUEUE_JOB_RESERVED: return &job->holder->held;
    case QUEUE_JOB_DELAYED: return &job->tube->delay;
    case QUEUE_JOB_BURIED: return &job->tube->buried;
    case QUEUE_JOB_NONE: break;
    }
    return NULL;
}

uint64_t queue_job_when(const struct job *job)
{
    if (job->state == QUEUE_JOB_READY) return 0; /* its key is the priority, counted as itself */
    return job_heap(job)->slots[job->place.at].major;
}

static uint64_t retry_hash(const struct job_retry *retry)
{
    uint64_t hash = map_hash_bytes(slice_of(retry->dead_from, retry->dead_from_size));
    hash = random_mix(hash + retry->attempts);
    hash = random_mix(hash + retry->attempts_total);
    for (unsigned i = 0; i < retry->history_count; i++) {
        hash = random_mix(hash + retry->history[i].wall_us * 4 + retry->history[i].cause);
    }
    return hash;
}

static uint64_t past_hash(const struct job_past *past)
{
    uint64_t words[] = {past->timeouts, past->releases, past->buries, past->kicks,
                        past->retry == NULL ? 0 : retry_hash(past->retry)};
    return queue_hash_words(words, sizeof words / sizeof *words);
}

uint64_t queue_job_hash(const struct job *job)
{
    uint64_t words[] = {
        job->id,
        job->tube->sequence,
        job->state,
        queue_job_when(job),
        job->holder == NULL ? 0 : job->holder->sequence,
        job->created_us,
        job->priority,
        job->delay_s,
        job->ttr_s,
        job->reserves,
        job->reserved_ms,
        (uint64_t)job->body_hash << 32 | job->body_size,
        job->past == NULL ? 0 : past_hash(job->past),
    };
    return queue_hash_words(words, sizeof words / sizeof *words);
}

void queue_job_take(struct queue *queue, struct job *job)
{
    if (queue->cut.active) queue_cut_job(queue, job);
    queue->digest -= queue_job_hash(job);
    struct tube *tube = job->tube;
    struct session *holder = job->holder;
    heap_remove(job_heap(job), &job->place);
    queue->jobs[job->state]--;
    switch ((enum queue_job_state)job->state) {
    case QUEUE_JOB_READY:
        if (job->priority < QUEUE_URGENT_BELOW) {
            tube->urgent--;
            queue->urgent--;
        }
        break;
    case QUEUE_JOB_RESERVED:
        tube->reserved--;
        job->holder = NULL;
        queue_session_reschedule(queue, holder);
        break;
    case QUEUE_JOB_DELAYED: queue_tube_delay_moved(queue, tube); break;
    case QUEUE_JOB_BURIED:
    case QUEUE_JOB_NONE: break;
    }
    job->state = QUEUE_JOB_NONE;
}

void queue_job_enter(struct queue *queue, struct job *job, enum queue_job_state state,
                     uint64_t when, struct session *holder)
{
    ASSERT(job->state == QUEUE_JOB_NONE && (holder != NULL) == (state == QUEUE_JOB_RESERVED));
    struct tube *tube = job->tube;
    job->state = (uint32_t)state & 7;
    job->holder = holder;
    uint64_t major = state == QUEUE_JOB_READY ? job->priority : when;
    heap_push(job_heap(job), major, job->id, &job->place);
    queue->jobs[state]++;
    if (state == QUEUE_JOB_READY && job->priority < QUEUE_URGENT_BELOW) {
        tube->urgent++;
        queue->urgent++;
    }
    if (state == QUEUE_JOB_DELAYED) queue_tube_delay_moved(queue, tube);
    if (state == QUEUE_JOB_RESERVED) {
        tube->reserved++;
        queue_session_reschedule(queue, holder);
    }
    queue->digest += queue_job_hash(job);
}

void queue_job_to_ready(struct queue *queue, struct job *job)
{
    queue->budget--;
    queue_job_enter(queue, job, QUEUE_JOB_READY, 0, NULL);
    queue_tube_match(queue, job->tube);
}

void queue_job_to_reserved(struct queue *queue, struct job *job, struct session *session)
{
    queue->budget--;
    job->reserves++;
    job->reserved_ms = (uint32_t)(queue->elapsed_us / 1000);
    uint64_t deadline_us = queue->elapsed_us + job->ttr_s * SECOND_US;
    queue_job_enter(queue, job, QUEUE_JOB_RESERVED, deadline_us, session);
    queue_meter_reserve(queue, job->tube, (queue->due_us - job->created_us) / 1000);
    queue_emit(queue, session,
               (struct queue_reply){.kind = QUEUE_REPLY_RESERVED,
                                    .id = job->id,
                                    .body = slice_of(job->body, job->body_size)});
}

void queue_job_to_delayed(struct queue *queue, struct job *job, uint64_t until_due_us)
{
    queue->budget--;
    queue_job_enter(queue, job, QUEUE_JOB_DELAYED, until_due_us, NULL);
}

void queue_job_to_buried(struct queue *queue, struct job *job)
{
    queue->budget--;
    queue_job_past(queue, job)->buries++;
    queue_job_enter(queue, job, QUEUE_JOB_BURIED, queue_next_sequence(queue), NULL);
}

void queue_job_kick(struct queue *queue, struct job *job)
{
    queue_job_take(queue, job);
    queue_job_past(queue, job)->kicks++;
    queue_job_to_ready(queue, job);
}

void queue_job_expire(struct queue *queue, struct job *job)
{
    queue->job_timeouts++;
    queue_job_take(queue, job);
    queue_job_past(queue, job)->timeouts++;
    queue_job_fail(queue, job, JOB_CAUSE_TIMEOUT, 0);
}

bool queue_job_held_by(const struct queue *queue, const struct job *job,
                       const struct session *session)
{
    return job->state == QUEUE_JOB_RESERVED && job->holder == session &&
           queue_job_when(job) > queue->elapsed_us;
}

/* Commands */

static void job_put(struct queue *queue, struct session *session,
                    const struct queue_command *command)
{
    if (queue->options.bytes_max != 0 && queue->bytes >= queue->options.bytes_max) {
        queue_reply_kind(queue, session, QUEUE_REPLY_OUT_OF_MEMORY);
        return;
    }
    struct tube *tube = session->use;
    queue_tube_will_change(queue, tube);
    tube->jobs_total++;
    queue_tube_changed(queue, tube);
    queue->jobs_total++;
    struct job *job = queue_job_make(queue, queue->next_id++, tube, command->body);
    job->priority = command->priority;
    job->delay_s = command->delay_s;
    job->ttr_s = command->ttr_s == 0 ? 1 : command->ttr_s;
    job->created_us = queue->due_us;
    queue_emit(queue, session, (struct queue_reply){.kind = QUEUE_REPLY_INSERTED, .id = job->id});
    if (job->delay_s != 0) {
        queue_job_to_delayed(queue, job, queue->due_us + job->delay_s * SECOND_US);
    } else {
        queue_job_to_ready(queue, job);
    }
}

static void job_delete(struct queue *queue, struct session *session, struct job *job)
{
    struct tube *tube = job->tube;
    bool reserved = job->state == QUEUE_JOB_RESERVED;
    if (reserved && !queue_job_held_by(queue, job, session)) {
        queue_reply_kind(queue, session, QUEUE_REPLY_NOT_FOUND);
        return;
    }
    queue_job_take(queue, job);
    queue_tube_will_change(queue, tube);
    tube->deletes++;
    queue_tube_changed(queue, tube);
    if (reserved) {
        uint32_t ms = (uint32_t)(queue->elapsed_us / 1000) - job->reserved_ms;
        queue_meter_delete(queue, tube, ms);
    }
    queue_job_free(queue, job);
    queue_tube_drop_unused(queue, tube);
    queue_reply_kind(queue, session, QUEUE_REPLY_DELETED);
}

static void job_reserve(struct queue *queue, struct session *session, struct job *job)
{
    if (job->state == QUEUE_JOB_RESERVED) {
        queue_reply_kind(queue, session, QUEUE_REPLY_NOT_FOUND);
        return;
    }
    queue_session_mark_worker(queue, session);
    queue_job_take(queue, job);
    queue_job_to_reserved(queue, job, session);
}

static void job_kick(struct queue *queue, struct session *session, struct job *job)
{
    if (job->state != QUEUE_JOB_BURIED && job->state != QUEUE_JOB_DELAYED) {
        queue_reply_kind(queue, session, QUEUE_REPLY_NOT_FOUND);
        return;
    }
    queue_reply_kind(queue, session, QUEUE_REPLY_KICKED_JOB);
    queue_job_kick(queue, job);
}

/* Release, bury and touch: only for the one who holds it. */
static void job_held_command(struct queue *queue, struct session *session, struct job *job,
                             const struct queue_command *command)
{
    queue_job_take(queue, job);
    switch (command->op) {
    case QUEUE_RELEASE:
        job->priority = command->priority;
        job->delay_s = command->delay_s;
        queue_job_past(queue, job)->releases++;
        queue_reply_kind(queue, session, QUEUE_REPLY_RELEASED);
        queue_job_fail(queue, job, JOB_CAUSE_RELEASE, command->delay_s);
        break;
    case QUEUE_BURY:
        job->priority = command->priority;
        queue_job_to_buried(queue, job);
        queue_reply_kind(queue, session, QUEUE_REPLY_BURIED);
        break;
    default:
        queue_job_enter(queue, job, QUEUE_JOB_RESERVED, queue->elapsed_us + job->ttr_s * SECOND_US,
                        session);
        queue_reply_kind(queue, session, QUEUE_REPLY_TOUCHED);
    }
}

void queue_job_command(struct queue *queue, struct session *session,
                       const struct queue_command *command)
{
    if (command->op == QUEUE_PUT) {
        queue_session_mark_producer(queue, session);
        job_put(queue, session, command);
        return;
    }
    struct job *job = queue_job_find(queue, command->id);
    if (job == NULL) {
        queue_reply_kind(queue, session, QUEUE_REPLY_NOT_FOUND);
        return;
    }
    switch (command->op) {
    case QUEUE_DELETE: job_delete(queue, session, job); return;
    case QUEUE_RESERVE_JOB: job_reserve(queue, session, job); return;
    case QUEUE_KICK_JOB: job_kick(queue, session, job); return;
    default: break;
    }
    if (queue_job_held_by(queue, job, session)) {
        job_held_command(queue, session, job, command);
    } else {
        queue_reply_kind(queue, session, QUEUE_REPLY_NOT_FOUND);
    }
}
