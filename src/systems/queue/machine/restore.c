/* Reading back what cut.c wrote: specs/systems/queue.md, "Snapshot". The stream may have been
 * damaged on its way: whatever does not fit is refused, and the digest at its end must be the
 * digest of what was read. Heaps, counts and timers are built up as the objects come. */
#include <stdlib.h>

#include "base/assert.h"
#include "systems/queue/machine/internal.h"

enum { OBJECT_SIZE_MAX = 2 * QUEUE_JOB_SIZE_MAX };

enum { REF_BLOCK_SIZE = 1024 };

struct restore_ref {
    struct map_node node; /* hash: the sequence */
    void *object;
};

/* In blocks, so that the end of a restore need not free a million of them. */
struct restore_ref_block {
    struct restore_ref_block *next;
    uint32_t used;
    struct restore_ref refs[REF_BLOCK_SIZE];
};

static void ref_add(struct restore_refs *refs, uint64_t sequence, void *object)
{
    struct restore_ref_block *block = refs->blocks;
    if (block == NULL || block->used == REF_BLOCK_SIZE) {
        block = malloc(sizeof *block);
        ASSERT(block != NULL);
        block->used = 0;
        block->next = refs->blocks;
        refs->blocks = block;
    }
    struct restore_ref *ref = &block->refs[block->used++];
    ref->object = object;
    map_insert(&refs->map, &ref->node, sequence);
}

static void *ref_find(const struct restore_refs *refs, uint64_t sequence)
{
    struct map_node *node = map_find(&refs->map, sequence);
    return node == NULL ? NULL : LIST_ITEM(node, struct restore_ref, node)->object;
}

static void refs_free(struct restore_refs *refs)
{
    while (refs->blocks != NULL) {
        struct restore_ref_block *next = refs->blocks->next;
        free(refs->blocks);
        refs->blocks = next;
    }
    map_free(&refs->map);
}

void queue_restore_free(struct queue *queue)
{
    cut_feed_free(&queue->restore.feed);
    refs_free(&queue->restore.tubes);
    refs_free(&queue->restore.sessions);
}

static void read_histogram(struct reader *reader, struct meter_histogram *histogram)
{
    histogram->sum_ms = read_u64(reader);
    for (unsigned i = 0; i < QUEUE_METER_BUCKETS; i++) histogram->counts[i] = read_u64(reader);
}

/* False when there is none. */
static bool read_meter(struct reader *reader, struct meter *meter)
{
    if (read_u8(reader) == 0) return false;
    read_histogram(reader, &meter->age_at_reserve);
    read_histogram(reader, &meter->reserve_to_delete);
    return true;
}

static struct slice read_name(struct reader *reader)
{
    uint8_t size = read_u8(reader);
    return read_exactly(reader, size);
}

static struct origin *origin_find(const struct queue *queue, uint64_t sequence)
{
    const struct list *end = &queue->origins;
    for (const struct list *at = end->next; at != end; at = at->next) {
        struct origin *origin = LIST_ITEM(at, struct origin, all);
        if (origin->sequence == sequence) return origin;
    }
    return NULL;
}

static bool restore_origin(struct queue *queue, struct reader *reader)
{
    uint32_t node = read_u32(reader);
    uint64_t incarnation = read_u64(reader);
    uint64_t sequence = read_u64(reader);
    uint64_t ended_sequence = read_u64(reader);
    if (reader->bad || sequence == 0 || origin_find(queue, sequence) != NULL) return false;
    struct origin *origin = queue_origin_make(queue, node, incarnation, sequence);
    origin->ended_sequence = ended_sequence;
    if (ended_sequence != 0) {
        heap_push(&queue->ending_origins, ended_sequence, 0, &origin->ending_place);
    }
    return true;
}

