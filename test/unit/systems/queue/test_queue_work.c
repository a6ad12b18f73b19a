/* No call stalls: what exceeds a call's work is left to cursors, and what must look atomic does.
 * Counted are the replies of one call, or the jobs that one call moved. */
#include "systems/queue/machine/internal.h"
#include "queue_world.h"

static struct world w;

static int setup(void **state)
{
    (void)state;
    world_open(&w, NULL);
    w.unchecked = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    queue_ops.check(w.machine);
    world_close(&w);
    return 0;
}

static const struct queue *machine(void)
{
    return w.machine;
}

static void tell(const char *format, unsigned number)
{
    char line[128];
    snprintf(line, sizeof line, format, number);
    world_tell(&w, line);
}

static void put_jobs(unsigned count, const char *line)
{
    for (unsigned i = 0; i < count; i++) world_tell(&w, line);
    buffer_clear(&w.heard);
}

static unsigned heard_count(const char *word)
{
    unsigned count = 0;
    for (const char *at = world_heard(&w); (at = strstr(at, word)) != NULL; at++) count++;
    return count;
}

static void test_kick_of_everything(void **state)
{
    (void)state;
    put_jobs(10000, "1 put 0 1000 60 x");
    uint64_t delayed = machine()->jobs[QUEUE_JOB_DELAYED];
    world_tell(&w, "1 kick 4294967295");
    world_expect(&w, "");
    assert_true(machine()->jobs[QUEUE_JOB_DELAYED] >= delayed - MACHINE_WORK_MAX);
    world_run(&w, "2 list-tube-used", "2 USING default"); /* others go on meanwhile */
    assert_true(queue_ops.deadline(w.machine).elapsed_us == 0);
    unsigned calls = world_drain(&w);
    assert_true(calls >= 10000 / MACHINE_WORK_MAX - 1 && calls < 10000 / MACHINE_WORK_MAX * 4);
    world_expect(&w, "1 KICKED 10000");
}

/* The protocol lets commands follow such a kick at once (QUEUE_KICK in queue.h). */
static void test_small_kick_never_waits(void **state)
{
    (void)state;
    put_jobs(MACHINE_WORK_MAX, "1 put 0 1000 60 x");
    for (unsigned i = 0; i < 300; i++) {
        tell("%u watch a", 10 + i);
        tell("%u reserve", 10 + i);
    }
    buffer_clear(&w.heard);
    char line[64];
    snprintf(line, sizeof line, "1 kick %u", MACHINE_WORK_MAX);
    world_tell(&w, line);
    char expected[64];
    snprintf(expected, sizeof expected, "; 1 KICKED %u", MACHINE_WORK_MAX);
    assert_non_null(strstr(world_heard(&w), expected));
    world_drain(&w);
    assert_int_equal(machine()->jobs[QUEUE_JOB_RESERVED], MACHINE_WORK_MAX);
}

static void test_kick_outlives_its_session(void **state)
{
    (void)state;
    put_jobs(2000, "1 put 0 1000 60 x");
    world_tell(&w, "2 kick 2000");
    world_tell(&w, "2 end");
    world_drain(&w);
    world_expect(&w, "");
    assert_int_equal(machine()->jobs[QUEUE_JOB_READY], 2000);
    assert_int_equal(machine()->sessions.count, 1);
}

static void test_many_reservations_end_at_one_stamp(void **state)
{
    (void)state;
    put_jobs(20000, "1 put 0 0 10 x");
    for (unsigned i = 0; i < 20000; i++) tell("%u reserve", 1 + i % 100);
    buffer_clear(&w.heard);
    w.elapsed_us += 10000000;
    world_advance(&w, w.machine);
    assert_true(machine()->job_timeouts > 0 && machine()->job_timeouts <= MACHINE_WORK_MAX);
    world_drain(&w);
    assert_int_equal(machine()->job_timeouts, 20000);
    assert_int_equal(machine()->jobs[QUEUE_JOB_READY], 20000);
}

static void test_many_delays_end_at_one_stamp(void **state)
{
    (void)state;
    put_jobs(5000, "1 put 0 7 60 x");
    for (unsigned i = 0; i < 300; i++) tell("%u reserve", 10 + i);
    w.due_us += 7000000;
    world_advance(&w, w.machine);
    unsigned reserved = heard_count("RESERVED");
    assert_true(reserved > 0 && reserved <= MACHINE_WORK_MAX);
    world_drain(&w);
    assert_int_equal(reserved + heard_count("RESERVED"), 300);
    assert_int_equal(machine()->jobs[QUEUE_JOB_READY], 4700);
}

