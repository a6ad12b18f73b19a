/* Snapshots of a store that goes on changing, and what no single call may do. Commands by chance,
 * with ends, flushes and large values among them: the restored store has the digest that the
 * original had when the cut began, and told the same from then on, it says the same. */
#include <inttypes.h>
#include <stdio.h>

#include "store_world.h"

enum { SEEDS = 60, STEPS_BEFORE = 3000, STEPS_DURING = 600, STEPS_AFTER = 1500 };

struct life {
    struct random random;
    uint32_t keys;
    bool flushes;
};

static uint64_t below(struct life *life, uint64_t bound)
{
    return random_below(&life->random, bound);
}

static const char *any_of(struct life *life, const char *const *texts, size_t count)
{
    return texts[below(life, count)];
}

/* One line of a command by chance. */
static void next_line(struct life *life, char *line, size_t size)
{
    static const char *const forms[] = {
        "SET %s %s",         "SET %s %s PX 300", "SET %s %s PXAT 1700000002000",
        "SET %s %s KEEPTTL", "SET %s %s XX GET", "SET %s %s IFEQ 1",
        "DELIFEQ %s %s",     "APPEND %s %s",     "SETRANGE %s 9 %s",
        "GETSET %s %s",      "SETNX %s %s",      "SET %s %s NX EX 1"};
    static const char *const plain[] = {"DEL %s",         "INCR %s",
                                        "PEXPIRE %s 100", "PERSIST %s",
                                        "GETDEL %s",      "GET %s",
                                        "EXPIRE %s 1",    "PEXPIREAT %s 1700000001000",
                                        "PTTL %s",        "GETEX %s PX 50",
                                        "TYPE %s",        "STRLEN %s",
                                        "SETBIT %s 77 1", "SETRANGE %s 9000 x",
                                        "EXPIRE %s -1",   "BITCOUNT %s"};
    static const char *const values[] = {"1", "two", "\"a value that is a little longer\"", "\"\""};
    char key[32];
    uint64_t number = below(life, life->keys);
    snprintf(key, sizeof key, "{t%" PRIu64 "}%" PRIu64, number % 3, number);
    uint64_t dice = below(life, 1000);
    if (life->flushes && dice == 0) {
        snprintf(line, size, "FLUSHALL");
    } else if (dice < 40) {
        uint64_t other = number % 3 + 3 * below(life, life->keys / 3 + 1);
        const char *form = dice < 20 ? "RENAME %s {t%" PRIu64 "}%" PRIu64
                                     : "COPY %s {t%" PRIu64 "}%" PRIu64 " REPLACE";
        snprintf(line, size, form, key, number % 3, other);
    } else if (dice < 600) {
        snprintf(line, size, any_of(life, forms, 12), key, any_of(life, values, 4));
    } else {
        snprintf(line, size, any_of(life, plain, 16), key);
    }
}

static void step(struct life *life, struct world *world, struct world *other)
{
    char line[200];
    if (below(life, 10) == 0) {
        uint64_t us = below(life, 20000);
        advance(world, us);
        if (other != NULL) advance(other, us);
    }
    next_line(life, line, sizeof line);
    say(world, line);
    if (other != NULL) say(other, line);
}

static void steps(struct life *life, struct world *world, unsigned count)
{
    for (unsigned i = 0; i < count; i++) step(life, world, NULL);
    buffer_clear(&world->heard);
}

static bool feed(struct life *life, struct world *copy, struct slice stream)
{
    while (stream.size != 0) {
        size_t size = 1 + (size_t)below(life, 4000);
        if (size > stream.size) size = stream.size;
        if (!store_ops.restore(copy->machine, slice_of(stream.data, size))) return false;
        stream = slice_of(stream.data + size, stream.size - size);
    }
    return store_ops.restore_end(copy->machine);
}

/* Not told the time: a restored machine knows it. */
static void open_copy(struct world *copy, const struct world *of)
{
    *copy = (struct world){.now = of->now};
    copy->machine = store_ops.create(NULL, hear, copy);
}

