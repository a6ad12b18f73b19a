/* What the network tells a place: a host, or a client behind the hosts. See network.h. */
#include "sim/world.h"

enum {
    SENT_SOON_BYTES = 16384, /* so much sent is worth telling the node at once */
};

static struct host *place_host(void *world, uint32_t place)
{
    struct world *w = world;
    return place < w->hosts_count ? &w->hosts[place] : NULL;
}

static const struct sim_system *sink_system(const void *world)
{
    return ((const struct world *)world)->system;
}

static uint32_t sink_client(const void *world, uint32_t place)
{
    return place - ((const struct world *)world)->hosts_count;
}

static uint64_t sink_busy_until_us(void *world, uint32_t place)
{
    const struct host *host = place_host(world, place);
    if (host == NULL || host->paused_until_us <= world_now_us(world)) return 0;
    return host->paused_until_us;
}

static uint32_t sink_accept(void *world, uint32_t place, bool peer)
{
    (void)peer;
    struct host *host = place_host(world, place);
    return host == NULL || host->node == NULL ? 0 : host->next_number++;
}

static void sink_opened(void *world, uint32_t place, uint32_t number, bool peer)
{
    struct host *host = place_host(world, place);
    if (host == NULL) {
        sink_system(world)->opened(world, sink_client(world, place));
        return;
    }
    struct event event = {
        .type = EVENT_OPENED, .connection = number, .listener = peer ? NODE_PEER : NODE_CLIENT};
    sim_host_step(host, &event);
}

static void sink_connect_failed(void *world, uint32_t place, uint32_t number)
{
    struct host *host = place_host(world, place);
    if (host == NULL) {
        sink_system(world)->closed(world, sink_client(world, place));
        return;
    }
    struct event event = {.type = EVENT_CONNECT_FAILED, .connection = number};
    sim_host_step(host, &event);
}

static void sink_received(void *world, uint32_t place, uint32_t number, struct slice bytes)
{
    struct host *host = place_host(world, place);
    if (host == NULL) {
        sink_system(world)->received(world, sink_client(world, place), bytes);
        return;
    }
    world_mark(world, bytes.size);
    promises_received(world, host, bytes);
    struct event event = {.type = EVENT_RECEIVED, .connection = number, .bytes = bytes};
    sim_host_step(host, &event);
    promises_taken(world, host);
}

/* Told to the node before its next step: in the real world too it is told late. */
static void sink_sent(void *world, uint32_t place, uint32_t number, size_t count)
{
    struct host *host = place_host(world, place);
    if (host == NULL || host->node == NULL) return;
    uint32_t i = 0;
    while (i < host->sent_count && host->sent[i].number != number) i++;
    if (i == HOST_SENT_MAX) {
        world_fail(world, "limit", "more than %u connections sent in one turn", HOST_SENT_MAX);
        return;
    }
    if (i == host->sent_count) {
        host->sent_count++;
        host->sent[i].number = number;
        host->sent[i].count = 0;
    }
    host->sent[i].count += count;
    if (host->sent[i].count >= SENT_SOON_BYTES) host->sent_matters = true;
}

static void sink_closed(void *world, uint32_t place, uint32_t number)
{
    struct host *host = place_host(world, place);
    if (host == NULL) {
        sink_system(world)->closed(world, sink_client(world, place));
        return;
    }
    struct event event = {.type = EVENT_CLOSED, .connection = number};
    sim_host_step(host, &event);
}

static void sink_narrate(void *world, const char *what, uint32_t from, uint32_t to, size_t size)
{
    world_narrate(world, "network", 0, "%s from=%u to=%u bytes=%U", what, from + 1, to + 1,
                  (uint64_t)size);
}

const struct network_sink sim_host_sink = {
    .busy_until_us = sink_busy_until_us,
    .accept = sink_accept,
    .opened = sink_opened,
    .connect_failed = sink_connect_failed,
    .received = sink_received,
    .sent = sink_sent,
    .closed = sink_closed,
    .narrate = sink_narrate,
};
