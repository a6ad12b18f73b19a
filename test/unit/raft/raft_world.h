/* A small world for replicas of src/raft: virtual time, a network and disks that misbehave as
 * told, and the invariants of the paper's figure 3 checked after every step.
 *
 * The disk is a list of writes: one lands some time after it was handed out, in order; a crash
 * keeps a prefix of what was under way. Entries are kept as written, as a write-ahead log would
 * keep them, and a restart reads all of them back. A failure prints the world's seed. */
#ifndef QUARTET_TEST_RAFT_WORLD_H
#define QUARTET_TEST_RAFT_WORLD_H

#include "raft_world_check.h"

/* --- steps --- */

static inline struct raft_time world_time(const struct world *world)
{
    return (struct raft_time){world->now_us, world->wall_us};
}

static inline uint64_t world_random(struct world *world, uint64_t bound)
{
    return bound == 0 ? 0 : random_below(&world->random, bound);
}

static inline struct packet *packet_copy(const struct packet *packet)
{
    struct packet *copy = malloc(sizeof *copy);
    *copy = *packet;
    copy->entries = (struct stored_list){0};
    for (uint64_t i = 0; i < packet->entries.count; i++) {
        struct raft_entry entry = stored_entry(&packet->entries.at[i]);
        stored_push(&copy->entries, &entry);
    }
    return copy;
}

/* Owns the packet from here on. */
static inline void world_send(struct world *world, struct packet *packet)
{
    const struct raft_message *message = &packet->message;
    if (!packet->is_snapshot) {
        check_message(world, message);
        world->sent[message->type]++;
        if (world->observe != NULL) world->observe(world, message);
    }
    if (world->cut[message->from][message->to] ||
        world_random(world, 1000) < world->loss_permille) {
        packet_free(packet);
        return;
    }
    if (world_random(world, 1000) < world->duplicate_permille) {
        struct packet *twin = packet_copy(packet);
        twin->due_us = world->now_us + 1 + world_random(world, 4 * world->delay_us_max);
        twin->order = world->packets_order++;
        packets_push(&world->packets, twin);
    }
    packet->due_us = world->now_us + 1 + world_random(world, world->delay_us_max);
    packet->order = world->packets_order++;
    packets_push(&world->packets, packet);
}

static inline void node_write(struct world *world, struct node *node,
                              const struct raft_output *output)
{
    if (node->writes_count == node->writes_capacity) {
        node->writes_capacity = node->writes_capacity == 0 ? 8 : node->writes_capacity * 2;
        node->writes = realloc(node->writes, node->writes_capacity * sizeof *node->writes);
    }
    struct write *write = &node->writes[node->writes_count++];
    *write = (struct write){
        .sequence = ++node->sequence,
        .due_us = world->now_us + 1 + world_random(world, world->write_us_max),
        .commit = raft_commit_index(node->raft),
        .hard = output->hard_state,
        .term = output->term,
        .vote = output->vote,
        .trusted = output->trusted,
    };
    if (output->persist_first == 0) return;
    for (uint64_t i = output->persist_first; i <= output->persist_last; i++) {
        const struct raft_entry *entry = raft_entry_at(node->raft, i);
        WORLD_CHECK(world, entry != NULL);
        check_entry(world, node->raft, entry);
        stored_push(&write->entries, entry);
    }
}

static inline void world_send_snapshots(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    uint32_t peer = world->scripted ? UINT32_MAX : 0;
    while ((peer = raft_snapshot_wanted(node->raft, peer)) != 0) {
        if (world_random(world, 4) != 0) continue; /* asked again at the next step */
        struct packet *packet = calloc(1, sizeof *packet);
        packet->message.from = id;
        packet->message.to = peer;
        packet->is_snapshot = true;
        packet->snapshot = node->compacted;
        world_send(world, packet);
    }
}

