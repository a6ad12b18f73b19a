/* Snapshots out: one cut of the replicated state at a time, streamed to disk and to the followers
 * that need it, at the pace of the slowest. The log shrinks once the file is durable.
 * File and frames: specs/disk.md, specs/peer.md. */
#include <stdlib.h>

#include "base/assert.h"
#include "node/group/snapshots.h"
#include "node/group/state.h"

/* On a full disk even a small log is worth a snapshot, as long as that frees some of it: the world
 * keeps room for one. */
static bool cut_wanted_for_disk(struct group *group)
{
    const struct snapshots *s = &group->snapshots;
    uint64_t limit = group->config->log_bytes_compact;
    uint64_t index = group->replica->index;
    if (group->shared->snapshot_bytes_total > limit) limit = group->shared->snapshot_bytes_total;
    if (index <= s->disk_index || group->shared->file != NULL) return false;
    bool frees = wal_trims(group->wal, group->number, index);
    bool full = group->disk_full && frees;
    /* Of many groups, those go first that keep the oldest of it. */
    bool large = group->wal->bytes > limit && (frees || group->wal->groups_count == 1);
    if (!large && !full) return false;
    if (group->turn->now.mono_us >= s->pause_until_us) return true;
    group_wake(group, s->pause_until_us);
    return false;
}

static bool reached(const struct group *group, uint32_t peer)
{
    if (!wal_ready(group->wal))
        return false; /* nothing is sent before this incarnation is durable */
    for (uint32_t i = 0; i < group->reach.snapshot_count; i++) {
        if (group->reach.snapshot_to[i] == peer) return true;
    }
    return false;
}

/* Whoever needs a snapshot is to be dialed for it: said again each turn, for it may be new here. */
static void want(struct snapshots *s, uint32_t peer)
{
    s->wants_changed = true;
    for (uint32_t i = 0; i < s->wants_count; i++) {
        if (s->wants[i] == peer) return;
    }
    if (s->wants_count == RAFT_MEMBERS_MAX) return;
    s->wants[s->wants_count++] = peer;
}

static bool transfers_invite(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    s->transfers_count = 0;
    bool later = group->turn->now.mono_us < s->invite_us;
    if (later) group_wake(group, s->invite_us);
    for (uint32_t peer = raft_snapshot_wanted(group->raft, 0); peer != 0;
         peer = raft_snapshot_wanted(group->raft, peer)) {
        if (s->transfers_count == RAFT_MEMBERS_MAX) continue;
        want(s, peer);
        if (later || !reached(group, peer)) continue; /* being dialed */
        s->transfers[s->transfers_count++] = (struct transfer){
            .peer = peer,
            .progress_us = group->turn->now.mono_us,
        };
    }
    return s->transfers_count > 0;
}

struct group_snapshot_frame *snapshots_frame(struct group *group, enum peer_frame_type type,
                                             uint32_t to)
{
    struct snapshots *s = &group->snapshots;
    ASSERT(s->frames_count < NODE_SNAPSHOT_FRAMES_MAX);
    if (s->frames == NULL) s->frames = calloc(NODE_SNAPSHOT_FRAMES_MAX, sizeof *s->frames);
    ASSERT(s->frames != NULL);
    struct group_snapshot_frame *frame = &s->frames[s->frames_count++];
    *frame = (struct group_snapshot_frame){.type = type, .to = to};
    return frame;
}

/* The temporary file is of no more use to this group. */
static void file_over(struct group *group)
{
    group->snapshots.to_disk = false;
    group->shared->file = NULL;
}

void snapshots_on_disk(struct group *group, uint64_t index, uint64_t bytes)
{
    struct snapshots *s = &group->snapshots;
    group->shared->snapshot_bytes_total += bytes - s->disk_bytes;
    s->disk_index = index;
    s->disk_bytes = bytes;
}

