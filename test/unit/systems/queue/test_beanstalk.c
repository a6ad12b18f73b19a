/* The beanstalkd protocol: what each stream of bytes means, wherever reads cut it. The corners are
 * those of beanstalkd's doc/protocol.txt and of its server: see beanstalk.h. */
#include "beanstalk_transcript.h"

/* --- each command --- */

static void every_command_is_read(void **state)
{
    (void)state;
    expect("put 1 2 3 4\r\nbody\r\n", "put pri=1 delay=2 ttr=3 [body]\n");
    expect("use emails\r\n", "use emails\n");
    expect("reserve\r\n", "*reserve forever\n");
    expect("reserve-with-timeout 5\r\n", "*reserve timeout=5\n");
    expect("reserve-with-timeout 0\r\n", "reserve\n");
    expect("reserve-job 9\r\n", "reserve-job 9\n");
    expect("delete 18446744073709551615\r\n", "delete 18446744073709551615\n");
    expect("release 1 2 3\r\n", "release 1 pri=2 delay=3\n");
    expect("bury 1 2\r\n", "bury 1 pri=2\n");
    expect("touch 1\r\n", "touch 1\n");
    expect("watch emails\r\n", "watch emails\n");
    expect("ignore emails\r\n", "ignore emails\n");
    expect("kick 10\r\n", "kick bound=10\n");
    expect("kick-job 7\r\n", "kick-job 7\n");
    expect("pause-tube emails 60\r\n", "pause-tube emails delay=60\n");
    expect("peek 3\r\n", "peek 3\n");
    expect("peek-ready\r\n", "peek-ready\n");
    expect("peek-delayed\r\n", "peek-delayed\n");
    expect("peek-buried\r\n", "peek-buried\n");
    expect("stats\r\n", "stats\n");
    expect("stats-job 3\r\n", "stats-job 3\n");
    expect("stats-tube emails\r\n", "stats-tube emails\n");
    expect("list-tubes\r\n", "list-tubes\n");
    expect("list-tube-used\r\n", "list-tube-used\n");
    expect("list-tubes-watched\r\n", "list-tubes-watched\n");
    expect("quit\r\n", "close\n");
}

static void pipelined_commands_keep_their_order(void **state)
{
    (void)state;
    expect("use a\r\nput 0 0 9 2\r\nhi\r\nreserve\r\ndelete 1\r\nput 0 0 9 0\r\n\r\n"
           "nonsense\r\nstats\r\n",
           "use a\nput ttr=9 [hi]\n*reserve forever\ndelete 1\nput ttr=9 []\n"
           "UNKNOWN_COMMAND\nstats\n");
}

static void nothing_is_read_after_quit(void **state)
{
    (void)state;
    expect("quit\r\nstats\r\n", "close\n");
    expect("quit now\r\n", "close\n"); /* as beanstalkd */
}

static void what_a_web_page_has_posted_is_not_carried_out(void **state)
{
    (void)state;
    expect("POST / HTTP/1.1\r\nHost: localhost:11300\r\n\r\nput 0 0 60 4\r\nevil\r\n", "close\n");
    expect("PUT / HTTP/1.1\r\nHost: localhost:11300\r\n\r\ndelete 1\r\n",
           "UNKNOWN_COMMAND\nclose\n");
}

/* --- lines --- */

static void unknown_commands(void **state)
{
    (void)state;
    expect("\r\n", "UNKNOWN_COMMAND\n");
    expect(" \r\n", "UNKNOWN_COMMAND\n");
    expect("PUT 0 0 1 0\r\n", "UNKNOWN_COMMAND\n");
    expect(" stats\r\n", "UNKNOWN_COMMAND\n");
    expect("put\r\n", "UNKNOWN_COMMAND\n");
    expect("peek\r\n", "UNKNOWN_COMMAND\n");
    expect("kick-job\r\n", "UNKNOWN_COMMAND\n");
    expect("delete\t1\r\n", "UNKNOWN_COMMAND\n");
    expect("list-tube\r\n", "UNKNOWN_COMMAND\n");
    expect("stat\r\n", "UNKNOWN_COMMAND\n");
}

static void commands_that_take_nothing_refuse_more(void **state)
{
    (void)state;
    expect("reserve \r\n", "BAD_FORMAT\n");
    expect("reserve-with-timeout\r\n", "BAD_FORMAT\n");
    expect("reserve-job\r\n", "BAD_FORMAT\n");
    expect("stats now\r\n", "BAD_FORMAT\n");
    expect("stats-job\r\n", "BAD_FORMAT\n");
    expect("stats-tube\r\n", "BAD_FORMAT\n");
    expect("peek-ready 1\r\n", "BAD_FORMAT\n");
    expect("peek-delayedx\r\n", "BAD_FORMAT\n");
    expect("peek-buried \r\n", "BAD_FORMAT\n");
    expect("list-tubes \r\n", "BAD_FORMAT\n");
    expect("list-tube-usedx\r\n", "BAD_FORMAT\n");
    expect("list-tubes-watchedx\r\n", "BAD_FORMAT\n");
}

