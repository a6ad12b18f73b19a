/* The frames of a WebSocket: what is taken, what is refused and with which code, wherever reads cut
 * the bytes. Each piece ends at an unreadable page. Source: RFC 6455; the cases follow the chapters
 * of the Autobahn test suite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "guarded.h"
#include "wire/websocket.h"

static struct guarded guarded;

struct stream {
    struct websocket websocket;
    struct buffer transcript;
    bool over;
};

static void tell(struct stream *stream, enum websocket_result result, struct slice payload,
                 unsigned code)
{
    static const char *const names[] = {"", "text", "binary", "ping", "pong", "close", "refused"};
    struct buffer *out = &stream->transcript;
    if (out->size != 0) buffer_append_text(out, " ");
    buffer_append_text(out, names[result]);
    if (result >= WEBSOCKET_CLOSE) {
        buffer_append_text(out, " ");
        buffer_append_decimal(out, code);
        stream->over = true;
    }
    if (result == WEBSOCKET_REFUSED) return;
    buffer_append_text(out, "(");
    buffer_append_slice(out, payload);
    buffer_append_text(out, ")");
}

static void stream_feed(struct stream *stream, struct slice piece)
{
    struct slice left = guarded_copy(&guarded, piece);
    for (;;) {
        size_t consumed = SIZE_MAX;
        struct slice payload = {0};
        unsigned code = 0;
        enum websocket_result result =
            websocket_read(&stream->websocket, left, &consumed, &payload, &code);
        assert_true(consumed <= left.size);
        left = slice_of(left.data + consumed, left.size - consumed);
        if (result == WEBSOCKET_PARTIAL) break;
        assert_false(stream->over);
        tell(stream, result, payload, code);
    }
    assert_int_equal(left.size, 0);
}

static void stream_expect(struct stream *stream, const char *transcript, size_t cut)
{
    buffer_append(&stream->transcript, "", 1);
    const char *said = (const char *)buffer_slice(&stream->transcript).data;
    if (strcmp(said, transcript) != 0) fail_msg("cut at %zu: %s, not %s", cut, said, transcript);
    buffer_free(&stream->transcript);
    websocket_free(&stream->websocket);
}

/* Whole, cut in two at each place, and byte by byte. */
static void expect_of(const struct websocket *settings, struct slice bytes, const char *transcript)
{
    for (size_t cut = 0; cut <= bytes.size; cut++) {
        struct stream stream = {.websocket = *settings};
        stream_feed(&stream, slice_of(bytes.data, cut));
        stream_feed(&stream, slice_of(bytes.data + cut, bytes.size - cut));
        stream_expect(&stream, transcript, cut);
    }
    struct stream stream = {.websocket = *settings};
    for (size_t i = 0; i < bytes.size; i++) stream_feed(&stream, slice_of(bytes.data + i, 1));
    stream_expect(&stream, transcript, SIZE_MAX);
}

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

/* Frames as a client sends them, in a row. */
static struct buffer frames;

static void frame(unsigned opcode, bool fin, const char *payload)
{
    websocket_write((enum websocket_opcode)opcode, fin, slice_text(payload), key, &frames);
}

/* Any two first bytes, and a payload behind a mask of zeros. */
static void raw(uint8_t first, uint8_t second, const char *payload)
{
    buffer_put_u8(&frames, first);
    buffer_put_u8(&frames, second);
    buffer_put_u32(&frames, 0);
    buffer_append_text(&frames, payload);
}

static void expect(const char *transcript)
{
    expect_of(&(struct websocket){0}, buffer_slice(&frames), transcript);
    buffer_clear(&frames);
}

/* --- what is taken --- */

static void the_examples_of_the_rfc(void **state)
{
    (void)state;
    static const uint8_t masked[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d,
                                     0x7f, 0x9f, 0x4d, 0x51, 0x58};
    static const uint8_t plain[] = {0x81, 0x05, 'H', 'e', 'l', 'l', 'o'};
    static const uint8_t two[] = {0x01, 0x03, 'H', 'e', 'l', 0x80, 0x02, 'l', 'o'};
    static const uint8_t pong[] = {0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d,
                                   0x7f, 0x9f, 0x4d, 0x51, 0x58};
    struct websocket server = {0}, client = {.is_client = true};
    expect_of(&server, slice_of(masked, sizeof masked), "text(Hello)");
    expect_of(&client, slice_of(plain, sizeof plain), "text(Hello)");
    expect_of(&client, slice_of(two, sizeof two), "text(Hello)");
    expect_of(&server, slice_of(pong, sizeof pong), "pong(Hello)");

    struct buffer out = {0};
    websocket_write(WEBSOCKET_OP_TEXT, true, slice_text("Hello"), key, &out);
    assert_true(slice_equal(buffer_slice(&out), slice_of(masked, sizeof masked)));
    buffer_clear(&out);
    websocket_write(WEBSOCKET_OP_TEXT, false, slice_text("Hel"), NULL, &out);
    websocket_write(WEBSOCKET_OP_CONTINUE, true, slice_text("lo"), NULL, &out);
    assert_true(slice_equal(buffer_slice(&out), slice_of(two, sizeof two)));
    buffer_free(&out);
}

