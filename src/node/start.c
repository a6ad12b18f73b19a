/* From what the disk held to a running node: snapshot, log, and what to do when they are not
 * whole. The rules for torn and damaged stand in specs/disk.md. */
#include <string.h>

#include "base/assert.h"
#include "node/node_internal.h"
#include "node/text.h"

/* What START gathers before the node can be built. */
struct found {
    const struct event_start *start;
    struct wal_recovered log;
    uint32_t segments_used; /* images that may be read for entries */
    struct replica *replica;
    struct snapshot_header header;
    bool fresh;
    bool trusted;
};

static bool alone(const struct node *node)
{
    return node->config.peers_count == 0;
}

static void log_cut(struct node *node, struct found *found)
{
    const struct event_start *start = found->start;
    for (uint32_t i = 0; i < start->segments_count; i++) {
        uint64_t number = start->segments[i].number;
        if (number < found->log.bad_segment) continue;
        struct action *action = node_act(node, ACTION_TRUNCATE);
        action->segment = number;
        action->offset = number == found->log.bad_segment ? found->log.bad_offset : 0;
    }
    trace_begin(node, "log-cut");
    trace_text(node, "why", found->log.reason);
    trace_end(node);
}

/* A member of a cluster goes on without what is damaged; its peers have it. */
static void log_set_aside(struct node *node, struct found *found)
{
    const struct event_start *start = found->start;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < start->segments_count; i++) {
        if (start->segments[i].number < found->log.bad_segment) {
            kept = i + 1;
            continue;
        }
        node_act(node, ACTION_SET_ASIDE)->segment = start->segments[i].number;
    }
    found->segments_used = kept;
    if (found->log.segments_count > kept) found->log.segments_count = kept;
    found->trusted = false;
    trace_begin(node, "log-damaged");
    trace_text(node, "why", found->log.reason);
    trace_end(node);
}

static bool snapshot_read(struct node *node, struct found *found)
{
    const char *why = NULL;
    if (found->start->snapshot.size == 0) return true;
    found->replica = snapshot_restore_file(node, found->start->snapshot, &found->header, &why);
    if (found->replica != NULL) return true;
    if (alone(node)) {
        node_die(node, "the snapshot in the data directory is damaged: ", why);
        return false;
    }
    memset(&found->header, 0, sizeof found->header);
    found->trusted = false;
    trace_begin(node, "snapshot-damaged");
    trace_text(node, "why", why);
    trace_end(node);
    return true;
}

static bool log_read(struct node *node, struct found *found)
{
    const struct event_start *start = found->start;
    wal_recover(start->segments, start->segments_count, node->config.self, found->header.index,
                found->header.term, &found->log);
    found->segments_used = found->log.segments_count;
    switch (found->log.verdict) {
    case WAL_CLEAN: return true;
    case WAL_TORN: log_cut(node, found); return true;
    case WAL_DAMAGED:
        if (alone(node)) {
            node_die(node, found->log.reason,
                     ". Not starting: what was acknowledged may be behind it. Look with "
                     "`quartet log show`, decide with `quartet log cut`");
            return false;
        }
        log_set_aside(node, found);
        return true;
    case WAL_REFUSED: node_die(node, found->log.reason, ""); return false;
    }
    return true;
}

/* Under fsync_never an operating system that stopped unclean may have lost acknowledged writes. */
static void boot_judge(struct node *node, struct found *found)
{
    const struct wal_meta *meta = &found->log.meta;
    if (!found->log.has_meta || !meta->fsync_never || found->log.stopped) return;
    if (memcmp(meta->boot_id, found->start->boot_id, NODE_BOOT_ID_SIZE) == 0) return;
    trace_begin(node, "unsynced");
    trace_text(node, "why",
               "the machine restarted under --fsync never: the last writes may be lost");
    trace_end(node);
    if (!alone(node)) found->trusted = false;
}

struct restoring {
    struct node *node;
    uint64_t after;
    bool hole;
};

static void restore_entry(void *context, const struct raft_entry *entry)
{
    struct restoring *r = context;
    if (entry->index <= r->after || r->hole) return;
    if (entry->index > raft_last_index(r->node->raft) + 1) {
        r->hole = true;
        return;
    }
    raft_restore_entry(r->node->raft, entry);
}

