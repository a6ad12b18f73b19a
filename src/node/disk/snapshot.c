/* Snapshots out: one cut of the replicated state at a time, streamed to disk and to the followers
 * that need it, at the pace of the slowest. The log shrinks once the file is durable.
 * File and frames: specs/disk.md, specs/peer.md. */
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "node/node_internal.h"
#include "node/disk/snapshot_check.h"
#include "node/text.h"

#define SNAPSHOT_MAGIC 0x504E5351u /* "QSNP" */

enum { SNAPSHOT_FORMAT_VERSION = 1, CHUNK_HEADER_SIZE = 8, HEADER_NUMBERS_SIZE = 56 };

void snapshot_header_encode(const struct node *node, const struct snapshot_header *header,
                            struct buffer *out)
{
    buffer_put_u32(out, SNAPSHOT_MAGIC);
    buffer_put_u16(out, SNAPSHOT_FORMAT_VERSION);
    buffer_put_u16(out, (uint16_t)node->config.machine->snapshot_version);
    buffer_put_u64(out, header->cluster);
    buffer_put_u64(out, header->index);
    buffer_put_u64(out, header->term);
    buffer_put_u64(out, header->elapsed_us);
    buffer_put_u64(out, header->wall_us);
    buffer_put_u64(out, header->digest);
    buffer_put_bytes(out, slice_text(node->config.machine->name));
    size_t at = out->size;
    buffer_put_u32(out, 0);
    raft_members_encode(&header->members, out);
    store_u32(out->data + out->head + at, (uint32_t)(out->size - at - 4));
}

static bool snapshot_versions_good(const struct node *node, uint16_t format, uint16_t machine,
                                   struct snapshot_fault *fault)
{
    struct text text = text_in(fault->space, sizeof fault->space);
    bool of_format = format != SNAPSHOT_FORMAT_VERSION;
    uint64_t known = of_format ? SNAPSHOT_FORMAT_VERSION : node->config.machine->snapshot_version;
    if (!of_format && machine <= known) return true;
    text_add(&text, of_format ? "snapshot format " : "the machine's format ");
    text_add_decimal(&text, of_format ? format : machine);
    text_add(&text, ", this quartet reads ");
    text_add_decimal(&text, known);
    text_add(&text, "; use a newer quartet");
    fault->why = fault->space;
    return false;
}

bool snapshot_header_decode(const struct node *node, struct slice bytes,
                            struct snapshot_header *header, struct snapshot_fault *fault)
{
    struct reader reader = reader_of(bytes);
    uint32_t magic = read_u32(&reader);
    uint16_t format = read_u16(&reader);
    uint16_t machine = read_u16(&reader);
    header->cluster = read_u64(&reader);
    header->index = read_u64(&reader);
    header->term = read_u64(&reader);
    header->elapsed_us = read_u64(&reader);
    header->wall_us = read_u64(&reader);
    header->digest = read_u64(&reader);
    struct slice name = read_bytes(&reader);
    struct slice members = read_bytes(&reader);
    fault->foreign = false;
    fault->why = "malformed snapshot header";
    if (magic != SNAPSHOT_MAGIC) return false;
    fault->foreign = true;
    if (!snapshot_versions_good(node, format, machine, fault)) return false;
    fault->foreign = false;
    if (!reader_done(&reader) || header->index == 0) return false;
    fault->foreign = true;
    fault->why = "the snapshot is of another system";
    if (!slice_equal(name, slice_text(node->config.machine->name))) return false;
    fault->foreign = false;
    fault->why = "malformed members in the snapshot header";
    return raft_members_decode(members, &header->members);
}

void snapshot_chunk_append(struct buffer *out, struct slice payload)
{
    buffer_put_u32(out, (uint32_t)payload.size);
    buffer_put_u32(out, crc32c(0, payload.data, payload.size));
    buffer_append_slice(out, payload);
}

void snapshot_end_append(struct buffer *out, uint32_t chunks)
{
    buffer_put_u32(out, 0);
    buffer_put_u32(out, chunks);
}

