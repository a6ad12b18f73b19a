/* What Prometheus is told, and of which tubes. */
#include "queue_world.h"

enum { TUBES = 3 * QUEUE_METRICS_TUBES_MAX };

static struct world w;
static struct buffer shown;

static int setup(void **state)
{
    (void)state;
    world_open(&w, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_close(&w);
    buffer_free(&shown);
    return 0;
}

#define RUN(line, expected) world_run(&w, line, expected)
#define WAIT(ms, expected) world_wait(&w, ms, expected)

static void test_metrics(void **state)
{
    (void)state;
    RUN("1 put 0 0 60 x", "1 INSERTED 1");
    RUN("1 put 0 0 60 y", "1 INSERTED 2");
    WAIT(2500, "");
    RUN("2 reserve", "2 RESERVED 1 x");
    WAIT(300, "");
    RUN("2 delete 1", "2 DELETED");
    struct buffer out = {0};
    queue_ops.metrics(w.machine, &out);
    buffer_put_u8(&out, 0);
    const char *text = (const char *)buffer_slice(&out).data;
    static const char *const lines[] = {
        "\nquartet_queue_jobs{state=\"ready\"} 1\n",
        "\nquartet_queue_tube_jobs{tube=\"default\",state=\"ready\"} 1\n",
        "\nquartet_queue_tube_oldest_ready_seconds{tube=\"default\"} 2\n",
        "\nquartet_queue_tube_age_at_reserve_seconds_bucket{tube=\"default\",le=\"1\"} 0\n",
        "\nquartet_queue_tube_age_at_reserve_seconds_bucket{tube=\"default\",le=\"5\"} 1\n",
        "\nquartet_queue_tube_age_at_reserve_seconds_sum{tube=\"default\"} 2.500\n",
        "\nquartet_queue_reserve_to_delete_seconds_bucket{le=\"0.25\"} 0\n",
        "\nquartet_queue_reserve_to_delete_seconds_bucket{le=\"+Inf\"} 1\n",
        "\nquartet_queue_reserve_to_delete_seconds_sum 0.300\n",
        "\nquartet_queue_reserve_to_delete_seconds_count 1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(text, lines[i]) == NULL) fail_msg("missing %s in %s", lines[i], text);
    }
    buffer_free(&out);
}

/* Whether it has lines of its own. */
static bool is_shown(unsigned number)
{
    char line[80];
    snprintf(line, sizeof line, "\nquartet_queue_tube_jobs{tube=\"t%u\",state=\"ready\"} ", number);
    return strstr((const char *)shown.data, line) != NULL;
}

static void show(uint32_t not_shown)
{
    char line[80];
    buffer_clear(&shown);
    queue_ops.metrics(w.machine, &shown);
    buffer_put_u8(&shown, 0);
    snprintf(line, sizeof line, "\nquartet_queue_tubes_not_shown %u\n", not_shown);
    assert_non_null(strstr((const char *)shown.data, line));
}

static void put(unsigned number)
{
    char line[40];
    snprintf(line, sizeof line, "1 use t%u", number);
    world_tell(&w, line);
    world_tell(&w, "1 put 0 0 60 x");
}

static void few_tubes_are_all_shown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < QUEUE_METRICS_TUBES_MAX - 1; i++) put(i);
    show(0);
    for (unsigned i = 0; i < QUEUE_METRICS_TUBES_MAX - 1; i++) assert_true(is_shown(i));
}

/* The tube made last has the largest backlog, and the one before it the oldest job: each of the
 * others has got a new job, and lost its first. */
static void of_many_tubes_those_are_shown_that_are_in_trouble(void **state)
{
    (void)state;
    char line[40];
    w.unchecked = true;
    for (unsigned i = 0; i < TUBES; i++) put(i);
    world_heard(&w);
    WAIT(60000, "");
    for (unsigned i = 0; i < TUBES; i++) {
        if (i == TUBES - 2) continue;
        put(i);
        if (i == TUBES - 1) put(i);
        snprintf(line, sizeof line, "1 delete %u", i + 1);
        world_tell(&w, line);
    }
    show(1 + TUBES - QUEUE_METRICS_TUBES_MAX);
    assert_true(is_shown(TUBES - 1));
    assert_true(is_shown(TUBES - 2));
    assert_true(is_shown(0));
    assert_false(is_shown(TUBES - 3));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_metrics),
        TEST(few_tubes_are_all_shown),
        TEST(of_many_tubes_those_are_shown_that_are_in_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
