/* The commands of a script. Nothing happens between them: no time passes, no message arrives and,
 * on a slow disk, no write ends unless a command says so. The invariants of figure 3 are checked
 * after every step all the same (test/unit/raft/raft_world_check.h). */
#ifndef QUARTET_TEST_TRACE_COMMANDS_H
#define QUARTET_TEST_TRACE_COMMANDS_H

#include "script.h"

/* --- time --- */

static inline void act_at_deadline(struct trace *trace, uint32_t id)
{
    struct world *world = trace->world;
    uint64_t deadline_us = raft_deadline_us(world->nodes[id].raft);
    if (deadline_us == UINT64_MAX) script_error("server %u waits for nothing", id);
    if (deadline_us > world->now_us) {
        world->wall_us += deadline_us - world->now_us;
        world->now_us = deadline_us;
    }
    struct raft *raft = world->nodes[id].raft;
    if (raft_role(raft) != RAFT_LEADER) trace->shown[id].role = RAFT_FOLLOWER; /* it asks anew */
    raft_tick(raft, world_time(world));
    world_flush(world, id);
    settle(trace, id);
}

/* timeout ID: the clock moves on to where the server's election timer fires. */
static inline void do_timeout(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    if (raft_role(trace->world->nodes[id].raft) == RAFT_LEADER) script_error("%u leads", id);
    act_at_deadline(trace, id);
}

/* heartbeat ID: the clock moves on to where the leader's next round is due. */
static inline void do_heartbeat(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    if (raft_role(trace->world->nodes[id].raft) != RAFT_LEADER) {
        script_error("%u does not lead", id);
    }
    act_at_deadline(trace, id);
}

/* wait MS: the clock moves on, and nobody looks at it. */
static inline void do_wait(struct trace *trace, const struct command *command)
{
    uint64_t us = strtoul(word(command, 1), NULL, 10) * WORLD_MS;
    trace->world->now_us += us;
    trace->world->wall_us += us;
}

/* --- clients --- */

/* propose ID TEXT...: clients' commands, which arrive together. */
static inline void do_propose(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    struct raft *raft = trace->world->nodes[id].raft;
    for (int i = 2; i < command->count; i++) {
        uint64_t index;
        enum raft_propose_result result =
            raft_propose(raft, world_time(trace->world), RAFT_KIND_CALLER, 1,
                         slice_text(command->word[i]), &index);
        if (result == RAFT_PROPOSE_OK) continue;
        if (result == RAFT_PROPOSE_TRANSFER) {
            say(trace, "  %u refuses: it is handing over to %u\n", id, raft_transferring(raft));
            continue;
        }
        say(trace, "  %u does not lead", id);
        if (raft_leader(raft) != 0)
            say(trace, ": it sends the client to %u\n", raft_leader(raft));
        else
            say(trace, " and does not know who does\n");
    }
    world_flush(trace->world, id);
    settle(trace, id);
}

/* read ID: a client asks for the latest state. */
static inline void do_read(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    trace->shown[id].read = raft_read(trace->world->nodes[id].raft, world_time(trace->world));
    world_flush(trace->world, id);
    settle(trace, id);
}

/* lease ID: the same, and the answer must come at once. */
static inline void do_lease(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    uint64_t index;
    if (raft_read_lease(trace->world->nodes[id].raft, world_time(trace->world), &index))
        say(trace, "  %u holds a lease: it answers, as of index %llu\n", id, NUM(index));
    else
        say(trace, "  %u holds no lease\n", id);
}

/* --- members and leaders --- */

