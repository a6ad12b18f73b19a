/* Connections between nodes: dialing, being introduced, frames in and out. specs/peer.md.
 *
 * A link that is not open swallows what is sent to it: to Raft that is a lost message, and
 * proposals are sent again. Bad bytes end the link, never the node. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node_internal.h"

void peers_init(struct node *node)
{
    for (uint32_t i = 0; i < node->config.peers_count; i++) {
        const struct node_peer *given = &node->config.peers[i];
        if (given->id == node->config.self) continue;
        peer_add(node, given->id, slice_text(given->address))->given = given->address;
    }
}

struct peer *peer_add(struct node *node, uint32_t id, struct slice address)
{
    ASSERT(node->peers_count < NODE_PEERS_KNOWN_MAX && address.size <= RAFT_ADDRESS_SIZE_MAX);
    struct peer *peer = &node->peers[node->peers_count++];
    *peer = (struct peer){.id = id, .was_reached = true};
    if (address.size > 0) memcpy(peer->address, address.data, address.size);
    return peer;
}

static void links_close(struct node *node, const struct peer *peer, bool all)
{
    for (struct list *at = node->links.next; at != &node->links; at = at->next) {
        struct link *link = LIST_ITEM(at, struct link, in_links);
        /* One that is being dialed is closed when it is there: link_opened(). */
        bool there = link->state != LINK_CONNECTING;
        if (link->peer == peer && there && (all || link->dialed)) {
            connection_close(&node->connections, &link->connection);
        }
    }
}

void peer_move(struct node *node, struct peer *peer, struct slice address)
{
    ASSERT(address.size <= RAFT_ADDRESS_SIZE_MAX);
    memset(peer->address, 0, sizeof peer->address);
    if (address.size > 0) memcpy(peer->address, address.data, address.size);
    links_close(node, peer, false);
}

void peer_drop(struct node *node, struct peer *peer)
{
    struct peer *last = &node->peers[node->peers_count - 1];
    links_close(node, peer, true);
    for (struct list *at = node->links.next; at != &node->links; at = at->next) {
        struct link *link = LIST_ITEM(at, struct link, in_links);
        if (link->peer == peer) {
            link->peer = NULL;
        } else if (link->peer == last) {
            link->peer = peer; /* moves into the place of the one that goes */
        }
    }
    *peer = *last;
    node->peers_count--;
}

struct peer *peer_find(struct node *node, uint32_t id)
{
    for (uint32_t i = 0; i < node->peers_count; i++) {
        if (node->peers[i].id == id) return &node->peers[i];
    }
    return NULL;
}

static struct link *link_new(struct node *node, uint32_t id)
{
    struct link *link = calloc(1, sizeof *link);
    ASSERT(link != NULL);
    connection_init(&node->connections, &link->connection, id, NODE_PEER);
    list_init(&link->in_links);
    list_append(&node->links, &link->in_links);
    link->since_us = node->turn.now.mono_us;
    store_u64(link->nonce, random_next(&node->random));
    store_u64(link->nonce + 8, random_next(&node->random));
    return link;
}

void link_free(struct node *node, struct link *link)
{
    list_remove(&link->in_links);
    buffer_free(&link->input);
    buffer_free(&link->hello);
    buffer_free(&link->beats);
    connection_release(&node->connections, &link->connection);
    free(link);
}

struct link *peer_link(struct node *node, struct peer *peer, enum peer_channel channel)
{
    struct link *link = peer->links[channel];
    if (link == NULL || link->state != LINK_OPEN || link->connection.closing) return NULL;
    if (!wal_ready(&node->wal)) return NULL;
    if (link->connection.unsent + link->connection.out.size > NODE_PEER_OUTPUT_MAX) return NULL;
    return link;
}

/* --- introductions --- */

static void introduction_put(struct node *node, const struct link *link, uint32_t to,
                             struct buffer *out)
{
    struct peer_introduction mine = {
        .version_min = PEER_VERSION,
        .version_max = PEER_VERSION,
        .cluster = node->cluster,
        .from = node->config.self,
        .to = to,
        .incarnation = node->wal.meta.incarnation,
        .membership = node->membership,
        .channel = link->channel,
        .members_index = node->raft == NULL ? 0 : raft_members_index(node->raft),
        .address = membership_address(node),
        .system = slice_text(node->config.machine->name),
    };
    memcpy(mine.nonce, link->nonce, PEER_NONCE_SIZE);
    peer_introduction_encode(&mine, out);
}

