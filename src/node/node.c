/* The life of a node: events in, turns out. See node.h for the contract. */
#include "node/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/hub.h"
#include "node/text.h"

enum {
    WATERMARK_US = 10000,
    DRAIN_US = 5000000,
    DRAIN_SESSIONS_US = 500000, /* of it, once all clients are served */
};

void node_config_defaults(struct node_config *config)
{
    config->election_timeout_us = 500000;
    config->heartbeat_us = 50000;
    config->clock_drift_permille = 50;
    config->clock_skew_us_max = 1000000;
    config->session_lease_us = 10000000;
    config->refuse_after_us = 3000000;
    config->uncertain_after_us = 10000000;
    config->tick_interval_us = 10000;
    config->segment_bytes = NODE_SEGMENT_BYTES_DEFAULT;
    config->log_bytes_compact = 64 << 20;
    config->log_bytes_memory = 64 << 20;
    config->append_bytes_max = 1 << 20;
    config->cut_backlog_bytes_max = 256 << 20;
    config->connections_max = 10000;
    config->output_bytes_max = 4 << 20;
    config->pending_max = 1024;
    config->memory_bytes_max = 0;
}

/* Peers in the order of their ids: the lowest one founds. */
static void peers_sort(struct node_config *config)
{
    for (uint32_t i = 1; i < config->peers_count; i++) {
        struct node_peer peer = config->peers[i];
        uint32_t at = i;
        for (; at > 0 && config->peers[at - 1].id > peer.id; at--) {
            config->peers[at] = config->peers[at - 1];
        }
        config->peers[at] = peer;
    }
}

/* The machine's answers, while it says them. */
void node_emit(void *world, const struct session_key *session, const void *payload)
{
    struct node_group *entry = world;
    struct node *node = entry->node;
    struct connection *connection = connection_find(&node->connections, session->connection);
    if (connection == NULL) return;
    if (connection->listener == NODE_CLIENT) {
        struct client *client = (struct client *)connection;
        uint64_t place;
        requests_shown(node, entry->group);
        if (group_asking(entry->group, &place)) {
            client_answer(&node->clients, client, place, payload);
        } else {
            client_reply(&node->clients, client, entry->number, payload);
        }
    } else if (connection->listener == NODE_ADMIN) {
        admin_reply(node, (struct admin *)connection, payload);
    }
}

struct node *node_create(const struct node_config *config)
{
    ASSERT(config->self != 0 && config->peers_count <= NODE_PEERS_MAX);
    ASSERT(config->segment_bytes >= NODE_SEGMENT_BYTES_MIN);
    struct node *node = calloc(1, sizeof *node);
    ASSERT(node != NULL);
    node->config = *config;
    node->config.protocol_config.draws = &node->config.draws;
    node->config.protocol_config.facts = &node->facts.told;
    peers_sort(&node->config);
    node->random = random_seeded(config->seed);
    node->turn.trace_messages = config->trace_messages;
    connections_init(&node->connections, &node->turn);
    node->clients.config = &node->config;
    node->clients.turn = &node->turn;
    node->clients.connections = &node->connections;
    clients_init(&node->clients);
    admins_init(&node->admins);
    wal_init(&node->wal, config->segment_bytes, node_groups(config));
    node->peers.config = &node->config;
    node->peers.turn = &node->turn;
    node->peers.connections = &node->connections;
    node->peers.wal = &node->wal;
    node->peers.random = &node->random;
    peers_init(&node->peers);
    groups_init(node);
    facts_init(node);
    return node;
}

static void connection_free(struct node *node, struct connection *connection)
{
    switch (connection->listener) {
    case NODE_CLIENT: client_free(&node->clients, (struct client *)connection); break;
    case NODE_PEER: link_free(&node->peers, (struct link *)connection); break;
    case NODE_ADMIN: admin_free(node, (struct admin *)connection); break;
    }
}

void node_destroy(struct node *node)
{
    if (node == NULL) return;
    for (;;) {
        struct map_node *any = map_any(&node->connections.map);
        if (any == NULL) break;
        connection_free(node, LIST_ITEM(any, struct connection, in_map));
    }
    connections_free(&node->connections);
    groups_free(node);
    facts_free(node);
    wal_free(&node->wal);
    peers_free(&node->peers);
    clients_free(&node->clients);
    buffer_free(&node->start.set_aside);
    buffer_free(&node->start.set_aside_snapshots);
    buffer_free(&node->start.tail);
    buffer_free(&node->world_metrics);
    buffer_free(&node->scratch);
    turn_free(&node->turn);
    free(node);
}

