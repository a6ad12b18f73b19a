/* Taking a snapshot while the state goes on changing: contract/cut.h; the objects are those of
 * specs/systems/queue.md, "Snapshot".
 *
 * Cursors walk tubes, sessions and pages of jobs. Marks are the number of the cut in tubes and
 * sessions, a bit for each job in its page. What an object refers to is written ahead of it. */
#include "systems/queue/machine/internal.h"

static void put_name(struct buffer *out, const uint8_t *name, uint8_t size)
{
    buffer_put_u8(out, size);
    buffer_append(out, name, size);
}

static void put_histogram(struct buffer *out, const struct meter_histogram *histogram)
{
    buffer_put_u64(out, histogram->sum_ms);
    for (unsigned i = 0; i < QUEUE_METER_BUCKETS; i++) buffer_put_u64(out, histogram->counts[i]);
}

static void put_meter(struct buffer *out, const struct meter *meter)
{
    buffer_put_u8(out, meter != NULL);
    if (meter == NULL) return;
    put_histogram(out, &meter->age_at_reserve);
    put_histogram(out, &meter->reserve_to_delete);
}

static void put_header(const struct queue *queue, struct buffer *out)
{
    size_t begin = cut_object_begin(out, CUT_HEADER);
    buffer_put_u64(out, queue->elapsed_us);
    buffer_put_u64(out, queue->due_us);
    buffer_put_u64(out, queue->wall_us);
    buffer_put_u64(out, queue->next_id);
    buffer_put_u64(out, queue->sequence);
    buffer_put_u64(out, queue->job_timeouts);
    buffer_put_u64(out, queue->jobs_total);
    buffer_put_u64(out, queue->reserves_with_timeout);
    buffer_put_u32(out, QUEUE_PEEK - 1);
    for (unsigned op = QUEUE_PUT; op < QUEUE_PEEK; op++) buffer_put_u64(out, queue->commands[op]);
    put_meter(out, &queue->meter);
    const struct list *end = &queue->origins;
    uint32_t count = 0;
    for (const struct list *at = end->next; at != end; at = at->next) count++;
    buffer_put_u32(out, count);
    for (const struct list *at = end->next; at != end; at = at->next) {
        const struct origin *origin = LIST_ITEM(at, struct origin, all);
        buffer_put_u32(out, origin->node);
        buffer_put_u64(out, origin->incarnation);
        buffer_put_u64(out, origin->sequence);
        buffer_put_u64(out, origin->ended_sequence);
    }
    cut_object_end(out, begin);
}

static void put_policy(struct buffer *out, const struct tube_policy *policy)
{
    buffer_put_u8(out, policy != NULL);
    if (policy == NULL) return;
    buffer_put_u32(out, policy->attempts_max);
    buffer_put_u32(out, policy->base_ms);
    buffer_put_u32(out, policy->factor_permille);
    buffer_put_u32(out, policy->cap_ms);
    buffer_put_u32(out, policy->jitter_permille);
    put_name(out, policy->dead_tube, policy->dead_tube_size);
}

static void cut_put_tube(struct queue *queue, struct tube *tube, struct buffer *out)
{
    if (!cut_mark(&queue->cut, &tube->cut_number)) return;
    size_t begin = cut_object_begin(out, QUEUE_OBJECT_TUBE);
    buffer_put_u64(out, tube->sequence);
    put_name(out, tube->name, tube->name_size);
    buffer_put_u64(out, tube->jobs_total);
    buffer_put_u64(out, tube->deletes);
    buffer_put_u64(out, tube->pauses);
    buffer_put_u64(out, tube->pause_us);
    buffer_put_u64(out, tube->pause_until_us);
    buffer_put_u64(out, tube->match_sequence);
    put_policy(out, tube->policy);
    put_meter(out, tube->meter);
    cut_object_end(out, begin);
}

static void cut_put_session(struct queue *queue, struct session *session, struct buffer *out)
{
    if (!cut_mark(&queue->cut, &session->cut_number)) return;
    cut_put_tube(queue, session->use, out);
    for (uint32_t i = 0; i < session->watch_count; i++) {
        cut_put_tube(queue, session->watches[i].tube, out);
    }
    size_t begin = cut_object_begin(out, QUEUE_OBJECT_SESSION);
    buffer_put_u32(out, session->key.node);
    buffer_put_u32(out, session->key.connection);
    buffer_put_u64(out, session->key.incarnation);
    buffer_put_u64(out, session->sequence);
    buffer_put_u64(out, session->origin == NULL ? 0 : session->origin->sequence);
    buffer_put_u64(out, session->use->sequence);
    buffer_put_u8(out, (uint8_t)(session->producer | session->worker << 1));
    buffer_put_u64(out, session->wait_sequence);
    buffer_put_u64(out, session->wait_until_us);
    buffer_put_u64(out, session->ended_sequence);
    buffer_put_u64(out, session->kick_sequence);
    buffer_put_u32(out, session->kick_left);
    buffer_put_u32(out, session->kick_done);
    buffer_put_u8(out, session->kick_delayed);
    buffer_put_u32(out, session->watch_count);
    for (uint32_t i = 0; i < session->watch_count; i++) {
        buffer_put_u64(out, session->watches[i].tube->sequence);
    }
    cut_object_end(out, begin);
}

static void put_past(struct buffer *out, const struct job_past *past)
{
    const struct job_retry *retry = past == NULL ? NULL : past->retry;
    buffer_put_u8(out, past == NULL ? 0 : retry == NULL ? 1 : 2);
    if (past == NULL) return;
    buffer_put_u32(out, past->timeouts);
    buffer_put_u32(out, past->releases);
    buffer_put_u32(out, past->buries);
    buffer_put_u32(out, past->kicks);
    if (retry == NULL) return;
    buffer_put_u32(out, retry->attempts);
    buffer_put_u32(out, retry->attempts_total);
    put_name(out, retry->dead_from, retry->dead_from_size);
    buffer_put_u8(out, retry->history_count);
    for (unsigned i = 0; i < retry->history_count; i++) {
        buffer_put_u8(out, retry->history[i].cause);
        buffer_put_u64(out, retry->history[i].wall_us);
    }
}

