/* Whose wall clock is wrong: time in a machine is log time, and whoever leads gives it the time of
 * day. A node asks every peer for its wall clock once a second (specs/peer.md, CLOCK). A clock that
 * was read somewhere in a round trip is known to within that trip: what comes out is a range that
 * the difference lies in, widened by what clocks may drift since.
 *
 * A node is *off* when some quorum of the voters agrees against it: their clocks are, for certain,
 * within the limit of one another, and all of them more than the limit ahead of ours, or all more
 * than it behind. It then does not campaign, and leadership goes to one of those that agree.
 *
 * That costs no availability. Let quorum Q agree, to within the limit. Whatever quorum is held
 * against a member k of Q shares a node m with Q: m would have to be beyond the limit from k, and
 * is within it. So nobody in Q is off, and Q can elect and commit alone; for which all of it must
 * be there and trusted: a node without a vote is not counted, for the one that is off may hold what
 * was committed with the help that this one forgot. And where no quorum agrees, nobody is off. A
 * node that is alone, one of two, or cut off from the others is never off: what was read is
 * forgotten after CLOCK_KEPT_US, or when the connection breaks.
 *
 * One thing the proof cannot know: members of Q may be in the middle of a change of membership that
 * this node has not heard of, and need its vote, or its log. So it refrains for a while only
 * (clock_refrains()): where nobody has led for CLOCK_REFRAIN_TIMEOUTS election timeouts, it
 * campaigns all the same, and hands over once it can. */
#include "node/peers/clock.h"

#include "base/assert.h"
#include "node/turn/trace.h"

enum {
    CLOCK_ASK_US = 1000000,  /* between two questions */
    CLOCK_KEPT_US = 3000000, /* a reading counts so long */
    CLOCK_REFRAIN_TIMEOUTS = 10,
    CLOCK_AGREE_US = 1000000, /* clocks so near agree, where no limit is set */
};

/* Beyond this no clock is believed, so that differences fit into 64 bits. */
#define CLOCK_WALL_US_MAX ((uint64_t)INT64_MAX / 4)

uint32_t clock_judge(const struct raft_members *members, const struct clock_reading *readings,
                     uint32_t count, uint64_t limit_us)
{
    ASSERT(count <= NODE_PEERS_KNOWN_MAX);
    int64_t limit = (int64_t)limit_us;
    for (uint32_t first = 0; first < 2 * count; first++) {
        const struct clock_reading *anchor =
            &readings[first / 2]; /* the least of those that agree */
        bool ahead = first % 2 == 0;
        uint32_t ids[NODE_PEERS_KNOWN_MAX] = {0};
        uint32_t agree = 0;
        uint32_t mask = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct clock_reading *reading = &readings[i];
            bool beyond = ahead ? reading->low_us > limit : reading->high_us < -limit;
            if (!beyond || reading->low_us < anchor->low_us) continue;
            if (reading->high_us - anchor->low_us > limit) continue;
            ids[agree++] = reading->id;
            mask |= 1u << i;
        }
        if (raft_members_quorum(members, ids, agree)) return mask;
    }
    return 0;
}

bool clock_agreed(const struct raft_members *members, uint32_t self,
                  const struct clock_reading *readings, uint32_t count, uint64_t limit_us)
{
    ASSERT(count <= NODE_PEERS_KNOWN_MAX);
    int64_t limit = (int64_t)limit_us;
    uint32_t ids[NODE_PEERS_KNOWN_MAX + 1] = {self};
    uint32_t near = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (readings[i].low_us >= -limit && readings[i].high_us <= limit) {
            ids[near++] = readings[i].id;
        }
    }
    return raft_members_quorum(members, ids, near);
}

bool clock_read(const struct peers *peers, const struct peer *peer, struct clock_reading *reading)
{
    if (peer->clock.heard_us == 0) return false;
    uint64_t age_us = peers->turn->now.mono_us - peer->clock.heard_us;
    if (age_us >= CLOCK_KEPT_US) return false;
    int64_t since_us = (int64_t)(age_us + peer->clock.trip_us);
    /* While ours counts x, another counts x / (1 - d) at most: raft_config.clock_drift_permille. */
    int64_t permille = peers->config->clock_drift_permille;
    int64_t drift_us = since_us * permille / (1000 - permille) + 1;
    int64_t ahead_us =
        peer->clock.base_us + (int64_t)peers->turn->now.mono_us - (int64_t)peers->turn->now.wall_us;
    reading->id = peer->id;
    reading->low_us = ahead_us - drift_us;
    reading->high_us = ahead_us + (int64_t)peer->clock.trip_us + drift_us;
    return true;
}

void clock_ask(struct peers *peers, struct peer *peer)
{
    struct link *link = peer_link(peers, peer, PEER_CHANNEL_LOG);
    if (link == NULL) return;
    peer->clock.number = random_next(peers->random);
    peer->clock.asked_us = peers->turn->now.mono_us;
    size_t begun = peer_frame_begin(&link->connection.out, PEER_CLOCK, PEER_GROUP_NODE);
    buffer_put_u64(&link->connection.out, peer->clock.number);
    peer_frame_end(&link->connection.out, begun);
    connection_dirty(peers->connections, &link->connection);
}

