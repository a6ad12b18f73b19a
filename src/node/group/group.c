/* One Raft group: what it applies, what it proposes by itself, and what it says. See group.h. */
#include "node/group/group.h"

#include <stdlib.h>

#include "base/assert.h"
#include "node/group/state.h"

enum {
    APPLY_BYTES_MAX = 128 << 10, /* entry data applied in one turn */
    TICKS_MAX = 4,               /* at once, for work that is left */
};

/* The machine's answers, while it says them. */
void group_emit(void *world, const struct session_key *session, const void *payload)
{
    struct group *group = world;
    if (session == NULL) {
        buffer_append(&group->marks, payload, sizeof(struct machine_mark));
        return;
    }
    if (session->node != group->config->self) return;
    /* Another one's were clients of an earlier life. */
    if (session->incarnation != group->incarnation) return;
    group->emit(group->world, session, payload);
}

struct group *group_create(const struct group_parts *parts)
{
    struct group *group = calloc(1, sizeof *group);
    ASSERT(group != NULL);
    group->config = parts->config;
    group->turn = parts->turn;
    group->wal = parts->wal;
    group->random = parts->random;
    group->emit = parts->emit;
    group->world = parts->world;
    group->shared = parts->shared;
    group->number = parts->number;
    group->machine = node_machine_of(parts->config, parts->number);
    group->wake_us = UINT64_MAX;
    group->told.trusted = true;
    proposals_init(group);
    reads_init(group);
    snapshots_init(group);
    group->replica = replica_create(group->machine.ops, group->machine.options, group_emit, group);
    return group;
}

void group_shared_init(struct group_shared *shared)
{
    list_init(&shared->wants);
}

void group_begin(struct group *group, uint64_t incarnation)
{
    group->incarnation = incarnation;
}

void group_hold(struct group *group)
{
    group->incarnation = 0;
}

void group_visit(struct group *group, uint64_t at_us)
{
    group_wake(group, at_us);
}

bool group_confirmed(const struct group *group, uint64_t ticket)
{
    const struct reads *reads = &group->reads;
    return reads->confirmed >= ticket && reads->index <= group->replica->index;
}

uint32_t group_number(const struct group *group)
{
    return group->number;
}

uint64_t group_incarnation(const struct group *group)
{
    return group->incarnation;
}

void group_destroy(struct group *group)
{
    buffer_free(&group->marks);
    buffer_free(&group->marks_told);
    proposals_free(group);
    reads_free(group);
    receipts_free(group);
    group_close(group);
    replica_destroy(group->replica);
    snapshots_free(group);
    free(group);
}

void group_open(struct group *group, uint64_t cluster, const struct raft_restored *restored)
{
    struct raft_config config = {
        .self = group->config->self,
        .election_timeout_us = group->config->election_timeout_us,
        .heartbeat_us = group->config->heartbeat_us,
        .append_bytes_max = group->config->append_bytes_max,
        .inflight_messages_max = 64,
        .uncommitted_bytes_max = 64 << 20,
        .clock_drift_permille = group->config->clock_drift_permille,
        .seed = random_next(group->random),
    };
    ASSERT(group->raft == NULL);
    group->cluster = cluster;
    group->raft = raft_create(&config, restored);
}

void group_close(struct group *group)
{
    if (group->raft != NULL) raft_destroy(group->raft);
    group->raft = NULL;
}

void group_adopt(struct group *group, struct replica *replica, uint64_t bytes)
{
    ASSERT(group->raft == NULL);
    replica_destroy(group->replica);
    group->replica = replica;
    snapshots_on_disk(group, replica->index, bytes);
    (void)wal_trim(group->wal, group->number, replica->index);
}

/* --- state --- */

struct raft *group_raft(const struct group *group)
{
    return group->raft;
}

const struct replica *group_replica(const struct group *group)
{
    return group->replica;
}

bool group_leading(const struct group *group)
{
    return group->raft != NULL && raft_role(group->raft) == RAFT_LEADER;
}