/* In `where`, WELCOME or PROOF: what an accepter proves to whoever says hello must not do for a
 * dialer, or any node would answer for its peers. */
static void proof_make(struct node *node, enum peer_frame_type where,
                       const uint8_t asked[PEER_NONCE_SIZE], const uint8_t own[PEER_NONCE_SIZE],
                       uint32_t prover, uint32_t other, uint8_t proof[PEER_PROOF_SIZE])
{
    memset(proof, 0, PEER_PROOF_SIZE);
    if (node->config.mac == NULL) return;
    uint8_t message[1 + 2 * PEER_NONCE_SIZE + 8];
    message[0] = (uint8_t)where;
    memcpy(message + 1, asked, PEER_NONCE_SIZE);
    memcpy(message + 1 + PEER_NONCE_SIZE, own, PEER_NONCE_SIZE);
    store_u32(message + 1 + 2 * PEER_NONCE_SIZE, prover);
    store_u32(message + 1 + 2 * PEER_NONCE_SIZE + 4, other);
    node->config.mac(node->config.secret, slice_of(message, sizeof message), proof);
}

static bool proof_good(struct node *node, enum peer_frame_type where, const struct link *link,
                       uint32_t prover, struct slice proof)
{
    uint8_t expected[PEER_PROOF_SIZE];
    proof_make(node, where, link->nonce, link->peer_nonce, prover, node->config.self, expected);
    uint8_t differs = 0; /* compared in constant time */
    for (size_t i = 0; i < PEER_PROOF_SIZE; i++) differs |= expected[i] ^ proof.data[i];
    return differs == 0;
}

static const char *refusal_words(enum peer_refusal why)
{
    static const char *const words[] = {
        "",
        "it belongs to another cluster",
        "it runs another system",
        "no protocol version in common; upgrade the older one",
        "the address answers as another node; check --peers",
        "not a member of the cluster there; see quartet members",
        "wrong secret; give all nodes the same --secret-file",
        "too many connections",
    };
    return why >= PEER_OTHER_CLUSTER && why <= PEER_TOO_MANY ? words[why] : "unknown reason";
}

static void link_refuse(struct node *node, struct link *link, enum peer_refusal why, uint32_t from)
{
    node->counters.peer_refused++;
    trace_begin(&node->turn, "peer-refused");
    trace_number(&node->turn, "peer", from);
    trace_text(&node->turn, "why", refusal_words(why));
    trace_end(&node->turn);
    if (!link->dialed) {
        size_t begun = peer_frame_begin(&link->connection.out, PEER_REFUSED, PEER_GROUP_NODE);
        buffer_put_u8(&link->connection.out, (uint8_t)why);
        buffer_put_bytes(&link->connection.out, slice_text(refusal_words(why)));
        peer_frame_end(&link->connection.out, begun);
    }
    connection_close(&node->connections, &link->connection);
}

/* 0 when these two may talk. */
static enum peer_refusal introduction_judge(struct node *node,
                                            const struct peer_introduction *theirs)
{
    if (!peer_version_common(theirs)) return PEER_OTHER_VERSION;
    if (!slice_equal(theirs->system, slice_text(node->config.machine->name))) {
        return PEER_OTHER_SYSTEM;
    }
    if (theirs->to != node->config.self) return PEER_OTHER_NODE;
    if (theirs->cluster != 0 && node->cluster != 0 && theirs->cluster != node->cluster) {
        return PEER_OTHER_CLUSTER;
    }
    return 0;
}

static void peer_heard(struct node *node, struct peer *peer, uint64_t cluster, uint8_t membership)
{
    peer->heard = true;
    peer->cluster = cluster;
    peer->membership = membership;
    founding_consider(node);
}

static uint32_t links_open(const struct node *node)
{
    uint32_t count = 0;
    for (const struct list *at = node->links.next; at != &node->links; at = at->next) {
        const struct link *link = LIST_ITEM(at, struct link, in_links);
        count += !link->dialed && link->state == LINK_OPEN;
    }
    return count;
}

