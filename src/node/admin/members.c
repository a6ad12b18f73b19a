/* `quartet members`: the admin port's page about the membership, and what it asks of the leader.
 *
 *     GET  /members                                  the members as the leader sees them, as text
 *     POST /members?do=add&id=N&address=HOST:PORT    a learner
 *     POST /members?do=promote&id=N                  makes it a voter, once it has caught up
 *     POST /members?do=remove&id=N
 *     POST /members?do=transfer&id=N                 hands leadership over to it
 *
 * Any node answers: one that does not lead asks the one that does (specs/peer.md, ASK). The leader
 * answers a change when it is committed in full; one change is under way at a time. */
#include <string.h>

#include "node/node_internal.h"

enum { ASK_LIST = 1, ASK_ADD, ASK_PROMOTE, ASK_REMOVE, ASK_TRANSFER, ASK_VERBS };

/* UNAVAILABLE says that nothing was done, so that one may ask again. */
enum { DONE = 200, WRONG = 400, UNKNOWN = 404, CONFLICT = 409, UNAVAILABLE = 503 };

struct members_ask {
    uint8_t verb;
    uint32_t id;
    struct slice address;
};

static void say(struct buffer *out, const char *words, uint64_t number, const char *more)
{
    buffer_append_text(out, words);
    buffer_append_decimal(out, number);
    buffer_append_text(out, more);
}

static void pad(struct buffer *out, size_t begun, size_t width)
{
    buffer_put_u8(out, ' ');
    while (out->size - begun < width) buffer_put_u8(out, ' ');
}

/* --- the leader: the list --- */

static const char *role_of(const struct raft_member *member)
{
    if (member->leaving) return "leaving";
    if (member->outgoing && member->learner) return "voter, to be learner";
    return member->learner ? "learner" : "voter";
}

static void list_member(const struct node *node, const struct raft_member *member,
                        const struct raft_progress *row, struct buffer *out)
{
    bool self = member->id == node->config.self;
    size_t begun = out->size;
    buffer_append_decimal(out, member->id);
    pad(out, begun, 6);
    buffer_append_text(out, self ? "leader" : role_of(member));
    pad(out, begun, 16);
    buffer_append_decimal(out, self ? raft_durable_index(node->raft) : row->match);
    pad(out, begun, 28);
    buffer_append_text(out, self || row->trusted ? "yes" : "no");
    pad(out, begun, 37);
    buffer_append_text(out, self || row->caught_up ? "yes" : "no");
    pad(out, begun, 48);
    buffer_append(out, member->address, member->address_size);
    buffer_put_u8(out, '\n');
}

static void list_all(const struct node *node, struct buffer *out)
{
    const struct raft_members *members = raft_members(node->raft);
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    const struct raft_progress none = {0};
    uint32_t count = raft_progress_all(node->raft, rows);
    buffer_append_text(out, "node  role      match       trusted  caught up  address\n");
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_progress *row = &none;
        for (uint32_t n = 0; n < count; n++) {
            if (rows[n].peer == members->member[i].id) row = &rows[n];
        }
        list_member(node, &members->member[i], row, out);
    }
    bool changing = raft_members_index(node->raft) > raft_commit_index(node->raft);
    say(out, "log ends at ", raft_last_index(node->raft),
        changing || raft_members_joint(members) ? "; a change is under way\n" : "\n");
}

