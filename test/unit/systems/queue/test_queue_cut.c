/* Snapshots of the queue, taken while it goes on changing. The restored machine has the digest that
 * the original had when the cut began, and told the same from then on, it says the same. */
#include "queue_random.h"

enum { SEEDS = 60, STEPS_BEFORE = 1500, STEPS_DURING = 400, STEPS_AFTER = 800 };

static struct life life;
static struct step step;

static void go_on(struct world *world, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        life_step(&life, &step);
        life_tell(world, &step);
    }
}

/* Feeds the stream in pieces of 1 to 4,000 bytes. */
static bool feed(struct world *copy, struct slice stream)
{
    while (stream.size != 0) {
        size_t size = 1 + life_below(&life, 4000);
        if (size > stream.size) size = stream.size;
        if (!queue_ops.restore(copy->machine, slice_of(stream.data, size))) return false;
        stream = slice_of(stream.data + size, stream.size - size);
    }
    return queue_ops.restore_end(copy->machine);
}

static void open_copy(struct world *copy, const struct world *of)
{
    world_open(copy, NULL);
    copy->elapsed_us = of->elapsed_us;
    copy->due_us = of->due_us;
}

/* Steps and reads of the stream in turn, until it ends. */
static void cut_while_changing(struct world *world, struct buffer *stream)
{
    queue_ops.cut_begin(world->machine);
    bool more = true;
    for (unsigned i = 0; more; i++) {
        if (i < STEPS_DURING) go_on(world, 1 + (unsigned)life_below(&life, 5));
        if (life_below(&life, 3) == 0) {
            more = queue_ops.cut_read(world->machine, 1 + life_below(&life, 300), stream);
        }
    }
    assert_int_equal(queue_ops.cut_pending(world->machine), 0);
}

static void test_cut_while_changing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %" PRIu64 "\n", seed);
        struct world world, copy;
        world_open(&world, NULL);
        life_begin(&life, seed, 2 + (uint32_t)seed % 12);
        life_limit(&life, &world);
        go_on(&world, STEPS_BEFORE);
        uint64_t digest = queue_ops.digest(world.machine);
        struct buffer stream = {0};
        open_copy(&copy, &world);
        cut_while_changing(&world, &stream);
        queue_ops.check(world.machine);
        assert_true(feed(&copy, buffer_slice(&stream)));
        queue_ops.check(copy.machine);
        assert_true(queue_ops.digest(copy.machine) == digest);
        world_close(&world);
        world_close(&copy);
        buffer_free(&stream);
    }
}

static void tell_both(struct world *world, struct world *copy)
{
    life_step(&life, &step);
    life_tell(world, &step);
    life_tell(copy, &step);
    const struct slice a = buffer_slice(&world->heard);
    const struct slice b = buffer_slice(&copy->heard);
    if (!slice_equal(a, b)) {
        fail_msg("original: %.*s\n    copy: %.*s", (int)a.size, a.data, (int)b.size, b.data);
    }
    buffer_clear(&world->heard);
    buffer_clear(&copy->heard);
    assert_true(queue_ops.digest(world->machine) == queue_ops.digest(copy->machine));
    assert_true(queue_ops.bytes(world->machine) == queue_ops.bytes(copy->machine));
}

/* The copy is restored from a cut in which nothing changed, so both stand at the same step. */
static void test_copy_continues_like_the_original(void **state)
{
    (void)state;
    for (uint64_t seed = 1000; seed < 1000 + SEEDS; seed++) {
        print_message("seed %" PRIu64 "\n", seed);
        struct world world, copy;
        world_open(&world, NULL);
        life_begin(&life, seed, 2 + (uint32_t)seed % 12);
        life_limit(&life, &world);
        go_on(&world, STEPS_BEFORE);
        open_copy(&copy, &world);
        life_limit(&life, &copy);
        struct buffer stream = {0};
        queue_ops.cut_begin(world.machine);
        while (queue_ops.cut_read(world.machine, 1 + life_below(&life, 500), &stream)) {}
        assert_true(feed(&copy, buffer_slice(&stream)));
        struct buffer a = {0}, b = {0};
        queue_ops.metrics(world.machine, &a);
        queue_ops.metrics(copy.machine, &b);
        assert_true(slice_equal(buffer_slice(&a), buffer_slice(&b)));
        buffer_clear(&world.heard);
        for (unsigned i = 0; i < STEPS_AFTER; i++) tell_both(&world, &copy);
        queue_ops.check(copy.machine);
        buffer_free(&a);
        buffer_free(&b);
        buffer_free(&stream);
        world_close(&world);
        world_close(&copy);
    }
}

