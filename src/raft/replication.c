/* The leader: what each follower is known to have, and what it is sent (section 5.3; batching and
 * pipelining as in the dissertation, 10.2).
 *
 * A follower is probed with one APPEND at a time until one matches; then APPENDs are pipelined,
 * `next` running ahead of `match`, up to a window of unacknowledged messages. Nothing relies on a
 * message arriving: heartbeats are empty APPENDs that carry what is needed to notice a loss. A
 * reply to a round that began after entries were sent, and that does not know them, means that
 * they were lost (or overtaken: then they are sent twice, harmlessly). */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "raft/raft_internal.h"

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void inflight_push(struct raft *raft, struct peer *peer, uint64_t end)
{
    uint32_t size = raft->config.inflight_messages_max;
    ASSERT(peer->inflight_count < size);
    if (peer->inflight == NULL) { /* who never led has no use for it */
        peer->inflight = malloc(size * sizeof *peer->inflight);
        ASSERT(peer->inflight != NULL);
    }
    peer->inflight[(peer->inflight_head + peer->inflight_count++) % size] = end;
}

static void inflight_acknowledge(struct raft *raft, struct peer *peer)
{
    uint32_t size = raft->config.inflight_messages_max;
    while (peer->inflight_count > 0 && peer->inflight[peer->inflight_head] <= peer->match) {
        peer->inflight_head = (peer->inflight_head + 1) % size;
        peer->inflight_count--;
    }
}

static void peer_enter(struct peer *peer, enum peer_state state, uint64_t next)
{
    peer->state = state;
    peer->next = next;
    peer->probing = false;
    peer->inflight_count = 0;
}

/* A leader knows nothing of a new follower but that it holds a prefix of something. */
static void peer_begin(struct raft *raft, struct peer *peer)
{
    *peer = (struct peer){.trusted = true, .inflight = peer->inflight};
    peer_enter(peer, PEER_PROBE, raft->log.last + 1);
}

/* The no-op commits what earlier terms left (section 8, 5.4.2). */
void replication_lead(struct raft *raft)
{
    for (uint32_t i = 0; i < RAFT_MEMBERS_MAX; i++) peer_begin(raft, &raft->peers[i]);
    uint64_t wall_us;
    log_last_time(&raft->log, &raft->elected_elapsed_us, &wall_us);
    raft->elected_us = raft->now.mono_us;
    raft->round = 0;
    raft->lease_round = 0;
    raft->transfer_to = 0;
    free(raft->rounds);
    raft->rounds = calloc(ROUNDS_KEPT, sizeof *raft->rounds);
    ASSERT(raft->rounds != NULL);
    raft->uncommitted_bytes = 0;
    for (uint64_t i = raft->commit + 1; i <= raft->log.last; i++) {
        raft->uncommitted_bytes += entry_cost(log_at(&raft->log, i));
    }
    struct raft_entry noop = {
        .index = raft->log.last + 1, .term = raft->term, .kind = RAFT_KIND_NOOP, .version = 1};
    raft_log_time(raft, raft->now, &noop.elapsed_us, &noop.wall_us);
    append_entry(raft, &noop);
    raft->elected_index = noop.index;
    raft->heartbeat_us = raft->now.mono_us;
    replication_tick(raft);
}

static struct raft_message *queue_append(struct raft *raft, uint32_t place, uint64_t previous,
                                         uint32_t count)
{
    struct peer *peer = &raft->peers[place];
    uint32_t id = members_of(raft)->member[place].id;
    struct raft_message *message = queue_message(raft, RAFT_APPEND, id);
    message->index = previous;
    message->index_term = log_term(&raft->log, previous);
    message->entries_count = count;
    message->commit = raft->commit;
    message->round = raft->round;
    message->trust_index = trust_target(raft, peer);
    /* It can act on the commit index up to what it surely holds once this has arrived. */
    uint64_t holds = count > 0 ? previous + count : peer->match;
    peer->told = greater(peer->told, lesser(raft->commit, holds));
    return message;
}

