/* Connections of the chat with a machine behind them, played by hand: the test is the network, the
 * log and the clock. What a connection asks is carried out at once, unless it is told to wait.
 * Nothing of cmocka: the fuzz target uses it, too. */
#ifndef QUARTET_TEST_CHAT_TALK_H
#define QUARTET_TEST_CHAT_TALK_H

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/random.h"
#include "systems/chat/machine/chat.h"
#include "systems/chat/protocol/connection.h"
#include "wire/websocket.h"

enum { TALKERS = 3, TALK_WATCHES_MAX = 200, TALK_PENDING_MAX = 256 };

struct talk_watch {
    uint64_t token; /* 0: none */
    struct machine_watch cursor;
};

struct talker {
    void *connection;
    struct session_key key;
    struct buffer heard;
    struct buffer waiting;              /* proposals that are not applied: u32 size, bytes each */
    uint64_t pending[TALK_PENDING_MAX]; /* their tokens */
    uint32_t pending_count;
    uint64_t asking; /* token of the question under way; 0: none */
    struct talk_watch watches[TALK_WATCHES_MAX];
    bool closed;
};

struct talk {
    void *machine;
    struct machine_time time;
    struct protocol_facts facts;
    struct protocol_draws draws;
    struct protocol_config config;
    struct talker talkers[TALKERS];
    bool wait; /* proposals are not applied */
};

static inline void talk_mac(const uint8_t key[32], struct slice message, uint8_t out[32])
{
    uint64_t hash = map_hash_bytes(slice_of(key, 32)) ^ map_hash_bytes(message);
    for (uint32_t i = 0; i < 4; i++) store_u64(out + i * 8, random_mix(hash + i));
}

static inline void talk_emit(void *world, const struct session_key *session, const void *payload)
{
    struct talk *talk = world;
    if (session == NULL) return; /* all are looked at, always */
    struct talker *talker = &talk->talkers[session->connection - 1];
    uint64_t token = talker->asking;
    if (token == 0) {
        ASSERT(talker->pending_count != 0);
        token = talker->pending[0];
        talker->pending_count--;
        memmove(talker->pending, talker->pending + 1, talker->pending_count * sizeof(uint64_t));
    }
    if (!talker->closed) {
        chat_protocol_ops.answer(talker->connection, token, payload, &talker->heard);
    }
}

static inline void talk_open(struct talk *talk, const struct chat_options *machine,
                             const struct chat_protocol_options *options)
{
    memset(talk, 0, sizeof *talk);
    talk->machine = chat_ops.create(machine, talk_emit, talk);
    talk->facts = (struct protocol_facts){.cluster = 0xC0DE, .node = 1, .leader = 1};
    talk->draws.mac = talk_mac;
    talk->config =
        (struct protocol_config){.options = options, .facts = &talk->facts, .draws = &talk->draws};
    for (uint32_t i = 0; i < TALKERS; i++) {
        talk->talkers[i].connection = chat_protocol_ops.open(&talk->config);
        talk->talkers[i].key = (struct session_key){1, 1, i + 1};
    }
}

static inline void talk_close(struct talk *talk)
{
    for (uint32_t i = 0; i < TALKERS; i++) {
        struct talker *talker = &talk->talkers[i];
        chat_protocol_ops.close(talker->connection);
        buffer_free(&talker->heard);
        buffer_free(&talker->waiting);
    }
    while (!chat_ops.destroy(talk->machine)) {}
}

struct talk_ear {
    struct talker *talker;
    uint64_t token;
};

static inline void talk_hear_news(void *world, const void *payload)
{
    struct talk_ear *ear = world;
    chat_protocol_ops.push(ear->talker->connection, ear->token, payload, &ear->talker->heard);
}

static inline void talk_watch_open(struct talk *talk, struct talker *talker,
                                   const struct protocol_request *request)
{
    struct talk_watch *watch = talker->watches;
    struct talk_ear ear = {talker, request->token};
    while (watch->token != 0) watch++;
    ASSERT(watch < talker->watches + TALK_WATCHES_MAX);
    watch->token = request->token;
    chat_ops.watch_open(talk->machine, request->command, &watch->cursor, talk_hear_news, &ear);
}

