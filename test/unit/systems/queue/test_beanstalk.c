/* The beanstalkd protocol: what each stream of bytes means, wherever reads cut it.
 *
 * A stream is told as a transcript, one line a request, and every transcript is taken from the
 * stream whole, cut in two at every place, and byte by byte; each piece ends at an unreadable page.
 * The corners are those of beanstalkd's doc/protocol.txt and of its server: see beanstalk.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/random.h"
#include "guarded.h"
#include "contract/machine.h"
#include "systems/queue/machine/queue.h"
#include "contract/protocol.h"

static struct guarded guarded;

/* --- a stream as a transcript --- */

static const char *const op_names[QUEUE_OPS] = {
    [QUEUE_PUT] = "put",
    [QUEUE_USE] = "use",
    [QUEUE_RESERVE] = "reserve",
    [QUEUE_RESERVE_JOB] = "reserve-job",
    [QUEUE_DELETE] = "delete",
    [QUEUE_RELEASE] = "release",
    [QUEUE_BURY] = "bury",
    [QUEUE_TOUCH] = "touch",
    [QUEUE_WATCH] = "watch",
    [QUEUE_IGNORE] = "ignore",
    [QUEUE_KICK] = "kick",
    [QUEUE_KICK_JOB] = "kick-job",
    [QUEUE_PAUSE_TUBE] = "pause-tube",
    [QUEUE_PEEK] = "peek",
    [QUEUE_PEEK_READY] = "peek-ready",
    [QUEUE_PEEK_DELAYED] = "peek-delayed",
    [QUEUE_PEEK_BURIED] = "peek-buried",
    [QUEUE_STATS_JOB] = "stats-job",
    [QUEUE_STATS_TUBE] = "stats-tube",
    [QUEUE_STATS] = "stats",
    [QUEUE_LIST_TUBES] = "list-tubes",
    [QUEUE_LIST_TUBE_USED] = "list-tube-used",
    [QUEUE_LIST_TUBES_WATCHED] = "list-tubes-watched",
};

static void tell_number(struct buffer *out, const char *name, uint64_t value)
{
    buffer_append_text(out, name);
    buffer_append_decimal(out, value);
}

/* Only the fields that this op names; the others must be zero, as queue.h says. */
static void tell_command(struct buffer *out, const struct queue_command *command)
{
    assert_non_null(op_names[command->op]);
    buffer_append_text(out, op_names[command->op]);
    if (command->id != 0) tell_number(out, " ", command->id);
    if (command->tube.size != 0) {
        buffer_append_text(out, " ");
        buffer_append_slice(out, command->tube);
    }
    if (command->priority != 0) tell_number(out, " pri=", command->priority);
    if (command->delay_s != 0) tell_number(out, " delay=", command->delay_s);
    if (command->ttr_s != 0) tell_number(out, " ttr=", command->ttr_s);
    if (command->timeout_s == QUEUE_NO_TIMEOUT) {
        buffer_append_text(out, " forever");
    } else if (command->timeout_s != 0) {
        tell_number(out, " timeout=", command->timeout_s);
    }
    if (command->bound != 0) tell_number(out, " bound=", command->bound);
    if (command->op == QUEUE_PUT) {
        buffer_append_text(out, " [");
        buffer_append_slice(out, command->body);
        buffer_append_text(out, "]");
    }
    buffer_append_text(out, "\n");
}

static void tell_request(struct buffer *out, const struct protocol_request *request)
{
    struct queue_command command;
    switch (request->kind) {
    case PROTOCOL_LITERAL:
        assert_true(request->command.size > 2);
        assert_memory_equal(request->command.data + request->command.size - 2, "\r\n", 2);
        assert_false(request->blocks || request->grows);
        buffer_append(out, request->command.data, request->command.size - 2);
        buffer_append_text(out, "\n");
        return;
    case PROTOCOL_CLOSE: buffer_append_text(out, "close\n"); return;
    case PROTOCOL_PROPOSE:
    case PROTOCOL_QUERY:
        assert_true(queue_command_decode(request->command, &command));
        assert_int_equal(request->kind,
                         command.op >= QUEUE_PEEK ? PROTOCOL_QUERY : PROTOCOL_PROPOSE);
        assert_int_equal(request->grows, command.op == QUEUE_PUT);
        if (request->blocks) buffer_append_text(out, "*");
        tell_command(out, &command);
        return;
    case PROTOCOL_NONE: break;
    }
    fail();
}

/* Feeds one piece; false once the connection is to be closed. */
static bool feed(void *connection, struct slice piece, struct buffer *out)
{
    struct slice left = guarded_copy(&guarded, piece);
    for (;;) {
        struct slice before = left;
        struct protocol_request request;
        enum protocol_request_kind kind = beanstalk_ops.next(connection, &left, &request);
        assert_int_equal(kind, request.kind);
        assert_true(left.size <= before.size);
        assert_ptr_equal(left.data + left.size, before.data + before.size);
        if (kind == PROTOCOL_NONE) {
            assert_int_equal(left.size, 0);
            return true;
        }
        tell_request(out, &request);
        if (kind == PROTOCOL_CLOSE) return false;
    }
}

