/* What a watch of the gateway says, line by line. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_SIM_LINES_H
#define QUARTET_SYSTEMS_CONSENSUS_SIM_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Zero-initialized: nothing was heard. */
struct lines {
    bool begun; /* the head of the response is behind */
    struct buffer line;
};

enum lines_kind {
    LINES_PARTIAL,
    LINES_BAD,
    LINES_CREATED,   /* as of `revision` */
    LINES_EVENTS,    /* take them by lines_event() */
    LINES_COMPACTED, /* up to `revision` */
};

struct lines_event {
    uint64_t revision;
    uint32_t key;
    uint64_t value; /* 0: deleted */
};

/* All keys that there may be, from the revision `start` on; 0: from now on. */
void lines_ask(uint64_t start, struct buffer *out);
/* Takes a line off the front of what was heard; it lives in lines->line until the next call. */
enum lines_kind lines_next(struct lines *lines, struct buffer *heard, uint64_t *revision);
/* Takes the next event off the line, which begins as all of it. False: there is none. */
bool lines_event(struct slice *line, struct lines_event *event);
void lines_reset(struct lines *lines);

#endif