/* One chunk off the front; false when it does not check out. At the end payload.size is 0 and
 * *chunks holds the count that the file claims. */
static bool chunk_read(struct reader *file, struct slice *payload, uint32_t *chunks)
{
    uint32_t size = read_u32(file);
    uint32_t crc = read_u32(file);
    *payload = read_exactly(file, size);
    *chunks = crc;
    if (file->bad) return false;
    return size == 0 || crc == crc32c(0, payload->data, size);
}

bool snapshot_file_whole(struct slice file, uint64_t *offset)
{
    struct reader reader = reader_of(file);
    for (uint32_t chunks = 0;; chunks++) {
        struct slice payload;
        uint32_t claimed = 0;
        *offset = file.size - reader.bytes.size;
        if (!chunk_read(&reader, &payload, &claimed)) return false;
        if (payload.size == 0) return claimed == chunks && reader.bytes.size == 0;
    }
}

bool snapshot_file_members(struct slice file, struct raft_members *members)
{
    struct reader reader = reader_of(file);
    struct slice header;
    uint32_t claimed = 0;
    if (!chunk_read(&reader, &header, &claimed) || header.size == 0) return false;
    reader = reader_of(header);
    (void)read_exactly(&reader, HEADER_NUMBERS_SIZE);
    (void)read_bytes(&reader); /* the machine's name */
    struct slice bytes = read_bytes(&reader);
    return reader_done(&reader) && raft_members_decode(bytes, members);
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
        if (!chunk_read(file, &payload, &claimed)) return false;
        if (payload.size == 0) {
            fault->why = "damaged: the snapshot is not complete";
            return claimed == chunks && file->bytes.size == 0 && replica_restore_end(replica);
        }
        fault->why = "damaged: the content of the snapshot is malformed";
        if (!replica_restore(replica, payload)) return false;
    }
}

struct replica *snapshot_restore_file(struct node *node, struct slice bytes,
                                      struct snapshot_header *header, struct snapshot_fault *fault)
{
    struct reader file = reader_of(bytes);
    struct slice payload;
    uint32_t chunks = 0;
    *fault = (struct snapshot_fault){.why = "damaged: the first chunk does not check out"};
    if (!chunk_read(&file, &payload, &chunks) || payload.size == 0) return NULL;
    if (!snapshot_header_decode(node, payload, header, fault)) return NULL;
    fault->offset = bytes.size - file.bytes.size;
    struct replica *replica =
        replica_create(node->config.machine, node->config.machine_options, node_emit, node);
    bool good = restore_chunks(replica, &file, fault);
    replica->index = header->index;
    replica->term = header->term;
    replica->elapsed_us = header->elapsed_us;
    replica->wall_us = header->wall_us;
    if (good && replica_digest(replica) != header->digest) {
        fault->why = "damaged: the restored state has another digest than was written";
        good = false;
    }
    if (good) return replica;
    replica_destroy(replica);
    return NULL;
}

/* --- a cut begins --- */

/* On a full disk even a small log is worth a snapshot, as long as that frees some of it: the world
 * keeps room for one. */
static bool cut_wanted_for_disk(struct node *node)
{
    const struct snapshots *s = &node->snapshots;
    uint64_t limit = node->config.log_bytes_compact;
    if (s->disk_bytes > limit) limit = s->disk_bytes;
    if (node->replica->index <= s->disk_index) return false;
    bool frees = node->disk_full && wal_trims(&node->wal, node->replica->index);
    if (node->wal.bytes <= limit && !frees) return false;
    if (node->turn.now.mono_us >= s->pause_until_us) return true;
    turn_wake(&node->turn, s->pause_until_us);
    return false;
}

static bool transfers_invite(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    s->transfers_count = 0;
    for (uint32_t peer = raft_snapshot_wanted(node->raft, 0); peer != 0;
         peer = raft_snapshot_wanted(node->raft, peer)) {
        struct peer *to = peer_find(&node->peers, peer);
        if (to == NULL || s->transfers_count == RAFT_MEMBERS_MAX) continue;
        to->snapshot_link_wanted = true;
        if (peer_link(&node->peers, to, PEER_CHANNEL_SNAPSHOT) == NULL) continue; /* being dialed */
        s->transfers[s->transfers_count++] = (struct transfer){
            .peer = peer,
            .progress_us = node->turn.now.mono_us,
        };
    }
    return s->transfers_count > 0;
}

