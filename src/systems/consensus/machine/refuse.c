/* What is wrong with a command whatever the state: etcd's v3rpc checks, in its order, which is each
 * operation by itself, then keys that meet.
 *
 * A key may be put once in a transaction, and not be deleted too, unless the two stand in branches
 * of which only one is carried out. (etcd lets two cases more pass: a put in one nested transaction
 * and a delete in a later one; and beside a put a delete of all keys from one on.) */
#include "systems/consensus/machine/internal.h"

struct change {
    struct slice key, end;
    bool put;
    bool hidden; /* of the branch that is not carried out if the one looked at is */
};

struct checking {
    struct reader reader;
    enum consensus_error error; /* the first */
    uint32_t all;               /* operations so far */
    bool meeting;               /* the second round: keys that meet */
    uint32_t changes_count;
    struct change changes[CONSENSUS_OPERATIONS_ALL_MAX];
};

static bool refuse(struct checking *checking, enum consensus_error error)
{
    if (checking->error == CONSENSUS_ERROR_NONE) checking->error = error;
    return false;
}

static bool collide(const struct change *a, const struct change *b)
{
    if (a->hidden || (!a->put && !b->put)) return false;
    const struct change *put = a->put ? a : b, *other = a->put ? b : a;
    return slice_compare(other->key, put->key) <= 0 &&
           range_holds(other->key, other->end, put->key);
}

static bool note_change(struct checking *checking, struct change change)
{
    if (!checking->meeting) return true;
    for (uint32_t i = 0; i < checking->changes_count; i++) {
        if (collide(&checking->changes[i], &change)) {
            return refuse(checking, CONSENSUS_ERROR_DUPLICATE_KEY);
        }
    }
    checking->changes[checking->changes_count++] = change;
    return true;
}

static bool check_put(struct checking *checking, const struct consensus_put *put)
{
    if (put->key.size == 0) return refuse(checking, CONSENSUS_ERROR_EMPTY_KEY);
    if (put->ignore_value && put->value.size != 0) {
        return refuse(checking, CONSENSUS_ERROR_VALUE_PROVIDED);
    }
    if (put->ignore_lease && put->lease != 0) {
        return refuse(checking, CONSENSUS_ERROR_LEASE_PROVIDED);
    }
    return note_change(checking, (struct change){put->key, slice_of(NULL, 0), true, false});
}

static bool check_range(struct checking *checking, const struct consensus_range *range)
{
    if (range->key.size == 0) return refuse(checking, CONSENSUS_ERROR_EMPTY_KEY);
    if (range->order > CONSENSUS_DESCEND || range->sort > CONSENSUS_SORT_VALUE) {
        return refuse(checking, CONSENSUS_ERROR_INVALID_SORT);
    }
    return true;
}

static bool check_txn(struct checking *checking, uint32_t left, uint32_t depth);

static bool check_operation(struct checking *checking, uint32_t left, uint32_t depth, bool inside)
{
    struct request request;
    if (!consensus_request_read(&checking->reader, &request)) {
        return refuse(checking, CONSENSUS_ERROR_MALFORMED);
    }
    if (++checking->all > CONSENSUS_OPERATIONS_ALL_MAX) {
        return refuse(checking, CONSENSUS_ERROR_TOO_MANY_OPERATIONS);
    }
    switch (request.op) {
    case CONSENSUS_RANGE: return check_range(checking, &request.range);
    case CONSENSUS_PUT: return check_put(checking, &request.put);
    case CONSENSUS_DELETE:
        if (request.delete.key.size == 0) return refuse(checking, CONSENSUS_ERROR_EMPTY_KEY);
        return note_change(checking,
                           (struct change){request.delete.key, request.delete.end, false, false});
    case CONSENSUS_TXN: return check_txn(checking, left, depth);
    default: return inside ? refuse(checking, CONSENSUS_ERROR_MALFORMED) : true;
    }
}

static void hide(struct checking *checking, uint32_t from, uint32_t to, bool hidden)
{
    for (uint32_t i = from; i < to; i++) checking->changes[i].hidden = hidden;
}

/* The two branches of a transaction of which `left` operations are allowed. */
static bool check_branches(struct checking *checking, uint32_t compares, uint32_t left,
                           uint32_t depth)
{
    uint32_t begin = checking->changes_count, middle = begin;
    for (int branch = 0; branch < 2; branch++) {
        uint32_t count = read_u32(&checking->reader);
        if (checking->reader.bad) return refuse(checking, CONSENSUS_ERROR_MALFORMED);
        if (count > left) return refuse(checking, CONSENSUS_ERROR_TOO_MANY_OPERATIONS);
        uint32_t used = count > compares ? count : compares;
        if (branch == 1) hide(checking, begin, middle, true);
        for (uint32_t i = 0; i < count; i++) {
            if (!check_operation(checking, left - used, depth + 1, true)) return false;
        }
        if (branch == 0) middle = checking->changes_count;
    }
    hide(checking, begin, middle, false);
    return true;
}

static bool check_txn(struct checking *checking, uint32_t left, uint32_t depth)
{
    if (depth == CONSENSUS_DEPTH_MAX) {
        return refuse(checking, CONSENSUS_ERROR_TOO_MANY_OPERATIONS);
    }
    uint32_t compares = read_u32(&checking->reader);
    if (compares > left) return refuse(checking, CONSENSUS_ERROR_TOO_MANY_OPERATIONS);
    for (uint32_t i = 0; i < compares; i++) {
        struct consensus_compare compare;
        if (!consensus_compare_read(&checking->reader, &compare)) {
            return refuse(checking, CONSENSUS_ERROR_MALFORMED);
        }
        if (compare.key.size == 0) return refuse(checking, CONSENSUS_ERROR_EMPTY_KEY);
    }
    return check_branches(checking, compares, left, depth);
}

enum consensus_error consensus_refuses(struct slice command)
{
    if (command.size > CONSENSUS_COMMAND_BYTES_MAX) return CONSENSUS_ERROR_REQUEST_TOO_LARGE;
    struct checking checking;
    checking.changes_count = 0; /* the array is left as it is */
    for (int round = 0; round < 2; round++) {
        checking.reader = reader_of(command);
        checking.error = CONSENSUS_ERROR_NONE;
        checking.all = 0;
        checking.meeting = round == 1;
        if (!check_operation(&checking, CONSENSUS_OPERATIONS_MAX, 0, false)) return checking.error;
        if (!reader_done(&checking.reader)) return CONSENSUS_ERROR_MALFORMED;
        if (command.data[0] != CONSENSUS_TXN) break;
    }
    return CONSENSUS_ERROR_NONE;
}
