/* The commands that the store knows: one table for the decoder (names, arity), the router (keys,
 * slots), what COMMAND tells of them, the log (op), and the machine (which function carries it
 * out).
 *
 * A row: op, name, arity as Redis counts it (with the name; -n: n or more), flags, and which words
 * are keys (first, last, step; 0 0 0: none; last -1: up to the end). Rows stand in the order of
 * their names. R: the machine runs it, by its function run_OP. L: local, the protocol answers it
 * itself or makes another one of it. */
#ifndef QUARTET_SYSTEMS_STORE_MACHINE_COMMANDS_H
#define QUARTET_SYSTEMS_STORE_MACHINE_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum store_flags {
    STORE_READ = 1,    /* a question: changes nothing, never stands in the log */
    STORE_WRITE = 2,   /* goes through the log */
    STORE_GROWS = 4,   /* may need more memory: refused when that is full */
    STORE_FAST = 8,    /* takes the same time whatever there is: what COMMAND tells, and no more */
    STORE_HERE = 16,   /* of a READ: any replica may answer, whatever level was asked for */
    STORE_HIDDEN = 32, /* of the protocol alone: no client can name it */
};

#define STORE_COMMANDS(R, L)                                                        \
    R(APPEND, "append", 3, STORE_WRITE | STORE_GROWS | STORE_FAST, 1, 1, 1)         \
    L(ASKING, "asking", 1, STORE_FAST, 0, 0, 0)                                     \
    L(AUTH, "auth", -2, STORE_FAST, 0, 0, 0)                                        \
    R(BITCOUNT, "bitcount", -2, STORE_READ, 1, 1, 1)                                \
    R(BITPOS, "bitpos", -3, STORE_READ, 1, 1, 1)                                    \
    L(CLIENT, "client", -2, 0, 0, 0, 0)                                             \
    L(CLUSTER, "cluster", -2, 0, 0, 0, 0)                                           \
    L(COMMAND, "command", -1, 0, 0, 0, 0)                                           \
    L(CONFIG, "config", -2, 0, 0, 0, 0)                                             \
    L(CONSISTENCY, "consistency", -2, 0, 3, 3, 1)                                   \
    R(COPY, "copy", -3, STORE_WRITE | STORE_GROWS, 1, 2, 1)                         \
    R(DBSIZE, "dbsize", 1, STORE_READ | STORE_FAST, 0, 0, 0)                        \
    R(DECR, "decr", 2, STORE_WRITE | STORE_GROWS | STORE_FAST, 1, 1, 1)             \
    R(DECRBY, "decrby", 3, STORE_WRITE | STORE_GROWS | STORE_FAST, 1, 1, 1)         \
    R(DEL, "del", -2, STORE_WRITE, 1, -1, 1)                                        \
    R(DELIFEQ, "delifeq", 3, STORE_WRITE | STORE_FAST, 1, 1, 1)                     \
    L(ECHO, "echo", 2, STORE_FAST, 0, 0, 0)                                         \
    R(EXISTS, "exists", -2, STORE_READ | STORE_FAST, 1, -1, 1)                      \
    R(EXPIRE, "expire", -3, STORE_WRITE | STORE_FAST, 1, 1, 1)                      \
    R(EXPIREAT, "expireat", -3, STORE_WRITE | STORE_FAST, 1, 1, 1)                  \
    R(EXPIRETIME, "expiretime", 2, STORE_READ | STORE_FAST, 1, 1, 1)                \
    R(FLUSHALL, "flushall", -1, STORE_WRITE, 0, 0, 0)                               \
    R(FLUSHDB, "flushdb", -1, STORE_WRITE, 0, 0, 0)                                 \
    R(GET, "get", 2, STORE_READ | STORE_FAST, 1, 1, 1)                              \
    R(GETBIT, "getbit", 3, STORE_READ | STORE_FAST, 1, 1, 1)                        \
    R(GETDEL, "getdel", 2, STORE_WRITE | STORE_FAST, 1, 1, 1)                       \
    R(GETEX, "getex", -2, STORE_WRITE | STORE_FAST, 1, 1, 1)                        \
    R(GETRANGE, "getrange", 4, STORE_READ, 1, 1, 1)                                 \
    R(GETSET, "getset", 3, STORE_WRITE | STORE_GROWS | STORE_FAST, 1, 1, 1)         \
    L(HELLO, "hello", -1, STORE_FAST, 0, 0, 0)                                      \
    R(INCR, "incr", 2, STORE_WRITE | STORE_GROWS | STORE_FAST, 1, 1, 1)             \
    R(INCRBY, "incrby", 3, STORE_WRITE | STORE_GROWS | STORE_FAST, 1, 1, 1)         \
    R(INFO, "info", -1, STORE_READ | STORE_HERE, 0, 0, 0)                           \
    R(KEYS, "keys", 2, STORE_READ, 0, 0, 0)                                         \
    R(MGET, "mget", -2, STORE_READ | STORE_FAST, 1, -1, 1)                          \
    R(MSET, "mset", -3, STORE_WRITE | STORE_GROWS, 1, -1, 2)                        \
    R(MSETNX, "msetnx", -3, STORE_WRITE | STORE_GROWS, 1, -1, 2)                    \
    L(OBJECT, "object", -2, 0, 2, 2, 1)                                             \
    R(PERSIST, "persist", 2, STORE_WRITE | STORE_FAST, 1, 1, 1)                     \
    R(PEXPIRE, "pexpire", -3, STORE_WRITE | STORE_FAST, 1, 1, 1)                    \
    R(PEXPIREAT, "pexpireat", -3, STORE_WRITE | STORE_FAST, 1, 1, 1)                \
    R(PEXPIRETIME, "pexpiretime", 2, STORE_READ | STORE_FAST, 1, 1, 1)              \
    L(PING, "ping", -1, STORE_FAST, 0, 0, 0)                                        \
    R(PSETEX, "psetex", 4, STORE_WRITE | STORE_GROWS, 1, 1, 1)                      \
    R(PTTL, "pttl", 2, STORE_READ | STORE_FAST, 1, 1, 1)                            \
    L(QUIT, "quit", -1, STORE_FAST, 0, 0, 0)                                        \
    R(RANDOMKEY, "randomkey", 1, STORE_READ, 0, 0, 0)                               \
    L(READONLY, "readonly", 1, STORE_FAST, 0, 0, 0)                                 \
    L(READWRITE, "readwrite", 1, STORE_FAST, 0, 0, 0)                               \
    R(RENAME, "rename", 3, STORE_WRITE, 1, 2, 1)                                    \
    R(RENAMENX, "renamenx", 3, STORE_WRITE | STORE_FAST, 1, 2, 1)                   \
    L(RESET, "reset", 1, STORE_FAST, 0, 0, 0)                                       \
    R(SCAN, "scan", -2, STORE_READ, 0, 0, 0)                                        \
    L(SELECT, "select", 2, STORE_FAST, 0, 0, 0)                                     \
    R(SET, "set", -3, STORE_WRITE | STORE_GROWS, 1, 1, 1)                           \
    R(SETBIT, "setbit", 4, STORE_WRITE | STORE_GROWS, 1, 1, 1)                      \
    R(SETEX, "setex", 4, STORE_WRITE | STORE_GROWS, 1, 1, 1)                        \
    R(SETNX, "setnx", 3, STORE_WRITE | STORE_GROWS | STORE_FAST, 1, 1, 1)           \
    R(SETRANGE, "setrange", 4, STORE_WRITE | STORE_GROWS, 1, 1, 1)                  \
    R(STRLEN, "strlen", 2, STORE_READ | STORE_FAST, 1, 1, 1)                        \
    R(SUBSTR, "substr", 4, STORE_READ, 1, 1, 1)                                     \
    R(TIME, "time", 1, STORE_READ | STORE_HERE | STORE_FAST, 0, 0, 0)               \
    R(TOUCH, "touch", -2, STORE_READ | STORE_FAST, 1, -1, 1)                        \
    R(TTL, "ttl", 2, STORE_READ | STORE_FAST, 1, 1, 1)                              \
    R(TYPE, "type", 2, STORE_READ | STORE_FAST, 1, 1, 1)                            \
    R(UNLINK, "unlink", -2, STORE_WRITE | STORE_FAST, 1, -1, 1)                     \
    L(WAIT, "wait", 3, 0, 0, 0, 0)                                                  \
    L(WAITAOF, "waitaof", 4, 0, 0, 0, 0)                                            \
    /* what subcommands become; no client can name them */                          \
    R(COUNT_SLOT, "cluster|countkeysinslot", 2, STORE_READ | STORE_HIDDEN, 0, 0, 0) \
    R(KEYS_SLOT, "cluster|getkeysinslot", 3, STORE_READ | STORE_HIDDEN, 0, 0, 0)    \
    R(ENCODING, "object|encoding", 2, STORE_READ | STORE_HIDDEN, 1, 1, 1)

