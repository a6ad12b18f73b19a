/* The work queue as a machine: its table of operations, its life, and the dispatch of commands.
 * queue.h is the contract, queue_internal.h the state. Semantics: beanstalkd 1.13, its
 * doc/protocol.txt. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/random.h"
#include "systems/queue/machine/internal.h"

/* A linear sum of odd multiples, mixed: the products do not wait for each other, which makes
 * hashing a job cheap enough to do at each of its changes. */
uint64_t queue_hash_words(const uint64_t *words, size_t count)
{
    uint64_t sum = count;
    uint64_t factor = UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = 0; i < count; i++) {
        sum += (words[i] + 1) * factor;
        factor *= UINT64_C(0xBF58476D1CE4E5B9);
    }
    return random_mix(sum);
}

void queue_emit(struct queue *queue, const struct session *session, struct queue_reply reply)
{
    queue->emit(queue->world, &session->key, &reply);
}

void queue_reply_kind(struct queue *queue, const struct session *session,
                      enum queue_reply_kind kind)
{
    queue_emit(queue, session, (struct queue_reply){.kind = kind});
}

/* Life */

static void *queue_create(const void *options, machine_emit *emit, void *world)
{
    struct queue *queue = calloc(1, sizeof *queue);
    ASSERT(queue != NULL);
    queue->local = calloc(1, sizeof *queue->local);
    ASSERT(queue->local != NULL);
    if (options != NULL) queue->options = *(const struct queue_options *)options;
    queue->emit = emit;
    queue->world = world;
    queue->next_id = 1;
    queue->work_max = MACHINE_WORK_MAX;
    list_init(&queue->tube_list);
    list_init(&queue->session_list);
    list_init(&queue->page_list);
    list_init(&queue->origins);
    queue->default_tube = queue_tube_find_or_make(queue, slice_text("default"));
    return queue;
}

/* Newest first: what was allocated last lies at the end of the heap, which can then shrink by and
 * by instead of all at once. */
static uint32_t free_some_jobs(struct queue *queue, uint32_t work)
{
    while (work != 0 && !list_empty(&queue->page_list)) {
        struct job_page *page = LIST_ITEM(queue->page_list.previous, struct job_page, all);
        for (unsigned i = 0; i < QUEUE_PAGE_JOBS; i++) {
            if (page->jobs[i] != NULL) queue_job_release_memory(page->jobs[i]);
        }
        list_remove(&page->all);
        free(page);
        work = work > QUEUE_PAGE_JOBS ? work - QUEUE_PAGE_JOBS : 0;
    }
    return work;
}

static uint32_t free_some_sessions(struct queue *queue, uint32_t work)
{
    for (; work != 0 && !list_empty(&queue->session_list); work--) {
        queue_session_free(queue, LIST_ITEM(queue->session_list.next, struct session, all));
    }
    return work;
}

static uint32_t free_some_tubes(struct queue *queue, uint32_t work)
{
    for (; work != 0 && !list_empty(&queue->tube_list); work--) {
        queue_tube_free(queue, LIST_ITEM(queue->tube_list.next, struct tube, all));
    }
    return work;
}

static void free_heaps(struct queue *queue)
{
    heap_free(&queue->timers);
    heap_free(&queue->delays);
    heap_free(&queue->pauses);
    heap_free(&queue->matching);
    heap_free(&queue->kicks);
    heap_free(&queue->ending);
    heap_free(&queue->ending_origins);
}

static bool queue_destroy(void *machine)
{
    struct queue *queue = machine;
    queue_cut_abort(queue);
    queue_restore_free(queue);
    uint32_t work = free_some_jobs(queue, MACHINE_WORK_MAX);
    work = free_some_sessions(queue, work);
    work = free_some_tubes(queue, work);
    if (work == 0) return false;
    while (!list_empty(&queue->origins)) {
        queue_origin_free(queue, LIST_ITEM(queue->origins.next, struct origin, all));
    }
    free_heaps(queue);
    map_free(&queue->tubes);
    map_free(&queue->sessions);
    map_free(&queue->pages);
    free(queue->local);
    free(queue);
    return true;
}

/* Commands */

static void pause_tube(struct queue *queue, struct session *session,
                       const struct queue_command *command)
{
    struct tube *tube = queue_tube_find(queue, command->tube);
    if (tube == NULL) {
        queue_reply_kind(queue, session, QUEUE_REPLY_NOT_FOUND);
        return;
    }
    queue_tube_pause(queue, tube, command->delay_s);
    queue_reply_kind(queue, session, QUEUE_REPLY_PAUSED);
}

