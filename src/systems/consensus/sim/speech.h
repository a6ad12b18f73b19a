/* How the simulator's clients speak to the gateway: one call in HTTP and JSON, and its answer. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_SIM_SPEECH_H
#define QUARTET_SYSTEMS_CONSENSUS_SIM_SPEECH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum speech_op { SPEECH_GET, SPEECH_PUT, SPEECH_SWAP, SPEECH_DELETE };

/* Keys are numbers; values too, and 0 means that the key is not there. */
struct speech_call {
    enum speech_op op;
    uint32_t key;
    bool serializable;        /* GET */
    uint64_t expected, value; /* SWAP: from, to; PUT: to */
};

enum speech_outcome {
    SPEECH_PARTIAL,
    SPEECH_BAD,     /* no answer to this */
    SPEECH_DONE,    /* `value`: GET: what is there; DELETE: how many there were */
    SPEECH_KEPT,    /* SWAP: it found `value` */
    SPEECH_REFUSED, /* certainly not done */
};

struct speech_answer {
    enum speech_outcome outcome;
    uint64_t value;
    uint64_t revision;
};

void speech_say(const struct speech_call *call, struct buffer *out);
/* `heard` is all that came since the call. */
struct speech_answer speech_hear(const struct speech_call *call, struct slice heard);

#endif