const struct raft_members *group_members_committed(const struct group *group)
{
    return raft_members_at(group->raft, raft_commit_index(group->raft));
}

bool group_members_in_force_committed(const struct group *group)
{
    return raft_members_index(group->raft) <= raft_commit_index(group->raft);
}

static const struct raft_member *member_in(const struct raft_members *members, uint32_t id)
{
    int place = raft_members_place(members, id);
    return place < 0 ? NULL : &members->member[place];
}

const struct raft_member *group_member(const struct group *group, uint32_t id)
{
    if (group->raft == NULL) return NULL;
    const struct raft_member *member = member_in(raft_members(group->raft), id);
    return member != NULL ? member : member_in(group_members_committed(group), id);
}

static bool is_voter(const struct raft_members *members, uint32_t id)
{
    const struct raft_member *member = member_in(members, id);
    return member != NULL && (!member->learner || member->outgoing);
}

void group_log_time(const struct group *group, struct machine_time *now)
{
    *now = replica_time(group->replica);
    uint64_t since_us = 0;
    if (group_leading(group)) {
        uint64_t elapsed_us = 0, wall_us = 0;
        raft_log_time(group->raft, group->turn->now, &elapsed_us, &wall_us);
        if (elapsed_us > now->elapsed_us) since_us = elapsed_us - now->elapsed_us;
        now->wall_us = wall_us;
    } else if (group->raft != NULL && raft_leader(group->raft) != 0) {
        /* The leader's clock has counted no less since it stamped that entry. Without a leader log
         * time stands still. */
        since_us = group->turn->now.mono_us - group->applied_us;
        now->wall_us += since_us;
    }
    now->elapsed_us += since_us;
    now->due_us += since_us;
}

void group_counters(const struct group *group, struct group_counters *counters)
{
    const struct snapshots *s = &group->snapshots;
    *counters = (struct group_counters){
        .proposals = group->proposals.proposed,
        .entries_applied = group->entries_applied,
        .elections_won = group->told.elections_won,
        .snapshots_written = s->written,
        .snapshots_sent = s->sent,
        .snapshots_installed = s->installed,
        .snapshot_index = s->disk_index,
        .snapshot_bytes = s->disk_bytes,
    };
}

void group_trace(struct group *group)
{
    trace_raft_changes(group->turn, group->number, group->raft, &group->told);
}

void group_set_disk_full(struct group *group, bool full)
{
    group->disk_full = full;
}

/* --- turns --- */

static bool apply_committed(struct group *group)
{
    if (group->raft == NULL) return true;
    uint64_t commit = raft_commit_index(group->raft);
    size_t bytes = 0;
    bool any = group->replica->index < commit;
    struct replica_stop stop;
    if (any) reads_stop(group, &stop);
    while (group->replica->index < commit && bytes < APPLY_BYTES_MAX) {
        const struct raft_entry *entry = raft_entry_at(group->raft, group->replica->index + 1);
        ASSERT(entry != NULL);
        if (replica_apply(group->replica, entry, &stop) == REPLICA_UNKNOWN_KIND) return false;
        bytes += entry->data.size + 64;
        group->entries_applied++;
    }
    if (any) group->applied_us = group->turn->now.mono_us;
    if (any) proposals_applied(group);
    if (group->replica->index < commit) group_wake(group, group->turn->now.mono_us);
    return true;
}

bool group_tick(struct group *group)
{
    group->wake_us = UINT64_MAX;
    if (group->raft != NULL && group->turn->now.mono_us >= raft_deadline_us(group->raft)) {
        raft_tick(group->raft, group->turn->now);
    }
    return apply_committed(group);
}

