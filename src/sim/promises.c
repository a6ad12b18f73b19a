/* Promises and the disk. See promises.h. */
#include "sim/promises.h"

#include "wire/peer.h"
#include "sim/world.h"

/* Of a RAFT frame (specs/peer.md): what is looked at here. */
enum {
    FRAME_TYPE_AT = 8,
    FRAME_GROUP_AT = 10,
    MESSAGE_TYPE_AT = PEER_FRAME_HEADER_SIZE,
    MESSAGE_FLAGS_AT = MESSAGE_TYPE_AT + 1,
    MESSAGE_TO_AT = MESSAGE_TYPE_AT + 6,
    MESSAGE_TERM_AT = MESSAGE_TYPE_AT + 10,
    MESSAGE_ROUND_AT = MESSAGE_TYPE_AT + 42,
    MESSAGE_GRANTED = 2,
};

static struct promises *promises_of(struct world *world, const struct host *host)
{
    return &sim_judged(world)->promises[host->index];
}

static struct promise promise_now(const struct raft *raft)
{
    uint64_t last = raft_last_index(raft);
    return (struct promise){.term = raft_term(raft),
                            .vote = raft_vote(raft),
                            .last = last,
                            .last_term = raft_term_at(raft, last)};
}

void promises_started(struct world *world, struct host *host)
{
    struct promises *promises = promises_of(world, host);
    struct promise now = promise_now(sim_judged_raft(host));
    const struct promise *owed = &promises->durable;
    bool vote_kept = now.term > owed->term || owed->vote == 0 || now.vote == owed->vote ||
                     promises->forgot_votes; /* trusted again, it took the leader's (trust.c) */
    if (promises->known && (now.term < owed->term || !vote_kept)) {
        world_fail(world, "durability",
                   "node %u had term %U and its vote for node %u on disk, but starts with term %U "
                   "and a vote for node %u",
                   host->id, owed->term, owed->vote, now.term, now.vote);
    }
    /* An answer to that leader would have waited for the term to be durable: nobody got one. */
    if (now.term < promises->heard_term) promises->heard_us = 0;
    promises->before = promises->known ? promises->durable : (struct promise){0};
    promises->known = true;
    promises->durable = now;
    promises->durable.last = raft_durable_index(sim_judged_raft(host));
}

static void note_write(struct world *world, struct host *host, const struct action *write)
{
    struct promises *promises = promises_of(world, host);
    const struct raft *raft = sim_judged_raft(host);
    if (raft == NULL) return;
    if (promises->writes_count == PROMISES_WRITES_MAX) {
        world_fail(world, "limit", "node %u has more than %u writes under way", host->id,
                   (uint32_t)PROMISES_WRITES_MAX);
        return;
    }
    uint32_t at = (promises->writes_head + promises->writes_count++) % PROMISES_WRITES_MAX;
    promises->writes[at] = promise_now(raft);
    promises->writes[at].sequence = write->sequence;
}

void promises_write(struct world *world, struct host *host, const struct action *write)
{
    for (world->group = 0; world->group < world->groups_count; world->group++) {
        note_write(world, host, write);
    }
    world->group = 0;
}

static void note_durable(struct world *world, struct host *host, uint64_t sequence)
{
    struct promises *promises = promises_of(world, host);
    while (promises->writes_count > 0 &&
           promises->writes[promises->writes_head].sequence <= sequence) {
        promises->durable = promises->writes[promises->writes_head];
        promises->writes_head = (promises->writes_head + 1) % PROMISES_WRITES_MAX;
        promises->writes_count--;
    }
}

void promises_durable(struct world *world, struct host *host, uint64_t sequence)
{
    for (world->group = 0; world->group < world->groups_count; world->group++) {
        note_durable(world, host, sequence);
    }
    world->group = 0;
}

/* Entries that a snapshot covers are none of the log's business. */
void promises_step(struct world *world, struct host *host)
{
    const struct promise *durable = &promises_of(world, host)->durable;
    const struct raft *raft = sim_judged_raft(host);
    uint64_t claimed = raft_durable_index(raft);
    if (claimed < durable->last || claimed < raft_first_index(raft)) return;
    if (claimed == durable->last && raft_term_at(raft, claimed) == durable->last_term) return;
    world_fail(world, "durability",
               "node %u calls entry %U of term %U durable, while its disk has reported entries up "
               "to %U of term %U",
               host->id, claimed, raft_term_at(raft, claimed), durable->last, durable->last_term);
}

