/* From room to room: what peers say goes to whom it is for. */
#include "base/assert.h"
#include "node/clients/watches.h"
#include "node/hub.h"

/* Beyond what the rooms know of themselves: who this node is to others. */
static void own_refresh(struct node *node)
{
    node->peers.own = (struct peers_own){
        .cluster = node->founding.cluster,
        .membership = node->founding.membership,
        .listening = group_raft(node->group) != NULL,
        .members_index =
            group_raft(node->group) == NULL ? 0 : raft_members_index(group_raft(node->group)),
        .members_committed =
            group_raft(node->group) != NULL && group_members_in_force_committed(node->group),
        .address = membership_address(node),
    };
}

void route_tell_state(struct node *node)
{
    own_refresh(node);
    peers_tell_state(&node->peers);
}

static bool heard_raft(struct node *node, struct link *link, const struct peer_frame *frame)
{
    struct raft_message message;
    struct group *group = groups_touch(node, frame->group);
    if (group_raft(group) == NULL) return true;
    if (!peers_raft_read(&node->peers, link, frame, &message)) return false;
    raft_receive(group_raft(group), node->turn.now, &message);
    return true;
}

static bool heard_beats(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    while (reader.bytes.size > 0) {
        struct raft_message message;
        uint16_t number;
        if (!peers_beat_read(&node->peers, link, &reader, &number, &message)) return false;
        if (number >= node->groups.count) return false;
        struct group *group = groups_touch(node, number);
        if (group_raft(group) == NULL) continue;
        trace_message(&node->turn, "hears", number, &message);
        raft_receive(group_raft(group), node->turn.now, &message);
    }
    return true;
}

static bool heard_found(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    uint64_t cluster = read_u64(&reader);
    if (reader.bad || cluster == 0) return false;
    founding_found(node, link->peer, cluster, reader.bytes);
    return true;
}

static bool heard_taken(struct node *node, struct link *link, const struct peer_frame *frame)
{
    struct reader reader = reader_of(frame->content);
    uint64_t number = read_u64(&reader);
    uint64_t offset = read_u64(&reader);
    if (!reader_done(&reader)) return false;
    group_snapshot_taken(groups_touch(node, frame->group), link->peer->id, number, offset);
    return true;
}

static bool heard_snapshot(struct node *node, struct link *link, const struct peer_frame *frame)
{
    if (link->dialed || link->channel != PEER_CHANNEL_SNAPSHOT) return false;
    return group_snapshot_frame(groups_touch(node, frame->group), link->peer->id,
                                link->connection.id, frame);
}

/* Frames of an open link; false ends it. */
static bool heard_frame(struct node *node, struct link *link, const struct peer_frame *frame)
{
    bool votes = group_raft(node->group) != NULL && raft_trusted(group_raft(node->group));
    if (peer_frame_of_log(frame->type) && frame->group >= node->groups.count) return false;
    switch (frame->type) {
    case PEER_RAFT: return heard_raft(node, link, frame);
    case PEER_BEATS: return heard_beats(node, link, frame->content);
    case PEER_FORWARD:
        if (!group_forwarded(groups_touch(node, frame->group), link->peer->id, frame->content)) {
            node->peers.counters.bad_frames++;
        }
        return true;
    case PEER_CLOCK: return clock_asked(&node->peers, link, frame->content, votes);
    case PEER_CLOCK_IS: return clock_answered(&node->peers, link, frame->content);
    case PEER_FOUND: return heard_found(node, link, frame->content);
    case PEER_ASK: return members_asked(node, link, frame->content);
    case PEER_ANSWER: return members_answered(node, frame->content);
    case PEER_SNAPSHOT_BEGIN:
    case PEER_SNAPSHOT_DATA:
    case PEER_SNAPSHOT_END: return heard_snapshot(node, link, frame);
    case PEER_SNAPSHOT_TAKEN: return heard_taken(node, link, frame);
    default: return false;
    }
}

