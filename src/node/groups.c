/* The groups of a node, and which of them a turn visits: those that something was said to, that are
 * due, or that have work left. A group that is none of it costs nothing but its place.
 *
 * Group 0 is visited in every turn: much of what a node is hangs on it (hub.h). */
#include <stdlib.h>

#include "base/assert.h"
#include "node/hub.h"

static void entry_init(struct node *node, uint32_t number)
{
    struct node_group *entry = &node->groups.all[number];
    entry->node = node;
    entry->number = number;
    entry->in_due.at = HEAP_NOWHERE;
    list_init(&entry->in_active);
    list_init(&entry->in_writing);
    entry->group = group_create(&(struct group_parts){
        .number = number,
        .shared = &node->groups.shared,
        .config = &node->config,
        .turn = &node->turn,
        .wal = &node->wal,
        .random = &node->random,
        .emit = node_emit,
        .world = entry,
    });
}

void groups_init(struct node *node)
{
    struct groups *groups = &node->groups;
    groups->count = node_groups(&node->config);
    groups->all = calloc(groups->count, sizeof *groups->all);
    ASSERT(groups->all != NULL);
    group_shared_init(&groups->shared);
    list_init(&groups->active);
    list_init(&groups->writing);
    for (uint32_t i = 0; i < groups->count; i++) entry_init(node, i);
    node->group = groups->all[0].group;
}

void groups_free(struct node *node)
{
    struct groups *groups = &node->groups;
    for (uint32_t i = 0; i < groups->count; i++) group_destroy(groups->all[i].group);
    heap_free(&groups->due);
    free(groups->all);
}

struct group *groups_touch(struct node *node, uint32_t number)
{
    struct groups *groups = &node->groups;
    ASSERT(number < groups->count);
    struct node_group *entry = &groups->all[number];
    if (list_empty(&entry->in_active)) {
        list_append(&groups->active, &entry->in_active);
        entry->late = groups->worked;
    }
    return entry->group;
}

void groups_durable(struct node *node, uint64_t sequence)
{
    struct groups *groups = &node->groups;
    for (struct list *at = groups->writing.next, *next; at != &groups->writing; at = next) {
        struct node_group *entry = LIST_ITEM(at, struct node_group, in_writing);
        next = at->next;
        if (entry->written <= sequence) list_remove(at);
        (void)groups_touch(node, entry->number);
        if (group_raft(entry->group) == NULL) continue;
        raft_durable(group_raft(entry->group), node->turn.now, sequence);
    }
}

/* --- a turn --- */

/* The log is long, or the disk full: one of those that keep the oldest of it is to put its state on
 * disk. */
static void touch_pinning(struct node *node)
{
    struct groups *groups = &node->groups;
    bool free = groups->shared.cutting == NULL && groups->shared.file == NULL;
    bool large = node->disk.full || node->wal.bytes > node->config.log_bytes_compact;
    if (!free || !large) return;
    for (uint32_t i = 1; i < groups->count; i++) {
        if (!group_should_cut(groups->all[i].group)) continue;
        (void)groups_touch(node, i);
        return;
    }
}

static void touch_due(struct node *node)
{
    struct groups *groups = &node->groups;
    (void)groups_touch(node, 0);
    for (const struct heap_slot *first = heap_min(&groups->due);
         first != NULL && first->major <= node->turn.now.mono_us; first = heap_min(&groups->due)) {
        uint32_t number = (uint32_t)first->minor;
        heap_remove(&groups->due, &groups->all[number].in_due);
        groups->all[number].in_due.at = HEAP_NOWHERE;
        (void)groups_touch(node, number);
    }
    struct group *next = group_next_to_cut(&groups->shared);
    if (next != NULL) (void)groups_touch(node, group_number(next));
    touch_pinning(node);
}

bool groups_tick(struct node *node)
{
    struct groups *groups = &node->groups;
    groups->worked = false;
    touch_due(node);
    for (struct list *at = groups->active.next; at != &groups->active; at = at->next) {
        struct node_group *entry = LIST_ITEM(at, struct node_group, in_active);
        entry->late = false;
        if (!group_tick(entry->group)) return false;
        route_output(node, entry);
    }
    return true;
}

void groups_work(struct node *node)
{
    struct groups *groups = &node->groups;
    for (struct list *at = groups->active.next; at != &groups->active; at = at->next) {
        struct node_group *entry = LIST_ITEM(at, struct node_group, in_active);
        struct group_reach reach;
        route_reach(node, entry->group, &reach);
        group_work(entry->group, &reach);
        route_output(node, entry);
    }
    groups->worked = true;
}

void groups_write(struct node *node)
{
    struct groups *groups = &node->groups;
    for (struct list *at = groups->active.next; at != &groups->active; at = at->next) {
        struct node_group *entry = LIST_ITEM(at, struct node_group, in_active);
        if (group_write(entry->group, node->clients.awaiting > 0)) {
            entry->written = node->wal.sequence + 1;
            if (list_empty(&entry->in_writing)) list_append(&groups->writing, &entry->in_writing);
        }
        route_output(node, entry);
    }
}

void groups_answer(struct node *node)
{
    struct groups *groups = &node->groups;
    for (struct list *at = groups->active.next; at != &groups->active; at = at->next) {
        struct node_group *entry = LIST_ITEM(at, struct node_group, in_active);
        group_answer(entry->group);
        route_output(node, entry);
    }
}

static void entry_rest(struct node *node, struct node_group *entry)
{
    struct groups *groups = &node->groups;
    uint64_t wake_us = group_wake_us(entry->group);
    group_trace(entry->group);
    if (entry->in_due.at != HEAP_NOWHERE) {
        heap_remove(&groups->due, &entry->in_due);
        entry->in_due.at = HEAP_NOWHERE;
    }
    if (wake_us != UINT64_MAX) heap_push(&groups->due, wake_us, entry->number, &entry->in_due);
    if (!entry->late && !group_busy(entry->group)) list_remove(&entry->in_active);
    /* It was not asked for all that it may want to be woken for. */
    if (entry->late) turn_wake(&node->turn, node->turn.now.mono_us);
}

void groups_rest(struct node *node)
{
    struct groups *groups = &node->groups;
    for (struct list *at = groups->active.next, *next; at != &groups->active; at = next) {
        next = at->next;
        entry_rest(node, LIST_ITEM(at, struct node_group, in_active));
    }
    groups->worked = false;
    const struct heap_slot *first = heap_min(&groups->due);
    if (first != NULL) turn_wake(&node->turn, first->major);
    if (group_next_to_cut(&groups->shared) != NULL) {
        turn_wake(&node->turn, node->turn.now.mono_us);
    }
}
