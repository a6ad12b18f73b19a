/* A gateway with a machine behind it and no node: requests as text, and what is said to them. */
#ifndef QUARTET_TEST_GATEWAY_TALK_H
#define QUARTET_TEST_GATEWAY_TALK_H

#include "consensus_world.h"
#include "systems/consensus/protocol/gateway.h"

/* One gateway, and its one watch. */
struct talk {
    struct world world;
    void *gateway;
    struct buffer said;
    uint64_t token;
    bool closed;
    enum protocol_read read;
    struct protocol_facts facts;
    struct machine_watch watch;
    struct buffer spec;
};

static inline void talk_say_news(void *context, const void *payload)
{
    struct talk *talk = context;
    gateway_ops.push(talk->gateway, talk->token, payload, &talk->said);
}

/* What the node does for a watch: in pieces of this size. */
static inline void talk_watch(struct talk *talk, size_t room)
{
    while (consensus_ops.watch_read(talk->world.machine, &talk->watch, room, talk_say_news, talk)) {
    }
}

static inline void talk_open_watch(struct talk *talk, const struct protocol_request *request)
{
    talk->token = request->token;
    buffer_append_slice(&talk->spec, request->command);
    consensus_ops.watch_open(talk->world.machine, buffer_slice(&talk->spec), &talk->watch,
                             talk_say_news, talk);
}

static inline void talk_hear(void *context, const struct session_key *session, const void *payload)
{
    struct talk *talk = context;
    if (session == NULL) return; /* a mark: talk_watch() looks anyway */
    gateway_ops.answer(talk->gateway, talk->token, payload, &talk->said);
}

static inline void talk_open(struct talk *talk)
{
    *talk = (struct talk){.facts = {.cluster = UINT64_MAX, .node = 2, .leader = 3, .term = 4}};
    talk->world.machine = consensus_ops.create(NULL, talk_hear, talk);
    struct protocol_config config = {.facts = &talk->facts};
    talk->gateway = gateway_ops.open(&config);
}

static inline void talk_close(struct talk *talk)
{
    gateway_ops.close(talk->gateway);
    world_close(&talk->world);
    buffer_free(&talk->said);
    buffer_free(&talk->spec);
}

static inline void talk_say(struct talk *talk, struct slice bytes)
{
    static const struct session_key session = {.node = 1};
    static const struct machine_time now;
    static const struct machine_facts facts;
    while (bytes.size > 0) { /* as the node does */
        struct protocol_request request;
        switch (gateway_ops.next(talk->gateway, &bytes, &request)) {
        case PROTOCOL_NONE: return;
        case PROTOCOL_CLOSE: talk->closed = true; return;
        case PROTOCOL_LITERAL: buffer_append_slice(&talk->said, request.command); break;
        case PROTOCOL_QUERY:
            talk->token = request.token;
            talk->read = request.read;
            consensus_ops.query(talk->world.machine, &session, request.command, &now, &facts);
            break;
        case PROTOCOL_PROPOSE:
            talk->token = request.token;
            world_apply_only(&talk->world, request.command);
            break;
        case PROTOCOL_WATCH: talk_open_watch(talk, &request); break;
        default: fail();
        }
    }
}

/* The body of the answer to this, whose status is checked. */
static inline const char *talk_ask(struct talk *talk, const char *method, const char *path,
                                   const char *body, const char *status)
{
    struct buffer text = {0};
    buffer_append_text(&text, method);
    buffer_append_text(&text, " ");
    buffer_append_text(&text, path);
    buffer_append_text(&text, " HTTP/1.1\r\nHost: a\r\nContent-Length: ");
    buffer_append_decimal(&text, strlen(body));
    buffer_append_text(&text, "\r\n\r\n");
    buffer_append_text(&text, body);
    buffer_clear(&talk->said);
    talk_say(talk, buffer_slice(&text));
    buffer_free(&text);
    buffer_put_u8(&talk->said, 0);
    const char *said = (const char *)buffer_slice(&talk->said).data;
    assert_int_equal(strncmp(said, "HTTP/1.1 ", 9), 0);
    assert_int_equal(strncmp(said + 9, status, 3), 0);
    const char *end = strstr(said, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static inline const char *post(struct talk *talk, const char *path, const char *body,
                               const char *status)
{
    return talk_ask(talk, "POST", path, body, status);
}

#define HEADER(revision)                                                       \
    "\"header\":{\"cluster_id\":\"18446744073709551615\",\"member_id\":\"2\"," \
    "\"revision\":\"" revision "\",\"raft_term\":\"4\"}"

static inline void expect_error(struct talk *talk, const char *path, const char *body,
                                const char *status, const char *expected)
{
    const char *said = post(talk, path, body, status);
    if (strstr(said, expected) == NULL) print_message("%s\n", said);
    assert_non_null(strstr(said, expected));
}

#endif
