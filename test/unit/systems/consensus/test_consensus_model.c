/* Random programs beside a model that keeps every change for ever and finds whatever it is asked by
 * looking at all of them. Now and then the machine is replaced by one that was restored from a
 * snapshot, read while the program went on. */
#include <stdio.h>

#include "base/random.h"
#include "consensus_world.h"
#include "systems/consensus/machine/internal.h"

enum { KEYS = 24, EVENTS_MAX = 40000, LEASES = 6, STEPS = 3000 };

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

static void key_name(unsigned key, char *name)
{
    snprintf(name, 8, "k%02u", key);
}

static bool holds(struct slice key, struct slice end, unsigned number)
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

static void model_add(struct model *m, struct event event)
{
    assert_true(m->count < EVENTS_MAX);
    event.mod = m->revision + 1;
    m->events[m->count++] = event;
    m->changed = true;
}

static void model_say(struct buffer *out, const struct event *event, bool keys_only)
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

static int order_of(const struct consensus_range *r, const struct event *a, const struct event *b)
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

static bool left_out(const struct consensus_range *r, const struct event *event)
{
    return (r->mod_min && event->mod < r->mod_min) || (r->mod_max && event->mod > r->mod_max) ||
           (r->create_min && event->create < r->create_min) ||
           (r->create_max && event->create > r->create_max);
}

static void model_range(struct model *m, const struct consensus_range *r, struct buffer *out)
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

static unsigned key_number(struct slice key)
{
    return (unsigned)(key.data[1] - '0') * 10 + (unsigned)(key.data[2] - '0');
}

static void model_put(struct model *m, const struct consensus_put *p, struct buffer *out)
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

static void model_delete(struct model *m, const struct consensus_delete *d, struct buffer *out)
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

static bool model_satisfied(const struct consensus_compare *c, const struct event *event)
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

static bool model_compare(struct model *m, const struct consensus_compare *c)
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

