/* Snapshots in: a follower too far behind takes the leader's state, streams it to its own disk and
 * into a fresh replica at once, and swaps the two when the file is durable. Clients connected here
 * are closed then: effects meant for them were skipped. */
#include <stdlib.h>

#include "base/assert.h"
#include "node/group/snapshots.h"
#include "node/group/state.h"

/* Where in the log it stands. */
static void replica_place(struct replica *replica, const struct snapshot_header *header)
{
    replica->index = header->index;
    replica->term = header->term;
    replica->elapsed_us = header->elapsed_us;
    replica->wall_us = header->wall_us;
}

static bool restore_chunks(struct replica *replica, struct reader *file,
                           struct snapshot_fault *fault)
{
    struct slice payload;
    uint32_t claimed = 0;
    size_t size = fault->offset + file->bytes.size;
    for (uint32_t chunks = 1;; chunks++) {
        fault->offset = size - file->bytes.size;
        fault->why = "damaged: a chunk of the snapshot does not check out";
        if (!snapshot_chunk_read(file, &payload, &claimed)) return false;
        if (payload.size == 0) {
            fault->why = "damaged: the snapshot is not complete";
            return claimed == chunks && file->bytes.size == 0 && replica_restore_end(replica);
        }
        fault->why = "damaged: the content of the snapshot is malformed";
        if (!replica_restore(replica, payload)) return false;
    }
}

struct replica *group_read_snapshot(struct group *group, struct slice bytes,
                                    struct snapshot_header *header, struct snapshot_fault *fault)
{
    struct reader file = reader_of(bytes);
    struct slice payload;
    uint32_t chunks = 0;
    *fault = (struct snapshot_fault){.why = "damaged: the first chunk does not check out"};
    if (!snapshot_chunk_read(&file, &payload, &chunks) || payload.size == 0) return NULL;
    if (!snapshot_header_decode(group->machine.ops, payload, header, fault)) return NULL;
    fault->offset = bytes.size - file.bytes.size;
    struct replica *replica =
        replica_create(group->machine.ops, group->machine.options, group_emit, group);
    bool good = restore_chunks(replica, &file, fault);
    replica_place(replica, header);
    if (good && replica_digest(replica) != header->digest) {
        fault->why = "damaged: the restored state has another digest than was written";
        good = false;
    }
    if (good) return replica;
    replica_destroy(replica);
    return NULL;
}

/* Frees a replica by and by: one of a million jobs takes too long for one turn. */
static void replica_leave(struct group *group, struct replica *replica)
{
    replica->next_leaving = group->leaving;
    group->leaving = replica;
}

static void replicas_free_some(struct group *group)
{
    for (unsigned i = 0; i < NODE_LEAVING_SLICES && group->leaving != NULL; i++) {
        struct replica *next = group->leaving->next_leaving;
        if (replica_destroy_some(group->leaving)) group->leaving = next;
    }
    if (group->leaving != NULL) group_wake(group, group->turn->now.mono_us);
}

static void arriving_over(struct group *group)
{
    group->shared->arriving = NULL;
    group->shared->file = NULL;
}

void snapshot_incoming_abort(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (s->incoming == NULL) return;
    replica_leave(group, s->incoming);
    s->incoming = NULL;
    arriving_over(group);
    s->incoming_busy = false;
    s->incoming_committing =
        false; /* no answer comes to an aborted commit: the next must be taken */
    buffer_free(&s->incoming_file);
    turn_act(group->turn, ACTION_SNAPSHOT_ABORT);
    group_say(group, "snapshot-refused");
    trace_number(group->turn, "index", s->incoming_header->index);
    trace_end(group->turn);
}

/* The leader is not left to wait until it takes us for stalled. */
static void incoming_busy(struct group *group, uint32_t connection, uint64_t number)
{
    struct group_snapshot_frame *busy = snapshots_frame(group, PEER_SNAPSHOT_TAKEN, connection);
    busy->number = number;
    busy->offset = PEER_SNAPSHOT_BUSY;
}

/* Kept for the next: few groups of many ever take one. */
static void incoming_header_set(struct snapshots *s, const struct snapshot_header *header)
{
    if (s->incoming_header == NULL) s->incoming_header = malloc(sizeof *header);
    ASSERT(s->incoming_header != NULL);
    *s->incoming_header = *header;
}

static bool incoming_begin(struct group *group, uint32_t peer, uint32_t connection,
                           struct reader *content)
{
    struct snapshots *s = &group->snapshots;
    uint64_t term = read_u64(content);
    uint64_t number = read_u64(content);
    struct slice bytes = read_bytes(content);
    struct snapshot_header header;
    struct snapshot_fault fault;
    if (!reader_done(content)) return false;
    if (group->raft == NULL || term != raft_term(group->raft)) return true;
    if (peer != raft_leader(group->raft) || s->incoming_committing) return true;
    if (!snapshot_header_decode(group->machine.ops, bytes, &header, &fault)) return false;
    if (header.cluster != group->cluster || header.index <= group->replica->index) return true;
    if (group->shared->arriving != NULL && group->shared->arriving != group) {
        incoming_busy(group, connection, number);
        return true;
    }
    snapshot_incoming_abort(group);
    snapshots_abort(group);
    /* One temporary file: the one that helps us wins. */
    if (group->shared->file != NULL) snapshots_abort(group->shared->file);
    group->shared->arriving = group;
    group->shared->file = group;
    s->incoming = replica_create(group->machine.ops, group->machine.options, group_emit, group);
    s->incoming_link = connection;
    s->incoming_number = number;
    s->incoming_offset = 0;
    incoming_header_set(s, &header);
    s->incoming_chunks = 1;
    s->incoming_complete = false;
    s->incoming_busy = false;
    buffer_clear(&s->incoming_file);
    snapshot_chunk_append(&s->incoming_file, bytes);
    group_say(group, "snapshot-arriving");
    trace_number(group->turn, "index", header.index);
    trace_number(group->turn, "from", peer);
    trace_end(group->turn);
    return true;
}