static void link_hello(struct node *node, struct link *link, struct reader *content)
{
    struct peer_introduction theirs;
    struct slice whole = content->bytes;
    if (!peer_introduction_decode(content, &theirs) || !reader_done(content)) {
        node->counters.peer_bad_frames++;
        connection_close(&node->connections, &link->connection);
        return;
    }
    enum peer_refusal why = introduction_judge(node, &theirs);
    if (why == 0 && links_open(node) >= NODE_PEER_LINKS_MAX) why = PEER_TOO_MANY;
    if (why == 0) {
        link->peer = peer_find(node, theirs.from);
        if (link->peer == NULL && !membership_admits(node, &theirs)) why = PEER_NOT_MEMBER;
    }
    if (why != 0) {
        link_refuse(node, link, why, theirs.from);
        return;
    }
    link->channel = theirs.channel;
    link->from = theirs.from;
    buffer_clear(&link->hello); /* a guest is taken in once it has proved who it is */
    if (link->peer == NULL) buffer_append_slice(&link->hello, whole);
    memcpy(link->peer_nonce, theirs.nonce, PEER_NONCE_SIZE);
    struct buffer *out = &link->connection.out;
    size_t begun = peer_frame_begin(out, PEER_WELCOME, PEER_GROUP_NODE);
    introduction_put(node, link, theirs.from, out);
    uint8_t proof[PEER_PROOF_SIZE];
    proof_make(node, PEER_WELCOME, theirs.nonce, link->nonce, node->config.self, theirs.from,
               proof);
    buffer_append(out, proof, sizeof proof);
    peer_frame_end(out, begun);
    connection_dirty(&node->connections, &link->connection);
    link->state = LINK_PROVING;
}

/* A peer that comes again has begun a new life or lost a connection: nothing of what it sent
 * before may be heard behind this (Raft's trust in wiped nodes rests on it). */
static void link_supersede(struct node *node, struct link *link)
{
    if (link->channel != PEER_CHANNEL_LOG) return;
    for (struct list *at = node->links.next; at != &node->links; at = at->next) {
        struct link *other = LIST_ITEM(at, struct link, in_links);
        bool same = other != link && !other->dialed && other->peer == link->peer &&
                    other->channel == link->channel;
        if (same) connection_close(&node->connections, &other->connection);
    }
    if (node->raft != NULL) raft_peer_lost(node->raft, link->peer->id);
}

static void link_open(struct node *node, struct link *link)
{
    link->state = LINK_OPEN;
    struct peer *peer = link->peer;
    if (!link->dialed) {
        link_supersede(node, link);
        return;
    }
    node->refused_as_stranger = false;
    peer->dial_delay_us[link->channel] = NODE_DIAL_DELAY_MIN_US;
    if (link->channel != PEER_CHANNEL_LOG) return;
    peer->was_reached = true;
    peer->refusal_told = 0;
    trace_begin(&node->turn, "peer-reached");
    trace_number(&node->turn, "peer", peer->id);
    trace_end(&node->turn);
    proposals_link_changed(node, peer->id);
    clock_ask(node, peer);
}

static void link_welcome(struct node *node, struct link *link, struct reader *content)
{
    struct peer_introduction theirs;
    bool good = peer_introduction_decode(content, &theirs);
    struct slice proof = read_exactly(content, PEER_PROOF_SIZE);
    if (!good || (peer_version_common(&theirs) && !reader_done(content))) {
        node->counters.peer_bad_frames++;
        connection_close(&node->connections, &link->connection);
        return;
    }
    enum peer_refusal why = introduction_judge(node, &theirs);
    if (why == 0 && theirs.from != link->peer->id) why = PEER_OTHER_NODE;
    memcpy(link->peer_nonce, theirs.nonce, PEER_NONCE_SIZE);
    if (why == 0 && !proof_good(node, PEER_WELCOME, link, theirs.from, proof)) {
        why = PEER_WRONG_SECRET;
    }
    if (why != 0) {
        link_refuse(node, link, why, theirs.from);
        return;
    }
    struct buffer *out = &link->connection.out;
    size_t begun = peer_frame_begin(out, PEER_PROOF, PEER_GROUP_NODE);
    uint8_t mine[PEER_PROOF_SIZE];
    proof_make(node, PEER_PROOF, theirs.nonce, link->nonce, node->config.self, theirs.from, mine);
    buffer_append(out, mine, sizeof mine);
    peer_frame_end(out, begun);
    connection_dirty(&node->connections, &link->connection);
    link_open(node, link);
    peer_heard(node, link->peer, theirs.cluster, theirs.membership);
    peers_tell_state(node);
}

