/* Frames between nodes. Byte format: specs/peer.md. Who sends what when is the node's matter. */
#ifndef QUARTET_WIRE_PEER_H
#define QUARTET_WIRE_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    PEER_FRAME_HEADER_SIZE = 12,
    PEER_FRAME_SIZE_MAX = 20 << 20,
    PEER_NONCE_SIZE = 16,
    PEER_PROOF_SIZE = 32,
    PEER_VERSION = 4,
    PEER_SYSTEM_SIZE_MAX = 32,
    PEER_ADDRESS_SIZE_MAX = 255,
    PEER_ANNOUNCED_MAX = 4,
    PEER_ANNOUNCED_SIZE_MAX = 261,
    PEER_GROUP_NODE = 0xFFFF, /* frames about the node, not one of its logs */
};

enum peer_frame_type {
    PEER_HELLO = 1,
    PEER_WELCOME,
    PEER_PROOF,
    PEER_REFUSED,
    PEER_STATE,
    PEER_FOUND,
    PEER_RAFT = 16,
    PEER_FORWARD,
    PEER_SNAPSHOT_BEGIN,
    PEER_SNAPSHOT_DATA,
    PEER_SNAPSHOT_END,
    PEER_SNAPSHOT_TAKEN,
    PEER_ASK,    /* about the membership, of the leader */
    PEER_ANSWER, /* to that, on the same connection */
    PEER_BEATS,  /* Raft's messages without entries, of all groups */
    PEER_CLOCK,  /* what is your wall clock? */
    PEER_CLOCK_IS,
    PEER_PING, /* which of your connections I hear */
};

/* The offset in a SNAPSHOT_TAKEN of a follower that takes another group's: send it later. */
#define PEER_SNAPSHOT_BUSY UINT64_MAX

enum peer_refusal {
    PEER_OTHER_CLUSTER = 1,
    PEER_OTHER_SYSTEM,
    PEER_OTHER_VERSION,
    PEER_OTHER_NODE,
    PEER_NOT_MEMBER,
    PEER_WRONG_SECRET,
    PEER_TOO_MANY,
    PEER_OTHER_GROUPS,
};

enum peer_channel {
    PEER_CHANNEL_LOG = 0,
    PEER_CHANNEL_SNAPSHOT = 1,
};

struct peer_frame {
    uint8_t type;
    uint16_t group;
    struct slice content; /* borrowed from the input */
};

enum peer_result {
    PEER_DONE,
    PEER_PARTIAL, /* more bytes are needed; *consumed is 0 */
    PEER_BAD,     /* end the connection */
};

/* Takes one frame off the front of `bytes`. */
enum peer_result peer_frame_decode(struct slice bytes, size_t *consumed, struct peer_frame *frame);

/* Frames of this type are about one of the logs, and name its group; those of the others name
 * PEER_GROUP_NODE. */
bool peer_frame_of_log(uint8_t type);

/* Frames are written in place: begin, append the content, end. Nothing else may be appended to
 * the buffer in between but by the caller itself. */
size_t peer_frame_begin(struct buffer *out, uint8_t type, uint16_t group);
void peer_frame_end(struct buffer *out, size_t begun);

struct peer_introduction {
    uint16_t version_min, version_max;
    uint64_t cluster;
    uint32_t from, to;
    uint64_t incarnation;
    uint8_t membership;
    uint8_t channel;
    uint64_t features;
    uint8_t nonce[PEER_NONCE_SIZE];
    uint64_t members_index; /* of the membership that it goes by; 0: none */
    struct slice address;   /* its own, as others dial it; empty: it knows none. Borrowed */
    struct slice system;    /* borrowed */
    uint16_t groups;        /* of Raft, that it has */
    uint8_t announced_count;
    struct slice announced[PEER_ANNOUNCED_MAX]; /* what its clients are told to dial; borrowed */
};

bool peer_version_common(const struct peer_introduction *introduction);
void peer_introduction_encode(const struct peer_introduction *introduction, struct buffer *out);
/* Leaves the reader behind it; false when malformed (also: wrong magic). One that has no version in
 * common with ours (see peer_version_common) is read up to `to`, and the reader is left empty. */
bool peer_introduction_decode(struct reader *reader, struct peer_introduction *introduction);

#endif
