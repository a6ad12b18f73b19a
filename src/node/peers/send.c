/* Raft's messages between nodes. What goes out: at once, or once the disk holds what it waits for.
 *
 * Beats (peers/message.c) of one turn go to each peer in one frame, whatever the number of groups:
 * rounds of heartbeats of all groups of a node fall due together (raft_config.heartbeat_us), and
 * arrive together, so that their replies leave together. Nothing waits for that: the frame leaves
 * with the turn. It goes behind the turn's other frames, and so a beat may be overtaken by entries
 * of its own group, which Raft allows for. Frames and beats keep nothing in mind from one to the
 * next: any of them may be lost, or come twice.
 *
 * So far a node has one group. */
#include "base/assert.h"
#include "node/node_internal.h"

/* `gated`: sequence u64, to u32, then a whole frame; sequences never fall. */
enum { GATED_HEADER_SIZE = 16 };

static struct link *link_to(struct node *node, uint32_t to)
{
    struct peer *peer = peer_find(node, to);
    return peer == NULL ? NULL : peer_link(node, peer, PEER_CHANNEL_LOG);
}

static void frame_send(struct node *node, uint32_t to, struct slice frame)
{
    struct link *link = link_to(node, to);
    if (link == NULL) {
        node->counters.peer_dropped_bytes += frame.size;
        return;
    }
    buffer_append_slice(&link->connection.out, frame);
    connection_dirty(&node->connections, &link->connection);
}

void peers_send_raft(struct node *node, const struct raft_message *message)
{
    trace_message(&node->turn, "sends", message);
    if (message->gate > node->wal.durable) {
        buffer_put_u64(&node->gated, message->gate);
        buffer_put_u32(&node->gated, message->to);
        size_t size_at = node->gated.size;
        buffer_put_u32(&node->gated, 0);
        size_t begun = peer_frame_begin(&node->gated, PEER_RAFT, 0);
        peer_message_encode(node->raft, message, &node->gated);
        peer_frame_end(&node->gated, begun);
        store_u32(node->gated.data + node->gated.head + size_at,
                  (uint32_t)(node->gated.size - begun));
        return;
    }
    struct link *link = link_to(node, message->to);
    if (link == NULL) return;
    if (peer_beat_is(message)) {
        peer_beat_encode(0, message, &link->beats);
        node->counters.peer_beats++;
        return;
    }
    size_t begun = peer_frame_begin(&link->connection.out, PEER_RAFT, 0);
    peer_message_encode(node->raft, message, &link->connection.out);
    peer_frame_end(&link->connection.out, begun);
    connection_dirty(&node->connections, &link->connection);
}

void peers_send_beats(struct node *node)
{
    for (uint32_t i = 0; i < node->peers_count; i++) {
        struct link *link = node->peers[i].links[PEER_CHANNEL_LOG];
        if (link == NULL || link->beats.size == 0) continue;
        struct buffer *out = &link->connection.out;
        size_t begun = peer_frame_begin(out, PEER_BEATS, PEER_GROUP_NODE);
        buffer_append_slice(out, buffer_slice(&link->beats));
        peer_frame_end(out, begun);
        connection_dirty(&node->connections, &link->connection);
        buffer_clear(&link->beats);
        node->counters.peer_beat_frames++;
    }
}

void peers_durable(struct node *node)
{
    while (node->gated.size > 0) {
        struct slice all = buffer_slice(&node->gated);
        if (load_u64(all.data) > node->wal.durable) return;
        uint32_t size = load_u32(all.data + 12);
        frame_send(node, load_u32(all.data + 8), slice_of(all.data + GATED_HEADER_SIZE, size));
        buffer_consume(&node->gated, GATED_HEADER_SIZE + size);
    }
}

bool peers_raft_received(struct node *node, struct link *link, struct slice content)
{
    static struct raft_entry entries[RAFT_MESSAGE_ENTRIES_MAX];
    struct raft_message message;
    if (node->raft == NULL) return true;
    if (!peer_message_decode(content, &message, entries)) return false;
    if (message.from != link->peer->id || message.to != node->config.self) return false;
    trace_message(&node->turn, "hears", &message);
    raft_receive(node->raft, node->turn.now, &message);
    return true;
}

bool peers_beats_received(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    while (reader.bytes.size > 0) {
        struct raft_message message;
        uint16_t group;
        if (!peer_beat_decode(&reader, &group, &message) || group >= NODE_GROUPS) return false;
        message.from = link->peer->id;
        message.to = node->config.self;
        if (node->raft == NULL) continue;
        trace_message(&node->turn, "hears", &message);
        raft_receive(node->raft, node->turn.now, &message);
    }
    return true;
}
