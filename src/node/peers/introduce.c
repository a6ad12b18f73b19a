/* How two nodes meet: HELLO, WELCOME, PROOF, or REFUSED. specs/peer.md, "Introductions".
 *
 * Who dials says hello; who accepts proves that it knows the secret before it is told more, and
 * then the dialer does. Only then is the link open. */
#include <string.h>

#include "node/peers/clock.h"
#include "node/peers/links.h"
#include "node/turn/trace.h"

static void introduction_put(struct peers *peers, const struct link *link, uint32_t to,
                             struct buffer *out)
{
    struct peer_introduction mine = {
        .version_min = PEER_VERSION,
        .version_max = PEER_VERSION,
        .cluster = peers->own.cluster,
        .from = peers->config->self,
        .to = to,
        .incarnation = peers->wal->meta.incarnation,
        .membership = peers->own.membership,
        .channel = link->channel,
        .members_index = peers->own.members_index,
        .address = peers->own.address,
        .system = slice_text(peers->config->machine->name),
        .groups = (uint16_t)node_groups(peers->config),
        .announced_count = (uint8_t)peers->config->announced_count,
    };
    for (uint8_t i = 0; i < mine.announced_count; i++) {
        mine.announced[i] = slice_text(peers->config->announced[i]);
    }
    memcpy(mine.nonce, link->nonce, PEER_NONCE_SIZE);
    peer_introduction_encode(&mine, out);
}

void link_say_hello(struct peers *peers, struct link *link)
{
    struct buffer *out = &link->connection.out;
    size_t begun = peer_frame_begin(out, PEER_HELLO, PEER_GROUP_NODE);
    introduction_put(peers, link, link->peer->id, out);
    peer_frame_end(out, begun);
    connection_dirty(peers->connections, &link->connection);
}

/* In `where`, WELCOME or PROOF: what an accepter proves to whoever says hello must not do for a
 * dialer, or any node would answer for its peers. */
static void proof_make(struct peers *peers, enum peer_frame_type where,
                       const uint8_t asked[PEER_NONCE_SIZE], const uint8_t own[PEER_NONCE_SIZE],
                       uint32_t prover, uint32_t other, uint8_t proof[PEER_PROOF_SIZE])
{
    memset(proof, 0, PEER_PROOF_SIZE);
    if (peers->config->mac == NULL) return;
    uint8_t message[1 + 2 * PEER_NONCE_SIZE + 8];
    message[0] = (uint8_t)where;
    memcpy(message + 1, asked, PEER_NONCE_SIZE);
    memcpy(message + 1 + PEER_NONCE_SIZE, own, PEER_NONCE_SIZE);
    store_u32(message + 1 + 2 * PEER_NONCE_SIZE, prover);
    store_u32(message + 1 + 2 * PEER_NONCE_SIZE + 4, other);
    peers->config->mac(peers->config->secret, slice_of(message, sizeof message), proof);
}

static bool proof_good(struct peers *peers, enum peer_frame_type where, const struct link *link,
                       uint32_t prover, struct slice proof)
{
    uint8_t expected[PEER_PROOF_SIZE];
    proof_make(peers, where, link->nonce, link->peer_nonce, prover, peers->config->self, expected);
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
        "it has another number of groups; give all nodes the same --groups",
    };
    return why >= PEER_OTHER_CLUSTER && why <= PEER_OTHER_GROUPS ? words[why] : "unknown reason";
}

static void link_refuse(struct peers *peers, struct link *link, enum peer_refusal why,
                        uint32_t from)
{
    peers->counters.refused++;
    trace_begin(peers->turn, "peer-refused");
    trace_number(peers->turn, "peer", from);
    trace_text(peers->turn, "why", refusal_words(why));
    trace_end(peers->turn);
    if (!link->dialed) {
        size_t begun = peer_frame_begin(&link->connection.out, PEER_REFUSED, PEER_GROUP_NODE);
        buffer_put_u8(&link->connection.out, (uint8_t)why);
        buffer_put_bytes(&link->connection.out, slice_text(refusal_words(why)));
        peer_frame_end(&link->connection.out, begun);
    }
    connection_close(peers->connections, &link->connection);
}

/* 0 when these two may talk. */
static enum peer_refusal introduction_judge(struct peers *peers,
                                            const struct peer_introduction *theirs)
{
    if (!peer_version_common(theirs)) return PEER_OTHER_VERSION;
    if (!slice_equal(theirs->system, slice_text(peers->config->machine->name))) {
        return PEER_OTHER_SYSTEM;
    }
    if (theirs->groups != node_groups(peers->config)) return PEER_OTHER_GROUPS;
    if (theirs->to != peers->config->self) return PEER_OTHER_NODE;
    if (theirs->cluster != 0 && peers->own.cluster != 0 && theirs->cluster != peers->own.cluster) {
        return PEER_OTHER_CLUSTER;
    }
    return 0;
}

