/* Whom this node knows, and the life of the links to them. See peers.h. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/peers/clock.h"
#include "node/peers/links.h"
#include "node/turn/trace.h"

void peers_init(struct peers *peers)
{
    list_init(&peers->links);
    for (uint32_t i = 0; i < peers->config->peers_count; i++) {
        const struct node_peer *given = &peers->config->peers[i];
        if (given->id == peers->config->self) continue;
        peer_add(peers, given->id, slice_text(given->address))->given = given->address;
    }
}

void peers_free(struct peers *peers)
{
    buffer_free(&peers->gated);
}

struct peer *peer_add(struct peers *peers, uint32_t id, struct slice address)
{
    ASSERT(peers->count < NODE_PEERS_KNOWN_MAX && address.size <= RAFT_ADDRESS_SIZE_MAX);
    struct peer *peer = &peers->all[peers->count++];
    *peer = (struct peer){.id = id, .was_reached = true};
    if (address.size > 0) memcpy(peer->address, address.data, address.size);
    return peer;
}

static void links_close(struct peers *peers, const struct peer *peer, bool all)
{
    for (struct list *at = peers->links.next; at != &peers->links; at = at->next) {
        struct link *link = LIST_ITEM(at, struct link, in_links);
        /* One that is being dialed is closed when it is there: link_opened(). */
        bool there = link->state != LINK_CONNECTING;
        if (link->peer == peer && there && (all || link->dialed)) {
            connection_close(peers->connections, &link->connection);
        }
    }
}

void peer_move(struct peers *peers, struct peer *peer, struct slice address)
{
    ASSERT(address.size <= RAFT_ADDRESS_SIZE_MAX);
    memset(peer->address, 0, sizeof peer->address);
    if (address.size > 0) memcpy(peer->address, address.data, address.size);
    links_close(peers, peer, false);
}

void peer_drop(struct peers *peers, struct peer *peer)
{
    struct peer *last = &peers->all[peers->count - 1];
    links_close(peers, peer, true);
    for (struct list *at = peers->links.next; at != &peers->links; at = at->next) {
        struct link *link = LIST_ITEM(at, struct link, in_links);
        if (link->peer == peer) {
            link->peer = NULL;
        } else if (link->peer == last) {
            link->peer = peer; /* moves into the place of the one that goes */
        }
    }
    *peer = *last;
    peers->count--;
}

struct peer *peer_find(struct peers *peers, uint32_t id)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        if (peers->all[i].id == id) return &peers->all[i];
    }
    return NULL;
}

bool peer_calls(const struct peers *peers, const struct peer *peer)
{
    for (const struct list *at = peers->links.next; at != &peers->links; at = at->next) {
        const struct link *link = LIST_ITEM(at, struct link, in_links);
        if (link->peer == peer && !link->dialed && !link->connection.closing) return true;
    }
    return false;
}

static struct link *link_new(struct peers *peers, uint32_t id)
{
    struct link *link = calloc(1, sizeof *link);
    ASSERT(link != NULL);
    connection_init(peers->connections, &link->connection, id, NODE_PEER);
    list_init(&link->in_links);
    list_append(&peers->links, &link->in_links);
    link->since_us = peers->turn->now.mono_us;
    store_u64(link->nonce, random_next(peers->random));
    store_u64(link->nonce + 8, random_next(peers->random));
    return link;
}

void link_free(struct peers *peers, struct link *link)
{
    list_remove(&link->in_links);
    buffer_free(&link->input);
    buffer_free(&link->hello);
    buffer_free(&link->beats);
    connection_release(peers->connections, &link->connection);
    free(link);
}

uint64_t peer_link_room(const struct link *link)
{
    return NODE_PEER_OUTPUT_MAX + 1 - (link->connection.unsent + link->connection.out.size);
}

struct link *peer_link(struct peers *peers, struct peer *peer, enum peer_channel channel)
{
    struct link *link = peer->links[channel];
    if (link == NULL || link->state != LINK_OPEN || link->connection.closing) return NULL;
    if (!wal_ready(peers->wal)) return NULL;
    if (link->connection.unsent + link->connection.out.size > NODE_PEER_OUTPUT_MAX) return NULL;
    return link;
}

/* --- life of a link --- */

static void peer_dial(struct peers *peers, struct peer *peer, enum peer_channel channel)
{
    struct link *link = link_new(peers, NODE_DIALED + ++peers->dialed_next);
    link->peer = peer;
    link->dialed = true;
    link->channel = (uint8_t)channel;
    link->state = LINK_CONNECTING;
    peer->links[channel] = link;
    struct action *action = turn_act(peers->turn, ACTION_CONNECT);
    action->connection = link->connection.id;
    /* The membership's address counts, but a cluster may have moved as a whole: then flags know. */
    action->bytes = slice_text(peer->dial_given ? peer->given : peer->address);
}

/* Whoever connects and does not say who it is must not keep a node out. */
static void strangers_thin(struct peers *peers)
{
    for (struct list *at = peers->links.next; at != &peers->links; at = at->next) {
        struct link *link = LIST_ITEM(at, struct link, in_links); /* the oldest comes first */
        if (link->dialed || link->state == LINK_OPEN || link->connection.closing) continue;
        connection_close(peers->connections, &link->connection);
        return;
    }
}

