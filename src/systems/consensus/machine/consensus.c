/* The machine: what comes in, what time brings, what is asked. See consensus.h. */
#include "systems/consensus/machine/consensus.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

enum { FREED_KEYS = 16 }; /* count as one object: a node of a tree has up to 64 of them */

static void *consensus_create(const void *options, machine_emit *emit, void *world)
{
    (void)options;
    struct consensus *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->emit = emit;
    c->world = world;
    c->revision = 1;
    c->quota = CONSENSUS_QUOTA_DEFAULT;
    c->gone.every = c->born.every = true;
    list_init(&c->versions);
    list_init(&c->lease_list);
    list_init(&c->waiting);
    c->walk.at = c->walk.from = &c->versions;
    return c;
}

static void free_key(void *world, struct key *key)
{
    (void)world;
    free(key);
}

static void free_lease(struct consensus *c, struct lease *lease)
{
    list_remove(&lease->all);
    c->budget--;
    free(lease);
}

static bool destroy_lists(struct consensus *c)
{
    while (!list_empty(&c->lease_list)) {
        struct lease *lease = LIST_ITEM(c->lease_list.next, struct lease, all);
        if (!tree_free_some(&lease->keys, &c->budget, NULL, NULL) || c->budget == 0) return false;
        free_lease(c, lease);
    }
    while (!list_empty(&c->versions)) {
        if (c->budget-- == 0) return false;
        struct version *version = LIST_ITEM(c->versions.next, struct version, all);
        list_remove(&version->all);
        free(version);
    }
    while (!list_empty(&c->waiting)) {
        if (c->budget-- == 0) return false;
        struct waiting *waiting = LIST_ITEM(c->waiting.next, struct waiting, all);
        list_remove(&waiting->all);
        free(waiting);
    }
    return true;
}

static bool consensus_destroy(void *machine)
{
    struct consensus *c = machine;
    c->budget = MACHINE_WORK_MAX;
    if (!destroy_lists(c)) return false;
    if (!tree_free_some(&c->gone, &c->budget, NULL, NULL)) return false;
    if (!tree_free_some(&c->born, &c->budget, NULL, NULL)) return false;
    if (!tree_free_some(&c->keys, &c->budget, free_key, NULL)) return false;
    restore_free(c);
    cut_abort(&c->cut);
    plan_free(&c->running.plan);
    buffer_free(&c->running.command);
    buffer_free(&c->running.resume);
    map_free(&c->leases);
    heap_free(&c->expiry);
    free(c->spine.at);
    free(c);
    return true;
}

/* Commands */

void waiting_add(struct consensus *c, const struct session_key *session, struct slice command)
{
    struct waiting *waiting = malloc(sizeof *waiting + command.size);
    ASSERT(waiting != NULL);
    waiting->session = *session;
    waiting->size = (uint32_t)command.size;
    waiting->cut_number = c->cut.active ? c->cut.number : 0;
    memcpy(waiting->command, command.data, command.size);
    list_append(&c->waiting, &waiting->all);
    c->waiting_count++;
    c->waiting_bytes += sizeof *waiting + command.size;
    c->waiting_digest += waiting_hash(waiting);
}

void alarm_raise(struct consensus *c, uint32_t member)
{
    if (c->alarm == 0) c->alarm = member;
}

/* Whose it is, or was; 0: nobody's. */
static uint32_t alarm_change(struct consensus *c, int64_t member, bool raise)
{
    if (raise && member > 0 && member <= UINT32_MAX) alarm_raise(c, (uint32_t)member);
    uint32_t found = c->alarm;
    if (raise) return found;
    if (found == 0 || member != found) return 0;
    c->alarm = 0;
    return found;
}

static enum consensus_error simple(struct consensus *c, const struct request *request,
                                   uint32_t node, struct consensus_reply *reply)
{
    int64_t first = request->simple.first;
    switch (request->op) {
    case CONSENSUS_COMPACT: return compact_to(c, first);
    case CONSENSUS_GRANT: {
        if (first == 0) first = lease_new_id(c);
        enum consensus_error error = lease_grant(c, first, request->simple.second, node);
        reply->lease = first;
        if (error == CONSENSUS_ERROR_NONE) reply->ttl_s = lease_find(c, first)->ttl_s;
        return error;
    }
    case CONSENSUS_KEEP_ALIVE:
        reply->lease = first;
        if (lease_renew(c, first)) reply->ttl_s = lease_find(c, first)->ttl_s;
        return CONSENSUS_ERROR_NONE;
    case CONSENSUS_ALARM:
        reply->alarm = alarm_change(c, first, request->simple.second != 0);
        return CONSENSUS_ERROR_NONE;
    case CONSENSUS_QUOTA:
        if (first > 0) c->quota = (uint64_t)first;
        return CONSENSUS_ERROR_NONE;
    default: return CONSENSUS_ERROR_MALFORMED; /* a question belongs elsewhere */
    }
}