/* By the HELLO that it sent before. */
static struct peer *guest_admit(struct node *node, struct link *link)
{
    struct peer_introduction theirs;
    struct reader hello = reader_of(buffer_slice(&link->hello));
    struct peer *peer = peer_find(node, link->from); /* it may have been added since */
    if (peer == NULL && peer_introduction_decode(&hello, &theirs)) {
        peer = membership_admit(node, &theirs);
    }
    buffer_free(&link->hello);
    return peer;
}

static void link_proof(struct node *node, struct link *link, struct reader *content)
{
    struct slice proof = read_exactly(content, PEER_PROOF_SIZE);
    if (!reader_done(content)) {
        connection_close(&node->connections, &link->connection);
        return;
    }
    if (!proof_good(node, PEER_PROOF, link, link->from, proof)) {
        link_refuse(node, link, PEER_WRONG_SECRET, link->from);
        return;
    }
    if (link->peer == NULL) link->peer = guest_admit(node, link);
    if (link->peer == NULL) {
        link_refuse(node, link, PEER_NOT_MEMBER, link->from);
        return;
    }
    link_open(node, link);
}

static void link_refused(struct node *node, struct link *link, struct reader *content)
{
    uint8_t why = read_u8(content);
    struct peer *peer = link->peer;
    node->counters.peer_refused++;
    if (why == PEER_NOT_MEMBER && node->membership == WAL_MEMBER) node->refused_as_stranger = true;
    if (peer != NULL && peer->refusal_told != why) {
        peer->refusal_told = why;
        peer->was_reached = false;
        trace_begin(&node->turn, "peer-refuses-us");
        trace_number(&node->turn, "peer", peer->id);
        trace_text(&node->turn, "why", refusal_words(why));
        trace_end(&node->turn);
    }
    connection_close(&node->connections, &link->connection);
}

/* --- frames --- */

static void frame_state(struct node *node, struct link *link, const struct peer_frame *frame)
{
    struct reader reader = reader_of(frame->content);
    uint64_t cluster = read_u64(&reader);
    uint8_t membership = read_u8(&reader);
    if (!reader_done(&reader) || membership > WAL_MEMBER) return;
    peer_heard(node, link->peer, cluster, membership);
}

static void frame_found(struct node *node, struct link *link, const struct peer_frame *frame)
{
    struct reader reader = reader_of(frame->content);
    uint64_t cluster = read_u64(&reader);
    if (reader.bad || cluster == 0) return;
    founding_found(node, link->peer, cluster, reader.bytes);
}

/* Frames of an open link; false ends it. */
static bool link_work(struct node *node, struct link *link, const struct peer_frame *frame)
{
    switch (frame->type) {
    case PEER_RAFT: return peers_raft_received(node, link, frame->content);
    case PEER_BEATS: return peers_beats_received(node, link, frame->content);
    case PEER_FORWARD: proposals_forwarded(node, link->peer->id, frame->content); return true;
    case PEER_CLOCK: return clock_asked(node, link, frame->content);
    case PEER_CLOCK_IS: return clock_answered(node, link, frame->content);
    case PEER_STATE: frame_state(node, link, frame); return true;
    case PEER_FOUND: frame_found(node, link, frame); return true;
    case PEER_ASK: return members_asked(node, link, frame->content);
    case PEER_ANSWER: return members_answered(node, frame->content);
    case PEER_SNAPSHOT_BEGIN:
    case PEER_SNAPSHOT_DATA:
    case PEER_SNAPSHOT_END: return snapshot_incoming_frame(node, link, frame);
    case PEER_SNAPSHOT_TAKEN: {
        struct reader reader = reader_of(frame->content);
        uint64_t number = read_u64(&reader);
        uint64_t offset = read_u64(&reader);
        if (reader_done(&reader)) snapshots_taken(node, link->peer->id, number, offset);
        return true;
    }
    default: return false;
    }
}