static void only_cr_lf_ends_a_line(void **state)
{
    (void)state;
    expect("stats\nstats\r\n", "BAD_FORMAT\n");
    expect("stats\rstats\r\n", "BAD_FORMAT\n");
    expect("stats\r\r\n", "BAD_FORMAT\n");
    expect("use a\rb\r\nuse c\r\n", "BAD_FORMAT\nuse c\n");
    expect("\nuse c\r\n", "UNKNOWN_COMMAND\n");
    expect("stats\r", "");
    expect("stats\n", "");
}

static void a_zero_byte_is_bad_format(void **state)
{
    (void)state;
    expect_bytes(slice_of("stats\0\r\nuse a\r\n", 15), "BAD_FORMAT\nuse a\n");
    expect_bytes(slice_of("\0\r\n", 3), "BAD_FORMAT\n");
    expect_bytes(slice_of("quit\0\r\nquit\r\n", 13), "BAD_FORMAT\nclose\n");
}

static void a_line_of_224_bytes_is_read(void **state)
{
    (void)state;
    /* "pause-tube ", 200 bytes of name, " 4294967295", CR LF: the longest there is. */
    struct buffer name = run_of('a', 200, "");
    struct buffer line = {0}, told = {0};
    buffer_append_text(&line, "pause-tube ");
    buffer_append_slice(&line, buffer_slice(&name));
    buffer_append_text(&line, " 4294967295\r\n");
    assert_int_equal(line.size, 224);
    buffer_append_text(&line, "stats\r\n");
    buffer_append_text(&told, "pause-tube ");
    buffer_append_slice(&told, buffer_slice(&name));
    buffer_append(&told, " delay=4294967295\nstats\n", 25); /* the terminating zero too */
    expect_bytes(buffer_slice(&line), (const char *)told.data);
    buffer_free(&name);
    buffer_free(&line);
    buffer_free(&told);
}

static void a_longer_line_is_discarded_and_answered_once(void **state)
{
    (void)state;
    /* 223 bytes and CR LF: the end straddles the limit. Then a few lengths around twice of it. */
    static const size_t sizes[] = {223, 224, 225, 446, 447, 448, 449, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buffer line = run_of('a', sizes[i], "\r\nuse a\r\n");
        expect_bytes(buffer_slice(&line), "BAD_FORMAT\nuse a\n");
        buffer_free(&line);
    }
    struct buffer fits = run_of('a', 222, "\r\nuse a\r\n");
    expect_bytes(buffer_slice(&fits), "UNKNOWN_COMMAND\nuse a\n");
    buffer_free(&fits);
    /* Lone CRs and LFs do not end it, and CRs before the CR LF do not hide it. */
    struct buffer noisy = run_of('a', 220, "\r\r\r\r\nstats\r\n");
    expect_bytes(buffer_slice(&noisy), "BAD_FORMAT\nstats\n");
    buffer_free(&noisy);
    struct buffer bare = run_of('\n', 500, "\rx\r\nstats\r\n");
    expect_bytes(buffer_slice(&bare), "BAD_FORMAT\nstats\n");
    buffer_free(&bare);
}

/* --- numbers --- */

