/* This node as an origin of proposals, and as the leader that takes them in.
 *
 * Commands gather in items; an item becomes one log entry. Its commands get their sequence when it
 * is first sent to a leader: until then it is certain that no log holds them, so they can be
 * refused. From then on the item is kept, and sent again to every new leader, until this node has
 * seen it applied; the replicated state drops what comes twice (replica.h).
 *
 * That is exactly once only if (node, incarnation, sequence) names one proposal for ever:
 *
 * 1. An incarnation was never used before by this node, in any life: also not in one that its disk
 *    has forgotten.
 * 2. It is durable before anything is sent under it, so that no later start takes it up again.
 * 3. What was sent under one incarnation is never sent under another: the first may have been
 *    applied, or may yet be. A change drops it and closes the clients, who cannot know either.
 * 4. What earlier lives proposed and no leader has appended yet is fenced: it is refused once a
 *    higher incarnation has entered the log. Should theirs be higher, ours is fenced, and we take
 *    another.
 *
 * A start that trusts its disk counts one up (1, 2). One that does not, has no incarnation: 0 in
 * META, durably, so that a crash cannot end this state; it proposes nothing, and nothing that it
 * applies is for its clients. proposals_release() ends it. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node_internal.h"

static struct proposal_item *item_new(struct node *node)
{
    struct proposals *p = &node->proposals;
    struct proposal_item *item;
    if (!list_empty(&p->spare)) {
        item = LIST_ITEM(p->spare.next, struct proposal_item, link);
        list_remove(&item->link);
    } else {
        item = calloc(1, sizeof *item);
        ASSERT(item != NULL);
        list_init(&item->link);
    }
    memset(buffer_reserve(&item->bytes, COMMANDS_HEADER_SIZE), 0, COMMANDS_HEADER_SIZE);
    buffer_grew(&item->bytes, COMMANDS_HEADER_SIZE);
    item->count = 0;
    item->first = 0;
    item->since_us = node->turn.now.mono_us;
    return item;
}

static void item_drop(struct node *node, struct proposal_item *item)
{
    node->proposals.bytes -= item->bytes.size - COMMANDS_HEADER_SIZE;
    list_remove(&item->link);
    if (item->bytes.capacity > NODE_ITEM_BYTES_MAX) {
        buffer_free(&item->bytes);
        free(item);
        return;
    }
    buffer_clear(&item->bytes);
    list_append(&node->proposals.spare, &item->link);
}

void proposals_init(struct node *node)
{
    struct proposals *p = &node->proposals;
    list_init(&p->pending);
    list_init(&p->sent);
    list_init(&p->spare);
    p->next = 1;
}

static void items_free(struct list *items)
{
    while (!list_empty(items)) {
        struct proposal_item *item = LIST_ITEM(items->next, struct proposal_item, link);
        list_remove(&item->link);
        buffer_free(&item->bytes);
        free(item);
    }
}

void proposals_free(struct node *node)
{
    items_free(&node->proposals.pending);
    items_free(&node->proposals.sent);
    items_free(&node->proposals.spare);
}

/* In as few items as hold it. */
static void gather(struct node *node, const struct command *command, struct list *items)
{
    size_t size = COMMAND_HEADER_SIZE + command->bytes.size;
    struct proposal_item *item = NULL;
    if (!list_empty(items)) item = LIST_ITEM(items->previous, struct proposal_item, link);
    if (item == NULL || item->bytes.size + size > NODE_ITEM_BYTES_MAX) {
        item = item_new(node);
        list_append(items, &item->link);
    }
    command_append(&item->bytes, command);
    item->count++;
    node->proposals.bytes += size;
}

void proposals_add(struct node *node, const struct command *command)
{
    gather(node, command, &node->proposals.pending);
    node->counters.proposals++;
}

bool proposals_full(const struct node *node)
{
    return node->proposals.bytes > NODE_PROPOSAL_BYTES_MAX;
}

void proposals_session_begin(struct node *node)
{
    node->sessions_count++;
    node->proposals.renew_idle_due = false;
}