static void link_frame(struct node *node, struct link *link, const struct peer_frame *frame)
{
    struct reader content = reader_of(frame->content);
    bool good = true;
    if (link->state == LINK_OPEN) {
        good = link_work(node, link, frame);
    } else if (link->dialed && frame->type == PEER_WELCOME) {
        link_welcome(node, link, &content);
    } else if (link->dialed && frame->type == PEER_REFUSED) {
        link_refused(node, link, &content);
    } else if (!link->dialed && link->state == LINK_MEETING && frame->type == PEER_HELLO) {
        link_hello(node, link, &content);
    } else if (link->state == LINK_PROVING && frame->type == PEER_PROOF) {
        link_proof(node, link, &content);
    } else {
        good = false;
    }
    if (good) return;
    node->counters.peer_bad_frames++;
    connection_close(&node->connections, &link->connection);
}

/* Takes whole frames off `bytes`; returns how much was used. */
static size_t link_frames(struct node *node, struct link *link, struct slice bytes)
{
    size_t used = 0;
    while (!link->connection.closing && used < bytes.size) {
        struct peer_frame frame;
        size_t consumed = 0;
        struct slice rest = slice_of(bytes.data + used, bytes.size - used);
        enum peer_result result = peer_frame_decode(rest, &consumed, &frame);
        if (result == PEER_PARTIAL) break;
        if (result == PEER_BAD) {
            node->counters.peer_bad_frames++;
            connection_close(&node->connections, &link->connection);
            break;
        }
        used += consumed;
        link_frame(node, link, &frame);
    }
    return used;
}

void link_process(struct node *node, struct link *link)
{
    if (link->input.size == 0 || !wal_ready(&node->wal)) return;
    size_t used = link_frames(node, link, buffer_slice(&link->input));
    buffer_consume(&link->input, used);
    if (link->input.size == 0 && link->input.capacity > (64 << 10)) buffer_free(&link->input);
}

void link_received(struct node *node, struct link *link, struct slice bytes)
{
    if (link->connection.closing) return;
    size_t used = 0;
    if (link->input.size == 0 && wal_ready(&node->wal)) used = link_frames(node, link, bytes);
    if (used == bytes.size || link->connection.closing) return;
    buffer_append(&link->input, bytes.data + used, bytes.size - used);
    if (used == 0) link_process(node, link);
    if (link->state == LINK_OPEN || link->input.size <= NODE_MEETING_BYTES_MAX) return;
    node->counters.peer_bad_frames++;
    connection_close(&node->connections, &link->connection);
}

/* --- life of a link --- */

static void peer_dial(struct node *node, struct peer *peer, enum peer_channel channel)
{
    struct link *link = link_new(node, NODE_DIALED + ++node->dialed_next);
    link->peer = peer;
    link->dialed = true;
    link->channel = (uint8_t)channel;
    link->state = LINK_CONNECTING;
    peer->links[channel] = link;
    struct action *action = turn_act(&node->turn, ACTION_CONNECT);
    action->connection = link->connection.id;
    /* The membership's address counts, but a cluster may have moved as a whole: then flags know. */
    action->bytes = slice_text(peer->dial_given ? peer->given : peer->address);
}

/* Whoever connects and does not say who it is must not keep a node out. */
static void strangers_thin(struct node *node)
{
    for (struct list *at = node->links.next; at != &node->links; at = at->next) {
        struct link *link = LIST_ITEM(at, struct link, in_links); /* the oldest comes first */
        if (link->dialed || link->state == LINK_OPEN || link->connection.closing) continue;
        connection_close(&node->connections, &link->connection);
        return;
    }
}