static void numbers_may_follow_spaces_and_nothing_else(void **state)
{
    (void)state;
    expect("delete   1\r\n", "delete 1\n");
    expect("delete 007\r\n", "delete 7\n");
    expect("release  1  2  3\r\n", "release 1 pri=2 delay=3\n");
    static const char *const bad[] = {
        "delete \r\n",       "delete 1 \r\n",   "delete 1x\r\n",       "delete x\r\n",
        "delete -1\r\n",     "delete +1\r\n",   "delete \t1\r\n",      "delete 1 2\r\n",
        "release 1\r\n",     "release 1 2\r\n", "release 1 2 3 4\r\n", "release 1 2 3 \r\n",
        "release 1x2 3\r\n", "bury 1\r\n",      "bury 1 2 3\r\n",      "bury 1 -2\r\n",
        "touch \r\n",        "kick-job a\r\n",  "reserve-job -1\r\n",  "stats-job 1.0\r\n",
        "peek 0x10\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) expect(bad[i], "BAD_FORMAT\n");
}

static void numbers_beyond_their_type_are_bad_format(void **state)
{
    (void)state;
    expect("bury 1 4294967295\r\n", "bury 1 pri=4294967295\n");
    expect("bury 1 4294967296\r\n", "BAD_FORMAT\n");
    expect("release 1 2 4294967296\r\n", "BAD_FORMAT\n");
    expect("delete 18446744073709551616\r\n", "BAD_FORMAT\n");
    expect("delete 99999999999999999999999999\r\n", "BAD_FORMAT\n");
    expect("pause-tube a 4294967296\r\n", "BAD_FORMAT\n");
}

static void a_timeout_is_read_as_strtol_does(void **state)
{
    (void)state;
    expect("reserve-with-timeout -1\r\n", "*reserve forever\n");
    expect("reserve-with-timeout -0\r\n", "reserve\n");
    expect("reserve-with-timeout +3\r\n", "*reserve timeout=3\n");
    expect("reserve-with-timeout \t 3\r\n", "*reserve timeout=3\n");
    expect("reserve-with-timeout 3 seconds\r\n", "*reserve timeout=3\n");
    expect("reserve-with-timeout \r\n", "reserve\n");
    expect("reserve-with-timeout soon\r\n", "reserve\n");
    expect("reserve-with-timeout 2147483647\r\n", "*reserve timeout=2147483647\n");
    expect("reserve-with-timeout 2147483648\r\n", "*reserve forever\n");
    expect("reserve-with-timeout 4294967295\r\n", "*reserve forever\n");
    expect("reserve-with-timeout 9223372036854775807\r\n", "*reserve forever\n");
    expect("reserve-with-timeout 9223372036854775808\r\n", "BAD_FORMAT\n");
    expect("reserve-with-timeout -9223372036854775808\r\n", "*reserve forever\n");
    expect("reserve-with-timeout -9223372036854775809\r\n", "BAD_FORMAT\n");
}

static void a_bound_is_read_as_strtoul_does(void **state)
{
    (void)state;
    expect("kick 256\r\n", "kick bound=256\n"); /* what one apply may touch */
    expect("kick 257\r\n", "*kick bound=257\n");
    expect("kick 0\r\n", "kick\n");
    expect("kick +2 or so\r\n", "kick bound=2\n");
    expect("kick -1\r\n", "*kick bound=4294967295\n");
    expect("kick 4294967296\r\n", "*kick bound=4294967295\n");
    expect("kick \r\n", "BAD_FORMAT\n");
    expect("kick all\r\n", "BAD_FORMAT\n");
    expect("kick -\r\n", "BAD_FORMAT\n");
    expect("kick 18446744073709551616\r\n", "BAD_FORMAT\n");
}

/* --- tubes --- */

static void names_of_tubes(void **state)
{
    (void)state;
    expect("use azAZ09-+/;.$_()\r\n", "use azAZ09-+/;.$_()\n");
    expect("watch -a\r\n", "BAD_FORMAT\n");
    expect("use a-\r\n", "use a-\n");
    expect("use \r\n", "BAD_FORMAT\n");
    expect("use  a\r\n", "BAD_FORMAT\n");
    expect("use a \r\n", "BAD_FORMAT\n");
    expect("ignore a b\r\n", "BAD_FORMAT\n");
    expect("watch a*\r\n", "BAD_FORMAT\n");
    expect("stats-tube \xc3\xa9\r\n", "BAD_FORMAT\n");
    struct buffer longest = {0}, told = {0};
    struct buffer name = run_of('n', 200, "");
    buffer_append_text(&longest, "use ");
    buffer_append_slice(&longest, buffer_slice(&name));
    buffer_append_slice(&told, buffer_slice(&longest));
    buffer_append_text(&longest, "\r\n");
    buffer_append(&told, "\n", 2);
    expect_bytes(buffer_slice(&longest), (const char *)told.data);
    longest.size -= 2;
    buffer_append_text(&longest, "n\r\n");
    expect_bytes(buffer_slice(&longest), "BAD_FORMAT\n");
    buffer_free(&longest);
    buffer_free(&told);
    buffer_free(&name);
}

static void pausing_a_tube(void **state)
{
    (void)state;
    expect("pause-tube a 0\r\n", "pause-tube a\n"); /* what 0 means is the machine's to say */
    expect("pause-tube   a   5\r\n", "pause-tube a delay=5\n");
    expect("pause-tubea 5\r\n", "pause-tube a delay=5\n"); /* as beanstalkd */
    expect("pause-tube a\r\n", "BAD_FORMAT\n");
    expect("pause-tube a5\r\n", "BAD_FORMAT\n");
    expect("pause-tube -a 5\r\n", "BAD_FORMAT\n");
    expect("pause-tube a* 5\r\n", "BAD_FORMAT\n");
    expect("pause-tube a 5 \r\n", "BAD_FORMAT\n");
    expect("pause-tube\r\n", "BAD_FORMAT\n");
}

int main(void)
{
    guarded = guarded_make(1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_read),
        cmocka_unit_test(pipelined_commands_keep_their_order),
        cmocka_unit_test(nothing_is_read_after_quit),
        cmocka_unit_test(what_a_web_page_has_posted_is_not_carried_out),
        cmocka_unit_test(unknown_commands),
        cmocka_unit_test(commands_that_take_nothing_refuse_more),
        cmocka_unit_test(only_cr_lf_ends_a_line),
        cmocka_unit_test(a_zero_byte_is_bad_format),
        cmocka_unit_test(a_line_of_224_bytes_is_read),
        cmocka_unit_test(a_longer_line_is_discarded_and_answered_once),
        cmocka_unit_test(numbers_may_follow_spaces_and_nothing_else),
        cmocka_unit_test(numbers_beyond_their_type_are_bad_format),
        cmocka_unit_test(a_timeout_is_read_as_strtol_does),
        cmocka_unit_test(a_bound_is_read_as_strtoul_does),
        cmocka_unit_test(names_of_tubes),
        cmocka_unit_test(pausing_a_tube),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&guarded);
    return failed;
}
