/* The beanstalkd protocol: the text of every reply and refusal, and how true each question asks its
 * answer to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "contract/machine.h"
#include "systems/queue/machine/queue.h"
#include "contract/protocol.h"
#include "systems/queue/protocol/beanstalk.h"

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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_has_its_text),
        cmocka_unit_test(refusals_use_the_protocols_own_words),
        cmocka_unit_test(questions_about_jobs_are_asked_as_configured_and_others_locally),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
