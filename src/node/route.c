/* From room to room: what peers say goes to whom it is for. */
#include "node/node_internal.h"

/* Beyond what the rooms know of themselves: who this node is to others. */
static void own_refresh(struct node *node)
{
    node->peers.own = (struct peers_own){
        .cluster = node->cluster,
        .membership = node->membership,
        .listening = node->raft != NULL,
        .members_index = node->raft == NULL ? 0 : raft_members_index(node->raft),
        .members_committed = node->raft != NULL && membership_in_force_committed(node),
        .address = membership_address(node),
    };
}

void route_tell_state(struct node *node)
{
    own_refresh(node);
    peers_tell_state(&node->peers);
}

static bool heard_raft(struct node *node, struct link *link, struct slice content)
{
    struct raft_message message;
    if (node->raft == NULL) return true;
    if (!peers_raft_read(&node->peers, link, content, &message)) return false;
    raft_receive(node->raft, node->turn.now, &message);
    return true;
}

static bool heard_beats(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    while (reader.bytes.size > 0) {
        struct raft_message message;
        uint16_t group;
        if (!peers_beat_read(&node->peers, link, &reader, &group, &message)) return false;
        if (group >= NODE_GROUPS) return false;
        if (node->raft == NULL) continue;
        trace_message(&node->turn, "hears", &message);
        raft_receive(node->raft, node->turn.now, &message);
    }
    return true;
}

static void heard_found(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    uint64_t cluster = read_u64(&reader);
    if (reader.bad || cluster == 0) return;
    founding_found(node, link->peer, cluster, reader.bytes);
}

static void heard_taken(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    uint64_t number = read_u64(&reader);
    uint64_t offset = read_u64(&reader);
    if (reader_done(&reader)) snapshots_taken(node, link->peer->id, number, offset);
}

/* Frames of an open link; false ends it. */
static bool heard_frame(struct node *node, struct link *link, const struct peer_frame *frame)
{
    bool votes = node->raft != NULL && raft_trusted(node->raft);
    switch (frame->type) {
    case PEER_RAFT: return heard_raft(node, link, frame->content);
    case PEER_BEATS: return heard_beats(node, link, frame->content);
    case PEER_FORWARD: proposals_forwarded(node, link->peer->id, frame->content); return true;
    case PEER_CLOCK: return clock_asked(&node->peers, link, frame->content, votes);
    case PEER_CLOCK_IS: return clock_answered(&node->peers, link, frame->content);
    case PEER_FOUND: heard_found(node, link, frame->content); return true;
    case PEER_ASK: return members_asked(node, link, frame->content);
    case PEER_ANSWER: return members_answered(node, frame->content);
    case PEER_SNAPSHOT_BEGIN:
    case PEER_SNAPSHOT_DATA:
    case PEER_SNAPSHOT_END: return snapshot_incoming_frame(node, link, frame);
    case PEER_SNAPSHOT_TAKEN: heard_taken(node, link, frame->content); return true;
    default: return false;
    }
}

void route_lost(struct node *node)
{
    uint32_t peer;
    enum peer_channel channel;
    while (peers_take_lost(&node->peers, &peer, &channel)) {
        if (channel == PEER_CHANNEL_SNAPSHOT) {
            snapshots_peer_lost(node, peer);
            continue;
        }
        if (node->raft != NULL) raft_peer_lost(node->raft, peer);
        proposals_link_changed(node, peer);
    }
}

static void link_event(struct node *node, struct link *link, const struct peers_event *event)
{
    switch (event->type) {
    case PEERS_MET:
        if (link->channel == PEER_CHANNEL_LOG) proposals_link_changed(node, link->peer->id);
        founding_consider(node);
        route_tell_state(node);
        break;
    case PEERS_CAME:
        if (link->channel == PEER_CHANNEL_LOG && node->raft != NULL) {
            raft_peer_lost(node->raft, link->peer->id);
        }
        break;
    case PEERS_STATE: founding_consider(node); break;
    case PEERS_FRAME:
        if (!heard_frame(node, link, &event->frame)) link_bad(&node->peers, link);
        break;
    }
}

/* Deals with the whole frames in front of `rest`. */
static void link_work(struct node *node, struct link *link, struct slice *rest)
{
    struct peers_event event;
    if (link->state != LINK_OPEN) own_refresh(node);
    while (link_next(&node->peers, link, rest, &event)) link_event(node, link, &event);
    route_lost(node);
}

static void link_work_kept(struct node *node, struct link *link)
{
    if (link->input.size == 0 || !wal_ready(&node->wal)) return;
    struct slice rest = buffer_slice(&link->input);
    size_t size = rest.size;
    link_work(node, link, &rest);
    link_used(link, size - rest.size);
}

void route_link_opened(struct node *node, uint32_t id)
{
    own_refresh(node);
    link_opened(&node->peers, id);
}

void route_link_received(struct node *node, struct link *link, struct slice bytes)
{
    if (link->connection.closing) return;
    struct slice rest = bytes;
    if (link->input.size == 0 && wal_ready(&node->wal)) link_work(node, link, &rest);
    if (rest.size == 0 || link->connection.closing) return;
    link_keep(link, rest);
    if (rest.size == bytes.size) link_work_kept(node, link);
    link_limit(&node->peers, link);
}

void route_links_ready(struct node *node)
{
    for (struct list *at = node->peers.links.next; at != &node->peers.links; at = at->next) {
        link_work_kept(node, LIST_ITEM(at, struct link, in_links));
    }
}

void route_link_closed(struct node *node, struct link *link)
{
    snapshots_link_lost(node, link);
    link_failed(&node->peers, link);
    route_lost(node);
}

/* --- clocks --- */

enum { HAND_OVER_US = 5000000 }; /* between two tries: each stops proposals for a moment */

/* To whom of those that agree holds most; the leader goes on until it has come to pass. */
static void clock_hand_over(struct node *node, const struct clock_verdict *verdict)
{
    struct clocks *clocks = &node->peers.clocks;
    if (!node_leading(node) || node->turn.now.mono_us < clocks->hand_over_us) return;
    const struct raft_members *members = raft_members(node->raft);
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(node->raft, rows);
    const struct raft_progress *best = NULL;
    for (uint32_t n = 0; n < verdict->agree_count; n++) {
        uint32_t id = verdict->agree[n];
        int place = raft_members_place(members, id);
        if (place < 0 || members->member[place].learner || members->member[place].leaving) continue;
        for (uint32_t i = 0; i < count; i++) {
            if (rows[i].peer != id || !rows[i].trusted || rows[i].snapshot) continue;
            if (best == NULL || rows[i].match > best->match) best = &rows[i];
        }
    }
    if (best == NULL) return;
    if (raft_transfer(node->raft, node->turn.now, best->peer) != RAFT_TRANSFER_OK) return;
    clocks->hand_over_us = node->turn.now.mono_us + HAND_OVER_US;
    trace_begin(&node->turn, "clock-hand-over");
    trace_number(&node->turn, "peer", best->peer);
    trace_end(&node->turn);
}

void route_clocks(struct node *node)
{
    struct clock_verdict verdict;
    if (node->raft == NULL) return;
    clocks_turn(&node->peers, raft_members(node->raft), &verdict);
    if (verdict.changed) {
        raft_set_abstaining(node->raft, node->turn.now, node->peers.clocks.off);
    }
    if (verdict.agree_count > 0) clock_hand_over(node, &verdict);
}
