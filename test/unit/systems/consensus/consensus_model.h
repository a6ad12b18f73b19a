/* A model of consensus' machine: it keeps every change for ever, and finds whatever it is asked by
 * looking at all of them. */
#ifndef QUARTET_TEST_CONSENSUS_MODEL_H
#define QUARTET_TEST_CONSENSUS_MODEL_H

#include <stdio.h>

#include "consensus_world.h"
#include "systems/consensus/machine/internal.h"

enum { KEYS = 24, EVENTS_MAX = 40000, LEASES = 6 };

struct event {
    unsigned key;
    char value[8];
    int64_t mod, create, version, lease; /* version 0: deleted */
};

struct model {
    struct event events[EVENTS_MAX];
    unsigned count;
    int64_t revision, compacted;
    bool changed; /* by the command under way */
    struct {
        bool there;
        int64_t ttl;
        uint64_t expires_us;
    } leases[LEASES];
    uint64_t now_us;
};

static inline void key_name(unsigned key, char *name)
{
    snprintf(name, 8, "k%02u", key);
}

static inline bool holds(struct slice key, struct slice end, unsigned number)
{
    char name[8];
    key_name(number, name);
    struct slice bytes = slice_text(name);
    if (end.size == 0) return slice_equal(bytes, key);
    if (slice_compare(bytes, key) < 0) return false;
    return (end.size == 1 && end.data[0] == 0) || slice_compare(bytes, end) < 0;
}

/* NULL: not there. */
static const struct event *model_at(const struct model *m, unsigned key, int64_t revision)
{
    for (unsigned i = m->count; i-- > 0;) {
        const struct event *event = &m->events[i];
        if (event->key == key && event->mod <= revision) {
            return event->version == 0 ? NULL : event;
        }
    }
    return NULL;
}

static inline void model_add(struct model *m, struct event event)
{
    assert_true(m->count < EVENTS_MAX);
    event.mod = m->revision + 1;
    m->events[m->count++] = event;
    m->changed = true;
}

static inline void model_say(struct buffer *out, const struct event *event, bool keys_only)
{
    char name[8];
    key_name(event->key, name);
    struct consensus_kv kv = {.key = slice_text(name),
                              .value = slice_text(keys_only ? "" : event->value),
                              .create = event->create,
                              .mod = event->mod,
                              .version = event->version,
                              .lease = event->lease};
    say_kv(out, &kv);
}

static inline int order_of(const struct consensus_range *r, const struct event *a,
                           const struct event *b)
{
    int64_t left = 0, right = 0;
    int order = 0;
    if (r->sort == CONSENSUS_SORT_VALUE) order = strcmp(a->value, b->value);
    if (r->sort == CONSENSUS_SORT_VERSION) left = a->version, right = b->version;
    if (r->sort == CONSENSUS_SORT_CREATE) left = a->create, right = b->create;
    if (r->sort == CONSENSUS_SORT_MOD) left = a->mod, right = b->mod;
    if (order == 0) order = left < right ? -1 : left > right;
    if (order == 0) order = (int)a->key - (int)b->key;
    return r->order == CONSENSUS_DESCEND ? -order : order;
}

static inline bool left_out(const struct consensus_range *r, const struct event *event)
{
    return (r->mod_min && event->mod < r->mod_min) || (r->mod_max && event->mod > r->mod_max) ||
           (r->create_min && event->create < r->create_min) ||
           (r->create_max && event->create > r->create_max);
}

static inline void model_range(struct model *m, const struct consensus_range *r, struct buffer *out)
{
    int64_t now = m->revision + m->changed, at = r->revision > 0 ? r->revision : now;
    const struct event *found[KEYS];
    unsigned count = 0, all = 0;
    bool plain = r->order == CONSENSUS_UNORDERED && !r->mod_min && !r->mod_max && !r->create_min &&
                 !r->create_max;
    for (unsigned key = 0; key < KEYS; key++) {
        const struct event *event = holds(r->key, r->end, key) ? model_at(m, key, at) : NULL;
        if (event == NULL) continue;
        all++;
        if (r->count_only || left_out(r, event)) continue;
        /* etcd looks at no more than the limit and one where nothing asks it to. */
        if (plain && r->limit > 0 && count == r->limit + 1) continue;
        found[count++] = event;
    }
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = i; j > 0 && order_of(r, found[j - 1], found[j]) > 0; j--) {
            const struct event *moved = found[j];
            found[j] = found[j - 1];
            found[j - 1] = moved;
        }
    }
    say_number(out, "@", now);
    say_number(out, " range ", all);
    bool more = r->limit > 0 && count > r->limit;
    for (unsigned i = 0; i < count && (!more || i < r->limit); i++) {
        model_say(out, found[i], r->keys_only);
    }
    if (more) buffer_append_text(out, " more");
}