void proposals_session_forget(struct node *node)
{
    node->sessions_count--;
    if (node->sessions_count == 0) node->proposals.renew_idle_due = true;
}

void proposals_session_end(struct node *node, uint32_t connection)
{
    struct command end = {.type = COMMAND_SESSION_END, .connection = connection};
    proposals_add(node, &end);
    proposals_session_forget(node);
}

bool proposals_idle(const struct node *node)
{
    return list_empty(&node->proposals.pending) && list_empty(&node->proposals.sent);
}

/* --- the leader's side --- */

static struct origin *expected_find(struct proposals *p, uint32_t node)
{
    for (uint32_t i = 0; i < p->expected_count; i++) {
        if (p->expected[i].node == node) return &p->expected[i];
    }
    if (p->expected_count == REPLICA_ORIGINS_MAX) return NULL;
    struct origin *origin = &p->expected[p->expected_count++];
    *origin = (struct origin){.node = node};
    return origin;
}

/* Whether the log, as it will be, is ready for this batch. Refusing one that is not next keeps the
 * log free of entries that would be refused when applied; those behind it fare the same. */
static bool expected_next(struct proposals *p, const struct commands_header *header)
{
    struct origin *origin = expected_find(p, header->origin);
    if (origin == NULL || header->incarnation < origin->incarnation) return false;
    if (header->incarnation > origin->incarnation) return header->first == 1;
    if (header->first > origin->next) return false;
    return header->first + header->count > origin->next; /* else all of it is there already */
}

static void expected_note(struct proposals *p, const struct commands_header *header)
{
    struct origin *origin = expected_find(p, header->origin);
    if (origin == NULL) return;
    origin->incarnation = header->incarnation;
    origin->next = header->first + header->count;
}

/* A new leader reads what its log holds that is not applied yet. */
static void expected_learn(struct node *node)
{
    struct proposals *p = &node->proposals;
    if (p->expected_term == raft_term(node->raft)) return;
    p->expected_term = raft_term(node->raft);
    p->expected_count = node->replica->origins_count;
    memcpy(p->expected, node->replica->origins, sizeof p->expected);
    uint64_t last = raft_last_index(node->raft);
    for (uint64_t index = node->replica->index + 1; index <= last; index++) {
        const struct raft_entry *entry = raft_entry_at(node->raft, index);
        struct commands_header header;
        if (entry == NULL || entry->kind != KIND_COMMANDS) continue;
        if (!commands_check(entry->data, &header)) continue;
        if (expected_next(p, &header)) expected_note(p, &header);
    }
}

static enum raft_propose_result
leader_append(struct node *node, const struct commands_header *header, struct slice batch)
{
    struct proposals *p = &node->proposals;
    expected_learn(node);
    if (!expected_next(p, header)) return RAFT_PROPOSE_OK;
    uint64_t index = 0;
    enum raft_propose_result result =
        raft_propose(node->raft, node->turn.now, KIND_COMMANDS, 1, batch, &index);
    if (result == RAFT_PROPOSE_OK) expected_note(p, header);
    return result;
}

void proposals_forwarded(struct node *node, uint32_t from, struct slice batch)
{
    struct commands_header header;
    if (!node_leading(node)) return; /* the origin sends again to whom it then takes for leader */
    if (batch.size > RAFT_ENTRY_SIZE_MAX || !commands_check(batch, &header) ||
        header.origin != from) {
        node->peers.counters.bad_frames++;
        return;
    }
    (void)leader_append(node, &header, batch);
}

/* --- the origin's side --- */

