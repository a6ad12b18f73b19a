/* A simulated host: carries out a node's actions and brings it its events. See node/node.h for the
 * rules of a world; this file is the simulator's reading of them. */
#include <string.h>

#include "base/assert.h"
#include "sim/world.h"

enum {
    GATHER_US_MAX = 300, /* how long a turn may wait to gather events */
    SENT_SOON_US = 200,
    SPIN_TURNS_MAX = 20000, /* turns at one moment of virtual time */
    SNAPSHOT_WRITE_US_MAX = 2000,
    SNAPSHOT_COMMIT_US_MAX = 20000,
    STUCK_WAIT_US = 10000,
};

/* A pause holds up everything that would reach the node. */
static bool host_held_up(struct host *host, struct timed *timed)
{
    if (host->paused_until_us <= world_now_us(host->world)) return false;
    schedule_at(&host->world->schedule, timed, host->paused_until_us);
    return true;
}

/* --- turns --- */

static void host_turn(struct host *host);

/* Tells the node what has left since its last step. */
static void host_flush_sent(struct host *host)
{
    uint32_t count = host->sent_count;
    host->sent_count = 0;
    host->sent_matters = false;
    for (uint32_t i = 0; i < count; i++) {
        struct event event = {.type = EVENT_SENT,
                              .now = sim_host_time(host),
                              .connection = host->sent[i].number,
                              .count = host->sent[i].count};
        node_step(host->node, &event);
    }
}

/* What is to be known of each group before a snapshot is installed in one. */
static void host_applied(struct host *host, uint64_t applied[DISK_SNAPSHOTS_MAX])
{
    uint32_t groups = node_groups(&host->world->config);
    for (uint32_t i = 0; i < groups && i < DISK_SNAPSHOTS_MAX; i++) {
        applied[i] = node_group_applied_index(host->node, i);
    }
}

/* Effects that a snapshot skipped will never come: who waits for one has to be sent away. */
static void host_check_clients(struct host *host, const uint64_t before[DISK_SNAPSHOTS_MAX])
{
    uint32_t groups = node_groups(&host->world->config);
    for (uint32_t i = 0; i < groups && i < DISK_SNAPSHOTS_MAX; i++) {
        if (node_group_applied_index(host->node, i) == before[i]) continue;
        uint32_t waits = node_client_skipped(host->node, i);
        if (waits == 0) continue;
        world_fail(host->world, "sessions", "node %u installed a snapshot and keeps connection %u",
                   host->id, waits);
    }
}

void sim_host_step(struct host *host, struct event *event)
{
    struct world *world = host->world;
    if (host->node == NULL) return;
    if (host->sent_count > 0) host_flush_sent(host);
    event->now = sim_host_time(host);
    world_mark(world, world_now_us(world) ^ (uint64_t)event->type << 56 ^ host->id);
    uint64_t applied[DISK_SNAPSHOTS_MAX];
    bool may_install = event->type == EVENT_SNAPSHOT_DURABLE;
    if (may_install) host_applied(host, applied);
    node_step(host->node, event);
    if (may_install) host_check_clients(host, applied);
    invariants_step(world, host);
    if (timed_pending(&host->turn)) return; /* gathered */
    if (random_below(&world->random, 4) == 0) {
        uint64_t wait_us = random_below(&world->random, GATHER_US_MAX);
        schedule_at(&world->schedule, &host->turn, world_now_us(world) + wait_us);
    } else {
        host_turn(host);
    }
}

static void host_on_turn(void *owner, struct timed *timed)
{
    struct host *host = owner;
    if (host_held_up(host, timed)) return;
    if (host->sent_count > 0) host_flush_sent(host);
    host_turn(host);
}

static void host_on_timer(void *owner, struct timed *timed)
{
    struct host *host = owner;
    if (host_held_up(host, timed)) return;
    if (timed_pending(&host->turn)) return;
    host_turn(host);
}

/* --- the disk's events --- */

