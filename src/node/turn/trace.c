/* Lines for people. See trace.h. */
#include "node/turn/trace.h"

void trace_begin(struct turn *turn, const char *word)
{
    buffer_append_text(&turn->trace, word);
}

void trace_number(struct turn *turn, const char *key, uint64_t value)
{
    buffer_put_u8(&turn->trace, ' ');
    buffer_append_text(&turn->trace, key);
    buffer_put_u8(&turn->trace, '=');
    buffer_append_decimal(&turn->trace, value);
}

void trace_hex(struct turn *turn, const char *key, uint64_t value)
{
    buffer_put_u8(&turn->trace, ' ');
    buffer_append_text(&turn->trace, key);
    buffer_put_u8(&turn->trace, '=');
    buffer_append_hex(&turn->trace, value, 16);
}

void trace_text(struct turn *turn, const char *key, const char *value)
{
    buffer_put_u8(&turn->trace, ' ');
    buffer_append_text(&turn->trace, key);
    buffer_put_u8(&turn->trace, '=');
    buffer_append_text(&turn->trace, value);
}

void trace_end(struct turn *turn)
{
    buffer_put_u8(&turn->trace, '\n');
}

static const char *role_name(enum raft_role role)
{
    static const char *const names[] = {"follower", "pre-candidate", "candidate", "leader"};
    return names[role];
}

static const char *message_name(enum raft_message_type type)
{
    static const char *const names[] = {
        [RAFT_PRE_VOTE] = "pre-vote",
        [RAFT_PRE_VOTE_REPLY] = "pre-vote-reply",
        [RAFT_VOTE] = "vote",
        [RAFT_VOTE_REPLY] = "vote-reply",
        [RAFT_APPEND] = "append",
        [RAFT_APPEND_REPLY] = "append-reply",
        [RAFT_READ] = "read",
        [RAFT_READ_REPLY] = "read-reply",
        [RAFT_TIMEOUT_NOW] = "timeout-now",
    };
    return names[type];
}

void trace_message(struct turn *turn, const char *word, uint32_t group,
                   const struct raft_message *message)
{
    if (!turn->trace_messages) return;
    bool reply = message->type == RAFT_APPEND_REPLY || message->type == RAFT_VOTE_REPLY ||
                 message->type == RAFT_PRE_VOTE_REPLY;
    trace_begin(turn, word);
    if (group != 0) trace_number(turn, "group", group);
    trace_text(turn, "message", message_name(message->type));
    trace_number(turn, "from", message->from);
    trace_number(turn, "to", message->to);
    trace_number(turn, "term", message->term);
    trace_number(turn, "index", message->index);
    if (message->type == RAFT_APPEND) {
        trace_number(turn, "entries", message->entries_count);
        trace_number(turn, "commit", message->commit);
    }
    if (reply) trace_text(turn, "granted", message->granted ? "yes" : "no");
    trace_end(turn);
}

void trace_raft_changes(struct turn *turn, uint32_t group, const struct raft *raft,
                        struct raft_told *told)
{
    if (raft == NULL) return;
    enum raft_role role = raft_role(raft);
    uint32_t leader = raft_leader(raft);
    bool trusted = raft_trusted(raft);
    if (role == told->role && leader == told->leader && raft_term(raft) == told->term &&
        trusted == told->trusted) {
        return;
    }
    if (role == RAFT_LEADER && told->role != RAFT_LEADER) told->elections_won++;
    trace_begin(turn, "raft");
    if (group != 0) trace_number(turn, "group", group);
    trace_text(turn, "role", role_name(role));
    trace_number(turn, "term", raft_term(raft));
    trace_number(turn, "leader", leader);
    trace_number(turn, "last", raft_last_index(raft));
    trace_number(turn, "commit", raft_commit_index(raft));
    if (!trusted) trace_text(turn, "trusted", "no");
    trace_end(turn);
    told->role = role;
    told->leader = leader;
    told->term = raft_term(raft);
    told->trusted = trusted;
}