/* Carries out what the last calls produced. */
static inline void world_flush(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    struct raft_output output;
    raft_take_output(node->raft, node->sequence + 1, &output);
    node->reads_confirmed = output.reads_confirmed;
    node->reads_index = output.reads_index;
    if (output.hard_state || output.persist_first != 0) node_write(world, node, &output);
    for (uint32_t i = 0; i < output.messages_count; i++) {
        const struct raft_message *message = &output.messages[i];
        struct packet *packet = calloc(1, sizeof *packet);
        packet->message = *message;
        for (uint32_t n = 0; n < message->entries_count; n++) {
            const struct raft_entry *entry = raft_entry_at(node->raft, message->index + 1 + n);
            WORLD_CHECK(world, entry != NULL);
            stored_push(&packet->entries, entry);
        }
        WORLD_CHECK(world, message->gate <= node->sequence);
        if (message->gate > node->durable_sequence)
            packet_push(&node->held, packet);
        else
            world_send(world, packet);
    }
    check_leader(world, id);
    check_applied(world, id);
    check_reads(world, node, &output);
    node->flushed_last = raft_last_index(node->raft);
    world_send_snapshots(world, id);
}

static inline void world_deliver_snapshot(struct world *world, struct packet *packet)
{
    struct node *node = &world->nodes[packet->message.to];
    const struct snapshot *snapshot = &packet->snapshot;
    if (!raft_install_snapshot(node->raft, node_time(world, node), snapshot->index, snapshot->term,
                               snapshot->elapsed_us, snapshot->wall_us, &snapshot->members)) {
        return;
    }
    disk_snapshot(&node->disk, snapshot);
    node->applied = snapshot->index;
    node->compacted = *snapshot;
}

static inline void world_deliver(struct world *world, struct packet *packet)
{
    uint32_t to = packet->message.to;
    struct node *node = &world->nodes[to];
    if (node->raft == NULL || node->paused) return;
    if (packet->is_snapshot) {
        world_deliver_snapshot(world, packet);
    } else {
        struct raft_entry entries[RAFT_MESSAGE_ENTRIES_MAX];
        for (uint64_t i = 0; i < packet->entries.count; i++) {
            entries[i] = stored_entry(&packet->entries.at[i]);
        }
        packet->message.entries = entries;
        raft_receive(node->raft, node_time(world, node), &packet->message);
    }
    world_flush(world, to);
}

static inline void world_land(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    struct write write = node->writes[0];
    memmove(node->writes, node->writes + 1, --node->writes_count * sizeof write);
    disk_land(&node->disk, &write);
    stored_free(&write.entries);
    node->durable_sequence = write.sequence;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->held.count; i++) {
        struct packet *packet = node->held.at[i];
        if (packet->message.gate <= node->durable_sequence)
            world_send(world, packet);
        else
            node->held.at[kept++] = packet;
    }
    node->held.count = kept;
    raft_durable(node->raft, node_time(world, node), write.sequence);
    world_flush(world, id);
}

static inline bool world_propose(struct world *world, uint32_t id, uint64_t value)
{
    struct node *node = &world->nodes[id];
    uint64_t index;
    if (node->raft == NULL || node->paused) return false;
    enum raft_propose_result result =
        raft_propose(node->raft, node_time(world, node), RAFT_KIND_CALLER, 1,
                     slice_of(&value, sizeof value), &index);
    world_flush(world, id);
    return result == RAFT_PROPOSE_OK;
}

/* What is applied becomes a snapshot, and the log before it is forgotten. */
static inline void world_compact(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    uint64_t index = node->applied;
    if (index > raft_durable_index(node->raft)) index = raft_durable_index(node->raft);
    const struct raft_entry *entry = raft_entry_at(node->raft, index);
    if (entry == NULL) return;
    node->compacted = (struct snapshot){index, entry->term, entry->elapsed_us, entry->wall_us,
                                        *raft_members_at(node->raft, index)};
    raft_compact(node->raft, index);
    WORLD_CHECK(world, raft_first_index(node->raft) == index + 1);
    disk_snapshot(&node->disk, &node->compacted);
}

/* --- life and death --- */

