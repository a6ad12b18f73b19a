/* The store's clients in a simulated world: what their files share. They ask for a few keys,
 * several commands at a time, and write down what they heard; judged is linearizability, key by
 * key, by the model `kv` (check/model.h); and, on keys of their own, what levels and tokens promise
 * (levels.h). */
#ifndef QUARTET_SYSTEMS_STORE_SIM_CLIENTS_H
#define QUARTET_SYSTEMS_STORE_SIM_CLIENTS_H

#include "check/history.h"
#include "sim/callers.h"
#include "systems/store/check/levels.h"

enum {
    STORE_KEYS_USED_MAX = 8, /* fewer make clients meet more often */
    STORE_PIPELINE_MAX = 4,
    STORE_ENDS_MAX = 4096, /* whose time has not come */
    STORE_TOKENS_MAX = 8,  /* that may be handed on */
    STORE_END_S = 2,       /* how long a key lives that was set to end, by the log's clock */
};

enum store_ask {
    ASK_GET,
    ASK_GET_LEASE,
    ASK_GET_LOCAL, /* not judged: old is allowed */
    ASK_SET,
    ASK_SET_ENDING, /* EX */
    ASK_SET_NEW,    /* NX GET */
    ASK_SET_EQUAL,  /* IFEQ GET */
    ASK_DELETE,
    ASK_DELETE_EQUAL,
    /* levels.c: keys whose values grow */
    ASK_GROW_LEADER,
    ASK_GROW_MAJORITY,
    ASK_GROW_ALL,
    ASK_GROWN,
    ASK_GROWN_LEASE,
    ASK_GROWN_SESSION,
    ASK_GROWN_LOCAL,
    ASK_TOKEN,
    ASK_TOKEN_OF_ALL, /* right behind a GROW_ALL: where that stands */
    ASK_AFTER,
};

/* A command under way. */
struct store_asked {
    enum store_ask ask;
    uint32_t key;
    uint64_t expected, value;
    uint32_t operation;        /* in the history */
    bool last;                 /* a last read, once the faults are over */
    struct levels_floor floor; /* of a read of a key that grows */
    uint32_t token;            /* of AFTER */
    uint64_t token_made;
};

struct store_token {
    struct buffer text;
    struct levels_view view;
    uint64_t made; /* no two are the same */
};

struct store_client {
    struct caller caller;                         /* `drained`: keys */
    struct store_asked asked[STORE_PIPELINE_MAX]; /* the oldest first */
    uint32_t asked_count;
    uint32_t grown_key; /* that it writes, */
    uint64_t grown_next;
    bool growing;        /* and does just now */
    bool by_all;         /* its last write has all voters, it was told; */
    uint32_t by_all_key; /* that was to this key */
    struct levels_view view;
};

/* A key that was set to end, and when it may have, at the earliest. */
struct store_end {
    uint32_t key;
    uint64_t value, from_us;
};

struct store_users {
    struct callers callers;
    struct store_client clients[CALLERS_MAX];
    struct history history;
    uint32_t keys;
    bool lease;          /* reads are on a lease in this world */
    bool redirects;      /* nodes do: else they forward */
    uint64_t next_value; /* never written before */
    uint32_t next_process;
    struct store_end ends[STORE_ENDS_MAX]; /* a ring, in the order of their time */
    uint32_t ends_count, ends_taken;
    struct levels levels;
    uint32_t grown_keys;
    struct store_token tokens[STORE_TOKENS_MAX];
    uint32_t tokens_count;
    uint64_t tokens_made;
    uint64_t seen[STORE_KEYS_USED_MAX]; /* by some client: what a condition may expect */
};

static inline struct store_users *store_users_of(const struct world *world)
{
    return world->users;
}

/* Asks one to PIPELINE_MAX commands. */
void store_client_ask(struct store_client *client);
/* Takes what came; false: something came that is no answer, and the world has failed. */
bool store_client_hear(struct store_client *client, struct slice bytes);
/* Nobody will hear what became of what is under way. */
void store_client_forget(struct caller *caller);
bool store_client_done(const struct caller *caller);

#endif