/* A later vote, or a wiped disk, hides what a node did in this term: then it may have. */
static bool may_have_voted(struct world *world, uint32_t voter, uint64_t term, uint32_t vote)
{
    if (voter == 0 || voter > world->hosts_count) return true;
    const struct promises *promises = &sim_judged(world)->promises[voter - 1];
    if (promises->forgot_votes || promises->voted_term > term) return true;
    return promises->voted_term == term && promises->voted_for == vote;
}

void promises_leader(struct world *world, struct host *host)
{
    const struct raft *raft = sim_judged_raft(host);
    const struct raft_members *members = raft_members(raft);
    uint32_t voters[2] = {0}; /* of C_new and, in joint consensus, C_old */
    uint32_t votes[2] = {0};
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_member *member = &members->member[i];
        bool has_vote[2] = {!member->learner && !member->leaving, member->outgoing};
        bool given =
            member->id == host->id || may_have_voted(world, member->id, raft_term(raft), host->id);
        for (uint32_t side = 0; side < 2; side++) {
            voters[side] += has_vote[side];
            votes[side] += has_vote[side] && given;
        }
    }
    for (uint32_t side = 0; side < 2; side++) {
        if (voters[side] == 0 || votes[side] > voters[side] / 2) continue;
        world_fail(world, "election safety", "node %u leads term %U with %u votes of %u", host->id,
                   raft_term(raft), votes[side], voters[side]);
    }
}

static void check_vote(struct world *world, struct host *host, uint64_t term, uint32_t vote)
{
    struct promises *promises = promises_of(world, host);
    const struct promise *durable = &promises->durable;
    if (durable->term == term && durable->vote != vote) {
        world_fail(world, "durability",
                   "node %u tells its vote for node %u in term %U, and has one for node %u on disk",
                   host->id, vote, term, durable->vote);
    }
    if (promises->voted_term == term && promises->voted_for != vote) {
        world_fail(world, "election safety", "node %u votes for nodes %u and %u in term %U",
                   host->id, promises->voted_for, vote, term);
    }
    if (term < promises->voted_term) return; /* it waited for the disk */
    promises->voted_term = term;
    promises->voted_for = vote;
    promises->forgot_votes = false;
}

/* A vote while a leader may still rely on this promise. Clocks beyond the bound excuse it. */
static void check_promise(struct world *world, struct host *host, uint64_t term, uint32_t vote)
{
    const struct promises *promises = promises_of(world, host);
    const struct node_config *config = &world->config;
    uint64_t timeout_us = config->election_timeout_us;
    uint64_t least_us = timeout_us * 1000 / (1000 + config->clock_drift_permille);
    uint64_t since_us = world_now_us(world) - promises->heard_us;
    if (promises->heard_us == 0 || since_us + 2 >= least_us) return;
    if ((world->options->faults & 1u << SIM_FAULT_DRIFT) != 0 || vote > world->hosts_count) return;
    const struct promises *candidate = &sim_judged(world)->promises[vote - 1];
    bool handed_over =
        candidate->voted_term == term && candidate->asked_round != 0 &&
        (promises->heard_term + 1 < term || promises->heard_round <= candidate->asked_round);
    if (handed_over || promises->heard_term >= term) return;
    /* It has gone on, or its disk forgot: how it asked is not known any more. */
    if (candidate->voted_term != term) return;
    world_fail(world, "lease", "node %u votes in term %U, %U us after hearing the leader of %U",
               host->id, term, since_us, promises->heard_term);
}

