/* The leader takes proposals in: its own, and those that other nodes forward. Of each origin only
 * the next one enters the log. See proposals.c. */
#include <string.h>

#include "node/group/proposals.h"
#include "node/group/state.h"

static struct origin *expected_find(struct accepted *a, uint32_t node)
{
    struct origins *origins = &a->origins;
    for (uint32_t i = 0; i < origins->count; i++) {
        if (origins->at[i].node == node) return &origins->at[i];
    }
    if (origins->count == REPLICA_ORIGINS_MAX) return NULL;
    origins_reserve(origins, origins->count + 1);
    struct origin *origin = &origins->at[origins->count++];
    *origin = (struct origin){.node = node};
    return origin;
}

/* Whether the log, as it will be, is ready for this batch. Refusing one that is not next keeps the
 * log free of entries that would be refused when applied; those behind it fare the same. */
static bool expected_next(struct accepted *a, const struct commands_header *header)
{
    struct origin *origin = expected_find(a, header->origin);
    if (origin == NULL || header->incarnation < origin->incarnation) return false;
    if (header->incarnation > origin->incarnation) return header->first == 1;
    if (header->first > origin->next) return false;
    return header->first + header->count > origin->next; /* else all of it is there already */
}

static void expected_note(struct accepted *a, const struct commands_header *header)
{
    struct origin *origin = expected_find(a, header->origin);
    if (origin == NULL) return;
    origin->incarnation = header->incarnation;
    origin->next = header->first + header->count;
}

/* A new leader reads what its log holds that is not applied yet. */
static void expected_learn(struct group *group)
{
    struct accepted *a = &group->accepted;
    if (a->term == raft_term(group->raft)) return;
    a->term = raft_term(group->raft);
    a->commanded = false;
    const struct origins *applied = &group->replica->origins;
    origins_reserve(&a->origins, applied->count);
    a->origins.count = applied->count;
    if (applied->count > 0) {
        memcpy(a->origins.at, applied->at, applied->count * sizeof *applied->at);
    }
    uint64_t last = raft_last_index(group->raft);
    for (uint64_t index = group->replica->index + 1; index <= last; index++) {
        const struct raft_entry *entry = raft_entry_at(group->raft, index);
        struct commands_header header;
        if (entry == NULL || entry->kind != KIND_COMMANDS) continue;
        if (!commands_check(entry->data, &header)) continue;
        if (expected_next(a, &header)) expected_note(a, &header);
    }
}

/* Whether the machine has a command in this batch: not all that nodes say is for the machine. */
static bool commands_for_machine(struct slice batch)
{
    struct reader reader = reader_of(batch);
    struct command command;
    (void)read_exactly(&reader, COMMANDS_HEADER_SIZE);
    while (command_read(&reader, &command)) {
        if (command.type == COMMAND_MACHINE || command.type == COMMAND_FENCED) return true;
    }
    return false;
}

bool proposals_taken(const struct group *group)
{
    const struct accepted *a = &group->accepted;
    return a->term == raft_term(group->raft) && a->commanded;
}

enum raft_propose_result proposals_append(struct group *group, const struct commands_header *header,
                                          struct slice batch, uint64_t *index)
{
    struct accepted *a = &group->accepted;
    expected_learn(group);
    if (!expected_next(a, header)) return RAFT_PROPOSE_OK;
    log_clock_begin(group);
    enum raft_propose_result result =
        raft_propose(group->raft, group->turn->now, KIND_COMMANDS, 1, batch, index);
    if (result != RAFT_PROPOSE_OK) return result;
    expected_note(a, header);
    if (!a->commanded) a->commanded = commands_for_machine(batch);
    return result;
}

bool group_forwarded(struct group *group, uint32_t from, struct slice batch)
{
    struct commands_header header;
    /* The origin sends again to whom it then takes for leader. */
    if (!group_leading(group)) return true;
    if (batch.size > RAFT_ENTRY_SIZE_MAX || !commands_check(batch, &header)) return false;
    if (header.origin != from) return false;
    uint64_t index;
    (void)proposals_append(group, &header, batch, &index);
    return true;
}