/* change ID MEMBER...: to these; +4 is a learner. */
static inline void do_change(struct trace *trace, const struct command *command)
{
    static const char *const refusals[] = {
        [RAFT_CHANGE_NOT_LEADER] = "it does not lead",
        [RAFT_CHANGE_NOT_SETTLED] = "it has committed nothing in its term yet",
        [RAFT_CHANGE_UNDER_WAY] = "the last change is not committed yet",
        [RAFT_CHANGE_NOT_CAUGHT_UP] = "a new voter has to learn first, and catch up",
        [RAFT_CHANGE_NOTHING_TO_DO] = "that is how it is",
        [RAFT_CHANGE_TOO_MANY] = "they are too many",
        [RAFT_CHANGE_INVALID_TARGET] = "these are no members",
    };
    uint32_t id = server_up(trace, command, 1);
    struct raft_members target = {.count = 0};
    for (int i = 2; i < command->count && target.count < RAFT_MEMBERS_MAX; i++) {
        const char *text = command->word[i];
        target.member[target.count++] =
            (struct raft_member){.id = parse_server(trace, text + (*text == '+')),
                                 .learner = *text == '+',
                                 .address_size = 1,
                                 .address = "x"};
    }
    enum raft_change_result result =
        raft_change_members(trace->world->nodes[id].raft, world_time(trace->world), &target);
    if (result != RAFT_CHANGE_OK) say(trace, "  %u refuses: %s\n", id, refusals[result]);
    world_flush(trace->world, id);
    settle(trace, id);
}

/* --- the network --- */

/* `1->2`, `1->`, `->2`, or no word: from whom to whom; 0 is anyone. */
struct route {
    uint32_t from, to;
};

static inline struct route parse_route(const struct trace *trace, const struct command *command)
{
    struct route route = {0, 0};
    if (command->count < 2) return route;
    const char *arrow = strstr(command->word[1], "->");
    if (arrow == NULL) script_error("%s: %s?", command->word[0], command->word[1]);
    if (arrow != command->word[1]) route.from = parse_server(trace, command->word[1]);
    if (arrow[2] != '\0') route.to = parse_server(trace, arrow + 2);
    return route;
}

/* Takes the oldest message on this route that was sent before `until`; NULL: none. */
static inline struct packet *take_packet(struct trace *trace, struct route route, uint64_t until)
{
    struct packet_list *pool = &trace->world->packets;
    uint32_t oldest = UINT32_MAX;
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct packet *packet = pool->at[i];
        if (route.from != 0 && packet->message.from != route.from) continue;
        if (route.to != 0 && packet->message.to != route.to) continue;
        if (packet->order >= until) continue;
        if (oldest == UINT32_MAX || packet->order < pool->at[oldest]->order) oldest = i;
    }
    if (oldest == UINT32_MAX) return NULL;
    struct packet *packet = pool->at[oldest];
    pool->at[oldest] = pool->at[--pool->count];
    return packet;
}

/* What the receiver answered, on its way or held back; false: nothing at all. */
static inline bool say_answers(struct trace *trace, const struct packet *request, uint64_t since,
                               uint32_t held_before)
{
    struct world *world = trace->world;
    const struct node *node = &world->nodes[request->message.to];
    bool any = false;
    for (uint64_t order = since; order < world->packets_order; order++) {
        for (uint32_t i = 0; i < world->packets.count; i++) {
            const struct packet *packet = world->packets.at[i];
            if (packet->order != order) continue;
            any = true;
            say_answer(trace, &request->message, &packet->message);
        }
    }
    for (uint32_t i = held_before; i < node->held.count; i++) {
        any = true;
        say_answer(trace, &request->message, &node->held.at[i]->message);
    }
    return any;
}

static inline void deliver(struct trace *trace, struct packet *packet)
{
    struct world *world = trace->world;
    uint32_t from = packet->message.from, to = packet->message.to;
    struct node *node = &world->nodes[to];
    say_packet(trace, packet);
    if (trace->cut[from][to] || node->raft == NULL) {
        say(trace, node->raft == NULL ? ": lost, %u is down\n" : ": lost, no link to %u\n", to);
        return;
    }
    say(trace, "\n");
    uint64_t since = world->packets_order;
    uint32_t held = node->held.count;
    size_t said_size = trace->said_size;
    world_deliver(world, packet);
    settle(trace, to);
    bool answered = say_answers(trace, packet, since, held);
    enum raft_message_type type = packet->message.type;
    bool asks = type == RAFT_VOTE || type == RAFT_PRE_VOTE;
    if (asks && !answered && said_size == trace->said_size) say_silence(trace, to);
}