void link_opened(struct node *node, uint32_t id)
{
    if (id < NODE_DIALED) {
        if (node->links_count >= NODE_PEER_LINKS_MAX) strangers_thin(node);
        struct link *link = link_new(node, id);
        link->state = LINK_MEETING;
        node->links_count++;
        return;
    }
    struct link *link = (struct link *)connection_find(&node->connections, id);
    if (link == NULL) return;
    if (link->peer == NULL) { /* not wanted any more */
        link->state = LINK_MEETING;
        connection_close(&node->connections, &link->connection);
        return;
    }
    link->state = LINK_MEETING;
    link->since_us = node->turn.now.mono_us;
    struct buffer *out = &link->connection.out;
    size_t begun = peer_frame_begin(out, PEER_HELLO, PEER_GROUP_NODE);
    introduction_put(node, link, link->peer->id, out);
    peer_frame_end(out, begun);
    connection_dirty(&node->connections, &link->connection);
}

void link_failed(struct node *node, struct link *link)
{
    struct peer *peer = link->peer;
    bool open = link->state == LINK_OPEN;
    if (!link->dialed) node->links_count--;
    snapshots_link_lost(node, link);
    if (link->dialed && peer != NULL) {
        uint8_t channel = link->channel;
        peer->links[channel] = NULL;
        if (!open && peer->given != NULL) peer->dial_given = !peer->dial_given;
        peer->dial_at_us[channel] = node->turn.now.mono_us + peer->dial_delay_us[channel];
        uint64_t longer = peer->dial_delay_us[channel] * 2;
        peer->dial_delay_us[channel] =
            longer > NODE_DIAL_DELAY_MAX_US ? NODE_DIAL_DELAY_MAX_US : longer;
        if (channel == PEER_CHANNEL_LOG && peer->was_reached) {
            peer->was_reached = false;
            trace_begin(&node->turn, "peer-lost");
            trace_number(&node->turn, "peer", peer->id);
            trace_text(&node->turn, "address", peer->address);
            trace_end(&node->turn);
        }
        if (open && channel == PEER_CHANNEL_LOG) {
            clock_forget(peer);
            if (node->raft != NULL) raft_peer_lost(node->raft, peer->id);
            proposals_link_changed(node, peer->id);
        }
    }
    link_free(node, link);
}

static void link_timeout(struct node *node, struct link *link)
{
    if (link->state == LINK_OPEN || link->state == LINK_CONNECTING) return;
    uint64_t until = link->since_us + NODE_MEETING_US;
    if (link->connection.closing) return;
    if (node->turn.now.mono_us >= until) {
        connection_close(&node->connections, &link->connection);
    } else {
        turn_wake(&node->turn, until);
    }
}

static void peer_turn(struct node *node, struct peer *peer, enum peer_channel channel)
{
    bool wanted = channel == PEER_CHANNEL_LOG || peer->snapshot_link_wanted;
    if (peer->links[channel] != NULL || !wanted || node->draining) return;
    if (peer->dial_delay_us[channel] == 0) peer->dial_delay_us[channel] = NODE_DIAL_DELAY_MIN_US;
    if (node->turn.now.mono_us >= peer->dial_at_us[channel]) {
        peer_dial(node, peer, channel);
    } else {
        turn_wake(&node->turn, peer->dial_at_us[channel]);
    }
}

void peers_turn(struct node *node)
{
    if (!wal_ready(&node->wal)) return;
    for (uint32_t i = 0; i < node->peers_count; i++) {
        peer_turn(node, &node->peers[i], PEER_CHANNEL_LOG);
        peer_turn(node, &node->peers[i], PEER_CHANNEL_SNAPSHOT);
    }
    for (struct list *at = node->links.next; at != &node->links; at = at->next) {
        link_timeout(node, LIST_ITEM(at, struct link, in_links));
    }
}

void peers_tell_state(struct node *node)
{
    for (uint32_t i = 0; i < node->peers_count; i++) {
        struct link *link = peer_link(node, &node->peers[i], PEER_CHANNEL_LOG);
        if (link == NULL) continue;
        struct buffer *out = &link->connection.out;
        size_t begun = peer_frame_begin(out, PEER_STATE, PEER_GROUP_NODE);
        buffer_put_u64(out, node->cluster);
        buffer_put_u8(out, node->membership);
        peer_frame_end(out, begun);
        connection_dirty(&node->connections, &link->connection);
    }
}
