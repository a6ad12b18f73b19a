/* Tells in sentences what a step did. Nobody reports to it: it remembers what each server looked
 * like, looks again, and says what is different. So a trace can only tell what did happen. */
#ifndef QUARTET_TEST_TRACE_NARRATE_H
#define QUARTET_TEST_TRACE_NARRATE_H

#include "../unit/raft/raft_world.h"

/* A server as it was last described. */
struct shown {
    bool up, trusted;
    enum raft_role role;
    uint32_t vote, leader;
    uint64_t term, commit, snapshot;
    struct stored_list log;         /* what follows the snapshot */
    uint32_t writes;                /* under way */
    uint32_t held;                  /* messages behind them */
    uint64_t read;                  /* the ticket of a read that waits; 0: none */
    bool lags[WORLD_NODES_MAX + 1]; /* leader: needs a snapshot */
};

struct trace {
    struct world *world;
    bool cut[WORLD_NODES_MAX + 1][WORLD_NODES_MAX + 1];
    struct shown shown[WORLD_NODES_MAX + 1];
    char *said;
    size_t said_size;
};

__attribute__((format(printf, 2, 3))) static inline void say(struct trace *trace,
                                                             const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof text) abort();
    trace->said = realloc(trace->said, trace->said_size + (size_t)size + 1);
    memcpy(trace->said + trace->said_size, text, (size_t)size + 1);
    trace->said_size += (size_t)size;
}

#define NUM(value) ((unsigned long long)(value))

/* --- entries and messages --- */

/* {1 2 +4}: voters 1 and 2, and 4 that learns. {1 2 3}{2 3 4}: from the first to the second. */
static inline void say_members(struct trace *trace, struct slice data)
{
    struct raft_members members;
    if (!raft_members_decode(data, &members)) abort();
    const char *gap = "{";
    for (uint32_t i = 0; i < members.count && raft_members_joint(&members); i++) {
        if (!members.member[i].outgoing) continue;
        say(trace, "%s%u", gap, members.member[i].id);
        gap = " ";
    }
    if (raft_members_joint(&members)) say(trace, "}");
    gap = "{";
    for (uint32_t i = 0; i < members.count; i++) {
        const struct raft_member *member = &members.member[i];
        if (member->leaving) continue;
        say(trace, "%s%s%u", gap, member->learner ? "+" : "", member->id);
        gap = " ";
    }
    say(trace, "}");
}

/* [2:x] is the command x of term 2, [2:-] a leader's no-op, [2:{1 2 3}] a membership, [2] an entry
 * of which only the term matters. */
static inline void say_entry(struct trace *trace, const struct raft_entry *entry)
{
    say(trace, "[%llu", NUM(entry->term));
    if (entry->kind == RAFT_KIND_NOOP) {
        say(trace, ":-");
    } else if (entry->kind == RAFT_KIND_MEMBERS) {
        say(trace, ":");
        say_members(trace, entry->data);
    } else if (entry->data.size > 0) {
        say(trace, ":%.*s", (int)entry->data.size, (const char *)entry->data.data);
    }
    say(trace, "]");
}

static inline void say_entries(struct trace *trace, const struct stored_list *list, uint64_t from)
{
    for (uint64_t i = from; i < list->count; i++) {
        struct raft_entry entry = stored_entry(&list->at[i]);
        say_entry(trace, &entry);
    }
}

static const char *const message_names[RAFT_MESSAGE_TYPES] = {
    [RAFT_PRE_VOTE] = "PRE_VOTE",
    [RAFT_PRE_VOTE_REPLY] = "PRE_VOTE_REPLY",
    [RAFT_VOTE] = "VOTE",
    [RAFT_VOTE_REPLY] = "VOTE_REPLY",
    [RAFT_READ] = "READ",
    [RAFT_READ_REPLY] = "READ_REPLY",
    [RAFT_TIMEOUT_NOW] = "TIMEOUT_NOW",
    [RAFT_APPEND] = "APPEND",
    [RAFT_APPEND_REPLY] = "APPEND_REPLY",
};