static bool restore_header(struct queue *queue, struct reader *reader)
{
    queue->elapsed_us = read_u64(reader);
    queue->due_us = read_u64(reader);
    queue->wall_us = read_u64(reader);
    queue->next_id = read_u64(reader);
    queue->sequence = read_u64(reader);
    queue->job_timeouts = read_u64(reader);
    queue->jobs_total = read_u64(reader);
    queue->reserves_with_timeout = read_u64(reader);
    if (read_u32(reader) != QUEUE_PEEK - 1) return false;
    for (unsigned op = QUEUE_PUT; op < QUEUE_PEEK; op++) queue->commands[op] = read_u64(reader);
    read_meter(reader, &queue->meter);
    uint32_t origins = read_u32(reader);
    for (uint32_t i = 0; i < origins; i++) {
        if (!restore_origin(queue, reader)) return false;
    }
    /* The default tube of the new machine makes room for the one that is to come. */
    queue->digest -= queue->default_tube->contribution;
    queue_tube_free(queue, queue->default_tube);
    queue->default_tube = NULL;
    return reader_done(reader);
}

static bool restore_policy(struct queue *queue, struct tube *tube, struct reader *reader)
{
    struct queue_policy policy = {0};
    policy.attempts_max = read_u32(reader);
    policy.base_ms = read_u32(reader);
    policy.factor_permille = read_u32(reader);
    policy.cap_ms = read_u32(reader);
    policy.jitter_permille = read_u32(reader);
    policy.dead_tube = read_name(reader);
    if (reader->bad || policy.attempts_max == 0) return false;
    if (policy.factor_permille < 1000 || policy.jitter_permille > 1000) return false;
    if (policy.dead_tube.size != 0 && !queue_name_valid(policy.dead_tube)) return false;
    queue_tube_set_policy(queue, tube, &policy);
    return true;
}

static uint64_t sequence_at(const struct list *link)
{
    return LIST_ITEM(link, const struct tube, all)->sequence;
}

/* Tubes are listed in the order in which they were made. They come in that order, too, but for
 * those that changed while the snapshot was taken, which came before their turn: so the place of
 * each is near that of the one before it, or not farther from it than there are such tubes. */
static void place_tube(struct queue *queue, struct tube *tube)
{
    struct list *end = &queue->tube_list;
    struct list *at = queue->restore.tube_at == NULL ? end : queue->restore.tube_at;
    list_remove(&tube->all);
    while (at->next != end && sequence_at(at->next) < tube->sequence) at = at->next;
    while (at != end && sequence_at(at) > tube->sequence) at = at->previous;
    list_append(at->next, &tube->all); /* before the next one */
    queue->restore.tube_at = &tube->all;
}

static bool restore_tube(struct queue *queue, struct reader *reader)
{
    uint64_t sequence = read_u64(reader);
    struct slice name = read_name(reader);
    if (reader->bad || !queue_name_valid(name)) return false;
    if (queue_tube_find(queue, name) != NULL) return false;
    if (sequence == 0 || ref_find(&queue->restore.tubes, sequence) != NULL) return false;
    struct tube *tube = queue_tube_make(queue, name, sequence);
    place_tube(queue, tube);
    ref_add(&queue->restore.tubes, sequence, tube);
    if (slice_equal(name, slice_text("default"))) queue->default_tube = tube;
    tube->jobs_total = read_u64(reader);
    tube->deletes = read_u64(reader);
    tube->pauses = read_u64(reader);
    tube->pause_us = read_u64(reader);
    tube->pause_until_us = read_u64(reader);
    tube->match_sequence = read_u64(reader);
    if (tube->pause_until_us != 0) {
        heap_push(&queue->pauses, tube->pause_until_us, tube->sequence, &tube->pauses_place);
    }
    if (tube->match_sequence != 0) {
        heap_push(&queue->matching, tube->match_sequence, 0, &tube->matching_place);
    }
    if (read_u8(reader) != 0 && !restore_policy(queue, tube, reader)) return false;
    struct meter meter;
    if (read_meter(reader, &meter)) *queue_meter_of(queue, tube) = meter;
    queue_tube_changed(queue, tube);
    return reader_done(reader);
}

