/* TLS 1.2 and 1.3 as a filter between a socket and the node: bytes of the wire in, what they mean
 * out, and the other way round. OpenSSL does the work; no socket is touched here.
 *
 * Clients and the admin port see this node's certificate, and need one by --tls-client-ca where
 * that is given. Peers need one by --tls-peer-ca, both ways, and the dialer's name for the other
 * must be in it. Files are read by tls_load() alone: a reload is another tls_load(), and who is
 * connected keeps what they connected with. */
#ifndef QUARTET_SERVER_TLS_H
#define QUARTET_SERVER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "node/node.h"

enum {
    TLS_LISTENERS = NODE_ADMIN + 1, /* kinds of them */
    TLS_WRONG_SIZE_MAX = 256,
};

/* Names of PEM files; NULL: not given. `cert` may hold the chain behind it. */
struct tls_files {
    const char *cert, *key, *client_ca, *peer_ca;
};

struct tls;
/* NULL after saying in `wrong` which file is not in order, and why. */
struct tls *tls_load(const struct tls_files *files, char *wrong, size_t wrong_size);
void tls_free(struct tls *tls); /* sessions go on */
/* When the certificate ends, in seconds since 1970. */
uint64_t tls_expires_s(const struct tls *tls);

enum tls_result {
    TLS_OK,
    TLS_ENDED, /* the other side says that nothing more comes */
    TLS_BAD,   /* tls_wrong() */
};

struct tls_session;
/* Somebody connected to a listener of this kind. NULL: no memory. */
struct tls_session *tls_accept(const struct tls *tls, enum node_listener listener);
/* This node has dialed `host`, a name or a numeric address: a peer. */
struct tls_session *tls_dial(const struct tls *tls, const char *host);
void tls_close(struct tls_session *session);

/* Begins, and goes on with `bytes` of the wire (none: to begin), all of which are taken. What they
 * mean is appended to `plain`; tls_take() may have something to send afterwards, also after BAD. */
enum tls_result tls_receive(struct tls_session *session, struct slice bytes, struct buffer *plain);
/* Both sides know each other: from here on tls_send() may be called. */
bool tls_established(const struct tls_session *session);
/* False: beyond repair. */
bool tls_send(struct tls_session *session, struct slice plain);
/* Nothing more will be sent. */
void tls_end(struct tls_session *session);
/* Moves what has to go over the wire to the end of `out`. */
void tls_take(struct tls_session *session, struct buffer *out);
/* In words, for the operator; lives as long as the session. */
const char *tls_wrong(const struct tls_session *session);

/* Whether bytes that begin a connection are those of TLS, which a plain port then says. */
bool tls_looks_like(struct slice first);

/* --- for commands that ask a node over a blocking socket ------------------------------------- */

/* `ca`: who must have signed the node's certificate. Cert and key: what this command shows. */
struct tls_asker_files {
    const char *ca, *cert, *key;
};

struct tls_asker;
/* Shakes hands on a connected socket, whose timeouts hold; `host` must be in the certificate. NULL
 * after saying why in `wrong`. The socket stays the caller's. */
struct tls_asker *tls_ask(const struct tls_asker_files *files, int fd, const char *host,
                          char *wrong, size_t wrong_size);
/* As recv() and send(): 0 is the end, -1 a failure. */
int tls_asker_read(struct tls_asker *asker, void *to, size_t size);
int tls_asker_write(struct tls_asker *asker, const void *from, size_t size);
void tls_asker_free(struct tls_asker *asker);

#endif