/* --- the leader: changes --- */

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
    uint32_t count = node->replica->origins_count;
    if (replica_origin(node->replica, id) != NULL) return false;
    for (uint32_t i = 0; i < target->count; i++) {
        count += replica_origin(node->replica, target->member[i].id) == NULL;
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
        return WRONG;
    }
    if (raft_members_place(target, ask->id) >= 0) {
        say(why, "node ", ask->id, " is a member already\n");
        return CONFLICT;
    }
    if (target->count == RAFT_MEMBERS_MAX) {
        say(why, "there are ", target->count, " members, as many as may be: remove one first\n");
        return CONFLICT;
    }
    if (origins_full(node, target, ask->id)) {
        say(why, "", REPLICA_ORIGINS_MAX,
            " nodes have been members, as many as can be told apart: give it the number of one "
            "that was removed\n");
        return CONFLICT;
    }
    for (uint32_t i = 0; i < target->count; i++) {
        /* A node that founded alone may have been given its address later. */
        struct raft_member *member = &target->member[i];
        struct slice own = membership_address(node);
        if (member->address_size > 0) continue;
        if (member->id != node->config.self || own.size == 0) {
            say(why, "node ", member->id,
                " has no address that others could dial: start it with --peers ID=HOST:PORT\n");
            return CONFLICT;
        }
        member->address_size = (uint8_t)own.size;
        memcpy(member->address, own.data, own.size);
    }
    target_insert(target, ask->id, ask->address);
    return DONE;
}

static unsigned target_promote(const struct members_ask *ask, struct raft_members *target,
                               struct buffer *why)
{
    int place = raft_members_place(target, ask->id);
    if (place < 0) {
        say(why, "node ", ask->id, " is not a member: add it first\n");
        return UNKNOWN;
    }
    if (!target->member[place].learner) {
        say(why, "node ", ask->id, " is a voter already\n");
        return CONFLICT;
    }
    target->member[place].learner = false;
    return DONE;
}

static unsigned target_remove(const struct members_ask *ask, struct raft_members *target,
                              struct buffer *why)
{
    int place = raft_members_place(target, ask->id);
    if (place < 0) {
        say(why, "node ", ask->id, " is not a member\n");
        return UNKNOWN;
    }
    uint32_t voters = 0;
    for (uint32_t i = 0; i < target->count; i++) voters += !target->member[i].learner;
    if (voters == 1 && !target->member[place].learner) {
        say(why, "node ", ask->id, " is the last voter: promote another one first\n");
        return CONFLICT;
    }
    target->count--;
    memmove(&target->member[place], &target->member[place + 1],
            (target->count - (uint32_t)place) * sizeof *target->member);
    return DONE;
}

/* How far it is: what a person who waits wants to know. */
static void say_behind(const struct node *node, uint32_t id, struct buffer *why)
{
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t count = raft_progress_all(node->raft, rows);
    say(why, "node ", id, " has not caught up: ");
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].peer != id) continue;
        if (rows[i].heard_us == 0) {
            buffer_append_text(why, "it was never heard. Is it running, with --join, there?\n");
            return;
        }
        say(why, "it holds ", rows[i].match, "");
        say(why, " of ", raft_last_index(node->raft), " entries");
        if (rows[i].snapshot) buffer_append_text(why, ", and is being sent a snapshot");
        if (!rows[i].trusted) buffer_append_text(why, ", and is not trusted yet");
    }
    buffer_append_text(why, ". Try again\n");
}

static unsigned change_begin(struct node *node, const struct members_ask *ask,
                             const struct raft_members *target, struct buffer *why)
{
    switch (raft_change_members(node->raft, node->turn.now, target)) {
    case RAFT_CHANGE_OK: break;
    case RAFT_CHANGE_NOT_CAUGHT_UP: say_behind(node, ask->id, why); return CONFLICT;
    case RAFT_CHANGE_UNDER_WAY:
        buffer_append_text(why, "another change is under way: try again when it is done\n");
        return CONFLICT;
    case RAFT_CHANGE_NOTHING_TO_DO: buffer_append_text(why, "it is so already\n"); return DONE;
    case RAFT_CHANGE_TOO_MANY:
        buffer_append_text(why, "too many members at a time: remove some first\n");
        return CONFLICT;
    case RAFT_CHANGE_INVALID_TARGET: buffer_append_text(why, "that cannot be\n"); return WRONG;
    case RAFT_CHANGE_NO_QUORUM:
        buffer_append_text(why, "too few of the voters that would be left are heard and trusted: "
                                "look with list, mend those or add others first\n");
        return CONFLICT;
    case RAFT_CHANGE_TRANSFER:
        buffer_append_text(why, "leadership is being handed over: try again\n");
        return UNAVAILABLE;
    case RAFT_CHANGE_NOT_LEADER:
    case RAFT_CHANGE_NOT_SETTLED:
        buffer_append_text(why, "the leader is new: try again\n");
        return UNAVAILABLE;
    }
    return 0;
}