void peer_heard(struct peer *peer, uint64_t cluster, uint8_t membership)
{
    peer->heard = true;
    peer->cluster = cluster;
    peer->membership = membership;
}

/* What its clients are told to dial. */
static void announced_heard(struct peer *peer, const struct peer_introduction *theirs)
{
    peer->announced_count = theirs->announced_count;
    for (uint8_t i = 0; i < theirs->announced_count; i++) {
        struct slice text = theirs->announced[i];
        memset(peer->announced[i], 0, sizeof peer->announced[i]);
        if (text.size > 0) memcpy(peer->announced[i], text.data, text.size);
    }
}

/* Whether a stranger may talk to us, as its introduction shows. */
static bool stranger_admitted(const struct peers *peers, const struct peer_introduction *theirs)
{
    const struct peers_own *own = &peers->own;
    if (theirs->membership != WAL_MEMBER || theirs->cluster == 0) return false;
    if (theirs->address.size == 0 || peers->count == NODE_PEERS_KNOWN_MAX) return false;
    bool waits = own->membership == WAL_EMPTY && peers->config->join;
    bool behind = own->listening && theirs->cluster == own->cluster &&
                  (!own->members_committed || theirs->members_index > own->members_index);
    return waits || behind;
}

static uint32_t links_open(const struct peers *peers)
{
    uint32_t count = 0;
    for (const struct list *at = peers->links.next; at != &peers->links; at = at->next) {
        const struct link *link = LIST_ITEM(at, struct link, in_links);
        count += !link->dialed && link->state == LINK_OPEN;
    }
    return count;
}

void link_hello(struct peers *peers, struct link *link, struct reader *content)
{
    struct peer_introduction theirs;
    struct slice whole = content->bytes;
    if (!peer_introduction_decode(content, &theirs) || !reader_done(content)) {
        peers->counters.bad_frames++;
        connection_close(peers->connections, &link->connection);
        return;
    }
    enum peer_refusal why = introduction_judge(peers, &theirs);
    if (why == 0 && links_open(peers) >= NODE_PEER_LINKS_MAX) why = PEER_TOO_MANY;
    if (why == 0) {
        link->peer = peer_find(peers, theirs.from);
        if (link->peer == NULL && !stranger_admitted(peers, &theirs)) why = PEER_NOT_MEMBER;
    }
    if (why != 0) {
        link_refuse(peers, link, why, theirs.from);
        return;
    }
    link->channel = theirs.channel;
    link->from = theirs.from;
    link->incarnation = theirs.incarnation;
    buffer_clear(&link->hello); /* a guest is taken in once it has proved who it is */
    if (link->peer == NULL) buffer_append_slice(&link->hello, whole);
    memcpy(link->peer_nonce, theirs.nonce, PEER_NONCE_SIZE);
    struct buffer *out = &link->connection.out;
    size_t begun = peer_frame_begin(out, PEER_WELCOME, PEER_GROUP_NODE);
    introduction_put(peers, link, theirs.from, out);
    uint8_t proof[PEER_PROOF_SIZE];
    proof_make(peers, PEER_WELCOME, theirs.nonce, link->nonce, peers->config->self, theirs.from,
               proof);
    buffer_append(out, proof, sizeof proof);
    peer_frame_end(out, begun);
    connection_dirty(peers->connections, &link->connection);
    link->state = LINK_PROVING;
}

/* A peer that comes again has begun a new life or lost a connection: nothing of what it sent
 * before may be heard behind this (Raft's trust in wiped nodes rests on it). */
static void link_supersede(struct peers *peers, struct link *link)
{
    if (link->channel != PEER_CHANNEL_LOG) return;
    for (struct list *at = peers->links.next; at != &peers->links; at = at->next) {
        struct link *other = LIST_ITEM(at, struct link, in_links);
        bool same = other != link && !other->dialed && other->peer == link->peer &&
                    other->channel == link->channel;
        if (same) connection_close(peers->connections, &other->connection);
    }
    const struct peer *peer = link->peer;
    if (peer->incarnation == 0 || link->incarnation == peer->incarnation) return;
    for (unsigned channel = 0; channel < 2; channel++) { /* to a life that is over */
        struct link *mine = peer->links[channel];
        if (mine != NULL && mine->state == LINK_OPEN) link_abandon(peers, mine, "it began anew");
    }
}

