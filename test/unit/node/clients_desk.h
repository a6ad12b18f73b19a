/* The clients' room alone, with one client, played by hand: the test is world, hub and groups. */
#ifndef QUARTET_TEST_CLIENTS_DESK_H
#define QUARTET_TEST_CLIENTS_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "node/clients/clients.h"

enum { DESK_CLIENT = 1, DESK_ASKED_MAX = 16 };

struct desk {
    struct node_config config;
    struct turn turn;
    struct connections connections;
    struct clients clients;
    struct client *client;
    struct buffer requests;             /* commands that came out, each with a space behind it */
    client_place asked[DESK_ASKED_MAX]; /* places of the questions among them */
    uint32_t asked_count;
    bool in_order; /* of the questions to come: see client_waits() */
    struct buffer heard;
    bool closed;
};

static inline void desk_open(struct desk *desk, const struct protocol_ops *protocol)
{
    memset(desk, 0, sizeof *desk);
    node_config_defaults(&desk->config);
    desk->config.protocol = protocol;
    desk->turn.now.mono_us = 1000;
    connections_init(&desk->connections, &desk->turn);
    desk->clients.config = &desk->config;
    desk->clients.turn = &desk->turn;
    desk->clients.connections = &desk->connections;
    clients_init(&desk->clients);
    client_opened(&desk->clients, DESK_CLIENT, 0, false);
    desk->client = (struct client *)connection_find(&desk->connections, DESK_CLIENT);
}

static inline void desk_close(struct desk *desk)
{
    uint32_t group;
    while (client_take_question(desk->client, &group) != NULL) {}
    client_closed(&desk->clients, desk->client);
    clients_free(&desk->clients);
    connections_free(&desk->connections);
    turn_free(&desk->turn);
    buffer_free(&desk->requests);
    buffer_free(&desk->heard);
}

/* As the hub does, but that nothing is answered yet. A command's second letter is its group. */
static inline void desk_take(struct desk *desk)
{
    struct client *client = desk->client;
    struct slice command = client->request.command;
    buffer_append_slice(&desk->requests, command);
    buffer_put_u8(&desk->requests, ' ');
    if (client->request.kind == PROTOCOL_PROPOSE) {
        client_proposed(&desk->clients, client, 0);
        return;
    }
    ASSERT(desk->asked_count < DESK_ASKED_MAX);
    desk->asked[desk->asked_count++] = client_asks(client, 0);
    client_waits(&desk->clients, client, desk->asked[desk->asked_count - 1], desk, desk->in_order);
}

static inline void desk_says(struct desk *desk, const char *text)
{
    struct slice rest = slice_text(text);
    if (desk->client->input.size == 0) {
        while (client_next(&desk->clients, desk->client, &rest)) desk_take(desk);
    }
    client_keep(&desk->clients, desk->client, rest);
}

/* The rest of a turn: who may go on does, and what is to be said is sent. */
static inline void desk_turn(struct desk *desk)
{
    while (clients_pump(&desk->clients) != NULL) {
        if (client_due(desk->client)) desk_take(desk);
        struct slice rest = client_kept(&desk->clients, desk->client);
        size_t size = rest.size;
        while (client_next(&desk->clients, desk->client, &rest)) desk_take(desk);
        client_used(&desk->clients, desk->client, size - rest.size);
    }
    desk->turn.deadline_us = UINT64_MAX;
    clients_turn(&desk->clients);
    connections_send(&desk->connections);
    for (uint32_t i = 0; i < desk->turn.actions_count; i++) {
        const struct action *action = &desk->turn.actions[i];
        if (action->type == ACTION_SEND) buffer_append_slice(&desk->heard, action->bytes);
        if (action->type == ACTION_CLOSE) desk->closed = true;
    }
    connections_begin(&desk->connections);
    desk->turn.actions_count = 0;
}

/* All that was sent has left. */
static inline void desk_sent(struct desk *desk)
{
    desk->client->connection.unsent = 0;
    if (client_sent(&desk->clients, desk->client)) {
        list_append(&desk->clients.pump, &desk->client->in_pump);
    }
}

static inline void desk_replies(struct desk *desk, uint32_t group, const char *text)
{
    struct slice payload = slice_text(text);
    client_reply(&desk->clients, desk->client, group, &payload);
}

static inline void desk_answers(struct desk *desk, uint32_t question, const char *text)
{
    struct slice payload = slice_text(text);
    client_answer(&desk->clients, desk->client, desk->asked[question], &payload);
}

static inline void desk_expect(struct buffer *buffer, const char *text)
{
    assert_int_equal(buffer->size, strlen(text));
    if (buffer->size > 0) assert_memory_equal(buffer_slice(buffer).data, text, buffer->size);
    buffer_clear(buffer);
}

/* Since the last time: the requests that came out; and, after a turn, what the client heard. */
static inline void desk_expect_requests(struct desk *desk, const char *text)
{
    desk_expect(&desk->requests, text);
}

static inline void desk_expect_heard(struct desk *desk, const char *text)
{
    desk_turn(desk);
    desk_expect(&desk->heard, text);
}

#endif