/* Hands an item to the leader; false when it cannot be taken now. */
static bool item_send(struct node *node, struct proposal_item *item)
{
    struct proposals *p = &node->proposals;
    ASSERT(node->wal.meta.incarnation != 0);
    bool fresh = item->first == 0;
    struct commands_header header = {
        .origin = node->config.self,
        .incarnation = node->wal.meta.incarnation,
        .first = fresh ? p->next : item->first,
        .count = item->count,
    };
    commands_header_store(item->bytes.data + item->bytes.head, &header);
    struct slice batch = buffer_slice(&item->bytes);
    if (node_leading(node)) {
        if (leader_append(node, &header, batch) != RAFT_PROPOSE_OK) return false;
    } else {
        struct peer *peer = peer_find(&node->peers, raft_leader(node->raft));
        struct link *link = peer == NULL ? NULL : peer_link(&node->peers, peer, PEER_CHANNEL_LOG);
        if (link == NULL) return false;
        size_t begun = peer_frame_begin(&link->connection.out, PEER_FORWARD, 0);
        buffer_append_slice(&link->connection.out, batch);
        peer_frame_end(&link->connection.out, begun);
        connection_dirty(&node->connections, &link->connection);
    }
    if (fresh) {
        item->first = p->next;
        item->since_us = node->turn.now.mono_us;
        p->next += item->count;
    }
    return true;
}

static bool leader_reachable(struct node *node)
{
    if (node->raft == NULL || !wal_ready(&node->wal)) return false;
    if (node->wal.meta.incarnation == 0) return false;
    if (node_leading(node)) return true;
    struct peer *peer = peer_find(&node->peers, raft_leader(node->raft));
    return peer != NULL && peer_link(&node->peers, peer, PEER_CHANNEL_LOG) != NULL;
}

/* To a new leader, or after a silence: all that is not applied, from the first. */
static void sent_again(struct node *node)
{
    struct proposals *p = &node->proposals;
    bool same = p->sent_to == raft_leader(node->raft) && p->sent_term == raft_term(node->raft);
    bool silent = node->turn.now.mono_us >= p->progress_us + NODE_RESEND_US;
    if (same && !silent) return;
    p->sent_to = raft_leader(node->raft);
    p->sent_term = raft_term(node->raft);
    p->progress_us = node->turn.now.mono_us;
    for (struct list *at = p->sent.next; at != &p->sent; at = at->next) {
        if (!item_send(node, LIST_ITEM(at, struct proposal_item, link))) return;
    }
}

static void pending_send(struct node *node)
{
    struct proposals *p = &node->proposals;
    while (!list_empty(&p->pending)) {
        struct proposal_item *item = LIST_ITEM(p->pending.next, struct proposal_item, link);
        if (!item_send(node, item)) return;
        if (list_empty(&p->sent)) p->progress_us = node->turn.now.mono_us;
        list_remove(&item->link);
        list_append(&p->sent, &item->link);
    }
}

static struct admin *admin_of(struct node *node, uint32_t id)
{
    struct connection *connection = connection_find(&node->connections, id);
    if (connection == NULL || connection->listener != NODE_ADMIN) return NULL;
    return (struct admin *)connection;
}

static struct client *client_of(struct node *node, uint32_t id)
{
    struct connection *connection = connection_find(&node->connections, id);
    if (connection == NULL || connection->listener != NODE_CLIENT || connection->closing) {
        return NULL;
    }
    return (struct client *)connection;
}

/* How many of a client's replies are owed by proposals that were never sent. */
static void count_unsent(struct node *node, struct proposal_item *item, bool reset)
{
    struct reader reader = reader_of(buffer_slice(&item->bytes));
    (void)read_exactly(&reader, COMMANDS_HEADER_SIZE);
    struct command command;
    while (command_read(&reader, &command)) {
        struct client *client = client_of(node, command.connection);
        if (client == NULL || command.type != COMMAND_MACHINE) continue;
        client->refused = reset ? 0 : client->refused + 1;
    }
}

/* Refuses an item's commands; ends of sessions are kept, in `kept`. */
static void item_refuse(struct node *node, struct proposal_item *item, struct list *kept)
{
    struct reader reader = reader_of(buffer_slice(&item->bytes));
    (void)read_exactly(&reader, COMMANDS_HEADER_SIZE);
    struct command command;
    while (command_read(&reader, &command)) {
        if (command.type != COMMAND_MACHINE) {
            gather(node, &command, kept);
            continue;
        }
        struct admin *admin = admin_of(node, command.connection);
        if (admin != NULL) admin_refuse(node, admin);
        struct client *client = client_of(node, command.connection);
        if (client == NULL) continue;
        if (client->awaiting == client->refused) {
            client->refused--;
            client_refuse(node, client, command.bytes, PROTOCOL_REFUSED_NO_LEADER);
        } else {
            /* An earlier one may have been carried out: the order of replies cannot be kept. */
            node->counters.closed_uncertain++;
            connection_close(&node->connections, &client->connection);
        }
    }
}