static unsigned transfer_begin(struct node *node, uint32_t id, struct buffer *words)
{
    switch (raft_transfer(node->raft, node->turn.now, id)) {
    case RAFT_TRANSFER_OK:
        say(words, "handing over to node ", id, "\n");
        trace_begin(&node->turn, "transfer");
        trace_number(&node->turn, "to", id);
        trace_end(&node->turn);
        return DONE;
    case RAFT_TRANSFER_NOT_VOTER:
        say(words, "node ", id, " is not another voter that is trusted\n");
        return CONFLICT;
    case RAFT_TRANSFER_BUSY:
        buffer_append_text(words, "a transfer is under way\n");
        return CONFLICT;
    case RAFT_TRANSFER_NOT_LEADER: break;
    }
    buffer_append_text(words, "this node leads no more: try again\n");
    return UNAVAILABLE;
}

/* 0: the change has begun, and is answered when it is done. */
static unsigned lead_asked(struct node *node, const struct members_ask *ask, struct buffer *words)
{
    if (!node_leading(node)) {
        buffer_append_text(words, "the leader has changed: try again\n");
        return UNAVAILABLE;
    }
    struct raft_members target = *raft_members(node->raft);
    unsigned status = WRONG;
    switch (ask->verb) {
    case ASK_LIST: list_all(node, words); return DONE;
    case ASK_TRANSFER: return transfer_begin(node, ask->id, words);
    case ASK_ADD: status = target_add(node, ask, &target, words); break;
    case ASK_PROMOTE: status = target_promote(ask, &target, words); break;
    case ASK_REMOVE: status = target_remove(ask, &target, words); break;
    default: buffer_append_text(words, "unknown: upgrade the node that leads\n"); break;
    }
    if (status != DONE) return status;
    return change_begin(node, ask, &target, words);
}

/* --- answers --- */

static void answer(struct node *node, uint32_t link_id, uint64_t number, unsigned status,
                   struct slice words)
{
    if (link_id == 0) {
        admin_answer(node, (uint32_t)number, status, words);
        return;
    }
    struct connection *connection = connection_find(&node->connections, link_id);
    if (connection == NULL || connection->listener != NODE_PEER || connection->closing) return;
    size_t begun = peer_frame_begin(&connection->out, PEER_ANSWER, PEER_GROUP_NODE);
    buffer_put_u64(&connection->out, number);
    buffer_put_u16(&connection->out, (uint16_t)status);
    buffer_put_bytes(&connection->out, words);
    peer_frame_end(&connection->out, begun);
    connection_dirty(&node->connections, connection);
}

/* A change that ended: in full, or out of this node's hands. */
void members_turn(struct node *node)
{
    struct members_change *change = &node->change;
    if (!change->active) return;
    const struct raft_members *members = raft_members(node->raft);
    bool over = raft_members_index(node->raft) <= raft_commit_index(node->raft) &&
                !raft_members_joint(members);
    int place = raft_members_place(members, change->id);
    bool voter = place >= 0 && !members->member[place].learner;
    bool done = over && (change->verb == ASK_ADD       ? place >= 0
                         : change->verb == ASK_PROMOTE ? voter
                                                       : place < 0);
    if (!done && !over && node_leading(node)) return;
    change->active = false;
    struct buffer words = {0};
    if (done) {
        static const char *const outcomes[] = {
            [ASK_ADD] = " is a learner: promote it when it has caught up\n",
            [ASK_PROMOTE] = " is a voter\n",
            [ASK_REMOVE] = " is removed: it may be stopped\n",
        };
        say(&words, "node ", change->id, outcomes[change->verb]);
    } else {
        buffer_append_text(&words, "the leader has changed meanwhile: look with list\n");
    }
    answer(node, change->link, change->number, done ? DONE : CONFLICT, buffer_slice(&words));
    buffer_free(&words);
}

