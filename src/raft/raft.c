/* The replica as a whole: life cycle, dispatch of what comes in, and what goes out. */
#include "raft/raft.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

/* --- shared inside --- */

const struct raft_members *members_of(const struct raft *raft)
{
    return members_in_force(&raft->history);
}

struct raft_message *queue_message(struct raft *raft, enum raft_message_type type, uint32_t to)
{
    struct message_queue *queue = &raft->queue;
    if (queue->count == queue->capacity) {
        uint32_t capacity = queue->capacity == 0 ? 4 : queue->capacity * 2;
        struct raft_message *messages = realloc(queue->messages, capacity * sizeof *messages);
        ASSERT(messages != NULL);
        queue->messages = messages;
        queue->capacity = capacity;
    }
    struct raft_message *message = &queue->messages[queue->count++];
    *message = (struct raft_message){
        .type = type,
        .from = raft->config.self,
        .to = to,
        .term = raft->term,
        .untrusted = !raft->trusted,
        .gate = RAFT_GATE_HARD_STATE,
    };
    return message;
}

bool hard_state_durable(const struct raft *raft)
{
    return !raft->hard_dirty && raft->hard_sequence <= raft->log.durable_sequence;
}

void append_entry(struct raft *raft, const struct raft_entry *entry)
{
    log_append(&raft->log, entry);
    if (raft->role == RAFT_LEADER) raft->uncommitted_bytes += entry_cost(entry);
    if (entry->kind != RAFT_KIND_MEMBERS) return;
    struct raft_members before = *members_of(raft);
    struct raft_members members;
    /* What a peer sent was looked at before it came here (receive_append). */
    ASSERT(raft_members_decode(entry->data, &members));
    members_history_append(&raft->history, entry->index, &members);
    if (raft->role == RAFT_LEADER) replication_members_changed(raft, &before);
}

void truncate_entries(struct raft *raft, uint64_t last)
{
    ASSERT(last >= raft->commit);
    raft->counters.truncations++;
    log_truncate(&raft->log, last);
    members_history_truncate(&raft->history, last);
}

void note_time(struct raft *raft, struct raft_time now)
{
    ASSERT(raft->started);
    if (now.mono_us < raft->now.mono_us) now.mono_us = raft->now.mono_us;
    raft->now = now;
}

/* --- life cycle --- */

static void check_config(const struct raft_config *config)
{
    ASSERT(config->self != 0);
    ASSERT(config->heartbeat_us > 0);
    ASSERT(config->election_timeout_us > config->heartbeat_us);
    ASSERT(config->append_bytes_max > 0);
    ASSERT(config->inflight_messages_max > 0);
    ASSERT(config->uncommitted_bytes_max > 0);
    ASSERT(config->clock_drift_permille < 1000);
}

struct raft *raft_create(const struct raft_config *config, const struct raft_restored *restored)
{
    check_config(config);
    ASSERT(restored->members.count <= RAFT_MEMBERS_MAX);
    struct raft *raft = calloc(1, sizeof *raft);
    ASSERT(raft != NULL);
    raft->config = *config;
    raft->random = random_seeded(random_mix(config->seed) + config->self);
    raft->term = restored->term;
    raft->vote = restored->vote;
    raft->trusted = restored->trusted;
    raft->commit = restored->snapshot_index;
    raft->role = RAFT_FOLLOWER;
    read_init(raft);
    log_init(&raft->log, restored);
    members_history_init(&raft->history, restored->snapshot_index, &restored->members);
    return raft;
}

void raft_destroy(struct raft *raft)
{
    if (raft == NULL) return;
    log_free(&raft->log);
    members_history_free(&raft->history);
    for (uint32_t i = 0; i < RAFT_MEMBERS_MAX; i++) free(raft->peers[i].inflight);
    free(raft->rounds);
    free(raft->queue.messages);
    free(raft->taken.messages);
    free(raft);
}

