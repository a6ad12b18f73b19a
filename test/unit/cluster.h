/* Whole nodes in one process, played by hand in virtual time: their disks and their network are
 * fast and never fail (the simulator is for what does), so that a test reads as what was said at a
 * port, and what was answered when. */
#ifndef QUARTET_TEST_CLUSTER_H
#define QUARTET_TEST_CLUSTER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/node.h"

enum {
    CLUSTER_NODES_MAX = 5,
    CLUSTER_WIRES_MAX = 1024,
    CLUSTER_HOP_US = 100, /* what is sent, and what is written, is there so much later */
};

/* One end of a connection. Its other end is one of another node, or the test. */
struct cluster_wire {
    uint32_t node; /* 0: this place is free */
    uint32_t number;
    enum node_listener listener;
    struct cluster_wire *other; /* NULL: the test */
    struct buffer heard;        /* by the test, since cluster_forget() */
    bool closed;                /* by the node */
    bool unread;                /* nobody takes what is sent here */
};

struct cluster_event {
    uint32_t node;
    struct event event;
    struct buffer bytes;
};

struct cluster {
    uint32_t count;
    uint64_t now_us;
    bool deaf; /* nodes do not hear one another */
    struct node_config shared;
    struct node *nodes[CLUSTER_NODES_MAX + 1];
    uint64_t deadline_us[CLUSTER_NODES_MAX + 1];
    bool touched[CLUSTER_NODES_MAX + 1];
    uint64_t turns[CLUSTER_NODES_MAX + 1];
    bool stopped[CLUSTER_NODES_MAX + 1]; /* does nothing, and hears it all when it goes on */
    uint32_t next_number[CLUSTER_NODES_MAX + 1];
    struct buffer trace[CLUSTER_NODES_MAX + 1]; /* all that it said, ends with a zero */
    struct cluster_wire wires[CLUSTER_WIRES_MAX];
    struct cluster_event *events; /* to come with the next hop */
    size_t events_count, events_capacity;
    struct cluster_event *held; /* for nodes that are stopped */
    size_t held_count;
};

static inline struct raft_time cluster_time(const struct cluster *cluster)
{
    return (struct raft_time){cluster->now_us, UINT64_C(1700000000000000) + cluster->now_us};
}

static inline void cluster_later(struct cluster *cluster, uint32_t node, struct event event)
{
    if (cluster->events_count == cluster->events_capacity) {
        cluster->events_capacity = 64 + 2 * cluster->events_capacity;
        cluster->events =
            realloc(cluster->events, cluster->events_capacity * sizeof *cluster->events);
        ASSERT(cluster->events != NULL);
    }
    struct cluster_event *later = &cluster->events[cluster->events_count++];
    *later = (struct cluster_event){.node = node, .event = event};
    if (event.bytes.size != 0) buffer_append_slice(&later->bytes, event.bytes);
}

static inline struct cluster_wire *cluster_wire_new(struct cluster *cluster, uint32_t node,
                                                    uint32_t number, enum node_listener listener)
{
    for (size_t i = 0; i < CLUSTER_WIRES_MAX; i++) {
        struct cluster_wire *wire = &cluster->wires[i];
        if (wire->node != 0) continue;
        *wire = (struct cluster_wire){.node = node, .number = number, .listener = listener};
        cluster_later(
            cluster, node,
            (struct event){.type = EVENT_OPENED, .connection = number, .listener = listener});
        return wire;
    }
    abort(); /* CLUSTER_WIRES_MAX */
}

static inline struct cluster_wire *cluster_wire_find(struct cluster *cluster, uint32_t node,
                                                     uint32_t number)
{
    for (size_t i = 0; i < CLUSTER_WIRES_MAX; i++) {
        struct cluster_wire *wire = &cluster->wires[i];
        if (wire->node == node && wire->number == number) return wire;
    }
    return NULL;
}

static inline void cluster_closed(struct cluster *cluster, struct cluster_wire *wire)
{
    if (wire->closed) return;
    wire->closed = true;
    cluster_later(cluster, wire->node,
                  (struct event){.type = EVENT_CLOSED, .connection = wire->number});
}

/* A node dials "node-N:port"; nobody else answers. */
static inline void cluster_dial(struct cluster *cluster, uint32_t node, const struct action *action)
{
    struct slice to = action->bytes;
    bool known = to.size > 6 && memcmp(to.data, "node-", 5) == 0 && to.data[6] == ':';
    uint32_t target = known ? (uint32_t)(to.data[5] - '0') : 0;
    if (target < 1 || target > cluster->count) {
        cluster_later(
            cluster, node,
            (struct event){.type = EVENT_CONNECT_FAILED, .connection = action->connection});
        return;
    }
    struct cluster_wire *here = cluster_wire_new(cluster, node, action->connection, NODE_PEER);
    struct cluster_wire *there =
        cluster_wire_new(cluster, target, cluster->next_number[target]++, NODE_PEER);
    here->other = there;
    there->other = here;
}

