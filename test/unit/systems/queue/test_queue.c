/* The work queue, command by command, with its corners. Where nothing else is said, what is
 * expected is what beanstalkd 1.13 does (its doc/protocol.txt, and prot.c for what that leaves
 * open). */
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

/* One value of a YAML reply; fails when the field is not there. */
static uint64_t field(const char *query, const char *name)
{
    world_tell(&w, query);
    char key[128];
    snprintf(key, sizeof key, "\n%s: ", name);
    const char *at = strstr(world_heard(&w), key);
    if (at == NULL) fail_msg("%s has no %s", query, name);
    return strtoull(at + strlen(key), NULL, 10);
}

static void test_put_reserve_delete(void **state)
{
    (void)state;
    RUN("1 put 10 0 60 hello", "1 INSERTED 1");
    RUN("1 put 10 0 60 world", "1 INSERTED 2");
    RUN("2 reserve", "2 RESERVED 1 hello");
    RUN("3 delete 1", "3 NOT_FOUND");
    RUN("2 delete 1", "2 DELETED");
    RUN("2 delete 1", "2 NOT_FOUND");
    RUN("3 delete 2", "3 DELETED"); /* ready: anybody's */
    RUN("2 reserve-with-timeout 0", "2 TIMED_OUT");
    RUN("1 put 10 0 60 ", "1 INSERTED 3"); /* an empty body */
    RUN("2 reserve", "2 RESERVED 3");
    assert_int_equal(queue_jobs_count(w.machine), 1);
}

static void test_priorities_across_tubes(void **state)
{
    (void)state;
    RUN("1 use a", "1 USING a");
    RUN("1 put 5 0 60 a5", "1 INSERTED 1");
    RUN("1 use b", "1 USING b");
    RUN("1 put 3 0 60 b3", "1 INSERTED 2");
    RUN("1 put 5 0 60 b5", "1 INSERTED 3");
    RUN("1 use c", "1 USING c");
    RUN("1 put 0 0 60 unseen", "1 INSERTED 4");
    RUN("2 watch a", "2 WATCHING 2");
    RUN("2 watch b", "2 WATCHING 3");
    RUN("2 reserve", "2 RESERVED 2 b3");
    RUN("2 reserve", "2 RESERVED 1 a5"); /* equal priorities: the smaller id */
    RUN("2 reserve", "2 RESERVED 3 b5");
    RUN("2 reserve-with-timeout 0", "2 TIMED_OUT");
}

static void test_waiters_take_turns(void **state)
{
    (void)state;
    RUN("1 reserve", "");
    RUN("2 reserve", "");
    RUN("3 reserve-with-timeout 5", "");
    RUN("9 put 0 0 60 a", "9 INSERTED 1; 1 RESERVED 1 a");
    RUN("1 delete 1", "1 DELETED");
    RUN("1 reserve", "");
    RUN("9 put 0 0 60 b", "9 INSERTED 2; 2 RESERVED 2 b");
    WAIT(4999, "");
    WAIT(1, "3 TIMED_OUT");
    RUN("9 put 0 0 60 c", "9 INSERTED 3; 1 RESERVED 3 c");
    RUN("9 put 0 0 60 d", "9 INSERTED 4");
}

static void test_waiter_in_many_tubes_is_served_once(void **state)
{
    (void)state;
    RUN("1 watch a", "1 WATCHING 2");
    RUN("1 watch b", "1 WATCHING 3");
    RUN("1 reserve", "");
    RUN("9 use b", "9 USING b");
    RUN("9 put 0 0 60 x", "9 INSERTED 1; 1 RESERVED 1 x");
    RUN("9 use a", "9 USING a");
    RUN("9 put 0 0 60 y", "9 INSERTED 2");
    assert_int_equal(field("9 stats-tube default", "current-waiting"), 0);
}

static void test_delay(void **state)
{
    (void)state;
    RUN("1 put 0 3 60 late", "1 INSERTED 1");
    RUN("1 put 9 2 60 soon", "1 INSERTED 2");
    RUN("1 peek-delayed", "1 FOUND 2 soon");
    RUN("2 reserve", "");
    WAIT(1999, "");
    assert_int_equal(field("1 stats-job 1", "time-left"), 1);
    WAIT(1, "2 RESERVED 2 soon");
    WAIT(1000, "");
    RUN("2 reserve", "2 RESERVED 1 late");
    RUN("1 put 0 100 60 deleted while delayed", "1 INSERTED 3");
    RUN("1 delete 3", "1 DELETED");
}

