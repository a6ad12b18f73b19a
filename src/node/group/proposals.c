/* This node as an origin of proposals; accept.c is about the leader that takes them in.
 *
 * Commands gather in items; an item becomes one log entry. Its commands get their sequence when it
 * is first sent to a leader: until then it is certain that no log holds them, so they can be
 * refused. From then on the item is kept, and sent again to every new leader, until this node has
 * seen it applied; the replicated state drops what comes twice (replica.h).
 *
 * That is exactly once only if (group, incarnation, sequence) names one proposal for ever:
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
 * META holds the highest that the node has taken in any of its groups; each that it takes is above
 * all before, whatever the group, so that a group that goes and comes again uses none twice. A
 * start that trusts its disk takes one for each (1, 2). One that does not, has none: its groups are
 * *held*, durably (HARD_STATE), so that a crash cannot end this state. A group that is held
 * proposes nothing, and nothing that it applies is for this node's clients. proposals_release()
 * ends it. */
#include "node/group/proposals.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/group/state.h"
#include "wire/peer.h"

static struct proposal_item *item_new(struct group *group)
{
    struct proposals *p = &group->proposals;
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
    item->index = 0;
    item->term = 0;
    item->given_up = false;
    item->since_us = group->turn->now.mono_us;
    return item;
}

/* It has been counted out of `bytes` already. */
static void item_recycle(struct group *group, struct proposal_item *item)
{
    list_remove(&item->link);
    if (item->bytes.capacity > NODE_ITEM_BYTES_MAX) {
        buffer_free(&item->bytes);
        free(item);
        return;
    }
    buffer_clear(&item->bytes);
    list_append(&group->proposals.spare, &item->link);
}

/* They count for this group, and for the limit of the node. */
static void bytes_changed(struct group *group, int64_t by)
{
    group->proposals.bytes += (uint64_t)by;
    group->shared->proposal_bytes += (uint64_t)by;
}

static void item_drop(struct group *group, struct proposal_item *item)
{
    bytes_changed(group, -(int64_t)(item->bytes.size - COMMANDS_HEADER_SIZE));
    item_recycle(group, item);
}