static void messages_follow_one_another(void **state)
{
    (void)state;
    frame(1, true, "a");
    frame(2, true, "b");
    frame(1, true, "");
    frame(9, true, "p");
    frame(10, true, "");
    frame(1, true, "c");
    expect("text(a) binary(b) text() ping(p) pong() text(c)");
}

static void fragments_are_put_together_and_control_frames_come_between(void **state)
{
    (void)state;
    frame(1, false, "one ");
    frame(9, true, "1");
    frame(0, false, "");
    frame(10, true, "2");
    frame(0, false, "two ");
    frame(0, true, "three");
    frame(2, false, "");
    frame(0, true, "");
    expect("ping(1) pong(2) text(one two three) binary()");
}

static void a_close_frame_ends_it(void **state)
{
    (void)state;
    frame(8, true, "");
    frame(1, true, "ignored");
    expect("close 1005()");
    frame(8, true, "\x03\xe8");
    expect("close 1000()");
    frame(8, true, "\x0f\xa0nine \xe2\x82\xac");
    expect("close 4000(nine \xe2\x82\xac)");
    frame(1, false, "never whole");
    frame(8, true, "\x03\xe9");
    expect("close 1001()");
}

/* --- what is refused --- */

static void framing_is_strict(void **state)
{
    (void)state;
    for (unsigned reserved = 0x10; reserved <= 0x40; reserved <<= 1) {
        raw((uint8_t)(0x81 | reserved), 0x80, "");
        expect("refused 1002");
    }
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        if (opcode >= 1 && opcode <= 2) continue;
        if (opcode >= 8 && opcode <= 10) continue;
        frame(1, true, "before");
        raw((uint8_t)(0x80 | opcode), 0x80, "");
        expect("text(before) refused 1002"); /* 0: nothing goes on */
    }
    for (unsigned opcode = 8; opcode <= 10; opcode++) {
        raw((uint8_t)opcode, 0x80, ""); /* in fragments */
        expect("refused 1002");
        raw((uint8_t)(0x80 | opcode), 0x80 | 126, "");
        expect("refused 1002");
    }
    frame(1, false, "a");
    frame(1, true, "b");
    expect("refused 1002");
    frame(1, false, "a");
    frame(2, true, "b");
    expect("refused 1002");
}

static void only_clients_mask(void **state)
{
    (void)state;
    struct websocket server = {0}, client = {.is_client = true};
    expect_of(&server, slice_text("\x81\x01\x61"), "refused 1002");
    expect_of(&client, slice_text("\x81\x81\x01\x01\x01\x01\x61"), "refused 1002");
    expect_of(&client, slice_text("\x89\x01p\x88\x02\x03\xe8"), "ping(p) close 1000()");
}