static void host_sync_soon(struct host *host)
{
    struct world *world = host->world;
    if (timed_pending(&host->synced)) return;
    uint64_t took_us = 20;
    host->syncing = world->config.fsync_never ? host->must_sync : sim_disk_dirty(&host->disk);
    if (host->syncing) {
        sim_disk_sync_begin(&host->disk);
        host->must_sync = false;
        took_us += random_below(&world->random, host->sync_us_max * host->slow_factor);
    } else if (world->config.fsync_never && host->disk.sequence_written > host->told_durable) {
        host->written_sequence = host->disk.sequence_written;
    } else {
        return;
    }
    schedule_at(&world->schedule, &host->synced, world_now_us(world) + took_us);
}

static void host_tell_durable(struct host *host, uint64_t sequence)
{
    if (sequence <= host->told_durable) return;
    host->told_durable = sequence;
    host->unsynced = false;
    promises_durable(host->world, host, sequence);
    struct event event = {.type = EVENT_DURABLE, .count = sequence};
    sim_host_step(host, &event);
}

static void host_on_synced(void *owner, struct timed *timed)
{
    struct host *host = owner;
    if (host_held_up(host, timed)) return;
    if (host->stuck) {
        schedule_at(&host->world->schedule, timed, world_now_us(host->world) + STUCK_WAIT_US);
        return;
    }
    if (host->sync_fails && host->syncing) {
        host->sync_fails = false;
        world_count(host->world, SIM_COVER_SYNC_ERRORS);
        sim_host_end(host, HOST_SYNC_FAILED, host->restart_after_us);
        return;
    }
    uint64_t sequence = host->written_sequence;
    if (host->syncing) {
        sequence = sim_disk_sync_end(&host->disk);
        host->synced_us = world_now_us(host->world);
    }
    host_tell_durable(host, sequence);
    if (host->node != NULL) host_sync_soon(host);
}

static void host_on_snapshot_written(void *owner, struct timed *timed)
{
    struct host *host = owner;
    if (host_held_up(host, timed)) return;
    bool failed = host->full && random_below(&host->world->random, 4) == 0;
    if (failed) sim_disk_snapshot_abort(&host->disk);
    struct event event = {.type = failed ? EVENT_SNAPSHOT_FAILED : EVENT_SNAPSHOT_WRITTEN};
    sim_host_step(host, &event);
}

static void host_on_snapshot_committed(void *owner, struct timed *timed)
{
    struct host *host = owner;
    if (host_held_up(host, timed)) return;
    sim_disk_snapshot_commit(&host->disk, host->snapshot_number);
    world_count(host->world, SIM_COVER_SNAPSHOTS_WRITTEN);
    struct event event = {.type = EVENT_SNAPSHOT_DURABLE};
    sim_host_step(host, &event);
}

void sim_host_set_full(struct host *host, bool full)
{
    if (host->full == full) return;
    host->full = full;
    /* Every third one takes nothing at all. Not drawn: the worlds stay what they were. */
    host->stuck = full && world_now_us(host->world) % 3 == 0;
    if (host->stuck) world_count(host->world, SIM_COVER_DISKS_STUCK);
    struct event event = {.type = full ? EVENT_DISK_FULL : EVENT_DISK_OK};
    sim_host_step(host, &event);
}

/* --- actions --- */

/* Addresses are "node-ID:PORT". */
static uint32_t host_of_address(const struct world *world, struct slice address)
{
    static const char prefix[] = "node-";
    uint64_t id = 0;
    if (address.size > sizeof prefix && memcmp(address.data, prefix, sizeof prefix - 1) == 0) {
        decimal_read(slice_of(address.data + sizeof prefix - 1, 1), &id);
    }
    return id == 0 || id > world->hosts_count ? UINT32_MAX : (uint32_t)id - 1;
}

static void host_connect(struct host *host, const struct action *action)
{
    struct world *world = host->world;
    uint32_t to = host_of_address(world, action->bytes);
    if (to == UINT32_MAX) {
        world_fail(world, "address", "node %u dials %b", host->id, action->bytes);
        return;
    }
    network_dial(&world->network, host->index, action->connection, to, true);
}