void raft_restore_entry(struct raft *raft, const struct raft_entry *entry)
{
    ASSERT(!raft->started);
    uint64_t keep = entry->index - 1;
    if (keep < raft->log.first - 1) keep = raft->log.first - 1;
    if (keep < raft->log.last) truncate_entries(raft, keep);
    if (entry->index < raft->log.first) return;
    /* Left on disk by a log that a snapshot replaced as a whole: every entry of such a log is of
     * an earlier term than the snapshot's, or log matching would have kept it. */
    if (entry->term < log_last_term(&raft->log)) return;
    append_entry(raft, entry);
    raft->log.handed = raft->log.last;
    raft->log.durable = raft->log.last;
    /* An entry is written with its term or after it. */
    if (entry->term > raft->term) {
        raft->term = entry->term;
        raft->vote = 0;
    }
}

void raft_restore_commit(struct raft *raft, uint64_t commit_index)
{
    ASSERT(!raft->started);
    if (commit_index > raft->log.last) commit_index = raft->log.last;
    if (commit_index > raft->commit) commit_to(raft, commit_index);
}

void raft_start(struct raft *raft, struct raft_time now)
{
    ASSERT(!raft->started);
    raft->started = true;
    raft->now = now;
    follow_reset(raft);
    election_start(raft);
}

/* --- inputs --- */

void raft_tick(struct raft *raft, struct raft_time now)
{
    note_time(raft, now);
    if (raft->role == RAFT_LEADER)
        replication_tick(raft);
    else
        election_tick(raft);
}

uint64_t raft_deadline_us(const struct raft *raft)
{
    if (raft->role == RAFT_LEADER) {
        bool sooner = raft->transfer_to != 0 && raft->transfer_until_us < raft->heartbeat_us;
        return sooner ? raft->transfer_until_us : raft->heartbeat_us;
    }
    return election_may_campaign(raft) ? raft->election_us : UINT64_MAX;
}

/* Who knows of no membership yet (a new or wiped disk) only listens to whoever leads. */
static bool acceptable(const struct raft *raft, const struct raft_message *message)
{
    if (message->to != raft->config.self || message->from == raft->config.self) return false;
    if (message->from == 0 || message->term == 0 || message->term > RAFT_TERM_MAX) return false;
    return members_of(raft)->count > 0 || message->type == RAFT_APPEND;
}

void raft_receive(struct raft *raft, struct raft_time now, const struct raft_message *message)
{
    note_time(raft, now);
    if (!acceptable(raft, message)) return;
    switch (message->type) {
    case RAFT_PRE_VOTE:
    case RAFT_VOTE: receive_vote_request(raft, message); break;
    case RAFT_PRE_VOTE_REPLY:
    case RAFT_VOTE_REPLY: receive_vote_reply(raft, message); break;
    case RAFT_APPEND: receive_append(raft, message); break;
    case RAFT_APPEND_REPLY: receive_append_reply(raft, message); break;
    case RAFT_READ: receive_read(raft, message); break;
    case RAFT_READ_REPLY: receive_read_reply(raft, message); break;
    case RAFT_TIMEOUT_NOW: receive_timeout_now(raft, message); break;
    case RAFT_MESSAGE_TYPES: break;
    }
}

static enum raft_propose_result propose(struct raft *raft, uint8_t kind, uint8_t version,
                                        struct slice data, bool sets_clock, uint64_t *index)
{
    ASSERT(kind >= RAFT_KIND_CALLER && data.size <= RAFT_ENTRY_SIZE_MAX);
    if (raft->role != RAFT_LEADER) return RAFT_PROPOSE_NOT_LEADER;
    if (raft->transfer_to != 0) return RAFT_PROPOSE_TRANSFER;
    struct raft_entry entry = {
        .index = raft->log.last + 1,
        .term = raft->term,
        .kind = kind,
        .version = version,
        .data = data,
    };
    /* One entry always passes, however large, or it never would. */
    bool waiting = raft->commit < raft->log.last;
    uint64_t bytes = raft->uncommitted_bytes + entry_cost(&entry);
    if (waiting && bytes > raft->config.uncommitted_bytes_max) return RAFT_PROPOSE_BUSY;
    raft_log_time(raft, raft->now, &entry.elapsed_us, &entry.wall_us);
    if (sets_clock) entry.wall_us = raft->now.wall_us;
    append_entry(raft, &entry);
    *index = entry.index;
    return RAFT_PROPOSE_OK;
}