static void test_a_delay_goes_on_without_a_leader_and_ttr_does_not(void **state)
{
    (void)state;
    RUN("1 put 0 0 10 running", "1 INSERTED 1");
    RUN("1 put 0 100 10 delayed", "1 INSERTED 2");
    RUN("2 reserve", "2 RESERVED 1 running");
    w.due_us += UINT64_C(100000000); /* no leader for 100 s */
    world_drain(&w);
    RUN("3 reserve", "3 RESERVED 2 delayed");
    assert_int_equal(field("3 stats-job 1", "time-left"), 10);
    RUN("2 delete 1", "2 DELETED");
}

static void test_time_to_run(void **state)
{
    (void)state;
    RUN("1 put 0 0 0 short", "1 INSERTED 1"); /* 0 becomes 1 */
    assert_int_equal(field("1 stats-job 1", "ttr"), 1);
    RUN("2 reserve", "2 RESERVED 1 short");
    WAIT(999, "");
    RUN("2 touch 1", "2 TOUCHED");
    WAIT(999, "");
    RUN("3 touch 1", "3 NOT_FOUND");
    RUN("3 reserve", "");
    WAIT(1, "3 RESERVED 1 short");
    RUN("2 delete 1", "2 NOT_FOUND");
    RUN("2 touch 1", "2 NOT_FOUND");
    assert_int_equal(field("1 stats-job 1", "timeouts"), 1);
    assert_int_equal(field("1 stats-job 1", "reserves"), 2);
    assert_int_equal(field("1 stats", "job-timeouts"), 1);
    RUN("3 delete 1", "3 DELETED");
}

static void test_deadline_soon(void **state)
{
    (void)state;
    RUN("1 put 0 0 3 held", "1 INSERTED 1");
    RUN("2 reserve", "2 RESERVED 1 held");
    RUN("2 reserve-with-timeout 60", ""); /* more than a second left: it waits */
    WAIT(1999, "");
    WAIT(1, "2 DEADLINE_SOON");
    RUN("2 reserve", "2 DEADLINE_SOON");
    RUN("2 reserve-with-timeout 0", "2 DEADLINE_SOON");
    RUN("1 put 0 0 60 other", "1 INSERTED 2");
    RUN("2 reserve", "2 RESERVED 2 other"); /* a ready job goes before the warning */
    RUN("2 touch 1", "2 TOUCHED");
    RUN("2 reserve-with-timeout 1", "");
    WAIT(1000, "2 TIMED_OUT");
    RUN("2 reserve-with-timeout 1", "");
    WAIT(1000, "2 DEADLINE_SOON"); /* both at once: the warning */
    WAIT(1000, "");
    RUN("2 reserve", "2 RESERVED 1 held");
}

static void test_deadline_soon_with_a_paused_tube(void **state)
{
    (void)state;
    RUN("1 put 0 0 1 held", "1 INSERTED 1");
    RUN("2 reserve", "2 RESERVED 1 held");
    RUN("1 put 0 0 60 there", "1 INSERTED 2");
    RUN("1 pause-tube default 60", "1 PAUSED");
    RUN("2 reserve", "2 DEADLINE_SOON");
}

static void test_release(void **state)
{
    (void)state;
    RUN("1 put 5 0 60 a", "1 INSERTED 1");
    RUN("1 put 6 0 60 b", "1 INSERTED 2");
    RUN("2 reserve", "2 RESERVED 1 a");
    RUN("3 release 1 7 0", "3 NOT_FOUND");
    RUN("2 release 1 7 0", "2 RELEASED");
    RUN("2 reserve", "2 RESERVED 2 b");
    RUN("2 release 2 6 4", "2 RELEASED");
    assert_int_equal(field("2 stats-job 2", "delay"), 4);
    assert_int_equal(field("2 stats-job 1", "releases"), 1);
    assert_int_equal(field("2 stats-job 1", "pri"), 7);
    RUN("2 reserve", "2 RESERVED 1 a");
    RUN("2 reserve", "");
    WAIT(4000, "2 RESERVED 2 b");
    RUN("2 release 99 0 0", "2 NOT_FOUND");
}

