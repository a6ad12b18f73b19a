/* How the node reaches a client protocol: bytes to requests, replies to bytes.
 *
 * A protocol holds one state for each connection. The node hands it the bytes that come, in order
 * and in pieces of any size, and takes requests out of it, each under a token of the protocol's own
 * choice. What becomes of a request is said under its token: answer(), or refuse(). Many may be
 * under way at once. Everything is pure, nothing here fails but by what it returns, and no call may
 * keep what it was lent: `bytes`, payloads and `out` are borrowed for the call.
 *
 * An *ordered* protocol (beanstalkd, RESP) answers requests in their order. It need not see to it:
 * the node keeps the order, and where an answer is ready too early it keeps the text. Such a
 * protocol appends all it says to `out` and has nothing to remember of a request but its token,
 * which may say whatever refuse() wants to know. Where a client does not read its replies, or
 * something else keeps it waiting, the node stops reading from it.
 *
 * An *unordered* one (HTTP/2, frames with a number) is answered at once, in any order; it tells
 * requests apart by token. All bytes are handed to it as they come, whatever waits, for what lets
 * it go on may be among them (a window update): requests that the node does not want yet stay
 * inside, and the protocol bounds them. What it cannot say at once it keeps, for send(). */
#ifndef QUARTET_CONTRACT_PROTOCOL_H
#define QUARTET_CONTRACT_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum protocol_request_kind {
    PROTOCOL_NONE,    /* all bytes are taken, and hold no further request */
    PROTOCOL_PROPOSE, /* `command` goes through the log */
    PROTOCOL_QUERY,   /* `command` is answered from this replica's state: see protocol_read */
    PROTOCOL_WATCH,   /* `command` is where a watch begins (machine.h); it hears by push() */
    PROTOCOL_CANCEL,  /* the watch of this token ends; nothing comes back */
    PROTOCOL_WAIT,    /* in its turn, once all before it is answered: how many voters hold what this
                         connection proposed; counted() hears it once they are `voters`, or after
                         `wait_us` */
    PROTOCOL_LITERAL, /* `command` is the reply itself, to be sent in its turn; has no token */
    PROTOCOL_CLOSE,   /* close once all replies before it are sent (quit, or beyond repair), and
                         `command`, the last word, if there is one; nothing is asked for any more */
};

/* How true the answer to a QUERY has to be. Whatever the level, it shows all that its connection
 * proposed before it and has no answer; in an ordered protocol, nothing that it proposed behind it.
 */
enum protocol_read {
    PROTOCOL_READ_LINEARIZABLE, /* holds all that was acknowledged anywhere before it was asked */
    PROTOCOL_READ_LEASE,        /* the same while no two clocks run apart further than the bound
                                   (raft.h: clock_drift_permille); the leader then asks nobody */
    PROTOCOL_READ_LOCAL,        /* this replica's state, which may be older than that */
    PROTOCOL_READ_SESSION,      /* the same, once it holds all positions that after() names; in an
                                   ordered protocol, no older than what was asked before it */
};

/* When a PROPOSE is answered. */
enum protocol_write {
    PROTOCOL_WRITE_MAJORITY, /* committed and applied here */
    PROTOCOL_WRITE_LEADER,   /* the leader has it on disk: counted() hears it. For commands alone
                                whose answer does not hang on the state, of machines without
                                sessions. It holds in the leader's term, or not at all: what
                                another leader would have to append again is dropped. Where this
                                node does not lead it is MAJORITY, and answer() hears it */
    PROTOCOL_WRITE_ALL, /* as MAJORITY, and then every voter has it on disk; or, PROTOCOL_ALL_US
                                later, counted() hears how many do. Only the leader can tell:
                                another node refuses (NOT_LEADING) */
};

#define PROTOCOL_ALL_US 1000000

/* A place in the log of a group. Equal ones hold the same, and so do all places before them. */
struct protocol_position {
    uint32_t group;
    uint64_t term, index; /* 0: before everything */
};

enum { PROTOCOL_AFTER_MAX = 4 }; /* positions of one group that a question can be behind */