static void transfers_begin(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        struct group_snapshot_frame *frame =
            snapshots_frame(group, PEER_SNAPSHOT_BEGIN, s->transfers[i].peer);
        frame->term = raft_term(group->raft);
        frame->number = s->cut_number;
        frame->bytes = buffer_slice(&s->header);
    }
}

static void snapshots_pause(struct group *group)
{
    group->snapshots.pause_until_us = group->turn->now.mono_us + NODE_SNAPSHOT_PAUSE_US;
}

static void cut_begin(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    struct snapshot_header header = {
        .cluster = group->cluster,
        .index = group->replica->index,
        .term = group->replica->term,
        .elapsed_us = group->replica->elapsed_us,
        .wall_us = group->replica->wall_us,
        .digest = replica_digest(group->replica),
        .members = *raft_members_at(group->raft, group->replica->index),
    };
    s->cutting = true;
    s->cut_done = false;
    group->shared->cutting = group;
    s->to_disk = group->shared->file == NULL && header.index > s->disk_index &&
                 group->turn->now.mono_us >= s->pause_until_us;
    if (s->to_disk) group->shared->file = group;
    /* One that failed, or freed too little, is not tried again at once. */
    if (s->to_disk && group->disk_full) snapshots_pause(group);
    s->cut_index = header.index;
    s->cut_number++;
    s->disk_offset = 0;
    s->chunks = 1;
    buffer_clear(&s->header);
    snapshot_header_encode(group->machine.ops, &header, &s->header);
    buffer_clear(&s->file);
    snapshot_chunk_append(&s->file, buffer_slice(&s->header));
    transfers_begin(group);
    replica_cut_begin(group->replica);
    group_say(group, "snapshot-begun");
    trace_number(group->turn, "index", s->cut_index);
    trace_number(group->turn, "followers", s->transfers_count);
    trace_end(group->turn);
}

/* --- and goes on --- */

static void transfer_drop(struct group *group, uint32_t at)
{
    struct snapshots *s = &group->snapshots;
    group_say(group, "snapshot-transfer-dropped");
    trace_number(group->turn, "peer", s->transfers[at].peer);
    trace_end(group->turn);
    s->transfers[at] = s->transfers[--s->transfers_count];
}

/* Whether every consumer can take another slice; those that stopped taking are dropped. */
static bool consumers_ready(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    bool ready = !s->disk_busy;
    for (uint32_t i = s->transfers_count; i-- > 0;) {
        struct transfer *transfer = &s->transfers[i];
        uint64_t until = transfer->progress_us + NODE_TRANSFER_STALL_US;
        if (!reached(group, transfer->peer) || group->turn->now.mono_us >= until) {
            transfer_drop(group, i);
            continue;
        }
        group_wake(group, until);
        if (transfer->offset - transfer->taken >= NODE_SNAPSHOT_CREDIT) ready = false;
    }
    return ready;
}

static void transfers_data(struct group *group, struct slice bytes)
{
    struct snapshots *s = &group->snapshots;
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        struct transfer *transfer = &s->transfers[i];
        struct group_snapshot_frame *frame =
            snapshots_frame(group, PEER_SNAPSHOT_DATA, transfer->peer);
        frame->number = s->cut_number;
        frame->offset = transfer->offset;
        frame->bytes = bytes;
        transfer->offset += bytes.size;
    }
}

static void transfers_end(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        struct transfer *transfer = &s->transfers[i];
        if (!reached(group, transfer->peer) || transfer->ended) continue;
        transfer->ended = true;
        struct group_snapshot_frame *frame =
            snapshots_frame(group, PEER_SNAPSHOT_END, transfer->peer);
        frame->number = s->cut_number;
        frame->offset = transfer->offset;
        s->sent++;
    }
}

static void disk_write(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (!s->to_disk || s->disk_busy || s->file.size == 0) return;
    struct action *action = turn_act(group->turn, ACTION_SNAPSHOT_WRITE);
    action->bytes = buffer_slice(&s->file);
    s->disk_offset += s->file.size;
    s->disk_busy = true;
}

