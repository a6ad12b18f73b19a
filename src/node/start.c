/* From what the disk held to a running node: snapshot, log, and what to do when they are not
 * whole. The rules for torn and damaged stand in specs/disk.md. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/hub.h"
#include "node/text.h"

/* Of one group. */
struct found_group {
    struct replica *replica;
    uint64_t snapshot_index; /* of that replica, once the group has it; 0: there is none */
    uint64_t snapshot_bytes;
    struct snapshot_header header;
    bool hole; /* entries are missing between the snapshot and the log, or within it */
};

/* What START gathers before the node can be built. */
struct found {
    const struct event_start *start;
    struct wal_recovered log;
    struct found_group *groups;
    struct wal_snapshot *snapshots; /* of each group */
    uint32_t count;
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
    struct wal_owner owner = {node->config.self, found->count, found->snapshots};
    wal_recover_before(start->segments, start->segments_count, found->log.bad_segment, &owner,
                       &found->log);
    found->trusted = false;
    trace_begin(&node->turn, "log-damaged");
    trace_text(&node->turn, "why", found->log.reason);
    trace_end(&node->turn);
}

static void say_snapshot(struct text *text, uint64_t number)
{
    text_add(text, "snapshot-");
    text_add_hex(text, number, 16);
}

/* It is not whole: a node alone stops here, a member of a cluster goes on without it. */
static bool snapshot_bad(struct node *node, struct found *found, uint64_t number,
                         const struct snapshot_fault *fault)
{
    char reason[256];
    struct text text = text_in(reason, sizeof reason);
    say_snapshot(&text, number);
    text_add(&text, " at offset ");
    text_add_decimal(&text, fault->offset);
    text_add(&text, ": ");
    text_add(&text, fault->why);
    if (fault->foreign || alone(node)) {
        node_die(node, reason,
                 fault->foreign ? "" : ". Not starting: what was acknowledged is in it");
        return false;
    }
    buffer_put_u64(&node->start.set_aside_snapshots, number);
    found->trusted = false;
    trace_begin(&node->turn, "snapshot-damaged");
    trace_text(&node->turn, "why", reason);
    trace_end(&node->turn);
    return true;
}

static bool snapshot_read(struct node *node, struct found *found,
                          const struct snapshot_image *image)
{
    struct snapshot_fault fault = {0};
    uint32_t number = node_snapshot_group(image->number);
    if (number >= found->count) {
        char name[32];
        struct text text = text_in(name, sizeof name);
        say_snapshot(&text, image->number);
        node_die(node, name, " is of a group that this node does not have: start it as before");
        return false;
    }
    struct found_group *group = &found->groups[number];
    /* An empty file is a damaged one. */
    group->replica =
        group_read_snapshot(node->groups.all[number].group, image->bytes, &group->header, &fault);
    if (group->replica == NULL) {
        memset(&group->header, 0, sizeof group->header);
        return snapshot_bad(node, found, image->number, &fault);
    }
    group->snapshot_bytes = image->bytes.size;
    found->snapshots[number] = (struct wal_snapshot){group->header.index, group->header.term};
    return true;
}

static bool snapshots_read(struct node *node, struct found *found)
{
    for (uint32_t i = 0; i < found->start->snapshots_count; i++) {
        if (!snapshot_read(node, found, &found->start->snapshots[i])) return false;
    }
    return true;
}

/* Group 0 knows who the members are. */
static void note_members(void *context, uint32_t group, const struct raft_entry *entry)
{
    struct snapshot_header *header = context;
    if (group != 0 || entry->kind != RAFT_KIND_MEMBERS || entry->index <= header->index) return;
    (void)raft_members_decode(entry->data, &header->members);
}

/* A node that was founded alone may have company by now: its log knows. */
static bool still_alone(const struct node *node, const struct found *found)
{
    if (!alone(node)) return false;
    struct snapshot_header header = found->groups[0].header;
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
    bool company = found->groups[0].header.members.count > 1;
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
    struct wal_owner owner = {node->config.self, found->count, found->snapshots};
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
    struct node *node;
    struct found *found;
};

static void restore_entry(void *context, uint32_t number, const struct raft_entry *entry)
{
    struct restoring *r = context;
    struct found_group *found = &r->found->groups[number];
    struct raft *raft = group_raft(r->node->groups.all[number].group);
    if (!r->found->log.groups[number].keeps_suffix) return;
    if (entry->index <= found->header.index || found->hole) return;
    if (entry->index > raft_last_index(raft) + 1) {
        found->hole = true;
        return;
    }
    raft_restore_entry(raft, entry);
}

