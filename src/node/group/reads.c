/* Questions: answered from this replica's state, without an entry in the log, as truly as they ask
 * to be (protocol.h: enum protocol_read).
 *
 * What is not local waits in `waiting`, oldest first, for Raft to confirm an index (raft_read) and
 * for this replica to have applied it. All that is asked in one turn shares one ticket. Without a
 * leader it is refused after the named wait, like a command.
 *
 * A question whose connection has proposed something before it has to show that, and may not show
 * what it proposes next. Where the last of this node's proposals has not been sent yet, the
 * question *rides* on it: it is asked when that one has been applied, in the middle of an entry if
 * need be, and costs no round of its own. That is linearizable: what is proposed after the question
 * came is behind all that was acknowledged before. It would not be on a proposal that was sent
 * earlier: that may be committed by now, and others' behind it, while this replica has applied
 * neither. Then the question has a round of its own, and waits for both; local ones always ride. */
#include "node/group/reads.h"

#include <stdlib.h>

#include "base/assert.h"
#include "node/group/state.h"

enum { READ_KEEP_MAX = 4096 }; /* bytes of a spare one's command */

void reads_init(struct group *group)
{
    list_init(&group->reads.waiting);
    list_init(&group->reads.riding);
    list_init(&group->reads.behind);
    list_init(&group->reads.spare);
}

static void reads_drop(struct list *reads)
{
    while (!list_empty(reads)) {
        struct group_read *read = LIST_ITEM(reads->next, struct group_read, link);
        list_remove(&read->link);
        buffer_free(&read->command);
        free(read);
    }
}

void reads_free(struct group *group)
{
    reads_drop(&group->reads.waiting);
    reads_drop(&group->reads.riding);
    reads_drop(&group->reads.behind);
    reads_drop(&group->reads.spare);
    free(group->reads.refused);
}

void group_ask(struct group *group, const struct group_question *question)
{
    static const struct machine_facts nothing;
    const struct machine_facts *facts = group->config->facts;
    struct session_key session = {group->incarnation, group->config->self, question->connection};
    struct machine_time now;
    group_log_time(group, &now);
    group->reads.asking = question;
    group->replica->ops->query(group->replica->machine, &session, question->command, &now,
                               facts != NULL ? facts : &nothing);
    group->reads.asking = NULL;
}

bool group_asking(const struct group *group, uint64_t *place)
{
    if (group->reads.asking == NULL) return false;
    *place = group->reads.asking->place;
    return true;
}

/* Needs no one else: alone it always knows what is committed, whatever the clocks do. */
static bool read_at_once(struct group *group, enum protocol_read level, uint64_t *index)
{
    if (group->raft == NULL) return false;
    bool alone = raft_members(group->raft)->count == 1;
    if (level != PROTOCOL_READ_LEASE && !alone) return false;
    return raft_read_lease(group->raft, group->turn->now, index);
}

static struct group_read *read_new(struct reads *reads)
{
    struct group_read *read = NULL;
    if (!list_empty(&reads->spare)) {
        read = LIST_ITEM(reads->spare.next, struct group_read, link);
        list_remove(&read->link);
    } else {
        read = calloc(1, sizeof *read);
        ASSERT(read != NULL);
        list_init(&read->link);
    }
    return read;
}

void group_read_cancel(struct group *group, struct group_read *read)
{
    list_remove(&read->link);
    if (read->command.capacity > READ_KEEP_MAX) buffer_free(&read->command);
    buffer_clear(&read->command);
    list_append(&group->reads.spare, &read->link);
}

static struct group_read *read_later(struct group *group, struct list *list, uint64_t behind,
                                     const struct group_question *question)
{
    struct group_read *read = read_new(&group->reads);
    list_append(list, &read->link);
    buffer_append_slice(&read->command, question->command);
    read->question = *question;
    read->question.command = buffer_slice(&read->command);
    read->riding = false;
    read->local = false;
    read->behind = behind;
    read->ticket = 0;
    read->index = 0;
    read->since_us = group->turn->now.mono_us;
    return read;
}

bool group_read_in_order(const struct group_read *read)
{
    return read->riding;
}

