/* The retry policy, the shape of statistics, and the codec of commands. */
#include "systems/queue/machine/internal.h"
#include "queue_world.h"

static struct world w;

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
    return 0;
}

#define RUN(line, expected) world_run(&w, line, expected)
#define WAIT(ms, expected) world_wait(&w, ms, expected)

/* Retry policy */

static void test_backoff_grows_to_its_cap(void **state)
{
    (void)state;
    struct tube_policy policy = {.base_ms = 100, .factor_permille = 2000, .cap_ms = 500};
    const uint64_t expected_ms[] = {100, 200, 400, 500, 500};
    for (uint32_t n = 1; n <= 5; n++) {
        assert_int_equal(queue_policy_backoff_us(w.machine, &policy, 7, n),
                         expected_ms[n - 1] * 1000);
    }
    policy = (struct tube_policy){
        .base_ms = UINT32_MAX, .factor_permille = UINT32_MAX, .cap_ms = UINT32_MAX};
    assert_int_equal(queue_policy_backoff_us(w.machine, &policy, 7, 1000),
                     UINT32_MAX * UINT64_C(1000));
}

static void test_jitter_is_seeded_and_bounded(void **state)
{
    (void)state;
    const struct tube_policy policy = {
        .base_ms = 1000, .factor_permille = 1000, .cap_ms = 60000, .jitter_permille = 250};
    bool differs = false;
    uint64_t first = queue_policy_backoff_us(w.machine, &policy, 1, 1);
    for (uint64_t id = 1; id < 1000; id++) {
        uint64_t wait = queue_policy_backoff_us(w.machine, &policy, id, 1);
        assert_true(wait >= 750000 && wait <= 1000000);
        assert_true(wait == queue_policy_backoff_us(w.machine, &policy, id, 1));
        differs |= wait != first;
    }
    assert_true(differs);
}

static void test_attempts_back_off_and_then_die(void **state)
{
    (void)state;
    RUN("1 policy-set default 3 1000 2000 60000 0 morgue", "1 POLICY_SET");
    RUN("1 put 5 0 2 x", "1 INSERTED 1");
    RUN("2 reserve", "2 RESERVED 1 x");
    RUN("2 release 1 5 0", "2 RELEASED"); /* the first attempt: a second of waiting */
    RUN("2 reserve", "");
    WAIT(999, "");
    WAIT(1, "2 RESERVED 1 x");
    WAIT(2000, ""); /* the second runs out of time: two seconds */
    RUN("2 reserve", "");
    WAIT(1999, "");
    WAIT(1, "2 RESERVED 1 x");
    RUN("2 release 1 5 0", "2 RELEASED"); /* the third was the last */
    RUN("1 list-tubes", "1 OK ---\n- default\n- morgue\n");
    RUN("1 stats-job 1",
        "1 OK ---\nid: 1\ntube: \"morgue\"\nstate: ready\npri: 5\nage: 5\ndelay: 0\nttr: 2\n"
        "time-left: 0\nfile: 0\nreserves: 3\ntimeouts: 1\nreleases: 2\nburies: 0\nkicks: 0\n"
        "attempts: 3\ndead-from: \"default\"\n"
        "attempt-1-cause: release\nattempt-1-time: 1700000000\n"
        "attempt-2-cause: timeout\nattempt-2-time: 1700000003\n"
        "attempt-3-cause: release\nattempt-3-time: 1700000005\n");
    RUN("3 watch morgue", "3 WATCHING 2");
    RUN("3 reserve", "3 RESERVED 1 x");   /* its body as it was, for anybody to look at */
    RUN("3 release 1 5 0", "3 RELEASED"); /* no policy there */
    RUN("3 reserve", "3 RESERVED 1 x");
}

static void test_a_longer_release_holds(void **state)
{
    (void)state;
    RUN("1 policy-set default 9 1000 1000 1000 0 ", "1 POLICY_SET");
    RUN("1 put 0 0 60 x", "1 INSERTED 1");
    RUN("2 reserve", "2 RESERVED 1 x");
    RUN("2 release 1 0 5", "2 RELEASED");
    RUN("2 reserve", "");
    WAIT(4999, "");
    WAIT(1, "2 RESERVED 1 x");
}

static void test_without_a_dead_letter_tube_it_is_buried(void **state)
{
    (void)state;
    RUN("1 policy-set default 1 0 1000 0 0 default", "1 POLICY_SET"); /* itself: none */
    RUN("1 put 0 0 60 x", "1 INSERTED 1");
    RUN("2 reserve", "2 RESERVED 1 x");
    RUN("2 release 1 0 0", "2 RELEASED");
    RUN("1 peek-buried", "1 FOUND 1 x");
    RUN("1 kick 1", "1 KICKED 1");
    RUN("2 reserve", "2 RESERVED 1 x");
    RUN("2 end", ""); /* counts as no attempt */
    RUN("1 peek-ready", "1 FOUND 1 x");
}