/* transfer A->B: leader A is asked to make B leader. */
static inline void do_transfer(struct trace *trace, const struct command *command)
{
    struct route route = parse_route(trace, command);
    if (route.from == 0 || route.to == 0) script_error("transfer: from whom to whom?");
    struct raft *raft = trace->world->nodes[route.from].raft;
    if (raft == NULL) script_error("server %u is down", route.from);
    if (raft_transfer(raft, world_time(trace->world), route.to) != RAFT_TRANSFER_OK) {
        say(trace, "  %u refuses\n", route.from);
    }
    world_flush(trace->world, route.from);
    settle(trace, route.from);
}

/* deliver [ROUTE]: on a route, what is under way now; without one, until all is quiet. */
static inline void do_deliver(struct trace *trace, const struct command *command)
{
    struct route route = parse_route(trace, command);
    uint64_t until = command->count < 2 ? UINT64_MAX : trace->world->packets_order;
    struct packet *packet;
    for (int i = 0; (packet = take_packet(trace, route, until)) != NULL; i++) {
        if (i == DELIVERIES_MAX) script_error("deliver: they do not stop talking");
        deliver(trace, packet);
        packet_free(packet);
    }
}

/* elect ID: its timer fires until it leads. Told in one line; what it sends as a leader is under
 * way, and so is whatever else had been. */
static inline void do_elect(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    struct raft *raft = trace->world->nodes[id].raft;
    size_t said_size = trace->said_size;
    for (int i = 0; i < 5 && raft_role(raft) != RAFT_LEADER; i++) {
        struct packet *packet;
        act_at_deadline(trace, id);
        while (raft_role(raft) != RAFT_LEADER &&
               (packet = take_packet(trace, (struct route){0, 0}, UINT64_MAX)) != NULL) {
            deliver(trace, packet);
            packet_free(packet);
        }
    }
    if (raft_role(raft) != RAFT_LEADER) script_error("%u cannot be elected", id);
    untell(trace, said_size);
    say(trace, "  %u is elected leader of term %llu by", id, NUM(raft_term(raft)));
    for (uint32_t voter = 1; voter <= trace->world->nodes_count; voter++) {
        const struct raft *other = trace->world->nodes[voter].raft;
        if (other == NULL || raft_term(other) != raft_term(raft)) continue;
        if (raft_vote(other) == id) say(trace, " %u", voter);
    }
    say(trace, " and appends ");
    say_entry(trace, raft_entry_at(raft, raft_last_index(raft)));
    say(trace, "\n");
}

/* rounds ID N: the leader's next N rounds of heartbeats, and what they bring about, in one line. */
static inline void do_rounds(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    int count = (int)strtoul(word(command, 2), NULL, 10);
    size_t said_size = trace->said_size;
    for (int i = 0; i < count; i++) {
        struct packet *packet;
        do_heartbeat(trace, command);
        while ((packet = take_packet(trace, (struct route){0, 0}, UINT64_MAX)) != NULL) {
            deliver(trace, packet);
            packet_free(packet);
        }
    }
    untell(trace, said_size);
    say(trace, "  %u sends %d round%s of heartbeats and hears from", id, count,
        count == 1 ? "" : "s");
    struct raft_progress rows[RAFT_MEMBERS_MAX];
    uint32_t peers = raft_progress_all(trace->world->nodes[id].raft, rows);
    for (uint32_t i = 0; i < peers; i++) {
        if (rows[i].heard_us == trace->world->now_us) say(trace, " %u", rows[i].peer);
    }
    say(trace, "\n");
}

/* drop [ROUTE]: what is under way now is lost. */
static inline void do_drop(struct trace *trace, const struct command *command)
{
    struct route route = parse_route(trace, command);
    struct packet *packet;
    while ((packet = take_packet(trace, route, UINT64_MAX)) != NULL) {
        say_packet(trace, packet);
        say(trace, ": lost\n");
        packet_free(packet);
    }
}