static void test_bury_and_kick(void **state)
{
    (void)state;
    RUN("1 put 0 0 60 a", "1 INSERTED 1");
    RUN("1 put 0 0 60 b", "1 INSERTED 2");
    RUN("1 put 0 0 60 c", "1 INSERTED 3");
    RUN("1 put 0 60 60 delayed", "1 INSERTED 4");
    RUN("2 bury 1 9", "2 NOT_FOUND"); /* ready, not held */
    RUN("2 reserve", "2 RESERVED 1 a");
    RUN("2 reserve", "2 RESERVED 2 b");
    RUN("2 reserve", "2 RESERVED 3 c");
    RUN("2 bury 2 9", "2 BURIED");
    RUN("2 bury 1 8", "2 BURIED");
    RUN("2 bury 3 7", "2 BURIED");
    RUN("1 peek-buried", "1 FOUND 2 b"); /* first buried, first shown and kicked */
    assert_int_equal(field("1 stats-tube default", "current-jobs-buried"), 3);
    RUN("1 kick 2", "1 KICKED 2");
    RUN("1 peek-ready", "1 FOUND 1 a");
    RUN("2 reserve", "2 RESERVED 1 a");
    RUN("1 kick 100", "1 KICKED 1"); /* buried jobs only, while there are any */
    RUN("1 kick 100", "1 KICKED 1"); /* then delayed ones */
    RUN("1 kick 100", "1 KICKED 0");
    assert_int_equal(field("1 stats-job 4", "kicks"), 1);
    assert_int_equal(field("1 stats-job 3", "buries"), 1);
    assert_int_equal(field("1 stats", "current-jobs-ready"), 3);
}

static void test_kick_job(void **state)
{
    (void)state;
    RUN("1 put 0 60 60 a", "1 INSERTED 1");
    RUN("2 reserve", "");
    RUN("1 kick-job 1", "1 KICKED_JOB; 2 RESERVED 1 a");
    RUN("1 kick-job 1", "1 NOT_FOUND");
    RUN("2 bury 1 0", "2 BURIED");
    RUN("1 kick-job 1", "1 KICKED_JOB");
    RUN("1 kick-job 1", "1 NOT_FOUND");
    RUN("1 kick-job 2", "1 NOT_FOUND");
}

static void test_reserve_job(void **state)
{
    (void)state;
    RUN("1 use other", "1 USING other");
    RUN("1 put 0 0 60 ready", "1 INSERTED 1");
    RUN("1 put 0 60 60 delayed", "1 INSERTED 2");
    RUN("2 reserve-job 1", "2 RESERVED 1 ready"); /* in no tube that it watches */
    RUN("3 reserve-job 1", "3 NOT_FOUND");
    RUN("2 reserve-job 1", "2 NOT_FOUND");
    RUN("2 reserve-job 2", "2 RESERVED 2 delayed");
    RUN("2 bury 2 0", "2 BURIED");
    RUN("3 reserve-job 2", "3 RESERVED 2 delayed");
    RUN("3 reserve-job 7", "3 NOT_FOUND");
    assert_int_equal(field("3 stats", "current-workers"), 2);
}

static void test_watch_and_ignore(void **state)
{
    (void)state;
    RUN("1 ignore default", "1 NOT_IGNORED");
    RUN("1 ignore unknown", "1 WATCHING 1");
    RUN("1 watch a", "1 WATCHING 2");
    RUN("1 watch a", "1 WATCHING 2");
    RUN("1 watch b", "1 WATCHING 3");
    RUN("1 list-tubes-watched", "1 OK ---\n- default\n- a\n- b\n");
    RUN("1 ignore default", "1 WATCHING 2");
    RUN("1 list-tubes-watched", "1 OK ---\n- a\n- b\n");
    RUN("1 ignore a", "1 WATCHING 1");
    RUN("1 ignore b", "1 NOT_IGNORED");
    RUN("2 list-tubes-watched", "2 OK ---\n- default\n"); /* before its first command */
    RUN("2 list-tube-used", "2 USING default");
}

static void test_tubes_come_and_go(void **state)
{
    (void)state;
    RUN("1 use a", "1 USING a");
    RUN("1 list-tube-used", "1 USING a");
    RUN("1 put 0 0 60 x", "1 INSERTED 1");
    RUN("1 use b", "1 USING b");
    RUN("1 list-tubes", "1 OK ---\n- default\n- a\n- b\n");
    RUN("1 use default", "1 USING default");
    RUN("1 list-tubes", "1 OK ---\n- default\n- a\n");
    RUN("1 stats-tube b", "1 NOT_FOUND");
    RUN("1 pause-tube b 1", "1 NOT_FOUND");
    RUN("2 reserve-job 1", "2 RESERVED 1 x");
    RUN("2 list-tubes", "2 OK ---\n- default\n- a\n"); /* a held job keeps its tube */
    RUN("2 delete 1", "2 DELETED");
    RUN("2 list-tubes", "2 OK ---\n- default\n");
    RUN("3 watch c", "3 WATCHING 2");
    RUN("3 end", "");
    RUN("2 list-tubes", "2 OK ---\n- default\n");
}

