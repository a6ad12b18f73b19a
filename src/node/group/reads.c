/* Questions: answered from this replica's state, without an entry in the log, as truly as they ask
 * to be (protocol.h: enum protocol_read).
 *
 * A question is asked when everything its client said before is answered, and nothing behind it is
 * heard until it is. What is not local waits in `node->reads`, oldest first, for Raft to confirm an
 * index (raft_read) and for this replica to have applied it. All that is asked in one turn shares
 * one ticket. Without a leader it is refused after the named wait, like a command. */
#include "node/node_internal.h"

void node_log_time(const struct node *node, uint64_t *elapsed_us, uint64_t *wall_us)
{
    const struct replica *replica = node->replica;
    *elapsed_us = replica->elapsed_us;
    *wall_us = replica->wall_us;
    if (node_leading(node)) {
        raft_log_time(node->raft, node->turn.now, elapsed_us, wall_us);
    } else if (node->raft != NULL && raft_leader(node->raft) != 0) {
        /* The leader's clock has counted no less since it stamped that entry. Without a leader log
         * time stands still. */
        uint64_t since_us = node->turn.now.mono_us - node->applied_us;
        *elapsed_us += since_us;
        *wall_us += since_us;
    }
}

void node_ask(struct node *node, uint32_t connection, struct slice command)
{
    static const struct machine_facts nothing;
    const struct machine_facts *facts = node->config.facts;
    struct session_key session = {node->wal.meta.incarnation, node->config.self, connection};
    uint64_t elapsed_us = 0;
    uint64_t wall_us = 0;
    node_log_time(node, &elapsed_us, &wall_us);
    node->replica->ops->query(node->replica->machine, &session, command, elapsed_us, wall_us,
                              facts != NULL ? facts : &nothing);
}

/* Needs no one else: alone it always knows what is committed, whatever the clocks do. */
static bool read_at_once(struct node *node, enum protocol_read level, uint64_t *index)
{
    if (node->raft == NULL) return false;
    bool alone = raft_members(node->raft)->count == 1;
    if (level != PROTOCOL_READ_LEASE && !alone) return false;
    return raft_read_lease(node->raft, node->turn.now, index);
}

void reads_begin(struct node *node, struct client *client)
{
    enum protocol_read level = client->request.read;
    uint64_t index = 0;
    bool known = level != PROTOCOL_READ_LOCAL && read_at_once(node, level, &index);
    if (level == PROTOCOL_READ_LOCAL || (known && index <= node->replica->index)) {
        node_ask(node, client->connection.id, client->request.command);
        return;
    }
    client->reading = true;
    client->read_ticket = 0;
    client->read_index = index;
    client->read_since_us = node->turn.now.mono_us;
    list_append(&node->reads, &client->in_reads);
}

void reads_turn(struct node *node)
{
    uint64_t ticket = 0;
    if (node->raft == NULL) return;
    for (struct list *at = node->reads.previous; at != &node->reads; at = at->previous) {
        struct client *client = LIST_ITEM(at, struct client, in_reads);
        if (client->read_ticket != 0) return; /* and so all before it */
        if (client->read_index != 0) continue;
        if (ticket == 0) ticket = raft_read(node->raft, node->turn.now);
        client->read_ticket = ticket;
    }
}

static void read_ended(struct node *node, struct client *client)
{
    client->reading = false;
    list_remove(&client->in_reads);
    if (list_empty(&client->in_pump)) list_append(&node->pump, &client->in_pump);
}

void reads_refuse(struct node *node)
{
    while (!list_empty(&node->reads)) {
        struct client *client = LIST_ITEM(node->reads.next, struct client, in_reads);
        uint64_t until_us = client->read_since_us + node->config.refuse_after_us;
        if (node->turn.now.mono_us < until_us) {
            turn_wake(&node->turn, until_us);
            return;
        }
        node->counters.refused++;
        node->config.protocol->refuse(client->decoder, client->request.command,
                                      PROTOCOL_REFUSED_NO_LEADER, &client->connection.out);
        connection_dirty(&node->connections, &client->connection);
        read_ended(node, client);
    }
}

void reads_answer(struct node *node, uint64_t confirmed, uint64_t index)
{
    bool news = confirmed != node->reads_confirmed || node->replica->index != node->reads_applied;
    node->reads_confirmed = confirmed;
    node->reads_applied = node->replica->index;
    for (struct list *at = node->reads.next, *next; news && at != &node->reads; at = next) {
        struct client *client = LIST_ITEM(at, struct client, in_reads);
        next = at->next;
        if (client->read_index == 0) {
            if (client->read_ticket == 0 || client->read_ticket > confirmed) return;
            client->read_index = index;
        }
        if (client->read_index > node->replica->index) continue;
        read_ended(node, client);
        node_ask(node, client->connection.id, client->request.command);
    }
}
