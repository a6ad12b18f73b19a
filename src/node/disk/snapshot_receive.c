/* Snapshots in: a follower too far behind takes the leader's state, streams it to its own disk and
 * into a fresh replica at once, and swaps the two when the file is durable. Clients connected here
 * are closed then: effects meant for them were skipped. */
#include <string.h>

#include "base/assert.h"
#include "node/node_internal.h"

static void taken_tell(struct node *node, struct link *link)
{
    struct snapshots *s = &node->snapshots;
    struct buffer *out = &link->connection.out;
    size_t begun = peer_frame_begin(out, PEER_SNAPSHOT_TAKEN, 0);
    buffer_put_u64(out, s->incoming_number);
    buffer_put_u64(out, s->incoming_offset);
    peer_frame_end(out, begun);
    connection_dirty(&node->connections, &link->connection);
}

void snapshot_replica_leave(struct node *node, struct replica *replica)
{
    replica->next_leaving = node->leaving;
    node->leaving = replica;
}

static void replicas_free_some(struct node *node)
{
    for (unsigned i = 0; i < NODE_LEAVING_SLICES && node->leaving != NULL; i++) {
        struct replica *next = node->leaving->next_leaving;
        if (replica_destroy_some(node->leaving)) node->leaving = next;
    }
    if (node->leaving != NULL) turn_wake(&node->turn, node->turn.now.mono_us);
}

void snapshot_incoming_abort(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (s->incoming == NULL) return;
    snapshot_replica_leave(node, s->incoming);
    s->incoming = NULL;
    s->incoming_busy = false;
    s->incoming_committing =
        false; /* no answer comes to an aborted commit: the next must be taken */
    buffer_free(&s->incoming_file);
    turn_act(&node->turn, ACTION_SNAPSHOT_ABORT);
    trace_begin(&node->turn, "snapshot-refused");
    trace_number(&node->turn, "index", s->incoming_index);
    trace_end(&node->turn);
}

static bool incoming_begin(struct node *node, struct link *link, struct reader *content)
{
    struct snapshots *s = &node->snapshots;
    uint64_t term = read_u64(content);
    uint64_t number = read_u64(content);
    struct slice bytes = read_bytes(content);
    struct snapshot_header header;
    struct snapshot_fault fault;
    if (!reader_done(content)) return false;
    if (node->raft == NULL || term != raft_term(node->raft)) return true;
    if (link->peer->id != raft_leader(node->raft) || s->incoming_committing) return true;
    if (!snapshot_header_decode(node, bytes, &header, &fault)) return false;
    if (header.cluster != node->cluster || header.index <= node->replica->index) return true;
    snapshot_incoming_abort(node);
    snapshots_abort(node); /* one temporary file: the one that helps us wins */
    s->incoming =
        replica_create(node->config.machine, node->config.machine_options, node_emit, node);
    s->incoming_link = link->connection.id;
    s->incoming_number = number;
    s->incoming_offset = 0;
    s->incoming_index = header.index;
    s->incoming_term = header.term;
    s->incoming_elapsed = header.elapsed_us;
    s->incoming_wall = header.wall_us;
    s->incoming_digest = header.digest;
    s->incoming_members = header.members;
    s->incoming_chunks = 1;
    s->incoming_complete = false;
    s->incoming_busy = false;
    buffer_clear(&s->incoming_file);
    snapshot_chunk_append(&s->incoming_file, bytes);
    trace_begin(&node->turn, "snapshot-arriving");
    trace_number(&node->turn, "index", header.index);
    trace_number(&node->turn, "from", link->peer->id);
    trace_end(&node->turn);
    return true;
}

static bool incoming_data(struct node *node, struct link *link, struct reader *content)
{
    struct snapshots *s = &node->snapshots;
    uint64_t number = read_u64(content);
    uint64_t offset = read_u64(content);
    struct slice bytes = read_bytes(content);
    if (!reader_done(content)) return false;
    if (s->incoming == NULL || s->incoming_link != link->connection.id) return true;
    if (number != s->incoming_number || s->incoming_complete) return true;
    if (offset != s->incoming_offset || !replica_restore(s->incoming, bytes)) {
        snapshot_incoming_abort(node);
        return false;
    }
    s->incoming_offset += bytes.size;
    snapshot_chunk_append(&s->incoming_file, bytes);
    s->incoming_chunks++;
    return true;
}

