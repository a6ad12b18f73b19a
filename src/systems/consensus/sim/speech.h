/* How the simulator's clients speak to the gateway: one call in HTTP and JSON, and its answer. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_SIM_SPEECH_H
#define QUARTET_SYSTEMS_CONSENSUS_SIM_SPEECH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum speech_op { SPEECH_GET, SPEECH_PUT, SPEECH_SWAP, SPEECH_DELETE, SPEECH_COMPACT };

/* Keys are numbers; values too, and 0 means that the key is not there. */
struct speech_call {
    enum speech_op op;
    uint32_t key;
    bool serializable;        /* GET */
    uint64_t expected, value; /* SWAP: from, to; PUT: to; COMPACT: to this revision */
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

/* What it takes to speak and hear otherwise. */
void speech_say_request(const char *path, struct slice body, struct buffer *out);
/* What stands behind the first `word`; false: it is nowhere. */
bool speech_behind(struct slice text, const char *word, struct slice *rest);
bool speech_digits(struct slice text, uint64_t *number);
/* The number behind the first `word`, in base64 and behind a letter; false: there is none. */
bool speech_number(struct slice text, const char *word, uint64_t *number);

#endif
