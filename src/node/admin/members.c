/* `quartet members`: the admin port's page about the membership, and what it asks of the leader.
 *
 *     GET  /members                                  the members as the leader sees them, as text
 *     POST /members?do=add&id=N&address=HOST:PORT    a learner
 *     POST /members?do=promote&id=N                  makes it a voter, once it has caught up
 *     POST /members?do=remove&id=N
 *     POST /members?do=transfer&id=N                 hands leadership over to it
 *
 * Any node answers: one that does not lead asks the one that does (specs/peer.md, ASK). What the
 * leader then does is in change.c. */
#include "node/admin/members.h"

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
    buffer_append_decimal(out, self ? raft_durable_index(group_raft(node->group)) : row->match);
    pad(out, begun, 28);
    bool known = self || row->heard_us != 0; /* else nobody has said whether it is */
    buffer_append_text(out, !known ? "-" : self || row->trusted ? "yes" : "no");
    pad(out, begun, 37);
    buffer_append_text(out, self || row->caught_up ? "yes" : "no");
    pad(out, begun, 48);
    buffer_append(out, member->address, member->address_size);
    buffer_put_u8(out, '\n');
}

void members_list(const struct node *node, struct buffer *out)
{
    const struct raft_members *members = raft_members(group_raft(node->group));
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    const struct raft_progress none = {0};
    uint32_t count = raft_progress_all(group_raft(node->group), rows);
    buffer_append_text(out, "node  role      match       trusted  caught up  address\n");
    for (uint32_t i = 0; i < members->count; i++) {
        const struct raft_progress *row = &none;
        for (uint32_t n = 0; n < count; n++) {
            if (rows[n].peer == members->member[i].id) row = &rows[n];
        }
        list_member(node, &members->member[i], row, out);
    }
    bool changing =
        raft_members_index(group_raft(node->group)) > raft_commit_index(group_raft(node->group));
    members_say(out, "log ends at ", raft_last_index(group_raft(node->group)),
                changing || raft_members_joint(members) ? "; a change is under way\n" : "\n");
}

/* --- answers --- */

void members_answer(struct node *node, const struct members_asker *asker, unsigned status,
                    struct slice words)
{
    if (asker->link == 0) {
        admin_answer(node, (uint32_t)asker->number, status, words);
        return;
    }
    struct connection *connection = connection_find(&node->connections, asker->link);
    if (connection == NULL || connection->listener != NODE_PEER || connection->closing) return;
    size_t begun = peer_frame_begin(&connection->out, PEER_ANSWER, PEER_GROUP_NODE);
    buffer_put_u64(&connection->out, asker->number);
    buffer_put_u16(&connection->out, (uint16_t)status);
    buffer_put_bytes(&connection->out, words);
    peer_frame_end(&connection->out, begun);
    connection_dirty(&node->connections, connection);
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
    struct members_asker asker = {link->connection.id, number};
    change_asked(node, &asker, &ask);
    return true;
}

bool members_answered(struct node *node, struct slice content)
{
    struct reader reader = reader_of(content);
    uint64_t number = read_u64(&reader);
    uint16_t status = read_u16(&reader);
    struct slice words = read_bytes(&reader);
    if (!reader_done(&reader) || status < MEMBERS_DONE || status > MEMBERS_UNAVAILABLE)
        return false;
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
        admin_answer(node, admin, MEMBERS_WRONG,
                     slice_text("POST /members?do=add|promote|remove|transfer&id=N, and for add "
                                "&address=HOST:PORT\n"));
        return;
    }
    if (group_leading(node->group)) {
        struct members_asker asker = {0, admin};
        change_asked(node, &asker, &ask);
        return;
    }
    struct peer *leader = group_raft(node->group) == NULL
                              ? NULL
                              : peer_find(&node->peers, raft_leader(group_raft(node->group)));
    struct link *link = leader == NULL ? NULL : peer_link(&node->peers, leader, PEER_CHANNEL_LOG);
    if (link == NULL) {
        const char *why = membership_removed(node)
                              ? "this node is no member of the cluster: ask another one\n"
                              : "no leader is known here: try again, or ask another node\n";
        admin_answer(node, admin, MEMBERS_UNAVAILABLE, slice_text(why));
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
