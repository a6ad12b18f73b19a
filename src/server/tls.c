/* TLS between a socket and the node: see tls.h. */
#include "server/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

enum {
    TLS_READ_BYTES = 16384, /* a record */
    TLS_RECORD_HANDSHAKE = 22,
};

struct tls {
    SSL_CTX *contexts[TLS_LISTENERS];
    uint64_t expires_s;
};

struct tls_session {
    SSL *ssl;
    BIO *in, *out; /* the SSL's own */
    bool heard;    /* something came */
    char wrong[TLS_WRONG_SIZE_MAX];
};

/* --- files ----------------------------------------------------------------------------------- */

/* Why the last call of the library failed, without its codes. */
static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code == 0 ? NULL : ERR_reason_error_string(code);
    ERR_clear_error();
    return text == NULL ? "is not in order" : text;
}

/* Whom `name`, an address or a host, must be on the other side. */
static void expect_name(SSL *ssl, const char *name)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) != 1) {
        ERR_clear_error();
        ASSERT(SSL_set1_host(ssl, name) == 1);
        ASSERT(SSL_set_tlsext_host_name(ssl, name) == 1);
    }
}

/* No tickets and no cache: a handshake costs a millisecond, and what is resumed would have been
 * checked against rules that may be no longer in force. */
static SSL_CTX *context_new(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (context == NULL) return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

static bool context_show(SSL_CTX *context, const char *cert, const char *key, char *wrong,
                         size_t size)
{
    const char *file = cert;
    bool fits = SSL_CTX_use_certificate_chain_file(context, cert) == 1;
    if (fits) {
        file = key;
        fits = SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 &&
               SSL_CTX_check_private_key(context) == 1;
    }
    if (!fits) snprintf(wrong, size, "%s: %s", file, reason());
    return fits;
}

/* The other side has to show a certificate by one of these. */
static bool context_demand(SSL_CTX *context, const char *ca, char *wrong, size_t size)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    if (names == NULL || SSL_CTX_load_verify_file(context, ca) != 1) {
        snprintf(wrong, size, "%s: %s", ca, reason());
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return false;
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return true;
}

static uint64_t expires_s(SSL_CTX *context)
{
    struct tm end;
    const X509 *cert = SSL_CTX_get0_certificate(context);
    if (cert == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) != 1) return 0;
    time_t at = timegm(&end);
    return at < 0 ? 0 : (uint64_t)at;
}

static bool fill(struct tls *tls, const struct tls_files *files, char *wrong, size_t size)
{
    const char *const demanded[TLS_LISTENERS] = {[NODE_CLIENT] = files->client_ca,
                                                 [NODE_ADMIN] = files->client_ca,
                                                 [NODE_PEER] = files->peer_ca};
    for (unsigned i = 0; i < TLS_LISTENERS; i++) {
        SSL_CTX *context = tls->contexts[i] = context_new();
        if (context == NULL) {
            snprintf(wrong, size, "TLS: %s", reason());
            return false;
        }
        if (!context_show(context, files->cert, files->key, wrong, size)) return false;
        if (demanded[i] != NULL && !context_demand(context, demanded[i], wrong, size)) return false;
    }
    tls->expires_s = expires_s(tls->contexts[NODE_CLIENT]);
    return true;
}

struct tls *tls_load(const struct tls_files *files, char *wrong, size_t wrong_size)
{
    struct tls *tls = calloc(1, sizeof *tls);
    ASSERT(tls != NULL);
    if (fill(tls, files, wrong, wrong_size)) return tls;
    tls_free(tls);
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL) return;
    for (unsigned i = 0; i < TLS_LISTENERS; i++) SSL_CTX_free(tls->contexts[i]);
    free(tls);
}

uint64_t tls_expires_s(const struct tls *tls)
{
    return tls->expires_s;
}

/* --- sessions -------------------------------------------------------------------------------- */

static struct tls_session *session_new(const struct tls *tls, enum node_listener listener)
{
    struct tls_session *session = calloc(1, sizeof *session);
    ASSERT(session != NULL);
    session->ssl = SSL_new(tls->contexts[listener]);
    session->in = BIO_new(BIO_s_mem());
    session->out = BIO_new(BIO_s_mem());
    ASSERT(session->ssl != NULL && session->in != NULL && session->out != NULL);
    SSL_set_bio(session->ssl, session->in, session->out);
    return session;
}

struct tls_session *tls_accept(const struct tls *tls, enum node_listener listener)
{
    struct tls_session *session = session_new(tls, listener);
    SSL_set_accept_state(session->ssl);
    return session;
}

struct tls_session *tls_dial(const struct tls *tls, const char *host)
{
    struct tls_session *session = session_new(tls, NODE_PEER);
    expect_name(session->ssl, host);
    SSL_set_connect_state(session->ssl);
    return session;
}

void tls_close(struct tls_session *session)
{
    if (session == NULL) return;
    SSL_free(session->ssl);
    free(session);
}