static void run_simple(struct consensus *c, const struct session_key *session, struct slice command)
{
    struct reader reader = reader_of(command);
    struct request request;
    bool read = consensus_request_read(&reader, &request);
    ASSERT(read);
    struct consensus_reply reply = reply_of(c, request.op);
    reply.error = simple(c, &request, session->node, &reply);
    reply.compacted = (int64_t)c->compacted;
    c->emit(c->world, session, &reply);
}

/* Nothing is running. */
static void execute(struct consensus *c, const struct session_key *session, struct slice command)
{
    enum consensus_op op = (enum consensus_op)command.data[0];
    c->commands[op]++;
    if (op <= CONSENSUS_TXN || op == CONSENSUS_REVOKE) {
        run_command(c, session, command);
    } else {
        run_simple(c, session, command);
    }
}

static void consensus_apply(void *machine, const struct session_key *session, struct slice command)
{
    struct consensus *c = machine;
    c->budget = MACHINE_WORK_MAX;
    enum consensus_error error = consensus_refuses(command);
    if (error != CONSENSUS_ERROR_NONE) {
        consensus_reply_error(c, session, CONSENSUS_RANGE, error);
    } else if (run_is_free(c) && c->waiting_count == 0) {
        execute(c, session, command);
    } else {
        waiting_add(c, session, command);
    }
}

static void execute_waiting(struct consensus *c)
{
    struct waiting *waiting = LIST_ITEM(c->waiting.next, struct waiting, all);
    if (c->cut.active) cut_waiting_gone(c, waiting);
    list_remove(&waiting->all);
    c->waiting_count--;
    c->waiting_bytes -= sizeof *waiting + waiting->size;
    c->waiting_digest -= waiting_hash(waiting);
    c->budget--;
    execute(c, &waiting->session, slice_of(waiting->command, waiting->size));
    free(waiting);
}

/* Time */

/* How many calls it takes hangs on the number of keys alone: the shape of a tree is not the same on
 * every replica. What is freed are nodes, of many keys each. */
static void free_some(struct consensus *c)
{
    uint32_t part = c->budget * FREED_KEYS;
    if (part > c->freeing) part = (uint32_t)c->freeing;
    c->budget -= (part + FREED_KEYS - 1) / FREED_KEYS;
    c->freeing -= part;
    if (c->freeing == 0) part = UINT32_MAX;
    if (tree_free_some(&c->gone, &part, NULL, NULL)) tree_free_some(&c->born, &part, NULL, NULL);
}

/* Does one thing; false when there is none to do. */
static bool work(struct consensus *c)
{
    if (c->running.active) {
        run_some(c);
    } else if (!run_is_free(c)) {
        free_some(c);
    } else if (c->waiting_count != 0) {
        execute_waiting(c);
    } else if (lease_due(c) != NULL) {
        c->budget--;
        run_expiry(c, lease_due(c));
    } else if (compact_due(c)) {
        compact_some(c);
    } else {
        return false;
    }
    return true;
}

static void consensus_advance(void *machine, const struct machine_time *time)
{
    struct consensus *c = machine;
    if (time->elapsed_us > c->elapsed_us) c->elapsed_us = time->elapsed_us;
    c->budget = MACHINE_WORK_MAX;
    while (c->budget > 0 && work(c)) {}
}

static struct machine_deadline consensus_deadline(const void *machine)
{
    const struct consensus *c = machine;
    if (!run_is_free(c) || c->waiting_count != 0 || lease_due(c) != NULL || compact_due(c)) {
        return (struct machine_deadline){0, 0};
    }
    struct machine_deadline deadline = {UINT64_MAX, UINT64_MAX};
    if (c->expiry.count != 0) deadline.elapsed_us = heap_min(&c->expiry)->major;
    bool left = c->walk.active || c->walk.target < c->compacted;
    if (left && c->walk.from_us < deadline.elapsed_us) deadline.elapsed_us = c->walk.from_us;
    return deadline;
}

/* Questions */

static void ask_range(const struct consensus *c, const struct session_key *session,
                      const struct consensus_range *range)
{
    struct step step = {0};
    struct consensus_reply reply = reply_of(c, CONSENSUS_RANGE);
    reply.error = range_answer(c, range, false, &step);
    reply.outcomes = &step.outcome;
    reply.outcomes_count = 1;
    c->emit(c->world, session, &reply);
    free(step.kvs);
}