static inline unsigned key_number(struct slice key)
{
    return (unsigned)(key.data[1] - '0') * 10 + (unsigned)(key.data[2] - '0');
}

static inline void model_put(struct model *m, const struct consensus_put *p, struct buffer *out)
{
    unsigned key = key_number(p->key);
    const struct event *before = model_at(m, key, INT64_MAX);
    struct event event = {.key = key, .create = m->revision + 1, .version = 1, .lease = p->lease};
    memcpy(event.value, p->value.data, p->value.size);
    if (before != NULL) {
        event.create = before->create;
        event.version = before->version + 1;
        if (p->ignore_value) memcpy(event.value, before->value, sizeof event.value);
        if (p->ignore_lease) event.lease = before->lease;
    }
    say_number(out, "@", m->revision + 1);
    buffer_append_text(out, " put");
    if (p->previous && before != NULL) model_say(out, before, false);
    model_add(m, event);
}

static inline void model_delete(struct model *m, const struct consensus_delete *d,
                                struct buffer *out)
{
    struct buffer shown = {0};
    int64_t count = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        const struct event *event = holds(d->key, d->end, key) ? model_at(m, key, INT64_MAX) : NULL;
        if (event == NULL) continue;
        count++;
        if (d->previous) model_say(&shown, event, false);
        model_add(m, (struct event){.key = key});
    }
    say_number(out, "@", m->revision + m->changed);
    say_number(out, " delete ", count);
    buffer_append_slice(out, buffer_slice(&shown));
    buffer_free(&shown);
}

static inline bool model_satisfied(const struct consensus_compare *c, const struct event *event)
{
    static const struct event none;
    if (event == NULL) event = &none;
    int64_t numbers[] = {event->version, event->create, event->mod, 0, event->lease};
    int64_t number = numbers[c->target];
    int order = number < c->number ? -1 : number > c->number;
    if (c->target == CONSENSUS_VALUE) order = slice_compare(slice_text(event->value), c->value);
    bool results[] = {order == 0, order > 0, order < 0, order != 0};
    return results[c->result];
}

static inline bool model_compare(struct model *m, const struct consensus_compare *c)
{
    bool any = false;
    for (unsigned key = 0; key < KEYS; key++) {
        const struct event *event =
            holds(c->key, c->end, key) ? model_at(m, key, m->revision) : NULL;
        if (event == NULL) continue;
        any = true;
        if (!model_satisfied(c, event)) return false;
    }
    return any || (c->target != CONSENSUS_VALUE && model_satisfied(c, NULL));
}

static bool model_lease(const struct model *m, int64_t id)
{
    return id == 0 || (id < LEASES && m->leases[id].there);
}

static inline enum consensus_error model_refuses(struct model *m, const struct request *request,
                                                 bool puts)
{
    if (puts && request->op == CONSENSUS_PUT) {
        const struct consensus_put *p = &request->put;
        if ((p->ignore_value || p->ignore_lease) &&
            model_at(m, key_number(p->key), m->revision) == NULL) {
            return CONSENSUS_ERROR_KEY_NOT_FOUND;
        }
        if (!model_lease(m, p->lease)) return CONSENSUS_ERROR_LEASE_NOT_FOUND;
    }
    if (!puts && request->op == CONSENSUS_RANGE) {
        if (request->range.revision > m->revision) return CONSENSUS_ERROR_FUTURE_REVISION;
        if (request->range.revision > 0 && request->range.revision < m->compacted) {
            return CONSENSUS_ERROR_COMPACTED;
        }
    }
    return CONSENSUS_ERROR_NONE;
}

enum pass { LOOK_AT_PUTS, LOOK_AT_RANGES, DO };