void node_die(struct node *node, const char *words, const char *detail)
{
    struct text text = text_in(node->process.fatal_space, sizeof node->process.fatal_space);
    text_add(&text, words);
    text_add(&text, detail);
    node->process.fatal = node->process.fatal_space;
}

/* --- events --- */

/* What the last turn handed out has been carried out: its buffers are ours again. */
static void node_begin(struct node *node)
{
    bool wrote = node->turn.actions_count > 0;
    if (!turn_begin(&node->turn)) return;
    connections_begin(&node->connections);
    if (wrote) wal_flushed(&node->wal);
    if (node->start.tail.size > 0) buffer_free(&node->start.tail);
}

static void event_opened(struct node *node, const struct event *event)
{
    switch (event->listener) {
    case NODE_CLIENT:
        client_opened(&node->clients, event->connection, event->place,
                      node->process.draining || membership_removed(node));
        break;
    case NODE_PEER: route_link_opened(node, event->connection); break;
    case NODE_ADMIN: admin_opened(node, event->connection); break;
    }
}

static void event_received(struct node *node, struct connection *connection, struct slice bytes)
{
    switch (connection->listener) {
    case NODE_CLIENT: requests_received(node, (struct client *)connection, bytes); break;
    case NODE_PEER: route_link_received(node, (struct link *)connection, bytes); break;
    case NODE_ADMIN: admin_received(node, (struct admin *)connection, bytes); break;
    }
}

static void event_closed(struct node *node, struct connection *connection)
{
    switch (connection->listener) {
    case NODE_CLIENT: requests_closed(node, (struct client *)connection); break;
    case NODE_PEER: route_link_closed(node, (struct link *)connection); break;
    case NODE_ADMIN: admin_closed(node, (struct admin *)connection); break;
    }
}

static void event_sent(struct node *node, struct connection *connection, uint64_t count)
{
    connection->unsent -= count < connection->unsent ? count : connection->unsent;
    if (connection->listener == NODE_CLIENT) requests_sent(node, (struct client *)connection);
    if (connection->listener == NODE_PEER) link_sent(&node->peers, (struct link *)connection);
}

/* Only clients may fall silent and still listen. */
static void event_ended(struct node *node, struct connection *connection)
{
    if (connection->listener == NODE_CLIENT) {
        requests_ended(node, (struct client *)connection);
    } else {
        connection_close(&node->connections, connection);
    }
}

static void event_durable(struct node *node, uint64_t sequence)
{
    bool was_ready = wal_ready(&node->wal);
    if (sequence > node->wal.durable) node->wal.durable = sequence;
    node->disk.unsynced_us = node->turn.now.mono_us;
    groups_durable(node, sequence);
    peers_durable(&node->peers);
    founding_durable(node);
    if (!was_ready && wal_ready(&node->wal)) {
        start_set_aside(node);
        route_links_ready(node);
        for (uint32_t i = 0; i < node->groups.count; i++) (void)groups_touch(node, i);
        founding_consider(node);
    }
}

static void node_connection_event(struct node *node, const struct event *event)
{
    struct connection *connection = connection_find(&node->connections, event->connection);
    if (connection == NULL) return;
    if (event->type == EVENT_RECEIVED) event_received(node, connection, event->bytes);
    if (event->type == EVENT_SENT) event_sent(node, connection, event->count);
    if (event->type == EVENT_ENDED) event_ended(node, connection);
    if (event->type == EVENT_CLOSED || event->type == EVENT_CONNECT_FAILED) {
        event_closed(node, connection);
    }
}

static void node_disk_full(struct node *node, bool full)
{
    if (node->disk.full == full) return;
    node->disk.full = full;
    for (uint32_t i = 0; i < node->groups.count; i++) {
        group_set_disk_full(node->groups.all[i].group, full);
    }
    trace_begin(&node->turn, full ? "disk-full" : "disk-ok");
    trace_end(&node->turn);
}