/* What follows from a session's own fields: its places in the heaps, and the counts. */
static void settle_session(struct queue *queue, struct session *session)
{
    if (session->wait_sequence != 0) {
        queue->waiting++;
        queue_session_enter_waiters(session);
        queue_session_reschedule(queue, session);
    }
    if (session->kick_sequence != 0) {
        heap_push(&queue->kicks, session->kick_sequence, 0, &session->kick_place);
    } else if (session->ended_sequence != 0) {
        heap_push(&queue->ending, session->ended_sequence, 0, &session->ending_place);
    }
    queue->producers += session->producer;
    queue->workers += session->worker;
    queue_session_changed(queue, session);
}

static bool restore_watches(struct queue *queue, struct session *session, struct reader *reader)
{
    uint32_t count = read_u32(reader);
    if (count == 0 || count > QUEUE_WATCH_MAX) return false;
    for (uint32_t i = 0; i < count; i++) {
        struct tube *tube = ref_find(&queue->restore.tubes, read_u64(reader));
        if (tube == NULL) return false;
        queue_session_add_watch(queue, session, tube);
    }
    return reader_done(reader);
}

static bool restore_session(struct queue *queue, struct reader *reader)
{
    struct session_key key = {.node = read_u32(reader)};
    key.connection = read_u32(reader);
    key.incarnation = read_u64(reader);
    uint64_t sequence = read_u64(reader);
    uint64_t origin_sequence = read_u64(reader);
    struct tube *use = ref_find(&queue->restore.tubes, read_u64(reader));
    struct origin *origin = NULL;
    if (origin_sequence != 0) origin = origin_find(queue, origin_sequence);
    if (use == NULL || (origin_sequence != 0 && origin == NULL)) return false;
    if (sequence == 0 || ref_find(&queue->restore.sessions, sequence) != NULL) return false;
    struct session *session = queue_session_make(queue, &key, origin, sequence);
    ref_add(&queue->restore.sessions, sequence, session);
    queue_session_set_use(session, use);
    uint8_t flags = read_u8(reader);
    session->producer = flags & 1;
    session->worker = flags & 2;
    uint64_t wait_sequence = read_u64(reader);
    session->wait_until_us = read_u64(reader);
    session->ended_sequence = read_u64(reader);
    session->kick_sequence = read_u64(reader);
    session->kick_left = read_u32(reader);
    session->kick_done = read_u32(reader);
    session->kick_delayed = read_u8(reader) != 0;
    if ((session->ended_sequence == 0) != (origin != NULL)) return false;
    if (!restore_watches(queue, session, reader)) return false;
    session->wait_sequence = wait_sequence;
    settle_session(queue, session);
    return true;
}

static bool restore_retry(struct queue *queue, struct job *job, struct reader *reader)
{
    struct job_retry *retry = queue_job_retry(queue, job);
    retry->attempts = read_u32(reader);
    retry->attempts_total = read_u32(reader);
    struct slice name = read_name(reader);
    if (reader->bad || (name.size != 0 && !queue_name_valid(name))) return false;
    if (name.size != 0) queue_retry_set_dead_from(queue, retry, name);
    uint8_t count = read_u8(reader);
    if (count > QUEUE_HISTORY_MAX) return false;
    for (unsigned i = 0; i < count; i++) {
        uint8_t cause = read_u8(reader);
        if (cause != JOB_CAUSE_RELEASE && cause != JOB_CAUSE_TIMEOUT) return false;
        retry->history[i].cause = cause;
        retry->history[i].wall_us = read_u64(reader) & 0xFFFFFFFFFFFFFF;
    }
    retry->history_count = count;
    return !reader->bad;
}

static bool restore_past(struct queue *queue, struct job *job, struct reader *reader, uint8_t kind)
{
    if (kind == 0) return true;
    if (kind > 2) return false;
    struct job_past *past = queue_job_past(queue, job);
    past->timeouts = read_u32(reader);
    past->releases = read_u32(reader);
    past->buries = read_u32(reader);
    past->kicks = read_u32(reader);
    return kind == 1 || restore_retry(queue, job, reader);
}

