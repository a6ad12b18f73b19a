/* Changes of the membership, on the node that leads: one is under way at a time, and answered when
 * it is committed in full. Those that are asked for meanwhile wait in the order of their coming, up
 * to a named time and number; then they hear that nothing was done. A list, or a transfer, is not
 * waited for. */
#include <string.h>

#include "node/admin/members.h"

enum { CHANGE_WAIT_US = 8000000 }; /* less than an admin waits for any answer: admin.c */

/* What lead_asked() returns when there is no answer yet. */
enum { CHANGE_BEGUN = 0, CHANGE_BEHIND_ANOTHER = 1 };

/* --- what the members are to be --- */

static void target_insert(struct raft_members *target, uint32_t id, struct slice address)
{
    uint32_t at = target->count++;
    for (; at > 0 && target->member[at - 1].id > id; at--)
        target->member[at] = target->member[at - 1];
    struct raft_member *member = &target->member[at];
    *member = (struct raft_member){.id = id, .learner = true};
    member->address_size = (uint8_t)address.size;
    memcpy(member->address, address.data, address.size);
}

/* The replicated state keeps one origin a node, for ever: what comes of a node that finds no place
 * there is dropped, so it must not become a member. */
static bool origins_full(const struct node *node, const struct raft_members *target, uint32_t id)
{
    uint32_t count = group_replica(node->group)->origins.count;
    if (replica_origin(group_replica(node->group), id) != NULL) return false;
    for (uint32_t i = 0; i < target->count; i++) {
        count += replica_origin(group_replica(node->group), target->member[i].id) == NULL;
    }
    return count >= REPLICA_ORIGINS_MAX;
}

/* HOST:PORT, as far as that can be told without a resolver: it stays in the log, and in what
 * people read. */
static bool address_valid(struct slice address)
{
    size_t colon = address.size;
    uint64_t port = 0;
    if (address.size > RAFT_ADDRESS_SIZE_MAX) return false;
    for (size_t i = 0; i < address.size; i++) {
        if (address.data[i] <= ' ' || address.data[i] >= 0x7f) return false;
        if (address.data[i] == ':') colon = i;
    }
    if (colon == 0 || colon == address.size) return false;
    struct slice digits = slice_of(address.data + colon + 1, address.size - colon - 1);
    return decimal_read(digits, &port) && port >= 1 && port <= 65535;
}

static unsigned target_add(const struct node *node, const struct members_ask *ask,
                           struct raft_members *target, struct buffer *why)
{
    if (!address_valid(ask->address)) {
        buffer_append_text(why, "an address is needed: add N=HOST:PORT\n");
        return MEMBERS_WRONG;
    }
    if (raft_members_place(target, ask->id) >= 0) {
        members_say(why, "node ", ask->id, " is a member already\n");
        return MEMBERS_CONFLICT;
    }
    if (target->count == RAFT_MEMBERS_MAX) {
        members_say(why, "there are ", target->count,
                    " members, as many as may be: remove one first\n");
        return MEMBERS_CONFLICT;
    }
    if (origins_full(node, target, ask->id)) {
        members_say(
            why, "", REPLICA_ORIGINS_MAX,
            " nodes have been members, as many as can be told apart: give it the number of one "
            "that was removed\n");
        return MEMBERS_CONFLICT;
    }
    for (uint32_t i = 0; i < target->count; i++) {
        /* A node that founded alone may have been given its address later. */
        struct raft_member *member = &target->member[i];
        struct slice own = membership_address(node);
        if (member->address_size > 0) continue;
        if (member->id != node->config.self || own.size == 0) {
            members_say(
                why, "node ", member->id,
                " has no address that others could dial: start it with --peers ID=HOST:PORT\n");
            return MEMBERS_CONFLICT;
        }
        member->address_size = (uint8_t)own.size;
        memcpy(member->address, own.data, own.size);
    }
    target_insert(target, ask->id, ask->address);
    return MEMBERS_DONE;
}

static unsigned target_promote(const struct members_ask *ask, struct raft_members *target,
                               struct buffer *why)
{
    int place = raft_members_place(target, ask->id);
    if (place < 0) {
        members_say(why, "node ", ask->id, " is not a member: add it first\n");
        return MEMBERS_UNKNOWN;
    }
    if (!target->member[place].learner) {
        members_say(why, "node ", ask->id, " is a voter already\n");
        return MEMBERS_CONFLICT;
    }
    target->member[place].learner = false;
    return MEMBERS_DONE;
}

static unsigned target_remove(const struct members_ask *ask, struct raft_members *target,
                              struct buffer *why)
{
    int place = raft_members_place(target, ask->id);
    if (place < 0) {
        members_say(why, "node ", ask->id, " is not a member\n");
        return MEMBERS_UNKNOWN;
    }
    uint32_t voters = 0;
    for (uint32_t i = 0; i < target->count; i++) voters += !target->member[i].learner;
    if (voters == 1 && !target->member[place].learner) {
        members_say(why, "node ", ask->id, " is the last voter: promote another one first\n");
        return MEMBERS_CONFLICT;
    }
    target->count--;
    memmove(&target->member[place], &target->member[place + 1],
            (target->count - (uint32_t)place) * sizeof *target->member);
    return MEMBERS_DONE;
}

