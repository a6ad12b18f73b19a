/* What clients ask goes to a group, and what becomes of it back to them. */
#include "base/assert.h"
#include "node/clients/holds.h"
#include "node/clients/watches.h"
#include "node/hub.h"

/* What counts for the memory limit beside what clients hold. */
static void weigh_elsewhere(struct node *node)
{
    if (node->config.memory_bytes_max == 0) return;
    /* Of one group it is as of now; of many, of this turn. */
    if (node->groups.count > 1 && node->groups.weighed_turn == node->process.turns) return;
    node->groups.weighed_turn = node->process.turns;
    uint64_t bytes = node->groups.shared.proposal_bytes;
    for (uint32_t i = 0; i < node->groups.count; i++) {
        const struct group *group = node->groups.all[i].group;
        const struct replica *replica = group_replica(group);
        bytes += replica->ops->bytes(replica->machine);
        if (group_raft(group) != NULL) bytes += raft_log_bytes(group_raft(group));
    }
    node->clients.bytes_elsewhere = bytes;
}

void requests_shown(struct node *node, const struct group *group)
{
    const struct replica *replica = group_replica(group);
    struct protocol_position *shown = &node->facts.told.shown;
    bool applying = replica->at_index > replica->index;
    shown->group = group_number(group);
    shown->term = applying ? replica->at_term : replica->term;
    shown->index = applying ? replica->at_index : replica->index;
}

/* The group that it is for: a pure function of its slot. */
static uint32_t group_of(const struct node *node, const struct protocol_request *request)
{
    if (node->config.group_of == NULL) return 0;
    uint32_t group = node->config.group_of(request->slot, node->groups.count);
    ASSERT(group < node->groups.count);
    return group;
}

/* Why a request that grows the state cannot be taken now; false when it can. */
static bool turned_down(const struct node *node, const struct protocol_request *request,
                        enum protocol_refusal *why)
{
    if (request->grows && node->process.draining) {
        *why = PROTOCOL_REFUSED_DRAINING;
        return true;
    }
    if (!request->grows) return false;
    *why = PROTOCOL_REFUSED_FULL;
    if (node->disk.full) return true;
    if (clients_memory_short(&node->clients)) return true;
    *why = PROTOCOL_REFUSED_BUSY;
    return group_full(node->group); /* as all are */
}

/* It says nothing more, so nothing that it waits for may take its time. */
static void hurry(struct node *node, const struct client *client)
{
    struct reader groups = reader_of(buffer_slice(&client->sessions));
    while (groups.bytes.size > 0) {
        group_session_hurry(groups_touch(node, read_u16(&groups)), client->connection.id);
    }
}

/* False: this node does not lead, and what is asked for waits for a majority. */
static bool propose_early(struct group *group, struct client *client)
{
    if (!group_leading(group) || group_incarnation(group) == 0) return false;
    struct group_question write = {
        .connection = client->connection.id,
        .place = client_early(client, group_number(group)),
        .command = client->request.command,
    };
    bool taken = group_propose_early(group, &write);
    ASSERT(taken);
    return true;
}

static void propose(struct node *node, struct client *client)
{
    enum protocol_refusal why;
    if (turned_down(node, &client->request, &why)) {
        client_turned_down(&node->clients, client, why);
        return;
    }
    uint32_t number = group_of(node, &client->request);
    struct group *group = groups_touch(node, number);
    enum protocol_write write = client->request.write;
    if (write == PROTOCOL_WRITE_ALL && !group_leading(group)) {
        client_turned_down(&node->clients, client, PROTOCOL_REFUSED_NOT_LEADING);
        return;
    }
    if (!client_has_session(client, number)) {
        buffer_put_u16(&client->sessions, (uint16_t)number);
        group_session_begin(group);
    }
    if (write == PROTOCOL_WRITE_LEADER && propose_early(group, client)) return;
    group_propose(group, client->connection.id, client->request.command);
    client_proposed(&node->clients, client, number);
    if (client->request.blocks && client->ended) hurry(node, client);
}

