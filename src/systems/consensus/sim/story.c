/* What happened at each revision. See story.h. */
#include "systems/consensus/sim/story.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { REVISIONS_MAX = 1 << 24 };

static void make_room(struct story *story, uint64_t revision)
{
    ASSERT(revision < REVISIONS_MAX);
    if (revision < story->count) return;
    size_t count = story->count == 0 ? 1024 : story->count;
    while (count <= revision) count *= 2;
    struct story_event *at = realloc(story->at, count * sizeof at[0]);
    ASSERT(at != NULL);
    memset(at + story->count, 0, (count - story->count) * sizeof at[0]);
    story->at = at;
    story->count = count;
}

bool story_note(struct story *story, uint64_t revision, uint32_t key, uint64_t value)
{
    make_room(story, revision);
    struct story_event *event = &story->at[revision];
    if (event->known) return event->key == key && event->value == value;
    event->key = key;
    event->value = value;
    event->known = true;
    return true;
}

static struct story_seen *seen_at(const struct story *story, uint32_t place)
{
    struct slice all = buffer_slice(&story->seen);
    return (struct story_seen *)(void *)(uintptr_t)all.data + place - 1;
}

void story_saw(struct story *story, struct story_seen seen)
{
    make_room(story, seen.revision);
    struct story_event *event = &story->at[seen.revision];
    seen.before = event->seen;
    buffer_append(&story->seen, &seen, sizeof seen);
    event->seen = (uint32_t)(story->seen.size / sizeof seen);
}

const struct story_seen *story_judge(const struct story *story, uint32_t keys)
{
    uint64_t values[STORY_KEYS_MAX] = {0};
    bool known[STORY_KEYS_MAX];
    ASSERT(keys <= STORY_KEYS_MAX);
    for (uint32_t i = 0; i < keys; i++) known[i] = true;
    for (size_t revision = 1; revision < story->count; revision++) {
        const struct story_event *event = &story->at[revision];
        if (event->known) {
            values[event->key] = event->value;
            known[event->key] = true;
        }
        /* Nobody told of this one: it may be of any key. */
        for (uint32_t i = 0; !event->known && revision > 1 && i < keys; i++) known[i] = false;
        for (uint32_t place = event->seen; place != 0;) {
            const struct story_seen *seen = seen_at(story, place);
            if (known[seen->key] && values[seen->key] != seen->value) return seen;
            place = seen->before;
        }
    }
    return NULL;
}

void story_free(struct story *story)
{
    free(story->at);
    buffer_free(&story->seen);
    *story = (struct story){0};
}