static void transfers_begin(struct node *node, struct slice header)
{
    struct snapshots *s = &node->snapshots;
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        struct peer *peer = peer_find(&node->peers, s->transfers[i].peer);
        struct link *link = peer_link(&node->peers, peer, PEER_CHANNEL_SNAPSHOT);
        ASSERT(link != NULL);
        struct buffer *out = &link->connection.out;
        size_t begun = peer_frame_begin(out, PEER_SNAPSHOT_BEGIN, 0);
        buffer_put_u64(out, raft_term(node->raft));
        buffer_put_u64(out, s->cut_number);
        buffer_put_bytes(out, header);
        peer_frame_end(out, begun);
        connection_dirty(&node->connections, &link->connection);
    }
}

static void snapshots_pause(struct node *node)
{
    node->snapshots.pause_until_us = node->turn.now.mono_us + NODE_SNAPSHOT_PAUSE_US;
}

static void cut_begin(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    struct snapshot_header header = {
        .cluster = node->cluster,
        .index = node->replica->index,
        .term = node->replica->term,
        .elapsed_us = node->replica->elapsed_us,
        .wall_us = node->replica->wall_us,
        .digest = replica_digest(node->replica),
        .members = *raft_members_at(node->raft, node->replica->index),
    };
    s->cutting = true;
    s->cut_done = false;
    s->to_disk = s->incoming == NULL && header.index > s->disk_index &&
                 node->turn.now.mono_us >= s->pause_until_us;
    /* One that failed, or freed too little, is not tried again at once. */
    if (s->to_disk && node->disk_full) snapshots_pause(node);
    s->cut_index = header.index;
    s->cut_number++;
    s->disk_offset = 0;
    s->chunks = 1;
    buffer_clear(&node->scratch);
    snapshot_header_encode(node, &header, &node->scratch);
    buffer_clear(&s->file);
    snapshot_chunk_append(&s->file, buffer_slice(&node->scratch));
    transfers_begin(node, buffer_slice(&node->scratch));
    replica_cut_begin(node->replica);
    trace_begin(&node->turn, "snapshot-begun");
    trace_number(&node->turn, "index", s->cut_index);
    trace_number(&node->turn, "followers", s->transfers_count);
    trace_end(&node->turn);
}

/* --- and goes on --- */

static void transfer_drop(struct node *node, uint32_t at)
{
    struct snapshots *s = &node->snapshots;
    trace_begin(&node->turn, "snapshot-transfer-dropped");
    trace_number(&node->turn, "peer", s->transfers[at].peer);
    trace_end(&node->turn);
    s->transfers[at] = s->transfers[--s->transfers_count];
}

static struct link *transfer_link(struct node *node, const struct transfer *transfer)
{
    struct peer *peer = peer_find(&node->peers, transfer->peer);
    return peer == NULL ? NULL : peer_link(&node->peers, peer, PEER_CHANNEL_SNAPSHOT);
}

/* Whether every consumer can take another slice; those that stopped taking are dropped. */
static bool consumers_ready(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    bool ready = !s->disk_busy;
    for (uint32_t i = s->transfers_count; i-- > 0;) {
        struct transfer *transfer = &s->transfers[i];
        uint64_t until = transfer->progress_us + NODE_TRANSFER_STALL_US;
        if (transfer_link(node, transfer) == NULL || node->turn.now.mono_us >= until) {
            transfer_drop(node, i);
            continue;
        }
        turn_wake(&node->turn, until);
        if (transfer->offset - transfer->taken >= NODE_SNAPSHOT_CREDIT) ready = false;
    }
    return ready;
}

