/* Judges what the queue's clients saw. See queue_checker.h. */
#include "sim/queue_checker.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/queue_users.h"

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
        (struct checked_job){.size = size, .ttr_s = ttr_s == 0 ? 1 : ttr_s};
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
    struct checked_job *job = &checker->jobs[key];
    if (job->id == 0) job->id = id;
    if (job->id != id) {
        world_fail(world, "exactly once", "the put of key %U made job %U and job %U", key, job->id,
                   id);
        return CHECKER_NO_KEY;
    }
    if (job->put == OUTCOME_REFUSED) {
        world_fail(world, "exactly once", "the put of key %U was refused, but made job %U", key,
                   id);
        return CHECKER_NO_KEY;
    }
    return (uint32_t)key;
}

void checker_put_over(struct world *world, uint32_t key, enum outcome outcome, uint64_t id)
{
    struct checked_job *job = &queue_users(world)->checker.jobs[key];
    job->put = outcome;
    if (outcome == OUTCOME_ACKNOWLEDGED) {
        queue_users(world)->checker.live++;
        world_count(world, SIM_COVER_PUTS);
        if (job->id != 0 && job->id != id) {
            world_fail(world, "exactly once", "the put of key %u made job %U and job %U", key,
                       job->id, id);
        }
        job->id = id;
    } else if (outcome == OUTCOME_REFUSED && job->id != 0) {
        world_fail(world, "exactly once", "the put of key %u was refused, but made job %U", key,
                   job->id);
    }
}

/* --- holding --- */

static uint64_t at_least_us(uint64_t us)
{
    us -= us * CHECKER_TTR_SLACK_PERMILLE / 1000;
    return us < CHECKER_TTR_SLACK_US ? 0 : us - CHECKER_TTR_SLACK_US;
}

/* The client's command of this time has given it the job, or given it more time. */
static void holds_from(const struct world *world, struct checked_job *job, uint64_t sent_us)
{
    uint64_t ttr_us = at_least_us(job->ttr_s * 1000000ull);
    uint64_t lease_us = at_least_us(world->config.session_lease_us);
    job->held_until_us = sent_us + ttr_us;
    job->sure_until_us = sent_us + (ttr_us < lease_us ? ttr_us : lease_us);
}

/* Time-to-run and leases are in log time, which runs no faster than clocks do, and both begin with
 * an entry made after the command was sent. A session ends sooner only with its process or its
 * connection. */
static bool surely_holds(struct world *world, uint32_t index, uint64_t sure_until_us)
{
    const struct client *client = &queue_users(world)->clients.items[index];
    return world_now_us(world) < sure_until_us &&
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
    uint64_t now_us = world_now_us(world);
    struct checked_job *job = &queue_users(world)->checker.jobs[key];
    world_count(world, SIM_COVER_RESERVED);
    if (job->deleted && job->deleted_us < sent_us) {
        world_fail(world, "no resurrection",
                   "job %U was deleted at %t, and reserved by a command sent at %t", id,
                   job->deleted_us, sent_us);
        return CHECKER_NO_KEY;
    }
    bool other = job->holder != 0 && job->holder != client + 1 && now_us < job->held_until_us;
    /* Sent before the holder heard that it holds it, it may have been carried out before. */
    bool later = sent_us >= job->held_since_us;
    if (other && (calm_since(world, job->held_since_us) ||
                  (later && surely_holds(world, job->holder - 1, job->sure_until_us)))) {
        world_fail(world, "one holder",
                   "job %U is held by client %u until %t at least, and given "
                   "to client %u",
                   id, job->holder, job->held_until_us, client + 1);
        return CHECKER_NO_KEY;
    }
    job->holder = parts_with(&queue_users(world)->clients.items[client], id) ? 0 : client + 1;
    job->held_since_us = now_us;
    holds_from(world, job, sent_us);
    return key;
}

void checker_touched(struct world *world, uint32_t client, uint32_t key, uint64_t sent_us)
{
    struct checked_job *job = &queue_users(world)->checker.jobs[key];
    if (job->holder == client + 1) holds_from(world, job, sent_us);
}

void checker_let_go(struct world *world, uint32_t client, uint32_t key)
{
    struct checked_job *job = &queue_users(world)->checker.jobs[key];
    if (job->holder == client + 1) job->holder = 0;
}

void checker_denied(struct world *world, uint32_t client, const struct client_op *op)
{
    const struct checked_job *job = &queue_users(world)->checker.jobs[op->key];
    if (job->deleted && job->deleted_by == client) return; /* in the same burst */
    if (world_now_us(world) >= op->held_until_us) return;
    if (!calm_since(world, op->held_since_us) && !surely_holds(world, client, op->sure_until_us)) {
        return;
    }
    world_fail(world, "one holder", "client %u holds job %U until %t at least, but is denied it",
               client + 1, job->id, op->held_until_us);
}

void checker_unanswered(struct world *world, uint32_t client, uint64_t sent_us)
{
    if (!faults_calm(&world->faults) || sent_us <= world->faults.disturbed_us) return;
    world_fail(world, "liveness", "client %u sent a command at %t and hears nothing", client + 1,
               sent_us);
}

void checker_delete_over(struct world *world, uint32_t client, uint32_t key, enum outcome outcome)
{
    struct checked_job *job = &queue_users(world)->checker.jobs[key];
    if (outcome == OUTCOME_UNKNOWN) {
        job->delete_unknown = true;
        return;
    }
    if (outcome != OUTCOME_ACKNOWLEDGED) return;
    world_count(world, SIM_COVER_DELETED);
    if (job->deleted) {
        world_fail(world, "exactly once", "job %U was deleted twice", job->id);
        return;
    }
    job->deleted = true;
    job->deleted_by = client;
    job->deleted_us = world_now_us(world);
    if (job->put == OUTCOME_ACKNOWLEDGED) queue_users(world)->checker.live--;
}

void checker_finish(struct world *world)
{
    struct queue_checker *checker = &queue_users(world)->checker;
    for (uint32_t key = 0; key < checker->jobs_count; key++) {
        const struct checked_job *job = &checker->jobs[key];
        if (job->put != OUTCOME_ACKNOWLEDGED || job->deleted || job->delete_unknown) continue;
        world_fail(world, "no loss", "job %U (key %u) was acknowledged and never came out", job->id,
                   key);
        return;
    }
}