static void host_write(struct host *host, const struct action *action)
{
    struct world *world = host->world;
    if (!sim_disk_write(&host->disk, action->segment, action->offset, action->bytes,
                        action->sequence)) {
        world_fail(world, "disk", "node %u writes to segment %U, which it gave up", host->id,
                   action->segment);
    }
    host->must_sync |= action->sync;
    world_mark(world, action->sequence ^ (uint64_t)action->bytes.size << 32);
}

static void host_carry_out(struct host *host, const struct action *action)
{
    struct world *world = host->world;
    struct network *network = &world->network;
    uint64_t now_us = world_now_us(world);
    switch (action->type) {
    case ACTION_TRUNCATE:
        world_count(world, SIM_COVER_TAILS_CUT);
        world_narrate(world, "host", host->id, "truncates segment=%U size=%U", action->segment,
                      action->offset);
        sim_disk_truncate(&host->disk, action->segment, action->offset);
        break;
    case ACTION_REWRITE:
        sim_disk_rewrite(&host->disk, action->segment, action->offset, action->bytes);
        break;
    case ACTION_SET_ASIDE:
        world_count(world, SIM_COVER_SEGMENTS_SET_ASIDE);
        sim_disk_set_aside(&host->disk, action->segment);
        break;
    case ACTION_SNAPSHOT_SET_ASIDE:
        world_count(world, SIM_COVER_SNAPSHOTS_SET_ASIDE);
        sim_disk_snapshot_set_aside(&host->disk, action->sequence);
        break;
    case ACTION_WRITE: host_write(host, action); break;
    case ACTION_TRIM:
        world_count(world, SIM_COVER_SEGMENTS_TRIMMED);
        world_narrate(world, "host", host->id, "trims below=%U", action->segment);
        if (!sim_disk_trim(&host->disk, action->segment)) {
            world_fail(world, "durability", "node %u trims all that is durable of its log",
                       host->id);
        }
        break;
    case ACTION_SEND:
        if (action->connection >= NODE_DIALED) promises_sent(world, host, action->bytes);
        network_send(network, host->index, action->connection, action->bytes);
        break;
    case ACTION_CONNECT: host_connect(host, action); break;
    case ACTION_CLOSE: network_close(network, host->index, action->connection); break;
    case ACTION_READ:
        if (!action->on) host->sent_matters = true;
        network_read(network, host->index, action->connection, action->on);
        break;
    case ACTION_SNAPSHOT_WRITE:
        buffer_append_slice(&host->disk.temporary, action->bytes);
        schedule_at(&world->schedule, &host->snapshot_written,
                    now_us + random_below(&world->random, SNAPSHOT_WRITE_US_MAX));
        break;
    case ACTION_SNAPSHOT_COMMIT:
        host->snapshot_number = action->sequence;
        schedule_at(&world->schedule, &host->snapshot_committed,
                    now_us + random_below(&world->random, SNAPSHOT_COMMIT_US_MAX));
        break;
    case ACTION_SNAPSHOT_ABORT:
        schedule_cancel(&world->schedule, &host->snapshot_written);
        schedule_cancel(&world->schedule, &host->snapshot_committed);
        sim_disk_snapshot_abort(&host->disk);
        break;
    }
}

/* Counts the first word of each trace line, and prints the lines. */
static void host_trace(struct host *host, struct slice trace)
{
    struct sim_report *report = host->world->report;
    while (trace.size > 0) {
        const uint8_t *newline = memchr(trace.data, '\n', trace.size);
        size_t size = newline == NULL ? trace.size : (size_t)(newline - trace.data);
        const uint8_t *space = memchr(trace.data, ' ', size);
        size_t word = space == NULL ? size : (size_t)(space - trace.data);
        if (word >= SIM_WORD_SIZE) word = SIM_WORD_SIZE - 1;
        if (slice_equal(slice_of(trace.data, word), slice_text("snapshot-installed"))) {
            world_count(host->world, SIM_COVER_SNAPSHOTS_INSTALLED);
        }
        clocks_heard(host, slice_of(trace.data, word));
        uint32_t i = 0;
        while (i < report->words_count && (memcmp(report->words[i].word, trace.data, word) != 0 ||
                                           report->words[i].word[word] != '\0')) {
            i++;
        }
        if (i == report->words_count && i < SIM_WORDS_MAX) {
            memcpy(report->words[report->words_count++].word, trace.data, word);
        }
        if (i < SIM_WORDS_MAX) report->words[i].count++;
        world_narrate(host->world, "node", host->id, "%b", slice_of(trace.data, size));
        if (newline != NULL) size++;
        trace.data += size;
        trace.size -= size;
    }
}

