/* Many groups of Raft on three nodes, whose messages pass through the real frames: in virtual time,
 * a millisecond a step. Disks are fast here and nothing restarts; raft_world.h has the rest.
 *
 * What a node says to another in one step leaves at once, beats last, and arrives a step later, all
 * of it, in order. `plain`: each beat in a frame of its own, as if there were no BEATS frames; both
 * worlds must go the same way. */
#ifndef QUARTET_TEST_GROUPS_WORLD_H
#define QUARTET_TEST_GROUPS_WORLD_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/random.h"
#include "node/peers/message.h"
#include "raft/raft.h"
#include "wire/peer.h"

enum {
    GROUPS_NODES = 3,
    GROUPS_MAX = 1000,
    GROUPS_STEP_US = 1000,
    GROUPS_TIMEOUT_US = 500000,
    GROUPS_HEARTBEAT_US = 50000,
};

struct group_replica {
    struct raft *raft;
    uint64_t sequence;
    uint64_t reads_confirmed;
    bool touched; /* in this step */
};

struct groups_link {
    struct buffer sent;                               /* in this step: frames but for beats */
    struct buffer beats;                              /* in this step */
    struct buffer arrives;                            /* in this step */
    uint64_t beats_frames, beats_bytes, other_frames; /* frames whole, since groups_count() */
    bool cut;
};

struct groups_world {
    uint32_t groups;
    bool plain;
    uint64_t now_us;
    struct group_replica replicas[GROUPS_NODES + 1][GROUPS_MAX];
    struct groups_link links[GROUPS_NODES + 1][GROUPS_NODES + 1]; /* [from][to] */
    uint64_t work_ns; /* what all nodes worked in steps that had work, since groups_count() */
};

static inline struct raft_time groups_time(const struct groups_world *world, uint32_t node)
{
    /* Each has its own clock, and the beats of two nodes fall due at different times. */
    uint64_t mono_us = world->now_us + node * 17000;
    return (struct raft_time){mono_us, UINT64_C(1700000000000000) + world->now_us};
}

static inline struct raft *groups_raft_new(uint32_t node, uint32_t group, uint64_t seed)
{
    struct raft_config config = {
        .self = node,
        .election_timeout_us = GROUPS_TIMEOUT_US,
        .heartbeat_us = GROUPS_HEARTBEAT_US,
        .append_bytes_max = 1 << 20,
        .inflight_messages_max = 8,
        .uncommitted_bytes_max = 1 << 20,
        .clock_drift_permille = 50,
        .seed = random_mix(seed * GROUPS_MAX + group),
    };
    struct raft_members members = {.count = GROUPS_NODES};
    for (uint32_t i = 0; i < GROUPS_NODES; i++) members.member[i].id = i + 1;
    struct buffer data = {0};
    raft_members_encode(&members, &data);
    struct raft_restored restored = {.term = 1, .trusted = true};
    struct raft_entry founding = {.index = 1,
                                  .term = 1,
                                  .kind = RAFT_KIND_MEMBERS,
                                  .version = 1,
                                  .data = buffer_slice(&data)};
    struct raft *raft = raft_create(&config, &restored);
    raft_restore_entry(raft, &founding);
    buffer_free(&data);
    return raft;
}

static inline struct groups_world *groups_new(uint32_t groups, uint64_t seed, bool plain)
{
    struct groups_world *world = calloc(1, sizeof *world);
    world->groups = groups;
    world->plain = plain;
    world->now_us = 1000000;
    for (uint32_t node = 1; node <= GROUPS_NODES; node++) {
        for (uint32_t group = 0; group < groups; group++) {
            struct raft *raft = groups_raft_new(node, group, seed);
            world->replicas[node][group].raft = raft;
            raft_start(raft, groups_time(world, node));
        }
    }
    return world;
}

static inline void groups_free(struct groups_world *world)
{
    for (uint32_t node = 1; node <= GROUPS_NODES; node++) {
        for (uint32_t i = 0; i < world->groups; i++) raft_destroy(world->replicas[node][i].raft);
        for (uint32_t other = 1; other <= GROUPS_NODES; other++) {
            buffer_free(&world->links[node][other].sent);
            buffer_free(&world->links[node][other].beats);
            buffer_free(&world->links[node][other].arrives);
        }
    }
    free(world);
}

static inline void groups_send(struct groups_world *world, uint32_t node, uint16_t group,
                               const struct raft_message *message)
{
    struct groups_link *link = &world->links[node][message->to];
    bool beat = peer_beat_is(message);
    if (beat && !world->plain) {
        peer_beat_encode(group, message, &link->beats);
        return;
    }
    struct buffer *out = beat ? &link->beats : &link->sent;
    size_t begun = peer_frame_begin(out, PEER_RAFT, group);
    peer_message_encode(world->replicas[node][group].raft, message, out);
    peer_frame_end(out, begun);
    link->other_frames++;
}

