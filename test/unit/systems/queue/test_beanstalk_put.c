/* The beanstalkd protocol: commands with a body, and any stream at all, wherever reads cut it. */
#include "beanstalk_transcript.h"
#include "systems/queue/protocol/beanstalk.h"

/* --- put --- */

static void bodies_are_any_bytes(void **state)
{
    (void)state;
    expect("put 0 0 1 0\r\n\r\n", "put ttr=1 []\n");
    expect("put 0 0 1 2\r\n\r\n\r\n", "put ttr=1 [\r\n]\n");
    expect("put 0 0 1 7\r\nquit\r\n!\r\nstats\r\n", "put ttr=1 [quit\r\n!]\nstats\n");
    expect("put 0 0 0 1\r\na\r\n", "put [a]\n"); /* the machine makes a time-to-run of 0 one of 1 */
    expect("put 4294967295 4294967295 4294967295 1\r\na\r\n",
           "put pri=4294967295 delay=4294967295 ttr=4294967295 [a]\n");
}

static void a_bad_put_line_has_no_body(void **state)
{
    (void)state;
    expect("put 0 0 1 1 x\r\nstats\r\n", "BAD_FORMAT\nstats\n");
    expect("put 0 0 1\r\nstats\r\n", "BAD_FORMAT\nstats\n");
    expect("put \r\nstats\r\n", "BAD_FORMAT\nstats\n");
    expect("put -1 0 1 1\r\na\r\n", "BAD_FORMAT\nUNKNOWN_COMMAND\n");
    expect("put 0 0 1 -1\r\n", "BAD_FORMAT\n");
    expect("put 0 0 1 4294967296\r\n", "BAD_FORMAT\n");
    expect("put 4294967296 0 1 1\r\n", "BAD_FORMAT\n");
    expect("put 0 0 1 1 \r\n", "BAD_FORMAT\n");
}

static void a_body_must_end_in_cr_lf(void **state)
{
    (void)state;
    /* The size and two bytes are consumed; what follows is the next command. */
    expect("put 0 0 1 1\r\nabc\r\nstats\r\n", "EXPECTED_CRLF\nUNKNOWN_COMMAND\nstats\n");
    expect("put 0 0 1 1\r\na\n\nstats\r\n", "EXPECTED_CRLF\nstats\n");
    expect("put 0 0 1 3\r\na\r\nuse b\r\n", "EXPECTED_CRLF\nUNKNOWN_COMMAND\n");
    expect("put 0 0 1 0\r\nxystats\r\n", "EXPECTED_CRLF\nstats\n");
}

static void a_job_too_big_is_swallowed(void **state)
{
    (void)state;
    struct protocol_config config = {.request_size_max = 4};
    static const char bytes[] = "put 0 0 1 5\r\nstats\r\nput 0 0 1 4\r\nfour\r\n"
                                "put 0 0 1 6 x\r\n\r\nabcd\r\nstats\r\n";
    static const char told[] = "JOB_TOO_BIG\nput ttr=1 [four]\nJOB_TOO_BIG\nstats\n";
    size_t size = sizeof bytes - 1;
    for (size_t cut = 0; cut <= size; cut++) {
        struct stream stream = {.connection = beanstalk_ops.open(&config), .open = true};
        stream_feed(&stream, slice_of(bytes, cut));
        stream_feed(&stream, slice_of(bytes + cut, size - cut));
        stream_expect(&stream, slice_text(told), "in two");
    }
}

/* A put of `size` bytes, fed in pieces of `piece` bytes; *held_max: the most that was held. */
static void expect_large(size_t size, size_t piece, const char *told, size_t *held_max)
{
    struct buffer line = {0};
    buffer_append_text(&line, "put 0 0 1 ");
    buffer_append_decimal(&line, size);
    buffer_append_text(&line, "\r\n");
    size_t line_size = line.size;
    memset(buffer_reserve(&line, size), 'x', size);
    buffer_grew(&line, size);
    buffer_append_text(&line, "\r\nstats\r\n");
    struct stream stream = stream_open(0);
    *held_max = 0;
    for (size_t at = 0; at < line.size; at += piece) {
        size_t left = line.size - at;
        stream_feed(&stream, slice_of(line.data + at, left < piece ? left : piece));
        size_t held = beanstalk_ops.held(stream.connection);
        if (held > *held_max) *held_max = held;
    }
    struct buffer expected = {0};
    if (told == NULL) {
        buffer_append_text(&expected, "put ttr=1 [");
        buffer_append(&expected, line.data + line_size, size);
        buffer_append_text(&expected, "]\nstats\n");
    } else {
        buffer_append_text(&expected, told);
    }
    stream_expect(&stream, buffer_slice(&expected), "in pieces");
    buffer_free(&expected);
    buffer_free(&line);
}

