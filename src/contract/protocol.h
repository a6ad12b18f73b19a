/* How the node reaches a client protocol: bytes to requests, replies to bytes.
 *
 * A decoder is fed the bytes of one connection in order, in pieces of any size, and yields one
 * request at a time. It keeps what it needs of an unfinished request itself. Everything is pure;
 * no function here fails but by what it returns. */
#ifndef QUARTET_CONTRACT_PROTOCOL_H
#define QUARTET_CONTRACT_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum protocol_request_kind {
    PROTOCOL_PARTIAL, /* all bytes consumed, no request yet */
    PROTOCOL_PROPOSE, /* `command` goes through the log */
    PROTOCOL_QUERY,   /* `command` is answered from this replica's state, in its turn */
    PROTOCOL_LITERAL, /* `command` is the reply itself, to be sent in its turn */
    PROTOCOL_CLOSE,   /* close once all replies before it are sent (quit, or beyond repair) */
};

/* How true the answer to a QUERY has to be. */
enum protocol_read {
    PROTOCOL_READ_LINEARIZABLE, /* holds all that was acknowledged anywhere before it was asked */
    PROTOCOL_READ_LEASE,        /* the same while no two clocks run apart further than the bound
                                   (raft.h: clock_drift_permille); the leader then asks nobody */
    PROTOCOL_READ_LOCAL,        /* this replica's state, which may be older than that */
};

struct protocol_request {
    enum protocol_request_kind kind;
    bool blocks;             /* propose nothing behind it until its reply has come (reserve) */
    enum protocol_read read; /* of a QUERY */
    bool grows;           /* refused with PROTOCOL_REFUSED_FULL when the disk or memory is full */
    struct slice command; /* borrowed until the next decode() on this connection */
};

enum protocol_refusal {
    PROTOCOL_REFUSED_NO_LEADER, /* certainly not appended */
    PROTOCOL_REFUSED_FULL,
    PROTOCOL_REFUSED_BUSY,
    PROTOCOL_REFUSED_DRAINING,
};

struct protocol_config {
    uint32_t request_size_max; /* beanstalkd: the largest job body; 0: the protocol's default */
    enum protocol_read reads;  /* for those QUERYs that are not local by their nature */
};

struct protocol_ops {
    const char *name;
    void *(*open)(const struct protocol_config *config);
    void (*close)(void *connection);
    /* Consumes from `bytes` (reports how many in *consumed) up to the end of one request. */
    enum protocol_request_kind (*decode)(void *connection, struct slice bytes, size_t *consumed,
                                         struct protocol_request *request);
    /* Appends the text of a machine's reply (machine.h: payload). */
    void (*reply)(void *connection, const void *payload, struct buffer *out);
    /* Appends the error for a request that was not carried out; `command` as decode() gave it. Of a
     * connection that there is no room for: `connection` NULL, `command` empty. */
    void (*refuse)(void *connection, struct slice command, enum protocol_refusal why,
                   struct buffer *out);
    /* Bytes held for an unfinished request, for the memory limit. */
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

extern const struct protocol_ops beanstalk_ops;

#endif