/* How far it is: what a person who waits wants to know. */
static void say_behind(const struct node *node, uint32_t id, struct buffer *why)
{
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(group_raft(node->group), rows);
    members_say(why, "node ", id, " has not caught up: ");
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].peer != id) continue;
        if (rows[i].heard_us == 0) {
            buffer_append_text(why, "it was never heard. Is it running, with --join, there?\n");
            return;
        }
        members_say(why, "it holds ", rows[i].match, "");
        members_say(why, " of ", raft_last_index(group_raft(node->group)), " entries");
        if (rows[i].snapshot) buffer_append_text(why, ", and is being sent a snapshot");
        if (!rows[i].trusted) buffer_append_text(why, ", and is not trusted yet");
    }
    buffer_append_text(why, ". Try again\n");
}

static unsigned change_begin(struct node *node, const struct members_ask *ask,
                             const struct raft_members *target, struct buffer *why)
{
    switch (raft_change_members(group_raft(node->group), node->turn.now, target)) {
    case RAFT_CHANGE_OK: break;
    case RAFT_CHANGE_NOT_CAUGHT_UP: say_behind(node, ask->id, why); return MEMBERS_CONFLICT;
    case RAFT_CHANGE_UNDER_WAY: return CHANGE_BEHIND_ANOTHER;
    case RAFT_CHANGE_NOTHING_TO_DO:
        buffer_append_text(why, "it is so already\n");
        return MEMBERS_DONE;
    case RAFT_CHANGE_TOO_MANY:
        buffer_append_text(why, "too many members at a time: remove some first\n");
        return MEMBERS_CONFLICT;
    case RAFT_CHANGE_INVALID_TARGET:
        buffer_append_text(why, "that cannot be\n");
        return MEMBERS_WRONG;
    case RAFT_CHANGE_NO_QUORUM:
        buffer_append_text(why, "too few of the voters that would be left are heard and trusted: "
                                "look with list, mend those or add others first\n");
        return MEMBERS_CONFLICT;
    case RAFT_CHANGE_TRANSFER:
        buffer_append_text(why, "leadership is being handed over: try again\n");
        return MEMBERS_UNAVAILABLE;
    case RAFT_CHANGE_NOT_LEADER:
    case RAFT_CHANGE_NOT_SETTLED:
        buffer_append_text(why, "the leader is new: try again\n");
        return MEMBERS_UNAVAILABLE;
    }
    return CHANGE_BEGUN;
}

static unsigned transfer_begin(struct node *node, uint32_t id, struct buffer *words)
{
    switch (raft_transfer(group_raft(node->group), node->turn.now, id)) {
    case RAFT_TRANSFER_OK:
        members_say(words, "handing over to node ", id, "\n");
        trace_begin(&node->turn, "transfer");
        trace_number(&node->turn, "to", id);
        trace_end(&node->turn);
        return MEMBERS_DONE;
    case RAFT_TRANSFER_NOT_VOTER:
        members_say(words, "node ", id, " is not another voter that is trusted\n");
        return MEMBERS_CONFLICT;
    case RAFT_TRANSFER_BUSY:
        buffer_append_text(words, "a transfer is under way\n");
        return MEMBERS_CONFLICT;
    case RAFT_TRANSFER_NOT_LEADER: break;
    }
    buffer_append_text(words, "this node leads no more: try again\n");
    return MEMBERS_UNAVAILABLE;
}

/* An answer, or CHANGE_BEGUN, or CHANGE_BEHIND_ANOTHER. */
static unsigned lead_asked(struct node *node, const struct members_ask *ask, struct buffer *words)
{
    if (!group_leading(node->group)) {
        buffer_append_text(words, "the leader has changed: try again\n");
        return MEMBERS_UNAVAILABLE;
    }
    struct raft_members target = *raft_members(group_raft(node->group));
    unsigned status = MEMBERS_WRONG;
    switch (ask->verb) {
    case ASK_LIST: members_list(node, words); return MEMBERS_DONE;
    case ASK_TRANSFER: return transfer_begin(node, ask->id, words);
    case ASK_ADD: status = target_add(node, ask, &target, words); break;
    case ASK_PROMOTE: status = target_promote(ask, &target, words); break;
    case ASK_REMOVE: status = target_remove(ask, &target, words); break;
    default: buffer_append_text(words, "unknown: upgrade the node that leads\n"); break;
    }
    if (status != MEMBERS_DONE) return status;
    return change_begin(node, ask, &target, words);
}

/* --- one after the other --- */