static bool host_spins(struct host *host)
{
    uint64_t now_us = world_now_us(host->world);
    host->spin_turns = host->spin_at_us == now_us ? host->spin_turns + 1 : 0;
    host->spin_at_us = now_us;
    if (host->spin_turns < SPIN_TURNS_MAX) return false;
    world_fail(host->world, "progress", "node %u takes turn after turn without time passing",
               host->id);
    return true;
}

static void host_turn(struct host *host)
{
    struct world *world = host->world;
    struct actions actions;
    schedule_cancel(&world->schedule, &host->turn);
    host->turns++;
    world->report->turns++;
    node_turn(host->node, sim_host_time(host), &actions);
    invariants_step(world, host);
    if (actions.trace.size > 0) host_trace(host, actions.trace);
    clocks_turned(host);
    if (actions.fatal != NULL) {
        world_fail(world, "fatal", "node %u gave up: %s", host->id, actions.fatal);
        return;
    }
    for (uint32_t i = 0; i < actions.count; i++) {
        if (actions.items[i].type != ACTION_WRITE) continue;
        promises_write(world, host, &actions.items[i]);
    }
    depose_look(&world->faults.depose, host);
    for (uint32_t i = 0; i < actions.count; i++) {
        if (host->crash_countdown > 0 && --host->crash_countdown == 0) {
            world_count(world, SIM_COVER_CRASHES_MIDWAY);
            sim_host_end(host, host->crash_end, host->restart_after_us);
            return;
        }
        host_carry_out(host, &actions.items[i]);
    }
    if (actions.stopped) {
        sim_host_end(host, HOST_STOPPED, host->restart_after_us);
        return;
    }
    host_sync_soon(host);
    if (actions.deadline_us != UINT64_MAX) {
        uint64_t at_us = sim_host_virtual_us(host, actions.deadline_us);
        /* A timer that is early costs a turn; moving it at every turn costs more. */
        if (!timed_pending(&host->timer) || timed_at_us(&world->schedule, &host->timer) > at_us) {
            schedule_at(&world->schedule, &host->timer, at_us);
        }
    }
    if (host->sent_matters && !timed_pending(&host->turn)) {
        schedule_at(&world->schedule, &host->turn, world_now_us(world) + SENT_SOON_US);
    }
    host_spins(host);
}

/* --- life --- */

void sim_host_start(struct host *host)
{
    struct segment_image images[DISK_FILES_MAX];
    struct snapshot_image snapshots[DISK_SNAPSHOTS_MAX];
    struct world *world = host->world;
    ASSERT(host->node == NULL);
    schedule_cancel(&world->schedule, &host->restart);
    struct node_config config = world->config;
    config.self = host->id;
    config.join = host->index >= world->options->nodes;
    if (config.join) world_address(host->id, config.address);
    config.announced_count = 1;
    world_client_address(host->id, config.announced[0]);
    config.seed = random_next(&world->random);
    for (uint32_t i = 0; i < 4; i++)
        store_u64(config.draws.key + i * 8, random_mix(config.seed + i));
    config.facts = &host->facts;
    host->boots++;
    host->facts = (struct machine_facts){.node = host->id, .pid = host->boots};
    host->synced_us = world_now_us(world);
    host->crash_countdown = host->start_countdown;
    host->start_countdown = 0;
    host->next_number = 1;
    host->told_durable = 0;
    host->clock_off = false;
    host->node = node_create(&config);
    for (uint32_t i = 0; i < host->disk.files_count; i++) {
        const struct disk_file *file = &host->disk.files[i];
        images[i] = (struct segment_image){file->number, slice_of(file->cached, file->size)};
    }
    struct event_start start = {
        .segments_count = host->disk.files_count, .segments = images, .snapshots = snapshots};
    uint64_t snapshot_bytes = 0;
    for (uint32_t i = 0; i < host->disk.snapshots_count; i++) {
        const struct disk_snapshot *snapshot = &host->disk.snapshots[i];
        snapshots[start.snapshots_count++] =
            (struct snapshot_image){snapshot->number, buffer_slice(&snapshot->file)};
        snapshot_bytes += snapshot->file.size;
    }
    memcpy(start.boot_id, host->boot_id, sizeof start.boot_id);
    start.sync_failed = host->unsynced;
    struct event event = {.type = EVENT_START, .now = sim_host_time(host), .start = &start};
    world->faults.disturbed_us = world_now_us(world);
    world_narrate(world, "host", host->id, "starts boot=%u segments=%u first=%U snapshot=%U",
                  host->boots, start.segments_count,
                  start.segments_count == 0 ? 0 : images[0].number, snapshot_bytes);
    node_step(host->node, &event);
    invariants_started(world, host);
    host_turn(host);
    if (host->node != NULL && host->full) {
        struct event full = {.type = EVENT_DISK_FULL};
        sim_host_step(host, &full);
    }
}

