/* The simulated network. See network.h. */
#include "sim/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/network_ends.h"

enum {
    PACKET_BYTES_KEPT = 16 << 10, /* larger buffers are given back */
    REFUSED_US_MAX = 2000,
    CLOSE_RETRY_US = 2000,
};

/* --- packets --- */

static struct packet *packet_new(struct network *network, struct slice bytes)
{
    struct packet *packet;
    if (list_empty(&network->free_packets)) {
        packet = calloc(1, sizeof *packet);
        ASSERT(packet != NULL);
        list_init(&packet->link);
    } else {
        packet = LIST_ITEM(network->free_packets.next, struct packet, link);
        list_remove(&packet->link);
    }
    buffer_append_slice(&packet->bytes, bytes);
    return packet;
}

static void packet_free(struct network *network, struct packet *packet)
{
    list_remove(&packet->link);
    buffer_clear(&packet->bytes);
    if (packet->bytes.capacity > PACKET_BYTES_KEPT) buffer_free(&packet->bytes);
    list_append(&network->free_packets, &packet->link);
}

static uint64_t latency_us(struct network *network)
{
    uint64_t span = network->latency_us_max - network->latency_us_min + 1;
    return network->latency_us_min + random_below(&network->random, span);
}

static struct packet *end_packet(struct list *link)
{
    return LIST_ITEM(link, struct packet, link);
}

static bool end_cut_off(const struct network_end *end)
{
    return end->network->cut[end->other->place][end->place];
}

void network_end_drop(struct network *network, struct network_end *end)
{
    while (!list_empty(&end->arriving)) packet_free(network, end_packet(end->arriving.next));
    schedule_cancel(network->schedule, &end->arrival);
}

void network_end_expect(struct network *network, struct network_end *end)
{
    if (list_empty(&end->arriving) || end->deaf || end_cut_off(end)) {
        schedule_cancel(network->schedule, &end->arrival);
    } else {
        schedule_at(network->schedule, &end->arrival, end_packet(end->arriving.next)->at_us);
    }
}

/* Behind everything under way, or (overtaking) where its time puts it. */
static void end_dispatch(struct network *network, struct network_end *end, struct slice bytes,
                         uint64_t delay_us, bool overtaking)
{
    struct packet *packet = packet_new(network, bytes);
    packet->sent_us = network->schedule->now_us;
    packet->at_us = packet->sent_us + delay_us;
    packet->number = ++network->packets_count;
    packet->mark = 0;
    struct list *before = end->arriving.previous;
    while (overtaking && before != &end->arriving && end_packet(before)->at_us > packet->at_us) {
        before = before->previous;
    }
    if (before != &end->arriving && end_packet(before)->at_us > packet->at_us) {
        packet->at_us = end_packet(before)->at_us;
    }
    list_append(before->next, &packet->link);
    if (end->arriving.next == &packet->link) network_end_expect(network, end);
}

/* --- connections and their ends --- */

static void end_event(void *owner, struct timed *timed);
static void end_arrival(void *owner, struct timed *timed);

static void end_init(struct network *network, struct network_end *end, struct network_end *other)
{
    *end = (struct network_end){.other = other, .network = network};
    list_init(&end->link);
    list_init(&end->arriving);
    timed_init(&end->arrival, end_arrival, network);
    timed_init(&end->event, end_event, network);
}

static struct network_connection *connection_new(struct network *network)
{
    struct network_connection *connection = network->free_connections;
    if (connection == NULL) {
        connection = calloc(1, sizeof *connection);
        ASSERT(connection != NULL);
        connection->next_all = network->all_connections;
        network->all_connections = connection;
    } else {
        network->free_connections = connection->next_free;
    }
    end_init(network, &connection->ends[0], &connection->ends[1]);
    end_init(network, &connection->ends[1], &connection->ends[0]);
    return connection;
}