/* Nobody leads, for longer than the named wait: what was certainly not appended is refused. */
void proposals_refuse_pending(struct node *node)
{
    struct proposals *p = &node->proposals;
    struct list kept;
    list_init(&kept);
    for (int reset = 1; reset >= 0; reset--) {
        for (struct list *at = p->pending.next; at != &p->pending; at = at->next) {
            count_unsent(node, LIST_ITEM(at, struct proposal_item, link), reset);
        }
    }
    while (!list_empty(&p->pending)) {
        struct proposal_item *item = LIST_ITEM(p->pending.next, struct proposal_item, link);
        item_refuse(node, item, &kept);
        item_drop(node, item);
    }
    while (!list_empty(&kept)) {
        struct list *item = kept.next;
        list_remove(item);
        list_append(&p->pending, item);
    }
}

/* Nothing came back for too long: those who wait for it are not left in the dark. */
static void sent_give_up(struct node *node)
{
    struct proposals *p = &node->proposals;
    for (struct list *at = p->sent.next; at != &p->sent; at = at->next) {
        struct proposal_item *item = LIST_ITEM(at, struct proposal_item, link);
        uint64_t until = item->since_us + node->config.uncertain_after_us;
        if (node->turn.now.mono_us < until) {
            turn_wake(&node->turn, until);
            return;
        }
        struct reader reader = reader_of(buffer_slice(&item->bytes));
        (void)read_exactly(&reader, COMMANDS_HEADER_SIZE);
        struct command command;
        while (command_read(&reader, &command)) {
            struct client *client = client_of(node, command.connection);
            if (client == NULL || command.type != COMMAND_MACHINE) continue;
            node->counters.closed_uncertain++;
            connection_close(&node->connections, &client->connection);
        }
    }
}

static void leaderless_turn(struct node *node)
{
    struct proposals *p = &node->proposals;
    if (list_empty(&p->pending)) {
        p->leaderless_us = 0;
        return;
    }
    if (p->leaderless_us == 0) p->leaderless_us = node->turn.now.mono_us;
    struct proposal_item *first = LIST_ITEM(p->pending.next, struct proposal_item, link);
    uint64_t from = first->since_us > p->leaderless_us ? first->since_us : p->leaderless_us;
    uint64_t until = from + node->config.refuse_after_us;
    if (node->turn.now.mono_us >= until) {
        proposals_refuse_pending(node);
        /* What is left asks for no reply: look again after another wait. */
        p->leaderless_us = node->turn.now.mono_us;
        until = node->turn.now.mono_us + node->config.refuse_after_us;
    }
    turn_wake(&node->turn, until);
}

/* Sessions live while their node is heard of (design: leases in log time). */
static void lease_renew(struct node *node)
{
    struct proposals *p = &node->proposals;
    if (node->raft == NULL) return;
    uint64_t every = node->config.session_lease_us / 3;
    bool due = node->sessions_count > 0 && !node_leading(node);
    if (due && node->turn.now.mono_us < p->renewed_us + every) {
        turn_wake(&node->turn, p->renewed_us + every);
        due = false;
    }
    if (p->renew_idle_due && list_empty(&p->pending) && list_empty(&p->sent)) due = true;
    if (!due) return;
    p->renewed_us = node->turn.now.mono_us;
    p->renew_idle_due = false;
    struct command renew = {.type = COMMAND_RENEW, .connection = node->sessions_count};
    proposals_add(node, &renew);
}

/* Nothing is sent before it is durable: node_ready() is false until then. */
static void incarnation_write(struct node *node, uint64_t incarnation)
{
    struct wal_meta meta = node->wal.meta;
    meta.incarnation = incarnation;
    wal_put_meta(&node->wal, &meta);
    node->wal.ready_sequence = node->wal.sequence + 1;
}