static void test_end_of_a_pause_with_many_waiters(void **state)
{
    (void)state;
    put_jobs(3000, "1 put 0 0 60 x");
    world_run(&w, "1 pause-tube default 5", "1 PAUSED");
    for (unsigned i = 0; i < 3000; i++) tell("%u reserve", 10 + i);
    world_expect(&w, "");
    w.elapsed_us += 5000000;
    world_advance(&w, w.machine);
    unsigned reserved = heard_count("RESERVED");
    assert_true(reserved > 0 && reserved <= MACHINE_WORK_MAX);
    world_drain(&w);
    assert_int_equal(reserved + heard_count("RESERVED"), 3000);
}

static void test_session_end_with_many_jobs(void **state)
{
    (void)state;
    put_jobs(5000, "1 put 0 0 60 x");
    for (unsigned i = 0; i < 5000; i++) world_tell(&w, "2 reserve");
    buffer_clear(&w.heard);
    world_tell(&w, "2 end");
    assert_true(machine()->jobs[QUEUE_JOB_READY] <= MACHINE_WORK_MAX);
    world_run(&w, "2 list-tube-used", "2 USING default"); /* the key is free again */
    world_drain(&w);
    assert_int_equal(machine()->jobs[QUEUE_JOB_READY], 5000);
    assert_int_equal(machine()->sessions.count, 1);
}

static void test_origin_end_matches_nobody_from_then_on(void **state)
{
    (void)state;
    put_jobs(3000, "1 put 0 0 60 x");
    for (unsigned i = 0; i < 3000; i++) tell("2.%u reserve", 1 + i);
    buffer_clear(&w.heard);
    for (unsigned i = 0; i < 3000; i++) tell("2.%u reserve", 1 + i); /* all hold, all wait */
    world_expect(&w, "");
    world_tell(&w, "7 reserve");
    queue_ops.origin_end(w.machine, 2, 1);
    world_drain(&w);
    world_expect(&w, "7 RESERVED 1 x"); /* not one of the dead heard a word */
    assert_int_equal(machine()->jobs[QUEUE_JOB_READY], 2999);
    assert_int_equal(machine()->waiting, 0);
    assert_int_equal(machine()->sessions.count, 2);
}

static void test_put_behind_a_crowd_of_dead_waiters(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++) tell("2.%u reserve", 1 + i);
    world_tell(&w, "7 reserve");
    queue_ops.origin_end(w.machine, 2, 1);
    world_tell(&w, "1 put 0 0 60 x");
    world_drain(&w);
    world_expect(&w, "1 INSERTED 1; 7 RESERVED 1 x");
}

static void test_watch_limit(void **state)
{
    (void)state;
    for (unsigned i = 1; i < QUEUE_WATCH_MAX; i++) tell("1 watch t%u", i);
    buffer_clear(&w.heard);
    world_run(&w, "1 watch more", "1 OUT_OF_MEMORY");
    world_run(&w, "1 watch t1", "1 WATCHING 1024");
    world_run(&w, "1 stats-tube more", "1 NOT_FOUND");
    world_tell(&w, "1 reserve");
    world_tell(&w, "2 use t77");
    buffer_clear(&w.heard);
    world_run(&w, "2 put 0 0 60 x", "2 INSERTED 1; 1 RESERVED 1 x");
    world_tell(&w, "1 end");
    world_drain(&w);
    assert_int_equal(machine()->tubes.count, 2);
}

static void test_memory_limit(void **state)
{
    (void)state;
    world_close(&w);
    const struct queue_options options = {.bytes_max = 100000};
    world_open(&w, &options);
    unsigned puts = 0;
    for (; puts < 10000; puts++) {
        world_tell(&w, "1 put 0 0 60 0123456789012345678901234567890123456789");
        if (strcmp(world_heard(&w), "1 OUT_OF_MEMORY") == 0) break;
    }
    assert_true(puts > 300 && puts < 1000);
    world_tell(&w, "1 reserve");
    buffer_clear(&w.heard);
    for (unsigned id = 1; id <= 5; id++) tell("1 delete %u", id);
    buffer_clear(&w.heard);
    world_tell(&w, "1 put 0 0 60 fits again");
    assert_non_null(strstr(world_heard(&w), "INSERTED"));
    while (queue_jobs_count(w.machine) != 0) {
        world_tell(&w, "1 reserve");
        const char *heard = world_heard(&w);
        tell("1 delete %u", (unsigned)strtoul(heard + strlen("1 RESERVED "), NULL, 10));
        world_expect(&w, "1 DELETED");
    }
    assert_true(queue_ops.bytes(w.machine) < 10000); /* nothing is counted that is not there */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_kick_of_everything),
        TEST(test_small_kick_never_waits),
        TEST(test_kick_outlives_its_session),
        TEST(test_many_reservations_end_at_one_stamp),
        TEST(test_many_delays_end_at_one_stamp),
        TEST(test_end_of_a_pause_with_many_waiters),
        TEST(test_session_end_with_many_jobs),
        TEST(test_origin_end_matches_nobody_from_then_on),
        TEST(test_put_behind_a_crowd_of_dead_waiters),
        TEST(test_watch_limit),
        TEST(test_memory_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