static void raft_build(struct node *node, struct found *found)
{
    struct raft_restored restored = {
        .term = found->log.hard_state.term,
        .vote = found->log.hard_state.vote,
        .trusted = found->trusted,
        .snapshot_index = found->header.index,
        .snapshot_term = found->header.term,
        .snapshot_elapsed_us = found->header.elapsed_us,
        .snapshot_wall_us = found->header.wall_us,
        .members = found->header.members,
    };
    node_open_raft(node, &restored);
    struct restoring r = {.node = node, .after = found->header.index};
    uint32_t readable = found->log.keeps_suffix ? found->segments_used : 0;
    wal_each_entry(found->start->segments, readable, &found->log, restore_entry, &r);
    if (!r.hole) return;
    if (alone(node)) {
        node_die(node, "entries are missing between the snapshot and the log", "");
        return;
    }
    /* Repaired by the peers, like any damage. */
    raft_destroy(node->raft);
    restored.trusted = false;
    struct wal_hard_state state = node->wal.hard_state;
    state.trusted = false;
    wal_put_hard_state(&node->wal, &state);
    struct wal_meta meta = node->wal.meta;
    meta.incarnation = 0;
    wal_put_meta(&node->wal, &meta);
    node_open_raft(node, &restored);
}

/* One above the last; a snapshot may know a later one than a log that its owner has cut. A start
 * that follows an untrusted one still has none: see proposals.c. */
static uint64_t next_incarnation(const struct node *node, const struct found *found)
{
    uint64_t last = found->log.meta.incarnation;
    if (!found->trusted || (found->log.has_meta && last == 0)) return 0;
    const struct origin *origin = replica_origin(node->replica, node->config.self);
    if (origin != NULL && origin->incarnation > last) last = origin->incarnation;
    return last + 1;
}

/* The log goes on in a new segment, in a new incarnation. */
static void wal_continue(struct node *node, struct found *found)
{
    struct wal *wal = &node->wal;
    wal->segment = found->log.segment_last;
    wal->sequence = found->log.sequence;
    if (found->log.watermark > wal->sequence) wal->sequence = found->log.watermark;
    wal->durable = wal->sequence;
    for (uint32_t i = 0; i < found->segments_used; i++) {
        wal_segment_kept(wal, &found->log.segments[i]);
    }
    wal_begin_segment(wal);
    wal->hard_state = found->log.hard_state;
    wal->hard_state.trusted = found->trusted;
    struct wal_meta meta = found->log.meta;
    meta.node = node->config.self;
    meta.incarnation = next_incarnation(node, found);
    meta.fsync_never = node->config.fsync_never;
    memcpy(meta.boot_id, found->start->boot_id, NODE_BOOT_ID_SIZE);
    wal_put_meta(wal, &meta);
    if (found->log.has_hard_state) wal_put_hard_state(wal, &wal->hard_state);
    if (node->snapshots.disk_index > 0 && !found->log.keeps_suffix) {
        /* The snapshot was durable before the log was: what is written from here on stands behind
         * the snapshot, not behind what is left of the log, and the next start must know. */
        wal_put_reset(wal, found->header.index, found->header.term);
    }
    node->ready_sequence = wal->sequence + 1;
    node->membership = meta.membership;
    node->cluster = meta.cluster;
}

static bool cluster_agrees(struct node *node, const struct found *found)
{
    if (found->replica == NULL || !found->log.has_meta) return true;
    if (found->header.cluster == found->log.meta.cluster) return true;
    node_die(node, "log and snapshot in the data directory belong to different clusters", "");
    return false;
}

static void node_build(struct node *node, struct found *found)
{
    if (found->replica != NULL) {
        replica_destroy(node->replica);
        node->replica = found->replica;
        found->replica = NULL;
        node->snapshots.disk_index = found->header.index;
        node->snapshots.disk_bytes = found->start->snapshot.size;
    }
    boot_judge(node, found);
    wal_continue(node, found);
    if (node->membership == WAL_MEMBER) {
        raft_build(node, found);
        if (node->fatal == NULL) raft_start(node->raft, node->now);
    } else {
        founding_begin(node);
    }
    trace_begin(node, "started");
    trace_number(node, "incarnation", node->wal.meta.incarnation);
    trace_number(node, "snapshot", node->snapshots.disk_index);
    trace_number(node, "last", node->raft == NULL ? 0 : raft_last_index(node->raft));
    trace_end(node);
}

void node_start(struct node *node, const struct event_start *start)
{
    ASSERT(!node->started);
    node->started = true;
    node->started_us = node->now.mono_us;
    struct found found = {.start = start};
    bool good = snapshot_read(node, &found);
    found.trusted = found.start->snapshot.size == 0 || found.replica != NULL;
    if (good) good = log_read(node, &found);
    if (good && found.log.has_hard_state && !found.log.hard_state.trusted) found.trusted = false;
    if (good && !found.log.has_meta && found.replica != NULL) {
        node_die(node, "the data directory holds a snapshot and no log", "");
        good = false;
    }
    if (good) good = cluster_agrees(node, &found);
    if (good) node_build(node, &found);
    if (found.replica != NULL) replica_destroy(found.replica);
    wal_recovered_free(&found.log);
    struct command open = {.type = COMMAND_OPEN};
    if (good) proposals_add(node, &open);
}