static void test_policy_is_shown_and_kept(void **state)
{
    (void)state;
    RUN("1 policy-get a", "1 NOT_FOUND");
    RUN("1 policy-set a 5 100 1500 9000 300 b", "1 POLICY_SET");
    RUN("1 end", "");
    RUN("2 policy-get a",
        "2 OK ---\ntube: \"a\"\nattempts-max: 5\nbase-ms: 100\nfactor-permille: 1500\n"
        "cap-ms: 9000\njitter-permille: 300\ndead-tube: \"b\"\n");
    RUN("2 policy-set a 0 0 1000 0 0 ", "2 POLICY_SET"); /* off: the tube goes */
    RUN("2 policy-get a", "2 NOT_FOUND");
    RUN("2 policy-get default", "2 NOT_FOUND"); /* a tube that lives, without one */
}

static void test_history_keeps_the_last_attempts(void **state)
{
    (void)state;
    RUN("1 policy-set default 100 0 1000 0 0 ", "1 POLICY_SET");
    RUN("1 put 0 0 60 x", "1 INSERTED 1");
    for (int i = 0; i < 20; i++) {
        RUN("2 reserve", "2 RESERVED 1 x");
        RUN("2 release 1 0 0", "2 RELEASED");
        WAIT(1000, "");
    }
    world_tell(&w, "1 stats-job 1");
    const char *heard = world_heard(&w);
    assert_non_null(strstr(heard, "\nattempts: 20\n"));
    assert_non_null(strstr(heard, "\nattempt-1-time: 1700000004\n"));
    assert_non_null(strstr(heard, "\nattempt-16-time: 1700000019\n"));
    assert_null(strstr(heard, "attempt-17"));
    assert_null(strstr(heard, "dead-from"));
}

/* Statistics */

static void test_stats_tube(void **state)
{
    (void)state;
    RUN("1 use a.b", "1 USING a.b");
    RUN("1 put 7 0 60 x", "1 INSERTED 1");
    RUN("2 watch a.b", "2 WATCHING 2");
    RUN("1 stats-tube a.b",
        "1 OK ---\nname: \"a.b\"\ncurrent-jobs-urgent: 1\ncurrent-jobs-ready: 1\n"
        "current-jobs-reserved: 0\ncurrent-jobs-delayed: 0\ncurrent-jobs-buried: 0\n"
        "total-jobs: 1\ncurrent-using: 1\ncurrent-watching: 1\ncurrent-waiting: 0\n"
        "cmd-delete: 0\ncmd-pause-tube: 0\npause: 0\npause-time-left: 0\n");
}

static void test_stats_job(void **state)
{
    (void)state;
    RUN("1 put 7 3 60 x", "1 INSERTED 1");
    RUN("1 stats-job 1",
        "1 OK ---\nid: 1\ntube: \"default\"\nstate: delayed\npri: 7\nage: 0\ndelay: 3\nttr: 60\n"
        "time-left: 3\nfile: 0\nreserves: 0\ntimeouts: 0\nreleases: 0\nburies: 0\nkicks: 0\n");
    RUN("1 stats-job 2", "1 NOT_FOUND");
}

/* Field by field as 1.13 prints them. */
static void test_stats(void **state)
{
    (void)state;
    RUN("1 put 7 0 60 x", "1 INSERTED 1");
    RUN("1 peek 1", "1 FOUND 1 x");
    RUN("2 reserve-with-timeout 9", "2 RESERVED 1 x");
    w.facts = (struct machine_facts){.clients = 3,
                                     .clients_total = 4,
                                     .uptime_s = 5,
                                     .node = 0xAB,
                                     .pid = 6,
                                     .user_time_us = 1234567,
                                     .os = slice_text("#1 \"SMP\"")};
    uint64_t digest = queue_ops.digest(w.machine);
    RUN("1 stats",
        "1 OK ---\ncurrent-jobs-urgent: 0\ncurrent-jobs-ready: 0\ncurrent-jobs-reserved: 1\n"
        "current-jobs-delayed: 0\ncurrent-jobs-buried: 0\ncmd-put: 1\ncmd-peek: 1\n"
        "cmd-peek-ready: 0\ncmd-peek-delayed: 0\ncmd-peek-buried: 0\ncmd-reserve: 0\n"
        "cmd-reserve-with-timeout: 1\ncmd-delete: 0\ncmd-release: 0\ncmd-use: 0\ncmd-watch: 0\n"
        "cmd-ignore: 0\ncmd-bury: 0\ncmd-kick: 0\ncmd-touch: 0\ncmd-stats: 1\ncmd-stats-job: 0\n"
        "cmd-stats-tube: 0\ncmd-list-tubes: 0\ncmd-list-tube-used: 0\n"
        "cmd-list-tubes-watched: 0\ncmd-pause-tube: 0\njob-timeouts: 0\ntotal-jobs: 1\n"
        "max-job-size: 65535\ncurrent-tubes: 1\ncurrent-connections: 3\ncurrent-producers: 1\n"
        "current-workers: 1\ncurrent-waiting: 0\ntotal-connections: 4\npid: 6\n"
        "version: \"1.13+quartet\"\nrusage-utime: 1.234567\nrusage-stime: 0.000000\nuptime: 5\n"
        "binlog-oldest-index: 0\nbinlog-current-index: 0\nbinlog-records-migrated: 0\n"
        "binlog-records-written: 0\nbinlog-max-size: 0\ndraining: false\n"
        "id: 00000000000000ab\nhostname: \"unknown\"\nos: \"#1 SMP\"\nplatform: \"unknown\"\n");
    assert_true(queue_ops.digest(w.machine) == digest); /* queries change nothing */
}