static void put_job(struct buffer *out, const struct job *job)
{
    size_t begin = cut_object_begin(out, QUEUE_OBJECT_JOB);
    buffer_put_u64(out, job->id);
    buffer_put_u64(out, job->tube->sequence);
    buffer_put_u64(out, job->holder == NULL ? 0 : job->holder->sequence);
    buffer_put_u8(out, (uint8_t)job->state);
    buffer_put_u64(out, queue_job_when(job));
    buffer_put_u64(out, job->created_us);
    buffer_put_u32(out, job->priority);
    buffer_put_u32(out, job->delay_s);
    buffer_put_u32(out, job->ttr_s);
    buffer_put_u32(out, job->reserves);
    buffer_put_u32(out, job->reserved_ms);
    put_past(out, job->past);
    buffer_append(out, job->body, job->body_size);
    cut_object_end(out, begin);
}

/* Marks the job as written; false when it was already. */
static bool page_mark(const struct queue *queue, struct job_page *page, uint64_t id)
{
    if (cut_mark(&queue->cut, &page->cut_number)) page->cut_written = 0;
    uint32_t bit = UINT32_C(1) << id % QUEUE_PAGE_JOBS;
    if (page->cut_written & bit) return false;
    page->cut_written |= bit;
    return true;
}

static void cut_put_job(struct queue *queue, struct job_page *page, struct job *job,
                        struct buffer *out)
{
    if (!page_mark(queue, page, job->id)) return;
    cut_put_tube(queue, job->tube, out);
    if (job->holder != NULL) cut_put_session(queue, job->holder, out);
    put_job(out, job);
}

/* Pre-images */

void queue_cut_job(struct queue *queue, struct job *job)
{
    struct map_node *node = map_find(&queue->pages, job->id / QUEUE_PAGE_JOBS);
    cut_put_job(queue, LIST_ITEM(node, struct job_page, node), job, cut_pre_image(&queue->cut));
}

void queue_cut_tube(struct queue *queue, struct tube *tube)
{
    cut_put_tube(queue, tube, cut_pre_image(&queue->cut));
}

void queue_cut_session(struct queue *queue, struct session *session)
{
    cut_put_session(queue, session, cut_pre_image(&queue->cut));
}

void queue_cut_skip(struct queue *queue, const struct list *leaving)
{
    if (!queue->cut.active) return;
    cut_skip(&queue->cursors.tube, leaving);
    cut_skip(&queue->cursors.session, leaving);
    cut_skip(&queue->cursors.page, leaving);
}

void queue_cut_exclude(const struct queue *queue, struct job_page *page, uint64_t id)
{
    if (queue->cut.active) page_mark(queue, page, id);
}

/* The cut */

void queue_cut_begin(void *machine)
{
    struct queue *queue = machine;
    cut_begin(&queue->cut);
    queue->cursors = (struct queue_cursors){
        .tube = queue->tube_list.next,
        .session = queue->session_list.next,
        .page = queue->page_list.next,
        .digest = queue_digest(queue),
        .tubes = queue->tubes.count,
        .sessions = queue->sessions.count,
        .jobs = queue_jobs_count(queue),
    };
    put_header(queue, cut_pre_image(&queue->cut));
}

/* True when all of the page is written; else `out` has grown to `limit`. */
static bool put_page(struct queue *queue, struct job_page *page, size_t limit, struct buffer *out)
{
    for (unsigned i = 0; i < QUEUE_PAGE_JOBS; i++) {
        if (out->size >= limit) return false;
        if (page->jobs[i] != NULL) cut_put_job(queue, page, page->jobs[i], out);
    }
    return true;
}

/* A cut_step. */
static bool put_next(void *machine, size_t limit, struct buffer *out)
{
    struct queue *queue = machine;
    struct queue_cursors *cursors = &queue->cursors;
    if (cursors->tube != &queue->tube_list) {
        struct tube *tube = LIST_ITEM(cursors->tube, struct tube, all);
        cursors->tube = cursors->tube->next;
        cut_put_tube(queue, tube, out);
    } else if (cursors->session != &queue->session_list) {
        struct session *session = LIST_ITEM(cursors->session, struct session, all);
        cursors->session = cursors->session->next;
        cut_put_session(queue, session, out);
    } else if (cursors->page != &queue->page_list) {
        struct job_page *page = LIST_ITEM(cursors->page, struct job_page, all);
        if (put_page(queue, page, limit, out)) cursors->page = cursors->page->next;
    } else {
        return false;
    }
    return true;
}

/* A cut_end. */
static void put_end(void *machine, struct buffer *out)
{
    const struct queue_cursors *cursors = &((const struct queue *)machine)->cursors;
    size_t begin = cut_object_begin(out, QUEUE_OBJECT_END);
    buffer_put_u64(out, cursors->tubes);
    buffer_put_u64(out, cursors->sessions);
    buffer_put_u64(out, cursors->jobs);
    buffer_put_u64(out, cursors->digest);
    cut_object_end(out, begin);
}

bool queue_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct queue *queue = machine;
    return cut_read(&queue->cut, size, out, put_next, put_end, queue);
}

uint64_t queue_cut_pending(const void *machine)
{
    return cut_pending(&((const struct queue *)machine)->cut);
}

void queue_cut_abort(void *machine)
{
    cut_abort(&((struct queue *)machine)->cut);
}
