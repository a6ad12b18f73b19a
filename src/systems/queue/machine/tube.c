/* Tubes: found by name, kept while somebody needs them, paused; and the matching of their ready
 * jobs with the sessions that wait on them.
 *
 * Invariant: where a tube that is not paused has both a ready job and a waiter, it stands in the
 * heap of matching cursors. Calls leave it that way only when their budget ran out. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/random.h"
#include "systems/queue/machine/internal.h"

uint64_t queue_tube_bytes(const struct tube *tube)
{
    uint64_t bytes = sizeof *tube + tube->name_size + 64;
    if (tube->policy != NULL) bytes += sizeof *tube->policy;
    if (tube->meter != NULL) bytes += sizeof *tube->meter;
    return bytes;
}

struct tube *queue_tube_find(const struct queue *queue, struct slice name)
{
    struct map_node *node = map_find(&queue->tubes, map_hash_bytes(name));
    for (; node != NULL; node = map_find_next(node)) {
        struct tube *tube = LIST_ITEM(node, struct tube, node);
        if (slice_equal(queue_tube_name(tube), name)) return tube;
    }
    return NULL;
}

struct tube *queue_tube_make(struct queue *queue, struct slice name, uint64_t sequence)
{
    ASSERT(name.size <= QUEUE_TUBE_NAME_SIZE_MAX);
    struct tube *tube = calloc(1, sizeof *tube + name.size);
    ASSERT(tube != NULL);
    tube->sequence = sequence;
    tube->delays_place.at = HEAP_NOWHERE;
    tube->pauses_place.at = HEAP_NOWHERE;
    tube->matching_place.at = HEAP_NOWHERE;
    tube->cut_number = queue->cut.number;
    tube->name_size = (uint8_t)name.size;
    memcpy(tube->name, name.data, name.size);
    map_insert(&queue->tubes, &tube->node, map_hash_bytes(name));
    list_append(&queue->tube_list, &tube->all);
    queue->bytes += queue_tube_bytes(tube);
    return tube;
}

struct tube *queue_tube_find_or_make(struct queue *queue, struct slice name)
{
    struct tube *tube = queue_tube_find(queue, name);
    if (tube != NULL) return tube;
    if (queue->tubes.count >= QUEUE_TUBES_MAX) return NULL;
    tube = queue_tube_make(queue, name, queue_next_sequence(queue));
    queue_tube_changed(queue, tube);
    return tube;
}

void queue_tube_free(struct queue *queue, struct tube *tube)
{
    queue_cut_skip(queue, &tube->all);
    if (tube->pauses_place.at != HEAP_NOWHERE) heap_remove(&queue->pauses, &tube->pauses_place);
    if (tube->match_sequence != 0) heap_remove(&queue->matching, &tube->matching_place);
    map_remove(&queue->tubes, &tube->node);
    list_remove(&tube->all);
    queue->bytes -= queue_tube_bytes(tube);
    heap_free(&tube->ready);
    heap_free(&tube->delay);
    heap_free(&tube->buried);
    heap_free(&tube->waiters);
    free(tube->policy);
    free(tube->meter);
    free(tube);
}

void queue_tube_drop_unused(struct queue *queue, struct tube *tube)
{
    if (tube == queue->default_tube || tube->using != 0 || tube->watching != 0) return;
    if (tube->reserved != 0 || tube->policy != NULL) return;
    if (tube->ready.count != 0 || tube->delay.count != 0 || tube->buried.count != 0) return;
    queue_tube_will_change(queue, tube);
    queue->digest -= tube->contribution;
    queue_tube_free(queue, tube);
}

void queue_tube_will_change(struct queue *queue, struct tube *tube)
{
    if (queue->cut.active) queue_cut_tube(queue, tube);
}

static uint64_t policy_hash(const struct tube_policy *policy)
{
    uint64_t words[] = {policy->attempts_max,
                        policy->base_ms,
                        policy->factor_permille,
                        policy->cap_ms,
                        policy->jitter_permille,
                        map_hash_bytes(slice_of(policy->dead_tube, policy->dead_tube_size))};
    return queue_hash_words(words, sizeof words / sizeof *words);
}

uint64_t queue_tube_hash(const struct tube *tube)
{
    uint64_t words[] = {
        tube->sequence,
        tube->node.hash,
        tube->jobs_total,
        tube->deletes,
        tube->pauses,
        tube->pause_us,
        tube->pause_until_us,
        tube->match_sequence,
        tube->policy == NULL ? 0 : policy_hash(tube->policy),
    };
    return queue_hash_words(words, sizeof words / sizeof *words);
}

void queue_tube_changed(struct queue *queue, struct tube *tube)
{
    uint64_t contribution = queue_tube_hash(tube);
    queue->digest += contribution - tube->contribution;
    tube->contribution = contribution;
}

void queue_tube_delay_moved(struct queue *queue, struct tube *tube)
{
    const struct heap_slot *first = heap_min(&tube->delay);
    if (tube->delays_place.at != HEAP_NOWHERE) {
        const struct heap_slot *slot = &queue->delays.slots[tube->delays_place.at];
        if (first != NULL && slot->major == first->major && slot->minor == first->minor) return;
        heap_remove(&queue->delays, &tube->delays_place);
    }
    if (first != NULL) heap_push(&queue->delays, first->major, first->minor, &tube->delays_place);
}

/* Matching */

