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
 * forgotten after CLOCK_KEPT_US, or when the connection breaks. */
#include "base/assert.h"
#include "node/node_internal.h"

enum {
    CLOCK_ASK_US = 1000000,       /* between two questions */
    CLOCK_KEPT_US = 3000000,      /* a reading counts so long */
    CLOCK_HAND_OVER_US = 5000000, /* between two tries: each stops proposals for a moment */
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

bool clock_read(const struct node *node, const struct peer *peer, struct clock_reading *reading)
{
    if (peer->clock_heard_us == 0) return false;
    uint64_t age_us = node->turn.now.mono_us - peer->clock_heard_us;
    if (age_us >= CLOCK_KEPT_US) return false;
    int64_t since_us = (int64_t)(age_us + peer->clock_trip_us);
    /* While ours counts x, another counts x / (1 - d) at most: raft_config.clock_drift_permille. */
    int64_t permille = node->config.clock_drift_permille;
    int64_t drift_us = since_us * permille / (1000 - permille) + 1;
    int64_t ahead_us =
        peer->clock_base_us + (int64_t)node->turn.now.mono_us - (int64_t)node->turn.now.wall_us;
    reading->id = peer->id;
    reading->low_us = ahead_us - drift_us;
    reading->high_us = ahead_us + (int64_t)peer->clock_trip_us + drift_us;
    return true;
}

void clock_ask(struct node *node, struct peer *peer)
{
    struct link *link = peer_link(node, peer, PEER_CHANNEL_LOG);
    if (link == NULL) return;
    peer->clock_number = random_next(&node->random);
    peer->clock_asked_us = node->turn.now.mono_us;
    size_t begun = peer_frame_begin(&link->connection.out, PEER_CLOCK, PEER_GROUP_NODE);
    buffer_put_u64(&link->connection.out, peer->clock_number);
    peer_frame_end(&link->connection.out, begun);
    connection_dirty(&node->connections, &link->connection);
}

void clock_forget(struct peer *peer)
{
    peer->clock_number = 0;
    peer->clock_heard_us = 0;
}

bool clock_asked(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    uint64_t number = read_u64(&reader);
    if (!reader_done(&reader)) return false;
    struct buffer *out = &link->connection.out;
    if (link->connection.unsent + out->size > NODE_PEER_OUTPUT_MAX) return true;
    size_t begun = peer_frame_begin(out, PEER_CLOCK_IS, PEER_GROUP_NODE);
    buffer_put_u64(out, number);
    buffer_put_u64(out, node->turn.now.wall_us);
    buffer_put_u8(out, node->raft != NULL && raft_trusted(node->raft));
    peer_frame_end(out, begun);
    connection_dirty(&node->connections, &link->connection);
    return true;
}

bool clock_answered(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    uint64_t number = read_u64(&reader);
    uint64_t wall_us = read_u64(&reader);
    bool votes = read_u8(&reader) != 0;
    if (!reader_done(&reader) || wall_us > CLOCK_WALL_US_MAX) return false;
    struct peer *peer = link->peer;
    if (number == 0 || number != peer->clock_number) return true; /* an older one, or a second */
    peer->clock_number = 0;
    peer->clock_heard_us = node->turn.now.mono_us;
    peer->clock_trip_us = node->turn.now.mono_us - peer->clock_asked_us;
    peer->clock_votes = votes;
    peer->clock_base_us = (int64_t)wall_us - (int64_t)node->turn.now.mono_us;
    node->clock_heard = true;
    return true;
}

/* To whom of those that agree holds most; the leader goes on until it has come to pass. */
static void hand_over(struct node *node, const struct clock_reading *readings, uint32_t agree)
{
    if (!node_leading(node) || node->turn.now.mono_us < node->clock_hand_over_us) return;
    const struct raft_members *members = raft_members(node->raft);
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(node->raft, rows);
    const struct raft_progress *best = NULL;
    for (; agree != 0; agree &= agree - 1) {
        uint32_t id = readings[__builtin_ctz(agree)].id;
        int place = raft_members_place(members, id);
        if (place < 0 || members->member[place].learner || members->member[place].leaving) continue;
        for (uint32_t i = 0; i < count; i++) {
            if (rows[i].peer != id || !rows[i].trusted || rows[i].snapshot) continue;
            if (best == NULL || rows[i].match > best->match) best = &rows[i];
        }
    }
    if (best == NULL) return;
    if (raft_transfer(node->raft, node->turn.now, best->peer) != RAFT_TRANSFER_OK) return;
    node->clock_hand_over_us = node->turn.now.mono_us + CLOCK_HAND_OVER_US;
    trace_begin(&node->turn, "clock-hand-over");
    trace_number(&node->turn, "peer", best->peer);
    trace_end(&node->turn);
}

static void tell(struct node *node, const struct clock_reading *nearest)
{
    bool behind = nearest != NULL && nearest->low_us > 0;
    trace_begin(&node->turn, node->clock_off ? "clock-off" : "clock-good");
    if (nearest != NULL) {
        int64_t by_us = behind ? nearest->low_us : -nearest->high_us;
        trace_number(&node->turn, behind ? "behind_us" : "ahead_us", (uint64_t)by_us);
        trace_number(&node->turn, "limit_us", node->config.clock_skew_us_max);
        trace_text(&node->turn, "so", "does-not-campaign");
    }
    trace_end(&node->turn);
}

static void judge(struct node *node)
{
    struct clock_reading readings[NODE_PEERS_KNOWN_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->peers_count; i++) {
        if (!node->peers[i].clock_votes) continue;
        if (clock_read(node, &node->peers[i], &readings[count])) count++;
    }
    uint64_t limit_us = node->config.clock_skew_us_max;
    uint32_t agree = 0;
    if (limit_us > 0) agree = clock_judge(raft_members(node->raft), readings, count, limit_us);
    if ((agree != 0) != node->clock_off) {
        node->clock_off = agree != 0;
        raft_set_abstaining(node->raft, node->turn.now, node->clock_off);
        tell(node, agree == 0 ? NULL : &readings[__builtin_ctz(agree)]);
    }
    if (agree != 0) hand_over(node, readings, agree);
}

void clock_turn(struct node *node)
{
    if (node->raft == NULL || (node->peers_count == 0 && !node->clock_off)) return;
    bool due = node->turn.now.mono_us >= node->clock_ask_us;
    if (due) {
        for (uint32_t i = 0; i < node->peers_count; i++) clock_ask(node, &node->peers[i]);
        node->clock_ask_us = node->turn.now.mono_us + CLOCK_ASK_US;
    }
    if (due || node->clock_heard) judge(node);
    node->clock_heard = false;
    turn_wake(&node->turn, node->clock_ask_us);
}
