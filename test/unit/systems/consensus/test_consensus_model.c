/* Random programs beside a model of the machine (consensus_model.h). Now and then the machine is
 * replaced by one that was restored from a snapshot, read while the program went on. */
#include "base/random.h"
#include "consensus_model.h"

enum { STEPS = 3000 };

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
