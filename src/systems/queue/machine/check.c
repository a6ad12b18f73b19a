/* The digest of the whole state, and the check that everything kept incrementally is what it would
 * be if it were counted anew. */
#include "base/assert.h"
#include "base/random.h"
#include "systems/queue/machine/internal.h"

/* Jobs, tubes and sessions add up as they change; the few words left are hashed when asked. */
uint64_t queue_digest(const void *machine)
{
    const struct queue *queue = machine;
    uint64_t words[] = {
        queue->elapsed_us, queue->due_us,       queue->wall_us,    queue->next_id,
        queue->sequence,   queue->job_timeouts, queue->jobs_total, queue->reserves_with_timeout,
        queue->bytes};
    uint64_t sum = queue->digest + queue_hash_words(words, sizeof words / sizeof *words);
    sum += queue_hash_words(queue->commands, QUEUE_PEEK);
    const struct list *end = &queue->origins;
    for (const struct list *at = end->next; at != end; at = at->next) {
        const struct origin *origin = LIST_ITEM(at, struct origin, all);
        uint64_t of_origin[] = {origin->node, origin->incarnation, origin->sequence,
                                origin->ended_sequence};
        sum += queue_hash_words(of_origin, sizeof of_origin / sizeof *of_origin);
    }
    return sum;
}

struct tally {
    uint64_t digest;
    uint64_t bytes;
    uint64_t jobs[QUEUE_JOB_BURIED + 1];
    uint64_t urgent, waiting, producers, workers;
    uint64_t held, using, watching, reserved, paused, delayed, matching;
    uint64_t pages_jobs;
};

static void check_heap(const struct heap *heap)
{
    ASSERT(heap->count <= heap->capacity);
    for (uint32_t i = 0; i < heap->count; i++) {
        const struct heap_slot *slot = &heap->slots[i];
        ASSERT(slot->place->at == i);
        if (i == 0) continue;
        const struct heap_slot *parent = &heap->slots[(i - 1) / 4];
        ASSERT(parent->major < slot->major ||
               (parent->major == slot->major && parent->minor <= slot->minor));
    }
}

static void check_job(const struct queue *queue, const struct job *job, struct tally *tally)
{
    ASSERT(job->id < queue->next_id && job->ttr_s != 0);
    ASSERT((job->holder != NULL) == (job->state == QUEUE_JOB_RESERVED));
    ASSERT(job->body_hash == (uint32_t)map_hash_bytes(slice_of(job->body, job->body_size)));
    const struct heap *heap = NULL;
    switch ((enum queue_job_state)job->state) {
    case QUEUE_JOB_READY: heap = &job->tube->ready; break;
    case QUEUE_JOB_RESERVED: heap = &job->holder->held; break;
    case QUEUE_JOB_DELAYED: heap = &job->tube->delay; break;
    case QUEUE_JOB_BURIED: heap = &job->tube->buried; break;
    case QUEUE_JOB_NONE: break;
    }
    ASSERT(heap != NULL && job->place.at < heap->count);
    const struct heap_slot *slot = &heap->slots[job->place.at];
    ASSERT(slot->place == &job->place);
    if (job->state == QUEUE_JOB_READY) ASSERT(slot->major == job->priority);
    ASSERT(slot->minor == job->id);
    tally->jobs[job->state]++;
    tally->digest += queue_job_hash(job);
    tally->bytes += queue_job_bytes(job);
}

static void check_pages(const struct queue *queue, struct tally *tally)
{
    const struct list *end = &queue->page_list;
    for (const struct list *at = end->next; at != end; at = at->next) {
        const struct job_page *page = LIST_ITEM(at, struct job_page, all);
        uint32_t count = 0;
        for (unsigned i = 0; i < QUEUE_PAGE_JOBS; i++) {
            const struct job *job = page->jobs[i];
            if (job == NULL) continue;
            count++;
            ASSERT(job->id == page->node.hash * QUEUE_PAGE_JOBS + i);
            check_job(queue, job, tally);
        }
        ASSERT(count == page->count && (count != 0 || page == queue->newest_page));
    }
}

static void check_tube(const struct queue *queue, const struct tube *tube, struct tally *tally)
{
    ASSERT(queue_tube_find(queue, queue_tube_name(tube)) == tube);
    check_heap(&tube->ready);
    check_heap(&tube->delay);
    check_heap(&tube->buried);
    check_heap(&tube->waiters);
    uint32_t urgent = 0;
    for (uint32_t i = 0; i < tube->ready.count; i++) {
        if (tube->ready.slots[i].major < QUEUE_URGENT_BELOW) urgent++;
    }
    ASSERT(urgent == tube->urgent);
    bool needed = tube == queue->default_tube || tube->using != 0 || tube->watching != 0 ||
                  tube->reserved != 0 || tube->ready.count != 0 || tube->delay.count != 0 ||
                  tube->buried.count != 0 || tube->policy != NULL;
    ASSERT(needed);
    bool matchable = tube->ready.count != 0 && tube->waiters.count != 0;
    if (matchable && tube->pause_until_us == 0) ASSERT(tube->match_sequence != 0);
    ASSERT((tube->match_sequence != 0) == (tube->matching_place.at != HEAP_NOWHERE));
    ASSERT((tube->pause_until_us != 0) == (tube->pauses_place.at != HEAP_NOWHERE));
    ASSERT((tube->delay.count != 0) == (tube->delays_place.at != HEAP_NOWHERE));
    if (tube->delay.count != 0) {
        ASSERT(queue->delays.slots[tube->delays_place.at].major == heap_min(&tube->delay)->major);
        ASSERT(queue->delays.slots[tube->delays_place.at].minor == heap_min(&tube->delay)->minor);
    }
    ASSERT(tube->contribution == queue_tube_hash(tube));
    tally->digest += tube->contribution;
    tally->bytes += queue_tube_bytes(tube);
    tally->urgent += urgent;
    tally->using += tube->using;
    tally->watching += tube->watching;
    tally->reserved += tube->reserved;
    tally->waiting += tube->waiters.count;
    tally->paused += tube->pause_until_us != 0;
    tally->delayed += tube->delay.count != 0;
    tally->matching += tube->match_sequence != 0;
}