static inline void world_start(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    struct disk *disk = &node->disk;
    struct raft_config config = world->config;
    config.self = id;
    config.seed = random_next(&world->random);
    struct raft_restored restored = {
        .term = disk->term,
        .vote = disk->vote,
        .trusted = disk->trusted,
        .snapshot_index = disk->snapshot.index,
        .snapshot_term = disk->snapshot.term,
        .snapshot_elapsed_us = disk->snapshot.elapsed_us,
        .snapshot_wall_us = disk->snapshot.wall_us,
        .members = disk->snapshot.members,
    };
    node->raft = raft_create(&config, &restored);
    for (uint64_t i = 0; i < disk->wal.count; i++) {
        struct raft_entry entry = stored_entry(&disk->wal.at[i]);
        raft_restore_entry(node->raft, &entry);
    }
    WORLD_CHECK(world, raft_last_index(node->raft) == disk_last(disk));
    raft_restore_commit(node->raft, disk->commit);
    node->applied = disk->snapshot.index;
    node->compacted = disk->snapshot;
    raft_start(node->raft, node_time(world, node));
    world_flush(world, id);
}

/* What was durable stays, and of the writes under way, the first `landed`. */
static inline void world_crash(struct world *world, uint32_t id, uint32_t landed)
{
    struct node *node = &world->nodes[id];
    for (uint32_t i = 0; i < node->writes_count; i++) {
        if (i < landed) disk_land(&node->disk, &node->writes[i]);
        stored_free(&node->writes[i].entries);
    }
    node->writes_count = 0;
    node->sequence = node->durable_sequence = 0;
    packet_list_clear(&node->held);
    raft_destroy(node->raft);
    node->raft = NULL;
    node->stalled = false;
    node->paused = false;
    node->asked_count = 0;
}

/* A down node's disk is lost. What it had sent goes with its connections. */
static inline void world_wipe(struct world *world, uint32_t id)
{
    struct node *node = &world->nodes[id];
    if (node->disk.trusted) {
        disk_free(&node->wiped);
        node->wiped = node->disk;
        node->disk = (struct disk){0};
    }
    disk_free(&node->disk);
    struct packet_list kept = {0};
    while (world->packets.count > 0) {
        struct packet *packet = packets_pop(&world->packets);
        if (packet->message.from == id || packet->message.to == id)
            packet_free(packet);
        else
            packets_push(&kept, packet);
    }
    free(world->packets.at);
    world->packets = kept;
    for (uint32_t peer = 1; peer <= world->nodes_count; peer++) {
        if (world->nodes[peer].raft != NULL) raft_peer_lost(world->nodes[peer].raft, id);
    }
}

/* No node is up yet, and every disk is empty. */
static inline struct world *world_new(uint32_t nodes_count, uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    world_current = world;
    world->seed = seed;
    world->random = random_seeded(seed);
    world->nodes_count = nodes_count;
    world->now_us = 1000 * WORLD_MS;
    world->wall_us = UINT64_C(1700000000000000);
    world->delay_us_max = 2 * WORLD_MS;
    world->write_us_max = 2 * WORLD_MS;
    world->config = (struct raft_config){
        .election_timeout_us = WORLD_TIMEOUT_US,
        .heartbeat_us = WORLD_HEARTBEAT_US,
        .append_bytes_max = 256,
        .inflight_messages_max = 4,
        .uncommitted_bytes_max = 1 << 20,
        .clock_drift_permille = WORLD_DRIFT_PERMILLE,
    };
    world->founding.count = nodes_count;
    for (uint32_t i = 0; i < nodes_count; i++) {
        world->founding.member[i] =
            (struct raft_member){.id = i + 1, .address_size = 1, .address = "x"};
    }
    return world;
}

/* The first `founders` start with the founding entry: index 1 of term 1. The others are empty and
 * belong to no membership. */