static void test_pause(void **state)
{
    (void)state;
    RUN("1 put 0 0 60 a", "1 INSERTED 1");
    RUN("1 pause-tube default 5", "1 PAUSED");
    RUN("2 reserve", "");
    RUN("3 reserve-job 1", "3 RESERVED 1 a"); /* by its id even so */
    RUN("3 release 1 0 0", "3 RELEASED");
    WAIT(3000, "");
    assert_int_equal(field("1 stats-tube default", "pause"), 5);
    assert_int_equal(field("1 stats-tube default", "pause-time-left"), 2);
    WAIT(1999, "");
    WAIT(1, "2 RESERVED 1 a");
    assert_int_equal(field("1 stats-tube default", "pause"), 0);
    RUN("2 release 1 0 0", "2 RELEASED");
    RUN("1 pause-tube default 100", "1 PAUSED");
    RUN("2 reserve", "");
    RUN("1 pause-tube default 0", "1 PAUSED"); /* ends the pause */
    WAIT(1, "2 RESERVED 1 a");
    assert_int_equal(field("1 stats-tube default", "cmd-pause-tube"), 3);
}

static void test_session_end_gives_back(void **state)
{
    (void)state;
    RUN("1 put 7 0 60 a", "1 INSERTED 1");
    RUN("1 put 8 0 60 b", "1 INSERTED 2");
    RUN("2 reserve", "2 RESERVED 1 a");
    RUN("2 reserve", "2 RESERVED 2 b");
    RUN("2 reserve", "");
    RUN("3 reserve", "");
    RUN("2 end", "3 RESERVED 1 a");
    assert_int_equal(field("1 stats-job 2", "pri"), 8);
    assert_int_equal(field("1 stats-job 2", "releases"), 0);
    assert_int_equal(field("1 stats", "current-waiting"), 0);
    RUN("1 put 7 0 60 c", "1 INSERTED 3"); /* nobody waits any more */
    RUN("3 end", "");
    RUN("2 end", ""); /* not there any more */
    assert_int_equal(field("1 stats", "current-jobs-ready"), 3);
}

static void test_origin_end(void **state)
{
    (void)state;
    RUN("1 put 0 0 60 a", "1 INSERTED 1");
    RUN("2.1.3 reserve", "2.1 RESERVED 1 a");
    RUN("2.1.3 reserve", "");
    RUN("2.2.3 reserve", "");
    RUN("2.9.4 reserve", ""); /* a later incarnation of the same node */
    queue_ops.origin_end(w.machine, 2, 3);
    world_check(&w);
    world_expect(&w, "2.9 RESERVED 1 a");
    RUN("1 put 0 0 60 b", "1 INSERTED 2");
    RUN("2.1.3 reserve", "2.1 RESERVED 2 b"); /* one with the same key is a new session */
    queue_ops.origin_end(w.machine, 3, 99);
    world_expect(&w, "");
}

static void test_waiting_session_says_nothing_more(void **state)
{
    (void)state;
    RUN("1 reserve", "");
    RUN("1 put 0 0 60 x", ""); /* no node proposes this: it is ignored */
    RUN("1 list-tube-used", "1 USING default");
    assert_int_equal(queue_jobs_count(w.machine), 0);
}

static void test_a_wait_ends_when_its_client_says_nothing_more(void **state)
{
    (void)state;
    RUN("1 hurry", "");
    RUN("1 reserve", "");
    RUN("2 reserve", "");
    RUN("1 hurry", "1 TIMED_OUT");
    RUN("1 hurry", "");
    RUN("3 put 0 0 60 a", "3 INSERTED 1; 2 RESERVED 1 a");
}