static void check_tubes(const struct queue *queue, struct tally *tally)
{
    uint64_t sequence = 0;
    size_t count = 0;
    const struct list *end = &queue->tube_list;
    for (const struct list *at = end->next; at != end; at = at->next, count++) {
        const struct tube *tube = LIST_ITEM(at, struct tube, all);
        ASSERT(tube->sequence > sequence);
        sequence = tube->sequence;
        check_tube(queue, tube, tally);
    }
    ASSERT(count == queue->tubes.count && count <= QUEUE_TUBES_MAX);
    ASSERT(tally->urgent == queue->urgent);
    ASSERT(tally->reserved == queue->jobs[QUEUE_JOB_RESERVED]);
    ASSERT(tally->paused == queue->pauses.count);
    ASSERT(tally->delayed == queue->delays.count);
    ASSERT(tally->matching == queue->matching.count);
}

static void check_timer(const struct queue *queue, const struct session *session)
{
    uint64_t due_us = UINT64_MAX;
    if (session->held.count != 0) due_us = heap_min(&session->held)->major;
    if (session->wait_sequence != 0) {
        if (session->held.count != 0) due_us -= QUEUE_MARGIN_US;
        if (session->wait_until_us < due_us) due_us = session->wait_until_us;
    }
    if (due_us == UINT64_MAX) {
        ASSERT(session->timer_place.at == HEAP_NOWHERE);
    } else {
        ASSERT(queue->timers.slots[session->timer_place.at].major == due_us);
        ASSERT(queue->timers.slots[session->timer_place.at].place == &session->timer_place);
    }
}

static void check_session(const struct queue *queue, const struct session *session,
                          struct tally *tally)
{
    check_heap(&session->held);
    check_timer(queue, session);
    ASSERT(session->watch_count >= 1 && session->watch_count <= QUEUE_WATCH_MAX);
    for (uint32_t i = 0; i < session->watch_count; i++) {
        const struct watch *watch = &session->watches[i];
        ASSERT(watch->session == session);
        ASSERT((watch->waiting.at != HEAP_NOWHERE) == (session->wait_sequence != 0));
        if (session->wait_sequence == 0) continue;
        ASSERT(watch->tube->waiters.slots[watch->waiting.at].major == session->wait_sequence);
        tally->waiting--;
    }
    ASSERT((session->origin == NULL) == (session->ended_sequence != 0));
    ASSERT((session->kick_sequence != 0) == (session->kick_place.at != HEAP_NOWHERE));
    ASSERT((session->ended_sequence != 0 && session->kick_sequence == 0) ==
           (session->ending_place.at != HEAP_NOWHERE));
    ASSERT(session->contribution == queue_session_hash(session));
    tally->digest += session->contribution;
    tally->bytes += queue_session_bytes(session);
    tally->held += session->held.count;
    tally->producers += session->producer;
    tally->workers += session->worker;
    tally->using --;
    tally->watching -= session->watch_count;
}

static void check_sessions(const struct queue *queue, struct tally *tally)
{
    uint64_t waiting = 0;
    size_t count = 0;
    const struct list *end = &queue->session_list;
    for (const struct list *at = end->next; at != end; at = at->next, count++) {
        const struct session *session = LIST_ITEM(at, struct session, all);
        check_session(queue, session, tally);
        waiting += session->wait_sequence != 0;
    }
    ASSERT(count == queue->sessions.count && waiting == queue->waiting);
    ASSERT(tally->waiting == 0 && tally->using == 0 && tally->watching == 0);
    ASSERT(tally->held == queue->jobs[QUEUE_JOB_RESERVED]);
    ASSERT(tally->producers == queue->producers && tally->workers == queue->workers);
}

static void check_origins(const struct queue *queue)
{
    size_t ended = 0;
    const struct list *end = &queue->origins;
    for (const struct list *at = end->next; at != end; at = at->next) {
        const struct origin *origin = LIST_ITEM(at, struct origin, all);
        check_heap(&origin->sessions);
        ASSERT(origin->sessions.count != 0);
        ASSERT((origin->ended_sequence != 0) == (origin->ending_place.at != HEAP_NOWHERE));
        ended += origin->ended_sequence != 0;
    }
    ASSERT(ended == queue->ending_origins.count);
}

void queue_check(const void *machine)
{
    const struct queue *queue = machine;
    struct tally tally = {0};
    check_heap(&queue->timers);
    check_heap(&queue->delays);
    check_heap(&queue->pauses);
    check_heap(&queue->matching);
    check_heap(&queue->kicks);
    check_heap(&queue->ending);
    check_heap(&queue->ending_origins);
    check_pages(queue, &tally);
    check_tubes(queue, &tally);
    check_sessions(queue, &tally);
    check_origins(queue);
    for (unsigned state = QUEUE_JOB_READY; state <= QUEUE_JOB_BURIED; state++) {
        ASSERT(tally.jobs[state] == queue->jobs[state]);
    }
    ASSERT(tally.digest == queue->digest && tally.bytes == queue->bytes);
}