/* Log time moves with entries; where none comes by itself and something is due, a tick does. */
static void tick_turn(struct group *group)
{
    if (!group_leading(group) || !raft_settled(group->raft)) return;
    if (raft_last_index(group->raft) > group->replica->index)
        return; /* an entry carries the time */
    struct machine_deadline due = group->replica->ops->deadline(group->replica->machine);
    if (due.elapsed_us == UINT64_MAX && due.due_us == UINT64_MAX) return;
    struct machine_time now;
    group_log_time(group, &now);
    uint64_t wait = UINT64_MAX;
    if (due.elapsed_us != UINT64_MAX) {
        wait = due.elapsed_us > now.elapsed_us ? due.elapsed_us - now.elapsed_us : 0;
    }
    if (due.due_us != UINT64_MAX) {
        uint64_t other = due.due_us > now.due_us ? due.due_us - now.due_us : 0;
        if (other < wait) wait = other;
    }
    uint64_t at = group->turn->now.mono_us + wait;
    if (at < group->turn->now.mono_us) at = UINT64_MAX;
    uint64_t spaced = group->ticked_us + group->config->tick_interval_us;
    if (at < spaced && due.elapsed_us != 0) at = spaced;
    if (group->turn->now.mono_us < at) {
        group_wake(group, at);
        return;
    }
    /* Work that is left goes on with each: several, once one was not enough, share a round and a
     * sync. Where they were more than it took they do nothing. */
    bool work = due.elapsed_us == 0;
    unsigned ticks = work && group->working ? TICKS_MAX : 1;
    group->working = work;
    group->ticked_us = group->turn->now.mono_us;
    for (uint64_t index = 0; ticks > 0; ticks--) {
        (void)raft_propose(group->raft, group->turn->now, KIND_TICK, 1, slice_of(NULL, 0), &index);
    }
}

static void expire_propose(struct group *group, const struct origin *origin)
{
    uint8_t data[12];
    uint64_t index = 0;
    store_u32(data, origin->node);
    store_u64(data + 4, origin->incarnation);
    (void)raft_propose(group->raft, group->turn->now, KIND_EXPIRE, 1, slice_of(data, sizeof data),
                       &index);
}

/* The leader ends the sessions of nodes it has not heard of for a lease of log time, and of those
 * that were removed: what their clients held goes to others. */
static void lease_turn(struct group *group)
{
    if (!group_leading(group) || !raft_settled(group->raft)) return;
    uint64_t elapsed = 0;
    uint64_t wall = 0;
    raft_log_time(group->raft, group->turn->now, &elapsed, &wall);
    if (group->elected_term != raft_term(group->raft)) {
        group->elected_term = raft_term(group->raft);
        group->elected_elapsed_us = elapsed;
    }
    if (raft_last_index(group->raft) > group->replica->index) return; /* one at a time */
    for (uint32_t i = 0; i < group->replica->origins.count; i++) {
        const struct origin *origin = &group->replica->origins.at[i];
        if (origin->node == group->config->self || origin->ended || !origin->active) continue;
        uint64_t heard = origin->heard_us;
        if (heard < group->elected_elapsed_us) heard = group->elected_elapsed_us;
        uint64_t until = heard + group->config->session_lease_us;
        bool gone = group_member(group, origin->node) == NULL;
        if (elapsed >= until || gone) {
            expire_propose(group, origin);
            return;
        }
        group_wake(group, group->turn->now.mono_us + (until - elapsed));
    }
}

void group_work(struct group *group, const struct group_reach *reach)
{
    group->reach = *reach;
    log_clock_turn(group);
    proposals_turn(group);
    lease_turn(group);
    tick_turn(group);
    snapshots_turn(group);
}

bool group_write(struct group *group, bool clients_wait)
{
    if (group->raft == NULL) return false;
    reads_turn(group);
    bool waits =
        clients_wait || !list_empty(&group->proposals.sent) || !list_empty(&group->reads.waiting);
    raft_set_waiting(group->raft, waits);
    struct raft_output output;
    raft_take_output(group->raft, group->wal->sequence + 1, &output);
    if (output.hard_state) {
        struct wal_hard_state state = {output.term, output.vote, output.trusted,
                                       group->incarnation == 0};
        wal_put_hard_state(group->wal, group->number, &state);
    }
    for (uint64_t i = output.persist_first; i != 0 && i <= output.persist_last; i++) {
        wal_put_entry(group->wal, group->number, raft_entry_at(group->raft, i));
    }
    group->messages = output.messages;
    group->messages_count = output.messages_count;
    group->reads.confirmed = output.reads_confirmed;
    group->reads.index = output.reads_index;
    group_wake(group, raft_deadline_us(group->raft));
    return output.hard_state || output.persist_first != 0;
}

