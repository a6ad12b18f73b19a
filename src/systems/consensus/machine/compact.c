/* Compaction. What is older than a revision is unreadable from the moment that revision is named;
 * from a second of log time later it is freed.
 *
 * The walk goes over the versions of the revisions between two compactions, once, and frees what
 * each of them has superseded: the work is by what was written, however much is kept. A tombstone
 * of the very revision is kept, for a watch that begins there has to hear of it; so the next walk
 * begins with that revision again. */
#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

enum consensus_error compact_to(struct consensus *c, int64_t revision)
{
    if (revision <= (int64_t)c->compacted) return CONSENSUS_ERROR_COMPACTED;
    if (revision > (int64_t)c->revision) return CONSENSUS_ERROR_FUTURE_REVISION;
    if (!c->walk.active && c->walk.target == c->compacted) {
        c->walk.from_us = c->elapsed_us + FREE_AFTER_US;
    }
    c->compacted = (uint64_t)revision;
    spine_compacted(c);
    return CONSENSUS_ERROR_NONE;
}

/* The only ones that are appended behind where a walk came to its end. */
void compact_appended(struct consensus *c, struct version *version)
{
    if (c->walk.at == &c->versions) c->walk.at = &version->all;
    if (c->walk.from == &c->versions) c->walk.from = &version->all;
}

bool compact_due(const struct consensus *c)
{
    bool left = c->walk.active || c->walk.target < c->compacted;
    return left && c->elapsed_us >= c->walk.from_us;
}

static void begin_walk(struct walk *walk, uint64_t target)
{
    walk->active = true;
    walk->target = target;
    walk->at = walk->from;
    walk->from = NULL;
}

static void look_at(struct consensus *c, struct version *version)
{
    struct version *older = version->older;
    version->older = NULL;
    if (older != NULL) version_free(c, older);
    bool last = version->key->newest == version && version->version == 0;
    if (last && version->mod < c->walk.target) version_free(c, version);
}

bool compact_some(struct consensus *c)
{
    struct walk *walk = &c->walk;
    ASSERT(!c->running.active);
    if (!walk->active) begin_walk(walk, c->compacted);
    while (walk->at != &c->versions) {
        struct version *version = LIST_ITEM(walk->at, struct version, all);
        if (version->mod >= walk->target && walk->from == NULL) walk->from = walk->at;
        if (version->mod > walk->target) break;
        if (c->budget == 0) return true;
        c->budget--;
        walk->at = walk->at->next;
        look_at(c, version);
    }
    if (walk->from == NULL) walk->from = &c->versions;
    walk->active = false;
    return walk->target < c->compacted;
}
