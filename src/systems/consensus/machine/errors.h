/* What a command may be refused with: gRPC's code and etcd's text, byte for byte where it has one.
 */
#ifndef QUARTET_SYSTEMS_CONSENSUS_MACHINE_ERRORS_H
#define QUARTET_SYSTEMS_CONSENSUS_MACHINE_ERRORS_H

#include <stdint.h>

#define CONSENSUS_ERRORS(X)                                                                   \
    X(EMPTY_KEY, 3, "etcdserver: key is not provided")                                        \
    X(KEY_NOT_FOUND, 3, "etcdserver: key not found")                                          \
    X(VALUE_PROVIDED, 3, "etcdserver: value is provided")                                     \
    X(LEASE_PROVIDED, 3, "etcdserver: lease is provided")                                     \
    X(TOO_MANY_OPERATIONS, 3, "etcdserver: too many operations in txn request")               \
    X(DUPLICATE_KEY, 3, "etcdserver: duplicate key given in txn request")                     \
    X(INVALID_SORT, 3, "etcdserver: invalid sort option")                                     \
    X(COMPACTED, 11, "etcdserver: mvcc: required revision has been compacted")                \
    X(FUTURE_REVISION, 11, "etcdserver: mvcc: required revision is a future revision")        \
    X(NO_SPACE, 8, "etcdserver: mvcc: database space exceeded")                               \
    X(LEASE_NOT_FOUND, 5, "etcdserver: requested lease not found")                            \
    X(LEASE_EXISTS, 9, "etcdserver: lease already exists")                                    \
    X(LEASE_TTL_TOO_LARGE, 11, "etcdserver: too large lease TTL")                             \
    X(REQUEST_TOO_LARGE, 3, "etcdserver: request is too large")                               \
    X(RANGE_TOO_LARGE, 8, "etcdserver: too many keys for one answer: ask for pages by limit") \
    X(MALFORMED, 3, "etcdserver: malformed request")

#define CONSENSUS_ERROR_NAME(name, code, text) CONSENSUS_ERROR_##name,
enum consensus_error { CONSENSUS_ERROR_NONE, CONSENSUS_ERRORS(CONSENSUS_ERROR_NAME) };
#undef CONSENSUS_ERROR_NAME

/* Not for NONE. */
unsigned consensus_error_code(enum consensus_error error);
const char *consensus_error_text(enum consensus_error error);

#endif
