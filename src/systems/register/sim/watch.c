/* The world `watch`: registers behind the unordered protocol (protocol/tokens.h), and clients that
 * write some and watch all of them. When a connection ends a client takes its watches up at another
 * node, each at the version that it wants next; now and then it cancels one, and takes it up again.
 *
 * What a watch hears is judged at once: each version once, in order, the same as anyone else's; or
 * that some are not kept any more, which must be true in the end. And in the end each watch has
 * heard the last version of its register, and there are as many as writes. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "sim/system.h"
#include "sim/text.h"
#include "systems/register/protocol/frames.h"
#include "systems/register/protocol/tokens.h"
#include "systems/register/sim/stream.h"

enum {
    WATCHERS_MAX = 15,
    THINK_US = 20000, /* on average, between two writes of one client */
    RECONNECT_US_MAX = 300000,
    PATIENCE_US_MIN = 500000,
    PATIENCE_US_MAX = 6000000,
    CANCELS_EVERY = 40, /* writes */
};

enum watcher_state { OFFLINE, DIALING, ONLINE, LEAVING };

struct cursor {
    uint64_t token;     /* of this connection's watch */
    uint64_t next;      /* the version that it hears next; 0: wherever it begins */
    bool opened;        /* WATCHING was heard */
    uint64_t cancelled; /* the token before; nothing comes of it once this one is opened. 0: none */
};

struct watcher {
    struct world *world;
    uint32_t index;
    uint32_t place; /* in the network */
    enum watcher_state state;
    uint32_t number; /* of its connection */
    uint32_t host;
    struct timed wake;
    struct buffer in;
    uint64_t token; /* the last that it used */
    struct cursor cursors[STREAM_KEYS];
    uint64_t write; /* token of the one under way; 0: none is */
    uint32_t key;   /* of that */
    uint64_t answered_us;
    bool draining;
};

struct watchers {
    struct watcher all[WATCHERS_MAX];
    struct stream_judge judge;
    struct random random;
    uint64_t patience_us;
    uint64_t next_value;
    struct buffer line;
};

static struct watchers *watchers_of(const struct world *world)
{
    return world->users;
}

static uint64_t below(const struct world *world, uint64_t bound)
{
    return random_below(&watchers_of(world)->random, bound);
}

static void wake_in(struct watcher *watcher, uint64_t after_us)
{
    struct schedule *schedule = &watcher->world->schedule;
    schedule_at(schedule, &watcher->wake, world_now_us(watcher->world) + after_us);
}

static void leave(struct watcher *watcher)
{
    if (watcher->state != ONLINE) return;
    watcher->state = LEAVING;
    network_close(&watcher->world->network, watcher->place, watcher->number);
}

/* --- asking --- */

/* What stands in `line`. */
static void say(struct watcher *watcher)
{
    struct world *world = watcher->world;
    struct slice line = buffer_slice(&watchers_of(world)->line);
    world_narrate(world, "client", watcher->index + 1, "> %b", slice_of(line.data, line.size - 1));
    network_send(&world->network, watcher->place, watcher->number, line);
    buffer_clear(&watchers_of(world)->line);
}

static void open_watch(struct watcher *watcher, uint32_t key)
{
    struct cursor *cursor = &watcher->cursors[key];
    struct buffer *line = &watchers_of(watcher->world)->line;
    cursor->cancelled = cursor->token;
    cursor->token = ++watcher->token;
    cursor->opened = false;
    text_append(line, "%U watch %u", cursor->token, key);
    if (cursor->next != 0) text_append(line, " %U", cursor->next);
    text_append(line, "\n");
    say(watcher);
}

static void cancel_and_open(struct watcher *watcher, uint32_t key)
{
    text_append(&watchers_of(watcher->world)->line, "%U cancel\n", watcher->cursors[key].token);
    say(watcher);
    world_count(watcher->world, SIM_COVER_WATCHES_CANCELLED);
    open_watch(watcher, key);
}

static void write_one(struct watcher *watcher)
{
    struct world *world = watcher->world;
    struct watchers *watchers = watchers_of(world);
    uint64_t value = watchers->next_value++;
    watcher->write = ++watcher->token;
    watcher->key = (uint32_t)below(world, STREAM_KEYS);
    stream_asked(&watchers->judge, watcher->key, value);
    text_append(&watchers->line, "%U write %u %U\n", watcher->write, watcher->key, value);
    say(watcher);
    if (below(world, CANCELS_EVERY) == 0) {
        cancel_and_open(watcher, (uint32_t)below(world, STREAM_KEYS));
    }
    wake_in(watcher, watchers->patience_us);
}

/* --- hearing --- */

static bool word_take(struct slice *line, const char *word)
{
    struct slice prefix = slice_text(word);
    if (line->size < prefix.size || memcmp(line->data, prefix.data, prefix.size) != 0) return false;
    *line = slice_of(line->data + prefix.size, line->size - prefix.size);
    return true;
}

