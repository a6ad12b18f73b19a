/* The other nodes: whom this one knows, the connections to them, frames in and out. specs/peer.md.
 *
 * Calls in, events out: bytes from a link are fed to link_next(), which deals with what is between
 * the two nodes (introductions, what they are) and yields, one by one, what is for someone else.
 * Nothing here knows groups: what Raft says passes through as content of frames.
 *
 * A link that is not open swallows what is sent to it: to Raft that is a lost message, and
 * proposals are sent again. Bad bytes end the link, never the node.
 *
 * Ownership: `struct peers` owns its peers and links. A `struct peer *` lives until peer_drop() or
 * membership changes, a `struct link *` until link_failed() or link_free(). What `struct peers`
 * points to is borrowed and outlives it. */
#ifndef QUARTET_NODE_PEERS_PEERS_H
#define QUARTET_NODE_PEERS_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/random.h"
#include "node/disk/wal.h"
#include "node/node.h"
#include "node/turn/connections.h"
#include "node/turn/turn.h"
#include "wire/peer.h"

enum {
    NODE_PEER_OUTPUT_MAX = 64 << 20, /* unsent bytes to one peer; more is dropped as lost */
    NODE_PEER_LINKS_MAX = 64,        /* accepted connections on the peer port */
    NODE_DIAL_DELAY_MIN_US = 50000,
    NODE_DIAL_DELAY_MAX_US = 1000000, /* and at most half an election timeout */
    NODE_CONNECT_US_MIN = 100000,     /* see node_connect_us_max() */
    NODE_SILENCE_US_MIN = 400000,     /* a link silent for two election timeouts is dead */
    NODE_PINGS_IN_SILENCE = 4,
    NODE_MEETING_US = 3000000,     /* to be introduced within, else closed */
    NODE_MEETING_BYTES_MAX = 4096, /* heard and not understood of one who is not introduced */
};

enum link_state {
    LINK_CONNECTING, /* dialed, not open yet */
    LINK_MEETING,    /* hello under way */
    LINK_PROVING,    /* accepted: waits for the dialer's proof */
    LINK_OPEN,
};

/* What is known of a peer's wall clock: see clock.h. */
struct peer_clock {
    uint64_t number; /* of the question that is not answered yet; 0: none */
    uint64_t asked_us;
    uint64_t heard_us; /* when the last answer came; 0: none that counts */
    bool votes;        /* it has a vote: see raft_trusted() */
    uint64_t trip_us;  /* how long that took */
    int64_t base_us;   /* what it said, less our monotonic clock when it came */
};

struct peer {
    uint32_t id;
    char address[RAFT_ADDRESS_SIZE_MAX + 1]; /* as the membership has it */
    const char *given;                       /* as the flags have it; NULL: they do not */
    bool dial_given;                         /* the other one did not answer */
    struct link *links[2];                   /* dialed, by channel */
    uint64_t dial_at_us[2];
    uint64_t dial_delay_us[2];
    bool snapshot_link_wanted;
    bool heard; /* membership and cluster below are known */
    uint8_t membership;
    uint64_t cluster;
    uint64_t heard_us;    /* when anything last came from it, on whatever link */
    uint64_t incarnation; /* of the life that answered when we last dialed */
    bool lost[2];         /* by channel: an open link of ours is gone, and the hub not told */
    bool was_reached;     /* for telling once that it is gone */
    uint8_t refusal_told; /* why it refuses us, as told last: enum peer_refusal, 0: nothing */
    struct peer_clock clock;
    uint32_t announced_count; /* as it said when it was last dialed */
    char announced[PEER_ANNOUNCED_MAX][PEER_ANNOUNCED_SIZE_MAX + 1];
    bool guest; /* not in our membership, but ahead of us: see membership.c */
    uint64_t guest_index;
};

struct link {
    struct connection connection;
    struct peer *peer;   /* NULL until introduced, of a guest until it has proved who it is */
    uint32_t from;       /* accepted: who it says it is */
    struct buffer hello; /* of a guest, until then */
    enum link_state state;
    struct list in_links;
    bool dialed;
    uint8_t channel;
    uint64_t since_us;                   /* open, or on its way there */
    uint64_t heard_us;                   /* when bytes last came */
    uint64_t said_us;                    /* when bytes last left */
    uint64_t pinged_us;                  /* dialed: see silence.c */
    uint64_t incarnation;                /* accepted: of the life that said hello */
    uint8_t nonce[PEER_NONCE_SIZE];      /* ours */
    uint8_t peer_nonce[PEER_NONCE_SIZE]; /* theirs */
    struct buffer input;                 /* arrived and not decoded: half a frame */
    struct buffer beats;                 /* of this turn: see send.h */
};

/* What this node is, as it says in introductions and judges those of others by. Kept up to date by
 * the hub before any call that may introduce it. */
