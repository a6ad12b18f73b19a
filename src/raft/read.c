/* Reads that no log entry carries: ReadIndex (dissertation 6.4) and leases (6.4.1).
 *
 * ReadIndex. A read may be answered from the state at an index that covers all that was committed
 * when it was asked. The leader knows such an index, if it still is the leader, and that it shows
 * by a round of heartbeats begun after the read was asked and echoed by a quorum: no later leader
 * had been elected when they answered. Its commit index alone would not do before it has committed
 * an entry of its own term; its no-op covers what earlier terms committed (5.4.3), so the read
 * waits for that to be applied.
 *
 * Reads are numbered by tickets in the order in which they were asked, so one number says which
 * are confirmed: whatever holds for a later one holds for those before it. Every round carries all
 * tickets given before it began. A new one is begun for reads only when no unconfirmed round
 * carries any: those that come meanwhile share the next. A lost round needs no care: the next
 * heartbeat carries the same tickets.
 *
 * A follower asks its leader with its own last ticket, one question at a time, and again when the
 * answer stays away or the leader changes: a question may be repeated at will, for the answer then
 * comes from a later moment. So no change of roles loses a read, and none is answered by it.
 *
 * Lease. A follower that heard from a leader gives no vote for T (election.c), so after a quorum
 * has echoed a round nobody else is elected within T of its sending: of its sending, for the reply
 * may have taken any time. Clocks differ in speed: see raft_config.clock_drift_permille for the
 * arithmetic. Rounds at or before `lease_round` earn none (transfer.c). */
#include "base/assert.h"
#include "raft/raft_internal.h"

/* Both clocks are read in whole microseconds. */
enum { CLOCK_GRAIN_US = 2 };

/* Tickets begin at a different number in each life: an answer to one of an earlier life must not
 * pass for an answer to one of this. */
void read_init(struct raft *raft)
{
    raft->read_ticket = random_mix(raft->config.seed ^ random_mix(raft->config.self)) >> 1;
    raft->read_confirmed = raft->read_ticket;
}

/* Whatever was committed before now, here or elsewhere, is at or below it. Leader only. */
static uint64_t read_point(const struct raft *raft)
{
    return raft->commit > raft->elected_index ? raft->commit : raft->elected_index;
}

static struct round *round_slot(struct raft *raft, uint64_t number)
{
    return &raft->rounds[number % ROUNDS_KEPT];
}

void read_round_begun(struct raft *raft)
{
    *round_slot(raft, raft->round) = (struct round){
        .number = raft->round,
        .sent_us = raft->now.mono_us,
        .ticket = raft->read_ticket,
        .index = read_point(raft),
    };
    raft->read_carried = raft->read_ticket;
}

void read_round_echoed(struct raft *raft, struct peer *peer, uint64_t number)
{
    if (number <= peer->round) return;
    peer->round = number;
    const struct round *round = round_slot(raft, number);
    if (round->number == number) peer->echoed_us = round->sent_us;
}

static void read_confirm(struct raft *raft)
{
    uint64_t number = quorum_round(raft);
    const struct round *round = round_slot(raft, number);
    if (round->number != number || round->ticket <= raft->read_confirmed) return;
    raft->counters.reads_confirmed++;
    raft->read_confirmed = round->ticket;
    raft->read_index = round->index;
    const struct raft_members *members = members_of(raft);
    for (uint32_t i = 0; i < members->count; i++) {
        struct peer *peer = &raft->peers[i];
        if (peer->read_asked == 0 || peer->read_ticket > raft->read_confirmed) continue;
        struct raft_message *reply = queue_message(raft, RAFT_READ_REPLY, members->member[i].id);
        reply->round = peer->read_asked;
        reply->index = raft->read_index;
        peer->read_asked = 0;
    }
}

static void read_lead(struct raft *raft)
{
    read_confirm(raft);
    bool under_way = raft->read_carried > raft->read_confirmed;
    if (under_way || raft->read_ticket == raft->read_carried) return;
    replication_round(raft);
    read_confirm(raft); /* a sole voter has nobody to wait for */
}

static void read_ask(struct raft *raft)
{
    uint64_t patience_us = 2 * raft->config.heartbeat_us;
    bool asked = raft->read_asked != 0;
    if (asked && raft->now.mono_us - raft->read_asked_us < patience_us) return;
    if (!asked) raft->read_asked = raft->read_ticket;
    raft->read_asked_us = raft->now.mono_us;
    queue_message(raft, RAFT_READ, raft->leader)->round = raft->read_asked;
}

void read_turn(struct raft *raft)
{
    if (raft->read_confirmed == raft->read_ticket) return;
    if (raft->role == RAFT_LEADER)
        read_lead(raft);
    else if (raft->role == RAFT_FOLLOWER && raft->leader != 0)
        read_ask(raft);
}

void receive_read(struct raft *raft, const struct raft_message *message)
{
    if (raft->role != RAFT_LEADER || message->term != raft->term || message->round == 0) return;
    int place = raft_members_place(members_of(raft), message->from);
    if (place < 0) return;
    struct peer *peer = &raft->peers[place];
    if (message->round <= peer->read_asked) return; /* is under way */
    peer->read_asked = message->round;
    peer->read_ticket = ++raft->read_ticket;
}

/* Whoever leads now: the sender did, after the question was asked. */
void receive_read_reply(struct raft *raft, const struct raft_message *message)
{
    if (message->round <= raft->read_confirmed || message->round > raft->read_ticket) return;
    raft->read_confirmed = message->round;
    raft->read_index = message->index;
    if (raft->read_asked <= raft->read_confirmed) raft->read_asked = 0;
}

uint64_t raft_read(struct raft *raft, struct raft_time now)
{
    note_time(raft, now);
    return ++raft->read_ticket;
}

/* When the round was sent from which a quorum's promises run, by our clock; 0: there is none. */
static uint64_t lease_since(const struct raft *raft, uint64_t now_us)
{
    const struct raft_members *members = members_of(raft);
    uint64_t since[RAFT_MEMBERS_MAX];
    for (uint32_t i = 0; i < members->count; i++) {
        const struct peer *peer = &raft->peers[i];
        bool counts = peer->trusted && peer->round > raft->lease_round;
        since[i] = counts ? peer->echoed_us : 0;
        if (members->member[i].id == raft->config.self) since[i] = now_us;
    }
    return members_quorum(members, since);
}

bool raft_lease_index(const struct raft *raft, struct raft_time now, uint64_t *index)
{
    if (raft->role != RAFT_LEADER) return false;
    uint64_t now_us = now.mono_us > raft->now.mono_us ? now.mono_us : raft->now.mono_us;
    uint64_t since_us = lease_since(raft, now_us);
    uint64_t timeout_us = raft->config.election_timeout_us;
    uint64_t drift_us = (timeout_us * raft->config.clock_drift_permille + 999) / 1000;
    if (since_us == 0 || now_us - since_us + drift_us + CLOCK_GRAIN_US >= timeout_us) return false;
    *index = read_point(raft);
    return true;
}

bool raft_read_lease(struct raft *raft, struct raft_time now, uint64_t *index)
{
    note_time(raft, now);
    if (raft->role != RAFT_LEADER) return false;
    bool held = raft_lease_index(raft, now, index);
    raft->counters.leases_held += held;
    raft->counters.leases_missing += !held;
    return held;
}