static bool tube_matchable(const struct tube *tube)
{
    return tube->ready.count != 0 && tube->waiters.count != 0 && tube->pause_until_us == 0;
}

/* The tube joins or leaves the cursors, as it is matchable or not. One that stopped being so since
 * the cursor was last here leaves at its next turn. */
static void tube_set_cursor(struct queue *queue, struct tube *tube)
{
    bool matchable = tube_matchable(tube);
    if (matchable == (tube->match_sequence != 0)) return;
    queue_tube_will_change(queue, tube);
    if (matchable) {
        tube->match_sequence = queue_next_sequence(queue);
        heap_push(&queue->matching, tube->match_sequence, 0, &tube->matching_place);
    } else {
        tube->match_sequence = 0;
        heap_remove(&queue->matching, &tube->matching_place);
    }
    queue_tube_changed(queue, tube);
}

void queue_tube_match(struct queue *queue, struct tube *tube)
{
    while (tube_matchable(tube) && queue->budget > 0) {
        struct watch *watch = LIST_ITEM(heap_min(&tube->waiters)->place, struct watch, waiting);
        struct session *session = watch->session;
        queue_session_stop_waiting(queue, session);
        if (!queue_session_alive(session)) continue;
        struct job *job = JOB_OF(heap_min(&tube->ready)->place);
        queue_job_take(queue, job);
        queue_job_to_reserved(queue, job, session);
    }
    tube_set_cursor(queue, tube);
}

/* Pausing */

void queue_tube_unpause(struct queue *queue, struct tube *tube)
{
    queue->budget--;
    queue_tube_will_change(queue, tube);
    heap_remove(&queue->pauses, &tube->pauses_place);
    tube->pause_us = 0;
    tube->pause_until_us = 0;
    queue_tube_changed(queue, tube);
    queue_tube_match(queue, tube);
}

void queue_tube_pause(struct queue *queue, struct tube *tube, uint32_t delay_s)
{
    queue_tube_will_change(queue, tube);
    if (tube->pauses_place.at != HEAP_NOWHERE) heap_remove(&queue->pauses, &tube->pauses_place);
    /* Never for no time at all: the end of the pause is what matches its waiters. */
    tube->pause_us = delay_s == 0 ? 1 : delay_s * SECOND_US;
    tube->pause_until_us = queue->elapsed_us + tube->pause_us;
    tube->pauses++;
    heap_push(&queue->pauses, tube->pause_until_us, tube->sequence, &tube->pauses_place);
    queue_tube_changed(queue, tube);
}