static inline void cluster_sent(struct cluster *cluster, uint32_t node, const struct action *action)
{
    struct cluster_wire *wire = cluster_wire_find(cluster, node, action->connection);
    if (wire == NULL || wire->closed) return;
    if (wire->other == NULL) buffer_append_slice(&wire->heard, action->bytes);
    if (wire->other != NULL && !wire->other->closed && !cluster->deaf) {
        cluster_later(cluster, wire->other->node,
                      (struct event){.type = EVENT_RECEIVED,
                                     .connection = wire->other->number,
                                     .bytes = action->bytes});
    }
    if (wire->unread) return;
    cluster_later(cluster, node,
                  (struct event){.type = EVENT_SENT,
                                 .connection = action->connection,
                                 .count = action->bytes.size});
}

static inline void cluster_carry_out(struct cluster *cluster, uint32_t node,
                                     const struct action *action)
{
    struct cluster_wire *wire;
    switch (action->type) {
    case ACTION_WRITE:
        cluster_later(cluster, node,
                      (struct event){.type = EVENT_DURABLE, .count = action->sequence});
        break;
    case ACTION_SEND: cluster_sent(cluster, node, action); break;
    case ACTION_CONNECT: cluster_dial(cluster, node, action); break;
    case ACTION_CLOSE:
        wire = cluster_wire_find(cluster, node, action->connection);
        if (wire != NULL) cluster_closed(cluster, wire);
        if (wire != NULL && wire->other != NULL) cluster_closed(cluster, wire->other);
        break;
    case ACTION_SNAPSHOT_WRITE:
        cluster_later(cluster, node, (struct event){.type = EVENT_SNAPSHOT_WRITTEN});
        break;
    case ACTION_SNAPSHOT_COMMIT:
        cluster_later(cluster, node, (struct event){.type = EVENT_SNAPSHOT_DURABLE});
        break;
    default: break; /* nothing restarts, and nobody stops reading */
    }
}

static inline void cluster_turn(struct cluster *cluster, uint32_t node)
{
    struct actions actions;
    cluster->touched[node] = false;
    cluster->turns[node]++;
    node_turn(cluster->nodes[node], cluster_time(cluster), &actions);
    ASSERT(actions.fatal == NULL);
    cluster->deadline_us[node] = actions.deadline_us;
    if (actions.trace.size > 0) {
        struct buffer *trace = &cluster->trace[node];
        if (trace->size > 0) trace->size--;
        buffer_append_slice(trace, actions.trace);
        buffer_put_u8(trace, 0);
    }
    for (uint32_t i = 0; i < actions.count; i++) {
        cluster_carry_out(cluster, node, &actions.items[i]);
    }
}

static inline void cluster_hold(struct cluster *cluster, const struct cluster_event *event)
{
    size_t size = (cluster->held_count + 1) * sizeof *cluster->held;
    cluster->held = realloc(cluster->held, size);
    ASSERT(cluster->held != NULL);
    cluster->held[cluster->held_count++] = *event;
}

/* A process stands still from here on, until cluster_go_on(): all go on together. */
static inline void cluster_stop(struct cluster *cluster, uint32_t node)
{
    cluster->stopped[node] = true;
}

static inline void cluster_go_on(struct cluster *cluster)
{
    memset(cluster->stopped, 0, sizeof cluster->stopped);
    for (size_t i = 0; i < cluster->held_count; i++) {
        struct cluster_event *held = &cluster->held[i];
        held->event.bytes = buffer_slice(&held->bytes);
        cluster_later(cluster, held->node, held->event);
        buffer_free(&held->bytes);
    }
    cluster->held_count = 0;
}

static inline void cluster_deliver(struct cluster *cluster)
{
    struct cluster_event *events = cluster->events;
    size_t count = cluster->events_count;
    cluster->events = NULL;
    cluster->events_count = cluster->events_capacity = 0;
    for (size_t i = 0; i < count; i++) {
        struct event *event = &events[i].event;
        if (cluster->stopped[events[i].node]) {
            cluster_hold(cluster, &events[i]);
            continue;
        }
        event->now = cluster_time(cluster);
        event->bytes = buffer_slice(&events[i].bytes);
        node_step(cluster->nodes[events[i].node], event);
        cluster->touched[events[i].node] = true;
        buffer_free(&events[i].bytes);
    }
    free(events);
}