static void node_snapshot_event(struct node *node, enum event_type type)
{
    struct group *group = node->groups.shared.file;
    if (group == NULL) return; /* it was given up meanwhile */
    (void)groups_touch(node, group_number(group));
    if (type == EVENT_SNAPSHOT_WRITTEN) group_snapshot_written(group);
    if (type == EVENT_SNAPSHOT_DURABLE) group_snapshot_durable(group);
    if (type == EVENT_SNAPSHOT_FAILED) group_snapshot_failed(group);
    route_output(node, &node->groups.all[group_number(group)]);
}

void node_step(struct node *node, const struct event *event)
{
    node_begin(node);
    node->turn.now = event->now;
    if (node->process.fatal != NULL || node->process.stopped) return;
    switch (event->type) {
    case EVENT_START: node_start(node, event->start); break;
    case EVENT_OPENED: event_opened(node, event); break;
    case EVENT_CONNECT_FAILED:
    case EVENT_RECEIVED:
    case EVENT_SENT:
    case EVENT_ENDED:
    case EVENT_CLOSED: node_connection_event(node, event); break;
    case EVENT_DURABLE: event_durable(node, event->count); break;
    case EVENT_SNAPSHOT_WRITTEN:
    case EVENT_SNAPSHOT_DURABLE:
    case EVENT_SNAPSHOT_FAILED: node_snapshot_event(node, event->type); break;
    case EVENT_DISK_FULL:
    case EVENT_DISK_OK: node_disk_full(node, event->type == EVENT_DISK_FULL); break;
    case EVENT_DRAIN:
        node->process.draining = true;
        node->process.drain_until_us = event->now.mono_us + DRAIN_US;
        break;
    }
}

/* --- turns --- */

/* A full disk whose reserve is used up takes nothing any more. Who leads on such a one hands over
 * to others, and does not campaign; it stays, and says so. */
static void stuck_turn(struct node *node)
{
    if (group_raft(node->group) == NULL) return;
    bool waits = node->disk.full && node->wal.durable < node->wal.sequence;
    uint64_t until_us = node->disk.unsynced_us + node->config.election_timeout_us;
    bool stuck = waits && node->turn.now.mono_us >= until_us;
    if (waits && !stuck) turn_wake(&node->turn, until_us);
    if (stuck == node->disk.stuck) return;
    node->disk.stuck = stuck;
    trace_begin(&node->turn, stuck ? "disk-stuck" : "disk-moves");
    trace_end(&node->turn);
    for (uint32_t i = 0; i < node->groups.count; i++) {
        struct raft *raft = group_raft(groups_touch(node, i));
        if (raft != NULL) raft_set_mute(raft, node->turn.now, stuck);
    }
}

static bool groups_idle(const struct node *node)
{
    for (uint32_t i = 0; i < node->groups.count; i++) {
        if (!group_idle(node->groups.all[i].group)) return false;
    }
    return true;
}

static void drain_turn(struct node *node)
{
    if (!node->process.draining || node->process.stop_written) return;
    clients_drain(&node->clients);
    bool quiet = node->clients.count == 0 && groups_idle(node);
    if (node->clients.count == 0 && !node->process.drain_served) {
        /* Nobody waits for an answer: what is left says that their sessions ended, and so will the
         * first entry of this node's next life. The others may be gone, if all stop together. */
        node->process.drain_served = true;
        uint64_t until_us = node->turn.now.mono_us + DRAIN_SESSIONS_US;
        if (until_us < node->process.drain_until_us) node->process.drain_until_us = until_us;
    }
    if (!quiet && node->turn.now.mono_us < node->process.drain_until_us) {
        turn_wake(&node->turn, node->process.drain_until_us);
        return;
    }
    node->process.stop_written = true;
    wal_put_stopped(&node->wal);
    node->process.stop_sequence = node->wal.sequence + 1;
}

/* The batch of this turn; or, after a quiet while, one that tells what is durable. */
static void wal_turn(struct node *node)
{
    struct wal *wal = &node->wal;
    bool due = wal_has_records(wal);
    bool behind = wal->watermark < wal->sequence && wal->durable == wal->sequence;
    if (!due && behind && !node->process.stop_written && !wal->watermark_written) {
        uint64_t at = node->disk.last_write_us + WATERMARK_US;
        if (node->turn.now.mono_us < at) {
            turn_wake(&node->turn, at);
        } else {
            due = true;
        }
    }
    if (!due) return;
    if (wal->durable == wal->sequence) node->disk.unsynced_us = node->turn.now.mono_us;
    wal->watermark_written = !wal_has_records(wal);
    struct action write;
    wal_flush(wal, &write);
    *turn_act(&node->turn, ACTION_WRITE) = write;
    node->disk.last_write_us = node->turn.now.mono_us;
    node->disk.batches++;
    node->disk.batch_bytes += write.bytes.size;
}

