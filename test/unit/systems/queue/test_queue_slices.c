/* That no call of the queue stalls, however much it holds: seen by what each call did, not by a
 * clock. A cut is read, a machine is freed and pre-images are handed out in slices; a slice that is
 * not one makes the counts below fall. */
#include "queue_world.h"

enum { JOBS = 40000, PAGE_JOBS = 32, SLICE = 64 << 10, BIG_JOBS = 64, BIG_BYTES = 60000 };

static struct buffer slice;

static void put_jobs(struct world *world, unsigned count)
{
    for (unsigned i = 0; i < count; i++) world_tell(world, "1 put 0 0 60 a");
    buffer_clear(&world->heard);
}

static void delete_jobs(struct world *world, unsigned from, unsigned to)
{
    char line[40];
    for (unsigned id = from; id <= to; id++) {
        snprintf(line, sizeof line, "1 delete %u", id);
        world_tell(world, line);
    }
    buffer_clear(&world->heard);
}

/* One call; how many bytes it wrote. */
static size_t read_slice(struct world *world, bool *more)
{
    buffer_clear(&slice);
    *more = queue_ops.cut_read(world->machine, SLICE, &slice);
    return slice.size;
}

/* What was put since the cut writes nothing, and is passed by in many calls, not in one. */
static void test_a_cut_passes_by_what_is_new_in_slices(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    world.unchecked = true;
    put_jobs(&world, 1);
    queue_ops.cut_begin(world.machine);
    put_jobs(&world, JOBS);
    unsigned calls = 0, silent = 0;
    for (bool more = true; more; calls++) silent += read_slice(&world, &more) == 0;
    assert_true(calls > JOBS / PAGE_JOBS / MACHINE_WORK_MAX);
    assert_true(silent > 0);
    world_close(&world);
}

/* A page of large jobs is more than a slice. */
static void test_a_slice_exceeds_its_size_by_one_job_at_most(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    world.unchecked = true;
    char *line = malloc(BIG_BYTES + 64);
    assert_non_null(line);
    int head = sprintf(line, "1 put 0 0 60 ");
    memset(line + head, 'b', BIG_BYTES);
    line[head + BIG_BYTES] = 0;
    for (unsigned i = 0; i < BIG_JOBS; i++) world_tell(&world, line);
    queue_ops.cut_begin(world.machine);
    size_t total = 0;
    for (bool more = true; more;) {
        size_t size = read_slice(&world, &more);
        assert_true(size < SLICE + BIG_BYTES + 1000);
        total += size;
    }
    assert_true(total > (size_t)BIG_JOBS * BIG_BYTES);
    free(line);
    world_close(&world);
}

/* A cut while everything is deleted: all of it waits as pre-images, and leaves in slices. */
static void test_pre_images_leave_in_slices(void **state)
{
    (void)state;
    struct world world, copy;
    world_open(&world, NULL);
    world.unchecked = true;
    put_jobs(&world, JOBS);
    uint64_t digest = queue_ops.digest(world.machine);
    queue_ops.cut_begin(world.machine);
    delete_jobs(&world, 1, JOBS);
    uint64_t pending = queue_ops.cut_pending(world.machine);
    assert_true(pending > (uint64_t)JOBS * 40);
    world_open(&copy, NULL);
    copy.unchecked = true;
    for (bool more = true; more;) {
        uint64_t before = queue_ops.cut_pending(world.machine);
        size_t size = read_slice(&world, &more);
        assert_true(size <= SLICE);
        if (before != 0) assert_int_equal(before - queue_ops.cut_pending(world.machine), size);
        assert_true(queue_ops.restore(copy.machine, buffer_slice(&slice)));
    }
    assert_true(queue_ops.restore_end(copy.machine));
    assert_true(queue_ops.digest(copy.machine) == digest);
    world_close(&copy);
    world_close(&world);
}

static void test_a_machine_is_freed_in_slices(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    world.unchecked = true;
    put_jobs(&world, JOBS);
    unsigned calls = 1;
    while (!queue_ops.destroy(world.machine)) calls++;
    assert_true(calls > JOBS / (MACHINE_WORK_MAX + PAGE_JOBS));
    buffer_free(&world.heard);
}

/* Tubes that changed during the cut come ahead of their turn: the copy lists all in order again. */
static void test_tubes_keep_their_order(void **state)
{
    (void)state;
    struct world world, copy;
    world_open(&world, NULL);
    char line[64];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "1 use tube-%u", i);
        world_tell(&world, line);
        world_tell(&world, "1 put 0 0 60 a");
    }
    queue_ops.cut_begin(world.machine);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(line, sizeof line, "1 use tube-%u", i * 37 % 100);
        world_tell(&world, line);
        world_tell(&world, "1 put 0 0 60 a");
    }
    struct buffer stream = {0};
    while (queue_ops.cut_read(world.machine, 300, &stream)) {
        snprintf(line, sizeof line, "1 use tube-%zu", stream.size * 31 % 100);
        world_tell(&world, line);
        world_tell(&world, "1 put 0 0 60 a");
    }
    world_open(&copy, NULL);
    assert_true(queue_ops.restore(copy.machine, buffer_slice(&stream)));
    assert_true(queue_ops.restore_end(copy.machine));
    world_check(&copy);
    buffer_clear(&world.heard);
    world_tell(&world, "1 list-tubes");
    world_tell(&copy, "1 list-tubes");
    assert_true(slice_equal(buffer_slice(&world.heard), buffer_slice(&copy.heard)));
    buffer_free(&stream);
    world_close(&copy);
    world_close(&world);
}

static int free_slice(void **state)
{
    (void)state;
    buffer_free(&slice);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cut_passes_by_what_is_new_in_slices),
        cmocka_unit_test(test_a_slice_exceeds_its_size_by_one_job_at_most),
        cmocka_unit_test(test_pre_images_leave_in_slices),
        cmocka_unit_test(test_a_machine_is_freed_in_slices),
        cmocka_unit_test(test_tubes_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, free_slice);
}
