/* The smallest machine: a few registers that are read, written, and compared and swapped.
 *
 * It is there for the judge (histories of registers are what linearizability checkers know best)
 * and to show what a machine is made of; no server command runs it. */
#ifndef QUARTET_SYSTEMS_REGISTER_MACHINE_REGISTER_H
#define QUARTET_SYSTEMS_REGISTER_MACHINE_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "contract/machine.h"

enum {
    REGISTER_COUNT = 32,
    REGISTER_COMMAND_SIZE = 18,
};

enum register_op {
    REGISTER_READ = 1,
    REGISTER_WRITE,
    REGISTER_SWAP, /* compare and swap */
};

struct register_command {
    enum register_op op;
    uint32_t key;      /* below REGISTER_COUNT */
    uint64_t expected; /* SWAP: only if the register holds this */
    uint64_t value;    /* WRITE, SWAP */
};

/* What a session hears (machine_emit). */
struct register_reply {
    enum register_op op;
    bool done;      /* SWAP: false when the register held something else */
    uint64_t value; /* what the register holds now */
};

/* op u8, key u8, expected u64, value u64; little-endian. */
void register_command_encode(const struct register_command *command, struct buffer *out);
/* False when malformed. */
bool register_command_decode(struct slice bytes, struct register_command *command);

extern const struct machine_ops register_ops;

#endif
