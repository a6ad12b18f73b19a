/* Carrying out a command: its steps, one after the other, as far as the budget goes. What is more
 * than one call may do is `sliced`: `gone` and `born` tell its effects from what stood before,
 * until the revision takes them in at once. */
#include <stdlib.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

struct consensus_reply reply_of(const struct consensus *c, enum consensus_op op)
{
    return (struct consensus_reply){
        .op = op,
        .revision = (int64_t)c->revision,
        .compacted = (int64_t)c->compacted,
    };
}

void consensus_reply_error(const struct consensus *c, const struct session_key *session,
                           enum consensus_op op, enum consensus_error error)
{
    struct consensus_reply reply = reply_of(c, op);
    reply.error = error;
    c->emit(c->world, session, &reply);
}

/* The revision of a transaction is that of the last operation in it or before it. Returns what
 * comes behind step `at`, and all within it. */
static uint32_t settle(struct plan *plan, uint32_t at, int64_t *last)
{
    struct consensus_outcome *outcome = &plan->steps[at++].outcome;
    if (outcome->op == CONSENSUS_TXN) {
        for (uint32_t i = 0; i < outcome->inside; i++) at = settle(plan, at, last);
        outcome->revision = *last;
    }
    *last = outcome->revision;
    return at;
}

static void answer(struct consensus *c, int64_t before)
{
    struct running *running = &c->running;
    struct plan *plan = &running->plan;
    struct consensus_reply reply = reply_of(c, CONSENSUS_REVOKE);
    reply.lease = running->lease;
    if (plan->count == 0) {
        c->emit(c->world, &running->session, &reply);
        return;
    }
    settle(plan, 0, &before);
    reply.op = plan->steps[0].op;
    struct consensus_outcome *outcomes = malloc(plan->count * sizeof outcomes[0]);
    ASSERT(outcomes != NULL);
    for (uint32_t i = 0; i < plan->count; i++) outcomes[i] = plan->steps[i].outcome;
    reply.outcomes = outcomes;
    reply.outcomes_count = plan->count;
    c->emit(c->world, &running->session, &reply);
    free(outcomes);
}

static void finish(struct consensus *c)
{
    struct running *running = &c->running;
    int64_t before = (int64_t)c->revision;
    if (running->sub != 0) {
        c->revision++;
        watch_marked(c);
    }
    if (running->lease != 0) lease_end(c, lease_find(c, running->lease));
    running->active = false;
    if (running->answers) answer(c, before);
    plan_free(&running->plan);
    buffer_clear(&running->command);
    buffer_clear(&running->resume);
    running->sub = 0;
    running->sliced = false;
    c->freeing = c->gone.count + c->born.count;
}

/* Deletes what is left of the range; false when the budget ended first. */
static bool delete_some(struct consensus *c, struct step *step)
{
    struct running *running = &c->running;
    const struct consensus_delete *delete = &step->delete;
    struct slice from = running->resumed ? buffer_slice(&running->resume) : delete->key;
    struct tree_place place = tree_seek(&c->keys, from, running->resumed, true);
    struct key *last = NULL;
    while (place.key != NULL && range_holds(delete->key, delete->end, key_bytes(place.key))) {
        if (c->budget == 0) {
            if (last == NULL) return false;
            buffer_clear(&running->resume);
            buffer_append_slice(&running->resume, key_bytes(last));
            running->resumed = true;
            return false;
        }
        c->budget--;
        last = place.key;
        if (delete->previous) step_show(step, last->newest);
        version_delete(c, last);
        step->outcome.count++;
        tree_next(&c->keys, &place, true);
    }
    running->resumed = false;
    return true;
}

static void put(struct consensus *c, struct step *step)
{
    const struct key *key = tree_find(&c->keys, step->put.key);
    if (step->put.previous && key != NULL && key_live(key)) step_show(step, key->newest);
    version_put(c, &step->put);
}

