/* Judges what the queue's clients saw. See checker.h. */
#include "systems/queue/sim/checker.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/queue/sim/users.h"

void checker_free(struct queue_checker *checker)
{
    free(checker->jobs);
}

/* --- bodies: "job KEY " and letters that follow from the key --- */

static uint8_t filler(uint32_t key, size_t at)
{
    return (uint8_t)('a' + (key * 7 + at) % 26);
}

uint32_t checker_put(struct queue_checker *checker, uint32_t size, uint32_t ttr_s)
{
    if (checker->jobs_count == checker->jobs_capacity) {
        ASSERT(checker->jobs_count < CHECKER_JOBS_MAX);
        checker->jobs_capacity = checker->jobs_capacity == 0 ? 1024 : checker->jobs_capacity * 2;
        checker->jobs = realloc(checker->jobs, checker->jobs_capacity * sizeof *checker->jobs);
        ASSERT(checker->jobs != NULL);
    }
    if (size < CHECKER_BODY_MIN) size = CHECKER_BODY_MIN;
    checker->jobs[checker->jobs_count] =
        (struct checked_job){.size = size, .story = {.ttr_s = ttr_s == 0 ? 1 : ttr_s}};
    return checker->jobs_count++;
}

void checker_body(const struct queue_checker *checker, uint32_t key, struct buffer *out)
{
    size_t size = checker->jobs[key].size;
    uint8_t *body = buffer_reserve(out, size);
    memcpy(body, "job ", 4);
    size_t at = 4 + decimal_write(body + 4, key);
    body[at++] = ' ';
    for (; at < size; at++) body[at] = filler(key, at);
    buffer_grew(out, size);
}

static bool body_matches(const struct checked_job *job, uint32_t key, struct slice body,
                         size_t from)
{
    if (body.size != job->size) return false;
    for (size_t at = from; at < body.size; at++) {
        if (body.data[at] != filler(key, at)) return false;
    }
    return true;
}

/* Fails the world when a rule about this job is broken; returns whether none is. */
static bool holds(struct world *world, uint32_t key, uint64_t id, enum queue_breach breach)
{
    const struct queue_job_story *job = &queue_users(world)->checker.jobs[key].story;
    const char *rule = queue_rule_name(breach);
    switch (breach) {
    case QUEUE_HOLDS: return true;
    case QUEUE_TWO_IDS:
        world_fail(world, rule, "the put of key %u made job %U and job %U", key, job->id, id);
        break;
    case QUEUE_REFUSED_JOB:
        world_fail(world, rule, "the put of key %u was refused, but made job %U", key, job->id);
        break;
    case QUEUE_TWO_DELETES: world_fail(world, rule, "job %U was deleted twice", job->id); break;
    case QUEUE_RESURRECTED:
        world_fail(world, rule, "job %U was deleted at %t, and reserved by a command sent later",
                   job->id, job->deleted_at);
        break;
    case QUEUE_TWO_HOLDERS:
        world_fail(world, rule,
                   "job %U is held by client %u until %t at least, and given to another", job->id,
                   job->holder, job->held_until_us);
        break;
    case QUEUE_DENIED:
        world_fail(world, rule, "job %U is denied to the client that holds it", job->id);
        break;
    case QUEUE_LOST:
        world_fail(world, rule, "job %U (key %u) was acknowledged and never came out", job->id,
                   key);
        break;
    }
    return false;
}

uint32_t checker_identify(struct world *world, uint64_t id, struct slice body)
{
    struct queue_checker *checker = &queue_users(world)->checker;
    const uint8_t *end = body.size < 6 ? NULL : memchr(body.data + 4, ' ', body.size - 4);
    uint64_t key = UINT64_MAX;
    if (end != NULL) {
        decimal_read(slice_of(body.data + 4, (size_t)(end - body.data) - 4), &key);
    }
    if (key >= checker->jobs_count ||
        !body_matches(&checker->jobs[key], (uint32_t)key, body, (size_t)(end - body.data) + 1)) {
        world_fail(world, "content", "job %U comes out with a body of %U bytes that no one put", id,
                   (uint64_t)body.size);
        return CHECKER_NO_KEY;
    }
    enum queue_breach breach = queue_job_seen(&checker->jobs[key].story, id);
    return holds(world, (uint32_t)key, id, breach) ? (uint32_t)key : CHECKER_NO_KEY;
}

void checker_put_over(struct world *world, uint32_t key, enum outcome outcome, uint64_t id)
{
    if (outcome == OUTCOME_ACKNOWLEDGED) {
        queue_users(world)->checker.live++;
        world_count(world, SIM_COVER_PUTS);
    }
    struct queue_job_story *job = &queue_users(world)->checker.jobs[key].story;
    holds(world, key, id, queue_job_put_over(job, outcome, id));
}

/* --- holding --- */