/* The groups' share of a turn, up to where they hear what else there is to say to Raft. */
static bool groups_turn(struct node *node)
{
    if (!groups_tick(node)) {
        node_die(node, "the log holds an entry of a kind that this version does not know; ",
                 "use a newer quartet");
        return false;
    }
    requests_pump(node);
    if (!list_empty(&node->admins.all)) admin_turn(node);
    groups_work(node);
    return true;
}

static void turn_work(struct node *node)
{
    facts_turn(node);
    if (!groups_turn(node)) return;
    peers_turn(&node->peers, node->process.draining);
    route_lost(node);
    route_clocks(node);
    follow_turn(node);
    home_turn(node);
    drain_turn(node);
    stuck_turn(node);
    groups_write(node);
    peers_send_beats(&node->peers);
    groups_answer(node);
    if (!list_empty(&node->clients.holds)) requests_holds(node);
    members_turn(node); /* their answers go out before links to those who went are closed */
    membership_turn(node);
    wal_turn(node);
    facts_rest(node);
    if (clients_watch(&node->clients)) requests_push(node);
    clients_turn(&node->clients);
    if (!list_empty(&node->clients.pump)) {
        turn_wake(&node->turn, node->turn.now.mono_us); /* refused: go on decoding */
    }
}

void node_turn(struct node *node, struct raft_time now, struct actions *actions)
{
    node_begin(node);
    node->turn.live = true;
    node->turn.now = now;
    node->turn.deadline_us = UINT64_MAX;
    node->process.turns++;
    if (node->process.started && node->process.fatal == NULL && !node->process.stopped) {
        turn_work(node);
        groups_rest(node);
        if (node->turn.trace.size > 0) admin_trace(node, buffer_slice(&node->turn.trace));
        connections_send(&node->connections);
        node->process.stopped =
            node->process.stop_written && node->wal.durable >= node->process.stop_sequence;
    }
    *actions = (struct actions){
        .count = node->process.fatal != NULL ? 0 : node->turn.actions_count,
        .items = node->turn.actions,
        .deadline_us = node->turn.deadline_us,
        .stopped = node->process.stopped,
        .fatal = node->process.fatal,
        .trace = buffer_slice(&node->turn.trace),
    };
}

/* --- for worlds that look inside --- */

static const struct group *group_at(const struct node *node, uint32_t group)
{
    ASSERT(group < node->groups.count);
    return node->groups.all[group].group;
}

const struct raft *node_group_raft(const struct node *node, uint32_t group)
{
    return group_raft(group_at(node, group));
}

uint64_t node_group_applied_index(const struct node *node, uint32_t group)
{
    return group_replica(group_at(node, group))->index;
}

uint64_t node_group_digest(const struct node *node, uint32_t group)
{
    return replica_digest(group_replica(group_at(node, group)));
}

const void *node_group_machine(const struct node *node, uint32_t group)
{
    return group_replica(group_at(node, group))->machine;
}

const struct raft *node_raft(const struct node *node)
{
    return node_group_raft(node, 0);
}

const void *node_machine(const struct node *node)
{
    return node_group_machine(node, 0);
}

uint64_t node_applied_index(const struct node *node)
{
    return node_group_applied_index(node, 0);
}

uint64_t node_digest(const struct node *node)
{
    return node_group_digest(node, 0);
}

uint64_t node_durable_sequence(const struct node *node)
{
    return node->wal.durable;
}

void node_check(const struct node *node)
{
    for (uint32_t i = 0; i < node->groups.count; i++) {
        const struct replica *replica = group_replica(group_at(node, i));
        replica->ops->check(replica->machine);
    }
}

void node_set_world_metrics(struct node *node, struct slice text)
{
    buffer_clear(&node->world_metrics);
    buffer_append_slice(&node->world_metrics, text);
}
