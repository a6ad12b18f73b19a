/* The store's machine: keys and their values, a table for each slot.
 *
 * It is a machine as contract/machine.h says: pure, deterministic, and no call stalls. Commands
 * come as the words that the client sent, behind the number of the command; what a reply looks like
 * on the wire is the protocol's. The bytes are those of specs/systems/store.md.
 *
 * A key that is over (its time has come, as the *log's* time says) is there for no command from
 * that entry on, on every replica alike. Questions go by the log's time too, never by a replica's
 * own idea of now: a key that one question found gone must not be back for the next, at another
 * replica. */
#ifndef QUARTET_SYSTEMS_STORE_MACHINE_STORE_H
#define QUARTET_SYSTEMS_STORE_MACHINE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "contract/machine.h"
#include "systems/store/machine/commands.h"
#include "systems/store/machine/slot.h"

enum {
    STORE_VALUE_SIZE_MAX = 8 << 20,
    STORE_KEY_SIZE_MAX = 64 << 10,
    STORE_COMMAND_SIZE_MAX = 16 << 20, /* encoded */
    STORE_KEYS_MAX = 10000,            /* of one command: it is one call */
    STORE_ELEMENTS_MAX = 100000,       /* of one answer */
    STORE_PATTERN_SIZE_MAX = 1024,     /* of KEYS and SCAN */
};

/* --- commands --- */

/* op u8, slot u16, then each word behind the name: its size as a varint, its bytes. */
void store_command_begin(struct buffer *out, enum store_op op, uint16_t slot);
void store_command_word(struct buffer *out, struct slice word);

/* --- replies --- */

enum store_value_kind {
    STORE_NIL = 1,
    STORE_OK,
    STORE_SIMPLE,  /* bytes */
    STORE_ERROR,   /* bytes, its code first */
    STORE_INTEGER, /* number */
    STORE_BULK,    /* bytes */
    STORE_TEXT,    /* bytes, for people to read */
    STORE_ARRAY,   /* number values follow */
};

struct store_value {
    enum store_value_kind kind;
    int64_t number;
    struct slice bytes;
};

/* What a session hears (machine_emit): an answer as a list of values, each array's elements behind
 * it. Borrowed for the call. */
struct store_reply {
    uint32_t count;
    const struct store_value *values;
};

extern const struct machine_ops store_ops;

#endif
