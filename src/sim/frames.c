/* What bytes between nodes say. See frames.h; the bytes themselves are in specs/peer.md. */
#include "sim/frames.h"

#include "node/peers/message.h"
#include "sim/text.h"
#include "wire/peer.h"

/* One thing that a frame says. */
struct said {
    enum frames_kind kind;
    const struct raft_message *message; /* NULL: nothing that Raft says */
    size_t bytes;
};

/* Calls `visit` for each: one for most frames, several for beats. */
typedef void frames_visit(void *context, const struct said *said);

static enum frames_kind kind_of_message(const struct raft_message *message)
{
    switch (message->type) {
    case RAFT_PRE_VOTE: return FRAMES_PRE_VOTE;
    case RAFT_PRE_VOTE_REPLY: return FRAMES_PRE_VOTE_REPLY;
    case RAFT_VOTE: return FRAMES_VOTE;
    case RAFT_VOTE_REPLY: return FRAMES_VOTE_REPLY;
    case RAFT_APPEND: return message->entries_count > 0 ? FRAMES_APPEND : FRAMES_HEARTBEAT;
    case RAFT_APPEND_REPLY: return FRAMES_ACK;
    case RAFT_TIMEOUT_NOW: return FRAMES_TIMEOUT_NOW;
    default: return FRAMES_READ;
    }
}

static enum frames_kind kind_of_frame(uint8_t type)
{
    switch (type) {
    case PEER_FORWARD: return FRAMES_FORWARD;
    case PEER_SNAPSHOT_BEGIN:
    case PEER_SNAPSHOT_DATA:
    case PEER_SNAPSHOT_END:
    case PEER_SNAPSHOT_TAKEN: return FRAMES_SNAPSHOT;
    case PEER_ASK:
    case PEER_ANSWER: return FRAMES_MEMBERS;
    case PEER_CLOCK:
    case PEER_CLOCK_IS: return FRAMES_HEARTBEAT;
    default: return FRAMES_HELLO;
    }
}

static void visit_frame(const struct peer_frame *frame, frames_visit *visit, void *context)
{
    struct raft_message message;
    if (frame->type == PEER_RAFT) {
        struct raft_entry entries[RAFT_MESSAGE_ENTRIES_MAX];
        if (!peer_message_decode(frame->content, &message, entries)) return;
        struct said said = {kind_of_message(&message), &message, frame->content.size};
        visit(context, &said);
    } else if (frame->type == PEER_BEATS) {
        struct reader reader = reader_of(frame->content);
        uint16_t group;
        while (reader.bytes.size > 0 && peer_beat_decode(&reader, &group, &message)) {
            struct said said = {kind_of_message(&message), &message, 0};
            visit(context, &said);
        }
    } else {
        struct said said = {kind_of_frame(frame->type), NULL, frame->content.size};
        visit(context, &said);
    }
}

static void visit_frames(struct slice frames, frames_visit *visit, void *context)
{
    struct peer_frame frame;
    size_t size;
    while (peer_frame_decode(frames, &size, &frame) == PEER_DONE) {
        visit_frame(&frame, visit, context);
        frames.data += size;
        frames.size -= size;
    }
}

/* --- news --- */

struct hearing {
    uint64_t *term, *commit, *acked; /* of the pair */
    bool news;
};

static void hear(void *context, const struct said *said)
{
    struct hearing *hearing = context;
    const struct raft_message *message = said->message;
    bool append = message != NULL && message->type == RAFT_APPEND;
    bool reply = message != NULL && message->type == RAFT_APPEND_REPLY;
    if (!append && !reply) {
        hearing->news |= said->kind > FRAMES_HELLO;
        return;
    }
    if (message->term > *hearing->term) {
        hearing->news = true;
        *hearing->term = message->term;
        *hearing->commit = 0;
        *hearing->acked = 0;
    }
    uint64_t *told = append ? hearing->commit : hearing->acked;
    uint64_t now = append ? message->commit : message->index;
    hearing->news |= now > *told || message->entries_count > 0 || (reply && !message->granted);
    if (now > *told) *told = now;
}

bool frames_are_news(struct frames_told *told, uint32_t from, uint32_t to, struct slice frames)
{
    struct hearing hearing = {&told->pair[from][to].term, &told->pair[from][to].commit,
                              &told->pair[from][to].acked, false};
    visit_frames(frames, hear, &hearing);
    return hearing.news;
}

/* --- words --- */

struct saying {
    struct buffer *words;
    size_t begun;
    enum frames_kind kind;
};

static void say_append(struct buffer *words, const struct raft_message *message)
{
    if (message->entries_count == 0) {
        text_append(words, "heartbeat: committed up to %U", message->commit);
    } else if (message->entries_count == 1) {
        text_append(words, "append %U", message->index + 1);
    } else {
        text_append(words, "append %U to %U", message->index + 1,
                    message->index + message->entries_count);
    }
}

static void say_message(struct buffer *words, const struct raft_message *message)
{
    const char *answer = message->granted ? "yes" : "no";
    switch (message->type) {
    case RAFT_PRE_VOTE: text_append(words, "would you vote in term %U?", message->term); break;
    case RAFT_PRE_VOTE_REPLY: text_append(words, "would vote: %s", answer); break;
    case RAFT_VOTE: text_append(words, "vote for me in term %U", message->term); break;
    case RAFT_VOTE_REPLY: text_append(words, "vote: %s", answer); break;
    case RAFT_APPEND: say_append(words, message); break;
    case RAFT_APPEND_REPLY:
        text_append(words,
                    message->granted ? "have up to %U on disk" : "does not fit; go back to %U",
                    message->index);
        break;
    case RAFT_READ: text_append(words, "from where may I read?"); break;
    case RAFT_READ_REPLY: text_append(words, "read from %U", message->index); break;
    default: text_append(words, "campaign now"); break;
    }
}

static void say(void *context, const struct said *said)
{
    static const char *const others[] = {
        [FRAMES_HEARTBEAT] = "compare clocks", [FRAMES_HELLO] = "hello",
        [FRAMES_SNAPSHOT] = "snapshot",        [FRAMES_MEMBERS] = "members",
        [FRAMES_FORWARD] = "for the leader",
    };
    struct saying *saying = context;
    if (saying->words->size > saying->begun) text_append(saying->words, "; ");
    if (said->message != NULL) {
        say_message(saying->words, said->message);
    } else {
        text_append(saying->words, "%s", others[said->kind]);
    }
    if (said->kind > saying->kind) saying->kind = said->kind;
}

enum frames_kind frames_say(struct slice frames, struct buffer *words)
{
    struct saying saying = {words, words->size, FRAMES_HEARTBEAT};
    visit_frames(frames, say, &saying);
    return saying.kind;
}

const char *frames_kind_word(enum frames_kind kind)
{
    static const char *const words[] = {
        [FRAMES_HEARTBEAT] = "heartbeat",
        [FRAMES_HELLO] = "hello",
        [FRAMES_READ] = "read",
        [FRAMES_SNAPSHOT] = "snapshot",
        [FRAMES_MEMBERS] = "members",
        [FRAMES_ACK] = "ack",
        [FRAMES_FORWARD] = "forward",
        [FRAMES_APPEND] = "append",
        [FRAMES_PRE_VOTE] = "pre-vote",
        [FRAMES_PRE_VOTE_REPLY] = "pre-vote-reply",
        [FRAMES_VOTE] = "vote",
        [FRAMES_VOTE_REPLY] = "vote-reply",
        [FRAMES_TIMEOUT_NOW] = "timeout-now",
    };
    return words[kind];
}
