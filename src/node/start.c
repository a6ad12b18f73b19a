/* From what the disk held to a running node: snapshot, log, and what to do when they are not
 * whole. The rules for torn and damaged stand in specs/disk.md. */
#include <string.h>

#include "base/assert.h"
#include "node/hub.h"
#include "node/text.h"

/* What START gathers before the node can be built. */
struct found {
    const struct event_start *start;
    struct wal_recovered log;
    struct replica *replica;
    uint64_t snapshot_index; /* of that replica, once the group has it; 0: there is none */
    struct snapshot_header header;
    bool snapshot_damaged;
    bool trusted;
    bool hole; /* entries are missing between the snapshot and the log, or within it */
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
        struct action *action = turn_act(&node->turn, ACTION_TRUNCATE);
        action->segment = number;
        action->offset = number == found->log.bad_segment ? found->log.bad_offset : 0;
    }
    trace_begin(&node->turn, "log-cut");
    trace_text(&node->turn, "why", found->log.reason);
    trace_end(&node->turn);
}

/* A member of a cluster goes on without what is damaged, and all behind it; its peers have it. */
static void log_give_up(struct node *node, struct found *found)
{
    const struct event_start *start = found->start;
    struct wal_snapshot snapshot = {found->header.index, found->header.term};
    struct wal_owner owner = {node->config.self, 1, &snapshot};
    wal_recover_before(start->segments, start->segments_count, found->log.bad_segment, &owner,
                       &found->log);
    found->trusted = false;
    trace_begin(&node->turn, "log-damaged");
    trace_text(&node->turn, "why", found->log.reason);
    trace_end(&node->turn);
}

/* What is not part of the log any more moves out of the way, once this start is durable: until
 * then the next one has to find the damage again. */
static void set_aside_plan(struct node *node, const struct found *found)
{
    const struct event_start *start = found->start;
    bool torn = found->log.verdict == WAL_TORN;
    for (uint32_t i = 0; i < start->segments_count; i++) {
        uint64_t number = start->segments[i].number;
        if (wal_recovered_keeps(&found->log, number)) continue;
        if (torn && number >= found->log.bad_segment) continue; /* cut */
        buffer_put_u64(&node->start.set_aside, number);
    }
    if (found->snapshot_damaged) node->start.set_aside_snapshot = start->snapshot_number;
}

void start_set_aside(struct node *node)
{
    struct reader numbers = reader_of(buffer_slice(&node->start.set_aside));
    while (numbers.bytes.size > 0) {
        turn_act(&node->turn, ACTION_SET_ASIDE)->segment = read_u64(&numbers);
    }
    buffer_free(&node->start.set_aside);
    if (node->start.set_aside_snapshot != 0) {
        turn_act(&node->turn, ACTION_SNAPSHOT_SET_ASIDE)->sequence = node->start.set_aside_snapshot;
    }
    node->start.set_aside_snapshot = 0;
}

static bool snapshot_read(struct node *node, struct found *found)
{
    const struct event_start *start = found->start;
    if (start->snapshot_number == 0) return true; /* an empty file is a damaged one */
    struct snapshot_fault fault = {0};
    found->replica = group_read_snapshot(node->group, start->snapshot, &found->header, &fault);
    if (found->replica != NULL) return true;
    char reason[256];
    struct text text = text_in(reason, sizeof reason);
    text_add(&text, "snapshot-");
    text_add_hex(&text, start->snapshot_number, 16);
    text_add(&text, " at offset ");
    text_add_decimal(&text, fault.offset);
    text_add(&text, ": ");
    text_add(&text, fault.why);
    if (fault.foreign || alone(node)) {
        node_die(node, reason,
                 fault.foreign ? "" : ". Not starting: what was acknowledged is in it");
        return false;
    }
    memset(&found->header, 0, sizeof found->header);
    found->snapshot_damaged = true;
    found->trusted = false;
    trace_begin(&node->turn, "snapshot-damaged");
    trace_text(&node->turn, "why", reason);
    trace_end(&node->turn);
    return true;
}

static void note_members(void *context, uint32_t group, const struct raft_entry *entry)
{
    (void)group;
    struct snapshot_header *header = context;
    if (entry->kind != RAFT_KIND_MEMBERS || entry->index <= header->index) return;
    (void)raft_members_decode(entry->data, &header->members);
}

/* A node that was founded alone may have company by now: its log knows. */
static bool still_alone(const struct node *node, const struct found *found)
{
    if (!alone(node)) return false;
    struct snapshot_header header = found->header;
    wal_each_entry(found->start->segments, found->start->segments_count, &found->log, note_members,
                   &header);
    return header.members.count <= 1;
}

static void note_company(void *context, uint32_t group, const struct raft_entry *entry)
{
    (void)group;
    struct raft_members members;
    if (entry->kind != RAFT_KIND_MEMBERS || !raft_members_decode(entry->data, &members)) return;
    if (members.count > 1) *(bool *)context = true;
}