/* Where an empty APPEND is checked: it probes, or it asks for what was acknowledged, which a
 * follower that is what it was will always confirm. */
static uint64_t heartbeat_previous(const struct raft *raft, const struct peer *peer)
{
    uint64_t previous = peer->state == PEER_PROBE ? peer->next - 1 : peer->match;
    return greater(previous, raft->log.first - 1);
}

bool replication_quorum_lost(const struct raft *raft)
{
    const struct raft_members *members = members_of(raft);
    uint64_t heard[RAFT_MEMBERS_MAX];
    for (uint32_t i = 0; i < members->count; i++) {
        const struct peer *peer = &raft->peers[i];
        if (members->member[i].id == raft->config.self)
            heard[i] = raft->now.mono_us;
        else
            heard[i] = greater(peer->trusted ? peer->heard_us : 0, raft->elected_us);
    }
    uint64_t quorum_us = members_quorum(members, heard);
    return raft->now.mono_us - quorum_us >= raft->config.election_timeout_us;
}

void replication_heartbeat(struct raft *raft)
{
    const struct raft_members *members = members_of(raft);
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id == raft->config.self) continue;
        queue_append(raft, i, heartbeat_previous(raft, &raft->peers[i]), 0);
    }
}

/* A round of heartbeats, or the end of a leader that a quorum no longer answers (check-quorum,
 * dissertation 6.2). */
void replication_tick(struct raft *raft)
{
    if (raft->now.mono_us < raft->heartbeat_us) return;
    if (replication_quorum_lost(raft)) {
        become_follower(raft, raft->term, 0);
        return;
    }
    replication_round(raft);
}

/* At the next whole multiple of the interval: so the groups of a node fall due together, and what
 * they say fits into one frame a peer (specs/peer.md, BEATS). */
static uint64_t next_beat_us(const struct raft *raft)
{
    uint64_t interval_us = raft->config.heartbeat_us;
    return (raft->now.mono_us / interval_us + 1) * interval_us;
}

void replication_round(struct raft *raft)
{
    raft->heartbeat_us = next_beat_us(raft);
    raft->round++;
    read_round_begun(raft);
    replication_heartbeat(raft);
}

/* How many entries from `next` on go into one APPEND: at least one. *sent grows by their bytes. */
static uint32_t batch_count(const struct raft *raft, uint64_t next, uint64_t *sent)
{
    uint64_t bytes = 0;
    uint32_t count = 0;
    while (next + count <= raft->log.last && count < RAFT_MESSAGE_ENTRIES_MAX) {
        uint64_t size = log_at(&raft->log, next + count)->data.size;
        if (count > 0 && bytes + size > raft->config.append_bytes_max) break;
        bytes += size;
        count++;
    }
    *sent += bytes;
    return count;
}

static void send_entries(struct raft *raft, uint32_t place)
{
    struct peer *peer = &raft->peers[place];
    uint64_t sent = 0; /* what is under way brings an answer, and with it the next turn */
    while (peer->state != PEER_SNAPSHOT && peer->next <= raft->log.last &&
           sent < SEND_BYTES_PER_CALL) {
        if (peer->next < raft->log.first) {
            peer_enter(peer, PEER_SNAPSHOT, peer->next);
            return;
        }
        bool pipelined = peer->state == PEER_REPLICATE;
        if (pipelined && peer->inflight_count == raft->config.inflight_messages_max) return;
        if (!pipelined && peer->probing) return;
        uint32_t count = batch_count(raft, peer->next, &sent);
        queue_append(raft, place, peer->next - 1, count);
        peer->sent_round = raft->round;
        if (!pipelined) {
            peer->probing = true;
            peer->probe_end = peer->next - 1 + count;
            return;
        }
        peer->next += count;
        inflight_push(raft, peer, peer->next - 1);
    }
}