enum raft_propose_result raft_propose(struct raft *raft, struct raft_time now, uint8_t kind,
                                      uint8_t version, struct slice data, uint64_t *index)
{
    note_time(raft, now);
    return propose(raft, kind, version, data, false, index);
}

enum raft_propose_result raft_propose_clock(struct raft *raft, struct raft_time now, uint8_t kind,
                                            uint8_t version, struct slice data, uint64_t *index)
{
    note_time(raft, now);
    return propose(raft, kind, version, data, true, index);
}

void raft_durable(struct raft *raft, struct raft_time now, uint64_t sequence)
{
    note_time(raft, now);
    log_written(&raft->log, sequence);
    election_hard_state_durable(raft);
    commit_count(raft);
    follow_durable(raft);
}

void raft_peer_lost(struct raft *raft, uint32_t peer)
{
    replication_peer_lost(raft, peer);
}

void raft_set_waiting(struct raft *raft, bool waiting)
{
    raft->waiting = waiting;
}

void raft_set_mute(struct raft *raft, struct raft_time now, bool mute)
{
    note_time(raft, now);
    if (mute == raft->mute) return;
    raft->mute = mute;
    if (!mute)
        election_unmute(raft);
    else if (raft->role != RAFT_FOLLOWER)
        become_follower(raft, raft->term, 0);
}

void raft_set_abstaining(struct raft *raft, struct raft_time now, bool abstaining)
{
    note_time(raft, now);
    if (abstaining == raft->abstaining) return;
    raft->abstaining = abstaining;
    if (raft->role == RAFT_LEADER) return;
    if (!abstaining)
        election_unmute(raft);
    else if (raft->role != RAFT_FOLLOWER)
        become_follower(raft, raft->term, 0);
}

/* --- output --- */

/* Entries of [handed + 1, last] and changed hard state are to be written under `sequence`. */
static void take_writes(struct raft *raft, uint64_t sequence, struct raft_output *output)
{
    if (raft->log.handed < raft->log.last) {
        output->persist_first = raft->log.handed + 1;
        output->persist_last = raft->log.last;
    }
    output->hard_state = raft->hard_dirty;
    output->term = raft->term;
    output->vote = raft->vote;
    output->trusted = raft->trusted;
    if (output->persist_first == 0 && !output->hard_state) return;
    ASSERT(sequence > raft->taken_sequence);
    raft->taken_sequence = sequence;
    if (raft->hard_dirty) raft->hard_sequence = sequence;
    raft->hard_dirty = false;
    log_hand_out(&raft->log, sequence);
}

void raft_take_output(struct raft *raft, uint64_t sequence, struct raft_output *output)
{
    ASSERT(raft->started);
    *output = (struct raft_output){0};
    log_release(&raft->log);
    transfer_turn(raft);
    read_turn(raft);
    replication_send(raft);
    follow_reply(raft);
    take_writes(raft, sequence, output);
    uint64_t gate = hard_state_durable(raft) ? 0 : raft->hard_sequence;
    for (uint32_t i = 0; i < raft->queue.count; i++) {
        struct raft_message *message = &raft->queue.messages[i];
        if (message->gate == RAFT_GATE_HARD_STATE) message->gate = gate;
    }
    struct message_queue taken = raft->queue;
    raft->queue = raft->taken;
    raft->queue.count = 0;
    raft->taken = taken;
    output->messages_count = taken.count;
    output->messages = taken.messages;
    output->reads_confirmed = raft->read_confirmed;
    output->reads_index = raft->read_index;
}

