/* The follower: what it accepts from the leader of its term (section 5.3), and what it says about
 * it.
 *
 * An acknowledgement speaks of entries that are durable here *and* were checked against this
 * leader's log in this term: min(matched, durable). All that is due goes out as one reply per
 * step; entries are acknowledged when their write is durable, heartbeats at once and with what is
 * durable by then, so no reply stands behind a write. */
#include "base/assert.h"
#include "raft/raft_internal.h"

void follow_reset(struct raft *raft)
{
    /* What is committed is in the log of every later leader (section 5.4.3). */
    raft->matched = raft->commit;
    raft->acked = 0;
    raft->round_heard = 0;
    raft->reply_due = false;
    raft->replied = (struct raft_message){0};
    raft->trust_index = 0;
    raft->read_asked = 0;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A refusal names the last index where the logs may still agree: ours at or below the leader's
 * previous one, passing over all entries of terms later than the leader's there, which cannot be
 * in its log. The leader does the same with our term (replication.c), so that each refusal passes
 * over one term and not one entry. */
static void refuse(struct raft *raft, const struct raft_message *message)
{
    struct raft_message *reply = queue_message(raft, RAFT_APPEND_REPLY, message->from);
    uint64_t from = lesser(message->index, raft->log.last);
    reply->index = log_find_term(&raft->log, raft->commit, from, message->index_term);
    reply->index_term = log_term(&raft->log, reply->index);
    reply->last_index = raft->matched;
    reply->round = raft->round_heard;
    reply->waiting = raft->waiting;
}

/* Of an older term: the sender learns of ours and steps down. */
static void refuse_stale(struct raft *raft, const struct raft_message *message)
{
    struct raft_message *reply = queue_message(raft, RAFT_APPEND_REPLY, message->from);
    reply->index = raft->commit;
    reply->index_term = log_term(&raft->log, raft->commit);
}

static bool entries_valid(const struct raft_message *message)
{
    if (message->entries_count > RAFT_MESSAGE_ENTRIES_MAX) return false;
    if (message->entries_count > 0 && message->entries == NULL) return false;
    if (message->index > UINT64_MAX - 2 * RAFT_MESSAGE_ENTRIES_MAX) return false;
    uint64_t term = message->index_term;
    for (uint32_t i = 0; i < message->entries_count; i++) {
        const struct raft_entry *entry = &message->entries[i];
        if (entry->index != message->index + 1 + i) return false;
        if (entry->term < term || entry->term == 0) return false;
        if (entry->data.size > RAFT_ENTRY_SIZE_MAX) return false;
        struct raft_members members;
        if (entry->kind == RAFT_KIND_MEMBERS && !raft_members_decode(entry->data, &members)) {
            return false;
        }
        term = entry->term;
    }
    return term <= message->term;
}

/* Appends what is new, dropping what conflicts: only on conflict, for this may be an older message
 * than the last one, and what follows its entries may have been acknowledged. */
static void accept_entries(struct raft *raft, const struct raft_message *message)
{
    for (uint32_t i = 0; i < message->entries_count; i++) {
        const struct raft_entry *entry = &message->entries[i];
        if (entry->index < raft->log.first) continue;
        if (entry->index <= raft->log.last) {
            if (log_term(&raft->log, entry->index) == entry->term) continue;
            ASSERT(entry->index > raft->commit);
            truncate_entries(raft, entry->index - 1);
        }
        append_entry(raft, entry);
    }
}

/* A message that begins below our snapshot must agree with it where it passes over it. */
static bool snapshot_matches(const struct raft *raft, const struct raft_message *message)
{
    uint64_t snapshot_index = raft->log.first - 1;
    if (message->index >= snapshot_index) return true;
    if (message->index + message->entries_count < snapshot_index) return true;
    return message->entries[snapshot_index - message->index - 1].term == raft->log.snapshot_term;
}

/* Do the logs agree at the entry before the message's? Below the snapshot they do: that much is
 * committed. */
static bool previous_matches(const struct raft *raft, const struct raft_message *message)
{
    if (message->index < raft->log.first - 1) return true;
    if (message->index > raft->log.last) return false;
    bool same = log_term(&raft->log, message->index) == message->index_term;
    ASSERT(same || message->index > raft->commit);
    return same;
}

static void follow_leader(struct raft *raft, const struct raft_message *message)
{
    if (message->term > raft->term || raft->role != RAFT_FOLLOWER || raft->leader == 0) {
        become_follower(raft, message->term, message->from);
    }
    raft->promised_us = raft->now.mono_us + raft->config.election_timeout_us;
    election_reset_timer(raft);
    if (message->round > raft->round_heard) raft->round_heard = message->round;
    if (message->trust_index > raft->trust_index) raft->trust_index = message->trust_index;
}

void receive_append(struct raft *raft, const struct raft_message *message)
{
    if (message->term < raft->term) {
        refuse_stale(raft, message);
        return;
    }
    bool same_term = message->term == raft->term;
    if (same_term && raft->leader != 0 && raft->leader != message->from) return;
    if (!entries_valid(message) || !snapshot_matches(raft, message)) return;
    raft->counters.appends_heard++;
    follow_leader(raft, message);
    if (!previous_matches(raft, message)) {
        refuse(raft, message);
        return;
    }
    accept_entries(raft, message);
    uint64_t end = message->index + message->entries_count;
    if (end > raft->matched) raft->matched = end;
    uint64_t commit = lesser(message->commit, raft->matched);
    if (commit > raft->commit) commit_to(raft, commit);
    /* Entries are acknowledged when they are durable; if they all were (a duplicate), now. */
    if (message->entries_count == 0 || end <= raft->log.durable) raft->reply_due = true;
    if (message->entries_count > 0) raft->replied.type = 0;
    trust_check(raft);
}

void follow_durable(struct raft *raft)
{
    if (raft->role != RAFT_FOLLOWER || raft->leader == 0) return;
    if (lesser(raft->matched, raft->log.durable) > raft->acked) raft->reply_due = true;
    trust_check(raft);
}

/* A heartbeat that says nothing new (it carried the commit index) needs no second answer in its
 * round: if the first one is lost, the next round asks again. */
static bool already_said(const struct raft_message *said, const struct raft_message *reply)
{
    return said->type == reply->type && said->index == reply->index &&
           said->last_index == reply->last_index && said->round == reply->round &&
           said->waiting == reply->waiting;
}

void follow_reply(struct raft *raft)
{
    if (!raft->reply_due) return;
    raft->reply_due = false;
    if (raft->role != RAFT_FOLLOWER || raft->leader == 0) return;
    struct raft_message *reply = queue_message(raft, RAFT_APPEND_REPLY, raft->leader);
    reply->granted = true;
    reply->index = lesser(raft->matched, raft->log.durable);
    reply->last_index = raft->matched;
    reply->round = raft->round_heard;
    reply->waiting = raft->waiting;
    if (already_said(&raft->replied, reply)) {
        raft->queue.count--;
        return;
    }
    raft->replied = *reply;
    raft->acked = reply->index;
}