static uint32_t holes_count(const struct found *found)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < found->count; i++) count += found->groups[i].hole;
    return count;
}

static void raft_open(struct node *node, const struct found *found, uint32_t number)
{
    const struct found_group *group = &found->groups[number];
    const struct wal_hard_state *state = &found->log.groups[number].hard_state;
    struct raft_restored restored = {
        .term = state->term,
        .vote = state->vote,
        .trusted = found->trusted && state->trusted,
        .snapshot_index = group->header.index,
        .snapshot_term = group->header.term,
        .snapshot_elapsed_us = group->header.elapsed_us,
        .snapshot_wall_us = group->header.wall_us,
        .members = group->header.members,
    };
    group_open(node->groups.all[number].group, found->log.meta.cluster, &restored);
}

/* False: of some group entries are missing. Those of which that is known are left without any. */
static bool rafts_open(struct node *node, struct found *found)
{
    struct restoring r = {.node = node, .found = found};
    for (uint32_t i = 0; i < found->count; i++) raft_open(node, found, i);
    uint32_t known = holes_count(found);
    wal_each_entry(found->start->segments, found->start->segments_count, &found->log, restore_entry,
                   &r);
    return holes_count(found) == known;
}

/* Every raft as the disk has it; without its entries where some are missing. */
static void rafts_build(struct node *node, struct found *found)
{
    if (rafts_open(node, found)) return;
    if (alone(node)) {
        node_die(node, "entries are missing between the snapshot and the log", "");
        return;
    }
    /* Repaired by the peers, like any damage. */
    found->trusted = false;
    for (uint32_t i = 0; i < found->count; i++) group_close(node->groups.all[i].group);
    bool whole = rafts_open(node, found);
    ASSERT(whole);
}

/* The highest that the node has taken in any group; a snapshot may know a later one than a log that
 * its owner has cut. */
static uint64_t last_incarnation(const struct node *node, const struct found *found)
{
    uint64_t last = found->log.meta.incarnation;
    for (uint32_t i = 0; i < found->count; i++) {
        const struct replica *replica = group_replica(node->groups.all[i].group);
        const struct origin *origin = replica_origin(replica, node->config.self);
        if (origin != NULL && origin->incarnation > last) last = origin->incarnation;
    }
    return last;
}

/* A start that follows an untrusted one still has no incarnation: see proposals.c. */
static bool group_held(const struct found *found, uint32_t number)
{
    const struct wal_recovered_group *group = &found->log.groups[number];
    return !found->trusted || (group->has_hard_state && group->hard_state.held);
}

/* A group opens in the next incarnation, or in none; what of its log does not count any more is
 * said to be so. */
static void wal_continue_group(struct node *node, const struct found *found, uint32_t number)
{
    const struct found_group *group = &found->groups[number];
    const struct wal_recovered_group *log = &found->log.groups[number];
    if (log->has_hard_state) {
        struct wal_hard_state state = log->hard_state;
        if (!found->trusted) state.trusted = false;
        state.held = group_held(found, number);
        wal_put_hard_state(&node->wal, number, &state);
    }
    if (group->hole || (group->snapshot_index > 0 && !log->keeps_suffix)) {
        /* Entries are missing, or the snapshot was durable before the log was: what is written
         * from here on stands behind the snapshot, not behind what is left of the log, and the next
         * start must know. */
        wal_put_reset(&node->wal, number, group->header.index, group->header.term);
    }
}

/* The log goes on in a new segment, each group in a new incarnation. One is taken in any case:
 * peers tell the lives of a node apart by it. */
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
    struct wal_meta meta = found->log.meta;
    uint64_t last = last_incarnation(node, found);
    meta.node = node->config.self;
    meta.incarnation = last + 1;
    for (uint32_t i = 0; i < found->count; i++) {
        if (group_held(found, i)) continue;
        group_begin(node->groups.all[i].group, ++last);
        meta.incarnation = last;
    }
    meta.fsync_never = node->config.fsync_never;
    memcpy(meta.boot_id, found->start->boot_id, NODE_BOOT_ID_SIZE);
    wal_put_meta(wal, &meta);
    for (uint32_t i = 0; i < found->count; i++) wal_continue_group(node, found, i);
    node->wal.ready_sequence = wal->sequence + 1;
    node->founding.cluster = meta.cluster;
}