/* Nothing that can still be read, damage or not, tells of another member. */
static bool always_alone(const struct node *node, const struct found *found)
{
    bool company = found->header.members.count > 1;
    wal_each_entry_anywhere(found->start->segments, found->start->segments_count, note_company,
                            &company);
    return alone(node) && !company;
}

/* Under fsync_never, an operating system that stopped unclean may have lost acknowledged writes; so
 * may a sync that failed, for what it covered may be dropped. */
static bool may_have_lost(const struct found *found)
{
    const struct wal_meta *meta = &found->log.meta;
    if (!found->log.has_meta || !meta->fsync_never) return false;
    if (found->start->sync_failed) return true;
    return !found->log.stopped &&
           memcmp(meta->boot_id, found->start->boot_id, NODE_BOOT_ID_SIZE) != 0;
}

/* Its owner chose that the last writes may be lost with the machine, and no one else has them: it
 * goes on with what stands before them. What stands behind is void (its next segment says so). */
static void log_lose_end(struct node *node, const struct found *found)
{
    trace_begin(&node->turn, "log-end-lost");
    trace_text(&node->turn, "why", found->log.reason);
    trace_end(&node->turn);
}

static bool log_read(struct node *node, struct found *found)
{
    const struct event_start *start = found->start;
    struct wal_snapshot snapshot = {found->header.index, found->header.term};
    struct wal_owner owner = {node->config.self, 1, &snapshot};
    wal_recover(start->segments, start->segments_count, &owner, &found->log);
    switch (found->log.verdict) {
    case WAL_CLEAN: return true;
    case WAL_TORN: log_cut(node, found); return true;
    case WAL_DAMAGED:
        if (may_have_lost(found) && always_alone(node, found)) {
            log_lose_end(node, found);
            return true;
        }
        if (alone(node)) {
            node_die(node, found->log.reason,
                     ". Not starting: what was acknowledged may be behind it. Look with "
                     "`quartet log show`, decide with `quartet log cut`");
            return false;
        }
        log_give_up(node, found);
        return true;
    case WAL_REFUSED: node_die(node, found->log.reason, ""); return false;
    }
    return true;
}

static void boot_judge(struct node *node, struct found *found)
{
    if (!may_have_lost(found)) return;
    trace_begin(&node->turn, "unsynced");
    trace_text(&node->turn, "why",
               found->start->sync_failed
                   ? "a sync failed under --fsync never: the last writes may be lost"
                   : "the machine restarted under --fsync never: the last writes may be lost");
    trace_end(&node->turn);
    if (!still_alone(node, found)) found->trusted = false;
}

struct restoring {
    struct raft *raft;
    uint64_t after;
    bool hole;
};

static void restore_entry(void *context, uint32_t group, const struct raft_entry *entry)
{
    (void)group;
    struct restoring *r = context;
    if (entry->index <= r->after || r->hole) return;
    if (entry->index > raft_last_index(r->raft) + 1) {
        r->hole = true;
        return;
    }
    raft_restore_entry(r->raft, entry);
}

/* Raft as the disk has it; without its entries where some are missing. */
static void raft_build(struct node *node, struct found *found)
{
    struct raft_restored restored = {
        .term = found->log.groups[0].hard_state.term,
        .vote = found->log.groups[0].hard_state.vote,
        .trusted = found->trusted,
        .snapshot_index = found->header.index,
        .snapshot_term = found->header.term,
        .snapshot_elapsed_us = found->header.elapsed_us,
        .snapshot_wall_us = found->header.wall_us,
        .members = found->header.members,
    };
    group_open(node->group, found->log.meta.cluster, &restored);
    if (!found->log.groups[0].keeps_suffix) return;
    struct restoring r = {.raft = group_raft(node->group), .after = found->header.index};
    wal_each_entry(found->start->segments, found->start->segments_count, &found->log, restore_entry,
                   &r);
    if (!r.hole) return;
    if (alone(node)) {
        node_die(node, "entries are missing between the snapshot and the log", "");
        return;
    }
    /* Repaired by the peers, like any damage. */
    group_close(node->group);
    found->hole = true;
    found->trusted = false;
    restored.trusted = false;
    group_open(node->group, found->log.meta.cluster, &restored);
}

static void tail_measure(void *context, uint64_t segment, uint64_t offset, struct slice bytes)
{
    (void)segment;
    (void)offset;
    *(size_t *)context += bytes.size;
}

static void tail_rewrite(void *context, uint64_t segment, uint64_t offset, struct slice bytes)
{
    struct node *node = context;
    struct action *action = turn_act(&node->turn, ACTION_REWRITE);
    action->segment = segment;
    action->offset = offset;
    action->bytes = slice_of(node->start.tail.data + node->start.tail.size, bytes.size);
    buffer_append_slice(&node->start.tail, bytes);
}

/* What was read need not be on disk: after a sync that failed, the page cache shows what the disk
 * does not have, and no later sync writes it. (Rebello and others, "Can Applications Recover from
 * fsync Failures?", ATC 2020.) */