/* One operation, in one of three passes; `out` NULL: its branch is not chosen. */
static inline enum consensus_error model_operation(struct model *m, struct reader *reader,
                                                   enum pass pass, struct buffer *out)
{
    struct request request;
    assert_true(consensus_request_read(reader, &request));
    if (request.op != CONSENSUS_TXN) {
        if (out == NULL) return CONSENSUS_ERROR_NONE;
        if (pass != DO) return model_refuses(m, &request, pass == LOOK_AT_PUTS);
        if (request.op == CONSENSUS_RANGE) model_range(m, &request.range, out);
        if (request.op == CONSENSUS_PUT) model_put(m, &request.put, out);
        if (request.op == CONSENSUS_DELETE) model_delete(m, &request.delete, out);
        return CONSENSUS_ERROR_NONE;
    }
    bool yes = true;
    uint32_t compares = read_u32(reader);
    for (uint32_t i = 0; i < compares; i++) {
        struct consensus_compare compare;
        assert_true(consensus_compare_read(reader, &compare));
        yes = yes && model_compare(m, &compare);
    }
    struct buffer inside = {0};
    enum consensus_error first = CONSENSUS_ERROR_NONE;
    for (int branch = 0; branch < 2; branch++) {
        uint32_t count = read_u32(reader);
        bool chosen = out != NULL && yes == (branch == 0);
        for (uint32_t i = 0; i < count; i++) {
            if (chosen) buffer_append_text(&inside, " [");
            enum consensus_error error = model_operation(m, reader, pass, chosen ? &inside : NULL);
            if (chosen) buffer_append_text(&inside, "]");
            if (first == CONSENSUS_ERROR_NONE) first = error;
        }
    }
    if (out != NULL) {
        say_number(out, "@", m->revision + m->changed);
        buffer_append_text(out, yes ? " txn yes" : " txn no");
        buffer_append_slice(out, buffer_slice(&inside));
    }
    buffer_free(&inside);
    return first;
}

static inline void model_write(struct model *m, struct slice command, struct buffer *out)
{
    enum consensus_error error = consensus_refuses(command);
    struct reader first = reader_of(command);
    struct request request;
    if (error == CONSENSUS_ERROR_NONE && consensus_request_read(&first, &request) &&
        request.op == CONSENSUS_PUT && !model_lease(m, request.put.lease)) {
        error = CONSENSUS_ERROR_LEASE_NOT_FOUND; /* before the key, of a put that stands alone */
    }
    struct buffer unused = {0};
    for (enum pass pass = LOOK_AT_PUTS; pass < DO && error == CONSENSUS_ERROR_NONE; pass++) {
        struct reader reader = reader_of(command);
        error = model_operation(m, &reader, pass, &unused);
    }
    buffer_free(&unused);
    if (error != CONSENSUS_ERROR_NONE) {
        buffer_append_text(out, consensus_error_text(error));
        return;
    }
    struct reader reader = reader_of(command);
    model_operation(m, &reader, DO, out);
    m->revision += m->changed;
    m->changed = false;
}

static inline void model_end_lease(struct model *m, unsigned id)
{
    for (unsigned key = 0; key < KEYS; key++) {
        const struct event *event = model_at(m, key, INT64_MAX);
        if (event != NULL && event->lease == id) model_add(m, (struct event){.key = key});
    }
    m->revision += m->changed;
    m->changed = false;
    m->leases[id].there = false;
}

static inline void model_advance(struct model *m, uint64_t us)
{
    m->now_us += us;
    for (;;) {
        unsigned first = 0;
        for (unsigned id = 1; id < LEASES; id++) {
            if (!m->leases[id].there || m->leases[id].expires_us > m->now_us) continue;
            if (first == 0 || m->leases[id].expires_us < m->leases[first].expires_us) first = id;
        }
        if (first == 0) return;
        model_end_lease(m, first);
    }
}

static inline void model_simple(struct model *m, enum consensus_op op, int64_t first,
                                int64_t second, struct buffer *out)
{
    const char *error = NULL;
    bool there = op != CONSENSUS_COMPACT && m->leases[first].there;
    if (op == CONSENSUS_COMPACT) {
        if (first > m->revision) error = consensus_error_text(CONSENSUS_ERROR_FUTURE_REVISION);
        if (first <= m->compacted) error = consensus_error_text(CONSENSUS_ERROR_COMPACTED);
        if (error == NULL) m->compacted = first;
    } else if (op == CONSENSUS_GRANT) {
        if (there) error = consensus_error_text(CONSENSUS_ERROR_LEASE_EXISTS);
        if (!there) m->leases[first].ttl = second;
    } else if (op == CONSENSUS_REVOKE) {
        if (!there) error = consensus_error_text(CONSENSUS_ERROR_LEASE_NOT_FOUND);
        if (there) model_end_lease(m, (unsigned)first);
    }
    if (error != NULL) {
        buffer_append_text(out, error);
        return;
    }
    say_number(out, "@", m->revision);
    if (op != CONSENSUS_COMPACT) say_number(out, " lease ", first);
    if (op == CONSENSUS_GRANT || (op == CONSENSUS_KEEP_ALIVE && there)) {
        m->leases[first].there = true;
        m->leases[first].expires_us = m->now_us + (uint64_t)m->leases[first].ttl * 1000000;
        say_number(out, " ttl ", m->leases[first].ttl);
    }
}

#endif