static void link_open(struct peers *peers, struct link *link)
{
    link->state = LINK_OPEN;
    link->since_us = link->heard_us = link->said_us = peers->turn->now.mono_us;
    struct peer *peer = link->peer;
    peer->heard_us = peers->turn->now.mono_us;
    if (!link->dialed) {
        link_supersede(peers, link);
        return;
    }
    peers->refused_as_stranger = false;
    peer->dial_delay_us[link->channel] = NODE_DIAL_DELAY_MIN_US;
    if (link->channel != PEER_CHANNEL_LOG) return;
    peer->was_reached = true;
    peer->refusal_told = 0;
    trace_begin(peers->turn, "peer-reached");
    trace_number(peers->turn, "peer", peer->id);
    trace_end(peers->turn);
    clock_ask(peers, peer);
}

bool link_welcome(struct peers *peers, struct link *link, struct reader *content,
                  struct peers_event *event)
{
    struct peer_introduction theirs;
    bool good = peer_introduction_decode(content, &theirs);
    struct slice proof = read_exactly(content, PEER_PROOF_SIZE);
    if (!good || (peer_version_common(&theirs) && !reader_done(content))) {
        peers->counters.bad_frames++;
        connection_close(peers->connections, &link->connection);
        return false;
    }
    enum peer_refusal why = introduction_judge(peers, &theirs);
    if (why == 0 && theirs.from != link->peer->id) why = PEER_OTHER_NODE;
    memcpy(link->peer_nonce, theirs.nonce, PEER_NONCE_SIZE);
    if (why == 0 && !proof_good(peers, PEER_WELCOME, link, theirs.from, proof)) {
        why = PEER_WRONG_SECRET;
    }
    if (why != 0) {
        link_refuse(peers, link, why, theirs.from);
        return false;
    }
    struct buffer *out = &link->connection.out;
    size_t begun = peer_frame_begin(out, PEER_PROOF, PEER_GROUP_NODE);
    uint8_t mine[PEER_PROOF_SIZE];
    proof_make(peers, PEER_PROOF, theirs.nonce, link->nonce, peers->config->self, theirs.from,
               mine);
    buffer_append(out, mine, sizeof mine);
    peer_frame_end(out, begun);
    connection_dirty(peers->connections, &link->connection);
    link->peer->incarnation = theirs.incarnation;
    link_open(peers, link);
    peer_heard(link->peer, theirs.cluster, theirs.membership);
    announced_heard(link->peer, &theirs);
    event->type = PEERS_MET;
    return true;
}

/* By the HELLO that it sent before. */
static struct peer *guest_admit(struct peers *peers, struct link *link)
{
    struct peer_introduction theirs;
    struct reader hello = reader_of(buffer_slice(&link->hello));
    struct peer *peer = peer_find(peers, link->from); /* it may have been added since */
    if (peer == NULL && peer_introduction_decode(&hello, &theirs) &&
        stranger_admitted(peers, &theirs)) {
        peer = peer_add(peers, theirs.from, theirs.address);
        peer->guest = true;
        peer->guest_index = theirs.members_index;
    }
    buffer_free(&link->hello);
    return peer;
}

bool link_proof(struct peers *peers, struct link *link, struct reader *content,
                struct peers_event *event)
{
    struct slice proof = read_exactly(content, PEER_PROOF_SIZE);
    if (!reader_done(content)) {
        connection_close(peers->connections, &link->connection);
        return false;
    }
    if (!proof_good(peers, PEER_PROOF, link, link->from, proof)) {
        link_refuse(peers, link, PEER_WRONG_SECRET, link->from);
        return false;
    }
    if (link->peer == NULL) link->peer = guest_admit(peers, link);
    if (link->peer == NULL) {
        link_refuse(peers, link, PEER_NOT_MEMBER, link->from);
        return false;
    }
    link_open(peers, link);
    event->type = PEERS_CAME;
    return true;
}

void link_refused(struct peers *peers, struct link *link, struct reader *content)
{
    uint8_t why = read_u8(content);
    struct peer *peer = link->peer;
    peers->counters.refused++;
    if (why == PEER_NOT_MEMBER && peers->own.membership == WAL_MEMBER)
        peers->refused_as_stranger = true;
    if (peer != NULL && peer->refusal_told != why) {
        peer->refusal_told = why;
        peer->was_reached = false;
        trace_begin(peers->turn, "peer-refuses-us");
        trace_number(peers->turn, "peer", peer->id);
        trace_text(peers->turn, "why", refusal_words(why));
        trace_end(peers->turn);
    }
    connection_close(peers->connections, &link->connection);
}