static inline void say_append_reply(struct trace *trace, const struct raft_message *message)
{
    if (message->granted)
        say(trace, " holds up to %llu", NUM(message->index));
    else
        say(trace, " refused, try after %llu/%llu", NUM(message->index), NUM(message->index_term));
}

/* `2 -> 1 VOTE term=3 last=5/2`: places in a log are index/term. No newline. */
static inline void say_packet(struct trace *trace, const struct packet *packet)
{
    const struct raft_message *message = &packet->message;
    say(trace, "%u -> %u ", message->from, message->to);
    if (packet->is_snapshot) {
        say(trace, "SNAPSHOT up to %llu/%llu", NUM(packet->snapshot.index),
            NUM(packet->snapshot.term));
        return;
    }
    say(trace, "%s term=%llu", message_names[message->type], NUM(message->term));
    switch (message->type) {
    case RAFT_PRE_VOTE:
    case RAFT_VOTE:
        say(trace, " last=%llu/%llu", NUM(message->index), NUM(message->index_term));
        if (message->round != 0) say(trace, ", as the leader told it to");
        break;
    case RAFT_PRE_VOTE_REPLY:
    case RAFT_VOTE_REPLY: say(trace, message->granted ? " granted" : " refused"); break;
    case RAFT_APPEND:
        say(trace, " after=%llu/%llu ", NUM(message->index), NUM(message->index_term));
        if (message->entries_count == 0) say(trace, "heartbeat");
        say_entries(trace, &packet->entries, 0);
        say(trace, " commit=%llu", NUM(message->commit));
        break;
    case RAFT_APPEND_REPLY: say_append_reply(trace, message); break;
    case RAFT_READ_REPLY: say(trace, " at %llu", NUM(message->index)); break;
    default: break;
    }
}

/* --- changes --- */

static inline void say_role(struct trace *trace, uint32_t id, const struct raft *raft)
{
    const struct shown *was = &trace->shown[id];
    uint64_t term = raft_term(raft);
    enum raft_role role = raft_role(raft);
    uint32_t leader = raft_leader(raft), vote = raft_vote(raft);
    bool led = was->role == RAFT_LEADER;
    if (role == RAFT_PRE_CANDIDATE && was->role != role) {
        say(trace, "  %u hears no leader and asks who would vote for it in term %llu\n", id,
            NUM(term + 1));
    } else if (role == RAFT_CANDIDATE && (was->role != role || was->term != term)) {
        say(trace, "  %u becomes candidate in term %llu, votes for itself\n", id, NUM(term));
    } else if (role == RAFT_LEADER && was->role != role) {
        say(trace, "  %u becomes leader of term %llu\n", id, NUM(term));
    } else if (role == RAFT_FOLLOWER && led) {
        say(trace, "  %u steps down in term %llu\n", id, NUM(term));
    } else if (was->term != term && leader == 0 && vote == 0) {
        say(trace, "  %u enters term %llu\n", id, NUM(term));
    }
    if (role == RAFT_FOLLOWER && leader != 0 && (was->leader != leader || was->term != term)) {
        say(trace, "  %u follows %u in term %llu\n", id, leader, NUM(term));
    }
    if (vote != 0 && vote != id && (was->vote != vote || was->term != term)) {
        say(trace, "  %u votes for %u in term %llu\n", id, vote, NUM(term));
    }
    if (raft_trusted(raft) && !was->trusted) say(trace, "  %u is trusted from now on\n", id);
}