/* Ops stand in the log: these numbers are for ever. A new one goes to the end. */
enum store_op {
    STORE_APPEND = 1,
    STORE_COPY,
    STORE_DECR,
    STORE_DECRBY,
    STORE_DEL,
    STORE_DELIFEQ,
    STORE_EXPIRE,
    STORE_EXPIREAT,
    STORE_FLUSHALL,
    STORE_FLUSHDB,
    STORE_GETDEL,
    STORE_GETEX,
    STORE_GETSET,
    STORE_INCR,
    STORE_INCRBY,
    STORE_MSET,
    STORE_MSETNX,
    STORE_PERSIST,
    STORE_PEXPIRE,
    STORE_PEXPIREAT,
    STORE_PSETEX,
    STORE_RENAME,
    STORE_RENAMENX,
    STORE_SET,
    STORE_SETBIT,
    STORE_SETEX,
    STORE_SETNX,
    STORE_SETRANGE,
    STORE_UNLINK,
    /* questions: never in the log */
    STORE_BITCOUNT = 128,
    STORE_BITPOS,
    STORE_COUNT_SLOT,
    STORE_DBSIZE,
    STORE_ENCODING,
    STORE_EXISTS,
    STORE_EXPIRETIME,
    STORE_GET,
    STORE_GETBIT,
    STORE_GETRANGE,
    STORE_INFO,
    STORE_KEYS,
    STORE_KEYS_SLOT,
    STORE_MGET,
    STORE_PEXPIRETIME,
    STORE_PTTL,
    STORE_RANDOMKEY,
    STORE_SCAN,
    STORE_STRLEN,
    STORE_SUBSTR,
    STORE_TIME,
    STORE_TOUCH,
    STORE_TTL,
    STORE_TYPE,
    /* the protocol's own */
    STORE_ASKING = 208,
    STORE_AUTH,
    STORE_CLIENT,
    STORE_CLUSTER,
    STORE_COMMAND,
    STORE_CONFIG,
    STORE_CONSISTENCY,
    STORE_ECHO,
    STORE_HELLO,
    STORE_OBJECT,
    STORE_PING,
    STORE_QUIT,
    STORE_READONLY,
    STORE_READWRITE,
    STORE_RESET,
    STORE_SELECT,
    STORE_WAIT,
    STORE_WAITAOF,
    STORE_OPS_END,
};

enum {
    STORE_NAME_SIZE_MAX = 24,
};

struct store_command {
    const char *name; /* in small letters */
    enum store_op op;
    int16_t arity;
    uint8_t flags;
    int8_t key_first, key_last, key_step;
};

/* In the order of their names, of those that a client can name; then the hidden ones. */
extern const struct store_command store_commands[];
extern const uint32_t store_commands_count; /* of those that can be named */

/* In any case. NULL: there is none. */
const struct store_command *store_command_by_name(struct slice name);
const struct store_command *store_command_by_op(enum store_op op);

/* Which of `count` words, the name among them, are keys: from *first on, each *step, up to *end. */
void store_command_keys(const struct store_command *command, uint32_t count, uint32_t *first,
                        uint32_t *end, uint32_t *step);
/* Whether a command may have so many words. */
bool store_command_arity(const struct store_command *command, uint32_t count);

#endif