/* What was said to this peer may not have come: to all groups. */
static void raft_lost(struct node *node, uint32_t peer)
{
    for (uint32_t i = 0; i < node->groups.count; i++) {
        struct raft *raft = group_raft(node->groups.all[i].group);
        if (raft == NULL) continue;
        (void)groups_touch(node, i);
        raft_peer_lost(raft, peer);
    }
}

static void link_changed(struct node *node, uint32_t peer)
{
    for (uint32_t i = 0; i < node->groups.count; i++) {
        group_link_changed(groups_touch(node, i), peer);
    }
}

void route_lost(struct node *node)
{
    uint32_t peer;
    enum peer_channel channel;
    while (peers_take_lost(&node->peers, &peer, &channel)) {
        if (channel == PEER_CHANNEL_SNAPSHOT) {
            struct group *cutting = node->groups.shared.cutting;
            if (cutting != NULL) group_snapshot_peer_lost(cutting, peer);
            continue;
        }
        raft_lost(node, peer);
        link_changed(node, peer);
    }
}

static void link_event(struct node *node, struct link *link, const struct peers_event *event)
{
    switch (event->type) {
    case PEERS_MET:
        if (link->channel == PEER_CHANNEL_LOG) link_changed(node, link->peer->id);
        founding_consider(node);
        route_tell_state(node);
        break;
    case PEERS_CAME:
        if (link->channel == PEER_CHANNEL_LOG) raft_lost(node, link->peer->id);
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
    struct group *arriving = node->groups.shared.arriving;
    if (arriving != NULL) {
        (void)groups_touch(node, group_number(arriving));
        group_snapshot_link_lost(arriving, link->connection.id);
    }
    link_failed(&node->peers, link);
    route_lost(node);
}

/* --- what a group's calls led to --- */

void route_reach(struct node *node, const struct group *group, struct group_reach *reach)
{
    struct peers *peers = &node->peers;
    struct raft *raft = group_raft(group);
    struct peer *leader = raft == NULL ? NULL : peer_find(peers, raft_leader(raft));
    struct link *link = leader == NULL ? NULL : peer_link(peers, leader, PEER_CHANNEL_LOG);
    reach->leader_room = link == NULL ? 0 : peer_link_room(link);
    reach->others = peers->count > 0;
    reach->snapshot_count = 0;
    for (uint32_t i = 0; i < peers->count; i++) {
        if (peer_link(peers, &peers->all[i], PEER_CHANNEL_SNAPSHOT) == NULL) continue;
        reach->snapshot_to[reach->snapshot_count++] = peers->all[i].id;
    }
}

static void commands_refused(struct node *node, uint32_t group,
                             const struct group_commands *refused)
{
    struct command command;
    for (int reset = 1; reset >= 0; reset--) {
        struct group_commands commands = *refused;
        while (group_commands_next(&commands, &command)) {
            clients_count_refused(&node->clients, command.connection, reset);
        }
    }
    struct group_commands commands = *refused;
    while (group_commands_next(&commands, &command)) {
        if (group == 0) admin_refuse(node, command.connection);
        clients_refuse(&node->clients, command.connection, group);
    }
}

static void commands_uncertain(struct node *node, uint32_t group, struct group_commands commands)
{
    struct command command;
    while (group_commands_next(&commands, &command)) {
        clients_uncertain(&node->clients, command.connection, group);
    }
}

static void forwards_send(struct node *node, uint32_t group, const struct group_output *output)
{
    if (output->forwards_count == 0) return;
    struct peer *leader = peer_find(&node->peers, output->leader);
    struct link *link = peer_link(&node->peers, leader, PEER_CHANNEL_LOG);
    ASSERT(link != NULL); /* route_reach() has seen it */
    for (uint32_t i = 0; i < output->forwards_count; i++) {
        size_t begun = peer_frame_begin(&link->connection.out, PEER_FORWARD, (uint16_t)group);
        buffer_append_slice(&link->connection.out, output->forwards[i]);
        peer_frame_end(&link->connection.out, begun);
    }
    connection_dirty(&node->connections, &link->connection);
}

static struct connection *snapshot_connection(struct node *node,
                                              const struct group_snapshot_frame *frame)
{
    if (frame->type == PEER_SNAPSHOT_TAKEN) return connection_find(&node->connections, frame->to);
    struct peer *peer = peer_find(&node->peers, frame->to);
    struct link *link = peer == NULL ? NULL : peer_link(&node->peers, peer, PEER_CHANNEL_SNAPSHOT);
    return link == NULL ? NULL : &link->connection;
}

static void snapshot_send(struct node *node, uint32_t group,
                          const struct group_snapshot_frame *frame)
{
    struct connection *connection = snapshot_connection(node, frame);
    if (connection == NULL) return;
    struct buffer *out = &connection->out;
    size_t begun = peer_frame_begin(out, frame->type, (uint16_t)group);
    if (frame->type == PEER_SNAPSHOT_BEGIN) buffer_put_u64(out, frame->term);
    buffer_put_u64(out, frame->number);
    if (frame->type != PEER_SNAPSHOT_BEGIN) buffer_put_u64(out, frame->offset);
    if (frame->bytes.size > 0) buffer_put_bytes(out, frame->bytes);
    peer_frame_end(out, begun);
    connection_dirty(&node->connections, connection);
}

/* One link serves all groups. */
static void snapshot_wants(struct node *node)
{
    struct peers *peers = &node->peers;
    for (uint32_t i = 0; i < peers->count; i++) peers->all[i].snapshot_link_wanted = false;
    for (uint32_t group = 0; group < node->groups.count; group++) {
        const uint32_t *wants;
        uint32_t count = group_wants(node->groups.all[group].group, &wants);
        for (uint32_t i = 0; i < count; i++) {
            struct peer *peer = peer_find(peers, wants[i]);
            if (peer != NULL) peer->snapshot_link_wanted = true;
        }
    }
}

/* A snapshot went past effects that were meant for clients: whose proposals are still under way has
 * lost nothing. */
static void count_alive(struct node *node, uint32_t group)
{
    struct command command;
    struct group_commands under_way[2];
    group_under_way(node->groups.all[group].group, under_way);
    clients_count_alive(&node->clients, 0);
    for (int i = 0; i < 2; i++) {
        while (group_commands_next(&under_way[i], &command)) {
            clients_count_alive(&node->clients, command.connection);
        }
    }
}

uint32_t node_client_skipped(struct node *node, uint32_t group)
{
    count_alive(node, group);
    return clients_skipped(&node->clients, group);
}

static void receipts(struct node *node, const struct group_output *output)
{
    struct clients *clients = &node->clients;
    for (uint32_t i = 0; i < output->receipts_count; i++) {
        const struct group_receipt *receipt = &output->receipts[i];
        node->facts.told.shown = receipt->position;
        switch (receipt->fate) {
        case GROUP_ACKNOWLEDGED:
            clients_early_done(clients, receipt->connection, receipt->place);
            break;
        case GROUP_NOT_CARRIED_OUT:
            clients_early_refused(clients, receipt->connection, receipt->place);
            break;
        case GROUP_FATE_UNKNOWN:
            clients_early_uncertain(clients, receipt->connection, receipt->place);
            break;
        }
    }
}

static void clients_output(struct node *node, uint32_t group, const struct group_output *output)
{
    if (output->clients_lost) {
        count_alive(node, group);
        clients_close_skipped(&node->clients, group);
        watches_mark_all(&node->clients, group);
    }
    if (output->reborn) {
        clients_reborn(&node->clients, group);
        if (group == 0) admins_reborn(node);
    }
    for (uint32_t i = 0; i < output->marks_count; i++) {
        watches_mark(&node->clients, group, &output->marks[i]);
    }
    if (output->refused.items > 0) commands_refused(node, group, &output->refused);
    for (uint32_t i = 0; i < output->reads_refused_count; i++) {
        const struct group_question *question = &output->reads_refused[i];
        node->facts.told.shown.group = group;
        clients_refuse_question(&node->clients, question->connection, question->place,
                                question->why);
    }
    if (output->receipts_count > 0) receipts(node, output);
}

void route_output(struct node *node, struct node_group *entry)
{
    struct group_output output;
    uint32_t group = entry->number;
    if (!group_has_output(entry->group)) return;
    group_take_output(entry->group, &output);
    clients_output(node, group, &output);
    forwards_send(node, group, &output);
    if (output.uncertain.items > 0) commands_uncertain(node, group, output.uncertain);
    for (uint32_t i = 0; i < output.frames_count; i++)
        snapshot_send(node, group, &output.frames[i]);
    if (output.wants_changed) snapshot_wants(node);
    for (uint32_t i = 0; i < output.messages_count; i++) {
        peers_send_raft(&node->peers, (uint16_t)group, group_raft(entry->group),
                        &output.messages[i]);
    }
}

/* --- clocks --- */

enum { HAND_OVER_US = 5000000 }; /* between two tries: each stops proposals for a moment */

/* To whom of those that agree holds most; the leader goes on until it has come to pass. */
static void clock_hand_over(struct node *node, struct group *group,
                            const struct clock_verdict *verdict)
{
    struct clocks *clocks = &node->peers.clocks;
    const struct raft_members *members = raft_members(group_raft(group));
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(group_raft(group), rows);
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
    if (raft_transfer(group_raft(group), node->turn.now, best->peer) != RAFT_TRANSFER_OK) return;
    clocks->hand_over_us = node->turn.now.mono_us + HAND_OVER_US;
    trace_begin(&node->turn, "clock-hand-over");
    if (group != node->group) trace_number(&node->turn, "group", group_number(group));
    trace_number(&node->turn, "peer", best->peer);
    trace_end(&node->turn);
}

/* Whether a quorum's clocks agree, and whether ours keeps us from campaigning. */
static void clocks_tell_one(struct node *node, struct node_group *entry)
{
    struct raft *raft = group_raft(entry->group);
    if (raft == NULL) return;
    bool led = raft_leader(raft) != 0;
    bool refrains = clock_refrains(&node->peers, led, &entry->leaderless_us);
    raft_set_abstaining(raft, node->turn.now, refrains);
    group_set_clocks_agree(entry->group, node->peers.clocks.agree);
}

/* To those that are visited anyway; to all where it is news. */
static void clocks_tell(struct node *node)
{
    struct groups *groups = &node->groups;
    const struct clocks *clocks = &node->peers.clocks;
    if (clocks->agree != groups->told_agree || clocks->off != groups->told_off) {
        for (uint32_t i = 0; i < groups->count; i++) (void)groups_touch(node, i);
    }
    groups->told_agree = clocks->agree;
    groups->told_off = clocks->off;
    for (struct list *at = groups->active.next; at != &groups->active; at = at->next) {
        clocks_tell_one(node, LIST_ITEM(at, struct node_group, in_active));
    }
}

void route_clocks(struct node *node)
{
    struct clock_verdict verdict;
    if (group_raft(node->group) == NULL) return;
    clocks_turn(&node->peers, raft_members(group_raft(node->group)), &verdict);
    clocks_tell(node);
    if (verdict.agree_count == 0 || node->turn.now.mono_us < node->peers.clocks.hand_over_us)
        return;
    for (uint32_t i = 0; i < node->groups.count; i++) {
        struct group *group = node->groups.all[i].group;
        if (!group_leading(group)) continue;
        (void)groups_touch(node, i);
        clock_hand_over(node, group, &verdict);
    }
}