struct stream {
    void *connection;
    struct buffer transcript;
    bool open;
};

static struct stream stream_open(uint32_t body_size_max)
{
    struct protocol_config config = {.request_size_max = body_size_max};
    return (struct stream){.connection = beanstalk_ops.open(&config), .open = true};
}

static void stream_feed(struct stream *stream, struct slice piece)
{
    if (stream->open) stream->open = feed(stream->connection, piece, &stream->transcript);
}

/* Checks what was heard, and closes. */
static void stream_expect(struct stream *stream, struct slice expected, const char *how)
{
    struct slice heard = buffer_slice(&stream->transcript);
    if (!slice_equal(heard, expected)) {
        print_error("cut %s\nheard:\n%.*s\nexpected:\n%.*s\n", how, (int)heard.size,
                    (const char *)heard.data, (int)expected.size, (const char *)expected.data);
        fail();
    }
    beanstalk_ops.close(stream->connection);
    buffer_free(&stream->transcript);
}

static void expect_bytes(struct slice bytes, const char *transcript)
{
    struct slice expected = slice_text(transcript);
    struct stream whole = stream_open(0);
    stream_feed(&whole, bytes);
    stream_expect(&whole, expected, "nowhere");

    for (size_t cut = 1; cut < bytes.size; cut++) {
        struct stream halves = stream_open(0);
        stream_feed(&halves, slice_of(bytes.data, cut));
        stream_feed(&halves, slice_of(bytes.data + cut, bytes.size - cut));
        stream_expect(&halves, expected, "in two");
    }

    struct stream single = stream_open(0);
    for (size_t i = 0; i < bytes.size; i++) stream_feed(&single, slice_of(bytes.data + i, 1));
    stream_expect(&single, expected, "byte by byte");
}

static void expect(const char *bytes, const char *transcript)
{
    expect_bytes(slice_text(bytes), transcript);
}

/* `count` times `byte`, then `tail`; the caller frees it. */
static struct buffer run_of(char byte, size_t count, const char *tail)
{
    struct buffer bytes = {0};
    memset(buffer_reserve(&bytes, count + 1), byte, count);
    buffer_grew(&bytes, count);
    buffer_append_text(&bytes, tail);
    return bytes;
}

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

/* --- replies --- */

static void expect_reply(struct queue_reply reply, const char *text)
{
    struct buffer out = {0};
    void *connection = beanstalk_ops.open(NULL);
    buffer_append_text(&out, "before");
    beanstalk_ops.answer(connection, 0, &reply, &out);
    struct buffer expected = {0};
    buffer_append_text(&expected, "before");
    buffer_append_text(&expected, text);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, expected.size);
    buffer_free(&expected);
    buffer_free(&out);
    beanstalk_ops.close(connection);
}

static void every_reply_has_its_text(void **state)
{
    (void)state;
    struct slice body = slice_text("ab\r\nc");
#define REPLY(...) ((struct queue_reply){__VA_ARGS__})
    expect_reply(REPLY(QUEUE_REPLY_INSERTED, .id = 7), "INSERTED 7\r\n");
    expect_reply(REPLY(QUEUE_REPLY_BURIED_ID, .id = 7), "BURIED 7\r\n");
    expect_reply(REPLY(QUEUE_REPLY_USING, .tube = slice_text("t")), "USING t\r\n");
    expect_reply(REPLY(QUEUE_REPLY_RESERVED, .id = UINT64_MAX, .body = body),
                 "RESERVED 18446744073709551615 5\r\nab\r\nc\r\n");
    expect_reply(REPLY(QUEUE_REPLY_RESERVED, .id = 1), "RESERVED 1 0\r\n\r\n");
    expect_reply(REPLY(QUEUE_REPLY_DEADLINE_SOON, .id = 0), "DEADLINE_SOON\r\n");
    expect_reply(REPLY(QUEUE_REPLY_TIMED_OUT, .id = 0), "TIMED_OUT\r\n");
    expect_reply(REPLY(QUEUE_REPLY_NOT_FOUND, .id = 0), "NOT_FOUND\r\n");
    expect_reply(REPLY(QUEUE_REPLY_DELETED, .id = 0), "DELETED\r\n");
    expect_reply(REPLY(QUEUE_REPLY_RELEASED, .id = 0), "RELEASED\r\n");
    expect_reply(REPLY(QUEUE_REPLY_BURIED, .id = 0), "BURIED\r\n");
    expect_reply(REPLY(QUEUE_REPLY_TOUCHED, .id = 0), "TOUCHED\r\n");
    expect_reply(REPLY(QUEUE_REPLY_WATCHING, .count = 3), "WATCHING 3\r\n");
    expect_reply(REPLY(QUEUE_REPLY_NOT_IGNORED, .id = 0), "NOT_IGNORED\r\n");
    expect_reply(REPLY(QUEUE_REPLY_KICKED, .count = 0), "KICKED 0\r\n");
    expect_reply(REPLY(QUEUE_REPLY_KICKED_JOB, .id = 0), "KICKED\r\n");
    expect_reply(REPLY(QUEUE_REPLY_PAUSED, .id = 0), "PAUSED\r\n");
    expect_reply(REPLY(QUEUE_REPLY_FOUND, .id = 2, .body = body), "FOUND 2 5\r\nab\r\nc\r\n");
    expect_reply(REPLY(QUEUE_REPLY_OK, .body = body), "OK 5\r\nab\r\nc\r\n");
    expect_reply(REPLY(QUEUE_REPLY_OUT_OF_MEMORY, .id = 0), "OUT_OF_MEMORY\r\n");
    expect_reply(REPLY(QUEUE_REPLY_POLICY_SET, .id = 0), "POLICY_SET\r\n");
#undef REPLY
}