static void cut_slice(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    buffer_clear(&s->slice);
    bool more = replica_cut_read(group->replica, NODE_SNAPSHOT_SLICE_BYTES, &s->slice);
    if (s->slice.size > 0) {
        transfers_data(group, buffer_slice(&s->slice));
        snapshot_chunk_append(&s->file, buffer_slice(&s->slice));
        s->chunks++;
    }
    if (more) return;
    s->cut_done = true;
    transfers_end(group);
    snapshot_end_append(&s->file, s->chunks);
}

static void cut_over(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    s->cutting = false;
    s->committing = false;
    group->shared->cutting = NULL;
    buffer_free(&s->slice);
    s->wants_changed = true;
    s->wants_count = 0;
    s->transfers_count = 0;
}

void snapshots_abort(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (!s->cutting) return;
    replica_cut_abort(group->replica);
    if (s->to_disk) turn_act(group->turn, ACTION_SNAPSHOT_ABORT);
    if (s->to_disk) file_over(group);
    s->disk_busy = false;
    buffer_clear(&s->file);
    group_say(group, "snapshot-aborted");
    trace_number(group->turn, "index", s->cut_index);
    trace_end(group->turn);
    cut_over(group);
}

/* All have taken it, and said that they hold what it amounts to: until then they would be begun
 * another one, and what they need next could leave the log. */
static bool transfers_finished(const struct group *group)
{
    const struct snapshots *s = &group->snapshots;
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        const struct transfer *transfer = &s->transfers[i];
        if (transfer->taken < transfer->offset) return false;
        if (raft_snapshot_wanted(group->raft, transfer->peer - 1) == transfer->peer) return false;
    }
    return true;
}

static void cut_go_on(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (!s->cut_done &&
        replica_cut_pending(group->replica) > group->config->cut_backlog_bytes_max) {
        snapshots_abort(group);
        return;
    }
    bool ready = consumers_ready(group);
    if (!s->to_disk && s->transfers_count == 0) {
        snapshots_abort(group);
        return;
    }
    if (!s->cut_done && ready) {
        cut_slice(group);
        if (!s->to_disk) buffer_clear(&s->file);
        if (!s->cut_done && s->file.size == 0) group_wake(group, group->turn->now.mono_us);
    }
    disk_write(group);
    if (!s->cut_done || s->disk_busy) return;
    if (s->to_disk && !s->committing) {
        s->committing = true;
        turn_act(group->turn, ACTION_SNAPSHOT_COMMIT)->sequence =
            node_snapshot_number(group->number, s->cut_index);
    }
    if (!s->to_disk && transfers_finished(group)) cut_over(group);
}

void group_snapshot_written(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (s->incoming != NULL) {
        snapshot_incoming_written(group);
        return;
    }
    if (!s->cutting) return;
    s->disk_busy = false;
    buffer_clear(&s->file);
}

void group_snapshot_durable(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (s->incoming != NULL) {
        snapshot_incoming_durable(group);
        return;
    }
    if (!s->cutting || !s->committing) return;
    snapshots_on_disk(group, s->cut_index, s->disk_offset);
    file_over(group);
    s->committing = false;
    s->written++;
    turn_act(group->turn, ACTION_TRIM)->segment =
        wal_trim(group->wal, group->number, s->disk_index);
    group_say(group, "snapshot-durable");
    trace_number(group->turn, "index", s->disk_index);
    trace_number(group->turn, "bytes", s->disk_bytes);
    trace_end(group->turn);
    if (transfers_finished(group)) cut_over(group);
}

void group_snapshot_failed(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (s->incoming != NULL) {
        snapshot_incoming_abort(group);
        return;
    }
    if (!s->cutting) return;
    snapshots_pause(group);
    file_over(group); /* the host has dropped it */
    snapshots_abort(group);
}