static void ask_behind(const struct node *node, const struct client *client, uint32_t group,
                       struct group_question *question)
{
    const struct protocol_ops *protocol = node->config.protocol;
    uint32_t count = 0;
    if (protocol->after == NULL) return;
    const struct protocol_position *after = protocol->after(client->protocol, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (after[i].group != group) continue;
        ASSERT(question->after_count < PROTOCOL_AFTER_MAX);
        question->after[question->after_count++] = after[i];
    }
}

static void ask(struct node *node, struct client *client)
{
    const struct protocol_request *request = &client->request;
    uint32_t number = group_of(node, request);
    struct group_question question = {
        .connection = client->connection.id,
        .place = client_asks(client, number),
        .command = request->command,
    };
    if (request->read != PROTOCOL_READ_LOCAL) ask_behind(node, client, number, &question);
    struct group *group = groups_touch(node, number);
    bool behind = client_awaits(client, number) || client->early > 0;
    struct group_read *read = group_read(group, request->read, behind, &question);
    if (read == NULL) return;
    client_waits(&node->clients, client, question.place, read, group_read_in_order(read));
}

/* Who hears what a watch says. */
struct ear {
    struct clients *clients;
    struct client *client;
    uint64_t token;
};

static void ear_say(void *world, const void *payload)
{
    const struct ear *ear = world;
    watch_push(ear->clients, ear->client, ear->token, payload);
}

static void watch(struct node *node, struct client *client)
{
    const struct protocol_request *request = &client->request;
    uint32_t number = group_of(node, request);
    struct machine_watch cursor = {0};
    struct ear ear = {&node->clients, client, request->token};
    if (client->watches_count == WATCHES_OF_CLIENT_MAX) {
        client_turned_down(&node->clients, client, PROTOCOL_REFUSED_FULL);
        return;
    }
    group_watch_open(groups_touch(node, number), request->command, &cursor, ear_say, &ear);
    watches_open(&node->clients, client, number, &cursor);
}

void requests_push(struct node *node)
{
    uint32_t visited = 0;
    size_t room = 0;
    struct watch *at = watches_next(&node->clients, &visited, &room);
    for (; at != NULL; at = watches_next(&node->clients, &visited, &room)) {
        struct ear ear = {&node->clients, at->client, at->token};
        const struct group *group = node->groups.all[watch_group(at)].group;
        watch_read(&node->clients, at, group_watch_read(group, &at->cursor, room, ear_say, &ear));
    }
}

/* --- answers that wait for voters --- */

/* All that was acknowledged early in this group is in the log there still; *index is raised to the
 * last of it. */
static bool early_stands(const struct group *group, const struct protocol_position *after,
                         uint32_t count, uint64_t *index)
{
    const struct raft *raft = group_raft(group);
    const struct replica *replica = group_replica(group);
    for (uint32_t i = 0; i < count; i++) {
        if (after[i].group != group_number(group)) continue;
        enum replica_held held = replica_holds(replica, after[i].term, after[i].index);
        if (held == REPLICA_LOST) return false;
        if (held == REPLICA_HOLDS) continue;
        uint64_t term = raft == NULL ? 0 : raft_term_at(raft, after[i].index);
        if (term != 0 && term != after[i].term) return false;
        if (after[i].index > *index) *index = after[i].index;
    }
    return true;
}

/* Of what is applied here: whoever leads, so many have it. */
static void count_committed(const struct group *group, uint64_t index, struct group_voters *voters)
{
    group_count_voters(group, index, voters);
    uint32_t quorum = voters->of / 2 + 1;
    if (voters->have < quorum) voters->have = quorum;
}

/* How many have all that the client was told of what it proposed; the fewest of any group that it
 * proposed to. False: some of it is lost. */