/* Both ends are over: the connection may be used again. */
static void connection_reclaim(struct network *network, struct network_end *end)
{
    if (end->state == END_OPEN || end->state == END_DIALING) return;
    if (end->other->state == END_OPEN || end->other->state == END_DIALING) return;
    if (end->state == END_FREE && end->other->state == END_FREE) return;
    struct network_end *first = end < end->other ? end : end->other;
    struct network_connection *connection = LIST_ITEM(first, struct network_connection, ends[0]);
    end->state = END_FREE;
    end->other->state = END_FREE;
    connection->next_free = network->free_connections;
    network->free_connections = connection;
}

static void end_finish(struct network *network, struct network_end *end)
{
    while (!list_empty(&end->arriving)) packet_free(network, end_packet(end->arriving.next));
    schedule_cancel(network->schedule, &end->arrival);
    schedule_cancel(network->schedule, &end->event);
    list_remove(&end->link);
    end->state = END_CLOSED;
    connection_reclaim(network, end);
}

static struct network_end *end_find(struct network *network, uint32_t place, uint32_t number)
{
    struct list *ends = &network->ends[place];
    for (struct list *at = ends->next; at != ends; at = at->next) {
        struct network_end *end = LIST_ITEM(at, struct network_end, link);
        if (end->number == number) return end;
    }
    return NULL;
}

void network_end_close_at(struct network *network, struct network_end *end, uint64_t at_us,
                          bool orderly)
{
    if (end->state != END_OPEN) return;
    if (timed_pending(&end->event) && timed_at_us(network->schedule, &end->event) <= at_us) return;
    end->orderly = orderly;
    schedule_at(network->schedule, &end->event, at_us);
}

static void end_answer_dial(struct network *network, struct network_end *end)
{
    struct network_end *other = end->other;
    uint32_t accepted = 0;
    bool cut = network->cut[end->place][other->place] || network->cut[other->place][end->place];
    if (!cut && !network->refusing[other->place]) {
        accepted = network->sink->accept(network->world, other->place, end->peer);
    }
    uint32_t place = end->place;
    uint32_t number = end->number;
    bool peer = end->peer;
    if (accepted == 0) {
        network->counts_refused++;
        network->sink->narrate(network->world, "refused", place, other->place, 0);
        other->state = END_CLOSED;
        end_finish(network, end);
        network->sink->connect_failed(network->world, place, number);
        return;
    }
    end->state = END_OPEN;
    other->state = END_OPEN;
    other->number = accepted;
    list_append(&network->ends[other->place], &other->link);
    uint32_t other_place = other->place;
    network->sink->opened(network->world, other_place, accepted, peer);
    /* The accepter may have crashed on it, or the dialer. */
    end = end_find(network, place, number);
    if (end != NULL) network->sink->opened(network->world, place, number, peer);
}

/* A dial's answer, or the time to say closed(). */
static void end_event(void *owner, struct timed *timed)
{
    struct network *network = owner;
    struct network_end *end = LIST_ITEM(timed, struct network_end, event);
    uint64_t busy_us = network->sink->busy_until_us(network->world, end->place);
    if (busy_us == 0 && end->state == END_DIALING) {
        busy_us = network->sink->busy_until_us(network->world, end->other->place);
    }
    if (busy_us == 0 && end->state == END_OPEN && end->orderly &&
        (end_cut_off(end) || !list_empty(&end->arriving))) {
        busy_us = network->schedule->now_us + CLOSE_RETRY_US;
    }
    if (busy_us != 0) {
        schedule_at(network->schedule, timed, busy_us);
        return;
    }
    if (end->state == END_DIALING) {
        end_answer_dial(network, end);
        return;
    }
    uint32_t place = end->place;
    uint32_t number = end->number;
    end_finish(network, end);
    network->sink->closed(network->world, place, number);
}

static void end_arrival(void *owner, struct timed *timed)
{
    struct network *network = owner;
    struct network_end *end = LIST_ITEM(timed, struct network_end, arrival);
    uint64_t busy_us = network->sink->busy_until_us(network->world, end->place);
    if (busy_us != 0) {
        schedule_at(network->schedule, timed, busy_us);
        return;
    }
    struct packet *packet = end_packet(end->arriving.next);
    list_remove(&packet->link);
    network_end_expect(network, end);
    if (!end->closing) {
        network->sink->received(network->world, end->place, end->number,
                                buffer_slice(&packet->bytes));
    }
    packet_free(network, packet);
}

