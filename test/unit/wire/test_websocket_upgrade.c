/* The handshake of a WebSocket: RFC 6455, sections 1.3 and 4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/websocket.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static struct http_request request;

/* Reads a head with these fields and judges it; `out`, if there is one, has the answer. */
static enum websocket_upgrade judge(const char *line, const char *fields, struct buffer *out)
{
    struct buffer bytes = {0};
    struct http_parser parser = {0};
    size_t consumed;
    unsigned status;
    buffer_append_text(&bytes, line);
    buffer_append_text(&bytes, "\r\nHost: a\r\n");
    buffer_append_text(&bytes, fields);
    buffer_append_text(&bytes, "\r\n");
    assert_int_equal(http_parse(&parser, buffer_slice(&bytes), &consumed, &request, &status),
                     HTTP_REQUEST);
    enum websocket_upgrade judged = websocket_upgrade_of(&request, "quartet.chat.v1");
    if (out != NULL) websocket_accept_write(&request, "quartet.chat.v1", out);
    http_parser_free(&parser);
    buffer_free(&bytes);
    return judged;
}

static void expect(const char *fields, enum websocket_upgrade upgrade)
{
    assert_int_equal(judge("GET /chat HTTP/1.1", fields, NULL), upgrade);
}

static void the_example_of_the_rfc(void **state)
{
    (void)state;
    struct buffer out = {0};
    assert_int_equal(judge("GET /chat HTTP/1.1", UPGRADE KEY VERSION, &out), WEBSOCKET_UPGRADE);
    assert_true(
        slice_equal(buffer_slice(&out),
                    slice_text("HTTP/1.1 101 Switching Protocols\r\n"
                               "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")));
    buffer_clear(&out);
    judge("GET /chat HTTP/1.1",
          UPGRADE KEY VERSION "Sec-WebSocket-Protocol: soap, quartet.chat.v1\r\n", &out);
    assert_true(slice_equal(buffer_slice(&out),
                            slice_text("HTTP/1.1 101 Switching Protocols\r\n"
                                       "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                       "Sec-WebSocket-Protocol: quartet.chat.v1\r\n\r\n")));
    buffer_free(&out);
}

static void what_asks_for_something_else(void **state)
{
    (void)state;
    expect("", WEBSOCKET_UPGRADE_NONE);
    expect("Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY VERSION, WEBSOCKET_UPGRADE_NONE);
    expect("Upgrade: websocket\r\n" KEY VERSION, WEBSOCKET_UPGRADE_NONE); /* not in Connection */
    expect("Upgrade: h2c, WebSocket\r\nConnection: keep-alive, upgrade\r\n" KEY VERSION,
           WEBSOCKET_UPGRADE);
}

static void what_is_not_in_order(void **state)
{
    (void)state;
    expect(UPGRADE VERSION, WEBSOCKET_UPGRADE_BAD);
    expect(UPGRADE KEY KEY VERSION, WEBSOCKET_UPGRADE_BAD);
    expect(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", WEBSOCKET_UPGRADE_BAD);
    expect(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n", WEBSOCKET_UPGRADE_BAD);
    expect(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTEy\r\n",
           WEBSOCKET_UPGRADE_BAD); /* 18 bytes */
    expect(UPGRADE KEY, WEBSOCKET_UPGRADE_BAD);
    expect(UPGRADE KEY VERSION VERSION, WEBSOCKET_UPGRADE_BAD);
    expect(UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", WEBSOCKET_UPGRADE_VERSION);
    expect(UPGRADE KEY "Sec-WebSocket-Version: 013\r\n", WEBSOCKET_UPGRADE_VERSION);
    assert_int_equal(judge("POST /chat HTTP/1.1", UPGRADE KEY VERSION, NULL),
                     WEBSOCKET_UPGRADE_BAD);
}

static void subprotocols_are_chosen(void **state)
{
    (void)state;
#define OFFER UPGRADE KEY VERSION "Sec-WebSocket-Protocol: "
    expect(OFFER "soap\r\n", WEBSOCKET_UPGRADE_SUBPROTOCOL);
    expect(OFFER "soap\r\nSec-WebSocket-Protocol: quartet.chat.v1\r\n", WEBSOCKET_UPGRADE);
    expect(OFFER "quartet.chat.v2\r\n", WEBSOCKET_UPGRADE_SUBPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(what_asks_for_something_else),
        cmocka_unit_test(what_is_not_in_order),
        cmocka_unit_test(subprotocols_are_chosen),
    };
    return cmocka_run_group_tests_name("websocket_upgrade", tests, NULL, NULL);
}