/* Says why it is over, if it is not yet said. */
static enum tls_result bad(struct tls_session *session)
{
    long verified = SSL_get_verify_result(session->ssl);
    const char *why = reason();
    if (session->wrong[0] != '\0') return TLS_BAD;
    if (verified != X509_V_OK) why = X509_verify_cert_error_string(verified);
    snprintf(session->wrong, sizeof session->wrong, "%s", why);
    return TLS_BAD;
}

static enum tls_result result_of(struct tls_session *session, int returned)
{
    switch (SSL_get_error(session->ssl, returned)) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return TLS_OK;
    case SSL_ERROR_ZERO_RETURN: return TLS_ENDED;
    default: return bad(session);
    }
}

static enum tls_result read_all(struct tls_session *session, struct buffer *plain)
{
    for (;;) {
        uint8_t *room = buffer_reserve(plain, TLS_READ_BYTES);
        int size = SSL_read(session->ssl, room, TLS_READ_BYTES);
        if (size <= 0) return result_of(session, size);
        buffer_grew(plain, (size_t)size);
    }
}

enum tls_result tls_receive(struct tls_session *session, struct slice bytes, struct buffer *plain)
{
    ERR_clear_error();
    if (bytes.size > 0 && !session->heard) {
        session->heard = true;
        if (bytes.data[0] != TLS_RECORD_HANDSHAKE) {
            snprintf(session->wrong, sizeof session->wrong, "what came is not TLS");
            return TLS_BAD;
        }
    }
    if (bytes.size > 0) {
        int taken = BIO_write(session->in, bytes.data, (int)bytes.size);
        ASSERT(taken == (int)bytes.size); /* into memory */
    }
    if (!tls_established(session)) {
        int done = SSL_do_handshake(session->ssl);
        if (done != 1) return result_of(session, done);
    }
    return read_all(session, plain);
}

bool tls_established(const struct tls_session *session)
{
    return SSL_is_init_finished(session->ssl) == 1;
}

bool tls_send(struct tls_session *session, struct slice plain)
{
    ERR_clear_error();
    while (plain.size > 0) {
        int size = plain.size < INT32_MAX ? (int)plain.size : INT32_MAX;
        int done = SSL_write(session->ssl, plain.data, size);
        if (done <= 0) {
            bad(session);
            return false;
        }
        plain.data += done;
        plain.size -= (size_t)done;
    }
    return true;
}

void tls_end(struct tls_session *session)
{
    ERR_clear_error();
    if (session->wrong[0] == '\0' && tls_established(session)) SSL_shutdown(session->ssl);
    ERR_clear_error();
}

void tls_take(struct tls_session *session, struct buffer *out)
{
    size_t pending = BIO_ctrl_pending(session->out);
    if (pending == 0) return;
    int size = BIO_read(session->out, buffer_reserve(out, pending), (int)pending);
    ASSERT(size == (int)pending);
    buffer_grew(out, pending);
}

const char *tls_wrong(const struct tls_session *session)
{
    return session->wrong;
}

bool tls_looks_like(struct slice first)
{
    return first.size >= 3 && first.data[0] == TLS_RECORD_HANDSHAKE && first.data[1] == 3 &&
           first.data[2] <= 4;
}

/* --- over a blocking socket ------------------------------------------------------------------ */

struct tls_asker {
    SSL_CTX *context;
    SSL *ssl;
};

static bool ask(struct tls_asker *asker, const struct tls_asker_files *files, int fd,
                const char *host, char *wrong, size_t size)
{
    asker->context = context_new();
    ASSERT(asker->context != NULL);
    if (!context_demand(asker->context, files->ca, wrong, size)) return false;
    if (files->cert != NULL &&
        !context_show(asker->context, files->cert, files->key, wrong, size)) {
        return false;
    }
    asker->ssl = SSL_new(asker->context);
    ASSERT(asker->ssl != NULL);
    expect_name(asker->ssl, host);
    SSL_set_fd(asker->ssl, fd);
    if (SSL_connect(asker->ssl) == 1) return true;
    long verified = SSL_get_verify_result(asker->ssl);
    const char *why = verified == X509_V_OK ? reason() : X509_verify_cert_error_string(verified);
    snprintf(wrong, size, "TLS with %s: %s", host, why);
    return false;
}

struct tls_asker *tls_ask(const struct tls_asker_files *files, int fd, const char *host,
                          char *wrong, size_t wrong_size)
{
    struct tls_asker *asker = calloc(1, sizeof *asker);
    ASSERT(asker != NULL);
    ERR_clear_error();
    if (ask(asker, files, fd, host, wrong, wrong_size)) return asker;
    tls_asker_free(asker);
    return NULL;
}

int tls_asker_read(struct tls_asker *asker, void *to, size_t size)
{
    int done = SSL_read(asker->ssl, to, size < INT32_MAX ? (int)size : INT32_MAX);
    if (done > 0) return done;
    return SSL_get_error(asker->ssl, done) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

int tls_asker_write(struct tls_asker *asker, const void *from, size_t size)
{
    int done = SSL_write(asker->ssl, from, size < INT32_MAX ? (int)size : INT32_MAX);
    return done > 0 ? done : -1;
}

void tls_asker_free(struct tls_asker *asker)
{
    if (asker == NULL) return;
    SSL_free(asker->ssl);
    SSL_CTX_free(asker->context);
    free(asker);
}