static inline void say_log(struct trace *trace, uint32_t id, const struct raft *raft)
{
    struct shown *was = &trace->shown[id];
    uint64_t first = raft_first_index(raft), last = raft_last_index(raft);
    struct stored_list log = {0};
    for (uint64_t i = first; i <= last; i++) stored_push(&log, raft_entry_at(raft, i));
    uint64_t forgotten = first - 1 - was->snapshot; /* entries that a snapshot replaced */
    uint64_t same = forgotten < was->log.count ? forgotten : was->log.count;
    uint64_t begins = same;
    while (same < was->log.count && same - begins < log.count &&
           was->log.at[same].entry.term == log.at[same - begins].entry.term) {
        same++;
    }
    if (forgotten > 0) {
        say(trace, "  %u keeps a snapshot in place of its log up to %llu/%llu\n", id,
            NUM(first - 1), NUM(raft_term_at(raft, first - 1)));
    }
    if (same < was->log.count) {
        say(trace, "  %u drops ", id);
        say_entries(trace, &was->log, same);
        say(trace, "\n");
    }
    if (same - begins < log.count) {
        say(trace, "  %u appends ", id);
        say_entries(trace, &log, same - begins);
        say(trace, "\n");
    }
    stored_free(&was->log);
    was->log = log;
    was->snapshot = first - 1;
}

static inline void say_write(struct trace *trace, const struct write *write)
{
    if (write->hard) say(trace, " term=%llu vote=%u", NUM(write->term), write->vote);
    if (write->entries.count > 0) say(trace, " ");
    say_entries(trace, &write->entries, 0);
}

/* What waits for a slow disk. */
static inline void say_disk(struct trace *trace, uint32_t id)
{
    struct shown *was = &trace->shown[id];
    const struct node *node = &trace->world->nodes[id];
    for (uint32_t i = was->writes; i < node->writes_count; i++) {
        say(trace, "  %u begins to write", id);
        say_write(trace, &node->writes[i]);
        say(trace, "\n");
    }
    for (uint32_t i = was->held; i < node->held.count; i++) {
        const struct raft_message *message = &node->held.at[i]->message;
        say(trace, "  %u holds %s to %u back until that is durable\n", id,
            message_names[message->type], message->to);
    }
    was->writes = node->writes_count;
    was->held = node->held.count;
}

static inline void say_who_needs_a_snapshot(struct trace *trace, uint32_t id,
                                            const struct raft *raft)
{
    bool lags[WORLD_NODES_MAX + 1] = {false};
    uint32_t peer = 0;
    while ((peer = raft_snapshot_wanted(raft, peer)) != 0) {
        lags[peer] = true;
        if (!trace->shown[id].lags[peer]) {
            say(trace, "  %u no longer has the entries that %u needs: it must send a snapshot\n",
                id, peer);
        }
    }
    memcpy(trace->shown[id].lags, lags, sizeof lags);
}

static inline void say_commit(struct trace *trace, uint32_t id, const struct raft *raft)
{
    const struct shown *was = &trace->shown[id];
    uint64_t commit = raft_commit_index(raft);
    if (commit == was->commit || commit < raft_first_index(raft)) return;
    say(trace, "  %u commits up to %llu\n", id, NUM(commit));
}

/* A read is answered from what is applied, once it is confirmed. */
static inline void say_read(struct trace *trace, uint32_t id, const struct raft *raft)
{
    struct shown *was = &trace->shown[id];
    const struct node *node = &trace->world->nodes[id];
    if (was->read == 0 || node->reads_confirmed < was->read) return;
    if (raft_commit_index(raft) < node->reads_index) return;
    say(trace, "  %u answers the read, as of index %llu\n", id, NUM(raft_commit_index(raft)));
    was->read = 0;
}

/* Everything about this server that is not as it was. */
static inline void say_changes(struct trace *trace, uint32_t id)
{
    struct shown *was = &trace->shown[id];
    const struct raft *raft = trace->world->nodes[id].raft;
    if (raft == NULL) return;
    bool leads = was->role == RAFT_LEADER; /* it commits first, and then does what follows */
    if (leads) say_commit(trace, id, raft);
    say_role(trace, id, raft);
    say_log(trace, id, raft);
    if (!leads) say_commit(trace, id, raft);
    say_read(trace, id, raft);
    say_disk(trace, id);
    say_who_needs_a_snapshot(trace, id, raft);
    was->up = true;
    was->trusted = raft_trusted(raft);
    was->role = raft_role(raft);
    was->vote = raft_vote(raft);
    was->leader = raft_leader(raft);
    was->term = raft_term(raft);
    was->commit = raft_commit_index(raft);
}