static inline void talk_carry_out(struct talk *talk, struct talker *talker,
                                  const struct protocol_request *request)
{
    static const struct machine_facts facts;
    switch (request->kind) {
    case PROTOCOL_PROPOSE:
        ASSERT(talker->pending_count < TALK_PENDING_MAX);
        talker->pending[talker->pending_count++] = request->token;
        buffer_put_bytes(&talker->waiting, request->command);
        break;
    case PROTOCOL_QUERY:
        talker->asking = request->token;
        chat_ops.query(talk->machine, &talker->key, request->command, &talk->time, &facts);
        talker->asking = 0;
        break;
    case PROTOCOL_WATCH: talk_watch_open(talk, talker, request); break;
    case PROTOCOL_CANCEL:
        for (uint32_t i = 0; i < TALK_WATCHES_MAX; i++) {
            if (talker->watches[i].token == request->token) talker->watches[i].token = 0;
        }
        break;
    case PROTOCOL_LITERAL: buffer_append_slice(&talker->heard, request->command); break;
    case PROTOCOL_CLOSE:
        buffer_append_slice(&talker->heard, request->command);
        talker->closed = true;
        break;
    case PROTOCOL_WAIT: /* it never asks for one */
    case PROTOCOL_NONE: break;
    }
}

/* What it has to ask of the node. */
static inline void talk_ask_all(struct talk *talk, struct talker *talker, struct slice bytes)
{
    struct protocol_request request;
    while (!talker->closed) {
        if (chat_protocol_ops.next(talker->connection, &bytes, &request) == PROTOCOL_NONE) break;
        talk_carry_out(talk, talker, &request);
    }
}

static inline void talk_apply(struct talk *talk, struct talker *talker)
{
    struct buffer waiting = talker->waiting;
    talker->waiting = (struct buffer){0};
    struct reader reader = reader_of(buffer_slice(&waiting));
    while (reader.bytes.size != 0) {
        chat_ops.apply(talk->machine, &talker->key, read_bytes(&reader));
    }
    buffer_free(&waiting);
}

/* Until there is nothing left to do: as the node, but that nobody is ever slow. */
static inline void talk_settle(struct talk *talk)
{
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < TALKERS; i++) {
            struct talker *talker = &talk->talkers[i];
            if (talker->closed) continue;
            if (!talk->wait && talker->waiting.size != 0) {
                talk_apply(talk, talker);
                again = true;
            }
            if (chat_protocol_ops.more(talker->connection)) {
                talk_ask_all(talk, talker, slice_of(NULL, 0));
                again = true;
            }
        }
    }
    for (uint32_t i = 0; i < TALKERS; i++) {
        struct talker *talker = &talk->talkers[i];
        for (uint32_t w = 0; w < TALK_WATCHES_MAX && !talker->closed; w++) {
            struct talk_watch *watch = &talker->watches[w];
            struct talk_ear ear = {talker, watch->token};
            if (watch->token == 0) continue;
            while (chat_ops.watch_read(talk->machine, &watch->cursor, 1000, talk_hear_news, &ear)) {
            }
        }
    }
}

/* The end of a turn; returns when it wants to be called. */
static inline uint64_t talk_turn(struct talk *talk, struct talker *talker, uint64_t now_us)
{
    (void)talk;
    if (talker->closed) return UINT64_MAX;
    uint64_t at_us = chat_protocol_ops.turn(talker->connection, now_us, &talker->heard);
    if (at_us == PROTOCOL_TURN_CLOSE) talker->closed = true;
    return at_us;
}

static inline void talk_bytes(struct talk *talk, uint32_t index, struct slice bytes)
{
    talk_ask_all(talk, &talk->talkers[index], bytes);
    talk_settle(talk);
}

#endif
