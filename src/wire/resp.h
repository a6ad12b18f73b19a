/* RESP, the protocol of Redis, both ways: commands and replies, versions 2 and 3.
 * Source: the RESP specification (redis.io/docs/latest/develop/reference/protocol-spec).
 *
 * A command is an array of bulk strings, or a line of words ("inline", for people with netcat). The
 * parser takes the bytes of one connection in pieces of any size and yields one command at a time.
 * A command that lies whole in one piece is not copied: its words point into the caller's bytes.
 * What it yields depends on the bytes alone, never on where they were cut.
 *
 * Errors have two kinds. A command that is well formed but too large is read to its end and thrown
 * away: the connection lives. What is no RESP at all cannot be resynchronized: the caller says so
 * and closes. */
#ifndef QUARTET_WIRE_RESP_H
#define QUARTET_WIRE_RESP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    RESP_WORD_SIZE_MAX = 8 << 20,     /* of a command; larger ones are thrown away */
    RESP_COMMAND_SIZE_MAX = 15 << 20, /* all words together */
    RESP_WORDS_MAX = 1 << 20,
    RESP_INLINE_SIZE_MAX = 64 << 10,
    RESP_HEADER_SIZE_MAX = 32, /* "*3\r\n", "$5\r\n" */
    RESP_KEEP_MAX = 16 << 10,  /* buffers above are given back after a command */
};

enum resp_result {
    RESP_PARTIAL,   /* all bytes consumed, no command yet */
    RESP_COMMAND,   /* `command` is set, of at least one word */
    RESP_TOO_LARGE, /* a command was thrown away: *why says which limit it passed */
    RESP_SHED,      /* a command was thrown away: resp_parser_shed() */
    RESP_BROKEN,    /* *why says what is wrong; nothing more can be read */
};

struct resp_limits {
    uint32_t word_size_max; /* 0 in any: the default above */
    uint32_t command_size_max;
};

/* A word of the command that is being read: where it begins, from the command's first byte. */
struct resp_word {
    uint32_t at;
    uint32_t size;
};

/* Zero-initialized is ready. */
struct resp_parser {
    struct resp_limits limits;
    struct buffer held;    /* a command that a piece cut off, as far as it came */
    struct buffer words;   /* struct resp_word of each word so far */
    struct buffer line;    /* the words of an inline command, unquoted */
    uint32_t at;           /* how far the command is understood */
    uint32_t missing;      /* words to come */
    bool begun;            /* its "*n" has been read */
    uint64_t skip;         /* of a word that is thrown away: bytes to come, its CR LF too */
    uint32_t bytes;        /* of all its words */
    const char *too_large; /* not NULL: it is thrown away, for that */
    bool shed;
    bool broken;
    bool over; /* the last call yielded a command, which is the caller's until the next */
};

/* Borrowed until the parser is next called, or the bytes that were given to it change. */
struct resp_command {
    const uint8_t *base;
    const struct resp_word *words;
    uint32_t count;
};

static inline struct slice resp_word(const struct resp_command *command, uint32_t i)
{
    return slice_of(command->base + command->words[i].at, command->words[i].size);
}

/* Consumes from `bytes` up to the end of one command. *why: text that lives for ever. */
enum resp_result resp_parse(struct resp_parser *parser, struct slice bytes, size_t *consumed,
                            struct resp_command *command, const char **why);
void resp_parser_free(struct resp_parser *parser);
/* Memory held for an unfinished command. */
size_t resp_parser_held(const struct resp_parser *parser);
/* Gives it back: the rest of that command is dropped as it comes, then RESP_SHED says so. */
void resp_parser_shed(struct resp_parser *parser);

/* --- replies, written ----------------------------------------------------------------------- */

/* `version` is 2 or 3, wherever the two differ. */
void resp_put_simple(struct buffer *out, struct slice text);
/* `text` begins with its code: "ERR no". What would end the line becomes a space. */
void resp_put_error(struct buffer *out, struct slice text);
void resp_put_integer(struct buffer *out, int64_t number);
void resp_put_bulk(struct buffer *out, struct slice bytes);
void resp_put_null(struct buffer *out, unsigned version);
void resp_put_null_array(struct buffer *out, unsigned version);
void resp_put_array(struct buffer *out, uint32_t count);
/* `count` pairs follow; in version 2 an array of twice as many. */
void resp_put_map(struct buffer *out, uint32_t count, unsigned version);
void resp_put_set(struct buffer *out, uint32_t count, unsigned version);
void resp_put_push(struct buffer *out, uint32_t count, unsigned version);
/* Text for people: a bulk string in version 2. */
void resp_put_verbatim(struct buffer *out, struct slice text, unsigned version);

/* --- replies, read: for clients of ours ------------------------------------------------------ */

enum resp_kind {
    RESP_SIMPLE = 1,
    RESP_ERROR,
    RESP_INTEGER,
    RESP_BULK,    /* and version 3's verbatim strings, without their "txt:", and big numbers */
    RESP_NULL,    /* of either version */
    RESP_BOOLEAN, /* number is 0 or 1 */
    RESP_DOUBLE,  /* its text in `bytes` */
    RESP_ARRAY,   /* `number` values follow */
    RESP_MAP,     /* twice `number` values follow */
    RESP_SET,
    RESP_PUSH,
};

struct resp_value {
    enum resp_kind kind;
    int64_t number;
    struct slice bytes; /* borrowed from the input */
};

/* The value that `bytes` begin with; of an array and such its head alone. *size is what it takes; 0
 * while it is incomplete. False: that is no reply. */
bool resp_value_read(struct slice bytes, struct resp_value *value, size_t *size);
/* How many bytes the whole reply takes that `bytes` begin with, with all that it holds; 0 while
 * it is incomplete. False: that is no reply. */
bool resp_reply_size(struct slice bytes, size_t *size);

/* A command of `count` words, as clients send it. */
void resp_put_command(struct buffer *out, const struct slice *words, uint32_t count);

#endif
