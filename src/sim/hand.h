/* Clients by hand: each asks what it is told to ask, once, and what became of that is written down.
 *
 * They know no system: struct hand_ops (system.h) turns words into a protocol's bytes, and back. */
#ifndef QUARTET_SIM_HAND_H
#define QUARTET_SIM_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    HAND_CLIENTS_MAX = 8, /* questions under way at a time */
    HAND_ASKED_MAX = 64,  /* questions remembered; the oldest are forgotten */
    HAND_WORDS_MAX = 64,  /* bytes of a question, and of what is remembered of its answer */
};

struct sim_system;
struct world;

struct hand_ops {
    /* A question in words, as the protocol's bytes; false: there is no such question. */
    bool (*ask)(struct slice words, struct buffer *bytes);
    /* Takes one answer off the front of what a client heard, and says it in words. Returns how many
     * bytes it took; 0: it is not complete yet. */
    size_t (*heard)(struct slice bytes, struct buffer *words);
    /* A command of the log, in words. */
    void (*command)(struct slice command, struct buffer *words);
    /* What a replica's machine holds, in words. */
    void (*holds)(const void *machine, struct buffer *words);
};

enum hand_outcome {
    HAND_WAITING,
    HAND_ANSWERED,
    HAND_UNKNOWN,     /* the connection ended: it may have been done, or not */
    HAND_UNREACHABLE, /* no connection came about: it was not done */
};

struct hand_asked {
    uint32_t number; /* from 1 */
    uint32_t client;
    uint32_t node;
    enum hand_outcome outcome;
    uint64_t asked_us;
    uint64_t over_us; /* when it was answered, or was known not to be */
    uint8_t words_size, reply_size;
    char words[HAND_WORDS_MAX];
    char reply[HAND_WORDS_MAX];
};

enum hand_state {
    HAND_OFFLINE,
    HAND_DIALING,
    HAND_ONLINE,
    HAND_MOVING, /* leaves one node, and then dials another */
};

struct hand_client {
    enum hand_state state;
    uint32_t number; /* of its connection */
    uint32_t node;   /* that it is connected to, or dials */
    uint32_t asking; /* the number of its question; 0: none */
    struct buffer in;
    struct buffer out; /* until it is connected */
};

/* world->users of such a world. */
struct hand_users {
    const struct hand_ops *ops;
    struct hand_client clients[HAND_CLIENTS_MAX];
    struct hand_asked asked[HAND_ASKED_MAX]; /* [(number - 1) % HAND_ASKED_MAX] */
    uint32_t asked_count;                    /* ever */
    uint32_t over_count;                     /* of them */
};

/* What a client of `real` is, becomes a client by hand. */
void hand_system(struct sim_system *system, const struct sim_system *real);
/* A free client asks: one that is connected to that node, or else a new one. NULL when it does;
 * else why not. */
const char *hand_ask(struct world *world, uint32_t node, struct slice words);
const struct hand_users *hand_users(const struct world *world);
/* The question with this number, 1 to asked_count; NULL: it is forgotten. */
const struct hand_asked *hand_asked(const struct hand_users *users, uint32_t number);

#endif