static bool number_take(struct slice *line, uint64_t *number)
{
    const uint8_t *space = line->size == 0 ? NULL : memchr(line->data, ' ', line->size);
    size_t size = space == NULL ? line->size : (size_t)(space - line->data);
    if (!decimal_read(slice_of(line->data, size), number)) return false;
    size_t used = space == NULL ? size : size + 1;
    *line = slice_of(line->data + used, line->size - used);
    return true;
}

static void write_over(struct watcher *watcher)
{
    struct world *world = watcher->world;
    watcher->write = 0;
    if (watcher->draining) {
        schedule_cancel(&world->schedule, &watcher->wake);
    } else {
        wake_in(watcher, below(world, 2 * THINK_US * world->clients_count));
    }
}

static bool hears_of_write(struct watcher *watcher, struct slice line)
{
    struct world *world = watcher->world;
    struct stream_judge *judge = &watchers_of(world)->judge;
    if (slice_equal(line, slice_text("WRITTEN"))) {
        world_count(world, SIM_COVER_WATCH_WRITES);
        stream_written(judge, watcher->key);
        watcher->answered_us = world_now_us(world);
    } else if (slice_equal(line, slice_text("UNKNOWN"))) {
        world_count(world, SIM_COVER_WATCH_UNKNOWN);
    } else if (word_take(&line, "REFUSED ")) {
        world_count(world, SIM_COVER_REFUSED);
        stream_refused(judge, watcher->key);
    } else {
        return false;
    }
    write_over(watcher);
    return true;
}

static bool hears_event(struct watcher *watcher, uint32_t key, struct slice line)
{
    struct world *world = watcher->world;
    struct stream_judge *judge = &watchers_of(world)->judge;
    struct cursor *cursor = &watcher->cursors[key];
    uint64_t version = 0, value = 0;
    if (word_take(&line, "WATCHING ")) {
        if (!number_take(&line, &version) || cursor->opened) return false;
        if (cursor->next != 0 && cursor->next != version) return false;
        world_count(world, cursor->next == 0 ? SIM_COVER_WATCHES : SIM_COVER_WATCHES_RESUMED);
        cursor->opened = true;
        cursor->next = version;
        return line.size == 0;
    }
    bool gap = word_take(&line, "GAP ");
    if (!gap && !word_take(&line, "EVENT ")) return false;
    if (!number_take(&line, &version) || !cursor->opened) return false;
    if (gap ? version < cursor->next : version != cursor->next) {
        world_fail(world, "watch", "client %u hears of version %U of register %u, and wants %U",
                   watcher->index + 1, version, key, cursor->next);
    }
    cursor->next = version + 1;
    if (gap) {
        world_count(world, SIM_COVER_GAPS);
        stream_gap(judge, key, version);
        return line.size == 0;
    }
    world_count(world, SIM_COVER_EVENTS);
    if (!number_take(&line, &value)) return false;
    stream_event(world, judge, key, version, value);
    return line.size == 0;
}

/* False when it is no answer to anything. What comes still of a watch that was cancelled is. */
static bool hears(struct watcher *watcher, struct slice line)
{
    uint64_t token = 0;
    if (!number_take(&line, &token) || token == 0 || token > watcher->token) return false;
    if (token == watcher->write) return hears_of_write(watcher, line);
    for (uint32_t key = 0; key < STREAM_KEYS; key++) {
        const struct cursor *cursor = &watcher->cursors[key];
        if (token == cursor->token) return hears_event(watcher, key, line);
        if (token == cursor->cancelled && cursor->opened) return false;
    }
    return !slice_equal(line, slice_text("WRITTEN"));
}

static void watcher_received(struct world *world, uint32_t index, struct slice bytes)
{
    struct watcher *watcher = &watchers_of(world)->all[index];
    buffer_append_slice(&watcher->in, bytes);
    while (watcher->state == ONLINE) {
        struct slice in = buffer_slice(&watcher->in);
        const uint8_t *newline = in.size == 0 ? NULL : memchr(in.data, '\n', in.size);
        if (newline == NULL) break;
        struct slice line = slice_of(in.data, (size_t)(newline - in.data));
        world_count(world, SIM_COVER_OPERATIONS);
        world_mark(world, map_hash_bytes(line));
        world_narrate(world, "client", index + 1, "< %b", line);
        if (!hears(watcher, line)) {
            world_fail(world, "protocol", "client %u hears \"%b\"", index + 1, line);
            leave(watcher);
        }
        buffer_consume(&watcher->in, line.size + 1);
    }
}

/* --- connections --- */

static void watcher_opened(struct world *world, uint32_t index)
{
    struct watcher *watcher = &watchers_of(world)->all[index];
    world_count(world, SIM_COVER_RECONNECTS);
    world_narrate(world, "client", index + 1, "connects to node %u", watcher->host + 1);
    watcher->state = ONLINE;
    for (uint32_t key = 0; key < STREAM_KEYS; key++) open_watch(watcher, key);
    if (!watcher->draining) wake_in(watcher, below(world, THINK_US));
}