static bool incoming_data(struct group *group, uint32_t connection, struct reader *content)
{
    struct snapshots *s = &group->snapshots;
    uint64_t number = read_u64(content);
    uint64_t offset = read_u64(content);
    struct slice bytes = read_bytes(content);
    if (!reader_done(content)) return false;
    if (s->incoming == NULL || s->incoming_link != connection) return true;
    if (number != s->incoming_number || s->incoming_complete) return true;
    if (offset != s->incoming_offset || !replica_restore(s->incoming, bytes)) {
        snapshot_incoming_abort(group);
        return false;
    }
    s->incoming_offset += bytes.size;
    snapshot_chunk_append(&s->incoming_file, bytes);
    s->incoming_chunks++;
    return true;
}

static bool incoming_end(struct group *group, uint32_t connection, struct reader *content)
{
    struct snapshots *s = &group->snapshots;
    uint64_t number = read_u64(content);
    uint64_t offset = read_u64(content);
    if (!reader_done(content)) return false;
    if (s->incoming == NULL || s->incoming_link != connection) return true;
    if (number != s->incoming_number || s->incoming_complete) return true;
    bool good = offset == s->incoming_offset && replica_restore_end(s->incoming);
    struct replica *replica = s->incoming;
    replica_place(replica, s->incoming_header);
    if (!good || replica_digest(replica) != s->incoming_header->digest) {
        snapshot_incoming_abort(group);
        return false;
    }
    s->incoming_complete = true;
    snapshot_end_append(&s->incoming_file, s->incoming_chunks);
    return true;
}

bool group_snapshot_frame(struct group *group, uint32_t peer, uint32_t connection,
                          const struct peer_frame *frame)
{
    struct reader content = reader_of(frame->content);
    switch (frame->type) {
    case PEER_SNAPSHOT_BEGIN: return incoming_begin(group, peer, connection, &content);
    case PEER_SNAPSHOT_DATA: return incoming_data(group, connection, &content);
    default: return incoming_end(group, connection, &content);
    }
}

void snapshot_incoming_turn(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    replicas_free_some(group);
    if (s->incoming == NULL || s->incoming_busy || s->incoming_committing) return;
    if (s->incoming_file.size > 0) {
        turn_act(group->turn, ACTION_SNAPSHOT_WRITE)->bytes = buffer_slice(&s->incoming_file);
        s->incoming_written = s->incoming_file.size;
        s->incoming_busy = true;
        return;
    }
    if (!s->incoming_complete) return;
    s->incoming_committing = true;
    turn_act(group->turn, ACTION_SNAPSHOT_COMMIT)->sequence =
        node_snapshot_number(group->number, s->incoming_header->index);
}

/* What was written leaves the buffer, and the leader may send as much again. */
void snapshot_incoming_written(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (!s->incoming_busy) return;
    s->incoming_busy = false;
    buffer_consume(&s->incoming_file, s->incoming_written);
    struct group_snapshot_frame *taken =
        snapshots_frame(group, PEER_SNAPSHOT_TAKEN, s->incoming_link);
    taken->number = s->incoming_number;
    taken->offset = s->incoming_offset;
}

void snapshot_incoming_durable(struct group *group)
{
    struct snapshots *s = &group->snapshots;
    if (!s->incoming_committing) return;
    s->incoming_committing = false;
    struct replica *incoming = s->incoming;
    const struct snapshot_header *header = s->incoming_header;
    s->incoming = NULL;
    arriving_over(group);
    buffer_free(&s->incoming_file);
    snapshots_on_disk(group, header->index, s->incoming_offset);
    if (!raft_install_snapshot(group->raft, group->turn->now, header->index, header->term,
                               header->elapsed_us, header->wall_us, &header->members)) {
        replica_leave(group, incoming); /* the log has got there meanwhile */
        return;
    }
    if (raft_last_index(group->raft) == header->index) {
        wal_put_reset(group->wal, group->number, header->index, header->term);
    }
    replica_leave(group, group->replica);
    group->replica = incoming;
    s->installed++;
    turn_act(group->turn, ACTION_TRIM)->segment =
        wal_trim(group->wal, group->number, s->disk_index);
    group->clients_lost = true;
    (void)receipts_give_up(group, proposals_own_applied(group) + 1);
    proposals_applied(group);
    group_say(group, "snapshot-installed");
    trace_number(group->turn, "index", header->index);
    trace_end(group->turn);
}