static bool count_for(const struct node *node, const struct client *client,
                      struct group_voters *fewest)
{
    const struct protocol_ops *protocol = node->config.protocol;
    uint32_t count = 0;
    const struct protocol_position *after = NULL;
    if (protocol->after != NULL) after = protocol->after(client->protocol, &count);
    struct reader groups = reader_of(buffer_slice(&client->sessions));
    group_count_voters(node->group, 0, fewest);
    if (groups.bytes.size == 0) fewest->have = fewest->of; /* of nothing, all have all */
    for (bool first = true; groups.bytes.size > 0; first = false) {
        const struct group *group = node->groups.all[read_u16(&groups)].group;
        uint64_t applied = group_replica(group)->index, index = applied;
        if (!early_stands(group, after, count, &index)) return false;
        struct group_voters voters;
        group_count_voters(group, index, &voters);
        if (index == applied) count_committed(group, index, &voters);
        if (first || voters.have < fewest->have) *fewest = voters;
    }
    return true;
}

/* True when it waits no longer. */
static bool hold_visit(struct node *node, struct hold *hold)
{
    struct clients *clients = &node->clients;
    struct group_voters voters;
    bool due = hold_due(clients, hold);
    if (hold->wait && !count_for(node, hold->client, &voters)) {
        client_unheld_lost(clients, hold);
        return true;
    }
    if (!hold->wait) count_committed(node->groups.all[hold->group].group, hold->index, &voters);
    bool enough = hold->wait ? voters.have > hold->voters : voters.have >= voters.of;
    if (due || enough) client_unheld(clients, hold, voters.have, voters.of);
    return due || enough;
}

void requests_holds(struct node *node)
{
    struct clients *clients = &node->clients;
    for (bool any = true; any;) { /* one that goes may let the next have its turn */
        struct hold *at = clients_hold(clients, NULL);
        for (any = false; at != NULL;) {
            struct hold *next = clients_hold(clients, at);
            if (hold_visit(node, at)) any = true;
            at = next;
        }
    }
}

/* Deals with what can be decoded in front of `rest`. */
static void work(struct node *node, struct client *client, struct slice *rest)
{
    while (client_next(&node->clients, client, rest)) {
        if (client->request.kind == PROTOCOL_PROPOSE) propose(node, client);
        if (client->request.kind == PROTOCOL_QUERY) ask(node, client);
        if (client->request.kind == PROTOCOL_WATCH) watch(node, client);
        if (client->request.kind == PROTOCOL_CANCEL) {
            watches_cancel(&node->clients, client, client->request.token);
        }
        weigh_elsewhere(node);
    }
}

static void go_on(struct node *node, struct client *client)
{
    weigh_elsewhere(node);
    if (client_due(client)) {
        if (client->request.kind == PROTOCOL_QUERY) {
            ask(node, client);
        } else {
            propose(node, client);
        }
    }
    struct slice rest = client_kept(&node->clients, client);
    size_t size = rest.size;
    work(node, client, &rest);
    client_used(&node->clients, client, size - rest.size);
}

void requests_received(struct node *node, struct client *client, struct slice bytes)
{
    if (client->connection.closing) return;
    weigh_elsewhere(node);
    if (client->input.size == 0) work(node, client, &bytes);
    client_keep(&node->clients, client, bytes);
}

void requests_sent(struct node *node, struct client *client)
{
    if (client_sent(&node->clients, client)) go_on(node, client);
}

void requests_ended(struct node *node, struct client *client)
{
    if (client->blocked) hurry(node, client);
    weigh_elsewhere(node);
    client_ended(&node->clients, client);
}

void requests_closed(struct node *node, struct client *client)
{
    struct reader groups = reader_of(buffer_slice(&client->sessions));
    while (groups.bytes.size > 0) {
        group_session_end(groups_touch(node, read_u16(&groups)), client->connection.id);
    }
    uint32_t number;
    for (void *read = client_take_question(client, &number); read != NULL;
         read = client_take_question(client, &number)) {
        group_read_cancel(groups_touch(node, number), read);
    }
    client_closed(&node->clients, client);
}

void requests_pump(struct node *node)
{
    struct client *client = clients_pump(&node->clients);
    for (; client != NULL; client = clients_pump(&node->clients)) go_on(node, client);
}
