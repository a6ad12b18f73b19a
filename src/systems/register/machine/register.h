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
    REGISTER_HISTORY = 16, /* the last values of each that a watch can still read */
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

/* What a watch of one register hears (machine.h). Values are numbered from 1, each register's own;
 * it hears each once, in order, or that some are gone. */
enum register_event_kind {
    REGISTER_WATCHING = 1, /* from `version` on, which is not there yet or comes next */
    REGISTER_EVENT,        /* value `version` is `value` */
    REGISTER_GAP,          /* up to and including `version` */
};

struct register_event {
    enum register_event_kind kind;
    uint32_t key;
    uint64_t version;
    uint64_t value;
};

/* Where a watch begins: key u8, then the version u64 that it begins at; 0: behind the last. */
void register_watch_encode(uint32_t key, uint64_t version, struct buffer *out);

/* op u8, key u8, expected u64, value u64; little-endian. */
void register_command_encode(const struct register_command *command, struct buffer *out);
/* False when malformed. */
bool register_command_decode(struct slice bytes, struct register_command *command);

/* The version of its last value; for tests and the simulator. */
uint64_t register_version(const void *machine, uint32_t key);

extern const struct machine_ops register_ops;

#endif
