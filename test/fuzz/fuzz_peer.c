/* Any bytes as frames from a peer, and as the content of each kind of frame. */
#include <stdint.h>

#include "base/assert.h"
#include "node/group/replica.h"
#include "node/peers/message.h"
#include "wire/peer.h"

static struct raft_entry entries[RAFT_MESSAGE_ENTRIES_MAX];

static void contents(struct slice bytes)
{
    struct raft_message message;
    struct commands_header header;
    struct raft_members members;
    struct peer_introduction introduction;
    struct reader reader = reader_of(bytes);
    if (peer_message_decode(bytes, &message, entries)) {
        ASSERT(message.entries_count <= RAFT_MESSAGE_ENTRIES_MAX);
    }
    struct reader beats = reader_of(bytes);
    uint16_t group;
    while (peer_beat_decode(&beats, &group, &message)) {
        /* What was read, written, read and written again is the same. */
        struct buffer once = {0};
        struct buffer twice = {0};
        peer_beat_encode(group, &message, &once);
        struct reader again = reader_of(buffer_slice(&once));
        ASSERT(peer_beat_decode(&again, &group, &message) && reader_done(&again));
        peer_beat_encode(group, &message, &twice);
        ASSERT(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
        buffer_free(&once);
        buffer_free(&twice);
    }
    if (commands_check(bytes, &header)) ASSERT(header.count > 0);
    if (raft_members_decode(bytes, &members)) ASSERT(members.count <= RAFT_MEMBERS_MAX);
    (void)peer_introduction_decode(&reader, &introduction);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    contents(slice_of(data, size));
    struct slice bytes = slice_of(data, size);
    struct peer_frame frame;
    size_t consumed = 0;
    while (peer_frame_decode(bytes, &consumed, &frame) == PEER_DONE) {
        ASSERT(consumed <= bytes.size);
        contents(frame.content);
        bytes = slice_of(bytes.data + consumed, bytes.size - consumed);
    }
    return 0;
}