bool group_busy(const struct group *group)
{
    const struct snapshots *s = &group->snapshots;
    if (!group_idle(group) || !list_empty(&group->reads.waiting)) return true;
    if (!list_empty(&group->reads.behind)) return true;
    if (s->cutting || s->incoming != NULL || group->leaving != NULL) return true;
    return group->raft != NULL && group->replica->index < raft_commit_index(group->raft);
}

void group_count_voters(const struct group *group, uint64_t index, struct group_voters *voters)
{
    *voters = (struct group_voters){0};
    if (group->raft == NULL) return;
    const struct raft_members *members = raft_members(group->raft);
    for (uint32_t i = 0; i < members->count; i++) {
        if (!members->member[i].learner || members->member[i].outgoing) voters->of++;
    }
    voters->leading = group_leading(group);
    if (!voters->leading) return;
    if (raft_durable_index(group->raft) >= index) {
        voters->have += is_voter(members, group->config->self);
    }
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(group->raft, rows);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].trusted && rows[i].match >= index)
            voters->have += is_voter(members, rows[i].peer);
    }
}

uint64_t group_wake_us(const struct group *group)
{
    return group->wake_us;
}

bool group_commands_next(struct group_commands *commands, struct command *command)
{
    for (;;) {
        while (command_read(&commands->reader, command)) {
            if (command->type == COMMAND_MACHINE) return true;
        }
        if (commands->items == 0) return false;
        commands->items--;
        const struct proposal_item *item = LIST_ITEM(commands->at, struct proposal_item, link);
        commands->at = commands->at->next;
        commands->reader = reader_of(buffer_slice(&item->bytes));
        (void)read_exactly(&commands->reader, COMMANDS_HEADER_SIZE);
    }
}

static void marks_output(struct group *group, struct group_output *output)
{
    struct buffer told = group->marks_told;
    buffer_clear(&told);
    group->marks_told = group->marks;
    group->marks = told;
    output->marks_count = (uint32_t)(group->marks_told.size / sizeof *output->marks);
    output->marks = (const void *)buffer_slice(&group->marks_told).data;
}

void group_watch_open(const struct group *group, struct slice spec, struct machine_watch *watch,
                      machine_say *say, void *world)
{
    const struct replica *replica = group->replica;
    replica->ops->watch_open(replica->machine, spec, watch, say, world);
}

bool group_watch_read(const struct group *group, struct machine_watch *watch, size_t room,
                      machine_say *say, void *world)
{
    const struct replica *replica = group->replica;
    return replica->ops->watch_read(replica->machine, watch, room, say, world);
}

bool group_has_output(const struct group *group)
{
    const struct proposals *p = &group->proposals;
    const struct snapshots *s = &group->snapshots;
    return group->clients_lost || group->reborn || group->messages_count > 0 ||
           group->reads.refused_count > 0 || group->receipts.told_count > 0 ||
           group->marks.size > 0 || p->refused_count > 0 || p->uncertain > 0 ||
           p->forwards_count > 0 || !list_empty(&p->told) || s->frames_count > 0 ||
           s->wants_changed;
}

void group_take_output(struct group *group, struct group_output *output)
{
    *output = (struct group_output){
        .clients_lost = group->clients_lost,
        .reborn = group->reborn,
        .messages_count = group->messages_count,
        .messages = group->messages,
        .reads_refused_count = group->reads.refused_count,
        .reads_refused = group->reads.refused,
        .receipts_count = group->receipts.told_count,
        .receipts = group->receipts.told,
    };
    if (group->marks.size > 0) marks_output(group, output);
    group->clients_lost = false;
    group->reborn = false;
    group->messages_count = 0;
    group->reads.refused_count = 0;
    group->receipts.told_count = 0;
    proposals_output(group, output);
    snapshots_output(group, output);
}