static void transfers_data(struct node *node, struct slice bytes)
{
    struct snapshots *s = &node->snapshots;
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        struct transfer *transfer = &s->transfers[i];
        struct link *link = transfer_link(node, transfer);
        ASSERT(link != NULL);
        struct buffer *out = &link->connection.out;
        size_t begun = peer_frame_begin(out, PEER_SNAPSHOT_DATA, 0);
        buffer_put_u64(out, s->cut_number);
        buffer_put_u64(out, transfer->offset);
        buffer_put_bytes(out, bytes);
        peer_frame_end(out, begun);
        transfer->offset += bytes.size;
        connection_dirty(&node->connections, &link->connection);
    }
}

static void transfers_end(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        struct transfer *transfer = &s->transfers[i];
        struct link *link = transfer_link(node, transfer);
        if (link == NULL || transfer->ended) continue;
        transfer->ended = true;
        struct buffer *out = &link->connection.out;
        size_t begun = peer_frame_begin(out, PEER_SNAPSHOT_END, 0);
        buffer_put_u64(out, s->cut_number);
        buffer_put_u64(out, transfer->offset);
        peer_frame_end(out, begun);
        connection_dirty(&node->connections, &link->connection);
        node->counters.snapshots_sent++;
    }
}

static void disk_write(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (!s->to_disk || s->disk_busy || s->file.size == 0) return;
    struct action *action = turn_act(&node->turn, ACTION_SNAPSHOT_WRITE);
    action->bytes = buffer_slice(&s->file);
    s->disk_offset += s->file.size;
    s->disk_busy = true;
}

static void cut_slice(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    buffer_clear(&s->slice);
    bool more = replica_cut_read(node->replica, NODE_SNAPSHOT_SLICE_BYTES, &s->slice);
    if (s->slice.size > 0) {
        transfers_data(node, buffer_slice(&s->slice));
        snapshot_chunk_append(&s->file, buffer_slice(&s->slice));
        s->chunks++;
    }
    if (more) return;
    s->cut_done = true;
    transfers_end(node);
    snapshot_end_append(&s->file, s->chunks);
}

static void cut_over(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    s->cutting = false;
    s->committing = false;
    buffer_free(&s->slice);
    for (uint32_t i = 0; i < node->peers.count; i++)
        node->peers.all[i].snapshot_link_wanted = false;
    s->transfers_count = 0;
}

void snapshots_abort(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (!s->cutting) return;
    replica_cut_abort(node->replica);
    if (s->to_disk) turn_act(&node->turn, ACTION_SNAPSHOT_ABORT);
    s->disk_busy = false;
    buffer_clear(&s->file);
    trace_begin(&node->turn, "snapshot-aborted");
    trace_number(&node->turn, "index", s->cut_index);
    trace_end(&node->turn);
    cut_over(node);
}

static bool transfers_finished(const struct snapshots *s)
{
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        if (s->transfers[i].taken < s->transfers[i].offset) return false;
    }
    return true;
}

static void cut_go_on(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (!s->cut_done && replica_cut_pending(node->replica) > node->config.cut_backlog_bytes_max) {
        snapshots_abort(node);
        return;
    }
    bool ready = consumers_ready(node);
    if (!s->to_disk && s->transfers_count == 0) {
        snapshots_abort(node);
        return;
    }
    if (!s->cut_done && ready) {
        cut_slice(node);
        if (!s->to_disk) buffer_clear(&s->file);
        if (!s->cut_done && s->file.size == 0) turn_wake(&node->turn, node->turn.now.mono_us);
    }
    disk_write(node);
    if (!s->cut_done || s->disk_busy) return;
    if (s->to_disk && !s->committing) {
        s->committing = true;
        turn_act(&node->turn, ACTION_SNAPSHOT_COMMIT)->sequence = s->cut_index;
    }
    if (!s->to_disk && transfers_finished(s)) cut_over(node);
}

void snapshots_written(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (s->incoming != NULL) {
        snapshot_incoming_written(node);
        return;
    }
    if (!s->cutting) return;
    s->disk_busy = false;
    buffer_clear(&s->file);
}

