/* Raft's messages between nodes: frames out, at once or once the disk holds what they wait for, and
 * frames in. */
#ifndef QUARTET_NODE_PEERS_SEND_H
#define QUARTET_NODE_PEERS_SEND_H

#include "node/peers/peers.h"

/* To message->to, if a link to it is open; else it is lost. One whose gate is not durable yet is
 * copied and waits. A beat waits for peers_send_beats(). `raft` holds the entries of an APPEND. */
void peers_send_raft(struct peers *peers, uint16_t group, const struct raft *raft,
                     const struct raft_message *message);
/* The beats of this turn, of all groups: a frame for each peer. */
void peers_send_beats(struct peers *peers);
/* peers->wal->durable has risen: what waited for it goes out. */
void peers_durable(struct peers *peers);

/* A RAFT frame that `link` brought; false when it is malformed or not from its peer to us. Its
 * entries borrow from it, their array lives until the next call. */
bool peers_raft_read(struct peers *peers, const struct link *link, const struct peer_frame *frame,
                     struct raft_message *message);
/* The next beat of a BEATS frame, as if it had come in a frame of its own; false when malformed. */
bool peers_beat_read(struct peers *peers, const struct link *link, struct reader *content,
                     uint16_t *group, struct raft_message *message);

#endif
