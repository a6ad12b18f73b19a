/* The people of a simulated chat: what their files share. Each keeps an identity over its
 * connections, most of the time, and sends what was not answered again; two share a name, so that
 * users are at two nodes. Now and then one comes under another name, which must be gone in the
 * end. */
#ifndef QUARTET_SYSTEMS_CHAT_SIM_PEOPLE_H
#define QUARTET_SYSTEMS_CHAT_SIM_PEOPLE_H

#include "sim/callers.h"
#include "systems/chat/sim/judge.h"
#include "systems/chat/sim/words.h"

enum {
    PEOPLE_BURST_MAX = 3,
    PEOPLE_SAID_MAX = 64,
    PEOPLE_UNANSWERED_MAX = 8,
    PEOPLE_GHOSTS = 32, /* names beside those of users */
};

#define PEOPLE_ASKS_FROM (UINT64_C(1) << 40) /* ids of what is no change begin here */

enum saying_kind {
    SAYING_HELLO,
    SAYING_CHANGE,
    SAYING_JOIN,
    SAYING_HELLO_ROOM,
    SAYING_LEAVE,
    SAYING_LIST,
    SAYING_READ,
};

/* Said on this connection, and not answered. */
struct saying {
    enum saying_kind kind;
    uint64_t id;
    uint32_t room;
    uint64_t change; /* its number, for the judge */
    uint64_t number; /* JOIN: behind it; READ: what must have been read at least */
    uint64_t asked_us;
};

/* A room, to one person. */
struct seat {
    bool wanted;
    bool joined;
    uint64_t next;      /* the number that it sees next; 0: it never was there */
    uint64_t joined_us; /* when it asked to join */
    uint64_t told;      /* the version of presence that was told last */
    bool listed;        /* `present` is as of `version` */
    uint64_t version;
    uint64_t present; /* names: a bit each */
};

struct person {
    struct caller caller;
    struct websocket websocket;
    bool upgraded, welcomed;
    bool has_identity;
    bool shared;       /* with another: whoever counts lower may be too late */
    uint32_t identity; /* a number for the judge; 0: none */
    uint8_t client[WORDS_KEY_SIZE], secret[WORDS_KEY_SIZE];
    uint64_t last_id;
    uint32_t name; /* below JUDGE_USERS: of a user; else of a ghost */
    uint64_t asks; /* ids that were used on this connection */
    uint64_t heard_us;
    struct saying said[PEOPLE_SAID_MAX];
    uint32_t said_count;
    uint64_t unanswered[PEOPLE_UNANSWERED_MAX]; /* changes, in their order */
    uint32_t unanswered_count;
    struct seat seats[JUDGE_ROOMS];
};

struct people {
    struct callers callers;
    struct person all[CALLERS_MAX];
    struct judge judge;
    bool over;       /* nobody comes back */
    uint32_t ghosts; /* names given */
    uint64_t copies; /* of identities */
    struct buffer bytes;
};

static inline struct people *people_of(const struct world *world)
{
    return world->users;
}

static inline uint32_t person_user(const struct person *person)
{
    return person->caller.index / 2;
}

/* Whether it is to be in that room in the end. */
static inline bool person_stays(const struct person *person, uint32_t room)
{
    return room != 1 || person_user(person) % 2 == 0;
}

/* --- people.c: asking --- */
bool person_act(struct caller *caller);
void person_forget(struct caller *caller);
bool person_done(const struct caller *caller);
void person_begin(struct person *person); /* the connection is open */
/* It gives its identity up; what was not answered stays so. */
void person_drop_identity(struct person *person);
void person_ask_list(struct person *person, uint32_t room);
void person_resend(struct person *person);
/* What stands in `bytes` leaves. */
void person_send(struct person *person);

/* --- ears.c: hearing --- */
/* All that came; false: it was no word of a node's, and the world has failed. */
bool person_hear(struct person *person, struct slice bytes);

#endif
