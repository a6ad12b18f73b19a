/* What the files of the store's protocol share: one connection. See protocol.h. */
#ifndef QUARTET_SYSTEMS_STORE_PROTOCOL_INTERNAL_H
#define QUARTET_SYSTEMS_STORE_PROTOCOL_INTERNAL_H

#include "base/list.h"
#include "systems/store/machine/store.h"
#include "systems/store/protocol/protocol.h"
#include "wire/resp.h"

enum {
    NAME_SIZE_MAX = 128, /* of CLIENT SETNAME */
    BUFFER_KEEP_MAX = 16 << 10,
};

/* How true this connection's reads are. */
enum level { LEVEL_DEFAULT, LEVEL_LINEARIZABLE, LEVEL_LEASE, LEVEL_SESSION, LEVEL_LOCAL };

/* What else than the version of RESP a request's token says, in its second byte: what counted()
 * makes its client hear. */
enum token_kind {
    TOKEN_PLAIN,
    TOKEN_EARLY,
    TOKEN_ALL,
    TOKEN_WAIT,
    TOKEN_WAITAOF,
    TOKEN_TOKEN,
    TOKEN_SPREAD
};

static inline uint64_t token_of(enum token_kind kind, unsigned version)
{
    return (uint64_t)kind << 8 | version;
}

struct spread; /* a command that is put to many groups: spread.c */

struct store_connection {
    const struct store_protocol_options *options;
    const struct protocol_facts *facts; /* NULL: nothing is known of the cluster */
    uint32_t place;                     /* where the client came in */
    enum protocol_read reads_default;   /* --reads */
    struct resp_parser parser;
    struct buffer command; /* the last request, encoded */
    struct buffer said;    /* the last LITERAL */
    unsigned version;      /* of RESP: 2 or 3 */
    enum level level;
    enum protocol_write write_level;
    struct buffer seen, after; /* struct protocol_position: positions.c */
    struct list spreads;       /* those under way */
    struct spread *spreading;  /* one of them, that has groups to be asked yet */
    uint64_t spread_last;
    bool readonly;
    bool known; /* it said the password, or none is asked for */
    uint32_t name_size;
    char name[NAME_SIZE_MAX];
};

/* One command, as it is taken apart. */
struct asked {
    struct store_connection *connection;
    struct resp_command words;
    const struct store_command *row;
    enum level level; /* for it alone; DEFAULT: the connection's */
    enum protocol_write write_level;
    bool once; /* they were said for it alone */
    struct protocol_request *request;
};

static inline struct slice asked_word(const struct asked *asked, uint32_t i)
{
    return resp_word(&asked->words, i);
}

/* In any case; `text` in small letters. */
bool asked_is(const struct asked *asked, uint32_t i, const char *text);

/* --- where it is in the log: positions.c --- */

/* What is being answered shows the log up to facts->shown. */
void position_seen(struct store_connection *connection);
/* Its reads are to be behind this from now on. False: there are too many of its group, and nothing
 * changed; with `make_room` those of the lowest terms are told to be lost instead. */
bool position_after(struct store_connection *connection, const struct protocol_position *after,
                    bool make_room);
/* Of the group in facts->shown, some of that is gone: its client has heard so, and reads on. */
void positions_lost(struct store_connection *connection);
void token_say(struct store_connection *connection, struct buffer *out);
/* Appends the struct protocol_positions that the token names; false: it is none. */
bool token_read(struct slice text, struct buffer *positions);

/* --- answers that need no machine: they fill connection->said and the request --- */

struct buffer *say(struct asked *asked); /* where to put a reply: it is the answer */
void say_ok(struct asked *asked);
void say_error(struct asked *asked, const char *text);
/* "before" and the word, in quotes, and "after": what a client sent, cut short. */
void say_error_about(struct asked *asked, const char *before, struct slice word, const char *after);
void say_wrong_arity(struct asked *asked, struct slice name);
void say_syntax_error(struct asked *asked);

/* --- who answers: route.c --- */

/* HOST and PORT of what clients dial; the host without brackets, empty where none is known. */
struct slice route_host(struct slice address, uint64_t *port);
/* What the client of this connection dials for this node; empty: not known. */
struct slice route_address(const struct store_connection *connection, uint32_t id);
/* Whether the node leads a group that has slots. */
bool route_leads(const struct store_connection *connection, uint32_t id);
/* Whether any replica may answer at this level. */
bool route_any(enum protocol_read read);
/* The answer to a command without a key where it speaks for no slot. */
void route_say_nothing(struct asked *asked, enum store_op op);
/* Whether asked->request, which is for the machine, is another node's to answer: then the client
 * has been told so. `slot`: of its keys, or STORE_NO_SLOT. */
bool route_elsewhere(struct asked *asked, const struct store_command *row, uint16_t slot);

/* --- what is put to many groups: spread.c --- */

/* Whether asked->request is: then it is the first of its requests, or the client has its answer. */
bool spread_begin(struct asked *asked, const struct store_command *row);
/* The next of connection->spreading. */
void spread_next(struct store_connection *connection, struct protocol_request *request);
void spread_answer(struct store_connection *connection, uint64_t token,
                   const struct store_reply *reply, struct buffer *out);
void spread_refuse(struct store_connection *connection, uint64_t token, struct slice error,
                   struct buffer *out);
void spreads_free(struct store_connection *connection);
size_t spreads_held(const struct store_connection *connection);

/* --- INFO of many groups: info.c --- */

enum { INFO_SUMMED = 5 };

struct info_sums {
    struct buffer text; /* the first that came */
    uint64_t sums[INFO_SUMMED];
};

void info_add(struct info_sums *info, struct slice text);
void info_say(const struct info_sums *info, const struct store_connection *connection,
              struct buffer *out);
void info_free(struct info_sums *info);

/* --- what becomes of a command --- */

/* Looks it up and does the rest; `words` and `level` are set. */
void ask(struct asked *asked);
/* For the machine: `row` with the words from `first` on, the first of them the name. */
void ask_machine(struct asked *asked, const struct store_command *row, uint32_t first);

void local_command(struct asked *asked);      /* local.c */
void local_command_info(struct asked *asked); /* COMMAND: tell.c */
void local_config(struct asked *asked);       /* tell.c */
void local_cluster(struct asked *asked);      /* cluster.c */
void local_consistency(struct asked *asked);  /* consistency.c */
void local_wait(struct asked *asked);         /* WAIT, WAITAOF: consistency.c */
/* Whether the answer to this command, words from `first` on, hangs on nothing but its words, and is
 * OK: consistency.c */
bool always_ok(const struct asked *asked, const struct store_command *row, uint32_t first);
/* A name that is no command of ours: NULL, or why, and the way out. refused.c */
const char *refused_command(struct slice name);
const char *refused_cluster(struct slice subcommand);

void store_answer(void *connection, uint64_t token, const void *payload, struct buffer *out);
void store_refuse(void *connection, uint64_t token, enum protocol_refusal why, struct buffer *out);
void store_counted(void *connection, uint64_t token, uint32_t have, uint32_t of,
                   struct buffer *out);
const struct protocol_position *store_after(void *connection, uint32_t *count);

#endif