static void watcher_closed(struct world *world, uint32_t index)
{
    struct watcher *watcher = &watchers_of(world)->all[index];
    world_narrate(world, "client", index + 1, "is offline");
    if (watcher->write != 0) world_count(world, SIM_COVER_UNKNOWN);
    watcher->write = 0;
    buffer_clear(&watcher->in);
    watcher->state = OFFLINE;
    wake_in(watcher, 1000 + below(world, RECONNECT_US_MAX));
}

static void watcher_on_wake(void *owner, struct timed *timed)
{
    (void)timed;
    struct watcher *watcher = owner;
    struct world *world = watcher->world;
    if (watcher->state == OFFLINE) {
        watcher->state = DIALING;
        watcher->number++;
        watcher->host = world_host_known(world, (uint32_t)below(world, world->hosts_count));
        network_dial(&world->network, watcher->place, watcher->number, watcher->host, false);
    } else if (watcher->state != ONLINE) {
        return;
    } else if (watcher->write == 0) {
        if (!watcher->draining) write_one(watcher);
    } else {
        world_narrate(world, "client", watcher->index + 1, "loses patience");
        leave(watcher);
    }
}

/* --- the table of the system (system.h) --- */

static void watchers_begin(struct world *world, uint64_t seed)
{
    struct watchers *watchers = calloc(1, sizeof *watchers);
    ASSERT(watchers != NULL);
    world->users = watchers;
    world->clients_count = 3 * world->options->nodes;
    if (world->clients_count > WATCHERS_MAX) world->clients_count = WATCHERS_MAX;
    watchers->random = random_seeded(seed);
    watchers->patience_us = PATIENCE_US_MIN + below(world, PATIENCE_US_MAX - PATIENCE_US_MIN);
    watchers->next_value = 1;
    for (uint32_t i = 0; i < world->clients_count; i++) {
        struct watcher *watcher = &watchers->all[i];
        watcher->world = world;
        watcher->index = i;
        watcher->place = world->hosts_count + i;
        timed_init(&watcher->wake, watcher_on_wake, watcher);
        wake_in(watcher, below(world, RECONNECT_US_MAX));
    }
}

static void watchers_end(struct world *world)
{
    struct watchers *watchers = watchers_of(world);
    for (uint32_t i = 0; i < world->clients_count; i++) buffer_free(&watchers->all[i].in);
    stream_judge_free(&watchers->judge);
    buffer_free(&watchers->line);
    free(watchers);
}

static uint32_t watchers_unserved(const struct world *world, uint64_t since_us)
{
    for (uint32_t i = 0; i < world->clients_count; i++) {
        if (watchers_of(world)->all[i].answered_us <= since_us) return i + 1;
    }
    return 0;
}

static void watchers_drain(struct world *world)
{
    for (uint32_t i = 0; i < world->clients_count; i++) watchers_of(world)->all[i].draining = true;
}

/* The version of the register at the node that is furthest; UINT64_MAX: one is down. */
static uint64_t last_version(const struct world *world, uint32_t key)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < world->hosts_count; i++) {
        if (world->hosts[i].node == NULL) return UINT64_MAX;
        uint64_t version = register_version(node_machine(world->hosts[i].node), key);
        if (version > last) last = version;
    }
    return last;
}

/* Watches that have not heard all. */
static uint64_t watchers_left(const struct world *world)
{
    uint64_t left = 0;
    for (uint32_t key = 0; key < STREAM_KEYS; key++) {
        uint64_t last = last_version(world, key);
        if (last == UINT64_MAX) return UINT64_MAX;
        for (uint32_t i = 0; i < world->clients_count; i++) {
            const struct watcher *watcher = &watchers_of(world)->all[i];
            const struct cursor *cursor = &watcher->cursors[key];
            bool all = watcher->write == 0 && cursor->opened && cursor->next == last + 1;
            left += watcher->state != ONLINE || !all;
        }
    }
    return left;
}

static void watchers_finish(struct world *world)
{
    struct watchers *watchers = watchers_of(world);
    for (uint32_t key = 0; key < STREAM_KEYS; key++) {
        stream_judge_end(world, &watchers->judge, key, last_version(world, key));
    }
    for (uint32_t i = 0; i < world->clients_count; i++) {
        leave(&watchers->all[i]);
        schedule_cancel(&world->schedule, &watchers->all[i].wake);
    }
}

const struct sim_system sim_system_watch = {
    .name = "watch",
    .help = "registers and those who watch them: no version lost, none heard twice",
    .machine = &register_ops,
    .protocol = &register_tokens_ops,
    .drift_permille_max = 300, /* the judge knows nothing of time */
    .leftovers = "watches that have not heard all",
    .coverage_first = SIM_COVER_CHAT_END,
    .coverage_end = SIM_COVER_WATCH_END,
    .begin = watchers_begin,
    .opened = watcher_opened,
    .received = watcher_received,
    .closed = watcher_closed,
    .unserved = watchers_unserved,
    .drain = watchers_drain,
    .left = watchers_left,
    .finish = watchers_finish,
    .end = watchers_end,
};
