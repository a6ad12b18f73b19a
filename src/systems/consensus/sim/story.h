/* What happened at each revision, by all that was heard of it: one key was put or deleted, for no
 * client of these worlds changes more at once. Answers and watches have to tell the same story; and
 * every answer names its revision, so that what it shows can be judged by replaying: the cost is
 * linear, however many calls were under way at once. */
#ifndef QUARTET_SYSTEMS_CONSENSUS_SIM_STORY_H
#define QUARTET_SYSTEMS_CONSENSUS_SIM_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { STORY_KEYS_MAX = 64 };

struct story_event {
    uint32_t key;
    uint64_t value; /* 0: the key was deleted */
    bool known;
    uint32_t seen; /* the last of story.seen as of this revision, + 1; 0: none */
};

/* Somebody saw a key. */
struct story_seen {
    uint64_t revision;
    uint32_t key, who;
    uint64_t value;  /* 0: it was not there */
    uint32_t before; /* another as of the same revision, as story_event.seen */
};

struct story {
    struct story_event *at; /* by revision */
    size_t count;
    struct buffer seen; /* of struct story_seen */
};

/* False: another event was told of this revision. */
bool story_note(struct story *story, uint64_t revision, uint32_t key, uint64_t value);
void story_saw(struct story *story, struct story_seen seen);
/* The first that does not fit; NULL: all do that can be judged. `keys` at most STORY_KEYS_MAX. */
const struct story_seen *story_judge(const struct story *story, uint32_t keys);
void story_free(struct story *story);

#endif