struct protocol_request {
    enum protocol_request_kind kind;
    uint64_t token; /* of all with an answer: the protocol's own, handed back as it is */
    uint32_t slot;  /* what it is about, for systems of many groups; else 0 */
    bool more;      /* of an ordered protocol: next() has the next one, whatever bytes are left */
    bool blocks;    /* propose nothing behind it until its reply has come (reserve) */
    bool grows;     /* refused with PROTOCOL_REFUSED_FULL when the disk or memory is full */
    enum protocol_read read;   /* of a QUERY */
    enum protocol_write write; /* of a PROPOSE */
    uint32_t voters;           /* of a WAIT: beside the leader; 0: none are waited for */
    uint64_t wait_us;          /* of a WAIT; UINT64_MAX: as long as it takes */
    struct slice command;      /* borrowed until next() is called again */
};

enum protocol_refusal {
    PROTOCOL_REFUSED_NO_LEADER, /* certainly not appended */
    PROTOCOL_REFUSED_FULL,
    PROTOCOL_REFUSED_BUSY,
    PROTOCOL_REFUSED_DRAINING,
    PROTOCOL_REFUSED_UNKNOWN, /* it may have been carried out, or may yet be: `tells_unknown` */
    /* Only where a protocol asks for what they are about: */
    PROTOCOL_REFUSED_LATE,        /* a question behind a position that this replica did not reach */
    PROTOCOL_REFUSED_LOST,        /* another leader's log has something else in that position */
    PROTOCOL_REFUSED_NOT_LEADING, /* WRITE_ALL; not appended */
};

enum {
    PROTOCOL_NODES_MAX = 32,
    PROTOCOL_PLACES_MAX = 4,
};

/* A node of the cluster, and what clients dial to reach it: HOST:PORT for each place where it
 * listens for them, empty where that is not known. No places: nothing was heard of it yet. */
struct protocol_node {
    uint32_t id;
    uint32_t places_count;
    struct slice places[PROTOCOL_PLACES_MAX];
};

/* Who leads a group, as far as this node knows: 0 is nobody. */
struct protocol_group {
    uint32_t leader;
    uint32_t led; /* who did last: the same, while there is one */
};

/* What a protocol may tell its clients of the node and its cluster: as of the last turn. Unknown:
 * 0. What is single is of group 0 (etcd's headers). */
struct protocol_facts {
    uint64_t cluster;
    uint64_t term, applied;
    uint32_t node, leader;
    bool lost; /* for two election timeouts it has known no leader: others may be elsewhere now */
    uint32_t groups_count;
    const struct protocol_group *groups;
    uint32_t nodes_count; /* members of the cluster, by id */
    struct protocol_node nodes[PROTOCOL_NODES_MAX];
    /* While answer() or counted() is called: up to where the log is in what it says, and of which
     * group; of refuse() of a QUERY, the group. */
    struct protocol_position shown;
};

/* What nobody else can foresee, in this process' life: secrets, identities. A protocol draws it
 * with protocol_draw(); whoever knows some of it can tell nothing of the rest. */
struct protocol_draws {
    uint8_t key[32]; /* of the world's randomness, another one in each process */
    void (*mac)(const uint8_t key[32], struct slice message, uint8_t out[32]); /* HMAC-SHA-256, or,
                        in a simulator, any keyed function */
    uint64_t drawn;
};

static inline void protocol_draw(struct protocol_draws *draws, uint8_t out[32])
{
    uint8_t count[8];
    store_u64(count, draws->drawn++);
    draws->mac(draws->key, slice_of(count, sizeof count), out);
}

struct protocol_config {
    uint32_t request_size_max; /* beanstalkd: the largest job body; 0: the protocol's default */
    enum protocol_read reads;  /* for those QUERYs that are not local by their nature */
    const void *options; /* the protocol's own struct; NULL: its defaults. Borrowed: it must outlive
                            all connections */
    const struct protocol_facts *facts; /* the node keeps them up to date, and sets this itself.
                                           NULL: nothing is known */
    struct protocol_draws *draws;       /* the node's, which sets this itself */
    uint32_t place; /* where the client came in, as protocol_node.places counts; the node sets it */
    bool secure;    /* clients come by TLS: to the places of all nodes */
};

#define PROTOCOL_TURN_CLOSE 0

struct protocol_ops {
    const char *name;
    bool ordered;
    /* Of an unordered protocol: can say that nobody knows what became of a request, by refuse().
     * Where it cannot, the connection is closed. */
    bool tells_unknown;
    void *(*open)(const struct protocol_config *config);
    void (*close)(void *connection);

