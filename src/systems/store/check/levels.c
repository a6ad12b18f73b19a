/* What the levels promise. See levels.h. */
#include "systems/store/check/levels.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static void *grown(void *items, uint32_t *capacity, uint32_t least, size_t size)
{
    if (least <= *capacity) return items;
    uint32_t before = *capacity;
    while (*capacity < least) *capacity = *capacity == 0 ? 16 : *capacity * 2;
    items = realloc(items, *capacity * size);
    ASSERT(items != NULL);
    memset((uint8_t *)items + before * size, 0, (*capacity - before) * size);
    return items;
}

/* --- sessions and tokens --- */

void levels_view_free(struct levels_view *view)
{
    free(view->keys);
    *view = (struct levels_view){0};
}

void levels_view_clear(struct levels_view *view)
{
    if (view->count > 0) memset(view->keys, 0, view->count * sizeof *view->keys);
}

static struct levels_known *known_of(struct levels_view *view, uint32_t key)
{
    view->keys = grown(view->keys, &view->count, key + 1, sizeof *view->keys);
    return &view->keys[key];
}

static void raise_to(uint64_t *number, uint64_t value)
{
    if (value > *number) *number = value;
}

void levels_token(const struct levels_view *session, struct levels_view *token)
{
    levels_view_clear(token);
    levels_after(token, session);
}

void levels_after(struct levels_view *session, const struct levels_view *token)
{
    for (uint32_t i = 0; i < token->count; i++) {
        struct levels_known *known = known_of(session, i);
        raise_to(&known->after, token->keys[i].sure);
        raise_to(&known->after, token->keys[i].after);
    }
}

void levels_lost(struct levels_view *session)
{
    for (uint32_t i = 0; i < session->count; i++) session->keys[i].after = 0;
}

/* --- keys --- */

void levels_free(struct levels *levels)
{
    for (uint32_t i = 0; i < levels->count; i++) free(levels->keys[i].early);
    free(levels->keys);
}

static struct levels_key *key_of(struct levels *levels, uint32_t key)
{
    levels->keys = grown(levels->keys, &levels->capacity, key + 1, sizeof *levels->keys);
    if (key >= levels->count) levels->count = key + 1;
    return &levels->keys[key];
}

void levels_write_begins(struct levels *levels, uint32_t key, uint64_t value)
{
    raise_to(&key_of(levels, key)->asked, value);
}

void levels_write_acknowledged(struct levels *levels, struct levels_view *session, uint32_t key,
                               uint64_t value, bool early)
{
    struct levels_key *known = key_of(levels, key);
    if (!early) {
        raise_to(&known->acknowledged, value);
        raise_to(&known_of(session, key)->sure, value);
        return;
    }
    raise_to(&known_of(session, key)->after, value);
    known->early =
        grown(known->early, &known->early_capacity, known->early_count + 1, sizeof value);
    known->early[known->early_count++] = value;
}

struct levels_floor levels_read_begins(struct levels *levels, uint32_t key)
{
    const struct levels_key *known = key_of(levels, key);
    return (struct levels_floor){known->acknowledged, known->told};
}

static const char *broken(const struct levels_key *key, const struct levels_known *session,
                          enum levels_read level, struct levels_floor floor, uint64_t found,
                          uint64_t *least)
{
    *least = 0;
    if (found > key->asked) return "invented";
    if (level == LEVELS_LINEARIZABLE) {
        *least = floor.acknowledged;
        if (found < *least) return "no loss";
        *least = floor.told;
        if (found < *least) return "committed";
    }
    if (level == LEVELS_SESSION) {
        *least = session->sure > session->after ? session->sure : session->after;
        if (found < *least) return "session";
    }
    return NULL;
}

const char *levels_read_told(struct levels *levels, struct levels_view *session, uint32_t key,
                             enum levels_read level, struct levels_floor floor, uint64_t found,
                             uint64_t *least)
{
    struct levels_key *of = key_of(levels, key);
    struct levels_known *known = known_of(session, key);
    const char *rule = broken(of, known, level, floor, found, least);
    raise_to(&of->told, found);
    raise_to(&known->sure, found);
    return rule;
}

uint32_t levels_count_lost(const struct levels *levels, uint32_t key, uint64_t found)
{
    uint32_t lost = 0;
    if (key >= levels->count) return 0;
    const struct levels_key *of = &levels->keys[key];
    for (uint32_t i = 0; i < of->early_count; i++) lost += of->early[i] > found;
    return lost;
}
