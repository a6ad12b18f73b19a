/* Connections of the chat: what is said as text, what is heard as a line a message. */
#ifndef QUARTET_TEST_CHAT_LINES_H
#define QUARTET_TEST_CHAT_LINES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "chat_talk.h"

#define SECOND_US UINT64_C(1000000)

static struct talk talk;
static char clients[TALKERS][33], secrets[TALKERS][33]; /* as `welcome` said */
static struct websocket readers[TALKERS];               /* of the clients */

static inline void begin_with(const struct chat_options *machine,
                              const struct chat_protocol_options *options)
{
    talk_open(&talk, machine, options);
    for (uint32_t i = 0; i < TALKERS; i++) {
        readers[i] = (struct websocket){.is_client = true};
        clients[i][0] = secrets[i][0] = '\0';
    }
}

static inline void begin(void)
{
    begin_with(NULL, NULL);
}

static inline void end(void)
{
    for (uint32_t i = 0; i < TALKERS; i++) websocket_free(&readers[i]);
    talk_close(&talk);
}

/* --- hearing: one line a message; $C1 and $S1 stand for the first talker's identity --- */

static inline void put_replaced(struct buffer *out, struct slice text)
{
    for (size_t at = 0; at < text.size;) {
        size_t i = 0;
        bool client = false, secret = false;
        for (; i < TALKERS && text.size - at >= 32 && !client && !secret; i++) {
            client = memcmp(text.data + at, clients[i], 32) == 0;
            secret = memcmp(text.data + at, secrets[i], 32) == 0;
        }
        if (client || secret) {
            buffer_append_text(out, client ? "$C" : "$S");
            buffer_append_decimal(out, i);
            at += 32;
        } else {
            buffer_append(out, text.data + at++, 1);
        }
    }
}

static inline void note_identity(uint32_t i, struct slice text)
{
    static const char before_client[] = "\"client\":\"", before_secret[] = "\"secret\":\"";
    if (memmem(text.data, text.size, "\"welcome\"", 9) == NULL) return;
    const char *client = memmem(text.data, text.size, before_client, strlen(before_client));
    const char *secret = memmem(text.data, text.size, before_secret, strlen(before_secret));
    assert_non_null(client);
    assert_non_null(secret);
    memcpy(clients[i], client + strlen(before_client), 32);
    memcpy(secrets[i], secret + strlen(before_secret), 32);
}

/* Whatever came since the last time. */
static inline struct buffer heard(uint32_t i)
{
    struct buffer out = {0}, *in = &talk.talkers[i].heard;
    struct slice payload;
    unsigned code = 0;
    size_t used;
    while (in->size != 0) {
        enum websocket_result result =
            websocket_read(&readers[i], buffer_slice(in), &used, &payload, &code);
        buffer_consume(in, used);
        assert_int_not_equal(result, WEBSOCKET_REFUSED);
        assert_int_not_equal(result, WEBSOCKET_PARTIAL);
        if (result == WEBSOCKET_PING) buffer_append_text(&out, "PING");
        if (result == WEBSOCKET_PONG) buffer_append_text(&out, "PONG ");
        if (result == WEBSOCKET_CLOSE) {
            buffer_append_text(&out, "CLOSE ");
            buffer_append_decimal(&out, code);
        } else {
            if (result == WEBSOCKET_TEXT) note_identity(i, payload);
            put_replaced(&out, payload);
        }
        buffer_append_text(&out, "\n");
    }
    buffer_append(&out, "", 1);
    return out;
}

static inline void hears(uint32_t i, const char *expected)
{
    struct buffer out = heard(i);
    assert_string_equal((const char *)buffer_slice(&out).data, expected);
    buffer_free(&out);
}

static inline void hears_part(uint32_t i, const char *part)
{
    struct buffer out = heard(i);
    const char *text = (const char *)buffer_slice(&out).data;
    if (strstr(text, part) == NULL) fail_msg("%s\nis not in\n%s", part, text);
    buffer_free(&out);
}

/* --- saying --- */

static inline void say_raw(uint32_t i, const char *text)
{
    talk_bytes(&talk, i, slice_text(text));
}

static inline void frame(uint32_t i, enum websocket_opcode opcode, struct slice payload)
{
    struct buffer out = {0};
    websocket_write(opcode, true, payload, (const uint8_t[4]){1, 2, 3, 4}, &out);
    talk_bytes(&talk, i, buffer_slice(&out));
    buffer_free(&out);
}

/* $C1 and $S1 are put in. */
static inline void say(uint32_t i, const char *text)
{
    struct buffer out = {0};
    for (; *text != '\0'; text++) {
        if (*text != '$') {
            buffer_append(&out, text, 1);
            continue;
        }
        char kind = *++text;
        const char *identity = (kind == 'C' ? clients : secrets)[*++text - '1'];
        buffer_append_text(&out, identity);
    }
    frame(i, WEBSOCKET_OP_TEXT, buffer_slice(&out));
    buffer_free(&out);
}

static inline void say_head(uint32_t i, const char *host, const char *more)
{
    char text[512];
    snprintf(text, sizeof text,
             "GET /chat HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
             host, more);
    say_raw(i, text);
}

static inline void expect_status(uint32_t i, const char *status)
{
    struct buffer *in = &talk.talkers[i].heard;
    assert_true(in->size > 12);
    char found[4] = {0};
    memcpy(found, buffer_slice(in).data + 9, 3);
    assert_string_equal(found, status);
    bool is_open = strcmp(found, "101") == 0;
    assert_int_equal(talk.talkers[i].closed, !is_open);
    buffer_clear(in);
}

static inline void enters(uint32_t i)
{
    say_head(i, "localhost", "");
    expect_status(i, "101");
}

static inline void greets(uint32_t i, const char *hello)
{
    enters(i);
    say(i, hello);
    hears_part(i, "\"type\":\"welcome\"");
}

#endif