static bool cluster_agrees(struct node *node, const struct found *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        if (found->groups[i].replica == NULL) continue;
        if (found->groups[i].header.cluster == found->log.meta.cluster) continue;
        node_die(node, "log and snapshot in the data directory belong to different clusters", "");
        return false;
    }
    return true;
}

/* The cluster that some snapshot belongs to; 0: there is none. */
static uint64_t snapshots_cluster(const struct found *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        if (found->groups[i].replica != NULL) return found->groups[i].header.cluster;
    }
    return 0;
}

/* The log is gone, or cut back to before this node was a member, and a snapshot is left: that knows
 * which cluster it belongs to. */
static bool log_replace(struct node *node, struct found *found)
{
    struct wal_meta *meta = &found->log.meta;
    uint64_t cluster = snapshots_cluster(found);
    if (cluster == 0 || meta->membership == WAL_MEMBER) return true;
    if (alone(node)) {
        node_die(node, "the data directory holds a snapshot and no log", "");
        return false;
    }
    if (meta->cluster == 0) meta->cluster = cluster;
    meta->membership = WAL_MEMBER;
    for (uint32_t i = 0; i < found->count; i++) found->log.groups[i].has_hard_state = true;
    found->trusted = false;
    trace_begin(&node->turn, "log-missing");
    trace_end(&node->turn);
    return true;
}

/* An older start had no other word for a group that is held. */
static void states_judge(struct found *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        struct wal_recovered_group *group = &found->log.groups[i];
        if (!group->has_hard_state) continue;
        if (found->log.has_meta && found->log.meta.incarnation == 0) group->hard_state.held = true;
        if (!group->hard_state.trusted) group->hard_state.held = true;
    }
}

static void replicas_adopt(struct node *node, struct found *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        struct found_group *group = &found->groups[i];
        if (group->replica == NULL) continue;
        group->snapshot_index = group->header.index;
        group_adopt(node->groups.all[i].group, group->replica, group->snapshot_bytes);
        group->replica = NULL;
    }
}

static void trace_started(struct node *node, const struct found *found)
{
    const struct raft *raft = group_raft(node->group);
    trace_begin(&node->turn, "started");
    trace_number(&node->turn, "incarnation", group_incarnation(node->group));
    trace_number(&node->turn, "snapshot", found->groups[0].snapshot_index);
    trace_number(&node->turn, "last", raft == NULL ? 0 : raft_last_index(raft));
    trace_end(&node->turn);
}

static void node_build(struct node *node, struct found *found)
{
    replicas_adopt(node, found);
    boot_judge(node, found);
    states_judge(found);
    node->founding.membership = found->log.meta.membership;
    if (node->founding.membership == WAL_MEMBER) rafts_build(node, found);
    start_secure(node, found->start, &found->log);
    wal_continue(node, found);
    start_plan_set_aside(node, found->start, &found->log);
    if (node->founding.membership != WAL_MEMBER) founding_begin(node);
    for (uint32_t i = 0; i < found->count && node->process.fatal == NULL; i++) {
        struct raft *raft = group_raft(groups_touch(node, i));
        if (raft != NULL) raft_start(raft, node->turn.now);
    }
    for (uint32_t i = 0; i < found->count; i++) group_propose_open(groups_touch(node, i));
    trace_started(node, found);
}

void node_start(struct node *node, const struct event_start *start)
{
    ASSERT(!node->process.started);
    node->process.started = true;
    node->process.started_us = node->turn.now.mono_us;
    struct found found = {.start = start, .count = node->groups.count, .trusted = true};
    found.groups = calloc(found.count, sizeof *found.groups);
    found.snapshots = calloc(found.count, sizeof *found.snapshots);
    ASSERT(found.groups != NULL && found.snapshots != NULL);
    bool good = snapshots_read(node, &found) && log_read(node, &found);
    if (good) good = log_replace(node, &found) && cluster_agrees(node, &found);
    if (good) node_build(node, &found);
    for (uint32_t i = 0; i < found.count; i++) replica_destroy(found.groups[i].replica);
    wal_recovered_free(&found.log);
    free(found.groups);
    free(found.snapshots);
}