/* Of the node that is asked: a machine that a snapshot made a moment ago knows it as well. */
static void test_stats_keeps_no_facts(void **state)
{
    (void)state;
    w.facts = (struct machine_facts){.pid = 6, .draining = true, .request_size_max = 1000};
    RUN("1 peek 1", "1 NOT_FOUND");
    world_tell(&w, "1 stats");
    const char *heard = world_heard(&w);
    assert_non_null(strstr(heard, "\npid: 6\n"));
    assert_non_null(strstr(heard, "\ndraining: true\n"));
    assert_non_null(strstr(heard, "\nmax-job-size: 1000\n"));
    w.facts = (struct machine_facts){.pid = 7};
    world_tell(&w, "1 stats");
    heard = world_heard(&w);
    assert_non_null(strstr(heard, "\npid: 7\n"));
    assert_non_null(strstr(heard, "\ndraining: false\n"));
    assert_non_null(strstr(heard, "\nmax-job-size: 65535\n"));
}

/* Codec */

static const char *const spoken[] = {
    "put 1 2 3 body",
    "use a",
    "reserve",
    "reserve-with-timeout 3",
    "reserve-job 1",
    "delete 1",
    "bury 1 2",
    "touch 1",
    "release 1 2 3",
    "watch a",
    "ignore a",
    "kick 3",
    "kick-job 1",
    "pause-tube a 3",
    "peek 1",
    "peek-ready",
    "stats",
    "stats-job 1",
    "stats-tube a",
    "policy-get a",
    "policy-set a 5 100 1500 9000 300 b",
};

static void test_malformed_commands_change_nothing(void **state)
{
    (void)state;
    uint64_t digest = queue_ops.digest(w.machine);
    const struct session_key key = {.node = 1, .incarnation = 1, .connection = 1};
    for (size_t i = 0; i < sizeof spoken / sizeof *spoken; i++) {
        const char *line = spoken[i];
        struct queue_command command = world_parse(&line), again;
        struct buffer bytes = {0};
        queue_command_encode(&command, &bytes);
        assert_true(queue_command_decode(buffer_slice(&bytes), &again));
        assert_int_equal(again.op, command.op);
        for (size_t size = 0; size < bytes.size; size++) {
            struct slice part = slice_of(buffer_slice(&bytes).data, size);
            if (queue_command_decode(part, &again)) continue; /* a shorter name or body */
            queue_ops.apply(w.machine, &key, part);
            struct machine_time now = world_time(&w);
            queue_ops.query(w.machine, &key, part, &now, &w.facts);
        }
        buffer_free(&bytes);
    }
    world_expect(&w, "");
    assert_true(queue_ops.digest(w.machine) == digest);
}

static void expect_malformed(struct queue_command command)
{
    struct buffer bytes = {0};
    queue_command_encode(&command, &bytes);
    assert_false(queue_command_decode(buffer_slice(&bytes), &command));
    buffer_free(&bytes);
}

static void test_values_out_of_bounds_are_malformed(void **state)
{
    (void)state;
    struct queue_command policy = {.op = QUEUE_POLICY_SET, .tube = slice_text("a")};
    policy.policy.factor_permille = 1000;
    struct queue_command bad = policy;
    bad.policy.factor_permille = 999;
    expect_malformed(bad);
    bad = policy;
    bad.policy.jitter_permille = 1001;
    expect_malformed(bad);
    bad = policy;
    bad.policy.attempts_max = QUEUE_ATTEMPTS_MAX + 1;
    expect_malformed(bad);
    bad = policy;
    bad.policy.dead_tube = slice_text("-");
    expect_malformed(bad);
    static const char *const names[] = {"", "-a", "a b", "a\"", "a\n", "\xC3\xA4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        expect_malformed((struct queue_command){.op = QUEUE_USE, .tube = slice_text(names[i])});
    }
    char longest[QUEUE_TUBE_NAME_SIZE_MAX + 1];
    memset(longest, 'a', sizeof longest);
    expect_malformed(
        (struct queue_command){.op = QUEUE_WATCH, .tube = slice_of(longest, sizeof longest)});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_backoff_grows_to_its_cap),
        TEST(test_jitter_is_seeded_and_bounded),
        TEST(test_attempts_back_off_and_then_die),
        TEST(test_a_longer_release_holds),
        TEST(test_without_a_dead_letter_tube_it_is_buried),
        TEST(test_policy_is_shown_and_kept),
        TEST(test_history_keeps_the_last_attempts),
        TEST(test_stats_tube),
        TEST(test_stats_job),
        TEST(test_stats),
        TEST(test_stats_keeps_no_facts),
        TEST(test_malformed_commands_change_nothing),
        TEST(test_values_out_of_bounds_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
