/* What time brings: delays and pauses end, reservations and waits run out, cursors go on.
 *
 * Each source of work takes its turn for one unit, so that none starves behind another, until
 * nothing is due or the call has touched MACHINE_WORK_MAX objects. Delays go on without
 * a leader (due time); everything else follows elapsed time. */
#include "base/assert.h"
#include "systems/queue/machine/internal.h"

static bool step_matching(struct queue *queue)
{
    if (queue->matching.count == 0) return false;
    queue->budget--;
    queue_tube_match(queue, TUBE_OF(heap_min(&queue->matching)->place, matching_place));
    return true;
}

static bool step_delay(struct queue *queue)
{
    const struct heap_slot *first = heap_min(&queue->delays);
    if (first == NULL || first->major > queue->due_us) return false;
    const struct tube *tube = TUBE_OF(first->place, delays_place);
    struct job *job = JOB_OF(heap_min(&tube->delay)->place);
    queue_job_take(queue, job);
    queue_job_to_ready(queue, job);
    return true;
}

static bool step_pause(struct queue *queue)
{
    const struct heap_slot *first = heap_min(&queue->pauses);
    if (first == NULL || first->major > queue->elapsed_us) return false;
    queue_tube_unpause(queue, TUBE_OF(first->place, pauses_place));
    return true;
}

/* One thing that is due for the session at the head of the timers: first what it waits for ends,
 * so that no job of its own comes back to it in place of the warning. */
static bool step_timer(struct queue *queue)
{
    const struct heap_slot *first = heap_min(&queue->timers);
    if (first == NULL || first->major > queue->elapsed_us) return false;
    struct session *session = SESSION_OF(first->place, timer_place);
    if (session->wait_sequence == 0) {
        queue_job_expire(queue, JOB_OF(heap_min(&session->held)->place));
        return true;
    }
    queue_session_give_up(queue, session);
    return true;
}

void queue_advance(void *machine, const struct machine_time *time)
{
    struct queue *queue = machine;
    if (time->elapsed_us > queue->elapsed_us) queue->elapsed_us = time->elapsed_us;
    if (time->due_us > queue->due_us) queue->due_us = time->due_us;
    queue->wall_us = time->wall_us;
    queue->budget = queue->work_max;
    bool worked = true;
    while (worked && queue->budget > 0) {
        worked = step_matching(queue);
        worked |= queue_step_ending(queue);
        worked |= queue_step_kick(queue);
        worked |= step_delay(queue);
        worked |= step_pause(queue);
        worked |= step_timer(queue);
    }
}

struct machine_deadline queue_deadline(const void *machine)
{
    const struct queue *queue = machine;
    struct machine_deadline deadline = {UINT64_MAX, UINT64_MAX};
    if (queue->timers.count != 0) deadline.elapsed_us = heap_min(&queue->timers)->major;
    if (queue->pauses.count != 0 && heap_min(&queue->pauses)->major < deadline.elapsed_us) {
        deadline.elapsed_us = heap_min(&queue->pauses)->major;
    }
    if (queue->delays.count != 0) deadline.due_us = heap_min(&queue->delays)->major;
    if (queue->matching.count != 0 || queue->kicks.count != 0 || queue->ending.count != 0 ||
        queue->ending_origins.count != 0 || deadline.elapsed_us <= queue->elapsed_us ||
        deadline.due_us <= queue->due_us) {
        return (struct machine_deadline){0, 0};
    }
    return deadline;
}