static void expect_refusal(const char *bytes, enum protocol_refusal why, const char *text)
{
    void *connection = beanstalk_ops.open(NULL);
    struct protocol_request request;
    struct slice left = slice_text(bytes);
    beanstalk_ops.next(connection, &left, &request);
    assert_int_equal(left.size, 0);
    struct buffer out = {0};
    beanstalk_ops.refuse(connection, request.token, why, &out);
    assert_int_equal(out.size, strlen(text));
    assert_memory_equal(out.data, text, out.size);
    buffer_free(&out);
    beanstalk_ops.close(connection);
}

static void refusals_use_the_protocols_own_words(void **state)
{
    (void)state;
    static const char put[] = "put 0 0 1 1\r\na\r\n";
    expect_refusal(put, PROTOCOL_REFUSED_NO_LEADER, "DRAINING\r\n");
    expect_refusal(put, PROTOCOL_REFUSED_DRAINING, "DRAINING\r\n");
    expect_refusal(put, PROTOCOL_REFUSED_FULL, "OUT_OF_MEMORY\r\n");
    expect_refusal(put, PROTOCOL_REFUSED_BUSY, "OUT_OF_MEMORY\r\n");
    expect_refusal("delete 1\r\n", PROTOCOL_REFUSED_NO_LEADER, "INTERNAL_ERROR\r\n");
    expect_refusal("reserve\r\n", PROTOCOL_REFUSED_DRAINING, "INTERNAL_ERROR\r\n");
    expect_refusal("stats\r\n", PROTOCOL_REFUSED_NO_LEADER, "INTERNAL_ERROR\r\n");
    expect_refusal("delete 1\r\n", PROTOCOL_REFUSED_BUSY, "OUT_OF_MEMORY\r\n");
}

static void questions_about_jobs_are_asked_as_configured_and_others_locally(void **state)
{
    (void)state;
    static const char *const about_jobs[] = {"peek 1\r\n", "peek-ready\r\n", "peek-delayed\r\n",
                                             "peek-buried\r\n", "stats-job 1\r\n"};
    static const char *const others[] = {"stats\r\n", "stats-tube t\r\n", "list-tubes\r\n",
                                         "list-tube-used\r\n", "list-tubes-watched\r\n"};
    for (int level = PROTOCOL_READ_LINEARIZABLE; level <= PROTOCOL_READ_LOCAL; level++) {
        struct protocol_config config = {.reads = (enum protocol_read)level};
        void *connection = beanstalk_ops.open(&config);
        for (int i = 0; i < 10; i++) {
            struct protocol_request request;
            struct slice line = slice_text(i < 5 ? about_jobs[i] : others[i - 5]);
            assert_int_equal(beanstalk_ops.next(connection, &line, &request), PROTOCOL_QUERY);
            assert_int_equal(request.read, i < 5 ? level : (int)PROTOCOL_READ_LOCAL);
        }
        beanstalk_ops.close(connection);
    }
}

int main(void)
{
    guarded = guarded_make(1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_read),
        cmocka_unit_test(pipelined_commands_keep_their_order),
        cmocka_unit_test(nothing_is_read_after_quit),
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
        cmocka_unit_test(bodies_are_any_bytes),
        cmocka_unit_test(a_bad_put_line_has_no_body),
        cmocka_unit_test(a_body_must_end_in_cr_lf),
        cmocka_unit_test(a_job_too_big_is_swallowed),
        cmocka_unit_test(the_default_limit_is_65535),
        cmocka_unit_test(only_what_came_is_held),
        cmocka_unit_test(cuts_never_change_what_is_heard),
        cmocka_unit_test(every_reply_has_its_text),
        cmocka_unit_test(refusals_use_the_protocols_own_words),
        cmocka_unit_test(questions_about_jobs_are_asked_as_configured_and_others_locally),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&guarded);
    return failed;
}
