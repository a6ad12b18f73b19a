/* What a person or a test reads of a node's life: one line an event, "word key=value ...". */
#include "node/node_internal.h"

void trace_begin(struct node *node, const char *word)
{
    buffer_append_text(&node->trace, word);
}

void trace_number(struct node *node, const char *key, uint64_t value)
{
    buffer_put_u8(&node->trace, ' ');
    buffer_append_text(&node->trace, key);
    buffer_put_u8(&node->trace, '=');
    buffer_append_decimal(&node->trace, value);
}

void trace_hex(struct node *node, const char *key, uint64_t value)
{
    buffer_put_u8(&node->trace, ' ');
    buffer_append_text(&node->trace, key);
    buffer_put_u8(&node->trace, '=');
    buffer_append_hex(&node->trace, value, 16);
}

void trace_text(struct node *node, const char *key, const char *value)
{
    buffer_put_u8(&node->trace, ' ');
    buffer_append_text(&node->trace, key);
    buffer_put_u8(&node->trace, '=');
    buffer_append_text(&node->trace, value);
}

void trace_end(struct node *node)
{
    buffer_put_u8(&node->trace, '\n');
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

void trace_message(struct node *node, const char *word, const struct raft_message *message)
{
    if (!node->config.trace_messages) return;
    bool reply = message->type == RAFT_APPEND_REPLY || message->type == RAFT_VOTE_REPLY ||
                 message->type == RAFT_PRE_VOTE_REPLY;
    trace_begin(node, word);
    trace_text(node, "message", message_name(message->type));
    trace_number(node, "from", message->from);
    trace_number(node, "to", message->to);
    trace_number(node, "term", message->term);
    trace_number(node, "index", message->index);
    if (message->type == RAFT_APPEND) {
        trace_number(node, "entries", message->entries_count);
        trace_number(node, "commit", message->commit);
    }
    if (reply) trace_text(node, "granted", message->granted ? "yes" : "no");
    trace_end(node);
}

void trace_raft_changes(struct node *node)
{
    const struct raft *raft = node->raft;
    if (raft == NULL) return;
    enum raft_role role = raft_role(raft);
    uint32_t leader = raft_leader(raft);
    bool trusted = raft_trusted(raft);
    if (role == node->role_told && leader == node->leader_told &&
        raft_term(raft) == node->term_told && trusted == node->trusted_told) {
        return;
    }
    if (role == RAFT_LEADER && node->role_told != RAFT_LEADER) node->counters.elections_won++;
    trace_begin(node, "raft");
    trace_text(node, "role", role_name(role));
    trace_number(node, "term", raft_term(raft));
    trace_number(node, "leader", leader);
    trace_number(node, "last", raft_last_index(raft));
    trace_number(node, "commit", raft_commit_index(raft));
    if (!trusted) trace_text(node, "trusted", "no");
    trace_end(node);
    node->role_told = role;
    node->leader_told = leader;
    node->term_told = raft_term(raft);
    node->trusted_told = trusted;
}