static bool incoming_end(struct node *node, struct link *link, struct reader *content)
{
    struct snapshots *s = &node->snapshots;
    uint64_t number = read_u64(content);
    uint64_t offset = read_u64(content);
    if (!reader_done(content)) return false;
    if (s->incoming == NULL || s->incoming_link != link->connection.id) return true;
    if (number != s->incoming_number || s->incoming_complete) return true;
    bool good = offset == s->incoming_offset && replica_restore_end(s->incoming);
    struct replica *replica = s->incoming;
    replica->index = s->incoming_index;
    replica->term = s->incoming_term;
    replica->elapsed_us = s->incoming_elapsed;
    replica->wall_us = s->incoming_wall;
    if (!good || replica_digest(replica) != s->incoming_digest) {
        snapshot_incoming_abort(node);
        return false;
    }
    s->incoming_complete = true;
    snapshot_end_append(&s->incoming_file, s->incoming_chunks);
    return true;
}

bool snapshot_incoming_frame(struct node *node, struct link *link, const struct peer_frame *frame)
{
    struct reader content = reader_of(frame->content);
    if (link->dialed || link->channel != PEER_CHANNEL_SNAPSHOT) return false;
    switch (frame->type) {
    case PEER_SNAPSHOT_BEGIN: return incoming_begin(node, link, &content);
    case PEER_SNAPSHOT_DATA: return incoming_data(node, link, &content);
    default: return incoming_end(node, link, &content);
    }
}

void snapshot_incoming_turn(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    replicas_free_some(node);
    if (s->incoming == NULL || s->incoming_busy || s->incoming_committing) return;
    if (s->incoming_file.size > 0) {
        turn_act(&node->turn, ACTION_SNAPSHOT_WRITE)->bytes = buffer_slice(&s->incoming_file);
        s->incoming_written = s->incoming_file.size;
        s->incoming_busy = true;
        return;
    }
    if (!s->incoming_complete) return;
    s->incoming_committing = true;
    turn_act(&node->turn, ACTION_SNAPSHOT_COMMIT)->sequence = s->incoming_index;
}

/* What was written leaves the buffer, and the leader may send as much again. */
void snapshot_incoming_written(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (!s->incoming_busy) return;
    s->incoming_busy = false;
    buffer_consume(&s->incoming_file, s->incoming_written);
    struct connection *connection = connection_find(&node->connections, s->incoming_link);
    if (connection != NULL) taken_tell(node, (struct link *)connection);
}

void snapshot_incoming_durable(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (!s->incoming_committing) return;
    s->incoming_committing = false;
    struct replica *incoming = s->incoming;
    s->incoming = NULL;
    buffer_free(&s->incoming_file);
    s->disk_index = s->incoming_index;
    s->disk_bytes = s->incoming_offset;
    if (!raft_install_snapshot(node->raft, node->turn.now, s->incoming_index, s->incoming_term,
                               s->incoming_elapsed, s->incoming_wall, &s->incoming_members)) {
        snapshot_replica_leave(node, incoming); /* the log has got there meanwhile */
        return;
    }
    if (raft_last_index(node->raft) == s->incoming_index) {
        wal_put_reset(&node->wal, s->incoming_index, s->incoming_term);
    }
    snapshot_replica_leave(node, node->replica);
    node->replica = incoming;
    node->counters.snapshots_installed++;
    turn_act(&node->turn, ACTION_TRIM)->segment = wal_trim(&node->wal, s->disk_index);
    clients_close_all(node);
    proposals_applied(node);
    trace_begin(&node->turn, "snapshot-installed");
    trace_number(&node->turn, "index", s->incoming_index);
    trace_end(&node->turn);
}