/* partition A B | C ...: no message crosses a bar. */
static inline void do_partition(struct trace *trace, const struct command *command)
{
    int side[WORLD_NODES_MAX + 1] = {0};
    int sides = 1;
    for (int i = 1; i < command->count; i++) {
        if (strcmp(command->word[i], "|") == 0)
            sides++;
        else
            side[parse_server(trace, command->word[i])] = sides;
    }
    for (uint32_t a = 1; a <= trace->world->nodes_count; a++) {
        for (uint32_t b = 1; b <= trace->world->nodes_count; b++) {
            trace->cut[a][b] = side[a] != side[b];
        }
    }
}

static inline void do_heal(struct trace *trace, const struct command *command)
{
    (void)command;
    memset(trace->cut, 0, sizeof trace->cut);
}

/* --- disks, crashes, snapshots --- */

/* disk ID slow|fast */
static inline void do_disk(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    trace->world->nodes[id].stalled = strcmp(word(command, 2), "slow") == 0;
    settle(trace, id);
}

/* durable ID: the oldest write of a slow disk is done. */
static inline void do_durable(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    struct node *node = &trace->world->nodes[id];
    if (node->writes_count == 0) script_error("durable: nothing is being written");
    say(trace, "  %u has written", id);
    say_write(trace, &node->writes[0]);
    say(trace, "\n");
    world_land(trace->world, id);
    trace->shown[id].writes--;
    if (trace->shown[id].held > node->held.count) trace->shown[id].held = node->held.count;
    settle(trace, id);
}

/* crash ID: what was being written is torn, and so is lost. */
static inline void do_crash(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    struct node *node = &trace->world->nodes[id];
    for (uint32_t i = 0; i < node->writes_count; i++) {
        say(trace, "  %u loses the write of", id);
        say_write(trace, &node->writes[i]);
        say(trace, "\n");
    }
    world_crash(trace->world, id, 0);
}

/* wipe ID: a server that is down loses its disk. */
static inline void do_wipe(struct trace *trace, const struct command *command)
{
    uint32_t id = parse_server(trace, word(command, 1));
    if (trace->world->nodes[id].raft != NULL) script_error("server %u is up", id);
    world_wipe(trace->world, id);
}

/* restart ID: with what its disk holds. */
static inline void do_restart(struct trace *trace, const struct command *command)
{
    uint32_t id = parse_server(trace, word(command, 1));
    struct node *node = &trace->world->nodes[id];
    if (node->raft != NULL) script_error("server %u is up", id);
    stored_free(&trace->shown[id].log);
    trace->shown[id] = (struct shown){.up = true, .term = node->disk.term};
    trace->shown[id].trusted = node->disk.trusted;
    trace->shown[id].snapshot = node->disk.snapshot.index;
    trace->shown[id].vote = node->disk.vote;
    for (uint64_t i = 0; i < node->disk.log.count; i++) {
        struct raft_entry entry = stored_entry(&node->disk.log.at[i]);
        stored_push(&trace->shown[id].log, &entry);
    }
    if (node->disk.trusted)
        say(trace, "  %u finds term=%llu vote=%u", id, NUM(node->disk.term), node->disk.vote);
    else
        say(trace, "  %u finds nothing: it may have promised anything", id);
    if (node->disk.log.count > 0) say(trace, " ");
    say_entries(trace, &node->disk.log, 0);
    say(trace, "\n");
    world_start(trace->world, id);
    settle(trace, id);
}

/* compact ID: what is applied becomes a snapshot. */
static inline void do_compact(struct trace *trace, const struct command *command)
{
    uint32_t id = server_up(trace, command, 1);
    world_compact(trace->world, id);
    settle(trace, id);
}

/* snapshot A->B: the leader A sends its snapshot to B, which needs it. */
static inline void do_snapshot(struct trace *trace, const struct command *command)
{
    struct route route = parse_route(trace, command);
    if (route.from == 0 || route.to == 0) script_error("snapshot: from whom to whom?");
    if (!trace->shown[route.from].lags[route.to]) script_error("%u needs none", route.to);
    struct packet *packet = calloc(1, sizeof *packet);
    packet->message.from = route.from;
    packet->message.to = route.to;
    packet->is_snapshot = true;
    packet->snapshot = trace->world->nodes[route.from].compacted;
    world_send(trace->world, packet);
}

static inline void do_state(struct trace *trace, const struct command *command)
{
    (void)command;
    say_state(trace);
}

#endif