void proposals_init(struct group *group)
{
    struct proposals *p = &group->proposals;
    list_init(&p->pending);
    list_init(&p->sent);
    list_init(&p->spare);
    list_init(&p->refused);
    list_init(&p->told);
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

void proposals_free(struct group *group)
{
    items_free(&group->proposals.pending);
    items_free(&group->proposals.sent);
    items_free(&group->proposals.spare);
    items_free(&group->proposals.refused);
    items_free(&group->proposals.told);
    free(group->proposals.forwards);
    free(group->accepted.origins.at);
}

/* In as few items as hold it. */
static void gather(struct group *group, const struct command *command, struct list *items)
{
    size_t size = COMMAND_HEADER_SIZE + command->bytes.size;
    struct proposal_item *item = NULL;
    if (!list_empty(items)) item = LIST_ITEM(items->previous, struct proposal_item, link);
    if (item == NULL || item->bytes.size + size > NODE_ITEM_BYTES_MAX) {
        item = item_new(group);
        list_append(items, &item->link);
    }
    command_append(&item->bytes, command);
    item->count++;
    bytes_changed(group, (int64_t)size);
}

void proposals_add(struct group *group, const struct command *command)
{
    gather(group, command, &group->proposals.pending);
    group->proposals.proposed++;
    group->proposals.unsent++;
}

void group_propose(struct group *group, uint32_t connection, struct slice bytes)
{
    struct command command = {COMMAND_MACHINE, connection, bytes};
    proposals_add(group, &command);
}

void group_propose_open(struct group *group)
{
    struct command open = {.type = COMMAND_OPEN};
    proposals_add(group, &open);
}

uint64_t proposals_last(const struct proposals *proposals)
{
    return proposals->next - 1 + proposals->unsent;
}

uint64_t proposals_own_applied(const struct group *group)
{
    const struct origin *origin = replica_origin(group->replica, group->config->self);
    if (origin == NULL || origin->incarnation != group->incarnation) return 0;
    return origin->next - 1;
}

bool group_full(const struct group *group)
{
    return group->shared->proposal_bytes > NODE_PROPOSAL_BYTES_MAX;
}

uint64_t group_proposal_bytes(const struct group *group)
{
    return group->proposals.bytes;
}

bool group_idle(const struct group *group)
{
    return list_empty(&group->proposals.pending) && list_empty(&group->proposals.sent);
}

/* To be written to the leader's link, as long as that takes it. */
static void forward(struct group *group, struct slice batch)
{
    struct proposals *p = &group->proposals;
    if (p->forwards_count == p->forwards_capacity) {
        p->forwards_capacity = p->forwards_capacity == 0 ? 16 : p->forwards_capacity * 2;
        p->forwards = realloc(p->forwards, p->forwards_capacity * sizeof *p->forwards);
        ASSERT(p->forwards != NULL);
    }
    p->forwards[p->forwards_count++] = batch;
    uint64_t size = PEER_FRAME_HEADER_SIZE + batch.size;
    group->reach.leader_room -= size < group->reach.leader_room ? size : group->reach.leader_room;
}

/* Hands an item to the leader; false when it cannot be taken now. */
static bool item_send(struct group *group, struct proposal_item *item)
{
    struct proposals *p = &group->proposals;
    ASSERT(group->incarnation != 0);
    bool fresh = item->first == 0;
    struct commands_header header = {
        .origin = group->config->self,
        .incarnation = group->incarnation,
        .first = fresh ? p->next : item->first,
        .count = item->count,
    };
    commands_header_store(item->bytes.data + item->bytes.head, &header);
    struct slice batch = buffer_slice(&item->bytes);
    if (group_leading(group)) {
        uint64_t index = 0;
        if (proposals_append(group, &header, batch, &index) != RAFT_PROPOSE_OK) return false;
        if (index != 0) {
            item->index = index;
            item->term = raft_term(group->raft);
        }
    } else {
        if (group->reach.leader_room == 0) return false;
        forward(group, batch);
    }
    if (fresh) {
        item->first = p->next;
        item->since_us = group->turn->now.mono_us;
        p->next += item->count;
        p->unsent -= item->count;
    }
    return true;
}

static bool leader_reachable(const struct group *group)
{
    if (group->raft == NULL || !wal_ready(group->wal)) return false;
    if (group->incarnation == 0) return false;
    return group_leading(group) || group->reach.leader_room > 0;
}

/* To a new leader, or after a silence: all that is not applied, from the first. */
static void sent_again(struct group *group)
{
    struct proposals *p = &group->proposals;
    bool same = p->sent_to == raft_leader(group->raft) && p->sent_term == raft_term(group->raft);
    bool silent = group->turn->now.mono_us >= p->progress_us + NODE_RESEND_US;
    if (same && !silent) return;
    p->sent_to = raft_leader(group->raft);
    p->sent_term = raft_term(group->raft);
    p->progress_us = group->turn->now.mono_us;
    for (struct list *at = p->sent.next; at != &p->sent; at = at->next) {
        if (!item_send(group, LIST_ITEM(at, struct proposal_item, link))) return;
    }
}

static void pending_send(struct group *group)
{
    struct proposals *p = &group->proposals;
    while (!list_empty(&p->pending)) {
        struct proposal_item *item = LIST_ITEM(p->pending.next, struct proposal_item, link);
        if (!item_send(group, item)) return;
        if (list_empty(&p->sent)) p->progress_us = group->turn->now.mono_us;
        list_remove(&item->link);
        list_append(&p->sent, &item->link);
    }
}

/* Nobody leads, for longer than the named wait: what was certainly not appended is refused. Ends of
 * sessions, and what else no one waits for, are kept. */
void group_refuse_pending(struct group *group)
{
    struct proposals *p = &group->proposals;
    struct list kept;
    list_init(&kept);
    p->unsent = 0;
    while (!list_empty(&p->pending)) {
        struct proposal_item *item = LIST_ITEM(p->pending.next, struct proposal_item, link);
        struct reader reader = reader_of(buffer_slice(&item->bytes));
        (void)read_exactly(&reader, COMMANDS_HEADER_SIZE);
        struct command command;
        while (command_read(&reader, &command)) {
            if (command.type == COMMAND_MACHINE || command.type == COMMAND_FENCED) continue;
            gather(group, &command, &kept);
            p->unsent++;
        }
        bytes_changed(group, -(int64_t)(item->bytes.size - COMMANDS_HEADER_SIZE));
        list_remove(&item->link);
        list_append(&p->refused, &item->link);
        p->refused_count++;
    }
    while (!list_empty(&kept)) {
        struct list *item = kept.next;
        list_remove(item);
        list_append(&p->pending, item);
    }
    reads_refuse_riding(group);
    receipts_refuse(group, p->next);
}

/* Nothing came back for too long: those who wait for it are not left in the dark. */
static void sent_give_up(struct group *group)
{
    struct proposals *p = &group->proposals;
    for (struct list *at = p->sent.next; at != &p->sent; at = at->next) {
        struct proposal_item *item = LIST_ITEM(at, struct proposal_item, link);
        if (item->given_up) continue;
        uint64_t until = item->since_us + group->config->uncertain_after_us;
        if (group->turn->now.mono_us < until) {
            group_wake(group, until);
            return;
        }
        item->given_up = true;
        uint64_t below = item->first + item->count;
        if (receipts_give_up(group, below)) reads_give_up(group, below);
        if (p->uncertain++ == 0) p->uncertain_at = at;
    }
}

static void leaderless_turn(struct group *group)
{
    struct proposals *p = &group->proposals;
    if (list_empty(&p->pending)) {
        p->leaderless_us = 0;
        return;
    }
    if (p->leaderless_us == 0) p->leaderless_us = group->turn->now.mono_us;
    struct proposal_item *first = LIST_ITEM(p->pending.next, struct proposal_item, link);
    uint64_t from = first->since_us > p->leaderless_us ? first->since_us : p->leaderless_us;
    uint64_t until = from + group->config->refuse_after_us;
    if (group->turn->now.mono_us >= until) {
        group_refuse_pending(group);
        /* What is left asks for no reply: look again after another wait. */
        p->leaderless_us = group->turn->now.mono_us;
        until = group->turn->now.mono_us + group->config->refuse_after_us;
    }
    group_wake(group, until);
}

/* Nothing is sent before it is durable: wal_ready() is false until then. */
static void incarnation_write(struct group *group, uint64_t incarnation)
{
    struct wal_meta meta = group->wal->meta;
    group->incarnation = incarnation;
    meta.incarnation = incarnation;
    wal_put_meta(group->wal, &meta);
    group->wal->ready_sequence = group->wal->sequence + 1;
}

/* This incarnation was declared dead while it lived, or fenced by one of an earlier life: its
 * sessions are not ours to go on with. Begin a new one. */
static void proposals_reborn(struct group *group, uint64_t incarnation)
{
    struct proposals *p = &group->proposals;
    group->reborn = true;
    p->sessions = 0;
    while (!list_empty(&p->sent)) {
        item_drop(group, LIST_ITEM(p->sent.next, struct proposal_item, link));
    }
    while (!list_empty(&p->pending)) {
        item_drop(group, LIST_ITEM(p->pending.next, struct proposal_item, link));
    }
    p->next = 1;
    p->unsent = 0;
    p->uncertain = 0;
    p->renew_idle_due = false;
    reads_reborn(group);
    receipts_forget(group);
    incarnation_write(group, incarnation);
    group_propose_open(group);
    group_say(group, "reborn");
    trace_number(group->turn, "incarnation", incarnation);
    trace_end(group->turn);
}

/* Above all that the log knows of earlier lives; the random step is for those whose first proposal
 * is not in it: still on its way, or in the log of a leader that was deposed. */
static uint64_t incarnation_above(struct group *group, uint64_t last)
{
    if (group->wal->meta.incarnation > last) last = group->wal->meta.incarnation;
    return last + 1 + random_below(group->random, NODE_INCARNATION_STEP);
}

/* Once trusted, this node holds all that was committed while it was away; when it has applied that,
 * it knows its earlier lives. Nothing was sent so far, so what clients asked for meanwhile can go
 * out now. */
static void proposals_release(struct group *group)
{
    struct proposals *p = &group->proposals;
    if (group->incarnation != 0) return;
    if (group->raft == NULL || !raft_trusted(group->raft)) return;
    /* What a new leader has replaced was not committed, and need not be waited for. */
    uint64_t last = raft_last_index(group->raft);
    if (p->held_until == 0 || p->held_until > last) p->held_until = last;
    if (group->replica->index < p->held_until) return;
    ASSERT(list_empty(&p->sent));
    const struct origin *origin = replica_origin(group->replica, group->config->self);
    incarnation_write(group, incarnation_above(group, origin == NULL ? 0 : origin->incarnation));
    struct wal_hard_state state = group->wal->groups[group->number].hard_state;
    state.held = false;
    wal_put_hard_state(group->wal, group->number, &state);
    group_say(group, "released");
    trace_number(group->turn, "incarnation", group->incarnation);
    trace_end(group->turn);
}

void proposals_turn(struct group *group)
{
    struct proposals *p = &group->proposals;
    proposals_release(group);
    sessions_turn(group);
    if (!leader_reachable(group)) {
        p->sent_to = 0;
        leaderless_turn(group);
    } else {
        p->leaderless_us = 0;
        sent_again(group);
        pending_send(group);
        if (!list_empty(&p->sent)) group_wake(group, p->progress_us + NODE_RESEND_US);
    }
    sent_give_up(group);
}

void group_link_changed(struct group *group, uint32_t peer)
{
    if (group->proposals.sent_to == peer) group->proposals.sent_to = 0;
}

void proposals_applied(struct group *group)
{
    struct proposals *p = &group->proposals;
    uint64_t incarnation = group->incarnation;
    const struct origin *origin = replica_origin(group->replica, group->config->self);
    if (incarnation == 0 || origin == NULL || origin->incarnation < incarnation) return;
    if (origin->incarnation > incarnation) {
        proposals_reborn(group, incarnation_above(group, origin->incarnation));
        return;
    }
    if (origin->ended) {
        proposals_reborn(group, group->wal->meta.incarnation + 1);
        return;
    }
    while (!list_empty(&p->sent)) {
        struct proposal_item *item = LIST_ITEM(p->sent.next, struct proposal_item, link);
        if (item->first + item->count > origin->next) return;
        p->progress_us = group->turn->now.mono_us;
        if (p->uncertain > 0 && p->uncertain_at == &item->link) {
            p->uncertain_at = item->link.next;
            p->uncertain--;
        }
        item_drop(group, item);
    }
}

static void recycle(struct group *group, struct list *items)
{
    while (!list_empty(items)) {
        item_recycle(group, LIST_ITEM(items->next, struct proposal_item, link));
    }
}

static struct group_commands commands_of(const struct list *items)
{
    struct group_commands commands = {.at = items->next};
    for (const struct list *at = items->next; at != items; at = at->next) commands.items++;
    return commands;
}

void group_under_way(const struct group *group, struct group_commands under_way[2])
{
    under_way[0] = commands_of(&group->proposals.sent);
    under_way[1] = commands_of(&group->proposals.pending);
}

void proposals_output(struct group *group, struct group_output *output)
{
    struct proposals *p = &group->proposals;
    recycle(group, &p->told);
    if (p->refused_count > 0) {
        while (!list_empty(&p->refused)) {
            struct list *item = p->refused.next;
            list_remove(item);
            list_append(&p->told, item);
        }
        output->refused = (struct group_commands){.at = p->told.next, .items = p->refused_count};
        p->refused_count = 0;
    }
    if (p->uncertain > 0) {
        output->uncertain = (struct group_commands){.at = p->uncertain_at, .items = p->uncertain};
        p->uncertain = 0;
    }
    if (p->forwards_count > 0) output->leader = raft_leader(group->raft);
    output->forwards_count = p->forwards_count;
    output->forwards = p->forwards;
    p->forwards_count = 0;
}
