/* The life of a node: events in, turns out. See node.h for the contract. */
#include "node/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node_internal.h"
#include "node/text.h"

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

struct node *node_create(const struct node_config *config)
{
    ASSERT(config->self != 0 && config->peers_count <= NODE_PEERS_MAX);
    ASSERT(config->segment_bytes >= NODE_SEGMENT_BYTES_MIN);
    struct node *node = calloc(1, sizeof *node);
    ASSERT(node != NULL);
    node->config = *config;
    peers_sort(&node->config);
    node->random = random_seeded(config->seed);
    node->turn.trace_messages = config->trace_messages;
    connections_init(&node->connections, &node->turn);
    list_init(&node->pump);
    list_init(&node->reads);
    list_init(&node->clients);
    list_init(&node->admins);
    wal_init(&node->wal, config->segment_bytes);
    proposals_init(node);
    node->peers.config = &node->config;
    node->peers.turn = &node->turn;
    node->peers.connections = &node->connections;
    node->peers.wal = &node->wal;
    node->peers.random = &node->random;
    peers_init(&node->peers);
    node->replica = replica_create(config->machine, config->machine_options, node_emit, node);
    node->told.trusted = true;
    return node;
}

static void connection_free(struct node *node, struct connection *connection)
{
    switch (connection->listener) {
    case NODE_CLIENT: client_free(node, (struct client *)connection); break;
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
    proposals_free(node);
    if (node->raft != NULL) raft_destroy(node->raft);
    replica_destroy(node->replica);
    replica_destroy(node->snapshots.incoming);
    while (node->leaving != NULL) {
        struct replica *next = node->leaving->next_leaving;
        replica_destroy(node->leaving);
        node->leaving = next;
    }
    wal_free(&node->wal);
    buffer_free(&node->snapshots.file);
    buffer_free(&node->snapshots.slice);
    buffer_free(&node->snapshots.incoming_file);
    peers_free(&node->peers);
    buffer_free(&node->set_aside);
    buffer_free(&node->tail);
    buffer_free(&node->world_metrics);
    buffer_free(&node->scratch);
    turn_free(&node->turn);
    free(node);
}

bool node_leading(const struct node *node)
{
    return node->raft != NULL && raft_role(node->raft) == RAFT_LEADER;
}

void node_die(struct node *node, const char *words, const char *detail)
{
    struct text text = text_in(node->fatal_space, sizeof node->fatal_space);
    text_add(&text, words);
    text_add(&text, detail);
    node->fatal = node->fatal_space;
}

void node_open_raft(struct node *node, const struct raft_restored *restored)
{
    struct raft_config config = {
        .self = node->config.self,
        .election_timeout_us = node->config.election_timeout_us,
        .heartbeat_us = node->config.heartbeat_us,
        .append_bytes_max = node->config.append_bytes_max,
        .inflight_messages_max = 64,
        .uncommitted_bytes_max = 64 << 20,
        .clock_drift_permille = node->config.clock_drift_permille,
        .seed = random_next(&node->random),
    };
    node->raft = raft_create(&config, restored);
}

void node_emit(void *world, const struct session_key *session, const void *payload)
{
    struct node *node = world;
    if (session->node != node->config.self) return;
    /* Another one's were clients of an earlier life. */
    if (session->incarnation != node->wal.meta.incarnation) return;
    struct connection *connection = connection_find(&node->connections, session->connection);
    if (connection == NULL) return;
    if (connection->listener == NODE_CLIENT) {
        client_reply(node, (struct client *)connection, payload);
    } else if (connection->listener == NODE_ADMIN) {
        admin_reply(node, (struct admin *)connection, payload);
    }
}

/* --- events --- */

/* What the last turn handed out has been carried out: its buffers are ours again. */
static void node_begin(struct node *node)
{
    bool wrote = node->turn.actions_count > 0;
    if (!turn_begin(&node->turn)) return;
    connections_begin(&node->connections);
    if (wrote) wal_flushed(&node->wal);
    if (node->tail.size > 0) buffer_free(&node->tail);
}

static void event_opened(struct node *node, const struct event *event)
{
    switch (event->listener) {
    case NODE_CLIENT: client_opened(node, event->connection); break;
    case NODE_PEER: route_link_opened(node, event->connection); break;
    case NODE_ADMIN: admin_opened(node, event->connection); break;
    }
}

static void event_received(struct node *node, struct connection *connection, struct slice bytes)
{
    switch (connection->listener) {
    case NODE_CLIENT: client_received(node, (struct client *)connection, bytes); break;
    case NODE_PEER: route_link_received(node, (struct link *)connection, bytes); break;
    case NODE_ADMIN: admin_received(node, (struct admin *)connection, bytes); break;
    }
}

static void event_closed(struct node *node, struct connection *connection)
{
    switch (connection->listener) {
    case NODE_CLIENT: client_closed(node, (struct client *)connection); break;
    case NODE_PEER: route_link_closed(node, (struct link *)connection); break;
    case NODE_ADMIN: admin_closed(node, (struct admin *)connection); break;
    }
}

static void event_sent(struct node *node, struct connection *connection, uint64_t count)
{
    connection->unsent -= count < connection->unsent ? count : connection->unsent;
    if (connection->listener == NODE_CLIENT) client_sent(node, (struct client *)connection);
    if (connection->listener == NODE_PEER) link_sent(&node->peers, (struct link *)connection);
}

/* Only clients may fall silent and still listen. */
static void event_ended(struct node *node, struct connection *connection)
{
    if (connection->listener == NODE_CLIENT) {
        client_ended(node, (struct client *)connection);
    } else {
        connection_close(&node->connections, connection);
    }
}

static void event_durable(struct node *node, uint64_t sequence)
{
    bool was_ready = wal_ready(&node->wal);
    if (sequence > node->wal.durable) node->wal.durable = sequence;
    node->unsynced_us = node->turn.now.mono_us;
    if (node->raft != NULL) raft_durable(node->raft, node->turn.now, sequence);
    peers_durable(&node->peers);
    founding_durable(node);
    if (!was_ready && wal_ready(&node->wal)) {
        start_set_aside(node);
        route_links_ready(node);
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
    if (node->disk_full == full) return;
    node->disk_full = full;
    trace_begin(&node->turn, full ? "disk-full" : "disk-ok");
    trace_end(&node->turn);
}

void node_step(struct node *node, const struct event *event)
{
    node_begin(node);
    node->turn.now = event->now;
    if (node->fatal != NULL || node->stopped) return;
    switch (event->type) {
    case EVENT_START: node_start(node, event->start); break;
    case EVENT_OPENED: event_opened(node, event); break;
    case EVENT_CONNECT_FAILED:
    case EVENT_RECEIVED:
    case EVENT_SENT:
    case EVENT_ENDED:
    case EVENT_CLOSED: node_connection_event(node, event); break;
    case EVENT_DURABLE: event_durable(node, event->count); break;
    case EVENT_SNAPSHOT_WRITTEN: snapshots_written(node); break;
    case EVENT_SNAPSHOT_DURABLE: snapshots_durable(node); break;
    case EVENT_SNAPSHOT_FAILED: snapshots_failed(node); break;
    case EVENT_DISK_FULL:
    case EVENT_DISK_OK: node_disk_full(node, event->type == EVENT_DISK_FULL); break;
    case EVENT_DRAIN:
        node->draining = true;
        node->drain_until_us = event->now.mono_us + NODE_DRAIN_US;
        break;
    }
}

/* --- turns --- */

static void apply_committed(struct node *node)
{
    if (node->raft == NULL) return;
    uint64_t commit = raft_commit_index(node->raft);
    size_t bytes = 0;
    bool any = node->replica->index < commit;
    while (node->replica->index < commit && bytes < NODE_APPLY_BYTES_MAX) {
        const struct raft_entry *entry = raft_entry_at(node->raft, node->replica->index + 1);
        ASSERT(entry != NULL);
        if (replica_apply(node->replica, entry) == REPLICA_UNKNOWN_KIND) {
            node_die(node, "the log holds an entry of a kind that this version does not know; ",
                     "use a newer quartet");
            return;
        }
        bytes += entry->data.size + 64;
        node->counters.entries_applied++;
    }
    if (any) node->applied_us = node->turn.now.mono_us;
    if (any) proposals_applied(node);
    if (node->replica->index < commit) turn_wake(&node->turn, node->turn.now.mono_us);
}

/* Log time moves with entries; where none comes by itself and something is due, a tick does. */
static void tick_turn(struct node *node)
{
    if (!node_leading(node) || !raft_settled(node->raft)) return;
    if (raft_last_index(node->raft) > node->replica->index) return; /* an entry carries the time */
    struct machine_deadline due = node->replica->ops->deadline(node->replica->machine);
    if (due.elapsed_us == UINT64_MAX && due.wall_us == UINT64_MAX) return;
    uint64_t elapsed = 0;
    uint64_t wall = 0;
    raft_log_time(node->raft, node->turn.now, &elapsed, &wall);
    uint64_t wait = UINT64_MAX;
    if (due.elapsed_us != UINT64_MAX)
        wait = due.elapsed_us > elapsed ? due.elapsed_us - elapsed : 0;
    if (due.wall_us != UINT64_MAX) {
        uint64_t other = due.wall_us > wall ? due.wall_us - wall : 0;
        if (other < wait) wait = other;
    }
    uint64_t at = node->turn.now.mono_us + wait;
    if (at < node->turn.now.mono_us) at = UINT64_MAX;
    uint64_t spaced = node->ticked_us + node->config.tick_interval_us;
    if (at < spaced && due.elapsed_us != 0) at = spaced;
    if (node->turn.now.mono_us < at) {
        turn_wake(&node->turn, at);
        return;
    }
    uint64_t index = 0;
    node->ticked_us = node->turn.now.mono_us;
    (void)raft_propose(node->raft, node->turn.now, KIND_TICK, 1, slice_of(NULL, 0), &index);
}

static void expire_propose(struct node *node, const struct origin *origin)
{
    uint8_t data[12];
    uint64_t index = 0;
    store_u32(data, origin->node);
    store_u64(data + 4, origin->incarnation);
    (void)raft_propose(node->raft, node->turn.now, KIND_EXPIRE, 1, slice_of(data, sizeof data),
                       &index);
}

/* The leader ends the sessions of nodes it has not heard of for a lease of log time, and of those
 * that were removed: what their clients held goes to others. */
static void lease_turn(struct node *node)
{
    if (!node_leading(node) || !raft_settled(node->raft)) return;
    uint64_t elapsed = 0;
    uint64_t wall = 0;
    raft_log_time(node->raft, node->turn.now, &elapsed, &wall);
    if (node->elected_term != raft_term(node->raft)) {
        node->elected_term = raft_term(node->raft);
        node->elected_elapsed_us = elapsed;
    }
    if (raft_last_index(node->raft) > node->replica->index) return; /* one at a time */
    for (uint32_t i = 0; i < node->replica->origins_count; i++) {
        const struct origin *origin = &node->replica->origins[i];
        if (origin->node == node->config.self || origin->ended || !origin->active) continue;
        uint64_t heard = origin->heard_us;
        if (heard < node->elected_elapsed_us) heard = node->elected_elapsed_us;
        uint64_t until = heard + node->config.session_lease_us;
        bool gone = membership_find(node, origin->node) == NULL;
        if (elapsed >= until || gone) {
            expire_propose(node, origin);
            return;
        }
        turn_wake(&node->turn, node->turn.now.mono_us + (until - elapsed));
    }
}

static bool clients_wait_here(const struct node *node)
{
    return !list_empty(&node->proposals.sent) || !list_empty(&node->reads) ||
           node->clients_awaiting > 0;
}

/* A full disk whose reserve is used up takes nothing any more. Who leads on such a one hands over
 * to others, and does not campaign; it stays, and says so. */
static void stuck_turn(struct node *node)
{
    if (node->raft == NULL) return;
    bool waits = node->disk_full && node->wal.durable < node->wal.sequence;
    uint64_t until_us = node->unsynced_us + node->config.election_timeout_us;
    bool stuck = waits && node->turn.now.mono_us >= until_us;
    if (waits && !stuck) turn_wake(&node->turn, until_us);
    if (stuck == node->disk_stuck) return;
    node->disk_stuck = stuck;
    trace_begin(&node->turn, stuck ? "disk-stuck" : "disk-moves");
    trace_end(&node->turn);
    raft_set_mute(node->raft, node->turn.now, stuck);
}

/* Raft's output becomes records and frames. */
static void raft_turn(struct node *node)
{
    if (node->raft == NULL) return;
    reads_turn(node);
    raft_set_waiting(node->raft, clients_wait_here(node));
    struct raft_output output;
    raft_take_output(node->raft, node->wal.sequence + 1, &output);
    if (output.hard_state) {
        struct wal_hard_state state = {output.term, output.vote, output.trusted};
        wal_put_hard_state(&node->wal, &state);
    }
    for (uint64_t i = output.persist_first; i != 0 && i <= output.persist_last; i++) {
        wal_put_entry(&node->wal, raft_entry_at(node->raft, i));
    }
    for (uint32_t i = 0; i < output.messages_count; i++) {
        peers_send_raft(&node->peers, node->raft, &output.messages[i]);
    }
    peers_send_beats(&node->peers);
    turn_wake(&node->turn, raft_deadline_us(node->raft));
    reads_answer(node, output.reads_confirmed, output.reads_index);
}

static void drain_turn(struct node *node)
{
    if (!node->draining || node->stop_written) return;
    clients_drain(node);
    bool quiet = node->clients_count == 0 && proposals_idle(node);
    if (node->clients_count == 0 && !node->drain_served) {
        /* Nobody waits for an answer: what is left says that their sessions ended, and so will the
         * first entry of this node's next life. The others may be gone, if all stop together. */
        node->drain_served = true;
        uint64_t until_us = node->turn.now.mono_us + NODE_DRAIN_SESSIONS_US;
        if (until_us < node->drain_until_us) node->drain_until_us = until_us;
    }
    if (!quiet && node->turn.now.mono_us < node->drain_until_us) {
        turn_wake(&node->turn, node->drain_until_us);
        return;
    }
    node->stop_written = true;
    wal_put_stopped(&node->wal);
    node->stop_sequence = node->wal.sequence + 1;
}

/* The batch of this turn; or, after a quiet while, one that tells what is durable. */
static void wal_turn(struct node *node)
{
    struct wal *wal = &node->wal;
    bool due = wal_has_records(wal);
    bool behind = wal->watermark < wal->sequence && wal->durable == wal->sequence;
    if (!due && behind && !node->stop_written && !wal->watermark_written) {
        uint64_t at = node->last_write_us + NODE_WATERMARK_US;
        if (node->turn.now.mono_us < at) {
            turn_wake(&node->turn, at);
        } else {
            due = true;
        }
    }
    if (!due) return;
    if (wal->durable == wal->sequence) node->unsynced_us = node->turn.now.mono_us;
    wal->watermark_written = !wal_has_records(wal);
    struct action write;
    wal_flush(wal, &write);
    *turn_act(&node->turn, ACTION_WRITE) = write;
    node->last_write_us = node->turn.now.mono_us;
    node->counters.batches++;
    node->counters.batch_bytes += write.bytes.size;
}

static void turn_work(struct node *node)
{
    if (node->raft != NULL && node->turn.now.mono_us >= raft_deadline_us(node->raft)) {
        raft_tick(node->raft, node->turn.now);
    }
    apply_committed(node);
    if (node->fatal != NULL) return;
    clients_pump(node);
    if (!list_empty(&node->admins)) admin_turn(node);
    proposals_turn(node);
    lease_turn(node);
    tick_turn(node);
    snapshots_turn(node);
    peers_turn(&node->peers, node->draining);
    route_lost(node);
    route_clocks(node);
    drain_turn(node);
    stuck_turn(node);
    raft_turn(node);
    reads_refuse(node);
    members_turn(node); /* their answers go out before links to those who went are closed */
    membership_turn(node);
    wal_turn(node);
    if (!list_empty(&node->pump))
        turn_wake(&node->turn, node->turn.now.mono_us); /* refused: go on decoding */
}

void node_turn(struct node *node, struct raft_time now, struct actions *actions)
{
    node_begin(node);
    node->turn.live = true;
    node->turn.now = now;
    node->turn.deadline_us = UINT64_MAX;
    node->counters.turns++;
    if (node->started && node->fatal == NULL && !node->stopped) {
        turn_work(node);
        trace_raft_changes(&node->turn, node->raft, &node->told);
        if (node->turn.trace.size > 0) admin_trace(node, buffer_slice(&node->turn.trace));
        connections_send(&node->connections);
        node->stopped = node->stop_written && node->wal.durable >= node->stop_sequence;
    }
    *actions = (struct actions){
        .count = node->fatal != NULL ? 0 : node->turn.actions_count,
        .items = node->turn.actions,
        .deadline_us = node->turn.deadline_us,
        .stopped = node->stopped,
        .fatal = node->fatal,
        .trace = buffer_slice(&node->turn.trace),
    };
}

/* --- for worlds that look inside --- */

const struct raft *node_raft(const struct node *node)
{
    return node->raft;
}

const void *node_machine(const struct node *node)
{
    return node->replica->machine;
}

uint64_t node_applied_index(const struct node *node)
{
    return node->replica->index;
}

uint64_t node_digest(const struct node *node)
{
    return replica_digest(node->replica);
}

uint64_t node_durable_sequence(const struct node *node)
{
    return node->wal.durable;
}

void node_check(const struct node *node)
{
    node->replica->ops->check(node->replica->machine);
}

void node_set_world_metrics(struct node *node, struct slice text)
{
    buffer_clear(&node->world_metrics);
    buffer_append_slice(&node->world_metrics, text);
}
