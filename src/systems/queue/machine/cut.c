/* Taking a snapshot while the state goes on changing: specs/systems/queue.md, "Snapshot".
 *
 * cut_begin() writes the header; then cursors walk tubes, sessions and pages of jobs and write each
 * object once. What changes before the cursor reaches it is first written as it was, to `pending`,
 * which is read before the cursors go on. Marks tell what was written: the number of the cut in
 * tubes and sessions, a bit for each job in its page. What is made after the cut began is marked
 * from the start. An object that was not written has not changed since, so whatever it refers to
 * can be written ahead of it. */
#include <stdlib.h>

#include "base/assert.h"
#include "systems/queue/machine/internal.h"

enum { OBJECT_HEADER = 1, OBJECT_TUBE, OBJECT_SESSION, OBJECT_JOB, OBJECT_END };

static size_t object_begin(struct buffer *out, uint8_t kind)
{
    buffer_put_u8(out, kind);
    buffer_put_u32(out, 0);
    return out->size;
}

static void object_end(struct buffer *out, size_t begin)
{
    ASSERT(out->size - begin <= UINT32_MAX);
    store_u32(out->data + out->head + begin - 4, (uint32_t)(out->size - begin));
}

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
    size_t begin = object_begin(out, OBJECT_HEADER);
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
    object_end(out, begin);
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
    if (tube->cut_number == queue->cut.number) return;
    tube->cut_number = queue->cut.number;
    size_t begin = object_begin(out, OBJECT_TUBE);
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
    object_end(out, begin);
}

static void cut_put_session(struct queue *queue, struct session *session, struct buffer *out)
{
    if (session->cut_number == queue->cut.number) return;
    session->cut_number = queue->cut.number;
    cut_put_tube(queue, session->use, out);
    for (uint32_t i = 0; i < session->watch_count; i++) {
        cut_put_tube(queue, session->watches[i].tube, out);
    }
    size_t begin = object_begin(out, OBJECT_SESSION);
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
    object_end(out, begin);
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
    size_t begin = object_begin(out, OBJECT_JOB);
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
    object_end(out, begin);
}