/* The client's command of this time has given it the job, or given it more time. */
static void sure_from(const struct world *world, struct checked_job *job, uint64_t sent_us)
{
    uint64_t lease_us = queue_at_least_us(world->config.session_lease_us);
    job->sure_until_us = sent_us + lease_us;
    if (job->story.held_until_us < job->sure_until_us) {
        job->sure_until_us = job->story.held_until_us;
    }
}

/* Is it not a lease yet since its node was removed, and all sessions there with it? */
static bool removed_lately(const struct world *world, uint32_t host)
{
    uint64_t removed_us = sim_judged(world)->memberships.removed_us[host];
    return removed_us != 0 && world_now_us(world) < removed_us + world->config.session_lease_us;
}

/* Time-to-run and leases are in log time, which runs no faster than clocks do, and both begin with
 * an entry made after the command was sent. A session ends sooner only with its process, its
 * connection, or its node's membership. */
static bool surely_holds(struct world *world, uint32_t index, uint64_t sure_until_us)
{
    const struct client *client = &queue_users(world)->clients.items[index];
    return world_now_us(world) < sure_until_us && !removed_lately(world, client->host) &&
           network_connected(&world->network, client->place, client->number);
}

/* Nothing has gone wrong from a session lease before this moment on, so that no session can have
 * ended but by its client. */
static bool calm_since(const struct world *world, uint64_t since_us)
{
    return faults_calm(&world->faults) &&
           since_us > world->faults.disturbed_us + 2 * world->config.session_lease_us;
}

/* It had the job before, sent a command to part with it, and was given it once more in between. */
static bool parts_with(const struct client *client, uint64_t id)
{
    for (uint32_t i = 0; i < client->ops_count; i++) {
        const struct client_op *op = &client->ops[(client->ops_head + i) % CLIENT_OPS_MAX];
        bool parts = op->kind == OP_DELETE || op->kind == OP_RELEASE || op->kind == OP_BURY;
        if (parts && op->id == id) return true;
    }
    return false;
}

uint32_t checker_reserved(struct world *world, uint32_t client, uint64_t id, struct slice body,
                          uint64_t sent_us)
{
    uint32_t key = checker_identify(world, id, body);
    if (key == CHECKER_NO_KEY) return key;
    struct checked_job *job = &queue_users(world)->checker.jobs[key];
    struct queue_job_story *story = &job->story;
    world_count(world, SIM_COVER_RESERVED);
    /* Sent before the holder heard that it holds it, it may have been carried out before. */
    bool later = story->holder != 0 && sent_us >= story->held_since_us;
    bool sure = calm_since(world, story->held_since_us) ||
                (later && surely_holds(world, story->holder - 1, job->sure_until_us));
    enum queue_breach breach =
        queue_job_reserved(story, client, sent_us, sent_us, world_now_us(world), sure);
    if (!holds(world, key, id, breach)) return CHECKER_NO_KEY;
    sure_from(world, job, sent_us);
    if (parts_with(&queue_users(world)->clients.items[client], id)) {
        queue_job_let_go(story, client);
    }
    return key;
}

void checker_touched(struct world *world, uint32_t client, uint32_t key, uint64_t sent_us)
{
    struct checked_job *job = &queue_users(world)->checker.jobs[key];
    queue_job_touched(&job->story, client, sent_us);
    if (job->story.holder == client + 1) sure_from(world, job, sent_us);
}

void checker_let_go(struct world *world, uint32_t client, uint32_t key)
{
    queue_job_let_go(&queue_users(world)->checker.jobs[key].story, client);
}

void checker_denied(struct world *world, uint32_t client, const struct client_op *op)
{
    const struct queue_job_story *job = &queue_users(world)->checker.jobs[op->key].story;
    bool sure =
        calm_since(world, op->held_since_us) || surely_holds(world, client, op->sure_until_us);
    holds(world, op->key, job->id,
          queue_job_denied(job, client, op->held_until_us, world_now_us(world), sure));
}

void checker_unanswered(struct world *world, uint32_t client, uint64_t sent_us)
{
    if (!faults_calm(&world->faults) || sent_us <= world->faults.disturbed_us) return;
    world_fail(world, "liveness", "client %u sent a command at %t and hears nothing", client + 1,
               sent_us);
}

void checker_delete_over(struct world *world, uint32_t client, uint32_t key, enum outcome outcome)
{
    struct queue_checker *checker = &queue_users(world)->checker;
    struct queue_job_story *job = &checker->jobs[key].story;
    if (outcome == OUTCOME_ACKNOWLEDGED) {
        world_count(world, SIM_COVER_DELETED);
        if (!job->deleted && job->put == OUTCOME_ACKNOWLEDGED) checker->live--;
    }
    holds(world, key, job->id, queue_job_delete_over(job, client, outcome, world_now_us(world)));
}

void checker_finish(struct world *world)
{
    struct queue_checker *checker = &queue_users(world)->checker;
    for (uint32_t key = 0; key < checker->jobs_count; key++) {
        const struct queue_job_story *job = &checker->jobs[key].story;
        if (!holds(world, key, job->id, queue_job_drained(job))) return;
    }
}
