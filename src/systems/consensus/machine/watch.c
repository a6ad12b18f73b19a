/* Watches: a cursor (revision, change) goes along the list of all versions, whatever key they are
 * of, and what lies in its range is said. Live, behind, and years behind are the same walk.
 *
 * None of it begins below the compacted revision, and what stands at it or above is never freed; so
 * an array of every SPINE_STEP-th of those finds any place of the list in O(log n). */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "systems/consensus/machine/internal.h"

enum {
    TOPIC = 1,       /* of all: any change may be one that a watch waits for */
    LOOK_MAX = 1024, /* versions that one call looks at */
    EVENT_BYTES = 100,
};

enum { FLAG_NO_PUT = 1, FLAG_NO_DELETE = 2, FLAG_PREVIOUS = 4 };

void consensus_put_watch(const struct consensus_watch *watch, struct buffer *out)
{
    buffer_put_bytes(out, watch->key);
    buffer_put_bytes(out, watch->end);
    buffer_put_u64(out, (uint64_t)watch->start);
    buffer_put_u8(out, (uint8_t)((watch->no_put ? FLAG_NO_PUT : 0) |
                                 (watch->no_delete ? FLAG_NO_DELETE : 0) |
                                 (watch->previous ? FLAG_PREVIOUS : 0)));
}

static bool watch_read_spec(struct slice spec, struct consensus_watch *watch)
{
    struct reader reader = reader_of(spec);
    watch->key = read_bytes(&reader);
    watch->end = read_bytes(&reader);
    watch->start = (int64_t)read_u64(&reader);
    uint8_t flags = read_u8(&reader);
    watch->no_put = flags & FLAG_NO_PUT;
    watch->no_delete = flags & FLAG_NO_DELETE;
    watch->previous = flags & FLAG_PREVIOUS;
    if (watch->key.size == 0) watch->key = slice_of("", 1);
    return reader_done(&reader);
}

/* --- the spine --- */

void spine_appended(struct consensus *c, struct version *version)
{
    struct spine *spine = &c->spine;
    if (version->mod < c->compacted || ++spine->since < SPINE_STEP) return;
    spine->since = 0;
    if (spine->end == spine->capacity && spine->from >= spine->capacity / 2 && spine->from != 0) {
        spine->end -= spine->from;
        memmove(spine->at, spine->at + spine->from, spine->end * sizeof spine->at[0]);
        spine->from = 0;
    } else if (spine->end == spine->capacity) {
        spine->capacity = spine->capacity == 0 ? 64 : 2 * spine->capacity;
        struct version **at = realloc(spine->at, spine->capacity * sizeof spine->at[0]);
        ASSERT(at != NULL);
        spine->at = at;
    }
    spine->at[spine->end++] = version;
}

static bool before(const struct version *version, uint64_t mod, uint32_t sub)
{
    return version->mod < mod || (version->mod == mod && version->sub < sub);
}

/* The first place of the spine that is not before this one. */
static size_t spine_seek(const struct spine *spine, uint64_t mod, uint32_t sub)
{
    size_t from = spine->from, end = spine->end;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (before(spine->at[middle], mod, sub)) {
            from = middle + 1;
        } else {
            end = middle;
        }
    }
    return from;
}

void spine_compacted(struct consensus *c)
{
    c->spine.from = spine_seek(&c->spine, c->compacted, 0);
}

/* The first version that is not before this one; the list itself: there is none. */
static const struct list *seek(const struct consensus *c, uint64_t mod, uint32_t sub)
{
    size_t place = spine_seek(&c->spine, mod, sub);
    const struct list *at = place == c->spine.end ? &c->versions : &c->spine.at[place]->all;
    while (at->previous != &c->versions &&
           !before(LIST_ITEM(at->previous, const struct version, all), mod, sub)) {
        at = at->previous;
    }
    return at;
}

/* --- watches --- */

void watch_marked(struct consensus *c)
{
    c->emit(c->world, NULL, &(struct machine_mark){.topic = TOPIC});
}