/* Whether this replica's state holds the positions that the question is behind. */
static enum replica_held after_held(const struct group *group,
                                    const struct group_question *question)
{
    enum replica_held all = REPLICA_HOLDS;
    for (uint32_t i = 0; i < question->after_count; i++) {
        const struct protocol_position *after = &question->after[i];
        enum replica_held held = replica_holds(group->replica, after->term, after->index);
        if (held == REPLICA_LOST) return held;
        if (held == REPLICA_NOT_YET) all = held;
    }
    return all;
}

struct group_read *group_read(struct group *group, enum protocol_read level, bool behind,
                              const struct group_question *question)
{
    uint64_t last = behind ? proposals_last(&group->proposals) : 0;
    if (last <= proposals_own_applied(group)) last = 0;
    bool local = level == PROTOCOL_READ_LOCAL || level == PROTOCOL_READ_SESSION;
    bool after = question->after_count > 0;
    if (last != 0 && !after && (local || group->proposals.unsent > 0)) {
        struct group_read *read = read_later(group, &group->reads.riding, last, question);
        read->riding = true;
        read->local = local;
        return read;
    }
    uint64_t index = 0;
    bool known = !local && read_at_once(group, level, &index);
    bool ready = local || (known && index <= group->replica->index);
    if (after && after_held(group, question) != REPLICA_HOLDS) ready = false;
    if (ready && last == 0) {
        group_ask(group, question);
        return NULL;
    }
    struct list *list = local ? &group->reads.behind : &group->reads.waiting;
    if (after) group->reads.applied_seen = 0; /* it may be refused at once */
    struct group_read *read = read_later(group, list, last, question);
    read->index = index;
    return read;
}

void reads_turn(struct group *group)
{
    struct reads *reads = &group->reads;
    uint64_t ticket = 0;
    for (struct list *at = reads->waiting.previous; at != &reads->waiting; at = at->previous) {
        struct group_read *read = LIST_ITEM(at, struct group_read, link);
        if (read->ticket != 0) return; /* and so all before it */
        if (read->index != 0) continue;
        if (ticket == 0) ticket = raft_read(group->raft, group->turn->now);
        read->ticket = ticket;
    }
}

/* The hub forgets it with the answer. */
static void read_ask(struct group *group, struct group_read *read)
{
    group_ask(group, &read->question);
    group_read_cancel(group, read);
}

/* Those that ride on what is applied. */
static void riding_ask(struct group *group, uint64_t applied)
{
    struct reads *reads = &group->reads;
    while (!list_empty(&reads->riding)) {
        struct group_read *read = LIST_ITEM(reads->riding.next, struct group_read, link);
        if (read->behind > applied) return;
        read_ask(group, read);
    }
}

static void stop_next(const struct group *group, struct replica_stop *stop)
{
    const struct list *riding = &group->reads.riding;
    stop->sequence = UINT64_MAX;
    if (list_empty(riding)) return;
    stop->sequence = LIST_ITEM(riding->next, struct group_read, link)->behind;
}

static void stop_reached(void *world, struct replica_stop *stop)
{
    struct group *group = world;
    riding_ask(group, stop->sequence);
    stop_next(group, stop);
}

static void stop_fenced(void *world, uint64_t sequence)
{
    receipts_fenced(world, sequence);
}

void reads_stop(struct group *group, struct replica_stop *stop)
{
    *stop = (struct replica_stop){
        .origin = group->config->self,
        .incarnation = group->incarnation,
        .reached = stop_reached,
        .fenced = stop_fenced,
        .world = group,
    };
    stop_next(group, stop);
}

static void refused_add(struct reads *reads, const struct group_question *question,
                        enum protocol_refusal why)
{
    if (reads->refused_count == reads->refused_capacity) {
        reads->refused_capacity = reads->refused_capacity == 0 ? 16 : reads->refused_capacity * 2;
        reads->refused = realloc(reads->refused, reads->refused_capacity * sizeof *reads->refused);
        ASSERT(reads->refused != NULL);
    }
    reads->refused[reads->refused_count] = *question;
    reads->refused[reads->refused_count++].why = why;
}

static void read_refuse(struct group *group, struct group_read *read, enum protocol_refusal why)
{
    refused_add(&group->reads, &read->question, why);
    group_read_cancel(group, read);
}

