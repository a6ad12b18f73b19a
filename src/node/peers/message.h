/* Raft's messages as the content of RAFT frames, and what BEATS frames list. Byte format:
 * specs/peer.md. */
#ifndef QUARTET_NODE_PEERS_MESSAGE_H
#define QUARTET_NODE_PEERS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "raft/raft.h"

/* `raft` holds the entries of an APPEND. */
void peer_message_encode(const struct raft *raft, const struct raft_message *message,
                         struct buffer *out);
/* False when malformed. The message points to `entries`, room for RAFT_MESSAGE_ENTRIES_MAX, and
 * those borrow from `content`. */
bool peer_message_decode(struct slice content, struct raft_message *message,
                         struct raft_entry *entries);
/* A beat carries no entries: a heartbeat, or the reply to an APPEND of any kind. */
bool peer_beat_is(const struct raft_message *message);
void peer_beat_encode(uint16_t group, const struct raft_message *message, struct buffer *out);
/* Takes one off the front; `from` and `to` are the link's and left 0. False when malformed. */
bool peer_beat_decode(struct reader *reader, uint16_t *group, struct raft_message *message);

#endif