static void say_news(const struct consensus *c, struct consensus_news news, machine_say *say,
                     void *world)
{
    news.revision = (int64_t)c->revision;
    news.compacted = (int64_t)c->compacted;
    say(world, &news);
}

static bool range_is_empty(const struct consensus_watch *watch)
{
    if (watch->end.size == 0 || range_from_on(watch->end)) return false;
    return slice_compare(watch->key, watch->end) >= 0;
}

void consensus_watch_open(const void *machine, struct slice spec, struct machine_watch *watch,
                          machine_say *say, void *world)
{
    const struct consensus *c = machine;
    struct consensus_watch asked;
    *watch = (struct machine_watch){.topic = TOPIC, .next = UINT64_MAX};
    bool read = watch_read_spec(spec, &asked);
    ASSERT(read); /* it comes from our own protocol, on this node */
    if (range_is_empty(&asked)) {
        say_news(c, (struct consensus_news){.kind = CONSENSUS_NEWS_NOTHING}, say, world);
        return;
    }
    watch->spec = spec;
    watch->next = asked.start == 0 ? c->revision + 1 : (uint64_t)asked.start;
    if (asked.start < 0) watch->next = 0;
    say_news(c, (struct consensus_news){.kind = CONSENSUS_NEWS_BEGIN}, say, world);
}

static void say_event(const struct consensus *c, const struct consensus_watch *watch,
                      const struct version *version, machine_say *say, void *world)
{
    struct consensus_news news = {.kind = CONSENSUS_NEWS_EVENT, .kv = version_shown(version)};
    const struct version *older = version->older;
    /* What is older than the compacted revision cannot be read, freed or not. */
    if (watch->previous && version->mod > c->compacted && older != NULL && older->version != 0) {
        news.previous = version_shown(older);
        news.has_previous = true;
    }
    say_news(c, news, say, world);
}

static bool wants(const struct consensus_watch *watch, const struct version *version)
{
    if (version->version == 0 ? watch->no_delete : watch->no_put) return false;
    struct slice key = key_bytes(version->key);
    if (watch->end.size == 0) return slice_equal(key, watch->key);
    return slice_compare(key, watch->key) >= 0 && range_holds(watch->key, watch->end, key);
}

static bool say_compacted(const struct consensus *c, struct machine_watch *watch, machine_say *say,
                          void *world)
{
    struct consensus_news news = {.kind = CONSENSUS_NEWS_COMPACTED, .torn = watch->part != 0};
    watch->next = UINT64_MAX;
    watch->part = 0;
    say_news(c, news, say, world);
    return false;
}

static void say_stands(const struct consensus *c, uint64_t until, machine_say *say, void *world)
{
    struct consensus_news news = {.kind = CONSENSUS_NEWS_STANDS, .until = (int64_t)until};
    say_news(c, news, say, world);
}

bool consensus_watch_read(const void *machine, struct machine_watch *watch, size_t room,
                          machine_say *say, void *world)
{
    const struct consensus *c = machine;
    struct consensus_watch asked;
    if (watch->next == UINT64_MAX || !watch_read_spec(watch->spec, &asked)) return false;
    if (watch->next < c->compacted) return say_compacted(c, watch, say, world);
    const struct list *at = seek(c, watch->next, (uint32_t)watch->part);
    size_t said = 0;
    for (unsigned looked = 0; at != &c->versions; at = at->next, looked++) {
        const struct version *version = LIST_ITEM(at, const struct version, all);
        if (version->mod > c->revision) break; /* being made */
        if (looked == LOOK_MAX || said >= room) {
            watch->next = version->mod;
            watch->part = version->sub;
            if (version->sub == 0) say_stands(c, version->mod - 1, say, world);
            return true;
        }
        if (!wants(&asked, version)) continue;
        say_event(c, &asked, version, say, world);
        said += EVENT_BYTES + version->key->size + version->size;
    }
    if (watch->next <= c->revision) watch->next = c->revision + 1;
    watch->part = 0;
    say_stands(c, c->revision, say, world);
    return false;
}
