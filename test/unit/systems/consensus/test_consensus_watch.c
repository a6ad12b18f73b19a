/* Watches beside what ranges say: after each command the keys are read as of the new revision and
 * of the one before, and what differs is what a watch has to hear: whole revisions, in their order,
 * once, whatever its pace, compactions and snapshots. */
#include <stdio.h>

#include "base/random.h"
#include "consensus_world.h"

enum { KEYS = 12, STEPS = 1500, WATCHES = 8, EVENTS_MAX = 40000 };

/* In the order of revisions, and, within one, of keys. */
struct event {
    int64_t revision;
    unsigned key;
    uint64_t value, before; /* 0: deleted; there was none */
};

struct watcher {
    struct machine_watch cursor;
    struct buffer spec;
    struct consensus_watch asked;
    int64_t next;     /* the first revision that it has not heard all of */
    bool heard[KEYS]; /* of `next` */
    int64_t within;   /* the revision that `heard` is of */
    bool over;
};

struct story {
    struct world w;
    struct random random;
    uint64_t now[KEYS]; /* values; 0: not there */
    int64_t revision, compacted;
    struct event *events;
    size_t count;
    struct watcher watchers[WATCHES];
};

static const char *const names[KEYS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

static uint64_t number_of(struct slice text)
{
    uint64_t number = 0;
    assert_true(decimal_read(text, &number));
    return number;
}

/* --- what has happened --- */

static void note_changes(struct story *story, uint64_t after[KEYS])
{
    for (unsigned i = 0; i < KEYS; i++) {
        if (story->now[i] == after[i]) continue;
        assert_true(story->count < EVENTS_MAX);
        story->events[story->count++] = (struct event){story->revision, i, after[i], story->now[i]};
        story->now[i] = after[i];
    }
}

static struct story *listening;
static uint64_t listened[KEYS];

static void listen_to_all(void *context, const struct session_key *session, const void *payload)
{
    const struct consensus_reply *reply = payload;
    struct world *w = context;
    if (session == NULL) return;
    w->replies++;
    listening->revision = reply->revision;
    if (reply->op != CONSENSUS_RANGE || reply->error != CONSENSUS_ERROR_NONE) return;
    for (uint32_t i = 0; i < reply->outcomes->kvs_count; i++) {
        const struct consensus_kv *kv = &reply->outcomes->kvs[i];
        listened[kv->key.data[0] - 'a'] = number_of(kv->value);
    }
}

/* All values are different, so what a put changed is seen. */
static void look(struct story *story)
{
    static const struct session_key session = {.node = 1};
    static const struct machine_facts facts;
    static const struct machine_time now;
    struct buffer command = {0};
    struct consensus_range all = range_of("a", "z");
    consensus_put_range(&all, &command);
    memset(listened, 0, sizeof listened);
    int64_t before = story->revision;
    consensus_ops.query(story->w.machine, &session, buffer_slice(&command), &now, &facts);
    buffer_free(&command);
    assert_true(story->revision >= before && story->revision <= before + 1);
    note_changes(story, listened);
}

static const char *some_key(struct story *story)
{
    return names[random_below(&story->random, KEYS)];
}

static void change(struct story *story)
{
    static uint64_t last_value;
    char value[24];
    struct txn txn = {0};
    snprintf(value, sizeof value, "%llu", (unsigned long long)++last_value);
    switch (random_below(&story->random, 5)) {
    case 0: delete (&story->w, some_key(story), ""); break;
    case 1: delete (&story->w, some_key(story), some_key(story)); break;
    case 2:
        for (unsigned i = 0; i < KEYS; i += 1 + (unsigned)random_below(&story->random, 4)) {
            then_put(&txn, names[i], value);
        }
        txn_apply(&story->w, &txn);
        break;
    default: put(&story->w, some_key(story), value); break;
    }
}

static void compact(struct story *story)
{
    int64_t back = (int64_t)random_below(&story->random, 30);
    int64_t revision = story->revision > back ? story->revision - back : 1;
    if (revision <= story->compacted) return;
    simple(&story->w, CONSENSUS_COMPACT, revision, 0);
    story->compacted = revision;
    if (random_below(&story->random, 2) == 0) world_advance(&story->w, 1500000);
    world_settle(&story->w);
}

/* --- watching --- */

static bool in_range(const struct consensus_watch *asked, unsigned key)
{
    struct slice name = slice_text(names[key]);
    if (asked->end.size == 0) return slice_equal(name, asked->key);
    return slice_compare(name, asked->key) >= 0 &&
           (asked->end.data[0] == 0 || slice_compare(name, asked->end) < 0);
}

static bool wanted(const struct watcher *watcher, const struct event *event)
{
    bool filtered = event->value == 0 ? watcher->asked.no_delete : watcher->asked.no_put;
    return !filtered && in_range(&watcher->asked, event->key);
}

static const struct event *event_at(const struct story *story, int64_t revision, unsigned key)
{
    for (size_t i = 0; i < story->count; i++) {
        const struct event *event = &story->events[i];
        if (event->revision == revision && event->key == key) return event;
    }
    return NULL;
}

struct ear {
    struct story *story;
    struct watcher *watcher;
};

static void hear_event(const struct story *story, struct watcher *watcher,
                       const struct consensus_news *news)
{
    int64_t revision = news->kv.mod;
    unsigned key = news->kv.key.data[0] - 'a';
    assert_true(revision >= watcher->next && revision <= story->revision);
    if (revision != watcher->within) {
        assert_true(revision > watcher->within);
        memset(watcher->heard, 0, sizeof watcher->heard);
        watcher->within = revision;
    }
    const struct event *event = event_at(story, revision, key);
    assert_non_null(event);
    assert_true(wanted(watcher, event));
    assert_false(watcher->heard[key]);
    watcher->heard[key] = true;
    if (event->value == 0) {
        assert_int_equal(news->kv.version, 0);
    } else {
        assert_int_equal(number_of(news->kv.value), event->value);
    }
    bool previous = watcher->asked.previous && event->before != 0 && revision > story->compacted;
    assert_int_equal(news->has_previous, previous);
    if (previous) assert_int_equal(number_of(news->previous.value), event->before);
}

/* All that was wanted of the revisions up to `until` has been heard, for only the last that
 * anything was heard of may not be whole. */
static void hear_stands(const struct story *story, struct watcher *watcher, int64_t until)
{
    assert_true(until <= story->revision && watcher->within <= until);
    for (size_t i = 0; i < story->count; i++) {
        const struct event *event = &story->events[i];
        if (event->revision < watcher->next || event->revision > until) continue;
        if (!wanted(watcher, event)) continue;
        assert_true(event->revision == watcher->within && watcher->heard[event->key]);
    }
    if (until >= watcher->next) watcher->next = until + 1;
}

/* Of the revision before this one's first event all was heard. */
static void hear_whole(const struct story *story, struct watcher *watcher, int64_t revision)
{
    if (revision > watcher->within) hear_stands(story, watcher, revision - 1);
}

static void hear(void *context, const void *payload)
{
    struct ear *ear = context;
    const struct consensus_news *news = payload;
    struct watcher *watcher = ear->watcher;
    assert_false(watcher->over);
    assert_int_equal(news->revision, ear->story->revision);
    switch (news->kind) {
    case CONSENSUS_NEWS_BEGIN: break;
    case CONSENSUS_NEWS_NOTHING: watcher->over = true; break;
    case CONSENSUS_NEWS_EVENT:
        hear_whole(ear->story, watcher, news->kv.mod);
        hear_event(ear->story, watcher, news);
        break;
    case CONSENSUS_NEWS_STANDS: hear_stands(ear->story, watcher, news->until); break;
    case CONSENSUS_NEWS_COMPACTED:
        assert_int_equal(news->compacted, ear->story->compacted);
        assert_true(watcher->next < ear->story->compacted);
        watcher->over = true;
        break;
    }
}

static void watch(struct story *story, struct watcher *watcher)
{
    struct random *random = &story->random;
    buffer_free(&watcher->spec);
    *watcher = (struct watcher){0};
    struct consensus_watch *asked = &watcher->asked;
    asked->key = slice_text(some_key(story));
    if (random_below(random, 2) == 0) asked->end = slice_text(some_key(story));
    if (random_below(random, 4) == 0) asked->end = slice_of("", 1);
    asked->no_put = random_below(random, 8) == 0;
    asked->no_delete = random_below(random, 8) == 0;
    asked->previous = random_below(random, 2) == 0;
    watcher->next = story->revision + 1;
    if (random_below(random, 3) != 0) {
        asked->start = story->revision + 20 - (int64_t)random_below(random, 60);
        if (asked->start < 1) asked->start = 1;
        watcher->next = asked->start;
    }
    consensus_put_watch(asked, &watcher->spec);
    struct ear ear = {story, watcher};
    consensus_ops.watch_open(story->w.machine, buffer_slice(&watcher->spec), &watcher->cursor, hear,
                             &ear);
}

static void read_some(struct story *story, struct watcher *watcher, bool all)
{
    struct ear ear = {story, watcher};
    size_t room = 1 + random_below(&story->random, 1000);
    bool more = true;
    while (more && (all || random_below(&story->random, 3) != 0)) {
        more = consensus_ops.watch_read(story->w.machine, &watcher->cursor, room, hear, &ear);
    }
    if (!more && !watcher->over && watcher->next <= story->revision) fail();
}

/* They go on in a machine made of a snapshot. */
static void replace(struct story *story)
{
    struct buffer out = {0};
    consensus_ops.cut_begin(story->w.machine);
    while (consensus_ops.cut_read(story->w.machine, 1000, &out)) {}
    void *machine = consensus_ops.create(NULL, listen_to_all, &story->w);
    assert_true(consensus_ops.restore(machine, buffer_slice(&out)));
    assert_true(consensus_ops.restore_end(machine));
    buffer_free(&out);
    while (!consensus_ops.destroy(story->w.machine)) {}
    story->w.machine = machine;
}

static void step(struct story *story)
{
    if (random_below(&story->random, 40) == 0) compact(story);
    if (random_below(&story->random, 200) == 0) replace(story);
    change(story);
    look(story);
    for (unsigned i = 0; i < WATCHES; i++) {
        struct watcher *watcher = &story->watchers[i];
        /* The first is as slow as can be, the next ones read when they like. */
        if (watcher->over || random_below(&story->random, 300) == 0) watch(story, watcher);
        if (random_below(&story->random, i == 0 ? 100 : 4) == 0) {
            read_some(story, watcher, random_below(&story->random, 4) == 0);
        }
    }
}

static void test_watches_hear_what_ranges_show(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct story story = {.random = random_seeded(seed), .revision = 1};
        listening = &story;
        story.events = calloc(EVENTS_MAX, sizeof story.events[0]);
        assert_non_null(story.events);
        story.w.machine = consensus_ops.create(NULL, listen_to_all, &story.w);
        for (unsigned i = 0; i < WATCHES; i++) watch(&story, &story.watchers[i]);
        for (unsigned at = 0; at < STEPS; at++) step(&story);
        for (unsigned i = 0; i < WATCHES; i++) {
            read_some(&story, &story.watchers[i], true);
            buffer_free(&story.watchers[i].spec);
        }
        consensus_ops.check(story.w.machine);
        world_close(&story.w);
        free(story.events);
    }
}