/* `link` 0: our own admin connection `number`. */
static void asked(struct node *node, uint32_t link, uint64_t number, const struct members_ask *ask)
{
    struct buffer words = {0};
    unsigned status = lead_asked(node, ask, &words);
    if (status == 0) {
        node->change = (struct members_change){true, ask->verb, ask->id, link, number};
    } else {
        answer(node, link, number, status, buffer_slice(&words));
    }
    buffer_free(&words);
}

bool members_asked(struct node *node, struct link *link, struct slice content)
{
    struct reader reader = reader_of(content);
    struct members_ask ask;
    uint64_t number = read_u64(&reader);
    ask.verb = read_u8(&reader);
    ask.id = read_u32(&reader);
    ask.address = read_bytes(&reader);
    if (!reader_done(&reader)) return false;
    asked(node, link->connection.id, number, &ask);
    return true;
}

bool members_answered(struct node *node, struct slice content)
{
    struct reader reader = reader_of(content);
    uint64_t number = read_u64(&reader);
    uint16_t status = read_u16(&reader);
    struct slice words = read_bytes(&reader);
    if (!reader_done(&reader) || status < DONE || status > UNAVAILABLE) return false;
    if (number <= UINT32_MAX) admin_answer(node, (uint32_t)number, status, words);
    return true;
}

/* --- any node: a request --- */

static bool ask_read(const struct http_request *request, struct members_ask *ask, uint8_t *address)
{
    static const char *const verbs[ASK_VERBS] = {
        [ASK_ADD] = "add",
        [ASK_PROMOTE] = "promote",
        [ASK_REMOVE] = "remove",
        [ASK_TRANSFER] = "transfer",
    };
    uint8_t verb[16];
    size_t size = 0;
    uint64_t id = 0;
    *ask = (struct members_ask){.verb = ASK_LIST};
    if (request->method != HTTP_POST) return true;
    if (http_query_find(request->query, "do", verb, sizeof verb, &size) != HTTP_PARAMETER_FOUND ||
        http_query_number(request->query, "id", UINT32_MAX, &id) != HTTP_PARAMETER_FOUND ||
        id == 0) {
        return false;
    }
    ask->verb = 0;
    for (unsigned i = ASK_ADD; i < ASK_VERBS; i++) {
        if (slice_equal(slice_of(verb, size), slice_text(verbs[i]))) ask->verb = (uint8_t)i;
    }
    ask->id = (uint32_t)id;
    size = 0;
    (void)http_query_find(request->query, "address", address, RAFT_ADDRESS_SIZE_MAX, &size);
    ask->address = slice_of(address, size);
    return ask->verb != 0;
}

void members_request(struct node *node, uint32_t admin, const struct http_request *request)
{
    uint8_t address[RAFT_ADDRESS_SIZE_MAX];
    struct members_ask ask;
    if (!ask_read(request, &ask, address)) {
        admin_answer(node, admin, WRONG,
                     slice_text("POST /members?do=add|promote|remove|transfer&id=N, and for add "
                                "&address=HOST:PORT\n"));
        return;
    }
    if (node_leading(node)) {
        asked(node, 0, admin, &ask);
        return;
    }
    struct peer *leader = node->raft == NULL ? NULL : peer_find(node, raft_leader(node->raft));
    struct link *link = leader == NULL ? NULL : peer_link(node, leader, PEER_CHANNEL_LOG);
    if (link == NULL) {
        const char *why = membership_removed(node)
                              ? "this node is no member of the cluster: ask another one\n"
                              : "no leader is known here: try again, or ask another node\n";
        admin_answer(node, admin, UNAVAILABLE, slice_text(why));
        return;
    }
    size_t begun = peer_frame_begin(&link->connection.out, PEER_ASK, PEER_GROUP_NODE);
    buffer_put_u64(&link->connection.out, admin);
    buffer_put_u8(&link->connection.out, ask.verb);
    buffer_put_u32(&link->connection.out, ask.id);
    buffer_put_bytes(&link->connection.out, ask.address);
    peer_frame_end(&link->connection.out, begun);
    connection_dirty(&node->connections, &link->connection);
}