static bool asker_waits(struct node *node, const struct members_asker *asker)
{
    uint32_t id = asker->link != 0 ? asker->link : (uint32_t)asker->number;
    struct connection *connection = connection_find(&node->connections, id);
    if (connection == NULL || connection->closing) return false;
    if (asker->link != 0) return connection->listener == NODE_PEER;
    return connection->listener == NODE_ADMIN && ((struct admin *)connection)->awaiting;
}

static void change_answer(struct node *node, const struct members_change *change, unsigned status,
                          const char *words)
{
    members_answer(node, &change->asker, status, slice_text(words));
}

/* The change under way has ended: in full, or out of this node's hands. */
static void change_settle(struct node *node)
{
    struct members_change *change = &node->admins.changes.current;
    const struct raft_members *members = raft_members(group_raft(node->group));
    bool over =
        raft_members_index(group_raft(node->group)) <= raft_commit_index(group_raft(node->group)) &&
        !raft_members_joint(members);
    /* Who is told that a node may be stopped relies on it for all groups. */
    if (over && group_leading(node->group) && !follow_done(node)) return;
    int place = raft_members_place(members, change->id);
    bool voter = place >= 0 && !members->member[place].learner;
    bool done = over && (change->verb == ASK_ADD       ? place >= 0
                         : change->verb == ASK_PROMOTE ? voter
                                                       : place < 0);
    if (!done && !over && group_leading(node->group)) return;
    node->admins.changes.under_way = false;
    if (!done) {
        change_answer(node, change, MEMBERS_CONFLICT,
                      "the leader has changed meanwhile: look with list\n");
        return;
    }
    static const char *const outcomes[] = {
        [ASK_ADD] = " is a learner: promote it when it has caught up\n",
        [ASK_PROMOTE] = " is a voter\n",
        [ASK_REMOVE] = " is removed: it may be stopped\n",
    };
    struct buffer words = {0};
    members_say(&words, "node ", change->id, outcomes[change->verb]);
    members_answer(node, &change->asker, MEMBERS_DONE, buffer_slice(&words));
    buffer_free(&words);
}

/* False: another one, that this node was not asked for or has just begun, is in its way. */
static bool change_try(struct node *node, const struct members_change *change)
{
    struct members_ask ask = {change->verb, change->id,
                              slice_of(change->address, change->address_size)};
    struct buffer words = {0};
    unsigned status = lead_asked(node, &ask, &words);
    if (status == CHANGE_BEGUN) {
        node->admins.changes.current = *change;
        node->admins.changes.under_way = true;
        turn_wake(&node->turn,
                  node->turn.now.mono_us); /* it is in the log, and not on its way yet */
    } else if (status != CHANGE_BEHIND_ANOTHER) {
        members_answer(node, &change->asker, status, buffer_slice(&words));
    }
    buffer_free(&words);
    return status != CHANGE_BEHIND_ANOTHER;
}

static void waiting_pop(struct members_changes *changes)
{
    changes->waiting_count--;
    memmove(&changes->waiting[0], &changes->waiting[1],
            changes->waiting_count * sizeof changes->waiting[0]);
}

void members_turn(struct node *node)
{
    struct members_changes *changes = &node->admins.changes;
    if (changes->under_way) change_settle(node);
    while (changes->waiting_count > 0) {
        const struct members_change *first = &changes->waiting[0];
        uint64_t until_us = first->since_us + CHANGE_WAIT_US;
        if (!asker_waits(node, &first->asker)) {
            waiting_pop(changes); /* whoever is gone may think that nothing came of it */
        } else if (group_leading(node->group) && node->turn.now.mono_us >= until_us) {
            change_answer(node, first, MEMBERS_UNAVAILABLE,
                          "another change is still under way: nothing was done; try again\n");
            waiting_pop(changes);
        } else if (group_leading(node->group) && changes->under_way) {
            turn_wake(&node->turn, until_us);
            return;
        } else if (change_try(node, first)) {
            waiting_pop(changes);
        } else {
            turn_wake(&node->turn, until_us);
            return;
        }
    }
}

void change_asked(struct node *node, const struct members_asker *asker,
                  const struct members_ask *ask)
{
    struct members_changes *changes = &node->admins.changes;
    struct members_change change = {
        .asker = *asker, .verb = ask->verb, .id = ask->id, .since_us = node->turn.now.mono_us};
    bool known = ask->verb >= ASK_ADD && ask->verb <= ASK_REMOVE;
    bool waits =
        known && group_leading(node->group) && (changes->under_way || changes->waiting_count > 0);
    if (ask->address.size <= RAFT_ADDRESS_SIZE_MAX) {
        change.address_size = (uint8_t)ask->address.size;
        if (ask->address.size > 0) memcpy(change.address, ask->address.data, ask->address.size);
    } /* else no address: refused as one that is missing */
    if (!waits && change_try(node, &change)) return;
    if (changes->waiting_count == NODE_CHANGES_WAITING_MAX) {
        change_answer(node, &change, MEMBERS_UNAVAILABLE,
                      "busy: as many changes as may wait for one another do; try again\n");
        return;
    }
    changes->waiting[changes->waiting_count++] = change;
}