void group_snapshot_taken(struct group *group, uint32_t peer, uint64_t number, uint64_t offset)
{
    struct snapshots *s = &group->snapshots;
    if (!s->cutting || number != s->cut_number) return;
    for (uint32_t i = s->transfers_count; i-- > 0;) {
        struct transfer *transfer = &s->transfers[i];
        if (transfer->peer == peer && offset == PEER_SNAPSHOT_BUSY) {
            s->invite_us = group->turn->now.mono_us + NODE_SNAPSHOT_BUSY_US;
            transfer_drop(group, i);
            continue;
        }
        if (transfer->peer != peer || offset > transfer->offset) continue;
        if (offset > transfer->taken) transfer->taken = offset;
        transfer->progress_us = group->turn->now.mono_us;
    }
}

static bool cut_wanted(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    bool wanted = false;
    if (s->incoming == NULL && group->replica->index > 0) {
        wanted = transfers_invite(group);
        if (!wanted) wanted = cut_wanted_for_disk(group);
    }
    if (!wanted) list_remove(&s->in_wants);
    return wanted;
}

/* One at a time; who has to wait is the next to come, in its turn. */
static bool cut_may_begin(struct group *group)
{
    struct list *wants = &group->shared->wants;
    struct list *own = &group->snapshots.in_wants;
    if (list_empty(own)) list_append(wants, own);
    if (group->shared->cutting != NULL || wants->next != own) return false;
    list_remove(own);
    return true;
}

struct group *group_next_to_cut(const struct group_shared *shared)
{
    if (shared->cutting != NULL || list_empty(&shared->wants)) return NULL;
    return LIST_ITEM(shared->wants.next, struct group, snapshots.in_wants);
}

bool group_should_cut(const struct group *group)
{
    const struct snapshots *s = &group->snapshots;
    return group->raft != NULL && group->replica->index > s->disk_index &&
           group->turn->now.mono_us >= s->pause_until_us &&
           wal_trims(group->wal, group->number, group->replica->index);
}

void snapshots_turn(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (group->raft == NULL) return;
    snapshot_incoming_turn(group);
    snapshots_compact_log(group);
    if (!s->cutting && cut_wanted(group) && cut_may_begin(group)) cut_begin(group);
    if (s->cutting) cut_go_on(group);
}

void group_snapshot_link_lost(struct group *group, uint32_t connection)
{
    struct snapshots *s = &group->snapshots;
    if (s->incoming != NULL && s->incoming_link == connection) snapshot_incoming_abort(group);
}

void group_snapshot_peer_lost(struct group *group, uint32_t peer)
{
    struct snapshots *s = &group->snapshots;
    for (uint32_t i = s->transfers_count; i-- > 0;) {
        if (s->transfers[i].peer == peer) transfer_drop(group, i);
    }
}

void snapshots_output(struct group *group, struct group_output *output)
{
    struct snapshots *s = &group->snapshots;
    output->frames_count = s->frames_count;
    output->frames = s->frames;
    output->wants_changed = s->wants_changed;
    output->wants_count = s->wants_count;
    output->wants = s->wants;
    s->frames_count = 0;
    s->wants_changed = false;
}

uint32_t group_wants(const struct group *group, const uint32_t **peers)
{
    *peers = group->snapshots.wants;
    return group->snapshots.wants_count;
}

void snapshots_init(struct group *group)
{
    list_init(&group->snapshots.in_wants);
}

void snapshots_free(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    list_remove(&s->in_wants);
    replica_destroy(s->incoming);
    while (group->leaving != NULL) {
        struct replica *next = group->leaving->next_leaving;
        replica_destroy(group->leaving);
        group->leaving = next;
    }
    buffer_free(&s->header);
    buffer_free(&s->file);
    buffer_free(&s->slice);
    buffer_free(&s->incoming_file);
    free(s->incoming_header);
    free(s->frames);
}