static void host_on_restart(void *owner, struct timed *timed)
{
    (void)timed;
    sim_host_start(owner);
}

static const char *const host_end_words[] = {"crashes", "loses-power", "fails-to-sync", "stops"};

void sim_host_end(struct host *host, enum host_end how, uint64_t restart_after_us)
{
    struct world *world = host->world;
    struct schedule *schedule = &world->schedule;
    if (host->node == NULL) return;
    world_narrate(world, "host", host->id, "%s", host_end_words[how]);
    invariants_host_lost(world, host);
    sim_host_count_rafts(host);
    network_place_gone(&world->network, host->index);
    struct timed *all[] = {&host->timer, &host->turn, &host->synced, &host->snapshot_written};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) schedule_cancel(schedule, all[i]);
    if (timed_pending(&host->snapshot_committed)) {
        schedule_cancel(schedule, &host->snapshot_committed);
        /* The rename was under way. */
        if (random_below(&world->random, 2) == 0) {
            sim_disk_snapshot_commit(&host->disk, host->snapshot_number);
        }
    }
    node_destroy(host->node);
    host->node = NULL;
    host->sent_count = 0;
    host->must_sync = false;
    host->crash_countdown = 0;
    host->paused_until_us = 0;
    /* Whether the system keeps pages that it failed to write is up to the file system. */
    bool dropped = how == HOST_SYNC_FAILED && random_below(&world->random, 2) == 0;
    if (how == HOST_SYNC_FAILED) host->unsynced = world->config.fsync_never;
    if (how == HOST_POWER_LOST || dropped) {
        sim_disk_power_lost(&host->disk, &world->random);
        if (world->config.fsync_never) invariants_forget(world, host);
    } else {
        sim_disk_process_lost(&host->disk, &world->random);
    }
    if (how == HOST_POWER_LOST) sim_host_new_boot(host);
    if (restart_after_us != UINT64_MAX) {
        schedule_at(schedule, &host->restart, world_now_us(world) + restart_after_us);
    }
}

void sim_host_init(struct world *world, struct host *host, uint32_t index)
{
    *host = (struct host){.world = world, .index = index, .id = index + 1, .slow_factor = 1};
    timed_init(&host->timer, host_on_timer, host);
    timed_init(&host->turn, host_on_turn, host);
    timed_init(&host->synced, host_on_synced, host);
    timed_init(&host->snapshot_written, host_on_snapshot_written, host);
    timed_init(&host->snapshot_committed, host_on_snapshot_committed, host);
    timed_init(&host->restart, host_on_restart, host);
    sim_disk_init(&host->disk, world->config.segment_bytes);
    host->sync_us_max = 50u << random_below(&world->random, 9); /* up to 13 ms */
    host->restart_after_us = 100000;
    sim_host_new_boot(host);
}

void sim_host_free(struct host *host)
{
    sim_host_count_rafts(host);
    if (host->node != NULL) node_destroy(host->node);
    sim_disk_free(&host->disk);
}
