/* Frames off a link: those of a meeting are dealt with here, the others are for the hub. See
 * peers.h. */
#include "node/peers/links.h"

static bool frame_state(struct link *link, const struct peer_frame *frame)
{
    struct reader reader = reader_of(frame->content);
    uint64_t cluster = read_u64(&reader);
    uint8_t membership = read_u8(&reader);
    if (!reader_done(&reader) || membership > WAL_MEMBER) return false;
    peer_heard(link->peer, cluster, membership);
    return true;
}

void link_bad(struct peers *peers, struct link *link)
{
    peers->counters.bad_frames++;
    connection_close(peers->connections, &link->connection);
}

/* True when the hub has to know. */
static bool link_frame(struct peers *peers, struct link *link, struct peers_event *event)
{
    const struct peer_frame *frame = &event->frame;
    struct reader content = reader_of(frame->content);
    if (peer_frame_of_log(frame->type) == (frame->group == PEER_GROUP_NODE)) {
        link_bad(peers, link);
        return false;
    }
    if (link->state == LINK_OPEN) {
        if (frame->type == PEER_PING) {
            if (!link_pinged(peers, link, frame->content)) link_bad(peers, link);
            return false;
        }
        event->type = frame->type == PEER_STATE ? PEERS_STATE : PEERS_FRAME;
        if (frame->type != PEER_STATE || frame_state(link, frame)) return true;
        link_bad(peers, link);
        return false;
    }
    if (link->dialed && frame->type == PEER_WELCOME) {
        return link_welcome(peers, link, &content, event);
    }
    if (link->state == LINK_PROVING && frame->type == PEER_PROOF) {
        return link_proof(peers, link, &content, event);
    }
    if (link->dialed && frame->type == PEER_REFUSED) {
        link_refused(peers, link, &content);
    } else if (!link->dialed && link->state == LINK_MEETING && frame->type == PEER_HELLO) {
        link_hello(peers, link, &content);
    } else {
        link_bad(peers, link);
    }
    return false;
}

bool link_next(struct peers *peers, struct link *link, struct slice *rest,
               struct peers_event *event)
{
    link->heard_us = peers->turn->now.mono_us;
    if (link->peer != NULL && link->state == LINK_OPEN) link->peer->heard_us = link->heard_us;
    while (!link->connection.closing && rest->size > 0) {
        size_t consumed = 0;
        enum peer_result result = peer_frame_decode(*rest, &consumed, &event->frame);
        if (result == PEER_PARTIAL) return false;
        if (result == PEER_BAD) {
            link_bad(peers, link);
            return false;
        }
        *rest = slice_of(rest->data + consumed, rest->size - consumed);
        if (link_frame(peers, link, event)) return true;
    }
    return false;
}

void link_keep(struct link *link, struct slice rest)
{
    buffer_append_slice(&link->input, rest);
}

void link_used(struct link *link, size_t used)
{
    buffer_consume(&link->input, used);
    if (link->input.size == 0 && link->input.capacity > (64 << 10)) buffer_free(&link->input);
}

void link_limit(struct peers *peers, struct link *link)
{
    if (link->state == LINK_OPEN || link->input.size <= NODE_MEETING_BYTES_MAX) return;
    link_bad(peers, link);
}