struct peers_own {
    uint64_t cluster;       /* 0: none yet */
    uint8_t membership;     /* enum wal_membership, as announced */
    bool listening;         /* has a log, so it can tell whose membership is ahead */
    uint64_t members_index; /* of the membership in force; 0: none */
    bool members_committed; /* and it is committed */
    struct slice address;   /* as others dial it; borrowed until the next call */
};

struct clocks {
    uint64_t ask_us;       /* when to ask next */
    uint64_t hand_over_us; /* not again before */
    bool heard;            /* since the last judgement */
    bool off;              /* a quorum agrees against this node's wall clock */
    bool agree;            /* a quorum's, this one's among them, are known to be near each other */
};

struct peers {
    const struct node_config *config;
    struct turn *turn;
    struct connections *connections;
    const struct wal *wal;
    struct random *random;
    struct peers_own own;
    uint32_t count;
    struct peer all[NODE_PEERS_KNOWN_MAX];
    struct list links;    /* oldest first */
    uint32_t links_count; /* accepted ones */
    uint32_t dialed_next;
    bool refused_as_stranger; /* by a member whose membership is not behind ours */
    struct clocks clocks;
    struct buffer gated; /* frames that wait for the disk: see send.c */
    struct {
        uint64_t bad_frames, refused, dropped_bytes, beats, beat_frames;
    } counters;
};

/* All zero but for the borrowed pointers; those that the config lists are known from here. */
void peers_init(struct peers *peers);
/* All links have been freed. */
void peers_free(struct peers *peers);

/* --- peers --- */

struct peer *peer_find(struct peers *peers, uint32_t id); /* NULL: not known */
/* There must be room, and the address fit. Pointers to peers live until peer_drop(), links move
 * with them. */
struct peer *peer_add(struct peers *peers, uint32_t id, struct slice address);
void peer_move(struct peers *peers, struct peer *peer, struct slice address); /* dialed anew */
/* Forgets it and closes its links. Another peer takes its place in peers->all. */
void peer_drop(struct peers *peers, struct peer *peer);
/* Has it introduced itself, on a connection of its own that is still there? */
bool peer_calls(const struct peers *peers, const struct peer *peer);
/* An open link to write frames to; NULL when there is none, or too much waits to be sent on it: the
 * peer then is as if silent. Append a frame to connection.out, then connection_dirty(). */
struct link *peer_link(struct peers *peers, struct peer *peer, enum peer_channel channel);
/* How much more such a link takes, in bytes, at least 1. */
uint64_t peer_link_room(const struct link *link);
/* Tells all what this node is: peers->own. */
void peers_tell_state(struct peers *peers);

/* Dials who is to be dialed, unless `quiet`; ends meetings that take too long, and links on which
 * nothing is heard; says something where nothing else was said. Once a turn, behind what others
 * have to say. Then, and after any other call about a link, ask peers_take_lost(). */
void peers_turn(struct peers *peers, bool quiet);

/* --- links: what the world reports of them --- */

/* One was accepted, or one that was dialed is connected. */
void link_opened(struct peers *peers, uint32_t id);
/* It could not be connected, or is closed. Frees it. */
void link_failed(struct peers *peers, struct link *link);
/* So many bytes as were handed out have left it. */
void link_sent(struct peers *peers, struct link *link);
/* A link of ours that was open is gone, or was given up: true, with whose it was and which. Each is
 * told once. */
bool peers_take_lost(struct peers *peers, uint32_t *peer, enum peer_channel *channel);
void link_free(struct peers *peers, struct link *link); /* at the end of all */

enum peers_event_type {
    PEERS_MET,   /* a link that we dialed is open; what its peer is is known */
    PEERS_CAME,  /* a link that the peer dialed is open; older ones of that channel are closing, and
                    nothing that they brought is heard behind this */
    PEERS_STATE, /* the peer has said what it is */
    PEERS_FRAME, /* for the hub to deal with: `frame`, of an open link */
};

struct peers_event {
    enum peers_event_type type;
    struct peer_frame frame; /* borrows from what was fed */
};

/* Takes frames off the front of `rest` up to and including the first of which someone else must
 * know, and says of what. False: there is nothing more in it but, perhaps, the beginning of a
 * frame; or the link is closing. */
bool link_next(struct peers *peers, struct link *link, struct slice *rest,
               struct peers_event *event);
/* What it said is nonsense: counted, and the link ends. */
void link_bad(struct peers *peers, struct link *link);
/* Keeps what link_next() has left of the bytes that came, as link->input. */
void link_keep(struct link *link, struct slice rest);
/* So much of link->input is dealt with. */
void link_used(struct link *link, size_t used);
/* Ends one that has said too much without having introduced itself. */
void link_limit(struct peers *peers, struct link *link);

#endif