    /* Takes from the front of *bytes up to and including the next request, which fills *request,
     * and returns its kind; or all of them, and returns PROTOCOL_NONE. It is called again until
     * that, with what is left, or until the node wants no more for now: then an ordered protocol
     * sees the rest later; an unordered one is called once with `request` NULL, takes all bytes and
     * returns PROTOCOL_NONE, and yields what they hold later, when *bytes may be empty.
     * An ordered protocol is never called with no bytes: one that has more to yield for a request
     * leaves its last byte in *bytes, and finds it there when it is called again. */
    enum protocol_request_kind (*next)(void *connection, struct slice *bytes,
                                       struct protocol_request *request);
    /* Appends what a machine's reply (machine.h: payload) to the request of this token makes the
     * client hear; an unordered protocol may also keep it for send(). */
    void (*answer)(void *connection, uint64_t token, const void *payload, struct buffer *out);
    /* The same for one that was not carried out. Of a connection that there is no room for:
     * `connection` NULL, token 0, and whatever it appends is the last that is said. */
    void (*refuse)(void *connection, uint64_t token, enum protocol_refusal why, struct buffer *out);

    /* Of an unordered protocol: requests have come up inside, by an answer or a refusal, that
     * nobody has asked for; after each next() is called until there are none. NULL: they only come
     * up in next(). */
    bool (*more)(const void *connection);

    /* A write of level LEADER is acknowledged (`have` 1); or one of level ALL is not on the disks
     * of all `of` voters, and *out holds what answer() said of it, which may be changed; or a WAIT
     * is over, and `have` voters are known to hold it, the leader among them. NULL: none is asked
     * for. */
    void (*counted)(void *connection, uint64_t token, uint32_t have, uint32_t of,
                    struct buffer *out);
    /* The positions, at most PROTOCOL_AFTER_MAX of a group, that questions of any level but LOCAL
     * have to be behind: what was acknowledged early, and what its client was told elsewhere.
     * Borrowed until the next call. NULL: there are never any. */
    const struct protocol_position *(*after)(void *connection, uint32_t *count);

    /* Appends what a watch makes its client hear (machine.h: machine_say), at any time until it is
     * cancelled. NULL: there are no watches. Of an ordered protocol it comes between whole replies.
     * A watch beyond the limit of one connection is refused: PROTOCOL_REFUSED_FULL. */
    void (*push)(void *connection, uint64_t token, const void *payload, struct buffer *out);

    /* What a protocol says by itself, and when; each may be NULL. They are called towards the end
     * of a turn in which the connection had bytes, answers, pushes, or a deadline, or output of its
     * left.
     *
     * turn() is told the time (monotonic) and returns when it wants to be called at the latest;
     * UINT64_MAX: whenever something happens; PROTOCOL_TURN_CLOSE: no more, close it once what it
     * has said is sent. It may append (a ping, a last word).
     * send() appends at most about `room` bytes of what it keeps; true while more remains: then it
     * is called again when there is room. The texts of an ordered protocol are whole before it. */
    uint64_t (*turn)(void *connection, uint64_t now_us, struct buffer *out);
    bool (*send)(void *connection, size_t room, struct buffer *out);
    /* The node is about to stop: said once. Requests are still answered, those that grow the state
     * refused; a client is closed when it is owed nothing. NULL: nothing to say. */
    void (*drain)(void *connection, struct buffer *out);

    /* Bytes held for unfinished requests and unsaid answers, for the memory limit. */
    size_t (*held)(const void *connection);
    /* Memory is short: what is held for an unfinished request is given back. The rest of it is
     * dropped as it comes, and then it hears what PROTOCOL_REFUSED_FULL says, in its turn. Where
     * nothing is held this does nothing. NULL: a request holds little. */
    void (*shed)(void *connection);

    /* Pages of the admin port that are the protocol's own; NULL: none. A request becomes a command
     * appended to `command` (PROPOSE, QUERY), or is answered at once by the text put there
     * (LITERAL, with *status); any other kind: no such page. Path and query as in wire/http1.h. */
    enum protocol_request_kind (*admin)(struct slice path, struct slice query, bool post,
                                        struct buffer *command, unsigned *status);
    /* The page that a machine's reply makes. */
    void (*admin_reply)(const void *payload, struct buffer *body, unsigned *status);
};

#endif