static inline struct world *world_found(uint32_t nodes_count, uint32_t founders, uint64_t seed)
{
    struct world *world = world_new(nodes_count, seed);
    world->founding.count = founders;
    struct buffer data = {0};
    raft_members_encode(&world->founding, &data);
    struct raft_entry founding = {.index = 1,
                                  .term = 1,
                                  .kind = RAFT_KIND_MEMBERS,
                                  .version = 1,
                                  .data = buffer_slice(&data)};
    for (uint32_t id = 1; id <= nodes_count; id++) {
        struct disk *disk = &world->nodes[id].disk;
        if (id <= founders) {
            disk->term = 1;
            disk->trusted = true;
            stored_push(&disk->wal, &founding);
            disk_keep(disk, &founding);
        }
        world_start(world, id);
    }
    buffer_free(&data);
    return world;
}

static inline struct world *world_make(uint32_t nodes_count, uint64_t seed)
{
    return world_found(nodes_count, nodes_count, seed);
}

static inline void world_free(struct world *world)
{
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        struct node *node = &world->nodes[id];
        if (node->raft != NULL) world_crash(world, id, 0);
        disk_free(&node->disk);
        disk_free(&node->wiped);
        free(node->writes);
        free(node->held.at);
        free(world->votes[id]);
    }
    for (uint32_t id = world->nodes_count + 1; id <= WORLD_NODES_MAX; id++) free(world->votes[id]);
    packet_list_clear(&world->packets);
    free(world->packets.at);
    free(world->leaders);
    stored_free(&world->truth);
    stored_free(&world->known);
    free(world);
    world_current = NULL;
}

/* --- time --- */

/* Does the next thing that is due by `until_us`; false, with time moved there, when none is. */
static inline bool world_step(struct world *world, uint64_t until_us)
{
    uint64_t due_us = until_us;
    uint32_t ticks = 0, lands = 0;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        struct node *node = &world->nodes[id];
        if (node->raft == NULL || node->paused) continue;
        uint64_t deadline_us = clock_due_us(node, raft_deadline_us(node->raft));
        if (deadline_us < due_us) due_us = deadline_us, ticks = id, lands = 0;
        if (node->writes_count == 0 || node->stalled) continue;
        if (node->writes[0].due_us < due_us) due_us = node->writes[0].due_us, lands = id, ticks = 0;
    }
    bool packet = world->packets.count > 0 && world->packets.at[0]->due_us < due_us;
    if (packet) due_us = world->packets.at[0]->due_us;
    if (due_us > world->now_us) {
        world->wall_us += due_us - world->now_us;
        world->now_us = due_us;
    }
    if (packet) {
        struct packet *first = packets_pop(&world->packets);
        world_deliver(world, first);
        packet_free(first);
    } else if (lands != 0) {
        world_land(world, lands);
    } else if (ticks != 0) {
        raft_tick(world->nodes[ticks].raft, node_time(world, &world->nodes[ticks]));
        world_flush(world, ticks);
    } else {
        return false;
    }
    return true;
}

static inline void world_run(struct world *world, uint64_t duration_us)
{
    uint64_t until_us = world->now_us + duration_us;
    while (world_step(world, until_us)) {}
}

/* The leader of the latest term, among those that are up; 0: none. */
static inline uint32_t world_leader(const struct world *world)
{
    uint32_t leader = 0;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        const struct raft *raft = world->nodes[id].raft;
        if (raft == NULL || raft_role(raft) != RAFT_LEADER) continue;
        if (leader == 0 || raft_term(raft) > raft_term(world->nodes[leader].raft)) leader = id;
    }
    return leader;
}

/* Runs until there is a settled leader; 0 when there is none within `limit_us`. */
static inline uint32_t world_elect(struct world *world, uint64_t limit_us)
{
    uint64_t until_us = world->now_us + limit_us;
    do {
        uint32_t leader = world_leader(world);
        if (leader != 0 && raft_settled(world->nodes[leader].raft)) return leader;
    } while (world_step(world, until_us));
    return 0;
}

static inline void world_cut(struct world *world, uint32_t id, bool cut)
{
    for (uint32_t peer = 1; peer <= world->nodes_count; peer++) {
        world->cut[id][peer] = world->cut[peer][id] = cut;
    }
}

#endif