/* Marks the job as written; false when it was already. */
static bool page_mark(const struct queue *queue, struct job_page *page, uint64_t id)
{
    if (page->cut_number != queue->cut.number) {
        page->cut_number = queue->cut.number;
        page->cut_written = 0;
    }
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

static struct buffer *pending_end(struct queue_cut *cut)
{
    if (cut->last != NULL && cut->last->bytes.size < QUEUE_CUT_CHUNK_BYTES) {
        return &cut->last->bytes;
    }
    struct cut_chunk *chunk = calloc(1, sizeof *chunk);
    ASSERT(chunk != NULL);
    if (cut->last == NULL) {
        cut->first = chunk;
    } else {
        cut->full_bytes += cut->last->bytes.size;
        cut->last->next = chunk;
    }
    cut->last = chunk;
    return &chunk->bytes;
}

static void pending_drop_first(struct queue_cut *cut)
{
    struct cut_chunk *chunk = cut->first;
    cut->first = chunk->next;
    if (chunk == cut->last) {
        cut->last = NULL;
    } else {
        cut->full_bytes -= chunk->bytes.size;
    }
    buffer_free(&chunk->bytes);
    free(chunk);
}

/* About `size` bytes of what waits, a chunk at most. */
static void pending_read(struct queue_cut *cut, size_t size, struct buffer *out)
{
    struct cut_chunk *chunk = cut->first;
    size_t part = chunk->bytes.size;
    if (size != 0 && size < part) part = size;
    buffer_append(out, buffer_slice(&chunk->bytes).data, part);
    buffer_consume(&chunk->bytes, part);
    if (chunk != cut->last) cut->full_bytes -= part;
    if (chunk->bytes.size == 0) pending_drop_first(cut);
}

void queue_cut_job(struct queue *queue, struct job *job)
{
    struct map_node *node = map_find(&queue->pages, job->id / QUEUE_PAGE_JOBS);
    cut_put_job(queue, LIST_ITEM(node, struct job_page, node), job, pending_end(&queue->cut));
}

void queue_cut_tube(struct queue *queue, struct tube *tube)
{
    cut_put_tube(queue, tube, pending_end(&queue->cut));
}

void queue_cut_session(struct queue *queue, struct session *session)
{
    cut_put_session(queue, session, pending_end(&queue->cut));
}

void queue_cut_skip(struct queue *queue, const struct list *leaving)
{
    struct queue_cut *cut = &queue->cut;
    if (!cut->active) return;
    if (cut->tube == leaving) cut->tube = leaving->next;
    if (cut->session == leaving) cut->session = leaving->next;
    if (cut->page == leaving) cut->page = leaving->next;
}

void queue_cut_exclude(const struct queue *queue, struct job_page *page, uint64_t id)
{
    if (queue->cut.active) page_mark(queue, page, id);
}

/* The cut */

void queue_cut_begin(void *machine)
{
    struct queue *queue = machine;
    struct queue_cut *cut = &queue->cut;
    ASSERT(!cut->active);
    cut->active = true;
    cut->number++;
    cut->tube = queue->tube_list.next;
    cut->session = queue->session_list.next;
    cut->page = queue->page_list.next;
    cut->digest = queue_digest(queue);
    cut->tubes = queue->tubes.count;
    cut->sessions = queue->sessions.count;
    cut->jobs = queue_jobs_count(queue);
    put_header(queue, pending_end(cut));
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

/* Writes what the cursors find next, up to about `limit`; false when they are through. */
static bool cut_step(struct queue *queue, size_t limit, struct buffer *out)
{
    struct queue_cut *cut = &queue->cut;
    if (cut->tube != &queue->tube_list) {
        struct tube *tube = LIST_ITEM(cut->tube, struct tube, all);
        cut->tube = cut->tube->next;
        cut_put_tube(queue, tube, out);
    } else if (cut->session != &queue->session_list) {
        struct session *session = LIST_ITEM(cut->session, struct session, all);
        cut->session = cut->session->next;
        cut_put_session(queue, session, out);
    } else if (cut->page != &queue->page_list) {
        struct job_page *page = LIST_ITEM(cut->page, struct job_page, all);
        if (put_page(queue, page, limit, out)) cut->page = cut->page->next;
    } else {
        return false;
    }
    return true;
}

static void put_end(const struct queue_cut *cut, struct buffer *out)
{
    size_t begin = object_begin(out, OBJECT_END);
    buffer_put_u64(out, cut->tubes);
    buffer_put_u64(out, cut->sessions);
    buffer_put_u64(out, cut->jobs);
    buffer_put_u64(out, cut->digest);
    object_end(out, begin);
}

bool queue_cut_read(void *machine, size_t size, struct buffer *out)
{
    struct queue *queue = machine;
    struct queue_cut *cut = &queue->cut;
    if (!cut->active) return false;
    size_t limit = out->size + (size == 0 ? 1 : size);
    if (queue_cut_pending(queue) != 0) {
        pending_read(cut, size, out);
        return true;
    }
    /* What was written ahead of its turn, or made since, is passed by and writes nothing. */
    for (int steps = 0; steps < MACHINE_WORK_MAX && out->size < limit; steps++) {
        if (cut_step(queue, limit, out)) continue;
        put_end(cut, out);
        queue_cut_abort(queue);
        return false;
    }
    return true;
}

uint64_t queue_cut_pending(const void *machine)
{
    const struct queue_cut *cut = &((const struct queue *)machine)->cut;
    return cut->last == NULL ? 0 : cut->full_bytes + cut->last->bytes.size;
}

void queue_cut_abort(void *machine)
{
    struct queue *queue = machine;
    queue->cut.active = false;
    while (queue->cut.first != NULL) pending_drop_first(&queue->cut);
}
