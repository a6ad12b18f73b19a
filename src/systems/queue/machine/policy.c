/* Beyond beanstalkd: the retry policy of a tube (queue.h, struct queue_policy).
 *
 * Attempts end by release or when the time to run is over; a session that ends gives its jobs back
 * without one, for it says nothing about the job. Where a policy holds, the job waits longer after
 * each attempt and leaves for the dead-letter tube after the last. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/random.h"
#include "systems/queue/machine/internal.h"

uint64_t queue_policy_backoff_us(const struct queue *queue, const struct tube_policy *policy,
                                 uint64_t id, uint32_t attempt)
{
    uint64_t cap_us = policy->cap_ms * UINT64_C(1000);
    uint64_t wait_us = policy->base_ms * UINT64_C(1000);
    /* At most QUEUE_ATTEMPTS_MAX turns; below the cap the product stays within 64 bits. */
    for (uint32_t i = 1; i < attempt && wait_us < cap_us && policy->factor_permille > 1000; i++) {
        wait_us = wait_us * policy->factor_permille / 1000;
    }
    if (wait_us > cap_us) wait_us = cap_us;
    struct random random = random_seeded(queue->options.seed ^ map_hash_u64(id) ^ attempt);
    uint64_t jitter_permille = random_below(&random, (uint64_t)policy->jitter_permille + 1);
    return wait_us - wait_us * jitter_permille / 1000;
}

struct job_retry *queue_job_retry(struct queue *queue, struct job *job)
{
    struct job_past *past = queue_job_past(queue, job);
    if (past->retry != NULL) return past->retry;
    past->retry = calloc(1, sizeof *past->retry);
    ASSERT(past->retry != NULL);
    queue->bytes += sizeof *past->retry;
    return past->retry;
}

void queue_retry_set_dead_from(struct queue *queue, struct job_retry *retry, struct slice name)
{
    ASSERT(name.size != 0 && name.size <= QUEUE_TUBE_NAME_SIZE_MAX);
    uint8_t *copy = malloc(name.size);
    ASSERT(copy != NULL);
    memcpy(copy, name.data, name.size);
    queue->bytes += name.size - retry->dead_from_size;
    free(retry->dead_from);
    retry->dead_from = copy;
    retry->dead_from_size = (uint8_t)name.size;
}

static void retry_remember(struct job_retry *retry, struct job_attempt attempt)
{
    if (retry->history_count == QUEUE_HISTORY_MAX) {
        memmove(retry->history, retry->history + 1,
                (QUEUE_HISTORY_MAX - 1) * sizeof *retry->history);
        retry->history_count--;
    }
    retry->history[retry->history_count++] = attempt;
    retry->attempts++;
    retry->attempts_total++;
}

/* To the dead-letter tube; buried where it is if there is none other, or no room for one. */
static void job_die(struct queue *queue, struct job *job)
{
    struct tube *from = job->tube;
    struct slice name = slice_of(from->policy->dead_tube, from->policy->dead_tube_size);
    struct tube *to = NULL;
    if (name.size != 0 && !slice_equal(name, queue_tube_name(from))) {
        to = queue_tube_find_or_make(queue, name);
    }
    struct job_retry *retry = job->past->retry;
    retry->attempts = 0;
    queue_retry_set_dead_from(queue, retry, queue_tube_name(from));
    if (to == NULL) {
        queue_job_to_buried(queue, job);
        return;
    }
    job->tube = to;
    job->delay_s = 0;
    queue_job_to_ready(queue, job);
}

void queue_job_fail(struct queue *queue, struct job *job, enum job_cause cause, uint32_t delay_s)
{
    const struct tube_policy *policy = job->tube->policy;
    uint64_t wait_us = delay_s * SECOND_US;
    if (policy != NULL) {
        struct job_retry *retry = queue_job_retry(queue, job);
        retry_remember(retry, (struct job_attempt){queue->wall_us & 0xFFFFFFFFFFFFFF, cause});
        if (retry->attempts >= policy->attempts_max) {
            job_die(queue, job);
            return;
        }
        uint64_t backoff_us = queue_policy_backoff_us(queue, policy, job->id, retry->attempts);
        if (wait_us < backoff_us) {
            wait_us = backoff_us;
            job->delay_s = (uint32_t)(backoff_us / SECOND_US);
        }
    }
    if (wait_us != 0) {
        queue_job_to_delayed(queue, job, queue->due_us + wait_us);
    } else {
        queue_job_to_ready(queue, job);
    }
}

static struct tube_policy *policy_make(const struct queue_policy *asked)
{
    struct tube_policy *policy = calloc(1, sizeof *policy);
    ASSERT(policy != NULL && asked->dead_tube.size <= sizeof policy->dead_tube);
    policy->attempts_max = asked->attempts_max;
    policy->base_ms = asked->base_ms;
    policy->factor_permille = asked->factor_permille;
    policy->cap_ms = asked->cap_ms;
    policy->jitter_permille = asked->jitter_permille;
    policy->dead_tube_size = (uint8_t)asked->dead_tube.size;
    if (asked->dead_tube.size != 0) {
        memcpy(policy->dead_tube, asked->dead_tube.data, asked->dead_tube.size);
    }
    return policy;
}

void queue_tube_set_policy(struct queue *queue, struct tube *tube, const struct queue_policy *asked)
{
    if (tube->policy != NULL) queue->bytes -= sizeof *tube->policy;
    free(tube->policy);
    tube->policy = asked->attempts_max == 0 ? NULL : policy_make(asked);
    if (tube->policy != NULL) queue->bytes += sizeof *tube->policy;
}

void queue_policy_set(struct queue *queue, struct session *session,
                      const struct queue_command *command)
{
    struct tube *tube = queue_tube_find_or_make(queue, command->tube);
    if (tube == NULL) {
        queue_reply_kind(queue, session, QUEUE_REPLY_OUT_OF_MEMORY);
        return;
    }
    queue_tube_will_change(queue, tube);
    queue_tube_set_policy(queue, tube, &command->policy);
    queue_tube_changed(queue, tube);
    queue_tube_drop_unused(queue, tube);
    queue_reply_kind(queue, session, QUEUE_REPLY_POLICY_SET);
}