/* Lets so much time pass. */
static inline void cluster_run(struct cluster *cluster, uint64_t us)
{
    uint64_t until_us = cluster->now_us + us;
    while (cluster->now_us < until_us) {
        cluster_deliver(cluster);
        uint64_t next_us = until_us;
        for (uint32_t node = 1; node <= cluster->count; node++) {
            bool due = cluster->deadline_us[node] <= cluster->now_us;
            if (cluster->stopped[node]) continue;
            if (due || cluster->touched[node]) cluster_turn(cluster, node);
            if (cluster->deadline_us[node] < next_us) next_us = cluster->deadline_us[node];
        }
        bool busy = cluster->events_count > 0;
        if (busy || next_us < cluster->now_us + CLUSTER_HOP_US) {
            next_us = cluster->now_us + CLUSTER_HOP_US;
        }
        cluster->now_us = next_us;
    }
}

/* Makes and starts it. Its peers are the first `peers` nodes; if it is none of them, it joins. */
static inline void cluster_start(struct cluster *cluster, uint32_t node, uint32_t peers)
{
    struct node_config config = cluster->shared;
    config.self = node;
    config.seed = node;
    config.peers_count = peers == 1 && node == 1 ? 0 : peers;
    config.join = node > peers;
    for (uint32_t i = 0; i < config.peers_count; i++) {
        config.peers[i].id = i + 1;
        snprintf(config.peers[i].address, sizeof config.peers[i].address, "node-%u:7000",
                 (unsigned)i + 1);
    }
    cluster->nodes[node] = node_create(&config);
    cluster->next_number[node] = 1;
    struct event_start start = {.segments_count = 0};
    struct event event = {.type = EVENT_START, .now = cluster_time(cluster), .start = &start};
    node_step(cluster->nodes[node], &event);
    cluster->touched[node] = true;
}

/* Nodes 1 to `count`, started; `config` is what they share: machine, protocol and limits. */
static inline struct cluster *cluster_new(uint32_t count, const struct node_config *shared)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    ASSERT(cluster != NULL && count <= CLUSTER_NODES_MAX);
    cluster->count = count;
    cluster->now_us = 1000000;
    cluster->shared = *shared;
    for (uint32_t node = 1; node <= count; node++) cluster_start(cluster, node, count);
    return cluster;
}

/* One more node, which waits to be added; its number. */
static inline uint32_t cluster_join(struct cluster *cluster)
{
    ASSERT(cluster->count < CLUSTER_NODES_MAX);
    uint32_t peers = cluster->count;
    cluster_start(cluster, ++cluster->count, peers);
    return cluster->count;
}

static inline void cluster_free(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->events_count; i++) buffer_free(&cluster->events[i].bytes);
    for (size_t i = 0; i < CLUSTER_WIRES_MAX; i++) buffer_free(&cluster->wires[i].heard);
    for (uint32_t node = 1; node <= cluster->count; node++) {
        node_destroy(cluster->nodes[node]);
        buffer_free(&cluster->trace[node]);
    }
    for (size_t i = 0; i < cluster->held_count; i++) buffer_free(&cluster->held[i].bytes);
    free(cluster->held);
    free(cluster->events);
    free(cluster);
}

/* The node that leads, 0: none does. */
static inline uint32_t cluster_leader(const struct cluster *cluster)
{
    for (uint32_t node = 1; node <= cluster->count; node++) {
        const struct raft *raft = node_raft(cluster->nodes[node]);
        if (raft != NULL && raft_role(raft) == RAFT_LEADER) return node;
    }
    return 0;
}

/* Whether the node's trace has a line that begins so. */
static inline bool cluster_told(const struct cluster *cluster, uint32_t node, const char *word)
{
    const struct buffer *trace = &cluster->trace[node];
    const char *text = trace->size == 0 ? "" : (const char *)trace->data + trace->head;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        if (at == text || at[-1] == '\n') return true;
    }
    return false;
}

/* --- the test at a port of a node --- */

static inline struct cluster_wire *cluster_open(struct cluster *cluster, uint32_t node,
                                                enum node_listener listener)
{
    return cluster_wire_new(cluster, node, cluster->next_number[node]++, listener);
}

static inline void cluster_say(struct cluster *cluster, struct cluster_wire *wire, const char *text)
{
    if (wire->closed) return;
    cluster_later(cluster, wire->node,
                  (struct event){.type = EVENT_RECEIVED,
                                 .connection = wire->number,
                                 .bytes = slice_text(text)});
}

/* The other side hangs up; the wire is free for another. */
static inline void cluster_hang_up(struct cluster *cluster, struct cluster_wire *wire)
{
    cluster_closed(cluster, wire);
    buffer_free(&wire->heard);
    *wire = (struct cluster_wire){0};
}

/* What it said since it was last asked: text, until the next call for this wire. */
static inline const char *cluster_heard(struct cluster_wire *wire)
{
    *buffer_reserve(&wire->heard, 1) = 0; /* behind it, and no part of it */
    return (const char *)wire->heard.data + wire->heard.head;
}

static inline void cluster_forget(struct cluster_wire *wire)
{
    buffer_clear(&wire->heard);
}

#endif
