/* Links that died without a word: specs/peer.md, PING.
 *
 * A link can die without a word: its packets are dropped for minutes, until TCP tries again once in
 * two, or the other machine is no more. So whoever dialed a link says something on it now and then
 * (PING, where nothing else is to be said), and an accepter that hears nothing on a link closes
 * it. The dialer may not hear of that; it closes a link when it hears nothing of the peer at all,
 * when it hears it in a new life, or when the peer's own PING says that nothing comes, and dials
 * anew. */
#include "node/peers/links.h"
#include "node/turn/trace.h"

uint64_t link_silence_us_max(const struct peers *peers)
{
    uint64_t silence_us = 2 * peers->config->election_timeout_us;
    return silence_us < NODE_SILENCE_US_MIN ? NODE_SILENCE_US_MIN : silence_us;
}

uint64_t node_connect_us_max(const struct node_config *config)
{
    uint64_t patience_us = config->election_timeout_us / 2;
    return patience_us < NODE_CONNECT_US_MIN ? NODE_CONNECT_US_MIN : patience_us;
}

/* A bit for each channel on which an open link of the peer comes here. */
static uint8_t channels_heard(const struct peers *peers, const struct peer *peer)
{
    uint8_t heard = 0;
    for (const struct list *at = peers->links.next; at != &peers->links; at = at->next) {
        const struct link *link = LIST_ITEM(at, struct link, in_links);
        bool open = link->state == LINK_OPEN && !link->connection.closing;
        if (open && !link->dialed && link->peer == peer) heard |= (uint8_t)(1u << link->channel);
    }
    return heard;
}

static void ping(struct peers *peers, struct link *link, uint8_t heard)
{
    struct buffer *out = &link->connection.out;
    size_t begun = peer_frame_begin(out, PEER_PING, PEER_GROUP_NODE);
    buffer_put_u8(out, heard);
    peer_frame_end(out, begun);
    connection_dirty(peers->connections, &link->connection);
}

/* Where nothing else is to be said, and to a peer that we do not hear. */
static void link_ping(struct peers *peers, struct link *link)
{
    struct connection *connection = &link->connection;
    if (connection->unsent > 0 || connection->out.size > 0) return; /* it waits to leave, too */
    uint8_t heard = channels_heard(peers, link->peer);
    bool deaf = (heard & 1u << PEER_CHANNEL_LOG) == 0;
    uint64_t last_us = deaf ? link->pinged_us : link->said_us;
    uint64_t at_us = last_us + link_silence_us_max(peers) / NODE_PINGS_IN_SILENCE;
    if (peers->turn->now.mono_us < at_us) {
        turn_wake(peers->turn, at_us);
        return;
    }
    link->pinged_us = peers->turn->now.mono_us;
    ping(peers, link, heard);
}

/* A young link may not have been heard yet. */
bool link_pinged(struct peers *peers, struct link *link, struct slice content)
{
    if (content.size != 1) return false;
    const struct peer *peer = link->peer;
    if (!link->dialed && link->channel == PEER_CHANNEL_SNAPSHOT) {
        ping(peers, link, channels_heard(peers, peer));
    }
    for (unsigned channel = 0; channel < 2; channel++) {
        struct link *mine = peer->links[channel];
        bool heard = (content.data[0] >> channel & 1) != 0;
        if (heard || mine == NULL || mine->state != LINK_OPEN) continue;
        uint64_t age_us = peers->turn->now.mono_us - mine->since_us;
        if (age_us >= link_silence_us_max(peers) / 2)
            link_abandon(peers, mine, "it does not hear us");
    }
    return true;
}

/* It is dead, and its end may never come to be known. */
void link_abandon(struct peers *peers, struct link *link, const char *why)
{
    trace_begin(peers->turn, "peer-silent");
    trace_number(peers->turn, "peer", link->peer->id);
    trace_text(peers->turn, "link", link->dialed ? "dialed" : "accepted");
    trace_text(peers->turn, "why", why);
    trace_end(peers->turn);
    if (link->dialed) link_lose(peers, link);
    connection_close(peers->connections, &link->connection);
}

/* Of one that is open. On a log link that we dialed the other one speaks seldom: there, any word of
 * it on any link is a sign of life. One for snapshots lives beside that, and is answered on. */
void link_listen(struct peers *peers, struct link *link)
{
    uint64_t heard_us = link->heard_us;
    bool seldom = link->dialed && link->channel == PEER_CHANNEL_LOG;
    if (seldom && link->peer->heard_us > heard_us) heard_us = link->peer->heard_us;
    uint64_t until_us = heard_us + link_silence_us_max(peers);
    if (peers->turn->now.mono_us >= until_us) {
        link_abandon(peers, link, "nothing was heard");
        return;
    }
    turn_wake(peers->turn, until_us);
    if (link->dialed) link_ping(peers, link);
}
