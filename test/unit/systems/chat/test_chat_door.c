/* The chat's connections: the door, broken framing, silence, floods, the end. */
#include "chat_lines.h"

static void a_websocket_is_opened_and_greeted(void **state)
{
    (void)state;
    begin();
    say_head(0, "127.0.0.1:8080", "Sec-WebSocket-Protocol: chat, quartet.chat.v1\r\n");
    static const char expected[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Sec-WebSocket-Protocol: quartet.chat.v1\r\n\r\n";
    assert_int_equal(talk.talkers[0].heard.size, strlen(expected));
    assert_memory_equal(buffer_slice(&talk.talkers[0].heard).data, expected, strlen(expected));
    buffer_clear(&talk.talkers[0].heard);
    say(0, "{\"type\":\"hello\",\"id\":5,\"user\":\"ann\"}");
    hears(0, "{\"type\":\"welcome\",\"id\":5,\"epoch\":\"000000000000c0de\",\"client\":\"$C1\","
             "\"secret\":\"$S1\",\"user\":\"ann\",\"node\":1,\"endpoints\":[],\"heartbeat_s\":25,"
             "\"limits\":{\"message\":65536,\"text\":16384,\"rooms\":64,\"in_flight\":32},"
             "\"features\":[\"edit\",\"history\",\"presence\",\"read\"]}\n");
    greets(1, "{\"type\":\"hello\"}");
    say(1, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"x\"}");
    say(1, "{\"type\":\"history\",\"id\":1,\"room\":\"r\",\"before\":9,\"limit\":9}");
    hears_part(1, "\"user\":\"guest-");
    assert_memory_not_equal(clients[0], clients[1], 32);
    assert_memory_not_equal(secrets[0], secrets[1], 32);
    end();
}

static void only_who_may_comes_in(void **state)
{
    (void)state;
    static const struct chat_protocol_options options = {
        .endpoints_count = 2,
        .endpoints = {"http://chat.example:8080", "https://b.example"},
        .names = "node-1,node-2",
    };
    static const struct {
        const char *host, *origin, *status;
    } cases[] = {
        {"localhost:8080", "", "101"},
        {"LOCALHOST", "", "101"},
        {"[::1]:8080", "", "101"},
        {"10.1.2.3", "", "101"},
        {"chat.example:8080", "", "101"},
        {"b.example", "", "101"},
        {"node-2:8080", "", "101"},
        {"evil.example", "", "421"},
        {"chat.example.evil", "", "421"},
        {"localhost.evil:8080", "", "421"},
        {"localhost:8080", "Origin: http://localhost:8080\r\n", "101"},
        {"localhost:8080", "Origin: http://chat.example:8080\r\n", "101"},
        {"localhost:8080", "Origin: https://b.example\r\n", "101"},
        {"localhost:8080", "Origin: http://localhost:8081\r\n", "403"},
        {"localhost:8080", "Origin: http://evil.example\r\n", "403"},
        {"localhost:8080", "Origin: http://chat.example\r\n", "403"},
        {"localhost:8080", "Origin: null\r\n", "403"},
        {"localhost:8080", "Origin: ftp://localhost:8080\r\n", "403"},
        {"localhost", "Sec-WebSocket-Protocol: other\r\n", "400"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin_with(NULL, &options);
        say_head(0, cases[i].host, cases[i].origin);
        expect_status(0, cases[i].status);
        end();
    }
}

static void what_is_no_upgrade_is_told_so(void **state)
{
    (void)state;
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"},
        {"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"},
        {"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "405"},
        {"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
         "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         "426"},
        {"GET /chat HTTP/1.1\r\n\r\n", "400"},
        {"\x16\x03\x01 what is this\r\n\r\n", "400"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        say_raw(0, cases[i].request);
        expect_status(0, cases[i].status);
        end();
    }
}

static void expect_page(uint32_t i, const char *status, const char *end)
{
    struct slice in = buffer_slice(&talk.talkers[i].heard);
    assert_true(in.size > strlen(status) && memcmp(in.data, status, strlen(status)) == 0);
    assert_non_null(memmem(in.data, in.size, "connect-src 'self' ws://a:1; base-uri 'none'", 44));
    assert_true(in.size >= strlen(end));
    assert_memory_equal(in.data + in.size - strlen(end), end, strlen(end));
    buffer_clear(&talk.talkers[i].heard);
}

static void pages_are_served_and_reach_the_nodes_alone(void **state)
{
    (void)state;
    static const struct chat_page pages[] = {
        {"/", "text/html", "<p>hello"}, {"/page.js", "text/javascript", "1;"}, {NULL, NULL, NULL}};
    static const struct chat_protocol_options options = {
        .endpoints_count = 1, .endpoints = {"http://a:1"}, .pages = pages};
    begin_with(NULL, &options);
    say_raw(0, "GET / HTTP/1.1\r\nHost: a:1\r\n\r\n");
    expect_page(0, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "\r\n\r\n<p>hello");
    say_raw(0, "HEAD / HTTP/1.1\r\nHost: a:1\r\n\r\n");
    expect_page(0, "HTTP/1.1 200 OK\r\n", "\r\n\r\n");
    say_raw(0, "GET /page.js HTTP/1.1\r\nHost: a:1\r\nIf-None-Match: *\r\n\r\n");
    expect_page(0, "HTTP/1.1 304 ", "\r\n\r\n");
    assert_false(talk.talkers[0].closed);
    say_raw(0, "GET /page.js HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n");
    expect_page(0, "HTTP/1.1 200 ", "\r\n\r\n1;");
    assert_true(talk.talkers[0].closed);
    say_raw(1, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    expect_status(1, "421");
    end();
}

static void a_full_node_says_so(void **state)
{
    (void)state;
    struct buffer out = {0};
    chat_protocol_ops.refuse(NULL, 0, PROTOCOL_REFUSED_FULL, &out);
    assert_memory_equal(buffer_slice(&out).data, "HTTP/1.1 503 ", 13);
    buffer_free(&out);
}

static void broken_framing_closes_with_its_code(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *code;
    } cases[] = {
        {"\x81\x01x", 3, "CLOSE 1002\n"},                         /* not masked */
        {"\x82\x81\0\0\0\0x", 7, "CLOSE 1003\n"},                 /* binary */
        {"\x81\x81\0\0\0\0\xff", 7, "CLOSE 1007\n"},              /* no UTF-8 */
        {"\x81\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14, "CLOSE 1009\n"}, /* 65537 bytes */
        {"\x88\x82\0\0\0\0\x03\xe8", 8, "CLOSE 1000\n"},          /* a close frame is echoed */
        {"\x88\x80\0\0\0\0", 6, "CLOSE 1005\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
        talk_bytes(&talk, 0, slice_of(cases[i].bytes, cases[i].size));
        hears(0, cases[i].code);
        assert_true(talk.talkers[0].closed);
        end();
    }
}

static void silence_is_pinged_and_then_closed(void **state)
{
    (void)state;
    begin();
    greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    struct talker *talker = &talk.talkers[0];
    assert_int_equal(talk_turn(&talk, talker, 100 * SECOND_US), 125 * SECOND_US);
    assert_int_equal(talk_turn(&talk, talker, 124 * SECOND_US), 125 * SECOND_US);
    hears(0, "");
    assert_int_equal(talk_turn(&talk, talker, 125 * SECOND_US), 140 * SECOND_US);
    assert_int_equal(talk_turn(&talk, talker, 126 * SECOND_US), 140 * SECOND_US);
    hears(0, "PING\n");
    frame(0, WEBSOCKET_OP_PONG, slice_of(NULL, 0));
    assert_int_equal(talk_turn(&talk, talker, 130 * SECOND_US), 155 * SECOND_US);
    say_raw(0, "\x81"); /* any byte is life */
    assert_int_equal(talk_turn(&talk, talker, 150 * SECOND_US), 175 * SECOND_US);
    assert_int_equal(talk_turn(&talk, talker, 190 * SECOND_US), PROTOCOL_TURN_CLOSE);
    hears(0, "CLOSE 4408\n");
    end();
}

static void who_does_not_say_hello_is_closed(void **state)
{
    (void)state;
    begin();
    enters(0);
    assert_int_equal(talk_turn(&talk, &talk.talkers[0], SECOND_US), 11 * SECOND_US);
    say(0, "{\"type\":\"ping\"}"); /* does not help */
    hears_part(0, "hello_first");
    assert_int_equal(talk_turn(&talk, &talk.talkers[0], 11 * SECOND_US), PROTOCOL_TURN_CLOSE);
    hears(0, "CLOSE 4408\n");
    say_raw(1, "GET /chat HT");
    assert_int_equal(talk_turn(&talk, &talk.talkers[1], SECOND_US), 11 * SECOND_US);
    assert_int_equal(talk_turn(&talk, &talk.talkers[1], 11 * SECOND_US), PROTOCOL_TURN_CLOSE);
    assert_int_equal(talk.talkers[1].heard.size, 0);
    end();
}

static void a_drain_says_goodbye_behind_what_is_owed(void **state)
{
    (void)state;
    begin();
    greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    greets(1, "{\"type\":\"hello\",\"user\":\"bob\"}");
    talk.wait = true;
    say(0, "{\"type\":\"post\",\"id\":1,\"room\":\"r\",\"text\":\"x\"}");
    for (uint32_t i = 0; i < 2; i++) {
        chat_protocol_ops.drain(talk.talkers[i].connection, &talk.talkers[i].heard);
    }
    hears(0, "{\"type\":\"bye\",\"wait_ms\":0}\n");
    hears(1, "{\"type\":\"bye\",\"wait_ms\":0}\nCLOSE 1001\n");
    talk.wait = false;
    talk_apply(&talk, &talk.talkers[0]);
    hears(0, "{\"type\":\"ack\",\"id\":1,\"room\":\"r\",\"seq\":1,\"time\":0}\nCLOSE 1001\n");
    end();
}

static void who_floods_is_stopped_and_memory_is_given_back(void **state)
{
    (void)state;
    begin();
    greets(0, "{\"type\":\"hello\",\"user\":\"ann\"}");
    struct buffer frames = {0};
    char *text = calloc(1, 60000);
    assert_non_null(text);
    memset(text, ' ', 59998);
    memcpy(text, "{}", 2);
    websocket_write(WEBSOCKET_OP_TEXT, true, slice_of(text, 59998), (const uint8_t[4]){0}, &frames);
    for (int i = 0; i < 18; i++) { /* the node wants nothing now */
        struct slice bytes = buffer_slice(&frames);
        chat_protocol_ops.next(talk.talkers[0].connection, &bytes, NULL);
        assert_int_equal(bytes.size, 0);
    }
    talk_settle(&talk);
    struct buffer out = heard(0);
    assert_non_null(strstr((const char *)buffer_slice(&out).data, "CLOSE 4429\n"));
    buffer_free(&out);
    greets(1, "{\"type\":\"hello\",\"user\":\"bob\"}");
    talk_bytes(&talk, 1, slice_of(buffer_slice(&frames).data, 50000));
    assert_true(chat_protocol_ops.held(talk.talkers[1].connection) > 40000);
    chat_protocol_ops.shed(talk.talkers[1].connection);
    assert_true(chat_protocol_ops.held(talk.talkers[1].connection) < 4096);
    assert_int_equal(talk_turn(&talk, &talk.talkers[1], 1), PROTOCOL_TURN_CLOSE);
    hears(1, "CLOSE 1013\n");
    buffer_free(&frames);
    free(text);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_websocket_is_opened_and_greeted),
        cmocka_unit_test(only_who_may_comes_in),
        cmocka_unit_test(what_is_no_upgrade_is_told_so),
        cmocka_unit_test(pages_are_served_and_reach_the_nodes_alone),
        cmocka_unit_test(a_full_node_says_so),
        cmocka_unit_test(broken_framing_closes_with_its_code),
        cmocka_unit_test(silence_is_pinged_and_then_closed),
        cmocka_unit_test(who_does_not_say_hello_is_closed),
        cmocka_unit_test(a_drain_says_goodbye_behind_what_is_owed),
        cmocka_unit_test(who_floods_is_stopped_and_memory_is_given_back),
    };
    return cmocka_run_group_tests_name("chat_door", tests, NULL, NULL);
}
