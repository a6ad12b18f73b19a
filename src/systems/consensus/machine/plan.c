/* Choosing: a command's compares, nested ones too, are all answered by the state before its first
 * operation, and say which operations are carried out. What comes of it is a row of steps, without
 * a branch left in it. Every check comes before any effect. */
#include <stdlib.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

struct choosing {
    const struct consensus *c;
    struct reader reader;
    struct plan *plan;
    enum consensus_error error;
};

static struct step *plan_add(struct plan *plan, enum consensus_op op)
{
    if (plan->count == plan->capacity) {
        plan->capacity = plan->capacity == 0 ? 1 : plan->capacity * 2;
        plan->steps = realloc(plan->steps, plan->capacity * sizeof plan->steps[0]);
        ASSERT(plan->steps != NULL);
    }
    struct step *step = &plan->steps[plan->count++];
    *step = (struct step){.op = op, .outcome.op = op};
    return step;
}

static void choose_txn(struct choosing *choosing, bool wanted);

/* Reads one operation; takes it up if its branch is carried out. */
static void choose(struct choosing *choosing, bool wanted)
{
    struct request request;
    bool read = consensus_request_read(&choosing->reader, &request);
    ASSERT(read); /* consensus_refuses() has looked */
    if (request.op == CONSENSUS_TXN) {
        choose_txn(choosing, wanted);
        return;
    }
    if (!wanted) return;
    struct step *step = plan_add(choosing->plan, request.op);
    if (request.op == CONSENSUS_RANGE) {
        step->range = request.range;
    } else if (request.op == CONSENSUS_PUT) {
        step->put = request.put;
    } else {
        step->delete = request.delete;
    }
}

static void choose_txn(struct choosing *choosing, bool wanted)
{
    bool holds = true;
    uint32_t compares = read_u32(&choosing->reader);
    for (uint32_t i = 0; i < compares; i++) {
        struct consensus_compare compare;
        bool read = consensus_compare_read(&choosing->reader, &compare);
        ASSERT(read);
        if (wanted && holds) holds = compare_holds(choosing->c, &compare, &choosing->error);
    }
    uint32_t place = choosing->plan->count;
    if (wanted) plan_add(choosing->plan, CONSENSUS_TXN);
    for (int branch = 0; branch < 2; branch++) {
        uint32_t count = read_u32(&choosing->reader);
        bool chosen = wanted && holds == (branch == 0);
        if (chosen) {
            choosing->plan->steps[place].outcome.succeeded = holds;
            choosing->plan->steps[place].outcome.inside = count;
        }
        for (uint32_t i = 0; i < count; i++) choose(choosing, chosen);
    }
}

/* Which of two mistakes is named hangs, in etcd, on whether the put stands alone. */
static enum consensus_error check_put(const struct consensus *c, const struct consensus_put *put,
                                      bool alone)
{
    bool found = put->lease == 0 || lease_find(c, put->lease) != NULL;
    if (alone && !found) return CONSENSUS_ERROR_LEASE_NOT_FOUND;
    if (put->ignore_value || put->ignore_lease) {
        const struct key *key = tree_find(&c->keys, put->key);
        if (key == NULL || !key_live(key)) return CONSENSUS_ERROR_KEY_NOT_FOUND;
    }
    return found ? CONSENSUS_ERROR_NONE : CONSENSUS_ERROR_LEASE_NOT_FOUND;
}

/* What a step shows has to be kept until the answer is whole: not too much of it, in all. A range
 * is tried as of before the first effect, for nothing may be refused once there was one. */
static enum consensus_error check_shown(const struct consensus *c, const struct step *step,
                                        uint64_t *looked)
{
    struct slice key = step->delete.key, end = step->delete.end;
    enum consensus_error error = CONSENSUS_ERROR_NONE;
    if (step->op == CONSENSUS_DELETE && step->delete.previous) {
        *looked += range_count(c, key, end, true);
    } else if (step->op == CONSENSUS_RANGE) {
        struct step tried = {0};
        error = range_answer(c, &step->range, false, &tried);
        *looked += tried.looked;
        free(tried.kvs);
    }
    bool small = *looked <= CONSENSUS_RANGE_KEYS_MAX;
    return error == CONSENSUS_ERROR_NONE && !small ? CONSENSUS_ERROR_RANGE_TOO_LARGE : error;
}

static enum consensus_error check_space(const struct consensus *c, const struct plan *plan)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct step *step = &plan->steps[i];
        if (step->op != CONSENSUS_PUT) continue;
        bytes += KEY_BYTES + VERSION_BYTES + step->put.key.size + step->put.value.size;
    }
    bool full = bytes != 0 && (c->alarm || c->bytes + bytes > c->quota);
    return full ? CONSENSUS_ERROR_NO_SPACE : CONSENSUS_ERROR_NONE;
}

/* Puts first, then what is shown: etcd's order. */
static enum consensus_error check_steps(const struct consensus *c, const struct plan *plan)
{
    enum consensus_error error = check_space(c, plan);
    for (uint32_t i = 0; i < plan->count && error == CONSENSUS_ERROR_NONE; i++) {
        if (plan->steps[i].op == CONSENSUS_PUT) error = check_put(c, &plan->steps[i].put, i == 0);
    }
    uint64_t looked = 0;
    for (uint32_t i = 0; i < plan->count && error == CONSENSUS_ERROR_NONE; i++) {
        error = check_shown(c, &plan->steps[i], &looked);
    }
    return error;
}

enum consensus_error plan_make(const struct consensus *c, struct slice command, struct plan *plan)
{
    struct choosing choosing = {.c = c, .reader = reader_of(command), .plan = plan};
    choose(&choosing, true);
    if (choosing.error != CONSENSUS_ERROR_NONE) return choosing.error;
    return check_steps(c, plan);
}

void plan_again(const struct consensus *c, struct slice command, struct plan *plan)
{
    struct choosing choosing = {.c = c, .reader = reader_of(command), .plan = plan};
    choose(&choosing, true);
}

void plan_free(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++) free(plan->steps[i].kvs);
    free(plan->steps);
    *plan = (struct plan){0};
}
