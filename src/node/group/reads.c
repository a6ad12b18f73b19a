/* Questions: answered from this replica's state, without an entry in the log, as truly as they ask
 * to be (protocol.h: enum protocol_read).
 *
 * A question is asked when everything its client said before is answered, and nothing behind it is
 * heard until it is. What is not local waits in `waiting`, oldest first, for Raft to confirm an
 * index (raft_read) and for this replica to have applied it. All that is asked in one turn shares
 * one ticket. Without a leader it is refused after the named wait, like a command. */
#include "node/group/reads.h"

#include <stdlib.h>

#include "base/assert.h"
#include "node/group/state.h"

void reads_init(struct group *group)
{
    list_init(&group->reads.waiting);
    list_init(&group->reads.spare);
}

static void reads_drop(struct list *reads)
{
    while (!list_empty(reads)) {
        struct group_read *read = LIST_ITEM(reads->next, struct group_read, link);
        list_remove(&read->link);
        free(read);
    }
}

void reads_free(struct group *group)
{
    reads_drop(&group->reads.waiting);
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
    list_append(&reads->waiting, &read->link);
    return read;
}

void group_read_cancel(struct group *group, struct group_read *read)
{
    list_remove(&read->link);
    list_append(&group->reads.spare, &read->link);
}

struct group_read *group_read(struct group *group, enum protocol_read level,
                              const struct group_question *question)
{
    uint64_t index = 0;
    bool known = level != PROTOCOL_READ_LOCAL && read_at_once(group, level, &index);
    if (level == PROTOCOL_READ_LOCAL || (known && index <= group->replica->index)) {
        group_ask(group, question);
        return NULL;
    }
    struct group_read *read = read_new(&group->reads);
    read->question = *question;
    read->ticket = 0;
    read->index = index;
    read->since_us = group->turn->now.mono_us;
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

static void answer_known(struct group *group)
{
    struct reads *reads = &group->reads;
    uint64_t applied = group->replica->index;
    bool news = reads->confirmed != reads->confirmed_seen || applied != reads->applied_seen;
    reads->confirmed_seen = reads->confirmed;
    reads->applied_seen = applied;
    for (struct list *at = reads->waiting.next, *next; news && at != &reads->waiting; at = next) {
        struct group_read *read = LIST_ITEM(at, struct group_read, link);
        next = at->next;
        if (read->index == 0) {
            if (read->ticket == 0 || read->ticket > reads->confirmed) return;
            read->index = reads->index;
        }
        if (read->index > applied) continue;
        group_read_cancel(group, read); /* the hub forgets it with the answer */
        group_ask(group, &read->question);
    }
}

static void refused_add(struct reads *reads, const struct group_question *question)
{
    if (reads->refused_count == reads->refused_capacity) {
        reads->refused_capacity = reads->refused_capacity == 0 ? 16 : reads->refused_capacity * 2;
        reads->refused = realloc(reads->refused, reads->refused_capacity * sizeof *reads->refused);
        ASSERT(reads->refused != NULL);
    }
    reads->refused[reads->refused_count++] = *question;
}

/* What no leader could confirm in time. */
static void refuse_old(struct group *group)
{
    struct reads *reads = &group->reads;
    while (!list_empty(&reads->waiting)) {
        struct group_read *read = LIST_ITEM(reads->waiting.next, struct group_read, link);
        uint64_t until_us = read->since_us + group->config->refuse_after_us;
        if (group->turn->now.mono_us < until_us) {
            group_wake(group, until_us);
            return;
        }
        refused_add(reads, &read->question);
        group_read_cancel(group, read);
    }
}

void group_answer(struct group *group)
{
    if (group->raft != NULL) answer_known(group);
    refuse_old(group);
}