static void ask_lease(const struct consensus *c, const struct session_key *session, int64_t id,
                      bool with_keys, uint64_t elapsed_us)
{
    struct consensus_reply reply = reply_of(c, CONSENSUS_TIME_TO_LIVE);
    const struct lease *lease = lease_find(c, id);
    reply.lease = id;
    reply.ttl_s = lease == NULL ? -1 : lease_left_s(lease, elapsed_us);
    reply.granted_ttl_s = lease == NULL ? 0 : lease->ttl_s;
    with_keys = with_keys && lease != NULL && lease->keys.count != 0;
    if (with_keys && lease->keys.count > CONSENSUS_RANGE_KEYS_MAX) {
        reply.error = CONSENSUS_ERROR_RANGE_TOO_LARGE;
        with_keys = false;
    }
    struct slice *keys = NULL;
    if (with_keys) {
        keys = malloc(lease->keys.count * sizeof keys[0]);
        ASSERT(keys != NULL);
        struct slice least = key_bytes(tree_first(&lease->keys));
        struct tree_place place = tree_seek(&lease->keys, least, false, false);
        for (; place.key != NULL; tree_next(&lease->keys, &place, false)) {
            keys[reply.keys_count++] = key_bytes(place.key);
        }
    }
    reply.keys = keys;
    c->emit(c->world, session, &reply);
    free(keys);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* Insertion by halves would be quadratic: a heap's way down, in place. */
static void sort_ids(int64_t *ids, uint32_t count)
{
    for (uint32_t end = count, root = count / 2; end > 1;) {
        if (root > 0) {
            root--;
        } else {
            int64_t last = ids[--end];
            ids[end] = ids[0];
            ids[0] = last;
        }
        for (uint32_t at = root, child; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && compare_ids(&ids[child], &ids[child + 1]) < 0) child++;
            if (compare_ids(&ids[at], &ids[child]) >= 0) break;
            int64_t moved = ids[at];
            ids[at] = ids[child];
            ids[child] = moved;
        }
    }
}

static void ask_leases(const struct consensus *c, const struct session_key *session)
{
    struct consensus_reply reply = reply_of(c, CONSENSUS_LEASES);
    int64_t *ids = NULL;
    if (c->leases.count > CONSENSUS_RANGE_KEYS_MAX) {
        reply.error = CONSENSUS_ERROR_RANGE_TOO_LARGE;
    } else if (c->leases.count != 0) {
        ids = malloc(c->leases.count * sizeof ids[0]);
        ASSERT(ids != NULL);
        const struct list *at = c->lease_list.next;
        for (; at != &c->lease_list; at = at->next) {
            ids[reply.leases_count++] = LIST_ITEM(at, struct lease, all)->id;
        }
        sort_ids(ids, reply.leases_count);
    }
    reply.leases = ids;
    c->emit(c->world, session, &reply);
    free(ids);
}

static void consensus_query(const void *machine, const struct session_key *session,
                            struct slice command, const struct machine_time *now,
                            const struct machine_facts *facts)
{
    (void)facts;
    const struct consensus *c = machine;
    struct reader reader = reader_of(command);
    struct request request = {0};
    enum consensus_error error = consensus_refuses(command);
    if (error == CONSENSUS_ERROR_NONE) consensus_request_read(&reader, &request);
    uint64_t elapsed = now->elapsed_us > c->elapsed_us ? now->elapsed_us : c->elapsed_us;
    struct consensus_reply reply = reply_of(c, CONSENSUS_STATUS);
    switch (request.op) {
    case CONSENSUS_RANGE: ask_range(c, session, &request.range); break;
    case CONSENSUS_TIME_TO_LIVE:
        ask_lease(c, session, request.simple.first, request.simple.second != 0, elapsed);
        break;
    case CONSENSUS_LEASES: ask_leases(c, session); break;
    case CONSENSUS_STATUS:
        reply.bytes = c->bytes;
        reply.quota = c->quota;
        reply.alarm = c->alarm;
        reply.digest = (uint32_t)(consensus_digest(c) >> 32);
        c->emit(c->world, session, &reply);
        break;
    default:
        if (error == CONSENSUS_ERROR_NONE) error = CONSENSUS_ERROR_MALFORMED;
        consensus_reply_error(c, session, CONSENSUS_RANGE, error);
    }
}

static uint64_t consensus_bytes(const void *machine)
{
    const struct consensus *c = machine;
    return c->bytes + c->keys.bytes + c->gone.bytes + c->born.bytes + c->waiting_bytes;
}

/* It holds nothing for a connection: leases are no one's. */
static void consensus_session_end(void *machine, const struct session_key *session)
{
    (void)machine;
    (void)session;
}

static void consensus_origin_end(void *machine, uint32_t node, uint64_t incarnation)
{
    (void)machine;
    (void)node;
    (void)incarnation;
}

const struct machine_ops consensus_ops = {
    .name = "consensus",
    .sessionless = true,
    .snapshot_version = 2,
    .create = consensus_create,
    .destroy = consensus_destroy,
    .advance = consensus_advance,
    .apply = consensus_apply,
    .session_end = consensus_session_end,
    .origin_end = consensus_origin_end,
    .deadline = consensus_deadline,
    .query = consensus_query,
    .watch_open = consensus_watch_open,
    .watch_read = consensus_watch_read,
    .metrics = consensus_metrics,
    .bytes = consensus_bytes,
    .digest = consensus_digest,
    .cut_begin = consensus_cut_begin,
    .cut_read = consensus_cut_read,
    .cut_pending = consensus_cut_pending,
    .cut_abort = consensus_cut_abort,
    .restore = consensus_restore,
    .restore_end = consensus_restore_end,
    .check = consensus_check,
};