/* This incarnation was declared dead while it lived, or fenced by one of an earlier life: its
 * sessions are not ours to go on with. Begin a new one. */
static void proposals_reborn(struct node *node, uint64_t incarnation)
{
    struct proposals *p = &node->proposals;
    clients_close_all(node);
    for (struct list *at = node->clients.next; at != &node->clients; at = at->next) {
        LIST_ITEM(at, struct client, in_clients)->has_session = false;
    }
    admins_reborn(node);
    node->sessions_count = 0;
    while (!list_empty(&p->sent)) {
        item_drop(node, LIST_ITEM(p->sent.next, struct proposal_item, link));
    }
    while (!list_empty(&p->pending)) {
        item_drop(node, LIST_ITEM(p->pending.next, struct proposal_item, link));
    }
    p->next = 1;
    p->renew_idle_due = false;
    incarnation_write(node, incarnation);
    struct command open = {.type = COMMAND_OPEN};
    proposals_add(node, &open);
    trace_begin(&node->turn, "reborn");
    trace_number(&node->turn, "incarnation", incarnation);
    trace_end(&node->turn);
}

/* Above all that the log knows of earlier lives; the random step is for those whose first proposal
 * is not in it: still on its way, or in the log of a leader that was deposed. */
static uint64_t incarnation_above(struct node *node, uint64_t last)
{
    return last + 1 + random_below(&node->random, NODE_INCARNATION_STEP);
}

/* Once trusted, this node holds all that was committed while it was away; when it has applied that,
 * it knows its earlier lives. Nothing was sent so far, so what clients asked for meanwhile can go
 * out now. */
static void proposals_release(struct node *node)
{
    struct proposals *p = &node->proposals;
    if (node->wal.meta.incarnation != 0) return;
    if (node->raft == NULL || !raft_trusted(node->raft)) return;
    /* What a new leader has replaced was not committed, and need not be waited for. */
    uint64_t last = raft_last_index(node->raft);
    if (p->held_until == 0 || p->held_until > last) p->held_until = last;
    if (node->replica->index < p->held_until) return;
    ASSERT(list_empty(&p->sent));
    const struct origin *origin = replica_origin(node->replica, node->config.self);
    incarnation_write(node, incarnation_above(node, origin == NULL ? 0 : origin->incarnation));
    trace_begin(&node->turn, "released");
    trace_number(&node->turn, "incarnation", node->wal.meta.incarnation);
    trace_end(&node->turn);
}

void proposals_turn(struct node *node)
{
    struct proposals *p = &node->proposals;
    proposals_release(node);
    lease_renew(node);
    if (!leader_reachable(node)) {
        p->sent_to = 0;
        leaderless_turn(node);
    } else {
        p->leaderless_us = 0;
        sent_again(node);
        pending_send(node);
        if (!list_empty(&p->sent)) turn_wake(&node->turn, p->progress_us + NODE_RESEND_US);
    }
    sent_give_up(node);
}

void proposals_link_changed(struct node *node, uint32_t peer)
{
    if (node->proposals.sent_to == peer) node->proposals.sent_to = 0;
}

void proposals_applied(struct node *node)
{
    struct proposals *p = &node->proposals;
    uint64_t incarnation = node->wal.meta.incarnation;
    const struct origin *origin = replica_origin(node->replica, node->config.self);
    if (incarnation == 0 || origin == NULL || origin->incarnation < incarnation) return;
    if (origin->incarnation > incarnation) {
        proposals_reborn(node, incarnation_above(node, origin->incarnation));
        return;
    }
    if (origin->ended) {
        proposals_reborn(node, origin->incarnation + 1);
        return;
    }
    while (!list_empty(&p->sent)) {
        struct proposal_item *item = LIST_ITEM(p->sent.next, struct proposal_item, link);
        if (item->first + item->count > origin->next) return;
        p->progress_us = node->turn.now.mono_us;
        item_drop(node, item);
    }
}
