/* Connections of clients: bytes in, requests out, replies back under the token of their request,
 * and in the order of the requests where the protocol is ordered (contract/protocol.h).
 *
 * Calls in, requests out: client_next() yields, one by one, what is for a group to answer, and
 * deals with the rest itself. The hub takes each to a group, or refuses it, and says here which.
 * Nothing here knows groups but by their number. */
#ifndef QUARTET_NODE_CLIENTS_CLIENTS_H
#define QUARTET_NODE_CLIENTS_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "contract/protocol.h"
#include "node/node.h"
#include "node/turn/connections.h"
#include "node/turn/turn.h"

enum {
    NODE_CLIENT_INPUT_MAX = 64 << 10, /* bytes kept behind a command that waits */
    NODE_OWED_SHORT = 64 << 10,       /* where memory is short: unsent replies of one client */
    NODE_HELD_SHORT = 4 << 10,        /* where memory is short: of an unfinished request */
};

/* Tells one thing that a client is owed from all others of the same client, for ever. */
typedef uint64_t client_place;

struct client {
    struct connection connection;
    void *protocol;         /* its state there; NULL: it was not taken in */
    struct buffer input;    /* arrived and not taken by the protocol: a request before it waits */
    struct buffer owed;     /* struct owed, one for each request not answered: see clients.c */
    client_place owed_from; /* of the first of them */
    client_place proposed_from; /* no proposal among them is before it */
    uint32_t awaiting;          /* of them proposals */
    bool blocked;               /* behind a blocking command */
    uint32_t asking;            /* of them questions that wait */
    uint32_t holding;           /* of those, such as proposals have to wait for */
    uint32_t early;             /* writes of level LEADER that wait */
    uint32_t holds;             /* answers that wait for voters: holds.h */
    bool held; /* `request` is a proposal that does, or a session's question behind others */
    struct buffer sessions; /* groups whose machine knows it, for it proposed something: u16 each */
    bool quitting;
    bool ended;   /* it sends nothing more */
    bool inside;  /* the protocol may hold requests that have not been asked for */
    bool unsaid;  /* the protocol has more to send() when there is room */
    bool drained; /* it was told */
    struct protocol_request request;
    struct list in_pump;    /* may go on after this round of applying */
    struct list in_touched; /* its protocol may have something to say by itself */
    struct list in_clients; /* all, in the order of their coming */
    struct list watches;    /* see watches.h */
    struct list starved;    /* those of them that wait for room */
    uint32_t watches_count;
    struct heap_place in_due; /* when its protocol wants to be called */
    uint32_t refused;         /* scratch: see clients_count_refused(), clients_count_alive() */
    client_place refused_from;
    uint64_t said_bytes;  /* of replies that wait for those before them */
    uint64_t asked_bytes; /* of questions that wait */
    uint64_t bytes;       /* held for it, as counted in clients->bytes */
};

/* What it points to is borrowed and outlives it; it owns its clients. */
struct clients {
    const struct node_config *config;
    struct turn *turn;
    struct connections *connections;
    struct list all;
    struct list pump;
    bool speaks; /* their protocol says things by itself */
    struct list touched;
    struct list spare; /* struct said */
    uint32_t spare_count;
    struct map topics; /* watched: watches.c */
    struct list topics_all;
    struct list marked; /* topics that watches are to be visited of */
    struct list ready;  /* watches to be visited anyway */
    struct list holds;  /* struct hold, oldest first */
    struct heap due;    /* of clients whose protocol has a clock */
    uint32_t count;
    uint32_t awaiting; /* of them, those who are owed replies to proposals, applied or not */
    uint64_t bytes;    /* held for all of them; kept only where there is a limit */
    /* What else counts for config.memory_bytes_max: kept up to date by the hub, where there is such
     * a limit. */
    uint64_t bytes_elsewhere;
    struct {
        uint64_t accepted, turned_away; /* connections */
        uint64_t pushes;
        uint64_t replies, refused, uncertain;
    } counters;
};

void clients_init(struct clients *clients); /* all zero but for what is borrowed */
void clients_free(struct clients *clients); /* all clients have been freed */

/* --- connections --- */

/* One was accepted at this place (node.h); it is closed at once where there are too many, or
 * `closed` says so. */
void client_opened(struct clients *clients, uint32_t id, uint32_t place, bool closed);
/* Gone. The hub has ended its session, and withdrawn its question. */
void client_closed(struct clients *clients, struct client *client);
void client_free(struct clients *clients, struct client *client); /* at the end of all */
/* It sends nothing more: it is closed once all that it sent is carried out and answered. */
void client_ended(struct clients *clients, struct client *client);

bool client_has_session(const struct client *client, uint32_t group);

/* --- requests --- */

/* Takes off the front of `rest` up to and including the next request that is for a group: true,
 * and client->request is a PROPOSE, a QUERY, a WATCH or a CANCEL. The caller must then say what
 * becomes of it, by one of the calls below. False: nothing more may be taken now. */
