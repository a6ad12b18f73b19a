/* What the people of a simulated chat asked for, and what stands where, from all who hear of it.
 * Whatever breaks a rule fails the world at once:
 *
 * one order          a number of a room is one thing to all; what was acknowledged before another
 *                    was asked for has the lower number; a client's own changes, those that no node
 *                    refused in between, stand in the order in which it asked for them
 * at most once       a change stands at one number, however often and wherever it was sent
 * nothing invented   what stands was asked for there, and not refused for good
 * deleted text       who joins when a deletion is known sees that text no more
 * gap                only what is not kept any more is told as a gap
 * marker             how far a user has read never falls */
#ifndef QUARTET_SYSTEMS_CHAT_SIM_JUDGE_H
#define QUARTET_SYSTEMS_CHAT_SIM_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/map.h"
#include "sim/world.h"
#include "systems/chat/sim/words.h"

enum { JUDGE_ROOMS = 3, JUDGE_USERS = 16 };

/* A post, edit or deletion; its number is its place in the list, from 1, and its text. */
struct judge_change {
    enum chat_event_kind kind;
    uint32_t room, identity;
    uint64_t id;
    struct chat_client_key client;
    uint64_t of;         /* EDIT, DELETE */
    uint64_t seq;        /* where it stands; 0: nobody has heard */
    uint64_t acked_max;  /* of its room, when it was asked for */
    uint64_t deleted_us; /* of a post: since then that is known; 0: it is not */
    bool doubted;        /* a node refused it, for a while */
    bool refused;        /* for good */
};

struct judge {
    struct judge_change *changes;
    uint32_t count, capacity;
    uint32_t identities;
    struct map by_id;                 /* struct judge_named, of (client, id) */
    struct buffer rooms[JUDGE_ROOMS]; /* u64 each, by number: the change that stands there */
    uint64_t acked_max[JUDGE_ROOMS];
    uint64_t markers[JUDGE_USERS][JUDGE_ROOMS];
};

/* Returns its number. */
uint64_t judge_asked(struct judge *judge, const struct judge_change *change);
struct judge_change *judge_change(const struct judge *judge, uint64_t number);
void judge_acknowledged(struct world *world, struct judge *judge, uint64_t number, uint64_t seq);
void judge_refused(struct world *world, struct judge *judge, uint64_t number);
/* Somebody who joined when it was `joined_us` sees it. */
void judge_event(struct world *world, struct judge *judge, const struct word *word,
                 uint64_t joined_us);
void judge_gap(struct world *world, uint32_t room, uint64_t to);
void judge_marker(struct world *world, struct judge *judge, uint32_t user, uint32_t room,
                  uint64_t floor, uint64_t seq);
/* A post that was acknowledged, drawn among the last; 0: there is none. */
uint64_t judge_some_post(const struct judge *judge, struct random *random, uint32_t identity);
/* The last number of a room, at the node that is furthest; UINT64_MAX: one is down. */
uint64_t judge_last(const struct world *world, uint32_t room);
void judge_end(struct world *world, const struct judge *judge);
void judge_free(struct judge *judge);

#endif