/* --- what places do --- */

void network_init(struct network *network, struct schedule *schedule,
                  const struct network_sink *sink, void *world, uint64_t seed)
{
    *network = (struct network){
        .schedule = schedule,
        .sink = sink,
        .world = world,
        .random = random_seeded(seed),
        .latency_us_min = 50,
        .latency_us_max = 300,
        .unreachable_us = 250000,
    };
    for (uint32_t i = 0; i < NETWORK_PLACES_MAX; i++) list_init(&network->ends[i]);
    list_init(&network->free_packets);
}

void network_free(struct network *network)
{
    struct network_connection *connection = network->all_connections;
    while (connection != NULL) {
        struct network_connection *next = connection->next_all;
        for (int i = 0; i < 2; i++) {
            struct list *arriving = &connection->ends[i].arriving;
            while (!list_empty(arriving)) packet_free(network, end_packet(arriving->next));
        }
        free(connection);
        connection = next;
    }
    while (!list_empty(&network->free_packets)) {
        struct packet *packet = end_packet(network->free_packets.next);
        list_remove(&packet->link);
        buffer_free(&packet->bytes);
        free(packet);
    }
}

void network_dial(struct network *network, uint32_t from, uint32_t number, uint32_t to, bool peer)
{
    struct network_connection *connection = connection_new(network);
    struct network_end *end = &connection->ends[0];
    end->state = END_DIALING;
    end->place = from;
    end->number = number;
    end->peer = peer;
    end->other->state = END_CLOSED;
    end->other->place = to;
    end->other->peer = peer;
    list_append(&network->ends[from], &end->link);
    bool cut = network->cut[from][to] || network->cut[to][from];
    uint64_t delay_us = cut                     ? network->unreachable_us
                        : network->refusing[to] ? random_below(&network->random, REFUSED_US_MAX)
                                                : 2 * latency_us(network);
    schedule_at(network->schedule, &end->event, network->schedule->now_us + delay_us);
}

/* Sends one frame through the storm. */
static void send_stormy(struct network *network, struct network_end *to, struct slice frame)
{
    const struct network_storm *storm = &network->storm;
    uint32_t from = to->other->place;
    if (network_chance(network, storm->lost)) {
        network->counts_lost++;
        network->sink->narrate(network->world, "lost", from, to->place, frame.size);
        return;
    }
    uint64_t delay_us = latency_us(network);
    if (network_chance(network, storm->delayed)) {
        network->counts_delayed++;
        delay_us += random_below(&network->random, storm->delay_us_max + 1);
    }
    bool overtaking = network_chance(network, storm->reordered);
    if (overtaking) {
        network->counts_reordered++;
        delay_us += random_below(&network->random, storm->delay_us_max / 4 + 1000);
        network->sink->narrate(network->world, "reordered", from, to->place, frame.size);
    }
    end_dispatch(network, to, frame, delay_us, overtaking);
    if (network_chance(network, storm->duplicated)) {
        network->counts_duplicated++;
        network->sink->narrate(network->world, "duplicated", from, to->place, frame.size);
        end_dispatch(network, to, frame, latency_us(network), overtaking);
    }
}

/* The first frame of `bytes`; all of them when they do not begin with a whole frame. */
static size_t frame_size(struct slice bytes)
{
    if (bytes.size < 4) return bytes.size;
    uint32_t size = load_u32(bytes.data);
    return size < 4 || size > NETWORK_FRAME_MAX || size > bytes.size ? bytes.size : size;
}

static void send_frames(struct network *network, struct network_end *to, struct slice bytes)
{
    while (bytes.size > 0) {
        size_t size = frame_size(bytes);
        send_stormy(network, to, slice_of(bytes.data, size));
        bytes.data += size;
        bytes.size -= size;
    }
}