void replication_send(struct raft *raft)
{
    if (raft->role != RAFT_LEADER) return;
    const struct raft_members *members = members_of(raft);
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id == raft->config.self) continue;
        send_entries(raft, i);
        struct peer *peer = &raft->peers[i];
        bool news = lesser(peer->match, raft->commit) > peer->told;
        if (peer->waiting && news && peer->state != PEER_SNAPSHOT) {
            queue_append(raft, i, heartbeat_previous(raft, peer), 0);
        }
    }
}

/* What is known of a member goes where the member went; who is new begins anew. */
void replication_members_changed(struct raft *raft, const struct raft_members *before)
{
    struct peer known[RAFT_MEMBERS_MAX];
    bool taken[RAFT_MEMBERS_MAX] = {false};
    bool found[RAFT_MEMBERS_MAX] = {false};
    const struct raft_members *members = members_of(raft);
    memcpy(known, raft->peers, sizeof known);
    for (uint32_t i = 0; i < members->count; i++) {
        int place = raft_members_place(before, members->member[i].id);
        if (place < 0) continue;
        raft->peers[i] = known[place];
        found[i] = taken[place] = true;
    }
    for (uint32_t i = 0, free = 0; i < RAFT_MEMBERS_MAX; i++) {
        if (found[i]) continue;
        while (taken[free]) free++;
        raft->peers[i].inflight = known[free++].inflight; /* the memory of one that is gone */
        peer_begin(raft, &raft->peers[i]);
    }
}

/* Rounds of catching up (dissertation 4.2.1): each ends when the peer holds durably what the log
 * held at its beginning. */
static void catch_up(struct raft *raft, struct peer *peer)
{
    if (!peer->trusted) {
        peer->catch_up_us = 0;
        peer->caught_up = false;
        return;
    }
    if (peer->catch_up_us != 0 && peer->match < peer->catch_up_index) return;
    uint64_t took_us = raft->now.mono_us - peer->catch_up_us;
    peer->caught_up = peer->catch_up_us != 0 && took_us < raft->config.election_timeout_us;
    peer->catch_up_us = raft->now.mono_us;
    peer->catch_up_index = raft->log.last;
}

/* The round under way must not be too long already: so it also was heard lately. */
bool replication_caught_up(const struct raft *raft, const struct peer *peer)
{
    return peer->trusted && peer->caught_up &&
           raft->now.mono_us - peer->catch_up_us < raft->config.election_timeout_us;
}

void replication_peer_lost(struct raft *raft, uint32_t id)
{
    int place = raft_members_place(members_of(raft), id);
    if (raft->role != RAFT_LEADER || place < 0) return;
    struct peer *peer = &raft->peers[place];
    peer->contacted = false;
    peer->told = 0;
    if (peer->state == PEER_SNAPSHOT) return;
    peer_enter(peer, PEER_PROBE, peer->match + 1);
    peer->probing = true; /* heartbeats find out when it is back */
}

/* Section 5.3, fast back-up: the follower's hint is an index and its term there; our entries of
 * later terms at and below it cannot match either. */
static void receive_refusal(struct raft *raft, struct peer *peer,
                            const struct raft_message *message)
{
    raft->counters.back_ups++;
    uint64_t hint = lesser(message->index, raft->log.last);
    if (peer->trusted && hint < peer->match) return; /* an old one: what is durable stays */
    uint64_t floor = raft->log.first - 1;
    if (hint > floor) hint = log_find_term(&raft->log, floor, hint, message->index_term);
    /* Not even what our snapshot ends with: then it needs the snapshot. */
    if (hint == floor && raft->log.snapshot_term > message->index_term) hint = floor - 1;
    if (!peer->trusted) peer->match = lesser(peer->match, hint);
    uint64_t next = greater(hint, peer->match) + 1;
    if (peer->state == PEER_SNAPSHOT || next >= peer->next) return;
    peer_enter(peer, PEER_PROBE, next);
}

/* The logs agree up to next - 1. If that was learnt while the probe's entries are still under way
 * they need not be sent again. */