/* --- answers --- */

static inline void say_vote_answer(struct trace *trace, const struct raft_message *request,
                                   const struct raft_message *reply)
{
    const struct raft *raft = trace->world->nodes[reply->from].raft;
    uint64_t last = raft_last_index(raft);
    bool pre = reply->type == RAFT_PRE_VOTE_REPLY;
    if (reply->granted) {
        if (pre) say(trace, "  %u would vote for %u\n", reply->from, reply->to);
        return; /* a vote was told already */
    }
    say(trace, "  %u %s %u: ", reply->from, pre ? "would not vote for" : "does not vote for",
        reply->to);
    if (!raft_trusted(raft))
        say(trace, "it lost what it had promised\n");
    else if (request->term < raft_term(raft) || (pre && request->term == raft_term(raft)))
        say(trace, "it is in term %llu\n", NUM(raft_term(raft)));
    else if (!pre && raft_vote(raft) != 0 && raft_vote(raft) != reply->to)
        say(trace, "it voted for %u\n", raft_vote(raft));
    else
        say(trace, "its own log ends at %llu/%llu\n", NUM(last), NUM(raft_term_at(raft, last)));
}

static inline void say_refusal(struct trace *trace, const struct raft_message *request,
                               const struct raft_message *reply)
{
    const struct raft *raft = trace->world->nodes[reply->from].raft;
    if (reply->granted) return;
    if (request->term < raft_term(raft))
        say(trace, "  %u refuses: it is in term %llu\n", reply->from, NUM(raft_term(raft)));
    else
        say(trace, "  %u refuses: it has no %llu/%llu\n", reply->from, NUM(request->index),
            NUM(request->index_term));
}

/* Why a server gives no answer to a candidate (dissertation, 4.2.3). */
static inline void say_silence(struct trace *trace, uint32_t id)
{
    const struct raft *raft = trace->world->nodes[id].raft;
    if (raft_role(raft) == RAFT_LEADER)
        say(trace, "  %u does not answer: it leads\n", id);
    else if (raft_members(raft)->count == 0)
        say(trace, "  %u does not answer: it knows of no cluster\n", id);
    else if (raft_leader(raft) != 0)
        say(trace, "  %u does not answer: it has heard leader %u\n", id, raft_leader(raft));
    else
        say(trace, "  %u does not answer: it has just restarted\n", id);
}

/* What a server said to this request. */
static inline void say_answer(struct trace *trace, const struct raft_message *request,
                              const struct raft_message *reply)
{
    if (reply->to != request->from) return;
    if (reply->type == RAFT_PRE_VOTE_REPLY || reply->type == RAFT_VOTE_REPLY)
        say_vote_answer(trace, request, reply);
    else if (reply->type == RAFT_APPEND_REPLY)
        say_refusal(trace, request, reply);
}

/* --- the whole --- */

/* One line a server: the logs stand below each other, as the paper draws them. */
static inline void say_state(struct trace *trace)
{
    static const char *const roles[] = {"follower", "asks", "candidate", "leader"};
    const struct world *world = trace->world;
    for (uint32_t id = 1; id <= world->nodes_count; id++) {
        const struct raft *raft = world->nodes[id].raft;
        const struct disk *disk = &world->nodes[id].disk;
        const struct shown *shown = &trace->shown[id];
        uint64_t snapshot = raft == NULL ? disk->snapshot.index : shown->snapshot;
        const struct stored_list *log = raft == NULL ? &disk->log : &shown->log;
        say(trace, "%u: %-9s term=%llu ", id, raft == NULL ? "down" : roles[raft_role(raft)],
            NUM(raft == NULL ? disk->term : raft_term(raft)));
        if (raft == NULL)
            say(trace, "commit=?");
        else
            say(trace, "commit=%llu", NUM(raft_commit_index(raft)));
        if (snapshot > 0 || log->count > 0) say(trace, "  ");
        if (snapshot > 0) say(trace, "(1..%llu)", NUM(snapshot));
        say_entries(trace, log, 0);
        say(trace, "\n");
    }
}

#endif