/* The body stands last but the job is made with it: so what stands between is read twice. */
static struct slice past_skip(struct reader reader, uint8_t kind)
{
    if (kind >= 1) read_exactly(&reader, 16);
    if (kind == 2) {
        read_exactly(&reader, 8);
        read_name(&reader);
        read_exactly(&reader, (size_t)9 * read_u8(&reader));
    }
    return read_exactly(&reader, reader.bytes.size);
}

static bool restore_job(struct queue *queue, struct reader *reader)
{
    uint64_t id = read_u64(reader);
    struct tube *tube = ref_find(&queue->restore.tubes, read_u64(reader));
    uint64_t holder_sequence = read_u64(reader);
    struct session *holder = NULL;
    if (holder_sequence != 0) holder = ref_find(&queue->restore.sessions, holder_sequence);
    uint8_t state = read_u8(reader);
    uint64_t when = read_u64(reader);
    struct job fixed = {.created_us = read_u64(reader)};
    fixed.priority = read_u32(reader);
    fixed.delay_s = read_u32(reader);
    fixed.ttr_s = read_u32(reader);
    fixed.reserves = read_u32(reader);
    fixed.reserved_ms = read_u32(reader);
    uint8_t past_kind = read_u8(reader);
    struct slice body = past_skip(*reader, past_kind);
    if (reader->bad || body.size > QUEUE_JOB_SIZE_MAX || tube == NULL) return false;
    if (id == 0 || id >= queue->next_id || queue_job_find(queue, id) != NULL) return false;
    if (state < QUEUE_JOB_READY || state > QUEUE_JOB_BURIED || fixed.ttr_s == 0) return false;
    if ((holder != NULL) != (state == QUEUE_JOB_RESERVED)) return false;
    struct job *job = queue_job_make(queue, id, tube, body);
    job->created_us = fixed.created_us;
    job->priority = fixed.priority;
    job->delay_s = fixed.delay_s;
    job->ttr_s = fixed.ttr_s;
    job->reserves = fixed.reserves;
    job->reserved_ms = fixed.reserved_ms;
    if (!restore_past(queue, job, reader, past_kind)) return false;
    queue_job_enter(queue, job, (enum queue_job_state)state, when, holder);
    return true;
}

static bool restore_finish(struct queue *queue, struct reader *reader)
{
    uint64_t tubes = read_u64(reader);
    uint64_t sessions = read_u64(reader);
    uint64_t jobs = read_u64(reader);
    queue->restore.digest = read_u64(reader);
    queue->restore.feed.ended = true;
    return reader_done(reader) && queue->default_tube != NULL && tubes == queue->tubes.count &&
           sessions == queue->sessions.count && jobs == queue_jobs_count(queue);
}

/* A cut_take. */
static bool restore_object(void *machine, uint8_t kind, struct slice fields)
{
    struct queue *queue = machine;
    struct reader reader = reader_of(fields);
    switch (kind) {
    case CUT_HEADER: return restore_header(queue, &reader);
    case QUEUE_OBJECT_TUBE: return restore_tube(queue, &reader);
    case QUEUE_OBJECT_SESSION: return restore_session(queue, &reader);
    case QUEUE_OBJECT_JOB: return restore_job(queue, &reader);
    case QUEUE_OBJECT_END: return restore_finish(queue, &reader);
    default: return false;
    }
}

bool queue_restore(void *machine, struct slice bytes)
{
    struct queue *queue = machine;
    return cut_feed(&queue->restore.feed, bytes, OBJECT_SIZE_MAX, restore_object, queue);
}

bool queue_restore_end(void *machine)
{
    struct queue *queue = machine;
    bool whole = cut_feed_whole(&queue->restore.feed);
    queue_restore_free(queue);
    return whole && queue_digest(queue) == queue->restore.digest;
}