/* --- a revision that is large --- */

struct counted {
    uint64_t events, stands, calls;
    int64_t until;
};

static void count(void *context, const void *payload)
{
    struct counted *counted = context;
    const struct consensus_news *news = payload;
    counted->events += news->kind == CONSENSUS_NEWS_EVENT;
    if (news->kind != CONSENSUS_NEWS_STANDS) return;
    counted->stands++;
    counted->until = news->until;
}

static void test_a_large_revision_is_read_in_pieces_and_never_half_told(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    enum { MANY = 20000 };
    char key[24];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "k%05u", i);
        put(&w, key, "1");
    }
    struct machine_watch watch;
    struct counted counted = {0};
    struct buffer spec = {0};
    struct consensus_watch asked = {.key = slice_text("k"), .end = slice_text("l")};
    consensus_put_watch(&asked, &spec);
    consensus_ops.watch_open(w.machine, buffer_slice(&spec), &watch, count, &counted);
    /* While it is being carried out, nobody hears of it. */
    struct consensus_delete all = {slice_text("k"), slice_text("l"), false};
    consensus_put_delete(&all, world_command(&w));
    unsigned marks = w.marks;
    world_apply_only(&w, buffer_slice(&w.command));
    while (consensus_ops.deadline(w.machine).elapsed_us == 0 && w.marks == marks) {
        assert_false(consensus_ops.watch_read(w.machine, &watch, 1000, count, &counted));
        assert_int_equal(counted.events, 0);
        assert_int_equal(counted.until, MANY + 1);
        world_advance(&w, 0);
    }
    counted.stands = 0;
    while (consensus_ops.watch_read(w.machine, &watch, 16384, count, &counted)) {
        assert_int_equal(counted.stands, 0);
        counted.calls++;
    }
    assert_int_equal(counted.events, MANY);
    assert_int_equal(counted.stands, 1);
    assert_int_equal(counted.until, MANY + 2);
    assert_in_range(counted.calls, MANY / 200, MANY / 50);
    buffer_free(&spec);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watches_hear_what_ranges_show),
        cmocka_unit_test(test_a_large_revision_is_read_in_pieces_and_never_half_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