void clock_forget(struct peer *peer)
{
    peer->clock.number = 0;
    peer->clock.heard_us = 0;
}

bool clock_asked(struct peers *peers, struct link *link, struct slice content, bool votes)
{
    struct reader reader = reader_of(content);
    uint64_t number = read_u64(&reader);
    if (!reader_done(&reader)) return false;
    struct buffer *out = &link->connection.out;
    if (link->connection.unsent + out->size > NODE_PEER_OUTPUT_MAX) return true;
    size_t begun = peer_frame_begin(out, PEER_CLOCK_IS, PEER_GROUP_NODE);
    buffer_put_u64(out, number);
    buffer_put_u64(out, peers->turn->now.wall_us);
    buffer_put_u8(out, votes);
    peer_frame_end(out, begun);
    connection_dirty(peers->connections, &link->connection);
    return true;
}

bool clock_answered(struct peers *peers, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    uint64_t number = read_u64(&reader);
    uint64_t wall_us = read_u64(&reader);
    bool votes = read_u8(&reader) != 0;
    if (!reader_done(&reader) || wall_us > CLOCK_WALL_US_MAX) return false;
    struct peer *peer = link->peer;
    if (number == 0 || number != peer->clock.number) return true; /* an older one, or a second */
    peer->clock.number = 0;
    peer->clock.heard_us = peers->turn->now.mono_us;
    peer->clock.trip_us = peers->turn->now.mono_us - peer->clock.asked_us;
    peer->clock.votes = votes;
    peer->clock.base_us = (int64_t)wall_us - (int64_t)peers->turn->now.mono_us;
    peers->clocks.heard = true;
    return true;
}

static void tell(struct peers *peers, const struct clock_reading *nearest)
{
    bool behind = nearest != NULL && nearest->low_us > 0;
    trace_begin(peers->turn, peers->clocks.off ? "clock-off" : "clock-good");
    if (nearest != NULL) {
        int64_t by_us = behind ? nearest->low_us : -nearest->high_us;
        trace_number(peers->turn, behind ? "behind_us" : "ahead_us", (uint64_t)by_us);
        trace_number(peers->turn, "limit_us", peers->config->clock_skew_us_max);
        trace_text(peers->turn, "so", "does-not-campaign");
    }
    trace_end(peers->turn);
}

static void judge(struct peers *peers, const struct raft_members *members,
                  struct clock_verdict *verdict)
{
    struct clock_reading readings[NODE_PEERS_KNOWN_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < peers->count; i++) {
        if (!peers->all[i].clock.votes) continue;
        if (clock_read(peers, &peers->all[i], &readings[count])) count++;
    }
    uint64_t limit_us = peers->config->clock_skew_us_max;
    uint32_t agree = 0;
    peers->clocks.agree = clock_agreed(members, peers->config->self, readings, count,
                                       limit_us > 0 ? limit_us : CLOCK_AGREE_US);
    if (limit_us > 0) agree = clock_judge(members, readings, count, limit_us);
    if ((agree != 0) != peers->clocks.off) {
        peers->clocks.off = agree != 0;
        tell(peers, agree == 0 ? NULL : &readings[__builtin_ctz(agree)]);
    }
    for (; agree != 0; agree &= agree - 1) {
        verdict->agree[verdict->agree_count++] = readings[__builtin_ctz(agree)].id;
    }
}

bool clock_refrains(struct peers *peers, bool led, uint64_t *leaderless_us)
{
    struct clocks *clocks = &peers->clocks;
    uint64_t now_us = peers->turn->now.mono_us;
    if (led || !clocks->off) {
        *leaderless_us = 0;
        return clocks->off;
    }
    if (*leaderless_us == 0) *leaderless_us = now_us;
    uint64_t until_us =
        *leaderless_us + CLOCK_REFRAIN_TIMEOUTS * peers->config->election_timeout_us;
    if (now_us >= until_us) return false;
    turn_wake(peers->turn, until_us);
    return true;
}

void clocks_turn(struct peers *peers, const struct raft_members *members,
                 struct clock_verdict *verdict)
{
    verdict->agree_count = 0;
    if (peers->count == 0 && !peers->clocks.off) {
        uint32_t alone = peers->config->self;
        peers->clocks.agree = raft_members_quorum(members, &alone, 1);
        return;
    }
    bool due = peers->turn->now.mono_us >= peers->clocks.ask_us;
    if (due) {
        for (uint32_t i = 0; i < peers->count; i++) clock_ask(peers, &peers->all[i]);
        peers->clocks.ask_us = peers->turn->now.mono_us + CLOCK_ASK_US;
    }
    if (due || peers->clocks.heard) judge(peers, members, verdict);
    peers->clocks.heard = false;
    turn_wake(peers->turn, peers->clocks.ask_us);
}