static void sizes_are_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *transcript;
    } cases[] = {
        {"\x82\xfe\x00\x7d\0\0\0\0", 8, "refused 1002"},
        {"\x82\xfe\x00\x00\0\0\0\0", 8, "refused 1002"},
        {"\x82\xfe\x00\x7e\0\0\0\0", 8, ""},
        {"\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14, "refused 1002"},
        {"\x82\xff\0\0\0\0\0\x01\0\0\0\0\0\0", 14, ""},
        {"\x82\xff\0\0\0\0\0\x01\0\x01\0\0\0\0", 14, "refused 1009"},
        {"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, "refused 1009"},
        {"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, "refused 1002"},
        {"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, "refused 1002"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_of(&(struct websocket){0}, slice_of(cases[i].bytes, cases[i].size),
                  cases[i].transcript);
    }
}

static void texts_are_utf8(void **state)
{
    (void)state;
    frame(1, true, "\xce\xba\xe1\xbd\xb9\xf0\x9f\x98\x80");
    expect("text(\xce\xba\xe1\xbd\xb9\xf0\x9f\x98\x80)");
    frame(1, false, "\xce"); /* a character may lie across fragments */
    frame(9, true, "\xff");  /* and control frames are not text */
    frame(0, false, "\xba\xf0\x9f");
    frame(0, true, "\x98\x80");
    expect("ping(\xff) text(\xce\xba\xf0\x9f\x98\x80)");
    frame(1, true, "\xed\xa0\x80");
    expect("refused 1007");
    frame(1, true, "a\xce"); /* but not across messages */
    frame(1, true, "\xba");
    expect("refused 1007");
    frame(1, true, "a");
    frame(2, true, "\xff\xce");
    frame(1, true, "\xce\xba");
    expect("text(a) binary(\xff\xce) text(\xce\xba)");
    frame(2, false, "\xff");
    frame(0, true, "\xff");
    expect("binary(\xff\xff)");
}

/* The first byte that cannot be UTF-8 ends it, before its frame or message is whole. */
static void a_text_is_refused_as_early_as_can_be(void **state)
{
    (void)state;
    struct buffer text = {0};
    websocket_write(WEBSOCKET_OP_TEXT, true, slice_text("ab\xf4\x90zzzz"), key, &text);
    for (size_t size = 0; size <= text.size; size++) {
        struct stream stream = {0};
        stream_feed(&stream, slice_of(buffer_slice(&text).data, size));
        stream_expect(&stream, size < 6 + 4 ? "" : "refused 1007", size);
    }
    buffer_free(&text);
}

static void close_frames_are_strict(void **state)
{
    (void)state;
    frame(8, true, "\x03");
    expect("refused 1002");
    static const unsigned bad[] = {1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char code[] = {(char)(bad[i] >> 8), (char)bad[i], 0};
        if (code[0] == 0) {
            buffer_append(&frames, "\x88\x82\0\0\0\0\0\x01", 8);
        } else {
            frame(8, true, code);
        }
        expect("refused 1002");
    }
    static const struct {
        unsigned code;
        const char *transcript;
    } good[] = {
        {1000, "close 1000()"}, {1003, "close 1003()"}, {1007, "close 1007()"},
        {1014, "close 1014()"}, {3000, "close 3000()"}, {4999, "close 4999()"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        websocket_close_write(good[i].code, slice_of(NULL, 0), key, &frames);
        expect(good[i].transcript);
    }
    frame(8, true, "\x03\xe8\xce\xba\xce");
    expect("refused 1007");
}

/* --- limits --- */

static void messages_have_a_limit(void **state)
{
    (void)state;
    struct websocket small = {.message_size_max = 4};
    static const struct {
        const char *first, *second;
        const char *transcript;
    } cases[] = {
        {"abcd", NULL, "text(abcd)"}, {"abcde", NULL, "refused 1009"},
        {"ab", "cd", "text(abcd)"},   {"ab", "cde", "refused 1009"},
        {"abcd", "", "text(abcd)"},   {"abcd", "e", "refused 1009"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        frame(1, cases[i].second == NULL, cases[i].first);
        if (cases[i].second != NULL) frame(0, true, cases[i].second);
        expect_of(&small, buffer_slice(&frames), cases[i].transcript);
        buffer_clear(&frames);
    }
    frame(9, true, "control frames do not count");
    frame(1, true, "abcd");
    frame(1, true, "efgh");
    expect_of(&small, buffer_slice(&frames),
              "ping(control frames do not count) text(abcd) text(efgh)");
    buffer_clear(&frames);
}

static void control_frames_hold_125(void **state)
{
    (void)state;
    char payload[WEBSOCKET_CONTROL_SIZE_MAX + 1], transcript[sizeof payload + 8] = "ping(";
    memset(payload, 'x', sizeof payload - 1);
    payload[sizeof payload - 1] = 0;
    strcat(strcat(transcript, payload), ")");
    frame(9, true, payload);
    expect(transcript);
}

/* Both sides, all forms of the size, in two pieces. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, 70000};
    struct random random = random_seeded(7);
    uint8_t *bytes = malloc(70000);
    assert_non_null(bytes);
    for (size_t i = 0; i < 70000; i++) bytes[i] = (uint8_t)random_next(&random);
    struct buffer out = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (unsigned masked = 0; masked < 2; masked++) {
            struct slice sent = slice_of(bytes, sizes[i]), payload;
            buffer_clear(&out);
            websocket_write(WEBSOCKET_OP_BINARY, true, sent, masked ? key : NULL, &out);
            size_t extra = sizes[i] < 126 ? 0 : sizes[i] < 65536 ? 2 : 8;
            assert_int_equal(out.size, 2 + extra + 4 * masked + sizes[i]);
            struct websocket reader = {.is_client = !masked, .message_size_max = 70000};
            size_t consumed, cut = (size_t)random_below(&random, out.size);
            unsigned code;
            assert_int_equal(websocket_read(&reader, slice_of(buffer_slice(&out).data, cut),
                                            &consumed, &payload, &code),
                             WEBSOCKET_PARTIAL);
            struct slice rest = slice_of(buffer_slice(&out).data + cut, out.size - cut);
            assert_int_equal(websocket_read(&reader, rest, &consumed, &payload, &code),
                             WEBSOCKET_BINARY);
            assert_true(slice_equal(payload, sent));
            websocket_free(&reader);
        }
    }
    buffer_free(&out);
    free(bytes);
}

static void a_reason_is_cut_between_two_characters(void **state)
{
    (void)state;
    struct buffer reason = {0};
    for (int i = 0; i < 60; i++) buffer_append_text(&reason, "\xe2\x82\xac");
    websocket_close_write(WEBSOCKET_RESTART, buffer_slice(&reason), key, &frames);
    struct buffer transcript = {0};
    buffer_append_text(&transcript, "close 1012(");
    buffer_append(&transcript, buffer_slice(&reason).data, 123);
    buffer_append(&transcript, ")", 2);
    expect((const char *)buffer_slice(&transcript).data);
    buffer_consume(&reason, 3);
    buffer_append_text(&reason, "a");
    websocket_close_write(WEBSOCKET_NO_CODE, slice_of(NULL, 0), key, &frames);
    expect("close 1005()");
    buffer_free(&reason);
    buffer_free(&transcript);
}

/* An idle connection holds little, whatever its last message was. */
static void memory_is_given_back(void **state)
{
    (void)state;
    char *text = malloc(WEBSOCKET_MESSAGE_SIZE_MAX);
    assert_non_null(text);
    memset(text, 'x', WEBSOCKET_MESSAGE_SIZE_MAX);
    struct buffer out = {0};
    websocket_write(WEBSOCKET_OP_TEXT, true, slice_of(text, WEBSOCKET_MESSAGE_SIZE_MAX), key, &out);
    struct websocket websocket = {0};
    size_t consumed;
    struct slice payload;
    unsigned code;
    assert_int_equal(websocket_read(&websocket, buffer_slice(&out), &consumed, &payload, &code),
                     WEBSOCKET_TEXT);
    assert_int_equal(payload.size, WEBSOCKET_MESSAGE_SIZE_MAX);
    assert_true(websocket_held(&websocket) >= WEBSOCKET_MESSAGE_SIZE_MAX);
    assert_int_equal(websocket_read(&websocket, slice_of(NULL, 0), &consumed, &payload, &code),
                     WEBSOCKET_PARTIAL);
    assert_true(websocket_held(&websocket) <= WEBSOCKET_KEPT_SIZE_MAX);
    websocket_ignore(&websocket);
    assert_int_equal(websocket_held(&websocket), 0);
    assert_int_equal(websocket_read(&websocket, buffer_slice(&out), &consumed, &payload, &code),
                     WEBSOCKET_PARTIAL);
    assert_int_equal(consumed, out.size);
    buffer_free(&out);
    free(text);
}

static void a_text_that_grows_in_place_is_the_same_frame(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536};
    char *text = malloc(65536);
    assert_non_null(text);
    for (size_t i = 0; i < 65536; i++) text[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct slice payload = slice_of(text, sizes[i]);
        struct buffer once = {0}, in_place = {0};
        buffer_append_text(&once, "before");
        buffer_append_text(&in_place, "before");
        websocket_write(WEBSOCKET_OP_TEXT, true, payload, NULL, &once);
        size_t begin = websocket_text_begin(&in_place);
        buffer_append_slice(&in_place, payload);
        websocket_text_end(begin, &in_place);
        assert_true(slice_equal(buffer_slice(&once), buffer_slice(&in_place)));
        buffer_free(&once);
        buffer_free(&in_place);
    }
    free(text);
}

static int make_guarded(void **state)
{
    (void)state;
    guarded = guarded_make(4096);
    return 0;
}

static int free_guarded(void **state)
{
    (void)state;
    guarded_free(&guarded);
    buffer_free(&frames);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc),
        cmocka_unit_test(messages_follow_one_another),
        cmocka_unit_test(fragments_are_put_together_and_control_frames_come_between),
        cmocka_unit_test(a_close_frame_ends_it),
        cmocka_unit_test(framing_is_strict),
        cmocka_unit_test(only_clients_mask),
        cmocka_unit_test(sizes_are_in_their_shortest_form),
        cmocka_unit_test(texts_are_utf8),
        cmocka_unit_test(a_text_is_refused_as_early_as_can_be),
        cmocka_unit_test(close_frames_are_strict),
        cmocka_unit_test(messages_have_a_limit),
        cmocka_unit_test(control_frames_hold_125),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_text_that_grows_in_place_is_the_same_frame),
        cmocka_unit_test(a_reason_is_cut_between_two_characters),
        cmocka_unit_test(memory_is_given_back),
    };
    return cmocka_run_group_tests_name("websocket", tests, make_guarded, free_guarded);
}
