/* Writes of level LEADER (contract/protocol.h): acknowledged when this leader's own log has them on
 * disk, before anyone else has. They may be lost, and are then lost for good:
 *
 * Such a command is *fenced*: it names the term in which it was proposed, and is carried out by an
 * entry of that term alone (replica.c). The origin sends it again to the next leader, as it sends
 * all that it has not seen applied, for the sake of the sequence; there it does nothing. Else a
 * leader that was cut off would come back and put what it acknowledged an hour ago on top of what a
 * majority has acknowledged since. So a write of this level is in the log where it was first
 * appended, ahead of all that was asked after its OK, or nowhere.
 *
 * It is proposed for connection 0, nobody's: its client hears this room and not the machine. What
 * is applied before it was durable here is acknowledged then. What is fenced is refused: it was
 * certainly not carried out. */
#include "node/group/receipts.h"

#include <stdlib.h>

#include "base/assert.h"
#include "node/group/state.h"

struct receipt {
    uint32_t connection;
    bool fenced;
    uint64_t place;
    uint64_t sequence;
    uint64_t term; /* in which it was proposed */
};

static struct receipt *receipts_first(const struct receipts *r)
{
    if (r->waiting.size == 0) return NULL;
    return (struct receipt *)(void *)(r->waiting.data + r->waiting.head);
}

void receipts_free(struct group *group)
{
    buffer_free(&group->receipts.waiting);
    free(group->receipts.told);
}

bool group_propose_early(struct group *group, const struct group_question *write)
{
    if (!group_leading(group) || group->incarnation == 0) return false;
    struct buffer fenced = {0};
    buffer_put_u64(&fenced, raft_term(group->raft));
    buffer_append_slice(&fenced, write->command);
    struct command command = {COMMAND_FENCED, 0, buffer_slice(&fenced)};
    proposals_add(group, &command);
    buffer_free(&fenced);
    struct receipt receipt = {
        .connection = write->connection,
        .place = write->place,
        .sequence = proposals_last(&group->proposals),
        .term = raft_term(group->raft),
    };
    buffer_append(&group->receipts.waiting, &receipt, sizeof receipt);
    return true;
}

static void receipt_tell(struct group *group, const struct receipt *receipt, enum group_fate fate,
                         struct protocol_position position)
{
    struct receipts *r = &group->receipts;
    if (r->told_count == r->told_capacity) {
        r->told_capacity = r->told_capacity == 0 ? 16 : r->told_capacity * 2;
        r->told = realloc(r->told, r->told_capacity * sizeof *r->told);
        ASSERT(r->told != NULL);
    }
    r->told[r->told_count++] =
        (struct group_receipt){receipt->connection, receipt->place, fate, position};
}

static void first_told(struct group *group, enum group_fate fate, struct protocol_position position)
{
    struct receipts *r = &group->receipts;
    receipt_tell(group, receipts_first(r), fate, position);
    buffer_consume(&r->waiting, sizeof(struct receipt));
}

/* The item's entry, of this leader's term, is on its disk. */
static bool item_durable(const struct group *group, const struct proposal_item *item)
{
    if (!group_leading(group) || item->term != raft_term(group->raft)) return false;
    return item->index != 0 && item->index <= raft_durable_index(group->raft);
}

static void durable_tell(struct group *group)
{
    const struct list *sent = &group->proposals.sent;
    for (const struct list *at = sent->next; at != sent; at = at->next) {
        const struct proposal_item *item = LIST_ITEM(at, struct proposal_item, link);
        const struct receipt *first = receipts_first(&group->receipts);
        if (first == NULL || !item_durable(group, item)) return;
        struct protocol_position at_item = {group->number, item->term, item->index};
        while (first != NULL && first->sequence < item->first + item->count) {
            if (first->term != item->term) return; /* sent again: it will be dropped */
            first_told(group, GROUP_ACKNOWLEDGED, at_item);
            first = receipts_first(&group->receipts);
        }
    }
}

void receipts_turn(struct group *group)
{
    struct receipts *r = &group->receipts;
    if (r->waiting.size == 0) return;
    uint64_t applied = proposals_own_applied(group);
    struct protocol_position here = {group->number, group->replica->term, group->replica->index};
    const struct receipt *first = receipts_first(r);
    while (first != NULL && first->sequence <= applied) {
        first_told(group, first->fenced ? GROUP_NOT_CARRIED_OUT : GROUP_ACKNOWLEDGED, here);
        first = receipts_first(r);
    }
    if (first != NULL) durable_tell(group);
}

void receipts_fenced(struct group *group, uint64_t sequence)
{
    struct receipt *at = receipts_first(&group->receipts);
    size_t count = group->receipts.waiting.size / sizeof *at;
    for (size_t i = 0; i < count && at[i].sequence <= sequence; i++) {
        if (at[i].sequence == sequence) at[i].fenced = true;
    }
}

bool receipts_give_up(struct group *group, uint64_t below)
{
    struct receipts *r = &group->receipts;
    bool any = false;
    for (const struct receipt *first = receipts_first(r); first != NULL && first->sequence < below;
         first = receipts_first(r)) {
        first_told(group, GROUP_FATE_UNKNOWN, (struct protocol_position){0});
        any = true;
    }
    return any;
}

void receipts_refuse(struct group *group, uint64_t from)
{
    struct receipts *r = &group->receipts;
    while (r->waiting.size > 0) {
        size_t last = r->waiting.size - sizeof(struct receipt);
        const struct receipt *receipt =
            (const struct receipt *)(const void *)(r->waiting.data + r->waiting.head + last);
        if (receipt->sequence < from) return;
        receipt_tell(group, receipt, GROUP_NOT_CARRIED_OUT, (struct protocol_position){0});
        r->waiting.size = last;
    }
}

void receipts_forget(struct group *group)
{
    buffer_clear(&group->receipts.waiting);
}