void snapshots_durable(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (s->incoming != NULL) {
        snapshot_incoming_durable(node);
        return;
    }
    if (!s->cutting || !s->committing) return;
    s->disk_index = s->cut_index;
    s->disk_bytes = s->disk_offset;
    s->to_disk = false;
    s->committing = false;
    node->counters.snapshots_written++;
    turn_act(&node->turn, ACTION_TRIM)->segment = wal_trim(&node->wal, s->disk_index);
    trace_begin(&node->turn, "snapshot-durable");
    trace_number(&node->turn, "index", s->disk_index);
    trace_number(&node->turn, "bytes", s->disk_bytes);
    trace_end(&node->turn);
    if (transfers_finished(s)) cut_over(node);
}

void snapshots_failed(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (s->incoming != NULL) {
        snapshot_incoming_abort(node);
        return;
    }
    if (!s->cutting) return;
    snapshots_pause(node);
    s->to_disk = false; /* the host has dropped the file */
    snapshots_abort(node);
}

void snapshots_taken(struct node *node, uint32_t peer, uint64_t number, uint64_t offset)
{
    struct snapshots *s = &node->snapshots;
    if (!s->cutting || number != s->cut_number) return;
    for (uint32_t i = 0; i < s->transfers_count; i++) {
        struct transfer *transfer = &s->transfers[i];
        if (transfer->peer != peer || offset > transfer->offset) continue;
        if (offset > transfer->taken) transfer->taken = offset;
        transfer->progress_us = node->turn.now.mono_us;
    }
}

/* The last entry that may go so that about half of NODE_LOG_KEEP_BYTES stays. */
static uint64_t compact_upto(const struct node *node, uint64_t limit)
{
    uint64_t left = raft_log_bytes(node->raft);
    uint64_t index = raft_first_index(node->raft);
    uint64_t end = index + NODE_COMPACT_ENTRIES_MAX;
    while (index <= limit && index < end && left > NODE_LOG_KEEP_BYTES / 2) {
        left -= raft_entry_at(node->raft, index)->data.size;
        index++;
    }
    return index - 1;
}

/* Memory: entries go once everyone has them; or, when too many gather, the slow are left to a
 * snapshot. Some always stay: a follower that was briefly away, or a new leader's followers. */
static void log_compact(struct node *node)
{
    uint64_t first = raft_first_index(node->raft);
    uint64_t upto = node->replica->index;
    if (node->peers.count != 0) {
        uint64_t bytes = raft_log_bytes(node->raft);
        /* What was compacted is freed little by little, and counted until then. */
        if (bytes <= NODE_LOG_KEEP_BYTES || raft_releasing(node->raft)) return;
        bool over = bytes > node->config.log_bytes_memory;
        uint64_t held = raft_replicated_index(node->raft);
        if (!over && upto > held) upto = held;
        bool cut_pins = node->snapshots.cutting && node->snapshots.transfers_count > 0;
        if (!over && cut_pins && upto > node->snapshots.cut_index) upto = node->snapshots.cut_index;
        upto = compact_upto(node, upto);
    }
    if (upto >= first) raft_compact(node->raft, upto);
}

void snapshots_turn(struct node *node)
{
    struct snapshots *s = &node->snapshots;
    if (node->raft == NULL) return;
    snapshot_incoming_turn(node);
    log_compact(node);
    if (!s->cutting && s->incoming == NULL && node->replica->index > 0) {
        bool followers = transfers_invite(node);
        if (followers || cut_wanted_for_disk(node)) cut_begin(node);
    }
    if (s->cutting) cut_go_on(node);
}

void snapshots_link_lost(struct node *node, struct link *link)
{
    struct snapshots *s = &node->snapshots;
    if (s->incoming != NULL && s->incoming_link == link->connection.id) {
        snapshot_incoming_abort(node);
    }
}

void snapshots_peer_lost(struct node *node, uint32_t peer)
{
    struct snapshots *s = &node->snapshots;
    for (uint32_t i = s->transfers_count; i-- > 0;) {
        if (s->transfers[i].peer == peer) transfer_drop(node, i);
    }
}