static void check_message(struct world *world, struct host *host, const uint8_t *frame)
{
    uint8_t type = frame[MESSAGE_TYPE_AT];
    uint64_t term = load_u64(frame + MESSAGE_TERM_AT);
    if (type == RAFT_PRE_VOTE || type == RAFT_PRE_VOTE_REPLY) return; /* promise nothing */
    if (term > promises_of(world, host)->durable.term) {
        world_fail(world, "durability", "node %u speaks in term %U, and has term %U on disk",
                   host->id, term, promises_of(world, host)->durable.term);
    }
    bool granted = (frame[MESSAGE_FLAGS_AT] & MESSAGE_GRANTED) != 0;
    if (type == RAFT_VOTE) {
        check_vote(world, host, term, host->id);
        promises_of(world, host)->asked_round = load_u64(frame + MESSAGE_ROUND_AT);
    }
    if (type == RAFT_VOTE_REPLY && granted) {
        check_vote(world, host, term, load_u32(frame + MESSAGE_TO_AT));
        check_promise(world, host, term, load_u32(frame + MESSAGE_TO_AT));
    }
}

static void note_heard(struct world *world, struct host *host, const uint8_t *frame)
{
    struct promises *promises = promises_of(world, host);
    const struct raft *raft = sim_judged_raft(host);
    uint64_t term = load_u64(frame + MESSAGE_TERM_AT);
    uint64_t round = load_u64(frame + MESSAGE_ROUND_AT);
    if (frame[MESSAGE_TYPE_AT] != RAFT_APPEND || raft == NULL || term < raft_term(raft)) return;
    promises->heard_us = world_now_us(world);
    if (term != promises->heard_term || round > promises->heard_round) {
        promises->heard_round = round;
    }
    promises->heard_term = term;
}

static uint32_t frame_group(const uint8_t *frame)
{
    return (uint32_t)(frame[FRAME_GROUP_AT] | frame[FRAME_GROUP_AT + 1] << 8);
}

/* Of frames that are whole: peers send nothing else, and the network keeps them so. */
static void each_message(struct world *world, struct host *host, struct slice frames,
                         void (*visit)(struct world *, struct host *, const uint8_t *))
{
    while (frames.size >= MESSAGE_ROUND_AT + 8) {
        size_t size = load_u32(frames.data);
        if (size < PEER_FRAME_HEADER_SIZE || size > frames.size) return;
        if (frames.data[FRAME_TYPE_AT] == PEER_RAFT) {
            world->group = frame_group(frames.data);
            visit(world, host, frames.data);
            world->group = 0;
        }
        frames.data += size;
        frames.size -= size;
    }
}

static uint64_t appends_heard(const struct host *host)
{
    const struct raft *raft = sim_judged_raft(host);
    return raft == NULL ? 0 : raft_counters(raft)->appends_heard;
}

void promises_sent(struct world *world, struct host *host, struct slice frames)
{
    each_message(world, host, frames, check_message);
}

static void note_before(struct world *world, struct host *host)
{
    struct promises *promises = promises_of(world, host);
    promises->heard_before_us = promises->heard_us;
    promises->heard_before_term = promises->heard_term;
    promises->heard_before_round = promises->heard_round;
    promises->appends_before = appends_heard(host);
}

void promises_received(struct world *world, struct host *host, struct slice frames)
{
    for (world->group = 0; world->group < world->groups_count; world->group++) {
        note_before(world, host);
    }
    world->group = 0;
    each_message(world, host, frames, note_heard);
}

static void note_taken(struct world *world, struct host *host)
{
    struct promises *promises = promises_of(world, host);
    if (host->node == NULL || appends_heard(host) != promises->appends_before) return;
    promises->heard_us = promises->heard_before_us;
    promises->heard_term = promises->heard_before_term;
    promises->heard_round = promises->heard_before_round;
}

void promises_taken(struct world *world, struct host *host)
{
    for (world->group = 0; world->group < world->groups_count; world->group++) {
        note_taken(world, host);
    }
    world->group = 0;
}

void promises_lost(struct world *world, struct host *host)
{
    struct promises *promises = promises_of(world, host);
    promises->writes_count = 0;
    /* What it read it had not made sure of yet, and spoke of to no one. */
    if (sim_judged_raft(host) != NULL && host->told_durable == 0)
        promises->durable = promises->before;
}

void promises_forget(struct world *world, struct host *host)
{
    struct promises *promises = promises_of(world, host);
    promises->known = false;
    promises->voted_term = 0;
    promises->forgot_votes = true;
}