static void log_secure(struct node *node, const struct found *found)
{
    const struct event_start *start = found->start;
    size_t size = 0;
    wal_each_tail(start->segments, start->segments_count, &found->log, tail_measure, &size);
    if (size == 0) return;
    buffer_reserve(&node->start.tail, size);
    wal_each_tail(start->segments, start->segments_count, &found->log, tail_rewrite, node);
}

/* One above the last; a snapshot may know a later one than a log that its owner has cut. A start
 * that follows an untrusted one still has none: see proposals.c. */
static uint64_t next_incarnation(const struct node *node, const struct found *found)
{
    uint64_t last = found->log.meta.incarnation;
    if (!found->trusted || (found->log.has_meta && last == 0)) return 0;
    const struct origin *origin = replica_origin(group_replica(node->group), node->config.self);
    if (origin != NULL && origin->incarnation > last) last = origin->incarnation;
    return last + 1;
}

/* The log goes on in a new segment, in a new incarnation. */
static void wal_continue(struct node *node, struct found *found)
{
    struct wal *wal = &node->wal;
    wal->segment = found->log.segment_last;
    wal->follows = found->log.sequence;
    wal->sequence = found->log.sequence;
    if (found->log.watermark > wal->sequence) wal->sequence = found->log.watermark;
    wal->durable = wal->sequence;
    for (uint32_t i = 0; i < found->log.segments_count; i++) {
        wal_segment_kept(wal, &found->log.segments[i]);
    }
    wal_begin_segment(wal);
    struct wal_hard_state hard_state = found->log.groups[0].hard_state;
    hard_state.trusted = found->trusted;
    struct wal_meta meta = found->log.meta;
    meta.node = node->config.self;
    meta.incarnation = next_incarnation(node, found);
    meta.fsync_never = node->config.fsync_never;
    memcpy(meta.boot_id, found->start->boot_id, NODE_BOOT_ID_SIZE);
    wal_put_meta(wal, &meta);
    if (found->log.groups[0].has_hard_state) wal_put_hard_state(wal, 0, &hard_state);
    if (found->hole || (found->snapshot_index > 0 && !found->log.groups[0].keeps_suffix)) {
        /* Entries are missing, or the snapshot was durable before the log was: what is written
         * from here on stands behind the snapshot, not behind what is left of the log, and the next
         * start must know. */
        wal_put_reset(wal, 0, found->header.index, found->header.term);
    }
    node->wal.ready_sequence = wal->sequence + 1;
    node->founding.cluster = meta.cluster;
}

static bool cluster_agrees(struct node *node, const struct found *found)
{
    if (found->replica == NULL) return true;
    if (found->header.cluster == found->log.meta.cluster) return true;
    node_die(node, "log and snapshot in the data directory belong to different clusters", "");
    return false;
}

/* The log is gone, or cut back to before this node was a member, and a snapshot is left: that knows
 * which cluster it belongs to. */
static bool log_replace(struct node *node, struct found *found)
{
    struct wal_meta *meta = &found->log.meta;
    if (found->replica == NULL || meta->membership == WAL_MEMBER) return true;
    if (alone(node)) {
        node_die(node, "the data directory holds a snapshot and no log", "");
        return false;
    }
    if (meta->cluster == 0) meta->cluster = found->header.cluster;
    meta->membership = WAL_MEMBER;
    found->log.groups[0].has_hard_state = true;
    found->trusted = false;
    trace_begin(&node->turn, "log-missing");
    trace_end(&node->turn);
    return true;
}

static void node_build(struct node *node, struct found *found)
{
    if (found->replica != NULL) {
        found->snapshot_index = found->header.index;
        group_adopt(node->group, found->replica, found->start->snapshot.size);
        found->replica = NULL;
    }
    boot_judge(node, found);
    node->founding.membership = found->log.meta.membership;
    if (node->founding.membership == WAL_MEMBER) raft_build(node, found);
    log_secure(node, found);
    wal_continue(node, found);
    set_aside_plan(node, found);
    if (node->founding.membership != WAL_MEMBER) founding_begin(node);
    if (group_raft(node->group) != NULL && node->process.fatal == NULL)
        raft_start(group_raft(node->group), node->turn.now);
    trace_begin(&node->turn, "started");
    trace_number(&node->turn, "incarnation", node->wal.meta.incarnation);
    trace_number(&node->turn, "snapshot", found->snapshot_index);
    trace_number(&node->turn, "last",
                 group_raft(node->group) == NULL ? 0 : raft_last_index(group_raft(node->group)));
    trace_end(&node->turn);
}

void node_start(struct node *node, const struct event_start *start)
{
    ASSERT(!node->process.started);
    node->process.started = true;
    node->process.started_us = node->turn.now.mono_us;
    struct found found = {.start = start, .trusted = true};
    bool good = snapshot_read(node, &found) && log_read(node, &found);
    if (good && found.log.groups[0].has_hard_state && !found.log.groups[0].hard_state.trusted)
        found.trusted = false;
    if (good) good = log_replace(node, &found) && cluster_agrees(node, &found);
    if (good) node_build(node, &found);
    if (found.replica != NULL) replica_destroy(found.replica);
    wal_recovered_free(&found.log);
    if (good) group_propose_open(node->group);
}
