/* Raft's messages between nodes. What goes out: at once, or once the disk holds what it waits for.
 *
 * Beats (peers/message.c) of one turn go to each peer in one frame, whatever the number of groups:
 * rounds of heartbeats of all groups of a node fall due together (raft_config.heartbeat_us), and
 * arrive together, so that their replies leave together. Nothing waits for that: the frame leaves
 * with the turn. It goes behind the turn's other frames, and so a beat may be overtaken by entries
 * of its own group, which Raft allows for. Frames and beats keep nothing in mind from one to the
 * next: any of them may be lost, or come twice. */
#include "base/assert.h"
#include "node/peers/message.h"
#include "node/peers/send.h"
#include "node/turn/trace.h"

/* `gated`: sequence u64, to u32, then a whole frame; sequences never fall. */
enum { GATED_HEADER_SIZE = 16 };

static struct link *link_to(struct peers *peers, uint32_t to)
{
    struct peer *peer = peer_find(peers, to);
    return peer == NULL ? NULL : peer_link(peers, peer, PEER_CHANNEL_LOG);
}

static void frame_send(struct peers *peers, uint32_t to, struct slice frame)
{
    struct link *link = link_to(peers, to);
    if (link == NULL) {
        peers->counters.dropped_bytes += frame.size;
        return;
    }
    buffer_append_slice(&link->connection.out, frame);
    connection_dirty(peers->connections, &link->connection);
}

void peers_send_raft(struct peers *peers, uint16_t group, const struct raft *raft,
                     const struct raft_message *message)
{
    trace_message(peers->turn, "sends", group, message);
    if (message->gate > peers->wal->durable) {
        buffer_put_u64(&peers->gated, message->gate);
        buffer_put_u32(&peers->gated, message->to);
        size_t size_at = peers->gated.size;
        buffer_put_u32(&peers->gated, 0);
        size_t begun = peer_frame_begin(&peers->gated, PEER_RAFT, group);
        peer_message_encode(raft, message, &peers->gated);
        peer_frame_end(&peers->gated, begun);
        store_u32(peers->gated.data + peers->gated.head + size_at,
                  (uint32_t)(peers->gated.size - begun));
        return;
    }
    struct link *link = link_to(peers, message->to);
    if (link == NULL) return;
    if (peer_beat_is(message)) {
        peer_beat_encode(group, message, &link->beats);
        peers->counters.beats++;
        return;
    }
    size_t begun = peer_frame_begin(&link->connection.out, PEER_RAFT, group);
    peer_message_encode(raft, message, &link->connection.out);
    peer_frame_end(&link->connection.out, begun);
    connection_dirty(peers->connections, &link->connection);
}

void peers_send_beats(struct peers *peers)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        struct link *link = peers->all[i].links[PEER_CHANNEL_LOG];
        if (link == NULL || link->beats.size == 0) continue;
        struct buffer *out = &link->connection.out;
        size_t begun = peer_frame_begin(out, PEER_BEATS, PEER_GROUP_NODE);
        buffer_append_slice(out, buffer_slice(&link->beats));
        peer_frame_end(out, begun);
        connection_dirty(peers->connections, &link->connection);
        buffer_clear(&link->beats);
        peers->counters.beat_frames++;
    }
}

void peers_durable(struct peers *peers)
{
    while (peers->gated.size > 0) {
        struct slice all = buffer_slice(&peers->gated);
        if (load_u64(all.data) > peers->wal->durable) return;
        uint32_t size = load_u32(all.data + 12);
        frame_send(peers, load_u32(all.data + 8), slice_of(all.data + GATED_HEADER_SIZE, size));
        buffer_consume(&peers->gated, GATED_HEADER_SIZE + size);
    }
}

bool peers_raft_read(struct peers *peers, const struct link *link, const struct peer_frame *frame,
                     struct raft_message *message)
{
    static struct raft_entry entries[RAFT_MESSAGE_ENTRIES_MAX];
    if (!peer_message_decode(frame->content, message, entries)) return false;
    if (message->from != link->peer->id || message->to != peers->config->self) return false;
    trace_message(peers->turn, "hears", frame->group, message);
    return true;
}

bool peers_beat_read(struct peers *peers, const struct link *link, struct reader *content,
                     uint16_t *group, struct raft_message *message)
{
    if (!peer_beat_decode(content, group, message)) return false;
    message->from = link->peer->id;
    message->to = peers->config->self;
    return true;
}