static void end_probe(struct raft *raft, struct peer *peer, uint64_t next, uint64_t round)
{
    bool under_way = peer->probing && peer->probe_end >= next && round <= peer->sent_round;
    peer_enter(peer, PEER_REPLICATE, under_way ? peer->probe_end + 1 : next);
    if (under_way) inflight_push(raft, peer, peer->probe_end);
}

static void receive_match(struct raft *raft, struct peer *peer, const struct raft_message *message)
{
    /* A log that fell back: only what was untrusted may. */
    if (!peer->trusted && message->index < peer->match) {
        peer->match = message->index;
        peer->told = 0;
    }
    peer->match = greater(peer->match, message->index);
    uint64_t next = greater(message->last_index, peer->match) + 1;
    bool known = next >= peer->next;
    bool lost = message->round > peer->sent_round && !known;
    if (peer->state == PEER_SNAPSHOT) {
        if (next >= raft->log.first) peer_enter(peer, PEER_REPLICATE, next);
    } else if (peer->state == PEER_PROBE) {
        end_probe(raft, peer, next, message->round);
    } else if (lost) {
        peer_enter(peer, PEER_PROBE, next);
    } else {
        inflight_acknowledge(raft, peer);
        peer->next = greater(peer->next, next);
    }
    catch_up(raft, peer);
    if (peer->match > raft->commit) commit_count(raft); /* may end this leader: last */
}

void receive_append_reply(struct raft *raft, const struct raft_message *message)
{
    if (message->term > raft->term) {
        become_follower(raft, message->term, 0);
        return;
    }
    int place = raft_members_place(members_of(raft), message->from);
    if (raft->role != RAFT_LEADER || message->term < raft->term || place < 0) return;
    /* It cannot know entries or rounds that we never made. */
    bool sane = message->round <= raft->round;
    if (message->granted) {
        sane =
            sane && message->last_index <= raft->log.last && message->index <= message->last_index;
    }
    if (!sane) return;
    struct peer *peer = &raft->peers[place];
    peer->heard_us = raft->now.mono_us;
    trust_note_reply(raft, peer, message);
    peer->waiting = message->waiting;
    read_round_echoed(raft, peer, message->round);
    if (message->granted)
        receive_match(raft, peer, message);
    else
        receive_refusal(raft, peer, message);
}

uint32_t raft_snapshot_wanted(const struct raft *raft, uint32_t after_peer)
{
    if (raft->role != RAFT_LEADER) return 0;
    const struct raft_members *members = members_of(raft);
    for (uint32_t i = 0; i < members->count; i++) {
        uint32_t id = members->member[i].id;
        if (id == raft->config.self || id <= after_peer) continue;
        if (raft->peers[i].state == PEER_SNAPSHOT) return id;
    }
    return 0;
}

uint64_t raft_replicated_index(const struct raft *raft)
{
    if (raft->role != RAFT_LEADER) return raft->commit;
    const struct raft_members *members = members_of(raft);
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id == raft->config.self) continue;
        const struct peer *peer = &raft->peers[i];
        uint64_t heard_us = greater(peer->heard_us, raft->elected_us);
        if (raft->now.mono_us - heard_us > raft->config.election_timeout_us) continue;
        least = lesser(least, peer->match);
    }
    return least;
}

uint32_t raft_progress_all(const struct raft *raft, struct raft_progress *rows)
{
    if (raft->role != RAFT_LEADER) return 0;
    const struct raft_members *members = members_of(raft);
    uint32_t count = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->member[i].id == raft->config.self) continue;
        const struct peer *peer = &raft->peers[i];
        rows[count++] = (struct raft_progress){
            .peer = members->member[i].id,
            .match = peer->match,
            .next = peer->next,
            .trusted = peer->trusted,
            .snapshot = peer->state == PEER_SNAPSHOT,
            .inflight = peer->inflight_count,
            .caught_up = replication_caught_up(raft, peer),
            .heard_us = peer->heard_us,
        };
    }
    return count;
}