static void queue_apply(void *machine, const struct session_key *key, struct slice bytes)
{
    struct queue *queue = machine;
    struct queue_command command;
    if (!queue_command_decode(bytes, &command) || command.op >= QUEUE_PEEK) return;
    struct session *session = queue_session_find_or_make(queue, key);
    /* The node proposes nothing behind a command that waits for its reply. */
    if (session->wait_sequence != 0 || session->kick_sequence != 0) return;
    queue->budget = queue->work_max;
    queue->commands[command.op]++;
    switch (command.op) {
    case QUEUE_USE: queue_session_use(queue, session, command.tube); break;
    case QUEUE_WATCH: queue_session_watch(queue, session, command.tube); break;
    case QUEUE_IGNORE: queue_session_ignore(queue, session, command.tube); break;
    case QUEUE_RESERVE:
        if (command.timeout_s != QUEUE_NO_TIMEOUT) queue->reserves_with_timeout++;
        queue_session_reserve(queue, session, command.timeout_s);
        break;
    case QUEUE_KICK: queue_session_kick(queue, session, command.bound); break;
    case QUEUE_PAUSE_TUBE: pause_tube(queue, session, &command); break;
    case QUEUE_POLICY_SET: queue_policy_set(queue, session, &command); break;
    default: queue_job_command(queue, session, &command);
    }
}

static void finish_endings(struct queue *queue)
{
    while (queue->budget > 0 && queue_step_ending(queue)) {}
}

static void queue_session_end(void *machine, const struct session_key *key)
{
    struct queue *queue = machine;
    struct session *session = queue_session_find(queue, key);
    if (session == NULL) return;
    queue->budget = queue->work_max;
    queue_session_begin_end(queue, session);
    finish_endings(queue);
}

static void queue_session_hurry(void *machine, const struct session_key *key)
{
    struct queue *queue = machine;
    struct session *session = queue_session_find(queue, key);
    if (session == NULL || session->wait_sequence == 0) return;
    queue->budget = queue->work_max;
    queue_session_give_up(queue, session);
}

static void queue_origin_end(void *machine, uint32_t node, uint64_t incarnation)
{
    struct queue *queue = machine;
    for (struct list *at = queue->origins.next; at != &queue->origins; at = at->next) {
        struct origin *origin = LIST_ITEM(at, struct origin, all);
        if (origin->node != node || origin->incarnation > incarnation) continue;
        if (origin->ended_sequence != 0) continue;
        origin->ended_sequence = queue_next_sequence(queue);
        heap_push(&queue->ending_origins, origin->ended_sequence, 0, &origin->ending_place);
    }
    queue->budget = queue->work_max;
    finish_endings(queue);
}

static uint64_t queue_bytes(const void *machine)
{
    return ((const struct queue *)machine)->bytes;
}

const struct machine_ops queue_ops = {
    .name = "queue",
    .snapshot_version = 2, /* 1: without due time */
    .create = queue_create,
    .destroy = queue_destroy,
    .advance = queue_advance,
    .apply = queue_apply,
    .session_end = queue_session_end,
    .session_hurry = queue_session_hurry,
    .origin_end = queue_origin_end,
    .deadline = queue_deadline,
    .query = queue_query,
    .metrics = queue_metrics,
    .bytes = queue_bytes,
    .digest = queue_digest,
    .cut_begin = queue_cut_begin,
    .cut_read = queue_cut_read,
    .cut_pending = queue_cut_pending,
    .cut_abort = queue_cut_abort,
    .restore = queue_restore,
    .restore_end = queue_restore_end,
    .check = queue_check,
};

enum queue_job_state queue_job_state(const void *machine, uint64_t id, struct session_key *holder)
{
    const struct job *job = queue_job_find(machine, id);
    if (job == NULL) return QUEUE_JOB_NONE;
    if (job->holder != NULL && holder != NULL) *holder = job->holder->key;
    return (enum queue_job_state)job->state;
}

uint64_t queue_sessions_count(const void *machine)
{
    const struct queue *queue = machine;
    return queue->sessions.count;
}

uint64_t queue_jobs_count(const void *machine)
{
    const struct queue *queue = machine;
    uint64_t count = 0;
    for (unsigned state = QUEUE_JOB_READY; state <= QUEUE_JOB_BURIED; state++) {
        count += queue->jobs[state];
    }
    return count;
}