/* --- state --- */

enum raft_role raft_role(const struct raft *raft)
{
    return raft->role;
}

uint32_t raft_leader(const struct raft *raft)
{
    return raft->leader;
}

uint64_t raft_term(const struct raft *raft)
{
    return raft->term;
}

uint32_t raft_vote(const struct raft *raft)
{
    return raft->vote;
}

bool raft_trusted(const struct raft *raft)
{
    return raft->trusted;
}

uint64_t raft_commit_index(const struct raft *raft)
{
    return raft->commit;
}

uint64_t raft_last_index(const struct raft *raft)
{
    return raft->log.last;
}

uint64_t raft_durable_index(const struct raft *raft)
{
    return raft->log.durable;
}

uint64_t raft_first_index(const struct raft *raft)
{
    return raft->log.first;
}

const struct raft_counters *raft_counters(const struct raft *raft)
{
    return &raft->counters;
}

bool raft_settled(const struct raft *raft)
{
    return raft->role == RAFT_LEADER && log_term(&raft->log, raft->commit) == raft->term;
}

const struct raft_members *raft_members(const struct raft *raft)
{
    return members_of(raft);
}

uint64_t raft_members_index(const struct raft *raft)
{
    return members_index(&raft->history);
}

const struct raft_members *raft_members_at(const struct raft *raft, uint64_t index)
{
    return members_as_of(&raft->history, index);
}

uint64_t raft_term_at(const struct raft *raft, uint64_t index)
{
    return log_term(&raft->log, index);
}

const struct raft_entry *raft_entry_at(const struct raft *raft, uint64_t index)
{
    return log_at(&raft->log, index);
}

void raft_log_time(const struct raft *raft, struct raft_time now, uint64_t *elapsed_us,
                   uint64_t *wall_us)
{
    log_last_time(&raft->log, elapsed_us, wall_us);
    if (raft->role != RAFT_LEADER) return;
    uint64_t led_us = now.mono_us > raft->elected_us ? now.mono_us - raft->elected_us : 0;
    if (raft->elected_elapsed_us + led_us > *elapsed_us) {
        *elapsed_us = raft->elected_elapsed_us + led_us;
    }
    if (now.wall_us > *wall_us) *wall_us = now.wall_us;
}

uint64_t raft_log_bytes(const struct raft *raft)
{
    return raft->log.bytes;
}

bool raft_releasing(const struct raft *raft)
{
    return log_releasing(&raft->log);
}

/* --- compaction and snapshots --- */

void raft_compact(struct raft *raft, uint64_t index)
{
    ASSERT(index <= raft->commit);
    if (index > raft->log.durable) index = raft->log.durable;
    if (index < raft->log.first) return;
    log_compact(&raft->log, index);
    members_history_compact(&raft->history, index);
}

bool raft_install_snapshot(struct raft *raft, struct raft_time now, uint64_t index, uint64_t term,
                           uint64_t elapsed_us, uint64_t wall_us,
                           const struct raft_members *members)
{
    note_time(raft, now);
    if (index <= raft->commit || raft->role == RAFT_LEADER) return false;
    /* A candidacy is for the members that it began with. */
    if (raft->role != RAFT_FOLLOWER) become_follower(raft, raft->term, 0);
    if (index <= raft->log.last && log_term(&raft->log, index) == term) {
        log_compact(&raft->log, index);
        members_history_compact(&raft->history, index);
        members_history_set_oldest(&raft->history, index, members);
    } else {
        log_reset(&raft->log, index, term, elapsed_us, wall_us);
        members_history_init(&raft->history, index, members);
    }
    raft->commit = index;
    if (raft->matched < index) raft->matched = index;
    raft->reply_due = true;
    raft->replied.type = 0;
    trust_check(raft);
    return true;
}