static void the_default_limit_is_65535(void **state)
{
    (void)state;
    static const size_t pieces[] = {1 << 20, 65536, 65554, 4096, 1000, 7};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t held;
        expect_large(65535, pieces[i], NULL, &held);
        expect_large(65536, pieces[i], "JOB_TOO_BIG\nstats\n", &held);
        assert_true(held < 4096); /* what is swallowed is not kept */
    }
}

static void only_what_came_is_held(void **state)
{
    (void)state;
    void *connection = beanstalk_ops.open(NULL);
    struct buffer transcript = {0};
    feed(connection, slice_text("put 0 0 1 65535\r\n0123"), &transcript);
    assert_true(beanstalk_ops.held(connection) < 4096);
    struct buffer rest = run_of('x', 65531, "\r\n");
    feed(connection, buffer_slice(&rest), &transcript);
    /* What a large job took is given back, and an idle connection holds little. */
    assert_true(beanstalk_ops.held(connection) < 4096);
    beanstalk_ops.close(connection);
    buffer_free(&rest);
    buffer_free(&transcript);
}

/* --- any stream, cut anywhere --- */

static void append_random_command(struct random *random, struct buffer *bytes)
{
    static const char *const texts[] = {
        "use a\r\n",          "reserve\r\n",  "reserve-with-timeout 1\r\n",
        "delete 12\r\n",      "stats\r\n",    "peek-ready\r\n",
        "pause-tube a 1\r\n", "kick 300\r\n", "release 1 2 3\r\n",
        "nonsense\r\n",       "\r\n",         "put 0 0 1 99999\r\n",
        "put 1 x\r\n",        "\r",           "\n",
        "watch -\r\n",
    };
    if (random_below(random, 3) != 0) {
        buffer_append_text(bytes, texts[random_below(random, sizeof texts / sizeof texts[0])]);
        return;
    }
    size_t size = (size_t)random_below(random, 4) == 0 ? (size_t)random_below(random, 600)
                                                       : (size_t)random_below(random, 8);
    if (random_below(random, 2) == 0) {
        buffer_append_text(bytes, "put 0 0 1 ");
        buffer_append_decimal(bytes, size);
        buffer_append_text(bytes, "\r\n");
    }
    for (size_t i = 0; i < size; i++) {
        static const char soup[] = "\r\n aput 1\r\nz0\0";
        buffer_append(bytes, &soup[random_below(random, sizeof soup)], 1);
    }
    if (random_below(random, 8) != 0) buffer_append_text(bytes, "\r\n");
}

static void cuts_never_change_what_is_heard(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct random random = random_seeded(seed);
        buffer_clear(&bytes);
        for (size_t i = 0; i < 30; i++) append_random_command(&random, &bytes);
        struct slice all = buffer_slice(&bytes);
        struct stream whole = stream_open(500);
        stream_feed(&whole, all);
        for (unsigned round = 0; round < 4; round++) {
            struct stream pieces = stream_open(500);
            size_t piece_max = (size_t)1 << (1 + 3 * round); /* 2, 16, 128, 1024 */
            for (size_t at = 0; at < all.size;) {
                size_t size = (size_t)random_below(&random, piece_max + 1);
                if (size > all.size - at) size = all.size - at;
                stream_feed(&pieces, slice_of(all.data + at, size));
                at += size;
            }
            stream_expect(&pieces, buffer_slice(&whole.transcript), "at random");
        }
        beanstalk_ops.close(whole.connection);
        buffer_free(&whole.transcript);
    }
    buffer_free(&bytes);
}

int main(void)
{
    guarded = guarded_make(1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_any_bytes),
        cmocka_unit_test(a_bad_put_line_has_no_body),
        cmocka_unit_test(a_body_must_end_in_cr_lf),
        cmocka_unit_test(a_job_too_big_is_swallowed),
        cmocka_unit_test(the_default_limit_is_65535),
        cmocka_unit_test(only_what_came_is_held),
        cmocka_unit_test(cuts_never_change_what_is_heard),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&guarded);
    return failed;
}