/* It is known to be true enough, but for the positions that it is behind. */
static void read_try(struct group *group, struct group_read *read)
{
    switch (after_held(group, &read->question)) {
    case REPLICA_HOLDS: read_ask(group, read); break;
    case REPLICA_LOST: read_refuse(group, read, PROTOCOL_REFUSED_LOST); break;
    case REPLICA_NOT_YET: break;
    }
}

static void answer_waiting(struct group *group, uint64_t applied, uint64_t own)
{
    struct reads *reads = &group->reads;
    for (struct list *at = reads->waiting.next, *next; at != &reads->waiting; at = next) {
        struct group_read *read = LIST_ITEM(at, struct group_read, link);
        next = at->next;
        if (read->index == 0) {
            if (read->ticket == 0 || read->ticket > reads->confirmed) return;
            read->index = reads->index;
        }
        if (read->index > applied) continue;
        if (read->behind > own) continue;
        read_try(group, read);
    }
}

static void answer_behind(struct group *group, uint64_t own)
{
    struct list *behind = &group->reads.behind;
    for (struct list *at = behind->next, *next; at != behind; at = next) {
        struct group_read *read = LIST_ITEM(at, struct group_read, link);
        next = at->next;
        if (read->behind <= own) read_try(group, read);
    }
}

static void answer_known(struct group *group)
{
    struct reads *reads = &group->reads;
    uint64_t applied = group->replica->index;
    uint64_t own = proposals_own_applied(group);
    bool news = reads->confirmed != reads->confirmed_seen || applied != reads->applied_seen;
    reads->confirmed_seen = reads->confirmed;
    reads->applied_seen = applied;
    if (!news) return;
    answer_waiting(group, applied, own);
    answer_behind(group, own);
}

void reads_refuse_riding(struct group *group)
{
    struct reads *reads = &group->reads;
    for (struct list *at = reads->riding.next, *next; at != &reads->riding; at = next) {
        struct group_read *read = LIST_ITEM(at, struct group_read, link);
        next = at->next;
        if (read->behind < group->proposals.next) continue; /* that was sent */
        if (read->local) {
            read_ask(group, read);
        } else {
            read_refuse(group, read, PROTOCOL_REFUSED_NO_LEADER);
        }
    }
}

void reads_give_up(struct group *group, uint64_t below)
{
    struct list *riding = &group->reads.riding;
    while (!list_empty(riding)) {
        struct group_read *read = LIST_ITEM(riding->next, struct group_read, link);
        if (read->behind >= below) return;
        read_refuse(group, read, PROTOCOL_REFUSED_NO_LEADER);
    }
}

void reads_reborn(struct group *group)
{
    struct reads *reads = &group->reads;
    while (!list_empty(&reads->riding)) {
        read_refuse(group, LIST_ITEM(reads->riding.next, struct group_read, link),
                    PROTOCOL_REFUSED_NO_LEADER);
    }
    for (struct list *at = reads->waiting.next; at != &reads->waiting; at = at->next) {
        LIST_ITEM(at, struct group_read, link)->behind = 0;
    }
    for (struct list *at = reads->behind.next; at != &reads->behind; at = at->next) {
        LIST_ITEM(at, struct group_read, link)->behind = 0;
    }
}

/* What no leader could confirm in time, and what this replica did not get to. */
static void refuse_old(struct group *group, struct list *reads, enum protocol_refusal why)
{
    while (!list_empty(reads)) {
        struct group_read *read = LIST_ITEM(reads->next, struct group_read, link);
        uint64_t until_us = read->since_us + group->config->refuse_after_us;
        if (group->turn->now.mono_us < until_us) {
            group_wake(group, until_us);
            return;
        }
        read_refuse(group, read, why);
    }
}

void group_answer(struct group *group)
{
    struct reads *reads = &group->reads;
    /* Where a snapshot went past them. */
    if (!list_empty(&reads->riding)) riding_ask(group, proposals_own_applied(group));
    receipts_turn(group);
    if (list_empty(&reads->waiting) && list_empty(&reads->behind)) return;
    if (group->raft != NULL) answer_known(group);
    refuse_old(group, &reads->waiting, PROTOCOL_REFUSED_NO_LEADER);
    refuse_old(group, &reads->behind, PROTOCOL_REFUSED_LATE);
}