static inline void groups_send_beats(const struct groups_world *world, struct groups_link *link)
{
    if (link->beats.size == 0) return;
    size_t begun = world->plain ? 0 : peer_frame_begin(&link->sent, PEER_BEATS, PEER_GROUP_NODE);
    buffer_append_slice(&link->sent, buffer_slice(&link->beats));
    buffer_clear(&link->beats);
    if (world->plain) return;
    peer_frame_end(&link->sent, begun);
    link->beats_frames++;
    link->beats_bytes += link->sent.size - begun;
}

/* All writes land at once, so that no gate is left. */
static inline void groups_take(struct groups_world *world, uint32_t node, uint16_t group)
{
    struct group_replica *replica = &world->replicas[node][group];
    struct raft_output output;
    bool wrote = true;
    while (wrote) {
        raft_take_output(replica->raft, replica->sequence + 1, &output);
        wrote = output.hard_state || output.persist_first != 0;
        for (uint32_t i = 0; i < output.messages_count; i++) {
            groups_send(world, node, group, &output.messages[i]);
        }
        replica->reads_confirmed = output.reads_confirmed;
        if (wrote) raft_durable(replica->raft, groups_time(world, node), ++replica->sequence);
    }
}

static inline void groups_hear(struct groups_world *world, uint32_t to, uint16_t group,
                               const struct raft_message *message)
{
    ASSERT(group < world->groups);
    world->replicas[to][group].touched = true;
    raft_receive(world->replicas[to][group].raft, groups_time(world, to), message);
}

static inline void groups_arrive(struct groups_world *world, uint32_t from, uint32_t to)
{
    static struct raft_entry entries[RAFT_MESSAGE_ENTRIES_MAX];
    struct buffer *arrives = &world->links[from][to].arrives;
    while (arrives->size > 0) {
        struct peer_frame frame;
        struct raft_message message;
        size_t consumed = 0;
        ASSERT(peer_frame_decode(buffer_slice(arrives), &consumed, &frame) == PEER_DONE);
        struct reader reader = reader_of(frame.content);
        if (frame.type == PEER_RAFT) {
            ASSERT(peer_message_decode(frame.content, &message, entries));
            groups_hear(world, to, frame.group, &message);
        }
        while (frame.type == PEER_BEATS && reader.bytes.size > 0) {
            uint16_t group;
            ASSERT(peer_beat_decode(&reader, &group, &message));
            message.from = from;
            message.to = to;
            groups_hear(world, to, group, &message);
        }
        buffer_consume(arrives, consumed);
    }
}

static inline uint64_t groups_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void groups_turn(struct groups_world *world, uint32_t node)
{
    uint64_t begun_ns = groups_cpu_ns();
    struct raft_time now = groups_time(world, node);
    bool busy = false;
    for (uint32_t from = 1; from <= GROUPS_NODES; from++) groups_arrive(world, from, node);
    for (uint32_t i = 0; i < world->groups; i++) {
        struct group_replica *replica = &world->replicas[node][i];
        bool due = raft_deadline_us(replica->raft) <= now.mono_us;
        if (due) raft_tick(replica->raft, now);
        busy = busy || due || replica->touched;
        if (due || replica->touched) groups_take(world, node, (uint16_t)i);
        replica->touched = false;
    }
    for (uint32_t to = 1; to <= GROUPS_NODES; to++) {
        groups_send_beats(world, &world->links[node][to]);
    }
    if (busy) world->work_ns += groups_cpu_ns() - begun_ns;
}

static inline void groups_step(struct groups_world *world)
{
    world->now_us += GROUPS_STEP_US;
    for (uint32_t node = 1; node <= GROUPS_NODES; node++) groups_turn(world, node);
    for (uint32_t from = 1; from <= GROUPS_NODES; from++) {
        for (uint32_t to = 1; to <= GROUPS_NODES; to++) {
            struct groups_link *link = &world->links[from][to];
            if (!link->cut) buffer_append_slice(&link->arrives, buffer_slice(&link->sent));
            buffer_clear(&link->sent);
        }
    }
}

static inline void groups_run(struct groups_world *world, uint64_t us)
{
    for (uint64_t end_us = world->now_us + us; world->now_us < end_us;) groups_step(world);
}

/* From here on. */
static inline void groups_count(struct groups_world *world)
{
    for (uint32_t from = 1; from <= GROUPS_NODES; from++) {
        for (uint32_t to = 1; to <= GROUPS_NODES; to++) {
            struct groups_link *link = &world->links[from][to];
            link->beats_frames = link->beats_bytes = link->other_frames = 0;
        }
    }
    world->work_ns = 0;
}

/* Who leads and is followed by all; 0: nobody. */
static inline uint32_t groups_leader(const struct groups_world *world, uint32_t group)
{
    uint32_t leader = raft_leader(world->replicas[1][group].raft);
    for (uint32_t node = 1; node <= GROUPS_NODES; node++) {
        if (raft_leader(world->replicas[node][group].raft) != leader) return 0;
    }
    return leader;
}

static inline void groups_cut_off(struct groups_world *world, uint32_t node, bool cut)
{
    for (uint32_t other = 1; other <= GROUPS_NODES; other++) {
        world->links[node][other].cut = cut;
        world->links[other][node].cut = cut;
    }
}

#endif