void link_opened(struct peers *peers, uint32_t id)
{
    if (id < NODE_DIALED) {
        if (peers->links_count >= NODE_PEER_LINKS_MAX) strangers_thin(peers);
        struct link *link = link_new(peers, id);
        link->state = LINK_MEETING;
        peers->links_count++;
        return;
    }
    struct link *link = (struct link *)connection_find(peers->connections, id);
    if (link == NULL) return;
    if (link->peer == NULL) { /* not wanted any more */
        link->state = LINK_MEETING;
        connection_close(peers->connections, &link->connection);
        return;
    }
    link->state = LINK_MEETING;
    link->since_us = peers->turn->now.mono_us;
    link_say_hello(peers, link);
}

void link_lose(struct peers *peers, struct link *link)
{
    struct peer *peer = link->peer;
    uint8_t channel = link->channel;
    bool open = link->state == LINK_OPEN;
    link->peer = NULL;
    peer->links[channel] = NULL;
    peer->lost[channel] = open;
    if (!open && peer->given != NULL) peer->dial_given = !peer->dial_given;
    peer->dial_at_us[channel] = peers->turn->now.mono_us + peer->dial_delay_us[channel];
    uint64_t longer = peer->dial_delay_us[channel] * 2;
    uint64_t longest = peers->config->election_timeout_us / 2;
    if (longest > NODE_DIAL_DELAY_MAX_US) longest = NODE_DIAL_DELAY_MAX_US;
    if (longest < NODE_DIAL_DELAY_MIN_US) longest = NODE_DIAL_DELAY_MIN_US;
    peer->dial_delay_us[channel] = longer > longest ? longest : longer;
    if (channel != PEER_CHANNEL_LOG) return;
    if (open) clock_forget(peer);
    if (!peer->was_reached) return;
    peer->was_reached = false;
    trace_begin(peers->turn, "peer-lost");
    trace_number(peers->turn, "peer", peer->id);
    trace_text(peers->turn, "address", peer->address);
    trace_end(peers->turn);
}

bool peers_take_lost(struct peers *peers, uint32_t *peer, enum peer_channel *channel)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        for (unsigned c = 0; c < 2; c++) {
            if (!peers->all[i].lost[c]) continue;
            peers->all[i].lost[c] = false;
            *peer = peers->all[i].id;
            *channel = (enum peer_channel)c;
            return true;
        }
    }
    return false;
}

void link_failed(struct peers *peers, struct link *link)
{
    if (!link->dialed) peers->links_count--;
    if (link->dialed && link->peer != NULL) link_lose(peers, link);
    link_free(peers, link);
}

void link_sent(struct peers *peers, struct link *link)
{
    link->said_us = peers->turn->now.mono_us;
}

static void link_timeout(struct peers *peers, struct link *link)
{
    if (link->state == LINK_CONNECTING || link->connection.closing) return;
    if (link->state == LINK_OPEN) {
        link_listen(peers, link);
        return;
    }
    uint64_t patience_us = link->dialed ? link_silence_us_max(peers) : NODE_MEETING_US;
    if (patience_us > NODE_MEETING_US) patience_us = NODE_MEETING_US;
    uint64_t until = link->since_us + patience_us;
    if (peers->turn->now.mono_us < until) {
        turn_wake(peers->turn, until);
        return;
    }
    if (link->dialed && link->peer != NULL) link_lose(peers, link);
    connection_close(peers->connections, &link->connection);
}

static void peer_turn(struct peers *peers, struct peer *peer, enum peer_channel channel, bool quiet)
{
    bool wanted = channel == PEER_CHANNEL_LOG || peer->snapshot_link_wanted;
    if (peer->links[channel] != NULL || !wanted || quiet) return;
    if (peer->dial_delay_us[channel] == 0) peer->dial_delay_us[channel] = NODE_DIAL_DELAY_MIN_US;
    if (peers->turn->now.mono_us >= peer->dial_at_us[channel]) {
        peer_dial(peers, peer, channel);
    } else {
        turn_wake(peers->turn, peer->dial_at_us[channel]);
    }
}

void peers_turn(struct peers *peers, bool quiet)
{
    if (!wal_ready(peers->wal)) return;
    for (uint32_t i = 0; i < peers->count; i++) {
        peer_turn(peers, &peers->all[i], PEER_CHANNEL_LOG, quiet);
        peer_turn(peers, &peers->all[i], PEER_CHANNEL_SNAPSHOT, quiet);
    }
    for (struct list *at = peers->links.next; at != &peers->links; at = at->next) {
        link_timeout(peers, LIST_ITEM(at, struct link, in_links));
    }
}

void peers_tell_state(struct peers *peers)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        struct link *link = peer_link(peers, &peers->all[i], PEER_CHANNEL_LOG);
        if (link == NULL) continue;
        struct buffer *out = &link->connection.out;
        size_t begun = peer_frame_begin(out, PEER_STATE, PEER_GROUP_NODE);
        buffer_put_u64(out, peers->own.cluster);
        buffer_put_u8(out, peers->own.membership);
        peer_frame_end(out, begun);
        connection_dirty(peers->connections, &link->connection);
    }
}