bool client_next(struct clients *clients, struct client *client, struct slice *rest);

/* The request was proposed to this group: a reply will come. */
void client_proposed(struct clients *clients, struct client *client, uint32_t group);
/* It was not taken: the client is told why. */
void client_turned_down(struct clients *clients, struct client *client, enum protocol_refusal why);
/* It is a question, and is about to be asked this group: its answer will come under this place. */
client_place client_asks(struct client *client, uint32_t group);
/* It was not answered at once: `question` is any pointer by which the hub knows it. `in_order`: its
 * answer will show nothing of what is proposed from now on; else what an ordered protocol proposes
 * behind it waits until it is answered. */
void client_waits(struct clients *clients, struct client *client, client_place place,
                  void *question, bool in_order);
/* Whether it proposed something to this group that is not answered. */
bool client_awaits(const struct client *client, uint32_t group);
/* The request, of level LEADER, is about to be proposed to this group: the hub says what becomes of
 * it under this place. */
client_place client_early(struct client *client, uint32_t group);
/* One of its questions that wait, and whom it was put to; it is then forgotten. NULL: there is
 * none. */
void *client_take_question(struct client *client, uint32_t *group);
/* Some of what it is owed has left; true when it may go on. */
bool client_sent(struct clients *clients, struct client *client);
/* Keeps what client_next() has left of the bytes that came, behind what was kept before. */
void client_keep(struct clients *clients, struct client *client, struct slice rest);

/* The next client that may go on with what it has sent before; NULL: none. */
struct client *clients_pump(struct clients *clients);
/* It was sent what was owed, or may go on for another reason. True when a proposal or a question
 * that was held is due: client->request, of which the hub has to say what becomes. */
bool client_due(struct client *client);
/* What of its input may be taken; empty when it is closed instead. */
struct slice client_kept(struct clients *clients, struct client *client);
/* So much of it was. */
void client_used(struct clients *clients, struct client *client, size_t used);

/* --- answers --- */

/* This group's machine replies to the first request proposed to it that is owed one. */
void client_reply(struct clients *clients, struct client *client, uint32_t group,
                  const void *payload);
/* It answers the question of this place. */
void client_answer(struct clients *clients, struct client *client, client_place place,
                   const void *payload);
/* The leader has the write of this place; or, as below, it was not carried out, or nobody knows. */
void clients_early_done(struct clients *clients, uint32_t connection, client_place place);
void clients_early_refused(struct clients *clients, uint32_t connection, client_place place);
void clients_early_uncertain(struct clients *clients, uint32_t connection, client_place place);

/* The next answer that waits for voters, behind this one (NULL: the first); NULL: there is none. */
struct hold *clients_hold(struct clients *clients, const struct hold *behind);
/* It has waited as long as it may; if not, the turn after this is early enough. */
bool hold_due(struct clients *clients, struct hold *hold);
/* It is said: so many voters have what it is about, of so many; or that is lost. It is gone. */
void client_unheld(struct clients *clients, struct hold *hold, uint32_t have, uint32_t of);
void client_unheld_lost(struct clients *clients, struct hold *hold);

/* What was proposed and certainly not carried out: the last that the connection proposed, for what
 * it proposed before may have been. All that are refused at a time are counted first (`reset`: from
 * 0), to know where they begin. Connections that are not a client's, or not any more, are ignored
 * here and below. */
void clients_count_refused(struct clients *clients, uint32_t connection, bool reset);
void clients_refuse(struct clients *clients, uint32_t connection, uint32_t group);
/* Nobody knows what became of the next that it proposed: it hears that, or is closed; counted. */
void clients_uncertain(struct clients *clients, uint32_t connection, uint32_t group);
void clients_refuse_question(struct clients *clients, uint32_t connection, client_place place,
                             enum protocol_refusal why);

/* --- all of them --- */

/* More is held than was allowed: what may be refused is, and nobody hoards. */
bool clients_memory_short(const struct clients *clients);

void clients_close_all(struct clients *clients);
/* A group skipped effects that were meant for clients. First what it has under way is counted
 * (connection 0: from none); then those are closed to whom it owes more replies than that. */
void clients_count_alive(struct clients *clients, uint32_t connection);
void clients_close_skipped(struct clients *clients, uint32_t group);
/* One that would be closed so: its connection; 0: there is none. */
uint32_t clients_skipped(const struct clients *clients, uint32_t group);
/* The sessions of this incarnation in the group are over: closed, and have none to end. */
void clients_reborn(struct clients *clients, uint32_t group);
/* Some of their watches are to be visited. */
static inline bool clients_watch(const struct clients *clients)
{
    return !list_empty(&clients->ready) || !list_empty(&clients->marked);
}
/* Tells each once; closes those who are owed nothing, or wait for something that may never come. */
void clients_drain(struct clients *clients);
/* The turn nears its end: protocols say what they have to say by themselves. */
void clients_turn(struct clients *clients);

#endif