static bool carry_out(struct consensus *c, struct step *step)
{
    if (step->op == CONSENSUS_DELETE && !delete_some(c, step)) return false;
    if (step->op == CONSENSUS_PUT) put(c, step);
    if (step->op == CONSENSUS_RANGE) {
        enum consensus_error error = range_answer(c, &step->range, true, step);
        ASSERT(error == CONSENSUS_ERROR_NONE); /* it was tried: check_shown() */
    }
    step->outcome.revision = (int64_t)c->revision + (c->running.sub != 0);
    return true;
}

static bool revoke_some(struct consensus *c)
{
    struct lease *lease = lease_find(c, c->running.lease);
    ASSERT(lease != NULL);
    for (struct key *key; (key = tree_first(&lease->keys)) != NULL; c->budget--) {
        if (c->budget == 0) return false;
        version_delete(c, key);
    }
    return true;
}

void run_some(struct consensus *c)
{
    struct running *running = &c->running;
    while (running->at < running->plan.count) {
        if (c->budget == 0 && running->sliced) return;
        if (!carry_out(c, &running->plan.steps[running->at])) return;
        if (c->budget != 0) c->budget--;
        running->at++;
    }
    if (running->lease == 0 || revoke_some(c)) finish(c);
}

/* What the command that is about to run touches, at most. */
static uint64_t work_of(const struct consensus *c)
{
    const struct running *running = &c->running;
    uint64_t work = running->plan.count;
    for (uint32_t i = 0; i < running->plan.count; i++) {
        const struct step *step = &running->plan.steps[i];
        if (step->op == CONSENSUS_DELETE) {
            /* Keys that the command puts before it deletes them would be refused. */
            work += range_count(c, step->delete.key, step->delete.end, true);
        }
    }
    if (running->lease != 0) work += lease_find(c, running->lease)->keys.count;
    return work;
}

static void begin(struct consensus *c)
{
    struct running *running = &c->running;
    running->at = 0;
    running->sub = 0;
    running->resumed = false;
    running->sliced = work_of(c) > c->budget;
    running->active = true;
    run_some(c);
}

static bool begin_revoke(struct consensus *c, struct slice command)
{
    struct reader reader = reader_of(command);
    struct request request;
    bool read = consensus_request_read(&reader, &request);
    ASSERT(read);
    if (lease_find(c, request.simple.first) == NULL) return false;
    c->running.lease = request.simple.first;
    return true;
}

void run_command(struct consensus *c, const struct session_key *session, struct slice command)
{
    struct running *running = &c->running;
    ASSERT(!running->active);
    enum consensus_op op = (enum consensus_op)command.data[0];
    buffer_append_slice(&running->command, command);
    command = buffer_slice(&running->command);
    running->lease = 0;
    running->session = *session;
    running->answers = true;
    enum consensus_error error = CONSENSUS_ERROR_LEASE_NOT_FOUND;
    if (op != CONSENSUS_REVOKE) error = plan_make(c, command, &running->plan);
    if (op == CONSENSUS_REVOKE && begin_revoke(c, command)) error = CONSENSUS_ERROR_NONE;
    if (error == CONSENSUS_ERROR_NONE) {
        begin(c);
        return;
    }
    if (error == CONSENSUS_ERROR_NO_SPACE) alarm_raise(c, session->node);
    plan_free(&running->plan);
    buffer_clear(&running->command);
    consensus_reply_error(c, session, op, error);
}

void run_expiry(struct consensus *c, struct lease *lease)
{
    ASSERT(!c->running.active);
    c->running.answers = false;
    c->running.lease = lease->id;
    c->expired++;
    begin(c);
}

bool run_is_free(const struct consensus *c)
{
    return !c->running.active && c->freeing == 0;
}

void run_restored(struct consensus *c)
{
    struct running *running = &c->running;
    if (running->active && running->command.size != 0 && running->lease == 0) {
        plan_again(c, buffer_slice(&running->command), &running->plan);
    }
}