static enum consensus_error model_refuses(struct model *m, const struct request *request, bool puts)
{
    if (puts && request->op == CONSENSUS_PUT) {
        const struct consensus_put *p = &request->put;
        if ((p->ignore_value || p->ignore_lease) &&
            model_at(m, key_number(p->key), m->revision) == NULL) {
            return CONSENSUS_ERROR_KEY_NOT_FOUND;
        }
        if (p->lease != 0 && (p->lease >= LEASES || !m->leases[p->lease].there)) {
            return CONSENSUS_ERROR_LEASE_NOT_FOUND;
        }
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
static enum consensus_error model_operation(struct model *m, struct reader *reader, enum pass pass,
                                            struct buffer *out)
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

static void model_write(struct model *m, struct slice command, struct buffer *out)
{
    enum consensus_error error = consensus_refuses(command);
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

static void model_end_lease(struct model *m, unsigned id)
{
    for (unsigned key = 0; key < KEYS; key++) {
        const struct event *event = model_at(m, key, INT64_MAX);
        if (event != NULL && event->lease == id) model_add(m, (struct event){.key = key});
    }
    m->revision += m->changed;
    m->changed = false;
    m->leases[id].there = false;
}

static void model_advance(struct model *m, uint64_t us)
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

static void model_simple(struct model *m, enum consensus_op op, int64_t first, int64_t second,
                         struct buffer *out)
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

/* Programs */

static char texts[64][8];
static unsigned texts_used;

static struct slice any_key(struct random *random)
{
    char *text = texts[texts_used++ % 64];
    key_name((unsigned)random_below(random, KEYS), text);
    return slice_text(text);
}

static struct slice any_end(struct random *random)
{
    if (random_below(random, 2) == 0) return slice_of("", 0);
    return random_below(random, 6) == 0 ? slice_of("", 1) : any_key(random);
}

static int64_t sometimes(struct random *random, unsigned rarity, int64_t value)
{
    return random_below(random, rarity) == 0 ? value : 0;
}

static int64_t any_revision(struct random *random, const struct model *m)
{
    int64_t back = (int64_t)random_below(random, 20);
    return m->revision + 2 - back > 0 ? m->revision + 2 - back : 0;
}

static struct consensus_range any_range(struct random *random, const struct model *m)
{
    return (struct consensus_range){
        .key = any_key(random),
        .end = any_end(random),
        .limit = sometimes(random, 2, (int64_t)random_below(random, 6)),
        .revision = sometimes(random, 3, any_revision(random, m)),
        .order = (uint8_t)random_below(random, 3),
        .sort = (uint8_t)sometimes(random, 2, (int64_t)random_below(random, 5)),
        .keys_only = random_below(random, 4) == 0,
        .count_only = random_below(random, 8) == 0,
        .mod_min = sometimes(random, 8, any_revision(random, m)),
        .mod_max = sometimes(random, 8, any_revision(random, m)),
        .create_min = sometimes(random, 8, any_revision(random, m)),
        .create_max = sometimes(random, 8, any_revision(random, m)),
    };
}

static void any_operation(struct random *random, const struct model *m, unsigned depth,
                          struct buffer *out);

static void any_txn(struct random *random, const struct model *m, unsigned depth,
                    struct buffer *out)
{
    struct txn txn = {0};
    for (uint64_t i = random_below(random, 3); i > 0; i--) {
        char *value = texts[texts_used++ % 64];
        snprintf(value, 8, "%u", (unsigned)random_below(random, 4));
        txn_compare(&txn,
                    (struct consensus_compare){.result = (uint8_t)random_below(random, 4),
                                               .target = (uint8_t)random_below(random, 5),
                                               .key = any_key(random),
                                               .end = any_end(random),
                                               .number = random_below(random, 2) == 0
                                                             ? (int64_t)random_below(random, 4)
                                                             : any_revision(random, m),
                                               .value = slice_text(value)});
    }
    for (uint64_t i = random_below(random, 4); i > 0; i--) {
        any_operation(random, m, depth + 1, txn_then(&txn));
    }
    for (uint64_t i = random_below(random, 3); i > 0; i--) {
        any_operation(random, m, depth + 1, txn_otherwise(&txn));
    }
    txn_end(&txn, out);
}

static void any_operation(struct random *random, const struct model *m, unsigned depth,
                          struct buffer *out)
{
    uint64_t what = random_below(random, depth < 3 ? 10 : 8);
    if (what < 4) {
        char *value = texts[texts_used++ % 64];
        snprintf(value, 8, "%u", (unsigned)random_below(random, 4));
        struct consensus_put p = {any_key(random), slice_text(value), 0, 0, 0, 0};
        p.previous = random_below(random, 3) == 0;
        p.ignore_lease = random_below(random, 8) == 0;
        p.ignore_value = random_below(random, 8) == 0;
        if (p.ignore_value) p.value.size = 0;
        if (!p.ignore_lease) p.lease = sometimes(random, 3, (int64_t)random_below(random, LEASES));
        consensus_put_put(&p, out);
    } else if (what < 6) {
        struct consensus_delete d = {any_key(random), any_end(random), random_below(random, 2)};
        consensus_put_delete(&d, out);
    } else if (what < 8) {
        struct consensus_range range = any_range(random, m);
        consensus_put_range(&range, out);
    } else {
        any_txn(random, m, depth, out);
    }
}

static void expect_same(struct world *w, const struct buffer *expected, uint64_t seed, unsigned at)
{
    if (slice_equal(buffer_slice(&w->heard), buffer_slice(expected))) return;
    print_message("seed %u, step %u:\n  machine: %s\n  model:   %.*s\n", (unsigned)seed, at,
                  world_text(w), (int)expected->size, (const char *)buffer_slice(expected).data);
    fail();
}

static void one_step(struct world *w, struct model *m, struct random *random,
                     struct buffer *expected)
{
    uint64_t what = random_below(random, 20);
    if (what < 10) {
        any_operation(random, m, 0, world_command(w));
        world_apply(w, buffer_slice(&w->command));
        model_write(m, buffer_slice(&w->command), expected);
    } else if (what < 14) {
        struct consensus_range r = any_range(random, m);
        consensus_put_range(&r, world_command(w));
        world_ask(w, buffer_slice(&w->command));
        model_write(m, buffer_slice(&w->command), expected);
    } else if (what < 18) {
        const enum consensus_op ops[] = {CONSENSUS_GRANT, CONSENSUS_KEEP_ALIVE, CONSENSUS_REVOKE,
                                         CONSENSUS_COMPACT};
        enum consensus_op op = ops[what - 14];
        int64_t first = 1 + (int64_t)random_below(random, LEASES - 1), second = 2 + first;
        if (op == CONSENSUS_COMPACT) first = any_revision(random, m) - 4;
        simple(w, op, first, second);
        model_simple(m, op, first, second, expected);
    } else {
        uint64_t us = random_below(random, 900000);
        world_advance(w, us);
        world_settle(w);
        model_advance(m, us);
        buffer_append_slice(expected, buffer_slice(&w->heard));
    }
}

struct program {
    struct world *w;
    struct model *m;
    struct random *random;
};

static void some_steps(void *context)
{
    struct program *program = context;
    struct buffer expected = {0};
    one_step(program->w, program->m, program->random, &expected);
    expect_same(program->w, &expected, 0, 0);
    buffer_free(&expected);
}

/* The program goes on with a machine that was restored from a cut, once with what was done to the
 * original while the cut was read, and once without. */
static void replace(struct world *w, struct model *m, struct random *random)
{
    struct world copy;
    struct program program = {w, m, random};
    world_copy(w, 1 + random_below(random, 2000), some_steps, &program, &copy);
    world_close(&copy);
    world_copy(w, 1000, NULL, NULL, &copy);
    world_close(w);
    *w = copy;
    void *machine = w->machine;
    /* The machine emits to `copy`, which is gone: it is restored once more, in place. */
    struct buffer out = {0};
    consensus_ops.cut_begin(machine);
    while (consensus_ops.cut_read(machine, 1000, &out)) {}
    w->machine = consensus_ops.create(NULL, world_hear, w);
    assert_true(consensus_ops.restore(w->machine, buffer_slice(&out)));
    assert_true(consensus_ops.restore_end(w->machine));
    assert_int_equal(consensus_ops.digest(w->machine), consensus_ops.digest(machine));
    while (!consensus_ops.destroy(machine)) {}
    buffer_free(&out);
}

static void test_programs_beside_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct model *m = calloc(1, sizeof *m);
        assert_non_null(m);
        m->revision = 1;
        struct world w;
        world_open(&w);
        struct random random = random_seeded(seed);
        struct buffer expected = {0};
        for (unsigned at = 0; at < STEPS; at++) {
            buffer_clear(&expected);
            one_step(&w, m, &random, &expected);
            expect_same(&w, &expected, seed, at);
            if (at % 200 == 0) consensus_ops.check(w.machine);
            if (random_below(&random, 200) == 0) replace(&w, m, &random);
        }
        buffer_free(&expected);
        world_close(&w);
        free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_programs_beside_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