static void test_overdue_reservation_is_over_even_before_it_was_seen(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) world_tell(&w, "1 put 0 0 1 x");
    for (int i = 0; i < 600; i++) world_tell(&w, "2 reserve");
    world_heard(&w);
    w.elapsed_us += 1000000;
    RUN("2 delete 600", "2 NOT_FOUND"); /* advance() has only come to the first 256 */
    assert_true(field("1 stats", "job-timeouts") < 600);
    world_drain(&w);
    assert_int_equal(field("1 stats", "job-timeouts"), 600);
}

static void test_peek(void **state)
{
    (void)state;
    RUN("1 peek 1", "1 NOT_FOUND");
    RUN("1 peek-ready", "1 NOT_FOUND");
    RUN("1 peek-delayed", "1 NOT_FOUND");
    RUN("1 peek-buried", "1 NOT_FOUND");
    RUN("1 put 5 0 60 a", "1 INSERTED 1");
    RUN("1 put 4 0 60 b", "1 INSERTED 2");
    RUN("2 peek 1", "2 FOUND 1 a");
    RUN("2 peek-ready", "2 FOUND 2 b");
    RUN("2 use elsewhere", "2 USING elsewhere");
    RUN("2 peek-ready", "2 NOT_FOUND"); /* of the tube it uses */
    RUN("2 reserve-job 1", "2 RESERVED 1 a");
    RUN("1 peek 1", "1 FOUND 1 a");
}

static void test_urgent(void **state)
{
    (void)state;
    RUN("1 put 1023 0 60 a", "1 INSERTED 1");
    RUN("1 put 1024 0 60 b", "1 INSERTED 2");
    assert_int_equal(field("1 stats", "current-jobs-urgent"), 1);
    RUN("2 reserve", "2 RESERVED 1 a");
    assert_int_equal(field("1 stats-tube default", "current-jobs-urgent"), 0);
    RUN("2 release 1 2000 0", "2 RELEASED");
    assert_int_equal(field("1 stats-tube default", "current-jobs-urgent"), 0);
}

/* Between two entries time goes on, in the answers and not in the state. */
static void test_a_question_is_answered_as_of_its_own_time(void **state)
{
    (void)state;
    RUN("1 put 0 0 60 held", "1 INSERTED 1");
    RUN("1 put 0 90 60 delayed", "1 INSERTED 2");
    RUN("1 reserve", "1 RESERVED 1 held");
    uint64_t digest = queue_ops.digest(w.machine);
    for (uint64_t later_s = 0; later_s < 50; later_s += 7) {
        struct session_key key = {.incarnation = 1, .node = 1, .connection = 1};
        for (uint64_t id = 1; id <= 2; id++) {
            struct queue_command command = {.op = QUEUE_STATS_JOB, .id = id};
            struct buffer bytes = {0};
            queue_command_encode(&command, &bytes);
            struct machine_time then = world_time(&w);
            then.elapsed_us += later_s * 1000000;
            then.due_us += later_s * 1000000;
            queue_ops.query(w.machine, &key, buffer_slice(&bytes), &then, &w.facts);
            buffer_free(&bytes);
            char left[32], age[32];
            snprintf(left, sizeof left, "\ntime-left: %d\n", (id == 1 ? 60 : 90) - (int)later_s);
            snprintf(age, sizeof age, "\nage: %d\n", (int)later_s);
            const char *heard = world_heard(&w);
            if (strstr(heard, left) == NULL || strstr(heard, age) == NULL) fail_msg("%s", heard);
        }
    }
    assert_true(queue_ops.digest(w.machine) == digest);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_put_reserve_delete),
        TEST(test_priorities_across_tubes),
        TEST(test_waiters_take_turns),
        TEST(test_waiter_in_many_tubes_is_served_once),
        TEST(test_delay),
        TEST(test_a_delay_goes_on_without_a_leader_and_ttr_does_not),
        TEST(test_time_to_run),
        TEST(test_deadline_soon),
        TEST(test_deadline_soon_with_a_paused_tube),
        TEST(test_release),
        TEST(test_bury_and_kick),
        TEST(test_kick_job),
        TEST(test_reserve_job),
        TEST(test_watch_and_ignore),
        TEST(test_tubes_come_and_go),
        TEST(test_pause),
        TEST(test_session_end_gives_back),
        TEST(test_origin_end),
        TEST(test_waiting_session_says_nothing_more),
        TEST(test_a_wait_ends_when_its_client_says_nothing_more),
        TEST(test_overdue_reservation_is_over_even_before_it_was_seen),
        TEST(test_peek),
        TEST(test_urgent),
        TEST(test_a_question_is_answered_as_of_its_own_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