static void cut_while_changing(struct life *life, struct world *world, struct buffer *stream)
{
    store_ops.cut_begin(world->machine);
    bool more = true;
    for (unsigned i = 0; more; i++) {
        if (i < STEPS_DURING) steps(life, world, 1 + (unsigned)below(life, 5));
        if (below(life, 3) == 0) {
            more = store_ops.cut_read(world->machine, 1 + (size_t)below(life, 300), stream);
        }
    }
    assert_int_equal(store_ops.cut_pending(world->machine), 0);
}

static void live(uint64_t seed)
{
    struct life life = {random_seeded(seed), 3 + (uint32_t)(seed * 7 % 400), seed % 2 == 0};
    struct world world, copy;
    world_open(&world);
    steps(&life, &world, STEPS_BEFORE);
    if (seed % 3 == 0) { /* one that is given up */
        struct buffer lost = {0};
        store_ops.cut_begin(world.machine);
        store_ops.cut_read(world.machine, 500, &lost);
        steps(&life, &world, 50);
        store_ops.cut_abort(world.machine);
        buffer_free(&lost);
    }
    struct buffer stream = {0};
    open_copy(&copy, &world);
    uint64_t digest = store_ops.digest(world.machine);
    cut_while_changing(&life, &world, &stream);
    store_ops.check(world.machine);
    assert_true(feed(&life, &copy, buffer_slice(&stream)));
    store_ops.check(copy.machine);
    assert_true(store_ops.digest(copy.machine) == digest);
    world_close(&copy);
    world_close(&world);
    buffer_free(&stream);
}

static void a_cut_is_of_one_moment(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %" PRIu64 "\n", seed);
        live(seed);
    }
}

static void the_restored_says_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %" PRIu64 "\n", seed);
        struct life life = {random_seeded(seed), 3 + (uint32_t)(seed * 11 % 300), true};
        struct world world, copy;
        struct buffer stream = {0};
        world_open(&world);
        steps(&life, &world, STEPS_BEFORE);
        store_ops.cut_begin(world.machine);
        while (store_ops.cut_read(world.machine, 4096, &stream)) {}
        open_copy(&copy, &world);
        assert_true(feed(&life, &copy, buffer_slice(&stream)));
        for (unsigned i = 0; i < STEPS_AFTER; i++) {
            step(&life, &world, &copy);
            assert_true(slice_equal(buffer_slice(&world.heard), buffer_slice(&copy.heard)));
            assert_true(store_ops.digest(world.machine) == store_ops.digest(copy.machine));
            buffer_clear(&world.heard);
            buffer_clear(&copy.heard);
        }
        store_ops.check(copy.machine);
        world_close(&copy);
        world_close(&world);
        buffer_free(&stream);
    }
}

static void a_damaged_stream_is_refused(void **state)
{
    (void)state;
    struct life life = {random_seeded(5), 30, false};
    struct world world, copy;
    struct buffer stream = {0};
    world_open(&world);
    expect(&world, "MSET {a}1 one {a}2 \"\" {a}3 three {a}4 four", "OK");
    expect(&world, "SETRANGE {a}5 5000 x", ":5001");
    store_ops.cut_begin(world.machine);
    while (store_ops.cut_read(world.machine, 0, &stream)) {}
    for (size_t at = 0; at < stream.size; at++) {
        /* Times and counters of the header stand for themselves: no other byte may change
         * unseen. */
        if (at >= 5 && at < 5 + 56) continue;
        stream.data[stream.head + at] ^= 1;
        open_copy(&copy, &world);
        if (feed(&life, &copy, buffer_slice(&stream))) {
            print_error("byte %zu of %zu\n", at, stream.size);
            fail();
        }
        world_close(&copy);
        stream.data[stream.head + at] ^= 1;
    }
    for (size_t size = 0; size < stream.size; size += 7) {
        open_copy(&copy, &world);
        assert_false(feed(&life, &copy, slice_of(buffer_slice(&stream).data, size)));
        world_close(&copy);
    }
    world_close(&world);
    buffer_free(&stream);
}