/* The steps told during the cut, told to the copy: it comes out where the original came out. */
static void test_log_after_cut_leads_to_the_same_state(void **state)
{
    (void)state;
    for (uint64_t seed = 2000; seed < 2000 + SEEDS; seed++) {
        print_message("seed %" PRIu64 "\n", seed);
        struct world world, copy;
        world_open(&world, NULL);
        life_begin(&life, seed, 2 + (uint32_t)seed % 12);
        life_limit(&life, &world);
        go_on(&world, STEPS_BEFORE);
        open_copy(&copy, &world);
        life_limit(&life, &copy);
        struct buffer stream = {0};
        struct life replay = life;
        queue_ops.cut_begin(world.machine);
        bool more = true;
        for (unsigned i = 0; i < STEPS_DURING; i++) {
            go_on(&world, 1);
            if (more && i % 7 == 0) more = queue_ops.cut_read(world.machine, 100, &stream);
        }
        while (more) more = queue_ops.cut_read(world.machine, 100, &stream);
        uint64_t digest = queue_ops.digest(world.machine);
        assert_true(feed(&copy, buffer_slice(&stream)));
        life = replay;
        go_on(&copy, STEPS_DURING);
        assert_true(queue_ops.digest(copy.machine) == digest);
        buffer_free(&stream);
        world_close(&world);
        world_close(&copy);
    }
}

static void make_stream(struct world *world, struct buffer *stream)
{
    queue_ops.cut_begin(world->machine);
    while (queue_ops.cut_read(world->machine, 1000, stream)) {}
}

static void test_incomplete_stream_is_refused(void **state)
{
    (void)state;
    struct world world, copy;
    world_open(&world, NULL);
    life_begin(&life, 7, 4);
    go_on(&world, 300);
    struct buffer stream = {0};
    make_stream(&world, &stream);
    for (size_t size = 0; size < stream.size; size += 1 + life_below(&life, 40)) {
        open_copy(&copy, &world);
        assert_false(feed(&copy, slice_of(buffer_slice(&stream).data, size)));
        world_close(&copy);
    }
    open_copy(&copy, &world);
    buffer_put_u8(&stream, 0);
    assert_false(feed(&copy, buffer_slice(&stream)));
    world_close(&copy);
    buffer_free(&stream);
    world_close(&world);
}

/* A byte changed: refused, or harmless because the digest is still that of the stream. */
static void test_damaged_stream_never_passes_as_another_state(void **state)
{
    (void)state;
    struct world world, copy;
    world_open(&world, NULL);
    life_begin(&life, 8, 4);
    go_on(&world, 300);
    uint64_t digest = queue_ops.digest(world.machine);
    struct buffer stream = {0};
    make_stream(&world, &stream);
    for (size_t at = 0; at < stream.size; at++) {
        uint8_t *byte = stream.data + stream.head + at;
        uint8_t before = *byte;
        *byte = (uint8_t)(before ^ 1 << life_below(&life, 8));
        open_copy(&copy, &world);
        if (feed(&copy, buffer_slice(&stream))) {
            assert_true(queue_ops.digest(copy.machine) == digest);
        }
        world_close(&copy);
        *byte = before;
    }
    buffer_free(&stream);
    world_close(&world);
}

static void test_abort_and_cut_again(void **state)
{
    (void)state;
    struct world world, copy;
    world_open(&world, NULL);
    life_begin(&life, 9, 4);
    go_on(&world, 1000);
    struct buffer stream = {0};
    queue_ops.cut_begin(world.machine);
    queue_ops.cut_read(world.machine, 500, &stream);
    go_on(&world, 100);
    assert_true(queue_ops.cut_pending(world.machine) != 0);
    queue_ops.cut_abort(world.machine);
    assert_int_equal(queue_ops.cut_pending(world.machine), 0);
    assert_false(queue_ops.cut_read(world.machine, 500, &stream));
    buffer_clear(&stream);
    go_on(&world, 100);
    make_stream(&world, &stream);
    open_copy(&copy, &world);
    assert_true(feed(&copy, buffer_slice(&stream)));
    assert_true(queue_ops.digest(copy.machine) == queue_ops.digest(world.machine));
    buffer_free(&stream);
    world_close(&copy);
    world_close(&world);
}

static int free_step(void **state)
{
    (void)state;
    buffer_free(&step.command);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_while_changing),
        cmocka_unit_test(test_copy_continues_like_the_original),
        cmocka_unit_test(test_log_after_cut_leads_to_the_same_state),
        cmocka_unit_test(test_incomplete_stream_is_refused),
        cmocka_unit_test(test_damaged_stream_never_passes_as_another_state),
        cmocka_unit_test(test_abort_and_cut_again),
    };
    return cmocka_run_group_tests(tests, NULL, free_step);
}