/* A client's bytes: cut anywhere, or joined with those that are under way. */
static void send_stream(struct network *network, struct network_end *to, struct slice bytes)
{
    if (!list_empty(&to->arriving) && network_chance(network, network->split_permille)) {
        buffer_append_slice(&end_packet(to->arriving.previous)->bytes, bytes);
        return;
    }
    while (bytes.size > 1 && network_chance(network, network->split_permille)) {
        size_t size = 1 + random_below(&network->random, bytes.size - 1);
        end_dispatch(network, to, slice_of(bytes.data, size), latency_us(network), false);
        bytes.data += size;
        bytes.size -= size;
    }
    end_dispatch(network, to, bytes, latency_us(network), false);
}

void network_send(struct network *network, uint32_t place, uint32_t number, struct slice bytes)
{
    struct network_end *from = end_find(network, place, number);
    if (from == NULL || from->state != END_OPEN || from->closing || bytes.size == 0) return;
    struct network_end *to = from->other;
    if (network->clogged[place][to->place]) {
        from->unsent += bytes.size;
    } else {
        network->sink->sent(network->world, place, number, bytes.size);
    }
    if (to->state != END_OPEN || from->dead) return;
    if (!from->peer) {
        send_stream(network, to, bytes);
    } else if (network->stormy) {
        send_frames(network, to, bytes);
    } else {
        end_dispatch(network, to, bytes, latency_us(network), false);
    }
}

void network_close(struct network *network, uint32_t place, uint32_t number)
{
    struct network_end *end = end_find(network, place, number);
    if (end == NULL || end->closing) return;
    if (end->state == END_DIALING) {
        /* The answer to a dial that nobody waits for any more is a closed(). */
        end->state = END_OPEN;
    }
    end->closing = true;
    uint64_t now_us = network->schedule->now_us;
    network_end_close_at(network, end, now_us + random_below(&network->random, 100), false);
    if (!end->dead) network_end_close_at(network, end->other, now_us + latency_us(network), true);
}

void network_read(struct network *network, uint32_t place, uint32_t number, bool on)
{
    struct network_end *end = end_find(network, place, number);
    if (end == NULL) return;
    end->deaf = !on;
    network_end_expect(network, end);
}

bool network_connected(struct network *network, uint32_t place, uint32_t number)
{
    const struct network_end *end = end_find(network, place, number);
    if (end == NULL || end->state != END_OPEN || end->closing) return false;
    return end->other->state == END_OPEN && !end->other->closing;
}

static void end_each_under_way(const struct network_end *end,
                               void (*visit)(void *, const struct network_glance *), void *context)
{
    for (const struct list *at = end->arriving.next; at != &end->arriving; at = at->next) {
        struct packet *packet = LIST_ITEM(at, struct packet, link);
        struct network_glance glance = {.number = packet->number,
                                        .from = end->other->place,
                                        .to = end->place,
                                        .peer = end->peer,
                                        .held = end->deaf || end_cut_off(end),
                                        .sent_us = packet->sent_us,
                                        .due_us = packet->at_us,
                                        .mark = &packet->mark,
                                        .bytes = buffer_slice(&packet->bytes)};
        visit(context, &glance);
    }
}

void network_each_under_way(const struct network *network,
                            void (*visit)(void *context, const struct network_glance *glance),
                            void *context)
{
    for (uint32_t place = 0; place < NETWORK_PLACES_MAX; place++) {
        const struct list *ends = &network->ends[place];
        for (const struct list *at = ends->next; at != ends; at = at->next) {
            end_each_under_way(LIST_ITEM(at, struct network_end, link), visit, context);
        }
    }
}

void network_place_gone(struct network *network, uint32_t place)
{
    struct list *ends = &network->ends[place];
    while (!list_empty(ends)) {
        struct network_end *end = LIST_ITEM(ends->next, struct network_end, link);
        uint64_t after_us = latency_us(network);
        if (!end->dead) {
            network_end_close_at(network, end->other, network->schedule->now_us + after_us, true);
        }
        end_finish(network, end);
    }
}