static void many_cuts_given_up_lose_nothing(void **state)
{
    (void)state;
    struct world world, copy;
    struct life life = {random_seeded(1), 10, false};
    struct buffer stream = {0};
    world_open(&world);
    expect(&world, "MSET {a}1 1 {a}2 2", "OK");
    for (int i = 0; i < 3000; i++) {
        store_ops.cut_begin(world.machine);
        if (i % 1000 == 0) store_ops.cut_read(world.machine, 1000, &stream);
        store_ops.cut_abort(world.machine);
    }
    buffer_clear(&stream);
    store_ops.cut_begin(world.machine);
    while (store_ops.cut_read(world.machine, 0, &stream)) {}
    open_copy(&copy, &world);
    assert_true(feed(&life, &copy, buffer_slice(&stream)));
    expect(&copy, "MGET {a}1 {a}2", "[\"1\" \"2\"]");
    world_close(&copy);
    world_close(&world);
    buffer_free(&stream);
}

/* --- what is large is done in parts --- */

static void a_flush_frees_by_and_by(void **state)
{
    (void)state;
    struct world world;
    char line[64];
    world_open(&world);
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof line, "SET k%d v", i);
        say(&world, line);
    }
    uint64_t full = store_ops.bytes(world.machine);
    struct buffer stream = {0};
    store_ops.cut_begin(world.machine);
    buffer_clear(&world.heard);
    expect(&world, "FLUSHALL", "OK");
    expect(&world, "DBSIZE", ":0");
    assert_int_equal(store_ops.digest(world.machine), 0);
    assert_true(store_ops.bytes(world.machine) < full / 100);
    expect(&world, "SET k1 new", "OK");
    for (int i = 0; i < 100; i++) advance(&world, 1);
    while (store_ops.cut_read(world.machine, 0, &stream)) {}
    struct world copy;
    struct life life = {random_seeded(1), 10, false};
    open_copy(&copy, &world);
    assert_true(feed(&life, &copy, buffer_slice(&stream)));
    expect(&copy, "DBSIZE", ":5000");
    expect(&copy, "GET k1", "\"v\"");
    assert_int_equal(store_ops.deadline(world.machine).elapsed_us, 0);
    for (int i = 0; i < 20; i++) advance(&world, 1);
    assert_true(store_ops.deadline(world.machine).elapsed_us == UINT64_MAX);
    expect(&world, "GET k1", "\"new\"");
    world_close(&copy);
    world_close(&world);
    buffer_free(&stream);
}

/* SCAN while keys come and go: those that are there all the time come, each cursor in decimal. */
static void a_scan_misses_nothing(void **state)
{
    (void)state;
    struct world world;
    char line[100];
    bool seen[600] = {false};
    uint64_t cursor = 0;
    struct random random = random_seeded(3);
    world_open(&world);
    for (int i = 0; i < 600; i++) {
        snprintf(line, sizeof line, i < 300 ? "SET k%d v" : "SET {one}k%d v", i);
        say(&world, line);
    }
    int calls = 0;
    do {
        buffer_clear(&world.heard);
        snprintf(line, sizeof line, "SCAN %" PRIu64 " COUNT 7 MATCH *k*", cursor);
        say(&world, line);
        buffer_put_u8(&world.heard, 0);
        char *text = (char *)world.heard.data + world.heard.head;
        assert_int_equal(sscanf(text, "[\"%" SCNu64 "\"", &cursor), 1);
        for (char *at = strchr(text, 'k'); at != NULL; at = strchr(at + 1, 'k')) {
            seen[atoi(at + 1)] = true;
        }
        for (uint64_t i = random_below(&random, 30); i > 0; i--) {
            const char *forms[] = {"SET {one}x%d v", "DEL {one}x%d", "SET x%d v", "DEL x%d"};
            snprintf(line, sizeof line, forms[random_below(&random, 4)],
                     (int)random_below(&random, 2000));
            say(&world, line);
        }
        assert_true(++calls < 5000);
    } while (cursor != 0);
    for (int i = 0; i < 600; i++) assert_true(seen[i]);
    expect(&world, "SCAN x", "!ERR invalid cursor");
    expect(&world, "SCAN 0 COUNT 0", "!ERR syntax error");
    expect(&world, "SCAN 0 MATCH", "!ERR syntax error");

    expect(&world, "SCAN 18446744073709551615", "[\"0\" []]");
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_is_of_one_moment),
        cmocka_unit_test(the_restored_says_the_same),
        cmocka_unit_test(a_damaged_stream_is_refused),
        cmocka_unit_test(many_cuts_given_up_lose_nothing),
        cmocka_unit_test(a_flush_frees_by_and_by),
        cmocka_unit_test(a_scan_misses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
